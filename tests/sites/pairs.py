# SPDX-License-Identifier: ISC
"""A site and a form: the lines, what came of them, and what was expected."""

import re

import bed
import compare
import tap


def run(site_bed, site):
    """{form: {"outcome", "differences", "said"}}"""
    site_bed.configure(site)
    before = site_bed.observe(site, False)
    # A site where nothing is forwarded would prove nothing.
    if not any(outcome.startswith("said") for outcome, _ in
               site.expect.values()):
        tap.true(before[0]["virtual"].deliveries,
                 f"a forward at a site without SRS: {before}")
    return {form: run_form(site_bed, site, form, before) for form in bed.FORMS}


def run_form(site_bed, site, form, before):
    site_bed.configure(site)
    status, main_cf, said = site_bed.lines(form, "--main")
    _, master_cf, _ = site_bed.lines(form, "--master")
    site_bed.configure(site, main_cf, master_cf)
    after = site_bed.observe(site, True)
    found = compare.differences(site_bed, before, after)
    if site.away:
        found += site_bed.without_daemon(site, form, main_cf, master_cf)
    outcome = compare.kind(found)
    if outcome == compare.BROKEN and said:
        outcome = compare.REFUSED
    return {"outcome": outcome, "status": status, "said": said,
            "differences": [text for _, text in found],
            "log": after[2][-8:] if found else [], "main": main_cf}


def problems(site, form, pair):
    """What is wrong with the outcome of a pair, for the report."""
    outcome, reason = site.expect.get(form, (compare.RIGHT, ""))
    word, _, said = outcome.partition(" ")
    evidence = pair["differences"] + [f"expected: {outcome} {reason}"] + \
        [f"setup: {line}" for line in pair["said"].splitlines()] + pair["log"]
    if word == "said":
        good = pair["outcome"] == compare.REFUSED and \
            re.search(said, pair["said"])
    elif word == "slight":
        good = pair["outcome"] == compare.SLIGHT
    else:
        good = pair["outcome"] == compare.RIGHT
    return [] if good else evidence


class Summary:
    """How many pairs came out how, for each form."""

    def __init__(self):
        self.counts = {form: dict.fromkeys(
            (compare.RIGHT, compare.SLIGHT, compare.REFUSED, compare.BROKEN), 0)
            for form in bed.FORMS}

    def add(self, form, pair):
        self.counts[form][pair["outcome"]] += 1

    def show(self):
        columns = list(next(iter(self.counts.values())))
        tap.diagnose(f"{'':18}" + "".join(f"{c:>20}" for c in columns))
        for form, counts in self.counts.items():
            tap.diagnose(f"{bed.FORMS[form]:18}" +
                         "".join(f"{counts[c]:20}" for c in columns))

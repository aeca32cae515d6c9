# SPDX-License-Identifier: ISC
"""
Pairs of a site and a form: what came of them, and what was expected; and a test
program that runs those of a table, several at a time.
"""

import os
import re
import traceback

import compare
import table
import tap
import workers
import world

OUTCOMES = (compare.RIGHT, compare.SLIGHT, compare.REFUSED, compare.BROKEN)


def result(found, said, status, log):
    """
    What a pair came to: found, as Comparison.differences(); said, by mailfrom setup
    or m4, and status, whether that was an error.
    """
    outcome = compare.kind(found)
    if outcome != compare.RIGHT and status != 0:
        outcome = compare.REFUSED
    return {"outcome": outcome, "status": status, "said": said,
            "differences": [text for _, text in found],
            "log": log[-8:] if found else []}


def problems(site, form, pair):
    """What is wrong with the outcome of a pair, for the report."""
    outcome, reason = site.expect.get(form, (compare.RIGHT, ""))
    word, _, said = outcome.partition(" ")
    if word == "said":
        good = pair["outcome"] == compare.REFUSED and \
            re.search(re.escape(said), pair["said"])
    elif word == "slight":
        good = pair["outcome"] == compare.SLIGHT
    else:
        # Nor may anybody be told that what is right can't be had.
        good = pair["outcome"] == compare.RIGHT and pair["status"] == 0
    if good:
        return []
    return [f"expected: {outcome} {reason}", *pair["differences"],
            *(f"said: {line}" for line in pair["said"].splitlines()),
            *pair["log"]]


class Summary:
    """How many pairs came out how, for each form."""

    def __init__(self, forms):
        self.forms = forms
        self.counts = {form: dict.fromkeys(OUTCOMES, 0) for form in forms}

    def show(self):
        tap.diagnose(f"{'':16}" + "".join(f"{o:>19}" for o in OUTCOMES))
        for form, counts in self.counts.items():
            tap.diagnose(f"{self.forms[form]:16}" +
                         "".join(f"{counts[o]:19}" for o in OUTCOMES))


def main(sites, forms, peers, new_bed, run):
    """
    Run the sites that are asked for: run(bed, site) returns {form: result()}.  The
    exit status.
    """
    sites = table.chosen(sites)
    if workers.am_worker():
        return work(sites, new_bed(), run)
    reason = world.missing(peers)
    if reason:
        return tap.cannot_run(reason)
    report, summary, done = tap.Report(), Summary(forms), set()

    def take(answer):
        site = sites[answer["number"]]
        done.add(site.name)
        if "error" in answer:
            report.test(site.name, [answer["error"]])
            return
        for form in forms:
            pair = answer[form]
            report.test(f"{form}: {site.name}: {pair['outcome']}",
                        problems(site, form, pair))
            summary.counts[form][pair["outcome"]] += 1
    statuses = workers.run(len(sites), int(os.environ.get("JOBS", "2")), take)
    missing = [site.name for site in sites if site.name not in done]
    report.test("each was tried", missing + [s for s in statuses if s])
    summary.show()
    return report.end()


def work(sites, bed, run):
    for number in workers.jobs():
        try:
            answer = run(bed, sites[number])
        except Exception:
            answer = {"error": traceback.format_exc() +
                      "\n".join(bed.place.recent_log())}
            bed.recover()
        workers.report({"number": number, **answer})
    return 0

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
Every setting of settings.txt with the lines that `mailfrom setup` prints for that
site, for both forms with a second pass: a dozen messages through a real Postfix
must do what they do without SRS, but for the senders of what is forwarded.

Without arguments, the settings that once broke; with "soak:", all.
"""

import sys

import bed
import compare
import pairs
import settings
import tap


def run(site_bed, site):
    site_bed.configure(site)
    before = site_bed.observe(site, False)
    tap.true(before[1] or site.stays, f"an empty queue without SRS: {before[2]}")
    # A site where nothing is forwarded would prove nothing.
    if not any(said.startswith("said") for said, _ in site.expect.values()):
        tap.true(before[0]["virtual"].deliveries,
                 f"a forward at a site without SRS: {before}")
    return {form: run_form(site_bed, site, form, before) for form in bed.FORMS}


def run_form(site_bed, site, form, before):
    setup = site_bed.add_lines(site, form)
    after = site_bed.observe(site, True)
    found = compare.Comparison(
        site_bed, compare.FORWARDED + site.forwards).differences(before, after)
    if site.away:
        found += [(True, text) for text in site_bed.without_daemon(form)]
    return pairs.result(found, setup.stderr, setup.returncode, after[2])


if __name__ == "__main__":
    sys.exit(pairs.main(settings.read(), bed.FORMS, bed.PEERS, bed.Bed, run))

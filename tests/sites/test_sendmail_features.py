#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
Every feature of features.txt beside our m4 and beside srsmilter, with the lines that
`mailfrom setup` prints: a dozen messages through a real sendmail must do what they
do without SRS, but for the senders of what is forwarded.

Without arguments, some of the features; with "soak:", all.
"""

import sys

import compare
import features
import pairs
import sendmail_bed
import tap


def comparison(bed, site, form):
    always = site.srs.get(form, [])
    if form == "ruleset":
        return compare.Comparison(bed, compare.FORWARDED, always)
    # What DEPLOYMENT.md says of srsmilter in sendmail: aliases are expanded after
    # it, a message has one sender, and reports of sendmail pass no filter.
    return compare.Comparison(bed, ["virtual", "both", "@"], always, ["both"],
                              ["rejected"])


def run(bed, site):
    before = bed.observe(site)
    tap.true(before[1], f"an empty queue without SRS: {before[2]}")
    if not site.expect:
        tap.true(before[0]["virtual"].deliveries,
                 f"a forward at a site without SRS: {before}")
    return {form: run_form(bed, site, form, before)
            for form in sendmail_bed.FORMS}


def run_form(bed, site, form, before):
    try:
        after = bed.observe(site, form)
    except sendmail_bed.M4Error as error:
        return pairs.result([(True, "no sendmail.cf")], str(error), 1, [])
    found = comparison(bed, site, form).differences(before, after)
    return pairs.result(found, "", 0, after[2])


if __name__ == "__main__":
    sys.exit(pairs.main(features.read(), sendmail_bed.FORMS, sendmail_bed.PEERS,
                        sendmail_bed.Bed, run))

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
Every setting of settings.txt with the lines that `mailfrom setup` prints for that
site, for both forms with a second pass: a dozen messages through a real Postfix
must do what they do without SRS, but for the senders of what is forwarded.

Without arguments, the settings that once broke; with "soak:", all.
"""

import os
import sys
import traceback

import bed
import compare
import pairs
import settings
import tap
import workers
import world


def chosen():
    words = [word for word in sys.argv[1:] if word != "soak:"]
    every = settings.read()
    if words:
        return [s for s in every if all(word in s.name for word in words)]
    return every if "soak:" in sys.argv else [s for s in every if s.quick]


def work(sites):
    site_bed = bed.Bed()
    for number in workers.jobs():
        try:
            result = pairs.run(site_bed, sites[number])
        except Exception:
            result = {"error": traceback.format_exc() + "\n".join(
                site_bed.place.recent_log())}
            site_bed.recover()
        workers.report({"number": number, **result})


def main():
    sites = chosen()
    if workers.am_worker():
        return work(sites)
    reason = world.missing(bed.PEERS)
    if reason:
        return tap.cannot_run(reason)
    report, summary = tap.Report(), pairs.Summary()

    def done(result):
        site = sites[result["number"]]
        if "error" in result:
            report.test(site.name, [result["error"]])
            return
        for form in bed.FORMS:
            pair = result[form]
            report.test(f"{form}: {site.name}: {pair['outcome']}",
                        pairs.problems(site, form, pair))
            summary.add(form, pair)
    statuses = workers.run(len(sites), int(os.environ.get("JOBS", "2")), done)
    tested = report.number
    report.test("all settings were tried", [] if tested >= len(sites) and
                not any(statuses) else [f"{tested} results, {statuses}"])
    summary.show()
    return report.end()


if __name__ == "__main__":
    sys.exit(main())

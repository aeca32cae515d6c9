#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""mailfrom doctor: spfmilter leaves RRS addresses to a srsmilter that follows."""

import json
import os
import sys
import tempfile

import places
import tap

MAILFROM = places.program("mailfrom")
SPF, SRS = "inet:127.0.0.1:10006", "inet:127.0.0.1:10007"
OWN = """\
[srs]
secret_file = DIR/secret
fwdomain = fwd.example
own_domains = our.example
{srs}
[srsmilter]
listen = inet:10007@127.0.0.1
rewrite = none
[spfmilter]
listen = inet:10006@127.0.0.1
{spfmilter}
"""
RRS, LEFT = "rrs_secret_file = DIR/secret", "rrs = yes"
TABLE = "virtual_alias_maps = static:somebody\n"
MASTER = """\
smtp      inet  n       -       n       -       -       smtpd
{more}
submission inet n       -       n       -       -       smtpd
cleanup   unix  n       -       n       -       0       cleanup
"""
CF = """\
O InputMailFilters={order}
Xspfmilter, S=inet:10006@127.0.0.1, F=T, T=C:5s;S:30s;R:30s;E:5m
Xsrsmilter, S=inet:10007@127.0.0.1, F=T, T=C:5s;S:30s;R:30s;E:5m
{maps}
"""

suite = tap.Suite()
case = suite.case


class Site:
    def __init__(self, directory):
        self.directory = directory

    def doctor(self, own, *options, **files):
        for name, text in {"mailfrom.conf": own, "secret": "s" * 30 + "\n",
                           **files}.items():
            path = os.path.join(self.directory, name.replace("_cf", ".cf"))
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.replace("DIR", self.directory))
            os.chmod(path, 0o600)
        done = places.run(
            MAILFROM, "doctor", "-c", os.path.join(self.directory, "mailfrom.conf"),
            "--offline", "--json", *options,
            env={"PATH": "/nonexistent"})
        if not done.stdout:
            raise AssertionError(done.stderr)
        return [(f["status"], f.get("why")) for f in json.loads(done.stdout)["checks"]
                if f["check"] in ("rrs", "sendmail-rrs")]

    def postfix(self, milters, srs=RRS, spfmilter=LEFT, more="", main=TABLE):
        return self.doctor(
            OWN.format(srs=srs, spfmilter=spfmilter), "--config-dir", self.directory,
            main_cf=f"mail_owner = news\nsmtpd_milters = {milters}\n{main}",
            master_cf=MASTER.format(more=more))

    def sendmail(self, order, srs=RRS, spfmilter=LEFT,
                 maps="Kmailfrom_rrs regex -a<RRS> ^rrs="):
        path = os.path.join(self.directory, "sendmail.cf")
        return self.doctor(
            OWN.format(srs=srs, spfmilter=spfmilter), "--sendmail-cf", path, sendmail_cf=CF.format(order=order, maps=maps))


@case("Postfix: srsmilter after spfmilter, or it fails; without rrs nothing is said")
def postfix(site):
    for milters, more, wanted in (
            (f"{SPF}, {SRS}", "", ["ok"]),
            (f"{SPF}, inet:127.0.0.1:1, {{ {SRS}, protocol=6 }}", "", ["ok"]),
            (f"{SRS}, {SPF}", "", ["fail"]),
            (SPF, "", ["fail"]),
            (f"{SPF}, {SRS}", f"  -o smtpd_milters={SPF}", ["fail"]),
            (SRS, "", ["ok"]),
            # As a policy service it is in another list.
            ("", "", ["fail"])):
        found = site.postfix(milters, more=more)
        tap.equal([status for status, _ in found], wanted, milters + more)
        if wanted == ["fail"] and "gets past the SPF check" not in found[0][1]:
            raise AssertionError(found)
    tap.equal(site.postfix(f"{SRS}, {SPF}", srs="", spfmilter=""), [])
    # Nothing is left to it, so the order is of no account.
    tap.equal([s for s, _ in site.postfix("", spfmilter="")], ["warn"])
    tap.equal([s for s, _ in site.postfix(f"{SRS}, {SPF}", spfmilter="")], ["ok"])


@case("Postfix: no key, and a Postfix that doesn't take such addresses")
def postfix_more(site):
    tap.equal([s for s, _ in site.postfix(f"{SPF}, {SRS}", srs="")], ["fail"])
    tap.equal([s for s, _ in site.postfix(f"{SPF}, {SRS}", main="")], ["warn"])


@case("sendmail: the same")
def sendmail(site):
    for order, options, wanted in (
            ("spfmilter, srsmilter", {}, ["ok"]),
            ("srsmilter, spfmilter", {}, ["fail"]),
            ("spfmilter", {}, ["fail"]),
            ("spfmilter, srsmilter", {"srs": ""}, ["fail"]),
            ("spfmilter, srsmilter", {"maps": ""}, ["warn"]),
            ("srsmilter, spfmilter", {"srs": "", "spfmilter": ""}, [])):
        tap.equal([s for s, _ in site.sendmail(order, **options)], wanted,
                  f"{order} {options}")


def main():
    with tempfile.TemporaryDirectory() as directory:
        return suite.run(Site(directory))


if __name__ == "__main__":
    sys.exit(main())

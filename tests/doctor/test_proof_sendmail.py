#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
mailfrom doctor beside a running sendmail, with the ruleset and with srsmilter:
silent about what is right, and about each thing that is wrong it says which.
"""

import contextlib
import json
import os
import re
import subprocess
import sys

import places
import sendmail
import srsd
import srsmilter
import tap
import world

MAILFROM = places.program("mailfrom")
PEERS = ["sendmail"]
DOMAIN, SRS_DOMAIN = "fwd.test", "srs.fwd.test"
SRSMILTER = """
[srsmilter]
listen = inet:10007@127.0.0.1
rewrite = {rewrite}
user = mailfrom
"""
SPFMILTER = "[spfmilter]\nlisten = inet:10006@127.0.0.1\n"
SPF_LINE = "INPUT_MAIL_FILTER(`spfmilter', `S=inet:10006@127.0.0.1, F=T, " \
    "T=C:5s;S:30s;R:30s;E:5m')dnl\n"
OTHER_LINE = "INPUT_MAIL_FILTER(`other', `S=inet:10099@127.0.0.1')dnl\n"

suite = tap.Suite()
case = suite.case
world.DOMAINS.update({SRS_DOMAIN: world.FORWARDER})


class Site:
    """srsd and srsmilter, and a sendmail that is started anew for each form."""

    def __init__(self, place):
        self.place, self.number = place, 0
        self.srsd = srsd.Srsd(place, DOMAIN, own=f"{DOMAIN}, mx.{DOMAIN}")
        self.srsd.start()
        self.with_srsd = self.srsd.config
        self.with_filter = self.configuration("filter", SRSMILTER.format(
            rewrite="remote_mailer"))
        self.filter = srsmilter.Srsmilter(
            place.make_dir("run", "srsmilter", owner="mailfrom"),
            config=self.with_filter).start()

    def configuration(self, name, more, domain=SRS_DOMAIN):
        """mailfrom.conf without [srsd], for that SRS domain."""
        with open(self.srsd.config, encoding="utf-8") as file:
            text = file.read()
        text = text[:text.index("[srsd]")] + more + text[text.index("[log]"):]
        return self.place.write("run", f"{name}.conf", text=text.replace(
            f"fwdomain = {DOMAIN}", f"fwdomain = {domain}"))

    def filter_lines(self):
        """What mailfrom setup prints for sendmail.mc."""
        return self.setup("sendmail-milter", "--mc", self.with_filter)

    def setup(self, form, part, config):
        done = subprocess.run([MAILFROM, "setup", form, "-c", config, part],
                              text=True, capture_output=True, check=False)
        if done.returncode:
            raise AssertionError(done.stderr)
        return done.stdout

    @contextlib.contextmanager
    def running(self, form, srs=None, features="", cf=lambda text: text,
                virtusers=f"@{SRS_DOMAIN}\tsrs-bounce\n"):
        self.number += 1
        if srs is None:
            srs = sendmail.srs_lines("inet:10003@127.0.0.1") \
                if form == "sendmail" else "MAILER(`smtp')dnl\n"
        if form == "sendmail-milter":
            features = self.filter_lines() + features
        mta = sendmail.Sendmail(
            self.place, f"sm{self.number}", DOMAIN, world.FORWARDER, srs,
            aliases="srs-bounce: postmaster\n",
            tables={"virtusertable": virtusers}, features=features)
        # The doctor reads the text of the table.
        mta.config_file("virtusertable", virtusers)
        with open(mta.cf, encoding="utf-8") as file:
            text = file.read()
        mta.config_file("sendmail.cf", cf(text))
        mta.start()
        try:
            yield mta
        finally:
            mta.stop()

    def doctor(self, config, mta, *options):
        done = places.run(
            MAILFROM, "doctor", "-c", config, "--sendmail-cf", mta.cf,
            "--json", "--no-dns", "--smtp", f"{world.FORWARDER}:25", *options,
            env={"PATH": "/usr/bin:/bin"})
        if not done.stdout:
            raise AssertionError(f"no output: {done.stderr}")
        found = {}
        for finding in json.loads(done.stdout)["checks"]:
            found.setdefault(finding["check"], []).append(finding)
        return done.returncode, found


def wrong(found):
    return {name: [f for f in findings if f["status"] != "ok"]
            for name, findings in found.items()
            if any(f["status"] != "ok" for f in findings)}


def expect(answer, *checks, words=""):
    """Fail unless exactly these checks have something to say, with words."""
    status, found = answer
    said = wrong(found)
    tap.equal(sorted(said), sorted(checks), f"what is wrong: {said}")
    fails = any(f["status"] == "fail" for fs in said.values() for f in fs)
    tap.equal(status, 1 if fails else 0, "exit status")
    if words not in json.dumps(said):
        raise AssertionError(f"{words!r} isn't in {said}")
    return found


@case("right: the ruleset")
def ruleset(site):
    with site.running("sendmail") as mta:
        found = expect(site.doctor(site.with_srsd, mta))
        for name in ("sendmail-form", "sendmail-maps", "sendmail-outage",
                     "sendmail-class", "srsd-proof", "smtp-proof"):
            if name not in found:
                raise AssertionError(f"{name} wasn't checked: {found}")
        tap.equal(mta.queue(), {}, "the queue")


@case("right: srsmilter")
def with_filter(site):
    with site.running("sendmail-milter") as mta:
        found = expect(site.doctor(site.with_filter, mta))
        for name in "sendmail-filters", "srsmilter-proof", "smtp-proof":
            if name not in found:
                raise AssertionError(f"{name} wasn't checked: {found}")


@case("right: what else a site's sendmail.mc has")
def others(site):
    for features in ("FEATURE(`delay_checks')dnl\n", OTHER_LINE,
                     "define(`SMART_HOST', `relay.test')dnl\n",
                     "LOCAL_DOMAIN(`more.test')dnl\n"
                     "MASQUERADE_AS(`fwd.test')dnl\n"):
        with site.running("sendmail", features=features) as mta:
            expect(site.doctor(site.with_srsd, mta))


@case("wrong: srsd, or srsmilter, is down")
def down(site):
    with site.running("sendmail") as mta, srsd.Outage(site.srsd, "DOWN"):
        found = expect(site.doctor(site.with_srsd, mta), "daemon-answers",
                       "smtp-proof", words="systemctl restart srsd")
        if not re.search(" 4[25]1 ", found["smtp-proof"][0]["read"]):
            raise AssertionError(found["smtp-proof"])
    with site.running("sendmail-milter") as mta:
        site.filter.stop()
        try:
            expect(site.doctor(site.with_filter, mta), "daemon-answers",
                   "smtp-proof", words="srsmilter doesn't answer")
        finally:
            site.filter.start()


@case("wrong: the daemon has another secret")
def secrets(site):
    secret = site.place.write("run", "other-secret", mode=0o640,
                              text="a-secret-that-no-daemon-has\n")
    os.chown(secret, 0, 8924)
    for form, config, proof in (
            ("sendmail", site.with_srsd, "srsd-proof"),
            ("sendmail-milter", site.with_filter, "srsmilter-proof")):
        with open(config, encoding="utf-8") as file:
            text = re.sub("(?m)^secret_file.*", f"secret_file = {secret}",
                          file.read())
        other = site.place.write("run", "other.conf", text=text)
        with site.running(form) as mta:
            expect(site.doctor(other, mta), proof, "smtp-proof",
                   words="restart the daemon")


@case("wrong: the SRS domain is in no class")
def no_class(site):
    config = site.configuration(
        "elsewhere", "[srsd]\nlisten = inet:10003@127.0.0.1\n"
        "user = mailfrom\n", domain="srs.other.test")
    with site.running("sendmail") as mta:
        expect(site.doctor(config, mta, "--no-smtp"), "sendmail-class",
               words="LOCAL_DOMAIN(`srs.other.test')dnl")
    with site.running("sendmail-milter", cf=lambda text: re.sub(
            r"(?m)^C\{VirtHost\}.*\n", "", text)) as mta:
        # Loopback may relay to it.
        expect(site.doctor(site.with_filter, mta), "sendmail-class",
               words="VIRTUSER_DOMAIN")


@case("wrong: maps without -f, -q or -a<OK>, of another type, or missing")
def maps(site):
    with site.running("sendmail") as mta:
        with open(mta.cf, encoding="utf-8") as file:
            text = file.read()
        for old, new, words in (
                ("make_srs socket -f -q", "make_srs socket -q", "case"),
                ("make_srs socket -f -q", "make_srs socket -f", "quotes"),
                ("reverse_srs socket -f -q -a<OK>",
                 "reverse_srs socket -f -q", "-a<OK>"),
                ("probe socket", "probe text", "type socket"),
                ("Kprobe socket", "Kother socket", "no map probe"),
                ("Kreverse_srs socket -f -q -a<OK> inet:10003@",
                 "Kreverse_srs socket -f -q -a<OK> inet:10013@",
                 "MAILFROM_SRS_SOCKET")):
            tap.equal(text.count(old), 1, old)
            mta.config_file("sendmail.cf", text.replace(old, new))
            expect(site.doctor(site.with_srsd, mta), "sendmail-maps",
                   words=words)


@case("wrong: nothing asks srsd before mail is taken, or holds it")
def outage(site):
    with site.running("sendmail") as mta:
        with open(mta.cf, encoding="utf-8") as file:
            text = file.read()
        for gone in (r"(?m)^R.*\$\(probe up \$: NONE \$\).*\n",
                     r"(?m)^SMailfromHold\n"):
            changed = re.sub(gone, "", text)
            tap.equal(changed != text, True, gone)
            mta.config_file("sendmail.cf", changed)
            expect(site.doctor(site.with_srsd, mta), "sendmail-outage",
                   words="while srsd is down")


@case("wrong: another m4, as pysrs's")
def pysrs(site):
    with site.running("sendmail") as mta:
        with open(mta.cf, encoding="utf-8") as file:
            text = file.read()
        mta.config_file("sendmail.cf", text.replace(
            "SMailfromEnvelope", "SEnvFromSRS"))
        expect(site.doctor(site.with_srsd, mta), "sendmail-form",
               words="mangled sender")


@case("wrong: both forms, and none")
def forms(site):
    both = site.place.write(
        "run", "both.conf", text=open(site.with_srsd, encoding="utf-8")
        .read().replace("[log]", SRSMILTER.format(rewrite="remote_mailer") +
                        "[log]"))
    line = "INPUT_MAIL_FILTER(`srsmilter', `S=inet:10007@127.0.0.1, F=T, " \
        "T=C:5s;S:30s;R:30s;E:5m')dnl\n"
    with site.running("sendmail", features=line) as mta:
        expect(site.doctor(both, mta, "--offline"), "sendmail-form",
               words="two forms at once")
    with site.running("none") as mta:
        status, found = site.doctor(site.with_srsd, mta, "--offline")
        tap.equal((status, "sendmail-form" in wrong(found)), (1, True))


@case("wrong: a filter without F=T, with sendmail's timeouts, or not called")
def filters(site):
    with site.running("sendmail-milter") as mta:
        with open(mta.cf, encoding="utf-8") as file:
            text = file.read()
        for old, new, words in (
                (", F=T,", ",", "F=T"),
                (", F=T,", ", F=R,", "F=T"),
                ("T=C:5s;S:30s;R:30s;E:5m", "T=S:10s;R:10s", "S:30s"),
                ("T=C:5s;S:30s;R:30s;E:5m", "T=C:5s", "S:30s"),
                ("O InputMailFilters=srsmilter", "O InputMailFilters=x",
                 "INPUT_MAIL_FILTER")):
            tap.equal(text.count(old), 1, old)
            mta.config_file("sendmail.cf", text.replace(old, new))
            expect(site.doctor(site.with_filter, mta), "sendmail-filters",
                   words=words)


@case("wrong: spfmilter after another filter; or nobody calls it")
def spfmilter_first(site):
    config = site.place.write(
        "run", "spf.conf", text=open(site.with_srsd, encoding="utf-8").read() +
        SPFMILTER)
    for line, words in ((SPF_LINE + OTHER_LINE, None),
                        (OTHER_LINE + SPF_LINE, "must run before"),
                        (OTHER_LINE, "nobody calls it")):
        with site.running("sendmail", features=line) as mta:
            answer = site.doctor(config, mta, "--offline")
            if words:
                expect(answer, "sendmail-filters", words=words)
            else:
                expect(answer)


@case("wrong: srsmilter's SRS domain isn't in virtusertable")
def virtusertable(site):
    with site.running("sendmail-milter", virtusers="a@x.test b\n") as mta:
        expect(site.doctor(site.with_filter, mta), "sendmail-filters",
               words="srs-bounce in virtusertable")


@case("wrong: srsmilter goes by the domain, not the mailer")
def mode(site):
    config = site.configuration("mode", SRSMILTER.format(
        rewrite="remote_domain"))
    with site.running("sendmail-milter") as mta:
        expect(site.doctor(config, mta, "--offline"), "sendmail-filters",
               words="remote_mailer")


def main():
    place = world.enter(PEERS)
    return suite.run(Site(place), place.recent_log)


if __name__ == "__main__":
    sys.exit(main())

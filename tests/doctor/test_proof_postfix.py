#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
mailfrom doctor beside a running Postfix, srsd and srsmilter: silent about the
lines that mailfrom setup prints, and about each thing that is wrong it says which;
what smtpd replies to a fresh and to a forged address shows it too.
"""

import contextlib
import json
import os
import subprocess
import sys

import places
import postfix
import srsd
import srsmilter
import tap
import world

MAILFROM = places.program("mailfrom")
PEERS = ["postfix"]
DOMAIN = "fwd.test"
BASE = f"""\
mydestination = {DOMAIN}, mx.{DOMAIN}, localhost
virtual_alias_domains =
smtpd_error_sleep_time = 0
smtpd_client_connection_rate_limit = 0
"""
SRSMILTER = f"""
[srsmilter]
listen = inet:10007@127.0.0.1
rewrite = remote_domain
local_domains = {DOMAIN}, mx.{DOMAIN}
user = mailfrom
"""

suite = tap.Suite()
case = suite.case


class Site:
    """Daemons, and a Postfix that is started anew for each form."""

    def __init__(self, place):
        self.place, self.mta = place, None
        self.srsd = srsd.Srsd(place, DOMAIN, own=f"{DOMAIN}, mx.{DOMAIN}")
        self.with_srsd = self.srsd.config
        self.with_filter = place.write(
            "run", "filter.conf", text=self.configuration("srsd", SRSMILTER))
        self.srsd.start()
        self.filter = srsmilter.Srsmilter(
            place.make_dir("run", "srsmilter", owner="mailfrom"),
            config=self.with_filter).start()
        base = postfix.Postfix(place, "base", DOMAIN, BASE)
        self.base = base
        self.environment = dict(
            base.environment,
            PATH=f"{base.prefix}/usr/sbin:" + base.environment["PATH"])
        del self.environment["MAIL_CONFIG"]

    def configuration(self, without, more):
        """mailfrom.conf of srsd without the section, and with other lines."""
        with open(self.srsd.config, encoding="utf-8") as file:
            text = file.read()
        start = text.index(f"[{without}]")
        return text[:start] + more + text[text.index("[log]"):]

    def config(self, form):
        return self.with_filter if form == "postfix-milter" else self.with_srsd

    def setup(self, form, part, etc=None):
        done = subprocess.run(
            [MAILFROM, "setup", form, "-c", self.config(form), "--config-dir",
             etc or self.base.etc, part], env=self.environment, text=True,
            capture_output=True, check=False)
        if done.returncode:
            raise AssertionError(done.stderr)
        return done.stdout

    def lines(self, form, etc):
        """(main.cf, master.cf) as mailfrom setup prints them."""
        main = self.setup(form, "--main", etc)
        if form == "postfix-simple":
            return main, ""
        return main, self.setup(form, "--master", etc)

    @contextlib.contextmanager
    def running(self, form, main_cf=lambda text: text,
                master_cf=lambda text: text):
        """A Postfix with these lines, changed by the functions."""
        mta = postfix.Postfix(self.place, "site", DOMAIN, BASE)
        main, master = self.lines(form, mta.etc)
        mta.change(main_cf(BASE + main), master_cf(master))
        mta.start()
        try:
            yield mta
        finally:
            mta.stop()

    def doctor(self, config, *options, etc=None):
        """(exit status, {check: [finding, ...]})"""
        done = places.run(
            MAILFROM, "doctor", "-c", config, "--config-dir",
            etc or self.place.path("run", "site", "etc"), "--json", "--no-dns",
            *options, env=self.environment)
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
    # Lines that a case adds to main.cf are there twice.
    if "postconf" in said and "postconf" not in checks and \
            all(f["status"] == "warn" for f in said["postconf"]):
        del said["postconf"]
    tap.equal(sorted(said), sorted(checks), f"what is wrong: {said}")
    fails = any(f["status"] == "fail" for fs in said.values() for f in fs)
    tap.equal(status, 1 if fails else 0, "exit status")
    if words not in json.dumps(said):
        raise AssertionError(f"{words!r} isn't in {said}")
    return found


FORMS = ("postfix-milter", "postfix-cleanup", "postfix-simple")


@case("right: each form as mailfrom setup prints it")
def right(site):
    for form in FORMS:
        with site.running(form):
            found = expect(site.doctor(site.config(form)))
        proof = found["smtp-proof"][0]["read"]
        for part in ("gets 250", "550", "no mail was sent", "mynetworks",
                     "swaks --server mx.fwd.test --from '<>' --to 'SRS0="):
            if part not in proof:
                raise AssertionError(f"{form}: {part!r} isn't in {proof}")
        daemon = "srsmilter" if form == "postfix-milter" else "srsd"
        if f"{daemon}-proof" not in found:
            raise AssertionError(f"{form}: no proof of {daemon}: {found}")


@case("right: nothing is sent, and the queue stays empty")
def nothing_is_sent(site):
    with site.running("postfix-milter") as mta:
        site.doctor(site.with_filter)
        tap.equal(mta.idle(), True, "the queue is empty")


@case("wrong: srsd is down")
def srsd_is_down(site):
    with site.running("postfix-cleanup"), srsd.Outage(site.srsd, "DOWN"):
        found = expect(site.doctor(site.with_srsd), "daemon-answers",
                       "smtp-proof", words="systemctl restart srsd")
        if "451" not in found["smtp-proof"][0]["read"]:
            raise AssertionError(found["smtp-proof"])


@case("wrong: what answers isn't srsd")
def not_srsd(site):
    with site.running("postfix-cleanup"), srsd.Outage(site.srsd, "GARBAGE"):
        # -n of the daemon finds its port in use, too.
        expect(site.doctor(site.with_srsd), "daemon-answers",
               "daemon-configuration", "smtp-proof")


@case("wrong: srsmilter is down")
def srsmilter_is_down(site):
    with site.running("postfix-milter"):
        site.filter.stop()
        try:
            expect(site.doctor(site.with_filter), "daemon-answers",
                   "smtp-proof", words="srsmilter doesn't answer")
        finally:
            site.filter.start()


def other_secret(site, config):
    """The configuration with another secret than the daemon's."""
    secret = site.place.write("run", "other-secret", mode=0o640,
                              text="a-secret-that-no-daemon-has\n")
    os.chown(secret, 0, 8924)
    with open(config, encoding="utf-8") as file:
        text = file.read()
    old = text[text.index("secret_file"):].splitlines()[0]
    return site.place.write("run", "other.conf", text=text.replace(
        old, f"secret_file = {secret}"))


@case("wrong: srsd, or srsmilter, runs with another secret")
def secrets(site):
    for form, proof in (("postfix-cleanup", "srsd-proof"),
                        ("postfix-milter", "srsmilter-proof")):
        with site.running(form):
            found = expect(
                site.doctor(other_secret(site, site.config(form))), proof,
                "smtp-proof", words="restart the daemon")
        if "550" not in found["smtp-proof"][0]["read"]:
            raise AssertionError(found["smtp-proof"])


@case("wrong: the SRS domain is in no list")
def no_class(site):
    for form in FORMS:
        with site.running(form, lambda text: text.replace(
                f"mydestination = {DOMAIN}, ", "mydestination = ")):
            # Loopback is in mynetworks, and may relay the forged one.
            proof = () if form == "postfix-milter" else ("smtp-proof",)
            expect(site.doctor(site.config(form)), "srs-domain",
                   "restrictions", *proof,
                   words=f"add {DOMAIN} to mydestination")


@case("wrong: nothing restores bounces")
def not_restored(site):
    for form in FORMS:
        with site.running(form, lambda text: text +
                          "recipient_canonical_maps =\n"
                          "virtual_alias_maps =\n"):
            expect(site.doctor(site.config(form)), "bounces", "postconf",
                   "smtp-proof", words="recipient_canonical_maps")


@case("wrong: users aren't looked up, so forged addresses are taken")
def forged_are_taken(site):
    for form in "postfix-cleanup", "postfix-simple":
        with site.running(form, lambda text: text +
                          "local_recipient_maps =\n"):
            found = expect(site.doctor(site.config(form)), "forged-bounces",
                           "smtp-proof", words="virtual_mailbox_domains")
        if "250" not in found["smtp-proof"][0]["read"]:
            raise AssertionError(found["smtp-proof"])


@case("right: srsmilter rejects forged addresses itself")
def forged_are_rejected(site):
    with site.running("postfix-milter", lambda text: text +
                      "local_recipient_maps =\n"):
        expect(site.doctor(site.with_filter))


@case("wrong: mail from outside doesn't get to srsmilter")
def no_filter(site):
    with site.running("postfix-milter", lambda text: text +
                      "smtpd_milters =\n"):
        expect(site.doctor(site.with_filter), "srsmilter-lists", "postconf",
               "smtp-proof", words="protocol=6, default_action=tempfail")


@case("wrong for outside clients alone, which the proof over SMTP can't see")
def restrictions(site):
    with site.running("postfix-milter", lambda text: text +
                      "smtpd_recipient_restrictions = permit_mynetworks, "
                      "reject_unauth_destination, "
                      "reject_unverified_recipient\n"):
        found = expect(site.doctor(site.with_filter), "restrictions",
                       words="before reject_unverified_recipient")
        tap.equal(found["smtp-proof"][0]["status"], "ok", "over SMTP")
    with site.running("postfix-cleanup", lambda text: text +
                      "smtpd_sender_restrictions = permit_mynetworks, "
                      "check_sender_access inline:{ <>=REJECT }\n"):
        expect(site.doctor(site.with_srsd), "restrictions",
               words="smtpd_sender_restrictions")


@case("wrong: srsmilter takes the second pass for an internal client")
def internal(site):
    config = site.place.write("run", "internal.conf", text=site.configuration(
        "srsd", SRSMILTER + "internal_connect = 127.*\n"))
    with site.running("postfix-milter"):
        site.filter.stop()
        other = srsmilter.Srsmilter(site.place.make_dir(
            "run", "internal", owner="mailfrom"), config=config).start()
        try:
            expect(site.doctor(config), "srsmilter-proof", "smtp-proof",
                   words="take 127.0.0.1 out of internal_connect")
        finally:
            other.stop()
            site.filter.start()


@case("wrong: Postfix asks at another port")
def other_port(site):
    with site.running(
            "postfix-cleanup", lambda text: text.replace(":10003:", ":10013:"),
            lambda text: text.replace(":10003:", ":10013:")):
        expect(site.doctor(site.with_srsd), "sockets", "smtp-proof",
               words="10013")


def with_socket(site, path, mode):
    """A configuration of srsd with a unix socket."""
    text = site.configuration(
        "srsd", f"[srsd]\nlisten = unix:{path}, inet:10003@127.0.0.1\n"
        f"user = mailfrom\nsocket_mode = {mode}\n")
    return site.place.write("run", "unix.conf", text=text)


@case("wrong: a unix socket that the chroot hides, or that Postfix may not use")
def unix_sockets(site):
    hidden = site.srsd.unix
    with site.running("postfix-simple", lambda text: text.replace(
            "inet:127.0.0.1:10003", f"unix:{hidden}")):
        expect(site.doctor(site.with_srsd), "sockets", "smtp-proof",
               words="in its chroot")
    spool = site.place.make_dir("run", "site", "spool", "srs",
                                owner="mailfrom", mode=0o755)
    config = with_socket(site, f"{spool}/sock", "0600")
    site.srsd.stop()
    site.srsd.config, kept = config, site.srsd.config
    try:
        site.srsd.start()
        with site.running("postfix-simple", lambda text: text.replace(
                "inet:127.0.0.1:10003", "unix:srs/sock")):
            expect(site.doctor(config), "sockets", "smtp-proof",
                   words="socket_owner = mailfrom:postfix")
        site.srsd.stop()
        with_socket(site, f"{spool}/sock", "0666")
        site.srsd.start()
        with site.running("postfix-simple", lambda text: text.replace(
                "inet:127.0.0.1:10003", "unix:srs/sock")):
            expect(site.doctor(config))
    finally:
        site.srsd.stop()
        site.srsd.config = kept
        site.srsd.start()


@case("wrong: two forms at once, none at all, and a way past")
def forms(site):
    with site.running("postfix-cleanup", lambda text: text +
                      "sender_canonical_maps = "
                      "socketmap:inet:127.0.0.1:10003:srs_forward\n"):
        expect(site.doctor(site.with_srsd), "form", words="two forms at once")
    with site.running("postfix-cleanup", lambda text: text +
                      "default_transport = smtp\n"):
        expect(site.doctor(site.with_srsd), "form", "postconf",
               words="original sender")
    status, found = site.doctor(site.with_srsd, "--offline",
                                etc=site.base.etc)
    tap.equal((status, "form" in wrong(found)), (1, True), "no form")


@case("wrong: files that the daemons can't read, and a secret that all can")
def files(site):
    path = site.place.path("run", site.srsd.name, "secret")
    with site.running("postfix-cleanup"):
        try:
            os.chown(path, 0, 0)
            expect(site.doctor(site.with_srsd), "daemon-configuration",
                   "daemon-files", words="chgrp")
            os.chmod(path, 0o644)
            _, found = site.doctor(site.with_srsd)
        finally:
            os.chown(path, 0, 8924)
            os.chmod(path, 0o640)
        for name in "secret", "mailfrom.conf", "daemon-configuration":
            if name not in wrong(found):
                raise AssertionError(f"{name} isn't wrong: {wrong(found)}")
        expect(site.doctor(site.with_srsd))


@case("wrong: a configuration that srsd doesn't start with")
def bad_configuration(site):
    config = site.place.write("run", "bad.conf", text=site.configuration(
        "srsd", "[srsd]\nlisten = inet:10003@127.0.0.1\nworkers = many\n"))
    status, found = site.doctor(config, "--no-smtp", etc=site.base.etc)
    tap.equal(status, 1, "exit status")
    for name in "mailfrom.conf", "daemon-configuration":
        if "workers" not in json.dumps(wrong(found).get(name)):
            raise AssertionError(f"{name}: {wrong(found)}")


@case("wrong: no mail server; --no-smtp leaves it out")
def no_server(site):
    with site.running("postfix-cleanup"):
        pass
    expect(site.doctor(site.with_srsd), "smtp-proof", words="--no-smtp")
    expect(site.doctor(site.with_srsd, "--no-smtp"))


@case("text: a line a check, with why and what to do; usage errors")
def text(site):
    done = places.run(MAILFROM, "doctor", "-c", site.with_srsd, "--offline",
                      "--config-dir", site.base.etc, env=site.environment)
    tap.equal(done.returncode, 1, "exit status")
    for line in ("ok    mailfrom.conf: ", "fail  form: ", "      Why: mail ",
                 "      Do: mailfrom setup "):
        if f"\n{line}" not in "\n" + done.stdout:
            raise AssertionError(f"{line!r} isn't in {done.stdout}")
    for options, words in ((["--wrong"], "usage"), (["x"], "no argument"),
                           (["--site", "/nonexistent"], "/nonexistent"),
                           (["--config-dir", site.base.etc, "--sendmail-cf",
                             "/nonexistent"], "cannot")):
        done = places.run(MAILFROM, "doctor", *options, env=site.environment)
        tap.equal((done.returncode, done.stdout), (2, ""), str(options))
        if words not in done.stderr:
            raise AssertionError(f"{options}: {done.stderr}")


def main():
    place = world.enter(PEERS)
    return suite.run(Site(place), place.recent_log)


if __name__ == "__main__":
    sys.exit(main())

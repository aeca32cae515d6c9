#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
mailfrom setup: what it takes from a configuration, and what it says about a wrong
one; without a mail server.  That mail servers do the right thing with its output is
shown by tests/e2e/test_deploy_*.py and test_merge_postfix.py, the merging by
tests/unit/merge.c.
"""

import glob
import os
import re
import subprocess
import sys
import tempfile

import tap
from places import BUILD, TOP, program

SRS = program("srs")
FORMS = {
    "postfix-milter": ["etc/postfix/milter.main.cf",
                       "etc/postfix/milter.master.cf"],
    "postfix-cleanup": ["etc/postfix/outbound.main.cf",
                        "etc/postfix/outbound.master.cf"],
    "postfix-simple": ["etc/postfix/canonical.main.cf"],
    "sendmail": ["etc/sendmail/mailfrom-srs.mc",
                 "etc/sendmail/mailfrom-srs.m4"],
    "sendmail-milter": ["etc/sendmail/srsmilter.mc",
                        "etc/sendmail/srsmilter.virtusertable",
                        "etc/sendmail/srsmilter.aliases"],
}
HEADER = r"^(?:#|dnl) --- (\S+): .* ---\n"
SRSD = "[srs]\nfwdomain = fwd.example\n"
MILTER = SRSD + "[srsmilter]\nlisten = inet:10007@127.0.0.1\nrewrite = {}\n"

suite = tap.Suite()
case = suite.case


class Site:
    def __init__(self, directory):
        self.directory = directory

    def setup(self, form, text, name="mailfrom.conf"):
        """(exit status, output, what it says) over that configuration."""
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        done = subprocess.run([SRS, "setup", "-c", path, form], text=True,
                              capture_output=True, check=False)
        return done.returncode, done.stdout, done.stderr.replace(path, "FILE")

    def settings(self, form, text, **options):
        """Its output without comments."""
        status, output, _ = self.setup(form, text, **options)
        tap.equal(status, 0, "exit status")
        return [line for line in output.splitlines()
                if line and not re.match("#|dnl", line)]

    def refusal(self, form, text):
        status, output, said = self.setup(form, text)
        tap.equal((status, output), (1, ""), "status and output")
        return said


def configuration(form):
    if form == "sendmail-milter":
        return MILTER.format("remote_mailer").replace(
            "inet:10007@127.0.0.1", "unix:/run/mailfrom/srsmilter.sock")
    return MILTER.format("remote_domain")


@case("with the samples' own values each part is the sample, octet by octet")
def samples(site):
    for form, names in FORMS.items():
        _, output, said = site.setup(form, configuration(form))
        tap.equal(said, "", form)
        _, *parts = re.split(HEADER, output, flags=re.M)
        tap.equal(len(parts), 2 * len(names), f"parts of {form}")
        for name, part in zip(names, parts[1::2]):
            with open(os.path.join(TOP, name), encoding="utf-8") as file:
                text = file.read()
            # The SRS domain of that form is one of its own.
            tap.equal(part, text.replace("srs.fwd.example", "fwd.example"), name)


@case("no value of a sample is left over")
def replaced(site):
    text = "[srs]\nfwdomain = a.test\n[srsd]\nlisten = inet:1@192.0.2.1\n" \
        "[srsmilter]\nlisten = inet:2@192.0.2.1\nrewrite = {}\n"
    for form in FORMS:
        mode = "remote_mailer" if form == "sendmail-milter" else "remote_domain"
        _, output, _ = site.setup(form, text.format(mode))
        left = re.findall(r"fwd\.example|\b10003\b|\b10007\b|"
                          r"srsmilter\.sock", output)
        tap.equal(left, [], f"left in {form}")


@case("Postfix: which domain has to be in mydestination, which no map adds")
def destination(site):
    text = "[srs]\nfwdomain = a.test\n[srsmilter]\nrewrite = remote_domain\n" \
        "listen = inet:2@192.0.2.1\n"
    for form in FORMS:
        if form.startswith("postfix"):
            _, output, said = site.setup(form, text)
            tap.equal(said, "", form)
            if "# a.test, and any other SRS domain, must be in " \
                    "mydestination" not in output:
                raise AssertionError(f"{form} doesn't say so")


@case("own senders: a line of the map each, none twice, none that is signed")
def own(site):
    listed = os.path.join(site.directory, "domains")
    with open(listed, "w", encoding="utf-8") as file:
        file.write("# ours\nfrom-file.test too.test # and that\n")
    text = "[srs]\nfwdomain = srs.test, c.test=srs.c.test, d.test=srs.test\n" \
        f"own_domains = a.test A.test, {listed}, s.test, e.test x.e.test\n" \
        "ses = e.test .e.test\nsign = s.test\n"
    lines = site.settings("postfix-cleanup", text)
    start = lines.index("sender_dependent_default_transport_maps = inline:{")
    end = lines.index("\t{ <> = smtp: } }")
    tap.equal(lines[start + 1:end], [
        f"\t{{ {own} = smtp: }}" for own in
        ("@srs.test", "@srs.c.test", "@a.test", "@from-file.test",
         "@too.test")])
    lines = site.settings("sendmail", text)
    tap.equal([line for line in lines if line.startswith("LOCAL_DOMAIN")],
              ["LOCAL_DOMAIN(`srs.test')dnl", "LOCAL_DOMAIN(`srs.c.test')dnl"])


@case("signed addresses: a line of the map for each of their domains")
def signed(site):
    text = MILTER.format("remote_domain") + "[srs]\n"
    for more, domains in (
            ("", ["fwd.example"]),
            ("ses = e.test, fwd.example\nsign = s.test\n",
             ["e.test", "fwd.example", "s.test"]),
            ("srs_domains = .x.test, old.test\n", [".*.x.test", "old.test"])):
        lines = site.settings("postfix-milter", text + more)
        start = lines.index("recipient_canonical_maps = regexp:{")
        tap.equal(lines[start + 1:lines.index("\t}")], [
            f'\t{{ /^("?(SRS[01][-+=]|SES=).*@{domain})$$/ $$1 }}'
            for domain in domains], more)


@case("patterns that Postfix's map can't have: left out, and a warning")
def patterns(site):
    text = SRSD + "[srs]\nown_domains = .a.test, [192.0.2.1]\n"
    status, output, said = site.setup("postfix-cleanup", text)
    tap.equal(status, 0, "exit status")
    tap.equal(said, "srs: warning: 2 of own_domains can't stand in a map of "
              "Postfix: their senders aren't rewritten, but take the second "
              "pass\n")
    tap.equal(re.findall(r"a\.test|192\.0\.2\.1", output), [])


# listen, in Postfix's words, in libmilter's
SOCKETS = [
    ("inet:99@192.0.2.1", "inet:192.0.2.1:99", "inet:99@192.0.2.1"),
    ("inet:192.0.2.1:99, inet:98@192.0.2.1", "inet:192.0.2.1:99",
     "inet:99@192.0.2.1"),
    ("inet:99@192.0.2.1 inet:98@192.0.2.1", "inet:192.0.2.1:99",
     "inet:99@192.0.2.1"),
    ("inet6:99@::1", "inet:[::1]:99", "inet6:99@::1"),
    ("unix:/var/spool/postfix/srs/sock", "unix:srs/sock",
     "local:/var/spool/postfix/srs/sock"),
    ("/run/srs", "unix:/run/srs", "local:/run/srs"),
]


@case("sockets in the words of each mail server")
def sockets(site):
    for listen, postfix, libmilter in SOCKETS:
        text = SRSD + f"[srsd]\nlisten = {listen}\n"
        tap.equal(f"socketmap:{postfix}:srs_reverse" in
                  "\n".join(site.settings("postfix-cleanup", text)), True, listen)
        tap.equal(f"define(`MAILFROM_SRS_SOCKET', `{libmilter}')dnl" in
                  site.settings("sendmail", text), True, listen)
        one = re.split("[, ]", listen)[0]
        text = SRSD + f"[srsmilter]\nlisten = {one}\nrewrite = "
        tap.equal(f"smtpd_milters = {postfix}" in site.settings(
            "postfix-milter", text + "remote_domain\n"), True, listen)
        tap.equal(f"S={libmilter}, F=T," in "\n".join(site.settings(
            "sendmail-milter", text + "remote_mailer\n")), True, listen)


@case("a unix socket where Debian's Postfix can't reach it: a warning")
def outside_of_spool(site):
    text = SRSD + "[srsd]\nlisten = unix:/run/srs\n"
    said = site.setup("postfix-simple", text)[2]
    tap.equal(said, "srs: warning: /run/srs isn't below /var/spool/postfix, "
              "where Debian's Postfix is locked in\n")
    tap.equal(site.setup("sendmail", text)[2], "")


@case("pysrs.cfg is read as it is")
def legacy(site):
    text = "[srs]\nsecret: shared by both of them\nfwdomain: fwd.test\n" \
        "socket: /var/run/milter/pysrs\n"
    lines = site.settings("sendmail", text, name="pysrs.cfg")
    tap.equal(lines[:2], ["LOCAL_DOMAIN(`fwd.test')dnl",
                          "define(`MAILFROM_SRS_SOCKET', "
                          "`local:/var/run/milter/pysrs')dnl"])


# name, form, configuration, what is said
WRONG = [
    ("no domain", "sendmail", "[srsd]\n",
     "error: FILE: fwdomain: not set: which domain do SRS addresses have?"),
    ("no domain at all", "sendmail", "[srs]\nfwdomain = a`b\n",
     "error: FILE:2: fwdomain: not a domain (srs.example.com) or "
     "FORWARDING=DOMAIN: "),
    ("an address", "sendmail", "[srs]\nfwdomain = a@b.test\n",
     "error: FILE:2: fwdomain: not a domain (srs.example.com) or "
     "FORWARDING=DOMAIN: "),
    ("srsmilter's socket isn't named", "postfix-milter", SRSD,
     "error: FILE: listen: not set in [srsmilter]: where does the mail server "
     "find it?"),
    ("no socket", "sendmail", SRSD + "[srsd]\nlisten = inet:x@y\n",
     "error: FILE:4: listen: not a socket (unix:/path, inet:PORT@HOST, "
     "inet6:PORT@HOST): \"inet:x@y\"; the port is not a number from 1 to 65535"),
    ("no socket, srsmilter", "postfix-milter", MILTER.format("remote_domain")
     .replace("10007", "x"),
     "error: FILE:4: listen: the port is not a number from 1 to 65535"),
    ("all at once", "postfix-milter", "[srs]\nfwdomain = a`b\n"
     "[srsmilter]\nrewrite = none\n",
     "error: FILE:2: fwdomain: not a domain (srs.example.com) or "
     "FORWARDING=DOMAIN: \"a`b\"; a domain has letters, digits, \"-\", \"_\" and "
     "dots only\n"
     "error: FILE: listen: not set in [srsmilter]: where does the mail server "
     "find it?\n"
     "error: FILE:4: rewrite: is none in [srsmilter]; postfix-milter needs "
     "remote_domain"),
    ("rewrite of the other form", "sendmail-milter",
     MILTER.format("remote_domain"),
     "error: FILE:5: rewrite: is remote_domain in [srsmilter]; "
     "sendmail-milter needs remote_mailer"),
    ("rewrite left out", "sendmail-milter",
     SRSD + "[srsmilter]\nlisten = inet:10007@127.0.0.1\n",
     "error: FILE: rewrite: is remote_domain in [srsmilter]; "
     "sendmail-milter needs remote_mailer"),
    ("a key that doesn't exist", "sendmail", SRSD + "fwdomian = x\n",
     "error: FILE:3: srs: unknown key in this section: \"fwdomian\"; did "
     "you mean \"fwdomain\"?"),
    ("no configuration", "sendmail", "fwdomain\n", "error: FILE:1: "),
]


@case("what is missing or wrong is said, and nothing printed")
def wrong(site):
    for name, form, text, expected in WRONG:
        said = site.refusal(form, text)
        if not said.startswith(expected) or \
                said.count("\n") != expected.count("\n") + 1:
            raise AssertionError(f"{name}: {said!r}")


@case("no file, no such form, no form, too many, nobody to write to")
def usage(site):
    for arguments, status in ((["-c", "/nonexistent/file", "sendmail"], 1),
                              (["exim"], 2), ([], 2), (["sendmail", "x"], 2)):
        done = subprocess.run([SRS, "setup", *arguments], check=False,
                              capture_output=True, text=True)
        tap.equal((done.returncode, done.stdout), (status, ""), str(arguments))
    path = os.path.join(site.directory, "mailfrom.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(SRSD)
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([SRS, "setup", "-c", path, "sendmail"], text=True,
                              stdout=full, stderr=subprocess.PIPE, check=False)
    tap.equal(done.returncode, 1, "exit status with a full disk")


@case("every sample of a mail server for SRS is some form's")
def all_samples(site):
    known = {name for names in FORMS.values() for name in names}
    there = {os.path.relpath(path, TOP) for directory in ("postfix", "sendmail")
             for path in glob.glob(os.path.join(TOP, "etc", directory, "*"))}
    tap.equal({name for name in there - known
               if not re.search(r"spfmilter|tcp_table", name)}, set())


def main():
    with tempfile.TemporaryDirectory() as directory:
        return suite.run(Site(directory))


if __name__ == "__main__":
    sys.exit(main())

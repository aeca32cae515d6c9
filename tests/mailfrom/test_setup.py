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
import sys
import tempfile

import tap
from places import TOP, program, run

MAILFROM = program("mailfrom")
FORMS = {
    "postfix-milter": {"main": "etc/postfix/milter.main.cf",
                       "master": "etc/postfix/milter.master.cf"},
    "postfix-cleanup": {"main": "etc/postfix/cleanup.main.cf",
                        "master": "etc/postfix/cleanup.master.cf"},
    "postfix-simple": {"main": "etc/postfix/simple.main.cf"},
    "postfix-spfmilter": {"main": "etc/postfix/spfmilter.main.cf"},
    "spf-policy": {"main": "etc/postfix/spf-policy.main.cf"},
    "sendmail": {"mc": "etc/sendmail/mailfrom-srs.mc",
                 "m4": "etc/sendmail/mailfrom-srs.m4"},
    "sendmail-milter": {"mc": "etc/sendmail/srsmilter.mc",
                        "virtusertable": "etc/sendmail/srsmilter.virtusertable",
                        "aliases": "etc/sendmail/srsmilter.aliases"},
    "sendmail-spfmilter": {"mc": "etc/sendmail/spfmilter.mc"},
}
# What rrs_secret_file adds to a form.
RRS_PARTS = {
    "postfix-milter": {"main": ["etc/postfix/rrs.main.cf"]},
    "postfix-cleanup": {"main": ["etc/postfix/rrs.main.cf"]},
    "sendmail": {"mc": ["etc/sendmail/rrs.mc", "etc/sendmail/rrs-filter.mc"],
                 "aliases": ["etc/sendmail/rrs.aliases"]},
    "sendmail-milter": {"mc": ["etc/sendmail/rrs.mc"],
                        "aliases": ["etc/sendmail/rrs.aliases"]},
}
HEADER = r"^(?:#|dnl) --- (\S+): .* ---\n"
# A Postfix that has the SRS domains already.
POSTFIX = "compatibility_level = 3.6\nmyorigin = fwd.example\n" \
    "mydestination = fwd.example, a.test, srs.test, srs.c.test, fwd.test\n"
SRSD = "[srs]\nfwdomain = fwd.example\n"
LOCAL = "local_domains = fwd.example a.test srs.test srs.c.test fwd.test\n"
MILTER = SRSD + "[srsmilter]\nlisten = inet:10007@127.0.0.1\nrewrite = {}\n" \
    + LOCAL

suite = tap.Suite()
case = suite.case


class Site:
    def __init__(self, directory):
        self.directory = directory

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def setup(self, form, text, *options, name="mailfrom.conf",
              postfix=POSTFIX):
        """(exit status, output, what it says) over that configuration."""
        path = self.write(name, text)
        done = run(MAILFROM, "setup", form, "-c", path, "--site",
                   self.write("site", postfix), *options)
        return done.returncode, done.stdout, done.stderr.replace(path, "FILE")

    def settings(self, form, text, *options, **more):
        """Its output without comments."""
        status, output, said = self.setup(form, text, "--bare", *options, **more)
        tap.equal(status, 0, f"exit status: {said}")
        return [line for line in output.splitlines()
                if not re.match(HEADER, line + "\n")]

    def refusal(self, form, text):
        status, output, said = self.setup(form, text)
        tap.equal((status, output), (1, ""), "status and output")
        return said


def configuration(form):
    text = SRSD + "[spfmilter]\npolicy_listen = inet:10008@127.0.0.1\n" \
        "listen = {}\n".format(
        "unix:/run/mailfrom-spf/spfmilter.sock" if form.startswith("sendmail")
        else "inet:10006@127.0.0.1")
    if form == "sendmail-milter":
        return MILTER.format("remote_mailer").replace(
            "inet:10007@127.0.0.1", "unix:/run/mailfrom/srsmilter.sock")
    return text + MILTER.format("remote_domain").replace(SRSD, "")


def without_comments(text, name):
    begin = "dnl" if name.endswith((".mc", ".m4")) else "#"
    return [line for line in text.splitlines()
            if line and not line.startswith(begin)]


@case("with the samples' own values each part is the sample")
def samples(site):
    for form, parts in FORMS.items():
        for option, name in parts.items():
            with open(os.path.join(TOP, name), encoding="utf-8") as file:
                text = file.read()
            # The SRS domain of that form is one of its own.
            text = text.replace("srs.fwd.example", "fwd.example")
            status, output, said = site.setup(form, configuration(form),
                                              "--" + option)
            tap.equal((status, said), (0, ""), form)
            if form.startswith("sendmail"):
                tap.equal(output, text, name)
            else:
                tap.equal(without_comments(output, name),
                          without_comments(text, name), name)
            bare = site.setup(form, configuration(form), "--bare",
                              "--" + option)[1]
            tap.equal(bare.splitlines(), without_comments(text, name), name)


@case("all parts at once, each under the name of its file")
def all_parts(site):
    for form, parts in FORMS.items():
        _, output, _ = site.setup(form, configuration(form))
        # A store is proposed, to those who have none.
        output, mark, proposed = re.split(
            r"^(?:#|dnl) --- mailfrom\.conf: (.*)$", output + "\n", maxsplit=1,
            flags=re.M) if "spfmilter" not in form else (output + "\n", "", "")
        tap.equal("url = sqlite:/var/lib/mailfrom/store.db" in proposed,
                  bool(mark), form)
        tap.true(not re.search("^[^#d\n]", proposed, re.M), proposed)
        output = output.rstrip("\n") + "\n"
        _, *found = re.split(HEADER, output, flags=re.M)
        tap.equal("".join(found[1::2]), "".join(
            site.setup(form, configuration(form), "--" + option)[1]
            for option in parts), form)


@case("each setting has a reason, once for those that belong together")
def reasons(site):
    for form in FORMS:
        if form.startswith("postfix") and form != "postfix-simple":
            _, output, _ = site.setup(form, configuration(form), "--main")
            lines = output.splitlines()
            tap.equal([line[:24] for line in (lines[0], lines[-1])],
                      ["# mailfrom setup: begin,", "# mailfrom setup: end"])
            tap.equal(lines[1][:2], "# ", form)


@case("no value of a sample is left over")
def replaced(site):
    text = "[srs]\nfwdomain = a.test\n[srsd]\nlisten = inet:1@192.0.2.1\n" \
        "[srsmilter]\nlisten = inet:2@192.0.2.1\nrewrite = {}\n" + LOCAL + \
        "[spfmilter]\nlisten = inet:3@192.0.2.1\n"
    for form in FORMS:
        mode = "remote_mailer" if form == "sendmail-milter" else "remote_domain"
        _, output, _ = site.setup(form, text.format(mode), "--bare")
        left = re.findall(r"fwd\\?\.example|\b1000[367]\b|milter\.sock", output)
        tap.equal(left, [], f"left in {form}")


@case("Postfix: an SRS domain that is in no list of domains is added to one")
def destination(site):
    text = "[srs]\nfwdomain = new.test\n" + MILTER.replace(SRSD, "")
    for form in FORMS:
        if form.startswith("postfix") and "spf" not in form:
            lines = site.settings(form, text.format("remote_domain"))
            tap.equal([line for line in lines
                       if line.startswith("mydestination")],
                      ["mydestination = fwd.example, a.test, srs.test, "
                       "srs.c.test, fwd.test, new.test"], form)


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
            ("", ["fwd\\.example"]),
            ("ses = e.test, fwd.example\nsign = s.test\n",
             ["e\\.test", "fwd\\.example", "s\\.test"]),
            ("srs_domains = .x.test, old.test\n", [".*\\.x\\.test", "old\\.test"])):
        lines = site.settings("postfix-milter", text + more)
        start = lines.index("virtual_alias_maps = regexp:{")
        tap.equal(lines[start + 1:lines.index("\t}")], [
            f'\t{{ /^("?(SRS[01][-+=]|SES=).*@{domain})$$/ $$1 }}'
            for domain in domains], more)


@case("patterns that Postfix's map can't have: left out, and a warning")
def patterns(site):
    text = SRSD + "[srs]\nown_domains = .a.test, [192.0.2.1]\n"
    status, output, said = site.setup("postfix-cleanup", text)
    tap.equal(status, 0, "exit status")
    tap.equal(said, "mailfrom setup: warning: 2 of own_domains can't be in a "
              "table of Postfix: mail from them takes the second pass with its "
              "sender unchanged\n")
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
]
# listen, Postfix's master.cf or None, what Postfix uses
REACHED = [
    ("inet:99@0.0.0.0", None, "inet:127.0.0.1:99"),
    ("inet6:99@::", None, "inet:[::1]:99"),
    ("inet:99@127.0.0.1, unix:/run/srs", None, "inet:127.0.0.1:99"),
    ("inet:99@127.0.0.1, unix:/var/spool/postfix/srs/s", None, "unix:srs/s"),
    ("inet:99@127.0.0.1, unix:/run/srs", "n", "unix:/run/srs"),
    ("inet:99@127.0.0.1, unix:/run/srs", "y", "inet:127.0.0.1:99"),
    ("inet:99@127.0.0.1, unix:/run/srs", "n", "inet:127.0.0.1:99", "mailfrom"),
    ("unix:/run/srs, inet:99@127.0.0.1", "n", "inet:127.0.0.1:99", "mailfrom"),
    ("unix:/run/srs", "n", "unix:/run/srs", "mailfrom"),
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
        tap.equal(f"smtpd_milters = {{ {postfix}, protocol=6, "
                  "default_action=tempfail, command_timeout=30s }" in
                  site.settings("postfix-milter",
                                text + "remote_domain\n" + LOCAL), True, listen)
        tap.equal(f"S={libmilter}, F=T," in "\n".join(site.settings(
            "sendmail-milter", text + "remote_mailer\n")), True, listen)


@case("Postfix uses a socket that it can reach, best one with an owner")
def reached(site):
    for listen, chroot, used, *more in REACHED:
        group = more[0] if more else "postfix"
        text = SRSD + f"[srsd]\nlisten = {listen}\n" \
            f"socket_owner = mailfrom:{group}\nsocket_mode = 0660\n"
        services = "" if chroot is None else \
            f"smtp inet n - {chroot} - - smtpd\n" \
            f"cleanup unix n - {chroot} - 0 cleanup\n"
        lines = site.settings("postfix-cleanup", text,
                              postfix=POSTFIX + services)
        tap.equal(f"socketmap:{used}:srs_reverse" in "\n".join(lines), True,
                  f"{listen}, chroot {chroot}")


@case("a unix socket where Postfix can't reach it: said, with a cure")
def outside_of_spool(site):
    text = SRSD + "[srsd]\nlisten = unix:/run/srs\n"
    status, output, said = site.setup("postfix-simple", text)
    tap.equal((status, said), (
        1, "mailfrom setup: not merged: /run/srs isn't below "
        "/var/spool/postfix, where Postfix's smtpd and cleanup are chrooted: "
        "they can't reach it.  Set listen to a path below it, or to an inet "
        "socket on 127.0.0.1\n"))
    tap.equal("# NOT MERGED: /run/srs isn't below" in output, True)
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
    path = site.write("mailfrom.conf", SRSD)
    for arguments, status in (
            (["-c", "/nonexistent/file", "sendmail"], 1), (["exim"], 2),
            ([], 2), (["sendmail", "x"], 2), (["sendmail", "--main"], 2),
            (["postfix-cleanup", "--mc"], 2),
            (["postfix-cleanup", "--main", "--master"], 2),
            (["postfix-cleanup", "--site", "x", "--config-dir", "y"], 2),
            (["-c", path, "postfix-cleanup", "--site", "/nonexistent"], 1),
            (["-c", path, "postfix-cleanup", "--site", "/dev/null"], 1),
            (["-c", path, "postfix-cleanup", "--config-dir", "/nonexistent"],
             1)):
        done = run(MAILFROM, "setup", *arguments)
        tap.equal((done.returncode, done.stdout), (status, ""), str(arguments))
        tap.equal(done.stderr != "", True, str(arguments))
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = run(MAILFROM, "setup", "-c", path, "sendmail", stdout=full)
    tap.equal(done.returncode, 1, "exit status with a full disk")


@case("saved output of a Postfix that has our lines: a warning")
def saved_with_ours(site):
    _, lines, said = site.setup("postfix-cleanup", SRSD, "--main", "--bare")
    tap.equal(said, "")
    said = site.setup("postfix-cleanup", SRSD, "--main", "--bare",
                      postfix=POSTFIX + lines)[2]
    tap.equal("has lines of mailfrom setup already" in said, True, said)


@case("commands of mailfrom: none, an unknown one, one with an error")
def commands(_):
    for arguments, said in (([], "which command?"),
                            (["x"], '"x" is not a command'),
                            (["steup"], 'did you mean "setup"?')):
        done = run(MAILFROM, *arguments)
        tap.equal((done.returncode, done.stdout), (2, ""), str(arguments))
        tap.equal(said in done.stderr, True, done.stderr)


def rrs_configuration(form, domains="our.example"):
    text = configuration(form).replace(
        "[srs]\n", f"[srs]\nrrs_secret_file = /none\nrrs_domains = {domains}\n")
    if "milter" not in form:
        text = text.replace("rewrite = remote_domain", "rewrite = none")
    return text.replace("inet:10007@127.0.0.1", "unix:/run/mailfrom/srsmilter.sock") \
        if form == "sendmail" else text


@case("with rrs_secret_file, RRS lines too: those of the samples")
def rrs_lines(site):
    for form, parts in RRS_PARTS.items():
        for option, names in parts.items():
            status, output, said = site.setup(
                form, rrs_configuration(form), "--bare", "--" + option)
            tap.equal((status, said), (0, ""), form)
            lines = output.splitlines()
            for name in names:
                with open(os.path.join(TOP, name), encoding="utf-8") as file:
                    wanted = without_comments(file.read(), name)
                if form.startswith("postfix"):
                    # The first table of the list, with more behind it.
                    wanted = [line for line in wanted if line != "\t}"]
                for line in wanted:
                    tap.equal(line in lines, True, f"{form}, {name}: {line}")
    for form in RRS_PARTS:
        output = site.setup(form, configuration(form))[1]
        tap.equal("rrs" in output, False, form)


@case("RRS: each domain has its pattern, and a second run changes nothing")
def rrs_domains(site):
    for form in "postfix-milter", "postfix-cleanup":
        text = rrs_configuration(form, "a.example .b.example")
        lines = site.settings(form, text, "--main")
        for pattern in r"a\.example", r".*\.b\.example":
            tap.equal(f'\t{{ /^("?rrs=.*@{pattern})$$/ $$1 }}' in lines, True,
                      f"{form}: {lines}")
        again = site.settings(form, text, "--main",
                              postfix=POSTFIX + "\n".join(lines) + "\n")
        tables = "\n".join(lines).partition("virtual_alias_maps")[2]
        tap.equal(tables.partition("virtual_alias_domains")[0].strip() in
                  "\n".join(again), True, "\n".join(again))
        tap.equal("\n".join(again).count("rrs="), 2, form)
        probed = site.settings(form, text, "--main", postfix=POSTFIX +
                               "smtpd_recipient_restrictions = "
                               "reject_unverified_recipient\n")
        tap.equal(any(r"rrs=.*@a\.example$$/ OK }" in line for line in probed),
                  True, "\n".join(probed))
    lines = site.settings("sendmail", rrs_configuration(
        "sendmail", "a.example .b.example c.example"), "--mc")
    tap.equal([line for line in lines if line.startswith("C{")],
              ["C{MailfromRrs}a.example", "C{MailfromRrs}c.example"])


@case("RRS: what is missing for it is said")
def rrs_refusals(site):
    text = rrs_configuration("postfix-cleanup")
    for form, changed, said in (
            ("postfix-simple", text, "this form has no lines for RRS"),
            ("postfix-cleanup", text.replace("none", "remote_domain"),
             "rewrite: must be none in [srsmilter]"),
            ("sendmail", text.split("[srsmilter]")[0],
             "listen: not set in [srsmilter]"),
            ("sendmail", text.replace("rrs_domains = our.example", "").replace(
                LOCAL, ""), "rrs_domains: not set, nor own_domains")):
        tap.equal(said in site.refusal(form, changed), True, said)


@case("every sample of a mail server is some form's")
def all_samples(_):
    known = {name for parts in FORMS.values() for name in parts.values()}
    known |= {name for parts in RRS_PARTS.values() for names in parts.values()
              for name in names}
    there = {os.path.relpath(path, TOP) for directory in ("postfix", "sendmail")
             for path in glob.glob(os.path.join(TOP, "etc", directory, "*"))}
    tap.equal({name for name in there - known
               if not re.search(r"tcp_table", name)}, set())


def main():
    with tempfile.TemporaryDirectory() as directory:
        return suite.run(Site(directory))


if __name__ == "__main__":
    sys.exit(main())

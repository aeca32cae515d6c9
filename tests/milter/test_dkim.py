#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""spfmilter with dkim = verify: what lifts a refusal, what doesn't, and when."""

import re
import socket
import sys
import urllib.request

import dkim_signer
import milter_daemon
import nameserver
import network
import policy_client
import spfmilter as filters
import tap
from check_only import check_only
from milter_client import OLD, POSTFIX, SENDMAIL, Session, Step

equal, true = tap.equal, tap.true
suite = tap.Suite()
RCPT, EXEMPT = "<ann@fwd.test>", "<postmaster@fwd.test>"
ACCESS = "spf-fail:\tUNLESS-DKIM REJECT\n"
HEADER = ["From: Bob <bob@{d}>", "To: ann@fwd.test", "Subject: hello\r\n there"]
BODY = b"Hi. \t We lost  \r\n\r\nthe game.\r\n\r\n"

KEYS = dkim_signer.key_zone({
    "fail.test": "v=DKIM1;", "list.test": "v=DKIM1;", "other.test": "v=DKIM1;",
    "spam.test": "v=DKIM1;", "softfail.test": "v=DKIM1;",
    "testing.fail.test": "v=DKIM1; t=y;", "test": "v=DKIM1;",
    "pass.test": "v=DKIM1;", "xn--bcher-kva.test": "v=DKIM1;"})


class Site(milter_daemon.Site):
    """One name server for all cases."""

    def __init__(self):
        super().__init__()
        self.dns = nameserver.zone_server(
            filters.ZONE + KEYS + 'testing.fail.test. TXT "v=spf1 -all"\n', servfail=["sel._domainkey.late.fail.test"])

    def daemon(self, directory, access=ACCESS, spfmilter="dkim = verify\n",
               **options):
        return filters.Spfmilter(directory, self.dns.name, access,
                                spfmilter=spfmilter, **options)


def message_of(header, body, **how):
    """Fields as a client sends them, a signature on top unless d is None."""
    text = "\r\n".join(header).encode() + b"\r\n\r\n" + body
    fields = list(header)
    if how.get("d") is not None:
        fields[:0] = [dkim_signer.signature(text, **how).decode("latin-1")]
    return [field.replace("\r\n", "\n") for field in fields]


def talk(milter, sender="<bob@fail.test>", recipients=(RCPT,), header=None, body=BODY,
         sent=None, mta=SENDMAIL, ip="127.0.0.99", helo="mx.sender.test",
         macros=None, **how):
    """A message signed as how says; sent: another body, on the way."""
    header = header or [h.format(d=sender.strip("<>").rsplit("@", 1)[-1])
                        for h in HEADER]
    headers = message_of(header, body, **how)
    with Session(milter.address, mta, macros) as s:
        s.connect(ip)
        s.helo(helo)
        return s.deliver(sender, recipients, headers,
                         body if sent is None else sent)


def verdict(done):
    return done.code or done.verdict


# --- steps ---

@suite.case("header and body are asked for with dkim = verify alone")
def steps(site):
    for settings in "dkim = verify", "dkim = off", "dkim = off\nremove_ar = none":
        d = site.start(spfmilter=settings)
        verifies = settings == "dkim = verify"
        with Session(d.address) as s:
            equal([not s.steps & Step.NOBODY, not s.steps & Step.NOEOH,
                   bool(s.steps & Step.HDR_LEADSPC), bool(s.steps & Step.SKIP)],
                  [verifies] * 4, settings)
            if verifies:
                true(not s.steps & Step.NOHDRS, settings)
        d.stop()


# --- what lifts ---

@suite.case("a signature of MAIL FROM's domain lifts the refusal, for each MTA")
def lifts(site):
    d = site.start()
    for mta in SENDMAIL, POSTFIX, OLD:
        for c in "simple/simple", "relaxed/relaxed":
            done = talk(d, mta=mta, d="fail.test", c=c)
            equal(verdict(done), "continue", f"{mta.version} {c}")
        equal(verdict(talk(d, mta=mta)), "550", "unsigned")
    tap.wait_until(lambda: sum("info: mail " in line for line in d.log()) == 9,
                   "a log line for each message")
    lines = [milter_daemon.parse(line) for line in d.log() if "info: mail " in line]
    equal([(x["outcome"], x["reason"], x["dkim"]) for x in lines],
          ([("accepted", "dkim_pass", "pass")] * 2 +
           [("refused", "key", "none")]) * 3, "log")
    equal(lines[0]["dkim_domain"], "fail.test")


@suite.case("what is in the domain's subdomain is covered, never the other way")
def alignment(site):
    d = site.start()
    for sender, domain, expected in (
            ("<bob@sub.fail.test>", "fail.test", "continue"),
            ("<bob@FAIL.test>", "fail.test", "continue"),
            ("<bob@b\u00fccher.test>", "xn--bcher-kva.test", "continue"),
            ("<bob@b\u00fccher.test>", "fail.test", "550"),
            ("<bob@fail.test>", "testing.fail.test", "550"),
            ("<bob@fail.test>", "other.test", "550"),
            ("<bob@fail.test>", "test", "550")):
        equal(verdict(talk(d, sender, d=domain)), expected, f"{sender} {domain}")


@suite.case("From alone never lifts; both wants both")
def from_alone(site):
    header = ["From: eve@other.test", "To: ann@fwd.test", "Subject: x"]
    own = ["From: bob@fail.test", *header[1:]]
    d = site.start()
    equal(verdict(talk(d, header=header, d="other.test")), "550", "From alone")
    equal(verdict(talk(d, header=header, d="fail.test")), "continue", "mailfrom")
    d.stop()
    d = site.start(spfmilter="dkim = verify\ndkim_aligned = both\n")
    equal(verdict(talk(d, header=header, d="fail.test")), "550", "another From")
    equal(verdict(talk(d, header=own, d="fail.test")), "continue", "both")
    for doubtful in ("bob@fail.test, eve@other.test", "x: bob@fail.test;",
                     "bob@fail.test <eve@other.test>", "nobody"):
        equal(verdict(talk(d, header=["From: " + doubtful, *header[1:]],
                           d="fail.test")), "550", doubtful)


@suite.case("altered, forged, weak and partial signatures don't count")
def counts_not(site):
    d = site.start()
    equal(verdict(talk(d, d="fail.test", sent=BODY + b"footer\r\n")), "550", "body")
    equal(verdict(talk(d, d="fail.test", key="r2048")), "550", "another's key")
    equal(verdict(talk(d, "<bob@testing.fail.test>", d="testing.fail.test")), "550",
          "t=y")
    partial = dkim_signer.TEMPLATE.replace("s={s};", "s={s}; l={l};")
    equal(verdict(talk(d, d="fail.test", template=partial, l=5)), "550", "l=")
    equal(verdict(talk(d, d="fail.test", a="rsa-sha1")), "550", "rsa-sha1")
    two = ["From: eve@other.test", "From: bob@fail.test", "To: a", "Subject: b"]
    equal(verdict(talk(d, header=two, d="fail.test")), "550", "two From fields")


@suite.case("dkim-pass: unaligned, never, refused")
def tags(site):
    d = site.start(ACCESS + "dkim-pass:list.test\tOK\ndkim-pass:fail.test\tSKIP\n"
                   "dkim-pass:spam.test\tREJECT no spam\n")
    equal(verdict(talk(d, d="list.test")), "continue", "OK")
    equal(verdict(talk(d, d="fail.test")), "550", "SKIP")
    done = talk(d, "<bob@pass.test>", d="spam.test")
    equal((done.code, done.status, done.text), ("550", "5.7.1", "no spam"), "REJECT")
    equal(verdict(talk(d, "<bob@pass.test>", d="spam.test", recipients=(EXEMPT,))),
          "continue", "exempt")
    equal(verdict(talk(d, "<bob@pass.test>", d="spam.test", sent=b"altered")),
          "continue", "not verified")
    equal(verdict(talk(d, "<bob@pass.test>", d="pass.test")), "continue", "others")
    equal(d.line_of("reason=dkim_refused.*outcome=refused")["key"], "dkim-pass:spam.test")


@suite.case("UNLESS-DKIM alone is the result's default; other results can have it")
def alone(site):
    d = site.start("spf-fail:\tUNLESS-DKIM\nspf-softfail:\tUNLESS-DKIM ERROR:5.7.9:"
                   "554 sign it\nspf-neutral:\tUNLESS-DKIM\n")
    done = talk(d)
    equal((done.code, done.status), ("550", "5.7.23"))
    equal(verdict(talk(d, d="fail.test")), "continue")
    done = talk(d, "<bob@softfail.test>")
    equal((done.code, done.status, done.text), ("554", "5.7.9", "sign it"))
    equal(verdict(talk(d, "<bob@softfail.test>", d="softfail.test")), "continue")
    equal(verdict(talk(d, "<bob@neutral.test>")), "continue", "its default is OK")


@suite.case("a key that can't be looked up is a temporary refusal")
def temporary(site):
    d = site.start()
    done = talk(d, "<bob@late.fail.test>", d="late.fail.test")
    equal((done.code, done.status), ("451", "4.4.3"))
    true("sel._domainkey.late.fail.test" in done.text and "SERVFAIL" in done.text,
         done.text)
    equal(d.line_of("reason=dkim_error")["dkim_key_error"], "SERVFAIL")
    equal(verdict(talk(d, "<bob@fail.test>", d="late.fail.test")), "550",
          "one that could lift nothing")
    equal(verdict(talk(d, "<bob@pass.test>", d="late.fail.test")), "continue",
          "nothing waits for it")


# --- what is as it was ---

@suite.case("null sender, HELO, smtp-auth, bad senders are refused at RCPT")
def unchanged(site):
    d = site.start("spf-fail:\tUNLESS-DKIM REJECT\nhelo-fail:\tUNLESS-DKIM REJECT\n"
                   "null-fail:\tUNLESS-DKIM REJECT\nsmtp-auth:\tUNLESS-DKIM REJECT\n")
    for what, sender, helo, macros in (
            ("null", "<>", "fail.test", None),
            ("helo", "<bob@none.test>", "fail.test", None),
            ("auth", "<bob@none.test>", "mx.sender.test",
             {"M": {"{auth_authen}": "bob"}}),
            ("both", "<bob@fail.test>", "fail.test", None)):
        with Session(d.address) as s:
            s.connect("127.0.0.99")
            s.helo(helo)
            s.mail(sender, macros=macros and macros["M"])
            equal(s.rcpt(RCPT).code, "550", what)


@suite.case("QUARANTINE of the HELO name neither replaces the refusal nor is lifted")
def helo_behind(site):
    d = site.start(access=ACCESS + "helo-fail:\tQUARANTINE odd name\n")
    for how, expected in (({}, "550"), ({"d": "fail.test"}, "continue")):
        done = talk(d, helo="mx.fail.test", **how)
        equal(verdict(done), expected, how)
        equal("odd name" in repr(vars(done)), bool(how), "in quarantine")
    d.wait_for_log("outcome=quarantined")


@suite.case("without UNLESS-DKIM a refusal comes at RCPT")
def at_rcpt(site):
    d = site.start("spf-fail:\tREJECT\n")
    with Session(d.address) as s:
        s.connect("127.0.0.99")
        s.helo("mx.sender.test")
        s.mail("<bob@fail.test>")
        equal(s.rcpt(RCPT).code, "550")


# --- recipients ---

@suite.case("recipients of both classes don't share a transaction")
def classes(site):
    d = site.start()
    for first, second, result in ((RCPT, EXEMPT, "550"), (EXEMPT, RCPT, "continue")):
        with Session(d.address) as s:
            s.connect("127.0.0.99")
            s.helo("mx.sender.test")
            s.mail("<bob@fail.test>")
            equal(s.rcpt(first).verdict, "continue")
            done = s.rcpt(second)
            equal((done.code, done.status), ("452", "4.5.3"), second)
            equal(s.rcpt(first).verdict, "continue", "one of its class")
            equal(verdict(s.content(HEADER, BODY)), result)
    with Session(d.address) as s:
        s.connect("127.0.0.99")
        s.helo("mx.sender.test")
        s.mail("<bob@pass.test>")
        equal([s.rcpt(r).verdict for r in (RCPT, EXEMPT)], ["continue"] * 2,
              "nothing waits")


@suite.case("RRS recipients are left to srsmilter, in a transaction of their own")
def rrs(site):
    d = site.start(spfmilter="dkim = verify\nrrs = yes\n",
                   more="[srs]\nrrs_domains = fwd.test\nrrs_secret_file = /x\n")
    left = "<rrs=x=y.test=bob@fwd.test>"
    for first, second, result in ((RCPT, left, "550"), (left, RCPT, "continue")):
        with Session(d.address) as s:
            s.connect("127.0.0.99")
            s.helo("mx.sender.test")
            s.mail("<bob@fail.test>")
            equal(s.rcpt(first).verdict, "continue", first)
            done = s.rcpt(second)
            equal((done.code, done.status), ("452", "4.5.3"), f"{first} {second}")
            equal(verdict(s.content(HEADER, BODY)), result, first)


@suite.case("the policy service sees no signatures: refused there, which is reported")
def policy_service(site):
    at = ("127.0.0.1", network.free_port(socket.AF_INET, "127.0.0.1"))
    d = site.start(spfmilter="dkim = verify\n"
                   f"policy_listen = inet:{at[1]}@127.0.0.1\n")
    d.wait_for_log("policy service started")
    d.wait_for_log("the policy service sees no signatures")
    with policy_client.Client(at) as client:
        true(client.ask(sender="bob@fail.test").startswith("550 5.7.23 "), "refused")
    equal(verdict(talk(d, d="fail.test")), "continue", "the milter")


# --- fields ---

@suite.case("Authentication-Results has a result for each signature, or none")
def results(site):
    d = site.start()
    field = talk(d, d="fail.test").message.values("Authentication-Results")[0]
    true(re.search(r";\s+dkim=pass header\.d=fail\.test header\.s=sel "
                   r"header\.a=rsa-sha256 header\.b=\"[A-Za-z0-9+/]{8}\"$", field),
         field)
    field = talk(d, "<bob@pass.test>").message.values("Authentication-Results")[0]
    true(field.endswith("dkim=none") and "spf=pass" in field, field)
    for how, expected in (
            ({"d": "pass.test", "sent": b"x"},
             'dkim=fail reason="body hash did not verify"'),
            ({"d": "nokey.test"}, 'dkim=permerror reason="no key"'),
            ({"d": "late.fail.test"}, 'dkim=temperror reason="key lookup failed"'),
            ({"d": "testing.fail.test"},
             'dkim=policy reason="the key is for testing only (t=y)"')):
        field = talk(d, "<bob@pass.test>", **how).message.values(
            "Authentication-Results")[0]
        true(expected in field, f"{how}: {field}")
    evil = dkim_signer.TEMPLATE.replace(
        "s={s};", "s={s}; i=x=3B=20dkim=3Dpass=20header.d=3Dbank.test@{d};")
    field = talk(d, "<bob@pass.test>", d="pass.test", template=evil).message.values(
        "Authentication-Results")[0]
    true("bank.test" not in field and field.count("dkim=") == 1, field)
    d.reload(spfmilter="dkim = verify\ndkim_results = no\n")
    field = talk(d, "<bob@pass.test>", d="pass.test").message.values(
        "Authentication-Results")[0]
    true("dkim" not in field and "spf=pass" in field, field)


@suite.case("fields that are inserted have one blank, those of others are removed")
def blanks(site):
    d = site.start()
    header = ["From: bob@fail.test", "To: x", "Subject: y",
              "Authentication-Results: mx.test; spf=pass", ]
    for mta in SENDMAIL, POSTFIX, OLD:
        done = talk(d, header=header, mta=mta, d="fail.test",
                    macros=None)
        inserted = [str(h) for h in done.message.all_headers
                    if str(h).startswith(("Received-SPF", "Authentication-Results"))]
        for line in inserted:
            true(re.match(r"[A-Za-z-]+: [^ ]", line), line)


@suite.case("mode = report says what DKIM would have lifted")
def report(site):
    d = site.start(spfmilter="dkim = verify\nmode = report\n")
    done = talk(d, d="fail.test")
    equal((verdict(done), done.message.values("X-SPF-Policy")),
          ("continue",
           ["would be OK:\n\tDKIM signature of fail.test lifts the rejection"]))
    done = talk(d)
    true(done.message.values("X-SPF-Policy")[0].startswith(
        "would be REJECT 550 5.7.23"), done.message.values("X-SPF-Policy"))
    line = d.line_of("reason=dkim_pass")
    equal((line["mode"], line["action"], line["dkim"]), ("report", "OK", "pass"))


# --- others ---

@suite.case("a body that nobody waits for is skipped")
def skipped(site):
    d = site.start()
    with Session(d.address) as s:
        s.connect("127.0.0.99")
        s.helo("mx.sender.test")
        s.mail("<bob@pass.test>")
        s.rcpt(RCPT)
        for line in HEADER:
            s.header(line)
        s.end_of_headers()
        equal(s.body(b"a" * 60000).verdict, "skip")
        equal(s.end().verdict, "continue")


@suite.case("several messages in a connection, aborted ones, and one that is kept")
def several(site):
    d = site.start()
    header = [h.format(d="fail.test") for h in HEADER]
    fields = message_of(header, BODY, d="fail.test")
    with Session(d.address) as s:
        for _ in range(2):
            s.connect("127.0.0.99")
            s.helo("mx.sender.test")
            for _ in range(2):
                equal(verdict(s.deliver("<bob@fail.test>", [RCPT], fields, BODY)),
                      "continue", "signed")
                s.mail("<bob@fail.test>")
                s.rcpt(RCPT)
                s.header(fields[0].replace("fail.test", "other.test"))
                s.abort()
                equal(verdict(s.deliver("<bob@fail.test>", [RCPT], header, BODY)),
                      "550", "unsigned")
            s.quit_nc()


@suite.case("reloads within a message: it keeps what it began with")
def reload_within(site):
    d = site.start()
    header = [h.format(d="fail.test") for h in HEADER]
    with Session(d.address) as s:
        s.connect("127.0.0.99")
        s.helo("mx.sender.test")
        s.mail("<bob@fail.test>")
        s.rcpt(RCPT)
        d.reload(spfmilter="dkim = off\n")
        equal(verdict(s.content(message_of(header, BODY, d="fail.test"), BODY)),
              "continue", "as it was")
    with Session(d.address) as s:
        s.connect("127.0.0.99")
        s.helo("mx.sender.test")
        s.mail("<bob@fail.test>")
        equal(s.rcpt(RCPT).code, "550", "as it is")


@suite.case("a trusted relay's mail: decided at the end of the message")
def relay(site):
    d = site.start(spfmilter="dkim = verify\ntrusted_relay = 127.0.0.50\n"
                   "trusted_relay_check = reject\n")
    header = ["Received: from mx.sender.test (mx.sender.test [127.0.0.99])\r\n"
              "\tby relay.test; Mon, 1 Jan 2024 00:00:00 +0000",
              "From: bob@fail.test", "To: x", "Subject: y"]
    equal(verdict(talk(d, ip="127.0.0.50", header=header, d="fail.test")),
          "continue")
    equal(verdict(talk(d, ip="127.0.0.50", header=header)), "550")


@suite.case("reject_at = mail with UNLESS-DKIM is an error, dkim = off a warning")
def configuration(site):
    for settings, status, text in (
            ("dkim = verify\nreject_at = mail", 1,
             'reject_at: "mail" can\'t be used with UNLESS-DKIM'),
            ("reject_at = mail", 1, "can't be used with UNLESS-DKIM"),
            ("", 0, "dkim: off: UNLESS-DKIM in "), ("dkim = verify", 0, ""),
            ("dkim_aligned = both", 0, "dkim_aligned: has no effect without"),
            ("dkim_results = no", 0, "dkim_results: has no effect without"),
            ("dkim = on", 1, "dkim"), ("dkim_aligned = from", 1, "dkim_aligned")):
        d = site.daemon(site.path(), spfmilter=settings)
        done = check_only("spfmilter", d.config)
        true(done[0] == status and text in done[2], f"{settings}: {done}")


    done = check_only("spfmilter", site.daemon(
        site.path(), "dkim-pass:list.test OK\n", spfmilter="").config)
    true(done[0] == 0 and "dkim: off: dkim-pass in " in done[2], done)


@suite.case("an access file that gets UNLESS-DKIM at reject_at = mail isn't taken")
def refresh(site):
    d = site.start("spf-fail:\tREJECT\n", spfmilter="reject_at = mail\n")
    before = len(d.log())
    d.write_access(ACCESS)
    d.wait_for_log("keeping the old contents", before)
    with Session(d.address) as s:
        s.connect("127.0.0.99")
        s.helo("mx.sender.test")
        equal(s.mail("<bob@fail.test>").code, "550")


@suite.case("metrics count results and lifted refusals")
def metrics(site):
    port = network.free_port(socket.AF_INET, "127.0.0.1")
    d = site.start(spfmilter=f"dkim = verify\nmetrics = inet:{port}@127.0.0.1")
    talk(d, d="fail.test")
    talk(d, "<bob@pass.test>")
    d.line_of("from=bob@pass.test")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as reply:
        text = reply.read().decode()
    for line in ('spfmilter_dkim_total{result="pass"} 1',
                 'spfmilter_dkim_total{result="none"} 1',
                 "spfmilter_dkim_lifted_total 1"):
        true(line in text.splitlines(), line)


if __name__ == "__main__":
    sys.exit(nameserver.run(suite, Site))

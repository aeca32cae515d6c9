"""
spfmilter with dkim = verify, for whichever MTA: forwarded mail with its signature
whole, altered, forged; both classes of recipients; keys that can't be had; other
filters before and behind.

A site has: filter (the daemon), dns (nsd), host, new_token(), settled(), delivered()
and count_copies(), as those of spf_cases.
"""

import os
import re
import threading

import dkim_signer
import nameserver
import smtp
import spfmilter
import tap
import world

suite = tap.Suite()
case = suite.case
RCPT, POSTMASTER = "local@fwd.test", "postmaster@fwd.test"
PEERS = ["nsd"]
# MTAs look senders' domains up by themselves.
world.WILDCARDS.update(("fail.test", "pass.test", "other.test"))

ACCESS = "spf-fail:\tUNLESS-DKIM REJECT not signed\n"
SETTINGS = "dkim = verify\n"


def name_server():
    return nameserver.zone_server(
        spfmilter.ZONE + dkim_signer.key_zone({
            "fail.test": "v=DKIM1;", "other.test": "v=DKIM1;",
            "pass.test": "v=DKIM1;"}),
        servfail=["sel._domainkey.late.fail.test"])


def message(token, author="bob@fail.test"):
    return (f"Received: from there by here; Thu, 01 Jan 2026 00:00:00 +0000\r\n"
            f"From: Bob  Author <{author}>\r\nTo: list@header.test\r\n"
            "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n"
            "Subject: a long one\r\n\tthat  is folded\r\n"
            f"Message-ID: <{token}@header.test>\r\n\r\n"
            f"body of {token} \t \r\n\r\n  the  end.\r\n\r\n\r\n").encode()


def signed(token, d="fail.test", author="bob@fail.test", **how):
    return dkim_signer.signed(
        message(token, author), d=d,
        h=("From", "To", "Date", "Subject", "Message-ID", "From"), **how)


def hand_in(session, sender, recipients, text, partial=False):
    """Send text as it is; what the server said."""
    reply = smtp.Reply(mail=session.command(f"MAIL FROM:<{sender}>"), rcpt=[],
                       data=None)
    if reply.mail[0] == 250:
        reply.rcpt = [session.command(f"RCPT TO:<{one}>") for one in recipients]
    codes = [code == 250 for code, _ in reply.rcpt]
    if not codes or not (any if partial else all)(codes):
        session.reset((reply.rcpt or [reply.mail])[-1][0])
        return reply
    reply.data = session.command("DATA")
    if reply.data[0] == 354:
        reply.data = session.command(text.decode("latin-1") + ".")
    return reply


def send(site, text, sender="bob@fail.test", recipients=(RCPT,), partial=False):
    with smtp.Session(site.host) as session:
        return hand_in(session, sender, recipients, text, partial)


def expect(site, token, reply, accepted, what):
    tap.equal((reply.accepted, bool(site.delivered(token))), (accepted, accepted),
              f"{what}: {reply}")


def refused(reply):
    """Code, status and text, at the end of the message."""
    return f"{reply.data[0]} {reply.data[1]}" if reply.data else str(reply)


@case("forwarded mail whose signature is whole is accepted, simple and relaxed")
def whole(site):
    for c in "simple/simple", "relaxed/relaxed", "simple/relaxed", "relaxed/simple":
        token = site.new_token()
        expect(site, token, send(site, signed(token, c=c)), True, c)
        [text] = site.delivered(token)
        for name in "Received-SPF", "Authentication-Results":
            if not re.search(rf"^{name}: \S", text, re.M):
                raise AssertionError(f"not one blank behind {name}: {text}")
        unfolded = re.sub(r"\r?\n[ \t]+", " ", text)
        if not re.search(r"^Authentication-Results: [^\n]*; dkim=pass "
                         r"header\.d=fail\.test ", unfolded, re.M):
            raise AssertionError(text)


@case("unsigned, altered on the way, signed with another's key: refused")
def refusals(site):
    for what, text in {
            "unsigned": lambda t: message(t),
            "altered body": lambda t: signed(t).replace(b"the  end", b"an  end"),
            "altered header": lambda t: signed(t).replace(b"a long", b"no long"),
            "footer": lambda t: signed(t) + b"-- \r\na list\r\n",
            "another's key": lambda t: signed(t, key="r2048"),
            "rsa-sha1": lambda t: signed(t, a="rsa-sha1")}.items():
        token = site.new_token()
        reply = send(site, text(token))
        expect(site, token, reply, False, what)
        if not re.match(r"550 5\.7\.23 not signed", refused(reply)):
            raise AssertionError(f"{what}: {reply}")


@case("a signature of From alone, and one of a domain below: refused")
def unaligned(site):
    for what, how in {"From alone": {"d": "other.test", "author": "eve@other.test"},
                      "unknown": {"d": "nobody.test"}}.items():
        token = site.new_token()
        expect(site, token, send(site, signed(token, **how)), False, what)


@case("an exempt recipient and another: the later is told 452")
def classes(site):
    for first, second, accepted in ((POSTMASTER, RCPT, True),
                                    (RCPT, POSTMASTER, False)):
        token = site.new_token()
        reply = send(site, message(token), recipients=(first, second), partial=True)
        tap.equal([code for code, _ in reply.rcpt], [250, 452], f"{first} {reply}")
        if "4.5.3" not in reply.rcpt[1][1]:
            raise AssertionError(reply)
        tap.equal(reply.accepted, accepted, f"{first}: {reply}")


@case("key servers that fail or are silent: refused for now")
def keys(site):
    token = site.new_token()
    reply = send(site, signed(token, d="late.fail.test"),
                 sender="bob@late.fail.test")
    if not re.match(r"451 4\.4\.3 DNS lookup of TXT sel\._domainkey\.late\.fail\.test "
                    "failed: SERVFAIL", refused(reply)):
        raise AssertionError(reply)
    site.filter.reload(spf="timeout = 1\ncache_size = 0")
    try:
        token = site.new_token()
        with smtp.Session(site.host) as session:
            tap.equal(session.command("MAIL FROM:<bob@fail.test>")[0], 250)
            tap.equal(session.command(f"RCPT TO:<{RCPT}>")[0], 250)
            site.dns.freeze()
            session.command("DATA")
            code, text = session.command(signed(token).decode("latin-1") + ".")
    finally:
        site.dns.thaw()
        site.filter.reload(spf="")
    tap.equal((code, text.startswith("4.4.3 ")), (451, True), text)
    expect(site, token, send(site, signed(token)), True, "later")


@case("mail that SPF passes is as before, and large ones too")
def passing(site):
    token = site.new_token()
    large = message(token, "bob@pass.test") + b"x" * 70 + b"\r\n"
    large += (b"y" * 70 + b"\r\n") * 500
    expect(site, token, send(site, large, "bob@pass.test"), True, "pass")
    token = site.new_token()
    large = message(token) + (b"y \t" * 20 + b"\r\n") * 600
    text = dkim_signer.signed(large, d="fail.test", c="relaxed/relaxed",
                              h=("From", "To"))
    expect(site, token, send(site, text), True, "a large one that is signed")


class Load:
    """Messages in many sessions at once: every other one has a good signature."""

    def __init__(self, site, count, sessions):
        self.site, self.good, self.bad, self.failed = site, [], [], []
        self.progress = threading.Semaphore(0)
        self.delayed = threading.Semaphore(0)
        self.threads = [threading.Thread(target=self.deliver, daemon=True,
                                         args=(range(k, count, sessions),))
                        for k in range(sessions)]
        for thread in self.threads:
            thread.start()

    def deliver(self, share):
        try:
            with smtp.Session(self.site.host, patient=True) as session:
                for n in share:
                    self.deliver_one(session, n)
                    self.progress.release()
        except Exception as error:
            self.failed.append(repr(error))
            raise

    def deliver_one(self, session, n):
        token = self.site.new_token()
        text = signed(token)
        if n % 2:
            text = (text.replace(b"the  end", b"an  end"), message(token),
                    signed(token, d="other.test", author="eve@other.test"))[n % 3]
        tap.equal(self.insist(session, text), n % 2 == 0, f"message {n} accepted")
        (self.bad if n % 2 else self.good).append(token)

    def insist(self, session, text):
        for _ in range(1000):
            reply = hand_in(session, "bob@fail.test", [RCPT], text)
            last = reply.data or (reply.rcpt or [reply.mail])[-1]
            if last[0] // 100 != 4:
                return reply.accepted
            self.delayed.release()
        raise AssertionError("never an answer")

    def wait(self, semaphore, count):
        for _ in range(count):
            if not semaphore.acquire(timeout=120):
                raise AssertionError(f"no progress: {self.failed}")

    def join(self):
        for thread in self.threads:
            thread.join()
        tap.equal(self.failed, [], "sessions that broke")


@case("soak: messages with good and bad signatures, the DNS silent now and then: none "
      "accepted against policy, none lost")
def soak(site):
    count = int(os.environ.get("SOAK_MESSAGES", "80"))
    site.filter.reload(spf="timeout = 1\ncache_size = 0")
    run = Load(site, count, int(os.environ.get("SOAK_SESSIONS", "8")))
    for _ in range(2):
        run.wait(run.progress, count // 4)
        run.delayed = threading.Semaphore(0)
        site.dns.freeze()
        run.wait(run.delayed, 4)
        site.dns.thaw()
    run.join()
    site.filter.reload(spf="")
    site.settled()
    for tokens, copies in ((run.good, 1), (run.bad, 0)):
        counted = site.count_copies(tokens)
        tap.equal({n: c for n, c in counted.items() if c != copies}, {},
                  f"messages of which there aren't {copies}")
    tap.diagnose(f"{len(run.good)} accepted, {len(run.bad)} refused")

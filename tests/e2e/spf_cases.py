"""
What spfmilter does to mail, for whichever MTA: every result and action, for both
identities; header fields; exemptions; the DNS and the filter failing.

A site has: mta, filter (the daemon), dns (nsd), send() as exchange.Exchange's
submit(), settled(): waits until all is done; delivered(token) and held(token):
texts of the mailbox, and whether the message is in quarantine or the hold
queue, both once all is done; count_copies(tokens).
"""

import glob
import os
import re
import signal
import threading

import smtp
import tap
import world

import spfmilter

suite = tap.Suite()
case = suite.case
RCPT = "local@fwd.test"
PEERS = ["nsd"]
# MTAs look senders' domains up by themselves.
world.WILDCARDS.update(f"{name}.test" for name in (
    *spfmilter.RESULTS, "explained", "xn--bcher-kva", "far", "guessed",
    "delegated", "parts"))

# value: (what becomes of the message, reply)
ACTIONS = {
    "ok": ("OK", "delivered", None),
    "relay": ("RELAY", "delivered", None),
    "whitelist": ("WHITELIST", "delivered", None),
    "reject": ("REJECT no % \"sir\"", "refused", r"550 5\.7\.\d+ no % \"sir\""),
    "tempfail": ("TEMPFAIL", "refused", r"451 4\.7\.\d+ "),
    "error": ("ERROR:5.7.9:554 go away", "refused", r"554 5\.7\.9 go away"),
    "discard": ("DISCARD", "gone", None),
    "quarantine": ("QUARANTINE:looks odd", "held", None),
    "unknown": ("BOUNCE", "default", None),
    "skip": ("SKIP", "default", None),
}
# RFC 7372, and RFC 7208 8: what is done where the access file is silent.
DEFAULTS = {
    "fail": ("refused", r"550 5\.7\.23 SPF fail: 127\.0\.0\.99 is not allowed "
             r"to send mail for \w+\.fail\.test"),
    "permerror": ("refused", r"550 5\.7\.24 SPF permerror .*ipv4:127\.0\.0\.1"),
    "temperror": ("refused", r"451 4\.7\.24 SPF temperror "),
}
HELO_DEFAULTS = {
    "fail": ("refused", r"550 5\.7\.23 SPF fail: 127\.0\.0\.99 is not allowed "
             r"to use the HELO name \w+\.fail\.test"),
}
# Others find out nothing more than they may.
FAILING = [f"{name}.temperror" for name in ACTIONS]
ACCESS = "".join(
    f"{tag}-{result}:{name}.{result}.test\t{value}\n"
    for tag in ("spf", "helo") for result in spfmilter.RESULTS
    for name, (value, _, _) in ACTIONS.items()) + """\
spf-fail:exempt@fail.test\tOK
spf-to:friend@fwd.test\tOK
spf-fail:xn--bcher-kva.test\tERROR:5.7.9:554 by its key
smtp-auth:forbidden.test\tREJECT
"""


def expect_fate(site, token, reply, fate, pattern, what):
    """Compare what has become of a message with what should have."""
    if fate == "refused":
        if not re.match(pattern, rcpt_said(reply)):
            raise AssertionError(f"{what}: RCPT said {rcpt_said(reply)}")
        return
    if not reply.accepted:
        raise AssertionError(f"{what}: {reply}")
    tap.equal((bool(site.delivered(token)), site.held(token)),
              (fate == "delivered", fate == "held"),
              f"{what}: delivered, held")


def rcpt_said(reply):
    """The first RCPT's reply, without the recipient that sendmail puts in."""
    code, text = reply.rcpt[0]
    return f"{code} " + re.sub(r"<[^>]*>(\.\.\.|:) ", "", text)


def try_actions(site, result, identity):
    defaults = DEFAULTS if identity == "mail" else HELO_DEFAULTS
    for name, (_, fate, pattern) in ACTIONS.items():
        domain = f"{name}.{result}.test"
        if identity == "mail":
            token, reply = site.send(f"bob@{domain}", RCPT)
        else:
            token, reply = site.send("bob@none.test", RCPT, helo=domain)
        if fate == "default":
            fate, pattern = defaults.get(result, ("delivered", None))
        expect_fate(site, token, reply, fate, pattern, f"{identity} {domain}")


for each in spfmilter.RESULTS:
    case(f"MAIL FROM {each}: every action")(
        lambda site, result=each: try_actions(site, result, "mail"))
    case(f"HELO {each}: every action")(
        lambda site, result=each: try_actions(site, result, "helo"))


@case("the reject is at RCPT, for that recipient alone; postmaster is exempt")
def per_recipient(site):
    token, reply = site.send("bob@reject.fail.test", RCPT, "postmaster@fwd.test",
                             "friend@fwd.test", partial=True)
    tap.equal(reply.mail[0], 250, "MAIL")
    tap.equal([code for code, _ in reply.rcpt], [550, 250, 250], "RCPT")
    tap.equal(reply.accepted, True, "the message")
    line = site.filter.line_of("from=bob@reject.fail.test .*exempt=2")
    tap.equal((line["refused"], line["rcpts"], line["outcome"]),
              ("1", "2", "accepted"))


@case("discarding and quarantine spare a message with an exempt recipient")
def spared(site):
    for name in "discard", "quarantine":
        token, reply = site.send(f"bob@{name}.fail.test", "postmaster@fwd.test",
                                 RCPT)
        tap.equal(reply.accepted, True, name)
        tap.equal((bool(site.delivered(token)), site.held(token)),
                  (True, False), f"{name}: delivered, held")


@case("header fields: Received-SPF on top, then both identities in A-R")
def fields(site):
    token, _ = site.send("bob@pass.test", RCPT, helo="fail.test")
    [text] = site.delivered(token)
    header = unfold(text)
    received = header.index(next(h for h in header
                                 if h.startswith("Received-SPF: ")))
    results = next(h for h in header
                   if h.startswith("Authentication-Results: "))
    if not re.match(r"Received-SPF: pass .*client-ip=127\.0\.0\.99;.*"
                    r"envelope-from=\"?bob@pass\.test", header[received]):
        raise AssertionError(header[received])
    tap.equal(results, "Authentication-Results: mx.fwd.test; spf=pass "
              "(pass.test permits 127.0.0.99) smtp.mailfrom=bob@pass.test; "
              "spf=fail (fail.test does not permit 127.0.0.99) "
              "smtp.helo=fail.test")
    above = [h.split(":")[0] for h in header[:received]]
    if not set(above) <= {"Envelope-From", "Return-Path", "X-Original-To",
                          "Delivered-To"}:
        raise AssertionError(f"above Received-SPF: {above}")


def unfold(text):
    """Header fields, each in one line with single blanks."""
    head = text.replace("\r", "").split("\n\n")[0]
    head = head.split("\n", 1)[1] if head.startswith("From ") else head
    return [re.sub(r"\s+", " ", h).strip()
            for h in re.sub(r"\n[ \t]+", " ", head).split("\n")]


@case("forged Authentication-Results: ours are removed, others stay")
def forged(site):
    header = ("Authentication-Results: mx.fwd.test; spf=pass forged1\r\n"
              "Authentication-Results: other.test; spf=pass genuine1\r\n"
              "Authentication-Results: MX.FWD.TEST (ha) ;\r\n"
              "\tdkim=pass forged2\r\n"
              "Authentication-Results: other.test; spf=pass genuine2\r\n"
              "Authentication-Results: (x) mx.fwd.test 1; spf=pass forged3\r\n")
    token, _ = site.send("bob@pass.test", RCPT, header=header)
    [text] = site.delivered(token)
    tap.equal(sorted(re.findall(r"forged\d|genuine\d", text)),
              ["genuine1", "genuine2"])
    tap.equal(len(re.findall(r"^Authentication-Results: mx\.fwd\.test;", text,
                             re.M)), 1, "our own field")


@case("forged Authentication-Results with blanks before the colon")
def forged_blanks(site):
    header = "".join(
        f"{name}:mx.fwd.test; spf=pass forged{n}\r\n" for n, name in enumerate((
            "Authentication-Results ", "Authentication-Results\t",
            "AUTHENTICATION-RESULTS", "Authentication-Results \t "))) + \
        "Authentication-Results : other.test; spf=pass genuine\r\n"
    token, _ = site.send("bob@pass.test", RCPT, header=header)
    [text] = site.delivered(token)
    tap.equal(re.findall(r"forged\d|genuine", text), ["genuine"])


@case("HELO within a message: what follows isn't accepted unchecked")
def helo_within(site):
    with smtp.Session(site.host) as session:
        said = []
        for step in ("EHLO pass.test", "MAIL FROM:<bob@reject.fail.test>",
                     "EHLO pass.test", f"RCPT TO:<{RCPT}>"):
            session.smtp.sock.sendall(step.encode() + b"\r\n")
            said.append(read_reply(session.smtp.file)[:3])
        tap.equal(said[1], b"250", "MAIL")
        tap.equal(said[-1][:1] in b"45", True, "RCPT")


@case("the domain's explanation is in the reply, told apart, and % survives")
def explanation(site):
    _, reply = site.send("bob@explained.test", RCPT)
    tap.equal(rcpt_said(reply), (
        "550 5.7.23 SPF fail: 127.0.0.99 is not allowed to send mail for "
        "explained.test; explained.test explains: 127.0.0.99 isn't a host of "
        "explained.test: 100% sure"))


@case("null sender: postmaster at the HELO name")
def null_sender(site):
    _, reply = site.send("", RCPT, helo="fail.test")
    tap.equal(reply.rcpt[0][0], 550, "HELO of fail.test")
    token, reply = site.send("", RCPT, helo="pass.test")
    tap.equal(bool(site.delivered(token)), True, "HELO of pass.test")
    line = site.filter.line_of('helo=pass.test from="" ')
    tap.equal((line["spf"], line["helo_spf"]), ("pass", "pass"))


HOSTILE = ["\x01", "\x7f", "'", '"', "\\", "%", "%n", "%s%s", ";", "=", ",",
           "(", ")", "{", "}", "[", "]", "$", "`", "&", "|", "!", "#", "*", "?",
           "~", "^", "<", "\xc3\xbc", "\xff", "a=b", "pass;x"]


@case("hostile HELO names and senders get no header, log line or reply of theirs")
def hostile(site):
    """Whatever the MTA lets through; line ends end SMTP commands, not more."""
    seen = 0
    lines = len(site.filter.log())
    for n, evil in enumerate(HOSTILE):
        for helo, sender in ((f"h{n}{evil}x.fail.test", f"s{n}@pass.test"),
                             ("client.test", f'"s{n}{evil}"@pass.test')):
            answers, token = talk(site, helo, sender)
            for answer in answers[2:]:      # MAIL's is the MTA's own
                if not re.fullmatch(rb"(\d{3}[ -][ -~]*\r\n)+", answer):
                    raise AssertionError(f"{evil!r}: reply {answer!r}")
            if not answers[-1].startswith(b"250"):
                continue
            seen += 1
            [text] = site.delivered(token)
            names = {h.split(":")[0] for h in unfold(text)}
            if not names <= KNOWN_FIELDS:
                raise AssertionError(f"{evil!r}: fields {names - KNOWN_FIELDS}")
    if seen < len(HOSTILE) * 3 // 4:
        raise AssertionError(f"only {seen} pairs came through")
    for line in site.filter.log()[lines:]:
        if not line.isprintable() and not line.rstrip("\n").isprintable():
            raise AssertionError(f"log line {line!r}")
        if not line.startswith("spfmilter: "):
            raise AssertionError(f"log line {line!r}")


KNOWN_FIELDS = {"Envelope-From", "Return-Path", "Received-SPF", "Received",
                "Authentication-Results", "From", "To", "Date", "Subject",
                "Message-ID", "Message-Id", "X-Original-To", "Delivered-To",
                "X-Authentication-Warning", "X-Hello-SPF", "X-SPF-Policy"}


def talk(site, helo, sender):
    """A message with raw octets; the replies, up to the first refusal."""
    token = site.new_token()
    steps = [f"HELO {helo}", f"MAIL FROM:<{sender}>", f"RCPT TO:<{RCPT}>",
             "DATA", f"Message-ID: <{token}@header.test>\r\n\r\nbody {token}\r\n."]
    answers = []
    with smtp.Session(site.host) as session:
        for step in steps:
            session.smtp.sock.sendall(step.encode("latin-1") + b"\r\n")
            answers.append(read_reply(session.smtp.file))
            if answers[-1][:1] not in b"23":
                break
    return answers, token


def read_reply(file):
    reply = b""
    for line in iter(file.readline, b""):
        reply += line
        if line[3:4] != b"-":
            break
    return reply


TRICKS = ["a@reject.fail(x).test", "a@reject.fail.test(x)",
          '"a@reject.fail.test"', "x:a@reject.fail.test;", "a@reject.fail.test@",
          "a%reject.fail.test", "reject.fail.test!a", "a@pass.test><b@"
          "reject.fail.test", "(a)b@reject.fail.test", "@pass.test:a@"
          "reject.fail.test", "a@[127.0.0.1]@reject.fail.test",
          "a@reject.fail.test (c", "b <a@reject.fail.test",
          "a@reject.fail.test..", "a@.reject.fail.test", "a@reject..fail.test"]


@case("senders in which the MTA reads a domain that isn't there: none gets by")
def tricks(site):
    for sender in TRICKS:
        token, reply = site.send(sender, RCPT)
        if reply.accepted:
            texts = site.delivered(token)
            raise AssertionError(f"{sender} was accepted: {texts}")


@case("internationalised domains: keys as A-labels")
def idn(site):
    _, reply = site.send("bob@xn--bcher-kva.test", RCPT)
    tap.equal(rcpt_said(reply), "554 5.7.9 by its key")


# Such local parts are in DNS names when a record has %{l} (RFC 7208 7).
LOCAL_PARTS = (
    "ann+news", "o'brien", "list-return-7-ann=example.org",
    "prvs=2391abcdef=ann", "btv1==08912ab~cd==ann",
    "SRS0=Ax+/=TT=example.net=bob", "SRS1=Axxx=fwd.example==HHH=TT=e.net=b",
    "bounce_1#2$3&4*5", "{a|b}~^`c", "/x?y", '"john smith"', '"a:b,c;d"',
    '"[x]"')


@case("senders with any local part, in a name that a macro makes: pass")
def local_parts(site):
    for local in LOCAL_PARTS:
        before = len(site.filter.log())
        _, reply = site.send(f"{local}@parts.test", RCPT)
        tap.equal(rcpt_said(reply)[:3], "250", local)
        [line] = site.filter.wait_for_log(r" mail .*@parts\.test", before)
        tap.equal(" spf=pass " in line, True, line)


@case("one log line a message, refused ones too, with the queue id")
def log_lines(site):
    site.send("once@pass.test", RCPT)
    site.send("twice@reject.fail.test", RCPT)
    line = site.filter.line_of("from=once@pass.test")
    tap.equal((line["spf"], line["action"], line["reason"], line["outcome"]),
              ("pass", "OK", "default", "accepted"))
    if not re.fullmatch(r"\w{8,}", line["queue_id"]):
        raise AssertionError(f"queue id {line['queue_id']!r}")
    line = site.filter.line_of("from=twice@reject.fail.test")
    tap.equal((line["action"], line["key"], line["code"], line["outcome"]),
              ("REJECT", "spf-fail:reject.fail.test", "550", "refused"))


@case("mode = report refuses nothing, and says what it would have done")
def report(site):
    site.filter.reload(spfmilter="mode = report")
    try:
        for name in "reject", "tempfail", "discard", "quarantine":
            token, reply = site.send(f"bob@{name}.fail.test", RCPT)
            tap.equal(reply.accepted, True, name)
            [text] = site.delivered(token)
            [told] = [h for h in unfold(text) if h.startswith("X-SPF-Policy: ")]
            if not told.startswith(f"X-SPF-Policy: would be {name.upper()}"):
                raise AssertionError(told)
            tap.equal(site.held(token), False, "held")
    finally:
        site.filter.reload(spfmilter="")


@case("internal clients aren't checked, exempt ones are, and aren't refused")
def internal(site):
    site.filter.reload(spfmilter="internal_connect = 127.0.0.77\n"
                       "exempt_clients = 127.0.0.7*\nexempt_senders = fail.test")
    try:
        token, _ = site.send("bob@reject.fail.test", RCPT, source="127.0.0.77")
        [text] = site.delivered(token)
        tap.equal([h for h in unfold(text) if "SPF" in h], [], "fields")
        for sender, source in ("bob@reject.fail.test", "127.0.0.78"), \
                ("bob@fail.test", "127.0.0.99"):
            token, _ = site.send(sender, RCPT, source=source)
            [text] = site.delivered(token)
            tap.equal(any(h.startswith("Received-SPF: fail")
                          for h in unfold(text)), True, f"{sender}: marked")
    finally:
        site.filter.reload(spfmilter="")


@case("trusted relay: the client behind it is marked, or refused")
def trusted_relay(site):
    header = ("Received: from out.far.test (out.far.test [198.51.100.{}])\r\n"
              "\tby relay.test with ESMTP id 1; Thu, 1 Jan 2026 00:00:00 +0000"
              "\r\n")
    for check, client, result in (("mark", 7, "pass"), ("mark", 8, "fail"),
                                  ("none", 8, None), ("reject", 7, "pass"),
                                  ("reject", 8, "refused")):
        site.filter.reload(spfmilter="trusted_relay = 127.0.0.66\n"
                           f"trusted_relay_check = {check}")
        try:
            token, reply = site.send("bob@far.test", RCPT, source="127.0.0.66",
                                     header=header.format(client))
            what = f"{check}, client .{client}"
            if result == "refused":
                tap.equal(reply.data[0], 550, what)
                continue
            [text] = site.delivered(token)
            marks = [h.split()[1] for h in unfold(text)
                     if h.startswith("Received-SPF")]
            tap.equal(marks, [result] if result else [], what)
        finally:
            site.filter.reload(spfmilter="")


@case("trusted forwarder, best guess, and delegate")
def forwarder(site):
    site.filter.reload(spf="trusted_forwarder = forwarder.test\n"
                       "best_guess = v=spf1 a/32 -all\n"
                       "delegate = delegate.test")
    try:
        token, reply = site.send("bob@reject.fail.test", RCPT,
                                 source="127.0.0.98")
        tap.equal(bool(site.delivered(token)), True, "by the forwarder")
        tap.equal(site.filter.line_of("forwarder=")["forwarder"],
                  "forwarder.test")
        token, _ = site.send("bob@guessed.test", RCPT)
        tap.equal(site.filter.line_of("from=bob@guessed.test")["spf"], "pass")
        _, reply = site.send("bob@delegated.test", RCPT)
        tap.equal(reply.rcpt[0][0], 550, "by the delegated record")
    finally:
        site.filter.reload(spf="")


@case("the access file is replaced: noticed without a signal")
def access_changes(site):
    site.filter.change_access(
        ACCESS + "spf-pass:pass.test\tERROR:5.7.9:554 new\n")
    try:
        _, reply = site.send("bob@pass.test", RCPT)
        tap.equal(rcpt_said(reply), "554 5.7.9 new")
    finally:
        site.filter.change_access(ACCESS)


def try_map(site, name, make):
    """Another access file, made by the MTA's own tool: make(text)."""
    make("spf-pass:pass.test\tERROR:5.7.9:554 first\n")
    before = len(site.filter.log())
    site.filter.reload(access=name)
    try:
        _, reply = site.send("bob@pass.test", RCPT)
        tap.equal(rcpt_said(reply), "554 5.7.9 first", name)
        make("SPF-Pass:Pass.Test\tERROR:5.7.9:554 second\n")
        site.filter.wait_for_log("has changed: 1 entries", before)
        _, reply = site.send("bob@pass.test", RCPT)
        tap.equal(rcpt_said(reply), "554 5.7.9 second", name)
    finally:
        site.filter.reload(access=site.filter.access_path)


@case("DNS silent: refused for now, not accepted; then it goes on")
def dns_silent(site):
    # Another cache, and little patience.
    site.filter.reload(spf="timeout = 1\ncache_size = 0")
    site.dns.freeze()
    try:
        _, reply = site.send("bob@pass.test", RCPT)
        if not re.match(r"451 4\.7\.24 SPF temperror", rcpt_said(reply)):
            raise AssertionError(reply)
    finally:
        site.dns.thaw()
        site.filter.reload(spf="")
    token, _ = site.send("bob@pass.test", RCPT)
    tap.equal(bool(site.delivered(token)), True)


@case("filter down, killed, stopped: refused for now, never passed by")
def filter_down(site):
    for down in site.filter.stop, site.filter.kill:
        down()
        _, reply = site.send("bob@reject.fail.test", RCPT)
        if not any(r and r[0] in (421, 451) for r in
                   [reply.mail, *reply.rcpt, reply.data]):
            raise AssertionError(f"{down.__name__}: {reply}")
        site.filter.start()
    token, _ = site.send("bob@pass.test", RCPT)
    tap.equal(bool(site.delivered(token)), True)


class Soak:
    """Messages in many sessions at once, each to be accepted or refused."""

    def __init__(self, site, count, sessions):
        self.site = site
        self.good, self.bad, self.failed = [], [], []
        self.progress = threading.Semaphore(0)  # a message is through
        self.delayed = threading.Semaphore(0)   # a client was told 4xx
        self.threads = [
            threading.Thread(target=self.deliver, daemon=True,
                             args=(range(k, count, sessions),))
            for k in range(sessions)]
        for thread in self.threads:
            thread.start()

    def deliver(self, share):
        try:
            with smtp.Session(self.site.host) as session:
                for n in share:
                    token = self.site.new_token()
                    accepted = self.insist(
                        session, f"good{n}@pass.test" if n % 2 == 0 else
                        f"bad{n}@reject.fail.test", token)
                    tap.equal(accepted, n % 2 == 0, f"message {n} accepted")
                    (self.good if accepted else self.bad).append(token)
                    self.progress.release()
        except Exception as error:
            self.failed.append(repr(error))
            raise

    def insist(self, session, sender, token):
        """Try until it is accepted or refused for good; whether it was."""
        for _ in range(1000):
            reply = session.send(sender, [RCPT], token)
            last = reply.data or (reply.rcpt or [reply.mail])[-1]
            if last[0] // 100 != 4:
                return reply.accepted
            self.delayed.release()
        raise AssertionError(f"{sender} never got an answer")

    def wait(self, semaphore, count):
        for _ in range(count):
            if not semaphore.acquire(timeout=120):
                raise AssertionError(f"no progress: {self.failed}")

    def join(self):
        for thread in self.threads:
            thread.join()
        tap.equal(self.failed, [], "sessions that broke")


def count_copies(tokens, pattern):
    """How many of the files that match pattern hold each token."""
    counted = dict.fromkeys(tokens, 0)
    for path in glob.glob(pattern):
        with open(path, encoding="latin-1") as file:
            for token in set(re.findall(r"token-\d+-", file.read())):
                if token in counted:
                    counted[token] += 1
    return counted


@case("soak: messages through many sessions, DNS stopped and started, maps replaced "
      "and SIGHUPs in between: none lost, none accepted against policy")
def soak(site):
    count = int(os.environ.get("SOAK_MESSAGES", "200"))
    site.filter.reload(spf="timeout = 1\ncache_size = 0")
    run = Soak(site, count, int(os.environ.get("SOAK_SESSIONS", "16")))
    for step in range(2):
        run.wait(run.progress, count // 4)
        run.delayed = threading.Semaphore(0)
        site.dns.freeze()
        for _ in range(500):
            site.filter.process.send_signal(signal.SIGHUP)
        run.wait(run.delayed, 4)
        site.dns.thaw()
        site.filter.write_access(ACCESS + f"# {step}\n")
    run.join()
    tap.equal(site.filter.process.poll(), None, "the filter's exit status")
    site.filter.reload(spf="")
    site.settled()
    for tokens, copies in ((run.good, 1), (run.bad, 0)):
        counted = site.count_copies(tokens)
        tap.equal({n: c for n, c in counted.items() if c != copies}, {},
                  f"messages of which there aren't {copies}")

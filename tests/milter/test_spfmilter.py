#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""spfmilter, asked as MTAs ask: steps, replies, fields, reloads, the end."""

import dataclasses
import os
import re
import signal
import socket
import stat
import sys
import threading
import urllib.request

import milter_daemon
import spfmilter
from check_only import check_only
from milter_client import OLD, POSTFIX, SENDMAIL, Action, Closed, Session, Step
import network
import tap

equal = tap.equal
suite = tap.Suite()
FAIL, PASS = "<bob@fail.test>", "<bob@pass.test>"
RCPT = "<ann@fwd.test>"
WAITING = 40        # sessions; libmilter keeps two or three workers


class Site(milter_daemon.Site):
    """One name server for all cases."""

    def __init__(self):
        super().__init__()
        self.dns = spfmilter.name_server()

    def daemon(self, directory, access="", **options):
        return spfmilter.Spfmilter(directory, self.dns.name, access, **options)


def talk(address, sender=PASS, recipients=(RCPT,), ip="127.0.0.99",
         helo="mx.sender.test", mta=SENDMAIL, headers=("Subject: hello",),
         macros=None, name=None, connect=None, arguments=()):
    """A session with one message; its outcome."""
    with Session(address, mta, macros) as s:
        s.connect(ip, name, macros=connect)
        s.helo(helo)
        return s.deliver(sender, recipients, headers, b"text\r\n", arguments)


# --- steps ---

@suite.case("only the steps that are needed are asked for")
def steps(site):
    base = (Step.NOBODY | Step.NOUNKNOWN | Step.NODATA | Step.NR_CONN |
            Step.NR_HELO | Step.NR_HDR)
    for settings, more in (
            ("", Step.NR_MAIL | Step.NOEOH),
            ("reject_at = mail", Step.NOEOH),
            ("remove_ar = none", Step.NR_MAIL | Step.NOHDRS | Step.NOEOH),
            ("remove_ar = none\ntrusted_relay = 192.0.2.1", Step.NR_MAIL),
            ("trusted_relay = 192.0.2.1\ntrusted_relay_check = none",
             Step.NR_MAIL | Step.NOEOH)):
        d = site.start(spfmilter=settings)
        with Session(d.address) as s:
            equal(s.steps, base | more, settings)
            equal(s.lists, {
                "connect": ["j", "{client_resolve}"], "helo": [],
                "mail": ["i", "{auth_authen}", "{mail_addr}", "f"], "rcpt": [], "data": [],
                "eoh": [], "eom": ["i"]}, "macros")
            equal(bool(s.actions & Action.CHGHDRS),
                  "remove_ar = none" not in settings, "CHGHDRS")
        d.stop()


@suite.case("every kind of MTA: refused at RCPT, and marked")
def every_mta(site):
    d = site.start()
    for mta in SENDMAIL, POSTFIX, OLD:
        done = talk(d.address, FAIL, mta=mta)
        equal((done.verdict, done.code, done.status, done.own_reply),
              ("reject", "550", "5.7.23", True), str(mta.version))
        done = talk(d.address, PASS, mta=mta)
        equal(done.verdict, "continue")
        names = [h.partition(":")[0] for h in done.message.all_headers]
        equal(names[:2], ["Received-SPF", "Authentication-Results"], "on top")


@suite.case("several messages in a connection, aborted ones among them")
def several(site):
    d = site.start()
    with Session(d.address) as s:
        s.connect("127.0.0.99")
        s.helo("mx.sender.test")
        for n in range(3):
            equal(s.deliver(FAIL, [RCPT]).code, "550")
            s.mail(PASS)
            s.rcpt(RCPT)
            s.abort()
            equal(s.deliver(f"<bob{n}@pass.test>", [RCPT]).verdict, "continue")
        s.helo("other.test")
        equal(s.deliver("<bob@none.test>", [RCPT]).verdict, "continue")
    tap.wait_until(lambda: sum("info: mail " in line for line in d.log()) == 10,
                   "a log line for each message")
    outcomes = [milter_daemon.parse(line)["outcome"] for line in d.log()
                if "info: mail " in line]
    equal(outcomes, ["refused", "aborted", "accepted"] * 3 + ["accepted"])


@suite.case("another session over a connection that is kept (QUIT_NC)")
def kept(site):
    d = site.start(spfmilter="internal_connect = 127.0.0.7")
    with Session(d.address) as s:
        s.connect("127.0.0.7")
        s.helo("fail.test")
        equal(s.deliver(FAIL, [RCPT]).verdict, "continue", "internal")
        for _ in range(2):
            s.quit_nc()
            s.connect("127.0.0.99")
            equal(s.deliver("<>", [RCPT]).verdict, "continue", "no HELO yet")
            s.helo("mx.sender.test")
            equal(s.deliver(FAIL, [RCPT]).code, "550", "not internal")
            equal(s.deliver(PASS, [RCPT]).verdict, "continue")


@suite.case("reloads within a message: it keeps what it began with")
def reload_within(site):
    d = site.start("spf-fail:\tDISCARD\n")
    with Session(d.address) as s:
        s.connect("127.0.0.99")
        s.helo("mx.sender.test")
        s.mail(FAIL)
        d.change_access("spf-fail:\tOK\n")
        d.reload(spfmilter="received_spf = none")
        equal(s.rcpt(RCPT).verdict, "continue")
        equal(s.content(["Subject: hello"]).verdict, "discard", "as it was")
        message = s.deliver(FAIL, [RCPT]).message
        equal(len(message.values("Received-SPF")), 1, "the connection's")
    message = talk(d.address, FAIL).message
    equal((message.values("Received-SPF"),
           len(message.values("Authentication-Results"))), ([], 1), "new")


@suite.case("reject_at = mail refuses there")
def at_mail(site):
    d = site.start(spfmilter="reject_at = mail")
    with Session(d.address) as s:
        s.connect("127.0.0.99")
        s.helo("mx.sender.test")
        done = s.mail(FAIL)
        equal((done.verdict, done.status), ("reject", "5.7.23"))
    equal(d.line_of("from=bob@fail.test")["outcome"], "refused")


@suite.case("an MTA that can't quarantine: refused for now, not let through")
def no_quarantine(site):
    d = site.start("spf-fail:\tQUARANTINE\n")
    done = talk(d.address, FAIL)
    equal(done.message.quarantined is not None, True, "an MTA that can")
    mta = dataclasses.replace(SENDMAIL, actions=SENDMAIL.actions
                              & ~Action.QUARANTINE)
    equal(talk(d.address, FAIL, mta=mta).verdict, "tempfail")


# --- who is checked ---

@suite.case("a sender that MTAs read another domain in: what they say, or refused")
def tricks(site):
    d = site.start()
    silent = dataclasses.replace(
        SENDMAIL, actions=SENDMAIL.actions & ~Action.SETSYMLIST, macros={})
    fail, none, bad = ("550", "5.7.23"), ("", ""), ("553", "5.1.7")
    for sender, addr, expect in (
            ("<>a@fail.test", "a@fail.test", fail),
            ("<<>a@fail.test>", "a@fail.test", fail),
            ("<>", "a@fail.test", bad),
            ("<a@pass.test>", "a@fail.test", bad),
            ("<a@fail(x).test>", "a@fail.test", fail),
            ("<a@fail(x).test>", "a@pass.test", none),
            ("<(a)>", "", none),                    # it says: the null sender
            ("<x:a@fail.test;>", "a@fail.test", fail),
            ("<a%fail.test@fwd(x).test>", "a@pass.test", bad),
            ("<a@pass.test><b@fail.test>", "b@fail.test", bad),
            ("<a@fail.test@>", "a@fail.test@", bad),
            ("<a@pass.test(@fail.test)>", None, bad)):
        for mta, name in (POSTFIX, "{mail_addr}"), (SENDMAIL, "f"):
            with Session(d.address, silent if addr is None else mta) as s:
                s.connect("127.0.0.99")
                s.helo("mx.sender.test")
                s.mail(sender, macros=None if addr is None else
                       {name: addr})
                done = s.rcpt(RCPT)
                # Unlike {mail_addr} f is never the way to the sender.
                got = done.code, done.status
                if mta is SENDMAIL and expect == bad and addr == "a@pass.test":
                    expect = none
                if mta is SENDMAIL and expect == bad and addr == "b@fail.test":
                    expect = fail
                equal(got, expect, f"{sender} {addr}")
    # Nor is a recipient exempt that could be another one.
    done = talk(d.address, FAIL, ["<\"postmaster@fwd.test\"@other.test>",
                                  "<postmaster@fwd.test(@other.test)>"])
    equal([(r.code, r.status) for r in done.recipients.values()],
          [("553", "5.1.3")] * 2)


@suite.case("internal clients, local mail and exempt ones")
def clients(site):
    d = site.start(spfmilter="internal_connect = 127.0.0.7, inside.test\n"
                   "exempt_clients = 127.0.1.0/24, .friend.test\n"
                   "exempt_senders = bob@fail.test\nexempt_helo = pass.test")
    alice = "<alice@fail.test>"
    for what, options, verdict, marked in (
            ("internal", {"ip": "127.0.0.7"}, "continue", False),
            ("internal by name", {"name": "inside.test"}, "continue", False),
            ("a name that isn't verified", {
                "name": "inside.test",
                "connect": {"{client_resolve}": "FORGED"}}, "reject", True),
            ("the same, from an old sendmail", {
                "name": "inside.test", "mta": OLD, "connect": {
                    "_": "inside.test [127.0.0.99] (may be forged)"}},
             "reject", True),
            ("no network", {"ip": None}, "continue", False),
            ("a unix socket", {"ip": "/run/x"}, "continue", False),
            ("nobody knows who", {"ip": None, "name": "unknown"}, "tempfail",
             True),
            ("nobody knows who says that", {"ip": None, "name": "inside.test"},
             "tempfail", True),
            ("exempt network", {"ip": "127.0.1.200"}, "continue", True),
            ("exempt name", {"name": "mx.friend.test"}, "continue", True),
            ("the name itself", {"name": "friend.test"}, "reject", True),
            ("exempt sender", {"sender": FAIL}, "continue", True),
            ("exempt HELO that passes", {"helo": "pass.test"}, "continue",
             True),
            ("exempt HELO that doesn't", {"helo": "pass.test",
                                          "ip": "192.0.2.1"}, "reject", True),
            ("nobody", {}, "reject", True)):
        done = talk(d.address, **{"sender": alice, **options})
        equal(done.verdict, verdict, what)
        if verdict == "continue":
            equal(bool(done.message.values("Received-SPF")), marked, what)


@suite.case("authenticated senders: smtp-auth alone")
def authenticated(site):
    d = site.start("smtp-auth:fail.test\tREJECT\n"
                   "smtp-auth:ann@fail.test\tOK\n")
    for user, verdict in ("bob", "reject"), ("ann", "continue"):
        done = talk(d.address, FAIL, macros={"{auth_authen}": user})
        equal(done.verdict, verdict, user)
    equal(done.message.values("Received-SPF"), [], "marks")
    done = talk(d.address, "<x@pass.test>", macros={"{auth_authen}": "bob"})
    equal(done.verdict, "continue", "another domain")


@suite.case("recipients: postmaster, abuse, spf-to, Spam: FRIEND and HATER")
def recipients(site):
    access = ("spf-to:friend@fwd.test\tOK\nSpam:lover@fwd.test\tFRIEND\n"
              "Spam:hater@fwd.test\tHATER\n")
    for mode, refused in (("no", ["ann", "lover", "hater"]),
                          ("friend", ["ann", "hater"]), ("hater", ["hater"])):
        d = site.start(access, spfmilter=f"delay_checks = {mode}")
        names = ["ann", "postmaster", "Abuse", "friend", "lover", "hater"]
        done = talk(d.address, FAIL, [f"<{n}@fwd.test>" for n in names])
        equal([n for n in names
               if done.recipients[f"<{n}@fwd.test>"].refused], refused, mode)
        equal(talk(d.address, FAIL, ["<postmaster>"]).verdict, "continue",
              "without a domain")
        d.stop()


@suite.case("trusted relays, several behind each other, and what can't be read")
def relays(site):
    def received(client):
        return f"Received: from x.test (x.test [{client}]) by y.test; today"
    d = site.start(spfmilter="trusted_relay = 127.0.0.66, 127.0.0.67\n"
                   "trusted_relay_check = reject\ntrusted_relay_hops = 2\n"
                   "internal_connect = 10.0.0.0/8")
    far = "<bob@far.test>"
    for what, headers, verdict, result in (
            ("pass", [received("198.51.100.7")], "continue", "pass"),
            ("fail", [received("198.51.100.8")], "reject", None),
            ("two", [received("127.0.0.67"), received("198.51.100.7")],
             "continue", "pass"),
            ("two, fail", [received("127.0.0.67"), received("192.0.2.9")],
             "reject", None),
            ("three are too many", [received("127.0.0.67"),
                                    received("127.0.0.66"),
                                    received("192.0.2.9")], "continue", None),
            ("unreadable", ["Received: by y.test with LMTP; today",
                            received("192.0.2.9")], "continue", None),
            ("none", ["Subject: x"], "continue", None),
            ("internal", [received("10.1.2.3")], "continue", None),
            ("exempt", [received("198.51.100.8")], "continue", "fail")):
        to = ["<postmaster@fwd.test>"] if what == "exempt" else [RCPT]
        done = talk(d.address, far, to, "127.0.0.66", headers=headers)
        equal(done.verdict, verdict, what)
        if verdict == "continue":
            marks = [v.split()[0] for v in done.message.values("Received-SPF")]
            equal(marks, [result] if result else [], what)
    equal(d.line_of("behind_relay=192.0.2.9")["spf"], "fail")


# --- header fields ---

@suite.case("Authentication-Results in our name: removed from strangers alone")
def forged(site):
    headers = [f"Authentication-Results: {value}" for value in (
        "mx.fwd.test; spf=pass one", "x.test; spf=pass two",
        "(c) MX.FWD.test 1; spf=pass three", "\"mx.fwd.test\"; none",
        "mx.fwd.test.evil.test; spf=pass four")] * 40
    for mta in SENDMAIL, POSTFIX:
        for settings, ip, kept in (
                ("", "127.0.0.99", {"two", "four"}),
                ("remove_ar = all", "127.0.0.99", set()),
                ("remove_ar = none", "127.0.0.99",
                 {"one", "two", "three", "none", "four"}),
                ("internal_connect = 127.0.0.1", "127.0.0.1",
                 {"one", "two", "three", "none", "four"})):
            d = site.start(spfmilter=settings)
            done = talk(d.address, ip=ip, headers=headers, mta=mta)
            values = done.message.values("Authentication-Results")
            words = {v.split()[-1] for v in values if "smtp.helo" not in v}
            equal(words, kept, settings)
            d.stop()


@suite.case("authserv_id, received_spf and x_hello_spf")
def field_settings(site):
    d = site.start(spfmilter="authserv_id = filter.test\nreceived_spf = both\n"
                   "x_hello_spf = yes")
    message = talk(d.address, helo="softfail.test").message
    spf = message.values("Received-SPF")
    equal([v.split()[0] for v in spf], ["pass", "softfail"])
    equal(["identity=helo" in v for v in spf], [False, True])
    equal(message.values("X-Hello-SPF"), ["softfail"])
    equal(message.values("Authentication-Results")[0].split(";")[0],
          "filter.test")
    d.reload(spfmilter="received_spf = none")
    message = talk(d.address).message
    equal(message.values("Received-SPF"), [])


HOSTILE = [
    "\r\n250 ok", "\n\tfolded", "\r", "\n", "\x01", "\x08", "\x1b[2J", "\x7f",
    "\udc80", "\udcff\udcfe", "\x9b", "\u202e", "%n%s", "%%", "\"", "'", "\\",
    "\\\"", ";", "; spf=pass", "; action=OK", " outcome=accepted", "=", " = ",
    "()", ")", "(", "\" x=\"y", "<>", ">", "<script>", "${j}"]


@suite.case("sixty-four hostile HELO names and senders get nothing of their own")
def hostile(site):
    d = site.start("spf-none:\tREJECT\nspf-to:open@fwd.test\tOK\n")
    pairs = [(f"h{n}{evil}.fail.test", f"<s{n}@pass.test>")
             for n, evil in enumerate(HOSTILE)] + \
        [("mx.sender.test", f"<s{n}{evil}@{evil}fail.test>")
         for n, evil in enumerate(HOSTILE)]
    equal(len(pairs), 64)
    for helo, sender in pairs:
        for recipient in RCPT, "<open@fwd.test>":
            # The client finds line breaks, bad codes and lone % by itself.
            done = talk(d.address, sender, [recipient], helo=helo)
            if done.refused:
                if not re.fullmatch(r"[ -~]+", done.text):
                    raise AssertionError(f"{sender!r}: {done.text!r}")
                continue
            for line in done.message.headers[:2]:
                if re.search(r"\n(?!\t)|\r|[\0-\x08\x0b-\x1f\x7f]", line):
                    raise AssertionError(f"{sender!r}: {line!r}")
            names = [h.partition(":")[0] for h in done.message.headers]
            if names != ["Subject"]:        # no sender that can be checked
                equal(names, ["Received-SPF", "Authentication-Results",
                              "Subject"])
    lines = tap.wait_until(lambda: len(found := [
        line for line in d.log() if "info: mail " in line]) >= 128 and found,
        "all lines")
    equal(len(lines), 128, "log lines of messages")
    for line in lines:
        keys = re.findall(r' (\w+)=(?:"(?:\\.|[^"\\])*"|[^\s"=\\]+)', line)
        if len(set(keys)) != len(keys) or not line[:-1].isprintable():
            raise AssertionError(f"log line {line!r}")


@suite.case("internationalised senders: checked, marked and looked up")
def international(site):
    d = site.start("spf-fail:j\xf6rg@xn--bcher-kva.test\tERROR:5.7.9:554 you\n"
                   "spf-fail:xn--bcher-kva.test\tOK\n")
    domain = "b\xfccher.test"
    done = talk(d.address, f"<j\xf6rg@{domain}>",
                arguments=["SMTPUTF8"])
    equal((done.code, done.text), ("554", "you"), "U-labels")
    done = talk(d.address, "<bob@xn--bcher-kva.test>")
    equal(done.verdict, "continue", "A-labels")
    done = talk(d.address, f"<bob@{domain}>",
                arguments=["SMTPUTF8"])
    [field] = done.message.values("Received-SPF")
    equal(field.split()[0], "fail")


@suite.case("our own SRS senders have keys of their own")
def own_srs(site):
    d = site.start("srs-fail:\tOK\n", more="[srs]\nfwdomain = fail.test")
    equal(talk(d.address, "<SRS0=abcd=AA=x.test=y@fail.test>").verdict,
          "continue")
    equal(talk(d.address, FAIL).code, "550")


@suite.case("what is cached is not asked again, by other senders either")
def cache(site):
    d = site.start()
    equal(talk(d.address, "<first@cached.pass.test>").verdict, "continue")
    asked = site.dns.questions
    for n in range(5):
        equal(talk(d.address, f"<n{n}@cached.pass.test>").verdict, "continue")
    equal(site.dns.questions, asked, "questions")


@suite.case("libspf2 for a second opinion, or for the only one, in its helper")
def audit(site):
    """Which lies beside the daemon here.  libspf2 lets all of 127/8 pass."""
    d = site.start(spf="engine = audit")
    equal(talk(d.address, FAIL, ip="192.0.2.9").code, "550")
    equal(talk(d.address, FAIL).code, "550")
    d.wait_for_log("spf_audit outcome=result native=fail libspf2=pass")
    d.reload(spf="engine = libspf2")
    equal(talk(d.address, FAIL, ip="192.0.2.9").code, "550")
    equal(talk(d.address, FAIL).verdict, "continue")


# --- trouble ---

@suite.case("DNS silent: one deadline over all checks, then refused for now")
def dns_silent(site):
    d = site.start(spf="timeout = 1\ntrusted_forwarder = pass.test, far.test")
    site.dns.freeze()
    try:
        done = talk(d.address, helo="pass.test")
    finally:
        site.dns.thaw()
    equal((done.verdict, done.code, done.status), ("tempfail", "451", "4.7.24"))
    tap.wait_until(lambda: talk(d.address).verdict == "continue",
                   "another answer")


@suite.case("DNS slow: the verdict is that of a fast one")
def dns_slow(site):
    d = site.start(spf="cache_size = 0")
    site.dns.front.delay = 0.3
    try:
        for sender, code in ("<x@slow.pass.test>", ""), ("<x@slow.fail.test>",
                                                         "550"):
            equal(talk(d.address, sender).code, code, sender)
    finally:
        site.dns.front.delay = 0.0


def one_after_the_other(pid):
    """
    On one processor, and whoever wakes another goes on: so libmilter hands out
    all that is ready before a worker has taken anything of it.
    """
    for thread in map(int, os.listdir(f"/proc/{pid}/task")):
        os.sched_setaffinity(thread, {min(os.sched_getaffinity(thread))})
        os.sched_setscheduler(thread, os.SCHED_BATCH, os.sched_param(0))


@suite.case("sessions that wait for the DNS don't hold up those that needn't")
def no_queue(site):
    d = site.start(spf="timeout = 25")
    # Macros would be commands of their own.
    mta = dataclasses.replace(SENDMAIL, macros={}, actions=SENDMAIL.actions
                              & ~Action.SETSYMLIST)
    sessions = [Session(d.address, mta, timeout=10)
                for _ in range(WAITING + 1)]
    for s in sessions:
        s.connect("127.0.0.99")
        s.helo("mx.sender.test")
        equal(s.deliver(PASS, [RCPT]).verdict, "continue")
    # Others come before it and behind it, whoever libmilter begins with.
    quick = sessions[WAITING // 2]
    waiting = [s for s in sessions if s is not quick]
    site.dns.freeze()
    try:
        d.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, d.process.pid, os.WSTOPPED)
        one_after_the_other(d.process.pid)
        for n, s in enumerate(waiting):
            s.mail(f"<bob@waits{n}.pass.test>")
        quick.mail(PASS)
        d.process.send_signal(signal.SIGCONT)
        equal(quick.rcpt(RCPT).verdict, "continue", "while others wait")
    finally:
        d.process.send_signal(signal.SIGCONT)
        site.dns.thaw()
    for s in waiting:
        equal(s.rcpt(RCPT).verdict, "continue", "after they waited")
    for s in sessions:
        s.close()


@suite.case("temperror by the access file: let through, if it says so")
def temperror(site):
    d = site.start("spf-temperror:x.temperror.test\tOK\n")
    equal(talk(d.address, "<bob@temperror.test>").status, "4.7.24")
    # That name is SERVFAIL for the one that isn't listed alone.
    equal(d.line_of("from=bob@temperror.test")["spf"], "temperror")


@suite.case("a thousand SIGHUPs under load: no connection is dropped")
def sighups(site):
    d = site.start()
    stop, failed, count = threading.Event(), [], [0]

    def load():
        try:
            while not stop.is_set():
                with Session(d.address) as s:
                    s.connect("127.0.0.99")
                    s.helo("mx.sender.test")
                    for _ in range(10):
                        equal(s.deliver(PASS, [RCPT]).verdict, "continue")
                        equal(s.deliver(FAIL, [RCPT]).code, "550")
                        count[0] += 1
        except Exception as error:
            failed.append(repr(error))
            raise
    threads = [threading.Thread(target=load, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(1000):
        d.process.send_signal(signal.SIGHUP)
    d.wait_for_log("configuration reloaded")
    done = count[0]
    tap.wait_until(lambda: count[0] > done + 20 or failed, "more messages")
    stop.set()
    for thread in threads:
        thread.join()
    equal(failed, [], "sessions that broke")
    d.stop()


@suite.case("SIGTERM ends it within seconds, busy or idle, and frees the socket")
def sigterm(site):
    d = site.start(spf="timeout = 20")
    asked = site.dns.questions
    site.dns.freeze()
    try:
        idle = Session(d.address)
        idle.connect("127.0.0.99")
        busy = threading.Thread(
            target=lambda: ends(d.address, "<x@unseen.pass.test>"),
            daemon=True)
        busy.start()
        tap.wait_until(lambda: site.dns.questions > asked, "a question")
        d.stop()
        idle.close()
    finally:
        site.dns.thaw()
    busy.join()
    d.start()
    equal(talk(d.address).verdict, "continue", "after a restart")


def ends(address, sender):
    """A message whose filter goes away."""
    try:
        talk(address, sender)
    except (Closed, OSError):
        pass


@suite.case("a mailfrom.conf without [spfmilter] any more: the old one stays")
def emptied(site):
    """As between truncate and write, when SIGHUP comes in between."""
    for text in "", "# nothing yet\n", "[log]\nto = stderr\n":
        d = site.start("spf-pass:pass.test\tREJECT\n")
        d.write("mailfrom.conf", text)
        d.process.send_signal(signal.SIGHUP)
        d.wait_for_log(r"mailfrom\.conf: no key in \[spfmilter\]")
        d.wait_for_log("keeping the old one")
        equal(talk(d.address, FAIL).code, "550")
        equal(talk(d.address, "<a@pass.test>").code, "550")


@suite.case("a wrong configuration or access file: the old one stays, loudly")
def wrong_reload(site):
    d = site.start("spf-softfail:\tREJECT\n")
    for write, message in (
            (lambda: d.write_config(spfmilter="mode = perhaps"), "mode"),
            (lambda: d.write_config(spfmilter="", more="[spf]\nnonsense = y"),
             "nonsense"),
            (lambda: d.write_config(more="", access="/nonexistent/access"),
             "/nonexistent/access")):
        before = len(d.log())
        write()
        d.process.send_signal(signal.SIGHUP)
        d.wait_for_log("keeping the old one", before)
        d.wait_for_log(f"error: .*{message}", before)
        equal(talk(d.address, "<bob@softfail.test>").code, "550", message)
    d.write_config(access=d.access_path)
    before = len(d.log())
    d.write_access(" leading blank\tREJECT\n")
    d.wait_for_log("keeping the old contents", before)
    equal(talk(d.address, "<bob@softfail.test>").code, "550")


MANY = [f"spf-fail:{n}.test\tREJECT\n" for n in range(120)]
POLICY = "spf-softfail:\tREJECT\n"


def expect_held(d, change, why):
    """A change that isn't taken until SIGHUP, and says so."""
    before = len(d.log())
    change()
    d.wait_for_log(f"{why}.*held back.* until SIGHUP", before)
    equal(talk(d.address, "<bob@softfail.test>").code, "550", why)
    d.process.send_signal(signal.SIGHUP)
    d.wait_for_log("configuration reloaded", before)
    equal(talk(d.address, "<bob@softfail.test>").verdict, "continue", why)


def write_in_place(path, text):
    """As cp and > do: the file is empty in between."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def gauges(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as reply:
        text = reply.read().decode()
    return {name: int(value) for name, value in re.findall(
        r"^spfmilter_access_(\w+) (\d+)$", text, re.M)}


@suite.case("a change that takes the policy away waits for SIGHUP")
def lost_policy(site):
    port = network.free_port(socket.AF_INET, "127.0.0.1")
    d = site.start(POLICY, spfmilter=f"metrics = inet:{port}@127.0.0.1")
    equal(gauges(port), {"entries": 1, "held_back": 0, "refused": 0}, "start")
    before = len(d.log())
    write_in_place(d.access_path, "")
    d.wait_for_log("from 1 entries to 0: held back", before)
    equal(gauges(port), {"entries": 1, "held_back": 1, "refused": 0}, "held")
    # Garbage after that doesn't count as what was there before.
    write_in_place(d.access_path, "\0garbage\n")
    d.wait_for_log("can't be used; keeping the old contents\"", before)
    equal(gauges(port), {"entries": 1, "held_back": 0, "refused": 1}, "garbage")
    equal(talk(d.address, "<bob@softfail.test>").code, "550", "garbage")
    d.process.send_signal(signal.SIGHUP)
    d.wait_for_log("keeping the old one", before)
    equal(talk(d.address, "<bob@softfail.test>").code, "550", "SIGHUP")
    d.change_access(POLICY)
    equal(gauges(port), {"entries": 1, "held_back": 0, "refused": 0}, "mended")
    expect_held(d, lambda: d.write_access("# nothing\n"), "from 1 entries to 0")
    equal(gauges(port), {"entries": 0, "held_back": 0, "refused": 0}, "asked")


@suite.case("of more than 100 entries, half may go; of fewer, any")
def lost_entries(site):
    d = site.start(POLICY + "".join(MANY))
    # 121, 61, 60: half at most. Then most of 60.
    for text in (POLICY + "".join(MANY[:60]), POLICY + "".join(MANY[:59]),
                 POLICY + MANY[0]):
        d.change_access(text)
        equal(talk(d.address, "<bob@softfail.test>").code, "550", "taken")
    d.change_access(POLICY + "".join(MANY))
    expect_held(d, lambda: d.write_access("".join(MANY[:60])),
                "from 121 entries to 60")


@suite.case("a text that ends within a line, and has lost some, is held back")
def cut_policy(site):
    d = site.start(MANY[0] + MANY[1] + POLICY)
    expect_held(d, lambda: write_in_place(d.access_path, MANY[0] + "spf-to:a O"),
                "from 3 entries to 2 and ends within a line")


@suite.case("a list file that changes takes no emptied access file along")
def list_reload(site):
    d = site.make(POLICY)
    d.write("records", "a.test v=spf1 -all\n")
    d.write_config(spf=f"record_file = {d.directory}/records")
    d.start()
    before = len(d.log())
    d.write("access", "")
    d.write("records", "b.test v=spf1 -all\n")
    d.wait_for_log("a list file has changed: configuration reloaded", before)
    d.wait_for_log("held back", before)
    equal(talk(d.address, "<bob@softfail.test>").code, "550")


@suite.case("an empty file is fine at start, and -n says so")
def empty_start(site):
    d = site.start("")
    equal(talk(d.address, PASS).verdict, "continue")
    d = site.make("")
    d.launch("-n")
    equal(d.process.wait(timeout=30), 0, "exit status")
    [_] = d.wait_for_log("access: has no entry for SPF results")


@suite.case("-n fails for entries that are wrong, which stop nobody from starting")
def wrong_entries(site):
    entries = ("spf-fail:a.test\tREJECT\nspf-fial:b.test\tOK\n"
               "spf-none:c.test\tBOUNCE\n")
    d = site.make(entries)
    d.launch("-n")
    equal(d.process.wait(timeout=30), 1, "exit status")
    said = "".join(d.log())
    for pattern in (r"error: \S+/access:2: spf-fial:b\.test: ",
                    r"error: \S+/access:3: spf-none:c\.test: .*BOUNCE"):
        if len(re.findall(pattern, said)) != 1:
            raise AssertionError(f"{pattern}: {said}")
    if re.search(r"mailfrom\.conf: ok", said):
        raise AssertionError(said)
    site.start(entries)


@suite.case("-n warns of entries that do nothing, and says ok")
def idle_entries(site):
    d = site.make("spf-fail:\tREJECT\nSpam:b.test\tBOUNCE\n")
    d.launch("-n")
    equal(d.process.wait(timeout=30), 0, "exit status")
    said = "".join(d.log())
    for pattern in r"warning: \S+/access:2: ", r"mailfrom\.conf: ok\n":
        if len(re.findall(pattern, said)) != 1:
            raise AssertionError(f"{pattern}: {said}")


@suite.case("at start: a wrong file is an error that names it")
def wrong_start(site):
    for more, message in (
            ({"map": "/nonexistent/access"}, "/nonexistent/access"),
            ({"spfmilter": "trusted_relay = 1.2.3.4/99"}, "trusted_relay"),
            ({"spfmilter": "remove_ar = some"}, "remove_ar"),
            ({"spf": "best_guess = v=spf1 foo:bar"}, "best_guess"),
            ({"listen": "inet:0@127.0.0.1"}, "listen"),
            ({"listen": f"unix:{site.scratch.name}/no/sock"},
             "/no/sock: .*; create its directory"),
            ({"listen": "inet:10006@192.0.2.1"},
             "inet:10006@192.0.2.1: .*; not an address"),
            ({"listen": f"unix:{__file__}"}, "; the file there is not a socket")):
        d = site.make(**more)
        d.launch()
        equal(d.process.wait(timeout=30), 1, message)
        if not re.search(rf"error: .*{message}", d.log_tail()):
            raise AssertionError(f"{message}: {d.log_tail()}")


# --- sockets and files ---

@suite.case("unix, inet and inet6 sockets; mode and owner")
def sockets(site):
    d = site.start(spfmilter="socket_mode = 0620\nsocket_owner = :daemon")
    state = os.stat(d.unix)
    equal(stat.S_IMODE(state.st_mode), 0o620, "mode")
    if os.geteuid() == 0:
        equal(state.st_gid, 1, "group")
    equal(talk(d.address).verdict, "continue")
    port = network.free_port(socket.AF_INET, "127.0.0.1")
    d = site.start(listen=f"inet:{port}@127.0.0.1")
    equal(talk(d.address).verdict, "continue")
    try:
        port = network.free_port(socket.AF_INET6, "::1")
    except OSError:
        return
    d = site.start(listen=f"inet6:{port}@::1")
    equal(talk(d.address).verdict, "continue")


@suite.case("a socket handed over by systemd")
def activated(site):
    path = os.path.join(site.path(), "activated")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        d = site.make(listen="unix:/nonexistent/sock")
        # The shell knows the number of the process that it becomes.
        d.start(prefix=["sh", "-c", f"exec 3<&{listener.fileno()}; "
                        'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"', "sh"],
                pass_fds=(listener.fileno(),))
        equal(talk(f"unix:{path}").verdict, "continue")


@suite.case("figures for Prometheus")
def figures(site):
    port = network.free_port(socket.AF_INET, "127.0.0.1")
    d = site.start(spfmilter=f"metrics = inet:{port}@127.0.0.1")
    talk(d.address, FAIL)
    talk(d.address, PASS)
    d.line_of("from=bob@pass.test")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as reply:
        text = reply.read().decode()
    for line in ('spfmilter_messages_total 2',
                 'spfmilter_mailfrom_total{result="fail"} 1',
                 'spfmilter_mailfrom_total{result="pass"} 1',
                 'spfmilter_decisions_total{action="REJECT"} 1',
                 'spfmilter_recipients_refused_total 1'):
        if line not in text.splitlines():
            raise AssertionError(f"{line} isn't in\n{text}")


@suite.case("pymilter's spfmilter.cfg as it is")
def legacy(site):
    directory = site.path()
    access = os.path.join(directory, "access")
    with open(access, "w", encoding="utf-8") as file:
        file.write("SPF-Softfail:softfail.test\tREJECT\n"
                   "helo-neutral!neutral.test\tOK\n")
    config = os.path.join(directory, "spfmilter.cfg")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"""\
[milter]
# the directory with persistent data files
datadir = {directory}
# the socket used to communicate with sendmail
socketname = {directory}/sock
# name of the milter given to sendmail
name = pyspffilter
trusted_relay = 127.0.0.66
internal_connect = 127.0.0.7,192.168.*.*
umask = 0117
timeout = 600

[spf]
; comment
trusted_forwarder = forwarder.test
access_file: access
access_file_nulls = False
access_file_colon = True
""")
    # Such a file names no name server: what is checked needs none, and whom
    # spfmilter becomes is whoever starts it.
    d = site.make(config=config)
    status, output, error = check_only("spfmilter", config)
    equal((status, [line.split(":")[0] for line in output.splitlines()], error),
          (0, ["note", config], ""), "-n")
    if os.geteuid() == 0:
        return                  # it would become mailfrom, who may not exist
    d.start()
    equal(stat.S_IMODE(os.stat(d.unix).st_mode), 0o660, "by umask")
    done = talk(d.address, ip="127.0.0.7")
    equal((done.verdict, done.message.headers), ("continue", ["Subject: hello"]))
    done = talk(d.address, helo="192.0.2.1")
    equal((done.code, done.status), ("550", "5.7.1"), "a bare address")


if __name__ == "__main__":
    sys.exit(spfmilter.nameserver.run(suite, Site))

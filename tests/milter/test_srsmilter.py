#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""srsmilter, asked as MTAs ask: senders, bounces, reloads, the end."""

import dataclasses
import os
import re
import signal
import socket
import stat
import struct
import sys
import threading
import urllib.request

import milter_daemon
import srsmilter
from milter_client import OLD, POSTFIX, SENDMAIL, Action, Closed, Session, Step
from milter_filters import packet
import network
import tap
from srsmilter import MODE

equal = tap.equal
suite = tap.Suite()
BOB, FAR, NEAR = "<bob@example.test>", "<ann@far.test>", "<ann@own.test>"
SRS0 = re.compile(r"SRS0=[\w-]{6}=[A-Z2-7]{2}=example\.test=bob@fwd\.test")
OFFER = packet("O", struct.pack(">III", 6, 0x1ff, 0x1fffff))
FORGED = "<SRS0=AAAAAA=AA=example.test=bob@fwd.test>"


class Site(milter_daemon.Site):
    daemon = srsmilter.Srsmilter


def talk(address, sender=BOB, recipients=(FAR,), ip="192.0.2.25",
         mta=SENDMAIL, macros=None, name=None, connect=None, arguments=(),
         port=51234):
    """A session with one message; its outcome."""
    with Session(address, mta, macros) as s:
        s.connect(ip, name, port, macros=connect)
        s.helo("mx.sender.test")
        return s.deliver(sender, recipients, ["Subject: hello"], b"text\r\n",
                         arguments)


def bounce(address, *recipients, **options):
    return talk(address, "<>", recipients, **options)


def rewritten(done):
    return bool(SRS0.fullmatch(done.message.sender))


def refusal(done, recipient):
    """The reply to a recipient, which must be the filter's."""
    reply = done.recipients[recipient]
    equal((reply.verdict, reply.own_reply), ("reject", True), recipient)
    return f"{reply.code} {reply.status} {reply.text}"


# --- steps ---

@suite.case("only the steps, actions and macros that are needed are asked for")
def steps(site):
    restoring = Action.ADDRCPT | Action.ADDRCPT_PAR | Action.DELRCPT
    for mode, actions, mail, rcpt in (
            ("rewrite = all", Action.CHGFROM, [], []),
            ("rewrite = none", Action(0), [], []),
            ("rewrite = remote_mailer", Action.CHGFROM, ["{mail_mailer}"],
             ["{rcpt_mailer}"])):
        d = site.start(mode)
        with Session(d.address) as s:
            equal(s.steps, Step.NOHELO | Step.NODATA | Step.NOHDRS |
                  Step.NOEOH | Step.NOBODY | Step.NOUNKNOWN | Step.NR_CONN |
                  Step.NR_MAIL, mode)
            equal(s.actions, restoring | actions, mode)
            equal(s.lists, {
                "connect": ["{client_resolve}"], "helo": [],
                "mail": ["i", "{auth_authen}", "{mail_addr}", "f", *mail], "rcpt": rcpt,
                "data": [], "eoh": [], "eom": ["i"]}, "macros")
        d.stop()


@suite.case("every kind of MTA: rewritten, or refused for now where it can't be")
def every_mta(site):
    d = site.start()
    for mta in SENDMAIL, POSTFIX:
        done = talk(d.address, mta=mta, arguments=["RET=HDRS", "ENVID=x"])
        equal((done.verdict, rewritten(done)), ("continue", True))
        # Without parameters: given some, sendmail forgets those of MAIL.
        equal([len(r) for r in done.requests], [2], "CHGFROM's parameters")
        equal(done.message.arguments, ["RET=HDRS", "ENVID=x"])
    for mta in (OLD, dataclasses.replace(
            POSTFIX, actions=POSTFIX.actions & ~Action.CHGFROM)):
        done = talk(d.address, mta=mta)
        equal((done.verdict, done.code, done.status, done.requests),
              ("tempfail", "451", "4.3.0", []), "no CHGFROM")
        equal(talk(d.address, recipients=[NEAR], mta=mta).verdict, "continue",
              "what needs none")
    d.wait_for_log("doesn't allow envelope changes")
    tap.wait_until(lambda: sum("outcome=tempfailed" in line
                               for line in d.log()) == 2, "both lines")


@suite.case("several messages in a connection, aborted ones among them")
def several(site):
    d = site.start()
    with Session(d.address) as s:
        s.connect()
        s.helo()
        for _ in range(3):
            equal(rewritten(s.deliver(BOB, [FAR])), True)
            s.mail(BOB)
            s.rcpt(FAR)
            s.abort()
            equal(s.deliver("<>", [FAR]).message.sender, "")
            equal(s.deliver("<>", [FORGED]).verdict, "reject")
    tap.wait_until(lambda: sum(" mail queue_id=" in line
                               for line in d.log()) == 12, "all log lines")
    outcomes = [milter_daemon.parse(line)["outcome"] for line in d.log()
                if " mail queue_id=" in line]
    equal(outcomes, ["accepted", "aborted", "accepted", "refused"] * 3)


@suite.case("a second session on a connection (QUIT_NC)")
def quit_nc(site):
    d = site.start()
    with Session(d.address) as s:
        for _ in range(3):
            s.connect()
            s.helo()
            equal(rewritten(s.deliver(BOB, [FAR])), True)
            s.quit_nc()
    equal(rewritten(talk(d.address)), True, "afterwards")


# --- outgoing ---

@suite.case("who is forwarded: by domain, by mailer, everybody, nobody")
def modes(site):
    for mode, forwarded in (
            (MODE, {FAR, "<ann@x.own.test>"}),
            ("rewrite = remote_domain\nlocal_domains = own.test, .own.test",
             {FAR}),
            ("rewrite = remote_domain\nlocal_domains = .own.test",
             {FAR, NEAR, "<ann@OWN.test>"}),
            ("rewrite = remote_mailer", {FAR, NEAR}),
            ("rewrite = all", {FAR, NEAR, "<ann@OWN.test>",
                               "<ann@x.own.test>"}),
            ("rewrite = none", set())):
        d = site.start(mode)
        for recipient, mailer in ((FAR, "esmtp"), (NEAR, "relay"),
                                  ("<ann@OWN.test>", "local"),
                                  ("<ann@x.own.test>", "*file*")):
            done = talk(d.address, recipients=[
                (recipient, {"macros": {"{rcpt_mailer}": mailer}})])
            equal(rewritten(done), recipient in forwarded,
                  f"{mode}: {recipient}")
        d.stop()


@suite.case("an MTA that sends no mailers: nobody is forwarded, and it is said once")
def no_mailers(site):
    d = site.start("rewrite = remote_mailer")
    for _ in range(3):
        done = talk(d.address, recipients=[
            (FAR, {"macros": {"{rcpt_mailer}": ""}})])
        equal((done.verdict, rewritten(done)), ("continue", False))
    equal(len(d.wait_for_log("doesn't send {rcpt_mailer}")), 1)


@suite.case("authenticated and internal senders stay, those of trusted relays don't")
def origins(site):
    d = site.start(MODE + "\ninternal_connect = 10.0.0.0/8, inside.test\n"
                   "trusted_relay = 203.0.113.5")
    user = {"{auth_authen}": "ann"}
    for what, options, origin, expected in (
            ("outside", {}, "outside", True),
            ("outside over IPv6", {"ip": "2001:db8::1"}, "outside", True),
            ("authenticated", {"macros": user}, "authenticated", False),
            ("internal", {"ip": "10.1.2.3"}, "internal", False),
            ("internal by name", {"name": "inside.test"}, "internal", False),
            ("a name that isn't verified", {
                "name": "inside.test",
                "connect": {"{client_resolve}": "FORGED"}}, "outside", True),
            ("a trusted relay", {"ip": "203.0.113.5"}, "trusted_relay", True),
            ("no network", {"ip": None}, "internal", False),
            ("a unix socket", {"ip": "/run/x"}, "internal", False),
            ("nobody knows who", {"ip": None, "name": "unknown"}, "outside",
             True),
            ("nobody knows who says that", {"ip": None, "name": "inside.test"},
             "outside", True),
            ("Postfix's own mail", {"ip": "127.0.0.1", "port": 0,
                                    "mta": POSTFIX}, "internal", False),
            ("the second smtpd", {"ip": "127.0.0.1", "mta": POSTFIX},
             "outside", True)):
        before = len(d.log())
        equal(rewritten(talk(d.address, **options)), expected, what)
        [line] = d.wait_for_log(" mail queue_id=", before)
        equal(milter_daemon.parse(line)["origin"], origin, what)


@suite.case("senders: signed, left, SRS1, too long")
def senders(site):
    d = site.start("rewrite = all", srs="exclude_senders = bounces@\n"
                   "exclude_recipients = .kept.test")
    user = {"{auth_authen}": "ann"}
    long = "a-local-part-of-fifty-octets-is-more-than-it-takes"
    for sender, options, pattern, reason in (
            ("<carol@ses.test>", {}, r"SES=[A-Z0-9_-]+=carol@ses\.test",
             "ses_signed"),
            ("<carol@ses.test>", {"macros": user},
             r"SES=[A-Z0-9_-]+=carol@ses\.test", "ses_signed"),
            ("<dave@sign.test>", {}, r"SRS0=[\w-]{6}=..==dave@sign\.test",
             "signed"),
            (f"<{d.encode('x@y.test')}>", {}, None, "own_srs"),
            ("<SRS0=HHHH=TT=host.test=user@first.test>", {},
             r"SRS1=[\w-]{6}=first\.test==HHHH=TT=host\.test=user@fwd\.test",
             "forwarded"),
            ("<x@own.test>", {}, None, "own_domain"),
            ("<x@fwd.test>", {}, None, "own_domain"),
            ("<Bounces+x@y.test>", {}, None, "sender_excluded"),
            (BOB, {"recipients": ["<ann@x.kept.test>"]}, None,
             "recipient_excluded"),
            (f"<{long}@example.test>", {}, None, "too_long"),
            ("<>", {}, None, "null_sender")):
        before = len(d.log())
        done = talk(d.address, sender, **options)
        equal(done.verdict, "continue", sender)
        if pattern is None:
            equal(done.requests, [], sender)
        elif not re.fullmatch(pattern, done.message.sender):
            raise AssertionError(f"{sender}: {done.message.sender}")
        [line] = d.wait_for_log(" mail queue_id=", before)
        equal(milter_daemon.parse(line)["reason"], reason, sender)
        equal(" warning: mail " in line, reason == "too_long", sender)


@suite.case("mixed recipients: rewritten for all or for none, as one likes")
def mixed(site):
    for policy, expected in (("rewrite", True), ("keep", False)):
        d = site.start(MODE + f"\nmixed_recipients = {policy}")
        done = talk(d.address, recipients=[NEAR, FAR])
        equal(rewritten(done), expected, policy)
        equal(d.line_of("from=bob@")["mixed"], "yes")
        equal(rewritten(talk(d.address, recipients=[FAR, FAR])), True, policy)


@suite.case("a customer's SRS domain")
def customers(site):
    d = site.start(
        "rewrite = all",
        fwdomain="fwd.test, customer.test = srs.customer.test")
    done = talk(d.address, recipients=["<ann@customer.test>"])
    equal(done.message.sender.rpartition("@")[2], "srs.customer.test")
    done = bounce(d.address, f"<{done.message.sender}>")
    equal(done.message.recipients, ["bob@example.test"])


@suite.case("signing processes with numbers of their own never give out an id twice")
def message_ids(site):
    daemons = [site.start(srs=f"ses_server = {n}") for n in (0, 1, 0)]
    # The third has a secret of its own, and the number of the first.
    daemons[2].write_secrets("another secret of the tests")
    daemons[2].wait_for_log("secrets reloaded")
    senders = set()
    for d in daemons:
        with Session(d.address) as s:
            s.connect()
            for _ in range(100):
                senders.add(
                    s.deliver("<carol@ses.test>", [FAR]).message.sender)
    equal(len(senders), 300)


# --- bounces ---

@suite.case("bounces are restored, with the case and the parameters they had")
def restored(site):
    d = site.start()
    bob = f"<{d.encode('Bob.Smith@Example.Test')}>"
    nested = f"<{d.encode(d.ses('Carol@ses.test'))}>"
    dsn = ["NOTIFY=FAILURE,DELAY", "ORCPT=rfc822;x@y.test"]
    for mta in SENDMAIL, POSTFIX:
        with Session(d.address, mta) as s:
            s.connect()
            s.mail("<>")
            equal(s.rcpt(bob, *dsn).verdict, "continue")
            equal(s.rcpt(NEAR).verdict, "continue")
            equal(s.rcpt(nested).verdict, "continue")
            done = s.content(["Subject: failed"], b"")
        equal(done.requests, [
            ("delrcpt", bob),
            ("addrcpt_par", "<Bob.Smith@Example.Test>", " ".join(dsn)),
            ("delrcpt", nested), ("addrcpt", "<Carol@ses.test>")])
        equal(sorted(done.message.recipients),
              ["Bob.Smith@Example.Test", "Carol@ses.test", "ann@own.test"])


@suite.case("what MTAs do to addresses on the way: smashed case, quotes, bare form")
def spellings(site):
    d = site.start()
    bob, signed = d.encode("bob@example.test"), d.sign("dave@sign.test")
    odd = d.encode('"a b"@example.test')
    for recipient, expected in (
            (f"<{bob.lower()}>", "bob@example.test"),
            (bob, "bob@example.test"),
            (f"<{signed}>", "dave@sign.test"),
            (f"<{odd}>", '"a b"@example.test'),
            (f"<{d.encode('jörg@bücher.test')}>", "jörg@bücher.test")):
        for sender in "<>", "":
            done = talk(d.address, sender, [recipient], mta=POSTFIX)
            equal(done.message.recipients, [expected], recipient)
            equal(done.requests[0], ("delrcpt", recipient), "as it was given")


@suite.case("one address in several cases of letters: one copy, with the first's options")
def doubled(site):
    d = site.start()
    bob = d.encode("Bob@example.test")
    for mta in SENDMAIL, POSTFIX:
        with Session(d.address, mta) as s:
            s.connect()
            s.mail("<>")
            s.rcpt(f"<{bob}>", "NOTIFY=NEVER")
            s.rcpt(f"<{bob.lower()}>", "NOTIFY=FAILURE")
            s.rcpt(f"<{bob.upper()}>")
            done = s.content()
        equal(done.requests, [
            ("delrcpt", f"<{bob}>"),
            ("addrcpt_par", "<Bob@example.test>", "NOTIFY=NEVER"),
            ("delrcpt", f"<{bob.lower()}>"), ("delrcpt", f"<{bob.upper()}>")])
        equal(done.message.recipients, ["Bob@example.test"])


@suite.case("forged, expired and unsigned: refused each by itself, saying why")
def refused(site):
    d = site.start(MODE + "\nreject_spoofed = yes\nbanned_users = daemon")
    good = f"<{d.encode('bob@example.test')}>"
    old = f"<{d.encode('bob@example.test', days=22)}>"
    old_ses = f"<{d.ses('carol@ses.test', days=22)}>"
    fixed = "<SES=IEYJLRPY924__ML-W=victim@ses.test>"
    unsigned = "<Carol@SES.test>"
    forged = "550 5.7.1 Invalid SRS address: signature does not match"
    expired = "550 5.7.1 SRS address has expired"
    only = ("550 5.7.1 Address accepts bounces only; "
            "write to the original sender")
    for sender in "<>", "<Daemon@far.test>":
        done = talk(d.address, sender, [
            FORGED, old, good, old_ses, fixed, unsigned, NEAR,
            "<postmaster@ses.test>", "<abuse@sign.test>", "<Postmaster>"])
        equal(done.verdict, "continue")
        for recipient, reply in (
                (FORGED, forged), (old, expired), (old_ses, expired),
                (fixed, forged),
                (unsigned, "550 5.7.1 Bounce rejected: "
                 "message was not sent from this domain")):
            equal(refusal(done, recipient), reply, recipient)
        equal(done.message.recipients,
              ["ann@own.test", "postmaster@ses.test", "abuse@sign.test",
               "Postmaster", "bob@example.test"], sender)
    lines = tap.wait_until(lambda: len(found := [
        line for line in d.log() if " mail queue_id=" in line]) == 2 and found,
        "two lines")
    equal([" warning: " in line for line in lines], [True] * 2, "levels")
    done = talk(d.address, BOB, [good, FORGED, unsigned, NEAR])
    equal(refusal(done, good), only)
    equal(refusal(done, FORGED), only)
    equal(done.message.recipients, ["Carol@SES.test", "ann@own.test"])


@suite.case("every guess is counted in its message's line, whoever makes it")
def guesses(site):
    d = site.start(MODE + "\ninternal_connect = 192.0.2.7")
    guesses = [f"<SRS0=AAAAAA=AA=example.test=bob{i}@fwd.test>"
               for i in range(40)]
    good = f"<{d.encode('bob@example.test')}>"
    done = bounce(d.address, *guesses, good)
    equal(done.message.recipients, ["bob@example.test"])
    line = d.line_of("rcpts=1")
    equal([line.get(key) for key in ("forged", "refused", "restored")],
          ["40", "40", "1"])
    bounce(d.address, *guesses[:3], ip="192.0.2.7")
    line = d.line_of("origin=internal")
    equal([line.get(key) for key in ("forged", "refused")], ["3", None])
    talk(d.address, BOB, guesses[:2] + [NEAR])
    line = d.line_of("refused_as=not_a_bounce")
    equal([line.get(key) for key in ("forged", "refused")], ["2", "2"])


@suite.case("max_forged: 421 after so many, over messages; a genuine one before it")
def max_forged(site):
    d = site.start(MODE + "\nmax_forged = 3")
    good = f"<{d.encode('bob@example.test')}>"
    for name, mta in ("sendmail", SENDMAIL), ("Postfix", POSTFIX):
        with Session(d.address, mta) as s:
            s.connect("192.0.2.25")
            s.helo("mx.sender.test")
            done = s.deliver("<>", [FORGED, good], ["Subject: x"], b"x\r\n")
            equal(done.message.recipients, ["bob@example.test"])
            s.mail("<>")
            replies = [s.rcpt(to) for to in (FORGED, FORGED, good, FORGED, good)]
            equal([r.code for r in replies if r.verdict != "continue"],
                  ["550", "550", "421"], name)
            equal([r.verdict for r in replies],
                  ["reject", "reject", "continue", "tempfail", "continue"])
    tap.wait_until(lambda: len(d.wait_for_log("outcome=disconnected")) == 2,
                   "two sessions that were ended")


@suite.case("addresses that MTAs read differently: as they do, or not at all")
def unclear(site):
    d = site.start(MODE + "\nreject_spoofed = yes")
    odd = "<carol@ses(x).test>"
    signed = d.encode("bob@example.test")
    for sender in "<>", BOB:
        for other in odd, f"<@relay.test:{signed}>", f"<>{signed}", f"<{signed}>x":
            done = talk(d.address, sender, [other, NEAR])
            equal(refusal(done, other), "553 5.1.3 Recipient address rejected: "
                  "ambiguous")
            equal(done.message.recipients, ["ann@own.test"])
    # A bounce is what has no sender, to the MTA too.
    for sender, reply in (
            ("<>eve@example.test", "550 5.7.1 Address accepts bounces only; "
             "write to the original sender"),
            ("<>", "553 5.1.7 Sender address rejected: ambiguous domain")):
        done = talk(d.address, sender, [f"<{signed}>"], mta=POSTFIX,
                    macros={"{mail_addr}": "eve@example.test"})
        equal(refusal(done, f"<{signed}>"), reply, sender)
    done = talk(d.address, odd, mta=POSTFIX,
                macros={"{mail_addr}": "carol@ses.test"})
    if not re.fullmatch(r"SES=[A-Z0-9_-]+=carol@ses\.test",
                        done.message.sender):
        raise AssertionError(done.message.sender)


@suite.case("an ambiguous sender: refused, and not changed for hosts of ours")
def ambiguous(site):
    d = site.start(MODE + "\ninternal_connect = 10.0.0.7\n"
                   "trusted_relay = 10.0.0.8")
    for sender in "<unqualified>", "<carol@ses.test><bob@example.test>":
        for options in {}, {"macros": {"{auth_authen}": "ann"}}:
            done = talk(d.address, sender, [FAR], mta=POSTFIX, **options)
            equal(refusal(done, FAR), "553 5.1.7 Sender address rejected: "
                  "ambiguous domain")
            equal(done.requests, [])
        for ip in "10.0.0.7", "10.0.0.8":
            before = len(d.log())
            done = talk(d.address, sender, [FAR], ip, mta=POSTFIX)
            equal((done.verdict, done.requests), ("continue", []), sender)
            [line] = d.wait_for_log(f" mail queue_id=.* ip={ip} ", before)
            equal(milter_daemon.parse(line)["reason"], "bad_sender", sender)


@suite.case("hosts of ours are exempt")
def exempt(site):
    d = site.start(MODE + "\nreject_spoofed = yes\n"
                   "internal_connect = 10.0.0.7\ntrusted_relay = 10.0.0.8")
    good = f"<{d.encode('bob@example.test')}>"
    for options in ({"ip": "10.0.0.7"}, {"ip": "10.0.0.8"}, {"ip": None},
                    {"macros": {"{auth_authen}": "ann"}},
                    {"ip": "127.0.0.1", "port": 0}):
        for sender in "<>", "<ann@own.test>":
            done = talk(d.address, sender,
                        [good, FORGED, "<carol@ses.test>"], **options)
            equal(done.message.recipients,
                  [FORGED[1:-1], "carol@ses.test", "bob@example.test"],
                  str(options))


@suite.case("reverse = all: other mail too, and its sender is rewritten on the way")
def reverse_all(site):
    d = site.start(MODE + "\nreverse = all")
    done = talk(d.address, BOB, [f"<{d.encode('ann@far.test')}>"])
    equal(done.message.recipients, ["ann@far.test"])
    equal(rewritten(done), True)
    done = talk(d.address, BOB, [f"<{d.ses('carol@ses.test')}>"])
    equal(done.message.recipients, ["carol@ses.test"])
    equal(done.message.sender, "bob@example.test", "delivered here")
    equal(talk(d.address, BOB, [FORGED]).verdict, "reject")


@suite.case("foreign SRS addresses are somebody else's")
def foreign(site):
    d = site.start()
    theirs = f"<{d.encode('bob@example.test', 'elsewhere.test')}>"
    done = bounce(d.address, theirs, "<SRS0=x@y.test>", "<SES=x=y@z.test>")
    equal((done.verdict, done.requests), ("continue", []))


@suite.case("srs_domains = *: ours in any domain; others' are forged only in named ones")
def any_domain(site):
    d = site.start(srs="srs_domains = *")
    theirs = "<SRS0=AAAAAA=AA=example.test=bob@elsewhere.test>"
    expired = f"<{d.encode('old@example.test', 'elsewhere.test', days=22)}>"
    done = bounce(
        d.address, f"<{d.encode('bob@example.test', 'elsewhere.test')}>",
        f"<{d.encode('eve@example.test')}>", theirs, expired, FORGED)
    equal(refusal(done, FORGED),
          "550 5.7.1 Invalid SRS address: signature does not match")
    equal(sorted(done.message.recipients),
          sorted([theirs[1:-1], expired[1:-1], "bob@example.test",
                  "eve@example.test"]))


@suite.case("an MTA without all actions: parameters lost, or refused for now")
def old_actions(site):
    d = site.start()
    bob = f"<{d.encode('bob@example.test')}>"

    def deliver(without):
        mta = dataclasses.replace(
            POSTFIX, actions=POSTFIX.actions & ~without)
        with Session(d.address, mta) as s:
            s.connect()
            s.mail("<>")
            s.rcpt(bob, "NOTIFY=NEVER")
            return s.content()
    done = deliver(Action.ADDRCPT_PAR)
    equal(done.requests, [("delrcpt", bob), ("addrcpt", "<bob@example.test>")])
    d.wait_for_log("NOTIFY=NEVER.* is lost")
    for action in Action.ADDRCPT, Action.DELRCPT:
        done = deliver(action)
        equal((done.verdict, done.requests), ("tempfail", []), repr(action))


# --- replays ---

@suite.case("a SES signature is good for three messages, over reloads too")
def replays(site):
    d = site.start()
    carol, other = (f"<{d.ses('carol@ses.test', n)}>" for n in (1, 2))
    for _ in range(3):
        for _ in range(3):
            with Session(d.address) as s:       # RCPT alone doesn't count
                s.connect()
                s.mail("<>")
                equal(s.rcpt(carol).verdict, "continue")
        equal(bounce(d.address, carol, NEAR).message.recipients,
              ["ann@own.test", "carol@ses.test"])
        d.reload()
    done = bounce(d.address, carol, other, carol.replace("SES=", "ses="))
    equal(done.message.recipients, ["carol@ses.test"])
    equal(refusal(done, carol),
          "550 5.7.1 Return path has been used too many times")
    d.reload(srsmilter=MODE + "\nses_replays = 4")
    equal(bounce(d.address, carol).verdict, "continue")
    equal(bounce(d.address, carol).verdict, "reject")
    d.reload(srsmilter=MODE + "\nses_replays = 0")
    equal(bounce(d.address, carol).verdict, "continue")
    d.stop()
    d.write_config(srsmilter=MODE)
    d.start()
    equal(bounce(d.address, carol).verdict, "continue", "after a restart")


@suite.case("however many connections bring it at once")
def replays_at_once(site):
    d = site.start()
    carol = f"<{d.ses('carol@ses.test')}>"
    sessions = [Session(d.address) for _ in range(20)]
    for s in sessions:
        s.connect()
        s.mail("<>")
        equal(s.rcpt(carol).verdict, "continue")
    verdicts = []
    threads = [threading.Thread(
        target=lambda s=s: verdicts.append(s.content().verdict), daemon=True)
        for s in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for s in sessions:
        s.close()
    equal(sorted(verdicts), ["continue"] * 3 + ["reject"] * 17)


# --- secrets and reloads ---

@suite.case("a new secret signs without a restart, the old one still verifies")
def rotation(site):
    d = site.start()
    old = talk(d.address).message.sender
    before = len(d.log())
    d.write_secrets("a newer secret of the tests", srsmilter.SECRET)
    d.wait_for_log("secret or list file has changed", before)
    new = talk(d.address).message.sender
    equal(new == old, False, "the signature of both")
    for sender in old, new:
        done = bounce(d.address, f"<{sender}>")
        equal(done.message.recipients, ["bob@example.test"])
    before = len(d.log())
    d.write_secrets("a newer secret of the tests")
    d.wait_for_log("secret or list file has changed", before)
    equal(bounce(d.address, f"<{old}>").verdict, "reject")


@suite.case("a wrong configuration or secret: the old one stays, loudly")
def wrong_reload(site):
    d = site.start()
    for write, message in (
            (lambda: d.write_config(srsmilter="rewrite = some"), "rewrite"),
            (lambda: d.write_config(srsmilter="rewrite = remote_domain"),
             "local_domains"),
            (lambda: d.write_config(srsmilter=MODE, more="[srs]\nnonsense = y"),
             "nonsense"),
            (lambda: d.write_secrets("short"), "secret_file")):
        before = len(d.log())
        write()
        if message == "secret_file":
            d.write_config(more="")
        d.process.send_signal(signal.SIGHUP)
        d.wait_for_log("keeping the old one", before)
        d.wait_for_log(f"error: .*{message}", before)
        equal(rewritten(talk(d.address)), True, message)


@suite.case("what a reload can't change is said")
def fixed_settings(site):
    d = site.start()
    d.reload(srsmilter=MODE + "\nreplay_size = 10\nsocket_mode = 0666")
    d.wait_for_log("replay_size")
    d.wait_for_log("socket_mode")


@suite.case("at start: a wrong file is an error that names it")
def wrong_start(site):
    for options, message in (
            ({"srsmilter": "rewrite = all\ntrusted_relay = 1.2.3.4/99"},
             "trusted_relay"),
            ({"srsmilter": "rewrite = remote_domain"}, "local_domains"),
            ({"srs": "hash_min = 9"}, "hash_min"),
            ({"srs": "skip_if_spf_passes = yes"}, "outbound_addresses"),
            ({"secrets": ["shhhh!"]}, "secret_file"),
            ({"secrets": []}, "secret"),
            ({"listen": "inet:0@127.0.0.1"}, "listen")):
        d = site.make(**options)
        d.launch()
        equal(d.process.wait(timeout=30), 1, message)
        if not re.search(rf"error: .*{message}", d.log_tail()):
            raise AssertionError(f"{message}: {d.log_tail()}")


@suite.case("a thousand SIGHUPs under load: no connection is dropped")
def sighups(site):
    d = site.start()
    bob = f"<{d.encode('bob@example.test')}>"
    stop, failed, count = threading.Event(), [], [0]

    def load():
        try:
            while not stop.is_set():
                with Session(d.address) as s:
                    s.connect()
                    s.helo()
                    for _ in range(10):
                        equal(rewritten(s.deliver(BOB, [FAR])), True)
                        equal(s.deliver("<>", [bob]).message.recipients,
                              ["bob@example.test"])
                        count[0] += 1
        except Exception as error:
            failed.append(repr(error))
            raise
    threads = [threading.Thread(target=load, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(1000):
        d.process.send_signal(signal.SIGHUP)
    d.wait_for_log("secrets reloaded")
    done = count[0]
    tap.wait_until(lambda: count[0] > done + 20 or failed, "more messages")
    stop.set()
    for thread in threads:
        thread.join()
    equal(failed, [], "sessions that broke")
    d.stop()


@suite.case("SIGTERM ends it, with idle clients, and frees the socket")
def sigterm(site):
    d = site.start()
    idle = Session(d.address)
    idle.connect()
    d.stop()
    idle.close()
    d.start()
    equal(rewritten(talk(d.address)), True, "after a restart")


@suite.case("a filter that dies in the middle leaves no reply")
def killed(site):
    d = site.start()
    with Session(d.address) as s:
        s.connect()
        s.mail(BOB)
        d.kill()
        try:
            s.rcpt(FAR)
        except (Closed, OSError):
            s.quit = lambda: None
        else:
            raise AssertionError("a dead filter has answered")


# --- hostile peers, and clients ---

def speak(daemon, packets):
    """What a peer gets that sends these, up to the end of the connection."""
    with socket.socket(socket.AF_UNIX) as peer:
        replies = b""
        try:
            peer.connect(daemon.unix)
            peer.sendall(packets)
            peer.shutdown(socket.SHUT_WR)
            while more := peer.recv(65536):
                replies += more
        except ConnectionError:
            pass
        return replies


@suite.case("a peer that breaks the protocol, and one that makes libmilter crash")
def wild_peer(site):
    """
    A macro without a value: smfi_getsymval() of libmilter 8.17 and 8.18 then reads
    behind its list, and the process may die of it.  It has given no verdict then,
    and starts on the same socket again.
    """
    d = site.start()
    for packets in (b"\0\0\0\0", b"\xff\xff\xff\xff", packet("?"), packet("M"),
                    packet("O", b"\0"), OFFER + packet("D"),
                    OFFER + packet("D", b"C"), OFFER + packet("C", b"x"),
                    OFFER + packet("R", b"<a@b.test>"), OFFER * 2):
        speak(d, packets)
        equal(d.process.poll(), None, f"exit status after {packets!r}")
    replies = b""
    for _ in range(100):
        replies = speak(d, OFFER + packet("D", b"Mi\0") +
                        packet("M", b"<bob@example.test>\0"))
        if not replies:
            break
    if not replies:
        equal(d.process.wait(timeout=20) != 0, True, "it failed: restarted")
        d.start()
    equal(rewritten(talk(d.address)), True)


HOSTILE = [
    "\r\n250 ok", "\n\tfolded", "\r", "\n", "\x01", "\x08", "\x1b[2J", "\x7f",
    "\udc80", "\udcff\udcfe", "\x9b", "\u202e", "%n%s", "%%", "\"", "'", "\\",
    "\\\"", ";", " outcome=accepted", "=", " = ", "()", ")", "(",
    "\" x=\"y", "<>", ">", "<script>", "${j}", "@", "@@", ",", ":", "[", "]"]


@suite.case("hostile senders and recipients get nothing of their own")
def hostile(site):
    d = site.start("rewrite = all\nreject_spoofed = yes")
    good = d.encode("bob@example.test")
    count = 0
    for evil in HOSTILE:
        for sender in (f"<{evil}>", f"<x{evil}@example.test>",
                       f"<x@{evil}example.test>", f"<SRS0={evil}=a=b@y.test>",
                       f"<x@ses.test{evil}>", f"{evil}<>"):
            # The client finds what breaks out of an address by itself.
            talk(d.address, sender)
            count += 1
        # Blanks at an end are none of the address, and go back to the MTA.
        around = [f"<{good}{evil}>", f"<{evil}{good}>"] if evil.strip() else []
        for recipient in (*around,
                          f"<SRS0={evil}=a=b=c@fwd.test>",
                          f"<SES={evil}=x@ses.test>", f"<{evil}@ses.test>",
                          f"<x@{evil}ses.test>"):
            talk(d.address, "<>", [recipient], arguments=[f"X={evil}"])
            count += 1
    tap.wait_until(lambda: sum(" mail queue_id=" in line
                               for line in d.log()) == count, "all log lines")
    for line in d.log()[1:]:
        keys = re.findall(r' (\w+)=(?:"(?:\\.|[^"\\])*"|[^\s"=\\]+)', line)
        if len(set(keys)) != len(keys) or not line[:-1].isprintable():
            raise AssertionError(f"log line {line!r}")
    equal(rewritten(talk(d.address)), True, "afterwards")


@suite.case("long addresses and many recipients")
def large(site):
    d = site.start()
    for length in 63, 64, 65, 254, 255, 1023, 1024, 1025, 60000:
        talk(d.address, f"<{'x' * length}@example.test>", mta=POSTFIX)
        bounce(d.address, f"<SRS0={'x' * length}@fwd.test>")
        bounce(d.address, f"<SES={'x' * length}=y@ses.test>")
    recipients = [f"<{d.encode(f'u{n}@example.test')}>" for n in range(50)]
    done = bounce(d.address, *recipients * 4)
    equal(done.verdict, "continue")
    equal(len([r for r in done.requests if r[0] == "delrcpt"]), 50)


# --- sockets and files ---

@suite.case("unix, inet and inet6 sockets; mode and owner")
def sockets(site):
    d = site.start(MODE + "\nsocket_mode = 0620\nsocket_owner = :daemon")
    state = os.stat(d.unix)
    equal(stat.S_IMODE(state.st_mode), 0o620, "mode")
    if os.geteuid() == 0:
        equal(state.st_gid, 1, "group")
    equal(rewritten(talk(d.address)), True)
    port = network.free_port(socket.AF_INET, "127.0.0.1")
    d = site.start(listen=f"inet:{port}@127.0.0.1")
    equal(rewritten(talk(d.address)), True)
    try:
        port = network.free_port(socket.AF_INET6, "::1")
    except OSError:
        return
    d = site.start(listen=f"inet6:{port}@::1")
    equal(rewritten(talk(d.address)), True)


@suite.case("figures for Prometheus")
def figures(site):
    port = network.free_port(socket.AF_INET, "127.0.0.1")
    d = site.start(MODE + f"\nmetrics = inet:{port}@127.0.0.1")
    talk(d.address)
    talk(d.address, recipients=[NEAR])
    bounce(d.address, f"<{d.ses('carol@ses.test')}>", FORGED)
    d.line_of('from="" ')
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as reply:
        text = reply.read().decode()
    for line in ('srsmilter_messages_total 3',
                 'srsmilter_connections_total 3',
                 'srsmilter_senders_total{reason="forwarded"} 1',
                 'srsmilter_senders_total{reason="not_forwarded"} 1',
                 'srsmilter_senders_total{reason="null_sender"} 1',
                 'srsmilter_recipients_total{fate="restored"} 1',
                 'srsmilter_recipients_total{fate="forged"} 1',
                 'srsmilter_forged_total 1',
                 'srsmilter_sessions_ended_total 0',
                 'srsmilter_signatures 1'):
        if line not in text.splitlines():
            raise AssertionError(f"{line} isn't in\n{text}")


# Whoever is mailfrom here: the file can't name another user.
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]


@suite.case("pysrs.cfg as it is")
def legacy(site):
    directory = site.path()
    config = os.path.join(directory, "pysrs.cfg")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"""\
# sample SRS configuration
[srs]
secret = {srsmilter.SECRET}
;hashlength=5
fwdomain = fwd.test
ses = ses.test
sign = sign.test
srs = old.test
nosrs = kept.test
banned_users = mailer-daemon, clamav
[srsmilter]
datadir = {directory}
socketname = sock
miltername = pysrsfilter
reject_spoofed: true
trusted_relay = 192.0.2.4
internal_connect = 10.*,127.0.0.1
miltersrs = True
""")
    os.chmod(config, 0o600)
    prefix = ()
    if os.geteuid() == 0:
        prefix = NOBODY
        for path in directory, config:
            os.chown(path, 65534, 65534)
    d = site.make(config=config)
    d.write_secrets(srsmilter.SECRET)
    d.launch("-n", prefix=prefix)
    equal(d.process.wait(timeout=30), 0, "-n")
    equal(d.log(), [f"{config}: ok\n"], "what -n says")
    # It logs to syslog, so one connects until it serves.
    d.launch(prefix=prefix)
    address = f"unix:{directory}/sock"
    tap.wait_until(lambda: answers(address), "the filter")
    done = talk(address)
    if not re.fullmatch(r"SRS0=[\w+/]{8}=..=example\.test=bob@fwd\.test",
                        done.message.sender):
        raise AssertionError(done.message.sender)
    # What the daemon has signed, and what pysrs's milter has.
    for recipient, options in (
            (done.message.sender, ()),
            (d.encode("x@y.test", "old.test"), ()),
            (d.srs("encode", "x@y.test", "--domain", "fwd.test",
                   "--hash-length", "5", days=20), ())):
        equal(bounce(address, f"<{recipient}>").verdict, "continue",
              recipient)
    equal(bounce(address, f"<{d.ses('carol@ses.test', days=20)}>").verdict,
          "continue", "SES of 21 days")
    equal(bounce(address, "<carol@ses.test>").verdict, "reject")
    equal(talk(address, "<MAILER-DAEMON@x.test>", ["<carol@ses.test>"])
          .verdict, "reject")
    equal(talk(address, recipients=["<ann@kept.test>"]).requests, [])
    equal(bounce(address, "<carol@ses.test>", ip="192.0.2.4").verdict,
          "continue")


def answers(address):
    try:
        Session(address).close()
    except OSError:
        return False
    return True


def main():
    network.enter()
    return Site().run(suite)


if __name__ == "__main__":
    sys.exit(main())

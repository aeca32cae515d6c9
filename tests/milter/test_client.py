#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The tests' milter client against filters by libmilter."""

import socket
import sys

import network
import tap
from milter_filters import Site
from milter_client import (OLD, POSTFIX, SENDMAIL, Action, Closed, Session, Silent,
                    Step)

equal = tap.equal
suite = tap.Suite()
MTAS = {"sendmail": SENDMAIL, "Postfix": POSTFIX, "an old MTA": OLD}
HEADERS = ["From: a@x.example", "Subject: one\n two", "X-Tight:no blank"]


def deliver(address, mta=SENDMAIL, headers=HEADERS, body=b"text\r\n",
            recipients=("<b@y.example>", "<c@y.example>"), **more):
    with Session(address, mta, **more) as s:
        s.connect()
        s.helo()
        return s.deliver("<a@x.example>", recipients, headers, body,
                         ["SIZE=10", "RET=FULL"])


# --- steps ---

@suite.case("every step reaches the filter, by every MTA")
def every_step(site):
    for name, mta in MTAS.items():
        f = site.filter(actions=mta.actions)
        with Session(f.address, mta) as s:
            s.connect("192.0.2.7", "mx.x.example", 4711)
            s.helo("mx.x.example")
            s.unknown("NOOP nothing")
            done = s.deliver(
                "<a@x.example>", ["<b@y.example>", "<c@y.example>"], HEADERS,
                b"text\r\n", ["SIZE=10"])
        equal(done.verdict, "continue", name)
        equal(done.message.recipients, ["b@y.example", "c@y.example"], name)
        equal(done.message.headers, HEADERS, name)
        f.wait_for("close")
        equal([line for line in f.saw() if line != "abort"], [
            "connect mx.x.example 192.0.2.7 4711", "helo mx.x.example",
            "unknown NOOP nothing", "mail <a@x.example> SIZE=10",
            "rcpt <b@y.example>", "rcpt <c@y.example>", "data",
            "header From a@x.example", "header Subject one\\n two",
            "header X-Tight no blank", "eoh", "body 6", "eom", "close"], name)


@suite.case("clients of all kinds")
def clients(site):
    f = site.filter()
    for ip in ("2001:db8::25", None, "/run/socket", "192.0.2.1"):
        for mta in (SENDMAIL, POSTFIX):
            with Session(f.address, mta) as s:
                equal(s.connect(ip, "host", 25).verdict, "continue")
    f.wait_for("connect host 192.0.2.1 25")
    equal(sorted(set(f.saw("connect"))), [
        "connect host - ", "connect host /run/socket ",
        "connect host 192.0.2.1 25", "connect host 2001:db8::25 25"])


@suite.case("inet and inet6 sockets, in libmilter's words and Postfix's")
def inet_sockets(site):
    port = network.free_port(socket.AF_INET, "127.0.0.1")
    f = site.filter(address=f"inet:{port}@127.0.0.1")
    equal(deliver(f.address).verdict, "continue")
    equal(deliver(f"inet:127.0.0.1:{port}", POSTFIX).verdict, "continue")
    try:
        port = network.free_port(socket.AF_INET6, "::1")
    except OSError:
        tap.diagnose("without IPv6")
        return
    f = site.filter(address=f"inet6:{port}@[::1]")
    equal(deliver(f"inet6:{port}@::1").verdict, "continue")


@suite.case("steps that the filter declines aren't sent")
def declined(site):
    steps = {Step.NOCONNECT: "connect", Step.NOHELO: "helo",
             Step.NOMAIL: "mail", Step.NORCPT: "rcpt", Step.NOBODY: "body",
             Step.NOHDRS: "header", Step.NOEOH: "eoh", Step.NODATA: "data"}
    for mta in (SENDMAIL, POSTFIX):
        for step, name in steps.items():
            f = site.filter(f"{name}:reject", steps=step)
            equal(deliver(f.address, mta).verdict, "continue", name)
            equal(f.saw(name), [], name)
            equal(len(f.saw(*steps.values())) > 6, True, name)
        f = site.filter(steps=sum(steps))
        equal(deliver(f.address, mta).verdict, "continue", "eom alone")
        f.wait_for("close")
        equal([line for line in f.saw() if line != "abort"], ["eom", "close"])


NO_REPLIES = (Step.NR_HDR | Step.NR_CONN | Step.NR_HELO | Step.NR_MAIL |
              Step.NR_RCPT | Step.NR_DATA | Step.NR_UNKN | Step.NR_EOH |
              Step.NR_BODY)


@suite.case("replies that the filter won't give aren't waited for")
def unanswered(site):
    for name, mta in MTAS.items():
        f = site.filter("eom:reply=550|5.7.1|no", steps=NO_REPLIES,
                        actions=mta.actions)
        with Session(f.address, mta) as s:
            # libmilter replies nevertheless, where the MTA knows no better.
            equal(s.connect().asked, mta is OLD, name)
            equal(s.helo().asked, mta is OLD, name)
            equal(s.steps & NO_REPLIES, NO_REPLIES & mta.steps, name)
            done = s.deliver("<a@x.example>", ["<b@y.example>"], HEADERS,
                             b"text")
        equal((done.code, done.status, done.text), ("550", "5.7.1", "no"), name)
        equal(len(f.saw("header")), 3, name)


@suite.case("a reply that never comes is told")
def no_reply(site):
    for step in ("connect", "rcpt", "eom"):
        f = site.filter(f"{step}:noreply")
        try:
            deliver(f.address, timeout=0.3)
        except Silent as silent:
            equal(step.upper() in str(silent) or step == "eom", True, step)
        else:
            raise AssertionError(f"{step}: nothing was missed")


# --- verdicts ---

@suite.case("verdicts on a message, at each step")
def verdicts(site):
    for step in ("mail", "data", "header#2", "eoh", "body", "eom"):
        for verdict, code in (("reject", "550"), ("tempfail", "451"),
                              ("accept", ""), ("discard", "")):
            for mta in (SENDMAIL, POSTFIX):
                f = site.filter(f"{step}:{verdict}")
                done = deliver(f.address, mta)
                what = f"{step} {verdict}"
                equal((done.verdict, done.code), (verdict, code), what)
                equal(done.passed, verdict == "accept", what)
                equal(done.own_reply, False, what)
                if step != "eom":
                    equal(f.saw("eom"), [], what)


@suite.case("verdicts on a connection")
def connection_verdicts(site):
    for step in ("connect", "helo"):
        for verdict in ("reject", "tempfail", "accept"):
            f = site.filter(f"{step}:{verdict}")
            with Session(f.address) as s:
                s.connect()
                equal(s.helo().verdict, verdict)
                equal(s.deliver("<a@x.example>", ["<b@y.example>"]).verdict,
                      verdict)
            equal(f.saw("mail", "eom"), [], verdict)


@suite.case("a recipient that is refused, and all of them")
def refused_recipients(site):
    f = site.filter("rcpt#2:reply=550|5.7.1|100%% no")
    done = deliver(f.address, recipients=["<b@y.example>", "<c@y.example>",
                                          "<d@y.example>"])
    equal(done.verdict, "continue")
    equal(done.message.recipients, ["b@y.example", "d@y.example"])
    refused = done.recipients["<c@y.example>"]
    equal((refused.code, refused.text, refused.own_reply),
          ("550", "100% no", True))
    f = site.filter("rcpt:tempfail")
    done = deliver(f.address)
    equal((done.verdict, done.message.recipients), ("tempfail", []))
    equal(f.saw("data", "eom"), [])


@suite.case("recipients that the MTA refuses go to filters that want them")
def refused_by_mta(site):
    gone = ("<no@y.example>", {"refused": "550 5.1.1 User unknown"})
    for steps, seen in ((Step.RCPT_REJ, 2), (Step(0), 1)):
        f = site.filter(steps=steps, show=["{rcpt_mailer}", "{rcpt_host}",
                                           "{rcpt_addr}"])
        done = deliver(f.address, recipients=["<b@y.example>", gone])
        equal(done.message.recipients, ["b@y.example"])
        equal(len(f.saw("rcpt")), seen)
        equal(any("{rcpt_mailer}=error {rcpt_host}=5.1.1 {rcpt_addr}=User "
                  "unknown" in line for line in f.saw("rcpt")), seen == 2)


@suite.case("replies of many lines")
def long_replies(site):
    f = site.filter("mail:mlreply=451|4.7.1|one|two")
    done = deliver(f.address)
    equal((done.verdict, done.code, done.status, done.text),
          ("tempfail", "451", "4.7.1", "one\ntwo"))


# --- requests ---

@suite.case("the envelope changes")
def envelope(site):
    for arguments, after in (("", ["SIZE=10", "RET=FULL"]), ("|", []),
                             ("|RET=HDRS", ["RET=HDRS"])):
        f = site.filter(f"eom:chgfrom=<srs@z.example>{arguments}",
                        "eom:delrcpt=<b@y.example>",
                        "eom:addrcpt=Case@Z.example",
                        "eom:addrcpt=<p@z.example>|NOTIFY=NEVER")
        done = deliver(f.address)
        equal(done.verdict, "continue")
        equal(done.message.sender, "srs@z.example")
        equal(done.message.arguments, after)
        equal(done.message.recipients,
              ["c@y.example", "Case@Z.example", "p@z.example"])
        equal([r[0] for r in done.requests],
              ["chgfrom", "delrcpt", "addrcpt", "addrcpt_par"])
        equal(len(done.requests[0]), 3 if arguments else 2, arguments)
        done = deliver(f.address, POSTFIX)
        equal(done.message.arguments, ["SIZE=10", after[0] if arguments ==
                                       "|RET=HDRS" else "RET=FULL"])


@suite.case("fields are inserted, added, changed")
def fields(site):
    f = site.filter("eom:insheader=0|X-A|a", "eom:insheader=0|X-B|b\n c",
                    "eom:addheader=Subject|two", "eom:chgheader=1|From|new",
                    "eom:chgheader=3|X-None|added", "eom:chgheader=1|X-No|")
    for mta, lines in (
            (SENDMAIL, ["From: new", "Subject: two", "Subject: one\n two",
                        "X-Tight:no blank"]),
            (POSTFIX, ["From: new", "Subject: one\n two",
                       "X-Tight:no blank", "Subject: two"])):
        done = deliver(f.address, mta)
        equal(done.verdict, "continue")
        equal(done.message.headers,
              ["X-B: b\n c", "X-A: a", *lines, "X-None: added"])
        equal(done.message.all_headers[2][:9], "Received:")
        equal(done.message.values("subject")[-1:],
              ["two" if mta is POSTFIX else "one\n two"])


@suite.case("fields are deleted by index, as each MTA counts")
def deletions(site):
    received = [f"Received: {n}" for n in (1, 2, 3)]
    orders = {
        "descending": (["2", "1"], ["Received: 3"], ["Received: 3"]),
        "ascending": (["1", "2"], ["Received: 3"], ["Received: 2"])}
    for name, (order, sendmail, postfix) in orders.items():
        f = site.filter(*(f"eom:chgheader={n}|received|" for n in order))
        equal(deliver(f.address, SENDMAIL, received).message.headers,
              sendmail, name)
        equal(deliver(f.address, POSTFIX, received).message.headers,
              postfix, name)


@suite.case("the blank after the colon is the filter's, if it wants that")
def leading_blank(site):
    f = site.filter("eom:insheader=0|X-A|a", "eom:insheader=0|X-B| b",
                    steps=Step.HDR_LEADSPC)
    done = deliver(f.address)
    equal(done.message.headers[:2], ["X-B: b", "X-A:a"])
    equal(f.saw("header"), [
        "header From  a@x.example", "header Subject  one\\n two",
        "header X-Tight no blank"])


@suite.case("the body is replaced, the message quarantined, progress told")
def the_rest(site):
    f = site.filter("eom:progress", "eom:replbody=new", "eom:replbody=er",
                    "eom:quarantine=why not", "eom:progress", "eom:accept")
    done = deliver(f.address)
    equal((done.verdict, done.progress), ("accept", 2))
    equal(done.message.body, b"newer")
    equal(done.message.quarantined, "why not")


@suite.case("a filter gets no action that the MTA hasn't")
def no_action(site):
    try:
        Session(site.filter(actions=Action.CHGFROM).address, OLD)
    except Closed:
        pass
    else:
        raise AssertionError("libmilter accepts an MTA without CHGFROM")
    f = site.filter("eom:chgfrom=a@z.example", "eom:insheader=0|X-A|a",
                    actions=Action.ADDHDRS)
    done = deliver(f.address)
    equal([r[0] for r in done.requests], ["insheader"])
    equal(f.saw("failed"), ["failed chgfrom"])


# --- macros ---

SHOW = ["j", "i", "{client_addr}", "{rcpt_mailer}", "{auth_authen}",
        "{daemon_name}", "{msg_id}"]


def macros_seen(f, mta):
    deliver(f.address, mta, macros={"{auth_authen}": "user", "{msg_id}": "m"})
    return {line.split(" ")[0]: {word.partition("=")[0]
                                 for word in line.split(" ") if "=" in word}
            & set(SHOW) for line in f.saw()}


@suite.case("macros without lists are those that the MTA sends by itself")
def default_macros(site):
    f = site.filter(show=SHOW)
    seen = macros_seen(f, SENDMAIL)
    at_connect = {"j", "{daemon_name}"}
    equal(seen["connect"], at_connect)
    equal(seen["mail"], at_connect | {"i", "{auth_authen}"})
    equal(seen["rcpt"], seen["mail"] | {"{rcpt_mailer}"})
    equal(seen["eom"], seen["rcpt"] | {"{msg_id}"})
    f = site.filter(show=SHOW)
    seen = macros_seen(f, POSTFIX)
    equal(seen["mail"], at_connect | {"{auth_authen}"})
    equal("i" in seen["rcpt"], True)    # the second, the first saw none
    equal([" i=" in line for line in f.saw("rcpt")], [False, True])
    equal("{msg_id}" in seen["eom"], False)


@suite.case("macros with lists are those that the filter asked for")
def asked_macros(site):
    lists = {0: "{client_addr}", 3: "{rcpt_mailer},j", 2: "{none}"}
    for mta in (SENDMAIL, POSTFIX):
        f = site.filter(show=SHOW, lists=lists)
        seen = macros_seen(f, mta)
        equal(seen["connect"], {"{client_addr}"})
        equal(seen["mail"], {"{client_addr}"})
        equal(seen["rcpt"], {"{client_addr}", "{rcpt_mailer}", "j"})


@suite.case("sendmail heeds a list for EOM only beside one for EOH")
def eom_lists(site):
    for lists, sendmail, postfix in (
            ({5: "i {client_addr}"}, {"{msg_id}"}, {"{client_addr}"}),
            ({5: "i {client_addr}", 6: "j"}, {"{client_addr}"},
             {"{client_addr}"}),
            ({6: "j"}, set(), set())):
        for mta, wanted in ((SENDMAIL, sendmail), (POSTFIX, postfix)):
            f = site.filter(show=SHOW, lists={0: "{none}", **lists})
            equal(macros_seen(f, mta)["eom"] & {"{msg_id}", "{client_addr}"},
                  wanted, str(lists))


@suite.case("macros of a step of its own")
def own_macros(site):
    f = site.filter(show=SHOW)
    with Session(f.address, macros={"j": "other.test"}) as s:
        s.connect(macros={"{daemon_name}": "Submit"})
        s.mail("<>", macros={"{auth_authen}": "x"})
        s.rcpt("<b@y.example>", macros={"{rcpt_mailer}": "local"})
    equal("j=other.test {daemon_name}=Submit"
          in f.saw("connect")[0].replace("  ", " "), True)
    equal("{auth_authen}=x" in f.saw("mail")[0], True)
    equal("{rcpt_mailer}=local" in f.saw("rcpt")[0], True)


# --- the life of a session ---

@suite.case("a long body goes in chunks, until the filter has enough")
def chunks(site):
    f = site.filter(steps=Step.SKIP)
    deliver(f.address, body=b"x" * 150000)
    equal(f.saw("body"), ["body 65535", "body 65535", "body 18930"])
    f = site.filter("body#2:skip", "header#1:skip", steps=Step.SKIP)
    deliver(f.address, POSTFIX, body=b"x" * 150000)
    equal((len(f.saw("body")), len(f.saw("header"))), (2, 1))


@suite.case("several messages, and some that end early")
def several(site):
    for mta in (SENDMAIL, POSTFIX):
        f = site.filter("eom:insheader=0|X-A|a")
        with Session(f.address, mta) as s:
            s.connect()
            s.helo()
            for number in range(3):
                s.mail(f"<{number}@x.example>")
                s.abort()
                s.mail("<gone@x.example>")
                s.rcpt("<b@y.example>")
                done = s.deliver(f"<{number}@x.example>", ["<b@y.example>"])
                equal(done.message.sender, f"{number}@x.example")
                equal(done.message.headers, ["X-A: a"])
            s.mail("<last@x.example>")
        f.wait_for("close")
        equal(len(f.saw("mail")), 10)
        equal(len(f.saw("eom")), 3)
        equal(len(f.saw("abort")) >= 6, True)


@suite.case("a connection is used again after QUIT_NC")
def quit_nc(site):
    f = site.filter("eom:insheader=0|X-A|a")
    with Session(f.address) as s:
        for ip in ("192.0.2.1", "192.0.2.2"):
            s.connect(ip, "h", 1)
            s.helo()
            done = s.deliver("<a@x.example>", ["<b@y.example>"])
            equal(done.message.headers, ["X-A: a"], ip)
            s.quit_nc()
    # libmilter calls back for QUIT too, where there was no new connection.
    tap.wait_until(lambda: len(f.saw("close")) == 3, "the third close")
    equal([line.split()[0] for line in f.saw("connect", "mail", "close")],
          ["connect", "mail", "close"] * 2 + ["close"])


@suite.case("an MTA that dies, and one that a filter dies on")
def deaths(site):
    f = site.filter()
    s = Session(f.address)
    s.connect()
    s.mail("<a@x.example>")
    s.close()
    f.wait_for("abort")
    with Session(f.address) as s:
        f.stop()
        try:
            s.connect()
        except Closed:
            s.quit = lambda: None
        else:
            raise AssertionError("the filter's death went unnoticed")


def main():
    network.enter()
    site = Site()
    return suite.run(site, site.evidence, site.end)


if __name__ == "__main__":
    sys.exit(main())

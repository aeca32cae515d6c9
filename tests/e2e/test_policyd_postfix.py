#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
spfmilter as the policy service of a real Postfix, which was moved there from
policyd-spf by mailfrom setup; beside the filter, and beside policyd-spf, in other
smtpds of the same Postfix.
"""

import itertools
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading

import exchange
import milter_daemon
import places
import policy_client
import postfix
import smtp
import spf_cases
import spfmilter
import tap
import world
from spf_cases import RCPT, rcpt_said
from tap import equal, true

PEERS = ["postfix", "policyd", *spf_cases.PEERS]
FILTERED = "127.0.0.2"          # smtpd with the filter
POLICYD = "127.0.0.3"           # with policyd-spf
FAKE = "127.0.0.4"              # with a policy service that says what it is told
ENDING = "127.0.0.5"            # asks at DATA and at the end of a message too
POLICYD_AT, FAKE_AT = ("127.0.0.1", 10018), ("127.0.0.1", 10028)
SESSIONS = int(os.environ.get("SOAK_MESSAGES", "1000")) // 5
SETTINGS = "smtpd_client_connection_rate_limit = 0\n" \
    "smtpd_error_sleep_time = 0\nsmtpd_soft_error_limit = 1000\n" \
    "smtpd_hard_error_limit = 1000\ndefault_process_limit = 300\n"
SMTPDS = f"""\
{FILTERED}:25 inet n - y - - smtpd
  -o smtpd_recipient_restrictions=reject_unauth_destination
  -o smtpd_milters=inet:127.0.0.1:10006
  -o milter_protocol=6
""" + "".join(f"""\
{host}:25 inet n - y - - smtpd
  -o {{ smtpd_recipient_restrictions = reject_unauth_destination, check_policy_service inet:{at[0]}:{at[1]} }}
""" for host, at in ((POLICYD, POLICYD_AT), (FAKE, FAKE_AT))) + f"""\
{ENDING}:25 inet n - y - - smtpd
  -o smtpd_data_restrictions=check_policy_service,inet:127.0.0.1:10008
  -o smtpd_end_of_data_restrictions=check_policy_service,inet:127.0.0.1:10008
"""
# What a site with policyd-spf has.
BEFORE = "smtpd_recipient_restrictions = permit_mynetworks,\n" \
    "  reject_unauth_destination, check_policy_service unix:private/policyd\n"
SPAWN = "policyd unix - n n - 0 spawn\n" \
    "  user=nobody argv=/usr/bin/policyd-spf\n"
suite = tap.Suite()
case = suite.case


class Service(spfmilter.Spfmilter):
    """Filter and policy service in one."""

    LISTEN = "policy_listen = inet:10008@127.0.0.1\nauthserv_id = mx.fwd.test\n"

    def reload(self, spfmilter="", **changed):
        super().reload(spfmilter=self.LISTEN + spfmilter, **changed)

    def start(self, *options, **more):
        before = len(self.log()) if os.path.exists(self.log_path) else 0
        super().start(*options, **more)
        self.wait_for_log("policy service started", before)
        return self


class Site(exchange.Exchange):
    def __init__(self, place):
        super().__init__()
        self.place = place
        self.dns = spfmilter.name_server(spf_cases.FAILING)
        self.filter = Service(
            place.make_dir("run", "spfmilter", owner="mailfrom"), self.dns.name,
            spf_cases.ACCESS, user="mailfrom", spfmilter=Service.LISTEN,
            listen="inet:10006@127.0.0.1").start()
        self.said = "DUNNO"
        serve(POLICYD_AT, self.serve_policyd)
        serve(FAKE_AT, self.serve_fake)
        with open(place.path("policyd-spf.conf"), "w", encoding="utf-8") as file:
            file.write("debugLevel = 1\nskip_addresses = 192.0.2.0/32\n")
        self.policyd = place.path("policyd-spf.conf")
        self.mta = postfix.Postfix(
            place, "policy", "fwd.test", SETTINGS + BEFORE, SMTPDS + SPAWN,
            aliases="friend: local\npostmaster: local\n")
        self.move()
        self.mta.start()

    def move(self):
        """From policyd-spf to us, as mailfrom setup says."""
        done = self.mta.setup("spf-policy", self.filter.config, "--main")
        equal(done.returncode, 0, done.stderr)
        true("policyd-spf is no longer asked" in done.stderr, done.stderr)
        equal(done.stdout.count("policyd-spf"), 2, "in comments")
        self.mta.change(SETTINGS + BEFORE + done.stdout, SMTPDS + SPAWN)
        self.found = self.doctor()
        self.mta.change(SETTINGS + BEFORE + done.stdout.replace(
            "timeout=30s", "timeout=3s"), SMTPDS + SPAWN)

    def doctor(self):
        """What mailfrom doctor finds: {check: [(status, what)]}."""
        path = os.path.join(self.mta.prefix, "usr/sbin")
        done = places.run(
            postfix.MAILFROM, "doctor", "--json", "--no-dns", "--no-smtp", "-c",
            self.filter.config, "--config-dir", self.mta.etc,
            env={**self.mta.environment,
                 "PATH": f"{path}:{self.mta.environment['PATH']}"})
        found = {}
        for each in json.loads(done.stdout)["checks"]:
            found.setdefault(each["check"], []).append(
                (each["status"], each["read"]))
        return found

    def serve_policyd(self, connection):
        """As Postfix's spawn(8) does."""
        subprocess.run(
            [sys.executable, places.source("tests/lib/peer_policyd.py"),
             places.peer("policyd", places.PYTHON), str(self.dns.port),
             self.policyd], stdin=connection, stdout=connection,
            stderr=subprocess.DEVNULL, check=False)

    def serve_fake(self, connection):
        file = connection.makefile("rwb")
        for line in file:
            if line == b"\n":
                file.write(f"action={self.said}\n\n".encode())
                file.flush()

    def send(self, sender, *recipients, **options):
        token, reply = self.submit(sender, *recipients, **options)
        reply.rcpt = [(code, re.sub(
            r"<[^>]*>: Recipient address rejected: ", "", text))
                      for code, text in reply.rcpt]
        return token, reply

    def settled(self):
        tap.wait_until(lambda: not any(
            files for queue in ("maildrop", "incoming", "active", "deferred")
            for _, _, files in os.walk(os.path.join(self.mta.spool, queue))),
            "an empty queue")

    def delivered(self, token):
        self.settled()
        return self.mta.mailbox("local", token)

    def held(self, token):
        self.settled()
        for name in os.listdir(os.path.join(self.mta.spool, "hold")):
            with open(os.path.join(self.mta.spool, "hold", name),
                      encoding="latin-1") as file:
                if token in file.read():
                    return True
        return False


def serve(at, handle):
    """Connections to `at`, each with a thread of its own."""
    server = socket.create_server(at, backlog=64)

    def work(connection):
        with connection:
            handle(connection)

    def accept():
        while True:
            threading.Thread(target=work, args=(server.accept()[0],),
                             daemon=True).start()
    threading.Thread(target=accept, daemon=True).start()


for each in spfmilter.RESULTS:
    case(f"MAIL FROM {each}: every action")(
        lambda site, result=each: spf_cases.try_actions(site, result, "mail"))
for each in "fail", "softfail":
    case(f"HELO {each}: every action")(
        lambda site, result=each: spf_cases.try_actions(site, result, "helo"))


@case("mailfrom doctor finds the service right, and has it answer")
def doctor(site):
    equal([status for status, _ in site.found["spf-policy"]], ["ok"],
          site.found["spf-policy"])
    true(any("policy protocol" in what and "10008" in what
             for _, what in site.found["daemon-answers"]),
         site.found["daemon-answers"])
    equal(site.found["sockets"], [
        ("ok", "4 addresses in main.cf and master.cf lead to our sockets")])


# Sites for whom a setting isn't one line.
SITES = {
    "policyd-spf": BEFORE,
    "nothing": "",
    "several lists": "smtpd_sender_restrictions = reject_non_fqdn_sender,\n"
    "  check_policy_service unix:private/policyd, permit_mynetworks\n"
    "smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n"
    "smtpd_recipient_restrictions = check_client_access static:DUNNO,\n"
    "  check_policy_service { unix:private/policyd, timeout=10s }, permit\n",
}
OWN_LIST = "mx.fwd.test:25 inet n - y - - smtpd\n" \
    "  -o { smtpd_recipient_restrictions = reject_unauth_destination, " \
    "check_policy_service unix:private/policyd }\n"


@case("mailfrom setup: a second run prints the same, and --undo restores all")
def undo(site):
    for number, (name, main_cf) in enumerate(SITES.items()):
        for way in ("postconf", "appended")[:1 if number else 2]:
            mta = postfix.Postfix(site.place, f"undo-{number}-{way}", "fwd.test",
                                  SETTINGS + main_cf, SPAWN + OWN_LIST)
            before, what = mta.all_settings(), f"{name}, {way}"

            def setup(option):
                return mta.setup("spf-policy", site.filter.config,
                                 option).stdout
            first = setup("--main")
            if way == "postconf":
                mta.run_script(setup("--postconf"))
                equal("unix:private/policyd" in str(mta.all_settings()), False,
                      what)
            else:
                with open(os.path.join(mta.etc, "main.cf"), "a",
                          encoding="utf-8") as file:
                    file.write(first)
            equal(mta.all_settings() == before, False, what)
            equal(setup("--main"), first, f"second run: {what}")
            mta.run_script(setup("--undo"))
            equal(mta.all_settings(), before, what)


@case("each recipient has its answer, and the message one field")
def per_recipient(site):
    token, reply = site.send("bob@reject.fail.test", RCPT, "postmaster@fwd.test",
                             "friend@fwd.test", partial=True)
    equal([code for code, _ in reply.rcpt], [550, 250, 250], "RCPT")
    true(reply.accepted, reply)
    texts = site.delivered(token)
    equal([text.count("\nReceived-SPF: fail") for text in texts], [1, 1])
    site.filter.wait_for_log("from=bob@reject.fail.test .*rcpts=2 refused=1 "
                             "exempt=2 outcome=accepted")


@case("asked at DATA and at the end as well: the same answers, logged with queue id")
def ending(site):
    before = len(site.filter.log())
    token, reply = site.send("end@reject.fail.test", RCPT, "postmaster@fwd.test",
                             host=ENDING, partial=True)
    equal([code for code, _ in reply.rcpt], [550, 250], "RCPT")
    true(reply.accepted, reply)
    [line] = site.filter.wait_for_log("from=end@reject.fail.test", before)
    true(re.search(r" queue_id=[0-9A-Za-z]{6,} .* rcpts=1 refused=1 exempt=1 ",
                   line), line)
    [text] = site.delivered(token)
    equal(text.count("\nReceived-SPF: "), 1)
    # A message of several others, which are let pass.
    token, reply = site.send("end@pass.test", RCPT, "friend@fwd.test",
                             host=ENDING)
    true(reply.accepted, reply)
    equal([text.count("\nReceived-SPF: pass")
           for text in site.delivered(token)], [1, 1])


@case("the domain's explanation is in the reply, and % survives")
def explanation(site):
    _, reply = site.send("bob@explained.test", RCPT)
    equal(rcpt_said(reply), (
        "550 5.7.23 SPF fail: 127.0.0.99 is not allowed to send mail for "
        "explained.test; explained.test explains: 127.0.0.99 isn't a host of "
        "explained.test: 100% sure"))


for name, function in {
        "senders in which Postfix reads a domain that isn't there: none gets by":
            spf_cases.tricks,
        "discarding and quarantine spare an exempt recipient that comes first":
            spf_cases.spared,
        "HELO within a message: what follows isn't accepted unchecked":
            spf_cases.helo_within,
        "null sender: postmaster at the HELO name": spf_cases.null_sender,
        "hostile HELO names and senders get no header, log line or reply":
            spf_cases.hostile,
        "internationalised domains: keys as A-labels": spf_cases.idn,
        "internal clients aren't checked, exempt ones are, and aren't refused":
            spf_cases.internal,
        "trusted forwarder, best guess, and delegate": spf_cases.forwarder,
        "the access file is replaced: noticed without a signal":
            spf_cases.access_changes}.items():
    case(name)(function)


@case("senders with any local part: pass")
def local_parts(site):
    for local in spf_cases.LOCAL_PARTS:
        token, reply = site.send(f"{local}@parts.test", RCPT)
        equal(rcpt_said(reply)[:3], "250", local)
        [text] = site.delivered(token)
        true("\nReceived-SPF: pass " in text, f"{local}: {text}")


@case("mail for elsewhere is refused before anybody is looked up")
def relaying(site):
    before = len(site.filter.log())
    _, reply = site.send("bob@unheard-of.pass.test", "a@elsewhere.test")
    equal(reply.rcpt[0][0], 454 if reply.rcpt[0][0] == 454 else 554)
    site.send("bob@heard-of.pass.test", RCPT)
    site.filter.wait_for_log("heard-of.pass.test", before)
    true(not any("unheard-of" in line for line in site.filter.log()), "asked")


@case("Postfix takes the longest answer that there can be")
def long_answers(site):
    field = "X-Long: " + "x" * 900 + " y" * ((4096 - 128 - 908) // 2)
    site.said = f"PREPEND {field}"
    token, reply = site.send("bob@pass.test", RCPT, host=FAKE)
    true(reply.accepted, reply)
    [text] = site.delivered(token)
    true(field.split(" ", 1)[1] in re.sub(r"\n\s+", " ", text), text[:3000])


def scenarios(count):
    """(sender, helo, recipients), the same in each run."""
    pick = random.Random(17)
    names = ["", *(f"{name}." for name in spf_cases.ACTIONS)]
    recipients = [RCPT, "postmaster@fwd.test", "friend@fwd.test",
                  "local%fwd.test@fwd.test", "dora@fwd.test"]
    for n in range(count):
        domain = f"{pick.choice(names)}{pick.choice(spfmilter.RESULTS)}.test"
        helo = f"{pick.choice(names)}{pick.choice(spfmilter.RESULTS)}.test"
        sender = "" if n % 13 == 0 else f"s{n}@{domain}"
        yield sender, helo if n % 3 == 0 else f"h{n}.none.test", \
            pick.sample(recipients, pick.randint(1, 3))


def clean(reply):
    return [(code, re.sub(r"<[^>]*>: Recipient address rejected: ", "", text)
             if code != 250 else "") for code, text in reply.rcpt]


VERDICT = ("spf", "helo_spf", "domain", "mechanism", "problem", "action",
           "reason", "key", "code", "dsn", "rcpts", "refused", "exempt")


@case(f"soak: {SESSIONS} sessions: verdicts and replies are those of the filter")
def parity(site):
    before = len(site.filter.log())
    wholes = sent = 0
    for n, (sender, helo, recipients) in enumerate(scenarios(SESSIONS)):
        replies = []
        for host in site.host, FILTERED:
            with smtp.Session(host, helo=helo) as session:
                replies.append(session.send(
                    sender, recipients, site.new_token(), partial=True))
        equal(clean(replies[0]), clean(replies[1]),
              f"{n}: {helo}, {sender} to {recipients}")
        equal(replies[0].accepted, replies[1].accepted, f"{n}: {sender}")
        sent += sender != ""
    tap.wait_until(lambda: len(senders(site, before)) == 2 * sent,
                   "a line of each service for each message")
    by_sender = {}
    for line in senders(site, before):
        by_sender.setdefault(line["from"], []).append(line)
        wholes += line["outcome"] in ("discarded", "quarantined")
    for sender, lines in by_sender.items():
        # Of a message that it discards Postfix asks no more.
        keys = VERDICT[:-3] if lines[0]["action"] == "DISCARD" else VERDICT
        equal(*({key: line.get(key) for key in keys} for line in lines),
              f"log lines of {sender}")
    true(wholes > SESSIONS // 50, f"{wholes} were held or discarded")


def senders(site, before):
    return [milter_daemon.parse(line) for line in site.filter.log()[before:]
            if re.search(r" mail .*from=s\d+@", line)]


@case("beside policyd-spf: the same mail is accepted and rejected")
def beside_policyd(site):
    for result in "pass", "fail", "softfail", "neutral", "none":
        codes = []
        for host in site.host, POLICYD:
            _, reply = site.send(f"bob@{result}.test", RCPT, host=host)
            codes.append(reply.rcpt[0][0])
        equal(codes[0], codes[1], f"{result}: ours, policyd-spf's")


@case("killed, stopped and slow: Postfix defers, and accepts once it is back")
def outages(site):
    site.filter.kill()
    _, reply = site.send("bob@pass.test", RCPT)
    equal(reply.rcpt[0], (451, "4.3.0 SPF check temporarily unavailable"), "killed")
    site.filter.start()
    token, _ = site.send("bob@pass.test", RCPT)
    true(site.delivered(token), "delivered")
    site.filter.process.send_signal(signal.SIGSTOP)
    try:
        _, reply = site.send("bob@pass.test", RCPT)
        equal(reply.rcpt[0][0], 451, "stopped")
    finally:
        site.filter.process.send_signal(signal.SIGCONT)
    site.filter.reload(spf="timeout = 1\ncache_size = 0")
    site.dns.freeze()
    try:
        _, reply = site.send("bob@pass.test", RCPT)
        equal(reply.rcpt[0][0], 451, "silent DNS")
    finally:
        site.dns.thaw()
        site.filter.reload(spf="")
    token, _ = site.send("bob@pass.test", RCPT)
    true(site.delivered(token), "delivered again")


class Flood(threading.Thread):
    """Floods and half requests, while others ask, until it is told to stop."""

    def __init__(self):
        super().__init__(daemon=True)
        self.stops, self.connections = threading.Event(), 0
        self.start()

    def run(self):
        octets = policy_client.request(sender="bob@pass.test")
        for piece in itertools.cycle((octets * 300, octets[:-1], b"\n\n", b"x=" +
                                      b"y" * 70000)):
            if self.stops.wait(0.02):
                return
            try:
                with policy_client.Client(("127.0.0.1", 10008), 1) as client:
                    client.send(piece)
                    self.connections += 1
            except OSError:
                pass


@case("soak: killed and restarted, DNS silent, floods and half requests: nothing is "
      "accepted unchecked, nothing is lost")
def soak(site):
    count = int(os.environ.get("SOAK_MESSAGES", "200"))
    site.filter.reload(spf="timeout = 1\ncache_size = 0")
    flood = Flood()
    run = spf_cases.Soak(site, count, int(os.environ.get("SOAK_SESSIONS", "16")))
    steps = max(4, count // 500)
    for step in range(steps):
        run.wait(run.progress, count // (steps + 2))
        if step % 2 == 0:
            site.filter.kill()
            run.delayed = threading.Semaphore(0)
            run.wait(run.delayed, 4)
            site.filter.start()
        else:
            run.delayed = threading.Semaphore(0)
            site.dns.freeze()
            run.wait(run.delayed, 4)
            site.dns.thaw()
    run.join()
    flood.stops.set()
    flood.join()
    site.filter.reload(spf="")
    site.settled()
    for tokens, copies in ((run.good, 1), (run.bad, 0)):
        counted = spf_cases.count_copies(tokens, f"{site.mta.mail}/local/new/*")
        equal({n: c for n, c in counted.items() if c != copies}, {},
              f"messages of which there aren't {copies}")
    equal(unchecked(site), [], "messages without a result of ours")
    tap.diagnose(f"{len(run.good)} accepted, {len(run.bad)} refused, "
                 f"{flood.connections} floods")


def unchecked(site):
    """Accepted messages of the soak that don't have one Received-SPF."""
    wrong, directory = [], f"{site.mta.mail}/local/new"
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), encoding="latin-1") as file:
            text = file.read()
        if "Return-Path: <good" in text and \
                text.count("\nReceived-SPF: pass ") != 1:
            wrong.append(text)
    return wrong


def main():
    place = world.enter(PEERS)
    site = Site(place)
    return suite.run(site, lambda: place.recent_log() + [
        "spfmilter:", site.filter.log_tail()])


if __name__ == "__main__":
    sys.exit(main())

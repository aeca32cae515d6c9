#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
How questions are sent: names in random case, servers that lack something or are
slow, TCP, ports, the system's servers.  Everything is on loopback.
"""

import ctypes
import itertools
import os
import struct
import subprocess
import sys
import tempfile
import threading


import dns
import network
import servers
import tap
from servers import Driver, Server

suite = tap.Suite()
case = suite.case

IP = "192.0.2.1"
CLONE_NEWNS = 0x20000
NOTIMP, BADVERS_OPT = 4, b"\0\0\x29\x04\xd0\x01\0\0\0\0\0"


def spf(question, record="v=spf1 +all", **options):
    return dns.reply(question, [dns.rr(
        question.name, question.type, dns.txt(record))], **options)


def good(question, tcp):
    return [spf(question)]


def silent(question, tcp):
    return []


def truncated(question, tcp):
    """An answer that comes by TCP alone."""
    return [spf(question) if tcp else dns.reply(question, truncated=True)]


def with_lower_name(reply, question):
    return reply.replace(question.section, question.section.lower(), 1)


def check_many(driver, count, expected="pass"):
    """That many checks at once, of different domains."""
    driver("start", count, IP, "u@x{}.test", "h.test")
    tally = driver.tally("wait")
    tap.equal(tally[expected], count, str(tally))


# --- the case of names ---

@case("names are asked for in random case, and answered in that")
def _(site):
    server = Server(good)
    with Driver(server) as driver:
        check_many(driver, 100)
        names = {b".".join(q.labels)[-4:] for q in server.questions}
        if len(names) < 8:
            raise AssertionError(str(names))
        tap.equal(max(server.seen.values()), 1)
    server.stop()


@case("a server that changes the case is asked by TCP, then in lower case")
def _(site):
    server = Server(lambda question, tcp: [
        with_lower_name(spf(question), question)])
    with Driver(server) as driver:
        tap.equal(driver.check(IP, f"u@{'a' * 60}.test").result, "pass")
        tap.equal(server.by_tcp[f"{'a' * 60}.test", dns.TXT], 1)
        check_many(driver, 50)
        tap.equal(sum(server.by_tcp.values()), 1)
        for question in server.questions[2:]:
            tap.equal(question.labels, servers.lower(question.labels))
    server.stop()


@case("the same without TCP: by UDP, in whatever case")
def _(site):
    server = Server(lambda question, tcp: [
        with_lower_name(spf(question), question)], tcp=False)
    with Driver(server) as driver:
        tap.equal(driver.check(IP, f"u@{'a' * 60}.test").result, "pass")
        tap.equal(server.asked(), 2)
        check_many(driver, 50)
        tap.equal(server.asked(), 52)
    server.stop()


@case("a forged answer in another case counts for nothing")
def _(site):
    def answer(question, tcp):
        if tcp:
            return [spf(question, "v=spf1 -all")]
        forged = spf(question)
        return [forged.replace(question.section, question.section.swapcase(), 1)]
    server = Server(answer)
    with Driver(server) as driver:
        for n in range(5):
            tap.equal(driver.check(IP, f"u@forged{n}.test").result, "fail")
        # By TCP the case is kept, so it is still asked for.
        tap.equal(len(server.by_tcp), 5)
    server.stop()


# --- EDNS ---

@case("servers that don't know EDNS, each in its way; it is remembered")
def _(site):
    def header_only(rcode):
        return lambda q: q.id + struct.pack(">HHHHH", 0x8180 | rcode, 0, 0, 0, 0)

    def badvers(question):
        reply = bytearray(dns.reply(question))
        reply[11] = 1
        return bytes(reply) + BADVERS_OPT
    ways = {
        "FORMERR of 12 octets": header_only(dns.FORMERR),
        "NOTIMP of 12 octets": header_only(NOTIMP),
        "FORMERR": lambda q: dns.reply(q, rcode=dns.FORMERR),
        "NOTIMP": lambda q: dns.reply(q, rcode=NOTIMP),
        "BADVERS": badvers,
    }
    for what, way in ways.items():
        server = Server(lambda question, tcp, way=way: [
            way(question) if question.edns else spf(question)])
        with Driver(server) as driver:
            tap.equal(driver.check(IP, "u@x.test").result, "pass", what)
            tap.equal(server.asked(), 2, what)
            check_many(driver, 20)
            tap.equal(server.asked(), 22, what)
        server.stop()


@case("FORMERR with and without EDNS is a temperror, after two questions")
def _(site):
    server = Server(lambda question, tcp: [
        dns.reply(question, rcode=dns.FORMERR)])
    with Driver(server) as driver:
        check = driver.check(IP, "u@x.test")
        tap.equal((check.result, server.asked()), ("temperror", 2))
        tap.equal("FORMERR" in check.problem, True, check.problem)
        # It wasn't EDNS that it didn't know.
        driver.check(IP, "u@y.test")
        tap.equal(server.questions[2].edns, True)
    server.stop()


# --- slow and silent servers ---

class Late:
    """Answers the first of two attempts, once the second one has come."""

    def __init__(self):
        self.first, self.server = {}, None

    def __call__(self, question, tcp):
        first = self.first.setdefault(question.name, question)
        if first is not question:
            self.server.send_all([spf(first)], first.client)
        return []


@case("an attempt is listened to when its time is over")
def _(site):
    late = Late()
    late.server = Server(late)
    with Driver(late.server, attempt_ms=50, attempts=2) as driver:
        tap.equal(driver.check(IP, "u@x.test").result, "pass")
        check_many(driver, 300)
    late.server.stop()


@case("the same over another server that was asked in between")
def _(site):
    for order in (0, 1):
        late, quiet = Late(), Server(silent)
        late.server = Server(late)
        pair = [late.server, quiet]
        with Driver(*pair[order:], *pair[:order], attempt_ms=50,
                    attempts=2) as driver:
            tap.equal(driver.check(IP, "u@x.test").result, "pass")
        late.server.stop()
        quiet.stop()


@case("a dead server is passed, whichever it is")
def _(site):
    closed = f"127.0.0.1:{network.free_port()}"
    for what, dead in (("silent", Server(silent)), ("closed", closed)):
        for place in range(3):
            alive = [Server(good), Server(good)]
            order = alive[:]
            order.insert(place, dead)
            with Driver(*order, attempt_ms=20000) as driver:
                # Were it waited for, the check's deadline would come first.
                for n in range(30):
                    tap.equal(driver.check(
                        IP, f"u@x{n}.test", "h.test", 10000).result, "pass",
                        f"{what}, {place}")
                check_many(driver, 200)
            for server in alive:
                server.stop()


@case("a server that is back is asked again")
def _(site):
    broken = [True]
    first = Server(lambda question, tcp: [] if broken[0] else [spf(question)])
    second = Server(good)
    with Driver(first, second, attempt_ms=50) as driver:
        numbers = itertools.count()

        def ask():
            """Which of them were asked, for a name of its own."""
            name = f"c{next(numbers)}.test"
            tap.equal(driver.check(IP, f"u@{name}").result, "pass")
            return bool(first.asked(name)), bool(second.asked(name))
        tap.wait_until(lambda: ask() == (False, True), "it to be put behind")
        broken[0] = False
        asked = first.asked()

        def is_probed():
            driver("skip", 10)
            return ask() and first.asked() > asked
        tap.wait_until(is_probed, "a probe")
        tap.wait_until(lambda: ask() == (True, False), "its turn")
    first.stop()
    second.stop()


@case("one that fails isn't asked again, and the cause is its")
def _(site):
    quiet = Server(silent)
    for rcode, text in ((dns.SERVFAIL, "SERVFAIL"), (dns.REFUSED, "REFUSED"),
                        (12, "RCODE 12")):
        bad = Server(lambda question, tcp, rcode=rcode: [
            dns.reply(question, rcode=rcode)])
        for order in ([bad, quiet], [quiet, bad]):
            before = bad.asked()
            with Driver(*order, attempt_ms=20, attempts=3) as driver:
                check = driver.check(IP, "u@x.test")
                tap.equal(check.result, "temperror")
                tap.equal(text in check.problem, True, check.problem)
            tap.equal(bad.asked() - before, 1, text)
        bad.stop()
    quiet.stop()


def broken_name(question, tcp):
    """An alias whose target leads nowhere."""
    return [dns.reply(question, [dns.rr(question.name, dns.CNAME, b"\xc0")])]


def referral(question, tcp):
    """A server that doesn't recurse, and isn't the right one."""
    reply = bytearray(dns.reply(question, authority=[
        dns.rr("test", dns.NS, dns.name("ns.test"))]))
    reply[2] &= ~0x04
    reply[3] &= ~0x80
    return [bytes(reply)]


@case("an answer that makes no sense: the next server, and the cause is kept")
def _(site):
    fine, quiet = Server(good), Server(silent)
    for answer, text, by_tcp in ((broken_name, "malformed", 1),
                                 (referral, "referral", 0)):
        bad = Server(answer)
        with Driver(bad, fine) as driver:
            for n in range(10):
                name = f"{text}{n}.test"
                tap.equal(driver.check(IP, f"u@{name}").result, "pass")
                # With a probe, if the other one was first.
                if bad.asked(name) > 2 + by_tcp:
                    raise AssertionError(str(bad.seen))
        for order in ([bad], [bad, quiet], [quiet, bad]):
            before = bad.asked()
            with Driver(*order, attempt_ms=300, attempts=2) as driver:
                check = driver.check(IP, "u@x.test")
                tap.equal(check.result, "temperror")
                tap.equal(text in check.problem.lower(), True, check.problem)
            tap.wait_until(lambda: bad.asked() - before > by_tcp, text)
            tap.equal(bad.asked() - before, 1 + by_tcp, text)
        bad.stop()
    fine.stop()
    quiet.stop()


@case("an answer that is malformed by UDP alone is asked for by TCP")
def _(site):
    server = Server(lambda question, tcp:
                    (good if tcp else broken_name)(question, tcp))
    with Driver(server) as driver:
        check_many(driver, 50)
        tap.equal(set(server.by_tcp.values()), {1})
        tap.equal(server.asked(), 100)
    server.stop()
    server = Server(broken_name, tcp=False)
    with Driver(server) as driver:
        check = driver.check(IP, "u@x.test")
        tap.equal((check.result, server.asked()), ("temperror", 1))
        tap.equal("malformed" in check.problem.lower(), True, check.problem)
    server.stop()


@case("causes: timeout, refused connections, no route")
def _(site):
    quiet = Server(silent)
    for server, text in (
            (quiet, "timeout"),
            (f"127.0.0.1:{network.free_port()}", "connection refused"),
            ("192.0.2.77:53", "unreachable")):
        with Driver(server, attempt_ms=20, attempts=2) as driver:
            check = driver.check(IP, "u@x.test")
            tap.equal(check.result, "temperror")
            tap.equal(text in check.problem.lower(), True, check.problem)
    quiet.stop()


# --- datagrams that mean nothing ---

@case("short and foreign datagrams change nothing, nor a server's standing")
def _(site):
    def answer(question, tcp):
        right = spf(question, "v=spf1 -all")
        wrong = spf(question)
        return [wrong[:length] for length in range(12)] + [
            bytes([wrong[0] ^ 255]) + wrong[1:], wrong[:2] + b"\1" + wrong[3:],
            wrong[:12], wrong[:13] + b"z" + wrong[14:],
            wrong[:4] + b"\0\2" + wrong[6:], b"\0" * 600, right]
    server, other = Server(answer), Server(silent)
    with Driver(server, other) as driver:
        for n in range(20):
            tap.equal(driver.check(IP, f"u@x{n}.test").result, "fail")
        # The other one was asked at the beginning only, before any had answered.
        if other.asked() > 1:
            raise AssertionError(f"{other.asked()} questions")
    server.stop()
    other.stop()


# --- TCP ---

class InPieces(Server):
    """Seven octets at a time."""

    def write(self, client, frame):
        for at in range(0, len(frame), 7):
            client.sendall(frame[at:at + 7])


class ManyAtOnce(Server):
    """Answers of all who have asked, in one write, in reverse."""

    def __init__(self, *args, **options):
        self.frames, self.lock = {}, threading.Lock()
        super().__init__(*args, **options)

    def write(self, client, frame):
        with self.lock:
            frames = self.frames.setdefault(client, [])
            frames.append(frame)
            if len(frames) < 16:
                return
            client.sendall(b"".join(reversed(frames)))
            frames.clear()


class OneEach(Server):
    """Closes each connection after an answer."""

    def write(self, client, frame):
        client.sendall(frame)
        raise EOFError


class Closes(Server):
    """Takes a question by TCP, and closes."""

    def write(self, client, frame):
        raise EOFError


@case("500 truncated answers at once, over a few connections")
def _(site):
    server = Server(truncated)
    with Driver(server) as driver:
        check_many(driver, 500)
        tap.equal(sum(server.by_tcp.values()), 500)
        tap.diagnose(f"{server.connections} connections")
        if not 1 <= server.connections <= 64:
            raise AssertionError(f"{server.connections} connections")
        tap.equal(driver.tally("stats")["timeouts"], 0)
    server.stop()


@case("answers by TCP in pieces, and many in one")
def _(site):
    for kind in (InPieces, ManyAtOnce):
        server = kind(truncated)
        with Driver(server) as driver:
            check_many(driver, 160)
            tap.equal(max(server.by_tcp.values()), 1)
        server.stop()


@case("a server that answers one question a connection")
def _(site):
    server = OneEach(truncated)
    with Driver(server) as driver:
        check_many(driver, 100)
    server.stop()


@case("TCP that fails: the next server, or a temperror that says so")
def _(site):
    other = Server(good)
    for bad in (Closes(truncated), Server(truncated, tcp=False),
                Server(lambda question, tcp: [
                    dns.reply(question, truncated=True)])):
        with Driver(bad, attempt_ms=500) as driver:
            check = driver.check(IP, "u@x.test")
            tap.equal(check.result, "temperror")
            tap.equal("truncated" in check.problem.lower(), True, check.problem)
        with Driver(bad, other) as driver:
            tap.equal(driver.check(IP, "u@x.test").result, "pass")
            check_many(driver, 50)
        bad.stop()
    other.stop()


# --- ports ---

@case("ports are renewed under load, and nothing is lost")
def _(site):
    server = Server(lambda question, tcp: [(0.001, spf(question))])
    with Driver(server) as driver:
        check_many(driver, 5000)
        tap.equal(server.asked(), 5000)
        tap.equal(driver.tally("stats")["timeouts"], 0)
        ports = len(server.clients)
        if ports < 25:
            raise AssertionError(f"{ports} ports for 5000 questions")
        # With time they change as well; a new one may have an old number.

        def is_new():
            driver("skip", 61)
            check_many(driver, 1)
            return len(server.clients) > ports
        tap.wait_until(is_new, "a new port")
    server.stop()


@case("few descriptors: questions share the ports that there are")
def _(site):
    server = Server(lambda question, tcp: [(0.01, truncated(question, tcp)[0])])
    limited = ["prlimit", "--nofile=16:16", servers.DRIVER]
    with tempfile.NamedTemporaryFile("w", suffix=".sh") as file:
        file.write(f'#!/bin/sh\nexec {" ".join(limited)} "$@"\n')
        file.flush()
        os.chmod(file.name, 0o755)
        with open(file.name, encoding="utf-8") as script, \
                Driver(server, program=["sh", script.name]) as driver:
            check_many(driver, 2000)
    server.stop()


# --- names ---

ODD = ["ann+news", "a=b", "o'neil", "a:b", "[1]", "a b", "a@b", '"q"', "a\\b",
       "a,b", "a;b", "(a)", "<a>", "50%", "a!b", "a&b", "a#b", "$a", "a*b",
       "a/b", "a?b", "a^b", "a`b", "{a}", "a|b", "a~b", "UPPER", "\xe4\xf6",
       "\x01\x7f", "_spf"]


@case("names of any octets are asked for and answered")
def _(site):
    server = Server(good)
    with Driver(server) as driver:
        for name in ODD:
            answer = driver.ask("TXT", name + ".test")
            tap.equal(answer[:2], ["found", "spf=1"], name)
            tap.equal(servers.lower(server.questions[-1].labels),
                      [name.encode("latin-1").lower(), b"test"])
    server.stop()


@case("senders with odd local parts, in a name that a macro makes")
def _(site):
    def answer(question, tcp):
        if question.name == "x.test":
            return [spf(question, "v=spf1 exists:%{l}.ok.test -all")]
        if question.name.endswith(".ok.test"):
            return [dns.reply(question, [dns.rr(
                question.name, dns.A, dns.address("127.0.0.2"))])]
        return [dns.void(question)]
    server = Server(answer)
    with Driver(server) as driver:
        for local in ("ann+news", "b=a-c", "o'neil", "SRS0=aB+c=xy=d=e",
                      "prvs=1234=a", "list-bounces+u=example.com"):
            check = driver.check(IP, f"{local}@x.test")
            tap.equal(check.result, "pass", local)
    server.stop()


# --- what is kept ---

@case("a dead domain costs one wait, and each further failure a longer rest")
def _(site):
    server = Server(lambda question, tcp: [] if question.name == "dead.test"
                    else good(question, tcp))
    with Driver(server, attempt_ms=20, attempts=2) as driver:
        driver("start", 50, IP, "u@dead.test", "h.test")
        tap.equal(driver.tally("wait")["temperror"], 50)
        tap.equal(server.asked("dead.test"), 2, "fifty share it")
        asked = 2
        for rest in (5, 10, 20, 40, 60, 60):
            driver("skip", rest - 2)
            check = driver.check(IP, "u@dead.test")
            tap.equal((check.result, check.questions), ("temperror", 0))
            tap.equal("timeout" in check.problem, True, check.problem)
            tap.equal(server.asked("dead.test"), asked, f"within {rest} s")
            driver("skip", 2)
            tap.equal(driver.check(IP, "u@dead.test").result, "temperror")
            asked += 2
            tap.equal(server.asked("dead.test"), asked, f"after {rest} s")
        tap.equal(driver.check(IP, "u@x.test").result, "pass")
    with Driver(server, attempt_ms=20, attempts=1, cache_size=0) as driver:
        before = server.asked("dead.test")
        for _ in range(2):
            driver.check(IP, "u@dead.test")
        tap.equal(server.asked("dead.test"), before + 2, "without a cache")
    server.stop()


@case("a check that runs out of time leaves no failure behind")
def _(site):
    held = []
    server = Server(lambda question, tcp: held.append(question) or [])
    with Driver(server) as driver:
        tap.equal(driver.check(IP, "u@x.test", "h.test", 50).result,
                  "temperror")
        tap.wait_until(lambda: held, "the question")
        server.send_all([spf(held[0])], held[0].client)
        tap.wait_until(lambda: driver.tally("stats")["in_flight"] == 0,
                       "the answer")
        tap.equal(driver.check(IP, "u@x.test", "h.test", 0).result, "pass")
    server.stop()


# --- the system's servers ---

class ResolvConf:
    """/etc/resolv.conf of this test's own."""

    def __init__(self):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".resolv.conf")
        subprocess.run(["mount", "--bind", self.file.name, "/etc/resolv.conf"],
                       check=True)

    def write(self, text):
        self.file.seek(0)
        self.file.truncate()
        self.file.write(text)
        self.file.flush()


@case("the system's servers, and other ones once it has others")
def _(site):
    if site.conf is None:
        tap.diagnose("not without a mount namespace")
        return
    first = Server(good, host="127.0.0.2", port=53)
    second = Server(good, host="127.0.0.3", port=53)
    site.conf.write("nameserver nonsense\nnameserver 127.0.0.2\n")
    with Driver() as driver:
        tap.equal(driver.status, "no error")
        tap.equal(driver.check(IP, "u@a.test").result, "pass")
        tap.equal((first.asked(), second.asked()), (1, 0))
        site.conf.write("nameserver 127.0.0.3\n")
        driver("skip", 61)
        tap.equal(driver.check(IP, "u@b.test").result, "pass")
        tap.equal((first.asked(), second.asked()), (1, 1))
        # Under load the renewal of ports is enough.
        site.conf.write("nameserver 127.0.0.2\n")
        driver("skip", 2)
        check_many(driver, 1000)
        if first.asked() < 500:
            raise AssertionError(f"{first.asked()} questions")
    site.conf.write("nameserver 127.0.0.2\nnameserver 127.0.0.3\n"
                    "options rotate\n")
    before = first.asked(), second.asked()
    with Driver() as driver:
        numbers = itertools.count()
        tap.wait_until(
            lambda: driver.check(IP, f"u@c{next(numbers)}.test") and
            min(first.asked() - before[0], second.asked() - before[1]) > 9,
            "both to be asked")
    first.stop()
    second.stop()


@case("the system's options: attempts and timeout, at start and once changed")
def _(site):
    if site.conf is None:
        tap.diagnose("not without a mount namespace")
        return
    quiet = Server(silent, host="127.0.0.4", port=53)
    numbers = itertools.count()

    def count_attempts(driver, expected, what=""):
        name = f"n{next(numbers)}.test"
        check = driver.check(IP, f"u@{name}")
        tap.equal(check.result, "temperror")
        tap.equal("timeout" in check.problem, True, check.problem)
        tap.wait_until(lambda: quiet.asked(name) >= expected, what)
        tap.equal(quiet.asked(name), expected, what)
    for options, expected in (
            ("", 2), ("options attempts:1", 1), ("options attempts:3", 3),
            ("options edns0 attempts:4 trust-ad", 4), ("options attempts:9", 5),
            ("options attempts:0", 2), ("options attempts:x", 2),
            ("options attempts:", 2)):
        site.conf.write(f"nameserver 127.0.0.4\n{options}\n")
        with Driver(attempt_ms=10, attempts=2) as driver:
            count_attempts(driver, expected, options)
    site.conf.write("nameserver 127.0.0.4\noptions attempts:1\n")
    with Driver(attempt_ms=10, attempts=2) as driver:
        count_attempts(driver, 1)
        site.conf.write("nameserver 127.0.0.4\n")
        driver("skip", 61)
        count_attempts(driver, 2)
    # Servers that are given have nothing to do with the system's.
    site.conf.write("options attempts:1\n")
    with Driver(quiet, attempt_ms=10, attempts=2) as driver:
        count_attempts(driver, 2)
    # With ten milliseconds for an attempt, the second one would end first.
    site.conf.write("nameserver 127.0.0.4\noptions timeout:30 attempts:2\n")
    with Driver(attempt_ms=10, attempts=2) as driver:
        check = driver.check(IP, "u@late.test", "h.test", 500)
        tap.equal(check.result, "temperror")
        tap.wait_until(lambda: quiet.asked("late.test"), "the question")
        tap.equal(quiet.asked("late.test"), 1)
    quiet.stop()


def add_link_local(address):
    """
    The kernel adds the route a moment after the address, which can be bound to
    at once.  A socket that is connected in between goes on sending nowhere.
    """
    subprocess.run(["ip", "addr", "add", address + "/64", "dev", "lo", "nodad"],
                   check=True)
    tap.wait_until(lambda: address in subprocess.run(
        ["ip", "-6", "route", "show", "table", "local", "dev", "lo"],
        check=True, capture_output=True, text=True).stdout, "the route")


@case("link-local servers, given and of the system")
def _(site):
    if site.conf is None:
        tap.diagnose("not without a network namespace")
        return
    add_link_local("fe80::53")
    server = Server(good, host="fe80::53%lo", port=53)
    for names in ("fe80::53%lo", "[fe80::53%lo]", "[fe80::53%lo]:53",
                  "[fe80::53]:53%lo", "[fe80::53]:53%1"):
        with Driver(names) as driver:
            check = driver.check(IP, "u@x.test")
            tap.equal(check.result, "pass", f"{names}: {check.problem}")
    site.conf.write("nameserver nonsense\nnameserver fe80::53%lo\n")
    with Driver() as driver:
        tap.equal(driver.check(IP, "u@x.test").result, "pass", "system")
    with Driver("fe80::53%nosuch", attempt_ms=50) as driver:
        check = driver.check(IP, "u@x.test")
        tap.equal(check.result, "temperror")
    for names in ("fe80::53%", "127.0.0.1%lo", "fe80::53%lo%lo",
                  "[fe80::53%lo]:53%lo", "fe80::53%" + "x" * 16):
        driver = Driver(names)
        tap.equal(driver.status,
                  "the list of nameservers can't be understood", names)
        driver.process.wait()
    server.stop()


class Site:
    def __init__(self):
        self.conf = None
        if network.enter() and ctypes.CDLL(None).unshare(CLONE_NEWNS) == 0:
            subprocess.run(["mount", "--make-rprivate", "/"], check=True)
            self.conf = ResolvConf()


def main():
    return suite.run(Site())


if __name__ == "__main__":
    sys.exit(main())

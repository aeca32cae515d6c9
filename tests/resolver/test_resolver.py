#!/usr/bin/env python3
"""
The resolver against name servers: a real nsd, and servers that delay, fail, lie
and keep silent.  Everything is on loopback, on ports that nobody uses.
"""

import random
import sys
import time


import dns
import network
import servers
import tap
from servers import Driver, Server, Zone

suite = tap.Suite()
case = suite.case

IP, OTHER_IP = "192.0.2.1", "198.51.100.1"
LONG = "v=spf1 " + " ".join(f"ip4:10.{n // 256}.{n % 256}.0/24"
                            for n in range(400)) + " ip4:192.0.2.1 -all"
CHAIN = 16

ZONES = {
    "test": """\
$TTL 300
@ SOA ns admin 1 3600 600 86400 60
  NS ns
ns A 127.0.0.1
pass TXT "v=spf1 ip4:192.0.2.1 -all"
strings TXT "v=spf1 ip4:" "192.0.2.1" " -all"
twice TXT "v=spf1 -all"
twice TXT "v=spf1 +all"
many TXT "something else"
many TXT "v=spf1 mx -all"
many MX 20 B.Mail
many MX 10 a.mail
many MX 10 MX.nowhere.other.
a.mail A 192.0.2.1
a.mail AAAA 2001:db8::1
b.mail A 192.0.2.2
null MX 0 .
exists A 127.0.0.2
long TXT """ + " ".join(f'"{LONG[i:i + 255]}"'
                        for i in range(0, len(LONG), 255)) + """
www 7 CNAME alias
alias CNAME pass
loop CNAME loop2
loop2 CNAME loop
away CNAME pass.other.
nowhere CNAME nothing.other.
awayloop CNAME back.other.
1.2.0.192.in-addr.arpa PTR Host.test.
host A 192.0.2.1
ten TXT "v=spf1 a:t1.test a:t2.test a:t3.test a:t4.test a:t5.test a:t6.test include:t7.test include:t8.test include:t9.test mx:t10.test -all"
""" + "".join(f"t{n} A 203.0.113.{n}\n" for n in range(1, 7)) +
    "".join(f't{n} TXT "v=spf1 ip4:203.0.113.{n} -all"\n' for n in range(7, 10)) +
    "t10 MX 10 host\n" +
    "".join(f"c{n} CNAME c{n + 1}\n" for n in range(CHAIN + 1)) +
    f'c{CHAIN + 1} TXT "v=spf1 -all"\n',
    "other": """\
$TTL 300
@ SOA ns admin 1 3600 600 86400 60
  NS ns
ns A 127.0.0.1
pass TXT "v=spf1 ip4:192.0.2.1 -all"
back CNAME awayloop.test.
""",
}


class Site:
    """nsd with ZONES, and a proxy in front of it."""

    def __init__(self, nsd):
        self.nsd = servers.Nsd(nsd, ZONES)

    def proxy(self, answer=None, **options):
        return Server(answer, upstream=self.nsd.port, **options)

    def evidence(self):
        return ["nsd:"] + self.nsd.evidence().splitlines()[-10:]


def spf(record):
    """The table of a Zone with that record for x.test."""
    return {("x.test", dns.TXT): [dns.long_txt(record)]}


def is_below(limit_s, begin, what):
    spent = time.monotonic() - begin
    if spent > limit_s:
        raise AssertionError(f"{what} took {spent:.2f} s")


# --- answers ---

@case("answers of every type, by nsd")
def _(site):
    rows = [
        ("TXT", "pass.test", ["found", "spf=1", "v=spf1 ip4:192.0.2.1 -all"]),
        ("TXT", "PASS.test.", ["found", "spf=1", "v=spf1 ip4:192.0.2.1 -all"]),
        ("TXT", "strings.test", ["found", "spf=1", "v=spf1 ip4:192.0.2.1 -all"]),
        ("TXT", "twice.test", ["found", "spf=2", ""]),
        ("TXT", "many.test", ["found", "spf=1", ""]),
        ("TXT", "long.test", ["found", "spf=1", LONG]),
        ("A", "a.mail.test", ["found", "192.0.2.1"]),
        ("AAAA", "a.mail.test", ["found", "2001:db8::1"]),
        ("PTR", "1.2.0.192.in-addr.arpa.test", ["found", "host.test"]),
        ("MX", "null.test", ["found", ""]),
        ("A", "nobody.test", ["void"]),
        ("TXT", "exists.test", ["void", "spf=0", ""]),
        ("TXT", "a..test", ["void", "spf=0", ""]),
        ("TXT", "a" * 64 + ".test", ["void", "spf=0", ""]),
        ("TXT", "www.test", ["found", "spf=1", "v=spf1 ip4:192.0.2.1 -all"]),
        # nsd doesn't look into the other zone: the resolver asks for it.
        ("TXT", "away.test", ["found", "spf=1", "v=spf1 ip4:192.0.2.1 -all"]),
        ("TXT", "nowhere.test", ["void", "spf=0", ""]),
        ("TXT", "loop.test", ["error", "spf=0", ""]),
        ("TXT", "awayloop.test", ["error", "spf=0", ""]),
        ("TXT", f"c{1}.test", ["found", "spf=1", "v=spf1 -all"]),
        ("TXT", "c0.test", ["error", "spf=0", ""]),
    ]
    with Driver(f"127.0.0.1:{site.nsd.port}") as driver:
        for kind, name, expected in rows:
            tap.equal(driver.ask(kind, name), expected, f"{kind} {name}")
        answer = driver.ask("MX", "many.test")
        tap.equal(answer[0], "found")
        tap.equal(sorted(answer[1:3]), ["a.mail.test", "mx.nowhere.other"])
        tap.equal(answer[3], "b.mail.test", "the least preferred")


@case("verdicts through nsd")
def _(site):
    with Driver(f"127.0.0.1:{site.nsd.port}") as driver:
        for name, ip, expected in (
                ("pass", IP, "pass"), ("pass", OTHER_IP, "fail"),
                ("twice", IP, "permerror"), ("many", IP, "pass"),
                ("many", OTHER_IP, "fail"), ("long", IP, "pass"),
                ("nobody", IP, "none"), ("loop", IP, "temperror"),
                ("ten", IP, "pass"), ("ten", OTHER_IP, "fail"),
                ("www", IP, "pass")):
            check = driver.check(ip, f"u@{name}.test")
            tap.equal(check.result, expected, f"{name} {ip}")


@case("lost questions are asked again")
def _(site):
    dice = random.Random(4)
    zone = Zone({("i.test", dns.TXT): [dns.txt("v=spf1 +all")]})

    def answer(question, tcp):
        if dice.random() < 0.2:
            return []
        if question.name[0] == "x":
            return [dns.reply(question, [dns.rr(
                question.name, dns.TXT, dns.txt("v=spf1 a include:i.test"))])]
        return zone(question, tcp)
    server = Server(answer)
    with Driver(server, attempt_ms=50, attempts=6) as driver:
        driver("start", 3000, IP, "u@x{}.test", "h.test")
        tally = driver.tally("wait")
        if tally["pass"] < 2900:
            raise AssertionError(str(tally))
    server.stop()


@case("a large answer comes by TCP")
def _(site):
    proxy = site.proxy()
    with Driver(proxy) as driver:
        tap.equal(driver.check(IP, "u@long.test").result, "pass")
        tap.equal(proxy.by_tcp["long.test", dns.TXT], 1)
    proxy.stop()


@case("names are asked for as they are, octet by octet")
def _(site):
    proxy = site.proxy()
    with Driver(proxy) as driver:
        for name in (r"a\b.test", r"a\046b.test", "\xe4\xff.test", "_x.test",
                     r"\\.test", '"q".test', "a@b;c.test", "*.test",
                     "x" * 63 + ".test", "\x01\x7f.test"):
            driver.ask("TXT", name)
            tap.equal(servers.lower(proxy.questions[-1].labels), servers.lower(
                label.encode("latin-1") for label in name.split(".")))
        longest = ".".join(["y" * 49] * 5) + ".qqq"
        tap.equal(len(longest), 253)
        driver.ask("A", longest)
        tap.equal(proxy.questions[-1].name, longest)
    proxy.stop()


@case("aliases: the least TTL of the chain, across answers too")
def _(site):
    def answer(question, tcp):
        alias = {"one.test": "two.test", "far.test": "one.test"}
        records, name = [], question.name
        while name in alias and (question.name != "far.test" or not records):
            records.append(dns.rr(name, dns.CNAME, dns.name(alias[name]),
                                  1 if name == "far.test" else 300))
            name = alias[name]
        if name == "two.test":
            records.append(dns.rr(name, dns.A, dns.address(IP), 200))
        return [dns.reply(question, records)]
    server = Server(answer)
    with Driver(server) as driver:
        tap.equal(driver.ask("A", "one.test"), ["found", IP])
        tap.equal(driver.ask("A", "far.test"), ["found", IP])
        tap.equal(driver.ask("A", "far.test"), ["found", IP])
        asked = server.asked("far.test")
        tap.equal(asked, 1)
        tap.wait_until(lambda: driver.ask("A", "far.test") and
                       server.asked("far.test") > 1, "the alias to expire")
    server.stop()


# --- servers that fail ---

@case("SERVFAIL is a temperror, and is kept for five seconds")
def _(site):
    broken = [True]
    server = Server(lambda question, tcp: [
        dns.reply(question, rcode=dns.SERVFAIL) if broken[0] else
        dns.reply(question, [dns.rr("x.test", dns.TXT, dns.txt("v=spf1 +all"))])])
    with Driver(server) as driver:
        check = driver.check(IP, "u@x.test")
        tap.equal(check.result, "temperror")
        tap.equal("x.test" in check.problem, True, check.problem)
        broken[0] = False
        tap.equal(driver.check(IP, "u@x.test").result, "temperror")
        tap.equal(server.asked("x.test"), 1)
        driver("skip", 6)
        tap.equal(driver.check(IP, "u@x.test").result, "pass")
    server.stop()


@case("a server that doesn't know EDNS is asked without, by many at once")
def _(site):
    def answer(question, tcp):
        if question.edns:
            return [(0.01, dns.reply(question, rcode=dns.FORMERR))]
        return [dns.reply(question, [dns.rr(
            question.name, dns.TXT, dns.txt("v=spf1 +all"))])]
    server = Server(answer)
    with Driver(server) as driver:
        driver("start", 50, IP, "u@d{}.test", "h.test")
        tap.equal(driver.tally("wait")["pass"], 50)
    server.stop()


@case("a lame first server, and one that refuses: the second is asked")
def _(site):
    good = site.proxy()
    for rcode in (dns.REFUSED, dns.SERVFAIL, 4):
        bad = Server(lambda question, tcp, rcode=rcode: [
            dns.reply(question, rcode=rcode)])
        with Driver(bad, good) as driver:
            tap.equal(driver.check(IP, "u@ten.test").result, "pass")
        bad.stop()
    closed = f"127.0.0.1:{network.free_port()}"
    with Driver(closed, good) as driver:
        tap.equal(driver.check(IP, "u@ten.test").result, "pass")
    good.stop()


@case("a referral from a server that doesn't recurse is no answer")
def _(site):
    def answer(question, tcp):
        reply = bytearray(dns.reply(question, authority=[
            dns.rr("test", dns.NS, dns.name("elsewhere.test"))]))
        reply[2:4] = b"\x81\0"
        return [bytes(reply)]
    server = Server(answer)
    with Driver(server) as driver:
        tap.equal(driver.check(IP, "u@pass.test").result, "temperror")
    server.stop()


@case("a silent first server holds up only the first questions")
def _(site):
    silent = Server(lambda question, tcp: [])
    good = site.proxy()
    with Driver(silent, good, attempt_ms=100) as driver:
        for n in range(20):
            tap.equal(driver.check(IP, f"u@none{n}.test").result, "none")
        tap.equal(good.asked(), 20)
        if silent.asked() > 5:
            raise AssertionError(f"it was asked {silent.asked()} times")
    silent.stop()
    good.stop()


@case("silence ends in a temperror, by attempts or by the deadline")
def _(site):
    silent = Server(lambda question, tcp: [])
    with Driver(silent, attempt_ms=20, attempts=2) as driver:
        begin = time.monotonic()
        check = driver.check(IP, "u@x.test")
        tap.equal(check.result, "temperror")
        is_below(10, begin, "two attempts")
        tap.equal(silent.asked(), 2)
        tap.equal(driver.tally("stats")["timeouts"], 1)
    with Driver(silent, timeout_ms=200) as driver:
        begin = time.monotonic()
        check = driver.check(IP, "u@x.test")
        tap.equal(check.result, "temperror")
        is_below(10, begin, "a deadline of 200 ms")
        tap.equal("no answer in time" in check.problem, True, check.problem)
        # One's own deadline may be earlier, at once even.
        for ms in (50, 0):
            tap.equal(driver.check(IP, "u@x.test", "h.test", ms).result,
                      "temperror")
        tap.equal(driver.ask("A", "y.test"), ["error"])
    silent.stop()


@case("at the deadline: what was certain stays, the rest is temperror")
def _(site):
    rows = [
        ("v=spf1 -all exp=exp.silent.test", "fail"),
        ("v=spf1 include:silent.test +all", "temperror"),
        # Without PTR names there is no match; but who knows if there are.
        ("v=spf1 ptr -all", "temperror"),
        ("v=spf1 ip4:192.0.2.1 include:silent.test -all", "pass"),
        ("v=spf1 exists:%{p}.test +all", "temperror"),
    ]
    for record, expected in rows:
        zone = Zone(spf(record))
        server = Server(lambda question, tcp, zone=zone: [] if
                        "silent" in question.name or "arpa" in question.name
                        else zone(question, tcp))
        with Driver(server, timeout_ms=300) as driver:
            check = driver.check(IP, "u@x.test")
            tap.equal(check.result, expected, record)
            tap.equal(check.explanation if expected != "fail" else "", "")
        server.stop()


@case("answers to something else are ignored, the right one counts")
def _(site):
    def answer(question, tcp):
        good = dns.reply(question, [dns.rr(
            question.name, dns.TXT, dns.txt("v=spf1 -all"))])
        evil = dns.reply(question, [dns.rr(
            question.name, dns.TXT, dns.txt("v=spf1 +all"))])
        other_id = bytes([evil[0] ^ 1]) + evil[1:]
        other_name = evil[:13] + b"y" + evil[14:]
        other_type = evil.replace(question.section,
                                  question.section[:-4] + b"\0\1\0\1")
        return [other_id, other_name, other_type, evil[:11], b"", good]
    server = Server(answer)
    with Driver(server) as driver:
        tap.equal(driver.check(IP, "u@x.test").result, "fail")
    server.stop()


@case("malformed answers are temperrors")
def _(site):
    ok = dns.rr("x.test", dns.TXT, dns.txt("v=spf1 +all"))
    forward = b"\xc0\xff" + ok[len(dns.name("x.test")):]
    rows = {
        "cut": lambda q: dns.reply(q, [ok])[:-1],
        "fewer records than it says": lambda q: dns.reply(q, [ok, b""]),
        "no room for a record": lambda q: dns.reply(q, [b"\0"]),
        "pointer forwards": lambda q: dns.reply(q, [forward]),
        "pointer to itself": lambda q: dns.reply(q, [
            b"\xc0" + bytes([12 + len(q.section)]) +
            ok[len(dns.name("x.test")):]]),
        "string beyond the record": lambda q: dns.reply(q, [
            dns.rr("x.test", dns.TXT, b"\x0bv=spf1 all")]),
        "label type 64": lambda q: dns.reply(q, [b"\x41x" + ok]),
    }
    for what, make in rows.items():
        server = Server(lambda question, tcp, make=make: [make(question)])
        with Driver(server) as driver:
            tap.equal(driver.check(IP, "u@x.test").result, "temperror", what)
        server.stop()


@case("random octets behind a header do no harm")
def _(site):
    dice = random.Random(1)

    def answer(question, tcp):
        good = bytearray(dns.reply(question, [
            dns.rr(question.name, question.type, dns.txt("v=spf1 a mx -all"))
            for _ in range(3)], [dns.rr("test", dns.SOA, dns.soa(60))]))
        for _ in range(dice.randrange(1, 6)):
            good[dice.randrange(12 + len(question.section), len(good))] = \
                dice.randrange(256)
        return [bytes(good[:dice.randrange(12 + len(question.section),
                                           len(good) + 1)])]
    server = Server(answer)
    with Driver(server) as driver:
        driver("start", 2000, IP, "u@x{}.test", "h.test")
        tap.equal(driver.tally("wait")["ended"], 2000)
    server.stop()


# --- how much is asked ---

class Waves(Zone):
    """
    Answers a wave of questions, each a set, once all of it was asked; or a pair:
    what must have been asked and isn't answered yet, what is answered then.
    """

    def __init__(self, table, waves):
        super().__init__(table)
        self.waves, self.held, self.server = list(waves), {}, None
        self.answered = set()

    def __call__(self, question, tcp):
        # Whose answer came too late, because the machine is slow, asks again.
        if (question.name, question.type) in self.answered:
            return super().__call__(question, tcp)
        self.held[question.name, question.type] = question
        wave = self.waves[0] if self.waves else {None}
        asked, answered = wave if isinstance(wave, tuple) else (wave, wave)
        if asked <= set(self.held):
            self.waves.pop(0)
            for key in answered:
                held = self.held.pop(key)
                self.answered.add(key)
                self.server.send_all(super().__call__(held, tcp), held.client)
        return []


@case("ten terms take three rounds")
def _(site):
    terms = [f"a:a{n}.test" for n in range(6)] + \
        [f"include:i{n}.test" for n in range(3)] + ["mx:m.test"]
    table = {
        **spf(f"v=spf1 {' '.join(terms)} -all"),
        **{(f"a{n}.test", dns.A): [dns.address(IP)] for n in range(6)},
        **{(f"i{n}.test", dns.TXT): [dns.txt("v=spf1 -all")] for n in range(3)},
        ("m.test", dns.MX): [dns.mx(1, "h.test")],
        ("h.test", dns.A): [dns.address(IP)]}
    all_terms = {key for key in table if key[0] not in ("x.test", "h.test")}
    waves = Waves(table, [{("x.test", dns.TXT)}, all_terms,
                          {("h.test", dns.A)}])
    waves.server = Server(waves)
    with Driver(waves.server) as driver:
        check = driver.check(OTHER_IP, "u@x.test")
        tap.equal((check.result, check.terms), ("fail", 10))
        tap.equal(check.questions, 12)
    waves.server.stop()


@case("no question waits a round for an answer that came a moment too late")
def _(site):
    table = {
        **spf("v=spf1 a:a.test mx:m0.test include:i.test mx:m1.test -all"),
        ("a.test", dns.A): [dns.address(IP)],
        ("i.test", dns.TXT): [dns.txt("v=spf1 include:j.test -all")],
        ("j.test", dns.TXT): [dns.txt("v=spf1 a:b.test -all")],
        ("b.test", dns.A): [dns.address(IP)],
        **{(f"m{n}.test", dns.MX): [dns.mx(1, f"h{n}.test")] for n in (0, 1)},
        **{(f"h{n}.test", dns.A): [dns.address(IP)] for n in (0, 1)}}
    a, b, h0, h1 = ((f"{name}.test", dns.A) for name in ("a", "b", "h0", "h1"))
    m0, m1 = ((f"m{n}.test", dns.MX) for n in (0, 1))
    x, i, j = ((f"{name}.test", dns.TXT) for name in ("x", "i", "j"))
    terms = {a, m0, i, m1}
    for what, waves in {
            "one late": [
                {x}, (terms, {a, m0, i}), ({h0}, {m1}), {h0, h1, j}, {b}],
            "two late": [
                {x}, (terms, {a, m0}), ({h0}, {m1, i}), {h0, h1, j}, {b}],
            "the first late": [
                {x}, (terms, {m0, m1, i}), {h0, h1, a, j}, {b}],
    }.items():
        held = Waves(table, waves)
        held.server = Server(held)
        with Driver(held.server) as driver:
            check = driver.check(OTHER_IP, "u@x.test")
            tap.equal((check.result, check.questions), ("fail", 9), what)
        held.server.stop()


@case("the same terms through a proxy that takes 20 ms")
def _(site):
    proxy = site.proxy(delay=0.02)
    with Driver(proxy) as driver:
        check = driver.check(OTHER_IP, "u@ten.test")
        tap.equal((check.result, check.terms), ("fail", 10))
        tap.equal(proxy.asked(), check.questions)
        tap.equal(max(proxy.seen.values()), 1)
        tap.diagnose(f"asked ahead: {check.elapsed_us / 1000:.1f} ms, "
                     f"{check.elapsed_us / 20000:.2f} round trips")
    with Driver(proxy, prefetch=0) as driver:
        check = driver.check(OTHER_IP, "u@ten.test")
        tap.equal((check.result, check.terms), ("fail", 10))
        tap.equal((check.rounds, check.speculative), (12, 0))
        tap.diagnose(f"one by one: {check.elapsed_us / 1000:.1f} ms")
    proxy.stop()


@case("a dead include behind a match is asked, and not waited for")
def _(site):
    zone = Zone({
        **spf("v=spf1 a:a.test include:dead.test include:dead2.test -all"),
        ("a.test", dns.A): [dns.address(IP)]})
    server = Server(lambda question, tcp: [] if "dead" in question.name
                    else zone(question, tcp))
    with Driver(server) as driver:
        begin = time.monotonic()
        check = driver.check(IP, "u@x.test")
        tap.equal(check.result, "pass")
        is_below(5, begin, "a match before a dead include")
    server.stop()


@case("what is asked ahead is bounded, and one question isn't asked twice")
def _(site):
    def answer(question, tcp):
        if question.type == dns.TXT:
            return [dns.reply(question, [dns.rr(
                question.name, dns.TXT, dns.long_txt(
                    "v=spf1 " + " ".join(f"include:i{n}.{question.name}"
                                         for n in range(8)) + " -all"))])]
        return [dns.void(question)]
    server = Server(answer)
    with Driver(server) as driver:
        check = driver.check(IP, "u@x.test")
        tap.equal(check.result, "permerror")
        tap.equal(max(server.seen.values()), 1)
        if check.speculative > 32 or server.asked() > 32 + 11:
            raise AssertionError(f"{server.asked()} questions")
        tap.equal(server.asked(), check.questions)
    server.stop()


@case("a thousand who ask the same at once cause one question each")
def _(site):
    proxy = site.proxy(delay=0.05)
    with Driver(proxy) as driver:
        driver("start", 1000, OTHER_IP, "u@ten.test", "h.test")
        tally = driver.tally("wait")
        tap.equal(tally["fail"], 1000)
        tap.equal(max(proxy.seen.values()), 1)
        tally = driver.tally("threads", 16, 50, OTHER_IP, "u@ten.test", "h.test")
        tap.equal((tally["fail"], tally["questions"]), (800, 0))
        tap.equal(max(proxy.seen.values()), 1)
    proxy.stop()


@case("answers in any order give the same verdicts")
def _(site):
    dice = random.Random(2)
    zone = Zone({**{("x%d.test" % n, dns.TXT): [dns.txt(
        "v=spf1 a:a.test include:i.test mx:m.test exists:%{i}.e.test ?all")]
        for n in range(200)},
        ("i.test", dns.TXT): [dns.txt("v=spf1 mx:j.test a:b.test -all")],
        ("m.test", dns.MX): [dns.mx(5, "b.test"), dns.mx(4, "c.test")],
        ("a.test", dns.A): [dns.address(IP)],
        ("c.test", dns.A): [dns.address(OTHER_IP)]})
    server = Server(lambda question, tcp: [
        (dice.random() * 0.05, reply) for reply in zone(question, tcp)])
    with Driver(server, cache_size=0) as driver:
        driver("start", 200, OTHER_IP, "u@x{}.test", "h.test")
        tally = driver.tally("wait")
        tap.equal(tally["pass"], 200, str(tally))
    server.stop()


@case("a thousand checks in flight, of a thousand domains")
def _(site):
    def answer(question, tcp):
        if question.type == dns.TXT:
            record = "v=spf1 a:a.{0} mx:m.{0} a:b.{0} -all" \
                if question.name.startswith("d") else "v=spf1 -all"
            return [dns.reply(question, [dns.rr(question.name, dns.TXT, dns.txt(
                record.format(question.name)))])]
        return [dns.reply(question, [dns.rr(
            question.name, question.type,
            dns.mx(1, "h." + question.name) if question.type == dns.MX
            else dns.address(IP if question.name[0] == "h" else OTHER_IP))])]
    server = Server(answer, delay=0.02)
    with Driver(server) as driver:
        driver("start", 1000, IP, "u@d{}.test", "h.test")
        tally = driver.tally("wait")
        tap.equal((tally["pass"], tally["questions"]), (1000, 5000), str(tally))
        tap.equal(server.asked(), 5000)
        tap.diagnose(f"1000 checks, 5000 questions: "
                     f"{tally['elapsed_us'] / 1000:.0f} ms")
        tally = driver.tally("threads", 8, 10, IP, "u@d{}.test", "h.test")
        tap.equal(tally["pass"], 80)
        tap.equal(driver.tally("stats")["timeouts"], 0)
    server.stop()


@case("silent servers of others hold up nobody for long")
def _(site):
    server = Server(lambda question, tcp: [] if "silent" in question.name else
                    [dns.reply(question, [dns.rr(question.name, dns.TXT,
                                                 dns.txt("v=spf1 +all"))])])
    with Driver(server) as driver:
        driver("start", 5000, IP, "u@silent{}.test", "h.test")
        begin = time.monotonic()
        tap.equal(driver.check(IP, "u@x.test").result, "pass")
        is_below(10, begin, "a check behind 5000 silent ones")
        tap.equal(driver.tally("free")["temperror"], 5000)
    server.stop()


@case("source ports change")
def _(site):
    server = Server(lambda question, tcp: [(0.001, dns.void(question))])
    with Driver(server) as driver:
        driver("start", 5000, IP, "u@x{}.test", "h.test")
        tap.equal(driver.tally("wait")["none"], 5000)
        if len(server.clients) < 5:
            raise AssertionError(f"{len(server.clients)} ports")
        ids = [question.id for question in server.questions]
        if len(set(ids)) < 4500:
            raise AssertionError("query ids repeat")
    server.stop()


# --- what is kept ---

@case("answers are kept for their TTL, and nothing longer")
def _(site):
    zone = Zone({
        ("short.test", dns.A): [(1, dns.address(IP))],
        ("long.test", dns.A): [(300, dns.address(IP))],
        ("zero.test", dns.A): [(0, dns.address(IP))],
        ("past.test", dns.A): [(0x80000001, dns.address(IP))],
        ("least.test", dns.A): [(300, dns.address(IP)),
                                (1, dns.address(OTHER_IP))]})
    server = Server(zone)
    with Driver(server) as driver:
        for name in ("short", "long", "zero", "past", "least"):
            for _ in range(2):
                driver.ask("A", name + ".test")
        tap.equal(server.asked("zero.test"), 2, "TTL 0")
        tap.equal(server.asked("past.test"), 2, "TTL with its highest bit set")
        for name in ("short.test", "least.test"):
            tap.wait_until(lambda: driver.ask("A", name) and
                           server.asked(name) > 1, f"{name} to expire")
        driver.ask("A", "long.test")
        tap.equal(server.asked("long.test"), 1)
    server.stop()


@case("so are void ones, by the SOA record; without one, not at all")
def _(site):
    def answer(question, tcp):
        rcode = dns.NXDOMAIN if "nx" in question.name else dns.NOERROR
        if "nosoa" in question.name:
            return [dns.reply(question, rcode=rcode)]
        if "foreign" in question.name:
            return [dns.void(question, 300, rcode, zone="elsewhere")]
        ttl = 1 if "short" in question.name else 300
        return [dns.void(question, ttl, rcode)]
    server = Server(answer)
    with Driver(server) as driver:
        for name in ("nx-long", "nodata-long", "nx-nosoa", "nodata-nosoa",
                     "nx-foreign", "nx-short", "nodata-short"):
            for _ in range(2):
                tap.equal(driver.ask("A", name + ".test"), ["void"])
            if "short" not in name:
                tap.equal(server.asked(name + ".test"),
                          1 if "long" in name else 2, name)
        for name in ("nx-short.test", "nodata-short.test"):
            tap.wait_until(lambda: driver.ask("A", name) and
                           server.asked(name) > 1, f"{name} to expire")
    server.stop()


@case("the cache stays within its bound")
def _(site):
    server = Server(lambda question, tcp: [dns.reply(question, [dns.rr(
        question.name, dns.TXT,
        dns.txt("v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 -all"))])])
    with Driver(server, cache_size=100000) as driver:
        for _ in range(20):
            driver("start", 100, IP, "u@x{}.test", "h.test")
            tap.equal(driver.tally("wait")["pass"], 100)
            stats = driver.tally("stats")
            if stats["cache_octets"] > 100000:
                raise AssertionError(str(stats))
        if stats["cache_answers"] < 50:
            raise AssertionError(str(stats))
    server.stop()


@case("what a check has seen stays as it was, whatever changes meanwhile")
def _(site):
    versions = iter(["v=spf1 ?all"] + ["v=spf1 +all"] * 100)

    def changing(question):
        return [(0, dns.txt(next(versions)))]
    # i.test is looked up in each evaluation, always as the first; what follows
    # comes one by one, so that there are many evaluations.
    zone = Zone({
        **spf("v=spf1 include:i.test exists:%{l}.e1.test include:i.test "
              "exists:%{l}.e2.test include:i.test exists:%{l}.e3.test "
              "include:i.test ~all"),
        ("i.test", dns.TXT): changing})
    server = Server(lambda question, tcp: [
        (0.02, reply) for reply in zone(question, tcp)])
    with Driver(server) as driver:
        # Two voids are allowed: the third exists must not be one.
        zone.table["u.e2.test", dns.A] = None
        zone.table["u.e3.test", dns.A] = [dns.address("127.0.0.2")]
        check = driver.check(IP, "u@x.test")
        tap.equal((check.result, server.asked("i.test")), ("pass", 1))
        tap.equal(check.mechanism, "exists:%{l}.e3.test")
        # The next check sees the next version.
        check = driver.check(IP, "u@x.test")
        tap.equal((check.mechanism, server.asked("i.test")),
                  ("include:i.test", 2))
    server.stop()


@case("an override stands in for the DNS")
def _(site):
    server = Server(Zone({}))
    with Driver(server) as driver:
        driver("override", "X.test.", "v=spf1 ip4:192.0.2.1 -all")
        driver("override", "..", "v=spf1 -all")
        tap.equal(driver.check(IP, "u@x.test").result, "pass")
        tap.equal(driver.check(OTHER_IP, "u@x.test").result, "fail")
        tap.equal(server.asked(), 0)
    server.stop()


# --- ends ---

@case("cancelled checks never call back, whatever else goes on")
def _(site):
    dice = random.Random(3)
    server = Server(lambda question, tcp: [
        (dice.random() * 0.02, dns.reply(question, [dns.rr(
            question.name, dns.TXT, dns.txt("v=spf1 a mx -all"))]
            if question.type == dns.TXT else []))])
    with Driver(server) as driver:
        for _ in range(10):
            driver("start", 500, IP, "u@x{}.test", "h.test")
            tally = driver.tally("cancel")
            tap.equal(tally["cancelled"] + tally["ended"], 500, str(tally))
            driver("resume")
        driver("start", 10, IP, "u@x{}.test", "h.test")
        tap.equal(driver.tally("wait")["fail"], 10)
        tally = driver.tally("chain", 1000, IP, "u@y{}.test", "h.test")
        tap.equal(tally["ended"], 1000)
        if not 0 < tally["fail"] < 1000:
            raise AssertionError(str(tally))
        tap.wait_until(lambda: driver.tally("stats")["in_flight"] == 0,
                       "the last answers")
    server.stop()


@case("it ends with checks in flight: temperror to callbacks and to threads")
def _(site):
    silent = Server(lambda question, tcp: [])
    driver = Driver(silent)
    driver("start", 2000, IP, "u@x{}.test", "h.test")
    begin = time.monotonic()
    tally = driver.tally("free")
    is_below(10, begin, "the end")
    tap.equal(tally["temperror"], 2000)
    driver.end()
    driver = Driver(silent)
    tap.equal(driver.tally("abandon", 20, IP, "u@x{}.test", "h.test")
              ["temperror"], 20)
    driver.end()
    silent.stop()


@case("short of memory at any point: a temperror at worst")
def _(site):
    record = "v=spf1 " + " ".join(f"a:a{n}.{{0}}" for n in range(4)) + \
        " include:i.{0} mx:m.{0} exists:%{{l}}.e.{0} ip4:192.0.2.1 -all"

    def answer(question, tcp):
        name, kind = question.name, question.type
        if name[0] == "i":
            return [dns.void(question)] if kind != dns.TXT else [dns.reply(
                question, [dns.rr(name, kind, dns.txt("v=spf1 -all"))])]
        data = {dns.TXT: dns.txt(record.format(name)),
                dns.MX: dns.mx(1, "h." + name)}.get(
                    kind, dns.address("203.0.113.1"))
        return [dns.reply(question, [dns.rr(name, kind, data)])]
    server = Server(answer)
    with Driver(server, attempt_ms=200) as driver:
        driver("renew")
        reached, n, results = True, 0, []
        while reached:
            n += 1
            driver("memory", n)
            results.append(driver.check(IP, f"u@d{n}.test").result)
            # Nothing of the next turn may be in flight yet.
            tap.wait_until(lambda: driver.tally("stats")["in_flight"] == 0,
                           "the last answers")
            reached = int(driver("memory", 0)[0]) >= n
            tap.equal(driver.check(IP, f"u@d{n}.test").result, "pass")
        tap.equal(results[-1], "pass")
        tap.equal(set(results) <= {"pass", "temperror"}, True, str(results))
        tap.diagnose(f"{n - 1} allocations, {results.count('temperror')} "
                     "temperrors")
        if results.count("temperror") < 10:
            raise AssertionError(str(results))
    server.stop()


@case("starting and ending with nothing to do, and wrong name servers")
def _(site):
    with Driver("127.0.0.1:1") as driver:
        tap.equal(driver.status, "no error")
    for names in ("127.0.0.1", " 127.0.0.1:53 , ::1", "[::1]", "[::1]:5353"):
        with Driver(names.replace(" ", "\t")) as driver:
            tap.equal(driver.status, "no error", names)
    for names in ("nonsense", "1.2.3", "::1::2", "127.0.0.1:", "127.0.0.1:x",
                  "127.0.0.1:65536", "127.0.0.1:0", "[::1]5", "[::1]:", "[::1",
                  "", ",", "127.0.0.1,", "[127.0.0.1"):
        driver = Driver(names)
        tap.equal(driver.status, "the list of nameservers can't be understood",
                  names)
        driver.process.wait()


@case("a name server on IPv6")
def _(site):
    try:
        server = Server(Zone(spf("v=spf1 +all")), host="::1")
    except OSError:
        return
    with Driver(server) as driver:
        tap.equal(driver.check(IP, "u@x.test").result, "pass")
    server.stop()


def main():
    nsd, reason = servers.find_nsd()
    if reason:
        return tap.cannot_run(reason)
    network.enter()
    site = Site(nsd)
    try:
        return suite.run(site, site.evidence)
    finally:
        site.nsd.stop()


if __name__ == "__main__":
    sys.exit(main())

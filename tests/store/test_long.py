#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
Long addresses and replay counts: srsd and srsmilter with one store, as hosts of
a fleet have it.  What one has rewritten the others restore.
"""

import os
import re
import signal
import sys

import redis_server
import socketmap_client
import srsmilter
import tap
from milter_client import Session
from redis_server import Redis
from socketmap_client import Srsd

equal = tap.equal
suite = tap.Suite()
case = suite.case

LONG = "a.local.part.of.no.fewer.than.fifty.characters.of.text@long.test"
ALIAS = re.compile(r"SRS0=[\w-]{6}=[A-Z2-7]{2}=1=[0-9A-V]{32}@[\w.]+")
STORE = "long_addresses = store"


class Place(socketmap_client.Site):
    """Both kinds of daemons, with one secret."""

    def __init__(self):
        super().__init__()
        self.milters = []

    def srsd(self, url, srs=STORE, store="", **more):
        daemon = Srsd(self, srs=srs, log=section(url, store), **more)
        return daemon.start()

    def srsmilter(self, url, srs=STORE, store="", mode=srsmilter.MODE):
        daemon = srsmilter.Srsmilter(
            self.new_dir(), mode, srs, section(url, store),
            fwdomain="srs.example.com", secrets=(Srsd.SECRET,),
            user="nobody" if socketmap_client.ROOT else None)
        self.milters.append(daemon)
        return daemon.start()

    def sqlite(self):
        path = self.new_dir()
        if socketmap_client.ROOT:
            os.chmod(path, 0o777)
        return f"sqlite:{path}/store.db"

    def end_case(self):
        for milter in self.milters:
            milter.end()
        self.milters = []
        super().end_case()

    def evidence(self):
        return super().evidence() + [m.log_tail() for m in self.milters]


def section(url, lines):
    """[store], after the section that the daemons' templates end with."""
    if "timeout" not in lines:      # it only bounds a failure
        lines += "\ntimeout = 20"
    return f"[store]\nurl = {url}\n{lines}"


def forward(daemon, sender=LONG):
    return daemon.client().ask(f"forward {sender}").decode()


def reverse(daemon, address):
    return daemon.client().ask(f"reverse {address}").decode()


def alias_of(daemon, sender=LONG):
    answer = forward(daemon, sender)
    tap.true(answer.startswith("OK ") and ALIAS.fullmatch(answer[3:]), answer)
    return answer[3:]


def talk(milter, sender, recipient):
    with Session(milter.address) as s:
        s.connect("192.0.2.25")
        s.helo("mx.test")
        return s.deliver(sender, [recipient], ["Subject: hello"], b"text\r\n")


def bounced(milter, address):
    return talk(milter, "<>", f"<{address}>")


def refused(done, address):
    reply = done.recipients[f"<{address}>"]
    return f"{reply.verdict} {reply.code} {reply.status}"


def check_fleet(place, url):
    """What one host has rewritten each of the others restores."""
    one, two = place.srsd(url), place.srsd(url)
    three = place.srsmilter(url)
    alias = alias_of(one)
    equal(reverse(two, alias), f"OK {LONG}")
    equal(reverse(two, alias.lower()), f"OK {LONG}")
    equal(bounced(three, alias).message.recipients, [LONG])
    done = talk(three, f"<{LONG}>", "<far@away.test>")
    tap.true(ALIAS.fullmatch(done.message.sender), done.message.sender)
    equal(reverse(one, done.message.sender), f"OK {LONG}")
    # Short addresses are what they always were.
    tap.true("=away.test=bob@" in forward(one, "bob@away.test"), "SRS0")


@case("SQLite: what one daemon has rewritten all restore")
def over_sqlite(place):
    check_fleet(place, place.sqlite())


@case("Redis: what one host has rewritten all restore")
def over_redis(place):
    with Redis() as redis:
        check_fleet(place, redis.url())
        [key] = {k for k in redis.ask("KEYS", "*")}
        equal(redis.ask("GET", key), LONG)
        days = redis.ask("TTL", key) / 86400
        tap.true(23 <= days <= 24, f"a row lives {days} days")


@case("each shape of map: sendmail's, Postfix's, tcp_table")
def shapes(place):
    url = place.sqlite()
    daemon = place.srsd(url, srsd="tcp_table_forward = inet:10001@127.0.0.1\n"
                        "tcp_table_reverse = inet:10002@127.0.0.1")
    local, domain = LONG.split("@")
    answer = daemon.client().ask(
        b"make_srs far.test\x9b" + f"{local}<@{domain}.>".encode()).decode()
    found = re.fullmatch(r"OK (SRS0=.*)<@srs\.example\.com\.>", answer)
    tap.true(found, answer)
    key = f"reverse_srs {found.group(1)}<@srs.example.com.>"
    equal(daemon.client().ask(key).decode(), f"OK {local}<@{domain}.>")
    place.need_own_network()
    client = daemon.client(("127.0.0.1", 10001))
    code, address = client.send(f"get {LONG}\n".encode()).line().split(b" ")
    equal(code, b"200")
    client = daemon.client(("127.0.0.1", 10002))
    equal(client.send(b"get " + address + b"\n").line(),
          f"200 {LONG}".encode())
    # Before the answer nothing else is, and all is in its order.
    asked = [b"forward " + f"{i}{LONG}".encode() for i in range(50)]
    client = daemon.client()
    client.send(b"".join(socketmap_client.netstring(request)
                         for pair in zip(asked, [b"probe "] * 50)
                         for request in pair))
    for i in range(50):
        alias = client.answer().decode()[3:]
        tap.true(client.answer().endswith(b"is up"), "the probe")
        equal(reverse(daemon, alias), f"OK {i}{LONG}")


@case("a good hash and no row: to be tried again, never unknown")
def row_missing(place):
    one, two = place.srsd(place.sqlite()), place.srsd(
        place.sqlite(), srsd="tcp_table_reverse = inet:10002@127.0.0.1")
    three = place.srsmilter(place.sqlite())
    alias = alias_of(one)
    equal(reverse(two, alias), "TEMP row_missing")
    local = alias.split("@")[0]
    equal(two.client().ask(f"reverse_srs {local}<@srs.example.com.>"),
          b"TEMP row_missing")
    two.wait_log("result=deferred reason=row_missing")
    if place.own_network:
        client = two.client(("127.0.0.1", 10002))
        equal(client.send(f"get {alias}\n".encode()).line(),
              b"400 row_missing")
    equal(refused(bounced(three, alias), alias), "tempfail 451 4.3.0")
    equal(three.line_of("refused_as=")["refused_as"], "row_missing")
    # Forged ones aren't asked for.
    forged = alias.replace(alias[5:11], "AAAAAA")
    equal(reverse(two, forged), "NOTFOUND ")
    equal(refused(bounced(three, forged), forged), "reject 550 5.7.1")


@case("no store any more: what it had is to be tried again")
def store_removed(place):
    alias = alias_of(place.srsd(place.sqlite()))
    equal(reverse(place.srsd("none", ""), alias), "TEMP store_down")
    three = place.srsmilter("none", "")
    equal(refused(bounced(three, alias), alias), "tempfail 451 4.3.0")


@case("Redis away: encode by on_down, decode TEMP, and all is well again")
def redis_away(place):
    with Redis() as redis:
        keep = place.srsd(redis.url(), store="timeout = 1\ncache_size = 0")
        temp = place.srsd(redis.url(), store="timeout = 1\non_down = tempfail")
        milter = place.srsmilter(redis.url(), store="timeout = 1\n"
                                 "on_down = tempfail")
        keeper = place.srsmilter(redis.url(), store="timeout = 1")
        alias = alias_of(keep)
        redis.kill()
        other = "x" + LONG
        equal(forward(keep, other), "NOTFOUND ")
        equal(forward(temp, other), "TEMP store_down")
        equal(reverse(keep, alias), "TEMP store_down")
        equal(refused(bounced(milter, alias), alias), "tempfail 451 4.3.0")
        done = talk(milter, f"<{LONG}>", "<far@away.test>")
        equal((done.verdict, done.code, done.status),
              ("tempfail", "451", "4.3.0"))
        done = talk(keeper, f"<{LONG}>", "<far@away.test>")
        equal((done.verdict, done.message.sender), ("continue", LONG))
        keep.wait_log("reason=not_stored")
        for _ in range(100):
            forward(temp, other)
            tap.true(forward(temp, "bob@away.test").startswith("OK SRS0="),
                     "short addresses need no store")
        equal(temp.log().count("not available"), 1, temp.log())
        redis.start()
        for daemon in keep, temp:
            tap.wait_until(lambda d=daemon: forward(d).startswith("OK "),
                           "the store")
        equal(reverse(temp, alias_of(keep)), f"OK {LONG}")
        tap.wait_until(lambda: talk(milter, f"<{LONG}>", "<far@away.test>")
                       .verdict == "continue", "the store")


@case("Redis hangs: nobody else waits for it")
def redis_hangs(place):
    with Redis() as redis:
        daemon = place.srsd(redis.url(), store="timeout = 3")
        alias_of(daemon)
        redis.signal(signal.SIGSTOP)
        client = daemon.client().send(socketmap_client.netstring(
            b"forward x" + LONG.encode()))
        for _ in range(100):
            tap.true(forward(daemon, "bob@away.test").startswith("OK SRS0="),
                     "another client")
        equal(client.answer(), b"NOTFOUND ")
        # It ends at once, whatever is waited for.
        client = daemon.client().send(socketmap_client.netstring(
            b"forward y" + LONG.encode()))
        daemon.stop()
        redis.signal(signal.SIGCONT)


@case("hide_senders: no sender can be read, and none is shown instead")
def hidden(place):
    url = place.sqlite()
    daemon = place.srsd(url, "hide_senders = yes")
    alias = alias_of(daemon, "bob@away.test")
    equal(reverse(daemon, alias), "OK bob@away.test")
    tap.true("bob" not in alias and "away" not in alias, alias)
    down = place.srsd("redis://127.0.0.1:1", "hide_senders = yes",
                      "timeout = 1\non_down = keep")
    equal(forward(down, "bob@away.test"), "TEMP store_down")


@case("a new secret signs, and outstanding aliases are still restored")
def rotation(place):
    url = place.sqlite()
    daemon = place.srsd(url)
    alias = alias_of(daemon)
    socketmap_client.write(daemon.secret,
                           f"a secret that is new\n{Srsd.SECRET}\n", 0o640)
    daemon.signal(signal.SIGHUP)
    daemon.wait_log("reloaded")
    again = alias_of(daemon)
    tap.true(again.split("=1=")[1] != alias.split("=1=")[1], "another digest")
    for old_or_new in alias, again:
        equal(reverse(daemon, old_or_new), f"OK {LONG}")


@case("a reload changes the store while it is used")
def another_store(place):
    urls = place.sqlite(), place.sqlite()
    daemon = place.srsd(urls[0])
    alias = alias_of(daemon)
    for number in range(1, 7):
        daemon.configure(log=section(urls[number % 2], ""))
        client = daemon.client()
        client.send(b"".join(socketmap_client.netstring(
            f"forward {number}.{n}.{LONG}".encode()) for n in range(50)))
        daemon.signal(signal.SIGHUP)
        daemon.wait_log("reloaded", number)
        for _ in range(50):
            tap.true(client.answer().startswith(b"OK SRS0="), "an alias")
        equal(reverse(daemon, alias), "TEMP row_missing" if number % 2 else
              f"OK {LONG}")
    daemon.stop()


@case("SES: uses are counted over all hosts, and over restarts")
def replays(place):
    with Redis() as redis:
        one, two = (place.srsmilter(redis.url(), "") for _ in range(2))
        carol = one.ses("carol@ses.test")
        for milter in one, two, one:
            equal(bounced(milter, carol).verdict, "continue")
        for milter in one, two:
            equal(refused(bounced(milter, carol), carol), "reject 550 5.7.1")
        one.stop()
        one.start()
        equal(refused(bounced(one, carol), carol), "reject 550 5.7.1")
        # Without the store nobody is refused for what it would have said.
        redis.kill()
        fresh = place.srsmilter(redis.url(), "", "timeout = 1")
        equal(bounced(fresh, carol).verdict, "continue")


@case("metrics say whether the store is up")
def metrics(place):
    place.need_own_network()
    daemon = place.srsd(place.sqlite(), srsd="metrics = inet:9419@127.0.0.1")
    alias = alias_of(daemon)
    equal(reverse(daemon, alias), f"OK {LONG}")
    client = daemon.client(("127.0.0.1", 9419))
    client.send(b"GET /metrics HTTP/1.0\r\n\r\n")
    while client.more():
        pass
    text = client.rest.decode()
    for line in ("srsd_store_up 1", 'srsd_store_requests_total{kind="put"} 1',
                 'srsd_senders_total{reason="aliased"} 1',
                 'srsd_store_from_cache_total 1',
                 'srsd_secret_signs{fingerprint="Y1Ygyn2c"} 1'):
        tap.true(f"\n{line}\n" in text.replace("\r", ""), f"{line}: {text}")


def main():
    reason = redis_server.missing()
    if reason:
        return tap.cannot_run(reason)
    return Place().run_cases(suite)


if __name__ == "__main__":
    sys.exit(main())

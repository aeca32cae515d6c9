#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
mailfrom store: what it shows, and the rows of postsrsd 2.x, which are made here
by its documented format: a table kv, or keys PostSRSd/DIGEST@1 of Redis.
"""

import base64
import hashlib
import hmac
import os
import re
import sqlite3
import sys
import time

import places
import redis_server
import socketmap_client
import tap
from redis_server import Redis
from socketmap_client import Srsd

equal = tap.equal
suite = tap.Suite()
case = suite.case

TOOL = places.program("mailfrom")
DOMAIN = "srs.example.com"
SENDERS = [f"user{i}@sender{i}.test" for i in range(700)]


def digest_of(sender):
    return base64.b32hexencode(hashlib.sha1(sender.encode()).digest()).decode()


def alias_of(sender):
    """As postsrsd 2.4 writes it, today, with the tests' secret."""
    digest = digest_of(sender)
    day = int(time.time()) // 86400
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    stamp = digits[day >> 5 & 31] + digits[day & 31]
    mac = hmac.new(Srsd.SECRET.encode(),
                   f"{stamp}1{digest}".lower().encode(), hashlib.sha1)
    text = base64.urlsafe_b64encode(mac.digest()).decode()
    return f"SRS0={text[:6]}={stamp}=1={digest}@{DOMAIN}"


def sqlite_rows(path, senders, life=1000):
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE kv (k TEXT NOT NULL UNIQUE ON CONFLICT "
                   "REPLACE, v TEXT NOT NULL, lt INTEGER NOT NULL)")
        db.executemany("INSERT INTO kv VALUES (?, ?, ?)", [
            (digest_of(sender) + "@1", sender, int(time.time()) + life)
            for sender in senders])
        db.execute("INSERT INTO kv VALUES ('other', 'x', ?)",
                   (int(time.time()) + life,))
        db.execute("INSERT INTO kv VALUES (?, 'gone@sender.test', 1)",
                   (digest_of("gone@sender.test") + "@1",))


class Place(socketmap_client.Site):

    def srsd(self, url):
        daemon = Srsd(self, srs="hide_senders = yes",
                      log=f"[store]\nurl = {url}\ntimeout = 20")
        return daemon.start()

    def sqlite(self):
        path = self.new_dir()
        if socketmap_client.ROOT:
            os.chown(path, socketmap_client.NOBODY,
                     socketmap_client.NOBODY_GROUP)
        return f"sqlite:{path}/store.db"


def tool(daemon, *words, status=0):
    done = places.run(TOOL, "store", "-c", daemon.config, *words)
    equal(done.returncode, status, f"{words}: {done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def check_import(place, daemon, source):
    said = tool(daemon, "import", source)
    tap.true(said.startswith("700 aliases imported"), said)
    client = daemon.client()
    for sender in SENDERS[::50]:
        alias = alias_of(sender)
        for address in alias, alias.lower():
            equal(client.ask(f"reverse {address}").decode(), f"OK {sender}")
    equal(client.ask(f"reverse {alias_of('gone@sender.test')}"),
          b"TEMP row_missing")
    equal(tool(daemon, "lookup", alias_of(SENDERS[3])), SENDERS[3] + "\n")
    tap.true("aliases: 700" in tool(daemon), tool(daemon))
    # Twice does no harm.
    tap.true("700 aliases imported" in tool(daemon, "import", source), "again")
    tap.true("aliases: 700" in tool(daemon), tool(daemon))


@case("postsrsd's SQLite into ours, and its addresses are restored")
def sqlite_to_sqlite(place):
    path = os.path.join(place.new_dir(), "postsrsd.db")
    sqlite_rows(path, SENDERS)
    before = open(path, "rb").read()
    check_import(place, place.srsd(place.sqlite()), path)
    equal(open(path, "rb").read(), before, "what was imported from")


@case("postsrsd's Redis into ours")
def redis_to_redis(place):
    with Redis() as source, Redis() as target:
        for sender in SENDERS:
            source.ask("SETEX", f"PostSRSd/{digest_of(sender)}@1", "1000",
                       sender)
        source.ask("SETEX", "PostSRSd/other", "1000", "x")
        check_import(place, place.srsd(target.url()),
                     f"redis:{source.host}:{source.port}")
        key = f"mailfrom:a:{digest_of(SENDERS[0])}"
        tap.true(900 < target.ask("TTL", key) <= 1000, "what is left of a row")


@case("import by way of a unix socket, from Redis into SQLite, before a start")
def redis_to_sqlite(place):
    with Redis() as source:
        for sender in SENDERS:
            source.ask("SETEX", f"PostSRSd/{digest_of(sender)}@1", "1000",
                       sender)
        daemon = Srsd(place, srs="hide_senders = yes",
                      log=f"[store]\nurl = {place.sqlite()}\ntimeout = 20")
        tool(daemon, "import", f"redis:{source.socket}")
        # The file is the daemon's, whoever imported.
        daemon.start()
        check_import(place, daemon, f"redis:{source.socket}")


@case("what it holds, a look-up, and purge while srsd runs")
def shows(place):
    url = place.sqlite()
    daemon = place.srsd(url)
    alias = daemon.client().ask("forward bob@away.test").decode()[3:]
    today = time.strftime("%Y-%m-%d", time.gmtime())
    shown = tool(daemon)
    tap.true(shown.startswith(f"{url}\naliases: 1, the oldest made about "
                              f"{today}, the last expires "), shown)
    equal(tool(daemon, "lookup", alias), "bob@away.test\n")
    digest = alias.split("=")[-1].split("@")[0]
    equal(tool(daemon, "lookup", digest.lower()), "bob@away.test\n")
    tap.true("! no such row" in tool(daemon, "lookup", "A" * 32, status=1), "")
    tap.true("! not an alias" in tool(daemon, "lookup", "bob", status=1), "")
    explained = places.run(places.program("srs"), "explain", "--secret",
                           Srsd.SECRET, alias).stdout
    tap.true("original   in the store: mailfrom store lookup" in explained,
             explained)
    with sqlite3.connect(url[len("sqlite:"):]) as db:
        db.executemany("INSERT INTO row VALUES (?, 'x', 1)",
                       [(f"old{i}",) for i in range(2500)])
    equal(tool(daemon, "purge"), "2500 rows deleted\n")
    tap.true("aliases: 1" in tool(daemon), "what hasn't expired stays")
    equal(daemon.client().ask(f"reverse {alias}"), b"OK bob@away.test")


def doctor(daemon):
    done = places.run(TOOL, "doctor", "-c", daemon.config, "--no-dns",
                      "--no-smtp")
    lines = done.stdout.splitlines()
    [at] = [n for n, line in enumerate(lines) if re.match(r"\w+ +store:", line)]
    return "\n".join(lines[at:at + 3])


@case("mailfrom doctor: a store that answers, doesn't, evicts, has no replica")
def doctor_looks(place):
    daemon = place.srsd(place.sqlite())
    tap.true(doctor(daemon).startswith("ok    store: the store answers"),
             doctor(daemon))
    tap.true("\nok    srsd-proof: srsd: null" in places.run(
        TOOL, "doctor", "-c", daemon.config, "--no-dns").stdout,
             "hide_senders hides nothing from the proof")
    with Redis() as redis:
        daemon = place.srsd(redis.url())
        equal(places.run(places.program("srsd"), "-n", "-c",
                         daemon.config).returncode, 0, "srsd -n")
        tap.true(doctor(daemon).startswith("ok    store:"), doctor(daemon))
        redis.ask("CONFIG", "SET", "maxmemory", "100mb")
        tap.true(doctor(daemon).startswith("ok    store:"), doctor(daemon))
        redis.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        said = doctor(daemon)
        tap.true(said.startswith("warn  store: Redis may evict rows") and
                 "allkeys-lru" in said and "noeviction" in said, said)
        daemon.configure(log=f"[store]\nurl = {redis.url()}\nreplicas = 2")
        redis.ask("CONFIG", "SET", "maxmemory-policy", "noeviction")
        said = doctor(daemon)
        tap.true(said.startswith("fail  store: replicas = 2, and Redis has 0"),
                 said)
        daemon.configure(log=f"[store]\nurl = {redis.url()}")
        redis.kill()
        said = doctor(daemon)
        tap.true(said.startswith("fail  store: the store doesn't answer") and
                 "refused" in said, said)


@case("mistakes are reported")
def mistakes(place):
    none = Srsd(place)
    tap.true("there is no store" in tool(none, status=1), "no store")
    daemon = place.srsd(place.sqlite())
    for words, status, reason in (
            (("frobnicate",), 2, "expected"), (("import",), 2, "expected"),
            (("import", "redis://u:p@h"), 2, "do not belong in the URL"),
            (("import", "/nonexistent.db"), 1, "unable to open"),
            (("import", daemon.config), 1, "not a database"),
            (("import", "redis:127.0.0.1:1"), 1, "refused"),
            (("lookup",), 2, "expected")):
        said = tool(daemon, *words, status=status)
        if reason not in said:
            yield f"{words}: {said}"


def main():
    reason = redis_server.missing()
    if reason:
        return tap.cannot_run(reason)
    return Place().run_cases(suite)


if __name__ == "__main__":
    sys.exit(main())

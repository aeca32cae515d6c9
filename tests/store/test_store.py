#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
The store: one suite for SQLite, Redis on a port, on a unix socket, with a
password and behind Sentinel; then what each does when it is away, slow or full.
"""

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading

import network
import places
import redis_server
import tap
from redis_server import Redis

suite = tap.Suite()
case = suite.case

DRIVER = places.program("tests/store/driver")
PASSWORD = "geheim aber lang"


class Driver:
    """The store of this [store] section, in a process of its own."""

    def __init__(self, directory, url, lines=""):
        if "timeout" not in lines:      # it only bounds a failure
            lines += "\ntimeout = 20"
        # Files of its own: another may be starting.
        place = tempfile.mkdtemp(dir=directory)
        conf = os.path.join(place, "conf")
        with open(conf, "w", encoding="utf-8") as file:
            file.write(f"[store]\nurl = {url}\n{lines}\n")
        self.log = os.path.join(place, "log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [DRIVER, conf], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=log, text=True)

    def ask(self, line):
        self.tell(line)
        return self.hear()

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def hear(self):
        return self.process.stdout.readline().rstrip("\n")

    def stats(self):
        words = self.ask("stats").split()
        return {name: int(value) for name, value in
                zip(words[::2], words[1::2])}

    def errors(self):
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def says(self, text):
        tap.wait_until(lambda: text in self.errors(), f"the log: {text}")

    def end(self):
        self.process.stdin.close()
        status = self.process.wait(60)
        said = self.errors()
        tap.true(status == 0 and "Sanitizer" not in said,
                 f"exit status {status}: {said}")


class Site:
    """A directory, and what runs in it."""

    def __init__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="mailfrom-store.")
        self.path = self.scratch.name

    def file(self, name, text, mode=0o640):
        path = os.path.join(self.path, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def sqlite(self, name="store.db"):
        return os.path.join(self.path, name)


# --- the suite ---------------------------------------------------------------

def check_rows(driver):
    tap.equal(driver.ask("ping"), "ok")
    tap.equal(driver.ask("get t:a"), "absent")
    tap.equal(driver.ask("put t:a first 60"), "ok")
    tap.equal(driver.ask("get t:a"), "ok first")
    tap.equal(driver.ask("put t:a second 60"), "ok")
    tap.equal(driver.ask("get t:a"), "ok second")
    value = "x" * 512
    tap.equal(driver.ask(f"put t:{'k' * 94} {value} 60"), "ok")
    tap.equal(driver.ask(f"get t:{'k' * 94}"), f"ok {value}")
    tap.equal(driver.ask(f"get t:{'k' * 95}"), "down", "a key too long")
    tap.equal(driver.ask("put t:q O'Brien\"%s\\%d 60"), "ok")
    tap.equal(driver.ask("get t:q"), "ok O'Brien\"%s\\%d")


def check_expiry(driver):
    tap.equal(driver.ask("put t:short gone 1"), "ok")
    tap.wait_until(lambda: driver.ask("get t:short") == "absent",
                   "a row to expire")
    tap.equal(driver.ask("count t:window 1"), "ok 1")
    tap.equal(driver.ask("put t:short again 60"), "ok")
    tap.equal(driver.ask("get t:short"), "ok again")
    tap.wait_until(lambda: driver.ask("get t:window") == "absent",
                   "a window to end")
    tap.equal(driver.ask("count t:window 60"), "ok 1", "another window")


def check_counts(driver):
    for n in range(1, 4):
        tap.equal(driver.ask("count t:n 60"), f"ok {n}")
    tap.equal(driver.ask("get t:n"), "ok 3")
    # Each number is seen once, whoever counts.
    tap.equal(driver.ask("race t:race 16"), str(160 * 161 // 2))


def check_many(driver):
    tap.equal(driver.ask("burst 5000"),
              "5000 ok 0 absent 0 down, 5000 ok 0 absent 0 down")
    tap.equal(driver.ask("forget 1000"), "ok")
    tap.equal(driver.ask("get t:burst4999"), "ok value4999")


def check_cache(driver):
    before = driver.stats()["cache"]
    tap.equal(driver.ask("putfixed t:f value 600"), "ok")
    tap.equal(driver.stats()["cache"], before)
    tap.equal(driver.ask("putfixed t:f value 600"), "ok")
    tap.equal(driver.ask("getfixed t:f"), "ok value")
    tap.equal(driver.stats()["cache"], before + 2)
    tap.equal(driver.ask("putfixed t:f value 6000"), "ok")
    tap.equal(driver.stats()["cache"], before + 2, "for a longer time")


def check_store(site, url, lines=""):
    driver = Driver(site.path, url, lines)
    check_rows(driver)
    check_counts(driver)
    check_many(driver)
    check_cache(driver)
    check_expiry(driver)
    tap.equal(driver.stats()["connects"], 1)
    driver.end()


@case("one suite: SQLite")
def sqlite_suite(site):
    check_store(site, "sqlite:" + site.sqlite())
    tap.equal(os.stat(site.sqlite()).st_mode & 0o777, 0o640)
    tap.equal(os.stat(site.sqlite()).st_uid, os.stat(site.path).st_uid)


@case("one suite: Redis on a port")
def redis_suite(site):
    with Redis() as redis:
        check_store(site, redis.url(database="/3"))
        redis.prefix = (("SELECT", "3"),)
        keys = redis.ask("KEYS", "*")
        tap.true(keys and all(key.startswith("mailfrom:t:") for key in keys),
                 f"keys in their namespace: {keys[:5]}")
        tap.equal([key for key in keys if redis.ask("TTL", key) < 0], [],
                  "rows that never expire")


@case("one suite: Redis on a unix socket, with user and password")
def redis_unix_suite(site):
    password = site.file("password", PASSWORD + "\n")
    with Redis(f"user mf on \">{PASSWORD}\" ~mailfrom:* +@all",
               "user default off") as redis:
        check_store(site, f"redis+unix:{redis.socket}?db=2",
                    f"user = mf\npassword_file = {password}")


@case("one suite: Redis with a replica, behind Sentinel, with WAIT")
def redis_sentinel_suite(site):
    with Redis() as master, redis_server.replica_of(master) as replica, \
            redis_server.sentinel_of(master) as sentinel:
        redis_server.replicates(master)
        check_store(site, f"redis+sentinel://127.0.0.1:{sentinel.port}"
                    "/mymaster/1", "replicas = 1")
        replica.prefix = (("SELECT", "1"),)
        tap.equal(replica.ask("GET", "mailfrom:t:a"), "second")


def openssl(site, *words):
    done = places.run("openssl", *words, cwd=site.path)
    tap.equal(done.returncode, 0, f"openssl {words}: {done.stderr}")


def make_certificate(site, name):
    """NAME.pem and NAME.key for the host `name`, signed by ca.pem."""
    if not os.path.exists(os.path.join(site.path, "ca.pem")):
        openssl(site, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
                "2", "-subj", "/CN=test CA", "-keyout", "ca.key", "-out",
                "ca.pem")
    openssl(site, "req", "-newkey", "rsa:2048", "-nodes", "-subj",
            f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    site.file(f"{name}.ext", f"subjectAltName = DNS:{name}\n")
    openssl(site, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem",
            "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile",
            f"{name}.ext", "-out", f"{name}.pem")


def tls_redis(site, name):
    port = network.free_port()
    make_certificate(site, name)
    redis = Redis(f"tls-port {port}", "tls-auth-clients no",
                  *(f"tls-{what}-file {site.path}/{name}.{end}"
                    for what, end in (("cert", "pem"), ("key", "key"))),
                  f"tls-ca-cert-file {site.path}/ca.pem")
    redis.tls_port = port
    return redis


@case("rediss://: one suite by TLS where hiredis has it, else a clear error")
def redis_tls(site):
    if places.run("pkg-config", "--exists", "hiredis_ssl").returncode != 0:
        done = places.run(DRIVER, site.file(
            "conf", "[store]\nurl = rediss://localhost\n"))
        tap.equal(done.returncode, 1)
        tap.true("rediss:// needs hiredis 1.0 or later" in done.stderr,
                 done.stderr)
        return
    ca_file = f"ca_file = {site.path}/ca.pem"
    with tls_redis(site, "localhost") as redis:
        url = f"rediss://localhost:{redis.tls_port}"
        check_store(site, url, ca_file)
        # Nobody has said that this CA is to be trusted.
        refuses_certificate(site, url, "timeout = 1")
    # Another host's.
    with tls_redis(site, "other.test") as redis:
        refuses_certificate(site, f"rediss://localhost:{redis.tls_port}",
                            f"timeout = 1\n{ca_file}")


def refuses_certificate(site, url, lines):
    """Only what comes first is logged, and a busy server may just hang up."""
    def refused():
        driver = Driver(site.path, url, lines)
        tap.equal(driver.ask("ping"), "down")
        said = driver.errors()
        driver.end()
        return "certificate" in said
    tap.wait_until(refused, "the certificate to be refused", 60)


# --- away, slow, full --------------------------------------------------------

@case("SQLite: two processes share a file, and a restart keeps it")
def sqlite_shared(site):
    url = "sqlite:" + site.sqlite("shared.db")
    one, two = Driver(site.path, url), Driver(site.path, url)
    tap.equal(one.ask("put t:a of_one 60"), "ok", one.errors())
    tap.equal(two.ask("get t:a"), "ok of_one")
    one.tell("race t:n 8")
    two.tell("race t:n 8")
    tap.equal(int(one.hear()) + int(two.hear()), 160 * 161 // 2)
    one.end()
    two.process.kill()
    two.process.wait()
    three = Driver(site.path, url)
    tap.equal(three.ask("get t:a"), "ok of_one")
    three.end()


@case("SQLite: a file that is full keeps what it has")
def sqlite_full(site):
    driver = Driver(site.path, "sqlite:" + site.sqlite("full.db"),
                    "max_size = 1\ncache_size = 0")
    tap.equal(driver.ask("put t:first kept 600"), "ok")
    row = 0
    while driver.ask(f"put t:{row} {'x' * 500} 600") == "ok":
        row += 1
    tap.true(row > 500, f"{row} rows in a megabyte")
    tap.equal(driver.ask("get t:first"), "ok kept")
    tap.equal(driver.ask("get t:0"), f"ok {'x' * 500}")
    driver.says("full")
    driver.end()


@case("SQLite: a file of another program isn't touched")
def sqlite_foreign(site):
    path = site.sqlite("postsrsd.db")
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE kv (k TEXT NOT NULL UNIQUE ON CONFLICT "
                   "REPLACE, v TEXT NOT NULL, lt INTEGER NOT NULL)")
    before = open(path, "rb").read()
    driver = Driver(site.path, "sqlite:" + path, "timeout = 1")
    tap.equal(driver.ask("put t:a b 60"), "down")
    tap.true("not a store" in driver.errors(), driver.errors())
    driver.end()
    tap.equal(open(path, "rb").read(), before)


@case("SQLite: what is away comes back by itself")
def sqlite_away(site):
    directory = os.path.join(site.path, "mounted later")
    driver = Driver(site.path, f"sqlite:{directory}/store.db", "timeout = 1")
    tap.equal(driver.ask("put t:a b 60"), "down")
    os.mkdir(directory)
    tap.wait_until(lambda: driver.ask("put t:a b 60") == "ok", "the store")
    os.rename(directory, directory + " no more")
    os.mkdir(directory)
    tap.equal(driver.ask("get t:a"), "absent", "in a file that replaces it")
    tap.equal(driver.errors().count("not available"), 1)
    driver.end()


@case("SQLite: rows that have expired are deleted")
def sqlite_purge(site):
    path = site.sqlite("purge.db")
    url = "sqlite:" + path
    driver = Driver(site.path, url)
    tap.equal(driver.ask("put t:a b 600"), "ok")
    driver.end()
    with sqlite3.connect(path) as db:
        db.executemany("INSERT INTO row VALUES(?, 'x', 1)",
                       [(f"old{i}",) for i in range(2500)])
    driver = Driver(site.path, url)

    def rows():
        with sqlite3.connect(path) as db:
            return db.execute("SELECT count(*) FROM row").fetchone()[0]
    tap.wait_until(lambda: rows() == 1, "the purge")
    tap.equal(driver.ask("get t:a"), "ok b")
    driver.end()


@case("Redis: killed, it says so once, and comes back by itself")
def redis_killed(site):
    with Redis() as redis:
        driver = Driver(site.path, redis.url(), "timeout = 1")
        tap.equal(driver.ask("put t:a b 60"), "ok")
        redis.kill()
        tap.equal(driver.ask("get t:a"), "down")
        for _ in range(1000):
            tap.equal(driver.ask("get t:a"), "down")
        tap.equal(driver.stats()["up"], 0)
        redis.start()
        tap.wait_until(lambda: driver.ask("put t:a c 60") == "ok", "Redis")
        tap.equal(driver.ask("get t:a"), "ok c")
        log = driver.errors()
        tap.equal(log.count("not available"), 1, log)
        tap.equal(log.count("connected again"), 1, log)
        tap.true(log.count("\n") < 8, log)
        driver.end()


@case("Redis: a server that hangs up is tried less and less often")
def redis_back_off(site):
    server = socket.create_server(("127.0.0.1", 0))
    met = []

    def hang_up():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            met.append(connection)
            connection.close()
    threading.Thread(target=hang_up, daemon=True).start()
    driver = Driver(site.path, "redis://127.0.0.1:%d" %
                    server.getsockname()[1], "timeout = 1")
    for _ in range(2000):
        tap.equal(driver.ask("get t:a"), "down")
    tap.true(2 <= len(met) <= 100, f"{len(met)} connections for 2000 requests")
    tap.equal(driver.errors().count("not available"), 1)
    driver.end()
    server.close()


@case("Redis: one that hangs holds up nobody longer than the timeout")
def redis_hangs(site):
    with Redis() as redis:
        driver = Driver(site.path, redis.url(), "timeout = 1")
        tap.equal(driver.ask("count t:n 600"), "ok 1")
        redis.signal(signal.SIGSTOP)
        tap.equal(driver.ask("get t:n"), "down")
        tap.equal(driver.ask("burst 1000"),
                  "0 ok 0 absent 1000 down, 0 ok 0 absent 1000 down")
        redis.signal(signal.SIGCONT)
        tap.wait_until(lambda: driver.ask("get t:n") == "ok 1", "Redis")
        driver.end()


@case("Redis: full, it refuses what is new and answers for what it has")
def redis_full(site):
    with Redis("maxmemory-policy noeviction") as redis:
        driver = Driver(site.path, redis.url())
        tap.equal(driver.ask("put t:a b 60"), "ok")
        redis.ask("CONFIG", "SET", "maxmemory", "1")
        tap.equal(driver.ask("put t:b c 60"), "down")
        driver.says("OOM")
        tap.equal(driver.ask("count t:n 60"), "down")
        tap.equal(driver.ask("get t:a"), "ok b")
        tap.true("OOM" in driver.errors(), driver.errors())
        driver.end()


@case("Redis: a wrong password is reported, and the right one used")
def redis_password(site):
    with Redis(f'requirepass "{PASSWORD}"') as redis:
        wrong = site.file("wrong", "wrong\n")
        driver = Driver(site.path, redis.url(),
                        f"timeout = 1\npassword_file = {wrong}")
        tap.equal(driver.ask("ping"), "down")
        tap.true("WRONGPASS" in driver.errors(), driver.errors())
        driver.end()
        right = site.file("right", PASSWORD)
        driver = Driver(site.path, redis.url(), f"password_file = {right}")
        tap.equal(driver.ask("ping"), "ok")
        driver.end()


@case("Redis: without its replicas no row counts as put")
def redis_no_replica(site):
    with Redis() as master:
        driver = Driver(site.path, master.url(), "replicas = 1\ntimeout = 3")
        tap.equal(driver.ask("put t:a b 60"), "down")
        tap.equal(driver.ask("get t:a"), "ok b", "it was put all the same")
        driver.says("0 of 1 replicas")
        with redis_server.replica_of(master):
            redis_server.replicates(master)
            tap.equal(driver.ask("put t:a c 60"), "ok")
        driver.end()


@case("Sentinel: when the master dies, requests go to the new one")
def sentinel_failover(site):
    with Redis() as master, redis_server.replica_of(master) as replica, \
            redis_server.sentinel_of(master) as sentinel, \
            redis_server.sentinel_of(master) as other:
        redis_server.replicates(master)
        dead = network.free_port()
        driver = Driver(
            site.path, f"redis+sentinel://127.0.0.1:{dead},127.0.0.1:"
            f"{sentinel.port},127.0.0.1:{other.port}/mymaster",
            "replicas = 1\ntimeout = 1")
        tap.wait_until(lambda: driver.ask("put t:a before 600") == "ok",
                       "the master by the second sentinel")
        tap.wait_until(lambda: sentinel.ask(
            "SENTINEL", "replicas", "mymaster"), "Sentinel to see the replica")
        master.kill()
        tap.wait_until(lambda: replica.ask("ROLE")[0] == "master",
                       "the failover", 60)
        tap.wait_until(lambda: driver.ask("get t:a") == "ok before",
                       "the new master")
        tap.equal(driver.ask("put t:a after 600"), "down", "no replica")
        driver.end()


@case("ended or reloaded while it connects: no harm")
def ended_early(site):
    with Redis() as redis, redis_server.sentinel_of(redis) as sentinel:
        for url in (redis.url(), "redis+sentinel://127.0.0.1:"
                    f"{sentinel.port}/mymaster"):
            for _ in range(20):
                Driver(site.path, url).end()


@case("Sentinel: counts that a failover loses begin anew, and nothing else does")
def lost_counts(site):
    with Redis() as master, redis_server.replica_of(master) as replica, \
            redis_server.sentinel_of(master) as sentinel:
        redis_server.replicates(master)
        driver = Driver(site.path, "redis+sentinel://127.0.0.1:"
                        f"{sentinel.port}/mymaster")
        tap.wait_until(lambda: sentinel.ask(
            "SENTINEL", "replicas", "mymaster"), "Sentinel to see the replica")
        for n in range(1, 4):
            tap.equal(driver.ask("count t:kept 600"), f"ok {n}")
        tap.wait_until(lambda: replica.ask("GET", "mailfrom:t:kept") == "3",
                       "the replica")
        # What it has on disk is all that is left.
        tap.equal(replica.ask("SAVE"), "OK")
        replica.signal(signal.SIGSTOP)
        for n in range(1, 6):
            tap.equal(driver.ask("count t:lost 600"), f"ok {n}")
        tap.equal(driver.ask("count t:kept 600"), "ok 4")
        master.kill()
        replica.kill()
        replica.start_as_replica(master)
        tap.wait_until(lambda: replica.ask("ROLE")[0] == "master",
                       "the failover", 60)
        tap.wait_until(lambda: driver.ask("ping") == "ok", "the new master", 60)
        kept, lost = (int(driver.ask(f"count t:{name} 600").split()[1]) - 1
                      for name in ("kept", "lost"))
        tap.diagnose(f"of 9 uses counted the failover has lost {9 - kept - lost}")
        # So many bounces more are accepted: one too many is better than one
        # too few.
        tap.equal((kept, lost), (3, 0), "uses that are known")
        driver.end()


@case("Redis: a master that became a replica is left")
def redis_demoted(site):
    with Redis() as redis, Redis() as other:
        driver = Driver(site.path, redis.url(), "timeout = 1")
        tap.equal(driver.ask("put t:a b 60"), "ok")
        redis.ask("REPLICAOF", other.host, other.port)
        tap.equal(driver.ask("put t:a c 60"), "down")
        redis.ask("REPLICAOF", "NO", "ONE")
        tap.wait_until(lambda: driver.ask("put t:a c 60") == "ok", "the master")
        driver.end()


# --- settings ----------------------------------------------------------------

WRONG = {
    "redis://host:0": "port",
    "redis://a:b@host": "user and password do not belong in the URL",
    "sqlite:relative.db": "not an absolute path",
    "redis+sentinel://h": "name of the master is missing",
    "mysql://h": "neither none nor sqlite",
    "redis://h/x": "database is a number",
    "redis+unix:/s?x=1": "only db=N",
}


@case("mistakes in [store] are reported with their line and reason")
def mistakes(site):
    for url, reason in WRONG.items():
        done = places.run(DRIVER, site.file("conf", f"[store]\nurl = {url}\n"))
        tap.equal(done.returncode, 1, url)
        if reason not in done.stderr or "conf:2: url:" not in done.stderr:
            yield f"{url}: {done.stderr}"
    loose = site.file("loose", "secret\n", 0o644)
    for lines, reason in (
            (f"password_file = {loose}", "accessible to all users"),
            ("password_file = /nonexistent", "No such file"),
            ("user = x", "requires password_file")):
        path = site.file("conf", f"[store]\nurl = redis://h\n{lines}\n")
        done = places.run(DRIVER, path)
        if done.returncode != 1 or reason not in done.stderr:
            yield f"{lines}: {done.stderr}"


def main():
    reason = redis_server.missing()
    if reason:
        return tap.cannot_run(reason)
    network.enter()
    return suite.run(Site())


if __name__ == "__main__":
    sys.exit(main())

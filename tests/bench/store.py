#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
What a store costs: srsd with SQLite and with Redis beside srsd without, for
senders that need no row and for those that do; instructions of a request that
needs none; bytes of a row.

usage: store.py [-c CONNECTIONS] [-r ROUNDS] [-s SECONDS] [lookups|instructions|rows]...

The servers take turns in each round, and ratios are taken within a round.  OTHER
in the environment is another srsd, whose instructions are counted beside.
Nothing is asserted.
"""

import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile

import places
import redis_server
import run
from redis_server import Redis

PAIRS = 11
CONFIG = """\
[srs]
secret_file = {directory}/secret
fwdomain = forward.example
{srs}
[srsd]
listen = unix:{socket}
workers = 1
socket_mode = 0600
{user}
[log]
to = stderr
level = error
[store]
url = {url}
{store}
"""
LONG = "a.local.part.of.no.fewer.than.fifty.characters.user{}@example{}.com"


class Server:
    """srsd with a store; uncached: each long address goes there."""

    def __init__(self, name, directory, url="none", cached=False):
        self.name, self.url = name, url
        self.socket = os.path.join(directory, f"{name}.sock".replace(" ", "-"))
        srs = "" if url == "none" else "long_addresses = store"
        run.write(directory, "secret", run.SECRET + "\n")
        self.config = run.write(directory, f"{name}.conf", CONFIG.format(
            directory=directory, srs=srs, socket=self.socket, url=url,
            user="user = root" if os.geteuid() == 0 else "",
            store="" if cached else "cache_size = 0"))

    def command(self, program):
        return [program, "-f", "-c", self.config]

    def measure(self, keys, options):
        """Lookups a second, p50 and p99 in microseconds."""
        server = subprocess.Popen(
            run.on_core(0) + self.command(run.program("srsd")),
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            run.wait_for_socket(server, self.socket)
            done = subprocess.run(
                run.on_core(1) + [
                    run.program("bench/load"), "-k", keys, "-e", "OK ",
                    "-c", str(options.connections),
                    "-s", str(options.seconds), self.socket],
                capture_output=True, text=True, check=True)
        finally:
            server.terminate()
            server.wait(timeout=20)
            if os.path.exists(self.socket):
                os.unlink(self.socket)
        rate, middle, late, wrong = map(int, done.stdout.split())
        if wrong:
            raise SystemExit(f"{self.name}: {wrong} answers of another kind")
        return rate, middle, late


def write_keys(directory, name, lines):
    path = os.path.join(directory, name)
    with open(path, "w", encoding="ascii") as file:
        file.writelines(line + "\n" for line in lines)
    return path


def ask(path, requests):
    """The answers to these requests, one after the other."""
    answers = []
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        stream = s.makefile("rb")
        for request in requests:
            s.sendall(b"%d:%s," % (len(request), request.encode()))
            size = int(stream.read(1) + until(stream, b":"))
            answers.append(stream.read(size + 1)[:-1].decode())
    return answers


def until(stream, end):
    text = b""
    while not text.endswith(end):
        text += stream.read(1)
    return text[:-1]


def aliases(server, directory, count=1000):
    """Reverse requests of aliases whose rows the store has."""
    process = subprocess.Popen(server.command(run.program("srsd")),
                               stdin=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        run.wait_for_socket(process, server.socket)
        answers = ask(server.socket, [
            f"forward {LONG.format(n, n % 97)}" for n in range(count)])
    finally:
        process.terminate()
        process.wait(timeout=20)
        if os.path.exists(server.socket):
            os.unlink(server.socket)
    return write_keys(directory, f"{server.name}.reverse",
                      [f"reverse {answer[3:]}" for answer in answers])


def bench_lookups(options, directory, redis):
    short = write_keys(directory, "short", [
        f"forward user{n}@example{n % 97}.com" for n in range(1000)])
    long = write_keys(directory, "long", [
        f"forward {LONG.format(n, n % 97)}" for n in range(1000)])
    sqlite = f"sqlite:{directory}/store.db"
    none = Server("none", directory)
    stores = [Server("SQLite", directory, sqlite),
              Server("Redis", directory, redis.url("redis"))]
    cached = Server("Redis cached", directory, redis.url("redis"), True)
    back = {server: aliases(server, directory) for server in stores}
    rows = [("no store, short", none, short),
            *((f"{s.name}, short", s, short) for s in stores),
            *((f"{s.name}, row put", s, long) for s in stores),
            *((f"{s.name}, row read", s, back[s]) for s in stores),
            ("known row, from memory", cached, long)]
    results = {name: [] for name, _, _ in rows}
    for number in range(options.rounds):
        turn = number % len(rows)
        for name, server, keys in rows[turn:] + rows[:turn]:
            results[name].append(server.measure(keys, options))
    print(f"socketmap lookups, {options.connections} connections, one worker; "
          f"medians of {options.rounds} rounds, ratios within a round:")
    base = results[rows[0][0]]
    for name, _, _ in rows:
        rate, middle, late = map(statistics.median, zip(*results[name]))
        ratios = [one[0] / two[0] for one, two in zip(results[name], base)]
        print(f"  {name:24} {rate:9,.0f}/s  p50 {middle:7.0f} us  "
              f"p99 {late:7.0f} us   {statistics.median(ratios):6.3f} "
              f"({min(ratios):.3f} to {max(ratios):.3f})")


def count_instructions(program, server, requests):
    """Of all of srsd for so many requests more than none, by callgrind."""
    totals = []
    for times in (1, 3):
        process = subprocess.Popen(
            ["valgrind", "--tool=callgrind",
             "--callgrind-out-file=/dev/null", *server.command(program)],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            run.wait_for_socket(process, server.socket)
            ask(server.socket, requests * times)
        finally:
            process.terminate()
            said = process.communicate(timeout=60)[1]
            if os.path.exists(server.socket):
                os.unlink(server.socket)
        totals.append(int(re.search(r"Collected : (\d+)", said).group(1)))
    return (totals[1] - totals[0]) / (2 * len(requests))


def bench_instructions(_, directory, redis):
    requests = [f"forward user{n}@example{n % 97}.com" for n in range(1000)]
    program = run.program("srsd")
    none = Server("none", directory)
    pairs = [("with SQLite", program,
              Server("SQLite", directory, f"sqlite:{directory}/i.db")),
             ("with Redis", program,
              Server("Redis", directory, redis.url("redis")))]
    other = os.environ.get("OTHER")
    if other:
        plain = Server("other", directory)
        with open(plain.config, encoding="ascii") as file:
            text = file.read().split("[store]")[0]
        run.write(directory, "other.conf", text)
        pairs.append(("OTHER", other, plain))
    print(f"instructions of a request that needs no row, in {PAIRS} pairs, "
          "beside those without a store:")
    for name, which, server in pairs:
        ratios, counts = [], []
        for _ in range(PAIRS):
            counts.append(count_instructions(program, none, requests))
            ratios.append(count_instructions(which, server, requests) /
                          counts[-1])
        print(f"  {name:12} {statistics.median(ratios):.4f} "
              f"({min(ratios):.4f} to {max(ratios):.4f}) of "
              f"{statistics.median(counts):,.0f}")


def bench_rows(_, directory, redis):
    """Memory of Redis and size of SQLite's file, a row."""
    count = 100_000
    before = used_memory(redis)
    driver_put(directory, redis.url("redis"), count)
    print(f"a row of {count}: Redis "
          f"{(used_memory(redis) - before) / count:.0f} bytes, ", end="")
    path = os.path.join(directory, "rows.db")
    driver_put(directory, f"sqlite:{path}", count)
    print(f"SQLite {os.path.getsize(path) / count:.0f} bytes")


def used_memory(redis):
    return int(re.search(r"used_memory:(\d+)", redis.ask(
        "INFO", "memory")).group(1))


def driver_put(directory, url, count):
    """Rows like those of aliases, by way of mailfrom store import."""
    import hashlib
    import base64
    import sqlite3
    import time
    source = os.path.join(directory, "source.db")
    if not os.path.exists(source):
        with sqlite3.connect(source) as db:
            db.execute("CREATE TABLE kv (k TEXT, v TEXT, lt INTEGER)")
            db.executemany("INSERT INTO kv VALUES (?, ?, ?)", [
                (base64.b32hexencode(hashlib.sha1(b"%d" % n).digest()).decode()
                 + "@1", LONG.format(n, n % 97), int(time.time()) + 2000000)
                for n in range(count)])
    server = Server("rows", directory, url)
    subprocess.run([run.program("mailfrom"), "store", "-c", server.config,
                    "import", source], check=True, stdout=subprocess.DEVNULL)


BENCHES = {"lookups": bench_lookups, "instructions": bench_instructions,
           "rows": bench_rows}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-c", "--connections", type=int, default=64)
    parser.add_argument("-r", "--rounds", type=int, default=3)
    parser.add_argument("-s", "--seconds", type=int, default=3)
    parser.add_argument("what", nargs="*", choices=[*BENCHES, []])
    options = parser.parse_args()
    reason = redis_server.missing()
    if reason:
        raise SystemExit(reason)
    with tempfile.TemporaryDirectory(prefix="mailfrom-bench-") as directory:
        for name in options.what or BENCHES:
            with Redis() as redis:
                BENCHES[name](options, directory, redis)
    return 0


if __name__ == "__main__":
    sys.exit(main())

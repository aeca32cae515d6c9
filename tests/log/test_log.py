#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
A log whose reader stands still keeps no daemon from its work, nor from ending;
when the reader is back it gets the lines, and is told how many it doesn't get.
"""

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading

import log_readers
import milter_daemon
import network
import srsmilter
import spfmilter
import tap
import world
from milter_client import SENDMAIL, Session
from srsd import netstring

suite = tap.Suite()
WAIT = 120                      # seconds, for a failure
DROPPED = re.compile(r'message text="(\d+) log lines dropped: ')

SRSD = """\
[srs]
secret_file = {secret}
fwdomain = fwd.test
[srsd]
listen = {listen}
workers = 2
socket_mode = 0600
user = {user}
[log]
to = {to}
level = info
"""


class Logging:
    """A daemon whose log goes to a reader of the case."""

    def start(self, reader):
        self.reader = reader
        self.write_config(to=reader.to)
        self.launch(stderr=reader.stderr)
        tap.wait_until(self.is_up, f"{self.name} to listen")
        return self

    def write_config(self, to="stderr", **changed):
        super().write_config(to=to, **changed)

    def launch(self, stderr):
        self.process = milter_daemon.subprocess.Popen(
            [self.program, "-f", "-c", self.config],
            stdin=milter_daemon.subprocess.DEVNULL, stderr=stderr)

    def is_up(self):
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(self.unix) == 0

    def stop(self):
        self.process.terminate()
        tap.equal(self.process.wait(timeout=WAIT), 0, "exit status at SIGTERM")

    def log_tail(self):
        return "\n".join(self.reader.lines[-15:])

    def threads(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(r"Threads:\s+(\d+)", file.read())[1])


class Srsd(Logging, srsmilter.Srsmilter):
    name, template = "srsd", SRSD

    def forward(self, count, local="user"):
        """As many senders rewritten, each with its number; all are answered."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.unix)
            s.settimeout(WAIT)
            blocks = [b"".join(
                netstring(f"forward {local}{n}@x.test".encode())
                for n in range(first, min(first + 500, count)))
                for first in range(0, count, 500)]
            sender = threading.Thread(target=lambda: [
                s.sendall(block) for block in blocks], daemon=True)
            sender.start()
            answered, rest = 0, b""
            while answered < count:
                rest += s.recv(1 << 20)
                found = re.findall(rb"\d+:(?:OK|NOTFOUND )[^,]*,", rest)
                answered += len(found)
                rest = rest[sum(map(len, found)):]
            sender.join()

    def probe(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.unix)
            s.settimeout(WAIT)
            s.sendall(netstring(b"probe "))
            return s.recv(1000).decode().split(":", 1)[1].rstrip(",")


class Filter(Logging):
    def deliver(self, count):
        """As many messages, each of a session of its own and with its number."""
        for n in range(count):
            with Session(self.address, SENDMAIL) as s:
                s.connect()
                s.helo()
                done = s.deliver(f"<user{n}@sender.test>", ["<b@dest.test>"],
                                 ["Subject: hello"], b"text\r\n")
            tap.equal(done.verdict, "continue", f"message {n}")

    def break_protocol(self, count):
        """libmilter logs that by itself, with syslog(3)."""
        for _ in range(count):
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(self.unix)
                s.sendall(struct.pack(">IcI", 5, b"O", 6))
                s.settimeout(WAIT)
                tap.equal(s.recv(1), b"", "answer to a negotiation cut short")


class Srsmilter(Filter, srsmilter.Srsmilter):
    template = srsmilter.CONFIGURATION.replace("to = stderr", "to = {to}")


class Spfmilter(Filter, spfmilter.Spfmilter):
    template = spfmilter.CONFIGURATION.replace("to = stderr", "to = {to}")

    def __init__(self, directory, **options):
        super().__init__(directory, world.NAMESERVER, **options)


class Site(milter_daemon.Site):
    def __init__(self):
        super().__init__()
        self.readers = []

    def reader(self, kind):
        self.readers.append(kind())
        return self.readers[-1]

    def start(self, daemon, reader, **options):
        self.daemons.append(daemon(self.path(), **options))
        return self.daemons[-1].start(reader)

    def end_case(self):
        super().end_case()
        for reader in self.readers:
            reader.close()
        self.readers = []


def numbers(reader, pattern):
    """Those in the lines that match; each line is looked at once."""
    seen, found = reader.seen.get(pattern, (0, []))
    lines = reader.lines[seen:]
    found += (int(match[1]) for match in
              (re.search(pattern, line) for line in lines) if match)
    reader.seen[pattern] = (seen + len(lines), found)
    return found


def expect_all(reader, pattern, count):
    """All lines, once each, in order, and none of another protocol."""
    tap.wait_until(lambda: len(numbers(reader, pattern)) >= count,
                   f"{count} lines", WAIT)
    tap.equal(numbers(reader, pattern), list(range(count)), "lines")
    expect_none_dropped(reader)


def expect_none_dropped(reader):
    for line in reader.lines:
        if DROPPED.search(line) or line.startswith("not of"):
            raise AssertionError(line)


# --- srsd ---

LONG = "x" * 380                # makes lines of more than 400 octets
MANY = 80_000                   # of these: more than the ring holds
SENDER = r"from=\"?(?:user|x+)(\d+)@"


def srsd_stalled(site, kind):
    reader = site.reader(kind)
    daemon = site.start(Srsd, reader)
    daemon.forward(MANY, LONG)
    said = tap.wait_until(lambda: re.fullmatch(
        r"OK srsd [\d.]+ is up, log reader stalled, (\d+) log lines dropped",
        daemon.probe()), "the probe to say so")
    dropped = int(said[1])
    reader.read()

    def told():
        return sum(numbers(reader, DROPPED.pattern))
    tap.wait_until(lambda: told() + len(numbers(reader, SENDER)) >= MANY,
                   "the lines, or how many are missing", WAIT)
    kept = list(numbers(reader, SENDER))
    tap.equal(told() + len(kept), MANY, "lines and those that were dropped")
    tap.equal(told(), dropped, "what the log and the probe say")
    tap.equal(kept, sorted(kept), "order")
    tap.wait_until(lambda: re.fullmatch(
        rf"OK srsd [\d.]+ is up, {dropped} log lines dropped", daemon.probe()),
        "the probe to have a reader again")
    before = len(kept)
    daemon.forward(1000)
    tap.wait_until(lambda: len(numbers(reader, SENDER)) >= before + 1000,
                   "lines as before")
    daemon.stop()


def srsd_ends(site, kind):
    """SIGTERM, while nobody reads."""
    daemon = site.start(Srsd, site.reader(kind))
    daemon.forward(3000)
    daemon.stop()


def srsd_delivers_at_the_end(site, kind):
    """SIGTERM at once: what the reader can take by then is written."""
    reader = site.reader(kind)
    daemon = site.start(Srsd, reader)
    reader.read()
    daemon.forward(2000)
    daemon.stop()
    expect_all(reader, SENDER, 2000)
    tap.wait_until(lambda: reader.lines[-1] == "message text=stopped",
                   "the last line")


# --- filters ---

# Sessions that the old ones of libmilter's threads are enough for.
THREADS = 40


def filter_stalled(site, kind, daemon):
    reader = site.reader(kind)
    daemon = site.start(daemon, reader)
    daemon.break_protocol(50)
    daemon.deliver(700)
    tap.wait_until(lambda: daemon.threads() < THREADS, "threads to end")
    reader.read()
    expect_all(reader, r"\bmail .*from=user(\d+)@", 700)
    tap.wait_until(lambda: sum("libmilter: " in line for line in reader.lines)
                   >= 50, "libmilter's own lines")
    daemon.stop()


def filter_ends(site, kind, daemon):
    daemon = site.start(daemon, site.reader(kind))
    daemon.break_protocol(20)
    daemon.deliver(600)
    daemon.stop()


def add_cases():
    for kind in log_readers.READERS:
        for name, function in (
                ("requests go on, what is dropped is told", srsd_stalled),
                ("SIGTERM is obeyed", srsd_ends),
                ("SIGTERM at once, with a reader: no line lost",
                 srsd_delivers_at_the_end)):
            suite.case(f"srsd, {kind.to}: {name}")(
                lambda site, f=function, k=kind: f(site, k))
        for daemon in (Srsmilter, Spfmilter):
            for name, function in (
                    ("messages go on, no thread is left", filter_stalled),
                    ("SIGTERM is obeyed", filter_ends)):
                suite.case(f"{daemon.name}, {kind.to}: {name}")(
                    lambda site, f=function, k=kind, d=daemon: f(site, k, d))


add_cases()


# --- readers that come and go ---

@suite.case("100,000 lookups at full speed, with a reader: no line lost")
def burst(site):
    reader = site.reader(log_readers.Stderr)
    daemon = site.start(Srsd, reader)
    reader.read()
    daemon.forward(100_000)
    expect_all(reader, SENDER, 100_000)
    tap.equal(re.sub(r"[\d.]+", "N", daemon.probe()), "OK srsd N is up", "probe")
    daemon.stop()


@suite.case("syslogd is started again: no line lost")
def restarted(site):
    reader = site.reader(log_readers.Syslog)
    daemon = site.start(Srsd, reader)
    tap.wait_until(lambda: reader.socket.recv(1000), "a line")
    reader.socket.close()
    reader.remove()
    daemon.forward(500)
    reader.open()
    reader.read()
    expect_all(reader, SENDER, 500)
    daemon.stop()


def in_background(daemon, errors):
    """Start it there, with standard error in a file; its process."""
    with open(errors, "ab") as file:
        subprocess.run([daemon.program, "-c", daemon.config], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=file, timeout=WAIT)
    with open(os.path.join(daemon.directory, "pid"), encoding="ascii") as file:
        return int(file.read())


def each_daemon(name):
    def register(function):
        for daemon in (Srsd, Srsmilter, Spfmilter):
            suite.case(f"{daemon.name}: {name}")(
                lambda site, d=daemon: function(site, d))
        return function
    return register


def make_background(site, daemon, to):
    made = daemon(site.path())
    site.daemons.append(made)
    made.write_config(to=to)
    with open(made.config, encoding="utf-8") as file:
        text = file.read()
    made.write("mailfrom.conf", text.replace(
        f"[{made.name}]\n",
        f"[{made.name}]\npid_file = {made.directory}/pid\n"))
    return made, os.path.join(made.directory, "stderr")


def lines_of(path):
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


@each_daemon("no syslog, no journal, in the background: it says so, and logs to "
             "stderr until there is one")
def nothing_to_log_to(site, daemon):
    for to, missing in (("syslog", "no syslog"),
                        ("journal", "no journal and no syslog")):
        made, errors = make_background(site, daemon, to)
        pid = in_background(made, errors)
        try:
            tap.wait_until(lambda: len(lines_of(errors)) >= 2, "lines", WAIT)
            tap.equal(lines_of(errors)[0],
                      f'{made.name}: warning: message text="{missing} '
                      '(/dev/log): logging to stderr"')
            reader = site.reader(log_readers.Syslog)
            reader.read()
            before = len(lines_of(errors))
            os.kill(pid, signal.SIGHUP)
            tap.wait_until(lambda: any("reloaded" in line
                                       for line in reader.lines), "syslog", WAIT)
            tap.equal(len(lines_of(errors)), before, "lines on stderr after it")
        finally:
            os.kill(pid, signal.SIGTERM)
        tap.wait_until(lambda: any("stopped" in line for line in reader.lines),
                       "the last line", WAIT)
        reader.close()


@each_daemon("to = stderr in the background: it says that nothing will be logged")
def stderr_in_the_background(site, daemon):
    made, errors = make_background(site, daemon, "stderr")
    pid = in_background(made, errors)
    os.kill(pid, signal.SIGTERM)
    tap.equal([line for line in lines_of(errors) if "with -f" in line],
              ["warning: to: stderr ([log]), but a daemon in the background has "
               "none: nothing more is logged; start it with -f, or set to = "
               "syslog"])


@suite.case("metrics: what is dropped, and what waits")
def metrics(site):
    for daemon, section in ((Srsmilter, "srsmilter"), (Spfmilter, "spfmilter")):
        port = network.free_port(socket.AF_INET, "127.0.0.1")
        more = f"metrics = inet:{port}@127.0.0.1"
        if daemon is Srsmilter:
            more += "\n" + srsmilter.MODE
        reader = site.reader(log_readers.Stderr)
        running = site.start(daemon, reader, **{section: more})
        running.deliver(400)

        def figure(name, to=port, prefix=section):
            with socket.create_connection(("127.0.0.1", to), WAIT) as s:
                s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
                answer = b"".join(iter(lambda: s.recv(65536), b"")).decode()
            return int(re.search(rf"^{prefix}_{name} (\d+)$", answer, re.M)[1])
        tap.equal(figure("log_lines_dropped_total"), 0, "dropped")
        if not figure("log_waiting_bytes") > 0:
            raise AssertionError("nothing waits for a reader that stands still")
        reader.read()
        tap.wait_until(lambda read=figure: read("log_waiting_bytes") == 0,
                       "the lines to be written")
        running.stop()


def main():
    place = world.enter([])
    del place
    world.run("mount", "-t", "tmpfs", "none", "/run")
    return Site().run(suite)


if __name__ == "__main__":
    sys.exit(main())

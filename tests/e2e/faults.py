# SPDX-License-Identifier: ISC
"""
Rows of the table of faults: what becomes of mail while something that a daemon
needs fails, for whichever daemons and MTA.

A site has: daemons, a list; signer, the one with the secrets, own_secret() and
signed(address); peer, a domain of senders; start_mta(), kill_mta(), revive_mta();
new_messages(count); settled(): waits until nothing is on its way.  A message is a
Message with try_once() and faults(seconds_allowed): what is wrong in the end, as
pairs of column and text.  FAULT_SEED repeats the random choices of a run; each
fault meets FAULT_SCALE times as many messages.
"""

import collections
import concurrent.futures
import contextlib
import fcntl
import os
import re
import resource
import secrets
import signal
import smtplib
import socket
import subprocess
import threading

import places
import smtp
import srsd
import tap
import world

CLIENT = world.FAR_CLIENT
SEED = int(os.environ.get("FAULT_SEED", secrets.randbits(32)))
SCALE = int(os.environ.get("FAULT_SCALE", "1"))
COUNT = 12
SESSIONS = 6

# What clients may be told: nothing unusual; or to try again, as well; or that alone.
USUAL = (250, 550)
EITHER = (*USUAL, 421, 451, "cut")
LATER = (421, 451, 550, "cut")

class Message:
    """One from a sender of its own; copies: how many arrived."""

    numbers = iter(range(1 << 30))
    wanted, right = True, 250

    def __init__(self, site, domain):
        number = next(self.numbers)
        self.site, self.token = site, site.new_token()
        self.user, self.domain = f"bob{number}", f"m{number}.{domain}"
        self.sender = f"{self.user}@{self.domain}"
        self.answer = None              # of the last try: a code, or "cut"
        self.cut = False                # RFC 1047: it may be there twice
        self.copies = 0

    @property
    def settled(self):
        return self.answer in (250, 550)

    def attempt(self, host, *recipients):
        try:
            with smtp.Session(host, CLIENT) as session:
                reply = session.send(self.sender, recipients, self.token)
            last = reply.data or (reply.rcpt or [reply.mail])[-1]
            self.answer = last[0]
        except smtplib.SMTPResponseException as error:
            self.answer = error.smtp_code
        except (OSError, smtplib.SMTPException):
            self.answer, self.cut = "cut", True
        return self.answer

    def is_rewritten(self, sender, domain):
        return re.fullmatch(
            rf"SRS0=[^=]+=[A-Z2-7]{{2}}={re.escape(self.domain)}="
            rf"{self.user}@{re.escape(domain)}", sender)

    def count(self, copies, seconds_allowed):
        """What is wrong with their number, as pairs of column and text."""
        self.copies = copies
        if not self.wanted and copies:
            yield "unchecked", f"{self.sender} was let through"
        if self.wanted and not copies:
            yield "lost", f"{self.sender} didn't arrive"
        if copies > 1 and not (seconds_allowed and self.cut):
            yield "doubled", f"{self.sender} arrived {copies} times"


class Row:
    """A fault's line of the table."""

    def __init__(self, site, name, count=None, seconds_allowed=False):
        self.site, self.name = site, name
        self.seconds_allowed = seconds_allowed
        self.messages = site.new_messages((count or COUNT) * SCALE)
        self.said = collections.Counter()
        self.answered = threading.Semaphore(0)
        self.problems, self.tally = [], collections.Counter()

    def send(self, messages=None):
        """Each that isn't settled is tried once, several at a time."""
        waiting = [m for m in messages or self.messages if not m.settled]
        with concurrent.futures.ThreadPoolExecutor(SESSIONS) as pool:
            for answer in pool.map(self.attempt, waiting):
                self.said[answer] += 1

    def attempt(self, message):
        answer = message.try_once()
        self.answered.release()
        return answer

    def insist(self):
        """Send until all are settled; the number of rounds."""
        rounds = 0

        def settled():
            nonlocal rounds
            rounds += 1
            self.send()
            return all(m.settled for m in self.messages)
        tap.wait_until(settled, "service to resume: " + str(
            [(m.sender, m.answer) for m in self.messages if not m.settled]),
            20 * SCALE + 20)
        return rounds

    def end(self, rounds, expected):
        self.site.settled()
        for message in self.messages:
            for column, text in message.faults(self.seconds_allowed):
                self.tally[column] += 1
                self.problems.append(text)
            self.tally["twice"] += message.copies > 1
            if message.answer != message.right:
                self.problems.append(f"{message.sender}: {message.answer}")
        for each in self.site.daemons:
            if each.process.poll() is not None:
                self.problems.append(f"{each.name} has ended")
        if expected is not None and not set(self.during) <= set(expected):
            self.problems.append(f"answers {self.during}, not {expected}")
        self.tell(rounds)

    def tell(self, rounds):
        said = ", ".join(f"{n} x {code}" for code, n in
                         sorted(self.during.items(), key=str))
        tap.diagnose(
            f"| {self.name} | {said or 'nothing'} | lost {self.tally['lost']} "
            f"| doubled {self.tally['twice']} | unchecked "
            f"{self.tally['unchecked']} | mangled {self.tally['mangled']} "
            f"| resumed in {rounds} |")


class Table(tap.Suite):
    """Cases of which each prints its row."""

    def fault(self, name, expected=None, **options):
        """
        @table.fault(name) a context manager of the site: within it that fails.
        expected: what clients may be told then.
        """
        def register(function):
            manager = contextlib.contextmanager(function)

            @self.case(name)
            def run(site):
                row = Row(site, name, **options)
                with manager(site):
                    row.send()
                    row.during = row.said.copy()
                row.end(row.insist(), expected)
                return row.problems
            return run
        return register

    def file_case(self, name, path_of, expected):
        """The file at path_of(site) is damaged in each way, and mail goes on."""
        @self.case(f"{name}: truncated, garbage, removed, without SIGHUP and with")
        def run(site):
            for what, change in CHANGES.items():
                for way, after in ("no SIGHUP", lambda site: None), \
                        ("SIGHUP", hang_up):
                    row = Row(site, f"{name} {what}, {way}", count=3)
                    with replaced(path_of(site), change, lambda: after(site)):
                        row.send()
                        row.during = row.said.copy()
                    row.end(row.insist(), expected)
                    yield from row.problems


# --- what the kernel gives ---

def set_limit(pid, kind, soft):
    """As the daemons' user: root may lack CAP_SYS_RESOURCE, in a container."""
    option = {resource.RLIMIT_NOFILE: "nofile", resource.RLIMIT_NPROC: "nproc",
              resource.RLIMIT_AS: "as"}[kind]
    subprocess.run(["prlimit", f"--pid={pid}", f"--{option}={soft}:"],
                   check=True, user=8924, group=8924, extra_groups=[],
                   timeout=30)


def hard_limit(pid, kind):
    """From /proc, for which nothing is needed."""
    name = {resource.RLIMIT_NOFILE: "Max open files",
            resource.RLIMIT_NPROC: "Max processes",
            resource.RLIMIT_AS: "Max address space"}[kind]
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        word = re.search(rf"{name}\s+\S+\s+(\S+)", file.read())[1]
    return word


@contextlib.contextmanager
def limited(site, kind, value, sessions=0):
    """
    All daemons have a limit, from value(pid); as many sessions that last use
    some of it up.
    """
    pids = [each.process.pid for each in site.daemons]
    held = []
    try:
        for pid in pids:
            set_limit(pid, kind, value(pid))
        for _ in range(sessions):
            with contextlib.suppress(OSError, smtplib.SMTPException):
                held.append(smtp.Session(site.host, CLIENT))
        yield
    finally:
        for pid in pids:
            set_limit(pid, kind, hard_limit(pid, kind))
        for session in held:
            session.smtp.close()


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def address_space(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return 1024 * int(re.search(r"VmSize:\s+(\d+)", file.read())[1])


@contextlib.contextmanager
def full_disk(site):
    ballast = [os.path.join(each.directory, "ballast") for each in site.daemons]
    for path in ballast:
        with open(path, "wb", buffering=0) as file, \
                contextlib.suppress(OSError):
            while file.write(bytes(512)):
                pass
    try:
        yield
    finally:
        for path in ballast:
            os.unlink(path)


# --- files replaced ---

@contextlib.contextmanager
def replaced(path, change, after=lambda: None):
    """The file is another, by change(path); then it is what it was."""
    with open(path, "rb") as file:
        content = file.read()
    status = os.stat(path)
    try:
        change(path)
        after()
        yield
    finally:
        with open(path + ".old", "wb") as file:
            file.write(content)
        os.chown(path + ".old", status.st_uid, status.st_gid)
        os.chmod(path + ".old", status.st_mode & 0o777)
        os.rename(path + ".old", path)
        after()


def truncate(path):
    os.truncate(path, 0)


def write_garbage(path):
    with open(path, "wb") as file:
        file.write(b"\x00\xff[[[=\n" * 50)


def rename_garbage(path):
    status = os.stat(path)
    write_garbage(path + ".new")
    os.chown(path + ".new", status.st_uid, status.st_gid)
    os.chmod(path + ".new", status.st_mode & 0o777)
    os.rename(path + ".new", path)


CHANGES = {"truncated": truncate, "overwritten with garbage": write_garbage,
           "renamed garbage": rename_garbage, "removed": os.unlink}


def hang_up(site):
    """SIGHUP to all, and until all have said what came of it."""
    before = [len(each.log()) for each in site.daemons]
    for each in site.daemons:
        each.process.send_signal(signal.SIGHUP)
    for each, lines in zip(site.daemons, before):
        each.wait_for_log("reloaded|keeping the old|not reloaded|reload", lines)


# --- the log's reader ---

@contextlib.contextmanager
def stuck_reader(site):
    """The daemons log into pipes that are full, and nobody reads."""
    ends = []
    try:
        for each in site.daemons:
            reading, writing = os.pipe()
            ends += reading, writing
            fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
            os.set_blocking(writing, False)
            with contextlib.suppress(BlockingIOError):
                while os.write(writing, b"x" * 512):
                    pass
            os.set_blocking(writing, True)
            each.stop()
            each.launch(stderr=writing)
            wait_until_up(each)
        yield
    finally:
        for each in site.daemons:
            each.stop()
            each.start()
        for end in ends:
            os.close(end)


def wait_until_up(daemon):
    """For one that can't say so, as its log isn't read."""
    tap.wait_until(lambda: srsd.listens(daemon.port), f"{daemon.name} to listen")


# --- killed ---

def killed_under_load(site, row, kill, times=4):
    """kill() at random moments while messages are tried until all are settled."""
    rounds = 0
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        load = pool.submit(row.insist)
        for _ in range(times):
            for _ in range(site.random.randint(1, 5)):
                if load.done() or not row.answered.acquire(timeout=60):
                    break
            threading.Event().wait(site.random.random() * 0.02)
            kill()
        rounds = load.result()
    row.during = row.said.copy()
    row.end(rounds, EITHER)
    return row.problems


# --- peers ---

@contextlib.contextmanager
def connected(address, count, *data, half=False):
    """So many connections that have sent each of data, and nothing further."""
    clients = []
    try:
        for _ in range(count):
            client = socket.create_connection(address, 10)
            clients.append(client)
            with contextlib.suppress(OSError):
                for piece in data:
                    client.sendall(piece)
                if half:
                    client.shutdown(socket.SHUT_WR)
        yield
    finally:
        for client in clients:
            client.close()


# --- the clock ---

def faked(site, path):
    """The environment in which srsmilter reads its clock from that file."""
    library = site.place.path("peers", "postsrsd", "usr/lib", os.uname().machine
                              + "-linux-gnu", "faketime", "libfaketimeMT.so.1")
    if not os.path.exists(library):
        raise tap.Skip("no libfaketime")
    if places.is_sanitized(places.program("srsd")):
        raise tap.Skip("libfaketime isn't for programs with a sanitizer")
    return {**os.environ, "LD_PRELOAD": library, "FAKETIME_NO_CACHE": "1",
            "FAKETIME_TIMESTAMP_FILE": path, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def step_clock(path, days):
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(f"{days:+d}d\n")
    os.rename(path + ".new", path)


# --- what any daemon has to survive ---

def add_common_cases(table, usual, without_descriptors=LATER):
    """
    usual: what clients may be told under a fault that they mustn't notice.
    """
    @table.fault("descriptors: room for two more", EITHER, count=6)
    def few_descriptors(site):
        with limited(site, resource.RLIMIT_NOFILE,
                     lambda pid: descriptors(pid) + 2, sessions=2):
            yield

    @table.fault("descriptors: none left", without_descriptors, count=6)
    def no_descriptors(site):
        with limited(site, resource.RLIMIT_NOFILE, descriptors):
            yield

    @table.fault("threads: none may be started", EITHER, count=6)
    def no_threads(site):
        with limited(site, resource.RLIMIT_NPROC, lambda pid: 1):
            yield

    @table.fault("log reader stuck", usual)
    def log_reader_stuck(site):
        with stuck_reader(site):
            yield

    @table.fault("memory: no more address space", EITHER, count=6)
    def no_memory(site):
        if places.is_sanitized(places.program("srsd")):
            raise tap.Skip("a sanitizer can't do without memory")
        with limited(site, resource.RLIMIT_AS, address_space, sessions=2):
            yield

    @table.fault("disk full: log, pid file", usual)
    def disk_full(site):
        with full_disk(site):
            yield

    @table.fault("disk full, and SIGHUP", usual)
    def disk_full_reload(site):
        with full_disk(site):
            for each in site.daemons:
                each.process.send_signal(signal.SIGHUP)
            yield

    @table.fault("disk full, daemons killed and started", usual)
    def disk_full_restart(site):
        with full_disk(site):
            for each in site.daemons:
                each.kill()
                each.launch()
                wait_until_up(each)
            yield

    @table.case("secrets rotated under load: bounces of the old secret still arrive")
    def rotated(site):
        old = site.signed(f"ann@old.{site.peer}")
        row = Row(site, "secret rotated, old one kept")
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            load = pool.submit(row.send)
            row.answered.acquire(timeout=60)
            with open(site.signer.secret_path, encoding="utf-8") as file:
                secret = file.read()
            site.signer.write_secrets("a new secret of the tests", secret.strip())
            site.own_secret()
            hang_up(site)
            load.result()
        row.during = row.said.copy()
        tap.equal(site.bounce(old), f"ann@old.{site.peer}",
                  "a bounce of before")
        row.end(row.insist(), usual)
        return row.problems

    @table.case("daemons killed at random moments under load, and started again")
    def daemons_killed(site):
        tap.diagnose(f"FAULT_SEED={SEED}")

        def kill():
            victim = site.random.choice(site.daemons)
            victim.kill()
            victim.start()
        return killed_under_load(site, Row(site, "daemons killed", 3 * COUNT), kill)

    @table.case("MTA killed at random moments under load, and started again")
    def mta_killed(site):
        def kill():
            site.kill_mta()
            site.revive_mta()
        return killed_under_load(
            site, Row(site, "MTA killed", 2 * COUNT, seconds_allowed=True), kill, 2)

    @table.case("clock stepped by days both ways: bounces of 21 days verify, later none")
    def clock(site):
        path = site.place.path("run", "clock")
        step_clock(path, 0)
        site.signer.stop()
        site.signer.start(env=faked(site, path))
        sender = f"ann@clock.{site.peer}"
        stamped = site.signed(sender)
        try:
            for days in 1, 20, -1, 400, 0, 22, 1:
                row = Row(site, f"clock {days:+d} days", count=3)
                step_clock(path, days)
                row.send()
                row.during = row.said.copy()
                row.end(row.insist(), usual)
                yield from row.problems
                if days in (0, 1, 20):
                    tap.equal(site.bounce(stamped), sender,
                              f"a bounce after {days} days")
                elif days > 21:
                    site.expect_refusal((550,), "", stamped)
        finally:
            site.signer.stop()
            site.signer.start()

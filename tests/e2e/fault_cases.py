# SPDX-License-Identifier: ISC
"""
What becomes of mail while something that the filters need fails, for whichever
MTA.  spfmilter and srsmilter are both in it, and nsd is behind a name server
that can lie.

Each fault meets messages of three kinds: the sender's record lets them pass, it
doesn't, or the access file rejects them.  Under every fault a client may be told
4xx or lose the session, and tries again; but those of the first kind have to
arrive, once and with the sender rewritten, and no other ever.  Each case
prints its line of the table: what clients were told, how often, what was lost,
doubled or let through, and how many tries it took when the fault was over.

A site has: start_mta(), kill_mta(), revive_mta(); settled(): waits until nothing
is on its way; mailbox(token), and what start_filters() gives it.
FAULT_SEED repeats the random choices of a run; each fault meets FAULT_SCALE
times as many messages.
"""

import collections
import concurrent.futures
import contextlib
import os
import random
import re
import resource
import secrets
import signal
import smtplib
import socket
import subprocess
import threading

import dns
import exchange
import nameserver
import places
import servers
import smtp
import srsd
import tap
import world
from spfmilter import Spfmilter
from srsmilter import Srsmilter

PEERS = ["nsd", "postsrsd"]             # postsrsd's row has libfaketime
CLIENT = world.FAR_CLIENT
RCPT = "local@fwd.test"
SRS_DOMAIN = "virt.fwd.test"
SPF_PORT, SRS_PORT = 10006, 10007
KINDS = "pass", "fail", "barred"
ZONE = """\
*.pass.test. TXT "v=spf1 ip4:192.0.2.0/24 -all"
*.fail.test. TXT "v=spf1 ip4:198.51.100.1 -all"
*.barred.test. TXT "v=spf1 ip4:192.0.2.0/24 -all"
"""
ACCESS = "spf-pass:.barred.test\tREJECT\n"
# Little patience, and no answer from before the fault.
SPF = "timeout = 1\ncache_size = 0"
SEED = int(os.environ.get("FAULT_SEED", secrets.randbits(32)))
SCALE = int(os.environ.get("FAULT_SCALE", "1"))
COUNT = 12
SESSIONS = 6

# MTAs look the domains of senders up by themselves.
world.WILDCARDS.update(f"{kind}.test" for kind in KINDS)

suite = tap.Suite()


# --- the site ---

class Site(exchange.Exchange):
    def __init__(self, place):
        super().__init__()
        self.place = place
        self.random = random.Random(SEED)
        self.dns = nameserver.zone_server(ZONE, servfail=["failing.test"])
        self.disks, directories = {}, {}
        for name in "spfmilter", "srsmilter":
            directories[name] = place.make_dir("run", name)
            world.run("mount", "-t", "tmpfs", "-o",
                      "size=1m,uid=8924,gid=8924,mode=755", "none",
                      directories[name])
        self.spfmilter = Spfmilter(
            directories["spfmilter"], self.dns.name, ACCESS, spf=SPF,
            spfmilter=f"pid_file = {directories['spfmilter']}/pid",
            user="mailfrom", listen=f"inet:{SPF_PORT}@127.0.0.1")
        self.srsmilter = Srsmilter(
            directories["srsmilter"], "rewrite = all\n"
            f"pid_file = {directories['srsmilter']}/pid", fwdomain=SRS_DOMAIN,
            user="mailfrom", listen=f"inet:{SRS_PORT}@127.0.0.1")
        self.filters = [self.spfmilter, self.srsmilter]
        self.own_secret()
        self.start_filters()
        self.start_mta()

    def own_secret(self):
        os.chown(self.srsmilter.secret_path, 8924, 8924)

    def start_filters(self):
        for each in self.filters:
            each.start()

    def evidence(self):
        return self.place.recent_log() + [
            line for each in self.filters
            for line in (f"{each.name}:", each.log_tail())]


# --- messages ---

class Message:
    numbers = iter(range(1 << 30))

    def __init__(self, token, kind):
        number = next(self.numbers)
        self.token, self.kind = token, kind
        self.user, self.domain = f"bob{number}", f"m{number}.{kind}.test"
        self.tries = self.taken = 0
        self.answer = None              # of the last try: a code, or "cut"
        self.cut = False                # RFC 1047: it may be there twice

    @property
    def wanted(self):
        return self.kind == "pass"

    @property
    def settled(self):
        return self.answer in (250, 550)

    def attempt(self, host):
        self.tries += 1
        try:
            with smtp.Session(host, CLIENT) as session:
                reply = session.send(f"{self.user}@{self.domain}", [RCPT],
                                     self.token)
            last = reply.data or (reply.rcpt or [reply.mail])[-1]
            self.answer = last[0]
        except smtplib.SMTPResponseException as error:
            self.answer = error.smtp_code
        except (OSError, smtplib.SMTPException):
            self.answer, self.cut = "cut", True
        self.taken += self.answer == 250
        return self.answer

    def faults(self, copies, seconds_allowed):
        """What is wrong with it in the end, as pairs of column and text."""
        name = f"{self.user}@{self.domain}"
        if not self.wanted and copies:
            yield "unchecked", f"{name} was let through"
        if self.wanted and not copies:
            yield "lost", f"{name} didn't arrive"
        if len(copies) > 1 and not (seconds_allowed and self.cut):
            yield "doubled", f"{name} arrived {len(copies)} times"
        for text in copies if self.wanted else []:
            path = re.match(r"(?:Envelope-From|Return-Path): <?([^>\n]*)", text)
            if not path or not re.fullmatch(
                    rf"SRS0=[^=]+=[A-Z2-7]{{2}}={re.escape(self.domain)}="
                    rf"{self.user}@{re.escape(SRS_DOMAIN)}", path[1]):
                yield "mangled", f"{name} is now {path and path[1]}"


class Row:
    """A fault's line of the table."""

    def __init__(self, site, name, count=None, seconds_allowed=False):
        self.site, self.name = site, name
        self.seconds_allowed = seconds_allowed
        self.messages = [Message(site.new_token(), KINDS[n % 3])
                         for n in range((count or COUNT) * SCALE)]
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
        answer = message.attempt(self.site.host)
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
            [(m.domain, m.answer) for m in self.messages if not m.settled]),
            20 * SCALE + 20)
        return rounds

    def end(self, rounds, expected):
        self.site.settled()
        for message in self.messages:
            copies = self.site.mailbox(message.token)
            for column, text in message.faults(copies, self.seconds_allowed):
                self.tally[column] += 1
                self.problems.append(text)
            self.tally["twice"] += len(copies) > 1
            right = 250 if message.wanted else 550
            if message.answer != right:
                self.problems.append(f"{message.domain}: {message.answer}")
        for each in self.site.filters:
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


def fault(name, expected=None, **options):
    """
    @fault(name) a context manager of the site: within it that fails.  expected:
    what clients may be told then.
    """
    def register(function):
        manager = contextlib.contextmanager(function)

        @suite.case(name)
        def run(site):
            row = Row(site, name, **options)
            with manager(site):
                row.send()
                row.during = row.said.copy()
            row.end(row.insist(), expected)
            return row.problems
        return run
    return register


LATER = (421, 451, 550, "cut")          # never 250
USUAL = (250, 550)
EITHER = (*USUAL, 421, 451, "cut")


# --- DNS ---

@contextlib.contextmanager
def answering(site, answer):
    front, before = site.dns.front, site.dns.front.answer
    front.answer = answer
    try:
        yield
    finally:
        front.answer = before


@fault("DNS stopped: its port is closed", (451,))
def dns_stopped(site):
    site.dns.front.stop()
    yield

    def start():
        with contextlib.suppress(OSError):
            return servers.Server(site.dns.answer, site.dns.backend_port,
                                  port=site.dns.port)
    # A query of somebody's may have this for its source port.
    site.dns.front = tap.wait_until(start, "the port of DNS")


@fault("DNS silent: nsd stands still", (451,))
def dns_silent(site):
    site.dns.freeze()
    yield
    site.dns.thaw()


@fault("DNS slow: 0.2 s an answer", USUAL)
def dns_slow(site):
    site.dns.front.delay = 0.2
    yield
    site.dns.front.delay = 0.0


@fault("DNS too slow: 3 s an answer", (451,))
def dns_too_slow(site):
    site.dns.front.delay = 3.0
    yield
    site.dns.front.delay = 0.0


def everything(question):
    """That any host may send, as a reply."""
    return dns.reply(question, [dns.rr(question.name, question.type,
                                       dns.txt("v=spf1 +all"))])


def wrong_id(question, reply):
    del question
    return bytes([reply[0] ^ 0x55, reply[1]]) + reply[2:]


def wrong_name(question, reply):
    return reply.replace(question.section,
                         dns.name("other.pass.test") + question.section[-4:])


def wrong_type(question, reply):
    return reply.replace(question.section, question.section[:-4] + b"\0\x01\0\x01")


def a_query(question, reply):
    del question
    return reply[:2] + bytes([reply[2] & 0x7f]) + reply[3:]


LIES = {
    "wrong ids": wrong_id,
    "answers to another name": wrong_name,
    "answers to another type": wrong_type,
    "queries for answers": a_query,
    "cut answers": lambda question, reply: reply[:len(reply) - 5],
    "garbage": lambda question, reply:
        question.id + bytes(range(60, 160)) * 3,
    "SERVFAIL": lambda question, reply: dns.reply(question, rcode=dns.SERVFAIL),
    "REFUSED": lambda question, reply: dns.reply(question, rcode=dns.REFUSED),
    "FORMERR": lambda question, reply: dns.reply(question, rcode=dns.FORMERR),
}
for lie, change in LIES.items():
    @fault(f"DNS lies: {lie}", (451,), count=6)
    def dns_lies(site, change=change):
        with answering(site, lambda question, tcp: [
                change(question, everything(question))]):
            yield


# --- what the kernel gives ---

def set_limit(pid, kind, soft):
    """As the filters' user: root may lack CAP_SYS_RESOURCE, in a container."""
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
    Both filters have a limit, from value(pid); as many sessions that last use
    some of it up.
    """
    pids = [each.process.pid for each in site.filters]
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


@fault("descriptors: room for two more", EITHER, count=6)
def few_descriptors(site):
    with limited(site, resource.RLIMIT_NOFILE,
                 lambda pid: descriptors(pid) + 2, sessions=2):
        yield


@fault("descriptors: none left", LATER, count=6)
def no_descriptors(site):
    with limited(site, resource.RLIMIT_NOFILE, descriptors):
        yield


@fault("threads: none may be started", EITHER, count=6)
def no_threads(site):
    with limited(site, resource.RLIMIT_NPROC, lambda pid: 1):
        yield


@fault("memory: 1 MB more of address space", EITHER, count=6)
def little_memory(site):
    with limited(site, resource.RLIMIT_AS,
                 lambda pid: address_space(pid) + (1 << 20)):
        yield


@contextlib.contextmanager
def full_disk(site):
    ballast = [os.path.join(each.directory, "ballast") for each in site.filters]
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


@fault("disk full: log, pid file and lists", USUAL)
def disk_full(site):
    with full_disk(site):
        yield


@fault("disk full, and SIGHUP", USUAL)
def disk_full_reload(site):
    with full_disk(site):
        for each in site.filters:
            each.process.send_signal(signal.SIGHUP)
        yield


@fault("disk full, filters killed and started", USUAL)
def disk_full_restart(site):
    with full_disk(site):
        for each, port in zip(site.filters, (SPF_PORT, SRS_PORT)):
            each.kill()
            each.launch()
            tap.wait_until(lambda: srsd.listens(port), f"{each.name} to listen")
        yield


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


FILES = {
    "mailfrom.conf of spfmilter": lambda site: site.spfmilter.config,
    "mailfrom.conf of srsmilter": lambda site: site.srsmilter.config,
    "the secrets": lambda site: site.srsmilter.secret_path,
}
CHANGES = {"truncated": truncate, "overwritten with garbage": write_garbage,
           "renamed garbage": rename_garbage, "removed": os.unlink}


def hang_up(site):
    """SIGHUP to both, and until both have said what came of it."""
    before = [len(each.log()) for each in site.filters]
    for each in site.filters:
        each.process.send_signal(signal.SIGHUP)
    for each, lines in zip(site.filters, before):
        each.wait_for_log("reloaded|keeping the old|not reloaded|reload", lines)


def file_case(name, path_of):
    @suite.case(f"{name}: truncated, garbage, removed, without SIGHUP and with")
    def run(site):
        for what, change in CHANGES.items():
            for way, after in ("no SIGHUP", lambda site: None), \
                    ("SIGHUP", hang_up):
                row = Row(site, f"{name} {what}, {way}", count=3)
                with replaced(path_of(site), change, lambda: after(site)):
                    row.send()
                    row.during = row.said.copy()
                row.end(row.insist(), USUAL)
                yield from row.problems


@suite.case("the access file: garbage and removed, with SIGHUP: the old one stays")
def access_file(site):
    for change in write_garbage, rename_garbage, os.unlink:
        row = Row(site, f"access file: {change.__name__}, SIGHUP", count=3)
        with replaced(site.spfmilter.access_path, change, lambda: hang_up(site)):
            row.send()
            row.during = row.said.copy()
        row.end(row.insist(), USUAL)
        yield from row.problems


for each_name, each_path in FILES.items():
    file_case(each_name, each_path)


@suite.case("secrets rotated under load: bounces of the old secret still arrive")
def rotated(site):
    old = site.srsmilter.encode("ann@old.pass.test", SRS_DOMAIN)
    row = Row(site, "secret rotated, old one kept")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        load = pool.submit(row.send)
        row.answered.acquire(timeout=60)
        with open(site.srsmilter.secret_path, encoding="utf-8") as file:
            secret = file.read()
        site.srsmilter.write_secrets("a new secret of the tests", secret.strip())
        site.own_secret()
        hang_up(site)
        load.result()
    row.during = row.said.copy()
    tap.equal(site.bounce(old), "ann@old.pass.test", "a bounce of before")
    row.end(row.insist(), USUAL)
    return row.problems


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


@suite.case("filters killed at random moments under load, and started again")
def filters_killed(site):
    tap.diagnose(f"FAULT_SEED={SEED}")

    def kill():
        victim = site.random.choice(site.filters)
        victim.kill()
        victim.start()
    return killed_under_load(site, Row(site, "filters killed", 3 * COUNT), kill)


@suite.case("MTA killed at random moments under load, and started again")
def mta_killed(site):
    def kill():
        site.kill_mta()
        site.revive_mta()
    return killed_under_load(
        site, Row(site, "MTA killed", 2 * COUNT, seconds_allowed=True), kill, 2)


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


PARTS = {"before the first packet": b"", "within a packet's length": b"\0\0",
         "within a packet": b"\0\0\0\x0dO\0\0", "after an absurd length": b"\xff" * 4,
         "after garbage": b"\r\n\r\nHELO x\r\n" * 500}
for part, octets in PARTS.items():
    for half in False, True:
        way = "half-close" if half else "stall"

        @fault(f"200 milter peers {way} {part}", EITHER, count=3)
        def milter_peers(site, octets=octets, half=half):
            with connected(("127.0.0.1", SPF_PORT), 100, octets, half=half), \
                    connected(("127.0.0.1", SRS_PORT), 100, octets, half=half):
                yield


SMTP_PARTS = {
    "before EHLO": b"",
    "within MAIL": b"EHLO pass.test\r\nMAIL FROM:<bob@stall.pa",
    "within a message": b"EHLO pass.test\r\nMAIL FROM:<bob@stall.pass.test>\r\n"
                        b"RCPT TO:<local@fwd.test>\r\nDATA\r\nSubject: x\r\n",
}
for part, octets in SMTP_PARTS.items():
    for half in False, True:
        way = "half-close" if half else "stall"

        @fault(f"10 SMTP clients {way} {part}", USUAL, count=3)
        def smtp_clients(site, octets=octets, half=half):
            with connected((site.host, 25), 10, octets, half=half):
                yield


@fault("milter peers flood: connections that come and go", EITHER)
def flood(site):
    over = threading.Event()

    def knock(port):
        while not over.is_set():
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", port), 10).close()
    threads = [threading.Thread(target=knock, args=(port,), daemon=True)
               for port in (SPF_PORT, SRS_PORT)]
    for thread in threads:
        thread.start()
    yield
    over.set()
    for thread in threads:
        thread.join()


# --- the helper of libspf2 ---

def helper_of(site):
    def find():
        for pid in nameserver.process_tree(site.spfmilter.process.pid)[1:]:
            with contextlib.suppress(OSError), \
                    open(f"/proc/{pid}/cmdline", "rb") as file:
                if b"spf-libspf2" in file.read():
                    return pid
        return None
    return tap.wait_until(find, "a helper")


@contextlib.contextmanager
def by_libspf2(site):
    if not os.path.exists(places.program("spf-libspf2")):
        raise tap.Skip("built without libspf2")
    with open(places.program("spf-libspf2"), "rb") as source, \
            open(site.place.path("run", "spf-libspf2"), "wb") as target:
        target.write(source.read())
    helper = site.place.path("run", "spf-libspf2")
    os.chmod(helper, 0o755)
    site.spfmilter.reload(spf=f"{SPF}\nengine = libspf2\nhelper = {helper}")
    try:
        yield
    finally:
        site.spfmilter.reload(spf=SPF)


@fault("libspf2's helper stands still", EITHER, count=6)
def helper_stopped(site):
    with by_libspf2(site):
        Row(site, "warm", 3).insist()
        os.kill(helper_of(site), signal.SIGSTOP)
        yield


@fault("libspf2's helper is killed", EITHER, count=6)
def helper_killed(site):
    with by_libspf2(site):
        Row(site, "warm", 3).insist()
        os.kill(helper_of(site), signal.SIGKILL)
        yield


# --- the clock ---

def faked(site, path):
    """The environment in which srsmilter reads its clock from that file."""
    library = site.place.path("peers", "postsrsd", "usr/lib", os.uname().machine
                              + "-linux-gnu", "faketime", "libfaketimeMT.so.1")
    if not os.path.exists(library):
        raise tap.Skip("no libfaketime")
    return {**os.environ, "LD_PRELOAD": library, "FAKETIME_NO_CACHE": "1",
            "FAKETIME_TIMESTAMP_FILE": path, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def step_clock(path, days):
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(f"{days:+d}d\n")
    os.rename(path + ".new", path)


@suite.case("clock stepped by days both ways: bounces of 21 days verify, later none")
def clock(site):
    path = site.place.path("run", "clock")
    step_clock(path, 0)
    site.srsmilter.stop()
    site.srsmilter.start(env=faked(site, path))
    stamped = site.srsmilter.encode("ann@clock.pass.test", SRS_DOMAIN)
    try:
        for days in 1, 20, -1, 400, 0, 22, 1:
            row = Row(site, f"clock {days:+d} days", count=3)
            step_clock(path, days)
            row.send()
            row.during = row.said.copy()
            row.end(row.insist(), USUAL)
            yield from row.problems
            if days in (0, 1, 20):
                tap.equal(site.bounce(stamped), "ann@clock.pass.test",
                          f"a bounce after {days} days")
            elif days > 21:
                site.expect_refusal((550,), "", stamped)
    finally:
        site.srsmilter.stop()
        site.srsmilter.start()


def main(site_of, peers):
    place = world.enter([*peers, *PEERS])
    site = site_of(place)
    tap.diagnose("| fault | clients were told | lost | doubled | unchecked | "
                 "mangled | rounds |")
    return suite.run(site, site.evidence)

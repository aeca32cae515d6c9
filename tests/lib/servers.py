"""Name servers for the tests: nsd, and one that delays, lies, is silent."""

import collections
import glob
import heapq
import itertools
import os
import secrets
import selectors
import shutil
import socket
import struct
import subprocess
import tempfile
import threading
import time

import dns
import network
import places
import tap

HOST = "127.0.0.1"
DRIVER = places.program("tests/resolver/driver")


class Nsd:
    """Debian's nsd on a loopback port, serving zones: {name: text}."""

    def __init__(self, program, zones):
        self.program = program
        self.directory = tempfile.mkdtemp(prefix="mailfrom-nsd.")
        self.log = os.path.join(self.directory, "log")
        for zone, text in zones.items():
            self.write(f"{zone}.zone", text)
        for _ in range(10):
            self.port = network.free_port()
            self.process = self.start(zones)
            if self.is_up():
                return
        raise AssertionError("nsd doesn't start:\n" + self.evidence())

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="latin-1") as file:
            file.write(text)
        return path

    def start(self, zones):
        self.identity = secrets.token_hex(8)
        if os.path.exists(self.log):
            os.unlink(self.log)     # what an earlier start complained of
        conf = self.write("nsd.conf", f"""\
server:
    ip-address: {HOST}
    port: {self.port}
    identity: "{self.identity}"
    username: ""
    zonesdir: "{self.directory}"
    database: ""
    pidfile: "{self.directory}/pid"
    xfrdfile: "{self.directory}/xfrd"
    xfrdir: "{self.directory}"
    zonelistfile: "{self.directory}/zones"
    logfile: "{self.log}"
    server-count: 1
    rrl-ratelimit: 0
    ipv4-edns-size: 4096
remote-control:
    control-enable: no
""" + "".join(f'zone:\n    name: "{zone}"\n    zonefile: "{zone}.zone"\n'
              for zone in zones))
        return subprocess.Popen(
            [*self.program, "-d", "-c", conf], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def is_up(self):
        """Wait until it, and no other, answers, or until it is gone."""
        query = dns.query("id.server", dns.TXT, dns.CHAOS)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.1)
            sock.connect((HOST, self.port))
            for _ in range(200):
                if self.process.poll() is not None:
                    return False
                try:
                    sock.send(query)
                    if self.identity.encode() in sock.recv(512):
                        return True
                except OSError:
                    pass
                time.sleep(0.02)
        self.process.kill()
        self.process.wait()
        return False

    def stop(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        shutil.rmtree(self.directory, ignore_errors=True)

    def evidence(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                return log.read()[-2000:]
        except OSError:
            return "no log"


def find_nsd():
    """
    The command, as a list: of the system, or unpacked beside the tests (as a
    package it would become a service).  None, and why, if it can't be had.
    """
    installed = shutil.which("nsd", path="/usr/sbin:/usr/local/sbin:" +
                             os.environ.get("PATH", ""))
    if installed:
        return [installed], None
    reason = places.fetch("nsd")
    if reason:
        return None, reason
    libraries = glob.glob(places.peer("nsd", "usr/lib/*-linux-*"))
    return ["env", "LD_LIBRARY_PATH=" + ":".join(libraries),
            places.peer("nsd", "usr/sbin/nsd")], None


class Server:
    """
    A name server by UDP and TCP, in threads of its own.

    answer(question, tcp) says what becomes of a query: None, it is forwarded to
    the port upstream; or a list of octet strings to send, each maybe as a pair
    with the seconds to wait before.  Everything comes `delay` seconds late.
    Without `tcp` it refuses connections.
    """

    def __init__(self, answer=None, upstream=None, delay=0.0, host=HOST,
                 port=0, tcp=True):
        self.answer = answer or (lambda question, tcp: None)
        self.upstream, self.delay, self.host = upstream, delay, host
        self.seen = collections.Counter()      # by (name, type)
        self.by_tcp = collections.Counter()
        self.clients = set()                   # addresses that asked by UDP
        self.questions = []
        self.wanted_port, self.has_tcp = port, tcp
        self.connections = 0
        self.late, self.order = [], itertools.count()
        self.forwarded, self.ids = {}, itertools.cycle(range(65536))
        self.open()
        self.running = True
        for target in (self.serve_udp, self.serve_tcp)[:1 + tcp]:
            threading.Thread(target=target, daemon=True).start()

    def open(self):
        """The same port by UDP and by TCP."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        for _ in range(50):
            self.udp = socket.socket(family, socket.SOCK_DGRAM)
            self.udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            where = socket.getaddrinfo(
                self.host, self.wanted_port, family, socket.SOCK_DGRAM)[0][4]
            self.udp.bind(where)
            self.port = self.udp.getsockname()[1]
            self.tcp = socket.socket(family, socket.SOCK_STREAM)
            try:
                self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                self.tcp.bind((where[0], self.port, *where[2:]))
                if self.has_tcp:
                    self.tcp.listen(64)
                break
            except OSError:
                self.udp.close()
                self.tcp.close()
        self.back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.back.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        if self.upstream:
            self.back.connect((HOST, self.upstream))
        self.udp.setblocking(False)
        self.back.setblocking(False)

    @property
    def name(self):
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def stop(self):
        self.running = False
        if self.has_tcp:
            # Or it goes on to listen for as long as a thread is in accept().
            self.tcp.shutdown(socket.SHUT_RDWR)
        for sock in (self.udp, self.tcp, self.back):
            sock.close()

    def asked(self, name=None):
        """How many queries came in all, or for a name."""
        return sum(n for (owner, _), n in self.seen.items()
                   if name in (None, owner))

    def note(self, query, tcp):
        question = dns.Question(query)
        self.seen[question.name, question.type] += 1
        if tcp:
            self.by_tcp[question.name, question.type] += 1
        self.questions.append(question)
        return question

    # --- UDP ---

    def serve_udp(self):
        selector = selectors.DefaultSelector()
        selector.register(self.udp, selectors.EVENT_READ, self.take_queries)
        selector.register(self.back, selectors.EVENT_READ, self.take_replies)
        while self.running:
            wait = 0.2
            if self.late:
                wait = min(wait, max(0, self.late[0][0] - time.monotonic()))
            try:
                for key, _ in selector.select(wait):
                    key.data()
                self.send_late()
            except (OSError, ValueError):
                if self.running:
                    raise

    def take_queries(self):
        for query, client in receive_all(self.udp):
            self.clients.add(client)
            question = self.note(query, False)
            question.client = client
            replies = self.answer(question, False)
            if replies is None:
                number = next(self.ids)
                self.forwarded[number] = (query[:2], client)
                self.back.send(struct.pack(">H", number) + query[2:])
            else:
                self.send_all(replies, client)

    def take_replies(self):
        for reply, _ in receive_all(self.back):
            number, = struct.unpack_from(">H", reply)
            known = self.forwarded.pop(number, None)
            if known:
                self.send_all([known[0] + reply[2:]], known[1])

    def send_all(self, replies, client):
        for delay, reply in map(with_delay, replies):
            if delay + self.delay:
                heapq.heappush(self.late, (
                    time.monotonic() + delay + self.delay, next(self.order),
                    reply, client))
            else:
                self.udp.sendto(reply, client)

    def send_late(self):
        while self.late and self.late[0][0] <= time.monotonic():
            _, _, reply, client = heapq.heappop(self.late)
            self.udp.sendto(reply, client)

    # --- TCP ---

    def serve_tcp(self):
        while True:
            try:
                client, _ = self.tcp.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.talk, args=(client,),
                             daemon=True).start()

    def talk(self, client):
        with client:
            try:
                while True:
                    query = take_message(client)
                    question = self.note(query, True)
                    replies = self.answer(question, True)
                    if replies is None:
                        replies = [self.forward_tcp(query)]
                    for delay, reply in map(with_delay, replies):
                        time.sleep(delay + self.delay)
                        self.write(client, struct.pack(">H", len(reply)) + reply)
            except (OSError, EOFError):
                pass

    def write(self, client, frame):
        client.sendall(frame)

    def forward_tcp(self, query):
        with socket.create_connection((HOST, self.upstream)) as back:
            back.sendall(struct.pack(">H", len(query)) + query)
            return take_message(back)


def lower(labels):
    """As names compare: ASCII letters in lower case."""
    return [label.lower() for label in labels]


def with_delay(reply):
    return reply if isinstance(reply, tuple) else (0, reply)


def receive_all(sock):
    while True:
        try:
            yield sock.recvfrom(65535)
        except BlockingIOError:
            return
        except ConnectionRefusedError:
            continue


def take_message(sock):
    length, = struct.unpack(">H", take(sock, 2))
    return take(sock, length)


def take(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


class Zone:
    """
    Answers from a table, for Server: {(name, type): [data...]}; what isn't there
    is void.  Data is octets, or a pair (ttl, octets); instead of the list there
    may be a function of the question that returns one.
    """

    def __init__(self, table, ttl=300, negative_ttl=300):
        self.table, self.ttl, self.negative_ttl = table, ttl, negative_ttl

    def __call__(self, question, tcp):
        records = self.table.get((question.name, question.type))
        if callable(records):
            records = records(question)
        if records is None:
            return [dns.void(question, self.negative_ttl)]
        return [dns.reply(question, [
            dns.rr(question.name, question.type, data, ttl)
            for ttl, data in map(self.with_ttl, records)])]

    def with_ttl(self, data):
        return data if isinstance(data, tuple) else (self.ttl, data)


class Driver:
    """tests/resolver/driver.c, with its commands as methods."""

    def __init__(self, *servers, program=None, **params):
        names = ",".join(s if isinstance(s, str) else s.name for s in servers)
        words = [f"{key}={value}" for key, value in params.items()]
        self.process = subprocess.Popen(
            [*(program or [DRIVER]),
             *([f"nameservers={names}"] if servers else []), *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1,
            text=True, encoding="latin-1")
        self.status, = self.answer()

    def answer(self):
        lines = []
        for line in self.process.stdout:
            if line == ".\n":
                return lines
            lines.append(line.rstrip("\n"))
        raise AssertionError(f"the driver ended with {self.process.wait()}: "
                             + " ".join(lines))

    def __call__(self, *words):
        self.send(*words)
        return self.answer()

    def send(self, *words):
        """Blanks within a word are sent as octet 31."""
        self.process.stdin.write(" ".join(
            str(word).replace(" ", "\x1f") for word in words) + "\n")

    def check(self, ip, sender, helo="helo.test", *timeout):
        return Check(self("check", ip, sender, helo, *timeout))

    def ask(self, kind, name):
        return self("ask", kind, name)

    def tally(self, *words):
        line, = self(*words)
        return {key: int(value) for key, _, value in
                (word.partition("=") for word in line.split())}

    def end(self):
        """Close its input and expect a clean end."""
        self.process.stdin.close()
        tap.equal(self.process.wait(timeout=60), 0, "exit status of the driver")

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.end()
        else:
            self.process.kill()
            self.process.wait()


class Check:
    """A verdict, and what it cost."""

    def __init__(self, lines):
        first, self.mechanism, self.problem, self.explanation = lines
        self.result, *numbers = first.split()
        for word in numbers:
            key, _, value = word.partition("=")
            setattr(self, key, int(value))

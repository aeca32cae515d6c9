#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""srsd as it runs: sockets, what clients may do to it, signals, privileges."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

from check_only import check_only
from places import is_sanitized
from socketmap_client import (
    DEADLINE, NOBODY, NOBODY_GROUP, PROGRAM, ROOT, Background, Client, Site,
    Srsd, has_ipv6, netstring, send_until_full, write)
from tap import Skip, Suite, equal, true, wait_until

suite = Suite()

FORWARD = b"forward bob@example.net"
PROBE_ANSWER = re.compile(rb"OK srsd [0-9.]+ is up")
ORIGINAL = b"OK bob@example.net"


def forwarded(client, sender="bob@example.net"):
    """The SRS address for sender."""
    answer = client.ask("forward " + sender)
    true(re.match(rb"OK SRS0=[^=]+=[A-Z2-7]{2}=", answer), f"SRS0: {answer!r}")
    return answer[3:].decode()


def expect_alive(client):
    equal(client.ask("reverse " + forwarded(client)), ORIGINAL, "there and back")


# --- sockets -----------------------------------------------------------------------

@suite.case("a unix socket with its mode and owner")
def unix_socket(site):
    daemon = Srsd(site).start()
    expect_alive(daemon.client())
    info = os.stat(daemon.sock)
    equal(stat.S_IMODE(info.st_mode), 0o660, "default mode")
    if ROOT:
        equal((info.st_uid, info.st_gid), (NOBODY, NOBODY_GROUP),
              "default owner")
    daemon.stop()
    owner = "socket_owner = root:daemon\n" if ROOT else ""
    daemon = Srsd(site, srsd="socket_mode = 0602\n" + owner).start()
    info = os.stat(daemon.sock)
    equal(stat.S_IMODE(info.st_mode), 0o602, "mode")
    if ROOT:
        equal((info.st_uid, info.st_gid), (0, 1), "owner")


@suite.case("socket_owner names nobody: srsd says so and doesn't start")
def unknown_owner(site):
    daemon = Srsd(site, srsd="socket_owner = no-such-user")
    status, _, error = site.run("-f", "-c", daemon.config)
    equal(status, 1, "status")
    true('socket_owner: no user "no-such-user" on this system' in error, error)


@suite.case("inet and inet6, as libmilter and as Postfix write them, and "
            "tcp_table")
def inet_sockets(site):
    site.need_own_network()
    listen = ["inet:10003@127.0.0.1", "inet:127.0.0.1:10004",
              "inet:10005@localhost"]
    hosts = [("127.0.0.1", 10003), ("127.0.0.1", 10004), ("127.0.0.1", 10005)]
    if has_ipv6():
        listen += ["inet6:10003@::1", "inet6:[::1]:10004"]
        hosts += [("::1", 10003), ("::1", 10004)]
    daemon = Srsd(site, srsd=f"listen = {', '.join(listen)}\n"
                             "tcp_table_forward = inet:10001@127.0.0.1\n"
                             "tcp_table_reverse = inet:10002@127.0.0.1\n")
    daemon.start()
    for host in hosts:
        expect_alive(daemon.client(host))
    expect_tcp_tables(daemon.client(("127.0.0.1", 10001)),
                      daemon.client(("127.0.0.1", 10002)))
    # A restart finds its ports free, though connections of the old one linger.
    daemon.stop()
    daemon.start()
    expect_alive(daemon.client(hosts[0]))


def expect_tcp_tables(forward, reverse):
    line = forward.send(b"get bob@example.net\r\n").line()
    true(line.startswith(b"200 SRS0="), f"answer {line!r}")
    equal(reverse.send(b"get " + line[4:] + b"\n").line(),
          b"200 bob@example.net", "answer")
    equal(reverse.send(b"get bob@example.net\nput x\n").line(),
          b"500 not_srs", "answer")
    equal(reverse.line(), b"400 only%20get%20is%20understood", "answer")


@suite.case("a port that is taken: srsd says which and doesn't start")
def taken_port(site):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        name = f"inet:{taken.getsockname()[1]}@127.0.0.1"
        daemon = Srsd(site, srsd=f"listen = {name}")
        status, _, error = site.run("-f", "-c", daemon.config)
    equal(status, 1, "status")
    true(error.endswith(f": listen: {name}: cannot listen: Address already in "
                        f"use by python3 (process {os.getpid()})\n"), error)


@suite.case("sockets that systemd passes, by their names")
def passed_sockets(site):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    daemon = Srsd(site)
    daemon.start(sockets, {
        "LISTEN_FDNAMES": "srsd.socket:tcp_table_forward:tcp_table_reverse"})
    first, forward, reverse = [
        daemon.client(s.getsockname()) for s in sockets]
    expect_alive(first)
    expect_tcp_tables(forward, reverse)
    true(not os.path.exists(daemon.sock), "the file's socket was opened too")
    # Without names all are socketmap; meant for another process, none is ours.
    daemon.stop()
    daemon.start(sockets[:1])
    expect_alive(daemon.client(sockets[0].getsockname()))
    daemon.stop()
    daemon.start(sockets[:1], {"LISTEN_PID": "1"})
    expect_alive(daemon.client())
    for s in sockets:
        s.close()


@suite.case("a unix socket of a dead process is replaced, a served one is not")
def stale_socket(site):
    daemon = Srsd(site).start()
    client = daemon.client()
    status, _, error = site.run("-f", "-c", daemon.config)
    equal(status, 1, "status beside another")
    true(error.endswith(f": listen: unix:{daemon.sock}: cannot listen: Address "
                        "already in use by srsd (process "
                        f"{daemon.process.pid})\n"), error)
    expect_alive(client)
    expect_alive(daemon.client())
    daemon.kill()
    true(os.path.exists(daemon.sock), "nothing stale to replace")
    daemon.start()
    expect_alive(daemon.client())


@suite.case("a path with a file, a directory or a link is left alone")
def path_is_taken(site):
    daemon = Srsd(site)
    for make in (lambda p: write(p, "mine"), os.mkdir,
                 lambda p: os.symlink("/nowhere", p)):
        make(daemon.sock)
        before = os.lstat(daemon.sock)
        status, _, error = site.run("-f", "-c", daemon.config)
        equal(status, 1, "status")
        true(error.endswith(f": listen: unix:{daemon.sock}: cannot take over the "
                            "path: File exists; the file there is not a socket\n"),
             error)
        equal(os.lstat(daemon.sock).st_ino, before.st_ino, "what is there")
        os.rename(daemon.sock, daemon.sock + str(before.st_ino))


# --- what clients may do -----------------------------------------------------------

NO_SUCH_MAP = (b"PERM no such map; there are make_srs, reverse_srs, "
               b"srs_forward, srs_reverse, forward, reverse and probe")
NO_SPACE = b"PERM not a request: no space behind the map"

# name, octets sent, answers, whether the connection is closed then
ABUSE = [
    ("malformed", b"hello world\r\n", [], True),
    ("malformed behind a request", netstring(b"forward x") + b"x",
     [b"NOTFOUND "], True),
    ("a NUL for a length", b"\0", [], True),
    ("no comma", b"9:forward x;", [], True),
    ("a length that wraps", b"18446744073709551619:abc,",
     [b"PERM request too long"], True),
    ("oversized", netstring(b"forward " + b"x" * 9000),
     [b"PERM request too long"], True),
    ("a megabyte of digits", b"9" * 1000000, [b"PERM request too long"], True),
    ("a megabyte of noise", b"\xff" * 1000000, [], True),
    ("the largest", netstring(b"forward " + b"x" * 8184), [b"NOTFOUND "],
     False),
    ("NUL in a key", netstring(b"forward a\0b"),
     [b"PERM the key holds a NUL octet"], False),
    ("no space", netstring(b"forward"), [NO_SPACE], False),
    ("nothing at all", netstring(b""), [NO_SPACE], False),
    ("unknown map", netstring(b"virtual x"), [NO_SUCH_MAP], False),
    ("a thousand unknown maps", netstring(b"? x") * 1000,
     [NO_SUCH_MAP] * 1000, False),
]


@suite.case("bad requests get their answer or a closed connection, "
            "others don't notice")
def wire_abuse(site):
    daemon = Srsd(site, srsd="workers = 1").start()
    witness = daemon.client()
    for name, octets, answers, closed in ABUSE:
        client = daemon.client()
        try:
            client.send(octets)
        except (BrokenPipeError, ConnectionResetError):
            true(closed, f"{name}: closed while sending")
        for answer in answers:
            equal(client.answer(), answer, name)
        if closed:
            client.expect_closed(name)
        else:
            expect_alive(client)
        expect_alive(witness)


@suite.case("half a request for ever is closed, trickled or not; idle "
            "clients stay")
def slow_requests(site):
    daemon = Srsd(site, srsd="request_timeout = 1\nworkers = 1").start()
    idle, half, trickle = daemon.client(), daemon.client(), daemon.client()
    begin = time.monotonic()
    half.send(b"23:forward bob")
    while trickle.is_open():
        true(time.monotonic() - begin < DEADLINE, "trickled on")
        try:
            trickle.send(b"8" if trickle.rest == b"" else b"x")
            trickle.rest = b"sent the first"
            if time.monotonic() - begin < 0.1:
                trickle.send(b"000:")
        except (BrokenPipeError, ConnectionResetError):
            break
        time.sleep(0.05)
    true(time.monotonic() - begin > 0.9, "closed before its time")
    half.expect_closed("half a request")
    true(time.monotonic() - begin < 6, "closed long after its time")
    expect_alive(idle)


@suite.case("clients that ask nothing are closed after idle_timeout")
def idle_timeout(site):
    daemon = Srsd(site, srsd="idle_timeout = 1").start()
    busy, idle = daemon.client(), daemon.client()
    begin = time.monotonic()
    expect_alive(idle)
    while idle.is_open():
        true(time.monotonic() - begin < DEADLINE, "never closed")
        expect_alive(busy)
        time.sleep(0.05)
    true(time.monotonic() - begin > 0.9, "closed before its time")


@suite.case("a thousand idle clients cost little and disturb nobody")
def thousand_idle_clients(site):
    if site.descriptors < 1200:
        raise Skip("needs 1200 descriptors")
    daemon = Srsd(site).start()
    expect_alive(daemon.client())
    before = daemon.memory()
    crowd = [daemon.client() for _ in range(1000)]
    expect_alive(daemon.client())
    for client in crowd[::100]:
        expect_alive(client)
    # The last one was accepted, so all are.
    expect_alive(crowd[-1])
    grown = daemon.memory() - before
    true(grown < 4 << 20, f"{grown} octets for a thousand clients")


@suite.case("who pipelines and never reads costs little, disturbs "
            "nobody, loses nothing")
def reader_that_never_reads(site):
    daemon = Srsd(site, srsd="workers = 1").start()
    witness, deaf = daemon.client(), daemon.client()
    expect_alive(witness)
    before = daemon.memory()
    request = netstring(FORWARD)
    sent = send_until_full(deaf, request)
    true(sent > 100000, f"only {sent} octets were taken")
    expect_alive(witness)
    grown = daemon.memory() - before
    if not is_sanitized(PROGRAM):
        true(grown < 4 << 20, f"{grown} octets for one client")
    # It reads after all: every whole request is answered.
    expected = witness.ask(FORWARD)
    for number in range(sent // len(request)):
        equal(deaf.answer(), expected, f"answer {number}")


@suite.case("who takes no answers is closed after request_timeout")
def reader_is_closed(site):
    site.need_root()     # to look at its descriptors
    daemon = Srsd(site, srsd="request_timeout = 1\nworkers = 1").start()
    witness, deaf = daemon.client(), daemon.client()
    send_until_full(deaf, netstring(FORWARD))
    wait_until(lambda: count_connections(daemon) == 1, "the deaf one to go")
    expect_alive(witness)


def count_connections(daemon):
    """Connections of a daemon that has one listener."""
    links = []
    for fd in os.listdir(f"/proc/{daemon.process.pid}/fd"):
        try:
            links.append(os.readlink(f"/proc/{daemon.process.pid}/fd/{fd}"))
        except FileNotFoundError:
            pass
    return sum(link.startswith("socket:") for link in links) - 1


@suite.case("connections beyond max_connections are served as others become "
            "idle")
def flood(site):
    site.need_root()     # to look at its descriptors
    daemon = Srsd(site, srsd="max_connections = 8\nworkers = 1").start()
    waiting = [daemon.client().send(netstring(b"probe ")) for _ in range(40)]
    wait_until(lambda: count_connections(daemon) == 8, "eight to be left")
    answered = 0
    while waiting:
        ready = wait_until(
            lambda: [c for c in waiting if has_answer(c)], "an answer")
        true(count_connections(daemon) <= 8, "too many connections")
        for client in ready:
            true(PROBE_ANSWER.match(client.answer()), "answer")
            waiting.remove(client)
            client.close()
            answered += 1
    equal(answered, 40, "served")


def has_answer(client):
    client.socket.setblocking(False)
    try:
        return client.socket.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return False
    finally:
        client.socket.settimeout(DEADLINE)


# --- signals -----------------------------------------------------------------------

RELOADED = "configuration and secrets reloaded"
STAYS = "invalid configuration; keeping the old one"


@suite.case("srs_domains = *: reversed in any domain, else not found")
def any_domain(site):
    daemon = Srsd(site)
    daemon.configure(srs="fwdomain = srs.example.com\nsrs_domains = *")
    daemon.start()
    client = daemon.client()
    local, _, domain = forwarded(client).partition("@")
    equal(domain, "srs.example.com")
    for elsewhere in domain, "elsewhere.example", "a.example.com":
        equal(client.ask(f"reverse {local}@{elsewhere}"), ORIGINAL, elsewhere)
        for theirs in "SRS0=AAAAAA=AA=a.test=bob", "SRS0=a=bob", "bob":
            equal(client.ask(f"reverse {theirs}@{elsewhere}"), b"NOTFOUND ",
                  f"{theirs} {elsewhere}")


@suite.case("SIGHUP takes a good configuration and not a bad one, and "
            "closes nobody")
def reload(site):
    daemon = Srsd(site).start()
    client = daemon.client()
    before = forwarded(client)
    true(before.endswith("@srs.example.com"), before)
    daemon.configure(srs="fwdomain = two.example.com\nsrs_domains = "
                         "two.example.com, srs.example.com")
    daemon.signal(signal.SIGHUP)
    daemon.wait_log(RELOADED)
    true(forwarded(client).endswith("@two.example.com"), "the old domain")
    equal(client.ask("reverse " + before), ORIGINAL, "an older address")

    daemon.configure(srs="fwdomain = three.example.com\nhash_length = 99")
    daemon.signal(signal.SIGHUP)
    daemon.wait_log(STAYS)
    with open(daemon.config, encoding="ascii") as file:
        line = [n for n, text in enumerate(file, 1) if "hash_length" in text][0]
    true(f"{daemon.config}:{line}: hash_length: not a number from 4 to 27: "
         in daemon.log().replace("\\", ""), daemon.log())
    true(forwarded(client).endswith("@two.example.com"), "the new domain")

    write(daemon.config, "not a configuration\n")
    daemon.signal(signal.SIGHUP)
    daemon.wait_log(STAYS, 2)
    os.unlink(daemon.config)
    daemon.signal(signal.SIGHUP)
    daemon.wait_log(STAYS, 3)
    expect_alive(client)
    # And a good one after all.
    daemon.configure(srs="fwdomain = four.example.com")
    daemon.signal(signal.SIGHUP)
    daemon.wait_log(RELOADED, 2)
    true(forwarded(client).endswith("@four.example.com"), "the old domain")


@suite.case("SIGHUP says what only a restart changes")
def reload_tells_what_it_cannot(site):
    daemon = Srsd(site).start()
    daemon.configure(srsd=f"listen = unix:{daemon.sock}2\nworkers = 3",
                     log="format = json")
    daemon.signal(signal.SIGHUP)
    daemon.wait_log(RELOADED)
    for key in ("listen", "workers", "[log] format"):
        true(f"{key}: change takes effect after" in daemon.log(), key)
    equal(daemon.log().count("after a restart"), 3, "keys")
    expect_alive(daemon.client())


class Load:
    """Clients that ask without a pause, and remember what went wrong."""

    def __init__(self, daemon, count):
        self.ending, self.asked, self.failure = False, 0, None
        self.threads = [
            threading.Thread(target=self.go, args=(daemon.client(),))
            for _ in range(count)]

    def go(self, client):
        try:
            while not self.ending:
                expect_alive(client)
                self.asked += 1
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending = True
        for thread in self.threads:
            thread.join()
        if self.failure:
            raise self.failure


@suite.case("a thousand SIGHUPs under load harm nobody")
def thousand_reloads(site):
    daemon = Srsd(site, log="level = warning").start(wait=False)
    wait_until(lambda: os.path.exists(daemon.sock) and can_ask(daemon),
               "srsd to serve")
    with Load(daemon, 4) as load:
        wait_until(lambda: load.asked > 20, "load")
        before = daemon.memory()
        for _ in range(1000):
            daemon.signal(signal.SIGHUP)
            time.sleep(0.001)
        asked = load.asked
        wait_until(lambda: load.asked > asked + 20, "more load")
        grown = daemon.memory() - before
    equal(daemon.log(), "", "log")
    # Sanitizers keep what was freed, or their notes of it; that of addresses
    # tells of leaks itself.
    if not is_sanitized(PROGRAM):
        true(grown < 4 << 20, f"{grown} octets more")
    daemon.stop()


def can_ask(daemon):
    try:
        return bool(PROBE_ANSWER.match(daemon.client().ask("probe ")))
    except OSError:
        return False


@suite.case("changed secret and list files are taken without a signal")
def changed_files(site):
    lists = site.new_dir()
    excluded = write(os.path.join(lists, "excluded"), "other.example\n")
    daemon = Srsd(site, srs=f"exclude_senders = {excluded}").start()
    client = daemon.client()
    old = forwarded(client)
    write(daemon.secret, f"the next secret of the tests\n{daemon.SECRET}\n",
          0o640)
    write(excluded, "other.example\nlisted.example\n")
    daemon.wait_log(RELOADED)
    equal(client.ask("forward a@listed.example"), b"NOTFOUND ", "listed")
    new = forwarded(client)
    true(new != old, "signed with the old secret")
    equal(client.ask("reverse " + old), ORIGINAL, "an older address")
    # The old secret goes; what it has signed is nobody's then.
    write(daemon.secret, "the next secret of the tests\n", 0o640)
    daemon.wait_log(RELOADED, 2)
    equal(client.ask("reverse " + old), b"NOTFOUND ", "signed with the old")
    equal(client.ask("reverse " + new), ORIGINAL, "signed with the new")


@suite.case("a secret file spoilt on disk is told of once, and the old "
            "secret stays")
def changed_for_the_worse(site):
    daemon = Srsd(site).start()
    client = daemon.client()
    address = forwarded(client)
    write(daemon.secret, "short\n", 0o640)
    daemon.wait_log(STAYS)
    equal(forwarded(client), address, "signature")
    # Mended: taken, and only one complaint in between.
    write(daemon.secret, "the next secret of the tests\n", 0o640)
    daemon.wait_log(RELOADED)
    true(forwarded(client) != address, "signed with the old secret")
    write(daemon.secret, "short\n", 0o640)
    daemon.wait_log(STAYS, 2)
    ends = time.monotonic() + 4.5       # two looks at the file and some
    wait_until(lambda: time.monotonic() > ends or daemon.log().count(STAYS) > 2,
               "time to pass")
    equal(daemon.log().count(STAYS), 2, "complaints")


@suite.case("SIGTERM: requests that were sent are answered, and the "
            "status is 0")
def term_answers_what_was_sent(site):
    daemon = Srsd(site, srsd="workers = 2").start()
    client, idle = daemon.client(), daemon.client()
    expect_alive(idle)
    expected = client.ask(FORWARD)
    client.send(netstring(FORWARD) * 500)
    daemon.process.terminate()
    for number in range(500):
        equal(client.answer(), expected, f"answer {number}")
    client.expect_closed("afterwards")
    idle.expect_closed("idle")
    equal(daemon.process.wait(DEADLINE), 0, "status")
    true("text=stopped" in daemon.log(), "log")


@suite.case("SIGTERM: so are many more than fit into one buffer")
def term_answers_all_of_it(site):
    daemon = Srsd(site, srsd="workers = 1", log="level = warning")
    daemon.start(wait=False)
    wait_until(lambda: os.path.exists(daemon.sock) and can_ask(daemon),
               "srsd to serve")
    client = daemon.client()
    expected = client.ask(FORWARD)
    requests = send_until_full(client, netstring(FORWARD)) // \
        len(netstring(FORWARD))
    daemon.process.terminate()
    for number in range(requests):
        equal(client.answer(), expected, f"answer {number} of {requests}")
    equal(daemon.process.wait(DEADLINE), 0, "status")


@suite.case("SIGTERM: who takes no answers is left behind after a few seconds")
def term_waits_for_nobody_for_ever(site):
    daemon = Srsd(site, srsd="workers = 1").start()
    deaf, half = daemon.client(), daemon.client()
    send_until_full(deaf, netstring(FORWARD))
    half.send(b"23:forw")
    true(daemon.stop() < 10, "it took too long")


@suite.case("SIGINT stops as SIGTERM does")
def interrupt(site):
    daemon = Srsd(site).start()
    idle = daemon.client()
    expect_alive(idle)
    begin = time.monotonic()
    daemon.signal(signal.SIGINT)
    equal(daemon.process.wait(DEADLINE), 0, "status")
    # Idle clients aren't waited for, as those are that take their answers.
    true(time.monotonic() - begin < 4, "it took too long")


@suite.case("the service manager is told of start, reload and stop")
def notifications(site):
    path = os.path.join(site.new_dir(), "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        os.chmod(path, 0o666)
        manager.settimeout(DEADLINE)
        daemon = Srsd(site).start(env={"NOTIFY_SOCKET": path})
        equal(manager.recv(4096), b"READY=1", "start")
        expect_alive(daemon.client())
        daemon.signal(signal.SIGHUP)
        begin = time.clock_gettime(time.CLOCK_MONOTONIC)
        message = manager.recv(4096)
        match = re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=(\d+)", message)
        true(match, f"reload: {message!r}")
        true(abs(int(match[1]) / 1e6 - begin) < DEADLINE, "clock")
        equal(manager.recv(4096), b"READY=1", "reloaded")
        daemon.stop()
        equal(manager.recv(4096), b"STOPPING=1", "stop")


# --- in the background -------------------------------------------------------------

NOT_LOGGED = "warning: to: stderr ([log]), but a daemon in the background has " \
    "none: nothing more is logged; start it with -f, or set to = syslog\n"


@suite.case("the parent exits when the daemon serves; the daemon holds "
            "on to nothing")
def background(site):
    with Background(site) as b:
        equal(b.result, (0, "", NOT_LOGGED), "start")
        # No polling: it serves already.
        expect_alive(b.daemon.client())
        true(b.pid > 1, f"pid {b.pid}")
        equal(os.getsid(b.pid), b.pid, "session")
        for fd in range(3 if ROOT else 0):    # nobody else may look
            equal(os.readlink(f"/proc/{b.pid}/fd/{fd}"), "/dev/null",
                  f"descriptor {fd}")
    true(not can_connect(b.daemon.sock), "it still listens")


def can_connect(path):
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(path)
        except OSError:
            return False
    return True


@suite.case("a daemon that was started with a relative path can be reloaded")
def background_reload(site):
    with Background(site, "-c", "mailfrom.conf") as b:
        equal(b.result, (0, "", NOT_LOGGED), "start")
        client = b.daemon.client()
        b.daemon.configure(srs="fwdomain = two.example.com")
        os.kill(b.pid, signal.SIGHUP)
        wait_until(
            lambda: forwarded(client).endswith("@two.example.com"),
            "the new domain", 5)


@suite.case("a start that fails is told of by the parent, with status 1")
def background_failure(site):
    daemon = Srsd(site)
    write(daemon.sock, "mine")
    status, _, error = site.run("-c", daemon.config)
    equal(status, 1, "status")
    true(": cannot take over the path: File exists" in error, error)
    os.unlink(daemon.sock)
    daemon.configure(srsd="pid_file = /no/such/directory/pid")
    status, _, error = site.run("-c", daemon.config)
    equal(status, 1, "status")
    true(re.search(r"mailfrom\.conf:\d+: pid_file: /no/such/directory/pid: No "
                   "such file or directory", error), error)
    # Nothing was left running.
    true(not can_connect(daemon.sock), "something serves")


# --- privileges ---------------------------------------------------------------------

def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return dict(line.split(":", 1) for line in file)


@suite.case("started as root it becomes another user, with that user's "
            "groups alone")
def privileges_are_dropped(site):
    site.need_root()
    daemon = Srsd(site)
    groups = os.getgroups()
    os.setgroups([0, 4711])
    try:
        daemon.start()
    finally:
        os.setgroups(groups)
    for task in os.listdir(f"/proc/{daemon.process.pid}/task"):
        status = status_of(f"{daemon.process.pid}/task/{task}")
        equal(status["Uid"].split(), [str(NOBODY)] * 4, "uid")
        equal(status["Gid"].split(), [str(NOBODY_GROUP)] * 4, "gid")
        equal(sorted(map(int, status["Groups"].split())),
              sorted(os.getgrouplist("nobody", NOBODY_GROUP)), "groups")
        equal(int(status["CapEff"], 16), 0, "capabilities")
    expect_alive(daemon.client())
    daemon.signal(signal.SIGHUP)
    daemon.wait_log(RELOADED)


@suite.case("a user that doesn't exist: srsd says how to make it")
def missing_user(site):
    site.need_root()
    for line, name in (("user = no-such-user", "no-such-user"),
                       ("#user", "mailfrom")):
        if name == "mailfrom" and user_exists(name):
            continue
        daemon = Srsd(site, srsd=line)
        status, _, error = site.run("-f", "-c", daemon.config)
        equal(status, 1, "status")
        true(error.endswith(
            f'user: no user "{name}" on this system; create it with: useradd '
            "--system --no-create-home --shell /usr/sbin/nologin "
            f"{name}\n"), error)
        true(not os.path.exists(daemon.sock), "a socket was made")


def user_exists(name):
    return subprocess.run(["getent", "passwd", name], check=False,
                          stdout=subprocess.DEVNULL).returncode == 0


@suite.case("files that a reload could not read are warned of at start")
def unreadable_later(site):
    site.need_root()
    daemon = Srsd(site)
    write(daemon.secret, daemon.SECRET + "\n", 0o600)
    daemon.start()
    true(f"warning: {daemon.secret}: not readable by this user; a reload will fail: Permission denied" in daemon.log(), "no warning")
    expect_alive(daemon.client())


@suite.case("without root it serves as who it is, and becomes nobody else")
def not_root(site):
    daemon = Srsd(site, srsd="#user")
    options = {"user": NOBODY, "group": NOBODY_GROUP,
               "extra_groups": []} if ROOT else {}
    os.chmod(daemon.dir, 0o777)
    daemon.configure(srsd="user = root")
    status, _, error = site.run("-f", "-c", daemon.config, **options)
    equal(status, 1, "status")
    true(': user: only root can switch to user "root"' in error, error)
    daemon.configure(srsd="#user")
    with subprocess.Popen([site.program, "-f", "-c", daemon.config],
                          stderr=subprocess.DEVNULL, **options) as process:
        wait_until(lambda: os.path.exists(daemon.sock) and can_ask(daemon),
                   "srsd to serve")
        process.terminate()
        equal(process.wait(DEADLINE), 0, "status")


@suite.case("a secret that everybody can read is refused")
def readable_secret(site):
    daemon = Srsd(site)
    os.chmod(daemon.secret, 0o644)
    status, _, error = site.run("-f", "-c", daemon.config)
    equal(status, 1, "status")
    true("is accessible to all users; fix with: " in error, error)


# --- configuration -------------------------------------------------------------------

GOOD = "secret_file = {secret}\nfwdomain = srs.example.com\n"

GATE = "skip_if_spf_passes = yes\noutbound_addresses = 192.0.2.1\n"

# name, text, exit status, what is said (FILE: the file's name)
CHECKS = [
    ("good", "[srs]\n" + GOOD, 0, ""),
    ("other programs' sections", "[srs]\n" + GOOD +
     "[srsmilter]\nwhatever = x\nwhatever = y\n"
     "[spfmilter]\nwhatever = x\n", 0,
     'warning: FILE:5: srsmilter: unknown key in this section: "whatever"\n'
     'warning: FILE:6: srsmilter: unknown key in this section: "whatever"\n'
     'warning: FILE:8: spfmilter: unknown key in this section: "whatever"\n'),
    ("mistakes in [spf] that don't matter", "[srs]\n" + GOOD +
     "[spf]\nwhatever = x\ntimeout = 26\ndelegate = a\n", 0,
     'warning: FILE:5: spf: unknown key in this section: "whatever"\n'
     'warning: FILE:6: timeout: not a number from 1 to 25: "26"\n'
     'warning: FILE:7: delegate: not a domain (example.com): "a"; it has no '
     'dot\n'),
    ("mistakes in [spf] that do", "[srs]\n" + GOOD + GATE +
     "[spf]\nwhatever = x\n", 1,
     'error: FILE:7: spf: unknown key in this section: "whatever"\n'),
    ("[spf] as a whole", "[srs]\n" + GOOD + GATE +
     "[spf]\n\nhelper = b\nrecord_file = /no/such\n", 1,
     'error: FILE:8: helper: not an absolute path: "b"\n'
     "error: /no/such: cannot read records: No such file or directory\n"),
    ("gate", "[srs]\n" + GOOD + GATE, 0, ""),
    ("gate without addresses", "[srs]\n" + GOOD +
     "skip_if_spf_passes = yes\n", 1,
     "error: FILE:4: skip_if_spf_passes: requires outbound_addresses: all addresses that mail leaves from\n"),
    ("no address", "[srs]\n" + GOOD + "outbound_addresses = mail.example\n",
     1, 'error: FILE:4: outbound_addresses: not an IP address (192.0.2.1): '
     '"mail.example"\n'),
    ("unknown key", "[srs]\n" + GOOD + "fwdomian = x.example\n", 1,
     'error: FILE:4: srs: unknown key in this section: "fwdomian"; did '
     'you mean "fwdomain"?\n'),
    ("several", "[srsd]\nworkers = 65\nidle_timeout = 0\n[srs]\nmax_age = x\n"
     "max_age = 3\n", 1,
     'error: FILE:2: workers: not a number from 1 to 64: "65"\n'
     'error: FILE:3: idle_timeout: not a number from 1 to 86400: "0"\n'
     'error: FILE:5: max_age: not a number from 1 to 500: "x"\n'
     'error: FILE:6: max_age: already set in line 5: "3"\n'
     "error: FILE: secret_file: not set; create a secret with: srs keygen\n"),
    ("all at once", "[srs]\nsecret_file = /no/such\nown_domains = *.example\n"
     "fwdomain = a\nhash_length = 40\nhash_min = 9\n" + GATE + "[spf]\n"
     "helper = b\nexplanation = %{z}\nnameservers = x\n", 1,
     'error: FILE:3: own_domains: not a domain (example.com, or .example.com '
     'for those below it): "*.example"; write .example\n'
     'error: FILE:4: fwdomain: not a domain (srs.example.com) or '
     'FORWARDING=DOMAIN: "a"; it has no dot\n'
     'error: FILE:5: hash_length: not a number from 4 to 27: "40"\n'
     'error: FILE:12: nameservers: not a name server (IP, IP:PORT or '
     '[IP6]:PORT): "x"\n'
     "error: /no/such: cannot read secrets: No such file or directory\n"
     'error: FILE:11: explanation: invalid macro or character; write "%" as '
     '"%%": "%{z}"\n'
     'error: FILE:10: helper: not an absolute path: "b"\n'),
    ("unknown section", "[srs]\n" + GOOD + "[later]\nx = y\nz = 1\n", 0,
     "warning: FILE:5: unknown section [later]; ignored\n"),
    ("misspelt section", "[srs]\n" + GOOD + "[sr]\nx = y\n", 1,
     "error: FILE:5: unknown section [sr]; did you mean [srs]?\n"),
    ("misspelt section of another", "[srs]\n" + GOOD + "[spf-milter]\nx = y\n",
     0, "warning: FILE:5: unknown section [spf-milter]; did you mean "
     "[spfmilter]?\n"),
    ("no configuration", "hello\n", 1,
     'error: FILE:1: neither a [section] nor "key = value"\n'),
    ("no secret", "[srs]\nfwdomain = srs.example.com\n", 1,
     "error: FILE: secret_file: not set; create a secret with: srs keygen\n"),
    ("no fwdomain", "[srs]\nsecret_file = {secret}\n", 0,
     "warning: FILE: fwdomain: not set: no sender will be rewritten\n"),
    ("bad listener", "[srs]\n" + GOOD + "[srsd]\nlisten = tcp:1@h\n", 1,
     'error: FILE:5: listen: not a socket (unix:/path, inet:PORT@HOST, '
     'inet6:PORT@HOST): "tcp:1@h"; not a socket address: unix:/path, '
     "inet:PORT@HOST or inet6:PORT@HOST\n"),
    ("bad listener of tcp_table", "[srs]\n" + GOOD +
     "[srsd]\n\ntcp_table_reverse = inet:x@h\n", 1,
     'error: FILE:6: tcp_table_reverse: not a socket (unix:/path, '
     'inet:PORT@HOST, inet6:PORT@HOST): "inet:x@h"; the port is not a number '
     "from 1 to 65535\n"),
    ("a path is a listener", "[srs]\n" + GOOD + "[srsd]\nlisten = /run/x\n", 0,
     ""),
    ("bad mode", "[srs]\n" + GOOD + "[srsd]\nsocket_mode = rw\n", 1,
     'error: FILE:5: socket_mode: not an octal mode such as 0660: "rw"\n'),
    ("list file missing", "[srs]\n" + GOOD + "own_domains = /no/such\n", 1,
     'error: FILE:4: own_domains: No such file or directory: "/no/such"\n'),
]


@suite.case("-n says what is wrong, with file and line, and starts nothing")
def check_configuration(site):
    directory = site.new_dir()
    secret = write(os.path.join(directory, "secret"), Srsd.SECRET, 0o640)
    path = os.path.join(directory, "mailfrom.conf")
    failures = []
    for name, text, expected, said in CHECKS:
        write(path, text.replace("{secret}", secret))
        got = check_only("srsd", path)
        want = (expected, f"{path}: ok\n" if expected == 0 else "",
                said.replace("FILE", path))
        if got != want:
            failures.append(f"{name}: got {got!r}\nexpected {want!r}")
    true(not failures, "\n".join(failures))


@suite.case("-n says that no map is told which domain forwards, where it matters")
def forwarding_domains(site):
    for srs, notes in (("fwdomain = a.example", 0),
                       ("fwdomain = a.example, b.example = srs.b.example", 1),
                       ("fwdomain = a.example\nforward_domains = b.example", 1)):
        daemon = Srsd(site, srs=srs)
        status, output, _ = check_only("srsd", daemon.config)
        equal((status, output.count("note: fwdomain, forward_domains: ")),
              (0, notes), srs)
    # And a map that is named after the domain knows it.
    daemon = Srsd(site, srs="fwdomain = a.example, b.example = srs.b.example\n"
                            "forward_domains = b.example").start()
    client = daemon.client()
    true(client.ask("forward@b.example bob@example.net").endswith(
        b"@srs.b.example"), "of b.example")
    equal(client.ask("forward@c.example bob@example.net"), b"NOTFOUND ",
          "of c.example")
    daemon.wait_log("reason=forwarder_not_included")
    true(client.ask("forward bob@example.net").endswith(b"@a.example"),
         "of nobody")


@suite.case("options, and their exit statuses")
def options(site):
    status, output, error = site.run("-V")
    true(status == 0 and error == "", f"-V: {status} {error}")
    true(re.fullmatch(r"srsd \(mailfrom\) [0-9.]+\n", output), output)
    status, output, error = site.run("--help")
    true(status == 0 and output.startswith("usage: srsd ") and error == "",
         "--help")
    for args in (["-x"], ["what"], ["--format", "what"], ["-c"]):
        status, output, error = site.run(*args)
        true(status == 1 and output == "" and error != "", f"{args}")
    status, _, error = site.run("-n", "-c", "/no/such/file")
    equal((status, error), (1, "error: /no/such/file: cannot read the "
                            "configuration: No such file or directory\n"), "-c")


@suite.case("--print-config prints a configuration, as comments and "
            "without them")
def printed_configuration(site):
    status, text, error = site.run("--print-config")
    equal((status, error), (0, ""), "--print-config")
    daemon = Srsd(site)
    for section in ("srs", "srsd", "srsmilter", "spf", "spfmilter", "log"):
        true(f"\n[{section}]\n" in text, f"no [{section}]")
    path = write(os.path.join(daemon.dir, "mailfrom.conf"), text)
    status, _, error = site.run("-n", "-c", path)
    equal((status, error), (1, f"error: {path}: secret_file: not set; create a secret with: srs keygen\n"), "as it is")
    bare = re.sub(r"(?m)^#(?=\S)", "", text)
    true(bare.count("\n") == text.count("\n") and bare != text, "comments")
    write(path, bare.replace("/etc/mailfrom/secret", daemon.secret)
          .replace("root:postfix", "root:daemon"))
    status, said, error = check_only("srsd", path)
    equal((status, said.split("\n")[-2:], error), (0, [f"{path}: ok", ""], ""),
          "bare")


# --- the log ---------------------------------------------------------------------------

HOSTILE = [
    b"a\nsrsd: info: forward result=changed@example.net",
    b'a" result="changed@example.net',
    b'a","result":"changed@example.net',
    b"a\r\n\t\x0b\x0c\x1b[2J\x7f@example.net",
    b"a\\@example.net", b"\xff\xfe\x80@example.net",
    b"\xc2\x9b2J\xc2\x85@example.net", "jörg@bücher.example".encode(),
    b"\xed\xa0\x80\xf4\x90\x80\x80@example.net", b"\xe2\x80\xa8@example.net",
    b"x" * 8000, b'"' * 4000 + b"@example.net", b"\x01" * 3000,
    b"plain@example.net", b"a b=c@example.net", b"",
]


def ask_hostile(daemon):
    client = daemon.client()
    for sender in HOSTILE:
        true(client.ask(b"forward " + sender) is not None, "no answer")
        true(client.ask(b"make_srs h.example\x9b" + sender) is not None,
             "no answer")
        true(client.ask(b"reverse " + sender) is not None, "no answer")
    daemon.stop()


@suite.case("a log line for each decision, which hostile senders cannot forge")
def text_log(site):
    daemon = Srsd(site, log="level = debug").start()
    ask_hostile(daemon)
    value = r'(?:[!-~]+|"(?:[^"\\\x00-\x1f\x7f]|\\["\\nrt]|\\x[0-9a-f]{2})*")'
    shape = re.compile(rf"srsd: (?:warning|info|debug): (forward|reverse|message)"
                       rf"(?: [a-z_]+={value})+")
    counts = {"forward": 0, "reverse": 0, "message": 0}
    for line in daemon.log().split("\n")[:-1]:
        match = shape.fullmatch(line)
        true(match, f"line {line!r}")
        counts[match[1]] += 1
    equal(counts["forward"], 2 * len(HOSTILE), "lines on senders")
    equal(counts["reverse"], len(HOSTILE), "lines on recipients")
    true(re.search(r"^srsd: info: forward result=changed reason=forwarded "
                   r'from=plain@example\.net to="SRS0=\S+@srs\.example\.com"$',
                   daemon.log(), re.M), "the plain one")
    true(re.search(r"^srsd: info: forward result=changed reason=forwarded "
                   r'from=plain@example\.net to="SRS0=\S+" host=h\.example$',
                   daemon.log(), re.M), "the plain one of make_srs")


@suite.case("every JSON line is an object with the text that was asked about")
def json_log(site):
    daemon = Srsd(site, log="level = debug\nformat = json").start()
    ask_hostile(daemon)
    with open(daemon.log_path, "rb") as file:
        lines = file.read().decode("utf-8").split("\n")
    equal(lines.pop(), "", "end of the log")
    entries = [json.loads(line) for line in lines]
    for entry in entries:
        true(re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
                          entry["time"]), f"time {entry['time']}")
        equal(entry["program"], "srsd", "program")
    senders = [e for e in entries if e["event"] == "forward"]
    equal(len(senders), 2 * len(HOSTILE), "lines on senders")
    equal(len([e for e in entries if e["event"] == "reverse"]), len(HOSTILE),
          "lines on recipients")
    for entry, hostile in zip(senders[::2], HOSTILE):
        if len(hostile) > 1500:
            equal(entry.get("cut"), True, "cut")
        elif hostile.isascii() and hostile.decode().isprintable():
            equal(entry["from"], hostile.decode(), "sender")
    true("jörg@bücher.example" in [e.get("from") for e in senders], "UTF-8")


@suite.case("level and -v choose what is logged")
def log_levels(site):
    for level, args, forward, reverse in (
            ("warning", (), 0, 0), ("info", (), 1, 0), ("debug", (), 1, 1),
            ("error", ("-v",), 1, 1)):
        daemon = Srsd(site, log=f"level = {level}", args=args)
        daemon.start(wait=False)
        wait_until(lambda d=daemon: os.path.exists(d.sock) and can_ask(d),
                   "srsd to serve")
        client = daemon.client()
        client.ask(FORWARD)
        client.ask("reverse bob@example.net")
        daemon.stop()
        equal((daemon.log().count(": forward "), daemon.log().count(
            ": reverse ")), (forward, reverse), level)


# --- pysrs -------------------------------------------------------------------------------

PYSRS = """\
# sample SRS configuration
[srs]
secret = {secret}
;maxage=21
;hashlength=5
fwdomain = mydomain.example
ses = localdomain1.example
sign = localdomain2.example
nosrs = braindeadmail.example
srs = otherdomain.example
banned_users = mailer-daemon, clamav, postmaster
socket = {socket}

[srsmilter]
datadir=/var/lib/milter
socketname = /var/run/milter/srsmilter
miltername = pysrsfilter
reject_spoofed = true
internal_connect = 192.168.*.*,127.0.0.1,::1
miltersrs = false
"""


@suite.case("a pysrs.cfg works as it is, by its name, its keys, or --format")
def pysrs_file(site):
    for name, args in (("pysrs.cfg", ()), ("srs.conf", ()),
                       ("srs.conf", ("--format", "pysrs"))):
        directory = site.new_dir()
        sock = os.path.join(directory, "sock")
        path = write(os.path.join(directory, name), PYSRS.format(
            secret=Srsd.SECRET, socket=sock), 0o640)
        os.chmod(directory, 0o777)
        options = {"user": NOBODY, "group": NOBODY_GROUP,
                   "extra_groups": []} if ROOT else {}
        error_path = os.path.join(directory, "error")
        with open(error_path, "wb") as error, \
                subprocess.Popen([site.program, "-f", "-c", path, *args],
                                 stderr=error, **options) as process:
            try:
                wait_until(lambda: serves(process, sock, error_path),
                           "srsd to serve")
                expect_pysrs(Client(site, sock))
            finally:
                process.terminate()


def serves(process, path, error_path):
    if process.poll() is not None:
        with open(error_path, encoding="utf-8") as file:
            raise AssertionError(f"srsd: {file.read()}")
    return os.path.exists(path) and can_connect(path)


def expect_pysrs(client):
    answer = client.ask(b"make_srs h.example\x9bbob<@example.net.>")
    true(re.fullmatch(rb"OK SRS0=[A-Za-z0-9+/]{8}=[A-Z2-7]{2}=example\.net=bob"
                      rb"<@mydomain\.example\.>", answer), f"answer {answer!r}")
    equal(client.ask(b"reverse_srs " + answer[3:].lower()),
          b"OK bob<@example.net.>", "reversed")
    for key in (b"braindeadmail.example\x9bbob<@example.net.>",
                b"h.example\x9b<@>", b"\x9bbob<@example.net.>"):
        equal(client.ask(b"make_srs " + key), b"OK " + key.split(b"\x9b")[1],
              "unchanged")
    # always rewritten, also in its own domain
    true(client.ask(b"make_srs h\x9ba<@mydomain.example.>")
         .startswith(b"OK SRS0="), "own domain")
    true(client.ask(b"make_srs h\x9ba<@localdomain1.example.>")
         .startswith(b"OK SES="), "ses")
    true(client.ask(b"make_srs h\x9ba<@localdomain2.example.>")
         .endswith(b"==a<@localdomain2.example.>"), "sign")


@suite.case("a pysrs.cfg without a secret of its own is refused, a "
            "readable one warned of")
def pysrs_problems(site):
    directory = site.new_dir()
    path = os.path.join(directory, "pysrs.cfg")
    sock = os.path.join(directory, "sock")
    text = PYSRS.replace("{socket}", f"unix:{sock}")
    for secret, said in (("shhhh!", "is the one published with pysrs"),
                         ('"shhhh!"', "is the one published with pysrs"),
                         ("", "secret: ")):
        write(path, text.replace("{secret}", secret), 0o640)
        status, _, error = site.run("-n", "-c", path)
        equal(status, 1, f"status with {secret!r}")
        true(said in error, error)
    write(path, text.replace("secret = {secret}\n", ""), 0o640)
    status, _, error = site.run("-n", "-c", path)
    true(status == 1 and "can be forged" in error, error)
    write(path, text.replace("{secret}", Srsd.SECRET) + "[x]\ny = z\n", 0o644)
    status, output, error = check_only("srsd", path)
    equal((status, output), (0, f"{path}: ok\n"), "readable")
    true("the secret is accessible to all users" in error, error)
    true("[x] y: unknown pysrs key; ignored" in error, error)


if __name__ == "__main__":
    sys.exit(Site().run_cases(suite))

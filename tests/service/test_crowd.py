#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
srsd among many: who gives way at the limit, whose turn it is, what it counts
and reports of that.
"""

import os
import pwd
import re
import resource
import signal
import socket
import subprocess
import sys

import tap
from socketmap_client import NOBODY, Site, Srsd, netstring, write
from tap import Skip, equal, true, wait_until

suite = tap.Suite()

PROBE = netstring(b"probe ")
HALF = b"100:forward half-a-request"


# --- a crowd: connections of another process, and of another user -------------

CROWD = """
import os, select, socket, sys
path, count, uid = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
payload = bytes.fromhex(sys.argv[4])
if uid:
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
crowd = []
for _ in range(count):
    s = socket.socket(socket.AF_UNIX)
    s.connect(path)
    if payload:
        s.send(payload)
    crowd.append(s)
print("connected", flush=True)
for line in sys.stdin:
    poll, closed = select.poll(), 0
    for s in crowd:
        poll.register(s, 0)
    closed = sum(bool(what & select.POLLHUP) for _, what in poll.poll(0))
    print(closed, flush=True)
"""


class Crowd:
    """So many connections of user uid, each of which has sent payload."""

    def __init__(self, site, daemon, count, payload=b"", uid=NOBODY):
        self.process = subprocess.Popen(
            [sys.executable, "-c", CROWD, daemon.sock, str(count), str(uid),
             payload.hex()], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        site.clients.append(self)
        equal(self.process.stdout.readline(), "connected\n", "crowd")

    def closed(self):
        """How many connections the daemon has closed."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


# --- metrics ------------------------------------------------------------------

def with_metrics(site, srsd="", **more):
    """srsd with a metrics listener, whose path is .metrics."""
    path = os.path.join(site.new_dir(), "metrics")
    daemon = Srsd(site, srsd=f"metrics = unix:{path}\nsocket_mode = 0666\n"
                  + srsd, **more)
    os.chmod(os.path.dirname(path), 0o755)
    daemon.metrics = path
    return daemon


def fetch(daemon, page):
    """Status and body."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(daemon.metrics)
        s.sendall(f"GET {page} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        reply = b""
        while part := s.recv(1 << 16):
            reply += part
    head, _, body = reply.decode().partition("\r\n\r\n")
    return int(head.split()[1]), body


def metrics(daemon):
    """Each line of /metrics, {name{labels}: value}."""
    status, body = fetch(daemon, "/metrics")
    equal(status, 200, "status of /metrics")
    values, types = {}, {}
    for line in body.splitlines():
        if line.startswith("# TYPE "):
            name, kind = line.split()[2:]
            true(name not in types, f"{name} comes in two places")
            types[name] = kind
        elif not line.startswith("# HELP "):
            match = re.fullmatch(
                r'(\w+)(\{\w+="(?:[^"\\]|\\.)*"\})? (\d+)', line)
            true(match, f"no metric: {line!r}")
            true(match[1] in types, f"{match[1]} has no type")
            equal(types[match[1]] == "counter", match[1].endswith("_total"),
                  f"{match[1]}, a {types[match[1]]}")
            key = line.rpartition(" ")[0]
            true(key not in values, f"{key} is there twice")
            values[key] = int(match[3])
    return values


def of_listener(daemon, name):
    """A metric of the only listener."""
    return metrics(daemon)[f'{name}{{listener="unix:{daemon.sock}"}}']


def pause(daemon):
    """SIGSTOP; what is sent until SIGCONT is there at once."""
    daemon.signal(signal.SIGSTOP)
    os.waitid(os.P_PID, daemon.process.pid, os.WSTOPPED)


def up(client):
    true(client.ask("probe ").startswith(b"OK srsd "), "probe")


# --- at the limit -------------------------------------------------------------

@suite.case("10,100 idle connections of one user: others are answered, "
            "and stay")
def ten_thousand_idle(site):
    site.need_root()
    count = min(10100, site.descriptors - 300)
    if count < 1000:
        raise Skip("needs 1300 descriptors")
    daemon = with_metrics(site, f"max_connections = {count - 100}").start()
    # As sendmail's queue runner: idle for longer than anybody else.
    runner = daemon.client()
    up(runner)
    crowd = Crowd(site, daemon, count)
    # Unless it is asked, who has sent nothing might not be accepted yet.
    others = [daemon.client() for _ in range(50)]
    for client in others:
        up(client)
    up(runner)
    wait_until(lambda: crowd.closed() == 100 + 51, "the crowd to give way")
    # The last is closed before the one for which that was done is counted.
    wait_until(lambda: of_listener(daemon, "srsd_connections") == count - 100,
               "all that may be open")
    equal(of_listener(daemon, "srsd_connections_evicted_total"), 151,
          "evicted")
    equal(of_listener(daemon, "srsd_connections_refused_total"), 0, "refused")
    daemon.wait_log("closed to let others in (max_connections)")
    line = [l for l in daemon.log().splitlines() if "let others in" in l]
    equal(len(line), 1, "lines, one a minute")
    true(f"most are held by uid {NOBODY}: " in line[0], line[0])
    for client in others:
        up(client)


@suite.case("a crowd that is never idle leaves each other user a share")
def busy_crowd(site):
    site.need_root()
    daemon = with_metrics(site, "max_connections = 20\nworkers = 1").start()
    Crowd(site, daemon, 20, HALF)
    wait_until(lambda: of_listener(daemon, "srsd_connections") == 20, "crowd")
    others = [daemon.client() for _ in range(10)]
    for client in others:
        up(client)
    equal(of_listener(daemon, "srsd_connections"), 20, "open")
    # Both have the same now: who comes takes a place of those who are idle.
    for client in others:
        up(client)


@suite.case("of one user's, a crowd that has never asked anything goes first")
def never_asked_first(site):
    daemon = with_metrics(site, "max_connections = 10\nworkers = 1").start()
    old = daemon.client()
    up(old)
    silent = [daemon.client() for _ in range(9)]
    wait_until(lambda: of_listener(daemon, "srsd_connections") == 10, "ten")
    new = [daemon.client() for _ in range(4)]
    for client in new + [old]:
        up(client)
    for client in silent[:4]:
        client.expect_closed("one that never asked")


@suite.case("of one user's idle ones, that goes first which is idle for "
            "longest")
def idle_for_longest(site):
    daemon = with_metrics(site, "max_connections = 4\nworkers = 1").start()
    clients = [daemon.client() for _ in range(4)]
    for client in clients + clients[:1]:
        up(client)
    new = daemon.client()
    up(new)
    clients.pop(1).expect_closed("idle for longest")
    for client in clients + [new]:
        up(client)


@suite.case("at the limit no connection goes that has sent a request")
def nothing_sent_is_lost(site):
    daemon = with_metrics(site, "max_connections = 4\nworkers = 1").start()
    clients = [daemon.client() for _ in range(4)]
    for client in clients:
        up(client)
    pause(daemon)
    late = [daemon.client().send(PROBE) for _ in range(40)]
    for client in clients:
        client.send(PROBE)
    daemon.signal(signal.SIGCONT)
    for client in clients + late:
        true((client.answer() or b"").startswith(b"OK srsd "), "an answer")


@suite.case("without descriptors idle connections give way, and accept() "
            "doesn't spin")
def no_descriptors(site):
    # Of the same user, whose limits may be changed.
    who = pwd.getpwuid(os.geteuid()).pw_name
    daemon = with_metrics(site, f"workers = 1\nuser = {who}").start()
    idle = [daemon.client() for _ in range(30)]
    for client in idle:
        up(client)
    used = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE,
                     (used, site.descriptors))
    late = []
    for _ in range(20):
        late.append(daemon.client())
        up(late[-1])
    daemon.wait_log("found no file descriptor left")
    equal(daemon.log().count("found no file descriptor left"), 1, "log lines")
    resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE,
                     (site.descriptors, site.descriptors))
    now = metrics(daemon)
    equal(now["srsd_accept_failures_total"], 20, "failures for 20 clients")
    equal(of_listener(daemon, "srsd_connections_evicted_total"),
          now["srsd_accept_failures_total"], "evicted")


@suite.case("fewer descriptors than max_connections: a warning, and a "
            "lower limit")
def limit_of_files(site):
    daemon = with_metrics(site)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    program = site.program
    try:
        site.program = write(
            os.path.join(site.new_dir(), "srsd"),
            f'#!/bin/sh\nulimit -n 400\nexec {program} "$@"\n', 0o755)
        daemon.start()
    finally:
        site.program = program
    equal(resource.getrlimit(resource.RLIMIT_NOFILE), hard, "own limit")
    daemon.wait_log("max_connections = 10000, but the limit of open files "
                    "leaves 300")
    equal(metrics(daemon)["srsd_connections_limit"], 300, "limit")


# --- turns --------------------------------------------------------------------

@suite.case("full pipelines: a request waits for a few of each client's, "
            "not for all")
def turns(site):
    clients, each = 100, 300
    daemon = Srsd(site, srsd="workers = 1").start()
    greedy = [daemon.client() for _ in range(clients)]
    modest = daemon.client()
    for client in greedy + [modest]:
        up(client)
    pause(daemon)
    for number, client in enumerate(greedy):
        client.send(netstring(b"forward x@g%d.example" % number) * each)
    modest.send(netstring(b"forward x@modest.example"))
    daemon.signal(signal.SIGCONT)
    true(modest.answer().startswith(b"OK SRS0="), "answer")
    for client in greedy:
        for _ in range(each):
            true(client.answer().startswith(b"OK SRS0="), "answer")
    order = re.findall(r"from=x@(\w+)\.example", daemon.log())
    equal(len(order), clients * each + 1, "decisions in the log")
    before = order[:order.index("modest")]
    most = max(before.count(f"g{n}") for n in range(clients))
    true(most <= 64, f"{most} of one client came first")
    true(len(before) <= clients * 16, f"{len(before)} requests came first")
    # And they take turns with each other.
    half = order[:len(order) // 2]
    least = min(half.count(f"g{n}") for n in range(clients))
    true(least >= each // 4, f"one had {least} of {each} at half time")


# --- figures and health -------------------------------------------------------

@suite.case("requests by map, outcomes by reason, forged and expired "
            "signatures")
def figures(site):
    daemon = with_metrics(site).start()
    client = daemon.client()
    good = client.ask("forward bob@example.net")[3:].decode()
    client.ask("reverse " + good)
    client.ask("make_srs <@>")
    client.ask("virtual x")
    client.send(netstring(b"nospace")).answer()
    for _ in range(3):
        client.ask("reverse SRS0=aaaa=AA=example.net=bob@srs.example.com")
    up(client)
    now = metrics(daemon)
    for line, value in {
            'srsd_requests_total{map="forward"}': 1,
            'srsd_requests_total{map="reverse"}': 4,
            'srsd_requests_total{map="make_srs"}': 1,
            'srsd_requests_total{map="probe"}': 1,
            'srsd_requests_total{map="unknown"}': 1,
            'srsd_malformed_total': 1,
            'srsd_senders_total{reason="forwarded"}': 1,
            'srsd_senders_total{reason="null_sender"}': 1,
            'srsd_recipients_total{reason="restored"}': 1,
            'srsd_recipients_total{reason="bad_signature"}': 3,
            'srsd_signatures_forged_total': 3,
            'srsd_signatures_expired_total': 0,
            'srsd_connections_limit': 10000,
            'mailfrom_trouble{trouble="configuration"}': 0}.items():
        equal(now.get(line), value, line)
    true(now["process_threads"] >= 2 and now["process_open_fds"] > 5,
         f"process: {now}")
    # Guesses are counted, never limited: a genuine bounce gets through.
    client.send(netstring(b"reverse SRS0=bbbb=AA=example.net=bob@"
                          b"srs.example.com") * 2000)
    for _ in range(2000):
        equal(client.answer(), b"NOTFOUND ", "a guess")
    equal(client.ask("reverse " + good), b"OK bob@example.net", "genuine")
    equal(metrics(daemon)["srsd_signatures_forged_total"], 2003, "forged")


@suite.case("/healthz is 503 and says why while a failed reload isn't mended")
def healthz(site):
    daemon = with_metrics(site).start()
    equal(fetch(daemon, "/healthz"), (200, "ok\n"), "health")
    right = dict(daemon.sections)
    daemon.configure(srs="separator = x\n")
    daemon.signal(signal.SIGHUP)
    daemon.wait_log("SIGHUP: ")
    equal(fetch(daemon, "/healthz"),
          (503, "the last reload failed; the old configuration stays in "
           "force\n"), "health after a failed reload")
    equal(metrics(daemon)['mailfrom_trouble{trouble="configuration"}'], 1,
          "gauge")
    up(daemon.client())
    daemon.configure(**right)
    daemon.signal(signal.SIGHUP)
    daemon.wait_log("configuration and secrets reloaded")
    equal(fetch(daemon, "/healthz"), (200, "ok\n"), "health afterwards")


@suite.case("metrics that is no address is an error of its line")
def bad_metrics(site):
    daemon = Srsd(site, srsd="metrics = nowhere")
    status, _, error = site.run("-n", "-c", daemon.config)
    equal(status, 1, "status")
    true(re.search(r':\d+: metrics: "nowhere": ', error), error)


# --- tcp_table ----------------------------------------------------------------

@suite.case("tcp_table: a last line ended by the end of the stream is answered")
def line_without_end(site):
    listeners = [socket.socket(socket.AF_UNIX) for _ in range(2)]
    paths = [os.path.join(site.new_dir(), "tcp") for _ in range(2)]
    for listener, path in zip(listeners, paths):
        listener.bind(path)
        listener.listen()
    daemon = Srsd(site).start(
        listeners, {"LISTEN_FDNAMES": "tcp_table_forward:socketmap"})
    for octets, answers in ((b"get bob@example.net", [b"200 SRS0="]),
                            (b"get a@b.example\nget bob@example.net",
                             [b"200 SRS0=", b"200 SRS0="]),
                            (b"put x", [b"400 only"])):
        client = daemon.client(paths[0]).send(octets)
        client.socket.shutdown(socket.SHUT_WR)
        for answer in answers:
            true(client.line().startswith(answer), f"answer to {octets!r}")
        true(not client.more(), "not closed afterwards")
    # Half a netstring is no request.
    client = daemon.client(paths[1]).send(b"7:probe ")
    client.socket.shutdown(socket.SHUT_WR)
    client.expect_closed("half a netstring")
    for listener in listeners:
        listener.close()


if __name__ == "__main__":
    sys.exit(Site().run_cases(suite))

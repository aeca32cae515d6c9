#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A filter short of threads or descriptors: what it needs, and what it says."""

import os
import re
import resource
import sys
import urllib.error
import urllib.request

import milter_daemon
import spfmilter
from milter_client import Session, Silent
import network
import places
import tap

equal = tap.equal
suite = tap.Suite()
SESSIONS = 400
ADDRESSES = 1536 << 20          # octets, of RLIMIT_AS
SANITIZED = re.search("[at]san", places.BUILD)


class Site(milter_daemon.Site):
    def __init__(self):
        super().__init__()
        self.dns = spfmilter.name_server()

    def daemon(self, directory, access="", **options):
        return spfmilter.Spfmilter(directory, self.dns.name, access, **options)


def limit(daemon, what, soft):
    _, hard = resource.prlimit(daemon.process.pid, what)
    resource.prlimit(daemon.process.pid, what, (soft, hard))


def size(daemon):
    """Octets of addresses."""
    with open(f"/proc/{daemon.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def waiting(daemon, count, word, timeout=60):
    """Sessions that wait for the DNS, which must be frozen, at MAIL."""
    sessions = []
    for n in range(count):
        s = Session(daemon.address, timeout=timeout)
        s.connect("127.0.0.99")
        s.helo("mx.sender.test")
        s.mail(f"<bob@{word}{n}.pass.test>")
        sessions.append(s)
    return sessions


def finish(sessions):
    for s in sessions:
        equal(s.rcpt("<ann@fwd.test>").verdict, "continue", "RCPT")
        s.close()


def talk(daemon):
    with Session(daemon.address) as s:
        s.connect("127.0.0.99")
        s.helo("mx.sender.test")
        equal(s.deliver("<bob@pass.test>", ["<ann@fwd.test>"]).verdict,
              "continue")


def get(port, page):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{page}",
                                    timeout=20) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@suite.case("400 sessions wait for the DNS within 1.5 GB of addresses")
def small_stacks(site):
    if SANITIZED:
        return                  # whose shadow alone is larger
    port = network.free_port()
    d = site.start(spf="timeout = 25", spfmilter=f"metrics = "
                   f"inet:{port}@127.0.0.1")
    limit(d, resource.RLIMIT_AS, ADDRESSES)
    site.dns.freeze()
    try:
        sessions = waiting(d, SESSIONS, "few")
        tap.wait_until(lambda: f"spfmilter_callbacks {SESSIONS}\n" in
                       get(port, "/metrics")[1], f"{SESSIONS} callbacks")
        used = size(d)
        _, text = get(port, "/metrics")
    finally:
        site.dns.thaw()
    tap.diagnose(f"{SESSIONS} sessions: {used >> 20} MB of addresses")
    finish(sessions)
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines()
                 if not line.startswith("#"))
    equal(int(lines["process_threads"]) >= SESSIONS, True, "process_threads")
    equal(lines['mailfrom_shortages_total{of="threads"}'], "0", "shortages")


@suite.case("no thread to be had: logged once, a metric, /healthz, and it ends")
def no_threads(site):
    if SANITIZED:
        return
    port = network.free_port()
    d = site.start(spf="timeout = 25", spfmilter=f"metrics = "
                   f"inet:{port}@127.0.0.1")
    equal(get(port, "/healthz"), (200, "ok\n"))
    _, hard = resource.prlimit(d.process.pid, resource.RLIMIT_AS)
    site.dns.freeze()
    try:
        limit(d, resource.RLIMIT_AS, size(d) + (4 << 20))
        sessions = waiting(d, 4, "first")
        try:
            waiting(d, 60, "none", timeout=2)
        except Silent:
            pass                # this one has no thread
        d.wait_for_log("no thread can be created: .*LimitNPROC=")
        status, text = get(port, "/healthz")
        equal((status, text), (503, "no thread can be created\n"))
    finally:
        resource.prlimit(d.process.pid, resource.RLIMIT_AS, (hard, hard))
        site.dns.thaw()
    tap.wait_until(lambda: get(port, "/healthz")[0] == 200, "its health")
    finish(sessions)
    _, text = get(port, "/metrics")
    equal('mailfrom_shortages_total{of="threads"} 0' in text, False, "metric")
    equal(len([l for l in d.log() if "no thread can be" in l]), 1, "lines")


@suite.case("no descriptor left: logged, and over when there are some")
def no_descriptors(site):
    d = site.start()
    talk(d)                     # libmilter has all that it needs
    soft, _ = resource.prlimit(d.process.pid, resource.RLIMIT_NOFILE)
    limit(d, resource.RLIMIT_NOFILE, 8)     # all of these are in use
    d.wait_for_log("no file descriptor is left: ")
    limit(d, resource.RLIMIT_NOFILE, soft)
    talk(d)


@suite.case("/healthz: a failed reload, an access file that can't be used")
def healthz(site):
    port = network.free_port()
    d = site.start("spf-fail:\tREJECT\n", spfmilter=f"metrics = "
                   f"inet:{port}@127.0.0.1")
    equal(get(port, "/healthz"), (200, "ok\n"))
    good = d.values["spf"]
    before = len(d.log())
    d.write_config(spf="timeout = never")
    d.process.send_signal(1)
    d.wait_for_log("SIGHUP: invalid configuration", before)
    equal(get(port, "/healthz")[0], 503, "after a failed reload")
    d.reload(spf=good)
    equal(get(port, "/healthz"), (200, "ok\n"), "afterwards")
    before = len(d.log())
    os.unlink(d.access_path)
    d.wait_for_log("can't be used; keeping the old", before)
    status, text = get(port, "/healthz")
    equal((status, text.startswith("the access file has changed")),
          (503, True), text)
    d.change_access("spf-fail:\tREJECT\n")
    equal(get(port, "/healthz"), (200, "ok\n"), "with an access file")


if __name__ == "__main__":
    sys.exit(spfmilter.nameserver.run(suite, Site))

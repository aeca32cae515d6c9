#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
A fleet: three hosts, each with a network of its own, that have one secret and
one store.  Postfix with srsd, Postfix with srsmilter, sendmail with srsd; beside
them Redis, its replica and Sentinel.  What one has forwarded bounces at another,
while Redis dies, a host is cut off and daemons are killed.

FLEET_MESSAGES: how many go through each host (default 20; `make soak`: more).
"""

import concurrent.futures
import ctypes
import os
import re
import signal
import smtplib
import sys
import tempfile
import threading
import time

import exchange
import postfix
import redis_server
import sendmail
import smtp
import srsd
import tap
import world
from redis_server import Redis
from srsmilter import Srsmilter

PEERS = ["postfix", "sendmail", "redis"]
DOMAIN = "fwd.test"
MESSAGES = int(os.environ.get("FLEET_MESSAGES", "20"))
CLONE_NEWNET = 0x40000000
ROUTER = "10.9.0.254"           # where Redis is

LONG = "a.local.part.of.no.fewer.than.fifty.characters.{}@sender.test"
ALIAS = re.compile(r"SRS0=[\w-]{6}=[A-Z2-7]{2}=1=[0-9A-V]{32}@fwd\.test")
STORE = "[store]\nurl = {url}\nreplicas = {replicas}\non_down = tempfail\n" \
    "timeout = 8\n"             # where a slow machine isn't a dead one
ALIASES = "carol: carol@dest.test\n"

suite = tap.Suite()
case = suite.case


class Host:
    """Its network, with a name server and a sink of its own, and its servers."""

    def __init__(self, place, number):
        self.place, self.number = place, number
        self.pool = concurrent.futures.ThreadPoolExecutor(max_workers=1)
        thread = self.call(self.leave)
        self.cable = f"host{number}"
        world.run("ip", "link", "add", self.cable, "type", "veth",
                  "peer", "name", "eth0", "netns", str(thread))
        world.run("ip", "link", "set", self.cable, "master", "bridge", "up")
        self.call(self.set_up)
        self.exchange = self.call(exchange.Exchange)
        self.daemon = self.mta = None

    def call(self, function, *arguments, **options):
        """Run it there: a thread has its network, and what it starts has it."""
        return self.pool.submit(function, *arguments, **options).result()

    @staticmethod
    def leave():
        libc = ctypes.CDLL(None, use_errno=True)
        tap.true(libc.unshare(CLONE_NEWNET) == 0, "a network namespace")
        return threading.get_native_id()

    def set_up(self):
        world.run("ip", "link", "set", "lo", "up")
        world.run("ip", "address", "add", f"10.9.0.{self.number}/24", "dev",
                  "eth0")
        world.run("ip", "link", "set", "eth0", "up")
        world.NameServer()

    def beside_its_load(self, function):
        """call() while its thread is busy, from another one."""
        def enter():
            libc = ctypes.CDLL(None, use_errno=True)
            with open(f"/proc/{self.mta.process.pid}/ns/net", "rb") as network:
                tap.true(libc.setns(network.fileno(), CLONE_NEWNET) == 0,
                         "the host's network")
            function()
        thread = threading.Thread(target=enter)
        thread.start()
        thread.join()

    def cut(self, off=True):
        world.run("ip", "link", "set", self.cable, "down" if off else "up")

    # --- mail ---

    def forward(self, sender):
        return self.call(self.exchange.forward, sender, "carol@fwd.test")

    def bounce(self, address):
        return self.call(self.exchange.bounce, address)

    def answer(self, address):
        """What a bounce to address is told: a code, or where it went."""
        def talk():
            token, reply = self.exchange.submit("", address)
            if reply.accepted:
                return self.exchange.sink.only(token).recipients[0]
            return reply.rcpt[0][0] if reply.rcpt[0][0] >= 400 else reply.data[0]
        return self.call(talk)

    def send_all(self, count):
        """{token: sender} of messages that were taken, in two sessions."""
        sent = {self.exchange.new_token():
                LONG.format(f"{self.number}.{n}") if n % 2 else
                f"bob{self.number}.{n}@sender.test" for n in range(count)}
        items, failed = list(sent.items()), []

        deadline = time.monotonic() + 120 + count

        def deliver(share):
            try:
                session = smtp.Session(self.exchange.host, patient=True)
                for token, sender in share:
                    while not self.is_taken(session, sender, token):
                        tap.true(time.monotonic() < deadline, "progress")
                        session.reconnect()
                session.smtp.close()
            except Exception as error:
                failed.append(error)
                raise
        threads = [threading.Thread(target=deliver, args=(items[i::2],))
                   for i in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        tap.equal(failed, [], "sessions that broke")
        return sent

    @staticmethod
    def is_taken(session, sender, token):
        """Whoever is told to come again, or is cut off, does so."""
        try:
            return session.send(sender, ["carol@fwd.test"], token).accepted
        except (OSError, smtplib.SMTPException):
            return False

    def arrived(self, sent):
        """{token: envelope sender}, once all are there."""
        def senders():
            with self.exchange.sink.lock:
                seen = {token: m.sender for m in self.exchange.sink.messages
                        for token in re.findall(r"token-\d+-", m.text)}
            return seen if set(sent) <= set(seen) else None
        return tap.wait_until(senders, f"{len(sent)} messages of host "
                              f"{self.number}", timeout=300)


def make_srsd(host, port):
    def make():
        daemon = srsd.Srsd(host.place, DOMAIN, port=port,
                           srs="long_addresses = store")
        with open(daemon.config, encoding="utf-8") as file:
            daemon.text = file.read()
        return daemon
    return host.call(make)


def make_srsmilter(host, secret):
    directory = host.place.make_dir("run", "srsmilter", owner="mailfrom")
    daemon = Srsmilter(
        directory, "rewrite = remote_domain\nlocal_domains = fwd.test",
        "long_addresses = store", fwdomain=DOMAIN, secrets=(secret,),
        user="mailfrom", listen="inet:10007@127.0.0.1")
    os.chown(daemon.secret_path, *os.stat(directory)[4:6])
    return daemon


class Site:
    def __init__(self, place):
        self.place = place
        world.run("ip", "link", "add", "bridge", "type", "bridge")
        world.run("ip", "address", "add", f"{ROUTER}/24", "dev", "bridge")
        world.run("ip", "link", "set", "bridge", "up")
        self.master = Redis(host=ROUTER)
        self.replica = redis_server.replica_of(self.master)
        self.sentinel = redis_server.sentinel_of(self.master)
        redis_server.replicates(self.master)
        tap.wait_until(self.knows_replica, "Sentinel to see the replica", 60)
        self.url = f"redis+sentinel://{ROUTER}:{self.sentinel.port}/mymaster"
        self.hosts = [Host(place, n) for n in (1, 2, 3)]
        self.replicas = 1
        self.start_postfix_srsd(self.hosts[0])
        self.start_postfix_milter(self.hosts[1])
        self.start_sendmail(self.hosts[2])

    def knows_replica(self):
        return self.sentinel.ask("SENTINEL", "replicas", "mymaster")

    def section(self):
        return STORE.format(url=self.url, replicas=self.replicas)

    def configure(self, host):
        """Write [store]; a daemon that runs reads it again."""
        if isinstance(host.daemon, Srsmilter):
            host.daemon.write_config(more=self.section())
        else:
            host.place.write("run", host.daemon.name, "mailfrom.conf",
                             text=host.daemon.text + self.section())

    def reload(self, replicas):
        self.replicas = replicas
        for host in self.hosts:
            self.configure(host)
            before = log_of(host.daemon).count("reloaded")
            host.daemon.process.send_signal(signal.SIGHUP)
            tap.wait_until(lambda h=host, b=before: log_of(h.daemon).count(
                "reloaded") > b, "a reload", 60)

    def start_postfix_srsd(self, host):
        host.daemon = make_srsd(host, 10003)
        self.configure(host)
        host.call(host.daemon.start)
        host.mta = host.call(lambda: postfix.Postfix(
            self.place, "fleet-srsd", DOMAIN,
            postfix.settings("simple.main.cf", DOMAIN),
            aliases=ALIASES).start())

    def start_postfix_milter(self, host):
        host.daemon = make_srsmilter(host, self.hosts[0].daemon.secret)
        self.configure(host)
        host.call(host.daemon.start)
        host.mta = host.call(lambda: postfix.Postfix(
            self.place, "fleet-srsmilter", DOMAIN,
            postfix.settings("milter.main.cf", DOMAIN),
            postfix.settings("milter.master.cf", DOMAIN),
            aliases=ALIASES).start())

    def start_sendmail(self, host):
        host.daemon = make_srsd(host, 10013)
        self.configure(host)
        host.call(host.daemon.start)
        host.mta = host.call(lambda: sendmail.Sendmail(
            self.place, "fleet-sendmail", DOMAIN, world.FORWARDER,
            sendmail.srs_lines("inet:10013@127.0.0.1"), aliases=ALIASES
            ).start("-q1s"))

    def fail_over(self):
        """Kill the master; once the replica is that, the old one joins it."""
        self.master.kill()
        tap.wait_until(lambda: self.replica.ask("ROLE")[0] == "master",
                       "the failover", 60)
        self.master, self.replica = self.replica, self.master
        self.replica.start_as_replica(self.master)
        redis_server.replicates(self.master)

    def evidence(self):
        return [line for host in self.hosts
                for line in log_of(host.daemon).splitlines()[-15:]] + \
            self.place.recent_log()


def log_of(daemon):
    with open(daemon.log_path, encoding="utf-8", errors="replace") as file:
        return file.read()


@case("what each host has forwarded bounces at each other one")
def pairs(site):
    for one in site.hosts:
        long = LONG.format(one.number)
        for sender in long, "bob@sender.test":
            address = one.forward(sender)
            tap.true(bool(ALIAS.fullmatch(address)) == (sender == long),
                     f"host {one.number}: {address}")
            for two in site.hosts:
                tap.equal(two.bounce(address), sender,
                          f"from host {one.number} at host {two.number}")


@case("a forged alias is nobody's, at each host")
def forged(site):
    address = site.hosts[0].forward(LONG.format("forged"))
    wrong = address[:5] + "AAAAAA" + address[11:]
    for host in site.hosts:
        tap.true(host.answer(wrong) in (550, 553),
                 f"host {host.number}: {host.answer(wrong)}")


@case("under load: failover, a host cut off, a daemon killed; none lost")
def under_load(site):
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        loads = [pool.submit(host.call, host.send_all, MESSAGES)
                 for host in site.hosts]
        site.fail_over()
        third = site.hosts[2]
        third.cut()
        first = site.hosts[0].daemon
        first.process.kill()
        first.process.wait()
        site.hosts[0].beside_its_load(first.start)
        third.cut(off=False)
        sent = [load.result() for load in loads]
    seen = [host.arrived(share) for host, share in zip(site.hosts, sent)]
    count = lost = 0
    for i, host in enumerate(site.hosts):
        for token, sender in sent[i].items():
            address = seen[i][token]
            tap.true(address.startswith("SRS0=") and
                     address.endswith("@fwd.test"), f"{sender}: {address}")
            tap.equal(bool(ALIAS.fullmatch(address)), len(sender) > 50, address)
            at = site.hosts[(i + 1) % 3]
            answer = at.answer(address)
            count += 1
            if answer == sender:
                continue
            tap.true(answer in (451, 450), f"{address} at host {at.number}: "
                     f"{answer}, expected {sender}")
            lost += 1
    tap.diagnose(f"{count} messages, {count // 2} aliases, {lost} lost at the "
                 "failover")
    tap.equal(lost, 0, "rows that a replica had confirmed")


@case("rows lost at a failover: their bounces wait, and are never refused")
def lost_rows(site):
    site.reload(replicas=0)
    one, two, three = site.hosts
    kept = one.forward(LONG.format("replicated"))
    digest = kept.split("=")[-1].split("@")[0]
    tap.wait_until(lambda: site.replica.ask("GET", f"mailfrom:a:{digest}"),
                   "the replica", 60)
    # What it has on disk is all that is left.
    tap.equal(site.replica.ask("SAVE"), "OK")
    site.replica.signal(signal.SIGSTOP)
    lost = [one.forward(LONG.format(f"lost.{n}")) for n in range(3)]
    site.master.kill()
    site.replica.kill()
    site.replica.start_as_replica(site.master)
    tap.wait_until(lambda: site.replica.ask("ROLE")[0] == "master",
                   "the failover", 60)
    site.master, site.replica = site.replica, site.master
    tap.wait_until(lambda: two.answer(kept) == LONG.format("replicated"),
                   "the new master", 60)
    tap.wait_until(lambda: three.answer(kept) == LONG.format("replicated"),
                   "the new master", 60)
    answers = [host.answer(address) for address in lost
               for host in (two, three)]
    tap.diagnose(f"{len(lost)} aliases lost, bounces answered {answers}")
    tap.equal(set(answers), {451}, "answers")
    # Another message of that sender stores it again, and its bounces go on.
    tap.equal(one.forward(LONG.format("lost.0")), lost[0])
    tap.equal(two.answer(lost[0]), LONG.format("lost.0"))
    site.replica.start_as_replica(site.master)
    redis_server.replicates(site.master)


@case("Redis is gone altogether: mail waits, short addresses don't")
def no_redis(site):
    one, two, _ = site.hosts
    alias = one.forward(LONG.format("before"))
    site.master.kill()
    site.replica.kill()
    tap.wait_until(lambda: "not available" in log_of(one.daemon).split(
        "reloaded")[-1], "the log", 60)
    tap.equal(one.bounce(one.forward("bob@sender.test")), "bob@sender.test")
    tap.equal(one.answer("x" + alias) in (550, 553), True, "no alias")
    tap.true(two.answer(alias) in (451, LONG.format("before")), "an alias")
    done = one.call(one.exchange.submit, LONG.format("meanwhile"),
                    "carol@fwd.test")[1]
    tap.true(not done.accepted and "451" in str(done), f"{done}")
    site.master.start()
    tap.wait_until(lambda: one.call(
        one.exchange.submit, LONG.format("meanwhile"),
        "carol@fwd.test")[1].accepted, "Redis", 60)


def main():
    place = world.enter(PEERS)
    # Redis syncs its configuration at each failover: not to a slow disk.
    tempfile.tempdir = place.make_dir("run", "tmp")
    site = Site(place)
    return suite.run(site, site.evidence)


if __name__ == "__main__":
    sys.exit(main())

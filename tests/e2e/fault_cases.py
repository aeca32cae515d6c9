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

A site is what faults.py says, with mailbox(token).
"""

import contextlib
import os
import random
import re
import signal
import socket
import threading

import dns
import exchange
import faults
import nameserver
import places
import servers
import tap
import world
from faults import (EITHER, USUAL, Row, connected, hang_up, rename_garbage,
                    replaced, write_garbage)
from spfmilter import Spfmilter
from srsmilter import Srsmilter

PEERS = ["nsd", "postsrsd"]             # postsrsd's row has libfaketime
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

# MTAs look the domains of senders up by themselves.
world.WILDCARDS.update(f"{kind}.test" for kind in KINDS)

table = faults.Table()
fault = table.fault


# --- the site ---

class Site(exchange.Exchange):
    def __init__(self, place):
        super().__init__()
        self.place = place
        self.random = random.Random(faults.SEED)
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
        self.daemons = [self.spfmilter, self.srsmilter]
        self.spfmilter.port, self.srsmilter.port = SPF_PORT, SRS_PORT
        self.signer, self.peer = self.srsmilter, "pass.test"
        self.own_secret()
        self.start_filters()
        self.start_mta()

    def signed(self, address):
        return self.srsmilter.encode(address, SRS_DOMAIN)

    def own_secret(self):
        os.chown(self.srsmilter.secret_path, 8924, 8924)

    def new_messages(self, count):
        return [Message(self, KINDS[n % 3]) for n in range(count)]

    def start_filters(self):
        for each in self.daemons:
            each.start()

    def evidence(self):
        return self.place.recent_log() + [
            line for each in self.daemons
            for line in (f"{each.name}:", each.log_tail())]


# --- messages ---

class Message(faults.Message):
    def __init__(self, site, kind):
        super().__init__(site, f"{kind}.test")
        self.wanted = kind == "pass"
        self.right = 250 if self.wanted else 550

    def try_once(self):
        return self.attempt(self.site.host, RCPT)

    def faults(self, seconds_allowed):
        copies = self.site.mailbox(self.token)
        yield from self.count(len(copies), seconds_allowed)
        for text in copies if self.wanted else []:
            path = re.match(r"(?:Envelope-From|Return-Path): <?([^>\n]*)", text)
            if not path or not self.is_rewritten(path[1], SRS_DOMAIN):
                yield "mangled", f"{self.sender} is now {path and path[1]}"


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


FILES = {
    "mailfrom.conf of spfmilter": lambda site: site.spfmilter.config,
    "mailfrom.conf of srsmilter": lambda site: site.srsmilter.config,
    "the secrets": lambda site: site.srsmilter.secret_path,
}
@table.case("the access file: garbage and removed, with SIGHUP: the old one stays")
def access_file(site):
    for change in write_garbage, rename_garbage, os.unlink:
        row = Row(site, f"access file: {change.__name__}, SIGHUP", count=3)
        with replaced(site.spfmilter.access_path, change, lambda: hang_up(site)):
            row.send()
            row.during = row.said.copy()
        row.end(row.insist(), USUAL)
        yield from row.problems


for each_name, each_path in FILES.items():
    table.file_case(each_name, each_path, USUAL)


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

faults.add_common_cases(table, USUAL)


def main(site_of, peers):
    place = world.enter([*peers, *PEERS])
    site = site_of(place)
    tap.diagnose("| fault | clients were told | lost | doubled | unchecked | "
                 "mangled | rounds |")
    return table.run(site, site.evidence)

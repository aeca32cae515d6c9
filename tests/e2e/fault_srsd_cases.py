# SPDX-License-Identifier: ISC
"""
What becomes of mail that is forwarded while srsd, or what it needs, fails, for
whichever MTA with our lines for it.

Each message has a mailbox here and an address elsewhere for recipients.  Under
every fault a client may be told 4xx or lose the session, or the message waits in
the queue; but in the end it is in the mailbox with the sender it came with, and
elsewhere with that sender rewritten, once each.
"""

import os
import random
import re
import signal
import socket
import threading

import exchange
import faults
import milter_daemon
import srsd
import tap
import world
from faults import EITHER, Row, connected
from srsmilter import Srsmilter

PEERS = ["postsrsd"]                    # its row has libfaketime
# Postfix reports what it finds wrong with its tables.
ALIASES = "carol: carol@dest.test\npostmaster: local\n"
RECIPIENTS = "carol@fwd.test", "local@fwd.test"
USUAL = (250,)

# MTAs look the domains of senders up by themselves.
world.WILDCARDS.add("sender.test")

table = faults.Table()
fault = table.fault


class Srsd(milter_daemon.Daemon):
    name, template = "srsd", """\
[srs]
secret_file = {secret}
fwdomain = fwd.test
own_domains = fwd.test, mx.fwd.test
[srsd]
listen = {listen}
pid_file = {pid_file}
user = {user}
[log]
to = stderr
level = info
"""
    port = srsd.PORT
    write_secrets, srs = Srsmilter.write_secrets, Srsmilter.srs

    def __init__(self, directory):
        self.secret_path = os.path.join(directory, "secret")
        super().__init__(
            directory, {"secret": self.secret_path,
                        "pid_file": os.path.join(directory, "pid")},
            listen=f"inet:{self.port}@127.0.0.1", user="mailfrom")

    def start(self, **more):
        self.launch(**more)
        faults.wait_until_up(self)
        return self


class Site(exchange.Exchange):
    def __init__(self, place):
        super().__init__()
        self.peer = "sender.test"
        self.place, self.random = place, random.Random(faults.SEED)
        directory = place.make_dir("run", "srsd")
        world.run("mount", "-t", "tmpfs", "-o",
                  "size=1m,uid=8924,gid=8924,mode=755", "none", directory)
        self.signer = Srsd(directory)
        self.daemons = [self.signer]
        self.signer.write_secrets("a secret of the fault tests")
        self.own_secret()
        self.signer.start()
        self.start_mta()

    def own_secret(self):
        os.chown(self.signer.secret_path, 8924, 8924)

    def signed(self, address):
        return self.signer.srs("encode", address, "--domain", "fwd.test")

    def new_messages(self, count):
        return [Message(self, self.peer) for _ in range(count)]

    def evidence(self):
        return [*self.place.recent_log(), "srsd:", self.signer.log_tail()]


class Message(faults.Message):
    def try_once(self):
        return self.attempt(self.site.host, *RECIPIENTS)

    def faults(self, seconds_allowed):
        forwarded = self.site.sink.with_token(self.token)
        local = self.site.mailbox(self.token)
        self.cut |= seconds_allowed     # an MTA that is killed may repeat a hop
        yield from self.count(len(forwarded), seconds_allowed)
        yield from self.count(len(local), seconds_allowed)
        for copy in forwarded:
            if not self.is_rewritten(copy.sender, "fwd.test"):
                yield "mangled", f"{self.sender} is now {copy.sender}"
        for text in local:
            path = re.match(r"(?:Envelope-From|Return-Path): <?([^>\n]*)", text)
            if not path or path[1] != self.sender:
                yield "mangled", f"{self.sender} is {path and path[1]} here"


# --- files ---

table.file_case("mailfrom.conf", lambda site: site.signer.config, USUAL)
table.file_case("the secrets", lambda site: site.signer.secret_path, USUAL)


# --- srsd itself ---

@fault("srsd not running", EITHER)
def stopped(site):
    site.signer.stop()
    yield
    site.signer.start()


def unread(port):
    """Whether something waits that the server at port has not read."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    return any(row[1].endswith(f":{port:04X}") and
               int(row[4].split(":")[1], 16) for row in rows)


@table.case("srsd stands still until a request waits for it")
def stands_still(site):
    row = Row(site, "srsd stands still for a while")
    site.signer.process.send_signal(signal.SIGSTOP)
    load = threading.Thread(target=row.send, daemon=True)
    load.start()
    try:
        tap.wait_until(lambda: unread(site.signer.port), "a request")
    finally:
        site.signer.process.send_signal(signal.SIGCONT)
    load.join()
    row.during = row.said.copy()
    row.end(row.insist(), EITHER)
    return row.problems


# --- its clients ---

PARTS = {"before a request": b"", "within a length": b"12",
         "within a request": b"30:make_srs dest.test",
         "after an absurd length": b"99999999999:", "after garbage": b"\r\n\0" * 999}
for part, octets in PARTS.items():
    for half in False, True:
        way = "half-close" if half else "stall"

        @fault(f"200 clients of srsd {way} {part}", USUAL, count=3)
        def clients(site, octets=octets, half=half):
            with connected(("127.0.0.1", site.signer.port), 200, octets,
                           half=half):
                yield


@fault("clients of srsd flood: connections that come and go", EITHER)
def flood(site):
    over = threading.Event()

    def knock():
        while not over.is_set():
            try:
                socket.create_connection(("127.0.0.1", site.signer.port),
                                         10).close()
            except OSError:
                pass
    thread = threading.Thread(target=knock, daemon=True)
    thread.start()
    yield
    over.set()
    thread.join()


faults.add_common_cases(table, USUAL, without_descriptors=EITHER)


def main(site_of, peers):
    site = site_of(world.enter([*peers, *PEERS]))
    tap.diagnose("| fault | clients were told | lost | doubled | unchecked | "
                 "mangled | rounds |")
    return table.run(site, site.evidence)

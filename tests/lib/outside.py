# SPDX-License-Identifier: ISC
"""
The world outside of a mail server's host: a network namespace of its own, joined
to that of the test by a cable.  Clients there are strangers with addresses that
aren't loopback's, and mail servers there can take port 25 while the one under
test listens on all its addresses.
"""

import concurrent.futures
import ctypes
import threading

import tap
import world

HOST = "192.0.2.25"             # of the mail server under test
ROUTER = "192.0.2.1"
CLIENT = "198.51.100.7"
MX, RELAY = "203.0.113.10", "203.0.113.20"
CLONE_NEWNET = 0x40000000


class Outside:
    """call(function, ...) runs it out there, and returns what it returns."""

    def __init__(self, addresses=(CLIENT, MX, RELAY)):
        # A thread has its own network; what it opens stays there.
        self.pool = concurrent.futures.ThreadPoolExecutor(max_workers=1)
        thread = self.call(self.leave)
        world.run("ip", "link", "add", "eth0", "type", "veth",
                  "peer", "name", "eth0", "netns", str(thread))
        world.run("ip", "address", "add", f"{HOST}/24", "dev", "eth0")
        world.run("ip", "link", "set", "eth0", "up")
        self.call(self.set_up, addresses)
        world.run("ip", "route", "add", "default", "via", ROUTER)

    def call(self, function, *arguments, **options):
        return self.pool.submit(function, *arguments, **options).result()

    @staticmethod
    def leave():
        libc = ctypes.CDLL(None, use_errno=True)
        tap.true(libc.unshare(CLONE_NEWNET) == 0, "a network namespace")
        return threading.get_native_id()

    @staticmethod
    def set_up(addresses):
        world.run("ip", "link", "set", "lo", "up")
        world.run("ip", "address", "add", f"{ROUTER}/24", "dev", "eth0")
        for address in addresses:
            world.run("ip", "address", "add", f"{address}/32", "dev", "lo")
        world.run("ip", "link", "set", "eth0", "up")

# SPDX-License-Identifier: ISC
"""
Debian's Redis and Sentinel as private processes: on unix sockets, or on ports
that nobody uses.  Commands are spoken to them here, so that nothing else is
needed to ask what they hold.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile

import network
import places
import tap

SERVER = places.peer("redis", "usr/bin/redis-server")
SENTINEL = places.peer("redis", "usr/bin/redis-sentinel")


def missing():
    """Why there is no Redis; None: there is."""
    return places.fetch("redis")


def libraries():
    """For those that were unpacked with it."""
    found = places.peer("redis", "usr/lib", os.uname().machine + "-linux-gnu")
    return {**os.environ, "LD_LIBRARY_PATH": found}


class Redis:
    """A server; lines: what its configuration has besides."""

    def __init__(self, *lines, host="127.0.0.1", port=None, program=SERVER,
                 name="redis"):
        self.directory = tempfile.mkdtemp(prefix=f"mailfrom-{name}.")
        self.socket = os.path.join(self.directory, "socket")
        self.conf = os.path.join(self.directory, "conf")
        self.log = os.path.join(self.directory, "log")
        self.host, self.port = host, port or network.free_port(host=host)
        self.program = program
        self.prefix = ()        # of commands, such as AUTH
        with open(self.conf, "w", encoding="ascii") as file:
            file.write(f"bind {host}\nport {self.port}\n"
                       f"dir {self.directory}\nlogfile {self.log}\n"
                       "protected-mode no\ndaemonize no\n" +
                       "".join(f"{line}\n" for line in lines))
            if program == SERVER:
                file.write(f"unixsocket {self.socket}\nsave \"\"\n")
        self.process = None
        self.start()

    def start(self, *options):
        self.process = subprocess.Popen(
            [self.program, self.conf, *options], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=libraries())
        tap.wait_until(self.is_up, f"{self.program} to start", 60)

    def is_up(self):
        if self.process.poll() is not None:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                raise AssertionError(file.read()[-2000:])
        try:
            return b"LOADING" not in self.raw("PING")
        except OSError:
            return False

    def raw(self, *words):
        """The beginning of the reply to a command."""
        with socket.create_connection((self.host, self.port), 5) as sock:
            for command in (*self.prefix, words):
                sock.sendall(encode(command))
                reply = sock.recv(65536)
        return reply

    def ask(self, *words):
        """A whole reply, as str, int, None or a list."""
        with socket.create_connection((self.host, self.port), 20) as sock, \
                sock.makefile("rb") as stream:
            for command in (*self.prefix, words):
                sock.sendall(encode(command))
                reply = decode(stream)
        return reply

    def url(self, scheme="redis", database=""):
        return f"{scheme}://{self.host}:{self.port}{database}"

    def start_as_replica(self, master):
        self.start("--replicaof", f"{master.host} {master.port}")

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.signal(signal.SIGCONT)
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def encode(words):
    parts = [str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(
        b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


def decode(stream):
    line = stream.readline()[:-2].decode(errors="replace")
    kind, rest = line[:1], line[1:]
    if kind == ":":
        return int(rest)
    if kind == "*":
        return [decode(stream) for _ in range(int(rest))]
    if kind == "$":
        size = int(rest)
        return None if size < 0 else stream.read(size + 2)[:-2].decode()
    return line if kind == "-" else rest


def replica_of(master, *lines):
    return Redis(f"replicaof {master.host} {master.port}",
                 "repl-diskless-sync-delay 0", *lines, host=master.host)


def sentinel_of(master, name="mymaster", quorum=1, down_ms=500):
    """One that watches master, and promotes a replica soon."""
    return Redis(
        f"sentinel monitor {name} {master.host} {master.port} {quorum}",
        f"sentinel down-after-milliseconds {name} {down_ms}",
        f"sentinel failover-timeout {name} 3000",
        f"sentinel parallel-syncs {name} 1", host=master.host,
        program=SENTINEL, name="sentinel")


def replicates(master, count=1):
    """Wait until so many replicas are in step."""
    def synced():
        role = master.ask("ROLE")
        return role[0] == "master" and len(role[2]) >= count
    tap.wait_until(synced, "the replica", 60)

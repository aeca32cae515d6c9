# SPDX-License-Identifier: ISC
"""Filters to test the client with: filter.c by libmilter, and a liar."""

import os
import socket
import struct
import subprocess
import tempfile
import threading

import places
import tap

PROGRAM = places.program("tests/milter/filter")


class Site:
    """A directory, and the filters of the case at hand."""

    def __init__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="mailfrom-milter-")
        self.filters, self.count = [], 0

    def path(self):
        self.count += 1
        return os.path.join(self.directory.name, str(self.count))

    def filter(self, *rules, **options):
        """filter.c with these rules; its others die, for they are done."""
        self.end()
        self.filters.append(Filter(self.path(), rules, **options))
        return self.filters[-1]

    def liar(self, *replies, **ways):
        self.end()
        self.filters.append(Liar("unix:" + self.path(), replies, **ways))
        return self.filters[-1]

    def evidence(self):
        return [line for f in self.filters for line in f.log()[-40:]]

    def end(self):
        for f in self.filters:
            f.stop()
        self.filters = []


class Filter:
    """steps, actions: what it asks for; lists: macros by SMFIM_* number."""

    def __init__(self, path, rules, address=None, steps=None, actions=None,
                 lists=None, show=()):
        self.address = address or f"unix:{path}"
        words = [PROGRAM]
        if steps is not None:
            words += ["-n", str(int(steps))]
        if actions is not None:
            words += ["-a", str(int(actions))]
        for stage, names in (lists or {}).items():
            words += ["-m", f"{stage}={names}"]
        for name in show:
            words += ["-g", name]
        self.log_path = path + ".log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [*words, self.address, *rules], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)
        tap.wait_until(self.is_ready, "the filter to listen")

    def is_ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the filter ended: {self.log()}")
        return self.log()[:1] == ["ready"]

    def log(self):
        with open(self.log_path, encoding="utf-8",
                  errors="surrogateescape") as file:
            return file.read().splitlines()

    def saw(self, *words):
        """Its callbacks so far, or those of these names."""
        return [line for line in self.log()[1:]
                if not words or line.split(" ")[0] in words]

    def wait_for(self, line):
        tap.wait_until(lambda: line in self.log(), f"{line!r} in {self.log()}")

    def stop(self):
        self.process.kill()         # libmilter takes seconds to end otherwise
        self.process.wait()


def packet(command, data=b""):
    return struct.pack(">I", len(data) + 1) + command.encode() + data


def options(version=6, actions=0, steps=0, more=b""):
    return packet("O", struct.pack(">III", version, actions, steps) + more)


class Liar:
    """
    Says what it was told, a reply to each packet of the client that isn't one
    of macros; None is silence, and when there are none left it closes.
    """

    def __init__(self, address, replies, linger=False):
        self.address, self.replies, self.linger = address, replies, linger
        self.seen = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(address.partition(":")[2])
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        client, _ = self.listener.accept()
        with client, client.makefile("rb") as stream:
            for reply in self.replies:
                if not self.take(stream):
                    return
                if reply is not None:
                    client.sendall(reply)
            while self.linger and self.take(stream):
                pass

    def take(self, stream):
        while True:
            try:
                head = stream.read(4)
            except ConnectionResetError:    # it had enough
                return False
            if len(head) < 4:
                return False
            body = stream.read(struct.unpack(">I", head)[0])
            self.seen.append(body)
            if body[:1] == b"Q":
                return False
            if body[:1] != b"D":
                return True

    def log(self):
        return [repr(body[:70]) for body in self.seen]

    def stop(self):
        self.listener.close()

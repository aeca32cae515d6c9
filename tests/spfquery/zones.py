# SPDX-License-Identifier: ISC
"""Zones for the tests: files, and a DNS server on the loopback interface."""

import json
import os
import socket
import struct
import tempfile
import threading

TYPES = {"A": 1, "CNAME": 5, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28}


class File:
    """A zone as a file; JSON is YAML."""

    def __init__(self, zone, raw=None):
        handle, self.path = tempfile.mkstemp(prefix="mailfrom-", suffix=".yml")
        with os.fdopen(handle, "wb") as file:
            file.write(raw if raw is not None else
                       json.dumps({"zonedata": zone}).encode())

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        os.unlink(self.path)


def wire_name(name):
    labels = [label for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label.encode("latin-1")
                    for label in labels) + b"\0"


def wire_data(kind, value):
    if kind == "A":
        return socket.inet_pton(socket.AF_INET, value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    if kind == "TXT":
        value = value.encode("latin-1")
        parts = [value[i:i + 255] for i in range(0, len(value), 255)] or [b""]
        return b"".join(bytes([len(part)]) + part for part in parts)
    if kind == "MX":
        return struct.pack("!H", value[0]) + wire_name(value[1])
    return wire_name(value)


class Server:
    """Answers by UDP what the zone says; SERVFAIL for the names in dead."""

    def __init__(self, zone, dead=()):
        self.zone = {name.lower(): records for name, records in zone.items()}
        self.dead = set(dead)
        self.asked = []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()

    def serve(self):
        while True:
            question, client = self.socket.recvfrom(4096)
            if not question:
                return
            self.socket.sendto(self.answer(question), client)

    def answer(self, question):
        at, labels = 12, []
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]])
            at += 1 + question[at]
        name = b".".join(labels).decode("latin-1").lower()
        number, = struct.unpack("!H", question[at + 1:at + 3])
        self.asked.append((name, number))
        head, asked = question[:2], question[12:at + 5]
        if name in self.dead:
            return head + struct.pack("!HHHHH", 0x8182, 1, 0, 0, 0) + asked
        records = [(kind, value) for item in self.zone.get(name, ())
                   for kind, value in item.items() if TYPES[kind] == number]
        answers = b""
        for kind, value in records:
            data = wire_data(kind, value)
            answers += b"\xc0\x0c" + struct.pack(
                "!HHIH", TYPES[kind], 1, 60, len(data)) + data
        code = 0x8180 if name in self.zone else 0x8183
        return head + struct.pack("!HHHHH", code, 1, len(records), 0, 0) + \
            asked + answers

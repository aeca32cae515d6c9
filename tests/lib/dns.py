"""DNS messages, as far as the tests need to read and write them."""

import ipaddress
import struct

A, NS, CNAME, SOA, PTR, MX, TXT, AAAA, OPT = 1, 2, 5, 6, 12, 15, 16, 28, 41
TYPES = {"A": A, "PTR": PTR, "MX": MX, "TXT": TXT, "AAAA": AAAA}

IN, CHAOS = 1, 3

NOERROR, FORMERR, SERVFAIL, NXDOMAIN, REFUSED = 0, 1, 2, 3, 5


class Question:
    """What a query asks: id, name (lower case), labels as sent, type, edns."""

    def __init__(self, query):
        self.id = query[:2]
        self.labels, at = [], 12
        while query[at]:
            self.labels.append(query[at + 1:at + 1 + query[at]])
            at += 1 + query[at]
        self.name = b".".join(self.labels).decode("latin-1").lower()
        self.type, = struct.unpack_from(">H", query, at + 1)
        self.section = query[12:at + 5]
        self.edns = query[10:12] != b"\0\0"

    def __repr__(self):
        return f"{self.name}/{self.type}"


def name(text):
    """The wire form; dots separate labels, backslashes mean themselves."""
    labels = text.rstrip(".").encode("latin-1").split(b".") if text else []
    return b"".join(bytes([len(x)]) + x for x in labels if x) + b"\0"


def query(owner, kind, group=IN, number=1):
    return struct.pack(">HHHHHH", number, 0x100, 1, 0, 0, 0) + \
        name(owner) + struct.pack(">HH", kind, group)


def rr(owner, kind, data, ttl=300):
    return name(owner) + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def txt(*strings):
    return b"".join(bytes([len(s)]) + s.encode("latin-1") for s in strings)


def long_txt(text):
    return txt(*(text[i:i + 255] for i in range(0, len(text), 255)))


def address(text):
    return ipaddress.ip_address(text).packed


def mx(preference, host):
    return struct.pack(">H", preference) + name(host)


def soa(minimum, serial=1):
    return name("ns.test") + name("admin.test") + struct.pack(
        ">IIIII", serial, 3600, 600, 86400, minimum)


def reply(question, answers=(), authority=(), rcode=NOERROR, truncated=False):
    """An answer by a recursive server, records uncompressed."""
    flags = 0x8180 | rcode | (0x200 if truncated else 0)
    return question.id + struct.pack(
        ">HHHHH", flags, 1, len(answers), len(authority), 0) + \
        question.section + b"".join(answers) + b"".join(authority)


def void(question, negative_ttl=300, rcode=NOERROR, zone="test"):
    return reply(question, authority=[
        rr(zone, SOA, soa(negative_ttl), negative_ttl)], rcode=rcode)

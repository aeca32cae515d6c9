# SPDX-License-Identifier: ISC
"""
The milter protocol on the wire: packets, sockets and the numbers of
libmilter/mfdef.h.
"""

import enum
import select
import socket
import struct
import typing

TIMEOUT = 20                    # seconds that a reply may take
CHUNK_MAX = 65535               # octets of body in a packet
PACKET_MAX = 1 << 20            # octets; what is larger is nonsense


class Breach(Exception):
    """The filter broke the protocol."""


class Closed(Breach):
    """The filter closed the connection where it mustn't."""


class Silent(Breach):
    """A reply that was due didn't come."""


class Action(enum.IntFlag):
    """SMFIF_*: what a filter may ask for at the end of a message."""
    ADDHDRS = 0x1
    CHGBODY = 0x2
    ADDRCPT = 0x4
    DELRCPT = 0x8
    CHGHDRS = 0x10
    QUARANTINE = 0x20
    CHGFROM = 0x40
    ADDRCPT_PAR = 0x80
    SETSYMLIST = 0x100


class Step(enum.IntFlag):
    """SMFIP_*: steps to leave out, replies not to wait for, ways to do it."""
    NOCONNECT = 0x1
    NOHELO = 0x2
    NOMAIL = 0x4
    NORCPT = 0x8
    NOBODY = 0x10
    NOHDRS = 0x20
    NOEOH = 0x40
    NR_HDR = 0x80
    NOUNKNOWN = 0x100
    NODATA = 0x200
    SKIP = 0x400
    RCPT_REJ = 0x800
    NR_CONN = 0x1000
    NR_HELO = 0x2000
    NR_MAIL = 0x4000
    NR_RCPT = 0x8000
    NR_DATA = 0x10000
    NR_UNKN = 0x20000
    NR_EOH = 0x40000
    NR_BODY = 0x80000
    HDR_LEADSPC = 0x100000


ALL_ACTIONS = Action(0x1ff)
ALL_STEPS = Step(0x1fffff)
STEPS_V4 = Step(0x37f)          # before there were replies to leave out

# Lists of macros, by SMFIM_* number.
STAGES = ("connect", "helo", "mail", "rcpt", "data", "eom", "eoh")


class Command(typing.NamedTuple):
    """A step: what leaves it or its reply out, whose macros go before it."""
    name: str
    left_out: Step
    unanswered: Step
    stage: str | None
    version: int                # of the protocol that brought it


COMMANDS = {
    "C": Command("CONNECT", Step.NOCONNECT, Step.NR_CONN, "connect", 2),
    "H": Command("HELO", Step.NOHELO, Step.NR_HELO, "helo", 2),
    "M": Command("MAIL", Step.NOMAIL, Step.NR_MAIL, "mail", 2),
    "R": Command("RCPT", Step.NORCPT, Step.NR_RCPT, "rcpt", 2),
    "T": Command("DATA", Step.NODATA, Step.NR_DATA, "data", 4),
    "L": Command("HEADER", Step.NOHDRS, Step.NR_HDR, None, 2),
    "N": Command("EOH", Step.NOEOH, Step.NR_EOH, "eoh", 2),
    "B": Command("BODY", Step.NOBODY, Step.NR_BODY, None, 2),
    "E": Command("BODYEOB", Step(0), Step(0), "eom", 2),
    "U": Command("UNKNOWN", Step.NOUNKNOWN, Step.NR_UNKN, None, 3),
}


def text(octets):
    return octets.decode("utf-8", "surrogateescape")


def octets(value):
    return value if isinstance(value, bytes) else \
        value.encode("utf-8", "surrogateescape")


def join(*values):
    """Strings as packets have them, each with its NUL."""
    return b"".join(octets(value) + b"\0" for value in values)


def split(data, least, most, what):
    """Between least and most strings, with a NUL behind each."""
    parts = data.split(b"\0")
    if parts.pop() != b"" or not least <= len(parts) <= most:
        raise Breach(f"{what}: {data!r} isn't {least} to {most} strings")
    return [text(part) for part in parts]


def parse_address(address):
    """libmilter's socket names, and Postfix's inet:HOST:PORT."""
    kind, _, rest = address.partition(":")
    if kind in ("unix", "local"):
        return socket.AF_UNIX, rest
    family = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}.get(kind)
    if family is None:
        raise ValueError(f"{address}: not unix:, inet: or inet6:")
    if "@" in rest:
        port, host = rest.split("@")
    else:
        host, _, port = rest.rpartition(":")
    return family, (host.strip("[]"), int(port))


class Connection:
    """Packets to and from a filter.  log keeps the last of them for errors."""

    def __init__(self, address, timeout=TIMEOUT):
        family, where = parse_address(address)
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(where)
            if family != socket.AF_UNIX:
                self.socket.setsockopt(socket.IPPROTO_TCP,
                                       socket.TCP_NODELAY, 1)
        except OSError:
            self.socket.close()
            raise
        self.timeout = timeout
        self.log = []

    def note(self, direction, command, data):
        more = "..." if len(data) > 60 else ""
        self.log = self.log[-19:] + [f"{direction} {command} "
                                     f"{data[:60]!r}{more}"]

    def fail(self, kind, why):
        raise kind("\n  ".join([why, *self.log]))

    def send(self, command, data=b""):
        self.note(">", command, data)
        packet = struct.pack(">I", len(data) + 1) + command.encode() + data
        try:
            self.socket.sendall(packet)
        except OSError as error:
            self.fail(Closed, f"cannot send {command}: {error}")

    def receive(self, due):
        """The next packet: its letter and data.  due names the step."""
        length, = struct.unpack(">I", self.take(4, due))
        if not 1 <= length <= PACKET_MAX:
            self.fail(Breach, f"a packet of {length} octets after {due}")
        packet = self.take(length, due)
        command, data = chr(packet[0]), packet[1:]
        self.note("<", command, data)
        return command, data

    def take(self, count, due):
        data = b""
        while len(data) < count:
            try:
                more = self.socket.recv(count - len(data))
            except TimeoutError:
                self.fail(Silent, f"no reply to {due} in {self.timeout} s")
            except OSError as error:
                self.fail(Closed, "the filter closed the connection after "
                          f"{due}: {error}")
            if not more:
                self.fail(Closed, f"the filter closed the connection after "
                          f"{due}" + " within a packet" * bool(data))
            data += more
        return data

    def expect_nothing(self, before):
        """Nothing may have come yet; what is late is seen at the end."""
        if not select.select([self.socket], [], [], 0)[0]:
            return
        try:
            first = self.socket.recv(1, socket.MSG_PEEK)
        except ConnectionResetError:
            first = b""
        if not first:
            self.fail(Closed, "the filter closed the connection before "
                      + before)
        command, data = self.receive("what none waits for")
        self.fail(Breach, f"before {before} there was a reply that none "
                  f"waits for: {command} {data!r}")

    def expect_end(self):
        """The filter closes, and hasn't said anything that none waited for."""
        try:
            rest = self.socket.recv(4096)
        except ConnectionResetError:
            rest = b""
        except TimeoutError:
            self.fail(Silent, f"still open {self.timeout} s after QUIT")
        if rest:
            self.fail(Breach, f"at the end there was a reply that none "
                      f"waited for: {rest!r}")

    def close(self):
        self.socket.close()

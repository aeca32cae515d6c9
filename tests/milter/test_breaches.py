#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The tests' milter client tells each way in which a filter can be wrong."""

import struct
import sys

import tap
from milter_filters import Site, options, packet
from milter_client import (OLD, POSTFIX, SENDMAIL, Action, Breach, Closed, Session,
                    Silent, Step)

suite = tap.Suite()
C = packet("c")
ALL = int(SENDMAIL.actions)


def reply(text):
    return packet("y", text + b"\0")


def request(letter, data, actions=ALL, after=C):
    """Replies of a filter that has one request, at EOM."""
    return [options(6, actions, Step.NR_BODY), C, C, C, C, C, C, C, None,
            packet(letter, data) + after]


def indexed(letter, index, data, **more):
    return request(letter, struct.pack(">i", index) + data, **more)


def at_mail(*replies):
    return [options(), C, C, *replies]


LIES = [
    # name, replies, words of the error, its kind, and the MTA
    ("OPTNEG answered by another", [C], "instead of OPTNEG"),
    ("OPTNEG too short", [packet("O", b"\0" * 11)], "instead of OPTNEG"),
    ("version 7", [options(7)], "version 7"),
    ("version 1", [options(1)], "version 1"),
    ("actions that weren't offered", [options(4, Action.CHGFROM)],
     "weren't offered: <Action.CHGFROM", Breach, OLD),
    ("steps that weren't offered", [options(4, 0, Step.NR_HDR | Step.NOHELO)],
     "weren't offered: <Step.NR_HDR", Breach, OLD),
    ("steps that nobody knows", [options(6, 0, 1 << 22)], "weren't offered"),
    ("a list of macros without NUL", [options(more=b"\0\0\0\1{a}")], "list of"),
    ("a list of macros for stage 7", [options(more=b"\0\0\0\7{a}\0")],
     "list of macros: 7"),
    ("a list of macros for an old MTA", [options(4, more=b"\0\0\0\1{a}\0")],
     "lists of macros, which weren't offered", Breach, OLD),
    ("closes at once", [b""], "closed the connection after OPTNEG", Closed),
    ("closes after CONNECT", [options(), b""], "after CONNECT", Closed),
    ("closes within a packet", [options(), b"\0\0\0\2c"], "within a packet",
     Closed),
    ("a packet of nothing", [options(), b"\0\0\0\0"], "a packet of 0 octets"),
    ("a packet of 4 GB", [options(), b"\xff" * 4], "a packet of 4294967295"),
    ("an unknown reply", [options(), packet("?")], "? b'' as reply to CONNECT"),
    ("CONTINUE with data", [options(), packet("c", b"x")], "c b'x' as reply"),
    ("silence", [options(), None], "no reply to CONNECT in", Silent),
    ("DISCARD for a connection", [options(), packet("d")], "DISCARD at"),
    ("two replies", at_mail(C + C, C, C), "that none waits for: c"),
    ("a reply where it said there'd be none",
     [options(6, 0, Step.NR_CONN)] + [C] * 10, "none waits for|none waited"),
    ("that, at the last step",
     [options(6, 0, Step.NR_BODY)] + [C] * 9, "none waits for|none waited"),
    ("a second verdict", request("a", b""), "none waits for|none waited"),
    ("SKIP that wasn't negotiated", [options(), packet("s")], "SKIP, as reply"),
    ("SKIP of a recipient", [options(6, 0, Step.SKIP), C, C, C, packet("s")],
     "SKIP, as reply to RCPT"),
    ("progress before EOM", at_mail(packet("p") + C), "p b'' as reply to MAIL"),
    ("a request before EOM", at_mail(packet("e", b"<x@y>\0") + C),
     "e b'<x@y>\\x00' as reply to MAIL"),
    ("a request that wasn't negotiated",
     request("e", b"<x@y>\0", actions=Action.CHGHDRS), "chgfrom wasn't"),

    ("chgfrom without NUL", request("e", b"<x@y>"), "isn't 1 to 2 strings"),
    ("chgfrom of three strings", request("e", b"a\0b\0c\0"), "1 to 2 strings"),
    ("chgfrom to nothing", request("e", b"\0"), "an empty address"),
    ("chgfrom with a line break", request("e", b"<x@y>\r\nDATA\0"), "control"),
    ("addrcpt with arguments", request("+", b"<x@y>\0N=1\0"), "1 to 1"),
    ("addrcpt of nothing", request("+", b"\0"), "an empty address"),
    ("delrcpt of one who wasn't given", request("-", b"<B@y.example>\0"),
     "isn't one of ['b@y.example']"),
    ("insheader without index", request("i", b"\0\0\0"), "too short"),
    ("insheader at -1", indexed("i", -1, b"X\0y\0"), "index -1"),
    ("insheader without value", indexed("i", 0, b"X\0"), "2 to 2 strings"),
    ("insheader without name", indexed("i", 0, b"\0y\0"), "no name"),
    ("insheader with a name that ends", indexed("i", 0, b"X: a\nY\0y\0"),
     "no name"),
    ("insheader that forges a field", indexed("i", 0, b"X\0a\nEvil: b\0"),
     "a line break within"),
    ("insheader with CR", indexed("i", 0, b"X\0a\r\n b\0"), "a line break"),
    ("addheader that ends the header", request("h", b"X\0a\n\n b\0"),
     "a line break within"),
    ("chgheader that forges a field", indexed("m", 1, b"X\0a\nEvil: b\0"),
     "a line break within"),
    ("quarantine without a reason", request("q", b"\0"), "reason ''"),
    ("quarantine with a line break", request("q", b"a\nb\0"), "reason"),

    ("a reply without NUL", at_mail(packet("y", b"550 no")), "without NUL"),
    ("a reply that isn't one", at_mail(reply(b"no")), "no SMTP reply"),
    ("a reply of success", at_mail(reply(b"250 2.0.0 ok")), "no SMTP reply"),
    ("a reply with a control character", at_mail(reply(b"550 5.7.1 a\tb")),
     "no SMTP reply"),
    ("a reply with a line break", at_mail(reply(b"550 5.7.1 a\n550 b")),
     "no SMTP reply"),
    ("a reply whose codes differ", at_mail(reply(b"550 4.7.1 a")),
     "contradict"),
    ("a reply whose lines differ", at_mail(reply(b"550-5.7.1 a\r\n551 b")),
     "contradict"),
    ("a reply that doesn't end", at_mail(reply(b"550-5.7.1 a")), "together"),
    ("a reply that ends early", at_mail(reply(b"550 a\r\n550 b")), "together"),
    ("a reply with a single %", at_mail(reply(b"550 5.7.1 100% no")),
     "a single %"),
]


def deliver(address, mta, timeout):
    with Session(address, mta, timeout=timeout) as s:
        s.connect()
        s.helo()
        return s.deliver("<a@x.example>", ["<b@y.example>"], ["X: y"], b"z")


def add_lie(name, replies, words, kind=Breach, mta=SENDMAIL):
    def run(site):
        liar = site.liar(*replies, linger=kind is not Closed)
        try:
            deliver(liar.address, mta, 0.3 if kind is Silent else 20)
        except Breach as breach:
            tap.equal(type(breach), kind, str(breach))
            if not any(word in str(breach) for word in words.split("|")):
                raise AssertionError(f"{breach}, not {words!r}") from breach
        else:
            raise AssertionError("it went unnoticed")
        finally:
            site.end()
    suite.case(name)(run)


for lie in LIES:
    add_lie(*lie)


@suite.case("a filter that tells the truth")
def truth(site):
    """So that the lies are told for what they are, not for what is around."""
    for mta in (SENDMAIL, POSTFIX):
        for replies in (
                request("e", b"<x@y>\0"), request("-", b"<b@y.example>\0"),
                indexed("i", 0, b"X\0a\n b\0"), request("q", b"why\0"),
                request("p", b""), request("b", b"body"), request(
                    "h", b"X\0\0"), request("c", b"", after=b"")):
            liar = site.liar(*replies, linger=True)
            tap.equal(deliver(liar.address, mta, 20).verdict, "continue")
            site.end()


if __name__ == "__main__":
    sys.exit(suite.run(Site()))

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
Received-SPF and Authentication-Results as other software reads them.

tests/headers/print writes the fields for hostile HELO names and senders.
Received-SPF is read by a parser written from RFC 7208 9.1 and RFC 5322,
Authentication-Results by one written from RFC 8601 2.2 and by Debian's
python3-authres; RFC 6532 lets UTF-8 into quoted strings and comments.  What was
put in must come out, and nothing else.
BUILD names the directory of the programs (default: build), PEERS that of the
packages that tests unpack (default: BUILD/peers).
"""

import ipaddress
import itertools
import random
import re
import sys

import places
import tap

RESULTS = ["none", "neutral", "pass", "fail", "softfail", "temperror",
           "permerror"]
KEYS = ["client-ip", "envelope-from", "helo", "receiver", "identity",
        "mechanism", "problem"]
VALUE_MAX = 320     # octets of a value; the rest isn't worth a header
PROBLEM_MAX = 480   # SPF_TEXT_MAX: its end says why
LINE_MAX = 998      # RFC 5322 2.1.1

HOSTILE = [
    b"", b"h.example", b"me@e.example", b".", b"..", b".h.example",
    b"h.example.", b"h..example", b"@", b"me@", b"@e.example",
    b"a@b@c.example", b"me@localhost", b"localhost", b"[192.0.2.1]",
    b"[IPv6:2001:db8::1]", b"me@[192.0.2.1]", b"\r\nX-Spam: no",
    b"h\r\nX-Spam: no", b"h\r\n\r\nbody", b"h\n\tmore", b"h\r\n more",
    b"h\rX: y", b"h\r", b"h\n", b"\0", b"h\0.example", b"\t", b"   ",
    b" h.example ", b'"', b'""', b'"h"', b'"; receiver=evil',
    b"h; receiver=evil", b"h;\n\tidentity=evil", b"h spf=pass",
    b"h; dkim=pass header.d=evil.example", b"\\", b"\\\\", b"h\\", b'\\"',
    b'"\\', b"\\\r\n", b"(", b")", b"((", b"))", b"(h)", b"h) pass (",
    b"\\(", b"\\)", b"(\\", b"=?utf-8?q?h?=", b"a=b", b"a/b?c=d",
    b"a=b@c.example", b"a/b?c@d.example", b"a@b=c.example", b"a@b_c.example",
    b"a@-b.example", b"a@b-.example", b"a@b--c.example", b"a@1.2",
    b"!#$%&'*+-/=?^_`{|}~.example", b'"a b"@e.example',
    b'"a\\"b"@e.example', b"a,b;c:d@e.example", b"<me@e.example>",
    "b\u00fccher.example".encode(), "\u00e9@e.example".encode(),
    b"\xff\xfe", b"\xc3", b'h\xc3"h', b"\xc3(", "\u2028".encode(),
    "\u0085".encode(), b"\xc0\x8a", b"\xed\xa0\x80", b"\xf4\x90\x80\x80",
    b"\x7f\x1b[31m", b"\x80\x8d\x9b", b"%s%n", b"a" * 63 + b".example",
    b"a" * 320, b"a" * 321, b'"' * 400, b"\\" * 400,
    b"ab" + "\u00e9".encode() * 200, b"a" * 319 + "\u00e9".encode(),
    b"a" * 250 + b"@" + b"b" * 63 + b".example",
]


class Broken(Exception):
    """A field that isn't what its grammar says."""


# --- RFC 5322 ----------------------------------------------------------------

ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]"
DOT_ATOM = re.compile(rf"{ATEXT}+(?:\.{ATEXT}+)*")
FWS = re.compile(r"(?:[ \t]*\r\n)?[ \t]+")
# RFC 6532 3.2: UTF8-non-ascii beside what RFC 5322 has.
QTEXT = re.compile(r"[\x21\x23-\x5b\x5d-\x7e\x80-\U0010ffff]")
CTEXT = re.compile(r"[\x21-\x27\x2a-\x5b\x5d-\x7e\x80-\U0010ffff]")
QUOTED_PAIR = re.compile(r"\\([\t \x21-\x7e\x80-\U0010ffff])")
# RFC 2045 5.1, RFC 6376 3.5 with RFC 5321's sub-domain.
TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+")
SUB_DOMAIN = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
DOMAIN_NAME = re.compile(rf"{SUB_DOMAIN}(?:\.{SUB_DOMAIN})+")


class Cursor:
    """A field's text that is read from the front, by rules."""

    def __init__(self, text):
        self.text = text
        self.at = 0

    def take(self, pattern):
        match = pattern.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match.group()

    def literal(self, text):
        if not self.text.startswith(text, self.at):
            return False
        self.at += len(text)
        return True

    def expect(self, what, found):
        if found is None or found is False:
            raise Broken(f"{what} wanted at {self.text[self.at:]!r}")
        return found

    def is_end(self):
        return self.at == len(self.text)

    def comment(self):
        """The text of a comment, without escapes, or None."""
        if not self.literal("("):
            return None
        text = ""
        while not self.literal(")"):
            inner = self.take(FWS) or self.take(CTEXT)
            if inner is None and self.take(QUOTED_PAIR):
                inner = self.text[self.at - 1]
            if inner is None:
                inner = self.comment()
            text += self.expect("comment text", inner)
        return text

    def cfws(self):
        """[CFWS]; true if there was any."""
        begin = self.at
        while self.take(FWS) is not None or self.comment() is not None:
            pass
        return self.at != begin

    def quoted_string(self):
        """The content of a quoted string without its CFWS, or None."""
        if not self.literal('"'):
            return None
        text = ""
        while not self.literal('"'):
            inner = self.take(FWS) or self.take(QTEXT)
            if inner is None and self.take(QUOTED_PAIR):
                inner = self.text[self.at - 1]
            text += self.expect("quoted text", inner)
        return text


def unfolded_check(field, name):
    """What holds for any field, whatever is in it: RFC 5322 2.2."""
    lines = (name + ": " + field).split("\r\n")
    for line in lines:
        if "\r" in line or "\n" in line or "\0" in line:
            raise Broken(f"a bare line end in {line!r}")
        if len(line.encode()) > LINE_MAX:
            raise Broken(f"a line of {len(line.encode())} octets")
        if not line.strip(" \t"):
            raise Broken("a blank line")
    for line in lines[1:]:
        if line[0] not in " \t":
            raise Broken(f"not folded: {line!r}")


# --- RFC 7208 9.1 --------------------------------------------------------------

def parse_received(field):
    """(result, comment, {key: value}) of the value of Received-SPF."""
    c = Cursor(field)
    result = c.expect("result", c.take(re.compile("[a-z]+")))
    if result not in RESULTS:
        raise Broken(f"no result: {result}")
    c.expect("FWS", c.take(FWS))
    comment = c.comment()
    if comment is not None:
        c.expect("FWS", c.take(FWS))
    pairs = {}
    while not c.is_end():
        key = c.expect("key", c.take(re.compile("[A-Za-z][A-Za-z0-9_.-]*")))
        if key in pairs:
            raise Broken(f"{key} twice")
        c.cfws()
        c.expect("=", c.literal("="))
        value = c.take(DOT_ATOM)
        if value is None:
            value = c.quoted_string()
        pairs[key] = c.expect("value", value)
        if c.is_end():
            break
        c.expect(";", c.literal(";"))
        c.cfws()
    return result, comment, pairs


# --- RFC 8601 2.2 --------------------------------------------------------------

def parse_pvalue(c):
    """[CFWS] ( value / [ [ local-part ] "@" ] domain-name ) [CFWS]"""
    c.cfws()
    begin = c.at
    text = c.quoted_string()
    if text is not None:
        if c.literal("@"):
            return text + "@" + c.expect("domain", c.take(DOMAIN_NAME))
        return text
    # The longest match of the alternatives, by RFC 5321's Dot-string.
    if c.take(DOT_ATOM) is not None and c.literal("@"):
        c.expect("domain", c.take(DOMAIN_NAME))
        return c.text[begin:c.at]
    c.at = begin
    if c.literal("@"):
        return "@" + c.expect("domain", c.take(DOMAIN_NAME))
    return c.expect("value", c.take(TOKEN))


def parse_authentication(field):
    """(result, comment, reason, property, value) of one resinfo."""
    c = Cursor(field)
    c.expect("spf=", c.literal("spf="))
    result = c.expect("result", c.take(re.compile("[a-z]+")))
    if result not in RESULTS:
        raise Broken(f"no result: {result}")
    c.expect("CFWS", c.take(FWS))
    comment = c.comment()
    c.expect("CFWS", c.cfws())
    reason = None
    if c.literal("reason="):
        reason = c.expect("reason", c.quoted_string())
        c.expect("CFWS", c.cfws())
    c.expect("ptype", c.literal("smtp."))
    prop = c.expect("property", c.take(re.compile("[a-z]+")))
    c.expect("=", c.literal("="))
    value = parse_pvalue(c)
    c.cfws()
    c.expect("the end", c.is_end())
    return result, comment, reason, prop, value


# --- cases -----------------------------------------------------------------------

def shown(octets, at_most=VALUE_MAX):
    """How a value is to be read: cut, and what isn't text replaced."""
    octets = octets[:at_most]
    text = ""
    while octets:
        try:
            text += octets.decode()
            break
        except UnicodeDecodeError as error:
            text += octets[:error.start].decode() + "?"
            octets = octets[error.start + 1:]
    return re.sub("[\0-\x1f\x7f]", "?", text)


class Case:
    """A request with its verdict, and the two fields that it came to."""

    def __init__(self, sender, helo, number, rest=b""):
        self.sender, self.helo = sender, helo
        self.identity = number % 2
        self.result = number // 2 % len(RESULTS)
        self.guessed = number % 5 == 0
        self.ip = ["192.0.2.1", "2001:db8::1",
                   "2001:db8:1111:2222:3333:4444:5555:6666"][number % 3]
        self.authority = [b"mx.example", b"", b"mx (a)"][number % 3]
        self.domain = (b"e.example" if number % 4 else
                       helo.split(b"\0")[0][:253])
        self.mechanism = rest.replace(b"\0", b"")[:500] \
            if RESULTS[self.result] in ("pass", "fail") else b""
        self.problem = rest.replace(b"\0", b"")[:PROBLEM_MAX] \
            if RESULTS[self.result].endswith("error") else b""
        self.received = self.authentication = None

    def line(self):
        texts = [self.ip.encode(), self.sender, self.helo, self.authority,
                 self.domain, self.mechanism, self.problem]
        return " ".join([str(self.identity), str(self.result),
                         str(int(self.guessed))]
                        + ["x" + text.hex() for text in texts])

    def __str__(self):
        return (f"sender {self.sender!r}, helo {self.helo!r}, "
                f"{RESULTS[self.result]}, identity {self.identity}")

    def uses_helo(self):
        return self.identity == 1 or not self.sender


def write_fields(cases):
    done = places.run(places.program("tests/headers/print"),
                      input="".join(c.line() + "\n" for c in cases))
    lines = done.stdout.splitlines()
    if len(lines) != len(cases):
        raise AssertionError(f"{len(lines)} lines for {len(cases)} cases")
    for case, line in zip(cases, lines):
        received, authentication = line.split(" ")
        case.received = unpack(received)
        case.authentication = unpack(authentication)


def unpack(digits):
    """As it goes over the wire: lines end in CR LF."""
    text = bytes.fromhex(digits).decode()
    if "\r" in text:
        raise Broken(f"a CR in {text!r}")
    return text.replace("\n", "\r\n")


def hostile_cases():
    dice = random.Random(7208)
    pairs = list(itertools.product(HOSTILE, HOSTILE))
    cases = [Case(sender, helo, number, HOSTILE[number % len(HOSTILE)])
             for number, (sender, helo) in enumerate(pairs)]
    letters = b"\r\n\t \"\\();=@.<>,:[]aZ9-_/?\xc3\xa9\x00\x7f\xff"
    for number in range(3000):
        made = [bytes(dice.choice(letters) for _ in range(dice.randrange(40)))
                for _ in range(3)]
        cases.append(Case(made[0], made[1], number, made[2]))
    return cases


def equal(found, expected, what, case):
    if found != expected:
        raise AssertionError(
            f"{what} of {case}: {found!r}, expected {expected!r}")


def check_received(case):
    unfolded_check(case.received, "Received-SPF")
    result, comment, pairs = parse_received(case.received)
    expected = {
        "client-ip": str(ipaddress.ip_address(case.ip)),
        "envelope-from": shown(case.sender),
        "helo": shown(case.helo),
        "receiver": shown(case.authority),
        "identity": ["mailfrom", "helo"][case.identity],
        "mechanism": shown(case.mechanism),
        "problem": shown(case.problem, PROBLEM_MAX),
    }
    for key in ("receiver", "mechanism", "problem"):
        if not expected[key]:
            del expected[key]
    equal(result, RESULTS[case.result], "result", case)
    equal(pairs, expected, "pairs", case)
    equal([key for key in KEYS if key in pairs], list(pairs), "order", case)
    head = shown(case.domain) or "an empty domain"
    if case.authority:
        head = shown(case.authority) + ": " + head
    equal(comment.startswith(head + " "), True, f"comment {comment!r}", case)
    if RESULTS[case.result] in ("pass", "fail", "softfail", "neutral"):
        equal(case.ip in comment[len(head):], True, "address", case)
    equal(comment.endswith(", by a guess"), case.guessed, "guess", case)


def check_authentication(case):
    unfolded_check(case.authentication, "Authentication-Results: mx.example;")
    result, comment, reason, prop, value = parse_authentication(
        case.authentication)
    equal(result, RESULTS[case.result], "result", case)
    equal(reason or "", shown(case.problem, PROBLEM_MAX), "reason", case)
    equal(prop, "helo" if case.uses_helo() else "mailfrom", "property", case)
    equal(value, shown(case.helo if case.uses_helo() else case.sender),
          "value", case)
    equal(comment.startswith((shown(case.domain) or "an empty domain") + " "),
          True, f"comment {comment!r}", case)


def check_authres(authres, case):
    """python3-authres knows no UTF-8, and takes \"\" for nothing at all."""
    wanted = shown(case.helo if case.uses_helo() else case.sender)
    if not case.authentication.isascii() or not wanted:
        return False
    header = authres.AuthenticationResultsHeader.parse(
        "Authentication-Results: mx.example; " + case.authentication)
    equal(header.authserv_id, "mx.example", "authserv-id", case)
    equal(len(header.results), 1, "results", case)
    spf = header.results[0]
    equal(spf.method, "spf", "method", case)
    equal(spf.result, RESULTS[case.result], "result", case)
    equal([p.name for p in spf.properties],
          ["helo" if case.uses_helo() else "mailfrom"], "properties", case)
    # It leaves the backslashes of quoted pairs where they are.
    found = re.sub(r"\\(.)", r"\1", spf.properties[0].value)
    if '="' in case.authentication:
        equal(found, wanted, "value", case)
    else:
        equal(spf.properties[0].value, wanted, "value", case)
    return True


def load_authres():
    reason = places.fetch("authres")
    if reason:
        raise ImportError(reason)
    sys.path.insert(0, places.peer("authres", places.PYTHON))
    import authres
    return authres


# --- the parsers themselves ------------------------------------------------------

BAD_RECEIVED = [
    "", "pass", "passed (c) helo=h", "pass(c) helo=h", "pass (c)helo=h",
    "pass ((c) helo=h", "pass (c)) helo=h", "pass (c) helo=[h]",
    "pass (c) helo=", "pass (c) helo=h receiver=r", "pass (c) helo=h;;",
    'pass (c) helo="h', 'pass (c) helo="h"h', "pass (c) helo=h.",
    "pass (c) helo=h; helo=h", "pass (c\\) helo=h", "pass (c) =h",
    'pass (c) helo="\\', "pass (c) helo=a b", "pass (c) client-ip=::1",
]
BAD_AUTHENTICATION = [
    "", "spf=pass", "spf=pass (c)", "spf=passed (c) smtp.helo=h",
    "spf=pass (c) reason= smtp.helo=h", 'spf=pass (c) reason="a"smtp.helo=h',
    "spf=pass (c) smtp.helo=", "spf=pass (c) smtp.helo=a=b",
    "spf=pass (c) smtp.helo=a/b", "spf=pass (c) smtp.helo=h; dkim=pass",
    "spf=pass (c) smtp.helo=h h", 'spf=pass (c) smtp.helo="h',
    "spf=pass (c) smtp.mailfrom=a@b", "spf=pass (c) smtp.mailfrom=a@b_c.d",
    "spf=pass (c) smtp.mailfrom=a@b@c.d", "spf=pass (c smtp.helo=h",
    "spf=pass (c) smtp.mailfrom=a b@c.d", "spf=pass (c) smtp.mailfrom=a@-b.c",
]


def check_parsers():
    """They must refuse what isn't in the grammar, or they show nothing."""
    for parse, texts in ((parse_received, BAD_RECEIVED),
                         (parse_authentication, BAD_AUTHENTICATION)):
        for text in texts:
            try:
                parse(text)
            except Broken:
                continue
            raise AssertionError(f"{parse.__name__} takes {text!r}")
    equal(parse_received('pass\r\n\t(a \\) (b)) helo="a\\"b";'),
          ("pass", "a ) b", {"helo": 'a"b'}), "own example", "parser")
    equal(parse_authentication('spf=pass (c)\r\n\tsmtp.mailfrom="a b"@c.d'),
          ("pass", "c", None, "mailfrom", "a b@c.d"), "own example", "parser")
    equal(parse_authentication(
              'spf=temperror (c)\r\n\treason="d: \\"e\\""\r\n\tsmtp.helo=f'),
          ("temperror", "c", 'd: "e"', "helo", "f"), "own example", "parser")


# --- the tests -----------------------------------------------------------------

def failures(check, cases):
    errors = []
    for case in cases:
        try:
            check(case)
        except Broken as error:
            errors.append(f"{case}: {error}")
        except AssertionError as error:
            errors.append(error)
    return errors


def authres_failures(cases):
    """(errors, how many it could read)"""
    authres = load_authres()
    read = 0
    errors = []
    for case in cases:
        try:
            read += check_authres(authres, case)
        except AssertionError as error:
            errors.append(error)
        except authres.AuthResError as error:
            errors.append(f"{case}: {error!r}")
    if read < len(cases) // 2:
        errors.append(f"only {read} of {len(cases)} were for it to read")
    return errors, read


def main():
    cases = hostile_cases()
    check_parsers()
    write_fields(cases)
    report = tap.Report()
    report.test(f"Received-SPF of {len(cases)} hostile requests",
                failures(check_received, cases))
    report.test("Authentication-Results by RFC 8601",
                failures(check_authentication, cases))
    try:
        errors, read = authres_failures(cases)
    except ImportError as reason:
        report.skip("python3-authres", reason)
    else:
        report.test(f"{read} of them by python3-authres", errors)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())

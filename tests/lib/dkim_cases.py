# SPDX-License-Identifier: ISC
"""
Messages with signatures, good and bad, and what becomes of each: the cases in
which verifiers differ, and what RFC 6376, 8301 and 8463 say of them.
"""

import dataclasses
import json
import re

import dkim_signer
from dkim_signer import TEMPLATE, record, signature, signed

NAME = "sel._domainkey.example.org"

PLAIN = (b"Received: from a.example by b.example; Mon, 1 Jan 2024 00:00:00 +0000\r\n"
         b"From: Joe <joe@example.org>\r\n"
         b"To: Suzie  <suzie@example.net>\r\n"
         b"Subject: is dinner\r\n ready?\r\n"
         b"\r\n"
         b"Hi. \t We lost  \r\n\r\nthe game.\r\n\r\n\r\n")

NOW = 1700000000


@dataclasses.dataclass
class Case:
    """A message, the TXT records there are, and what is expected."""
    name: str
    message: bytes
    result: str             # of the message
    reason: str = ""        # part of what is said of the first signature
    zone: dict = None


def key(name="r1024", **options):
    return {NAME: [record(name, **options)]}


def zone_text(zone):
    """Zones are YAML, of which JSON is a part; values may be failures."""
    return json.dumps({"zonedata": {
        name: [texts] if isinstance(texts, str)
        else [{"TXT": text} for text in texts] for name, texts in zone.items()}})


def altered(message, old, new):
    assert old in message, old
    return message.replace(old, new, 1)


def tags(old, new):
    """The usual template with a change."""
    return altered(TEMPLATE, old, new)


def canonicalizations():
    for c in ("simple/simple", "simple/relaxed", "relaxed/simple",
              "relaxed/relaxed", "simple", "relaxed"):
        for name in ("r2048", "ed25519"):
            yield Case(f"{name} {c}", signed(PLAIN, key=name, c=c), "pass",
                       "verified", key(name))
    loose = altered(altered(signed(PLAIN), b"Suzie  <", b"Suzie\t\r\n <"),
                    b"lost  \r\n", b"lost\r\n")
    yield Case("relaxed survives other blanks", loose, "pass", "verified", key())
    strict = altered(signed(PLAIN, c="simple/simple"), b"Suzie  <", b"Suzie <")
    yield Case("simple survives no other blanks", strict, "fail",
               "signature did not verify", key())


BODIES = {"empty": b"", "one empty line": b"\r\n", "empty lines": b"\r\n\r\n\r\n",
          "blanks": b"  \t", "blanks and lines": b" \r\n \t\r\n ",
          "no end": b"text", "blanks at the end": b"text \t ",
          "blanks after the end": b"text\r\n  ", "blank lines": b"text\r\n \r\n\t\r\n",
          "lone CR": b"a\rb\r\n", "CR at the end": b"a\r", "CR CR LF": b"a\r\r\n",
          "lone LF": b"a\nb\r\n", "leading": b"\r\n\r\n  a  b\r\n", "NUL": b"a\0b\r\n",
          "high": bytes(range(128, 256)) + b"\r\n"}


def bodies():
    head = PLAIN.split(b"\r\n\r\n")[0] + b"\r\n\r\n"
    for name, body in BODIES.items():
        for c in ("simple/simple", "relaxed/relaxed"):
            # dkimquery's files may end lines in LF alone.
            if name != "lone LF":
                yield Case(f"body: {name}, {c}", signed(head + body, c=c),
                           "pass", "verified", key())
    yield Case("a CR put into the body",
               altered(signed(PLAIN), b"the game", b"the\r game"), "fail",
               "body hash", key())
    yield Case("body changed", altered(signed(PLAIN), b"game", b"war"), "fail",
               "body hash", key())
    yield Case("10 MB", signed(head + b"0123456789 abcdef\r\n" * 580000), "pass",
               "verified", key())


def algorithms():
    sha1 = signed(PLAIN, a="rsa-sha1")
    yield Case("rsa-sha1", sha1, "policy", "rsa-sha1 is obsolete", key())
    for bits in (512, 768):
        yield Case(f"rsa {bits}", signed(PLAIN, key=f"r{bits}"), "policy",
                   "key too short", key(f"r{bits}"))
    yield Case("ed25519", signed(PLAIN, key="ed25519"), "pass", "verified",
               key("ed25519"))
    yield Case("rsa 8192", signed(PLAIN, key="r8192"), "pass", "verified",
               key("r8192"))
    yield Case("PKCS#1 key", signed(PLAIN), "pass", "verified", key(pkcs1=True))
    yield Case("unknown algorithm",
               signed(PLAIN, template=tags("a={a}", "a=rsa-sha512")), "neutral",
               "unknown algorithm", key())
    yield Case("huge exponent", signed(PLAIN), "permerror", "not a usable key",
               key(e=(1 << 900) + 1))
    yield Case("ed25519 key for rsa", signed(PLAIN), "permerror", "another type",
               key("ed25519"))
    yield Case("octets after the key", signed(PLAIN), "permerror",
               "not a usable key", {NAME: ["p=" + dkim_signer.b64(
                   dkim_signer.rsa_public("r1024") + b"\0")]})


def tag_lists():
    duplicate = {"d": tags("d={d};", "d=evil.example; d={d};"),
                 "h": tags("h={h};", "h=From; h={h};")}
    for tag, template in duplicate.items():
        yield Case(f"two {tag}=", signed(PLAIN, template=template), "neutral",
                   "occurs twice", {**key(), "sel._domainkey.evil.example":
                                    [record("r1024")]})
    yield Case("q= without dns/txt",
               signed(PLAIN, template=tags("s={s};", "s={s}; q=http;")),
               "neutral", "q= lacks", key())
    yield Case("q= with others",
               signed(PLAIN, template=tags("s={s};", "s={s}; q=http : dns/txt;")),
               "pass", "verified", key())
    for name, junk in {"letters": "!", "padding": "=="}.items():
        # Only b= changes: what is signed doesn't.
        broken = re.sub(rb"(\tb=.{20})", rb"\1" + junk.encode(), signed(PLAIN))
        yield Case(f"junk in b=: {name}", broken, "neutral", "malformed", key())
    for name, domain in {"blank": "exam ple.org", "empty label": "example..org",
                         "dot at the end": "example.org.",
                         "NUL": "example.org\0x"}.items():
        yield Case(f"d= with {name}", signed(PLAIN, d=domain), "neutral",
                   "d= is not a domain name" if name != "NUL" else "malformed",
                   key())
    yield Case("h= without From", signed(PLAIN, h=("To", "Subject")),
               "permerror", "From is not signed", key())
    yield Case("h= with an empty name", signed(PLAIN, h="From::To"), "neutral",
               "h= is malformed", key())
    yield Case("From behind 4,096 octets of h=",
               signed(PLAIN, h="X-A:" * 1100 + "From"), "pass", "verified", key())
    yield Case("x= past",
               signed(PLAIN, template=tags("s={s};", "s={s}; t=1; x=1600000000;")),
               "policy", "expired", key())
    yield Case("x= to come",
               signed(PLAIN, template=tags("s={s};", "s={s}; x=1800000000;")),
               "pass", "verified", key())
    yield Case("x= before t=", signed(PLAIN, template=tags(
        "s={s};", "s={s}; t=1800000001; x=1800000000;")), "neutral", "x=", key())
    yield Case("i= elsewhere",
               signed(PLAIN, template=tags("s={s};", "s={s}; i=@example.net;")),
               "neutral", "outside", key())
    yield Case("i= below", signed(PLAIN, template=tags(
        "s={s};", "s={s}; i=a=20b@sub.{d};")), "pass", "verified", key())
    for tag in ("v=1; ", "a={a}; ", "d={d}; ", "s={s};", "bh={bh};"):
        yield Case(f"without {tag[:2]}", signed(PLAIN, template=tags(tag, "")),
                   "neutral", "is missing", key())
    yield Case("v=2", signed(PLAIN, template=tags("v=1", "v=2")), "neutral",
               "v= is not 1", key())
    yield Case("not tags", signed(PLAIN, template=tags("v=1;", "v=1; x;")),
               "neutral", "malformed", key())
    yield Case("empty tag", signed(PLAIN, template=tags("v=1;", "v=1;;")),
               "neutral", "malformed", key())
    yield Case("unknown tags", signed(PLAIN, template=tags(
        "v=1;", "v=1; zz_9=a b;")), "pass", "verified", key())
    yield Case("c= unknown", signed(PLAIN, template=tags("c={c}", "c=nowsp")),
               "neutral", "canonicalization", key())
    yield Case("own field in h=", signed(PLAIN, h=("From", "DKIM-Signature")),
               "pass", "verified", key())


def keys():
    usual = record("r1024")
    bad = {"two p=": usual + "; p=AAAA", "two t=": "t=y; t=s; " + usual[9:],
           "v= not first": "k=rsa; v=DKIM1; " + usual[17:],
           "v= unknown": "v=DKIM2; " + usual[9:], "no p=": "v=DKIM1; k=rsa",
           "an SPF record": "v=spf1 -all", "nothing": ""}
    for name, text in bad.items():
        yield Case(f"key: {name}", signed(PLAIN), "permerror",
                   "malformed key record", {NAME: [text]})
    reasons = {"revoked": ("v=DKIM1; p=", "key revoked"),
               "h=sha1": ("h=sha1; " + usual[9:], "hash algorithm"),
               "s=tlsrpt": ("s=tlsrpt; " + usual[9:], "not for mail"),
               "junk in p=": ("p=!!!!", "not a usable key")}
    for name, (text, reason) in reasons.items():
        yield Case(f"key: {name}", signed(PLAIN), "permerror", reason,
                   {NAME: [text]})
    good = {"without v=": usual[9:], "n=, long": "n=" + "x" * 2000 + "; " + usual[9:],
            "s=*": "s=*; " + usual[9:], "s=a:email": "s=a : email; " + usual[9:],
            "h=sha1:sha256": "h=sha1:sha256; " + usual[9:],
            "blanks in p=": re.sub("(.{40})", r"\1 ", usual),
            "several strings": [usual[i:i + 50] for i in range(0, len(usual), 50)]}
    for name, text in good.items():
        yield Case(f"key: {name}", signed(PLAIN), "pass", "verified",
                   {NAME: [text]})
    below = tags("s={s};", "s={s}; i=@sub.{d};")
    yield Case("key: t=s, i= below", signed(PLAIN, template=below), "permerror",
               "subdomains", {NAME: ["t=s; " + usual[9:]]})
    yield Case("key: t=s, i= the same", signed(PLAIN), "pass", "verified",
               {NAME: ["t=s; " + usual[9:]]})
    yield Case("no key", signed(PLAIN), "permerror", "no key", {})
    yield Case("two records", signed(PLAIN), "permerror", "several",
               {NAME: [usual, "v=spf1 -all"]})
    yield Case("no answer", signed(PLAIN), "temperror", "lookup failed",
               {NAME: "SERVFAIL"})


def headers():
    yield Case("Subject changed", altered(signed(PLAIN), b"dinner", b"lunch"),
               "fail", "signature did not verify", key())
    yield Case("another key", signed(PLAIN, key="r2048"), "fail",
               "signature did not verify", key())
    yield Case("NUL and more in From",
               altered(signed(PLAIN), b"<joe@example.org>",
                       b"<joe@example.org>\0<eve@example.org>"), "fail",
               "signature did not verify", key())
    over = signed(PLAIN, h=("From", "From", "To", "Subject"))
    yield Case("oversigned", over, "pass", "verified", key())
    yield Case("oversigned, another From",
               altered(over, b"\r\nFrom:",
                                          b"\r\nFrom: eve@example.net\r\nFrom:"), "fail",
               "signature did not verify", key())
    yield Case("unsigned", PLAIN, "none", "", key())
    bad = b"".join(signature(PLAIN, d=f"d{i}.example") + b"\r\n" for i in range(60))
    yield Case("60 bad signatures and a good one", bad + signed(PLAIN),
               "permerror", "no key", key())
    nine = b"".join(signature(PLAIN, d=f"d{i}.example") + b"\r\n" for i in range(9))
    yield Case("9 bad signatures and a good one", nine + signed(PLAIN), "pass",
               "no key", key())


def by_the_letter():
    """Signatures that pass, and must not count."""
    length = signed(PLAIN, template=tags("s={s};", "s={s}; l={l};"), l=10)
    yield Case("l= within the body", length, "policy",
               "does not count: l= leaves", key())
    whole = len(dkim_signer.canonical_body(PLAIN.split(b"\r\n\r\n", 1)[1],
                                           "relaxed"))
    exact = signed(PLAIN, template=tags("s={s};", "s={s}; l={l};"), l=whole)
    yield Case("l= the whole body", exact, "pass", "verified), counts", key())
    yield Case("l= with appended text", exact + b"more\r\n", "policy",
               "does not count: l= leaves", key())
    yield Case("l= beyond the body",
               signed(PLAIN, template=tags("s={s};", "s={s}; l={l};"), l=whole + 1),
               "fail", "l= exceeds", key())
    yield Case("a second From",
               altered(signed(PLAIN), b"Received:",
                       b"From: eve@example.net\r\nReceived:"), "policy",
               "does not count: the message does not have exactly one", key())
    yield Case("key t=y", signed(PLAIN), "policy", "does not count: the key is for",
               {NAME: ["t=y; " + record("r1024")[9:]]})
    yield Case("d= of one label", signed(PLAIN, d="org"), "policy",
               "does not count: d= is a top", {"sel._domainkey.org":
                                               [record("r1024")]})


def all_cases():
    for group in (canonicalizations, bodies, algorithms, tag_lists, keys,
                  headers, by_the_letter):
        yield from group()

# SPDX-License-Identifier: ISC
"""Senders, ordinary and hostile, the same in every run."""

import random

FIXED = [
    b"bob@example.com", b"Bob.Smith@Example.COM", b"a@b", b"x=y@example.com",
    b"=@example.com", b"====@example.com", b"@example.com", b"bob@", b"@",
    b"bob", b"", b"<>", b"MAILER-DAEMON", b"bob @example.com",
    b" bob@example.com", b"bob@example.com ", b"a\tb@example.com",
    b"bob@exa mple.com", b"a@b@example.com", b"@@example.com",
    b"a@b=c@example.com", b"bob@example=com", b"bob@=", b"bob@exam\"ple.com",
    b"<bob@example.com>", b"bob@example.com>", b"<bob@example.com",
    b"b<o>b@example.com", b"bob\x01@example.com", b"bob\x00@example.com",
    b"bob\x7f@example.com", b"bob@example\x0bcom", b"bob@example\x00.com",
    b"\"a b\"@example.com", b"\"a@b\"@example.com", b"\"bob\"@example.com",
    b"\"\"@example.com", b"\"@example.com", b"a\"b@example.com",
    b"\"a\\\"b\"@example.com", b"\"a\"b\"@example.com", b"\"a\\\"@example.com",
    b"\"<a>\"@example.com", b"\"a=b\"@example.com", b"a\\b@example.com",
    b"user@[192.0.2.1]", b"user@[IPv6:2001:db8::1]", b"user@localhost",
    b"user@example.com.", b"|/bin/sh@example.com", b"$(id)`id`;%s@example.com",
    b"a%20b@example.com", b"100%@example.com", b"a+b@example.com",
    "bücher@münchen.example".encode(), "ě@example.com".encode(),
    "İ@EXAMPLE.COM".encode(), "ÀÉ@ÀÉ.example".encode(),
    b"\xff\xfe@example.com", b"bob@\xe9.example", b"\xc3(@example.com",
    b"bob@fwd.example", b"Bob@FWD.Example", b"\"b b\"@fwd.example",
    b"bob@sub.fwd.example", b"bob@fwd.example.", b"a@b@fwd.example",
    b"SRS0@example.com", b"SRS1@example.com", b"srs0@example.com",
    b"SRS0x@example.com", b"SRS0=@example.com", b"SRS0+@example.com",
    b"SRS0-a@example.com", b"SRS0=a=b@example.com", b"SRS0=a=b=c@example.com",
    b"SRS0=a=b=c=d@example.com", b"srs0+a=b=c=d@example.com",
    b"SRS0=a=b=c=d=e@fwd.example", b"SRS0_a=b=c=d@example.com",
    b"SRS2=a=b=c=d@example.com", b"\"SRS0=a=b=c=d e\"@example.com",
    b"SRS1=@example.com", b"SRS1=a@example.com", b"SRS1=a=b@example.com",
    b"SRS1=a=one.example==h=tt=o.example=u@example.com",
    b"SRS1+a=one.example=-h=tt=o.example=u@example.com",
    b"srs1-a=one.example=+h=tt=o.example=u@example.com",
    b"SRS1=a==h@example.com", b"SRS1==one.example==h@example.com",
    b"SRS1=a.b=one.example==h=tt=o.example=u@example.com",
    b"SRS1=a=one.example=@example.com", b"SRS1=a=one.example=x@example.com",
    b"SRS1=a=o\"e.example==h@example.com",
    b"SRS1=a=b=c=d@fwd.example", b"\"SRS1=a=o.example==b=c=d\"@example.com",
    b"SES=ABC=bob@example.com", b"SES@example.com", b"ses=abc=bob@example.com",
] + [b"u" * n + b"@example.com" for n in range(28, 52)] + [
    b"u@" + b"d" * n for n in (40, 47, 48, 49, 60, 63, 64, 200, 240, 252, 253,
                               254, 300, 500)]

PLAIN = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
LOCAL = PLAIN + b"....__--++==!#$%&'*/?^`{|}~"
WILD = (LOCAL + b" \t\"\\@<>=,;:()[]\x00\x08" +
        bytes(range(0x80, 0xff, 7)))
QUOTED = LOCAL + b" @,;:<>()[]=\t"
HOST = PLAIN + b"...---"


def characters(dice, alphabet, least, most):
    return bytes(dice.choice(alphabet)
                 for _ in range(dice.randint(least, most)))


def host(dice):
    return characters(dice, HOST, 1, 14) + dice.choice(
        [b".com", b".example", b".co.uk", b""])


def ordinary(dice):
    return characters(dice, LOCAL, 1, 20) + b"@" + host(dice)


def verp(dice):
    return (b"bounce-" + characters(dice, PLAIN, 3, 8) + b"-" +
            ordinary(dice).replace(b"@", b"=") + b"@" + host(dice))


def quoted(dice):
    return b"\"" + characters(dice, QUOTED, 0, 16) + b"\"@" + host(dice)


def utf8(dice):
    letters = "äöüßéěłñ中文İĞÀ€😀abc.="
    text = "".join(dice.choice(letters) for _ in range(dice.randint(1, 8)))
    return text.encode() + b"@" + dice.choice(
        [host(dice), "éÉ.example".encode()])


def tagged(dice):
    tag = dice.choice([b"SRS0", b"SRS1", b"srs0", b"Srs1", b"SES"])
    fields = [dice.choice([b"", characters(dice, PLAIN + b"+/", 1, 6),
                           host(dice)]) for _ in range(dice.randint(0, 6))]
    return (tag + dice.choice([b"=", b"+", b"-", b"_", b""]) +
            b"=".join(fields) + b"@" + host(dice))


def rewritten(dice):
    """As another forwarder with another secret would write it."""
    srs0 = (dice.choice([b"=", b"=", b"+", b"-"]) +
            characters(dice, PLAIN + b"+/", 4, 6) + b"=" +
            characters(dice, PLAIN, 2, 2) + b"=" + host(dice)[:9] + b"=" +
            characters(dice, LOCAL, 1, 8))
    if dice.random() < 0.5:
        return b"SRS0" + srs0 + b"@" + host(dice)
    return (b"SRS1" + dice.choice([b"=", b"+", b"-"]) +
            characters(dice, PLAIN, 4, 4) + b"=" + host(dice)[:9] + b"=" +
            srs0 + b"@" + host(dice))


def wild(dice):
    return characters(dice, WILD, 0, 16) + dice.choice([b"@", b"@", b""]) + \
        characters(dice, WILD, 0, 12)


KINDS = [ordinary, ordinary, verp, quoted, utf8, tagged, rewritten, wild]


def senders(count, seed):
    """The fixed ones and count random ones; none has a line end in it."""
    dice = random.Random(seed)
    return FIXED + [dice.choice(KINDS)(dice) for _ in range(count)]


def tampered(dice, address):
    """A rewritten address, changed as bounces, attackers and MTAs change it."""
    at = dice.randrange(len(address))
    what = dice.randrange(10)
    if what == 0:
        return address.lower()
    if what == 1:
        return address.upper()
    if what == 2:
        return address[:at] + address[at + 1:]
    if what == 3:
        return address[:at] + bytes([dice.choice(WILD)]) + address[at + 1:]
    if what == 4:
        return address[:at] + bytes([dice.choice(WILD)]) + address[at:]
    if what == 5:
        return address[:at] + address[at:at + 1].swapcase() + address[at + 1:]
    if what == 6:       # another separator behind the tag
        return address[:4] + dice.choice([b"=", b"+", b"-"]) + address[5:]
    if what == 7:       # a field less
        fields = address.split(b"=")
        del fields[dice.randrange(len(fields))]
        return b"=".join(fields)
    if what == 8:       # part of the hash
        fields = address.split(b"=")
        place = min(1, len(fields) - 1)
        fields[place] = fields[place][:dice.randrange(len(fields[place]) + 1)]
        return b"=".join(fields)
    return address + dice.choice([b".", b" ", b">", b"@x", b"=", b"\x00"])

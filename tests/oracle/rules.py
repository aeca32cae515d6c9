# SPDX-License-Identifier: ISC
"""
Where the implementations differ, and why ours is as it is.

A rule says for which peers and verbs it speaks, and tells by input and both
answers whether it explains a difference.  A difference that no rule explains
fails the test, and so does a rule that explains none for one of its peers.
"""

import collections
import re

Difference = collections.namedtuple(
    "Difference", "peer verb address here there config")
Rule = collections.namedtuple("Rule", "name reason peers verbs explains")

ALL = ("pysrs", "mailsrs", "postsrsd")
ANY = ("encode", "decode", "sign", "ses_sign", "ses_verify")
RULES = []

CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
SRS = re.compile(rb"\"?SRS[01][-+=]", re.I)
SRS1 = re.compile(rb"\"?SRS1[-+=]", re.I)
BASE38 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"


def rule(name, reason, peers=ALL, verbs=("encode", "decode", "sign")):
    def register(explains):
        RULES.append(Rule(name, reason, peers, verbs, explains))
        return explains
    return register


# --- reading addresses ---

def local_of(address):
    return address.rpartition(b"@")[0]


def domain_of(address):
    return address.rpartition(b"@")[2]


def is_quoted(address):
    local = local_of(address)
    return len(local) >= 2 and local[:1] == local[-1:] == b"\""


def content(address):
    """The local part without its quotes."""
    local = local_of(address)
    return local[1:-1] if is_quoted(address) else local


def quotes_broken(address):
    return (is_quoted(address) and
            not re.fullmatch(rb"([^\"\\]|\\.)*", content(address), re.S)
            or is_quoted(address) and b"\\\"" in content(address))


def is_utf8(address):
    try:
        address.decode()
    except UnicodeDecodeError:
        return False
    return True


def fields(address, count):
    """Of a tagged address: hash and what follows, cut count - 1 times."""
    match = re.match(rb"SRS[01][-+=](.*)", content(address), re.I | re.S)
    return match.group(1).split(b"=", count - 1) if match else []


def is_domain(text):
    """A name or an address literal, as far as one looks at it here."""
    return re.fullmatch(rb"\[[^][]+\]|[^][:]+", text, re.S) and not re.search(
        rb'[=@"\\(),;<>\s]|\.\.|^\.', text)


def quoted(address):
    """With quotes around the local part."""
    return b'"' + local_of(address) + b'"@' + domain_of(address)


def needs_quotes(address):
    """Whether the local part is no dot-string; hosts of SRS are passed over."""
    local = re.sub(rb"(?<==)\[[^]]*\](?==)", b"", local_of(address))
    return re.search(rb"[][()<>:;@, \t]|\.\.|^\.|\.$", local) is not None


def inner_host(address):
    """The host in an SRS local part, or None if a field is missing."""
    three = SRS1.match(address) is not None
    parts = fields(address, 3 if three else 4)
    if len(parts) < (3 if three else 4):
        return None
    return parts[1] if three else parts[2]


def has_no_date(address, max_age):
    """Of an SES address: the time field has the value that means "fixed"."""
    number = 0
    for digit in address.split(b"=")[1].upper():
        number = number * 38 + BASE38.index(digit)
    bits = 3        # of time: the least 2^n above max_age, and 2 of fraction
    while (1 << bits - 2) - 1 <= max_age:
        bits += 1
    field = (1 << bits) - 1
    return number >> 80 & field == field


def only_here(d):
    return d.here.ok and not d.there.ok


def only_there(d, words):
    return not d.here.ok and d.there.ok and words.match(d.here.text)


NO_ADDRESS = re.compile(b"not an address|not a rewritten")
TOO_LONG = re.compile(b"too long")
BAD_HASH = re.compile(b"the hash does not match")
BAD_STAMP = re.compile(b"the timestamp is not")


# --- what can't be an address ---

@rule("length", "no address is written with over 64 bytes in the local "
      "part or 254 in all (RFC 5321 4.5.3.1): other servers would refuse it",
      verbs=ANY)
def length(d):
    return only_there(d, TOO_LONG) and (
        len(local_of(d.there.text)) > 64 or len(d.there.text) > 254)


@rule("controls", "control characters end or forge lines in SMTP, headers "
      "and logs", verbs=ANY)
def controls(d):
    return only_there(d, NO_ADDRESS) and CONTROL.search(d.address)


@rule("angle brackets", "an angle bracket outside quotes ends the path early",
      verbs=ANY)
def brackets(d):
    where = domain_of(d.address) if is_quoted(d.address) else d.address
    return only_there(d, NO_ADDRESS) and re.search(rb"[<>]", where)


@rule("domain", "a domain has none of these characters and no empty label; "
      "with = it couldn't be found again in the local part",
      verbs=ANY)
def domain(d):
    name = domain_of(d.address)
    return only_there(d, NO_ADDRESS) and name != b"" and not is_domain(name)


@rule("quotes lost", "a quote or backslash outside of a quoted string has lost "
      "its escape: the local part isn't what it was", verbs=ANY)
def quotes_lost(d):
    if d.peer == "pysrs" and not d.verb.startswith("ses") and lone_quote(d):
        return False
    return only_there(d, NO_ADDRESS) and not is_quoted(d.address) and \
        re.search(rb'["\\]', local_of(d.address))


@rule("source route", "@a,@b:c@d names hosts and no mailbox (RFC 5321 3.6.1)",
      peers=("pysrs", "postsrsd"), verbs=("encode", "sign", "ses_sign"))
def source_route(d):
    return only_there(d, NO_ADDRESS) and re.match(rb"@.*@", d.address, re.S)


@rule("no UTF-8", "without UTF-8 it is no address (RFC 6531 3.3)",
      peers=("mailsrs", "postsrsd"), verbs=("encode", "sign", "ses_sign"))
def no_utf8(d):
    return only_there(d, NO_ADDRESS) and not is_utf8(d.address)


@rule("no domain", "an address without a domain leads nowhere",
      peers=("pysrs", "postsrsd"), verbs=ANY)
def no_domain(d):
    return only_there(d, NO_ADDRESS) and domain_of(d.address) == b""


@rule("inner host", "a host that was signed by others but can't be a domain "
      "would make a broken address", verbs=("decode",))
def host(d):
    inner = inner_host(d.address)
    return only_there(d, NO_ADDRESS) and inner is not None and (
        inner == b"" or not is_domain(inner))


@rule("quoted string", "a quote that isn't escaped, or an escaped one at the "
      "end, lets the local part end elsewhere for the next server",
      verbs=ANY)
def quoted_string(d):
    return only_there(d, NO_ADDRESS) and quotes_broken(d.address)


@rule("SRS1 without its fields", "what was cut off is nobody's address; "
      "Mail::SRS and postsrsd sign it all the same",
      peers=("mailsrs", "postsrsd"), verbs=("encode",))
def srs1_fields(d):
    return only_there(d, NO_ADDRESS) and SRS1.match(d.address) and \
        inner_host(d.address) in (None, b"")


@rule("SRS1 host", "the first forwarder in an SRS1 address must be able to be "
      "a domain", verbs=("encode", "sign"))
def srs1_host(d):
    inner = inner_host(d.address)
    return only_there(d, NO_ADDRESS) and SRS1.match(d.address) and \
        inner is not None and not is_domain(inner)


@rule("missing field", "without a user it isn't all there; Mail::SRS makes "
      "an empty one of it", peers=("mailsrs",), verbs=("decode",))
def missing_field(d):
    return only_there(d, NO_ADDRESS) and inner_host(d.address) is None and \
        d.there.text.startswith(b"@")


# --- quotes ---

@rule("quotes outside", "a quoted local part stays one, with SRS0 inside and "
      "signed by its content: with quotes in the middle it is no address, and "
      "MTAs drop needless quotes (pysrs and Exim do it so)",
      peers=("mailsrs", "postsrsd"), verbs=("encode",))
def quotes_outside(d):
    if not (is_quoted(d.address) and d.here.ok and d.there.ok):
        return False
    if not is_quoted(d.here.text) or is_quoted(d.there.text):
        return False
    here, there = fields(d.here.text, 4), fields(d.there.text, 4)
    return (SRS.match(d.address) or
            here[1:3] == there[1:3] and b"\"" + here[3] + b"\"" == there[3])


@rule("quoted SRS address", "the answer to that: it comes back",
      peers=("mailsrs", "postsrsd"), verbs=("decode",))
def quoted_srs(d):
    return only_here(d) and is_quoted(d.address)


@rule("a quote alone", "pysrs takes one quote for an empty quoted string and "
      "signs that", peers=("pysrs",), verbs=("encode", "decode", "sign"))
def lone_quote(d):
    return local_of(d.address) == b"\"" or \
        fields(d.address, 4)[3:] == [b"\""]


@rule("quotes added", "a local part that needs quotes is written with them: "
      "without, it is no address (RFC 5321 4.1.2)", verbs=ANY)
def quotes_added(d):
    if is_quoted(d.address) or not d.there.ok:
        return False
    if d.here.ok:
        return d.here.text == quoted(d.there.text)
    return only_there(d, TOO_LONG) and \
        needs_quotes(d.there.text if d.verb == "decode" else d.address) and \
        len(local_of(d.there.text)) > 62


# --- the last @ ---

@rule("two @, refused", "a local part may have an @ in quotes, and is cut at "
      "the last; Mail::SRS refuses it",
      peers=("mailsrs",), verbs=("encode",))
def two_at_refused(d):
    return only_here(d) and b"@" in local_of(d.address)


@rule("two @, the first", "the domain is behind the last @ (RFC 5321 4.1.2); "
      "postsrsd cuts at the first, so the bounce goes to another host",
      peers=("postsrsd",))
def two_at_first(d):
    return b"@" in local_of(d.address)


# --- what looks like SRS ---

@rule("bare tag", "SRS0@host is somebody called SRS0: without a separator it "
      "isn't rewritten", peers=("postsrsd",), verbs=("encode", "decode"))
def bare_tag(d):
    return re.match(rb"SRS[01]@", d.address, re.I)


@rule("SRS1 around no SRS0", "what SRS1 carries begins with the inner address's "
      "separator; otherwise the fields of a signed SRS0, which are joined "
      "without delimiters, could pass for an SRS1",
      verbs=("encode", "decode", "sign"))
def srs1_around_nothing(d):
    return only_there(d, NO_ADDRESS) and SRS1.match(d.address) and \
        fields(d.address, 3)[2][:1] not in (b"=", b"+", b"-")


@rule("sign form", "an empty host stands for the address's own domain; only "
      "pysrs knows that form", peers=("mailsrs", "postsrsd"),
      verbs=("decode",))
def sign_form(d):
    return d.here.ok != d.there.ok and not SRS1.match(d.address) and \
        inner_host(d.address) == b""


# --- hash and timestamp ---

@rule("surplus hash", "every character that is given must match; postsrsd "
      "looks at no more than it writes", peers=("postsrsd",),
      verbs=("decode",))
def surplus(d):
    return only_there(d, BAD_HASH) and \
        len(fields(d.address, 2)[0]) > d.config.hash_length


@rule("base64url", "the hash is read in both alphabets, since postsrsd 2.x "
      "writes the other", verbs=("decode",))
def base64url(d):
    return only_here(d) and re.search(rb"[-_]", fields(d.address, 2)[0])


@rule("timestamp", "two characters of A-Z 2-7: a moved = makes a longer one "
      "with the same hash", peers=("pysrs", "mailsrs"), verbs=("decode",))
def timestamp(d):
    return only_there(d, BAD_STAMP) and not re.fullmatch(
        rb"[A-Za-z2-7]{2}", fields(d.address, 3)[1])


# --- character sets ---

@rule("UTF-8", "octets are octets; pysrs refuses those that aren't UTF-8",
      peers=("pysrs",), verbs=ANY)
def utf8(d):
    return only_here(d) and not is_utf8(d.address) and \
        b"UnicodeDecodeError" in d.there.text


# --- SES ---

@rule("SES quotes", "quotes stay outside here too; pysrs leaves them within",
      peers=("pysrs",), verbs=("ses_sign", "ses_verify"))
def ses_quotes(d):
    return is_quoted(d.address)


@rule("SES of two @", "the last one counts: what is before it keeps its case "
      "in the signature", peers=("pysrs",), verbs=("ses_sign", "ses_verify"))
def ses_two_at(d):
    return b"@" in local_of(d.address)


@rule("SES of capitals beyond ASCII", "only A to Z are folded in a domain: "
      "what else is a capital depends on the Unicode version",
      peers=("pysrs",), verbs=("ses_sign", "ses_verify"))
def ses_capitals(d):
    raw = domain_of(d.address)
    return is_utf8(raw) and raw.lower() != raw.decode().lower().encode()


@rule("SES of =", "pysrs signs a local part with = but can't verify it",
      peers=("pysrs",), verbs=("ses_verify",))
def ses_equals(d):
    return only_here(d) and local_of(d.address).count(b"=") > 2


@rule("SES forgery", "pysrs doesn't look at the hash of a signature without "
      "a date: anybody can make one", peers=("pysrs",), verbs=("ses_verify",))
def ses_forgery(d):
    return only_there(d, BAD_HASH) and has_no_date(d.address,
                                                   d.config.max_age)


@rule("SES zeros", "a number has one spelling: with zeros in front it would "
      "pass for another signature", peers=("pysrs",), verbs=("ses_verify",))
def ses_zeros(d):
    return only_there(d, BAD_HASH) and re.match(rb"SES=A", d.address, re.I)

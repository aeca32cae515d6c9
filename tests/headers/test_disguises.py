#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
Authentication-Results in our name under every disguise that a reader undoes:
what Python's email in both of its policies, Perl's Encode, or what programs do
behind them, reads as our id is removed; and others' fields stay.

usage: test_disguises.py [WORD...]   only the cases with these words in their names
"""

import base64
import email
import email.errors
import email.header
import email.policy
import itertools
import re
import subprocess
import sys
import unicodedata
import urllib.parse

import places
import tap
from tap import equal

suite = tap.Suite()
OURS = "mask.example"
OTHERS = "relay.example"
REST = "; spf=pass smtp.mailfrom=bank.example"


def verdicts(fields, ident=OURS):
    """Which of these (octets) are ours."""
    lines = "".join(f"{ident.encode().hex()} {field.hex()}\n"
                    for field in fields)
    done = subprocess.run([places.program("tests/headers/authres")], input=lines, capture_output=True,
                          text=True, check=True)
    return [line == "1" for line in done.stdout.split()]


# --- disguises ---------------------------------------------------------------
# Each makes texts (str) of one; what isn't ASCII goes out as UTF-8.

def word_q(text, charset="utf-8"):
    octets = text.encode(charset.partition("*")[0])
    return f"=?{charset}?q?" + "".join(f"={octet:02X}" for octet in octets) \
        + "?="


def word_q_plain(text, charset="utf-8"):
    return f"=?{charset}?Q?{text.replace(' ', '_')}?="


def word_b(text, charset="utf-8"):
    octets = text.encode(charset.partition("*")[0])
    return f"=?{charset}?b?{base64.b64encode(octets).decode()}?="


CHARSETS = ["utf-8", "UTF-8", "utf8", "us-ascii", "iso-8859-1", "ISO-8859-15",
            "windows-1252", "utf-8*en", "koi8-r", "utf-16", "utf-16-le",
            "utf-7", "utf-8-sig", "utf-32", "cp037", "cp500", "iso2022_jp",
            "gb18030", "big5", "shift_jis", "hz", "latin1", "ascii", "punycode"]


def words(text):
    for charset in CHARSETS:
        for make in word_q, word_b:
            try:
                yield make(text, charset)
            except UnicodeError:
                pass        # it can't be written in that one
    yield word_q_plain(text)
    yield word_b(text).replace("=?=", "?=").replace("=?=", "?=")
    yield word_b(text)[:-2] + "\n?="


def split_words(text):
    for at in range(1, len(text)):
        one, two = text[:at], text[at:]
        for first, second in itertools.product((word_q, word_b, str), repeat=2):
            for between in ("", " ", "\r\n ", "\t"):
                yield first(one) + between + second(two)
    yield " ".join(word_q(letter) for letter in text)
    yield "".join(word_b(letter) for letter in text)


def percents(text):
    yield "".join(f"%{ord(letter):02x}" for letter in text)
    for at in range(len(text)):
        yield f"{text[:at]}%{ord(text[at]):02X}{text[at + 1:]}"
    yield urllib.parse.quote(urllib.parse.quote(text, safe="").replace(
        ".", "%2E"))


def unicodes(text):
    yield "".join(chr(ord(letter) - 0x21 + 0xff01) for letter in text)
    yield text.replace("s", "\u017f")
    yield text.replace("k", "\u212a")
    yield text.replace(".", "\u3002")
    yield text.replace(".", "\uff0e")
    yield text.replace(".", "\uff61")
    yield "".join(chr(0x1d41a + ord(letter) - 97) if letter.isalpha() else
                  letter for letter in text)
    yield "".join(chr(0x24d0 + ord(letter) - 97) if letter.isalpha() else
                  letter for letter in text)
    for hidden in "\u00ad\u200b\u200c\u200d\u200e\u2060\ufeff\u202e\u2066\ufe0f":
        yield text[:2] + hidden + text[2:]
        yield hidden + text
        yield text + hidden
    for blank in "\u00a0\u2003\u3000\u2028\x85":
        yield blank + text + blank


def plain(text):
    yield text
    yield text.upper()
    yield text + "."
    yield f"{text} 1"
    yield f"{text}/1"
    yield f"{text}:25"
    yield f"\"{text}\""
    yield "\"" + "".join("\\" + letter for letter in text) + "\""
    yield f"(x) {text} (y)"
    yield f"(a (b)) {text}"
    yield f"(\\)) {text}"
    yield f"\r\n\t{text}\r\n "
    yield f"\r\n {text}\r\n\t"
    yield f"{text}\0"
    yield f"{text[:3]}\0{text[3:]}"
    yield f"<{text}>"


DISGUISES = {"plain": plain, "words": words, "split words": split_words,
             "percents": percents, "Unicode": unicodes}


def made(text, *names):
    """Texts that these disguises, one around the other, make of it."""
    texts = [text]
    for name in names:
        following = []
        for one in texts:
            following += DISGUISES[name](one)
        texts = following
    return texts


# --- readers -----------------------------------------------------------------

def as_octets(text):
    return text.encode("utf-8", "surrogateescape")


def parsed(octets, policy):
    message = email.message_from_bytes(
        b"Authentication-Results: " + octets + b"\n\nbody\n", policy=policy)
    return message["Authentication-Results"]


def read_modern(octets):
    yield str(parsed(octets, email.policy.default))


def read_compat32(octets):
    value = parsed(octets, email.policy.compat32)
    yield str(value)
    try:
        yield str(email.header.make_header(email.header.decode_header(value)))
    except (ValueError, LookupError, TypeError, email.errors.MessageError):
        pass
    yield octets.decode("latin-1")
    yield octets.decode("utf-8", "replace")


def read_perl(fields):
    """What Encode makes of each; None where there is no perl."""
    script = ("use Encode; binmode STDOUT, ':utf8'; while (<STDIN>) { chomp; "
              "my $t = eval { decode('MIME-Header', pack('H*', $_)) }; "
              "$t = '' unless defined $t; print unpack('H*', "
              "encode('UTF-8', $t)), \"\\n\" }")
    done = subprocess.run(
        ["perl", "-e", script], capture_output=True, text=True,
        input="".join(field.hex() + "\n" for field in fields), check=True)
    return [bytes.fromhex(line).decode("utf-8", "replace")
            for line in done.stdout.split("\n")[:-1]]


def uncommented(text):
    old = None
    while old != text:
        old, text = text, re.sub(r"\((?:\\.|[^()\\])*\)", " ", text)
    return text


def ids(text):
    """What programs take for the authserv-id of a value."""
    texts = {text, uncommented(text), urllib.parse.unquote(text),
             uncommented(urllib.parse.unquote(text))}
    for one in texts:
        head = one.split(";")[0]
        head = re.sub(r"[\r\n]+[ \t]+", " ", head)
        for fold in (str, lambda t: unicodedata.normalize("NFKC", t)):
            folded = fold(head)
            shown = "".join(c for c in folded
                            if c in "\t\r\n" or
                            unicodedata.category(c) not in ("Cf", "Cc")
                            and not 0xfe00 <= ord(c) <= 0xfe0f)
            for form in (folded, shown):
                bare = re.sub(r'["\\<>]', "", form).strip()
                for word in {bare, bare.split(" ")[0], *re.split(
                        r"[ /:]", bare)[:1]}:
                    yield word.strip().rstrip(".").casefold()
                    yield word.upper().rstrip(".").lower()
                    try:
                        yield word.encode("idna").decode().rstrip(".").lower()
                    except UnicodeError:
                        pass


def readings(octets):
    for value in itertools.chain(read_modern(octets), read_compat32(octets)):
        yield from ids(value)


# --- cases -------------------------------------------------------------------

def check(disguised, ident=OURS):
    """Whoever reads ident has the field removed; how many did."""
    fields = [as_octets(text + REST) for text in disguised]
    perl = read_perl(fields)
    ours = verdicts(fields, ident)
    equal(len(ours), len(fields), "answers")
    read = 0
    for field, removed, by_perl in zip(fields, ours, perl):
        names = set(readings(field)) | set(ids(by_perl))
        if ident not in names:
            continue
        read += 1
        if not removed:
            raise AssertionError(f"kept, and read as {ident}: {field!r}")
    return read


def register(names):
    @suite.case(" within ".join(names))
    def case():
        texts = made(OURS, *names)
        read = check(texts)
        tap.diagnose(f"{len(texts)} forms, {read} of them read as ours")
        equal(read > 0, True, "somebody reads one")


for inner in DISGUISES:
    register((inner,))
for pair in (("plain", "words"), ("words", "plain"), ("plain", "split words"),
             ("percents", "words"), ("words", "percents"),
             ("Unicode", "words"), ("Unicode", "plain"),
             ("Unicode", "percents")):
    register(pair)


@suite.case("the whole field in a word")
def whole():
    texts = [make(text + REST, charset) for text in made(OURS, "plain")
             for make in (word_q, word_b) for charset in ("utf-8", "us-ascii")]
    equal(check(texts) > 0, True)


@suite.case("U-labels and A-labels of one name")
def labels():
    u_label, a_label = "b\u00fccher.example", "xn--bcher-kva.example"
    forms = {u_label, u_label.upper(), a_label, a_label.upper(),
             "bu\u0308cher.example", word_q(u_label), word_b(u_label),
             word_q(u_label, "iso-8859-1"), word_q(a_label),
             urllib.parse.quote(u_label), f"\"{u_label}\"", u_label + ".",
             u_label.replace(".", "\u3002")}
    fields = [as_octets(form + REST) for form in forms]
    for ident in u_label, a_label:
        equal(verdicts(fields, ident), [True] * len(fields), ident)
    equal(verdicts([as_octets(form + REST) for form in (
        "bucher.example", "xn--bcher-kvb.example", "b\u00fcche.example")],
                   u_label), [False] * 3, "others")
    equal(verdicts([as_octets("stra\u00dfe.example" + REST)],
                   "strasse.example"), [True], "IDNA2003")


@suite.case("fields of others stay, whatever they hold")
def others():
    texts = [text for name in DISGUISES for text in made(OTHERS, name)]
    texts += [text for text in made(OTHERS, "plain", "split words")]
    texts += [
        OTHERS + REST + " reason=\"100%25 mask.example\"",
        OTHERS + " (=?utf-8?q?mask.example?=)" + REST,
        OTHERS + "; spf=pass =?utf-8?q?mask.example?=",
        OTHERS + "; dkim=pass header.b=\"a?b=c%2e\" (mask.example)",
        "b\u00fccher.example; spf=pass", "xn--bcher-kva.example; spf=pass",
        "\u043ca\u0455k.example; spf=pass", "mas\u0138.example; spf=pass",
        "mask.example.com; spf=pass", "a.mask.example; spf=pass",
        "mask%2eexample%2ecom; spf=pass", "=?utf-8?q?amask=2Eexample?=; none",
        OTHERS + "; " + "x" * 9000 + "%20",
    ]
    fields = [as_octets(text if ";" in text else text + REST)
              for text in texts]
    removed = [field for field, is_ours in zip(fields, verdicts(fields))
               if is_ours]
    # In these nobody can say what a word is: see authres_disguise.h.
    strange = re.compile(rb"=\?(?!utf-?8(\*en)?\?|us-ascii\?|iso-8859-1?5?\?|"
                         rb"windows-1252\?|koi8-r\?|latin1\?|ascii\?)", re.I)
    needless = [field for field in removed if not strange.search(field)]
    tap.diagnose(f"{len(fields)} forms, {len(removed)} removed, of them "
                 f"{len(removed) - len(needless)} in strange character sets")
    equal(needless, [])


@suite.case("a field too long to be undone goes, if its id doesn't end")
def long_fields():
    filler = "(" + "x" * 5000 + ")"
    equal(verdicts([as_octets(text) for text in (
        filler + word_q(OURS) + REST, word_q("(") + filler + OURS + REST,
        OTHERS + REST + filler + "%20", OTHERS + "; none " + "%20" * 5000)]),
          [True, True, False, False])


if __name__ == "__main__":
    sys.exit(suite.run())

# SPDX-License-Identifier: ISC
"""
DKIM signatures as tests want them, wrong ones too: written from RFC 6376 and
8463, with no code of what is tested.  Keys are in dkim_keys, for tests alone.
"""

import base64
import functools
import hashlib
import os
import re
import subprocess
import tempfile

import places

KEYS = places.source("tests", "lib", "dkim_keys")

TEMPLATE = " v=1; a={a}; c={c}; d={d}; s={s};\r\n\th={h};\r\n\tbh={bh};\r\n\tb={b}"

# RFC 8017 9.2: DigestInfo in front of a hash.
DIGEST_INFO = {"sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
               "sha1": bytes.fromhex("3021300906052b0e03021a05000414")}


def key_path(name):
    return os.path.join(KEYS, f"{name}.pem")


def pem(name):
    with open(key_path(name), encoding="ascii") as file:
        lines = file.read().splitlines()
    return base64.b64decode("".join(l for l in lines if not l.startswith("-")))


# --- DER --------------------------------------------------------------------

def der(tag, content):
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def der_integer(number):
    return der(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def der_items(octets):
    while octets:
        size, at = octets[1], 2
        if size & 0x80:
            at += size & 0x7f
            size = int.from_bytes(octets[2:at], "big")
        yield octets[at:at + size]
        octets = octets[at + size:]


@functools.lru_cache(maxsize=None)
def rsa_numbers(name):
    """(n, e, d) of a PKCS#1 key."""
    sequence = next(der_items(pem(name)))
    numbers = [int.from_bytes(item, "big") for item in der_items(sequence)]
    return numbers[1:4]


def rsa_public(name, pkcs1=False, e=None):
    n, usual_e, _ = rsa_numbers(name)
    bare = der(0x30, der_integer(n) + der_integer(e or usual_e))
    if pkcs1:
        return bare
    algorithm = der(0x30, bytes.fromhex("06092a864886f70d0101010500"))
    return der(0x30, algorithm + der(3, b"\0" + bare))


def ed25519_public():
    done = subprocess.run(
        ["openssl", "pkey", "-in", key_path("ed25519"), "-pubout", "-outform",
         "DER"], check=True, capture_output=True)
    return done.stdout[-32:]


def record(name, pkcs1=False, tags="v=DKIM1;", e=None):
    """The TXT record of a key."""
    if name == "ed25519":
        return f"{tags} k=ed25519; p=" + b64(ed25519_public())
    return f"{tags} k=rsa; p=" + b64(rsa_public(name, pkcs1, e))


def b64(octets):
    return base64.b64encode(octets).decode()


# --- canonical forms --------------------------------------------------------

def canonical_body(body, how):
    """RFC 6376 3.4.3 and 3.4.4, as their sentences say it."""
    if how == "relaxed":
        lines = [re.sub(rb"[ \t]+$", b"", re.sub(rb"[ \t]+", b" ", line))
                 for line in body.split(b"\r\n")]
        body = b"\r\n".join(lines)
    body = re.sub(rb"(\r\n)*$", b"", body, count=1)
    return body + b"\r\n" if body or how == "simple" else b""


def canonical_field(name, value, how):
    if how == "simple":
        return name + b":" + value
    value = re.sub(rb"[ \t]+", b" ", value.replace(b"\r\n", b""))
    return name.lower().rstrip(b" \t") + b":" + value.strip(b" ")


# --- signing ----------------------------------------------------------------

def rsa_sign(name, data, algorithm):
    n, _, d = rsa_numbers(name)
    size = (n.bit_length() + 7) // 8
    info = DIGEST_INFO[algorithm] + hashlib.new(algorithm, data).digest()
    padded = b"\0\1" + b"\xff" * (size - len(info) - 3) + b"\0" + info
    return pow(int.from_bytes(padded, "big"), d, n).to_bytes(size, "big")


def ed25519_sign(data):
    with tempfile.NamedTemporaryFile() as file:
        file.write(hashlib.sha256(data).digest())
        file.flush()
        return subprocess.run(
            ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey",
             key_path("ed25519"), "-in", file.name],
            check=True, capture_output=True).stdout


def fields_of(header):
    """[(name, value)] of a header with CRLF."""
    lines = re.split(rb"\r\n(?![ \t])", header)
    return [tuple(line.split(b":", 1)) for line in lines if line]


def chosen(fields, names):
    """The fields that h= names, from the lowest upwards."""
    left = list(fields)
    for name in names:
        for i in range(len(left) - 1, -1, -1):
            if left[i][0].lower().strip() == name.lower().encode():
                yield left.pop(i)
                break


def signature(message, key="r1024", d="example.org", s="sel",
              c="relaxed/relaxed", h=("From", "To", "Subject"),
              template=TEMPLATE, a=None, body=None, **more):
    """
    A DKIM-Signature field for message, without the end of its line.  body: what
    is hashed as body; h as text: how it is written.
    """
    header, text = message.split(b"\r\n\r\n", 1)
    a = a or ("ed25519-sha256" if key == "ed25519" else "rsa-sha256")
    header_how, body_how = (c + "/simple").split("/")[:2]
    names = [name.strip() for name in h.split(":")] if isinstance(h, str) else h
    hashed = canonical_body(text if body is None else body, body_how)
    if "l" in more:
        hashed = hashed[:more["l"]]
    algorithm = a.rsplit("-", 1)[1]
    values = {"a": a, "c": c, "d": d, "s": s,
              "h": h if isinstance(h, str) else ":".join(h),
              "bh": b64(hashlib.new(algorithm, hashed).digest()), **more}
    field = b"DKIM-Signature"
    bare = template.format(b="", **values).encode("latin-1")
    # A bare value is one line, without what stood for blanks around b=.
    data = b"".join(canonical_field(*one, header_how) + b"\r\n"
                    for one in chosen(fields_of(header), names))
    data += canonical_field(field, bare, header_how)
    octets = ed25519_sign(data) if key == "ed25519" else \
        rsa_sign(key, data, algorithm)
    return field + b":" + template.format(b=b64(octets), **values).encode(
        "latin-1")


def signed(message, **options):
    return signature(message, **options) + b"\r\n" + message


def ed25519_seed():
    """The secret key as RFC 8032 has it: the last octets of PKCS#8."""
    return pem("ed25519")[-32:]


def key_zone(domains, key="r1024", selector="sel"):
    """Records of a zone file: {domain: tags of its key}."""
    lines = []
    for domain, tags in domains.items():
        text = record(key, tags=tags)
        strings = " ".join(f'"{text[i:i + 200]}"' for i in range(0, len(text), 200))
        lines.append(f"{selector}._domainkey.{domain}. TXT {strings}\n")
    return "".join(lines)

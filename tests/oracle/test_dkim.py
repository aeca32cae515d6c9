#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
dkimquery against dkimpy and Mail::DKIM, on messages that OpenDKIM, both of them and
tests/lib/dkim_signer.py have signed, whole and altered.

Each signature has to pass with all or with none; what else happens has one of
the reasons below, each of which must occur.  DKIM_ORACLE_MESSAGES in the
environment: how many random messages; DKIM_ORACLE_FIRST: the first seed.
"""

import base64
import collections
import glob
import json
import os
import random
import subprocess
import sys
import tempfile

import dkim_cases
import dkim_signer
import milter_client
import places
import tap

MESSAGES = int(os.environ.get("DKIM_ORACLE_MESSAGES", "60"))
FIRST = int(os.environ.get("DKIM_ORACLE_FIRST", "0"))

# The peers are Debian's packages for its own Python.
PYTHON = "/usr/bin/python3"

SIGNERS = ("own", "dkimpy", "maildkim", "opendkim")
CANONS = [f"{a}/{b}" for a in ("simple", "relaxed") for b in ("simple", "relaxed")]


class Peer:
    """A process that answers a line for each line."""

    def __init__(self, name, *command):
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, text=True)
        self.version = self.read()

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"{self.name} died")
        return json.loads(line)

    def ask(self, message, **job):
        job["message"] = base64.b64encode(message).decode()
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()
        return self.read()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=20)


class OpenDkim:
    """The filter that signs what comes from here, by one canonicalization."""

    def __init__(self, directory, c, key):
        prefix = places.peer("opendkim")
        name = os.path.join(directory, f"{c.replace('/', '-')}-{key}")
        self.address = f"unix:{name}.sock"
        with open(name + ".conf", "w", encoding="ascii") as file:
            file.write(f"Socket local:{name}.sock\nMode s\nSyslog no\n"
                       "Domain example.org\nSelector sel\nRequireSafeKeys no\n"
                       f"KeyFile {dkim_signer.key_path(key)}\n"
                       f"Canonicalization {c}\nInternalHosts 127.0.0.1\n")
        libraries = [os.path.join(prefix, "usr/lib")] + glob.glob(
            os.path.join(prefix, "usr/lib/*-linux-*")) + glob.glob(
            os.path.join(prefix, "lib/*-linux-*"))
        self.process = subprocess.Popen(
            [os.path.join(prefix, "usr/sbin/opendkim"), "-f", "-x", name + ".conf"],
            env={"LD_LIBRARY_PATH": ":".join(libraries), "PATH": "/usr/bin:/bin"},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        tap.wait_until(lambda: self.process.poll() is not None or
                       os.path.exists(f"{name}.sock"), "opendkim to listen")

    def sign(self, message):
        """The field; None: it doesn't want to."""
        header, body = message.split(b"\r\n\r\n", 1)
        with milter_client.Session(self.address) as session:
            session.connect("127.0.0.1")
            session.helo("here.test")
            done = session.deliver("<joe@example.org>", ["<a@b.test>"], [
                f"{name.decode('latin-1')}:{value.decode('latin-1')}".replace(
                    "\r\n", "\n")
                for name, value in dkim_signer.fields_of(header)], body)
        fields = [str(field) for field in done.message.fields
                  if field.name == "DKIM-Signature"]
        return fields[0].replace("\n", "\r\n").encode("latin-1") + b"\r\n" \
            if fields else None

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=20)


def open_opendkim(directory):
    """{(canonicalizations, key): OpenDkim}; empty: it can't be had."""
    reason = places.fetch("opendkim")
    if reason:
        tap.diagnose(f"no opendkim: {reason}")
        return {}
    return {(c, key): OpenDkim(directory, c, key)
            for c in CANONS for key in ("r1024", "r2048")}


def ask_here(message, zone):
    """Result and reason of each signature by dkimquery."""
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        file.write(dkim_cases.zone_text(zone))
        file.flush()
        done = places.run(places.program("dkimquery"), "--now",
                          str(dkim_cases.NOW), "--zone", file.name, "--json",
                          text=False, input=message, timeout=60)
    return [(one["result"], one["reason"])
            for one in json.loads(done.stdout)["signatures"]]


# --- messages ---------------------------------------------------------------

WORDS = (b"Hi.", b"game", b"lost", b" ", b"  ", b"\t", b" \t ", b"\r\n", b"\r\n",
         b"\r\n\r\n", b"From here", b".", b"a" * 70, bytes([0xc3, 0xa9]), b"=")


def random_body(dice):
    body = b"".join(dice.choice(WORDS) for _ in range(dice.randrange(0, 30)))
    return body if dice.random() < 0.1 or not body else body + b"\r\n"


def random_message(dice):
    values = [b"Joe <joe@example.org>", b"Suzie  Q <s@example.net>",
              b"is\t dinner\r\n\tready? ", b"a\r\n  b\r\n\tc", b"x", b" "]
    fields = [b"From: " + values[0]]
    for name in (b"To", b"Subject", b"Received", b"Received", b"X-A", b"x-a"):
        if dice.random() < 0.8:
            fields.insert(dice.randrange(len(fields) + 1),
                          name + b":" + dice.choice((b" ", b"", b"  ")) +
                          dice.choice(values))
    return b"\r\n".join(fields) + b"\r\n\r\n" + random_body(dice)


def alter(dice, message):
    """An octet is put in, taken out, doubled or changed, maybe harmlessly."""
    at = dice.randrange(message.index(b"\r\nFrom:") + 2
                        if b"\r\nFrom:" in message else 0, len(message))
    # A file's LF ends a line for dkimquery, for others CRLF alone does.
    at -= message[at - 1:at + 1] == b"\r\n"
    how = dice.randrange(4)
    if how == 0:
        return message[:at] + dice.choice((b" ", b"\t", b"x")) + message[at:]
    if how == 1 and message[at] not in b"\r\n:":
        return message[:at] + message[at + 1:]
    if how == 2 and message[at] not in b"\r\n:":
        return message[:at] + message[at:at + 1] + message[at:]
    return message + dice.choice((b"\r\n", b"x\r\n", b" ", b"\r\n\r\n", b" \r\n"))


# --- signing ----------------------------------------------------------------

def sign(peers, dice, signer, message):
    """(signed message, name of the key)"""
    c = "/".join(dice.choice(("simple", "relaxed")) for _ in range(2))
    key = dice.choice(("r1024", "r2048"))
    if signer == "own" or (signer == "dkimpy" and dice.random() < 0.3):
        key = dice.choice((key, "ed25519"))
    options = {"a": "ed25519-sha256" if key == "ed25519" else "rsa-sha256",
               "c": c, "l": dice.random() < 0.2,
               "h": dice.choice((["from", "to", "subject"], ["from", "received",
                                 "received", "x-a", "from"]))}
    if signer == "opendkim":
        filters = peers[signer]
        field = filters[c, key].sign(message) if filters else None
        return (field + message if field else None), key
    if signer == "own":
        return dkim_signer.signed(message, key=key, c=c, h=options["h"]), key
    text = base64.b64encode(dkim_signer.ed25519_seed()).decode() \
        if key == "ed25519" else open(dkim_signer.key_path(key),
                                      encoding="ascii").read()
    field = peers[signer].ask(message, key=text, options=options,
                              path=dkim_signer.key_path(key))
    return (base64.b64decode(field) + message if field else None), key


# --- where they differ ------------------------------------------------------

# Peers that pass what they shouldn't, or don't pass what they should: the case of
# dkim_cases, and the rule that they don't know.  Newer ones may know it.
KNOWN = {
    "dkimpy": {
        "rsa-sha1": "RFC 8301 3.1", "octets after the key": "RFC 5280 4.1",
        "q= with others": "RFC 6376 3.5: a list", "h= without From": "5.4",
        "h= with an empty name": "3.5", "d= with dot at the end": "3.5",
        "own field in h=": "3.5: not included", "a second From": "it refuses all",
        "key: h=sha1": "6.1.2", "key: s=a:email": "3.6.1: a list",
        "key: t=s, i= below": "6.1.2", "l= beyond the body": "3.5"},
    "maildkim": {
        "rsa-sha1": "RFC 8301 3.1", "rsa 512": "RFC 8301 3.2",
        "rsa 768": "RFC 8301 3.2", "PKCS#1 key": "RFC 6376's own example",
        "octets after the key": "RFC 5280 4.1", "two d=": "3.2", "two h=": "3.2",
        "q= with others": "3.5: a list", "junk in b=: letters": "3.2",
        "h= without From": "5.4", "h= with an empty name": "3.5",
        "x= before t=": "3.5", "without v=": "3.5", "without bh": "3.5",
        "not tags": "3.2", "empty tag": "3.2", "key: two t=": "3.2",
        "own field in h=": "3.5: not included", "key: s=a:email": "3.6.1: a list",
        "l= beyond the body": "3.5"},
}


def explain(peer, what, message, theirs):
    """Why a peer may differ; None: it may not."""
    if theirs is None:
        return "a line of the header that is no field"
    if b"ed25519" in message and peer == "maildkim":
        return "no Ed25519"
    if not message.endswith(b"\r\n"):
        return "no CRLF at the end of the body (3.4.3, 3.4.4: it is added)"
    return "rule not known: " + KNOWN[peer][what] if what in KNOWN[peer] else None


def strings_of(zone):
    """{name: strings of its only record}"""
    return {name: records[0] if isinstance(records[0], list) else records
            for name, records in zone.items()}


def is_single(zone):
    return all(len(records) == 1 and not isinstance(records, str)
               for records in zone.values())


class Comparison:
    def __init__(self, directory):
        self.opendkim = open_opendkim(directory)
        self.peers = {
            "dkimpy": Peer("dkimpy", PYTHON, places.source(
                "tests/oracle/dkim_peer_dkimpy.py")),
            "maildkim": Peer("Mail::DKIM", "perl", places.source(
                "tests/oracle/dkim_peer_maildkim.pl"))}
        self.counts, self.reasons = collections.Counter(), collections.Counter()
        self.problems = []

    def close(self):
        for peer in (*self.peers.values(), *self.opendkim.values()):
            peer.close()

    def compare(self, what, message, zone):
        ours = ask_here(message, zone)
        for name, peer in self.peers.items():
            theirs = peer.ask(message, zone=strings_of(zone))
            passes = [result == "pass" for result, _ in ours]
            if theirs is not None and \
                    [one == "pass" for one in theirs[:10]] == passes:
                self.counts[f"{name}: the same, {'pass' if any(passes) else 'no pass'}"] += 1
                continue
            if theirs is None and not any(passes):
                self.counts[f"{name}: the same, no pass"] += 1
                continue
            why = explain(name, what, message, theirs)
            self.counts[f"{name}: explained"] += why is not None
            self.reasons[f"{name}: {why}"] += 1
            if why is None:
                self.problems.append(f"{what}: {name} {theirs}, here {ours}: "
                                     f"{base64.b64encode(message).decode()}")

    def take_problems(self):
        problems, self.problems = self.problems, []
        return problems


def known_cases(comparison):
    for one in dkim_cases.all_cases():
        if is_single(one.zone) and len(one.message) < 1000000:
            comparison.compare(one.name, one.message, one.zone)


def random_messages(comparison):
    for seed in range(FIRST, FIRST + MESSAGES):
        dice = random.Random(seed)
        for signer in SIGNERS:
            message, key = sign({**comparison.peers,
                                 "opendkim": comparison.opendkim}, dice, signer,
                                random_message(dice))
            if message is None:
                continue
            comparison.counts[f"signed by {signer}"] += 1
            zone = {dkim_cases.NAME: [dkim_signer.record(key)]}
            comparison.compare(f"{seed} {signer}", message, zone)
            comparison.compare(f"{seed} {signer} altered", alter(dice, message),
                               zone)


def main():
    if tap.REQUIRE_ALL and places.fetch("opendkim"):
        return tap.cannot_run("no opendkim")
    for program in (PYTHON, "-c", "import dkim, nacl"), ("perl", "-MMail::DKIM", "-e1"):
        if places.run(*program).returncode != 0:
            return tap.cannot_run(f"{' '.join(program)} fails: scripts/deps test")
    with tempfile.TemporaryDirectory(prefix="mailfrom-dkim-") as directory:
        return run(Comparison(directory))


def run(comparison):
    report = tap.Report()
    known_cases(comparison)
    report.test("dkimpy and Mail::DKIM on the known cases",
                comparison.take_problems())
    random_messages(comparison)
    report.test("dkimpy and Mail::DKIM on random messages, whole and altered",
                comparison.take_problems())
    report.test("all of them have signed", [
        f"{signer} has signed nothing" for signer in SIGNERS
        if not comparison.counts[f"signed by {signer}"] and
        (signer != "opendkim" or comparison.opendkim)])
    comparison.close()
    for what, count in sorted({**comparison.counts, **comparison.reasons}.items()):
        tap.diagnose(f"{count} {what}")
    return report.end()


if __name__ == "__main__":
    sys.exit(main())

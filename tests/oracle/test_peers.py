#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
libsrs against pysrs, Mail::SRS and postsrsd, with every clock at one time.

Encode here and there and compare; decode there what was encoded here, here
what was encoded there, and everything again tampered with.  Each difference
must be one of rules.py.

usage: test_peers.py [-v]       -v: an example for each rule
"""

import base64
import collections
import hashlib
import hmac
import os
import random
import re
import subprocess
import sys

import addresses
import peers
import places
import rules
import tap

INSIDE = "MAILFROM_ORACLE_INSIDE"
SENDERS = 4000

CONFIGS = [
    peers.Config("hash 4", 4, 4, "=", 21, False, [b"secret"]),
    peers.Config("hash 8 or 6, +, two secrets, always", 8, 6, "+", 8, True,
                 [b"first secret", b"older"]),
    peers.Config("hash 20 or 4, -", 20, 4, "-", 49, False, [b"k" * 100]),
]
# postsrsd's window isn't an option.
CONFIGS_21_DAYS = [c._replace(max_age=21) for c in CONFIGS]


class Comparison(tap.Report):
    """A report of the differences that no rule explains."""

    def __init__(self):
        super().__init__()
        self.fired = collections.Counter()
        self.examples = {}
        self.endless = 0        # addresses that loops_there() kept away

    def compare(self, peer, verb, config, inputs, here, there):
        """The differences of two lists of answers, but for the explained."""
        problems = []
        for address, ours, theirs in zip(inputs, here, there):
            if ours.ok and (len(rules.local_of(ours.text)) > 64 or
                            len(ours.text) > 254):
                problems.append(f"{verb} {address!r}: too long: {ours.text!r}")
            if ours.ok == theirs.ok and (not ours.ok or
                                         ours.text == theirs.text):
                continue
            difference = rules.Difference(peer.name, verb, address, ours,
                                          theirs, config)
            found = explain(difference)
            if found is None:
                problems.append(
                    f"{verb} {address!r}: here {show(ours)}, "
                    f"{peer.name} {show(theirs)}")
            else:
                self.fired[found.name, peer.name] += 1
                self.examples.setdefault((found.name, peer.name), difference)
        return problems

    def rules(self, verbose):
        for rule in rules.RULES:
            for peer in rule.peers:
                times = self.fired[rule.name, peer]
                self.test(f"rule \"{rule.name}\" explains {peer}: {times}",
                          [] if times else ["it explains nothing any more"])
                if verbose and times:
                    d = self.examples[rule.name, peer]
                    print(f"#   {rule.reason}\n#   {d.verb} {d.address!r}: "
                          f"here {show(d.here)}, there {show(d.there)}")


def show(answer):
    return repr(answer.text) if answer.ok else f"refuses: {answer.text!r}"


def explain(difference):
    for rule in rules.RULES:
        if difference.peer in rule.peers and \
                difference.verb in rule.verbs and rule.explains(difference):
            return rule
    return None


# --- what is asked ---

def hash_of(secret, length, *parts):
    mac = hmac.new(secret, b"".join(parts).lower(), hashlib.sha1).digest()
    return base64.b64encode(mac)[:length]


def forged(config):
    """Rightly signed, and otherwise odd: as a holder of the key could do."""
    secret, length = config.secrets[-1], config.hash_length
    stamps = [b"G3", b"g3", b"G2", b"GZ", b"FU", b"FV", b"EM", b"G4", b"AA",
              b"77", b"", b"G", b"A", b"AG3", b"aag3", b"G30", b"G ", b"08"]
    out = []
    for stamp in stamps:
        for host in (b"h.example", b"", b"h\"x", b"h>x", b"h\x01x", b"[::1]"):
            for user in (b"u", b"", b"a=b", b"a b", b"a\x01b", b"a<b"):
                out.append(b"SRS0=%s=%s=%s=%s@fwd.example" % (
                    hash_of(secret, length, stamp, host, user), stamp, host,
                    user))
    for host in (b"one.example", b"", b"h\"x"):
        for rest in (b"=h=tt=o.example=u", b"+h=tt=o.example=u", b"=", b"x",
                     b"", b"=a\x01b", b"=" + b"x" * 61):
            out.append(b"SRS1=%s=%s=%s@fwd.example" % (
                hash_of(secret, length, host, rest), host, rest))
    for length in range(0, 30):
        out.append(b"SRS0=%s=G3=h.example=u@fwd.example" % hash_of(
            secret, length, b"G3", b"h.example", b"u").rstrip(b"="))
    return out


def other_alphabet(address):
    parts = address.split(b"=")
    if len(parts) < 2 or not re.match(rb"SRS[01]=", address):
        return address
    parts[1] = parts[1].replace(b"+", b"-").replace(b"/", b"_")
    return b"=".join(parts)


def one_line(address):
    return b"\n" not in address and not address.endswith(b"\r")


def loops_there(address):
    """
    pysrs and Mail::SRS count in steps of 1024 to the day that a timestamp
    names, however long it is: a moved = keeps them busy for ever.
    """
    parts = rules.fields(address, 3)
    return not rules.SRS1.match(address) and len(parts) > 1 and \
        len(parts[1]) > 4


def decodable(report, config, dice, encoded):
    """Addresses to be decoded, made from rewritten ones."""
    changed = [addresses.tampered(dice, address) for address in encoded]
    found = dict.fromkeys(encoded + changed + forged(config) +
                          [other_alphabet(a) for a in encoded])
    endless = set(filter(loops_there, found))
    report.endless += len(endless)
    return [a for a in found if one_line(a) and a not in endless]


def texts(answers):
    return [answer.text for answer in answers
            if answer.ok and one_line(answer.text)]


# --- the tests ---

def test_here(report, config, senders):
    """What we encode we decode, at once and on the last day."""
    here = peers.Here(config)
    problems = []
    for days in (0, config.max_age):
        encoded = here.encode(senders, now=peers.NOW - days * peers.DAY)
        done = [(a, e) for a, e in zip(senders, encoded)
                if e.ok and e.text not in (a, rules.quoted(a)) and
                not rules.SRS1.match(a)]
        back = here.decode([e.text for _, e in done])
        for (sender, e), b in zip(done, back):
            want = re.sub(rb"^(\"?)srs0(?=[-+=])", rb"\1SRS0", sender,
                          flags=re.I)
            if rules.needs_quotes(want) and not rules.is_quoted(want):
                want = rules.quoted(want)
            if not b.ok or b.text != want:
                problems.append(f"{sender!r} -> {e.text!r} -> {show(b)}")
        if len(done) < len(senders) // 2:
            problems.append(f"only {len(done)} were encoded")
    old = [e for a, e in zip(senders, here.encode(
        senders, now=peers.NOW - (config.max_age + 1) * peers.DAY))
        if e.ok and e.text != a and not rules.SRS1.match(e.text)]
    problems += [f"not expired: {b.text!r}"
                 for b in here.decode(texts(old)) if b.ok]
    here.close()
    report.test(f"here and back ({config.name})", problems)


def test_peer(report, peer_class, config, senders):
    here, peer = peers.Here(config), peer_class(config)
    name = f"{peer.name} ({config.name})"
    ours, theirs = here.encode(senders), peer.encode(senders)
    report.test(f"encode as {name}",
                report.compare(peer, "encode", config, senders, ours, theirs))
    for title, made in (("encoded here", ours), ("encoded there", theirs)):
        asked = [a for a in texts(made) if not loops_there(a)]
        report.test(f"decode what was {title}: {name}", report.compare(
            peer, "decode", config, asked, here.decode(asked),
            peer.decode(asked)))
    dice = random.Random(peer.name + config.name)
    old = texts(here.encode(senders[::7],
                            now=peers.NOW - dice.randrange(60) * peers.DAY))
    asked = decodable(report, config, dice, texts(ours) + texts(theirs) + old)
    report.test(f"decode {len(asked)} hostile addresses: {name}",
                report.compare(peer, "decode", config, asked,
                               here.decode(asked), peer.decode(asked)))
    peer.close()
    here.close()


def test_sign(report, config, senders):
    here, peer = peers.Here(config), peers.PySRS(config)
    ours, theirs = here.sign(senders), peer.sign(senders)
    report.test(f"sign as pysrs ({config.name})",
                report.compare(peer, "sign", config, senders, ours, theirs))
    asked = decodable(report, config, random.Random(config.name),
                      texts(ours) + texts(theirs))
    report.test(f"decode signed addresses as pysrs ({config.name})",
                report.compare(peer, "decode", config, asked,
                               here.decode(asked), peer.decode(asked)))
    peer.close()
    here.close()


def test_ses(report, config, senders):
    here, peer = peers.Here(config), peers.PySRS(config)
    verify = [b"SES=IEYJLRPY924__ML-W=victim@h.example"]
    for number in (1, 38, 2 ** 31, 2 ** 63):
        for fixed in (False, True):
            ask = [p.ses_sign_fixed if fixed else p.ses_sign
                   for p in (here, peer)]
            ours, theirs = [sign(senders, number) for sign in ask]
            report.test(
                f"SES sign {'fixed ' * fixed}{number} as pysrs "
                f"({config.name})",
                report.compare(peer, "ses_sign", config, senders, ours,
                               theirs))
            verify += texts(ours)[::4] + texts(theirs)[::4]
    for days in range(0, 70, 3):
        verify += texts(here.ses_sign(
            senders[:5], 7, now=peers.NOW - days * peers.DAY))
    verify += [b"SES=A" + a[4:] for a in verify[1:20]]
    dice = random.Random(config.name)
    verify = [a for a in dict.fromkeys(
        verify + [addresses.tampered(dice, a) for a in verify])
        if one_line(a)]
    theirs = [answer if answer.ok else answer._replace(ok=False)
              for answer in peer.ses_verify(verify)]
    report.test(f"SES verify {len(verify)} as pysrs ({config.name})",
                report.compare(peer, "ses_verify", config, verify,
                               here.ses_verify(verify), theirs))
    peer.close()
    here.close()


def run(verbose):
    report = Comparison()
    for number, config in enumerate(CONFIGS):
        senders = addresses.senders(SENDERS, number)
        test_here(report, config, senders)
        for peer in (peers.PySRS, peers.MailSRS):
            test_peer(report, peer, config, senders)
        test_peer(report, peers.Postsrsd, CONFIGS_21_DAYS[number], senders)
        test_sign(report, config, senders)
        test_ses(report, config, senders)
    report.test(f"{report.endless} addresses would keep pysrs and Mail::SRS "
                "busy for ever", [] if report.endless else ["none was made"])
    report.rules(verbose)
    return report.end()


def enter_namespace():
    """
    Run again with a network of one's own, where every port is free and what is
    left running dies with us, if the system lets us; postsrsd is happy on any
    free port otherwise.
    """
    for options in ([], ["--user", "--map-root-user"]):
        command = ["unshare"] + options + ["--net", "--pid", "--fork",
                                           "--kill-child"]
        try:
            subprocess.run(command + ["ip", "link", "set", "lo", "up"],
                           check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        os.environ[INSIDE] = "1"
        os.execvp("unshare", command + [
            "sh", "-c", "ip link set lo up && exec \"$@\"", "sh",
            sys.executable] + sys.argv)


def main():
    if os.environ.get(INSIDE) != "1":
        reason = places.fetch(*peers.NAMES)
        if reason:
            return tap.cannot_run(reason)
        enter_namespace()
    return run("-v" in sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())

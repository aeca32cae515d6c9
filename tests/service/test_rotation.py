#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
Secrets of three hosts: `mailfrom fingerprint` compares them, and the routine of
mailfrom.conf(5) and SECURITY.md replaces them while bounces are in flight.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time

from places import program
from socketmap_client import Site, Srsd, write
from tap import Suite, equal, true, wait_until

OLD, NEW = "the old secret of all hosts", "the new secret of all hosts"
MAX_AGE = 21
DAY = 86400

suite = Suite()


class Hosts:
    """Three of them, and the return paths that are in flight."""

    def __init__(self, site):
        self.daemons = [Srsd(site, srs=f"max_age = {MAX_AGE}")
                        for _ in range(3)]
        for daemon in self.daemons:
            write(daemon.secret, OLD + "\n", 0o640)
            daemon.start()
        self.clients = [d.client() for d in self.daemons]
        self.in_flight = []

    def set_secrets(self, daemon, *secrets):
        """As the manual has it: the file, and a reload."""
        write(daemon.secret, "".join(f"{s}\n" for s in secrets), 0o640)
        before = daemon.log().count("secrets reloaded")
        daemon.signal(signal.SIGHUP)
        wait_until(lambda: daemon.log().count("secrets reloaded") > before,
                   "a reload")

    def sign(self):
        """A message forwarded by each host."""
        for client in self.clients:
            user = f"user{len(self.in_flight)}"
            answer = client.ask(f"forward {user}@example.net").decode()
            true(answer.startswith("OK SRS0="), answer)
            self.in_flight.append((answer[3:], f"OK {user}@example.net"))

    def refused(self):
        """How many bounces in flight some host refuses."""
        return sum(client.ask("reverse " + address).decode() != expected
                   for address, expected in self.in_flight
                   for client in self.clients)

    def each(self, *secrets):
        """Set them host by host; how many bounces are refused meanwhile."""
        refused = 0
        for daemon in self.daemons:
            self.set_secrets(daemon, *secrets)
            self.sign()
            refused += self.refused()
        return refused


def encode(secret, age_days):
    done = subprocess.run(
        [program("srs"), "encode", "--secret", secret, "--domain",
         "srs.example.com", "--now", str(int(time.time()) - age_days * DAY),
         "late@example.net"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@suite.case("append below everywhere, move up everywhere, drop after max_age: "
            "no bounce is refused")
def routine(site):
    hosts = Hosts(site)
    hosts.sign()
    equal(hosts.refused(), 0, "refused with the old secret")
    equal(hosts.each(OLD, NEW), 0, "refused while it is appended")
    equal(hosts.each(NEW, OLD), 0, "refused while it is moved up")
    # max_age later no address that the old secret signed can be reversed.
    hosts.in_flight = []
    for client in hosts.clients:
        equal(client.ask("reverse " + encode(OLD, MAX_AGE)).decode(),
              "OK late@example.net", "on the last day")
        equal(client.ask("reverse " + encode(OLD, MAX_AGE + 1)).decode(),
              "NOTFOUND ", "a day later")
    hosts.sign()
    equal(hosts.each(NEW), 0, "refused while the old one is dropped")
    for client in hosts.clients:
        equal(client.ask("reverse " + encode(OLD, 0)).decode(),
              "NOTFOUND ", "the old secret")


@suite.case("bounces that come in all the time: none is refused")
def under_load(site):
    hosts = Hosts(site)
    hosts.sign()
    clients = [d.client() for d in hosts.daemons]
    ended, failures, asked = threading.Event(), [], [0]

    def bounce():
        signed = list(hosts.in_flight)
        while not ended.is_set():
            for client in clients:
                user = f"load{asked[0]}"
                address = client.ask(f"forward {user}@example.net")[3:]
                signed.append((address.decode(), f"OK {user}@example.net"))
            del signed[3:-30]
            for client in clients:
                for address, expected in signed:
                    answer = client.ask("reverse " + address).decode()
                    asked[0] += 1
                    if answer != expected:
                        failures.append((address, answer))

    thread = threading.Thread(target=bounce)
    thread.start()
    try:
        for secrets in (OLD, NEW), (NEW, OLD):
            for daemon in hosts.daemons:
                before = asked[0]
                hosts.set_secrets(daemon, *secrets)
                wait_until(lambda before=before: asked[0] > before + 100
                           or failures, "bounces in between")
    finally:
        ended.set()
        thread.join()
    equal(failures, [], "refused bounces")


@suite.case("the new secret above the old one, host by host, loses bounces")
def wrong_routine(site):
    hosts = Hosts(site)
    hosts.sign()
    hosts.set_secrets(hosts.daemons[0], NEW, OLD)
    hosts.sign()
    # Of the last three the first was signed by the new one.
    equal(hosts.refused(), 2, "refusals, by the two other hosts")


# --- fingerprints -------------------------------------------------------------

def fingerprints(*arguments):
    """(exit status, [(fingerprint, what it does)], what else is said)"""
    done = subprocess.run([program("mailfrom"), "fingerprint", *arguments],
                          capture_output=True, text=True, check=False)
    return (done.returncode,
            [tuple(line.split()[:2]) for line in done.stdout.splitlines()],
            done.stderr)


def in_log(daemon):
    """The fingerprints of each line that has any."""
    return [found.split(", ") for found in
            re.findall(r'secrets ([-\w]{8}(?:, [-\w]{8})*)"', daemon.log())]


@suite.case("fingerprints are alike on hosts with the same secrets, and in the "
            "log at start and reload")
def compare(site):
    hosts = Hosts(site)
    seen = [fingerprints("-c", d.config) for d in hosts.daemons]
    equal(seen[1:], [seen[0]] * 2, "three hosts")
    status, [(old, does)], said = seen[0]
    equal((status, does, said), (0, "signs", ""), "one secret")
    equal(in_log(hosts.daemons[0]), [[old]], "at start")
    hosts.set_secrets(hosts.daemons[0], NEW, OLD)
    status, [(new, first), second], _ = fingerprints(
        "-c", hosts.daemons[0].config)
    equal((status, first, second), (0, "signs", (old, "verifies")), "two")
    true(new != old, "the same fingerprint")
    equal(in_log(hosts.daemons[0])[-1], [new, old], "at reload")


@suite.case("fingerprints of files; what nobody sees makes another one")
def of_files(site):
    directory = site.new_dir()
    files = {}
    for name, text in (("same", OLD), ("end", f"{OLD}\n"),
                       ("crlf", f"{OLD}\r\n"), ("blank", f"{OLD} \n"),
                       ("bom", f"\ufeff{OLD}\n")):
        files[name] = write(os.path.join(directory, name), text, 0o600)
    found = {name: fingerprints(path) for name, path in files.items()}
    values = {name: lines[0][0] for name, (_, lines, _) in found.items()}
    equal([status for status, _, _ in found.values()], [0] * 5, "statuses")
    equal(values["same"], values["end"], "with a line end")
    equal(values["same"], values["crlf"], "with CR LF")
    equal(len(set(values.values())), 3, "fingerprints")
    for name, words in (("blank", "ends with a blank"), ("crlf", "CR LF"),
                        ("bom", "byte order mark")):
        true(words in found[name][2], found[name][2])
    equal(found["end"][2], "", "said of a plain one")
    equal(len(fingerprints(*files.values())[1]), 5, "files at once")


@suite.case("fingerprints: pysrs.cfg's secrets; what can't be read; usage")
def of_others(site):
    directory = site.new_dir()
    path = write(os.path.join(directory, "pysrs.cfg"),
                 f"[srs]\nsecret = {OLD}\nfwdomain = a.example\n", 0o600)
    plain = write(os.path.join(directory, "secret"), OLD, 0o600)
    equal(fingerprints("-c", path)[:2], fingerprints(plain)[:2], "pysrs.cfg")
    for arguments, status, words in (
            (["-c", "/no/such"], 1, "/no/such: cannot read"),
            (["/no/such"], 1, "/no/such: cannot read secrets"),
            (["-c", path, plain], 2, "exclude each other"),
            (["-x"], 2, "--help")):
        got, lines, said = fingerprints(*arguments)
        equal((got, lines), (status, []), arguments)
        true(words in said, said)


if __name__ == "__main__":
    sys.exit(Site().run_cases(suite))

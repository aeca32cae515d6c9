#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
Checks as daemons make them: a real nsd, servers that hold their answers back,
and libspf2 in its helper process.  Everything is on loopback, on ports that
nobody uses.
"""

import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile


import dns
import network
import servers
import tap
from places import program
from servers import Server

suite = tap.Suite()
case = suite.case

DRIVER = program("tests/check/driver")
HELPER = program("spf-libspf2")
CRASHING = program("tests/engine/spf-libspf2-crashing")

IP, OTHER_IP = "192.0.2.1", "198.51.100.1"
# Where nothing stands before it, libspf2 writes behind a buffer.
CRASH = "v=spf1 exists:" + "%{d}" * 127 + "A" * 3900


def strings(text):
    return " ".join(f'"{text[i:i + 255]}"' for i in range(0, len(text), 255))


ZONES = {"test": f"""\
$TTL 300
@ SOA ns admin 1 3600 600 86400 60
  NS ns
ns A 127.0.0.1
pass TXT "v=spf1 ip4:192.0.2.1 -all"
*.wild TXT "v=spf1 ip4:192.0.2.1 a:host.test -all"
host A 192.0.2.7
host MX 10 host
bare A 192.0.2.200
bare.test._spf.delegate TXT "v=spf1 ip4:203.0.113.9 -all"
why TXT "v=spf1 -all exp=why.why.test"
why.why TXT "because of %{{i}}"
zero TXT "v=spf1 ip4:192.0.2.1/0 -all"
crash TXT {strings(CRASH)}
"""}


class Site:
    """nsd with ZONES, and files."""

    def __init__(self, nsd):
        self.nsd = servers.Nsd(nsd, ZONES)
        self.directory = tempfile.mkdtemp(prefix="mailfrom-check.")

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="latin-1") as file:
            file.write(text)
        return path

    def driver(self, *lines, server=None):
        return Driver(self, self.config(*lines, server=server))

    def config(self, *lines, server=None):
        name = server.name if server else f"127.0.0.1:{self.nsd.port}"
        return self.write("conf", "\n".join(
            ["[spf]", f"nameservers = {name}", *lines]) + "\n")

    def close(self):
        self.nsd.stop()
        shutil.rmtree(self.directory)

    def evidence(self):
        return ["nsd:"] + self.nsd.evidence().splitlines()[-10:]


class Verdict:
    def __init__(self, line):
        (self.result, self.domain, self.how, self.mechanism, self.explanation,
         self.problem) = line.split("\t")


class Driver:
    """tests/check/driver.c, with its commands as methods."""

    def __init__(self, site, config):
        self.log_path = os.path.join(site.directory, "log")
        with open(self.log_path, "w", encoding="latin-1") as log:
            self.process = subprocess.Popen(
                [DRIVER, config], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=log, bufsize=1, text=True,
                encoding="latin-1")
        *self.said, self.status = self.answer()

    def answer(self):
        lines = []
        for line in self.process.stdout:
            if line == ".\n":
                return lines
            lines.append(line.rstrip("\n"))
        raise AssertionError(f"the driver ended with {self.process.wait()}: "
                             + " ".join(lines))

    def __call__(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        return self.answer()

    def run(self, count, ip, sender, helo="helo.test", ms=20000):
        """The verdicts, and the milliseconds they took."""
        *lines, spent = self("run", ms, count, ip, sender, helo)
        return [Verdict(line) for line in lines], int(spent)

    def check(self, *words, **options):
        [verdict], _ = self.run(1, *words, **options)
        return verdict

    def tally(self, *words):
        line, = self(*words)
        return {key: int(value) for key, _, value in
                (word.partition("=") for word in line.split())}

    def helper(self):
        """The number of the helper's process."""
        children = []
        for path in glob.glob(f"/proc/{self.process.pid}/task/*/children"):
            with open(path, encoding="ascii") as file:
                children += file.read().split()
        tap.equal(len(children), 1, "helpers")
        return int(children[0])

    def log(self):
        with open(self.log_path, encoding="latin-1") as file:
            return [line.rstrip("\n") for line in file]

    def __enter__(self):
        tap.equal(self.status, "made", "; ".join(self.said))
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.process.stdin.close()
            tap.equal(self.process.wait(timeout=60), 0,
                      "exit status of the driver; " + "; ".join(self.log()))
        else:
            self.process.kill()
            self.process.wait()


def state(process):
    with open(f"/proc/{process}/stat", encoding="latin-1") as file:
        return file.read().rpartition(") ")[2][0]


def refused(driver):
    """What a driver said that has no checker."""
    tap.equal((driver.status, driver.process.wait(timeout=60)),
              ("not made", 1))
    return driver.said


# --- checks side by side ---

@case("checks are made side by side: no answer comes until all were asked")
def _(site):
    questions = []

    def answer(question, tcp):
        questions.append(question)
        if len(questions) < 16:
            return []
        for held in questions:
            server.send_all([dns.reply(held, [dns.rr(
                held.name, dns.TXT, dns.txt("v=spf1 +all"))])], held.client)
        return []

    server = Server(answer)
    with site.driver(server=server) as driver:
        verdicts, _ = driver.run(16, IP, "u@d{}.test")
        tap.equal([v.result for v in verdicts], ["pass"] * 16)
        tap.equal({v.domain for v in verdicts},
                  {f"d{n}.test" for n in range(16)})
        tap.equal(len(questions), 16, "questions")
    server.stop()


@case("many threads at once")
def _(site):
    with site.driver("best_guess = v=spf1 ip4:192.0.2.1 -all") as driver:
        tally = driver.tally("threads", 16, 50, 20000, IP, "u@d{}.wild.test",
                             "h.test")
        tap.equal(tally["pass"], 16 * 50 * 4)
        tally = driver.tally("threads", 16, 50, 20000, OTHER_IP,
                             "u@d{}.none.test", "h.test")
        tap.equal(tally["fail"], 16 * 50 * 4)


@case("at the deadline what isn't answered is a temperror, the rest isn't")
def _(site):
    def answer(question, tcp):
        if question.name == "u0.test":
            return [dns.reply(question, [dns.rr(
                "u0.test", dns.TXT, dns.txt("v=spf1 +all"))])]
        return []

    server = Server(answer)
    with site.driver("timeout = 25", server=server) as driver:
        verdicts, spent = driver.run(3, IP, "x@u{}.test", ms=300)
        tap.equal([v.result for v in verdicts],
                  ["pass", "temperror", "temperror"])
        for number in (1, 2):
            tap.equal(verdicts[number].domain, f"u{number}.test")
            tap.equal("no answer in time" in verdicts[number].problem,
                      True, verdicts[number].problem)
        if spent > 20000:
            raise AssertionError(f"300 ms were {spent}")
        tap.equal(server.asked("u1.test"), 1)
    server.stop()


@case("with no time at all only what is cached is known")
def _(site):
    with site.driver() as driver:
        tap.equal(driver.check(IP, "u@pass.test").result, "pass")
        tap.equal(driver.check(IP, "u@pass.test", ms=1).result, "pass")
    server = Server(lambda question, tcp: [])
    with site.driver(server=server) as driver:
        verdict = driver.check(IP, "u@x.test", ms=1)
        tap.equal((verdict.result, verdict.domain), ("temperror", "x.test"))
    server.stop()


@case("letting go of a checker ends what is in flight")
def _(site):
    server = Server(lambda question, tcp: [])
    with site.driver(server=server) as driver:
        tap.equal(driver.tally("abandon", 500, IP, "u@d{}.test", "h.test")
                  ["temperror"], 500)
    server.stop()


@case("checks that are all cached")
def _(site):
    with site.driver() as driver:
        tap.equal(driver.check(IP, "u@pass.test").result, "pass")
        before = driver.tally("stats")
        for at_once in (1, 16):
            result, ns = driver("repeat", 20000, at_once, IP, "u@pass.test",
                                "h.test")[0].split()
            tap.equal(result, "pass")
            tap.diagnose(f"{at_once} at once: {ns} ns for a check")
        after = driver.tally("stats")
        tap.equal(after["questions"], before["questions"])
        tap.equal(after["checks_cached"] - before["checks_cached"],
                  20000 * 17)


# --- settings ---

@case("records of a file hold whatever DNS says")
def _(site):
    path = site.write("records", """\
# ours
pass.test	v=spf1 ip4:198.51.100.1 -all
Other.Test.	v=spf1 exists:%{i1r,}.host.test include:pass.test ?all
""")
    with site.driver(f"record_file = {path}", "cache_size = 0") as driver:
        tap.equal(driver.check(IP, "u@pass.test").result, "fail")
        tap.equal(driver.check(OTHER_IP, "u@PASS.test").result, "pass")
        verdict = driver.check(OTHER_IP, "u@other.test")
        tap.equal((verdict.result, verdict.mechanism),
                  ("pass", "include:pass.test"))
        tap.equal(driver.check(IP, "u@d.wild.test").result, "pass")


@case("more void lookups are allowed if the configuration says so")
def _(site):
    path = site.write("records", "void.test v=spf1 a:n1.gone.test "
                      "a:n2.gone.test a:n3.gone.test a:n4.gone.test ?all\n")
    for lines, result in (((), "permerror"), (("max_voids = 2",), "permerror"),
                          (("max_voids = 3",), "permerror"),
                          (("max_voids = 4",), "neutral"),
                          (("max_voids = 10",), "neutral")):
        with site.driver(f"record_file = {path}", *lines) as driver:
            tap.equal(driver.check(IP, "u@void.test").result, result, lines)


@case("best guess, delegate and explanation")
def _(site):
    with site.driver() as driver:
        tap.equal(driver.check(IP, "u@bare.test").result, "none")
        tap.equal(driver.check(OTHER_IP, "u@pass.test").explanation, "")
    with site.driver("best_guess = v=spf1 a/24", "delegate = delegate.test",
                     "explanation = %{i} isn't\n  of %{o}") as driver:
        rows = [
            (IP, "u@host.test", "pass", "guessed", ""),
            (OTHER_IP, "u@host.test", "neutral", "guessed", ""),
            ("203.0.113.9", "u@bare.test", "pass", "delegated", ""),
            # The delegate's record is enough: nothing is guessed.
            ("192.0.2.200", "u@bare.test", "fail", "delegated",
             "192.0.2.200 isn't of bare.test"),
            (OTHER_IP, "u@pass.test", "fail", "",
             "198.51.100.1 isn't of pass.test"),
            (OTHER_IP, "u@why.test", "fail", "", "because of 198.51.100.1"),
        ]
        for ip, sender, *expected in rows:
            v = driver.check(ip, sender)
            tap.equal([v.result, v.how, v.explanation], expected, sender)


@case("a reload keeps checker and cache, unless something is different")
def _(site):
    records = site.write("records", "a.test v=spf1 -all\n")
    lines = [f"record_file = {records}"]
    with site.driver(*lines) as driver:
        def cached():
            before = driver.tally("stats")["questions"]
            tap.equal(driver.check(IP, "u@pass.test").result, "pass")
            return driver.tally("stats")["questions"] == before

        def reload(*lines):
            return driver("reload", site.config(*lines))

        tap.equal([cached(), cached()], [False, True])
        tap.equal(reload("# a comment", *lines), ["same"])
        tap.equal(cached(), True)
        tap.equal(reload(*lines, "timeout = 0")[-1], "refused")
        site.write("records", "a.test v=spf1 -alle\n")
        said = reload(*lines)
        tap.equal(said[-1], "refused")
        tap.equal(said[0].startswith(f"error: {records}:1: a.test: "), True,
                  said[0])
        tap.equal(cached(), True, "cached after what was refused")
        tap.equal(driver.check(IP, "u@a.test").result, "fail")
        site.write("records", "a.test v=spf1 +all\n")
        tap.equal(reload(*lines), ["other"])
        tap.equal(cached(), False)
        tap.equal(driver.check(IP, "u@a.test").result, "pass")
        tap.equal(reload(*lines, "prefetch = no"), ["other"])
        tap.equal(reload("engine = audit", f"helper = {HELPER}"), ["other"])
        helper = driver.helper()
        tap.equal(reload("engine = audit", f"helper = {HELPER}"), ["same"])
        tap.equal(driver.helper(), helper)
        tap.equal(reload(), ["other"])
        tap.equal(os.path.exists(f"/proc/{helper}"), False, "the helper runs")


# --- libspf2 ---

@case("libspf2 decides, in a process of its own")
def _(site):
    with site.driver("engine = libspf2", f"helper = {HELPER}") as driver:
        tap.equal(driver.check(IP, "u@pass.test").result, "pass")
        tap.equal(driver.check(IP, "u@d.wild.test").result, "pass")
        tap.equal(driver.check("192.0.2.7", "u@d.wild.test").result, "pass")
        # Native takes a /0.
        tap.equal(driver.check("10.0.0.1", "u@zero.test").result, "permerror")
        verdict = driver.check(IP, "u@crash.test")
        tap.equal((verdict.result, verdict.problem),
                  ("temperror", "record considered unsafe for libspf2"))
        tally = driver.tally("threads", 8, 10, 20000, IP, "u@t{}.wild.test",
                             "h.test")
        tap.equal(tally["pass"], 8 * 10 * 4)
        stats = driver.tally("stats")
        tap.equal((stats["helper_starts"], stats["died"]), (1, 0))
    ldd = subprocess.run(["ldd", DRIVER], capture_output=True, text=True,
                         check=True).stdout
    tap.equal("libspf2" in ldd, False, "the driver is linked with libspf2")


@case("audit: native decides, and differences are logged")
def _(site):
    with site.driver("engine = audit", f"helper = {HELPER}") as driver:
        tap.equal(driver.check(IP, "u@pass.test").result, "pass")
        tap.equal(driver.check("10.0.0.1", "a=b@zero.test").result, "pass")
        tap.equal(driver.check(IP, "u@crash.test").result, "permerror")
        tap.equal(driver.check(IP, "u@why.test").explanation,
                  "because of 192.0.2.1")
        tap.equal(driver.tally("stats")["differences"], 1)
        lines = driver.log()
        wanted = [
            r"outcome=agreed native=pass libspf2=pass ip=192\.0\.2\.1 "
            r"helo=helo\.test from=u@pass\.test",
            r"outcome=result native=pass libspf2=permerror ip=10\.0\.0\.1 "
            r"helo=helo\.test from=.*a=b@zero\.test.*",
            r'outcome=silent native=permerror why="record considered unsafe '
            r'for libspf2" ip=192\.0\.2\.1 helo=helo\.test '
            r"from=u@crash\.test",
            # libspf2 takes the blanks of an explanation for "%".
            r"outcome=explanation native=fail libspf2=fail .*",
        ]
        tap.equal(len(lines), len(wanted), "\n".join(lines))
        for line, pattern in zip(lines, wanted):
            if not re.search(f": spf_audit {pattern}$", line):
                raise AssertionError(f"{line!r} isn't {pattern!r}")


@case("a helper that is killed is replaced; one that crashes has no opinion")
def _(site):
    with site.driver("engine = libspf2", f"helper = {HELPER}") as driver:
        tap.equal(driver.check(IP, "u@pass.test").result, "pass")
        victim = driver.helper()
        os.kill(victim, signal.SIGKILL)
        tap.wait_until(lambda: state(victim) == "Z", "the helper's end")
        tap.equal(driver.check(IP, "u@d.wild.test").result, "pass")
        tap.equal(driver.helper() == victim, False, "the same helper")
        tap.equal(driver.tally("stats")["helper_starts"], 2)
    with site.driver("engine = libspf2", f"helper = {CRASHING}") as driver:
        verdict = driver.check(IP, "u@crash.test")
        tap.equal(verdict.result, "temperror")
        tap.equal(driver.tally("stats")["died"], 1, verdict.problem)
        tap.equal(driver.check(IP, "u@pass.test").result, "pass")
    with site.driver("engine = audit", f"helper = {CRASHING}") as driver:
        tap.equal(driver.check(IP, "u@crash.test").result, "permerror")
        tap.equal(driver.tally("stats")["died"], 1)
        [line] = driver.log()
        tap.equal("outcome=silent native=permerror" in line, True, line)


@case("a helper that hangs costs its opinion")
def _(site):
    for engine, result in (("audit", "pass"), ("libspf2", "temperror")):
        with site.driver(f"engine = {engine}", f"helper = {HELPER}") as driver:
            tap.equal(driver.check(IP, "u@pass.test").result, "pass")
            victim = driver.helper()
            os.kill(victim, signal.SIGSTOP)
            tap.wait_until(lambda: state(victim) == "T", "its halt")
            tap.equal(driver.check(IP, "u@a.wild.test").result, result)
            tap.equal(driver.tally("stats")["late"], 1)
            tap.equal(driver.check(IP, "u@b.wild.test").result, "pass")
            tap.equal(driver.tally("stats")["given"], 2)


@case("a helper that isn't one is an error of the configuration")
def _(site):
    for helper, why in (("/nonexistent/spf-libspf2",
                          "No such file or directory"),
                         (site.write("plain", "x"), "Permission denied"),
                         ("/bin/true", "libspf2's helper")):
        [said] = refused(site.driver("engine = audit", f"helper = {helper}"))
        start = f"error: {site.directory}/conf:4: helper: {helper}: "
        tap.equal(said.startswith(start), True, said)
        tap.equal(why in said, True, said)


def main():
    nsd, reason = servers.find_nsd()
    if reason:
        return tap.cannot_run(reason)
    network.enter()
    site = Site(nsd)
    try:
        return suite.run(site, site.evidence)
    finally:
        site.close()


if __name__ == "__main__":
    sys.exit(main())

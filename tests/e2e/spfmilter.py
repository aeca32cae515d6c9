"""spfmilter under test, and the zones that it asks for."""

import os
import re
import signal
import subprocess
import sys

import tap
import world

sys.path.append(os.path.join(world.SOURCE, "tests", "resolver"))
import servers                                          # noqa: E402

PROGRAM = os.path.abspath(
    os.environ.get("SPFMILTER", os.path.join(world.BUILD, "spfmilter")))
PEERS = {"nsd": servers.NSD_PACKAGES}
PORT = 10006

# What each result's domain publishes; all domains below it do the same.
RECORDS = {
    "pass": "v=spf1 ip4:127.0.0.0/8 -all",
    "fail": "v=spf1 -all",
    "softfail": "v=spf1 ~all",
    "neutral": "v=spf1 ?all",
    "none": "nothing to do with SPF",
    "permerror": "v=spf1 ipv4:127.0.0.1 -all",
}
RESULTS = [*RECORDS, "temperror"]
ZONE = """\
$TTL 300
@ SOA ns.test. root.test. 1 3600 600 86400 300
@ NS ns.test.
ns.test. A 127.0.0.1
explained.test. TXT "v=spf1 -all exp=why.explained.test"
why.explained.test. TXT "%{i} isn't a host of %{d}: 100%% sure"
xn--bcher-kva.test. TXT "v=spf1 -all"
only1.test. TXT "v=spf1 ip4:127.0.0.99 -all"
far.test. TXT "v=spf1 ip4:198.51.100.7 -all"
forwarder.test. TXT "v=spf1 ip4:127.0.0.98 -all"
delegated._spf.delegate.test. TXT "v=spf1 -all"
guessed.test. A 127.0.0.99
""" + "".join(f'{name}.test. TXT "{text}"\n*.{name}.test. TXT "{text}"\n'
              for name, text in RECORDS.items())

# MTAs look senders' domains up by themselves.
world.WILDCARDS.update(f"{name}.test" for name in [
    *RESULTS, "explained", "xn--bcher-kva", "only1", "far", "forwarder",
    "guessed"])

CONFIGURATION = """\
[spfmilter]
listen = {listen}
access = {access}
user = mailfrom
socket_mode = 0666
{spfmilter}
[spf]
nameservers = 127.0.0.1:{port}
{spf}
[log]
to = stderr
level = info
"""


def name_server():
    """nsd with these zones; of temperror.test it has no data: SERVFAIL."""
    program, why = servers.find_nsd()
    if program is None:
        raise AssertionError(f"no nsd: {why}")

    return Nsd(program, {".": ZONE, "temperror.test": None})


class Nsd(servers.Nsd):
    def write(self, name, text):
        return super().write(name, text) if text is not None else None

    def freeze(self):
        """Not a word from now on, as of a host that is gone."""
        self.signal_all(signal.SIGSTOP)

    def thaw(self):
        self.signal_all(signal.SIGCONT)

    def signal_all(self, number):
        """The children answer."""
        parents = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
                    fields = file.read().rpartition(")")[2].split()
            except OSError:
                continue                # it has ended meanwhile
            parents[int(pid)] = int(fields[1])
        family = {self.process.pid}
        for _ in parents:
            family |= {pid for pid, parent in parents.items()
                       if parent in family}
        for pid in family:
            os.kill(pid, number)


class Spfmilter:
    """The daemon.  access: text of its access file, unless map names another."""

    def __init__(self, place, name, dns_port, access="", listen=None, map=None,
                 spfmilter="", spf=""):
        self.name, self.place = name, place
        self.directory = place.make_dir("run", name, owner="mailfrom")
        self.unix = os.path.join(self.directory, "sock")
        self.log_path = os.path.join(self.directory, "log")
        self.access_path = os.path.join(self.directory, "access")
        self.values = {"listen": listen or f"unix:{self.unix}",
                       "access": map or self.access_path, "port": dns_port,
                       "spfmilter": spfmilter, "spf": spf}
        self.write_access(access)
        self.write_config()
        self.process = None

    def write_access(self, text):
        """In one step, as careful administrators do."""
        fresh = self.place.write("run", self.name, "access.new", text=text)
        os.rename(fresh, self.access_path)

    def write_config(self, **changed):
        self.values.update(changed)
        self.config = self.place.write(
            "run", self.name, "mailfrom.conf",
            text=CONFIGURATION.format(**self.values))

    def start(self):
        with open(self.log_path, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "-f", "-c", self.config], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)
        self.wait_for_log(r"version \S+ serves", lines=len(self.log()) - 1)
        return self

    def stop(self):
        self.process.terminate()
        tap.equal(self.process.wait(timeout=30), 0, "exit status at SIGTERM")

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=30)

    def reload(self, **changed):
        """Change the configuration and have it read; returns when it is."""
        before = len(self.log())
        self.write_config(**changed)
        self.process.send_signal(signal.SIGHUP)
        self.wait_for_log("configuration reloaded", lines=before)

    def change_access(self, text):
        """Change the access file, and return when that has been noticed."""
        before = len(self.log())
        self.write_access(text)
        self.wait_for_log("has changed: ", lines=before)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.readlines()

    def wait_for_log(self, pattern, lines=0):
        def found():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} exited with "
                                     f"{self.process.returncode}: "
                                     + "".join(self.log()[-10:]))
            return [line for line in self.log()[max(lines, 0):]
                    if re.search(pattern, line)]
        return tap.wait_until(found, f"{pattern!r} in the log of {self.name}")

    def line_of(self, pattern):
        """The only log line of a message that matches, as {key: value}."""
        [line] = self.wait_for_log(rf"info: mail .*{pattern}")
        return parse(line)

    def lines_of(self, pattern):
        return [line for line in self.log()
                if re.search(rf"info: mail .*{pattern}", line)]

    def log_tail(self):
        return "".join(self.log()[-15:])


def parse(line):
    return {key: plain if plain is not None else quoted
            for key, quoted, plain in
            ((m[1], m[2], m[3]) for m in re.finditer(
                r' (\w+)=(?:"((?:\\.|[^"\\])*)"|(\S+))', line))}

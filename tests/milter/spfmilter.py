# SPDX-License-Identifier: ISC
"""spfmilter under test, and the zones that it asks for."""

import os
import pwd
import re
import signal
import subprocess

import nameserver
from nameserver import servers, tap

PROGRAM = os.path.abspath(
    os.environ.get("SPFMILTER", os.path.join(servers.BUILD, "spfmilter")))

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
OTHERS = {
    "explained": "v=spf1 -all exp=why.explained.test",
    "why.explained": "%{i} isn't a host of %{d}: 100%% sure",
    "xn--bcher-kva": "v=spf1 -all",
    "far": "v=spf1 ip4:198.51.100.7 -all",
    "forwarder": "v=spf1 ip4:127.0.0.98 -all",
    "delegated.test._spf.delegate": "v=spf1 -all",
}
ZONE = "guessed.test. A 127.0.0.99\n" \
    "guessed.test. MX 10 guessed.test.\ndelegated.test. A 127.0.0.1\n" + \
    "".join(f'{name}.test. TXT "{text}"\n*.{name}.test. TXT "{text}"\n'
            for name, text in RECORDS.items()) + \
    "".join(f'{name}.test. TXT "{text}"\n' for name, text in OTHERS.items())


def name_server(failing=(), **options):
    """nsd with these zones; the names given get SERVFAIL."""
    return nameserver.zone_server(
        ZONE, servfail=[f"{name}.test" for name in ("temperror", *failing)],
        **options)


CONFIGURATION = """\
[spfmilter]
listen = {listen}
access = {access}
user = {user}
{spfmilter}
[spf]
nameservers = {dns}
{spf}
[log]
to = stderr
level = info
{more}
"""


class Spfmilter:
    """
    The daemon, with its files in directory.  access: text of its access file,
    unless map names another.  config: a file to read as it is.
    """

    def __init__(self, directory, dns, access="", listen=None, map=None,
                 user=None, spfmilter="", spf="", more="", config=None):
        self.directory = directory
        self.unix = os.path.join(directory, "sock")
        self.log_path = os.path.join(directory, "log")
        self.access_path = os.path.join(directory, "access")
        self.address = listen or f"unix:{self.unix}"
        self.values = {
            "listen": self.address, "access": map or self.access_path,
            "user": user or pwd.getpwuid(os.geteuid()).pw_name,
            "dns": dns, "spfmilter": spfmilter, "spf": spf, "more": more}
        self.write_access(access)
        self.config = config or os.path.join(directory, "mailfrom.conf")
        if not config:
            self.write_config()
        self.process = None

    def write(self, name, text):
        """In one step, as careful administrators do."""
        path = os.path.join(self.directory, name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def write_access(self, text):
        self.write("access", text)

    def write_config(self, **changed):
        self.values.update(changed)
        self.write("mailfrom.conf", CONFIGURATION.format(**self.values))

    def launch(self, *options, prefix=(), **more):
        with open(self.log_path, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [*prefix, PROGRAM, "-f", "-c", self.config, *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, **more)

    def start(self, *options, **more):
        before = len(self.log()) if os.path.exists(self.log_path) else 0
        self.launch(*options, **more)
        self.wait_for_log(r"version \S+ serves", before)
        return self

    def stop(self):
        self.process.terminate()
        tap.equal(self.process.wait(timeout=30), 0, "exit status at SIGTERM")

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=30)

    def end(self):
        if self.process and self.process.poll() is None:
            self.kill()

    def reload(self, **changed):
        """Change the configuration and have it read; returns when it is."""
        before = len(self.log())
        self.write_config(**changed)
        self.process.send_signal(signal.SIGHUP)
        self.wait_for_log("configuration reloaded", before)

    def change_access(self, text):
        """Change the access file, and return when that has been noticed."""
        before = len(self.log())
        self.write_access(text)
        self.wait_for_log("has changed: ", before)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.readlines()

    def wait_for_log(self, pattern, after=0):
        """The lines behind line `after` that match, once there are any."""
        def found():
            lines = [line for line in self.log()[after:]
                     if re.search(pattern, line)]
            if not lines and self.process.poll() is not None:
                raise AssertionError(f"spfmilter exited with "
                                     f"{self.process.returncode}: "
                                     + self.log_tail())
            return lines
        return tap.wait_until(found, f"{pattern!r} in the log of spfmilter")

    def line_of(self, pattern):
        """The only log line of a message that matches, as {key: value}."""
        [line] = self.wait_for_log(rf"info: mail .*{pattern}")
        return parse(line)

    def log_tail(self):
        return "".join(self.log()[-15:])


def parse(line):
    """The pairs of a log line."""
    return {key: plain if quoted is None else quoted
            for key, quoted, plain in
            ((m[1], m[2], m[3]) for m in re.finditer(
                r' (\w+)=(?:"((?:\\.|[^"\\])*)"|(\S+))', line))}

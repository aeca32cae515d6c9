# SPDX-License-Identifier: ISC
"""A filter under test: its files, its process, its log; and cases of it."""

import os
import pwd
import re
import signal
import subprocess
import tempfile

import places
import tap


class Daemon:
    """
    The program `name`, with its files in directory.  values fill template, its
    mailfrom.conf; config is a file to read as it is.
    """
    name = template = None

    def __init__(self, directory, values, listen=None, user=None, config=None):
        self.program = places.program(self.name)
        self.directory = directory
        self.unix = os.path.join(directory, "sock")
        self.log_path = os.path.join(directory, "log")
        self.address = listen or f"unix:{self.unix}"
        self.values = {
            "listen": self.address,
            "user": user or pwd.getpwuid(os.geteuid()).pw_name, **values}
        self.config = config or os.path.join(directory, "mailfrom.conf")
        if not config:
            self.write_config()
        self.process = None

    def write(self, name, text, mode=None):
        """In one step, as careful administrators do."""
        path = os.path.join(self.directory, name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        if mode is not None:
            os.chmod(path + ".new", mode)
        os.rename(path + ".new", path)

    def write_config(self, **changed):
        self.values.update(changed)
        self.write("mailfrom.conf", self.template.format(**self.values))

    def launch(self, *options, prefix=(), **more):
        with open(self.log_path, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [*prefix, self.program, "-f", "-c", self.config, *options],
                **{"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log,
                   **more})

    def start(self, *options, **more):
        before = len(self.log()) if os.path.exists(self.log_path) else 0
        self.launch(*options, **more)
        self.wait_for_log(r"version \S+ started", before)
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
        self.wait_for_log("configuration( and secrets)? reloaded", before)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.readlines()

    def wait_for_log(self, pattern, after=0):
        """The lines behind line `after` that match, once there are any."""
        def found():
            lines = [line for line in self.log()[after:]
                     if re.search(pattern, line)]
            if not lines and self.process.poll() is not None:
                raise AssertionError(f"{self.name} exited with "
                                     f"{self.process.returncode}: "
                                     + self.log_tail())
            return lines
        return tap.wait_until(found, f"{pattern!r} in the log of {self.name}")

    def line_of(self, pattern):
        """The only log line of a message that matches, as {key: value}."""
        [line] = self.wait_for_log(rf"(info|warning): mail .*{pattern}")
        return parse(line)

    def log_tail(self):
        return "".join(self.log()[-15:])


class Site:
    """
    A directory, with daemons of the case at hand: daemon() makes one, in a
    directory of its own.  dns: a name server for all cases, or None.
    """
    daemon = dns = None

    def __init__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="mailfrom-milter-")
        os.chmod(self.scratch.name, 0o711)
        self.daemons, self.count = [], 0

    def path(self):
        self.count += 1
        path = os.path.join(self.scratch.name, str(self.count))
        os.mkdir(path)
        return path

    def make(self, *arguments, **options):
        self.daemons.append(self.daemon(self.path(), *arguments, **options))
        return self.daemons[-1]

    def start(self, *arguments, **options):
        return self.make(*arguments, **options).start()

    def run(self, suite):
        """Run its cases, and be gone; the exit status."""
        try:
            return suite.run(self, self.evidence, self.end_case)
        finally:
            if self.dns:
                self.dns.close()
            self.scratch.cleanup()

    def evidence(self):
        return [d.log_tail() for d in self.daemons]

    def end_case(self):
        for daemon in self.daemons:
            daemon.end()
        self.daemons = []


def parse(line):
    """The pairs of a log line."""
    return {key: plain if quoted is None else quoted
            for key, quoted, plain in
            ((m[1], m[2], m[3]) for m in re.finditer(
                r' (\w+)=(?:"((?:\\.|[^"\\])*)"|(\S+))', line))}

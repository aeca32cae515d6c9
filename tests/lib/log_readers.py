# SPDX-License-Identifier: ISC
"""
Readers of a log that stand still until they are told to read: syslog's
/dev/log, the journal's socket, the other end of standard error.

They need a /dev and a /run of their own: world.enter().
"""

import os
import re
import socket
import subprocess
import threading


class Reader:
    """
    to: as [log] has it.  stderr: for the daemon.  After read(), lines has what
    came, without what the protocol puts around it.
    """
    to, stderr = None, subprocess.DEVNULL

    def __init__(self):
        self.lines, self.thread = [], None
        self.seen = {}              # for who looks for new ones

    def read(self):
        self.thread = threading.Thread(target=self.collect, daemon=True)
        self.thread.start()


class SocketReader(Reader):
    path = None

    def __init__(self):
        super().__init__()
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self.open()

    def open(self):
        self.remove()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)

    def remove(self):
        if os.path.lexists(self.path):
            os.unlink(self.path)

    def restart(self):
        """As when syslogd is: there is a new socket, and what the old had is gone."""
        self.socket.close()
        self.open()

    def collect(self):
        listener = self.socket
        while True:
            try:
                text = listener.recv(65536)
            except OSError:
                return
            self.lines.append(self.line(text.decode("utf-8")))

    def close(self):
        self.remove()
        self.socket.close()


class Syslog(SocketReader):
    to, path = "syslog", "/dev/log"

    @staticmethod
    def line(text):
        match = re.fullmatch(r"<(\d+)>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d "
                             r"\w+\[\d+\]: (.*)", text)
        return match[2] if match else f"not of syslog: {text!r}"


class Journal(SocketReader):
    to, path = "journal", "/run/systemd/journal/socket"

    @staticmethod
    def line(text):
        fields = dict(field.split("=", 1) for field in text.splitlines())
        if not {"PRIORITY", "SYSLOG_IDENTIFIER"} <= set(fields):
            return f"not of the journal: {text!r}"
        return fields["MESSAGE"]


class Stderr(Reader):
    to = "stderr"

    def __init__(self):
        super().__init__()
        self.end, self.stderr = os.pipe()

    def read(self):
        os.close(self.stderr)       # the daemon's alone, so there is an end
        super().read()

    def collect(self):
        with os.fdopen(self.end, encoding="utf-8") as file:
            for line in file:
                self.lines.append(re.sub(r"^\w+: \w+: ", "", line.rstrip("\n")))

    def close(self):
        if not self.thread:
            os.close(self.stderr)
            os.close(self.end)


READERS = (Syslog, Journal, Stderr)

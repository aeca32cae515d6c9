# SPDX-License-Identifier: ISC
"""
The SRS implementations that answer, each a process of its own.

Every one has verbs on lists of addresses (bytes) that return a list of
Answers: Here is our command, the peers are Debian's packages, unpacked and not
installed.
"""

import atexit
import collections
import glob
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse

import places

NAMES = ["pysrs", "mailsrs", "postsrsd"]

NOW = 1700000000        # day 19675: stamp G3
DAY = 86400
DOMAIN = b"fwd.example"

# Requests on their way at once: must fit into a pipe's buffer, both ways.
WINDOW = 16

Answer = collections.namedtuple("Answer", "ok text")
Config = collections.namedtuple(
    "Config", "name hash_length hash_min separator max_age always secrets")


class Here:
    """build/srs, a process for each list of addresses."""

    def __init__(self, config):
        self.config = config
        self.secrets = tempfile.NamedTemporaryFile(prefix="mailfrom-oracle-")
        self.secrets.write(b"\n".join(config.secrets) + b"\n")
        self.secrets.flush()

    def close(self):
        self.secrets.close()

    def ask(self, verb, addresses, *options, now=NOW):
        c = self.config
        command = [
            places.program("srs"), verb, "--secret-file",
            self.secrets.name, "--hash-length", str(c.hash_length),
            "--hash-min", str(c.hash_min), "--separator", c.separator,
            "--max-age", str(c.max_age), "--hash-alphabet", "base64",
            "--now", str(now)] + list(options)
        if c.always:
            command.append("--always-rewrite")
        done = subprocess.run(command, stdout=subprocess.PIPE,
                              input=b"".join(a + b"\n" for a in addresses))
        lines = done.stdout.split(b"\n")
        if done.returncode not in (0, 1) or len(lines) != len(addresses) + 1:
            raise AssertionError(f"{command}: exit {done.returncode}, "
                                 f"{len(lines) - 1} lines for "
                                 f"{len(addresses)}")
        return [Answer(False, line[2:]) if line.startswith(b"! ")
                else Answer(True, line) for line in lines[:-1]]

    def encode(self, addresses, now=NOW):
        return self.ask("encode", addresses, "--domain", DOMAIN.decode(),
                        now=now)

    def decode(self, addresses, now=NOW):
        return self.ask("decode", addresses, now=now)

    def sign(self, addresses):
        return self.ask("sign", addresses)

    def ses_sign(self, addresses, number, now=NOW):
        return self.ask("ses-sign", addresses, "--sequence", str(number),
                        now=now)

    def ses_sign_fixed(self, addresses, number):
        return self.ask("ses-sign", addresses, "--message-id", str(number))

    def ses_verify(self, addresses):
        return self.ask("ses-verify", addresses)


def to_hex(argument):
    return argument.hex() or "-"


class Server:
    """A peer library behind a line protocol on stdin and stdout."""

    def __init__(self, command, config):
        self.process = subprocess.Popen(
            command + [str(NOW), str(config.hash_length),
                       str(config.hash_min), config.separator,
                       str(config.max_age), str(int(config.always))] +
            [to_hex(secret) for secret in config.secrets],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL)

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=20)

    def ask(self, verb, addresses, *more):
        tail = "".join(" " + to_hex(argument) for argument in more)
        answers = []
        for at in range(0, len(addresses), WINDOW):
            some = addresses[at:at + WINDOW]
            for address in some:
                line = f"{verb} {to_hex(address)}{tail}\n"
                self.process.stdin.write(line.encode())
            self.process.stdin.flush()
            answers += [self.answer() for _ in some]
        return answers

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"{type(self).__name__} died")
        word, _, text = line.rstrip(b"\n").partition(b" ")
        if word != b"ok":
            return Answer(False, text)
        return Answer(True, b"" if text == b"-" else bytes.fromhex(
            text.decode()))

    def encode(self, addresses):
        return self.ask("forward", addresses, DOMAIN)

    def decode(self, addresses):
        return self.ask("reverse", addresses)


class PySRS(Server):
    name = "pysrs"

    def __init__(self, config):
        super().__init__(
            [sys.executable, places.source("tests/oracle/peer_pysrs.py"),
             places.peer("pysrs", places.PYTHON)], config)

    def sign(self, addresses):
        return self.ask("sign", addresses)

    def ses_sign(self, addresses, number):
        return self.ask("ses-sign", addresses, str(number).encode())

    def ses_sign_fixed(self, addresses, number):
        return self.ask("ses-sign-fixed", addresses, str(number).encode())

    def ses_verify(self, addresses):
        return self.ask("ses-verify", addresses)


class MailSRS(Server):
    name = "mailsrs"

    def __init__(self, config):
        super().__init__(
            ["perl", places.source("tests/oracle/peer_mailsrs.pl"),
             places.peer("mailsrs", "usr/share/perl5")],
            config)


class Postsrsd:
    """postsrsd 1.x: a daemon with a tcp_table for each direction."""

    name = "postsrsd"

    def __init__(self, config):
        top = places.peer("postsrsd")
        faketime, = glob.glob(os.path.join(
            top, "usr/lib/*/faketime/libfaketime.so.1"))
        self.secrets = tempfile.NamedTemporaryFile(prefix="mailfrom-oracle-")
        self.secrets.write(b"".join(s + b"\n" for s in config.secrets))
        self.secrets.flush()
        ports = free_ports(2)
        command = [os.path.join(top, "usr/sbin/postsrsd"), "-4",
                   "-s" + self.secrets.name, "-d" + DOMAIN.decode(),
                   "-l127.0.0.1", f"-f{ports[0]}", f"-r{ports[1]}",
                   "-a" + config.separator, f"-n{config.hash_length}",
                   f"-N{config.hash_min}"] + ["-A"] * config.always
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"LD_PRELOAD": faketime, "TZ": "UTC0",
                 "FAKETIME": time.strftime("%Y-%m-%d %H:%M:%S",
                                           time.gmtime(NOW)),
                 "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
        atexit.register(self.process.kill)
        self.tables = [connect(port, self.process) for port in ports]
        stamp, = self.encode([b"a@b.example"])
        if b"=G3=b.example=a@" not in stamp.text:
            raise AssertionError(f"postsrsd's clock runs: {stamp}")

    def close(self):
        for table in self.tables:
            table.close()
        self.process.terminate()
        self.process.wait(timeout=20)
        self.secrets.close()

    def ask(self, table, keys):
        """
        One by one: several answers at once would each wait for an ACK.  An
        empty key is a malformed request, which ends the connection.
        """
        answers = []
        for key in keys:
            table.write(b"get " + urllib.parse.quote_from_bytes(
                key or b"-", safe="").encode() + b"\n")
            table.flush()
            answers.append(self.answer(table))
        return answers

    @staticmethod
    def answer(table):
        line = table.readline()
        if not line:
            raise AssertionError("postsrsd closed the connection")
        code, _, text = line.rstrip(b"\n").partition(b" ")
        return Answer(code == b"200", urllib.parse.unquote_to_bytes(text))

    def encode(self, addresses):
        return self.ask(self.tables[0], addresses)

    def decode(self, addresses):
        return self.ask(self.tables[1], addresses)


def free_ports(count):
    holders = [socket.socket() for _ in range(count)]
    for holder in holders:
        holder.bind(("127.0.0.1", 0))
    ports = [holder.getsockname()[1] for holder in holders]
    for holder in holders:
        holder.close()
    return ports


def connect(port, process):
    """A file on a connection to port, once process listens there."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            connection = socket.create_connection(("127.0.0.1", port), 20)
        except ConnectionRefusedError:
            time.sleep(0.02)
            continue
        stream = connection.makefile("rwb")
        connection.close()      # the file keeps it
        return stream
    raise AssertionError(f"postsrsd doesn't listen on {port}")

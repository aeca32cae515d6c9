# SPDX-License-Identifier: ISC
"""
The software that people come from, each in a process of its own, with the
configuration file that is converted later.
"""

import glob
import os
import socket
import subprocess
import sys
import urllib.parse

import places
import tap

PYSRS = ("usr", "share", "doc", "python3-srs", "examples", "pysrs.py")

# What postsrsd's own launcher does with /etc/default/postsrsd: its defaults, the
# file, the options.  Where they are empty, -u and -c would be errors.
LAUNCHER = """\
SRS_FORWARD_PORT=10001
SRS_REVERSE_PORT=10002
SRS_SECRET=/etc/postsrsd.secret
SRS_SEPARATOR="="
SRS_HASHLENGTH=4
SRS_HASHMIN=4
SRS_EXTRA_OPTIONS=
SRS_LISTEN_ADDR=127.0.0.1
SRS_EXCLUDE_DOMAINS=
RUN_AS= CHROOT=
. "$1"
exec "$2" ${SRS_EXTRA_OPTIONS} -f "${SRS_FORWARD_PORT}" \\
    -r "${SRS_REVERSE_PORT}" -d "${SRS_DOMAIN}" -s "${SRS_SECRET}" \\
    -a "${SRS_SEPARATOR}" -n "${SRS_HASHLENGTH}" -N "${SRS_HASHMIN}" \\
    ${RUN_AS:+-u "${RUN_AS}"} -l "${SRS_LISTEN_ADDR}" \\
    ${CHROOT:+-c "${CHROOT}"} "-X${SRS_EXCLUDE_DOMAINS}"
"""


class Old:
    """A process; ended with the `with`."""

    def __init__(self, command, is_up, env=None):
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env=dict(os.environ, **(env or {})),
            start_new_session=True)

        def listens():
            if self.process.poll() is not None:
                raise AssertionError(f"{command} exited with "
                                     f"{self.process.returncode}")
            return is_up()
        tap.wait_until(listens, f"{command[0]} to listen")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """With its children, which keep its sockets."""
        os.killpg(self.process.pid, 15)
        self.process.wait(timeout=30)


def accepts(address):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as s:
        return s.connect_ex(address) == 0


def postsrsd1(path, port):
    program = places.peer("postsrsd", "usr/sbin/postsrsd")
    return Old(["sh", "-c", LAUNCHER, "sh", path, program],
               lambda: accepts(("127.0.0.1", port)))


def postsrsd2(path, address):
    """With the C library that it was built for."""
    top = places.peer("postsrsd2")
    loader, = glob.glob(os.path.join(top, "usr/lib/*/ld-linux*.so.*"))
    return Old([loader, "--library-path", os.path.dirname(loader),
                os.path.join(top, "usr/sbin/postsrsd"), "-C", path],
               lambda: accepts(address))


def pysrs(path, address):
    return Old([sys.executable, places.peer("pysrs", *PYSRS), path],
               lambda: os.path.exists(address) and accepts(address),
               {"PYTHONPATH": places.peer("pysrs", places.PYTHON)})


# --- clients ---

class Table:
    """A tcp_table: the address that a lookup gives, or None."""

    def __init__(self, port):
        self.port = port

    def ask(self, key):
        with socket.create_connection(("127.0.0.1", self.port), 20) as s:
            s.sendall(b"get " + urllib.parse.quote_from_bytes(
                key.encode(), safe="").encode() + b"\n")
            line = s.makefile("rb").readline()
        code, _, text = line.strip().decode().partition(" ")
        return urllib.parse.unquote(text) if code == "200" else None


class Socketmap:
    """A map of a socketmap: the same; the address is a path or (host, port)."""

    def __init__(self, address, name):
        self.address, self.name = address, name

    def answer(self, key):
        request = self.name.encode() + b" " + (
            key if isinstance(key, bytes) else key.encode())
        family = socket.AF_UNIX if isinstance(self.address, str) \
            else socket.AF_INET
        with socket.socket(family) as s:
            s.settimeout(20)
            s.connect(self.address)
            s.sendall(b"%d:%s," % (len(request), request))
            stream = s.makefile("rb")
            length = b""
            while not length.endswith(b":"):
                length += stream.read(1) or b"0:"
            return stream.read(int(length[:-1])).decode()

    def ask(self, key):
        word, _, text = self.answer(key).partition(" ")
        return text if word == "OK" else None

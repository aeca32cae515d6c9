# SPDX-License-Identifier: ISC
"""
What the tests of a running srsd need: a place for files, srsd itself, and
clients.

Nothing here sleeps for luck: what takes time is polled for, with a deadline
that only a failure reaches.
"""

import ctypes
import fcntl
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import network
import places
from tap import Skip, equal, true, wait_until

PROGRAM = places.program("srsd")
ROOT = os.geteuid() == 0
DEADLINE = 20                   # seconds

PR_SET_CHILD_SUBREAPER = 36


# --- the place -----------------------------------------------------------------

class Site:
    """A directory for files, with the daemons and sockets of the case at hand."""

    def __init__(self):
        # Orphans of a daemon that went into the background become ours.
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self.own_network = network.enter()
        self.descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE,
                           (self.descriptors, self.descriptors))
        self.dir = tempfile.mkdtemp(prefix="mailfrom-")
        os.chmod(self.dir, 0o755)
        # A build tree may lie where other users can't reach it.
        self.program = os.path.join(self.dir, "srsd")
        shutil.copy(PROGRAM, self.program)
        self.count = 0
        self.daemons, self.clients = [], []

    def new_dir(self):
        self.count += 1
        path = os.path.join(self.dir, str(self.count))
        os.mkdir(path)
        return path

    def need_root(self):
        if not ROOT:
            raise Skip("needs root")

    def need_own_network(self):
        if not self.own_network:
            raise Skip("needs root and a network namespace")

    def run_cases(self, suite):
        """Run its cases, and be gone; the exit status."""
        try:
            return suite.run(self, self.evidence, self.end_case)
        finally:
            self.close()

    def evidence(self):
        return [d.log()[-3000:] for d in self.daemons]

    def end_case(self):
        for client in self.clients:
            client.close()
        for daemon in self.daemons:
            daemon.kill()
        self.daemons, self.clients = [], []

    def close(self):
        shutil.rmtree(self.dir)

    def run(self, *args, **options):
        """srsd to its end: exit status, standard output, standard error."""
        done = subprocess.run([self.program, *args], capture_output=True,
                              text=True, timeout=DEADLINE, check=False,
                              stdin=subprocess.DEVNULL, **options)
        return done.returncode, done.stdout, done.stderr


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as s:
            s.bind(("::1", 0))
    except OSError:
        return False
    return True


def write(path, text, mode=0o644):
    """Replace path by a file with this text, at once, as an editor does."""
    with open(path + ".new", "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
        os.fchmod(file.fileno(), mode)
        if ROOT and mode == 0o640:
            os.fchown(file.fileno(), 0, NOBODY_GROUP)
    os.rename(path + ".new", path)
    return path


NOBODY, NOBODY_GROUP = 65534, 65534

CONFIGURATION = """\
[srs]
{srs}
[srsd]
{srsd}
[spf]
{spf}
[log]
to = stderr
{log}
"""


# --- the daemon ------------------------------------------------------------------

# Takes the place of systemd: moves descriptors to 3, 4, ... and says so.
PASS_SOCKETS = """
import os, sys
for i, fd in enumerate(sys.argv[1].split(",")):
    os.dup2(int(fd), 3 + i)
os.environ.setdefault("LISTEN_PID", str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])
"""


class Srsd:
    """
    srsd in the foreground.  srs, srsd, spf and log are lines of these
    sections; without others it listens on the unix socket self.sock.
    """

    SECRET = "a secret of the service tests"

    def __init__(self, site, srs="", srsd="", spf="", log="", config=None,
                 args=()):
        self.site = site
        self.dir = site.new_dir()
        self.sock = os.path.join(self.dir, "sock")
        self.secret = write(os.path.join(self.dir, "secret"),
                            self.SECRET + "\n", 0o640)
        self.log_path = os.path.join(self.dir, "log")
        self.sections = {"srs": srs, "srsd": srsd, "spf": spf, "log": log}
        self.log_begin = 0
        self.args = args
        self.config = config or os.path.join(self.dir, "mailfrom.conf")
        if config is None:
            self.configure()
        self.process = None
        site.daemons.append(self)

    def configure(self, **sections):
        """Write the configuration, with these sections changed."""
        self.sections.update(sections)
        srs, srsd = self.sections["srs"], self.sections["srsd"]
        if "secret_file" not in srs:
            srs += f"\nsecret_file = {self.secret}"
        if "fwdomain" not in srs:
            srs += "\nfwdomain = srs.example.com"
        if "listen" not in srsd:
            srsd += f"\nlisten = unix:{self.sock}"
        if ROOT and not re.search(r"(?m)^#?user\b", srsd):
            srsd += "\nuser = nobody"
        write(self.config, CONFIGURATION.format(
            srs=srs, srsd=srsd, spf=self.sections["spf"],
            log=self.sections["log"]))

    def start(self, sockets=(), env=None, wait=True):
        self.log_begin = len(self.log())
        fds = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 100) for s in sockets]
        command = [self.site.program, "-f", "-c", self.config, *self.args]
        environ = dict(os.environ, **(env or {}))
        if fds:
            environ.setdefault("LISTEN_FDS", str(len(fds)))
            command = [sys.executable, "-c", PASS_SOCKETS,
                       ",".join(map(str, fds))] + command
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                pass_fds=fds, env=environ)
        for fd in fds:
            os.close(fd)
        if wait:
            wait_until(self.serves, "srsd to serve")
        return self

    def serves(self):
        if self.process.poll() is not None:
            raise AssertionError(f"srsd exited with {self.process.returncode}")
        return "serves " in self.log()[self.log_begin:]

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8",
                      errors="backslashreplace") as file:
                return file.read()
        except FileNotFoundError:
            return ""

    def wait_log(self, words, count=1):
        wait_until(lambda: self.log().count(words) >= count,
                   f"{words!r} in the log")

    def client(self, address=None):
        return Client(self.site, address or self.sock)

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self):
        """SIGTERM; how long it took."""
        begin = time.monotonic()
        self.process.terminate()
        equal(self.process.wait(timeout=DEADLINE), 0, "exit status")
        return time.monotonic() - begin

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def memory(self):
        """Resident octets."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize()


# --- clients -----------------------------------------------------------------------

def netstring(octets):
    return b"%d:%s," % (len(octets), octets)


class Client:
    """A connection, to a path or a (host, port)."""

    def __init__(self, site, address):
        if isinstance(address, str):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(DEADLINE)
            self.socket.connect(address)
        else:
            self.socket = socket.create_connection(address, DEADLINE)
        self.rest = b""
        site.clients.append(self)

    def close(self):
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets)
        return self

    def more(self):
        """Receive; false at the end of the stream."""
        try:
            octets = self.socket.recv(1 << 16)
        except ConnectionResetError:
            return False
        self.rest += octets
        return octets != b""

    def answer(self):
        """The next netstring, or None at the end of the stream."""
        while True:
            length, colon, rest = self.rest.partition(b":")
            if colon and len(rest) > int(length):
                end = int(length)
                equal(rest[end:end + 1], b",", "end of the netstring")
                self.rest = rest[end + 1:]
                return rest[:end]
            if not self.more():
                equal(self.rest, b"", "torn answer")
                return None

    def line(self):
        while b"\n" not in self.rest:
            true(self.more(), "connection closed within a line")
        line, _, self.rest = self.rest.partition(b"\n")
        return line

    def ask(self, request):
        if isinstance(request, str):
            request = request.encode()
        return self.send(netstring(request)).answer()

    def expect_closed(self, what):
        equal(self.answer(), None, what)

    def is_open(self):
        """True unless the other end has closed."""
        self.socket.setblocking(False)
        try:
            return self.socket.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False
        finally:
            self.socket.settimeout(DEADLINE)


def send_until_full(client, octets):
    """Send octets over and over until nobody takes them; how often."""
    client.socket.setblocking(False)
    stream, sent, deadline = octets * 1000, 0, time.monotonic() + 0.5
    while time.monotonic() < deadline:
        try:
            sent += client.socket.send(stream[sent % len(octets):])
            deadline = time.monotonic() + 0.5
        except BlockingIOError:
            time.sleep(0.01)
    client.socket.settimeout(DEADLINE)
    return sent


# --- in the background -------------------------------------------------------------

def reap(pid):
    """Exit status of a process that became ours."""
    def ended():
        done, status = os.waitpid(pid, os.WNOHANG)
        return done == pid and (os.waitstatus_to_exitcode(status),)
    return wait_until(ended, f"process {pid} to end")[0]


class Background:
    """srsd that went into the background; ended with the `with`."""

    def __init__(self, site, *args, **options):
        self.daemon = Srsd(site, **options)
        self.pid_path = os.path.join(self.daemon.dir, "pid")
        self.daemon.configure(
            srsd=self.daemon.sections["srsd"] + f"\npid_file = {self.pid_path}",
            log="level = error")
        self.args = args or ("-c", self.daemon.config)
        self.result = site.run(*self.args, cwd=self.daemon.dir)
        self.pid = 0
        if os.path.exists(self.pid_path):
            with open(self.pid_path, encoding="ascii") as file:
                self.pid = int(file.read() or "0")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)
            equal(reap(self.pid), 0, "status")

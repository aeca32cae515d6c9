#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
What a daemon may do once it serves, as the kernel shows it: its user,
capabilities, descriptors, core files, who may read its memory, and where its
secret is in that.  Each daemon as root with `user`, as another user, in the
background, and libspf2's helper with each.
"""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import milter_client
import places
import tap

suite = tap.Suite()
DAEMONS = ("srsd", "srsmilter", "spfmilter")
ROOT = os.geteuid() == 0
USER = "nobody" if ROOT else pwd.getpwuid(os.geteuid()).pw_name
UID = pwd.getpwnam(USER).pw_uid
SETS = ("CapInh", "CapPrm", "CapEff", "CapAmb")
SECRET = "a secret that no other process may see"
CONFIGURATION = """\
[srs]
secret_file = {directory}/secret
fwdomain = fwd.test
own_domains = own.test
skip_if_spf_passes = yes
outbound_addresses = 192.0.2.1
[{daemon}]
listen = unix:{directory}/sock
pid_file = {directory}/pid
{user}
{more}
[spf]
engine = libspf2
helper = {directory}/spf-libspf2
nameservers = 127.0.0.1:9
record_file = {directory}/records
[log]
to = {log}
"""
MORE = {"srsd": "", "srsmilter": "rewrite = all",
        "spfmilter": "access = {directory}/access"}
# Systemd's own way: the process that it counts for is the one that executes.
PASS_SOCKET = ("import os, sys; os.dup2(int(sys.argv[1]), 3); "
               "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); "
               "os.execv(sys.argv[2], sys.argv[2:])")


class Daemon:
    """A running one in a directory of its own."""

    def __init__(self, site, name, as_root=ROOT):
        self.site, self.name = site, name
        self.directory = tempfile.mkdtemp(dir=site.directory)
        self.become = "user = " + USER if as_root else ""
        self.more = {} if as_root or not ROOT else {
            "user": UID, "group": pwd.getpwnam(USER).pw_gid,
            "extra_groups": []}
        self.log_path = os.path.join(self.directory, "log")
        os.chmod(self.directory, 0o755)
        self.write("secret", SECRET + "\n", 0o640)
        self.write("access", "spf-fail: REJECT\n")
        self.write("records", "sender.test v=spf1 -all\n")
        self.configure()
        for program in name, "spf-libspf2":
            shutil.copy(places.program(program), self.directory)
        if ROOT:
            os.chown(self.directory, UID, -1)
            os.chown(os.path.join(self.directory, "secret"), 0,
                     pwd.getpwnam(USER).pw_gid)
        self.process = self.pid = None
        site.daemons.append(self)

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    def configure(self, log="stderr"):
        self.write("mailfrom.conf", CONFIGURATION.format(
            directory=self.directory, daemon=self.name, user=self.become, log=log,
            more=MORE[self.name].format(directory=self.directory)))

    def command(self, *options):
        return [os.path.join(self.directory, self.name), "-c",
                os.path.join(self.directory, "mailfrom.conf"), *options]

    def launch(self, prefix=(), **more):
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [*prefix, *self.command("-f")], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, **{**self.more, **more})
        self.pid = self.process.pid
        tap.wait_until(self.serves, f"{self.name} to serve")
        return self

    def serves(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} exited: {self.log()}")
        return re.search(r"version \S+ (started|serves)", self.log())

    def log(self):
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()

    def background_pid(self):
        with open(os.path.join(self.directory, "pid"), encoding="ascii") as file:
            return int(file.read())

    def status(self):
        return status_of(self.pid)

    def descriptors(self):
        """
        {number: what it is}, by a process that may see it.  Only those that
        stay: sessions end, and a daemon tries whether it can have one more.
        """
        return dict(self.open_now().items() & self.open_now().items())

    def open_now(self):
        place, found = f"/proc/{self.pid}/fd", {}
        for fd in os.listdir(place):
            try:
                found[int(fd)] = os.readlink(f"{place}/{fd}")
            except FileNotFoundError:
                pass
        return found

    def helpers(self):
        """libspf2's, of this daemon."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                status = status_of(pid)
            except (FileNotFoundError, ProcessLookupError):
                continue
            if status["PPid"] == str(self.pid) and \
                    status["Name"] == "spf-libspf2":
                found.append(int(pid))
        return found

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Site:
    def __init__(self):
        self.holder = tempfile.TemporaryDirectory(prefix="mailfrom-privileges-")
        self.directory = self.holder.name
        os.chmod(self.directory, 0o755)
        self.daemons = []

    def end_daemons(self):
        for daemon in self.daemons:
            daemon.end()
        self.daemons.clear()

    def evidence(self):
        return [line for daemon in self.daemons
                if os.path.exists(daemon.log_path)
                for line in daemon.log().splitlines()[-15:]]


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return {key: value.strip() for key, value in
                (line.split(":", 1) for line in file)}


def threads_of(pid):
    """But for those of a sanitizer, which are there before the program is."""
    ours = [f"{pid}/task/{task}" for task in os.listdir(f"/proc/{pid}/task")]
    return ours[:1] if places.is_sanitized(f"/proc/{pid}/exe") else ours


def core_limit(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as file:
        [line] = [line for line in file if line.startswith("Max core file size")]
    return line.split()[4:6]


def expect_no_rights(pid, bounding):
    """
    No thread has a capability, nor gets one.  bounding: whether the bounding set
    is empty too; only who has CAP_SETPCAP can empty it.
    """
    for thread in threads_of(pid):
        status = status_of(thread)
        tap.equal([status[name] for name in SETS], ["0" * 16] * 4,
                  f"{', '.join(SETS)} of {thread}")
        tap.equal(status["NoNewPrivs"], "1", f"NoNewPrivs of {thread}")
        tap.equal(status["Uid"].split(), [str(UID)] * 4, f"user of {thread}")
        if bounding:
            tap.equal(status["CapBnd"], "0" * 16, f"CapBnd of {thread}")
    tap.equal(core_limit(pid), ["0", "0"], f"size of a core file of {pid}")


def expect_closed_memory(pid):
    """
    Its memory can't be opened by a process of the same user, whether or not this
    host forbids that anyway (Yama): the kernel has given its files to root.
    """
    path = f"/proc/{pid}/mem"
    tap.equal(os.stat(path).st_uid, 0, f"owner of {path}")
    options = {"user": UID, "group": pwd.getpwnam(USER).pw_gid,
               "extra_groups": []} if ROOT else {}
    for place, wanted in (("/proc/self/mem", False), (path, True)):
        done = subprocess.run(["/bin/sh", "-c", 'exec 3<"$1"', "sh", place],
                              capture_output=True, text=True, check=False,
                              cwd="/", env={"LC_ALL": "C"}, **options)
        tap.equal("Permission denied" in done.stderr, wanted,
                  f"opening {place}: {done.stderr}")


def need_root():
    if not ROOT:
        raise tap.Skip("needs root")


def each_daemon(title):
    """A case for each daemon."""
    def register(function):
        for name in DAEMONS:
            suite.case(f"{name}: {title}")(
                lambda site, name=name: function(site, name))
        return function
    return register


@each_daemon("as root with user: no capability in any set, no core, no reader")
def of_root(site, name):
    need_root()
    daemon = Daemon(site, name).launch()
    expect_no_rights(daemon.pid, bounding=True)
    expect_closed_memory(daemon.pid)


@each_daemon("as another user: the same, and nothing to gain from files")
def of_user(site, name):
    daemon = Daemon(site, name, as_root=False).launch()
    expect_no_rights(daemon.pid, bounding=False)
    expect_closed_memory(daemon.pid)


@each_daemon("capabilities that systemd would leave it are given up")
def of_ambient(site, name):
    need_root()
    daemon = Daemon(site, name, as_root=False)
    daemon.more = {}
    daemon.launch(prefix=[
        "setpriv", f"--reuid={UID}", f"--regid={pwd.getpwnam(USER).pw_gid}",
        "--clear-groups", "--inh-caps=+net_bind_service,+setpcap",
        "--ambient-caps=+net_bind_service,+setpcap", "--"])
    # It has CAP_SETPCAP, to begin with.
    expect_no_rights(daemon.pid, bounding=True)


@each_daemon("of what is open when it starts it keeps 0 to 2 and systemd's sockets")
def descriptors(site, name):
    need_root()
    stray = os.open("/etc/passwd", os.O_RDONLY)
    high = os.dup2(stray, 500)
    with socket.socket(socket.AF_UNIX) as listener:
        daemon = Daemon(site, name)
        path = os.path.join(daemon.directory, "systemd")
        listener.bind(path)
        os.chmod(path, 0o777)
        listener.listen()
        passed = os.dup2(listener.fileno(), 400)
        try:
            daemon.launch(prefix=[sys.executable, "-c", PASS_SOCKET, str(passed)],
                          pass_fds=(stray, high, passed))
        finally:
            for fd in stray, high, passed:
                os.close(fd)
        found = daemon.descriptors()
        tap.true("/etc/passwd" not in found.values(), f"it keeps {found}")
        inode = os.fstat(listener.fileno()).st_ino
        tap.equal([fd for fd, what in found.items()
                   if what == f"socket:[{inode}]"], [3], "systemd's socket")
        tap.equal((found[0], found[1], found[2]),
                  ("/dev/null", daemon.log_path, daemon.log_path), "0 to 2")
        # It is served.
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)


@each_daemon("started without standard descriptors: no socket is in their place")
def no_standard_descriptors(site, name):
    need_root()
    daemon = Daemon(site, name)
    daemon.configure(log="syslog")
    daemon.process = subprocess.Popen(
        ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *daemon.command("-f")])
    daemon.pid = daemon.process.pid
    path = os.path.join(daemon.directory, "sock")
    tap.wait_until(lambda: can_connect(path), f"{name} to serve")
    found = daemon.descriptors()
    tap.equal([found[fd] for fd in range(3)], ["/dev/null"] * 3, "0 to 2")


def can_connect(path):
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(path)
        except OSError:
            return False
    return True


@each_daemon("in the background: the same, and its secrets stay locked")
def in_background(site, name):
    need_root()
    daemon = Daemon(site, name)
    daemon.configure(log="syslog")
    done = subprocess.run(daemon.command(), timeout=60, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL)
    tap.equal(done.returncode, 0, "status of the parent")
    daemon.pid = daemon.background_pid()
    try:
        expect_no_rights(daemon.pid, bounding=True)
        expect_closed_memory(daemon.pid)
        expect_locked(daemon)
    finally:
        os.kill(daemon.pid, signal.SIGKILL)


@each_daemon("in the background it keeps systemd's socket too")
def socket_in_background(site, name):
    need_root()
    with socket.socket(socket.AF_UNIX) as listener:
        daemon = Daemon(site, name)
        daemon.configure(log="syslog")
        path = os.path.join(daemon.directory, "systemd")
        listener.bind(path)
        listener.listen()
        done = subprocess.run(
            [sys.executable, "-c", PASS_SOCKET, str(listener.fileno()),
             *daemon.command()], pass_fds=(listener.fileno(),), timeout=60,
            check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        tap.equal(done.returncode, 0, "status of the parent")
        daemon.pid = daemon.background_pid()
        try:
            tap.equal(daemon.descriptors()[3],
                      f"socket:[{os.fstat(listener.fileno()).st_ino}]", "3")
            tap.true(not os.path.exists(os.path.join(daemon.directory, "sock")),
                     "it has made a socket of its own")
        finally:
            os.kill(daemon.pid, signal.SIGKILL)


def mappings(pid):
    """Of smaps: [(first, end, {flags}, KiB locked)]"""
    found = []
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as file:
        for line in file:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) ", line)
            if head:
                span = int(head[1], 16), int(head[2], 16), head[3]
            elif line.startswith("Locked:"):
                locked = int(line.split()[1])
            elif line.startswith("VmFlags:"):
                found.append((*span, set(line.split()[1:]), locked))
    return found


def expect_locked(daemon):
    """There is a locked mapping, kept out of core files, if there are secrets."""
    locked = [m for m in mappings(daemon.pid) if "lo" in m[3]]
    if daemon.name == "spfmilter":
        tap.equal(locked, [], "locked memory of what has no secret")
        return
    tap.equal(len(locked), 1, f"locked mappings among {locked}")
    tap.true("dd" in locked[0][3], f"it may be dumped: {locked}")
    tap.true(locked[0][4] > 0, f"nothing is in it: {locked}")


def find_in_memory(pid, needle):
    """Start of each mapping that has it."""
    found = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for first, end, mode, _, _ in mappings(pid):
            # What sanitizers set apart is terabytes.
            if "r" not in mode or end - first > 1 << 30:
                continue
            try:
                memory.seek(first)
                if needle in memory.read(end - first):
                    found.append(first)
            except (OSError, OverflowError, ValueError):
                continue         # the kernel's own
    return found


@each_daemon("the secret is nowhere in its memory, the keys in locked memory")
def secret(site, name):
    need_root()
    daemon = Daemon(site, name).launch()
    expect_locked(daemon)
    # Its configuration is there, so the search finds what there is.
    tap.true(find_in_memory(daemon.pid, daemon.directory.encode()),
             "nothing is found in its memory")
    tap.equal(find_in_memory(daemon.pid, SECRET.encode()), [], "the secret")
    daemon.process.send_signal(signal.SIGHUP)
    tap.wait_until(lambda: "reloaded" in daemon.log(), "a reload")
    tap.equal(find_in_memory(daemon.pid, SECRET.encode()), [],
              "the secret after a reload")
    expect_locked(daemon)


@suite.case("memory that can't be locked is warned of; it serves nevertheless")
def no_locks(site):
    for name in "srsd", "srsmilter":
        daemon = Daemon(site, name, as_root=False).launch(
            prefix=["prlimit", "--memlock=0:0", "--"])
        tap.true("warning: cannot lock the memory of the secrets: " in daemon.log(),
                 daemon.log())
        daemon.end()
    daemon = Daemon(site, "spfmilter", as_root=False).launch(
        prefix=["prlimit", "--memlock=0:0", "--"])
    tap.true("lock" not in daemon.log(), daemon.log())


@suite.case("a secret file over 256 KiB is an error")
def large_secret(site):
    daemon = Daemon(site, "srsd")
    daemon.write("secret", "# " + "x" * (256 * 1024) + "\n", 0o640)
    done = subprocess.run(daemon.command("-n"), capture_output=True, text=True,
                          check=False)
    tap.equal((done.returncode, "cannot read secrets: File too large" in
               done.stderr), (1, True), done.stderr)


def ask(daemon):
    """Have it check sender.test, which takes libspf2."""
    path = os.path.join(daemon.directory, "sock")
    if daemon.name == "srsd":
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(60)
            client.connect(path)
            request = b"forward bob@sender.test"
            client.sendall(b"%d:%s," % (len(request), request))
            tap.true(b"OK SRS0=" in client.recv(1000), "the answer")
        return
    with milter_client.Session(f"unix:{path}", timeout=60) as session:
        session.connect("192.0.2.1")
        session.helo("mx.sender.test")
        done = session.deliver("<bob@sender.test>", ["<ann@fwd.test>"],
                               ["Subject: x"], b"x\r\n")
    if daemon.name == "spfmilter":
        tap.equal(done.verdict, "reject", "the answer")
    else:
        tap.true(done.message.sender.startswith("SRS0="), done.message.sender)


def expect_helper(daemon, bounding):
    ask(daemon)
    helpers = daemon.helpers()
    tap.true(len(helpers) >= 1, "no helper")
    for pid in helpers:
        expect_no_rights(pid, bounding)
        expect_closed_memory(pid)
        if not ROOT:
            continue
        place = f"/proc/{pid}/fd"
        found = {fd: os.readlink(f"{place}/{fd}") for fd in os.listdir(place)}
        tap.equal((sorted(found), found["0"].startswith("socket:"), found["1"],
                   found["2"]), (["0", "1", "2"], True, "/dev/null",
                                 "/dev/null"), "descriptors of the helper")


@each_daemon("as root with user: libspf2's helper has a socket and no right")
def helper_of_root(site, name):
    need_root()
    expect_helper(Daemon(site, name).launch(), bounding=True)


@each_daemon("as another user: libspf2's helper has a socket and no right")
def helper_of_user(site, name):
    expect_helper(Daemon(site, name, as_root=False).launch(), bounding=False)


@suite.case("without user: who each becomes, or how to make that user")
def initial_user(site):
    need_root()
    for name, user in (("srsd", "mailfrom"), ("srsmilter", "mailfrom"),
                       ("spfmilter", "mailfrom-spf")):
        daemon = Daemon(site, name)
        daemon.become = ""
        daemon.configure()
        try:
            uid = pwd.getpwnam(user).pw_uid
        except KeyError:
            done = subprocess.run(daemon.command("-f"), capture_output=True,
                                  text=True, timeout=60, check=False)
            tap.equal(done.returncode, 1, "status")
            tap.true(done.stderr.endswith(
                f'user: no user "{user}" on this system; create it with: useradd '
                f"--system --no-create-home --shell /usr/sbin/nologin {user}\n"),
                done.stderr)
        else:
            os.chmod(daemon.directory, 0o777)
            daemon.launch()
            tap.equal(daemon.status()["Uid"].split(), [str(uid)] * 4, name)


def main():
    site = Site()
    try:
        return suite.run(site, site.evidence, site.end_daemons)
    finally:
        site.end_daemons()
        site.holder.cleanup()


if __name__ == "__main__":
    sys.exit(main())

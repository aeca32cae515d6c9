#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
The units of etc/systemd, as make install lays them: what systemd-analyze says of
them, and whether a systemd runs them.

That systemd is process 1 of namespaces of its own.  Its root is a file system
over this host's, whose changes are in memory; no unit of this host is started but
the basic ones, and those that a container has no use for are masked.  Where this
host has no systemd, Debian's is fetched and laid there.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

import booted
import milter_client
import places
import tap

suite = tap.Suite()
case = suite.case
# Each has its directory below /run too.
USERS = {"srsd": "mailfrom", "srsmilter": "mailfrom",
         "spfmilter": "mailfrom-spf"}
DAEMONS = tuple(USERS)
UNITS = "/usr/local/lib/systemd/system"
# Of 100; systemd calls up to 50 "OK" or better.
EXPOSURE_MAX = 15

# The root: what is installed over this host's, with changes in memory.  $2: the
# root to be, in the directory "holder" that has the tree too.
PREPARE = r"""
holder=$(dirname "$2")
mount -t tmpfs none "$2"
mkdir "$2/upper" "$2/work" "$2/root"
mount -t overlay none -o "lowerdir=/,upperdir=$2/upper,workdir=$2/work" "$2/root"
cp -a "$holder/tree/." "$2/root"
cd "$2/root"
rm -rf etc/systemd/system/*.wants
set -- "$1" "$2/root" "$3" "$4" "$5"
chroot . systemd-sysusers
chroot . chown root:mailfrom /etc/mailfrom/secret
"""

CONFIGURATION = """\
[srs]
secret_file = /etc/mailfrom/secret
fwdomain = fwd.test
{srs}
[srsd]
listen = unix:{place}/srsd.sock
[srsmilter]
rewrite = all
[spfmilter]
access = /etc/mailfrom/access
[spf]
engine = {engine}
record_file = /etc/mailfrom/records
nameservers = 127.0.0.1:9
timeout = 1
[log]
to = journal
"""


class Site:
    def __init__(self, peer):
        """peer: where systemd was unpacked; None: it is this host's."""
        self.holder = tempfile.TemporaryDirectory(prefix="mailfrom-systemd-")
        self.tree = os.path.join(self.holder.name, "tree")
        self.booted = None
        done = subprocess.run(
            ["make", "--no-print-directory", "-C", places.TOP, "install",
             f"DESTDIR={self.tree}"], capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"make install: {done.stderr}")
        if peer:
            self.lay_systemd(peer)
        # For builds with a sanitizer, which would look for leaks by ptrace().
        self.write("etc/systemd/system.conf.d/test.conf", "[Manager]\n"
                   "DefaultEnvironment=ASAN_OPTIONS=detect_leaks=0 "
                   "TSAN_OPTIONS=suppressions=/etc/tsan.supp\n")
        shutil.copy(places.source("tests", "tsan.supp"),
                    os.path.join(self.tree, "etc", "tsan.supp"))
        self.write("etc/mailfrom/secret", "a secret that is long enough\n", 0o640)
        self.write("etc/mailfrom/access", "spf-fail: REJECT text\n")
        self.write("etc/mailfrom/records", "fail.test v=spf1 -all\n")
        self.write("etc/mailfrom/mailfrom.conf", self.configuration())

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.tree, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    def lay_systemd(self, peer):
        """/bin, /lib and /sbin are links into /usr."""
        for name in os.listdir(peer):
            if name in ("bin", "sbin", "lib", "usr", "etc"):
                target = name if name in ("usr", "etc") else f"usr/{name}"
                os.makedirs(os.path.join(self.tree, target), exist_ok=True)
                subprocess.run(["cp", "-a", f"{peer}/{name}/.",
                                os.path.join(self.tree, target)], check=True)

    @staticmethod
    def configuration(engine="native", srs="", place="/run/mailfrom"):
        return CONFIGURATION.format(engine=engine, srs=srs, place=place)

    # --- the booted one ---

    def start(self):
        root = os.path.join(self.holder.name, "root")
        os.mkdir(root)
        self.booted = booted.Booted(PREPARE, root)

    def run(self, *command, check=True):
        return self.booted.run(*command, check=check)

    def path(self, name):
        return self.booted.path(name)

    def show(self, unit, name):
        return self.booted.show(unit, name)

    def expect_state(self, unit, state):
        self.booted.expect_state(unit, state)

    def configure(self, **changed):
        with open(self.path("etc/mailfrom/mailfrom.conf"), "w",
                  encoding="utf-8") as file:
            file.write(self.configuration(**changed))

    def end(self):
        if self.booted:
            self.booted.end()
        self.holder.cleanup()

    def evidence(self):
        return self.booted.evidence() if self.booted else []


def ask(address, request):
    """The answer to a request in a netstring, from a socket of srsd's."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(address)
        connection.sendall(b"%d:%s," % (len(request), request))
        return connection.recv(1000)


def deliver(address, sender):
    with milter_client.Session(f"unix:{address}", timeout=60) as session:
        session.connect("192.0.2.1")
        session.helo("mx.fail.test")
        return session.deliver(sender, ["<ann@fwd.test>"], ["Subject: x"], b"x\r\n")


def expect_work(site, daemon, name):
    """The daemon does at the socket what it is for."""
    address = site.path(name)
    if daemon == "srsd":
        answer = ask(address, b"forward bob@sender.test")
        if not re.match(rb"\d+:OK SRS0=.*=bob@fwd\.test,$", answer):
            raise AssertionError(f"srsd answers {answer}")
        return
    done = deliver(address, "<bob@fail.test>")
    if daemon == "spfmilter":
        tap.equal(done.verdict, "reject", "what spfmilter answers")
    else:
        tap.equal(done.message.sender.startswith("SRS0="), True,
                  f"the sender that srsmilter makes, {done.message.sender}")


@case("systemd-analyze verify finds nothing")
def verify(site):
    units = site.run("ls", UNITS).split()
    tap.equal(units, sorted(["spfmilter-policy.socket"] +
                            [f"{daemon}.{kind}" for daemon in DAEMONS
                             for kind in ("service", "socket")]), "units")
    said = site.run("systemd-analyze", "verify", "--man=no",
                    *(f"{UNITS}/{unit}" for unit in units))
    tap.equal([line for line in said.splitlines()
               if re.search("|".join(DAEMONS), line)], [], "what it says")


@case("systemd-analyze security: little is exposed")
def security(site):
    for daemon in DAEMONS:
        site.run("systemd-analyze", "security", "--no-pager", "--offline=yes",
                 f"--threshold={EXPOSURE_MAX}", f"{UNITS}/{daemon}.service")


@case("they start, serve, and have no rights but their own")
def start(site):
    site.run("systemctl", "start", *DAEMONS)
    for daemon in DAEMONS:
        tap.equal(site.show(daemon, "ActiveState"), "active", daemon)
        expect_work(site, daemon, f"run/{USERS[daemon]}/{daemon}.sock")
        pid = site.show(daemon, "MainPID")
        with open(site.path(f"proc/{pid}/status"), encoding="ascii") as file:
            status = dict(line.split(":", 1) for line in file)
        name = site.run("id", "-nu", status["Uid"].split()[0]).strip()
        tap.equal((name, status["CapBnd"].strip(), status["CapEff"].strip(),
                   status["NoNewPrivs"].strip(), status["Seccomp"].strip()),
                  (USERS[daemon], "0" * 16, "0" * 16, "1", "2"), daemon)
        tap.equal(site.show(daemon, "LimitCORE"), "0", f"core files of {daemon}")


@case("the user of spfmilter can't read the secret")
def no_secret(site):
    for user, wanted in (("mailfrom", False), ("mailfrom-spf", True)):
        said = site.run("setpriv", f"--reuid={user}", f"--regid={user}",
                        "--init-groups", "cat", "/etc/mailfrom/secret",
                        check=False)
        tap.equal("Permission denied" in said, wanted, f"{user}: {said}")


@case("reload: a new configuration counts, a wrong one is told and doesn't")
def reload(site):
    site.configure(srs="hash_length = 10")
    site.run("systemctl", "reload", *DAEMONS)
    tap.wait_until(lambda: re.match(rb"\d+:OK SRS0=.{10}=", ask(
        site.path("run/mailfrom/srsd.sock"), b"forward bob@sender.test")),
        "the new configuration")
    site.configure(srs="no_such_key = 1")
    try:
        for daemon in "srsd", "srsmilter":
            said = site.run("systemctl", "reload", daemon, check=False)
            if "failed" not in said:
                raise AssertionError(f"{daemon}: {said!r}")
            tap.equal(site.show(daemon, "ActiveState"), "active", daemon)
            expect_work(site, daemon, f"run/{USERS[daemon]}/{daemon}.sock")
    finally:
        site.configure()


@case("not configured yet: inactive, with the reason; no failure")
def unconfigured(site):
    with open(site.path("etc/mailfrom/mailfrom.conf"), "w",
              encoding="ascii") as file:
        file.write("[srs]\nsecret_file = /etc/mailfrom/secret\n")
    try:
        for daemon in DAEMONS:
            site.run("systemctl", "restart", daemon)
            # systemd forgets why, with units that nothing else refers to.
            tap.equal(site.show(daemon, "ActiveState"), "inactive", daemon)
            said = site.run("systemctl", "status", daemon, check=False)
            if f"{daemon} is not configured yet: " not in said:
                raise AssertionError(said)
    finally:
        site.configure()
    site.run("systemctl", "start", *DAEMONS)
    for daemon in DAEMONS:
        expect_work(site, daemon, f"run/{USERS[daemon]}/{daemon}.sock")


@case("killed, they come again; stopped, they stay away")
def killed(site):
    before = {daemon: site.show(daemon, "MainPID") for daemon in DAEMONS}
    site.run("systemctl", "kill", "-s", "KILL", *DAEMONS)
    for daemon in DAEMONS:
        tap.wait_until(
            lambda: site.show(daemon, "ActiveState") == "active" and
            site.show(daemon, "MainPID") != before[daemon], f"another {daemon}")
        expect_work(site, daemon, f"run/{USERS[daemon]}/{daemon}.sock")
    site.run("systemctl", "stop", *DAEMONS)
    for daemon in DAEMONS:
        tap.equal((site.show(daemon, "ActiveState"), site.show(daemon, "Result")),
                  ("inactive", "success"), daemon)


@case("libspf2's helper runs within the same limits")
def helper(site):
    site.configure(engine="libspf2")
    site.run("systemctl", "start", "spfmilter")
    try:
        expect_work(site, "spfmilter", "run/mailfrom-spf/spfmilter.sock")
        group = site.run("cat", "/sys/fs/cgroup/system.slice/spfmilter.service/"
                         "cgroup.procs").split()
        names = [os.readlink(site.path(f"proc/{pid}/exe")) for pid in group]
        tap.equal(any(name.endswith("/spf-libspf2") for name in names), True,
                  f"a helper among {names}")
    finally:
        site.configure()
        site.run("systemctl", "stop", "spfmilter")


@case("a socket where they may not write: the log says who can make it")
def elsewhere(site):
    site.configure(place="/var/spool")
    try:
        said = site.run("systemctl", "start", "srsd", check=False)
        if "failed" not in said:
            raise AssertionError(said)
        tap.wait_until(lambda: re.search(
            r"mailfrom\.conf:\d+: listen: unix:/var/spool/srsd\.sock: bind: "
            "Read-only file system; under systemd let the socket unit",
            site.run("journalctl", "--no-pager", "-u", "srsd")),
            "the reason in the journal")
    finally:
        site.configure()
        site.run("systemctl", "stop", "srsd")


@case("sockets of systemd's, made for Postfix: they start the daemons")
def activation(site):
    for daemon in DAEMONS:
        place = f"run/spool-{daemon}/sock"
        drop_in = site.path(f"etc/systemd/system/{daemon}.socket.d")
        os.makedirs(drop_in, exist_ok=True)
        with open(f"{drop_in}/place.conf", "w", encoding="ascii") as file:
            file.write(f"[Socket]\nListenStream=\nListenStream=/{place}\n"
                       f"SocketUser={USERS[daemon]}\nSocketGroup=daemon\n"
                       "SocketMode=0660\n")
    site.run("systemctl", "daemon-reload")
    for daemon in DAEMONS:
        place = f"run/spool-{daemon}/sock"
        site.run("systemctl", "start", f"{daemon}.socket")
        tap.equal(site.show(daemon, "ActiveState"), "inactive", daemon)
        expect_work(site, daemon, place)
        tap.equal(site.show(daemon, "ActiveState"), "active", daemon)
        state = os.stat(site.path(place))
        tap.equal((state.st_gid, state.st_mode & 0o777), (1, 0o660), place)
        # The socket outlives it, and who connects meanwhile is served.
        site.run("systemctl", "stop", daemon)
        expect_work(site, daemon, place)
        site.run("systemctl", "restart", daemon)
        expect_work(site, daemon, place)
        site.run("systemctl", "stop", f"{daemon}.socket", daemon)


@case("sockets as they are in etc/systemd")
def sockets(site):
    for daemon in DAEMONS:
        shutil.rmtree(site.path(f"etc/systemd/system/{daemon}.socket.d"),
                      ignore_errors=True)
    site.run("systemctl", "daemon-reload")
    site.run("systemctl", "stop", *(f"{daemon}.socket" for daemon in DAEMONS),
             *DAEMONS)
    site.run("systemctl", "start", *(f"{daemon}.socket" for daemon in DAEMONS))
    said = site.run("python3", "-c", "import socket\n"
                    "for port in 10003, 10006, 10007:\n"
                    "  socket.create_connection(('127.0.0.1', port), 60)")
    tap.equal(said, "", "connecting")
    for daemon in DAEMONS:
        site.expect_state(daemon, "active")


def unpack():
    """Where systemd was unpacked, None: this host has it; and why it can't be."""
    if os.path.exists(booted.SYSTEMD) and shutil.which("systemd-analyze"):
        return None, None
    reason = places.fetch("systemd")
    if reason:
        return None, f"needs systemd, and can't fetch it: {reason}"
    return places.peer("systemd"), None


def main():
    reason = booted.forbidden()
    if reason:
        return booted.refuse(reason)
    peer, reason = unpack()
    if reason:
        return tap.cannot_run(reason)
    site = Site(peer)
    try:
        try:
            site.start()
        except (AssertionError, OSError) as error:
            return booted.refuse(" ".join(str(error).split()))
        return suite.run(site, site.evidence)
    finally:
        site.end()


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
What the daemons say of settings that only prove wrong when a socket is opened or
a user looked for: FILE:LINE: KEY: reason, like of all others; and that -n says
the same, opens nothing for good, and bears with the daemon that runs already.
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

import network
import places
import tap

suite = tap.Suite()
ROOT = os.geteuid() == 0
MILTERS = ("srsmilter", "spfmilter")
CONFIGURATION = """\
[srs]
secret_file = {directory}/secret
fwdomain = fwd.test
[{daemon}]
"""


class Site:
    """A directory, and a port that is taken."""

    def __init__(self):
        self.holder = tempfile.TemporaryDirectory(prefix="mailfrom-places-")
        self.directory = self.holder.name
        os.chmod(self.directory, 0o777)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.taken = f"inet:{self.server.getsockname()[1]}@127.0.0.1"
        self.path = os.path.join(self.directory, "mailfrom.conf")
        for name in "secret", "file":
            self.write(name, "a secret that is long enough\n", 0o600)
        self.write("access", "spf-fail: REJECT\n", 0o600)
        # A build tree may lie where other users can't reach it.
        for daemon in ("srsd", *MILTERS):
            shutil.copy(places.program(daemon),
                        self.program(daemon))

    def program(self, daemon):
        return os.path.join(self.directory, daemon)

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)

    def configure(self, daemon, **changed):
        """Write mailfrom.conf; returns {key: line}."""
        settings = {"listen": f"unix:{self.directory}/sock",
                    "user": pwd.getpwuid(os.geteuid()).pw_name}
        if daemon == "spfmilter":
            settings["access"] = f"{self.directory}/access"
        if daemon == "srsmilter":
            settings["rewrite"] = "all"
        settings.update(changed)
        head = CONFIGURATION.format(directory=self.directory, daemon=daemon)
        self.write("mailfrom.conf", head + "".join(
            f"{key} = {value}\n" for key, value in settings.items()))
        first = head.count("\n") + 1
        return {key: first + n for n, key in enumerate(settings)}

    def run(self, daemon, *options, **more):
        """(exit status, error output)"""
        done = subprocess.run(
            [self.program(daemon), "-f", "-c", self.path, *options], text=True, timeout=60,
            stdin=subprocess.DEVNULL, capture_output=True, check=False, **more)
        return done.returncode, done.stderr


def expect_place(site, daemon, key, value, reason, **more):
    line = site.configure(daemon, **{key: value})[key]
    for options in [], ["-n"]:
        expect_error(site, daemon, (key, value, line), reason, options, more)


def expect_error(site, daemon, place, reason, options, more):
    key, value, line = place
    status, said = site.run(daemon, *options, **more)
    what = f"{daemon} {options}, {key} = {value}"
    tap.equal(status, 1, f"{what}: {said}")
    errors = [text for text in said.splitlines() if text.startswith("error: ")]
    start = f"error: {site.path}:{line}: {key}: "
    if len(errors) != 1 or not errors[0].startswith(start) or \
            not re.search(reason, errors[0][len(start):]):
        raise AssertionError(f"{what}: {said}")


def each_daemon(name):
    def register(function):
        for daemon in ("srsd", *MILTERS):
            suite.case(f"{daemon}: {name}")(
                lambda site, daemon=daemon: function(site, daemon))
        return function
    return register


@each_daemon("addresses that can't be listened on")
def addresses(site, daemon):
    keys = ["metrics"]
    if daemon not in MILTERS:
        keys += ["tcp_table_forward", "tcp_table_reverse"]
    directory = site.directory
    for key in ("listen", *keys):
        for value, reason in (
                (site.taken, f"{site.taken}: .*Address already in use by python3 "),
                ("inet:4711@192.0.2.1", "not an address of this host"),
                (f"unix:{directory}/none/x", "No such file .*; create its dir"),
                (f"unix:{directory}/file", "File exists; the file there is not"),
                ("inet:99999@127.0.0.1", "99999"),
                ("nonsense", "nonsense")):
            expect_place(site, daemon, key, value, reason)


@each_daemon("socket_owner, socket_mode, pid_file")
def owners(site, daemon):
    for key, value, reason in (
            ("socket_owner", "no-such-user", 'no user "no-such-user"'),
            ("socket_owner", ":no-such-group", 'no group "no-such-group"'),
            ("socket_mode", "0999", "0999"),
            ("socket_mode", "07777", "07777"),
            ("pid_file", f"{site.directory}/none/pid", "No such file")):
        expect_place(site, daemon, key, value, reason)


@each_daemon("an owner that only root can give a socket to")
def foreign_owner(site, daemon):
    more = {}
    if ROOT:
        nobody = pwd.getpwnam("nobody")
        more = {"user": nobody.pw_uid, "group": nobody.pw_gid,
                "extra_groups": []}
        for name in "secret", "access":
            os.chown(os.path.join(site.directory, name), nobody.pw_uid, -1)
    try:
        line = site.configure(daemon, user="nobody" if ROOT else
                              pwd.getpwuid(os.geteuid()).pw_name,
                              listen=f"unix:{site.directory}/own-{daemon}",
                              socket_owner="root")["socket_owner"]
        results = [site.run(daemon, *options, **more)
                   for options in ([], ["-n"])]
    finally:
        if ROOT:
            for name in "secret", "access":
                os.chown(os.path.join(site.directory, name), 0, -1)
    for status, said in results:
        tap.equal(status, 1, said)
        if f"{site.path}:{line}: socket_owner: unix:" not in said:
            raise AssertionError(said)
    tap.equal(os.path.exists(f"{site.directory}/own-{daemon}"), False, "a socket")


@suite.case("spfmilter: an access file that isn't there, or none that it knows")
def access(site):
    for value, why in ((f"{site.directory}/none", "cannot open"),
                       ("nis:access", "known are text, ")):
        line = site.configure("spfmilter", access=value)["access"]
        status, said = site.run("spfmilter", "-n")
        tap.equal(status, 1, value)
        place = f'error: {site.path}:{line}: access: "{value}": cannot be used'
        if why not in said or place not in said:
            raise AssertionError(said)


@each_daemon("user")
def users(site, daemon):
    if ROOT:
        expect_place(site, daemon, "user", "no-such-user",
                     'no user "no-such-user" on this system; create it')
    else:
        expect_place(site, daemon, "user", "root", "only root can switch to user")


def needs_root():
    if not ROOT:
        raise tap.Skip("not root")


@each_daemon("-n: files that the user can't read, of which start only warns")
def unreadable(site, daemon):
    needs_root()
    site.configure(daemon, user="nobody")
    status, said = site.run(daemon, "-n")
    name = "access" if daemon == "spfmilter" else "secret"
    tap.equal(status, 1, said)
    tap.equal(len(said.splitlines()), 1, said)
    reason = "cannot open: " if name == "access" else "not readable by "
    if not said.startswith(f"error: {site.directory}/{name}: {reason}"):
        raise AssertionError(said)


@each_daemon("-n: a directory where only root can make the socket")
def for_root_alone(site, daemon):
    needs_root()
    directory = os.path.join(site.directory, f"root-{daemon}")
    os.mkdir(directory, 0o755)
    for name in "secret", "access":
        os.chmod(os.path.join(site.directory, name), 0o640)
        os.chown(os.path.join(site.directory, name), 0,
                 pwd.getpwnam("nobody").pw_gid)
    try:
        line = site.configure(daemon, user="nobody",
                              listen=f"unix:{directory}/sock")["listen"]
        status, said = site.run(daemon, "-n")
    finally:
        for name in "secret", "access":
            os.chown(os.path.join(site.directory, name), 0, 0)
            os.chmod(os.path.join(site.directory, name), 0o600)
    tap.equal(status, 0, said)
    if not said.startswith(f"warning: {site.path}:{line}: listen: unix:") or \
            "not under systemd" not in said:
        raise AssertionError(said)
    tap.equal(os.listdir(directory), [], "files that -n leaves")


@each_daemon("-n says everything at once")
def all_at_once(site, daemon):
    needs_root()
    site.configure(daemon, user="no-such-user",
                   listen=f"unix:{site.directory}/none/x")
    status, said = site.run(daemon, "-n")
    tap.equal(status, 1, said)
    tap.equal([line.split(": ")[2] for line in said.splitlines()],
              ["user", "listen"], said)


@each_daemon("-n beside the daemon that runs: its own addresses are fine")
def beside(site, daemon):
    port = network.free_port(socket.AF_INET, "127.0.0.1")
    pid_file = os.path.join(site.directory, f"pid-{daemon}")
    for listen in f"inet:{port}@127.0.0.1", f"unix:{site.directory}/own":
        metrics = network.free_port(socket.AF_INET6, "::1")
        site.configure(daemon, listen=listen, pid_file=pid_file,
                       metrics=f"inet6:{metrics}@::1")
        # In the background: once this returns, it serves.
        subprocess.run([site.program(daemon), "-c", site.path], check=True,
                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       timeout=60)
        with open(pid_file, encoding="ascii") as file:
            pid = file.read()
        try:
            status, said = site.run(daemon, "-n")
            tap.equal((status, said), (0, ""), listen)
            with open(pid_file, encoding="ascii") as file:
                tap.equal(file.read(), pid, "the pid file")
            # Another program of ours isn't that daemon.
            other = "srsmilter" if daemon == "srsd" else "srsd"
            line = site.configure(other, listen=listen)["listen"]
            expect_error(site, other, ("listen", listen, line),
                         f"in use by {daemon} ", ["-n"], {})
        finally:
            os.kill(int(pid), signal.SIGTERM)
            tap.wait_until(lambda: not os.path.exists(f"/proc/{pid.strip()}"),
                           f"{daemon} to end")


@each_daemon("-n makes nothing that stays")
def nothing_stays(site, daemon):
    path = os.path.join(site.directory, f"new-{daemon}")
    site.configure(daemon, listen=f"unix:{path}", pid_file=f"{path}.pid")
    status, said = site.run(daemon, "-n")
    tap.equal((status, said), (0, ""), daemon)
    tap.equal((os.path.exists(path), os.path.exists(f"{path}.pid")),
              (False, False), "socket and pid file")


@suite.case("two sockets from systemd are one too many for filters")
def two_sockets(site):
    number = site.server.fileno()
    for daemon in MILTERS:
        site.configure(daemon)
        # The shell knows the number of the process that it becomes.
        done = subprocess.run(
            ["sh", "-c", f"exec 3<&{number} 4<&3; LISTEN_FDS=2 LISTEN_PID=$$ "
             'exec "$@"', "sh", site.program(daemon), "-f", "-c", site.path],
            text=True, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=60, pass_fds=(number,), check=False)
        tap.equal((done.returncode, done.stderr),
                  (1, "error: listen: systemd passes 2 sockets, but "
                   "libmilter supports only one\n"), daemon)


def main():
    site = Site()
    return suite.run(site)


if __name__ == "__main__":
    sys.exit(main())

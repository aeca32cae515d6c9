#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
What the daemons say of settings that only prove wrong when a socket is opened or
a user looked for: FILE:LINE: KEY: reason, like of all others.
"""

import os
import pwd
import re
import shutil
import socket
import subprocess
import sys
import tempfile

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
        for name in "secret", "file", "access":
            self.write(name, "a secret that is long enough\n", 0o600)
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
    status, said = site.run(daemon, **more)
    what = f"{daemon}, {key} = {value}"
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
                (site.taken, f"{site.taken}: .*Address already in use; find"),
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
        status, said = site.run(daemon, **more)
    finally:
        if ROOT:
            for name in "secret", "access":
                os.chown(os.path.join(site.directory, name), 0, -1)
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

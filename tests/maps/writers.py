# SPDX-License-Identifier: ISC
"""The real makemap, postmap and others, from Debian's packages."""

import os
import subprocess

import world
from places import PEERS, program

READER = program("tests/maps/reader")

NAMES = ["sendmail", "postfix-maps", "tinycdb", "db-util"]
SUFFIXES = {"hash": ".db", "btree": ".db", "lmdb": ".lmdb", "cdb": ".cdb"}

MAIN_CF = """\
compatibility_level = 3.6
config_directory = {etc}
meta_directory = {etc}
queue_directory = {etc}
data_directory = {etc}
command_directory = {prefix}/usr/sbin
daemon_directory = {prefix}/usr/lib/postfix/sbin
shlib_directory = {prefix}/usr/lib/postfix
default_privs = nobody
mail_owner = daemon
setgid_group = mail
myhostname = mx.maps.test
"""


class Writers:
    """Programs that write maps; etc: a directory for their configuration."""

    def __init__(self, etc):
        self.etc = etc
        os.makedirs(etc)
        prefix = os.path.join(PEERS, "postfix-maps")
        self.write("main.cf", MAIN_CF.format(etc=etc, prefix=prefix))
        self.write("dynamicmaps.cf", "".join(
            f"{kind}\t{prefix}/usr/lib/postfix/postfix-{kind}.so"
            f"\tdict_{kind}_open\tmkmap_{kind}_open\n"
            for kind in ("cdb", "lmdb")))

    def write(self, name, text):
        path = os.path.join(self.etc, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        # Postfix programs wait until a configuration file is 2 s old.
        os.utime(path, (1, 1))

    def environment(self, peer):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                "MAIL_CONFIG": self.etc,
                "LD_LIBRARY_PATH": world.libraries(
                    os.path.join(PEERS, peer), "usr/lib/postfix")}

    def start_makemap(self, kind, path, *options, source=subprocess.PIPE):
        """makemap, which reads its entries from source."""
        program = os.path.join(PEERS, "sendmail/usr/libexec/sendmail/makemap")
        return subprocess.Popen(
            [program, "-C", "/dev/null", *options, kind, path],
            env=self.environment("sendmail"), stdin=source,
            stderr=subprocess.PIPE)

    def makemap(self, kind, path, *options):
        """Make a map of the text at path, beside it."""
        with open(path, "rb") as source:
            expect_success(self.start_makemap(kind, path, *options,
                                              source=source))

    def start_postmap(self, kind, path, *options, source=subprocess.DEVNULL):
        return subprocess.Popen(
            [os.path.join(PEERS, "postfix-maps/usr/sbin/postmap"), *options,
             f"{kind}:{path}"], env=self.environment("postfix-maps"),
            stdin=source, stderr=subprocess.PIPE)

    def postmap(self, kind, path):
        expect_success(self.start_postmap(kind, path))

    def tinycdb(self, path):
        """As postmap cdb, but by another program."""
        expect_success(subprocess.Popen(
            [os.path.join(PEERS, "tinycdb/usr/bin/cdb"), "-c", "-m",
             path + ".cdb", path], env=self.environment("tinycdb"),
            stderr=subprocess.PIPE))


    def edit_map(self, kind, path, removed, added):
        """As an administrator may: single keys out, some entries in."""
        for key in removed:
            expect_success(self.start_postmap(kind, path, "-d", key.lower()))
        process = self.start_postmap(kind, path, "-i", source=subprocess.PIPE)
        expect_success(process, added.encode())

    def load(self, kind, path, text, **settings):
        """A Berkeley DB by its own program: db_pagesize, db_lorder..."""
        options = [word for name, value in settings.items()
                   for word in ("-c", f"{name}={value}")]
        expect_success(subprocess.Popen(
            [os.path.join(PEERS, "db-util/usr/bin/db5.3_load"), "-T", "-t",
             kind, *options, path], env=self.environment("db-util"),
            stdin=subprocess.PIPE, stderr=subprocess.PIPE), text.encode())


def expect_success(process, text=None):
    problems = process.communicate(text)[1]
    if process.returncode != 0:
        raise AssertionError(f"{process.args}: {problems.decode()}")

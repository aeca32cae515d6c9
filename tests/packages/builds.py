# SPDX-License-Identifier: ISC
"""The packages of one release, as dpkg-buildpackage makes them in a bare system."""

import glob
import hashlib
import os
import re
import shutil
import subprocess

import places
import system

BUILD = ("cd {where}/mailfrom && DEB_BUILD_OPTIONS='parallel=2 nocheck' "
         "dpkg-buildpackage -us -uc {options} 2>&1")


class Builds:
    def __init__(self, release):
        self.release = release
        self.builder = system.System(release.path("builder"))

    def begin(self):
        """A builder in which nothing was built."""
        self.builder = self.release.builder()

    def unpack(self, name):
        """make dist's archive, in a place of its own."""
        where = self.builder.path(name)
        shutil.rmtree(where, ignore_errors=True)
        os.makedirs(where)
        archive = dist(self.release.path("dist"))
        system.command("tar", "-C", where, "-xf", archive)
        os.rename(os.path.join(where, os.path.basename(archive)[:-7]),
                  os.path.join(where, "mailfrom"))

    def copy_tree(self, name):
        """What git knows of the source tree as it is."""
        where = self.builder.path(os.path.join(name, "mailfrom"))
        shutil.rmtree(os.path.dirname(where), ignore_errors=True)
        os.makedirs(where)
        subprocess.run(
            ["sh", "-c", 'git ls-files -z | tar --null -T - -c | tar -x -C "$1"',
             "sh", where], cwd=places.TOP, check=True)

    def copy_before(self, name):
        """The commit before, or this tree where that has no packages."""
        before = "HEAD^"
        if subprocess.run(["git", "cat-file", "-e", f"{before}:debian/control"],
                          cwd=places.TOP, check=False).returncode != 0:
            self.copy_tree(name)
            return
        where = self.builder.path(os.path.join(name, "mailfrom"))
        shutil.rmtree(os.path.dirname(where), ignore_errors=True)
        os.makedirs(where)
        subprocess.run(
            ["sh", "-c", 'git archive "$1" | tar -x -C "$2"', "sh", before, where],
            cwd=places.TOP, check=True)

    def set_version(self, name, version):
        """Give the packages of an unpacked tree another version."""
        changelog = self.builder.path(f"{name}/mailfrom/debian/changelog")
        with open(changelog, encoding="utf-8") as file:
            text = file.read()
        with open(changelog, "w", encoding="utf-8") as file:
            file.write(re.sub(r"\(([^)]*)\)", f"({version})", text, count=1))

    def build(self, name, options=""):
        return self.builder.run(BUILD.format(where=f"/{name}", options=options))

    def debs(self, name):
        """Its packages, without those of debugging symbols."""
        found = glob.glob(self.builder.path(f"{name}/*.deb"))
        return sorted(deb for deb in found if "-dbgsym_" not in deb)

    def hashes(self, name):
        """{file: SHA-256} of all packages."""
        found = {}
        for deb in glob.glob(self.builder.path(f"{name}/*.deb")):
            with open(deb, "rb") as file:
                found[os.path.basename(deb)] = \
                    hashlib.sha256(file.read()).hexdigest()
        return found

    def lintian(self, name):
        """What it calls errors and warnings."""
        return self.builder.run(
            f"cd /{name}; lintian --allow-root --fail-on none *.changes 2>&1")


def dist(where):
    """make dist's archive, in a directory."""
    os.makedirs(where, exist_ok=True)
    system.command("make", "--no-print-directory", "-C", places.TOP, "dist",
                   f"DISTDIR={where}")
    archives = glob.glob(os.path.join(where, "*.tar.gz"))
    if len(archives) != 1:
        raise AssertionError(f"make dist made {archives}")
    system.command("sha256sum", "-c", "--quiet",
                   os.path.basename(archives[0]) + ".sha256", cwd=where)
    return archives[0]

# SPDX-License-Identifier: ISC
"""
Bare Debian systems in directories: where packages are built, installed and run.

What takes long is kept below BUILD/packages/RELEASE: the bare system as an archive,
and those with what a build and what a mail server need.  `make clean` removes it.
"""

import os
import shutil
import subprocess

import places

APT = "apt-get -qq -o Dpkg::Use-Pty=0 -y --no-install-recommends"
# What a machine has before our packages come: an init, and what the tests run.
MACHINE = "systemd systemd-sysv dbus python3 iproute2 procps"
# MAILFROM_PACKAGES=brief: what matters most, for each run of .ci/run.
BRIEF = os.environ.get("MAILFROM_PACKAGES") == "brief"
# Nobody cares whether these survive a power failure.
FAST = "force-unsafe-io\n"

# $1: the root; $2: the script that runs there.
INSIDE = r"""
set -e
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mkdir -p old
pivot_root . old
umount -l old
[ "$3" = host ] || ip link set lo up 2>/dev/null || :
cd /
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive MAILFROM_CHROOT=1 sh -ec "$2" & wait $!
"""


def command(*words, **options):
    done = subprocess.run(words, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, errors="replace", **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}:\n{done.stdout[-6000:]}")
    return done.stdout


class System:
    """A root directory; archive: to make it of."""

    def __init__(self, root, archive=None):
        self.root = root
        if archive:
            shutil.rmtree(root, ignore_errors=True)
            os.makedirs(root)
            command("tar", "-C", root, "--numeric-owner", "-xf", archive)

    def path(self, name):
        return os.path.join(self.root, name.lstrip("/"))

    def write(self, name, text, mode=0o644):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)

    def run(self, script, network=False):
        """Run a script of sh in there; what it prints.  network: this host's."""
        net = [] if network else ["--net"]
        return command("unshare", "--mount", "--uts", "--ipc", "--pid", "--fork",
                       "--kill-child", *net, "--propagation", "private", "sh",
                       "-c", INSIDE, "sh", self.root, script,
                       "host" if network else "none")

    def install(self, *names, options=""):
        self.run(f"apt-get -qq update; {APT} {options} install {' '.join(names)}",
                 network=True)

    def save(self, archive):
        command("tar", "-C", self.root, "--numeric-owner", "--one-file-system",
                "--exclude=./old", "-cf", f"{archive}.new", ".")
        os.rename(f"{archive}.new", archive)


class Release:
    """One release of Debian: "12" or "13"."""

    def __init__(self, number):
        self.number = number
        self.place = os.path.join(places.BUILD, "packages", number)
        os.makedirs(self.place, exist_ok=True)

    def path(self, *names):
        return os.path.join(self.place, *names)

    def bare(self):
        """The archive of the bare system."""
        archive = self.path("bare.tar")
        if not os.path.exists(archive):
            new = self.path("new.tar")
            command(places.source("scripts", "bare-system"), self.number, new)
            os.rename(new, archive)
        return archive

    def kept(self, name, prepare):
        """The archive of a bare system to which prepare(system) was done."""
        archive = self.path(f"{name}.tar")
        if not os.path.exists(archive):
            system = System(self.path("preparing"), self.bare())
            system.write("etc/dpkg/dpkg.cfg.d/unsafe-io", FAST)
            prepare(system)
            system.save(archive)
            shutil.rmtree(system.root)
        return archive

    def builder(self):
        """A system that has what debian/control wants for a build, and lintian."""
        def prepare(system):
            with open(places.source("debian", "control"),
                      encoding="utf-8") as file:
                system.write("control/debian/control", file.read())
            system.install("build-essential lintian" +
                           ("" if BRIEF else " apparmor rpm"))
            system.run(f"cd /; {APT} build-dep ./control", network=True)
        root = self.path("builder")
        return System(root, self.kept("build", prepare))

    def machine(self, name):
        """A system that has an init, and what the tests run."""
        def prepare(system):
            system.install(MACHINE)
        return System(self.path(name), self.kept("machine", prepare))

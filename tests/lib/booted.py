# SPDX-License-Identifier: ISC
"""
A systemd that is process 1 of namespaces of its own, with a root of its own.

Units that a container has no use for are masked.  Its network is a loopback
interface.
"""

import os
import subprocess
import tempfile

import tap

SYSTEMD = "/lib/systemd/systemd"
MASKED = """systemd-sysctl.service systemd-modules-load.service
systemd-udevd.service systemd-udevd-control.socket systemd-udevd-kernel.socket
systemd-udev-trigger.service systemd-random-seed.service
kmod-static-nodes.service systemd-remount-fs.service console-getty.service"""

# All that is mounted here vanishes with the name space.  $1: the script that
# makes $2 the root; $3: the group; $4: units to mask; $5: the unit to start.
BOOT = r"""
set -e
echo $$ >"$3/cgroup.procs"
exec unshare --pid --mount --net --uts --ipc --cgroup --fork --kill-child \
    --propagation private sh -c '
set -e
eval "$1"
cd "$2"
mount -t proc none proc
mount -t sysfs -o ro none sys
mount -t cgroup2 none sys/fs/cgroup
mount -t tmpfs -o mode=755 none dev
for name in null zero full random urandom tty; do
	: >dev/$name
	mount --bind /dev/$name dev/$name
done
mkdir dev/shm dev/pts
mount -t devpts -o newinstance,ptmxmode=0666 none dev/pts
ln -s pts/ptmx dev/ptmx
: >dev/console
ln -s /proc/self/fd dev/fd
mount -t tmpfs -o mode=755 none run
mount -t tmpfs -o mode=1777 none tmp
# What it says about the kernel is for this host too.
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
ip link set lo up
hostname systemd.test
rm -f etc/fstab
for unit in $4; do ln -sf /dev/null etc/systemd/system/$unit; done
: >etc/machine-id
mkdir -p old
pivot_root . old
umount -l old
exec env -i container=test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --unit=$5
' sh "$@"
"""


class Booted:
    """A booted systemd, until end()."""

    def __init__(self, prepare, root, unit="basic.target"):
        """prepare: a script of sh that makes the directory "$2", root, a root."""
        self.cgroup = make_cgroup()
        self.init = None
        self.log_file = tempfile.NamedTemporaryFile(prefix="mailfrom-boot-")
        self.boot = subprocess.Popen(
            ["sh", "-c", BOOT, "sh", prepare, root, self.cgroup, MASKED, unit],
            stdin=subprocess.DEVNULL, stdout=self.log_file, stderr=self.log_file)
        try:
            tap.wait_until(self.is_up, "systemd to be up", timeout=120)
        except BaseException:
            self.end()
            raise

    def is_up(self):
        if self.boot.poll() is not None:
            raise AssertionError(f"systemd ended: {self.log()}")
        with open(f"/proc/{self.boot.pid}/task/{self.boot.pid}/children",
                  encoding="ascii") as file:
            children = file.read().split()
        if not children or os.path.basename(
                os.readlink(f"/proc/{children[0]}/exe")) != "systemd":
            return False
        self.init = children[0]
        return self.run("systemctl", "is-system-running",
                        check=False).strip() in ("running", "degraded")

    def log(self):
        with open(self.log_file.name, encoding="utf-8",
                  errors="replace") as file:
            return file.read()

    def run(self, *command, check=True, timeout=120, env=()):
        """Run it beside that systemd; returns what it prints."""
        done = subprocess.run(
            ["nsenter", "-t", self.init, "-m", "-p", "-n", "-u", "-i", "-C",
             "env", *env, *command], stdin=subprocess.DEVNULL, text=True,
            timeout=timeout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: {done.stdout}")
        return done.stdout

    def path(self, name):
        return f"/proc/{self.init}/root/{name}"

    def show(self, unit, name):
        return self.run("systemctl", "show", "-P", name, unit).strip()

    def expect_state(self, unit, state):
        tap.wait_until(lambda: self.show(unit, "ActiveState") == state,
                       f"{unit} to be {state}")

    def end(self):
        if self.boot.poll() is None:
            self.boot.kill()
            self.boot.wait()
        tap.wait_until(lambda: remove_cgroup(self.cgroup), "an empty cgroup")
        self.log_file.close()

    def evidence(self):
        return self.run("journalctl", "--no-pager", "-n", "40",
                        check=False).splitlines()


def make_cgroup():
    """A new group, in whichever hierarchy of version 2 there is."""
    with open("/proc/self/mounts", encoding="utf-8") as file:
        places = [line.split()[1] for line in file
                  if line.split()[2] == "cgroup2"]
    if not places:
        raise OSError("no cgroup2 is mounted")
    return tempfile.mkdtemp(prefix="mailfrom-test-", dir=places[0])


def remove_cgroup(path):
    try:
        for directory, _, _ in os.walk(path, topdown=False):
            os.rmdir(directory)
    except OSError:
        return False            # its processes are still ending
    return True


def forbidden():
    """Why this host lets nobody start a systemd in namespaces, or None."""
    if os.geteuid() != 0:
        return "needs root"
    try:
        remove_cgroup(make_cgroup())
    except OSError as error:
        return f"needs a writable cgroup2: {error}"
    return None


def refuse(reason):
    """What a chroot forbids is skipped there, even if all tests are wanted."""
    reason = f"systemd in namespaces: {reason}"
    if os.environ.get("MAILFROM_CHROOT") == "1":
        return tap.skip_all(reason)
    return tap.cannot_run(reason)

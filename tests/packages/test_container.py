#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
The container file, built by buildah, and what comes of it, run: as its user, without
capabilities, with a root that can't be written to.

Its base image is a bare Debian 13 of scripts/bare-system, since no registry can be
reached.  The tree that buildah has made is run by unshare and chroot, so that
nothing but root is needed; podman would add nothing that is ours.
"""

import os
import shutil
import subprocess
import sys

import places
import system
import tap

suite = tap.Suite()
case = suite.case
BASE = "docker.io/library/debian:13-slim"
CONFIGURATION = """\
[srs]
secret_file = /etc/mailfrom/secret
fwdomain = srs.fwd.test
[srsd]
listen = inet:10003@0.0.0.0
metrics = inet:9419@127.0.0.1
[spfmilter]
mode = report
listen = inet:10006@0.0.0.0
metrics = inet:9420@127.0.0.1
[log]
to = stderr
"""
# $1: the tree; $2: the directory with mailfrom.conf; $3: user; then a command.
RUN = r"""
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mkdir -p "$1/etc/mailfrom"
mount --bind "$2" "$1/etc/mailfrom"
mount -o remount,bind,ro "$1"
mount -o remount,bind,ro "$1/etc/mailfrom"
ip link set lo up
root=$1 user=$3
shift 3
exec chroot "$root" setpriv --reuid "$user" --regid "$user" --clear-groups \
    --no-new-privs --bounding-set=-all "$@"
"""


class Container:
    """A daemon in the image."""

    def __init__(self, image, daemon, user):
        self.user = user
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork",
             "--kill-child", "--propagation", "private", "sh", "-ec", RUN, "sh",
             image.tree, image.conf, user, "/usr/libexec/mailfrom/run", daemon],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True)

    def run(self, *command):
        """Beside the daemon; (exit status, what it prints)."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children",
                  encoding="ascii") as file:
            first = file.read().split()
        if not first:
            return 1, "nothing runs"
        done = subprocess.run(
            ["nsenter", "-t", first[0], "-m", "-p", "-n", "--root", "--wd",
             "setpriv", "--reuid", self.user, "--regid", self.user,
             "--clear-groups", "--no-new-privs", *command], text=True,
            check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def __enter__(self):
        tap.wait_until(lambda: self.run("/usr/libexec/mailfrom/health")[0] == 0
                       or self.process.poll() is not None, "health", timeout=60)
        if self.process.poll() is not None:
            raise AssertionError(self.process.stdout.read())
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


class Image:
    def __init__(self):
        self.release = system.Release("13")
        self.storage = self.release.path("containers")
        self.conf = self.release.path("conf")
        self.tree = None

    def buildah(self, *words):
        return system.command(
            "buildah", "--root", f"{self.storage}/root", "--runroot",
            f"{self.storage}/run", *words, cwd=places.TOP,
            env={**os.environ, "BUILDAH_ISOLATION": "chroot"})

    def make(self):
        if BASE not in self.buildah("images", "--format", "{{.Name}}:{{.Tag}}"):
            base = self.buildah("from", "scratch").strip()
            self.buildah("add", "--quiet", base, self.release.bare(), "/")
            self.buildah("commit", "--quiet", base, BASE)
            self.buildah("rm", base)
        self.buildah("bud", "--pull-never", "--network", "host", "-f",
                     "etc/container/Containerfile", "-t", "mailfrom", ".")

    def mount(self):
        made = self.buildah("from", "--pull-never", "mailfrom").strip()
        self.tree = self.buildah("mount", made).strip()
        shutil.rmtree(self.conf, ignore_errors=True)
        os.makedirs(self.conf)
        for name, text, mode in (("mailfrom.conf", CONFIGURATION, 0o644),
                                 ("secret", "a secret that is long enough", 0o640)):
            path = os.path.join(self.conf, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(path, mode)
            os.chown(path, 0, 650)


@case("built")
def built(image):
    image.make()
    said = image.buildah("inspect", "--type", "image", "--format",
                         "{{.OCIv1.Config.User}}", "mailfrom").strip()
    tap.equal(said, "mailfrom", "the image's user")


@case("srsd answers, healthy, not root, with a root that it can't write to")
def srsd(image):
    image.mount()
    with Container(image, "srsd", "650") as container:
        status, said = container.run("/usr/libexec/mailfrom/health")
        tap.equal((status, "/healthz: 200" in said), (0, True), said)
        status, said = container.run(
            "srs", "ask", "inet:10003@127.0.0.1", "forward", "bob@sender.test")
        tap.equal((status, said.startswith("SRS0=")), (0, True), said)
        tap.equal(container.run("sh", "-c", "sed -n 's/^Uid:.//p' /proc/1/status")
                  [1].split(), ["650"] * 4, "users of process 1")
        tap.equal(container.run(
            "sh", "-c", "sed -n 's/^Cap[PEB].*:.//p' /proc/1/status")[1].split(),
                  ["0" * 16] * 3, "its capabilities")
        status, said = container.run("sh", "-c", ": >/tmp/x")
        tap.equal("Read-only file system" in said, True, said)


@case("spfmilter is healthy, and can't read the secret")
def spfmilter(image):
    image.mount()
    with Container(image, "spfmilter", "651") as container:
        tap.equal(container.run("cat", "/etc/mailfrom/secret")[0], 1, "cat")


@case("a daemon that doesn't answer isn't healthy")
def ill(image):
    image.mount()
    with Container(image, "srsd", "650") as container:
        first = subprocess.run(
            ["pgrep", "-P", str(container.process.pid)], text=True, check=True,
            stdout=subprocess.PIPE).stdout.split()[0]
        os.kill(int(first), 19)
        status, said = container.run("timeout", "2",
                                     "/usr/libexec/mailfrom/health")
        tap.true(status != 0, f"health: {status} {said}")
        os.kill(int(first), 18)


def main():
    if os.geteuid() != 0:
        return tap.cannot_run("needs root")
    if shutil.which("buildah") is None:
        return tap.cannot_run("needs buildah, of Debian's package")
    return suite.run(Image())


if __name__ == "__main__":
    sys.exit(main())

"""
A private world for mail servers: namespaces, accounts, DNS, syslog.

enter() runs the program again in mount, UTS, net and pid
namespaces of its own.  There every port is free, nothing reaches the real
network, and whatever is left running dies with the test.

The state lives in a tmpfs over a directory that every account can reach,
because the source tree may lie in /root, closed to the users that mail
servers run as; packages and programs are bind-mounted there.
"""

import glob
import os
import re
import shutil
import socket
import subprocess
import sys
import threading

import places
import tap

INSIDE = "MAILFROM_E2E_INSIDE"
UNSHARE = ["unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork",
           "--kill-child", "--mount-proc", "--propagation", "private"]

# The address of every mail server; each domain has one of them as its MX.
FORWARDER = "127.0.0.1"
FORWARDER2 = "127.0.0.2"
OUTSIDE = "127.0.0.10"          # the sink: every domain that isn't ours
CLIENT = "127.0.0.99"           # whom no server trusts
FAR_CLIENT = "192.0.2.99"       # the same, and not a loopback address
NAMESERVER = "127.0.0.53"
DOMAINS = {
    "fwd.test": FORWARDER,
    "fwd2.test": FORWARDER2,
    "sender.test": OUTSIDE, "dest.test": OUTSIDE, "other.test": OUTSIDE,
    "hub.test": OUTSIDE, "routed.test": OUTSIDE,
}
# Domains of which every subdomain exists too; tests add theirs.
WILDCARDS = set()
USERS = ["dora", "local"]

# What else programs want to find in /etc, taken from the host.
BORROWED = ["ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives",
            "localtime"]
PASSWD = """\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
mail:x:8:8:mail:/var/mail:/usr/sbin/nologin
smmta:x:8920:8920::/nonexistent:/usr/sbin/nologin
smmsp:x:8921:8921::/nonexistent:/usr/sbin/nologin
postfix:x:8922:8922::/nonexistent:/usr/sbin/nologin
mailfrom:x:8924:8924::/nonexistent:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
GROUP = """\
root:x:0:
daemon:x:1:
mail:x:8:
smmta:x:8920:
smmsp:x:8921:
postfix:x:8922:
postdrop:x:8923:
mailfrom:x:8924:
users:x:9000:
nogroup:x:65534:
"""


def enter(peers):
    """
    Return the World, inside namespaces of its own.

    peers: names in tests/peers, fetched before the network is gone.
    """
    if os.environ.get(INSIDE) != "1":
        refuse_or_unshare(peers)
    return World()


def refuse_or_unshare(peers):
    reason = missing(peers)
    if reason:
        sys.exit(tap.cannot_run(reason))
    os.environ[INSIDE] = "1"
    # The shell is process 1, which has to wait for what daemons leave behind.
    os.execvp(UNSHARE[0], UNSHARE + [
        "sh", "-c", '"$@" & wait $!', "sh", sys.executable] + sys.argv)


def missing(peers):
    """Why this test can't run here, or None."""
    if os.geteuid() != 0:
        return "needs root: mail servers change their user"
    try:
        subprocess.run(UNSHARE + ["ip", "link", "set", "lo", "up"],
                       check=True, capture_output=True)
    except OSError as error:
        return f"needs unshare (util-linux) and ip (iproute2): {error}"
    except subprocess.CalledProcessError as error:
        said = error.stderr.decode(errors="replace").strip()
        hint = ""
        if "root filesystem propagation" in said:
            hint = "; a chroot must be a mount: mount --bind DIR DIR first"
        return f"needs namespaces: {said}{hint}"
    return places.fetch(*peers)


def libraries(prefix, *private):
    """LD_LIBRARY_PATH of what tests/fetch-peers unpacked at prefix."""
    return ":".join(
        [os.path.join(prefix, name) for name in (*private, "usr/lib")] +
        glob.glob(os.path.join(prefix, "lib/*-linux-*")) +
        glob.glob(os.path.join(prefix, "usr/lib/*-linux-*")))


class World:
    def __init__(self):
        self.stage = mount_stage()
        os.makedirs(places.PEERS, exist_ok=True)    # empty if there are none
        bind(places.PEERS, self.path("peers"))
        self.log = []
        self.populate_etc()
        self.private_dev()
        run("ip", "link", "set", "lo", "up")
        run("ip", "address", "add", f"{FAR_CLIENT}/32", "dev", "lo")
        run("hostname", "mx.fwd.test")
        self.serve_syslog()
        NameServer()

    def path(self, *names):
        return os.path.join(self.stage, *names)

    def make_dir(self, *names, mode=0o755, owner=None, group=None):
        path = self.path(*names)
        os.makedirs(path, exist_ok=True)
        if owner or group:
            shutil.chown(path, owner, group)
        os.chmod(path, mode)
        return path

    def write(self, *names, text="", mode=0o644):
        path = self.path(*names)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def populate_etc(self):
        """
        A whole /etc of our own.  Single files mounted over the host's would
        vanish as soon as somebody there replaces one, as useradd does.
        """
        people = "".join(
            f"{user}:x:{9001 + i}:9000::{self.path('home', user)}:/bin/sh\n"
            for i, user in enumerate(USERS))
        files = {
            "passwd": PASSWD + people,
            "group": GROUP,
            "hosts": "127.0.0.1 localhost\n"
                     f"{FORWARDER} mx.fwd.test\n{FORWARDER2} mx.fwd2.test\n",
            "resolv.conf": f"nameserver {NAMESERVER}\n"
                           "options timeout:1 attempts:2\n",
            "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\n"
                             "hosts: files dns\nservices: files\n"
                             "protocols: files\naliases: files\n",
            "services": "smtp 25/tcp mail\ndomain 53/udp\ndomain 53/tcp\n",
            "protocols": "tcp 6 TCP\nudp 17 UDP\n",
        }
        for name, text in files.items():
            self.write("etc", name, text=text)
        for name in BORROWED:
            if os.path.isdir(f"/etc/{name}"):
                shutil.copytree(f"/etc/{name}", self.path("etc", name),
                                symlinks=True)
            elif os.path.exists(f"/etc/{name}"):
                shutil.copy(f"/etc/{name}", self.path("etc", name))
        run("mount", "--bind", self.path("etc"), "/etc")
        for user in USERS:
            self.make_dir("home", user, owner=user)

    def private_dev(self):
        """A /dev of our own, so that syslog(3) comes to us and not to the host."""
        dev = self.make_dir("dev")
        run("mount", "-t", "tmpfs", "-o", "mode=755,size=64k", "none", dev)
        for name in ("null", "zero", "full", "random", "urandom"):
            self.write("dev", name)
            run("mount", "--bind", f"/dev/{name}", os.path.join(dev, name))
        self.make_dir("dev", "shm", mode=0o1777)
        os.symlink("/proc/self/fd", os.path.join(dev, "fd"))
        run("mount", "--move", dev, "/dev")

    def serve_syslog(self):
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        listener.bind("/dev/log")
        os.chmod("/dev/log", 0o666)

        def collect():
            while True:
                line = listener.recv(65536).decode("utf-8", "replace")
                self.log.append(re.sub(r"^<\d+>", "", line).rstrip("\0\n"))
        threading.Thread(target=collect, daemon=True).start()

    def recent_log(self):
        return ["log:"] + self.log[-40:]


class NameServer:
    """DNS over UDP for DOMAINS: MX mx.DOMAIN, and the address of mx.DOMAIN."""

    A, PTR, MX = 1, 12, 15

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((NAMESERVER, 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            query, client = self.socket.recvfrom(4096)
            self.socket.sendto(self.answer(query), client)

    def answer(self, query):
        labels, end = [], 12
        while query[end]:
            labels.append(query[end + 1:end + 1 + query[end]].decode("latin-1"))
            end += 1 + query[end]
        question = query[12:end + 5]
        kind = int.from_bytes(query[end + 1:end + 3], "big")
        known, data = self.look_up(".".join(labels).lower(), kind)
        header = query[:2] + (b"\x85\x80" if known else b"\x85\x83") + \
            b"\0\1" + (b"\0\1" if data else b"\0\0") + b"\0\0\0\0"
        record = b"" if data is None else \
            b"\xc0\x0c" + kind.to_bytes(2, "big") + b"\0\1\0\0\0\x3c" + \
            len(data).to_bytes(2, "big") + data
        return header + question + record

    def look_up(self, name, kind):
        """(does the name exist, data of its only record of that kind or None)"""
        if any(("." + name).endswith("." + parent) for parent in WILDCARDS):
            address = socket.inet_aton(OUTSIDE)
            return True, address if kind == self.A else None
        if name in DOMAINS:
            mx = b"\0\x0a\2mx\xc0\x0c"          # preference 10, mx.<the question>
            return True, mx if kind == self.MX else None
        if name.startswith("mx.") and name[3:] in DOMAINS:
            address = socket.inet_aton(DOMAINS[name[3:]])
            return True, address if kind == self.A else None
        return False, None


def mount_stage():
    """An empty tmpfs on a directory that holds neither the sources nor BUILD."""
    for place in ("/mnt", "/srv", "/media", "/opt"):
        hidden = [p for p in (places.TOP, places.BUILD, places.PEERS)
                  if (p + "/").startswith(place + "/")]
        if os.path.isdir(place) and not hidden:
            run("mount", "-t", "tmpfs", "-o", "mode=755", "none", place)
            return place
    raise RuntimeError("no directory to mount a tmpfs on")


def bind(source, target):
    os.makedirs(target, exist_ok=True)
    run("mount", "--bind", source, target)


def run(*command, **options):
    return subprocess.run(command, check=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, **options).stdout

"""srsd under test, and servers that answer wrongly in its place."""

import base64
import hashlib
import hmac
import os
import re
import socket
import subprocess
import threading
import time

import tap
import places

PROGRAM = places.program("srsd")
PORT = 10003
TCP_FORWARD, TCP_REVERSE = 10001, 10002

CONFIGURATION = """\
[srs]
secret_file = {secret}
fwdomain = {domain}
own_domains = {own}
{srs}
[srsd]
listen = inet:{port}@127.0.0.1, unix:{unix}
{srsd}
user = mailfrom
socket_mode = 0660
[log]
to = stderr
level = info
"""
TCP_TABLES = f"""\
tcp_table_forward = inet:{TCP_FORWARD}@127.0.0.1
tcp_table_reverse = inet:{TCP_REVERSE}@127.0.0.1
"""


class Srsd:
    """The daemon for one domain; its socketmap is on port and on self.unix."""

    def __init__(self, place, domain, port=PORT, own=None, srs="", srsd="",
                 unix=None):
        self.name = f"srsd-{domain}-{port}"
        self.domain, self.port = domain, port
        self.secret = f"a-secret-of-{domain}-and-of-no-other-domain"
        directory = place.make_dir("run", self.name, owner="mailfrom")
        self.unix = unix or os.path.join(directory, "sock")
        self.log_path = os.path.join(directory, "log")
        secret = place.write("run", self.name, "secret", mode=0o640,
                             text=self.secret + "\n")
        os.chown(secret, 0, 8924)
        self.config = place.write(
            "run", self.name, "mailfrom.conf", text=CONFIGURATION.format(
                secret=secret, domain=domain, port=port, unix=self.unix,
                own=own or f"{domain}, mx.{domain}", srs=srs, srsd=srsd))
        self.process = None

    def start(self):
        with open(self.log_path, "a", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [PROGRAM, "-f", "-c", self.config], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)
        tap.wait_until(self.is_up, f"{self.name} to listen")
        return self

    def is_up(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} exited with "
                                 f"{self.process.returncode}: {self.log_tail()}")
        return listens(self.port)

    def stop(self):
        self.process.terminate()
        status = self.process.wait(timeout=30)
        tap.equal(status, 0, f"exit status of {self.name} at SIGTERM")

    def restart_thrice(self):
        for _ in range(3):
            self.stop()
            self.start()

    def expect_srs0(self, address, sender):
        """
        Fail unless address is the SRS0 form of sender in this domain, by a
        computation of our own: of today, and signed with the secret.
        """
        match = re.fullmatch(
            r'"?SRS0=([^=]+)=([A-Z2-7]{2})=([^=]+)=(.*?)"?@([^@]+)', address)
        if not match:
            raise AssertionError(f"not an SRS0 address: {address!r}")
        digest, stamp, host, user, domain = match.groups()
        local, _, origin = sender.rpartition("@")
        tap.equal((user, host, domain), (local.strip('"'), origin, self.domain),
                  f"user, host and domain of {address}")
        if stamp not in stamps_now():
            raise AssertionError(f"{address} isn't dated today")
        mac = hmac.new(self.secret.encode(),
                       (stamp + host + user).lower().encode(), hashlib.sha1)
        whole = base64.urlsafe_b64encode(mac.digest()).decode()
        digest = digest.replace("+", "-").replace("/", "_")
        tap.equal(digest, whole[:len(digest)], f"hash of {address}")

    def log_tail(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-15:])


def stamps_now():
    """The time stamps of today and, should it be midnight, of yesterday."""
    digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    today = int(time.time()) // 86400
    return [digits[day >> 5 & 31] + digits[day & 31]
            for day in (today, today - 1)]


def listens(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


def netstring(text):
    return b"%d:%s," % (len(text), text)


# What a broken socketmap server may answer, as the bytes on the wire.
FAULTS = {
    "TEMP": netstring(b"TEMP not now"),
    "TIMEOUT": netstring(b"TIMEOUT waited"),
    "PERM": netstring(b"PERM trouble"),
    "NOTFOUND": netstring(b"NOTFOUND "),
    "GARBAGE": b"hello world\r\n",
    "NONSENSE": netstring(b"OK no address in sight"),
    "EMPTY": netstring(b"OK "),
}


class FaultyMap:
    """
    A socketmap server on port with a fault: a key of FAULTS; CLOSE; HANG; LATE,
    which fails only after it has answered the probe well; or WELL, which answers
    as srsd would if there were nothing to rewrite.
    """

    def __init__(self, fault, port=PORT):
        self.fault = fault
        self.open = []
        self.requests = 0
        self.listener = socket.create_server(("127.0.0.1", port), backlog=64)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(client)
            threading.Thread(target=self.talk, args=(client,),
                             daemon=True).start()

    def talk(self, client):
        try:
            for request in iter(lambda: client.recv(4096), b""):
                self.requests += 1
                reply = self.reply(request)
                if reply is None:
                    break
                client.sendall(reply)
        except OSError:
            pass
        client.close()

    def reply(self, request):
        if self.fault == "HANG":
            return b""              # stays connected and says nothing
        if self.fault == "CLOSE":
            return None
        name, key = request.rstrip(b",").split(b":", 1)[1].split(b" ", 1)
        if self.fault == "WELL" or self.fault == "LATE" and name == b"probe":
            return netstring(b"OK " + key.split(b"\x9b")[-1])
        return FAULTS.get(self.fault, FAULTS["TEMP"])

    def stop(self):
        # shutdown() wakes the thread in accept(); close() alone would not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for client in self.open:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


class Outage:
    """Within `with Outage(srsd, fault)`, srsd is gone or replaced; DOWN: gone."""

    def __init__(self, srsd, fault):
        self.srsd, self.fault, self.faulty = srsd, fault, None

    def __enter__(self):
        self.srsd.stop()
        if self.fault != "DOWN":
            self.faulty = FaultyMap(self.fault, self.srsd.port)
        return self.faulty

    def __exit__(self, *_):
        if self.faulty:
            self.faulty.stop()
        self.srsd.start()

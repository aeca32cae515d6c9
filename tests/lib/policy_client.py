# SPDX-License-Identifier: ISC
"""
A client of the policy delegation protocol, as Postfix's smtpd is one.

    with Client(("127.0.0.1", port)) as client:
        client.ask(sender="bob@fail.test", recipient="a@b.test")   # "550 5.7.23 ..."
"""

import itertools
import re
import socket

# What Postfix 3.7 sends at RCPT, in its order.
ATTRIBUTES = {
    "request": "smtpd_access_policy", "protocol_state": "RCPT",
    "protocol_name": "ESMTP", "client_address": "127.0.0.99",
    "client_name": "unknown", "client_port": "51234",
    "reverse_client_name": "unknown", "server_address": "127.0.0.1",
    "server_port": "25", "helo_name": "none.test",
    "sender": "bob@pass.test", "recipient": "local@fwd.test",
    "recipient_count": "0", "queue_id": "", "instance": "", "size": "0",
    "etrn_domain": "", "stress": "", "sasl_method": "", "sasl_username": "",
    "sasl_sender": "", "ccert_subject": "", "ccert_issuer": "",
    "ccert_fingerprint": "", "ccert_pubkey_fingerprint": "",
    "encryption_protocol": "", "encryption_cipher": "",
    "encryption_keysize": "0", "policy_context": "",
    "compatibility_level": "3.6", "mail_version": "3.7.11"}
numbers = itertools.count(1)


def request(**changed):
    """Octets of a request; a message of its own, unless instance is given."""
    values = {**ATTRIBUTES, "instance": f"77.{next(numbers)}.0", **changed}
    return "".join(f"{name}={value}\n" for name, value in values.items()
                   if value is not None).encode() + b"\n"


def port_of(address):
    """("127.0.0.1", 10008) of inet:10008@127.0.0.1."""
    port, host = re.fullmatch(r"inet:(\d+)@(.*)", address).groups()
    return host, int(port)


class Client:
    """address: a pair, or the path of a unix socket."""

    def __init__(self, address, timeout=30):
        kind = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(kind)
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        self.file = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, octets):
        self.socket.sendall(octets)

    def answer(self):
        """The action; None: the connection was closed."""
        line = self.file.readline()
        if not line:
            return None
        end = self.file.readline()
        if not re.fullmatch(rb"action=[^\n]+\n", line) or end != b"\n":
            raise AssertionError(f"no answer: {line!r} {end!r}")
        return line.decode("utf-8", "surrogateescape")[7:-1]

    def ask(self, **changed):
        self.send(request(**changed))
        return self.answer()

    def is_closed(self):
        try:
            return self.file.read(1) == b""
        except ConnectionResetError:
            return True

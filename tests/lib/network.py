# SPDX-License-Identifier: ISC
"""A network of the test's own, where nobody else takes a port."""

import ctypes
import fcntl
import os
import socket
import struct

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def enter():
    """
    Leave the network of the host for one with nothing in it but loopback, for
    this process and what it starts.  False, and all stays as it is, where that
    isn't allowed.  Nothing can be fetched from here on.
    """
    if os.geteuid() != 0:
        return False
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    return True


def free_port(family=socket.AF_INET, host="127.0.0.1"):
    """
    A port that is free by UDP and by TCP.  In the network of the host it may be
    taken at any time: who wants it there tries again.
    """
    while True:
        with socket.socket(family, socket.SOCK_DGRAM) as udp, \
                socket.socket(family, socket.SOCK_STREAM) as tcp:
            udp.bind((host, 0))
            port = udp.getsockname()[1]
            try:
                tcp.bind((host, port))
            except OSError:
                continue
            return port

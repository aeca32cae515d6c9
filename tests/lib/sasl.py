"""Cyrus SASL for mail servers: accounts in a sasldb, and the plugins to read it."""

import os
import subprocess

PACKAGES = ["sasl2-bin", "libsasl2-modules", "libsasl2-modules-db"]
MECHANISMS = ["PLAIN", "LOGIN", "CRAM-MD5"]
DATABASE = "/etc/sasldb2"
SETTINGS = f"""\
pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {DATABASE}
mech_list: {' '.join(MECHANISMS)}
"""


def plugins(place):
    """The value of SASL_PATH, whether the plugins are there or not."""
    return place.path("peers", "sasl", "usr/lib/x86_64-linux-gnu/sasl2")


def add_account(place, user, realm, password):
    """Let user log in with the password; user@realm in another realm."""
    program = place.path("peers", "sasl", "usr/sbin/saslpasswd2")
    subprocess.run(
        [program, "-p", "-c", "-f", DATABASE, "-u", realm, user], check=True,
        input=password, text=True, env={"SASL_PATH": plugins(place)})
    os.chmod(DATABASE, 0o600)

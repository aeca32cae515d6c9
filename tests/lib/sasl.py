"""Cyrus SASL for mail servers: accounts in a sasldb, and the plugins to read it."""

import glob
import os
import subprocess

import world

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
    found = glob.glob(place.path("peers", "sasl", "usr/lib/*-linux-*/sasl2"))
    return found[0] if found else ""


def add_account(place, user, realm, password):
    """Let user log in with the password; user@realm in another realm."""
    prefix = place.path("peers", "sasl")
    subprocess.run(
        [os.path.join(prefix, "usr/sbin/saslpasswd2"), "-p", "-c", "-f",
         DATABASE, "-u", realm, user], check=True, input=password, text=True,
        env={"SASL_PATH": plugins(place),
             "LD_LIBRARY_PATH": world.libraries(prefix)})
    os.chmod(DATABASE, 0o600)

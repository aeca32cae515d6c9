#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Faults around both filters in a real Postfix."""

import glob
import os
import signal
import stat
import sys

import fault_cases
import postfix
import tap

SETTINGS = f"""\
smtpd_milters = inet:127.0.0.1:{fault_cases.SPF_PORT}, \
inet:127.0.0.1:{fault_cases.SRS_PORT}
milter_default_action = tempfail
milter_connect_timeout = 1s
milter_command_timeout = 3s
smtpd_error_sleep_time = 0
smtpd_client_connection_rate_limit = 0
"""


def is_complete(path):
    """Whether the message was accepted: cleanup sets the x bit before it says so."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return False
    return stat.S_ISREG(mode) and bool(mode & stat.S_IXUSR)


class Site(fault_cases.Site):
    def start_mta(self):
        self.mta = postfix.Postfix(
            self.place, "fault-postfix", "fwd.test", SETTINGS,
            virtual=f"@{fault_cases.SRS_DOMAIN} {fault_cases.RCPT}\n").start()

    def kill_mta(self):
        os.killpg(self.mta.process.pid, signal.SIGKILL)
        self.mta.process.wait(timeout=30)

    def revive_mta(self):
        self.mta.start()

    def settled(self):
        queues = "incoming", "active", "deferred"
        tap.wait_until(
            lambda: not any(
                is_complete(path) for queue in queues for path in glob.glob(
                    f"{self.mta.spool}/{queue}/**/*[0-9A-F]", recursive=True)),
            "an empty queue")

    def mailbox(self, token):
        return self.mta.mailbox("local", token)


if __name__ == "__main__":
    sys.exit(fault_cases.main(Site, ["postfix"]))

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Faults around both filters in a real sendmail."""

import contextlib
import os
import signal
import sys

import fault_cases
import nameserver
import sendmail
import tap
import world

MILTERS = "".join(
    f"INPUT_MAIL_FILTER(`{name}', `S=inet:{port}@127.0.0.1, F=T, "
    "T=C:1s;S:3s;R:3s;E:5s')dnl\n" for name, port in (
        ("spfmilter", fault_cases.SPF_PORT), ("srsmilter", fault_cases.SRS_PORT)))


class Site(fault_cases.Site):
    def start_mta(self):
        self.mta = sendmail.Sendmail(
            self.place, "fault-sendmail", "fwd.test", world.FORWARDER,
            "MAILER(`smtp')dnl", features=MILTERS +
            f"VIRTUSER_DOMAIN(`{fault_cases.SRS_DOMAIN}')dnl\n",
            tables={"virtusertable": f"@{fault_cases.SRS_DOMAIN}\tlocal\n"}
        ).start()

    def kill_mta(self):
        for pid in nameserver.process_tree(self.mta.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.mta.process.wait(timeout=30)

    def revive_mta(self):
        self.mta.start()

    def settled(self):
        def is_empty():
            if self.mta.queue():
                self.mta.run_queue()
            return not self.mta.queue()
        tap.wait_until(is_empty, "an empty queue")

    def mailbox(self, token):
        return self.mta.mailbox("local", token)


if __name__ == "__main__":
    sys.exit(fault_cases.main(Site, ["sendmail"]))

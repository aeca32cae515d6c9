#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Faults around srsd behind a real Postfix that rewrites what leaves it."""

import sys

import fault_mtas
import fault_srsd_cases
import postfix

SETTINGS = """\
smtpd_error_sleep_time = 0
smtpd_client_connection_rate_limit = 0
"""


class Site(fault_mtas.Postfix, fault_srsd_cases.Site):
    def start_mta(self):
        self.mta = postfix.Postfix(
            self.place, "fault-srsd", "fwd.test",
            SETTINGS + postfix.settings("cleanup.main.cf", "fwd.test"),
            postfix.settings("cleanup.master.cf", "fwd.test"),
            aliases=fault_srsd_cases.ALIASES).start()


if __name__ == "__main__":
    sys.exit(fault_srsd_cases.main(Site, ["postfix"]))

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Faults around srsd behind a real sendmail with our m4."""

import sys

import fault_mtas
import fault_srsd_cases
import sendmail
import world


class Site(fault_mtas.Sendmail, fault_srsd_cases.Site):
    def start_mta(self):
        self.mta = sendmail.Sendmail(
            self.place, "fault-srsd", "fwd.test", world.FORWARDER,
            sendmail.srs_lines("inet:10003@127.0.0.1"),
            fault_srsd_cases.ALIASES).start()


if __name__ == "__main__":
    sys.exit(fault_srsd_cases.main(Site, ["sendmail"]))

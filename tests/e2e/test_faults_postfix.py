#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Faults around both filters in a real Postfix."""

import sys

import fault_cases
import fault_mtas
import postfix

SETTINGS = f"""\
smtpd_milters = inet:127.0.0.1:{fault_cases.SPF_PORT}, \
inet:127.0.0.1:{fault_cases.SRS_PORT}
milter_default_action = tempfail
milter_connect_timeout = 1s
milter_command_timeout = 3s
smtpd_error_sleep_time = 0
smtpd_client_connection_rate_limit = 0
"""


class Site(fault_mtas.Postfix, fault_cases.Site):
    def start_mta(self):
        self.mta = postfix.Postfix(
            self.place, "fault-postfix", "fwd.test", SETTINGS,
            virtual=f"@{fault_cases.SRS_DOMAIN} {fault_cases.RCPT}\n").start()


if __name__ == "__main__":
    sys.exit(fault_cases.main(Site, ["postfix"]))

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Faults around both filters in a real sendmail."""

import sys

import fault_cases
import fault_mtas
import sendmail
import world

MILTERS = "".join(
    f"INPUT_MAIL_FILTER(`{name}', `S=inet:{port}@127.0.0.1, F=T, "
    "T=C:1s;S:3s;R:3s;E:5s')dnl\n" for name, port in (
        ("spfmilter", fault_cases.SPF_PORT), ("srsmilter", fault_cases.SRS_PORT)))


class Site(fault_mtas.Sendmail, fault_cases.Site):
    def start_mta(self):
        self.mta = sendmail.Sendmail(
            self.place, "fault-sendmail", "fwd.test", world.FORWARDER,
            "MAILER(`smtp')dnl", features=MILTERS +
            f"VIRTUSER_DOMAIN(`{fault_cases.SRS_DOMAIN}')dnl\n",
            tables={"virtusertable": f"@{fault_cases.SRS_DOMAIN}\tlocal\n"}
        ).start()


if __name__ == "__main__":
    sys.exit(fault_cases.main(Site, ["sendmail"]))

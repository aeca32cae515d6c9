#!/usr/bin/env python3
"""Users who log in to a real Postfix, by Cyrus SASL, and both filters there."""

import shutil
import sys

import auth_cases
import exchange
import postfix
import sasl
import tap
import world

PEERS = {"postfix": postfix.PACKAGES, **auth_cases.PEERS}
SETTINGS = """\
smtpd_milters = inet:127.0.0.1:10006, inet:127.0.0.1:10007
milter_default_action = tempfail
smtpd_sasl_auth_enable = yes
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
virtual_alias_domains = virt.fwd.test, sign.test
smtpd_error_sleep_time = 0
smtpd_client_connection_rate_limit = 0
"""


class Site(exchange.Exchange):
    def __init__(self, place):
        super().__init__()
        auth_cases.start_filters(self, place)
        place.write("etc", "postfix", "sasl", "smtpd.conf", text=sasl.SETTINGS)
        self.mta = postfix.Postfix(
            place, "auth-postfix", "fwd.test", SETTINGS,
            virtual=f"@{auth_cases.SRS_DOMAIN} {auth_cases.RCPT}\n"
            f"{auth_cases.SIGNED} {auth_cases.RCPT}\n")
        # smtpd is locked in by the time that it asks for a password.
        database = self.mta.spool + sasl.DATABASE
        shutil.copy(sasl.DATABASE, database)
        shutil.chown(database, "postfix")
        self.mta.start()

    def box(self, token):
        return tap.wait_until(lambda: self.mta.mailbox("local", token),
                              f"{token} in the mailbox")[0]


def main():
    place = world.enter(PEERS)
    site = Site(place)
    return auth_cases.suite.run(
        site, lambda: auth_cases.evidence(site, place))


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Users who log in to a real sendmail, by Cyrus SASL, and both filters there."""

import sys

import auth_cases
import exchange
import sasl
import sendmail
import tap
import world

PEERS = {"sendmail": sendmail.PACKAGES, **auth_cases.PEERS}
MECHANISMS = " ".join(sasl.MECHANISMS)
FEATURES = f"""\
define(`confAUTH_MECHANISMS', `{MECHANISMS}')dnl
TRUST_AUTH_MECH(`{MECHANISMS}')dnl
LOCAL_DOMAIN(`sign.test')dnl
VIRTUSER_DOMAIN(`{auth_cases.SRS_DOMAIN}')dnl
INPUT_MAIL_FILTER(`spfmilter', `S=inet:10006@127.0.0.1, F=T, \
T=C:5s;S:30s;R:30s;E:5m')dnl
INPUT_MAIL_FILTER(`srsmilter', `S=inet:10007@127.0.0.1, F=T, \
T=C:5s;S:30s;R:30s;E:5m')dnl
LOCAL_CONFIG
ESASL_PATH=@plugins@
"""


class Site(exchange.Exchange):
    def __init__(self, place):
        super().__init__()
        auth_cases.start_filters(self, place)
        place.write("etc", "sasl2", "Sendmail.conf", text=sasl.SETTINGS)
        self.mta = sendmail.Sendmail(
            place, "auth-sendmail", "fwd.test", world.FORWARDER,
            "MAILER(`smtp')dnl",
            tables={"virtusertable": f"@{auth_cases.SRS_DOMAIN}\tlocal\n"},
            features=FEATURES.replace("@plugins@", sasl.plugins(place))).start()

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

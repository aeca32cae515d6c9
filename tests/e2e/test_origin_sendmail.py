#!/usr/bin/env python3
"""Who is who to both filters in a real sendmail."""

import socket
import subprocess
import sys

import origin_cases
import exchange
import sasl
import sendmail
import tap
import world

PEERS = ["sendmail", *origin_cases.PEERS]
MECHANISMS = " ".join(sasl.MECHANISMS)
FEATURES = f"""\
define(`confAUTH_MECHANISMS', `{MECHANISMS}')dnl
TRUST_AUTH_MECH(`{MECHANISMS}')dnl
DAEMON_OPTIONS(`Name=Local, Family=local, Addr=@socket@')dnl
LOCAL_DOMAIN(`sign.test')dnl
VIRTUSER_DOMAIN(`{origin_cases.SRS_DOMAIN}')dnl
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
        origin_cases.start_filters(self, place)
        place.write("etc", "sasl2", "Sendmail.conf", text=sasl.SETTINGS)
        self.socket = place.path("run", "sendmail.sock")
        self.mta = sendmail.Sendmail(
            place, "origin-sendmail", "fwd.test", world.FORWARDER,
            "MAILER(`smtp')dnl",
            tables={"virtusertable": f"@{origin_cases.SRS_DOMAIN}\tlocal\n"},
            features=FEATURES.replace("@plugins@", sasl.plugins(place))
            .replace("@socket@", self.socket)).start()
        self.local_ways = {"sendmail -bs": self.by_sendmail_bs,
                           "a unix socket": self.by_unix_socket}

    def by_sendmail_bs(self, sender, recipient, token):
        with subprocess.Popen(
                self.mta.arguments("-bs"), bufsize=0, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, env=self.mta.environment) as program:
            return origin_cases.converse(program.stdout, program.stdin.write,
                                         sender, recipient, token)

    def by_unix_socket(self, sender, recipient, token):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(self.socket)
            return origin_cases.converse(client.makefile("rb"), client.sendall,
                                         sender, recipient, token)

    def box(self, token):
        return tap.wait_until(lambda: self.mta.mailbox("local", token),
                              f"{token} in the mailbox")[0]


def main():
    place = world.enter(PEERS)
    site = Site(place)
    return origin_cases.suite.run(
        site, lambda: origin_cases.evidence(site, place))


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Who is who to both filters in a real Postfix."""

import shutil
import socket
import subprocess
import sys

import origin_cases
import exchange
import postfix
import sasl
import smtp
import tap
import world

PEERS = ["postfix", *origin_cases.PEERS]
SETTINGS = """\
smtpd_milters = inet:127.0.0.1:10006, inet:127.0.0.1:10007
non_smtpd_milters = $smtpd_milters
milter_default_action = tempfail
smtpd_sasl_auth_enable = yes
smtpd_sasl_security_options = noanonymous
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
relay_domains = sign.test
smtpd_authorized_xclient_hosts = 127.0.0.98
qmqpd_authorized_clients = 127.0.0.99
smtpd_error_sleep_time = 0
smtpd_client_connection_rate_limit = 0
"""
# A smtpd on a unix socket, and one for mail that another host has queued.
SERVICES = """\
usmtp unix n - n - - smtpd
127.0.0.1:628 inet n - n - - qmqpd
"""
PROXY = "127.0.0.98"


class Site(exchange.Exchange):
    def __init__(self, place):
        super().__init__()
        origin_cases.start_filters(self, place)
        place.write("etc", "postfix", "sasl", "smtpd.conf", text=sasl.SETTINGS)
        self.mta = postfix.Postfix(
            place, "origin-postfix", "fwd.test", SETTINGS, SERVICES,
            virtual=f"@{origin_cases.SRS_DOMAIN} {origin_cases.RCPT}\n")
        # smtpd is locked in by the time that it asks for a password.
        database = self.mta.spool + sasl.DATABASE
        shutil.copy(sasl.DATABASE, database)
        shutil.chown(database, "postfix")
        self.mta.start()
        self.local_ways = {"sendmail -f": self.by_sendmail,
                           "sendmail -bs": self.by_sendmail_bs,
                           "a unix socket": self.by_unix_socket,
                           "qmqpd": self.by_qmqp}

    def by_sendmail(self, sender, recipient, token):
        return subprocess.run(
            [f"{self.mta.prefix}/usr/sbin/sendmail", "-f", sender, recipient],
            input=f"Subject: x\n\nbody {token}\n", text=True, check=True,
            capture_output=True, env=self.mta.environment).stderr

    def by_sendmail_bs(self, sender, recipient, token):
        with subprocess.Popen(
                [f"{self.mta.prefix}/usr/sbin/sendmail", "-bs"], bufsize=0,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                env=self.mta.environment) as program:
            return origin_cases.converse(program.stdout, program.stdin.write,
                                         sender, recipient, token)

    def by_unix_socket(self, sender, recipient, token):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(f"{self.mta.spool}/public/usmtp")
            return origin_cases.converse(client.makefile("rb"), client.sendall,
                                         sender, recipient, token)

    def by_qmqp(self, sender, recipient, token):
        message = b"".join(map(netstring, (
            f"Subject: x\n\nbody {token}\n", sender, recipient)))
        with socket.create_connection(
                ("127.0.0.1", 628), source_address=(world.CLIENT, 0)) as client:
            client.sendall(netstring(message))
            return client.recv(1000)

    def box(self, token):
        return tap.wait_until(lambda: self.mta.mailbox("local", token),
                              f"{token} in the mailbox")[0]


def netstring(text):
    octets = text if isinstance(text, bytes) else text.encode()
    return b"%d:%s," % (len(octets), octets)


def by_proxy(site, attributes, sender):
    """A message behind XCLIENT; (token, the last reply)."""
    token = site.new_token()
    with smtp.Session(site.host, PROXY) as session:
        code, text = session.command(f"XCLIENT {attributes}")
        if code != 220:
            return token, (code, text)
        session.smtp.ehlo()
        reply = session.send(sender, [origin_cases.RCPT], token)
        return token, reply.data or (reply.rcpt or [reply.mail])[-1]


@origin_cases.case("XCLIENT: the address and the login that the proxy tells")
def xclient(site):
    for number, (attributes, code, user) in enumerate((
            ("ADDR=192.0.2.7 NAME=[UNAVAILABLE]", 550, None),
            ("ADDR=192.0.2.7 NAME=[UNAVAILABLE] LOGIN=dora", 250, "dora"),
            ("ADDR=192.0.2.7 LOGIN=[UNAVAILABLE]", 550, None),
            ("ADDR=127.0.0.1 NAME=localhost PORT=4711", 550, None))):
        sender = f"proxy{number}@fail.test"
        _, reply = by_proxy(site, attributes, sender)
        tap.equal(reply[0], code, f"{attributes}: {reply}")
        for line in origin_cases.lines_of(site, sender):
            tap.equal(line.get("user"), user, attributes)
            tap.equal(line["ip"], attributes.split()[0][5:], attributes)


@origin_cases.case("XCLIENT without an address: refused for now, by libmilter")
def xclient_unknown(site):
    for attributes in ("ADDR=[UNAVAILABLE] NAME=[UNAVAILABLE]",
                       "ADDR=[UNAVAILABLE] NAME=localhost PORT=0"):
        token, reply = by_proxy(site, attributes, "unknown@pass.test")
        tap.equal(reply[0], 451, f"{attributes}: {reply}")
        tap.equal(site.mta.mailbox("local", token), [], "delivered")


def main():
    place = world.enter(PEERS)
    site = Site(place)
    return origin_cases.suite.run(
        site, lambda: origin_cases.evidence(site, place))


if __name__ == "__main__":
    sys.exit(main())

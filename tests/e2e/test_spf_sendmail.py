#!/usr/bin/env python3
"""spfmilter in a real sendmail, with the line of etc/sendmail/spfmilter.mc."""

import os
import re
import subprocess
import sys

import exchange
import places
import sendmail
import spf_cases
import tap
import world
from spf_cases import spfmilter

PEERS = ["sendmail", *spf_cases.PEERS]


def documented_line(socket):
    """The line that the sample tells an administrator to copy."""
    with open(places.source("etc", "sendmail", "spfmilter.mc"),
              encoding="utf-8") as file:
        [line] = re.findall(r"^INPUT_MAIL_FILTER.*$", file.read(), re.M)
    for word in "F=T", "C:5s", "S:30s", "R:30s", "E:5m":
        if word not in line:
            raise AssertionError(f"{word} isn't in {line}")
    return line.replace("/run/mailfrom-spf/spfmilter.sock", socket)


class Site(exchange.Exchange):
    send = exchange.Exchange.submit

    def __init__(self, place):
        super().__init__()
        self.dns = spfmilter.name_server(spf_cases.FAILING)
        self.filter = spfmilter.Spfmilter(
            place.make_dir("run", "spfmilter", owner="mailfrom"), self.dns.name,
            spf_cases.ACCESS, user="mailfrom",
            spfmilter="socket_mode = 0666").start()
        self.mta = sendmail.Sendmail(
            place, "spf-sendmail", "fwd.test", world.FORWARDER, "MAILER(`smtp')dnl",
            aliases="friend: local\n",
            features=documented_line(self.filter.unix)).start()

    def settled(self):
        """Nothing is on its way any more; what is quarantined is named hf."""
        tap.wait_until(lambda: not self.mta.queue(), "an empty queue")

    def delivered(self, token):
        self.settled()
        return self.mta.mailbox("local", token)

    def count_copies(self, tokens):
        return spf_cases.count_copies(
            tokens, f"{self.mta.mail}/local/*.msg")

    def held(self, token):
        self.settled()
        queue = os.path.join(self.mta.run, "mqueue")
        for name in os.listdir(queue):
            if name.startswith("hf"):
                data = os.path.join(queue, "df" + name[2:])
                with open(data, encoding="latin-1") as file:
                    if token in file.read():
                        return True
        return False


@spf_cases.case("access maps by makemap: hash and btree, with and without NUL")
def makemap(site):
    for kind in "hash", "btree":
        for options in [], ["-N"]:
            path = os.path.join(site.mta.etc, f"spf-{kind}{''.join(options)}")

            def make(text):
                subprocess.run(
                    [site.mta.program("makemap"), "-C", "/dev/null", *options,
                     kind, path], input=text, text=True, check=True,
                    env=site.mta.environment)
                # Mode 0640 and root's: the group is the filter's here.
                os.chown(f"{path}.db", 0, 8924)
            spf_cases.try_map(site, f"{kind}:{path}", make)


def main():
    place = world.enter(PEERS)
    site = Site(place)
    return spf_cases.suite.run(site, lambda: place.recent_log() + [
        "spfmilter:", site.filter.log_tail()])


if __name__ == "__main__":
    sys.exit(main())

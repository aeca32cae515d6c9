#!/usr/bin/env python3
"""spfmilter with dkim = verify in a real sendmail, between two other filters."""

import sys

import exchange
import milter_filters
import sendmail
import signed_cases
import spf_cases
import tap
import world
from signed_cases import spfmilter

PEERS = ["sendmail", *signed_cases.PEERS]
PORTS = {"before": 10021, "spfmilter": 10006, "behind": 10022}


class Site(exchange.Exchange):
    def __init__(self, place):
        super().__init__()
        self.dns = signed_cases.name_server()
        self.filter = spfmilter.Spfmilter(
            place.make_dir("run", "spfmilter", owner="mailfrom"), self.dns.name,
            signed_cases.ACCESS, spfmilter=signed_cases.SETTINGS, user="mailfrom",
            listen=f"inet:{PORTS['spfmilter']}@127.0.0.1").start()
        self.others = [milter_filters.Filter(
            place.path("run", name),
            [f"eom:insheader=0|X-{name}|added on top", "eom:addheader=X-Last|below"],
            address=f"inet:{PORTS[name]}@127.0.0.1")
            for name in ("before", "behind")]
        self.mta = sendmail.Sendmail(
            place, "signed-sendmail", "fwd.test", world.FORWARDER,
            "MAILER(`smtp')dnl", features="".join(
                f"INPUT_MAIL_FILTER(`{name}', `S=inet:{port}@127.0.0.1, F=T, "
                "T=C:5s;S:30s;R:30s;E:5m')dnl\n" for name, port in PORTS.items())
        ).start()

    def settled(self):
        tap.wait_until(lambda: not self.mta.queue(), "an empty queue")

    def delivered(self, token):
        self.settled()
        return self.mta.mailbox("local", token)

    def count_copies(self, tokens):
        return spf_cases.count_copies(tokens, f"{self.mta.mail}/local/*.msg")


def main():
    place = world.enter(PEERS)
    site = Site(place)
    return signed_cases.suite.run(site, lambda: place.recent_log() + [
        "spfmilter:", site.filter.log_tail()])


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""spfmilter with dkim = verify in a real Postfix, between two other filters."""

import glob
import sys

import exchange
import milter_filters
import postfix
import signed_cases
import spf_cases
import tap
import world
from signed_cases import spfmilter

PEERS = ["postfix", *signed_cases.PEERS]
SETTINGS = "smtpd_milters = inet:127.0.0.1:10021, { inet:127.0.0.1:10006, " \
    "protocol=6, default_action=tempfail, command_timeout=30s }, " \
    "inet:127.0.0.1:10022\n" \
    "smtpd_client_connection_rate_limit = 0\n" \
    "smtpd_delay_reject = yes\nsmtpd_error_sleep_time = 0\n" \
    "smtpd_soft_error_limit = 1000\nsmtpd_hard_error_limit = 1000\n"


class Site(exchange.Exchange):
    def __init__(self, place):
        super().__init__()
        self.dns = signed_cases.name_server()
        self.filter = spfmilter.Spfmilter(
            place.make_dir("run", "spfmilter", owner="mailfrom"), self.dns.name,
            signed_cases.ACCESS, spfmilter=signed_cases.SETTINGS, user="mailfrom",
            listen="inet:10006@127.0.0.1").start()
        self.others = [milter_filters.Filter(
            place.path("run", name),
            [f"eom:insheader=0|X-{name}|added on top", "eom:addheader=X-Last|below"],
            address=f"inet:{port}@127.0.0.1")
            for name, port in (("before", 10021), ("behind", 10022))]
        self.mta = postfix.Postfix(
            place, "signed-postfix", "fwd.test", SETTINGS,
            aliases="postmaster: local\n").start()

    def settled(self):
        queues = ("maildrop", "incoming", "active", "deferred")
        tap.wait_until(
            lambda: not any(glob.glob(f"{self.mta.spool}/{queue}/**/*[0-9A-F]",
                                      recursive=True) for queue in queues),
            "an empty queue")

    def delivered(self, token):
        self.settled()
        return self.mta.mailbox("local", token)

    def count_copies(self, tokens):
        return spf_cases.count_copies(tokens, f"{self.mta.mail}/local/new/*")


def main():
    place = world.enter(PEERS)
    site = Site(place)
    return signed_cases.suite.run(site, lambda: place.recent_log() + [
        "spfmilter:", site.filter.log_tail()])


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""RRS addresses in a real Postfix."""

import re
import sys

import exchange
import postfix
import rrs_cases
import tap
import world

PEERS = ["postfix", *rrs_cases.PEERS]
BASE = f"""\
mydestination = {rrs_cases.DOMAIN}, mx.{rrs_cases.DOMAIN}, localhost
virtual_alias_domains = {rrs_cases.CATCH_ALL}
smtpd_milters = {{ {rrs_cases.SPFMILTER_LINE}, protocol=6,
	default_action=tempfail, command_timeout=30s }}
local_recipient_maps =
luser_relay = $user@luser.dest.test
recipient_delimiter = +
allow_untrusted_routing = yes
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 100000
smtpd_hard_error_limit = 100000
smtpd_junk_command_limit = 100000
smtpd_client_connection_rate_limit = 0
"""
REWRITE = {"postfix-milter": "remote_domain", "postfix-cleanup": "none"}

suite = tap.Suite()
world.WILDCARDS.update(["pass.test", "fail.test", "dest.test"])
rrs_cases.add_cases(suite, "postfix-milter")
rrs_cases.add_cases(suite, "postfix-cleanup", [
    rrs_cases.passes, rrs_cases.mailbox, rrs_cases.others, rrs_cases.several,
    rrs_cases.bounces])


class Site(exchange.Exchange):
    few = 1

    def __init__(self, place):
        super().__init__()
        self.place, self.mta, self.form = place, None, None
        rrs_cases.start_daemons(self, place)

    def use(self, form):
        if form == self.form:
            return
        if self.mta:
            self.mta.stop()
        rrs_cases.configure(self, REWRITE[form])
        self.filter.stop()
        self.filter.start()
        virtual = f"@{rrs_cases.CATCH_ALL} @virt.dest.test\n"
        before = postfix.Postfix(self.place, "before", rrs_cases.DOMAIN, BASE,
                                 virtual=virtual)
        lines = [before.setup(form, self.srs.config, option)
                 for option in ("--main", "--master")]
        for one in lines:
            tap.equal(one.returncode, 0, one.stderr)
        self.mta = postfix.Postfix(
            self.place, f"rrs-{form}", rrs_cases.DOMAIN, BASE + lines[0].stdout,
            lines[1].stdout, virtual=virtual).start()
        self.form = form

    @staticmethod
    def suffix(form):
        return b"" if form.isascii() else b" SMTPUTF8"

    def patient(self):
        tap.wait_until(self.mta.idle, "an empty queue", 120)

    def mailbox_sender(self, user, token):
        tap.wait_until(lambda: self.mta.mailbox(user, token),
                       f"{token} in the mailbox of {user}")
        text, = self.mta.mailbox(user, token)
        return re.search(r"^Return-Path: <(.*)>$", text, re.M).group(1)


def main():
    place = world.enter(PEERS)
    site = Site(place)
    return suite.run(site, lambda: place.recent_log() + rrs_cases.evidence(site))


if __name__ == "__main__":
    sys.exit(main())

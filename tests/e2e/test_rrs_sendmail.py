#!/usr/bin/env python3
"""RRS addresses in a real sendmail, beside the ruleset and with the filter alone."""

import re
import sys

import exchange
import places
import rrs_cases
import sendmail
import tap
import world

PEERS = ["sendmail", *rrs_cases.PEERS]
FEATURES = f"""\
VIRTUSER_DOMAIN(`{rrs_cases.CATCH_ALL}')dnl
INPUT_MAIL_FILTER(`spfmilter', `S=inet:10006@127.0.0.1, F=T, \
T=C:5s;S:30s;R:30s;E:5m')dnl
"""
TABLES = {"virtusertable": f"@{rrs_cases.CATCH_ALL}\t%1@virt.dest.test\n"}

suite = tap.Suite()
world.WILDCARDS.update(["pass.test", "fail.test", "dest.test"])
rrs_cases.add_cases(suite, "sendmail")
# Filters are called before virtusertable: what goes on keeps its sender.
rrs_cases.add_cases(suite, "sendmail-milter", [
    rrs_cases.mailbox, rrs_cases.others, rrs_cases.several])


class Site(exchange.Exchange):
    few = 2         # forms in a check are so many times fewer

    def __init__(self, place):
        super().__init__()
        self.place, self.mta, self.form = place, None, None
        rrs_cases.start_daemons(self, place)

    def setup(self, form, option):
        done = places.run(places.program("mailfrom"), "setup", form, "-c",
                          self.srs.config, option, "--bare")
        tap.equal(done.returncode, 0, done.stderr)
        return done.stdout

    def use(self, form):
        if form == self.form:
            return
        if self.mta:
            self.mta.stop()
        self.form = form
        tables = TABLES
        if form == "sendmail-milter":
            rrs_cases.configure(self, "remote_mailer", "srs.fwd.test")
            self.filter.stop()
            self.filter.start()
            tables = {"virtusertable": TABLES["virtusertable"] +
                      self.setup(form, "--virtusertable")}
        lines = self.setup(form, "--mc").replace(
            "/etc/mail/mailfrom-srs.m4", sendmail.OUR_M4)
        self.mta = sendmail.Sendmail(
            self.place, f"rrs-{form}", rrs_cases.DOMAIN, world.FORWARDER, lines,
            aliases=self.setup(form, "--aliases"), tables=tables,
            features=FEATURES + ("MAILER(`smtp')dnl\n" if "milter" in form else "")
        ).start()

    @staticmethod
    def suffix(_):
        return b""

    def patient(self):
        """Interactive: whatever was taken has been tried."""

    def mailbox_sender(self, user, token):
        tap.wait_until(lambda: self.mta.mailbox(user, token),
                       f"{token} in the mailbox of {user}")
        text, = self.mta.mailbox(user, token)
        return re.search(r"^Envelope-From: <?([^>\n]*)", text, re.M).group(1)


def main():
    place = world.enter(PEERS)
    site = Site(place)
    return suite.run(site, lambda: place.recent_log() + rrs_cases.evidence(site))


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""
What becomes of the sender in each situation of deployments.tsv, in a real sendmail
with the lines that `srs setup` prints: the ruleset, and srsmilter alone.
"""

import os
import re
import sys

import deployments
import exchange
import sendmail
import srsd
import tap
import world

sys.path.append(os.path.join(world.SOURCE, "tests", "milter"))
import srsmilter                                        # noqa: E402

PEERS = {"sendmail": sendmail.PACKAGES}
DOMAIN, SRS_DOMAIN = "fwd.test", "srs.fwd.test"
SES_DOMAIN = deployments.SES_DOMAIN
SENDER = exchange.SENDER
MILTER = world.FORWARDER2       # where the sendmail with the milter is
SRS = f"ses = {SES_DOMAIN}\nnosrs = {deployments.NOSRS}"
SRSMILTER = f"""
[srsmilter]
listen = inet:10007@127.0.0.1
rewrite = remote_mailer
internal_connect = {deployments.INTERNAL}
user = mailfrom
"""
RELAY = f"RELAY_DOMAIN(`{deployments.RELAYED}')dnl\n"

suite = tap.Suite()
case = suite.case
world.DOMAINS.update({SRS_DOMAIN: MILTER, SES_DOMAIN: MILTER})


class Site(exchange.Exchange):
    """A sendmail on host; its SRS addresses are those of srs."""

    def __init__(self, sites, host, srs):
        super().__init__(sites)
        self.place, self.host, self.srs = sites.place, host, srs
        self.mta, self.sequence = None, 0

    def next_sequence(self):
        self.sequence += 1
        return self.sequence

    def start(self, name, srs="", features="", aliases="", virtusers=""):
        virtusers += "".join(f"{alias}\t{target}\n" for alias, target
                             in deployments.VIRTUAL.items())
        members = self.place.path("run", "members")
        self.mta = sendmail.Sendmail(
            self.place, name, DOMAIN, self.host, srs,
            deployments.ALIASES.format(members=members) + aliases,
            {"virtusertable": virtusers, "mailertable":
             f"{deployments.RELAYED}\tesmtp:[{world.OUTSIDE}]\n"},
            RELAY + features).start()
        return self

    def mailbox(self, user, token):
        return self.mta.mailbox(user, token)

    def mailbox_sender(self, user, token):
        tap.wait_until(lambda: self.mailbox(user, token),
                       f"{token} in the mailbox of {user}")
        text, = self.mailbox(user, token)
        sender = re.search(r"^Envelope-From: <?([^>\n]*)", text, re.M).group(1)
        return "" if sender == "MAILER-DAEMON" else sender

    def settled(self):
        def all_gone():
            self.mta.run_queue()
            return not self.mta.queue()
        tap.wait_until(all_gone, "the queue to drain", timeout=60)


class Sites(exchange.Exchange):
    """The one with the ruleset and srsd, and the one with srsmilter."""

    def __init__(self, place):
        super().__init__()
        self.place = place
        place.write("home", "dora", ".forward", text="dora@dest.test\n")
        place.write("run", "members", text=deployments.MEMBERS)
        self.srsd = srsd.Srsd(place, DOMAIN, own=DOMAIN, srs=SRS).start()
        self.ruleset = Site(self, world.FORWARDER, self.srsd)
        self.start_ruleset()
        # Only its configuration is used: srsd isn't started.
        unused = srsd.Srsd(place, SRS_DOMAIN, own=f"{DOMAIN}, mx.{DOMAIN}",
                           srs=SRS)
        with open(unused.config, "a", encoding="utf-8") as file:
            file.write(SRSMILTER)
        self.filter = srsmilter.Srsmilter(
            place.make_dir("run", "srsmilter", owner="mailfrom"),
            config=unused.config).start()
        self.milter = Site(self, MILTER, unused)
        self.start_milter("milter")

    def start_ruleset(self):
        parts = deployments.printed_settings("sendmail", self.srsd.config)
        # In the place that it has in the lines of sendmail.mc.
        self.place.write("etc/mail/mailfrom-srs.m4",
                         text=parts["/etc/mail/mailfrom-srs.m4"])
        self.ruleset.start("ruleset", parts["/etc/mail/sendmail.mc"],
                           f"LOCAL_DOMAIN(`{SES_DOMAIN}')dnl")

    def start_milter(self, name, site=None, **options):
        """Another sendmail with srsmilter, or that of the situations."""
        parts = deployments.printed_settings("sendmail-milter",
                                             self.filter.config)
        settings = {
            "srs": "MAILER(`smtp')dnl",
            "features": parts["/etc/mail/sendmail.mc"] +
            f"VIRTUSER_DOMAIN(`{SES_DOMAIN}')dnl\n",
            "aliases": parts["/etc/mail/aliases"],
            # ses.fwd.test has users as well.
            "virtusers": parts["/etc/mail/virtusertable"] +
            f"local@{SES_DOMAIN}\tlocal\n@{SES_DOMAIN}\tsrs-bounce\n"}
        return (site or self.milter).start(name, **{**settings, **options})


deployments.add_cases(case, "sendmail", lambda sites: sites.ruleset)
deployments.add_cases(case, "sendmail-milter", lambda sites: sites.milter)


def main():
    place = world.enter(PEERS)
    sites = Sites(place)
    return suite.run(sites, lambda: place.recent_log() + [
        "srsd:", sites.srsd.log_tail(), "srsmilter:", sites.filter.log_tail()])


if __name__ == "__main__":
    sys.exit(main())

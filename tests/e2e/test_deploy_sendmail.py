#!/usr/bin/env python3
"""
What becomes of the sender in each situation of deployments.tsv, in a real sendmail
with the lines that `srs setup` prints: the ruleset, and srsmilter alone.
"""

import concurrent.futures
import re
import sys

import deployments
import exchange
import sendmail
import srsd
import tap
import world

import srsmilter

PEERS = ["sendmail"]
DOMAIN, SRS_DOMAIN = "fwd.test", "srs.fwd.test"
SES_DOMAIN = deployments.SES_DOMAIN
SENDER = exchange.SENDER
MILTER = world.FORWARDER2       # where the sendmail with the milter is
WITHOUT, SOAKED = "127.0.0.3", "127.0.0.4"
QUEUE_RUNS = 8
BACKGROUND = "define(`confDELIVERY_MODE', `background')dnl\n"
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

    soak_rcpts = ["both@fwd.test", deployments.FORWARDED]
    soak_copies = ["both@dest.test", "vera@dest.test"]
    soak_mailbox = True

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
        return self.sender_of(text)

    @staticmethod
    def sender_of(text):
        """The envelope sender of a message in a mailbox."""
        sender = re.search(r"^Envelope-From: <?([^>\n]*)", text, re.M).group(1)
        return "" if sender == "MAILER-DAEMON" else sender

    def restart_mta(self):
        """Its children go on until their sessions and deliveries are done."""
        self.mta.stop()
        self.mta.start()

    def settled(self):
        """What couldn't go at once goes in turn, from several runs at a time."""
        def all_gone():
            with concurrent.futures.ThreadPoolExecutor() as pool:
                for _ in range(QUEUE_RUNS):
                    pool.submit(self.mta.run_queue, "-OQueueSortOrder=random")
            return not self.mta.queue()
        tap.wait_until(all_gone, "the queue to drain", timeout=600)


class Sites(exchange.Exchange):
    """The one with the ruleset and srsd, and the one with srsmilter."""

    def __init__(self, place):
        super().__init__()
        self.place = place
        place.write("home", "dora", ".forward", text="dora@dest.test\n")
        place.write("run", "members", text=deployments.MEMBERS)
        self.srsd = srsd.Srsd(place, DOMAIN, own=DOMAIN, srs=SRS).start()
        self.ruleset = Site(self, world.FORWARDER, self.srsd)
        self.start_ruleset("ruleset", self.ruleset)
        # Only its configuration is used: srsd isn't started.
        unused = srsd.Srsd(place, SRS_DOMAIN, own=f"{DOMAIN}, mx.{DOMAIN}",
                           srs=SRS)
        with open(unused.config, "a", encoding="utf-8") as file:
            file.write(SRSMILTER)
        self.filter = srsmilter.Srsmilter(
            place.make_dir("run", "srsmilter", owner="mailfrom"),
            config=unused.config).start()
        self.milter = Site(self, MILTER, unused)
        self.start_milter("milter", self.milter)

    def restart_filter(self):
        self.filter.stop()
        self.filter.start()

    def kill_filter(self):
        self.filter.kill()
        self.filter.start()

    def start_ruleset(self, name, site, extra=""):
        parts = deployments.printed_settings("sendmail", self.srsd.config)
        # In the place that it has in the lines of sendmail.mc.
        self.place.write("etc/mail/mailfrom-srs.m4",
                         text=parts["/etc/mail/mailfrom-srs.m4"])
        site.start(name, parts["/etc/mail/sendmail.mc"],
                   f"LOCAL_DOMAIN(`{SES_DOMAIN}')dnl\n{extra}")

    def start_milter(self, name, site, extra=""):
        parts = deployments.printed_settings("sendmail-milter",
                                             self.filter.config)
        # ses.fwd.test has users as well.
        site.start(name, "MAILER(`smtp')dnl", parts["/etc/mail/sendmail.mc"] +
                   f"VIRTUSER_DOMAIN(`{SES_DOMAIN}')dnl\n{extra}",
                   parts["/etc/mail/aliases"],
                   parts["/etc/mail/virtusertable"] +
                   f"local@{SES_DOMAIN}\tlocal\n@{SES_DOMAIN}\tsrs-bounce\n")


deployments.add_cases(case, "sendmail", lambda sites: sites.ruleset)
deployments.add_cases(case, "sendmail-milter", lambda sites: sites.milter)


# --- what the lines are there for -------------------------------------------

@case("sendmail, sendmail-milter: without the lines for it, SRS addresses are "
      "unknown users")
def without_lines(sites):
    site = Site(sites, WITHOUT, sites.srsd)
    filter_line = re.search(
        r"^INPUT_MAIL_FILTER.*\n", deployments.printed_settings(
            "sendmail-milter", sites.filter.config)["/etc/mail/sendmail.mc"], re.M)
    site.start("without", "MAILER(`smtp')dnl", filter_line[0])
    try:
        address = deployments.srs0_of(site, SENDER)
        tap.equal(deployments.unknown_user(site, address), "550 5.1.1")
        address = deployments.srs0_of(sites.milter, SENDER)
        tap.equal(deployments.unknown_user(site, address), "550 5.7.1",
                  "the reply for a domain that isn't known at all")
    finally:
        site.mta.stop()


@case("sendmail-milter: senders of a domain with ses: signed")
def signed(sites):
    deployments.own_signed(sites.milter)


@case("sendmail-milter: a forged address is refused, however it is written")
def forged_to_milter(sites):
    deployments.forged_spellings(sites.milter)


@case("sendmail: a forged address is refused, however it is written")
def forged_to_ruleset(sites):
    deployments.forged_spellings(sites.ruleset)


@case("sendmail-milter: filter down: nothing is taken in, and so nothing unrewritten")
def filter_down(sites):
    site = sites.milter
    bounce_to = deployments.srs0_of(site, SENDER)
    for down in sites.filter.stop, sites.filter.kill:
        down()
        try:
            for sender, rcpt in (SENDER, deployments.FORWARDED), ("", bounce_to):
                token, reply = site.submit(sender, rcpt)
                last = (reply.rcpt or [reply.mail])[-1]
                tap.equal(last[0] in (421, 451), True, f"the reply {last}")
        finally:
            sites.filter.start()
        site.settled()
        tap.equal(site.sink.with_token(token), [], "in the sink")
    tap.equal(deployments.forwarded(site, SENDER), "SRS0")


@case("soak: sendmail-milter: filter killed and restarted, sendmail restarted: all "
      "arrive once, and are reversible")
def soak_milter(sites):
    site = Site(sites, SOAKED, sites.milter.srs)
    # A message for a mailbox as well would have the SRS sender there.
    site.soak_rcpts = [deployments.FORWARDED]
    site.soak_copies, site.soak_mailbox = ["vera@dest.test"], False
    sites.start_milter("soak-milter", site, extra=BACKGROUND)
    try:
        deployments.soak(site, [sites.kill_filter, site.restart_mta,
                                sites.restart_filter, site.restart_mta,
                                sites.kill_filter])
    finally:
        site.mta.stop()


@case("soak: sendmail: srsd and sendmail restarted: all arrive once, and are "
      "reversible")
def soak_ruleset(sites):
    site = Site(sites, SOAKED, sites.srsd)
    sites.start_ruleset("soak-ruleset", site, extra=BACKGROUND)
    try:
        deployments.soak(site, [sites.srsd.restart_thrice, site.restart_mta,
                                sites.srsd.restart_thrice, site.restart_mta])
    finally:
        site.mta.stop()


def main():
    place = world.enter(PEERS)
    sites = Sites(place)
    return suite.run(sites, lambda: place.recent_log() + [
        "srsd:", sites.srsd.log_tail(), "srsmilter:", sites.filter.log_tail()])


if __name__ == "__main__":
    sys.exit(main())

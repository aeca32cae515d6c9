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
SETTINGS = os.path.join(world.SOURCE, "etc", "sendmail", "srsmilter.mc")
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


def documented(pattern):
    """What the comments of srsmilter.mc show, for the domain of the tests."""
    with open(SETTINGS, encoding="utf-8") as file:
        text = file.read().replace("fwd.example", DOMAIN)
    found = re.findall(pattern, text, re.M)
    if len(found) != 1:
        raise AssertionError(f"{SETTINGS}: {pattern}: {found}")
    return found[0] + "\n"


class Site(exchange.Exchange):
    """A sendmail on host; its SRS addresses are those of srs."""

    def __init__(self, sites, host, srs):
        self.sink, self.numbers = sites.sink, sites.numbers
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
        self.ruleset = Site(self, world.FORWARDER, self.srsd).start(
            "ruleset", sendmail.srs_lines("inet:10003@127.0.0.1"),
            f"LOCAL_DOMAIN(`{SES_DOMAIN}')dnl")
        # Only its configuration is used: srsd isn't started.
        unused = srsd.Srsd(place, SRS_DOMAIN, own=f"{DOMAIN}, mx.{DOMAIN}",
                           srs=SRS)
        with open(unused.config, "a", encoding="utf-8") as file:
            file.write(SRSMILTER)
        self.filter = srsmilter.Srsmilter(
            place.make_dir("run", "srsmilter", owner="mailfrom"),
            config=unused.config).start()
        self.milter = Site(self, MILTER, unused)
        self.milter.start("milter", **milter_settings(), **BOUNCES)


def milter_lines():
    """The lines that srsmilter.mc has for sendmail.mc."""
    with open(SETTINGS, encoding="utf-8") as file:
        text = file.read().replace("fwd.example", DOMAIN)
    return "".join(line + "\n" for line in text.splitlines()
                   if not line.startswith("dnl"))


def milter_settings():
    return {"features": milter_lines() +
            f"VIRTUSER_DOMAIN(`{SES_DOMAIN}')dnl\n", "srs": "MAILER(`smtp')dnl"}


# What makes addresses with signatures exist; ses.fwd.test has users as well.
BOUNCES = {
    "virtusers": documented(r"^dnl\t(@srs.*)$") +
    f"local@{SES_DOMAIN}\tlocal\n@{SES_DOMAIN}\tsrs-bounce\n",
    "aliases": documented(r"^dnl\t(srs-bounce:.*)$")}

deployments.add_cases(case, "sendmail", lambda sites: sites.ruleset)
deployments.add_cases(case, "sendmail-milter", lambda sites: sites.milter)


def main():
    place = world.enter(PEERS)
    sites = Sites(place)
    return suite.run(sites, lambda: place.recent_log() + [
        "srsd:", sites.srsd.log_tail(), "srsmilter:", sites.filter.log_tail()])


if __name__ == "__main__":
    sys.exit(main())

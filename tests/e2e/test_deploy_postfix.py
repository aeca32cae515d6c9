#!/usr/bin/env python3
"""
What becomes of the sender in each situation of deployments.tsv, in a real Postfix
with the settings that `srs setup` prints; and what each setting is there for.
"""

import os
import re
import sys

import deployments
import exchange
import postfix
import srsd
import tap
import world

sys.path.append(os.path.join(world.SOURCE, "tests", "milter"))
import srsmilter                                        # noqa: E402

PEERS = {"postfix": postfix.PACKAGES}
DOMAIN = "fwd.test"
SENDER = exchange.SENDER
FORMS = ["postfix-milter", "postfix-cleanup", "postfix-simple"]
# What an administrator has there before: other domains and the tables.
BASE = f"""\
mydestination = {DOMAIN}, mx.{DOMAIN}, {deployments.SES_DOMAIN}, localhost
relay_domains = {deployments.RELAYED}
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_client_connection_rate_limit = 0
"""
SRSMILTER = f"""
[srsmilter]
listen = inet:10007@127.0.0.1
rewrite = remote_domain
local_domains = {DOMAIN}, {deployments.SES_DOMAIN}, {deployments.RELAYED}
user = mailfrom
"""

suite = tap.Suite()
case = suite.case


class Site(exchange.Exchange):
    soak_rcpts = ["both@fwd.test", deployments.FORWARDED]
    soak_copies = ["both@dest.test", "vera@dest.test"]

    def __init__(self, place):
        super().__init__()
        self.place, self.mta, self.form, self.sequence = place, None, None, 0
        place.write("home", "dora", ".forward", text="dora@dest.test\n")
        members = place.write("run", "members", text=deployments.MEMBERS)
        self.aliases = "postmaster: root\n" + deployments.ALIASES.format(members=members)
        self.virtual = "".join(f"{alias} {target}\n" for alias, target
                               in deployments.VIRTUAL.items())
        self.srs = srsd.Srsd(
            place, DOMAIN, own=DOMAIN,
            srs=f"ses = {deployments.SES_DOMAIN}\nnosrs = {deployments.NOSRS}")
        with open(self.srs.config, "a", encoding="utf-8") as file:
            file.write(SRSMILTER)
        self.srs.start()
        self.filter = srsmilter.Srsmilter(
            place.make_dir("run", "srsmilter", owner="mailfrom"),
            config=self.srs.config).start()

    def next_sequence(self):
        self.sequence += 1
        return self.sequence

    def settings(self, form):
        """(main.cf, master.cf)"""
        parts = deployments.printed_settings(form, self.srs.config)
        return parts["/etc/postfix/main.cf"], parts.get(
            "/etc/postfix/master.cf", "")

    def use(self, name, main_cf=None, master_cf=None):
        """Have a form running, or one of its settings changed; no other."""
        if name == self.form:
            return self
        if self.mta:
            self.mta.stop()
        self.form = name
        if main_cf is None:
            main_cf, master_cf = self.settings(name)
        self.mta = postfix.Postfix(
            self.place, f"deployed-{name}", DOMAIN, BASE + main_cf, master_cf,
            aliases=self.aliases, virtual=self.virtual).start()
        return self

    def mailbox(self, user, token):
        return self.mta.mailbox(user, token)

    def mailbox_sender(self, user, token):
        tap.wait_until(lambda: self.mailbox(user, token),
                       f"{token} in the mailbox of {user}")
        text, = self.mailbox(user, token)
        return re.search(r"^Return-Path: <(.*)>$", text, re.M).group(1)

    def settled(self):
        def try_again():
            self.mta.flush()
            return self.mta.idle()
        tap.wait_until(try_again, "the queue to drain", timeout=60)


for each_form in FORMS:
    deployments.add_cases(case, each_form,
                          lambda site, form=each_form: site.use(form))


def main():
    place = world.enter(PEERS)
    site = Site(place)
    return suite.run(site, lambda: place.recent_log() + [
        "srsd:", site.srs.log_tail(), "srsmilter:", site.filter.log_tail()])


if __name__ == "__main__":
    sys.exit(main())

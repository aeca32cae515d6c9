#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
`mailfrom setup` beside what a Postfix site has: real mail through the merged
lines goes where the site would have sent it, with the right sender; and --undo
restores the site.
"""

import os
import socket
import sys

import deployments
import exchange
import places
import postfix
import smtp
import tap
import world
from postfix_site import BASE, DOMAIN, Site

PEERS = ["postfix"]
SENDER = exchange.SENDER
FORMS = ["postfix-milter", "postfix-cleanup"]
RELAY, RELAY2 = ("127.0.0.11", 2525), ("127.0.0.12", 2525)
VIA, VIA2 = (f"smtp:[{host}]:{port}" for host, port in (RELAY, RELAY2))

suite = tap.Suite()
case = suite.case


class Merged(Site):
    def __init__(self, place):
        super().__init__(place)
        self.virtual += "other@fwd.test other@other.test\n"
        self.relay, self.relay2 = smtp.Sink(RELAY), smtp.Sink(RELAY2)

    def use_site(self, form, name, more, master_cf="", status=0):
        """Have the form running in a site with more in main.cf."""
        if self.mta and self.mta.process.poll() is None:
            self.mta.stop()
        self.form, base = f"{form}-{name}", BASE + more
        self.mta = postfix.Postfix(
            self.place, f"merged-{form}-{name}", DOMAIN, base, master_cf,
            aliases=self.aliases, virtual=self.virtual)
        printed = []
        for option in "--main", "--master":
            done = self.mta.setup(form, self.srs.config, option)
            tap.equal(done.returncode, status, done.stderr)
            printed.append(done.stdout)
        self.said = done.stderr
        self.printed = printed
        self.mta.change(base + printed[0], master_cf + printed[1])
        self.mta.start()
        return self

    def sink_of(self, token):
        """Which of the sinks has got the message, and it."""
        sinks = {"mx": self.sink, "relay": self.relay, "relay2": self.relay2}
        tap.wait_until(lambda: any(s.with_token(token) for s in sinks.values()),
                       f"{token} in a sink")
        found = {name: s.with_token(token) for name, s in sinks.items()
                 if s.with_token(token)}
        tap.equal(len(found), 1, f"sinks of {token}")
        [(name, messages)] = found.items()
        tap.equal(len(messages), 1, f"copies of {token}")
        return name, messages[0]

    def sent(self, sender, *recipients, **options):
        """"relay, SRS0": where a message goes, and with what sender."""
        where, message = self.sink_of(self.send(sender, *recipients, **options))
        return f"{where}, {deployments.seen(self, message.sender, sender)}"

    def bounced_to(self):
        address = deployments.srs0_of(self, SENDER)
        where, message = self.sink_of(self.send("", address))
        tap.equal((message.sender, message.recipients), ("", [SENDER]))
        return where


def both(name):
    """A case for both forms."""
    def register(function):
        for form in FORMS:
            case(f"{form}: {name}")(lambda site, form=form: function(site, form))
        return function
    return register


def sound(site, via="mx"):
    """What holds everywhere: bounces, forged ones, copies for mailboxes."""
    tap.equal(site.bounced_to(), via, "bounces leave by")
    tap.equal(deployments.forged(site), "550")
    token = site.send(SENDER, "local@fwd.test")
    tap.equal(site.mailbox_sender("local", token), SENDER)


@both("rule 1: relayhost gets forwards, own mail and bounces")
def relayhost(site, form):
    site.use_site(form, "relayhost", f"relayhost = {VIA[5:]}\n")
    tap.equal(site.sent(SENDER, "vera@fwd.test"), "relay, SRS0")
    tap.equal(site.sent("local@fwd.test", "vera@dest.test",
                        source=deployments.INTERNAL), "relay, original")
    tap.equal(site.sent("", "vera@fwd.test"), "relay, null")
    sound(site, "relay")


@both("rule 1: default_transport with a next hop of its own")
def default_transport(site, form):
    site.use_site(form, "default", f"default_transport = {VIA}\n"
                  f"relayhost = {VIA2[5:]}\n")
    tap.equal(site.sent(SENDER, "vera@fwd.test"), "relay, SRS0")
    tap.equal(site.sent("local@fwd.test", "vera@dest.test",
                        source=deployments.INTERNAL), "relay, original")
    sound(site, "relay")


TRANSPORTS = {
    "inline": f"inline:{{ {{ dest.test = {VIA} }} }}",
    "texthash": "texthash:{etc}/transport",
    "regexp": f"regexp:{{ {{ /@dest\\.test$$/ {VIA} }} }}",
}


def transport_case(kind):
    @both(f"rule 2: transport_maps ({kind}): what it sends elsewhere gets SRS0")
    def transport_maps(site, form):
        name = f"transport-{kind}"
        etc = site.place.make_dir("run", f"merged-{form}-{name}", "etc")
        site.place.write("run", f"merged-{form}-{name}", "etc", "transport",
                         text=f"dest.test {VIA}\n.sub.dest.test {VIA2}\n")
        site.use_site(form, name, "transport_maps = "
                      + TRANSPORTS[kind].replace("{etc}", etc) + "\n")
        tap.equal(site.sent(SENDER, "vera@fwd.test"), "relay, SRS0")
        # Several next hops in one message, and a copy for a mailbox.
        token = site.send(SENDER, "vera@fwd.test", "other@fwd.test",
                          "local@fwd.test")
        for sink in site.relay, site.sink:
            site.srs.expect_srs0(sink.only(token).sender, SENDER)
        tap.equal(site.mailbox_sender("local", token), SENDER)
        tap.equal(site.sent("local@fwd.test", "x@dest.test",
                            source=deployments.INTERNAL), "relay, original")
        if kind == "texthash":
            tap.equal(site.sent("local@fwd.test", "x@a.sub.dest.test",
                                source=deployments.INTERNAL),
                      "relay2, original")
        sound(site)


for each_kind in TRANSPORTS:
    transport_case(each_kind)


@both("rule 2: * in transport_maps is a relayhost, own domains stay here")
def wildcard(site, form):
    site.use_site(form, "wildcard", "transport_maps = inline:{ "
                  f"{{ * = {VIA} }} {{ fwd.test = local: }} }}\n")
    tap.equal(site.sent(SENDER, "vera@fwd.test"), "relay, SRS0")
    tap.equal(site.sent("local@fwd.test", "x@dest.test",
                        source=deployments.INTERNAL), "relay, original")
    sound(site, "relay")


@both("rule 3: sender_dependent_relayhost_maps for own and foreign senders")
def relayhost_maps(site, form):
    site.use_site(
        form, "relayhost-maps", "sender_dependent_relayhost_maps = inline:{ "
        f"{{ @fwd.test = {VIA[5:]} }} {{ @sender.test = {VIA2[5:]} }} }}\n")
    tap.equal(site.sent(SENDER, "vera@fwd.test"), "relay2, SRS0")
    tap.equal(site.sent("carl@other.test", "vera@fwd.test"), "mx, SRS0")
    tap.equal(site.sent("local@fwd.test", "x@dest.test",
                        source=deployments.INTERNAL), "relay, original")
    sound(site)


@both("rule 4: recipient_canonical_maps of the site keep their headers")
def canonical(site, form):
    site.use_site(form, "canonical", "recipient_canonical_maps = inline:{ "
                  "{ old@fwd.test = vera@fwd.test } }\n"
                  "local_header_rewrite_clients = static:all\n")
    token = site.send(SENDER, "old@fwd.test")
    message = site.sink.only(token)
    site.srs.expect_srs0(message.sender, SENDER)
    tap.equal("recipient_canonical_classes" in "".join(site.printed), False)
    sound(site)


@both("rule 5: filters of the site are still called, and may be away")
def filters(site, form):
    # Nothing listens there, and the site takes mail all the same.
    site.use_site(form, "filters", "milter_default_action = accept\n"
                  "smtpd_milters = inet:127.0.0.1:1\n"
                  "non_smtpd_milters = $smtpd_milters\n")
    tap.equal(site.sent(SENDER, "vera@fwd.test"), "mx, SRS0")
    sound(site)
    lists = site.mta.command("postconf", "-h", "smtpd_milters").splitlines()
    tap.equal([line.split(",")[0] for line in lists
               if line.startswith("inet:127.0.0.1:1")], ["inet:127.0.0.1:1"])
    if form == "postfix-milter":
        site.filter.stop()
        try:
            _, reply = site.submit(SENDER, "local@fwd.test")
            tap.equal((reply.rcpt or [reply.mail])[-1][0], 451, "filter away")
        finally:
            site.filter.start()


@both("rule 5: filters of the site's own smtpd in master.cf: said, with a cure")
def filters_of_service(site, form):
    name = "filters-own"
    if form == "postfix-cleanup":
        site.use_site(form, name, "", OWN_FILTERS)
        return
    mta = postfix.Postfix(site.place, f"merged-{form}-{name}", DOMAIN, BASE,
                          OWN_FILTERS)
    done = mta.setup(form, site.srs.config, "--main")
    tap.equal(done.returncode, 1, done.stderr)
    tap.equal("26/inet of master.cf has smtpd_milters" in done.stderr,
              True, done.stderr)
    done = mta.setup(form, site.srs.config, "--postconf")
    tap.equal(done.returncode, 0, done.stderr)
    mta.run_script(done.stdout)
    # Among warnings of parameters that newer releases will drop.
    said = mta.command("postconf", "-h", "-P", "26/inet/smtpd_milters")
    tap.equal("inet:127.0.0.1:1, { inet:127.0.0.1:10007, protocol=6, "
              "default_action=tempfail, command_timeout=30s }"
              in said.splitlines(), True, said)


OWN_FILTERS = """\
26 inet n - y - - smtpd
  -o smtpd_milters=inet:127.0.0.1:1
  -o milter_default_action=accept
"""


@both("rule 6: sender_dependent_default_transport_maps of the site come first")
def default_transport_maps(site, form):
    site.use_site(
        form, "by-sender", "sender_dependent_default_transport_maps = inline:{ "
        f"{{ @fwd.test = {VIA} }} {{ @sender.test = {VIA2} }} }}\n")
    tap.equal(site.sent(SENDER, "vera@fwd.test"), "relay2, SRS0")
    tap.equal(site.sent("carl@other.test", "vera@fwd.test"), "mx, SRS0")
    tap.equal(site.sent("local@fwd.test", "x@dest.test",
                        source=deployments.INTERNAL), "relay, original")
    sound(site)


@both("rule 8: an SRS domain in no list is added to mydestination")
def no_class(site, form):
    site.use_site(form, "class-none", "mydestination = localhost\n")
    tap.equal("mydestination = localhost, fwd.test\n" in site.printed[0], True)
    tap.equal(site.bounced_to(), "mx")
    tap.equal(deployments.forged(site), "550")


@both("rule 8: one in virtual_mailbox_domains is left there")
def mailbox_class(site, form):
    site.use_site(
        form, "class-mailbox", "mydestination = localhost\n"
        "virtual_mailbox_domains = fwd.test, ses.fwd.test\n"
        "virtual_mailbox_maps = inline:{ { local@fwd.test = local } }\n")
    tap.equal("mydestination" in site.printed[0], False)
    tap.equal(site.bounced_to(), "mx")
    tap.equal(deployments.forged(site), "550")


@both("rule 8: one in two lists is said, with a cure")
def two_classes(site, form):
    mta = postfix.Postfix(site.place, f"merged-{form}-two", DOMAIN,
                          BASE + "virtual_mailbox_domains = fwd.test\n")
    done = mta.setup(form, site.srs.config, "--main")
    tap.equal(done.returncode, 1, done.stderr)
    wanted = "fwd.test is in mydestination and in virtual_mailbox_domains: " \
        "take it out of one of them"
    tap.equal((wanted in done.stderr, wanted in done.stdout), (True, True),
              done.stderr)


@both("forged addresses where unknown users are accepted: 550")
def accept_all(site, form):
    for name, more in (
            ("unlisted", "smtpd_reject_unlisted_recipient = no\n"),
            ("no-maps", "local_recipient_maps =\nluser_relay = local\n"),
            ("catch-all", "virtual_alias_maps = texthash:$config_directory/"
             "virtual, inline:{ { @fwd.test = local@localhost } }\n")):
        site.use_site(form, name, more)
        tap.equal(deployments.forged(site), "550", name)
        tap.equal(site.bounced_to(), "mx", name)


@both("reject_unverified_recipient: bounces are accepted, forged ones not")
def unverified(site, form):
    site.use_site(form, "unverified", "address_verify_map =\n"
                  "smtpd_recipient_restrictions = reject_unverified_recipient\n")
    if form == "postfix-milter":
        tap.equal(site.bounced_to(), "mx")
    tap.equal(deployments.forged(site), "550")


@both("rule 10: another port where 10027 is taken, by master.cf or a program")
def port(site, form):
    site.use_site(form, "port-master", "",
                  "127.0.0.1:10027 inet n - y - - smtpd\n")
    tap.equal("srsout:[127.0.0.1]:10028" in site.printed[0], True)
    tap.equal(site.sent(SENDER, "vera@fwd.test"), "mx, SRS0")
    site.mta.stop()
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 10027))
        taken.listen()
        site.use_site(form, "port-program", "")
        tap.equal("srsout:[127.0.0.1]:10028" in site.printed[0], True)
        tap.equal(site.sent(SENDER, "vera@fwd.test"), "mx, SRS0")


# --- commands, a second run, and the way back --------------------------------

WHOLE = f"""\
relayhost = {VIA[5:]}
smtpd_milters = inet:127.0.0.1:1
milter_default_action = accept
internal_mail_filter_classes = notify
transport_maps = inline:{{ {{ dest.test = {VIA2} }} }}
sender_dependent_default_transport_maps = inline:{{ {{ @fwd.test = {VIA} }} }}
mydestination = localhost, mx.fwd.test
virtual_alias_maps = texthash:$config_directory/virtual,
  inline:{{ {{ a@fwd.test = b@fwd.test }} }}
"""


def undo_case(how):
    @both(f"--undo restores what was there ({how})")
    def undo(site, form):
        mta = postfix.Postfix(site.place, f"undo-{form}-{how.split(',')[0]}", DOMAIN,
                              BASE + WHOLE, OWN_FILTERS)
        before = mta.all_settings()
        early = mta.setup(form, site.srs.config, "--undo").stdout
        bare = ["--bare"] if "bare" in how else []
        if "postconf" in how:
            mta.run_script(mta.setup(form, site.srs.config,
                                     "--postconf").stdout)
        else:
            parts = [mta.setup(form, site.srs.config, option, *bare).stdout
                     for option in ("--main", "--master")]
            for name, text in zip(("main.cf", "master.cf"), parts):
                with open(os.path.join(mta.etc, name), "a",
                          encoding="utf-8") as file:
                    file.write(text)
        tap.equal(mta.all_settings() == before, False, "installed")
        # A second run prints the same lines again.
        first = [mta.setup(form, site.srs.config, option).stdout
                 for option in ("--main", "--master")]
        script = early if "early" in how else \
            mta.setup(form, site.srs.config, "--undo").stdout
        mta.run_script(script)
        tap.equal(mta.all_settings(), before, "after --undo")
        tap.equal([mta.setup(form, site.srs.config, option).stdout
                   for option in ("--main", "--master")], first, "second run")


for each_way in ("appended", "bare, appended", "postconf",
                 "early, postconf", "earlier, appended"):
    undo_case(each_way)


def main():
    place = world.enter(PEERS)
    site = Merged(place)
    return suite.run(site, lambda: place.recent_log() + [
        "srsd:", site.srs.log_tail(), "srsmilter:", site.filter.log_tail()])


if __name__ == "__main__":
    sys.exit(main())

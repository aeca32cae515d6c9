#!/usr/bin/env python3
"""
srsd behind a real Postfix, with Debian's chrooted master.cf and the settings of
etc/postfix, one after the other.
"""

import os
import re
import sys

import exchange
import postfix
import srsd
import tap
import world

PEERS = ["postfix"]
DOMAIN = "fwd.test"
SENDER = exchange.SENDER

ALIASES = """\
carol: carol@dest.test
both: local, both@dest.test
rejected: reject-carol@dest.test
later: defer-carol@dest.test
list: member@dest.test
owner-list: local
"""
VIRTUAL = """\
vera@fwd.test vera@dest.test
victor@virt.fwd.test victor@dest.test
split@fwd.test local@fwd.test split@dest.test
"""

suite = tap.Suite()
case = suite.case


class Site(exchange.Exchange):
    def __init__(self, place):
        super().__init__()
        self.place = place
        place.write("home", "dora", ".forward", text="dora@dest.test\n")
        spool = place.make_dir("run", "postfix-canonical", "spool")
        place.make_dir("run", "postfix-canonical", "spool", "srs",
                       owner="mailfrom", group="postfix", mode=0o750)
        self.srsd = srsd.Srsd(
            place, DOMAIN, unix=os.path.join(spool, "srs", "sock"),
            srsd=srsd.TCP_TABLES + "socket_owner = mailfrom:postfix").start()
        self.forms = {
            # With the site's own table in front, as `mailfrom setup` merges them.
            "cleanup": (postfix.settings(
                "cleanup.main.cf", DOMAIN,
                table=("virtual_alias_maps = ", "virtual_alias_maps = "
                       "texthash:$config_directory/virtual,\n\t"),
                domains=("\nvirtual_alias_domains =\n", "\n")),
                        postfix.settings("cleanup.master.cf", DOMAIN)),
            # The socket that cleanup.main.cf tells of, below the spool.
            "canonical": (postfix.settings(
                "simple.main.cf", DOMAIN,
                socket=("inet:127.0.0.1:10003", "unix:srs/sock")), ""),
            "tcp_table": (postfix.settings("tcp_table.main.cf", DOMAIN), ""),
        }
        self.mta, self.form = None, None

    def use(self, form):
        """Have that form of the settings running, and no other."""
        if form == self.form:
            return
        if self.mta:
            self.mta.stop()
        self.form = form
        self.mta = postfix.Postfix(self.place, f"postfix-{form}", DOMAIN,
                                   *self.forms[form], aliases=ALIASES,
                                   virtual=VIRTUAL).start()

    def return_path(self, user, token):
        """The envelope sender of the one message with token in user's mailbox."""
        tap.wait_until(lambda: self.mta.mailbox(user, token),
                       f"{token} in the mailbox of {user}")
        text, = self.mta.mailbox(user, token)
        return re.search(r"^Return-Path: <(.*)>$", text, re.M).group(1)

    def drained(self):
        """Wait until Postfix has nothing left to do."""
        def try_again():
            self.mta.flush()
            return self.mta.idle()
        tap.wait_until(try_again, "the queue to drain")


def with_form(form, name):
    """A case that runs with this form of the settings."""
    def register(function):
        def run(site):
            site.use(form)
            function(site)
        case(f"{form}: {name}")(run)
        return function
    return register


def cleanup(name):
    return with_form("cleanup", name)


@cleanup("virtual alias, of a local and of a virtual domain: SRS0")
def virtual_alias(site):
    for recipient in "vera@fwd.test", "victor@virt.fwd.test":
        site.srsd.expect_srs0(site.forward(SENDER, recipient), SENDER)


@cleanup("aliases(5) and .forward: SRS0")
def local_alias(site):
    for recipient in "carol@fwd.test", "dora@fwd.test":
        site.srsd.expect_srs0(site.forward(SENDER, recipient), SENDER)


@cleanup("local and forwarded in one message: the mailbox has the original sender")
def local_and_forwarded(site):
    for recipients in (["both@fwd.test"], ["split@fwd.test"],
                       ["local@fwd.test", "vera@fwd.test"]):
        token = site.send(SENDER, *recipients)
        site.srsd.expect_srs0(site.sink.only(token).sender, SENDER)
        tap.equal(site.return_path("local", token), SENDER)


@cleanup("null sender, own sender and a list's owner untouched")
def untouched(site):
    tap.equal(site.forward("", "carol@fwd.test"), "")
    tap.equal(site.forward("local@fwd.test", "carol@fwd.test"), "local@fwd.test")
    tap.equal(site.forward(SENDER, "list@fwd.test"), "owner-list@fwd.test")


@cleanup("bounce to the SRS0 address reaches the original sender, case folded too")
def bounce(site):
    sender = "Bob.McSmith@Sender.TEST"
    address = site.forward(sender, "carol@fwd.test")
    site.srsd.expect_srs0(address, sender)
    tap.equal(site.bounce(address), sender)
    for changed in address.lower(), address.upper():
        tap.equal(site.bounce(changed).lower(), sender.lower())


@cleanup("quoted local part survives both ways, and is valid on the wire")
def quoted(site):
    sender = '"Blah Blah"@sender.test'
    address = site.forward(sender, "carol@fwd.test")
    site.srsd.expect_srs0(address, sender)
    if not re.fullmatch(r'"[^"]*"@fwd\.test', address):
        raise AssertionError(f"not quoted: {address}")
    tap.equal(site.bounce(address), sender)


@cleanup("foreign SRS0 sender: SRS1, and the bounce goes back to that forwarder")
def foreign(site):
    sender = "SRS0=aBcD=TT=third.test=bob@other.test"
    address = site.forward(sender, "carol@fwd.test")
    if not re.fullmatch(r"SRS1=[^=]+=other\.test==aBcD=TT=third\.test=bob"
                        r"@fwd\.test", address):
        raise AssertionError(f"not the SRS1 address expected: {address}")
    tap.equal(site.bounce(address), sender)


@cleanup("forged hash: 550 at RCPT")
def forged(site):
    for address in ("SRS0=AAAAAA=AA=sender.test=bob@fwd.test",
                    "srs0+aaaaaa=aa=sender.test=bob@fwd.test",
                    "SRS1=AAAAAA=other.test==HHHHHH=TT=x.test=y@fwd.test"):
        site.expect_refusal([550], "", address)


@cleanup("DSN parameters survive")
def dsn_parameters(site):
    token = site.send(SENDER, "vera@fwd.test", mail_args="RET=HDRS ENVID=id-1",
                      rcpt_args="NOTIFY=FAILURE,DELAY ORCPT=rfc822;or@x.test")
    message = site.sink.only(token)
    for wanted in "RET=HDRS", "ENVID=id-1":
        if wanted not in message.mail_args:
            raise AssertionError(f"MAIL had {message.mail_args}")
    tap.equal(sorted(message.rcpt_args[0].split()),
              ["NOTIFY=FAILURE,DELAY", "ORCPT=rfc822;or@x.test"])


@cleanup("refused at the far end: exactly one DSN, to the original sender")
def far_end_refuses(site):
    token = site.send(SENDER, "rejected@fwd.test")
    report = site.sink.only(token)
    tap.equal((report.sender, report.recipients), ("", [SENDER]))
    site.drained()
    tap.equal(len(site.sink.with_token(token)), 1, "reports")


@cleanup("content_filter ends the loop: one pass through the second smtpd")
def one_pass(site):
    token = site.send(SENDER, "vera@fwd.test")
    text = site.sink.only(token).text
    tap.equal(text.count("\nReceived:") + text.startswith("Received:"), 2,
              "Received headers")


@cleanup("a message as large as allowed isn't too large for the second pass")
def large(site):
    # The limit is on the queue file, which holds more than the message.
    for size in range(postfix.SIZE_LIMIT, 0, -50):
        token, reply = site.submit(SENDER, "vera@fwd.test", size=size)
        if reply.accepted:
            break
    site.srsd.expect_srs0(site.sink.only(token).sender, SENDER)


# NOTFOUND is no outage here: it is how srsd says that there is nothing to do.
OUTAGES = ["DOWN", "CLOSE", "HANG", "TEMP", "TIMEOUT", "PERM", "GARBAGE"]


def outage_case(fault):
    @cleanup(f"outage {fault}: local copy delivered, remote one waits, then SRS0")
    def outage(site):
        bounce_to = site.forward(SENDER, "carol@fwd.test")
        with srsd.Outage(site.srsd, fault) as faulty:
            token = site.send(SENDER, "both@fwd.test")
            tap.equal(site.return_path("local", token), SENDER)
            if fault == "HANG":
                # Postfix's patience is 100 s; it is enough that it asks.
                tap.wait_until(lambda: faulty.requests, "a question to srsd")
            else:
                tap.wait_until(lambda: deferred(site.mta), f"{token} deferred")
                site.expect_refusal([451], "", bounce_to)
            tap.equal(site.sink.with_token(token), [], "in the sink")
        site.drained()
        site.srsd.expect_srs0(site.sink.only(token).sender, SENDER)
        tap.equal(site.bounce(bounce_to), SENDER)


def deferred(mta):
    """Does the queue hold a message with the reason of a failed attempt?"""
    return re.search(r"^ *\(.+\)$", mta.queue(), re.M)


for name in OUTAGES:
    outage_case(name)


@cleanup("srsd restarted amid a hundred messages: none lost, doubled, unrewritten")
def restart(site):
    messages = site.send_hundred_amid(site.srsd.restart_thrice,
                                      "carol@fwd.test", "vera@fwd.test")
    site.drained()
    for token, sender in messages.items():
        copies = site.sink.wait_for(token, 2)
        tap.equal(sorted(r for m in copies for r in m.recipients),
                  ["carol@dest.test", "vera@dest.test"])
        for copy in copies:
            site.srsd.expect_srs0(copy.sender, sender)


simple_cases = []


def simple_forms(name):
    """A case for each of the forms that rewrite every foreign sender."""
    def register(function):
        simple_cases.append((name, function))
        return function
    return register


@simple_forms("forwarded mail has an SRS0 sender, and mail for a mailbox as well")
def rewrites_all(site):
    token = site.send(SENDER, "both@fwd.test")
    site.srsd.expect_srs0(site.sink.only(token).sender, SENDER)
    site.srsd.expect_srs0(site.return_path("local", token), SENDER)


@simple_forms("null and own sender untouched")
def simple_untouched(site):
    tap.equal(site.forward("", "vera@fwd.test"), "")
    tap.equal(site.forward("local@fwd.test", "vera@fwd.test"), "local@fwd.test")


@simple_forms("bounce reaches the original sender, forged one refused with 550")
def simple_bounce(site):
    sender = "Bob.McSmith@Sender.TEST"
    address = site.forward(sender, "vera@fwd.test")
    site.srsd.expect_srs0(address, sender)
    tap.equal(site.bounce(address), sender)
    tap.equal(site.bounce(address.lower()).lower(), sender.lower())
    site.expect_refusal([550], "", "SRS0=AAAAAA=AA=sender.test=bob@fwd.test")


@simple_forms("quoted local part survives both ways")
def simple_quoted(site):
    sender = '"Blah Blah"@sender.test'
    address = site.forward(sender, "vera@fwd.test")
    site.srsd.expect_srs0(address, sender)
    tap.equal(site.bounce(address), sender)


@simple_forms("outage: 451, and nothing gets out")
def simple_outage(site):
    with srsd.Outage(site.srsd, "DOWN"):
        token = site.expect_refusal([451], SENDER, "vera@fwd.test")
    site.drained()
    tap.equal(site.sink.with_token(token), [], "in the sink")
    site.srsd.expect_srs0(site.forward(SENDER, "vera@fwd.test"), SENDER)


for each_form in "canonical", "tcp_table":
    for name, simple_case in simple_cases:
        with_form(each_form, name)(simple_case)


def main():
    place = world.enter(PEERS)
    site = Site(place)
    return suite.run(site, lambda: place.recent_log() + [
        "srsd:", site.srsd.log_tail()])


if __name__ == "__main__":
    sys.exit(main())

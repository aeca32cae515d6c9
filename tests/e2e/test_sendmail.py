#!/usr/bin/env python3
"""
srsd behind real sendmails: etc/sendmail/mailfrom-srs.m4 at two forwarders, one
behind the other, and a third one that keeps the m4 of pysrs.
"""

import os
import re
import shutil
import sys
import threading

import exchange
import places
import sendmail
import srsd
import tap
import world

PEERS = ["sendmail", "pysrs"]
PYSRS_M4 = "usr/share/doc/python3-srs/examples/pysrs"
LEGACY, HANGING, BACKGROUND = "127.0.0.3", "127.0.0.4", "127.0.0.5"
QUEUEING, PROGRAM = "127.0.0.6", "127.0.0.7"
HANGING_PORT = 10099

SENDER = exchange.SENDER
OUR_ALIASES = """\
carol: carol@dest.test
both: local, both@dest.test
plus: local+tag, both@dest.test
nested: carol2
carol2: carol, second@other.test
later: defer-carol@dest.test
chain: relay@fwd2.test
rejected: reject-carol@dest.test
rejected-far: rejected@fwd2.test
kept: kept@hub.test, unkept@dest.test
routed: routed@routed.test
"""
THEIR_ALIASES = """\
relay: carol@dest.test
rejected: reject-carol@dest.test
"""
OUR_TABLES = {
    "virtusertable": "vera@fwd.test\tvera@dest.test\n"
                     "@virt.fwd.test\tcatchall@dest.test\n",
    "mailertable": "routed.test\tesmtpkeep:[127.0.0.10]\n",
}
# The second forwarder has what Debian's sendmail.mc has, and a ruleset that ours
# has to get along with.
THEIR_FEATURES = """\
FEATURE(`access_db', , `skip')dnl
FEATURE(`delay_checks', `friend', `n')dnl
FEATURE(`conncontrol', `nodelay', `terminate')dnl
FEATURE(`ratecontrol', `nodelay', `terminate')dnl
FEATURE(`compat_check')dnl
"""
THEIR_TABLES = {
    "access": "Compat:enemy@sender.test<@>carol@dest.test\t"
              "ERROR:550 5.7.1 not these two\n",
}

suite = tap.Suite()
case = suite.case


class Site(exchange.Exchange):
    def __init__(self, place):
        super().__init__()
        self.place = place
        self.srsd = srsd.Srsd(place, "fwd.test").start()
        self.srsd2 = srsd.Srsd(place, "fwd2.test", port=10004, own="mx.fwd2.test",
                               srs="ses = fwd2.test").start()
        place.write("home", "dora", ".forward", text="dora@dest.test\n")
        keep = place.write("run", "keep", text="hub.test\n")
        virtual = "LOCAL_DOMAIN(`virt.fwd.test')dnl\n" \
            "VIRTUSER_DOMAIN(`virtuser.test')dnl"
        options = f"define(`MAILFROM_SRS_KEEP', `{keep}')dnl\n"
        ours = sendmail.srs_lines("inet:10003@127.0.0.1", options)
        self.fwd = sendmail.Sendmail(
            place, "forwarder", "fwd.test", world.FORWARDER, ours,
            OUR_ALIASES, OUR_TABLES, virtual).start()
        self.fwd2 = sendmail.Sendmail(
            place, "forwarder2", "fwd2.test", world.FORWARDER2,
            sendmail.srs_lines("inet:10004@127.0.0.1",
                               "define(`MAILFROM_SRS_OWN', `1')dnl\n"),
            THEIR_ALIASES, THEIR_TABLES, THEIR_FEATURES).start()
        self.hang = Hang(self)


class Hang:
    """
    A server whose srsd says nothing, in the background: sendmail's patience of
    30 s with it can't be configured.
    """

    def __init__(self, site):
        self.site = site
        self.srsd = srsd.Srsd(site.place, "fwd.test", port=HANGING_PORT)
        self.faulty = srsd.FaultyMap("WELL", HANGING_PORT)
        self.mta = sendmail.Sendmail(
            site.place, "hanging", "fwd.test", HANGING,
            sendmail.srs_lines(f"inet:{HANGING_PORT}@127.0.0.1"),
            OUR_ALIASES).start()
        self.queued = site.send(SENDER, "later@fwd.test", host=HANGING)
        self.faulty.fault = "HANG"
        self.refused = self.reply = None
        self.threads = [threading.Thread(target=target, daemon=True)
                        for target in (self.accept, self.mta.run_queue)]
        for thread in self.threads:
            thread.start()

    def accept(self):
        self.refused, self.reply = self.site.submit(SENDER, "carol@fwd.test",
                                                    host=HANGING)

    def wait(self):
        for thread in self.threads:
            thread.join()


@case("alias: the sink sees SRS0 in our domain, signed, with the sender's fields")
def alias(site):
    site.srsd.expect_srs0(site.forward(SENDER, "carol@fwd.test"), SENDER)


@case("alias of an alias to two domains: both copies have it")
def nested_alias(site):
    token = site.send(SENDER, "nested@fwd.test")
    copies = site.sink.wait_for(token, 2)
    tap.equal(sorted(r for m in copies for r in m.recipients),
              ["carol@dest.test", "second@other.test"])
    for copy in copies:
        site.srsd.expect_srs0(copy.sender, SENDER)


@case("virtusertable, and a catch-all in it")
def virtusertable(site):
    for recipient in "vera@fwd.test", "anybody@virt.fwd.test":
        site.srsd.expect_srs0(site.forward(SENDER, recipient), SENDER)


@case(".forward")
def dot_forward(site):
    site.srsd.expect_srs0(site.forward(SENDER, "dora@fwd.test"), SENDER)


@case("local and forwarded in one message: the local copy has the original sender")
def local_and_forwarded(site):
    token = site.send(SENDER, "both@fwd.test", "dora@fwd.test")
    copy = site.sink.only(token)
    tap.equal(sorted(copy.recipients), ["both@dest.test", "dora@dest.test"])
    site.srsd.expect_srs0(copy.sender, SENDER)
    expect_local_copy(site.fwd, token)


def expect_local_copy(mta, token):
    boxes = mta.mailbox("local", token)
    tap.equal(len(boxes), 1, "local copies")
    tap.equal(re.findall(r"^(?:Envelope-From|Return-Path): <?([^>\n]*)",
                         boxes[0], re.M), [SENDER] * 2, "senders of it")


@case("null sender untouched")
def null_sender(site):
    tap.equal(site.forward("", "carol@fwd.test"), "")


@case("senders of our own domain and host untouched, SRS ones among them")
def own_sender(site):
    for sender in ("local@fwd.test", "Local@MX.Fwd.Test",
                   site.forward(SENDER, "carol@fwd.test"),
                   "SRS0=AAAAAA=AA=other.test=somebody@fwd.test"):
        tap.equal(site.forward(sender, "carol@fwd.test").lower(), sender.lower())


@case("bounce to the SRS0 address reaches the original sender")
def bounce(site):
    address = site.forward(SENDER, "carol@fwd.test")
    tap.equal(site.bounce(address), SENDER)


@case("bounce to the SRS0 address in lower case, and in upper case")
def bounce_folded(site):
    address = site.forward(SENDER, "carol@fwd.test")
    for changed in address.lower(), address.upper():
        tap.equal(site.bounce(changed).lower(), SENDER)


@case("SRS domain from VIRTUSER_DOMAIN: bounces to it too, forged ones refused")
def virtuser_domain(site):
    address = site.forward(SENDER, "carol@fwd.test")
    tap.equal(site.bounce(address.replace("@fwd.test", "@virtuser.test")), SENDER)
    site.expect_refusal([550], "", "SRS0=AAAAAA=AA=x.test=y@virtuser.test")


@case("mixed case survives both ways")
def mixed_case(site):
    sender = "Bob.McSmith@Sender.TEST"
    address = site.forward(sender, "carol@fwd.test")
    site.srsd.expect_srs0(address, sender)
    tap.equal(site.bounce(address), sender)


@case("quoted local parts survive both ways, and are valid on the wire")
def quoted(site):
    # Not "one@two": sendmail refuses such recipients at RCPT, as relaying.
    for sender in '"Blah Blah"@sender.test', '"a(b,c"@sender.test':
        address = site.forward(sender, "carol@fwd.test")
        site.srsd.expect_srs0(address, sender)
        if not re.fullmatch(r'"[^"]*"@fwd\.test', address):
            raise AssertionError(f"not quoted: {address}")
        tap.equal(site.bounce(address), sender)


@case("forged hash: 550 at RCPT, no message")
def forged(site):
    for address in ("SRS0=AAAAAA=AA=sender.test=bob@fwd.test",
                    "srs0+aaaaaa=aa=sender.test=bob@fwd.test",
                    "SRS1=AAAAAA=other.test==HHHHHH=TT=x.test=y@fwd.test"):
        site.expect_refusal([550], "", address)


@case("a user whose name only looks like SES isn't taken for a forgery")
def looks_like_ses(site):
    _, reply = site.submit("", "ses-nobody@fwd.test")
    tap.equal(reply.rcpt[0][1].split()[0], "5.1.1", "code of an unknown user")


@case("second forwarder: SRS1, and the bounce to it goes back all the way")
def second_forwarder(site):
    address = site.forward(SENDER, "chain@fwd.test")
    if not re.fullmatch(r"SRS1=[^=]+=fwd\.test==[^=]+=[^=]+=sender\.test=bob"
                        r"@fwd2\.test", address):
        raise AssertionError(f"not the SRS1 address expected: {address}")
    tap.equal(site.bounce(address, host=world.FORWARDER2), SENDER)
    site.expect_refusal([550], "", address.replace("sender.test", "other.test"),
                 host=world.FORWARDER2)


@case("refused at the far end: exactly one DSN, to the original sender")
def far_end_refuses(site):
    for recipient in "rejected@fwd.test", "rejected-far@fwd.test":
        token = site.send(SENDER, recipient)
        report = site.sink.only(token)
        tap.equal((report.sender, report.recipients), ("", [SENDER]), recipient)


@case("DSN parameters survive")
def dsn_parameters(site):
    token = site.send(SENDER, "carol@fwd.test",
                         mail_args=f"RET=HDRS ENVID=id-{os.getpid()}",
                         rcpt_args="NOTIFY=FAILURE,DELAY")
    message = site.sink.only(token)
    tap.equal(sorted(message.mail_args.split()),
              sorted([f"ENVID=id-{os.getpid()}", "RET=HDRS"]) +
              [a for a in message.mail_args.split() if "SIZE=" in a])
    if "NOTIFY=FAILURE,DELAY" not in message.rcpt_args[0]:
        raise AssertionError(f"RCPT had {message.rcpt_args}")


@case("MAILFROM_SRS_KEEP and the mailer esmtpkeep: their mail keeps its sender")
def kept(site):
    token = site.send(SENDER, "kept@fwd.test")
    by_recipient = {m.recipients[0]: m.sender
                    for m in site.sink.wait_for(token, 2)}
    tap.equal(by_recipient["kept@hub.test"], SENDER)
    site.srsd.expect_srs0(by_recipient["unkept@dest.test"], SENDER)
    tap.equal(site.forward(SENDER, "routed@fwd.test"), SENDER)


# Told to the client: try again, later and, with 421, in a new session.  To SRS
# recipients, and if srsd has lost its mind, sendmail itself says 451.
DEFERRED = [421, 451]
# The outages that are seen at RCPT, and those that are seen only at the delivery,
# because the probe still answers.
REFUSED_AT_RCPT = ["DOWN", "CLOSE", "TEMP", "TIMEOUT", "PERM", "NOTFOUND",
                   "GARBAGE", "EMPTY"]
HELD_AT_DELIVERY = ["LATE", "NONSENSE"]


def acceptance_case(fault):
    @case(f"outage {fault}, new mail: 4xx at RCPT; own senders not affected")
    def new_mail(site):
        bounce_to = site.forward(SENDER, "carol@fwd.test")
        with srsd.Outage(site.srsd, fault):
            token = site.expect_refusal(DEFERRED, SENDER, "carol@fwd.test")
            site.expect_refusal(DEFERRED, "", bounce_to)
            tap.equal(site.forward("local@fwd.test", "carol@fwd.test"),
                      "local@fwd.test")
        site.fwd.run_queue()
        tap.equal(site.sink.with_token(token), [], "in the sink")


def late_case(fault):
    @case(f"outage {fault}, after the probe: local copy delivered, other held")
    def late(site):
        with srsd.Outage(site.srsd, fault):
            tokens = [site.send(SENDER, recipient)
                      for recipient in ("both@fwd.test", "plus@fwd.test")]
            for token in tokens:
                expect_local_copy(site.fwd, token)
                tap.equal(site.sink.with_token(token), [], "in the sink")
                expect_queued(site.fwd, token)
        site.fwd.run_queue()
        for token in tokens:
            site.srsd.expect_srs0(site.sink.only(token).sender, SENDER)
            expect_local_copy(site.fwd, token)
        tap.equal(site.fwd.queue(), {})


def queue_case(fault):
    @case(f"outage {fault}, mail in the queue: waits, then goes out rewritten")
    def queued(site):
        bounce_to = site.forward("defer-bob@sender.test", "carol@fwd.test")
        mail = site.send(SENDER, "later@fwd.test")
        bounced = site.send("", bounce_to)
        site.sink.deferring = False
        try:
            with srsd.Outage(site.srsd, fault):
                site.fwd.run_queue()
                for token in mail, bounced:
                    tap.equal(site.sink.with_token(token), [], "in the sink")
                    expect_queued(site.fwd, token)
            site.fwd.run_queue()
        finally:
            site.sink.deferring = True
        site.srsd.expect_srs0(site.sink.only(mail).sender, SENDER)
        tap.equal(site.sink.only(bounced).recipients, ["defer-bob@sender.test"])
        tap.equal(site.fwd.queue(), {})


def expect_queued(mta, token):
    if not any(token in text for text in mta.queue().values()):
        raise AssertionError(f"{token} isn't in the queue: {mta.queue()}")


for name in REFUSED_AT_RCPT:
    acceptance_case(name)
for name in HELD_AT_DELIVERY:
    late_case(name)
for name in REFUSED_AT_RCPT + ["NONSENSE"]:
    queue_case(name)


@case("srsd restarted amid a hundred messages: none lost, doubled or unrewritten")
def restart(site):
    mta = sendmail.Sendmail(
        site.place, "background", "fwd.test", BACKGROUND,
        sendmail.srs_lines("inet:10003@127.0.0.1"), OUR_ALIASES,
        features="define(`confDELIVERY_MODE', `background')dnl").start()
    messages = site.send_hundred_amid(site.srsd.restart_thrice,
                                      "carol@fwd.test", host=BACKGROUND)

    def all_gone():
        mta.run_queue()
        return not mta.queue()
    tap.wait_until(all_gone, "the queue to drain")
    mta.stop()
    for token, sender in messages.items():
        site.srsd.expect_srs0(site.sink.only(token).sender, sender)


@case("with delay_checks and compat_check: both they and the outage guard work")
def other_features(site):
    there = {"host": world.FORWARDER2}
    token = site.send("enemy@sender.test", "relay@fwd2.test", **there)
    report = site.sink.only(token)
    tap.equal((report.sender, report.recipients), ("", ["enemy@sender.test"]))
    with srsd.Outage(site.srsd2, "DOWN"):
        site.expect_refusal(DEFERRED, SENDER, "relay@fwd2.test", **there)
    with srsd.Outage(site.srsd2, "LATE"):
        token = site.send(SENDER, "relay@fwd2.test", **there)
        tap.equal(site.sink.with_token(token), [], "in the sink")
    site.fwd2.run_queue()
    site.srsd2.expect_srs0(site.sink.only(token).sender, SENDER)


@case("MAILFROM_SRS_QUEUE: without srsd, mail is taken in and waits")
def accept_and_queue(site):
    mta = sendmail.Sendmail(
        site.place, "queueing", "fwd.test", QUEUEING,
        sendmail.srs_lines("inet:10003@127.0.0.1",
                           "define(`MAILFROM_SRS_QUEUE', `1')dnl\n"),
        OUR_ALIASES).start()
    for fault in "DOWN", "CLOSE", "TEMP", "PERM", "NOTFOUND", "EMPTY":
        with srsd.Outage(site.srsd, fault):
            token = site.send(SENDER, "both@fwd.test", host=QUEUEING)
            expect_local_copy(mta, token)
            site.expect_refusal(DEFERRED, "", "SRS0=AAAAAA=AA=x.test=y@fwd.test",
                                host=QUEUEING)
            tap.equal(site.sink.with_token(token), [], "in the sink")
            expect_queued(mta, token)
        mta.run_queue()
        site.srsd.expect_srs0(site.sink.only(token).sender, SENDER)
        expect_local_copy(mta, token)
    mta.stop()


@case("MAILFROM_SRS_OWN: own senders are signed, and their bounces come home")
def own_signed(site):
    address = site.forward("local@fwd2.test", "relay@fwd2.test",
                           host=world.FORWARDER2)
    if not re.fullmatch(r"SES=[A-Z0-9_-]+=local@fwd2\.test", address):
        raise AssertionError(f"not signed: {address}")
    token = site.send("", address, host=world.FORWARDER2)
    tap.equal(len(site.fwd2.mailbox("local", token)), 1, "bounces that came home")
    signature = address.split("=")[1]
    site.expect_refusal([550], "", address.replace(signature, signature[::-1]),
                        host=world.FORWARDER2)
    tap.equal(site.forward("local@mx.fwd2.test", "relay@fwd2.test",
                           host=world.FORWARDER2), "local@mx.fwd2.test")


@case("with pysrs's m4: alias, alias with a local copy, bounce, forgery")
def legacy(site):
    start_legacy(site)
    address = site.forward("Bob@Sender.test", "carol@fwd.test", host=LEGACY)
    # That m4 lets sendmail fold the key, so the case of the sender is lost.
    site.srsd.expect_srs0(address, SENDER)
    tap.equal(site.bounce(address, host=LEGACY), SENDER)
    tap.equal(site.forward("", "carol@fwd.test", host=LEGACY), "")
    site.expect_refusal([550], "", "SRS0=AAAAAA=AA=sender.test=bob@fwd.test",
                 host=LEGACY)


@case("with pysrs's m4: beside a local copy nothing is rewritten, as with pysrs")
def legacy_both(site):
    # That m4 names no next hop then, which says "delivered here" to pysrs and
    # so to us: sites with local_lmtp depend on it.  Our m4 gets this right.
    token = site.send(SENDER, "both@fwd.test", host=LEGACY)
    tap.equal(site.sink.only(token).sender, SENDER)
    expect_local_copy(site.legacy, token)


@case("with pysrs's m4: a quoted local part, though sendmail strips the quotes")
def legacy_quoted(site):
    address = site.forward('"Blah Blah"@sender.test', "carol@fwd.test",
                           host=LEGACY)
    site.srsd.expect_srs0(address, '"blah blah"@sender.test')
    tap.equal(site.bounce(address, host=LEGACY), '"blah blah"@sender.test')


def start_legacy(site):
    # HACK() wants a file below sendmail's own cf/hack: go there from that place.
    m4 = "/.." * 16 + site.place.path("peers", "pysrs", PYSRS_M4)
    site.legacy = sendmail.Sendmail(
        site.place, "legacy", "fwd.test", LEGACY,
        f"MAILER(`smtp')dnl\nHACK(`{m4}', `inet:10003@127.0.0.1')",
        OUR_ALIASES).start()


@case("with pysrs's program maps, and srs ask in the place of its programs")
def program_maps(site):
    directory = site.place.make_dir("run", "bin")
    srs = shutil.copy(places.program("srs"), os.path.join(directory, "srs"))
    # The lines that mailfrom-srs(7) shows.
    with open(places.source("man", "mailfrom-srs.7"), encoding="utf-8") as page:
        lines = re.findall(r"^K(\w+) program \S+ (ask \S+ \w+)$", page.read(),
                           re.M)
    tap.equal([name for name, _ in lines], ["make_srs", "reverse_srs"])
    with open(site.place.path("peers", "pysrs", f"{PYSRS_M4}prog.m4"),
              encoding="utf-8") as file:
        text = file.read()
    for name, arguments in lines:
        text, count = re.subn(rf"^K{name} program .*$",
                              f"K{name} program {srs} {arguments}", text,
                              flags=re.M)
        tap.equal(count, 1, name)
    m4 = "/.." * 16 + site.place.write("run", "bin", "pysrsprog.m4", text=text)
    mta = sendmail.Sendmail(
        site.place, "program", "fwd.test", PROGRAM,
        f"MAILER(`smtp')dnl\nHACK(`{m4[:-3]}')", OUR_ALIASES).start()
    try:
        address = site.forward("Bob@Sender.test", "carol@fwd.test", host=PROGRAM)
        site.srsd.expect_srs0(address, "Bob@Sender.test")
        tap.equal(site.bounce(address, host=PROGRAM), "Bob@Sender.test")
        tap.equal(site.forward("", "carol@fwd.test", host=PROGRAM), "")
        site.expect_refusal([550], "",
                            "SRS0=AAAAAA=AA=sender.test=bob@fwd.test",
                            host=PROGRAM)
        # Nothing in an address gets to a shell.
        address = site.forward("a;b$x`c@sender.test", "carol@fwd.test",
                               host=PROGRAM)
        tap.equal(site.bounce(address, host=PROGRAM),
                  '"a;b$x`c"@sender.test')
    finally:
        mta.stop()


@case("FEATURE(`local_lmtp'), procmail and cyrusv2 don't rewrite, SMTP does")
def mailers(site):
    mta = sendmail.Sendmail(
        site.place, "mailers", "fwd.test", world.FORWARDER,
        sendmail.srs_lines("inet:10003@127.0.0.1") +
        "\nMAILER(`procmail')dnl\nMAILER(`cyrusv2')dnl\n",
        features="FEATURE(`local_lmtp')dnl\nFEATURE(`access_db')dnl\n"
                 "FEATURE(`compat_check')dnl")
    with open(mta.cf, encoding="utf-8") as file:
        rulesets = dict(re.findall(r"^M([^,]+),.*?S=([^/, ]+)", file.read(),
                                   re.M | re.S))
    tap.equal({m for m, r in rulesets.items() if r == "MailfromEnvelope"},
              {"smtp", "esmtp", "smtp8", "dsmtp", "relay"})
    tap.equal({rulesets[m] for m in ("local", "procmail", "cyrusv2")},
              {"EnvFromSMTP"})


@case("the m4 refuses to stand after MAILER(smtp), or without a socket")
def misplaced(site):
    for lines in ("MAILER(`smtp')dnl\n" + sendmail.srs_lines("inet:1@127.0.0.1"),
                  sendmail.srs_lines("x").splitlines()[1]):
        try:
            sendmail.Sendmail(site.place, "misplaced", "fwd.test",
                              world.FORWARDER, lines)
        except AssertionError as error:
            if "mailfrom-srs.m4:" not in str(error):
                raise
        else:
            raise AssertionError(f"m4 took {lines}")


@case("outage HANG, new mail: 4xx at RCPT, in the end")
def hang_new_mail(site):
    site.hang.wait()
    if site.hang.reply.rcpt[0][0] not in DEFERRED or site.hang.reply.data:
        raise AssertionError(site.hang.reply)
    tap.equal(site.sink.with_token(site.hang.refused), [], "in the sink")


@case("outage HANG, mail in the queue: waits, then goes out rewritten")
def hang_queue(site):
    hang = site.hang
    hang.wait()
    tap.equal(site.sink.with_token(hang.queued), [], "in the sink")
    expect_queued(hang.mta, hang.queued)
    hang.faulty.stop()
    hang.srsd.start()
    site.sink.deferring = False
    hang.mta.run_queue()
    hang.srsd.expect_srs0(site.sink.only(hang.queued).sender, SENDER)


def main():
    place = world.enter(PEERS)
    site = Site(place)
    return suite.run(site, lambda: place.recent_log() + [
        "srsd:", site.srsd.log_tail(), site.srsd2.log_tail()])


if __name__ == "__main__":
    sys.exit(main())

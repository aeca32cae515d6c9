#!/usr/bin/env python3
"""
Three customers' domains, each with an SRS domain of its own, in the second pass of
a real Postfix with srsmilter: which domain forwarded is told by ORCPT alone, also
if a content filter is between.
"""

import contextlib
import re
import smtplib
import socketserver
import sys
import threading

import exchange
import postfix
import smtp
import srsmilter
import tap
import world

PEERS = ["postfix"]
SENDER = exchange.SENDER
CUSTOMERS = "a.test", "b.test", "c.test"
FWDOMAIN = "fwd.test, " + ", ".join(f"{c} = srs.{c}" for c in CUSTOMERS)
VIRTUAL = """\
fwd@a.test target@dest.test
tag+x@a.test target@dest.test
first@a.test second@b.test
second@b.test target@dest.test
local@a.test carol@fwd.test
fwd@b.test other@dest.test
same@b.test target@dest.test
@c.test all@dest.test
vera@fwd.test vera@dest.test
"""
BASE = """\
mydestination = fwd.test, mx.fwd.test, srs.a.test, srs.b.test, srs.c.test
virtual_alias_domains = a.test, b.test, c.test
"""
# What setup prints for customers, and without it.
ONE_EACH = "srsout_destination_recipient_limit = 1\n", ""
FILTERED = "content_filter = filter:[127.0.0.1]:10024\n"
# Where aliases are expanded after the filter, as FILTER_README has it.
LATE = "receive_override_options = no_address_mappings\n"
FILTER_MASTER = """\
filter    unix  -       -       n       -       -       smtp
  -o smtp_send_xforward_command=yes
127.0.0.1:10025 inet n  -       n       -       -       smtpd
  -o content_filter=
  -o smtpd_milters=
  -o receive_override_options=no_header_body_checks,no_unknown_recipient_checks
  -o mynetworks=127.0.0.0/8
  -o smtpd_authorized_xforward_hosts=127.0.0.0/8
  -o smtpd_relay_restrictions=permit_mynetworks,reject
"""
SRSMILTER = """\
rewrite = remote_domain
local_domains = fwd.test, mx.fwd.test, a.test, b.test, c.test
"""

suite = tap.Suite()
case = suite.case


class Filter(socketserver.ThreadingTCPServer):
    """A content filter that passes everything on; with_dsn: it knows DSN."""

    allow_reuse_address = daemon_threads = True
    deferring = False

    def __init__(self, with_dsn):
        self.with_dsn, self.lock = with_dsn, threading.Lock()
        self.messages, self.passed = self, 0
        super().__init__(("127.0.0.1", 10024), FilterHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def append(self, message):
        """What a sink keeps goes on to the smtpd after the filter."""
        with smtplib.SMTP("127.0.0.1", 10025, "filter.fwd.test") as back:
            back.ehlo()
            arguments = message.mail_args.split() if self.with_dsn else []
            back.mail(message.sender, arguments)
            for recipient, text in zip(message.recipients, message.rcpt_args):
                code, reply = back.rcpt(
                    recipient, text.split() if self.with_dsn else [])
                tap.equal(code, 250, f"RCPT after the filter: {reply}")
            code, reply = back.data(message.text.encode("latin-1"))
            tap.equal(code, 250, f"DATA after the filter: {reply}")
        self.passed += 1


class FilterHandler(smtp.SinkHandler):
    def reply(self, *lines):
        super().reply(*(line for line in lines
                        if self.server.with_dsn or line != "250-DSN"))


class Site(exchange.Exchange):
    def __init__(self, place):
        super().__init__()
        self.place, self.mta, self.in_use, self.sites = place, None, None, 0
        directory = place.make_dir("run", "srsmilter", owner="mailfrom")
        self.filter = srsmilter.Srsmilter(
            directory, srsmilter=SRSMILTER, fwdomain=FWDOMAIN,
            listen="inet:10007@127.0.0.1", user="root")
        self.filter.start()

    def use(self, main_cf="", master_cf="", change=("", ""), file=1):
        """
        Postfix with these lines, and those that setup prints for it; change is
        one of the printed main.cf (file 0) or master.cf.
        """
        wanted = main_cf, master_cf, change
        if wanted == self.in_use:
            return
        if self.mta:
            self.mta.stop()
        self.in_use, self.sites = wanted, self.sites + 1
        before = self.postfix("before", BASE + main_cf, master_cf)
        printed = [before.setup("postfix-milter", self.filter.config, option)
                   for option in ("--main", "--master")]
        texts = [done.stdout for done in printed]
        tap.equal([done.returncode for done in printed], [0, 0],
                  printed[0].stderr)
        if change[0] not in texts[file]:
            raise AssertionError(f"nothing printed has {change[0]}")
        texts[file] = texts[file].replace(*change, 1)
        self.mta = self.postfix("site", BASE + main_cf + texts[0],
                                master_cf + texts[1]).start()

    def postfix(self, name, main_cf, master_cf):
        return postfix.Postfix(
            self.place, f"{name}-{self.sites}", "fwd.test", main_cf, master_cf,
            aliases="carol: carol@dest.test\n", virtual=VIRTUAL)

    @contextlib.contextmanager
    def configured(self, srs):
        """srsmilter with more lines in [srs]."""
        self.filter.reload(srs=srs)
        try:
            yield
        finally:
            self.filter.reload(srs="")

    def domains(self, *recipients, messages=1, **options):
        """{target: SRS domain} of a message to recipients; "": not rewritten."""
        token = self.send(SENDER, *recipients, **options)
        seen = {}
        for message in self.sink.wait_for(token, messages):
            match = re.fullmatch(r"SRS0=.*=sender\.test=bob@(.*)",
                                 message.sender)
            for target in message.recipients:
                seen[target.partition("@")[0]] = match[1] if match else ""
        return seen

    def domain(self, recipient, **options):
        domain, = self.domains(recipient, **options).values()
        return domain


@case("each customer's forwards have its SRS domain, and bounces come back")
def each(site):
    site.use()
    for customer in CUSTOMERS:
        sender = site.forward(SENDER, f"fwd@{customer}")
        tap.equal(sender.rpartition("@")[2], f"srs.{customer}")
        tap.equal(site.bounce(sender), SENDER)
        tap.equal(site.bounce(sender.lower()), SENDER)
        site.expect_refusal([550], "", f"SRS0=AAAAAA=AA=x.test=y@srs.{customer}")


@case("other ways to an alias: encoded, nested, catch-all, through aliases(5)")
def ways(site):
    site.use()
    tap.equal(site.domain("tag+x@a.test"), "srs.a.test", "xtext")
    tap.equal(site.domain("first@a.test"), "srs.a.test", "the first alias")
    tap.equal(site.domain("anybody@c.test"), "srs.c.test", "catch-all")
    tap.equal(site.domain("local@a.test"), "srs.a.test", "aliases(5)")
    tap.equal(site.domain("FWD@A.TEST"), "srs.a.test", "case")


@case("an alias of no customer: the default")
def default(site):
    site.use()
    tap.equal(site.domain("vera@fwd.test"), "fwd.test")
    tap.equal(site.domain("carol@fwd.test"), "fwd.test")


@case("two customers in one message: the default, which is right for neither")
def together(site):
    site.use(change=ONE_EACH, file=0)
    tap.equal(site.domains("fwd@a.test", "fwd@b.test"),
              {"target": "fwd.test", "other": "fwd.test"})
    tap.equal(site.domains("fwd@a.test", "tag+x@a.test"),
              {"target": "srs.a.test"}, "two aliases of one customer")


@case("two customers in one message, a delivery each: each its own")
def apart(site):
    site.use()
    tap.equal(site.domains("fwd@a.test", "fwd@b.test", "x@c.test",
                           "vera@fwd.test", messages=4),
              {"target": "srs.a.test", "other": "srs.b.test",
               "all": "srs.c.test", "vera": "fwd.test"})
    token = site.send(SENDER, "fwd@a.test", "same@b.test")
    tap.equal(sorted(m.sender.rpartition("@")[2]
                     for m in site.sink.wait_for(token, 2)),
              ["srs.a.test", "srs.b.test"], "two aliases for one target")


@case("enable_original_recipient = no: the same")
def no_original(site):
    site.use("enable_original_recipient = no\n")
    tap.equal(site.domains("fwd@a.test", "fwd@b.test", messages=2),
              {"target": "srs.a.test", "other": "srs.b.test"})


@case("a client's own ORCPT: of others, the default; of a customer, that one's")
def client(site):
    site.use()
    for original, domain in ("x@outside.test", "fwd.test"), \
            ("x@b.test", "srs.b.test"), ("x", "fwd.test"), \
            ("fwd+40b.test", "srs.b.test"):
        tap.equal(site.domain("fwd@a.test",
                              rcpt_args=f"ORCPT=rfc822;{original}"),
                  domain, original)


@case("no DSN at the second smtpd, so no ORCPT: the default")
def no_dsn(site):
    site.use(change=("  -o smtpd_discard_ehlo_keywords=\n",
                     "  -o smtpd_discard_ehlo_keywords=dsn\n"))
    tap.equal(site.domain("fwd@a.test"), "fwd.test")


@case("forward_domains: these are rewritten, and what isn't known; others stay")
def forward_domains(site):
    site.use()
    with site.configured("forward_domains = a.test, .c.test"):
        tap.equal(site.domains("fwd@a.test", "fwd@b.test", "x@c.test",
                               "vera@fwd.test", messages=4),
                  {"target": "srs.a.test", "other": "", "all": "", "vera": ""})
        tap.equal(site.domain("fwd@b.test",
                              rcpt_args="ORCPT=rfc822;x@outside.test"),
                  "fwd.test")


@case("setup of forms with srsd says that their maps don't know who forwards")
def setup_warns(site):
    with open(site.filter.config, encoding="utf-8") as file:
        text = file.read() + "[srsd]\nlisten = inet:10003@127.0.0.1\n"
    config = site.place.write("run", "both.conf", text=text)
    mta = site.postfix("warned", BASE, "")
    for form in "postfix-cleanup", "postfix-simple", "postfix-milter":
        done = mta.setup(form, config, "--main")
        tap.equal(done.returncode, 0, done.stderr)
        tap.equal("no map is told which domain forwards" in done.stderr,
                  form != "postfix-milter", form)
        tap.equal(ONE_EACH[0] in done.stdout, form == "postfix-milter", form)


def filter_case(name, with_dsn, main_cf, expected):
    @case(f"a content filter between, {name}")
    def run(site):
        site.use(FILTERED + main_cf, FILTER_MASTER)
        between = Filter(with_dsn)
        try:
            tap.equal(site.domains("fwd@a.test", "fwd@b.test",
                                   "vera@fwd.test", messages=3), expected)
            bounce_to = site.forward(SENDER, "fwd@a.test")
            tap.equal(site.bounce(bounce_to), SENDER)
            if between.passed < 3:
                raise AssertionError(f"the filter saw {between.passed}")
        finally:
            between.shutdown()
            between.server_close()


RIGHT = {"target": "srs.a.test", "other": "srs.b.test", "vera": "fwd.test"}
filter_case("with DSN, after alias expansion: each its own", True, "", RIGHT)
filter_case("with DSN, before alias expansion: each its own", True, LATE, RIGHT)
filter_case("without DSN, before alias expansion: each its own", False, LATE,
            RIGHT)
filter_case("without DSN, after alias expansion: the default", False, "",
            dict.fromkeys(RIGHT, "fwd.test"))


def main():
    place = world.enter(PEERS)
    site = Site(place)
    return suite.run(site, lambda: place.recent_log() + [
        site.filter.log_tail()])


if __name__ == "__main__":
    sys.exit(main())

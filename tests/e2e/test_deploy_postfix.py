#!/usr/bin/env python3
"""
What becomes of the sender in each situation of deployments.tsv, in a real Postfix
with the settings that `mailfrom setup` prints; and what each setting is there for.
"""

import re
import sys

import deployments
import exchange
import milter_daemon
import postfix
import tap
import world
from postfix_site import BASE, Site

PEERS = ["postfix"]
SENDER = exchange.SENDER
FORMS = ["postfix-milter", "postfix-cleanup", "postfix-simple"]

suite = tap.Suite()
case = suite.case

for each_form in FORMS:
    deployments.add_cases(case, each_form,
                          lambda site, form=each_form: site.use(form))


# --- what the lines are there for -------------------------------------------

SRS_LINES = {
    "postfix-milter": r"^virtual_alias_maps = .*\n(?:[ \t].*\n)*",
    "postfix-cleanup": r"^virtual_alias_maps = .*\n(?:[ \t].*\n)*",
    "postfix-simple": r"^recipient_canonical_maps = .*\n"}


def variant(site, form, name, pattern, replacement, file=0):
    """That form with what matches pattern replaced, in main.cf or master.cf."""
    settings = list(site.settings(form))
    settings[file], count = re.subn(pattern, replacement, settings[file],
                                    flags=re.M)
    if count == 0:
        raise AssertionError(f"{form} has no {pattern}")
    return site.use(f"{form}-{name}", *settings)


def without_lines_case(form, pattern):
    @case(f"{form}: without the lines for it, SRS addresses are unknown users")
    def without_lines(site):
        variant(site, form, "without", pattern, "")
        address = deployments.srs0_of(site, SENDER)
        tap.equal(deployments.unknown_user(site, address), "550 5.1.1")


for form_name, lines in SRS_LINES.items():
    without_lines_case(form_name, lines)

TWO_PASSES = ["postfix-milter", "postfix-cleanup"]


def two_passes(name):
    """A case for both of the forms that have a second smtpd."""
    def register(function):
        for form in TWO_PASSES:
            case(f"{form}: {name}")(lambda site, form=form: function(site, form))
        return function
    return register


@case("postfix-cleanup: relay_transport as in the sample: relay domains get SRS0")
def relay_transport(site):
    variant(site, "postfix-cleanup", "relay", r"\Z",
            "relay_transport = srsout:[127.0.0.1]:10027\n")
    tap.equal(deployments.relayed(site), "SRS0")


@case("postfix-milter: a relay domain that isn't in local_domains gets SRS0")
def relay_domain(site):
    site.use("postfix-milter")
    with site.configured(f", {deployments.RELAYED}", ""):
        tap.equal(deployments.relayed(site), "SRS0")


@two_passes("senders of a domain with ses, which has no line in the map: signed")
def signed(site, form):
    deployments.own_signed(site.use(form))


@two_passes("a relayhost in content_filter gets all that leaves, with SRS0")
def relayhost(site, form):
    variant(site, form, "relayhost", r"^  -o content_filter=smtp:$",
            f"  -o content_filter=smtp:[{world.OUTSIDE}]:25", file=1)
    # No MX leads there: this domain's is the forwarder itself.
    tap.equal(deployments.forwarded(site, SENDER, "far@fwd.test"), "SRS0")


@two_passes("transport_maps go past it: that mail keeps its sender")
def transport_maps(site, form):
    variant(site, form, "transport", r"\Z",
            "transport_maps = inline:{ dest.test=smtp: }\n")
    tap.equal(deployments.forwarded(site, SENDER), "original")


@two_passes("content_filter ends the loop: one pass through the second smtpd")
def one_pass(site, form):
    site.use(form)
    for sender, passes in (SENDER, 2), ("b" * 50 + "@sender.test", 2), \
            ("local@fwd.test", 1), ("", 1):
        text = site.sink.only(site.send(sender, deployments.FORWARDED)).text
        tap.equal(len(re.findall(r"^Received:", text, re.M)), passes,
                  f"passes of a message from <{sender}>")


@two_passes("a message as large as allowed isn't too large for the second pass")
def large(site, form):
    site.use(form)
    # The limit is on the queue file, which holds more than the message.
    for size in range(postfix.SIZE_LIMIT, 0, -50):
        token, reply = site.submit(SENDER, deployments.FORWARDED, size=size)
        if reply.accepted:
            break
    site.srs.expect_srs0(site.sink.only(token).sender, SENDER)


@case("postfix-milter: over a unix socket below the spool, as milter.main.cf has it")
def unix_socket(site):
    site.use("none", "", "").mta.stop()
    world.run("mount", "-t", "tmpfs", "none", "/var/spool")
    world.bind(site.mta.spool, "/var/spool/postfix")
    site.place.make_dir("run", "deployed-none", "spool", "srs", owner="mailfrom",
                        group="postfix", mode=0o750)
    with site.configured(
            "listen = inet:10007@127.0.0.1",
            "listen = unix:/var/spool/postfix/srs/milter.sock\n"
            "socket_owner = mailfrom:postfix"):
        main_cf, master_cf = site.settings(
            "postfix-milter", BASE + "queue_directory = /var/spool/postfix\n")
        site.mta.change(BASE + main_cf, master_cf)
        site.mta.start()
        tap.equal("smtpd_milters = { unix:srs/milter.sock, " in main_cf, True)
        tap.equal(deployments.both_ways(site, "both@fwd.test"),
                  "SRS0; mailbox original")
        tap.equal(deployments.bounce(site), "to the sender")
        tap.equal(deployments.far_end_refuses(site), "one bounce, to the sender")


def forged_case(form):
    @case(f"{form}: a forged address is refused, however it is written")
    def forged(site):
        deployments.forged_spellings(site.use(form))


for each_form in FORMS:
    forged_case(each_form)


@case("postfix-milter: SRS addresses of other domains of ours are unknown users")
def other_domains(site):
    """Taken in, they would be bounced to whoever MAIL has named."""
    site.use("postfix-milter")
    local = "SRS0=AAAAAA=AA=sender.test=bob"
    # Those that name one of fwd.test in their local parts are srsmilter's.
    for path, code in ((f"{local}@mx.fwd.test", 550),
                       (f"{local}@[127.0.0.1]", 550),
                       ("SES=x=y@mx.fwd.test", 550),
                       (f"fwd.test!{local}@mx.fwd.test", 553),
                       (f'"{local}@fwd.test"@mx.fwd.test', 553),
                       (f"{local}%fwd.test@mx.fwd.test", 553)):
        _, reply = site.submit(SENDER, path)
        tap.equal((reply.accepted, reply.rcpt[0][0]), (False, code), path)


# --- srsmilter down ---------------------------------------------------------

@case("postfix-milter: filter down: nothing is taken in, what is queued waits")
def filter_down(site):
    site.use("postfix-milter")
    bounce_to = deployments.srs0_of(site, SENDER)
    token = site.send(SENDER, "later@fwd.test", "local@fwd.test")
    tap.equal(site.mailbox_sender("local", token), SENDER)
    site.filter.stop()
    try:
        for sender, recipient in (SENDER, "carol@fwd.test"), ("", bounce_to):
            _, reply = site.submit(sender, recipient)
            tap.equal((reply.rcpt or [reply.mail])[-1][0], 451, "the reply")
        site.sink.deferring = False
        site.mta.flush()
        tap.wait_until(lambda: re.search(r"^ *\(.+\)$", site.mta.queue(), re.M),
                       "a reason in the queue")
        tap.equal(site.sink.with_token(token), [], "in the sink")
    finally:
        site.filter.start()
        site.settled()
        site.sink.deferring = True
    site.srs.expect_srs0(site.sink.only(token).sender, SENDER)


@case("postfix-milter: a bounce that Postfix itself makes, with bare addresses")
def own_bounce(site):
    """From bounce(8): MAIL "", RCPT without brackets, client localhost port 0."""
    site.use("postfix-milter")
    sender = "Bob.McSmith@Sender.TEST"
    before = len(site.filter.log())
    token = site.send(sender, "rejected@fwd.test")
    report = site.sink.only(token)
    tap.equal((report.sender, report.recipients), ("", [sender]))
    [line] = site.filter.wait_for_log(f"restored_to={re.escape(sender)}", before)
    tap.equal(milter_daemon.parse(line)["client"], "localhost", line)


@case("soak: postfix-milter: filter killed and restarted, Postfix reloaded and "
      "restarted: all arrive once, and are reversible")
def soak_milter(site):
    site.use("postfix-milter")
    deployments.soak(site, [site.kill_filter, site.reload_mta,
                            site.restart_filter, site.idle_restart_mta,
                            site.kill_filter])


@case("soak: postfix-milter: Postfix killed under load as well: nothing lost or "
      "unrewritten")
def soak_killed(site):
    site.use("postfix-milter")
    deployments.soak(site, [site.restart_mta, site.kill_filter,
                            site.restart_mta], may_double=True)


@case("soak: postfix-cleanup: srsd restarted, Postfix reloaded and restarted: all "
      "arrive once, and are reversible")
def soak_cleanup(site):
    site.use("postfix-cleanup")
    deployments.soak(site, [site.srs.restart_thrice, site.reload_mta,
                            site.idle_restart_mta, site.srs.restart_thrice])


def main():
    place = world.enter(PEERS)
    site = Site(place)
    return suite.run(site, lambda: place.recent_log() + [
        "srsd:", site.srs.log_tail(), "srsmilter:", site.filter.log_tail()])


if __name__ == "__main__":
    sys.exit(main())

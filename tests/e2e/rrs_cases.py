"""
RRS addresses in a real mail server, with SRS and the rejection of SPF fail
switched on too, and the lines that `mailfrom setup` prints.

A site has: use(form), which starts that form; sink, mailbox_sender(), patient()
and start_filters()' daemons.  virt.fwd.test is a catch-all: user@virt.fwd.test goes
to user@virt.dest.test, whoever that is.
"""

import os
import random
import subprocess

import envelope_cases
import envelope_forms
import nameserver
import places
import spfmilter
import srsd
import srsmilter
import tap
import world

DOMAIN, CATCH_ALL = "fwd.test", "virt.fwd.test"
PEERS = ["nsd"]
FORWARDER, OLD = "127.0.0.98", "forwarder.test"
FAILING = "bob@fail.test"
RRS_SECRET = "a-secret-of-RRS-addresses-and-of-nothing-else"
SPFMILTER_LINE = "inet:127.0.0.1:10006"
CONFIGURATION = """
[srsmilter]
listen = inet:10007@127.0.0.1
rewrite = {rewrite}
{local_domains}
user = mailfrom
[spfmilter]
listen = inet:10006@127.0.0.1
user = mailfrom
rrs = yes
[spf]
nameservers = {dns}
"""

# A forwarder whose hosts have records of their own.
HOSTS = f"""\
old.test. TXT "v=spf1 ip4:192.0.2.1 -all"
mx.old.test. TXT "v=spf1 ip4:{world.CLIENT} -all"
mx.cold.test. TXT "v=spf1 ip4:{world.CLIENT} -all"
"""

world.DOMAINS[CATCH_ALL] = world.FORWARDER


def rrs(user, forwarder=OLD):
    return subprocess.run(
        [places.program("srs"), "rrs", "--secret", RRS_SECRET, forwarder, user],
        check=True, capture_output=True, text=True).stdout.strip()


def start_daemons(site, place):
    """site.srs, .filter and .spf, of one mailfrom.conf."""
    site.dns = nameserver.zone_server(spfmilter.ZONE + HOSTS,
                                      servfail=["temperror.test"])
    files = place.make_dir("run", "rrs", owner="mailfrom")
    site.revoked = rrs(f"revoked@{CATCH_ALL}")
    for name, text in ("secret", RRS_SECRET), ("revoked", site.revoked):
        path = place.write("run", "rrs", name, text=text + "\n", mode=0o640)
        os.chown(path, 0, 8924)
    site.srs = srsd.Srsd(
        place, DOMAIN, own=f"{DOMAIN}, mx.{DOMAIN}",
        srs=f"rrs_secret_file = {files}/secret\nrrs_revoked = {files}/revoked\n"
            f"rrs_domains = {DOMAIN}, {CATCH_ALL}")
    with open(site.srs.config, encoding="utf-8") as file:
        site.srs_sections = file.read()
    configure(site, "none")
    site.srs.start()
    site.filter = srsmilter.Srsmilter(
        place.make_dir("run", "srsmilter", owner="mailfrom"),
        config=site.srs.config).start()
    site.spf = spfmilter.Spfmilter(
        place.make_dir("run", "spfmilter", owner="mailfrom"), site.dns.name,
        config=site.srs.config).start()


def configure(site, rewrite, srs_domain=DOMAIN):
    with open(site.srs.config, "w", encoding="utf-8") as file:
        file.write(site.srs_sections.replace(
            f"fwdomain = {DOMAIN}", f"fwdomain = {srs_domain}") + CONFIGURATION.format(
            rewrite=rewrite, dns=site.dns.name, local_domains=
            f"local_domains = {DOMAIN}, mx.{DOMAIN}, {CATCH_ALL}"))


def evidence(site):
    return ["spfmilter:", site.spf.log_tail(), "srsmilter:",
            site.filter.log_tail(), "srsd:", site.srs.log_tail()]


# --- the cases --------------------------------------------------------------

def answers(site, *recipients, sender=FAILING, source=FORWARDER, **options):
    """Of RCPT each, as "550 5.7.23"; and the token."""
    token, reply = site.submit(sender, *recipients, source=source, partial=True,
                               **options)
    return token, [f"{code} {text.split()[0]}" if code != 250 else "250"
                   for code, text in reply.rcpt]


def expect(site, recipient, answer, **options):
    token, got = answers(site, recipient, **options)
    tap.equal(got, [answer], f"RCPT TO:<{recipient}>")
    return token


def passes(site):
    """Any sender; the user's case is kept; the sender is rewritten as it goes on."""
    address = rrs(f"Bob.Smith@{CATCH_ALL}")
    for sender in FAILING, "bob@sender.test", "ann@pass.test":
        token = expect(site, address, "250", sender=sender)
        message = site.sink.only(token)
        tap.equal(message.recipients, ["Bob.Smith@virt.dest.test"])
        site.srs.expect_srs0(message.sender, sender)
    token = expect(site, rrs(f'"b c"@{CATCH_ALL}'), "250")
    tap.equal(site.sink.only(token).recipients, ['"b c"@virt.dest.test'])
    token = expect(site, rrs("eve@VIRT.fwd.test"), "250")
    tap.equal(site.sink.only(token).recipients[0].split("@")[0], "eve")


def mailbox(site):
    """A mailbox here keeps the original sender."""
    token = expect(site, rrs(f"local@{DOMAIN}"), "250")
    tap.equal(site.mailbox_sender("local", token), FAILING)


def others(site):
    """Any other host; a forged or revoked address; DNS that fails."""
    address = rrs(f"ann@{CATCH_ALL}")
    for sender in FAILING, "ann@pass.test", "bob@sender.test", "":
        expect(site, address, "550 5.7.23", sender=sender, source=world.CLIENT)
    expect(site, rrs(f"ann@{CATCH_ALL}", "temperror.test"), "451 4.7.24")
    expect(site, site.revoked, "550 5.7.1")
    for forged in (address.replace("=ann", "=bob"), address.replace(OLD, "pass.test"),
                   address.replace(CATCH_ALL, DOMAIN), f"rrs=x@{CATCH_ALL}",
                   f'"{address.replace("=ann@", chr(61) + "a n" + chr(34) + "@")}'):
        for source in FORWARDER, world.CLIENT:
            expect(site, forged, "550 5.7.1", source=source)


def helo_below(site):
    """A HELO name below the forwarder's domain that passes."""
    address = rrs(f"ann@{CATCH_ALL}", "old.test")
    for helo, answer in (("mx.old.test", "250"), ("old.test", "550 5.7.23"),
                         ("mx.cold.test", "550 5.7.23")):
        expect(site, address, answer, source=world.CLIENT, helo=helo)


def several(site):
    """Each recipient by itself: RRS ones, one of SPF pass, a plain one."""
    good, mine = rrs(f"ann@{CATCH_ALL}"), f"local@{DOMAIN}"
    other = rrs(f"eve@{CATCH_ALL}", "fail.test")
    token, got = answers(site, good, mine, other, good.replace("=ann", "=dan"),
                         rrs(f"carl@{CATCH_ALL}"))
    tap.equal(got, ["250", "550 5.7.23", "550 5.7.23", "550 5.7.1", "250"])
    tap.equal(recipients(site, token, 2), ["ann", "carl"])
    token, got = answers(site, good, mine, other, sender="ann@pass.test")
    tap.equal(got, ["250", "250", "550 5.7.23"])
    tap.equal(recipients(site, token, 1), ["ann"])
    tap.equal(site.mailbox_sender("local", token), "ann@pass.test")
    # Two domains of ours, and two forwarders of which one host is of both.
    token, got = answers(site, rrs(f"local@{DOMAIN}"), good,
                         rrs(f"Dan@{CATCH_ALL}", "pass.test"))
    tap.equal(got, ["250"] * 3)
    tap.equal(recipients(site, token, 2), ["Dan", "ann"])
    tap.equal(site.mailbox_sender("local", token), FAILING)


def recipients(site, token, count):
    tap.wait_until(lambda: sum(len(m.recipients) for m in
                               site.sink.with_token(token)) == count,
                   f"{count} recipients of {token}")
    return sorted(r.split("@")[0] for m in site.sink.with_token(token)
                  for r in m.recipients)


def bounces(site):
    """A forwarded bounce, a forwarded SRS sender, and a bounce to what goes on."""
    address = rrs(f"ann@{CATCH_ALL}")
    for sender in "", "SRS0=aaaaaa=aa=far.test=bob@fail.test":
        message = site.sink.only(expect(site, address, "250", sender=sender))
        tap.equal(message.recipients, ["ann@virt.dest.test"])
        tap.equal(message.sender[:5], "SRS1=" if sender else "")
    rewritten = site.sink.only(expect(site, address, "250")).sender
    tap.equal(site.bounce(rewritten), FAILING)
    site.expect_refusal((550,), "", rewritten.replace("=bob", "=eve"))
    # What can't be delivered goes back to the original sender.
    token = expect(site, rrs(f"reject@{CATCH_ALL}"), "250")
    message = site.sink.only(token)
    tap.equal((message.sender, message.recipients), ("", [FAILING]))


def parameters(site):
    """NOTIFY and ORCPT of the client go on."""
    address = rrs(f"ann@{CATCH_ALL}")
    token = expect(site, address, "250",
                   rcpt_args="NOTIFY=FAILURE,DELAY ORCPT=rfc822;ann.old")
    [args] = site.sink.only(token).rcpt_args
    tap.equal(sorted(args.split()),
              ["NOTIFY=FAILURE,DELAY", "ORCPT=rfc822;ann.old"])


def filter_down(site):
    """While srsmilter is down, clients are told to come again."""
    site.filter.stop()
    try:
        _, reply = site.submit(FAILING, rrs(f"ann@{CATCH_ALL}"), source=FORWARDER)
        refusal = (reply.rcpt or [reply.mail])[-1]
        tap.equal((reply.accepted, refusal[0] // 100), (False, 4), f"{reply}")
    finally:
        site.filter.start()
    expect(site, rrs(f"ann@{CATCH_ALL}"), "250")


def forms(site):
    """However a recipient is written, none gets past both filters."""
    genuine = rrs(f"ann@{CATCH_ALL}", "nobody.test")
    forged = genuine.replace("=ann", "=bob")
    seed, count = envelope_cases.seed_and_count(site, 300)
    rng = random.Random(seed)
    some = [form for pair in ((forged, f"eve@{CATCH_ALL}"),
                              (f"eve@{CATCH_ALL}", genuine))
            for form in envelope_forms.forms(rng, count // 2, *pair)]
    attempts = [envelope_cases.Attempt(
        form, f"<{FAILING}>".encode() + site.suffix(form),
        envelope_forms.octets(form))
        for form in [f"<{forged}>", f"<{genuine}>", *some]]
    taken = envelope_cases.try_all(site, attempts)
    wrong = [f"{attempt.rcpt!r}: delivered to {to!r}"
             for attempt in taken for message in attempt.delivered
             for to in message.recipients
             if to.lower().partition("@")[0] not in ("postmaster", "abuse")]
    tap.diagnose(f"seed {seed}, {len(attempts)} forms tried, {len(taken)} accepted")
    tap.equal(wrong, [], "by-passes")
    tap.equal([form for form in ([forged, genuine])
               if f"<{form}>" in {attempt.form for attempt in taken}], [])


def forms_that_pass(site):
    """Nor do forged ones, where SPF of the sender passes."""
    forged = rrs(f"ann@{CATCH_ALL}").replace("=ann", "=bob")
    seed, count = envelope_cases.seed_and_count(site, 150)
    attempts = [envelope_cases.Attempt(
        form, b"<bob@pass.test>" + site.suffix(form), envelope_forms.octets(form))
        for form in envelope_forms.forms(random.Random(seed), count, forged,
                                         f"eve@{CATCH_ALL}")]
    taken = envelope_cases.try_all(site, attempts)
    wrong = [f"{attempt.rcpt!r}: delivered to {to!r}"
             for attempt in taken for message in attempt.delivered
             for to in message.recipients
             if envelope_cases.simple(to).startswith("rrs=")]
    tap.diagnose(f"seed {seed}, {len(attempts)} forms tried, {len(taken)} accepted")
    tap.equal(wrong, [], "RRS addresses that were delivered to")


CASES = [passes, mailbox, others, helo_below, several, bounces, parameters,
         filter_down, forms, forms_that_pass]


SOAK = [forms, forms_that_pass]


def add_cases(suite, form, cases=None):
    for function in cases or CASES:
        name = " ".join(function.__doc__.split())

        def run(site, function=function):
            site.use(form)
            function(site)
        soak = "soak: " if function in SOAK else ""
        suite.case(f"{soak}{form}: {name}")(run)

"""
What becomes of the sender in every situation, for whichever MTA and form of
settings.  deployments.tsv has the situations and what is expected of each form;
DEPLOYMENT.md shows the same table to people.

A site is an exchange.Exchange with: srs (srsd.Srsd: the secret, the domain);
mailbox_sender(user, token): the envelope sender of the only copy there;
mailbox(user, token); settled(): waits until nothing is on its way.
"""

import os
import re
import subprocess
import time

import deployment_table
import exchange
import places
import smtp
import tap
import world

SRS = places.program("srs")
MAILFROM = places.program("mailfrom")
SENDER = exchange.SENDER
INTERNAL = "127.0.0.1"          # a client that may send to everybody
DAY = 86400

# The sites' tables: aliases, and virtual(5) or virtusertable.
ALIASES = """\
carol: carol@dest.test
both: local, both@dest.test
nested: carol
included: :include:{members}
list: member@dest.test
owner-list: local
"""
VIRTUAL = {
    "vera@fwd.test": "vera@dest.test",
    "rejected@fwd.test": "reject-vera@dest.test",
    "kept@fwd.test": "kept@hub.test",
}
MEMBERS = "member@dest.test\n"
NOSRS = "hub.test"
SES_DOMAIN = "ses.fwd.test"
RELAYED = "routed.test"
FORWARDED = "vera@fwd.test"

situations = {}


def situation(name):
    """A function that returns, in the table's words, what it has seen."""
    def register(function):
        situations[name] = function
        return function
    return register


def printed_settings(form, config):
    """What mailfrom setup prints for sendmail: {place: text}, in its order."""
    printed = subprocess.run([MAILFROM, "setup", form, "-c", config], check=True,
                             capture_output=True, text=True).stdout
    parts = re.split(r"^(?:#|dnl) --- (\S+): .* ---\n", printed, flags=re.M)
    tap.equal(parts[0], "", f"text before the first part of {form}")
    return dict(zip(parts[1::2], parts[2::2], strict=True))


# --- the table --------------------------------------------------------------

def add_cases(case, form, get_site):
    """A case for each situation; get_site(site) is the site of that form."""
    rows, _ = deployment_table.read()
    tap.equal([row.name for row in rows], list(situations), "situations")
    for row in rows:
        add_case(case, form, get_site, row)


def add_case(case, form, get_site, row):
    expected, _ = row.cells[form]

    @case(f"{form}: {row.name}: {expected}")
    def run(site):
        tap.equal(situations[row.name](get_site(site)), expected)


# --- words ------------------------------------------------------------------

def seen(site, address, sender):
    """What address is, which was sender before."""
    if address == sender:
        return "original" if sender else "null"
    if re.match(r'"?SRS0=', address):
        site.srs.expect_srs0(address, sender)
        return "SRS0"
    local, _, domain = sender.rpartition("@")
    rest = re.escape(local.partition("=")[2])
    if re.fullmatch(rf"SRS1=[^=]+={re.escape(domain)}=={rest}@"
                    rf"{re.escape(site.srs.domain)}", address):
        return "SRS1"
    return address


def forwarded(site, sender, recipient=FORWARDED, **options):
    token = site.send(sender, recipient, **options)
    return seen(site, site.sink.only(token).sender, sender)


def both_ways(site, *recipients):
    """A message to somebody else's host and to the mailbox of local."""
    token = site.send(SENDER, *recipients)
    remote = seen(site, site.sink.only(token).sender, SENDER)
    local = seen(site, site.mailbox_sender("local", token), SENDER)
    return f"{remote}; mailbox {local}"


def bounced(site, address):
    """Who gets a bounce to address, or the code that refuses it."""
    token, reply = site.submit("", address)
    if not reply.accepted:
        return str(reply.rcpt[0][0])
    message = site.sink.only(token)
    tap.equal(message.sender, "", "sender of the bounce")
    return message.recipients[0]


def signed(site, command, address, *options, days=0, secret=None):
    """What srs makes of an address, days ago."""
    return subprocess.run(
        [SRS, command, "--secret", secret or site.srs.secret, "--now",
         str(int(time.time()) - days * DAY), *options, address],
        check=True, capture_output=True, text=True).stdout.strip()


def srs0_of(site, sender, **options):
    return signed(site, "encode", sender, "--domain", site.srs.domain,
                  **options)


# --- what is forwarded ------------------------------------------------------

@situation("alias to another host")
def alias(site):
    return forwarded(site, SENDER, "carol@fwd.test")


@situation("alias to a mailbox and another host, one message")
def alias_both_ways(site):
    return both_ways(site, "both@fwd.test")


@situation("virtual alias, virtusertable")
def virtual(site):
    return forwarded(site, SENDER)


@situation(".forward")
def dot_forward(site):
    return forwarded(site, SENDER, "dora@fwd.test")


@situation("alias of an alias")
def nested(site):
    return forwarded(site, SENDER, "nested@fwd.test")


@situation(":include: file")
def included(site):
    return forwarded(site, SENDER, "included@fwd.test")


@situation("list with an owner- alias")
def owned_list(site):
    token = site.send(SENDER, "list@fwd.test")
    sender = site.sink.only(token).sender
    # sendmail takes the owner's only target for the owner.
    is_owner = sender in ("owner-list@fwd.test", "local@mx.fwd.test")
    return "the owner" if is_owner else seen(site, sender, SENDER)


@situation("virtual alias and mailbox, one message")
def mixed(site):
    return both_ways(site, FORWARDED, "local@fwd.test")


@situation("mailbox alone")
def mailbox(site):
    token = site.send(SENDER, "local@fwd.test")
    return seen(site, site.mailbox_sender("local", token), SENDER)


@situation("relay domain, mailertable")
def relayed(site):
    return forwarded(site, SENDER, f"routed@{RELAYED}")


@situation("destination in nosrs")
def kept(site):
    return forwarded(site, SENDER, "kept@fwd.test")


# --- which senders ----------------------------------------------------------

@situation("null sender")
def null_sender(site):
    return forwarded(site, "")


@situation("sender of an own domain")
def own_sender(site):
    return forwarded(site, "local@fwd.test")


@situation("own sender, by a client of ours, to elsewhere")
def internal_own(site):
    return forwarded(site, "local@fwd.test", "vera@dest.test",
                     source=INTERNAL)


@situation("foreign sender, by a client of ours, to elsewhere")
def internal_foreign(site):
    return forwarded(site, SENDER, "vera@dest.test", source=INTERNAL)


@situation("SRS0 sender of another forwarder")
def foreign_srs0(site):
    return forwarded(site, "SRS0=aBcD=TT=third.test=bob@other.test")


@situation("valid SRS sender of our own")
def own_srs(site):
    return forwarded(site, srs0_of(site, SENDER))


@situation("sender too long for SRS (RFC 5321: 64 octets)")
def too_long(site):
    return forwarded(site, "b" * 50 + "@sender.test")


@situation("case of the sender's local part, forward and back")
def mixed_case(site):
    sender = "Bob.McSmith@Sender.TEST"
    address = site.forward(sender, FORWARDED)
    tap.equal(seen(site, address, sender), "SRS0")
    return "kept" if bounced(site, address) == sender else "lost"


# --- bounces ----------------------------------------------------------------

@situation("bounce to our SRS0 address")
def bounce(site):
    to = bounced(site, srs0_of(site, SENDER))
    return "to the sender" if to == SENDER else to


@situation("the same in lower case")
def bounce_folded(site):
    to = bounced(site, srs0_of(site, SENDER).lower())
    return "to the sender" if to == SENDER else to


@situation("bounce through two forwarders (SRS1)")
def two_forwarders(site):
    secret = "a secret of the first of the two forwarders"
    first = signed(site, "encode", SENDER, "--domain", "other.test",
                   secret=secret)
    second = site.forward(first, FORWARDED)
    tap.equal(seen(site, second, first), "SRS1")
    back = bounced(site, second)
    return "to the sender" if signed(site, "decode", back, secret=secret) == \
        SENDER else back


@situation("forged bounce")
def forged(site):
    return bounced(site, f"SRS0=AAAAAA=AA=sender.test=bob@{site.srs.domain}")


@situation("other mail to our SRS0 address")
def not_a_bounce(site):
    token, reply = site.submit("stranger@other.test", srs0_of(site, SENDER))
    if not reply.accepted:
        return str(reply.rcpt[0][0])
    tap.equal(site.sink.only(token).recipients, [SENDER])
    return "to the sender"


@situation("bounce 30 days late")
def expired(site):
    return bounced(site, srs0_of(site, SENDER, days=30))


@situation("the next host refuses what was forwarded")
def far_end_refuses(site):
    token = site.send(SENDER, "rejected@fwd.test")
    site.settled()
    reports = site.sink.with_token(token)
    for report in reports:
        tap.equal((report.sender, report.recipients), ("", [SENDER]))
    if not reports and len(site.mailbox("root", token)) == 1:
        return "to postmaster"
    return {0: "no bounce", 1: "one bounce, to the sender"}.get(
        len(reports), f"{len(reports)} bounces")


@situation("SES address used a fourth time")
def replay(site):
    sequence = str(site.next_sequence())
    address = signed(site, "ses-sign", f"local@{SES_DOMAIN}", "--sequence",
                     sequence, "--max-age", "21")
    for _ in range(3):
        token = site.send("", address)
        tap.equal(site.mailbox_sender("local", token), "")
    token, reply = site.submit("", address)
    return "delivered" if reply.accepted else str(reply.rcpt[0][0])


# --- what else the envelope has ---------------------------------------------

@situation("8BITMIME, SIZE, RET, ENVID, NOTIFY, ORCPT")
def parameters(site):
    # sendmail sends BODY= only with a message that needs it.
    token = site.send(SENDER, FORWARDED,
                      mail_args="BODY=8BITMIME SIZE=900 RET=HDRS ENVID=id-1",
                      body="na\u00efve\r\n",
                      rcpt_args="NOTIFY=FAILURE,DELAY ORCPT=rfc822;or@x.test")
    message = site.sink.only(token)
    tap.equal(seen(site, message.sender, SENDER), "SRS0")
    found = message.mail_args.split() + message.rcpt_args[0].split()
    wanted = ["BODY=8BITMIME", "RET=HDRS", "ENVID=id-1",
              "NOTIFY=FAILURE,DELAY", "ORCPT=rfc822;or@x.test"]
    lost = [word for word in wanted if word not in found]
    if not any(re.fullmatch(r"SIZE=\d+", word) for word in found):
        lost.append("SIZE")
    return "without " + ", ".join(lost) if lost else "kept"


@situation("SMTPUTF8")
def smtputf8(site):
    sender = "b\u00f8b@sender.test"
    token, reply = site.submit(sender, FORWARDED, mail_args="SMTPUTF8")
    if not reply.accepted:
        return f"{reply.mail[0]} at MAIL"
    message = site.sink.only(token)
    if "SMTPUTF8" not in message.mail_args:
        return "without SMTPUTF8"
    return seen(site, message.sender.encode("latin-1").decode(), sender)


def own_signed(site):
    """What a sender becomes whose domain signs with SES, and its bounce."""
    sender = f"local@{SES_DOMAIN}"
    for source in INTERNAL, world.CLIENT:
        recipient = "vera@dest.test" if source == INTERNAL else FORWARDED
        token = site.send(sender, recipient, source=source)
        address = site.sink.only(token).sender
        tap.equal(bool(re.fullmatch(rf"SES=[A-Z0-9_-]+=local@"
                                    rf"{re.escape(SES_DOMAIN)}", address)),
                  True, f"signature of {address}")
        token = site.send("", address)
        tap.equal(site.mailbox_sender("local", token), "")


def forged_spellings(site):
    """An address that nobody has signed, in words that the filter may not see."""
    local, domain = "SRS0=AAAAAA=AA=sender.test=bob", site.srs.domain
    for path in (f'"\\{local}"@{domain}', f'"SRS0\\{local[4:]}"@{domain}',
                 f"{domain}!{local}", f"{local}%{domain}", local,
                 f"{local}@{domain}.", f"{local}@{domain}..",
                 f'"{local}"@{domain}', f"@a.test:{local}@{domain}",
                 f"{local}@{domain[:-2]}\u017ft", f"\u017f{local[1:]}@{domain}",
                 f"SR\u017f{local[3:]}@{domain[:-2]}\ufb06"):
        for sender in "", SENDER:
            _, reply = site.submit(sender, path)
            tap.equal((reply.accepted, reply.rcpt[0][0] // 100), (False, 5),
                      f"<{path}>, from <{sender}>")


# --- load -------------------------------------------------------------------

def soak(site, disturbances, may_double=False):
    """
    SOAK_MESSAGES messages to a mailbox and to other hosts, and in between each of
    the disturbances: all arrive once, each with the sender that it has to have.
    may_double: whether a message may come twice, as it may where the MTA dies
    between the message and the answer (RFC 5321 4.5.3.2.6, RFC 1047).
    """
    count = int(os.environ.get("SOAK_MESSAGES", "200"))
    sessions = int(os.environ.get("SOAK_SESSIONS", "16"))
    messages = site.send_amid(count, sessions, disturbances, *site.soak_rcpts)
    site.settled()
    by_token, kept = copies_by_token(site), mailbox_by_token(site)
    for token, sender in messages.items():
        copies = by_token.get(token, [])
        got = sorted(r for m in copies for r in m.recipients)
        if may_double:
            got = sorted(set(got))
        tap.equal(got, site.soak_copies, token)
        for address in {m.sender for m in copies}:
            site.srs.expect_srs0(address, sender)
        if site.soak_mailbox:
            local = kept.get(token, [])
            tap.equal(sorted(set(local)) if may_double else local, [sender],
                      f"{token} in the mailbox")
    addresses = [m.sender for token in messages for m in by_token[token]]
    tap.equal(restored(site, addresses),
              [messages[t] for t in messages for _ in by_token[t]],
              "what the senders are restored to")


def copies_by_token(site):
    found = {}
    with site.sink.lock:
        for message in site.sink.messages:
            token = re.search(r"<(token-\d+-)@", message.text).group(1)
            found.setdefault(token, []).append(message)
    return found


def mailbox_by_token(site):
    """{token: envelope senders} of what local got; reads each file once."""
    found = {}
    for text in site.mailbox("local", "token-") if site.soak_mailbox else []:
        token = re.search(r"<(token-\d+-)@", text)
        if token:
            found.setdefault(token[1], []).append(site.sender_of(text))
    return found


def restored(site, addresses):
    return subprocess.run(
        [SRS, "decode", "--secret", site.srs.secret], check=True, text=True,
        input="".join(f"{a}\n" for a in addresses),
        capture_output=True).stdout.splitlines()


def unknown_user(site, address):
    """The reply to RCPT for address, of a bounce."""
    with smtp.Session(site.host) as session:
        session.command("MAIL FROM:<>")
        code, text = session.command(f"RCPT TO:<{address}>")
        session.command("QUIT")
    return f"{code} {text.split()[0]}"

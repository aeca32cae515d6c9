"""
The opposite of envelope_cases: no sender or recipient that somebody has is
refused, whatever the mail server's tables make of it.
"""

import concurrent.futures
import re

import smtp
import tap
import world
from envelope_cases import case

USER, REALM, PASSWORD = "dora", "mx.fwd.test", "pass word"
RCPT = "ann@fwd.test"

# name, sender; own ones are virtusertable's, aliases and the like.
SENDERS = {
    "plain": "bob@pass.test", "case": "Bob.Smith@Pass.TEST", "null": "",
    "plus": "bob+tag@pass.test", "dots": "bob..smith.@pass.test",
    "VERP": "list-return-7-ann=dest.test@pass.test",
    "VERP, plus": "list-bounces+ann=dest.test@pass.test",
    "BATV": "prvs=4711abcdef=bob@pass.test",
    "SRS0": "SRS0=HHHH=TT=sender.test=bob@pass.test",
    "SRS1": "SRS1=HHHH=fwd2.test==HHHH=TT=sender.test=bob@pass.test",
    "SES": "SES=abcdef-123@pass.test",
    "slash": "/C=xx/A=y/@pass.test", "signs": "!#$%&'*+-/=?^_`{|}~@pass.test",
    "percent": "bob%sender.test@pass.test", "bang": "sender.test!bob@pass.test",
    "quoted": '"bob smith"@pass.test', "quoted at": '"bob@home"@pass.test',
    "quoted dot": '"bob.@x,y"@pass.test', "A-labels": "bob@xn--bcher-kva.test",
    "underscore": "bob@my_host.pass.test", "digits": "1@1.pass.test",
    "dot at the end": "bob@pass.test.", "literal": "bob@[192.0.2.1]",
    "long": f"{'l' * 64}@{'.'.join(['d' * 50] * 3)}.pass.test",
    "octets": "b\xfc@pass.test", "localhost": "root@localhost",
    "own": "local@fwd.test", "own, of the host": "local@mx.fwd.test",
    "own, nobody": "nobody-here@fwd.test", "own, alias": "aliased@fwd.test",
    "own, plus": "local+tag@fwd.test", "own, case": "Local@FWD.Test",
    "own, catch-all": "anybody@virt.fwd.test",
    "own, to remote": "remote@fwd.test", "own, to an error": "gone@fwd.test",
    "own, mailertable": "bob@routed.test",
    "own, mailertable error": "bob@closed.test",
    "own, mailertable local": "bob@inside.test",
    "generic": "generic@fwd.test", "canonical": "canon@fwd.test",
    "masqueraded": "bob@host.masq.test", "LUSER_RELAY": "luser@mx.fwd.test",
    "relocated": "moved@fwd.test",
}
UTF8_SENDERS = {
    "UTF-8": "b\xfc@pass.test", "UTF-8 domain": "bob@b\xfccher.pass.test",
    "UTF-8 both": "\u7528\u6237@\u4f8b\u5b50.pass.test",
    "UTF-8 case": "B\xdc@B\xdcCHER.pass.test", "sharp s": "a@stra\xdfe.pass.test",
    "final sigma": "\u03c3\u03c2@\u03c3\u03c2.pass.test",
    "own, UTF-8": "b\xfc@fwd.test",
}
RECIPIENTS = {
    "plain": RCPT, "case": "Ann@FWD.Test", "postmaster": "postmaster",
    "Postmaster": "Postmaster@fwd.test", "abuse": "abuse@fwd.test",
    "plus": "local+tag@fwd.test", "catch-all": "anybody@virt.fwd.test",
    "to remote": "remote@fwd.test", "alias": "aliased@fwd.test",
    "quoted": '"ann smith"@fwd.test', "dots": "ann..smith.@fwd.test",
    "mailertable": "ann@routed.test", "mailertable local": "local@inside.test",
    "LUSER_RELAY": "luser@mx.fwd.test", "signs": "#$&'*+-/=?^_`{|}~@fwd.test",
    "VERP": "list-return-7-ann=dest.test@fwd.test", "remote": "ann@dest.test",
    "remote, quoted": '"ann smith"@dest.test', "canonical": "canon@fwd.test",
    "masqueraded": "ann@host.masq.test", "generic": "generic@fwd.test",
    "remote, percent": "ann%sender.test@dest.test",
    "dot at the end": "ann@dest.test.",
}
UTF8_RECIPIENTS = {"UTF-8": "b\xfc@fwd.test", "UTF-8 domain": "a@b\xfccher.dest.test",
                   "sharp s": "stra\xdfe@fwd.test"}
# Whom the MTA itself refuses: not as ambiguous.
CLOSED = {"to an error": "gone@fwd.test", "mailertable error": "ann@closed.test"}
world.WILDCARDS.update(["masq.test", "closed.test", "inside.test",
                        "xn--bcher-kva.test"])

# Entries for virtusertable or virtual aliases.
REMOTE = "remote@elsewhere.dest.test"


def log_in(session):
    code, text = session.log_in(USER, PASSWORD)
    tap.equal(code, 235, f"AUTH: {text}")


def argument(address, utf8):
    """As raw octets; without SMTPUTF8 characters are octets too."""
    return b"<%s>" % address.encode("utf-8" if utf8 else "latin-1")


def try_pairs(site, pairs, user):
    """Those of {name: (sender, recipient, with SMTPUTF8)} that are refused."""
    refused = []
    with smtp.Session(site.host) as session:
        if user:
            log_in(session)
        for name, (sender, recipient, utf8) in pairs.items():
            said = []
            for line in (b"MAIL FROM:" + argument(sender, utf8) +
                         (b" SMTPUTF8" if utf8 else b""),
                         b"RCPT TO:" + argument(recipient, utf8)):
                session.smtp.sock.sendall(line + b"\r\n")
                code, text = session.smtp.getreply()
                said.append(f"{code} {text.decode('latin-1')}")
            if any(not reply.startswith("250") for reply in said):
                refused.append(f"{name}: <{sender}> to <{recipient}>: {said}")
            session.command("RSET")
    return refused


@case("good senders and recipients: none is refused, authenticated or not")
def good(site):
    pairs = {f"sender, {name}": (sender, RCPT, False)
             for name, sender in SENDERS.items()}
    for sender in "bob@pass.test", "", "local@fwd.test":
        pairs.update({f"recipient, {name}, {sender}": (sender, recipient, False)
                      for name, recipient in RECIPIENTS.items()})
    if site.suffix("\xfc"):
        pairs.update({f"sender, {name}": (sender, RCPT, True)
                      for name, sender in UTF8_SENDERS.items()})
        pairs.update({f"recipient, {name}": ("bob@pass.test", recipient, True)
                      for name, recipient in UTF8_RECIPIENTS.items()})
    with concurrent.futures.ThreadPoolExecutor() as pool:
        refused = sum(pool.map(lambda user: [
            f"{user}: {line}" for line in try_pairs(site, pairs, user)],
            (None, USER)), [])
    theirs = [line for line in refused
              if any(f": {name}: " in line for name in site.closed)]
    tap.equal([line for line in theirs if "ambiguous" in line], [], "ambiguous")
    tap.equal(len(theirs), 2 * len(site.closed), "refused by the MTA itself")
    tap.diagnose(f"{2 * len(pairs) - len(theirs)} good pairs tried, "
                 f"{len(refused) - len(theirs)} refused")
    tap.equal([line for line in refused if line not in theirs], [], "refused")
    for name, recipient in CLOSED.items():
        [said] = try_pairs(site, {name: ("bob@pass.test", recipient, False)},
                           None)
        if "ambiguous" in said or not re.search(r"'5\d\d ", said):
            raise AssertionError(said)


@case("canonical, generic and masquerade maps come later: checked is what came")
def later(site):
    for sender, delivered in site.rewritten.items():
        token, reply = site.submit(sender, "ann@dest.test")
        tap.equal(reply.accepted, True, f"{sender}: {reply}")
        tap.equal(site.sink.only(token).sender, delivered, sender)
        for daemon in site.spfmilter, site.srsmilter:
            daemon.line_of(f"from={re.escape(sender)} .*outcome=accepted")


@case("programs of this host, whatever their sender")
def local_programs(site):
    for name, way in site.local_ways.items():
        for sender in "bob@pass.test", "local", "", "local@fwd.test", \
                "bob smith@pass.test":
            token = site.new_token()
            way(sender, "ann@dest.test", token)
            message = site.sink.only(token)
            if sender == "" and message.sender:
                raise AssertionError(f"{name}: {message.sender} for none")


@case("own bounces reach the sender")
def bounces(site):
    token, reply = site.submit("bob@pass.test", "reject-me@dest.test")
    if reply.accepted:
        message = site.sink.only(token)
        tap.equal((message.sender, message.recipients), ("", ["bob@pass.test"]))
        # Postfix's pass the filters, without angle brackets.
        for daemon in site.filters_of_bounces:
            daemon.wait_for_log('mail .*from="" .*internal.*outcome=accepted')
    elif "ambiguous" in str(reply):
        raise AssertionError(reply)


@case("address verification probes are answered")
def probes(site):
    for sender in "", "double-bounce@pass.test", "postmaster@pass.test":
        pairs = {"probe": (sender, RCPT, False)}
        tap.equal(try_pairs(site, pairs, None), [], "refused")

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""RRS addresses in both filters, by the milter protocol."""

import os
import socket
import subprocess
import sys
import urllib.request

import nameserver
import milter_daemon
import network
import places
import spfmilter
import srsmilter
from milter_client import POSTFIX, SENDMAIL, Session
import tap

equal = tap.equal
suite = tap.Suite()

ZONE = """\
old.test.      TXT "v=spf1 ip4:192.0.2.1 -all"
mx.old.test.   TXT "v=spf1 ip4:192.0.2.2 -all"
evil-old.test. TXT "v=spf1 ip4:192.0.2.2 -all"
soft.test.     TXT "v=spf1 ip4:192.0.2.1 ~all"
error.test.    TXT "v=spf1 ipv4:192.0.2.1 -all"
none.test.     TXT "nothing to do with SPF"
open.test.     TXT "v=spf1 +all"
fail.test.     TXT "v=spf1 -all"
far.test.      TXT "v=spf1 ip4:192.0.2.0/24 -all"
"""
RRS_SECRET = "a secret of the RRS tests"
MODE = "rewrite = remote_domain\nlocal_domains = our.test"


def rrs(forwarder, user, secret=RRS_SECRET):
    done = subprocess.run(
        [places.program("srs"), "rrs", "--secret", secret, forwarder, user],
        check=True, capture_output=True, text=True)
    return done.stdout.strip()


class Site(milter_daemon.Site):
    def __init__(self):
        super().__init__()
        self.dns = nameserver.zone_server(
            ZONE, servfail=["broken.test", "mx.broken.test"])

    def daemon(self, directory, srs="rrs_domains = our.test", mode=MODE, spf="",
               revoked="", secrets=(RRS_SECRET,)):
        daemon = srsmilter.Srsmilter(
            directory, mode,
            f"rrs_secret_file = {directory}/rrs-secret\n"
            f"rrs_revoked = {directory}/revoked\n{srs}",
            f"[spf]\nnameservers = {self.dns.name}\n{spf}")
        daemon.write("rrs-secret", "".join(f"{s}\n" for s in secrets), 0o600)
        daemon.write("revoked", revoked, 0o644)
        return daemon


def deliver(daemon, recipients, ip="192.0.2.1", sender="<bob@fail.test>",
            helo="mx.far.test", mta=POSTFIX, connect=None, **more):
    if isinstance(recipients, str):
        recipients = [recipients]
    with Session(daemon.address, mta) as s:
        s.connect(ip, **(connect or {}))
        s.helo(helo)
        return s.deliver(sender, recipients, ["Subject: hello"], **more)


def answers(done):
    return [f"{a.code} {a.status}".strip() for a in done.recipients.values()]


def expect(daemon, recipient, answer, restored=None, **more):
    done = deliver(daemon, f"<{recipient}>", **more)
    equal(answers(done), [answer], recipient)
    if restored:
        equal(done.message.recipients, [restored], recipient)
    return done


@suite.case("mail from the forwarder reaches the user, whoever sent it")
def passes(site):
    d = site.start()
    address = rrs("old.test", "Bob.Smith+x@our.test")
    for sender in ("<bob@fail.test>", "<>", "<x@old.test>",
                   "<SRS0=aaaaaa=aa=far.test=bob@fwd.test>"):
        for mta in POSTFIX, SENDMAIL:
            expect(d, address, "", "Bob.Smith+x@our.test", sender=sender, mta=mta)
    expect(d, address.upper(), "", "BOB.SMITH+X@OUR.TEST")
    expect(d, rrs("old.test", '"b c"@our.test'), "", '"b c"@our.test')
    line = d.wait_for_log(" mail queue_id=")[0]
    told = milter_daemon.parse(line)
    equal({key: told[key] for key in ("rrs", "forwarder", "forwarder_spf",
                                      "restored", "restored_to", "outcome")},
          {"rrs": "1", "forwarder": "old.test", "forwarder_spf": "pass",
           "restored": "1", "restored_to": "Bob.Smith+x@our.test",
           "outcome": "accepted"})


@suite.case("any other host gets 550 5.7.23; 451 4.7.24 while nobody can say")
def others(site):
    d = site.start()
    for forwarder, ip, answer in (
            ("old.test", "192.0.2.2", "550 5.7.23"),
            ("old.test", "2001:db8::1", "550 5.7.23"),
            ("far.test", "198.51.100.1", "550 5.7.23"),
            ("soft.test", "192.0.2.2", "550 5.7.23"),
            ("error.test", "192.0.2.1", "550 5.7.23"),
            ("none.test", "192.0.2.1", "550 5.7.23"),
            ("missing.test", "192.0.2.1", "550 5.7.23"),
            ("broken.test", "192.0.2.1", "451 4.7.24"),
            ("open.test", "203.0.113.9", "")):
        # Whatever SPF says of the sender.
        expect(d, rrs(forwarder, "bob@our.test"), answer, ip=ip,
               sender="<ann@far.test>")
    done = expect(d, rrs("old.test", "bob@our.test"), "550 5.7.23",
                  ip="192.0.2.2")
    [answer] = done.recipients.values()
    equal(answer.text, "SPF fail: 192.0.2.2 is not allowed to send mail for "
          "old.test, the only sender that this address accepts")
    told = milter_daemon.parse(d.wait_for_log("refused_as=not_forwarder")[0])
    equal((told["forwarder_spf"], told["outcome"]), ("fail", "refused"))


@suite.case("a HELO name below the forwarder that passes is one of its hosts")
def helo_below(site):
    d = site.start()
    address = rrs("Old.test", "bob@our.test")
    for helo, ip, answer in (
            ("mx.old.test", "192.0.2.2", ""),
            ("MX.OLD.TEST.", "192.0.2.2", ""),
            ("mx.old.test", "192.0.2.3", "550 5.7.23"),
            ("old.test", "192.0.2.2", "550 5.7.23"),
            ("evil-old.test", "192.0.2.2", "550 5.7.23"),
            ("far.test", "192.0.2.2", "550 5.7.23"),
            (".old.test", "192.0.2.2", "550 5.7.23"),
            ("[192.0.2.2]", "192.0.2.2", "550 5.7.23")):
        expect(d, address, answer, helo=helo, ip=ip)
    expect(d, rrs("broken.test", "bob@our.test"), "451 4.7.24", ip="192.0.2.2",
           helo="mx.broken.test")


@suite.case("forged: the hash, the forwarder, the user, the domain, the secret")
def forged(site):
    d = site.start(srs="rrs_domains = our.test, .our.test")
    good = rrs("old.test", "bob@our.test")
    digest = good.split("=")[1]
    for address in (
            good.replace(digest, digest[::-1]), good.replace(digest, digest[1:]),
            good.replace(digest, digest + "a"), good.replace(digest, ""),
            good.replace("old.test", "open.test"), good.replace("=bob", "=ann"),
            good.replace("@our", "@sub.our"), "rrs=@our.test", "RRS=x@our.test",
            rrs("old.test", "bob@our.test", "another secret of the tests"),
            '"' + good.replace("=bob@", '=ann"@'),
            "rrs=" + digest + "=old.test@our.test"):
        expect(d, address, "550 5.7.1")
    expect(d, good, "", "bob@our.test")
    told = milter_daemon.parse(d.wait_for_log("rrs_forged")[0])
    equal((told["forged"], told["refused_as"], told["rrs"]),
          ("1", "rrs_forged", "1"))


@suite.case("other domains' RRS addresses are not ours to judge")
def foreign(site):
    d = site.start()
    expect(d, "rrs=x=y.test=bob@other.test", "")
    expect(d, "rrs+x=y.test=bob@our.test", "")
    # By default those of own_domains (own.test) and local_domains (our.test).
    d = site.start(srs="")
    expect(d, "rrs=x=y.test=bob@other.test", "")
    expect(d, "rrs=x=y.test=bob@our.test", "550 5.7.1")
    expect(d, "rrs=x=y.test=bob@own.test", "550 5.7.1")
    expect(d, "rrs=x=y.test=bob", "550 5.7.1")


@suite.case("what an MTA may read as an RRS address, but isn't written as one")
def hidden(site):
    d = site.start()
    good = rrs("old.test", "bob@our.test")
    local = good.split("@")[0]
    for path in (f"<{local}%our.test@our.test>", f"<{local}%our.test@far.test>",
                 f"<our.test!{local}>", f"<@far.test:{good}>",
                 f'<"r\\rs={local[4:]}"@our.test>', f"<{good}> x",
                 f"<({good}){good}>", f"<{local[0]}\"{local[1:]}\"@our.test>"):
        done = deliver(d, [path])
        if answers(done)[0][:1] != "5":
            raise AssertionError(f"{path}: {answers(done)}")


@suite.case("several secrets verify; a list of revoked ones is noticed")
def revoked(site):
    old_secret = "the secret of last year"
    d = site.start(secrets=(RRS_SECRET, old_secret))
    one, two = rrs("old.test", "bob@our.test"), rrs("old.test", "ann@our.test",
                                                    old_secret)
    expect(d, one, "")
    expect(d, two, "")
    before = len(d.log())
    d.write("revoked", f"# bob's\n{one.split('=')[1].upper()}\n", 0o644)
    d.wait_for_log("reloaded", before)
    expect(d, one, "550 5.7.1")
    expect(d, one.upper(), "550 5.7.1")
    expect(d, two, "")
    told = milter_daemon.parse(d.wait_for_log("rrs_revoked")[0])
    equal((told["refused_as"], "forged" in told), ("rrs_revoked", False))
    before = len(d.log())
    d.write("revoked", two + "\n", 0o644)
    d.wait_for_log("reloaded", before)
    expect(d, one, "")
    expect(d, two, "550 5.7.1")
    before = len(d.log())
    d.write("rrs-secret", RRS_SECRET + "\n", 0o600)
    d.wait_for_log("reloaded", before)
    expect(d, one, "")
    expect(d, rrs("old.test", "eve@our.test", old_secret), "550 5.7.1")


@suite.case("our own hosts and users are not asked for SPF, but for the hash")
def exempt(site):
    d = site.start(mode=MODE + "\ninternal_connect = 198.51.100.1\n"
                   "trusted_relay = 198.51.100.2")
    good = rrs("old.test", "bob@our.test")
    wrong = good.replace("=bob", "=ann")
    for ip in "198.51.100.1", "198.51.100.2", None:
        expect(d, good, "", "bob@our.test", ip=ip)
        expect(d, wrong, "550 5.7.1", ip=ip)
    with Session(d.address, POSTFIX, {"{auth_authen}": "ann"}) as s:
        s.connect("203.0.113.1")
        s.helo("x")
        done = s.deliver("<ann@our.test>", [f"<{good}>", f"<{wrong}>"],
                         ["Subject: x"])
    equal(answers(done), ["", "550 5.7.1"])
    equal(done.message.recipients, ["bob@our.test"])


@suite.case("RRS, plain and forwarded recipients of one message, each by itself")
def mixed(site):
    d = site.start()
    good = rrs("old.test", "Bob@our.test")
    wrong, other = good.replace("=B", "=H"), rrs("none.test", "ann@our.test")
    done = deliver(d, [f"<{good}>", f"<{wrong}>", "<carl@our.test>",
                       f"<{other}>", "<dora@far.test>"])
    equal(answers(done), ["", "550 5.7.1", "", "550 5.7.23", ""])
    equal(sorted(done.message.recipients),
          ["Bob@our.test", "carl@our.test", "dora@far.test"])
    if not done.message.sender.startswith("SRS0="):
        raise AssertionError(done.message.sender)
    # Of RRS and local ones alone the sender stays.
    done = deliver(d, [f"<{good}>", "<carl@our.test>"])
    equal(done.message.sender, "bob@fail.test")
    # An RRS address twice, and beside the user's own.
    done = deliver(d, [f"<{good}>", f"<{good.upper()}>"])
    equal(done.message.recipients, ["Bob@our.test"])


@suite.case("parameters of RCPT go on to the user")
def parameters(site):
    d = site.start()
    good = rrs("old.test", "bob@our.test")
    with Session(d.address, POSTFIX) as s:
        s.connect("192.0.2.1")
        s.helo("x")
        s.mail("<bob@fail.test>")
        s.rcpt(f"<{good}>", "NOTIFY=FAILURE", f"ORCPT=rfc822;{good}")
        done = s.content(["Subject: x"])
    [added] = [request for request in done.requests if "<bob@our.test>" in str(request)]
    if "NOTIFY=FAILURE" not in str(added) or "ORCPT=rfc822;rrs" not in str(added):
        raise AssertionError(added)


@suite.case("reject_spoofed doesn't take a forwarded bounce for a forged one")
def bounces(site):
    d = site.start(srs="rrs_domains = our.test, ses.test",
                   mode=MODE + "\nreject_spoofed = yes")
    expect(d, rrs("old.test", "bob@ses.test"), "", "bob@ses.test", sender="<>")
    expect(d, "bob@ses.test", "550 5.7.1", sender="<>")


@suite.case("rewrite = none, remote_mailer and all")
def modes(site):
    good = rrs("old.test", "bob@our.test")
    for mode, rewritten in (("none", False), ("remote_mailer", False),
                            ("all", True)):
        d = site.start(mode=f"rewrite = {mode}")
        done = expect(d, good, "", "bob@our.test", mta=SENDMAIL)
        equal(done.message.sender.startswith("SRS0="), rewritten, mode)


@suite.case("DNS silent: 451 at the deadline")
def silent(site):
    d = site.start(spf="timeout = 1")
    site.dns.freeze()
    try:
        expect(d, rrs("old.test", "bob@our.test"), "451 4.7.24")
    finally:
        site.dns.thaw()


def figures(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as reply:
        return reply.read().decode().splitlines()


@suite.case("figures for Prometheus")
def metrics(site):
    port = network.free_port(socket.AF_INET, "127.0.0.1")
    d = site.start(mode=MODE + f"\nmetrics = inet:{port}@127.0.0.1")
    good = rrs("old.test", "bob@our.test")
    for ip, address in (("192.0.2.1", good), ("192.0.2.2", good),
                        ("192.0.2.1", good.replace("=bob", "=ann"))):
        deliver(d, f"<{address}>", ip=ip)
    tap.wait_until(lambda: len(d.wait_for_log(" mail ")) == 3, "three lines")
    for line in ('srsmilter_recipients_total{fate="restored"} 1',
                 'srsmilter_recipients_total{fate="not_forwarder"} 1',
                 'srsmilter_recipients_total{fate="rrs_forged"} 1',
                 'srsmilter_forwarders_total{result="pass"} 1',
                 'srsmilter_forwarders_total{result="fail"} 1',
                 'srsmilter_forged_total 1'):
        equal(line in figures(port), True, line)
    port = network.free_port(socket.AF_INET, "127.0.0.1")
    d = site.spfmilter(f"metrics = inet:{port}@127.0.0.1")
    deliver(d, f"<{good}>")
    d.wait_for_log(" mail ")
    equal("spfmilter_recipients_rrs_total 1" in figures(port), True)


# --- spfmilter ---

class BothSite(Site):
    """Both filters, as an MTA calls them: one after the other."""

    def spfmilter(self, more="", access="spf-softfail:\tREJECT\n", rrs="yes",
                  srs="[srs]\nrrs_domains = our.test"):
        path = self.path()
        daemon = spfmilter.Spfmilter(
            path, self.dns.name, access,
            spfmilter=f"rrs = {rrs}\n{more}",
            more=f"{srs}\nrrs_secret_file = /x\n")
        self.daemons.append(daemon)
        return daemon.start()


@suite.case("spfmilter, rrs = yes: SPF of the sender is no matter for RRS addresses")
def left(site):
    d = site.spfmilter()
    rrs_shape = "rrs=x=y.test=bob@our.test"
    for sender in "<x@fail.test>", "<x@soft.test>", "<x@error.test>", "<x@broken.test>":
        done = deliver(d, [f"<{rrs_shape}>", "<bob@our.test>", f"<{rrs_shape.upper()}>",
                           "<rrs=x=y.test=bob@other.test>", "<rrs+x=y=bob@our.test>",
                           '<"rrs=x=y.test=b c"@our.test>'],
                       ip="203.0.113.1", sender=sender)
        equal([a[:1] in "45" and bool(a) for a in answers(done)],
              [False, True, False, True, True, False], sender)
    told = milter_daemon.parse(d.wait_for_log(" mail queue_id=")[0])
    equal((told["rrs"], told["refused"], told["rcpts"]), ("3", "3", "3"))


@suite.case("spfmilter: other refusals are none of RRS")
def not_left(site):
    d = site.spfmilter("bad_helo = reject",
                       access="spf-pass:far.test\tREJECT\n")
    shape = "<rrs=x=y.test=bob@our.test>"
    for sender, helo, answer in (
            ("<x@far.test>", "mx.far.test", "550 5.7.1"),
            ("<x@fail.test>", "192.0.2.1", "550 5.7.1"),
            ("<x@fail.test>", "mx.far.test", "")):
        equal(answers(deliver(d, [shape], ip="192.0.2.1", sender=sender,
                              helo=helo)), [answer], sender)
    d = site.spfmilter(srs="[srsmilter]\nlocal_domains = our.test\n"
                       "[srs]\nown_domains = own.test")
    for domain, answer in ("our", ""), ("own", ""), ("other", "550 5.7.23"):
        equal(answers(deliver(d, [f"<rrs=x=y.test=bob@{domain}.test>"])), [answer])
    d = site.spfmilter(rrs="no")
    equal(answers(deliver(d, [shape])), ["550 5.7.23"])


@suite.case("spfmilter: a forged RRS address doesn't save the others from DISCARD")
def whole_message(site):
    shape, plain = "<rrs=x=y.test=bob@our.test>", "<ann@our.test>"
    for verb in "DISCARD", "QUARANTINE":
        d = site.spfmilter(access=f"spf-fail:\t{verb}\n")
        equal(answers(deliver(d, [shape, plain])), ["", "452 4.5.3"], verb)
        equal(answers(deliver(d, [plain, shape])), ["", "452 4.5.3"], verb)
        done = deliver(d, [shape])
        equal((done.verdict, str(done.requests).count("quarantine")),
              ("continue", 0), verb)
        done = deliver(d, [plain])
        lines = tap.wait_until(
            lambda: [line for line in d.log() if ": mail " in line][3:],
            "a log line for each message")
        equal("accepted" in lines[0], False, verb)


@suite.case("spfmilter: rrs = yes with reject_at = mail, or without a key, is an error")
def wrong(site):
    for more, srs, said in (
            ("reject_at = mail", "rrs_secret_file = /x", "reject_at = rcpt"),
            ("", "rrs_domains = our.test", "rrs_secret_file in [srs]")):
        d = spfmilter.Spfmilter(site.path(), site.dns.name,
                                spfmilter=f"rrs = yes\n{more}",
                                more=f"[srs]\n{srs}")
        done = subprocess.run([d.program, "-n", "-c", d.config], check=False,
                              capture_output=True, text=True)
        equal(done.returncode != 0, True)
        if f"rrs: requires {said}" not in done.stderr:
            raise AssertionError(done.stderr)


@suite.case("srsmilter: bad secret files and lists are errors")
def wrong_files(site):
    for name, text, mode, said in (
            ("rrs-secret", "short\n", 0o600, "too short"),
            ("rrs-secret", "shhhh!\n", 0o600, "published"),
            ("rrs-secret", RRS_SECRET + "\n", 0o644, "accessible to all users"),
            ("rrs-secret", "", 0o600, "contains no secret"),
            ("revoked", "bob@our.test\n", 0o644, "not an RRS address")):
        d = site.daemon(site.path())
        d.write(name, text, mode)
        done = subprocess.run([d.program, "-n", "-c", d.config], check=False,
                              capture_output=True, text=True)
        equal(done.returncode != 0, True, f"{name}: {text}")
        if said not in done.stdout + done.stderr:
            raise AssertionError(f"{name}: {text}: {done.stderr}")
    d = site.daemon(site.path())
    os.unlink(os.path.join(d.directory, "rrs-secret"))
    done = subprocess.run([d.program, "-n", "-c", d.config], check=False,
                          capture_output=True, text=True)
    equal("cannot read secrets" in done.stdout + done.stderr, True)


if __name__ == "__main__":
    sys.exit(nameserver.run(suite, BothSite))

"""
One reading of the envelope: whatever form a client writes, what both filters say
that they have checked is what the mail server delivers.

A site has: spfmilter, srsmilter, sink, host, patient(): waits until what the
mail server has taken is delivered or bounced.  Every recipient of its domains
goes to the sink: user@fwd.test to user@fwd.dest.test, and user@virt.fwd.test to
user@virt.dest.test.
"""

import os
import random
import re
import secrets
import socket
import sys
import threading

import envelope_forms as grammar
import tap
import world

import milter_daemon
import spfmilter
from srsmilter import Srsmilter

suite = tap.Suite()
case = suite.case
PEERS = ["nsd"]
SRS_DOMAIN = "virt.fwd.test"
FRIEND, OTHER = "friend@fwd.test", "ann@fwd.test"
VIRTUAL = {"fwd.test": "fwd.dest.test", SRS_DOMAIN: "virt.dest.test"}
SESSIONS = 4

# MTAs look senders' domains up by themselves.
world.WILDCARDS.update(["pass.test", "fail.test", "dest.test"])

# Whatever SPF says is taken, so that a refusal is one of the form.
ACCESS = "".join(f"{tag}-{result}\tOK\n" for tag in ("spf", "helo")
                 for result in spfmilter.RESULTS)
REJECTING = f"spf-fail:fail.test\tREJECT\nspf-to:{FRIEND}\tOK\n"


def start_filters(site, place):
    site.dns = spfmilter.name_server()
    site.spfmilter = spfmilter.Spfmilter(
        place.make_dir("run", "spfmilter", owner="mailfrom"), site.dns.name,
        ACCESS, user="mailfrom", listen="inet:10006@127.0.0.1").start()
    site.srsmilter = Srsmilter(
        place.make_dir("run", "srsmilter", owner="mailfrom"), "rewrite = none",
        fwdomain=SRS_DOMAIN, user="mailfrom", listen="inet:10007@127.0.0.1")
    os.chown(site.srsmilter.secret_path, *os.stat(
        site.srsmilter.directory)[4:6])
    site.srsmilter.start()


# --- a client that sends whatever it is given ---

class Client:
    def __init__(self, host):
        self.host, self.socket = host, None

    def connect(self):
        self.close()
        self.socket = socket.create_connection(
            (self.host, 25), 120, source_address=(world.CLIENT, 0))
        self.file = self.socket.makefile("rb")
        self.read()
        self.say(b"EHLO client.test")

    def close(self):
        if self.socket:
            self.file.close()
            self.socket.close()
        self.socket = None

    def read(self):
        for line in iter(self.file.readline, b""):
            if line[3:4] != b"-":
                return line
        return b"421 closed"

    def say(self, *lines):
        self.socket.sendall(b"".join(line + b"\r\n" for line in lines))
        return [self.read() for _ in lines]

    def send(self, mail, rcpt, token):
        """
        A message from one raw argument to the other; the last replies to MAIL
        and RCPT, and the queue id, or None.
        """
        if self.socket is None:
            self.connect()
        steps = [b"MAIL FROM:" + mail, b"RCPT TO:" + rcpt]
        said = self.say(*steps)
        if all(reply.startswith(b"25") for reply in said):
            said += self.say(b"DATA")
            if said[-1].startswith(b"354"):
                said += self.say(b"X-Token: %s\r\nFrom: a@header.test\r\n\r\nx\r\n."
                                 % token.encode())
        queue_id = re.match(rb"250 2\.0\.0 (?:Ok: queued as )?(\w+)", said[-1])
        if any(reply.startswith(b"421") for reply in said) or \
                self.say(b"RSET")[0][:3] != b"250":
            self.close()
        return said, queue_id[1].decode() if len(said) == 4 and queue_id else None


class Attempt:
    def __init__(self, form, mail, rcpt):
        self.form, self.mail, self.rcpt = form, mail, rcpt
        self.said, self.queue_id, self.token = [], None, None
        self.delivered = []


def try_all(site, attempts):
    """Send them all in a few sessions, and wait for what comes of them."""
    failed = []

    def run(share):
        client = Client(site.host)
        try:
            for attempt in share:
                attempt.token = site.new_token()
                attempt.said, attempt.queue_id = client.send(
                    attempt.mail, attempt.rcpt, attempt.token)
        except Exception as error:
            failed.append(repr(error))
            raise
        finally:
            client.close()
    threads = [threading.Thread(target=run, args=(attempts[n::SESSIONS],))
               for n in range(SESSIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tap.equal(failed, [], "sessions that broke")
    site.patient()
    by_token = {attempt.token: attempt for attempt in attempts}
    with site.sink.lock:
        messages = list(site.sink.messages)
    for message in messages:
        # At the top: a bounce has the whole message further down.
        head = message.text.replace("\r", "").split("\n\n")[0]
        token = re.search(r"^X-Token: (\S+)$", head, re.M)
        if token and token[1] in by_token:
            by_token[token[1]].delivered.append(message)
    return [attempt for attempt in attempts if attempt.queue_id]


def checked(daemon, attempts):
    """{queue id: the log line of a message that was taken}"""
    wanted = {attempt.queue_id for attempt in attempts}

    def found():
        lines = {}
        for line in daemon.log():
            if " mail queue_id=" in line:
                values = milter_daemon.parse(line)
                if values["queue_id"] in wanted and \
                        values["outcome"] == "accepted":
                    lines[values["queue_id"]] = values
        return lines if wanted <= lines.keys() else None
    return tap.wait_until(found, f"{daemon.name}'s log lines")


def seed_and_count(site, default):
    """A fixed seed and few forms, but with make soak."""
    if "soak:" in sys.argv:
        seed = int(os.environ.get("SOAK_SEED", secrets.randbits(32)))
        return seed, int(os.environ.get("SOAK_MESSAGES", "10000"))
    return 1, default // site.few


# --- comparing ---

def unescape(text):
    """What a value of the log stands for, as the sink's text: latin-1."""
    return re.sub(r"\\(?:x([0-9a-f]{2})|(.))", lambda m: chr(int(m[1], 16))
                  if m[1] else m[2], text.encode("utf-8").decode("latin-1"))


def simple(address):
    """
    An address for comparison: case, quotes and a dot at the end don't matter.
    Postfix lowers the case of octets in {mail_addr}, not of characters.
    """
    local, at, domain = address.rpartition("@")
    if local.startswith('"'):
        local = re.sub(r"\\(.)", r"\1", local[1:-1])
    return "".join(chr(ord(c) + 32) if "\xc0" <= c <= "\xde" else c.lower()
                   for c in local + at + domain.rstrip("."))


def report(what, seed, attempts, taken, differences):
    undelivered = sum(not attempt.delivered for attempt in taken)
    tap.diagnose(f"{what}: seed {seed}, {len(attempts)} forms tried, "
                 f"{len(taken)} accepted ({undelivered} of them not delivered), "
                 f"{len(differences)} differences")
    if differences:
        raise AssertionError(f"{len(differences)} differences:\n" +
                             "\n".join(differences[:40]))
    if not any(attempt.delivered for attempt in taken):
        raise AssertionError(f"{what}: nothing was delivered")


@case("soak: MAIL: what is delivered is what both filters have checked")
def mail(site):
    seed, count = seed_and_count(site, 500)
    attempts = [
        Attempt(form, grammar.octets(form) + site.suffix(form), b"<ann@fwd.test>")
        for form in grammar.forms(random.Random(seed), count,
                                  f"bob@{grammar.MINE}",
                                  f"victim@{grammar.THEIRS}")]
    taken = try_all(site, attempts)
    for daemon in site.spfmilter, site.srsmilter:
        lines, differences = checked(daemon, taken), []
        for attempt in taken:
            read = unescape(lines[attempt.queue_id]["from"])
            for message in attempt.delivered:
                if simple(read) != simple(message.sender):
                    differences.append(
                        f"{attempt.mail!r}: {daemon.name} checked {read!r}, "
                        f"delivered {message.sender!r}")
        report(f"MAIL, {daemon.name}", seed, attempts, taken, differences)


def rcpt_forms(site, default, sender, pair, is_wrong, what):
    """
    Recipients of messages from sender, whose forms are made of a pair of
    addresses; is_wrong(recipient): whether one that is delivered to should have
    been refused.  Returns the attempts that were accepted.
    """
    seed, count = seed_and_count(site, default)
    rng = random.Random(seed)
    some = [form for mine, theirs in (pair, reversed(pair))
            for form in grammar.forms(rng, count // 2, mine, theirs)]
    attempts = [Attempt(form, sender + site.suffix(form), grammar.octets(form))
                for form in [f"<{pair[0]}>", f"<{pair[1]}>", *some]]
    taken = try_all(site, attempts)
    differences = [
        f"{attempt.rcpt!r}: delivered to {recipient!r}"
        for attempt in taken for message in attempt.delivered
        for recipient in message.recipients if is_wrong(simple(recipient))]
    report(what, seed, attempts, taken, differences)
    return {attempt.form for attempt in taken}


@case("soak: RCPT, spfmilter: exempt is who is delivered to as the exempt one")
def rcpt_exempt(site):
    site.spfmilter.change_access(REJECTING)
    # It would refuse the forms in question by itself.
    site.srsmilter.reload(
        srsmilter=f"rewrite = none\ninternal_connect = {world.CLIENT}")
    try:
        taken = rcpt_forms(
            site, 300, b"<bob@fail.test>", (FRIEND, OTHER),
            lambda to: to.partition("@")[0] not in ("friend", "postmaster"),
            "RCPT, spfmilter")
        tap.equal([f"<{who}>" in taken for who in (FRIEND, OTHER)],
                  [True, False], "taken: the exempt one, another one")
    finally:
        site.srsmilter.reload(srsmilter="rewrite = none")
        site.spfmilter.change_access(ACCESS)


@case("soak: RCPT, srsmilter: no forged return path is delivered to, nor a genuine "
      "one but with a bounce")
def rcpt_signed(site):
    genuine = site.srsmilter.encode("bob@dest.test", domain=SRS_DOMAIN)
    forged = genuine.replace("=bob", "=eve")
    for sender in b"<>", b"<bob@pass.test>":
        for signed in forged, genuine:
            def is_wrong(to, restored=sender == b"<>"):
                return re.match(r"srs[01][-+=].*@virt\.dest\.test$", to) or \
                    (to == "bob@dest.test" and not restored)
            taken = rcpt_forms(site, 80, sender, (OTHER, signed), is_wrong,
                               "RCPT, srsmilter")
            tap.equal([f"<{who}>" in taken for who in (OTHER, signed)],
                      [True, sender == b"<>" and signed == genuine],
                      f"from {sender!r}, taken: ann, {signed}")

# SPDX-License-Identifier: ISC
"""
What is around the mail server of a site, whichever that is: hosts outside, a mail
store, filters, our daemons; and what happens to a dozen messages there.
"""

import dataclasses
import glob
import os
import re
import subprocess

import hosts
import outside
import places
import srsd
import srsmilter
import tap
import world

DOMAIN, SRS_DOMAIN = "fwd.test", "srs.fwd.test"
SENDER = "bob@sender.test"
SRS = places.program("srs")
MAILFROM = places.program("mailfrom")
SERVICES = """\
smtp 25/tcp
smtps 465/tcp
submissions 465/tcp
submission 587/tcp
lmtp 24/tcp
domain 53/udp
domain 53/tcp
"""
# The site's own domains, each of which some site has.
DOMAINS = [DOMAIN, SRS_DOMAIN, "alias.test", "box.test"]
# Whose senders are the site's own; one of them is received elsewhere.
OWN = f"{DOMAIN}, mx.{DOMAIN}, other-name.test"


@dataclasses.dataclass
class Sent:
    """A message of the dozen, and what became of it."""
    reply: list                 # to MAIL, to each RCPT, to the message
    deliveries: list = dataclasses.field(default_factory=list)


class Around:
    """
    Subclasses have mta, a server of tests/lib with mailbox(), and say how a
    program on its host submits mail.
    """
    own_domain = DOMAIN

    def __init__(self, peers):
        self.place = world.enter(peers)
        world.DOMAINS.update({
            **dict.fromkeys(DOMAINS, outside.HOST),
            **dict.fromkeys(["relay.test", "relayed.test"], outside.RELAY),
            **dict.fromkeys(["sender.test", "dest.test", "other.test"],
                            outside.MX)})
        self.place.write("etc", "services", text=SERVICES)
        self.place.write("home", "dora", ".forward", text="dora@dest.test\n")
        self.outside = outside.Outside()
        self.messages, self.count, self.mta = [], 0, None
        self.sinks = [self.outside.call(hosts.NextHost, name, address,
                                        self.messages, wrapped)
                      for name, address, wrapped in (
                          ("mx", (outside.MX, 25), False),
                          ("relay", (outside.RELAY, 25), False),
                          ("relay:587", (outside.RELAY, 587), False),
                          ("relay:465", (outside.RELAY, 465), True))]
        self.inside = [hosts.Lmtp("lmtp", ("127.0.0.1", 24), self.messages),
                       hosts.Policy(("127.0.0.1", 10023))]
        self.content_filter = hosts.ContentFilter(("127.0.0.1", 10024),
                                                  ("127.0.0.1", 10025))
        self.start_other_filter()

    def start_other_filter(self):
        """A do-nothing filter, in the place of the site's own."""
        self.nothing = subprocess.Popen(
            [places.program("tests/milter/filter"), "inet:10008@127.0.0.1"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        tap.wait_until(lambda: srsd.listens(10008), "the other filter")

    def start_daemons(self, fwdomain, filter_conf, port=srsd.PORT):
        """(srsd, srsmilter) with one configuration."""
        daemon = srsd.Srsd(self.place, fwdomain, port, own=OWN)
        with open(daemon.config, "r+", encoding="utf-8") as file:
            # Postfix and sendmail can't open that one.
            text = file.read().replace(f", unix:{daemon.unix}", "")
            file.seek(0)
            file.truncate()
            file.write(f"{text}[srsmilter]\nuser = mailfrom\n{filter_conf}")
        directory = f"srsmilter-{fwdomain}"
        return daemon.start(), srsmilter.Srsmilter(
            self.place.make_dir("run", directory, owner="mailfrom"),
            config=daemon.config).start()

    # --- messages ---

    def token(self):
        self.count += 1
        return f"token-{os.getpid()}-{self.count}-"

    def encode(self, sender):
        return subprocess.run(
            [SRS, "encode", "--secret", self.srs.secret, "--domain",
             self.srs.domain, sender], check=True, capture_output=True,
            text=True).stdout.strip()

    def send(self, sender, *recipients, source=outside.CLIENT, host=outside.HOST,
             manners=(), **options):
        """(token, Sent)"""
        token = self.token()

        def deliver():
            with hosts.Client(host, source, manners) as session:
                return session.send(sender, recipients, token, **options)
        reply = self.outside.call(deliver) if source == outside.CLIENT \
            else deliver()
        return token, Sent([
            f"{code} {text}" for code, text in
            [reply.mail, *reply.rcpt, *([reply.data] if reply.data else [])]])

    def dozen(self, with_srs, both, extra=(), host=outside.HOST, manners=()):
        """
        {name: (token, Sent)}.  both: the second recipient of a message to a
        mailbox and elsewhere; extra: recipients of one more message each.
        """
        def send(*arguments, **options):
            return self.send(*arguments, host=host, manners=manners, **options)
        sent = {
            "local": send(SENDER, f"local@{DOMAIN}"),
            "virtual": send(
                SENDER, f"vera@{DOMAIN}", mail_args="RET=HDRS ENVID=id",
                rcpt_args="NOTIFY=FAILURE ORCPT=rfc822;or@x.test"),
            "aliases": send(SENDER, f"carol@{DOMAIN}", f"dora@{DOMAIN}"),
            "both": send(SENDER, f"local@{DOMAIN}", both),
            "null": send("", f"vera@{DOMAIN}"),
            "own": send(f"local@{DOMAIN}", "vera@dest.test", source=host),
            "program": self.submit(),
            "rejected": send(SENDER, f"rejected@{DOMAIN}"),
            **{recipient: send(SENDER, recipient) for recipient in extra},
        }
        if with_srs:
            address = self.encode(SENDER)
            sent["bounce"] = send("", address)
            sent["folded"] = send("", address.lower())
            sent["forged"] = send(
                "", f"SRS0=AAAAAA=AA=sender.test=bob@{self.srs.domain}")
        else:
            sent["bounce"] = send("", SENDER, source=host)
        return sent

    def deliveries(self, token, first):
        """Where the message went, of what came since self.messages[first]."""
        found = []
        for message in self.messages[first:]:
            if token in message.text:
                for recipient, args in zip(message.recipients,
                                           message.rcpt_args):
                    found.append(delivery(message, recipient, args))
        for user in os.listdir(self.mta.mail):
            for text in self.mta.mailbox(user, token):
                found.append({"at": "mailbox", "recipient": user,
                              "sender": self.mailbox_sender(text),
                              **content(text)})
        return sorted(found, key=lambda d: (
            d["recipient"], d["at"], d.get("rcpt_args", []), d["fields"]))


def delivery(message, recipient, args):
    return {
        "at": message.at, "sender": message.sender, "recipient": recipient,
        "client": message.client[0], "helo": message.helo,
        "tls": message.tls, "login": message.login,
        "mail_args": sorted(word for word in message.mail_args.split()
                            if not re.match("SIZE=|AUTH=", word)),
        "rcpt_args": sorted(args.split()), **content(message.text)}


def content(text):
    """The header fields but those that tell the way, and the body."""
    text = re.sub(r"token-\d+-\d+-", "token", text.replace("\r\n", "\n"))
    head, _, body = text.partition("\n\n")
    fields = re.findall(r"^\S.*(?:\n[ \t].*)*", head, re.M)
    return {"fields": sorted(f for f in fields if not re.match(
        "(Received|Return-Path|Envelope-From|Message-Id|Date|From .*):|From ",
        f)), "body": body}


def remove(*patterns):
    """Files that match."""
    for pattern in patterns:
        for path in glob.glob(pattern):
            if not os.path.isdir(path):
                os.unlink(path)

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
Moves from other software: its process signs, its configuration is converted, and
the bounces to what it has signed come back to us.
"""

import os
import pwd
import re
import shutil
import subprocess
import sys

import milter_daemon
import nameserver
import network
import old_software
import places
import policy_client
import spfmilter
import tap
from milter_client import POSTFIX, Session
from old_software import Socketmap, Table
from tap import equal, true

SECRETS = "the secret that signs now\n# a line that signs nothing here\n" \
    "the secret that signed before\n"
OLDER = "the secret that signed before\n"
SENDERS = ["bob@orig.test", "Bob.Smith@Orig.Test", "bob+tag@orig.test",
           "a=b=c@orig.test", "o'brien@sub.orig.test", "x@y.z.test"]
SRS0 = "SRS0=AbCd=TT=third.test=bob@other.test"
# Domains that old addresses may have, besides the one they were made with.
ELSEWHERE = ["elsewhere.test", "own.test", "srs.elsewhere.test"]
USER = pwd.getpwuid(os.geteuid()).pw_name

suite = tap.Suite()
case = suite.case


class Converted:
    """A daemon with a converted configuration, and lines added to it."""

    def __init__(self, site, name, path, more=()):
        self.directory = site.path()
        self.config = os.path.join(self.directory, "mailfrom.conf")
        self.log_path = os.path.join(self.directory, "log")
        access = os.path.join(self.directory, "access")
        done = places.run(places.program("mailfrom"), "convert", "--access",
                          access, path)
        equal(done.returncode, 0, done.stderr)
        # What this host is: its user, a terminal's log, a test's name server.
        text = done.stdout
        for section, lines in ({name: f"user = {USER}", "log": "to = stderr"} |
                               dict(more)).items():
            head = f"\n[{section}]\n"
            if head not in text:
                text += head
            text = text.replace(head, head + lines + "\n")
        text = re.sub(r"(to = stderr\n(?:#.*\n)*)to = \w+\n", r"\1", text)
        if text.count("\nlisten = ") > 1:    # the policy service alone, and here
            text = text.replace("\nlisten = none\n", "\n")    # the filter too
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(text)
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [places.program(name), "-f", "-c", self.config],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        tap.wait_until(self.is_up, f"{name} to start")

    def is_up(self):
        with open(self.log_path, encoding="utf-8") as log:
            text = log.read()
        if self.process.poll() is not None:
            raise AssertionError(f"exited: {text}")
        return re.search(r"version \S+ started|serves ", text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        equal(self.process.wait(timeout=30), 0, "exit status")


class Site(milter_daemon.Site):
    def __init__(self):
        super().__init__()
        self.dns = spfmilter.name_server()

    def write(self, directory, name, text, mode=0o644):
        path = os.path.join(directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def need(self, *peers):
        for peer in peers:
            if WHY_NOT[peer]:
                raise tap.Skip(WHY_NOT[peer])


# --- SRS ---

def outstanding(forward):
    """Addresses that were signed, with the sender that each is for."""
    found = {}
    for sender in SENDERS + [SRS0]:
        address = forward.ask(sender)
        true(address and address != sender, f"{sender} became {address}")
        found[address] = sender
        local = address.rpartition("@")[0]
        for domain in ELSEWHERE:
            found[f"{local}@{domain}"] = sender
    return found


def expect_back(reverse, addresses):
    for address, sender in addresses.items():
        for form in address, address.lower():
            got = reverse.ask(form)
            equal(got and got.lower(), sender.lower(), form)
        equal(reverse.ask(address), sender, address)


def forged(address):
    """The same with another hash; a digit is none of its characters' case."""
    tag, found, rest = re.fullmatch(r"(SRS[01].)(\S+?)(=.*)", address).groups()
    return f"{tag}{'7' * len(found) if found[0] != '7' else '5' * len(found)}" \
        f"{rest}"


def expect_same(old, new):
    """What is rewritten there is here, into the same domain, and nothing else."""
    for key, answer in old.items():
        equal(rewritten_into(new.ask(key), key), rewritten_into(answer, key),
              key)


def rewritten_into(answer, key):
    """None if nothing changes."""
    return None if answer in (None, key) else answer.rpartition("@")[2]


# separator, length, least
HASHES = [("=", 4, 4), ("+", 6, 4), ("-", 10, 8)]
KEYS = ["bob@orig.test", "bob@own.test", "bob@sub.own.test", "bob@x.low.test",
        "bob@low.test", "bob@srs.test"]


@case("postsrsd 1.x, which has signed in any domain: all bounces come back")
def postsrsd1(site):
    site.need("postsrsd")
    for separator, length, least in HASHES:
        directory = site.path()
        ports = [network.free_port(), network.free_port()]
        path = site.write(directory, "postsrsd", f"""\
SRS_DOMAIN=srs.test
SRS_EXCLUDE_DOMAINS="own.test .low.test"
SRS_SEPARATOR={separator}
SRS_SECRET={directory}/secret
SRS_HASHLENGTH={length}
SRS_HASHMIN={least}
SRS_FORWARD_PORT={ports[0]}
SRS_REVERSE_PORT={ports[1]}
""")
        forward, reverse = Table(ports[0]), Table(ports[1])
        site.write(directory, "secret", OLDER, 0o600)
        with old_software.postsrsd1(path, ports[0]):
            addresses = outstanding(forward)
        site.write(directory, "secret", SECRETS, 0o600)
        with old_software.postsrsd1(path, ports[0]):
            addresses |= outstanding(forward)
            answers = {key: forward.ask(key) for key in KEYS}
        with Converted(site, "srsd", path):
            expect_back(reverse, addresses)
            for address in addresses:
                equal(reverse.ask(forged(address)), None, address)
            expect_same(answers, forward)
            ours = outstanding(forward)
        # And the way back is open.
        with old_software.postsrsd1(path, ports[0]):
            for address, sender in ours.items():
                equal(reverse.ask(address), sender, address)


POSTSRSD2 = """\
srs-domain = "srs.test"
domains = {{ "own.test", ".low.test" }}
separator = "{separator}"
hash-length = {length}
hash-minimum = {least}
secrets-file = "{directory}/secret"
socketmap = {socket}
{more}
chroot-dir = ""
unprivileged-user = ""
"""


@case("postsrsd 2.x: all bounces come back")
def postsrsd2(site):
    site.need("postsrsd2")
    for separator, length, least in HASHES:
        directory = site.path()
        path = site.write(directory, "postsrsd.conf", POSTSRSD2.format(
            separator=separator, length=length, least=least, more="",
            directory=directory, socket=f"unix:{directory}/sock"))
        address = os.path.join(directory, "sock")
        forward = Socketmap(address, "forward")
        reverse = Socketmap(address, "reverse")
        site.write(directory, "secret", SECRETS, 0o600)
        with old_software.postsrsd2(path, address):
            addresses = outstanding(forward)
            answers = {key: forward.ask(key) for key in KEYS}
        with Converted(site, "srsd", path):
            expect_back(reverse, addresses)
            for signed in addresses:
                equal(reverse.answer(forged(signed)), "NOTFOUND ", signed)
            expect_same(answers, forward)
            ours = outstanding(forward)
        with old_software.postsrsd2(path, address):
            for signed, sender in ours.items():
                equal(reverse.ask(signed), sender, signed)


def bounce(address, *recipients):
    with Session(address, POSTFIX) as s:
        s.connect("192.0.2.25")
        s.helo("mx.far.test")
        return s.deliver("<>", [f"<{r}>" for r in recipients],
                         ["Subject: failure"], b"text\r\n")


@case("postsrsd 2.x as a milter: restored; forged in its domain, foreign elsewhere")
def postsrsd2_milter(site):
    site.need("postsrsd2")
    directory = site.path()
    port = network.free_port()
    path = site.write(directory, "postsrsd.conf", POSTSRSD2.format(
        separator="=", length=4, least=4, directory=directory,
        socket=f"unix:{directory}/sock", more=f"milter = inet:localhost:{port}"))
    socket = os.path.join(directory, "sock")
    site.write(directory, "secret", SECRETS, 0o600)
    with old_software.postsrsd2(path, socket):
        addresses = outstanding(Socketmap(socket, "forward"))
    with Converted(site, "srsmilter", path):
        milter = f"inet:{port}@127.0.0.1"
        for address, sender in addresses.items():
            done = bounce(milter, address)
            equal(done.message.recipients, [sender], address)
            done = bounce(milter, forged(address))
            if address.endswith("@srs.test"):
                equal((done.code, done.status), ("550", "5.7.1"), address)
            else:
                equal(done.message.recipients, [forged(address)], address)


PYSRS = """\
[srs]
secret = the secret that signs now
secret.0 = the secret that signed before
fwdomain = srs.test
ses = ses.test
sign = sign.test
socket = {socket}
{more}
"""


class Legacy:
    """srsd over a pysrs.cfg, which has no key for its user: as nobody."""

    def __init__(self, site, directory, path, socket):
        program = os.path.join(site.scratch.name, "srsd")
        if not os.path.exists(program):
            # A build tree may lie where other users can't reach it.
            shutil.copy(places.program("srsd"), program)
        options = {}
        if os.geteuid() == 0:
            options = {"user": 65534, "group": 65534, "extra_groups": []}
            for name in directory, path:
                os.chown(name, 65534, 65534)
            # What pysrs has left, and only root may replace.
            if os.path.exists(socket):
                os.unlink(socket)
        self.log_path = os.path.join(directory, "log")
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [program, "-f", "-c", path], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, **options)
        tap.wait_until(lambda: self.is_up(socket), "srsd to listen")

    def is_up(self, socket):
        if self.process.poll() is not None:
            with open(self.log_path, encoding="utf-8") as log:
                raise AssertionError(log.read())
        return old_software.accepts(socket)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        equal(self.process.wait(timeout=30), 0, "exit status")


def bare(answer):
    """An address in the form of the ruleset, without its brackets."""
    return answer.replace("<@", "@").removesuffix(".>").removesuffix(">")


@case("pysrs's daemon: the same file, the same socket, all bounces come back")
def pysrs(site):
    site.need("pysrs")
    for more in "", "hashlength = 6\nmaxage = 21\nseparator = +":
        directory = site.path()
        socket = os.path.join(directory, "sock")
        path = site.write(directory, "pysrs.cfg", PYSRS.format(
            socket=socket, more=more), 0o600)
        make = Socketmap(socket, "make_srs")
        reverse = Socketmap(socket, "reverse_srs")
        addresses = {}
        with old_software.pysrs(path, socket):
            for sender in SENDERS + ["carol@ses.test", "dave@sign.test", SRS0]:
                local, _, domain = sender.rpartition("@")
                key = b"far.test\x9b" + f"{local}<@{domain}.>".encode()
                addresses[make.ask(key)] = sender
        equal(len(addresses), len(SENDERS) + 3)
        with Legacy(site, directory, path, socket):
            for signed, sender in addresses.items():
                equal(bare(reverse.ask(signed)), sender, signed)


# As envfrom2srs.py and srs2envtol.py call the library.
PROGRAM_MAP = """
import sys
import SRS
srs = SRS.new(secret="the secret that signs now", maxage=8, hashlength=8,
              separator="=", alwaysrewrite=True)
for sender in sys.argv[1:]:
    print(srs.forward(sender, "srs.test"))
"""


@case("pysrs's program maps: srs ask in their place")
def program_maps(site):
    site.need("pysrs")
    done = places.run(
        sys.executable, "-c", PROGRAM_MAP, *SENDERS, env=dict(
            os.environ, PYTHONPATH=places.peer("pysrs", places.PYTHON)))
    signed = done.stdout.split()
    equal(len(signed), len(SENDERS), done.stderr)
    directory = site.path()
    socket = os.path.join(directory, "sock")
    path = site.write(directory, "pysrs.cfg", PYSRS.format(
        socket=socket, more=""), 0o600)

    def ask(name, key):
        done = places.run(places.program("srs"), "ask", f"unix:{socket}", name,
                          key)
        equal(done.returncode, 0, done.stderr)
        return done.stdout.rstrip("\n")
    with Legacy(site, directory, path, socket):
        for address, sender in zip(signed, SENDERS):
            local, _, domain = address.rpartition("@")
            equal(bare(ask("reverse_srs", f"{local}<@{domain}.>")), sender)
            local, _, domain = sender.rpartition("@")
            again = bare(ask("make_srs", f"{local}<@{domain}.>"))
            true(again.endswith("@srs.test"), again)
            equal(bare(ask("reverse_srs", f"{again.replace('@', '<@')}.>")),
                  sender)
        equal(ask("make_srs", "<@>"), "<@>", "null sender")


# --- SPF ---

# What sends, with which name; whom from.
CLIENTS = [("127.0.0.99", "mx.none.test"), ("127.0.0.99", "fail.test"),
           ("127.0.0.99", "pass.test"), ("127.0.0.99", "softfail.test"),
           ("127.0.0.99", "permerror.test"), ("127.0.0.99", "temperror.test"),
           ("198.51.100.7", "mx.none.test"), ("127.0.0.98", "mx.none.test"),
           ("192.0.2.77", "fail.test")]
SPF_SENDERS = ["", *(f"bob@{result}.test" for result in spfmilter.RESULTS),
               "bob@sub.softfail.test", "bob@far.test"]
POLICIES = [
    "", "HELO_reject = SPF_Not_Pass", "HELO_reject = Softfail",
    "HELO_reject = Null", "HELO_reject = False", "HELO_reject = No_Check",
    "Mail_From_reject = SPF_Not_Pass", "Mail_From_reject = Softfail",
    "Mail_From_reject = False", "Mail_From_reject = No_Check",
    "PermError_reject = True\nTempError_Defer = True",
    "PermError_reject = True\nMail_From_reject = False",
    "Reject_Not_Pass_Domains = softfail.test,neutral.test",
    "Reject_Not_Pass_Domains = softfail.test\nHELO_reject = False\n"
    "Mail_From_reject = False",
    "TestOnly = 0", "Whitelist = 127.0.0.99/32", "Domain_Whitelist = "
    "forwarder.test", "skip_addresses = 198.51.100.0/24,192.0.2.0/24",
    "Void_Limit = 2\nLookup_Time = 10\nHeader_Type = AR\nAuthserv_Id = mx.test",
    "SPF_Enhanced_Status_Codes = No\nPermError_reject = True",
    "Reason_Message = Message {rejectdefer} by policy\nTempError_Defer = True",
]
# Where MAIL FROM passes or is a temperror, the HELO name has a say in policyd-spf,
# and none in spfmilter (spfmilter(8)).
HELO_SAYS_NOTHING = ["pass.test", "temperror.test", "far.test"]


def ask_policyd(path, port, requests):
    """policyd-spf's action for each (client, helo, sender)."""
    text = "".join(
        f"request=smtpd_access_policy\nprotocol_state=RCPT\n"
        f"client_address={client}\nclient_name=unknown\nhelo_name={helo}\n"
        f"sender={sender}\nrecipient=ann@here.test\ninstance=i{number}\n\n"
        for number, (client, helo, sender) in enumerate(requests))
    done = places.run(
        sys.executable, places.source("tests/lib/peer_policyd.py"),
        places.peer("policyd", places.PYTHON), str(port), path, input=text)
    actions = re.findall(r"(?m)^action=(.*)$", done.stdout)
    equal(len(actions), len(requests), done.stderr[-2000:])
    return actions


def kind_of(action):
    """(verdict, enhanced code) of what policyd-spf says."""
    word = action.split()[0].lower()
    code = re.search(r"\b([45]\.7\.\d+)\b", action)
    if word.startswith("5"):
        # Postfix adds its own where there is none.
        return "reject", code[1] if code else "5.7.1"
    if word == "defer_if_permit" or word.startswith("4"):
        return "tempfail", code[1] if code else "4.7.1"
    true(word in ("prepend", "dunno"), action)
    return "continue", ""


def is_excused(request, wanted, verdict):
    """It was the HELO name that decided there, and the manual says so of ours."""
    _, helo, sender = request
    domain = sender.rpartition("@")[2]
    if not sender or helo == "mx.none.test" or wanted == "continue":
        return False
    # A rejection comes before one for now.
    return domain in HELO_SAYS_NOTHING or \
        (wanted, verdict) == ("tempfail", "reject")


def ask_spfmilter(address, client, helo, sender):
    with Session(address, POSTFIX) as s:
        s.connect(client)
        s.helo(helo)
        done = s.deliver(f"<{sender}>", ["<ann@here.test>"],
                         ["Subject: hello"], b"text\r\n")
    return done.verdict, done.status if done.refused else "", done


def ask_policy_service(requests):
    """spfmilter's action for each, at the address that convert gives it."""
    with policy_client.Client(("127.0.0.1", 10008)) as service:
        return [service.ask(client_address=client, helo_name=helo,
                            sender=sender, recipient="ann@here.test")
                for client, helo, sender in requests]


def has_same_field(action, answer):
    """Where both accept; what isn't checked has a comment there, and none here."""
    fields = [re.match(r"PREPEND ((?:Received|Auth)[\w-]+): ", said, re.I)
              for said in (action, answer)]
    return not all(fields) or fields[0][1] == fields[1][1]


@case("policyd-spf: the same verdict and code for every session")
def policyd(site):
    site.need("policyd")
    requests = [(client, helo, sender) for client, helo in CLIENTS
                for sender in SPF_SENDERS]
    compared = excused = 0
    for lines in POLICIES:
        directory = site.path()
        path = site.write(directory, "policyd-spf.conf",
                          "debugLevel = 1\nskip_addresses = 127.0.0.1/32\n" +
                          lines + "\n")
        actions = ask_policyd(path, site.dns.port, requests)
        with Converted(site, "spfmilter", path, {
                "spf": f"nameservers = {site.dns.name}",
                "spfmilter": f"user = {USER}\nlisten = "
                             f"unix:{directory}/sock"}):
            answers = ask_policy_service(requests)
            for request, action, answer in zip(requests, actions, answers):
                verdict, code, done = ask_spfmilter(
                    f"unix:{directory}/sock", *request)
                wanted, wanted_code = kind_of(action)
                compared += 1
                equal(kind_of(answer), (verdict, code),
                      f"{lines!r}: {request}: the filter, as {answer}")
                true(has_same_field(action, answer), f"{action}: {answer}")
                if verdict != wanted and is_excused(request, wanted, verdict):
                    excused += 1
                    continue
                equal((verdict, code), (wanted, wanted_code),
                      f"{lines!r}: {request}: {action}")
                if "Reason_Message" in lines and wanted != "continue":
                    true(done.text in action, f"{done.text}: {action}")
    equal(compared, len(requests) * len(POLICIES))
    tap.diagnose(f"{compared} sessions, {excused} of them decided by the "
                 "HELO name there, and not here")


WHY_NOT = {}


def main():
    for peer in "postsrsd", "postsrsd2", "pysrs", "policyd":
        WHY_NOT[peer] = places.fetch(peer)
    return nameserver.run(suite, Site)


sys.exit(main())

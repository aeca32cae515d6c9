#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
srsd's SPF gate: who passes it, what waits for it and what doesn't.  The name
servers are a real nsd, and one that holds its answers back until it is told.
"""

import os
import re
import shutil
import signal
import sys

import dns
import servers
import tap
from places import program
from servers import Server
from socketmap_client import (
    ROOT, Background, Site, Srsd, netstring, send_until_full, write)
from tap import equal, true, wait_until

suite = tap.Suite()

GATE = """skip_if_spf_passes = yes
outbound_addresses = 192.0.2.1, 2001:db8::1, 192.0.2.2
own_domains = own.test
sign = sign.test
"""

ALL = "v=spf1 ip4:192.0.2.0/30 ip6:2001:db8::/32"
ZONES = {"test": f"""\
$TTL 300
@ SOA ns admin 1 3600 600 86400 60
  NS ns
ns A 127.0.0.1
all TXT "{ALL} -all"
*.all TXT "{ALL} -all"
own TXT "{ALL} -all"
sign TXT "{ALL} -all"
first TXT "v=spf1 ip4:192.0.2.2 ip6:2001:db8::1 -all"
middle TXT "v=spf1 ip4:192.0.2.0/30 ~all"
last TXT "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ?all"
neutral TXT "v=spf1 ?all"
broken TXT "v=spf1 foo {ALL[7:]}"
deep TXT "v=spf1 include:all.test -all"
bare A 192.0.2.1
bare.test._spf.delegate TXT "{ALL} -all"
"""}

NOTFOUND, REWRITTEN = b"NOTFOUND ", re.compile(rb"OK SRS0=.*@srs\.example\.com")
UP = re.compile(rb"OK srsd [0-9.]+ is up")


def is_rewritten(answer, what):
    true(answer is not None and REWRITTEN.fullmatch(answer),
         f"{what}: {answer!r}")


class Nsd:
    """The nsd that all cases share, in their network."""

    command, server = None, None

    @classmethod
    def port(cls):
        cls.server = cls.server or servers.Nsd(cls.command, ZONES)
        return cls.server.port

    @classmethod
    def stop(cls):
        if cls.server:
            cls.server.stop()


class Names:
    """A server that counts questions, and answers some itself."""

    def __init__(self, answer=None):
        self.server = Server(answer, upstream=Nsd.port())

    def __enter__(self):
        return self.server

    def __exit__(self, *_):
        self.server.stop()


class Holding:
    """Holds questions for names that begin with "slow" until told to go on."""

    def __init__(self):
        self.held, self.open = [], False
        self.server = Server(self.answer, upstream=Nsd.port())

    def answer(self, question, tcp):
        if question.name.startswith("slow") and not self.open:
            self.held.append(question)
            return []
        if question.name.startswith("slow"):
            return [self.reply(question)]
        return None

    @staticmethod
    def reply(question):
        """Senders in slow*.pass.test pass."""
        record = ALL if question.name.endswith("pass.test") else "v=spf1 -all"
        return dns.reply(question, [dns.rr(question.name, dns.TXT,
                                           dns.long_txt(record))])

    def wait_for(self, *names):
        wait_until(lambda: set(names) <= {q.name for q in self.held},
                   f"questions for {names}")

    def go_on(self):
        self.open = True
        for question in self.held:
            self.server.send_all([self.reply(question)], question.client)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.stop()


def gated(site, server=None, srs=GATE, spf="", **options):
    name = server.name if server else f"127.0.0.1:{Nsd.port()}"
    return Srsd(site, srs=srs, spf=f"nameservers = {name}\n{spf}", **options)


# --- who passes -----------------------------------------------------------------

@suite.case("a sender whose record names all our addresses stays, on every map")
def all_addresses_pass(site):
    sock = os.path.join(site.new_dir(), "table")
    daemon = gated(site, srsd=f"tcp_table_forward = unix:{sock}").start()
    client = daemon.client()
    for sender in ("bob@all.test", "bob@deep.test", "b.o.b@x.all.test"):
        for _ in range(2):      # asked, and cached
            equal(client.ask(f"forward {sender}"), NOTFOUND, sender)
        equal(client.ask(f"srs_forward@c.example {sender}"), NOTFOUND, sender)
        equal(client.ask(f"make_srs {sender}"), b"OK " + sender.encode())
        user, domain = sender.split("@")
        equal(client.ask(b"make_srs mx.example\x9b%s<@%s.>" %
                         (user.encode(), domain.encode())),
              b"OK %s<@%s.>" % (user.encode(), domain.encode()))
    table = daemon.client(sock)
    equal(table.send(b"get bob@all.test\n").line(), b"500 spf_passes")
    is_line = table.send(b"get bob@first.test\n").line()
    true(is_line.startswith(b"200 SRS0="), is_line)
    daemon.wait_log("forward result=unchanged reason=spf_passes "
                    "from=bob@all.test\n")
    daemon.wait_log("forward result=unchanged reason=spf_passes "
                    "from=bob@all.test host=mx.example\n")


@suite.case("one address without a pass, or any doubt, and the sender is "
            "rewritten")
def doubt_rewrites(site):
    with Names(lambda question, tcp:
               [dns.reply(question, rcode=dns.SERVFAIL)]
               if question.name.startswith("servfail") else None) as server:
        daemon = gated(site, server, spf="best_guess = v=spf1 +all\n"
                       "delegate = delegate.test\n").start()
        client = daemon.client()
        for name in ("first", "middle", "last", "neutral", "broken", "bare",
                     "nothing", "servfail"):
            for _ in range(2):
                is_rewritten(client.ask(f"forward bob@{name}.test"), name)
            answer = client.ask(b"make_srs mx.example\x9bbob<@%s.test.>" %
                                name.encode())
            true(answer.startswith(b"OK SRS0="), f"{name}: {answer!r}")
        is_rewritten(client.ask("forward bob@elsewhere.example"), "refused")
        is_rewritten(client.ask("forward bob@localhost"), "localhost")
        is_rewritten(client.ask("forward bob@[192.0.2.1]"), "literal")
        equal(client.ask("forward bob@all.test"), NOTFOUND)
        daemon.wait_log("reason=spf_passes")
        equal(daemon.log().count("reason=spf_passes"), 1, "passes")


@suite.case("a name server that is silent costs the timeout, rewrites, "
            "is logged")
def silence_rewrites(site):
    with Names(lambda question, tcp: []) as server:
        daemon = gated(site, server, spf="timeout = 1").start()
        client = daemon.client()
        is_rewritten(client.ask("forward bob@all.test"), "silence")
        is_rewritten(client.ask("forward bob@localhost"), "not asked")
        lines = wait_until(lambda: len(found := [
            line for line in daemon.log().split("\n")[:-1]
            if " forward result=changed" in line]) == 2 and found, "two lines")
        equal([' dns_error="no answer in time"' in line for line in lines],
              [True, False], "the cause, of the one that waited")
        true(server.asked("all.test") > 0, "it wasn't asked")


@suite.case("whoever isn't to be rewritten anyway doesn't ask")
def only_the_forwarded_ask(site):
    with Names() as server:
        daemon = gated(site, server, srs=GATE + "exclude_senders = bob@all.test"
                       "\nexclude_recipients = r.example").start()
        client = daemon.client()
        for request in ("forward ", "forward bob", "forward bob@own.test",
                        "forward bob@sign.test", "forward bob@all.test",
                        "forward " + "b" * 60 + "@x.all.test", "probe x",
                        "reverse bob@all.test", "what bob@all.test"):
            true(client.ask(request), request)
        client.ask(b"make_srs r.example\x9bamy<@all.test.>")
        client.ask(b"make_srs \x9bamy<@all.test.>")
        equal(server.asked(), 0, "questions")
        equal(client.ask("forward amy@all.test"), NOTFOUND)
        equal(server.asked(), 1, "questions")
        # Without the gate nobody does.
        daemon = gated(site, server, srs="").start()
        is_rewritten(daemon.client().ask("forward amy@x.all.test"), "no gate")
        equal(server.asked(), 1, "questions")


@suite.case("a crowd that waits for the DNS leaves another user a place")
def waiting_crowd(site):
    site.need_root()
    with Holding() as holding:
        daemon = gated(site, holding.server, srsd="socket_mode = 0666\n"
                       "max_connections = 8\nworkers = 1").start()
        crowd = [daemon.client().send(netstring(
            b"forward bob@slow%d.fail.test" % n)) for n in range(8)]
        holding.wait_for(*(f"slow{n}.fail.test" for n in range(8)))
        # One more of the same user takes nobody's place.
        daemon.client()
        os.seteuid(65534)
        try:
            other = daemon.client()
        finally:
            os.seteuid(0)
        true(UP.fullmatch(other.ask("probe x")), "the other user")
        holding.go_on()
        answers = [client.answer() for client in crowd]
        true(answers.count(None) <= 2, "too many lost their place")
        for answer in answers:
            if answer is not None:
                is_rewritten(answer, "of the crowd")


@suite.case("record_file is looked at, and a change of it is noticed")
def records_that_hold(site):
    path = os.path.join(site.new_dir(), "records")
    write(path, "all.test v=spf1 -all\n")
    daemon = gated(site, spf=f"record_file = {path}").start()
    client = daemon.client()
    is_rewritten(client.ask("forward bob@all.test"), "by the file")
    equal(client.ask("forward bob@deep.test")[:8], b"OK SRS0=")
    write(path, "first.test v=spf1 +all\n")
    wait_until(lambda: client.ask("forward bob@first.test") == NOTFOUND,
               "the new file")
    equal(client.ask("forward bob@all.test"), NOTFOUND)
    write(path, "first.test v=spf1 +alll\n")
    daemon.wait_log("keeping the old one")
    equal(client.ask("forward bob@first.test"), NOTFOUND)


# --- who waits ------------------------------------------------------------------

@suite.case("a slow name server holds up nobody but who asks for it")
def others_go_on(site):
    with Holding() as names:
        daemon = gated(site, names.server, srsd="workers = 1").start()
        waiting, other = daemon.client(), daemon.client()
        waiting.send(netstring(b"forward bob@slow.pass.test"))
        names.wait_for("slow.pass.test")
        for _ in range(3):
            equal(other.ask("forward bob@own.test"), NOTFOUND)
            true(UP.fullmatch(other.ask("probe x")), "probe")
            equal(other.ask("forward bob@all.test"), NOTFOUND)
            is_rewritten(other.ask("forward bob@first.test"), "first")
        equal(daemon.client().ask("forward bob@own.test"), NOTFOUND)
        # Neither does another that has to wait.
        late = daemon.client().send(netstring(b"forward bob@slow.fail.test"))
        names.wait_for("slow.fail.test")
        equal(other.ask("forward bob@own.test"), NOTFOUND)
        equal((waiting.rest, late.rest), (b"", b""), "before the answer")
        names.go_on()
        equal(waiting.answer(), NOTFOUND)
        is_rewritten(late.answer(), "slow.fail.test")
        # And then both are as before.
        equal(waiting.ask("forward bob@slow.pass.test"), NOTFOUND)
        true(UP.fullmatch(late.ask("probe x")), "probe")


@suite.case("requests behind one that waits are answered behind it")
def pipelined_order(site):
    requests = [
        (b"forward bob@own.test", NOTFOUND), (b"probe ", UP),
        (b"forward bob@slow.pass.test", NOTFOUND), (b"probe ", UP),
        (b"forward bob@slow.fail.test", REWRITTEN),
        (b"forward amy@slow.pass.test", NOTFOUND),
        (b"forward bob@first.test", REWRITTEN),
        (b"forward bob@slow2.pass.test", NOTFOUND),
        (b"forward bob@all.test", NOTFOUND), (b"what x", b"PERM"),
        (b"make_srs bob@slow.pass.test", b"OK bob@slow.pass.test"),
        (b"forward bob@own.test", NOTFOUND)]
    stream = b"".join(netstring(request) for request, _ in requests)
    with Holding() as names:
        daemon = gated(site, names.server, srsd="workers = 1").start()
        clients = [daemon.client() for _ in range(3)]
        clients[0].send(stream)
        clients[1].send(stream + b"6:probe")
        for at in range(0, len(stream), 7):
            clients[2].send(stream[at:at + 7])
        names.wait_for("slow.pass.test")
        for client in clients:
            equal(client.answer(), NOTFOUND, "before it")
            true(UP.fullmatch(client.answer()), "before it")
        equal([c.rest for c in clients], [b""] * 3, "behind it")
        # What comes meanwhile belongs behind it too.
        clients[0].send(netstring(b"forward bob@first.test"))
        names.go_on()
        for client in clients:
            for request, expected in requests[2:]:
                answer = client.answer()
                true(answer.startswith(expected)
                     if isinstance(expected, bytes) else
                     expected.fullmatch(answer), f"{request}: {answer!r}")
        is_rewritten(clients[0].answer(), "the last")
        true(UP.fullmatch(clients[1].send(b" ,").answer()), "the other half")


@suite.case("hundreds of clients wait, each for its own answer")
def many_wait(site):
    with Holding() as names:
        daemon = gated(site, names.server, srsd="workers = 3").start()
        clients = []
        for number in range(400):
            kind = "pass" if number % 2 else "fail"
            clients.append(daemon.client().send(netstring(
                f"forward u{number}@slow{number % 50}.{kind}.test".encode())))
        names.wait_for(*(f"slow{n}.{'pass' if n % 2 else 'fail'}.test"
                         for n in range(50)))
        equal(daemon.client().ask("forward bob@own.test"), NOTFOUND)
        names.go_on()
        for number, client in enumerate(clients):
            answer = client.answer()
            if number % 2:
                equal(answer, NOTFOUND, f"client {number}")
            else:
                is_rewritten(answer, f"client {number}")
                true(f"u{number}@".encode() in answer, f"{answer!r}")


@suite.case("clients that don't wait for their answer leave nothing behind")
def clients_that_go_away(site):
    site.need_root()     # to look at its descriptors
    with Holding() as names:
        daemon = gated(site, names.server, srsd="workers = 1").start()
        files = f"/proc/{daemon.process.pid}/fd"
        witness = daemon.client()
        equal(witness.ask("forward bob@own.test"), NOTFOUND)
        before = len(os.listdir(files))
        for number in range(100):
            daemon.client().send(netstring(
                b"forward bob@slow%d.pass.test" % number) * 2).close()
        names.wait_for(*(f"slow{n}.pass.test" for n in range(100)))
        equal(witness.ask("forward bob@own.test"), NOTFOUND)
        names.go_on()
        wait_until(lambda: len(os.listdir(files)) <= before + 3,
                   "the connections to be closed")
        equal(witness.ask("forward bob@slow7.pass.test"), NOTFOUND)


@suite.case("who doesn't read answers while it waits loses none of them")
def deaf_clients(site):
    with Holding() as names:
        daemon = gated(site, names.server, srsd="workers = 1",
                       log="level = warning")
        daemon.start(wait=False)
        wait_until(lambda: os.path.exists(daemon.sock), "the socket")
        client, witness = daemon.client(), daemon.client()
        block = [b"forward bob@first.test"] * 200 + [b"probe x"]
        octets = b"".join(netstring(request) for request in block)
        client.send(octets * 3 + netstring(b"forward bob@slow.pass.test"))
        sent = send_until_full(client, octets)
        names.wait_for("slow.pass.test")
        names.go_on()
        equal(witness.ask("forward bob@own.test"), NOTFOUND)

        def expect(request):
            answer = client.answer()
            if request == b"probe x":
                true(UP.fullmatch(answer), f"{answer!r}")
            else:
                is_rewritten(answer, "first")

        for request in block * 3:
            expect(request)
        equal(client.answer(), NOTFOUND)
        for _ in range(sent // len(octets)):
            for request in block:
                expect(request)


@suite.case("a client that waits is not disconnected as one that is slow")
def answers_expire(site):
    with Holding() as names:
        daemon = gated(site, names.server, spf="timeout = 4",
                       srsd="workers = 1\nrequest_timeout = 1\n"
                       "idle_timeout = 1").start()
        client = daemon.client().send(
            netstring(b"forward bob@slow.pass.test"))
        is_rewritten(client.answer(), "after four seconds")
        client.expect_closed("after one more")


# --- reload and end -------------------------------------------------------------

@suite.case("SIGHUP: whoever waits is answered by the new configuration")
def reload_while_waiting(site):
    with Holding() as names, Names() as fast:
        daemon = gated(site, names.server, srsd="workers = 2").start()
        clients = [daemon.client() for _ in range(6)]
        for client in clients:
            client.send(netstring(b"forward bob@slow.pass.test") +
                        netstring(b"forward bob@all.test"))
        names.wait_for("slow.pass.test")
        # Another name server, which knows nothing of slow.pass.test.
        daemon.configure(spf=f"nameservers = {fast.name}")
        daemon.signal(signal.SIGHUP)
        daemon.wait_log("reloaded")
        for client in clients:
            is_rewritten(client.answer(), "by the other server")
            equal(client.answer(), NOTFOUND)
    with Holding() as names:
        daemon = gated(site, names.server, srsd="workers = 1").start()
        client = daemon.client()
        client.send(netstring(b"forward bob@slow.pass.test") +
                    netstring(b"forward bob@all.test"))
        names.wait_for("slow.pass.test")
        daemon.configure(srs="")        # no gate at all
        daemon.signal(signal.SIGHUP)
        daemon.wait_log("reloaded")
        names.go_on()
        is_rewritten(client.answer(), "without a gate")
        is_rewritten(client.answer(), "without a gate")


@suite.case("SIGHUP: the answers of DNS stay, if [spf] does")
def reload_keeps_the_cache(site):
    with Names() as server:
        daemon = gated(site, server).start()
        client = daemon.client()
        equal(client.ask("forward bob@all.test"), NOTFOUND)
        daemon.configure(srs=GATE + "max_age = 7\n")
        for number in range(1, 4):
            daemon.signal(signal.SIGHUP)
            daemon.wait_log("reloaded", number)
            equal(client.ask("forward bob@all.test"), NOTFOUND)
        equal(server.asked(), 1, "questions")
        daemon.configure(spf=f"nameservers = {server.name}\nprefetch = no")
        daemon.signal(signal.SIGHUP)
        daemon.wait_log("reloaded", 4)
        equal(client.ask("forward bob@all.test"), NOTFOUND)
        equal(server.asked(), 2, "questions")
        daemon.configure(spf="nameservers = nonsense")
        daemon.signal(signal.SIGHUP)
        daemon.wait_log("keeping the old one")
        equal(client.ask("forward bob@x.all.test"), NOTFOUND)


@suite.case("a hundred SIGHUPs while clients wait harm nobody")
def many_reloads(site):
    with Holding() as names:
        daemon = gated(site, names.server, srsd="workers = 2").start()
        clients = [daemon.client().send(netstring(
            f"forward bob@slow{n}.pass.test".encode())) for n in range(40)]
        names.wait_for(*(f"slow{n}.pass.test" for n in range(40)))
        for number in range(100):
            daemon.configure(spf=f"nameservers = {names.server.name}\n"
                             f"timeout = {10 + number // 2 % 10}")
            daemon.signal(signal.SIGHUP)
            if number % 10 == 0:
                equal(daemon.client().ask("forward bob@all.test"), NOTFOUND)
        daemon.wait_log("reloaded")
        names.go_on()
        for client in clients:
            equal(client.answer(), NOTFOUND)
        daemon.stop()


@suite.case("SIGTERM: whoever waits is answered at once, rewritten")
def term_while_waiting(site):
    with Holding() as names:
        daemon = gated(site, names.server, srsd="workers = 1").start()
        client = daemon.client()
        equal(client.ask("forward bob@all.test"), NOTFOUND)
        client.send(netstring(b"forward bob@slow.pass.test") +
                    netstring(b"forward bob@all.test") +
                    netstring(b"forward amy@slow.pass.test"))
        gone = daemon.client().send(netstring(b"forward bob@slow2.pass.test"))
        names.wait_for("slow.pass.test", "slow2.pass.test")
        gone.close()
        daemon.process.terminate()
        is_rewritten(client.answer(), "bob")
        equal(client.answer(), NOTFOUND)
        is_rewritten(client.answer(), "amy")
        client.expect_closed("afterwards")
        equal(daemon.process.wait(10), 0, "status")


@suite.case("the resolver is there after srsd went into the background")
def in_the_background(site):
    with Background(site, srs=GATE, spf="nameservers = "
                    f"127.0.0.1:{Nsd.port()}") as b:
        equal(b.result[:2], (0, ""), "start")
        equal(b.daemon.client().ask("forward bob@all.test"), NOTFOUND)


# --- libspf2 ----------------------------------------------------------------------

def helper_of(site):
    """The helper where any user can reach it."""
    path = os.path.join(site.new_dir(), "spf-libspf2")
    shutil.copy(program("spf-libspf2"), path)
    os.chmod(path, 0o755)
    return path


@suite.case("audit asks libspf2 besides, as the user that srsd has become")
def audit(site):
    helper = helper_of(site)
    daemon = gated(site, spf=f"engine = audit\nhelper = {helper}\n",
                   log="level = debug").start()
    client = daemon.client()
    equal(client.ask("forward bob@all.test"), NOTFOUND)
    is_rewritten(client.ask("forward bob@first.test"), "first")
    daemon.wait_log("spf_audit outcome=agreed native=pass libspf2=pass", 3)
    helpers = [p for p in os.listdir("/proc") if p.isdigit() and
               is_helper_of(p, daemon.process.pid)]
    equal(len(helpers), 1, "helpers")
    if ROOT:
        equal(os.stat(f"/proc/{helpers[0]}").st_uid == 0, False, "root")
    daemon.stop()
    equal(os.path.exists(f"/proc/{helpers[0]}"), False, "the helper lives on")


def is_helper_of(process, parent):
    try:
        with open(f"/proc/{process}/stat", encoding="latin-1") as file:
            name, _, rest = file.read().rpartition(") ")
    except FileNotFoundError:
        return False
    return "(spf-libspf2" in name and rest.split()[1] == str(parent)


@suite.case("a helper that srsd's user can't start is said at the start")
def no_helper(site):
    helper = helper_of(site)
    os.chmod(helper, 0o700)
    daemon = gated(site, spf=f"engine = libspf2\nhelper = {helper}\n")
    status, _, error = site.run("-f", "-c", daemon.config)
    if ROOT:
        equal(status, 1, "status")
        true(f"helper: {helper}: Permission denied" in error, error)
    os.unlink(helper)
    status, _, error = site.run("-n", "-c", daemon.config)
    equal(status, 1, "status")
    true(f"helper: {helper}: No such file" in error, error)


def main():
    # Before the network is one of our own, where nothing can be fetched.
    Nsd.command, reason = servers.find_nsd()
    if reason:
        return tap.cannot_run(reason)
    try:
        return Site().run_cases(suite)
    finally:
        Nsd.stop()


if __name__ == "__main__":
    sys.exit(main())

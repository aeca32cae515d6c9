#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
spfmilter as Postfix's policy service, over its sockets: streams of requests,
well and badly formed; many connections; a silent DNS; reloads and the end.
"""

import os
import signal
import socket
import sys
import urllib.request

import milter_daemon
import nameserver
import network
import places
import policy_client
import spfmilter
import tap
from policy_client import request
from tap import equal, true

suite = tap.Suite()
case = suite.case

FAIL = "550 5.7.23 SPF fail: 127.0.0.99 is not allowed to send mail for " \
    "fail.test"
LATER = "451 4.3.0 SPF check temporarily unavailable, try again later"
MANY = 1000


class Service(spfmilter.Spfmilter):
    """Its policy socket is at self.at."""

    def __init__(self, directory, dns, spfmilter="", **options):
        self.at = ("127.0.0.1", network.free_port())
        super().__init__(directory, dns, spfmilter=self.listen() + spfmilter,
                         **options)

    def listen(self):
        return f"policy_listen = inet:{self.at[1]}@127.0.0.1\n"

    def start(self, *options, **more):
        super().start(*options, **more)
        self.wait_for_log("policy service started")
        return self

    def client(self, **options):
        return policy_client.Client(self.at, **options)


class Site(milter_daemon.Site):
    def __init__(self):
        super().__init__()
        self.dns = spfmilter.name_server()

    def daemon(self, path, **options):
        return Service(path, self.dns.name, **options)


def is_field(answer, result):
    return answer.startswith(f"PREPEND Received-SPF: {result} ")


@case("each result over one connection, and the field once a message")
def results(site):
    daemon = site.start()
    with daemon.client() as client:
        for result, code in (("pass", None), ("fail", "550"), ("none", None),
                             ("softfail", None), ("permerror", "550"),
                             ("temperror", "451"), ("neutral", None)):
            said = client.ask(sender=f"bob@{result}.test", instance=result)
            true(said.startswith(code) if code else is_field(said, result),
                 f"{result}: {said}")
            if not code:
                equal(client.ask(sender=f"bob@{result}.test", instance=result,
                                 recipient="another@fwd.test"), "DUNNO")
    line = daemon.line_of("from=bob@pass.test")
    equal((line["rcpts"], line["outcome"], line["spf"]),
          ("2", "accepted", "pass"))


@case("rrs = yes: RRS addresses are left to srsmilter, also by what holds a message")
def rrs(site):
    address = "rrs=AAAAAAAAAAAA=old.test=bob@our.test"
    more = "[srs]\nrrs_domains = our.test\nrrs_secret_file = /x\n"
    daemon = site.start(spfmilter="rrs = yes\n", more=more)
    with daemon.client() as client:
        for recipient, expected in ((address, "PREPEND Received-SPF: fail "),
                                    (address.replace("our", "other"), "550 "),
                                    ("bob@our.test", "550 ")):
            said = client.ask(sender="eve@fail.test", recipient=recipient)
            true(said.startswith(expected), f"{recipient}: {said}")
    daemon = site.start(spfmilter="rrs = yes\n", more=more,
                        access="spf-fail: QUARANTINE\n")
    with daemon.client() as client:
        for name, recipients in (("one", (address, "bob@our.test")),
                                 ("two", ("bob@our.test", address))):
            first, second = (client.ask(sender="eve@fail.test", instance=name,
                                        recipient=r) for r in recipients)
            equal(first.split()[0], "PREPEND" if name == "one" else "HOLD")
            true(second.startswith("452 4.5.3"), second)


@case("Authentication-Results instead, in the name of this host")
def results_field(site):
    daemon = site.start(spfmilter="authserv_id = mx.fwd.test\n"
                        "policy_header = authentication_results\n")
    with daemon.client() as client:
        equal(client.ask(sender="bob@pass.test"),
              "PREPEND Authentication-Results: mx.fwd.test; spf=pass "
              "(pass.test permits 127.0.0.99) smtp.mailfrom=bob@pass.test; "
              "spf=none (none.test has no SPF record) smtp.helo=none.test")


@case("requests in a row, in pieces, and half ones")
def streams(site):
    daemon = site.start()
    octets = request(sender="bob@fail.test")
    with daemon.client() as client:
        client.send(octets * 500)
        for _ in range(500):
            equal(client.answer(), FAIL)
        for n in range(len(octets)):
            client.send(octets[n:n + 1])
        equal(client.answer(), FAIL)
        client.send(octets + octets[:-1])
        equal(client.answer(), FAIL, "the whole one")
        client.send(octets[-1:])
        equal(client.answer(), FAIL, "the rest of the half")


@case("what is no request closes the connection, after the answers before it")
def malformed(site):
    daemon = site.start()
    good = request(sender="bob@fail.test")
    for bad in (b"\n", b"get x\n\n", b"request=junk\n\n", b"x" * 70000,
                b"request=smtpd_access_policy\nsender=a\0b\n\n",
                b"request=smtpd_access_policy\n" + b"x=y\n" * 20000):
        with daemon.client() as client:
            client.send(good + bad)
            equal(client.answer(), FAIL)
            true(client.is_closed(), f"closed after {bad[:20]!r}")
    daemon.wait_for_log("policy connections closed: malformed request")


@case("half a request has its time, and so has who takes no answer")
def timeouts(site):
    daemon = site.start(spfmilter="policy_request_timeout = 1\n")
    with daemon.client() as half, daemon.client() as deaf, \
            daemon.client() as idle:
        half.send(b"request=smtpd_access_policy\n")
        deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        octets = request(sender="bob@fail.test") * 100
        deaf.socket.settimeout(0.2)
        try:
            for _ in range(2000):
                deaf.send(octets)
        except (TimeoutError, ConnectionError):
            pass
        true(half.is_closed(), "half a request closes")
        equal(idle.ask(sender="bob@fail.test"), FAIL, "who was idle")


@case("a flood of one client leaves others their turn")
def flood(site):
    daemon = site.start()
    octets = request(sender="bob@fail.test", instance="") * 200
    with daemon.client() as loud, daemon.client(timeout=10) as quiet:
        loud.socket.settimeout(0.5)
        for _ in range(20):
            try:
                loud.send(octets)
            except TimeoutError:
                break
        for _ in range(20):
            equal(quiet.ask(sender="bob@fail.test"), FAIL)


@case(f"{MANY} connections at a time; beyond the limit idle ones give way")
def many(site):
    daemon = site.start()
    clients = [daemon.client() for _ in range(MANY)]
    for client in clients:
        client.send(request(sender="bob@fail.test"))
    for client in clients:
        equal(client.answer(), FAIL)
    daemon.reload(spfmilter=daemon.listen() + "policy_max_connections = 1\n")
    # Once a second the settings are looked at.
    tap.wait_until(lambda: is_turned_away(daemon), "the limit to be in force")
    with daemon.client() as another:
        equal(another.ask(sender="bob@fail.test"), FAIL, "the last one")
    for client in clients:
        client.close()


def is_turned_away(daemon):
    with daemon.client() as first:
        equal(first.ask(sender="bob@fail.test"), FAIL)
        with daemon.client() as second:
            equal(second.ask(sender="bob@fail.test"), FAIL)
            first.socket.settimeout(0.2)
            try:
                return first.is_closed()
            except TimeoutError:
                return False


@case("a silent DNS: thousands wait, others don't, and all are put off in time")
def silence(site):
    with spfmilter.name_server() as dns:
        daemon = site.start()
        daemon.reload(dns=dns.name, spf="timeout = 2\n")
        with daemon.client() as client:
            equal(client.ask(sender="bob@fail.test"), FAIL)
            dns.freeze()
            waiting = [daemon.client() for _ in range(200)]
            for n, each in enumerate(waiting):
                each.send(request(sender=f"bob@x{n}.fail.test"))
            equal(client.ask(sender="bob@fail.test"), FAIL, "a cached one")
            for each in waiting:
                said = each.answer()
                true(said.startswith("451 4.7.24 SPF temperror"), said)
                each.close()
            dns.thaw()


@case("a client that gives up takes its check along")
def gone(site):
    with spfmilter.name_server() as dns:
        daemon = site.start()
        daemon.reload(dns=dns.name)
        dns.freeze()
        for n in range(50):
            with daemon.client() as client:
                client.send(request(sender=f"bob@y{n}.fail.test"))
        daemon.wait_for_log("from=bob@y49.fail.test .*outcome=aborted")
        dns.thaw()
        with daemon.client() as client:
            equal(client.ask(sender="bob@fail.test"), FAIL)


@case("SIGTERM: what has been asked is answered, what waits is put off")
def end(site):
    with spfmilter.name_server() as dns:
        daemon = site.start()
        daemon.reload(dns=dns.name)
        with daemon.client() as waits, daemon.client() as idle, \
                daemon.client() as waits_long:
            dns.freeze()
            waits_long.send(request(sender="bob@long.fail.test"))
            daemon.process.send_signal(signal.SIGTERM)
            true(idle.is_closed(), "the idle one is closed")
            equal(waits_long.answer(), LATER)
            true(waits_long.is_closed(), "and closed")
            true(waits.is_closed(), "closed")
            dns.thaw()
        equal(daemon.process.wait(timeout=30), 0, "exit status")


@case("SIGHUP: another policy from the next message on, over the same connection")
def reload(site):
    daemon = site.start()
    with daemon.client() as client:
        equal(client.ask(sender="bob@fail.test"), FAIL)
        daemon.reload(spfmilter=daemon.listen() + "mode = report\n")
        true(is_field(client.ask(sender="bob@fail.test"), "fail"), "report")
        daemon.reload(spfmilter=daemon.listen())
        equal(client.ask(sender="bob@fail.test"), FAIL)
        daemon.change_access("spf-fail:fail.test\tTEMPFAIL:not now\n")
        equal(client.ask(sender="bob@fail.test"), "451 4.7.1 not now")
        daemon.reload(spfmilter="")
        daemon.wait_for_log("policy_listen: change takes effect after a restart")


@case("the log has a message once it is quiet, with its queue id")
def quiet(site):
    daemon = site.start()
    with daemon.client() as client:
        client.ask(sender="bob@fail.test", instance="1")
        client.ask(sender="bob@fail.test", instance="1", queue_id="4XYZ",
                   recipient="postmaster@fwd.test")
        line = daemon.line_of("from=bob@fail.test")
        equal((line["queue_id"], line["refused"], line["rcpts"],
               line["exempt"]), ("4XYZ", "1", "1", "1"))
        # A message that goes on has another line, and is counted once.
        client.ask(sender="bob@fail.test", instance="1", queue_id="4XYZ")
        client.ask(protocol_state="DATA", recipient="", sender="bob@fail.test",
                   instance="1", queue_id="4XYZ")
        daemon.wait_for_log("from=bob@fail.test .*rcpts=0 refused=1")


@case("asked at DATA over another connection: the recipients are known there")
def elsewhere(site):
    daemon = site.start()
    of = {"sender": "bob@fail.test", "instance": "1"}
    end = {**of, "recipient": "", "protocol_state": "DATA", "queue_id": "4X"}
    with daemon.client() as first, daemon.client() as second:
        equal(first.ask(**of), FAIL)
        true(is_field(first.ask(**of, recipient="abuse@fwd.test"), "fail"), "")
        equal(second.ask(**end), "DUNNO")
        equal(second.ask(**end | {"protocol_state": "END-OF-MESSAGE"}), "DUNNO")
        # Of a message of which nothing is known nobody is exempt.
        equal(second.ask(**end | {"instance": "2"}), FAIL)
    line = daemon.line_of("from=bob@fail.test .*exempt=1")
    equal((line["queue_id"], line["refused"], line["rcpts"]), ("4X", "1", "1"))


@case("a warning where Postfix asks before MAIL, and nothing can be checked")
def too_early(site):
    daemon = site.start()
    with daemon.client() as client:
        for state in "CONNECT", "EHLO", "VRFY", "ETRN":
            equal(client.ask(protocol_state=state, sender="", recipient=""),
                  "DUNNO")
    daemon.wait_for_log("requests before MAIL, where nothing can be checked")


@case("figures")
def figures(site):
    port = network.free_port()
    daemon = site.start(spfmilter=f"metrics = inet:{port}@127.0.0.1\n")
    with daemon.client() as client, daemon.client() as bad:
        client.ask(sender="bob@fail.test")
        client.ask(sender="bob@pass.test")
        bad.send(b"\n")
        true(bad.is_closed(), "closed")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as page:
            text = page.read().decode()
    for line in ("spfmilter_policy_connections_total 2",
                 "spfmilter_policy_connections 1",
                 "spfmilter_policy_requests_total 2",
                 "spfmilter_policy_malformed_total 1",
                 'spfmilter_mailfrom_total{result="fail"} 1',
                 'spfmilter_decisions_total{action="REJECT"} 1',
                 "spfmilter_recipients_refused_total 1"):
        true(f"\n{line}\n" in text, f"{line} in {text}")


@case("a unix socket with its mode; -n opens nothing and warns of what has no effect")
def places_and_check(site):
    daemon = site.make()
    path = os.path.join(daemon.directory, "policy")
    daemon.write_config(spfmilter=f"policy_listen = unix:{path}\n"
                        "socket_mode = 0606\nremove_ar = all\n")
    done = places.run(daemon.program, "-n", "-c", daemon.config)
    equal(done.returncode, 0, done.stderr)
    true("remove_ar: has no effect on the policy service" in done.stderr,
         done.stderr)
    true(not os.path.exists(path), "nothing is left")
    daemon.start()
    equal(os.stat(path).st_mode & 0o777, 0o606)
    with policy_client.Client(path) as client:
        equal(client.ask(sender="bob@fail.test"), FAIL)
    daemon.stop()


@case("listen = none: the policy service alone")
def alone(site):
    daemon = site.make()
    daemon.write_config(listen="none", spfmilter="")
    done = places.run(daemon.program, "-n", "-c", daemon.config)
    true(done.returncode == 1 and
         'listen: "none" requires policy_listen' in done.stderr, done.stderr)
    daemon.write_config(listen=daemon.address, spfmilter="policy_header = none\n")
    done = places.run(daemon.program, "-n", "-c", daemon.config)
    true("policy_header: has no effect without policy_listen" in done.stderr,
         done.stderr)
    daemon.write_config(listen="none",
                        spfmilter=daemon.listen() + "dkim = verify\n")
    done = places.run(daemon.program, "-n", "-c", daemon.config)
    equal(done.returncode, 0, done.stderr)
    true("dkim: has no effect with listen = none" in done.stderr, done.stderr)
    daemon.write_config(spfmilter=daemon.listen())
    daemon.start()
    with daemon.client() as client:
        equal(client.ask(sender="bob@fail.test"), FAIL)
        daemon.reload(spfmilter=daemon.listen() + "mode = report\n")
        true(is_field(client.ask(sender="bob@fail.test"), "fail"), "report")
    equal(os.path.exists(daemon.unix), False, "a filter's socket")
    daemon.stop()


@case("sockets from systemd: policy, and the filter's")
def systemd(site):
    daemon = site.make()
    with socket.create_server(("127.0.0.1", 0)) as policy, \
            socket.create_server(("127.0.0.1", 0)) as milter:
        pairs = [(milter, 3), (policy, 4)]
        activate = "import os, sys\n" \
            "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='2'," \
            " LISTEN_FDNAMES='milter:policy')\nos.execv(sys.argv[1], sys.argv[1:])"
        held = [(os.dup(sock.fileno()), number) for sock, number in pairs]

        def place():
            for fd, number in held:
                os.dup2(fd, number + 100)
            for _, number in held:
                os.dup2(number + 100, number)
        daemon.launch(prefix=[sys.executable, "-c", activate],
                      preexec_fn=place, close_fds=False)
        daemon.wait_for_log("policy service started, listening on 1 sockets")
        with policy_client.Client(policy.getsockname()) as client:
            equal(client.ask(sender="bob@fail.test"), FAIL)
        for fd, _ in held:
            os.close(fd)


if __name__ == "__main__":
    sys.exit(nameserver.run(suite, Site))

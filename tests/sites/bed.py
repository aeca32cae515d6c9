# SPDX-License-Identifier: ISC
"""
A Postfix site, which is what its main.cf and master.cf say.  It is run without SRS
and with the lines that `mailfrom setup` prints for it.
"""

import base64
import dataclasses
import os
import re
import socketserver
import subprocess
import threading

import around
import hosts
import outside
import places
import postfix
import sasl
import tap

PEERS = ["postfix-site", "sasl"]
DOMAIN = around.DOMAIN
FORMS = {"milter": "postfix-milter", "cleanup": "postfix-cleanup"}
# What mailfrom.conf lists as delivered here, whether the site has it or not.
FILTER = f"""
listen = inet:10007@127.0.0.1
rewrite = remote_domain
local_domains = {DOMAIN}, mx.{DOMAIN}, localhost, alias.test, box.test, relayed.test
"""
ALIASES = """\
postmaster: root
root: local
carol: carol@dest.test, carol2@dest.test, carol3@dest.test
"""
VIRTUAL = """\
vera@fwd.test vera@dest.test
both@fwd.test local@fwd.test, both@dest.test
rejected@fwd.test reject-vera@dest.test
vera@alias.test vera2@dest.test
"""
# What every site here has on top of tests/lib/postfix.py.
BASE = f"""\
inet_interfaces = all
mynetworks = 127.0.0.0/8, {outside.HOST}/32
virtual_alias_domains = alias.test
smtpd_error_sleep_time = 0
smtpd_client_connection_rate_limit = 0
in_flow_delay = 0
"""


@dataclasses.dataclass
class Site:
    """
    Text of main.cf, lines of master.cf, other files, and what its clients must do.
    options: "service/type: name=value", an -o of a service of Debian's.
    extra: recipients of one more message each; forwards: names of messages that this
    site forwards, and others don't.  away: whether the daemon goes
    away, too; stays: whether something stays in the queue without SRS.  expect: {form: (outcome, reason)}, where that isn't "right".
    """
    name: str
    main: str = ""
    master: list = dataclasses.field(default_factory=list)
    files: dict = dataclasses.field(default_factory=dict)
    options: list = dataclasses.field(default_factory=list)
    manners: list = dataclasses.field(default_factory=list)
    extra: list = dataclasses.field(default_factory=list)
    forwards: list = dataclasses.field(default_factory=list)
    host: str = outside.HOST
    quick: bool = False
    away: bool = False
    stays: bool = False
    expect: dict = dataclasses.field(default_factory=dict)


# --- text of configuration files --------------------------------------------

def parameters(text):
    """[(name, the lines of its definition)] of a main.cf."""
    found = []
    for line in text.splitlines(keepends=True):
        if re.match(r"[\w.-]+\s*=", line):
            found.append((line.split("=")[0].strip(), line))
        elif found and line[:1].isspace():
            found[-1] = (found[-1][0], found[-1][1] + line)
    return found


def merged(*texts):
    """One main.cf, where what a later text defines replaces an earlier one's."""
    return "".join(dict(p for text in texts for p in parameters(text)).values())


def with_options(master, options):
    """master.cf with -o of services, each "smtp/inet: name=value"."""
    for option in options:
        service, setting = option.split(": ", 1)
        name, kind = service.split("/")
        master, count = re.subn(rf"^({re.escape(name)}[ \t]+{kind}[ \t].*)$",
                                rf"\1\n  -o {{ {setting} }}", master,
                                flags=re.M)
        tap.equal(count, 1, f"services {service}")
    return master


def with_services(master, services):
    """master.cf with these lines, in the place of services that it has."""
    for line in services:
        name, kind = line.split()[:2]
        pattern = rf"^{re.escape(name)}[ \t]+{kind}[ \t].*\n(?:[ \t].*\n)*"
        master, count = re.subn(pattern, lambda _, text=line: text + "\n",
                                master, flags=re.M)
        if not count:
            master += line + "\n"
    return master


class DovecotAuth(socketserver.ThreadingUnixStreamServer):
    """Dovecot's side of smtpd_sasl_type = dovecot."""
    daemon_threads = True

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            self.wfile.write(b"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\n"
                             b"SPID\t1\nCUID\t1\nCOOKIE\t00\nDONE\n")
            for line in self.rfile:
                words = line.decode().strip().split("\t")
                if words[0] == "AUTH":
                    self.wfile.write(self.answer(words[1], words[-1]).encode())

        @staticmethod
        def answer(number, response):
            data = base64.b64decode(response.removeprefix("resp=")).decode()
            _, user, password = data.split("\0")
            return f"OK\t{number}\tuser={user}\n" if \
                password == hosts.PASSWORD else f"FAIL\t{number}\n"

    def __init__(self, path):
        super().__init__(path, self.Handler)
        os.chmod(path, 0o666)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Bed(around.Around):
    """The hosts, the daemons, and the Postfix that is whatever site is run."""

    def __init__(self):
        super().__init__(PEERS)
        self.srs, self.filter = self.start_daemons(DOMAIN, FILTER)
        self.place.write("etc", "postfix", "sasl", "smtpd.conf",
                         text=sasl.SETTINGS)
        self.mta = postfix.Postfix(
            self.place, "site", DOMAIN, BASE, aliases=ALIASES, virtual=VIRTUAL,
            peer="postfix-site")
        self.auth = DovecotAuth(os.path.join(self.mta.spool, "private", "auth"))
        with open(hosts.CERTIFICATE, encoding="utf-8") as file:
            self.mta.write("cert.pem", file.read())
        self.mta.write("passwords", "".join(
            f"{host} {hosts.LOGIN}:{hosts.PASSWORD}\n" for host in
            ("relay.test", f"[{outside.RELAY}]:587", f"[{outside.RELAY}]:465",
             "dest.test", "[relay.test]:587")))

    def configure(self, site, more_main="", more_master=""):
        """Write the site's files, and add the text to them."""
        def here(text):
            return text.replace("{etc}", self.mta.etc)
        for name, text in site.files.items():
            self.mta.write(name, here(text))
        self.mta.host = site.host
        main = merged(self.mta.base_main_cf(), BASE, here(site.main))
        master = with_services(self.mta.debian_master_cf(),
                               [here(line) for line in site.master])
        master = with_options(master, [here(text) for text in site.options])
        self.mta.write("main.cf", main + more_main)
        self.mta.write("master.cf", master + more_master)

    def setup(self, form, *options):
        """The finished process of mailfrom setup."""
        return places.run(
            around.MAILFROM, "setup", FORMS[form], "-c", self.srs.config,
            "--config-dir", self.mta.etc, *options, env=self.environment())

    def environment(self):
        return {**self.mta.environment, "PATH": os.path.join(
            self.mta.prefix, "usr/sbin") + ":/usr/bin:/bin"}

    def printed(self, form):
        """
        (the process of mailfrom setup, [lines of main.cf, lines of master.cf]) for
        the site that is configured.
        """
        setup = self.setup(form)
        begin, *parts = re.split(
            r"^# --- (?:/etc/postfix/(?:main|master)|mailfrom)\.[a-z]+: .*\n",
            setup.stdout, flags=re.M)
        # The last proposes a store.
        tap.equal((begin, len(parts)), ("", 3),
                  f"the parts that are printed: {setup.stderr}")
        return setup, parts[:2]

    def add_lines(self, site, form):
        """Configure the site with SRS; what mailfrom setup reports."""
        self.configure(site)
        setup, parts = self.printed(form)
        if "use --postconf" in setup.stderr:
            return self.run_commands(form)
        self.configure(site, *parts)
        return setup

    def run_commands(self, form):
        """The same by commands that change what the site has."""
        commands = self.setup(form, "--postconf")
        done = places.run("sh", "-e", input=commands.stdout,
                          env=self.environment())
        tap.equal(done.returncode, 0, f"the commands: {done.stderr}")
        for name in "main.cf", "master.cf":
            os.utime(os.path.join(self.mta.etc, name), (1, 1))
        return commands

    # --- the dozen ---

    def submit(self, *options):
        """A program on this host, such as cron."""
        token = self.token()
        subprocess.run(
            [f"{self.mta.prefix}/usr/sbin/sendmail", "-i", *options,
             "vera@dest.test"],
            input=f"Subject: x\n\nbody of {token}\n", text=True, check=True,
            stderr=subprocess.DEVNULL, env=self.mta.environment)
        return token, around.Sent([])

    @staticmethod
    def mailbox_sender(text):
        return re.search(r"^Return-Path: <(.*)>$", text, re.M)[1]

    def observe(self, site, with_srs):
        """
        {name: Sent}; whether the queue is empty in the end; what the log has of
        mail that waits, or that was refused.
        """
        start, first = len(self.place.log), len(self.messages)
        self.mta.start()
        try:
            sent = self.dozen(with_srs, f"both@{DOMAIN}", site.extra, site.host,
                              site.manners)
            rested = self.settle()
        finally:
            self.mta.stop()
        log = [line for line in self.place.log[start:] if
               re.search("status=deferred|status=bounced|reject:|fatal:|panic:",
                         line) and not re.search("<reject-|=AAAAAA=", line)]
        self.empty()
        for token, message in sent.values():
            message.deliveries = self.deliveries(token, first)
        return {name: message for name, (_, message) in sent.items()}, \
            rested, log

    def without_daemon(self, form):
        """
        What becomes of a message that is on its way when the daemon goes away: a
        list of what is wrong.
        """
        daemon = self.filter if form == "milter" else self.srs
        with open(os.path.join(self.mta.etc, "main.cf"), encoding="utf-8") as f:
            main_cf = f.read()
        self.mta.write("main.cf", main_cf + "defer_transports = srsout\n")
        first, start = len(self.messages), len(self.place.log)
        self.mta.start()
        token, _ = self.send(around.SENDER, f"vera@{DOMAIN}")
        tap.wait_until(lambda: any("(deferred transport)" in line for line in
                                   self.place.log[start:]),
                       "a message that waits", timeout=120)
        self.mta.stop()
        daemon.stop()
        try:
            self.mta.write("main.cf", main_cf)
            start = len(self.place.log)
            self.mta.start()
            self.tried_since(start)
            gone = self.deliveries(token, first)
        finally:
            daemon.start()
        self.settle()
        self.mta.stop()
        self.empty()
        if gone:
            return [f"away: {d['sender'] or 'a report'} to {d['recipient']} at "
                    f"{d['at']}" for d in gone]
        back = self.deliveries(token, first)
        if len(back) != 1 or not back[0]["sender"].startswith("SRS0="):
            return [f"away: then {[d['sender'] for d in back]}"]
        return []

    def tried_since(self, start):
        """Until the message was tried, and what that caused is done."""
        def tried():
            self.mta.flush()
            return any("to=<vera@dest.test>" in line and "status=" in line
                       for line in self.place.log[start:])
        tap.wait_until(tried, "a delivery that is tried", timeout=120)
        tap.wait_until(lambda: not self.files("maildrop", "incoming", "active"),
                       "no message on its way", timeout=120)

    # --- the queue ---

    def empty(self):
        spool, data = self.mta.spool, self.mta.data
        for queue in postfix.QUEUES + ["maildrop"]:
            if queue not in ("private", "saved"):
                around.remove(*(f"{spool}/{queue}/{depth}*"
                                for depth in ("", "*/", "*/*/")))
        around.remove(f"{data}/*")

    def recover(self):
        """After a site that couldn't be run."""
        if self.mta.process and self.mta.process.poll() is None:
            self.mta.stop()
        self.empty()

    def files(self, *queues):
        """[(path, when it is to be tried)] of the messages in these queues."""
        found = []
        for queue in queues:
            for directory, _, names in os.walk(os.path.join(self.mta.spool,
                                                            queue)):
                for path in (os.path.join(directory, name) for name in names):
                    try:
                        found.append((path, os.stat(path).st_mtime_ns))
                    except FileNotFoundError:
                        pass        # delivered meanwhile
        return found

    def settle(self):
        """
        Until nothing is on its way.  True: nothing waits either; False: something
        was tried three times, and waits again.
        """
        tries, empty, polls, last = 0, 0, 0, []

        def over():
            nonlocal tries, empty, polls, last
            going = self.files("maildrop", "incoming", "active")
            waiting = self.files("deferred", "hold")
            empty = 0 if going or waiting else empty + 1
            if waiting and not going:
                polls += 1
                # Each try in vain sets the time of the next one.
                tries += waiting != last
                if waiting != last or polls % 50 == 0:
                    self.mta.flush()
                last = waiting
            return empty == 3 or tries == 4
        try:
            tap.wait_until(over, "the queue to come to rest", timeout=120)
        except AssertionError:
            return False
        return empty == 3

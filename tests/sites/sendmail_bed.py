# SPDX-License-Identifier: ISC
"""
A sendmail site, which is what its sendmail.mc says: without SRS, with our m4, and
with srsmilter.
"""

import dataclasses
import os
import re
import shutil
import subprocess
import time

import around
import hosts
import outside
import places
import sasl
import sendmail
import tap

PEERS = ["sendmail", "sasl"]
DOMAIN, SRS_DOMAIN = around.DOMAIN, around.SRS_DOMAIN
FORMS = {"ruleset": "sendmail", "milter": "sendmail-milter"}
FILTER = f"""
listen = inet:10007@127.0.0.1
rewrite = remote_mailer
internal_connect = 127.0.0.0/8, {outside.HOST}
"""
ALIASES = """\
carol: carol@dest.test, carol2@dest.test, carol3@dest.test
"""
SUBMIT = """\
include(`{cf}/m4/cf.m4')dnl
include(`{cf}/debian/autoconf.m4')dnl
OSTYPE(`debian')dnl
define(`confDOMAIN_NAME', `mx.{domain}')dnl
define(`MSP_QUEUE_DIR', `{queue}')dnl
define(`confPID_FILE', `{queue}/pid')dnl
define(`confSERVICE_SWITCH_FILE', `{etc}/service.switch')dnl
"""
OWN = f"RELAY_DOMAIN(`{outside.HOST}')dnl\n"
VIRTUSERS = """\
vera@fwd.test	vera@dest.test
rejected@fwd.test	reject-vera@dest.test
"""


class M4Error(Exception):
    """sendmail.cf can't be built."""


@dataclasses.dataclass
class Site:
    """
    Lines of sendmail.mc before MAILER(), after it, and those of submit.mc; tables:
    {name: text}, those of sendmail.Sendmail; files: of /etc/mail.
    srs: {form: names of more messages with SRS senders}.
    mailers: whether it has MAILER() lines.
    """
    name: str
    features: str = ""
    after: str = ""
    aliases: str = ""
    tables: dict = dataclasses.field(default_factory=dict)
    files: dict = dataclasses.field(default_factory=dict)
    extra: list = dataclasses.field(default_factory=list)
    submit: str = ""
    srs: dict = dataclasses.field(default_factory=dict)
    mailers: bool = True
    quick: bool = False
    expect: dict = dataclasses.field(default_factory=dict)


class Bed(around.Around):
    def __init__(self):
        super().__init__(PEERS)
        self.place.write("etc", "sasl2", "Sendmail.conf", text=sasl.SETTINGS)
        sasl.add_account(self.place, hosts.LOGIN, f"mx.{DOMAIN}", hosts.PASSWORD)
        self.ruleset, other = self.start_daemons(DOMAIN, FILTER)
        other.stop()
        for_filter, self.filter = self.start_daemons(SRS_DOMAIN, FILTER, 10004)
        for_filter.stop()
        self.daemons = {"ruleset": self.ruleset, "milter": for_filter}
        self.srs, self.number, self.submit_cf = self.ruleset, 0, None

    def setup(self, form, option):
        done = places.run(around.MAILFROM, "setup", FORMS[form], "-c",
                          self.daemons[form].config, option)
        tap.equal((done.returncode, done.stderr), (0, ""),
                  f"setup {form} {option}")
        return done.stdout

    def build(self, site, form=None):
        """The site's sendmail, with the lines of that form."""
        features = OWN + site.features
        after = "MAILER(`smtp')dnl\n" if site.mailers else ""
        aliases = ALIASES + site.aliases
        tables = {"virtusertable": VIRTUSERS + site.tables.get(
            "virtusertable", ""), **{n: t for n, t in site.tables.items()
                                     if n != "virtusertable"}}
        if form == "ruleset":
            self.place.write("etc/mail/mailfrom-srs.m4",
                             text=self.setup(form, "--m4"))
            after = self.setup(form, "--mc")
        elif form == "milter":
            features += self.setup(form, "--mc")
            aliases += self.setup(form, "--aliases")
            tables["virtusertable"] += self.setup(form, "--virtusertable")
        self.number += 1
        name = f"site{self.number}"
        for file, text in site.files.items():
            self.place.write("etc", "mail", file, text=text)
        def here(text):
            run = self.place.path("run", name)
            return text.replace("@etc@", f"{run}/etc").replace("@run@", run)
        try:
            self.mta = sendmail.Sendmail(
                self.place, name, DOMAIN, outside.HOST, after + here(site.after),
                aliases, tables, here(features),
                "MAILER(`local')dnl" if site.mailers else "")
        except AssertionError as error:
            raise M4Error(str(error)) from error
        for queue in re.findall(r"P=@run@/(mqueue/\w+)", features):
            self.place.make_dir("run", name, *queue.split("/"), mode=0o700)
        self.srs = self.daemons[form or "ruleset"]
        self.submit_cf = self.build_submit(site.submit) if site.submit else None

    def build_submit(self, lines):
        """submit.cf; its path."""
        cf = os.path.join(self.mta.prefix, "usr/share/sendmail/cf")
        queue = self.place.make_dir("run", f"site{self.number}", "clientmqueue",
                                    mode=0o770, owner="smmsp", group="smmsp")
        source = self.mta.config_file("submit.mc", SUBMIT.format(
            cf=cf, queue=queue, etc=self.mta.etc, domain=DOMAIN) + lines)
        made = subprocess.run(
            [os.path.join(self.mta.prefix, "usr/bin/m4"), f"-D_CF_DIR_={cf}/",
             source], check=True, capture_output=True, text=True,
            env=self.mta.environment)
        return self.mta.config_file("submit.cf", made.stdout)

    def observe(self, site, form=None):
        """{name: Sent}; whether the queue is empty in the end; the log."""
        self.build(site, form)
        start, first = len(self.place.log), len(self.messages)
        self.mta.start()
        try:
            sent = self.dozen(form is not None, f"vera@{DOMAIN}", site.extra)
            rested = self.settle()
        finally:
            self.mta.stop()
        for token, message in sent.values():
            message.deliveries = self.deliveries(token, first)
        log = [line for line in self.place.log[start:] if
               re.search("stat=Deferred|reject=|SYSERR|NOQUEUE", line)]
        shutil.rmtree(self.mta.run)
        return {name: message for name, (_, message) in sent.items()}, \
            rested, log

    def settle(self):
        """
        Whether the queue is empty in the end.  What nobody was delivering when it
        was tried, and is there still, stays.
        """
        deadline = time.monotonic() + 60
        while self.mta.queue() and time.monotonic() < deadline:
            was_delivering = self.mta.is_delivering()
            self.mta.run_queue()
            if not was_delivering:
                break
            time.sleep(0.02)
        return not self.mta.queue()

    def recover(self):
        """After a site that couldn't be run."""
        if self.mta and self.mta.process and self.mta.process.poll() is None:
            self.mta.stop()

    @staticmethod
    def mailbox_sender(text):
        sender = re.search(r"^Envelope-From: <?([^>\n]*)", text, re.M)[1]
        return "" if sender == "MAILER-DAEMON" else sender

    def submit(self):
        """A program on this host, such as cron."""
        token = self.token()
        cf = ["-Ac"] if self.submit_cf else []
        subprocess.run(
            [self.mta.program(), *cf, "-i", "-odi", "-C", self.submit_cf or
             self.mta.cf, "vera@dest.test"],
            input=f"Subject: x\n\nbody of {token}\n", text=True, check=False,
            env=self.mta.environment, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        return token, around.Sent([])

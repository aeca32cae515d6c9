"""
A Postfix with both daemons beside it, and the lines that `mailfrom setup` prints
for it.
"""

import contextlib
import re
import signal

import deployments
import exchange
import postfix
import srsd
import srsmilter
import tap

DOMAIN = "fwd.test"
# What an administrator has there before: other domains and the tables.
BASE = f"""\
mydestination = {DOMAIN}, mx.{DOMAIN}, {deployments.SES_DOMAIN}, localhost
relay_domains = {deployments.RELAYED}
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_client_connection_rate_limit = 0
"""
SRSMILTER = f"""
[srsmilter]
listen = inet:10007@127.0.0.1
rewrite = remote_domain
local_domains = {DOMAIN}, {deployments.SES_DOMAIN}, {deployments.RELAYED}
user = mailfrom
"""


class Site(exchange.Exchange):
    soak_rcpts = ["both@fwd.test", deployments.FORWARDED]
    soak_copies = ["both@dest.test", "vera@dest.test"]
    soak_mailbox = True

    def __init__(self, place):
        super().__init__()
        self.place, self.mta, self.form, self.sequence = place, None, None, 0
        place.write("home", "dora", ".forward", text="dora@dest.test\n")
        members = place.write("run", "members", text=deployments.MEMBERS)
        self.aliases = "postmaster: root\nlater: defer-later@dest.test\n" \
            "far: far@fwd2.test\n" + deployments.ALIASES.format(members=members)
        self.virtual = "".join(f"{alias} {target}\n" for alias, target
                               in deployments.VIRTUAL.items())
        self.srs = srsd.Srsd(
            place, DOMAIN, own=DOMAIN,
            srs=f"ses = {deployments.SES_DOMAIN}\nnosrs = {deployments.NOSRS}")
        with open(self.srs.config, "a", encoding="utf-8") as file:
            file.write(SRSMILTER)
        self.srs.start()
        self.filter = srsmilter.Srsmilter(
            place.make_dir("run", "srsmilter", owner="mailfrom"),
            config=self.srs.config).start()

    def next_sequence(self):
        self.sequence += 1
        return self.sequence

    def settings(self, form, base=BASE):
        """(main.cf, master.cf), as setup prints them for a site with base."""
        mta = postfix.Postfix(self.place, "before", DOMAIN, base,
                              aliases=self.aliases, virtual=self.virtual)
        done = [mta.setup(form, self.srs.config, option)
                for option in ("--main", "--master")]
        for one in done:
            tap.equal(one.returncode, 0, one.stderr)
        return tuple(one.stdout for one in done)

    def use(self, name, main_cf=None, master_cf=None):
        """Have a form running, or one of its settings changed; no other."""
        if name == self.form:
            return self
        if self.mta:
            self.mta.stop()
        self.form = name
        if main_cf is None:
            main_cf, master_cf = self.settings(name)
        self.mta = postfix.Postfix(
            self.place, f"deployed-{name}", DOMAIN, BASE + main_cf, master_cf,
            aliases=self.aliases, virtual=self.virtual).start()
        return self

    @contextlib.contextmanager
    def configured(self, old, new):
        """srsmilter with old replaced by new in its configuration."""
        with open(self.filter.config, encoding="utf-8") as file:
            text = file.read()
        tap.equal(text.count(old), 1, f"{old} in {self.filter.config}")
        try:
            self.reconfigure(text.replace(old, new))
            yield
        finally:
            self.reconfigure(text)

    def reconfigure(self, text):
        self.filter.stop()
        with open(self.filter.config, "w", encoding="utf-8") as file:
            file.write(text)
        self.filter.start()

    def restart_mta(self):
        self.mta.stop()
        self.mta.start()

    def reload_mta(self):
        """Postfix's own way: each process ends when it has nothing to do."""
        self.mta.process.send_signal(signal.SIGHUP)

    def idle_restart_mta(self):
        """Between two messages, with nothing on its way."""
        def restart():
            self.settled()
            self.restart_mta()
        self.between_messages(restart)()

    def restart_filter(self):
        self.filter.stop()
        self.filter.start()

    def kill_filter(self):
        self.filter.kill()
        self.filter.start()

    def mailbox(self, user, token):
        return self.mta.mailbox(user, token)

    def mailbox_sender(self, user, token):
        tap.wait_until(lambda: self.mailbox(user, token),
                       f"{token} in the mailbox of {user}")
        text, = self.mailbox(user, token)
        return self.sender_of(text)

    @staticmethod
    def sender_of(text):
        """The envelope sender of a message in a mailbox."""
        return re.search(r"^Return-Path: <(.*)>$", text, re.M).group(1)

    def settled(self):
        def try_again():
            self.mta.flush()
            return self.mta.idle()
        tap.wait_until(try_again, "the queue to drain", timeout=600)

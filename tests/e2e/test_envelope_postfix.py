#!/usr/bin/env python3
"""One reading of the envelope: a real Postfix with both filters."""

import shutil
import subprocess
import sys

import envelope_cases
import envelope_good
import exchange
import postfix
import sasl
import tap
import world

PEERS = ["postfix", "sasl", *envelope_cases.PEERS]
SETTINGS = """\
smtpd_milters = inet:127.0.0.1:10006, inet:127.0.0.1:10007
non_smtpd_milters = $smtpd_milters
internal_mail_filter_classes = bounce, notify
milter_default_action = tempfail
smtpd_relay_restrictions = check_client_access static:ok, reject
smtpd_recipient_restrictions = check_recipient_access inline:{
    { verified@dest.test = reject_unverified_recipient }
    { gone@fwd.test = 550 5.1.1 gone } }
address_verify_poll_delay = 1s
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 100000
smtpd_hard_error_limit = 100000
smtpd_junk_command_limit = 100000
smtpd_client_connection_rate_limit = 0
smtpd_sasl_auth_enable = yes
smtpd_sasl_security_options = noanonymous
allow_untrusted_routing = yes
maximal_queue_lifetime = 0
bounce_queue_lifetime = 0
recipient_delimiter = +
local_recipient_maps =
luser_relay = $user@luser.dest.test
relay_domains = routed.test
transport_maps = inline:{
    { routed.test = smtp:[127.0.0.10] }
    { closed.test = error:5.7.1 closed }
    { inside.test = local: } }
sender_canonical_maps = inline:{ { canon@fwd.test = Canon.Name@pass.test } }
smtp_generic_maps = inline:{ { generic@fwd.test = generic@pass.test } }
masquerade_domains = masq.test
masquerade_classes = envelope_sender, header_sender
"""
VIRTUAL = f"""\
remote@fwd.test {envelope_good.REMOTE}
""" + "".join(f"@{ours} @{theirs}\n" for ours, theirs
              in envelope_cases.VIRTUAL.items())


class Site(exchange.Exchange):
    few = 1
    # It wants SMTPUTF8, or UTF-8 at least.
    closed = ["sender, octets"]
    rewritten = {"canon@fwd.test": "Canon.Name@pass.test",
                 "generic@fwd.test": "generic@pass.test",
                 "bob@host.masq.test": "bob@masq.test"}

    def __init__(self, place):
        super().__init__()
        envelope_cases.start_filters(self, place)
        place.write("etc", "postfix", "sasl", "smtpd.conf", text=sasl.SETTINGS)
        sasl.add_account(place, envelope_good.USER, envelope_good.REALM,
                         envelope_good.PASSWORD)
        self.mta = postfix.Postfix(
            place, "envelope-postfix", "fwd.test", SETTINGS, virtual=VIRTUAL,
            aliases="aliased: ann@dest.test\n")
        # smtpd is locked in by the time that it asks for a password.
        database = self.mta.spool + sasl.DATABASE
        shutil.copy(sasl.DATABASE, database)
        shutil.chown(database, "postfix")
        self.mta.start()
        self.filters_of_bounces = self.spfmilter, self.srsmilter
        self.local_ways = {"sendmail -f": self.by_sendmail}

    @staticmethod
    def suffix(form):
        """Of MAIL, for a message in which there is that form."""
        return b"" if form.isascii() else b" SMTPUTF8"

    def patient(self):
        tap.wait_until(self.mta.idle, "an empty queue", 120)

    def by_sendmail(self, sender, recipient, token):
        subprocess.run(
            [f"{self.mta.prefix}/usr/sbin/sendmail", "-f", sender, recipient],
            input=f"Subject: x\n\nbody {token}\n", text=True, check=True,
            env=self.mta.environment)


@envelope_cases.case("a recipient whose address Postfix verifies first is taken")
def verified(site):
    token, reply = site.submit("bob@pass.test", "verified@dest.test")
    tap.equal(reply.accepted, True, f"{reply}")
    site.sink.only(token)


def main():
    place = world.enter(PEERS)
    site = Site(place)
    return envelope_cases.suite.run(site, lambda: place.recent_log() + [
        "spfmilter:", site.spfmilter.log_tail(),
        "srsmilter:", site.srsmilter.log_tail()])


if __name__ == "__main__":
    sys.exit(main())

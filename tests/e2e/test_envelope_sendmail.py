#!/usr/bin/env python3
"""One reading of the envelope: a real sendmail with both filters."""

import subprocess
import sys

import envelope_cases
import envelope_good
import exchange
import origin_cases
import sasl
import sendmail
import world

PEERS = ["sendmail", "sasl", *envelope_cases.PEERS]
MECHANISMS = " ".join(sasl.MECHANISMS)
# _PROMISCUOUS_RELAY_ is what FEATURE(`promiscuous_relay') sets, and warns of.
FEATURES = f"""\
define(`_PROMISCUOUS_RELAY_', `1')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`loose_relay_check')dnl
define(`confAUTH_MECHANISMS', `{MECHANISMS}')dnl
TRUST_AUTH_MECH(`{MECHANISMS}')dnl
VIRTUSER_DOMAIN(`virt.fwd.test')dnl
define(`LUSER_RELAY', `esmtp:[127.0.0.10]')dnl
FEATURE(`genericstable', `hash -o @tables@/genericstable')dnl
GENERICS_DOMAIN(`fwd.test')dnl
FEATURE(`generics_entire_domain')dnl
MASQUERADE_AS(`masq.test')dnl
MASQUERADE_DOMAIN(`host.masq.test')dnl
FEATURE(`limited_masquerade')dnl
FEATURE(`masquerade_envelope')dnl
INPUT_MAIL_FILTER(`spfmilter', `S=inet:10006@127.0.0.1, F=T, \
T=C:5s;S:30s;R:30s;E:5m')dnl
INPUT_MAIL_FILTER(`srsmilter', `S=inet:10007@127.0.0.1, F=T, \
T=C:5s;S:30s;R:30s;E:5m')dnl
LOCAL_CONFIG
ESASL_PATH=@plugins@
"""
TABLES = {
    "virtusertable": f"remote@fwd.test\t{envelope_good.REMOTE}\n"
                     "gone@fwd.test\terror:nouser no such user\n" + "".join(
                         f"@{ours}\t%1@{theirs}\n" for ours, theirs
                         in envelope_cases.VIRTUAL.items()),
    "mailertable": "routed.test\tesmtp:[127.0.0.10]\n"
                   "closed.test\terror:5.7.1:550 closed\n"
                   "inside.test\tlocal:local\n",
    "genericstable": "generic@fwd.test\tgeneric@pass.test\n",
}


class Site(exchange.Exchange):
    few = 2         # forms in a check are so many times fewer: it is slower
    filters_of_bounces = ()         # sendmail's own pass none
    closed = ["sender, own, to an error", "sender, own, mailertable error"]
    rewritten = {"generic@fwd.test": "generic@pass.test",
                 "bob@host.masq.test": "bob@masq.test"}

    def __init__(self, place):
        super().__init__()
        envelope_cases.start_filters(self, place)
        place.write("etc", "sasl2", "Sendmail.conf", text=sasl.SETTINGS)
        sasl.add_account(place, envelope_good.USER, envelope_good.REALM,
                         envelope_good.PASSWORD)
        self.mta = sendmail.Sendmail(
            place, "envelope-sendmail", "fwd.test", world.FORWARDER,
            "MAILER(`smtp')dnl", aliases="aliased: ann@dest.test\n",
            tables=TABLES, features=FEATURES
            .replace("@plugins@", sasl.plugins(place))
            .replace("@tables@", place.path("run", "envelope-sendmail", "etc")))
        self.mta.start()
        self.local_ways = {"sendmail -bs": self.by_sendmail}

    @staticmethod
    def suffix(_):
        """Of MAIL, for a message in which there is that form."""
        return b""

    def patient(self):
        """Interactive: whatever was taken has been tried."""

    def by_sendmail(self, sender, recipient, token):
        with subprocess.Popen(
                self.mta.arguments("-bs"), bufsize=0, stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, env=self.mta.environment) as program:
            return origin_cases.converse(program.stdout, program.stdin.write,
                                         sender, recipient, token)


def main():
    place = world.enter(PEERS)
    site = Site(place)
    return envelope_cases.suite.run(site, lambda: place.recent_log() + [
        "spfmilter:", site.spfmilter.log_tail(),
        "srsmilter:", site.srsmilter.log_tail()])


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
mailfrom doctor and spfmilter as a policy service: what it says of lists of
restrictions, and of the lines that mailfrom setup prints for the same site.
"""

import json
import os
import sys
import tempfile

import places
import tap

MAILFROM = places.program("mailfrom")
OWN = "[spfmilter]\npolicy_listen = inet:10008@127.0.0.1\n" \
    "authserv_id = mx.fwd.test\n"
MASTER = "smtp inet n - y - - smtpd\n" \
    "policyd-spf unix - n n - 0 spawn user=nobody argv=/usr/bin/policyd-spf\n"
BASE = "compatibility_level = 3.6\nmyhostname = mx.fwd.test\n"
ASK = "check_policy_service inet:127.0.0.1:10008"
LIST = "smtpd_recipient_restrictions = "
GUARD = "permit_mynetworks, reject_unauth_destination, "
OLD = "check_policy_service unix:private/policyd-spf"

# main.cf, lines of mailfrom.conf, status and a word of why; "" is ok.
CASES = [
    (LIST + GUARD + ASK, "", "ok", ""),
    (LIST + ASK, "", "ok", ""),
    (LIST + ASK + "\nsmtpd_relay_restrictions = permit_mynetworks, reject", "",
     "fail", "look up domains"),
    (LIST + ASK + ", reject_unauth_destination\n"
     "smtpd_relay_restrictions =", "", "fail", "look up domains"),
    (LIST + GUARD + "permit, " + ASK, "", "fail", "never asked"),
    (LIST + GUARD + ASK + "\nsmtpd_policy_service_default_action = DUNNO", "",
     "fail", "accepted unchecked"),
    (LIST + GUARD + ASK + "\nsmtpd_policy_service_default_action = 550 5.3.0 x",
     "", "fail", "rejected for good"),
    (LIST + GUARD + "check_policy_service { inet:127.0.0.1:10008, "
     "{ default_action = 451 4.3.0 later } }\n"
     "smtpd_policy_service_default_action = DUNNO", "", "ok", ""),
    (LIST + GUARD + "check_policy_service { inet:127.0.0.1:10008, "
     "default_action=OK }", "", "fail", "accepted unchecked"),
    (LIST + GUARD + ASK + "\nsmtpd_policy_service_timeout = 20s", "", "fail",
     "slow DNS"),
    (LIST + GUARD + ASK + "\nsmtpd_policy_service_timeout = 1m", "", "ok", ""),
    (LIST + GUARD + ASK + "\nsmtpd_policy_service_timeout = 15s",
     "[spf]\ntimeout = 10\n", "ok", ""),
    (LIST + GUARD + "check_policy_service { inet:127.0.0.1:10008, timeout=5s }",
     "", "fail", "slow DNS"),
    (LIST + GUARD + OLD + ", " + ASK, "", "warn", "policyd-spf"),
    (LIST + GUARD + OLD, "", "warn", "no smtpd asks"),
    ("smtpd_sender_restrictions = " + ASK, "", "fail", "other hosts"),
    (LIST + GUARD + ASK + "\nsmtpd_sender_restrictions = " + ASK, "", "warn",
     "other hosts"),
    (LIST + GUARD + ASK + "\nsmtpd_end_of_data_restrictions = " + ASK, "", "ok",
     ""),
    (LIST + GUARD + ASK + "\nmyhostname = other.test", "", "warn",
     "another name"),
]
# Sites that mailfrom setup puts in order.
CURED = [n for n, (main, own, status, _) in enumerate(CASES)
         if status != "ok" and "smtpd_policy_service" not in main and
         not own and "relay_restrictions" not in main and
         "myhostname" not in main and "sender_restrictions" not in main]

suite = tap.Suite()


class Site:
    def __init__(self, directory):
        self.directory = directory

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def findings(self, main, own):
        """(status, why) of the check spf-policy."""
        done = places.run(
            MAILFROM, "doctor", "--json", "--offline", "-c",
            self.write("mailfrom.conf", OWN + own), "--site",
            self.write("site", BASE + main + "\n" + MASTER))
        return [(found["status"], found.get("why") or "")
                for found in json.loads(done.stdout)["checks"]
                if found["check"] == "spf-policy"]


@suite.case("lists, default actions, time limits, names")
def lists(site):
    for main, own, status, why in CASES:
        found = site.findings(main, own)
        tap.equal(any(s == status and why in w for s, w in found), True,
                  f"{main!r}: {found}")
        if status == "ok":
            tap.equal([s for s, _ in found], ["ok"], main)


@suite.case("what mailfrom setup prints is right")
def cured(site):
    for n in CURED:
        main = CASES[n][0]
        done = places.run(
            MAILFROM, "setup", "spf-policy", "--main", "-c",
            site.write("mailfrom.conf", OWN), "--site",
            site.write("site", BASE + main + "\n" + MASTER))
        tap.equal(done.returncode, 0, done.stderr)
        tap.equal([s for s, _ in site.findings(
            main + "\n" + done.stdout, "")], ["ok"], main)
    tap.equal(len(CURED) >= 4, True, f"{len(CURED)} of them")


@suite.case("without policy_listen there is nothing to say")
def silent(site):
    path = site.write("mailfrom.conf", "[spfmilter]\nlisten = inet:1@127.0.0.1\n")
    done = places.run(MAILFROM, "doctor", "--json", "--offline", "-c", path,
                      "--site", site.write("site", BASE + MASTER))
    tap.equal("spf-policy" in done.stdout, False, done.stdout)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        sys.exit(suite.run(Site(scratch)))

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
mailfrom convert: what becomes of each key of other software's configuration, how
its dialects are read, and what is said about mistakes.  That daemons do with the
result what the old software did is shown by test_moves.py.
"""

import gzip
import os
import re
import shutil
import sys
import tempfile

import places
import tap
from check_only import check_only
from tap import equal, true

MAILFROM = places.program("mailfrom")
OUTCOMES = "same|other|not needed|can't"
NAMES = {"postsrsd1": "postsrsd", "postsrsd2": "postsrsd.conf",
         "policyd-spf": "policyd-spf.conf", "pyspf-milter": "pyspf-milter.conf",
         "smf-spf": "smf-spf.conf"}
SOFTWARE = {"postsrsd1": "postsrsd 1.x", "postsrsd2": "postsrsd 2.x",
            "policyd-spf": "policyd-spf", "pyspf-milter": "pyspf-milter",
            "smf-spf": "smf-spf"}
LEAST = {"postsrsd1": "SRS_DOMAIN=f.test\n", "postsrsd2": "srs-domain = f.test\n",
         "policyd-spf": "TestOnly = 1\n", "pyspf-milter": "UserID = x\n",
         "smf-spf": "RefuseFail on\n"}

# All keys of each software, with a value.
ALL = {
    "postsrsd1": """\
SRS_DOMAIN=fwd.test
SRS_EXCLUDE_DOMAINS=".a.test b.test,c.test"
SRS_SEPARATOR=+
SRS_SECRET=/etc/postsrsd.secret
SRS_HASHLENGTH=6
SRS_HASHMIN=4
SRS_FORWARD_PORT=10011
SRS_REVERSE_PORT=10012
RUN_AS=postsrsd
SRS_LISTEN_ADDR=127.0.0.2
CHROOT=/var/lib/postsrsd
SRS_EXTRA_OPTIONS="-A -t 60"
""",
    "postsrsd2": """\
srs-domain = "srs.test"
domains = { "a.test", ".b.test" }
domains-file = "/etc/postsrsd.domains"
domains-file-watch = on
original-envelope = embedded
envelope-database = "sqlite:senders.db"
separator = "-"
hash-length = 8
hash-minimum = 4
always-rewrite = on
socketmap = inet:localhost:10004
keep-alive = 45
connection-limit = 99
milter = unix:/run/srs_milter
milter-rewrite-local = off
milter-recipient-limit = 500
secrets-file = "/etc/srs.secret"
pid-file = "/run/postsrsd.pid"
unprivileged-user = "nobody"
chroot-dir = "/var/lib/postsrsd"
daemonize = off
syslog = on
debug = on
seccomp = on
""",
    "policyd-spf": """\
debugLevel = 2
TestOnly = 1
defaultSeedOnly = 1
HELO_reject = Softfail
Mail_From_reject = SPF_Not_Pass
PermError_reject = True
TempError_Defer = True
No_Mail = False
Reject_Not_Pass_Domains = aol.test,hot.test
SPF_Enhanced_Status_Codes = Yes
Reason_Message = Message {rejectdefer} by policy
Reason_URL = http://x.test/?a={0}
HELO_pass_restriction = helo_passed
Mail_From_pass_restriction = mfrom_passed
Prospective = 192.0.2.9
Per_User = text,/etc/peruser
skip_addresses = 127.0.0.0/8,::ffff:127.0.0.0/104,::1
Whitelist = 192.0.2.0/31,2001:db8::/32
HELO_Whitelist = relay.test,sender.test
Domain_Whitelist = pobox.test
Domain_Whitelist_PTR = yahoo.test,.groups.test
Header_Type = AR
Hide_Receiver = No
Authserv_Id = mx.test
Lookup_Time = 40
Whitelist_Lookup_Time = 10
Void_Limit = 2
Mock = False
QueueID = True
""",
    "smf-spf": """\
WhitelistIP 127.0.0.0/8
WhitelistIP 10.0.0.0/8
WhitelistIP6 2001:db8::/32
WhitelistPTR .friendly.test
WhitelistFrom friend@
WhitelistFrom @friendly.test
WhitelistTo spamlover@here.test
RefuseFail on
SoftFail off
AcceptTempError off
RejectTempError on
RejectPermError on
RefuseSPFNone off
RefuseSPFNoneHELO on
SkipNDR off
Quarantine on
QuarantineBox spam@here.test
TagSubject on
Tag [SPF:fail]
RejectReason No thanks
AddHeader on
AddReceivedHeader on
AddAuthResultHeader on
AddSignatureHeader on
WrapHeader on
HeaderWidth 78
DelayChecks on
SkipAuth on
FixedClientIP 192.0.2.1
ClientIPNAT 10.0.0.1:192.0.2.1
RelaxedLocalPart off
SPFBestGuess on
TTL 1h
User smfs
Socket unix:/run/smf-spf.sock
Syslog mail
LogTo /var/log/x
Daemonize on
"""}
ALL["pyspf-milter"] = ALL["policyd-spf"] + """\
Socket = inet:8893@localhost
PidFile = /run/pyspf-milter/pid
UserID = pyspf-milter
UMask = 7
InternalHosts = 127.0.0.1,192.0.2.0/24
IntHosts = False
MacroList = daemon_name|ORIGINATING
"""

# What ALL sets, section.key: value.
SET = {
    "postsrsd1": {
        "srs.fwdomain": "fwd.test", "srs.own_domains": ".a.test, b.test, c.test",
        "srs.separator": "+", "srs.secret_file": "/etc/postsrsd.secret",
        "srs.hash_length": "6", "srs.hash_min": "4", "srs.always_rewrite": "yes",
        "srs.srs_domains": "*", "srs.hash_alphabet": "base64",
        "srsd.tcp_table_forward": "inet:10011@127.0.0.2",
        "srsd.tcp_table_reverse": "inet:10012@127.0.0.2",
        "srsd.idle_timeout": "60"},
    "postsrsd2": {
        "srs.fwdomain": "srs.test",
        "srs.own_domains": "a.test, .b.test, /etc/postsrsd.domains",
        "srs.separator": "-", "srs.hash_length": "8", "srs.hash_min": "4",
        "srs.always_rewrite": "yes", "srs.secret_file": "/etc/srs.secret",
        "srs.srs_domains": "*", "srsd.listen": "inet:10004@localhost",
        "srsd.idle_timeout": "45", "srsd.max_connections": "99",
        "srsmilter.listen": "unix:/run/srs_milter",
        "srsmilter.socket_mode": "0666", "srsmilter.reverse": "all",
        "srsmilter.rewrite": "remote_domain",
        "srsmilter.local_domains": "a.test, .b.test, /etc/postsrsd.domains",
        "log.level": "debug", "log.to": "syslog"},
    "policyd-spf": {
        "spfmilter.mode": "enforce",
        "spfmilter.internal_connect":
            "127.0.0.0/8, ::ffff:127.0.0.0/104, ::1",
        "spfmilter.trusted_relay": "192.0.2.0/31, 2001:db8::/32",
        "spfmilter.trusted_relay_check": "none",
        "spfmilter.exempt_helo": "relay.test, sender.test",
        "spfmilter.exempt_clients":
            "yahoo.test, .yahoo.test, .groups.test",
        "spfmilter.policy_header": "authentication_results",
        "spfmilter.policy_listen": "inet:10008@127.0.0.1",
        "spfmilter.listen": "none",
        "spfmilter.authserv_id": "mx.test",
        "spfmilter.access": "ACCESS", "spf.trusted_forwarder": "pobox.test",
        "spf.timeout": "25", "spf.max_voids": "2", "log.level": "debug"},
    "smf-spf": {
        "spfmilter.internal_connect":
            "127.0.0.0/8, 10.0.0.0/8, 2001:db8::/32",
        "spfmilter.exempt_clients": ".friendly.test",
        "spfmilter.exempt_senders": "friend@, friendly.test",
        "spfmilter.exempt_recipients":
            "postmaster@, abuse@, spamlover@here.test",
        "spfmilter.received_spf": "mailfrom", "spfmilter.access": "ACCESS",
        "spfmilter.listen": "unix:/run/smf-spf.sock",
        "spf.best_guess": "v=spf1 a/24 mx/24 ptr ?all"}}
SET["pyspf-milter"] = {
    **{key: value for key, value in SET["policyd-spf"].items()
       if not key.startswith("spfmilter.policy_")},
    "spfmilter.received_spf": "none",
    "spfmilter.listen": "inet:8893@localhost", "spfmilter.socket_mode": "0770",
    "spfmilter.internal_connect": "127.0.0.0/8, ::ffff:127.0.0.0/104, ::1, "
                                  "127.0.0.1, 192.0.2.0/24"}
# In pyspf-milter too: these differ from what the daemon of the policy service has.

suite = tap.Suite()
case = suite.case


class Site:
    def __init__(self, directory):
        self.directory = directory

    def path(self, *names):
        return os.path.join(self.directory, *names)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def convert(self, kind, text, *options, name=None):
        """(exit status, output, what it says), with FILE for the file's path."""
        path = self.write(name or NAMES[kind], text)
        access = self.path("access")
        if os.path.exists(access):
            os.unlink(access)
        done = places.run(MAILFROM, "convert", *options, path)
        return (done.returncode, done.stdout.replace(path, "FILE"),
                done.stderr.replace(path, "FILE"))

    def settings(self, kind, text):
        """What the result sets: {section.key: value}."""
        status, output, said = self.convert(
            kind, LEAST[kind] + text, "--access", self.path("access"))
        equal(status, 0, f"exit status: {said}")
        return settings(output, self.path("access"))

    def access(self):
        """The access file that was written: {key: value}."""
        if not os.path.exists(self.path("access")):
            return {}
        with open(self.path("access"), encoding="utf-8") as file:
            return dict(line.rstrip("\n").split("\t", 1)
                        for line in file if not line.startswith("#"))


def settings(output, access=None):
    found, section = {}, None
    for line in output.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line and not line.startswith("#"):
            key, _, value = line.partition(" = ")
            equal(f"{section}.{key}" in found, False, f"{key} twice")
            found[f"{section}.{key}"] = \
                "ACCESS" if value == access else value
    return found


def comments(output):
    """The comments, each in one line."""
    return re.sub(r"\n#   (?=\S)", " ", output).splitlines()


# --- each key ---

@case("every key is accounted for, with its line and what became of it")
def all_keys(site):
    for kind, text in ALL.items():
        _, output, _ = site.convert(kind, text)
        told = comments(output)
        for number, line in enumerate(text.splitlines(), 1):
            key = re.split(r"[ =]", line)[0]
            found = [t for t in told if re.match(
                rf"# {re.escape(key)} = .* \(line {number}\): ({OUTCOMES})\b", t)]
            equal(len(found), 1, f"{kind} {key}: {found}")


@case("what they set")
def what_is_set(site):
    for kind, expected in SET.items():
        _, output, _ = site.convert(
            kind, ALL[kind], "--access", site.path("access"))
        equal(settings(output, site.path("access")), expected, kind)


@case("the result is what a daemon takes, whatever is left out")
def results(site):
    secret = site.write("secret", "a secret of the tests\n")
    os.chmod(secret, 0o600)
    domains = site.write("domains", "d.test\n")
    for kind, text in ALL.items():
        text = re.sub(r"/etc/\S*secret", secret, text)
        text = text.replace("/etc/postsrsd.domains", domains)
        lines = text.splitlines(keepends=True)
        for number in range(-1, len(lines)):
            left = "".join(line for n, line in enumerate(lines) if n != number)
            # These have no default here.
            if "postsrsd" in kind and not (
                    secret in left and re.search("SRS_DOMAIN|srs-domain", left)):
                continue
            _, output, _ = site.convert(
                kind, left, "--access", site.path("access"))
            path = site.write("mailfrom.conf", output)
            daemons = ["srsd"] if kind == "postsrsd1" else \
                ["srsd", "srsmilter"] if kind == "postsrsd2" else ["spfmilter"]
            for daemon in daemons:
                if f"\n[{daemon}]\n" not in output:
                    continue
                status, _, error = check_only(daemon, path)
                equal((status, error), (0, ""),
                      f"{daemon}, {kind} without line {number + 1}")
            if kind not in ("postsrsd1", "postsrsd2"):
                done = places.run(places.program("spfpolicy"), "--lint",
                                  "--access", site.path("access"))
                equal(done.returncode, 0, done.stdout + done.stderr)


# --- keys by themselves: kind, lines, settings that they make ---

ROWS = [
    ("postsrsd1", "", {"srs.hash_length": "4", "srs.hash_min": "4",
                       "srs.secret_file": "/etc/postsrsd.secret",
                       "srsd.tcp_table_forward": "inet:10001@127.0.0.1",
                       "srsd.tcp_table_reverse": "inet:10002@127.0.0.1",
                       "srs.srs_domains": "*"}),
    ("postsrsd1", "SRS_LISTEN_ADDR=::1", {
        "srsd.tcp_table_forward": "inet6:10001@::1"}),
    ("postsrsd1", "SRS_LISTEN_ADDR=localhost\nSRS_EXTRA_OPTIONS=-6", {
        "srsd.tcp_table_reverse": "inet6:10002@localhost"}),
    ("postsrsd1", "SRS_LISTEN_ADDR='*'", {
        "srsd.tcp_table_reverse": "inet:10002@0.0.0.0"}),
    ("postsrsd1", "SRS_EXTRA_OPTIONS='-t1800 -A'", {
        "srsd.idle_timeout": "1800", "srs.always_rewrite": "yes"}),
    ("postsrsd1", "SRS_EXCLUDE_DOMAINS=", {"srs.own_domains": None}),
    ("postsrsd1", "SRS_HASHMIN=6\nSRS_HASHLENGTH=8\nSRS_HASHMIN=5", {
        "srs.hash_min": "5", "srs.hash_length": "8"}),
    ("postsrsd2", "", {"srs.hash_length": "4", "srs.hash_min": "4",
                       "srs.secret_file": "/etc/postsrsd.secret",
                       "srsd.listen": "unix:/var/spool/postfix/srs",
                       "srsd.socket_mode": "0666", "srs.srs_domains": "*",
                       "srsmilter.listen": None}),
    ("postsrsd2", "socketmap = inet:*:10003", {
        "srsd.listen": "inet:10003@0.0.0.0", "srsd.socket_mode": None}),
    ("postsrsd2", "socketmap = inet6:localhost:10003", {
        "srsd.listen": "inet6:10003@localhost"}),
    ("postsrsd2", "socketmap = inet4:127.0.0.1:10003", {
        "srsd.listen": "inet:10003@127.0.0.1"}),
    ("postsrsd2", "socketmap = local:/run/x", {"srsd.listen": "local:/run/x"}),
    ("postsrsd2", "milter = inet:localhost:9997\nmilter-rewrite-local = on", {
        "srsmilter.listen": "inet:9997@localhost", "srsmilter.rewrite": "all",
        "srsmilter.local_domains": None}),
    ("postsrsd2", "milter = unix:/run/m", {
        "srsmilter.rewrite": "all", "srsmilter.local_domains": None}),
    ("postsrsd2", "domains = { .a.test }", {"srs.fwdomain": "f.test"}),
    ("postsrsd2", "srs-domain = \"\"\ndomains = { .a.test, b.test }", {
        "srs.fwdomain": "a.test", "srs.own_domains": ".a.test, b.test"}),
    ("postsrsd2", "domains = { a.test }\ndomains = { b.test }", {
        "srs.own_domains": "b.test"}),
    ("postsrsd2", "domains = { a.test }\ndomains += { b.test }", {
        "srs.own_domains": "a.test, b.test"}),
    ("postsrsd2", "hash-length = 010\nhash-minimum = 0x5", {
        "srs.hash_length": "8", "srs.hash_min": "5"}),
    ("postsrsd2", "syslog = off\ndebug = no", {"log.to": "stderr",
                                               "log.level": "info"}),
    ("policyd-spf", "TestOnly = 0", {"spfmilter.mode": "report"}),
    ("policyd-spf", "debugLevel = -1", {"log.level": "error"}),
    ("policyd-spf", "debugLevel = 1 ", {"log.level": "info"}),
    ("policyd-spf", "Lookup_Time = 7", {"spf.timeout": "7"}),
    ("policyd-spf", "Authserv_Id = HOSTNAME", {"spfmilter.authserv_id": None}),
    ("policyd-spf", "Header_Type = SPF", {
        "spfmilter.policy_header": "received_spf",
        "spfmilter.received_spf": None}),
    ("policyd-spf", "Header_Type = None", {"spfmilter.policy_header": "none"}),
    ("pyspf-milter", "Header_Type = SPF", {
        "spfmilter.received_spf": "mailfrom"}),
    ("pyspf-milter", "Header_Type = None", {"spfmilter.received_spf": "none"}),
    ("policyd-spf", "Void_Limit = 4", {"spf.max_voids": "4"}),
    ("policyd-spf", "Void_Limit = 400", {"spf.max_voids": "10"}),
    ("policyd-spf", "Void_Limit = 0", {"spf.max_voids": "2"}),
    ("policyd-spf", "skip_addresses = 192.0.2.1", {
        "spfmilter.internal_connect": "192.0.2.1"}),
    ("pyspf-milter", "", {
        "spfmilter.listen": "unix:/run/pyspf-milter/pyspf-milter.sock"}),
    ("pyspf-milter", "Socket = local:/run/x.sock", {
        "spfmilter.listen": "local:/run/x.sock"}),
    ("pyspf-milter", "Socket = inet:8893", {
        "spfmilter.listen": "inet:8893@0.0.0.0"}),
    ("pyspf-milter", "Socket = inet6:8893", {
        "spfmilter.listen": "inet6:8893@::"}),
    ("pyspf-milter", "UMask = 022", {"spfmilter.socket_mode": "0751"}),
    ("pyspf-milter", "InternalHosts = csl:10.0.0.0/8, mail.test", {
        "spfmilter.internal_connect": "10.0.0.0/8, mail.test, "
                                      "127.0.0.0/8, ::1"}),
    ("smf-spf", "", {"spfmilter.listen": "unix:/var/run/smfs/smf-spf.sock"}),
    ("smf-spf", "addheader off", {"spfmilter.received_spf": "none"}),
    ("smf-spf", "WhitelistPTR host.test", {
        "spfmilter.exempt_clients": "host.test, .host.test"}),
]


@case("keys by themselves")
def rows(site):
    for kind, lines, expected in ROWS:
        got = site.settings(kind, lines + "\n")
        equal({key: got.get(key) for key in expected}, expected,
              f"{kind}: {lines}")


@case("postsrsd 2.x without srs-domain: the first domain of domains-file")
def first_of_file(site):
    domains = site.write("domains", "# ours\n\n.first.test\nb.test\n")
    status, output, said = site.convert(
        "postsrsd2", f'domains-file = "{domains}"\n')
    equal((status, said), (0, ""))
    equal(settings(output)["srs.fwdomain"], "first.test")
    equal(settings(output)["srs.own_domains"], domains)


# --- policies: kind, lines, entries of the access file that aren't OK ---

FAILS = {"spf-fail:": "REJECT 5.7.23", "null-fail:": "REJECT 5.7.23",
         "helo-fail:": "REJECT 5.7.23"}
NO_HELO = {"spf-fail:": "REJECT 5.7.23"}


def rejects(value, *keys):
    return dict.fromkeys(keys, value)


def both(*results, value="REJECT 5.7.23", of=("null", "helo")):
    return rejects(value, *(f"{identity}-{result}:" for identity in of
                            for result in results))


POLICIES = [
    ("policyd-spf", "", FAILS),
    ("policyd-spf", "HELO_reject = SPF_Not_Pass", {
        **FAILS, **both("softfail", "neutral")}),
    ("policyd-spf", "HELO_reject = Softfail", {**FAILS, **both("softfail")}),
    ("policyd-spf", "HELO_reject = Null", {
        **NO_HELO, "null-fail:": "REJECT 5.7.23"}),
    ("policyd-spf", "HELO_reject = False", NO_HELO),
    ("policyd-spf", "HELO_reject = No_Check", NO_HELO),
    ("policyd-spf", "Mail_From_reject = SPF_Not_Pass", {
        **FAILS, **both("softfail", "neutral", of=["spf"])}),
    ("policyd-spf", "Mail_From_reject = Softfail", {
        **FAILS, **both("softfail", of=["spf"])}),
    ("policyd-spf", "Mail_From_reject = False", both("fail")),
    ("policyd-spf", "PermError_reject = True\nTempError_Defer = True", {
        **FAILS,
        **both("permerror", value="REJECT 5.7.24", of=("spf", "null", "helo")),
        **both("temperror", value="TEMPFAIL 4.7.24",
               of=("spf", "null", "helo"))}),
    ("policyd-spf", "PermError_reject = True\nMail_From_reject = False\n"
     "HELO_reject = Null", {
         "null-fail:": "REJECT 5.7.23", "null-permerror:": "REJECT 5.7.24"}),
    ("policyd-spf", "SPF_Enhanced_Status_Codes = No", rejects(
        "REJECT 5.7.1", "spf-fail:", "null-fail:", "helo-fail:")),
    ("policyd-spf", "Reason_Message = Mail {rejectdefer} here", rejects(
        "REJECT 5.7.23 Mail rejected here", "spf-fail:", "null-fail:",
        "helo-fail:")),
    ("policyd-spf", "Reason_Message = {rejectdefer}: {spf}", FAILS),
    ("policyd-spf", "Reject_Not_Pass_Domains = aol.test\nHELO_reject = No_Check",
     {**NO_HELO, **rejects(
         "REJECT 5.7.23", "spf-softfail:aol.test", "spf-neutral:aol.test")}),
    ("policyd-spf", "Reject_Not_Pass_Domains = a.test, b.test\n"
     "Mail_From_reject = False\nHELO_reject = False", rejects(
         "REJECT 5.7.23", *(
             f"{identity}-{result}:{domain}.test"
             for identity in ("spf", "null", "helo")
             for result in ("fail", "softfail", "neutral")
             for domain in ("a", "b")))),
    ("pyspf-milter", "Mail_From_reject = Softfail", {
        **FAILS, **both("softfail", of=["spf"])}),
    ("smf-spf", "", both("fail", of=("spf", "null"))),
    ("smf-spf", "SoftFail on", both("fail", of=("spf", "null"),
                                    value="TEMPFAIL 4.7.23")),
    ("smf-spf", "RefuseFail off", {}),
    ("smf-spf", "RefuseFail off\nRefuseFail on", {}),
    ("smf-spf", "RefuseFail off\nQuarantine on", both(
        "fail", "softfail", of=("spf", "null"), value="QUARANTINE")),
    ("smf-spf", "AcceptTempError off\nRejectPermError yes", {
        **both("fail", of=("spf", "null")),
        **both("temperror", of=("spf", "null"), value="TEMPFAIL 4.7.24"),
        **both("permerror", of=("spf", "null"), value="REJECT 5.7.24")}),
    ("smf-spf", "RefuseSPFNoneHELO on\nSkipNDR on",
     both("fail", of=["spf"])),
    ("smf-spf", "RefuseSPFNoneHELO on", both("fail", of=("spf", "null")) |
     both("none", of=["null"])),
    ("smf-spf", "RejectReason We do not like it", both(
        "fail", of=("spf", "null"), value="REJECT 5.7.23 We do not like it")),
    ("smf-spf", "RejectReason sender:%1$s", both("fail", of=("spf", "null"))),
]


@case("what is rejected: the access file")
def policies(site):
    for kind, lines, expected in POLICIES:
        site.settings(kind, lines + "\n")
        entries = site.access()
        equal({key: value for key, value in entries.items() if value != "OK"},
              expected, f"{kind}: {lines}")
        # Nothing is left to the defaults.
        for identity in "spf", "null", "helo":
            for result in ("fail", "softfail", "neutral", "none", "permerror",
                           "temperror"):
                equal(f"{identity}-{result}:" in entries, True,
                      f"{identity}-{result} of {kind}: {lines}")


# --- dialects ---

# What a shell makes of them is what counts.
SHELL = [
    "SRS_SECRET=/a", "SRS_SECRET='/a'", 'SRS_SECRET="/a"', "SRS_SECRET=",
    "SRS_SECRET=/a # comment", "SRS_SECRET=/a#b", "  SRS_SECRET=/a  ",
    "export SRS_SECRET=/a", "SRS_SECRET=/a; SRS_HASHMIN=5",
    "SRS_SECRET=/a SRS_HASHMIN=5", "SRS_SECRET='/a'\"/b\"/c",
    "SRS_SECRET=/a\\ b", 'SRS_SECRET="/a\\"b"', "SRS_SECRET='/a\"b'",
    'SRS_SECRET="/a b#c"', "SRS_SECRET=/a\nSRS_SECRET=/b",
    "DIRECTORY=/x\nSRS_SECRET=$DIRECTORY/s", "A=/x\nSRS_SECRET=\"${A}y/s\"",
    "A=/x\nSRS_SECRET='$A'", "SRS_SECRET=/a\\\nb", 'SRS_SECRET="/a\\b"',
    "SRS_SECRET=\\\n/a", "#SRS_SECRET=/no\nSRS_SECRET=/a", "SRS_SECRET=/a\r",
    "SRS_SECRET=/a=b", "SRS_SEPARATOR==\nSRS_SECRET=/a", "SRS_SECRET=/ü",
    "SRS_SECRET=/a;",
]


@case("variables of the shell, as sh reads them")
def shell(site):
    for text in SHELL:
        path = site.write("postsrsd", text + "\n")
        done = places.run("sh", "-c", '. "$1"; printf %s "$SRS_SECRET"', "sh",
                          path)
        _, output, _ = site.convert("postsrsd1", "SRS_DOMAIN=f.test\n" + text +
                                    "\n")
        got = settings(output).get("srs.secret_file", "")
        equal(got, done.stdout.strip(), repr(text))


@case("what only a shell can tell is named, and nothing is made up for it")
def shell_only(site):
    for line in ("SRS_DOMAIN=`postconf -h mydomain`",
                 "SRS_DOMAIN=$(postconf -h mydomain)", "SRS_DOMAIN=$HOME",
                 'SRS_DOMAIN="${x:-a.test}"', "SRS_DOMAIN='a.test",
                 "if true; then SRS_DOMAIN=a.test; fi", "[ -f /x ] && . /x",
                 "SRS_DOMAIN = a.test", "SRS_EXCLUDE_DOMAINS=a.test b.test"):
        status, output, said = site.convert("postsrsd1", f"\n{line}\n")
        equal(status, 1, line)
        true("error: FILE:2: " in said, f"{line}: {said}")
        true("srs.fwdomain" not in settings(output), output)


CONFUSE = [
    ('srs-domain = "a.test"', "a.test"), ("srs-domain = 'a.test'", "a.test"),
    ("srs-domain = a.test", "a.test"), ("srs-domain=a.test#x", "a.test"),
    ("srs-domain = a.test // x", "a.test"),
    ("/* x\n*/ srs-domain /* y */ = a.test", "a.test"),
    ("srs-domain\n=\na.test", "a.test"),
    ("srs-domain = a.test domains = b.test", "a.test"),
    ('domains = {\n"a.test",\n"b.test" }', "a.test"),
    ('srs-domain = "a.\\\ntest"', "a.test"),
]


@case("libconfuse's files")
def confuse(site):
    for text, domain in CONFUSE:
        status, output, said = site.convert("postsrsd2", text + "\n")
        equal((status, said), (0, ""), repr(text))
        equal(settings(output)["srs.fwdomain"], domain, repr(text))


MISTAKES = [
    ("postsrsd1", "SRS_DOMIAN=x.test", 2,
     '"SRS_DOMIAN" is not a key of postsrsd 1.x; did you mean "SRS_DOMAIN"?'),
    ("postsrsd1", "FOO=bar", 2, '"FOO" is not a key of postsrsd 1.x'),
    ("postsrsd1", "SRS_FORWARD_PORT=smtp", 2,
     'SRS_FORWARD_PORT: not a port from 1 to 65535: "smtp"'),
    ("postsrsd1", "SRS_HASHLENGTH=3\nSRS_HASHMIN=3", 2,
     'hash_length: not a number from 4 to 27: "3"'),
    ("postsrsd1", "SRS_SEPARATOR=x", 2, 'separator: not one of =, +, -: "x"'),
    ("postsrsd1", "SRS_EXTRA_OPTIONS=-Q", 2,
     'SRS_EXTRA_OPTIONS: not an option of postsrsd: "-Q"'),
    ("postsrsd1", "SRS_EXCLUDE_DOMAINS=a@b.test", 2,
     "own_domains: not a domain"),
    ("postsrsd1", "SRS_HASHMIN=8", 0,
     "hash_min: 8, above hash_length"),
    ("postsrsd2", "secret-file = x", 2,
     '"secret-file" is not a key of postsrsd 2.x; did you mean '
     '"secrets-file"?'),
    ("postsrsd2", "syslog = maybe", 2, 'syslog: neither on nor off: "maybe"'),
    ("postsrsd2", "keep-alive = soon", 2, 'keep-alive: not a number: "soon"'),
    ("postsrsd2", "envelope-database = x\noriginal-envelope = database", 2,
     "envelope-database: neither sqlite:FILE nor redis:HOST:PORT"),
    ("postsrsd2", "original-envelope = somewhere", 2,
     "original-envelope: neither embedded nor database"),
    ("postsrsd2", "domains-file = d", 2, "domains-file: not an absolute path"),
    ("postsrsd2", "domains = { a.test", 2, 'a list is "{ item, item }"'),
    ("postsrsd2", "domains a.test", 2, 'no "=" after the key'),
    ("postsrsd2", 'separator = "=', 2, "no quote ends this value"),
    ("postsrsd2", "separator = ${SEP}", 2, "a variable of the environment"),
    ("postsrsd2", "separator =", 2, 'no value after "="'),
    ("policyd-spf", "Helo_reject = Fail", 2,
     '"Helo_reject" is not a key of policyd-spf; did you mean "HELO_reject"?'),
    ("policyd-spf", "Socket = x", 2, '"Socket" is not a key of policyd-spf'),
    ("policyd-spf", "HELO_reject = fail", 2, 'HELO_reject: not a value that it '
     'can have: "fail"; did you mean "Fail"?'),
    ("policyd-spf", "Mail_From_reject = Null", 2,
     "Mail_From_reject: not a value that it can have"),
    ("policyd-spf", "PermError_reject = yes", 2,
     'PermError_reject: neither True nor False: "yes"'),
    ("policyd-spf", "No_Mail = True", 2, "No_Mail: a domain whose record is"),
    ("policyd-spf", "Whitelist = a b = c", 2, 'two "=" in a line'),
    ("policyd-spf", "Whitelist", 2, 'not "Key = value"'),
    ("policyd-spf", "skip_addresses = 10.0.0.0/99", 2,
     "internal_connect: not an IP address, network"),
    ("policyd-spf", "Header_Type = spf", 2, "Header_Type: none of SPF, AR and None"),
    ("pyspf-milter", "UMask = 0o7", 2, "UMask: not a mask"),
    ("pyspf-milter", "InternalHosts = !10.0.0.1,10.0.0.0/8", 2,
     "InternalHosts: exceptions"),
    ("smf-spf", "RefuseFall on", 2,
     '"RefuseFall" is not a key of smf-spf; did you mean "RefuseFail"?'),
    ("smf-spf", "RefuseFail maybe", 2, 'RefuseFail: neither on nor off'),
    ("smf-spf", "WhitelistFrom friend", 2, "WhitelistFrom: a part of an address"),
    ("smf-spf", "SoftFail", 2, "a key without a value"),
]


@case("mistakes are named with file and line, and the exit status is 1")
def mistakes(site):
    for kind, line, number, message in MISTAKES:
        if line == "UserID":
            continue
        status, output, said = site.convert(
            kind, LEAST[kind] + line + "\n", "--from", kind)
        where = f"error: FILE:{number}: " if number else "error: FILE: "
        true(where + message in said, f"{kind}: {line}: {said}")
        equal(status, 1, line)
        true("[" in output, "the rest is converted")


# --- which file it is ---

@case("the kind is told by name and by content")
def kinds(site):
    for kind, text in ALL.items():
        for name in NAMES[kind], "other.txt":
            status, output, _ = site.convert(kind, text, name=name)
            true(f"the configuration of {SOFTWARE[kind]}.\n" in output,
                 f"{kind} as {name}: {status}")
        true(f"configuration of {SOFTWARE[kind]}." in
             site.convert(kind, "# nothing but a comment\n")[1], kind)


@case("--from says whose it is; another file is refused")
def stated(site):
    for kind in NAMES:
        _, output, _ = site.convert(kind, LEAST[kind], "--from", kind,
                                    name="x")
        true(f"configuration of {SOFTWARE[kind]}." in output, output)
    status, output, said = site.convert("postsrsd1", "hello\n", name="x")
    equal((status, output), (1, ""))
    true("FILE: whose configuration is this?" in said, said)
    for name, text in ("pysrs.cfg", "[srs]\nsecret = x\n"), \
            ("spfmilter.cfg", "[milter]\n"):
        status, output, said = site.convert(None, text, name=name)
        equal((status, output), (1, ""))
        true("the daemons read this file as it is" in said, said)
    status, output, said = site.convert(
        None, "[srs]\nfwdomain = x.test\n", name="mailfrom.conf")
    equal((status, output), (1, ""), said)


@case("a daemon that is given such a file says whose it is, and the command")
def given_to_daemons(site):
    for kind, text in ALL.items():
        path = site.write(NAMES[kind], text)
        for daemon in "srsd", "srsmilter", "spfmilter":
            for option in "-n", "-f":
                done = places.run(places.program(daemon), option, "-c", path)
                equal((done.returncode, done.stdout, done.stderr.splitlines()), (
                    1, "", [f"error: {path}: this is the configuration of "
                            f"{SOFTWARE[kind]}; make a mailfrom.conf of it "
                            f"with: mailfrom convert {path}"]), daemon)


@case("files with a [section] are ours, whatever else is in them")
def own_files(site):
    path = site.write("postsrsd.conf", "srs-domain = x\n[srs]\nfwdomain = a.b\n")
    done = places.run(places.program("srsd"), "-n", "-c", path)
    true(f"{path}:1: " in done.stderr and "convert" not in done.stderr,
         done.stderr)


# --- two files ---

@case("the access file: in a comment, or written where one says")
def access_file(site):
    status, output, said = site.convert("policyd-spf", LEAST["policyd-spf"])
    equal(status, 0)
    true("access = /etc/mailfrom/access\n" in output, output)
    true("# ---- The second file, /etc/mailfrom/access" in output, output)
    true("mailfrom convert: two files: " in said and
         "--access /etc/mailfrom/access writes it" in said, said)
    entries = {line[2:].split("\t")[0] for line in output.splitlines()
               if re.match(r"# (spf|null|helo)-\w+:\t", line)}
    path = site.path("access")
    status, output, said = site.convert(
        "policyd-spf", LEAST["policyd-spf"], "--access", path)
    equal(status, 0)
    equal(set(site.access()), entries)
    true("second file," not in output and f"access = {path}\n" in output, output)
    equal(said, "mailfrom convert: two files: mailfrom.conf is on standard "
          f"output, {path} was written\n")
    # Relative: the daemon is elsewhere.
    os.unlink(path)
    done = places.run(MAILFROM, "convert", "--access", "access",
                      site.path("policyd-spf.conf"), cwd=site.directory)
    true(f"access = {path}\n" in done.stdout, done.stdout)


@case("an access file that is there isn't overwritten")
def access_exists(site):
    path = site.write("mine", "spf-fail:\tOK\n")
    status, output, said = site.convert(
        "policyd-spf", LEAST["policyd-spf"], "--access", path)
    equal((status, output), (1, ""))
    equal(said, f"mailfrom convert: {path}: File exists\n")
    with open(path, encoding="utf-8") as file:
        equal(file.read(), "spf-fail:\tOK\n")


@case("usage")
def usage(site):
    path = site.write("postsrsd", LEAST["postsrsd1"])
    for arguments, said in (
            ([], "which file?"), ([path, path], "one file at a time"),
            (["--from", "postsrsd", path], 'unknown value "postsrsd"'),
            (["--form", "x"], "usage: mailfrom convert")):
        done = places.run(MAILFROM, "convert", *arguments)
        equal((done.returncode, done.stdout), (2, ""), arguments)
        true(said in done.stderr, done.stderr)
    done = places.run(MAILFROM, "convert", "--help")
    equal((done.returncode, done.stderr), (0, ""))
    true(done.stdout.startswith("usage: mailfrom convert"), done.stdout)
    done = places.run(MAILFROM, "convert", site.path("none"))
    equal((done.returncode, done.stderr),
          (1, f"error: {site.path('none')}: No such file or directory\n"))
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = places.run(MAILFROM, "convert", path, stdout=full)
    equal(done.returncode, 1, "no space")


# --- the samples that the packages have ---

@case("the samples of the packages themselves")
def samples(site):
    reason = places.fetch("postsrsd", "postsrsd2", "policyd")
    if reason:
        raise tap.Skip(reason)
    found = {
        "postsrsd1": places.peer("postsrsd", "usr/share/postsrsd/"
                                 "postsrsd.template"),
        "postsrsd2": places.peer("postsrsd2", "usr/share/doc/postsrsd/"
                                 "postsrsd.conf.gz"),
        "policyd-spf": places.peer("policyd", "etc/postfix-policyd-spf-python/"
                                   "policyd-spf.conf"),
        "pyspf-milter": places.peer("policyd", "etc/pyspf-milter/"
                                    "pyspf-milter.conf")}
    for kind, path in found.items():
        opener = gzip.open if path.endswith(".gz") else open
        with opener(path, "rt", encoding="utf-8") as file:
            text = file.read()
        # All that the sample knows, with its defaults.
        if kind == "postsrsd2":
            text = re.sub(r"(?m)^#([a-z-]+ = \S)", r"\1", text)
        if kind.startswith("postsrsd"):
            text += LEAST[kind]
        status, output, said = site.convert(
            kind, text, "--access", site.path("access"))
        equal(status, 0, f"{kind}: {said}")
        for key in re.findall(r"(?m)^([A-Za-z_-]+)[ \t]*=", text):
            true(any(line.startswith(f"# {key} = ") or
                     line.startswith(f"# {key} isn't")
                     for line in comments(output)), f"{kind}: {key}")


def main():
    directory = tempfile.mkdtemp(prefix="mailfrom-")
    try:
        return suite.run(Site(directory))
    finally:
        shutil.rmtree(directory)


sys.exit(main())

# SPDX-License-Identifier: ISC
"""spfmilter under test, and the zones that it asks for."""

import os

import nameserver
from milter_daemon import Daemon


# What each result's domain publishes; all domains below it do the same.
RECORDS = {
    "pass": "v=spf1 ip4:127.0.0.0/8 -all",
    "fail": "v=spf1 -all",
    "softfail": "v=spf1 ~all",
    "neutral": "v=spf1 ?all",
    "none": "nothing to do with SPF",
    "permerror": "v=spf1 ipv4:127.0.0.1 -all",
}
RESULTS = [*RECORDS, "temperror"]
OTHERS = {
    "explained": "v=spf1 -all exp=why.explained.test",
    "why.explained": "%{i} isn't a host of %{d}: 100%% sure",
    "xn--bcher-kva": "v=spf1 -all",
    "far": "v=spf1 ip4:198.51.100.7 -all",
    "forwarder": "v=spf1 ip4:127.0.0.98 -all",
    "delegated.test._spf.delegate": "v=spf1 -all",
    "parts": "v=spf1 exists:%{l}.of.parts.test -all",
}
ZONE = "guessed.test. A 127.0.0.99\n" \
    "guessed.test. MX 10 guessed.test.\ndelegated.test. A 127.0.0.1\n" \
    "*.of.parts.test. A 127.0.0.2\n" + \
    "".join(f'{name}.test. TXT "{text}"\n*.{name}.test. TXT "{text}"\n'
            for name, text in RECORDS.items()) + \
    "".join(f'{name}.test. TXT "{text}"\n' for name, text in OTHERS.items())


def name_server(failing=(), **options):
    """nsd with these zones; the names given get SERVFAIL."""
    return nameserver.zone_server(
        ZONE, servfail=[f"{name}.test" for name in ("temperror", *failing)],
        **options)


CONFIGURATION = """\
[spfmilter]
listen = {listen}
access = {access}
user = {user}
{spfmilter}
[spf]
nameservers = {dns}
{spf}
[log]
to = stderr
level = info
{more}
"""


class Spfmilter(Daemon):
    """access: text of its access file, unless map names another."""
    name, template = "spfmilter", CONFIGURATION

    def __init__(self, directory, dns, access="", map=None, spfmilter="",
                 spf="", more="", **options):
        self.access_path = os.path.join(directory, "access")
        super().__init__(directory, {
            "access": map or self.access_path, "dns": dns,
            "spfmilter": spfmilter, "spf": spf, "more": more}, **options)
        self.write_access(access)

    def write_access(self, text):
        self.write("access", text)

    def change_access(self, text):
        """Change the access file, and return when that has been noticed."""
        before = len(self.log())
        self.write_access(text)
        self.wait_for_log("has changed: ", before)

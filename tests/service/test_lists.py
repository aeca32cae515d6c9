#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
Lists in mailfrom.conf: which items each key takes, and what is said of others,
by -n of the daemons; in the value, over several lines, in list files, in
sections of other daemons, and in files of pysrs and pymilter.

lists.tsv has a line for each type of items and each item: what -n adds after the
item where it is refused, "ok" where it is taken.  Which key is of which type
is below, and compared with mailfrom.conf(5).
"""

import collections
import os
import re
import subprocess
import sys
import tempfile

import tap
from check_only import check_only
from places import program, source

DAEMONS = ("srsd", "srsmilter", "spfmilter")

# What is wanted, as the messages have it.
WANTED = {
    "domain": "a domain (example.com)",
    "domains": "a domain (example.com, or .example.com for those below it)",
    "mail_domains":
        "a domain (example.com, or .example.com for those below it) or *",
    "destinations": "a domain or host (example.com, or .example.com for those "
                    "below it)",
    "addresses": "a domain or address (example.com, .example.com, "
                 "user@example.com or user@)",
    "user": "a local part (postmaster)",
    "mailer": "a mailer (local)",
    "hosts": "an IP address, network (192.0.2.0/24) or host name",
    "ip": "an IP address (192.0.2.1)",
    "socket": "a socket (unix:/path, inet:PORT@HOST, inet6:PORT@HOST)",
    "nameserver": "a name server (IP, IP:PORT or [IP6]:PORT)",
    "fwdomain": "a domain (srs.example.com) or FORWARDING=DOMAIN",
    "rrs": "an RRS address, or its hash (12 characters of a-z and 2-7)",
}

# section: {key: type of its items}
KEYS = {
    "srs": {"fwdomain": "fwdomain", "own_domains": "domains",
            "forward_domains": "domains", "rrs_domains": "domains",
            "rrs_revoked": "rrs",
            "srs_domains": "mail_domains", "ses": "domains", "sign": "domains",
            "nosrs": "destinations", "exclude_senders": "addresses",
            "include_senders": "addresses",
            "exclude_recipients": "destinations", "outbound_addresses": "ip"},
    "srsd": {"listen": "socket", "tcp_table_forward": "socket",
             "tcp_table_reverse": "socket"},
    "srsmilter": {"local_domains": "domains", "local_mailers": "mailer",
                  "banned_users": "user", "exempt_recipients": "addresses",
                  "internal_connect": "hosts", "trusted_relay": "hosts"},
    "spfmilter": {"policy_listen": "socket", "internal_connect": "hosts", "trusted_relay": "hosts",
                  "exempt_clients": "hosts", "exempt_senders": "addresses",
                  "exempt_helo": "domains", "exempt_recipients": "addresses"},
    "spf": {"nameservers": "nameserver", "trusted_forwarder": "domain"},
}

# Keys whose items begin with "/" are no list files.
NO_FILES = {"listen", "policy_listen", "tcp_table_forward", "tcp_table_reverse",
            "local_mailers", "nameservers"}
MOST = {"outbound_addresses": 16, "nameservers": 16, "fwdomain": 1}

# file: {(section, key): (our key, the daemon, type)}
LEGACY = {
    "pysrs.cfg": {
        ("srs", "ses"): ("ses", "srsd", "domains"),
        ("srs", "sign"): ("sign", "srsd", "domains"),
        ("srs", "nosrs"): ("nosrs", "srsd", "destinations"),
        ("srs", "srs"): ("srs_domains", "srsd", "mail_domains"),
        ("srs", "banned_users"): ("banned_users", "srsmilter", "user"),
        ("srsmilter", "internal_connect"):
            ("internal_connect", "srsmilter", "hosts"),
        ("srsmilter", "trusted_relay"): ("trusted_relay", "srsmilter", "hosts")},
    "spfmilter.cfg": {
        ("milter", "internal_connect"):
            ("internal_connect", "spfmilter", "hosts"),
        ("milter", "trusted_relay"): ("trusted_relay", "spfmilter", "hosts"),
        ("spf", "trusted_forwarder"):
            ("trusted_forwarder", "spfmilter", "domain")},
}

suite = tap.Suite()
case = suite.case


def read_table():
    """{type: {item: None or what is said}}"""
    table = collections.defaultdict(dict)
    with open(source("tests/service/lists.tsv"), encoding="utf-8") as file:
        for line in file:
            if line.startswith("##"):
                continue
            kind, item, said = line.rstrip("\n").split("\t")
            table[kind][item] = None if said == "ok" else said
    return table


def user_of(section):
    """A daemon that uses the section."""
    return {"srs": "srsd", "spf": "spfmilter"}.get(section, section)


def message(level, place, key, kind, item, said):
    return (f"{level}: {place}: {key}: not {WANTED[kind]}: \"{item}\"" +
            (f"; {said}" if said else ""))


class Site:
    def __init__(self, directory):
        self.directory = directory
        self.table = read_table()
        self.secret = self.write("secret", "a secret of the tests\n")
        self.list = os.path.join(directory, "list")
        self.runs = 0

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o600)
        return path

    def check(self, daemon, text, name="mailfrom.conf"):
        """(exit status, what it says): files are FILE and LIST there."""
        path = self.write(name, text)
        status, _, said = check_only(daemon, path)
        self.runs += 1
        said = said.replace(path, "FILE").replace(self.list, "LIST")
        return status, [line for line in said.splitlines()
                                 if "fwdomain: not set" not in line
                                 and "fwdomain: no default" not in line]

    def around(self, section, key, first):
        """A configuration in which value begins in line first + 1."""
        srs = f"secret_file = {self.secret}\n"
        if key != "fwdomain":
            srs += "fwdomain = srs.example\n"
        rest = {"srs": srs, "srsmilter": "rewrite = none\n"}
        text = "".join(f"[{name}]\n{lines}" for name, lines in rest.items()
                       if name != section)
        text += f"[{section}]\n" + rest.get(section, "")
        text += "# \n" * (first - 1 - text.count("\n"))
        own = "srs.example, " if key == "srs_domains" else ""
        return text + f"{key} = {own}"

    def items(self, key, kind):
        """Those that are taken, in lists that are short enough; and others."""
        rows = self.table[kind]
        taken = [i for i, said in rows.items() if said is None]
        most = MOST.get(key, 1000)
        return ([taken[i:i + most] for i in range(0, len(taken), most)],
                [(i, said) for i, said in rows.items() if said is not None])


def every_key():
    return [(section, key, kind) for section, keys in KEYS.items()
            for key, kind in keys.items()]


@case("every list key of mailfrom.conf(5) is here, and no others")
def keys(_):
    found, section, key = set(), None, None
    with open(source("man", "mailfrom.conf.5"),
              encoding="utf-8") as file:
        for line in file:
            if line.startswith(".Sh THE "):
                section = line.split()[2].lower()
            elif line.startswith(".It Cm "):
                key = line.split()[2]
            elif line.startswith("List;"):
                found.add((section, key))
    tap.equal(found, {(s, k) for s, k, _ in every_key()}, "list keys")


@case("the table: 60 items and more, each for each type")
def table(site):
    tap.equal(set(site.table), set(WANTED), "types")
    items = {frozenset(rows) for rows in site.table.values()}
    tap.equal(len(items), 1, "lists of items")
    count = len(*items)
    if count < 60:
        raise AssertionError(f"only {count} items")
    taken = refused = 0
    for _, _, kind in every_key():
        verdicts = site.table[kind].values()
        taken += sum(v is None for v in verdicts)
        refused += sum(v is not None for v in verdicts)
    print(f"# {count} items, {len(every_key())} keys: {taken} taken, "
          f"{refused} refused")


@case("what is taken, between commas, blanks and line ends")
def is_taken(site):
    for section, key, kind in every_key():
        lists, _ = site.items(key, kind)
        for one in lists:
            for between in (", ", " ", "\t", "\n  ", " ,\n\t")[
                    :5 if len(one) > 1 else 1]:
                text = site.around(section, key, 12) + between.join(one) + "\n"
                tap.equal(site.check(user_of(section), text), (0, []),
                          f"{key}: {one}")


@case("what is refused, with its line, item and what is wanted")
def is_refused(site):
    for section, key, kind in every_key():
        _, refused = site.items(key, kind)
        text = site.around(section, key, 12) + "\n" + "".join(
            f"# and\n  {item}\n" for item, _ in refused
            if item[0] not in "#;")
        # At the start of a line these begin a comment.
        refused = [row for row in refused if row[0][0] not in "#;"]
        if key not in NO_FILES:
            refused = [row for row in refused if row[0][0] != "/"]
            text = re.sub(r"^# and\n  /.*\n", "", text, flags=re.M)
        expected = [message("error", f"FILE:{14 + 2 * n}", key, kind, item, said)
                    for n, (item, said) in enumerate(refused)]
        status, said = site.check(user_of(section), text)
        tap.equal((status, said),
                  (1, expected), key)


@case("list files: several items in a line, comments, a byte order mark")
def list_files(site):
    for section, key, kind in every_key():
        if key in NO_FILES:
            continue
        lists, refused = site.items(key, kind)
        text = site.around(section, key, 12) + site.list + "\n"
        for one in lists:
            site.write("list", "\ufeff# ours, and theirs\n\n" +
                       " ".join(one[:2]) + " # *.a, b\r\n" +
                       "\n".join(one[2:]) + "#\n"[bool(one[2:]):])
            tap.equal(site.check(user_of(section), text), (0, []),
                      f"{key}: {one}")
        refused = [row for row in refused if row[0] != "#"]
        site.write("list", "# \n" + "".join(
            f"{item} # a note\n" for item, _ in refused))
        expected = [message("error", f"LIST:{2 + n}", key, kind, item,
                            "a list file cannot name others"
                            if item[0] == "/" else said)
                    for n, (item, said) in enumerate(refused)]
        status, said = site.check(user_of(section), text)
        tap.equal((status, said),
                  (1, expected), key)


@case("in a section of another daemon: the same as warnings")
def elsewhere(site):
    for section, key, kind in every_key():
        _, refused = site.items(key, kind)
        refused = [row for row in refused if row[0][0] not in "#/;"]
        text = site.around(section, key, 12) + "\n" + "".join(
            f"  {item}\n" for item, _ in refused)
        expected = [message("warning", f"FILE:{13 + n}", key, kind, item, said)
                    for n, (item, said) in enumerate(refused)]
        others = {"srs": ["spfmilter"], "spf": ["srsd", "srsmilter"]}.get(
            section, set(DAEMONS) - {section})
        for daemon in others:
            tap.equal(site.check(daemon, text), (0, expected),
                      f"{daemon} on {key}")


@case("pysrs.cfg, spfmilter.cfg: warnings, and the items are left out")
def legacy(site):
    for name, rows in LEGACY.items():
        for (section, key), (ours, daemon, kind) in rows.items():
            _, refused = site.items(ours, kind)
            refused = [row for row in refused if row[0][0] not in "#/;"]
            text = "[srs]\nsecret: shared by both of them\n" \
                "fwdomain: srs.example\n" if name == "pysrs.cfg" else ""
            text += "" if f"[{section}]" in text else f"[{section}]\n"
            text += f"{key}: a.example\n"
            first = text.count("\n") + 1
            text += "".join(f"  {item}\n".replace("%", "%%")
                            for item, _ in refused)
            expected = [
                message("warning", f"FILE:{first + n}", ours, kind, item,
                        f"{said}; ignored" if said else "ignored")
                for n, (item, said) in enumerate(refused)]
            status, said = site.check(daemon, text, name)
            said = [line for line in said if f": {ours}: not a" in line]
            tap.equal((status, said), (0, expected), f"{name}: {key}")


@case("pysrs.cfg: a fwdomain that is none would be in senders: an error")
def legacy_fwdomain(site):
    text = "[srs]\nsecret: shared by both of them\n" \
        "fwdomain: \u201csrs.example\u201d\n"
    for daemon in ("srsd", "srsmilter"):
        tap.equal(site.check(daemon, text, "pysrs.cfg"), (1, [
            message("error", "FILE:3", "fwdomain", "fwdomain",
                    "\u201csrs.example\u201d", "write srs.example")]), daemon)


def main():
    with tempfile.TemporaryDirectory() as directory:
        return suite.run(Site(directory))


if __name__ == "__main__":
    sys.exit(main())

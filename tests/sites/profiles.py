# SPDX-License-Identifier: ISC
"""
Whole sites, in profiles/*.txt: main.cf, lines of master.cf, files, and tables in
SQLite in the place of the databases that such sites have.

	%main, %master, %file NAME	the lines that follow are of that
	%option SERVICE/TYPE: NAME=VALUE	an -o of a service of Debian's
	%sqlite NAME			tables follow: TABLE(COLUMN, ...): ROW | ROW
	%query NAME: SELECT ...		a sqlite_table(5) on them
	%reinject PORT NEXT		a content filter at PORT hands mail to NEXT
	%send RECIPIENT			one more message, from a sender outside
	%expect FORM OUTCOME: WHY	as in settings.txt
"""

import dataclasses
import os
import re
import sqlite3

import bed
import places
import table

NAMES = ["docker-mailserver", "mailcow", "iredmail", "ispconfig"]


@dataclasses.dataclass
class Profile(bed.Site):
    queries: dict = dataclasses.field(default_factory=dict)
    tables: list = dataclasses.field(default_factory=list)
    reinject: dict = dataclasses.field(default_factory=dict)


def read(name):
    profile, part = Profile(name), None
    path = places.source("tests", "sites", "profiles", f"{name}.txt")
    with open(path, encoding="utf-8") as file:
        for line in file.read().splitlines():
            if line.startswith("%"):
                word, _, rest = line[1:].partition(" ")
                part = (word, rest)
                if word == "send":
                    profile.extra.append(rest)
                elif word == "option":
                    profile.options.append(rest)
                elif word == "expect":
                    table.expect(profile, bed.FORMS, line)
                elif word == "query":
                    key, query = rest.split(": ", 1)
                    profile.queries[key] = query
                elif word == "reinject":
                    port, following = map(int, rest.split())
                    profile.reinject[port] = following
            elif line and (part or not line.startswith("#")):
                add(profile, part, line)
    return profile


def add(profile, part, line):
    word, rest = part
    if word == "main":
        profile.main += line + "\n"
    elif word == "master":
        profile.master.append(line)
    elif word == "file":
        profile.files[rest] = profile.files.get(rest, "") + line + "\n"
    elif word == "sqlite":
        profile.tables.append(line)
    else:
        raise AssertionError(f"{profile.name}: {line} after %{word}")


def make_database(profile, etc):
    """The tables, and what asks them."""
    path = os.path.join(etc, "site.db")
    if os.path.exists(path):
        os.unlink(path)
    database = sqlite3.connect(path)
    for line in profile.tables:
        name, columns, rows = re.fullmatch(r"(\w+)\((.*?)\): (.*)",
                                           line).groups()
        database.execute(f"CREATE TABLE {name} ({columns})")
        for row in rows.split(" | "):
            values = row.split()
            marks = ", ".join("?" * len(values))
            database.execute(f"INSERT INTO {name} VALUES ({marks})", values)
    database.commit()
    database.close()
    os.chmod(path, 0o644)
    for name, query in profile.queries.items():
        profile.files[name] = f"dbpath = {path}\nquery = {query}\n"

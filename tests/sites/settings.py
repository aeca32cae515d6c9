# SPDX-License-Identifier: ISC
"""The table of settings, which explains its format."""

import re

import bed
import places

TABLE = places.source("tests", "sites", "settings.txt")


def read(path=TABLE):
    """The sites of the table, in its order."""
    sites = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file.read().splitlines(), 1):
            if line.startswith("= "):
                sites.append(start(line[2:]))
            elif line and not line.startswith("#"):
                try:
                    add(sites[-1], line)
                except (ValueError, IndexError) as error:
                    raise AssertionError(f"{path}:{number}: {line}") from error
    return sites


def start(name):
    words = name.split()
    flags = {"quick": False, "away": False}
    while words[-1] in flags:
        flags[words.pop()] = True
    return bed.Site(" ".join(words), **flags)


def add(site, line):
    match = re.match(r"%(\w+) (.*)", line)
    if not match:
        site.main += line + "\n"
        return
    kind, rest = match.groups()
    if kind == "file":
        name, text = rest.split(": ", 1)
        site.files[name] = site.files.get(name, "") + text + "\n"
    elif kind == "expect":
        form, outcome, reason = re.fullmatch(r"(\w+) (\w+ ?[^:]*): (.*)",
                                             rest).groups()
        for each in bed.FORMS if form == "both" else [form]:
            site.expect[each] = (outcome, reason)
    elif kind == "host":
        site.host = rest
    else:
        {"master": site.master, "option": site.options,
         "client": site.manners, "send": site.extra}[kind].append(rest)

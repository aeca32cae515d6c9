# SPDX-License-Identifier: ISC
"""Tables of sites: settings.txt and features.txt, which explain their formats."""

import re
import sys

import places

FLAGS = ("quick", "away", "stays")


def read(name, forms, new_site, add_line, adders):
    """
    The sites of the table, in its order.  new_site(name) makes one; add_line(site,
    line) takes a line of its configuration; adders: {word: function(site, rest)} of
    the lines that begin with %word.
    """
    sites, path = [], places.source("tests", "sites", name)
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file.read().splitlines(), 1):
            if line.startswith("#") or not line:
                continue
            try:
                if line.startswith("= "):
                    sites.append(start(new_site, line[2:]))
                elif line.startswith("%expect "):
                    expect(sites[-1], forms, line)
                elif line.startswith("%"):
                    word, _, rest = line[1:].partition(" ")
                    adders[word](sites[-1], rest.replace("\\t", "\t"))
                else:
                    add_line(sites[-1], line + "\n")
            except (ValueError, LookupError, AttributeError) as error:
                raise AssertionError(f"{path}:{number}: {line}") from error
    names = [site.name for site in sites]
    double = {name for name in names if names.count(name) > 1}
    if double:
        raise AssertionError(f"{path}: twice: {double}")
    return sites


def start(new_site, text):
    words = text.split()
    flags = set()
    while words[-1] in FLAGS:
        flags.add(words.pop())
    site = new_site(" ".join(words))
    for flag in flags:
        setattr(site, flag, True)
    return site


def expect(site, forms, line):
    form, outcome, reason = re.fullmatch(
        r"%expect (\w+) (said [^:]*|slight): (.*)", line).groups()
    for each in forms if form == "both" else [form]:
        if each not in forms:
            raise ValueError(form)
        site.expect[each] = (outcome, reason)


def add_text(texts, rest):
    """NAME: LINE, to {name: text}"""
    name, text = rest.split(": ", 1)
    texts[name] = texts.get(name, "") + text + "\n"


def chosen(sites):
    """
    Those that the arguments of the program ask for: without, the quick ones; with
    "soak:", all; with words, those with all of them in their names.
    """
    words = [word for word in sys.argv[1:] if word != "soak:"]
    if words:
        return [s for s in sites if all(word in s.name for word in words)]
    return sites if "soak:" in sys.argv else [s for s in sites if s.quick]

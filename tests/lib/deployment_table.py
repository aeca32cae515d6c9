# SPDX-License-Identifier: ISC
"""
The table tests/e2e/deployments.tsv: what each way to deploy SRS does in each
situation, and the peers beside it.
"""

import re

import places

TABLE = places.source("tests", "e2e", "deployments.tsv")
FORMS = ["sendmail", "sendmail-milter", "postfix-milter", "postfix-cleanup",
         "postfix-simple"]
PEERS = ["postsrsd", "pysrs"]
COLUMNS = FORMS + PEERS


class Row:
    """cells: {form or peer: (what it does, the note's letter or None)}."""

    def __init__(self, line):
        self.name, self.right, *cells = line.split("\t")
        self.cells = {}
        for column, cell in zip(COLUMNS, cells, strict=True):
            text, note = re.fullmatch(r"(.*?)(?: \[(\w)\])?", cell).groups()
            self.cells[column] = (self.right if text == "=" else text, note)


def read():
    """(rows, {letter: note})"""
    rows, notes = [], {}
    with open(TABLE, encoding="utf-8") as file:
        for line in file.read().splitlines():
            if line.startswith("note "):
                letter, text = line[5:].split("\t")
                notes[letter] = text
            elif line and not line.startswith("#"):
                rows.append(Row(line))
    return rows, notes

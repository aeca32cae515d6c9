# SPDX-License-Identifier: ISC
"""
A message in an MTA, and what the requests of a filter make of it.

sendmail and Postfix differ in what an index counts and where a field goes that
is added; each is done as that MTA does it (Mta in mta.py tells which).
"""

import dataclasses
import re
import struct

from milter_wire import Action, Breach, split, text

NAME = re.compile(r"[!-9;-~]+")
# A line break that isn't a fold would begin a field of the sender's choice.
BREAK = re.compile(r"\r|\0|\n(?![ \t])")
CONTROL = re.compile(r"[\0-\x1f\x7f]")


@dataclasses.dataclass
class Field:
    """value is all behind the colon, with the blank that follows it."""
    name: str
    value: str
    own: bool = False           # the MTA's: no filter sees or changes it
    deleted: bool = False

    def __str__(self):
        return f"{self.name}:{self.value}"


def bare(address):
    """Without the angle brackets."""
    return address[1:-1] if address[:1] + address[-1:] == "<>" else address


class Message:
    """
    The envelope and the fields, as they are delivered: sender and recipients
    are without angle brackets; arguments are those of MAIL.
    """

    def __init__(self, mta, sender, arguments):
        self.mta = mta
        self.blank = " "        # what the MTA puts before a filter's values
        self.sender, self.arguments = bare(sender), list(arguments)
        self.recipients = []
        self.fields = [Field("Received", " from client by mx (of the MTA)",
                             own=True)]
        self.body = b""
        self.quarantined = None  # or the reason
        self.replaced = False

    @property
    def headers(self):
        """What is delivered, as lines, without the MTA's own field."""
        return [str(f) for f in self.fields if not (f.deleted or f.own)]

    @property
    def all_headers(self):
        return [str(f) for f in self.fields if not f.deleted]

    def values(self, name):
        """The values of the fields of that name, from the top, stripped."""
        return [f.value.strip() for f in self.fields
                if f.name.lower() == name.lower() and not f.deleted]

    def add_field(self, line):
        """A field of the message as it came: "Name: value"."""
        name, _, value = line.partition(":")
        self.fields.append(Field(name, value))
        return self.fields[-1]

    # --- requests ---

    def apply(self, request, data):
        """One packet; its letter is in REQUESTS.  Returns it as a tuple."""
        name, _, method = REQUESTS[request]
        return (name, *method(self, name, data))

    def add_header(self, what, data):
        name, value = split(data, 2, 2, what)
        field = self.new_field(what, name, value)
        same = [n for n, f in enumerate(self.fields)
                if f.name.lower() == name.lower() and not f.own]
        if same and self.mta.adds_before_same:
            self.fields.insert(same[0], field)
        else:
            self.fields.append(field)
        return name, value

    def insert_header(self, what, data):
        index, name, value = self.indexed(what, data)
        field = self.new_field(what, name, value)
        kept = [n for n, f in enumerate(self.fields) if self.counts(f)]
        at = kept[index] if index < len(kept) else len(self.fields)
        self.fields.insert(at, field)
        return index, name, value

    def change_header(self, what, data):
        index, name, value = self.indexed(what, data)
        field = self.new_field(what, name, value)
        same = [f for f in self.fields if f.name.lower() == name.lower() and
                not f.own and self.counts(f)]
        if max(index, 1) <= len(same):
            same[max(index, 1) - 1].value = field.value
            same[max(index, 1) - 1].deleted = value == ""
        elif value:
            self.fields.append(field)
        return index, name, value

    def indexed(self, what, data):
        if len(data) < 4:
            raise Breach(f"{what}: too short for an index: {data!r}")
        index, = struct.unpack(">i", data[:4])
        if index < 0:
            raise Breach(f"{what}: index {index}")
        return index, *split(data[4:], 2, 2, what)

    def new_field(self, what, name, value):
        if not NAME.fullmatch(name):
            raise Breach(f"{what}: {name!r} is no name of a field")
        if BREAK.search(value):
            raise Breach(f"{what}: a line break within {value!r}")
        return Field(name, self.blank + value)

    def counts(self, field):
        return self.mta.counts_deleted or not field.deleted

    def change_sender(self, what, data):
        sender, *arguments = self.address(what, data, 2)
        self.sender = bare(sender)
        if arguments:
            self.arguments = self.mta.change_arguments(
                self.arguments, arguments[0].split())
        return sender, *arguments

    def add_recipient(self, what, data):
        recipient, *arguments = self.address(
            what, data, 2 if what == "addrcpt_par" else 1)
        self.recipients.append(bare(recipient))
        return recipient, *arguments

    def delete_recipient(self, what, data):
        recipient, = self.address(what, data, 1)
        # Postfix compares octets; sendmail found no <c@DEST.test> for c@dest.
        if bare(recipient) not in self.recipients:
            raise Breach(f"{what}: {recipient!r} isn't one of "
                         f"{self.recipients}; an MTA would do nothing")
        self.recipients.remove(bare(recipient))
        return (recipient,)

    def address(self, what, data, most):
        parts = split(data, 1, most, what)
        if any(CONTROL.search(part) for part in parts):
            raise Breach(f"{what}: a control character in {parts!r}")
        if parts[0] == "":
            raise Breach(f"{what}: an empty address")
        return parts

    def replace_body(self, what, data):
        self.body = (self.body if self.replaced else b"") + data
        self.replaced = True
        return (data,)

    def quarantine(self, what, data):
        reason, = split(data, 1, 1, what)
        if not reason or CONTROL.search(reason):
            raise Breach(f"{what}: reason {reason!r}")
        self.quarantined = reason
        return (reason,)


REQUESTS = {
    "+": ("addrcpt", Action.ADDRCPT, Message.add_recipient),
    "2": ("addrcpt_par", Action.ADDRCPT_PAR, Message.add_recipient),
    "-": ("delrcpt", Action.DELRCPT, Message.delete_recipient),
    "b": ("replbody", Action.CHGBODY, Message.replace_body),
    "e": ("chgfrom", Action.CHGFROM, Message.change_sender),
    "h": ("addheader", Action.ADDHDRS, Message.add_header),
    "i": ("insheader", Action.ADDHDRS, Message.insert_header),
    "m": ("chgheader", Action.CHGHDRS, Message.change_header),
    "q": ("quarantine", Action.QUARANTINE, Message.quarantine),
}

LINE = re.compile(r"([45]\d\d)([ -])(?:([245]\.\d{1,3}\.\d{1,3}) )?(.*)")


def parse_reply(data):
    """
    SMFIR_REPLYCODE as the SMTP client gets it: code, enhanced code or "", and
    text, its lines with newlines between.
    """
    if data[-1:] != b"\0":
        raise Breach(f"a reply without NUL: {data!r}")
    lines = text(data[:-1]).split("\r\n")
    found = [LINE.fullmatch(line) for line in lines]
    for number, line in enumerate(found):
        if not line or CONTROL.search(lines[number]):
            raise Breach(f"no SMTP reply: {data!r}")
        if (line[2] == " ") != (number == len(lines) - 1):
            raise Breach(f"the lines of {data!r} don't hang together")
        if line[1] != found[0][1] or (line[3] and line[3][0] != line[1][0]):
            raise Breach(f"codes that contradict each other: {data!r}")
        if "%" in line[4].replace("%%", ""):
            raise Breach(f"a single % in {data!r}: sendmail drops the text")
    return found[0][1], found[0][3] or "", "\n".join(
        line[4].replace("%%", "%") for line in found)

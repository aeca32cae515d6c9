# SPDX-License-Identifier: ISC
"""
The MTA's side of the milter protocol, for tests of filters.

    with Session("unix:/tmp/sock", POSTFIX) as s:
        s.connect("192.0.2.1", "mx.example.org")
        s.helo("mx.example.org")
        done = s.deliver("<a@example.org>", ["<b@example.net>"],
                         ["Subject: hello"], b"text\\r\\n")
        done.verdict, done.code, done.message.sender, done.message.headers

A session does what its MTA would: it leaves out steps that the filter declined
and doesn't wait for replies that the filter won't give, sends the macros that
the filter asked for, and applies what the filter requests to the message.  A
filter that breaks the protocol makes a Breach.
"""

import dataclasses
import struct

from milter_message import REQUESTS, Message, bare, parse_reply
from milter_mta import OLD, POSTFIX, SENDMAIL
from milter_wire import (CHUNK_MAX, COMMANDS, STAGES, TIMEOUT, Action, Breach,
                  Closed, Connection, Silent, Step, join, octets)

__all__ = ["OLD", "POSTFIX", "SENDMAIL", "Action", "Breach", "Closed",
           "Outcome", "Session", "Silent", "Step"]

VERDICTS = {"c": "continue", "a": "accept", "r": "reject", "t": "tempfail",
            "d": "discard", "s": "skip"}
FINAL = ("accept", "reject", "tempfail", "discard")
DEFAULT_REPLIES = {"reject": ("550", "5.7.1", "Command rejected"),
                   "tempfail": ("451", "4.7.1",
                                "Service unavailable - try again later")}


@dataclasses.dataclass
class Outcome:
    """
    What came of a step.  verdict: continue, accept, reject, tempfail, discard
    or skip; asked: whether the filter was, and waited for; code, status and
    text: the reply that the SMTP client gets, "" unless refused; own_reply: its
    text is the filter's.  At EOM: requests, as tuples in the order in which
    they came, and progress, how often it said that it is still there.
    recipients: of a whole message, the outcome of each RCPT.
    """
    verdict: str
    asked: bool = True
    code: str = ""
    status: str = ""
    text: str = ""
    own_reply: bool = False
    message: Message | None = None
    requests: list = dataclasses.field(default_factory=list)
    progress: int = 0
    recipients: dict = dataclasses.field(default_factory=dict)

    @property
    def passed(self):
        return self.verdict in ("continue", "accept", "skip")

    @property
    def refused(self):
        return self.verdict in ("reject", "tempfail")


NOT_ASKED = Outcome("continue", asked=False)


class Session:
    """
    A connection to the filter at address, after its negotiation: version,
    actions, steps and lists (of macros, by stage) are what came of that.
    macros: values by name, "{name}" or one letter; those of a step's own
    argument macros come before them, and what the MTA knows itself after them.
    """

    def __init__(self, address, mta=SENDMAIL, macros=None, timeout=TIMEOUT):
        self.mta, self.macros = mta, macros or {}
        self.known = {"j": "mx.fwd.test", "{daemon_name}": "MTA",
                      "v": "test 1", "{daemon_port}": "25"}
        self.count = 0                  # of messages
        self.over = None                # what ended the SMTP session
        self.new_message(None)
        self.wire = Connection(address, timeout)
        try:
            self.negotiate()
        except BaseException:
            self.close()
            raise

    def new_message(self, message):
        self.message, self.done = message, self.over
        self.in_message, self.skipped = False, None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                self.quit()
        finally:
            self.close()

    def close(self):
        """As when the MTA dies."""
        self.wire.close()

    # --- negotiation ---

    def negotiate(self):
        offer = self.mta
        self.wire.send("O", struct.pack(">III", offer.version, offer.actions,
                                        offer.steps))
        command, data = self.wire.receive("OPTNEG")
        if command != "O" or len(data) < 12:
            self.wire.fail(Breach, f"{command} instead of OPTNEG")
        self.version, actions, steps = struct.unpack(">III", data[:12])
        self.actions, self.steps = Action(actions), Step(steps)
        if not 2 <= self.version <= offer.version:
            self.wire.fail(Breach, f"version {self.version}")
        # As numbers: ~ of an IntFlag has no bits that nobody knows.
        if actions & ~int(offer.actions):
            self.wire.fail(Breach, "actions that weren't offered: "
                           f"{Action(actions & ~int(offer.actions))!r}")
        if steps & ~int(offer.steps):
            self.wire.fail(Breach, "steps that weren't offered: "
                           f"{Step(steps & ~int(offer.steps))!r}")
        self.lists = self.macro_lists(data[12:])

    def macro_lists(self, data):
        if data and not self.mta.actions & Action.SETSYMLIST:
            self.wire.fail(Breach, "lists of macros, which weren't offered")
        found = {}
        while data:
            stage = int.from_bytes(data[:4], "big")
            words, nul, data = data[4:].partition(b"\0")
            if not nul or stage >= len(STAGES):
                self.wire.fail(Breach, f"list of macros: {stage} {words!r}")
            found[STAGES[stage]] = words.decode("ascii").replace(
                ",", " ").split()
        return found

    # --- steps in general ---

    def step(self, letter, data=b"", macros=None):
        """Do one, as far as the filter wants it."""
        if self.done:
            return self.done
        command = COMMANDS[letter]
        unwanted = command.left_out & self.steps or letter == self.skipped or \
            command.version > self.version
        self.wire.expect_nothing(command.name)
        if not unwanted or letter in "CHMRT":   # these have macros even so
            self.send_macros(letter, command.stage, macros or {})
        if unwanted:
            return NOT_ASKED
        self.skipped = None
        self.wire.send(letter, data)
        if command.unanswered & self.steps:
            return NOT_ASKED
        return self.conclude(letter, self.reply(letter, command.name))

    def send_macros(self, letter, stage, own):
        if stage is None and self.mta.repeats_macros:
            stage = {"L": "eoh", "B": "eom"}.get(letter)
        names = self.mta.stage_macros(stage, self.lists)
        if not stage or not names and not self.mta.repeats_macros:
            return
        values = {**self.known, **self.macros, **own}
        self.wire.send("D", letter.encode() + b"".join(
            join(name, values[name]) for name in names if name in values))

    def reply(self, letter, name):
        """The verdict on a step; at EOM after the requests."""
        outcome = Outcome("continue")
        while True:
            command, data = self.wire.receive(name)
            if command in REQUESTS and letter == "E":
                self.take_request(command, data, outcome)
            elif command == "p" and letter == "E" and not data:
                outcome.progress += 1
            elif command == "y":
                return self.own_reply(data, outcome)
            elif command not in VERDICTS or data:
                self.wire.fail(Breach, f"{command} {data!r} as reply to {name}")
            else:
                outcome.verdict = VERDICTS[command]
                outcome.code, outcome.status, outcome.text = \
                    DEFAULT_REPLIES.get(outcome.verdict, ("", "", ""))
                return outcome

    def take_request(self, command, data, outcome):
        what, action, _ = REQUESTS[command]
        if not action & self.actions:
            self.wire.fail(Breach, f"{what} wasn't negotiated")
        self.message.blank = "" if self.steps & Step.HDR_LEADSPC else " "
        try:
            outcome.requests.append(self.message.apply(command, data))
        except Breach as breach:
            self.wire.fail(Breach, str(breach))

    def own_reply(self, data, outcome):
        try:
            outcome.code, outcome.status, outcome.text = parse_reply(data)
        except Breach as breach:
            self.wire.fail(Breach, str(breach))
        outcome.verdict = "reject" if outcome.code[0] == "5" else "tempfail"
        outcome.own_reply = True
        return outcome

    def conclude(self, letter, outcome):
        """What a verdict means for the steps to come."""
        if outcome.verdict == "skip":
            if not self.steps & Step.SKIP or letter != "B" and \
                    not self.mta.skips_any_step:
                self.wire.fail(Breach, "SKIP, as reply to "
                               + COMMANDS[letter].name)
            self.skipped = letter
        if letter == "M" and outcome.verdict == "continue":
            self.in_message = True
        if letter in "CH" and outcome.verdict == "discard":
            self.wire.fail(Breach, f"DISCARD at {COMMANDS[letter].name}")
        if outcome.verdict in FINAL and (
                letter not in "RU" or not outcome.refused):
            self.done = outcome
            self.in_message = False
        if letter in "CH" and self.done:
            self.over = self.done
        return outcome

    # --- the session ---

    def connect(self, ip="192.0.2.25", name=None, port=51234, macros=None):
        """
        A client; ip None: of unknown kind, as for mail from a program; a path:
        from a unix socket.  name: its host name, default the address literal.
        """
        if ip is None:
            data = join(name or "localhost") + b"U"
        elif ip.startswith("/"):
            data = join(name or "localhost") + b"L\0\0" + join(ip)
        else:
            ip6 = ":" in ip
            tag = "IPv6:" if ip6 and self.mta.tags_ipv6 else ""
            data = join(name or f"[{tag}{ip}]") + (b"6" if ip6 else b"4") + \
                struct.pack(">H", port) + join(tag + ip)
            self.known.update({
                "{client_addr}": tag + ip, "{client_port}": str(port),
                "{client_name}": name or f"[{tag}{ip}]",
                "_": f"{name or ''} [{ip}]".strip()})
        return self.step("C", data, macros)

    def helo(self, name="mx.sender.test", macros=None):
        self.abort()
        return self.step("H", join(name), macros)

    def unknown(self, line):
        """A command that the MTA doesn't know."""
        return self.step("U", join(line))

    def abort(self):
        """RSET, or what else ends a message early."""
        if self.in_message or self.message and self.mta.always_aborts:
            self.wire.send("A")
        self.new_message(None)

    def quit(self):
        """
        The end.  The filter must close, and must have said nothing more: a
        reply that none waited for is found here if not before.
        """
        if self.message and self.mta.always_aborts:
            self.abort()
        self.wire.send("Q")
        self.wire.expect_end()

    def quit_nc(self):
        """
        End the SMTP session, keep the connection for the next.  libmilter heeds
        that only after a message that it let pass with CONTINUE.
        """
        self.over = None
        self.new_message(None)
        self.wire.send("K")

    # --- a message ---

    def mail(self, sender, *arguments, macros=None):
        """sender as in the command: with angle brackets."""
        if self.message:
            self.abort()
        self.new_message(Message(self.mta, sender, arguments))
        self.count += 1
        self.known.pop("i", None)
        if self.mta.early_queue_id:
            self.known["i"] = f"QUEUE{self.count}"
        address = bare(sender)
        self.known.update({
            "{mail_addr}": address, "{mail_mailer}": "esmtp",
            "{mail_host}": address.rpartition("@")[2]})
        if self.mta.has_f:
            self.known["f"] = address
        return self.step("M", join(sender, *arguments), macros)

    def rcpt(self, recipient, *arguments, refused=None, macros=None):
        """refused: the MTA does, with this reply ("550 5.1.1 why")."""
        address = bare(recipient)
        own = {"{rcpt_mailer}": "esmtp", "{rcpt_addr}": address,
               "{rcpt_host}": address.rpartition("@")[2]}
        if refused:
            code, status, why = refused.split(" ", 2)
            own = {"{rcpt_mailer}": "error", "{rcpt_addr}": why,
                   "{rcpt_host}": status}
            if not self.steps & Step.RCPT_REJ:
                return Outcome("reject", False, code, status, why)
        outcome = self.step("R", join(recipient, *arguments),
                            {**own, **(macros or {})})
        if outcome.passed and not refused:
            self.message.recipients.append(address)
            self.known["i"] = f"QUEUE{self.count}"
        return outcome

    def data(self, macros=None):
        if not self.done and not self.message.recipients:
            raise AssertionError("no recipient: an MTA would refuse DATA")
        return self.step("T", macros=macros)

    def header(self, line):
        """One field, "Name: value", with newlines where it is folded."""
        field = self.message.add_field(line)
        value = field.value
        if not self.steps & Step.HDR_LEADSPC and value.startswith(" "):
            value = value[1:]
        self.in_message = not self.done
        return self.step("L", join(field.name, value))

    def end_of_headers(self, macros=None):
        self.in_message = not self.done
        return self.step("N", macros=macros)

    def body(self, chunk):
        self.message.body += octets(chunk)
        return self.step("B", octets(chunk))

    def end(self, macros=None):
        """The dot: the verdict on the message, which has become .message."""
        outcome = self.step("E", macros=macros)
        outcome.message = self.message
        self.in_message = False
        if self.mta.always_aborts:
            self.abort()
        self.new_message(None)
        return outcome

    def content(self, headers=(), body=b""):
        """All from DATA to the dot; the outcome of what ended it."""
        steps = [self.data]
        steps += [lambda line=line: self.header(line) for line in headers]
        steps += [self.end_of_headers]
        steps += [lambda at=at: self.body(octets(body)[at:at + CHUNK_MAX])
                  for at in range(0, len(octets(body)), CHUNK_MAX)]
        for step in steps:
            outcome = step()
            if outcome.refused or outcome.verdict == "discard":
                outcome.message = self.message
                return outcome
        return self.end()

    def deliver(self, sender, recipients, headers=(), body=b"", arguments=()):
        """
        A whole message; the outcome of what ended it, and in its recipients
        that of each.  recipients: paths, each maybe with keywords for rcpt().
        """
        outcome = self.mail(sender, *arguments)
        if outcome.passed:
            answers = {}
            for recipient in recipients:
                path, more = (recipient if isinstance(recipient, tuple)
                              else (recipient, {}))
                answers[path] = outcome = self.rcpt(path, **more)
            if any(answer.passed for answer in answers.values()):
                outcome = self.content(headers, body)
            outcome = dataclasses.replace(outcome, recipients=answers)
        outcome.message = outcome.message or self.message
        return outcome

"""Both ends of SMTP: a client that shows every reply, and a sink."""

import re
import smtplib
import socketserver
import threading
import types

import tap
import world

PATH = re.compile(r'<((?:"(?:\\.|[^"\\])*"|[^>"])*)>\s*(.*)')


class Reply(types.SimpleNamespace):
    """What a server said: mail, rcpt (a list), data, each (code, text) or None."""

    @property
    def accepted(self):
        return self.data is not None and self.data[0] == 250


def send(host, sender, recipients, token, source=world.CLIENT,
         helo="client.test", **options):
    """Send one message, as Session.send does, in a session of its own."""
    with Session(host, source, helo) as session:
        return session.send(sender, recipients, token, **options)


class Session:
    """A session with the server at host, as a client that nobody trusts."""

    def __init__(self, host, source=world.CLIENT, helo="client.test",
                 patient=False):
        self.host, self.source, self.helo = host, source, helo
        self.smtp = smtplib.SMTP()
        if patient:
            self.reconnect()
        else:
            self.connect()

    def connect(self, greeting_sec=120, port=25):
        self.smtp = smtplib.SMTP(
            self.host, port, local_hostname=self.helo, timeout=greeting_sec,
            source_address=(self.source, 0))
        self.smtp.sock.settimeout(120)
        self.smtp.ehlo()

    def reconnect(self):
        """
        A new session, once the server takes one.  It may have forgotten us when we
        believe that we are connected: a full backlog drops connections, untold.
        """
        def attempt():
            try:
                self.smtp.close()
                self.connect(greeting_sec=10)
            except (OSError, smtplib.SMTPException):
                return False
            return True
        tap.wait_until(attempt, f"{self.host} to take a session", timeout=300)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.smtp.close()

    def command(self, line):
        self.smtp.send(line.encode() + b"\r\n")
        code, text = self.smtp.getreply()
        return code, text.decode("utf-8", "replace")

    def log_in(self, user, password, mechanism="PLAIN"):
        """AUTH; its last reply."""
        self.smtp.user, self.smtp.password = user, password
        method = "auth_" + mechanism.lower().replace("-", "_")
        try:
            code, text = self.smtp.auth(mechanism, getattr(self.smtp, method))
        except smtplib.SMTPAuthenticationError as error:
            code, text = error.smtp_code, error.smtp_error
        return code, text.decode("utf-8", "replace")

    def reset(self, last_code):
        """End the transaction; a server that said 421 has hung up."""
        if last_code == 421:
            self.smtp.close()
            self.connect()
        else:
            self.command("RSET")

    def send(self, sender, recipients, token, mail_args="", rcpt_args="",
             size=0, header="", body="", partial=False):
        """
        Send a message whose Message-ID holds token, and that is of that size or
        larger.  Addresses go out exactly as they are given.  Stops at a refused
        MAIL; sends DATA if every RCPT was taken, or, with partial, if any was.
        header, body: lines to stand on top of either.
        """
        reply = Reply(mail=None, rcpt=[], data=None)
        reply.mail = self.command(f"MAIL FROM:<{sender}> {mail_args}".rstrip())
        if reply.mail[0] != 250:
            self.reset(reply.mail[0])
            return reply
        for recipient in recipients:
            line = f"RCPT TO:<{recipient}> {rcpt_args}".rstrip()
            reply.rcpt.append(self.command(line))
            if reply.rcpt[-1][0] == 421:
                break
        wanted = any if partial else all
        if not wanted(code == 250 for code, _ in reply.rcpt):
            self.reset(reply.rcpt[-1][0])
            return reply
        reply.data = self.command("DATA")
        if reply.data[0] == 354:
            # Header addresses stay clear of the envelope's domains, so that
            # what is seen of those in the sink comes from the envelope.
            text = f"{header}From: author@header.test\r\nTo: list@header.test\r\n" \
                "Date: Thu, 01 Jan 2026 00:00:00 +0000\r\n" \
                f"Subject: test\r\nMessage-ID: <{token}@header.test>\r\n\r\n" \
                f"{body}body of {token}\r\n"
            line = "x" * 70 + "\r\n"
            padding = line * ((size - len(text)) // len(line) + 1)
            reply.data = self.command(f"{text}{padding}.")
        return reply


class Sink(socketserver.ThreadingTCPServer):
    """
    A mail server that keeps what it gets, for every domain that isn't ours.

    Recipients that begin with "reject" get 550; with "defer", 451 for as long
    as self.deferring is set.
    """

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 4096

    def __init__(self, address=(world.OUTSIDE, 25)):
        self.messages = []
        self.deferring = True
        self.lock = threading.Lock()
        super().__init__(address, SinkHandler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def with_token(self, token):
        """Messages that carry token anywhere, so that bounces of one count."""
        with self.lock:
            return [m for m in self.messages if token in m.text]

    def wait_for(self, token, count=1):
        tap.wait_until(lambda: len(self.with_token(token)) >= count,
                       f"{count} message(s) {token} in the sink")
        got = self.with_token(token)
        tap.equal(len(got), count, f"messages {token} in the sink")
        return got

    def only(self, token):
        return self.wait_for(token)[0]


class SinkHandler(socketserver.StreamRequestHandler):
    helo = None
    extensions = ["8BITMIME", "DSN", "SMTPUTF8", "SIZE 100000000",
                  "PIPELINING"]

    def handle(self):
        self.forget()
        self.reply("220 mx.outside.test ESMTP")
        self.serve()

    def serve(self):
        try:
            for raw in iter(self.rfile.readline, b""):
                line = raw.rstrip(b"\r\n").decode("latin-1")
                verb = line.split(":")[0].upper().strip()
                if verb == "QUIT":
                    self.reply("221 2.0.0 bye")
                    return
                self.obey(verb, line)
        except OSError:
            pass                    # the test's server was stopped meanwhile

    def forget(self):
        self.sender, self.mail_args, self.recipients = None, "", []
        self.rcpt_args = []

    def reply(self, *lines):
        self.wfile.write("".join(f"{l}\r\n" for l in lines).encode())

    def obey(self, verb, line):
        if verb.startswith("EHLO"):
            self.helo = line[5:]
            *first, last = "mx.outside.test", *self.extensions
            self.reply(*(f"250-{word}" for word in first), f"250 {last}")
        elif verb.startswith(("HELO", "NOOP", "RSET")):
            self.forget()
            self.reply("250 2.0.0 ok")
        elif verb == "MAIL FROM":
            self.forget()
            self.sender, self.mail_args = parse_path(line)
            self.reply("250 2.1.0 ok")
        elif verb == "RCPT TO":
            self.take_recipient(*parse_path(line))
        elif verb == "DATA" and self.recipients:
            self.take_message()
        else:
            self.reply("503 5.5.1 not now")

    def take_recipient(self, recipient, args):
        if recipient.startswith("reject"):
            self.reply("550 5.1.1 no such user")
        elif recipient.startswith("defer") and self.server.deferring:
            self.reply("451 4.2.0 later")
        else:
            self.recipients.append(recipient)
            self.rcpt_args.append(args)
            self.reply("250 2.1.5 ok")

    def take_message(self):
        self.reply("354 go ahead")
        lines = []
        for line in iter(self.rfile.readline, b".\r\n"):
            if not line:
                return
            lines.append(line[1:] if line.startswith(b".") else line)
        message = types.SimpleNamespace(
            sender=self.sender, mail_args=self.mail_args,
            recipients=self.recipients, rcpt_args=self.rcpt_args,
            text=b"".join(lines).decode("latin-1"), helo=self.helo,
            client=self.client_address)
        recipients = self.recipients
        self.keep(message)
        self.forget()
        self.accepted(recipients)

    def keep(self, message):
        with self.server.lock:
            self.server.messages.append(message)

    def accepted(self, _recipients):
        self.reply("250 2.0.0 kept")


def parse_path(line):
    """("address", "arguments") of a MAIL or RCPT; the whole line if malformed."""
    match = PATH.search(line)
    return match.groups() if match else (line, "")

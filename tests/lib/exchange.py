"""What the tests of both do: send, forward, bounce, and look who got what."""

import itertools
import smtplib
import threading

import smtp
import tap
import world

SENDER = "bob@sender.test"


class Exchange:
    """Messages through the mail server at self.host, and the sink behind it."""

    host = world.FORWARDER

    def __init__(self, other=None):
        """other: an Exchange whose sink is this one's too."""
        self.sink = other.sink if other else smtp.Sink()
        self.numbers = other.numbers if other else itertools.count()
        self.pause, self.paused = threading.Condition(), False
        self.sending = 0        # clients of send_amid() that wait for answers

    def new_token(self):
        """A text that no other message has; for threads as well."""
        return f"token-{next(self.numbers)}-"

    def submit(self, sender, *recipients, host=None, **options):
        """Send a message; returns its token, which no other has, and the reply."""
        token = self.new_token()
        return token, smtp.send(host or self.host, sender, recipients, token,
                                **options)

    def send(self, sender, *recipients, **options):
        """Send a message that has to be taken; returns its token."""
        token, reply = self.submit(sender, *recipients, **options)
        if not reply.accepted:
            raise AssertionError(f"{sender} to {recipients}: {reply}")
        return token

    def forward(self, sender, recipient, host=None):
        """Send a message; returns the envelope sender that the sink sees."""
        return self.sink.only(self.send(sender, recipient, host=host)).sender

    def bounce(self, address, host=None):
        """Send a bounce to address; returns the recipient that the sink sees."""
        message = self.sink.only(self.send("", address, host=host))
        tap.equal(message.sender, "", "sender of the bounce")
        return message.recipients[0]

    def expect_refusal(self, codes, sender, recipient, host=None):
        """Send to recipient, who has to be refused with one of the codes."""
        token, reply = self.submit(sender, recipient, host=host)
        if reply.rcpt[0][0] not in codes or reply.data:
            raise AssertionError(f"RCPT TO:<{recipient}>: {reply.rcpt}")
        return token

    def between_messages(self, disturb):
        """
        Calls disturb() while no client of send_amid() waits for an answer: whoever
        loses the connection then can't tell whether the message was taken.
        """
        def run():
            with self.pause:
                self.paused = True
                self.pause.wait_for(lambda: self.sending == 0)
            disturb()
            with self.pause:
                self.paused = False
                self.pause.notify_all()
        return run

    def insist(self, session, sender, recipients, token):
        """
        Try until the message is taken, each time in another session: sendmail
        doesn't connect again in one whose filter has died.
        """
        while True:
            try:
                if session.send(sender, recipients, token).accepted:
                    return
            except (OSError, smtplib.SMTPException):
                pass
            session.reconnect()

    def send_hundred_amid(self, disturb, *recipients, host=None):
        """send_amid() with a hundred messages in four sessions."""
        return self.send_amid(100, 4, [disturb], *recipients, host=host)

    def send_amid(self, count, sessions, disturbances, *recipients, host=None):
        """
        Send count messages, in several sessions at once, and call one of the
        disturbances each time that some more of them are through.  A session that
        is told 4xx or is cut off tries again, as any client does.  Returns {token:
        sender}, each sender another one.
        """
        messages = {self.new_token(): f"Bob{n}@sender.test"
                    for n in range(count)}
        through, failed = threading.Semaphore(0), []

        def deliver(share):
            try:
                session = smtp.Session(host or self.host, patient=True)
                for token, sender in share:
                    with self.pause:
                        self.pause.wait_for(lambda: not self.paused)
                        self.sending += 1
                    self.insist(session, sender, recipients, token)
                    with self.pause:
                        self.sending -= 1
                        self.pause.notify_all()
                    through.release()
                session.smtp.close()
            except Exception as error:
                failed.append(error)
                raise
        shares = [list(messages.items())[n::sessions] for n in range(sessions)]
        threads = [threading.Thread(target=deliver, args=(share,), daemon=True)
                   for share in shares]
        for thread in threads:
            thread.start()
        for disturb in disturbances:
            for _ in range(count * 3 // 10 // len(disturbances)):
                if not through.acquire(timeout=300):
                    raise AssertionError(f"no progress: {failed}")
            disturb()
        for thread in threads:
            thread.join()
        tap.equal(failed, [], "sessions that broke")
        return messages

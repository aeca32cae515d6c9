# SPDX-License-Identifier: ISC
"""What a site of faults.py does with its MTA, which is self.mta."""

import contextlib
import glob
import os
import signal
import stat

import nameserver
import tap


def is_complete(path):
    """Whether the message was accepted: cleanup sets the x bit before it says so."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return False
    return stat.S_ISREG(mode) and bool(mode & stat.S_IXUSR)


class Postfix:
    def kill_mta(self):
        os.killpg(self.mta.process.pid, signal.SIGKILL)
        self.mta.process.wait(timeout=30)

    def revive_mta(self):
        self.mta.start()

    def settled(self):
        def left():
            queues = "incoming", "active", "deferred"
            return [path for queue in queues for path in glob.glob(
                f"{self.mta.spool}/{queue}/**/*[0-9A-F]", recursive=True)
                    if is_complete(path)]

        def is_empty():
            if left():
                self.mta.flush()
            return not left()
        try:
            tap.wait_until(is_empty, "an empty queue")
        except AssertionError as error:
            raise AssertionError(f"{error}: {left()}\n"
                                 f"{self.mta.queue()}") from None

    def mailbox(self, token):
        return self.mta.mailbox("local", token)


class Sendmail:
    def kill_mta(self):
        for pid in nameserver.process_tree(self.mta.process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.mta.process.wait(timeout=30)

    def revive_mta(self):
        self.mta.start()

    def settled(self):
        def is_empty():
            if self.mta.queue():
                self.mta.run_queue()
            return not self.mta.queue()
        tap.wait_until(is_empty, "an empty queue")

    def mailbox(self, token):
        return self.mta.mailbox("local", token)

# SPDX-License-Identifier: ISC
"""
load.py READY STOP: messages to forward, one after another, from the moment that the
file READY is made until STOP exists and a few more were accepted; an exit status
of 0 says that none was lost.

A message may be deferred, at SMTP or in the queue; none may be rejected, lost,
reach the outside with another sender than an SRS address, or reach it twice.
"""

import os
import re
import smtplib
import subprocess
import sys
import time

import mailhost
import smtp
import tap
import world

SRS = r"SRS0=[^@]*=sender\.test=joe@srs\.fwd\.test"


def send(token):
    """Its reply; None: the MTA couldn't be reached."""
    try:
        return smtp.send(mailhost.MX, "joe@sender.test", ["ann@fwd.test"], token,
                         source=world.FAR_CLIENT)
    except (OSError, smtplib.SMTPException):
        return None


def is_deferred(reply):
    last = reply.data or (reply.rcpt or [reply.mail])[-1]
    return last[0] // 100 == 4


def main(ready, stop):
    sink = smtp.Sink()
    accepted, deferred, problems, longest = [], 0, [], 0
    needed, deadline = None, None
    while deadline is None or \
            len(accepted) < needed and time.monotonic() < deadline:
        if deadline is None and os.path.exists(stop):
            needed, deadline = len(accepted) + 5, time.monotonic() + 120
        begin = time.monotonic()
        token = f"load-{len(accepted) + deferred}-"
        reply = send(token)
        if reply is not None and reply.accepted:
            accepted.append(token)
        elif reply is None or is_deferred(reply):
            deferred += 1
            time.sleep(0.05)
        else:
            problems.append(f"{token}: {reply}")
        longest = max(longest, time.monotonic() - begin)
        if len(accepted) == 5:
            mailhost.write(ready, "")
    if len(accepted) < needed:
        problems.append("messages aren't accepted any more")
    # What was deferred in the queue would wait there for minutes.
    subprocess.run(["sendmail", "-q"], check=True)
    for token in accepted:
        try:
            message = sink.wait_for(token)[0]
        except AssertionError as error:
            problems.append(str(error))
            continue
        if not re.fullmatch(SRS, message.sender):
            problems.append(f"{token}: sender {message.sender}")
    print(f"{len(accepted)} messages accepted and forwarded, {deferred} deferred; "
          f"the longest SMTP session took {longest:.1f} s")
    print("\n".join(problems[:20]))
    return 1 if problems else 0


if __name__ == "__main__":
    tap.wait_until.__defaults__ = (120,)
    sys.exit(main(*sys.argv[1:]))

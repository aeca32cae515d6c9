# SPDX-License-Identifier: ISC
"""
pysrs as a server on stdin and stdout, its clock stopped.

usage: peer_pysrs.py DIRECTORY NOW HASH_LENGTH HASH_MIN SEPARATOR MAX_AGE
       ALWAYS_REWRITE SECRET_IN_HEX...

Request: a verb and its arguments in hexadecimal, "-" for an empty one.
Reply: "ok" and the address in hexadecimal, or "no" and the reason.
"""

import sys
import time


def unhex(word):
    return b"" if word == "-" else bytes.fromhex(word)


def main():
    directory, now, length, least, separator, max_age, always = sys.argv[1:8]
    secrets = [unhex(word).decode() for word in sys.argv[8:]]
    time.time = lambda: float(now)
    sys.path.insert(0, directory)
    import SES
    import SRS

    srs = SRS.new(secrets, maxage=int(max_age), hashlength=int(length),
                  hashmin=int(least), separator=separator,
                  alwaysrewrite=always == "1")
    ses = SES.new(secrets, expiration=int(max_age))

    def ses_sign(address, number):
        """With the message id that the next one in sequence would have."""
        ses.last_ts, ses.last_id = ses.get_timecode(), int(number) - 1
        return ses.sign(address)

    def ses_verify(address):
        ses.valtrack.clear()    # replays are counted elsewhere
        answer = ses.verify(address)
        if len(answer) == 1:
            raise ValueError("not signed")
        return answer[0]

    verbs = {
        "forward": srs.forward, "reverse": srs.reverse, "sign": srs.sign,
        "ses-sign": ses_sign, "ses-verify": ses_verify,
        "ses-sign-fixed": lambda address, number: ses.sign(address,
                                                           int(number)),
    }
    for line in sys.stdin:
        verb, *arguments = line.split()
        try:
            result = verbs[verb](*[unhex(word).decode()
                                   for word in arguments]).encode()
        except Exception as error:
            reason = " ".join(repr(error).split())
            print("no", reason.encode("ascii", "replace").decode(), flush=True)
        else:
            print("ok", result.hex() or "-", flush=True)


main()

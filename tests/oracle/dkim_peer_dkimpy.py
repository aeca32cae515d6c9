# SPDX-License-Identifier: ISC
"""
dkimpy, a line of JSON for each line of JSON: {"message": base64, "zone": {name:
[text]}} is verified, {"message", "key", "options"} is signed.
"""

import base64
import json
import sys

import dkim


def verify(job, message):
    zone = {name.lower(): texts for name, texts in job["zone"].items()}

    def lookup(name, timeout=5):
        texts = zone.get(name.decode().rstrip(".").lower())
        return "".join(texts).encode() if texts else None

    check = dkim.DKIM(message, minkey=1024)
    count = sum(name.lower() == b"dkim-signature" for name, _ in check.headers)
    results = []
    for i in range(min(count, 10)):
        try:
            passed = dkim.DKIM(message, minkey=1024).verify(i, dnsfunc=lookup)
        except Exception:   # each of them means that it doesn't pass
            passed = False
        results.append("pass" if passed else "fail")
    return results


def sign(job, message):
    options = job["options"]
    field = dkim.sign(
        message, b"sel", b"example.org", job["key"].encode(),
        canonicalize=tuple(c.encode() for c in options["c"].split("/")),
        include_headers=[name.encode() for name in options["h"]],
        signature_algorithm=options["a"].encode(), length=options["l"])
    return base64.b64encode(field).decode()


def main():
    print(json.dumps("dkimpy"), flush=True)
    for line in sys.stdin:
        job = json.loads(line)
        message = base64.b64decode(job["message"])
        try:
            done = sign(job, message) if "key" in job else verify(job, message)
        except Exception:   # of those that it doesn't take
            done = None
        print(json.dumps(done), flush=True)


main()

# SPDX-License-Identifier: ISC
"""
pyspf behind a line protocol: a JSON object with zone and questions a line, a
list of [result, explanation, problem] each as answer.

usage: spf_peer_pyspf.py DIRECTORY      of spf.py
"""

import json
import os
import socket
import sys
import types

sys.path.insert(0, sys.argv[1])

# spf.py wants one of two DNS libraries; it gets the shell of one.
for module in ("dns", "dns.resolver", "dns.exception", "dns.rdatatype"):
    sys.modules[module] = types.ModuleType(module)
dns = sys.modules["dns"]
dns.resolver, dns.exception = (sys.modules["dns.resolver"],
                               sys.modules["dns.exception"])
dns.rdatatype = sys.modules["dns.rdatatype"]
dns.rdatatype.SPF = 99
dns.rdatatype._by_value = {}

import spf
import spf_zones

ZONE = {}


def value_of(kind, record):
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, record)
    if kind == "TXT":
        return tuple(part.encode("utf-8") for part in record)
    if kind == "MX":
        return tuple(record)
    return record


def lookup(name, kind, *_):
    chain, records = spf_zones.resolve(ZONE, name, kind)
    if records is None:
        raise spf.TempError("DNS SERVFAIL")
    last = name.lower().rstrip(".")
    for alias, target in chain:
        yield (alias, "CNAME"), target
        last = target
    for record in records:
        yield (last, kind), value_of(kind, record)


spf.DNSLookup = lookup


def check(client, sender, helo):
    query = spf.query(i=client, s=sender, h=helo, strict=True,
                      receiver="here.test")
    query.set_default_explanation("DEFAULT")
    result, _, text = query.check()
    problem = text if result in ("temperror", "permerror") else ""
    return [result, text if result == "fail" else "", problem]


def main():
    global ZONE
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)       # it prints
    out.write(json.dumps(spf.__version__) + "\n")
    out.flush()
    for line in sys.stdin:
        job = json.loads(line)
        ZONE = job["zone"]
        answers = []
        for question in job["questions"]:
            try:
                answers.append(check(*question))
            except Exception as error:      # that is an answer, too
                answers.append(["crash", "", f"{type(error).__name__}: "
                                f"{error}"])
        out.write(json.dumps(answers) + "\n")
        out.flush()


main()

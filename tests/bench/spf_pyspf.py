# SPDX-License-Identifier: ISC
"""
spf_dns.c's work by pyspf, with its own resolver.

usage: spf_pyspf.py COUNT PREFIX
"""

import statistics
import sys
import time

import spf


def main():
    count, prefix = int(sys.argv[1]), sys.argv[2]
    fails, spent = 0, []
    begin = time.monotonic()
    for number in range(count):
        start = time.monotonic()
        result = spf.query(
            i="198.51.100.1", s=f"user@{prefix}{number}.test", h="helo.test",
            strict=True, receiver="here.test").check()[0]
        spent.append(time.monotonic() - start)
        fails += result == "fail"
    print(fails, int(statistics.median(spent) * 1e6),
          int((time.monotonic() - begin) * 1e6))


main()

#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
How long spfquery takes for reports about many domains, and how much memory: a
real nsd on loopback, with and without the delay of a network before it.

usage: many_domains.py [DOMAINS]        default 10,000
"""

import os
import resource
import subprocess
import sys
import tempfile
import time

import nameserver
import places

DOMAINS = 10000
PROVIDERS = 20


def zone(count):
    """Each domain has mail hosts and two of a few providers."""
    lines = []
    for n in range(PROVIDERS):
        networks = " ".join(f"ip4:10.{n}.{k}.0/24" for k in range(0, 40, 2))
        lines += [f'_spf.esp{n}.example. TXT "v=spf1 include:_more.esp{n}'
                  f'.example ip6:2001:db8:{n:x}::/48 ~all"',
                  f'_more.esp{n}.example. TXT "v=spf1 {networks[:240]}" '
                  f'"{networks[240:]} ~all"']
    for n in range(count):
        lines += [f'd{n}.example. TXT "v=spf1 mx a:www.d{n}.example '
                  f'include:_spf.esp{n % PROVIDERS}.example '
                  f'include:_spf.esp{n * 7 % PROVIDERS}.example -all"',
                  f"d{n}.example. MX 10 mail.d{n}.example.",
                  f"mail.d{n}.example. A 192.0.2.{n % 250 + 1}",
                  f"www.d{n}.example. A 198.51.100.{n % 250 + 1}"]
    return "\n".join(lines)


def measure(server, path, *options):
    begin = time.monotonic()
    with subprocess.Popen(
            [places.program("spfquery"), "--nameserver", server.name,
             "--file", path, *options], stdout=subprocess.PIPE) as process:
        lines = sum(1 for _ in process.stdout)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return (time.monotonic() - begin, usage.ru_utime + usage.ru_stime,
            usage.ru_maxrss / 1024, lines, process.returncode)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else DOMAINS
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("".join(f"d{n}.example\n" for n in range(count)))
        file.flush()
        for delay in (0.0, 0.02):
            server = nameserver.zone_server(zone(count), delay=delay)
            for options in (("--tree", "--csv"), ("--networks", "--json"),
                            ("--flatten", "--json")):
                seconds, cpu, megabytes, lines, status = measure(
                    server, file.name, *options)
                print(f"{' '.join(options):22} {count} domains, "
                      f"{delay * 1000:.0f} ms: {seconds:.1f} s "
                      f"({cpu:.1f} s CPU), {megabytes:.0f} MB, "
                      f"{lines} lines, status {status}")
            server.close()


if __name__ == "__main__":
    main()

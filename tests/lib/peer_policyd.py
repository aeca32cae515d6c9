# SPDX-License-Identifier: ISC
"""
policyd-spf as Postfix spawns it, asking the name server of a test.

usage: peer_policyd.py DIRECTORY NAMESERVER-PORT CONFIGURATION
"""

import sys

sys.path.insert(0, sys.argv[1])

import dns.resolver

resolver = dns.resolver.Resolver(configure=False)
resolver.nameservers, resolver.port = ["127.0.0.1"], int(sys.argv[2])
dns.resolver.default_resolver = resolver
sys.argv = ["policyd-spf", sys.argv[3]]

from spf_engine.policyd_spf import main

main()

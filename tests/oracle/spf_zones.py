# SPDX-License-Identifier: ISC
"""
Random zones and questions, each from its seed.

A zone maps names to their records by type: a list, or None where the DNS gives
no answer.  TXT records are lists of strings, MX records pairs.
"""

import random

DOMAINS = [f"d{n}.test" for n in range(7)] + ["sub.d0.test"]
HOSTS = [f"h{n}.test" for n in range(8)] + ["h8.d0.test", "h9.sub.d0.test"]
GONE = ["gone.test", "nothing.d1.test"]
CLIENTS = ["192.0.2.1", "192.0.2.130", "10.20.30.40", "2001:db8::1",
           "2001:db8:1:2::3"]
LOCALS = ["me", "a-b.c+d", "", "we!rd", "UPPER"]
MACROS = ["%{i}.m.test", "%{d2}", "%{l}.m.test", "%{h}", "%{p}.m.test",
          "%{ir}.%{v}.m.test", "%{o}", "%{s}.m.test", "%{L}.m.test",
          "%{l1r-}.d1.test", "%{d1r}.test", "%{i}.%{d}", "%{lr-}.m.test",
          "%{d}", "%%.m.test", "%{I}.m.test"]
ODD_MACROS = ["%{iR}.m.test", "%{l|}.m.test", "%{D0}.test", "%{x}.test",
              "%(i).test", "%{d2", "%{c}.test", "%{d300}"]
TEXTS = ["%{i} is not for %{d}", "%{s} %{l} %{o} %{h}", "%{p}", "%{p} %{i}",
         "%{c}|%{r}|%{v}", "100% wrong", "caf\u00e9", "%{L} %{S} %{D}",
         "a%%b%_c%-d", "plain", "%{iR}"]
MISTAKES = ["ipv4:192.0.2.1", "a:%{z}.test", "mx/33", "redirect=d1.test "
            "redirect=d2.test", "include", "ip4:192.0.2.256", "all:x.test",
            "exists", "-", "ip4:192.0.2.0/", "ip4:192.0.2.1/032", "ip6:::1::",
            "a:192.0.2.1", "foo", "exp=", "=x", "a//129", "a/24/64",
            "ptr/24", "include:d1.test/24", "moo=%{x}", "a:test",
            "a:x.test.5", "ip4=192.0.2.1", "a:a..test"]
QUALIFIERS = ["", "", "", "", "+", "-", "~", "?"]
PREFIXES = ["/24", "/32", "/0", "//64", "/16//48", "//0", "/31", "//127"]


class Mood:
    """How likely things are."""

    def __init__(self, error, nothing, match, lookups, odd, cname, large):
        self.error, self.nothing, self.match = error, nothing, match
        self.lookups, self.odd, self.cname = lookups, odd, cname
        self.large = large


MOODS = [
    Mood(0.00, 0.05, 0.25, 0.5, 0.00, 0.05, 0.02),
    Mood(0.00, 0.02, 0.02, 0.9, 0.00, 0.00, 0.30),
    Mood(0.04, 0.10, 0.20, 0.7, 0.05, 0.10, 0.05),
    Mood(0.20, 0.10, 0.15, 0.7, 0.00, 0.05, 0.02),
    Mood(0.00, 0.35, 0.10, 0.8, 0.02, 0.05, 0.05),
    Mood(0.01, 0.05, 0.20, 0.4, 0.30, 0.00, 0.02),
    Mood(0.00, 0.35, 0.05, 0.8, 0.00, 0.30, 0.20),
]


class Maker:
    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.mood = self.chance.choice(MOODS)
        self.client = None

    def often(self, share):
        return self.chance.random() < share

    def pick(self, things):
        return self.chance.choice(things)

    def domain_spec(self, names):
        if self.often(0.15):
            return self.pick(MACROS)
        if self.often(self.mood.odd / 4):
            return self.pick(ODD_MACROS)
        if self.often(self.mood.nothing):
            return self.pick(GONE)
        name = self.pick(names)
        if self.often(0.03):
            name = self.pick((name.upper(), name + "."))
        return name

    def prefix(self):
        return self.pick(PREFIXES) if self.often(0.15) else ""

    def network(self):
        if self.often(self.mood.match):
            return self.pick(("ip4:192.0.2.0/25", "ip4:10.20.30.40",
                              "ip4:192.0.2.1", "ip6:2001:db8::/32",
                              "ip6:2001:DB8::1", "ip4:0.0.0.0/0",
                              "ip6:::ffff:192.0.2.1"))
        return self.pick(("ip4:198.51.100.7", "ip4:203.0.113.0/24",
                          "ip6:2001:db8:ffff::/48"))

    def mechanism(self):
        if not self.often(self.mood.lookups):
            return self.network()
        kind = self.pick(("include", "include", "a", "a", "mx", "mx", "ptr",
                          "exists"))
        if kind == "include":
            return "include:" + self.domain_spec(DOMAINS)
        if kind == "exists":
            return "exists:" + self.domain_spec(HOSTS)
        if kind == "ptr":
            return "ptr" + (":" + self.domain_spec(DOMAINS)
                            if self.often(0.5) else "")
        return kind + (":" + self.domain_spec(DOMAINS + HOSTS)
                       if self.often(0.8) else "") + self.prefix()

    def record(self):
        count = self.chance.randrange(
            13 if self.often(self.mood.large) else 5)
        terms = [self.pick(QUALIFIERS) + self.mechanism()
                 for _ in range(count)]
        if self.often(self.mood.odd / 3):
            terms.insert(self.chance.randint(0, len(terms)),
                         self.pick(MISTAKES))
        if self.often(0.25):
            terms.append("redirect=" + self.domain_spec(DOMAINS))
        if self.often(0.6):
            terms.append(self.pick(("-all", "-all", "~all", "?all", "all",
                                    "-ALL")))
        if self.often(0.4):
            terms.append("exp=" + self.domain_spec(
                ["e0.test", "e1.test", "e2.test", "%{p}.test"]))
        if self.often(0.03):
            self.chance.shuffle(terms)
        return "v=spf1 " + self.pick((" ", " ", " ", "  ")).join(terms)

    def split(self, text):
        """In strings, as TXT records may be."""
        if self.often(0.9) or len(text) < 10:
            return [text]
        at = self.chance.randrange(7, len(text))
        return [text[:at], text[at:]]

    def txt(self):
        if self.often(0.03):
            records = [self.record(), self.record()]
        elif self.often(0.05):
            records = []
        else:
            records = [self.record()]
        if not records or self.often(0.1):
            records.append(self.pick(("hello", "v=spf10 a", "v=spf2.0/pra a")))
        return [self.split(text) for text in records]

    def address(self, kind):
        if self.often(self.mood.match) and \
                (":" in self.client) == (kind == "AAAA"):
            return self.client
        if kind == "A":
            return self.pick(("192.0.2.77", "198.51.100.9", "203.0.113.8"))
        return self.pick(("2001:db8:7::1", "2001:db8:8::1"))

    def names(self):
        count = self.chance.randint(1, 12 if self.often(self.mood.large)
                                    else 3)
        return [self.pick(HOSTS + DOMAINS + GONE) for _ in range(count)]

    def records(self, kind):
        if kind == "TXT":
            return self.txt()
        if kind in ("A", "AAAA"):
            return [self.address(kind)
                    for _ in range(self.chance.randint(1, 3))]
        if kind == "MX":
            # Different preferences: otherwise the order is anybody's.
            return [(10 * number, name)
                    for number, name in enumerate(self.names())]
        return self.names()

    def entry(self, kinds):
        found = {}
        for kind in kinds:
            if self.often(self.mood.error):
                found[kind] = None
            elif not self.often(self.mood.nothing):
                found[kind] = self.records(kind)
        return found

    def zone(self):
        self.client = self.pick(CLIENTS)
        zone = {}
        for name in DOMAINS:
            zone[name] = self.entry(("TXT", "A", "AAAA", "MX"))
        for name in HOSTS + ["me.m.test", "a.m.test", "test"]:
            zone[name] = self.entry(("A", "AAAA") if self.often(0.8)
                                    else ("A",))
        for name in ("e0.test", "e1.test", "e2.test"):
            zone[name] = {"TXT": [[self.pick(TEXTS)] for _ in range(
                self.chance.choice((1, 1, 1, 2)))]}
            if self.often(self.mood.error):
                zone[name] = {"TXT": None}
        for client in CLIENTS:
            zone[reverse(client)] = self.entry(("PTR",))
        for name in DOMAINS + HOSTS:
            if self.often(self.mood.cname):
                zone[name] = {"CNAME": [self.pick(DOMAINS + HOSTS + GONE)]}
        return zone

    def question(self):
        """(client, sender, HELO name)"""
        client = self.client if self.often(0.7) else self.pick(CLIENTS)
        domain = self.pick(DOMAINS[:3]) if self.often(0.9) \
            else self.pick(DOMAINS + HOSTS + GONE)
        local = self.pick(LOCALS) if self.often(0.3) else "me"
        sender = f"{local}@{domain}"
        if self.often(0.03):
            sender = domain
        helo = self.pick(HOSTS + DOMAINS)
        return client, sender, helo


def reverse(ip):
    import ipaddress
    return ipaddress.ip_address(ip).reverse_pointer


def resolve(zone, name, kind):
    """
    (chain of aliases, records), as a resolver answers: None for an error.
    """
    chain, name = [], name.lower().rstrip(".")
    while True:
        entry = zone.get(name, {})
        if "CNAME" not in entry:
            return chain, entry.get(kind, [])
        target = entry["CNAME"][0]
        chain.append((name, target))
        name = target.lower()
        if len(chain) > 8:
            return chain, None


def as_yaml(zone):
    """The zone for spfquery; JSON is YAML."""
    out = {}
    for name, entry in zone.items():
        items = out[name] = []
        for kind, records in entry.items():
            if records is None:
                items.append({kind: "TIMEOUT"})
                continue
            items += [{kind: list(r) if isinstance(r, (list, tuple)) else r}
                      for r in records]
    return {"zonedata": out}

# SPDX-License-Identifier: ISC
"""
Where pyspf and Mail::SPF differ from us, and by which section of RFC 7208 we
don't follow them.  A rule looks at a difference and says whether it is the
reason; a rule that is never the reason fails the test.
"""

import collections
import re

import spf_zones

# peer: has a name, and the major number of its version.  ours: the object of
# spfquery --json; theirs: [result, explanation, problem].
Difference = collections.namedtuple(
    "Difference", "peer zone question ours theirs")
# fixed: the major version since which Mail::SPF does as we do; None: not yet.
Rule = collections.namedtuple(
    "Rule", "name peers section reason explains fixed", defaults=[None])


def events(difference, kind):
    return [e for e in difference.ours["trace"] if e["event"] == kind]


def record_has(difference, pattern):
    """A record that has been looked at matches."""
    return any(re.search(pattern, e["record"], re.I)
               for e in events(difference, "record"))


def answers(difference):
    """
    (kind, what, error or void or found, how many aliases led there) of every
    question that a checker asks who looks at all names of mx and ptr before it
    compares any; kind is "ptr" or "mx" for their names' addresses, or "term".
    """
    client = "AAAA" if ":" in difference.question[0] else "A"
    names = set()       # of the term at hand, whose addresses are counted
    for event in difference.ours["trace"]:
        if event["event"] == "term":
            names = set()
        if event["event"] != "lookup":
            continue
        if event["type"] == client and event["name"] in names:
            continue
        yield state("term", difference.zone, event["name"], event["type"])
        if event["type"] not in ("PTR", "MX") or event["answer"] != "found":
            continue
        for name in event["names"][:10]:
            names.add(name)
            yield state(event["type"].lower(), difference.zone, name, client)


def state(kind, zone, name, rr):
    chain, records = spf_zones.resolve(zone, name, rr)
    what = "error" if records is None else "found" if records else "void"
    return kind, rr, what, len(chain)


def voids(difference):
    """Answers without records, each alias that leads to one counted too."""
    return sum(1 + aliases for _, _, what, aliases in answers(difference)
               if what == "void")


def ptr_failed(difference):
    """An error of a PTR lookup, or of an address of the names it gave."""
    return any(what == "error" and (kind == "ptr" or rr == "PTR")
               for kind, rr, what, _ in answers(difference))


def mx_failed(difference):
    return any(kind == "mx" and what == "error"
               for kind, _, what, _ in answers(difference))


def too_many_voids(d):
    return d.theirs[0] == "permerror" and "void" in d.theirs[2].lower() and \
        voids(d) > 2


def trivial_recursion(d):
    return d.theirs[0] == "permerror" and "trivial recursion" in d.theirs[2]


def error_of_ptr(d):
    return d.theirs[0] == "temperror" and ptr_failed(d)


def error_of_mx_host(d):
    return d.theirs[0] == "temperror" and mx_failed(d)


def not_ascii(d):
    return d.ours["result"] == d.theirs[0] == "fail" and \
        not d.theirs[1].isascii()


def validated_ahead(d):
    """An error that only looking for %{p}, or an alias at exp, can have met."""
    if d.theirs[0] not in ("temperror", "permerror") or \
            d.theirs[0] == d.ours["result"]:
        return False
    if record_has(d, r"%\{p"):
        return True
    targets = {name for e in events(d, "record")
               for name in re.findall(r"exp=(\S+)", e["record"])}
    if any("%" in name for name in targets):
        targets |= set(d.zone)      # it may be any
    return any("CNAME" in d.zone.get(name, {}) for name in targets) or \
        any("%{p" in "".join(text) for name in targets
            for text in d.zone.get(name, {}).get("TXT") or [])


def upper_case_r(d):
    if d.theirs[0] == "permerror":
        return "%{iR}" in d.theirs[2] and record_has(d, r"%\{iR\}")
    return d.ours["result"] == d.theirs[0] == "fail" and any(
        "%{iR}" in text for e in events(d, "lookup")
        for strings in spf_zones.resolve(d.zone, e["name"], e["type"])[1] or []
        if e["type"] == "TXT" for text in strings)


def odd_delimiter(d):
    return d.ours["result"] == "permerror" and "%{l|}" in d.ours["problem"]


def no_parts(d):
    return d.ours["result"] == "permerror" and \
        "can't keep 0 parts" in d.ours["problem"]


def macro_letter(d):
    return d.ours["result"] == "permerror" and bool(re.search(
        "unknown macro letter|for explanations only", d.ours["problem"]))


def no_local_part(d):
    return d.question[1].startswith("@") or "@" not in d.question[1]


def nibble_case(d):
    return d.ours["result"] == d.theirs[0] == "fail" and \
        ":" in d.question[0] and \
        d.ours["explanation"] != d.theirs[1] and \
        d.ours["explanation"].lower() == d.theirs[1].lower()


def many_mx(d):
    return d.ours["result"] == "permerror" and \
        "more than 10 MX" in d.ours["problem"]


def mapped_network(d):
    return ":" not in d.question[0] and \
        record_has(d, r"ip6:::ffff:192\.0\.2\.1") and \
        d.question[0] == "192.0.2.1"


def empty_label(d):
    if d.peer.major >= 3:
        return d.theirs == ["permerror", "", ""] and record_has(d, r"\.\.")
    return d.theirs[0] == "crash" and "empty label" in d.theirs[2]


def unused_redirect(d):
    return d.theirs[0] == "permerror" and bool(re.search(
        "interactive terms limit|Too many DNS lookups", d.theirs[2])) and \
        record_has(d, r"redirect=")


def limit_in_explanation(d):
    """Too many void lookups, counted on from the check, for %{p} in a text."""
    if d.ours["result"] != "fail":
        return False
    if d.peer.name == "mailspf":
        return d.theirs[0] == "crash" and \
            "EProcessingLimitExceeded" in d.theirs[2]
    return d.theirs[:2] == ["fail", "DEFAULT"] and any(
        "%{p" in e.get("text", "") for e in events(d, "lookup"))


def needless_explanation(d):
    return d.theirs[0] == "permerror" and "void" in d.theirs[2] and any(
        "exp=" in e["record"] and
        (e["depth"] > 0 or d.ours["result"] != "fail" or "%{p" in e["record"])
        for e in events(d, "record"))


def void_behind_alias(d):
    return "void lookups" in d.ours["problem"] and any(
        what == "void" and aliases for _, _, what, aliases in answers(d))


RULES = [
    Rule("void answers", ["pyspf", "mailspf"], "4.6.4",
         "they count every answer without records; the limit is on terms, and "
         "an MX or PTR name without an address of the client's family is the "
         "rule, not a fault", too_many_voids),
    Rule("include of itself", ["pyspf"], "5.2",
         "permerror when the record is read; here, if the include is reached",
         trivial_recursion),
    Rule("errors of ptr", ["pyspf", "mailspf"], "5.5",
         "a failed PTR lookup is no match, a failed address skips the name",
         error_of_ptr),
    Rule("%{p} ahead of time", ["pyspf"], "4.6.2, 6.2",
         "terms are evaluated from left to right, and exp once there is a "
         "fail; it asks for exp and expands the macros of all at once",
         validated_ahead),
    Rule("errors of mx", ["pyspf"], "5.4",
         "an earlier mail host has matched: the error of a later one doesn't "
         "count", error_of_mx_host),
    Rule("explanations that aren't ASCII", ["mailspf"], "6.2",
         "they are not used", not_ascii, fixed=3),
    Rule("%{iR}", ["pyspf", "mailspf"], "7.1, RFC 5234 2.3",
         "the r of a macro may be of either case", upper_case_r),
    Rule("delimiter |", ["pyspf"], "7.1",
         "it is none of the delimiters", odd_delimiter),
    Rule("0 parts", ["pyspf", "mailspf"], "7.3",
         "the number of parts must not be 0", no_parts),
    Rule("no local part", ["pyspf", "mailspf"], "4.3",
         "postmaster stands for an empty local part", no_local_part),
    Rule("macro letters", ["mailspf"], "4.6, 7.1",
         "a macro that isn't one is a syntax error of the record, whether it "
         "is met or not", macro_letter),
    Rule("case of nibbles", ["mailspf"], "7.4",
         "IPv6 addresses in texts have upper-case digits, as in the suites",
         nibble_case),
    Rule("more than 10 MX", ["mailspf"], "4.6.4",
         "a permerror; Mail::SPF ignores the rest", many_mx),
    Rule("IPv4-mapped networks", ["mailspf"], "5, 5.6",
         "ip6 never matches an IPv4 client", mapped_network, fixed=3),
    Rule("empty labels", ["mailspf"], "4.8",
         "a name that can't exist isn't asked for, and doesn't match; Mail::SPF "
         "dies of it, and since 3 says permerror", empty_label),
    Rule("redirect that isn't followed", ["pyspf", "mailspf"], "4.6.4, 6.1",
         "it isn't evaluated, and isn't counted as a term", unused_redirect),
    Rule("limits in explanations", ["pyspf", "mailspf"], "4.6.4, 6.2",
         "the limits are for the evaluation of terms; that of explanations "
         "begins when that is over", limit_in_explanation),
    Rule("needless explanations", ["mailspf"], "6.2",
         "those of includes, and where nothing fails, aren't asked for; an "
         "error on the way to one doesn't count", needless_explanation),
    Rule("void lookups by an alias", ["mailspf"], "4.6.4, RFC 2308 2.2",
         "an alias to a name without such records is void; Mail::SPF counts "
         "the alias as an answer", void_behind_alias),
]


def is_for(rule, peer):
    return peer.name in rule.peers and \
        (rule.fixed is None or peer.major < rule.fixed)


def explain(difference):
    for rule in RULES:
        if is_for(rule, difference.peer) and rule.explains(difference):
            return rule
    return None

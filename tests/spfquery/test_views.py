#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
spfquery --tree, --networks, --flatten and --lint for many domains: what they
show for people, as JSON and as CSV; hostile records; a real server.

usage: test_views.py [WORD...]          only cases with these words in the name
"""

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
import tempfile

import nameserver
import places
import tap
import zones
from page_zones import HOSTILE, LARGE, MARKUP
from tap import Skip, equal

PROGRAM = places.program("spfquery")
VIEWS = ("--tree", "--networks", "--flatten", "--lint")

suite = tap.Suite()
case = suite.case

ZONE = {
    "example.com": [{"TXT": "v=spf1 mx include:_spf.esp.example "
                            "ip4:192.0.2.0/25 ip4:192.0.2.128/25 -all"},
                    {"MX": [10, "mail.example.com"]}],
    "mail.example.com": [{"A": "192.0.2.10"}, {"AAAA": "2001:db8::10"}],
    "_spf.esp.example": [{"TXT": "v=spf1 ip4:198.51.100.0/24 "
                                 "ip4:198.51.101.0/24 -ip4:203.0.113.7 "
                                 "ip4:203.0.113.0/29 ip6:2001:db8::/32 "
                                 "a:gone.example ~all"}],
    "loop.example": [{"TXT": "v=spf1 include:loop.example -all"}],
    "dead.example": ["TIMEOUT"],
    "open.example": [{"TXT": "v=spf1 exists:%{i}.x.example "
                             "include:_spf.esp.example -all"}],
}


def run(*arguments, env=None, stdin=None):
    done = places.run(PROGRAM, *arguments, timeout=120, input=stdin,
                      env={"PATH": os.environ["PATH"], "LC_ALL": "C",
                           **(env or {})})
    return done.returncode, done.stdout, done.stderr


def show(zone, *arguments, **options):
    with zones.File(zone) as path:
        return run("--zone", path, *arguments, **options)


def objects(out):
    return [json.loads(line) for line in out.splitlines()]


def rows(out):
    return list(csv.DictReader(io.StringIO(out)))


# --- the tree ---------------------------------------------------------------

@case("the tree goes past matches and limits, and counts for each include")
def tree_is_whole():
    zone = {"many.example": [{"TXT": "v=spf1 ip4:0.0.0.0/0 " + " ".join(
        f"include:i{n}.example" for n in range(12)) + " -all"}]}
    for n in range(12):
        zone[f"i{n}.example"] = [{"TXT": f"v=spf1 a:a{n}.example -all"}]
        zone[f"a{n}.example"] = [{"A": f"192.0.2.{n}"}]
    status, out, _ = show(zone, "--tree", "many.example")
    equal(status, 0)
    for n in range(12):
        if f"A a{n}.example -> 192.0.2.{n}" not in out:
            yield f"no a{n}.example"
    equal(out.count("2 terms, 20 % of the limit"), 12)
    equal(out.splitlines()[-1].split(", ")[0], "24 of 10 terms")
    [tree] = objects(show(zone, "--tree", "--json", "many.example")[1])
    equal(tree["tree"]["terms"], 24)
    equal([term["terms"] for term in tree["tree"]["tree"]], [0] + [2] * 12 + [0])


@case("the tree says what is void, and shows a loop once")
def tree_has_voids_and_loops():
    _, out, _ = show(ZONE, "--tree", "example.com", "loop.example")
    if "A gone.example -> nothing (NXDOMAIN)  void lookup" not in out:
        yield out
    equal(out.count("loop.example  is above"), 1)
    if "endless terms (a loop)" not in out:
        yield "no word of the loop"
    zone = {**ZONE, "gone.example": [{"TXT": "no address"}]}
    _, out, _ = show(zone, "--tree", "example.com")
    if "A gone.example -> nothing (no such record)  void lookup" not in out:
        yield out


@case("a record is in JSON as it is understood, in checks too")
def records_are_parsed():
    [tree] = objects(show(ZONE, "--tree", "--json", "example.com")[1])
    _, out, _ = show(ZONE, "--json", "192.0.2.1", "a@example.com", "x")
    [check] = objects(out)
    equal(list(check)[:3], ["result", "record", "parsed"])
    for parsed in (tree["tree"]["parsed"], check["parsed"]):
        equal([term.get("mechanism") for term in parsed],
              ["mx", "include", "ip4", "ip4", "all"])
        equal(parsed[0], {"term": "mx", "mechanism": "mx", "result": "pass",
                          "domain": "", "macros": False, "prefix4": 32,
                          "prefix6": 128})
        equal(parsed[2]["network"], "192.0.2.0/25")
        equal(parsed[4]["result"], "fail")


# --- networks ---------------------------------------------------------------

@case("networks are merged and counted, with their origins")
def networks_are_merged():
    status, out, _ = show(ZONE, "--networks", "--json", "example.com")
    equal(status, 0)
    [report] = objects(out)
    nets = {(net["result"], net["network"]): net for net in report["networks"]}
    equal(sorted(nets), [
        ("pass", "192.0.2.0/24"), ("pass", "198.51.100.0/23"),
        ("pass", "2001:db8::/32"), ("pass", "203.0.113.0/30"),
        ("pass", "203.0.113.4/31"), ("pass", "203.0.113.6")])
    equal(nets["pass", "198.51.100.0/23"]["origins"],
          [{"term": f"ip4:198.51.10{n}.0/24", "domain": "_spf.esp.example"}
           for n in (0, 1)])
    equal(nets["pass", "2001:db8::/32"]["addresses"], str(2 ** 96))
    equal(report["totals"]["ipv4"]["pass"], str(256 + 512 + 7))
    equal(report["totals"]["ipv6"]["fail"], str(2 ** 128 - 2 ** 96))
    equal([(other["result"], other["family"], other["term"])
           for other in report["others"]],
          [("fail", "ipv4", "-all"), ("fail", "ipv6", "-all")])
    equal({twice["again"]["term"] for twice in report["twice"]},
          {"ip4:192.0.2.0/25", "ip4:203.0.113.0/29", "ip6:2001:db8::/32"})


@case("columns of networks line up")
def networks_line_up():
    _, out, _ = show(ZONE, "--networks", "example.com")
    lines = [line for line in out.splitlines()
             if re.match(r"pass +[0-9a-f.:/]+ ", line)]
    equal(len(lines), 6)
    equal(len({re.match(r"pass +\S+ +\S+ +", line).end() for line in lines}), 1)


@case("--contains says which part of a network passes, also by its status")
def networks_contain():
    for network, status, parts in (
            ("192.0.2.0/24", 0, {("pass", "192.0.2.0/25"),
                                 ("pass", "192.0.2.10"),
                                 ("pass", "192.0.2.128/25")}),
            ("203.0.113.6/31", 1, {("pass", "203.0.113.6"),
                                   ("fail", "203.0.113.7")}),
            ("2001:db8:1::/48", 0, {("pass", "2001:db8:1::/48")}),
            ("10.0.0.1", 1, {("fail", "10.0.0.1")})):
        done, out, _ = show(ZONE, "--networks", "--contains", network,
                            "example.com")
        equal(done, status)
        found = {tuple(line.split(": ")[0].split())
                 for line in out.splitlines()}
        if network != "192.0.2.0/24":
            equal(found, parts)
        elif {result for result, _ in found} != {"pass"}:
            yield out
        [report] = objects(show(ZONE, "--networks", "--json", "--contains",
                                network, "example.com")[1])
        equal(report["contained"], status == 0)


@case("what a client decides is named, and beyond a limit there is permerror")
def networks_tell_limits():
    _, out, _ = show(ZONE, "--networks", "open.example", "loop.example")
    for words in ("depends    exists:%{i}.x.example: pass",
                  "permerror  all IPv4 addresses: include:loop.example: more "
                  "than 10 terms that need DNS"):
        if words not in out:
            yield f"{words!r} isn't in {out}"


# --- flattening -------------------------------------------------------------

def flattened(zone, domain, *arguments):
    [made] = objects(show(zone, "--flatten", "--json", *arguments, domain)[1])
    return {record["name"]: record["record"] for record in made["records"]}


@case("a flattened record is split, and takes few lookups")
def flat_records_are_split():
    zone = {"big.example": [{"TXT": "v=spf1 include:_n.example -all"}],
            "_n.example": [{"TXT": "v=spf1 " + " ".join(
                f"ip4:10.{n}.1.0/24" for n in range(0, 200, 2)) + " -all"}]}
    records = flattened(zone, "big.example")
    # 25 networks fit a record; beside three includes only 20 would.
    equal(sorted(records), [f"_spf{n}.big.example" for n in range(1, 5)] +
          ["big.example"])
    for name, record in records.items():
        if len(record) > 450:
            yield f"{name}: {len(record)} bytes"
    nets = re.findall(r"ip4:([0-9./]+)", " ".join(records.values()))
    equal(sorted(nets), sorted(f"10.{n}.1.0/24" for n in range(0, 200, 2)))


@case("what takes too many records is refused, with by how much")
def flat_records_have_limits():
    zone = {"huge.example": [{"TXT": "v=spf1 " + " ".join(
        f"include:_n{n}.example" for n in range(10)) + " -all"}]}
    for n in range(10):
        zone[f"_n{n}.example"] = [{"TXT": "v=spf1 " + " ".join(
            f"ip4:10.{n}.{k}.0/24" for k in range(0, 160, 2)) + " -all"}]
    status, out, _ = show(zone, "--flatten", "huge.example")
    equal(status, 1)
    if not re.search(r"would still take \d\d lookups, \d+ more than 10", out):
        yield out


@case("--check compares what is published with what it should be")
def flat_records_are_checked():
    source = ZONE["example.com"][0]["TXT"]
    records = flattened(ZONE, "example.com")
    zone = {**ZONE, "_source.example": [{"TXT": source}]}
    for name, record in records.items():
        zone[name] = [{"TXT": record}] + ZONE.get(name, [])[1:]
    for options in (("--from", "_source.example"), ("--record", source)):
        status, out, _ = show(zone, "--flatten", "--check", *options,
                              "example.com")
        equal((status, out), (0, "example.com: what is published is right\n"))
    zone["_spf.esp.example"] = [{"TXT": "v=spf1 ip4:198.51.100.0/24 "
                                        "ip4:203.0.113.0/28 -all"}]
    status, out, _ = show(zone, "--flatten", "--check", "--from",
                          "_source.example", "example.com")
    equal(status, 1)
    for line in ("missing: pass 203.0.113.8/29", "stale: pass 198.51.101.0/24",
                 "stale: pass 2001:db8::/32"):
        if not any(line[:17] in found for found in out.splitlines()):
            yield f"{line!r} isn't in {out}"
    zone["_spf.esp.example"] = ["TIMEOUT"]
    status, out, _ = show(zone, "--flatten", "--check", "--from",
                          "_source.example", "example.com")
    equal(status, 2)


# --- many domains -----------------------------------------------------------

@case("domains come from arguments, standard input and a file, in order")
def domains_come_from_everywhere():
    with tempfile.NamedTemporaryFile("w") as file:
        file.write("# of the file\n\nloop.example   # with a loop\n")
        file.flush()
        status, out, err = show(
            ZONE, "--tree", "--json", "open.example", "-", "--file", file.name,
            stdin="bob@Example.COM\nnodots\n")
    equal([tree["domain"] for tree in objects(out)],
          ["open.example", "example.com", "loop.example"])
    equal((status, err), (255, 'spfquery: standard input:2: "nodots" is not a '
                               "domain that can have a record\n"))


@case("every view has JSON in lines and CSV with a head")
def views_have_forms():
    domains = ("example.com", "loop.example", "dead.example", "none.example")
    for view in VIEWS:
        _, out, _ = show(ZONE, view, "--json", *domains)
        if [line["domain"] for line in objects(out)] != list(domains):
            yield f"{view}: {out}"
        _, out, _ = show(ZONE, view, "--csv", *domains)
        if not all(None not in row and row["domain"] in domains
                   for row in rows(out)):
            yield f"{view}: {out}"
    _, out, _ = show(ZONE, "--tree", "--csv", *domains)
    equal({row["domain"]: row["status"] for row in rows(out)
           if row["domain"] == row["record_of"]},
          dict(zip(domains, ("found", "found", "failed", "none"))))


@case("a thousand domains of a real server, with causes of each question")
def many_domains_are_done():
    count = 1000
    lines = ['_spf.esp.example. TXT "v=spf1 ip4:198.51.100.0/24 -all"']
    for n in range(count):
        lines += [f'd{n}.example. TXT "v=spf1 a include:_spf.esp.example '
                  'a:gone.example -all"', f"d{n}.example. A 192.0.2.{n % 250}"]
    try:
        server = nameserver.zone_server("\n".join(lines))
    except nameserver.Unavailable as why:
        raise Skip(str(why)) from why
    try:
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("".join(f"d{n}.example\n" for n in range(count)))
            file.flush()
            status, out, err = run("--nameserver", server.name, "--tree",
                                   "--json", "--file", file.name)
        equal((status, err), (0, ""))
        trees = objects(out)
        equal([tree["domain"] for tree in trees],
              [f"d{n}.example" for n in range(count)])
        last = trees[-1]["tree"]
        equal((last["server"], last["rcode"], last["ttl"] in range(290, 301)),
              (server.name, "NOERROR", True))
        gone = last["tree"][2]["lookups"][0]
        equal((gone["rcode"], gone["void"], gone["cached"]),
              ("NXDOMAIN", True, True))
        _, out, _ = run("--nameserver", server.name, "--trace", "192.0.2.1",
                        "a@d7.example", "x")
        if not re.search(rf"TXT d7.example -> an SPF record  {server.name}, "
                         r"\d+\.\d ms, TTL \d+", out):
            yield out
    finally:
        server.close()


# --- people -----------------------------------------------------------------

def on_terminal(zone, *arguments, env=None):
    """What a terminal gets."""
    with zones.File(zone) as path:
        master, slave = pty.openpty()
        with subprocess.Popen(
                [PROGRAM, "--zone", path, *arguments], stdout=slave,
                stderr=slave, env={"PATH": os.environ["PATH"], "TERM": "xterm",
                                   "LC_ALL": "C", **(env or {})}) as process:
            os.close(slave)
            out = b""
            while True:
                try:
                    piece = os.read(master, 65536)
                except OSError:
                    break
                if not piece:
                    break
                out += piece
            process.wait()
        os.close(master)
        return out.decode()


@case("colours are for terminals, and not with NO_COLOR")
def views_have_colours():
    for view in ("--tree", "--networks"):
        if "\033[" not in on_terminal(ZONE, view, "example.com"):
            yield f"{view}: no colours"
        if "\033[" in on_terminal(ZONE, view, "example.com",
                                  env={"NO_COLOR": "1"}):
            yield f"{view}: colours with NO_COLOR"
        if "\033[" in show(ZONE, view, "example.com")[1]:
            yield f"{view}: colours in a pipe"


# --- hostile records --------------------------------------------------------

FORMULAS = {
    "=cmd.example": [{"TXT": "v=spf1 -all"}],
    "formula.example": [{"TXT": 'v=spf1 +a:"quoted".example -exists:a;b.example '
                                "-all"}],
    "@sum.example": [{"TXT": "v=spf1 include:=cmd.example +all"}],
}


@case("no cell of CSV is a formula, whatever a record says")
def csv_has_no_formulas():
    for view in VIEWS:
        _, out, _ = show(FORMULAS, view, "--csv", "formula.example",
                         "=cmd.example")
        for row in csv.reader(io.StringIO(out)):
            for cell in row:
                if cell[:1] in ("=", "+", "-", "@", "\t", "\r"):
                    yield f"{view}: {row}"
    _, out, _ = show(FORMULAS, "--lint", "--csv", "formula.example")
    if not any(row["term"] in ("'-all", 'a:"quoted".example',
                               "'+a:\"quoted\".example", "")
               for row in rows(out)):
        yield out


@case("terminals and pages get no controls and no markup of records")
def records_stay_text():
    zone = {"esc.example": [{"TXT": "v=spf1 include:esc2.example -all"}],
            "esc2.example": [{"TXT": "v=spf1 \x1b[31mred\u202e -all"}]}
    for view in (*VIEWS, "--html"):
        arguments = (view,) if view != "--html" else ("--tree", "--html")
        for env in ({}, {"LC_ALL": "C.UTF-8"}):
            _, out, _ = show(zone, *arguments, "esc.example", env=env)
            if "\x1b" in out or "\u202e" in out:
                yield f"{view}: {out!r}"
    _, out, _ = show(HOSTILE, "--lint", "--html", "hostile.example")
    for markup in MARKUP:
        if markup != "]]>" and markup in out.replace("<!DOCTYPE", ""):
            if markup not in ("<!--", "&lt;b&gt;"):
                yield f"{markup!r} is in the page"
    if "<script" in out or "<img" in out or "<!--" in out or "onerror=\"" in out:
        yield "markup in the page"


@case("options that don't go together are refused")
def views_refuse():
    for arguments in (("--tree",), ("--tree", "--networks", "a.example"),
                      ("--tree", "--json", "--csv", "a.example"),
                      ("--contains", "192.0.2.0/24", "--tree", "a.example"),
                      ("--networks", "--contains", "x", "a.example"),
                      ("--check", "--tree", "a.example"),
                      ("--flatten", "--html", "a.example"),
                      ("--tree", "--html", "a.example", "b.example"),
                      ("--tree", "--ip", "192.0.2.1", "a.example"),
                      ("--csv", "192.0.2.1", "a@a.example", "x"),
                      ("--flatten", "--from", "a.example", "--record",
                       "v=spf1", "b.example")):
        status, out, err = show(ZONE, *arguments)
        if (status, out) != (255, "") or not err.startswith("spfquery: "):
            yield f"{arguments}: {status}, {out!r}, {err!r}"


@case("large trees fit a page")
def large_trees_work():
    for view in VIEWS:
        status, out, err = show(LARGE, view, "example.com")
        if err or not out:
            yield f"{view}: {status}, {err}"


if __name__ == "__main__":
    sys.exit(suite.run())

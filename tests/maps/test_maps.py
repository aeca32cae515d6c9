#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
Access maps as makemap and postmap write them, and while they write.

usage: test_maps.py [WORD...]   only the cases with these words in their names
"""

import collections
import grp
import os
import pwd
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import writers
from writers import READER, SUFFIXES
import places
import tap
from tap import equal

suite = tap.Suite()
SANITIZED = os.environ.get("BUILD", "").endswith(("asan", "tsan"))

SIZES = [0, 1, 2, 7, 60, 1000]
MANY = 50000
DAMAGED = 200 if SANITIZED else 1200    # files of each type
REWRITES = 60                           # of each torture
KEYS = 2000                             # in its maps
THREADS = 3
SHOWN, REFUSED, BUSY = 0, 1, 3          # exit statuses of the reader

# Which program writes, with what; {name: function of writers, path}.
WRITERS = {
    "makemap hash": lambda w, path: w.makemap("hash", path),
    "makemap -N hash": lambda w, path: w.makemap("hash", path, "-N"),
    "makemap btree": lambda w, path: w.makemap("btree", path),
    "makemap -N btree": lambda w, path: w.makemap("btree", path, "-N"),
    "postmap hash": lambda w, path: w.postmap("hash", path),
    "postmap btree": lambda w, path: w.postmap("btree", path),
    "postmap lmdb": lambda w, path: w.postmap("lmdb", path),
    "postmap cdb": lambda w, path: w.postmap("cdb", path),
    "tinycdb cdb": lambda w, path: w.tinycdb(path),
}
TAGS = ["spf-pass:", "spf-fail:", "SPF-Softfail:", "helo-none:", "srs-neutral:",
        "null-temperror:", "smtp-auth:", "spf-to:", "spf-permerror!"]
FOREIGN = ["Connect:", "From:", "To:", ""]


class Site:
    """A directory of the test's own, and the programs."""

    def __init__(self, top):
        self.top = top
        self.writers = writers.Writers(os.path.join(top, "etc"))
        self.reader = os.path.join(top, "reader")
        shutil.copy(READER, self.reader)
        self.number = 0

    def path(self):
        """A path that no case has used."""
        self.number += 1
        return os.path.join(self.top, f"map{self.number}")


def read(site, name, mode="show", **options):
    return subprocess.run([site.reader, mode, name], capture_output=True,
                          check=False, **options)


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


# --- what they write ----------------------------------------------------------

def make_entries(dice, count, value_max):
    """[(key, value)], a part of them sendmail's, without duplicates."""
    entries = {}
    while len(entries) < count:
        tag = dice.choice(FOREIGN if dice.random() < 0.2 else TAGS)
        name = "".join(dice.choice("abcXYZ0189.-_+=") for _ in range(12))
        key = f"{tag}{name}@Host{len(entries)}.Example"
        size = dice.choice([1, 10, 40]) if dice.random() < 0.98 else value_max
        entries[key.lower()] = (key, "ERROR:5.7.1:550 " + "x" * size)
    return list(entries.values())


def as_text(entries):
    return "".join(f"{key}\t{value}\n" for key, value in entries)


def as_shown(entries):
    """What the reader makes of these."""
    tags = tuple(tag.lower() for tag in TAGS)
    kept = {re.sub("[:!]", ":", key.lower(), count=1): value
            for key, value in entries if key.lower().startswith(tags)}
    return "".join(f"{key}\t{kept[key]}\n"
                   for key in sorted(kept, key=str.encode)).encode()


def expect_shown(done, expected, what):
    equal((done.returncode, done.stderr), (SHOWN, b""), what)
    if done.stdout != expected:
        got = done.stdout.splitlines()
        wanted = expected.splitlines()
        raise AssertionError(
            f"{what}: {len(got)} entries of {len(wanted)}; missing "
            f"{sorted(set(wanted) - set(got))[:3]}, unexpected "
            f"{sorted(set(got) - set(wanted))[:3]}")


def check_writer(site, name):
    dice = random.Random(name)
    kind = name.split()[-1]
    value_max = 900 if name.startswith("makemap") else 9000
    for size in SIZES + [MANY]:
        path = site.path()
        entries = make_entries(dice, size, value_max)
        write(path, as_text(entries))
        WRITERS[name](site.writers, path)
        done = read(site, f"{kind}:{path}")
        expect_shown(done, as_shown(entries), f"{size} entries")


def register_writers():
    for name in WRITERS:
        suite.case(f"{name} writes, we read")(
            lambda site, name=name: check_writer(site, name))


register_writers()


@suite.case("edited maps, with free room in them")
def check_edited(site):
    dice = random.Random("edited")
    for kind in "hash", "btree", "lmdb":
        for size in 60, 200:
            path = site.path()
            entries = make_entries(dice, size, 9000)
            write(path, as_text(entries))
            site.writers.postmap(kind, path)
            added = [("spf-fail:new" + key.split(":")[-1], value)
                     for key, value in make_entries(dice, size, 3000)]
            site.writers.edit_map(kind, path,
                                  [key for key, _ in entries[:size // 3]],
                                  as_text(added))
            done = read(site, f"{kind}:{path}")
            expect_shown(done, as_shown(entries[size // 3:] + added),
                         f"{kind} of {size}")


@suite.case("Berkeley DB with pages of any size, from machines of both orders")
def check_pages(site):
    dice = random.Random("pages")
    for kind in "hash", "btree":
        for page_size in (2 ** n for n in range(9, 17)):
            for order in 1234, 4321:
                path = site.path() + ".db"
                entries = make_entries(dice, dice.randrange(2000), 5000)
                text = "".join(f"{key.lower()}\n{value}\n"
                               for key, value in entries)
                site.writers.load(kind, path, text, db_pagesize=page_size,
                                  db_lorder=order)
                expect_shown(read(site, f"{kind}:{path}"), as_shown(entries),
                             f"{kind}, {page_size}, {order}")


@suite.case("several values to a key, or checksums, are refused")
def check_refused(site):
    path = site.path()
    write(path, "spf-fail:a OK\nexample.com OK\nexample.com RELAY\n")
    for kind in "hash", "btree":
        site.writers.makemap(kind, path, "-d")
        done = read(site, f"{kind}:{path}")
        equal((done.returncode, done.stderr.decode()),
              (REFUSED, f"error: {path}.db: has several values to a key: write "
               "it anew, without makemap -d\n"), kind)
        summed = site.path()
        site.writers.load(kind, summed, "spf-fail:a\nOK\n", chksum=1)
        done = read(site, f"{kind}:{summed}")
        equal((done.returncode, b"or has checksums" in done.stderr),
              (REFUSED, True), done.stderr)


@suite.case("text is what makemap and postmap make of it")
def check_text(site):
    dice = random.Random("text")
    for size in SIZES + [MANY]:
        path = site.path()
        entries = make_entries(dice, size, 900)
        write(path, as_text(entries))
        for name in path, f"text:{path}", f"texthash:{path}":
            expect_shown(read(site, name), as_shown(entries), name)


@suite.case("odd lines mean to us what they mean to them")
def check_odd_lines(site):
    both = ("spf-fail:A.Example \t Reject  a\tb\n# c\n\nspf-pass:b\v OK\n"
            "spf-none:c \"550 no\"\nspf-fail:d\tOK # x\nspf-fail!e OK\n")
    cases = [
        ("makemap", "hash", "text", both + "spf-to:\"a b\"@c OK\n"),
        ("postmap", "hash", "texthash",
         both + "  # c\nspf-to:x REJECT\n  go\n# c\n\n\taway\n"
         "spf-to:\"a b\"@c OK\nspf-to:\"a \\\" b\"@c OK\nspf-to:z\\ y OK\n"),
    ]
    for program, kind, text_type, text in cases:
        path = site.path()
        write(path, text)
        getattr(site.writers, program)(kind, path)
        # With warnings of values that mean nothing, such as that of "a b".
        theirs = read(site, f"{kind}:{path}")
        ours = read(site, f"{text_type}:{path}")
        equal((ours.returncode, theirs.returncode), (SHOWN, SHOWN), program)
        equal(ours.stdout, theirs.stdout, program)


@suite.case("of duplicates the first counts, as they have it")
def check_duplicates(site):
    path = site.path()
    write(path, "spf-fail:a REJECT\nspf-fail:b OK\nspf-fail:A DISCARD\n")
    expected = b"spf-fail:a\tREJECT\nspf-fail:b\tOK\n"
    for kind in "hash", "btree", "lmdb":
        site.writers.postmap(kind, path)
        expect_shown(read(site, f"{kind}:{path}"), expected, kind)
    # cdb keeps both, and finds the first; so do we.
    site.writers.postmap("cdb", path)
    equal(read(site, f"cdb:{path}").stdout.splitlines()[0],
          b"spf-fail:a\tREJECT", "cdb")
    process = site.writers.start_makemap("hash", path)
    with open(path, "rb") as file:
        problems = process.communicate(file.read())[1]
    equal(b"duplicate key" in problems, True, problems)
    expect_shown(read(site, f"hash:{path}"), expected, "makemap")
    done = read(site, f"text:{path}")
    equal((done.returncode, done.stderr.decode()),
          (REFUSED, f"error: {path}:3: line 1 has the same key\n"), "text")


@suite.case("a path alone is found to be what it is")
def check_names(site):
    for name, write_map in WRITERS.items():
        kind = name.split()[-1]
        path = site.path()
        write(path, "spf-fail:a OK\n")
        write_map(site.writers, path)
        expected = b"spf-fail:a\tOK\n"
        whole = path + SUFFIXES[kind]
        names = [whole, f"{kind}:{whole}", f"{kind} -o {path}",
                 f"{kind} -T<TMPF> -o {whole}"]
        if SUFFIXES[kind] == ".db":
            names += [f"hash:{path}", f"btree:{path}"]
        # Beside its source, the path alone is the source.
        write(path, "spf-fail:a REJECT\n")
        expect_shown(read(site, path), b"spf-fail:a\tREJECT\n", path)
        for text in names:
            expect_shown(read(site, text), expected, text)
        os.unlink(path)
        expect_shown(read(site, path), expected, path)
        if kind != "cdb":       # it has no magic number
            os.rename(whole, path)
            expect_shown(read(site, path), expected, path)


# --- what goes wrong ----------------------------------------------------------

@suite.case("a file for another group says which")
def check_forbidden(site):
    if os.geteuid() != 0:
        return
    path = site.path()
    write(path, "spf-fail:a OK\n")
    site.writers.makemap("hash", path)
    group = grp.getgrnam("mail")
    nobody = pwd.getpwnam("nobody")
    os.chown(path + ".db", 0, group.gr_gid)
    equal(os.stat(path + ".db").st_mode & 0o777, 0o640, "makemap's mode")
    who = {"user": nobody.pw_uid, "group": nobody.pw_gid}
    done = read(site, f"hash:{path}", extra_groups=[], **who)
    equal((done.returncode, done.stderr.decode()),
          (REFUSED, f"error: {path}.db: cannot open: only its owner and the "
           "group mail may read it: add the user nobody to that group "
           "(usermod -aG mail nobody) and start again\n"), "without the group")
    done = read(site, f"hash:{path}", extra_groups=[group.gr_gid], **who)
    expect_shown(done, b"spf-fail:a\tOK\n", "with the group")
    os.chmod(path + ".db", 0o600)
    done = read(site, f"hash:{path}", extra_groups=[group.gr_gid], **who)
    equal((done.returncode, b"mode 0600: give it to a group of nobody"
           in done.stderr), (REFUSED, True), done.stderr)


def damage_cases():
    for name in ("makemap hash", "makemap btree", "postmap lmdb",
                 "postmap cdb"):
        suite.case(f"{name}: {DAMAGED} damaged files do no harm")(
            lambda site, name=name: check_damage(site, name))


def check_damage(site, name):
    """No part of a truncated map is taken for the whole, nothing crashes."""
    dice = random.Random(name)
    kind = name.split()[-1]
    for count in 40, 1500:
        path = site.path()
        entries = make_entries(dice, count,
                               900 if name.startswith("makemap") else 9000)
        write(path, as_text(entries))
        WRITERS[name](site.writers, path)
        shown = read(site, f"{kind}:{path}").stdout.count(b"\n")
        done = subprocess.run(
            [site.reader, "damage", f"{kind}:{path}{SUFFIXES[kind]}",
             str(shown), str(count), str(DAMAGED // 2)],
            capture_output=True, text=True, errors="replace", check=False)
        tap.diagnose(done.stdout)
        equal((done.returncode, done.stderr), (0, ""), f"{count} entries")


damage_cases()


def decide(site, name, entries):
    """What a daemon that holds so many does, and how many it would get."""
    done = subprocess.run([site.reader, "decide", name, str(entries)],
                          capture_output=True, text=True, check=False)
    if done.returncode == BUSY:
        return "busy", 0
    equal((done.returncode, done.stderr), (0, ""), name)
    verdict, count = done.stdout.split()
    return verdict, int(count)


def moments(octets, dice):
    """What writers, crashes and accidents make of a file: (name, octets)."""
    size = len(octets)
    junk = bytes(dice.randrange(256) for _ in range(4096))
    yield "emptied", b""
    for _ in range(40):
        at = dice.randrange(1, size)
        yield f"written up to {at}", octets[:at]
        yield f"zeros from {at}", octets[:at] + bytes(size - at)
        yield f"garbage from {at}", (octets[:at] + junk * (size // 4096 + 1)
                                     )[:size]
    for at in range(4096, size, 4096):
        yield f"written up to page {at}", octets[:at]
        yield f"page {at} missing", octets[:at - 4096] + octets[at:]
    yield "zeros", bytes(size)
    yield "garbage", junk
    yield "a page of HTML", b"<html>\n<body>404 not found</body>\n</html>\n"
    yield "another's text", b"# nothing of ours\nConnect:192.0.2 RELAY\n"


def check_moments(site, kind):
    """None of them takes away more than half of a policy, nor mixes it up."""
    dice = random.Random(kind)
    path = site.path()
    count = 400
    write(path, "".join(f"spf-fail:{n:04}.example\tREJECT 5.7.1 no {n}\n"
                        for n in range(count)))
    if kind in ("hash", "btree"):
        site.writers.makemap(kind, path)
    elif kind in ("lmdb", "cdb"):
        site.writers.postmap(kind, path)
    whole = path + SUFFIXES.get(kind, "")
    with open(whole, "rb") as file:
        octets = file.read()
    equal(decide(site, f"{kind}:{whole}", count), ("take", count), "whole")
    tally = collections.Counter()
    for what, changed in moments(octets, dice):
        with open(whole, "wb") as file:
            file.write(changed)
        os.utime(whole, (1, 1))
        verdict, left = decide(site, f"{kind}:{whole}", count)
        tally[verdict] += 1
        if verdict == "take" and left != count and not (
                kind in ("text", "texthash") and left >= count / 2 and
                changed.endswith(b"\n")):
            raise AssertionError(f"{kind} {what}: {left} entries taken")
    tap.diagnose(f"{kind}: {dict(tally)}")
    os.unlink(whole)
    equal(decide(site, f"{kind}:{whole}", count)[0], "refuse", "deleted")


def register_moments():
    for kind in ("text", "texthash", "hash", "btree", "lmdb", "cdb"):
        suite.case(f"{kind}: no moment of a writer's work takes the policy")(
            lambda site, kind=kind: check_moments(site, kind))


register_moments()


@suite.case("a map whose writer was killed is refused, or empty")
def check_killed(site):
    text = as_text(make_entries(random.Random("killed"), MANY, 900)).encode()
    for kind in "hash", "btree":
        for part in range(1, 11):
            path = site.path()
            process = site.writers.start_makemap(kind, path)
            process.stdin.write(text[:len(text) * part // 10])
            process.send_signal(signal.SIGKILL)
            process.communicate()
            if os.path.exists(path + ".db"):
                os.utime(path + ".db", (1, 1))
            done = read(site, f"{kind}:{path}")
            if done.returncode != REFUSED:
                expect_shown(done, b"", f"{part} tenths")


# --- while they write ----------------------------------------------------------

@suite.case("makemap at work keeps us out, and we wait for it")
def check_busy(site):
    for kind in "hash", "btree":
        path = site.path()
        write(path, "spf-fail:a OK\n")
        site.writers.makemap(kind, path)
        process = site.writers.start_makemap(kind, path)
        process.stdin.write(b"spf-fail:a REJECT\n")
        process.stdin.flush()
        tap.wait_until(
            lambda path=path:
            read(site, f"hash:{path}", "try").returncode == BUSY,
            "makemap to lock its file")
        waiting = subprocess.Popen([site.reader, "show", f"hash:{path}"],
                                   stdout=subprocess.PIPE)
        process.communicate()
        equal((waiting.communicate()[0], waiting.returncode),
              (b"spf-fail:a\tREJECT\n", SHOWN), kind)


@suite.case("postmap lmdb at work leaves us what was there")
def check_snapshot(site):
    path = site.path()
    write(path, "spf-fail:a OK\n")
    site.writers.postmap("lmdb", path)
    os.unlink(path)
    os.mkfifo(path)
    process = site.writers.start_postmap("lmdb", path)
    # It reads behind the lock, so what it reads first it takes with it held.
    with open(path, "wb") as source:
        source.write(b"spf-fail:a REJECT\n")
        source.flush()
        tap.wait_until(
            lambda: read(site, f"lmdb:{path}", "try").returncode != BUSY,
            "postmap to let readers in")
        for _ in range(20):
            expect_shown(read(site, f"lmdb:{path}"), b"spf-fail:a\tOK\n",
                         "before the commit")
    writers.expect_success(process)
    expect_shown(read(site, f"lmdb:{path}"), b"spf-fail:a\tREJECT\n",
                 "after the commit")


def generation_text(generation):
    return "".join(
        f"spf-fail:{n}.example\tERROR:5.7.1:550 generation {generation}\n"
        for n in range(KEYS))


def replace_by_rename(site, path, text):
    write(path + ".new", text)
    os.rename(path + ".new", path)


def copy_over(site, path, text):
    """As cp does: truncate, then write, and no lock."""
    scratch = path + ".scratch"
    write(scratch, text)
    site.writers.makemap("hash", scratch)
    with open(scratch + ".db", "rb") as source, \
            open(path + ".db", "wb", buffering=0) as target:
        while target.write(source.read(8192)):
            pass


def rewrite_with(name):
    def rewrite(site, path, text):
        write(path, text)
        WRITERS[name](site.writers, path)
    return rewrite


TORTURES = {
    "makemap hash": ("hash", rewrite_with("makemap hash")),
    "makemap btree": ("btree", rewrite_with("makemap btree")),
    "postmap hash": ("hash", rewrite_with("postmap hash")),
    "postmap lmdb": ("lmdb", rewrite_with("postmap lmdb")),
    "postmap cdb": ("cdb", rewrite_with("postmap cdb")),
    "mv of a text": ("text", replace_by_rename),
    "cp of a hash map": ("hash", copy_over),
}


def torture(site, name):
    """
    Threads look all keys up while the map is written again and again: never
    is one missing or two generations mixed, and no generation comes back.
    """
    kind, rewrite = TORTURES[name]
    path = site.path()
    rewrite(site, path, generation_text(1))
    followers = subprocess.Popen(
        [site.reader, "follow", f"{kind}:{path}", str(KEYS), str(THREADS)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True)
    try:
        for generation in range(2, REWRITES + 2):
            rewrite(site, path, generation_text(generation))
    finally:
        output, problems = followers.communicate()
    tallies = collections.Counter()
    for line in output.splitlines():
        last, loads, busy, problem = line.split("\t")
        equal(problem, "", name)
        equal(int(last), REWRITES + 1, "the last generation")
        tallies.update(loads=int(loads), busy=int(busy))
    tap.diagnose(f"{tallies['loads']} loads, {tallies['busy']} times busy")
    equal((followers.returncode, problems), (0, ""), name)


def register_tortures():
    for name in TORTURES:
        suite.case(f"{name}, {REWRITES} times under {THREADS} readers")(
            lambda site, name=name: torture(site, name))


register_tortures()


def main():
    reason = places.fetch(*writers.NAMES)
    if reason:
        return tap.cannot_run(reason)
    with tempfile.TemporaryDirectory(prefix="mailfrom-maps.") as top:
        os.chmod(top, 0o755)
        return suite.run(Site(top))


if __name__ == "__main__":
    sys.exit(main())

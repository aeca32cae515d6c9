#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
The shape of the tree: who may include whom, what the libraries may call, how
their symbols are named, and that each header compiles alone.
"""

import glob
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
DIRECTORIES = ("access", "common", "libspf", "libspf-dns", "libspf-engine",
               "libsrs", "milter", "rewrite", "spfcheck", "spfmilter", "srsd",
               "srsmilter", "tools/spfpolicy", "tools/spfquery", "tools/srs")

DAEMONS = ("srsd", "spfmilter", "srsmilter")

# The files that may include a library's headers; nobody else does.
ONLY = {
    "openssl/": {"libsrs/key.c"},
    "ares.h": {"libspf-dns/channel.c"},
    "spf2/": {"libspf-engine/libspf2.c"},
    "event2/http.h": {"common/metrics.c"},
    "idn2.h": {"libspf/name.c"},
    "yaml.h": {"tools/spfquery/yamlfile.h", "tools/spfquery/zone.h"},
    "libmilter/": {"milter/answer.c", "milter/run.c", "spfmilter/milter.c",
                   "srsmilter/milter.c"},
    # These crash on damaged files: access/*.c read them without.
    "db.h": set(),
    "lmdb.h": set(),
    "cdb.h": set(),
}

# What each directory may include of ours, besides itself.
MAY_INCLUDE = {
    "include/mailfrom": {"mailfrom"},
    "common": {"mailfrom/text.h"},
    "libsrs": {"mailfrom/srs.h", "mailfrom/ses.h", "mailfrom/text.h",
               "common/text.h"},
    "libspf": {"mailfrom/spf.h", "mailfrom/spf_header.h", "mailfrom/text.h",
               "common/text.h"},
    "libspf-dns": {"mailfrom", "common/text.h", "common/siphash.h"},
    "libspf-engine": {"mailfrom", "common/text.h"},
    "access": {"mailfrom", "common"},
    "spfcheck": {"mailfrom", "common"},
    "rewrite": {"mailfrom", "common", "spfcheck"},
    "milter": {"mailfrom", "common"},
    "srsd": {"mailfrom", "common", "rewrite", "spfcheck"},
    "srsmilter": {"mailfrom", "common", "milter", "rewrite", "spfcheck"},
    "spfmilter": {"mailfrom", "access", "common", "milter", "rewrite",
                  "spfcheck"},
    "tools/srs": {"mailfrom", "common", "rewrite"},
    "tools/spfquery": {"mailfrom", "common"},
    "tools/spfpolicy": {"mailfrom", "access", "common"},
}

# All that the pure libraries may ask of others: memory, strings, SHA-1, IDN,
# and addresses as text.  No I/O, clock, environment, exit or abort.
MAY_CALL = {
    "libsrs.a": r"calloc|free|mem(chr|cmp|cpy|move|set)|strlen|"
                r"OPENSSL_cleanse|CRYPTO_memcmp|SHA1(_Init|_Update|_Transform)?",
    "libspf.a": r"malloc|calloc|free|mem(chr|cmp|cpy|move|set)|str(len|chr|cmp)|"
                r"inet_(ntop|pton)|idn2_(to_ascii_8z|free)",
}
# What compilers and their sanitizers add.
ADDED = (r"__(mem(cpy|move|set)|str(cpy|cat))_chk|__stack_chk_fail|"
         r"_GLOBAL_OFFSET_TABLE_|__(asan|ubsan|tsan)_.*|__isoc99_.*|memccpy")
PREFIXES = {"libsrs.a": r"(srs|ses)_\w+", "libspf.a": r"spf_\w+"}


def sources(*suffixes):
    return sorted(os.path.relpath(path, TOP)
                  for directory in ("include/mailfrom", *DIRECTORIES)
                  for suffix in suffixes
                  for path in glob.glob(f"{TOP}/{directory}/*{suffix}"))


def includes(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return re.findall(r'^#include [<"]([^>"]+)[>"]', file.read(), re.M)


def libraries_have_one_door():
    """each foreign library is included by one file"""
    for path in sources(".c", ".h"):
        for name in includes(path):
            for start, allowed in ONLY.items():
                if name.startswith(start) and path not in allowed:
                    yield f"{path} includes {name}"


def directories_know_what_they_may():
    """directories include only what is below them"""
    for path in sources(".c", ".h"):
        home = os.path.dirname(path)
        for name in includes(path):
            there = os.path.dirname(name)
            if there in (*DIRECTORIES, "mailfrom") and there != home and \
                    not {there, name} & MAY_INCLUDE[home]:
                yield f"{path} includes {name}"


def libraries_ask_for_little():
    """libsrs and the pure libspf call nothing but memory, text and SHA-1"""
    for archive, allowed in MAY_CALL.items():
        own, wanted = symbols(archive)
        for name in sorted(wanted - own):
            if not re.fullmatch(f"{allowed}|{ADDED}", name):
                yield f"{archive} calls {name}"


def libraries_keep_to_their_names():
    """public names have the library's prefix, inner ones end in _"""
    for archive, prefix in PREFIXES.items():
        for name in sorted(symbols(archive)[0]):
            if not re.fullmatch(rf"{prefix}|\w+_|__\w+|\w*\.\w+|_?_asan\w*",
                                name):
                yield f"{archive} has {name}"


def symbols(archive):
    """Names that an archive or program defines, and those that it wants."""
    lines = subprocess.run(["nm", "-g", os.path.join(BUILD, archive)],
                           check=True, capture_output=True,
                           text=True).stdout.splitlines()
    own, wanted = set(), set()
    for line in lines:
        fields = line.split()
        if len(fields) == 2 and fields[0] == "U":
            wanted.add(fields[1])
        elif len(fields) == 3:
            own.add(fields[2])
    return own, wanted


def daemons_are_without_libspf2():
    """daemons aren't linked with libspf2, which may crash"""
    for name in DAEMONS:
        for symbol in sorted(symbols(name)[1]):
            if symbol.startswith("SPF_"):
                yield f"{name} calls {symbol}"


def headers_compile_alone():
    """every header compiles alone"""
    for path in sources(".h"):
        result = subprocess.run(
            ["cc", "-std=c11", "-D_DEFAULT_SOURCE", "-Iinclude", "-I.", "-fsyntax-only",
             "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-xc", "-"],
            input=f'#include "{path}"\n', cwd=TOP, text=True,
            capture_output=True, check=False)
        if result.returncode != 0:
            yield f"{path}: {result.stderr.splitlines()[0]}"


CASES = (libraries_have_one_door, directories_know_what_they_may,
         libraries_ask_for_little, libraries_keep_to_their_names,
         daemons_are_without_libspf2, headers_compile_alone)


def main():
    failed = 0
    for number, case in enumerate(CASES, 1):
        problems = list(case())
        for problem in problems:
            print(f"# {problem}")
        failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {number} - {case.__doc__}")
    print(f"1..{len(CASES)}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

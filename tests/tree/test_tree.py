#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
The shape of the tree: who may include whom, what the libraries may call, how
their symbols are named, that each header compiles alone, that no name has two
meanings, how long files are, which files call each other, what programs hold, and
that programs of others find what `make install` has installed.

A case yields what is wrong.
"""

import ast
import collections
import glob
import os
import re
import subprocess
import sys
import tempfile

import tap
from places import BUILD, TOP

suite = tap.Suite()
case = suite.case

DIRECTORIES = ("access", "common", "libdkim", "libspf", "libspf-dns", "libspf-engine",
               "libsrs", "milter", "rewrite", "settings", "spfcheck",
               "spfmilter", "srsd", "srsmilter", "store", "tools/dkimquery",
               "tools/mailfrom", "tools/spfpolicy", "tools/spfquery",
               "tools/srs", "tools/zone")

DAEMONS = ("srsd", "spfmilter", "srsmilter")

# The files that may include a library's headers; nobody else does.
ONLY = {
    "openssl/": {"libdkim/crypto.c", "libsrs/key.c", "rewrite/secret_memory.c",
                 "store/redis_link.c"},
    "hiredis/": {"store/redis_link.c"},
    "sqlite3.h": {"store/sqlite.c", "store/sqlite_rows.c"},
    "ares.h": {"libspf-dns/system_servers.c"},
    "spf2/": {"libspf-engine/libspf2.c"},
    "event2/http.h": {"common/metrics.c"},
    "idn2.h": {"common/domain.c", "libspf/name.c"},
    "yaml.h": {"tools/zone/yamlfile.h", "tools/zone/zone.h"},
    "libmilter/": {"milter/answer.c", "milter/callbacks.c", "milter/run.c",
                   "spfmilter/milter.c", "srsmilter/milter.c"},
    # These crash on damaged files: access/*.c read them without.
    "db.h": set(),
    "lmdb.h": set(),
    "cdb.h": set(),
}

# What each directory may include of ours, besides itself.
MAY_INCLUDE = {
    "include/mailfrom": {"mailfrom"},
    "common": {"mailfrom/text.h"},
    "libsrs": {"mailfrom/srs.h", "mailfrom/rrs.h", "mailfrom/ses.h",
               "mailfrom/text.h", "common/text.h"},
    "libdkim": {"mailfrom/dkim.h", "mailfrom/text.h", "common/text.h"},
    "libspf": {"mailfrom/spf.h", "mailfrom/spf_header.h", "mailfrom/text.h",
               "common/text.h"},
    "libspf-dns": {"mailfrom", "common/text.h", "common/siphash.h"},
    "libspf-engine": {"mailfrom", "common/text.h", "common/close_from.h"},
    "access": {"mailfrom", "common"},
    "settings": {"mailfrom", "common"},
    "spfcheck": {"mailfrom", "common", "settings"},
    "store": {"mailfrom", "common", "settings"},
    "rewrite": {"mailfrom", "common", "settings", "spfcheck"},
    "milter": {"mailfrom", "common", "settings"},
    "srsd": {"mailfrom", "common", "rewrite", "settings", "spfcheck",
             "store"},
    "srsmilter": {"mailfrom", "common", "milter", "rewrite", "settings",
                  "spfcheck", "store"},
    "spfmilter": {"mailfrom", "access", "common", "milter", "rewrite",
                  "settings", "spfcheck"},
    "tools/mailfrom": {"mailfrom", "common", "rewrite", "settings", "store"},
    "tools/srs": {"mailfrom", "common", "rewrite", "settings"},
    "tools/spfquery": {"mailfrom", "common", "tools/zone"},
    "tools/dkimquery": {"mailfrom", "common", "tools/zone"},
    "tools/zone": {"mailfrom", "common"},
    "tools/spfpolicy": {"mailfrom", "access", "common", "settings"},
}

# All that the pure libraries may ask of others: memory, strings, SHA, IDN,
# and addresses as text.  No I/O, clock, environment, exit or abort.
MAY_CALL = {
    "libsrs.a": r"calloc|free|mem(chr|cmp|cpy|move|set)|strlen|"
                r"OPENSSL_cleanse|CRYPTO_(memcmp|secure_(zalloc|clear_free))|"
                r"SHA(1(_Init|_Update|_Transform)?|256(_Init|_Update|_Final)?)",
    "libdkim.a": r"malloc|calloc|realloc|free|mem(chr|cmp|cpy|move|set)|"
                 r"str(len|chr)|qsort|BN_(free|num_bits)|d2i_(PUBKEY|PublicKey)|"
                 r"ERR_(get_error|pop_to_mark|set_mark)|EVP_\w+",
    "libspf.a": r"malloc|calloc|free|mem(chr|cmp|cpy|move|set)|str(len|chr|cmp)|"
                r"inet_(ntop|pton)|idn2_(to_ascii_8z|free)",
}
# What compilers and their sanitizers add.
ADDED = (r"__(mem(cpy|move|set)|str(cpy|cat))_chk|__stack_chk_fail|"
         r"_GLOBAL_OFFSET_TABLE_|__(asan|ubsan|tsan|gcov)_.*|__isoc99_.*|memccpy")
PREFIXES = {"libsrs.a": r"(srs|rrs|ses)_\w+", "libspf.a": r"spf_\w+",
            "libdkim.a": r"dkim_\w+"}

# Where the functions of each public header are, and how its names begin.
HEADERS = {
    "text.h": ("libsrs", "mf"),
    "srs.h": ("libsrs", "srs"),
    "rrs.h": ("libsrs", "rrs"),
    "ses.h": ("libsrs", "ses"),
    "dkim.h": ("libdkim", "dkim"),
    "spf.h": ("libspf", "spf"),
    "spf_header.h": ("libspf", "spf"),
    "spf_resolver.h": ("libspf-dns", "spf"),
    "spf_engine.h": ("libspf-engine", "spf"),
}
SHARED = ("libsrs", "libspf", "libdkim")

# Calls libspf2, so whoever uses it is linked with that as well.
NEEDS_LIBSPF2 = {"spf_libspf2_evaluate"}

LINES_MAX = 500
LONGER = {"libspf-engine/libspf2.c": "all that is known of libspf2 is in one file"}

# Files of a folder that call each other, and why.
CIRCLES = {
    "libspf: eval mechanisms":
        "RFC 7208's own recursion: include and redirect check another record",
    "tools/spfquery: survey survey_term":
        "the same: an include or a redirect is surveyed as its domain is",
    "common: conf conf_list":
        "a list is a value of a file, and complains as other values do",
}

PROGRAMS = ("mailfrom", "srs", "spfquery", "spfpolicy", "dkimquery", "spf-libspf2", *DAEMONS)

# What may change the path of modules: peers' packages are on no other.
PEERS_MODULES = {"tests/lib/peer_policyd.py",
                 "tests/headers/test_headers.py", "tests/oracle/peer_pysrs.py",
                 "tests/oracle/spf_peer_pyspf.py",
                 "tests/resolver/test_suites.py"}


def sources(*suffixes):
    return sorted(os.path.relpath(path, TOP)
                  for directory in ("include/mailfrom", *DIRECTORIES)
                  for suffix in suffixes
                  for path in glob.glob(f"{TOP}/{directory}/*{suffix}"))


def includes(path):
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return re.findall(r'^#include [<"]([^>"]+)[>"]', file.read(), re.M)


@case("each foreign library is included by one file")
def libraries_have_one_door():
    for path in sources(".c", ".h"):
        for name in includes(path):
            for start, allowed in ONLY.items():
                if name.startswith(start) and path not in allowed:
                    yield f"{path} includes {name}"


@case("directories include only what is below them")
def directories_know_what_they_may():
    for path in sources(".c", ".h"):
        home = os.path.dirname(path)
        for name in includes(path):
            there = os.path.dirname(name)
            if there in (*DIRECTORIES, "mailfrom") and there != home and \
                    not {there, name} & MAY_INCLUDE[home]:
                yield f"{path} includes {name}"


@case("libsrs, libspf and libdkim call nothing but memory, text and cryptography")
def libraries_ask_for_little():
    for archive, allowed in MAY_CALL.items():
        own, wanted = symbols(archive)
        for name in sorted(wanted - own):
            if not re.fullmatch(f"{allowed}|{ADDED}", name):
                yield f"{archive} calls {name}"


@case("public names have the library's prefix, inner ones end in _")
def libraries_keep_to_their_names():
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


@case("daemons aren't linked with libspf2, which may crash")
def daemons_are_without_libspf2():
    for name in DAEMONS:
        for symbol in sorted(symbols(name)[1]):
            if symbol.startswith("SPF_"):
                yield f"{name} calls {symbol}"


@case("every header compiles alone")
def headers_compile_alone():
    for path in sources(".h"):
        result = subprocess.run(
            ["cc", "-std=c11", "-D_DEFAULT_SOURCE", "-Iinclude", "-I.", "-fsyntax-only",
             "-Wall", "-Wextra", "-Werror", "-Wno-unused-function", "-xc", "-"],
            input=f'#include "{path}"\n', cwd=TOP, text=True,
            capture_output=True, check=False)
        if result.returncode != 0:
            yield f"{path}: {result.stderr.splitlines()[0]}"


def code(path):
    """A file without its comments."""
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        return re.sub(r"/\*.*?\*/", " ", file.read(), flags=re.S)


def macros(header):
    return set(re.findall(r"^#\s*define (\w+)", code(header), re.M))


def declarations(header):
    """A header without its preprocessor lines, and (it, bodies left out)."""
    text = re.sub(r"^#(.*\\\n)*.*$", "", code(header), flags=re.M)
    outside = text
    while "{" in outside:
        outside = re.sub(r"\{[^{}]*\}", ";", outside)
    return text, outside


def functions(header):
    """Functions that a header declares; those with a body there aside."""
    text, outside = declarations(header)
    inline = set(re.findall(r"(\w+)\([^()]*\)\s*\{", text))
    typedefs = set(re.findall(r"typedef\b[^;]*?(\w+)\(", outside))
    return set(re.findall(r"(\w+)\(", outside)) - inline - typedefs


def names(header):
    """All names that a header declares."""
    text, outside = declarations(header)
    found = macros(header) | set(re.findall(r"(\w+)\(", outside))
    found |= set(re.findall(r"\b(?:struct|enum|union) (\w+)\s*[{;]", text))
    found |= set(re.findall(r"typedef\b[^;]*?(\w+)\s*[;(]", outside))
    for body in re.findall(r"\benum\b[^;{}()]*\{([^}]*)\}", text):
        found |= set(re.findall(r"(?:^|,)\s*(\w+)", body))
    return found


def headers_of(library):
    return [f"include/mailfrom/{header}"
            for header, (home, _) in HEADERS.items() if home == library]


def differences(one, first, other, second):
    """What is in one of two sets of names alone."""
    for name in sorted(first - second):
        yield f"{name} is in {one}, not in {other}"
    for name in sorted(second - first):
        yield f"{name} is in {other}, not in {one}"


def exported(library):
    lines = subprocess.run(
        ["nm", "-D", "--defined-only", os.path.join(BUILD, library)],
        check=True, capture_output=True, text=True).stdout.splitlines()
    return {line.split()[-1].split("@")[0] for line in lines
            if line.split()[-2] != "A"}


@case("headers, symbol lists and libraries have the same functions")
def libraries_export_what_headers_declare():
    for library in sorted({home for home, _ in HEADERS.values()}):
        declared = set().union(*map(functions, headers_of(library)))
        public = {name for name in symbols(f"{library}.a")[0]
                  if not re.fullmatch(r"\w+_|__\w+|\w*\.\w+|_?_asan\w*",
                                      name)}
        yield from differences("headers", declared, f"{library}.a", public)
        if library not in SHARED:
            continue
        path = f"{library}/{library}.map"
        listed = re.search(r"global:(.*?)local:", code(path), re.S).group(1)
        listed = set(re.findall(r"(\w+);", listed))
        yield from differences("headers", declared, path, listed)
        shared = exported(f"{library}.so.0")
        yield from differences(path, listed, f"{library}.so.0", shared)


@case("every name in include/mailfrom has its library's prefix")
def public_names_are_prefixed():
    for path in sorted(glob.glob(f"{TOP}/include/mailfrom/*.h")):
        header = os.path.basename(path)
        if header not in HEADERS:
            yield f"{header} belongs to no library"
            continue
        prefix = HEADERS[header][1]
        taken = f"{prefix}_|{prefix.upper()}_"
        found = names(f"include/mailfrom/{header}")
        if not found:
            yield f"{header} declares nothing"
        for name in sorted(found):
            if not re.match(f"{taken}|mf_text$|MAILFROM_{header[:-2].upper()}_H$",
                            name):
                yield f"{header} declares {name}"


@case("no extern name is defined in two archives")
def extern_names_have_one_meaning():
    homes = collections.defaultdict(set)
    for path in sorted(glob.glob(f"{BUILD}/*.a")):
        archive = os.path.basename(path)
        for name in symbols(archive)[0]:
            if not re.fullmatch(r"_\w+|\w*\.\w+", name):
                homes[name].add(archive)
    if not homes:
        yield "there are no archives"
    yield from homonyms(homes)


@case("no struct, union or enum tag is defined in two places")
def tags_have_one_meaning():
    homes = collections.defaultdict(list)
    for path in sources(".h", ".c"):
        for tag in re.findall(r"\b(?:struct|union|enum)\s+(\w+)\s*\{",
                              code(path)):
            homes[tag].append(path)
    yield from homonyms(homes)


def homonyms(homes):
    for name, where in sorted(homes.items()):
        if len(where) > 1:
            yield f"{name} is defined in {', '.join(sorted(where))}"


# --- files ------------------------------------------------------------------

@case("no file is longer than 500 lines")
def files_are_short():
    for path in sources(".c", ".h"):
        with open(os.path.join(TOP, path), encoding="utf-8") as file:
            count = len(file.readlines())
        if (count > LINES_MAX) != (path in LONGER):
            yield f"{path} has {count} lines"


@case("every .c, or its header, says first what it is")
def files_say_what_they_are():
    for path in sources(".c"):
        home, name = os.path.split(path[:-2] + ".h")
        headers = [f"{home}/{name}", f"include/mailfrom/{name}"]
        if not any(os.path.exists(os.path.join(TOP, p)) and opening(p)
                   for p in (path, *headers)):
            yield f"{path} doesn't say what it is"


def opening(path):
    """The comment that a file begins with, after that of the license."""
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        found = re.match(r"/\* SPDX[^\n]*\*/\n/\*(.*?)\*/", file.read(), re.S)
    return found and re.search(r"\w+ \w+ \w+", found.group(1))


# --- calls ------------------------------------------------------------------

@case("no files of a folder call each other in a circle")
def no_circles():
    met = set()
    for folder in DIRECTORIES:
        files = {os.path.basename(path)[:-2] for path in sources(".c")
                 if os.path.dirname(path) == folder}
        for circle in circles(calls(folder, files)):
            found = f"{folder}: {' '.join(sorted(circle))}"
            met.add(found)
            if found not in CIRCLES:
                yield f"{found} are a circle"
    yield from (f"no circle any more: {name}" for name in set(CIRCLES) - met)


def calls(folder, files):
    """{file: those of the folder whose symbols it uses}"""
    tables = {name: symbols(f"obj/{folder}/{name}.o") for name in files
              if os.path.exists(f"{BUILD}/obj/{folder}/{name}.o")}
    home = {symbol: name for name, (own, _) in tables.items() for symbol in own}
    return {name: {home[symbol] for symbol in wanted if symbol in home} - {name}
            for name, (_, wanted) in tables.items()}


def circles(graph):
    """Sets of files each of which reaches all others of its set."""
    reached = {name: reach(graph, name) for name in graph}
    found = {frozenset(other for other in reached[name]
                       if name in reached[other]) for name in graph}
    return [circle for circle in found if len(circle) > 1]


def reach(graph, start):
    seen, open_ends = set(), [start]
    while open_ends:
        for name in graph[open_ends.pop()] - seen:
            seen.add(name)
            open_ends.append(name)
    return seen


@case("no program holds a function of a daemon that it isn't")
def programs_hold_no_other_daemon():
    for daemon in DAEMONS:
        theirs = {name for name in symbols(f"{daemon}.a")[0]
                  if not re.fullmatch(r"_\w+|\w*\.\w+", name)}
        if not theirs & symbols(daemon)[0]:
            yield f"{daemon} holds nothing of {daemon}.a"
        for program in PROGRAMS:
            if program != daemon:
                for name in sorted(theirs & symbols(program)[0]):
                    yield f"{program} holds {name} of {daemon}"


# --- tests ------------------------------------------------------------------

@case("no test folder imports another, but tests/lib")
def test_folders_are_apart():
    homes = collections.defaultdict(set)
    files = sorted(glob.glob("tests/*/*.py", root_dir=TOP))
    for path in files:
        homes[os.path.basename(path)[:-3]].add(os.path.dirname(path))
    for path in files:
        with open(os.path.join(TOP, path), encoding="utf-8") as file:
            text = file.read()
        own = {os.path.dirname(path), "tests/lib"}
        for name in imported(ast.parse(text)):
            if name in homes and not homes[name] & own:
                yield f"{path} imports {', '.join(sorted(homes[name]))}/{name}"
        if (path != "tests/tree/test_tree.py" and "sys.path" in text) != \
                (path in PEERS_MODULES):
            yield f"{path}: sys.path"
    for path in sorted(glob.glob("tests/*/*.[ch]", root_dir=TOP)):
        for name in includes(path):
            home = os.path.dirname(name)
            if home.startswith("tests/") and home != os.path.dirname(path):
                yield f"{path} includes {name}"


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module


# --- what is installed ------------------------------------------------------

PREFIX = "/opt/mailfrom"


def sanitizers():
    """What programs need that are linked with archives built with them."""
    wanted = symbols("libsrs.a")[1]
    for start, flag in (("__asan_", "address,undefined"), ("__tsan_", "thread"),
                        ("__ubsan_", "undefined")):
        if any(name.startswith(start) for name in wanted):
            return [f"-fsanitize={flag}"]
    return []


def program(header, but=frozenset()):
    """One that includes header alone and needs all of its functions."""
    needed = sorted(functions(f"include/mailfrom/{header}") - but)
    pointers = ", ".join(f"(function)(void *){name}" for name in needed)
    return f"""#include <mailfrom/{header}>
typedef void (*function)(void);
int main(void)
{{
	function volatile all[] = {{{pointers or "0"}}};
	for (int i = 0; i < {len(needed)}; i++)
		if (all[i] == 0)
			return 1;
	return 0;
}}
"""


def pkg_config(root, *arguments):
    return run_or_say(
        ["pkg-config", *arguments],
        env={**os.environ, "PKG_CONFIG_SYSROOT_DIR": root,
             "PKG_CONFIG_PATH": f"{root}{PREFIX}/lib/pkgconfig"}).split()


def run_or_say(command, **how):
    result = subprocess.run(command, text=True, capture_output=True,
                            check=False, timeout=300, **how)
    if result.returncode != 0:
        lines = (result.stderr or result.stdout).strip().splitlines()
        raise RuntimeError(f"{' '.join(command)}: exit status "
                           f"{result.returncode}: {' / '.join(lines[:5])}")
    return result.stdout


def make(target, root):
    """With what is built: without its flags it would be built otherwise."""
    run_or_say(["make", "--no-print-directory", "-C", TOP, "-o", "all", target,
                f"BUILD={os.environ.get('BUILD', 'build')}",
                f"DESTDIR={root}", f"PREFIX={PREFIX}"])


def build_and_run(root, source, flags):
    """Compile, link and run; the shared libraries that it asked for."""
    path = os.path.join(root, "program")
    run_or_say([os.environ.get("CC", "cc"), "-std=c11", "-Wall", "-Wextra",
                "-Werror", "-xc", "-", "-xnone", "-o", path, *sanitizers(),
                *flags], input=source)
    run_or_say([path], env={**os.environ,
                            "LD_LIBRARY_PATH": f"{root}{PREFIX}/lib"})
    return set(re.findall(r"\(NEEDED\).*\[(.*)\]",
                          run_or_say(["readelf", "-d", path])))


def link_each_way(root, header, library):
    """With archives, and with the shared libraries that there are."""
    own = r"-l(srs|spf|dkim|spf-dns|spf-engine)$"
    static = []
    for flag in pkg_config(root, "--static", "--cflags", "--libs", library):
        static += ["-Wl,-Bstatic", flag, "-Wl,-Bdynamic"] \
            if re.match(own, flag) else [flag]
    needed = build_and_run(root, program(header), static)
    if needed & {f"{name}.so.0" for name in SHARED}:
        yield f"{header}: archives weren't linked with"
    needed = build_and_run(root, program(header, NEEDS_LIBSPF2), pkg_config(
        root, "--cflags", "--libs", library))
    if library in SHARED and functions(f"include/mailfrom/{header}") and \
            f"{library}.so.0" not in needed:
        yield f"{header}: {library}.so.0 wasn't linked with"


@case("each installed header is enough, with the flags of pkg-config")
def programs_of_others_link():
    with tempfile.TemporaryDirectory() as root:
        try:
            make("install", root)
            installed = set(os.listdir(f"{root}{PREFIX}/include/mailfrom"))
            yield from differences("HEADERS", set(HEADERS), "install",
                                   installed)
            for header, (library, _) in HEADERS.items():
                yield from link_each_way(root, header, library)
            os.unlink(os.path.join(root, "program"))
            make("uninstall", root)
        except RuntimeError as error:
            yield str(error)
            return
        for directory, _, files in os.walk(root):
            for name in files:
                yield f"uninstall leaves {os.path.join(directory, name)}"


if __name__ == "__main__":
    sys.exit(suite.run())

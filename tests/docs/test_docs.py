#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""
The manual, the README and the samples against the programs and each other.

What a page says of keys, options, words of the log, statuses and maps is
compared in both directions; examples are run; what is quoted is looked up.
BUILD names the directory of the programs (default: build).
"""

import ast
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

import deployment_table
from check_only import check_only
from places import BUILD, TOP, program
from tap import Skip, Suite

PAGES = sorted(glob.glob(os.path.join(TOP, "man", "*.[1-8]")))
PROSE = [os.path.join(TOP, name)
         for name in ("README.md", "SECURITY.md", "CHANGELOG.md",
                      "FEATURES.md", "DEPLOYMENT.md", "HACKING.md",
                      "STYLE.md", "CONTRIBUTING.md")]

suite = Suite()
case = suite.case


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as file:
        return file.read()


def run(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False,
                          **options)


def same(found, expected, what):
    """Fail and say what is in one set, list or text and not in the other."""
    if found == expected:
        return
    if isinstance(found, (set, frozenset)):
        raise AssertionError(f"{what}: only the first has "
                             f"{sorted(found - expected)}, only the second "
                             f"{sorted(expected - found)}")
    raise AssertionError(f"{what}: {found!r} instead of {expected!r}")


# --- reading mdoc -----------------------------------------------------------

def plain(line):
    """A line of literal text as mandoc prints it."""
    return (line.replace("\\&", "").replace("\\-", "-")
            .replace("\\(dq", '"').replace("\\e", "\\"))


def section(page, title):
    """The lines of the sections whose title matches."""
    lines, inside = [], False
    for line in read("man", page).splitlines():
        if line.startswith(".Sh "):
            inside = re.fullmatch(title, line[4:]) is not None
        elif inside:
            lines.append(line)
    if not lines:
        raise AssertionError(f"{page} has no section {title}")
    return lines


def literal_blocks(lines):
    blocks, block = [], None
    for line in lines:
        if line.startswith(".Bd -literal"):
            block = []
        elif line == ".Ed" and block is not None:
            blocks.append("\n".join(block) + "\n")
            block = None
        elif block is not None:
            block.append(plain(line))
    return blocks


def items(lines, macro):
    """First words of the list items that begin with macro."""
    found = []
    for line in lines:
        words = re.split(r" (?:Ta|Ns|Pq) ?| , ", line)[0].split()
        if words[:2] == [".It", macro]:
            found += [w for w in words[2:] if w != ","]
    return found


def long_options(lines):
    found = set()
    for line in lines:
        match = re.match(r"\.It Fl (.*)", line)
        for option in match.group(1).split(" , ") if match else ():
            found.add("-" + re.match(r"-[a-z-]+|[A-Za-z]\b", option).group())
    return found


# --- pages ------------------------------------------------------------------

@case
def pages_pass_mandoc_lint():
    if shutil.which("mandoc") is None:
        raise Skip("no mandoc")
    # All at once, so that they find each other.
    result = run("mandoc", "-Tlint", "-Wstyle",
                 *[os.path.basename(p) for p in PAGES],
                 cwd=os.path.join(TOP, "man"))
    same(result.stdout, "", "mandoc -Tlint")


@case
def every_program_and_library_has_a_page():
    have = {os.path.basename(p) for p in PAGES}
    need = {"mailfrom.1", "srs.1", "srsd.8", "srsmilter.8", "spfmilter.8", "spfquery.1", "spfpolicy.1", "dkimquery.1",
            "libsrs.3", "libspf.3", "libdkim.3", "mailfrom.conf.5"}
    same(need - have, set(), "pages that are missing")


@case
def pages_refer_to_pages_that_exist():
    have = {os.path.basename(p) for p in PAGES}
    for path in PAGES:
        for name, number in re.findall(r"^\.Xr (\S+) (\d)", read(path), re.M):
            if f"{name}.{number}" not in have:
                raise AssertionError(f"{path}: no page {name}({number})")


# --- keys -------------------------------------------------------------------

DAEMONS = ("srsd", "srsmilter", "spfmilter")
SECTIONS = ("srs", "srsd", "srsmilter", "spf", "spfmilter", "store", "log")


def sample():
    """What each daemon prints: all sections."""
    printed = set()
    for daemon in DAEMONS:
        result = run(program(daemon), "--print-config")
        same(result.returncode, 0, f"exit status of {daemon} --print-config")
        printed.add(result.stdout)
    same(len(printed), 1, "samples of all daemons")
    return printed.pop()


def printed_keys():
    """{(section, key): (range or None, value)} of the sample."""
    keys, name, comment = {}, None, ""
    for line in sample().splitlines():
        if line.startswith("["):
            name = line[1:-1]
        elif line.startswith("# "):
            comment = line
        elif line.startswith("#"):
            key, value = line[1:].split("=", 1)
            bounds = re.search(
                r"; (\d+ to \d+( \w+)?|\S+( \| \S+)+)$", comment)
            keys[name, key.strip()] = (bounds and bounds.group(1),
                                       value.strip())
    return keys


def documented_keys():
    """The same of mailfrom.conf(5): the first line below each key."""
    keys = {}
    for name in SECTIONS:
        lines = joined(
            section("mailfrom.conf.5", f"THE {name.upper()} SECTION"))
        for number, line in enumerate(lines):
            if not line.startswith(".It Cm "):
                continue
            key, says = line.split()[2], lines[number + 1]
            match = re.fullmatch(
                r"(Yes or no|Octal mode|Text|List|Number, ([^;]*)"
                r"|One of ([^;]*)); (?:default (.+)|no default"
                r"(?:, for example (.+))?)\.", says)
            if not match:
                raise AssertionError(f"mailfrom.conf(5): {key}: {says!r}")
            kind, bounds, words, default, example = match.groups()
            if kind == "Yes or no":
                bounds = "yes | no"
            if words:
                bounds = " | ".join(words.split(", "))
            keys[name, key] = (bounds, default or example or "")
    return keys


def joined(lines):
    """With those that a backslash continues."""
    return "\n".join(lines).replace("\\\n", "").split("\n")


@case
def keys_of_mailfrom_conf_are_those_of_the_daemons():
    printed, documented = printed_keys(), documented_keys()
    same(set(documented), set(printed), "mailfrom.conf(5)")
    for key, value in printed.items():
        same(documented[key], value, f"mailfrom.conf(5): {key}")


@case
def defaults_of_mailfrom_conf_are_accepted():
    """Every default and example may be written into a file."""
    lines, last = [], None
    for (name, key), (_, value) in documented_keys().items():
        if name != last:
            lines.append(f"[{name}]")
        last = name
        if value:
            lines.append(f"{key} = {value}")
    for daemon in DAEMONS:
        accepted("\n".join(lines) + "\n", "defaults of mailfrom.conf(5)",
                 daemon)


def accepted(text, what, daemon="srsd"):
    """-n takes text as a mailfrom.conf, with files of its own."""
    # There may be no Postfix here.
    text = re.sub("^socket_owner.*", "socket_owner = root:root", text,
                  flags=re.M)
    with tempfile.TemporaryDirectory() as directory:
        for name, content in (("secret", "correct horse battery staple\n"),
                              ("rrs-secret", "staple battery horse correct\n"),
                              ("domains", "example.com\n"),
                              ("records", "example.com v=spf1 -all\n"),
                              ("access", "spf-fail:\tOK\n")):
            path = os.path.join(directory, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(content)
            os.chmod(path, 0o600)
            text = text.replace(f"/etc/mailfrom/{name}", path)
            text = text.replace(f"hash:/etc/mail/{name}", path)
        if "secret_file" not in text:
            text += f"[srs]\nsecret_file = {directory}/secret\n"
        config = os.path.join(directory, "mailfrom.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(text)
        status, _, said = check_only(daemon, config)
    if status != 0:
        raise AssertionError(f"{what}: {said}")


@case
def configurations_in_pages_are_accepted():
    count = 0
    for path in PAGES:
        for block in literal_blocks(read(path).splitlines()):
            if re.match(r"\[(srs|srsd|log)\]", block):
                accepted(block, f"{os.path.basename(path)}:\n{block}")
                count += 1
    if count == 0:
        raise AssertionError("no configuration in any page")


# --- options ----------------------------------------------------------------

def options_agree(name, page):
    usage = run(program(name), "--help")
    same(usage.returncode, 0, f"exit status of {name} --help")
    said = set(re.findall(r"(?<![\w-])(--[a-z-]+|-[A-Za-z])\b", usage.stdout))
    lines = section(page, "DESCRIPTION")
    documented = long_options(lines)
    same(documented, said, f"{page}, {name} --help")
    for option in documented:
        result = run(program(name), option, "?", stdin=subprocess.DEVNULL)
        if re.search("unrecognized|invalid option", result.stdout):
            raise AssertionError(f"{name}: {result.stdout}")


@case
def options_of_srs_are_those_of_its_page():
    options_agree("srs", "srs.1")


@case
def options_of_srsd_are_those_of_its_page():
    options_agree("srsd", "srsd.8")


@case
def options_of_the_milters_are_those_of_their_pages():
    options_agree("srsmilter", "srsmilter.8")
    options_agree("spfmilter", "spfmilter.8")


@case
def options_of_spfquery_are_those_of_its_page():
    options_agree("spfquery", "spfquery.1")


@case
def options_of_spfpolicy_are_those_of_its_page():
    options_agree("spfpolicy", "spfpolicy.1")


@case
def options_of_dkimquery_are_those_of_its_page():
    options_agree("dkimquery", "dkimquery.1")


@case
def actions_of_spfpolicy_are_those_of_its_page():
    code = re.search(r"verb_texts\[\] = \{(.*?)\};",
                     read("access", "action.c"), re.S).group(1)
    page = re.search(r"^\.Cm (OK , .*)\nand\n\.Cm (ERROR)$",
                     read("man", "spfpolicy.1"), re.M)
    same(set(page.group(1).split(" , ")) | {page.group(2)},
         set(re.findall(r'"([A-Z]+)"', code)), "spfpolicy(1), action.c")


@case
def lines_of_spfpolicy_are_those_of_its_page():
    """The names in front of its colons."""
    source = read("tools", "spfpolicy", "answer.c") + \
        read("tools", "spfpolicy", "ask.c")
    code = set(re.findall(r'"([a-z]+): ', source))
    code |= set(re.findall(r'put_line\("([a-z]+)"', source))
    page = set(items(section("spfpolicy.1", "OUTPUT"), "Sy"))
    same(page, code - {"spfpolicy"}, "spfpolicy(1), answer.c")


@case
def version_and_summary_are_asked_for_alike():
    for name in ("mailfrom", "srs", "spfquery", "spfpolicy", "dkimquery", "srsd",
                 "srsmilter", "spfmilter"):
        version = run(program(name), "--version")
        same((version.returncode, version.stdout.split()[:2]),
             (0, [name, "(mailfrom)"]), name)
        same(run(program(name), "-V").stdout, version.stdout, name + " -V")
        summary = run(program(name), "--help")
        same((summary.returncode, summary.stdout[:7 + len(name)]),
             (0, "usage: " + name), name)
        if name != "spfquery":      # there -h is HELO, as elsewhere
            same(run(program(name), "-h").stdout, summary.stdout, name + " -h")


@case
def options_of_other_programs_are_known_to_spfquery():
    text = "\n".join(section("spfquery.1", "OTHER PROGRAMS' OPTIONS"))
    known = {"-" + o for o in re.findall(r"Fl (-?[A-Za-z-]+)", text)}
    if len(known) < 20:
        raise AssertionError("hardly any of them in spfquery(1)")
    for option in sorted(known):
        result = run(program("spfquery"), option, "?",
                     stdin=subprocess.DEVNULL)
        if re.search("unrecognized|invalid option", result.stdout):
            raise AssertionError(f"spfquery: {result.stdout}")


@case
def commands_of_srs_are_those_of_its_page():
    usage = run(program("srs"), "--help").stdout
    said = set()
    for words in re.findall(r"^(?:usage:)? *srs (\S+)", usage, re.M):
        said |= set(words.split("|"))
    lines = section("srs.1", "DESCRIPTION")
    same(set(items(lines, "Cm")), said, "srs.1, srs --help")


# --- words ------------------------------------------------------------------

@case
def reasons_of_srsd_are_those_of_its_page():
    code = dict(re.findall(r"\[POLICY_(\w+)\] = \"(\w+)\"",
                           read("rewrite", "policy.c")))
    lines = section("srsd.8", "LOG")
    page = items(lines, "Sy")
    page.remove("reason")
    same(set(page), set(code.values()), "srsd(8), policy.c")
    for word in code.values():
        if not any(word in line for line in section("srsd.8", "DECISIONS")) \
                and not any(f".It Sy {word} " in line for line in lines):
            raise AssertionError(f"srsd(8) doesn't explain {word}")


@case
def reasons_of_spfmilter_are_those_of_its_page():
    code = re.findall(r"\[DECIDED_\w+\] = \"(\w+)\"",
                      read("spfmilter", "decide.c"))
    page = items(section("spfmilter.8", "LOG"), "Sy")
    page.remove("reason")
    same(page, sorted(set(page), key=page.index), "spfmilter(8)")
    same(set(page), set(code), "spfmilter(8), decide.c")


@case
def log_keys_of_spfmilter_are_those_of_its_page():
    """Those of its list, in the example, and in the program."""
    code = set(re.findall(r"log_(?:text|word|uint)(?:_if)?\(\s*&?line,\s*\"(\w+)\"",
                          read("spfmilter", "mail_log.c")))
    lines = section("spfmilter.8", "LOG")
    page = [word for line in lines if line.startswith(".It Cm ")
            for word in line[len(".It Cm "):].split(" , ")]
    same(page, sorted(set(page), key=page.index), "spfmilter(8)")
    same(set(page), code, "spfmilter(8), mail_log.c")
    example = re.findall(r" (\w+)=", "".join(literal_blocks(lines)))
    if len(example) < 10:
        raise AssertionError("hardly any key in the example of spfmilter(8)")
    same(set(example) - code, set(), "example of spfmilter(8), mail_log.c")


@case
def outcomes_of_spfmilter_are_those_of_its_page():
    code = re.findall(r"outcome = [^;]*", "".join(
        read(path) for path in glob.glob(f"{TOP}/spfmilter/*.c")))
    text = "\n".join(section("spfmilter.8", "LOG"))
    page = re.search(r"^\.It Cm outcome\n(.*?)^\.El", text, re.S | re.M)
    same({word for line in re.findall(r"^\.Cm (.*)", page[1], re.M)
          for word in line.replace(",", "").split()},
         set(re.findall(r'"(\w+)"', "".join(code))), "spfmilter(8)")


@case
def words_of_srsmilter_are_those_of_its_page():
    """Reasons for senders, fates of recipients, keys of its line."""
    def words(path, pattern):
        return set(re.findall(pattern, read("srsmilter", path)))
    reasons = words("outgoing.c", r"\[OUTGOING_\w+\] = \"(\w+)\"")
    policy = set(re.findall(r"\[POLICY_\w+\] = \"(\w+)\"",
                            read("rewrite", "policy.c")))
    # Of recipients, and of maps that ask about each.
    policy -= {"restored", "not_srs", "foreign_domain", "bad_signature",
               "expired", "no_next_hop", "row_missing"}
    page = {word for line in joined(section("srsmilter.8", "DECISIONS"))
            if line.startswith((".Pq Sy ", ".Sy "))
            for word in line.split()[line.count(".Pq") + 1:] if word != ","}
    same(page - {"."}, reasons | policy, "srsmilter(8), outgoing.c")
    same(set(items(section("srsmilter.8", "BOUNCES"), "Sy")),
         words("recipient.c", r"\[RECIPIENT_\w+\] = \{\"(\w+)\""),
         "srsmilter(8), recipient.c")
    keys = words("mail_log.c", r"\blog_\w+\(\s*&?line,\s*\"(\w+)\"")
    page = {word for line in section("srsmilter.8", "LOG")
            if line.startswith(".It Cm ")
            for word in line[len(".It Cm "):].split(" , ")}
    same(page, keys, "srsmilter(8), mail_log.c")
    outcomes = words("session_eom.c", r"\"(\w+ed)\"")
    text = " ".join(section("srsmilter.8", "LOG"))
    for word in outcomes:
        if not re.search(rf"\.It Cm outcome .*\b{word}\b", text):
            raise AssertionError(f"srsmilter(8) has no outcome {word}")


@case
def maps_of_srsd_are_those_of_its_page():
    code = set(re.findall(r"^\s+\{MF_TEXT\(\"(\w+)\"\), MAP_\w+, \w+\},$",
                          read("srsd", "maps.c"), re.M))
    same(set(items(section("srsd.8", "MAPS"), "Cm")), code,
         "srsd(8), maps.c")


@case
def functions_of_libsrs_are_those_of_its_page():
    headers = "".join(read("include", "mailfrom", name) for name in ("srs.h", "ses.h", "rrs.h"))
    headers = re.sub(r"/\*.*?\*/", "", headers, flags=re.S)
    code = set(re.findall(r"\b((?:s[re]|rr)s_\w+)\(", headers))
    synopsis = section("libsrs.3", "SYNOPSIS")
    page = {line.split()[1] for line in synopsis
            if re.match(r"\.F[no] ", line)}
    same(page, code, "libsrs(3), headers")
    names = {line.split()[1] for line in section("libsrs.3", "NAME")
             if line.startswith(".Nm")}
    same(names, code, "NAME of libsrs(3), headers")


@case
def statuses_of_libsrs_are_those_of_its_page():
    enum = re.search(r"enum srs_status \{(.*?)\};", read("include", "mailfrom", "srs.h"),
                     re.S).group(1)
    enum = re.sub(r"/\*.*?\*/", "", enum, flags=re.S)
    same(set(items(section("libsrs.3", "RETURN VALUES"), "Dv")),
         set(re.findall(r"\bSRS_\w+", enum)), "libsrs(3), srs.h")


@case
def numbers_of_libsrs_are_those_of_its_page():
    headers = read("include", "mailfrom", "srs.h")
    page = read("man", "libsrs.3")
    for name, number in re.findall(
            r"^\.Dv (SRS_\w+)\n\.Pq (\d+)\b", page, re.M):
        if not re.search(rf"^#define {name}\s+{number}$", headers, re.M):
            raise AssertionError(f"libsrs(3): {name} isn't {number}")


SPF_HEADERS = ("spf.h", "spf_header.h", "spf_resolver.h", "spf_engine.h")


def without_comments(code):
    return re.sub(r"/\*.*?\*/", "", code, flags=re.S)


def spf_headers():
    return without_comments("".join(
        read("include", "mailfrom", header) for header in SPF_HEADERS))


@case
def functions_and_statuses_of_libdkim_are_those_of_its_page():
    header = read("include", "mailfrom", "dkim.h")
    code = set(re.findall(r"\b(dkim_\w+)\(", re.sub(r"/\*.*?\*/", "", header,
                                                    flags=re.S)))
    page = {line.split()[1].strip('"') for line in section("libdkim.3", "SYNOPSIS")
            if line.startswith((".Fn ", ".Fo "))}
    same(page, code, "libdkim(3), dkim.h")
    names = {line.split()[1] for line in section("libdkim.3", "NAME")
             if line.startswith(".Nm ")}
    same(names, code, "NAME of libdkim(3), dkim.h")
    known = set(re.findall(r"\bDKIM_\w+", header))
    same(set(re.findall(r"\bDKIM_[A-Z0-9_]+", read("man", "libdkim.3"))) - known,
         set(), "libdkim(3), dkim.h")
    for name in ("dkim_key_status", "dkim_standing", "dkim_event_kind"):
        body = re.search(rf"enum {name} \{{(.*?)\}}", header, re.S).group(1)
        same(set(re.findall(r"^\s*(DKIM_\w+)", body, re.M)) -
             set(re.findall(r"\bDKIM_\w+", read("man", "libdkim.3"))), set(),
             f"{name}, libdkim(3)")


@case
def numbers_of_libdkim_are_those_of_its_page():
    code = dict(re.findall(r"#define (DKIM_\w+)\s+(\d+)$",
                           read("include", "mailfrom", "dkim.h"), re.M))
    found = re.findall(r"\.Dv (DKIM_\w+)\n\.Pq (\d+)", read("man", "libdkim.3"))
    for name, number in found:
        same(number, code[name], f"libdkim(3), {name}")
    if len(found) < 8:
        raise AssertionError("hardly any number in libdkim(3)")


@case
def example_of_libdkim_compiles():
    compiler = os.environ.get("CC", "cc")
    if shutil.which(compiler) is None:
        raise Skip("no compiler")
    [code] = literal_blocks(section("libdkim.3", "EXAMPLES"))
    result = run(*compiling(compiler), "-fsyntax-only", "-x", "c", "-",
                 input=code)
    same(result.stdout, "", "compiling the example of libdkim(3)")


@case
def functions_of_libspf_are_those_of_its_page():
    """Each header's, below the .In of it."""
    here, page = None, {name: set() for name in SPF_HEADERS}
    for line in section("libspf.3", "SYNOPSIS"):
        words = line.split()
        if words[0] == ".In":
            here = os.path.relpath(words[1], "mailfrom")
        elif words[0] in (".Fn", ".Fo"):
            page[here].add(words[1])
    for header in SPF_HEADERS:
        code = without_comments(read("include", "mailfrom", header))
        same(page[header], set(re.findall(r"\b(spf_\w+)\(", code)),
             f"libspf(3), {header}")
    names = {line.split()[1] for line in section("libspf.3", "NAME")
             if line.startswith(".Nm")}
    same(names, set.union(*page.values()) - {"spf_resolver_callback"},
         "NAME of libspf(3), headers")


def enumerators(name):
    body = re.search(rf"enum {name} \{{(.*?)\}};", spf_headers(),
                     re.S).group(1)
    return set(re.findall(r"\bSPF_\w+", body))


@case
def statuses_of_libspf_are_those_of_its_page():
    code = set()
    for name in ("spf_status", "spf_result", "spf_resolver_status",
                 "spf_engine_status", "spf_opinion", "spf_audit_outcome"):
        code |= enumerators(name)
    code.remove("SPF_OPINIONS")
    same(set(items(section("libspf.3", "RETURN VALUES"), "Dv")), code,
         "libspf(3), headers")
    same(set(items(section("libspf.3", "DESCRIPTION"), "Dv")),
         enumerators("spf_event_kind") | enumerators("spf_cause")
         - {"SPF_CAUSE_NONE", "SPF_CAUSE_RCODE_MAX", "SPF_CAUSE_COUNT"},
         "events and causes of libspf(3), spf.h")


@case
def causes_are_those_of_the_pages():
    code = set(re.findall(r'CAUSE\(\w+, "([^"]+)"',
                          read("libspf", "cause.c")))
    code = {text for text in code if text != "NXDOMAIN"}
    page = {name for line in section("spfquery.1", "DNS FAILURES")
            if line.startswith(".It Sy ") for name in line[7:].split(" , ")}
    same(page, {text for text in code if not text.startswith("RCODE ")},
         "spfquery(1), cause.c")
    page = {line.split(" Ta ")[1] for line in section("libspf.3",
                                                      "DESCRIPTION")
            if line.startswith(".It Dv SPF_CAUSE_")}
    named = {name.lower() for name in enumerators("spf_cause")}
    same({text for text in page if text.isupper()},
         {text for text in code
          if text.isupper() and "spf_cause_" + text.lower() in named},
         "response codes of libspf(3), spf.h")
    same({text for text in page if not text.isupper()},
         {text for text in code if not text.isupper()}
         - {text for text in code if text.startswith("RCODE ")},
         "causes of libspf(3), cause.c")


@case
def names_of_libspf_exist():
    code = set(re.findall(r"\b(?:SPF_)\w+", spf_headers()))
    page = set(re.findall(r"\bSPF_[A-Z0-9_]+", read("man", "libspf.3")))
    same(page - code, set(), "libspf(3), headers")


@case
def fields_of_libspf_are_those_of_its_page():
    page = {name for line in section("libspf.3", "DESCRIPTION")
            if line.startswith(".It Fa ")
            for name in line[7:].split(" , ")}
    code = set()
    for struct in ("spf_request", "spf_verdict", "spf_resolver_params",
                   "spf_engine_params"):
        body = re.search(rf"^struct {struct} \{{(.*?)^\}};", spf_headers(),
                         re.S | re.M).group(1)
        for declaration in re.sub(r"\)\([^;]*|\[.*?\]", "", body,
                                  flags=re.S).split(";"):
            found = re.findall(r"\w+", re.sub(r"\s*,\s*", " , ",
                                              declaration))
            code |= set(found[-1 - declaration.count(","):])
    same(page, code, "libspf(3), headers")


@case
def numbers_of_libspf_are_those_of_its_page():
    headers = spf_headers()
    found = re.findall(r"^\.Dv (SPF_\w+)\n\.Pq (\d+)\b",
                       read("man", "libspf.3"), re.M)
    if len(found) < 5:
        raise AssertionError("hardly any number in libspf(3)")
    for name, number in found:
        if not re.search(rf"^#define {name}\s(?:\s|\\)*{number}\b", headers,
                         re.M):
            raise AssertionError(f"libspf(3): {name} isn't {number}")
    defaults = re.search(r"SPF_RESOLVER_PARAMS_DEFAULT.*?\}\)", headers,
                         re.S).group(0)
    page = " ".join(section("libspf.3", "DESCRIPTION"))
    for field in ("timeout_ms", "attempt_ms", "attempts"):
        number = re.search(rf"\.{field} = (\d+)", defaults).group(1)
        if not re.search(rf"\.It Fa {field} (?:(?!\.It).)*default {number} ",
                         page):
            raise AssertionError(f"libspf(3): {field} isn't {number}")


# --- examples ---------------------------------------------------------------

def shown_steps(text):
    """[(command, lines of its output)] of a session with "$ "."""
    steps = []
    for line in text.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], []))
        else:
            steps[-1][1].append(line)
    return steps


def steps_do_what_they_show(steps, files=None):
    """In one directory, which has these files."""
    script = "".join(f"{{ {command}\n}} 2>&1; s=$?; printf '\\001'; "
                     "(exit $s)\n" for command, _ in steps)
    path = BUILD + os.pathsep + os.environ["PATH"]
    with tempfile.TemporaryDirectory() as directory:
        for name, content in (files or {}).items():
            with open(os.path.join(directory, name), "w",
                      encoding="utf-8") as file:
                file.write(content)
        output = run("sh", "-c", script, cwd=directory,
                     env={**os.environ, "PATH": path, "LC_ALL": "C"}).stdout
    for (command, expected), found in zip(steps, output.split("\001")):
        same(found.splitlines(), expected, f"$ {command}")


@case
def examples_of_srs_do_what_they_show():
    steps = shown_steps("".join(literal_blocks(section("srs.1", "EXAMPLES"))))
    if len(steps) < 5:
        raise AssertionError("hardly any example in srs(1)")
    steps_do_what_they_show(steps)


@case
def examples_of_spfquery_do_what_they_show():
    steps = shown_steps(
        "".join(literal_blocks(section("spfquery.1", "EXAMPLES"))))
    if len(steps) < 5:
        raise AssertionError("hardly any example in spfquery(1)")
    command, zone = steps[0]
    same(command, "cat example.yml", "first example of spfquery(1)")
    files = {f"{name}.yml": read("tests", "spfquery", f"{name}.yml")
             for name in ("university", "shop", "six")}
    steps_do_what_they_show(steps, {"example.yml": "\n".join(zone) + "\n",
                                    **files})


@case
def examples_of_spfpolicy_do_what_they_show():
    steps = shown_steps(
        "".join(literal_blocks(section("spfpolicy.1", "EXAMPLES"))))
    if len(steps) < 5:
        raise AssertionError("hardly any example in spfpolicy(1)")
    command, access = steps[0]
    same(command, "cat access", "first example of spfpolicy(1)")
    steps_do_what_they_show(steps, {"access": "\n".join(access) + "\n"})


@case
def examples_of_the_readme_do_what_they_show():
    """Blocks "console", over the zone in the block "yaml"."""
    blocks = fences(PROSE[0])
    [zone] = [text for language, _, text in blocks if language == "yaml"]
    steps = shown_steps("".join(text for language, _, text in blocks
                                if language == "console"))
    if len(steps) < 3:
        raise AssertionError("hardly any example in README.md")
    steps_do_what_they_show(steps, {"zone.yml": zone})


@case
def example_of_libsrs_compiles():
    compiler = os.environ.get("CC", "cc")
    if shutil.which(compiler) is None:
        raise Skip("no compiler")
    [code] = literal_blocks(section("libsrs.3", "EXAMPLES"))
    result = run(*compiling(compiler), "-fsyntax-only", "-x", "c", "-",
                 input=code)
    same(result.stdout, "", "compiling the example of libsrs(3)")


def compiling(compiler):
    return (compiler, "-std=c11", "-D_DEFAULT_SOURCE", "-Wall", "-Wextra",
            "-Werror", "-I", os.path.join(TOP, "include"))


@case
def example_of_libspf_compiles_and_prints_what_it_shows():
    """With the sources of the archive, whatever that was built with."""
    compiler = os.environ.get("CC", "cc")
    if shutil.which(compiler) is None:
        raise Skip("no compiler")
    code, shown = literal_blocks(section("libspf.3", "EXAMPLES"))
    members = re.search(r"^LIBSPF\s+= ((?:.*\\\n)*.*)$", read("Makefile"),
                        re.M).group(1).replace("\\\n", " ")
    sources = [os.path.join(TOP, "libspf", name + ".c")
               for name in members.split()]
    with tempfile.TemporaryDirectory() as directory:
        example = os.path.join(directory, "example")
        with open(example + ".c", "w", encoding="utf-8") as file:
            file.write(code)
        result = run(*compiling(compiler), "-I", TOP, "-o", example,
                     example + ".c", *sources, "-lidn2")
        same(result.stdout, "", "compiling the example of libspf(3)")
        result = run(example)
    same((result.returncode, result.stdout), (0, shown),
         "the example of libspf(3)")


# --- prose ------------------------------------------------------------------

def fences(path):
    """(language, file that it is quoted from or None, text) of each block."""
    return [(language, source or None, text) for source, language, text in
            re.findall(r"(?:<!-- from (\S+) -->\n)?```(\w*)\n(.*?)^```$",
                       read(path), re.S | re.M)]


def quoted_lines(text):
    """Lines without what makes them a comment in a sample."""
    return [re.sub(r"^(#|dnl)?\s*", "", line).rstrip()
            for line in text.splitlines() if line.strip()]


@case
def quotations_are_what_the_files_say():
    for path in PROSE:
        for language, source, text in fences(path):
            if language in ("postfix", "m4") and source is None:
                raise AssertionError(f"{path}: from where is\n{text}")
            if source is None:
                continue
            rest = iter(quoted_lines(read(source)))
            for line in quoted_lines(text):
                if line not in rest:    # reads on: the order counts
                    raise AssertionError(f"{path}: {source} has no {line!r} "
                                         "there")


@case
def configurations_in_prose_are_accepted():
    for path in PROSE:
        for language, _, text in fences(path):
            if language == "ini":
                daemon = "srsmilter" if "[srsmilter]" in text else "srsd"
                accepted(text, f"{path}:\n{text}", daemon)


@case
def packages_of_the_readme_are_those_of_a_build():
    build = re.search(r'^build="(.*?)"', read("scripts", "deps"),
                      re.S | re.M).group(1).replace("\\\n", " ").split()
    page = re.search(r"Debian 12 and 13 need `(.*?)`", read("README.md"),
                     re.S | re.M).group(1).split()
    # What runs it, and what comes with gcc if nobody leaves it out.
    same(set(page) - {"make"}, set(build) - {"libc6-dev"},
         "README.md, scripts/deps")


@case
def the_version_has_one_place():
    version = re.search(r"^## ([^,]*),", read("CHANGELOG.md"), re.M).group(1)
    same(read("debian", "changelog").split("(")[1].split(")")[0], version,
         "debian/changelog, CHANGELOG.md")
    same(run("scripts/debian-changelog", cwd=TOP).stdout,
         read("debian", "changelog"), "scripts/debian-changelog and its result")
    same(run(program("srsd"), "-V").stdout.strip(), f"srsd (mailfrom) {version}",
         "srsd -V")


@case
def packages_list_the_symbols_of_libraries_and_what_a_build_needs():
    for name in "srs", "spf":
        exported = set(re.findall(r"^\t(\w+);$", read(f"lib{name}",
                                                      f"lib{name}.map"), re.M))
        listed = set(re.findall(r"^ ([a-z]\w*)@", read(
            "debian", f"lib{name}0.symbols"), re.M))
        same(listed, exported, f"debian/lib{name}0.symbols and the map")
    build = re.search(r'^build="(.*?)"', read("scripts", "deps"),
                      re.S | re.M).group(1).replace("\\\n", " ").split()
    depends = read("debian", "control").split("Build-Depends:")[1].split(
        "Rules-")[0]
    same({name for name in build if name not in depends}
         - {"gcc", "libc6-dev", "pkg-config"}, set(),
         "scripts/deps that debian/control lacks")


@case
def samples_that_are_mentioned_exist():
    samples = {os.path.relpath(path, TOP) for path in glob.glob(
        os.path.join(TOP, "etc", "**"), recursive=True)}
    # What make install has a daemon print.
    samples |= {"etc/" + name for name in
                re.findall(r"--print-config >\S*\(DATADIR\)/(\S+)", read("Makefile"))}
    mentioned = set()
    for path in PAGES + PROSE:
        text = read(path)
        found = re.findall(r"(?<![\w/.])etc/[\w./-]*\w", text)
        found += ["etc/" + name for name in
                  re.findall(r"share/mailfrom/([\w./-]*\w)", text)]
        for name in found:
            if name not in samples:
                raise AssertionError(f"{path}: there is no {name}")
        mentioned |= set(found)
    for sample in samples:
        if re.match(r"etc/(postfix|sendmail)/", sample) \
                and sample not in mentioned:
            raise AssertionError(f"nothing mentions {sample}")


def anchors(path):
    """What headings can be linked to."""
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")
            for title in re.findall(r"^#+ (.*)$", read(path), re.M)}


@case
def links_in_prose_lead_somewhere():
    for path in PROSE:
        for target in re.findall(r"\]\(([^)]+)\)", read(path)):
            if "://" in target:
                continue
            file, _, anchor = target.partition("#")
            there = os.path.join(TOP, file) if file else path
            if not os.path.exists(there):
                raise AssertionError(f"{path}: there is no {target}")
            if anchor:
                same({anchor} - anchors(there), set(), f"{path}: anchors")


@case
def features_are_shown_by_tests():
    """Each row of FEATURES.md that says Y has a test, which exists."""
    text = read("FEATURES.md")
    claims, tests = text.split("## The tests")
    claimed = set(re.findall(r"^\| ([^|]+?) \| Y(?:/Y)* \|", claims, re.M))
    shown = re.findall(r"^\| ([^|]+?) \| (tests/\S+) \| `(.*)` \|$", tests,
                       re.M)
    same({feature for feature, _, _ in shown}, claimed, "FEATURES.md")
    for feature, path, name in shown:
        if name not in re.sub(r'"\s*\n\s*"', "", read(path)):
            raise AssertionError(f"{feature}: {path} has no test {name!r}")


@case
def table_of_deployments_is_what_the_tests_expect():
    rows, notes = deployment_table.read()
    columns = ["situation", "right"] + deployment_table.COLUMNS
    expected = [columns]
    for row in rows:
        cells = [("yes" if text == row.right else text)
                 + (f" [{note}]" if note else "")
                 for text, note in map(row.cells.get, columns[2:])]
        expected.append([row.name, row.right] + cells)
    text = read("DEPLOYMENT.md")
    found = [re.split(r" ?\| ?", line)[1:-1] for line in text.splitlines()
             if line.startswith("| ") and line.count("|") == len(columns) + 1]
    for one, other in zip(found, expected):
        same(one, other, "DEPLOYMENT.md, deployments.tsv")
    same(len(found), len(expected), "rows of DEPLOYMENT.md")
    same(re.findall(r"^- \[(\w)\] (.*)$", text, re.M), list(notes.items()),
         "notes of DEPLOYMENT.md, deployments.tsv")
    used = {note for row in rows for _, note in row.cells.values() if note}
    same(used, set(notes), "notes of deployments.tsv")
    for row in rows:
        for form in deployment_table.FORMS:
            done, note = row.cells[form]
            if done != row.right and note is None:
                raise AssertionError(f"{form}, {row.name}: no note")


@case
def forms_of_setup_are_documented():
    said = run(program("mailfrom"), "setup", "nothing").stdout
    forms = set(re.search(r"is none of (.*)$", said, re.M).group(1).split())
    same(set(items(section("mailfrom.1", "SETUP"), "Cm")), forms, "mailfrom(1)")
    usage = run(program("mailfrom"), "setup", "--help").stdout
    same(set(re.search(r"^FORM: +(.*)$", usage, re.M).group(1).split()), forms,
         "mailfrom setup --help")
    table = re.findall(r"^\| `((?:postfix|sendmail)[a-z-]*)` \|",
                       read("DEPLOYMENT.md"), re.M)
    same(set(table), {form for form in forms if "spf" not in form},
         "DEPLOYMENT.md")


@case
def kinds_of_convert_are_documented():
    usage = run(program("mailfrom"), "convert", "--help").stdout
    kinds = re.search(r"detected\):\n +(.*)$", usage, re.M).group(1).split(", ")
    same(set(items(section("mailfrom.1", "CONVERSION"), "Cm")), set(kinds),
         "mailfrom(1)")


@case
def checks_of_doctor_are_documented():
    code = set(re.findall(r'^    \{"([a-z][a-z.-]+)", check_',
                          read("tools", "mailfrom", "doctor.c"), re.M))
    page = {name for line in section("mailfrom.1", "DOCTOR")
            if line.startswith(".It Cm ")
            for name in line[7:].split(" , ")}
    same(page, code, "mailfrom(1), doctor.c")


@case
def options_of_mailfrom_are_documented():
    options = set()
    for command in (), ("setup",), ("convert",), ("doctor",):
        usage = run(program("mailfrom"), *command, "--help").stdout
        # Not those of postconf, which begin no option of ours.
        options |= set(re.findall(r"(?<![\w-])(?:--[a-z][\w-]*|-[chV]\b)",
                                  usage))
    lines = section("mailfrom.1", "DESCRIPTION|SETUP|DOCTOR|CONVERSION")
    same(options, {"-" + word for line in lines
                   if line.startswith(".It Fl ")
                   for word in re.findall(r"-?[a-zA-Z][\w-]*",
                                          re.sub(r" Ar \w+", "", line[7:]))},
         "mailfrom --help, mailfrom(1)")


@case
def lines_of_the_m4_are_those_of_its_mc():
    shown = re.findall(r"^dnl\t((?:define|include)\(.*)$",
                       read("etc", "sendmail", "mailfrom-srs.m4"), re.M)
    lines = [line for line in
             read("etc", "sendmail", "mailfrom-srs.mc").splitlines()
             if re.match(r"define|include", line)]
    same(shown, lines, "mailfrom-srs.m4, mailfrom-srs.mc")


@case
def samples_have_the_default_socket_of_srsd():
    listen = printed_keys()["srsd", "listen"][1]
    for sample in ("cleanup.main.cf", "simple.main.cf"):
        port, host = listen.removeprefix("inet:").split("@")
        if f"inet:{host}:{port}:" not in read("etc", "postfix", sample):
            raise AssertionError(f"{sample} has another socket than {listen}")


@case
def make_targets_that_are_mentioned_exist():
    makefile = read("Makefile")
    for path in PROSE:
        code = "".join(text for _, _, text in fences(path))
        name = r"make ([a-z]+(?:[_.][a-z]+)*)\b"
        found = re.findall(f"^{name}", code, re.M)
        found += re.findall(f"(?:^ {{4}}|`){name}", read(path), re.M)
        for target in set(found):
            if not re.search(rf"^(?:[a-z ]+ )?{re.escape(target)}"
                             r"(?: [a-z ]+)?:", makefile, re.M):
                raise AssertionError(f"{path}: there is no make {target}")


# --- HACKING.md -------------------------------------------------------------

# What others put into a working tree.
NOT_OURS = {".git", "build", "__pycache__"}


def folders(*parents):
    """The folders in these, "" for the top; those of ours with files."""
    return {os.path.join(parent, entry.name) for parent in parents
            for entry in os.scandir(os.path.join(TOP, parent))
            if entry.is_dir() and entry.name not in NOT_OURS
            and any(files for _, _, files in os.walk(entry.path))}


def hacking_rows():
    """[(folders, other cells)] of the tables that name folders."""
    rows = []
    for line in read("HACKING.md").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if cells and re.match(r"`[\w./-]+/`", cells[0]):
            rows.append((re.findall(r"`([\w./-]+)/`", cells[0]), cells[1:]))
    return rows


@case
def folders_are_those_of_hacking():
    names = [name for names, _ in hacking_rows() for name in names]
    same(sorted(names), sorted(set(names)), "HACKING.md")
    tree = folders("") - {"include", "tools"} | folders(
        "include", "tools", "tests")
    same(set(names), tree, "HACKING.md, folders")


@case
def arrows_of_hacking_are_those_of_the_tree():
    """What each folder may include, here and where that is enforced."""
    source = read("tests", "tree", "test_tree.py")
    text = re.search(r"^MAY_INCLUDE = (\{.*?^\})", source, re.S | re.M)
    enforced = {}
    for folder, others in ast.literal_eval(text.group(1)).items():
        below = {os.path.dirname(name) if name.endswith(".h") else name
                 for name in others}
        enforced[folder] = below - {"mailfrom"}
    shown = {names[0]: set(cells[1].split(", ")) - {""}
             for names, cells in hacking_rows() if len(cells) == 2}
    for folder, below in enforced.items():
        same(shown.get(folder), below, f"HACKING.md, test_tree.py: {folder}")


@case
def files_that_guides_name_exist():
    top = "|".join(sorted(folders("") & {row[0][0].split("/")[0]
                                         for row in hacking_rows()}))
    for guide in ("HACKING.md", "STYLE.md", "CONTRIBUTING.md"):
        found = re.findall(rf"(?<![\w/.])((?:{top})/[\w./-]*\w\.\w+)",
                           read(guide))
        if guide == "HACKING.md" and len(found) < 10:
            raise AssertionError("HACKING.md names hardly any file")
        for name in found:
            if "NAME" not in name and not os.path.exists(
                    os.path.join(TOP, name)):
                raise AssertionError(f"{guide}: there is no {name}")


@case
def make_help_lists_every_target():
    phony = re.search(r"^\.PHONY: ((?:.*\\\n)*.*)$", read("Makefile"),
                      re.M).group(1)
    targets = set(phony.replace("\\\n", " ").split())
    # What make alone does, this list, and a step of others.
    targets -= {"all", "help", "tests"}
    listed = re.findall(r"^ +(\S+)", run("make", "-C", TOP, "-s", "help").stdout,
                        re.M)
    same(set(listed), targets, "make help, .PHONY")


if __name__ == "__main__":
    sys.exit(suite.run())

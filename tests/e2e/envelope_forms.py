"""
Arguments of MAIL and RCPT from a grammar: what clients could write so that one
reader sees another mailbox in it than the next one.

Small pieces, ways to change one, and ways to join two; applied to each other, at
each position.  A random.Random picks, so that a seed gives the same forms again.
"""

import itertools

# A stranger's own domain, a victim's, and the mail server's.
MINE, THEIRS, OURS = "pass.test", "fail.test", "fwd.test"


def pieces(mine, theirs):
    """Mailboxes and what resembles them; mine and theirs: two addresses."""
    _, at = mine.split("@")
    local, victim = theirs.split("@")
    return [
        "", mine, theirs, "a", '""', '"a b"', f"@{at}", "a@", "@", "<>", "()",
        "postmaster", "a@localhost", f"c@{OURS}", "a@[127.0.0.1]",
        f"a@[{victim}]", "a@#1", f"{local}%{victim}", f"{victim}!{local}",
        f"{local}%{victim}@{at}", f"{victim}!{local}@{at}",
        f"{local}%{victim}@{OURS}", f"{victim}!{local}@{OURS}",
        f'"{theirs}"@{at}', f'"{theirs}"@{OURS}', f"{theirs}@{at}",
        f"{theirs}@{OURS}", f"@{at}:{theirs}", f"@{at},@{OURS}:{theirs}",
        f"x:{theirs};", f"x:{mine},{theirs};", f'"{local}"@{victim}',
        f'"{local[0]}"{local[1:]}@{victim}', f"{local}@{victim}..",
        f"{local}@.{victim}", f"\\{theirs}", f"b\xfc@{victim}",
        f"b\xfc@b\xfccher.{victim}", "a@fa\u0131l.test", "a@pa\u017fs.test",
        "\u212a@\u212a.test", "\u017frs0@fwd.te\u017ft", "a@stra\xdfe.test",
        f"a@{victim}\u3002", f"a\uff20{victim}", "a\x01@b", "a\x7f@b",
    ]


# A form changed as a whole, and at each "@", dot or letter of it.
CHANGES = [
    "<{}>", "<{}", "{}>", "<<{}>>", "<{}>>", "< {} >", "<>{}", "{}<>", "<{}><>",
    "<><{}>", "<<>{}>", "<{}<>>", "({})", "({}", "{})", '"{}"', '"{}', '{}"',
    "[{}]", " {}", "{} ", "{}\t", "\t{}", "\\{}", "{}\\", "{};", "x:{};", "{},",
    ",{}", "{}.", ".{}", "{}@", "@{}", f"{{}}%{THEIRS}", f"{THEIRS}!{{}}",
    f"@{MINE}:{{}}", f"@{MINE},{{}}", f"{{}}@{OURS}", f"{{}}%{OURS}@{MINE}",
    "{}(x)", "(x){}", "(<a@b>){}", "{}(<a@b>)", "x {}", '"x" {}', "{} x", "{}:",
    ":{}", "/{}", "={}", "{}\x0b", "{}\xff", "\xff{}", "{}\xa0", "\xa0{}",
    "{} SIZE=1", "{}SIZE=1", "{} BODY=8BITMIME", "{} AUTH=<>", "{}\x00",
]
REPLACED = [
    ("@", "\\@"), ("@", " @ "), ("@", "(x)@"), ("@", "@(x)"), ("@", '"@"'),
    ("@", "@@"), ("@", "%"), ("@", "\uff20"), ("@", "<>@"), ("@", "@<"),
    (".", "\\."), (".", "(x)."), (".", " . "), (".", ".."), (".", "\u3002"),
    (".", '"."'), (".", "(x)"), ("s", "\u017f"), ("l", "L"), ("t", "\\t"),
    ("k", "\u212a"), ("i", "\u0131"), ("te", "te\xad"), ("fa", "fa\t"),
    ("ss", "\xdf"), ("test", '"test"'), ("test", "TEST"), ("test", "[test]"),
    ("ail", "\ufb01"), ("(", "(("), (">", "\\>"), ("<", '"<"'), ('"', '\\"'),
    ('"', ""), ('"', '"" "'), (":", "::"), (",", ",,"), ("%", "%%"), ("!", "!!"),
]
JOINTS = ["", " ", ",", "\t", "<", ">", "><", "> <", ":", ";", "@", "%", "!",
          ".", "(", ")", '"', "\\"]


def change(rng, form):
    if rng.random() < 0.6:
        return rng.choice(CHANGES).replace("{}", form)
    old, new = rng.choice(REPLACED)
    places = [i for i in range(len(form)) if form.startswith(old, i)]
    if not places:
        return form.swapcase()
    at = rng.choice(places)
    return form[:at] + new + form[at + len(old):]


def combine(rng, form, other):
    if rng.random() < 0.5:
        return form + rng.choice(JOINTS) + other
    at = rng.randrange(len(form) + 1)
    return form[:at] + other + form[at:]


def random_form(rng, known):
    form = rng.choice(known)
    for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 4))):
        form = change(rng, form)
    if rng.random() < 0.4:
        other = change(rng, rng.choice(known))
        form = combine(rng, form, other)
    if rng.random() < 0.6:
        form = f"<{form}>"
    return form


def systematic(known):
    """Each change of each piece, in angle brackets and around them."""
    for form, pattern in itertools.product(known, CHANGES):
        yield f"<{pattern.replace('{}', form)}>"
        yield pattern.replace("{}", f"<{form}>")
    for form, (old, new) in itertools.product(known, REPLACED):
        if old in form:
            yield f"<{form.replace(old, new)}>"
            yield f"<{form}>".replace(old, new, 1)


def forms(rng, count, mine, theirs):
    """count different ones: half of them systematic, as far as there are so many."""
    known = pieces(mine, theirs)
    every = list(dict.fromkeys(systematic(known)))
    chosen = dict.fromkeys(rng.sample(every, min(count // 2, len(every))))
    while len(chosen) < count:
        chosen[random_form(rng, known)] = None
    return [form for form in chosen if "\n" not in form and "\r" not in form]


def octets(form):
    """As a client sends it; what is no text stands for an octet of its own."""
    return b"".join(c.encode("latin-1") if c in "\xff\xa0" else
                    c.encode("utf-8") for c in form)

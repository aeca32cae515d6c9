# SPDX-License-Identifier: ISC
"""
What SRS has changed at a site beside the senders of what is forwarded: the dozen
messages of bed.py without it and with it.
"""

RIGHT, SLIGHT, REFUSED, BROKEN = ("right", "slightly other", "refused with cure",
                                  "broken")
# Whose senders have to be rewritten when they leave.
FORWARDED = ["virtual", "aliases", "both"]
# Compared with what happens to a bounce to the original sender.
SAME = {"folded": "bounce"}
# What must not differ, else mail goes the wrong way; and what may matter less.
GRAVE = ["at", "client", "tls", "login"]
LIGHT = ["helo", "mail_args", "rcpt_args", "fields", "body"]


def differences(bed, before, after):
    """[(is it grave, what)] of two results of Bed.observe()."""
    found = []
    (plain, _, _), (srs, rested, _) = before, after
    for name, sent in srs.items():
        found += [(grave, f"{name}: {text}") for grave, text in
                  of_message(bed, name, plain.get(SAME.get(name, name)), sent)]
    # What is left in the queue after a dozen that arrived is something else.
    if not rested and before[1]:
        found.append((True, "queue: something stays there"))
    return found


def of_message(bed, name, plain, sent):
    if name == "forged":
        if not sent.reply[-1].startswith("550") or len(sent.reply) != 2:
            yield True, f"taken: {sent.reply[-1]}"
        return
    if codes(plain.reply) != codes(sent.reply):
        yield True, f"reply {sent.reply[-1]}, not {plain.reply[-1]}"
        return
    expected, got = by_recipient(plain), by_recipient(sent)
    for recipient in sorted({*expected, *got}):
        yield from of_recipient(bed, name, recipient,
                                expected.get(recipient, []),
                                got.get(recipient, []))


def codes(replies):
    return [text[:3] for text in replies]


def by_recipient(sent):
    found = {}
    for delivery in sent.deliveries:
        found.setdefault(delivery["recipient"], []).append(delivery)
    return found


def of_recipient(bed, name, recipient, expected, got):
    if len(expected) != len(got):
        what = "lost" if not got else "bounced" if not expected else \
            f"{len(got)} copies, not {len(expected)}"
        at = " ".join(sorted({d["at"] for d in got or expected}))
        yield True, f"{what}: {recipient} at {at}"
        return
    for old, new in zip(expected, got):
        yield from of_sender(bed, name, old, new)
        for key in GRAVE + LIGHT:
            # The client of the plain bounce was another one; and a report
            # has its message in it.
            if key in ("fields", "body", "mail_args", "rcpt_args") and \
                    name in ("bounce", "folded", "rejected"):
                continue
            if old.get(key) != new.get(key):
                yield key in GRAVE, \
                    f"{key} of {recipient}: {shown(old, new, key)}"


def of_sender(bed, name, old, new):
    remote = old["at"] not in ("mailbox", "lmtp")
    if (name in FORWARDED or "@" in name) and remote:
        try:
            bed.srs.expect_srs0(new["sender"], old["sender"])
        except AssertionError as error:
            unrewritten = new["sender"] == old["sender"]
            yield True, f"sender to {new['recipient']}: " + (
                "unrewritten" if unrewritten else str(error))
    elif new["sender"] != old["sender"]:
        yield True, f"sender to {new['recipient']}: {new['sender']!r}, " \
            f"not {old['sender']!r}"


def shown(old, new, key):
    before, after = old.get(key), new.get(key)
    if isinstance(before, list) and isinstance(after, list):
        return f"{minus(after, before)} for {minus(before, after)}"
    return f"{after!r} for {before!r}"


def minus(some, others):
    rest = list(some)
    for item in others:
        if item in rest:
            rest.remove(item)
    return rest


def kind(found):
    if any(grave for grave, _ in found):
        return BROKEN
    return SLIGHT if found else RIGHT



# SPDX-License-Identifier: ISC
"""
What SRS has changed at a site beside the senders of what is forwarded: the dozen
messages of around.py without it and with it.
"""

RIGHT, SLIGHT, REFUSED, BROKEN = ("right", "slightly other", "refused with cure",
                                  "broken")
# Messages whose senders have to be rewritten when they leave, and with "@" those of
# one more recipient.
FORWARDED = ["virtual", "aliases", "both", "@"]
# Domains whose mail stays with us, and keeps its sender: one of them is relayed.
RELAYED = "@relayed.test"
OUR_HOSTS = ("@fwd.test", "@alias.test", "@box.test", RELAYED)
# Compared with what happens to a bounce to the original sender.
SAME = {"folded": "bounce"}
# What must not differ, else mail goes the wrong way; and what may matter less.
GRAVE = ["at", "client", "tls", "login"]
LIGHT = ["helo", "mail_args", "rcpt_args", "fields", "body"]
# The client of the plain bounce was another one; a report has its message in it.
ENVELOPE_ALONE = ["bounce", "folded", "rejected"]


class Comparison:
    """
    forwarded: as FORWARDED; always: names of those that are rewritten even for the
    site's own domains; here: names of messages of which the copies for mailboxes
    have SRS senders too; skipped: names of those that aren't compared.
    """

    def __init__(self, bed, forwarded=tuple(FORWARDED), always=(), here=(),
                 skipped=()):
        self.bed, self.forwarded, self.always = bed, forwarded, always
        self.here, self.skipped = here, skipped

    def differences(self, before, after):
        """[(is it grave, what)] of two results of observe()."""
        found = []
        (plain, plain_rested, _), (srs, rested, _) = before, after
        for name, sent in srs.items():
            if name not in self.skipped:
                found += [(grave, f"{name}: {text}") for grave, text in
                          self.of_message(name, plain.get(SAME.get(name, name)),
                                          sent)]
        if plain_rested and not rested:
            found.append((True, "queue: something stays there"))
        return found

    def of_message(self, name, plain, sent):
        if name == "forged":
            rejected = len(sent.reply) == 2 and sent.reply[-1][0] in "45"
            if not rejected or not sent.reply[-1].startswith("550"):
                yield not rejected, f"reply: {sent.reply[-1]}"
            return
        if codes(plain.reply) != codes(sent.reply):
            yield True, f"reply: {sent.reply[-1]}, not {plain.reply[-1]}"
            return
        expected, got = by_recipient(plain), by_recipient(sent)
        for recipient in sorted({*expected, *got}):
            yield from self.of_recipient(name, recipient,
                                         expected.get(recipient, []),
                                         got.get(recipient, []))

    def of_recipient(self, name, recipient, expected, got):
        if len(expected) != len(got):
            what = "lost" if not got else "bounced" if not expected else \
                f"{len(got)} copies, not {len(expected)}"
            at = " ".join(sorted({d["at"] for d in got or expected}))
            yield True, f"{what}: {recipient} at {at}"
            return
        for old, new in zip(expected, got):
            yield from self.of_sender(name, old, new)
            for key in GRAVE + LIGHT:
                if key in LIGHT and name in ENVELOPE_ALONE:
                    continue
                if old.get(key) != new.get(key):
                    yield key in GRAVE, \
                        f"{key} of {recipient}: {shown(old, new, key)}"

    def is_forwarded(self, name, delivery):
        if delivery["at"] in ("mailbox", "lmtp"):
            return name in self.here
        # Mail for the site itself may have its mailboxes on another host.
        if delivery["recipient"].endswith(OUR_HOSTS):
            return name in self.always
        return name in self.forwarded or name in self.always or \
            "@" in name and "@" in self.forwarded

    def of_sender(self, name, old, new):
        if old["sender"] and self.is_forwarded(name, new):
            try:
                self.bed.srs.expect_srs0(new["sender"], old["sender"])
            except AssertionError as error:
                yield True, f"sender to {new['recipient']}: " + (
                    "unrewritten" if new["sender"] == old["sender"]
                    else str(error))
        elif new["sender"] != old["sender"]:
            relayed = new["recipient"].endswith(RELAYED)
            yield not relayed, f"sender to {new['recipient']}: " \
                f"{new['sender']!r}, not {old['sender']!r}"


def codes(replies):
    return [text[:3] for text in replies]


def by_recipient(sent):
    found = {}
    for delivery in sent.deliveries:
        found.setdefault(delivery["recipient"], []).append(delivery)
    return found


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

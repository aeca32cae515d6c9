# SPDX-License-Identifier: ISC
"""
How MTAs speak the milter protocol: what they offer, and what else they do
differently.  Read in sendmail 8.17.1 (milter.c, headers.c) and Postfix 3.7.11
(milter8.c, cleanup_milter.c), and seen with both; their manuals tell little.
"""

import dataclasses

from milter_wire import ALL_ACTIONS, ALL_STEPS, STAGES, STEPS_V4, Action, Step


@dataclasses.dataclass(frozen=True)
class Sendmail:
    """What it offers; dataclasses.replace() makes other versions."""
    version: int = 6
    actions: Action = ALL_ACTIONS
    steps: Step = ALL_STEPS
    macros: dict = dataclasses.field(default_factory=dict)  # stage: names

    # The queue id is there at MAIL.
    early_queue_id = True
    # The macro "f": the sender of the envelope.
    has_f = True
    # "IPv6:" stands before such addresses.
    tags_ipv6 = True
    # Macros go before the steps that have a list, and only if it names some.
    repeats_macros = False
    # SKIP is for body chunks.
    skips_any_step = False
    # ABORT is for messages that don't come to their end, and then only if
    # MAIL was answered: not for a filter that doesn't reply to MAIL.
    always_aborts = False
    # Deleted fields stay in the list where it counts, so deletions in
    # ascending order hit what was meant.
    counts_deleted = True
    # A field that is added goes before the first of its name.
    adds_before_same = True

    def stage_macros(self, stage, lists):
        """
        Names of the macros for a stage; lists are those of SETSYMLIST.  It
        asks the flag of EOH's list whether there is one for EOM: that is only
        heeded if there is one for EOH too, and then used even if there is none.
        """
        if stage == "eom" and "eoh" in lists:
            return lists.get("eom", [])
        if stage == "eom":
            return self.macros.get("eom", [])
        return lists.get(stage, self.macros.get(stage, []))

    def change_arguments(self, old, new):
        """Arguments of MAIL after CHGFROM with some: "" wipes them."""
        del old
        return new


class Postfix(Sendmail):
    # It comes with the first recipient that is accepted.
    early_queue_id = False
    has_f = False
    tags_ipv6 = False
    # The macros of EOH and EOM go before each field and chunk too, and a
    # packet of macros may have none.
    repeats_macros = True
    skips_any_step = True
    # After each message.
    always_aborts = True
    # The next of that name moves up, so deletions must be in descending order.
    counts_deleted = False
    # At the end.
    adds_before_same = False

    def stage_macros(self, stage, lists):
        """An empty list is as good as none."""
        return lists.get(stage) or self.macros.get(stage, [])

    def change_arguments(self, old, new):
        """It knows RET and ENVID only."""
        changed = {word.upper().partition("=")[0]: word for word in new
                   if word.upper().startswith(("RET=", "ENVID="))}
        return [word for word in old
                if word.upper().partition("=")[0] not in changed
                ] + list(changed.values())


def lists(*texts):
    return {stage: words.split() for stage, words in zip(STAGES, texts)}


HELO_MACROS = ("{tls_version} {cipher} {cipher_bits} {cert_subject} "
               "{cert_issuer}")
SENDMAIL = Sendmail(macros=lists(
    "j _ {daemon_name} {if_name} {if_addr}", HELO_MACROS,
    "i {auth_type} {auth_authen} {auth_ssf} {auth_author} {mail_mailer} "
    "{mail_host} {mail_addr}",
    "{rcpt_mailer} {rcpt_host} {rcpt_addr}", "", "{msg_id}", ""))
POSTFIX = Postfix(macros=lists(
    "j {daemon_name} {daemon_addr} v _", HELO_MACROS,
    "i {auth_type} {auth_authen} {auth_author} {mail_addr} {mail_host} "
    "{mail_mailer}",
    "i {rcpt_addr} {rcpt_host} {rcpt_mailer}", "i", "i", "i"))

# sendmail 8.13: every step has a reply, no CHGFROM, no lists of macros.
OLD = dataclasses.replace(SENDMAIL, version=4, actions=Action(0x3f),
                          steps=STEPS_V4)

/* SPDX-License-Identifier: ISC */
/*
 * What spfpolicy prints: the action, the key that decided and where, and what
 * happens to the message.
 */
#ifndef MAILFROM_TOOLS_SPFPOLICY_ANSWER_H
#define MAILFROM_TOOLS_SPFPOLICY_ANSWER_H

#include "access/access.h"
#include "tools/spfpolicy/spfpolicy.h"

void answer_print(const struct spfpolicy_options *options,
    const struct access *access, const struct lookup_answer *answer);

/* A recipient that is exempt, or not, by entry; NULL: no entry. */
void answer_print_exempt(
    const struct access *access, const struct access_entry *entry);
void answer_print_no_exemption(
    const struct access *access, const struct access_entry *entry);

/* A key that was looked up, for struct lookup_trace. */
void answer_print_key(
    void *arg, struct mf_text key, const struct access_entry *entry);

/* What dkim-pass says of a domain. */
void answer_print_dkim(
    const struct access *access, enum lookup_dkim how, struct lookup_answer *a);

#endif

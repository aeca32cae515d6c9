/* SPDX-License-Identifier: ISC */
/*
 * What srsmilter asks the store, and waits for: rows of aliases, and counts of
 * used signatures over all hosts.  Without a store (NULL) there are none.
 */
#ifndef MAILFROM_SRSMILTER_ROWS_H
#define MAILFROM_SRSMILTER_ROWS_H

#include "srsmilter/recipient.h"
#include "store/store.h"

/* Read a row; out->value points into value. */
void rows_get(struct store *store, const struct policy_row *row,
    uint64_t now_sec, char value[static STORE_VALUE_MAX],
    struct recipient_row *out);

/* Whether the row is committed. */
bool rows_put(struct store *store, const struct policy_row *row,
    struct mf_text sender, uint64_t now_sec);

/*
 * As replay_used_up() and replay_use().  A store that doesn't answer refuses
 * nobody: a bounce too many is better than a genuine one lost.
 */
bool rows_used_up(struct store *store, const struct policy_signature *signature,
    unsigned limit, uint64_t now_sec);
bool rows_use(struct store *store, const struct policy_signature *signature,
    unsigned limit, uint64_t now_sec);

#endif

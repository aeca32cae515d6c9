/* SPDX-License-Identifier: ISC */
/*
 * What becomes of postsrsd 2.x's database of senders.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_CONVERT_DATABASE_H
#define MAILFROM_TOOLS_MAILFROM_CONVERT_DATABASE_H

#include "tools/mailfrom/convert.h"

/* As struct convert_rule has them. */
void convert_original_envelope(struct conversion *c,
    const struct convert_rule *rule, const struct convert_entry *entry);
void convert_envelope_database(struct conversion *c,
    const struct convert_rule *rule, const struct convert_entry *entry);

#endif

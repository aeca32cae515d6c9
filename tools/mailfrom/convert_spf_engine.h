/* SPDX-License-Identifier: ISC */
/*
 * The keys of spf-engine that say what is rejected, and with which reply.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_CONVERT_SPF_ENGINE_H
#define MAILFROM_TOOLS_MAILFROM_CONVERT_SPF_ENGINE_H

#include "tools/mailfrom/convert_policy.h"

/* Rules' apply: each says what becomes of its key. */
void convert_engine_reject(struct conversion *c,
    const struct convert_rule *rule, const struct convert_entry *entry);
void convert_engine_switch(struct conversion *c,
    const struct convert_rule *rule, const struct convert_entry *entry);
void convert_engine_no_mail(struct conversion *c,
    const struct convert_rule *rule, const struct convert_entry *entry);
void convert_engine_reason(struct conversion *c,
    const struct convert_rule *rule, const struct convert_entry *entry);

/* The access file that all of them make, and its place in mailfrom.conf. */
void convert_engine_policy(struct conversion *c);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Which domains' addresses are reversed.
 */
#ifndef MAILFROM_REWRITE_SRS_DOMAINS_H
#define MAILFROM_REWRITE_SRS_DOMAINS_H

#include "common/lists.h"
#include "settings/srs.h"

/*
 * Whether an address in a domain that isn't named is reversed too, if its
 * signature is ours: srs_domains has an item "*".
 */
bool rewrite_reverses_any_domain(const struct rewrite_settings *settings);

/*
 * The domains that are named, whose addresses must carry our signatures:
 * srs_domains, or without them every domain that is written.  In a pysrs.cfg
 * (is_legacy), and where "*" is one of them, both count.
 * False: out of memory; list_free() is due.
 */
bool rewrite_srs_domains(
    const struct rewrite_settings *settings, bool is_legacy, struct list *out);

#endif

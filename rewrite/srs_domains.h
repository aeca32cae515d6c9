/* SPDX-License-Identifier: ISC */
/*
 * Which domains' addresses are reversed.
 */
#ifndef MAILFROM_REWRITE_SRS_DOMAINS_H
#define MAILFROM_REWRITE_SRS_DOMAINS_H

#include "common/lists.h"
#include "settings/srs.h"

/*
 * The domains whose addresses carry our signatures: srs_domains, or without
 * them every domain that is written.  In a pysrs.cfg (is_legacy) both count.
 * False: out of memory; list_free() is due.
 */
bool rewrite_srs_domains(
    const struct rewrite_settings *settings, bool is_legacy, struct list *out);

#endif

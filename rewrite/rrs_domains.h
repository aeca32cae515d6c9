/* SPDX-License-Identifier: ISC */
/*
 * Which recipients are RRS addresses of ours, by their looks: both filters ask
 * this.  What spfmilter leaves to srsmilter has to be what srsmilter judges, or
 * it would be a way past both.
 */
#ifndef MAILFROM_REWRITE_RRS_DOMAINS_H
#define MAILFROM_REWRITE_RRS_DOMAINS_H

#include "common/lists.h"
#include "settings/srs.h"

/*
 * The domains whose RRS addresses are ours: rrs_domains, or without them
 * own_domains and local_domains, which is that of [srsmilter]; empty: all are.
 * False: out of memory; list_free() is due.
 */
bool rewrite_rrs_domains(const struct rewrite_settings *settings,
    const struct conf_list *local_domains, struct list *out);

/*
 * Whether recipient, a mailbox without angle brackets, begins as an RRS address
 * does, in quotes or without, and is in one of the domains; or has no domain,
 * so that the MTA puts one of its own behind it.
 */
bool rrs_domains_concern(const struct list *domains, struct mf_text recipient);

#endif

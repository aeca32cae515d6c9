/* SPDX-License-Identifier: ISC */
/*
 * RRS addresses as [srs] describes them: keys, domains, what was revoked.  Read
 * only once made.
 */
#ifndef MAILFROM_REWRITE_RRS_RULES_H
#define MAILFROM_REWRITE_RRS_RULES_H

#include "rewrite/rewriter.h"
#include "rewrite/rrs_domains.h"
#include <mailfrom/rrs.h>

struct rrs_rules {
	struct rrs_ctx *ctx;
	struct list domains; /* rrs_domains.h */
	struct list revoked; /* hashes */
	/* Of the secrets, in their order. */
	char fingerprints[SRS_KEYS_MAX][SECRET_FINGERPRINT_SIZE];
	size_t secret_count;
};

/* Whether a file asks for RRS, before anything of it is read. */
bool rrs_rules_are_wanted(const struct ini *ini);

/*
 * Make what the settings ask for; *out is NULL if they ask for none, and the
 * caller's, for rrs_rules_free(), otherwise.  local_domains: of [srsmilter].  conf must outlive it.  False, and
 * errors reported: no memory, or secrets as rewriter_new() refuses them.
 */
bool rrs_rules_new(const struct rewrite_settings *settings,
    const struct conf_list *local_domains, const struct conf *conf,
    const char *file, struct rrs_rules **out, struct report *report);
void rrs_rules_free(struct rrs_rules *rules); /* NULL is fine */

enum rrs_verdict {
	RRS_VALID,
	RRS_FORGED, /* or broken, or of a secret that is gone */
	RRS_REVOKED
};

/*
 * Judge an address that concerns us (rrs_domains_concern()).  user: "" unless
 * RRS_VALID.  *forwarder: a view of address; empty unless it could be read.
 */
enum rrs_verdict rrs_rules_judge(const struct rrs_rules *rules,
    struct mf_text address, struct srs_addr *user, struct mf_text *forwarder);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Settings made ready for deciding: keys prepared, lists sorted.
 *
 * A rewriter is read only once it is made, so that any number of threads may
 * use it; a reload makes another one.
 */
#ifndef MAILFROM_REWRITE_REWRITER_H
#define MAILFROM_REWRITE_REWRITER_H

#include "common/lists.h"
#include "rewrite/secrets.h"
#include "settings/srs.h"
#include "settings/store.h"
#include <mailfrom/ses.h>

/* An SRS domain for what is forwarded by one domain. */
struct rewriter_domain {
	struct mf_text forwarding;
	struct mf_text srs;
};

struct rewriter {
	struct srs_ctx *srs;
	struct ses_ctx *ses;
	/* Verifies what a pysrs milter with other defaults signed; or NULL. */
	struct ses_ctx *ses_legacy;
	struct mf_text fwdomain; /* empty: nothing is forwarded */
	struct rewriter_domain *domains;
	size_t domain_count;
	struct list own_domains;
	struct list srs_domains; /* that are named */
	bool any_srs_domain;     /* others too, where a signature is ours */
	struct list ses_domains;
	struct list sign_domains;
	struct list exclude_recipients;
	struct list exclude_senders;
	struct list include_senders;
	struct list forward_domains;
	bool always_rewrite;
	bool stores_long, stores_all; /* rewrites by way of the store */
	bool defers_unstored;         /* else the sender stays */
	unsigned row_days;            /* that a row is needed, and today */
	uint8_t ses_server;
	/* Of the secrets, in their order; the first signs. */
	char fingerprints[SRS_KEYS_MAX][SECRET_FINGERPRINT_SIZE];
	size_t secret_count;
};

#define REWRITER_SECRETS_SIZE SECRET_LIST_SIZE

/* Which secrets there are, as secret_list() writes them. */
void rewriter_list_secrets(
    const struct rewriter *r, char out[static REWRITER_SECRETS_SIZE]);

struct metrics_writer;

/*
 * Write them as PROGRAM_secret_signs, 1 for the one that signs and 0 for those
 * that only verify: who sees that all hosts have a new one may have it sign.
 */
void rewriter_write_metrics(const struct rewriter *r, const char *program,
    struct metrics_writer *writer);

/* What a legacy file says that [srs] has no keys for. */
struct rewriter_legacy {
	const struct mf_text *secrets; /* instead of secret_file */
	size_t secret_count;
	unsigned accept_hash_min; /* characters; 0: as configured */
	unsigned accept_max_age;  /* days; 0: as configured */
};

/*
 * Make a rewriter from settings.  conf must outlive it.  legacy may be NULL.
 * *out is the caller's, for rewriter_free(), and NULL on failure.
 * False, and errors reported with the file's name, if the settings don't make
 * sense, or secrets are missing, weak or readable by everybody.
 */
bool rewriter_new(const struct rewrite_settings *settings,
    const struct conf *conf, const char *file,
    const struct rewriter_legacy *legacy, struct rewriter **out,
    struct report *report);
void rewriter_free(struct rewriter *rewriter);

/*
 * Look at [srs] and [store] together, and note what a sender becomes that the
 * store doesn't take.  rewriter may be NULL: it couldn't be made.
 */
void rewriter_use_store(struct rewriter *rewriter,
    const struct rewrite_settings *settings, const struct store_settings *store,
    const struct conf *conf, const char *file, struct report *report);

/* Whether senders in domain are signed: they are in ses or sign. */
static inline bool
rewriter_signs(const struct rewriter *r, struct mf_text domain)
{
	return list_has_domain(&r->ses_domains, domain) ||
	    list_has_domain(&r->sign_domains, domain);
}

/* Whether fwdomain has an SRS domain for mail that domain forwards. */
bool rewriter_has_domain(const struct rewriter *r, struct mf_text domain);

/* Whether mail that domain forwards is rewritten; empty: unknown, so it is. */
static inline bool
rewriter_forwards(const struct rewriter *r, struct mf_text domain)
{
	return r->forward_domains.count == 0 || domain.len == 0 ||
	    list_has_domain(&r->forward_domains, domain);
}

/* The SRS domain for mail that is forwarded by domain; fwdomain if none is. */
struct mf_text rewriter_domain(const struct rewriter *r, struct mf_text domain);

#endif

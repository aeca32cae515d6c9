/* SPDX-License-Identifier: ISC */
/*
 * What srs setup takes from a configuration.
 */
#ifndef MAILFROM_TOOLS_SRS_SETUP_H
#define MAILFROM_TOOLS_SRS_SETUP_H

#include "common/conf.h"
#include "common/lists.h"
#include "common/sockaddr.h"
#include "settings/srs.h"

/* A form of settings, and what it needs. */
struct setup_form {
	const char *name;
	bool for_sendmail;   /* else for Postfix */
	bool uses_srsmilter; /* else srsd */
	const char *rewrite; /* what [srsmilter] has to have; NULL: anything */
};

struct setup {
	const char *path; /* of the configuration; the caller's */
	struct sockaddr_spec listen;
	struct mf_text *domains; /* SRS addresses' */
	size_t domain_count;
	struct mf_text *own; /* domains whose senders are never rewritten */
	size_t own_count;
	size_t
	    left_out; /* own_domains that only srsd and srsmilter can match */
	struct list signed_domains; /* domains of all signed addresses */
	struct rewrite_settings srs;
	struct conf *conf;
};

/*
 * Read what form needs from the configuration at path.  True, or false and
 * errors were reported; setup_free() is due either way.
 */
bool setup_load(const char *path, const struct setup_form *form,
    struct setup *out, struct report *report);
void setup_free(struct setup *setup);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Header fields that tell of the checks, for filters and people behind us.
 */
#ifndef MAILFROM_SPFMILTER_HEADER_FIELDS_H
#define MAILFROM_SPFMILTER_HEADER_FIELDS_H

#include "spfmilter/config.h"
#include "spfmilter/decide.h"
#include "spfmilter/dkim_mail.h"
#include "spfmilter/identities.h"

#define FIELDS_MAX 5

/* A field with its value folded as libmilter wants it: LF TAB. */
struct field {
	const char *name;
	char *value;  /* NUL-terminated */
	char *spaced; /* the same, and a blank before it */
};

/* In the order in which they are to stand, the first on top. */
struct fields {
	struct field list[FIELDS_MAX];
	size_t count;
};

/*
 * Write what the configuration wants.  authserv_id and receiver: our name.
 * findings NULL: nothing was checked; dkim NULL: nothing was verified.  decision NULL, or with mode = report:
 * what would have been done.  False: out of memory.  fields_free() is due
 * either way.
 */
bool fields_write(const struct spfmilter_settings *settings,
    const struct findings *findings, const struct decision *decision,
    const struct dkim_mail *dkim, struct mf_text authserv_id,
    struct fields *out);

/*
 * The one field that a policy service of Postfix's can add, or none, as the
 * configuration wants it.
 */
bool fields_write_policy(const struct spfmilter_settings *settings,
    const struct findings *findings, struct mf_text authserv_id,
    struct fields *out);

void fields_free(struct fields *fields);

#endif

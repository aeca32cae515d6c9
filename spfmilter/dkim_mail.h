/* SPDX-License-Identifier: ISC */
/*
 * The DKIM signatures of a message as it comes, and their keys.
 */
#ifndef MAILFROM_SPFMILTER_DKIM_MAIL_H
#define MAILFROM_SPFMILTER_DKIM_MAIL_H

#include "spfcheck/checker.h"
#include <mailfrom/dkim.h>

struct dkim_mail {
	struct dkim_check *check;
	bool header_over, over;
	unsigned from_fields;
	char from_domain[SPF_NAME_SIZE]; /* "": there isn't just one */
	/* Why a key couldn't be looked up: of the first signature. */
	enum spf_cause cause;
	char failed_key[DKIM_NAME_SIZE]; /* its name; "": none failed */
};

/* NULL: out of memory. */
struct dkim_mail *dkim_mail_new(void);
void dkim_mail_free(struct dkim_mail *mail); /* NULL is fine */

/* The steps; false: out of memory.  value: with the blank that it begins with. */
bool dkim_mail_field(
    struct dkim_mail *mail, struct mf_text name, struct mf_text value);
/* The header is over: keys are asked for. */
bool dkim_mail_header_end(struct dkim_mail *mail, struct checker *checker);
bool dkim_mail_body(struct dkim_mail *mail, struct mf_text piece);
/* Wait for the keys, and verify. */
bool dkim_mail_end(struct dkim_mail *mail, struct checker *checker);

#endif

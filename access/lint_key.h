/* SPDX-License-Identifier: ISC */
/*
 * Keys, taken apart for lint.c.
 */
#ifndef MAILFROM_ACCESS_LINT_KEY_H
#define MAILFROM_ACCESS_LINT_KEY_H

#include "access/lint.h"

/* What is looked up with a tag. */
enum lint_key_kind {
	LINT_SENDER, /* spf-, srs- */
	LINT_NULL,   /* null-: postmaster at the HELO name */
	LINT_HELO,   /* helo- */
	LINT_AUTH,   /* smtp-auth */
	LINT_RCPT,   /* spf-to */
	LINT_SPAM,   /* spam */
	LINT_DKIM    /* dkim-pass: d= of a signature */
};

/* A key, in lower case, and its parts. */
struct lint_key {
	struct mf_text key, tag, subject;
	bool has_colon;
	enum lint_key_kind kind;
	unsigned number; /* of the tag, below LINT_TAGS */
};

#define LINT_TAGS 32

/* All tags, NULL at the end. */
extern const char *const lint_tags_[LINT_TAGS + 1];

/* Take key apart.  False: its tag isn't ours, and number is LINT_TAGS. */
bool lint_key_parse_(struct mf_text key, struct lint_key *out);

/* Why no message ever leads to this key, a constant; NULL: one can. */
const char *lint_key_problem_(const struct lint_key *key);

/* Why it may be another key than was meant, a constant; or NULL. */
const char *lint_key_doubt_(const struct lint_key *key);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * What Postfix's smtpd is answered: one action of access(5).
 */
#ifndef MAILFROM_SPFMILTER_POLICYD_ANSWER_H
#define MAILFROM_SPFMILTER_POLICYD_ANSWER_H

#include "common/text.h"

enum policyd_verb {
	POLICYD_DUNNO, /* whatever comes next decides */
	POLICYD_REFUSE,
	POLICYD_HOLD,
	POLICYD_DISCARD,
	POLICYD_PREPEND
};

struct policyd_answer {
	enum policyd_verb verb;
	unsigned code; /* of POLICYD_REFUSE, with dsn */
	const char *dsn;
	const char *text; /* made by reply_quote(), or our own words */
	/* Of POLICYD_PREPEND; folded as libmilter wants it. */
	const char *name, *value;
};

/*
 * Octets that an answer has at most; smtpd reads lines of four times
 * line_length_limit, which is 2048.
 */
#define POLICYD_ANSWER_MAX 4096

/*
 * Append the answer to out, which must have POLICYD_ANSWER_MAX octets left: one
 * line, whatever the texts have in them, and an empty one.  A header field
 * that doesn't fit is left out.
 */
void policyd_format(const struct policyd_answer *answer, struct text_out *out);

#endif

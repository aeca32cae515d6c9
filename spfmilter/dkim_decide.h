/* SPDX-License-Identifier: ISC */
/*
 * What the signatures of a message mean for a refusal that waits for them: a
 * pure function.
 */
#ifndef MAILFROM_SPFMILTER_DKIM_DECIDE_H
#define MAILFROM_SPFMILTER_DKIM_DECIDE_H

#include "access/lookup.h"
#include "settings/spfmilter.h"
#include <mailfrom/dkim.h>

struct dkim_facts {
	/* All signatures of the message, and how many. */
	const struct dkim_signature *const *signatures;
	size_t count;
	struct mf_text sender_domain; /* of MAIL FROM, in A-labels */
	struct mf_text from_domain;   /* of From; empty: nobody can tell */
	enum dkim_aligned aligned;
	const struct access_table *table; /* NULL: there is none */
};

enum dkim_effect {
	DKIM_LIFTS_NOT, /* no signature counts */
	DKIM_LIFTS,
	DKIM_LIFTS_LATER, /* one may, whose key can't be looked up now */
	DKIM_REFUSES      /* dkim-pass refuses what a domain has signed */
};

/*
 * The strongest effect, DKIM_REFUSES first, then DKIM_LIFTS.  *which: the
 * signature that has it.  *answer: that of dkim-pass, for DKIM_REFUSES, else
 * its entry if there is one.
 */
enum dkim_effect dkim_decide(const struct dkim_facts *facts, size_t *which,
    struct lookup_answer *answer);

#endif

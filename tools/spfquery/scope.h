/* SPDX-License-Identifier: ISC */
/*
 * Which clients get which result from a domain's record: RFC 7208 4.6 and 5
 * over sets of addresses instead of one, in the order of evaluation and with
 * its limits.
 *
 * Exact, unless the survey has something open on the way: what that matches is
 * left out, so that what follows holds for clients it doesn't match.
 *
 * No I/O.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_SCOPE_H
#define MAILFROM_TOOLS_SPFQUERY_SCOPE_H

#include "tools/spfquery/survey.h"

#define SCOPE_RESULTS (SPF_PERMERROR + 1)

/* Addresses that one term decides about. */
struct scope_piece {
	struct scope_piece *next;
	enum spf_result result;
	struct ipset set;
	/* The one that matches, not the include above it; NULL: none does. */
	const struct survey_term *term;
	const char *problem; /* of permerror, temperror; else NULL */
};

/* Something open that clients have come to, and what its match would give. */
struct scope_open {
	struct scope_open *next;
	const struct survey_term *term;
	enum spf_result result;
	bool excludes; /* a match keeps an include above it from matching */
};

struct scope {
	bool v6;
	struct ipset sets[SCOPE_RESULTS];  /* by result; together everybody */
	struct scope_piece *first, **last; /* in the order of evaluation */
	struct scope_piece *latest;
	struct scope_open *open, **last_open;
};

/* For scope_clear(); the survey must stay until then. */
void scope_find(struct scope *scope, const struct survey *survey, bool v6);
void scope_clear(struct scope *scope);

#endif

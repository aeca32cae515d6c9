/* SPDX-License-Identifier: ISC */
/*
 * A record's verdicts without its lookups: networks in the order of evaluation,
 * merged, and between them what can't be turned into networks.
 *
 * flatten.c finds these items, flatten_pack.c makes records of them.  No I/O.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_FLATTEN_H
#define MAILFROM_TOOLS_SPFQUERY_FLATTEN_H

#include "tools/spfquery/survey.h"

/* Octets of a record in the answers of all servers (RFC 7208 3.4). */
#define FLATTEN_RECORD_MAX 450

struct flat_item {
	struct flat_item *next;
	enum spf_result result;             /* of who matches */
	struct ipset sets[SURVEY_FAMILIES]; /* networks; or */
	char *kept;                         /* a term, with its qualifier */
	unsigned terms;                     /* that it takes of the ten */
};

struct flat_note {
	struct flat_note *next;
	char *text;
};

struct flat {
	struct flat_item *first, **last;
	/* What ends the record: a result for all others, or a redirect. */
	enum spf_result others;
	char *redirect; /* with its name and "="; NULL: none */
	unsigned redirect_terms;
	char *modifiers; /* exp and unknown ones, blanks between */
	/* Why it can't be done; "": it can. */
	char problem[SPF_TEXT_SIZE];
	bool temporary;                       /* the DNS is to blame */
	struct flat_note *notes, **last_note; /* what was kept or dropped */
};

/* For flatten_clear(), whatever comes of it. */
void flatten_find(struct flat *flat, const struct survey *survey);
void flatten_clear(struct flat *flat);

/* The addresses that items give result to, kept terms aside. */
struct ipset flatten_set(
    const struct flat *flat, enum spf_result result, bool v6);

/* --- records --- */

struct flat_record {
	struct flat_record *next;
	char *name, *text;
};

struct flat_records {
	struct flat_record *first;   /* the domain's own; others it includes */
	unsigned terms;              /* that a check takes, at most */
	char problem[SPF_TEXT_SIZE]; /* why they can't be made; "": they can */
};

/*
 * Make records for domain, each of at most FLATTEN_RECORD_MAX octets, and at
 * most ten lookups in all.  For flatten_records_clear().
 */
void flatten_pack(
    struct flat_records *out, const struct flat *flat, struct mf_text domain);
void flatten_records_clear(struct flat_records *records);

/* Whether they have the same names and texts. */
bool flatten_records_equal(
    const struct flat_records *a, const struct flat_records *b);

#endif

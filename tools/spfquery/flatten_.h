/* SPDX-License-Identifier: ISC */
/*
 * What the parts of flattening share: flatten.c goes through records,
 * flatten_facts.c knows what is open in them and who passes, flatten_items.c
 * keeps what comes of it short.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_FLATTEN__H
#define MAILFROM_TOOLS_SPFQUERY_FLATTEN__H

#include "tools/spfquery/flatten.h"

enum flat_maybe { UNKNOWN, NO, YES };

/* What is known of a record, once it is. */
struct flat_facts {
	enum flat_maybe open;     /* something in it or below is open */
	enum flat_maybe can_open; /* its terms can stand outside of it */
	bool knows[SURVEY_FAMILIES];
	struct ipset passes[SURVEY_FAMILIES];
};

struct flat_work {
	struct flat *flat;
	struct flat_facts *facts; /* by index of the record */
	unsigned kept;
	bool over; /* a term has matched everybody */
};

/* Note why it can't be done; the first reason counts. */
void flatten_fail(struct flat *f, bool temporary, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* --- flatten_facts.c --- */

/* Note what makes a record a permerror, or whether nobody knows. */
void flatten_inspect(struct flat *f, const struct survey *survey);

/* Whether a macro of t is one of those letters. */
bool flatten_has_macro(struct mf_text t, const char *letters);

/* include or redirect. */
bool flatten_leads(const struct survey_term *t);

/* The record that t leads to; NULL: none, or another for IPv6. */
const struct survey_record *flatten_lead(const struct survey_term *t);

/* Not the same for all clients and domains: t itself, or what is below it. */
bool flatten_is_open(const struct survey_term *t);
bool flatten_is_open_below(struct flat_work *w, const struct survey_term *t);

/* Whom a term matches that isn't open below. */
const struct ipset *flatten_matches(
    struct flat_work *w, const struct survey_term *t, bool v6);

/*
 * Who passes in r from term `from` on, none of which is open; NULL: only its
 * redirect is left.
 */
struct ipset flatten_passes(struct flat_work *w, const struct survey_record *r,
    const struct survey_term *from, bool v6);

/* --- flatten_items.c --- */

struct flat_item *flatten_item_add(struct flat *f, enum spf_result result);
void flatten_item_free(struct flat_item *item);

/* Have what isn't decided yet of sets decided with result. */
void flatten_add_nets(struct flat *f, enum spf_result result,
    const struct ipset *const sets[static SURVEY_FAMILIES]);

/* Make the items as few and short as they can be, with the same meaning. */
void flatten_shorten(struct flat *f);

#endif

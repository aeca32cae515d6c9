/* SPDX-License-Identifier: ISC */
/*
 * What survey.c and survey_term.c share.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_SURVEY__H
#define MAILFROM_TOOLS_SPFQUERY_SURVEY__H

#include "tools/spfquery/survey.h"

struct survey_walk {
	struct survey *survey;
	const struct spf_source *source;
	struct mf_text checked; /* the domain whose mail it is */
};

/*
 * Ask, and keep the answer with t, which may be NULL.  NULL: it isn't there
 * yet, or there were too many questions.
 */
const struct spf_answer *survey_ask(struct survey_walk *walk,
    struct survey_term *t, enum spf_rr rr, struct mf_text name);

/* The question of t that has been answered; or NULL. */
struct survey_lookup *survey_lookup_of(
    const struct survey_term *t, enum spf_rr rr, struct mf_text name);

/* The record of domain, to which t leads; NULL as from survey_ask(). */
struct survey_record *survey_follow(
    struct survey_walk *walk, struct survey_term *t, struct mf_text domain);

/*
 * Find out what t matches and leads to.  mechanism: as compiled, NULL for a
 * modifier; spec: its domain.
 */
void survey_term_run(struct survey_walk *walk, struct survey_term *t,
    const struct spf_term *mechanism, const struct spf_domain_spec *spec);

#endif

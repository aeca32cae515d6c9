/* SPDX-License-Identifier: ISC */
#include "tools/spfquery/scope.h"

#include <stdlib.h>

#include "tools/spfquery/spfquery.h"

/* Clients whose counters are the same. */
struct crowd {
	struct crowd *next;
	unsigned terms, voids;
	struct ipset set;
};

/* One level of check_host(). */
struct storey {
	struct storey *parent; /* NULL: the domain's own, and its redirects */
	const struct survey_term *include; /* in the parent */
	struct crowd **through;            /* whom the include doesn't match */
};

/* --- crowds --- */

static void
crowd_add(
    struct crowd **list, unsigned terms, unsigned voids, struct ipset *set)
{
	struct crowd *c = *list;

	if (ipset_is_empty(set))
		return;
	while (c != NULL && (c->terms != terms || c->voids != voids))
		c = c->next;
	if (c == NULL) {
		c = spfquery_must(calloc(1, sizeof(*c)));
		c->terms = terms;
		c->voids = voids;
		c->set.v6 = set->v6;
		c->next = *list;
		*list = c;
	}
	ipset_add_set(&c->set, set);
}

static void
crowd_free(struct crowd *c)
{
	ipset_clear(&c->set);
	free(c);
}

/* --- what is decided --- */

static void
add_piece(struct scope *s, enum spf_result result, const struct ipset *set,
    const struct survey_term *term, const char *problem)
{
	struct scope_piece *p = s->latest;

	if (ipset_is_empty(set))
		return;
	ipset_add_set(&s->sets[result], set);
	/* Crowds that one term decides about follow one another. */
	if (p != NULL && p->result == result && p->term == term &&
	    p->problem == problem) {
		ipset_add_set(&p->set, set);
		return;
	}
	p = spfquery_must(calloc(1, sizeof(*p)));
	p->result = result;
	p->set = ipset_copy(set);
	p->term = term;
	p->problem = problem;
	*s->last = p;
	s->last = &p->next;
	s->latest = p;
}

/*
 * A term, or the end of a record, has decided for set.  In an included record
 * that means a match of the include, or none (5.2).
 */
static void
decide(struct scope *s, const struct storey *at, enum spf_result result,
    const struct crowd *counters, struct ipset *set,
    const struct survey_term *term)
{
	for (; at->parent != NULL; at = at->parent) {
		if (result != SPF_PASS) {
			crowd_add(
			    at->through, counters->terms, counters->voids, set);
			return;
		}
		result = at->include->result;
	}
	add_piece(s, result, set, term, NULL);
}

/* All that are left. */
static void
decide_all(struct scope *s, const struct storey *at, enum spf_result result,
    struct crowd **here, const struct survey_term *term)
{
	while (*here != NULL) {
		struct crowd *c = *here;

		*here = c->next;
		decide(s, at, result, c, &c->set, term);
		crowd_free(c);
	}
}

/* An error isn't the business of includes: it ends the check. */
static void
fail_all(struct scope *s, enum spf_result result, struct crowd **here,
    const struct survey_term *term, const char *problem)
{
	while (*here != NULL) {
		struct crowd *c = *here;

		*here = c->next;
		add_piece(s, result, &c->set, term, problem);
		crowd_free(c);
	}
}

/* --- counting (4.6.4) --- */

static void
count(struct scope *s, struct crowd **here, const struct survey_term *term,
    bool is_void)
{
	struct crowd *all = *here;

	*here = NULL;
	while (all != NULL) {
		struct crowd *c = all;
		unsigned terms = c->terms + !is_void;
		unsigned voids = c->voids + is_void;

		all = c->next;
		if (terms > SPF_TERMS_MAX)
			add_piece(s, SPF_PERMERROR, &c->set, term,
			    "more than 10 terms that need DNS");
		else if (voids > SPF_VOIDS_MAX)
			add_piece(s, SPF_PERMERROR, &c->set, term,
			    "more than 2 void lookups");
		else
			crowd_add(here, terms, voids, &c->set);
		crowd_free(c);
	}
}

/* --- terms --- */

static void check(struct scope *s, const struct storey *at,
    const struct survey_record *r, struct crowd **here);

static void
note_open(
    struct scope *s, const struct storey *at, const struct survey_term *term)
{
	struct scope_open *o = spfquery_must(calloc(1, sizeof(*o)));

	o->term = term;
	o->result = term->result;
	for (; at->parent != NULL && o->result == SPF_PASS; at = at->parent)
		o->result = at->include->result;
	o->excludes = at->parent != NULL;
	*s->last_open = o;
	s->last_open = &o->next;
}

static void
match(struct scope *s, const struct storey *at, const struct survey_term *t,
    const struct survey_match *m, struct crowd **here)
{
	struct crowd *all = *here;

	*here = NULL;
	while (all != NULL) {
		struct crowd *c = all;
		struct ipset matched = ipset_both(&c->set, &m->nets);

		all = c->next;
		decide(s, at, t->result, c, &matched, t);
		ipset_remove_set(&c->set, &matched);
		crowd_add(here, c->terms, c->voids, &c->set);
		ipset_clear(&matched);
		crowd_free(c);
	}
}

/* A record that a term leads to isn't there, or can't be used. */
static bool
fails(struct scope *s, const struct survey_term *t,
    const struct survey_match *m, struct crowd **here)
{
	if (m->never) {
		fail_all(s, SPF_PERMERROR, here, t, "invalid domain name");
		return true;
	}
	if (m->leads == NULL) {
		fail_all(s, SPF_TEMPERROR, here, t, "not looked up");
		return true;
	}
	if (m->leads->status == SURVEY_MISSING) {
		fail_all(s, SPF_PERMERROR, here, t, "no SPF record found");
		return true;
	}
	return false;
}

static void
include(struct scope *s, const struct storey *at, const struct survey_term *t,
    const struct survey_match *m, struct crowd **here)
{
	struct crowd *through = NULL;
	struct storey inner = {.parent = (struct storey *)(uintptr_t)at,
	    .include = t,
	    .through = &through};

	if (fails(s, t, m, here))
		return;
	check(s, &inner, m->leads, here);
	*here = through;
}

static void
run_term(struct scope *s, const struct storey *at, const struct survey_term *t,
    struct crowd **here)
{
	const struct survey_match *m = &t->match[survey_family(s->v6)];

	if (t->counts)
		count(s, here, t, false);
	if (*here != NULL && m->open)
		note_open(s, at, t);
	if (m->open)
		return;
	if (m->voids != 0)
		count(s, here, t, true);
	if (t->mechanism == SPF_TERM_INCLUDE) {
		include(s, at, t, m, here);
		return;
	}
	if (m->many_mx) {
		fail_all(s, SPF_PERMERROR, here, t, "more than 10 MX records");
		return;
	}
	match(s, at, t, m, here);
	if (m->cause != SPF_CAUSE_NONE)
		fail_all(s, SPF_TEMPERROR, here, t, spf_cause_text(m->cause));
}

static void
redirect(struct scope *s, const struct storey *at, const struct survey_term *t,
    struct crowd **here)
{
	const struct survey_match *m = &t->match[survey_family(s->v6)];

	count(s, here, t, false);
	if (*here != NULL && m->open) {
		note_open(s, at, t);
		decide_all(s, at, SPF_NEUTRAL, here, NULL);
		return;
	}
	if (m->voids != 0)
		count(s, here, t, true);
	if (!fails(s, t, m, here))
		check(s, at, m->leads, here);
}

/* --- records --- */

static void
check(struct scope *s, const struct storey *at, const struct survey_record *r,
    struct crowd **here)
{
	const struct survey_term *last = NULL;

	switch (r->status) {
	case SURVEY_FOUND:
		break;
	case SURVEY_MISSING:
		fail_all(s, SPF_NONE, here, NULL, NULL);
		return;
	case SURVEY_MANY:
		fail_all(
		    s, SPF_PERMERROR, here, NULL, "more than one SPF record");
		return;
	case SURVEY_BROKEN:
		fail_all(s, SPF_PERMERROR, here, NULL, r->problem);
		return;
	case SURVEY_FAILED:
		fail_all(s, SPF_TEMPERROR, here, NULL,
		    spf_cause_text(r->answer.cause));
		return;
	}
	for (const struct survey_term *t = r->first; t != NULL && *here != NULL;
	     t = t->next) {
		if (t->kind == SURVEY_REDIRECT)
			last = t;
		else if (t->kind == SURVEY_MECHANISM)
			run_term(s, at, t, here);
	}
	if (last == NULL || *here == NULL)
		decide_all(s, at, SPF_NEUTRAL, here, NULL);
	else
		redirect(s, at, last, here);
}

void
scope_find(struct scope *s, const struct survey *survey, bool v6)
{
	const struct storey ground = {NULL, NULL, NULL};
	struct crowd *here = NULL;
	struct ipset all = ipset_all(v6);

	*s = (struct scope){.v6 = v6};
	s->last = &s->first;
	s->last_open = &s->open;
	for (size_t i = 0; i < SCOPE_RESULTS; i++)
		s->sets[i].v6 = v6;
	crowd_add(&here, 0, 0, &all);
	ipset_clear(&all);
	if (survey->root != NULL)
		check(s, &ground, survey->root, &here);
	else
		fail_all(s, SPF_TEMPERROR, &here, NULL, "not looked up");
}

void
scope_clear(struct scope *s)
{
	while (s->first != NULL) {
		struct scope_piece *p = s->first;

		s->first = p->next;
		ipset_clear(&p->set);
		free(p);
	}
	while (s->open != NULL) {
		struct scope_open *o = s->open;

		s->open = o->next;
		free(o);
	}
	for (size_t i = 0; i < SCOPE_RESULTS; i++)
		ipset_clear(&s->sets[i]);
}

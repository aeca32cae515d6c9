/* SPDX-License-Identifier: ISC */
/*
 * The walk over records.  survey_term.c has what single terms are about.
 */
#include "tools/spfquery/survey_.h"

#include <stdlib.h>

#include "common/text.h"
#include "tools/spfquery/answer_copy.h"
#include "tools/spfquery/spfquery.h"

/* --- questions --- */

struct survey_lookup *
survey_lookup_of(
    const struct survey_term *t, enum spf_rr rr, struct mf_text name)
{
	for (struct survey_lookup *l = t->lookups; l != NULL; l = l->next)
		if (l->answer.rr == rr &&
		    text_eq_fold(mf_text_of(l->name), name))
			return l;
	return NULL;
}

const struct spf_answer *
survey_ask(struct survey_walk *w, struct survey_term *t, enum spf_rr rr,
    struct mf_text name)
{
	struct survey *s = w->survey;
	const struct spf_answer *a;
	struct survey_lookup *l;

	if (s->lookups == SURVEY_LOOKUPS_MAX) {
		s->cut = true;
		return NULL;
	}
	s->lookups++;
	a = w->source->lookup(w->source->arg, rr, name);
	if (a == NULL) {
		s->pending = true;
		return NULL;
	}
	s->failed = s->failed || a->status == SPF_DNS_ERROR;
	if (t == NULL || survey_lookup_of(t, rr, name) != NULL)
		return a;
	l = spfquery_must(calloc(1, sizeof(*l)));
	l->name = spfquery_copy(name);
	answer_copy(a, &l->answer);
	answer_origin(w->source, rr, name, &l->origin);
	*t->last_lookup = l;
	t->last_lookup = &l->next;
	return a;
}

/* --- records --- */

static struct survey_record *
record_new(struct survey *s, struct mf_text domain)
{
	struct survey_record *r = spfquery_must(calloc(1, sizeof(*r)));

	r->domain = spfquery_copy(domain);
	r->text = spfquery_copy(MF_TEXT(""));
	r->problem = spfquery_copy(MF_TEXT(""));
	r->last = &r->first;
	r->index = s->records++;
	*s->last = r;
	s->last = &r->next;
	return r;
}

static struct survey_record *
record_find(const struct survey *s, struct mf_text domain)
{
	for (struct survey_record *r = s->root; r != NULL; r = r->next)
		if (text_eq_fold(mf_text_of(r->domain), domain))
			return r;
	return NULL;
}

static struct survey_term *
term_add(struct survey_record *r, struct mf_text written)
{
	struct survey_term *t = spfquery_must(calloc(1, sizeof(*t)));

	t->record = r;
	t->written = written;
	t->kind = SURVEY_MODIFIER;
	t->result = SPF_NEUTRAL;
	t->last_lookup = &t->lookups;
	t->match[SURVEY_V6].nets.v6 = true;
	*r->last = t;
	r->last = &t->next;
	return t;
}

static bool
is_counted(const struct survey_term *t)
{
	if (t->kind == SURVEY_REDIRECT)
		return true;
	return t->kind == SURVEY_MECHANISM && t->mechanism != SPF_TERM_ALL &&
	    t->mechanism != SPF_TERM_IP4 && t->mechanism != SPF_TERM_IP6;
}

/*
 * Terms in the order of the record.  spf_record_terms() has the mechanisms; a
 * word that isn't the next of them is a modifier.
 */
static void
add_terms(struct survey_record *r, const struct spf_record *compiled)
{
	struct mf_text whole = spf_record_text(compiled);
	struct mf_text rest = text_from(whole, sizeof("v=spf1") - 1), word;
	size_t count;
	const struct spf_term *next = spf_record_terms(compiled, &count);
	const struct spf_term *end = next + count;

	for (; rest.len != 0; rest = text_from(rest, word.len + 1)) {
		struct survey_term *t;

		word = text_head(rest, text_find(rest, ' '));
		if (word.len == 0)
			continue;
		t = term_add(
		    r, mf_text_at(r->text + (word.p - whole.p), word.len));
		if (next != end && next->written.p == word.p) {
			t->kind = SURVEY_MECHANISM;
			t->mechanism = next->kind;
			t->result = next->result;
			next++;
		} else if (text_starts_fold(word, MF_TEXT("redirect=")))
			t->kind = SURVEY_REDIRECT;
		else if (text_starts_fold(word, MF_TEXT("exp=")))
			t->kind = SURVEY_EXP;
		t->counts = is_counted(t);
	}
}

/* What follows "all" has no effect, nor has a redirect beside it. */
static void
mark_after_all(struct survey_record *r)
{
	bool all = false;

	for (struct survey_term *t = r->first; t != NULL; t = t->next) {
		t->after_all = all && t->kind == SURVEY_MECHANISM;
		all = all ||
		    (t->kind == SURVEY_MECHANISM &&
			t->mechanism == SPF_TERM_ALL);
	}
	for (struct survey_term *t = r->first; t != NULL; t = t->next)
		if (t->kind == SURVEY_REDIRECT)
			t->after_all = all;
}

static unsigned
add_up(unsigned a, unsigned b)
{
	return a + b < SURVEY_COUNT_MAX ? a + b : SURVEY_COUNT_MAX;
}

/* What a term takes of the limits, with all below it. */
static void
count_term(struct survey_term *t)
{
	struct survey_record *r = t->record;
	unsigned below[SURVEY_FAMILIES] = {0};

	if (t->after_all)
		return;
	for (size_t f = 0; f < SURVEY_FAMILIES; f++) {
		const struct survey_match *m = &t->match[f];
		bool leads = m->leads != NULL && !t->loop;

		below[f] = leads ? m->leads->terms : 0;
		r->voids[f] = add_up(r->voids[f],
		    add_up(m->voids, leads ? m->leads->voids[f] : 0));
		r->open = r->open || m->open || (leads && m->leads->open);
		r->endless =
		    r->endless || t->loop || (leads && m->leads->endless);
	}
	if (t->counts)
		t->terms = add_up(1, below[0] > below[1] ? below[0] : below[1]);
	r->terms = add_up(r->terms, t->terms);
}

static void
walk_terms(struct survey_walk *w, struct survey_record *r,
    const struct spf_record *compiled)
{
	size_t count;
	const struct spf_term *next = spf_record_terms(compiled, &count);

	r->under_way = true;
	for (struct survey_term *t = r->first; t != NULL; t = t->next) {
		const struct spf_term *mechanism =
		    t->kind == SURVEY_MECHANISM ? next++ : NULL;
		const struct spf_domain_spec *spec = mechanism != NULL
		    ? &mechanism->target
		    : t->kind == SURVEY_REDIRECT ? spf_record_redirect(compiled)
		    : t->kind == SURVEY_EXP ? spf_record_explanation(compiled)
					    : NULL;

		if (!t->after_all && spec != NULL)
			survey_term_run(w, t, mechanism, spec);
		count_term(t);
	}
	r->under_way = false;
}

static void
walk_record(
    struct survey_walk *w, struct survey_record *r, const struct spf_answer *a)
{
	const char *problem;

	if (a->status == SPF_DNS_ERROR)
		r->status = SURVEY_FAILED;
	else if (a->spf_records != 1)
		r->status = a->spf_records == 0 ? SURVEY_MISSING : SURVEY_MANY;
	if (r->status != SURVEY_FOUND)
		return;
	problem = spf_record_problem(a->record);
	free(r->text);
	r->text = spfquery_copy(spf_record_text(a->record));
	if (problem != NULL) {
		r->status = SURVEY_BROKEN;
		free(r->problem);
		r->problem = spfquery_copy(mf_text_of(problem));
		return;
	}
	add_terms(r, a->record);
	mark_after_all(r);
	walk_terms(w, r, a->record);
}

static struct survey_record *
walk_answer(struct survey_walk *w, struct mf_text domain,
    const struct spf_answer *a, bool asked)
{
	struct survey_record *r = record_new(w->survey, domain);

	answer_copy(a, &r->answer);
	r->asked = asked;
	if (asked)
		answer_origin(w->source, SPF_RR_TXT, domain, &r->origin);
	walk_record(w, r, a);
	return r;
}

struct survey_record *
survey_follow(
    struct survey_walk *w, struct survey_term *t, struct mf_text domain)
{
	struct survey_record *r = record_find(w->survey, domain);
	const struct spf_answer *a;

	if (r != NULL) {
		t->loop = t->loop || r->under_way;
		t->repeat = true;
		return r;
	}
	a = survey_ask(w, NULL, SPF_RR_TXT, domain);
	return a != NULL ? walk_answer(w, domain, a, true) : NULL;
}

/* --- the survey --- */

void
survey_run(struct survey *s, const struct spf_source *source,
    struct mf_text domain, struct mf_text record)
{
	struct survey_walk w = {
	    .survey = s, .source = source, .checked = domain};
	const struct spf_answer *a;
	struct spf_answer *given = NULL;

	*s = (struct survey){.last = &s->root};
	if (record.len != 0)
		a = given = spfquery_must(spf_answer_txt(&record, 1));
	else
		a = survey_ask(&w, NULL, SPF_RR_TXT, domain);
	if (a != NULL)
		walk_answer(&w, domain, a, given == NULL);
	spf_answer_free(given);
}

static void
term_free(struct survey_term *t)
{
	while (t->lookups != NULL) {
		struct survey_lookup *l = t->lookups;

		t->lookups = l->next;
		answer_clear(&l->answer);
		free(l->name);
		free(l);
	}
	for (size_t f = 0; f < SURVEY_FAMILIES; f++)
		ipset_clear(&t->match[f].nets);
	free(t);
}

void
survey_clear(struct survey *s)
{
	while (s->root != NULL) {
		struct survey_record *r = s->root;

		s->root = r->next;
		while (r->first != NULL) {
			struct survey_term *t = r->first;

			r->first = t->next;
			term_free(t);
		}
		answer_clear(&r->answer);
		free(r->domain);
		free(r->text);
		free(r->problem);
		free(r);
	}
}

const char *
survey_status_text(
    const struct survey_record *r, char room[static SPF_TEXT_SIZE])
{
	switch (r->status) {
	case SURVEY_FOUND:
		break;
	case SURVEY_MISSING:
		return "no SPF record";
	case SURVEY_MANY:
		snprintf(room, SPF_TEXT_SIZE, "%u SPF records",
		    r->answer.spf_records);
		return room;
	case SURVEY_BROKEN:
		return r->problem;
	case SURVEY_FAILED:
		snprintf(room, SPF_TEXT_SIZE, "DNS lookup failed: %s",
		    spf_cause_text(r->answer.cause));
		return room;
	}
	return "";
}

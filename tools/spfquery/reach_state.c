/* SPDX-License-Identifier: ISC */
#include "tools/spfquery/reach_state.h"

#include <stdlib.h>

#include "common/array.h"
#include "common/text.h"
#include "tools/spfquery/spfquery.h"

/* Steps and names, which are freed together. */
struct reach_memory {
	struct reach_memory *next;
	_Alignas(max_align_t) char bytes[];
};

static void *
take(struct reach *r, size_t size)
{
	struct reach_memory *m = spfquery_must(malloc(sizeof(*m) + size));

	m->next = r->memory;
	r->memory = m;
	return m->bytes;
}

struct mf_text
reach_keep(struct reach *r, struct mf_text a, struct mf_text b)
{
	struct text_out out = {
	    take(r, a.len + b.len + 1), a.len + b.len, 0, false};

	out_text(&out, a);
	out_text(&out, b);
	out.p[out.len] = '\0';
	return out_view(&out);
}

void
reach_clear(struct reach *r)
{
	for (size_t i = 0; i < r->count; i++)
		ipset_clear(&r->outcomes[i].clients);
	free(r->outcomes);
	ipset_clear(&r->everybody);
	ipset_clear(&r->named);
	while (r->memory != NULL) {
		struct reach_memory *m = r->memory;

		r->memory = m->next;
		free(m);
	}
	*r = (struct reach){.v6 = r->v6};
}

/* --- states --- */

bool
reach_is_over(const struct reach_walk *w)
{
	return w->work > REACH_WORK_MAX;
}

void
reach_states_clear(struct reach_states *states)
{
	for (size_t i = 0; i < states->count; i++)
		ipset_clear(&states->at[i].clients);
	free(states->at);
	*states = (struct reach_states){0};
}

void
reach_states_add(struct reach_walk *w, struct reach_states *states,
    const struct reach_state *like, struct ipset clients)
{
	struct reach_state *s;

	w->work += 1 + clients.count;
	if (ipset_is_empty(&clients)) {
		ipset_clear(&clients);
		return;
	}
	for (size_t i = 0; i < states->count; i++) {
		s = &states->at[i];
		if (s->terms != like->terms || s->voids != like->voids)
			continue;
		ipset_add_set(&s->clients, &clients);
		w->work += s->clients.count;
		ipset_clear(&clients);
		return;
	}
	states->at = spfquery_must(array_grow(
	    states->at, states->count, &states->room, sizeof(*states->at)));
	s = &states->at[states->count++];
	*s = *like;
	s->clients = clients;
}

void
reach_states_copy(struct reach_walk *w, struct reach_states *to,
    const struct reach_states *from)
{
	for (size_t i = 0; i < from->count; i++)
		reach_states_add(
		    w, to, &from->at[i], ipset_copy(&from->at[i].clients));
}

void
reach_states_move(
    struct reach_walk *w, struct reach_states *to, struct reach_states *from)
{
	for (size_t i = 0; i < from->count; i++) {
		struct reach_state *s = &from->at[i];

		reach_states_add(w, to, s, s->clients);
	}
	free(from->at);
	*from = (struct reach_states){0};
}

void
reach_states_split(struct reach_walk *w, struct reach_states *live,
    const struct ipset *set, struct reach_states *matched)
{
	struct reach_states rest = {0};

	for (size_t i = 0; i < live->count; i++) {
		const struct reach_state *s = &live->at[i];

		w->work += set->count;
		reach_states_add(w, matched, s, ipset_both(&s->clients, set));
		reach_states_add(w, &rest, s, ipset_minus(&s->clients, set));
	}
	reach_states_clear(live);
	*live = rest;
}

/* --- counting --- */

static const struct reach_step *
step(struct reach_walk *w, const struct reach_place *place,
    const struct reach_step *before, bool is_void)
{
	struct reach_step *s = take(w->reach, sizeof(*s));

	*s = (struct reach_step){before, place->domain, place->term, is_void};
	return s;
}

void
reach_count_term(struct reach_walk *w, const struct reach_place *place,
    struct reach_states *live)
{
	struct reach_states in = *live, over = {0};

	*live = (struct reach_states){0};
	for (size_t i = 0; i < in.count; i++) {
		struct reach_state *s = &in.at[i];

		s->terms++;
		s->last = step(w, place, s->last, false);
		reach_states_add(w, s->terms > w->limits.terms ? &over : live,
		    s, s->clients);
	}
	free(in.at);
	reach_end(w, place, &over, SPF_PERMERROR, REACH_TERMS);
}

void
reach_count_void(struct reach_walk *w, const struct reach_place *place,
    struct reach_states *live)
{
	struct reach_states in = *live, over = {0};

	*live = (struct reach_states){0};
	for (size_t i = 0; i < in.count; i++) {
		struct reach_state *s = &in.at[i];

		s->voids++;
		s->last = step(
		    w, place, s->last != NULL ? s->last->before : NULL, true);
		reach_states_add(w, s->voids > w->limits.voids ? &over : live,
		    s, s->clients);
	}
	free(in.at);
	reach_end(w, place, &over, SPF_PERMERROR, REACH_VOIDS);
}

/* --- outcomes --- */

static bool
is_same(const struct reach_outcome *a, const struct reach_outcome *b)
{
	return a->result == b->result && a->why == b->why &&
	    a->terms_min == b->terms_min && a->terms_max == b->terms_max &&
	    a->voids_min == b->voids_min && a->voids_max == b->voids_max &&
	    mf_text_eq(a->term, b->term) && mf_text_eq(a->domain, b->domain);
}

/* Its clients' memory becomes the outcomes'. */
static void
add(struct reach_walk *w, struct reach_outcome *o)
{
	struct reach *r = w->reach;

	w->work += o->clients.count + r->count / 8;
	for (size_t i = 0; i < r->count; i++)
		if (is_same(&r->outcomes[i], o)) {
			ipset_add_set(&r->outcomes[i].clients, &o->clients);
			ipset_clear(&o->clients);
			return;
		}
	r->outcomes = spfquery_must(
	    array_grow(r->outcomes, r->count, &r->room, sizeof(*r->outcomes)));
	r->outcomes[r->count++] = *o;
}

static struct reach_outcome
outcome_of(const struct reach_place *place, const struct reach_state *s,
    enum spf_result result, enum reach_why why)
{
	return (struct reach_outcome){.result = result,
	    .why = why,
	    .terms_min = s->terms,
	    .terms_max = s->terms,
	    .voids_min = s->voids,
	    .voids_max = s->voids,
	    .domain = place->domain,
	    .term = place->term,
	    .last = s->last};
}

void
reach_end(struct reach_walk *w, const struct reach_place *place,
    struct reach_states *states, enum spf_result result, enum reach_why why)
{
	for (size_t i = 0; i < states->count; i++) {
		struct reach_outcome o =
		    outcome_of(place, &states->at[i], result, why);

		o.clients = states->at[i].clients;
		add(w, &o);
	}
	free(states->at);
	*states = (struct reach_states){0};
}

void
reach_may_end(struct reach_walk *w, const struct reach_place *place,
    const struct reach_states *states, enum spf_result result,
    enum reach_why why, bool deep)
{
	/* Only an error goes over a limit. */
	unsigned over = result == SPF_PERMERROR ? 1 : 0;

	for (size_t i = 0; i < states->count; i++) {
		const struct reach_state *s = &states->at[i];
		struct reach_outcome o = outcome_of(place, s, result, why);

		if (deep) {
			o.terms_max = w->limits.terms + over;
			o.voids_max = w->limits.voids + over;
		}
		o.clients = ipset_copy(&s->clients);
		add(w, &o);
	}
}

void
reach_give_up(struct reach_walk *w, const struct reach_place *place,
    struct reach_states *states)
{
	if (states->count != 0)
		w->reach->complete = false;
	for (int result = SPF_NEUTRAL; result <= SPF_PERMERROR; result++)
		reach_may_end(w, place, states, (enum spf_result)result,
		    REACH_UNKNOWN, true);
	reach_states_clear(states);
}

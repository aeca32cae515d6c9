/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: clients who get what can be got, by the evaluator.  A bound
 * is reached, and an error certain, only if there is one.
 */
#include <stdlib.h>

#include "tools/spfquery/lint.h"
#include "tools/spfquery/spfquery.h"

/* Checks in a run; each may ask for names that macros make. */
#define TRIALS_MAX       400
#define BOUND_TRIALS_MAX 27

/* --- clients --- */

/* Somebody in set: an address of documentation if there is one. */
static struct spf_ip
pick(const struct ipset *set, unsigned which)
{
	static const char *const examples[] = {"203.0.113.77", "198.51.100.77",
	    "192.0.2.77", "2001:db8:77::77", "3fff::77"};
	struct ipset_walk walk = {0};
	struct ip_net net = {0};
	struct spf_ip ip;

	for (size_t i = 0;
	     which == 0 && i < sizeof(examples) / sizeof(examples[0]); i++)
		if (spf_ip_parse(mf_text_of(examples[i]), &ip) &&
		    ipset_has(set, &ip))
			return ip;
	/* The first of the first network, or of the last. */
	if (which == 2)
		walk.at = set->count - 1;
	ipset_next(set, &walk, &net);
	return net.ip;
}

void
lint_evaluate(const struct lint *l, const struct spf_request *request,
    struct spf_verdict *out)
{
	/* All answers are there. */
	while (spf_evaluate(request, &l->source, out) != SPF_OK)
		;
}

/* As a sender whom nobody knows, postmaster, or one with another alphabet. */
static void
try(struct lint *l, const struct ipset *set, unsigned which,
    struct lint_witness *out)
{
	static const char *const locals[] = {
	    "postmaster", "somebody", "\xc3\xa9"};
	struct text_out sender = text_out(out->sender, sizeof(out->sender) - 1);
	struct spf_request request = {
	    .identity = SPF_MAILFROM, .limits = l->limits};

	l->trials++;
	out_str(&sender, locals[which % 3]);
	out_char(&sender, '@');
	out_text(&sender, l->domain);
	out->sender[sender.len] = '\0';
	out->ip = pick(set, which / 3);
	request.ip = out->ip;
	request.sender = out_view(&sender);
	request.helo = l->domain;
	lint_evaluate(l, &request, &out->verdict);
}

static bool
is_within(const struct reach_outcome *o, const struct spf_verdict *v)
{
	return o->result == v->result && v->terms >= o->terms_min &&
	    v->terms <= o->terms_max && v->voids >= o->voids_min &&
	    v->voids <= o->voids_max;
}

void
lint_confirm(struct lint *l, const struct reach_outcome *o,
    const struct ipset *only, struct lint_witness *out)
{
	const struct ipset *set = ipset_is_empty(only) ? &o->clients : only;

	out->found = false;
	for (unsigned which = 0;
	     which < 9 && !out->found && l->trials < TRIALS_MAX; which++) {
		try(l, set, which, out);
		out->found = is_within(o, &out->verdict);
	}
}

/* --- bounds --- */

static unsigned
count_of(const struct reach_outcome *o, bool terms, bool most)
{
	if (terms)
		return most ? o->terms_max : o->terms_min;
	return most ? o->voids_max : o->voids_min;
}

static bool
is_beyond(unsigned a, unsigned b, bool most)
{
	return most ? a > b : a < b;
}

/* The outcome, of those that weren't tried, with the best count; or none. */
static size_t
best_of(const struct reach *r, bool terms, bool most, const bool *tried)
{
	size_t best = r->count;

	for (size_t i = 0; i < r->count; i++)
		if (!tried[i] &&
		    (best == r->count ||
			is_beyond(count_of(&r->outcomes[i], terms, most),
			    count_of(&r->outcomes[best], terms, most), most)))
			best = i;
	return best;
}

static unsigned
verdict_count(const struct spf_verdict *v, bool terms)
{
	return terms ? v->terms : v->voids;
}

/* Clients of the outcome at i, if one of them is better than who is known. */
static void
approach(struct lint *l, const struct reach *r, size_t i, bool terms, bool most,
    struct lint_bound *out)
{
	unsigned count = count_of(&r->outcomes[i], terms, most);
	struct ipset only = reach_only(r, i);
	const struct ipset *set =
	    ipset_is_empty(&only) ? &r->outcomes[i].clients : &only;

	for (unsigned which = 0; which < 9; which++) {
		struct lint_witness w;

		try(l, set, which, &w);
		w.found = true;
		if (out->witness.found &&
		    !is_beyond(
			verdict_count(&w.verdict, terms), out->reached, most))
			continue;
		out->witness = w;
		out->reached = verdict_count(&w.verdict, terms);
		if (out->reached == count)
			break;
	}
	ipset_clear(&only);
}

static void
bound(struct lint *l, const struct reach *r, bool terms, bool most,
    struct lint_bound *out)
{
	bool *tried = spfquery_must(calloc(r->count + 1, sizeof(*tried)));
	size_t i = best_of(r, terms, most, tried);
	unsigned trials = l->trials;

	out->outcome = &r->outcomes[i];
	out->count = count_of(out->outcome, terms, most);
	out->witness.found = false;
	for (; i != r->count && l->trials - trials < BOUND_TRIALS_MAX;
	     i = best_of(r, terms, most, tried)) {
		if (out->witness.found &&
		    !is_beyond(count_of(&r->outcomes[i], terms, most),
			out->reached, most))
			break;
		approach(l, r, i, terms, most, out);
		tried[i] = true;
	}
	free(tried);
}

void
lint_bound(struct lint *l, enum survey_family family)
{
	const struct reach *r = &l->reaches[family];
	struct lint_bounds *b = &l->bounds[family];

	bound(l, r, true, false, &b->terms_least);
	bound(l, r, true, true, &b->terms_most);
	bound(l, r, false, false, &b->voids_least);
	bound(l, r, false, true, &b->voids_most);
}

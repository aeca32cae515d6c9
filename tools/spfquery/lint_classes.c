/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: what everybody gets, and limits that are near.
 */
#include "tools/spfquery/lint.h"

#define BROAD_BITS4 16 /* a network shorter than this is broad */
#define BROAD_BITS6 32

/* --- everybody --- */

/* The last term that lets somebody pass: the widest net comes last. */
static const struct reach_outcome *
last_pass(const struct reach *r)
{
	for (size_t i = r->count; i > 0; i--)
		if (r->outcomes[i - 1].result == SPF_PASS)
			return &r->outcomes[i - 1];
	return NULL;
}

static bool
is_same_place(const struct reach_outcome *a, const struct reach_outcome *b)
{
	return mf_text_eq(a->domain, b->domain) && mf_text_eq(a->term, b->term);
}

static void
find_everybody(
    struct lint *l, const struct reach_outcome *o, const char *family)
{
	lint_find(l, LINT_ERROR, "everybody", o->domain, o->term,
	    "every %shost on the internet passes", family);
}

static bool
check_everybody(struct lint *l)
{
	bool v4 = reach_all_pass(&l->reaches[SURVEY_V4]);
	bool v6 = reach_all_pass(&l->reaches[SURVEY_V6]);
	const struct reach_outcome *o4 = last_pass(&l->reaches[SURVEY_V4]);
	const struct reach_outcome *o6 = last_pass(&l->reaches[SURVEY_V6]);

	if (v4 && v6 && is_same_place(o4, o6)) {
		find_everybody(l, o4, "");
		return true;
	}
	if (v4)
		find_everybody(l, o4, "IPv4 ");
	if (v6)
		find_everybody(l, o6, "IPv6 ");
	return v4 || v6;
}

/* The widest network of set. */
static struct ip_net
widest(const struct ipset *set)
{
	struct ipset_walk walk = {0};
	struct ip_net net, best = {.bits = 129};

	while (ipset_next(set, &walk, &net))
		if (net.bits < best.bits)
			best = net;
	return best;
}

static void
check_broad(struct lint *l, const struct reach *r)
{
	struct ipset must = reach_must(r, SPF_PASS);

	for (size_t i = 0; i < r->count && !reach_all_pass(r); i++) {
		const struct reach_outcome *o = &r->outcomes[i];
		struct ipset passes = ipset_both(&o->clients, &must);
		struct ip_net net = widest(&passes);
		char room[IP_NET_SIZE], count[IPSET_COUNT_SIZE];

		if (o->result == SPF_PASS &&
		    net.bits < (r->v6 ? BROAD_BITS6 : BROAD_BITS4)) {
			ip_net_print(&net, room);
			struct ipset shown = reach_shown(r, &passes);

			ipset_count_print(&shown, count);
			ipset_clear(&shown);
			lint_find(l, LINT_WARNING, "broad", o->domain, o->term,
			    "%s %s addresses pass, such as all of %s", count,
			    r->v6 ? "IPv6" : "IPv4", room);
		}
		ipset_clear(&passes);
	}
	ipset_clear(&must);
}

/* By another term than "?all", which is found by itself. */
static void
check_neutral(struct lint *l)
{
	for (const struct lint_finding *f = l->first; f != NULL; f = f->next)
		if (strcmp(f->code, "neutral-all") == 0 ||
		    strcmp(f->code, "no-all") == 0)
			return;
	for (int f = 0; f < SURVEY_FAMILIES; f++)
		if (reach_results(&l->reaches[f], &l->reaches[f].everybody) !=
		    REACH_BIT(SPF_NEUTRAL))
			return;
	lint_find(l, LINT_WARNING, "neutral-all", l->domain, MF_TEXT(""),
	    "every client is neutral: the record says nothing about anybody");
}

/* --- limits --- */

static void
check_near(struct lint *l)
{
	const struct lint_bounds *b = l->bounds;
	const struct lint_bound *terms =
	    b[0].terms_most.count >= b[1].terms_most.count ? &b[0].terms_most
							   : &b[1].terms_most;
	const struct lint_bound *voids =
	    b[0].voids_most.count >= b[1].voids_most.count ? &b[0].voids_most
							   : &b[1].voids_most;

	if (terms->count <= l->limits.terms &&
	    terms->count + 1 >= l->limits.terms)
		lint_find(l, LINT_WARNING, "near-terms", l->domain, MF_TEXT(""),
		    "%u terms need DNS, of at most %u", terms->count,
		    l->limits.terms);
	if (voids->count == l->limits.voids)
		lint_find(l, LINT_WARNING, "near-voids", l->domain, MF_TEXT(""),
		    "%u lookups find nothing, of at most %u", voids->count,
		    l->limits.voids);
	if (!l->reaches[0].complete || !l->reaches[1].complete)
		lint_find(l, LINT_WARNING, "endless", l->domain, MF_TEXT(""),
		    "the records are too many to follow, or answers took too "
		    "long: other results are possible");
}

void
lint_classes(struct lint *l)
{
	for (int f = 0; f < SURVEY_FAMILIES; f++)
		lint_bound(l, (enum survey_family)f);
	lint_errors(l);
	check_everybody(l);
	check_broad(l, &l->reaches[SURVEY_V4]);
	check_broad(l, &l->reaches[SURVEY_V6]);
	check_neutral(l);
	check_near(l);
}

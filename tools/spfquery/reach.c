/* SPDX-License-Identifier: ISC */
/*
 * check_host() for sets of clients.  What it does is what libspf/eval.c and
 * libspf/mechanisms.c do for one; the order of counting, looking up and matching
 * is theirs.
 */
#include "tools/spfquery/reach_state.h"

#include "common/text.h"

/* Ways to go on from a record that isn't known; more is too large to follow. */
#define WAYS_MAX 200

/* One level of check_host(). */
struct reach_level {
	struct mf_text domain;
	bool included;
	/* If so: who has passed, and who got another result. */
	struct reach_states *passed, *others;
};

/* --- include and redirect --- */

static void check_record(struct reach_walk *w, const struct reach_place *from,
    const struct reach_level *l, const struct spf_answer *a,
    struct reach_states *live);

/* Some record, maybe none, leads on from live to any counts. */
static void
any_counts(struct reach_walk *w, const struct reach_place *place,
    struct reach_states *live, struct reach_states *to)
{
	for (size_t i = 0; i < live->count; i++) {
		struct reach_state *s = &live->at[i], ahead = *s;
		unsigned ways = (w->limits.terms - s->terms + 1) *
		    (w->limits.voids - s->voids + 1);

		if (ways > WAYS_MAX) {
			reach_give_up(w, place, live);
			return;
		}
		for (; ahead.terms <= w->limits.terms; ahead.terms++)
			for (ahead.voids = s->voids;
			     ahead.voids <= w->limits.voids; ahead.voids++)
				reach_states_add(
				    w, to, &ahead, ipset_copy(&s->clients));
	}
}

/* check_host() of some name: it passes for anybody, or doesn't, or fails. */
static void
check_some_name(struct reach_walk *w, const struct reach_place *place,
    const struct reach_level *l, struct reach_states *live)
{
	w->reach->open = true;
	reach_may_end(w, place, live, SPF_TEMPERROR, REACH_MAYBE, true);
	reach_may_end(w, place, live, SPF_PERMERROR, REACH_MAYBE, true);
	if (l->included) {
		struct reach_states ends = {0};

		any_counts(w, place, live, &ends);
		reach_states_copy(w, l->others, &ends);
		reach_states_move(w, l->passed, &ends);
	} else {
		for (int r = SPF_NEUTRAL; r <= SPF_SOFTFAIL; r++)
			reach_may_end(w, place, live, (enum spf_result)r,
			    REACH_MAYBE, true);
	}
	reach_states_clear(live);
}

/* The domain of an include or redirect at place, already counted. */
static void
check_target(struct reach_walk *w, const struct reach_place *place,
    const struct spf_domain_spec *spec, const struct reach_level *l,
    struct reach_states *live)
{
	char room[SPF_NAME_SIZE];
	struct mf_text name;
	struct reach_level below = *l;
	const struct spf_answer *a = NULL;

	switch (reach_naming(w, spec, place->domain, room, &name)) {
	case SPF_NAMING_NEVER:
		reach_end(w, place, live, SPF_PERMERROR, REACH_NO_NAME);
		return;
	case SPF_NAMING_VARIES:
		break;
	case SPF_NAMING_KNOWN:
		a = reach_ask(w, SPF_RR_TXT, name);
	}
	if (a == NULL) {
		check_some_name(w, place, l, live);
		return;
	}
	if (a->status == SPF_DNS_ERROR) {
		reach_end(w, place, live, SPF_TEMPERROR, REACH_DNS);
		return;
	}
	if (a->status == SPF_DNS_VOID)
		reach_count_void(w, place, live);
	below.domain = reach_keep(w->reach, name, MF_TEXT(""));
	check_record(w, place, &below, a, live);
}

static void
match_include(struct reach_walk *w, const struct reach_place *place,
    const struct spf_term *t, struct reach_states *live,
    struct reach_states *matched)
{
	struct reach_states in = {0}, others = {0};
	const struct reach_level l = {
	    .included = true, .passed = matched, .others = &others};

	in = *live;
	*live = (struct reach_states){0};
	check_target(w, place, &t->target, &l, &in);
	reach_states_move(w, live, &others);
}

/* --- records --- */

static void
decide(struct reach_walk *w, const struct reach_place *place,
    const struct reach_level *l, struct reach_states *states,
    enum spf_result result)
{
	if (!l->included)
		reach_end(w, place, states, result, REACH_TERM);
	else
		reach_states_move(
		    w, result == SPF_PASS ? l->passed : l->others, states);
}

static void
check_term(struct reach_walk *w, const struct reach_level *l,
    const struct spf_term *t, struct reach_states *live)
{
	const struct reach_place place = {l->domain, t->written};
	struct reach_states matched = {0};

	if (t->kind != SPF_TERM_ALL && t->kind != SPF_TERM_IP4 &&
	    t->kind != SPF_TERM_IP6)
		reach_count_term(w, &place, live);
	switch (t->kind) {
	case SPF_TERM_ALL:
		reach_states_move(w, &matched, live);
		break;
	case SPF_TERM_IP4:
	case SPF_TERM_IP6:
		reach_match_network(w, t, live, &matched);
		break;
	case SPF_TERM_A:
		reach_match_a(w, &place, t, live, &matched);
		break;
	case SPF_TERM_MX:
		reach_match_mx(w, &place, t, live, &matched);
		break;
	case SPF_TERM_PTR:
		reach_match_ptr(w, &place, t, live, &matched);
		break;
	case SPF_TERM_EXISTS:
		reach_match_exists(w, &place, t, live, &matched);
		break;
	case SPF_TERM_INCLUDE:
		match_include(w, &place, t, live, &matched);
	}
	decide(w, &place, l, &matched, t->result);
}

static void
check_redirect(struct reach_walk *w, const struct reach_level *l,
    const struct spf_domain_spec *spec, struct reach_states *live)
{
	const struct reach_place place = {
	    l->domain, reach_keep(w->reach, MF_TEXT("redirect="), spec->text)};
	const struct reach_place end = {l->domain, MF_TEXT("")};

	/* As if it weren't there, if the local part isn't ASCII. */
	if (spec->from_local) {
		struct reach_states none = {0};

		reach_states_copy(w, &none, live);
		decide(w, &end, l, &none, SPF_NEUTRAL);
	}
	reach_count_term(w, &place, live);
	check_target(w, &place, spec, l, live);
}

static void
check_record(struct reach_walk *w, const struct reach_place *from,
    const struct reach_level *l, const struct spf_answer *a,
    struct reach_states *live)
{
	const struct reach_place here = {l->domain, MF_TEXT("")};
	const struct spf_term *terms;
	const struct spf_domain_spec *redirect;
	size_t count = 0;

	if (a->spf_records != 1 || spf_record_problem(a->record) != NULL) {
		reach_end(w, a->spf_records == 0 ? from : &here, live,
		    SPF_PERMERROR,
		    a->spf_records == 0      ? REACH_NO_RECORD
			: a->spf_records > 1 ? REACH_MANY_RECORDS
					     : REACH_SYNTAX);
		return;
	}
	terms = spf_record_terms(a->record, &count);
	for (size_t i = 0; i < count && live->count != 0; i++) {
		if (reach_is_over(w)) {
			reach_give_up(w, &here, live);
			return;
		}
		check_term(w, l, &terms[i], live);
	}
	redirect = spf_record_redirect(a->record);
	if (live->count != 0 && redirect != NULL)
		check_redirect(w, l, redirect, live);
	else
		decide(w, &here, l, live, SPF_NEUTRAL);
}

/* --- the domain --- */

static void
check_domain(
    struct reach_walk *w, struct mf_text domain, struct reach_states *live)
{
	const struct reach_place here = {domain, MF_TEXT("")};
	const struct reach_level l = {.domain = domain};
	const struct spf_answer *a = reach_ask(w, SPF_RR_TXT, domain);

	if (a == NULL)
		reach_give_up(w, &here, live);
	else if (a->status == SPF_DNS_ERROR)
		reach_end(w, &here, live, SPF_TEMPERROR, REACH_DNS);
	else if (a->spf_records == 0)
		reach_end(w, &here, live, SPF_NONE, REACH_NO_RECORD);
	else
		check_record(w, &here, &l, a, live);
}

/* IPv4-mapped addresses are IPv4 (RFC 7208 5): no client has an IPv6 one. */
static struct ipset
all_clients(bool v6)
{
	const struct spf_ip ip = {
	    .v6 = true, .octets = {[10] = 0xff, [11] = 0xff}};
	struct ip_net mapped = ip_net(&ip, 96);
	struct ipset all = ipset_all(v6), none = ipset_empty(true);

	if (v6) {
		ipset_add(&none, &mapped);
		ipset_remove_set(&all, &none);
		ipset_clear(&none);
	}
	return all;
}

void
reach_find(struct reach *out, struct mf_text domain, bool v6,
    struct spf_limits limits, const struct spf_source *source)
{
	struct reach_walk w = {.reach = out,
	    .checked = domain,
	    .limits = spf_limits_set(limits),
	    .source = source};
	const struct reach_state start = {0};
	struct reach_states live = {0};

	*out = (struct reach){.v6 = v6,
	    .complete = true,
	    .everybody = all_clients(v6),
	    .named = ipset_empty(v6)};
	reach_states_add(&w, &live, &start, ipset_copy(&out->everybody));
	check_domain(&w, domain, &live);
}

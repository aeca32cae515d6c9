/* SPDX-License-Identifier: ISC */
/*
 * Terms that lead to no other record, for sets of clients: who matches, who
 * doesn't, and who ends there.
 */
#include "tools/spfquery/reach_state.h"

/* --- names and answers --- */

/* An answer; NULL if nothing can be said about it. */
const struct spf_answer *
reach_ask(struct reach_walk *w, enum spf_rr rr, struct mf_text name)
{
	const struct spf_answer *a;

	if (w->lookups == REACH_LOOKUPS_MAX) {
		w->reach->complete = false;
		return NULL;
	}
	w->lookups++;
	a = w->source->lookup(w->source->arg, rr, name);
	/* That there was no time for it says nothing about it. */
	if (a != NULL && a->cause != SPF_CAUSE_LATE)
		return a;
	w->reach->complete = false;
	return NULL;
}

enum spf_naming
reach_naming(const struct reach_walk *w, const struct spf_domain_spec *spec,
    struct mf_text domain, char room[static SPF_NAME_SIZE],
    struct mf_text *name)
{
	size_t len = 0;
	enum spf_naming n = spf_domain_spec_name(
	    spec, domain, w->checked, w->reach->v6, room, &len);

	*name = mf_text_at(room, n == SPF_NAMING_KNOWN ? len : 0);
	return n;
}

static enum spf_rr
address_rr(const struct reach_walk *w)
{
	return w->reach->v6 ? SPF_RR_AAAA : SPF_RR_A;
}

/* --- matching --- */

/* Who has an address in set matches; it is named, unless it is everybody. */
static void
match(struct reach_walk *w, struct reach_states *live, struct ipset *set,
    struct reach_states *matched)
{
	if (!ipset_is_all(set))
		ipset_add_set(&w->reach->named, set);
	reach_states_split(w, live, set, matched);
	ipset_clear(set);
}

void
reach_match_network(struct reach_walk *w, const struct spf_term *t,
    struct reach_states *live, struct reach_states *matched)
{
	struct spf_ip ip = {.v6 = t->kind == SPF_TERM_IP6};
	struct ipset set = ipset_empty(ip.v6);
	struct ip_net net;

	if (ip.v6 != w->reach->v6)
		return;
	memcpy(ip.octets, t->network, ip.v6 ? 16 : 4);
	net = ip_net(&ip, ip.v6 ? t->cidr6 : t->cidr4);
	ipset_add(&set, &net);
	match(w, live, &set, matched);
}

static void
add_addresses(const struct reach_walk *w, const struct spf_answer *a,
    const struct spf_term *t, struct ipset *set)
{
	size_t size = w->reach->v6 ? 16 : 4;

	for (size_t i = 0; i < a->count; i++) {
		struct spf_ip ip = {.v6 = w->reach->v6};
		struct ip_net net;

		memcpy(ip.octets, a->addresses + i * size, size);
		net = ip_net(&ip, ip.v6 ? t->cidr6 : t->cidr4);
		ipset_add(set, &net);
	}
}

/*
 * The lookup of some name, maybe none: it can match for anybody, find nothing,
 * or fail.
 */
static void
match_some_name(struct reach_walk *w, const struct reach_place *place,
    struct reach_states *live, struct reach_states *matched)
{
	struct reach_states nothing = {0};

	w->reach->open = true;
	reach_may_end(w, place, live, SPF_TEMPERROR, REACH_MAYBE, false);
	reach_states_copy(w, matched, live);
	reach_states_copy(w, &nothing, live);
	reach_count_void(w, place, &nothing);
	reach_states_move(w, live, &nothing);
}

/*
 * The answer for the name of a term that isn't an include.  NULL: live and
 * matched are what comes of it.
 */
static const struct spf_answer *
term_answer(struct reach_walk *w, const struct reach_place *place,
    enum spf_rr rr, const struct spf_term *t, struct reach_states *live,
    struct reach_states *matched)
{
	char room[SPF_NAME_SIZE];
	struct mf_text name;
	const struct spf_answer *a = NULL;

	switch (reach_naming(w, &t->target, place->domain, room, &name)) {
	case SPF_NAMING_NEVER:
		return NULL;
	case SPF_NAMING_VARIES:
		break;
	case SPF_NAMING_KNOWN:
		a = reach_ask(w, rr, name);
	}
	if (a == NULL) {
		if (rr == SPF_RR_MX)
			reach_may_end(
			    w, place, live, SPF_PERMERROR, REACH_MAYBE, false);
		match_some_name(w, place, live, matched);
		return NULL;
	}
	switch (a->status) {
	case SPF_DNS_FOUND:
		return a;
	case SPF_DNS_VOID:
		reach_count_void(w, place, live);
		return NULL;
	case SPF_DNS_ERROR:
		reach_end(w, place, live, SPF_TEMPERROR, REACH_DNS);
	}
	return NULL;
}

void
reach_match_a(struct reach_walk *w, const struct reach_place *place,
    const struct spf_term *t, struct reach_states *live,
    struct reach_states *matched)
{
	const struct spf_answer *a =
	    term_answer(w, place, address_rr(w), t, live, matched);
	struct ipset set = ipset_empty(w->reach->v6);

	if (a == NULL)
		return;
	add_addresses(w, a, t, &set);
	match(w, live, &set, matched);
}

void
reach_match_exists(struct reach_walk *w, const struct reach_place *place,
    const struct spf_term *t, struct reach_states *live,
    struct reach_states *matched)
{
	if (term_answer(w, place, SPF_RR_A, t, live, matched) != NULL)
		reach_states_move(w, matched, live);
}

/* False: that host ends it. */
static bool
match_mx_host(struct reach_walk *w, const struct reach_place *place,
    const struct spf_term *t, struct mf_text host, struct reach_states *live,
    struct reach_states *matched)
{
	struct ipset set = ipset_empty(w->reach->v6);
	const struct spf_answer *a;

	if (!spf_name_ok(host))
		return true;
	a = reach_ask(w, address_rr(w), host);
	if (a == NULL) {
		w->reach->open = true;
		reach_may_end(
		    w, place, live, SPF_TEMPERROR, REACH_MAYBE, false);
		reach_states_copy(w, matched, live);
		return true;
	}
	if (a->status == SPF_DNS_ERROR) {
		reach_end(w, place, live, SPF_TEMPERROR, REACH_DNS);
		return false;
	}
	add_addresses(w, a, t, &set);
	match(w, live, &set, matched);
	return true;
}

void
reach_match_mx(struct reach_walk *w, const struct reach_place *place,
    const struct spf_term *t, struct reach_states *live,
    struct reach_states *matched)
{
	const struct spf_answer *a =
	    term_answer(w, place, SPF_RR_MX, t, live, matched);

	if (a == NULL)
		return;
	if (a->count > w->limits.mx) {
		reach_end(w, place, live, SPF_PERMERROR, REACH_MX);
		return;
	}
	for (size_t i = 0; i < a->count && live->count != 0; i++)
		if (!match_mx_host(w, place, t, a->names[i], live, matched))
			return;
}

/* The client's names aren't known; an error of theirs is no match (5.5). */
void
reach_match_ptr(struct reach_walk *w, const struct reach_place *place,
    const struct spf_term *t, struct reach_states *live,
    struct reach_states *matched)
{
	char room[SPF_NAME_SIZE];
	struct mf_text name;
	struct reach_states nothing = {0};

	if (reach_naming(w, &t->target, place->domain, room, &name) ==
	    SPF_NAMING_NEVER)
		return;
	w->reach->open = true;
	reach_states_copy(w, matched, live);
	reach_states_copy(w, &nothing, live);
	reach_count_void(w, place, &nothing);
	reach_states_move(w, live, &nothing);
}

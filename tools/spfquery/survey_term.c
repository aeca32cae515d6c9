/* SPDX-License-Identifier: ISC */
/*
 * What a term matches and leads to: RFC 7208 5 without a client.
 */
#include "tools/spfquery/survey_.h"

#include <stdlib.h>

#include "common/text.h"

static void
add_net(struct survey_match *m, const uint8_t *octets, unsigned bits)
{
	static const uint8_t mapped[12] = {
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	struct spf_ip ip = {.v6 = m->nets.v6};
	struct ip_net net;

	/* Clients with IPv4-mapped addresses are IPv4's (RFC 7208 5). */
	if (ip.v6 && bits >= 96 && memcmp(octets, mapped, 12) == 0)
		return;
	memcpy(ip.octets, octets, ip.v6 ? 16 : 4);
	net = ip_net(&ip, bits);
	ipset_add(&m->nets, &net);
}

static void
add_addresses(struct survey_match *m, const struct spf_answer *a, unsigned bits)
{
	size_t size = m->nets.v6 ? 16 : 4;

	for (size_t i = 0; i < a->count; i++)
		add_net(m, a->addresses + i * size, bits);
}

static enum spf_rr
address_rr(const struct survey_match *m)
{
	return m->nets.v6 ? SPF_RR_AAAA : SPF_RR_A;
}

/* An answer with records; or NULL, and what it counts is noted. */
static const struct spf_answer *
look_up(struct survey_walk *w, struct survey_term *t, struct survey_match *m,
    enum spf_rr rr, struct mf_text name)
{
	const struct spf_answer *a = survey_ask(w, t, rr, name);

	if (a == NULL)
		return NULL;
	m->cause = a->cause;
	m->voids = a->status == SPF_DNS_VOID;
	if (m->voids != 0)
		survey_lookup_of(t, rr, name)->is_void = true;
	return a->status == SPF_DNS_FOUND ? a : NULL;
}

static void
run_a(struct survey_walk *w, struct survey_term *t, struct survey_match *m,
    struct mf_text name, unsigned bits)
{
	const struct spf_answer *a = look_up(w, t, m, address_rr(m), name);

	if (a != NULL)
		add_addresses(m, a, bits);
}

/* By preference: who has matched doesn't see the error of a later host. */
static void
run_mx(struct survey_walk *w, struct survey_term *t, struct survey_match *m,
    struct mf_text name, unsigned bits)
{
	const struct spf_answer *mx = look_up(w, t, m, SPF_RR_MX, name);

	if (mx == NULL)
		return;
	m->many_mx = mx->count > SPF_MX_MAX;
	for (size_t i = 0; i < mx->count && i < SPF_MX_MAX; i++) {
		const struct spf_answer *a = NULL;

		if (spf_name_ok(mx->names[i]))
			a = survey_ask(w, t, address_rr(m), mx->names[i]);
		if (a == NULL || m->cause != SPF_CAUSE_NONE)
			continue;
		if (a->status == SPF_DNS_ERROR)
			m->cause = a->cause;
		else if (a->status == SPF_DNS_FOUND)
			add_addresses(m, a, bits);
	}
}

static void
run_exists(struct survey_walk *w, struct survey_term *t, struct survey_match *m,
    struct mf_text name)
{
	if (look_up(w, t, m, SPF_RR_A, name) != NULL)
		ipset_take(&m->nets, ipset_all(m->nets.v6));
}

static void
run_lead(struct survey_walk *w, struct survey_term *t, struct survey_match *m,
    struct mf_text name)
{
	m->leads = survey_follow(w, t, name);
	if (m->leads == NULL)
		return;
	m->voids = m->leads->answer.status == SPF_DNS_VOID;
	m->cause = m->leads->answer.cause;
}

static void
run_named(struct survey_walk *w, struct survey_term *t, struct survey_match *m,
    const struct spf_term *mechanism, struct mf_text name)
{
	unsigned bits;

	if (mechanism == NULL) {
		if (t->kind == SURVEY_REDIRECT)
			run_lead(w, t, m, name);
		else
			survey_ask(w, t, SPF_RR_TXT, name);
		return;
	}
	bits = m->nets.v6 ? mechanism->cidr6 : mechanism->cidr4;
	switch (mechanism->kind) {
	case SPF_TERM_A:
		run_a(w, t, m, name, bits);
		break;
	case SPF_TERM_MX:
		run_mx(w, t, m, name, bits);
		break;
	case SPF_TERM_EXISTS:
		run_exists(w, t, m, name);
		break;
	case SPF_TERM_INCLUDE:
		run_lead(w, t, m, name);
		break;
	case SPF_TERM_PTR: /* the client's names decide */
		m->open = true;
		break;
	case SPF_TERM_ALL:
	case SPF_TERM_IP4:
	case SPF_TERM_IP6:
		break;
	}
}

/* True for those that the evaluator needs no name for. */
static bool
run_nameless(struct survey_term *t, const struct spf_term *mechanism)
{
	switch (mechanism->kind) {
	case SPF_TERM_ALL:
		for (size_t f = 0; f < SURVEY_FAMILIES; f++)
			ipset_take(
			    &t->match[f].nets, ipset_all(f == SURVEY_V6));
		return true;
	case SPF_TERM_IP4:
		add_net(
		    &t->match[SURVEY_V4], mechanism->network, mechanism->cidr4);
		return true;
	case SPF_TERM_IP6:
		add_net(
		    &t->match[SURVEY_V6], mechanism->network, mechanism->cidr6);
		return true;
	case SPF_TERM_A:
	case SPF_TERM_MX:
	case SPF_TERM_PTR:
	case SPF_TERM_EXISTS:
	case SPF_TERM_INCLUDE:
		break;
	}
	return false;
}

/* Both families ask the same of exists, include, redirect and exp. */
static bool
is_same_for_both(const struct survey_term *t, const struct spf_term *mechanism)
{
	return mechanism == NULL || t->mechanism == SPF_TERM_EXISTS ||
	    t->mechanism == SPF_TERM_INCLUDE;
}

static void
copy_match(const struct survey_match *from, struct survey_match *to)
{
	bool all = ipset_is_all(&from->nets);

	*to = *from;
	to->nets = all ? ipset_all(true) : ipset_empty(true);
}

void
survey_term_run(struct survey_walk *w, struct survey_term *t,
    const struct spf_term *mechanism, const struct spf_domain_spec *spec)
{
	char names[SURVEY_FAMILIES][SPF_NAME_SIZE];
	size_t lens[SURVEY_FAMILIES] = {0};

	if (mechanism != NULL && run_nameless(t, mechanism))
		return;
	for (size_t f = 0; f < SURVEY_FAMILIES; f++) {
		struct survey_match *m = &t->match[f];
		enum spf_naming naming =
		    spf_domain_spec_name(spec, mf_text_of(t->record->domain),
			w->checked, f == SURVEY_V6, names[f], &lens[f]);

		if (f == SURVEY_V6 && naming == SPF_NAMING_KNOWN &&
		    is_same_for_both(t, mechanism) && lens[0] == lens[1] &&
		    memcmp(names[0], names[1], lens[0]) == 0) {
			copy_match(&t->match[SURVEY_V4], m);
			continue;
		}
		m->open = naming == SPF_NAMING_VARIES;
		m->never = naming == SPF_NAMING_NEVER;
		if (naming == SPF_NAMING_KNOWN)
			run_named(
			    w, t, m, mechanism, mf_text_at(names[f], lens[f]));
		else
			lens[f] = 0;
	}
}

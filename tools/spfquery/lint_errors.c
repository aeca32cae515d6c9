/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: errors that some client gets.
 *
 * An error is certain if a client that gets it is found, and only then one of
 * the level LINT_ERROR.
 */
#include "tools/spfquery/lint.h"

#define CLIENTS_SIZE 400
#define PATH_SIZE    600

/* Outcomes of both families that are one error. */
struct error_group {
	const struct reach_outcome *first;
	struct ipset clients[SURVEY_FAMILIES];
	bool all[SURVEY_FAMILIES]; /* whatever names macros make */
	struct lint_witness witness;
};

/* Where one is reported. */
struct error_place {
	const char *code;
	struct mf_text domain, term;
};

/* --- which clients --- */

static bool
is_others(const struct reach *r, const struct ipset *set)
{
	struct ipset others = ipset_minus(&r->everybody, &r->named);
	bool same = !ipset_is_empty(&others) && ipset_equal(&others, set);

	ipset_clear(&others);
	return same;
}

static void
put_family(struct text_out *out, const struct reach *r, const struct ipset *set)
{
	char room[IPSET_COUNT_SIZE], net_room[IP_NET_SIZE];
	struct ipset_walk walk = {0};
	struct ipset shown;
	struct ip_net net;

	if (ipset_equal(set, &r->everybody)) {
		out_str(out, r->v6 ? "every IPv6 client" : "every IPv4 client");
		return;
	}
	if (is_others(r, set)) {
		out_str(out, r->v6 ? "IPv6" : "IPv4");
		out_str(out, " clients that no term names");
		return;
	}
	shown = reach_shown(r, set);
	ipset_next(&shown, &walk, &net);
	ip_net_print(&net, net_room);
	if (ipset_nets(&shown) == 1) {
		out_str(out, "clients in ");
	} else {
		ipset_count_print(&shown, room);
		out_str(out, room);
		out_str(out, r->v6 ? " IPv6" : " IPv4");
		out_str(out, " addresses, such as ");
	}
	out_str(out, net_room);
	ipset_clear(&shown);
}

static void
put_clients(struct text_out *out, const struct lint *l,
    const struct ipset sets[static SURVEY_FAMILIES])
{
	const struct reach *r = l->reaches;

	if (ipset_equal(&sets[0], &r[0].everybody) &&
	    ipset_equal(&sets[1], &r[1].everybody)) {
		out_str(out, "every client");
		return;
	}
	if (is_others(&r[0], &sets[0]) && is_others(&r[1], &sets[1])) {
		out_str(out, "clients that no term names");
		return;
	}
	for (int f = 0, first = 1; f < SURVEY_FAMILIES; f++)
		if (!ipset_is_empty(&sets[f])) {
			out_str(out, first != 0 ? "" : ", and ");
			put_family(out, &r[f], &sets[f]);
			first = 0;
		}
}

/* --- paths --- */

static void
put_steps(struct text_out *out, const struct reach_step *s, int depth)
{
	if (s == NULL)
		return;
	if (depth == SPF_TERMS_MAX + 2) {
		out_str(out, "...");
		return;
	}
	put_steps(out, s->before, depth + 1);
	if (s->before != NULL)
		out_str(out, ", ");
	out_text(out, text_head(s->term, 80));
	out_str(out, s->is_void ? " (void)" : "");
}

static const struct survey_record *
record_of(const struct lint *l, struct mf_text domain)
{
	for (const struct survey_record *r = l->survey.root; r != NULL;
	     r = r->next)
		if (text_eq_fold(mf_text_of(r->domain), domain))
			return r;
	return NULL;
}

/* The term on the way to last that leads back to where it is; or NULL. */
static const struct reach_step *
loop_of(const struct lint *l, const struct reach_step *last)
{
	for (const struct reach_step *s = last; s != NULL; s = s->before) {
		const struct survey_record *r = record_of(l, s->domain);

		for (const struct survey_term *t = r != NULL ? r->first : NULL;
		     t != NULL; t = t->next)
			if (t->loop && text_eq_fold(t->written, s->term))
				return s;
	}
	return NULL;
}

/* --- errors --- */

/* One for each limit that is passed, else for each place. */
static bool
is_same_error(const struct reach_outcome *a, const struct reach_outcome *b)
{
	if (a->why != b->why || a->result != b->result)
		return false;
	if (a->why == REACH_TERMS || a->why == REACH_VOIDS)
		return true;
	return mf_text_eq(a->domain, b->domain) && mf_text_eq(a->term, b->term);
}

/* Syntax errors of the domain's own record are found term by term. */
static bool
is_error(const struct lint *l, const struct reach_outcome *o)
{
	if (o->result != SPF_PERMERROR && o->result != SPF_TEMPERROR)
		return false;
	if (reach_is_guess(o) || o->why == REACH_UNKNOWN)
		return false;
	return o->why != REACH_SYNTAX || !mf_text_eq(o->domain, l->domain);
}

static const char *
code_of(const struct reach_outcome *o)
{
	switch (o->why) {
	case REACH_TERMS:
		return "many-terms";
	case REACH_VOIDS:
		return "many-voids";
	case REACH_MX:
		return "many-mx";
	case REACH_SYNTAX:
		return "broken";
	case REACH_NO_RECORD:
		return "no-record";
	case REACH_MANY_RECORDS:
		return "many-records";
	case REACH_NO_NAME:
		return "no-name";
	case REACH_DNS:
		return "dns";
	case REACH_MAYBE:
	case REACH_TERM:
	case REACH_UNKNOWN:
		break;
	}
	return "macro-error";
}

/* The failing lookup of the term that an outcome ends at. */
static void
put_failure(struct text_out *out, const struct lint *l,
    const struct lint_witness *w, const struct reach_outcome *o)
{
	const struct survey_record *r = record_of(l, o->domain);
	const char *at;

	if (w->found) {
		/* The evaluator has said what it was. */
		at = strstr(w->verdict.problem, "DNS lookup");
		out_str(out, at != NULL ? at : w->verdict.problem);
		return;
	}
	out_str(out, "a DNS lookup failed");
	if (r != NULL && r->status == SURVEY_FAILED) {
		out_str(out, ": ");
		out_str(out, spf_cause_text(r->answer.cause));
	}
}

/* What the compiler says of a record, and what was meant. */
static void
put_problem(struct text_out *out, const struct survey_record *r)
{
	struct mf_text rest =
	    text_from(mf_text_of(r->text), sizeof("v=spf1") - 1);
	char problem[SPF_TEXT_SIZE], hint[SPF_TEXT_SIZE] = "";
	struct lint_term t;
	bool both;

	out_text(out, lint_plain_problem(r->problem));
	while (rest.len <= SPF_RECORD_MAX && lint_next(&rest, &t, problem))
		if (!t.valid) {
			lint_hint(&t, MF_TEXT(""), hint, &both);
			break;
		}
	out_str(out, hint[0] != '\0' ? "; " : "");
	out_str(out, hint);
}

static void
put_why(struct text_out *out, const struct lint *l, const struct error_group *g)
{
	const struct reach_outcome *o = g->first;
	const struct survey_record *r = record_of(l, o->domain);
	char hint[SPF_TEXT_SIZE];

	switch (o->why) {
	case REACH_TERMS:
		out_str(out, "more than ");
		out_uint(out, l->limits.terms);
		out_str(out, " terms need DNS (");
		put_steps(out, o->last, 0);
		out_char(out, ')');
		break;
	case REACH_VOIDS:
		out_str(out, "more than ");
		out_uint(out, l->limits.voids);
		out_str(out, " lookups find nothing (");
		put_steps(out, o->last, 0);
		out_char(out, ')');
		break;
	case REACH_MX:
		out_str(out, "more than ");
		out_uint(out, l->limits.mx);
		out_str(out, " mail hosts (MX)");
		break;
	case REACH_SYNTAX:
		out_str(out, "the record has an error: ");
		if (r != NULL)
			put_problem(out, r);
		break;
	case REACH_NO_RECORD:
		out_str(out, "there is no SPF record");
		if (lint_suggest(l, o->domain, o->term, hint)) {
			out_str(out, "; ");
			out_str(out, hint);
		}
		break;
	case REACH_MANY_RECORDS:
		out_str(out,
		    "there is more than one SPF record, where only "
		    "one may be (RFC 7208 4.5)");
		break;
	case REACH_NO_NAME:
		out_str(out, "no such name can exist in the DNS");
		break;
	case REACH_DNS:
		put_failure(out, l, &g->witness, o);
		break;
	case REACH_MAYBE:
	case REACH_TERM:
	case REACH_UNKNOWN:
		out_str(out, "macros make a name without an SPF record");
	}
}

static void
put_witness(struct text_out *out, const struct lint_witness *w)
{
	char ip[SPF_IP_SIZE];

	spf_ip_print(&w->ip, ip);
	out_str(out, "clients such as ");
	out_str(out, ip);
	out_str(out, " with sender ");
	out_str(out, w->sender);
}

/* Limits are passed by a path, not at a place; a loop has one. */
static void
put_place(
    const struct lint *l, const struct error_group *g, struct error_place *out)
{
	const struct reach_outcome *o = g->first;
	const struct reach_step *loop;

	*out = (struct error_place){code_of(o), o->domain, o->term};
	if (o->why != REACH_TERMS && o->why != REACH_VOIDS)
		return;
	out->domain = l->domain;
	out->term = MF_TEXT("");
	loop = loop_of(l, o->last);
	if (loop == NULL || o->why == REACH_VOIDS)
		return;
	*out = (struct error_place){"loop", loop->domain, loop->term};
}

static void
report_error(struct lint *l, struct error_group *g)
{
	char why[PATH_SIZE + 200], who[CLIENTS_SIZE];
	struct text_out out = text_out(why, sizeof(why) - 1);
	struct text_out clients = text_out(who, sizeof(who) - 1);
	const struct reach_outcome *o = g->first;
	const char *result = spf_result_text(o->result);
	struct error_place place;

	put_why(&out, l, g);
	why[out.len] = '\0';
	if (g->all[0] && g->all[1])
		put_clients(&clients, l, g->clients);
	else if (g->witness.found)
		put_witness(&clients, &g->witness);
	else
		out_str(&clients,
		    "some clients, if names that macros make "
		    "exist or don't");
	who[clients.len] = '\0';
	put_place(l, g, &place);
	lint_find(l, g->witness.found ? LINT_ERROR : LINT_WARNING, place.code,
	    place.domain, place.term, "%s: %s%s for %s", why,
	    g->witness.found ? "" : "possibly ", result, who);
}

/* The clients of all outcomes that are the error of o, and one of them. */
static void
gather(struct lint *l, struct error_group *g)
{
	for (int f = 0; f < SURVEY_FAMILIES; f++) {
		const struct reach *r = &l->reaches[f];
		struct ipset must = reach_must(r, g->first->result), rest;

		for (size_t i = 0; i < r->count; i++) {
			const struct reach_outcome *o = &r->outcomes[i];
			struct ipset only;

			if (!is_error(l, o) || !is_same_error(o, g->first))
				continue;
			ipset_add_set(&g->clients[f], &o->clients);
			if (g->witness.found)
				continue;
			only = reach_only(r, i);
			lint_confirm(l, o, &only, &g->witness);
			ipset_clear(&only);
		}
		rest = ipset_minus(&g->clients[f], &must);
		g->all[f] = ipset_is_empty(&rest);
		ipset_clear(&rest);
		ipset_clear(&must);
	}
}

/* An outcome before the one at i of family is the same error. */
static bool
is_known(const struct lint *l, int family, size_t i)
{
	const struct reach_outcome *o = &l->reaches[family].outcomes[i];

	for (int f = 0; f <= family; f++)
		for (size_t k = 0; k < (f < family ? l->reaches[f].count : i);
		     k++)
			if (is_error(l, &l->reaches[f].outcomes[k]) &&
			    is_same_error(&l->reaches[f].outcomes[k], o))
				return true;
	return false;
}

void
lint_errors(struct lint *l)
{
	for (int f = 0; f < SURVEY_FAMILIES; f++)
		for (size_t i = 0; i < l->reaches[f].count; i++) {
			const struct reach_outcome *o =
			    &l->reaches[f].outcomes[i];
			struct error_group g = {.first = o,
			    .clients = {ipset_empty(false), ipset_empty(true)}};

			if (!is_error(l, o) || is_known(l, f, i))
				continue;
			gather(l, &g);
			report_error(l, &g);
			ipset_clear(&g.clients[0]);
			ipset_clear(&g.clients[1]);
		}
}

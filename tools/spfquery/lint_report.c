/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: what was found and what clients get, in lines for people.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/escape.h"
#include "tools/spfquery/lint.h"
#include "tools/spfquery/report.h"

/* The best first. */
static const enum spf_result order[] = {SPF_PASS, SPF_NEUTRAL, SPF_SOFTFAIL,
    SPF_FAIL, SPF_NONE, SPF_TEMPERROR, SPF_PERMERROR};

#define ORDER (sizeof(order) / sizeof(order[0]))

const char *
lint_level_text(enum lint_level level)
{
	switch (level) {
	case LINT_ERROR:
		return "error";
	case LINT_WARNING:
		return "warning";
	case LINT_NOTE:
		return "note";
	}
	return "?";
}

static void
print_findings(FILE *to, const struct lint *l)
{
	for (const struct lint_finding *f = l->first; f != NULL; f = f->next) {
		fprintf(to, "%s: ", lint_level_text(f->level));
		escape_terminal(to, mf_text_of(f->domain));
		fprintf(to, ": ");
		if (f->term[0] != '\0') {
			putc('"', to);
			escape_terminal(to, mf_text_of(f->term));
			fprintf(to, "\": ");
		}
		escape_terminal(to, mf_text_of(f->says));
		fprintf(to, " [%s]\n", f->code);
	}
}

/* --- what clients get --- */

static void
print_set(FILE *to, const struct reach *r, const struct ipset *set)
{
	struct ipset shown = reach_shown(r, set);
	char count[IPSET_COUNT_SIZE], net_room[IP_NET_SIZE];
	struct ipset others = ipset_minus(&r->everybody, &r->named);
	struct ipset_walk walk = {0};
	struct ip_net net;

	if (ipset_equal(set, &r->everybody))
		fprintf(to, "every client");
	else if (ipset_equal(set, &others))
		fprintf(to, "clients that no term names");
	else if (ipset_nets(&shown) == 1) {
		ipset_next(&shown, &walk, &net);
		ip_net_print(&net, net_room);
		fprintf(to, "%s", net_room);
	} else {
		ipset_count_print(&shown, count);
		fprintf(to, "%s addresses (%zu networks)", count,
		    ipset_nets(&shown));
	}
	ipset_clear(&shown);
	ipset_clear(&others);
}

/* Nothing else is known of the result than that lookups may fail. */
static bool
is_guess_alone(const struct reach *r, enum spf_result result)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->outcomes[i].result == result &&
		    !reach_is_guess(&r->outcomes[i]))
			return false;
	return true;
}

static void
print_results(FILE *to, const struct reach *r)
{
	const char *before = "";

	for (size_t i = 0; i < ORDER; i++) {
		struct ipset must = reach_must(r, order[i]);
		struct ipset may = is_guess_alone(r, order[i])
		    ? ipset_empty(r->v6)
		    : reach_may(r, order[i]);

		ipset_remove_set(&may, &must);
		if (!ipset_is_empty(&must)) {
			fprintf(
			    to, "%s%s for ", before, spf_result_text(order[i]));
			print_set(to, r, &must);
			before = "; ";
		}
		if (!ipset_is_empty(&may)) {
			fprintf(to, "%sperhaps %s for ", before,
			    spf_result_text(order[i]));
			print_set(to, r, &may);
			before = "; ";
		}
		ipset_clear(&must);
		ipset_clear(&may);
	}
}

static void
print_path(FILE *to, const struct reach_step *s, bool last)
{
	if (s == NULL)
		return;
	print_path(to, s->before, false);
	escape_terminal(to, s->term);
	fprintf(to, "%s%s", s->is_void ? " (void)" : "", last ? "" : ", ");
}

static void
print_range(FILE *to, const struct lint_bound *least,
    const struct lint_bound *most, unsigned limit, const char *what)
{
	if (least->count != most->count)
		fprintf(to, "%u to ", least->count);
	fprintf(to, "%u of %u %s", most->count, limit, what);
	if (!most->witness.found)
		fprintf(to, ", if names that macros make are so");
	else if (most->reached != most->count)
		fprintf(to, ", %u by a client that was found", most->reached);
}

static void
print_bounds(FILE *to, const struct lint *l, const struct lint_bounds *b)
{
	const struct reach_outcome *o = b->terms_most.outcome;

	print_range(
	    to, &b->terms_least, &b->terms_most, l->limits.terms, "terms");
	if (o->last != NULL) {
		fprintf(to, " (");
		print_path(to, o->last, true);
		putc(')', to);
	}
	fprintf(to, "; ");
	print_range(to, &b->voids_least, &b->voids_most, l->limits.voids,
	    "void lookups");
}

static void
print_client(FILE *to, const struct lint_client *c)
{
	char ip[SPF_IP_SIZE];

	spf_ip_print(&c->request->ip, ip);
	fprintf(to, "%s from ", ip);
	escape_terminal(to,
	    c->request->sender.len != 0 ? c->request->sender : MF_TEXT("<>"));
	fprintf(to, ": %s, %u terms, %u void lookups: ",
	    spf_result_text(c->verdict->result), c->verdict->terms,
	    c->verdict->voids);
	words_why(to, c->verdict);
	putc('\n', to);
}

static const char *
plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

void
lint_print(FILE *to, const struct lint *l, const struct lint_client *client)
{
	if (l->record != NULL) {
		escape_terminal(to, l->domain);
		fprintf(to, ": ");
		escape_terminal(to, mf_text_of(l->record));
		putc('\n', to);
	}
	print_findings(to, l);
	for (int f = 0; f < SURVEY_FAMILIES; f++) {
		const char *family = f == SURVEY_V6 ? "IPv6" : "IPv4";

		fprintf(to, "%s: ", family);
		print_results(to, &l->reaches[f]);
		fprintf(to, "\n%s: ", family);
		print_bounds(to, l, &l->bounds[f]);
		putc('\n', to);
	}
	if (client != NULL)
		print_client(to, client);
	fprintf(to, "%u error%s, %u warning%s\n", l->levels[LINT_ERROR],
	    plural(l->levels[LINT_ERROR]), l->levels[LINT_WARNING],
	    plural(l->levels[LINT_WARNING]));
}

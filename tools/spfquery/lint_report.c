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
print_findings(const struct lint *l)
{
	for (const struct lint_finding *f = l->first; f != NULL; f = f->next) {
		printf("%s: ", lint_level_text(f->level));
		escape_terminal(stdout, mf_text_of(f->domain));
		printf(": ");
		if (f->term[0] != '\0') {
			putchar('"');
			escape_terminal(stdout, mf_text_of(f->term));
			printf("\": ");
		}
		escape_terminal(stdout, mf_text_of(f->says));
		printf(" [%s]\n", f->code);
	}
}

/* --- what clients get --- */

static void
print_set(const struct reach *r, const struct ipset *set)
{
	char count[IPSET_COUNT_SIZE], net_room[IP_NET_SIZE];
	struct ipset others = ipset_minus(&r->everybody, &r->named);
	struct ipset_walk walk = {0};
	struct ip_net net;

	if (ipset_equal(set, &r->everybody))
		printf("every client");
	else if (ipset_equal(set, &others))
		printf("clients that no term names");
	else if (ipset_nets(set) == 1) {
		ipset_next(set, &walk, &net);
		ip_net_print(&net, net_room);
		printf("%s", net_room);
	} else {
		ipset_count_print(set, count);
		printf("%s addresses (%zu networks)", count, ipset_nets(set));
	}
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
print_results(const struct reach *r)
{
	const char *before = "";

	for (size_t i = 0; i < ORDER; i++) {
		struct ipset must = reach_must(r, order[i]);
		struct ipset may = is_guess_alone(r, order[i])
		    ? ipset_empty(r->v6)
		    : reach_may(r, order[i]);

		ipset_remove_set(&may, &must);
		if (!ipset_is_empty(&must)) {
			printf("%s%s for ", before, spf_result_text(order[i]));
			print_set(r, &must);
			before = "; ";
		}
		if (!ipset_is_empty(&may)) {
			printf("%sperhaps %s for ", before,
			    spf_result_text(order[i]));
			print_set(r, &may);
			before = "; ";
		}
		ipset_clear(&must);
		ipset_clear(&may);
	}
}

static void
print_path(const struct reach_step *s, bool last)
{
	if (s == NULL)
		return;
	print_path(s->before, false);
	escape_terminal(stdout, s->term);
	printf("%s%s", s->is_void ? " (void)" : "", last ? "" : ", ");
}

static void
print_range(const struct lint_bound *least, const struct lint_bound *most,
    unsigned limit, const char *what)
{
	if (least->count != most->count)
		printf("%u to ", least->count);
	printf("%u of %u %s", most->count, limit, what);
	if (!most->witness.found)
		printf(", if names that macros make are so");
	else if (most->reached != most->count)
		printf(", %u by a client that was found", most->reached);
}

static void
print_bounds(const struct lint *l, const struct lint_bounds *b)
{
	const struct reach_outcome *o = b->terms_most.outcome;

	print_range(&b->terms_least, &b->terms_most, l->limits.terms, "terms");
	if (o->last != NULL) {
		printf(" (");
		print_path(o->last, true);
		putchar(')');
	}
	printf("; ");
	print_range(
	    &b->voids_least, &b->voids_most, l->limits.voids, "void lookups");
}

static void
print_client(const struct lint_client *c)
{
	char ip[SPF_IP_SIZE];

	spf_ip_print(&c->request->ip, ip);
	printf("%s from ", ip);
	escape_terminal(stdout,
	    c->request->sender.len != 0 ? c->request->sender : MF_TEXT("<>"));
	printf(": %s, %u terms, %u void lookups: ",
	    spf_result_text(c->verdict->result), c->verdict->terms,
	    c->verdict->voids);
	words_why(stdout, c->verdict);
	putchar('\n');
}

static const char *
plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

void
lint_print(const struct lint *l, const struct lint_client *client)
{
	if (l->record != NULL) {
		escape_terminal(stdout, l->domain);
		printf(": ");
		escape_terminal(stdout, mf_text_of(l->record));
		putchar('\n');
	}
	print_findings(l);
	for (int f = 0; f < SURVEY_FAMILIES; f++) {
		const char *family = f == SURVEY_V6 ? "IPv6" : "IPv4";

		printf("%s: ", family);
		print_results(&l->reaches[f]);
		printf("\n%s: ", family);
		print_bounds(l, &l->bounds[f]);
		putchar('\n');
	}
	if (client != NULL)
		print_client(client);
	printf("%u error%s, %u warning%s\n", l->levels[LINT_ERROR],
	    plural(l->levels[LINT_ERROR]), l->levels[LINT_WARNING],
	    plural(l->levels[LINT_WARNING]));
}

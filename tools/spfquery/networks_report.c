/* SPDX-License-Identifier: ISC */
#include "tools/spfquery/networks_report.h"

#include <stdlib.h>

#include "tools/spfquery/json_record.h"

const enum spf_result networks_report_order[SCOPE_RESULTS] = {SPF_PASS,
    SPF_NEUTRAL, SPF_SOFTFAIL, SPF_FAIL, SPF_PERMERROR, SPF_TEMPERROR,
    SPF_NONE};

void
networks_report_find(struct networks_report *r, struct mf_text domain,
    const struct spf_source *source)
{
	survey_run(&r->survey, source, domain, MF_TEXT(""));
	for (size_t f = 0; f < SURVEY_FAMILIES; f++)
		if (!r->survey.pending)
			scope_find(&r->scopes[f], &r->survey, f == SURVEY_V6);
		else
			r->scopes[f] = (struct scope){.v6 = f == SURVEY_V6};
}

void
networks_report_clear(struct networks_report *r)
{
	for (size_t f = 0; f < SURVEY_FAMILIES; f++)
		scope_clear(&r->scopes[f]);
	survey_clear(&r->survey);
}

size_t
networks_report_width(const struct networks_report *r)
{
	size_t width = 0;

	for (size_t f = 0; f < SURVEY_FAMILIES; f++)
		for (size_t i = 0; i < SCOPE_RESULTS; i++) {
			struct ipset_walk walk = {0};
			struct networks n;
			struct ip_net net;

			networks_find(&n, &r->scopes[f], (enum spf_result)i);
			while (ipset_next(&n.set, &walk, &net)) {
				char text[IP_NET_SIZE];
				size_t len = ip_net_print(&net, text);

				width = len > width ? len : width;
			}
			networks_clear(&n);
		}
	return width;
}

size_t
networks_report_count(
    const struct ip_net *net, char out[static IPSET_COUNT_SIZE])
{
	struct ipset set = ipset_empty(net->ip.v6);
	size_t len;

	ipset_add(&set, net);
	len = ipset_count_print(&set, out);
	ipset_clear(&set);
	return len;
}

size_t
networks_report_size(
    const struct ip_net *net, char out[static IPSET_COUNT_SIZE])
{
	unsigned host = (net->ip.v6 ? 128 : 32) - net->bits;

	if (host <= 32)
		return networks_report_count(net, out);
	return (size_t)snprintf(out, IPSET_COUNT_SIZE, "2^%u", host);
}

/* --- JSON --- */

static void
write_term(struct json_writer *w, const struct survey_term *t)
{
	json_text(w, "term", t->written);
	json_text(w, "domain", mf_text_of(t->record->domain));
}

static void
write_origins(
    struct json_writer *w, const struct networks_part *parts, size_t count)
{
	const struct survey_term *last = NULL;

	json_open(w, "origins", '[');
	for (size_t i = 0; i < count; i++) {
		if (parts[i].piece->term == last)
			continue;
		last = parts[i].piece->term;
		json_open(w, NULL, '{');
		write_term(w, last);
		json_close(w, '}');
	}
	json_close(w, ']');
}

static void
write_networks(
    struct json_writer *w, const struct scope *s, enum spf_result result)
{
	struct ipset_walk walk = {0};
	struct networks n;
	struct ip_net net;
	size_t at = 0;

	networks_find(&n, s, result);
	while (ipset_next(&n.set, &walk, &net)) {
		char text[IP_NET_SIZE], count[IPSET_COUNT_SIZE];
		size_t parts = networks_parts(&n, &net, &at);

		json_open(w, NULL, '{');
		json_text(w, "result", mf_text_of(spf_result_text(result)));
		json_text(
		    w, "network", mf_text_at(text, ip_net_print(&net, text)));
		json_text(w, "addresses",
		    mf_text_at(count, networks_report_count(&net, count)));
		write_origins(w, n.parts + at, parts);
		json_close(w, '}');
	}
	networks_clear(&n);
}

/* Networks of a set that no term names. */
static void
write_set(struct json_writer *w, const struct ipset *set)
{
	struct ipset_walk walk = {0};
	struct ip_net net;

	json_open(w, "networks", '[');
	while (ipset_next(set, &walk, &net)) {
		char text[IP_NET_SIZE];

		json_item(w, mf_text_at(text, ip_net_print(&net, text)));
	}
	json_close(w, ']');
}

static void
write_piece(
    struct json_writer *w, const struct scope_piece *p, const struct ipset *set)
{
	char count[IPSET_COUNT_SIZE];

	json_open(w, NULL, '{');
	json_text(w, "result", mf_text_of(spf_result_text(p->result)));
	json_text(w, "family", set->v6 ? MF_TEXT("ipv6") : MF_TEXT("ipv4"));
	json_text(
	    w, "addresses", mf_text_at(count, ipset_count_print(set, count)));
	if (p->term != NULL)
		write_term(w, p->term);
	if (p->problem != NULL)
		json_text(w, "problem", mf_text_of(p->problem));
	write_set(w, set);
	json_close(w, '}');
}

static void
write_others(struct json_writer *w, const struct networks_report *r)
{
	json_open(w, "others", '[');
	for (size_t f = 0; f < SURVEY_FAMILIES; f++)
		for (const struct scope_piece *p = r->scopes[f].first;
		     p != NULL; p = p->next)
			if (!networks_is_named(p))
				write_piece(w, p, &p->set);
	json_close(w, ']');
}

static void
write_totals(struct json_writer *w, const struct networks_report *r)
{
	json_open(w, "totals", '{');
	for (size_t f = 0; f < SURVEY_FAMILIES; f++) {
		json_open(w, f == SURVEY_V6 ? "ipv6" : "ipv4", '{');
		for (size_t i = 0; i < SCOPE_RESULTS; i++) {
			enum spf_result result = networks_report_order[i];
			char count[IPSET_COUNT_SIZE];

			ipset_count_print(&r->scopes[f].sets[result], count);
			json_text(
			    w, spf_result_text(result), mf_text_of(count));
		}
		json_close(w, '}');
	}
	json_close(w, '}');
}

static void
write_open(struct json_writer *w, const struct networks_report *r)
{
	json_open(w, "open", '[');
	for (size_t f = 0; f < SURVEY_FAMILIES; f++)
		for (const struct scope_open *o = r->scopes[f].open; o != NULL;
		     o = o->next) {
			json_open(w, NULL, '{');
			json_text(w, "family",
			    f == SURVEY_V6 ? MF_TEXT("ipv6") : MF_TEXT("ipv4"));
			write_term(w, o->term);
			json_text(w, "result",
			    mf_text_of(
				o->excludes ? "" : spf_result_text(o->result)));
			json_close(w, '}');
		}
	json_close(w, ']');
}

static void
write_twice(struct json_writer *w, const struct survey *s)
{
	struct networks_twice *twice = spfquery_must(
	    calloc(NETWORKS_TWICE_MAX, sizeof(struct networks_twice)));

	json_open(w, "twice", '[');
	for (int v6 = 0; v6 <= 1; v6++) {
		size_t count = networks_twice(s, v6 != 0, twice);

		for (size_t i = 0; i < count; i++) {
			json_open(w, NULL, '{');
			write_set(w, &twice[i].set);
			json_open(w, "first", '{');
			write_term(w, twice[i].first);
			json_close(w, '}');
			json_open(w, "again", '{');
			write_term(w, twice[i].again);
			json_close(w, '}');
			json_close(w, '}');
			ipset_clear(&twice[i].set);
		}
	}
	json_close(w, ']');
	free(twice);
}

/* True if all of the network of --contains passes. */
static bool
write_contains(struct json_writer *w, const struct networks_report *r,
    const struct spfquery_options *o)
{
	struct ipset wanted;
	struct ip_net net;
	bool pass = true;

	if (!ip_net_parse(mf_text_of(o->contains), &net))
		return false;
	wanted = ipset_empty(net.ip.v6);
	ipset_add(&wanted, &net);
	json_open(w, "contains", '[');
	for (const struct scope_piece *p =
		 r->scopes[survey_family(net.ip.v6)].first;
	     p != NULL; p = p->next) {
		struct ipset part = ipset_both(&wanted, &p->set);

		if (!ipset_is_empty(&part)) {
			write_piece(w, p, &part);
			pass = pass && p->result == SPF_PASS;
		}
		ipset_clear(&part);
	}
	json_close(w, ']');
	json_truth(w, "contained", pass);
	ipset_clear(&wanted);
	return pass;
}

bool
networks_report_json(const struct networks_report *r,
    const struct spfquery_options *o, struct mf_text domain, FILE *to)
{
	struct json_writer w = {.to = to, .first = true};
	const struct survey_record *root = r->survey.root;
	bool pass = true;

	json_open(&w, NULL, '{');
	json_text(&w, "domain", domain);
	if (root != NULL && root->text[0] != '\0')
		json_record(&w, mf_text_of(root->text));
	if (o->contains != NULL)
		pass = write_contains(&w, r, o);
	json_open(&w, "networks", '[');
	for (size_t f = 0; f < SURVEY_FAMILIES; f++)
		for (size_t i = 0; i < SCOPE_RESULTS; i++)
			write_networks(
			    &w, &r->scopes[f], networks_report_order[i]);
	json_close(&w, ']');
	write_others(&w, r);
	write_open(&w, r);
	write_twice(&w, &r->survey);
	write_totals(&w, r);
	json_close(&w, '}');
	putc('\n', to);
	return pass;
}

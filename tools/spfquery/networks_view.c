/* SPDX-License-Identifier: ISC */
/*
 * spfquery --networks: who gets which result from a record, as networks with
 * the terms that they come from.
 */
#include "tools/spfquery/views.h"

#include <stdlib.h>

#include "common/escape.h"
#include "tools/spfquery/csv.h"
#include "tools/spfquery/networks_report.h"

/* --- for people --- */

struct table {
	struct canvas canvas;
	struct mf_text domain;
	size_t column; /* where origins begin */
};

static void
put_term(const struct table *t, const struct survey_term *term)
{
	escape_terminal(t->canvas.to, term->written);
	if (mf_text_eq(mf_text_of(term->record->domain), t->domain))
		return;
	fputs(" in ", t->canvas.to);
	escape_terminal(t->canvas.to, mf_text_of(term->record->domain));
}

static size_t
term_width(const struct table *t, const struct survey_term *term)
{
	size_t width = term->written.len;

	if (!mf_text_eq(mf_text_of(term->record->domain), t->domain))
		width += 4 + strlen(term->record->domain);
	return width;
}

/* Of a network that many terms make up, that many are shown. */
#define ORIGINS_MAX 8

/* The terms of parts, each once; how many there are. */
static size_t
origins_of(const struct networks_part *parts, size_t count,
    const struct survey_term *out[static ORIGINS_MAX])
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		const struct survey_term *term = parts[i].piece->term;
		size_t at = 0;

		while (at < found && at < ORIGINS_MAX && out[at] != term)
			at++;
		if (at < found && at < ORIGINS_MAX)
			continue;
		if (found < ORIGINS_MAX)
			out[found] = term;
		found++;
	}
	return found;
}

static void
put_origins(
    const struct table *t, const struct networks_part *parts, size_t count)
{
	const struct survey_term *terms[ORIGINS_MAX];
	size_t found = origins_of(parts, count, terms), at = t->column;

	for (size_t i = 0; i < found && i < ORIGINS_MAX; i++) {
		size_t width = term_width(t, terms[i]);

		if (i != 0 && at + 2 + width > t->canvas.style.columns) {
			fprintf(t->canvas.to, ",\n%*s", (int)t->column, "");
			at = t->column;
		} else if (i != 0)
			fputs(", ", t->canvas.to);
		put_term(t, terms[i]);
		at += 2 + width;
	}
	if (found > ORIGINS_MAX)
		fputs(", and more", t->canvas.to);
}

static void
put_result(const struct table *t, enum spf_result result)
{
	canvas_paint(
	    &t->canvas, canvas_result(result), "%-9s", spf_result_text(result));
}

static void
put_networks(
    const struct table *t, const struct scope *s, enum spf_result result)
{
	struct ipset_walk walk = {0};
	struct networks n;
	struct ip_net net;
	size_t at = 0;

	networks_find(&n, s, result);
	while (ipset_next(&n.set, &walk, &net)) {
		char text[IP_NET_SIZE], count[IPSET_COUNT_SIZE];
		size_t parts = networks_parts(&n, &net, &at);

		ip_net_print(&net, text);
		networks_report_size(&net, count);
		put_result(t, result);
		fprintf(t->canvas.to, "  %-*s  %10s  ", (int)t->column - 25,
		    text, count);
		put_origins(t, n.parts + at, parts);
		putc('\n', t->canvas.to);
	}
	networks_clear(&n);
}

/* Those that no term names. */
static void
put_others(const struct table *t, const struct scope *s, bool first)
{
	FILE *to = t->canvas.to;

	for (const struct scope_piece *p = s->first; p != NULL; p = p->next) {
		if (networks_is_named(p))
			continue;
		put_result(t, p->result);
		fprintf(to, "  %s IPv%d addresses",
		    ipset_is_all(&p->set) ? "all"
			: first           ? "all other"
					  : "other",
		    s->v6 ? 6 : 4);
		if (p->term != NULL) {
			fputs(": ", to);
			put_term(t, p->term);
		}
		if (p->problem != NULL) {
			fputs(": ", to);
			escape_terminal(to, mf_text_of(p->problem));
		} else if (p->term == NULL)
			fputs(": nothing matches", to);
		putc('\n', to);
	}
}

static size_t
others(const struct scope *s)
{
	size_t count = 0;

	for (const struct scope_piece *p = s->first; p != NULL; p = p->next)
		count += !networks_is_named(p);
	return count;
}

static void
put_open(const struct table *t, const struct networks_report *r)
{
	for (const struct scope_open *o = r->scopes[SURVEY_V4].open; o != NULL;
	     o = o->next) {
		canvas_paint(&t->canvas, SOFT, "depends");
		fputs("    ", t->canvas.to);
		put_term(t, o->term);
		fprintf(t->canvas.to,
		    o->excludes ? ": excludes what it matches from an include\n"
				: ": %s for what it matches\n",
		    spf_result_text(o->result));
	}
}

static void
put_twice(const struct table *t, const struct survey *s)
{
	struct networks_twice *twice = spfquery_must(
	    calloc(NETWORKS_TWICE_MAX, sizeof(struct networks_twice)));

	for (int v6 = 0; v6 <= 1; v6++) {
		size_t count = networks_twice(s, v6 != 0, twice);

		for (size_t i = 0; i < count; i++) {
			struct ipset_walk walk = {0};
			char text[IP_NET_SIZE] = "";
			struct ip_net net;

			if (ipset_next(&twice[i].set, &walk, &net))
				ip_net_print(&net, text);
			canvas_paint(&t->canvas, SOFT, "twice");
			fprintf(t->canvas.to, "      %s%s: ", text,
			    ipset_next(&twice[i].set, &walk, &net)
				? " and others"
				: "");
			put_term(t, twice[i].first);
			fputs(" and ", t->canvas.to);
			put_term(t, twice[i].again);
			putc('\n', t->canvas.to);
			ipset_clear(&twice[i].set);
		}
	}
	free(twice);
}

static void
put_total(const struct table *t, const struct scope *s)
{
	const struct ipset *pass = &s->sets[SPF_PASS];
	char count[IPSET_COUNT_SIZE];
	size_t nets = ipset_nets(pass);

	ipset_count_print(pass, count);
	canvas_paint(&t->canvas, ipset_is_all(pass) ? BAD : STRONG,
	    "IPv%d: %s of ", s->v6 ? 6 : 4, count);
	canvas_paint(&t->canvas, ipset_is_all(pass) ? BAD : STRONG,
	    "%s addresses pass", s->v6 ? "2^128" : "2^32");
	fprintf(
	    t->canvas.to, ", in %zu network%s\n", nets, nets == 1 ? "" : "s");
}

static void
put_all(const struct networks_report *r, struct mf_text domain, FILE *to)
{
	struct canvas_style style = canvas_style_of(stdout);
	struct table t = {.canvas = canvas_on(to, &style),
	    .domain = domain,
	    .column = 25 + networks_report_width(r)};

	canvas_name(&t.canvas, domain);
	putc('\n', to);
	for (size_t f = 0; f < SURVEY_FAMILIES; f++) {
		const struct scope *s = &r->scopes[f];

		for (size_t i = 0; i < SCOPE_RESULTS; i++)
			put_networks(&t, s, networks_report_order[i]);
		put_others(&t, s, others(s) == 1);
	}
	put_open(&t, r);
	put_twice(&t, &r->survey);
	for (size_t f = 0; f < SURVEY_FAMILIES; f++)
		put_total(&t, &r->scopes[f]);
}

/* --- CSV --- */

void
networks_view_head(FILE *to)
{
	fputs("domain,result,network,addresses,term,record_of\r\n", to);
}

/* The terms that a network comes from, and their domains, blanks between. */
static void
put_csv_origins(
    struct csv_writer *w, const struct networks_part *parts, size_t count)
{
	for (int domains = 0; domains <= 1; domains++) {
		const struct survey_term *last = NULL;
		char *text = NULL;
		size_t len = 0;
		FILE *to = spfquery_must(open_memstream(&text, &len));

		for (size_t i = 0; i < count; i++) {
			const struct survey_term *term = parts[i].piece->term;

			if (term == last)
				continue;
			fprintf(to, last != NULL ? " %.*s" : "%.*s",
			    domains != 0 ? (int)strlen(term->record->domain)
					 : (int)term->written.len,
			    domains != 0 ? term->record->domain
					 : term->written.p);
			last = term;
		}
		if (fclose(to) != 0)
			spfquery_must(NULL);
		csv_text(w, mf_text_at(text, len));
		free(text);
	}
}

static void
put_csv_networks(struct csv_writer *w, struct mf_text domain,
    const struct scope *s, enum spf_result result)
{
	struct ipset_walk walk = {0};
	struct networks n;
	struct ip_net net;
	size_t at = 0;

	networks_find(&n, s, result);
	while (ipset_next(&n.set, &walk, &net)) {
		char text[IP_NET_SIZE], count[IPSET_COUNT_SIZE];
		size_t parts = networks_parts(&n, &net, &at);

		csv_text(w, domain);
		csv_text(w, mf_text_of(spf_result_text(result)));
		csv_text(w, mf_text_at(text, ip_net_print(&net, text)));
		csv_text(
		    w, mf_text_at(count, networks_report_count(&net, count)));
		put_csv_origins(w, n.parts + at, parts);
		csv_end(w);
	}
	networks_clear(&n);
}

static void
put_csv_others(
    struct csv_writer *w, struct mf_text domain, const struct scope *s)
{
	for (const struct scope_piece *p = s->first; p != NULL; p = p->next) {
		char count[IPSET_COUNT_SIZE];

		if (networks_is_named(p))
			continue;
		csv_text(w, domain);
		csv_text(w, mf_text_of(spf_result_text(p->result)));
		csv_text(
		    w, s->v6 ? MF_TEXT("other IPv6") : MF_TEXT("other IPv4"));
		csv_text(
		    w, mf_text_at(count, ipset_count_print(&p->set, count)));
		csv_text(w, p->term != NULL ? p->term->written : MF_TEXT(""));
		csv_text(w,
		    mf_text_of(p->term != NULL ? p->term->record->domain : ""));
		csv_end(w);
	}
}

static void
put_csv(const struct networks_report *r, struct mf_text domain, FILE *to)
{
	struct csv_writer w = {.to = to};

	for (size_t f = 0; f < SURVEY_FAMILIES; f++) {
		for (size_t i = 0; i < SCOPE_RESULTS; i++)
			put_csv_networks(&w, domain, &r->scopes[f],
			    networks_report_order[i]);
		put_csv_others(&w, domain, &r->scopes[f]);
	}
}

/* --- --contains --- */

/* What there is in net, in the order of evaluation. */
static bool
put_parts(const struct table *t, const struct scope *s, struct ip_net net)
{
	struct ipset wanted = ipset_empty(net.ip.v6);
	bool pass = true;

	ipset_add(&wanted, &net);
	for (const struct scope_piece *p = s->first; p != NULL; p = p->next) {
		struct ipset part = ipset_both(&wanted, &p->set);
		struct ipset_walk walk = {0};
		char text[IP_NET_SIZE];

		while (ipset_next(&part, &walk, &net)) {
			pass = pass && p->result == SPF_PASS;
			put_result(t, p->result);
			ip_net_print(&net, text);
			fprintf(t->canvas.to, "  %s: ", text);
			if (p->term != NULL)
				put_term(t, p->term);
			else
				fputs("nothing matches", t->canvas.to);
			if (p->problem != NULL)
				fprintf(t->canvas.to, ": %s", p->problem);
			putc('\n', t->canvas.to);
		}
		ipset_clear(&part);
	}
	ipset_clear(&wanted);
	return pass;
}

static int
put_contains(const struct networks_report *r, const struct spfquery_options *o,
    struct mf_text domain, FILE *to)
{
	struct canvas_style style = canvas_style_of(stdout);
	struct table t = {.canvas = canvas_on(to, &style), .domain = domain};
	struct ip_net net;
	bool pass;

	if (!ip_net_parse(mf_text_of(o->contains), &net))
		return SPFQUERY_USAGE; /* options.c has seen to that */
	pass = put_parts(&t, &r->scopes[survey_family(net.ip.v6)], net);
	put_open(&t, r);
	return pass ? SPFQUERY_OK : SPFQUERY_FAILED;
}

/* --- the view --- */

int
networks_view(const struct spfquery_options *o, struct mf_text domain,
    const struct spf_source *source, FILE *to)
{
	struct networks_report r;
	int status;

	networks_report_find(&r, domain, source);
	status = r.survey.root != NULL && r.survey.root->status == SURVEY_FOUND
	    ? SPFQUERY_OK
	    : SPFQUERY_FAILED;
	if (r.survey.pending)
		; /* nobody would see it */
	else if (o->json)
		status = networks_report_json(&r, o, domain, to)
		    ? status
		    : SPFQUERY_FAILED;
	else if (o->contains != NULL)
		status = put_contains(&r, o, domain, to);
	else if (o->csv)
		put_csv(&r, domain, to);
	else
		put_all(&r, domain, to);
	networks_report_clear(&r);
	return status;
}

/* SPDX-License-Identifier: ISC */
/*
 * spfquery --flatten: records with the same verdicts and fewer lookups, or
 * whether those that are published are still right.
 */
#include "tools/spfquery/views.h"

#include <stdlib.h>

#include "common/escape.h"
#include "common/text.h"
#include "tools/spfquery/csv.h"
#include "tools/spfquery/flatten.h"

/* Octets of a string of a TXT record (RFC 1035 3.3). */
#define STRING_MAX 255

/* From a survey to records. */
struct made {
	struct survey survey;
	struct flat flat;
	struct flat_records records;
};

static void
make(struct made *m, const struct spf_source *source, struct mf_text domain,
    struct mf_text record)
{
	survey_run(&m->survey, source, domain, record);
	flatten_find(&m->flat, &m->survey);
	flatten_pack(&m->records, &m->flat, domain);
}

static void
clear(struct made *m)
{
	flatten_records_clear(&m->records);
	flatten_clear(&m->flat);
	survey_clear(&m->survey);
}

/* --- the source of the record --- */

/*
 * The record to be flattened: given, that of another name, or empty: the
 * domain's own.  False, and *problem: there is none.
 */
static bool
find_source(const struct spfquery_options *o, const struct spf_source *source,
    struct mf_text *record, const char **problem)
{
	char name[SPF_NAME_SIZE];
	const struct spf_answer *a;
	size_t len;

	*record = mf_text_of(o->record);
	*problem = "";
	if (o->from == NULL)
		return true;
	if (!spf_name_to_ascii(mf_text_of(o->from), name, &len))
		spfquery_must(NULL);
	a = source->lookup(source->arg, SPF_RR_TXT, mf_text_at(name, len));
	if (a == NULL || a->spf_records != 1) {
		*problem = a == NULL             ? "no answer"
		    : a->status == SPF_DNS_ERROR ? spf_cause_text(a->cause)
		    : a->spf_records == 0        ? "no SPF record"
						 : "more than one SPF record";
		return false;
	}
	*record = spf_record_text(a->record);
	return true;
}

/* --- records --- */

/* In strings, as a zone file has them. */
static void
put_strings(FILE *to, struct mf_text text)
{
	while (text.len != 0) {
		struct mf_text part = text_head(text, STRING_MAX);

		fputs(" \"", to);
		for (size_t i = 0; i < part.len; i++)
			fprintf(to,
			    strchr("\"\\", part.p[i]) != NULL ? "\\%c" : "%c",
			    part.p[i]);
		putc('"', to);
		text = text_from(text, part.len);
	}
	putc('\n', to);
}

static void
put_records(const struct canvas *c, const struct made *m)
{
	size_t width = 0;
	unsigned before = m->survey.root->terms;

	for (const struct flat_record *r = m->records.first; r != NULL;
	     r = r->next)
		width = strlen(r->name) > width ? strlen(r->name) : width;
	for (const struct flat_record *r = m->records.first; r != NULL;
	     r = r->next) {
		fprintf(c->to, "%s.%*s  TXT ", r->name,
		    (int)(width - strlen(r->name)), "");
		put_strings(c->to, mf_text_of(r->text));
	}
	for (const struct flat_note *n = m->flat.notes; n != NULL;
	     n = n->next) {
		canvas_paint(c, SOFT, "; ");
		escape_terminal(c->to, mf_text_of(n->text));
		putc('\n', c->to);
	}
	fprintf(c->to, "; %u lookup%s of %d; it was %u\n", m->records.terms,
	    m->records.terms == 1 ? "" : "s", SPF_TERMS_MAX, before);
}

static void
write_records(struct json_writer *w, const struct made *m)
{
	json_open(w, "records", '[');
	for (const struct flat_record *r = m->records.first; r != NULL;
	     r = r->next) {
		json_open(w, NULL, '{');
		json_text(w, "name", mf_text_of(r->name));
		json_text(w, "record", mf_text_of(r->text));
		json_close(w, '}');
	}
	json_close(w, ']');
	json_open(w, "notes", '[');
	for (const struct flat_note *n = m->flat.notes; n != NULL; n = n->next)
		json_item(w, mf_text_of(n->text));
	json_close(w, ']');
	json_number(w, "terms", m->records.terms);
	json_number(w, "terms_max", SPF_TERMS_MAX);
	if (m->survey.root != NULL)
		json_number(w, "terms_before", m->survey.root->terms);
}

void
flatten_view_head(FILE *to)
{
	fputs("domain,name,record\r\n", to);
}

static void
put_csv(const struct made *m, struct mf_text domain, FILE *to)
{
	struct csv_writer w = {.to = to};

	for (const struct flat_record *r = m->records.first; r != NULL;
	     r = r->next) {
		csv_text(&w, domain);
		csv_text(&w, mf_text_of(r->name));
		csv_text(&w, mf_text_of(r->text));
		csv_end(&w);
	}
}

/* --- --check --- */

/* Where differences go. */
struct sink {
	const struct canvas *canvas; /* or */
	struct json_writer *json;
	bool any;
};

static void
tell(struct sink *s, const char *what, enum spf_result result,
    struct mf_text thing)
{
	s->any = true;
	if (s->json != NULL) {
		json_open(s->json, NULL, '{');
		json_text(s->json, "difference", mf_text_of(what));
		json_text(
		    s->json, "result", mf_text_of(spf_result_text(result)));
		json_text(s->json, "what", thing);
		json_close(s->json, '}');
		return;
	}
	canvas_paint(
	    s->canvas, strcmp(what, "missing") == 0 ? BAD : SOFT, "%s", what);
	fprintf(s->canvas->to, ": %s ", spf_result_text(result));
	escape_terminal(s->canvas->to, thing);
	putc('\n', s->canvas->to);
}

static void
tell_networks(struct sink *s, const char *what, enum spf_result result,
    const struct ipset *has, const struct ipset *lacks)
{
	struct ipset set = ipset_minus(has, lacks);
	struct ipset_walk walk = {0};
	struct ip_net net;

	while (ipset_next(&set, &walk, &net)) {
		char text[IP_NET_SIZE];

		tell(s, what, result,
		    mf_text_at(text, ip_net_print(&net, text)));
	}
	ipset_clear(&set);
}

static bool
has_kept(const struct flat *f, const struct flat_item *item)
{
	for (const struct flat_item *i = f->first; i != NULL; i = i->next)
		if (i->kept != NULL && i->result == item->result &&
		    strcmp(i->kept, item->kept) == 0)
			return true;
	return false;
}

static void
tell_kept(struct sink *s, const char *what, const struct flat *has,
    const struct flat *lacks)
{
	for (const struct flat_item *i = has->first; i != NULL; i = i->next)
		if (i->kept != NULL && !has_kept(lacks, i))
			tell(s, what, i->result, mf_text_of(i->kept));
	if (has->others != lacks->others)
		tell(s, what, has->others, MF_TEXT("all others"));
	if (strcmp(has->modifiers, lacks->modifiers) != 0)
		tell(s, what, SPF_NONE, mf_text_of(has->modifiers));
}

static bool
differ(struct sink *s, const struct flat *wanted, const struct flat *published)
{
	for (size_t n = 0; n < 2 * SPF_TEMPERROR; n++) {
		enum spf_result result = (enum spf_result)(n / 2);
		bool v6 = n % 2 != 0;
		struct ipset want = flatten_set(wanted, result, v6);
		struct ipset have = flatten_set(published, result, v6);

		tell_networks(s, "missing", result, &want, &have);
		tell_networks(s, "stale", result, &have, &want);
		ipset_clear(&want);
		ipset_clear(&have);
	}
	tell_kept(s, "missing", wanted, published);
	tell_kept(s, "stale", published, wanted);
	return s->any;
}

static void
put_problem(const struct spfquery_options *o, struct mf_text domain,
    const char *problem, FILE *to)
{
	struct json_writer w = {.to = to, .first = true};

	if (o->json) {
		json_open(&w, NULL, '{');
		json_text(&w, "domain", domain);
		json_text(&w, "problem", mf_text_of(problem));
		json_close(&w, '}');
		putc('\n', to);
		return;
	}
	fprintf(o->csv ? stderr : to,
	    "%.*s: can't be flattened: ", (int)domain.len, domain.p);
	escape_terminal(o->csv ? stderr : to, mf_text_of(problem));
	putc('\n', o->csv ? stderr : to);
}

/* What is published is compared by what it means, not by its text. */
static int
compare(const struct spfquery_options *o, const struct made *wanted,
    struct mf_text domain, const struct spf_source *source, FILE *to)
{
	struct canvas_style style = canvas_style_of(stdout);
	struct canvas c = canvas_on(to, &style);
	struct json_writer w = {.to = to, .first = true};
	struct sink sink = {.canvas = &c, .json = o->json ? &w : NULL};
	struct made published;
	bool same;

	make(&published, source, domain, MF_TEXT(""));
	if (published.flat.problem[0] != '\0') {
		put_problem(o, domain, published.flat.problem, to);
		same = false;
	} else if (o->json) {
		json_open(&w, NULL, '{');
		json_text(&w, "domain", domain);
		json_open(&w, "differences", '[');
		same = !differ(&sink, &wanted->flat, &published.flat);
		json_close(&w, ']');
		json_truth(&w, "same", same);
		json_close(&w, '}');
		putc('\n', to);
	} else {
		same = !differ(&sink, &wanted->flat, &published.flat);
		fprintf(to, "%.*s: %s\n", (int)domain.len, domain.p,
		    same ? "what is published is right"
			 : "what is published is not what it should be");
	}
	if (published.flat.temporary && published.flat.problem[0] != '\0')
		same = false;
	bool temporary = published.flat.temporary;
	clear(&published);
	return same     ? SPFQUERY_OK
	    : temporary ? SPFQUERY_LATER
			: SPFQUERY_FAILED;
}

/* --- the view --- */

static void
put_made(const struct spfquery_options *o, const struct made *m,
    struct mf_text domain, FILE *to)
{
	struct canvas_style style = canvas_style_of(stdout);
	struct canvas c = canvas_on(to, &style);
	struct json_writer w = {.to = to, .first = true};

	if (o->csv)
		put_csv(m, domain, to);
	else if (!o->json)
		put_records(&c, m);
	else {
		json_open(&w, NULL, '{');
		json_text(&w, "domain", domain);
		write_records(&w, m);
		json_close(&w, '}');
		putc('\n', to);
	}
}

int
flatten_view(const struct spfquery_options *o, struct mf_text domain,
    const struct spf_source *source, FILE *to)
{
	struct mf_text record;
	struct made m;
	const char *problem;
	int status;

	if (!find_source(o, source, &record, &problem)) {
		put_problem(o, domain, problem, to);
		return SPFQUERY_FAILED;
	}
	make(&m, source, domain, record);
	if (m.records.problem[0] != '\0') {
		put_problem(o, domain, m.records.problem, to);
		status = m.flat.temporary ? SPFQUERY_LATER : SPFQUERY_FAILED;
	} else if (o->check)
		status = compare(o, &m, domain, source, to);
	else {
		put_made(o, &m, domain, to);
		status = SPFQUERY_OK;
	}
	clear(&m);
	return status;
}

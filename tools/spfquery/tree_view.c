/* SPDX-License-Identifier: ISC */
/*
 * spfquery --tree: every term of every record that a domain leads to, with what
 * each takes of the limits.
 */
#include "tools/spfquery/views.h"

#include "common/escape.h"
#include "tools/spfquery/csv.h"
#include "tools/spfquery/json_record.h"
#include "tools/spfquery/lookup_report.h"
#include "tools/spfquery/report.h"
#include "tools/spfquery/scope.h"

/* Networks in a row are shown as one line. */
#define RUN_MIN 3

/* --- lines --- */

static const char *
plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

static void
put_counts(const struct canvas *c, const struct survey_record *r)
{
	unsigned v4 = r->voids[SURVEY_V4], v6 = r->voids[SURVEY_V6];

	if (r->endless)
		canvas_paint(c, BAD, "endless terms (a loop)");
	else
		canvas_paint(c, r->terms > SPF_TERMS_MAX ? BAD : PLAIN,
		    "%u of %u terms", r->terms, SPF_TERMS_MAX);
	fputs(", ", c->to);
	canvas_paint(c, v4 > SPF_VOIDS_MAX || v6 > SPF_VOIDS_MAX ? BAD : PLAIN,
	    "%u of %u void lookups", v4, SPF_VOIDS_MAX);
	if (v4 != v6)
		fprintf(c->to, " (%u for IPv6 clients)", v6);
}

static void
put_status(const struct canvas *c, const struct survey_record *r)
{
	char room[SPF_TEXT_SIZE];

	if (r->status == SURVEY_FOUND)
		return;
	fputs("  ", c->to);
	canvas_paint(c, BAD,
	    r->status == SURVEY_FAILED        ? "temperror: "
		: r->status == SURVEY_MISSING ? "none: "
					      : "permerror: ");
	escape_terminal(c->to, mf_text_of(survey_status_text(r, room)));
}

static void
put_lookup(const struct canvas *c, const struct survey_lookup *l)
{
	fprintf(c->to, "%s ", spf_rr_text(l->answer.rr));
	escape_terminal(c->to, mf_text_of(l->name));
	fprintf(c->to, " %s ", c->arrow);
	words_answer(c->to, &l->answer);
	lookup_put_origin(c, &l->answer, &l->origin);
	if (l->is_void)
		canvas_paint(c, SOFT, "  void lookup");
	putc('\n', c->to);
}

/* What is wrong with a term, in place; the first that holds. */
static void
put_problem(const struct canvas *c, const struct survey_term *t)
{
	const struct survey_match *m4 = &t->match[SURVEY_V4];
	const struct survey_match *m6 = &t->match[SURVEY_V6];
	bool leads = t->kind == SURVEY_REDIRECT ||
	    (t->kind == SURVEY_MECHANISM && t->mechanism == SPF_TERM_INCLUDE);

	if (t->after_all)
		canvas_paint(c, SOFT, "  never reached, because of all");
	else if (t->loop)
		canvas_paint(c, BAD, "  permerror: a loop");
	else if (m4->never || m6->never)
		canvas_paint(c, leads ? BAD : SOFT,
		    leads ? "  permerror: no such name can exist"
			  : "  never matches: no such name can exist");
	else if (m4->many_mx || m6->many_mx)
		canvas_paint(
		    c, BAD, "  permerror: more than %d MX", SPF_MX_MAX);
	else if (leads && m4->leads != NULL &&
	    m4->leads->status == SURVEY_MISSING)
		canvas_paint(c, BAD, "  permerror: no SPF record");
	else if (m4->open || m6->open)
		canvas_paint(c, DIM, "  the client or the sender decides");
}

static void
put_term(const struct canvas *c, const struct survey_term *t)
{
	escape_terminal(c->to, t->written);
	if (t->terms != 0)
		canvas_paint(c, t->terms > SPF_TERMS_MAX ? BAD : DIM,
		    "  %u term%s", t->terms, plural(t->terms));
	if (t->terms > 1)
		canvas_paint(c, DIM, ", %u %% of the limit",
		    t->terms * 100 / SPF_TERMS_MAX);
	put_problem(c, t);
	putc('\n', c->to);
}

/* --- the tree --- */

static bool
is_network(const struct survey_term *t)
{
	return t != NULL && t->kind == SURVEY_MECHANISM && !t->after_all &&
	    (t->mechanism == SPF_TERM_IP4 || t->mechanism == SPF_TERM_IP6);
}

static void
put_run(const struct canvas *c, const struct survey_term *first,
    const struct survey_term *last, size_t count)
{
	canvas_branch(c, last->next != NULL);
	escape_terminal(c->to, first->written);
	fprintf(c->to, " %s ", c->dots);
	escape_terminal(c->to, last->written);
	canvas_paint(c, DIM, "  %zu networks", count);
	putc('\n', c->to);
}

static void put_record(struct canvas *c, const struct survey_record *r);

/* Records below a term: one, or another for IPv6 clients. */
static size_t
leads_of(const struct survey_term *t, const struct survey_record *out[static 2])
{
	const struct survey_record *v4 = t->match[SURVEY_V4].leads;
	const struct survey_record *v6 = t->match[SURVEY_V6].leads;
	size_t count = 0;

	if (v4 != NULL)
		out[count++] = v4;
	if (v6 != NULL && v6 != v4)
		out[count++] = v6;
	return count;
}

static void
put_children(struct canvas *c, const struct survey_term *t)
{
	const struct survey_record *leads[2];
	size_t count = leads_of(t, leads);

	for (const struct survey_lookup *l = t->lookups; l != NULL;
	     l = l->next) {
		canvas_branch(c, l->next != NULL || count != 0);
		put_lookup(c, l);
	}
	for (size_t i = 0; i < count; i++) {
		canvas_branch(c, i + 1 < count);
		if (t->repeat || t->loop) {
			canvas_name(c, mf_text_of(leads[i]->domain));
			canvas_paint(c, DIM,
			    t->loop ? "  is above" : "  is shown elsewhere");
			putc('\n', c->to);
			continue;
		}
		canvas_down(c, i + 1 < count);
		put_record(c, leads[i]);
		canvas_up(c);
	}
}

static void
put_terms(struct canvas *c, const struct survey_record *r)
{
	for (const struct survey_term *t = r->first; t != NULL; t = t->next) {
		const struct survey_term *last = t;
		size_t count = is_network(t) ? 1 : 0;

		while (count != 0 && is_network(last->next)) {
			last = last->next;
			count++;
		}
		if (count >= RUN_MIN) {
			put_run(c, t, last, count);
			t = last;
			continue;
		}
		canvas_branch(c, t->next != NULL);
		put_term(c, t);
		canvas_down(c, t->next != NULL);
		put_children(c, t);
		canvas_up(c);
	}
}

/* The name has been begun by its branch. */
static void
put_record(struct canvas *c, const struct survey_record *r)
{
	canvas_name(c, mf_text_of(r->domain));
	if (r->text[0] != '\0')
		canvas_paint(c, DIM, "  %zu bytes", strlen(r->text));
	put_status(c, r);
	if (r->asked)
		lookup_put_origin(c, &r->answer, &r->origin);
	putc('\n', c->to);
	canvas_record(c, mf_text_of(r->text), r->first != NULL);
	put_terms(c, r);
}

static void
put_tree(const struct survey *s, FILE *to)
{
	struct canvas_style style = canvas_style_of(stdout);
	struct canvas c = canvas_on(to, &style);

	if (s->root == NULL)
		return;
	put_record(&c, s->root);
	put_counts(&c, s->root);
	fprintf(to, ", %zu record%s, %u lookup%s\n", s->records,
	    plural((unsigned)s->records), s->lookups, plural(s->lookups));
	if (s->cut)
		canvas_paint(
		    &c, BAD, "stopped after %d lookups\n", SURVEY_LOOKUPS_MAX);
}

/* --- JSON --- */

static const char *
status_word(const struct survey_record *r)
{
	static const char *const words[] = {
	    [SURVEY_FOUND] = "found",
	    [SURVEY_MISSING] = "none",
	    [SURVEY_MANY] = "several",
	    [SURVEY_BROKEN] = "broken",
	    [SURVEY_FAILED] = "failed",
	};

	return words[r->status];
}

static void write_record(
    struct json_writer *w, const char *name, const struct survey_record *r);

static void
write_lookup(struct json_writer *w, const struct survey_lookup *l)
{
	json_open(w, NULL, '{');
	json_text(w, "type", mf_text_of(spf_rr_text(l->answer.rr)));
	json_text(w, "name", mf_text_of(l->name));
	lookup_write_answer(w, &l->answer);
	json_truth(w, "void", l->is_void);
	lookup_write_origin(w, &l->origin);
	json_close(w, '}');
}

static void
write_below(struct json_writer *w, const struct survey_term *t)
{
	const struct survey_record *leads[2];
	size_t count = leads_of(t, leads);

	if (t->lookups != NULL) {
		json_open(w, "lookups", '[');
		for (const struct survey_lookup *l = t->lookups; l != NULL;
		     l = l->next)
			write_lookup(w, l);
		json_close(w, ']');
	}
	if (count == 0)
		return;
	json_open(w, "records", '[');
	for (size_t i = 0; i < count; i++) {
		if (!t->repeat && !t->loop) {
			write_record(w, NULL, leads[i]);
			continue;
		}
		json_open(w, NULL, '{');
		json_text(w, "domain", mf_text_of(leads[i]->domain));
		json_truth(w, "repeated", true);
		json_close(w, '}');
	}
	json_close(w, ']');
}

static void
write_term(struct json_writer *w, const struct survey_term *t)
{
	const struct survey_match *m4 = &t->match[SURVEY_V4];
	const struct survey_match *m6 = &t->match[SURVEY_V6];

	json_open(w, NULL, '{');
	json_text(w, "term", t->written);
	json_number(w, "terms", t->terms);
	json_number(w, "voids", m4->voids);
	json_number(w, "voids_ipv6", m6->voids);
	json_truth(w, "open", m4->open || m6->open);
	json_truth(w, "after_all", t->after_all);
	json_truth(w, "loop", t->loop);
	write_below(w, t);
	json_close(w, '}');
}

static void
write_record(
    struct json_writer *w, const char *name, const struct survey_record *r)
{
	char room[SPF_TEXT_SIZE];

	json_open(w, name, '{');
	json_text(w, "domain", mf_text_of(r->domain));
	json_text(w, "status", mf_text_of(status_word(r)));
	if (r->status == SURVEY_FOUND || r->status == SURVEY_BROKEN)
		json_record(w, mf_text_of(r->text));
	else
		json_text(
		    w, "problem", mf_text_of(survey_status_text(r, room)));
	json_number(w, "bytes", strlen(r->text));
	json_number(w, "terms", r->terms);
	json_truth(w, "endless", r->endless);
	json_number(w, "voids", r->voids[SURVEY_V4]);
	json_number(w, "voids_ipv6", r->voids[SURVEY_V6]);
	if (r->asked)
		lookup_write_origin(w, &r->origin);
	json_open(w, "tree", '[');
	for (const struct survey_term *t = r->first; t != NULL; t = t->next)
		write_term(w, t);
	json_close(w, ']');
	json_close(w, '}');
}

static void
write_tree(const struct survey *s, struct mf_text domain, FILE *to)
{
	struct json_writer w = {.to = to, .first = true};

	json_open(&w, NULL, '{');
	json_text(&w, "domain", domain);
	if (s->root != NULL)
		write_record(&w, "tree", s->root);
	json_number(&w, "records", s->records);
	json_number(&w, "lookups", s->lookups);
	json_number(&w, "terms_max", SPF_TERMS_MAX);
	json_number(&w, "voids_max", SPF_VOIDS_MAX);
	json_truth(&w, "stopped", s->cut);
	json_close(&w, '}');
	putc('\n', to);
}

/* --- CSV --- */

void
tree_view_head(FILE *to)
{
	fputs("domain,record_of,status,terms,voids,voids_ipv6,bytes,record\r\n",
	    to);
}

/* A line for each record, so that lines are of one kind. */
static void
put_csv(const struct survey *s, struct mf_text domain, FILE *to)
{
	struct csv_writer w = {.to = to};

	for (const struct survey_record *r = s->root; r != NULL; r = r->next) {
		csv_text(&w, domain);
		csv_text(&w, mf_text_of(r->domain));
		csv_text(&w, mf_text_of(status_word(r)));
		csv_number(&w, r->terms);
		csv_number(&w, r->voids[SURVEY_V4]);
		csv_number(&w, r->voids[SURVEY_V6]);
		csv_number(&w, strlen(r->text));
		csv_text(&w, mf_text_of(r->text));
		csv_end(&w);
	}
}

/* --- the view --- */

int
tree_view(const struct spfquery_options *o, struct mf_text domain,
    const struct spf_source *source, FILE *to)
{
	struct survey s;
	int status;

	survey_run(&s, source, domain, MF_TEXT(""));
	if (s.pending)
		; /* nobody would see it */
	else if (o->json)
		write_tree(&s, domain, to);
	else if (o->csv)
		put_csv(&s, domain, to);
	else
		put_tree(&s, to);
	status = s.root != NULL && s.root->status == SURVEY_FOUND
	    ? SPFQUERY_OK
	    : SPFQUERY_FAILED;
	survey_clear(&s);
	return status;
}

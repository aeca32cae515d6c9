/* SPDX-License-Identifier: ISC */
/*
 * The lookup tree in the page: records to unfold, with what is wrong in place.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "common/escape.h"
#include "tools/spfquery/html.h"
#include "tools/spfquery/lookup_report.h"
#include "tools/spfquery/report.h"

/* Networks in a row are folded. */
#define RUN_MIN 4

void
html_code(FILE *to, const char *what, struct mf_text text)
{
	if (what != NULL)
		fprintf(to, "<code class=\"%s\">", what);
	else
		fputs("<code>", to);
	escape_html(to, text);
	fputs("</code>", to);
}

void
html_span(FILE *to, const char *what, const char *format, ...)
{
	va_list args;

	fprintf(to, "<span class=\"%s\">", what);
	va_start(args, format);
	vfprintf(to, format, args);
	va_end(args);
	fputs("</span>", to);
}

/* --- findings --- */

static void
put_findings(const struct html_page *p, const char *domain, struct mf_text term)
{
	for (const struct lint_finding *f = p->lint->first; f != NULL;
	     f = f->next) {
		if (strcmp(f->domain, domain) != 0 ||
		    !mf_text_eq(mf_text_of(f->term), term))
			continue;
		fprintf(p->to, "<p class=\"finding %s\"><b>%s</b> ",
		    lint_level_text(f->level), lint_level_text(f->level));
		escape_html(p->to, mf_text_of(f->says));
		fputs("</p>\n", p->to);
	}
}

/* Whether something below is worth being seen at once. */
static bool
has_findings(const struct html_page *p, const struct survey_record *r)
{
	for (const struct lint_finding *f = p->lint->first; f != NULL;
	     f = f->next)
		if (f->level != LINT_NOTE && strcmp(f->domain, r->domain) == 0)
			return true;
	for (const struct survey_term *t = r->first; t != NULL; t = t->next)
		for (size_t i = 0; i < SURVEY_FAMILIES; i++)
			if (t->match[i].leads != NULL && !t->repeat &&
			    !t->loop && has_findings(p, t->match[i].leads))
				return true;
	return false;
}

/* --- lookups --- */

static void
put_answer(FILE *to, const struct spf_answer *a)
{
	char *text = NULL;
	size_t len = 0;
	FILE *memory = spfquery_must(open_memstream(&text, &len));

	words_answer(memory, a);
	if (fclose(memory) != 0)
		spfquery_must(NULL);
	escape_html(to, mf_text_at(text, len));
	free(text);
}

static void
put_origin(FILE *to, const struct spf_answer *a, const struct spf_origin *o)
{
	if (a->status == SPF_DNS_VOID && o->has_rcode)
		html_span(to, "quiet",
		    o->rcode == 0 ? " (no such record)" : " (%s)",
		    lookup_rcode(o));
	if (o->server[0] == '\0')
		return;
	html_span(to, "quiet", " %s, %.1f ms, TTL %u", o->server,
	    (double)o->elapsed_us / 1000, (unsigned)o->ttl_sec);
}

static void
put_lookups(const struct html_page *p, const struct survey_term *t)
{
	if (t->lookups == NULL)
		return;
	fputs("<ul class=\"lookups\">\n", p->to);
	for (const struct survey_lookup *l = t->lookups; l != NULL;
	     l = l->next) {
		fprintf(p->to, "<li>%s ", spf_rr_text(l->answer.rr));
		html_code(p->to, NULL, mf_text_of(l->name));
		fputs(" \u2192 ", p->to);
		put_answer(p->to, &l->answer);
		put_origin(p->to, &l->answer, &l->origin);
		if (l->is_void)
			html_span(p->to, "badge warning", "void lookup");
		fputs("</li>\n", p->to);
	}
	fputs("</ul>\n", p->to);
}

/* --- terms --- */

static void
put_line(const struct html_page *p, const struct survey_term *t)
{
	html_code(p->to, "term", t->written);
	if (t->terms != 0)
		html_span(p->to,
		    t->terms > SPF_TERMS_MAX ? "badge error" : "badge",
		    "%u of %u", t->terms, SPF_TERMS_MAX);
	if (t->after_all)
		html_span(p->to, "badge warning", "never reached");
	else if (t->loop)
		html_span(p->to, "badge error", "loop");
	else if (t->match[SURVEY_V4].open || t->match[SURVEY_V6].open)
		html_span(p->to, "badge", "depends on client or sender");
}

static void put_record(
    const struct html_page *p, const struct survey_record *r);

static void
put_lead(const struct html_page *p, const struct survey_term *t,
    const struct survey_record *r)
{
	if (!t->repeat && !t->loop) {
		put_record(p, r);
		return;
	}
	fputs("<p class=\"quiet\">", p->to);
	html_code(p->to, NULL, mf_text_of(r->domain));
	fputs(t->loop ? " is above</p>\n" : " is shown elsewhere</p>\n", p->to);
}

static void
put_term(const struct html_page *p, const struct survey_term *t)
{
	const struct survey_record *v4 = t->match[SURVEY_V4].leads;
	const struct survey_record *v6 = t->match[SURVEY_V6].leads;
	const struct survey_record *r = v4 != NULL ? v4 : v6;

	fputs("<li>", p->to);
	if (r == NULL && t->lookups == NULL) {
		put_line(p, t);
		putc('\n', p->to);
	} else {
		bool open = r != NULL && !t->repeat && !t->loop &&
		    (r->index < 3 || has_findings(p, r));

		fputs(open ? "<details open><summary>" : "<details><summary>",
		    p->to);
		put_line(p, t);
		fputs("</summary>\n", p->to);
		put_lookups(p, t);
		if (r != NULL)
			put_lead(p, t, r);
		if (v6 != NULL && v6 != r)
			put_lead(p, t, v6);
		fputs("</details>\n", p->to);
	}
	put_findings(p, t->record->domain, t->written);
	fputs("</li>\n", p->to);
}

static bool
is_plain(const struct html_page *p, const struct survey_term *t)
{
	if (t == NULL || t->kind != SURVEY_MECHANISM || t->after_all ||
	    (t->mechanism != SPF_TERM_IP4 && t->mechanism != SPF_TERM_IP6))
		return false;
	for (const struct lint_finding *f = p->lint->first; f != NULL;
	     f = f->next)
		if (strcmp(f->domain, t->record->domain) == 0 &&
		    mf_text_eq(mf_text_of(f->term), t->written))
			return false;
	return true;
}

/* The last of plain networks from t on, and how many there are. */
static const struct survey_term *
run_of(const struct html_page *p, const struct survey_term *t, size_t *count)
{
	*count = 0;
	for (const struct survey_term *at = t; is_plain(p, at); at = at->next) {
		++*count;
		t = at;
	}
	return t;
}

static void
put_run(const struct html_page *p, const struct survey_term *first,
    const struct survey_term *last, size_t count)
{
	fprintf(p->to,
	    "<li><details><summary>%zu networks</summary><p class=\"nets\">",
	    count);
	for (const struct survey_term *t = first;; t = t->next) {
		html_code(p->to, "term", t->written);
		putc(' ', p->to);
		if (t == last)
			break;
	}
	fputs("</p></details></li>\n", p->to);
}

static void
put_record(const struct html_page *p, const struct survey_record *r)
{
	char room[SPF_TEXT_SIZE];

	fputs("<section class=\"record\"><p>", p->to);
	html_code(p->to, "name", mf_text_of(r->domain));
	if (r->text[0] != '\0')
		html_span(p->to, "quiet",
		    r->endless ? " %zu bytes, endless terms"
			       : " %zu bytes, %u of %u terms",
		    strlen(r->text), r->terms, SPF_TERMS_MAX);
	if (r->status != SURVEY_FOUND) {
		fputs("<span class=\"badge error\">", p->to);
		escape_html(p->to, mf_text_of(survey_status_text(r, room)));
		fputs("</span>", p->to);
	}
	fputs("</p>\n", p->to);
	if (r->text[0] != '\0') {
		fputs("<pre>", p->to);
		escape_html(p->to, mf_text_of(r->text));
		fputs("</pre>\n", p->to);
	}
	put_findings(p, r->domain, MF_TEXT(""));
	fputs("<ul>\n", p->to);
	for (const struct survey_term *t = r->first; t != NULL; t = t->next) {
		size_t count;
		const struct survey_term *last = run_of(p, t, &count);

		if (count >= RUN_MIN) {
			put_run(p, t, last, count);
			t = last;
		} else
			put_term(p, t);
	}
	fputs("</ul></section>\n", p->to);
}

void
html_tree(const struct html_page *p)
{
	const struct survey *s = &p->lint->survey;

	fputs("<h2>Lookup tree</h2>\n<div class=\"tree\">\n", p->to);
	if (s->root != NULL)
		put_record(p, s->root);
	fputs("</div>\n", p->to);
}

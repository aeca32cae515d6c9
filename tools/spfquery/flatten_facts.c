/* SPDX-License-Identifier: ISC */
/*
 * What flattening has to know of records: what is wrong with them, what is open,
 * and who passes.
 */
#include <stdarg.h>
#include <stdio.h>

#include "common/text.h"
#include "tools/spfquery/flatten_.h"

/* The first reason counts. */
void
flatten_fail(struct flat *f, bool temporary, const char *format, ...)
{
	va_list args;

	if (f->problem[0] != '\0')
		return;
	f->temporary = temporary;
	va_start(args, format);
	vsnprintf(f->problem, sizeof(f->problem), format, args);
	va_end(args);
}

/* --- what is open --- */

/* Whether a macro of t is one of those letters. */
bool
flatten_has_macro(struct mf_text t, const char *letters)
{
	for (size_t i = 0; i + 2 < t.len; i++) {
		if (t.p[i] != '%')
			continue;
		if (t.p[i + 1] == '{' &&
		    strchr(letters, ascii_lower(t.p[i + 2])) != NULL)
			return true;
		i++;
	}
	return false;
}

/* %{o} is another domain where the record is included. */
bool
flatten_is_open(const struct survey_term *t)
{
	return t->match[SURVEY_V4].open || t->match[SURVEY_V6].open ||
	    flatten_has_macro(t->written, "o");
}

bool
flatten_leads(const struct survey_term *t)
{
	return t->kind == SURVEY_REDIRECT ||
	    (t->kind == SURVEY_MECHANISM && t->mechanism == SPF_TERM_INCLUDE);
}

const struct survey_record *
flatten_lead(const struct survey_term *t)
{
	const struct survey_record *r = t->match[SURVEY_V4].leads;

	return r == t->match[SURVEY_V6].leads ? r : NULL;
}

static bool has_open(struct flat_work *w, const struct survey_record *r);

/* Whether t has an effect that isn't known of every client. */
bool
flatten_is_open_below(struct flat_work *w, const struct survey_term *t)
{
	if (t->after_all || t->kind == SURVEY_EXP || t->kind == SURVEY_MODIFIER)
		return false;
	if (flatten_is_open(t) || (flatten_leads(t) && flatten_lead(t) == NULL))
		return true;
	return flatten_leads(t) && has_open(w, flatten_lead(t));
}

/* Loops are refused before, so this ends. */
static bool
has_open(struct flat_work *w, const struct survey_record *r)
{
	enum flat_maybe *open = &w->facts[r->index].open;

	if (*open != UNKNOWN)
		return *open == YES;
	*open = NO;
	for (const struct survey_term *t = r->first; t != NULL; t = t->next)
		if (flatten_is_open_below(w, t))
			*open = YES;
	return *open == YES;
}

/* --- what is wrong --- */

static void
inspect_match(
    struct flat *f, const struct survey_term *t, const struct survey_match *m)
{
	const char *what = NULL;
	char room[SPF_TEXT_SIZE];

	if (m->cause != SPF_CAUSE_NONE)
		flatten_fail(f, true, "\"%.*s\" in the record of %s: %s",
		    (int)text_head(t->written, 200).len, t->written.p,
		    t->record->domain, spf_cause_text(m->cause));
	if (t->loop)
		what = "a loop";
	else if (m->many_mx)
		what = "more than 10 MX records";
	else if (m->never && flatten_leads(t))
		what = "no such name can exist";
	else if (flatten_leads(t) && m->leads != NULL &&
	    m->leads->status != SURVEY_FOUND)
		what = survey_status_text(m->leads, room);
	if (what != NULL)
		flatten_fail(f, false,
		    "\"%.*s\" in the record of %s is a permerror: %s",
		    (int)text_head(t->written, 100).len, t->written.p,
		    t->record->domain, what);
}

void
flatten_inspect(struct flat *f, const struct survey *s)
{
	char room[SPF_TEXT_SIZE];

	if (s->pending) {
		flatten_fail(f, true, "no answer yet");
		return;
	}
	if (s->root == NULL || s->root->status != SURVEY_FOUND) {
		flatten_fail(f,
		    s->root == NULL || s->root->status == SURVEY_FAILED, "%s",
		    s->root != NULL ? survey_status_text(s->root, room)
				    : "no answer");
		return;
	}
	for (const struct survey_record *r = s->root; r != NULL; r = r->next)
		for (const struct survey_term *t = r->first; t != NULL;
		     t = t->next)
			for (size_t i = 0; i < SURVEY_FAMILIES &&
			     !t->after_all && t->kind != SURVEY_EXP;
			     i++)
				inspect_match(f, t, &t->match[i]);
	if (s->cut)
		flatten_fail(
		    f, false, "more than %d lookups", SURVEY_LOOKUPS_MAX);
}

/* --- who passes in an included record (5.2) --- */

static const struct ipset *passes(
    struct flat_work *w, const struct survey_record *r, bool v6);

/* Whom a term matches that isn't open. */
const struct ipset *
flatten_matches(struct flat_work *w, const struct survey_term *t, bool v6)
{
	const struct survey_match *m = &t->match[survey_family(v6)];

	return flatten_leads(t) && m->leads != NULL ? passes(w, m->leads, v6)
						    : &m->nets;
}

/*
 * Who passes in r from term `from` on.  Open terms match nobody here: callers
 * see to it that there are none.
 */
struct ipset
flatten_passes(struct flat_work *w, const struct survey_record *r,
    const struct survey_term *from, bool v6)
{
	struct ipset pass = ipset_empty(v6), decided = ipset_empty(v6);
	const struct survey_term *redirect = NULL;

	for (const struct survey_term *t = r->first; t != NULL; t = t->next)
		if (t->kind == SURVEY_REDIRECT && !t->after_all)
			redirect = t;
	for (const struct survey_term *t = from; t != NULL; t = t->next) {
		if (t->kind != SURVEY_MECHANISM || t->after_all)
			continue;
		const struct ipset *matched = flatten_matches(w, t, v6);

		if (t->result == SPF_PASS) {
			struct ipset fresh = ipset_minus(matched, &decided);

			ipset_add_set(&pass, &fresh);
			ipset_clear(&fresh);
		}
		ipset_add_set(&decided, matched);
	}
	if (redirect != NULL) {
		struct ipset fresh =
		    ipset_minus(flatten_matches(w, redirect, v6), &decided);

		ipset_add_set(&pass, &fresh);
		ipset_clear(&fresh);
	}
	ipset_clear(&decided);
	return pass;
}

static const struct ipset *
passes(struct flat_work *w, const struct survey_record *r, bool v6)
{
	struct flat_facts *facts = &w->facts[r->index];
	enum survey_family f = survey_family(v6);

	if (!facts->knows[f]) {
		facts->passes[f] = flatten_passes(w, r, r->first, v6);
		facts->knows[f] = true;
	}
	return &facts->passes[f];
}

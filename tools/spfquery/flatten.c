/* SPDX-License-Identifier: ISC */
/*
 * What can't be flattened stays: ptr, and what has macros other than d and v.
 * An include that leads to such a term is opened up nevertheless, if all that
 * comes before it there passes, because then its terms mean the same outside;
 * otherwise it stays as a whole.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/text.h"
#include "tools/spfquery/flatten_.h"
#include "tools/spfquery/spfquery.h"

/* Kept terms, after which nobody could use the record anyway. */
#define KEPT_MAX 100

/* Networks, of which ten records have the capacity for some 400. */
#define NETS_MAX 2000

static void
note(struct flat *f, const struct survey_term *t, const char *what)
{
	struct flat_note *n = spfquery_must(calloc(1, sizeof(*n)));
	size_t size = 2 * SPF_TEXT_SIZE;

	n->text = spfquery_must(malloc(size));
	snprintf(n->text, size, "\"%.*s\" in the record of %s: %s",
	    (int)text_head(t->written, 300).len, t->written.p,
	    t->record->domain, what);
	*f->last_note = n;
	f->last_note = &n->next;
}

/* --- terms that stay --- */

static const char qualifiers[] = {
    [SPF_NEUTRAL] = '?',
    [SPF_PASS] = '+',
    [SPF_FAIL] = '-',
    [SPF_SOFTFAIL] = '~',
};

/* The mechanism without its qualifier. */
static struct mf_text
bare(const struct survey_term *t)
{
	return t->kind == SURVEY_MECHANISM && t->written.len != 0 &&
		strchr("+-~?", t->written.p[0]) != NULL
	    ? text_from(t->written, 1)
	    : t->written;
}

/*
 * The term as it is written in another record: with the domain where it was
 * implied or a macro.  NULL: it can't be.
 */
static char *
moved(const struct survey_term *t, bool own)
{
	struct mf_text rest = bare(t), domain = mf_text_of(t->record->domain);
	char *text = spfquery_must(malloc(SPF_RECORD_MAX + SPF_NAME_SIZE));
	struct text_out out = text_out(text, SPF_RECORD_MAX);
	bool ok = own ||
	    (!flatten_has_macro(rest, "p") &&
		text_find(domain, '%') == domain.len);

	while (ok && rest.len != 0) {
		if (!own && text_starts_fold(rest, MF_TEXT("%{d}"))) {
			out_text(&out, domain);
			rest = text_from(rest, 4);
			continue;
		}
		ok = own || !text_starts_fold(rest, MF_TEXT("%{d"));
		/* Not the second of "%%". */
		if (text_starts(rest, MF_TEXT("%%"))) {
			out_str(&out, "%%");
			rest = text_from(rest, 2);
			continue;
		}
		out_char(&out, rest.p[0]);
		rest = text_from(rest, 1);
	}
	if (!own && t->mechanism == SPF_TERM_PTR &&
	    text_find(bare(t), ':') == bare(t).len) {
		out_char(&out, ':');
		out_text(&out, domain);
	}
	if (ok && !out.full) {
		text[out.len] = '\0';
		return text;
	}
	free(text);
	return NULL;
}

static bool
keep(struct flat_work *w, const struct survey_term *t, enum spf_result result,
    bool own)
{
	char *text = moved(t, own);
	size_t len;
	struct flat_item *item;

	if (text == NULL)
		return false;
	len = strlen(text);
	item = flatten_item_add(w->flat, result);
	item->kept = spfquery_must(malloc(len + 2));
	item->kept[0] = qualifiers[result];
	memcpy(item->kept + 1, text, len + 1);
	/* "+" is what there is without any. */
	if (result == SPF_PASS)
		memmove(item->kept, item->kept + 1, len + 1);
	item->terms = t->terms;
	free(text);
	if (++w->kept == KEPT_MAX) {
		flatten_fail(w->flat, false,
		    "more than %d terms can't be flattened", KEPT_MAX);
		w->over = true;
	}
	note(w->flat, t,
	    flatten_is_open(t) ? "kept, the client or the sender decides"
			       : "kept, because of terms that it leads to");
	return true;
}

/* --- records --- */

/* Where terms are put: the result of those that pass, in whose record. */
struct target {
	bool included;
	enum spf_result result; /* of the include, if they pass */
	bool own;               /* the record of the domain itself */
};

static void flatten_record(
    struct flat_work *w, const struct survey_record *r, struct target target);

static bool can_open(struct flat_work *w, const struct survey_record *r);

/* Whether a term of an included record can stand outside of it. */
static bool
can_move(struct flat_work *w, const struct survey_term *t)
{
	char *text;

	if (!flatten_is_open_below(w, t))
		return true;
	if (!flatten_is_open(t) && flatten_lead(t) != NULL &&
	    can_open(w, flatten_lead(t)))
		return true;
	text = moved(t, false);
	free(text);
	return text != NULL;
}

/* All up to the last open one pass, if they match, and can be moved. */
static bool
terms_can_move(struct flat_work *w, const struct survey_record *r)
{
	const struct survey_term *last = NULL;

	for (const struct survey_term *t = r->first; t != NULL; t = t->next)
		if (flatten_is_open_below(w, t)) {
			if (t->kind == SURVEY_REDIRECT)
				return false;
			last = t;
		}
	for (const struct survey_term *t = r->first; last != NULL;
	     t = t->next) {
		if (t->kind == SURVEY_MECHANISM &&
		    (t->result != SPF_PASS || !can_move(w, t)))
			return false;
		if (t == last)
			break;
	}
	return true;
}

/*
 * Whether the terms of an included record mean the same in front of what
 * follows the include.
 */
static bool
can_open(struct flat_work *w, const struct survey_record *r)
{
	enum flat_maybe *can = &w->facts[r->index].can_open;

	if (*can == UNKNOWN)
		*can = terms_can_move(w, r) ? YES : NO;
	return *can == YES;
}

static void
flatten_nets(
    struct flat_work *w, const struct survey_term *t, enum spf_result result)
{
	const struct ipset *sets[] = {
	    flatten_matches(w, t, false), flatten_matches(w, t, true)};

	for (size_t f = 0; f < SURVEY_FAMILIES; f++) {
		if (t->match[f].voids != 0)
			note(w->flat, t, "dropped, it is a void lookup");
		if (t->match[f].never)
			note(w->flat, t, "dropped, no such name can exist");
	}
	if (ipset_is_all(sets[0]) && ipset_is_all(sets[1])) {
		w->flat->others = result;
		w->over = true;
		return;
	}
	flatten_add_nets(w->flat, result, sets);
}

static void
flatten_term(
    struct flat_work *w, const struct survey_term *t, struct target target)
{
	enum spf_result result = target.included ? target.result : t->result;
	bool own = target.own && !target.included;

	if (!flatten_is_open_below(w, t))
		flatten_nets(w, t, result);
	else if (!flatten_is_open(t) && flatten_lead(t) != NULL &&
	    can_open(w, flatten_lead(t)))
		flatten_record(w, flatten_lead(t),
		    (struct target){.included = true, .result = result});
	else
		keep(w, t, result, own);
}

/* From t on nothing of an included record is open. */
static void
flatten_rest(struct flat_work *w, const struct survey_record *r,
    const struct survey_term *t, enum spf_result result)
{
	struct ipset rest[SURVEY_FAMILIES] = {
	    flatten_passes(w, r, t, false), flatten_passes(w, r, t, true)};
	const struct ipset *sets[] = {&rest[0], &rest[1]};

	if (ipset_is_all(sets[0]) && ipset_is_all(sets[1])) {
		w->flat->others = result;
		w->over = true;
	} else
		flatten_add_nets(w->flat, result, sets);
	ipset_clear(&rest[0]);
	ipset_clear(&rest[1]);
}

static bool
is_open_from(struct flat_work *w, const struct survey_term *t)
{
	for (; t != NULL; t = t->next)
		if (flatten_is_open_below(w, t))
			return true;
	return false;
}

static void
keep_modifier(struct flat *f, const struct survey_term *t)
{
	size_t len = strlen(f->modifiers);

	f->modifiers =
	    spfquery_must(realloc(f->modifiers, len + t->written.len + 2));
	if (len != 0)
		f->modifiers[len++] = ' ';
	memcpy(f->modifiers + len, t->written.p, t->written.len);
	f->modifiers[len + t->written.len] = '\0';
}

/* Whether the record that t leads to can be put in place of it. */
static bool
can_redirect(struct flat_work *w, const struct survey_term *t)
{
	const struct survey_record *r = flatten_lead(t);

	if (flatten_is_open(t) || r == NULL)
		return false;
	for (const struct survey_term *u = r->first; u != NULL; u = u->next)
		if (u->kind == SURVEY_EXP &&
		    flatten_has_macro(u->written, "dp"))
			return false;
		else if (u->kind == SURVEY_REDIRECT && !u->after_all &&
		    !can_redirect(w, u))
			return false;
		else if (u->kind == SURVEY_MECHANISM && !can_move(w, u))
			return false;
	return true;
}

static void
flatten_own(struct flat_work *w, const struct survey_record *r, bool own)
{
	const struct survey_term *redirect = NULL;

	for (const struct survey_term *t = r->first; t != NULL && !w->over;
	     t = t->next) {
		if (t->kind == SURVEY_REDIRECT && !t->after_all)
			redirect = t;
		else if (t->kind == SURVEY_MECHANISM && !t->after_all)
			flatten_term(w, t, (struct target){.own = own});
	}
	for (const struct survey_term *t = r->first; t != NULL; t = t->next)
		/* That of the record which decides; a redirect has its own. */
		if (t->kind == SURVEY_MODIFIER || t->kind == SURVEY_EXP)
			keep_modifier(w->flat, t);
	if (w->over || redirect == NULL)
		return;
	if (can_redirect(w, redirect)) {
		w->flat->modifiers[0] = '\0';
		flatten_own(w, flatten_lead(redirect), false);
		return;
	}
	w->flat->redirect = spfquery_copy(redirect->written);
	w->flat->redirect_terms = redirect->terms;
	note(w->flat, redirect,
	    "kept, because of the client, the sender or its explanation");
}

static void
flatten_record(
    struct flat_work *w, const struct survey_record *r, struct target target)
{
	const struct survey_term *t = r->first;

	for (; is_open_from(w, t) && !w->over; t = t->next)
		if (t->kind == SURVEY_MECHANISM && !t->after_all)
			flatten_term(w, t, target);
	if (!w->over)
		flatten_rest(w, r, t, target.result);
}

static size_t
count_nets(const struct flat *f)
{
	size_t nets = 0;

	for (const struct flat_item *i = f->first; i != NULL; i = i->next)
		nets += ipset_nets(&i->sets[0]) + ipset_nets(&i->sets[1]);
	return nets;
}

/* --- all of it --- */

void
flatten_find(struct flat *f, const struct survey *survey)
{
	struct flat_work w = {.flat = f};

	*f = (struct flat){.others = SPF_NEUTRAL};
	f->last = &f->first;
	f->last_note = &f->notes;
	f->modifiers = spfquery_copy(MF_TEXT(""));
	flatten_inspect(f, survey);
	if (f->problem[0] != '\0')
		return;
	w.facts = spfquery_must(calloc(survey->records, sizeof(*w.facts)));
	flatten_own(&w, survey->root, true);
	if (count_nets(f) > NETS_MAX)
		flatten_fail(f, false,
		    "%zu networks are more than can be published",
		    count_nets(f));
	else
		flatten_shorten(f);
	for (size_t i = 0; i < survey->records; i++)
		for (size_t n = 0; n < SURVEY_FAMILIES; n++)
			ipset_clear(&w.facts[i].passes[n]);
	free(w.facts);
}

void
flatten_clear(struct flat *f)
{
	while (f->first != NULL) {
		struct flat_item *item = f->first;

		f->first = item->next;
		flatten_item_free(item);
	}
	while (f->notes != NULL) {
		struct flat_note *n = f->notes;

		f->notes = n->next;
		free(n->text);
		free(n);
	}
	free(f->redirect);
	free(f->modifiers);
}

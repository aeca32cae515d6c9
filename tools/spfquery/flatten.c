/* SPDX-License-Identifier: ISC */
/*
 * What can't be flattened stays: ptr, and what has macros other than d and v.
 * An include that leads to such a term is opened up nevertheless, if all that
 * comes before it there passes, because then its terms mean the same outside;
 * otherwise it stays as a whole.
 */
#include "tools/spfquery/flatten.h"

#include <stdarg.h>
#include <stdlib.h>

#include "common/text.h"
#include "tools/spfquery/spfquery.h"

/* Kept terms, after which nobody could use the record anyway. */
#define KEPT_MAX 100

/* Networks, of which ten records have the capacity for some 400. */
#define NETS_MAX 5000

/* Of shortening; two or three do. */
#define ROUNDS_MAX 20

enum maybe { UNKNOWN, NO, YES };

/* What is known of a record, once it is. */
struct facts {
	enum maybe open;     /* something in it or below is open */
	enum maybe can_open; /* its terms can stand outside of it */
	bool knows[SURVEY_FAMILIES];
	struct ipset passes[SURVEY_FAMILIES];
};

struct work {
	struct flat *flat;
	struct facts *facts; /* by index of the record */
	unsigned kept;
	bool over; /* a term has matched everybody */
};

static void fail(struct flat *f, bool temporary, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The first reason counts. */
static void
fail(struct flat *f, bool temporary, const char *format, ...)
{
	va_list args;

	if (f->problem[0] != '\0')
		return;
	f->temporary = temporary;
	va_start(args, format);
	vsnprintf(f->problem, sizeof(f->problem), format, args);
	va_end(args);
}

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

/* --- what is open --- */

/* Whether a macro of t is one of those letters. */
static bool
has_macro(struct mf_text t, const char *letters)
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
static bool
is_open(const struct survey_term *t)
{
	return t->match[SURVEY_V4].open || t->match[SURVEY_V6].open ||
	    has_macro(t->written, "o");
}

static bool
leads(const struct survey_term *t)
{
	return t->kind == SURVEY_REDIRECT ||
	    (t->kind == SURVEY_MECHANISM && t->mechanism == SPF_TERM_INCLUDE);
}

static const struct survey_record *
only_lead(const struct survey_term *t)
{
	const struct survey_record *r = t->match[SURVEY_V4].leads;

	return r == t->match[SURVEY_V6].leads ? r : NULL;
}

static bool has_open(struct work *w, const struct survey_record *r);

/* Whether t has an effect that isn't known of every client. */
static bool
is_open_below(struct work *w, const struct survey_term *t)
{
	if (t->after_all || t->kind == SURVEY_EXP || t->kind == SURVEY_MODIFIER)
		return false;
	if (is_open(t) || (leads(t) && only_lead(t) == NULL))
		return true;
	return leads(t) && has_open(w, only_lead(t));
}

/* Loops are refused before, so this ends. */
static bool
has_open(struct work *w, const struct survey_record *r)
{
	enum maybe *open = &w->facts[r->index].open;

	if (*open != UNKNOWN)
		return *open == YES;
	*open = NO;
	for (const struct survey_term *t = r->first; t != NULL; t = t->next)
		if (is_open_below(w, t))
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
		fail(f, true, "\"%.*s\" in the record of %s: %s",
		    (int)text_head(t->written, 200).len, t->written.p,
		    t->record->domain, spf_cause_text(m->cause));
	if (t->loop)
		what = "a loop";
	else if (m->many_mx)
		what = "more than 10 MX records";
	else if (m->never && leads(t))
		what = "no such name can exist";
	else if (leads(t) && m->leads != NULL &&
	    m->leads->status != SURVEY_FOUND)
		what = survey_status_text(m->leads, room);
	if (what != NULL)
		fail(f, false,
		    "\"%.*s\" in the record of %s is a permerror: %s",
		    (int)text_head(t->written, 100).len, t->written.p,
		    t->record->domain, what);
}

static void
inspect(struct flat *f, const struct survey *s)
{
	char room[SPF_TEXT_SIZE];

	if (s->pending) {
		fail(f, true, "no answer yet");
		return;
	}
	if (s->root == NULL || s->root->status != SURVEY_FOUND) {
		fail(f, s->root == NULL || s->root->status == SURVEY_FAILED,
		    "%s",
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
		fail(f, false, "more than %d lookups", SURVEY_LOOKUPS_MAX);
}

/* --- who passes in an included record (5.2) --- */

static const struct ipset *passes(
    struct work *w, const struct survey_record *r, bool v6);

/* Whom a term matches that isn't open. */
static const struct ipset *
matches(struct work *w, const struct survey_term *t, bool v6)
{
	const struct survey_match *m = &t->match[survey_family(v6)];

	return leads(t) && m->leads != NULL ? passes(w, m->leads, v6)
					    : &m->nets;
}

/*
 * Who passes in r from term `from` on.  Open terms match nobody here: callers
 * see to it that there are none.
 */
static struct ipset
passes_from(struct work *w, const struct survey_record *r,
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
		const struct ipset *matched = matches(w, t, v6);

		if (t->result == SPF_PASS) {
			struct ipset fresh = ipset_minus(matched, &decided);

			ipset_add_set(&pass, &fresh);
			ipset_clear(&fresh);
		}
		ipset_add_set(&decided, matched);
	}
	if (redirect != NULL) {
		struct ipset fresh =
		    ipset_minus(matches(w, redirect, v6), &decided);

		ipset_add_set(&pass, &fresh);
		ipset_clear(&fresh);
	}
	ipset_clear(&decided);
	return pass;
}

static const struct ipset *
passes(struct work *w, const struct survey_record *r, bool v6)
{
	struct facts *facts = &w->facts[r->index];
	enum survey_family f = survey_family(v6);

	if (!facts->knows[f]) {
		facts->passes[f] = passes_from(w, r, r->first, v6);
		facts->knows[f] = true;
	}
	return &facts->passes[f];
}

/* --- items --- */

static struct flat_item *
item_add(struct flat *f, enum spf_result result)
{
	struct flat_item *item = spfquery_must(calloc(1, sizeof(*item)));

	item->result = result;
	item->sets[SURVEY_V6].v6 = true;
	*f->last = item;
	f->last = &item->next;
	return item;
}

static bool
meets(const struct flat_item *item, const struct ipset *const sets[static 2])
{
	bool any = false;

	for (size_t i = 0; i < SURVEY_FAMILIES && !any; i++) {
		struct ipset both = ipset_both(&item->sets[i], sets[i]);

		any = !ipset_is_empty(&both);
		ipset_clear(&both);
	}
	return any;
}

/*
 * The earliest item of that result that sets can join: nothing after it
 * decides otherwise about them, nor is a kept term there.
 */
static struct flat_item *
place_of(const struct flat *f, enum spf_result result,
    const struct ipset *const sets[static 2])
{
	struct flat_item *place = NULL;

	for (struct flat_item *i = f->first; i != NULL; i = i->next) {
		if (i->kept != NULL || (i->result != result && meets(i, sets)))
			place = NULL;
		else if (i->result == result && place == NULL)
			place = i;
	}
	return place;
}

static void
add_nets(struct flat *f, enum spf_result result,
    const struct ipset *const sets[static 2])
{
	struct flat_item *item;

	if (ipset_is_empty(sets[0]) && ipset_is_empty(sets[1]))
		return;
	item = place_of(f, result, sets);
	if (item == NULL)
		item = item_add(f, result);
	for (size_t i = 0; i < SURVEY_FAMILIES; i++)
		ipset_add_set(&item->sets[i], sets[i]);
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
	    (!has_macro(rest, "p") && text_find(domain, '%') == domain.len);

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
keep(struct work *w, const struct survey_term *t, enum spf_result result,
    bool own)
{
	char *text = moved(t, own);
	size_t len;
	struct flat_item *item;

	if (text == NULL)
		return false;
	len = strlen(text);
	item = item_add(w->flat, result);
	item->kept = spfquery_must(malloc(len + 2));
	item->kept[0] = qualifiers[result];
	memcpy(item->kept + 1, text, len + 1);
	/* "+" is what there is without any. */
	if (result == SPF_PASS)
		memmove(item->kept, item->kept + 1, len + 1);
	item->terms = t->terms;
	free(text);
	if (++w->kept == KEPT_MAX) {
		fail(w->flat, false, "more than %d terms can't be flattened",
		    KEPT_MAX);
		w->over = true;
	}
	note(w->flat, t,
	    is_open(t) ? "kept, the client or the sender decides"
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
    struct work *w, const struct survey_record *r, struct target target);

static bool can_open(struct work *w, const struct survey_record *r);

/* Whether a term of an included record can stand outside of it. */
static bool
can_move(struct work *w, const struct survey_term *t)
{
	char *text;

	if (!is_open_below(w, t))
		return true;
	if (!is_open(t) && only_lead(t) != NULL && can_open(w, only_lead(t)))
		return true;
	text = moved(t, false);
	free(text);
	return text != NULL;
}

/* All up to the last open one pass, if they match, and can be moved. */
static bool
terms_can_move(struct work *w, const struct survey_record *r)
{
	const struct survey_term *last = NULL;

	for (const struct survey_term *t = r->first; t != NULL; t = t->next)
		if (is_open_below(w, t)) {
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
can_open(struct work *w, const struct survey_record *r)
{
	enum maybe *can = &w->facts[r->index].can_open;

	if (*can == UNKNOWN)
		*can = terms_can_move(w, r) ? YES : NO;
	return *can == YES;
}

static void
flatten_nets(
    struct work *w, const struct survey_term *t, enum spf_result result)
{
	const struct ipset *sets[] = {
	    matches(w, t, false), matches(w, t, true)};

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
	add_nets(w->flat, result, sets);
}

static void
flatten_term(struct work *w, const struct survey_term *t, struct target target)
{
	enum spf_result result = target.included ? target.result : t->result;
	bool own = target.own && !target.included;

	if (!is_open_below(w, t))
		flatten_nets(w, t, result);
	else if (!is_open(t) && only_lead(t) != NULL &&
	    can_open(w, only_lead(t)))
		flatten_record(w, only_lead(t),
		    (struct target){.included = true, .result = result});
	else
		keep(w, t, result, own);
}

/* From t on nothing of an included record is open. */
static void
flatten_rest(struct work *w, const struct survey_record *r,
    const struct survey_term *t, enum spf_result result)
{
	struct ipset rest[SURVEY_FAMILIES] = {
	    passes_from(w, r, t, false), passes_from(w, r, t, true)};
	const struct ipset *sets[] = {&rest[0], &rest[1]};

	if (ipset_is_all(sets[0]) && ipset_is_all(sets[1])) {
		w->flat->others = result;
		w->over = true;
	} else
		add_nets(w->flat, result, sets);
	ipset_clear(&rest[0]);
	ipset_clear(&rest[1]);
}

static bool
is_open_from(struct work *w, const struct survey_term *t)
{
	for (; t != NULL; t = t->next)
		if (is_open_below(w, t))
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
can_redirect(struct work *w, const struct survey_term *t)
{
	const struct survey_record *r = only_lead(t);

	if (is_open(t) || r == NULL)
		return false;
	for (const struct survey_term *u = r->first; u != NULL; u = u->next)
		if (u->kind == SURVEY_EXP && has_macro(u->written, "dp"))
			return false;
		else if (u->kind == SURVEY_REDIRECT && !u->after_all &&
		    !can_redirect(w, u))
			return false;
		else if (u->kind == SURVEY_MECHANISM && !can_move(w, u))
			return false;
	return true;
}

static void
flatten_own(struct work *w, const struct survey_record *r, bool own)
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
		flatten_own(w, only_lead(redirect), false);
		return;
	}
	w->flat->redirect = spfquery_copy(redirect->written);
	w->flat->redirect_terms = redirect->terms;
	note(w->flat, redirect,
	    "kept, because of the client, the sender or its explanation");
}

static void
flatten_record(
    struct work *w, const struct survey_record *r, struct target target)
{
	const struct survey_term *t = r->first;

	for (; is_open_from(w, t) && !w->over; t = t->next)
		if (t->kind == SURVEY_MECHANISM && !t->after_all)
			flatten_term(w, t, target);
	if (!w->over)
		flatten_rest(w, r, t, target.result);
}

/* --- making it short --- */

static void
item_free(struct flat_item *item)
{
	ipset_clear(&item->sets[0]);
	ipset_clear(&item->sets[1]);
	free(item->kept);
	free(item);
}

/* Whether what follows would decide the same about item as it does. */
static bool
is_needless(const struct flat *f, const struct flat_item *item)
{
	const struct ipset *sets[] = {&item->sets[0], &item->sets[1]};

	if (item->kept != NULL)
		return false;
	if (ipset_is_empty(sets[0]) && ipset_is_empty(sets[1]))
		return true;
	if (f->redirect != NULL || item->result != f->others)
		return false;
	for (const struct flat_item *i = item->next; i != NULL; i = i->next)
		if (i->kept != NULL || meets(i, sets))
			return false;
	return true;
}

static void
drop_needless(struct flat *f)
{
	struct flat_item **at = &f->first;

	while (*at != NULL) {
		struct flat_item *item = *at;

		if (!is_needless(f, item)) {
			at = &item->next;
			continue;
		}
		*at = item->next;
		item_free(item);
		at = &f->first; /* it may have been in the way of others */
	}
	f->last = at;
}

/* What is decided before need not be in later networks; if that is shorter. */
static void
cut_decided(struct flat *f)
{
	struct ipset decided[SURVEY_FAMILIES] = {
	    ipset_empty(false), ipset_empty(true)};

	for (struct flat_item *i = f->first; i != NULL; i = i->next)
		for (size_t n = 0; n < SURVEY_FAMILIES; n++) {
			struct ipset fresh =
			    ipset_minus(&i->sets[n], &decided[n]);

			ipset_add_set(&decided[n], &i->sets[n]);
			if (ipset_nets(&fresh) <= ipset_nets(&i->sets[n]))
				ipset_take(&i->sets[n], fresh);
			else
				ipset_clear(&fresh);
		}
	ipset_clear(&decided[0]);
	ipset_clear(&decided[1]);
}

static void
add_each(struct flat *f, const struct flat_item *item)
{
	for (size_t i = 0; i < SURVEY_FAMILIES; i++) {
		struct ipset_walk walk = {0};
		struct ip_net net;

		while (ipset_next(&item->sets[i], &walk, &net)) {
			struct ipset one = ipset_empty(net.ip.v6);
			struct ipset none = ipset_empty(!net.ip.v6);
			const struct ipset *sets[] = {&one, &none};

			ipset_add(&one, &net);
			if (net.ip.v6) {
				sets[0] = &none;
				sets[1] = &one;
			}
			add_nets(f, item->result, sets);
			ipset_clear(&one);
		}
	}
}

/* Let each network join the earliest item that it can. */
static void
join(struct flat *f)
{
	struct flat_item *all = f->first;

	f->first = NULL;
	f->last = &f->first;
	while (all != NULL) {
		struct flat_item *item = all;

		all = item->next;
		item->next = NULL;
		if (item->kept != NULL) {
			*f->last = item;
			f->last = &item->next;
			continue;
		}
		add_each(f, item);
		item_free(item);
	}
}

/* A number that changes with the items. */
static uint64_t
fingerprint(const struct flat *f)
{
	uint64_t h = 0;

	for (const struct flat_item *i = f->first; i != NULL; i = i->next) {
		h = (h ^ (uint64_t)i->result) * UINT64_C(0x100000001b3);
		for (size_t n = 0; n < SURVEY_FAMILIES; n++)
			for (size_t k = 0; k < i->sets[n].count; k++) {
				const struct ip_range *r =
				    &i->sets[n].ranges[k];

				h = (h ^ r->first.high ^ r->last.low) *
				    UINT64_C(0x100000001b3);
				h = (h ^ r->first.low ^ r->last.high) *
				    UINT64_C(0x100000001b3);
			}
	}
	return h;
}

/* Until nothing changes, so that a flattened record stays as it is. */
static void
shorten(struct flat *f)
{
	uint64_t before, after = 0;
	unsigned rounds = 0;

	do {
		before = after;
		join(f);
		cut_decided(f);
		drop_needless(f);
		after = fingerprint(f);
	} while (after != before && ++rounds < ROUNDS_MAX);
}

static size_t
count_nets(const struct flat *f)
{
	size_t nets = 0;

	for (const struct flat_item *i = f->first; i != NULL; i = i->next)
		nets += ipset_nets(&i->sets[0]) + ipset_nets(&i->sets[1]);
	return nets;
}

struct ipset
flatten_set(const struct flat *f, enum spf_result result, bool v6)
{
	struct ipset out = ipset_empty(v6), decided = ipset_empty(v6);

	for (const struct flat_item *i = f->first; i != NULL; i = i->next) {
		const struct ipset *set = &i->sets[survey_family(v6)];

		if (i->result == result) {
			struct ipset fresh = ipset_minus(set, &decided);

			ipset_add_set(&out, &fresh);
			ipset_clear(&fresh);
		}
		ipset_add_set(&decided, set);
	}
	ipset_clear(&decided);
	return out;
}

/* --- all of it --- */

void
flatten_find(struct flat *f, const struct survey *survey)
{
	struct work w = {.flat = f};

	*f = (struct flat){.others = SPF_NEUTRAL};
	f->last = &f->first;
	f->last_note = &f->notes;
	f->modifiers = spfquery_copy(MF_TEXT(""));
	inspect(f, survey);
	if (f->problem[0] != '\0')
		return;
	w.facts = spfquery_must(calloc(survey->records, sizeof(*w.facts)));
	flatten_own(&w, survey->root, true);
	if (count_nets(f) > NETS_MAX)
		fail(f, false, "%zu networks are more than can be published",
		    count_nets(f));
	else
		shorten(f);
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
		item_free(item);
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

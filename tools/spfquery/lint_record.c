/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: what a record's text alone shows.
 */
#include <stdlib.h>

#include "common/text.h"
#include "tools/spfquery/lint.h"
#include "tools/spfquery/spfquery.h"

/* RFC 7208 3.4: with names around it, more doesn't fit into 512 octets. */
#define RECORD_LONG 450
#define STRING_LONG 255

struct record_pass {
	struct lint *lint;
	struct mf_text domain;
	enum lint_level error; /* what a syntax error is here */
	bool valid;
	/* Of the words: */
	struct mf_text early; /* the first modifier before a mechanism */
	struct mf_text modifier;
	bool redirect, exp;
	/* Of the mechanisms: */
	const struct spf_term *terms;
	size_t count;
	const struct spf_term *all; /* the first one; NULL: none */
};

#define FIND(pass, level, code, term, ...) \
	lint_find((pass)->lint, level, code, (pass)->domain, term, __VA_ARGS__)

/* --- words --- */

/* RFC 6652 has given these a meaning. */
static bool
is_known_modifier(struct mf_text name)
{
	return text_eq_fold(name, MF_TEXT("ra")) ||
	    text_eq_fold(name, MF_TEXT("rp")) ||
	    text_eq_fold(name, MF_TEXT("rr"));
}

static void
check_modifier(struct record_pass *p, const struct lint_term *t)
{
	char hint[SPF_TEXT_SIZE];
	bool both;

	if (text_eq_fold(t->written, MF_TEXT("v=spf1"))) {
		FIND(p, LINT_WARNING, "typo", t->written,
		    "a second version, which is ignored: two records in one?");
		return;
	}
	if (is_known_modifier(t->name))
		return;
	lint_hint(t, MF_TEXT(""), hint, &both);
	if (hint[0] != '\0')
		FIND(p, LINT_WARNING, "typo", t->written,
		    "an unknown modifier, which is ignored; %s", hint);
	else
		FIND(p, LINT_WARNING, "modifier", t->written,
		    "an unknown modifier, which is ignored");
}

static void
check_order(struct record_pass *p, const struct lint_term *t)
{
	if (text_eq_fold(t->written, MF_TEXT("v=spf1")))
		return;
	if (lint_is_modifier(t->kind))
		p->modifier = p->modifier.len == 0 ? t->written : p->modifier;
	else if (p->modifier.len != 0 && p->early.len == 0)
		p->early = p->modifier;
}

static void
check_word(struct record_pass *p, const struct lint_term *t,
    const char *problem, struct mf_text next, bool *skip)
{
	char hint[SPF_TEXT_SIZE];

	check_order(p, t);
	if (!t->valid) {
		p->valid = false;
		if (*skip) {
			*skip = false;
			hint[0] = '\0';
		} else
			lint_hint(t, next, hint, skip);
		FIND(p, p->error, "syntax", t->written, "%s%s%s", problem,
		    hint[0] != '\0' ? "; " : "", hint);
		return;
	}
	*skip = false;
	p->redirect = p->redirect || t->kind == LINT_REDIRECT;
	p->exp = p->exp || t->kind == LINT_EXP;
	if (t->kind == LINT_MODIFIER)
		check_modifier(p, t);
}

static void
check_words(struct record_pass *p, struct mf_text record)
{
	struct mf_text rest = text_from(record, sizeof("v=spf1") - 1);
	struct lint_term term, next;
	char problem[SPF_TEXT_SIZE], next_problem[SPF_TEXT_SIZE];
	bool skip = false;
	bool more = lint_next(&rest, &term, problem);

	while (more) {
		more = lint_next(&rest, &next, next_problem);
		check_word(p, &term, problem, more ? next.written : MF_TEXT(""),
		    &skip);
		if (!more)
			break;
		term = next;
		memcpy(problem, next_problem, sizeof(problem));
	}
	if (p->early.len != 0)
		FIND(p, LINT_NOTE, "order", p->early,
		    "modifiers should be at the end of a record (RFC 7208 6)");
}

/* --- terms that say the same --- */

static bool
is_network(const struct spf_term *t)
{
	return t->kind == SPF_TERM_IP4 || t->kind == SPF_TERM_IP6;
}

/* The names are the same, be it as "a" and "a:own.name". */
static bool
is_same_name(const struct record_pass *p, const struct spf_term *a,
    const struct spf_term *b)
{
	struct mf_text x = a->target.text, y = b->target.text;

	return text_eq_fold(
		   x.len != 0 ? x : p->domain, y.len != 0 ? y : p->domain) ||
	    (x.len != 0 && y.len != 0 && text_eq_fold(x, y));
}

static bool
is_same_term(const struct record_pass *p, const struct spf_term *a,
    const struct spf_term *b)
{
	struct ip_net x, y;

	if (a->kind != b->kind)
		return false;
	if (is_network(a)) {
		x = lint_net(a);
		y = lint_net(b);
		return x.bits == y.bits &&
		    memcmp(&x.ip.octets, &y.ip.octets, sizeof(x.ip.octets)) ==
		    0;
	}
	return a->cidr4 == b->cidr4 && a->cidr6 == b->cidr6 &&
	    is_same_name(p, a, b);
}

/* An earlier term that says the same, or has all of this one's network. */
static void
check_earlier(struct record_pass *p, size_t at)
{
	const struct spf_term *t = &p->terms[at];

	for (size_t i = at > LINT_EARLIER_MAX ? at - LINT_EARLIER_MAX : 0;
	     i < at; i++) {
		const struct spf_term *e = &p->terms[i];
		struct ip_net outer, inner;

		if (is_same_term(p, e, t)) {
			FIND(p, LINT_WARNING, "duplicate", t->written,
			    "the same as \"%.*s\" before it%s",
			    (int)e->written.len, e->written.p,
			    e->result != t->result
				? ", with another qualifier: never matches"
				: "");
			return;
		}
		if (e->kind != t->kind || !is_network(t))
			continue;
		outer = lint_net(e);
		inner = lint_net(t);
		if (lint_net_in(&inner, &outer)) {
			FIND(p, LINT_WARNING, "covered", t->written,
			    "part of \"%.*s\" before it%s", (int)e->written.len,
			    e->written.p,
			    e->result != t->result ? ": never matches" : "");
			return;
		}
	}
}

/* --- mechanisms --- */

static bool
has_macro(struct mf_text value, char letter)
{
	for (size_t i = 0; i + 2 < value.len; i++)
		if (value.p[i] == '%' && value.p[i + 1] == '{' &&
		    ascii_lower(value.p[i + 2]) == letter)
			return true;
	return false;
}

static void
check_mechanism(struct record_pass *p, size_t at)
{
	const struct spf_term *t = &p->terms[at];

	if (p->all != NULL) {
		FIND(p, LINT_WARNING, "after-all", t->written,
		    "after \"%.*s\": never evaluated", (int)p->all->written.len,
		    p->all->written.p);
		return;
	}
	if (t->kind == SPF_TERM_ALL)
		p->all = t;
	if (t->kind == SPF_TERM_PTR)
		FIND(p, LINT_WARNING, "ptr", t->written,
		    "ptr is slow and unreliable, and should not be used "
		    "(RFC 7208 5.5)");
	if (has_macro(t->target.text, 'p'))
		FIND(p, LINT_WARNING, "macro-p", t->written,
		    "the macro p is slow and unreliable, and should not be "
		    "used (RFC 7208 7.3)");
	if (t->kind == SPF_TERM_EXISTS && !t->target.macros)
		FIND(p, LINT_WARNING, "exists", t->written,
		    "without a macro this is the same for every client");
	check_earlier(p, at);
}

static bool
is_any_fail(const struct record_pass *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->terms[i].result == SPF_FAIL)
			return true;
	return false;
}

/* --- the whole --- */

static void
check_end(struct record_pass *p)
{
	if (p->all != NULL && p->redirect)
		FIND(p, LINT_WARNING, "redirect", MF_TEXT(""),
		    "redirect is ignored, because there is \"%.*s\"",
		    (int)p->all->written.len, p->all->written.p);
	if (p->all == NULL && !p->redirect)
		FIND(p, LINT_WARNING, "no-all", MF_TEXT(""),
		    "neither all nor redirect: hosts that nothing matches are "
		    "neutral, as if there were no record");
	if (p->all != NULL && p->all->result == SPF_NEUTRAL)
		FIND(p, LINT_WARNING, "neutral-all", p->all->written, "%s",
		    p->count == 1 ? "the record says nothing about anybody"
				  : "this says nothing about forged senders");
	if (p->exp && !is_any_fail(p) && (p->all != NULL || !p->redirect))
		FIND(p, LINT_WARNING, "exp-unused", MF_TEXT(""),
		    "exp explains a fail, and nothing here fails");
}

static void
check_length(struct record_pass *p, struct mf_text record)
{
	if (record.len > RECORD_LONG)
		FIND(p, LINT_WARNING, "long", MF_TEXT(""),
		    "the record has %zu octets; with more than %d the answer "
		    "may not fit into a UDP packet (RFC 7208 3.4)",
		    record.len, RECORD_LONG);
	if (record.len > STRING_LONG)
		FIND(p, LINT_NOTE, "strings", MF_TEXT(""),
		    "the record has %zu octets; in a zone file it needs "
		    "several strings of at most %d, which are joined without "
		    "a blank (RFC 7208 3.3)",
		    record.len, STRING_LONG);
}

static void
check_compiled(struct record_pass *p, struct mf_text record)
{
	struct spf_record *compiled = spfquery_must(spf_record_compile(record));
	const char *problem = spf_record_problem(compiled);

	/* What the terms one by one don't show. */
	if (problem != NULL && p->valid)
		FIND(p, p->error, "syntax", MF_TEXT(""), "%s", problem);
	p->terms = spf_record_terms(compiled, &p->count);
	for (size_t i = 0; i < p->count; i++)
		check_mechanism(p, i);
	lint_networks(p->lint, p->domain, p->terms, p->count);
	if (p->valid && problem == NULL)
		check_end(p);
	spf_record_free(compiled);
}

char *
lint_valid_part(struct mf_text record)
{
	struct mf_text rest = text_from(record, sizeof("v=spf1") - 1);
	struct text_out out = {NULL, record.len + 8, 0, false};
	char problem[SPF_TEXT_SIZE];
	struct lint_term t;

	out.p = spfquery_must(malloc(out.size));
	out_str(&out, "v=spf1");
	while (record.len <= SPF_RECORD_MAX && lint_next(&rest, &t, problem)) {
		if (!t.valid)
			continue;
		out_char(&out, ' ');
		out_text(&out, t.written);
	}
	out.p[out.len] = '\0';
	return out.p;
}

void
lint_record(struct lint *lint, struct mf_text domain, struct mf_text record,
    bool is_met)
{
	struct record_pass p = {.lint = lint,
	    .domain = domain,
	    .error = is_met ? LINT_ERROR : LINT_WARNING,
	    .valid = true};

	char *valid;

	/* A longer one is nothing but an error. */
	if (record.len <= SPF_RECORD_MAX)
		check_words(&p, record);
	valid = p.valid ? NULL : lint_valid_part(record);
	check_compiled(&p, valid != NULL ? mf_text_of(valid) : record);
	free(valid);
	check_length(&p, record);
}

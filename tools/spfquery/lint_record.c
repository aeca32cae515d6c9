/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: what a record's text alone shows.
 */
#include <stdlib.h>

#include "tools/spfquery/lint.h"

#include "common/text.h"

/* RFC 7208 3.4: with names around it, more doesn't fit into 512 octets. */
#define RECORD_LONG   450
#define STRING_LONG   255
#define MANY_BITS4    16 /* an ip4 network shorter than this is broad */
#define MANY_BITS6    32
#define TERMS_TO_KEEP 512 /* compared with each other */

struct pass {
	struct lint *lint;
	struct mf_text domain;
	struct lint_term terms[TERMS_TO_KEEP];
	size_t count;
	struct mf_text all; /* the first one; empty: none */
	char all_qualifier;
	bool redirect, exp, valid, fails;
};

#define FIND(pass, level, code, term, ...) \
	lint_find((pass)->lint, level, code, (pass)->domain, term, __VA_ARGS__)

/* --- syntax --- */

static void
find_syntax(struct pass *p, const struct lint_term *t, const char *problem)
{
	char hint[SPF_TEXT_SIZE] = "";

	if (strstr(problem, "did you mean") == NULL)
		lint_hint(t, hint);
	FIND(p, LINT_ERROR, "syntax", t->written, "%s%s%s", problem,
	    hint[0] != '\0' ? "; " : "", hint);
}

/* RFC 6652 has given these a meaning. */
static bool
is_known_modifier(struct mf_text name)
{
	return text_eq_fold(name, MF_TEXT("ra")) ||
	    text_eq_fold(name, MF_TEXT("rp")) ||
	    text_eq_fold(name, MF_TEXT("rr"));
}

static void
check_modifier(struct pass *p, const struct lint_term *t)
{
	char hint[SPF_TEXT_SIZE];

	if (text_eq_fold(t->written, MF_TEXT("v=spf1"))) {
		FIND(p, LINT_ERROR, "typo", t->written,
		    "a second version: two records in one?");
		return;
	}
	if (is_known_modifier(t->name))
		return;
	lint_hint(t, hint);
	if (hint[0] != '\0')
		FIND(p, LINT_ERROR, "typo", t->written,
		    "this is an unknown modifier, which is ignored; %s", hint);
	else
		FIND(p, LINT_WARNING, "modifier", t->written,
		    "an unknown modifier, which is ignored");
}

/* --- networks --- */

static unsigned
bits_of(const struct lint_term *t)
{
	return t->kind == LINT_IP6 ? t->bits6 : t->bits4;
}

static bool
prefix_eq(const struct spf_ip *a, const struct spf_ip *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;

	return memcmp(a->octets, b->octets, whole) == 0 &&
	    (rest == 0 ||
		(a->octets[whole] ^ b->octets[whole]) >> (8 - rest) == 0);
}

static bool
is_private(const struct lint_term *t)
{
	static const struct {
		const char *network;
		unsigned bits;
	} nets[] = {{"10.0.0.0", 8}, {"172.16.0.0", 12}, {"192.168.0.0", 16},
	    {"127.0.0.0", 8}, {"169.254.0.0", 16}, {"100.64.0.0", 10},
	    {"fc00::", 7}, {"fe80::", 10}, {"::1", 128}};

	for (size_t i = 0; i < sizeof(nets) / sizeof(nets[0]); i++) {
		struct spf_ip ip;

		if (spf_ip_parse(mf_text_of(nets[i].network), &ip) &&
		    ip.v6 == t->network.v6 && bits_of(t) >= nets[i].bits &&
		    prefix_eq(&ip, &t->network, nets[i].bits))
			return true;
	}
	return false;
}

static bool
has_host_bits(const struct lint_term *t)
{
	unsigned max = t->kind == LINT_IP6 ? 128 : 32;

	for (unsigned bit = bits_of(t); bit < max; bit++)
		if ((t->network.octets[bit / 8] >> (7 - bit % 8) & 1) != 0)
			return true;
	return false;
}

static void
check_width(struct pass *p, const struct lint_term *t, unsigned bits,
    unsigned broad, const char *family)
{
	if (t->qualifier != '+')
		return;
	if (bits == 0)
		FIND(p, LINT_ERROR, "everybody", t->written,
		    "this lets every %s host pass", family);
	else if (bits < broad)
		FIND(p, LINT_WARNING, "broad", t->written,
		    "a /%u lets very many %s hosts pass", bits, family);
}

static void
check_network(struct pass *p, const struct lint_term *t)
{
	bool v6 = t->kind == LINT_IP6;

	check_width(p, t, bits_of(t), v6 ? MANY_BITS6 : MANY_BITS4,
	    v6 ? "IPv6" : "IPv4");
	if (v6 && !t->network.v6) {
		FIND(p, LINT_WARNING, "mapped", t->written,
		    "an IPv4-mapped address: no client has it (RFC 7208 5)");
		return;
	}
	if (is_private(t))
		FIND(p, LINT_WARNING, "private", t->written,
		    "an address that no host on the internet has");
	if (has_host_bits(t))
		FIND(p, LINT_NOTE, "host-bits", t->written,
		    "bits behind the prefix length are set, and ignored");
}

/* An earlier term with the same text, or a network that holds this one's. */
static void
check_earlier(struct pass *p, const struct lint_term *t)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct lint_term *e = &p->terms[i];

		if (text_eq_fold(e->bare, t->bare)) {
			FIND(p, LINT_WARNING, "duplicate", t->written,
			    "this stands there a second time%s",
			    e->qualifier != t->qualifier
				? ", with another qualifier, and never matches"
				: "");
			return;
		}
		if (e->kind == t->kind && e->valid &&
		    (t->kind == LINT_IP4 || t->kind == LINT_IP6) &&
		    bits_of(e) <= bits_of(t) &&
		    prefix_eq(&e->network, &t->network, bits_of(e))) {
			FIND(p, LINT_WARNING, "covered", t->written,
			    "\"%.*s\" before it holds all of this",
			    (int)e->written.len, e->written.p);
			return;
		}
	}
}

/* --- mechanisms --- */

static void
check_all(struct pass *p, const struct lint_term *t)
{
	p->all = t->written;
	p->all_qualifier = t->qualifier;
	if (t->qualifier == '+')
		FIND(p, LINT_ERROR, "everybody", t->written,
		    "this lets every host on the internet pass");
}

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
check_mechanism(struct pass *p, const struct lint_term *t)
{
	if (t->kind == LINT_IP4 || t->kind == LINT_IP6)
		check_network(p, t);
	if (t->kind == LINT_A || t->kind == LINT_MX) {
		check_width(p, t, t->bits4, MANY_BITS4, "IPv4");
		check_width(p, t, t->bits6, MANY_BITS6, "IPv6");
	}
	if (t->kind == LINT_PTR)
		FIND(p, LINT_WARNING, "ptr", t->written,
		    "ptr is slow and unreliable, and should not be used "
		    "(RFC 7208 5.5)");
	if (has_macro(t->value, 'p'))
		FIND(p, LINT_WARNING, "macro-p", t->written,
		    "the macro p is slow and unreliable, and should not be "
		    "used (RFC 7208 7.3)");
	if (t->kind == LINT_EXISTS && !t->macros)
		FIND(p, LINT_WARNING, "exists", t->written,
		    "without a macro this is the same for every client");
}

static void
check_term(struct pass *p, const struct lint_term *t, const char *problem)
{
	bool modifier = t->kind == LINT_MODIFIER || t->kind == LINT_EXP ||
	    t->kind == LINT_REDIRECT;

	if (p->all.len != 0 && !modifier) {
		FIND(p, LINT_WARNING, "after-all", t->written,
		    "this stands behind \"%.*s\" and is never looked at",
		    (int)p->all.len, p->all.p);
		if (t->valid)
			return;
	}
	if (!t->valid) {
		p->valid = false;
		find_syntax(p, t, problem);
		return;
	}
	if (t->kind == LINT_MODIFIER)
		check_modifier(p, t);
	else if (t->kind == LINT_ALL)
		check_all(p, t);
	else if (t->kind == LINT_REDIRECT)
		p->redirect = true;
	else if (t->kind == LINT_EXP)
		p->exp = true;
	else
		check_mechanism(p, t);
	p->fails = p->fails || t->qualifier == '-';
	if (!modifier)
		check_earlier(p, t);
	if (p->count < TERMS_TO_KEEP)
		p->terms[p->count++] = *t;
}

/* --- the whole --- */

static void
check_end(struct pass *p)
{
	size_t mechanisms = 0;

	for (size_t i = 0; i < p->count; i++)
		mechanisms += p->terms[i].kind != LINT_EXP &&
		    p->terms[i].kind != LINT_REDIRECT &&
		    p->terms[i].kind != LINT_MODIFIER;
	if (p->all.len != 0 && p->redirect)
		FIND(p, LINT_WARNING, "redirect", MF_TEXT(""),
		    "redirect is ignored where there is \"%.*s\"",
		    (int)p->all.len, p->all.p);
	if (p->all.len == 0 && !p->redirect && p->valid)
		FIND(p, LINT_WARNING, "no-all", MF_TEXT(""),
		    "neither all nor redirect: hosts that nothing matches are "
		    "neutral, as if there was no record");
	if (p->all_qualifier == '?' && p->all.len != 0)
		FIND(p, LINT_WARNING, "neutral-all", p->all, "%s",
		    mechanisms == 1 ? "the record says nothing about anybody"
				    : "this says nothing about forged senders");
	if (p->exp && !p->fails && !p->redirect)
		FIND(p, LINT_WARNING, "exp-unused", MF_TEXT(""),
		    "exp explains a fail, and nothing here fails");
}

static void
check_length(struct pass *p, struct mf_text record)
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

/* What the terms one by one don't show. */
static void
check_compiled(struct pass *p, struct mf_text record)
{
	struct spf_record *compiled = spfquery_must(spf_record_compile(record));
	const char *problem = spf_record_problem(compiled);

	if (problem != NULL && p->valid)
		FIND(p, LINT_ERROR, "syntax", MF_TEXT(""), "%s", problem);
	spf_record_free(compiled);
}

void
lint_record(struct lint *lint, struct mf_text domain, struct mf_text record)
{
	struct pass *p = spfquery_must(calloc(1, sizeof(*p)));
	struct mf_text rest = text_from(record, sizeof("v=spf1") - 1);
	struct lint_term term;
	char problem[SPF_TEXT_SIZE];

	p->lint = lint;
	p->domain = domain;
	p->valid = true;
	/* A longer one is nothing but an error. */
	while (record.len <= SPF_RECORD_MAX && lint_next(&rest, &term, problem))
		check_term(p, &term, problem);
	check_compiled(p, record);
	check_length(p, record);
	check_end(p);
	free(p);
}

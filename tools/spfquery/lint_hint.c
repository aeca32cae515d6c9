/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: what somebody may have meant who wrote something else.
 *
 * A mistake is undone step by step -- typographic characters, punctuation, lists,
 * terms without a blank between them, words -- and what comes of it is compiled:
 * only what is valid then, and keeps the first qualifier, is suggested.
 */
#include <stdlib.h>

#include "common/similar.h"
#include "common/text.h"
#include "tools/spfquery/lint.h"
#include "tools/spfquery/spfquery.h"

#define HINT_SIZE 400

/* --- characters --- */

/* What typesetting makes of ASCII, and what can't be seen. */
static const struct {
	const char *utf8, *ascii;
} typographic[] = {
    {"\xe2\x80\x90", "-"},
    {"\xe2\x80\x91", "-"},
    {"\xe2\x80\x92", "-"},
    {"\xe2\x80\x93", "-"},
    {"\xe2\x80\x94", "-"},
    {"\xe2\x88\x92", "-"},
    {"\xef\xbc\x8d", "-"},
    {"\xcb\x9c", "~"},
    {"\xe2\x88\xbc", "~"},
    {"\xef\xbd\x9e", "~"},
    {"\xef\xbc\x9a", ":"},
    {"\xef\xbc\x9d", "="},
    {"\xef\xbc\x8f", "/"},
    {"\xef\xbc\x8e", "."},
    {"\xe2\x80\x9c", ""},
    {"\xe2\x80\x9d", ""},
    {"\xe2\x80\x9e", ""},
    {"\xe2\x80\x98", ""},
    {"\xe2\x80\x99", ""},
    {"\xc2\xab", ""},
    {"\xc2\xbb", ""},
    {"\xe2\x80\x8b", ""},
    {"\xe2\x80\x8c", ""},
    {"\xe2\x80\x8d", ""},
    {"\xe2\x81\xa0", ""},
    {"\xef\xbb\xbf", ""},
    {"\xc2\xad", ""},
    {"\xc2\xa0", " "},
    {"\xe2\x80\xaf", " "},
    {"\xe2\x80\x89", " "},
    {"\xe3\x80\x80", " "},
    {"\t", " "},
    {"\r", " "},
    {"\n", " "},
    {"\"", ""},
    {"'", ""},
    {"`", ""},
    {"\\", ""},
};

/* Copy t as it would be typed in ASCII. */
static void
put_ascii(struct text_out *out, struct mf_text t)
{
	while (t.len != 0) {
		size_t i = 0,
		       count = sizeof(typographic) / sizeof(typographic[0]);

		while (i < count &&
		    !text_starts(t, mf_text_of(typographic[i].utf8)))
			i++;
		if (i == count) {
			out_char(out, t.p[0]);
			t = text_from(t, 1);
			continue;
		}
		out_str(out, typographic[i].ascii);
		t = text_from(t, strlen(typographic[i].utf8));
	}
}

/* --- where terms begin --- */

static const char *const beginnings[] = {"ip4:", "ip6:", "include:", "exists:",
    "redirect=", "exp=", "a:", "mx:", "ptr:", "ipv4:", "ipv6:"};

/*
 * Whether a term begins at t, in the middle of another, whose last octet is
 * before.  No name of a host has a colon, but addresses do: groups are what they
 * have between two.
 */
static bool
begins_here(struct mf_text t, char before, bool groups)
{
	bool qualified = t.len > 1 && memchr("+-~?", t.p[0], 4) != NULL;
	struct mf_text bare = qualified ? text_from(t, 1) : t;

	if (text_eq_fold(bare, MF_TEXT("all")) && qualified)
		return true;
	for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
		if (text_starts_fold(bare, mf_text_of(beginnings[i])) &&
		    (qualified ||
			(before != ':' &&
			    (!groups || strlen(beginnings[i]) > 2))))
			return true;
	return false;
}

/* An IPv6 address begins here, as far as it can be told. */
static bool
is_groups(struct mf_text t)
{
	size_t len = 0;

	while (len < t.len &&
	    (ascii_is_digit(t.p[len]) || t.p[len] == ':' ||
		(ascii_lower(t.p[len]) >= 'a' && ascii_lower(t.p[len]) <= 'f')))
		len++;
	return text_count(text_head(t, len), ':') > 1;
}

/* The length of t's first term. */
static size_t
term_end(struct mf_text t)
{
	struct lint_term first;
	bool groups;

	lint_parse(t, &first);
	groups = is_groups(first.value) || is_groups(first.bare);
	/* From behind its qualifier on. */
	for (size_t i = first.bare.len == t.len ? 1 : 2; i < t.len; i++)
		if (begins_here(text_from(t, i), t.p[i - 1], groups))
			return i;
	return t.len;
}

/* --- words --- */

static enum lint_kind
kind_of(const char *word)
{
	struct lint_term t;
	char text[16];
	struct text_out out = text_out(text, sizeof(text));

	out_str(&out, word);
	if (strcmp(word, "redirect") == 0 || strcmp(word, "exp") == 0)
		out_char(&out, '=');
	lint_parse(out_view(&out), &t);
	return t.kind;
}

/* The word that name may stand for, or NULL. */
static const char *
near_word(struct mf_text name)
{
	static const char *const names[] = {"all", "include", "a", "mx", "ptr",
	    "ip4", "ip6", "exists", "redirect", "exp", NULL};

	if (text_eq_fold(name, MF_TEXT("ip")) ||
	    text_eq_fold(name, MF_TEXT("ipv4")))
		return "ip4";
	if (text_eq_fold(name, MF_TEXT("ipv6")))
		return "ip6";
	if (name.len > 2)
		return similar_word(name, names);
	for (size_t i = 0; names[i] != NULL; i++)
		if (text_eq_fold(name, mf_text_of(names[i])))
			return names[i];
	return NULL;
}

/* An address or a network alone. */
static bool
is_address(struct mf_text t, bool *v6)
{
	struct ip_net net;

	if (!ip_net_parse(t, &net))
		return false;
	*v6 = net.ip.v6;
	return true;
}

/* "https://x.example/y" and "//x.example" as x.example. */
static struct mf_text
without_url(struct mf_text t)
{
	for (size_t i = 0; i + 1 < t.len; i++)
		if (t.p[i] == '/' && t.p[i + 1] == '/' &&
		    (i == 0 || t.p[i - 1] == ':')) {
			t = text_from(t, i + 2);
			t = text_head(t, text_find(t, '/'));
			break;
		}
	return t;
}

static void
put_network(struct text_out *out, struct mf_text address, bool v6)
{
	out_str(out, v6 ? "ip6:" : "ip4:");
	out_text(out, address);
}

/* A term without its qualifier, with the word and value that fit. */
static void
put_word(struct text_out *out, const struct lint_term *t)
{
	const char *word = near_word(t->name);
	enum lint_kind kind = word != NULL ? kind_of(word) : LINT_UNKNOWN;
	struct mf_text value = t->value;
	bool v6;

	if (is_address(t->bare, &v6)) {
		put_network(out, t->bare, v6);
		return;
	}
	if (word == NULL || (kind == LINT_ALL && value.len != 0)) {
		out_text(out, t->bare);
		return;
	}
	if (t->separator != '\0')
		value = without_url(value);
	if (kind == LINT_INCLUDE || lint_is_modifier(kind) ||
	    kind == LINT_EXISTS)
		; /* names only */
	else if (value.len != 0 && is_address(value, &v6)) {
		put_network(out, value, v6);
		return;
	} else if ((kind == LINT_IP4 || kind == LINT_IP6) &&
	    text_find(value, ':') == value.len)
		word = "a"; /* a name where an address belongs */
	out_str(out, word);
	if (value.len == 0)
		return;
	if (t->separator != '\0')
		out_char(out, lint_is_modifier(kind) ? '=' : ':');
	out_text(out, value);
}

/* "all." and "all;" and more of that. */
static struct mf_text
without_ends(struct mf_text t)
{
	while (t.len != 0 && memchr(";,.", t.p[t.len - 1], 3) != NULL)
		t.len--;
	while (t.len != 0 && memchr(";,.", t.p[0], 3) != NULL)
		t = text_from(t, 1);
	return t;
}

/* One of the terms that were one. */
static void
put_term(struct text_out *out, struct mf_text written)
{
	struct lint_term t;

	written = without_ends(written);
	if (written.len == 0)
		return;
	lint_parse(written, &t);
	if (out->len != 0)
		out_char(out, ' ');
	if (t.qualifier != '+' || written.p[0] == '+')
		out_char(out, t.qualifier);
	put_word(out, &t);
}

/* All terms that are in t, which has no blanks: lists, and no blanks at all. */
static void
put_glued(struct text_out *out, struct mf_text t)
{
	while (t.len != 0) {
		size_t end = term_end(t);
		struct mf_text term = text_head(t, end), item;

		while (
		    text_cut(&term, ',', &item) || text_cut(&term, ';', &item))
			put_term(out, item);
		put_term(out, term);
		t = text_from(t, end);
	}
}

static void
put_terms(struct text_out *out, struct mf_text t)
{
	struct mf_text word;

	while (text_cut(&t, ' ', &word))
		put_glued(out, word);
	put_glued(out, t);
}

/* --- trying --- */

/* Every term of text is valid and known; the first has that qualifier. */
static bool
is_good(struct mf_text text, char qualifier)
{
	char problem[SPF_TEXT_SIZE];
	struct lint_term t;
	struct mf_text rest = text;
	bool first = true;

	while (lint_next(&rest, &t, problem)) {
		if (!t.valid || t.kind == LINT_MODIFIER ||
		    t.kind == LINT_UNKNOWN)
			return false;
		if (first && t.qualifier != qualifier)
			return false;
		first = false;
	}
	return !first;
}

/* Terms for written, if they are good; out is empty if they aren't. */
static bool
repair(struct mf_text written, struct text_out *out)
{
	char room[SPF_RECORD_MAX];
	struct text_out ascii = text_out(room, sizeof(room));
	struct lint_term t;

	put_ascii(&ascii, written);
	lint_parse(text_trim(out_view(&ascii)), &t);
	put_terms(out, t.written);
	if (!ascii.full && !out->full && is_good(out_view(out), t.qualifier))
		return true;
	out->len = 0;
	return false;
}

/* --- hints --- */

static void
put_hint(struct mf_text terms, char hint[static SPF_TEXT_SIZE])
{
	struct text_out out = text_out(hint, SPF_TEXT_MAX);

	out_str(&out, "did you mean \"");
	out_text(&out, terms);
	out_str(&out, "\"?");
	hint[out.full ? 0 : out.len] = '\0';
}

void
lint_hint(const struct lint_term *t, struct mf_text next,
    char hint[static SPF_TEXT_SIZE], bool *both)
{
	char room[HINT_SIZE], joined[HINT_SIZE];
	struct text_out out = text_out(room, sizeof(room));
	struct text_out pair = text_out(joined, sizeof(joined));

	*both = false;
	hint[0] = '\0';
	/* A blank after the separator, and nothing that could be a term. */
	if (t->separator != '\0' && t->value.len == 0 && next.len != 0) {
		struct lint_term other;

		lint_parse(next, &other);
		out_text(&pair, t->written);
		out_text(&pair, next);
		if (!pair.full && other.kind == LINT_UNKNOWN &&
		    repair(out_view(&pair), &out))
			*both = true;
	}
	if (*both || repair(t->written, &out))
		put_hint(out_view(&out), hint);
}

bool
lint_unglue(struct mf_text written, struct text_out *out)
{
	struct lint_term t;

	lint_parse(written, &t);
	if (t.kind == LINT_MODIFIER || t.kind == LINT_UNKNOWN)
		return false;
	return repair(written, out) && !text_eq_fold(out_view(out), written);
}

bool
lint_repair(struct mf_text text, struct text_out *out)
{
	char room[SPF_RECORD_MAX];
	struct text_out ascii = text_out(room, sizeof(room));
	struct mf_text t;
	struct spf_record *record;
	bool good;

	put_ascii(&ascii, text);
	t = text_trim(out_view(&ascii));
	if (ascii_lower(t.len != 0 ? t.p[0] : ' ') == 'v')
		t = text_trim(text_from(t, 1));
	while (t.len != 0 && memchr("=: ", t.p[0], 3) != NULL)
		t = text_from(t, 1);
	if (!text_starts_fold(t, MF_TEXT("spf")))
		return false;
	t = text_trim(text_from(t, 3));
	if (t.len != 0 && t.p[0] == '1')
		t = text_from(t, 1);
	while (t.len != 0 && memchr(";,.: ", t.p[0], 5) != NULL)
		t = text_from(t, 1);
	out_str(out, "v=spf1");
	if (t.len != 0)
		out_char(out, ' ');
	out_text(out, t);
	record = spfquery_must(spf_record_compile(out_view(out)));
	good = !ascii.full && !out->full && spf_record_problem(record) == NULL;
	spf_record_free(record);
	return good;
}

/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: terms one by one, so that a record's second mistake is found
 * as well as its first.
 */
#include <stdlib.h>

#include "common/similar.h"
#include "tools/spfquery/lint.h"

static const struct {
	const char *name;
	enum lint_kind kind;
	bool modifier;
} words[] = {
    {"all", LINT_ALL, false},
    {"include", LINT_INCLUDE, false},
    {"a", LINT_A, false},
    {"mx", LINT_MX, false},
    {"ptr", LINT_PTR, false},
    {"ip4", LINT_IP4, false},
    {"ip6", LINT_IP6, false},
    {"exists", LINT_EXISTS, false},
    {"redirect", LINT_REDIRECT, true},
    {"exp", LINT_EXP, true},
};

#define WORDS (sizeof(words) / sizeof(words[0]))

/* --- parsing --- */

/* Cut "/DIGITS" from the end of *t into *bits, which stays if there is none. */
static void
cut_bits(struct mf_text *t, unsigned max, unsigned *bits)
{
	size_t slash = text_rfind(*t, '/');
	uint64_t n;

	if (slash == t->len || !text_uint(text_from(*t, slash + 1), max, &n))
		return;
	*bits = (unsigned)n;
	*t = text_head(*t, slash);
}

static void
read_value(struct lint_term *t)
{
	size_t at = text_rfind(t->value, '/');

	t->bits4 = 32;
	t->bits6 = 128;
	if (t->kind == LINT_A || t->kind == LINT_MX) {
		if (at != t->value.len && at > 0 && t->value.p[at - 1] == '/') {
			cut_bits(&t->value, 128, &t->bits6);
			if (t->value.len == at) /* and the other slash */
				t->value.len--;
		}
		cut_bits(&t->value, 32, &t->bits4);
	} else if (t->kind == LINT_IP4)
		cut_bits(&t->value, 32, &t->bits4);
	else if (t->kind == LINT_IP6)
		cut_bits(&t->value, 128, &t->bits6);
	if (t->kind == LINT_IP4 || t->kind == LINT_IP6)
		spf_ip_parse(t->value, &t->network);
	if (t->value.len != 0 && t->value.p[t->value.len - 1] == '.')
		t->value.len--;
	t->macros = text_find(t->value, '%') != t->value.len;
	if (!t->macros)
		t->value = text_last_labels(t->value, SPF_NAME_MAX);
}

static bool
is_name_char(char c)
{
	return ascii_is_digit(c) ||
	    (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '-' ||
	    c == '_' || c == '.';
}

static void
parse(struct mf_text written, struct lint_term *t)
{
	size_t len = 0;

	*t = (struct lint_term){
	    .written = written, .bare = written, .qualifier = '+'};
	if (strchr("+-~?", written.p[0]) != NULL) {
		t->qualifier = written.p[0];
		t->bare = text_from(written, 1);
	}
	while (len < t->bare.len && is_name_char(t->bare.p[len]))
		len++;
	t->name = text_head(t->bare, len);
	t->value = text_from(t->bare, len);
	if (t->value.len != 0 &&
	    (t->value.p[0] == ':' || t->value.p[0] == '=')) {
		t->separator = t->value.p[0];
		t->value = text_from(t->value, 1);
	}
	t->kind = t->separator == '=' ? LINT_MODIFIER : LINT_UNKNOWN;
	for (size_t i = 0; i < WORDS; i++)
		if (text_eq_fold(t->name, mf_text_of(words[i].name)) &&
		    words[i].modifier == (t->separator == '='))
			t->kind = words[i].kind;
	read_value(t);
}

/* Let the compiler judge the term, in a record of its own. */
static void
judge(struct lint_term *t, char problem[static SPF_TEXT_SIZE])
{
	struct text_out out = {NULL, t->written.len + 8, 0, false};
	struct text_out says = text_out(problem, SPF_TEXT_MAX);
	struct spf_record *record;
	const char *why;

	out.p = spfquery_must(malloc(out.size));
	out_str(&out, "v=spf1 ");
	out_text(&out, t->written);
	record = spfquery_must(spf_record_compile(out_view(&out)));
	why = spf_record_problem(record);
	t->valid = why == NULL;
	if (why != NULL) {
		/* It begins with the term in quotes, which has no blanks. */
		const char *behind = strstr(why, "\": ");

		out_text(&says,
		    text_head(mf_text_of(behind != NULL ? behind + 3 : why),
			SPF_TEXT_MAX));
	}
	problem[says.len] = '\0';
	spf_record_free(record);
	free(out.p);
}

bool
lint_next(struct mf_text *rest, struct lint_term *out,
    char problem[static SPF_TEXT_SIZE])
{
	struct mf_text term = {NULL, 0};

	while (rest->len != 0 && term.len == 0)
		if (!text_cut(rest, ' ', &term)) {
			term = *rest;
			rest->len = 0;
		}
	if (term.len == 0)
		return false;
	parse(term, out);
	judge(out, problem);
	return true;
}

/* --- hints --- */

/* The word that name may stand for, with its separator, or NULL. */
static const char *
near_word(struct mf_text name)
{
	const char *names[WORDS + 1];

	if (text_eq_fold(name, MF_TEXT("ip")) ||
	    text_eq_fold(name, MF_TEXT("ipv4")))
		return "ip4";
	if (text_eq_fold(name, MF_TEXT("ipv6")))
		return "ip6";
	for (size_t i = 0; i < WORDS; i++)
		names[i] = words[i].name;
	names[WORDS] = NULL;
	return similar_word(name, names);
}

static bool
is_modifier(const char *word)
{
	return strcmp(word, "redirect") == 0 || strcmp(word, "exp") == 0;
}

static bool
is_numeric(struct mf_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (!ascii_is_digit(t.p[i]) && t.p[i] != '.')
			return false;
	return true;
}

/* An address where none belongs, or a name where an address belongs. */
static bool
hint_address(const struct lint_term *t, struct text_out *out)
{
	struct mf_text bare = t->bare, value = t->value;
	unsigned bits;
	struct spf_ip ip;
	bool alone;

	cut_bits(&bare, 128, &bits);
	cut_bits(&value, 128, &bits);
	alone = spf_ip_parse(bare, &ip);
	if (!alone && !spf_ip_parse(value, &ip)) {
		if ((t->kind != LINT_IP4 && t->kind != LINT_IP6) ||
		    text_find(value, '.') == value.len || is_numeric(value))
			return false;
		out_str(out, "is \"a:");
		out_text(out, value);
		out_str(out, "\" meant?");
		return true;
	}
	if (!alone && t->kind == (ip.v6 ? LINT_IP6 : LINT_IP4) &&
	    t->separator == ':')
		return false;
	out_str(out, ip.v6 ? "is \"ip6:" : "is \"ip4:");
	out_text(out, alone ? t->bare : t->value);
	out_str(out, "\" meant?");
	return true;
}

void
lint_hint(const struct lint_term *t, char hint[static SPF_TEXT_SIZE])
{
	struct text_out out = text_out(hint, SPF_TEXT_MAX);
	const char *word = near_word(t->name);

	if (t->kind == LINT_MODIFIER || t->kind == LINT_UNKNOWN || !t->valid) {
		if (hint_address(t, &out))
			word = NULL;
	}
	if (word != NULL &&
	    (t->kind == LINT_MODIFIER || t->kind == LINT_UNKNOWN)) {
		out_str(&out, "is \"");
		out_str(&out, word);
		if (strcmp(word, "all") != 0)
			out_char(&out, is_modifier(word) ? '=' : ':');
		out_str(&out, "\" meant?");
	} else if (out.len == 0 && !t->valid &&
	    text_starts_fold(t->name, MF_TEXT("all")))
		out_str(&out, "is \"all\" meant?");
	hint[out.len] = '\0';
}

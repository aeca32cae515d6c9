/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: terms one by one, so that a record's second mistake is found
 * as well as its first.  What is valid, the compiler says.
 */
#include <stdlib.h>

#include "common/text.h"
#include "tools/spfquery/lint.h"
#include "tools/spfquery/spfquery.h"

static const struct {
	const char *name;
	enum lint_kind kind;
} words[] = {
    {"all", LINT_ALL},
    {"include", LINT_INCLUDE},
    {"a", LINT_A},
    {"mx", LINT_MX},
    {"ptr", LINT_PTR},
    {"ip4", LINT_IP4},
    {"ip6", LINT_IP6},
    {"exists", LINT_EXISTS},
    {"redirect", LINT_REDIRECT},
    {"exp", LINT_EXP},
};

bool
lint_is_modifier(enum lint_kind kind)
{
	return kind == LINT_REDIRECT || kind == LINT_EXP ||
	    kind == LINT_MODIFIER;
}

static bool
is_name_char(char c)
{
	return ascii_is_digit(c) ||
	    (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '-' ||
	    c == '_' || c == '.';
}

void
lint_parse(struct mf_text written, struct lint_term *t)
{
	size_t len = 0;

	*t = (struct lint_term){
	    .written = written, .bare = written, .qualifier = '+'};
	if (written.len != 0 && memchr("+-~?", written.p[0], 4) != NULL) {
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
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (text_eq_fold(t->name, mf_text_of(words[i].name)) &&
		    lint_is_modifier(words[i].kind) == (t->separator == '='))
			t->kind = words[i].kind;
}

struct mf_text
lint_plain_problem(const char *problem)
{
	struct mf_text text = mf_text_of(problem);
	const char *hint = strstr(problem, "; did you mean");

	if (hint != NULL)
		text.len = (size_t)(hint - problem);
	return text;
}

/* The problem begins with the term in quotes. */
static void
cut_problem(const char *why, char out[static SPF_TEXT_SIZE])
{
	const char *after = strstr(why, "\": ");
	struct mf_text text =
	    lint_plain_problem(after != NULL ? after + 3 : why);

	text = text_head(text, SPF_TEXT_MAX);
	memcpy(out, text.p, text.len);
	out[text.len] = '\0';
}

/* Let the compiler judge the term, in a record of its own. */
static void
judge(struct lint_term *t, char problem[static SPF_TEXT_SIZE])
{
	struct text_out out = {NULL, t->written.len + 8, 0, false};
	struct spf_record *record;
	const char *why;

	out.p = spfquery_must(malloc(out.size));
	out_str(&out, "v=spf1 ");
	out_text(&out, t->written);
	record = spfquery_must(spf_record_compile(out_view(&out)));
	why = spf_record_problem(record);
	t->valid = why == NULL;
	problem[0] = '\0';
	if (why != NULL)
		cut_problem(why, problem);
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
	lint_parse(term, out);
	judge(out, problem);
	return true;
}

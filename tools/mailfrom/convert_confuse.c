/* SPDX-License-Identifier: ISC */
/*
 * libconfuse's dialect, as postsrsd 2.x uses it: "name = value", lists in
 * braces, "+=", strings in either quotes or none, comments as in C, C++ and the
 * shell.  Sections and functions don't occur in its files.
 */
#include "tools/mailfrom/convert.h"

enum token {
	TOKEN_END,
	TOKEN_TEXT, /* in confuse.text */
	TOKEN_QUOTED,
	TOKEN_SET, /* = */
	TOKEN_ADD, /* += */
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_COMMA,
	TOKEN_BAD /* reported */
};

struct confuse {
	const struct convert_file *file;
	struct convert_entries *entries;
	struct mf_text rest;
	unsigned line;
	struct text_out text;  /* of a token */
	struct text_out value; /* items of a list */
};

static void
fail(const struct confuse *s, const char *reason, struct mf_text what)
{
	report_error(s->file->report, s->file->name, s->line, NULL,
	    "%s: \"%.*s\"", reason, (int)text_head(what, 80).len, what.p);
}

static void
skip(struct confuse *s, size_t len)
{
	struct mf_text skipped = text_head(s->rest, len);

	s->line += (unsigned)text_count(skipped, '\n');
	s->rest = text_from(s->rest, len);
}

static struct mf_text
rest_of_line(const struct confuse *s)
{
	return text_trim(text_head(s->rest, text_find(s->rest, '\n')));
}

/* Bytes of a C comment, with its ends; without one, the rest. */
static size_t
comment_len(struct mf_text t)
{
	for (size_t i = 2; i + 1 < t.len; i++)
		if (t.p[i] == '*' && t.p[i + 1] == '/')
			return i + 2;
	return t.len;
}

static void
skip_blank(struct confuse *s)
{
	while (s->rest.len != 0) {
		if (memchr(" \t\r\n\v\f", s->rest.p[0], 6) != NULL)
			skip(s, 1);
		else if (s->rest.p[0] == '#' ||
		    text_starts(s->rest, MF_TEXT("//")))
			skip(s, text_find(s->rest, '\n'));
		else if (text_starts(s->rest, MF_TEXT("/*")))
			skip(s, comment_len(s->rest));
		else
			return;
	}
}

/* --- strings --- */

/* What follows a backslash in double quotes; 0: nothing. */
static char
escaped(struct confuse *s)
{
	static const char letters[] = "abefnrtv";
	static const char means[] = "\a\b\033\f\n\r\t\v";
	char c = s->rest.p[0];
	const char *at = c != '\0' ? strchr(letters, c) : NULL;

	skip(s, 1);
	if (c == '\n')
		return '\0';
	return at != NULL ? means[at - letters] : c;
}

static enum token
quoted(struct confuse *s, char quote)
{
	unsigned begin = s->line;

	skip(s, 1);
	while (s->rest.len != 0) {
		char c = s->rest.p[0];

		if (quote == '"' && text_starts(s->rest, MF_TEXT("${"))) {
			fail(s,
			    "a variable of the environment; write the value",
			    rest_of_line(s));
			return TOKEN_BAD;
		}
		skip(s, 1);
		if (c == quote)
			return TOKEN_QUOTED;
		if (c == '\\' && s->rest.len != 0 &&
		    (quote == '"' || s->rest.p[0] == quote ||
			s->rest.p[0] == '\\'))
			c = escaped(s);
		if (c != '\0')
			out_char(&s->text, c);
	}
	s->line = begin;
	fail(s, "no quote ends this value", mf_text_at(&quote, 1));
	return TOKEN_BAD;
}

static enum token
unquoted(struct confuse *s)
{
	if (text_starts(s->rest, MF_TEXT("${"))) {
		fail(s, "a variable of the environment; write the value",
		    rest_of_line(s));
		return TOKEN_BAD;
	}
	while (s->rest.len != 0 &&
	    memchr(" \t\r\n\v\f={}(),+#\"'", s->rest.p[0], 17) == NULL) {
		out_char(&s->text, s->rest.p[0]);
		skip(s, 1);
	}
	if (s->text.len != 0)
		return TOKEN_TEXT;
	fail(s, "not expected here", rest_of_line(s));
	return TOKEN_BAD;
}

/* --- tokens --- */

static enum token
read_token(struct confuse *s)
{
	static const struct {
		const char *text;
		enum token token;
	} marks[] = {{"+=", TOKEN_ADD}, {"=", TOKEN_SET}, {"{", TOKEN_OPEN},
	    {"}", TOKEN_CLOSE}, {",", TOKEN_COMMA}};

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		if (text_starts(s->rest, mf_text_of(marks[i].text))) {
			skip(s, strlen(marks[i].text));
			return marks[i].token;
		}
	if (s->rest.p[0] == '"' || s->rest.p[0] == '\'')
		return quoted(s, s->rest.p[0]);
	return unquoted(s);
}

static enum token
next_token(struct confuse *s)
{
	enum token token;

	s->text.len = 0;
	s->text.full = false;
	skip_blank(s);
	if (s->rest.len == 0)
		return TOKEN_END;
	token = read_token(s);
	if ((token == TOKEN_TEXT || token == TOKEN_QUOTED) &&
	    (s->text.full || text_has_control(out_view(&s->text)))) {
		fail(s, s->text.full ? "too long" : "a control character",
		    out_view(&s->text));
		return TOKEN_BAD;
	}
	return token;
}

/* --- options --- */

static bool
is_text(enum token token)
{
	return token == TOKEN_TEXT || token == TOKEN_QUOTED;
}

/* After "{", to "}". */
static bool
list(struct confuse *s)
{
	unsigned begin = s->line;

	for (;;) {
		enum token token = next_token(s);

		if (token == TOKEN_CLOSE)
			return true;
		if (!is_text(token))
			break;
		if (s->value.len != 0)
			out_char(&s->value, '\n');
		out_text(&s->value, out_view(&s->text));
		token = next_token(s);
		if (token == TOKEN_CLOSE)
			return true;
		if (token != TOKEN_COMMA)
			break;
	}
	report_error(s->file->report, s->file->name, begin, NULL,
	    "a list is \"{ item, item }\"");
	return false;
}

static bool
value(struct confuse *s)
{
	unsigned begin = s->line;
	enum token token = next_token(s);

	s->value.len = 0;
	s->value.full = false;
	if (token == TOKEN_OPEN)
		return list(s);
	if (is_text(token)) {
		out_text(&s->value, out_view(&s->text));
		return true;
	}
	if (token != TOKEN_BAD)
		report_error(s->file->report, s->file->name, begin, NULL,
		    "no value after \"=\"");
	return false;
}

/* False: the next one can't be found but in the next line. */
static bool
option(struct confuse *s)
{
	struct convert_entry entry = {
	    .key = arena_copy(s->file->arena, out_view(&s->text)),
	    .line = s->line};
	enum token token = next_token(s);

	if (token != TOKEN_SET && token != TOKEN_ADD) {
		if (token != TOKEN_BAD)
			fail(s, "no \"=\" after the key", entry.key);
		return false;
	}
	entry.adds = token == TOKEN_ADD;
	if (!value(s))
		return false;
	if (s->value.full) {
		fail(s, "too long", entry.key);
		return false;
	}
	entry.value = out_view(&s->value);
	convert_add_entry(s->file, s->entries, entry);
	return true;
}

void
convert_parse_confuse(
    const struct convert_file *file, struct convert_entries *out)
{
	struct confuse s = {.file = file,
	    .entries = out,
	    .rest = file->bytes,
	    .line = 1,
	    .text = text_out(
		arena_new(file->arena, CONVERT_VALUE_MAX), CONVERT_VALUE_MAX),
	    .value = text_out(
		arena_new(file->arena, CONVERT_VALUE_MAX), CONVERT_VALUE_MAX)};
	enum token token;

	if (text_starts(s.rest, MF_TEXT("\xef\xbb\xbf")))
		s.rest = text_from(s.rest, 3);
	while ((token = next_token(&s)) != TOKEN_END) {
		if (token == TOKEN_TEXT && option(&s))
			continue;
		if (token != TOKEN_TEXT && token != TOKEN_BAD)
			fail(&s, "not \"key = value\"", rest_of_line(&s));
		skip(&s, text_find(s.rest, '\n'));
	}
}

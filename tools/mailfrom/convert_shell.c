/* SPDX-License-Identifier: ISC */
/*
 * Variables of a shell, as postsrsd 1.x's init scripts source them (POSIX
 * 2.2, 2.6, 2.10): quotes, backslashes, several assignments in a line, export,
 * and variables that the file itself has set.  What only a shell can tell, such
 * as a command's output, is reported.
 */
#include "tools/mailfrom/convert.h"

struct shell {
	const struct convert_file *file;
	struct convert_entries *entries;
	struct mf_text rest;
	unsigned line;
	struct text_out value;
};

static void
fail(const struct shell *s, const char *reason, struct mf_text what)
{
	report_error(s->file->report, s->file->name, s->line, NULL,
	    "%s: \"%.*s\"", reason, (int)text_head(what, 80).len, what.p);
}

static char
peek(const struct shell *s)
{
	return s->rest.len != 0 ? s->rest.p[0] : '\0';
}

static char
next(struct shell *s)
{
	char c = s->rest.p[0];

	s->line += c == '\n';
	s->rest = text_from(s->rest, 1);
	return c;
}

static bool
is_name_char(char c)
{
	return c == '_' || ascii_is_digit(c) ||
	    (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

static struct mf_text
take_name(struct shell *s)
{
	struct mf_text name = {s->rest.p, 0};

	while (name.len < s->rest.len && is_name_char(s->rest.p[name.len]))
		name.len++;
	s->rest = text_from(s->rest, name.len);
	return name;
}

static void
skip_line(struct shell *s)
{
	s->rest = text_from(s->rest, text_find(s->rest, '\n'));
}

static struct mf_text
rest_of_line(const struct shell *s)
{
	return text_trim(text_head(s->rest, text_find(s->rest, '\n')));
}

/* --- a value --- */

/* "$": a variable of this file.  False: reported. */
static bool
expand(struct shell *s)
{
	struct mf_text all = rest_of_line(s), name;
	bool in_braces;

	next(s);
	in_braces = peek(s) == '{';
	if (in_braces)
		next(s);
	name = take_name(s);
	if (name.len == 0 || (in_braces && (peek(s) != '}' || !next(s)))) {
		fail(s, "only a shell can tell what this is; write the value",
		    all);
		return false;
	}
	for (size_t i = s->entries->count; i-- != 0;)
		if (mf_text_eq(s->entries->items[i].key, name)) {
			out_text(&s->value, s->entries->items[i].value);
			return true;
		}
	fail(s, "this file doesn't set that variable; write the value", all);
	return false;
}

static bool
unquoted_backslash(struct shell *s)
{
	next(s);
	if (s->rest.len != 0) {
		char c = next(s);

		if (c != '\n')
			out_char(&s->value, c);
	}
	return true;
}

static bool
single_quotes(struct shell *s)
{
	unsigned begin = s->line;

	next(s);
	while (s->rest.len != 0) {
		char c = next(s);

		if (c == '\'')
			return true;
		out_char(&s->value, c);
	}
	s->line = begin;
	fail(s, "no quote ends this value", MF_TEXT("'"));
	return false;
}

static bool
double_quotes(struct shell *s)
{
	unsigned begin = s->line;

	next(s);
	while (s->rest.len != 0) {
		char c = peek(s);

		if (c == '"') {
			next(s);
			return true;
		}
		if (c == '$') {
			if (!expand(s))
				return false;
			continue;
		}
		if (c == '`')
			break;
		next(s);
		if (c == '\\' && memchr("$`\"\\\n", peek(s), 5) != NULL) {
			c = next(s);
			if (c == '\n')
				continue;
		}
		out_char(&s->value, c);
	}
	if (peek(s) == '`') {
		fail(s, "only a shell can tell what this is; write the value",
		    rest_of_line(s));
		return false;
	}
	s->line = begin;
	fail(s, "no quote ends this value", MF_TEXT("\""));
	return false;
}

static bool
take_value(struct shell *s)
{
	s->value.len = 0;
	s->value.full = false;
	while (s->rest.len != 0) {
		char c = peek(s);

		if (c == '\''       ? !single_quotes(s)
			: c == '"'  ? !double_quotes(s)
			: c == '$'  ? !expand(s)
			: c == '\\' ? !unquoted_backslash(s)
				    : false)
			return false;
		if (c == '\'' || c == '"' || c == '$' || c == '\\')
			continue;
		if (memchr(" \t\r\n;", c, 5) != NULL)
			break;
		if (memchr("`|&<>()", c, 7) != NULL) {
			fail(s,
			    "only a shell can tell what this is; write the "
			    "value",
			    rest_of_line(s));
			return false;
		}
		out_char(&s->value, next(s));
	}
	if (s->value.full || memchr(s->value.p, '\0', s->value.len) != NULL) {
		fail(s, s->value.full ? "too long" : "a NUL byte",
		    rest_of_line(s));
		return false;
	}
	return true;
}

/* --- the file --- */

/* What stands between assignments; a comment begins at the start of a word. */
static void
skip_blank(struct shell *s)
{
	while (s->rest.len != 0) {
		if (peek(s) == '#')
			skip_line(s);
		else if (text_starts(s->rest, MF_TEXT("\\\n")))
			next(s);
		else if (memchr(" \t\r\n;", peek(s), 5) == NULL)
			return;
		if (s->rest.len != 0)
			next(s);
	}
}

static void
assignment(struct shell *s)
{
	struct mf_text line = rest_of_line(s), name = take_name(s);
	unsigned number = s->line;

	if ((mf_text_eq(name, MF_TEXT("export")) ||
		mf_text_eq(name, MF_TEXT("readonly"))) &&
	    ascii_is_blank(peek(s)))
		return;
	if (name.len == 0 || ascii_is_digit(name.p[0]) || peek(s) != '=') {
		fail(s,
		    "not an assignment NAME=value; quote values that have "
		    "blanks",
		    line);
		skip_line(s);
		return;
	}
	next(s);
	if (take_value(s))
		convert_add_entry(s->file, s->entries,
		    (struct convert_entry){.key = name,
			.value = out_view(&s->value),
			.line = number});
	else
		skip_line(s);
}

void
convert_parse_shell(
    const struct convert_file *file, struct convert_entries *out)
{
	struct shell s = {.file = file,
	    .entries = out,
	    .rest = file->bytes,
	    .line = 1,
	    .value = text_out(
		arena_new(file->arena, CONVERT_VALUE_MAX), CONVERT_VALUE_MAX)};

	if (text_starts(s.rest, MF_TEXT("\xef\xbb\xbf")))
		s.rest = text_from(s.rest, 3);
	for (skip_blank(&s); s.rest.len != 0; skip_blank(&s))
		assignment(&s);
}

/* SPDX-License-Identifier: ISC */
#include "common/split.h"

static bool
is_separator(char c)
{
	return ascii_is_blank(c) || c == ',' || c == '\n' || c == '\r';
}

static void
skip_separators(struct split *s)
{
	while (s->rest.len != 0) {
		char c = s->rest.p[0];

		if (c == '#' && s->has_comments) {
			s->rest = text_from(s->rest, text_find(s->rest, '\n'));
			continue;
		}
		if (!is_separator(c))
			return;
		s->line += c == '\n';
		s->rest = text_from(s->rest, 1);
	}
}

/* Octets of the quoted string that t begins with; 0: none. */
static size_t
quoted_len(struct mf_text t)
{
	if (t.len == 0 || t.p[0] != '"')
		return 0;
	for (size_t i = 1; i < t.len && t.p[i] != '\n'; i++) {
		if (t.p[i] == '"')
			return i + 1;
		if (t.p[i] == '\\' && i + 1 < t.len && t.p[i + 1] != '\n')
			i++;
	}
	return 0;
}

/* Where the item goes on behind blanks around a "="; at: it doesn't. */
static size_t
pair_continues(const struct split *s, size_t at)
{
	struct mf_text t = s->rest;
	size_t next = at;

	while (next < t.len && ascii_is_blank(t.p[next]))
		next++;
	if (at == 0 || next == t.len || is_separator(t.p[next]) ||
	    (s->has_comments && t.p[next] == '#'))
		return at;
	return t.p[next] == '=' || t.p[at - 1] == '=' ? next : at;
}

bool
split_next(struct split *s, struct mf_text *item)
{
	size_t len;

	skip_separators(s);
	len = quoted_len(s->rest);
	while (len < s->rest.len) {
		size_t from = len;

		if (!is_separator(s->rest.p[len]))
			len++;
		else if (s->has_pairs)
			len = pair_continues(s, len);
		if (len == from)
			break;
	}
	*item = text_head(s->rest, len);
	s->rest = text_from(s->rest, len);
	return len != 0;
}

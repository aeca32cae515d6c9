/* SPDX-License-Identifier: ISC */
/*
 *	mailbox = [display-name] "<" local-part "@" domain ">" / local-part "@" domain
 *
 * with comments and folding anywhere.  Two readers that differ here show two
 * authors, so what isn't plain has none: groups, lists, routes, quoted local
 * parts, a second "@" or "<" outside of quotes and comments, controls.
 */
#include "spfmilter/from_address.h"

#define FROM_MAX 998 /* RFC 5322 2.1.1: a line */

/* An octet of a comment or quoted string; *depth of it, *quoted. */
struct from_reader {
	unsigned depth;
	bool quoted;
};

/* Whether c is outside of both; false and *bad: it can't be read. */
static bool
is_outside(struct from_reader *r, struct mf_text t, size_t *at, bool *bad)
{
	char c = t.p[*at];

	if ((r->quoted || r->depth != 0) && c == '\\') {
		*bad = ++*at >= t.len;
		return false;
	}
	if (r->depth == 0 && c == '"') {
		r->quoted = !r->quoted;
		return false;
	}
	if (r->quoted)
		return false;
	if (c == '(') {
		r->depth++;
		return false;
	}
	if (c == ')') {
		*bad = r->depth == 0;
		if (r->depth != 0)
			r->depth--;
		return false;
	}
	return r->depth == 0;
}

/*
 * The value without comments and quoted strings, of which a "?" is left: what
 * an address consists of.
 */
static bool
strip(struct mf_text value, struct text_out *out)
{
	struct from_reader r = {0, false};
	bool bad = false;

	for (size_t i = 0; i < value.len && !bad; i++) {
		char c = value.p[i];
		bool was_quoted = r.quoted;

		if (ascii_is_control(c) && c != '\t' && c != '\r' && c != '\n')
			return false;
		if (is_outside(&r, value, &i, &bad))
			out_char(out, c);
		else if (was_quoted && !r.quoted)
			out_char(out, '?');
	}
	return !bad && !r.quoted && r.depth == 0 && !out->full;
}

static bool
is_atom(struct mf_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if ((unsigned char)t.p[i] <= ' ' ||
		    strchr("<>@,;:\\\"[]?", t.p[i]) != NULL)
			return false;
	return t.len != 0;
}

bool
from_domain(struct mf_text value, struct mf_text *domain)
{
	char store[FROM_MAX];
	struct text_out out = text_out(store, sizeof(store));
	struct mf_text t, before;

	if (!strip(value, &out))
		return false;
	t = text_trim(out_view(&out));
	if (text_cut(&t, '<', &before)) {
		/* The display name has no marks of its own. */
		if (t.len == 0 || t.p[t.len - 1] != '>' ||
		    text_find(before, '@') != before.len ||
		    text_find(before, ',') != before.len ||
		    text_find(before, ':') != before.len ||
		    text_find(before, ';') != before.len)
			return false;
		t.len--;
	}
	t = text_trim(t);
	if (!text_cut(&t, '@', &before) || !is_atom(text_trim(before)))
		return false;
	t = text_trim(t);
	if (!is_atom(t))
		return false;
	/* Where it stands in value: the last time, comments aside. */
	for (size_t i = value.len - t.len + 1; i-- > 0;)
		if (mf_text_eq(mf_text_at(value.p + i, t.len), t)) {
			*domain = mf_text_at(value.p + i, t.len);
			return true;
		}
	return false;
}

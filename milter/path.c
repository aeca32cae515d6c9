/* SPDX-License-Identifier: ISC */
#include "milter/path.h"

enum which { FIRST, LAST };

/*
 * Position of a c that is neither quoted nor in a comment, or t.len.
 * Backslashes escape everywhere, as they did in RFC 821.
 */
static size_t
find_bare(struct mf_text t, char c, enum which which)
{
	size_t found = t.len, depth = 0;
	bool quoted = false;

	for (size_t i = 0; i < t.len; i++) {
		switch (t.p[i]) {
		case '\\':
			i++;
			break;
		case '"':
			quoted = quoted != (depth == 0);
			break;
		case '(':
			depth += !quoted;
			break;
		case ')':
			depth -= !quoted && depth != 0;
			break;
		default:
			if (t.p[i] != c || quoted || depth != 0)
				break;
			found = i;
			if (which == FIRST)
				return found;
		}
	}
	return found;
}

/* What is in the last angle brackets: both MTAs take that for the path. */
static struct mf_text
without_brackets(struct mf_text t)
{
	size_t open = find_bare(t, '<', LAST);
	struct mf_text inside = text_from(t, open + 1);
	size_t close = find_bare(inside, '>', FIRST);

	if (open == t.len)
		return t;
	/* A quote or comment that nothing closes ends with the path. */
	if (close == inside.len && inside.len != 0 &&
	    inside.p[inside.len - 1] == '>')
		close--;
	if (close == inside.len && open != 0)
		return t;
	return text_trim(text_head(inside, close));
}

/*
 * "@a,@b:" is to be ignored (RFC 5321 4.1.1.3), with a mailbox behind it:
 * without one nothing would be left, which means the null sender.
 */
static struct mf_text
without_route(struct mf_text t)
{
	bool literal = false;
	struct mf_text mailbox;

	if (t.len == 0 || t.p[0] != '@')
		return t;
	for (size_t i = 0; i < t.len && t.p[i] != '"'; i++) {
		if (t.p[i] == '[' || t.p[i] == ']')
			literal = t.p[i] == '[';
		if (t.p[i] != ':' || literal)
			continue;
		mailbox = text_trim(text_from(t, i + 1));
		return mailbox.len != 0 ? mailbox : t;
	}
	return t;
}

struct mf_text
path_mailbox(struct mf_text arg)
{
	struct mf_text mailbox =
	    without_route(without_brackets(text_trim(arg)));

	/* An empty local part and no domain: Postfix's null sender too. */
	if (mf_text_eq(mailbox, MF_TEXT("\"\"")))
		mailbox.len = 0;
	return mailbox;
}

struct mf_text
path_local(struct mf_text mailbox)
{
	return text_head(mailbox, find_bare(mailbox, '@', LAST));
}

struct mf_text
path_domain(struct mf_text mailbox)
{
	return text_from(mailbox, find_bare(mailbox, '@', LAST) + 1);
}

/* --- what everybody reads alike --- */

/* Letters, digits, octets of UTF-8, and those of more. */
static bool
consists_of(struct mf_text t, const char *more)
{
	for (size_t i = 0; i < t.len; i++) {
		char c = ascii_lower(t.p[i]);
		bool is_letter = (c >= 'a' && c <= 'z') || (c & 0x80) != 0;

		if (!is_letter && !ascii_is_digit(c) &&
		    (c == '\0' || strchr(more, c) == NULL))
			return false;
	}
	return true;
}

static bool
is_quoted_string(struct mf_text t)
{
	if (t.len < 2 || t.p[0] != '"' || text_has_control(t))
		return false;
	for (size_t i = 1; i < t.len - 1; i++) {
		if (t.p[i] == '"')
			return false;
		if (t.p[i] == '\\' && ++i == t.len - 1)
			return false;
	}
	return t.p[t.len - 1] == '"';
}

/* Dots anywhere: some providers give out names like "a..b.". */
static bool
is_plain_local(struct mf_text t)
{
	return t.len != 0 &&
	    (consists_of(t, ".!#$%&'*+-/=?^_`{|}~") || is_quoted_string(t));
}

/* sendmail takes "example.com.." for example.com. */
static bool
has_empty_label(struct mf_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.p[i] == '.' && (i == 0 || t.p[i - 1] == '.'))
			return true;
	return false;
}

static bool
is_literal(struct mf_text t)
{
	return t.len >= 2 && t.p[0] == '[' && t.p[t.len - 1] == ']';
}

static bool
is_plain_domain(struct mf_text t)
{
	if (is_literal(t))
		return consists_of(mf_text_at(t.p + 1, t.len - 2), ".-:");
	return t.len != 0 && consists_of(t, ".-_") && !has_empty_label(t);
}

bool
path_is_plain(struct mf_text mailbox)
{
	struct mf_text local = path_local(mailbox),
		       domain = path_domain(mailbox);

	if (local.len == mailbox.len)
		return local.len != 0 &&
		    consists_of(local, ".#$&'*+-/=?^_`{|}~");
	return is_plain_local(local) && is_plain_domain(domain);
}

bool
path_is_qualified(struct mf_text mailbox)
{
	struct mf_text domain = path_domain(mailbox);

	return is_literal(domain) || text_find(domain, '.') < domain.len;
}

bool
path_has_route(struct mf_text mailbox)
{
	struct mf_text local = path_local(mailbox);

	return text_find(local, '@') < local.len ||
	    text_find(local, '%') < local.len ||
	    text_find(local, '!') < local.len;
}

/* All that become ASCII, in CaseFolding.txt's classes C and F. */
static const struct {
	struct mf_text utf8;
	const char *ascii;
} foldings[] = {
    {{"\xc3\x9f", 2}, "ss"},     /* U+00DF sharp s */
    {{"\xc5\xbf", 2}, "s"},      /* U+017F long s */
    {{"\xe1\xba\x9e", 3}, "ss"}, /* U+1E9E capital sharp s */
    {{"\xe2\x84\xaa", 3}, "k"},  /* U+212A Kelvin sign */
    {{"\xef\xac\x80", 3}, "ff"}, /* U+FB00 and on: ligatures */
    {{"\xef\xac\x81", 3}, "fi"},
    {{"\xef\xac\x82", 3}, "fl"},
    {{"\xef\xac\x83", 3}, "ffi"},
    {{"\xef\xac\x84", 3}, "ffl"},
    {{"\xef\xac\x85", 3}, "st"},
    {{"\xef\xac\x86", 3}, "st"},
};

/* Fold the character that t begins with; its length, or 0: it stays. */
static size_t
fold_one(struct mf_text t, struct text_out *out)
{
	for (size_t i = 0; i < sizeof(foldings) / sizeof(foldings[0]); i++) {
		if (!text_starts(t, foldings[i].utf8))
			continue;
		out_str(out, foldings[i].ascii);
		return foldings[i].utf8.len;
	}
	return 0;
}

void
path_fold(struct mf_text part, struct text_out *out)
{
	while (part.len != 0) {
		char c = part.p[0];
		size_t len = (c & 0x80) != 0 ? fold_one(part, out) : 0;

		if (len == 0 && c != '"' && c != '\\')
			out_char(out, c);
		part = text_from(part, len != 0 ? len : 1);
	}
}

bool
path_sender(struct mf_text arg, struct mf_text macro, struct mf_text *out)
{
	*out = path_mailbox(arg);
	if (out->len == 0 || (path_is_plain(*out) && path_is_qualified(*out)))
		return true;
	*out = macro;
	return macro.p != NULL &&
	    (macro.len == 0 || path_domain(macro).len != 0);
}

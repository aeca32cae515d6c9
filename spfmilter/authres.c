/* SPDX-License-Identifier: ISC */
/*
 * authserv-id, as strict readers and as careless ones find it.
 *
 *	[CFWS] value [CFWS 1*DIGIT] [CFWS] ";" ...
 *
 * value is a token of RFC 2045 5.1 with the octets of RFC 6532, or a quoted
 * string.  A forged field that this file takes for another host's, and whoever
 * reads it for ours, lets everything through; a malformed one that is removed
 * is no loss.
 */
#include "spfmilter/authres.h"

/* Comments as RFC 5322 has them, and as readers do that know less of it. */
enum { NESTED = 1, ESCAPED = 2, STRICT = NESTED | ESCAPED };

static bool
is_blank(char c)
{
	return ascii_is_blank(c) || c == '\r' || c == '\n';
}

/* Octets of a token; those above 0x7f are (RFC 6532 3.2). */
static bool
is_token(char c)
{
	return !ascii_is_control(c) && strchr(" ()<>@,;:\\\"/[]?=", c) == NULL;
}

/* Take the comment off that *t begins with.  False: it isn't closed. */
static bool
skip_comment(struct mf_text *t, unsigned comments)
{
	size_t depth = 0;

	for (size_t i = 0; i < t->len; i++) {
		char c = t->p[i];

		if (c == '\\' && (comments & ESCAPED))
			i++;
		else if (c == '(' && (depth == 0 || (comments & NESTED)))
			depth++;
		else if (c == ')' && --depth == 0) {
			*t = text_from(*t, i + 1);
			return true;
		}
	}
	return false;
}

/* Take blanks and comments off *t.  False: a comment isn't closed. */
static bool
skip_cfws(struct mf_text *t, unsigned comments)
{
	for (;;) {
		while (t->len != 0 && is_blank(t->p[0]))
			*t = text_from(*t, 1);
		if (t->len == 0 || t->p[0] != '(')
			return true;
		if (!skip_comment(t, comments))
			return false;
	}
}

/* Take a token or a quoted string off *t; it may be empty. */
static struct mf_text
take_value(struct mf_text *t)
{
	bool quoted = t->len != 0 && t->p[0] == '"';
	struct mf_text value;
	size_t len = quoted;

	while (
	    len < t->len && (quoted ? t->p[len] != '"' : is_token(t->p[len])))
		len += quoted && t->p[len] == '\\' ? 2 : 1;
	if (quoted)
		len++;
	if (len > t->len)
		len = 0;
	value = text_head(*t, len);
	*t = text_from(*t, len);
	return value;
}

/* --- is it ours? --- */

/* Blanks, quotes and escapes: readers trim, unquote and unfold as they like. */
static bool
is_dropped(char c)
{
	return c == ' ' || c == '"' || c == '\\' || ascii_is_control(c);
}

/* Compares with id while octets come, which may be separate. */
struct matcher {
	struct mf_text rest; /* of id */
	bool differs;
};

static void
skip_dropped(struct matcher *m)
{
	while (m->rest.len != 0 && is_dropped(m->rest.p[0]))
		m->rest = text_from(m->rest, 1);
}

static struct matcher
matcher(struct mf_text id)
{
	struct matcher m = {.rest = id};

	skip_dropped(&m);
	return m;
}

static void
feed(struct matcher *m, char c)
{
	if (is_dropped(c))
		return;
	if (m->rest.len == 0)
		m->differs |= c != '.'; /* "id." is "id" in the DNS */
	else if (ascii_lower(c) == ascii_lower(m->rest.p[0]))
		m->rest = text_from(m->rest, 1);
	else
		m->differs = true;
	skip_dropped(m);
}

static bool
matched(const struct matcher *m)
{
	return m->rest.len == 0 && !m->differs;
}

static bool
is_id(struct mf_text value, struct mf_text id)
{
	struct matcher m = matcher(id);

	for (size_t i = 0; i < value.len; i++)
		feed(&m, value.p[i]);
	return matched(&m);
}

/* The same without octets above 0x7f at its ends: U+00A0 is a blank to some. */
static bool
is_nearly_id(struct mf_text value, struct mf_text id)
{
	if (is_id(value, id))
		return true;
	if (value.len >= 2 && value.p[0] == '"')
		value = mf_text_at(value.p + 1, value.len - 2);
	while (value.len != 0 && (unsigned char)value.p[0] > 0x7f)
		value = text_from(value, 1);
	while (value.len != 0 && (unsigned char)value.p[value.len - 1] > 0x7f)
		value.len--;
	return is_id(value, id);
}

enum authres_reading { OURS, OTHERS, UNREADABLE };

static enum authres_reading
read_id(struct mf_text field, struct mf_text id, unsigned comments)
{
	struct mf_text value, version;

	if (!skip_cfws(&field, comments))
		return UNREADABLE;
	value = take_value(&field);
	if (is_nearly_id(value, id))
		return OURS;
	if (value.len == 0 || !skip_cfws(&field, comments))
		return UNREADABLE;
	version = take_value(&field);
	for (size_t i = 0; i < version.len; i++)
		if (!ascii_is_digit(version.p[i]))
			return UNREADABLE;
	if (!skip_cfws(&field, comments))
		return UNREADABLE;
	return field.len == 0 || field.p[0] == ';' ? OTHERS : UNREADABLE;
}

/* --- what can't be read --- */

/*
 * Up to the ";" behind the authserv-id, to who knows comments and quotes; up to
 * the first, where one isn't closed.
 */
static struct mf_text
id_part(struct mf_text field)
{
	struct mf_text rest = field;

	while (skip_cfws(&rest, STRICT) && rest.len != 0) {
		if (rest.p[0] == ';')
			return text_head(field, field.len - rest.len);
		if (take_value(&rest).len != 0)
			continue;
		if (rest.p[0] == '"')
			break;
		rest = text_from(rest, 1);
	}
	return text_head(field, text_find(field, ';'));
}

/* Whether c divides words; what id consists of doesn't. */
static bool
divides(char c, struct mf_text id)
{
	return !is_token(c) && text_find(id, c) == id.len;
}

static bool
has_word(struct mf_text t, struct mf_text id)
{
	size_t start = 0;

	for (size_t i = 0; i <= t.len; i++) {
		if (i < t.len && !divides(t.p[i], id))
			continue;
		if (is_nearly_id(mf_text_at(t.p + start, i - start), id))
			return true;
		start = i + 1;
	}
	return false;
}

/*
 * The same for readers that take comments, quotes, controls and folding out
 * before anything else, and so join what was apart.
 */
static bool
has_joined_word(struct mf_text t, struct mf_text id, unsigned comments)
{
	struct matcher m = matcher(id);
	bool folded = false, closed = true;

	while (t.len != 0) {
		char c = t.p[0];

		if (c == '(' && closed) {
			closed = skip_comment(&t, comments);
			continue;
		}
		t = text_from(t, 1);
		folded = c == '\n' || (folded && ascii_is_blank(c));
		if (folded || (is_dropped(c) && !ascii_is_blank(c)))
			continue;
		if (!divides(c, id)) {
			feed(&m, c);
			continue;
		}
		if (matched(&m))
			return true;
		m = matcher(id);
	}
	return matched(&m);
}

bool
authres_is_of(struct mf_text value, struct mf_text id)
{
	enum authres_reading strict;

	if (id.len > 1 && id.p[id.len - 1] == '.')
		id.len--;
	if (value.len == 0 || is_id(MF_TEXT(""), id))
		return false;
	strict = read_id(value, id, STRICT);
	if (strict == OURS || read_id(value, id, NESTED) == OURS ||
	    read_id(value, id, ESCAPED) == OURS ||
	    read_id(value, id, 0) == OURS)
		return true;
	if (strict == OTHERS)
		return false;
	value = id_part(value);
	return has_word(value, id) || has_joined_word(value, id, STRICT) ||
	    has_joined_word(value, id, 0);
}

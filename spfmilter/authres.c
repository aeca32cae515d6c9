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
 *
 * Some readers undo more before they look: RFC 2047 words, "%2e", characters
 * that are like others.  So a field is ours if it is to any of them.
 */
#include "spfmilter/authres.h"

#include <stdlib.h>

#include "spfmilter/authres_disguise.h"
#include <mailfrom/spf.h>

/*
 * Names that are mapped by IDNA for one field; another host's has one.  The
 * rest of the work is a few dozen passes over the field, each linear.
 */
#define NAMES_MAX 32

/*
 * Octets of a field in which what is disguised is looked for; an id that hasn't
 * come to its end there is nobody's, and may go.
 */
#define HEAD_MAX 4096

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

/* Whose field it could be, and what may still be spent to find out. */
struct own {
	struct mf_text id;
	unsigned names_left;
};

static bool
has_octets_above_7f(struct mf_text t)
{
	return !text_is_ascii(t);
}

/* value without what readers drop, as a domain in A-labels; false: none. */
static bool
to_name(struct mf_text value, char out[static SPF_NAME_SIZE], size_t *len)
{
	char room[SPF_SENDER_MAX];
	struct text_out o = text_out(room, sizeof(room));

	for (size_t i = 0; i < value.len && !o.full; i++)
		if (!is_dropped(value.p[i]))
			out_char(&o, value.p[i]);
	*len = 0;
	return !o.full && spf_name_to_ascii(out_view(&o), out, len) &&
	    *len != 0;
}

/* Whether both are one domain, in U-labels or A-labels (RFC 5890). */
static bool
is_same_domain(struct own *own, struct mf_text value)
{
	char name[SPF_NAME_SIZE], id[SPF_NAME_SIZE];
	size_t len, id_len;

	if (!has_octets_above_7f(value) &&
	    (!has_octets_above_7f(own->id) ||
		text_find(value, '-') == value.len))
		return false;
	if (own->names_left == 0)
		return true;
	own->names_left--;
	return to_name(value, name, &len) && to_name(own->id, id, &id_len) &&
	    mf_text_eq(mf_text_at(name, len), mf_text_at(id, id_len));
}

static bool
is_id(struct own *own, struct mf_text value)
{
	struct matcher m = matcher(own->id);

	for (size_t i = 0; i < value.len; i++)
		feed(&m, value.p[i]);
	return matched(&m) || is_same_domain(own, value);
}

/* The same without octets above 0x7f at its ends: U+00A0 is a blank to some. */
static bool
is_nearly_id(struct own *own, struct mf_text value)
{
	if (is_id(own, value))
		return true;
	if (value.len >= 2 && value.p[0] == '"')
		value = mf_text_at(value.p + 1, value.len - 2);
	while (value.len != 0 && (unsigned char)value.p[0] > 0x7f)
		value = text_from(value, 1);
	while (value.len != 0 && (unsigned char)value.p[value.len - 1] > 0x7f)
		value.len--;
	return is_id(own, value);
}

enum authres_reading {
	OURS,
	OTHERS,      /* its id is there, and a ";" behind it */
	OTHERS_LAST, /* there is nothing behind it */
	UNREADABLE
};

static enum authres_reading
read_id(struct own *own, struct mf_text field, unsigned comments)
{
	struct mf_text value, version;

	if (!skip_cfws(&field, comments))
		return UNREADABLE;
	value = take_value(&field);
	if (is_nearly_id(own, value))
		return OURS;
	if (value.len == 0 || !skip_cfws(&field, comments))
		return UNREADABLE;
	version = take_value(&field);
	for (size_t i = 0; i < version.len; i++)
		if (!ascii_is_digit(version.p[i]))
			return UNREADABLE;
	if (!skip_cfws(&field, comments))
		return UNREADABLE;
	if (field.len == 0)
		return OTHERS_LAST;
	return field.p[0] == ';' ? OTHERS : UNREADABLE;
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
has_word(struct own *own, struct mf_text t)
{
	size_t start = 0;

	for (size_t i = 0; i <= t.len; i++) {
		if (i < t.len && !divides(t.p[i], own->id))
			continue;
		if (is_nearly_id(own, mf_text_at(t.p + start, i - start)))
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
has_joined_word(struct own *own, struct mf_text t, unsigned comments)
{
	struct matcher m = matcher(own->id);
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
		if (!divides(c, own->id)) {
			feed(&m, c);
			continue;
		}
		if (matched(&m))
			return true;
		m = matcher(own->id);
	}
	return matched(&m);
}

/* --- one reading, and all --- */

static bool
is_ours(struct own *own, struct mf_text value)
{
	enum authres_reading strict = read_id(own, value, STRICT);

	if (strict == OURS || read_id(own, value, NESTED) == OURS ||
	    read_id(own, value, ESCAPED) == OURS ||
	    read_id(own, value, 0) == OURS)
		return true;
	if (strict == OTHERS || strict == OTHERS_LAST)
		return false;
	value = id_part(value);
	return has_word(own, value) || has_joined_word(own, value, STRICT) ||
	    has_joined_word(own, value, 0);
}

/* The readings of a field, each in one of two buffers. */
struct undoing {
	struct own own;
	struct mf_text folded_id;
	char *room[3]; /* two for what was undone, one for what is folded */
	size_t size;
	bool is_cut; /* what is looked at, in the end */
	bool ours;
};

/* Look at what was undone. */
static void
look(struct undoing *u, struct mf_text value)
{
	struct text_out o = text_out(u->room[2], u->size);
	struct own folded = u->own;

	authres_fold(value, &o);
	folded.id = u->folded_id;
	u->ours = u->ours || o.full ||
	    (u->is_cut && read_id(&u->own, out_view(&o), STRICT) != OTHERS) ||
	    text_find(id_part(value), AUTHRES_ANY) != id_part(value).len ||
	    is_ours(&u->own, out_view(&o)) || is_ours(&folded, out_view(&o));
}

/* Undo words and percents in turn, as often as there are any; look at each. */
static void
undo(struct undoing *u, struct mf_text value, bool glue)
{
	unsigned same = 0;

	for (unsigned n = 0; n < 6 && same < 2 && !u->ours; n++) {
		struct text_out o = text_out(
		    value.p == u->room[0] ? u->room[1] : u->room[0], u->size);
		bool any = n % 2 == 0 ? authres_undo_words(value, glue, &o)
				      : authres_undo_percent(value, &o);

		same = any ? 0 : same + 1;
		u->ours = u->ours || o.full;
		if (same != 0)
			continue;
		value = out_view(&o);
		look(u, value);
	}
}

/* Not to be told from ours if there is no memory to find out. */
static bool
is_ours_undone(
    const struct own *own, struct mf_text folded_id, struct mf_text value)
{
	struct undoing u = {.own = *own,
	    .folded_id = folded_id,
	    .is_cut = value.len > HEAD_MAX};
	struct text_out o;
	char *room;

	value = text_head(value, HEAD_MAX);
	u.size = AUTHRES_UNDONE_MAX(value.len);
	room = malloc(3 * u.size);
	if (room == NULL)
		return true;
	for (size_t i = 0; i < 3; i++)
		u.room[i] = room + i * u.size;
	look(&u, value);
	undo(&u, value, false);
	undo(&u, value, true);
	/* For who knows percents, but no words. */
	o = text_out(u.room[0], u.size);
	if (!u.ours && authres_undo_percent(value, &o))
		look(&u, out_view(&o));
	free(room);
	return u.ours;
}

bool
authres_is_disguised(struct mf_text value)
{
	static const unsigned comments[] = {STRICT, NESTED, ESCAPED, 0};
	struct own nobody = {MF_TEXT(""), 0};
	size_t at = 0;

	while (at < value.len && value.p[at] != '%' && value.p[at] != '?' &&
	    (unsigned char)value.p[at] < 0x80)
		at++;
	if (at == value.len)
		return false;
	/* Behind the id nobody cares. */
	value = text_head(value, at);
	for (size_t i = 0; i < sizeof(comments) / sizeof(comments[0]); i++)
		if (read_id(&nobody, value, comments[i]) != OTHERS)
			return true;
	return false;
}

bool
authres_is_of(struct mf_text value, struct mf_text id)
{
	char folded_id[AUTHRES_UNDONE_MAX(AUTHRES_ID_MAX)];
	struct text_out o = text_out(folded_id, sizeof(folded_id));
	struct own own = {id, NAMES_MAX}, folded = {id, NAMES_MAX};

	if (id.len > 1 && id.p[id.len - 1] == '.')
		own.id.len--;
	if (value.len == 0 || is_id(&own, MF_TEXT("")))
		return false;
	authres_fold(own.id, &o);
	folded.id = out_view(&o);
	return is_ours(&own, value) ||
	    (has_octets_above_7f(id) && is_ours(&folded, value)) ||
	    (authres_is_disguised(value) &&
		is_ours_undone(&own, folded.id, value));
}

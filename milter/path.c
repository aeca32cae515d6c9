/* SPDX-License-Identifier: ISC */
#include "milter/path.h"

/*
 * Position of the last "@" that is neither quoted nor in a comment, or t.len.
 * Backslashes escape everywhere, as they did in RFC 821.
 */
static size_t
find_at(struct mf_text t)
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
		case '@':
			if (!quoted && depth == 0)
				found = i;
			break;
		default:
			break;
		}
	}
	return found;
}

struct mf_text
path_local(struct mf_text mailbox)
{
	return text_head(mailbox, find_at(mailbox));
}

struct mf_text
path_domain(struct mf_text mailbox)
{
	return text_from(mailbox, find_at(mailbox) + 1);
}

struct mf_text
path_unbracketed(struct mf_text arg)
{
	if (arg.len < 2 || arg.p[0] != '<' || arg.p[arg.len - 1] != '>')
		return arg;
	return mf_text_at(arg.p + 1, arg.len - 2);
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

/* Postfix drops "@a,@b:" from a local part, too, in whatever quotes it is. */
static bool
begins_like_route(struct mf_text t)
{
	size_t i = 0;

	while (i < t.len && strchr("\"\\ ", t.p[i]) != NULL)
		i++;
	return i < t.len && t.p[i] == '@';
}

#define ATOMS ".!#$%&'*+-/=?^_`{|}~"

/* Dots anywhere: some providers give out names like "a..b.". */
static bool
is_plain_local(struct mf_text t)
{
	return t.len != 0 &&
	    (consists_of(t, ATOMS) ||
		(is_quoted_string(t) && !begins_like_route(t)));
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

/* --- other readings of a plain mailbox --- */

static bool
has_any(struct mf_text t, const char *these)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.p[i] != '\0' && strchr(these, t.p[i]) != NULL)
			return true;
	return false;
}

/* "user@host", "host!user" and "user%host", in this order. */
static bool
peel(struct mf_text *local, struct mf_text *domain)
{
	size_t at = text_rfind(*local, '@');

	if (at == local->len && text_cut(local, '!', domain))
		return true;
	if (at == local->len)
		at = text_rfind(*local, '%');
	if (at == local->len)
		return false;
	*domain = text_from(*local, at + 1);
	*local = text_head(*local, at);
	return true;
}

/*
 * Whether addresses in a local part are such as only an MTA can read: sendmail
 * takes "user@(x)host.." in it for user@host, too.
 */
static bool
is_for_mtas_alone(struct mf_text local)
{
	struct mf_text domain;

	if (!has_any(local, "@%!"))
		return false;
	if (!consists_of(local, ATOMS "@"))
		return true;
	while (peel(&local, &domain))
		if (has_empty_label(domain))
			return true;
	return false;
}

bool
path_reading(struct mf_text mailbox, struct path_reading *out)
{
	/* cppcheck-suppress uninitvar ; it is filled here */
	struct text_out local = text_out(out->store[0], PATH_READING_MAX);
	struct text_out domain = text_out(out->store[1], PATH_READING_MAX);

	path_fold(path_local(mailbox), &local);
	path_fold(path_domain(mailbox), &domain);
	out->local = out_view(&local);
	out->domain = out_view(&domain);
	return !local.full && !domain.full && !is_for_mtas_alone(out->local);
}

bool
path_reading_next(struct path_reading *r)
{
	return peel(&r->local, &r->domain);
}

/* --- paths --- */

static struct path
ambiguous(struct mf_text arg)
{
	return (struct path){PATH_AMBIGUOUS, path_unbracketed(arg)};
}

static bool
has_eighth_bit(struct mf_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if ((t.p[i] & 0x80) != 0)
			return true;
	return false;
}

/*
 * Postfix folds the case of {mail_addr}: characters if it knows that they are
 * UTF-8, else octets.  So two labels that aren't ASCII aren't told apart.
 */
static bool
is_same_label(struct mf_text a, struct mf_text b)
{
	return text_eq_fold(a, b) || (has_eighth_bit(a) && has_eighth_bit(b));
}

static struct mf_text
without_root(struct mf_text domain)
{
	if (domain.len != 0 && domain.p[domain.len - 1] == '.')
		domain.len--;
	return domain;
}

static bool
are_same_labels(struct mf_text a, struct mf_text b)
{
	while (a.len != 0 && b.len != 0) {
		size_t a_len = text_find(a, '.'), b_len = text_find(b, '.');

		if (!is_same_label(text_head(a, a_len), text_head(b, b_len)))
			return false;
		a = text_from(a, a_len + 1);
		b = text_from(b, b_len + 1);
	}
	return a.len == b.len;
}

static bool
is_same_domain(struct mf_text a, struct mf_text b)
{
	char store[2][PATH_READING_MAX];
	struct text_out folded[] = {text_out(store[0], sizeof(store[0])),
	    text_out(store[1], sizeof(store[1]))};

	a = without_root(a);
	b = without_root(b);
	if (text_eq_fold(a, b))
		return true;
	path_fold(a, &folded[0]);
	path_fold(b, &folded[1]);
	return !folded[0].full && !folded[1].full &&
	    are_same_labels(out_view(&folded[0]), out_view(&folded[1]));
}

/* Null or not, and the domain, where there is one to compare with. */
static bool
agrees(struct mf_text mailbox, struct mf_text told)
{
	struct mf_text domain;

	if (told.p == NULL || text_eq_fold(mailbox, told))
		return true;
	domain = path_domain(told);
	if (told.len != 0 && domain.len == 0)
		return true;
	return mailbox.len != 0 && told.len != 0 &&
	    is_same_domain(path_domain(mailbox), domain);
}

/* "@a,@b:" is to be ignored (RFC 5321 4.1.1.3). */
static struct mf_text
without_route(struct mf_text t)
{
	size_t colon = text_find(t, ':');

	if (t.len == 0 || t.p[0] != '@' || colon == t.len ||
	    !consists_of(text_head(t, colon), "@,.-_"))
		return t;
	return text_from(t, colon + 1);
}

static bool
contains_fold(struct mf_text t, struct mf_text part)
{
	for (size_t i = 0; i + part.len <= t.len; i++)
		if (text_eq_fold(mf_text_at(t.p + i, part.len), part))
			return true;
	return false;
}

/*
 * Whether {mail_addr} may be another address than the sender.  Postfix asks for
 * the way there: at a domain of its own it goes on with the local part, to
 * victim@example.com for "victim%example.com@here", and to mailer-daemon if
 * there is none.  It folds Unicode, to k.example for one with U+212A, and drops
 * what quotes and backslashes have brought into a domain.
 */
static bool
may_be_a_way(struct mf_text arg, struct mf_text macro)
{
	struct mf_text rest = without_route(path_unbracketed(arg));
	struct path_reading told;

	return arg.len > PATH_READING_MAX || has_eighth_bit(arg) ||
	    text_has_control(arg) || has_any(rest, "%!\"\\") ||
	    text_find(rest, '@') != text_rfind(rest, '@') ||
	    !path_reading(macro, &told) || !contains_fold(rest, told.local);
}

static struct mf_text
told_by(const struct path_macros *macros)
{
	return macros->f.p != NULL ? macros->f : macros->mail_addr;
}

/* What the MTA takes a form for that others may read in another way. */
static struct path
as_told(struct mf_text arg, const struct path_macros *macros)
{
	struct mf_text told = told_by(macros);

	if (told.p == NULL || (macros->f.p == NULL && may_be_a_way(arg, told)))
		return ambiguous(arg);
	if (told.len == 0)
		return (struct path){PATH_NULL, told};
	if (path_domain(told).len == 0 || !path_is_plain(told))
		return ambiguous(arg);
	return (struct path){PATH_MAILBOX, told};
}

struct path
path_sender(struct mf_text arg, const struct path_macros *macros)
{
	struct mf_text mailbox = path_unbracketed(arg);

	if (mailbox.len != 0 &&
	    !(path_is_plain(mailbox) && path_is_qualified(mailbox)))
		return as_told(arg, macros);
	if (!agrees(mailbox, told_by(macros)))
		return ambiguous(arg);
	return (struct path){
	    mailbox.len == 0 ? PATH_NULL : PATH_MAILBOX, mailbox};
}

struct path
path_recipient(struct mf_text arg)
{
	struct mf_text mailbox = path_unbracketed(arg);

	if (!path_is_plain(mailbox))
		return ambiguous(arg);
	return (struct path){PATH_MAILBOX, mailbox};
}

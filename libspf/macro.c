/* SPDX-License-Identifier: ISC */
/*
 * Macros: RFC 7208 7.
 *
 *	macro-expand = ( "%{" macro-letter transformers *delimiter "}" ) /
 *	               "%%" / "%_" / "%-"
 *	transformers = *DIGIT [ "r" ]
 *	delimiter    = "." / "-" / "+" / "," / "/" / "_" / "="
 */
#include <arpa/inet.h>

#include "libspf/record_.h"

#include "common/text.h"

/* Parts that a value can have: each octet a delimiter. */
#define PARTS_MAX (VALUE_SIZE + 1)

/* Octets of the longest value, that of s. */
#define VALUE_SIZE (SPF_SENDER_MAX + 1 + SPF_NAME_SIZE)

/* An expansion is built here; only its end can become part of a name. */
#define BUILD_SIZE 2048

static bool
is_delimiter(char c)
{
	return c != '\0' && strchr(".-+,/_=", c) != NULL;
}

size_t
macro_length_(struct mf_text t, enum macro_place_ place, const char **why)
{
	const char *letters =
	    place == MACRO_IN_TEXT_ ? "slodiphvcrt" : "slodiphv";
	size_t at = 3;
	bool zero = true, digits = false;

	if (t.len >= 2 && (t.p[1] == '%' || t.p[1] == '_' || t.p[1] == '-'))
		return 2;
	if (t.len < 4 || t.p[1] != '{') {
		*why = "\"%\" must be followed by \"{\", \"%\", \"_\" or \"-\"";
		return 0;
	}
	if (t.p[2] == '\0' || strchr(letters, ascii_lower(t.p[2])) == NULL) {
		*why = strchr("crt", ascii_lower(t.p[2])) != NULL
		    ? "the macros c, r and t are for explanations only"
		    : "unknown macro letter";
		return 0;
	}
	for (; at < t.len && ascii_is_digit(t.p[at]); at++) {
		digits = true;
		zero = zero && t.p[at] == '0';
	}
	if (digits && zero) {
		*why = "a macro can't keep 0 parts";
		return 0;
	}
	if (at < t.len && ascii_lower(t.p[at]) == 'r')
		at++;
	while (at < t.len && is_delimiter(t.p[at]))
		at++;
	if (at < t.len && t.p[at] == '}')
		return at + 1;
	*why = "unterminated or invalid macro";
	return 0;
}

bool
macro_needs_validated_(struct mf_text t)
{
	for (size_t i = 0; i + 2 < t.len; i++) {
		if (t.p[i] != '%')
			continue;
		if (t.p[i + 1] == '{' && ascii_lower(t.p[i + 2]) == 'p')
			return true;
		i++; /* not the second of "%%" */
	}
	return false;
}

/* Whether a macro of t has another letter than those. */
static bool
has_other_letter(struct mf_text t, const char *letters)
{
	for (size_t i = 0; i + 2 < t.len; i++) {
		if (t.p[i] != '%')
			continue;
		if (t.p[i + 1] == '{' &&
		    strchr(letters, ascii_lower(t.p[i + 2])) == NULL)
			return true;
		i++; /* not the second of "%%" */
	}
	return false;
}

bool
macro_text_ok_(struct mf_text t)
{
	const char *why;

	for (size_t i = 0; i < t.len;) {
		size_t len = 1;

		if (t.p[i] < ' ' || t.p[i] > '~')
			return false;
		if (t.p[i] == '%')
			len = macro_length_(
			    text_from(t, i), MACRO_IN_TEXT_, &why);
		if (len == 0)
			return false;
		i += len;
	}
	return true;
}

bool
spf_explanation_ok(struct mf_text text)
{
	return macro_text_ok_(text);
}

/* --- values --- */

static struct mf_text
ip_dotted(const struct spf_ip *ip, char room[static VALUE_SIZE])
{
	/* Upper case, as the suites have it; names are lowered anyway. */
	static const char digits[] = "0123456789ABCDEF";
	struct text_out out = text_out(room, VALUE_SIZE);

	for (size_t i = 0; i < (ip->v6 ? 16u : 4u); i++) {
		if (i != 0)
			out_char(&out, '.');
		if (!ip->v6) {
			out_uint(&out, ip->octets[i]);
			continue;
		}
		out_char(&out, digits[ip->octets[i] >> 4]);
		out_char(&out, '.');
		out_char(&out, digits[ip->octets[i] & 15]);
	}
	return out_view(&out);
}

static struct mf_text
sender(const struct macro_values_ *v, char room[static VALUE_SIZE])
{
	struct text_out out = text_out(room, VALUE_SIZE);

	out_text(&out, v->local);
	out_char(&out, '@');
	out_text(&out, v->sender_domain);
	return out_view(&out);
}

static struct mf_text
ip_readable(const struct spf_ip *ip, char room[static VALUE_SIZE])
{
	return mf_text_at(room, spf_ip_print(ip, room));
}

static struct mf_text
number(uint64_t n, char room[static VALUE_SIZE])
{
	struct text_out out = text_out(room, VALUE_SIZE);

	out_uint(&out, n);
	return out_view(&out);
}

static struct mf_text
value_of(
    char letter, const struct macro_values_ *v, char room[static VALUE_SIZE])
{
	switch (ascii_lower(letter)) {
	case 's':
		return sender(v, room);
	case 'l':
		return v->local;
	case 'o':
		return v->sender_domain;
	case 'd':
		return v->domain;
	case 'p':
		return v->validated;
	case 'h':
		return v->helo;
	case 'r':
		return v->receiver;
	case 'i':
		return ip_dotted(&v->ip, room);
	case 'c':
		return ip_readable(&v->ip, room);
	case 'v':
		return v->ip.v6 ? MF_TEXT("ip6") : MF_TEXT("in-addr");
	default: /* 't': nothing else is valid */
		return number(v->now_sec, room);
	}
}

/* --- building --- */

/*
 * A name keeps its end: labels are dropped from the left if it gets too long
 * (7.3), so what is further left than a name can reach may go at any time.  A
 * text keeps its beginning.
 */
struct build {
	enum macro_place_ place;
	size_t len;
	char text[BUILD_SIZE];
};

static void
build_begin(struct build *b, enum macro_place_ place)
{
	/* Not the text: clearing it would cost more than most macros. */
	b->place = place;
	b->len = 0;
}

static void
build_char(struct build *b, char c)
{
	if (b->len == sizeof(b->text)) {
		if (b->place == MACRO_IN_TEXT_)
			return;
		memmove(b->text, b->text + sizeof(b->text) - SPF_NAME_SIZE,
		    SPF_NAME_SIZE);
		b->len = SPF_NAME_SIZE;
	}
	b->text[b->len++] = c;
}

/* Upper-case letters escape all but the unreserved characters of RFC 3986. */
static void
build_value(struct build *b, struct mf_text t, bool escape)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < t.len; i++) {
		unsigned char c = (unsigned char)t.p[i];
		char low = ascii_lower((char)c);

		if (!escape || ascii_is_digit((char)c) ||
		    (low >= 'a' && low <= 'z') ||
		    (c != 0 && strchr("-._~", c) != NULL)) {
			build_char(b, (char)c);
			continue;
		}
		build_char(b, '%');
		build_char(b, digits[c >> 4]);
		build_char(b, digits[c & 15]);
	}
}

static bool
splits_at(struct mf_text delimiters, char c)
{
	return delimiters.len == 0 ? c == '.'
				   : text_find(delimiters, c) != delimiters.len;
}

/* The last PARTS_MAX parts of value; how many. */
static size_t
split(struct mf_text value, struct mf_text delimiters,
    struct mf_text parts[static PARTS_MAX])
{
	size_t count = 0, end = value.len, at = value.len;

	for (;;) {
		if (at == 0 || splits_at(delimiters, value.p[at - 1])) {
			if (count == PARTS_MAX)
				break;
			parts[count++] = mf_text_at(value.p + at, end - at);
			if (at == 0)
				break;
			end = at - 1;
		}
		at--;
	}
	return count;
}

/*
 * parts[0] is the rightmost.  Keep the last `keep` of them: in the value's
 * order, or in the opposite one.
 */
static void
build_parts(struct build *b, const struct mf_text *parts, size_t count,
    size_t keep, bool reverse, bool escape)
{
	size_t n = keep != 0 && keep < count ? keep : count;

	for (size_t i = 0; i < n; i++) {
		if (i != 0)
			build_char(b, '.');
		build_value(
		    b, parts[reverse ? count - n + i : n - 1 - i], escape);
	}
}

/* One macro, t being from "%{" to "}". */
static void
build_macro(
    struct build *b, struct mf_text t, const struct macro_values_ *values)
{
	struct mf_text parts[PARTS_MAX];
	char room[VALUE_SIZE];
	char letter = t.p[2];
	bool escape = letter >= 'A' && letter <= 'Z', reverse = false;
	struct mf_text value = value_of(letter, values, room);
	size_t at = 3, keep = 0;

	for (; ascii_is_digit(t.p[at]); at++)
		if (keep < PARTS_MAX)
			keep = keep * 10 + (size_t)(t.p[at] - '0');
	if (ascii_lower(t.p[at]) == 'r') {
		reverse = true;
		at++;
	}
	struct mf_text delimiters = mf_text_at(t.p + at, t.len - at - 1);

	if (keep == 0 && !reverse && delimiters.len == 0) {
		build_value(b, value, escape);
		return;
	}
	size_t count = split(value, delimiters, parts);
	build_parts(b, parts, count, keep, reverse, escape);
}

static void
build(struct build *b, struct mf_text spec, const struct macro_values_ *values)
{
	const char *why;

	for (size_t i = 0; i < spec.len;) {
		if (spec.p[i] != '%') {
			build_char(b, spec.p[i++]);
			continue;
		}
		struct mf_text rest = text_from(spec, i);
		size_t len = macro_length_(rest, MACRO_IN_TEXT_, &why);

		switch (rest.p[1]) {
		case '%':
			build_char(b, '%');
			break;
		case '_':
			build_char(b, ' ');
			break;
		case '-':
			build_value(b, MF_TEXT("%20"), false);
			break;
		default:
			build_macro(b, text_head(rest, len), values);
		}
		i += len;
	}
}

bool
macro_expand_domain_(struct mf_text spec, const struct macro_values_ *values,
    char out[static SPF_NAME_SIZE], size_t *len)
{
	struct build b;
	struct mf_text name;

	build_begin(&b, MACRO_IN_DOMAIN_);
	build(&b, spec, values);
	name = mf_text_at(b.text, b.len);
	if (name.len != 0 && name.p[name.len - 1] == '.')
		name.len--;
	/*
	 * What build_char() has cut in the middle of a label is longer than a
	 * name, so that the rest of that label goes here too.
	 */
	name = text_last_labels(name, SPF_NAME_MAX);
	if (!spf_name_ok(name) || text_has_control(name))
		return false;
	memcpy(out, name.p, name.len);
	ascii_lower_all(out, name.len);
	out[name.len] = '\0';
	*len = name.len;
	return true;
}

enum spf_naming
spf_domain_spec_name(const struct spf_domain_spec *spec, struct mf_text domain,
    struct mf_text checked, bool v6, char out[static SPF_NAME_SIZE],
    size_t *len)
{
	const struct macro_values_ values = {
	    .domain = domain, .sender_domain = checked, .ip.v6 = v6};
	struct mf_text name = spec->text.len != 0 ? spec->text : domain;

	if (spec->macros) {
		if (has_other_letter(name, "dov"))
			return SPF_NAMING_VARIES;
		return macro_expand_domain_(name, &values, out, len)
		    ? SPF_NAMING_KNOWN
		    : SPF_NAMING_NEVER;
	}
	if (spec->text.len != 0 && !spec->usable)
		return SPF_NAMING_NEVER;
	memcpy(out, name.p, name.len);
	out[name.len] = '\0';
	*len = name.len;
	return SPF_NAMING_KNOWN;
}

void
macro_expand_text_(struct mf_text spec, const struct macro_values_ *values,
    char out[static SPF_TEXT_SIZE])
{
	struct build b;

	build_begin(&b, MACRO_IN_TEXT_);
	build(&b, spec, values);
	struct mf_text text =
	    text_head(mf_text_at(b.text, b.len), SPF_TEXT_MAX);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.p[i];

		/* Values come from the wire; the text goes into a reply. */
		out[i] =
		    ascii_is_control(c) || (unsigned char)c >= 0x80 ? '?' : c;
	}
	out[text.len] = '\0';
}

/* SPDX-License-Identifier: ISC */
/*
 * Text is read by view and written by a bounded writer.
 *
 * The header that the libraries share with the daemons.  Nothing here
 * allocates, depends on the locale or needs a NUL.  Case folding is ASCII's:
 * octets above 0x7f are never touched, so UTF-8 passes through unharmed.
 */
#ifndef MAILFROM_COMMON_TEXT_H
#define MAILFROM_COMMON_TEXT_H

#include <mailfrom/text.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The part of t from octet `from` on; empty if t is shorter. */
static inline struct mf_text
text_from(struct mf_text t, size_t from)
{
	if (from >= t.len)
		return (struct mf_text){t.p, 0};
	return (struct mf_text){t.p + from, t.len - from};
}

/* The first len octets of t, or all of it. */
static inline struct mf_text
text_head(struct mf_text t, size_t len)
{
	return (struct mf_text){t.p, len < t.len ? len : t.len};
}

static inline char
ascii_lower(char c)
{
	return (char)(c | ((unsigned char)(c - 'A') < 26) << 5);
}

static inline char
ascii_upper(char c)
{
	return (char)(c & ~(((unsigned char)(c - 'a') < 26) << 5));
}

/* ascii_lower() of eight octets at once. */
static inline void
ascii_lower_8(char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	uint64_t low7 = w & ones * 0x7f;
	uint64_t from_a = low7 + ones * (0x80 - 'A');
	uint64_t past_z = low7 + ones * (0x7f - 'Z');
	w |= ((from_a ^ past_z) & ~w & ones * 0x80) >> 2;
	memcpy(p, &w, sizeof(w));
}

/* Fold the len octets at p; the last eight overlap, which does no harm. */
static inline void
ascii_lower_all(char *p, size_t len)
{
	if (len < 8) {
		for (size_t i = 0; i < len; i++)
			p[i] = ascii_lower(p[i]);
		return;
	}
	for (size_t i = 0; i + 8 < len; i += 8)
		ascii_lower_8(p + i);
	ascii_lower_8(p + len - 8);
}

static inline bool
ascii_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
ascii_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Octets that would end or forge a line in a log, a header or SMTP. */
static inline bool
ascii_is_control(char c)
{
	return (unsigned char)c < 0x20 || (unsigned char)c == 0x7f;
}

/* True if all octets are printable ASCII, the blank included. */
static inline bool
text_is_printable(struct mf_text t)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t bad = 0;

	if (t.len < 8) {
		for (size_t i = 0; i < t.len; i++)
			if ((unsigned char)(t.p[i] - ' ') > '~' - ' ')
				return false;
		return true;
	}
	/* Eight at once: below " ", DEL, or above 0x7f; the last overlap. */
	for (size_t i = 0;; i += 8) {
		size_t at = i + 8 < t.len ? i : t.len - 8;
		uint64_t w;

		memcpy(&w, t.p + at, sizeof(w));
		uint64_t del = w ^ ones * 0x7f;
		bad |= ((w - ones * ' ') & ~w) | ((del - ones) & ~del) | w;
		if (at == t.len - 8)
			return (bad & ones * 0x80) == 0;
	}
}

static inline bool
text_is_ascii(struct mf_text t)
{
	unsigned char all = 0;

	if (text_is_printable(t))
		return true;
	for (size_t i = 0; i < t.len; i++)
		all |= (unsigned char)t.p[i];
	return all < 0x80;
}

static inline bool
text_has_control(struct mf_text t)
{
	if (text_is_printable(t))
		return false;
	for (size_t i = 0; i < t.len; i++)
		if (ascii_is_control(t.p[i]))
			return true;
	return false;
}

/*
 * Length of the UTF-8 character of two octets and more that t begins with; 0 if
 * it is none (RFC 3629: no overlong forms, no surrogates, nothing past
 * U+10FFFF).  t must not be empty.
 */
static inline size_t
text_utf8_len(struct mf_text t)
{
	const unsigned char *p = (const unsigned char *)t.p;
	size_t len = 0;

	if (p[0] >= 0xc2 && p[0] < 0xf5)
		len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (len == 0 || len > t.len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
		return 0;
	return len;
}

/* How often c occurs in t. */
static inline size_t
text_count(struct mf_text t, char c)
{
	size_t count = 0;

	for (const char *p = t.p, *end = t.p + t.len;
	     p != end && (p = memchr(p, c, (size_t)(end - p))) != NULL; p++)
		count++;
	return count;
}

/* Order by octets, shorter first among equals. */
static inline int
text_cmp(struct mf_text a, struct mf_text b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = n != 0 ? memcmp(a.p, b.p, n) : 0;

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* Order by ASCII-folded octets, shorter first among equals: for sorting. */
static inline int
text_cmp_fold(struct mf_text a, struct mf_text b)
{
	size_t n = a.len < b.len ? a.len : b.len;

	for (size_t i = 0; i < n; i++) {
		unsigned char x = (unsigned char)ascii_lower(a.p[i]);
		unsigned char y = (unsigned char)ascii_lower(b.p[i]);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

static inline bool
text_eq_fold(struct mf_text a, struct mf_text b)
{
	return a.len == b.len && text_cmp_fold(a, b) == 0;
}

static inline bool
text_starts(struct mf_text t, struct mf_text prefix)
{
	return t.len >= prefix.len &&
	    mf_text_eq(text_head(t, prefix.len), prefix);
}

static inline bool
text_starts_fold(struct mf_text t, struct mf_text prefix)
{
	return t.len >= prefix.len &&
	    text_eq_fold(text_head(t, prefix.len), prefix);
}

static inline bool
text_ends_fold(struct mf_text t, struct mf_text suffix)
{
	return t.len >= suffix.len &&
	    text_eq_fold(text_from(t, t.len - suffix.len), suffix);
}

/* Position of the first c, or t.len. */
static inline size_t
text_find(struct mf_text t, char c)
{
	const char *hit =
	    t.len != 0 ? memchr(t.p, (unsigned char)c, t.len) : NULL;

	return hit != NULL ? (size_t)(hit - t.p) : t.len;
}

/* Position of the last c, or t.len. */
static inline size_t
text_rfind(struct mf_text t, char c)
{
	for (const char *p = t.p + t.len; p != t.p;)
		if (*--p == c)
			return (size_t)(p - t.p);
	return t.len;
}

/*
 * t without the labels on its left that make it longer than max, as RFC 7208
 * 7.3 cuts names; the last label stays, even if it is longer.
 */
static inline struct mf_text
text_last_labels(struct mf_text t, size_t max)
{
	while (t.len > max) {
		size_t dot = text_find(t, '.');

		if (dot == t.len)
			break;
		t = text_from(t, dot + 1);
	}
	return t;
}

/*
 * Cut t at its first c: the part before goes to *head, the part behind it
 * stays in *t.  False, and nothing changed, if t has no c.
 */
static inline bool
text_cut(struct mf_text *t, char c, struct mf_text *head)
{
	size_t at = text_find(*t, c);

	if (at == t->len)
		return false;
	*head = text_head(*t, at);
	*t = text_from(*t, at + 1);
	return true;
}

/* <a@b>, as SMTP has an address, as a@b. */
static inline struct mf_text
text_without_brackets(struct mf_text t)
{
	if (t.len >= 2 && t.p[0] == '<' && t.p[t.len - 1] == '>')
		return mf_text_at(t.p + 1, t.len - 2);
	return t;
}

/* t without blanks (space, tab, CR, LF) at either end. */
static inline struct mf_text
text_trim(struct mf_text t)
{
	while (t.len > 0 &&
	    (ascii_is_blank(t.p[0]) || t.p[0] == '\r' || t.p[0] == '\n'))
		t = text_from(t, 1);
	while (t.len > 0 &&
	    (ascii_is_blank(t.p[t.len - 1]) || t.p[t.len - 1] == '\r' ||
		t.p[t.len - 1] == '\n'))
		t.len--;
	return t;
}

/*
 * Decimal digits and nothing else, at most max.  False, and *out untouched,
 * on anything else: sign, blank, empty, too large.
 */
static inline bool
text_uint(struct mf_text t, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (t.len == 0)
		return false;
	for (size_t i = 0; i < t.len; i++) {
		uint64_t digit = (uint64_t)(t.p[i] - '0');

		if (!ascii_is_digit(t.p[i]) || n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	if (n > max)
		return false;
	*out = n;
	return true;
}

/*
 * A writer over the caller's buffer.  What doesn't fit sets `full`, which
 * stays set: write everything, then ask once.  len counts what was written
 * and never passes size.
 */
struct text_out {
	char *p;
	size_t size;
	size_t len;
	bool full;
};

static inline struct text_out
text_out(char *p, size_t size)
{
	return (struct text_out){p, size, 0, false};
}

static inline void
out_char(struct text_out *out, char c)
{
	if (out->full || out->len == out->size) {
		out->full = true;
		return;
	}
	out->p[out->len++] = c;
}

static inline void
out_text(struct text_out *out, struct mf_text t)
{
	if (out->full || t.len > out->size - out->len) {
		out->full = true;
		return;
	}
	if (t.len != 0)
		memcpy(out->p + out->len, t.p, t.len);
	out->len += t.len;
}

static inline void
out_str(struct text_out *out, const char *s)
{
	out_text(out, mf_text_of(s));
}

static inline void
out_uint(struct text_out *out, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	out_text(out, mf_text_at(digits + at, sizeof(digits) - at));
}

static inline struct mf_text
out_view(const struct text_out *out)
{
	return (struct mf_text){out->p, out->len};
}

#endif

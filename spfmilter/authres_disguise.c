/* SPDX-License-Identifier: ISC */
#include "spfmilter/authres_disguise.h"

static bool
is_blank(char c)
{
	return ascii_is_blank(c) || c == '\r' || c == '\n';
}

static int
hex_digit(char c)
{
	c = ascii_lower(c);
	if (ascii_is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The octet that two hexadecimal digits at `at` of t stand for; -1: none. */
static int
hex_octet(struct mf_text t, size_t at)
{
	int high, low;

	if (t.len < 2 || at > t.len - 2)
		return -1;
	high = hex_digit(t.p[at]);
	low = hex_digit(t.p[at + 1]);
	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/* --- RFC 2047 --- */

enum charset {
	CHARSET_UTF8,
	CHARSET_LATIN1,
	CHARSET_ASCII_AND_MORE, /* octets above 0x7f could be anything */
	CHARSET_OTHER           /* all of them could */
};

static enum charset
charset_of(struct mf_text name)
{
	static const struct {
		const char *start;
		size_t more; /* octets that may follow, in a family */
		enum charset charset;
	} known[] = {
	    {"utf-8", 0, CHARSET_UTF8},
	    {"utf8", 0, CHARSET_UTF8},
	    {"iso-8859-1", 0, CHARSET_LATIN1},
	    {"latin1", 0, CHARSET_LATIN1},
	    {"us-ascii", 0, CHARSET_ASCII_AND_MORE},
	    {"ascii", 0, CHARSET_ASCII_AND_MORE},
	    {"iso-8859-", 2, CHARSET_ASCII_AND_MORE},
	    {"windows-125", 1, CHARSET_ASCII_AND_MORE},
	    {"cp125", 1, CHARSET_ASCII_AND_MORE},
	    {"koi8-", 2, CHARSET_ASCII_AND_MORE},
	    {"unknown-8bit", 0, CHARSET_ASCII_AND_MORE},
	};

	/* A language may follow (RFC 2231 5). */
	name = text_head(name, text_find(name, '*'));
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct mf_text start = mf_text_of(known[i].start);

		if (text_starts_fold(name, start) &&
		    name.len <= start.len + known[i].more)
			return known[i].charset;
	}
	return CHARSET_OTHER;
}

static void
put_octet(struct text_out *out, enum charset charset, unsigned octet)
{
	if (octet < 0x80)
		out_char(out, (char)octet);
	else if (charset == CHARSET_LATIN1) {
		out_char(out, (char)(0xc0 | octet >> 6));
		out_char(out, (char)(0x80 | (octet & 0x3f)));
	} else if (charset == CHARSET_UTF8 && (char)octet != AUTHRES_ANY)
		out_char(out, (char)octet);
	else
		out_char(out, AUTHRES_ANY);
}

static void
put_quoted(struct mf_text t, enum charset charset, struct text_out *out)
{
	for (size_t i = 0; i < t.len; i++) {
		int octet = t.p[i] == '=' ? hex_octet(t, i + 1) : -1;

		if (octet >= 0) {
			put_octet(out, charset, (unsigned)octet);
			i += 2;
		} else
			put_octet(out, charset,
			    t.p[i] == '_' ? ' ' : (unsigned char)t.p[i]);
	}
}

static int
base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_is_digit(c))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static void
put_base64(struct mf_text t, enum charset charset, struct text_out *out)
{
	unsigned bits = 0, count = 0;
	bool ended = false;

	for (size_t i = 0; i < t.len; i++) {
		int digit = base64_digit(t.p[i]);

		ended = ended || t.p[i] == '=';
		/* Another alphabet's, or behind the end: who knows? */
		if ((digit >= 0 && ended) || t.p[i] == '-' || t.p[i] == '_')
			out_char(out, AUTHRES_ANY);
		if (digit < 0 || ended)
			continue;
		bits = (bits << 6 | (unsigned)digit) & 0xffff;
		count += 6;
		if (count >= 8) {
			count -= 8;
			put_octet(out, charset, bits >> count & 0xff);
		}
	}
}

/* An encoded word that t begins with, taken apart; 0: it is none. */
struct word {
	struct mf_text charset, text;
	char encoding; /* 'b', 'q' */
	size_t len;
};

/* *ends: whether "?=" may still come; searched in vain only once. */
static bool
read_word(struct mf_text t, bool *ends, struct word *out)
{
	struct mf_text rest = text_from(t, 2);

	if (!*ends || !text_starts(t, MF_TEXT("=?")) ||
	    !text_cut(&rest, '?', &out->charset) || rest.len < 2 ||
	    rest.p[1] != '?')
		return false;
	out->encoding = ascii_lower(rest.p[0]);
	if (out->encoding != 'b' && out->encoding != 'q')
		return false;
	rest = text_from(rest, 2);
	for (size_t at = 0; at + 1 < rest.len; at++)
		if (rest.p[at] == '?' && rest.p[at + 1] == '=') {
			out->text = text_head(rest, at);
			out->len = (size_t)(rest.p - t.p) + at + 2;
			return true;
		}
	*ends = false;
	return false;
}

static void
put_word(const struct word *word, struct text_out *out)
{
	enum charset charset = charset_of(word->charset);

	if (charset == CHARSET_OTHER)
		out_char(out, AUTHRES_ANY);
	else if (word->encoding == 'q')
		put_quoted(word->text, charset, out);
	else
		put_base64(word->text, charset, out);
}

bool
authres_undo_words(struct mf_text t, bool glue, struct text_out *out)
{
	bool any = false, ends = true;
	bool is_behind = false; /* but for blanks, a word */
	size_t text_end = 0;    /* of out, without blanks that came last */
	struct word word;

	while (t.len != 0) {
		if (read_word(t, &ends, &word)) {
			if (is_behind || glue)
				out->len = text_end;
			put_word(&word, out);
			text_end = out->len;
			any = is_behind = true;
			t = text_from(t, word.len);
			continue;
		}
		if (!is_blank(t.p[0])) {
			if (is_behind && glue)
				out->len = text_end;
			is_behind = false;
		}
		out_char(out, t.p[0]);
		if (!is_blank(t.p[0]))
			text_end = out->len;
		t = text_from(t, 1);
	}
	return any;
}

bool
authres_undo_percent(struct mf_text t, struct text_out *out)
{
	bool any = false;

	for (size_t i = 0; i < t.len; i++) {
		int octet = t.p[i] == '%' ? hex_octet(t, i + 1) : -1;

		out_char(out, octet < 0 ? t.p[i] : (char)octet);
		any = any || octet >= 0;
		i += octet < 0 ? 0 : 2;
	}
	return any;
}

/* --- Unicode --- */

static uint32_t
code_point(struct mf_text t, size_t len)
{
	static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	uint32_t c = (unsigned char)t.p[0] & masks[len];

	for (size_t i = 1; i < len; i++)
		c = c << 6 | ((unsigned char)t.p[i] & 0x3f);
	return c;
}

/* What a range of characters is to readers that fold; "": nothing. */
static const struct {
	uint32_t first, last;
	const char *text;
} folds[] = {
    {0x85, 0x85, " "},
    {0xa0, 0xa0, " "},
    {0xad, 0xad, ""},
    {0xdf, 0xdf, "ss"},
    {0x130, 0x131, "i"},
    {0x17f, 0x17f, "s"},
    {0x34f, 0x34f, ""},
    {0x37e, 0x37e, ";"},
    {0x61c, 0x61c, ""},
    {0x1680, 0x1680, " "},
    {0x180b, 0x180f, ""},
    {0x1e9e, 0x1e9e, "ss"},
    {0x2000, 0x200a, " "},
    {0x200b, 0x200f, ""},
    {0x2024, 0x2024, "."},
    {0x2028, 0x2029, " "},
    {0x202a, 0x202e, ""},
    {0x202f, 0x202f, " "},
    {0x205f, 0x205f, " "},
    {0x2060, 0x206f, ""},
    {0x212a, 0x212a, "k"},
    {0x3000, 0x3000, " "},
    {0x3002, 0x3002, "."},
    {0xfe00, 0xfe0f, ""},
    {0xfe52, 0xfe52, "."},
    {0xfe54, 0xfe54, ";"},
    {0xfeff, 0xfeff, ""},
    {0xff61, 0xff61, "."},
    {0xfff9, 0xfffb, ""},
    {0xe0000, 0xe0fff, ""},
};

static const char *
fold_of(uint32_t c)
{
	for (size_t i = 0; i < sizeof(folds) / sizeof(folds[0]); i++)
		if (c >= folds[i].first && c <= folds[i].last)
			return folds[i].text;
	return NULL;
}

/* The letter or digit that is written in another style; '\0': none. */
static char
plain_of(uint32_t c)
{
	if (c >= 0xff01 && c <= 0xff5e)
		return (char)(c - 0xff01 + '!');
	if (c >= 0x24b6 && c <= 0x24e9)
		return (char)((c - 0x24b6) % 26 + 'a');
	if (c >= 0x1d400 && c <= 0x1d6a3)
		return (char)((c - 0x1d400) % 26 + 'a');
	if (c >= 0x1d7ce && c <= 0x1d7ff)
		return (char)((c - 0x1d7ce) % 10 + '0');
	return '\0';
}

static void
fold_character(struct mf_text t, struct text_out *out)
{
	uint32_t c = code_point(t, t.len);
	const char *text = fold_of(c);

	if (text != NULL)
		out_str(out, text);
	else if (plain_of(c) != '\0')
		out_char(out, ascii_lower(plain_of(c)));
	else
		out_text(out, t);
}

void
authres_fold(struct mf_text t, struct text_out *out)
{
	while (t.len != 0) {
		size_t len =
		    (unsigned char)t.p[0] < 0x80 ? 0 : text_utf8_len(t);

		if (len != 0)
			fold_character(text_head(t, len), out);
		else if (!ascii_is_control(t.p[0]) || is_blank(t.p[0]))
			out_char(out, ascii_lower(t.p[0]));
		t = text_from(t, len != 0 ? len : 1);
	}
}

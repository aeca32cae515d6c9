/* SPDX-License-Identifier: ISC */
#include "common/escape.h"

#include <langinfo.h>
#include <locale.h>

/*
 * Cc, Cf, Zl and Zp of Unicode 15.1, in order.  tests/spfquery compares them
 * with Python's.
 */
static const struct {
	uint32_t first, last;
} ranges[] = {
    {0x0000, 0x001f}, /* C0 */
    {0x007f, 0x009f}, /* DEL and C1 */
    {0x00ad, 0x00ad}, /* soft hyphen */
    {0x0600, 0x0605}, /* Arabic number signs */
    {0x061c, 0x061c}, /* Arabic letter mark */
    {0x06dd, 0x06dd}, /* Arabic end of ayah */
    {0x070f, 0x070f}, /* Syriac abbreviation mark */
    {0x0890, 0x0891}, /* Arabic pound and piastre marks */
    {0x08e2, 0x08e2}, /* Arabic disputed end of ayah */
    {0x180e, 0x180e}, /* Mongolian vowel separator */
    {0x200b, 0x200f}, /* zero width, marks of direction */
    {0x2028, 0x202e}, /* line and paragraph separator, embeddings, overrides */
    {0x2060, 0x2064}, /* word joiner, invisible operators */
    {0x2066, 0x206f}, /* isolates, deprecated controls */
    {0xfeff, 0xfeff}, /* byte order mark */
    {0xfff9, 0xfffb}, /* interlinear annotation */
    {0x110bd, 0x110bd},                     /* Kaithi number signs */
    {0x110cd, 0x110cd}, {0x13430, 0x1343f}, /* Egyptian hieroglyph joiners */
    {0x1bca0, 0x1bca3},                     /* shorthand format controls */
    {0x1d173, 0x1d17a},                     /* musical beams, ties and slurs */
    {0xe0001, 0xe0001},                     /* language tag */
    {0xe0020, 0xe007f},                     /* tags */
};

bool
escape_is_needed(uint32_t code)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (code <= ranges[i].last)
			return code >= ranges[i].first;
	return false;
}

/*
 * Octets of the character that t begins with, which must not be empty, and its
 * code; 0: it isn't UTF-8.
 */
static size_t
decode(struct mf_text t, uint32_t *code)
{
	const unsigned char *p = (const unsigned char *)t.p;
	size_t len = p[0] < 0x80 ? 1 : text_utf8_len(t);

	if (len == 0)
		return 0;
	*code = len == 1 ? p[0] : p[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++)
		*code = *code << 6 | (p[i] & 0x3fu);
	return len;
}

/* --- terminals --- */

bool
escape_terminal_utf8(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
	bool utf8;

	if (locale == (locale_t)0)
		return false;
	utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
	freelocale(locale);
	return utf8;
}

static void
put_octets(FILE *to, struct mf_text t)
{
	for (size_t i = 0; i < t.len; i++)
		fprintf(to, "\\x%02x", (unsigned char)t.p[i]);
}

void
escape_terminal(FILE *to, struct mf_text t)
{
	/* Asked when it matters, as most text is ASCII. */
	bool utf8 = !text_is_ascii(t) && escape_terminal_utf8();

	while (t.len != 0) {
		uint32_t code = 0;
		size_t len = decode(t, &code);

		if (len == 0) {
			put_octets(to, text_head(t, 1));
			len = 1;
		} else if (code == '\\')
			fputs("\\\\", to);
		else if (escape_is_needed(code) || (len > 1 && !utf8))
			put_octets(to, text_head(t, len));
		else
			fwrite(t.p, 1, len, to);
		t = text_from(t, len);
	}
}

/* --- JSON --- */

static void
put_json_code(FILE *to, uint32_t code)
{
	if (code == '\n')
		fputs("\\n", to);
	else if (code == '\t')
		fputs("\\t", to);
	else if (code < 0x10000)
		fprintf(to, "\\u%04x", (unsigned)code);
	else
		fprintf(to, "\\u%04x\\u%04x",
		    0xd800u + (unsigned)((code - 0x10000) >> 10),
		    0xdc00u + (unsigned)((code - 0x10000) & 0x3ff));
}

void
escape_json(FILE *to, struct mf_text t)
{
	putc('"', to);
	while (t.len != 0) {
		uint32_t code = 0xfffd;
		size_t len = decode(t, &code);

		if (len == 0 || escape_is_needed(code))
			put_json_code(to, code);
		else if (code == '"' || code == '\\')
			fprintf(to, "\\%c", (int)code);
		else
			fwrite(t.p, 1, len, to);
		t = text_from(t, len != 0 ? len : 1);
	}
	putc('"', to);
}

/* --- HTML --- */

static void
put_html_code(FILE *to, uint32_t code)
{
	switch (code) {
	case '&':
		fputs("&amp;", to);
		break;
	case '<':
		fputs("&lt;", to);
		break;
	case '>':
		fputs("&gt;", to);
		break;
	case '"':
		fputs("&quot;", to);
		break;
	case '\'':
		fputs("&#39;", to);
		break;
	default:
		fprintf(to, "\\u%04x", (unsigned)code);
	}
}

void
escape_html(FILE *to, struct mf_text t)
{
	while (t.len != 0) {
		uint32_t code = 0;
		size_t len = decode(t, &code);

		if (len == 0) {
			fputs("\uFFFD", to);
			len = 1;
		} else if (escape_is_needed(code) ||
		    (len == 1 && strchr("&<>\"'", (int)code) != NULL))
			put_html_code(to, code);
		else
			fwrite(t.p, 1, len, to);
		t = text_from(t, len);
	}
}

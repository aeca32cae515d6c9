/* SPDX-License-Identifier: ISC */
/*
 * spfmilter/authres.h: any field and any authserv-id.
 *
 * Input: an octet of length, the id, the field.  Fields that are plainly ours
 * are ours, whatever the id is; ones that plainly belong to another aren't.
 */
#include "spfmilter/authres.h"
#include "tests/fuzz/fuzz.h"

#define ROOM 8192

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A token of ASCII, nothing in it to undo, and no dot at its end. */
static bool
is_simple(struct mf_text t)
{
	for (size_t i = 0; i < t.len; i++)
		if (t.p[i] <= ' ' || t.p[i] > '~' ||
		    strchr("()<>@,;:\\\"/[]?=%", t.p[i]) != NULL)
			return false;
	return t.len != 0 && t.p[t.len - 1] != '.';
}

static struct mf_text
skip_blanks(struct mf_text t)
{
	while (t.len != 0 && is_blank(t.p[0]))
		t = text_from(t, 1);
	return t;
}

/* "id;" or "id 1;" with blanks and nothing else: *out is the id. */
static bool
read_simple(struct mf_text value, struct mf_text *out)
{
	struct mf_text rest = skip_blanks(value);
	size_t len = 0;
	uint64_t version;

	while (len < rest.len && !is_blank(rest.p[len]) && rest.p[len] != ';')
		len++;
	*out = text_head(rest, len);
	rest = skip_blanks(text_from(rest, len));
	for (len = 0; len < rest.len && ascii_is_digit(rest.p[len]);)
		len++;
	if (len != 0 && !text_uint(text_head(rest, len), 9, &version))
		return false;
	rest = skip_blanks(text_from(rest, len));
	return is_simple(*out) && (rest.len == 0 || rest.p[0] == ';');
}

static void
check_form(struct mf_text id, const char *before, bool quoted,
    const char *behind, struct mf_text field)
{
	static char room[ROOM];
	struct text_out o = text_out(room, sizeof(room));

	out_str(&o, before);
	if (!quoted)
		out_text(&o, id);
	else {
		out_char(&o, '"');
		for (size_t i = 0; i < id.len; i++) {
			out_char(&o, '\\');
			out_char(&o, ascii_upper(id.p[i]));
		}
		out_char(&o, '"');
	}
	out_str(&o, behind);
	out_text(&o, field);
	FUZZ_CHECK(o.full || authres_is_of(out_view(&o), id));
}

static void
check_ours(struct mf_text written, struct mf_text id, struct mf_text field)
{
	static char room[ROOM];
	struct text_out o = text_out(room, sizeof(room));

	out_text(&o, written);
	out_char(&o, ';');
	out_text(&o, field);
	FUZZ_CHECK(o.full || authres_is_of(out_view(&o), id));
}

/* As an encoded word, in percents, and in wide letters. */
static void
check_disguised(struct mf_text id, struct mf_text field)
{
	static char room[3][ROOM];
	struct text_out q = text_out(room[0], ROOM),
			p = text_out(room[1], ROOM),
			w = text_out(room[2], ROOM);
	static const char hex[] = "0123456789ABCDEF";

	out_str(&q, "=?utf-8?q?");
	for (size_t i = 0; i < id.len; i++) {
		unsigned c = (unsigned char)id.p[i];

		out_char(&q, '=');
		out_char(&p, '%');
		for (int shift = 4; shift >= 0; shift -= 4) {
			out_char(&q, hex[c >> shift & 15]);
			out_char(&p, hex[c >> shift & 15]);
		}
		/* U+FF01 to U+FF5E */
		out_char(&w, '\xef');
		out_char(&w, (char)(0xbc + (c - '!' + 1) / 64));
		out_char(&w, (char)(0x80 + (c - '!' + 1) % 64));
	}
	out_str(&q, "?=");
	check_ours(out_view(&q), id, field);
	check_ours(out_view(&p), id, field);
	check_ours(out_view(&w), id, field);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text input = mf_text_at((const char *)data, size), other;
	size_t len = fuzz_octet(&input);
	struct mf_text id = text_head(input, len),
		       field = text_from(input, id.len);
	bool ours = authres_is_of(field, id);

	FUZZ_CHECK(!authres_is_of(field, MF_TEXT("")));
	if (is_simple(id)) {
		check_form(id, "", false, ";", field);
		check_form(id, "\r\n\t", false, "\r\n 1\r\n;", field);
		check_form(id, "(a (b) \\() ", false, "(c) 1 (d); ", field);
		check_form(id, "", true, " ; ", field);
		check_form(id, " (\") ", true, "(\")", MF_TEXT("; none"));
		check_form(id, "", false, ".;", field);
		check_form(id, "\xc2\xa0", false, "\xc2\xa0;", field);
		check_form(id, "x/", false, "/y;", field);
		if (text_count(field, ')') == 0)
			check_form(id, "(not closed ", false, ";", field);
	}
	if (is_simple(id))
		check_disguised(id, field);
	if (is_simple(id) && read_simple(field, &other))
		FUZZ_CHECK(ours == text_eq_fold(id, other));
	return 0;
}

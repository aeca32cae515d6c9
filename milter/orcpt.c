/* SPDX-License-Identifier: ISC */
#include "milter/orcpt.h"

#include "milter/path.h"

/* RFC 3461 4.2: a value has at most 500 characters. */
#define ORCPT_MAX 500

/* The number that hex digits in upper case write (RFC 3461 4, RFC 6533 3). */
static bool
read_hex(struct mf_text digits, uint32_t *out)
{
	*out = 0;
	for (size_t i = 0; i < digits.len; i++) {
		char c = digits.p[i];

		if (ascii_is_digit(c))
			*out = *out << 4 | (uint32_t)(c - '0');
		else if (c >= 'A' && c <= 'F')
			*out = *out << 4 | (uint32_t)(c - 'A' + 10);
		else
			return false;
	}
	return digits.len != 0;
}

/* xtext: "+" and two digits stand for an octet. */
static bool
decode_xtext(struct mf_text t, struct text_out *out)
{
	uint32_t octet;

	while (t.len != 0) {
		bool is_encoded = t.p[0] == '+';

		if (is_encoded &&
		    (t.len < 3 ||
			!read_hex(text_head(text_from(t, 1), 2), &octet)))
			return false;
		out_char(out, is_encoded ? (char)octet : t.p[0]);
		t = text_from(t, is_encoded ? 3 : 1);
	}
	return true;
}

static void
out_utf8(struct text_out *out, uint32_t c)
{
	if (c < 0x80) {
		out_char(out, (char)c);
		return;
	}
	if (c >= 0x10000) {
		out_char(out, (char)(0xf0 | c >> 18));
		out_char(out, (char)(0x80 | (c >> 12 & 0x3f)));
	} else if (c >= 0x800)
		out_char(out, (char)(0xe0 | c >> 12));
	if (c >= 0x800)
		out_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
	else
		out_char(out, (char)(0xc0 | c >> 6));
	out_char(out, (char)(0x80 | (c & 0x3f)));
}

/* RFC 6533 3: "\x{" and two to six digits stand for a character. */
static bool
decode_unitext(struct mf_text t, struct text_out *out)
{
	while (t.len != 0) {
		struct mf_text digits;
		uint32_t character;

		if (t.p[0] != '\\') {
			out_char(out, t.p[0]);
			t = text_from(t, 1);
			continue;
		}
		if (!text_starts(t, MF_TEXT("\\x{")))
			return false;
		t = text_from(t, 3);
		if (!text_cut(&t, '}', &digits) || digits.len > 6 ||
		    !read_hex(digits, &character) || character > 0x10ffff)
			return false;
		out_utf8(out, character);
	}
	return true;
}

static bool
decode(struct mf_text value, struct text_out *out)
{
	struct mf_text type;

	if (value.len > ORCPT_MAX || !text_cut(&value, ';', &type))
		return false;
	if (text_eq_fold(type, MF_TEXT("rfc822")))
		return decode_xtext(value, out);
	return text_eq_fold(type, MF_TEXT("utf-8")) &&
	    decode_unitext(value, out);
}

struct mf_text
orcpt_domain(char *const *parameters, char room[static DOMAIN_MAX])
{
	const struct mf_text name = MF_TEXT("ORCPT=");
	char store[ORCPT_MAX];
	struct text_out address = text_out(store, sizeof(store));
	struct text_out domain = text_out(room, DOMAIN_MAX);
	const char *why;

	for (; *parameters != NULL; parameters++) {
		struct mf_text parameter = mf_text_of(*parameters);

		if (!text_starts_fold(parameter, name))
			continue;
		if (decode(text_from(parameter, name.len), &address) &&
		    !address.full &&
		    domain_read(path_domain(out_view(&address)), &domain, &why))
			return out_view(&domain);
		break;
	}
	return MF_TEXT("");
}

/* SPDX-License-Identifier: ISC */
/*
 * milter/received.h: any field, and any words of a client in a host's field.
 *
 * Input: an octet that chooses the host's form, then what the client says, once
 * as a field of its own.  Whatever it says, and however little its host cares,
 * no other address than the client's comes out.
 */
#include "milter/received.h"
#include "tests/fuzz/fuzz.h"

#define BY                                                           \
	"\n\tby r.example (Product 1.0) with ESMTP id 1A(2)\n\tfor " \
	"<u@r.example>; Wed, 25 Nov 2026 16:20:30 +0000 (UTC)"

/* The client is 6.6.6.6; "$" is what it says. */
static const char *const forms[] = {
    "from $ (name.example [6.6.6.6])" BY,
    "from $ ([6.6.6.6])" BY,
    "from $ (6.6.6.6)" BY,
    "from $ [6.6.6.6]" BY,
    "from helo.example ($ [6.6.6.6])" BY,
    "from helo.example ($ [6.6.6.6] (may be forged))" BY,
    "from helo.example (IDENT:$@name.example [6.6.6.6])" BY,
    "from helo.example (IDENT:$@[6.6.6.6])" BY,
    "(from $ [6.6.6.6])" BY,
    "from [6.6.6.6] (helo=$)" BY,
    "from [6.6.6.6] (helo=a ident=$)" BY,
    "from [6.6.6.6] (port=25 helo=$)" BY,
    "from $ ([6.6.6.6] helo=a)" BY,
    "from name.example ([6.6.6.6] helo=$)" BY,
    "from name.example ([6.6.6.6]:25 helo=a ident=$)" BY,
    "from unknown (HELO $) (6.6.6.6)" BY,
    "from $ (HELO a) (6.6.6.6)" BY,
    "from name.example (HELO a) ($@6.6.6.6)" BY,
    "from name.example (HELO $) ([6.6.6.6])" BY,
    "from a (b [6.6.6.6]) (Client CN \"$\", Issuer \"y\" (verified OK))" BY,
    "from a (b [6.6.6.6]) (Authenticated sender: $)" BY,
    "from $ (b [6.6.6.6]) (AUTH: LOGIN a)" BY,
    "from a (b [6.6.6.6])\n\tby r.example with ESMTP\n\tfor <$>; Wed",
    "from a (b [6.6.6.6])\n\tby r.example with ESMTP id $; Wed",
};

#define FORMS (sizeof(forms) / sizeof(forms[0]))

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
check_helo(struct mf_text helo, struct mf_text value)
{
	FUZZ_CHECK(helo.len == 0 ||
	    (helo.p >= value.p && helo.p + helo.len <= value.p + value.len));
	for (size_t i = 0; i < helo.len; i++)
		FUZZ_CHECK(!is_blank(helo.p[i]) || helo.p[i - 1] == '\\');
}

/* A field that is the client's as a whole. */
static void
check_any(struct mf_text value)
{
	struct received out, again;
	size_t size = value.len + 2;
	char *copy = malloc(size);
	bool ok = received_parse(value, &out);

	FUZZ_CHECK(copy != NULL);
	/* Blanks are blanks, and more of them at the ends say nothing. */
	copy[0] = copy[size - 1] = '\t';
	for (size_t i = 0; i < value.len; i++)
		copy[i + 1] = is_blank(value.p[i]) ? ' ' : value.p[i];
	/* Behind a backslash, the end is another octet than a blank. */
	if (value.len == 0 || value.p[value.len - 1] != '\\')
		FUZZ_CHECK(
		    received_parse(mf_text_at(copy, size), &again) == ok);
	if (ok) {
		check_helo(out.helo, value);
		FUZZ_CHECK(out.ip.v6 ||
		    memcmp(out.ip.octets + 4, "\0\0\0\0\0\0\0\0\0\0\0", 12) ==
			0);
	}
	free(copy);
}

static void
check_said(const char *form, struct mf_text said)
{
	static char field[4096];
	static const uint8_t client[4] = {6, 6, 6, 6};
	struct text_out o = text_out(field, sizeof(field));
	struct received out;

	for (; *form != '\0'; form++) {
		if (*form == '$')
			out_text(&o, said);
		else
			out_char(&o, *form);
	}
	if (o.full || !received_parse(out_view(&o), &out))
		return;
	FUZZ_CHECK(!out.ip.v6 && memcmp(out.ip.octets, client, 4) == 0);
	check_helo(out.helo, out_view(&o));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text input = mf_text_at((const char *)data, size);
	uint8_t choice = fuzz_octet(&input);

	check_any(input);
	check_said(forms[choice % FORMS], input);
	return 0;
}

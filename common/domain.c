/* SPDX-License-Identifier: ISC */
#include "common/domain.h"

#include <idn2.h>

#define LABEL_MAX 63

static bool
is_letter_or_digit(char c)
{
	c = ascii_lower(c);
	return ascii_is_digit(c) || (c >= 'a' && c <= 'z');
}

static const char *
label_fault(struct mf_text label)
{
	if (label.len == 0)
		return "it has an empty label: two dots in a row, or one at "
		       "the start";
	if (label.len > LABEL_MAX)
		return "it has a label of more than 63 characters";
	for (size_t i = 0; i < label.len; i++)
		if (!is_letter_or_digit(label.p[i]) && label.p[i] != '-' &&
		    label.p[i] != '_')
			return "a domain has letters, digits, \"-\", \"_\" and "
			       "dots only";
	if (label.p[0] == '-' || label.p[label.len - 1] == '-')
		return "a label must not begin or end with \"-\"";
	return NULL;
}

/* Other A-labels than those of IDNA2008 are about, but all are punycode. */
static bool
is_punycode(struct mf_text label)
{
	char copy[LABEL_MAX + 1], *unicode = NULL;
	int status;

	memcpy(copy, label.p, label.len);
	copy[label.len] = '\0';
	status = idn2_to_ascii_8z(
	    copy, &unicode, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
	if (status == IDN2_OK)
		idn2_free(unicode);
	return status != IDN2_PUNYCODE_BAD_INPUT &&
	    status != IDN2_PUNYCODE_BIG_OUTPUT &&
	    status != IDN2_PUNYCODE_OVERFLOW;
}

static const char *
ascii_fault(struct mf_text t)
{
	struct mf_text label;
	bool more = true, is_number = false;

	if (t.len == 0)
		return "it is empty";
	if (t.len > DOMAIN_MAX)
		return "it is longer than 253 characters";
	while (more) {
		const char *fault;
		uint64_t n;

		more = text_cut(&t, '.', &label);
		if (!more)
			label = t;
		fault = label_fault(label);
		if (fault != NULL)
			return fault;
		if (text_starts_fold(label, MF_TEXT("xn--")) &&
		    !is_punycode(label))
			return "it has a label that begins with xn-- and is "
			       "not punycode";
		is_number = text_uint(label, UINT64_MAX, &n);
	}
	return is_number ? "its last label is a number" : NULL;
}

/* From UTF-8; what libidn2 leaves alone is checked as ASCII afterwards. */
static const char *
to_ascii(struct mf_text t, char out[static DOMAIN_MAX + 1], size_t *len)
{
	char copy[4 * DOMAIN_MAX + 1], *ascii = NULL;
	const char *fault = NULL;
	int status;

	if (t.len >= sizeof(copy))
		return "it is longer than 253 characters";
	if (memchr(t.p, '\0', t.len) != NULL)
		return "it has a NUL byte";
	memcpy(copy, t.p, t.len);
	copy[t.len] = '\0';
	status = idn2_to_ascii_8z(
	    copy, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
	if (status == IDN2_MALLOC)
		return "out of memory";
	if (status != IDN2_OK)
		return status == IDN2_ENCODING_ERROR
		    ? "it is not UTF-8"
		    : "it has a character not allowed in domains (IDNA2008)";
	*len = strlen(ascii);
	if (*len > DOMAIN_MAX)
		fault = "it is longer than 253 characters";
	else
		memcpy(out, ascii, *len);
	idn2_free(ascii);
	return fault;
}

bool
domain_read(struct mf_text t, struct text_out *out, const char **why)
{
	char room[DOMAIN_MAX + 1];
	size_t len = 0;

	*why = NULL;
	if (t.len > 1 && t.p[t.len - 1] == '.')
		t.len--;
	if (!text_is_ascii(t)) {
		*why = to_ascii(t, room, &len);
		t = mf_text_at(room, len);
	}
	if (*why == NULL)
		*why = ascii_fault(t);
	if (*why == NULL)
		out_text(out, t);
	return *why == NULL;
}

size_t
domain_labels(struct mf_text domain)
{
	return domain.len == 0 ? 0 : text_count(domain, '.') + 1;
}

struct mf_text
domain_ascii(struct mf_text t, char room[static DOMAIN_MAX + 1])
{
	struct text_out out = text_out(room, DOMAIN_MAX + 1);
	const char *why;

	if (text_is_ascii(t) || !domain_read(t, &out, &why) || out.full)
		return t;
	return out_view(&out);
}

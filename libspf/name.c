/* SPDX-License-Identifier: ISC */
/*
 * Domain names as text: what can be asked for.
 */
#include <idn2.h>

#include "libspf/record_.h"

#include "common/text.h"

#define LABEL_MAX 63

unsigned
name_labels_(struct mf_text t)
{
	unsigned labels = 0;

	if (t.len == 0 || t.len > SPF_NAME_MAX)
		return 0;
	for (;;) {
		size_t label = text_find(t, '.');

		if (label == 0 || label > LABEL_MAX)
			return 0;
		labels++;
		if (label == t.len)
			return labels;
		t = mf_text_at(t.p + label + 1, t.len - label - 1);
	}
}

bool
spf_name_ok(struct mf_text t)
{
	return name_labels_(t) != 0;
}

static int
idn_to_ascii(struct mf_text t, char out[static SPF_NAME_SIZE], size_t *len)
{
	char copy[SPF_SENDER_MAX + 1];
	char *ascii = NULL;
	int status;

	if (t.len > SPF_SENDER_MAX)
		return IDN2_TOO_BIG_DOMAIN;
	memcpy(copy, t.p, t.len);
	copy[t.len] = '\0';
	status = idn2_to_ascii_8z(
	    copy, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
	if (status != IDN2_OK)
		return status;
	*len = strlen(ascii);
	if (*len > SPF_NAME_MAX)
		status = IDN2_TOO_BIG_DOMAIN;
	else
		memcpy(out, ascii, *len);
	idn2_free(ascii);
	return status;
}

unsigned
name_to_ascii_(struct mf_text t, char out[static SPF_NAME_SIZE], size_t *len)
{
	if (t.len != 0 && t.p[t.len - 1] == '.')
		t.len--;
	if (text_is_printable(t)) {
		if (t.len == 0 || t.len > SPF_NAME_MAX)
			return 0;
		memcpy(out, t.p, t.len);
		*len = t.len;
	} else {
		int status = text_has_control(t) ? IDN2_DISALLOWED
						 : idn_to_ascii(t, out, len);

		if (status != IDN2_OK)
			return status == IDN2_MALLOC ? NAME_NO_MEMORY_ : 0;
	}
	ascii_lower_all(out, *len);
	out[*len] = '\0';
	return name_labels_(mf_text_at(out, *len));
}

bool
spf_name_to_ascii(
    struct mf_text text, char out[static SPF_NAME_SIZE], size_t *len)
{
	unsigned labels = name_to_ascii_(text, out, len);

	if (labels == 0 || labels == NAME_NO_MEMORY_) {
		out[0] = '\0';
		*len = 0;
	}
	return labels != NAME_NO_MEMORY_;
}

static bool
is_alnum(char c)
{
	return ascii_is_digit(c) ||
	    (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

bool
name_is_toplabel_(struct mf_text t)
{
	bool all_digits = true;

	if (t.len == 0 || !is_alnum(t.p[0]) || !is_alnum(t.p[t.len - 1]))
		return false;
	for (size_t i = 0; i < t.len; i++) {
		if (!is_alnum(t.p[i]) && t.p[i] != '-')
			return false;
		all_digits = all_digits && ascii_is_digit(t.p[i]);
	}
	return !all_digits;
}

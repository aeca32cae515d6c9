/* SPDX-License-Identifier: ISC */
/*
 * Domain names as text: what can be asked for.
 */
#include <idn2.h>

#include "libspf/record_.h"

#define LABEL_MAX 63

bool
name_ok_(struct text t)
{
	if (t.len == 0 || t.len > SPF_NAME_MAX)
		return false;
	for (;;) {
		size_t label = text_find(t, '.');

		if (label == 0 || label > LABEL_MAX)
			return false;
		if (label == t.len)
			return true;
		t = text_at(t.p + label + 1, t.len - label - 1);
	}
}

static bool
is_ascii(struct text t)
{
	unsigned char all = 0;

	if (text_is_printable(t))
		return true;
	for (size_t i = 0; i < t.len; i++)
		all |= (unsigned char)t.p[i];
	return all < 0x80;
}

static bool
idn_to_ascii(struct text t, char out[static SPF_NAME_SIZE], size_t *len)
{
	char copy[SPF_SENDER_MAX + 1];
	char *ascii = NULL;

	if (t.len > SPF_SENDER_MAX || memchr(t.p, '\0', t.len) != NULL)
		return false;
	memcpy(copy, t.p, t.len);
	copy[t.len] = '\0';
	if (idn2_to_ascii_8z(
		copy, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT) != IDN2_OK)
		return false;
	*len = strlen(ascii);
	bool ok = *len <= SPF_NAME_MAX;
	if (ok)
		memcpy(out, ascii, *len);
	idn2_free(ascii);
	return ok;
}

bool
name_to_ascii_(struct text t, char out[static SPF_NAME_SIZE], size_t *len)
{
	if (t.len != 0 && t.p[t.len - 1] == '.')
		t.len--;
	if (!is_ascii(t)) {
		if (!idn_to_ascii(t, out, len))
			return false;
	} else {
		if (t.len == 0 || t.len > SPF_NAME_MAX)
			return false;
		memcpy(out, t.p, t.len);
		*len = t.len;
	}
	ascii_lower_all(out, *len);
	out[*len] = '\0';
	return name_ok_(text_at(out, *len));
}

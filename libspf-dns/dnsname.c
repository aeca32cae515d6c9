/* SPDX-License-Identifier: ISC */
/*
 * DNS messages: names, and the question.
 */
#include "libspf-dns/dnsmsg_.h"

#include "common/text.h"

bool
dnsmsg_name_(struct mf_text text, struct dnsmsg_name *out)
{
	out->len = 0;
	if (text.len != 0 && text.p[text.len - 1] == '.')
		text.len--;
	if (text.len == 0 || text.len > SPF_NAME_MAX)
		return false;
	while (text.len != 0) {
		struct mf_text label = text_head(text, text_find(text, '.'));

		if (label.len == 0 || label.len > DNSMSG_LABEL_MAX ||
		    label.len + 1 == text.len)
			return false;
		out->wire[out->len++] = (uint8_t)label.len;
		memcpy(out->wire + out->len, label.p, label.len);
		out->len += label.len;
		text = text_from(text, label.len + 1);
	}
	out->wire[out->len++] = 0;
	ascii_lower_all((char *)out->wire, out->len);
	return true;
}

size_t
dnsmsg_name_text_(
    const struct dnsmsg_name *name, char out[static SPF_NAME_SIZE])
{
	size_t len = 0, at = 0, label;

	out[0] = '\0';
	while ((label = name->wire[at++]) != 0) {
		if (memchr(name->wire + at, '.', label) != NULL) {
			out[0] = '\0';
			return 0;
		}
		if (len != 0)
			out[len++] = '.';
		memcpy(out + len, name->wire + at, label);
		len += label;
		at += label;
	}
	out[len] = '\0';
	return len;
}

uint16_t
dnsmsg_type_(enum spf_rr rr)
{
	switch (rr) {
	case SPF_RR_TXT:
		return TYPE_TXT;
	case SPF_RR_A:
		return TYPE_A;
	case SPF_RR_AAAA:
		return TYPE_AAAA;
	case SPF_RR_MX:
		return TYPE_MX;
	case SPF_RR_PTR:
		return TYPE_PTR;
	}
	return 0;
}

static uint8_t *
put_u16(uint8_t *to, unsigned n)
{
	to[0] = (uint8_t)(n >> 8);
	to[1] = (uint8_t)n;
	return to + 2;
}

size_t
dnsmsg_query_(uint16_t id, enum spf_rr rr, const struct dnsmsg_name *name,
    bool edns, uint8_t out[static DNSMSG_QUERY_SIZE])
{
	uint8_t *at = out;

	at = put_u16(at, id);
	at = put_u16(at, FLAG_RECURSION_DESIRED);
	at = put_u16(at, 1); /* question */
	at = put_u16(at, 0);
	at = put_u16(at, 0);
	at = put_u16(at, edns ? 1 : 0);
	memcpy(at, name->wire, name->len);
	at += name->len;
	at = put_u16(at, dnsmsg_type_(rr));
	at = put_u16(at, CLASS_IN);
	if (!edns)
		return (size_t)(at - out);
	*at++ = 0; /* the root */
	at = put_u16(at, TYPE_OPT);
	at = put_u16(at, DNSMSG_UDP_SIZE);
	at = put_u16(at, 0); /* version 0, no flags */
	at = put_u16(at, 0);
	at = put_u16(at, 0);
	return (size_t)(at - out);
}

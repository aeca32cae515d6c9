/* SPDX-License-Identifier: ISC */
#include "libspf-dns/dnscursor.h"

#include "common/text.h"

uint16_t
get_u16_(struct cursor *c)
{
	if (c->bad || c->len - c->at < 2) {
		c->bad = true;
		return 0;
	}
	c->at += 2;
	return (uint16_t)(c->p[c->at - 2] << 8 | c->p[c->at - 1]);
}

uint32_t
get_u32_(struct cursor *c)
{
	uint32_t high = get_u16_(c);

	return high << 16 | get_u16_(c);
}

uint32_t
get_ttl_(struct cursor *c)
{
	uint32_t ttl = get_u32_(c);

	return ttl & UINT32_C(0x80000000) ? 0 : ttl;
}

void
get_name_(struct cursor *c, struct dnsmsg_name *out)
{
	size_t at = c->at, begin = c->at;
	bool jumped = false;
	uint8_t octet;

	out->len = 0;
	do {
		if (c->bad || at >= c->len)
			goto bad;
		if (++c->names->steps > DNSMSG_STEPS_MAX)
			goto bad;
		octet = c->p[at];
		if (octet >= 0xc0) {
			if (c->len - at < 2)
				goto bad;
			size_t to = (octet & 0x3fu) << 8 | c->p[at + 1];
			if (to >= begin)
				goto bad;
			if (!jumped)
				c->at = at + 2;
			if (to == DNSMSG_HEADER_SIZE && out->len == 0 &&
			    c->names->question != NULL) {
				*out = *c->names->question;
				return;
			}
			jumped = true;
			at = begin = to;
			continue;
		}
		size_t whole = (size_t)octet + 1;
		if (octet > DNSMSG_LABEL_MAX || whole > c->len - at ||
		    whole + (octet != 0) > DNSMSG_NAME_MAX - out->len)
			goto bad;
		memcpy(out->wire + out->len, c->p + at, whole);
		out->len += whole;
		at += whole;
	} while (octet != 0);
	if (!jumped)
		c->at = at;
	/* Length octets are less than 'A'. */
	ascii_lower_all((char *)out->wire, out->len);
	return;
bad:
	c->bad = true;
}

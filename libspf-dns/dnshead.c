/* SPDX-License-Identifier: ISC */
/*
 * DNS messages: whether one is an answer to a question.
 */
#include "libspf-dns/dnsmsg_.h"

#include "common/text.h"

/* Letters of a name that have bits of their own. */
#define CASE_BITS 64

static bool
is_letter(uint8_t octet)
{
	octet |= 0x20;
	return octet >= 'a' && octet <= 'z';
}

void
dnsmsg_mix_case_(uint8_t *wire, size_t len, uint64_t bits)
{
	unsigned letter = 0;

	/* Length octets aren't letters: they are less than 'A'. */
	for (size_t i = 0; bits != 0 && i < len; i++)
		if (is_letter(wire[i]) &&
		    (bits & UINT64_C(1) << letter++ % CASE_BITS) != 0)
			wire[i] ^= 0x20;
}

static unsigned
u16_at(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* What EDNS adds to the code of a message of which only OPT is at `at`. */
static unsigned
extended(const uint8_t *octets, size_t len, size_t at)
{
	static const uint8_t opt[] = {0, 0, TYPE_OPT};

	if (u16_at(octets + 6) != 0 || u16_at(octets + 8) != 0 ||
	    u16_at(octets + 10) == 0 || len - at < 11 ||
	    memcmp(octets + at, opt, sizeof(opt)) != 0)
		return 0;
	return (unsigned)octets[at + 5] << 4;
}

static enum dnsmsg_match
match(const uint8_t *wire, enum spf_rr rr, const struct dnsmsg_name *name,
    uint64_t bits)
{
	uint8_t asked[DNSMSG_NAME_MAX], found[DNSMSG_NAME_MAX];

	if (u16_at(wire + name->len) != dnsmsg_type_(rr) ||
	    u16_at(wire + name->len + 2) != CLASS_IN)
		return DNSMSG_FOREIGN;
	memcpy(asked, name->wire, name->len);
	dnsmsg_mix_case_(asked, name->len, bits);
	if (memcmp(asked, wire, name->len) == 0)
		return DNSMSG_SAME;
	memcpy(found, wire, name->len);
	ascii_lower_all((char *)found, name->len);
	return memcmp(found, name->wire, name->len) == 0 ? DNSMSG_OTHER_CASE
							 : DNSMSG_FOREIGN;
}

struct dnsmsg_head
dnsmsg_head_(const uint8_t *octets, size_t len, enum spf_rr rr,
    const struct dnsmsg_name *name, uint64_t bits)
{
	struct dnsmsg_head head = {.match = DNSMSG_FOREIGN};
	size_t end = DNSMSG_HEADER_SIZE + name->len + 4;
	unsigned flags;

	if (len < DNSMSG_HEADER_SIZE)
		return head;
	flags = u16_at(octets + 2);
	if ((flags & FLAG_RESPONSE) == 0 || (flags & FLAGS_OPCODE) != 0)
		return head;
	head.rcode = flags & FLAGS_RCODE;
	head.truncated = (flags & FLAG_TRUNCATED) != 0;
	switch (u16_at(octets + 4)) { /* questions */
	case 0:
		head.rcode |= extended(octets, len, DNSMSG_HEADER_SIZE);
		if (head.rcode != RCODE_NOERROR && head.rcode != RCODE_NXDOMAIN)
			head.match = DNSMSG_NO_QUESTION;
		break;
	case 1:
		if (len < end)
			break;
		head.match = match(octets + DNSMSG_HEADER_SIZE, rr, name, bits);
		head.rcode |= extended(octets, len, end);
		break;
	default:
		break;
	}
	return head;
}

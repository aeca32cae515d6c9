/* SPDX-License-Identifier: ISC */
/*
 * Reading a DNS message, octet by octet and name by name.
 */
#ifndef MAILFROM_LIBSPF_DNS_DNSCURSOR_H
#define MAILFROM_LIBSPF_DNS_DNSCURSOR_H

#include "libspf-dns/dnsmsg_.h"

/* What reading the names of a message has come to. */
struct names {
	unsigned steps; /* labels and pointers */
	/* The question's, once it is read: most pointers lead there. */
	const struct dnsmsg_name *question;
};

/* A place in a message.  What isn't there sets `bad`, which stays set. */
struct cursor {
	const uint8_t *p;
	size_t len, at;
	bool bad;
	struct names *names;
};

/* What isn't there reads as 0. */
uint16_t get_u16_(struct cursor *c);
uint32_t get_u32_(struct cursor *c);

/* A TTL with the highest bit set counts as 0 (RFC 2181 8). */
uint32_t get_ttl_(struct cursor *c);

/*
 * A name (RFC 1035 4.1.4), in lower case.  A pointer must lead to before the
 * labels that it ends, so there is no loop.
 */
void get_name_(struct cursor *c, struct dnsmsg_name *out);

#endif

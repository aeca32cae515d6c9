/* SPDX-License-Identifier: ISC */
/*
 * Which hosts an item of a list means.
 *
 *	192.0.2.1  2001:db8::1		that address
 *	192.0.2.0/24  2001:db8::/32	that network
 *	192.168.0.*  2001:db8:*		a pattern over the address as text
 *	mail.example.com		that host name
 *	.example.com  *.example.com	every host name below it
 *	mx?.*.example.com		a pattern over the host name
 *
 * "*" stands for any octets, none among them, "?" for one.  "*" alone is every
 * client that has an address.  An address may also stand in brackets, and have
 * "IPv6:" before it, as in a domain literal.
 */
#ifndef MAILFROM_COMMON_NETWORK_H
#define MAILFROM_COMMON_NETWORK_H

#include "common/text.h"

enum network_kind {
	NETWORK_OF_IPS,    /* octets and prefix_len; an address is one of one */
	NETWORK_IP_GLOB,   /* pattern over the address */
	NETWORK_NAME_GLOB, /* pattern over the name */
	NETWORK_NAME       /* the name, or with a dot before it those below */
};

struct network {
	enum network_kind kind;
	bool v6;
	uint8_t
	    octets[16]; /* the first 4 unless v6; none set past the prefix */
	unsigned prefix_len;
	bool was_masked;        /* octets were set past the prefix */
	struct mf_text pattern; /* a view of what was read; no dot at the end */
};

/*
 * Read an IPv4 or IPv6 address.  IPv4-mapped ones are IPv4.  False, and *out
 * untouched, if t is none.
 */
bool network_read_ip(struct mf_text t, struct network *out);

/*
 * Read an item.  Mapped networks, ::ffff:0:0/96 and longer, are IPv4.
 * True, or false and *why, a constant, says what is wrong.
 */
bool network_read(struct mf_text item, struct network *out, const char **why);

/* Clear the bits of a 16-octet address beyond the first len. */
void network_mask(uint8_t octets[static 16], unsigned len);

#endif

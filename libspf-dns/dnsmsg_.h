/* SPDX-License-Identifier: ISC */
/*
 * Numbers of RFC 1035 and its successors that reading and writing share.
 */
#ifndef MAILFROM_LIBSPF_DNS_DNSMSG__H
#define MAILFROM_LIBSPF_DNS_DNSMSG__H

#include "libspf-dns/dnsmsg.h"

#define DNSMSG_LABEL_MAX 63

enum { CLASS_IN = 1 };

enum {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_PTR = 12,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_AAAA = 28,
	TYPE_OPT = 41
};

enum {
	RCODE_NOERROR = 0,
	RCODE_FORMERR = 1,
	RCODE_NXDOMAIN = 3,
	RCODE_NOTIMP = 4,
	RCODE_REFUSED = 5,
	RCODE_BADVERS = 16
};

/* Bits of the header's second word. */
enum {
	FLAG_RESPONSE = 0x8000,
	FLAGS_OPCODE = 0x7800,
	FLAG_AUTHORITATIVE = 0x0400,
	FLAG_TRUNCATED = 0x0200,
	FLAG_RECURSION_DESIRED = 0x0100,
	FLAG_RECURSION_AVAILABLE = 0x0080,
	FLAGS_RCODE = 0x000f
};

uint16_t dnsmsg_type_(enum spf_rr rr);

#endif

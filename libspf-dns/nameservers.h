/* SPDX-License-Identifier: ISC */
/*
 * A list of name servers: "IP", "IP:PORT", "[IP6]:PORT", commas between.
 */
#ifndef MAILFROM_LIBSPF_DNS_NAMESERVERS_H
#define MAILFROM_LIBSPF_DNS_NAMESERVERS_H

#include <mailfrom/spf_resolver.h>

struct nameserver {
	struct spf_ip ip;
	unsigned port; /* 53 unless it was given */
};

/* Read list.  How many there are; 0 if anything in it can't be understood. */
size_t nameservers_read_(
    struct mf_text list, struct nameserver out[static SPF_NAMESERVERS_MAX]);

#endif

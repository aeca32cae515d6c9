/* SPDX-License-Identifier: ISC */
/*
 * Where an SMTP client is, as the MTA tells of it.
 */
#ifndef MAILFROM_MILTER_CLIENT_H
#define MAILFROM_MILTER_CLIENT_H

#include "libspf/spf.h"

struct sockaddr;

struct client_address {
	bool has_ip;
	struct spf_ip ip;       /* IPv4-mapped IPv6 is IPv4 */
	char text[SPF_IP_SIZE]; /* "" without an address */
	/*
	 * A process of this host that spoke to no port: without an address, or
	 * as Postfix has its own mail, from loopback without a port.
	 */
	bool is_process;
};

/* address NULL: there is none, or one of no network that we know. */
void client_read_address(
    const struct sockaddr *address, struct client_address *out);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Where an SMTP client is, as the MTA tells of it.
 */
#ifndef MAILFROM_MILTER_CLIENT_H
#define MAILFROM_MILTER_CLIENT_H

#include <mailfrom/spf.h>

struct sockaddr;

/*
 * What sendmail 8.17 and Postfix 3.7 say of mail that came over no network:
 *
 *	sendmail -bs			localhost, no address
 *	a unix socket of sendmail's	localhost, a unix address
 *	a unix socket of smtpd's	localhost, no address
 *	Postfix's own mail, pickup,	localhost, 127.0.0.1 and no port
 *	qmqpd
 *
 * "No address" under another name is somebody whom the MTA knows nothing of:
 * getpeername(2) has failed, or a proxy didn't tell (XCLIENT).
 */

struct client_address {
	bool has_ip;
	struct spf_ip ip;       /* IPv4-mapped IPv6 is IPv4 */
	char text[SPF_IP_SIZE]; /* "" without an address */
	/* A process of this host that spoke to no port. */
	bool is_process;
};

/* A loopback address, of IPv4 or IPv6. */
bool client_is_loopback(const struct spf_ip *ip);

/*
 * address NULL: there is none.  *name: the host name if that is verified, else
 * empty; it becomes empty where there is no address for which it could be.
 */
void client_read(const struct sockaddr *address, struct mf_text *name,
    struct client_address *out);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Received header fields of hosts that we trust: from whom did they get it?
 * RFC 5321 4.4, and what sendmail, Postfix, Exim, qmail and Exchange make of it.
 */
#ifndef MAILFROM_MILTER_RECEIVED_H
#define MAILFROM_MILTER_RECEIVED_H

#include "libspf/spf.h"

struct received {
	struct spf_ip ip; /* of the client, as the host that wrote it saw it */
	struct text helo; /* what it said; empty if unknown.  A view. */
};

/*
 * Read the value of a field, unfolded or not.  False if no address of a client
 * is in its from clause ("by" and everything behind it is never looked at).
 */
bool received_parse(struct text value, struct received *out);

#endif

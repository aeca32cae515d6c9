/* SPDX-License-Identifier: ISC */
/*
 * Received header fields of hosts that we trust: from whom did they get it?
 * RFC 5321 4.4, and what sendmail, Postfix, Exim, qmail, Exchange, Courier and
 * others make of it.
 *
 * The host that wrote the field is trusted, its client isn't: the HELO name,
 * the name in the DNS, the answer of an ident server and the names in a
 * certificate are the client's.  So a field in which two addresses could be
 * meant has none.
 */
#ifndef MAILFROM_MILTER_RECEIVED_H
#define MAILFROM_MILTER_RECEIVED_H

#include <mailfrom/spf.h>

struct received {
	struct spf_ip ip; /* of the client, as the host that wrote it saw it */
	struct mf_text helo; /* what it said; empty if unknown.  A view. */
};

/*
 * Read the value of a field, unfolded or not, of any length; the time is that
 * of reading it three times.  False, and *out untouched, if no address of a
 * client is in its from clause, if there is doubt which one is, or if the field
 * isn't well formed.  Addresses behind "by" are never looked at.
 */
bool received_parse(struct mf_text value, struct received *out);

#endif

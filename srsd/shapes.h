/* SPDX-License-Identifier: ISC */
/*
 * Addresses as sendmail's rulesets hold them, and plain ones.
 *
 *	user<@host.>			a qualified address
 *	<@>				the null sender
 *	next.hop\x9buser<@host.>	key of make_srs: $&h $| address
 *
 * pysrs's m4 and ours both ask in this form.
 */
#ifndef MAILFROM_SRSD_SHAPES_H
#define MAILFROM_SRSD_SHAPES_H

#include "common/text.h"

struct make_srs_key {
	struct mf_text host;    /* next hop; empty if the key has none */
	bool no_next_hop;       /* the key says that there is none */
	struct mf_text address; /* in sendmail's shape, as it came */
};

/*
 * Take a key of make_srs apart at its first 0x9b that isn't part of a UTF-8
 * character and has nothing but a host name before it.
 */
struct make_srs_key shapes_make_srs_key(struct mf_text key);

/*
 * Write address, in sendmail's shape or plain, as user@host.  Unqualified
 * addresses stay so; the null sender becomes empty.  A local part whose quotes
 * sendmail has stripped (K lines without -q) gets them back: answered without,
 * "blah blah" would go out as blah.blah.
 */
void shapes_to_plain(struct mf_text address, struct text_out *out);

/*
 * Write an address in sendmail's shape as it came, but for quotes that were
 * stripped.  Nothing becomes the null sender: an empty answer would be taken
 * for an empty address.
 */
void shapes_unchanged(struct mf_text address, struct text_out *out);

/* Write user@host as user<@host.>. */
void shapes_from_plain(struct mf_text address, struct text_out *out);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * What SPF says of the forwarder whose mail alone an RRS address accepts, and
 * what becomes of the recipient.  No state, no I/O.
 */
#ifndef MAILFROM_SRSMILTER_RRS_FINDINGS_H
#define MAILFROM_SRSMILTER_RRS_FINDINGS_H

#include "common/domain.h"
#include "common/reply.h"
#include "srsmilter/recipient.h"
#include <mailfrom/spf.h>

struct rrs_findings {
	char forwarder[DOMAIN_MAX + 1]; /* "": none was checked */
	enum spf_result result;         /* of postmaster@forwarder */
	enum spf_result helo; /* of a HELO name below it; none: it isn't */
	enum spf_cause cause; /* why there is no answer */
};

/* The recipient's, if its hash is right. */
enum recipient_fate rrs_findings_fate(const struct rrs_findings *findings);

/* Words for the client at ip; empty: it is unknown. */
void rrs_findings_text(const struct rrs_findings *findings, struct mf_text ip,
    char out[static REPLY_SIZE]);

#endif

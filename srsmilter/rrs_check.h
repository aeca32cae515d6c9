/* SPDX-License-Identifier: ISC */
/*
 * SPF for the forwarder whose mail alone an RRS address accepts.
 */
#ifndef MAILFROM_SRSMILTER_RRS_CHECK_H
#define MAILFROM_SRSMILTER_RRS_CHECK_H

#include "common/domain.h"
#include "spfcheck/checker.h"
#include "srsmilter/recipient.h"

struct session;

struct rrs_findings {
	char forwarder[DOMAIN_MAX + 1]; /* "": none was checked */
	enum spf_result result;         /* of postmaster@forwarder */
	enum spf_result helo; /* of a HELO name below it; none: it isn't */
	enum spf_cause cause; /* why there is no answer */
};

/*
 * Check the client of session for forwarder.  May wait for the DNS, for as long
 * as [spf] allows.
 */
void rrs_check(struct checker *checker, const struct session *session,
    struct mf_text forwarder, struct rrs_findings *out);

/* What they make of the recipient. */
enum recipient_fate rrs_findings_fate(const struct rrs_findings *findings);

/* Words for the client, of REPLY_SIZE octets. */
void rrs_findings_text(
    const struct rrs_findings *findings, struct mf_text ip, char *out);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * SPF for the forwarder of an RRS address.
 */
#ifndef MAILFROM_SRSMILTER_RRS_CHECK_H
#define MAILFROM_SRSMILTER_RRS_CHECK_H

#include "spfcheck/checker.h"
#include "srsmilter/rrs_findings.h"

struct session;

/*
 * Check the client of session for forwarder: as if postmaster there were the
 * sender, and its HELO name if that is below forwarder.  May wait for the DNS,
 * for as long as [spf] allows.
 */
void rrs_check(struct checker *checker, const struct session *session,
    struct mf_text forwarder, struct rrs_findings *out);

#endif

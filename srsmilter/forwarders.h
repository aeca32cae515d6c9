/* SPDX-License-Identifier: ISC */
/*
 * Which of our domains forwards a message: its SRS domain depends on that, and
 * with forward_domains whether it is rewritten at all.  No state, no I/O.
 */
#ifndef MAILFROM_SRSMILTER_FORWARDERS_H
#define MAILFROM_SRSMILTER_FORWARDERS_H

#include "common/domain.h"
#include "srsmilter/config.h"

/* What the recipients of a message who are forwarded have in common. */
struct forwarders {
	char domain[DOMAIN_MAX]; /* by which the SRS domain is chosen */
	size_t len;              /* 0: unknown */
	bool any;                /* somebody is forwarded */
	bool differ;             /* they would get different SRS domains */
	bool has_excluded;       /* not all are forwards of forward_domains */
};

/*
 * The domain that forwards a recipient; empty: unknown.
 * original: the domain of ORCPT, or empty.  Where aliases have been expanded
 * already it is the only trace of them, but a client may have written it: it
 * counts if it is a domain of ours.
 */
struct mf_text forwarders_domain_of(const struct srsmilter_config *config,
    struct mf_text recipient_domain, struct mf_text original);

/* Another recipient, whom domain forwards; empty: unknown. */
void forwarders_add(struct forwarders *all, const struct rewriter *rewriter,
    struct mf_text domain);

/*
 * The domain that forwards the message; empty: unknown, or several that have
 * SRS domains of their own, while it can have one sender only.
 */
struct mf_text forwarders_domain(
    const struct forwarders *all, const struct rewriter *rewriter);

#endif

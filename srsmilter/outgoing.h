/* SPDX-License-Identifier: ISC */
/*
 * Whether a message gets another sender, once all of its recipients are known.
 * No state, no I/O.
 */
#ifndef MAILFROM_SRSMILTER_OUTGOING_H
#define MAILFROM_SRSMILTER_OUTGOING_H

#include "milter/origin.h"
#include "srsmilter/recipient.h"

enum outgoing_verdict {
	OUTGOING_BY_POLICY, /* result.reason says what, and why */
	/* the sender stays because */
	OUTGOING_OFF,           /* rewrite = none */
	OUTGOING_NOT_FORWARDED, /* all recipients are local */
	OUTGOING_BAD_SENDER,    /* it can be read in two ways */
	OUTGOING_AUTHENTICATED,
	OUTGOING_INTERNAL,
	OUTGOING_LOCAL_SENDER, /* the MTA delivers mail to it here */
	OUTGOING_MIXED         /* some are local: mixed_recipients = keep */
};

struct outgoing_facts {
	struct mf_text sender; /* without angle brackets; empty: null sender */
	bool bad_sender;       /* it can be read in two ways (path_sender()) */
	struct mf_text sender_mailer; /* {mail_mailer}; empty: not told */
	enum origin origin;
	unsigned recipients[DESTINATIONS]; /* that were let through */
	/* forwarders.h: of all that are forwarded; empty: unknown */
	struct mf_text forwarding_domain;
	bool has_excluded; /* others forward too, outside of forward_domains */
	uint64_t message_id; /* for SES */
	uint64_t now_sec;    /* since 1970 UTC */
};

struct outgoing {
	enum outgoing_verdict verdict;
	bool mixed; /* has recipients for whom it would be otherwise */
	struct policy_result result; /* of OUTGOING_BY_POLICY */
};

void outgoing_decide(const struct srsmilter_config *config,
    const struct outgoing_facts *facts, struct outgoing *out);

/* Whether the sender becomes result.address. */
bool outgoing_changes(const struct outgoing *out);

/* Whether it should have been changed, and can't be. */
bool outgoing_failed(const struct outgoing *out);

/* Whether the message is to come again, as the store doesn't answer. */
bool outgoing_deferred(const struct outgoing *out);

/* Why, as a word, such as "forwarded". */
const char *outgoing_reason_text(const struct outgoing *out);

#endif

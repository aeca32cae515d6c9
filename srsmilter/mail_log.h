/* SPDX-License-Identifier: ISC */
/*
 * The log line of a message.
 */
#ifndef MAILFROM_SRSMILTER_MAIL_LOG_H
#define MAILFROM_SRSMILTER_MAIL_LOG_H

#include "srsmilter/outgoing.h"
#include "srsmilter/rrs_findings.h"

/* A message that is over, one way or another. */
struct srsmilter_mail {
	struct mf_text queue_id; /* empty: it never had one */
	struct mf_text ip, client, sender;
	struct mf_text user; /* who has authenticated; or empty */
	enum origin origin;
	const struct outgoing *outgoing; /* NULL: it didn't come to that */
	enum spf_cause gate_cause;       /* why the SPF gate couldn't say */
	const unsigned *destinations;    /* DESTINATIONS of them */
	const unsigned *fates;           /* RECIPIENT_FATES of them */
	unsigned refused;
	unsigned forged; /* recipients, whatever became of them */
	/* The first that was restored, and that was refused; or empty. */
	struct mf_text restored_rcpt, restored_to;
	struct mf_text refused_rcpt;
	enum recipient_fate refused_as;
	unsigned rrs;
	const struct rrs_findings *rrs_findings; /* of the first */
	const char *outcome; /* a word: "accepted", "refused"... */
};

/* Log it, queue id first. */
void srsmilter_mail_log(const struct srsmilter_mail *message);

#endif

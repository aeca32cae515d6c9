/* SPDX-License-Identifier: ISC */
/*
 * What is told about messages: a log line each, and figures over all.
 */
#ifndef MAILFROM_SRSMILTER_ACCOUNT_H
#define MAILFROM_SRSMILTER_ACCOUNT_H

#include "common/metrics.h"
#include "srsmilter/outgoing.h"
#include "srsmilter/replay.h"

#define ACCOUNT_REASONS  (POLICY_EXPIRED + 1)
#define ACCOUNT_VERDICTS (OUTGOING_MIXED + 1)

/* Any thread counts; they only grow. */
struct figures {
	atomic_ullong connections;
	atomic_ullong messages;
	atomic_ullong by_policy[ACCOUNT_REASONS]; /* by enum policy_reason */
	atomic_ullong verdicts[ACCOUNT_VERDICTS]; /* by enum outgoing_verdict */
	atomic_ullong fates[RECIPIENT_FATES];     /* of recipients */
	atomic_ullong errors; /* messages that we failed on */
};

/* A message that is over, one way or another. */
struct account {
	struct mf_text queue_id; /* empty: it never had one */
	struct mf_text ip, client, sender;
	struct mf_text user; /* who has authenticated; or empty */
	enum origin origin;
	const struct outgoing *outgoing; /* NULL: it didn't come to that */
	enum spf_cause gate_cause;       /* why the SPF gate couldn't say */
	const unsigned *destinations;    /* DESTINATIONS of them */
	const unsigned *fates;           /* RECIPIENT_FATES of them */
	unsigned refused;
	/* The first that was restored, and that was refused; or empty. */
	struct mf_text restored_rcpt, restored_to;
	struct mf_text refused_rcpt;
	enum recipient_fate refused_as;
	const char *outcome; /* a word: "accepted", "refused"... */
};

/* Log it, queue id first, and count it. */
void account(struct figures *figures, const struct account *message);

/* Write the figures for Prometheus, and those of the table. */
void figures_write(struct metrics_writer *writer, struct figures *figures,
    const struct replay_stats *replay);

#endif

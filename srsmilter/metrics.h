/* SPDX-License-Identifier: ISC */
/*
 * Figures over all messages, and how Prometheus gets them.
 */
#ifndef MAILFROM_SRSMILTER_METRICS_H
#define MAILFROM_SRSMILTER_METRICS_H

#include "common/metrics.h"
#include "milter/service.h"
#include "srsmilter/mail_log.h"
#include "srsmilter/replay.h"

#define SRSMILTER_REASONS  POLICY_REASONS
#define SRSMILTER_VERDICTS (OUTGOING_MIXED + 1)

/* Any thread counts; they only grow. */
struct srsmilter_metrics {
	atomic_ullong messages;
	atomic_ullong forged;         /* recipients, whatever their fate */
	atomic_ullong sessions_ended; /* for max_forged; not by _count() */
	atomic_ullong by_policy[SRSMILTER_REASONS]; /* by enum policy_reason */
	atomic_ullong
	    verdicts[SRSMILTER_VERDICTS];     /* by enum outgoing_verdict */
	atomic_ullong fates[RECIPIENT_FATES]; /* of recipients */
	/* Of forwarders, by enum spf_result; not by _count(). */
	atomic_ullong forwarders[SPF_PERMERROR + 1];
};

/* Count a message that is over. */
void srsmilter_metrics_count(
    struct srsmilter_metrics *metrics, const struct srsmilter_mail *message);

/* Write them, and those of the service and the table. */
void srsmilter_metrics_write(struct metrics_writer *writer,
    struct srsmilter_metrics *metrics, struct milter_service *service,
    const struct replay_stats *replay);

#endif

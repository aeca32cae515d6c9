/* SPDX-License-Identifier: ISC */
/*
 * Figures over all messages, and how Prometheus gets them.
 */
#ifndef MAILFROM_SPFMILTER_METRICS_H
#define MAILFROM_SPFMILTER_METRICS_H

#include "common/metrics.h"
#include "milter/service.h"
#include "spfmilter/mail_log.h"

#define SPFMILTER_RESULTS (SPF_PERMERROR + 1)
#define SPFMILTER_VERBS   (ACTION_ERROR + 1)
#define SPFMILTER_DKIM    (DKIM_PERMERROR + 1)

/* Of the policy service (policyd.h). */
struct policyd_metrics {
	atomic_ullong connections;
	atomic_ullong open; /* of these: the only one that doesn't only grow */
	atomic_ullong requests;
	atomic_ullong malformed;
	atomic_ullong turned_away; /* connections, for want of a place */
	atomic_ullong timeouts;
};

/* Any thread counts; they only grow. */
struct spfmilter_metrics {
	atomic_ullong messages;
	atomic_ullong mailfrom[SPFMILTER_RESULTS]; /* by enum spf_result */
	atomic_ullong helo[SPFMILTER_RESULTS];
	atomic_ullong decisions[SPFMILTER_VERBS]; /* by enum action_verb */
	atomic_ullong dkim[SPFMILTER_DKIM];       /* by enum dkim_result */
	atomic_ullong dkim_lifted;
	atomic_ullong recipients_refused;
	atomic_ullong recipients_exempt;
	atomic_ullong recipients_left;
	atomic_ullong removed; /* forged Authentication-Results */
	struct policyd_metrics policyd;
};

/* Count a message that is over. */
void spfmilter_metrics_count(
    struct spfmilter_metrics *metrics, const struct spfmilter_mail *message);

/* Write them, and those of the service. */
void spfmilter_metrics_write(struct metrics_writer *writer,
    struct spfmilter_metrics *metrics, struct milter_service *service);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * What is told about messages: a log line each, and figures over all.
 */
#ifndef MAILFROM_SPFMILTER_ACCOUNT_H
#define MAILFROM_SPFMILTER_ACCOUNT_H

#include <stdatomic.h>

#include "common/metrics.h"
#include "spfmilter/config.h"
#include "spfmilter/decide.h"
#include "spfmilter/identities.h"

#define ACCOUNT_RESULTS (SPF_PERMERROR + 1)
#define ACCOUNT_VERBS   (ACTION_ERROR + 1)

/* Any thread counts; they only grow. */
struct figures {
	atomic_ullong connections;
	atomic_ullong messages;
	atomic_ullong mailfrom[ACCOUNT_RESULTS]; /* by enum spf_result */
	atomic_ullong helo[ACCOUNT_RESULTS];
	atomic_ullong decisions[ACCOUNT_VERBS]; /* by enum action_verb */
	atomic_ullong recipients_refused;
	atomic_ullong recipients_exempt;
	atomic_ullong errors;  /* messages that on_error decided */
	atomic_ullong removed; /* forged Authentication-Results */
};

/* A message that is over, one way or another. */
struct account {
	struct mf_text queue_id; /* empty: it never had one */
	struct mf_text ip, client, helo, sender;
	struct mf_text user;    /* who has authenticated; or empty */
	struct mf_text relayed; /* client behind a trusted relay; or empty */
	const struct findings *findings; /* NULL: not checked */
	const struct decision *decision;
	enum spfmilter_mode mode;
	unsigned recipients; /* that were let through */
	unsigned refused;
	unsigned exempt;
	unsigned removed;
	const char *outcome; /* a word: "accepted", "rejected"... */
};

/* Log it, queue id first, and count it. */
void account(struct figures *figures, const struct account *message);

/* Write the figures for Prometheus, and those of the resolver. */
void figures_write(struct metrics_writer *writer, struct figures *figures,
    const struct spf_resolver_stats *resolver);

#endif

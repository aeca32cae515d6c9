/* SPDX-License-Identifier: ISC */
/*
 * A worker thread: an event loop with its share of the connections, and all
 * listeners.
 */
#ifndef MAILFROM_SRSD_WORKER_H
#define MAILFROM_SRSD_WORKER_H

#include "common/rarely.h"
#include "rewrite/message_id.h"
#include "srsd/config.h"
#include "srsd/counts.h"
#include "srsd/holders.h"
#include "srsd/sockets.h"

/* What all workers share; theirs until the last is freed. */
struct workers_shared {
	const struct sockets *sockets;
	struct shared_place config; /* struct srsd_config */
	struct message_ids message_ids;
	struct holders holders;
	struct listener_counts listeners[SOCKETS_MAX];
	uint64_t descriptors_max; /* connections that there are any for */
	/* Connections that gave way or found no place; failed accept()s. */
	struct rarely evictions, refusals, no_descriptors;
};

/* How many connections are served at a time by this configuration. */
uint64_t workers_limit(
    const struct workers_shared *shared, const struct srsd_config *config);

struct worker;

/* Start one.  NULL: it can't be made. */
struct worker *worker_new(struct workers_shared *shared);

/*
 * Tell a worker to stop: it answers what has arrived and waits for clients to
 * take that, for a few seconds at most.
 */
void worker_stop(struct worker *worker);

/* What it has counted, for as long as it lives; any thread may read. */
struct srsd_counts *worker_counts(struct worker *worker);

/* Wait until it has stopped, and free it. */
void worker_end(struct worker *worker);

#endif

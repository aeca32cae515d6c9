/* SPDX-License-Identifier: ISC */
/*
 * A worker thread: an event loop with its share of the connections, and all
 * listeners.
 */
#ifndef MAILFROM_SRSD_WORKER_H
#define MAILFROM_SRSD_WORKER_H

#include "rewrite/message_id.h"
#include "srsd/config.h"
#include "srsd/sockets.h"

/* What all workers share; theirs until the last is freed. */
struct workers_shared {
	const struct sockets *sockets;
	unsigned worker_count;
	struct shared_place config; /* struct srsd_config */
	struct message_ids message_ids;
};

struct worker;

/* Start one.  NULL: it can't be made. */
struct worker *worker_new(struct workers_shared *shared);

/*
 * Tell a worker to stop: it answers what has arrived and waits for clients to
 * take that, for a few seconds at most.
 */
void worker_stop(struct worker *worker);

/* Wait until it has stopped, and free it. */
void worker_end(struct worker *worker);

#endif

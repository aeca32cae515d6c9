/* SPDX-License-Identifier: ISC */
/*
 * The connections of one thread, and the buffers that they share.
 *
 * All of this is for that thread alone, within its event loop.
 */
#ifndef MAILFROM_SRSD_CONN_H
#define MAILFROM_SRSD_CONN_H

#include <event2/event.h>
#include <time.h>

#include "srsd/config.h"
#include "srsd/pending.h"
#include "srsd/protocol.h"

#define CONNS_INPUT_SIZE  (64 * 1024)
#define CONNS_OUTPUT_SIZE (64 * 1024 + PROTOCOL_ANSWER_MAX)

LIST_HEAD(conn_list, conn);

struct conns {
	/* The owner sets these before conns_begin(), and now once a second. */
	struct event_base *base;
	struct shared_place *current;
	struct message_ids *message_ids;
	time_t now; /* monotonic, seconds */
	/* For the owner to look at. */
	struct srsd_config *config; /* held */
	size_t count;
	/* Connections' own. */
	struct conn_list list;
	struct pending_queue pending;
	struct event *answered; /* something in pending is */
	bool stopping;
	uint64_t now_sec; /* since 1970 UTC, of the last input */
	struct protocol_parsed parsed;
	struct map_lookup lookup;
	struct map_answer answer;
	char input[CONNS_INPUT_SIZE];
	char output[CONNS_OUTPUT_SIZE];
};

/* False: out of memory or descriptors; conns_end() is due all the same. */
bool conns_begin(struct conns *all);

/* Close all, and free what they share; conns itself stays the owner's. */
void conns_end(struct conns *all);

/* Serve fd, which passes to the connection.  False: out of memory. */
bool conns_open(struct conns *all, int fd, enum protocol protocol);

/* Close every connection whose deadline has passed. */
void conns_expire(struct conns *all);

/*
 * Begin to stop: answer what has arrived; only those stay that are still taking
 * answers.
 */
void conns_finish(struct conns *all);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The connections of one thread: their turns, who gives way at the limit, and
 * the buffers that they share.
 *
 * All of this is for that thread alone, within its event loop, but for counts
 * and what is shared by all threads.
 */
#ifndef MAILFROM_SRSD_CONNS_H
#define MAILFROM_SRSD_CONNS_H

#include <event2/event.h>
#include <time.h>

#include "srsd/config.h"
#include "srsd/counts.h"
#include "srsd/holders.h"
#include "srsd/pending.h"
#include "srsd/protocol.h"

/* Octets that are read at a time: what one turn leaves over is kept. */
#define CONNS_READ_MAX 4096

#define CONNS_INPUT_SIZE  (PROTOCOL_INPUT_MAX + 2 * CONNS_READ_MAX)
#define CONNS_OUTPUT_SIZE (64 * 1024 + PROTOCOL_ANSWER_MAX)

/* What a connection is at; earlier ones give way first. */
enum conn_state {
	CONN_NEW,    /* has never asked anything */
	CONN_IDLE,   /* has been answered everything */
	CONN_STUCK,  /* has sent half a request, or doesn't take answers */
	CONN_BUSY,   /* has more requests than fit into a turn */
	CONN_WAITING /* for the gate or the store */
};

#define CONN_STATES (CONN_WAITING + 1)

TAILQ_HEAD(conn_queue, conn);

struct conns {
	/* The owner sets these before conns_begin(), and now once a second. */
	struct event_base *base;
	struct shared_place *current;
	struct message_ids *message_ids;
	struct holders *holders;           /* of all threads */
	struct listener_counts *listeners; /* of all threads, by number */
	time_t now;                        /* monotonic, seconds */
	/* For the owner to look at. */
	struct srsd_config *config; /* held */
	size_t count;
	struct srsd_counts counts;
	/* Connections' own. */
	struct conn_queue places[HOLDERS_MAX][CONN_STATES]; /* oldest first */
	size_t place_counts[HOLDERS_MAX][CONN_STATES];
	struct conn_queue turns;
	size_t turn_count;
	struct event *next_turns; /* some have one */
	struct handover pending;
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

/* A connection that was accepted. */
struct conn_params {
	int fd;
	unsigned listener; /* its number */
	unsigned holder;   /* holders_enter()'s */
	enum protocol protocol;
};

/*
 * Serve it; descriptor and place pass to the connection.  False: out of memory,
 * and both are still the caller's.
 */
bool conns_open(struct conns *all, const struct conn_params *params);

/*
 * Begin to stop: answer what has arrived; each connection is closed once that
 * is taken.  The loop is ended with the last.
 */
void conns_finish(struct conns *all);

#endif

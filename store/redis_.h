/* SPDX-License-Identifier: ISC */
/*
 * What the files of the Redis backend share: redis.c connects, and
 * redis_requests.c asks.
 */
#ifndef MAILFROM_STORE_REDIS__H
#define MAILFROM_STORE_REDIS__H

#include "store/backend.h"
#include "store/redis_link.h"

/* "what HOST:PORT: why" fits. */
#define REDIS_REASON_SIZE 600

/* The connections: for all but what has to wait for replicas, and for that. */
enum redis_use { REDIS_READER, REDIS_WRITER, REDIS_LINKS };

struct redis_side {
	struct redis_store *store;
	struct redis_link *link;
	bool is_ready;        /* logged in, and a master */
	unsigned replies_due; /* of the log-in */
};

struct redis_store {
	struct store *store;
	struct store_params params;
	struct event_base *base;
	int pipe[2];
	struct event *woken, *retry, *idle;
	struct redis_link *sentinel; /* asked for the master */
	unsigned next_sentinel;
	struct store_host master; /* as sentinel has it */
	struct redis_side sides[REDIS_LINKS];
	unsigned link_count;
	unsigned delay_ms;
	uint64_t random;
	/* The server is none for us: connect again. */
	void (*lose)(struct redis_store *store, const char *reason);
	/* Of the writer: to be sent, and sent, with a WAIT behind them. */
	struct store_queue unsent, unacked;
	bool wait_is_due;
};

/* Send all that is queued, if there are connections for it. */
void redis_send_all_(struct redis_store *store);

/* Put back what wasn't sent: the connections are lost. */
void redis_keep_all_(struct redis_store *store);

/* A digit string. */
struct mf_text redis_number_(uint64_t n, char out[static 21]);

/* For replies that say nothing. */
void redis_ignore_(void *arg, const struct redis_answer *answer);

#endif

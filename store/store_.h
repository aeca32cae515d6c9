/* SPDX-License-Identifier: ISC */
/*
 * What the files of the store share.
 */
#ifndef MAILFROM_STORE_STORE__H
#define MAILFROM_STORE_STORE__H

#include "common/rarely.h"
#include "store/backend.h"
#include "store/row_cache.h"

#define STORE_REASON_SIZE 200

struct store {
	pthread_mutex_t lock; /* of all below that changes */
	pthread_cond_t queued, due;
	unsigned holds;
	struct store_params params;
	const struct store_backend *backend;
	void *self; /* the backend's */
	struct row_cache *cache;
	struct store_queue queue, unanswered;
	size_t waiting; /* on unanswered */
	bool stopping;
	pthread_t backend_thread, due_thread;
	unsigned started; /* threads */
	/* The database. */
	bool is_up;
	bool was_reached;
	bool is_down_logged;
	uint64_t since_ms; /* it is up or down */
	uint64_t next_log_ms;
	unsigned epoch; /* changes when the connection does; not 0 */
	struct rarely troubles;
	char trouble[STORE_REASON_SIZE]; /* the last */
	struct store_stats stats;
};

/* Count what went wrong, for the log's next line; locked. */
void store_note_trouble_(struct store *store, const char *reason);

/* Log them, if a line is due; when the next will be, or UINT64_MAX; locked. */
uint64_t store_tell_troubles_(struct store *store, uint64_t now_ms);

/* Answer STORE_DOWN to all whose deadline is now_ms or earlier; locked. */
void store_expire_(struct store *store, uint64_t now_ms);

/* Wait for a condition, until until_ms at most; locked. */
void store_cond_wait_(
    struct store *store, pthread_cond_t *cond, uint64_t until_ms);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Between the store and the database behind it: SQLite (sqlite.c) or Redis
 * (redis.c).  A backend runs on one thread of its own.
 */
#ifndef MAILFROM_STORE_BACKEND_H
#define MAILFROM_STORE_BACKEND_H

#include <pthread.h>
#include <sys/queue.h>

#include "store/store.h"

struct store_query {
	TAILQ_ENTRY(store_query) entry; /* queued; a backend's own when taken */
	TAILQ_ENTRY(store_query) due;   /* unanswered, by deadline */
	uint64_t deadline_ms;
	store_callback *done;
	void *arg;
	enum store_kind kind;
	/* Freed when none of these holds any more. */
	bool is_held;     /* by who has asked */
	bool is_queued;   /* nobody has taken it */
	bool is_taken;    /* by the backend */
	bool is_answered; /* done was called, or nobody wants it any more */
	bool is_fixed;
	uint64_t expires_sec, now_sec;
	uint64_t count; /* the backend's, until it answers */
	size_t key_len, value_len;
	char key[STORE_KEY_MAX + 1]; /* NUL-terminated, for the database */
	char value[STORE_VALUE_MAX + 1];
};

TAILQ_HEAD(store_queue, store_query);

struct store_backend {
	/* Run until *stopping; on its thread. */
	void (*run)(void *self);
	/* Queries are queued, or the end has come; any thread. */
	void (*wake)(void *self);
	void (*free)(void *self);
};

/* NULL: out of memory or descriptors. */
void *store_sqlite_new(struct store *store, const struct store_params *params);
void *store_redis_new(struct store *store, const struct store_params *params);

extern const struct store_backend store_sqlite, store_redis;

/* --- what the store does for its backend --- */

/* Whether the end has come. */
bool store_stopping(struct store *store);

/*
 * Take queries that are queued, the oldest first, up to max of them; false:
 * there are none.  Each is to be answered, or put back to be taken again.
 */
bool store_take(struct store *store, struct store_queue *taken, size_t max);
void store_put_back(struct store *store, struct store_queue *taken);

/* Wait until something is queued or the end has come, until_ms at most. */
void store_wait(struct store *store, uint64_t until_ms);

/* Answer it: query is gone then. */
void store_answer(struct store *store, struct store_query *query,
    const struct store_answer *answer);

/* Answer it STORE_DOWN; reason, for the log, is a line of text. */
void store_fail(
    struct store *store, struct store_query *query, const char *reason);

/* The database is reached; or isn't, and a line says why. */
void store_is_up(struct store *store);
void store_is_down(struct store *store, const char *reason);

#endif

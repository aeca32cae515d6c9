/* SPDX-License-Identifier: ISC */
/*
 * What can't be stateless: rows of a key and a value, and counts, in SQLite or
 * in Redis.  Every row expires.  Any thread may ask; nobody waits longer than
 * [store] timeout, and where the store is known to be away nobody waits at all.
 *
 * Two threads serve each store: one talks to the database, the other only looks
 * at deadlines, so that a disk or a resolver that hangs holds up nobody.
 */
#ifndef MAILFROM_STORE_STORE_H
#define MAILFROM_STORE_STORE_H

#include "common/report.h"
#include "settings/store.h"
#include "store/store_url.h"

/* Bytes of a key and of a value, without a NUL. */
#define STORE_KEY_MAX   96
#define STORE_VALUE_MAX 512

/* Requests that may wait at a time; those beyond are answered STORE_DOWN. */
#define STORE_WAITING_MAX 10000

enum store_kind {
	STORE_PUT,   /* the row, whatever it was; committed when answered */
	STORE_GET,   /* of a row or a count */
	STORE_COUNT, /* one more within the window that ends at expires_sec */
	STORE_PING
};

struct store_request {
	enum store_kind kind;
	struct mf_text key;   /* 1..STORE_KEY_MAX bytes */
	struct mf_text value; /* STORE_PUT */
	uint64_t expires_sec; /* STORE_PUT, STORE_COUNT: since 1970 UTC */
	uint64_t now_sec;
	bool is_fixed; /* the key never has another value: it may be cached */
};

enum store_status {
	STORE_OK,
	STORE_ABSENT, /* STORE_GET: there is no such row, for certain */
	STORE_DOWN,   /* away, slow or full: whether there is one isn't known */
	STORE_WAITS   /* store_ask() alone: the answer comes later */
};

struct store_answer {
	enum store_status status;
	uint64_t count; /* STORE_COUNT: with this one; STORE_GET: of a count */
	size_t value_len;
	char value[STORE_VALUE_MAX]; /* STORE_GET */
};

struct store;
struct store_query;

/*
 * Called once, on a thread of the store's, under its lock: it may neither wait
 * nor call the store.
 */
typedef void store_callback(void *arg, const struct store_answer *answer);

/*
 * Ask without waiting.  With STORE_WAITS *query is the caller's, for
 * store_forget(), and done is called within the timeout, maybe before this
 * returns.  Else the answer is in *out, and done isn't called.
 */
enum store_status store_ask(struct store *store,
    const struct store_request *request, store_callback *done, void *arg,
    struct store_query **query, struct store_answer *out);

/*
 * Give a query up, whether or not it is answered: once this returns done isn't
 * called, nor is it running.  A row may be put all the same.  The caller holds
 * the store.
 */
void store_forget(struct store *store, struct store_query *query);

/* Ask, and wait for the answer. */
enum store_status store_call(struct store *store,
    const struct store_request *request, struct store_answer *out);

/* Have hook called by store_call() before it waits, on any thread. */
void store_before_wait(void (*hook)(void));

/* --- its life --- */

/* All that a store is made of; no padding or unused byte is other than zero. */
struct store_params {
	struct store_url url;
	char user[128], password[512], ca_file[STORE_PATH_SIZE];
	unsigned timeout_ms, replicas;
	uint64_t max_size; /* megabytes */
	uint64_t cache_rows;
};

/*
 * What the settings say, with the password read.  False, and every mistake
 * reported.  store_params_wipe() is due either way.
 */
bool store_params_read(const struct store_settings *settings,
    const struct conf *conf, const char *file, struct store_params *out,
    struct report *report);
void store_params_wipe(struct store_params *params);

/*
 * Start a store; after the last fork.  That it can't be reached is no failure:
 * it is tried again.  old: that of the configuration before, or NULL; if it has
 * the same params it is returned again, with its connection and cache, held
 * once more.  NULL: out of memory or descriptors, and reported.
 */
struct store *store_new(const struct store_params *params, struct store *old,
    struct report *report);

struct store *store_hold(struct store *store);

/*
 * Give up a hold.  With the last one it ends; queries that wait are answered
 * STORE_DOWN before this returns.  NULL is fine.
 */
void store_release(struct store *store);

/* --- figures --- */

struct store_stats {
	bool is_up;
	uint64_t requests[STORE_PING + 1];
	uint64_t failed; /* answered STORE_DOWN */
	uint64_t late;   /* of these, after the timeout */
	uint64_t from_cache;
	uint64_t connects; /* how often it was reached (again) */
	size_t waiting;
};

void store_stats(struct store *store, struct store_stats *out);

struct metrics_writer;

/* Write them for Prometheus, as PROGRAM_store_up and so on. */
void store_write_metrics(
    struct store *store, const char *program, struct metrics_writer *writer);

#endif

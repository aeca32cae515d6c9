/* SPDX-License-Identifier: ISC */
/*
 * All rows of a store, ours or postsrsd's, for those who count and move them.
 * It takes as long as it takes: for tools, not for daemons.
 */
#ifndef MAILFROM_STORE_ROWS_H
#define MAILFROM_STORE_ROWS_H

#include "store/store.h"

enum rows_format {
	ROWS_OURS,    /* with their prefix: "a:", "u:" */
	ROWS_POSTSRSD /* postsrsd 2.x: DIGEST@1 */
};

struct stored_row {
	struct mf_text key;
	struct mf_text value;
	uint64_t expires_sec;
};

struct rows_request {
	enum rows_format format;
	/* Called with each row that hasn't expired at now_sec; false: stop. */
	bool (*row)(void *arg, const struct stored_row *row);
	void *arg;
	uint64_t now_sec;
};

#define ROWS_REASON_SIZE 700

/*
 * Go through all rows.  False: it failed, or row() has stopped it; reason says
 * why, or is "".  Nothing is created where there is no store.
 */
bool store_rows(const struct store_params *params,
    const struct rows_request *request, char reason[static ROWS_REASON_SIZE]);

/*
 * Delete rows that have expired, of SQLite: Redis does so by itself.  False:
 * reason says why.  Daemons may use the store meanwhile.
 */
bool store_purge(const struct store_params *params, uint64_t now_sec,
    uint64_t *deleted, char reason[static ROWS_REASON_SIZE]);

/* How a store is, for those who look after it. */
struct store_probe {
	char policy[32];     /* Redis: its maxmemory-policy */
	uint64_t max_memory; /* Redis: bytes; 0: no limit */
	unsigned replicas;   /* Redis: that are connected */
};

/* Ask.  False: it doesn't answer, and reason says why. */
bool store_probe(const struct store_params *params, struct store_probe *out,
    char reason[static ROWS_REASON_SIZE]);

/* --- by database --- */

bool redis_probe(const struct store_params *params, struct store_probe *out,
    char reason[static ROWS_REASON_SIZE]);

bool sqlite_rows(const struct store_params *params,
    const struct rows_request *request, char reason[static ROWS_REASON_SIZE]);
bool sqlite_purge(const struct store_params *params, uint64_t now_sec,
    uint64_t *deleted, char reason[static ROWS_REASON_SIZE]);
bool redis_rows(const struct store_params *params,
    const struct rows_request *request, char reason[static ROWS_REASON_SIZE]);

#endif

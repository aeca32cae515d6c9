/* SPDX-License-Identifier: ISC */
/*
 * Rows that are known, in memory: those of fixed keys, so that a copy is never
 * wrong, only incomplete.  The least used goes when it is full.
 *
 * No locks: the store's is held.
 */
#ifndef MAILFROM_STORE_ROW_CACHE_H
#define MAILFROM_STORE_ROW_CACHE_H

#include "common/text.h"

struct row_cache;

/* rows: at most so many; 0: none.  NULL: out of memory or random numbers. */
struct row_cache *row_cache_new(size_t rows);
void row_cache_free(struct row_cache *cache); /* NULL is fine */

struct cached_row {
	struct mf_text value; /* valid until the next change */
	uint64_t expires_sec;
	/* Which connection's word it is that the database has it. */
	unsigned epoch;
	uint64_t heard_sec; /* when that was */
};

/* False: it isn't there, or has expired. */
bool row_cache_find(struct row_cache *cache, struct mf_text key,
    uint64_t now_sec, struct cached_row *out);

/*
 * Remember a row.  Longer than a cached key or value can be, or no memory: it
 * isn't.
 */
void row_cache_add(
    struct row_cache *cache, struct mf_text key, const struct cached_row *row);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Log lines that wait for the thread that writes them: a ring of records, put
 * in by any thread and taken out by one.
 *
 * Nobody waits here, and nothing is locked: whoever finds the ring full drops
 * the line and counts it.  Then lines are dropped until half of the ring is
 * free again, so that a reader who is slow finds one gap and not thousands;
 * the first record after a gap says how many lines are missing.
 */
#ifndef MAILFROM_COMMON_LOG_RING_H
#define MAILFROM_COMMON_LOG_RING_H

#include <stdatomic.h>

#include "common/log.h"

/*
 * 32 MiB: 100,000 lines of up to 304 bytes.  A lookup's line in srsd has 160,
 * a message's in the filters about 300.  Memory is used for lines that wait
 * and given back after them; the first 32nd part stays.
 */
#define LOG_RING_SIZE ((size_t)32 << 20)

/* Counters never wrap; a place in the ring is one modulo its size. */
struct log_ring {
	char *bytes;
	size_t size, page;
	uint64_t read;                   /* the taker's: up to here taken */
	_Alignas(64) atomic_ullong head; /* up to here given out to putters */
	_Alignas(64) atomic_ullong tail; /* up to here free again */
	_Alignas(64) atomic_ullong dropped;
	atomic_ullong unreported; /* of these, not yet in a record */
	atomic_bool dropping;
};

struct log_entry {
	enum log_level level;
	int64_t time_sec;
	uint64_t missing;    /* lines dropped in front of this one */
	struct mf_text text; /* without a line end */
};

/*
 * size: a power of two, at least two pages.  False, and errno is set, without
 * memory.
 */
bool log_ring_init(struct log_ring *ring, size_t size);
void log_ring_free(struct log_ring *ring);

/* Any thread.  Entry's missing isn't looked at.  False: dropped. */
bool log_ring_put(struct log_ring *ring, const struct log_entry *entry);

/*
 * One thread.  The oldest record; its text is valid until the next call.
 * False: there is none, or it is still being written.
 */
bool log_ring_take(struct log_ring *ring, struct log_entry *out);

/*
 * For the taker that found nothing: how many lines were dropped that no record
 * tells of.
 */
uint64_t log_ring_take_missing(struct log_ring *ring);

/* Whether the taker has something to do. */
bool log_ring_has_work(const struct log_ring *ring);

/* Octets in use. */
uint64_t log_ring_used(const struct log_ring *ring);

#endif

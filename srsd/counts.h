/* SPDX-License-Identifier: ISC */
/*
 * What srsd counts.  Each thread has its own, which it alone writes: lookups
 * fight for no cache line.
 */
#ifndef MAILFROM_SRSD_COUNTS_H
#define MAILFROM_SRSD_COUNTS_H

#include <stdatomic.h>

#include "srsd/maps.h"

#define COUNTS_REASONS POLICY_REASONS

struct srsd_counts {
	atomic_ullong maps[MAPS + 1]; /* by number; the last: no such map */
	atomic_ullong forward[COUNTS_REASONS]; /* by enum policy_reason */
	atomic_ullong reverse[COUNTS_REASONS];
	atomic_ullong malformed; /* what is no request */
};

/* Of a listener, for all threads. */
struct listener_counts {
	atomic_ullong accepted, evicted, refused;
	atomic_ullong open;
};

static inline void
counts_add(atomic_ullong *count)
{
	atomic_store_explicit(count,
	    atomic_load_explicit(count, memory_order_relaxed) + 1,
	    memory_order_relaxed);
}

/* A request that was answered. */
void counts_lookup(struct srsd_counts *counts, const struct map_lookup *lookup);

#endif

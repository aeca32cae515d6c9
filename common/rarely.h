/* SPDX-License-Identifier: ISC */
/*
 * Events that a stranger can cause as often as he likes: each is counted, and
 * at most one line a minute is logged of them.
 *
 * Any thread counts; one alone, which ticks, asks whether a line is due.
 */
#ifndef MAILFROM_COMMON_RARELY_H
#define MAILFROM_COMMON_RARELY_H

#include <stdatomic.h>
#include <stdint.h>

#define RARELY_MS 60000

struct rarely {
	atomic_ullong total;
	/* The ticking thread's. */
	uint64_t logged;  /* of total */
	uint64_t next_ms; /* no line before */
};

static inline void
rarely_count(struct rarely *r)
{
	atomic_fetch_add_explicit(&r->total, 1, memory_order_relaxed);
}

static inline uint64_t
rarely_total(struct rarely *r)
{
	return atomic_load_explicit(&r->total, memory_order_relaxed);
}

/* The events that a line, due now (now_ms: clock_ms()), is to tell of; or 0. */
static inline uint64_t
rarely_due(struct rarely *r, uint64_t now_ms)
{
	uint64_t total = rarely_total(r), events = total - r->logged;

	if (events == 0 || now_ms < r->next_ms)
		return 0;
	r->logged = total;
	r->next_ms = now_ms + RARELY_MS;
	return events;
}

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Flights that wait for an attempt, by round and deadline, and their timer.
 */
#ifndef MAILFROM_LIBSPF_DNS_ROUNDS_H
#define MAILFROM_LIBSPF_DNS_ROUNDS_H

#include "libspf-dns/sender.h"

/* Rounds over all servers; the time of an attempt doubles with each. */
#define ROUNDS_MAX 10

struct rounds {
	/* Those of a round, which mostly wait as long, by deadline. */
	struct flight_queue of[ROUNDS_MAX];
	struct event *timer;
	uint64_t timer_ms;
	/* The deadline has come; the flight waits again, or lands. */
	void (*timed_out)(struct flight *flight, uint64_t now_ms);
	/* After one or several of these. */
	void (*after)(void *arg);
	void *arg;
};

/* The callbacks are the caller's to set.  False: out of memory. */
bool rounds_init_(struct rounds *rounds, struct event_base *base);

void rounds_free_(struct rounds *rounds);

/* Let flight wait ms milliseconds from now_ms on, and no longer as before. */
void rounds_wait_(
    struct rounds *rounds, struct flight *flight, uint64_t now_ms, uint64_t ms);

/* Any flight, or NULL. */
struct flight *rounds_any_(const struct rounds *rounds);

#endif

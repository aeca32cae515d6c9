/* SPDX-License-Identifier: ISC */
/*
 * What other threads have finished for an event loop: a queue, and a pipe that
 * wakes the loop.
 */
#ifndef MAILFROM_COMMON_HANDOVER_H
#define MAILFROM_COMMON_HANDOVER_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

/* In whatever is handed over; zeroed before its first use. */
struct handover_item {
	STAILQ_ENTRY(handover_item) entry;
	void *owner;
	bool is_queued; /* under the lock, as entry is */
};

STAILQ_HEAD(handover_items, handover_item);

struct handover {
	pthread_mutex_t lock;
	struct handover_items items; /* under lock */
	int pipe[2]; /* the first is readable once something is queued */
};

/* False: no descriptors are left; handover_end() is due all the same. */
bool handover_begin(struct handover *handover);
void handover_end(struct handover *handover);

/* Queue an item, which isn't queued.  Any thread. */
void handover_put(struct handover *handover, struct handover_item *item);

/* The loop's: the pipe was readable. */
void handover_woken(struct handover *handover);

/* The loop's: the next item, which is queued no more; NULL: there is none. */
struct handover_item *handover_take(struct handover *handover);

/* The loop's: take the item out, if it is queued. */
void handover_withdraw(struct handover *handover, struct handover_item *item);

#endif

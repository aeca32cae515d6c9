/* SPDX-License-Identifier: ISC */
/* pipe2() is outside of POSIX, but everywhere. */
#define _GNU_SOURCE
#include "common/handover.h"

#include <fcntl.h>
#include <unistd.h>

bool
handover_begin(struct handover *h)
{
	h->pipe[0] = h->pipe[1] = -1;
	pthread_mutex_init(&h->lock, NULL);
	STAILQ_INIT(&h->items);
	return pipe2(h->pipe, O_CLOEXEC | O_NONBLOCK) == 0;
}

void
handover_end(struct handover *h)
{
	if (h->pipe[0] >= 0) {
		close(h->pipe[0]);
		close(h->pipe[1]);
	}
	pthread_mutex_destroy(&h->lock);
}

void
handover_put(struct handover *h, struct handover_item *item)
{
	bool was_empty;

	pthread_mutex_lock(&h->lock);
	was_empty = STAILQ_EMPTY(&h->items);
	item->is_queued = true;
	STAILQ_INSERT_TAIL(&h->items, item, entry);
	pthread_mutex_unlock(&h->lock);
	if (was_empty)
		(void)!write(h->pipe[1], "", 1);
}

void
handover_woken(struct handover *h)
{
	char octets[64];

	while (read(h->pipe[0], octets, sizeof(octets)) > 0)
		;
}

struct handover_item *
handover_take(struct handover *h)
{
	struct handover_item *item;

	pthread_mutex_lock(&h->lock);
	item = STAILQ_FIRST(&h->items);
	if (item != NULL) {
		STAILQ_REMOVE_HEAD(&h->items, entry);
		item->is_queued = false;
	}
	pthread_mutex_unlock(&h->lock);
	return item;
}

void
handover_withdraw(struct handover *h, struct handover_item *item)
{
	pthread_mutex_lock(&h->lock);
	if (item->is_queued)
		STAILQ_REMOVE(&h->items, item, handover_item, entry);
	item->is_queued = false;
	pthread_mutex_unlock(&h->lock);
}

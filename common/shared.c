/* SPDX-License-Identifier: ISC */
#include "common/shared.h"

void
shared_init(struct shared *object, void (*free)(struct shared *object))
{
	atomic_init(&object->holders, 1);
	object->generation = 0;
	object->free = free;
}

void
shared_release(struct shared *object)
{
	if (object != NULL && atomic_fetch_sub(&object->holders, 1) == 1)
		object->free(object);
}

void
shared_place_init(struct shared_place *place, struct shared *object)
{
	pthread_mutex_init(&place->lock, NULL);
	atomic_init(&place->now, object);
}

void
shared_place_free(struct shared_place *place)
{
	shared_release(place->now);
	pthread_mutex_destroy(&place->lock);
}

struct shared *
shared_take(struct shared_place *place)
{
	struct shared *object;

	pthread_mutex_lock(&place->lock);
	object = place->now;
	if (object != NULL)
		atomic_fetch_add(&object->holders, 1);
	pthread_mutex_unlock(&place->lock);
	return object;
}

/* What is freed may have a thread to be waited for: not under the lock. */
void
shared_replace(struct shared_place *place, struct shared *object)
{
	struct shared *old;

	pthread_mutex_lock(&place->lock);
	old = place->now;
	if (object != NULL && old != NULL)
		object->generation = old->generation + 1;
	place->now = object;
	pthread_mutex_unlock(&place->lock);
	shared_release(old);
}

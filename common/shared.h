/* SPDX-License-Identifier: ISC */
/*
 * Objects that several threads hold, and the place where each finds the one of
 * now: a configuration that a reload replaces lives on until the last session
 * that began with it is over.
 */
#ifndef MAILFROM_COMMON_SHARED_H
#define MAILFROM_COMMON_SHARED_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

/* The first member of such an object. */
struct shared {
	atomic_uint holders;
	unsigned generation; /* how many were in its place before it */
	void (*free)(struct shared *object);
};

struct shared_place {
	pthread_mutex_t lock;
	_Atomic(struct shared *) now; /* held by the place; or NULL */
};

/* Held once, by the caller; free is called when nobody holds it any more. */
void shared_init(struct shared *object, void (*free)(struct shared *object));

/* Give up a hold.  NULL is fine. */
void shared_release(struct shared *object);

/* Make a place; it takes over the caller's hold of object, which may be NULL. */
void shared_place_init(struct shared_place *place, struct shared *object);

/* Give up the place's hold.  Nobody may be taking. */
void shared_place_free(struct shared_place *place);

/* The object of now, held once more; NULL: there is none. */
struct shared *shared_take(struct shared_place *place);

/*
 * Put object, whose hold passes to the place, or NULL there, and give up the
 * hold of the one before it.
 */
void shared_replace(struct shared_place *place, struct shared *object);

/*
 * The object of now, for one who holds object, of that place, or NULL: that
 * hold is given up for one of what is returned.
 */
static inline struct shared *
shared_refresh(struct shared_place *place, struct shared *object)
{
	struct shared *now;

	if (object == atomic_load(&place->now))
		return object;
	now = shared_take(place);
	shared_release(object);
	return now;
}

#endif

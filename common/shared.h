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
	void (*free)(struct shared *object);
};

struct shared_place {
	pthread_mutex_t lock; /* of now */
	struct shared *now;   /* held by the place; or NULL */
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

/* Put object (or NULL) there; the one before it, with the place's hold. */
struct shared *shared_replace(
    struct shared_place *place, struct shared *object);

#endif

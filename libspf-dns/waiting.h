/* SPDX-License-Identifier: ISC */
/*
 * A thread waits until another one is done.
 */
#ifndef MAILFROM_LIBSPF_DNS_WAITING_H
#define MAILFROM_LIBSPF_DNS_WAITING_H

#include <pthread.h>
#include <stdbool.h>

struct waiting {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool done;
};

static inline void
waiting_begin_(struct waiting *w)
{
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	w->done = false;
}

/* Wait for waiting_end_(). */
static inline void
waiting_wait_(struct waiting *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->done)
		pthread_cond_wait(&w->changed, &w->lock);
	pthread_mutex_unlock(&w->lock);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
}

/* Wake the thread that waits; w may be gone when this returns. */
static inline void
waiting_end_(struct waiting *w)
{
	pthread_mutex_lock(&w->lock);
	w->done = true;
	pthread_cond_signal(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

#endif

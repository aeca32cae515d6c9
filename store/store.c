/* SPDX-License-Identifier: ISC */
/*
 * A store's life: its threads, its end, its figures.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "common/clock.h"
#include "store/store_.h"

/* --- threads --- */

/* What is late is answered, and what has failed is logged. */
static void *
due_main(void *arg)
{
	struct store *s = arg;

	pthread_mutex_lock(&s->lock);
	while (!s->stopping) {
		uint64_t now_ms = clock_ms(), until_ms;
		struct store_query *q;

		store_expire_(s, now_ms);
		until_ms = store_tell_troubles_(s, now_ms);
		q = TAILQ_FIRST(&s->unanswered);
		if (q != NULL && q->deadline_ms < until_ms)
			until_ms = q->deadline_ms;
		if (until_ms != UINT64_MAX)
			store_cond_wait_(s, &s->due, until_ms);
		else
			pthread_cond_wait(&s->due, &s->lock);
	}
	store_expire_(s, UINT64_MAX);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static void *
backend_main(void *arg)
{
	struct store *s = arg;

	s->backend->run(s->self);
	return NULL;
}

static bool
start(struct store *s)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	if (pthread_create(&s->due_thread, NULL, due_main, s) == 0)
		s->started++;
	if (s->started == 1 &&
	    pthread_create(&s->backend_thread, NULL, backend_main, s) == 0)
		s->started++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return s->started == 2;
}

static void
store_end(struct store *s)
{
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_broadcast(&s->due);
	pthread_cond_broadcast(&s->queued);
	if (s->self != NULL)
		s->backend->wake(s->self);
	pthread_mutex_unlock(&s->lock);
	if (s->started > 0)
		pthread_join(s->due_thread, NULL);
	if (s->started > 1)
		pthread_join(s->backend_thread, NULL);
	if (s->self != NULL)
		s->backend->free(s->self);
	row_cache_free(s->cache);
	store_params_wipe(&s->params);
	pthread_cond_destroy(&s->queued);
	pthread_cond_destroy(&s->due);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* --- making --- */

static bool
cond_begin(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	bool ok;

	if (pthread_condattr_init(&attr) != 0)
		return false;
	ok = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
	    pthread_cond_init(cond, &attr) == 0;
	pthread_condattr_destroy(&attr);
	return ok;
}

static bool
store_build(struct store *s)
{
	bool is_sqlite = s->params.url.scheme == STORE_SQLITE;

	s->backend = is_sqlite ? &store_sqlite : &store_redis;
	s->cache = row_cache_new((size_t)s->params.cache_rows);
	if (s->cache == NULL)
		return false;
	s->self = is_sqlite ? store_sqlite_new(s, &s->params)
			    : store_redis_new(s, &s->params);
	return s->self != NULL && start(s);
}

struct store *
store_new(
    const struct store_params *params, struct store *old, struct report *report)
{
	struct store *s;

	if (old != NULL && memcmp(params, &old->params, sizeof(*params)) == 0)
		return store_hold(old);
	s = calloc(1, sizeof(*s));
	if (s != NULL) {
		pthread_mutex_init(&s->lock, NULL);
		TAILQ_INIT(&s->queue);
		TAILQ_INIT(&s->unanswered);
		s->holds = 1;
		s->epoch = 1;
		s->params = *params;
		s->since_ms = clock_ms();
		if (cond_begin(&s->queued) && cond_begin(&s->due) &&
		    store_build(s))
			return s;
		store_end(s);
	}
	report_error(report, NULL, 0, NULL, "cannot start the store: %s",
	    strerror(errno));
	return NULL;
}

struct store *
store_hold(struct store *s)
{
	pthread_mutex_lock(&s->lock);
	s->holds++;
	pthread_mutex_unlock(&s->lock);
	return s;
}

void
store_release(struct store *s)
{
	unsigned left;

	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	left = --s->holds;
	pthread_mutex_unlock(&s->lock);
	if (left == 0)
		store_end(s);
}

void
store_stats(struct store *s, struct store_stats *out)
{
	pthread_mutex_lock(&s->lock);
	*out = s->stats;
	out->is_up = s->is_up;
	out->waiting = s->waiting;
	pthread_mutex_unlock(&s->lock);
}

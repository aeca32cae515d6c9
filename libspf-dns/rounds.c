/* SPDX-License-Identifier: ISC */
#include "libspf-dns/rounds.h"

#include "libspf-dns/clock.h"

static void
timer_set(struct rounds *r, uint64_t at_ms, uint64_t now_ms)
{
	uint64_t ms = at_ms > now_ms ? at_ms - now_ms : 0;
	struct timeval after = {.tv_sec = (time_t)(ms / 1000),
	    .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	if (event_pending(r->timer, EV_TIMEOUT, NULL) && r->timer_ms <= at_ms)
		return;
	r->timer_ms = at_ms;
	event_add(r->timer, &after);
}

void
rounds_wait_(struct rounds *r, struct flight *f, uint64_t now_ms, uint64_t ms)
{
	unsigned round = f->round < ROUNDS_MAX ? f->round : ROUNDS_MAX - 1;
	struct flight *last;

	if (f->queue != NULL)
		TAILQ_REMOVE(f->queue, f, queued);
	f->queue = &r->of[round];
	f->deadline_ms = now_ms + ms;
	/* They mostly come in order; the system's options may change. */
	last = ms != 0 ? TAILQ_LAST(f->queue, flight_queue) : NULL;
	while (last != NULL && last->deadline_ms > f->deadline_ms)
		last = TAILQ_PREV(last, flight_queue, queued);
	if (last != NULL)
		TAILQ_INSERT_AFTER(f->queue, last, f, queued);
	else
		TAILQ_INSERT_HEAD(f->queue, f, queued);
	timer_set(r, f->deadline_ms, now_ms);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct rounds *r = arg;
	uint64_t now_ms = clock_ms_();
	struct flight *f;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < ROUNDS_MAX; i++)
		while ((f = TAILQ_FIRST(&r->of[i])) != NULL &&
		    f->deadline_ms <= now_ms)
			r->timed_out(f, now_ms);
	for (unsigned i = 0; i < ROUNDS_MAX; i++)
		if ((f = TAILQ_FIRST(&r->of[i])) != NULL)
			timer_set(r, f->deadline_ms, now_ms);
	r->after(r->arg);
}

struct flight *
rounds_any_(const struct rounds *r)
{
	for (unsigned i = 0; i < ROUNDS_MAX; i++)
		if (!TAILQ_EMPTY(&r->of[i]))
			return TAILQ_FIRST(&r->of[i]);
	return NULL;
}

bool
rounds_init_(struct rounds *r, struct event_base *base)
{
	for (unsigned i = 0; i < ROUNDS_MAX; i++)
		TAILQ_INIT(&r->of[i]);
	r->timer = event_new(base, -1, 0, on_timer, r);
	return r->timer != NULL;
}

void
rounds_free_(struct rounds *r)
{
	if (r->timer != NULL)
		event_free(r->timer);
}

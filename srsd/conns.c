/* SPDX-License-Identifier: ISC */
/*
 * Turns: a client that has sent more than is answered at once waits for its
 * next turn behind the others that have.  Between two looks at the sockets
 * TURNS_REQUESTS requests of such clients are answered, whatever number of them
 * there is, so that somebody else's single request never waits for more.
 */
#include "srsd/conns.h"

#include <stdlib.h>

#include "srsd/conn.h"
#include "srsd/places.h"

/* Clients that have a turn between two looks at the sockets, and requests. */
#define TURNS_MAX      16
#define TURNS_REQUESTS 64

/* --- turns --- */

static void
on_turns(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval at_once = {0};
	struct conns *all = arg;
	size_t count =
	    all->turn_count < TURNS_MAX ? all->turn_count : TURNS_MAX;

	(void)fd;
	(void)what;
	srsd_config_refresh(all->current, &all->config);
	for (size_t i = 0; i < count; i++) {
		struct conn *c = TAILQ_FIRST(&all->turns);

		if (!conn_turn(c, (unsigned)(TURNS_REQUESTS / count)))
			places_close(c);
	}
	if (all->turn_count != 0)
		event_add(all->next_turns, &at_once);
}

static void
on_answered(evutil_socket_t fd, short what, void *arg)
{
	struct conns *all = arg;
	struct pending *p;

	(void)fd;
	(void)what;
	handover_woken(&all->pending);
	while ((p = pending_next(&all->pending)) != NULL)
		if (!conn_resume(p->owner))
			places_close(p->owner);
}

/* --- all of them --- */

bool
conns_open(struct conns *all, const struct conn_params *params)
{
	struct conn *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return false;
	*c = (struct conn){.all = all,
	    .fd = params->fd,
	    .listener = params->listener,
	    .holder = params->holder,
	    .protocol = params->protocol,
	    .waits_for = EV_READ,
	    .since = all->now,
	    .deadline = all->now + (time_t)all->config->srsd.idle_timeout};
	if (!conn_listen(c)) {
		free(c);
		return false;
	}
	places_enter(c, CONN_NEW);
	all->count++;
	atomic_fetch_add(&all->listeners[c->listener].open, 1);
	return true;
}

bool
conns_begin(struct conns *all)
{
	for (unsigned i = 0; i < HOLDERS_MAX; i++)
		for (unsigned state = 0; state < CONN_STATES; state++)
			TAILQ_INIT(&all->places[i][state]);
	TAILQ_INIT(&all->turns);
	if (!handover_begin(&all->pending))
		return false;
	srsd_config_refresh(all->current, &all->config);
	all->next_turns = event_new(all->base, -1, 0, on_turns, all);
	all->answered = event_new(all->base, all->pending.pipe[0],
	    EV_READ | EV_PERSIST, on_answered, all);
	return all->next_turns != NULL && all->answered != NULL &&
	    event_add(all->answered, NULL) == 0;
}

void
conns_end(struct conns *all)
{
	places_each(all, places_close);
	if (all->next_turns != NULL)
		event_free(all->next_turns);
	if (all->answered != NULL)
		event_free(all->answered);
	handover_end(&all->pending);
	srsd_config_release(all->config);
}

/* Who has been moved to CONN_BUSY meanwhile is met again, to no effect. */
static void
finish(struct conn *c)
{
	if (c->pending != NULL)
		pending_settle(c->pending);
	if (c->state != CONN_BUSY && !conn_resume(c))
		places_close(c);
}

void
conns_finish(struct conns *all)
{
	all->stopping = true;
	places_each(all, finish);
}

/* SPDX-License-Identifier: ISC */
#include "srsd/places.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "srsd/conn.h"

/*
 * How many of a kind are asked whether something of theirs has arrived, before
 * they are let off.
 */
#define LOSERS_ASKED_MAX 16

/* Who hasn't asked anything within this time may have nothing to ask. */
#define NEW_SEC 2

/* --- places --- */

static void
leave_place(struct conn *c)
{
	struct conns *all = c->all;

	TAILQ_REMOVE(&all->places[c->holder][c->state], c, entry);
	all->place_counts[c->holder][c->state]--;
	if (c->state != CONN_BUSY)
		return;
	TAILQ_REMOVE(&all->turns, c, turn);
	all->turn_count--;
}

void
places_enter(struct conn *c, enum conn_state state)
{
	static const struct timeval at_once = {0};
	struct conns *all = c->all;

	c->state = state;
	TAILQ_INSERT_TAIL(&all->places[c->holder][state], c, entry);
	all->place_counts[c->holder][state]++;
	if (state != CONN_BUSY)
		return;
	TAILQ_INSERT_TAIL(&all->turns, c, turn);
	if (all->turn_count++ == 0)
		event_add(all->next_turns, &at_once);
}

void
places_move(struct conn *c, enum conn_state state)
{
	leave_place(c);
	places_enter(c, state);
}

static void
conn_free(struct conn *c)
{
	pending_free(c->pending);
	event_free(c->event);
	close(c->fd);
	free(c->input);
	free(c->output);
	free(c);
}

void
places_close(struct conn *c)
{
	struct conns *all = c->all;

	leave_place(c);
	holders_leave(all->holders, c->holder);
	atomic_fetch_sub(&all->listeners[c->listener].open, 1);
	all->count--;
	if (all->stopping && all->count == 0)
		event_base_loopbreak(all->base);
	conn_free(c);
}

/* Call for each; it may close that one. */
void
places_each(struct conns *all, void (*call)(struct conn *c))
{
	for (unsigned i = 0; i < HOLDERS_MAX; i++) {
		for (unsigned state = 0; state < CONN_STATES; state++) {
			struct conn_queue *queue = &all->places[i][state];
			struct conn *c = TAILQ_FIRST(queue), *next;

			for (; c != NULL; c = next) {
				next = TAILQ_NEXT(c, entry);
				call(c);
			}
		}
	}
}

static void
expire(struct conn *c)
{
	if (c->deadline < c->all->now)
		places_close(c);
}

void
places_expire(struct conns *all)
{
	places_each(all, expire);
}

/* --- who gives way --- */

static bool
has_sent_something(const struct conn *c)
{
	char octet;

	return recv(c->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* Of one place and state, the oldest. */
static struct conn *
find_loser(struct conns *all, unsigned holder, enum conn_state state)
{
	unsigned asked = 0;
	struct conn *c;

	TAILQ_FOREACH (c, &all->places[holder][state], entry) {
		/* What it has asked would be lost. */
		/* cppcheck-suppress uninitvar */
		if (state > CONN_IDLE || !has_sent_something(c))
			return c;
		if (++asked == LOSERS_ASKED_MAX)
			break;
	}
	return NULL;
}

/* Whether the new ones of a holder go before the idle ones. */
static bool
new_ones_go_first(const struct conns *all, unsigned holder)
{
	const size_t *counts = all->place_counts[holder];
	const struct conn *oldest = TAILQ_FIRST(&all->places[holder][CONN_NEW]);

	return counts[CONN_NEW] > counts[CONN_IDLE] ||
	    (oldest != NULL && all->now - oldest->since >= NEW_SEC);
}

static struct conn *
find_loser_of(struct conns *all, unsigned holder, bool busy)
{
	bool new_first = new_ones_go_first(all, holder);
	const enum conn_state order[] = {new_first ? CONN_NEW : CONN_IDLE,
	    new_first ? CONN_IDLE : CONN_NEW, CONN_STUCK, CONN_BUSY,
	    CONN_WAITING};
	size_t states = busy ? 5 : 3;
	struct conn *c = NULL;

	for (size_t i = 0; i < states && c == NULL; i++)
		c = find_loser(all, holder, order[i]);
	return c;
}

struct conn *
places_find_loser(struct conns *all, bool busy)
{
	struct holders_view view;
	struct conn *c = NULL;

	holders_look(all->holders, &view);
	for (unsigned i = 0; i < HOLDERS_MAX && c == NULL; i++)
		if (view.counts[i] == view.most)
			c = find_loser_of(all, i, busy);
	return c;
}

void
places_evict(struct conn *c)
{
	atomic_fetch_add(&c->all->listeners[c->listener].evicted, 1);
	places_close(c);
}

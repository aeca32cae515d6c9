/* SPDX-License-Identifier: ISC */
/*
 * What each connection of a thread is at, by holder and state: whose turn it
 * is, who gives way to others, whose time is over.
 */
#ifndef MAILFROM_SRSD_PLACES_H
#define MAILFROM_SRSD_PLACES_H

#include "srsd/conns.h"

/* Put a new one among the latest in this state; if CONN_BUSY it has a turn. */
void places_enter(struct conn *c, enum conn_state state);

/* The same for one that has a place. */
void places_move(struct conn *c, enum conn_state state);

/* Close it; its places, here and among the holders, are free. */
void places_close(struct conn *c);

/* Call for each, which may be closed or moved by that. */
void places_each(struct conns *all, void (*call)(struct conn *c));

/*
 * Which of this thread's connections would give way: one of a holder that no
 * other holds more than; the first of the states above that is found, oldest
 * first; up to CONN_STUCK, or if busy any.  NULL: none.
 *
 * CONN_NEW comes after CONN_IDLE while it has had no time to ask, unless it is
 * a crowd: of two who come at once, neither shuts out the other.
 */
struct conn *places_find_loser(struct conns *all, bool busy);

/* Close it, for want of a place or a descriptor. */
void places_evict(struct conn *c);

/* Close every connection whose deadline has passed. */
void places_expire(struct conns *all);

#endif

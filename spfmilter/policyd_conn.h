/* SPDX-License-Identifier: ISC */
/*
 * One connection of Postfix's to the policy service.
 *
 * Requests are answered one after the other.  While one waits for the DNS those
 * behind it stay in the input, and that of no other connection.
 */
#ifndef MAILFROM_SPFMILTER_POLICYD_CONN_H
#define MAILFROM_SPFMILTER_POLICYD_CONN_H

#include <event2/event.h>

#include "common/handover.h"
#include "common/rarely.h"
#include "spfmilter/policyd_message.h"

struct bufferevent;
struct policyd_conn;

TAILQ_HEAD(policyd_conn_list, policyd_conn);

/* What all connections share: they are one thread's. */
struct policyd_conns {
	struct event_base *base;
	struct policyd_context context;
	struct policyd_metrics *metrics;
	struct handover handover;      /* of struct policyd_conn */
	struct policyd_conn_list list; /* the one used last at the end */
	size_t count;
	/* Of the configuration in force. */
	uint64_t max, idle_ms, request_ms;
	bool stopping; /* answer what is there, and close */
	struct rarely malformed, too_early; /* logged by the tick */
};

/* The connection takes fd over; false: out of memory, and it is closed. */
bool policyd_conn_open(struct policyd_conns *all, int fd);

/* conn has waited no more; for policyd_context.woken.  Another thread. */
void policyd_conn_hand_over(void *conn);

/* One was handed over. */
void policyd_conn_resume(struct handover_item *item);

/* Close those whose time is over; log messages that seem to be. */
void policyd_conns_tick(struct policyd_conns *all);

/*
 * Make room for one more by closing the one that has been idle for longest.
 * False: nobody is idle.
 */
bool policyd_conns_evict(struct policyd_conns *all);

/*
 * Answer what has arrived and close, but for those that wait for the DNS;
 * is_over: they get a temporary failure.
 */
void policyd_conns_finish(struct policyd_conns *all, bool is_over);

/* Close all. */
void policyd_conns_close(struct policyd_conns *all);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * One connection of a thread: what it has to be asked and answered.
 */
#ifndef MAILFROM_SRSD_CONN_H
#define MAILFROM_SRSD_CONN_H

#include "srsd/conns.h"

/*
 * Requests that are answered in one turn: few when a client has just sent
 * something, so that the next client has its turn soon, and a share of
 * TURNS_REQUESTS for each client that has sent more than that.
 */
#define CONN_FIRST_TURN 8

struct conn {
	TAILQ_ENTRY(conn) entry; /* in all->places */
	TAILQ_ENTRY(conn) turn;  /* in all->turns, if CONN_BUSY */
	struct conns *all;
	struct event *event;
	unsigned listener; /* its number */
	unsigned holder;   /* its place */
	int fd;
	enum protocol protocol;
	enum conn_state state;
	short waits_for; /* EV_READ, EV_WRITE, or 0: nothing of the client's */
	bool has_more;   /* input may hold a whole request */
	bool ended;      /* the client sends no more */
	bool closing;    /* once the answers are taken */
	time_t since, deadline; /* since: when it was accepted */
	/* The request that waits for gate or store; nothing is read meanwhile. */
	struct pending *pending;
	/* Left over; NULL and 0 if nothing is. */
	char *input, *output;
	size_t input_len, output_len;
};

/* Begin to wait for requests.  False: out of memory. */
bool conn_listen(struct conn *c);

/*
 * Read if need be, answer up to so many requests, and wait for what is to come
 * next.  False: close it.
 */
bool conn_turn(struct conn *c, unsigned requests);

/* The client takes answers again.  False: close it. */
bool conn_write(struct conn *c);

/* There is an answer to what c->pending asked, or isn't waited for any more. */
bool conn_resume(struct conn *c);

#endif

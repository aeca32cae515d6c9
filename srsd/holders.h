/* SPDX-License-Identifier: ISC */
/*
 * Who holds how many connections: on a unix socket the user at the other end,
 * who is known, else the listener.
 *
 * At the limit a connection of the holder that has most gives way, so each has
 * a share of max_connections divided by the number of holders, whatever the
 * others do.
 */
#ifndef MAILFROM_SRSD_HOLDERS_H
#define MAILFROM_SRSD_HOLDERS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Those beyond share the last place. */
#define HOLDERS_MAX 256
#define HOLDER_NONE HOLDERS_MAX

struct holder {
	bool is_user;
	unsigned long id; /* uid, or number of the listener */
};

struct holders {
	pthread_mutex_t lock;
	struct holder list[HOLDERS_MAX]; /* all of this under lock */
	size_t counts[HOLDERS_MAX];      /* 0: the place is free */
	size_t total;
};

/* What one thread sees at a time. */
struct holders_view {
	size_t counts[HOLDERS_MAX];
	size_t total, most; /* most: the largest of counts */
	unsigned holders;   /* that have any */
};

void holders_begin(struct holders *h);
void holders_end(struct holders *h);

/* One more for who; its place, for holders_leave(). */
unsigned holders_enter(struct holders *h, const struct holder *who);
void holders_leave(struct holders *h, unsigned place);

size_t holders_total(struct holders *h);
void holders_look(struct holders *h, struct holders_view *out);

/* The place of who, or HOLDER_NONE if it holds nothing. */
unsigned holders_find(struct holders *h, const struct holder *who);

/* Who has most, and how many; false: nobody has any. */
bool holders_largest(struct holders *h, struct holder *who, size_t *count);

#endif

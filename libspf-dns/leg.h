/* SPDX-License-Identifier: ISC */
/*
 * Legs: attempts to have a question answered, each with an id that is its own
 * on the socket it was sent by.
 *
 * A leg listens until its question is answered by whichever leg, also after
 * its time is over: a late answer is an answer.
 */
#ifndef MAILFROM_LIBSPF_DNS_LEG_H
#define MAILFROM_LIBSPF_DNS_LEG_H

#include <sys/queue.h>

#include "libspf-dns/entropy.h"

/* Lists of a table, a power of two; a port has a few hundred legs. */
#define LEG_LISTS 256

/* Legs of one socket, so that a free id is found soon. */
#define LEGS_MAX 16384

struct flight;
struct dns_server;

LIST_HEAD(leg_list, leg);
TAILQ_HEAD(leg_queue, leg);

/* Those of one socket, by id. */
struct leg_table {
	struct leg_list by_id[LEG_LISTS];
	unsigned count;
};

enum leg_why {
	LEG_FIRST,      /* by UDP */
	LEG_TRUNCATED,  /* by TCP, because the answer by UDP was cut short */
	LEG_OTHER_CASE, /* by TCP, because it had the name in another case */
	LEG_MALFORMED   /* by TCP, because it was malformed */
};

struct leg {
	LIST_ENTRY(leg) of_flight;
	LIST_ENTRY(leg) by_id;
	TAILQ_ENTRY(leg) queued; /* while waiting is set */
	struct leg_table *table; /* of its socket; NULL: of none */
	struct flight *flight;
	struct dns_server *server;
	uint64_t case_bits; /* of the letters in the name it asks for */
	enum leg_why why;
	int error; /* of its socket, once that is broken */
	uint16_t id;
	bool edns;
	bool any_case;  /* the answer's name may be in whatever case */
	bool timed_out; /* but listening */
	bool shared;    /* with others, the connection that it has lost */
	struct leg_queue *waiting;
};

/* The id of a message, which is its first two octets. */
static inline uint16_t
leg_id_of_(const uint8_t *octets)
{
	return (uint16_t)(octets[0] << 8 | octets[1]);
}

void leg_table_init_(struct leg_table *table);

/* Give leg an id of its own.  False: no id, or no entropy, is left. */
bool leg_add_(
    struct leg_table *table, struct leg *leg, struct entropy *entropy);

/* The leg of that id, or NULL. */
struct leg *leg_find_(const struct leg_table *table, uint16_t id);

/* Any leg, or NULL. */
struct leg *leg_any_(const struct leg_table *table);

/* Put leg into a queue. */
void leg_wait_(struct leg *leg, struct leg_queue *queue);

/* Take leg off its socket, and out of the queue that it is in. */
void leg_leave_(struct leg *leg);

#endif

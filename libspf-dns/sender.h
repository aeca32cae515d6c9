/* SPDX-License-Identifier: ISC */
/*
 * Questions on the wire: to which server, by UDP or TCP, how often, and whether
 * what comes back is an answer.
 */
#ifndef MAILFROM_LIBSPF_DNS_SENDER_H
#define MAILFROM_LIBSPF_DNS_SENDER_H

#include <event2/event.h>

#include "libspf-dns/dnsmsg.h"
#include "libspf-dns/leg.h"
#include "libspf-dns/nameservers.h"
#include <mailfrom/spf_resolver.h>

struct sender;

TAILQ_HEAD(flight_queue, flight);

/* A question on the wire; part of what waits for it. */
struct flight {
	/* What is asked; set by who sends it, and his until it lands. */
	enum spf_rr rr;
	const struct dnsmsg_name *name;
	/*
	 * Read an answer, with records or none, whose octets are there during
	 * the call only.  SPF_CAUSE_NONE: it is of use, and the flight lands.
	 * Else it is asked again, or another server.  NULL: any is of use.
	 */
	enum spf_cause (*read)(
	    struct flight *flight, const uint8_t *octets, size_t len);
	/*
	 * With SPF_CAUSE_NONE an answer was read.  Else no server had one; an
	 * error that one gave goes before silence.
	 */
	void (*landed)(struct flight *flight, enum spf_cause cause);
	bool repeated; /* set when it lands: once wasn't enough */
	/* Whose answer or error it is, or silence; NULL: nobody's. */
	const struct nameserver *from;

	/* The rest is the sender's. */
	struct sender *sender;
	TAILQ_ENTRY(flight) queued; /* by deadline */
	struct flight_queue *queue; /* that it is in */
	uint64_t deadline_ms;       /* of the current leg */
	struct leg_list legs;
	struct leg *current; /* that is waited for; NULL: none */
	struct leg first;
	struct dns_server *only; /* a probe's */
	unsigned generation, start;
	unsigned tried, failed; /* servers: in this round, for good */
	unsigned round, again;
	/* That had an error for EDNS, or changed the case and hasn't TCP. */
	const struct dns_server *no_edns, *any_case;
	enum spf_cause cause;     /* that is known so far */
	struct nameserver blamed; /* the server that it is of */
};

/*
 * *out: the caller's, for sender_free_().  settle is called, with arg, on the
 * loop's thread whenever answers may have landed.
 */
enum spf_resolver_status sender_new_(struct event_base *base,
    const struct spf_resolver_params *params, void (*settle)(void *arg),
    void *arg, struct sender **out);

/* What is on the wire lands with SPF_CAUSE_STOPPING.  NULL is fine. */
void sender_free_(struct sender *sender);

/* Send a question.  It lands exactly once, and not before this returns. */
void sender_send_(struct sender *sender, struct flight *flight);

/*
 * Do what sending and landing have left to do; not from landed().  True: some
 * have landed.
 */
bool sender_settle_(struct sender *sender);

/* How many answers the receive buffers have room for, about. */
unsigned sender_room_(const struct sender *sender);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Questions on the wire: c-ares on an event loop.  Its .c is the only file that
 * includes <ares.h>.
 */
#ifndef MAILFROM_LIBSPF_DNS_CHANNEL_H
#define MAILFROM_LIBSPF_DNS_CHANNEL_H

#include <event2/event.h>

#include <mailfrom/spf_resolver.h>

enum channel_status {
	CHANNEL_ANSWERED,
	CHANNEL_TIMEOUT,
	CHANNEL_FAILED, /* every server refused, was out of reach... */
	CHANNEL_CLOSED  /* channels_free_() */
};

struct channel;
struct channels;

/* A question on the wire; part of what waits for it. */
struct flight {
	struct channel *channel; /* channel.c's */
	bool repeated;           /* set when it lands: once wasn't enough */
	/* The answer's octets are there during the call only. */
	void (*landed)(struct flight *flight, enum channel_status status,
	    const uint8_t *octets, size_t len);
};

/*
 * *out: the caller's, for channels_free_().  settle is called, with arg, on the
 * loop's thread whenever answers may have landed.
 */
enum spf_resolver_status channels_new_(struct event_base *base,
    const struct spf_resolver_params *params, void (*settle)(void *arg),
    void *arg, struct channels **out);

/* What is on the wire lands as CHANNEL_CLOSED.  NULL is fine. */
void channels_free_(struct channels *channels);

/*
 * Send a question to the servers, one after the other.  It lands exactly once,
 * maybe before this returns.
 */
void channels_send_(struct channels *channels, const uint8_t *query, size_t len,
    struct flight *flight);

/* How many answers the receive buffers have room for, about. */
unsigned channels_room_(const struct channels *channels);

/* Let go of channels that have nothing left to wait for; not from landed(). */
void channels_reap_(struct channels *channels);

#endif

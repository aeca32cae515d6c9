/* SPDX-License-Identifier: ISC */
/*
 * What sender.c, which asks, and flight.c, which reads the answers, share.
 */
#ifndef MAILFROM_SPF_SENDER_INTERNAL_H
#define MAILFROM_SPF_SENDER_INTERNAL_H

#include "libspf/sender.h"
#include "libspf/servers.h"
#include "libspf/tcp_link.h"
#include "libspf/udp_port.h"

/* Rounds over all servers; the time of an attempt doubles with each. */
#define ROUNDS_MAX 10

struct sender {
	struct event_base *base;
	struct servers servers;
	bool of_system;   /* the servers are */
	uint64_t read_ms; /* when they were read */
	unsigned attempts, attempt_ms;
	struct entropy entropy;
	struct udp_ports ports;
	struct tcp_links links;
	struct leg_queue lost; /* legs whose socket is broken */
	/* Those of a round, which all wait as long, by deadline. */
	struct flight_queue rounds[ROUNDS_MAX];
	struct event *timer;
	uint64_t timer_ms;
	/* Settles once no more answers are there: they come in bursts. */
	struct event *soon;
	bool landed; /* some have, since it was cleared */
	void (*settle)(void *arg);
	void *arg;
};

/* Begin a flight.  It is in a queue afterwards, whatever happened. */
void flight_begin_(struct sender *sender, struct flight *flight);

/* The current leg has had its time. */
void flight_timeout_(struct flight *flight, uint64_t now_ms);

/* A message with the leg's id has come. */
void flight_took_udp_(
    void *sender, struct leg *leg, const uint8_t *octets, size_t len);
void flight_took_tcp_(
    void *sender, struct leg *leg, const uint8_t *octets, size_t len);

/* The leg, which is in no queue, has lost its socket. */
void flight_lost_(struct leg *leg);

/* The leg has a link. */
void flight_may_send_(void *sender, struct leg *leg);

void flight_land_(struct flight *flight, enum spf_cause cause,
    const uint8_t *octets, size_t len);

/* --- sender.c --- */

/*
 * Ask server what flight asks, for nobody but to see whether it answers; unless
 * that is being done already.
 */
void sender_probe_(
    struct sender *sender, struct server *server, const struct flight *flight);

/* Let flight wait for its current leg, ms milliseconds from now_ms on. */
void sender_wait_(struct flight *flight, uint64_t now_ms, uint64_t ms);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * What sender.c, which asks, and flight.c, which reads the answers, share.
 */
#ifndef MAILFROM_LIBSPF_DNS_SENDER__H
#define MAILFROM_LIBSPF_DNS_SENDER__H

#include "libspf-dns/rounds.h"
#include "libspf-dns/sender.h"
#include "libspf-dns/servers.h"
#include "libspf-dns/tcp_link.h"
#include "libspf-dns/udp_port.h"

struct sender {
	struct event_base *base;
	struct servers servers;
	bool of_system;   /* the servers are */
	uint64_t read_ms; /* when they were read */
	unsigned attempts, attempt_ms;
	unsigned attempt_ms_max; /* also of later rounds */
	/* Of the parameters, where the system doesn't say otherwise. */
	unsigned default_attempts, default_attempt_ms;
	struct entropy entropy;
	struct udp_ports ports;
	struct tcp_links links;
	struct leg_queue lost; /* legs whose socket is broken */
	struct rounds rounds;
	/*
	 * Ask server what flight asks, for nobody but to see whether it
	 * answers; unless that is being done already.
	 */
	void (*probe)(struct sender *sender, struct dns_server *server,
	    const struct flight *flight);
	/* Settles once all ports are read: answers come in bursts. */
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

void flight_land_(struct flight *flight, enum spf_cause cause);

#endif

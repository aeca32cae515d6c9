/* SPDX-License-Identifier: ISC */
/*
 * UDP sockets, "ports": each is connected to one server, and carries some
 * hundred questions.  Then another one takes its place, with a source port of
 * the system's choice, while the old one listens for as long as it has legs.
 */
#ifndef MAILFROM_LIBSPF_DNS_UDP_PORT_H
#define MAILFROM_LIBSPF_DNS_UDP_PORT_H

#include <event2/event.h>

#include "libspf-dns/leg.h"
#include "libspf-dns/servers.h"

/* How many questions share a port, and for how long. */
#define PORT_QUESTIONS_MAX 200
#define PORT_AGE_MS        60000

/* Ports at a time; beyond that, questions go on sharing the last one. */
#define PORTS_MAX 256

TAILQ_HEAD(udp_port_list, udp_port);

struct udp_port {
	TAILQ_ENTRY(udp_port) entry;
	struct udp_ports *set;
	struct dns_server *server;
	struct event *event;
	int fd;
	bool broken;
	unsigned sent;
	uint64_t made_ms;
	struct leg_table legs;
};

/* The largest datagram there is. */
#define PORT_DATAGRAM_MAX 65535

struct udp_ports {
	struct event_base *base;
	struct entropy *entropy;
	struct udp_port_list list;
	size_t count;
	unsigned room; /* answers that the last port has buffers for, about */
	/* A datagram has come that has the id of leg. */
	void (*took)(
	    void *arg, struct leg *leg, const uint8_t *octets, size_t len);
	/* leg has lost its port; leg->error says why. */
	void (*lost)(void *arg, struct leg *leg);
	/* Something has happened, from the event loop. */
	void (*after)(void *arg);
	void *arg;
	uint8_t octets[PORT_DATAGRAM_MAX];
};

/* base, entropy and the functions are set. */
void udp_ports_init_(struct udp_ports *ports);
void udp_ports_free_(struct udp_ports *ports);

/* The next question to server takes a new port. */
bool udp_port_is_due_(const struct dns_server *server, uint64_t now_ms);

/*
 * Give leg a port to its server, and an id.  0, or an errno.
 */
int udp_ports_add_(struct udp_ports *ports, struct leg *leg, uint64_t now_ms);

/*
 * Send the question of a leg that has a port.  If that fails, all legs of the
 * port lose it.
 */
void udp_ports_send_(struct leg *leg, const uint8_t *octets, size_t len);

/* A datagram: what is shorter than a header, or to no leg, is nothing. */
void udp_port_take_(struct udp_port *port, const uint8_t *octets, size_t len);

/* Close ports that have no legs and won't get any; not from took(). */
void udp_ports_reap_(struct udp_ports *ports);

#endif

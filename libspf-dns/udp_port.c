/* SPDX-License-Identifier: ISC */
#include "libspf-dns/udp_port.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libspf-dns/dnsmsg.h"

/*
 * Octets for answers that come in a burst: what is tried, what is there at
 * least, and what an answer takes with the system's overhead.
 */
#define BUFFER_MAX    (4 * 1024 * 1024)
#define BUFFER_MIN    (128 * 1024)
#define ANSWER_OCTETS 1024

/* Datagrams taken before others get their turn. */
#define TURN_MAX 256

void
udp_ports_init_(struct udp_ports *set)
{
	TAILQ_INIT(&set->list);
	set->room = BUFFER_MIN / ANSWER_OCTETS;
}

/* --- legs that lose their port --- */

static void
port_retire(struct udp_port *p)
{
	if (p->server->port == p)
		p->server->port = NULL;
}

static void
port_break(struct udp_port *p, int error)
{
	struct leg *leg;

	port_retire(p);
	p->broken = true;
	while ((leg = leg_any_(&p->legs)) != NULL) {
		leg_leave_(leg);
		leg->error = error;
		p->set->lost(p->set->arg, leg);
	}
}

/* --- reading --- */

void
udp_port_take_(struct udp_port *p, const uint8_t *octets, size_t len)
{
	struct leg *leg;

	if (len < DNSMSG_HEADER_SIZE)
		return;
	leg = leg_find_(&p->legs, leg_id_of_(octets));
	if (leg != NULL)
		p->set->took(p->set->arg, leg, octets, len);
}

static void
on_datagrams(evutil_socket_t fd, short what, void *arg)
{
	struct udp_port *p = arg;
	uint8_t *octets = p->set->octets;

	(void)what;
	for (int i = 0; i < TURN_MAX && !p->broken; i++) {
		ssize_t len = recv(fd, octets, PORT_DATAGRAM_MAX, 0);

		if (len >= 0)
			udp_port_take_(p, octets, (size_t)len);
		else if (errno == EAGAIN || errno == EWOULDBLOCK)
			break;
		else if (errno != EINTR && errno != ENOMEM && errno != ENOBUFS)
			port_break(p, errno);
	}
	p->set->after(p->set->arg);
}

/* --- making and closing --- */

static void
port_free(struct udp_port *p)
{
	port_retire(p);
	TAILQ_REMOVE(&p->set->list, p, entry);
	p->set->count--;
	if (p->event != NULL)
		event_free(p->event);
	if (p->fd >= 0)
		close(p->fd);
	server_release_(p->server);
	free(p);
}

/*
 * Some systems refuse a buffer that is too large, where others give what they
 * have.
 */
static void
set_buffer(struct udp_ports *set, int fd)
{
	int octets = BUFFER_MAX;
	socklen_t len = sizeof(octets);

	while (octets > BUFFER_MIN &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &octets, len) < 0)
		octets /= 2;
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &octets, &len) == 0)
		set->room = (unsigned)octets / ANSWER_OCTETS;
}

/* 0, or an errno. */
static int
port_open(struct udp_port *p)
{
	struct sockaddr_storage address;
	socklen_t len = nameserver_address_(&p->server->at, &address);

	p->fd = socket(
	    address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0)
		return errno;
	set_buffer(p->set, p->fd);
	if (connect(p->fd, (struct sockaddr *)&address, len) < 0)
		return errno;
	p->event = event_new(
	    p->set->base, p->fd, EV_READ | EV_PERSIST, on_datagrams, p);
	return p->event != NULL && event_add(p->event, NULL) == 0 ? 0 : ENOMEM;
}

static int
port_new(struct udp_ports *set, struct dns_server *server, uint64_t now_ms)
{
	struct udp_port *p = calloc(1, sizeof(*p));
	int error;

	if (p == NULL)
		return ENOMEM;
	p->set = set;
	p->server = server;
	server_hold_(server);
	p->made_ms = now_ms;
	leg_table_init_(&p->legs);
	TAILQ_INSERT_HEAD(&set->list, p, entry);
	set->count++;
	error = port_open(p);
	if (error != 0)
		port_free(p);
	else
		server->port = p;
	return error;
}

bool
udp_port_is_due_(const struct dns_server *s, uint64_t now_ms)
{
	const struct udp_port *p = s->port;

	return p == NULL || p->sent >= PORT_QUESTIONS_MAX ||
	    now_ms - p->made_ms >= PORT_AGE_MS;
}

/* Any port to the server, where there can be no other one. */
static struct udp_port *
port_of(const struct udp_ports *set, const struct dns_server *server)
{
	struct udp_port *p;

	TAILQ_FOREACH (p, &set->list, entry)
		if (p->server == server && !p->broken)
			return p;
	return NULL;
}

int
udp_ports_add_(struct udp_ports *set, struct leg *leg, uint64_t now_ms)
{
	struct dns_server *server = leg->server;
	int error = EMFILE;

	if (udp_port_is_due_(server, now_ms)) {
		if (set->count < PORTS_MAX)
			error = port_new(set, server, now_ms);
		if (error != 0 && server->port == NULL)
			server->port = port_of(set, server);
		if (server->port == NULL)
			return error;
	}
	server->port->sent++;
	return leg_add_(&server->port->legs, leg, set->entropy) ? 0 : EMFILE;
}

void
udp_ports_send_(struct leg *leg, const uint8_t *octets, size_t len)
{
	struct udp_port *p = leg->server->port;

	/* What a full buffer loses is asked again, as what the net loses. */
	if (send(p->fd, octets, len, 0) < 0 && errno != EAGAIN &&
	    errno != EWOULDBLOCK && errno != ENOBUFS && errno != EINTR)
		port_break(p, errno);
}

void
udp_ports_reap_(struct udp_ports *set)
{
	struct udp_port *p = TAILQ_FIRST(&set->list);

	while (p != NULL) {
		struct udp_port *next = TAILQ_NEXT(p, entry);

		if (p->legs.count == 0 &&
		    (p->server->port != p || p->server->gone))
			port_free(p);
		p = next;
	}
}

void
udp_ports_free_(struct udp_ports *set)
{
	while (!TAILQ_EMPTY(&set->list))
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		port_free(TAILQ_FIRST(&set->list));
}

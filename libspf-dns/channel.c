/* SPDX-License-Identifier: ISC */
/*
 * Channels of c-ares.  One of them takes the new questions; after a number of
 * questions or some time another one takes its place, with new sockets, so that
 * source ports change, and what /etc/resolv.conf says now.
 *
 * c-ares 1.18 begins each question with the first server.  If that one doesn't
 * answer, every question would wait for it; so a channel that has seen this
 * happen gives way to one that begins with the next server, for a while.
 *
 * Timeouts are looked at in ticks: ares_timeout() would go through all that is
 * in flight each time.
 */
#include "libspf-dns/channel.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

#include <ares.h>

#include "libspf-dns/dnsmsg.h"
#include "libspf-dns/nameservers.h"

/* How many questions share their source ports, and how long. */
#define CHANNEL_QUESTIONS_MAX 1000
#define CHANNEL_AGE_SEC       60

/* Questions in a row that the first server didn't answer. */
#define CHANNEL_SLOW_MAX 3

/* How long another server is the first one then. */
#define CHANNEL_DETOUR_SEC 300

/*
 * Octets for answers that come in a burst: what is tried, what is there at
 * least, and what an answer takes with the system's overhead.
 */
#define BUFFER_MAX    (4 * 1024 * 1024)
#define BUFFER_MIN    (128 * 1024)
#define ANSWER_OCTETS 1024

#define TICK_MS_MIN 5
#define TICK_MS_MAX 200

LIST_HEAD(sock_list, sock);
TAILQ_HEAD(channel_queue, channel);

struct sock {
	LIST_ENTRY(sock) entry;
	struct channel *channel;
	struct event *event;
	int fd;
};

struct channel {
	TAILQ_ENTRY(channel) entry;
	struct channels *set;
	ares_channel ares;
	struct sock_list socks;
	unsigned sent, in_flight;
	unsigned slow; /* answers in a row that took more than one try */
	time_t made_at;
	bool unwatched; /* some socket has no event */
};

struct channels {
	struct event_base *base;
	/* A list, in an array; none: those of the system. */
	struct ares_addr_port_node servers[SPF_NAMESERVERS_MAX];
	size_t server_count;
	struct ares_options options;
	struct channel_queue list; /* the first takes new questions */
	struct event *tick;
	struct timeval tick_every;
	size_t in_flight;
	unsigned room;  /* for answers, of the last socket */
	unsigned first; /* server that comes first */
	time_t detour_ends;
	void (*settle)(void *arg);
	void *arg;
};

static time_t
clock_sec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* --- sockets --- */

static void
on_socket(evutil_socket_t fd, short what, void *arg)
{
	struct channel *c = arg;
	struct channels *set = c->set;

	ares_process_fd(c->ares, what & EV_READ ? fd : ARES_SOCKET_BAD,
	    what & EV_WRITE ? fd : ARES_SOCKET_BAD);
	set->settle(set->arg);
}

static void
sock_free(struct sock *s)
{
	LIST_REMOVE(s, entry);
	if (s->event != NULL)
		event_free(s->event);
	free(s);
}

/*
 * c-ares opens, uses or closes a socket.  If there is no memory to watch it, it
 * is looked at in ticks.
 */
static void
on_sock_state(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct channel *c = arg;
	struct sock *s;

	LIST_FOREACH (s, &c->socks, entry)
		if (s->fd == fd)
			break;
	if (!readable && !writable) {
		if (s != NULL)
			sock_free(s);
		return;
	}
	if (s == NULL) {
		s = calloc(1, sizeof(*s));
		if (s == NULL) {
			c->unwatched = true;
			return;
		}
		s->fd = fd;
		LIST_INSERT_HEAD(&c->socks, s, entry);
	} else if (s->event != NULL)
		event_free(s->event);
	s->event = event_new(c->set->base, fd,
	    (short)((readable ? EV_READ : 0) | (writable ? EV_WRITE : 0) |
		EV_PERSIST),
	    on_socket, c);
	if (s->event == NULL || event_add(s->event, NULL) < 0)
		c->unwatched = true;
}

/*
 * A new socket.  Some systems refuse a buffer that is too large, where others
 * give what they have.
 */
static int
on_new_socket(ares_socket_t fd, int type, void *arg)
{
	struct channels *set = arg;
	int octets = BUFFER_MAX;
	socklen_t len = sizeof(octets);

	if (type != SOCK_DGRAM)
		return 0;
	while (octets > BUFFER_MIN &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &octets, len) < 0)
		octets /= 2;
	if (getsockopt(fd, SOL_SOCKET, SO_RCVBUF, &octets, &len) == 0)
		set->room = (unsigned)octets / ANSWER_OCTETS;
	return 0;
}

/* --- making channels --- */

static void
channel_free(struct channel *c)
{
	struct sock *s, *next;

	if (c->ares != NULL)
		ares_destroy(c->ares);
	for (s = LIST_FIRST(&c->socks); s != NULL; s = next) {
		next = LIST_NEXT(s, entry);
		sock_free(s);
	}
	free(c);
}

static enum spf_resolver_status
status_of(int ares_status)
{
	if (ares_status == ARES_SUCCESS)
		return SPF_RESOLVER_OK;
	if (ares_status == ARES_ENOMEM)
		return SPF_RESOLVER_NO_MEMORY;
	return SPF_RESOLVER_SYSTEM;
}

/* Let server number `first` of the channel come first, the others behind it. */
static int
turn_servers(ares_channel ares, unsigned first)
{
	struct ares_addr_port_node *servers, *head, *last;
	int status = ares_get_servers_ports(ares, &servers);
	unsigned count = 1;

	if (status != ARES_SUCCESS || servers == NULL)
		return status;
	for (last = servers; last->next != NULL; last = last->next)
		count++;
	head = servers;
	for (first %= count; first > 0; first--) {
		struct ares_addr_port_node *next = head->next;

		last->next = head;
		last = head;
		head->next = NULL;
		head = next;
	}
	status = ares_set_servers_ports(ares, head);
	ares_free_data(head);
	return status;
}

static enum spf_resolver_status
channel_new(struct channels *set, struct channel **out)
{
	struct channel *c = calloc(1, sizeof(*c));
	struct ares_options options = set->options;
	enum spf_resolver_status status;

	*out = NULL;
	if (c == NULL)
		return SPF_RESOLVER_NO_MEMORY;
	c->set = set;
	c->made_at = clock_sec();
	LIST_INIT(&c->socks);
	options.sock_state_cb_data = c;
	status = status_of(ares_init_options(&c->ares, &options,
	    ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
		ARES_OPT_LOOKUPS | ARES_OPT_SOCK_STATE_CB | ARES_OPT_EDNSPSZ));
	if (status != SPF_RESOLVER_OK) {
		c->ares = NULL;
		channel_free(c);
		return status;
	}
	ares_set_socket_configure_callback(c->ares, on_new_socket, set);
	if (set->server_count != 0)
		status =
		    status_of(ares_set_servers_ports(c->ares, set->servers));
	if (status == SPF_RESOLVER_OK && set->first != 0)
		status = status_of(turn_servers(c->ares, set->first));
	if (status == SPF_RESOLVER_OK)
		*out = c;
	else
		channel_free(c);
	return status;
}

/*
 * The channel for a new question.  If another one can't be made, the old one
 * goes on.
 */
static struct channel *
channel_current(struct channels *set)
{
	struct channel *c = TAILQ_FIRST(&set->list), *next;
	time_t now = clock_sec();

	if (c->slow >= CHANNEL_SLOW_MAX) {
		set->first++;
		set->detour_ends = now + CHANNEL_DETOUR_SEC;
	} else if (c->sent < CHANNEL_QUESTIONS_MAX &&
	    now - c->made_at < CHANNEL_AGE_SEC)
		return c;
	if (now >= set->detour_ends)
		set->first = 0;
	if (channel_new(set, &next) != SPF_RESOLVER_OK) {
		c->slow = c->sent = 0;
		c->made_at = now;
		return c;
	}
	TAILQ_INSERT_HEAD(&set->list, next, entry);
	return next;
}

unsigned
channels_room_(const struct channels *set)
{
	return set->room;
}

void
channels_reap_(struct channels *set)
{
	struct channel *c = TAILQ_NEXT(TAILQ_FIRST(&set->list), entry);

	while (c != NULL) {
		struct channel *next = TAILQ_NEXT(c, entry);

		if (c->in_flight == 0) {
			TAILQ_REMOVE(&set->list, c, entry);
			channel_free(c);
		}
		c = next;
	}
}

/* --- questions --- */

/* Read whatever its sockets have. */
static void
channel_poll(struct channel *c)
{
	ares_socket_t fds[ARES_GETSOCK_MAXNUM];
	int ready = ares_getsock(c->ares, fds, ARES_GETSOCK_MAXNUM);

	for (int i = 0; i < ARES_GETSOCK_MAXNUM; i++)
		if (ARES_GETSOCK_READABLE(ready, i))
			ares_process_fd(c->ares, fds[i], fds[i]);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct channels *set = arg;
	struct channel *c;

	(void)fd;
	(void)what;
	for (c = TAILQ_FIRST(&set->list); c != NULL; c = TAILQ_NEXT(c, entry)) {
		if (c->in_flight == 0)
			continue;
		if (c->unwatched)
			channel_poll(c);
		ares_process_fd(c->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	}
	set->settle(set->arg);
}

static enum channel_status
landing(int ares_status)
{
	switch (ares_status) {
	case ARES_SUCCESS:
		return CHANNEL_ANSWERED;
	case ARES_ETIMEOUT:
		return CHANNEL_TIMEOUT;
	case ARES_EDESTRUCTION:
		return CHANNEL_CLOSED;
	default:
		return CHANNEL_FAILED;
	}
}

static void
on_landing(
    void *arg, int ares_status, int timeouts, unsigned char *octets, int len)
{
	struct flight *flight = arg;
	struct channel *c = flight->channel;

	flight->repeated = timeouts != 0;
	c->slow = flight->repeated ? c->slow + 1 : 0;
	c->in_flight--;
	if (--c->set->in_flight == 0)
		event_del(c->set->tick);
	flight->landed(flight, landing(ares_status), octets,
	    octets != NULL && len > 0 ? (size_t)len : 0);
}

void
channels_send_(struct channels *set, const uint8_t *query, size_t len,
    struct flight *flight)
{
	struct channel *c = channel_current(set);

	flight->channel = c;
	c->sent++;
	c->in_flight++;
	if (set->in_flight++ == 0)
		event_add(set->tick, &set->tick_every);
	ares_send(c->ares, query, (int)len, on_landing, flight);
}

/* --- the set --- */

static int library_status;

/* DNS alone: no /etc/hosts. */
static char lookups[] = "b";

static void
init_library(void)
{
	library_status = ares_library_init(ARES_LIB_INIT_ALL);
}

/* c-ares has a function for this, which takes "1.2.3" for an address. */
static bool
take_servers(struct channels *set, struct mf_text list)
{
	struct nameserver servers[SPF_NAMESERVERS_MAX];
	size_t count = nameservers_read_(list, servers);

	for (size_t i = 0; i < count; i++) {
		struct ares_addr_port_node *node = &set->servers[i];
		const struct spf_ip *ip = &servers[i].ip;

		node->family = ip->v6 ? AF_INET6 : AF_INET;
		node->udp_port = node->tcp_port = (int)servers[i].port;
		memcpy(&node->addr, ip->octets, ip->v6 ? 16 : 4);
		node->next = i + 1 < count ? node + 1 : NULL;
	}
	set->server_count = count;
	return count != 0;
}

static enum spf_resolver_status
channels_build(struct channels *set, const struct spf_resolver_params *params)
{
	unsigned tick_ms = params->attempt_ms / 8;
	enum spf_resolver_status status;
	struct channel *first;

	if (params->nameservers != NULL &&
	    !take_servers(set, mf_text_of(params->nameservers)))
		return SPF_RESOLVER_BAD_SERVERS;
	if (tick_ms < TICK_MS_MIN)
		tick_ms = TICK_MS_MIN;
	if (tick_ms > TICK_MS_MAX)
		tick_ms = TICK_MS_MAX;
	set->tick_every.tv_usec = (suseconds_t)tick_ms * 1000;
	set->tick = event_new(set->base, -1, EV_PERSIST, on_tick, set);
	if (set->tick == NULL)
		return SPF_RESOLVER_NO_MEMORY;
	set->options =
	    (struct ares_options){.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_EDNS,
		.timeout = (int)params->attempt_ms,
		.tries = (int)params->attempts,
		.lookups = lookups,
		.ednspsz = DNSMSG_UDP_SIZE,
		.sock_state_cb = on_sock_state};
	status = channel_new(set, &first);
	if (status == SPF_RESOLVER_OK)
		TAILQ_INSERT_HEAD(&set->list, first, entry);
	return status;
}

enum spf_resolver_status
channels_new_(struct event_base *base, const struct spf_resolver_params *params,
    void (*settle)(void *arg), void *arg, struct channels **out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct channels *set;
	enum spf_resolver_status status;

	*out = NULL;
	pthread_once(&once, init_library);
	if (library_status != ARES_SUCCESS)
		return status_of(library_status);
	set = calloc(1, sizeof(*set));
	if (set == NULL)
		return SPF_RESOLVER_NO_MEMORY;
	set->base = base;
	set->room = BUFFER_MIN / ANSWER_OCTETS;
	set->settle = settle;
	set->arg = arg;
	TAILQ_INIT(&set->list);
	status = channels_build(set, params);
	if (status != SPF_RESOLVER_OK) {
		channels_free_(set);
		return status;
	}
	*out = set;
	return SPF_RESOLVER_OK;
}

void
channels_free_(struct channels *set)
{
	if (set == NULL)
		return;
	while (!TAILQ_EMPTY(&set->list)) {
		struct channel *c = TAILQ_FIRST(&set->list);

		TAILQ_REMOVE(&set->list, c, entry);
		channel_free(c);
	}
	if (set->tick != NULL)
		event_free(set->tick);
	free(set);
}

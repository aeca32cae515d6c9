/* SPDX-License-Identifier: ISC */
/*
 * The sender: its servers, its time, its sockets.
 */
#include "libspf/sender_.h"

#include <stdlib.h>

#include "libspf/clock.h"
#include "libspf/system_servers.h"

/* How long the system's servers are taken for what they were, at least. */
#define READ_AGAIN_MS 1000

/* --- time --- */

static void
timer_set(struct sender *s, uint64_t at_ms, uint64_t now_ms)
{
	uint64_t ms = at_ms > now_ms ? at_ms - now_ms : 0;
	struct timeval after = {.tv_sec = (time_t)(ms / 1000),
	    .tv_usec = (suseconds_t)(ms % 1000) * 1000};

	if (event_pending(s->timer, EV_TIMEOUT, NULL) && s->timer_ms <= at_ms)
		return;
	s->timer_ms = at_ms;
	event_add(s->timer, &after);
}

void
sender_wait_(struct flight *f, uint64_t now_ms, uint64_t ms)
{
	struct sender *s = f->sender;
	unsigned round = f->round < ROUNDS_MAX ? f->round : ROUNDS_MAX - 1;

	if (f->queue != NULL)
		TAILQ_REMOVE(f->queue, f, queued);
	f->queue = &s->rounds[round];
	f->deadline_ms = now_ms + ms;
	if (ms == 0)
		TAILQ_INSERT_HEAD(f->queue, f, queued);
	else
		TAILQ_INSERT_TAIL(f->queue, f, queued);
	timer_set(s, f->deadline_ms, now_ms);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct sender *s = arg;
	uint64_t now_ms = clock_ms_();
	struct flight *f;

	(void)fd;
	(void)what;
	for (unsigned i = 0; i < ROUNDS_MAX; i++)
		while ((f = TAILQ_FIRST(&s->rounds[i])) != NULL &&
		    f->deadline_ms <= now_ms)
			flight_timeout_(f, now_ms);
	for (unsigned i = 0; i < ROUNDS_MAX; i++)
		if ((f = TAILQ_FIRST(&s->rounds[i])) != NULL)
			timer_set(s, f->deadline_ms, now_ms);
	s->settle(s->arg);
}

/* --- probes --- */

struct probe {
	struct flight flight;
	struct dnsmsg_name name;
};

static void
on_probe_landed(struct flight *flight, enum spf_cause cause,
    const uint8_t *octets, size_t len)
{
	struct server *server = flight->only;

	(void)octets;
	(void)len;
	server->probing = false;
	if (cause == SPF_CAUSE_TIMEOUT)
		server_lost_(server, clock_ms_());
	server_release_(server);
	free(flight);
}

void
sender_probe_(
    struct sender *s, struct server *server, const struct flight *like)
{
	struct probe *p;

	if (server->probing || (p = calloc(1, sizeof(*p))) == NULL)
		return;
	server->probing = true;
	server_hold_(server);
	p->name = *like->name;
	p->flight.rr = like->rr;
	p->flight.name = &p->name;
	p->flight.landed = on_probe_landed;
	p->flight.only = server;
	flight_begin_(s, &p->flight);
}

/* --- sending --- */

/* Read the system's servers; if that fails they stay what they were. */
static bool
read_system(struct sender *s, uint64_t now_ms)
{
	struct system_servers found;

	s->read_ms = now_ms;
	if (!system_servers_read_(&found))
		return false;
	s->servers.rotate = found.rotate;
	return found.count == 0 ||
	    servers_set_(&s->servers, found.all, found.count);
}

/* Whenever there is to be a new port. */
static bool
must_read(const struct sender *s, uint64_t now_ms)
{
	int next = servers_choose_(&s->servers, 0, s->servers.turn);

	return s->of_system && now_ms - s->read_ms >= READ_AGAIN_MS &&
	    (next < 0 || udp_port_is_due_(s->servers.all[next], now_ms));
}

void
sender_send_(struct sender *s, struct flight *f)
{
	uint64_t now_ms = clock_ms_();
	struct server *silent;

	if (must_read(s, now_ms))
		read_system(s, now_ms);
	f->current = NULL;
	f->queue = NULL;
	f->first.flight = NULL;
	f->only = NULL;
	f->tried = f->failed = f->round = f->again = 0;
	f->no_edns = f->any_case = NULL;
	f->repeated = false;
	f->start = servers_start_(&s->servers);
	flight_begin_(s, f);
	silent = f->current != NULL
	    ? servers_probe_(&s->servers, f->current->server, now_ms)
	    : NULL;
	if (silent != NULL)
		sender_probe_(s, silent, f);
}

bool
sender_settle_(struct sender *s)
{
	struct leg *leg;

	s->landed = false;
	do {
		while ((leg = TAILQ_FIRST(&s->lost)) != NULL) {
			leg_leave_(leg);
			flight_lost_(leg);
		}
		udp_ports_reap_(&s->ports);
		tcp_links_settle_(&s->links);
	} while (!TAILQ_EMPTY(&s->lost));
	return s->landed;
}

unsigned
sender_room_(const struct sender *s)
{
	return s->ports.room;
}

/* --- making and ending --- */

static void
on_lost(void *arg, struct leg *leg)
{
	struct sender *s = arg;

	leg_wait_(leg, &s->lost);
}

static void
after(void *arg)
{
	struct sender *s = arg;

	event_active(s->soon, 0, 0);
}

static void
on_soon(evutil_socket_t fd, short what, void *arg)
{
	struct sender *s = arg;

	(void)fd;
	(void)what;
	s->settle(s->arg);
}

static void
init_sockets(struct sender *s)
{
	s->ports.base = s->base;
	s->ports.entropy = &s->entropy;
	s->ports.took = flight_took_udp_;
	s->ports.lost = on_lost;
	s->ports.after = after;
	s->ports.arg = s;
	udp_ports_init_(&s->ports);
	s->links.base = s->base;
	s->links.entropy = &s->entropy;
	s->links.may_send = flight_may_send_;
	s->links.took = flight_took_tcp_;
	s->links.lost = on_lost;
	s->links.after = after;
	s->links.arg = s;
	tcp_links_init_(&s->links);
}

static enum spf_resolver_status
init_servers(struct sender *s, const char *nameservers)
{
	struct nameserver list[SPF_NAMESERVERS_MAX];
	size_t count;

	if (nameservers == NULL) {
		s->of_system = true;
		return read_system(s, clock_ms_()) ? SPF_RESOLVER_OK
						   : SPF_RESOLVER_NO_MEMORY;
	}
	count = nameservers_read_(text_of(nameservers), list);
	if (count == 0)
		return SPF_RESOLVER_BAD_SERVERS;
	return servers_set_(&s->servers, list, count) ? SPF_RESOLVER_OK
						      : SPF_RESOLVER_NO_MEMORY;
}

enum spf_resolver_status
sender_new_(struct event_base *base, const struct spf_resolver_params *params,
    void (*settle)(void *arg), void *arg, struct sender **out)
{
	struct sender *s = calloc(1, sizeof(*s));
	enum spf_resolver_status status;

	*out = NULL;
	if (s == NULL)
		return SPF_RESOLVER_NO_MEMORY;
	s->base = base;
	s->attempts = params->attempts;
	s->attempt_ms = params->attempt_ms;
	s->settle = settle;
	s->arg = arg;
	TAILQ_INIT(&s->lost);
	for (unsigned i = 0; i < ROUNDS_MAX; i++)
		TAILQ_INIT(&s->rounds[i]);
	init_sockets(s);
	status = init_servers(s, params->nameservers);
	s->timer = event_new(base, -1, 0, on_timer, s);
	s->soon = event_new(base, -1, 0, on_soon, s);
	if (status == SPF_RESOLVER_OK && (s->timer == NULL || s->soon == NULL))
		status = SPF_RESOLVER_NO_MEMORY;
	if (status == SPF_RESOLVER_OK)
		*out = s;
	else
		sender_free_(s);
	return status;
}

void
sender_free_(struct sender *s)
{
	struct flight *f;

	if (s == NULL)
		return;
	for (unsigned i = 0; i < ROUNDS_MAX; i++)
		while ((f = TAILQ_FIRST(&s->rounds[i])) != NULL)
			flight_land_(f, SPF_CAUSE_STOPPING, NULL, 0);
	tcp_links_free_(&s->links);
	udp_ports_free_(&s->ports);
	servers_clear_(&s->servers);
	if (s->timer != NULL)
		event_free(s->timer);
	if (s->soon != NULL)
		event_free(s->soon);
	free(s);
}

/* SPDX-License-Identifier: ISC */
/*
 * The sender: its servers, probes and sockets.
 */
#include "libspf-dns/sender_.h"

#include <stdlib.h>

#include "libspf-dns/clock.h"
#include "libspf-dns/system_servers.h"

/* How long the system's servers are taken for what they were, at least. */
#define READ_AGAIN_MS 1000

/* --- probes --- */

struct server_probe {
	struct flight flight;
	struct dnsmsg_name name;
};

static void
on_probe_landed(struct flight *flight, enum spf_cause cause)
{
	struct dns_server *server = flight->only;

	server->probing = false;
	if (cause == SPF_CAUSE_TIMEOUT)
		server_lost_(server, clock_ms_());
	server_release_(server);
	free(flight);
}

static void
probe(struct sender *s, struct dns_server *server, const struct flight *like)
{
	struct server_probe *p;

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
	s->attempts =
	    found.attempts != 0 ? found.attempts : s->default_attempts;
	s->attempt_ms = found.timeout_sec != 0 ? found.timeout_sec * 1000
					       : s->default_attempt_ms;
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
	struct dns_server *silent;

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
		probe(s, silent, f);
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

static bool
init_rounds(struct sender *s)
{
	s->rounds.timed_out = flight_timeout_;
	s->rounds.after = s->settle;
	s->rounds.arg = s->arg;
	s->probe = probe;
	return rounds_init_(&s->rounds, s->base);
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
	count = nameservers_read_(mf_text_of(nameservers), list);
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
	s->attempts = s->default_attempts = params->attempts;
	s->attempt_ms = s->default_attempt_ms = params->attempt_ms;
	s->attempt_ms_max = params->timeout_ms;
	s->settle = settle;
	s->arg = arg;
	TAILQ_INIT(&s->lost);
	init_sockets(s);
	status = init_servers(s, params->nameservers);
	s->soon = event_new(base, -1, 0, on_soon, s);
	if (status == SPF_RESOLVER_OK && (!init_rounds(s) || s->soon == NULL))
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
	while ((f = rounds_any_(&s->rounds)) != NULL)
		flight_land_(f, SPF_CAUSE_STOPPING);
	tcp_links_free_(&s->links);
	udp_ports_free_(&s->ports);
	servers_clear_(&s->servers);
	rounds_free_(&s->rounds);
	if (s->soon != NULL)
		event_free(s->soon);
	free(s);
}

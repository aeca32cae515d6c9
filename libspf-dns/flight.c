/* SPDX-License-Identifier: ISC */
/*
 * Flights: a question on its way, one leg after the other until one of them has
 * the answer.
 *
 * The servers have their turns, each in a round, and what one lacks decides what
 * comes next:
 *
 *	silence			the next server; this one is still listened to.
 *				One that didn't answer the last question isn't
 *				waited for: the next one is asked too
 *	an error, a referral	the next server, and this one not again
 *	an error, with EDNS	the same once more, without EDNS (RFC 6891 6.2.2)
 *	cut short		the same by TCP (RFC 7766 5)
 *	malformed		the same by TCP, then the next server
 *	another case		the same by TCP, which can't be forged blindly;
 *				without TCP by UDP, in whatever case
 *
 * Names are asked for in random case, which an answer has to keep: that is some
 * octets more that a forger has to guess.
 */
#include <errno.h>
#include <stdlib.h>

#include "libspf-dns/clock.h"
#include "libspf-dns/dnsmsg_.h"
#include "libspf-dns/sender_.h"

/* Connections that a question may lose to servers that close them early. */
#define AGAIN_MAX 32

/* --- legs --- */

static struct leg *
leg_new(struct flight *f, struct dns_server *server)
{
	struct leg *leg = &f->first;

	if (leg->flight != NULL)
		leg = malloc(sizeof(*leg));
	if (leg == NULL)
		return NULL;
	*leg = (struct leg){.flight = f, .server = server};
	server_hold_(server);
	LIST_INSERT_HEAD(&f->legs, leg, of_flight);
	return leg;
}

static void
leg_free(struct leg *leg)
{
	struct flight *f = leg->flight;

	leg_leave_(leg);
	LIST_REMOVE(leg, of_flight);
	server_release_(leg->server);
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
	if (f->current == leg)
		f->current = NULL;
	if (leg == &f->first)
		leg->flight = NULL;
	else
		free(leg);
}

static size_t
write_question(const struct leg *leg, uint8_t out[static DNSMSG_QUERY_SIZE])
{
	const struct flight *f = leg->flight;
	size_t len = dnsmsg_query_(leg->id, f->rr, f->name, leg->edns, out);

	dnsmsg_mix_case_(
	    out + DNSMSG_HEADER_SIZE, f->name->len, leg->case_bits);
	return len;
}

void
flight_may_send_(void *arg, struct leg *leg)
{
	uint8_t octets[DNSMSG_QUERY_SIZE];

	(void)arg;
	tcp_links_send_(leg, octets, write_question(leg, octets));
}

static void
send_by_udp(struct leg *leg, uint64_t now_ms)
{
	struct sender *s = leg->flight->sender;
	uint8_t octets[DNSMSG_QUERY_SIZE];

	leg->error = udp_ports_add_(&s->ports, leg, now_ms);
	if (leg->error != 0)
		leg_wait_(leg, &s->lost);
	else
		udp_ports_send_(leg, octets, write_question(leg, octets));
}

/* How long an attempt of that round is waited for. */
static uint64_t
attempt_ms(const struct sender *s, unsigned round)
{
	uint64_t ms = (uint64_t)s->attempt_ms << round;

	return ms < s->attempt_ms_max ? ms : s->attempt_ms_max;
}

/*
 * Ask server.  With wait, the flight waits for this leg now.  False: out of
 * memory, or of entropy.
 */
static bool
ask(struct flight *f, struct dns_server *server, enum leg_why why, bool wait,
    uint64_t now_ms)
{
	struct sender *s = f->sender;
	struct leg *leg = leg_new(f, server);

	if (leg == NULL)
		return false;
	leg->why = why;
	leg->edns = f->no_edns != server && server->no_edns_ms <= now_ms;
	leg->any_case = f->any_case == server || server->any_case_ms > now_ms;
	if (!leg->any_case &&
	    !entropy_get_(
		&s->entropy, &leg->case_bits, sizeof(leg->case_bits))) {
		leg_free(leg);
		return false;
	}
	if (wait) {
		f->current = leg;
		rounds_wait_(&s->rounds, f, now_ms, attempt_ms(s, f->round));
	}
	if (why == LEG_FIRST)
		send_by_udp(leg, now_ms);
	else
		tcp_links_add_(&s->links, leg);
	return true;
}

/* --- causes --- */

static enum spf_cause
cause_of(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return SPF_CAUSE_CONNREFUSED;
	case EACCES:
	case EADDRNOTAVAIL:
	case EHOSTDOWN:
	case EHOSTUNREACH:
	case EINVAL: /* a link-local address without an interface */
	case ENETDOWN:
	case ENETUNREACH:
	case EPERM:
	case ETIMEDOUT:
		return SPF_CAUSE_UNREACHABLE;
	case ENOMEM:
		return SPF_CAUSE_NO_MEMORY;
	default:
		return SPF_CAUSE_SYSTEM;
	}
}

/* Rather than a shortage here. */
static bool
is_of_server(enum spf_cause cause)
{
	return cause == SPF_CAUSE_CONNREFUSED || cause == SPF_CAUSE_UNREACHABLE;
}

/* What a server said goes before what none has said. */
static bool
was_said(enum spf_cause cause)
{
	return cause != SPF_CAUSE_NONE &&
	    (cause <= SPF_CAUSE_RCODE_MAX || cause == SPF_CAUSE_TRUNCATED ||
		cause == SPF_CAUSE_MALFORMED || cause == SPF_CAUSE_REFERRAL);
}

static void
note_cause(struct flight *f, const struct leg *leg, enum spf_cause cause)
{
	if (was_said(f->cause) && !was_said(cause))
		return;
	f->cause = cause;
	f->from = leg != NULL ? &f->blamed : NULL;
	if (leg != NULL)
		f->blamed = leg->server->at;
}

/* --- turns --- */

static struct dns_server *
next_server(struct flight *f)
{
	struct servers *all = &f->sender->servers;
	int n;

	if (f->only != NULL)
		return f->tried++ == 0 ? f->only : NULL;
	if (f->generation != all->generation) {
		f->generation = all->generation;
		f->tried = f->failed = 0;
	}
	n = servers_choose_(all, f->tried | f->failed, f->start);
	if (n < 0) {
		if (++f->round >= f->sender->attempts)
			return NULL;
		f->tried = 0;
		n = servers_choose_(all, f->failed, f->start);
	}
	if (n < 0)
		return NULL;
	f->tried |= 1u << n;
	return all->all[n];
}

/* Ask the next server.  False: there is none. */
static bool
ask_next(struct flight *f, uint64_t now_ms)
{
	struct dns_server *server;

	f->current = NULL;
	server = next_server(f);
	if (server == NULL)
		return false;
	if (ask(f, server, LEG_FIRST, true, now_ms))
		return true;
	note_cause(f, NULL, SPF_CAUSE_NO_MEMORY);
	return false;
}

static void
advance(struct flight *f, uint64_t now_ms)
{
	if (!ask_next(f, now_ms))
		flight_land_(f, f->cause);
}

/* Another leg to the same server, in leg's place. */
static void
ask_again(struct leg *leg, enum leg_why why, uint64_t now_ms)
{
	struct flight *f = leg->flight;
	bool wait = f->current == leg;
	struct dns_server *server = leg->server;

	server_hold_(server);
	leg_free(leg);
	if (!ask(f, server, why, wait, now_ms) && wait) {
		note_cause(f, NULL, SPF_CAUSE_NO_MEMORY);
		advance(f, now_ms);
	}
	server_release_(server);
}

/* leg is of no use any more, and its server won't be for this question. */
static void
give_up(struct leg *leg, enum spf_cause cause, uint64_t now_ms)
{
	struct flight *f = leg->flight;
	const struct servers *all = &f->sender->servers;
	bool wait = f->current == leg;

	note_cause(f, leg, cause);
	for (size_t i = 0; i < all->count; i++)
		if (all->all[i] == leg->server &&
		    f->generation == all->generation)
			f->failed |= 1u << i;
	leg_free(leg);
	if (wait)
		advance(f, now_ms);
}

/* Don't wait for a server that may be dead to find another one. */
static void
ask_another(struct flight *f, uint64_t now_ms)
{
	struct servers *all = &f->sender->servers;
	int n = servers_choose_(all, f->tried, f->start);

	if (n < 0 || server_is_behind_(all->all[n]))
		return;
	f->tried |= 1u << n;
	ask(f, all->all[n], LEG_FIRST, false, now_ms);
}

/* --- what happens to a flight --- */

void
flight_begin_(struct sender *s, struct flight *f)
{
	uint64_t now_ms = clock_ms_();

	f->sender = s;
	f->cause = s->servers.count != 0 || f->only != NULL
	    ? SPF_CAUSE_TIMEOUT
	    : SPF_CAUSE_NO_SERVER;
	f->from = NULL;
	f->generation = s->servers.generation;
	LIST_INIT(&f->legs);
	if (!ask_next(f, now_ms))
		rounds_wait_(&s->rounds, f, now_ms, 0);
	else if (f->only == NULL && server_is_doubtful_(f->current->server))
		ask_another(f, now_ms);
}

void
flight_land_(struct flight *f, enum spf_cause cause)
{
	if (f->queue != NULL)
		TAILQ_REMOVE(f->queue, f, queued);
	f->queue = NULL;
	while (!LIST_EMPTY(&f->legs))
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc) */
		leg_free(LIST_FIRST(&f->legs));
	f->sender->landed = true;
	f->landed(f, cause);
}

void
flight_timeout_(struct flight *f, uint64_t now_ms)
{
	struct leg *leg = f->current, *late;

	if (leg == NULL) {
		flight_land_(f, f->cause);
		return;
	}
	note_cause(f, leg, SPF_CAUSE_TIMEOUT);
	f->repeated = true;
	for (late = LIST_FIRST(&f->legs); late != NULL;
	     late = LIST_NEXT(late, of_flight))
		late->timed_out = true;
	if (leg->why == LEG_FIRST)
		server_missed_(leg->server, now_ms);
	if (leg->why == LEG_OTHER_CASE)
		f->any_case = leg->server;
	if (leg->why != LEG_FIRST && leg->table != NULL)
		tcp_link_stall_(leg);
	else if (leg->why != LEG_FIRST)
		leg_free(leg); /* it was never sent */
	advance(f, now_ms);
}

void
flight_lost_(struct leg *leg)
{
	struct flight *f = leg->flight;
	uint64_t now_ms = clock_ms_();
	bool wait = f->current == leg;

	switch (leg->why) {
	case LEG_FIRST:
		note_cause(f, leg, cause_of(leg->error));
		if (is_of_server(cause_of(leg->error)))
			server_lost_(leg->server, now_ms);
		leg_free(leg);
		if (wait)
			advance(f, now_ms);
		return;
	case LEG_TRUNCATED:
	case LEG_OTHER_CASE:
	case LEG_MALFORMED:
		break;
	}
	if (leg->shared && f->again < AGAIN_MAX) {
		f->again++;
		ask_again(leg, leg->why, now_ms);
	} else if (leg->why == LEG_OTHER_CASE) {
		f->any_case = leg->server;
		ask_again(leg, LEG_FIRST, now_ms);
	} else
		give_up(leg,
		    leg->why == LEG_TRUNCATED ? SPF_CAUSE_TRUNCATED
					      : SPF_CAUSE_MALFORMED,
		    now_ms);
}

/* --- answers --- */

/* What the server can't do, now that an answer shows that this was it. */
static void
learn(const struct leg *leg, enum dnsmsg_match match, uint64_t now_ms)
{
	struct dns_server *server = leg->server;
	const struct flight *f = leg->flight;

	if (f->no_edns == server)
		server->no_edns_ms = now_ms + SERVER_UNABLE_MS;
	if (f->any_case == server || match == DNSMSG_OTHER_CASE)
		server->any_case_ms = now_ms + SERVER_UNABLE_MS;
}

static bool
may_mean_no_edns(unsigned rcode)
{
	return rcode == RCODE_FORMERR || rcode == RCODE_NOTIMP ||
	    rcode == RCODE_BADVERS;
}

static void
take_error(struct leg *leg, unsigned rcode, uint64_t now_ms)
{
	if (leg->edns && may_mean_no_edns(rcode)) {
		leg->flight->no_edns = leg->server;
		ask_again(leg, leg->why, now_ms);
		return;
	}
	/* One that refuses what it is asked is no better than a silent one. */
	if (rcode == RCODE_REFUSED)
		server_missed_(leg->server, now_ms);
	give_up(leg,
	    rcode <= SPF_CAUSE_RCODE_MAX ? (enum spf_cause)rcode
					 : SPF_CAUSE_NOTIMP,
	    now_ms);
}

static void
take_answer(struct leg *leg, bool tcp, const uint8_t *octets, size_t len,
    enum dnsmsg_match match, uint64_t now_ms)
{
	struct flight *f = leg->flight;
	enum spf_cause cause =
	    f->read != NULL ? f->read(f, octets, len) : SPF_CAUSE_NONE;

	if (cause == SPF_CAUSE_MALFORMED && !tcp) {
		note_cause(f, leg, cause);
		ask_again(leg, LEG_MALFORMED, now_ms);
		return;
	}
	if (cause != SPF_CAUSE_NONE) {
		give_up(leg, cause, now_ms);
		return;
	}
	learn(leg, match, now_ms);
	/* Another one was asked because of that server, and was first. */
	if (f->current != NULL && f->current != leg &&
	    server_is_doubtful_(f->current->server))
		f->sender->probe(f->sender, f->current->server, f);
	f->blamed = leg->server->at;
	f->from = &f->blamed;
	flight_land_(f, SPF_CAUSE_NONE);
}

/* A message that isn't the answer changes nothing. */
static void
take(struct leg *leg, bool tcp, const uint8_t *octets, size_t len)
{
	struct flight *f = leg->flight;
	struct dnsmsg_head head =
	    dnsmsg_head_(octets, len, f->rr, f->name, leg->case_bits);
	uint64_t now_ms;

	if (head.match == DNSMSG_FOREIGN)
		return;
	now_ms = clock_ms_();
	if (head.match == DNSMSG_OTHER_CASE && !tcp && !leg->any_case) {
		ask_again(leg, LEG_OTHER_CASE, now_ms);
		return;
	}
	if (head.rcode != RCODE_REFUSED)
		server_answered_(leg->server, !leg->timed_out);
	if (head.rcode != RCODE_NOERROR && head.rcode != RCODE_NXDOMAIN)
		take_error(leg, head.rcode, now_ms);
	else if (head.truncated && tcp)
		give_up(leg, SPF_CAUSE_TRUNCATED, now_ms);
	else if (head.truncated)
		ask_again(leg, LEG_TRUNCATED, now_ms);
	else
		take_answer(leg, tcp, octets, len, head.match, now_ms);
}

void
flight_took_udp_(void *arg, struct leg *leg, const uint8_t *octets, size_t len)
{
	(void)arg;
	take(leg, false, octets, len);
}

void
flight_took_tcp_(void *arg, struct leg *leg, const uint8_t *octets, size_t len)
{
	(void)arg;
	take(leg, true, octets, len);
}

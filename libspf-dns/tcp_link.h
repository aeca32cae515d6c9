/* SPDX-License-Identifier: ISC */
/*
 * TCP connections, "links": each to one server, and shared by about sixteen
 * questions at a time (RFC 7766), so that five hundred truncated answers don't
 * overrun the server's listen queue.
 *
 * What a link can't take waits its turn.
 */
#ifndef MAILFROM_LIBSPF_DNS_TCP_LINK_H
#define MAILFROM_LIBSPF_DNS_TCP_LINK_H

#include <event2/event.h>

#include "libspf-dns/dnsmsg.h"
#include "libspf-dns/leg.h"
#include "libspf-dns/servers.h"

/* Links at a time, to all servers. */
#define LINKS_MAX 64

/* Questions that a link carries in all. */
#define LINK_QUESTIONS_MAX 200

/* How long a link is kept that nobody needs. */
#define LINK_IDLE_SEC 3

/* A message with its length before it. */
#define LINK_FRAME_MAX (2 + 65535)

TAILQ_HEAD(tcp_link_list, tcp_link);

struct tcp_link {
	TAILQ_ENTRY(tcp_link) entry;
	struct tcp_links *set;
	struct dns_server *server;
	struct event *read, *write;
	int fd;
	bool connected, broken;
	bool stalled; /* takes no more questions */
	unsigned asked, answered;
	struct leg_table legs;
	size_t in_len, out_len, out_at;
	uint8_t out[SERVER_TCP_SHARE * (2 + DNSMSG_QUERY_SIZE)];
	uint8_t in[LINK_FRAME_MAX];
};

struct tcp_links {
	struct event_base *base;
	struct entropy *entropy;
	struct tcp_link_list list;
	size_t count;
	struct leg_queue waiting; /* for a link */
	/* leg has a link and an id: its question is to be sent. */
	void (*may_send)(void *arg, struct leg *leg);
	void (*took)(
	    void *arg, struct leg *leg, const uint8_t *octets, size_t len);
	/*
	 * leg has lost its link; leg->error says why, 0: the server has closed
	 * it; leg->shared: because other questions were on it, maybe.
	 */
	void (*lost)(void *arg, struct leg *leg);
	void (*after)(void *arg);
	void *arg;
};

/* base, entropy and the functions are set. */
void tcp_links_init_(struct tcp_links *links);
void tcp_links_free_(struct tcp_links *links);

/* Let leg wait for a link. */
void tcp_links_add_(struct tcp_links *links, struct leg *leg);

/*
 * Give links to legs that wait, as far as there are any, and close those that
 * are broken; not from took().
 */
void tcp_links_settle_(struct tcp_links *links);

/* Send the question of a leg that has a link; from may_send(). */
void tcp_links_send_(struct leg *leg, const uint8_t *octets, size_t len);

/* A leg that has a link wasn't answered in time. */
void tcp_link_stall_(struct leg *leg);

/* Octets that came, at most the room that is left of in; any part of frames. */
void tcp_link_take_(struct tcp_link *link, const uint8_t *octets, size_t len);

#endif

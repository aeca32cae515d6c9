/* SPDX-License-Identifier: ISC */
/*
 * The servers that are asked, what is known of each, and which one comes next.
 * No I/O and no clock.
 *
 * A server that misses several questions in a row is put behind the others,
 * and asked again by probes, so that no question has to wait for it.
 */
#ifndef MAILFROM_LIBSPF_DNS_SERVERS_H
#define MAILFROM_LIBSPF_DNS_SERVERS_H

#include "libspf-dns/nameservers.h"

struct udp_port;

/* Questions in a row that a server misses before it is put behind. */
#define SERVER_MISSES_MAX 3

/* How often one that is behind is probed. */
#define SERVER_PROBE_MS 5000

/* How long it is remembered what a server can't do. */
#define SERVER_UNABLE_MS (60 * 60 * 1000)

/* Questions that a TCP connection is shared by. */
#define SERVER_TCP_SHARE 16

struct dns_server {
	struct nameserver at;
	unsigned holders;
	bool gone;             /* from the list */
	struct udp_port *port; /* udp_port.c's: that takes new questions */
	bool proven;           /* has answered ever */
	unsigned misses;
	bool behind, probing;
	uint64_t probe_ms; /* when to probe it next */
	/* Until when it is asked without EDNS, or in lower case. */
	uint64_t no_edns_ms, any_case_ms;
	unsigned tcp_share; /* questions it answers on a connection */
};

struct servers {
	struct dns_server *all[SPF_NAMESERVERS_MAX];
	size_t count;
	unsigned generation; /* changes with the list */
	bool rotate;
	unsigned turn;
};

void server_hold_(struct dns_server *server);

/* The last one frees it. */
void server_release_(struct dns_server *server);

/*
 * Let these be the servers; what is known of those that stay is kept.  False:
 * out of memory, and nothing has changed.
 */
bool servers_set_(
    struct servers *servers, const struct nameserver *list, size_t count);

void servers_clear_(struct servers *servers);

/* Where a new question begins. */
unsigned servers_start_(struct servers *servers);

/*
 * The number of the server to ask, of those whose bit isn't set in skip: from
 * start on, those that are behind last.  -1: none is left.
 */
int servers_choose_(
    const struct servers *servers, unsigned skip, unsigned start);

/* Another server than chosen is due for a probe at now_ms, or NULL. */
struct dns_server *servers_probe_(const struct servers *servers,
    const struct dns_server *chosen, uint64_t now_ms);

/* It may be dead: it hasn't answered the last question, or none yet. */
bool server_is_doubtful_(const struct dns_server *server);

/* Others are asked before it. */
bool server_is_behind_(const struct dns_server *server);

/* It has answered, within the time of an attempt or later. */
void server_answered_(struct dns_server *server, bool in_time);

/* It hasn't answered in time. */
void server_missed_(struct dns_server *server, uint64_t now_ms);

/* It can't be reached. */
void server_lost_(struct dns_server *server, uint64_t now_ms);

#endif

/* SPDX-License-Identifier: ISC */
#include "libspf-dns/servers.h"

#include <stdlib.h>

void
server_hold_(struct dns_server *s)
{
	s->holders++;
}

void
server_release_(struct dns_server *s)
{
	if (--s->holders == 0)
		free(s);
}

/* --- the list --- */

static struct dns_server *
server_of(const struct servers *set, const struct nameserver *at)
{
	for (size_t i = 0; i < set->count; i++)
		if (nameserver_eq_(&set->all[i]->at, at))
			return set->all[i];
	return NULL;
}

static bool
is_same(const struct servers *set, const struct nameserver *list, size_t count)
{
	if (count != set->count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (!nameserver_eq_(&set->all[i]->at, &list[i]))
			return false;
	return true;
}

static struct dns_server *
server_new(const struct nameserver *at)
{
	struct dns_server *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->at = *at;
	s->holders = 1;
	s->tcp_share = SERVER_TCP_SHARE;
	return s;
}

bool
servers_set_(struct servers *set, const struct nameserver *list, size_t count)
{
	struct servers next = {.rotate = set->rotate,
	    .turn = set->turn,
	    .generation = set->generation + 1};

	if (is_same(set, list, count))
		return true;
	for (size_t i = 0; i < count; i++) {
		struct dns_server *s = server_of(set, &list[i]);

		if (server_of(&next, &list[i]) != NULL)
			continue;
		if (s != NULL)
			server_hold_(s);
		else if ((s = server_new(&list[i])) == NULL) {
			servers_clear_(&next);
			return false;
		}
		next.all[next.count++] = s;
	}
	for (size_t i = 0; i < set->count; i++)
		/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
		set->all[i]->gone = server_of(&next, &set->all[i]->at) == NULL;
	servers_clear_(set);
	*set = next;
	return true;
}

void
servers_clear_(struct servers *set)
{
	while (set->count != 0)
		server_release_(set->all[--set->count]);
}

/* --- turns --- */

unsigned
servers_start_(struct servers *set)
{
	return set->rotate ? set->turn++ : 0;
}

int
servers_choose_(const struct servers *set, unsigned skip, unsigned start)
{
	int behind = -1;

	for (size_t i = 0; i < set->count; i++) {
		size_t n = (start + i) % set->count;

		if ((skip & 1u << n) != 0)
			continue;
		if (!server_is_behind_(set->all[n]))
			return (int)n;
		if (behind < 0)
			behind = (int)n;
	}
	return behind;
}

struct dns_server *
servers_probe_(
    const struct servers *set, const struct dns_server *chosen, uint64_t now_ms)
{
	for (size_t i = 0; i < set->count; i++) {
		struct dns_server *s = set->all[i];

		if (s != chosen && s->behind && !s->probing &&
		    s->probe_ms <= now_ms)
			return s;
	}
	return NULL;
}

bool
server_is_doubtful_(const struct dns_server *s)
{
	return !s->proven || s->misses != 0;
}

bool
server_is_behind_(const struct dns_server *s)
{
	return s->behind || s->probing;
}

void
server_answered_(struct dns_server *s, bool in_time)
{
	if (!in_time)
		return;
	s->proven = true;
	s->misses = 0;
	s->behind = false;
}

void
server_missed_(struct dns_server *s, uint64_t now_ms)
{
	if (++s->misses >= SERVER_MISSES_MAX)
		server_lost_(s, now_ms);
}

void
server_lost_(struct dns_server *s, uint64_t now_ms)
{
	s->behind = true;
	s->probe_ms = now_ms + SERVER_PROBE_MS;
}

/* SPDX-License-Identifier: ISC */
/*
 * Which networks a domain's record authorises, or not: the sets of a scope, cut
 * into networks, with the terms that they come from.
 *
 * No I/O.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_NETWORKS_H
#define MAILFROM_TOOLS_SPFQUERY_NETWORKS_H

#include "tools/spfquery/scope.h"

/* Names addresses: ip4, ip6, a or mx; others decide about all that are left. */
bool networks_is_named(const struct scope_piece *piece);

struct networks_part {
	struct ip_range range;
	const struct scope_piece *piece;
};

/* What terms that name addresses give one result, in ascending order. */
struct networks {
	struct ipset set;
	struct networks_part *parts; /* of the set, none of them twice */
	size_t count;
};

/* For networks_clear(); the scope must stay until then. */
void networks_find(
    struct networks *n, const struct scope *scope, enum spf_result result);
void networks_clear(struct networks *n);

/*
 * The parts that net, a network of the set, is made of: *first is the earliest
 * that it can be before, and is moved; how many there are.
 */
size_t networks_parts(
    const struct networks *n, const struct ip_net *net, size_t *first);

/* --- authorised twice --- */

struct networks_twice {
	const struct survey_term *first, *again;
	struct ipset set; /* what both name */
};

#define NETWORKS_TWICE_MAX 100

/*
 * Addresses of the family that two terms name; at most NETWORKS_TWICE_MAX of
 * them, how many.
 */
size_t networks_twice(const struct survey *survey, bool v6,
    struct networks_twice out[static NETWORKS_TWICE_MAX]);

#endif

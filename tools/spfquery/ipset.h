/* SPDX-License-Identifier: ISC */
/*
 * Sets of IP addresses, of one family each: union, difference, intersection,
 * how many addresses they have, and which networks they are.
 *
 * No I/O.  Memory is had or the program ends (spfquery_must()).
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_IPSET_H
#define MAILFROM_TOOLS_SPFQUERY_IPSET_H

#include <mailfrom/spf.h>

/* An address as a number; an IPv4 address is in low. */
struct ip_number {
	uint64_t high, low;
};

/* Less than, equal to or greater than 0. */
int ip_number_cmp(struct ip_number a, struct ip_number b);

/* first to last, both of them included. */
struct ip_range {
	struct ip_number first, last;
};

/*
 * In ascending order, with an address or more between two ranges: two sets are
 * equal if their ranges are.  Zeroed, it is the empty set of IPv4.
 */
struct ipset {
	bool v6;
	struct ip_range *ranges;
	size_t count, room;
};

/* A network: its first address, without bits after the prefix length. */
struct ip_net {
	struct spf_ip ip;
	unsigned bits; /* 0 to 32, or 128 */
};

/* --- networks --- */

/* The network of bits that ip is in; bits after these are cleared. */
struct ip_net ip_net(const struct spf_ip *ip, unsigned bits);

/* Its addresses. */
struct ip_range ip_net_range(const struct ip_net *net);

/*
 * Read "192.0.2.0/24", "2001:db8::/32" or an address alone.  An IPv4-mapped
 * network of 96 bits and more is IPv4's, as in spf_ip_parse().  False: text is
 * none.
 */
bool ip_net_parse(struct mf_text text, struct ip_net *out);

/* Octets of a network as text, with its NUL. */
#define IP_NET_SIZE (SPF_IP_SIZE + 4)

/* "192.0.2.0/24"; an address alone has no prefix length.  The length. */
size_t ip_net_print(const struct ip_net *net, char out[static IP_NET_SIZE]);

/* --- sets --- */

struct ipset ipset_empty(bool v6);
struct ipset ipset_all(bool v6);
struct ipset ipset_range(
    bool v6, struct ip_number first, struct ip_number last);
struct ipset ipset_copy(const struct ipset *set);
void ipset_clear(struct ipset *set);

/* Add the addresses of net, which is of the set's family. */
void ipset_add(struct ipset *set, const struct ip_net *net);

/*
 * What is in a or b, in both, in a alone; a and b are of one family.  The
 * result is new, for ipset_clear().
 */
struct ipset ipset_union(const struct ipset *a, const struct ipset *b);
struct ipset ipset_both(const struct ipset *a, const struct ipset *b);
struct ipset ipset_minus(const struct ipset *a, const struct ipset *b);

/* *set becomes result, which is spent. */
void ipset_take(struct ipset *set, struct ipset result);

/* *set gets what other has, or loses it. */
void ipset_add_set(struct ipset *set, const struct ipset *other);
void ipset_remove_set(struct ipset *set, const struct ipset *other);

bool ipset_is_empty(const struct ipset *set);
bool ipset_is_all(const struct ipset *set);
bool ipset_equal(const struct ipset *a, const struct ipset *b);
bool ipset_has(const struct ipset *set, const struct spf_ip *ip);

/* All of net is in set; never of another family. */
bool ipset_has_net(const struct ipset *set, const struct ip_net *net);

/* --- what is in a set --- */

/* Octets of 2^128 in decimal, with its NUL. */
#define IPSET_COUNT_SIZE 40

/* How many addresses there are, exactly, in decimal.  The length. */
size_t ipset_count_print(
    const struct ipset *set, char out[static IPSET_COUNT_SIZE]);

/* Where a walk over a set is; zeroed, it is at the beginning. */
struct ipset_walk {
	size_t at;             /* range */
	bool inside;           /* next is in it */
	struct ip_number next; /* address */
};

/*
 * The next of the fewest networks that make up the set, in ascending order.
 * False: there are no more.
 */
bool ipset_next(
    const struct ipset *set, struct ipset_walk *walk, struct ip_net *out);

/* How many networks that are. */
size_t ipset_nets(const struct ipset *set);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Which results clients can get from a domain's record, and at which counts of
 * terms and void lookups: check_host() of RFC 7208 for all addresses of a family
 * at once, by sets of them.
 *
 * Known here are the records, the names and addresses in the DNS, and what %{d},
 * %{o} and %{v} stand for.  Client, sender and HELO name aren't, so that a name
 * which other macros make is some name, maybe none; and so is ptr's.
 *
 * Sound: what a check of any client and sender at the domain comes to is in one
 * of the outcomes, with that client in its set.  No I/O but by the source.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_REACH_H
#define MAILFROM_TOOLS_SPFQUERY_REACH_H

#include "tools/spfquery/ipset.h"

/* Why a check ends as it does. */
enum reach_why {
	REACH_TERM,      /* a term matches, or the record's end is there */
	REACH_TERMS,     /* too many terms that need DNS */
	REACH_VOIDS,     /* too many void lookups */
	REACH_MX,        /* too many mail hosts */
	REACH_SYNTAX,    /* a record that isn't valid */
	REACH_NO_RECORD, /* none where one must be, or at the domain itself */
	REACH_MANY_RECORDS, /* more than one */
	REACH_NO_NAME,      /* a name that can't exist */
	REACH_DNS,          /* a lookup that failed */
	REACH_MAYBE,        /* it may, at a name that macros make */
	REACH_UNKNOWN       /* the tree was too large to follow */
};

/* A term that was counted on the way to an outcome. */
struct reach_step {
	const struct reach_step *before; /* NULL: the first */
	struct mf_text domain;           /* whose record it is in */
	struct mf_text term;
	bool is_void; /* its lookup found nothing */
};

/* Clients that may get a result, and how. */
struct reach_outcome {
	enum spf_result result;
	enum reach_why why;
	unsigned terms_min, terms_max; /* counted; one limit + 1 at most */
	unsigned voids_min, voids_max;
	struct mf_text domain; /* whose record ends it */
	struct mf_text term;   /* empty: the record's end, or the record */
	const struct reach_step *last; /* one way there; NULL: no terms */
	struct ipset clients;
};

struct reach {
	bool v6;
	bool complete; /* no outcome is REACH_UNKNOWN */
	bool open;     /* a name that isn't known decides too, or ptr */
	struct ipset everybody; /* all addresses that a client can have */
	struct ipset named; /* what terms name, by address or through the DNS */
	struct reach_outcome *outcomes;
	size_t count, room;
	struct reach_memory *memory;
};

/*
 * All that clients with an IPv6 address (v6) or an IPv4 one can get for mail of
 * domain, which is as evaluator_domain() makes it.  Texts are views of domain
 * and of source's answers, which must last as long.  For reach_clear().
 */
void reach_find(struct reach *out, struct mf_text domain, bool v6,
    struct spf_limits limits, const struct spf_source *source);
void reach_clear(struct reach *reach);

/* --- questions --- */

/*
 * Clients that may get result; and that get it whatever names macros make,
 * unless the lookup of one of these fails.
 */
struct ipset reach_may(const struct reach *reach, enum spf_result result);
struct ipset reach_must(const struct reach *reach, enum spf_result result);

/* Clients that get the outcome at i and no other. */
struct ipset reach_only(const struct reach *reach, size_t i);

/* Bits, by enum spf_result, of what may come out for some client of set. */
unsigned reach_results(const struct reach *reach, const struct ipset *set);
#define REACH_BIT(result) (1u << (result))

/* Nobody gets anything but pass, as by reach_must(). */
bool reach_all_pass(const struct reach *reach);

/*
 * set as people write it: with IPv4-mapped addresses, which no client has, if it
 * is all around them.  For ipset_clear().
 */
struct ipset reach_shown(const struct reach *reach, const struct ipset *set);

/*
 * It is that the lookup of a name which macros make fails, of which nothing is
 * known.
 */
bool reach_is_guess(const struct reach_outcome *outcome);

#endif

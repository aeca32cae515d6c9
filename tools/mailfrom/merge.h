/* SPDX-License-Identifier: ISC */
/*
 * The lines of a form merged with what a Postfix site has: a pure function of
 * the site, but for look-ups in its tables and the question which ports are
 * free, which the caller answers.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_MERGE_H
#define MAILFROM_TOOLS_MAILFROM_MERGE_H

#include "tools/mailfrom/fill.h"
#include "tools/mailfrom/plan.h"

/* The port of the second smtpd, if it is free, and how many to try. */
#define MERGE_PORT     10027
#define MERGE_PORT_MAX 10126

struct merge {
	struct plan *plan;
	struct site *site; /* without our lines: see unmerge() */
	struct setup *setup;
	struct fill fill;
	unsigned installed_port; /* of our lines that are in use, or 0 */
	bool (*port_is_free)(unsigned port); /* NULL: all are */
	bool has_wildcard; /* "*" in transport_maps leads elsewhere */
};

/*
 * Fill in *plan for setup's form.  What can't be merged is a refusal in
 * plan->notes.
 */
void merge(struct merge *merge);

/* The rules, in this order, each in the file with its name. */
void merge_routes(struct merge *merge);
void merge_senders(struct merge *merge);
void merge_customers(struct merge *merge);
void merge_bounces(struct merge *merge);
void merge_rrs(struct merge *merge); /* before merge_bounces() */
void merge_canonical(struct merge *merge);
void merge_milters(struct merge *merge);
void merge_generic(struct merge *merge);
void merge_spfmilter(struct merge *merge);
void merge_policy(struct merge *merge);

/* A restriction that accepts RRS addresses; empty: there are none. */
struct mf_text merge_rrs_access(struct merge *merge);

/* Whether outside clients reach an smtpd without logging in. */
bool merge_is_public(const struct merge *merge, const struct site_service *s);

/* The names of own domains for a regular expression: a\.example|b\.example */
struct mf_text merge_own_pattern(struct merge *merge);

/* ours and what the site has, as two items of a list; either may be empty. */
struct mf_text merge_list(
    struct merge *merge, struct mf_text first, struct mf_text second);

#endif

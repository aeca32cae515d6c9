/* SPDX-License-Identifier: ISC */
/*
 * Where spfquery gets its answers: a zone file, or the DNS by the resolver,
 * either with some domains' records replaced.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_DNS_H
#define MAILFROM_TOOLS_SPFQUERY_DNS_H

#include "tools/spfquery/spfquery.h"

struct spf_reply;

/* An answer that was given, with the time it took. */
struct dns_reply {
	struct dns_reply *next;
	enum spf_rr rr;
	const struct spf_answer *answer;
	struct spf_answer *owned;     /* the answer, if it is this reply's */
	const struct spf_reply *held; /* or what holds it */
	bool fixed;                   /* whatever the DNS says */
	bool timed;                   /* it came from the network */
	uint64_t elapsed_us;
	size_t name_len;
	char name[];
};

/* NULL, and a message on stderr, if that can't be had. */
struct dns *dns_open(const struct spfquery_options *options);
void dns_close(struct dns *dns);

/* Answer with record where the SPF record of domain is asked for. */
void dns_override(
    struct dns *dns, struct mf_text domain, struct mf_text record);

/*
 * Make a check.  True, and *out, or false and a message if the engine isn't
 * there.
 */
bool dns_check(struct dns *dns, enum spfquery_engine engine,
    const struct spf_request *request, struct spf_verdict *out,
    struct spfquery_audit *audit);

/*
 * Answers one by one, each waited for and kept, so that no answer is ever
 * unknown and none changes.  Errors once the time for a check is over.
 * dns_restart() forgets them and begins a new check.
 */
struct spf_source dns_source(struct dns *dns);
void dns_restart(struct dns *dns);

/* The reply that dns_source() has given, or NULL. */
const struct dns_reply *dns_find(
    const struct dns *dns, enum spf_rr rr, struct mf_text name);

/* Of the replies that came from the network: their number and time. */
unsigned dns_asked(const struct dns *dns, uint64_t *elapsed_us);

#endif

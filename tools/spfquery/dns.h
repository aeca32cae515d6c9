/* SPDX-License-Identifier: ISC */
/*
 * Where spfquery gets its answers: a zone file, or the DNS by the resolver,
 * either with some domains' records replaced.
 */
#ifndef MAILFROM_TOOLS_SPFQUERY_DNS_H
#define MAILFROM_TOOLS_SPFQUERY_DNS_H

#include "tools/spfquery/evaluator.h"
#include "tools/spfquery/spfquery.h"
#include <mailfrom/spf_resolver.h>

struct dns;

/* Of spf_evaluate()'s contract. */
typedef enum spf_status dns_evaluate(void *arg,
    const struct spf_request *request, const struct spf_source *source,
    struct spf_verdict *out);

/*
 * evaluate: what the resolver evaluates by; evaluator: its argument, and what
 * dns_check() needs.  NULL, and a message on stderr, if that can't be had.
 */
struct dns *dns_open(const struct spfquery_options *options,
    dns_evaluate *evaluate, struct evaluator *evaluator);
void dns_close(struct dns *dns);

/* Answer with record where the SPF record of domain is asked for. */
void dns_override(
    struct dns *dns, struct mf_text domain, struct mf_text record);

/* Make a check. */
void dns_check(struct dns *dns, const struct spf_request *request,
    struct spf_verdict *out, struct spf_cost *cost);

/*
 * Evaluate request until it isn't pending, then call done.  False: there is a
 * zone, whose dns_source() has every answer.
 */
bool dns_start(struct dns *dns, const struct spf_request *request,
    spf_resolver_callback *done, void *arg);

/*
 * Answers one by one, each waited for and kept until dns_close(), so that none
 * is ever unknown.  Failures once the time for a check is over.
 */
struct spf_source dns_source(struct dns *dns);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The driver of spf_evaluate(): DNS by c-ares on one thread, with a cache that
 * all threads of the process share.
 *
 * One query is in flight for each question, whoever asks.  Answers are kept for
 * their TTL (negative ones by the SOA, RFC 2308) within a bound of octets, with
 * their compiled records.  What a check has seen stays valid for that check.  A
 * temporary error belongs to the check and isn't kept.
 */
#ifndef MAILFROM_SPF_RESOLVER_H
#define MAILFROM_SPF_RESOLVER_H

#include "libspf/spf.h"

/* Questions that a check may have asked before it is known they are needed. */
#define SPF_SPECULATION_MAX 32

enum spf_resolver_status {
	SPF_RESOLVER_OK = 0,
	SPF_RESOLVER_NO_MEMORY,
	SPF_RESOLVER_BAD_SERVERS, /* nameservers can't be understood */
	SPF_RESOLVER_SYSTEM	  /* no thread, no socket...; errno says why */
};

const char *spf_resolver_status_text(enum spf_resolver_status status);

struct spf_resolver_params {
	/*
	 * "IP", "IP:PORT" or "[IP6]:PORT", commas between; NULL: those of
	 * /etc/resolv.conf.
	 */
	const char *nameservers;
	unsigned timeout_ms; /* of one check as a whole; at most 25,000 */
	unsigned attempt_ms; /* of one attempt at one server */
	unsigned attempts;   /* rounds over all servers */
	size_t cache_size;   /* octets of answers kept */
	bool prefetch;	     /* ask ahead what may be needed */
};

#define SPF_RESOLVER_PARAMS_DEFAULT                                            \
	((struct spf_resolver_params){.nameservers = NULL,                     \
	    .timeout_ms = 20000,                                               \
	    .attempt_ms = 2000,                                                \
	    .attempts = 3,                                                     \
	    .cache_size = 64 * 1024 * 1024,                                    \
	    .prefetch = true})

struct spf_resolver;

/*
 * Start the resolver's thread.  *out is the caller's, for spf_resolver_free().
 */
enum spf_resolver_status spf_resolver_new(
    const struct spf_resolver_params *params, struct spf_resolver **out);

/*
 * End: checks in flight get temperror, their callbacks are called before this
 * returns.  NULL is fine.
 */
void spf_resolver_free(struct spf_resolver *resolver);

/*
 * Use record as the SPF record of domain, whatever DNS says; before the first
 * check.  SPF_RESOLVER_OK or SPF_RESOLVER_NO_MEMORY.
 */
enum spf_resolver_status spf_resolver_override(
    struct spf_resolver *resolver, struct text domain, struct text record);

/* What a check cost. */
struct spf_cost {
	unsigned questions; /* that were waited for or asked, not cached */
	unsigned speculative;
	unsigned rounds;    /* evaluations that ended pending */
	uint64_t elapsed_us;
};

/*
 * Check, and wait for the verdict.  timeout_ms: of this check, at most the
 * resolver's; at its end the verdict is temperror.  cost may be NULL.
 */
void spf_resolver_check(struct spf_resolver *resolver,
    const struct spf_request *request, unsigned timeout_ms,
    struct spf_verdict *out, struct spf_cost *cost);

typedef void spf_resolver_callback(void *arg, const struct spf_verdict *verdict,
    const struct spf_cost *cost);

struct spf_check;

/*
 * Check without waiting.  request, with the texts it points to, is copied.
 * done is called once, on the resolver's thread, or before this returns if
 * every answer is cached.  The handle is for spf_resolver_cancel() until done
 * is called; NULL if done was called already.
 */
struct spf_check *spf_resolver_start(struct spf_resolver *resolver,
    const struct spf_request *request, unsigned timeout_ms,
    spf_resolver_callback *done, void *arg);

/*
 * Forget a check: done isn't called any more once this returns, unless it was
 * called before.  Not from within done.
 */
void spf_resolver_cancel(struct spf_check *check);

/*
 * Ask one question and wait; for tools.  The answer is the caller's, for
 * spf_answer_release(); never NULL but for out of memory.
 */
const struct spf_answer *spf_resolver_ask(
    struct spf_resolver *resolver, enum spf_rr rr, struct text name);
void spf_answer_release(const struct spf_answer *answer);

struct spf_resolver_stats {
	uint64_t checks, checks_cached; /* the latter without any question */
	uint64_t questions, cache_hits, timeouts, errors;
	size_t cache_octets, cache_answers, in_flight;
};

void spf_resolver_stats(
    struct spf_resolver *resolver, struct spf_resolver_stats *out);

#endif

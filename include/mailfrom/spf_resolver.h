/* SPDX-License-Identifier: ISC */
/*
 * The driver of spf_evaluate(): DNS on one thread, with a cache that all threads
 * of the process share.
 *
 * One query is in flight for each question, whoever asks.  Answers are kept for
 * their TTL (negative ones by the SOA, RFC 2308) within a bound of octets, with
 * their compiled records.  What a check has seen stays valid for that check.  A
 * question that failed rests for 5 seconds, up to 60 if it goes on failing (RFC
 * 9520); a check that runs out of time before leaves nothing behind.
 *
 * Any number of threads may check, start, ask and cancel at the same time.
 */
#ifndef MAILFROM_SPF_RESOLVER_H
#define MAILFROM_SPF_RESOLVER_H

#include <mailfrom/spf.h>

/* Questions that a check may have asked before it is known they are needed. */
#define SPF_SPECULATION_MAX 32

/* More name servers than anybody can wait for in turn. */
#define SPF_NAMESERVERS_MAX 16

/* The longest that a check may take: below the patience of MTAs. */
#define SPF_TIMEOUT_MS_MAX 25000

enum spf_resolver_status {
	SPF_RESOLVER_OK = 0,
	SPF_RESOLVER_NO_MEMORY,
	SPF_RESOLVER_BAD_SERVERS, /* nameservers can't be understood */
	SPF_RESOLVER_SYSTEM       /* no thread, no socket...; errno says why */
};

const char *spf_resolver_status_text(enum spf_resolver_status status);

/* What is out of range is taken for the nearest that isn't. */
struct spf_resolver_params {
	/*
	 * "IP", "IP:PORT" or "[IP6]:PORT", commas between; NULL: those of
	 * /etc/resolv.conf, which is read again now and then.  Its options
	 * timeout and attempts replace attempt_ms and attempts.
	 */
	const char *nameservers;
	unsigned timeout_ms; /* of one check as a whole; SPF_TIMEOUT_MS_MAX */
	unsigned attempt_ms; /* of the first attempt, 10 to timeout_ms; it
			      * doubles with each round, up to timeout_ms */
	unsigned attempts;   /* rounds over all servers, 1 to 10 */
	size_t cache_size;   /* octets of answers kept; 0: none, nor failures */
	bool prefetch;       /* ask ahead what may be needed */
	/*
	 * What evaluates, with the contract of spf_evaluate(); NULL: that.
	 * Another one is called on the resolver's thread only, where all else
	 * waits for it, with answers that stay until it has its verdict.
	 */
	enum spf_status (*evaluate)(void *arg,
	    const struct spf_request *request, const struct spf_source *source,
	    struct spf_verdict *out);
	void *evaluate_arg;
};

#define SPF_RESOLVER_PARAMS_DEFAULT                        \
	((struct spf_resolver_params){.nameservers = NULL, \
	    .timeout_ms = 20000,                           \
	    .attempt_ms = 2000,                            \
	    .attempts = 3,                                 \
	    .cache_size = 64 * 1024 * 1024,                \
	    .prefetch = true})

/*
 * Whether list can be understood as nameservers of struct spf_resolver_params:
 * 1 to SPF_NAMESERVERS_MAX of them.
 */
bool spf_nameservers_ok(struct mf_text list);

struct spf_resolver;

/*
 * Start the resolver's thread, in which all signals are blocked.  *out is the
 * caller's, for spf_resolver_free(); NULL unless SPF_RESOLVER_OK.
 */
enum spf_resolver_status spf_resolver_new(
    const struct spf_resolver_params *params, struct spf_resolver **out);

/*
 * End: checks in flight get temperror, their callbacks are called and threads
 * that wait are woken before this returns.  Nobody may begin anything with the
 * resolver any more but from within a callback, where checks that aren't all
 * cached get temperror.  Not from within a callback.  NULL is fine.
 */
void spf_resolver_free(struct spf_resolver *resolver);

/*
 * Use record as the SPF record of domain, whatever DNS says; before the first
 * check.  A domain that can't exist is ignored.  SPF_RESOLVER_OK or
 * SPF_RESOLVER_NO_MEMORY.
 */
enum spf_resolver_status spf_resolver_override(struct spf_resolver *resolver,
    struct mf_text domain, struct mf_text record);

/* What a check cost. */
struct spf_cost {
	unsigned questions;   /* whose answers weren't there when it met them */
	unsigned speculative; /* of these, asked ahead */
	unsigned rounds;      /* evaluations that ended pending */
	uint64_t elapsed_us;
};

/*
 * Check, and wait for the verdict.  timeout_ms: of this check, at most the
 * resolver's; at its end the verdict is temperror.  0: only what is cached.
 * cost may be NULL.  Not from within a callback.
 *
 * request->trace is told of every evaluation, the first on this thread, others,
 * from its first event on, on the resolver's; the last is the one that counts.
 */
void spf_resolver_check(struct spf_resolver *resolver,
    const struct spf_request *request, unsigned timeout_ms,
    struct spf_verdict *out, struct spf_cost *cost);

/* verdict and cost are valid during the call only. */
typedef void spf_resolver_callback(
    void *arg, const struct spf_verdict *verdict, const struct spf_cost *cost);

/*
 * Check without waiting.  request, with the texts it points to, is copied;
 * best_guess and trace must stay valid.  done is called once, on the resolver's
 * thread, or before this returns if every answer is cached or memory is out.
 * A number for spf_resolver_cancel(); 0 if done was called already.
 */
uint64_t spf_resolver_start(struct spf_resolver *resolver,
    const struct spf_request *request, unsigned timeout_ms,
    spf_resolver_callback *done, void *arg);

/*
 * Forget a check.  Once this returns done isn't called any more, nor is it
 * still running.  Numbers of checks that are over do no harm.  From within a
 * callback it may forget other checks, and has no effect on its own.  True:
 * done was not called, and won't be.
 */
bool spf_resolver_cancel(struct spf_resolver *resolver, uint64_t check);

/*
 * Ask one question and wait, as long as a check may take; for tools.  A name
 * that can't exist has no records.  The reply is the caller's, for
 * spf_reply_release(); NULL: out of memory.  Not from within a callback.
 */
struct spf_reply;

const struct spf_reply *spf_resolver_ask(
    struct spf_resolver *resolver, enum spf_rr rr, struct mf_text name);

/*
 * The same for timeout_ms, at most the resolver's: a failure then, of which
 * nothing is kept.
 */
const struct spf_reply *spf_resolver_ask_for(struct spf_resolver *resolver,
    enum spf_rr rr, struct mf_text name, unsigned timeout_ms);

/*
 * Ask without waiting for the answer, which spf_resolver_ask_for() will find in
 * the cache, or on its way.  Where that can't be done nothing happens.
 */
void spf_resolver_ask_ahead(
    struct spf_resolver *resolver, enum spf_rr rr, struct mf_text name);

/* The answer, valid until the reply is released; never NULL. */
const struct spf_answer *spf_reply_answer(const struct spf_reply *reply);

/* NULL is fine. */
void spf_reply_release(const struct spf_reply *reply);

struct spf_resolver_stats {
	uint64_t checks, checks_cached; /* the latter without any question */
	uint64_t questions;             /* sent */
	uint64_t cache_hits;
	uint64_t timeouts, errors; /* of questions; errors: timeouts too */
	size_t cache_octets, cache_answers, in_flight;
};

void spf_resolver_stats(
    struct spf_resolver *resolver, struct spf_resolver_stats *out);

#endif

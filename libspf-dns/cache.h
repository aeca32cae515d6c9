/* SPDX-License-Identifier: ISC */
/*
 * Answers that are kept: a table bounded in octets, keyed against chosen names.
 *
 * What it keeps are counted replies, which are immutable once they are answered
 * and outlive their place in the table for as long as somebody holds them.
 *
 * No locks and no clock.  Any number of threads may find at the same time, as
 * long as none puts; holding and letting go is safe at any time.
 *
 * When the table is full the oldest goes, but what was found since it was last
 * looked at gets another round: names that nobody asks for again, of which an
 * attacker can make up as many as he likes, drive out each other first.
 */
#ifndef MAILFROM_LIBSPF_DNS_CACHE_H
#define MAILFROM_LIBSPF_DNS_CACHE_H

#include <stdatomic.h>
#include <sys/queue.h>

#include "common/siphash.h"
#include "libspf-dns/nameservers.h"
#include <mailfrom/spf.h>

/* Kept whatever happens: expires_ms of what doesn't come from the DNS. */
#define CACHE_FOREVER UINT64_MAX

/* How an answer was come by; zeroed, no server was asked. */
struct reply_origin {
	struct nameserver server;
	bool asked, has_rcode;
	uint8_t rcode;
	uint64_t answered_us, elapsed_us;
};

/* An answer with its question. */
struct spf_reply {
	/* NULL: not answered yet; only one thread knows of it then. */
	const struct spf_answer *answer;
	uint64_t hash;
	uint64_t expires_ms;
	struct spf_reply *next; /* in the bucket, or of those put out */
	TAILQ_ENTRY(spf_reply) order;
	atomic_uint holders;
	atomic_bool found;          /* since it was last looked at */
	struct reply_origin origin; /* set before the answer is */
	enum spf_rr rr;
	unsigned name_len;
	unsigned failures; /* in a row, this one included */
	char name[];
};

struct cache;

/*
 * A cache for octets_max octets of replies, besides its table, which takes a
 * 64th of that, and what is kept forever.  NULL: out of memory.
 */
struct cache *cache_new_(size_t octets_max, const struct siphash_key *key);

/* Lets go of all replies; NULL is fine. */
void cache_free_(struct cache *cache);

/* The hash of a question, as this cache wants it. */
uint64_t cache_hash_(
    const struct cache *cache, enum spf_rr rr, struct mf_text name);

/* The reply to a question at now_ms, or NULL.  It isn't held for the caller. */
struct spf_reply *cache_find_(const struct cache *cache, uint64_t hash,
    enum spf_rr rr, struct mf_text name, uint64_t now_ms);

/*
 * Keep an answered reply until expires_ms, in place of an older one to the same
 * question; one that is kept forever gives way only to another of that kind.
 * A reply that would take more than a quarter of the cache isn't kept.
 * The replies that are put out are returned, for cache_drop_(): a caller with a
 * lock can leave it first.
 */
struct spf_reply *cache_put_(
    struct cache *cache, struct spf_reply *reply, uint64_t expires_ms);

/*
 * Keep a failed reply at now_ms: the first one of a question for five seconds,
 * each further one twice as long, up to a minute (RFC 9520 3.2).  One that is five minutes
 * after the last begins anew.  Otherwise as cache_put_().
 */
struct spf_reply *cache_put_failure_(
    struct cache *cache, struct spf_reply *reply, uint64_t now_ms);

/* Let go of what cache_put_() has returned. */
void cache_drop_(struct spf_reply *list);

size_t cache_octets_(const struct cache *cache);
size_t cache_count_(const struct cache *cache);

/* --- replies --- */

/* A reply without an answer, held once.  NULL: out of memory. */
struct spf_reply *reply_new_(
    enum spf_rr rr, struct mf_text name, uint64_t hash);

/* Answer it: the answer passes to the reply. */
void reply_answer_(struct spf_reply *reply, const struct spf_answer *answer);

struct spf_reply *reply_hold_(struct spf_reply *reply);

/* Give up a hold; the last one frees it.  NULL is fine. */
void reply_release_(struct spf_reply *reply);

static inline bool
reply_is_(const struct spf_reply *reply, uint64_t hash, enum spf_rr rr,
    struct mf_text name)
{
	return reply->hash == hash && reply->rr == rr &&
	    mf_text_eq(mf_text_at(reply->name, reply->name_len), name);
}

#endif

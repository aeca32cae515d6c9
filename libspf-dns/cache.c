/* SPDX-License-Identifier: ISC */
#include "libspf-dns/cache.h"

#include <stdlib.h>

/* Octets of replies for each bucket: what a typical one takes. */
#define OCTETS_PER_BUCKET 512
#define BUCKETS_MIN       64
#define BUCKETS_MAX       ((size_t)1 << 20)

/* How long a failure is kept, and remembered after that. */
#define FAILURE_MS_MIN       5000
#define FAILURE_MS_MAX       60000
#define FAILURE_FORGOTTEN_MS 300000

/* What malloc() takes for itself, for reply, answer and record. */
#define MALLOC_OVERHEAD 48

TAILQ_HEAD(reply_list, spf_reply);

struct cache {
	struct siphash_key key;
	size_t octets_max, octets, count;
	size_t mask; /* buckets - 1 */
	struct spf_reply **buckets;
	/* Oldest first; those kept forever aren't in it. */
	struct reply_list order;
};

/* --- replies --- */

struct spf_reply *
reply_new_(enum spf_rr rr, struct mf_text name, uint64_t hash)
{
	struct spf_reply *reply = malloc(sizeof(*reply) + name.len);

	if (reply == NULL)
		return NULL;
	*reply = (struct spf_reply){
	    .hash = hash, .rr = rr, .name_len = (unsigned)name.len};
	atomic_init(&reply->holders, 1);
	atomic_init(&reply->found, false);
	memcpy(reply->name, name.p, name.len);
	return reply;
}

void
reply_answer_(struct spf_reply *reply, const struct spf_answer *answer)
{
	reply->answer = answer;
}

struct spf_reply *
reply_hold_(struct spf_reply *reply)
{
	atomic_fetch_add_explicit(&reply->holders, 1, memory_order_relaxed);
	return reply;
}

void
reply_release_(struct spf_reply *reply)
{
	if (reply == NULL ||
	    atomic_fetch_sub_explicit(
		&reply->holders, 1, memory_order_acq_rel) != 1)
		return;
	spf_answer_free(reply->answer);
	free(reply);
}

static size_t
reply_octets(const struct spf_reply *reply)
{
	return sizeof(*reply) + reply->name_len + reply->answer->size +
	    MALLOC_OVERHEAD;
}

/* --- the table --- */

struct cache *
cache_new_(size_t octets_max, const struct siphash_key *key)
{
	struct cache *cache = calloc(1, sizeof(*cache));
	size_t buckets = BUCKETS_MIN;

	if (cache == NULL)
		return NULL;
	while (
	    buckets < octets_max / OCTETS_PER_BUCKET && buckets < BUCKETS_MAX)
		buckets *= 2;
	cache->buckets = calloc(buckets, sizeof(struct spf_reply *));
	if (cache->buckets == NULL) {
		free(cache);
		return NULL;
	}
	cache->key = *key;
	cache->octets_max = octets_max;
	cache->mask = buckets - 1;
	TAILQ_INIT(&cache->order);
	return cache;
}

void
cache_free_(struct cache *cache)
{
	if (cache == NULL)
		return;
	for (size_t i = 0; i <= cache->mask; i++)
		cache_drop_(cache->buckets[i]);
	free(cache->buckets);
	free(cache);
}

uint64_t
cache_hash_(const struct cache *cache, enum spf_rr rr, struct mf_text name)
{
	struct siphash_key key = cache->key;

	key.k[1] ^= (uint64_t)rr;
	return siphash(1, 3, &key, name);
}

/* The reply to a question, fresh or not. */
static struct spf_reply *
cache_old(const struct cache *cache, uint64_t hash, enum spf_rr rr,
    struct mf_text name)
{
	struct spf_reply *r = cache->buckets[hash & cache->mask];

	while (r != NULL && !reply_is_(r, hash, rr, name))
		r = r->next;
	return r;
}

struct spf_reply *
cache_find_(const struct cache *cache, uint64_t hash, enum spf_rr rr,
    struct mf_text name, uint64_t now_ms)
{
	struct spf_reply *r = cache_old(cache, hash, rr, name);

	if (r == NULL || r->expires_ms <= now_ms)
		return NULL;
	/* Written once a round, not at each find: others read it too. */
	if (!atomic_load_explicit(&r->found, memory_order_relaxed))
		atomic_store_explicit(&r->found, true, memory_order_relaxed);
	return r;
}

/* Take reply out of its bucket and put it in front of list. */
static struct spf_reply *
put_out(struct cache *cache, struct spf_reply *reply, struct spf_reply *list)
{
	struct spf_reply **at = &cache->buckets[reply->hash & cache->mask];

	while (*at != reply)
		at = &(*at)->next;
	*at = reply->next;
	if (reply->expires_ms != CACHE_FOREVER) {
		TAILQ_REMOVE(&cache->order, reply, order);
		cache->octets -= reply_octets(reply);
	}
	cache->count--;
	reply->next = list;
	return reply;
}

/* Make room: see the top of cache.h. */
static struct spf_reply *
make_room(struct cache *cache, size_t octets, struct spf_reply *list)
{
	struct spf_reply *oldest;

	while (cache->octets > cache->octets_max - octets &&
	    (oldest = TAILQ_FIRST(&cache->order)) != NULL) {
		if (!atomic_load_explicit(
			&oldest->found, memory_order_relaxed)) {
			list = put_out(cache, oldest, list);
			continue;
		}
		atomic_store_explicit(
		    &oldest->found, false, memory_order_relaxed);
		TAILQ_REMOVE(&cache->order, oldest, order);
		TAILQ_INSERT_TAIL(&cache->order, oldest, order);
	}
	return list;
}

struct spf_reply *
cache_put_(struct cache *cache, struct spf_reply *reply, uint64_t expires_ms)
{
	struct mf_text name = mf_text_at(reply->name, reply->name_len);
	size_t octets = reply_octets(reply);
	struct spf_reply **bucket, *old, *out = NULL;
	bool forever = expires_ms == CACHE_FOREVER;

	if (!forever && octets > cache->octets_max / 4)
		return NULL;
	bucket = &cache->buckets[reply->hash & cache->mask];
	old = cache_old(cache, reply->hash, reply->rr, name);
	if (old != NULL) {
		if (old->expires_ms == CACHE_FOREVER && !forever)
			return NULL;
		out = put_out(cache, old, out);
	}
	if (!forever)
		out = make_room(cache, octets, out);
	reply->expires_ms = expires_ms;
	reply->next = *bucket;
	*bucket = reply_hold_(reply);
	if (!forever) {
		TAILQ_INSERT_TAIL(&cache->order, reply, order);
		cache->octets += octets;
	}
	cache->count++;
	return out;
}

struct spf_reply *
cache_put_failure_(
    struct cache *cache, struct spf_reply *reply, uint64_t now_ms)
{
	struct mf_text name = mf_text_at(reply->name, reply->name_len);
	const struct spf_reply *old =
	    cache_old(cache, reply->hash, reply->rr, name);
	uint64_t wait_ms = FAILURE_MS_MIN;

	reply->failures = 1;
	if (old != NULL && old->failures != 0 &&
	    old->expires_ms + FAILURE_FORGOTTEN_MS > now_ms)
		reply->failures = old->failures + 1;
	for (unsigned i = 1; i < reply->failures && wait_ms < FAILURE_MS_MAX;
	     i++)
		wait_ms *= 2;
	return cache_put_(cache, reply,
	    now_ms + (wait_ms < FAILURE_MS_MAX ? wait_ms : FAILURE_MS_MAX));
}

void
cache_drop_(struct spf_reply *list)
{
	while (list != NULL) {
		struct spf_reply *next = list->next;

		reply_release_(list);
		list = next;
	}
}

size_t
cache_octets_(const struct cache *cache)
{
	return cache->octets;
}

size_t
cache_count_(const struct cache *cache)
{
	return cache->count;
}

/* SPDX-License-Identifier: ISC */
/*
 * A hash table of fixed size, and a heap of its entries by the time at which
 * they expire.  Strangers can't choose signatures, but those who may sign can
 * try many: so the hash is keyed.
 */
#include "srsmilter/replay.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/siphash.h"

#define NONE UINT32_MAX

struct replay_entry {
	uint64_t expires_sec;
	uint32_t next; /* in its bucket, or of those that are free */
	uint16_t uses;
	uint8_t len;
	char signature[SES_SIGNATURE_MAX];
};

struct replay {
	pthread_mutex_t lock; /* of all below that changes */
	struct siphash_key key;
	uint32_t max, used; /* entries; the first `used` were in use once */
	uint32_t free;      /* the first of those that are free again */
	uint32_t *buckets;
	uint32_t mask; /* buckets less one */
	struct replay_entry *entries;
	uint32_t *heap; /* entries, the one that expires first at 0 */
	uint32_t heap_len;
	uint64_t evicted;
};

/* --- life --- */

static uint32_t
bucket_count(size_t entries)
{
	uint32_t count = 16;

	while (count < entries)
		count *= 2;
	return count;
}

struct replay *
replay_new(size_t entries)
{
	struct replay *r = calloc(1, sizeof(*r));
	uint32_t buckets = bucket_count(entries);

	if (r == NULL)
		return NULL;
	pthread_mutex_init(&r->lock, NULL);
	r->max = (uint32_t)entries;
	r->free = NONE;
	r->mask = buckets - 1;
	r->buckets = malloc(buckets * sizeof(*r->buckets));
	r->entries = malloc(entries * sizeof(*r->entries));
	r->heap = malloc(entries * sizeof(*r->heap));
	if (r->buckets == NULL || r->entries == NULL || r->heap == NULL ||
	    getentropy(&r->key, sizeof(r->key)) < 0) {
		replay_free(r);
		return NULL;
	}
	for (uint32_t i = 0; i < buckets; i++)
		r->buckets[i] = NONE;
	return r;
}

void
replay_free(struct replay *r)
{
	if (r == NULL)
		return;
	pthread_mutex_destroy(&r->lock);
	free(r->buckets);
	free(r->entries);
	free(r->heap);
	free(r);
}

/* --- the heap --- */

static uint64_t
expires_at(const struct replay *r, uint32_t place)
{
	return r->entries[r->heap[place]].expires_sec;
}

static void
swap(struct replay *r, uint32_t a, uint32_t b)
{
	uint32_t entry = r->heap[a];

	r->heap[a] = r->heap[b];
	r->heap[b] = entry;
}

static void
heap_push(struct replay *r, uint32_t entry)
{
	uint32_t at = r->heap_len++;

	r->heap[at] = entry;
	while (at != 0 && expires_at(r, at) < expires_at(r, (at - 1) / 2)) {
		swap(r, at, (at - 1) / 2);
		at = (at - 1) / 2;
	}
}

static uint32_t
heap_pop(struct replay *r)
{
	uint32_t first = r->heap[0], at = 0;

	r->heap[0] = r->heap[--r->heap_len];
	for (;;) {
		uint32_t least = at, left = 2 * at + 1, right = left + 1;

		if (left < r->heap_len &&
		    expires_at(r, left) < expires_at(r, least))
			least = left;
		if (right < r->heap_len &&
		    expires_at(r, right) < expires_at(r, least))
			least = right;
		if (least == at)
			return first;
		swap(r, at, least);
		at = least;
	}
}

/* --- the table --- */

static struct mf_text
signature_of(const struct replay_entry *e)
{
	return mf_text_at(e->signature, e->len);
}

static uint32_t *
bucket_of(struct replay *r, struct mf_text signature)
{
	return &r->buckets[siphash(2, 4, &r->key, signature) & r->mask];
}

static struct replay_entry *
find(struct replay *r, struct mf_text signature)
{
	uint32_t at = *bucket_of(r, signature);

	while (
	    at != NONE && !mf_text_eq(signature_of(&r->entries[at]), signature))
		at = r->entries[at].next;
	return at == NONE ? NULL : &r->entries[at];
}

/* Take out the one that expires first. */
static void
drop_first(struct replay *r)
{
	uint32_t at = heap_pop(r);
	struct replay_entry *e = &r->entries[at];
	uint32_t *link = bucket_of(r, signature_of(e));

	while (*link != at)
		link = &r->entries[*link].next;
	*link = e->next;
	e->next = r->free;
	r->free = at;
}

static void
expire(struct replay *r, uint64_t now_sec)
{
	while (r->heap_len != 0 && expires_at(r, 0) <= now_sec)
		drop_first(r);
}

static uint32_t
take_free(struct replay *r)
{
	uint32_t at = r->free;

	if (at == NONE)
		return r->used++;
	r->free = r->entries[at].next;
	return at;
}

static struct replay_entry *
add(struct replay *r, struct mf_text signature, uint64_t expires_sec)
{
	uint32_t *bucket = bucket_of(r, signature), at;
	struct replay_entry *e;

	if (r->heap_len == r->max) {
		drop_first(r);
		r->evicted++;
	}
	at = take_free(r);
	e = &r->entries[at];
	*e = (struct replay_entry){.expires_sec = expires_sec,
	    .next = *bucket,
	    .len = (uint8_t)signature.len};
	memcpy(e->signature, signature.p, signature.len);
	*bucket = at;
	heap_push(r, at);
	return e;
}

/* --- what is asked --- */

bool
replay_used_up(struct replay *r, struct mf_text signature, unsigned limit,
    uint64_t now_sec)
{
	const struct replay_entry *e;
	bool used_up;

	pthread_mutex_lock(&r->lock);
	expire(r, now_sec);
	e = find(r, signature);
	used_up = e != NULL && e->uses >= limit;
	pthread_mutex_unlock(&r->lock);
	return used_up;
}

bool
replay_use(struct replay *r, struct mf_text signature, uint64_t expires_sec,
    unsigned limit, uint64_t now_sec)
{
	struct replay_entry *e;
	bool ok;

	pthread_mutex_lock(&r->lock);
	expire(r, now_sec);
	e = find(r, signature);
	ok = e == NULL || e->uses < limit;
	if (e == NULL)
		e = add(r, signature, expires_sec);
	if (ok)
		e->uses++;
	pthread_mutex_unlock(&r->lock);
	return ok;
}

void
replay_stats(struct replay *r, struct replay_stats *out)
{
	pthread_mutex_lock(&r->lock);
	*out = (struct replay_stats){
	    .entries = r->heap_len, .evicted = r->evicted};
	pthread_mutex_unlock(&r->lock);
}

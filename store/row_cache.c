/* SPDX-License-Identifier: ISC */
#include "store/row_cache.h"

#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/siphash.h"

struct row_entry {
	TAILQ_ENTRY(row_entry) use; /* most recently used first */
	struct row_entry *next;     /* in its bucket */
	uint64_t expires_sec;
	unsigned epoch;
	uint64_t heard_sec;
	size_t key_len, value_len;
	char bytes[]; /* key, value */
};

struct row_cache {
	struct siphash_key key;
	size_t max, count;
	size_t mask; /* buckets less one */
	struct row_entry **buckets;
	TAILQ_HEAD(row_entries, row_entry) used;
};

struct row_cache *
row_cache_new(size_t rows)
{
	struct row_cache *c = calloc(1, sizeof(*c));
	size_t buckets = 16;

	if (c == NULL)
		return NULL;
	while (buckets < rows)
		buckets *= 2;
	TAILQ_INIT(&c->used);
	c->max = rows;
	c->mask = buckets - 1;
	c->buckets = calloc(buckets, sizeof(struct row_entry *));
	if (c->buckets != NULL && getentropy(&c->key, sizeof(c->key)) == 0)
		return c;
	row_cache_free(c);
	return NULL;
}

static struct row_entry **
bucket_of(struct row_cache *c, struct mf_text key)
{
	return &c->buckets[siphash(2, 4, &c->key, key) & c->mask];
}

static struct mf_text
key_of(const struct row_entry *r)
{
	return mf_text_at(r->bytes, r->key_len);
}

static void
drop(struct row_cache *c, struct row_entry *r)
{
	struct row_entry **link = bucket_of(c, key_of(r));

	while (*link != r)
		link = &(*link)->next;
	*link = r->next;
	TAILQ_REMOVE(&c->used, r, use);
	c->count--;
	free(r);
}

void
row_cache_free(struct row_cache *c)
{
	if (c == NULL)
		return;
	while (!TAILQ_EMPTY(&c->used))
		drop(c, TAILQ_FIRST(&c->used));
	free(c->buckets);
	free(c);
}

static struct row_entry *
find(struct row_cache *c, struct mf_text key)
{
	struct row_entry *r = *bucket_of(c, key);

	while (r != NULL && !mf_text_eq(key_of(r), key))
		r = r->next;
	return r;
}

bool
row_cache_find(struct row_cache *c, struct mf_text key, uint64_t now_sec,
    struct cached_row *out)
{
	struct row_entry *r = find(c, key);

	if (r == NULL)
		return false;
	if (r->expires_sec <= now_sec) {
		drop(c, r);
		return false;
	}
	TAILQ_REMOVE(&c->used, r, use);
	TAILQ_INSERT_HEAD(&c->used, r, use);
	*out = (struct cached_row){
	    .value = mf_text_at(r->bytes + r->key_len, r->value_len),
	    .expires_sec = r->expires_sec,
	    .epoch = r->epoch,
	    .heard_sec = r->heard_sec};
	return true;
}

void
row_cache_add(
    struct row_cache *c, struct mf_text key, const struct cached_row *row)
{
	struct row_entry *old = find(c, key), *r, **bucket;

	if (c->max == 0)
		return;
	r = malloc(sizeof(*r) + key.len + row->value.len);
	if (r == NULL)
		return;
	*r = (struct row_entry){.expires_sec = row->expires_sec,
	    .epoch = row->epoch,
	    .heard_sec = row->heard_sec,
	    .key_len = key.len,
	    .value_len = row->value.len};
	/* Not before: bytes begin in the padding of the struct. */
	memcpy(r->bytes, key.p, key.len);
	memcpy(r->bytes + key.len, row->value.p, row->value.len);
	if (old != NULL)
		drop(c, old);
	else if (c->count == c->max)
		drop(c, TAILQ_LAST(&c->used, row_entries));
	bucket = bucket_of(c, key);
	r->next = *bucket;
	*bucket = r;
	TAILQ_INSERT_HEAD(&c->used, r, use);
	c->count++;
}

/* SPDX-License-Identifier: ISC */
/*
 * Berkeley DB's hash.  Its number of buckets grows by one at a time: one splits
 * in two.  A bucket is a chain of pages with items key, value, key, value, each
 * of which ends where the one before it begins.
 */
#include "access/berkeley_pages.h"
#include "access/readers.h"

#define RESERVED 4096 /* entries that makemap and postmap count ahead */

enum hash_item {
	HASH_ITEM = 1,
	HASH_DUPLICATES,
	HASH_OVERFLOW,
	HASH_FAR_DUPLICATES
};

struct hash {
	uint32_t buckets;
	uint32_t high_mask, low_mask;
	uint32_t key_count;
	uint32_t groups[32]; /* page of a bucket, less its number */
};

/* Fowler, Noll and Vo's first, from 0. */
static uint32_t
hash_of(struct mf_text key)
{
	uint32_t hash = 0;

	for (size_t i = 0; i < key.len; i++)
		hash = hash * 16777619 ^ (unsigned char)key.p[i];
	return hash;
}

static bool
belongs(const struct hash *hash, struct mf_text key, uint32_t bucket)
{
	uint32_t place = hash_of(key) & hash->high_mask;

	if (place >= hash->buckets)
		place &= hash->low_mask;
	return place == bucket;
}

static const char *
read_item(struct berkeley *db, const struct berkeley_page *page, size_t n,
    struct berkeley_buffer *buffer, struct mf_text *out)
{
	size_t at = berkeley_item_(db, page, n);
	size_t end = n == 0 ? db->page_size : berkeley_item_(db, page, n - 1);

	if (end <= at)
		return ACCESS_DAMAGED;
	*out = mf_text_at(page->octets.p + at, end - at);
	switch (berkeley_u8_(*out, 0)) {
	case HASH_ITEM:
		*out = text_from(*out, 1);
		return NULL;
	case HASH_OVERFLOW:
		return berkeley_overflow_(db, *out, buffer, out);
	case HASH_DUPLICATES:
	case HASH_FAR_DUPLICATES:
		return BERKELEY_HAS_DUPLICATES;
	default:
		return ACCESS_DAMAGED;
	}
}

static const char *
read_entry(struct berkeley *db, const struct hash *hash, uint32_t bucket,
    const struct berkeley_page *page, size_t n)
{
	const char *problem;
	struct mf_text key, value;

	problem = read_item(db, page, n, &db->key, &key);
	if (problem == NULL)
		problem = read_item(db, page, n + 1, &db->value, &value);
	if (problem != NULL)
		return problem;
	if (!belongs(hash, key, bucket))
		return ACCESS_DAMAGED;
	return berkeley_add_(db, key, value);
}

static const char *
read_bucket(struct berkeley *db, const struct hash *hash, uint32_t bucket,
    uint32_t number)
{
	struct berkeley_page page;
	uint32_t previous = 0;

	for (; number != 0; previous = number, number = page.next) {
		if (!berkeley_use_page_(db, number, &page))
			return ACCESS_DAMAGED;
		/* The first may never have had an entry. */
		if (berkeley_is_blank_(&page) && previous == 0)
			return NULL;
		if (page.type != BERKELEY_HASH || page.previous != previous ||
		    page.entries % 2 != 0 || !berkeley_has_items_(db, &page))
			return ACCESS_DAMAGED;
		for (size_t n = 0; n < page.entries; n += 2) {
			const char *problem =
			    read_entry(db, hash, bucket, &page, n);

			if (problem != NULL)
				return problem;
		}
	}
	return NULL;
}

/* Pages are taken for 1, 1, 2, 4, 8... buckets at once. */
static unsigned
group_of(uint32_t bucket)
{
	unsigned group = 0;

	while (group < 31 && UINT32_C(1) << group <= bucket)
		group++;
	return group;
}

const char *
berkeley_read_hash_(struct berkeley *db)
{
	/* What the hash function makes of this is in the file. */
	static const struct mf_text probe = {"%$sniglet^&", 12};
	struct hash hash = {.buckets = berkeley_u32_(db, db->bytes, 72) + 1,
	    .high_mask = berkeley_u32_(db, db->bytes, 76),
	    .low_mask = berkeley_u32_(db, db->bytes, 80),
	    .key_count = berkeley_u32_(db, db->bytes, 88)};

	if (hash.buckets == 0 || hash.buckets > db->pages ||
	    berkeley_u32_(db, db->bytes, 92) != hash_of(probe))
		return ACCESS_DAMAGED;
	for (size_t i = 0; i < 32; i++)
		hash.groups[i] = berkeley_u32_(db, db->bytes, 96 + i * 4);
	for (uint32_t bucket = 0; bucket < hash.buckets; bucket++) {
		const char *problem = read_bucket(
		    db, &hash, bucket, bucket + hash.groups[group_of(bucket)]);

		if (problem != NULL)
			return problem;
	}
	/* A writer that was interrupted leaves pages of different age. */
	if (hash.key_count != db->entries &&
	    hash.key_count != db->entries + RESERVED)
		return ACCESS_DAMAGED;
	return NULL;
}

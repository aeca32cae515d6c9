/* SPDX-License-Identifier: ISC */
/*
 * Berkeley DB, hash and btree of version 9, as release 5.3 writes them.
 * Numbers are in the order of the machine that wrote the file, which the magic
 * number shows.
 *
 *	meta page	size and number of pages, where a btree's root is, where
 *			the buckets of a hash are
 *	other pages	their number, the page before and behind, a type, the
 *			offsets of items, and from the end down the items
 *	overflow pages	a key or value, over as many as it takes
 *
 * libdb isn't used for this.  It took 247 of 500 truncated hash files for whole
 * ones that end early.  Its verifier found these, but wrote outside of its
 * memory on one of 6000 altered btrees, and prints keys up to a NUL that isn't
 * there.  Here every page and item is found to be within the file before it is
 * read, no page is read twice, every key must be where it belongs, and what
 * isn't read must be empty, or it is a part that got lost.
 */
#include <stdlib.h>

#include "access/berkeley_.h"

#define HASH_MAGIC 0x061561
#define VERSION    9
#define META_SIZE  512 /* no page is smaller */
#define PAGE_MAX   65536

const char berkeley_has_duplicates_[] =
    "has several values to a key: write it anew, without makemap -d";
static const char is_of_other_kind[] =
    "is of another version of Berkeley DB than 5.3, or encrypted, or has "
    "checksums: write it anew, with makemap or postmap";

/* --- numbers --- */

unsigned
berkeley_u8_(struct mf_text t, size_t at)
{
	return (unsigned char)t.p[at];
}

unsigned
berkeley_u16_(const struct berkeley *db, struct mf_text t, size_t at)
{
	unsigned first = berkeley_u8_(t, at), second = berkeley_u8_(t, at + 1);

	return db->is_big_endian ? first << 8 | second : second << 8 | first;
}

uint32_t
berkeley_u32_(const struct berkeley *db, struct mf_text t, size_t at)
{
	uint32_t first = berkeley_u16_(db, t, at);
	uint32_t second = berkeley_u16_(db, t, at + 2);

	return db->is_big_endian ? first << 16 | second : second << 16 | first;
}

/* --- pages --- */

static struct mf_text
page_at(const struct berkeley *db, uint32_t number)
{
	return mf_text_at(db->bytes.p + number * db->page_size, db->page_size);
}

static bool
is_used(const struct berkeley *db, uint32_t number)
{
	return (db->used[number / 8] & 1 << number % 8) != 0;
}

bool
berkeley_is_blank_(const struct berkeley_page *page)
{
	return page->number == 0 && page->type == BERKELEY_FREE &&
	    page->entries == 0 && page->next == 0;
}

bool
berkeley_use_page_(
    struct berkeley *db, uint32_t number, struct berkeley_page *out)
{
	struct mf_text octets;

	if (number == 0 || number >= db->pages || is_used(db, number))
		return false;
	db->used[number / 8] =
	    (unsigned char)(db->used[number / 8] | 1 << number % 8);
	octets = page_at(db, number);
	*out = (struct berkeley_page){.number = berkeley_u32_(db, octets, 8),
	    .previous = berkeley_u32_(db, octets, 12),
	    .next = berkeley_u32_(db, octets, 16),
	    .entries = berkeley_u16_(db, octets, 20),
	    .first_item = berkeley_u16_(db, octets, 22),
	    .level = berkeley_u8_(octets, 24),
	    .type = berkeley_u8_(octets, 25),
	    .octets = octets};
	/* 65536 doesn't fit: an empty page of that size. */
	if (out->first_item == 0)
		out->first_item = PAGE_MAX;
	return out->number == number || berkeley_is_blank_(out);
}

size_t
berkeley_item_(
    const struct berkeley *db, const struct berkeley_page *page, size_t n)
{
	return berkeley_u16_(db, page->octets, BERKELEY_HEADER_SIZE + n * 2);
}

bool
berkeley_has_items_(const struct berkeley *db, const struct berkeley_page *page)
{
	size_t lowest = db->page_size;

	if (page->first_item > db->page_size ||
	    page->first_item < BERKELEY_HEADER_SIZE + page->entries * 2)
		return false;
	for (size_t n = 0; n < page->entries; n++) {
		size_t at = berkeley_item_(db, page, n);

		if (at < page->first_item || at >= db->page_size)
			return false;
		lowest = at < lowest ? at : lowest;
	}
	return lowest == page->first_item;
}

/* --- items --- */

static bool
grow(struct berkeley_buffer *buffer, size_t size)
{
	char *more;

	if (size <= buffer->size)
		return true;
	more = realloc(buffer->p, size);
	if (more == NULL)
		return false;
	buffer->p = more;
	buffer->size = size;
	return true;
}

const char *
berkeley_overflow_(struct berkeley *db, struct mf_text item,
    struct berkeley_buffer *buffer, struct mf_text *out)
{
	struct berkeley_page page;
	struct text_out all;
	uint32_t number;
	size_t len;

	if (item.len != 12)
		return access_damaged_;
	number = berkeley_u32_(db, item, 4);
	len = berkeley_u32_(db, item, 8);
	if (len > db->bytes.len)
		return access_damaged_;
	if (!grow(buffer, len + 1))
		return access_no_memory_;
	all = text_out(buffer->p, len);
	for (; number != 0; number = page.next) {
		/* first_item is the number of octets here. */
		if (!berkeley_use_page_(db, number, &page) ||
		    page.type != BERKELEY_OVERFLOW ||
		    page.first_item > db->page_size - BERKELEY_HEADER_SIZE)
			return access_damaged_;
		out_text(&all,
		    mf_text_at(
			page.octets.p + BERKELEY_HEADER_SIZE, page.first_item));
	}
	*out = out_view(&all);
	return all.full || all.len != len ? access_damaged_ : NULL;
}

const char *
berkeley_add_(struct berkeley *db, struct mf_text key, struct mf_text value)
{
	db->entries++;
	return table_add(db->table, key, value, 0) ? NULL : access_no_memory_;
}

/* --- the file --- */

/* What the meta pages of both have in common. */
static const char *
check_meta(struct berkeley *db)
{
	unsigned encryption = berkeley_u8_(db->bytes, 24);
	unsigned flags = berkeley_u8_(db->bytes, 26);

	if (berkeley_u32_(db, db->bytes, 16) != VERSION || encryption != 0 ||
	    flags != 0)
		return is_of_other_kind;
	db->page_size = berkeley_u32_(db, db->bytes, 20);
	if (db->page_size < META_SIZE || db->page_size > PAGE_MAX ||
	    (db->page_size & (db->page_size - 1)) != 0 ||
	    db->bytes.len % db->page_size != 0)
		return access_damaged_;
	db->pages = (uint32_t)(db->bytes.len / db->page_size);
	if (berkeley_u32_(db, db->bytes, 8) != 0 ||
	    berkeley_u32_(db, db->bytes, 32) != db->pages - 1)
		return access_damaged_;
	return NULL;
}

/* Pages that weren't used are free, or buckets of a hash to come. */
static bool
rest_is_empty(const struct berkeley *db)
{
	for (uint32_t number = 1; number < db->pages; number++) {
		struct mf_text octets = page_at(db, number);
		unsigned type = berkeley_u8_(octets, 25);

		if (is_used(db, number) || type == BERKELEY_FREE)
			continue;
		if (type != BERKELEY_HASH || berkeley_u16_(db, octets, 20) != 0)
			return false;
	}
	return true;
}

static const char *
read_all(struct berkeley *db, bool is_hash)
{
	const char *problem =
	    is_hash ? berkeley_read_hash_(db) : berkeley_read_btree_(db);

	if (problem == NULL && !rest_is_empty(db))
		problem = access_damaged_;
	return problem;
}

const char *
access_read_berkeley_(struct mf_text bytes, struct table *table)
{
	struct berkeley db = {.bytes = bytes, .table = table};
	const char *problem;

	if (!access_is_berkeley_(bytes))
		return "is no Berkeley DB hash or btree: \"makemap hash "
		       "FILE.db <FILE\" makes one of a text";
	if (bytes.len < META_SIZE)
		return access_damaged_;
	db.is_big_endian = berkeley_u8_(bytes, 12) == 0;
	problem = check_meta(&db);
	if (problem != NULL)
		return problem;
	db.used = calloc(1, db.pages / 8 + 1);
	problem = db.used != NULL
	    ? read_all(&db, berkeley_u32_(&db, bytes, 12) == HASH_MAGIC)
	    : access_no_memory_;
	free(db.used);
	free(db.key.p);
	free(db.value.p);
	free(db.last.p);
	return problem;
}

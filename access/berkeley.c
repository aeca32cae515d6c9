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

#include "access/berkeley_pages.h"
#include "access/map_name.h"
#include "access/readers.h"

#define HASH_MAGIC 0x061561
#define VERSION    9
#define META_SIZE  512 /* no page is smaller */

static const char is_of_other_kind[] =
    "is of another version of Berkeley DB than 5.3, or encrypted, or has "
    "checksums: write it anew, with makemap or postmap";

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
	if (db->page_size < META_SIZE || db->page_size > BERKELEY_PAGE_MAX ||
	    (db->page_size & (db->page_size - 1)) != 0 ||
	    db->bytes.len % db->page_size != 0)
		return ACCESS_DAMAGED;
	db->pages = (uint32_t)(db->bytes.len / db->page_size);
	if (berkeley_u32_(db, db->bytes, 8) != 0 ||
	    berkeley_u32_(db, db->bytes, 32) != db->pages - 1)
		return ACCESS_DAMAGED;
	return NULL;
}

/* Pages that weren't used are free, or buckets of a hash to come. */
static bool
rest_is_empty(const struct berkeley *db)
{
	for (uint32_t number = 1; number < db->pages; number++) {
		struct mf_text octets = berkeley_page_(db, number);
		unsigned type = berkeley_u8_(octets, 25);

		if (berkeley_is_used_(db, number) || type == BERKELEY_FREE)
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
		problem = ACCESS_DAMAGED;
	return problem;
}

const char *
access_read_berkeley_(struct mf_text bytes, struct access_table *table)
{
	struct berkeley db = {
	    .bytes = bytes, .left = bytes.len, .table = table};
	const char *problem;

	if (!access_is_berkeley_(bytes))
		return "is no Berkeley DB hash or btree: \"makemap hash "
		       "FILE.db <FILE\" makes one of a text";
	if (bytes.len < META_SIZE)
		return ACCESS_DAMAGED;
	db.is_big_endian = berkeley_u8_(bytes, 12) == 0;
	problem = check_meta(&db);
	if (problem != NULL)
		return problem;
	db.used = calloc(1, db.pages / 8 + 1);
	problem = db.used != NULL
	    ? read_all(&db, berkeley_u32_(&db, bytes, 12) == HASH_MAGIC)
	    : ACCESS_NO_MEMORY;
	free(db.used);
	free(db.key.p);
	free(db.value.p);
	free(db.last.p);
	return problem;
}

/* SPDX-License-Identifier: ISC */
/*
 * What the readers of Berkeley DB's hash and btree share: pages, and items over
 * several pages.
 */
#ifndef MAILFROM_ACCESS_BERKELEY_PAGES_H
#define MAILFROM_ACCESS_BERKELEY_PAGES_H

#include "access/table.h"

#define BERKELEY_PAGE_MAX    65536
#define BERKELEY_HEADER_SIZE 26 /* of a page; offsets of items are behind it */

#define BERKELEY_HAS_DUPLICATES \
	"has several values to a key: write it anew, without makemap -d"

enum berkeley_type {
	BERKELEY_FREE = 0,
	BERKELEY_BRANCH = 3,
	BERKELEY_LEAF = 5,
	BERKELEY_OVERFLOW = 7,
	BERKELEY_HASH = 13
};

struct berkeley_page {
	uint32_t number;
	uint32_t previous, next; /* 0: none */
	size_t entries;
	size_t first_item; /* offset of the lowest one */
	unsigned level;
	unsigned type;
	struct mf_text octets;
};

/* A key or value that was put together from overflow pages. */
struct berkeley_buffer {
	char *p;
	size_t size;
};

struct berkeley {
	struct mf_text bytes;
	struct access_table *table;
	bool is_big_endian;
	size_t page_size;
	uint32_t pages;
	unsigned char *used; /* a bit a page */
	size_t entries;      /* that were added */
	size_t left;         /* for access_take_() */
	struct berkeley_buffer key, value, last;
};

/* Numbers at octet `at` of t, which must be there. */
unsigned berkeley_u8_(struct mf_text t, size_t at);
unsigned berkeley_u16_(const struct berkeley *db, struct mf_text t, size_t at);
uint32_t berkeley_u32_(const struct berkeley *db, struct mf_text t, size_t at);

/* The octets of page `number`, which is there. */
struct mf_text berkeley_page_(const struct berkeley *db, uint32_t number);
bool berkeley_is_used_(const struct berkeley *db, uint32_t number);

/*
 * Page `number`, which is used from now on.  False: there is none, or it is
 * used already, as in a circle.
 */
bool berkeley_use_page_(
    struct berkeley *db, uint32_t number, struct berkeley_page *out);

/* A page that was never written. */
bool berkeley_is_blank_(const struct berkeley_page *page);

/* Whether all items are where a page has room for them, down to the lowest. */
bool berkeley_has_items_(
    const struct berkeley *db, const struct berkeley_page *page);

/* Offset of the n-th item. */
size_t berkeley_item_(
    const struct berkeley *db, const struct berkeley_page *page, size_t n);

/*
 * The octets that an item's reference stands for: number of the first page, and
 * length, at octets 4 and 8 of it.  They are in buffer.  NULL or a problem.
 */
const char *berkeley_overflow_(struct berkeley *db, struct mf_text item,
    struct berkeley_buffer *buffer, struct mf_text *out);

/* Add an entry to the table.  NULL or a problem. */
const char *berkeley_add_(
    struct berkeley *db, struct mf_text key, struct mf_text value);

/* Read all entries.  NULL or a problem. */
const char *berkeley_read_hash_(struct berkeley *db);
const char *berkeley_read_btree_(struct berkeley *db);

#endif

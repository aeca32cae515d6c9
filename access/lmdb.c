/* SPDX-License-Identifier: ISC */
/*
 * LMDB 0.9, as postmap writes it (data version 1).  Numbers are in the
 * machine's order and of its size, so a file is only good for machines of its
 * kind.
 *
 *	page 0, 1	meta: the one with the higher transaction counts
 *	branch pages	nodes: a key, and the page with the keys from it on
 *	leaf pages	nodes: a key and its value, or the value's first page
 *	overflow pages	a value as a whole, over several pages
 *
 * liblmdb isn't used for this.  It maps the file and trusts it: of 1000
 * truncated or altered files 518 ended it with SIGBUS and 4 with SIGSEGV.  So
 * here every page and node is found to be within the file before it is read,
 * and the tree as a whole to be what the meta page says: pages, entries, and
 * keys in order.
 */
#include <stdlib.h>

#include "access/map_name.h"
#include "access/readers.h"

#define VERSION       1
#define PAGE_SIZE_MIN 256
#define PAGE_SIZE_MAX 32768
#define DEPTH_MAX     32 /* as liblmdb's */
#define NO_PAGE       SIZE_MAX

#define PAGE_BRANCH   0x01
#define PAGE_LEAF     0x02
#define PAGE_OVERFLOW 0x04
#define PAGE_META     0x08
#define PAGE_KINDS    0x6f /* the bits that say what a page is */

#define NODE_OVERFLOW 0x01 /* the value is on pages of its own */
#define NODE_SPECIAL  0x06 /* a database in the database, or duplicates */

struct lmdb_page {
	size_t number;
	uint16_t pad;
	uint16_t flags;
	union {
		uint16_t bounds[2]; /* end of the offsets, first node */
		uint32_t pages;     /* of an overflow */
	};
};

struct lmdb_tree {
	uint32_t page_size; /* in the tree of free pages, else 0 */
	uint16_t flags;
	uint16_t depth;
	size_t branch_pages;
	size_t leaf_pages;
	size_t overflow_pages;
	size_t entries;
	size_t root;
};

struct lmdb_meta {
	uint32_t magic;
	uint32_t version;
	size_t address;
	size_t map_size;
	struct lmdb_tree free, main;
	size_t last_page;
	size_t transaction;
};

struct lmdb_node {
	uint16_t size[2]; /* of the value; in a branch, number of the page */
	uint16_t flags;   /* in a branch, the number's highest bits */
	uint16_t key_len;
};

enum { LOW = __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__, HIGH = !LOW };

struct lmdb_walk {
	struct mf_text bytes;
	size_t page_size;
	struct lmdb_tree tree;
	struct access_table *table;
	size_t branch_pages, leaf_pages, entries;
	unsigned char *used;     /* a bit a page */
	size_t left;             /* for access_take_() */
	struct mf_text last_key; /* all others must be greater */
};

/* --- pages and nodes --- */

/* Copy size octets at `at` of t to out; false: t ends before. */
static bool
get(struct mf_text t, size_t at, void *out, size_t size)
{
	if (at > t.len || size > t.len - at)
		return false;
	memcpy(out, t.p + at, size);
	return true;
}

/* `count` pages from number on; false: they aren't there. */
static bool
find_pages(const struct lmdb_walk *w, size_t number, size_t count,
    struct mf_text *out, struct lmdb_page *page)
{
	size_t pages = w->bytes.len / w->page_size;

	if (number >= pages || count > pages - number)
		return false;
	*out = mf_text_at(
	    w->bytes.p + number * w->page_size, count * w->page_size);
	return get(*out, 0, page, sizeof(*page)) && page->number == number;
}

/*
 * The same, for pages that nothing else uses: a tree with two ways to one page
 * would be walked once for each, and they double with every level.
 */
static bool
use_pages(struct lmdb_walk *w, size_t number, size_t count, struct mf_text *out,
    struct lmdb_page *page)
{
	if (!find_pages(w, number, count, out, page))
		return false;
	for (size_t n = number; n < number + count; n++) {
		if ((w->used[n / 8] & 1 << n % 8) != 0)
			return false;
		w->used[n / 8] = (unsigned char)(w->used[n / 8] | 1 << n % 8);
	}
	return true;
}

/* The n-th node of a page, its key, and what is behind the key. */
static bool
find_node(struct mf_text page, const struct lmdb_page *header, size_t n,
    struct lmdb_node *node, struct mf_text *key, struct mf_text *rest)
{
	uint16_t at;

	if (!get(page, sizeof(*header) + n * sizeof(at), &at, sizeof(at)) ||
	    at < header->bounds[1] || !get(page, at, node, sizeof(*node)))
		return false;
	*rest = text_from(page, at + sizeof(*node));
	*key = text_head(*rest, node->key_len);
	*rest = text_from(*rest, node->key_len);
	return key->len == node->key_len;
}

static size_t
value_len(const struct lmdb_node *node)
{
	return node->size[LOW] | (size_t)node->size[HIGH] << 16;
}

static size_t
child_of(const struct lmdb_node *node)
{
#if SIZE_MAX > UINT32_MAX
	return value_len(node) | (size_t)node->flags << 32;
#else
	return value_len(node);
#endif
}

static bool
find_value(struct lmdb_walk *w, const struct lmdb_node *node,
    struct mf_text rest, struct mf_text *out)
{
	size_t len = value_len(node), number;
	struct lmdb_page page;

	if ((node->flags & NODE_OVERFLOW) == 0) {
		*out = text_head(rest, len);
		return out->len == len;
	}
	if (!get(rest, 0, &number, sizeof(number)) ||
	    !find_pages(w, number, 1, out, &page) ||
	    (page.flags & PAGE_KINDS) != PAGE_OVERFLOW ||
	    !use_pages(w, number, page.pages, out, &page))
		return false;
	*out = text_head(text_from(*out, sizeof(page)), len);
	return out->len == len;
}

/* --- the tree --- */

static const char *
read_entry(struct lmdb_walk *w, const struct lmdb_node *node,
    struct mf_text key, struct mf_text rest)
{
	struct mf_text value;

	if ((node->flags & NODE_SPECIAL) != 0)
		return "is an LMDB file of another program: it has databases "
		       "in it";
	if (!find_value(w, node, rest, &value) ||
	    !access_take_(&w->left, key, value) ||
	    (w->entries++ != 0 && text_cmp(key, w->last_key) <= 0))
		return ACCESS_DAMAGED;
	w->last_key = key;
	return access_table_add(w->table, key, value, 0) ? NULL
							 : ACCESS_NO_MEMORY;
}

/* Read a page that wasn't read yet, and all below. */
static const char *
read_page(struct lmdb_walk *w, size_t number, unsigned depth)
{
	bool is_leaf = depth == w->tree.depth;
	struct lmdb_page page;
	struct mf_text octets, key, rest;
	struct lmdb_node node;

	if (depth > w->tree.depth || !use_pages(w, number, 1, &octets, &page) ||
	    (page.flags & PAGE_KINDS) != (is_leaf ? PAGE_LEAF : PAGE_BRANCH) ||
	    page.bounds[0] < sizeof(page) || page.bounds[0] > page.bounds[1])
		return ACCESS_DAMAGED;
	if (is_leaf)
		w->leaf_pages++;
	else
		w->branch_pages++;
	size_t count = (page.bounds[0] - sizeof(page)) / sizeof(uint16_t);
	for (size_t n = 0; n < count; n++) {
		const char *problem;

		if (!find_node(octets, &page, n, &node, &key, &rest))
			return ACCESS_DAMAGED;
		problem = is_leaf ? read_entry(w, &node, key, rest)
				  : read_page(w, child_of(&node), depth + 1);
		if (problem != NULL)
			return problem;
	}
	return NULL;
}

static const char *
read_tree(struct lmdb_walk *w)
{
	const char *problem = NULL;

	if (w->tree.flags != 0)
		return "is an LMDB file of another program: postmap writes "
		       "keys in plain order";
	if (w->tree.depth > DEPTH_MAX)
		return ACCESS_DAMAGED;
	if (w->tree.root != NO_PAGE)
		problem = read_page(w, w->tree.root, 1);
	if (problem == NULL &&
	    (w->entries != w->tree.entries ||
		w->leaf_pages != w->tree.leaf_pages ||
		w->branch_pages != w->tree.branch_pages))
		problem = ACCESS_DAMAGED;
	return problem;
}

static bool
find_meta(const struct lmdb_walk *w, size_t number, struct lmdb_meta *out)
{
	struct mf_text octets;
	struct lmdb_page page;

	return find_pages(w, number, 1, &octets, &page) &&
	    (page.flags & PAGE_KINDS) == PAGE_META &&
	    get(octets, sizeof(page), out, sizeof(*out)) &&
	    access_is_lmdb_(octets) && out->version == VERSION;
}

const char *
access_read_lmdb_(struct mf_text bytes, struct access_table *table)
{
	struct lmdb_walk w = {
	    .bytes = bytes, .left = bytes.len, .table = table};
	struct lmdb_meta first, second;
	const char *problem;

	if (!access_is_lmdb_(bytes))
		return "is no LMDB file of this kind of machine";
	if (!get(bytes, sizeof(struct lmdb_page), &first, sizeof(first)))
		return ACCESS_DAMAGED;
	w.page_size = first.free.page_size;
	if (w.page_size < PAGE_SIZE_MIN || w.page_size > PAGE_SIZE_MAX ||
	    (w.page_size & (w.page_size - 1)) != 0 ||
	    !find_meta(&w, 0, &first) || !find_meta(&w, 1, &second))
		return ACCESS_DAMAGED;
	w.tree =
	    second.transaction > first.transaction ? second.main : first.main;
	w.used = calloc(1, bytes.len / w.page_size / 8 + 1);
	problem = w.used != NULL ? read_tree(&w) : ACCESS_NO_MEMORY;
	free(w.used);
	return problem;
}

/* SPDX-License-Identifier: ISC */
/*
 * Berkeley DB's btree.  Its leaves are a chain of pages with items key, value,
 * key, value, in the order of the keys' octets; above are pages with items that
 * point to pages.
 */
#include "access/berkeley_pages.h"
#include "access/readers.h"

#define DEPTH_MAX 64 /* no file of ACCESS_SIZE_MAX has more */
#define DELETED   0x80

enum btree_item { BTREE_ITEM = 1, BTREE_DUPLICATES, BTREE_OVERFLOW };

struct btree {
	struct berkeley *db;
	struct mf_text last_key; /* p is NULL: none yet */
	uint32_t last_leaf;      /* 0: none yet */
	uint32_t next_leaf;      /* that it says comes next */
};

/* length, type, octets; or what stands for octets on overflow pages. */
static const char *
read_item(struct berkeley *db, const struct berkeley_page *page, size_t n,
    struct berkeley_buffer *buffer, struct mf_text *out, bool *is_deleted)
{
	struct mf_text item =
	    text_from(page->octets, berkeley_item_(db, page, n));
	unsigned type;
	size_t len;

	if (item.len < 3)
		return ACCESS_DAMAGED;
	len = berkeley_u16_(db, item, 0);
	type = berkeley_u8_(item, 2);
	*is_deleted = (type & DELETED) != 0;
	switch (type & ~(unsigned)DELETED) {
	case BTREE_ITEM:
		*out = text_head(text_from(item, 3), len);
		return out->len == len ? NULL : ACCESS_DAMAGED;
	case BTREE_OVERFLOW:
		return berkeley_overflow_(db, text_head(item, 12), buffer, out);
	case BTREE_DUPLICATES:
		return BERKELEY_HAS_DUPLICATES;
	default:
		return ACCESS_DAMAGED;
	}
}

static const char *
read_entry(struct btree *tree, const struct berkeley_page *page, size_t n)
{
	struct berkeley *db = tree->db;
	bool key_deleted, value_deleted;
	struct mf_text key, value;
	const char *problem;
	int order;

	problem = read_item(db, page, n, &db->key, &key, &key_deleted);
	if (problem == NULL)
		problem = read_item(
		    db, page, n + 1, &db->value, &value, &value_deleted);
	if (problem != NULL)
		return problem;
	if (!access_take_(&db->left, key, value))
		return ACCESS_DAMAGED;
	order = tree->last_key.p != NULL ? text_cmp(tree->last_key, key) : -1;
	if (order >= 0)
		return order == 0 ? BERKELEY_HAS_DUPLICATES : ACCESS_DAMAGED;
	tree->last_key = key;
	if (key.p == db->key.p) {
		/* Keep it from the next one that needs a buffer. */
		struct berkeley_buffer other = db->last;

		db->last = db->key;
		db->key = other;
	}
	return value_deleted ? NULL : berkeley_add_(db, key, value);
}

static const char *
read_leaf(struct btree *tree, const struct berkeley_page *page)
{
	const char *problem = NULL;

	if (page->entries % 2 != 0 || page->previous != tree->last_leaf ||
	    (tree->last_leaf != 0 && page->number != tree->next_leaf))
		return ACCESS_DAMAGED;
	tree->last_leaf = page->number;
	tree->next_leaf = page->next;
	for (size_t n = 0; problem == NULL && n < page->entries; n += 2)
		problem = read_entry(tree, page, n);
	return problem;
}

/* Page `number`, which must be of that level, and all below; leaves are 1. */
static const char *
read_page(struct btree *tree, uint32_t number, unsigned level)
{
	struct berkeley *db = tree->db;
	const char *problem = NULL;
	struct berkeley_page page;

	if (!berkeley_use_page_(db, number, &page) ||
	    page.type != (level == 1 ? BERKELEY_LEAF : BERKELEY_BRANCH) ||
	    page.level != level || !berkeley_has_items_(db, &page))
		return ACCESS_DAMAGED;
	if (level == 1)
		return read_leaf(tree, &page);
	for (size_t n = 0; problem == NULL && n < page.entries; n++) {
		struct mf_text item =
		    text_from(page.octets, berkeley_item_(db, &page, n));

		if (item.len < 8)
			return ACCESS_DAMAGED;
		problem =
		    read_page(tree, berkeley_u32_(db, item, 4), level - 1);
	}
	return problem;
}

const char *
berkeley_read_btree_(struct berkeley *db)
{
	struct btree tree = {.db = db};
	uint32_t root = berkeley_u32_(db, db->bytes, 88);
	const char *problem;
	unsigned level;

	if (root >= db->pages)
		return ACCESS_DAMAGED;
	level = berkeley_u8_(db->bytes, root * db->page_size + 24);
	if (level == 0 || level > DEPTH_MAX)
		return ACCESS_DAMAGED;
	problem = read_page(&tree, root, level);
	if (problem == NULL && tree.next_leaf != 0)
		problem = ACCESS_DAMAGED;
	return problem;
}

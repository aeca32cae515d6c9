/* SPDX-License-Identifier: ISC */
/*
 * Keys and values are copied into blocks that double in size and never move,
 * so a large file takes a dozen allocations and entries can be views.
 */
#include "access/table.h"

#include <stdlib.h>

#include "common/similar.h"
#include <mailfrom/spf.h>

#define BLOCK_SIZE 4096 /* of the first one, octets */

struct block {
	struct block *next;
	size_t size, used;
	char bytes[];
};

struct slot {
	struct entry entry;
	size_t order; /* of adding */
};

struct table {
	struct slot *slots;
	size_t count, room;
	struct block *blocks; /* the newest first */
};

/* --- which keys are ours --- */

/* Octets of key before its first ":" or "!". */
static size_t
tag_len(struct mf_text key)
{
	size_t at = 0;

	while (at < key.len && key.p[at] != ':' && key.p[at] != '!')
		at++;
	return at;
}

/* Cut one of the prefixes that results have off *tag. */
static bool
cut_prefix(struct mf_text *tag)
{
	static const char *const prefixes[] = {
	    "spf-", "helo-", "srs-", "null-"};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		struct mf_text prefix = mf_text_of(prefixes[i]);

		if (text_starts_fold(*tag, prefix)) {
			*tag = text_from(*tag, prefix.len);
			return true;
		}
	}
	return false;
}

static bool
is_result(struct mf_text t)
{
	for (int r = SPF_NONE; r <= SPF_PERMERROR; r++)
		if (text_eq_fold(
			t, mf_text_of(spf_result_text((enum spf_result)r))))
			return true;
	return false;
}

bool
table_is_ours(struct mf_text key)
{
	struct mf_text tag = text_head(key, tag_len(key));

	if (text_eq_fold(tag, MF_TEXT("smtp-auth")) ||
	    text_eq_fold(tag, MF_TEXT("spf-to")) ||
	    text_eq_fold(tag, MF_TEXT("spam")))
		return true;
	return cut_prefix(&tag) && is_result(tag);
}

static bool
ends_in_result(struct mf_text tag)
{
	for (int r = SPF_NONE; r <= SPF_PERMERROR; r++) {
		struct mf_text result =
		    mf_text_of(spf_result_text((enum spf_result)r));

		if (tag.len > result.len && text_ends_fold(tag, result))
			return true;
	}
	return false;
}

bool
table_is_mistyped(struct mf_text key)
{
	struct mf_text tag = text_head(key, tag_len(key));

	/* Without a separator it is somebody's host name. */
	if (tag.len == key.len || table_is_ours(key))
		return false;
	return ends_in_result(tag) ||
	    similar_distance(tag, MF_TEXT("smtp-auth")) == 1 ||
	    similar_distance(tag, MF_TEXT("spf-to")) == 1 || cut_prefix(&tag);
}

/* --- building --- */

struct table *
table_new(void)
{
	return calloc(1, sizeof(struct table));
}

void
table_free(struct table *table)
{
	struct block *next;

	if (table == NULL)
		return;
	for (struct block *b = table->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	free(table->slots);
	free(table);
}

/* Room for len octets that stays where it is; NULL: out of memory. */
static char *
take(struct table *table, size_t len)
{
	struct block *block = table->blocks;

	if (block == NULL || len > block->size - block->used) {
		size_t size = block == NULL ? BLOCK_SIZE : block->size * 2;

		if (size < len)
			size = len;
		block = malloc(sizeof(*block) + size);
		if (block == NULL)
			return NULL;
		*block = (struct block){table->blocks, size, 0};
		table->blocks = block;
	}
	block->used += len;
	return block->bytes + block->used - len;
}

static struct slot *
take_slot(struct table *table)
{
	if (table->count == table->room) {
		size_t room = table->room == 0 ? 16 : table->room * 2;
		struct slot *more = realloc(table->slots, room * sizeof(*more));

		if (more == NULL)
			return NULL;
		table->slots = more;
		table->room = room;
	}
	return &table->slots[table->count];
}

static struct mf_text
without_nul(struct mf_text t)
{
	if (t.len != 0 && t.p[t.len - 1] == '\0')
		t.len--;
	return t;
}

bool
table_add(struct table *table, struct mf_text key, struct mf_text value,
    unsigned line)
{
	key = without_nul(key);
	value = without_nul(value);
	if (!table_is_ours(key) && !table_is_mistyped(key))
		return true;

	struct slot *slot = take_slot(table);
	char *copy = slot != NULL ? take(table, key.len + value.len) : NULL;
	if (copy == NULL)
		return false;
	struct text_out out = text_out(copy, key.len + value.len);
	out_text(&out, key);
	out_text(&out, value);
	ascii_lower_all(copy, key.len);
	if (tag_len(key) < key.len)
		copy[tag_len(key)] = ':';
	*slot =
	    (struct slot){.entry = {.key = mf_text_at(copy, key.len),
			      .value = mf_text_at(copy + key.len, value.len),
			      .line = line},
		.order = table->count++};
	slot->entry.status =
	    action_parse(slot->entry.value, &slot->entry.action);
	return true;
}

/* --- finding --- */

/* Octet by octet, the shorter first among equals: both are folded. */
static int
compare_keys(struct mf_text a, struct mf_text b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = n != 0 ? memcmp(a.p, b.p, n) : 0;

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int
compare_slots(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;
	int order = compare_keys(x->entry.key, y->entry.key);

	return order != 0 ? order
			  : (x->order > y->order) - (x->order < y->order);
}

void
table_finish(struct table *table)
{
	if (table->count != 0)
		qsort(table->slots, table->count, sizeof(*table->slots),
		    compare_slots);
}

const struct entry *
table_find(const struct table *table, struct mf_text key)
{
	size_t from = 0, to = table->count;

	/* The first that isn't less than key: the oldest of duplicates. */
	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (compare_keys(table->slots[middle].entry.key, key) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	if (from == table->count ||
	    !mf_text_eq(table->slots[from].entry.key, key))
		return NULL;
	return &table->slots[from].entry;
}

size_t
table_count(const struct table *table)
{
	return table->count;
}

const struct entry *
table_at(const struct table *table, size_t n)
{
	return &table->slots[n].entry;
}

/* SPDX-License-Identifier: ISC */
/*
 * Keys and values are copied into blocks that double in size and never move,
 * so a large file takes a dozen allocations and entries can be views.
 */
#include "access/table.h"

#include <stdlib.h>

#include "common/array.h"
#include "common/similar.h"
#include <mailfrom/spf.h>

#define BLOCK_SIZE 4096 /* of the first one, octets */

struct table_block {
	struct table_block *next;
	size_t size, used;
	char bytes[];
};

struct table_slot {
	struct access_entry entry;
	size_t order; /* of adding */
};

struct access_table {
	struct table_slot *slots;
	size_t count, room;
	struct table_block *blocks; /* the newest first */
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
access_key_is_ours(struct mf_text key)
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
access_key_is_mistyped(struct mf_text key)
{
	struct mf_text tag = text_head(key, tag_len(key));

	/* Without a separator it is somebody's host name. */
	if (tag.len == key.len || access_key_is_ours(key))
		return false;
	return ends_in_result(tag) ||
	    similar_distance(tag, MF_TEXT("smtp-auth")) == 1 ||
	    similar_distance(tag, MF_TEXT("spf-to")) == 1 || cut_prefix(&tag);
}

/* --- building --- */

struct access_table *
access_table_new(void)
{
	return calloc(1, sizeof(struct access_table));
}

void
access_table_free(struct access_table *table)
{
	struct table_block *next;

	if (table == NULL)
		return;
	for (struct table_block *b = table->blocks; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
	free(table->slots);
	free(table);
}

/* Room for len octets that stays where it is; NULL: out of memory. */
static char *
take(struct access_table *table, size_t len)
{
	struct table_block *block = table->blocks;

	if (block == NULL || len > block->size - block->used) {
		size_t size = block == NULL ? BLOCK_SIZE : block->size * 2;

		if (size < len)
			size = len;
		block = malloc(sizeof(*block) + size);
		if (block == NULL)
			return NULL;
		*block = (struct table_block){table->blocks, size, 0};
		table->blocks = block;
	}
	block->used += len;
	return block->bytes + block->used - len;
}

static struct table_slot *
take_slot(struct access_table *table)
{
	struct table_slot *slots = array_grow(
	    table->slots, table->count, &table->room, sizeof(*slots));

	if (slots == NULL)
		return NULL;
	table->slots = slots;
	return &slots[table->count];
}

static struct mf_text
without_nul(struct mf_text t)
{
	if (t.len != 0 && t.p[t.len - 1] == '\0')
		t.len--;
	return t;
}

bool
access_table_add(struct access_table *table, struct mf_text key,
    struct mf_text value, unsigned line)
{
	key = without_nul(key);
	value = without_nul(value);
	if (!access_key_is_ours(key) && !access_key_is_mistyped(key))
		return true;

	struct table_slot *slot = take_slot(table);
	char *copy = slot != NULL ? take(table, key.len + value.len) : NULL;
	if (copy == NULL)
		return false;
	struct text_out out = text_out(copy, key.len + value.len);
	out_text(&out, key);
	out_text(&out, value);
	ascii_lower_all(copy, key.len);
	if (tag_len(key) < key.len)
		copy[tag_len(key)] = ':';
	*slot = (struct table_slot){
	    .entry = {.key = mf_text_at(copy, key.len),
		.value = mf_text_at(copy + key.len, value.len),
		.line = line},
	    .order = table->count++};
	slot->entry.status =
	    action_parse(slot->entry.value, &slot->entry.action);
	return true;
}

/* --- finding --- */

static int
compare_slots(const void *a, const void *b)
{
	const struct table_slot *x = a, *y = b;
	int order = text_cmp(x->entry.key, y->entry.key);

	return order != 0 ? order
			  : (x->order > y->order) - (x->order < y->order);
}

void
access_table_finish(struct access_table *table)
{
	if (table->count != 0)
		qsort(table->slots, table->count, sizeof(*table->slots),
		    compare_slots);
}

const struct access_entry *
access_table_find(const struct access_table *table, struct mf_text key)
{
	size_t from = 0, to = table->count;

	/* The first that isn't less than key: the oldest of duplicates. */
	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (text_cmp(table->slots[middle].entry.key, key) < 0)
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
access_table_count(const struct access_table *table)
{
	return table->count;
}

const struct access_entry *
access_table_at(const struct access_table *table, size_t n)
{
	return &table->slots[n].entry;
}

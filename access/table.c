/* SPDX-License-Identifier: ISC */
/*
 * Entries are records one after the other in one block, in the order of adding:
 * length of the key, key, length of the value, value, line.  Beside it there is
 * a number for each, where its record begins, and these are sorted.  Millions
 * of entries then take little more than the text they were written in; blocks
 * of that size are mappings of their own, which grow without a copy and go back
 * to the system as soon as they are freed.
 */
#include "access/table.h"

#include <stdlib.h>

#include "common/similar.h"
#include <mailfrom/spf.h>

#define LENGTH_SIZE 5 /* octets of a length at most: seven bits in each */
#define FRAME_SIZE  (sizeof(uint32_t) + 2 * LENGTH_SIZE)

struct access_table {
	char *records;
	size_t size, used; /* of records, octets */
	uint32_t *starts;
	size_t count, room; /* room for starts, octets */
	size_t mistyped;    /* of count */
	unsigned char *filter;
	size_t filter_mask; /* of a bit's number */
};

/* --- records --- */

static void
put_text(struct text_out *out, struct mf_text t)
{
	size_t len = t.len;

	for (; len > 0x7f; len >>= 7)
		out_char(out, (char)(len | 0x80));
	out_char(out, (char)len);
	out_text(out, t);
}

static inline size_t
get_length(const unsigned char **p)
{
	size_t len = *(*p)++;

	if (len < 0x80)
		return len;
	len &= 0x7f;
	for (unsigned shift = 7;; shift += 7) {
		size_t octet = *(*p)++;

		len |= (octet & 0x7f) << shift;
		if (octet < 0x80)
			return len;
	}
}

/* The text at *p, which is then behind it. */
static inline struct mf_text
get_text(const char **p)
{
	const unsigned char *octets = (const unsigned char *)*p;
	size_t len = get_length(&octets);
	struct mf_text t = mf_text_at((const char *)octets, len);

	*p = t.p + len;
	return t;
}

struct mf_text
access_entry_key(const struct access_entry *entry)
{
	const char *p = (const char *)entry;

	return get_text(&p);
}

struct mf_text
access_entry_value(const struct access_entry *entry)
{
	const char *p = (const char *)entry;

	get_text(&p);
	return get_text(&p);
}

unsigned
access_entry_line(const struct access_entry *entry)
{
	const char *p = (const char *)entry;
	uint32_t line;

	get_text(&p);
	get_text(&p);
	memcpy(&line, p, sizeof(line));
	return line;
}

enum action_status
access_entry_action(const struct access_entry *entry, struct action *out)
{
	return action_parse(access_entry_value(entry), out);
}

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
	    text_eq_fold(tag, MF_TEXT("dkim-pass")) ||
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
	    similar_distance(tag, MF_TEXT("spf-to")) == 1 ||
	    similar_distance(tag, MF_TEXT("dkim-pass")) == 1 ||
	    cut_prefix(&tag);
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
	if (table == NULL)
		return;
	free(table->records);
	free(table->starts);
	free(table->filter);
	free(table);
}

/* Make room for size octets at *p, which has *room, by doubling. */
static bool
make_room(void **p, size_t *room, size_t size)
{
	size_t wanted = *room == 0 ? 4096 : *room;
	void *more;

	if (size <= *room)
		return true;
	while (wanted < size)
		wanted *= 2;
	more = realloc(*p, wanted);
	if (more == NULL)
		return false;
	*p = more;
	*room = wanted;
	return true;
}

/* Room for a record of that size, and for its start. */
static bool
make_room_for(struct access_table *table, size_t size)
{
	void *records = table->records, *starts = table->starts;
	bool ok = table->used <= UINT32_MAX &&
	    make_room(&records, &table->size, table->used + size) &&
	    make_room(&starts, &table->room,
		(table->count + 1) * sizeof(*table->starts));

	table->records = records;
	table->starts = starts;
	return ok;
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
	bool is_ours = access_key_is_ours(key);
	if (!is_ours && !access_key_is_mistyped(key))
		return true;

	if (!make_room_for(table, FRAME_SIZE + key.len + value.len))
		return false;
	char *record = table->records + table->used;
	struct text_out out = text_out(record, table->size - table->used);
	uint32_t number = line;
	put_text(&out, key);
	char *copy = record + out.len - key.len;
	put_text(&out, value);
	out_text(&out, mf_text_at((const char *)&number, sizeof(number)));
	ascii_lower_all(copy, key.len);
	if (tag_len(key) < key.len)
		copy[tag_len(key)] = ':';
	table->starts[table->count++] = (uint32_t)table->used;
	table->used += out.len;
	table->mistyped += !is_ours;
	return true;
}

/* --- finding --- */

static inline struct mf_text
key_at(const struct access_table *table, uint32_t start)
{
	const char *p = table->records + start;

	return get_text(&p);
}

/* Merge two sorted runs, [0, middle) of in and the rest up to end, into out. */
static void
merge(const struct access_table *table, const uint32_t *in, size_t middle,
    size_t end, uint32_t *out)
{
	size_t left = 0, right = middle;

	while (left < middle && right < end)
		*out++ = text_cmp(key_at(table, in[left]),
			     key_at(table, in[right])) <= 0
		    ? in[left++]
		    : in[right++];
	memcpy(out, in + left, (middle - left) * sizeof(*in));
	memcpy(out + middle - left, in + right, (end - right) * sizeof(*in));
}

/*
 * By merging, whatever the keys: n log n comparisons, and equal keys stay in
 * the order of adding.
 */
static bool
sort(struct access_table *table)
{
	uint32_t *other, *from = table->starts, *to;
	size_t count = table->count;

	to = other = malloc(count * sizeof(*other));
	if (other == NULL)
		return false;
	for (size_t run = 1; run < count; run *= 2) {
		for (size_t at = 0; at < count; at += 2 * run) {
			size_t left = count - at;
			size_t middle = left < run ? left : run;
			size_t end = left < 2 * run ? left : 2 * run;

			merge(table, from + at, middle, end, to + at);
		}
		uint32_t *sorted = to;
		to = from;
		from = sorted;
	}
	table->starts = from;
	free(to);
	return true;
}

static const struct access_entry *
entry_at(const struct access_table *table, size_t n)
{
	return (const struct access_entry *)(table->records + table->starts[n]);
}

/*
 * Most keys that are looked up aren't there.  A bit for each that is, at a
 * place that follows from it, says so at once for seven in eight of them.
 */
static inline size_t
filter_bit(const struct access_table *table, struct mf_text key)
{
	uint64_t hash = key.len, word;
	size_t at = 0;

	for (; at + sizeof(word) <= key.len; at += sizeof(word)) {
		memcpy(&word, key.p + at, sizeof(word));
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	for (word = 0; at < key.len; at++)
		word = word << 8 | (unsigned char)key.p[at];
	hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(hash >> 32) & table->filter_mask;
}

static bool
make_filter(struct access_table *table)
{
	size_t bits = 64;

	while (bits / 8 < table->count)
		bits *= 2;
	table->filter = calloc(1, bits / 8);
	if (table->filter == NULL)
		return false;
	table->filter_mask = bits - 1;
	for (size_t n = 0; n < table->count; n++) {
		size_t bit = filter_bit(table, key_at(table, table->starts[n]));

		table->filter[bit / 8] |= (unsigned char)(1U << bit % 8);
	}
	return true;
}

bool
access_table_finish(struct access_table *table)
{
	return table->count == 0 || (sort(table) && make_filter(table));
}

const struct access_entry *
access_table_find(const struct access_table *table, struct mf_text key)
{
	size_t from = 0, to = table->count, bit;

	if (table->count == 0)
		return NULL;
	bit = filter_bit(table, key);
	if ((table->filter[bit / 8] & 1U << bit % 8) == 0)
		return NULL;
	/* The first that isn't less than key: the oldest of duplicates. */
	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (text_cmp(key_at(table, table->starts[middle]), key) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	if (from == table->count ||
	    !mf_text_eq(key_at(table, table->starts[from]), key))
		return NULL;
	return entry_at(table, from);
}

size_t
access_table_count(const struct access_table *table)
{
	return table->count;
}

size_t
access_table_count_ours(const struct access_table *table)
{
	return table->count - table->mistyped;
}

const struct access_entry *
access_table_at(const struct access_table *table, size_t n)
{
	return entry_at(table, n);
}

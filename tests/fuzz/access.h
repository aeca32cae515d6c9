/* SPDX-License-Identifier: ISC */
/* What holds for a table that was filled from `size` octets of any kind. */
#ifndef MAILFROM_TESTS_FUZZ_ACCESS_H
#define MAILFROM_TESTS_FUZZ_ACCESS_H

#include "access/readers.h"
#include "tests/fuzz/fuzz.h"

static inline void
check_table(struct access_table *table, size_t size)
{
	size_t octets = 0;

	FUZZ_CHECK(access_table_finish(table));
	for (size_t n = 0; n < access_table_count(table); n++) {
		const struct access_entry *e = access_table_at(table, n);
		struct mf_text key = access_entry_key(e);
		const struct access_entry *found =
		    access_table_find(table, key);

		FUZZ_CHECK(
		    access_key_is_ours(key) || access_key_is_mistyped(key));
		FUZZ_CHECK(found != NULL && found <= e);
		FUZZ_CHECK(mf_text_eq(access_entry_key(found), key));
		FUZZ_CHECK(n == 0 ||
		    text_cmp(access_entry_key(access_table_at(table, n - 1)),
			key) <= 0);
		octets += key.len + access_entry_value(e).len;
		for (size_t i = 0; i < key.len; i++)
			FUZZ_CHECK(key.p[i] == ascii_lower(key.p[i]));
	}
	FUZZ_CHECK(octets <= size);
}

/* A reader of databases: all of it, or a reason why not. */
static inline void
check_reader(struct mf_text bytes,
    const char *(*read)(struct mf_text bytes, struct access_table *table))
{
	/* Of just this size, or what is read behind the end isn't found. */
	char *copy = malloc(bytes.len + (bytes.len == 0));
	struct access_table *table = access_table_new();

	FUZZ_CHECK(copy != NULL && table != NULL);
	if (bytes.len != 0)
		memcpy(copy, bytes.p, bytes.len);
	const char *problem = read(mf_text_at(copy, bytes.len), table);
	FUZZ_CHECK(problem == NULL || problem[0] != '\0');
	free(copy);
	check_table(table, bytes.len);
	access_table_free(table);
}

#endif

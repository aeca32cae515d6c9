/* SPDX-License-Identifier: ISC */
/*
 * Tables of the access file's entries, from lines of key, blank and value.
 */
#ifndef MAILFROM_TESTS_UNIT_TABLES_H
#define MAILFROM_TESTS_UNIT_TABLES_H

#include "tests/unit/support.h"

#include "access/table.h"

static inline struct access_table *
table_of(const char *lines)
{
	struct mf_text rest = mf_text_of(lines), line, key;
	struct access_table *table = access_table_new();
	unsigned number = 0;

	assert_non_null(table);
	while (rest.len != 0) {
		if (!text_cut(&rest, '\n', &line)) {
			line = rest;
			rest.len = 0;
		}
		number++;
		assert_true(text_cut(&line, ' ', &key));
		assert_true(access_table_add(table, key, line, number));
	}
	assert_true(access_table_finish(table));
	return table;
}

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Lack of memory while a map is read: the n-th allocation fails, for every n.
 * Each time it must be said, nothing may leak, and no part of a map come out.
 */
#include "access/access.h"
#include "tests/unit/shortage.h"
#include "tests/unit/support.h"

/* The fuzzer's: with more entries than fit at first, and with long values. */
static const char *const maps[] = {
    "text:tests/fuzz/corpus/access_text/small",
    "texthash:tests/fuzz/corpus/access_text/small",
    "hash:tests/fuzz/corpus/access_berkeley/hash512",
    "btree:tests/fuzz/corpus/access_berkeley/btree512",
    "lmdb:tests/fuzz/corpus/access_lmdb/tree",
    "cdb:tests/fuzz/corpus/access_cdb/small",
};

/* Load it with the n-th allocation failing; true if it worked. */
static bool
load_with_failure(const char *map, long n)
{
	struct report report = {.say = report_ignore};
	struct access *access;
	bool ok;

	shortage_begin(n);
	ok = access_load(mf_text_of(map), true, &access, &report) == ACCESS_OK;
	access_free(access);
	shortage_end();
	expect_int(map, "not freed", held, 0);
	expect_int(map, "a map", access != NULL, ok);
	expect_int(map, "errors", report.errors, !ok);
	return ok;
}

static void
says_that_memory_is_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(maps); i++) {
		long total;

		assert_true(load_with_failure(maps[i], 0));
		total = allocations;
		assert_true(total >= 5);
		for (long n = 1; n <= total; n++)
			if (load_with_failure(maps[i], n))
				fail_msg("%s: allocation %ld of %ld was not "
					 "needed",
				    maps[i], n, total);
		assert_true(load_with_failure(maps[i], 0));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(says_that_memory_is_out),
	};

	return cmocka_run_group_tests_name("access_memory", tests, NULL, NULL);
}

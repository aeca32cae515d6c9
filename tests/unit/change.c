/* SPDX-License-Identifier: ISC */
/* access/change.h: take a changed access file, hold it back, refuse it. */
#include "tests/unit/support.h"

#include "access/change.h"

#define SEEN(old, new)                             \
	{                                          \
		ACCESS_SEEN, true, false, old, new \
	}
#define ASKED(old, new)                             \
	{                                           \
		ACCESS_ASKED, true, false, old, new \
	}
#define CUT(old, new)                             \
	{                                         \
		ACCESS_SEEN, true, true, old, new \
	}

static const struct {
	const char *name;
	struct access_change change;
	enum access_verdict expect;
} rows[] = {
    {"nothing, still", SEEN(0, 0), ACCESS_TAKE},
    {"the first", SEEN(0, 1), ACCESS_TAKE},
    {"the only one gone", SEEN(1, 0), ACCESS_HOLD},
    {"emptied", SEEN(5000000, 0), ACCESS_HOLD},
    {"one of two", SEEN(2, 1), ACCESS_TAKE},
    {"99 of 100", SEEN(100, 1), ACCESS_TAKE},
    {"100 of 100", SEEN(100, 0), ACCESS_HOLD},
    {"50 of 101", SEEN(101, 51), ACCESS_TAKE},
    {"51 of 101", SEEN(101, 50), ACCESS_HOLD},
    {"half of 102", SEEN(102, 51), ACCESS_TAKE},
    {"more than half of 102", SEEN(102, 50), ACCESS_HOLD},
    {"as many", SEEN(1000, 1000), ACCESS_TAKE},
    {"more", SEEN(1000, 1000000), ACCESS_TAKE},
    {"the largest", SEEN(SIZE_MAX, SIZE_MAX / 2 - 1), ACCESS_HOLD},

    {"cut, one lost", CUT(3, 2), ACCESS_HOLD},
    {"cut, all lost", CUT(3, 0), ACCESS_HOLD},
    {"cut, none lost: no LF at the end", CUT(3, 3), ACCESS_TAKE},
    {"cut, but longer", CUT(3, 4), ACCESS_TAKE},

    {"asked: emptied", ASKED(1000, 0), ACCESS_TAKE},
    {"asked: most gone", ASKED(1000, 1), ACCESS_TAKE},
    {"asked: cut", {ACCESS_ASKED, true, true, 1000, 1}, ACCESS_TAKE},

    {"no good", {ACCESS_SEEN, false, false, 10, 10}, ACCESS_REFUSE},
    {"no good, nothing to lose", {ACCESS_SEEN, false, false, 0, 0},
	ACCESS_REFUSE},
    {"asked: no good", {ACCESS_ASKED, false, false, 10, 10}, ACCESS_REFUSE},
};

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_int(rows[i].name, "verdict",
		    access_decide_change(&rows[i].change), rows[i].expect);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(table)};

	return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}

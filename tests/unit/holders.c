/* SPDX-License-Identifier: ISC */
/*
 * srsd/holders.h: who holds how many connections; and that a line is logged
 * at most once a minute (common/rarely.h).
 */
#include "srsd/holders.h"

#include "common/rarely.h"
#include "tests/unit/support.h"

static const struct holder listener_0 = {.is_user = false, .id = 0},
			   root = {.is_user = true, .id = 0},
			   nobody = {.is_user = true, .id = 65534};

static void
places(void **state)
{
	static struct holders h;
	struct holders_view view;
	struct holder who;
	size_t count;
	unsigned a, b, c;

	(void)state;
	holders_begin(&h);
	assert_false(holders_largest(&h, &who, &count));
	assert_int_equal(holders_find(&h, &root), HOLDER_NONE);
	a = holders_enter(&h, &listener_0);
	b = holders_enter(&h, &root);
	c = holders_enter(&h, &nobody);
	/* A user is no listener of that number. */
	assert_true(a != b && b != c && a != c);
	assert_int_equal(holders_enter(&h, &nobody), c);
	assert_int_equal(holders_find(&h, &nobody), c);
	assert_int_equal(holders_total(&h), 4);
	holders_look(&h, &view);
	assert_int_equal(view.holders, 3);
	assert_int_equal(view.most, 2);
	assert_int_equal(view.counts[c], 2);
	assert_true(holders_largest(&h, &who, &count));
	assert_true(who.is_user && who.id == 65534 && count == 2);
	/* Who has none left has no place either. */
	holders_leave(&h, b);
	assert_int_equal(holders_find(&h, &root), HOLDER_NONE);
	assert_int_equal(
	    holders_enter(&h, &(struct holder){.is_user = true, .id = 7}), b);
	holders_end(&h);
}

/* A user who has many users to be shares one place with them all. */
static void
too_many(void **state)
{
	static struct holders h;
	struct holders_view view;

	(void)state;
	holders_begin(&h);
	for (unsigned i = 0; i < 3 * HOLDERS_MAX; i++) {
		struct holder who = {.is_user = true, .id = 100000 + i};

		assert_true(holders_enter(&h, &who) < HOLDERS_MAX);
	}
	holders_look(&h, &view);
	assert_int_equal(view.total, 3 * HOLDERS_MAX);
	assert_int_equal(view.counts[HOLDERS_MAX - 1], 2 * HOLDERS_MAX + 1);
	holders_end(&h);
}

static void
once_a_minute(void **state)
{
	static struct rarely r;

	(void)state;
	assert_int_equal(rarely_due(&r, 1000), 0);
	for (int i = 0; i < 5; i++)
		rarely_count(&r);
	assert_int_equal(rarely_due(&r, 2000), 5);
	rarely_count(&r);
	assert_int_equal(rarely_due(&r, 2000 + RARELY_MS - 1), 0);
	rarely_count(&r);
	assert_int_equal(rarely_due(&r, 2000 + RARELY_MS), 2);
	assert_int_equal(rarely_due(&r, 2000 + 9 * RARELY_MS), 0);
	assert_int_equal(rarely_total(&r), 7);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(places),
	    cmocka_unit_test(too_many),
	    cmocka_unit_test(once_a_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

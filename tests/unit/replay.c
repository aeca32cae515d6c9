/* SPDX-License-Identifier: ISC */
/*
 * srsmilter/replay.h: what is counted, until when, and what goes when the table
 * is full.
 */
#include "tests/unit/support.h"

#include <pthread.h>

#include "srsmilter/replay.h"

#define LIMIT 3

static bool
use(struct replay *r, const char *signature, uint64_t expires, uint64_t now)
{
	return replay_use(r, mf_text_of(signature), expires, LIMIT, now);
}

static bool
used_up(struct replay *r, const char *signature, uint64_t now)
{
	return replay_used_up(r, mf_text_of(signature), LIMIT, now);
}

static struct replay_stats
stats(struct replay *r)
{
	struct replay_stats out;

	replay_stats(r, &out);
	return out;
}

static void
counts_up_to_the_limit(void **state)
{
	struct replay *r = replay_new(10);

	(void)state;
	assert_non_null(r);
	for (int i = 0; i < LIMIT; i++) {
		assert_false(used_up(r, "A", NOW));
		assert_true(use(r, "A", NOW + DAY, NOW));
	}
	assert_true(used_up(r, "A", NOW));
	for (int i = 0; i < 5; i++)
		assert_false(use(r, "A", NOW + DAY, NOW));
	assert_int_equal(stats(r).entries, 1);
	replay_free(r);
}

/* Asking is no use: an MTA may ask about a recipient as often as it likes. */
static void
asking_counts_nothing(void **state)
{
	struct replay *r = replay_new(10);

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_false(used_up(r, "A", NOW));
	assert_int_equal(stats(r).entries, 0);
	replay_free(r);
}

/* Whole signatures are compared, whatever they have in common. */
static void
signatures_are_apart(void **state)
{
	static const char *const names[] = {"", "A", "AA", "AB", "BA", "a",
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-ABCDEFGH",
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-ABCDEFGI"};
	struct replay *r = replay_new(COUNT(names));

	(void)state;
	for (int n = 0; n < LIMIT; n++)
		for (size_t i = 0; i < COUNT(names); i++)
			assert_true(use(r, names[i], NOW + DAY, NOW));
	for (size_t i = 0; i < COUNT(names); i++)
		assert_true(used_up(r, names[i], NOW));
	assert_int_equal(stats(r).entries, COUNT(names));
	assert_int_equal(stats(r).evicted, 0);
	replay_free(r);
}

/* A lower limit after a reload counts for what was used before, too. */
static void
the_limit_is_that_of_the_day(void **state)
{
	struct replay *r = replay_new(10);

	(void)state;
	assert_true(replay_use(r, MF_TEXT("A"), NOW + DAY, 5, NOW));
	assert_true(replay_use(r, MF_TEXT("A"), NOW + DAY, 5, NOW));
	assert_false(replay_used_up(r, MF_TEXT("A"), 3, NOW));
	assert_true(replay_used_up(r, MF_TEXT("A"), 2, NOW));
	assert_false(replay_use(r, MF_TEXT("A"), NOW + DAY, 2, NOW));
	replay_free(r);
}

static void
goes_when_the_signature_expires(void **state)
{
	struct replay *r = replay_new(10);

	(void)state;
	for (int i = 0; i < LIMIT; i++) {
		assert_true(use(r, "A", NOW + 10, NOW));
		assert_true(use(r, "B", NOW + 20, NOW));
	}
	assert_true(used_up(r, "A", NOW + 9));
	assert_false(used_up(r, "A", NOW + 10));
	assert_true(used_up(r, "B", NOW + 10));
	assert_int_equal(stats(r).entries, 1);
	assert_false(used_up(r, "B", NOW + 20));
	assert_int_equal(stats(r).entries, 0);
	assert_int_equal(stats(r).evicted, 0);
	replay_free(r);
}

/* A full table loses what is of least use: the one that expires first. */
static void
full_loses_the_first_to_expire(void **state)
{
	struct replay *r = replay_new(3);

	(void)state;
	for (int i = 0; i < LIMIT; i++) {
		use(r, "late", NOW + 30, NOW);
		use(r, "first", NOW + 10, NOW);
		use(r, "second", NOW + 20, NOW);
	}
	assert_true(use(r, "new", NOW + 40, NOW));
	assert_false(used_up(r, "first", NOW));
	assert_true(used_up(r, "second", NOW));
	assert_true(used_up(r, "late", NOW));
	assert_int_equal(stats(r).entries, 3);
	assert_int_equal(stats(r).evicted, 1);
	/* Room for one that expires before all others is made as well. */
	assert_true(use(r, "soon", NOW + 1, NOW));
	assert_false(used_up(r, "second", NOW));
	assert_int_equal(stats(r).evicted, 2);
	replay_free(r);
}

static void
one_entry_is_enough(void **state)
{
	struct replay *r = replay_new(1);

	(void)state;
	for (int i = 0; i < LIMIT; i++)
		assert_true(use(r, "A", NOW + 10, NOW));
	assert_true(used_up(r, "A", NOW));
	assert_true(use(r, "B", NOW + 10, NOW));
	assert_false(used_up(r, "A", NOW));
	assert_int_equal(stats(r).evicted, 1);
	replay_free(r);
}

/* --- against a model --- */

#define MODEL_NAMES 200
#define MODEL_ROOM  60

struct model_entry {
	unsigned uses;
	uint64_t expires;
};

/* Without the one that goes first; ties make no difference: all differ. */
static void
model_evict(struct model_entry *model)
{
	struct model_entry *first = NULL;
	size_t count = 0;

	for (size_t i = 0; i < MODEL_NAMES; i++) {
		if (model[i].uses == 0)
			continue;
		count++;
		if (first == NULL || model[i].expires < first->expires)
			first = &model[i];
	}
	if (count == MODEL_ROOM)
		*first = (struct model_entry){0};
}

static void
does_what_a_simple_table_does(void **state)
{
	static struct model_entry model[MODEL_NAMES];
	struct replay *r = replay_new(MODEL_ROOM);
	uint64_t seed = 7, now = NOW, last = 0;

	(void)state;
	for (int step = 0; step < 50000; step++) {
		size_t i = random_next(&seed) % MODEL_NAMES;
		struct model_entry *m = &model[i];
		char name[16];

		now += random_next(&seed) % 30;
		snprintf(name, sizeof(name), "N%zu", i);
		for (size_t k = 0; k < MODEL_NAMES; k++)
			if (model[k].uses != 0 && model[k].expires <= now)
				model[k] = (struct model_entry){0};
		bool want = m->uses < LIMIT;
		assert_int_equal(used_up(r, name, now), !want);
		if (m->uses == 0) {
			model_evict(model);
			/* Near and far, and no two are equal. */
			m->expires = (now >> 16) + 1 + random_next(&seed) % 6;
			m->expires = m->expires << 16 | last++;
		}
		m->uses += want;
		assert_int_equal(use(r, name, m->expires, now), want);
	}
	assert_true(stats(r).evicted > 1000);
	replay_free(r);
}

/* --- threads --- */

struct user {
	struct replay *replay;
	unsigned used;
};

static void *
use_much(void *arg)
{
	struct user *u = arg;

	for (int i = 0; i < 10000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "N%d", i);
		u->used += use(u->replay, name, NOW + DAY, NOW);
	}
	return NULL;
}

/* However many bounces come at once, no signature is used more often. */
static void
threads_share_the_limit(void **state)
{
	struct replay *r = replay_new(20000);
	struct user users[4];
	pthread_t threads[4];
	unsigned used = 0;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		users[i] = (struct user){r, 0};
		assert_int_equal(
		    pthread_create(&threads[i], NULL, use_much, &users[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		used += users[i].used;
	}
	assert_int_equal(used, 10000 * LIMIT);
	assert_int_equal(stats(r).entries, 10000);
	replay_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counts_up_to_the_limit),
	    cmocka_unit_test(asking_counts_nothing),
	    cmocka_unit_test(signatures_are_apart),
	    cmocka_unit_test(the_limit_is_that_of_the_day),
	    cmocka_unit_test(goes_when_the_signature_expires),
	    cmocka_unit_test(full_loses_the_first_to_expire),
	    cmocka_unit_test(one_entry_is_enough),
	    cmocka_unit_test(does_what_a_simple_table_does),
	    cmocka_unit_test(threads_share_the_limit),
	};

	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * rewrite/message_id.h: whoever signs with a secret, ids are given out once.
 */
#include "tests/unit/support.h"

#include <pthread.h>

#include "rewrite/message_id.h"

#define THREADS 4
#define EACH    20000

static int
compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void
expect_distinct(uint64_t *ids, size_t count)
{
	qsort(ids, count, sizeof(*ids), compare);
	for (size_t i = 1; i < count; i++)
		assert_true(ids[i - 1] != ids[i]);
}

/* Programs and servers that happen to begin at the same number. */
static void
programs_and_servers_differ(void **state)
{
	static uint64_t ids[2 * 256 * 10];
	size_t count = 0;

	(void)state;
	for (int program = MESSAGE_ID_SRSD; program <= MESSAGE_ID_SRSMILTER;
	     program++)
		for (int server = 0; server <= UINT8_MAX; server++) {
			struct message_ids m = {
			    .program = (enum message_id_program)program};

			for (int i = 0; i < 10; i++)
				ids[count++] =
				    message_id_next(&m, (uint8_t)server);
		}
	assert_int_equal(count, COUNT(ids));
	expect_distinct(ids, count);
}

struct taker {
	struct message_ids *ids;
	uint64_t *taken;
};

static void *
take(void *arg)
{
	struct taker *t = arg;

	for (size_t i = 0; i < EACH; i++)
		t->taken[i] = message_id_next(t->ids, 3);
	return NULL;
}

static void
threads_share(void **state)
{
	static uint64_t ids[THREADS * EACH];
	struct message_ids m;
	pthread_t threads[THREADS];
	struct taker takers[THREADS];

	(void)state;
	assert_true(message_ids_begin(&m, MESSAGE_ID_SRSMILTER));
	for (size_t i = 0; i < THREADS; i++) {
		takers[i] = (struct taker){&m, ids + i * EACH};
		assert_int_equal(
		    pthread_create(&threads[i], NULL, take, &takers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	expect_distinct(ids, COUNT(ids));
}

/*
 * A process that is started again begins elsewhere, and in a place that leaves
 * signatures short.  By chance two of 16 are equal once in 140,000 runs.
 */
static void
starts_differ(void **state)
{
	uint64_t ids[16];

	(void)state;
	for (size_t i = 0; i < COUNT(ids); i++) {
		struct message_ids m;

		assert_true(message_ids_begin(&m, MESSAGE_ID_SRSD));
		ids[i] = message_id_next(&m, 0);
		assert_true(ids[i] >> 33 == 0);
	}
	expect_distinct(ids, COUNT(ids));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(programs_and_servers_differ),
	    cmocka_unit_test(threads_share),
	    cmocka_unit_test(starts_differ),
	};

	return cmocka_run_group_tests_name("message_id", tests, NULL, NULL);
}

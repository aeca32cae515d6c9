/* SPDX-License-Identifier: ISC */
/*
 * common/log_ring.h: what is put in comes out in order; what doesn't fit is
 * counted, to the line; memory is given back.
 */
#define _GNU_SOURCE /* mincore() */
#include "tests/unit/support.h"

#include <pthread.h>
#include <sys/mman.h>

#include "common/log_ring.h"

#define SMALL 65536

static bool
put(struct log_ring *ring, uint64_t number, size_t len)
{
	static const char filler[LOG_LINE_SIZE] = "";
	char text[LOG_LINE_SIZE];
	int digits =
	    snprintf(text, sizeof(text), "%llu ", (unsigned long long)number);

	if (len < (size_t)digits)
		len = (size_t)digits;
	memcpy(text + digits, filler, len - (size_t)digits);
	return log_ring_put(ring,
	    &(struct log_entry){.level = (enum log_level)(number % 4),
		.time_sec = (int64_t)number,
		.text = mf_text_at(text, len)});
}

/* The next one, and that it is this one. */
static uint64_t
expect(struct log_ring *ring, uint64_t number)
{
	struct log_entry entry;

	assert_true(log_ring_take(ring, &entry));
	assert_int_equal(strtoull(entry.text.p, NULL, 10), number);
	assert_int_equal(entry.time_sec, number);
	assert_int_equal(entry.level, number % 4);
	return entry.missing;
}

/* Lines of any length, a few at a time, over many laps. */
static void
comes_out_in_order(void **state)
{
	struct log_ring ring;
	struct log_entry entry;
	uint64_t seed = 5, in = 0, out = 0;

	(void)state;
	assert_true(log_ring_init(&ring, SMALL));
	assert_false(log_ring_take(&ring, &entry));
	while (in < 20000) {
		uint64_t count = random_next(&seed) % 6;

		for (uint64_t i = 0; i < count; i++)
			if (put(&ring, in, random_next(&seed) % 900))
				in++;
		count = random_next(&seed) % 6;
		/* What was dropped in between has no number here. */
		for (uint64_t i = 0; i < count && out < in; i++)
			(void)expect(&ring, out++);
	}
	while (out < in)
		(void)expect(&ring, out++);
	assert_false(log_ring_take(&ring, &entry));
	assert_int_equal(log_ring_used(&ring), 0);
	log_ring_free(&ring);
}

static uint64_t
fill(struct log_ring *ring, uint64_t number, size_t len)
{
	while (put(ring, number, len))
		number++;
	return number;
}

/* One gap, told of by the first line after it, until half is free again. */
static void
counts_what_is_dropped(void **state)
{
	struct log_ring ring;
	uint64_t in, out = 0;

	(void)state;
	assert_true(log_ring_init(&ring, SMALL));
	in = fill(&ring, 0, 100);
	assert_true(in > SMALL / 150);
	for (int i = 0; i < 6; i++)
		assert_false(put(&ring, in, 100));
	assert_int_equal(atomic_load(&ring.dropped), 7);
	while (!put(&ring, in, 1)) {
		assert_true(log_ring_used(&ring) > SMALL / 2 - 100);
		assert_int_equal(expect(&ring, out++), 0);
	}
	assert_true(log_ring_used(&ring) <= SMALL / 2 + 100);
	uint64_t dropped = atomic_load(&ring.dropped);
	while (out < in)
		assert_int_equal(expect(&ring, out++), 0);
	assert_int_equal(expect(&ring, out), dropped);
	assert_int_equal(log_ring_take_missing(&ring), 0);
	log_ring_free(&ring);
}

/* With nothing after it, the taker learns of the gap at the end. */
static void
reports_a_gap_at_the_end(void **state)
{
	struct log_ring ring;
	struct log_entry entry;
	uint64_t in, out = 0;

	(void)state;
	assert_true(log_ring_init(&ring, SMALL));
	in = fill(&ring, 0, 300);
	while (out < in)
		assert_int_equal(expect(&ring, out++), 0);
	assert_true(log_ring_has_work(&ring));
	assert_false(log_ring_take(&ring, &entry));
	assert_int_equal(log_ring_take_missing(&ring), 1);
	assert_false(log_ring_has_work(&ring));
	assert_true(put(&ring, in, 1));
	assert_int_equal(expect(&ring, in), 0);
	log_ring_free(&ring);
}

static size_t
resident(const struct log_ring *ring)
{
	static unsigned char pages[LOG_RING_SIZE / 4096];
	size_t count = 0, page = (size_t)sysconf(_SC_PAGESIZE);

	assert_int_equal(mincore(ring->bytes, ring->size, (void *)pages), 0);
	for (size_t i = 0; i < ring->size / page; i++)
		count += pages[i] & 1;
	return count * page;
}

/* 100,000 lines of 304 bytes fit, and leave the memory when they are read. */
static void
gives_memory_back(void **state)
{
	struct log_ring ring;
	struct log_entry entry;

	(void)state;
	assert_true(log_ring_init(&ring, LOG_RING_SIZE));
	for (int lap = 0; lap < 3; lap++) {
		for (uint64_t i = 0; i < 100000; i++)
			assert_true(put(&ring, i, 304));
		assert_true(resident(&ring) > LOG_RING_SIZE / 10 * 9);
		for (uint64_t i = 0; i < 100000; i++)
			(void)expect(&ring, i);
		assert_false(log_ring_take(&ring, &entry));
		/* What is kept, and the step that began in it. */
		assert_true(resident(&ring) <=
		    LOG_RING_SIZE / 32 + LOG_RING_SIZE / 256);
		assert_int_equal(log_ring_used(&ring), 0);
	}
	assert_int_equal(atomic_load(&ring.dropped), 0);
	log_ring_free(&ring);
}

/* --- threads --- */

#define PUTTERS 4
#define EACH    40000

static struct log_ring shared;

static void *
put_many(void *arg)
{
	uint64_t first = *(uint64_t *)arg;
	uint64_t seed = first + 1;

	for (uint64_t i = 0; i < EACH; i++)
		(void)put(&shared, first + i, random_next(&seed) % 400);
	return NULL;
}

/* Whatever is lost, each thread's lines come in its order, and sums are right. */
static void
count_with_threads(size_t size)
{
	pthread_t threads[PUTTERS];
	uint64_t first[PUTTERS], next[PUTTERS], taken = 0, missing = 0;
	struct log_entry entry;

	assert_true(log_ring_init(&shared, size));
	for (size_t i = 0; i < PUTTERS; i++) {
		first[i] = next[i] = i * EACH;
		assert_int_equal(
		    pthread_create(&threads[i], NULL, put_many, &first[i]), 0);
	}
	while (taken + missing < PUTTERS * EACH) {
		if (!log_ring_take(&shared, &entry)) {
			missing += log_ring_take_missing(&shared);
			continue;
		}
		uint64_t number = strtoull(entry.text.p, NULL, 10);

		assert_true(number < PUTTERS * EACH);
		assert_true(number >= next[number / EACH]);
		next[number / EACH] = number + 1;
		missing += entry.missing;
		taken++;
	}
	for (size_t i = 0; i < PUTTERS; i++)
		pthread_join(threads[i], NULL);
	assert_false(log_ring_take(&shared, &entry));
	assert_int_equal(taken + missing, PUTTERS * EACH);
	assert_int_equal(missing, atomic_load(&shared.dropped));
	log_ring_free(&shared);
}

static void
threads_share_a_small_one(void **state)
{
	(void)state;
	count_with_threads(SMALL);
}

static void
threads_share_a_large_one(void **state)
{
	(void)state;
	count_with_threads(LOG_RING_SIZE / 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(comes_out_in_order),
	    cmocka_unit_test(counts_what_is_dropped),
	    cmocka_unit_test(reports_a_gap_at_the_end),
	    cmocka_unit_test(gives_memory_back),
	    cmocka_unit_test(threads_share_a_small_one),
	    cmocka_unit_test(threads_share_a_large_one),
	};

	return cmocka_run_group_tests_name("log_ring", tests, NULL, NULL);
}

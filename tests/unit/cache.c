/* SPDX-License-Identifier: ISC */
/*
 * The resolver's cache: bounds, expiry, replacement, holds, collisions; and the
 * hash that it is keyed with.
 */
#include "tests/unit/support.h"

#include "libspf-dns/cache.h"

#define BOUND  100000
#define MINUTE 60000

static const struct siphash_key key = {{1, 2}};

/* A reply to rr of name, with count addresses that begin with `first`. */
static struct spf_reply *
reply_with(struct cache *cache, enum spf_rr rr, const char *name, uint8_t first,
    size_t count)
{
	struct mf_text t = mf_text_of(name);
	struct spf_reply *reply = reply_new_(rr, t, cache_hash_(cache, rr, t));
	uint8_t *octets = calloc(count + 1, 4);

	assert_non_null(reply);
	assert_non_null(octets);
	octets[0] = first;
	reply_answer_(reply, spf_answer_addresses(SPF_RR_A, octets, count));
	assert_non_null(reply->answer);
	free(octets);
	return reply;
}

/* Put such a reply, without keeping a hold of one's own. */
static void
put(struct cache *cache, const char *name, uint8_t first, size_t count,
    uint64_t expires_ms)
{
	struct spf_reply *reply =
	    reply_with(cache, SPF_RR_A, name, first, count);

	cache_drop_(cache_put_(cache, reply, expires_ms));
	reply_release_(reply);
	assert_true(cache_octets_(cache) <= BOUND);
}

static struct spf_reply *
find(struct cache *cache, enum spf_rr rr, const char *name, uint64_t now_ms)
{
	struct mf_text t = mf_text_of(name);

	return cache_find_(cache, cache_hash_(cache, rr, t), rr, t, now_ms);
}

static const char *
numbered(const char *prefix, size_t n)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s%zu.example", prefix, n);
	return name;
}

/* --- tests --- */

static void
finds_what_was_put(void **state)
{
	struct cache *cache = cache_new_(BOUND, &key);

	(void)state;
	put(cache, "a.example", 1, 1, MINUTE);
	put(cache, "b.example", 2, 1, MINUTE);
	assert_int_equal(
	    find(cache, SPF_RR_A, "a.example", 0)->answer->addresses[0], 1);
	assert_int_equal(
	    find(cache, SPF_RR_A, "b.example", 0)->answer->addresses[0], 2);
	assert_null(find(cache, SPF_RR_AAAA, "a.example", 0));
	assert_null(find(cache, SPF_RR_A, "a.exampl", 0));
	assert_null(find(cache, SPF_RR_A, "A.example", 0));
	assert_null(find(cache, SPF_RR_A, "", 0));
	assert_int_equal(cache_count_(cache), 2);
	cache_free_(cache);
	cache_free_(NULL);
}

static void
expires_at_its_time(void **state)
{
	struct cache *cache = cache_new_(BOUND, &key);

	(void)state;
	put(cache, "a.example", 1, 1, MINUTE);
	assert_non_null(find(cache, SPF_RR_A, "a.example", MINUTE - 1));
	assert_null(find(cache, SPF_RR_A, "a.example", MINUTE));
	assert_null(find(cache, SPF_RR_A, "a.example", UINT64_MAX));
	/* The next answer takes its place. */
	put(cache, "a.example", 2, 1, 2 * MINUTE);
	assert_int_equal(cache_count_(cache), 1);
	assert_int_equal(
	    find(cache, SPF_RR_A, "a.example", MINUTE)->answer->addresses[0],
	    2);
	cache_free_(cache);
}

static void
held_replies_outlive_their_place(void **state)
{
	struct cache *cache = cache_new_(BOUND, &key);
	struct spf_reply *held;

	(void)state;
	put(cache, "a.example", 1, 1, MINUTE);
	held = reply_hold_(find(cache, SPF_RR_A, "a.example", 0));
	put(cache, "a.example", 2, 1, MINUTE);
	assert_int_equal(held->answer->addresses[0], 1);
	assert_int_equal(
	    find(cache, SPF_RR_A, "a.example", 0)->answer->addresses[0], 2);
	cache_free_(cache);
	assert_int_equal(held->answer->addresses[0], 1);
	reply_release_(held);
	reply_release_(NULL);
}

static void
stays_within_its_bound(void **state)
{
	struct cache *cache = cache_new_(BOUND, &key);
	size_t most = 0;

	(void)state;
	for (size_t i = 0; i < 5000; i++) {
		put(cache, numbered("n", i), 1, i % 40, MINUTE);
		/* The newest is always there. */
		assert_non_null(find(cache, SPF_RR_A, numbered("n", i), 0));
		if (cache_octets_(cache) > most)
			most = cache_octets_(cache);
	}
	assert_true(most > BOUND - 1000);
	assert_true(cache_count_(cache) > 100);
	/* What is too large isn't kept, and drives nothing out. */
	size_t count = cache_count_(cache);
	put(cache, "large.example", 1, BOUND / 4, MINUTE);
	assert_null(find(cache, SPF_RR_A, "large.example", 0));
	assert_int_equal(cache_count_(cache), count);
	cache_free_(cache);
}

static void
without_room_nothing_is_kept(void **state)
{
	struct cache *cache = cache_new_(0, &key);

	(void)state;
	put(cache, "a.example", 1, 1, MINUTE);
	assert_null(find(cache, SPF_RR_A, "a.example", 0));
	assert_int_equal(cache_octets_(cache), 0);
	cache_free_(cache);
}

/* Names that are asked for once drive out each other, not what is in use. */
static void
what_is_found_stays(void **state)
{
	struct cache *cache = cache_new_(BOUND, &key);

	(void)state;
	for (size_t i = 0; i < 50; i++)
		put(cache, numbered("used", i), 1, 1, MINUTE);
	for (size_t i = 0; i < 5000; i++) {
		put(cache, numbered("n", i), 1, 1, MINUTE);
		find(cache, SPF_RR_A, numbered("used", i % 50), 0);
	}
	for (size_t i = 0; i < 50; i++)
		assert_non_null(find(cache, SPF_RR_A, numbered("used", i), 0));
	cache_free_(cache);
}

static void
what_is_kept_forever(void **state)
{
	struct cache *cache = cache_new_(BOUND, &key);

	(void)state;
	put(cache, "own.example", 1, 1, CACHE_FOREVER);
	for (size_t i = 0; i < 2000; i++)
		put(cache, numbered("n", i), 1, 1, MINUTE);
	put(cache, "own.example", 2, 1, MINUTE);
	assert_int_equal(find(cache, SPF_RR_A, "own.example", UINT64_MAX - 1)
			     ->answer->addresses[0],
	    1);
	put(cache, "own.example", 3, 1, CACHE_FOREVER);
	assert_int_equal(
	    find(cache, SPF_RR_A, "own.example", 0)->answer->addresses[0], 3);
	cache_free_(cache);
}

/* All in one bucket, with equal hashes even: slow, but right. */
static void
collisions(void **state)
{
	struct cache *cache = cache_new_(BOUND, &key);
	const char *name;

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		name = numbered("n", i);
		struct spf_reply *reply =
		    reply_new_(SPF_RR_A, mf_text_of(name), 42);
		reply_answer_(reply, spf_answer_void(SPF_RR_A));
		cache_drop_(cache_put_(cache, reply, MINUTE + i));
		reply_release_(reply);
		assert_true(cache_octets_(cache) <= BOUND);
	}
	assert_true(cache_count_(cache) > 100);
	for (size_t i = 1000 - cache_count_(cache); i < 1000; i++) {
		name = numbered("n", i);
		struct spf_reply *reply =
		    cache_find_(cache, 42, SPF_RR_A, mf_text_of(name), 0);
		assert_non_null(reply);
		assert_int_equal(reply->expires_ms, MINUTE + i);
	}
	cache_free_(cache);
}

/* Names that collide with one key don't with another. */
static void
the_key_decides(void **state)
{
	static const struct siphash_key other = {{1, 3}};
	struct cache *a = cache_new_(BOUND, &key);
	struct cache *b = cache_new_(BOUND, &other);
	unsigned in_a = 0, in_both = 0;

	(void)state;
	for (size_t i = 0; i < 64 * 64; i++) {
		struct mf_text name = mf_text_of(numbered("n", i));
		bool hit_a = cache_hash_(a, SPF_RR_A, name) % 64 == 0;
		bool hit_b = cache_hash_(b, SPF_RR_A, name) % 64 == 0;

		in_a += hit_a;
		in_both += hit_a && hit_b;
		assert_true(cache_hash_(a, SPF_RR_A, name) !=
		    cache_hash_(a, SPF_RR_AAAA, name));
	}
	assert_in_range(in_a, 32, 128);
	assert_in_range(in_both, 0, 8);
	cache_free_(a);
	cache_free_(b);
}

/* Nor are they taken for the cache's own when it lets go of them. */
static void
failures_are_shared(void **state)
{
	struct cache *cache = cache_new_(BOUND, &key);
	const struct spf_answer *failure =
	    spf_answer_failure(SPF_RR_MX, SPF_CAUSE_REFUSED);

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		struct mf_text name = mf_text_of(numbered("n", i));
		struct spf_reply *reply = reply_new_(SPF_RR_MX, name, 42);

		reply_answer_(reply, failure);
		cache_drop_(cache_put_(cache, reply, MINUTE + i));
		reply_release_(reply);
		reply = cache_find_(cache, 42, SPF_RR_MX, name, 0);
		assert_non_null(reply);
		assert_ptr_equal(reply->answer, failure);
	}
	assert_true(cache_octets_(cache) <= BOUND);
	assert_true(cache_count_(cache) < 1000);
	cache_free_(cache);
	assert_int_equal(failure->cause, SPF_CAUSE_REFUSED);
}

/* The authors' vectors: key 00..0f, messages of 0 to n octets 00 01 02... */
/* The question has failed at now_ms; how long that is kept. */
static uint64_t
fail_at(struct cache *cache, enum spf_cause cause, uint64_t now_ms)
{
	struct mf_text name = MF_TEXT("dead.example");
	struct spf_reply *reply =
	    reply_new_(SPF_RR_A, name, cache_hash_(cache, SPF_RR_A, name));
	uint64_t until_ms;

	assert_non_null(reply);
	reply_answer_(reply, spf_answer_failure(SPF_RR_A, cause));
	cache_drop_(cache_put_failure_(cache, reply, now_ms));
	until_ms = reply->expires_ms;
	reply_release_(reply);
	return until_ms - now_ms;
}

/* RFC 9520 3.2 */
static void
failures_are_kept_longer_and_longer(void **state)
{
	struct cache *cache = cache_new_(BOUND, &key);
	uint64_t now_ms = 1000, kept_ms;

	(void)state;
	for (uint64_t sec = 5; sec < 1000; sec *= 2) {
		kept_ms = fail_at(cache, SPF_CAUSE_TIMEOUT, now_ms);
		assert_int_equal(kept_ms, (sec < 60 ? sec : 60) * 1000);
		assert_int_equal(
		    find(cache, SPF_RR_A, "dead.example", now_ms + kept_ms - 1)
			->answer->cause,
		    SPF_CAUSE_TIMEOUT);
		now_ms += kept_ms;
		assert_null(find(cache, SPF_RR_A, "dead.example", now_ms));
		assert_int_equal(cache_count_(cache), 1);
	}
	/* After an answer it begins anew, and after some time without it. */
	put(cache, "dead.example", 1, 1, now_ms + 1);
	assert_int_equal(fail_at(cache, SPF_CAUSE_SERVFAIL, now_ms + 1), 5000);
	assert_int_equal(
	    fail_at(cache, SPF_CAUSE_SERVFAIL, now_ms + 5001), 10000);
	assert_int_equal(
	    fail_at(cache, SPF_CAUSE_SERVFAIL, now_ms + 15001 + 5 * MINUTE),
	    5000);
	cache_free_(cache);
}

static void
failures_stay_within_the_bound(void **state)
{
	struct cache *cache = cache_new_(BOUND, &key), *none;

	(void)state;
	for (size_t i = 0; i < 5000; i++) {
		struct mf_text name = mf_text_of(numbered("n", i));
		struct spf_reply *reply = reply_new_(
		    SPF_RR_A, name, cache_hash_(cache, SPF_RR_A, name));

		reply_answer_(
		    reply, spf_answer_failure(SPF_RR_A, SPF_CAUSE_TIMEOUT));
		cache_drop_(cache_put_failure_(cache, reply, 0));
		reply_release_(reply);
		assert_true(cache_octets_(cache) <= BOUND);
	}
	assert_true(cache_count_(cache) > 100);
	/* What is kept forever stays, and no room keeps nothing. */
	put(cache, "dead.example", 1, 1, CACHE_FOREVER);
	fail_at(cache, SPF_CAUSE_TIMEOUT, 0);
	assert_int_equal(
	    find(cache, SPF_RR_A, "dead.example", 0)->answer->status,
	    SPF_DNS_FOUND);
	cache_free_(cache);
	none = cache_new_(0, &key);
	fail_at(none, SPF_CAUSE_TIMEOUT, 0);
	assert_null(find(none, SPF_RR_A, "dead.example", 0));
	cache_free_(none);
}

static void
siphash_vectors(void **state)
{
	static const struct {
		size_t len;
		uint64_t hash;
	} rows[] = {
	    {0, UINT64_C(0x726fdb47dd0e0e31)},
	    {1, UINT64_C(0x74f839c593dc67fd)},
	    {7, UINT64_C(0xab0200f58b01d137)},
	    {8, UINT64_C(0x93f5f5799a932462)},
	    {15, UINT64_C(0xa129ca6149be45e5)},
	    {63, UINT64_C(0x958a324ceb064572)},
	};
	struct siphash_key k = {
	    {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}};
	char message[64];

	(void)state;
	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = (char)i;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(
		    siphash(2, 4, &k, mf_text_at(message, rows[i].len)),
		    rows[i].hash);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds_what_was_put),
	    cmocka_unit_test(expires_at_its_time),
	    cmocka_unit_test(held_replies_outlive_their_place),
	    cmocka_unit_test(stays_within_its_bound),
	    cmocka_unit_test(without_room_nothing_is_kept),
	    cmocka_unit_test(what_is_found_stays),
	    cmocka_unit_test(what_is_kept_forever),
	    cmocka_unit_test(collisions),
	    cmocka_unit_test(the_key_decides),
	    cmocka_unit_test(failures_are_shared),
	    cmocka_unit_test(failures_are_kept_longer_and_longer),
	    cmocka_unit_test(failures_stay_within_the_bound),
	    cmocka_unit_test(siphash_vectors),
	};

	return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}

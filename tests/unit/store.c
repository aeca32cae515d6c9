/* SPDX-License-Identifier: ISC */
/* The store without a server: URLs, the cache, memory that runs out. */
#include "tests/unit/support.h"

#include "store/row_cache.h"
#include "store/store.h"
#include "store/store_url.h"
#include "tests/unit/shortage.h"

static const struct {
	const char *text;
	enum store_scheme scheme;
	const char *where; /* path, or the first host */
	unsigned port, hosts, database;
	const char *master;
} good[] = {
    {"none", STORE_NONE, "", 0, 0, 0, ""},
    {"sqlite:/var/lib/mailfrom/store.db", STORE_SQLITE,
	"/var/lib/mailfrom/store.db", 0, 0, 0, ""},
    {"redis://redis.example.com", STORE_REDIS, "redis.example.com", 6379, 1, 0,
	""},
    {"REDIS://10.0.0.1:7000/15", STORE_REDIS, "10.0.0.1", 7000, 1, 15, ""},
    {"redis://[2001:db8::1]/2", STORE_REDIS, "2001:db8::1", 6379, 1, 2, ""},
    {"redis://[fe80::1%eth0]:7", STORE_REDIS, "fe80::1%eth0", 7, 1, 0, ""},
    {"redis://h/", STORE_REDIS, "h", 6379, 1, 0, ""},
    {"rediss://h:1", STORE_REDIS_TLS, "h", 1, 1, 0, ""},
    {"redis+unix:/run/redis.sock", STORE_REDIS_UNIX, "/run/redis.sock", 0, 0, 0,
	""},
    {"redis+unix:/run/redis.sock?db=9", STORE_REDIS_UNIX, "/run/redis.sock", 0,
	0, 9, ""},
    {"redis+sentinel://a,b:1,[::1]/mymaster", STORE_REDIS_SENTINEL, "a", 26379,
	3, 0, "mymaster"},
    {"redis+sentinel://a/m/4", STORE_REDIS_SENTINEL, "a", 26379, 1, 4, "m"},
};

static const char *const bad[] = {"", "no", "none ", "sqlite:", "sqlite:x",
    "sqlite://x/y\n", "redis:", "redis://", "redis://:6379", "redis://h:0",
    "redis://h:65536", "redis://h:", "redis://h/x", "redis://h/65536",
    "redis://h/1/2", "redis://u@h", "redis://u:p@h", "redis://[::1",
    "redis://::1", "redis://h h", "redis://h?db=1", "redis+unix:x",
    "redis+unix:/x?db=", "redis+unix:/x?", "redis+unix:/x?database=1",
    "redis+sentinel://h", "redis+sentinel://h/", "redis+sentinel:///m",
    "redis+sentinel://h,/m", "redis+sentinel://h/m/", "redis+sentinel://h/m/x",
    "redis+sentinel://u@h/m",
    "redis+sentinel://1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17/m"};

static void
urls_are_parsed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		const char *row = good[i].text, *why = NULL;
		struct store_url url;

		if (!store_url_parse(mf_text_of(row), &url, &why))
			fail_msg("%s: %s", row, why);
		expect_int(row, "scheme", url.scheme, good[i].scheme);
		expect_str(row, "where",
		    url.path[0] != '\0' ? url.path : url.hosts[0].name,
		    good[i].where);
		expect_int(row, "port", url.hosts[0].port, good[i].port);
		expect_int(row, "hosts", url.host_count, good[i].hosts);
		expect_int(row, "database", url.database, good[i].database);
		expect_str(row, "master", url.master, good[i].master);
	}
}

static void
others_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		const char *why = NULL;
		struct store_url url;

		if (store_url_parse(mf_text_of(bad[i]), &url, &why))
			fail_msg("%s: accepted", bad[i]);
		assert_non_null(why);
	}
}

/* --- the cache --- */

static void
add(struct row_cache *c, const char *key, const char *value, uint64_t expires)
{
	const struct cached_row row = {
	    .value = mf_text_of(value), .expires_sec = expires, .epoch = 7};

	row_cache_add(c, mf_text_of(key), &row);
}

/* The value, or "": none. */
static const char *
look(struct row_cache *c, const char *key, uint64_t now)
{
	static char value[64];
	struct cached_row row;

	value[0] = '\0';
	if (row_cache_find(c, mf_text_of(key), now, &row)) {
		assert_int_equal(row.epoch, 7);
		snprintf(value, sizeof(value), "%.*s", (int)row.value.len,
		    row.value.p);
	}
	return value;
}

static void
the_least_used_goes(void **state)
{
	struct row_cache *c = row_cache_new(3);

	(void)state;
	assert_non_null(c);
	add(c, "a", "1", 100);
	add(c, "b", "2", 100);
	add(c, "c", "3", 100);
	assert_string_equal(look(c, "a", 1), "1");
	add(c, "d", "4", 100);
	assert_string_equal(look(c, "b", 1), "");
	assert_string_equal(look(c, "a", 1), "1");
	assert_string_equal(look(c, "c", 1), "3");
	assert_string_equal(look(c, "d", 1), "4");
	add(c, "a", "5", 200);
	assert_string_equal(look(c, "a", 150), "5");
	assert_string_equal(look(c, "c", 100), "");
	row_cache_free(c);
}

static void
many_are_kept_apart(void **state)
{
	struct row_cache *c = row_cache_new(1000);
	char key[16];

	(void)state;
	assert_non_null(c);
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 1500; i++) {
			snprintf(key, sizeof(key), "key%d", i);
			add(c, key, key, 100);
			assert_string_equal(look(c, key, 1), key);
		}
	assert_string_equal(look(c, "key400", 1), "");
	assert_string_equal(look(c, "key1000", 1), "key1000");
	row_cache_free(c);
}

static void
none_is_kept_by_none(void **state)
{
	struct row_cache *c = row_cache_new(0);

	(void)state;
	add(c, "a", "1", 100);
	assert_string_equal(look(c, "a", 1), "");
	row_cache_free(c);
	row_cache_free(NULL);
}

/* A row that there is no memory for is only not cached. */
static void
memory_runs_out(void **state)
{
	(void)state;
	for (long n = 1;; n++) {
		struct row_cache *c;
		bool ended;

		shortage_begin(n);
		c = row_cache_new(2);
		if (c != NULL) {
			add(c, "a", "1", 100);
			add(c, "b", "2", 100);
			add(c, "a", "1", 200);
			look(c, "a", 1);
		}
		row_cache_free(c);
		ended = allocations < n;
		assert_int_equal(held, 0);
		shortage_end();
		if (ended)
			return;
	}
}

/* --- the store itself --- */

static enum store_status
ping(struct store *s)
{
	const struct store_request request = {.kind = STORE_PING};
	struct store_answer answer;

	return store_call(s, &request, &answer);
}

/* There is none, or it answers; what there is no memory for is STORE_DOWN. */
static void
memory_runs_out_at_the_start(void **state)
{
	struct store_params params = {.url.scheme = STORE_SQLITE,
	    .timeout_ms = 20000,
	    .max_size = 1,
	    .cache_rows = 10};
	struct report report = {.say = report_ignore};

	(void)state;
	snprintf(params.url.path, sizeof(params.url.path), "%s",
	    scratch("memory.db"));
	for (long n = 1;; n++) {
		struct store *s;
		bool ended;

		shortage_begin(n);
		s = store_new(&params, NULL, &report);
		ended = allocations < n;
		shortage_end();
		if (s != NULL) {
			assert_int_equal(ping(s), STORE_OK);
			shortage_begin(1);
			assert_int_equal(ping(s), STORE_DOWN);
			shortage_end();
			assert_ptr_equal(store_new(&params, s, &report), s);
			store_release(s);
		}
		store_release(s);
		if (ended)
			return;
	}
}

/* It ends while it still tries to open its file, and a query was given up. */
static void
it_ends_at_any_time(void **state)
{
	struct store_params params = {.url.scheme = STORE_SQLITE,
	    .url.path = "/nonexistent/store.db",
	    .timeout_ms = 20000};
	struct report report = {.say = report_ignore};
	struct store *s = store_new(&params, NULL, &report);
	const struct store_request request = {
	    .kind = STORE_GET, .key = MF_TEXT("t:a")};
	struct store_query *query;
	struct store_answer answer;

	(void)state;
	assert_non_null(s);
	assert_int_equal(
	    store_ask(s, &request, NULL, NULL, &query, &answer), STORE_WAITS);
	store_forget(s, query);
	store_release(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(urls_are_parsed),
	    cmocka_unit_test(others_are_refused),
	    cmocka_unit_test(the_least_used_goes),
	    cmocka_unit_test(many_are_kept_apart),
	    cmocka_unit_test(none_is_kept_by_none),
	    cmocka_unit_test(memory_runs_out),
	    cmocka_unit_test(memory_runs_out_at_the_start),
	    cmocka_unit_test(it_ends_at_any_time),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}

/* SPDX-License-Identifier: ISC */
/* access/table.h: which keys are kept, in which order, and finding them. */
#include "tests/unit/support.h"

#include "access/table.h"

/* --- whose key it is --- */

enum whose { OURS, MISTYPED, FOREIGN };

static const struct {
	struct mf_text key;
	enum whose expect;
} keys[] = {
    {BYTES("spf-none:"), OURS},
    {BYTES("spf-neutral:"), OURS},
    {BYTES("spf-pass:"), OURS},
    {BYTES("spf-fail:"), OURS},
    {BYTES("spf-softfail:"), OURS},
    {BYTES("spf-temperror:"), OURS},
    {BYTES("spf-permerror:"), OURS},
    {BYTES("helo-fail:mail.example.com"), OURS},
    {BYTES("srs-fail:example.com"), OURS},
    {BYTES("null-permerror:.example"), OURS},
    {BYTES("smtp-auth:user@example.com"), OURS},
    {BYTES("spf-to:postmaster@"), OURS},
    {BYTES("spam:user@example.com"), OURS},

    {BYTES("SPF-Fail:Example.COM"), OURS},
    {BYTES("Spam:user@"), OURS},
    {BYTES("spf-fail"), OURS},
    {BYTES("smtp-auth"), OURS},
    {BYTES("spf-to"), OURS},
    {BYTES("spf-fail!example.com"), OURS},
    {BYTES("spf-fail!"), OURS},
    {BYTES("spf-fail:a!b@example.com"), OURS},
    {BYTES("spf-fail!a:b@example.com"), OURS},

    {BYTES("spf-fial:example.com"), MISTYPED},
    {BYTES("spf-fails:example.com"), MISTYPED},
    {BYTES("spf-fai:"), MISTYPED},
    {BYTES("spf-:example.com"), MISTYPED},
    {BYTES("SPF-FIAL!example.com"), MISTYPED},
    {BYTES("helo-error:example.com"), MISTYPED},
    {BYTES("null-to:example.com"), MISTYPED},
    {BYTES("srs-auth:example.com"), MISTYPED},
    {BYTES("spf-fail :example.com"), MISTYPED},
    {BYTES("spf-fail\0:example.com"), MISTYPED},
    {BYTES("spf_fail:example.com"), MISTYPED},
    {BYTES(" spf-fail:"), MISTYPED},
    {BYTES("spffail:example.com"), MISTYPED},
    {BYTES("Sfp-Fail:example.com"), MISTYPED},
    {BYTES("hello-softfail!example.com"), MISTYPED},
    {BYTES("smtp_auth:example.com"), MISTYPED},
    {BYTES("SMTPAuth:example.com"), MISTYPED},
    {BYTES("spfto:postmaster@"), MISTYPED},

    {BYTES(""), FOREIGN},
    {BYTES(":"), FOREIGN},
    {BYTES("!"), FOREIGN},
    {BYTES("spf"), FOREIGN},
    {BYTES("spf-"), FOREIGN},
    {BYTES("spf-fial"), FOREIGN},
    {BYTES("spf-fail.example.com"), FOREIGN},
    {BYTES("spf-fail\0"), FOREIGN},
    {BYTES("helo-pass.example"), FOREIGN},
    {BYTES("example.com"), FOREIGN},
    {BYTES("192.0.2"), FOREIGN},
    {BYTES("IPv6:2001:db8::1"), FOREIGN},
    {BYTES("Connect:spf-fail:example.com"), FOREIGN},
    {BYTES("To:postmaster@"), FOREIGN},
    {BYTES("From:example.com"), FOREIGN},
    {BYTES("smtp-author:a"), FOREIGN},
    {BYTES("smtp:a"), FOREIGN},
    {BYTES("spam.example"), FOREIGN},
    {BYTES("spammer:a"), FOREIGN},
    {BYTES("fail:example.com"), FOREIGN},
};

static void
knows_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++) {
		expect_int(keys[i].key.p, "ours",
		    access_key_is_ours(keys[i].key), keys[i].expect == OURS);
		expect_int(keys[i].key.p, "mistyped",
		    access_key_is_mistyped(keys[i].key),
		    keys[i].expect == MISTYPED);
	}
}

/* --- what is kept of an entry --- */

static const struct {
	const char *name;
	struct mf_text key, value;
	struct mf_text kept_key, kept_value; /* empty: it is dropped */
} entries[] = {
    {"as it is", BYTES("spf-fail:a.example"), BYTES("OK"),
	BYTES("spf-fail:a.example"), BYTES("OK")},
    {"the key is folded, the value isn't", BYTES("SPF-Fail:Joe@A.Example"),
	BYTES("Reject Because"), BYTES("spf-fail:joe@a.example"),
	BYTES("Reject Because")},
    {"octets above ASCII stay", BYTES("spf-fail:\xc3\x84.example"),
	BYTES("ok \xc3\x84"), BYTES("spf-fail:\xc3\x84.example"),
	BYTES("ok \xc3\x84")},
    {"the NUL of makemap -N", BYTES("spf-fail:a.example\0"), BYTES("OK\0"),
	BYTES("spf-fail:a.example"), BYTES("OK")},
    {"a bare tag with NUL", BYTES("spf-fail\0"), BYTES("OK\0"),
	BYTES("spf-fail"), BYTES("OK")},
    {"one NUL of two", BYTES("spf-fail:a\0\0"), BYTES("OK\0\0"),
	BYTES("spf-fail:a\0"), BYTES("OK\0")},
    {"pymilter's separator", BYTES("spf-fail!a.example"), BYTES("OK"),
	BYTES("spf-fail:a.example"), BYTES("OK")},
    {"only the first separator", BYTES("spf-fail!a!b@c.example"), BYTES("OK"),
	BYTES("spf-fail:a!b@c.example"), BYTES("OK")},
    {"a \"!\" behind \":\"", BYTES("spf-fail:a!b@c.example"), BYTES("OK"),
	BYTES("spf-fail:a!b@c.example"), BYTES("OK")},
    {"an unknown value", BYTES("spf-fail:a"), BYTES("PERHAPS"),
	BYTES("spf-fail:a"), BYTES("PERHAPS")},
    {"an empty value", BYTES("spf-fail:a"), BYTES(""), BYTES("spf-fail:a"),
	BYTES("")},
    {"an empty value with NUL", BYTES("spf-fail:a\0"), BYTES("\0"),
	BYTES("spf-fail:a"), BYTES("")},
    {"a mistyped key", BYTES("spf-fial!A"), BYTES("OK"), BYTES("spf-fial:a"),
	BYTES("OK")},
    {"a foreign key", BYTES("Connect:192.0.2"), BYTES("RELAY"), BYTES(""),
	BYTES("")},
    {"an empty key", BYTES(""), BYTES("OK"), BYTES(""), BYTES("")},
    {"an empty key with NUL", BYTES("\0"), BYTES("\0"), BYTES(""), BYTES("")},
};

static void
keeps_entries(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(entries); i++) {
		const char *name = entries[i].name;
		struct access_table *table = access_table_new();
		bool kept = entries[i].kept_key.len != 0;

		assert_non_null(table);
		assert_true(access_table_add(
		    table, entries[i].key, entries[i].value, (unsigned)i));
		assert_true(access_table_finish(table));
		expect_int(name, "entries",
		    (long long)access_table_count(table), kept);
		if (kept) {
			const struct access_entry *e =
			    access_table_at(table, 0);

			expect_text(name, "key", access_entry_key(e),
			    entries[i].kept_key);
			expect_text(name, "value", access_entry_value(e),
			    entries[i].kept_value);
			expect_int(
			    name, "line", access_entry_line(e), (long long)i);
			assert_ptr_equal(
			    access_table_find(table, entries[i].kept_key), e);
		}
		access_table_free(table);
	}
}

/* Views of what was given would not survive the giver. */
static void
copies_what_it_keeps(void **state)
{
	char key[] = "spf-fail:a.example", value[] = "REJECT go away";
	struct access_table *table = access_table_new();
	const struct access_entry *e;
	struct action action;

	(void)state;
	assert_non_null(table);
	assert_true(
	    access_table_add(table, mf_text_of(key), mf_text_of(value), 7));
	memset(key, 'x', sizeof(key));
	memset(value, 'x', sizeof(value));
	assert_true(access_table_finish(table));
	e = access_table_find(table, MF_TEXT("spf-fail:a.example"));
	assert_non_null(e);
	expect_text(
	    "copy", "value", access_entry_value(e), MF_TEXT("REJECT go away"));
	expect_int(
	    "copy", "status", access_entry_action(e, &action), ACTION_VALID);
	expect_int("copy", "verb", action.verb, ACTION_REJECT);
	expect_text("copy", "text", action.text, MF_TEXT("go away"));
	assert_true(action.text.p >= access_entry_value(e).p);
	access_table_free(table);
}

static void
knows_unknown_values(void **state)
{
	struct action action;
	struct access_table *table = access_table_new();

	(void)state;
	assert_non_null(table);
	assert_true(access_table_add(
	    table, MF_TEXT("spf-fail:a"), MF_TEXT("PERHAPS"), 1));
	assert_true(
	    access_table_add(table, MF_TEXT("spf-fail:b"), MF_TEXT("CBV"), 2));
	assert_true(access_table_finish(table));
	expect_int("PERHAPS", "status",
	    access_entry_action(
		access_table_find(table, MF_TEXT("spf-fail:a")), &action),
	    ACTION_UNKNOWN);
	expect_int("CBV", "status",
	    access_entry_action(
		access_table_find(table, MF_TEXT("spf-fail:b")), &action),
	    ACTION_UNSUPPORTED);
	access_table_free(table);
}

/* --- order and finding --- */

static void
finds_nothing_in_nothing(void **state)
{
	struct access_table *table = access_table_new();

	(void)state;
	assert_non_null(table);
	assert_true(access_table_finish(table));
	assert_int_equal(access_table_count(table), 0);
	assert_null(access_table_find(table, MF_TEXT("spf-fail:")));
	assert_null(access_table_find(table, mf_text_at(NULL, 0)));
	access_table_free(table);
	access_table_free(NULL);
}

/* Keys that are prefixes of each other, and octets above 0x7f. */
static void
sorts_by_octets(void **state)
{
	static const char *const sorted[] = {"helo-fail:", "spf-fail",
	    "spf-fail:", "spf-fail:.com", "spf-fail:a", "spf-fail:a.com",
	    "spf-fail:a@", "spf-fail:aa", "spf-fail:b", "spf-fail:\xc3\xa4",
	    "spf-pass"};
	struct access_table *table = access_table_new();
	char longer[64];

	(void)state;
	assert_non_null(table);
	for (size_t i = 0; i < COUNT(sorted); i++)
		assert_true(access_table_add(table,
		    mf_text_of(sorted[i * 7 % COUNT(sorted)]), MF_TEXT("OK"),
		    0));
	assert_true(access_table_finish(table));
	assert_int_equal(access_table_count(table), COUNT(sorted));
	for (size_t i = 0; i < COUNT(sorted); i++) {
		struct mf_text key = mf_text_of(sorted[i]);

		expect_text("sorted", sorted[i],
		    access_entry_key(access_table_at(table, i)), key);
		assert_ptr_equal(
		    access_table_find(table, key), access_table_at(table, i));
		snprintf(longer, sizeof(longer), "%s~", sorted[i]);
		assert_null(access_table_find(table, mf_text_of(longer)));
	}
	assert_null(access_table_find(table, mf_text_at(NULL, 0)));
	assert_null(access_table_find(table, MF_TEXT("zzz")));
	assert_null(access_table_find(table, MF_TEXT("SPF-PASS")));
	access_table_free(table);
}

/* Many more duplicates than a sort leaves in order by luck. */
static void
first_of_duplicates_counts(void **state)
{
	enum { KEYS = 50, EACH = 40 };
	struct access_table *table = access_table_new();
	unsigned line = 0;
	char key[32];

	(void)state;
	assert_non_null(table);
	for (unsigned n = 0; n < KEYS * EACH; n++) {
		snprintf(
		    key, sizeof(key), "spf-fail:%02u.example", n * 7 % KEYS);
		assert_true(access_table_add(
		    table, mf_text_of(key), MF_TEXT("OK"), ++line));
	}
	assert_true(access_table_finish(table));
	assert_int_equal(access_table_count(table), KEYS * EACH);
	for (unsigned n = 0; n < KEYS; n++) {
		const struct access_entry *first =
		    access_table_at(table, n * EACH);

		snprintf(key, sizeof(key), "spf-fail:%02u.example", n);
		assert_ptr_equal(
		    access_table_find(table, mf_text_of(key)), first);
		for (unsigned i = 0; i < EACH; i++) {
			const struct access_entry *e =
			    access_table_at(table, n * EACH + i);

			expect_text(
			    "key", key, access_entry_key(e), mf_text_of(key));
			expect_int(key, "line", access_entry_line(e),
			    access_entry_line(first) + i * KEYS);
		}
	}
	access_table_free(table);
}

/* Enough for several blocks, one entry too long for any of them. */
static void
many(void **state)
{
	enum { MANY = 20000, LONG = 100000 };
	static char key[64], value[64], long_key[LONG];
	struct access_table *table = access_table_new();

	(void)state;
	assert_non_null(table);
	memset(long_key, 'x', sizeof(long_key));
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(key, sizeof(key), "SPF-Pass:%u.Example", i * 7919);
		snprintf(value, sizeof(value), "ERROR:550 %u", i);
		assert_true(access_table_add(
		    table, mf_text_of(key), mf_text_of(value), i));
		if (i == MANY / 2) {
			memcpy(long_key, "spf-pass:", 9);
			assert_true(
			    access_table_add(table, mf_text_at(long_key, LONG),
				mf_text_at(long_key, LONG), i));
		}
	}
	assert_true(access_table_finish(table));
	assert_int_equal(access_table_count(table), MANY + 1);
	for (unsigned i = 0; i < MANY; i++) {
		const struct access_entry *e;

		snprintf(key, sizeof(key), "spf-pass:%u.example", i * 7919);
		snprintf(value, sizeof(value), "ERROR:550 %u", i);
		e = access_table_find(table, mf_text_of(key));
		assert_non_null(e);
		expect_text(
		    key, "value", access_entry_value(e), mf_text_of(value));
		expect_int(key, "line", access_entry_line(e), i);
		snprintf(key, sizeof(key), "spf-pass:%u.example", i * 7919 + 1);
		assert_null(access_table_find(table, mf_text_of(key)));
	}
	assert_non_null(access_table_find(table, mf_text_at(long_key, LONG)));
	assert_null(access_table_find(table, mf_text_at(long_key, LONG - 1)));
	access_table_free(table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(knows_keys),
	    cmocka_unit_test(keeps_entries),
	    cmocka_unit_test(copies_what_it_keeps),
	    cmocka_unit_test(knows_unknown_values),
	    cmocka_unit_test(finds_nothing_in_nothing),
	    cmocka_unit_test(sorts_by_octets),
	    cmocka_unit_test(first_of_duplicates_counts),
	    cmocka_unit_test(many),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}

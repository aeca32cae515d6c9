/* SPDX-License-Identifier: ISC */
/* common/lists.h: patterns, and what they match. */
#include "tests/unit/support.h"

#include "common/lists.h"

#define PATTERNS_MAX 300

struct built {
	struct mf_text items[PATTERNS_MAX];
	struct list list;
};

/* Build a list from patterns between blanks. */
static void
build(struct built *b, const char *patterns)
{
	struct conf_list conf = {.items = b->items};
	struct mf_text rest = mf_text_of(patterns);

	while (rest.len != 0) {
		struct mf_text one = rest;

		if (!text_cut(&rest, ' ', &one))
			rest.len = 0;
		assert_true(conf.count < PATTERNS_MAX);
		b->items[conf.count++] = one;
	}
	assert_true(list_build(&b->list, &conf));
	assert_int_equal(b->list.count, conf.count);
}

enum ask { DOMAIN, ADDRESS };

static const struct {
	const char *patterns;
	enum ask ask;
	const char *what;
	bool expect;
} rows[] = {
    {"", DOMAIN, "example.com", false},
    {"", DOMAIN, "", false},
    {"", ADDRESS, "a@example.com", false},

    {"example.com", DOMAIN, "example.com", true},
    {"example.com", DOMAIN, "EXAMPLE.com", true},
    {"Example.COM", DOMAIN, "example.com", true},
    {"example.com", DOMAIN, "example.com.", true},
    {"example.com.", DOMAIN, "example.com", true},
    {"example.com.", DOMAIN, "Example.Com.", true},
    {"example.com", DOMAIN, "www.example.com", false},
    {"example.com", DOMAIN, "badexample.com", false},
    {"example.com", DOMAIN, "example.com.evil.example", false},
    {"example.com", DOMAIN, "xample.com", false},
    {"example.com", DOMAIN, "example.co", false},
    {"example.com", DOMAIN, "com", false},
    {"example.com", DOMAIN, "", false},
    {"example.com", DOMAIN, ".", false},

    {".example.com", DOMAIN, "www.example.com", true},
    {".example.com", DOMAIN, "a.b.example.com", true},
    {".example.com", DOMAIN, "a.b.EXAMPLE.com.", true},
    {".example.com.", DOMAIN, "a.example.com", true},
    {".example.com", DOMAIN, "example.com", false},
    {".example.com", DOMAIN, "badexample.com", false},
    {".example.com", DOMAIN, "www.example.com.evil", false},
    {".com", DOMAIN, "example.com", true},
    {"example.com .example.com", DOMAIN, "example.com", true},
    {"example.com .example.com", DOMAIN, "a.example.com", true},
    {"z.example a.example .m.example b.example", DOMAIN, "x.m.example", true},
    {"z.example a.example .m.example b.example", DOMAIN, "a.example", true},
    {"z.example a.example .m.example b.example", DOMAIN, "z.example", true},
    {"z.example a.example .m.example b.example", DOMAIN, "c.example", false},
    {"[192.0.2.1]", DOMAIN, "[192.0.2.1]", true},
    /* Lists have A-labels (common/domain.h). */
    {"xn--b-eha.example", DOMAIN, "b\xc3\xbc.example", true},
    {"xn--b-eha.example", DOMAIN, "B\xc3\x9c.Example.", true},
    {"xn--b-eha.example", DOMAIN, "xn--b-eha.example", true},
    {"xn--b-eha.example", DOMAIN, "b\xfc.example", false},
    {".xn--b-eha.example", DOMAIN, "a.b\xc3\xbc.example", true},
    {"xn--b-eha.example", ADDRESS, "c@b\xc3\xbc.example", true},
    {"c@xn--b-eha.example", ADDRESS, "c@b\xc3\xbc.example", true},
    {"c@xn--b-eha.example", ADDRESS, "c+d@b\xc3\xbc.example", true},
    {"a@example.com", DOMAIN, "example.com", false},

    {"example.com", ADDRESS, "bob@example.com", true},
    {"example.com", ADDRESS, "bob@Example.Com.", true},
    {"example.com", ADDRESS, "bob@www.example.com", false},
    {".example.com", ADDRESS, "bob@www.example.com", true},
    {"example.com", ADDRESS, "\"a@b\"@example.com", true},
    {"example.com", ADDRESS, "example.com@other.example", false},
    {"example.com", ADDRESS, "example.com", true},
    {"example.com", ADDRESS, "@example.com", true},
    {"bob@example.com", ADDRESS, "bob@example.com", true},
    {"bob@example.com", ADDRESS, "BOB@Example.com", true},
    {"bob@example.com", ADDRESS, "bob@example.com.", true},
    {"bob@example.com.", ADDRESS, "bob@example.com", true},
    {"bob@example.com", ADDRESS, "bo@example.com", false},
    {"bob@example.com", ADDRESS, "bobb@example.com", false},
    {"bob@example.com", ADDRESS, "bob@example.net", false},
    {"bob@example.com", ADDRESS, "bob@www.example.com", false},
    {"bob@example.com", ADDRESS, "example.com", false},
    {"bob@example.com", ADDRESS, "", false},

    {"bob@example.com", ADDRESS, "bob+lists@example.com", true},
    {"bob@example.com", ADDRESS, "bob+a+b@example.com", true},
    {"bob@example.com", ADDRESS, "bob+@example.com", true},
    {"bob@example.com", ADDRESS, "bob-lists@example.com", false},
    {"bob+lists@example.com", ADDRESS, "bob+lists@example.com", true},
    {"bob+lists@example.com", ADDRESS, "bob@example.com", false},
    {"bob+lists@example.com", ADDRESS, "bob+x@example.com", false},
    {"@example.com", ADDRESS, "+lists@example.com", false},
    {"bob@example.com", ADDRESS, "bob@+x.example.com", false},

    {"bob@", ADDRESS, "bob@example.com", true},
    {"bob@", ADDRESS, "Bob@anywhere.example", true},
    {"bob@", ADDRESS, "bob+lists@anywhere.example", true},
    {"bob@", ADDRESS, "rob@example.com", false},
    {"bob@", ADDRESS, "bob", false},
    {"bob@", DOMAIN, "bob", false},
};

static void
table(void **state)
{
	static struct built built;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mf_text what = mf_text_of(rows[i].what);
		bool have;

		build(&built, rows[i].patterns);
		have = rows[i].ask == DOMAIN
		    ? list_has_domain(&built.list, what)
		    : list_has_address(&built.list, what);
		if (have != rows[i].expect)
			fail_msg("\"%s\" %s \"%s\"", rows[i].patterns,
			    have ? "matches" : "doesn't match", rows[i].what);
		list_free(&built.list);
	}
	list_free(&built.list);
}

/* All of three hundred are found, and nothing beside them. */
static void
many(void **state)
{
	static char names[PATTERNS_MAX][24];
	static struct mf_text items[PATTERNS_MAX];
	struct conf_list conf = {items, PATTERNS_MAX};
	struct list list;
	char ask[32];

	(void)state;
	for (size_t i = 0; i < PATTERNS_MAX; i++) {
		snprintf(names[i], sizeof(names[i]), "d%zu.example",
		    i * 7919 % 1000);
		items[i] = mf_text_of(names[i]);
	}
	assert_true(list_build(&list, &conf));
	for (size_t n = 0; n < 1000; n++) {
		bool want = false;

		snprintf(ask, sizeof(ask), "D%zu.Example", n);
		for (size_t i = 0; i < PATTERNS_MAX; i++)
			want = want || n == i * 7919 % 1000;
		expect_int(ask, "found",
		    list_has_domain(&list, mf_text_of(ask)), want);
	}
	list_free(&list);
}

/* A long local part is not cut into one that matches. */
static void
long_addresses(void **state)
{
	static struct built built;
	char address[2048];

	(void)state;
	build(&built, "bob@example.com bob@");
	for (size_t len = 1; len < 1500; len += 7) {
		struct text_out out = text_out(address, sizeof(address));

		for (size_t i = 0; i < len; i++)
			out_char(&out, 'x');
		out_str(&out, "+y@example.com");
		assert_false(list_has_address(&built.list, out_view(&out)));
	}
	/* The detail may be as long as it likes. */
	struct text_out out = text_out(address, sizeof(address));
	out_str(&out, "bob+");
	for (size_t i = 0; i < 1500; i++)
		out_char(&out, 'x');
	out_str(&out, "@example.com");
	assert_true(list_has_address(&built.list, out_view(&out)));
	list_free(&built.list);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	    cmocka_unit_test(many),
	    cmocka_unit_test(long_addresses),
	};

	return cmocka_run_group_tests_name("lists", tests, NULL, NULL);
}

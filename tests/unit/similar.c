/* SPDX-License-Identifier: ISC */
/* common/similar.h: edits between words, and the word that is meant. */
#include "tests/unit/support.h"

#include "common/similar.h"

static void
counts_edits(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned expect;
	} rows[] = {
	    {"", "", 0},
	    {"", "abc", 3},
	    {"reject", "reject", 0},
	    {"reject", "REJECT", 0},
	    {"reject", "rejct", 1},
	    {"reject", "rejeect", 1},
	    {"reject", "rejekt", 1},
	    {"reject", "rejcet", 1}, /* a swap */
	    {"reject", "erjcet", 2},
	    {"spf-fail", "spf-fial", 1},
	    {"ca", "abc", 3}, /* nothing between what was swapped */
	    {"kitten", "sitting", 3},
	    {"123456789012345678901234", "123456789012345678901235", 1},
	    {"1234567890123456789012345", "1", SIMILAR_MAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mf_text a = mf_text_of(rows[i].a),
			       b = mf_text_of(rows[i].b);

		expect_int(rows[i].a, rows[i].b, similar_distance(a, b),
		    rows[i].expect);
		expect_int(rows[i].b, rows[i].a, similar_distance(b, a),
		    rows[i].expect);
	}
}

static void
finds_words(void **state)
{
	static const char *const words[] = {
	    "OK", "a", "SKIP", "REJECT", "TEMPFAIL", "DEFER", NULL};
	static const struct {
		const char *name, *expect;
	} rows[] = {
	    {"OK", "OK"},
	    {"reject", "REJECT"},
	    {"REJET", "REJECT"},
	    {"REJECTED", "REJECT"}, /* two edits */
	    {"TEMPFAI", "TEMPFAIL"},
	    {"TMPFAI", "TEMPFAIL"},
	    {"SKPI", "SKIP"},
	    {"SIKPP", NULL}, /* two edits, and short */
	    {"KO", "OK"},
	    {"X", NULL},
	    {"XY", NULL},
	    {"b", NULL}, /* words of one letter are like all */
	    {"", NULL},
	    {"ACCEPT", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *found =
		    similar_word(mf_text_of(rows[i].name), words);

		expect_str(rows[i].name, "word", found != NULL ? found : "-",
		    rows[i].expect != NULL ? rows[i].expect : "-");
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counts_edits),
	    cmocka_unit_test(finds_words),
	};

	return cmocka_run_group_tests_name("similar", tests, NULL, NULL);
}

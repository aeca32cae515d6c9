/* SPDX-License-Identifier: ISC */
/*
 * Text for terminals and JSON; tests/spfquery compares every character with
 * Unicode's categories.
 */
#include <stdlib.h>

#include "common/escape.h"
#include "tests/unit/support.h"

typedef void escaper(FILE *to, struct mf_text t);

struct row {
	const char *name;
	struct mf_text text;
	const char *ascii, *utf8, *json; /* terminals of two kinds */
};

static const struct row rows[] = {
    {"nothing", MF_TEXT(""), "", "", "\"\""},
    {"ASCII", MF_TEXT("a b~!"), "a b~!", "a b~!", "\"a b~!\""},
    {"what has a meaning", MF_TEXT("\\\"\n\t"), "\\\\\"\\x0a\\x09",
	"\\\\\"\\x0a\\x09", "\"\\\\\\\"\\n\\t\""},
    {"controls", MF_TEXT("\0\x1b[2J\x7f"), "\\x00\\x1b[2J\\x7f",
	"\\x00\\x1b[2J\\x7f", "\"\\u0000\\u001b[2J\\u007f\""},
    {"C1: CSI", MF_TEXT("\xc2\x9b"), "\\xc2\\x9b", "\\xc2\\x9b", "\"\\u009b\""},
    {"letters", MF_TEXT("\xc3\xbc\xe2\x82\xac\xf0\x9f\x93\xa7"),
	"\\xc3\\xbc\\xe2\\x82\\xac\\xf0\\x9f\\x93\\xa7",
	"\xc3\xbc\xe2\x82\xac\xf0\x9f\x93\xa7",
	"\"\xc3\xbc\xe2\x82\xac\xf0\x9f\x93\xa7\""},
    {"soft hyphen", MF_TEXT("\xc2\xad"), "\\xc2\\xad", "\\xc2\\xad",
	"\"\\u00ad\""},
    {"Arabic letter mark", MF_TEXT("\xd8\x9c"), "\\xd8\\x9c", "\\xd8\\x9c",
	"\"\\u061c\""},
    {"zero width space", MF_TEXT("\xe2\x80\x8b"), "\\xe2\\x80\\x8b",
	"\\xe2\\x80\\x8b", "\"\\u200b\""},
    {"line separator", MF_TEXT("\xe2\x80\xa8"), "\\xe2\\x80\\xa8",
	"\\xe2\\x80\\xa8", "\"\\u2028\""},
    {"right to left",
	MF_TEXT("\xe2\x80\xae"
		"a"),
	"\\xe2\\x80\\xaea", "\\xe2\\x80\\xaea", "\"\\u202ea\""},
    {"a tag, past the BMP", MF_TEXT("\xf3\xa0\x80\x81"), "\\xf3\\xa0\\x80\\x81",
	"\\xf3\\xa0\\x80\\x81", "\"\\udb40\\udc01\""},
    {"no UTF-8",
	MF_TEXT("\xff"
		"a\xc3"),
	"\\xffa\\xc3", "\\xffa\\xc3", "\"\\ufffda\\ufffd\""},
    {"overlong", MF_TEXT("\xc0\x80"), "\\xc0\\x80", "\\xc0\\x80",
	"\"\\ufffd\\ufffd\""},
    {"a surrogate", MF_TEXT("\xed\xa0\x80"), "\\xed\\xa0\\x80",
	"\\xed\\xa0\\x80", "\"\\ufffd\\ufffd\\ufffd\""},
};

static void
expect_written(
    const char *name, escaper *escape, struct mf_text t, const char *want)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);

	assert_non_null(to);
	escape(to, t);
	assert_int_equal(fclose(to), 0);
	expect_str(name, "written", text, want);
	free(text);
}

static void
for_terminals(void **state)
{
	(void)state;
	assert_int_equal(setenv("LC_ALL", "C", 1), 0);
	assert_false(escape_terminal_utf8());
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_written(
		    rows[i].name, escape_terminal, rows[i].text, rows[i].ascii);
	assert_int_equal(setenv("LC_ALL", "C.UTF-8", 1), 0);
	if (!escape_terminal_utf8())
		return; /* not on this host */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_written(
		    rows[i].name, escape_terminal, rows[i].text, rows[i].utf8);
}

static void
for_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_written(
		    rows[i].name, escape_json, rows[i].text, rows[i].json);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(for_terminals),
	    cmocka_unit_test(for_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

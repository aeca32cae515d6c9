/* SPDX-License-Identifier: ISC */
/*
 * common/reply.h: text for smfi_setreply().
 *
 * Sources: RFC 5321 4.2 (textstring: %d09 / %d32-126), libmilter's
 * smfi_setreply ("%" is doubled, no CR or LF).
 */
#include "tests/unit/support.h"

#include "common/reply.h"

static const struct {
	const char *name;
	struct mf_text input;
	const char *expect;
} rows[] = {
    {"nothing", BYTES(""), ""},
    {"plain", BYTES("sender is not permitted"), "sender is not permitted"},
    {"every printable", BYTES(" !\"#$&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~"),
	" !\"#$&'()*+,-./09:;<=>?@AZ[\\]^_`az{|}~"},
    {"blanks", BYTES("  a   b  "), "  a   b  "},
    {"percent", BYTES("100% sure"), "100%% sure"},
    {"percent alone", BYTES("%"), "%%"},
    {"percents", BYTES("%%s%n%"), "%%%%s%%n%%"},
    {"a line end", BYTES("a\r\n250 ok"), "a??250 ok"},
    {"a line feed", BYTES("a\n250 ok"), "a?250 ok"},
    {"controls", BYTES("a\tb\x1b[2J\x7f\x01"), "a?b?[2J??"},
    {"NUL", BYTES("a\0b"), "a?b"},
    {"UTF-8", BYTES("b\xc3\xbc"), "b??"},
    {"Latin-1", BYTES("b\xfc\x85\xff"), "b???"},
};

static void
table(void **state)
{
	char out[REPLY_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		memset(out, 'X', sizeof(out));
		reply_quote(rows[i].input, out);
		expect_str(rows[i].name, "reply", out, rows[i].expect);
	}
}

#define LEN_MAX (REPLY_SIZE - 1)

/* What is too long is cut, behind a whole "%%". */
static void
cut(void **state)
{
	char text[2 * REPLY_SIZE], out[REPLY_SIZE];

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t len = LEN_MAX - 3; len < LEN_MAX + 3; len++) {
		reply_quote(mf_text_at(text, len), out);
		assert_int_equal(strlen(out), len < LEN_MAX ? len : LEN_MAX);
	}
	for (size_t at = LEN_MAX - 3; at < LEN_MAX + 3; at++) {
		size_t len = at + 2 <= LEN_MAX ? LEN_MAX
		    : at < LEN_MAX             ? at
					       : LEN_MAX;

		memset(text, 'a', sizeof(text));
		text[at] = '%';
		reply_quote(mf_text_at(text, sizeof(text)), out);
		assert_int_equal(strlen(out), len);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(
			    out[i], i == at || i == at + 1 ? '%' : 'a');
	}
	memset(text, '%', sizeof(text));
	reply_quote(mf_text_at(text, sizeof(text)), out);
	assert_int_equal(strlen(out), LEN_MAX - LEN_MAX % 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	    cmocka_unit_test(cut),
	};

	return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}

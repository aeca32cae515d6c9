/* SPDX-License-Identifier: ISC */
/* common/netstring.h: what is one, what may become one, what never will. */
#include "tests/unit/support.h"

#include "common/netstring.h"

#define MAX 100

static const struct {
	const char *name;
	struct mf_text input;
	enum netstring_status status;
	const char *payload;
	size_t used;
} rows[] = {
    {"empty", BYTES("0:,"), NETSTRING_OK, "", 3},
    {"short", BYTES("5:hello,"), NETSTRING_OK, "hello", 8},
    {"more behind", BYTES("2:ab,3:cde,"), NETSTRING_OK, "ab", 5},
    {"garbage behind", BYTES("2:ab,xx"), NETSTRING_OK, "ab", 5},
    {"commas and colons", BYTES("5:,:,:,,"), NETSTRING_OK, ",:,:,", 8},
    {"digits", BYTES("10:1234567890,"), NETSTRING_OK, "1234567890", 14},

    {"nothing yet", BYTES(""), NETSTRING_MORE, NULL, 0},
    {"length only", BYTES("12"), NETSTRING_MORE, NULL, 0},
    {"zero only", BYTES("0"), NETSTRING_MORE, NULL, 0},
    {"no payload yet", BYTES("5:"), NETSTRING_MORE, NULL, 0},
    {"no comma yet", BYTES("5:hello"), NETSTRING_MORE, NULL, 0},
    {"empty, no comma yet", BYTES("0:"), NETSTRING_MORE, NULL, 0},

    {"no length", BYTES(":,"), NETSTRING_BAD, NULL, 0},
    {"a word", BYTES("get x"), NETSTRING_BAD, NULL, 0},
    {"a comma first", BYTES(","), NETSTRING_BAD, NULL, 0},
    {"negative", BYTES("-1:,"), NETSTRING_BAD, NULL, 0},
    {"plus", BYTES("+1:a,"), NETSTRING_BAD, NULL, 0},
    {"blank before", BYTES(" 1:a,"), NETSTRING_BAD, NULL, 0},
    {"blank behind", BYTES("1 :a,"), NETSTRING_BAD, NULL, 0},
    {"hexadecimal", BYTES("0x1:a,"), NETSTRING_BAD, NULL, 0},
    {"leading zero", BYTES("01:a,"), NETSTRING_BAD, NULL, 0},
    {"two zeros", BYTES("00:,"), NETSTRING_BAD, NULL, 0},
    {"too short a length", BYTES("4:hello,"), NETSTRING_BAD, NULL, 0},
    {"no comma", BYTES("5:hello."), NETSTRING_BAD, NULL, 0},
    {"line end for comma", BYTES("5:hello\n"), NETSTRING_BAD, NULL, 0},
    {"NUL", BYTES("\0"), NETSTRING_BAD, NULL, 0},
    {"no colon", BYTES("5,hello,"), NETSTRING_BAD, NULL, 0},

    {"one too long", BYTES("101:"), NETSTRING_TOO_LONG, NULL, 0},
    {"too long at once", BYTES("101"), NETSTRING_TOO_LONG, NULL, 0},
    {"wraps 64 bits", BYTES("18446744073709551621:hello,"), NETSTRING_TOO_LONG,
	NULL, 0},
    {"digits for ever", BYTES("99999999999999999999999999999999"),
	NETSTRING_TOO_LONG, NULL, 0},
};

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mf_text payload = MF_TEXT("untouched");
		size_t used = 4711;
		enum netstring_status status =
		    netstring_read(rows[i].input, MAX, &payload, &used);
		bool ok = rows[i].status == NETSTRING_OK;

		expect_int(rows[i].name, "status", status, rows[i].status);
		expect_text(rows[i].name, "payload", payload,
		    ok ? mf_text_of(rows[i].payload) : MF_TEXT("untouched"));
		expect_int(rows[i].name, "used", (long long)used,
		    ok ? (long long)rows[i].used : 4711);
		if (ok)
			assert_in_range((uintptr_t)payload.p,
			    (uintptr_t)rows[i].input.p,
			    (uintptr_t)rows[i].input.p + rows[i].input.len);
	}
}

/* Every payload length up to the limit, cut at every octet. */
static void
every_split_waits(void **state)
{
	char buffer[MAX + 16];

	(void)state;
	for (size_t len = 0; len <= MAX; len++) {
		struct text_out out = text_out(buffer, sizeof(buffer));
		struct mf_text payload;
		size_t used;

		out_uint(&out, len);
		out_char(&out, ':');
		for (size_t i = 0; i < len; i++)
			out_char(&out, (char)('0' + i % 12));
		out_char(&out, ',');
		for (size_t cut = 0; cut < out.len; cut++)
			assert_int_equal(
			    netstring_read(text_head(out_view(&out), cut), MAX,
				&payload, &used),
			    NETSTRING_MORE);
		assert_int_equal(
		    netstring_read(out_view(&out), MAX, &payload, &used),
		    NETSTRING_OK);
		assert_int_equal(payload.len, len);
		assert_int_equal(used, out.len);
	}
}

/* What is bad stays bad, and what is good stays good, whatever follows. */
static void
verdicts_are_final(void **state)
{
	static const char octets[] = "0129:,a";
	size_t base = sizeof(octets) - 1, total = 1;
	char text[6];

	(void)state;
	for (size_t len = 1; len <= 6; len++) {
		total *= base;
		for (size_t n = 0; n < total; n++) {
			enum netstring_status before = NETSTRING_MORE, now;
			struct mf_text payload;
			size_t used, rest = n;

			for (size_t i = 0; i < len; i++, rest /= base)
				text[i] = octets[rest % base];
			for (size_t cut = 1; cut <= len; cut++) {
				now = netstring_read(mf_text_at(text, cut), MAX,
				    &payload, &used);
				if (before != NETSTRING_MORE)
					assert_int_equal(now, before);
				before = now;
			}
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	    cmocka_unit_test(every_split_waits),
	    cmocka_unit_test(verdicts_are_final),
	};

	return cmocka_run_group_tests_name("netstring", tests, NULL, NULL);
}

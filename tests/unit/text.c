/* SPDX-License-Identifier: ISC */
/* common/text.h: views, cuts, numbers, case folding and the bounded writer. */
#include "tests/unit/support.h"

/* --- the writer --- */

static void
writer_overflow_is_sticky(void **state)
{
	char room[8];
	struct text_out out = text_out(room, 5);

	(void)state;
	memset(room, '#', sizeof(room));
	out_text(&out, MF_TEXT("abc"));
	assert_false(out.full);
	out_text(&out, MF_TEXT("def"));
	assert_true(out.full);
	assert_int_equal(out.len, 3);
	/* There would be room for these, but what came before is missing. */
	out_char(&out, 'x');
	out_text(&out, MF_TEXT("y"));
	out_text(&out, MF_TEXT(""));
	out_str(&out, "z");
	out_uint(&out, 1);
	assert_true(out.full);
	assert_int_equal(out.len, 3);
	assert_memory_equal(room, "abc#####", 8);
	expect_text("sticky", "view", out_view(&out), MF_TEXT("abc"));
}

static void
writer_fills_to_the_last_octet(void **state)
{
	char room[4] = "####";
	struct text_out out = text_out(room, 3);

	(void)state;
	out_char(&out, 'a');
	out_text(&out, MF_TEXT("bc"));
	assert_false(out.full);
	out_text(&out, MF_TEXT(""));
	assert_false(out.full);
	out_char(&out, 'd');
	assert_true(out.full);
	assert_memory_equal(room, "abc#", 4);
}

static void
writer_without_room(void **state)
{
	struct text_out out = text_out(NULL, 0);

	(void)state;
	out_text(&out, MF_TEXT(""));
	out_str(&out, NULL);
	assert_false(out.full);
	out_char(&out, 'a');
	assert_true(out.full);
	assert_int_equal(out.len, 0);
}

static void
writer_numbers(void **state)
{
	static const uint64_t numbers[] = {
	    0, 1, 9, 10, 99, 100, 4294967296, UINT64_MAX - 1, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		char want[24], room[24];
		int len = snprintf(
		    want, sizeof(want), "%llu", (unsigned long long)numbers[i]);
		struct text_out out = text_out(room, (size_t)len);
		struct text_out small = text_out(room, (size_t)len - 1);

		out_uint(&out, numbers[i]);
		assert_false(out.full);
		expect_text(want, "number", out_view(&out), mf_text_of(want));
		/* A number is written whole or not at all. */
		out_uint(&small, numbers[i]);
		assert_true(small.full);
		assert_int_equal(small.len, 0);
	}
}

/* --- numbers --- */

static void
uint_reads_digits_only(void **state)
{
	static const struct {
		const char *input;
		uint64_t max;
		bool ok;
		uint64_t expect;
	} rows[] = {
	    {"0", 0, true, 0}, {"1", 0, false, 0}, {"007", 10, true, 7},
	    {"255", 255, true, 255}, {"256", 255, false, 0},
	    {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
	    {"18446744073709551616", UINT64_MAX, false, 0},
	    {"18446744073709551620", UINT64_MAX, false, 0},
	    {"28446744073709551615", UINT64_MAX, false, 0},
	    {"184467440737095516150", UINT64_MAX, false, 0},
	    {"99999999999999999999999999", UINT64_MAX, false, 0},
	    {"00000000000000000000000001", UINT64_MAX, true, 1},
	    {"", 9, false, 0}, {" 1", 9, false, 0}, {"1 ", 9, false, 0},
	    {"+1", 9, false, 0}, {"-1", UINT64_MAX, false, 0},
	    {"0x1", 9, false, 0}, {"1.0", 99, false, 0}, {"1e1", 99, false, 0},
	    {":", 99, false, 0}, {"/", 99, false, 0},
	    {"\xb2", 99, false, 0}, /* superscript two, in Latin-1 */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		uint64_t n = 4711;
		bool ok = text_uint(mf_text_of(rows[i].input), rows[i].max, &n);

		expect_int(rows[i].input, "ok", ok, rows[i].ok);
		if (n != (rows[i].ok ? rows[i].expect : 4711))
			fail_msg("\"%s\" gave %llu", rows[i].input,
			    (unsigned long long)n);
	}
}

/* --- case --- */

static char
reference_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static void
case_of_every_octet(void **state)
{
	(void)state;
	for (int i = 0; i < 256; i++) {
		char c = (char)i;
		char upper = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;

		assert_int_equal(ascii_lower(c), reference_lower(c));
		assert_int_equal(ascii_upper(c), upper);
		assert_int_equal(ascii_is_digit(c), i >= '0' && i <= '9');
		assert_int_equal(ascii_is_blank(c), i == ' ' || i == '\t');
		assert_int_equal(ascii_is_control(c), i < 32 || i == 127);
	}
}

/* Every octet at each of the eight places, among neighbours that carry. */
static void
case_eight_at_once(void **state)
{
	static const unsigned char others[] = {
	    0, 0x40, 'A', 'Z', 0x5b, 0x7f, 0x80, 0xc1, 0xff};

	(void)state;
	for (size_t o = 0; o < COUNT(others); o++) {
		for (int i = 0; i < 256 * 8; i++) {
			char have[8], want[8];

			memset(have, others[o], 8);
			have[i % 8] = (char)(i / 8);
			for (int k = 0; k < 8; k++)
				want[k] = reference_lower(have[k]);
			ascii_lower_8(have);
			assert_memory_equal(have, want, 8);
		}
	}
}

static void
case_all_lengths_and_alignments(void **state)
{
	uint64_t seed = 1;

	(void)state;
	for (size_t len = 0; len <= 70; len++) {
		for (size_t at = 0; at < 16; at++) {
			char have[96], want[96];

			for (size_t i = 0; i < sizeof(have); i++)
				have[i] = (char)random_next(&seed);
			memcpy(want, have, sizeof(want));
			for (size_t i = at; i < at + len; i++)
				want[i] = reference_lower(want[i]);
			/* The octets around it stay as they are. */
			ascii_lower_all(have + at, len);
			assert_memory_equal(have, want, sizeof(want));
		}
	}
}

/* --- what octets are --- */

static void
kinds_at_every_place(void **state)
{
	(void)state;
	for (size_t len = 1; len <= 20; len++) {
		for (size_t at = 0; at < len; at++) {
			for (int c = 0; c < 256; c++) {
				char room[20];
				struct mf_text t = {room, len};

				memset(room, c % 2 ? ' ' : '~', len);
				room[at] = (char)c;
				assert_int_equal(
				    text_is_printable(t), c >= ' ' && c <= '~');
				assert_int_equal(
				    text_has_control(t), c < ' ' || c == 0x7f);
				assert_int_equal(text_count(t, (char)c),
				    c == (c % 2 ? ' ' : '~') ? len : 1);
			}
		}
	}
	assert_true(text_is_printable(MF_TEXT("")));
	assert_false(text_has_control(MF_TEXT("")));
	assert_int_equal(text_count(MF_TEXT(""), 'a'), 0);
}

/* Two octets that are none of the printable ones, at any two places. */
static void
kinds_of_two(void **state)
{
	static const unsigned char odd[] = {0, 0x1f, 0x7f, 0x80, 0xff};

	(void)state;
	for (size_t a = 0; a < 17; a++) {
		for (size_t b = 0; b < 17; b++) {
			for (size_t i = 0; i < 25; i++) {
				char room[17];
				struct mf_text t = {room, sizeof(room)};

				memset(room, 'a', sizeof(room));
				room[a] = (char)odd[i / 5];
				room[b] = (char)odd[i % 5];
				assert_false(text_is_printable(t));
			}
		}
	}
}

/* RFC 3629, 4: the table of well-formed sequences. */
static size_t
reference_utf8(const unsigned char *p, size_t len)
{
	unsigned low = 0x80, high = 0xbf;
	size_t need = 0;

	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		need = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		need = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		need = 4;
	if (need == 0 || need > len)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < need; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return need;
}

static void
utf8_characters(void **state)
{
	static const unsigned char later[] = {
	    0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9b, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};

	(void)state;
	for (unsigned n = 0; n < 256 * 11 * 11 * 11; n++) {
		unsigned char p[4] = {(unsigned char)(n / 1331),
		    later[n / 121 % 11], later[n / 11 % 11], later[n % 11]};

		for (size_t len = 1; len <= 4; len++)
			if (text_utf8_len(mf_text_at((const char *)p, len)) !=
			    reference_utf8(p, len))
				fail_msg("%02x %02x %02x %02x, %zu octets",
				    p[0], p[1], p[2], p[3], len);
	}
}

/* --- comparing --- */

static void
compare_rows(void **state)
{
	static const struct {
		struct mf_text a, b;
		int order; /* of a and b, case folded */
		bool equal;
	} rows[] = {
	    {BYTES(""), BYTES(""), 0, true},
	    {BYTES(""), BYTES("a"), -1, false},
	    {BYTES("abc"), BYTES("abc"), 0, true},
	    {BYTES("ABC"), BYTES("abc"), 0, false},
	    {BYTES("ab"), BYTES("abc"), -1, false},
	    {BYTES("b"), BYTES("abc"), 1, false},
	    {BYTES("[") /* between Z and a */, BYTES("A"), -1, false},
	    {BYTES("a"), BYTES("\x80"), -1, false}, /* octets, not chars */
	    {BYTES("\xc3\x84"), BYTES("\xc3\xa4"), -1, false}, /* no folding */
	    {BYTES("a\0b"), BYTES("a\0c"), -1, false},
	    {BYTES("a\0B"), BYTES("A\0b"), 0, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mf_text a = rows[i].a, b = rows[i].b;

		assert_int_equal(text_cmp_fold(a, b), rows[i].order);
		assert_int_equal(text_cmp_fold(b, a), -rows[i].order);
		assert_int_equal(text_eq_fold(a, b), rows[i].order == 0);
		assert_int_equal(mf_text_eq(a, b), rows[i].equal);
	}
	assert_true(mf_text_eq((struct mf_text){NULL, 0}, MF_TEXT("")));
	assert_true(text_eq_fold((struct mf_text){NULL, 0}, MF_TEXT("")));
}

static void
beginnings_and_ends(void **state)
{
	static const struct {
		const char *text, *part;
		bool starts, starts_fold, ends_fold;
	} rows[] = {
	    {"example.com", "", true, true, true},
	    {"example.com", "exam", true, true, false},
	    {"example.com", "EXAM", false, true, false},
	    {"example.com", ".COM", false, false, true},
	    {"com", "example.com", false, false, false},
	    {"example.com", "example.com", true, true, true},
	    {"", "a", false, false, false},
	    {"", "", true, true, true},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mf_text t = mf_text_of(rows[i].text);
		struct mf_text part = mf_text_of(rows[i].part);

		assert_int_equal(text_starts(t, part), rows[i].starts);
		assert_int_equal(
		    text_starts_fold(t, part), rows[i].starts_fold);
		assert_int_equal(text_ends_fold(t, part), rows[i].ends_fold);
	}
}

/* --- cutting --- */

static void
find_first_and_last(void **state)
{
	static const struct {
		struct mf_text text;
		char c;
		size_t first, last;
	} rows[] = {
	    {BYTES(""), '@', 0, 0},
	    {BYTES("abc"), '@', 3, 3},
	    {BYTES("@"), '@', 0, 0},
	    {BYTES("a@b@c"), '@', 1, 3},
	    {BYTES("@abc"), '@', 0, 0},
	    {BYTES("abc@"), '@', 3, 3},
	    {BYTES("a\0b\0c"), '\0', 1, 3},
	    {BYTES("a\x9b"), '\x9b', 1, 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(
		    text_find(rows[i].text, rows[i].c), rows[i].first);
		assert_int_equal(
		    text_rfind(rows[i].text, rows[i].c), rows[i].last);
	}
}

static void
cut_at_the_first(void **state)
{
	struct mf_text t = MF_TEXT("a=b=c"), head = MF_TEXT("?");

	(void)state;
	assert_true(text_cut(&t, '=', &head));
	expect_text("first", "head", head, MF_TEXT("a"));
	expect_text("first", "rest", t, MF_TEXT("b=c"));
	assert_true(text_cut(&t, '=', &head));
	expect_text("second", "head", head, MF_TEXT("b"));
	expect_text("second", "rest", t, MF_TEXT("c"));
	assert_false(text_cut(&t, '=', &head));
	expect_text("none", "head", head, MF_TEXT("b"));
	expect_text("none", "rest", t, MF_TEXT("c"));
	t = MF_TEXT("=");
	assert_true(text_cut(&t, '=', &head));
	assert_int_equal(head.len, 0);
	assert_int_equal(t.len, 0);
	assert_false(text_cut(&t, '=', &head));
}

static void
parts_never_pass_the_end(void **state)
{
	struct mf_text t = MF_TEXT("abc");

	(void)state;
	for (size_t n = 0; n < 6; n++) {
		size_t in = n < 3 ? n : 3;

		assert_int_equal(text_head(t, n).len, in);
		assert_ptr_equal(text_head(t, n).p, t.p);
		assert_int_equal(text_from(t, n).len, 3 - in);
		if (n < 3)
			assert_ptr_equal(text_from(t, n).p, t.p + n);
	}
	assert_int_equal(text_from(t, SIZE_MAX).len, 0);
	assert_int_equal(text_head(t, SIZE_MAX).len, 3);
	assert_int_equal(mf_text_of(NULL).len, 0);
}

static void
trim_blanks_and_line_ends(void **state)
{
	static const struct {
		struct mf_text input;
		const char *expect;
	} rows[] = {
	    {BYTES(""), ""}, {BYTES(" \t\r\n"), ""}, {BYTES("a"), "a"},
	    {BYTES("  a b\t\r\n"), "a b"}, {BYTES("\r\n a"), "a"},
	    {BYTES("\va\f"), "\va\f"},   /* only what is said */
	    {BYTES("\xa0 a"), "\xa0 a"}, /* no-break space, Latin-1 */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_text(rows[i].expect, "trimmed", text_trim(rows[i].input),
		    mf_text_of(rows[i].expect));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writer_overflow_is_sticky),
	    cmocka_unit_test(writer_fills_to_the_last_octet),
	    cmocka_unit_test(writer_without_room),
	    cmocka_unit_test(writer_numbers),
	    cmocka_unit_test(uint_reads_digits_only),
	    cmocka_unit_test(case_of_every_octet),
	    cmocka_unit_test(case_eight_at_once),
	    cmocka_unit_test(case_all_lengths_and_alignments),
	    cmocka_unit_test(kinds_at_every_place),
	    cmocka_unit_test(kinds_of_two),
	    cmocka_unit_test(utf8_characters),
	    cmocka_unit_test(compare_rows),
	    cmocka_unit_test(beginnings_and_ends),
	    cmocka_unit_test(find_first_and_last),
	    cmocka_unit_test(cut_at_the_first),
	    cmocka_unit_test(parts_never_pass_the_end),
	    cmocka_unit_test(trim_blanks_and_line_ends),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * spfmilter/authres.h: whose Authentication-Results are they?
 *
 * Sources: the grammar and examples of RFC 8601 2.2 and appendix B, RFC 2045
 * 5.1, RFC 5322 3.2.2; for what is malformed, readers that split at the first
 * ";", trim, or take comments and quotes out one by one.
 */
#include "tests/unit/support.h"

#include "spfmilter/authres.h"

#define ID   "mx.example"
#define NBSP "\xc2\xa0"

static const struct {
	const char *name;
	struct mf_text value;
	bool ours; /* with ID */
} rows[] = {
    {"plain", BYTES("mx.example; spf=pass smtp.mailfrom=a@b"), true},
    {"as libmilter has it", BYTES(" mx.example; spf=pass"), true},
    {"B.2: none", BYTES("mx.example 1; none"), true},
    {"B.4: folded",
	BYTES("mx.example;\r\n\tauth=pass (cram-md5);\r\n\tspf=pass"), true},
    {"case", BYTES("MX.Example; spf=pass"), true},
    {"no blank", BYTES("mx.example;spf=pass"), true},
    {"blanks", BYTES(" \t mx.example \t ; spf=pass"), true},
    {"folded before", BYTES("\r\n\tmx.example; spf=pass"), true},
    {"folded behind", BYTES("mx.example\r\n\t; spf=pass"), true},
    {"line feeds", BYTES("\n mx.example\n ; spf=pass"), true},
    {"version 2", BYTES("mx.example 2; spf=pass"), true},
    {"comment before", BYTES("(x) mx.example; spf=pass"), true},
    {"comment behind", BYTES("mx.example (x) 1 (y) ; spf=pass"), true},
    {"comment glued", BYTES("(x)mx.example(y);spf=pass"), true},
    {"nested comment", BYTES("(a (b) c) mx.example; spf=pass"), true},
    {"quoted pair in a comment", BYTES("(a \\) \\( b) mx.example;"), true},
    {"quote in a comment", BYTES("(\") mx.example (\"); spf=pass"), true},
    {"semicolon in a comment", BYTES("(other; ) mx.example; spf=pass"), true},
    {"quoted", BYTES("\"mx.example\"; spf=pass"), true},
    {"quoted pairs", BYTES("\"m\\x\\.example\"; spf=pass"), true},
    {"quoted, blanks", BYTES("\" mx.example\t\"; spf=pass"), true},
    {"quoted, folded", BYTES("\"\r\n mx.example\"; spf=pass"), true},
    {"dot at the end", BYTES("mx.example.; spf=pass"), true},
    {"dots at the end, quoted", BYTES("\"mx.example..\"; spf=pass"), true},
    {"no results", BYTES("mx.example"), true},
    {"U+00A0 before", BYTES(NBSP "mx.example; spf=pass"), true},
    {"U+00A0 behind", BYTES("mx.example" NBSP "; spf=pass"), true},
    {"U+00A0 quoted", BYTES("\"" NBSP "mx.example" NBSP "\"; spf=pass"), true},
    {"control before", BYTES("\x01mx.example; spf=pass"), true},
    {"form feed behind", BYTES("mx.example\f; spf=pass"), true},
    {"NUL behind", BYTES("mx.example\0; spf=pass"), true},
    {"NUL within", BYTES("mx\0.example; spf=pass"), true},

    {"another", BYTES("other.example; spf=pass"), false},
    {"another with ours as a value",
	BYTES("other.example; spf=pass smtp.helo=mx.example"), false},
    {"another's second", BYTES("other.example; mx.example; spf=pass"), false},
    {"another's version", BYTES("other.example 1; mx.example"), false},
    {"another's comment", BYTES("other.example (mx.example); spf=pass"), false},
    {"comment before another", BYTES("(mx.example) other.example; x"), false},
    {"longer", BYTES("mx.example.com; spf=pass"), false},
    {"longer before", BYTES("amx.example; spf=pass"), false},
    {"subdomain", BYTES("a.mx.example; spf=pass"), false},
    {"shorter", BYTES("mx.exampl; spf=pass"), false},
    {"digit behind", BYTES("mx.example1; spf=pass"), false},
    {"hyphen behind", BYTES("mx.example-2; spf=pass"), false},
    {"UTF-8 within", BYTES("mx.ex" NBSP "ample; spf=pass"), false},
    {"homograph", BYTES("mx.ex\xd0\xb0mple; spf=pass"), false},
    {"quoted, another", BYTES("\"other; mx.example\"; spf=pass"), false},
    {"quoted, longer", BYTES("\"mx.example.com\"; spf=pass"), false},
    {"nothing", BYTES(""), false},
    {"blanks alone", BYTES(" \r\n\t"), false},
    {"comment alone", BYTES("(mx.example)"), true},
    {"semicolon alone", BYTES(";"), false},
    {"ours behind a semicolon", BYTES("; mx.example; spf=pass"), false},
    {"ARC's", BYTES("i=1; mx.example; spf=pass"), false},

    /* malformed: ours to whoever doesn't look closely */
    {"word before", BYTES("x mx.example; spf=pass"), true},
    {"word behind", BYTES("mx.example x; spf=pass"), true},
    {"version that is none", BYTES("mx.example 1x; spf=pass"), true},
    {"slash", BYTES("mx.example/1; spf=pass"), true},
    {"angle brackets", BYTES("<mx.example>; spf=pass"), true},
    {"brackets", BYTES("[mx.example]; spf=pass"), true},
    {"comma", BYTES("mx.example, spf=pass"), true},
    {"colon", BYTES("mx.example: spf=pass"), true},
    {"equals", BYTES("mx.example=x; spf=pass"), true},
    {"at sign", BYTES("@mx.example; spf=pass"), true},
    {"no semicolon", BYTES("mx.example spf=pass"), true},
    {"backslash", BYTES("m\\x.example; spf=pass"), true},
    {"backslash before", BYTES("\\mx.example; spf=pass"), true},
    {"quote not closed", BYTES("\"mx.example; spf=pass"), true},
    {"quote not opened", BYTES("mx.example\"; spf=pass"), true},
    {"quotes within", BYTES("mx\"\".example; spf=pass"), true},
    {"quoted in part", BYTES("\"mx\".example; spf=pass"), true},
    {"two quoted", BYTES("\"x\" \"mx.example\"; spf=pass"), true},
    {"quoted parenthesis", BYTES("\"(\" mx.example; spf=pass"), true},
    {"comment not closed", BYTES("(mx.example; spf=pass"), true},
    {"comment not closed before", BYTES("(x mx.example; spf=pass"), true},
    {"comment not closed behind", BYTES("mx.example (x; spf=pass"), true},
    {"comment not opened", BYTES("x) mx.example; spf=pass"), true},
    {"comment within", BYTES("mx.(x)example; spf=pass"), true},
    {"nested comment within", BYTES("mx.(x(y))example; spf=pass"), true},
    {"folded within", BYTES("mx.\r\n example; spf=pass"), true},
    {"nested, to a simple reader",
	BYTES("((x) mx.example; spf=pass) other.example; none"), true},
    {"escaped, to a simple reader",
	BYTES("(\\) mx.example; spf=pass) other.example; none"), true},
    {"to a reader who nests, but knows no escapes",
	BYTES("(a(b) \\) mx.example; spf=pass) other.example; none"), true},
    {"to a reader who knows escapes, but doesn't nest",
	BYTES("(((a \\) b) mx.example; x) y) other.example; none"), true},
    {"to a reader who knows neither",
	BYTES("((\\) mx.example; x) y) other.example; none"), true},
    {"comment that doesn't nest within", BYTES("mx.(x(y)example; spf=pass"),
	true},
    {"both, to a simple reader",
	BYTES("(\\() mx.example; spf=pass)) other.example; none"), true},
    {"malformed, another's", BYTES("x y; mx.example; spf=pass"), false},
    {"malformed, not closed", BYTES("(x; mx.example; spf=pass"), false},
    {"malformed, longer", BYTES("x mx.example.com; spf=pass"), false},
    {"malformed, a longer word", BYTES("x amx.example y; spf=pass"), false},
    {"malformed, alone", BYTES("((("), false},
};

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		expect_int(rows[i].name, "ours",
		    authres_is_of(rows[i].value, MF_TEXT(ID)), rows[i].ours);
		expect_int(rows[i].name, "ours, upper case",
		    authres_is_of(rows[i].value, MF_TEXT("MX.EXAMPLE")),
		    rows[i].ours);
		expect_int(rows[i].name, "ours, with a dot",
		    authres_is_of(rows[i].value, MF_TEXT(ID ".")),
		    rows[i].ours);
	}
}

/* What readers undo; many more, with such readers: tests/headers. */
static const struct {
	const char *value;
	bool disguised;
	bool ours; /* with ID */
} disguises[] = {
    {"mx.example; spf=pass", false, true},
    {"other.example; spf=pass reason=\"100%25\"", false, false},
    {"other.example 1 (a); =?utf-8?q?mx?=", false, false},
    {"other.example (;) =?utf-8?q?mx?=; none", true, false},
    {"other.example (%); none", true, false},
    {"\"other?\"; none", true, false},
    {"b\xc3\xbc.example; none", true, false},

    {"=?utf-8?b?bXguZXhhbXBsZQ==?=; spf=pass", true, true},
    {"=?UTF-8?B?bXguZXhhbXBsZQ?=; spf=pass", true, true},
    {"=?utf-8?b?bXgu!ZXhhbXBsZQ==?=; spf=pass", true, true},
    {"=?utf-8?q?mx=2Eexample?=; spf=pass", true, true},
    {"=?utf-8?q?mx=2eexample=3B_spf=3Dpass?=", true, true},
    {"=?utf-8*en?q?mx.example?=; spf=pass", true, true},
    {"=?iso-8859-15?q?mx.example?=; spf=pass", true, true},
    {"=?utf-8?q?mx?= =?utf-8?q?.example?=; spf=pass", true, true},
    {"=?utf-8?q?mx?=\r\n\t=?utf-8?b?LmV4YW1wbGU=?=; spf=pass", true, true},
    {"mx=?utf-8?q?.example?=; spf=pass", true, true},
    {"mx =?utf-8?q?.example?=; spf=pass", true, true},
    {"\"=?utf-8?q?mx.example?=\"; spf=pass", true, true},
    {"(=?utf-8?q?=29?= mx.example; x) other.example; none", true, true},
    {"=?utf-8?q?=3D=3Futf-8=3Fq=3Fmx.example=3F=3D?=; none", true, true},
    {"=?utf-8?q?mx%2Eexample?=; spf=pass", true, true},
    {"%3D?utf-8?q?mx.example?=; spf=pass", true, true},
    {"mx%2eexample; spf=pass", true, true},
    {"mx%252eexample; spf=pass", true, true},
    {"=?utf-7?q?mx.example?=; spf=pass", true, true},
    {"=?utf-16?b?AG0AeA==?=; spf=pass", true, true},
    {"\xef\xbd\x8dx.example; spf=pass", true, true},
    {"mx\xe3\x80\x82"
     "example; spf=pass",
	true, true},
    {"m\xe2\x80\x8bx.example; spf=pass", true, true},
    {"mx.e\xf0\x9d\x90\xb1"
     "ample; spf=pass",
	true, true},
    {"mx.example\xef\xbc\x9b spf=pass", true, true},

    {"=?utf-8?q?other=2Eexample?=; spf=pass", true, false},
    {"=?utf-8?q?mx.example.com?=; spf=pass", true, false},
    {"=?utf-8?q?mx.example; spf=pass", true, true},
    {"=?utf-8?x?mx.example?=; spf=pass", true, true},
    {"mx%2; spf=pass", true, false},
    {"mx%2eexample%2ecom; spf=pass", true, false},
    {"mx.ex\xd0\xb0mple; spf=pass", true, false},
};

static void
undoes_disguises(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(disguises); i++) {
		struct mf_text value = mf_text_of(disguises[i].value);

		expect_int(disguises[i].value, "disguised",
		    authres_is_disguised(value), disguises[i].disguised);
		expect_int(disguises[i].value, "ours",
		    authres_is_of(value, MF_TEXT(ID)), disguises[i].ours);
	}
}

static const struct {
	const char *id;
	const char *value;
	bool ours;
} ids[] = {
    {"b\xc3\xbc.example", "xn--b-eha.example; spf=pass", true},
    {"xn--b-eha.example", "b\xc3\xbc.example; spf=pass", true},
    {"xn--b-eha.example", "B\xc3\x9c.example; spf=pass", true},
    {"xn--b-eha.example", "bu\xcc\x88.example; spf=pass", true},
    {"b\xc3\xbc.example", "xn--b-ehb.example; spf=pass", false},
    {"strasse.example",
	"stra\xc3\x9f"
	"e.example; spf=pass",
	true},
    {"stra\xc3\x9f"
     "e.example",
	"strasse.example; spf=pass", true},
    {"stra\xc3\x9f"
     "e.example",
	"xn--strae-oqa.example; none", true},
    {"", "; spf=pass", false},
    {"", "mx.example; spf=pass", false},
    {"mx", "mx; spf=pass", true},
    {"mx", "mx1; spf=pass", false},
    {"mx", "mx 1; spf=pass", true},
    {"mx", "m x; spf=pass", false},
    {"mx", "MX.; spf=pass", true},
    {"mx/1:2", "mx/1:2; spf=pass", true},
    {"mx/1:2", "\"mx/1:2\"; spf=pass", true},
    {"mx/1:2", "mx/1:3; spf=pass", false},
    {"my host", "\"my host\"; spf=pass", true},
    {"my host", "my host; spf=pass", true},
    {"my host", "my other; spf=pass", false},
    {"\"mx\"", "mx; spf=pass", true},
    {"\"", "mx; spf=pass", false},
    {" ", "; spf=pass", false},
    {"b\xc3\xbc.example", "b\xc3\xbc.example; spf=pass", true},
    {"b\xc3\xbc.example", "B\xc3\xbc.example; spf=pass", true},
    {"b\xc3\xbc.example", "b.example; spf=pass", false},
    {"\xc3\xbc.example", "\xc3\xbc.example; spf=pass", true},
    {".", ".; spf=pass", true},
};

static void
other_ids(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(ids); i++)
		expect_int(ids[i].value, ids[i].id,
		    authres_is_of(
			mf_text_of(ids[i].value), mf_text_of(ids[i].id)),
		    ids[i].ours);
}

#define LONG 65536

/* Fields of 64 KB of whatever costs a reader that goes back. */
static void
long_fields(void **state)
{
	static const char *const repeated[] = {"(", ")", "((", "()", "(x) ",
	    "\"", "\\", "\\\"", "\"\\\"", "\\(", "(\\", "a ", " ", "\r\n ", "<",
	    "=", ".", "mx", "mx.exampl ", "\"x\" ", "\"(\" "};
	static char field[LONG + 64];

	(void)state;
	for (size_t i = 0; i < COUNT(repeated); i++) {
		struct text_out o = text_out(field, sizeof(field));

		while (o.len < LONG)
			out_str(&o, repeated[i]);
		out_str(&o, " /; spf=pass");
		assert_false(o.full);
		if (authres_is_of(out_view(&o), MF_TEXT(ID)))
			fail_msg("%s repeated is ours", repeated[i]);
		out_str(&o, " (");
		authres_is_of(out_view(&o), MF_TEXT(ID));
	}
	assert_false(authres_is_of(mf_text_of(NULL), MF_TEXT(ID)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	    cmocka_unit_test(undoes_disguises),
	    cmocka_unit_test(other_ids),
	    cmocka_unit_test(long_fields),
	};

	return cmocka_run_group_tests_name("authres", tests, NULL, NULL);
}

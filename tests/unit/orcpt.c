/* SPDX-License-Identifier: ISC */
/* milter/orcpt.h: the domain of the original recipient. */
#include "tests/unit/support.h"

#include "milter/orcpt.h"

static const struct {
	const char *name;
	char *parameters[3];
	const char *expect;
} rows[] = {
    {"none", {NULL}, ""},
    {"others", {"NOTIFY=NEVER", "XORCPT=rfc822;a@b.example"}, ""},
    {"plain", {"ORCPT=rfc822;bob@a.example"}, "a.example"},
    {"the second", {"NOTIFY=NEVER", "ORCPT=rfc822;b@a.example"}, "a.example"},
    {"case", {"orcpt=RFC822;bob@A.Example"}, "A.Example"},
    {"xtext", {"ORCPT=rfc822;fwd+2Btag@a.example"}, "a.example"},
    {"an encoded at", {"ORCPT=rfc822;bob+40a.example"}, "a.example"},
    {"encoded letters", {"ORCPT=rfc822;bob@+61.example"}, "a.example"},
    {"dot at the end", {"ORCPT=rfc822;bob@a.example."}, "a.example"},
    {"quoted at", {"ORCPT=rfc822;+22x@b.example+22@a.example"}, "a.example"},
    {"U-label",
	{"ORCPT=utf-8;bob@b\xc3\xbc"
	 "cher.example"},
	"xn--bcher-kva.example"},
    {"U-label in xtext", {"ORCPT=rfc822;bob@b+C3+BCcher.example"},
	"xn--bcher-kva.example"},
    {"unitext", {"ORCPT=utf-8;bob\\x{2B}x@b\\x{FC}cher.example"},
	"xn--bcher-kva.example"},
    {"unitext of three octets", {"ORCPT=utf-8;\\x{20AC}@\\x{65E5}.example"},
	"xn--wgv.example"},
    {"unitext of four octets", {"ORCPT=utf-8;\\x{1F600}@a.example"},
	"a.example"},

    {"no type", {"ORCPT=bob@a.example"}, ""},
    {"another type", {"ORCPT=x400;bob@a.example"}, ""},
    {"no domain", {"ORCPT=rfc822;bob"}, ""},
    {"empty", {"ORCPT="}, ""},
    {"no address", {"ORCPT=rfc822;"}, ""},
    {"literal", {"ORCPT=rfc822;bob@[192.0.2.1]"}, ""},
    {"torn", {"ORCPT=rfc822;bob@a.example+4"}, ""},
    {"digits in lower case", {"ORCPT=rfc822;bob@+6a.example"}, ""},
    {"NUL", {"ORCPT=rfc822;bob@a+00.example"}, ""},
    {"line feed", {"ORCPT=rfc822;bob@a.example+0A"}, ""},
    {"xtext isn't unitext", {"ORCPT=utf-8;bob+40a.example"}, ""},
    {"unitext torn", {"ORCPT=utf-8;bob@a.example\\x{41"}, ""},
    {"unitext of no digit", {"ORCPT=utf-8;bob@a.example\\x{}"}, ""},
    {"unitext beyond", {"ORCPT=utf-8;\\x{110000}@a.example"}, ""},
    {"unitext too long", {"ORCPT=utf-8;\\x{0000041}@a.example"}, ""},
    {"backslash", {"ORCPT=utf-8;a\\b@a.example"}, ""},
    {"the first counts", {"ORCPT=rfc822;bob", "ORCPT=rfc822;b@a.example"}, ""},
};

static void
table(void **state)
{
	char room[DOMAIN_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_text(rows[i].name, "domain",
		    orcpt_domain(rows[i].parameters, room),
		    mf_text_of(rows[i].expect));
}

/* RFC 3461 4.2 allows 500 characters. */
static void
length(void **state)
{
	char parameter[600] = "ORCPT=rfc822;";
	char *parameters[] = {parameter, NULL};
	char room[DOMAIN_MAX];
	size_t begin = strlen("ORCPT="), at = strlen(parameter);
	static const char end[] = "@a.example";

	(void)state;
	for (size_t len = 499; len <= 501; len++) {
		size_t local = begin + len - at - strlen(end);

		memset(parameter + at, 'x', local);
		memcpy(parameter + at + local, end, sizeof(end));
		assert_int_equal(strlen(parameter + begin), len);
		expect_int("long", "found",
		    orcpt_domain(parameters, room).len != 0, len <= 500);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	    cmocka_unit_test(length),
	};

	return cmocka_run_group_tests_name("orcpt", tests, NULL, NULL);
}

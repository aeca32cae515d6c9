/* SPDX-License-Identifier: ISC */
/*
 * common/configured.h: which files say something for a daemon.
 */
#include "tests/unit/support.h"

#include "common/configured.h"
#include "rewrite/legacy.h"

static const struct {
	const char *name, *section, *text;
	bool expect;
} cases[] = {
    {"a sample", "srs", "[srs]\n#fwdomain = srs.example.com\n", false},
    {"a package's sample", "srs", "[srs]\nsecret_file = /s\n[srsd]\n", false},
    {"a key", "srs", "[srs]\nsecret_file = /s\nfwdomain = a.test\n", true},
    {"an unknown key", "srs", "[srs]\nfwdomian = a.test\n", true},
    {"another section", "srsmilter", "[srs]\nfwdomain = a.test\n", false},
    {"its section", "srsmilter", "[srsmilter]\nrewrite = all\n", true},
    {"a file in which nothing parses", "srs", "fwdomain a.test\n", true},
    {"a legacy file", "srs", "[srs]\nsecret = a secret of pysrs's\n", true},
    {"an empty file", "srs", "", false},
};

static void
look_for_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct daemon_program program = {
		    .section = cases[i].section, .is_legacy = legacy_detect};
		const struct daemon_options options = {
		    .path =
			scratch_write("conf", mf_text_of(cases[i].text), 0644),
		    .format = SOURCE_DETECT};

		if (configured_look(&program, &options) != cases[i].expect)
			fail_msg("%s: not %d", cases[i].name, cases[i].expect);
	}
}

static void
look_at_no_file(void **state)
{
	const struct daemon_program program = {
	    .section = "srs", .is_legacy = legacy_detect};
	const struct daemon_options none = {
	    .path = scratch("none"), .format = SOURCE_DETECT};
	const struct daemon_options directory = {
	    .path = scratch_dir, .format = SOURCE_DETECT};

	(void)state;
	assert_false(configured_look(&program, &none));
	/* What can't be read is for the daemon to report. */
	assert_true(configured_look(&program, &directory));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(look_for_keys),
	    cmocka_unit_test(look_at_no_file),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}

/* SPDX-License-Identifier: ISC */
/*
 * A configuration of srsmilter, made from lines, as the daemon makes it.
 *
 * Lines are those of [srs]; behind "@" in a line of its own those of
 * [srsmilter].  The secret is SECRET.
 */
#ifndef MAILFROM_TESTS_UNIT_SRSMILTERS_H
#define MAILFROM_TESTS_UNIT_SRSMILTERS_H

#include "srsmilter/config.h"
#include "tests/unit/support.h"

#define SECRET "a secret of the unit tests"

static inline struct config *
config_from(const char *lines, struct report *report)
{
	static const char secret[] = "[srs]\nsecret_file=DIR/secret\n";
	char text[4096], input[4096];
	struct text_out out = text_out(input, sizeof(input) - 1);

	scratch_write("secret", MF_TEXT(SECRET "\n"), 0640);
	replace(lines, "\n@\n", "\n[srsmilter]\n", text, sizeof(text));
	out_str(&out, secret);
	out_str(&out, text);
	assert_false(out.full);
	input[out.len] = '\0';
	replace(input, "DIR", scratch_dir, text, sizeof(text));
	return config_load(
	    scratch_write("mailfrom.conf", mf_text_of(text), 0600), SOURCE_OURS,
	    report);
}

/* The same where nothing is to be said. */
static inline struct config *
config_well(const char *lines)
{
	struct heard heard;
	struct report report = report_to(&heard);
	struct config *c = config_from(lines, &report);

	expect_str(lines, "said", heard.text, "");
	assert_non_null(c);
	return c;
}

#endif

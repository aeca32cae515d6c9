/* SPDX-License-Identifier: ISC */
/*
 * A rewriter made from lines of [srs], as the daemons make it.
 *
 * Its secret is SECRET unless the lines name a secret_file.
 */
#ifndef MAILFROM_TESTS_UNIT_REWRITERS_H
#define MAILFROM_TESTS_UNIT_REWRITERS_H

#include "rewrite/rewriter.h"
#include "tests/unit/support.h"

#define SECRET "a secret of the unit tests"

struct made {
	struct rewrite_settings settings;
	struct conf *conf;
	struct rewriter *rewriter;
};

static inline bool
make(struct made *m, const char *lines, struct report *report)
{
	struct conf_section section = rewrite_section(&m->settings);
	char text[4096], input[4096];
	struct ini ini;
	bool ok;

	*m = (struct made){.conf = NULL};
	scratch_write("secret", MF_TEXT(SECRET "\n"), 0640);
	snprintf(text, sizeof(text), "[srs]\n%s\n%s", lines,
	    strstr(lines, "secret_file") != NULL ? ""
						 : "secret_file=DIR/secret\n");
	replace(text, "DIR", scratch_dir, input, sizeof(input));
	ok = ini_parse(&ini, "t.conf", mf_text_of(input), INI_OURS, report) &&
	    conf_load(&m->conf, &ini, &section, 1, report) &&
	    rewriter_new(
		&m->settings, m->conf, "t.conf", NULL, &m->rewriter, report);
	ini_free(&ini);
	return ok;
}

static inline void
unmake(struct made *m)
{
	rewriter_free(m->rewriter);
	conf_free(m->conf);
}

/* The same where nothing is to be said. */
static inline void
make_well(struct made *m, const char *lines)
{
	struct heard heard;
	struct report report = report_to(&heard);
	bool ok = make(m, lines, &report);

	expect_str(lines, "said", heard.text, "");
	assert_true(ok);
}

#endif

/* SPDX-License-Identifier: ISC */
/*
 * A configuration of srsmilter, made from lines, as the daemon makes it.
 *
 * Lines are those of [srs]; behind "@" in a line of its own those of
 * [srsmilter].  The secret is SECRET.
 */
#ifndef MAILFROM_TESTS_UNIT_SRSMILTERS_H
#define MAILFROM_TESTS_UNIT_SRSMILTERS_H

#include "srsmilter/session.h"
#include "tests/unit/support.h"

#define SECRET "a secret of the unit tests"

static inline struct srsmilter_config *
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
	return (struct srsmilter_config *)srsmilter_config_load(
	    scratch_write("mailfrom.conf", mf_text_of(text), 0600), SOURCE_OURS,
	    report);
}

static inline void
config_release(struct srsmilter_config *c)
{
	milter_config_release((struct milter_config *)c);
}

/* The same where nothing is to be said. */
static inline struct srsmilter_config *
config_well(const char *lines)
{
	struct heard heard;
	struct report report = report_to(&heard);
	struct srsmilter_config *c = config_from(lines, &report);

	expect_str(lines, "said", heard.text, "");
	assert_non_null(c);
	return c;
}

/* MAIL as the MTA tells of it, and RCPT. */
static inline struct reply
mail_with(struct session *s, struct mf_text path,
    const struct path_macros *macros, struct mf_text user,
    struct mf_text mailer)
{
	return session_mail(s,
	    &(struct mail_args){.path = path,
		.macros = *macros,
		.user = user,
		.mail_mailer = mailer});
}

static inline struct reply
rcpt_with(struct session *s, struct mf_text path, char *const *parameters,
    struct mf_text mailer)
{
	return srsmilter_rcpt(s,
	    &(struct rcpt_args){
		.path = path, .parameters = parameters, .rcpt_mailer = mailer});
}

#endif

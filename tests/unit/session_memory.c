/* SPDX-License-Identifier: ISC */
/*
 * Lack of memory in a session of srsmilter: the n-th allocation fails, for
 * every n.  The envelope is then left as it is or the message refused for now,
 * as on_error says; never is half of it changed, and nothing leaks.
 */
#include "tests/unit/shortage.h"
#include "tests/unit/srsmilters.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <time.h>

#include "common/log.h"
#include "srsmilter/milter.h"
#include "srsmilter/session.h"

/* --- what is tried --- */

#define BOUNCES 6 /* the list of them grows on the way */
#define RCPTS   (BOUNCES + 2)

/* The recipients: bounces, one that is refused, one that isn't ours. */
static char recipients[RCPTS][SRS_ADDR_SIZE + 2];
static char notify[] = "NOTIFY=NEVER";
static char *parameters[] = {notify, NULL};

static void
prepare(const struct srsmilter_config *c)
{
	for (int i = 0; i < BOUNCES; i++) {
		struct srs_addr out;
		char sender[64];

		snprintf(sender, sizeof(sender), "u%d@example.net", i);
		assert_int_equal(
		    srs_encode(c->rewriter->srs, mf_text_of(sender),
			MF_TEXT("srs.example.com"), (uint64_t)time(NULL), &out),
		    SRS_OK);
		snprintf(
		    recipients[i], sizeof(recipients[i]), "<%s>", out.text);
	}
	snprintf(recipients[BOUNCES], sizeof(recipients[0]),
	    "<SRS0=AAAAAA=AA=x.example=y@srs.example.com>");
	snprintf(recipients[BOUNCES + 1], sizeof(recipients[0]),
	    "<ann@far.example>");
}

/* What a whole session came to. */
struct course {
	bool began;
	bool tempfailed; /* at a step */
	struct reply end;
	bool has_sender;
	size_t count;
};

static struct course
deliver(struct milter_service *service, const char *sender)
{
	struct course course = {.began = false};
	struct session *s = session_new(&srsmilter_filter, service);
	struct sockaddr_in client = {
	    .sin_family = AF_INET, .sin_port = htons(4711)};
	struct changes changes;

	client.sin_addr.s_addr = htonl(0xc0000201);
	if (s == NULL)
		return course;
	course.began = true;
	session_connect(
	    s, MF_TEXT("mx.example.net"), (const struct sockaddr *)&client);
	course.tempfailed = mail_with(s, mf_text_of(sender),
				&(struct path_macros){.f = {NULL, 0}},
				MF_TEXT(""), MF_TEXT("esmtp"))
				.step == STEP_TEMPFAIL;
	for (size_t i = 0; i < RCPTS; i++)
		if (rcpt_with(s, mf_text_of(recipients[i]), parameters,
			MF_TEXT("esmtp"))
			.step == STEP_TEMPFAIL)
			course.tempfailed = true;
	course.end = srsmilter_eom((struct srsmilter_session *)s, &changes);
	course.has_sender = changes.sender != NULL;
	course.count = changes.count;
	for (size_t i = 0; i < changes.count; i++) {
		assert_string_equal(changes.recipients[i].given, recipients[i]);
		assert_string_equal(
		    changes.recipients[i].parameters, "NOTIFY=NEVER");
		assert_non_null(changes.recipients[i].address);
	}
	session_free(s);
	return course;
}

static bool
is_complete(const struct course *c, bool has_sender)
{
	return c->began && c->end.step == STEP_CONTINUE && !c->tempfailed &&
	    c->count == BOUNCES && c->has_sender == has_sender;
}

/* All or nothing, and as on_error says. */
static void
expect_all_or_nothing(
    const struct course *c, bool has_sender, enum on_error on_error)
{
	if (!c->began || is_complete(c, has_sender))
		return;
	assert_int_equal(c->count, 0);
	assert_false(c->has_sender);
	assert_int_equal(c->tempfailed, on_error == ON_ERROR_TEMPFAIL);
	assert_int_equal(c->end.step,
	    on_error == ON_ERROR_TEMPFAIL ? STEP_TEMPFAIL : STEP_CONTINUE);
}

static void
fail_each(const char *lines, const char *sender, bool has_sender,
    enum on_error on_error)
{
	struct heard heard;
	struct report report = report_to(&heard);
	struct srsmilter_config *config = config_well(lines);
	struct milter_service *service = srsmilter_new(&config->base, &report);
	long incomplete = 0;
	struct course course;

	prepare(config);
	for (long n = 1;; n++) {
		shortage_begin(n);
		course = deliver(service, sender);
		shortage_end();
		assert_int_equal(held, 0);
		if (allocations < n)
			break;
		incomplete += !is_complete(&course, has_sender);
		expect_all_or_nothing(&course, has_sender, on_error);
	}
	/* Then none fails. */
	assert_true(is_complete(&course, has_sender));
	assert_true(incomplete > 20);
	srsmilter_free(service);
}

#define LINES                                                         \
	"fwdomain=srs.example.com\nses=ses.example\n@\nrewrite=all\n" \
	"reverse=all\n"

static void
bounces(void **state)
{
	(void)state;
	fail_each(LINES, "<>", false, ON_ERROR_TEMPFAIL);
	fail_each(LINES "on_error=accept\n", "<>", false, ON_ERROR_ACCEPT);
}

static void
other_mail(void **state)
{
	(void)state;
	fail_each(LINES, "<carol@ses.example>", true, ON_ERROR_TEMPFAIL);
	fail_each(LINES "on_error=accept\n", "<carol@ses.example>", true,
	    ON_ERROR_ACCEPT);
}

/* The next message on a connection is another one. */
static void
next_message(void **state)
{
	struct heard heard;
	struct report report = report_to(&heard);
	struct srsmilter_config *config = config_well(LINES);
	struct milter_service *service = srsmilter_new(&config->base, &report);
	struct session *s = session_new(&srsmilter_filter, service);
	struct changes changes;

	(void)state;
	prepare(config);
	shortage_begin(1);
	assert_int_equal(
	    mail_with(s, MF_TEXT("<>"), &(struct path_macros){.f = {NULL, 0}},
		MF_TEXT(""), MF_TEXT(""))
		.step,
	    STEP_TEMPFAIL);
	shortage_end();
	for (int i = 0; i < 2; i++) {
		bool fails = i == 0;

		assert_int_equal(rcpt_with(s, mf_text_of(recipients[0]),
				     parameters, MF_TEXT(""))
				     .step,
		    fails ? STEP_TEMPFAIL : STEP_CONTINUE);
		assert_int_equal(
		    srsmilter_eom((struct srsmilter_session *)s, &changes).step,
		    fails ? STEP_TEMPFAIL : STEP_CONTINUE);
		assert_int_equal(changes.count, fails ? 0 : 1);
		session_end_message(s);
		mail_with(s, MF_TEXT("<>"),
		    &(struct path_macros){.f = {NULL, 0}}, MF_TEXT(""),
		    MF_TEXT(""));
	}
	session_free(s);
	srsmilter_free(service);
}

/* Nobody else verifies an RRS address: it isn't let through unseen. */
static void
rrs_addresses(void **state)
{
	struct heard heard;
	struct report report = report_to(&heard);
	struct srsmilter_config *config =
	    config_well("fwdomain=srs.example.com\nrrs_domains=here.example\n"
			"rrs_secret_file=DIR/secret\n@\nrewrite=none\n"
			"on_error=accept\n");
	struct milter_service *service = srsmilter_new(&config->base, &report);
	struct session *s = session_new(&srsmilter_filter, service);

	(void)state;
	shortage_begin(1);
	mail_with(s, MF_TEXT("<>"), &(struct path_macros){.f = {NULL, 0}},
	    MF_TEXT(""), MF_TEXT(""));
	shortage_end();
	assert_int_equal(
	    rcpt_with(s, MF_TEXT("<ann@here.example>"), parameters, MF_TEXT(""))
		.step,
	    STEP_CONTINUE);
	assert_int_equal(
	    rcpt_with(s, MF_TEXT("<rrs=x=y.example=z@here.example>"),
		parameters, MF_TEXT(""))
		.step,
	    STEP_TEMPFAIL);
	session_free(s);
	srsmilter_free(service);
}

/* A reload leaves nothing behind, once the last session has ended. */
static void
reloads(void **state)
{
	struct heard heard;
	struct report report = report_to(&heard);
	struct milter_service *service;
	struct session *s;

	(void)state;
	shortage_begin(0);
	service = srsmilter_new(&config_well(LINES)->base, &report);
	for (int i = 0; i < 3; i++) {
		s = session_new(&srsmilter_filter, service);
		assert_true(srsmilter_reload(
		    service, &config_well(LINES)->base, true, &report));
		session_free(s);
	}
	srsmilter_free(service);
	shortage_end();
	assert_int_equal(held, 0);
}

/* Each part of a service, too. */
static void
services(void **state)
{
	struct milter_service *service = NULL;
	long n;

	(void)state;
	for (n = 1; service == NULL; n++) {
		struct heard heard;
		struct report report = report_to(&heard);
		struct srsmilter_config *config = config_well(LINES);

		shortage_begin(n);
		service = srsmilter_new(&config->base, &report);
		shortage_end();
		if (service == NULL)
			assert_non_null(strstr(heard.text, "cannot start: "));
	}
	assert_true(n > 4);
	srsmilter_free(service);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bounces),
	    cmocka_unit_test(other_mail),
	    cmocka_unit_test(next_message),
	    cmocka_unit_test(rrs_addresses),
	    cmocka_unit_test(reloads),
	    cmocka_unit_test(services),
	};
	/* Each failure is said; here that is too much to read. */
	const struct log_options quiet = {.program = "session_memory",
	    .to = LOG_TO_STDERR,
	    .level = LEVEL_ERROR};

	log_open(&quiet);
	assert_non_null(freopen("/dev/null", "w", stderr));
	return cmocka_run_group_tests_name(
	    "session_memory", tests, scratch_setup, scratch_teardown);
}

/* SPDX-License-Identifier: ISC */
/*
 * Lack of memory in the midst of SMTP: the n-th allocation of a session fails,
 * for every n.  Each time the answers are those of a session that lacks
 * nothing, or the message is refused for now: never for good, and never
 * accepted because something wasn't known.
 */
#include "tests/unit/sessions.h"
#include "tests/unit/shortage.h"

#include "spfmilter/policyd_message.h"

/* --- sessions --- */

#define AR      "H Authentication-Results mx.example.net; none\n"
#define NINE_AR AR AR AR AR AR AR AR AR AR

static const struct {
	const char *name, *config, *access, *script, *expect;
} rows[] = {
    {"accepted", "received_spf = both\nx_hello_spf = yes", "",
	"c 192.0.2.1 mx.pass.example\nh pass.example\nm <a@pass.example>\n"
	"r <b@x>\n" NINE_AR "N\n.",
	" ok ok ok ok -1 -2 -3 -4 -5 -6 -7 -8 -9 +Received-SPF:pass "
	"+Received-SPF:pass +Authentication-Results:mx.example.net "
	"+X-Hello-SPF:pass"},
    {"refused", "", "",
	"c 192.0.2.1\nh pass.example\nm <a@fail.example>\nr <b@x>",
	" ok 550/5.7.23"},
    {"refused at MAIL", "reject_at = mail", "",
	"c 192.0.2.1\nh pass.example\nm <a@fail.example>", " 550/5.7.23"},
    {"refused for the HELO name", "", "",
	"c 192.0.2.1\nh fail.example\nm <a@neutral.example>\nr <b@x>",
	" ok 550/5.7.23"},
    {"refused by an entry", "", "spf-neutral:neutral.example REJECT\n",
	"c 192.0.2.1\nh pass.example\nm <a@neutral.example>\nr <b@x>",
	" ok 550/5.7.1"},
    {"a client exempt by name", "exempt_clients = mx.friend.example", "",
	"c 198.51.100.1 mx.friend.example\nh neutral.example\n"
	"m <a@fail.example>\nr <b@x>",
	" ok ok"},
    {"a trusted forwarder", "", "",
	"c 192.0.2.77\nh neutral.example\nm <a@fail.example>\nr <b@x>",
	" ok ok"},
    {"authenticated", "", "smtp-auth:fail.example REJECT\n",
	"c 192.0.2.1\nh pass.example\nm <a@fail.example> - bob\nr <b@x>",
	" ok 550/5.7.1"},
    {"discarded", "", "spf-fail: DISCARD\n",
	"c 192.0.2.1\nh pass.example\nm <a@fail.example>\nr <b@x>\n.",
	" ok ok discarded"},
    {"behind a relay",
	"trusted_relay = 192.0.2.9\ntrusted_relay_check = reject", "",
	"c 192.0.2.9\nh relay.example\nm <a@fail.example>\nr <b@x>\n"
	"H Received from x ([198.51.100.1]) by y; today\nN",
	" ok ok 550/5.7.23"},
    {"signed, with something else for a key", "dkim = verify",
	"spf-fail:\tUNLESS-DKIM REJECT\n",
	"c 192.0.2.1\nh pass.example\nm <a@fail.example>\nr <b@x>\n"
	"H From a@fail.example\n"
	"H DKIM-Signature v=1; a=ed25519-sha256; d=fail.example; s=s; h=from; "
	"b=AAAA; bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=\nN\nB text\n.",
	" ok ok ok ok 550/5.7.23"},
    {"unsigned", "dkim = verify", "spf-fail:\tUNLESS-DKIM REJECT\n",
	"c 192.0.2.1\nh pass.example\nm <a@fail.example>\nr <b@x>\n"
	"H From a@fail.example\nN\nB text\n.",
	" ok ok ok ok 550/5.7.23"},
    {"verified, and passed by SPF", "dkim = verify", "",
	"c 192.0.2.1\nh pass.example\nm <a@pass.example>\nr <b@x>\n"
	"H From a@pass.example\nN\nB text\n.",
	" ok ok ok ok ok +Received-SPF:pass "
	"+Authentication-Results:mx.example.net"},
    {"mode = report", "mode = report", "",
	"c 198.51.100.1\nh neutral.example\nm <a@fail.example>\nr <b@x>\n.",
	" ok ok ok +Received-SPF:fail "
	"+Authentication-Results:mx.example.net +X-SPF-Policy:would"},
};

/* What is logged of each failure is of no interest; returns stderr. */
static int
silence(void)
{
	int saved = dup(STDERR_FILENO), nowhere = open("/dev/null", O_WRONLY);

	assert_true(saved >= 0 && nowhere >= 0);
	dup2(nowhere, STDERR_FILENO);
	close(nowhere);
	return saved;
}

static void
speak(int saved)
{
	dup2(saved, STDERR_FILENO);
	close(saved);
}

/* A whole session with the n-th allocation failing; true if it began at all. */
static bool
attempt(struct milter_service *service, const char *script, long n, char *have,
    size_t size)
{
	struct text_out out = text_out(have, size - 1);
	int saved = silence();
	struct session *s;

	shortage_begin(n);
	s = session_new(&spfmilter_filter, service);
	if (s != NULL)
		session_run(s, script, &out);
	session_free(s);
	shortage_end();
	speak(saved);
	have[out.len] = '\0';
	return s != NULL;
}

static void
fail_each(size_t row, struct milter_service *service)
{
	const char *name = rows[row].name, *expect = rows[row].expect;
	bool refuses = strstr(expect, "550") != NULL;
	char have[1024];
	long total;

	assert_true(attempt(service, rows[row].script, 0, have, sizeof(have)));
	expect_str(name, "answers", have, expect);
	expect_int(name, "not freed", held, 0);
	total = allocations;
	assert_true(total >= 5);
	for (long n = 1; n <= total; n++) {
		if (attempt(service, rows[row].script, n, have, sizeof(have)) &&
		    strcmp(have, expect) != 0 &&
		    (strstr(have, " 451/") == NULL ||
			(!refuses && strstr(have, " 550/") != NULL)))
			fail_msg("%s: allocation %ld of %ld:\nhave \"%s\"\n"
				 "want \"%s\", or 451",
			    name, n, total, have, expect);
		expect_int(name, "not freed", held, 0);
	}
}

static void
tempfail(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct milter_service *service =
		    service_of(rows[i].config, "fwd.example", rows[i].access);

		fail_each(i, service);
		spfmilter_free(service);
	}
}

/* With on_error = accept whatever fails lets the message through. */
static void
accepting(void **state)
{
	static const char script[] =
	    "c 192.0.2.1\nh pass.example\nm <a@soft.example>\nr <b@x>\n" AR
	    "N\n.";
	struct milter_service *service =
	    service_of("on_error = accept", "fwd.example", "");
	char have[1024];
	long n = 0;

	(void)state;
	do {
		if (!attempt(service, script, ++n, have, sizeof(have)))
			continue;
		if (strncmp(have, " ok ok ok ok", 12) != 0)
			fail_msg("allocation %ld: \"%s\"", n, have);
		/* What is marked is cleaned too. */
		if (strstr(have, " +") != NULL && strstr(have, " -1") == NULL)
			fail_msg("allocation %ld: \"%s\"", n, have);
	} while (allocations >= n);
	spfmilter_free(service);
}

/* --- the policy service --- */

static void
ask_policy(struct milter_service *service, long n, char *have, size_t size)
{
	const struct policyd_context context = {
	    .service = (struct spfmilter *)service, .host = MF_TEXT("mx")};
	const struct policyd_request request = {.stage = POLICYD_RCPT,
	    .instance = MF_TEXT("1.2.3"),
	    .client_address = MF_TEXT("192.0.2.1"),
	    .client_name = MF_TEXT("mx.pass.example"),
	    .helo = MF_TEXT("pass.example"),
	    .sender = MF_TEXT("a@fail.example"),
	    .recipient = MF_TEXT("b@x")};
	struct policyd_message m = {.session = NULL};
	struct text_out out = text_out(have, size - 1);
	int saved = silence();

	shortage_begin(n);
	if (policyd_message_take(&m, &context, &request, NULL))
		policyd_message_answer(&m, &request, &out);
	policyd_message_end(&m);
	shortage_end();
	speak(saved);
	have[out.len] = '\0';
}

static void
policy(void **state)
{
	struct milter_service *service = service_of("", "fwd.example", "");
	char have[POLICYD_ANSWER_MAX];
	long n = 0;

	(void)state;
	do {
		ask_policy(service, ++n, have, sizeof(have));
		if (strncmp(have, "action=550 5.7.23 ", 18) != 0 &&
		    strncmp(have, "action=451 4.", 13) != 0)
			fail_msg("allocation %ld: \"%s\"", n, have);
		expect_int("policy", "not freed", held, 0);
	} while (allocations >= n);
	assert_true(n > 5);
	spfmilter_free(service);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tempfail),
	    cmocka_unit_test(accepting),
	    cmocka_unit_test(policy),
	};

	return cmocka_run_group_tests_name(
	    "session_memory", tests, scratch_setup, scratch_teardown);
}

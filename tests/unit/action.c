/* SPDX-License-Identifier: ISC */
/*
 * access/action.h: values of the access file, a row for each form.
 *
 * Sources: sendmail is cf/m4/proto.m4 and the map format of cf/README, 8.17.1;
 * postfix is access(5), 3.7.
 */
#include "tests/unit/support.h"

#include "access/action.h"

static const struct valid_row {
	const char *value;
	enum action_verb verb;
	unsigned code;
	const char *dsn, *text, *source;
} valid_rows[] = {
    /* words alone */
    {"OK", ACTION_OK, 0, "", "", "sendmail, postfix, pymilter"},
    {"RELAY", ACTION_OK, 0, "", "", "sendmail"},
    {"WHITELIST", ACTION_WHITELIST, 0, "", "", "the larger pymilter milter"},
    {"SKIP", ACTION_SKIP, 0, "", "", "sendmail"},
    {"DUNNO", ACTION_SKIP, 0, "", "", "postfix"},
    {"REJECT", ACTION_REJECT, 0, "", "", "sendmail, postfix, pymilter"},
    {"TEMPFAIL", ACTION_TEMPFAIL, 0, "", "", "ours"},
    {"DEFER", ACTION_TEMPFAIL, 0, "", "", "postfix"},
    {"DISCARD", ACTION_DISCARD, 0, "", "", "sendmail, postfix"},
    {"QUARANTINE", ACTION_QUARANTINE, 0, "", "", "sendmail"},
    {"HOLD", ACTION_QUARANTINE, 0, "", "", "postfix"},

    /* the prefix */
    {"UNLESS-DKIM", ACTION_SKIP, 0, "", "", "ours"},
    {"unless-dkim reject", ACTION_REJECT, 0, "", "", "ours"},
    {"UNLESS-DKIM REJECT 5.7.1 go away", ACTION_REJECT, 0, "5.7.1", "go away",
	"ours"},
    {"UNLESS-DKIM:ERROR:5.7.9:554 no", ACTION_ERROR, 554, "5.7.9", "no",
	"ours"},
    {"UNLESS-DKIM 450 4.7.1 later", ACTION_ERROR, 450, "4.7.1", "later",
	"ours"},
    {"UNLESS-DKIM QUARANTINE:x", ACTION_QUARANTINE, 0, "", "x", "ours"},

    /* case, blanks, quotes */
    {"ok", ACTION_OK, 0, "", "", "postfix"},
    {"rEjEcT", ACTION_REJECT, 0, "", "", "postfix"},
    {" \tREJECT \t", ACTION_REJECT, 0, "", "", "rest of the line verbatim"},
    {"REJECT\r", ACTION_REJECT, 0, "", "", "a file from Windows"},
    {"\"REJECT\"", ACTION_REJECT, 0, "", "", "sendmail"},
    {"\" REJECT \"", ACTION_REJECT, 0, "", "", "sendmail"},

    /* text behind words */
    {"REJECT go away", ACTION_REJECT, 0, "", "go away", "postfix"},
    {"REJECT\tgo away ", ACTION_REJECT, 0, "", "go away", "postfix"},
    {"REJECT:go away", ACTION_REJECT, 0, "", "go away", "as QUARANTINE:"},
    {"REJECT \"go away\"", ACTION_REJECT, 0, "", "go away", "quotes"},
    {"REJECT \"go\" or \"stay\"", ACTION_REJECT, 0, "", "\"go\" or \"stay\"",
	"quotes that aren't around all of it"},
    {"REJECT \"", ACTION_REJECT, 0, "", "\"", "a quote alone"},
    {"REJECT \"\"", ACTION_REJECT, 0, "", "", "empty quotes"},
    {"REJECT 550 a day", ACTION_REJECT, 0, "", "550 a day",
	"postfix: no reply code behind REJECT"},
    {"DEFER try later", ACTION_TEMPFAIL, 0, "", "try later", "postfix"},
    {"QUARANTINE:look at it", ACTION_QUARANTINE, 0, "", "look at it",
	"sendmail"},
    {"QUARANTINE look at it", ACTION_QUARANTINE, 0, "", "look at it", "ours"},
    {"HOLD look at it", ACTION_QUARANTINE, 0, "", "look at it", "postfix"},
    {"HOLD:look at it", ACTION_QUARANTINE, 0, "", "look at it", "ours"},
    {"QUARANTINE:", ACTION_QUARANTINE, 0, "", "", "sendmail"},
    {"DISCARD spam", ACTION_DISCARD, 0, "", "spam", "postfix"},
    {"OK # a partner", ACTION_OK, 0, "", "# a partner",
	"postfix passes it over"},
    {"REJECT gr\303\274n\200", ACTION_REJECT, 0, "", "gr\303\274n\200",
	"octets are the reply's to quote"},

    /* enhanced codes before text: postfix, access(5), REJECT and DEFER */
    {"REJECT 5.7.1 go away", ACTION_REJECT, 0, "5.7.1", "go away", "postfix"},
    {"REJECT 5.7.1", ACTION_REJECT, 0, "5.7.1", "", "postfix"},
    {"DEFER 4.3.0 later", ACTION_TEMPFAIL, 0, "4.3.0", "later", "postfix"},
    {"TEMPFAIL 4.123.456 l", ACTION_TEMPFAIL, 0, "4.123.456", "l", "RFC 3463"},
    {"REJECT 5.7.1111 x", ACTION_REJECT, 0, "", "5.7.1111 x",
	"RFC 3463: three digits at most"},
    {"REJECT 5.7 x", ACTION_REJECT, 0, "", "5.7 x", "RFC 3463: three parts"},
    {"REJECT 10.7.1 x", ACTION_REJECT, 0, "", "10.7.1 x",
	"RFC 3463: one digit"},
    {"REJECT 192.0.2.1 is bad", ACTION_REJECT, 0, "", "192.0.2.1 is bad",
	"four parts"},
    {"DISCARD 5.7.1 x", ACTION_DISCARD, 0, "", "5.7.1 x", "no reply"},

    /* replies as written */
    {"550 5.7.1 go away", ACTION_ERROR, 550, "5.7.1", "go away", "postfix"},
    {"550 go away", ACTION_ERROR, 550, "", "go away", "postfix, sendmail"},
    {"450 4.7.1 later", ACTION_ERROR, 450, "4.7.1", "later", "postfix"},
    {"554", ACTION_ERROR, 554, "", "", "postfix"},
    {"599 x", ACTION_ERROR, 599, "", "x", "the last"},
    {"400 x", ACTION_ERROR, 400, "", "x", "the first"},
    {"\"550 go away\"", ACTION_ERROR, 550, "", "go away", "sendmail"},
    {"550 10.0.0.1 is bad", ACTION_ERROR, 550, "", "10.0.0.1 is bad",
	"no enhanced code"},

    /* ERROR: */
    {"ERROR:5.7.1:550 go away", ACTION_ERROR, 550, "5.7.1", "go away",
	"sendmail"},
    {"error:5.7.1:550 go away", ACTION_ERROR, 550, "5.7.1", "go away",
	"sendmail folds words"},
    {"ERROR:4.2.2:450 mailbox full", ACTION_ERROR, 450, "4.2.2", "mailbox full",
	"sendmail"},
    {"ERROR:5.7.1:go away", ACTION_ERROR, 550, "5.7.1", "go away",
	"the code follows from the class"},
    {"ERROR:4.7.1:later", ACTION_ERROR, 451, "4.7.1", "later",
	"the code follows from the class"},
    {"ERROR:5.7.1:", ACTION_ERROR, 550, "5.7.1", "", "no text"},
    {"ERROR:5.7.1", ACTION_ERROR, 550, "5.7.1", "", "no text"},
    {"ERROR:550 go away", ACTION_ERROR, 550, "", "go away", "sendmail"},
    {"ERROR:550", ACTION_ERROR, 550, "", "", "no text"},
    {"ERROR:\"550 go away\"", ACTION_ERROR, 550, "", "go away", "sendmail"},
    {"ERROR:5.7.1:\"550 go away\"", ACTION_ERROR, 550, "5.7.1", "go away",
	"sendmail"},
    {"ERROR:550 \"go away\"", ACTION_ERROR, 550, "", "go away", "quotes"},
    {"ERROR:go away", ACTION_ERROR, 550, "", "go away", "sendmail"},
    {"ERROR:5 strikes", ACTION_ERROR, 550, "", "5 strikes", "no code"},
    {"ERROR 5.7.1 go away", ACTION_ERROR, 550, "5.7.1", "go away", "blanks"},
    {"ERROR: 5.7.1: 550 go away", ACTION_ERROR, 550, "5.7.1", "go away",
	"blanks"},
    {"ERROR:550 5.7.1 go away", ACTION_ERROR, 550, "5.7.1", "go away",
	"the enhanced code behind the other"},
    {"ERROR:5.7.1:550 5.7.1 go away", ACTION_ERROR, 550, "5.7.1", "go away",
	"twice the same"},
    {"ERROR:5.7.1:550 5.7.9 x", ACTION_ERROR, 550, "5.7.1", "5.7.9 x",
	"twice, the first counts"},
    {"ERROR:5.7.1:1500 a day", ACTION_ERROR, 550, "5.7.1", "1500 a day",
	"not three digits"},
};

static void
parses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(valid_rows); i++) {
		const struct valid_row *row = &valid_rows[i];
		struct mf_text value = mf_text_of(row->value);
		struct action a;

		memset(&a, 'x', sizeof(a));
		expect_int(row->value, row->source, action_parse(value, &a),
		    ACTION_VALID);
		expect_str(row->value, row->source, action_text(a.verb),
		    action_text(row->verb));
		expect_int(row->value, row->source, a.code, row->code);
		expect_text(
		    row->value, row->source, a.dsn, mf_text_of(row->dsn));
		expect_text(
		    row->value, row->source, a.text, mf_text_of(row->text));
		expect_int(row->value, "unless", a.unless_dkim,
		    text_starts_fold(text_trim(value), MF_TEXT("unless-dkim")));
		assert_null(action_problem(ACTION_VALID, value));
	}
}

/* The classes differ, and ### or the verb counts. */
static void
corrects(void **state)
{
	static const struct valid_row rows[] = {
	    {"ERROR:4.7.1:550 x", ACTION_ERROR, 550, "", "x", "RFC 2034 4"},
	    {"ERROR:5.7.1:450 x", ACTION_ERROR, 450, "", "x", "RFC 2034 4"},
	    {"550 4.7.1 x", ACTION_ERROR, 550, "", "x", "RFC 2034 4"},
	    {"450 5.7.1 x", ACTION_ERROR, 450, "", "x", "RFC 2034 4"},
	    {"550 2.0.0 x", ACTION_ERROR, 550, "", "x", "RFC 2034 4"},
	    {"REJECT 4.7.1 x", ACTION_REJECT, 0, "", "x", "RFC 2034 4"},
	    {"TEMPFAIL 5.7.1 x", ACTION_TEMPFAIL, 0, "", "x", "RFC 2034 4"},
	    {"DEFER 2.0.0", ACTION_TEMPFAIL, 0, "", "", "RFC 2034 4"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mf_text value = mf_text_of(rows[i].value);
		struct action a;

		memset(&a, 'x', sizeof(a));
		expect_int(rows[i].value, "status", action_parse(value, &a),
		    ACTION_CORRECTED);
		expect_str(rows[i].value, "verb", action_text(a.verb),
		    action_text(rows[i].verb));
		expect_int(rows[i].value, "code", a.code, rows[i].code);
		expect_text(rows[i].value, "dsn", a.dsn, MF_TEXT(""));
		expect_text(
		    rows[i].value, "text", a.text, mf_text_of(rows[i].text));
		assert_non_null(
		    strstr(action_problem(ACTION_CORRECTED, value), "class"));
	}
}

static void
refuses(void **state)
{
	static const struct {
		struct mf_text value;
		enum action_status status;
		const char *says;
	} rows[] = {
	    {BYTES(""), ACTION_UNKNOWN, "no such"},
	    {BYTES("  "), ACTION_UNKNOWN, "no such"},
	    {BYTES("\"\""), ACTION_UNKNOWN, "no such"},
	    {BYTES("REJCET"), ACTION_UNKNOWN, "no such"},
	    {BYTES("REJECTED"), ACTION_UNKNOWN, "no such"},
	    {BYTES("REJECT,"), ACTION_UNKNOWN, "no such"},
	    {BYTES("OK\0"), ACTION_UNKNOWN, "no such"},
	    {BYTES("\0OK"), ACTION_UNKNOWN, "no such"},
	    {BYTES("FRIEND"), ACTION_UNKNOWN, "no such"},
	    {BYTES("5.7.1 go away"), ACTION_UNKNOWN, "no such"},
	    {BYTES("1234567"), ACTION_UNKNOWN, "no such"},
	    {BYTES("\"550 go away"), ACTION_UNKNOWN, "no such"},

	    {BYTES("UNLESS-DKIM OK"), ACTION_BAD_UNLESS, "doesn't accept"},
	    {BYTES("UNLESS-DKIM SKIP"), ACTION_BAD_UNLESS, "doesn't accept"},
	    {BYTES("UNLESS-DKIM UNLESS-DKIM REJECT"), ACTION_UNKNOWN,
		"no such"},
	    {BYTES("UNLESS-DKIM REJCET"), ACTION_UNKNOWN, "no such"},
	    {BYTES("UNLESS-DKIM 250 x"), ACTION_BAD_CODE, "400"},
	    {BYTES("UNLESS-DKIM CBV"), ACTION_UNSUPPORTED, "CBV"},
	    {BYTES("CBV"), ACTION_UNSUPPORTED, "CBV"},
	    {BYTES("cbv"), ACTION_UNSUPPORTED, "CBV"},
	    {BYTES("\"CBV\""), ACTION_UNSUPPORTED, "CBV"},
	    {BYTES("DSN"), ACTION_UNSUPPORTED, "DSN"},
	    {BYTES("DSN:softfail"), ACTION_UNSUPPORTED, "DSN"},
	    {BYTES("BAN"), ACTION_UNSUPPORTED, "BAN"},
	    {BYTES("FILTER smtp:[::1]:1"), ACTION_UNSUPPORTED, "Postfix"},
	    {BYTES("PREPEND X: y"), ACTION_UNSUPPORTED, "Postfix"},
	    {BYTES("defer_if_permit x"), ACTION_UNSUPPORTED, "Postfix"},

	    {BYTES("250 fine"), ACTION_BAD_CODE, "400 to 599"},
	    {BYTES("399 x"), ACTION_BAD_CODE, "400 to 599"},
	    {BYTES("600 x"), ACTION_BAD_CODE, "400 to 599"},
	    {BYTES("000"), ACTION_BAD_CODE, "400 to 599"},
	    {BYTES("ERROR"), ACTION_BAD_CODE, "400 to 599"},
	    {BYTES("ERROR:"), ACTION_BAD_CODE, "400 to 599"},
	    {BYTES("ERROR:250 x"), ACTION_BAD_CODE, "400 to 599"},
	    {BYTES("ERROR:5.7.1:250 x"), ACTION_BAD_CODE, "400 to 599"},
	    {BYTES("ERROR:2.0.0:x"), ACTION_BAD_CODE, "4.x.x or 5.x.x"},
	    {BYTES("ERROR:6.7.1:x"), ACTION_BAD_CODE, "4.x.x or 5.x.x"},
	    {BYTES("ERROR:5.7:x"), ACTION_BAD_CODE, "4.x.x or 5.x.x"},
	    {BYTES("ERROR:5..1:x"), ACTION_BAD_CODE, "4.x.x or 5.x.x"},
	    {BYTES("ERROR:5.7.:x"), ACTION_BAD_CODE, "4.x.x or 5.x.x"},
	    {BYTES("ERROR:.7.1:x"), ACTION_BAD_CODE, "4.x.x or 5.x.x"},
	    {BYTES("ERROR:5.7.1.2:x"), ACTION_BAD_CODE, "4.x.x or 5.x.x"},
	    {BYTES("ERROR:5.1000.1:x"), ACTION_BAD_CODE, "4.x.x or 5.x.x"},
	    {BYTES("ERROR:55.7.1:x"), ACTION_BAD_CODE, "4.x.x or 5.x.x"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct action a = {.verb = ACTION_DISCARD, .code = 7};
		const char *says =
		    action_problem(rows[i].status, rows[i].value);

		expect_int(rows[i].value.p, "status",
		    action_parse(rows[i].value, &a), rows[i].status);
		if (says == NULL || strstr(says, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].value.p, says);
		/* Nothing was written. */
		assert_int_equal(a.verb, ACTION_DISCARD);
		assert_int_equal(a.code, 7);
	}
}

/* Whatever the octets, what is understood can be sent as a reply. */
static void
codes_always_agree(void **state)
{
	static const char *const pieces[] = {"ERROR", ":", " ", "\"", "5.7.1",
	    "4.7.1", "2.0.0", "550", "451", "250", "REJECT", "DEFER", "x", "."};
	uint64_t seed = 11;
	size_t understood = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		char value[64];
		struct text_out out = text_out(value, sizeof(value));
		struct action a;

		for (size_t n = 1 + random_next(&seed) % 8; n > 0; n--)
			out_str(
			    &out, pieces[random_next(&seed) % COUNT(pieces)]);
		enum action_status status = action_parse(out_view(&out), &a);
		if (status != ACTION_VALID && status != ACTION_CORRECTED)
			continue;
		understood++;
		bool is_error = a.verb == ACTION_ERROR;
		assert_int_equal(is_error, a.code != 0);
		assert_true(!is_error || (a.code >= 400 && a.code <= 599));
		assert_true(status == ACTION_VALID || a.dsn.len == 0);
		if (a.dsn.len != 0 && is_error)
			assert_int_equal(a.dsn.p[0], (int)('0' + a.code / 100));
		if (a.dsn.len != 0 && a.verb == ACTION_REJECT)
			assert_int_equal(a.dsn.p[0], '5');
		if (a.dsn.len != 0 && a.verb == ACTION_TEMPFAIL)
			assert_int_equal(a.dsn.p[0], '4');
	}
	assert_true(understood > 10000);
}

/* A NUL is in every string, but no class. */
static void
takes_nul_for_text(void **state)
{
	static const struct mf_text value = BYTES("REJECT \0.7.1 x");
	struct action a;

	(void)state;
	assert_int_equal(action_parse(value, &a), ACTION_VALID);
	expect_text("NUL", "dsn", a.dsn, MF_TEXT(""));
	expect_text("NUL", "text", a.text, text_from(value, 7));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parses),
	    cmocka_unit_test(corrects),
	    cmocka_unit_test(refuses),
	    cmocka_unit_test(codes_always_agree),
	    cmocka_unit_test(takes_nul_for_text),
	};

	return cmocka_run_group_tests_name("action", tests, NULL, NULL);
}

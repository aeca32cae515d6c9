/* SPDX-License-Identifier: ISC */
/*
 * spfmilter/header_fields.h: which fields there are, in which order, and what stands
 * in them.
 *
 * Sources: RFC 7208 9.1 and 9.2; RFC 8601 2.2 and 2.7.2.
 */
#include "tests/unit/support.h"

#include "spfmilter/header_fields.h"

struct row {
	const char *name;
	struct spfmilter_settings settings;
	const char *sender, *helo;
	enum spf_result mailfrom_result, helo_result;
	const struct decision *decision; /* NULL: none */
	const char *expect;              /* names of fields, some with values */
};

static const struct decision refused = {.verb = ACTION_REJECT,
    .code = 550,
    .dsn = "5.7.23",
    .text = "100%% sure: %%n"};
static const struct decision held = {
    .verb = ACTION_QUARANTINE, .text = "SPF softfail"};
static const struct decision silent = {.verb = ACTION_DISCARD};
static const struct decision accepted = {.verb = ACTION_OK};

#define BOB "a@example.com", "helo.example", SPF_PASS, SPF_FAIL

static const struct row rows[] = {
    {"as configured by default", {.mode = MODE_ENFORCE}, BOB, &refused,
	"Received-SPF Authentication-Results "},
    {"both identities", {.received_spf = RECEIVED_SPF_BOTH}, BOB, &accepted,
	"Received-SPF Received-SPF Authentication-Results "},
    {"no Received-SPF", {.received_spf = RECEIVED_SPF_NONE}, BOB, &accepted,
	"Authentication-Results "},
    {"X-Hello-SPF", {.x_hello_spf = true}, BOB, &accepted,
	"Received-SPF Authentication-Results X-Hello-SPF=fail "},
    {"all there are",
	{.received_spf = RECEIVED_SPF_BOTH,
	    .x_hello_spf = true,
	    .mode = MODE_REPORT},
	BOB, &refused,
	"Received-SPF Received-SPF Authentication-Results X-Hello-SPF=fail "
	"X-SPF-Policy=would be REJECT 550 5.7.23:\n\t100% sure: %n "},
    {"report: nothing would be done", {.mode = MODE_REPORT}, BOB, &accepted,
	"Received-SPF Authentication-Results "},
    {"report: quarantine", {.mode = MODE_REPORT}, BOB, &held,
	"Received-SPF Authentication-Results "
	"X-SPF-Policy=would be QUARANTINE:\n\tSPF softfail "},
    {"report: without words", {.mode = MODE_REPORT}, BOB, &silent,
	"Received-SPF Authentication-Results X-SPF-Policy=would be DISCARD "},
    {"report: nothing was checked", {.mode = MODE_REPORT}, NULL, NULL, SPF_NONE,
	SPF_NONE, &refused,
	"X-SPF-Policy=would be REJECT 550 5.7.23:\n\t100% sure: %n "},
    {"nothing was checked or decided", {.mode = MODE_ENFORCE}, NULL, NULL,
	SPF_NONE, SPF_NONE, NULL, ""},
};

static struct check
check_of(enum spf_identity identity, const char *sender, const char *helo,
    enum spf_result result)
{
	struct check check = {.request = {.identity = identity,
				  .sender = mf_text_of(sender),
				  .helo = mf_text_of(helo),
				  .receiver = MF_TEXT("mx.example.net")},
	    .verdict = {.result = result}};

	assert_true(spf_ip_parse(MF_TEXT("192.0.2.1"), &check.request.ip));
	snprintf(check.verdict.domain, sizeof(check.verdict.domain), "%s",
	    identity == SPF_HELO ? "helo.example" : "example.com");
	return check;
}

static struct findings
findings_of(const struct row *row)
{
	return (struct findings){
	    .checks = {[EXAMINED_MAILFROM] = check_of(SPF_MAILFROM, row->sender,
			   row->helo, row->mailfrom_result),
		[EXAMINED_HELO] = check_of(
		    SPF_HELO, row->sender, row->helo, row->helo_result)}};
}

/* Names, and with them the values that are this file's alone. */
static void
out_fields(struct text_out *out, const struct fields *fields)
{
	for (size_t i = 0; i < fields->count; i++) {
		const struct field *field = &fields->list[i];

		out_str(out, field->name);
		if (field->name[0] == 'X') {
			out_char(out, '=');
			out_str(out, field->value);
		}
		out_char(out, ' ');
	}
}

static void
which(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		struct findings found = findings_of(row);
		struct fields fields;
		char have[1024];
		struct text_out out = text_out(have, sizeof(have) - 1);

		assert_true(fields_write(&row->settings,
		    row->sender != NULL ? &found : NULL, row->decision, NULL,
		    MF_TEXT("mx.example.net"), &fields));
		assert_true(fields.count <= FIELDS_MAX);
		out_fields(&out, &fields);
		have[out.len] = '\0';
		expect_str(row->name, "fields", have, row->expect);
		fields_free(&fields);
		assert_int_equal(fields.count, 0);
	}
}

/* Each identity's result is that identity's, with a property of its own. */
static void
results(void **state)
{
	static const struct {
		const char *name, *sender;
		const char *holds[4], *lacks;
	} wanted[] = {
	    {"both", "a@example.com",
		{"mx.example.net;\n\tspf=pass ", "smtp.mailfrom=a@example.com",
		    ";\n\tspf=fail ", "smtp.helo=helo.example"},
		NULL},
	    {"the null sender", "",
		{"mx.example.net;\n\tspf=pass ", "smtp.helo=helo.example"},
		"spf=fail"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(wanted); i++) {
		struct row row = {.sender = wanted[i].sender,
		    .helo = "helo.example",
		    .mailfrom_result = SPF_PASS,
		    .helo_result = SPF_FAIL};
		struct findings found = findings_of(&row);
		struct fields fields;

		assert_true(fields_write(&row.settings, &found, NULL, NULL,
		    MF_TEXT("mx.example.net"), &fields));
		assert_int_equal(fields.count, 2);
		for (size_t n = 0; n < 4 && wanted[i].holds[n] != NULL; n++)
			if (strstr(fields.list[1].value, wanted[i].holds[n]) ==
			    NULL)
				fail_msg("%s: \"%s\" lacks \"%s\"",
				    wanted[i].name, fields.list[1].value,
				    wanted[i].holds[n]);
		if (wanted[i].lacks != NULL)
			assert_null(
			    strstr(fields.list[1].value, wanted[i].lacks));
		fields_free(&fields);
	}
}

/* One field stays one, whatever stands in it: folded with LF TAB alone. */
static void
assert_one_field(const char *value)
{
	for (const char *p = value; *p != '\0'; p++) {
		if (*p == '\n') {
			assert_int_equal(p[1], '\t');
			p++;
			continue;
		}
		if (ascii_is_control(*p))
			fail_msg("a control in \"%s\"", value);
	}
}

static void
hostile(void **state)
{
	static char senders[][32] = {"a\r\nX: y@example.com", "\"\\\"@x\"@b",
	    "a;b=c(d@example.com", "\x80\xff@example.com", "(@)", ";\t"};
	static char big[70000];

	(void)state;
	memset(big, '(', sizeof(big) - 1);
	for (size_t i = 0; i <= COUNT(senders); i++) {
		const char *evil = i < COUNT(senders) ? senders[i] : big;
		struct row row = {.sender = evil,
		    .helo = evil,
		    .settings = {.received_spf = RECEIVED_SPF_BOTH,
			.x_hello_spf = true,
			.mode = MODE_REPORT}};
		struct findings found = findings_of(&row);
		struct fields fields;

		assert_true(fields_write(&row.settings, &found, &refused, NULL,
		    MF_TEXT("mx.example.net"), &fields));
		assert_int_equal(fields.count, 5);
		for (size_t n = 0; n < fields.count; n++)
			assert_one_field(fields.list[n].value);
		fields_free(&fields);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(which),
	    cmocka_unit_test(results),
	    cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests_name("fields", tests, NULL, NULL);
}

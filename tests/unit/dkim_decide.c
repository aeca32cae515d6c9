/* SPDX-License-Identifier: ISC */
/*
 * spfmilter's part in DKIM: which signature lifts a refusal, which refusals can
 * be lifted, whose From can be read, and what is written of results.
 */
#include "tests/unit/tables.h"

#include "spfmilter/decide.h"
#include "spfmilter/dkim_decide.h"
#include "spfmilter/dkim_results.h"
#include "spfmilter/from_address.h"

/* --- which signature lifts --- */

#define SIGNED_BY(d)                                                 \
	{                                                            \
		.result = DKIM_PASS, .reason = DKIM_REASON_VERIFIED, \
		.standing = DKIM_COUNTS, .domain = d                 \
	}
#define UNKNOWN_BY(d)                                                        \
	{                                                                    \
		.result = DKIM_TEMPERROR, .reason = DKIM_REASON_KEY_UNKNOWN, \
		.standing = DKIM_NOT_PASSED, .domain = d                     \
	}

static const struct lifting_row {
	const char *name, *access, *sender, *from;
	enum dkim_aligned aligned;
	struct dkim_signature signatures[3];
	enum dkim_effect effect;
	size_t which;
} lifting_rows[] = {
    {"its own domain", "", "example.org", "", DKIM_ALIGNED_MAILFROM,
	{SIGNED_BY("example.org")}, DKIM_LIFTS, 0},
    {"a domain above", "", "a.b.Example.org", "", DKIM_ALIGNED_MAILFROM,
	{SIGNED_BY("example.org")}, DKIM_LIFTS, 0},
    {"a domain below", "", "example.org", "", DKIM_ALIGNED_MAILFROM,
	{SIGNED_BY("a.example.org")}, DKIM_LIFTS_NOT, 0},
    {"a longer name", "", "example.org", "", DKIM_ALIGNED_MAILFROM,
	{SIGNED_BY("ample.org")}, DKIM_LIFTS_NOT, 0},
    {"nobody", "", "", "", DKIM_ALIGNED_MAILFROM, {SIGNED_BY("example.org")},
	DKIM_LIFTS_NOT, 0},
    {"From alone", "", "example.org", "evil.example", DKIM_ALIGNED_MAILFROM,
	{SIGNED_BY("evil.example")}, DKIM_LIFTS_NOT, 0},
    {"the second one", "", "example.org", "", DKIM_ALIGNED_MAILFROM,
	{SIGNED_BY("a.example"), SIGNED_BY("example.org")}, DKIM_LIFTS, 1},
    {"both", "", "a.example.org", "b.example.org", DKIM_ALIGNED_BOTH,
	{SIGNED_BY("example.org")}, DKIM_LIFTS, 0},
    {"both, another From", "", "example.org", "example.net", DKIM_ALIGNED_BOTH,
	{SIGNED_BY("example.org"), SIGNED_BY("example.net")}, DKIM_LIFTS_NOT,
	0},
    {"both, no From", "", "example.org", "", DKIM_ALIGNED_BOTH,
	{SIGNED_BY("example.org")}, DKIM_LIFTS_NOT, 0},
    {"one that doesn't count", "", "example.org", "", DKIM_ALIGNED_MAILFROM,
	{{.result = DKIM_PASS,
	    .standing = DKIM_PART_OF_BODY,
	    .domain = "example.org"}},
	DKIM_LIFTS_NOT, 0},
    {"a key that isn't known", "", "example.org", "", DKIM_ALIGNED_MAILFROM,
	{UNKNOWN_BY("example.org")}, DKIM_LIFTS_LATER, 0},
    {"one that is needless", "", "example.org", "", DKIM_ALIGNED_MAILFROM,
	{UNKNOWN_BY("other.example")}, DKIM_LIFTS_NOT, 0},
    {"of a top-level domain", "", "example.org", "", DKIM_ALIGNED_MAILFROM,
	{UNKNOWN_BY("org")}, DKIM_LIFTS_NOT, 0},
    {"and a known one", "", "example.org", "", DKIM_ALIGNED_MAILFROM,
	{UNKNOWN_BY("example.org"), SIGNED_BY("example.org")}, DKIM_LIFTS, 1},
    {"OK", "dkim-pass:list.example OK", "example.org", "",
	DKIM_ALIGNED_MAILFROM, {SIGNED_BY("list.example")}, DKIM_LIFTS, 0},
    {"OK for those below", "dkim-pass:.example OK", "example.org", "",
	DKIM_ALIGNED_BOTH, {SIGNED_BY("list.example")}, DKIM_LIFTS, 0},
    {"OK, not known", "dkim-pass:list.example OK", "example.org", "",
	DKIM_ALIGNED_MAILFROM, {UNKNOWN_BY("list.example")}, DKIM_LIFTS_LATER,
	0},
    {"SKIP", "dkim-pass:example.org SKIP", "example.org", "",
	DKIM_ALIGNED_MAILFROM, {SIGNED_BY("example.org")}, DKIM_LIFTS_NOT, 0},
    {"a value that means nothing", "dkim-pass:example.org PERHAPS",
	"example.org", "", DKIM_ALIGNED_MAILFROM, {SIGNED_BY("example.org")},
	DKIM_LIFTS_NOT, 0},
    {"REJECT comes first", "dkim-pass:spam.example REJECT", "example.org", "",
	DKIM_ALIGNED_MAILFROM,
	{SIGNED_BY("example.org"), SIGNED_BY("spam.example")}, DKIM_REFUSES, 1},
    {"REJECT, not known", "dkim-pass:spam.example REJECT", "example.org", "",
	DKIM_ALIGNED_MAILFROM, {UNKNOWN_BY("spam.example")}, DKIM_LIFTS_NOT, 0},
};

static void
lifting(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lifting_rows); i++) {
		const struct lifting_row *row = &lifting_rows[i];
		const struct dkim_signature *list[3];
		struct access_table *table = table_of(row->access);
		struct lookup_answer answer;
		size_t count = 0, which = 0;

		while (count < 3 && row->signatures[count].domain[0] != '\0') {
			list[count] = &row->signatures[count];
			count++;
		}
		enum dkim_effect effect =
		    dkim_decide(&(struct dkim_facts){.signatures = list,
				    .count = count,
				    .sender_domain = mf_text_of(row->sender),
				    .from_domain = mf_text_of(row->from),
				    .aligned = row->aligned,
				    .table = table},
			&which, &answer);
		expect_int(row->name, "effect", effect, row->effect);
		expect_int(row->name, "which", (long long)which,
		    (long long)row->which);
		if (effect == DKIM_REFUSES)
			expect_int(row->name, "code", answer.code, 550);
		access_table_free(table);
	}
}

/* --- which refusals can be lifted --- */

static const struct waiting_row {
	const char *name, *access;
	enum spf_result mailfrom, helo;
	bool null, dkim;
	bool waits;
	enum action_verb verb;
} waiting_rows[] = {
    {"REJECT", "spf-fail: UNLESS-DKIM REJECT", SPF_FAIL, SPF_NONE, false, true,
	true, ACTION_REJECT},
    {"dkim = off", "spf-fail: UNLESS-DKIM REJECT", SPF_FAIL, SPF_NONE, false,
	false, false, ACTION_REJECT},
    {"without it", "spf-fail: REJECT", SPF_FAIL, SPF_NONE, false, true, false,
	ACTION_REJECT},
    {"alone", "spf-fail: UNLESS-DKIM", SPF_FAIL, SPF_NONE, false, true, true,
	ACTION_REJECT},
    {"alone, of what is accepted", "spf-softfail: UNLESS-DKIM", SPF_SOFTFAIL,
	SPF_NONE, false, true, false, ACTION_OK},
    {"before OK it means nothing", "spf-fail: UNLESS-DKIM OK", SPF_FAIL,
	SPF_NONE, false, true, false, ACTION_REJECT},
    {"QUARANTINE", "spf-softfail: UNLESS-DKIM QUARANTINE", SPF_SOFTFAIL,
	SPF_NONE, false, true, true, ACTION_QUARANTINE},
    {"null sender", "spf-fail: UNLESS-DKIM REJECT", SPF_FAIL, SPF_NONE, true,
	true, false, ACTION_REJECT},
    {"HELO too", "spf-fail: UNLESS-DKIM REJECT", SPF_FAIL, SPF_FAIL, false,
	true, false, ACTION_REJECT},
    {"a milder HELO policy isn't hidden",
	"spf-fail: UNLESS-DKIM REJECT\nhelo-fail: TEMPFAIL", SPF_FAIL, SPF_FAIL,
	false, true, false, ACTION_TEMPFAIL},
    {"QUARANTINE of the HELO name doesn't take its place",
	"spf-fail: UNLESS-DKIM REJECT\nhelo-fail: QUARANTINE", SPF_FAIL,
	SPF_FAIL, false, true, true, ACTION_REJECT},
    {"nor DISCARD", "spf-fail: UNLESS-DKIM TEMPFAIL\nhelo-fail: DISCARD",
	SPF_FAIL, SPF_FAIL, false, true, true, ACTION_TEMPFAIL},
    {"but where that is stricter",
	"spf-fail: UNLESS-DKIM QUARANTINE\nhelo-fail: DISCARD", SPF_FAIL,
	SPF_FAIL, false, true, false, ACTION_DISCARD},
    {"WHITELIST for the HELO name does",
	"spf-fail: UNLESS-DKIM REJECT\nhelo-fail: WHITELIST", SPF_FAIL,
	SPF_FAIL, false, true, false, ACTION_WHITELIST},
    {"HELO alone", "helo-fail: UNLESS-DKIM REJECT", SPF_NONE, SPF_FAIL, false,
	true, false, ACTION_REJECT},
};

static void
waiting(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(waiting_rows); i++) {
		const struct waiting_row *row = &waiting_rows[i];
		struct access_table *table = table_of(row->access);
		struct spf_verdict mailfrom = {.result = row->mailfrom};
		struct spf_verdict helo = {.result = row->helo};
		struct decision d;

		decide(&(struct facts){.origin = ORIGIN_OUTSIDE,
			   .ip = MF_TEXT("192.0.2.1"),
			   .sender = row->null ? MF_TEXT("")
					       : MF_TEXT("bob@example.com"),
			   .helo = MF_TEXT("mx.example.com"),
			   .mailfrom = &mailfrom,
			   .helo_verdict = &helo,
			   .table = table,
			   .dkim = row->dkim},
		    &d);
		expect_int(row->name, "waits", d.unless_dkim, row->waits);
		expect_int(row->name, "verb", d.verb, row->verb);
		access_table_free(table);
	}
}

/* What the HELO name has coming isn't lifted with MAIL FROM's refusal. */
static void
behind(void **state)
{
	struct access_table *table = table_of(
	    "spf-fail: UNLESS-DKIM REJECT\nhelo-fail: QUARANTINE odd HELO");
	struct spf_verdict fail = {.result = SPF_FAIL};
	struct decision d;

	(void)state;
	decide(&(struct facts){.origin = ORIGIN_OUTSIDE,
		   .ip = MF_TEXT("192.0.2.1"),
		   .sender = MF_TEXT("bob@example.com"),
		   .helo = MF_TEXT("mx.example.com"),
		   .mailfrom = &fail,
		   .helo_verdict = &fail,
		   .table = table,
		   .dkim = true},
	    &d);
	assert_true(d.unless_dkim && d.code == 550);
	decide_dkim_lifted(&d, MF_TEXT("x.example"));
	assert_int_equal(d.verb, ACTION_QUARANTINE);
	assert_int_equal(d.identity, LOOKUP_HELO);
	assert_string_equal(d.text, "odd HELO");
	assert_true(d.code == 0 && d.dsn[0] == '\0');
	access_table_free(table);
}

static void
outcomes(void **state)
{
	struct decision d = {.verb = ACTION_REJECT, .code = 550};
	struct lookup_answer answer = {.verb = ACTION_REJECT,
	    .code = 554,
	    .dsn = "5.7.9",
	    .text = MF_TEXT("")};

	(void)state;
	decide_dkim_later(
	    &d, MF_TEXT("s._domainkey.x.example"), SPF_CAUSE_TIMEOUT);
	assert_int_equal(d.code, 451);
	assert_string_equal(
	    d.text, "DNS lookup of TXT s._domainkey.x.example failed: timeout");
	decide_dkim_refused(&d, &answer, MF_TEXT("x.example"));
	assert_int_equal(d.code, 554);
	assert_string_equal(d.text,
	    "Mail with a DKIM signature of x.example: rejected by local policy");
	decide_dkim_lifted(&d, MF_TEXT("x.example"));
	assert_true(decision_accepts(&d) && d.code == 0 && d.dsn[0] == '\0');
}

/* --- From --- */

static void
from(void **state)
{
	static const struct {
		const char *value, *domain; /* NULL: nobody can tell */
	} rows[] = {
	    {" a@example.org", "example.org"},
	    {" Joe <a@example.org>", "example.org"},
	    {"<a@example.org>", "example.org"},
	    {"\"Joe, <eve@evil.example>\" <a@example.org>", "example.org"},
	    {"Joe (eve@evil.example) <a@example.org>", "example.org"},
	    {"a@example.org (evil.example (x\\) y))", "example.org"},
	    {"\n\tJoe\n\t<a@example.org>\n", "example.org"},
	    {"=?utf-8?q?J=C3=B6?= <a@example.org>", "example.org"},
	    {"J\303\266 <a@b\303\274cher.example>", "b\303\274cher.example"},
	    {"a@example.org, b@example.org", NULL},
	    {"a@example.org <b@example.net>", NULL},
	    {"<a@example.org> <b@example.net>", NULL},
	    {"<a@example.org> b@example.net", NULL},
	    {"friends: a@example.org;", NULL},
	    {"<@relay.example:a@example.org>", NULL},
	    {"a@b@example.org", NULL},
	    {"\"a\"@example.org", NULL},
	    {"a@example.org (", NULL},
	    {"a@example.org )", NULL},
	    {"\"a@example.org", NULL},
	    {"a@[192.0.2.1]", NULL},
	    {"a@example.org\001", NULL},
	    {"a b@example.org", NULL},
	    {"a@exam ple.org", NULL},
	    {"a", NULL},
	    {"@example.org", NULL},
	    {"a@", NULL},
	    {"<>", NULL},
	    {"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mf_text domain = MF_TEXT("");
		bool found = from_domain(mf_text_of(rows[i].value), &domain);

		expect_int(
		    rows[i].value, "found", found, rows[i].domain != NULL);
		if (found)
			expect_text(rows[i].value, "domain", domain,
			    mf_text_of(rows[i].domain));
	}
}

/* --- results --- */

static void
results(void **state)
{
	static const char message[] =
	    "DKIM-Signature: v=1; a=rsa-sha256; d=bank.example; s=x; h=from;\r\n"
	    " bh=; b=ab\";c dkim=pass\r\n"
	    "DKIM-Signature: v=1; a=rsa-sha256; d=evil\" dkim=pass; s=x; b=\r\n"
	    "From: a@example.org\r\n\r\n";
	char store[DKIM_RESULTS_SIZE];
	struct text_out out = text_out(store, sizeof(store));
	struct dkim_check *check = dkim_check_new(0, NULL);

	(void)state;
	assert_non_null(check);
	assert_int_equal(
	    dkim_check_message(check, mf_text_of(message)), DKIM_OK);
	assert_int_equal(dkim_check_end(check), DKIM_OK);
	dkim_results_write(check, &out);
	store[out.len] = '\0';
	assert_string_equal(store,
	    ";\n\tdkim=neutral reason=\"the tags are malformed\" "
	    "header.d=bank.example header.s=x"
	    ";\n\tdkim=neutral reason=\"one of v=, a=, b=, bh=, d=, h=, s= is "
	    "missing\" header.s=x");
	dkim_check_free(check);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lifting),
	    cmocka_unit_test(waiting),
	    cmocka_unit_test(behind),
	    cmocka_unit_test(outcomes),
	    cmocka_unit_test(from),
	    cmocka_unit_test(results),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

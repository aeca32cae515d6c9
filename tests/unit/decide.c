/* SPDX-License-Identifier: ISC */
/*
 * spfmilter/decide.h: who is refused, by which identity, key and words.
 */
#include "tests/unit/support.h"

#include "spfmilter/decide.h"

struct row {
	const char *name;
	const char *access; /* "key value" lines; NULL: there is no file */
	struct facts facts; /* but for verdicts and table */
	enum spf_result mailfrom, helo;
	const char *expect; /* reason verb code dsn key */
	const char *text;   /* what the reply has to hold; NULL: no reply */
};

#define BOB \
	.sender = MF_TEXT("bob@example.com"), .helo = MF_TEXT("mx.example.com")
#define PYM .defaults = LOOKUP_PYMILTER

static const struct row rows[] = {
    /* Defaults; RFC 7372, RFC 7208 8. */
    {"fail", NULL, {BOB}, SPF_FAIL, SPF_NONE, "default REJECT 550 5.7.23 -",
	"192.0.2.1 is not allowed to send mail for example.com"},
    {"pass", NULL, {BOB}, SPF_PASS, SPF_NONE, "default OK 0  -", NULL},
    {"softfail", NULL, {BOB}, SPF_SOFTFAIL, SPF_NONE, "default OK 0  -", NULL},
    {"neutral", NULL, {BOB}, SPF_NEUTRAL, SPF_NONE, "default OK 0  -", NULL},
    {"none", NULL, {BOB}, SPF_NONE, SPF_NONE, "default OK 0  -", NULL},
    {"permerror", NULL, {BOB}, SPF_PERMERROR, SPF_NONE,
	"default REJECT 550 5.7.24 -", "SPF permerror"},
    {"temperror", NULL, {BOB}, SPF_TEMPERROR, SPF_NONE,
	"default TEMPFAIL 451 4.7.24 -", "SPF temperror"},

    /* The HELO name: RFC 7208 2.3; facts of pymilter's order. */
    {"HELO fails", NULL, {BOB}, SPF_NONE, SPF_FAIL,
	"default REJECT 550 5.7.23 -",
	"is not allowed to use the HELO name mx.example.com"},
    {"HELO fails, MAIL FROM passes", NULL, {BOB}, SPF_PASS, SPF_FAIL,
	"default OK 0  -", NULL},
    {"HELO fails, MAIL FROM isn't known", NULL, {BOB}, SPF_TEMPERROR, SPF_FAIL,
	"default TEMPFAIL 451 4.7.24 -", "temperror"},
    {"HELO passes, MAIL FROM fails (CVE-2019-20790)", NULL, {BOB}, SPF_FAIL,
	SPF_PASS, "default REJECT 550 5.7.23 -", "example.com"},
    {"both fail: the HELO name's reply", NULL, {BOB}, SPF_FAIL, SPF_FAIL,
	"default REJECT 550 5.7.23 -", "HELO name"},
    {"HELO softfail", NULL, {BOB}, SPF_NONE, SPF_SOFTFAIL, "default OK 0  -",
	NULL},
    {"HELO softfail, pymilter", NULL, {BOB, PYM}, SPF_NONE, SPF_SOFTFAIL,
	"default REJECT 550 5.7.1 -", "HELO"},
    {"HELO allowed by its key", "helo-fail:mx.example.com OK", {BOB}, SPF_NONE,
	SPF_FAIL, "default OK 0  -", NULL},
    {"HELO whitelisted, MAIL FROM fails", "helo-fail:mx.example.com WHITELIST",
	{BOB}, SPF_FAIL, SPF_FAIL, "key WHITELIST 0  helo-fail:mx.example.com",
	NULL},
    {"MAIL FROM whitelisted, HELO fails", "spf-none:example.com WHITELIST",
	{BOB}, SPF_NONE, SPF_FAIL, "key WHITELIST 0  spf-none:example.com",
	NULL},
    {"a milder HELO policy yields", "helo-fail: QUARANTINE", {BOB}, SPF_FAIL,
	SPF_FAIL, "default REJECT 550 5.7.23 -", "not allowed"},

    /* Keys. */
    {"a domain's key", "spf-fail:example.com OK", {BOB}, SPF_FAIL, SPF_NONE,
	"key OK 0  spf-fail:example.com", NULL},
    {"an address's key", "spf-softfail:bob@example.com REJECT not you", {BOB},
	SPF_SOFTFAIL, SPF_NONE,
	"key REJECT 550 5.7.1 spf-softfail:bob@example.com", "not you"},
    {"a reply of one's own", "spf-none: ERROR:5.7.9:554 go % away", {BOB},
	SPF_NONE, SPF_NONE, "key REJECT 554 5.7.9 spf-none:", "go %% away"},
    {"an unknown value is the default's", "spf-fail:example.com BOUNCE", {BOB},
	SPF_FAIL, SPF_NONE, "key REJECT 550 5.7.23 spf-fail:example.com",
	"not allowed"},
    {"quarantine has a reason", "spf-softfail: QUARANTINE", {BOB}, SPF_SOFTFAIL,
	SPF_NONE, "key QUARANTINE 0  spf-softfail:", "SPF softfail"},
    {"discard", "spf-softfail: DISCARD", {BOB}, SPF_SOFTFAIL, SPF_NONE,
	"key DISCARD 0  spf-softfail:", "SPF softfail"},
    {"U-labels are looked up as A-labels", "spf-fail:xn--bcher-kva.example OK",
	{.sender = MF_TEXT("m\303\274ller@b\303\274cher.example")}, SPF_FAIL,
	SPF_NONE, "key OK 0  spf-fail:xn--bcher-kva.example", NULL},

    /* The null sender, RFC 7208 2.4; SRS; forwarders. */
    {"null sender", "null-fail: OK", {.helo = MF_TEXT("mx.example.com")},
	SPF_FAIL, SPF_FAIL, "key OK 0  null-fail:", NULL},
    {"null sender, postmaster's key", "spf-fail:postmaster@mx.example.com OK",
	{.helo = MF_TEXT("mx.example.com")}, SPF_FAIL, SPF_FAIL,
	"key OK 0  spf-fail:postmaster@mx.example.com", NULL},
    {"null sender: HELO policy has no say", "helo-fail: DISCARD",
	{.helo = MF_TEXT("mx.example.com")}, SPF_FAIL, SPF_FAIL,
	"default REJECT 550 5.7.23 -", "mx.example.com"},
    {"a HELO name that is none has no domain's keys",
	"helo-none:example.com WHITELIST\nhelo-none: REJECT",
	{.sender = MF_TEXT("bob@example.com"),
	    .helo = MF_TEXT("x@example.com")},
	SPF_NONE, SPF_NONE, "key REJECT 550 5.7.1 helo-none:", "SPF none"},
    {"nor has the null sender then",
	"spf-none:example.com OK\nspf-none: REJECT",
	{.helo = MF_TEXT("x@example.com")}, SPF_NONE, SPF_NONE,
	"key REJECT 550 5.7.1 spf-none:", "SPF none"},
    {"our own SRS address", "srs-fail: OK", {BOB, .own_srs = true}, SPF_FAIL,
	SPF_NONE, "key OK 0  srs-fail:", NULL},
    {"srs- isn't for others", "srs-fail: OK", {BOB}, SPF_FAIL, SPF_NONE,
	"default REJECT 550 5.7.23 -", "not allowed"},
    {"a trusted forwarder stands in", NULL,
	{BOB, .forwarder = MF_TEXT("fwd.example")}, SPF_FAIL, SPF_FAIL,
	"default OK 0  -", NULL},
    {"a forwarder's key", "spf-pass:fwd.example REJECT",
	{BOB, .forwarder = MF_TEXT("fwd.example")}, SPF_FAIL, SPF_NONE,
	"key REJECT 550 5.7.1 spf-pass:fwd.example", "SPF"},

    /* Exemptions. */
    {"exempt client", NULL, {BOB, .exemption = EXEMPT_CLIENT}, SPF_FAIL,
	SPF_NONE, "exempt_client OK 0  -", NULL},
    {"exempt sender", NULL, {BOB, .exemption = EXEMPT_SENDER}, SPF_FAIL,
	SPF_NONE, "exempt_sender OK 0  -", NULL},
    {"exempt HELO", NULL, {BOB, .exemption = EXEMPT_HELO}, SPF_FAIL, SPF_PASS,
	"exempt_helo OK 0  -", NULL},
    {"exemption isn't needed", NULL, {BOB, .exemption = EXEMPT_CLIENT},
	SPF_PASS, SPF_NONE, "default OK 0  -", NULL},
    {"exempt from discarding", "spf-fail: DISCARD",
	{BOB, .exemption = EXEMPT_SENDER}, SPF_FAIL, SPF_NONE,
	"exempt_sender OK 0  spf-fail:", NULL},

    /* Those that aren't checked. */
    {"internal", NULL, {BOB, .origin = ORIGIN_INTERNAL}, SPF_FAIL, SPF_FAIL,
	"internal OK 0  -", NULL},
    {"trusted relay", NULL, {BOB, .origin = ORIGIN_TRUSTED_RELAY}, SPF_FAIL,
	SPF_FAIL, "trusted_relay OK 0  -", NULL},
    {"authenticated", NULL,
	{BOB, .origin = ORIGIN_AUTHENTICATED, .user = MF_TEXT("bob")}, SPF_FAIL,
	SPF_FAIL, "default OK 0  -", NULL},
    {"authenticated, not for that domain",
	"smtp-auth:example.com REJECT\nsmtp-auth:alice@example.com OK",
	{BOB, .origin = ORIGIN_AUTHENTICATED, .user = MF_TEXT("bob")}, SPF_FAIL,
	SPF_FAIL, "key REJECT 550 5.7.1 smtp-auth:example.com",
	"bob is not authorised to send mail for example.com"},
    {"authenticated, the one that may",
	"smtp-auth:example.com REJECT\nsmtp-auth:alice@example.com OK",
	{BOB, .origin = ORIGIN_AUTHENTICATED, .user = MF_TEXT("alice")},
	SPF_FAIL, SPF_FAIL, "key OK 0  smtp-auth:alice@example.com", NULL},
    {"bad HELO", NULL, {BOB, .bad_helo = true}, SPF_PASS, SPF_NONE,
	"bad_helo REJECT 550 5.7.1 -", "host name"},
    {"bad HELO of an exempt client", NULL,
	{BOB, .bad_helo = true, .exemption = EXEMPT_CLIENT}, SPF_PASS, SPF_NONE,
	"exempt_client OK 0  -", NULL},
};

static struct access_table *
table_from(const char *lines)
{
	struct access_table *table = access_table_new();
	struct mf_text rest = mf_text_of(lines);

	assert_non_null(table);
	while (rest.len != 0) {
		struct mf_text line = rest, key;

		if (!text_cut(&rest, '\n', &line))
			rest.len = 0;
		assert_true(text_cut(&line, ' ', &key));
		assert_true(access_table_add(table, key, line, 1));
	}
	assert_true(access_table_finish(table));
	return table;
}

static struct spf_verdict
verdict(enum spf_result result, const char *domain)
{
	struct spf_verdict v = {.result = result};

	snprintf(v.domain, sizeof(v.domain), "%s", domain);
	return v;
}

static void
run_row(const struct row *row)
{
	struct access_table *table =
	    row->access != NULL ? table_from(row->access) : NULL;
	struct spf_verdict mailfrom = verdict(row->mailfrom,
	    row->facts.sender.len == 0             ? "mx.example.com"
		: text_is_ascii(row->facts.sender) ? "example.com"
						   : "xn--bcher-kva.example");
	struct spf_verdict helo = verdict(row->helo, "mx.example.com");
	struct facts facts = row->facts;
	struct mf_text key = MF_TEXT("-");
	struct decision d;
	char have[256];

	facts.ip = MF_TEXT("192.0.2.1");
	facts.mailfrom = &mailfrom;
	facts.helo_verdict = &helo;
	facts.table = table;
	decide(&facts, &d);
	if (d.entry != NULL)
		key = access_entry_key(d.entry);
	snprintf(have, sizeof(have), "%s %s %u %s %.*s",
	    decision_reason_text(d.reason), action_text(d.verb), d.code, d.dsn,
	    (int)key.len, key.p);
	expect_str(row->name, "decision", have, row->expect);
	if (row->text == NULL)
		expect_str(row->name, "text", d.text, "");
	else if (strstr(d.text, row->text) == NULL)
		fail_msg("%s: \"%s\" doesn't hold \"%s\"", row->name, d.text,
		    row->text);
	assert_int_equal(decision_accepts(&d), row->text == NULL);
	access_table_free(table);
}

static void
decisions(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		run_row(&rows[i]);
}

/* RFC 7208 6.2: the words are the domain owner's, and only then. */
static void
explanation_is_attributed(void **state)
{
	struct spf_verdict mailfrom = verdict(SPF_FAIL, "example.com");
	struct spf_verdict helo = verdict(SPF_NONE, "");
	struct facts facts = {BOB, .ip = MF_TEXT("192.0.2.1"),
	    .mailfrom = &mailfrom, .helo_verdict = &helo};
	struct decision d;

	(void)state;
	snprintf(mailfrom.explanation, sizeof(mailfrom.explanation),
	    "see http://example.com/?a=%%2f");
	snprintf(mailfrom.at, sizeof(mailfrom.at), "_spf.example.net");
	decide(&facts, &d);
	assert_string_equal(d.text,
	    "SPF fail: 192.0.2.1 is not allowed to send mail for example.com; "
	    "_spf.example.net explains: see http://example.com/?a=%%2f");
}

/* A problem quotes the record, which is hostile text. */
static void
problem_is_quoted(void **state)
{
	struct spf_verdict mailfrom = verdict(SPF_PERMERROR, "example.com");
	struct spf_verdict helo = verdict(SPF_NONE, "");
	struct facts facts = {BOB, .ip = MF_TEXT("192.0.2.1"),
	    .mailfrom = &mailfrom, .helo_verdict = &helo};
	struct decision d;

	(void)state;
	snprintf(mailfrom.problem, sizeof(mailfrom.problem),
	    "\"a\r\n250 ok\": no\303\274");
	decide(&facts, &d);
	assert_null(strpbrk(d.text, "\r\n"));
	for (const char *p = d.text; *p != '\0'; p++)
		assert_true(*p >= ' ' && *p <= '~');
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(decisions),
	    cmocka_unit_test(explanation_is_attributed),
	    cmocka_unit_test(problem_is_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

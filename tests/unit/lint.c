/* SPDX-License-Identifier: ISC */
/*
 * access/lint.h: a row for each finding, and rows for what looks like one.
 */
#include "tests/unit/tables.h"

#include "access/lint.h"

#define E "error: access:"
#define W "warning: access:"

static const struct row {
	const char *lines, *expect;
} rows[] = {
    {"",
	"warning: access: has no entry for SPF results: each gets its default "
	"action\n"},

    /* what is fine */
    {"spf-fail REJECT", ""},
    {"spf-fail: REJECT 5.7.1 go away", ""},
    {"SPF-Fail:Example.COM OK", ""},
    {"spf-fail!example.com OK", ""},
    {"spf-softfail:.example.com TEMPFAIL", ""},
    {"spf-neutral:user@example.com ERROR:5.7.1:550 x", ""},
    {"spf-none:user+detail@example.com QUARANTINE:x", ""},
    {"spf-permerror:user@ DISCARD", ""},
    {"spf-temperror:[192.0.2.1] HOLD x", ""},
    {"spf-pass:\"a+b\"@ 554 5.7.1 x", ""},
    {"spf-fail:\303\274@example.com OK", ""},
    {"spf-fail:_x.a-b.example OK", ""},
    {"spf-fail:localhost OK", ""},
    {"null-fail:postmaster@mail.example.com OK", ""},
    {"null-fail:.example.com OK", ""},
    {"srs-fail:example.com WHITELIST", ""},
    {"helo-fail:mail.example.com OK", ""},
    {"helo-fail:mailserver OK", ""},
    {"helo-fail:192.0.2.1 OK", ""},
    {"helo-fail:[192.0.2.1] OK", ""},
    {"smtp-auth:bob@example.com OK", ""},
    {"smtp-auth:bob@realm@example.com OK", ""},
    {"spf-to:postmaster@ OK", ""},
    {"spf-to:bob@example.com SKIP", ""},
    {"Spam:bob@example.com FRIEND", ""},
    {"Spam:bob+*@example.com HATER", ""},
    {"Spam:bob+x@ FRIEND", ""},
    {"Spam:org FRIEND", ""},

    {"spf-fail:example.com UNLESS-DKIM REJECT", ""},
    {"srs-fail: UNLESS-DKIM", ""},
    {"dkim-pass:list.example OK", ""},
    {"dkim-pass:.example SKIP", ""},
    {"dkim-pass:spam.example REJECT no spam", ""},

    /* DKIM */
    {"spf-fail: UNLESS-DKIM OK",
	E "1: spf-fail:: UNLESS-DKIM stands before an action that doesn't "
	  "accept, such as REJECT, or alone\n"},
    {"helo-fail: UNLESS-DKIM REJECT",
	E "1: helo-fail:: UNLESS-DKIM is for the tags spf- and srs- alone: a "
	  "signature can't stand for a HELO name\n"},
    {"null-fail: UNLESS-DKIM REJECT",
	E "1: null-fail:: UNLESS-DKIM is for the tags spf- and srs- alone: a "
	  "signature can't stand for the null sender\n"},
    {"dkim-pass: OK",
	E "1: dkim-pass:: the signature of any domain would count: senders of "
	  "spam sign with their own\n"},
    {"dkim-pass:a@example.com OK",
	E "1: dkim-pass:a@example.com: never looked up: what is looked up is "
	  "the domain of a signature (d=), not an address\n"},
    {"dkim-pass:example OK",
	E "1: dkim-pass:example: never looked up: a signature of a top-level "
	  "domain never counts\n"},
    {"dkim-pass:.example OK", ""},
    {"dkim-pass:example.com DISCARD",
	E "1: dkim-pass:example.com: DISCARD has no meaning for a signature: "
	  "OK, SKIP or REJECT\n"},
    {"dkim-pas:example.com OK",
	E "1: dkim-pas:example.com: there is no tag \"dkim-pas\"; is "
	  "\"dkim-pass\" meant?\n"},

    /* tags */
    {"spf-fial:example.com OK",
	E "1: spf-fial:example.com: there is no tag \"spf-fial\"; is "
	  "\"spf-fail\" meant?\n"},
    {"hello-fail:x OK",
	E "1: hello-fail:x: there is no tag \"hello-fail\"; is \"helo-fail\" "
	  "meant?\n"},
    {"smtp_auth:x OK",
	E "1: smtp_auth:x: there is no tag \"smtp_auth\"; is \"smtp-auth\" "
	  "meant?\n"},
    {"helo-error:x OK", E "1: helo-error:x: there is no tag \"helo-error\"\n"},
    {"null-permeror:x.example OK",
	E "1: null-permeror:x.example: there is no tag \"null-permeror\"; is "
	  "\"null-permerror\" meant?\n"},

    /* keys that nothing leads to */
    {"spf-fail:example.com. OK",
	E "1: spf-fail:example.com.: never looked up: domains are looked up "
	  "without a dot at the end\n"},
    {"spf-fail:bob@example.com. OK",
	E "1: spf-fail:bob@example.com.: never looked up: domains are looked "
	  "up without a dot at the end\n"},
    {"spf-fail:@example.com OK",
	E "1: spf-fail:@example.com: never looked up: a domain is looked up "
	  "without \"@\" before it\n"},
    {"spf-fail:@ OK",
	E "1: spf-fail:@: never looked up: there is nothing before the "
	  "\"@\"\n"},
    {"spf-fail:user@.example.com OK",
	E "1: spf-fail:user@.example.com: never looked up: an address is "
	  "looked up with its whole domain only\n"},
    {"spf-fail:user@*.example.com OK",
	E "1: spf-fail:user@*.example.com: never looked up: an address is "
	  "looked up with its whole domain only\n"},
    {"spf-fail:*.example.com OK",
	E "1: spf-fail:*.example.com: never looked up: all names below a "
	  "domain are written as .domain\n"},
    {"spf-fail:user+detail@ OK",
	E "1: spf-fail:user+detail@: never looked up: user@ is looked up "
	  "without the user's +detail\n"},
    {"spf-fail:<bob@example.com> OK",
	E "1: spf-fail:<bob@example.com>: never looked up: addresses are "
	  "looked up without angle brackets\n"},
    {"spf-fail:<> OK",
	E "1: spf-fail:<>: never looked up: the null sender has tags of its "
	  "own, null-fail and so on\n"},
    {"spf-fail:192.0.2.1 OK",
	E "1: spf-fail:192.0.2.1: never looked up: what is looked up is a "
	  "domain, not the client's address\n"},
    {"spf-fail:192.0.2.0/24 OK",
	E "1: spf-fail:192.0.2.0/24: never looked up: what is looked up is a "
	  "domain, not the client's address\n"},
    {"spf-fail:2001:db8::1 OK",
	E "1: spf-fail:2001:db8::1: never looked up: what is looked up is a "
	  "domain, not the client's address\n"},
    {"spf-fail:b\303\274cher.example OK",
	E "1: spf-fail:b\303\274cher.example: never looked up: domains are "
	  "looked up as A-labels (xn--...)\n"},
    {"spf-fail:a..example OK",
	E "1: spf-fail:a..example: never looked up: this is no domain name\n"},
    {"spf-fail:example.com, OK",
	E "1: spf-fail:example.com,: never looked up: this is no domain "
	  "name\n"},
    {"spf-fail:. OK",
	E "1: spf-fail:.: never looked up: this is no domain name\n"},
    {"spf-fail:.. OK",
	E "1: spf-fail:..: never looked up: this is no domain name\n"},
    {"spf-fail:.[192.0.2.1] OK",
	E "1: spf-fail:.[192.0.2.1]: never looked up: an address has no "
	  "parent domain\n"},
    {"helo-fail:bob@example.com OK",
	E "1: helo-fail:bob@example.com: never looked up: a HELO name has no "
	  "\"@\"\n"},
    {"null-fail:bob@example.com OK",
	E "1: null-fail:bob@example.com: never looked up: the null sender is "
	  "looked up as postmaster at the HELO name\n"},
    {"Spam:.example.com FRIEND",
	W "1: spam:.example.com: never looked up: Spam: is looked up with "
	  "parent domains without a dot\n"},
    {"Spam: FRIEND",
	W "1: spam:: never looked up: Spam: is looked up with a recipient "
	  "only\n"},

    /* keys that may be others */
    {"spf-fail:bob OK",
	W "1: spf-fail:bob: this is a domain of one label; a local part is "
	  "written as user@\n"},
    {"smtp-auth:bob OK",
	W "1: smtp-auth:bob: this is a domain of one label; a local part is "
	  "written as user@\n"},
    {"spf-fail:bounce-*@example.com OK",
	W "1: spf-fail:bounce-*@example.com: there are no patterns here: * "
	  "stands for itself\n"},

    /* duplicates */
    {"spf-fail:a.x OK\nspf-fail:b.x OK\nSPF-FAIL!a.x REJECT\nspf-fail:a.x OK",
	E "3: spf-fail:a.x: never used: line 1 has the same key (\"OK\")\n" E
	  "4: spf-fail:a.x: never used: line 1 has the same key (\"OK\")\n"},

    /* values */
    {"spf-fail:a.x REJCET",
	E "1: spf-fail:a.x: there is no action \"REJCET\"; is \"REJECT\" "
	  "meant?\n"},
    {"spf-fail:a.x accept it",
	E "1: spf-fail:a.x: there is no action \"accept\"; is \"OK\" "
	  "meant?\n"},
    {"spf-fail:a.x drop",
	E "1: spf-fail:a.x: there is no action \"drop\"; is \"DISCARD\" "
	  "meant?\n"},
    {"spf-fail:a.x whatever it is",
	E "1: spf-fail:a.x: there is no action \"whatever it is\"\n"},
    {"spf-fail:a.x FRIEND",
	E "1: spf-fail:a.x: \"FRIEND\" is for the tag Spam: alone\n"},
    {"spf-fail example.com OK",
	E "1: spf-fail: there is no action \"example.com\"; if it belongs to "
	  "the key, write it as spf-fail:example.com\n"},
    {"spf-fail: bob@example OK",
	E "1: spf-fail:: there is no action \"bob@example\"; if it belongs to "
	  "the key, write it as spf-fail:bob@example\n"},
    {"spf-fail example", E "1: spf-fail: there is no action \"example\"\n"},
    {"spf-fail:a.x CBV",
	E "1: spf-fail:a.x: there is no CBV here: asking the sender's host "
	  "whether the address exists bothers hosts whose names were "
	  "forged\n"},
    {"spf-softfail DSN",
	E "1: spf-softfail: there is no DSN here: mail about a result that "
	  "isn't a pass goes to those whose addresses were forged\n"},
    {"spf-pass:a.x BAN",
	E "1: spf-pass:a.x: there is no BAN here: a client is refused by the "
	  "MTA's own lists, not by what it once sent\n"},
    {"spf-pass:a.x FILTER smtp:[::1]",
	E "1: spf-pass:a.x: this is an action of Postfix's own tables, not of "
	  "this one\n"},
    {"spf-fail:a.x ERROR:5.7.1:250 x",
	E "1: spf-fail:a.x: a refusal has a reply code from 400 to 599, and "
	  "an enhanced code 4.x.x or 5.x.x if any\n"},
    {"spf-fail:a.x ERROR:4.7.1:550 x",
	E "1: spf-fail:a.x: the enhanced code is of another class than the "
	  "refusal, and isn't used\n"},
    {"Spam:bob@a.x REJECT",
	W "1: spam:bob@a.x: only FRIEND and HATER have a meaning for Spam:\n"},

    /* values without an effect */
    {"spf-fail:a.x OK # partner",
	W "1: spf-fail:a.x: what stands behind OK has no meaning; a comment "
	  "is a line that begins with \"#\"\n"},
    {"spf-to:bob@a.x REJECT",
	W "1: spf-to:bob@a.x: REJECT does nothing to a recipient but what "
	  "SKIP does: no exemption\n"},
    {"spf-fail:a.x 421 x",
	W "1: spf-fail:a.x: 421 ends the whole connection in sendmail and "
	  "Postfix\n"},
    {"spf-fail:a.x REJECT gr\303\274n",
	W "1: spf-fail:a.x: the text isn't printable ASCII; other octets are "
	  "replaced\n"},

    /* entries that change nothing */
    {"spf-fail:bob@a.x OK\nspf-fail:a.x OK",
	W "1: spf-fail:bob@a.x: redundant: \"spf-fail:a.x\" would decide the "
	  "same\n"},
    {"spf-fail:b+c@a.x OK\nspf-fail:b@a.x OK",
	W "1: spf-fail:b+c@a.x: redundant: \"spf-fail:b@a.x\" would decide "
	  "the same\n"},
    {"spf-fail:a.x OK\nspf-fail:.x RELAY",
	W "1: spf-fail:a.x: redundant: \"spf-fail:.x\" would decide the "
	  "same\n"},
    {"spf-fail:.a.x OK\nspf-fail:.x OK",
	W "1: spf-fail:.a.x: redundant: \"spf-fail:.x\" would decide the "
	  "same\n"},
    {"spf-fail:a.x OK\nspf-fail: OK",
	W "1: spf-fail:a.x: redundant: \"spf-fail:\" would decide the same\n"},
    {"spf-fail:a.x OK\nspf-fail OK",
	W "1: spf-fail:a.x: redundant: \"spf-fail\" would decide the same\n"},
    {"spf-fail:bob@ OK\nspf-fail OK",
	W "1: spf-fail:bob@: redundant: \"spf-fail\" would decide the same\n"},
    {"spf-fail:bob@ REJECT\nspf-fail:a.x OK\nspf-fail OK", ""},
    {"spf-fail:bob@ REJECT\nspf-fail:.a.x OK\nspf-fail: OK", ""},
    {"spf-fail:bob@ REJECT\nspf-fail:a.x OK\nspf-fail:.x OK",
	W "2: spf-fail:a.x: redundant: \"spf-fail:.x\" would decide the "
	  "same\n"},
    {"spf-fail:bob@a.x OK\nspf-fail:a.x REJECT\nspf-fail:.x OK", ""},
    {"spf-fail:a.x REJECT x\nspf-fail:.x REJECT y", ""},
    {"spf-fail:a.x OK\nspf-pass:.x OK", ""},
    {"spf-fail:a.x OK\nspf-fail:x OK",
	W "2: spf-fail:x: this is a domain of one label; a local part is "
	  "written as user@\n"},
    {"helo-fail:a.x OK\nhelo-fail: OK",
	W "1: helo-fail:a.x: redundant: \"helo-fail:\" would decide the "
	  "same\n"},
    {"null-fail:a.x OK\nspf-fail:a.x OK", ""},
    {"Spam:bob@a.x FRIEND\nSpam:a.x FRIEND", ""},
    {"spf-fail:a.x SKIP",
	W "1: spf-fail:a.x: SKIP does nothing: no wider key would decide\n"},
    {"spf-fail:a.x DUNNO\nspf-fail:.x OK", ""},
    {"spf-fail:a.x SKIP\nspf-fail:bob@ OK", ""},
    {"spf-none:a.x SKIP\nspf-neutral REJECT", ""},
    {"srs-fail:a.x SKIP\nspf-fail OK", ""},
    {"null-fail SKIP\nspf-fail OK", ""},
    {"spf-to:a.x SKIP", ""},
    {"spf-fail: REJECT\nspf-fail OK",
	E "2: spf-fail: never looked up: \"spf-fail:\" comes before it, and "
	  "fits everything\n"},
    {"spf-fail: OK\nspf-fail OK",
	W "1: spf-fail:: redundant: \"spf-fail\" would decide the same\n" W
	  "2: spf-fail: never looked up: \"spf-fail:\" comes before it, and "
	  "fits everything\n"},

    /* the order of lines */
    {"spf-pass:z.x ZZZ\nspf-fail:a.x AAA",
	E "1: spf-pass:z.x: there is no action \"ZZZ\"\n" E
	  "2: spf-fail:a.x: there is no action \"AAA\"\n"},
};

static void
finds(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct access_table *table = table_of(rows[i].lines);
		struct heard heard;
		struct report report = report_to(&heard);

		assert_true(access_lint(table, "access", &report));
		expect_str(
		    rows[i].lines, "findings", heard.text, rows[i].expect);
		access_table_free(table);
	}
}

/* --wrap=calloc */
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);

static bool memory_is_out;

void *
__wrap_calloc(size_t count, size_t size)
{
	return memory_is_out ? NULL : __real_calloc(count, size);
}

static void
says_that_memory_is_out(void **state)
{
	struct access_table *table = table_of("spf-fail REJCET");
	struct heard heard;
	struct report report = report_to(&heard);

	(void)state;
	memory_is_out = true;
	bool ok = access_lint(table, "access", &report);
	memory_is_out = false;
	assert_false(ok);
	expect_str("no memory", "findings", heard.text,
	    "error: access: out of memory\n");
	access_table_free(table);
}

/* Entries of a database have no line, and keys may hold anything. */
static void
takes_databases(void **state)
{
	static const struct {
		struct mf_text key, value;
	} entries[] = {
	    {BYTES("spf-fail:b.x\0y"), BYTES("OK")},
	    {BYTES("spf-fail:a\nb.x"), BYTES("O\rK")},
	    {BYTES("spf-fail:c.x"), BYTES("OK")},
	    {BYTES("spf-fail:c.x"), BYTES("REJECT")},
	};
	struct access_table *table = access_table_new();
	struct heard heard;
	struct report report = report_to(&heard);

	(void)state;
	assert_non_null(table);
	for (size_t i = 0; i < COUNT(entries); i++)
		assert_true(access_table_add(
		    table, entries[i].key, entries[i].value, 0));
	assert_true(access_table_finish(table));
	assert_true(access_lint(table, "access.db", &report));
	expect_str("database", "findings", heard.text,
	    "error: access.db: spf-fail:a?b.x: never looked up: this is no "
	    "domain name\n"
	    "error: access.db: spf-fail:a?b.x: there is no action \"O?K\"; "
	    "is \"OK\" meant?\n"
	    "error: access.db: spf-fail:b.x?y: never looked up: this is no "
	    "domain name\n"
	    "error: access.db: spf-fail:c.x: never used: the same key stands "
	    "before it (\"OK\")\n");
	assert_int_equal(report.errors, 4);
	access_table_free(table);
}

/* What is longer than a finding is cut. */
static void
takes_long_texts(void **state)
{
	enum { LEN = 70000 };
	char *key = malloc(LEN), *value = malloc(LEN);
	struct access_table *table = access_table_new();
	struct heard heard;
	struct report report = report_to(&heard);

	(void)state;
	assert_true(key != NULL && value != NULL && table != NULL);
	memset(key, 'a', LEN);
	memcpy(key, "spf-fail:", 9);
	memset(value, 'B', LEN);
	assert_true(access_table_add(
	    table, mf_text_at(key, LEN), mf_text_at(value, LEN), 1));
	memcpy(value, "REJECT ", 7);
	assert_true(access_table_add(
	    table, MF_TEXT("spf-fail:a.x"), mf_text_at(value, LEN), 2));
	assert_true(access_table_finish(table));
	assert_true(access_lint(table, "access", &report));
	assert_int_equal(report.errors, 2);
	assert_int_equal(report.warnings, 1);
	assert_non_null(strstr(heard.text, "more than 1024 octets"));
	assert_non_null(strstr(heard.text, "cut at 511 octets"));
	assert_true(heard.len < 3000);
	access_table_free(table);
	free(key);
	free(value);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(finds),
	    cmocka_unit_test(takes_databases),
	    cmocka_unit_test(takes_long_texts),
	    cmocka_unit_test(says_that_memory_is_out),
	};

	return cmocka_run_group_tests_name("lint", tests, NULL, NULL);
}

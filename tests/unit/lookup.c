/* SPDX-License-Identifier: ISC */
/*
 * access/lookup.h: which keys are asked for, and what is answered.
 *
 * Sources: "key N" and "reply" are the two tables of what pymilter's spfmilter
 * does, read in its source; "man" is spfmilter(8); sendmail is cf/m4/proto.m4
 * of 8.17.1.
 */
#include "tests/unit/tables.h"

#include "access/lookup.h"

/* --- the keys, in their order --- */

struct seen {
	struct text_out out;
	char text[8192];
};

static void
see(void *arg, struct mf_text key, const struct access_entry *entry)
{
	struct seen *seen = arg;

	if (seen->out.len != 0)
		out_char(&seen->out, ' ');
	out_text(&seen->out, key);
	if (entry != NULL)
		out_char(&seen->out, '!');
}

static struct lookup_trace
trace_to(struct seen *seen)
{
	seen->out = text_out(seen->text, sizeof(seen->text));
	return (struct lookup_trace){.key = see, .arg = seen};
}

#define HELO LOOKUP_HELO
#define FROM LOOKUP_MAILFROM

static const struct keys_row {
	const char *name;
	enum lookup_identity identity;
	enum spf_result result;
	const char *subject, *expect;
} keys_rows[] = {
    {"everything", FROM, SPF_FAIL, "user+detail@sub.example.com",
	"spf-fail:user+detail@sub.example.com spf-fail:user@sub.example.com "
	"spf-fail:sub.example.com spf-fail:.example.com spf-fail:.com "
	"spf-fail:user@ spf-fail: spf-fail"},
    {"no detail", FROM, SPF_PASS, "user@example.com",
	"spf-pass:user@example.com spf-pass:example.com spf-pass:.com "
	"spf-pass:user@ spf-pass: spf-pass"},
    {"folded", FROM, SPF_PASS, "User+Tag@Example.COM",
	"spf-pass:user+tag@example.com spf-pass:user@example.com "
	"spf-pass:example.com spf-pass:.com spf-pass:user@ spf-pass: "
	"spf-pass"},
    {"dot at the end", FROM, SPF_PASS, "u@example.com.",
	"spf-pass:u@example.com spf-pass:example.com spf-pass:.com "
	"spf-pass:u@ spf-pass: spf-pass"},
    {"one label", FROM, SPF_PASS, "u@localhost",
	"spf-pass:u@localhost spf-pass:localhost spf-pass:u@ spf-pass: "
	"spf-pass"},
    {"plus at the start", FROM, SPF_PASS, "+a+b@x",
	"spf-pass:+a+b@x spf-pass:x spf-pass:+a+b@ spf-pass: spf-pass"},
    {"first plus", FROM, SPF_PASS, "a+b+c@x",
	"spf-pass:a+b+c@x spf-pass:a@x spf-pass:x spf-pass:a@ spf-pass: "
	"spf-pass"},
    {"empty detail", FROM, SPF_PASS, "a+@x",
	"spf-pass:a+@x spf-pass:a@x spf-pass:x spf-pass:a@ spf-pass: "
	"spf-pass"},
    {"quoted", FROM, SPF_PASS, "\"a+b @ c\"@x",
	"spf-pass:\"a+b @ c\"@x spf-pass:x spf-pass:\"a+b @ c\"@ spf-pass: "
	"spf-pass"},
    {"octets above 0x7f", FROM, SPF_PASS, "\303\204@\303\204.x",
	"spf-pass:\303\204@\303\204.x spf-pass:\303\204.x spf-pass:.x "
	"spf-pass:\303\204@ spf-pass: spf-pass"},
    {"no domain", FROM, SPF_PASS, "u@", "spf-pass:u@ spf-pass: spf-pass"},
    {"root", FROM, SPF_PASS, "u@.", "spf-pass:u@ spf-pass: spf-pass"},
    {"no local part", FROM, SPF_PASS, "@a.x",
	"spf-pass:a.x spf-pass:.x spf-pass: spf-pass"},
    {"@ alone", FROM, SPF_PASS, "@", "spf-pass: spf-pass"},
    {"nothing", FROM, SPF_PASS, "", "spf-pass: spf-pass"},
    {"no @: a domain", FROM, SPF_PASS, "a.x",
	"spf-pass:a.x spf-pass:.x spf-pass: spf-pass"},
    {"literal", FROM, SPF_PASS, "u@[192.0.2.1]",
	"spf-pass:u@[192.0.2.1] spf-pass:[192.0.2.1] spf-pass:u@ spf-pass: "
	"spf-pass"},
    {"empty labels", FROM, SPF_PASS, "u@a..b",
	"spf-pass:u@a..b spf-pass:a..b spf-pass:..b spf-pass:.b spf-pass:u@ "
	"spf-pass: spf-pass"},

    {"HELO", HELO, SPF_FAIL, "Mail.Example.com",
	"helo-fail:mail.example.com helo-fail:.example.com helo-fail:.com "
	"helo-fail: helo-fail"},
    {"HELO none", HELO, SPF_NONE, "a.x",
	"helo-none:a.x helo-none:.x helo-none: helo-none"},
    {"AUTH", LOOKUP_AUTH, SPF_NONE, "bob@realm@a.x",
	"smtp-auth:bob@realm@a.x smtp-auth:a.x smtp-auth:.x "
	"smtp-auth:bob@realm@ smtp-auth: smtp-auth"},
    {"null", LOOKUP_NULL, SPF_FAIL, "p@a.x",
	"null-fail:p@a.x null-fail:a.x null-fail:.x null-fail:p@ null-fail: "
	"null-fail spf-fail:p@a.x spf-fail:a.x spf-fail:.x spf-fail:p@ "
	"spf-fail: spf-fail"},
    {"SRS", LOOKUP_SRS, SPF_SOFTFAIL, "a.x",
	"srs-softfail:a.x srs-softfail:.x srs-softfail: srs-softfail "
	"spf-softfail:a.x spf-softfail:.x spf-softfail: spf-softfail"},
    {"none", FROM, SPF_NONE, "x",
	"spf-none:x spf-none: spf-none spf-neutral:x spf-neutral: "
	"spf-neutral"},
    {"null, none", LOOKUP_NULL, SPF_NONE, "x",
	"null-none:x null-none: null-none spf-none:x spf-none: spf-none "
	"spf-neutral:x spf-neutral: spf-neutral"},
};

static void
asks_for_keys(void **state)
{
	struct access_table *empty = table_of("");

	(void)state;
	for (size_t i = 0; i < COUNT(keys_rows); i++) {
		const struct keys_row *row = &keys_rows[i];
		struct seen seen;
		struct lookup_trace trace = trace_to(&seen);
		struct lookup_query query = {.identity = row->identity,
		    .result = row->result,
		    .subject = mf_text_of(row->subject),
		    .trace = &trace};
		struct lookup_answer answer;

		lookup_ask(i % 2 == 0 ? empty : NULL, &query, &answer);
		expect_text(row->name, "keys", out_view(&seen.out),
		    mf_text_of(row->expect));
		assert_null(answer.entry);
	}
	access_table_free(empty);
}

/* Runs of three and more of an octet as two and "*". */
static struct mf_text
squeeze(struct mf_text t, struct text_out *out)
{
	for (size_t i = 0, run; i < t.len; i += run) {
		for (run = 1; i + run < t.len && t.p[i + run] == t.p[i];)
			run++;
		out_char(out, t.p[i]);
		if (run > 1)
			out_char(out, t.p[i]);
		if (run > 2)
			out_char(out, '*');
	}
	return out_view(out);
}

/* A key that is too long is passed over, shorter ones are asked for. */
static void
passes_long_keys_over(void **state)
{
	/* "spf-fail:" and "@" take ten octets. */
	static const struct {
		size_t local, domain;
		const char *expect;
	} rows[] = {
	    {LOOKUP_KEY_SIZE - 14, 4,
		"spf-fail:aa*@b.bb spf-fail:b.bb spf-fail:.bb spf-fail:aa*@ "
		"spf-fail: spf-fail"},
	    {LOOKUP_KEY_SIZE - 13, 4,
		"spf-fail:b.bb spf-fail:.bb spf-fail:aa*@ spf-fail: spf-fail"},
	    {LOOKUP_KEY_SIZE - 10, 4,
		"spf-fail:b.bb spf-fail:.bb spf-fail:aa*@ spf-fail: spf-fail"},
	    {LOOKUP_KEY_SIZE - 9, 4,
		"spf-fail:b.bb spf-fail:.bb spf-fail: spf-fail"},
	    {1, LOOKUP_KEY_SIZE - 9,
		"spf-fail:b.bb* spf-fail:.bb* spf-fail:a@ spf-fail: spf-fail"},
	    {1, LOOKUP_KEY_SIZE - 8,
		"spf-fail:.bb* spf-fail:a@ spf-fail: spf-fail"},
	    {1, LOOKUP_KEY_SIZE - 7, "spf-fail:a@ spf-fail: spf-fail"},
	    {100000, 100000, "spf-fail: spf-fail"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t len = rows[i].local + 1 + rows[i].domain;
		char *subject = malloc(len), shown[256];
		struct text_out out = text_out(shown, sizeof(shown));
		struct seen seen;
		struct lookup_trace trace = trace_to(&seen);
		struct lookup_query query = {.result = SPF_FAIL,
		    .subject = mf_text_at(subject, len),
		    .trace = &trace};
		struct lookup_answer answer;

		assert_non_null(subject);
		memset(subject, 'a', rows[i].local);
		subject[rows[i].local] = '@';
		memset(subject + rows[i].local + 1, 'b', rows[i].domain);
		subject[rows[i].local + 2] = '.';
		lookup_ask(NULL, &query, &answer);
		expect_text(rows[i].expect, "keys",
		    squeeze(out_view(&seen.out), &out),
		    mf_text_of(rows[i].expect));
		free(subject);
	}
}

/* --- which key decides --- */

static const struct find_row {
	const char *lines;
	enum lookup_identity identity;
	enum spf_result result;
	const char *subject;
	unsigned line; /* 0: none */
	enum action_verb verb;
	const char *source;
} find_rows[] = {
#define ALL                           \
	"spf-fail:bob@a.example OK\n" \
	"spf-fail:a.example OK\n"     \
	"spf-fail:.example OK\n"      \
	"spf-fail: OK\n"              \
	"spf-fail OK"
    {ALL, FROM, SPF_FAIL, "bob@a.example", 1, ACTION_OK, "key 1"},
    {ALL, FROM, SPF_FAIL, "Bob@A.Example", 1, ACTION_OK,
	"key 1: there it misses, here it is folded"},
    {ALL, FROM, SPF_FAIL, "al@a.example", 2, ACTION_OK, "key 2"},
    {ALL, FROM, SPF_FAIL, "al@b.example", 3, ACTION_OK, "key 3"},
    {ALL, FROM, SPF_FAIL, "al@c.b.example", 3, ACTION_OK,
	"key 3: label by label"},
    {ALL, FROM, SPF_FAIL, "al@example", 4, ACTION_OK, "key 3: subdomains only"},
    {ALL, FROM, SPF_FAIL, "al@b.other", 4, ACTION_OK, "key 4"},
    {"spf-fail OK", FROM, SPF_FAIL, "al@b.other", 1, ACTION_OK, "key 5"},
    {"spf-fail:example.com OK", FROM, SPF_FAIL, "a@sub.example.com", 0,
	ACTION_REJECT, "key 2: itself only"},
    {ALL, FROM, SPF_PASS, "bob@a.example", 0, ACTION_OK, "another result"},
    {ALL, HELO, SPF_FAIL, "a.example", 0, ACTION_REJECT, "another identity"},
    {"spf-fail:bob@ OK\nspf-fail: REJECT", FROM, SPF_FAIL, "bob+x@a.x", 1,
	ACTION_OK, "man: user@"},
    {"spf-fail:bob@ OK\nspf-fail:.x REJECT", FROM, SPF_FAIL, "bob+x@a.x", 2,
	ACTION_REJECT, "man: domains before user@"},
    {"spf-fail:bob@a.x OK", FROM, SPF_FAIL, "bob+x@a.x", 1, ACTION_OK,
	"man: the detail may be left out"},
    {"SPF-Fail!Bob@A.x OK", FROM, SPF_FAIL, "bob@a.x", 1, ACTION_OK,
	"pymilter where colons are in the way"},

    {"spf-neutral:a.x REJECT", FROM, SPF_NONE, "b@a.x", 1, ACTION_REJECT,
	"pymilter: neutral serves none"},
    {"spf-neutral:a.x REJECT\nspf-none OK", FROM, SPF_NONE, "b@a.x", 2,
	ACTION_OK, "only where no key of none is there"},
    {"spf-neutral:a.x REJECT\nspf-none SKIP", FROM, SPF_NONE, "b@a.x", 2,
	ACTION_OK, "SKIP ends the search"},
    {"spf-none REJECT", FROM, SPF_NEUTRAL, "b@a.x", 0, ACTION_OK,
	"none doesn't serve neutral"},
    {"spf-neutral REJECT", FROM, SPF_SOFTFAIL, "b@a.x", 0, ACTION_OK,
	"neutral serves none alone"},
    {"helo-neutral REJECT", HELO, SPF_NONE, "a.x", 0, ACTION_OK,
	"not for HELO"},

    {"null-fail:a.x OK\nspf-fail:p@a.x REJECT", LOOKUP_NULL, SPF_FAIL, "p@a.x",
	1, ACTION_OK, "man: null- before spf-"},
    {"spf-fail:a.x OK", LOOKUP_NULL, SPF_FAIL, "p@a.x", 1, ACTION_OK,
	"man: then spf-"},
    {"null-fail:a.x OK", FROM, SPF_FAIL, "p@a.x", 0, ACTION_REJECT,
	"null- for null senders alone"},
    {"spf-neutral:a.x REJECT", LOOKUP_NULL, SPF_NONE, "p@a.x", 1, ACTION_REJECT,
	"neutral at last"},
    {"null-neutral:a.x REJECT", LOOKUP_NULL, SPF_NONE, "p@a.x", 0, ACTION_OK,
	"null-neutral serves neutral alone"},
    {"srs-pass REJECT\nspf-pass OK", LOOKUP_SRS, SPF_PASS, "p@a.x", 1,
	ACTION_REJECT, "man: srs- before spf-"},
    {"spf-pass REJECT", LOOKUP_SRS, SPF_PASS, "p@a.x", 1, ACTION_REJECT,
	"man: then spf-"},

    {"spf-fail:a.x SKIP\nspf-fail: OK", FROM, SPF_FAIL, "b@a.x", 1,
	ACTION_REJECT, "man: SKIP ends the search"},
    {"spf-fail:a.x DUNNO\nspf-fail: OK", FROM, SPF_FAIL, "b@a.x", 1,
	ACTION_REJECT, "man: DUNNO is SKIP"},
    {"spf-pass:a.x SKIP\nspf-pass: REJECT", FROM, SPF_PASS, "b@a.x", 1,
	ACTION_OK, "man: the default of the result"},
    {"spf-fail:a.x ACCEPT\nspf-fail: OK", FROM, SPF_FAIL, "b@a.x", 1,
	ACTION_REJECT, "man: an unknown value means SKIP"},
    {"spf-pass:a.x CBV", FROM, SPF_PASS, "b@a.x", 1, ACTION_OK,
	"man: so do those of others"},
    {"spf-softfail:a.x ERROR:250 x", FROM, SPF_SOFTFAIL, "b@a.x", 1, ACTION_OK,
	"pymilter's code 250 for softfail refuses nobody"},
    {"spf-temperror SKIP", FROM, SPF_TEMPERROR, "b@a.x", 1, ACTION_TEMPFAIL,
	"man: the default of the result"},

    {"smtp-auth:bob@a.x OK\nsmtp-auth:a.x REJECT", LOOKUP_AUTH, SPF_NONE,
	"bob@a.x", 1, ACTION_OK, "pymilter: user@maildomain"},
    {"smtp-auth:bob@a.x OK\nsmtp-auth:a.x REJECT", LOOKUP_AUTH, SPF_NONE,
	"al@a.x", 2, ACTION_REJECT, "pymilter: the domain"},
    {"smtp-auth:bob@a.x OK\nsmtp-auth:a.x REJECT", LOOKUP_AUTH, SPF_NONE,
	"al@b.x", 0, ACTION_OK, "reply: unset allows"},
    {"helo-fail:.a.x OK", HELO, SPF_FAIL, "mail.a.x", 1, ACTION_OK,
	"pymilter: the bare HELO name"},
};

static void
finds(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(find_rows); i++) {
		const struct find_row *row = &find_rows[i];
		struct access_table *table = table_of(row->lines);
		struct lookup_query query = {.identity = row->identity,
		    .result = row->result,
		    .subject = mf_text_of(row->subject)};
		struct lookup_answer answer;

		memset(&answer, 'x', sizeof(answer));
		lookup_ask(table, &query, &answer);
		expect_int(row->source, row->lines,
		    answer.entry != NULL ? access_entry_line(answer.entry) : 0,
		    row->line);
		expect_str(row->source, row->lines, action_text(answer.verb),
		    action_text(row->verb));
		access_table_free(table);
	}
}

/* --- what is done --- */

#define RFC LOOKUP_RFC
#define PYM LOOKUP_PYMILTER

/* What an answer says, as in the manual: "REJECT 550 5.7.1 text". */
static struct mf_text
show(const struct lookup_answer *a, struct text_out *out)
{
	out_str(out, action_text(a->verb));
	if (a->code != 0) {
		out_char(out, ' ');
		out_uint(out, a->code);
		out_char(out, ' ');
		out_str(out, a->dsn);
		assert_int_equal(a->dsn[0], (int)('0' + a->code / 100));
	} else
		assert_string_equal(a->dsn, "");
	if (a->text.len != 0) {
		out_char(out, ' ');
		out_text(out, a->text);
	}
	return out_view(out);
}

static const struct answer_row {
	enum lookup_defaults defaults;
	enum lookup_identity identity;
	enum spf_result result;
	const char *value; /* NULL: there is no entry */
	const char *expect, *source;
} answer_rows[] = {
    /* defaults of RFC 7372 and RFC 7208 8 */
    {RFC, FROM, SPF_PASS, NULL, "OK", "man"},
    {RFC, FROM, SPF_FAIL, NULL, "REJECT 550 5.7.23", "RFC 7372 3.1, man"},
    {RFC, FROM, SPF_SOFTFAIL, NULL, "OK", "RFC 7208 8.5, man"},
    {RFC, FROM, SPF_NEUTRAL, NULL, "OK", "RFC 7208 8.2, man"},
    {RFC, FROM, SPF_NONE, NULL, "OK", "RFC 7208 8.1, man"},
    {RFC, FROM, SPF_PERMERROR, NULL, "REJECT 550 5.7.24", "RFC 7372 3.2, man"},
    {RFC, FROM, SPF_TEMPERROR, NULL, "TEMPFAIL 451 4.7.24",
	"RFC 7372 3.2, man"},
    {RFC, LOOKUP_NULL, SPF_FAIL, NULL, "REJECT 550 5.7.23", "as MAIL FROM"},
    {RFC, LOOKUP_SRS, SPF_FAIL, NULL, "REJECT 550 5.7.23", "as MAIL FROM"},
    {RFC, HELO, SPF_PASS, NULL, "OK", "man"},
    {RFC, HELO, SPF_FAIL, NULL, "REJECT 550 5.7.23", "man"},
    {RFC, HELO, SPF_SOFTFAIL, NULL, "OK", "man"},
    {RFC, HELO, SPF_NEUTRAL, NULL, "OK", "man"},
    {RFC, HELO, SPF_NONE, NULL, "OK", "man"},
    {RFC, HELO, SPF_PERMERROR, NULL, "OK", "man"},
    {RFC, HELO, SPF_TEMPERROR, NULL, "OK", "man"},
    {RFC, LOOKUP_AUTH, SPF_NONE, NULL, "OK", "man"},

    /* REJECT and TEMPFAIL there */
    {RFC, FROM, SPF_PASS, "REJECT", "REJECT 550 5.7.1", "man"},
    {RFC, FROM, SPF_FAIL, "REJECT", "REJECT 550 5.7.23", "man"},
    {RFC, FROM, SPF_SOFTFAIL, "REJECT", "REJECT 550 5.7.1", "man"},
    {RFC, FROM, SPF_NEUTRAL, "REJECT", "REJECT 550 5.7.1", "man"},
    {RFC, FROM, SPF_NONE, "REJECT", "REJECT 550 5.7.1", "man"},
    {RFC, FROM, SPF_PERMERROR, "REJECT", "REJECT 550 5.7.24", "man"},
    {RFC, FROM, SPF_TEMPERROR, "REJECT", "REJECT 550 5.7.1", "man"},
    {RFC, FROM, SPF_FAIL, "TEMPFAIL", "TEMPFAIL 451 4.7.1", "man"},
    {RFC, FROM, SPF_SOFTFAIL, "DEFER", "TEMPFAIL 451 4.7.1", "man"},
    {RFC, FROM, SPF_PERMERROR, "DEFER", "TEMPFAIL 451 4.7.1", "man"},
    {RFC, FROM, SPF_TEMPERROR, "DEFER", "TEMPFAIL 451 4.7.24", "RFC 7372 3.2"},
    {RFC, HELO, SPF_FAIL, "REJECT", "REJECT 550 5.7.23", "man"},
    {RFC, HELO, SPF_SOFTFAIL, "REJECT", "REJECT 550 5.7.1", "man"},
    {RFC, HELO, SPF_PERMERROR, "REJECT", "REJECT 550 5.7.24", "RFC 7372 3.2"},
    {RFC, HELO, SPF_TEMPERROR, "DEFER", "TEMPFAIL 451 4.7.24", "RFC 7372 3.2"},
    {RFC, LOOKUP_AUTH, SPF_NONE, "REJECT", "REJECT 550 5.7.1", "man"},
    {RFC, LOOKUP_AUTH, SPF_NONE, "DEFER", "TEMPFAIL 451 4.7.1", "man"},

    /* pymilter's table of results */
    {PYM, FROM, SPF_FAIL, NULL, "REJECT 550 5.7.1", "reply: fail"},
    {PYM, FROM, SPF_FAIL, "REJECT", "REJECT 550 5.7.1", "reply: fail"},
    {PYM, FROM, SPF_SOFTFAIL, NULL, "OK", "reply: softfail"},
    {PYM, FROM, SPF_SOFTFAIL, "REJECT", "REJECT 550 5.7.1",
	"reply: softfail, without the code 250 there"},
    {PYM, FROM, SPF_NEUTRAL, NULL, "OK", "reply: neutral"},
    {PYM, FROM, SPF_NEUTRAL, "REJECT", "REJECT 550 5.7.1", "reply: neutral"},
    {PYM, FROM, SPF_NONE, NULL, "OK", "reply: none"},
    {PYM, FROM, SPF_NONE, "REJECT", "REJECT 550 5.7.1", "reply: none"},
    {PYM, FROM, SPF_PERMERROR, NULL, "REJECT 550 5.5.2", "reply: permerror"},
    {PYM, FROM, SPF_PERMERROR, "REJECT", "REJECT 550 5.5.2",
	"reply: permerror"},
    {PYM, FROM, SPF_TEMPERROR, NULL, "TEMPFAIL 451 4.3.0", "reply: temperror"},
    {PYM, FROM, SPF_TEMPERROR, "TEMPFAIL", "TEMPFAIL 451 4.3.0",
	"reply: temperror"},
    {PYM, FROM, SPF_TEMPERROR, "REJECT", "TEMPFAIL 451 4.3.0",
	"its code: no policy and REJECT are the same there"},
    {PYM, FROM, SPF_TEMPERROR, "REJECT later", "TEMPFAIL 451 4.3.0 later",
	"likewise"},
    {PYM, FROM, SPF_TEMPERROR, "REJECT 5.7.9 x", "REJECT 550 5.7.9 x",
	"a code of its own"},
    {PYM, FROM, SPF_TEMPERROR, "ERROR:550 x", "REJECT 550 5.7.1 x",
	"a code of its own"},
    {PYM, FROM, SPF_PASS, NULL, "OK", "reply: pass"},
    {PYM, FROM, SPF_PASS, "REJECT", "REJECT 550 5.7.1", "reply: pass"},
    {PYM, HELO, SPF_FAIL, NULL, "REJECT 550 5.7.1", "reply: helo fail"},
    {PYM, HELO, SPF_SOFTFAIL, NULL, "REJECT 550 5.7.1", "reply: helo softfail"},
    {PYM, HELO, SPF_NEUTRAL, NULL, "REJECT 550 5.7.1", "reply: helo neutral"},
    {PYM, HELO, SPF_FAIL, "OK", "OK", "reply: helo fail"},
    {PYM, HELO, SPF_NONE, NULL, "OK", "reply: other results of helo"},
    {PYM, HELO, SPF_PASS, NULL, "OK", "reply: other results of helo"},
    {PYM, HELO, SPF_PERMERROR, NULL, "OK", "reply: other results of helo"},
    {PYM, HELO, SPF_TEMPERROR, NULL, "OK", "reply: other results of helo"},
    {PYM, LOOKUP_AUTH, SPF_NONE, NULL, "OK", "reply: smtp-auth unset"},
    {PYM, LOOKUP_AUTH, SPF_NONE, "REJECT", "REJECT 550 5.7.1",
	"reply: smtp-auth"},

    /* values */
    {RFC, FROM, SPF_FAIL, "OK", "OK", "man"},
    {RFC, FROM, SPF_FAIL, "RELAY", "OK", "man"},
    {RFC, FROM, SPF_FAIL, "OK whatever", "OK", "text without meaning"},
    {RFC, FROM, SPF_FAIL, "WHITELIST", "WHITELIST", "man"},
    {RFC, FROM, SPF_FAIL, "DISCARD", "DISCARD", "man"},
    {RFC, FROM, SPF_FAIL, "DISCARD why", "DISCARD why", "man"},
    {RFC, FROM, SPF_FAIL, "HOLD why", "QUARANTINE why", "man"},
    {RFC, FROM, SPF_FAIL, "QUARANTINE:why", "QUARANTINE why", "man"},
    {RFC, FROM, SPF_FAIL, "REJECT \"go away\"", "REJECT 550 5.7.23 go away",
	"the default code with that text"},
    {RFC, FROM, SPF_FAIL, "REJECT 5.7.9 x", "REJECT 550 5.7.9 x", "postfix"},
    {RFC, FROM, SPF_FAIL, "REJECT 4.7.9 x", "REJECT 550 5.7.23 x",
	"classes agree"},
    {RFC, FROM, SPF_FAIL, "ERROR:5.7.9:554 x", "REJECT 554 5.7.9 x", "man"},
    {RFC, FROM, SPF_FAIL, "ERROR:4.7.9:450 x", "TEMPFAIL 450 4.7.9 x", "man"},
    {RFC, FROM, SPF_FAIL, "ERROR:554 x", "REJECT 554 5.7.23 x",
	"the default enhanced code of the class"},
    {RFC, FROM, SPF_FAIL, "ERROR:450 x", "TEMPFAIL 450 4.7.1 x",
	"the default enhanced code of the class"},
    {RFC, FROM, SPF_TEMPERROR, "421 x", "TEMPFAIL 421 4.7.24 x",
	"the default enhanced code of the class"},
    {RFC, FROM, SPF_FAIL, "ERROR:4.7.1:550 x", "REJECT 550 5.7.23 x",
	"### counts"},
    {RFC, FROM, SPF_FAIL, "ERROR:5.7.1:450 x", "TEMPFAIL 450 4.7.1 x",
	"### counts"},
    {RFC, FROM, SPF_PASS, "550 5.123.123 x", "REJECT 550 5.123.123 x",
	"the longest enhanced code"},
};

static void
answers(void **state)
{
	static const char *const tags[] = {[LOOKUP_MAILFROM] = "spf-",
	    [LOOKUP_NULL] = "null-",
	    [LOOKUP_SRS] = "srs-",
	    [LOOKUP_HELO] = "helo-"};

	(void)state;
	for (size_t i = 0; i < COUNT(answer_rows); i++) {
		const struct answer_row *row = &answer_rows[i];
		struct lookup_query query = {.identity = row->identity,
		    .result = row->result,
		    .subject = MF_TEXT("a@b.example"),
		    .defaults = row->defaults};
		struct lookup_answer answer;
		char line[128] = "", shown[128];
		struct text_out out = text_out(shown, sizeof(shown));
		bool auth = row->identity == LOOKUP_AUTH;

		if (row->value != NULL)
			snprintf(line, sizeof(line), "%s%s %s",
			    auth ? "smtp-auth" : tags[row->identity],
			    auth ? "" : spf_result_text(row->result),
			    row->value);
		struct access_table *table = table_of(line);
		memset(&answer, 'x', sizeof(answer));
		lookup_ask(table, &query, &answer);
		expect_text(row->source, line, show(&answer, &out),
		    mf_text_of(row->expect));
		expect_int(row->source, line, answer.entry != NULL,
		    row->value != NULL);
		access_table_free(table);
	}
}

/* --- recipients --- */

static const struct rcpt_row {
	const char *name, *lines;
	enum lookup_recipients how;
	const char *recipient;
	bool expect;
	unsigned line;
} rcpt_rows[] = {
    {"nothing", "", LOOKUP_RCPT_TO, "bob@a.x", false, 0},
    {"address", "spf-to:bob@a.x OK", LOOKUP_RCPT_TO, "Bob@A.x.", true, 1},
    {"detail", "spf-to:bob@a.x OK", LOOKUP_RCPT_TO, "bob+x@a.x", true, 1},
    {"another", "spf-to:bob@a.x OK", LOOKUP_RCPT_TO, "al@a.x", false, 0},
    {"domain", "spf-to:a.x WHITELIST", LOOKUP_RCPT_TO, "al@a.x", true, 1},
    {"relay", "spf-to:a.x RELAY", LOOKUP_RCPT_TO, "al@a.x", true, 1},
    {"parent", "spf-to:.x OK", LOOKUP_RCPT_TO, "al@a.x", true, 1},
    {"user@", "spf-to:al@ OK", LOOKUP_RCPT_TO, "al@a.x", true, 1},
    {"no domain", "spf-to:postmaster@ OK", LOOKUP_RCPT_TO, "Postmaster", true,
	1},
    {"no domain, a domain", "spf-to:a.x OK", LOOKUP_RCPT_TO, "a.x", false, 0},
    {"SKIP", "spf-to:al@a.x SKIP\nspf-to: OK", LOOKUP_RCPT_TO, "al@a.x", false,
	1},
    {"REJECT", "spf-to:al@a.x REJECT\nspf-to: OK", LOOKUP_RCPT_TO, "al@a.x",
	false, 1},
    {"unknown", "spf-to:al@a.x FRIEND\nspf-to: OK", LOOKUP_RCPT_TO, "al@a.x",
	false, 1},
    {"not asked", "Spam:al@a.x FRIEND", LOOKUP_RCPT_TO, "al@a.x", false, 0},

    {"friend", "Spam:al@a.x FRIEND", LOOKUP_RCPT_FRIEND, "Al@a.x", true, 1},
    {"friend, folded", "spam:al@a.x Friend ", LOOKUP_RCPT_FRIEND, "al@a.x",
	true, 1},
    {"hater is no friend", "Spam:al@a.x HATER", LOOKUP_RCPT_FRIEND, "al@a.x",
	false, 1},
    {"first counts", "Spam:al@a.x HATER\nSpam:a.x FRIEND", LOOKUP_RCPT_FRIEND,
	"al@a.x", false, 1},
    {"domain", "Spam:a.x FRIEND", LOOKUP_RCPT_FRIEND, "al@a.x", true, 1},
    {"parent without a dot", "Spam:x FRIEND", LOOKUP_RCPT_FRIEND, "al@b.a.x",
	true, 1},
    {"parent with a dot", "Spam:.x FRIEND", LOOKUP_RCPT_FRIEND, "al@a.x", false,
	0},
    {"user@", "Spam:al@ FRIEND", LOOKUP_RCPT_FRIEND, "al@a.x", true, 1},
    {"no domain", "Spam:al@ FRIEND", LOOKUP_RCPT_FRIEND, "al", true, 1},
    {"domain before user@", "Spam:al@ FRIEND\nSpam:x HATER", LOOKUP_RCPT_FRIEND,
	"al@a.x", false, 2},
    {"no default", "Spam: FRIEND\nSpam FRIEND", LOOKUP_RCPT_FRIEND, "al@a.x",
	false, 0},
    {"spf-to first", "spf-to:al@a.x SKIP\nSpam:al@a.x FRIEND",
	LOOKUP_RCPT_FRIEND, "al@a.x", false, 1},
    {"spf-to of others", "spf-to:b@a.x SKIP\nSpam:al@a.x FRIEND",
	LOOKUP_RCPT_FRIEND, "al@a.x", true, 2},

    {"no hater", "", LOOKUP_RCPT_HATER, "al@a.x", true, 0},
    {"hater", "Spam:al@ HATER", LOOKUP_RCPT_HATER, "al+x@a.x", false, 1},
    {"friend is no hater", "Spam:al@ FRIEND", LOOKUP_RCPT_HATER, "al@a.x", true,
	1},
    {"hater, but spf-to", "Spam:al@ HATER\nspf-to:a.x OK", LOOKUP_RCPT_HATER,
	"al@a.x", true, 2},
    {"spf-to, though no hater", "spf-to:a.x SKIP", LOOKUP_RCPT_HATER, "al@a.x",
	false, 1},
};

static void
exempts(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rcpt_rows); i++) {
		const struct rcpt_row *row = &rcpt_rows[i];
		struct access_table *table = table_of(row->lines);
		const struct access_entry *entry;
		bool is_exempt = lookup_is_exempt(
		    table, row->how, mf_text_of(row->recipient), NULL, &entry);

		expect_int(row->name, row->lines, is_exempt, row->expect);
		expect_int(row->name, row->lines,
		    entry != NULL ? access_entry_line(entry) : 0, row->line);
		access_table_free(table);
	}
}

static void
asks_for_recipients(void **state)
{
	struct seen seen;
	struct lookup_trace trace = trace_to(&seen);
	const struct access_entry *entry;

	(void)state;
	lookup_is_exempt(
	    NULL, LOOKUP_RCPT_FRIEND, MF_TEXT("Al+x@b.a.x"), &trace, &entry);
	expect_text("sendmail, rulesets F, D, U", "keys", out_view(&seen.out),
	    MF_TEXT(
		"spf-to:al+x@b.a.x spf-to:al@b.a.x spf-to:b.a.x spf-to:.a.x "
		"spf-to:.x spf-to:al@ spf-to: spf-to "
		"spam:al+x@b.a.x spam:al+*@b.a.x spam:al@b.a.x spam:b.a.x "
		"spam:a.x spam:x spam:al+x@ spam:al+*@ spam:al@"));
	trace = trace_to(&seen);
	lookup_is_exempt(
	    NULL, LOOKUP_RCPT_HATER, MF_TEXT("al"), &trace, &entry);
	expect_text("without a domain", "keys", out_view(&seen.out),
	    MF_TEXT("spf-to:al@ spf-to: spf-to spam:al@"));
	trace = trace_to(&seen);
	lookup_is_exempt(NULL, LOOKUP_RCPT_TO, MF_TEXT(""), &trace, &entry);
	expect_text(
	    "empty", "keys", out_view(&seen.out), MF_TEXT("spf-to: spf-to"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(asks_for_keys),
	    cmocka_unit_test(passes_long_keys_over),
	    cmocka_unit_test(finds),
	    cmocka_unit_test(answers),
	    cmocka_unit_test(exempts),
	    cmocka_unit_test(asks_for_recipients),
	};

	return cmocka_run_group_tests_name("lookup", tests, NULL, NULL);
}

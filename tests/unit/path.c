/* SPDX-License-Identifier: ISC */
/*
 * milter/path.h: arguments of MAIL and RCPT, and the parts of mailboxes.
 *
 * Where the name of a row has "8.17.1" or "3.7.11", that sendmail or Postfix
 * takes the path, and gives these macros for it; else it is the grammar of
 * RFC 5321 4.1.2.
 */
#include "tests/unit/support.h"

#include "milter/path.h"

static const struct {
	struct mf_text mailbox;
	const char *local, *domain;
} parts_of[] = {
    {BYTES(""), "", ""},
    {BYTES("bob@example.com"), "bob", "example.com"},
    {BYTES("postmaster"), "postmaster", ""},
    {BYTES("@example.com"), "", "example.com"},
    {BYTES("bob@"), "bob", ""},
    {BYTES("@"), "", ""},
    {BYTES("a@b@c"), "a@b", "c"},
    {BYTES("bob@[IPv6:::1]"), "bob", "[IPv6:::1]"},
    {BYTES("\"a@b\"@c"), "\"a@b\"", "c"},
    {BYTES("\"a@b\""), "\"a@b\"", ""},
    {BYTES("\"a\\\"@b\"@c"), "\"a\\\"@b\"", "c"},
    {BYTES("a\\@b@c"), "a\\@b", "c"},
    {BYTES("a(x@y)@b"), "a(x@y)", "b"},
    {BYTES("a@b((x)@y)"), "a", "b((x)@y)"},
    {BYTES("(\")a@b(\")"), "(\")a", "b(\")"},
    {BYTES("\"a@b"), "\"a@b", ""},
    {BYTES("a@b\\"), "a", "b\\"},
    {BYTES("\\"), "\\", ""},
};

static void
parts_of_mailboxes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(parts_of); i++) {
		struct mf_text mailbox = parts_of[i].mailbox;

		expect_text(mailbox.p, "local", path_local(mailbox),
		    mf_text_of(parts_of[i].local));
		expect_text(mailbox.p, "domain", path_domain(mailbox),
		    mf_text_of(parts_of[i].domain));
	}
}

static const struct {
	struct mf_text mailbox;
	bool expect;
} plain[] = {
    {BYTES("bob@example.com"), true},
    {BYTES("bob@example.com."), true}, /* DNS's, taken by both */
    {BYTES("Bob+x=y@Example.COM"), true},
    {BYTES("!#$%&'*+-/=?^_`{|}~@example.com"), true},
    {BYTES("a%b@c"), true}, /* stays as it is in the envelope */
    {BYTES("a!b@c"), true},
    {BYTES(".a..b.@c"), true},
    {BYTES("b\xc3\xbc@b\xc3\xbc.example"), true},
    {BYTES("bob@[192.0.2.1]"), true},
    {BYTES("bob@[IPv6:2001:db8::1]"), true},
    {BYTES("bob@my_host"), true},
    {BYTES("\"a b\"@c"), true},
    {BYTES("\"a@b\"@c"), true},
    {BYTES("\"a\\\"b\\\\\"@c"), true},
    {BYTES("\"\"@c"), true},
    {BYTES("postmaster"), true},
    {BYTES("a.b"), true},

    {BYTES(""), false},
    {BYTES("@"), false},
    {BYTES("@c"), false},
    {BYTES("a@"), false},
    {BYTES("a%b"), false}, /* a@b to both */
    {BYTES("b!a"), false},
    {BYTES("a@b.."), false}, /* a@b, 8.17.1 */
    {BYTES("a@b.c..."), false},
    {BYTES("a@.b"), false},
    {BYTES("a@b..c"), false},
    {BYTES("a@."), false},
    {BYTES("\"a@b\""), false}, /* a@b to both */
    {BYTES("\"a\""), false},
    {BYTES("a@b@c"), false},
    {BYTES("a b@c"), false},
    {BYTES("a@b c"), false},
    {BYTES("a @b"), false},
    {BYTES("a(x)@b"), false},
    {BYTES("a@b(x)"), false},
    {BYTES("a@b(x).c"), false},
    {BYTES("a@\"b\""), false},
    {BYTES("a@b\\.c"), false},
    {BYTES("a\\@b@c"), false},
    {BYTES("a,b@c"), false},
    {BYTES("a@b,c@d"), false},
    {BYTES("x:a@b;"), false},
    {BYTES("a@b;"), false},
    {BYTES("a@b>"), false},
    {BYTES("a<b@c"), false},
    {BYTES("a@b/c"), false},
    {BYTES("a@b:25"), false},
    {BYTES("a@#1"), false},
    {BYTES("a@[b"), false},
    {BYTES("a@[b]c"), false},
    {BYTES("a@[b c]"), false},
    {BYTES("\"a\"b@c"), false},
    {BYTES("a\"b\"@c"), false},
    {BYTES("\"a@c"), false},
    {BYTES("\"a\\\"@c"), false},
    {BYTES("\"a\nb\"@c"), false},
    {BYTES("\"@a:b\"@c"), false}, /* "b"@c, 3.7.11 */
    {BYTES("\" \\@a:b\"@c"), false},
    {BYTES("\"x@a:b\"@c"), true},
    {BYTES("a\0@c"), false},
    {BYTES("a@c\0"), false},
    {BYTES("a\x01@c"), false},
};

static void
plainness(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(plain); i++)
		expect_int(plain[i].mailbox.p, "plain",
		    path_is_plain(plain[i].mailbox), plain[i].expect);
}

/* What is told; NULL: the MTA doesn't.  mailbox NULL: ambiguous; "": null. */
static const struct {
	const char *name, *arg, *mail_addr, *f, *mailbox;
} senders[] = {
    /* as it is written */
    {"plain", "<a@sender.test>", NULL, NULL, "a@sender.test"},
    {"plain, told", "<a@sender.test>", "a@sender.test", NULL, "a@sender.test"},
    {"bare, 3.7.11 internal", "a@sender.test", NULL, NULL, "a@sender.test"},
    {"null", "<>", NULL, NULL, ""},
    {"null, told", "<>", "", NULL, ""},
    {"null, 8.17.1", "<>", "", "", ""},
    {"null, 3.7.11 internal", "", NULL, NULL, ""},
    {"case, 3.7.11", "<A@SENDER.Test>", "a@sender.test", NULL, "A@SENDER.Test"},
    {"local parts differ", "<a@sender.test>", "b@sender.test", NULL,
	"a@sender.test"},
    {"UTF-8 as octets, 3.7.11", "<b\xc3\xbc@sender.test>",
	"b\xe3\xbc@sender.test", NULL, "b\xc3\xbc@sender.test"},
    {"own domain, 8.17.1", "<a@fwd.test>", "a", "a@fwd.test", "a@fwd.test"},
    {"own domain, no f", "<a@fwd.test>", "a", NULL, "a@fwd.test"},
    {"virtusertable, 8.17.1", "<a@fwd.test>", "x@dest.test", "a@fwd.test",
	"a@fwd.test"},
    {"percent", "<a%b.test@sender.test>", "a%b.test@sender.test", NULL,
	"a%b.test@sender.test"},
    {"percent, own domain, 8.17.1", "<a%dest.test@fwd.test>", "a@dest.test",
	"a%dest.test@fwd.test", "a%dest.test@fwd.test"},
    {"dot at the end", "<a@sender.test.>", "a@sender.test", NULL,
	"a@sender.test."},
    {"one label and a dot", "<a@test.>", "a@test", NULL, "a@test."},
    {"literal", "<a@[IPv6:::1]>", NULL, NULL, "a@[IPv6:::1]"},
    {"quoted", "<\"a b\"@sender.test>", "\"a b\"@sender.test", NULL,
	"\"a b\"@sender.test"},
    {"domain folds, 3.7.11",
	"<a@stra\xc3\x9f"
	"e.test>",
	"a@strasse.test", NULL,
	"a@stra\xc3\x9f"
	"e.test"},
    {"domain of characters, 3.7.11", "<a@B\xc3\x9cX.test>", "a@b\xc3\xbcx.test",
	NULL, "a@B\xc3\x9cX.test"},
    {"domain of octets, 3.7.11", "<a@b\xc3\xbcx.test>", "a@b\xe3\xbcx.test",
	NULL, "a@b\xc3\xbcx.test"},

    /* as it is written, but the MTA tells of another one */
    {"another domain", "<a@sender.test>", "a@victim.test", NULL, NULL},
    {"longer", "<a@sender.test>", "a@sender.test.victim.test", NULL, NULL},
    {"shorter", "<a@x.sender.test>", "a@sender.test", NULL, NULL},
    {"another beside U+00FC", "<a@b\xc3\xbcx.test>", "a@b\xc3\xbcx.victim",
	NULL, NULL},
    {"f counts", "<a@sender.test>", "a@sender.test", "a@victim.test", NULL},
    {"null told", "<a@sender.test>", "", NULL, NULL},
    {"null told, 8.17.1", "<a@sender.test>", "a@sender.test", "", NULL},
    {"null, not told so", "<>", "b@victim.test", NULL, NULL},
    {"null, not told so, 8.17.1", "<>", "", "b@victim.test", NULL},
    {"percent, own domain, 3.7.11", "<a%dest.test@fwd.test>", "a@dest.test",
	NULL, NULL},
    {"quoted at, own domain, 3.7.11", "<\"a@dest.test\"@fwd.test>",
	"a@dest.test", NULL, NULL},
    {"own literal, 8.17.1", "<a@[127.0.0.1]>", "a", "a@mx.fwd.test", NULL},

    /* as the MTA says */
    {"null in front, 3.7.11", "<>b@victim.test", "b@victim.test", NULL,
	"b@victim.test"},
    {"null within, 3.7.11", "<<>b@victim.test>", "b@victim.test", NULL,
	"b@victim.test"},
    {"null behind, 8.17.1", "<a@sender.test><>", "", "", ""},
    {"blank behind", "<a@sender.test> ", "a@sender.test", NULL,
	"a@sender.test"},
    {"blank in front", " <a@sender.test>", "a@sender.test", NULL,
	"a@sender.test"},
    {"twice in brackets", "<<a@sender.test>>", "a@sender.test", NULL,
	"a@sender.test"},
    {"not closed", "<a@sender.test", "a@sender.test", NULL, "a@sender.test"},
    {"not opened", "a@sender.test>", "a@sender.test", NULL, "a@sender.test"},
    {"display name", "Bob <a@sender.test>", "a@sender.test", NULL,
	"a@sender.test"},
    {"group", "<x:a@sender.test;>", "a@sender.test", NULL, "a@sender.test"},
    {"route", "<@r.test,@s.test:a@sender.test>", "a@sender.test", NULL,
	"a@sender.test"},
    {"route, 8.17.1", "<@r.test:a@sender.test>", "a@sender.test",
	"a@sender.test", "a@sender.test"},
    {"route to nowhere, 3.7.11", "<@r.test:>", "", NULL, ""},
    {"comment in the domain", "<a@sender(x).test>", "a@sender.test", NULL,
	"a@sender.test"},
    {"comment for a dot, 8.17.1", "<a@sender(x)test>", "a@sender.test",
	"a@sender.test", "a@sender.test"},
    {"comment, own domain, 8.17.1", "<a@fwd.test(x)>", "x@dest.test",
	"a@fwd.test", "a@fwd.test"},
    {"quoted domain, 8.17.1", "<a@\"sender.test\">", "a@sender.test",
	"a@sender.test", "a@sender.test"},
    {"dots at the end, 8.17.1", "<a@sender.test..>", "a@sender.test",
	"a@sender.test", "a@sender.test"},
    {"no domain, 3.7.11", "<a>", "a@fwd.test", NULL, "a@fwd.test"},
    {"one label, 8.17.1", "<a@localhost>", "a", "a@mx.fwd.test",
	"a@mx.fwd.test"},
    {"one label, 3.7.11", "<a@localhost>", "a@localhost", NULL, "a@localhost"},
    {"no quotes, 3.7.11", "<a b@sender.test>", "\"a b\"@sender.test", NULL,
	"\"a b\"@sender.test"},
    {"percent alone, 8.17.1", "<a%dest.test>", "a@dest.test", "a@dest.test",
	"a@dest.test"},

    /* which may be a way, or isn't usable */
    {"other form, no macro", "<a@sender(x).test>", NULL, NULL, NULL},
    {"no domain, no macro", "<a>", NULL, NULL, NULL},
    {"no domain told", "<a>", "a", NULL, NULL},
    {"no domain in f, 8.17.1", "()", "mailer-daemon", "MAILER-DAEMON", NULL},
    {"quoted whole, 8.17.1", "\"<a@b.test>\"", "a@b.test", "\"<a@b.test>\"",
	NULL},
    {"percent, own domain", "<a%victim.test@fwd.test(x)>", "a@victim.test",
	NULL, NULL},
    {"bang, own domain", "<(x)victim.test!a@fwd.test>", "a@victim.test", NULL,
	NULL},
    {"at, own domain", "<x:\"a@victim.test\"@fwd.test;>", "a@victim.test", NULL,
	NULL},
    {"at in front of a route", "<@a@r.test:b@fwd.test>", "b@fwd.test", NULL,
	"b@fwd.test"},
    {"no local part, own domain, 3.7.11", "()@FWD.TEST",
	"mailer-daemon@fwd.test", NULL, NULL},
    {"U+212A, 3.7.11", "<a@\xe2\x84\xaa(x).test>", "a@k.test", NULL, NULL},
    {"control character, 3.7.11", "<a\x01@b.test>", "\"a\x01\"@b.test", NULL,
	NULL},
    {"quoted domain, 3.7.11", "<a@\"sender.test\">", "a@sender.test", NULL,
	NULL},
    {"quoted bracket, 3.7.11", "<a(x)@sender.test\\\">", "a@sender.test", NULL,
	NULL},
    {"two told", "<a@b.test(x)>", "a@b@c", NULL, NULL},
};

static void
senders_of_mail(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(senders); i++) {
		const char *mailbox = senders[i].mailbox;
		struct path path = path_sender(mf_text_of(senders[i].arg),
		    &(struct path_macros){.f = mf_text_of(senders[i].f),
			.mail_addr = mf_text_of(senders[i].mail_addr)});

		expect_int(senders[i].name, "kind", path.kind,
		    mailbox == NULL     ? PATH_AMBIGUOUS
			: *mailbox == 0 ? PATH_NULL
					: PATH_MAILBOX);
		if (mailbox != NULL)
			expect_text(senders[i].name, "mailbox", path.mailbox,
			    mf_text_of(mailbox));
	}
}

static const struct {
	const char *arg, *mailbox; /* NULL: ambiguous */
} recipients[] = {
    {"<a@dest.test>", "a@dest.test"},
    {"a@dest.test", "a@dest.test"},
    {"<A@[192.0.2.1]>", "A@[192.0.2.1]"},
    {"<\"a b\"@dest.test>", "\"a b\"@dest.test"},
    {"<a%b@dest.test>", "a%b@dest.test"},
    {"<postmaster>", "postmaster"},
    {"Postmaster", "Postmaster"},
    {"", NULL},
    {"<>", NULL},
    {"<a@dest.test> ", NULL},
    {" <a@dest.test>", NULL},
    {"<a@dest.test", NULL},
    {"<<a@dest.test>>", NULL},
    {"<>a@dest.test", NULL},
    {"<a@dest.test><b@c.test>", NULL},
    {"<a@dest.test(x)>", NULL},
    {"<@r.test:a@dest.test>", NULL},
    {"<a%b>", NULL},
    {"<b!a>", NULL},
};

static void
recipients_of_rcpt(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(recipients); i++) {
		const char *arg = recipients[i].arg;
		const char *mailbox = recipients[i].mailbox;
		struct path path = path_recipient(mf_text_of(arg));

		expect_int(arg, "kind", path.kind,
		    mailbox == NULL ? PATH_AMBIGUOUS : PATH_MAILBOX);
		if (mailbox != NULL)
			expect_text(
			    arg, "mailbox", path.mailbox, mf_text_of(mailbox));
	}
}

/* Readings, each behind a blank. */
static const struct {
	const char *mailbox, *readings;
} readings[] = {
    {"a@b", " a@b"},
    {"\"a\\b\"@c", " ab@c"},
    {"po\xc5\xbftmaster", " postmaster@"},
    {"a%b@c", " a%b@c a@b"},
    {"b!a@c", " b!a@c a@b"},
    {"\"a@b\"@c", " a@b@c a@b"},
    {"x!a%b@c", " x!a%b@c a%b@x a@b"},
    {"a%b%c@d", " a%b%c@d a%b@c a@b"},
    {"\"x!a@b\"@c", " x!a@b@c x!a@b a@x"},
};

static void
readings_of_mailboxes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(readings); i++) {
		char room[256];
		struct text_out out = text_out(room, sizeof(room));
		struct path_reading r;

		assert_true(path_reading(mf_text_of(readings[i].mailbox), &r));
		do {
			out_char(&out, ' ');
			out_text(&out, r.local);
			out_char(&out, '@');
			out_text(&out, r.domain);
		} while (path_reading_next(&r));
		expect_text(readings[i].mailbox, "readings", out_view(&out),
		    mf_text_of(readings[i].readings));
	}
}

static void
no_readings(void **state)
{
	static const char *const odd[] = {
	    "\"a@(x)b\"@c",
	    "\"a@b..\"@c", /* a@b to 8.17.1 */
	    "\"a@b, x\"@c",
	    "\"a%[192.0.2.1]\"@c",
	    "\"a b!c\"@d",
	    "a..b!c@d",
	};
	char text[PATH_READING_MAX + 2];
	struct path_reading r;

	(void)state;
	for (size_t i = 0; i < COUNT(odd); i++)
		expect_int(odd[i], "read", path_reading(mf_text_of(odd[i]), &r),
		    false);
	/* Longer than any address. */
	memset(text, 'a', sizeof(text));
	assert_false(path_reading(mf_text_at(text, sizeof(text)), &r));
	assert_true(path_reading(mf_text_of("100%@c"), &r));
	assert_true(path_reading(mf_text_of("\"a b..c\"@d"), &r));
}

static const struct {
	const char *name;
	struct mf_text part;
	const char *folded;
} parts[] = {
    {"plain", BYTES("Bob.x+y=z"), "Bob.x+y=z"},
    {"quoted", BYTES("\"a b\""), "a b"},
    {"backslashes", BYTES("\"\\a\\\\b\\\"\""), "ab"},
    {"s", BYTES("te\xc5\xbft"), "test"},
    {"k", BYTES("\xe2\x84\xaa"), "k"},
    {"two", BYTES("\xc3\x9f\xe1\xba\x9e"), "ssss"},
    {"ligatures",
	BYTES("\xef\xac\x80\xef\xac\x81\xef\xac\x82\xef\xac\x83\xef"
	      "\xac\x84\xef\xac\x85\xef\xac\x86"),
	"fffiflffifflstst"},
    {"others stay", BYTES("\xc3\xbc\xc4\xb0\xef\xbc\xa1"),
	"\xc3\xbc\xc4\xb0\xef\xbc\xa1"},
    {"cut", BYTES("a\xe2\x84"), "a\xe2\x84"},
    {"nothing", BYTES(""), ""},
};

static void
folding(void **state)
{
	char room[64];

	(void)state;
	for (size_t i = 0; i < COUNT(parts); i++) {
		struct text_out out = text_out(room, sizeof(room));

		path_fold(parts[i].part, &out);
		expect_text(parts[i].name, "folded", out_view(&out),
		    mf_text_of(parts[i].folded));
	}
}

/* A view of nothing at all. */
static void
no_text(void **state)
{
	(void)state;
	assert_int_equal(path_unbracketed(mf_text_of(NULL)).len, 0);
	assert_int_equal(path_local(mf_text_of(NULL)).len, 0);
	assert_int_equal(path_domain(mf_text_of(NULL)).len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parts_of_mailboxes),
	    cmocka_unit_test(plainness),
	    cmocka_unit_test(senders_of_mail),
	    cmocka_unit_test(recipients_of_rcpt),
	    cmocka_unit_test(readings_of_mailboxes),
	    cmocka_unit_test(no_readings),
	    cmocka_unit_test(folding),
	    cmocka_unit_test(no_text),
	};

	return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}

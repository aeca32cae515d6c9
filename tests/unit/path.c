/* SPDX-License-Identifier: ISC */
/*
 * milter/path.h: arguments of MAIL and RCPT, and the parts of mailboxes.
 *
 * Where the name of a row has "8.17.1" or "3.7.11", that sendmail or Postfix
 * takes the path, gives it to its filters as it stands here, and means what
 * {mail_addr} is here; else it is the grammar of RFC 5321 4.1.2.
 */
#include "tests/unit/support.h"

#include "milter/path.h"

static const struct {
	const char *name;
	struct mf_text arg;
	const char *mailbox, *local, *domain;
} rows[] = {
    {"plain", BYTES("<bob@example.com>"), "bob@example.com", "bob",
	"example.com"},
    {"null", BYTES("<>"), "", "", ""},
    {"null, 3.7.11 internal", BYTES(""), "", "", ""},
    {"null, 3.7.11 quoted", BYTES("\"\""), "", "", ""},
    {"null, quoted", BYTES("<\"\">"), "", "", ""},
    {"null, blank", BYTES("< >"), "", "", ""},
    {"bare, 3.7.11 internal", BYTES("bob@example.com"), "bob@example.com",
	"bob", "example.com"},
    {"case is kept", BYTES("<Bob@Example.COM>"), "Bob@Example.COM", "Bob",
	"Example.COM"},
    {"no domain", BYTES("<postmaster>"), "postmaster", "postmaster", ""},
    {"no domain, bare", BYTES("postmaster"), "postmaster", "postmaster", ""},
    {"no local part", BYTES("<@example.com>"), "@example.com", "",
	"example.com"},
    {"empty domain", BYTES("<bob@>"), "bob@", "bob", ""},
    {"an at sign", BYTES("<@>"), "@", "", ""},
    {"two at signs", BYTES("<a@b@c>"), "a@b@c", "a@b", "c"},
    {"literal", BYTES("<bob@[192.0.2.1]>"), "bob@[192.0.2.1]", "bob",
	"[192.0.2.1]"},
    {"literal, IPv6", BYTES("<bob@[IPv6:::1]>"), "bob@[IPv6:::1]", "bob",
	"[IPv6:::1]"},
    {"UTF-8 (RFC 6531)", BYTES("<b\xc3\xbc@b\xc3\xbc.example>"),
	"b\xc3\xbc@b\xc3\xbc.example", "b\xc3\xbc", "b\xc3\xbc.example"},

    {"quoted blank", BYTES("<\"a b\"@c>"), "\"a b\"@c", "\"a b\"", "c"},
    {"quoted bracket", BYTES("<\"a>b\"@c>"), "\"a>b\"@c", "\"a>b\"", "c"},
    {"quoted brackets", BYTES("<\"<a>b\"@c>"), "\"<a>b\"@c", "\"<a>b\"", "c"},
    {"quoted at", BYTES("<\"a@b\"@c>"), "\"a@b\"@c", "\"a@b\"", "c"},
    {"quoted at, no domain", BYTES("<\"a@b\">"), "\"a@b\"", "\"a@b\"", ""},
    {"quoted quote", BYTES("<\"a\\\">b\"@c>"), "\"a\\\">b\"@c", "\"a\\\">b\"",
	"c"},
    {"quoted backslash", BYTES("<\"a\\\\\"@c>"), "\"a\\\\\"@c", "\"a\\\\\"",
	"c"},
    {"escaped bracket (RFC 821)", BYTES("<a\\>b@c>"), "a\\>b@c", "a\\>b", "c"},
    {"quoted, bare", BYTES("\"a<b>c\"@d"), "\"a<b>c\"@d", "\"a<b>c\"", "d"},
    {"quoted colon", BYTES("<\"a:b\"@c>"), "\"a:b\"@c", "\"a:b\"", "c"},

    {"route", BYTES("<@r1:u@d>"), "u@d", "u", "d"},
    {"route of two", BYTES("<@r1,@r2:u@d>"), "u@d", "u", "d"},
    {"route, bare", BYTES("@r1,@r2:u@d"), "u@d", "u", "d"},
    {"route, literal", BYTES("<@[IPv6:::1]:u@d>"), "u@d", "u", "d"},
    {"route, quoted", BYTES("<@r:\"a:b\"@d>"), "\"a:b\"@d", "\"a:b\"", "d"},
    {"route, blank", BYTES("<@r: u@d>"), "u@d", "u", "d"},
    {"route without a mailbox", BYTES("<@r:>"), "@r:", "", "r:"},
    {"route, no colon", BYTES("<@r,@s>"), "@r,@s", "@r,", "s"},
    {"colon, no route", BYTES("<a:b@c>"), "a:b@c", "a:b", "c"},
    {"quoted domain", BYTES("<a@\"b\">"), "a@\"b\"", "a", "\"b\""},
    {"escaped at", BYTES("<a\\@b@c>"), "a\\@b@c", "a\\@b", "c"},
    {"no route in quotes", BYTES("<@a\"b:c\"@d>"), "@a\"b:c\"@d", "@a\"b:c\"",
	"d"},

    {"blanks behind", BYTES("<a@b>  \t"), "a@b", "a", "b"},
    {"blanks before", BYTES(" \t<a@b>"), "a@b", "a", "b"},
    {"blanks within", BYTES("< a@b >"), "a@b", "a", "b"},
    {"line end", BYTES("<a@b>\r\n"), "a@b", "a", "b"},
    {"parameters", BYTES("<a@b> SIZE=1"), "a@b", "a", "b"},
    {"display name", BYTES("Bob <a@b>"), "a@b", "a", "b"},
    {"quoted name", BYTES("\"B<o>b\" <a@b>"), "a@b", "a", "b"},
    {"parameter without a blank, 8.17.1", BYTES("<a@b>SIZE=100"), "a@b", "a",
	"b"},
    {"comment before, both", BYTES("(x)<a@b>"), "a@b", "a", "b"},
    {"comment behind, both", BYTES("<a@b>(x)"), "a@b", "a", "b"},
    {"path in a comment before, both", BYTES("(<c@d>)<a@b>"), "a@b", "a", "b"},
    {"path in a comment behind, both", BYTES("<a@b>(<c@d>)"), "a@b", "a", "b"},
    {"two paths, 8.17.1", BYTES("<a@b><c@d>"), "c@d", "c", "d"},
    {"path in a path, both", BYTES("<a@b <c@d>>"), "c@d", "c", "d"},
    {"twice in brackets, both", BYTES("<<a@b>>"), "a@b", "a", "b"},
    {"closed twice, 3.7.11", BYTES("<a@b>>"), "a@b", "a", "b"},
    {"path in a comment within", BYTES("<a@b(<c@d>)>"), "a@b(<c@d>)", "a",
	"b(<c@d>)"},
    {"comment within", BYTES("<a(x@y)@b>"), "a(x@y)@b", "a(x@y)", "b"},
    {"comment not closed", BYTES("<a@b(@c>"), "a@b(@c", "a", "b(@c"},
    {"comment in a comment", BYTES("<a@b((x)<c@d>)>"), "a@b((x)<c@d>)", "a",
	"b((x)<c@d>)"},
    {"quote in a comment", BYTES("(\")<a@b>(\")"), "a@b", "a", "b"},

    {"not closed", BYTES("<a@b"), "a@b", "a", "b"},
    {"not opened", BYTES("a@b>"), "a@b>", "a", "b>"},
    {"bracket in the middle", BYTES("a<b@c"), "a<b@c", "a<b", "c"},
    {"opened alone", BYTES("<"), "", "", ""},
    {"closed alone", BYTES(">"), ">", ">", ""},
    {"quote not closed", BYTES("<\"a@b>"), "\"a@b", "\"a@b", ""},
    {"quote not closed, bare", BYTES("\"a@b"), "\"a@b", "\"a@b", ""},
    {"quote alone", BYTES("<\">"), "\"", "\"", ""},
    {"backslash last", BYTES("<a@b\\"), "a@b\\", "a", "b\\"},
    {"backslash alone", BYTES("\\"), "\\", "\\", ""},
    {"escaped close", BYTES("<a@b\\>"), "a@b\\", "a", "b\\"},
    {"literal not closed", BYTES("<@[r:u@d>"), "@[r:u@d", "@[r:u", "d"},
};

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mf_text mailbox = path_mailbox(rows[i].arg);

		expect_text(rows[i].name, "mailbox", mailbox,
		    mf_text_of(rows[i].mailbox));
		expect_text(rows[i].name, "local", path_local(mailbox),
		    mf_text_of(rows[i].local));
		expect_text(rows[i].name, "domain", path_domain(mailbox),
		    mf_text_of(rows[i].domain));
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

/* What real MTAs give for {mail_addr}; the domain is that of the envelope. */
static const struct {
	const char *name, *arg, *macro,
	    *sender; /* sender NULL: can't be told */
} senders[] = {
    {"plain", "<a@sender.test>", "a@sender.test", "a@sender.test"},
    {"plain, no macro", "<a@sender.test>", NULL, "a@sender.test"},
    {"case, 3.7.11", "<A@SENDER.Test>", "a@sender.test", "A@SENDER.Test"},
    {"own domain, 8.17.1", "<a@fwd.test>", "a", "a@fwd.test"},
    {"percent, own domain, 8.17.1", "<a%dest.test@fwd.test>", "a@dest.test",
	"a%dest.test@fwd.test"},
    {"UTF-8, 3.7.11", "<b\xc3\xbc@sender.test>", "b\xe3\xbc@sender.test",
	"b\xc3\xbc@sender.test"},
    {"dots at the end, 8.17.1", "<a@sender.test..>", "a@sender.test",
	"a@sender.test"},
    {"dots at the end, no macro", "<a@sender.test..>", NULL, NULL},
    {"dot at the end", "<a@sender.test.>", NULL, "a@sender.test."},
    {"no domain, 3.7.11", "<a>", "a@fwd.test", "a@fwd.test"},
    {"no domain, own domain, 8.17.1", "<a>", "a", NULL},
    {"no domain, no macro", "<a>", NULL, NULL},
    {"one label, 8.17.1", "<a@mx>", "a@mx.fwd.test", "a@mx.fwd.test"},
    {"one label, 3.7.11", "<a@localhost>", "a@localhost", "a@localhost"},
    {"one label and a dot", "<a@test.>", "a@test", "a@test."},
    {"literal", "<a@[IPv6:::1]>", NULL, "a@[IPv6:::1]"},
    {"null", "<>", "", ""},
    {"null, no macro", "<>", NULL, ""},
    {"null, internal", "", NULL, ""},
    {"comment in the domain", "<a@sender(x).test>", "a@sender.test",
	"a@sender.test"},
    {"comment for a dot, 8.17.1", "<a@sender(x)test>", "a@sender.test",
	"a@sender.test"},
    {"comment, no macro", "<a@sender(x).test>", NULL, NULL},
    {"null in a comment", "<(a@sender.test)>", "", ""},
    {"null by route, 3.7.11", "<@dest.test:>", "", ""},
    {"comment, own domain, 8.17.1", "<a@fwd.test(x)>", "a", NULL},
    {"group", "<x:a@sender.test;>", "a@sender.test", "a@sender.test"},
    {"quoted domain, 3.7.11", "<a@\"sender.test\">", "a@sender.test",
	"a@sender.test"},
    {"escaped domain, 3.7.11", "<a@sender\\.test>", "a@sender.test",
	"a@sender.test"},
    {"quoted whole", "<\"a@dest.test\">", "a@dest.test", "a@dest.test"},
    {"percent", "<a%dest.test>", "a@dest.test", "a@dest.test"},
    {"bang", "<dest.test!a>", "a@dest.test", "a@dest.test"},
    {"blank", "<a@ sender.test>", "a@sender.test", "a@sender.test"},
    {"two at, 3.7.11", "<a@b@sender.test>", "\"a@b\"@sender.test",
	"\"a@b\"@sender.test"},
    {"at the end, 3.7.11", "<a@sender.test@>", "a@sender.test",
	"a@sender.test"},
    {"comment not closed, 3.7.11", "<victim@dest.test(@sender.test>",
	"victim@dest.test", "victim@dest.test"},
};

static void
meant(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(senders); i++) {
		struct mf_text sender;
		bool ok = path_sender(mf_text_of(senders[i].arg),
		    mf_text_of(senders[i].macro), &sender);

		expect_int(
		    senders[i].name, "ok", ok, senders[i].sender != NULL);
		if (ok)
			expect_text(senders[i].name, "sender", sender,
			    mf_text_of(senders[i].sender));
	}
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
	assert_int_equal(path_mailbox(mf_text_of(NULL)).len, 0);
	assert_int_equal(path_local(mf_text_of(NULL)).len, 0);
	assert_int_equal(path_domain(mf_text_of(NULL)).len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	    cmocka_unit_test(plainness),
	    cmocka_unit_test(meant),
	    cmocka_unit_test(folding),
	    cmocka_unit_test(no_text),
	};

	return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}

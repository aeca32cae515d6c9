/* SPDX-License-Identifier: ISC */
/*
 * srsd/shapes.h: keys as sendmail's rulesets write them.
 *
 * Where the source is "8.17.1", the key is what that sendmail asked.
 */
#include "tests/unit/support.h"

#include "srsd/shapes.h"

#define E_CARON "\xc4\x9b" /* U+011B, whose second octet is the delimiter */

static const struct {
	const char *name;
	struct mf_text key;
	const char *host, *address, *plain;
} keys[] = {
    {"8.17.1",
	BYTES("recipient.example\x9b"
	      "bob.smith<@example.com.>"),
	"recipient.example", "bob.smith<@example.com.>",
	"bob.smith@example.com"},
    {"8.17.1, null sender", BYTES("recipient.example\x9b<@>"),
	"recipient.example", "<@>", ""},
    {"8.17.1, needless quotes gone",
	BYTES("recipient.example\x9b"
	      "blah blah<@orig.com.>"),
	"recipient.example", "blah blah<@orig.com.>", "\"blah blah\"@orig.com"},
    {"8.17.1, kept quotes",
	BYTES("recipient.example\x9b\"Blah Blah\"<@orig.com.>"),
	"recipient.example", "\"Blah Blah\"<@orig.com.>",
	"\"Blah Blah\"@orig.com"},
    {"8.17.1, unqualified", BYTES("recipient.example\x9blocaluser<@mx.a.>"),
	"recipient.example", "localuser<@mx.a.>", "localuser@mx.a"},
    {"host with a dot", BYTES("recipient.example.\x9b<@>"), "recipient.example",
	"<@>", ""},
    {"host is a dot",
	BYTES(".\x9b"
	      "bob<@a.>"),
	"", "bob<@a.>", "bob@a"},
    {"host in brackets",
	BYTES("[192.0.2.1]\x9b"
	      "bob<@a.>"),
	"[192.0.2.1]", "bob<@a.>", "bob@a"},
    {"IPv6 in brackets",
	BYTES("[IPv6:2001:db8::1]\x9b"
	      "bob<@a.>"),
	"[IPv6:2001:db8::1]", "bob<@a.>", "bob@a"},
    {"hosts to try in turn",
	BYTES("[mx1.a]:[mx2.a]\x9b"
	      "bob<@a.>"),
	"[mx1.a]:[mx2.a]", "bob<@a.>", "bob@a"},
    {"no host",
	BYTES("\x9b"
	      "bob<@a.>"),
	"", "bob<@a.>", "bob@a"},
    {"no delimiter", BYTES("bob<@a.>"), "", "bob<@a.>", "bob@a"},
    {"nothing", BYTES(""), "", "", ""},
    {"delimiter alone", BYTES("\x9b"), "", "", ""},
    {"host alone", BYTES("a.example\x9b"), "a.example", "", ""},

    {"delimiter in the address", BYTES("h.example\x9b\x9b<@a.>"), "h.example",
	"\x9b<@a.>", "\x9b@a"},
    {"UTF-8 in the address", BYTES("h.example\x9b" E_CARON "va<@a.>"),
	"h.example", E_CARON "va<@a.>", E_CARON "va@a"},
    {"UTF-8 without host", BYTES(E_CARON "va<@a.>"), "", E_CARON "va<@a.>",
	E_CARON "va@a"},
    {"UTF-8 in the host",
	BYTES("p" E_CARON "t.example\x9b"
	      "bob<@a.>"),
	"p" E_CARON "t.example", "bob<@a.>", "bob@a"},
    {"three octets",
	BYTES("\xe2\x9b\x94.example\x9b"
	      "bob<@a.>"),
	"\xe2\x9b\x94.example", "bob<@a.>", "bob@a"},
    {"four octets",
	BYTES("\xf0\x9f\x9b\x91.example\x9b"
	      "bob<@a.>"),
	"\xf0\x9f\x9b\x91.example", "bob<@a.>", "bob@a"},
    {"no UTF-8: Latin-1",
	BYTES("\xe4.example\x9b"
	      "bob<@a.>"),
	"\xe4.example", "bob<@a.>", "bob@a"},
    {"behind an address",
	BYTES("bob<@a.>\x9b"
	      "eve<@b.>"),
	"",
	"bob<@a.>\x9b"
	"eve<@b.>",
	"\"bob<@a.>\x9b"
	"eve\"@b"},
    {"behind a blank",
	BYTES("b c\x9b"
	      "eve<@b.>"),
	"",
	"b c\x9b"
	"eve<@b.>",
	"\"b c\x9b"
	"eve\"@b"},
    {"behind an @",
	BYTES("a@b\x9b"
	      "eve<@b.>"),
	"",
	"a@b\x9b"
	"eve<@b.>",
	"\"a@b\x9b"
	"eve\"@b"},
};

static const struct {
	const char *name, *input, *plain;
} addresses[] = {
    {"8.17.1, reverse", "srs0=abcd=g3=example.com=bob<@mx.example.>",
	"srs0=abcd=g3=example.com=bob@mx.example"},
    {"8.17.1, unqualified", "bob", "bob"},
    {"plain", "bob@example.com", "bob@example.com"},
    {"no dot", "bob<@example.com>", "bob@example.com"},
    {"no domain", "bob<@>", "bob"},
    {"a dot for a domain", "bob<@.>", "bob"},
    {"null", "<@>", ""},
    {"null with a dot", "<@.>", ""},
    {"empty", "", ""},
    {"two dots", "bob<@a..>", "bob@a."},
    {"quoted <@", "\"a<@b.>\"<@c.>", "\"a<@b.>\"@c"},
    {"quoted <@ last", "\"a\"<@b.>\"", "\"a\"<@b.>\""},
    {"a quoted <@ alone", "\"a<@b.>\"", "\"a<@b.>\""},
    {"not closed", "bob<@a.", "bob<@a."},
    {"not opened", "bob@a.>", "bob@a.>"},
    {"< only", "bob<a.>", "bob<a.>"},
    {"more behind", "bob<@a.>x", "bob<@a.>x"},
    {"brackets around", "<bob@example.com>", "<bob@example.com>"},
    {"literal", "bob<@[192.0.2.1].>", "bob@[192.0.2.1]"},
    {"a pipe", "|/bin/cat", "|/bin/cat"},
    {"short", "<", "<"},
    {"shorter", "<@", "<@"},
};

/* Answers that change nothing, but for quotes that sendmail has stripped. */
static const struct {
	const char *name, *input, *expect;
} unchanged[] = {
    {"as it came", "bob<@example.com.>", "bob<@example.com.>"},
    {"null", "<@>", "<@>"},
    {"empty", "", "<@>"},
    {"unqualified", "bob", "bob"},
    {"plain", "bob@example.com", "bob@example.com"},
    {"stripped", "blah blah<@orig.com.>", "\"blah blah\"<@orig.com.>"},
    {"stripped, with an @", "a@b<@orig.com.>", "\"a@b\"<@orig.com.>"},
    {"stripped, with a <@", "a<@b<@orig.com.>", "\"a<@b\"<@orig.com.>"},
    {"every special", "(<@c.>", "\"(\"<@c.>"},
    {"quoted already", "\"a b\"<@c.>", "\"a b\"<@c.>"},
    {"a quote within", "a\"b c<@d.>", "a\"b c<@d.>"},
    {"a backslash within", "a\\b c<@d.>", "a\\b c<@d.>"},
    {"atoms need none", "a.b!#$%&'*+-/=?^_`{|}~<@c.>",
	"a.b!#$%&'*+-/=?^_`{|}~<@c.>"},
    {"UTF-8 needs none", E_CARON "<@c.>", E_CARON "<@c.>"},
    {"no dot", "a b<@c>", "\"a b\"<@c>"},
    {"not closed", "bob<@c.", "bob<@c."},
};

static void
stays_unchanged(void **state)
{
	static const char specials[] = "()<>[]:;@, \t";

	(void)state;
	for (size_t i = 0; i < COUNT(unchanged); i++) {
		char room[128];
		struct text_out out = text_out(room, sizeof(room));

		shapes_unchanged(mf_text_of(unchanged[i].input), &out);
		expect_text(unchanged[i].name, "answer", out_view(&out),
		    mf_text_of(unchanged[i].expect));
	}
	for (const char *c = specials; *c != '\0'; c++) {
		char given[16], want[16], room[16];
		struct text_out out = text_out(room, sizeof(room));

		snprintf(given, sizeof(given), "a%cb<@d.>", *c);
		snprintf(want, sizeof(want), "\"a%cb\"<@d.>", *c);
		shapes_unchanged(mf_text_of(given), &out);
		expect_text(given, "answer", out_view(&out), mf_text_of(want));
	}
}

static void
make_srs_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++) {
		struct make_srs_key key = shapes_make_srs_key(keys[i].key);
		char room[128];
		struct text_out out = text_out(room, sizeof(room));

		expect_text(
		    keys[i].name, "host", key.host, mf_text_of(keys[i].host));
		expect_text(keys[i].name, "address", key.address,
		    mf_text_of(keys[i].address));
		shapes_to_plain(key.address, &out);
		expect_text(keys[i].name, "plain", out_view(&out),
		    mf_text_of(keys[i].plain));
	}
}

static void
to_plain(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(addresses); i++) {
		char room[128];
		struct text_out out = text_out(room, sizeof(room));

		shapes_to_plain(mf_text_of(addresses[i].input), &out);
		expect_text(addresses[i].name, "plain", out_view(&out),
		    mf_text_of(addresses[i].plain));
	}
}

static void
from_plain(void **state)
{
	static const char *const pairs[][2] = {
	    {"bob@example.com", "bob<@example.com.>"},
	    {"\"a@b\"@example.com", "\"a@b\"<@example.com.>"},
	    {"SRS0=a=b=c=d@e.example", "SRS0=a=b=c=d<@e.example.>"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		char room[64], back[64];
		struct text_out out = text_out(room, sizeof(room));
		struct text_out plain = text_out(back, sizeof(back));

		shapes_from_plain(mf_text_of(pairs[i][0]), &out);
		expect_text(
		    "from", "shape", out_view(&out), mf_text_of(pairs[i][1]));
		shapes_to_plain(out_view(&out), &plain);
		expect_text(
		    "from", "back", out_view(&plain), mf_text_of(pairs[i][0]));
	}
}

/* Parts are parts of the key, and nothing but quotes is added. */
static void
any_key(void **state)
{
	static const char octets[] = "ab.@<>\"\x9b\xc4\x9b\xe2\x94 |";
	uint64_t seed = 5;
	char text[32], room[40];

	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct mf_text key = {text, random_next(&seed) % sizeof(text)};
		struct text_out out = text_out(room, sizeof(room));
		struct make_srs_key parts;
		struct mf_text end;

		for (size_t k = 0; k < key.len; k++)
			text[k] =
			    octets[random_next(&seed) % (sizeof(octets) - 1)];
		parts = shapes_make_srs_key(key);
		end = text_from(key, key.len - parts.address.len);
		assert_true(mf_text_eq(parts.address, end));
		assert_true(text_starts(key, parts.host));
		assert_true(parts.address.len == key.len ||
		    key.p[key.len - parts.address.len - 1] == '\x9b');
		assert_int_equal(text_find(parts.host, '@'), parts.host.len);
		shapes_to_plain(parts.address, &out);
		assert_false(out.full);
		assert_true(out.len <= parts.address.len + 2);
		out = text_out(room, sizeof(room));
		shapes_unchanged(parts.address, &out);
		assert_false(out.full);
		assert_true(out.len != 0 && out.len <= parts.address.len + 3);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(make_srs_keys),
	    cmocka_unit_test(to_plain),
	    cmocka_unit_test(stays_unchanged),
	    cmocka_unit_test(from_plain),
	    cmocka_unit_test(any_key),
	};

	return cmocka_run_group_tests_name("shapes", tests, NULL, NULL);
}

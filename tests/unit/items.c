/* SPDX-License-Identifier: ISC */
/*
 * common/split.h, common/items.h, common/domain.h: text cut into items, and
 * which items each type takes, in which form, and what is said of others.
 *
 * Sources: RFC 5890 2.3.1 (LDH labels), 5892 (code points), 5321 4.1.2 and 4.1.3
 * (local parts and literals); postsrsd 1.x's lists with blanks.
 */
#include "tests/unit/support.h"

#include "common/domain.h"
#include "common/items.h"
#include "common/split.h"

/* --- cutting --- */

enum { VALUE = 0, COMMENTS = 1, PAIRS = 2 };

static const struct {
	int how;
	const char *text;
	const char *items; /* "LINE:ITEM" each, behind each a "|" */
} split_rows[] = {
    {VALUE, "", ""},
    {VALUE, " ,\t, \n ", ""},
    {VALUE, "a", "1:a|"},
    {VALUE, ".example.com example.org", "1:.example.com|1:example.org|"},
    {VALUE, "a,b, c ,d\te", "1:a|1:b|1:c|1:d|1:e|"},
    {VALUE, "a\nb\n\n c,\nd", "1:a|2:b|4:c|5:d|"},
    {VALUE, "a\r\nb", "1:a|2:b|"},
    {VALUE, "a;b c", "1:a;b|1:c|"},
    {VALUE, "a # b", "1:a|1:#|1:b|"},
    {VALUE, "\"a b\"@x c", "1:\"a b\"@x|1:c|"},
    {VALUE, "\"a,\\\" b\"@x,c", "1:\"a,\\\" b\"@x|1:c|"},
    {VALUE, "\"a b\nc\"", "1:\"a|1:b|2:c\"|"},
    {VALUE, "a\"b c\"", "1:a\"b|1:c\"|"},
    {COMMENTS, "a # b, c\nd", "1:a|2:d|"},
    {COMMENTS, "# a\n#b\n\nc #d", "4:c|"},
    {COMMENTS, "a#b ,#c\n", "1:a#b|"},
    {COMMENTS, "\"#\"@a", "1:\"#\"@a|"},
    {PAIRS, "a=b c = d,e =f g= h", "1:a=b|1:c = d|1:e =f|1:g= h|"},
    {PAIRS, "a b = c", "1:a|1:b = c|"},
    {PAIRS, "a =\nb", "1:a =|2:b|"},
    {PAIRS, "a = , b", "1:a =|1:b|"},
    {PAIRS, "= a", "1:= a|"},
    {PAIRS | COMMENTS, "a = b # c = d\ne = # f", "1:a = b|2:e =|"},
};

static void
cutting(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(split_rows); i++) {
		char have[512];
		struct text_out out = text_out(have, sizeof(have) - 1);
		struct split split = {.rest = mf_text_of(split_rows[i].text),
		    .has_comments = (split_rows[i].how & COMMENTS) != 0,
		    .has_pairs = (split_rows[i].how & PAIRS) != 0,
		    .line = 1};
		struct mf_text item;

		while (split_next(&split, &item)) {
			out_uint(&out, split.line);
			out_char(&out, ':');
			out_text(&out, item);
			out_char(&out, '|');
		}
		have[out.len] = '\0';
		expect_str(
		    split_rows[i].text, "items", have, split_rows[i].items);
	}
}

/* --- reading --- */

#define L63  "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"
#define LQ   "\xe2\x80\x9c"
#define RQ   "\xe2\x80\x9d"
#define ONLY "a domain has letters, digits, \"-\", \"_\" and dots only"
#define EMPTY                                                      \
	"it has an empty label: two dots in a row, or one at the " \
	"start"
#define NO_CHAR "it has a character not allowed in domains (IDNA2008)"
#define HYPHEN  "a label must not begin or end with \"-\""
#define NUMBER  "its last label is a number"
#define NO_IP   "an IP address in the place of a domain is in brackets"
#define QUOTES                                                            \
	"a local part with such a character is in quotes: \"a b\"@exampl" \
	"e.com"

static const struct {
	const struct item_type *type;
	const char *item;
	const char *kept; /* NULL: refused */
	const char *said;
} rows[] = {
    {&item_domain, "example.com", "example.com", ""},
    {&item_domain, "Example.Com.", "Example.Com", ""},
    {&item_domain, "_a.b_c.example", "_a.b_c.example", ""},
    {&item_domain, "a--b.example", "a--b.example", ""},
    {&item_domain,
	"b\xc3\xbc"
	"cher.example",
	"xn--bcher-kva.example", ""},
    {&item_domain,
	"B\xc3\x9c"
	"CHER.Example",
	"xn--bcher-kva.example", ""},
    {&item_domain, "xn--bcher-kva.example", "xn--bcher-kva.example", ""},
    {&item_domain, "fa\xc3\x9f.example", "xn--fa-hia.example", ""},
    {&item_domain, "1.2.example", "1.2.example", ""},
    {&item_domain, L63 ".example", L63 ".example", ""},
    {&item_domain, "x" L63 ".example", NULL,
	"it has a label of more than 63 characters"},
    {&item_domain, "localhost", NULL, "it has no dot"},
    {&item_domain, "xn--zzzzzz---.example", NULL, HYPHEN},
    {&item_domain, "xn--zz.9.example", NULL,
	"it has a label that begins with xn-- and is not punycode"},
    {&item_domain, ".example.com", NULL, EMPTY},
    {&item_domain, "a..example", NULL, EMPTY},
    {&item_domain, ".", NULL, EMPTY},
    {&item_domain, "-a.example", NULL, HYPHEN},
    {&item_domain, "a-.example", NULL, HYPHEN},
    {&item_domain, "192.0.2.1", NULL, NUMBER},
    {&item_domain, "a.example.5", NULL, NUMBER},
    {&item_domain, "*.example.com", NULL, ONLY},
    {&item_domain, "$myhostname", NULL, ONLY},
    {&item_domain, LQ "srs.example" RQ, NULL, "write srs.example"},
    {&item_domain, "srs.example" RQ, NULL, "write srs.example"},
    {&item_domain, "\"srs.example\"", NULL, "write srs.example"},
    {&item_domain, "'srs.example'", NULL, "write srs.example"},
    {&item_domain, "\xe2\x98\x83.example", NULL, NO_CHAR},
    {&item_domain, "b\xfc.example", NULL, "it is not UTF-8"},
    {&item_domain, "user@b.example", NULL, "it is an address"},

    {&item_domains, ".example.com", ".example.com", ""},
    {&item_domains, ".com", ".com", ""},
    {&item_domains, "localhost", "localhost", ""},
    {&item_domains, ".b\xc3\xbc.example.", ".xn--b-eha.example", ""},
    {&item_domains, "[192.0.2.1]", "[192.0.2.1]", ""},
    {&item_domains, "[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]", ""},
    {&item_domains, "[2001:db8::1]", NULL, ONLY},
    {&item_domains, "192.0.2.1", NULL, NO_IP},
    {&item_domains, "*.example.com", NULL, "write .example.com"},
    {&item_domains, "*example.com", NULL, "write .example.com"},
    {&item_domains, "..example.com", NULL, "write .example.com"},
    {&item_domains, "*@example.com", NULL, "write example.com"},
    {&item_domains, "@example.com", NULL, "write example.com"},
    {&item_domains, "\"*.example.com\";", NULL, "write .example.com"},
    {&item_domains, "a.example;", NULL, "write a.example"},
    {&item_domains, "a.example;b.example", NULL,
	"commas or blanks separate items"},
    {&item_domains, "a.example:25", NULL, "write a.example"},
    {&item_domains, "http://a.example/x", NULL, "write a.example"},
    {&item_domains, "https://a.example:443/", NULL, "write a.example"},
    {&item_domains, "hash:/etc/postfix/x", NULL,
	"a list file is plain text, and named by its path alone"},
    {&item_domains, "#", NULL, "a comment needs a line of its own"},
    {&item_domains, "*", NULL, ONLY},
    {&item_domains, "user@", NULL, "it is an address"},
    {&item_mail_domains, "[192.0.2.1]", NULL, ONLY},
    {&item_mail_domains, ".example.com", ".example.com", ""},

    {&item_destinations, "[hub.example.com]", "[hub.example.com]", ""},
    {&item_destinations, "[192.0.2.1]", "[192.0.2.1]", ""},
    {&item_destinations, "hub", "hub", ""},
    {&item_destinations, "[a b]", NULL, ONLY},

    {&item_addresses, "example.com", "example.com", ""},
    {&item_addresses, ".example.com", ".example.com", ""},
    {&item_addresses, "user@Example.com.", "user@Example.com", ""},
    {&item_addresses, "user@", "user@", ""},
    {&item_addresses, "user@b\xc3\xbc.example", "user@xn--b-eha.example", ""},
    {&item_addresses, "b\xc3\xbc@example.com", "b\xc3\xbc@example.com", ""},
    {&item_addresses, "user@[192.0.2.1]", "user@[192.0.2.1]", ""},
    {&item_addresses, "\"a b\"@example.com", "\"a b\"@example.com", ""},
    {&item_addresses, "a..b@example.com", "a..b@example.com", ""},
    {&item_addresses, "<user@example.com>", NULL, "write user@example.com"},
    {&item_addresses, "mailto:user@example.com", NULL,
	"write user@example.com"},
    {&item_addresses, "user@*", NULL, "write user@"},
    {&item_addresses, "*@example.com", NULL, "write example.com"},
    {&item_addresses, "*user@example.com", NULL,
	"there are no wildcards in addresses"},
    {&item_addresses, "a@b@example.com", NULL, QUOTES},
    {&item_addresses, "user@.example.com", NULL, EMPTY},
    {&item_addresses, "user@example.com;", NULL, "write user@example.com"},
    {&item_addresses, "b\xfc@example.com", NULL, "it is not UTF-8"},

    {&item_user, "postmaster", "postmaster", ""},
    {&item_user, "mailer-daemon", "mailer-daemon", ""},
    {&item_user, "mailer-daemon@example.com", NULL,
	"its domain doesn't count: write what is before the @"},
    {&item_user, LQ "root" RQ, NULL, "write root"},

    {&item_mailer, "*file*", "*file*", ""},
    {&item_mailer, "\"local\"", NULL, "write local"},

    {&item_hosts, "192.0.2.1", "192.0.2.1", ""},
    {&item_hosts, "192.168.0.*", "192.168.0.*", ""},
    {&item_hosts, "2001:db8::/32", "2001:db8::/32", ""},
    {&item_hosts, "*.example.com", "*.example.com", ""},
    {&item_hosts, "b\xc3\xbc.example", "xn--b-eha.example", ""},
    {&item_hosts, "192.0.2.0/33", NULL, "not a prefix length from 0 to 32"},
    {&item_hosts, "192.0.2.1;", NULL, "write 192.0.2.1"},
    {&item_hosts, "300.0.2.1", NULL, ""},
    {&item_hosts, LQ "192.0.2.1" RQ, NULL, "write 192.0.2.1"},

    {&item_ip, "192.0.2.1", "192.0.2.1", ""},
    {&item_ip, "2001:db8::1", "2001:db8::1", ""},
    {&item_ip, "192.0.2.0/24", NULL, "each address is an item of its own"},
    {&item_ip, "mail.example.com", NULL, ""},

    {&item_socket, "inet:1@127.0.0.1", "inet:1@127.0.0.1", ""},
    {&item_socket, "inet:0@127.0.0.1", NULL,
	"the port is not a number from 1 to 65535"},
    {&item_socket, "foo", NULL, ""},
};

static void
reading(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char have[1024];
		struct text_out out = text_out(have, sizeof(have));
		bool ok =
		    item_read(rows[i].type, mf_text_of(rows[i].item), &out);
		const char *want =
		    ok && rows[i].kept != NULL ? rows[i].kept : rows[i].said;

		expect_text(rows[i].item, "kept or said", out_view(&out),
		    mf_text_of(want));
		expect_int(rows[i].item, "ok", ok, rows[i].kept != NULL);
	}
}

/* Whatever is no letter, digit, "-", "_" or dot is in no domain. */
static void
octets_of_domains(void **state)
{
	(void)state;
	for (int c = 0; c < 128; c++) {
		char name[] = "a?b.example", room[64];
		struct text_out out = text_out(room, sizeof(room));
		const char *why;
		bool want = c != 0 &&
		    strchr(
			"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"0123456789-_.",
			c) != NULL;

		name[1] = (char)c;
		bool have =
		    domain_read(mf_text_at(name, sizeof(name) - 1), &out, &why);
		if (have != want)
			fail_msg("octet %d", c);
		assert_true(have ? why == NULL : *why != '\0');
	}
}

static void
long_domains(void **state)
{
	char name[600], room[600];
	const char *why;

	(void)state;
	for (size_t len = 240; len < 600; len++) {
		struct text_out out = text_out(room, sizeof(room));

		for (size_t i = 0; i < len; i++)
			name[i] = i % 2 != 0 && i + 1 < len ? '.' : 'a';
		assert_int_equal(domain_read(mf_text_at(name, len), &out, &why),
		    len <= DOMAIN_MAX);
	}
	/* As UTF-8 it is longer than as A-labels, which is what counts. */
	struct text_out out = text_out(name, sizeof(name));
	for (int i = 0; i < 100; i++)
		out_str(&out, "\xe4\xb8\xad");
	struct text_out to = text_out(room, sizeof(room));
	assert_false(domain_read(out_view(&out), &to, &why));
	assert_int_equal(domain_labels(MF_TEXT("")), 0);
	assert_int_equal(domain_labels(MF_TEXT("a")), 1);
	assert_int_equal(domain_labels(MF_TEXT("a.b.c")), 3);
}

/* For comparing: what is no domain stays as it is. */
static void
ascii_of_domains(void **state)
{
	static const char *const pairs[][2] = {{"A.example.", "A.example."},
	    {"b\xc3\xbc.example.", "xn--b-eha.example"}, {"", ""},
	    {"b\xfc.example", "b\xfc.example"}, {"a b", "a b"}};

	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		char room[DOMAIN_MAX + 1];

		expect_text(pairs[i][0], "ascii",
		    domain_ascii(mf_text_of(pairs[i][0]), room),
		    mf_text_of(pairs[i][1]));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cutting),
	    cmocka_unit_test(reading),
	    cmocka_unit_test(octets_of_domains),
	    cmocka_unit_test(long_domains),
	    cmocka_unit_test(ascii_of_domains),
	};

	return cmocka_run_group_tests_name("items", tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * milter/hosts.h: lists of hosts, and who is in them.
 *
 * Sources: the spellings of pymilter's internal_connect and trusted_relay, of
 * Postfix's mynetworks ("[2001:db8::]/32") and of domain literals (RFC 5321
 * 4.1.3); RFC 4291 2.5.5.2 for mapped addresses.
 */
#include "tests/unit/support.h"

#include "milter/hosts.h"

#define ITEMS_MAX 5000

static struct mf_text items[ITEMS_MAX];

/* Build a list from what stands between blanks. */
static bool
build(struct hosts *hosts, const char *written, struct heard *heard)
{
	struct conf_list conf = {.items = items};
	struct mf_text rest = mf_text_of(written);
	struct report report = report_to(heard);
	bool ok;

	while (rest.len != 0) {
		struct mf_text one = rest;

		if (!text_cut(&rest, ' ', &one))
			rest.len = 0;
		assert_true(conf.count < ITEMS_MAX);
		items[conf.count++] = one;
	}
	ok = hosts_build(hosts, &conf, "DIR/conf", 7, "trusted_relay", &report);
	assert_int_equal(ok, report.errors == 0);
	return ok;
}

static const struct {
	const char *list;
	const char *ip; /* NULL: none */
	const char *name;
	bool expect;
} rows[] = {
    {"", "192.0.2.1", "mail.example.com", false},
    {"", NULL, "", false},

    /* addresses */
    {"192.0.2.1", "192.0.2.1", "", true},
    {"192.0.2.1", "192.0.2.2", "", false},
    {"192.0.2.1", "192.0.2.2", "192.0.2.1", false},
    {"192.0.2.1", NULL, "192.0.2.1", false},
    {"192.0.2.1", "2001:db8::c000:201", "", false},
    {"[192.0.2.1]", "192.0.2.1", "", true},
    {"2001:db8::1", "2001:db8::1", "", true},
    {"2001:DB8:0:0::1", "2001:db8::1", "", true},
    {"2001:db8::1", "2001:db8::2", "", false},
    {"[2001:db8::1]", "2001:db8::1", "", true},
    {"IPv6:2001:db8::1", "2001:db8::1", "", true},
    {"[IPv6:2001:db8::1]", "2001:db8::1", "", true},
    {"[ipv6:2001:db8::1]", "2001:db8::1", "", true},
    {"[::1]", "::1", "", true},
    {"0.0.0.0", "0.0.0.0", "", true},
    {"0.0.0.0", "192.0.2.1", "", false},
    {"255.255.255.255", "255.255.255.255", "", true},

    /* mapped addresses are IPv4 */
    {"::ffff:192.0.2.1", "192.0.2.1", "", true},
    {"192.0.2.1", "::ffff:192.0.2.1", "", true},
    {"::ffff:c000:201", "192.0.2.1", "", true},
    {"::ffff:192.0.2.0/120", "192.0.2.77", "", true},
    {"::ffff:192.0.2.0/120", "192.0.3.77", "", false},
    {"::ffff:192.0.2.0/128", "192.0.2.0", "", true},
    {"::ffff:192.0.2.0/128", "192.0.2.1", "", false},
    {"::ffff:0:0/96", "203.0.113.9", "", true},
    {"::ffff:0:0/96", "2001:db8::1", "", false},
    {"[::ffff:192.0.2.0]/120", "192.0.2.77", "", true},

    /* networks */
    {"192.0.2.0/24", "192.0.2.0", "", true},
    {"192.0.2.0/24", "192.0.2.255", "", true},
    {"192.0.2.0/24", "192.0.3.0", "", false},
    {"192.0.2.0/24", "192.0.1.255", "", false},
    {"192.0.2.128/25", "192.0.2.127", "", false},
    {"192.0.2.128/25", "192.0.2.128", "", true},
    {"192.0.2.4/31", "192.0.2.5", "", true},
    {"192.0.2.4/31", "192.0.2.6", "", false},
    {"192.0.2.4/32", "192.0.2.4", "", true},
    {"192.0.2.4/32", "192.0.2.5", "", false},
    {"128.0.0.0/1", "128.0.0.0", "", true},
    {"128.0.0.0/1", "127.255.255.255", "", false},
    {"0.0.0.0/0", "203.0.113.9", "", true},
    {"0.0.0.0/0", "2001:db8::1", "", false},
    {"0.0.0.0/0", NULL, "localhost", false},
    {"::/0", "2001:db8::1", "", true},
    {"::/0", "203.0.113.9", "", false},
    {"::/0", "::ffff:203.0.113.9", "", false},
    {"2001:db8::/32", "2001:db8:ffff::1", "", true},
    {"2001:db8::/32", "2001:db9::1", "", false},
    {"2001:db8::/33", "2001:db8:8000::", "", false},
    {"2001:db8::/127", "2001:db8::1", "", true},
    {"2001:db8::/127", "2001:db8::2", "", false},
    {"[2001:db8::]/32", "2001:db8:1::1", "", true},
    {"fe80::/10", "febf::1", "", true},
    {"fe80::/10", "fec0::1", "", false},

    /* networks in networks, and out of order */
    {"10.1.2.0/24 10.0.0.0/8 10.1.0.0/16", "10.200.0.1", "", true},
    {"10.1.2.0/24 10.0.0.0/8 10.1.0.0/16", "10.1.2.3", "", true},
    {"10.1.2.0/24 10.0.0.0/8 10.1.0.0/16", "11.0.0.0", "", false},
    {"192.0.2.9 192.0.2.5 192.0.2.7", "192.0.2.5", "", true},
    {"192.0.2.9 192.0.2.5 192.0.2.7", "192.0.2.6", "", false},
    {"192.0.2.9 192.0.2.5 192.0.2.7", "192.0.2.9", "", true},
    {"::/0 0.0.0.0/0 192.0.2.1", "192.0.2.2", "", true},
    {"2001:db8::1 192.0.2.1 2001:db8::/64 10.0.0.0/8", "2001:db8::9", "", true},
    {"192.0.2.1 192.0.2.1 192.0.2.1/32", "192.0.2.1", "", true},

    /* patterns over addresses */
    {"192.168.0.*", "192.168.0.77", "", true},
    {"192.168.0.*", "192.168.1.77", "", false},
    {"192.168.*", "192.168.1.77", "", true},
    {"192.168.*", "192.16.81.77", "", false},
    {"192.168.*.1", "192.168.7.1", "", true},
    {"192.168.*.1", "192.168.7.11", "", false},
    {"192.168.0.?", "192.168.0.7", "", true},
    {"192.168.0.?", "192.168.0.77", "", false},
    {"*", "192.168.0.77", "", true},
    {"*", "2001:db8::1", "", true},
    {"*", NULL, "mail.example.com", false},
    {"192.168.0.*", NULL, "192.168.0.77", false},
    {"192.168.0.*", "203.0.113.9", "192.168.0.77", false},
    {"192.168.0.*", "::ffff:192.168.0.77", "", true},
    {"2001:db8:*", "2001:db8:1::1", "", true},
    {"2001:DB8:*", "2001:db8:1::1", "", true},
    {"2001:db8:*", "2001:db80::1", "", false},
    {"*:*", "192.0.2.1", "", false},

    /* names */
    {"mail.example.com", "192.0.2.1", "mail.example.com", true},
    {"mail.example.com", "192.0.2.1", "MAIL.Example.COM", true},
    {"MAIL.Example.COM", "192.0.2.1", "mail.example.com", true},
    {"mail.example.com", "192.0.2.1", "mail.example.com.", true},
    {"mail.example.com.", "192.0.2.1", "mail.example.com", true},
    {"mail.example.com", NULL, "mail.example.com", true},
    {"mail.example.com", "192.0.2.1", "", false},
    {"mail.example.com", "192.0.2.1", "example.com", false},
    {"mail.example.com", "192.0.2.1", "a.mail.example.com", false},
    {"mail.example.com", "192.0.2.1", "mail.example.com.evil.example", false},
    {"mail_1.example.com", "192.0.2.1", "mail_1.example.com", true},
    {"3com.example 1.2.3.x", "192.0.2.1", "1.2.3.x", true},

    /* names below */
    {".example.com", "192.0.2.1", "mail.example.com", true},
    {".example.com", "192.0.2.1", "a.b.EXAMPLE.com.", true},
    {".example.com", "192.0.2.1", "example.com", false},
    {".example.com", "192.0.2.1", ".example.com", false},
    {".example.com", "192.0.2.1", "badexample.com", false},
    {".example.com", "192.0.2.1", "", false},
    {"*.example.com", "192.0.2.1", "mail.example.com", true},
    {"*.example.com", "192.0.2.1", "a.b.example.com", true},
    {"*.Example.com.", "192.0.2.1", "mail.example.com", true},
    {"*.example.com", "192.0.2.1", "example.com", false},
    {"*.example.com", "192.0.2.1", "badexample.com", false},
    {".com", "192.0.2.1", "example.com", true},

    /* patterns over names */
    {"mx?.example.com", "192.0.2.1", "mx1.example.com", true},
    {"mx?.example.com", "192.0.2.1", "MX1.example.com", true},
    {"mx?.example.com", "192.0.2.1", "mx12.example.com", false},
    {"mx?.example.com", "192.0.2.1", "mx.example.com", false},
    {"mx*.example.com", "192.0.2.1", "mx.example.com", true},
    {"mx*.example.com", "192.0.2.1", "mx.a.example.com", true},
    {"*.mx.*.example.com", "192.0.2.1", "a.mx.b.example.com", true},
    {"*.mx.*.example.com", "192.0.2.1", "a.mx.example.com", false},
    {"mail.*", "192.0.2.1", "mail.example.com", true},
    {"mail.*", "192.0.2.1", "mail", false},
    {"mail.**", "192.0.2.1", "mail.", false},
    {"*a*b*c", "192.0.2.1", "aabbcabc", true},
    {"*a*b*c", "192.0.2.1", "aabbcab", false},
    {"*.x.*", NULL, "a.x.b", true},
    {"*.x.*", "192.0.2.1", "", false},

    /* localhost */
    {"localhost", "127.0.0.1", "localhost", true},
    {"localhost", NULL, "localhost", true},
    {"localhost", "127.0.0.1", "", true},
    {"localhost", "127.9.9.9", "", true},
    {"localhost", "::1", "", true},
    {"localhost", "::ffff:127.0.0.1", "", true},
    {"localhost", "127.0.0.1", "mail.example.com", false},
    {"localhost", "192.0.2.1", "", false},
    {"localhost", "::2", "", false},
    {"localhost", NULL, "", false},

    /* one of several */
    {"mail.example.com 192.0.2.0/24", "192.0.2.9", "", true},
    {"mail.example.com 192.0.2.0/24", "203.0.113.9", "mail.example.com", true},
    {"mail.example.com 192.0.2.0/24", "203.0.113.9", "m.example.com", false},
};

static void
table(void **state)
{
	static struct heard heard;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct hosts hosts;
		struct spf_ip ip;
		bool have;

		build(&hosts, rows[i].list, &heard);
		expect_str(rows[i].list, "reported", heard.text, "");
		if (rows[i].ip != NULL)
			assert_true(spf_ip_parse(mf_text_of(rows[i].ip), &ip));
		have = hosts_has(&hosts, rows[i].ip != NULL ? &ip : NULL,
		    mf_text_of(rows[i].name));
		if (have != rows[i].expect)
			fail_msg("\"%s\" %s %s \"%s\"", rows[i].list,
			    have ? "has" : "hasn't",
			    rows[i].ip != NULL ? rows[i].ip : "no address",
			    rows[i].name);
		hosts_free(&hosts);
		hosts_free(&hosts);
	}
}

/* A mapped address that nobody has made IPv4, with rubbish behind others. */
static void
raw_addresses(void **state)
{
	static struct heard heard;
	struct hosts hosts;
	struct spf_ip mapped = {
	    .v6 = true, .octets = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1}};
	struct spf_ip rubbish = {.octets = {192, 0, 2, 1, 9, 9, [15] = 9}};

	(void)state;
	assert_true(build(&hosts, "192.0.2.1", &heard));
	assert_true(hosts_has(&hosts, &mapped, MF_TEXT("")));
	assert_true(hosts_has(&hosts, &rubbish, MF_TEXT("")));
	hosts_free(&hosts);
	assert_true(build(&hosts, "::/0", &heard));
	assert_false(hosts_has(&hosts, &mapped, MF_TEXT("")));
	hosts_free(&hosts);
}

#define NEITHER                                     \
	"error: DIR/conf:7: trusted_relay: not an " \
	"address, network, host name or pattern: "
#define NO_NETWORK "error: DIR/conf:7: trusted_relay: not a network: "
#define NO_PREFIX                                         \
	"error: DIR/conf:7: trusted_relay: not a prefix " \
	"length from "
#define BITS                                        \
	"warning: DIR/conf:7: trusted_relay: host " \
	"bits set; ignored: "

static const struct {
	const char *list;
	const char *heard;
} reports[] = {
    {"192.0.2.1/24", BITS "\"192.0.2.1/24\"\n"},
    {"2001:db8::1/64", BITS "\"2001:db8::1/64\"\n"},
    {"::ffff:192.0.2.1/120", BITS "\"::ffff:192.0.2.1/120\"\n"},
    {"192.0.2.1/0", BITS "\"192.0.2.1/0\"\n"},
    {"192.0.2.0/33", NO_PREFIX "0 to 32: \"192.0.2.0/33\"\n"},
    {"192.0.2.0/", NO_PREFIX "0 to 32: \"192.0.2.0/\"\n"},
    {"192.0.2.0/-1", NO_PREFIX "0 to 32: \"192.0.2.0/-1\"\n"},
    {"192.0.2.0/24/8", NO_PREFIX "0 to 32: \"192.0.2.0/24/8\"\n"},
    {"192.0.2.0/255.255.255.0",
	NO_PREFIX "0 to 32: \"192.0.2.0/255.255.255.0\"\n"},
    {"192.0.2.0/18446744073709551640",
	NO_PREFIX "0 to 32: \"192.0.2.0/18446744073709551640\"\n"},
    {"2001:db8::/129", NO_PREFIX "0 to 128: \"2001:db8::/129\"\n"},
    {"::ffff:192.0.2.0/129", NO_PREFIX "96 to 128: \"::ffff:192.0.2.0/129\"\n"},
    {"::ffff:192.0.2.0/24", NO_PREFIX "96 to 128: \"::ffff:192.0.2.0/24\"\n"},
    {"192.0.2/24", NO_NETWORK "\"192.0.2/24\"\n"},
    {"/24", NO_NETWORK "\"/24\"\n"},
    {"mail.example.com/24", NO_NETWORK "\"mail.example.com/24\"\n"},
    {"192.168.0.*/24", NO_NETWORK "\"192.168.0.*/24\"\n"},
    {"192.0.2", NEITHER "\"192.0.2\"\n"},
    {"192.0.2.256", NEITHER "\"192.0.2.256\"\n"},
    {"192.0.2.1.", NEITHER "\"192.0.2.1.\"\n"},
    {"192.0.2.1-9", NEITHER "\"192.0.2.1-9\"\n"},
    {"2001:db8:::1", NEITHER "\"2001:db8:::1\"\n"},
    {"fe80::1%eth0", NEITHER "\"fe80::1%eth0\"\n"},
    {"192.0.2.1:25", NEITHER "\"192.0.2.1:25\"\n"},
    {"[mail.example.com]", NEITHER "\"[mail.example.com]\"\n"},
    {"bob@example.com", NEITHER "\"bob@example.com\"\n"},
    {"!192.0.2.1", NEITHER "\"!192.0.2.1\"\n"},
    {".", NEITHER "\".\"\n"},
    {"..", NEITHER "\"..\"\n"},
    {"..example.com", NEITHER "\"..example.com\"\n"},
    {"example..com", NEITHER "\"example..com\"\n"},
    {"*.example com!", NEITHER "\"com!\"\n"},
    {"b\xc3\xbc.example", NEITHER "\"b\xc3\xbc.example\"\n"},
    {"*.b\xc3\xbc.example", NEITHER "\"*.b\xc3\xbc.example\"\n"},
    {"192.0.2.1 x! 192.0.2.2/24 y!",
	NEITHER "\"x!\"\n" BITS "\"192.0.2.2/24\"\n" NEITHER "\"y!\"\n"},
};

static void
reported(void **state)
{
	static struct heard heard;

	(void)state;
	for (size_t i = 0; i < COUNT(reports); i++) {
		struct hosts hosts;
		bool ok = build(&hosts, reports[i].list, &heard);

		expect_str(
		    reports[i].list, "heard", heard.text, reports[i].heard);
		expect_int(reports[i].list, "ok", ok,
		    strstr(reports[i].heard, "error") == NULL);
		hosts_free(&hosts);
	}
}

/* The good items of a list with bad ones are there. */
static void
what_is_good_is_kept(void **state)
{
	static struct heard heard;
	struct hosts hosts;
	struct spf_ip ip;

	(void)state;
	assert_false(build(&hosts, "x! 192.0.2.0/24 192.0.2.9 y!", &heard));
	assert_int_equal(hosts.count, 1);
	assert_true(spf_ip_parse(MF_TEXT("192.0.2.77"), &ip));
	assert_true(hosts_has(&hosts, &ip, MF_TEXT("")));
	hosts_free(&hosts);
}

static bool
is_in(const struct spf_ip *ip, const struct spf_ip *network, unsigned prefix)
{
	for (unsigned bit = 0; bit < prefix; bit++)
		if (((ip->octets[bit / 8] ^ network->octets[bit / 8]) >>
			(7 - bit % 8)) &
		    1)
			return false;
	return ip->v6 == network->v6;
}

#define NETWORKS 3000

/* Thousands of random networks, nested a lot: each answer is that of a walk. */
static void
many_networks(void **state)
{
	static char text[NETWORKS][SPF_IP_SIZE + 4];
	static struct spf_ip networks[NETWORKS];
	static unsigned prefixes[NETWORKS];
	static struct heard heard;
	struct conf_list conf = {items, NETWORKS};
	struct report report = {.say = report_ignore, .arg = &heard};
	struct hosts hosts;
	uint64_t dice = 4;
	unsigned hits = 0;

	(void)state;
	for (size_t i = 0; i < NETWORKS; i++) {
		struct spf_ip *n = &networks[i];
		uint64_t bits = random_next(&dice);
		size_t len;

		n->v6 = bits % 3 == 0;
		memcpy(n->octets, &bits, n->v6 ? 8 : 4);
		n->octets[0] = n->v6 ? 0x20 : 10;
		prefixes[i] = 12 + (unsigned)(bits >> 40) % (n->v6 ? 40 : 21);
		len = spf_ip_print(n, text[i]);
		snprintf(text[i] + len, 5, "/%u", prefixes[i]);
		items[i] = mf_text_of(text[i]);
	}
	assert_true(hosts_build(&hosts, &conf, NULL, 0, NULL, &report));
	assert_int_equal(report.errors, 0);
	for (size_t i = 0; i < 20000; i++) {
		struct spf_ip ip = networks[random_next(&dice) % NETWORKS];
		uint64_t change = random_next(&dice);
		bool want = false;

		ip.octets[change % 4] ^= (uint8_t)(change >> 8);
		for (size_t n = 0; n < NETWORKS && !want; n++)
			want = is_in(&ip, &networks[n], prefixes[n]);
		hits += want;
		expect_int("address", "found",
		    hosts_has(&hosts, &ip, MF_TEXT("")), want);
	}
	assert_true(hits > 2000 && hits < 18000);
	hosts_free(&hosts);
}

/* A pattern that takes a matcher with more than one way back for ever. */
static void
stars(void **state)
{
	static struct heard heard;
	struct hosts hosts;
	char name[255];

	(void)state;
	assert_true(build(&hosts,
	    "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b.example",
	    &heard));
	memset(name, 'a', sizeof(name));
	assert_false(hosts_has(&hosts, NULL, mf_text_at(name, sizeof(name))));
	hosts_free(&hosts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	    cmocka_unit_test(raw_addresses),
	    cmocka_unit_test(reported),
	    cmocka_unit_test(what_is_good_is_kept),
	    cmocka_unit_test(many_networks),
	    cmocka_unit_test(stars),
	};

	return cmocka_run_group_tests_name("hosts", tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * tools/spfquery/ipset.h: sets of addresses, against tables and against bits in
 * an array, in windows where numbers carry and end.
 */
#include "tests/unit/support.h"

#include "tools/spfquery/ipset.h"

#define SETS 20000

static struct ip_net
net_of(const char *text)
{
	struct ip_net net;

	if (!ip_net_parse(mf_text_of(text), &net))
		fail_msg("%s is no network", text);
	return net;
}

/* The set of networks with blanks between. */
static struct ipset
set_of(const char *nets, bool v6)
{
	struct ipset set = ipset_empty(v6);
	struct mf_text rest = mf_text_of(nets), word;

	while (rest.len != 0) {
		struct ip_net net;

		if (!text_cut(&rest, ' ', &word)) {
			word = rest;
			rest.len = 0;
		}
		assert_true(ip_net_parse(word, &net));
		ipset_add(&set, &net);
	}
	return set;
}

/* Its networks with blanks between. */
static const char *
text_of(const struct ipset *set)
{
	static char room[8192];
	struct text_out out = text_out(room, sizeof(room) - 1);
	struct ipset_walk walk = {0};
	char text[IP_NET_SIZE];
	struct ip_net net;

	while (ipset_next(set, &walk, &net)) {
		out_str(&out, out.len != 0 ? " " : "");
		out_text(&out, mf_text_at(text, ip_net_print(&net, text)));
	}
	assert_false(out.full);
	room[out.len] = '\0';
	return room;
}

/* --- tables --- */

static void
reads_networks(void **state)
{
	static const struct {
		const char *text, *expect; /* NULL: none */
	} rows[] = {
	    {"192.0.2.1", "192.0.2.1"},
	    {"192.0.2.1/32", "192.0.2.1"},
	    {"192.0.2.129/25", "192.0.2.128/25"},
	    {"255.255.255.255/0", "0.0.0.0/0"},
	    {"2001:DB8::1", "2001:db8::1"},
	    {"2001:db8::1/64", "2001:db8::/64"},
	    {"2001:db8::ff/121", "2001:db8::80/121"},
	    {"ffff::/0", "::/0"},
	    {"::ffff:192.0.2.1", "192.0.2.1"},
	    {"::ffff:192.0.2.1/120", "192.0.2.0/24"},
	    {"::ffff:192.0.2.1/96", "0.0.0.0/0"},
	    {"::ffff:192.0.2.1/95", NULL},
	    {"192.0.2.1/33", NULL},
	    {"2001:db8::/129", NULL},
	    {"192.0.2.1/", NULL},
	    {"192.0.2.1/+4", NULL},
	    {"192.0.2/24", NULL},
	    {"/24", NULL},
	    {"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[IP_NET_SIZE] = "";
		struct ip_net net;
		bool is = ip_net_parse(mf_text_of(rows[i].text), &net);

		expect_int(rows[i].text, "is one", is, rows[i].expect != NULL);
		if (!is)
			continue;
		ip_net_print(&net, text);
		expect_str(rows[i].text, "text", text, rows[i].expect);
	}
}

static void
merges(void **state)
{
	static const struct {
		bool v6;
		const char *nets, *expect, *count;
	} rows[] = {
	    {false, "", "", "0"},
	    {false, "192.0.2.1", "192.0.2.1", "1"},
	    {false, "192.0.2.0/25 192.0.2.128/25", "192.0.2.0/24", "256"},
	    {false, "192.0.2.128/25 192.0.2.0/25", "192.0.2.0/24", "256"},
	    {false, "192.0.2.128/25 192.0.3.0/25",
		"192.0.2.128/25 192.0.3.0/25", "256"},
	    {false, "192.0.2.0/24 192.0.2.7 192.0.2.128/26", "192.0.2.0/24",
		"256"},
	    {false, "192.0.2.7 192.0.2.128/26 192.0.2.0/24", "192.0.2.0/24",
		"256"},
	    {false, "192.0.2.1 192.0.2.3 192.0.2.2", "192.0.2.1 192.0.2.2/31",
		"3"},
	    {false, "0.0.0.0/1 128.0.0.0/1", "0.0.0.0/0", "4294967296"},
	    {false, "0.0.0.0 255.255.255.255", "0.0.0.0 255.255.255.255", "2"},
	    {true, "::/1 8000::/1", "::/0",
		"340282366920938463463374607431768211456"},
	    {true, "8000::/1", "8000::/1",
		"170141183460469231731687303715884105728"},
	    {true, "2001:db8::/32 2001:db9::/32", "2001:db8::/31",
		"158456325028528675187087900672"},
	    {true, "::ffff:ffff:ffff:ffff 0:0:0:1::",
		"::ffff:ffff:ffff:ffff 0:0:0:1::", "2"},
	    {true, "1::fffe 1::1:0 1::ffff", "1::fffe/127 1::1:0", "3"},
	    {true, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ::",
		":: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ipset set = set_of(rows[i].nets, rows[i].v6);
		char count[IPSET_COUNT_SIZE];

		expect_str(
		    rows[i].nets, "networks", text_of(&set), rows[i].expect);
		ipset_count_print(&set, count);
		expect_str(rows[i].nets, "count", count, rows[i].count);
		ipset_clear(&set);
	}
}

static void
subtracts(void **state)
{
	static const struct {
		bool v6;
		const char *a, *b, *minus, *both;
	} rows[] = {
	    {false, "192.0.2.0/24", "", "192.0.2.0/24", ""},
	    {false, "", "192.0.2.0/24", "", ""},
	    {false, "192.0.2.0/24", "192.0.2.0/24", "", "192.0.2.0/24"},
	    {false, "192.0.2.0/24", "192.0.2.128/25", "192.0.2.0/25",
		"192.0.2.128/25"},
	    {false, "192.0.2.0/30", "192.0.2.1", "192.0.2.0 192.0.2.2/31",
		"192.0.2.1"},
	    {false, "0.0.0.0/0", "255.255.255.255 0.0.0.0/1",
		"128.0.0.0/2 192.0.0.0/3 224.0.0.0/4 240.0.0.0/5 248.0.0.0/6 "
		"252.0.0.0/7 254.0.0.0/8 255.0.0.0/9 255.128.0.0/10 "
		"255.192.0.0/11 255.224.0.0/12 255.240.0.0/13 255.248.0.0/14 "
		"255.252.0.0/15 255.254.0.0/16 255.255.0.0/17 255.255.128.0/18 "
		"255.255.192.0/19 255.255.224.0/20 255.255.240.0/21 "
		"255.255.248.0/22 255.255.252.0/23 255.255.254.0/24 "
		"255.255.255.0/25 255.255.255.128/26 255.255.255.192/27 "
		"255.255.255.224/28 255.255.255.240/29 255.255.255.248/30 "
		"255.255.255.252/31 255.255.255.254",
		"0.0.0.0/1 255.255.255.255"},
	    {true, "2001:db8::/126", "2001:db8::/127", "2001:db8::2/127",
		"2001:db8::/127"},
	    {true, "::/0", "8000::/1", "::/1", "8000::/1"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct ipset a = set_of(rows[i].a, rows[i].v6);
		struct ipset b = set_of(rows[i].b, rows[i].v6);
		struct ipset minus = ipset_minus(&a, &b);
		struct ipset both = ipset_both(&a, &b);

		expect_str(
		    rows[i].a, rows[i].b, text_of(&minus), rows[i].minus);
		expect_str(rows[i].a, rows[i].b, text_of(&both), rows[i].both);
		ipset_clear(&a);
		ipset_clear(&b);
		ipset_clear(&minus);
		ipset_clear(&both);
	}
}

static void
knows_families_apart(void **state)
{
	struct ipset set = ipset_all(false);
	struct ip_net net = net_of("::1");

	(void)state;
	assert_false(ipset_has(&set, &net.ip));
	assert_false(ipset_has_net(&set, &net));
	assert_true(ipset_is_all(&set));
	ipset_clear(&set);
	assert_true(ipset_is_empty(&set));
}

/* --- against bits --- */

/* Where 256 addresses begin; carries and ends are among them. */
static const struct {
	const char *first;
	unsigned bits; /* prefix length of the window */
} windows[] = {
    {"0.0.0.0", 24},
    {"192.0.2.0", 24},
    {"255.255.255.0", 24},
    {"::", 120},
    {"::1:0:0:0", 120},
    {"2001:db8::ffff:ffff:ffff:ff00", 120},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00", 120},
};

struct bits {
	bool has[256];
};

static struct ip_net
net_in(struct ip_net window, unsigned at, unsigned host_bits)
{
	window.ip.octets[window.ip.v6 ? 15 : 3] = (uint8_t)at;
	return ip_net(&window.ip, window.bits + 8 - host_bits);
}

static struct ipset
random_set(uint64_t *random, struct ip_net window, struct bits *bits)
{
	struct ipset set = ipset_empty(window.ip.v6);
	unsigned nets = (unsigned)(random_next(random) % 12);

	memset(bits, 0, sizeof(*bits));
	while (nets-- > 0) {
		unsigned at = (unsigned)(random_next(random) % 256);
		unsigned host = (unsigned)(random_next(random) % 7);
		struct ip_net net = net_in(window, at, host);

		ipset_add(&set, &net);
		for (unsigned i = 0; i < 1U << host; i++)
			bits->has[(at >> host << host) + i] = true;
	}
	return set;
}

static void
expect_bits(
    const struct ipset *set, struct ip_net window, const struct bits *bits)
{
	char count[IPSET_COUNT_SIZE], expect[8];
	struct ipset again = ipset_empty(set->v6);
	struct ipset_walk walk = {0};
	unsigned n = 0;
	size_t nets = 0;
	struct ip_net net;

	for (unsigned i = 0; i < 256; i++) {
		net = net_in(window, i, 0);
		assert_int_equal(ipset_has(set, &net.ip), bits->has[i]);
		n += bits->has[i];
	}
	snprintf(expect, sizeof(expect), "%u", n);
	ipset_count_print(set, count);
	assert_string_equal(count, expect);
	assert_int_equal(ipset_is_empty(set), n == 0);
	/* Its networks are itself, and none can be joined with its neighbour. */
	while (ipset_next(set, &walk, &net)) {
		struct ip_net wider = ip_net(&net.ip, net.bits - 1);

		assert_true(ipset_has_net(set, &net));
		assert_false(ipset_has_net(set, &wider));
		assert_false(ipset_has(&again, &net.ip));
		ipset_add(&again, &net);
		nets++;
	}
	assert_int_equal(nets, ipset_nets(set));
	assert_true(ipset_equal(&again, set));
	ipset_clear(&again);
}

static void
check_pair(uint64_t *random, struct ip_net window)
{
	struct bits x, y, both, either, minus;
	struct ipset a = random_set(random, window, &x);
	struct ipset b = random_set(random, window, &y);
	struct ipset copy = ipset_copy(&a), s;

	for (unsigned i = 0; i < 256; i++) {
		both.has[i] = x.has[i] && y.has[i];
		either.has[i] = x.has[i] || y.has[i];
		minus.has[i] = x.has[i] && !y.has[i];
	}
	expect_bits(&a, window, &x);
	s = ipset_both(&a, &b);
	expect_bits(&s, window, &both);
	ipset_clear(&s);
	s = ipset_union(&a, &b);
	expect_bits(&s, window, &either);
	ipset_clear(&s);
	s = ipset_minus(&a, &b);
	expect_bits(&s, window, &minus);
	ipset_clear(&s);
	assert_true(ipset_equal(&a, &copy));
	ipset_add_set(&a, &b);
	expect_bits(&a, window, &either);
	ipset_remove_set(&a, &b);
	ipset_remove_set(&copy, &b);
	assert_true(ipset_equal(&a, &copy));
	ipset_clear(&a);
	ipset_clear(&b);
	ipset_clear(&copy);
}

static void
agrees_with_bits(void **state)
{
	uint64_t random = 20240607;

	(void)state;
	for (size_t i = 0; i < SETS; i++) {
		size_t at = i % COUNT(windows);
		struct ip_net window = net_of(windows[at].first);

		window.bits = windows[at].bits;
		check_pair(&random, window);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_networks),
	    cmocka_unit_test(merges),
	    cmocka_unit_test(subtracts),
	    cmocka_unit_test(knows_families_apart),
	    cmocka_unit_test(agrees_with_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

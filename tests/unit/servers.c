/* SPDX-License-Identifier: ISC */
/* Name servers: lists of them, what is known of each, which one comes next. */
#include "tests/unit/support.h"

#include <netinet/in.h>
#include <stdlib.h>

#include "libspf-dns/servers.h"

static struct nameserver list[SPF_NAMESERVERS_MAX];

static size_t
read_list(const char *text)
{
	return nameservers_read_(mf_text_of(text), list);
}

/* --- lists --- */

static void
servers_are_read(void **state)
{
	static const struct {
		const char *text;
		unsigned port;
		const char *ip, *scope;
	} rows[] = {
	    {"192.0.2.1", 53, "192.0.2.1", ""},
	    {" 192.0.2.1:5353 ", 5353, "192.0.2.1", ""},
	    {"2001:db8::1", 53, "2001:db8::1", ""},
	    {"[2001:db8::1]:5353", 5353, "2001:db8::1", ""},
	    {"fe80::1%eth0", 53, "fe80::1", "eth0"},
	    {"[fe80::1%eth0]", 53, "fe80::1", "eth0"},
	    {"[fe80::1%eth0]:54", 54, "fe80::1", "eth0"},
	    {"[fe80::1]:54%2", 54, "fe80::1", "2"},
	};
	char ip[SPF_IP_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(read_list(rows[i].text), 1);
		spf_ip_print(&list[0].ip, ip);
		assert_string_equal(ip, rows[i].ip);
		assert_int_equal(list[0].port, rows[i].port);
		assert_string_equal(list[0].scope, rows[i].scope);
	}
}

static void
others_are_refused(void **state)
{
	static const char *const rows[] = {"", ",", "nonsense", "1.2.3",
	    "192.0.2.1%eth0", "fe80::1%", "fe80::1%a%b", "[fe80::1%a]:53%b",
	    "[fe80::1]%", "fe80::1%sixteen-letters-", "[fe80::1]:0",
	    "[fe80::1]:65536", "[fe80::1", "fe80::1]", "192.0.2.1,"};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(read_list(rows[i]), 0);
		assert_false(spf_nameservers_ok(mf_text_of(rows[i])));
	}
}

/* As c-ares may have them, or an administrator. */
static void
bad_entries_lose_only_themselves(void **state)
{
	char text[40 * 16] = "192.0.2.0,dns://192.0.2.9,,x,fe80::1%";
	struct text_out out = text_out(text, sizeof(text) - 1);

	(void)state;
	assert_int_equal(nameservers_read_some_(mf_text_of(text), list), 1);
	out.len = strlen(text);
	for (unsigned i = 1; i < 20; i++) {
		out_str(&out, ",192.0.2.");
		out_uint(&out, i);
	}
	text[out.len] = '\0';
	assert_int_equal(nameservers_read_some_(mf_text_of(text), list),
	    SPF_NAMESERVERS_MAX);
	for (uint8_t i = 0; i < SPF_NAMESERVERS_MAX; i++)
		assert_int_equal(list[i].ip.octets[3], i);
	assert_int_equal(nameservers_read_some_(MF_TEXT("x,"), list), 0);
}

static void
addresses_of_sockets(void **state)
{
	struct sockaddr_storage address;
	const struct sockaddr_in *in = (const void *)&address;
	const struct sockaddr_in6 *in6 = (const void *)&address;

	(void)state;
	read_list("192.0.2.1:5353,[fe80::1]:54%7,fe80::1%lo");
	assert_int_equal(nameserver_address_(&list[0], &address), sizeof(*in));
	assert_int_equal(in->sin_family, AF_INET);
	assert_int_equal(ntohs(in->sin_port), 5353);
	assert_int_equal(nameserver_address_(&list[1], &address), sizeof(*in6));
	assert_int_equal(in6->sin6_family, AF_INET6);
	assert_int_equal(ntohs(in6->sin6_port), 54);
	assert_int_equal(in6->sin6_scope_id, 7);
	assert_false(nameserver_eq_(&list[1], &list[2]));
	assert_true(nameserver_eq_(&list[1], &list[1]));
}

/* --- turns --- */

static void
set(struct servers *servers, const char *text)
{
	size_t count = read_list(text);

	assert_true(count != 0);
	assert_true(servers_set_(servers, list, count));
}

static void
in_order_those_behind_last(void **state)
{
	struct servers s = {.count = 0};

	(void)state;
	assert_int_equal(servers_choose_(&s, 0, 0), -1);
	set(&s, "192.0.2.1,192.0.2.2,192.0.2.3");
	assert_int_equal(servers_choose_(&s, 0, servers_start_(&s)), 0);
	assert_int_equal(servers_choose_(&s, 1, 0), 1);
	assert_int_equal(servers_choose_(&s, 7, 0), -1);
	for (unsigned i = 0; i < SERVER_MISSES_MAX; i++) {
		assert_int_equal(servers_choose_(&s, 0, 0), 0);
		assert_true(server_is_doubtful_(s.all[0]));
		server_missed_(s.all[0], 1000);
	}
	assert_int_equal(servers_choose_(&s, 0, 0), 1);
	assert_int_equal(servers_choose_(&s, 6, 0), 0);
	server_lost_(s.all[1], 1000);
	assert_int_equal(servers_choose_(&s, 0, 0), 2);
	/* A late answer is none in time. */
	server_answered_(s.all[0], false);
	assert_int_equal(servers_choose_(&s, 0, 0), 2);
	server_answered_(s.all[0], true);
	assert_int_equal(servers_choose_(&s, 0, 0), 0);
	assert_false(server_is_doubtful_(s.all[0]));
	s.all[0]->probing = true;
	assert_int_equal(servers_choose_(&s, 0, 0), 2);
	s.rotate = true;
	s.all[0]->probing = false;
	server_answered_(s.all[1], true);
	for (int i = 0; i < 6; i++)
		assert_int_equal(
		    servers_choose_(&s, 0, servers_start_(&s)), i % 3);
	servers_clear_(&s);
}

static void
probes(void **state)
{
	struct servers s = {.count = 0};

	(void)state;
	set(&s, "192.0.2.1,192.0.2.2");
	assert_null(servers_probe_(&s, s.all[1], 0));
	server_lost_(s.all[0], 1000);
	assert_null(servers_probe_(&s, s.all[1], 1000 + SERVER_PROBE_MS - 1));
	assert_ptr_equal(
	    servers_probe_(&s, s.all[1], 1000 + SERVER_PROBE_MS), s.all[0]);
	assert_null(servers_probe_(&s, s.all[0], UINT64_MAX));
	s.all[0]->probing = true;
	assert_null(servers_probe_(&s, s.all[1], UINT64_MAX));
	servers_clear_(&s);
}

static void
what_is_known_stays_with_the_server(void **state)
{
	struct servers s = {.count = 0};
	struct dns_server *second;
	unsigned generation;

	(void)state;
	set(&s, "192.0.2.1,192.0.2.2");
	second = s.all[1];
	second->no_edns_ms = 7;
	generation = s.generation;
	set(&s, "192.0.2.1,192.0.2.2");
	assert_int_equal(s.generation, generation);
	server_hold_(s.all[0]);
	struct dns_server *gone = s.all[0];
	set(&s, "192.0.2.3,192.0.2.2,192.0.2.3");
	assert_int_not_equal(s.generation, generation);
	assert_int_equal(s.count, 2);
	assert_ptr_equal(s.all[1], second);
	assert_int_equal(second->no_edns_ms, 7);
	assert_false(second->gone);
	assert_true(gone->gone);
	server_release_(gone);
	servers_clear_(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(servers_are_read),
	    cmocka_unit_test(others_are_refused),
	    cmocka_unit_test(bad_entries_lose_only_themselves),
	    cmocka_unit_test(addresses_of_sockets),
	    cmocka_unit_test(in_order_those_behind_last),
	    cmocka_unit_test(probes),
	    cmocka_unit_test(what_is_known_stays_with_the_server),
	};

	return cmocka_run_group_tests_name("servers", tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * common/sockaddr.h: libmilter's and Postfix's spellings, and what is refused.
 */
#include "tests/unit/support.h"

#include "common/sockaddr.h"

#define P9   "/23456789"
#define P90  P9 P9 P9 P9 P9 P9 P9 P9 P9 P9
#define H10  "abcdefghi."
#define H50  H10 H10 H10 H10 H10
#define H250 H50 H50 H50 H50 H50

static const struct {
	struct mf_text input;
	enum sockaddr_family family;
	const char *host; /* or path */
	uint16_t port;
} good[] = {
    {BYTES("unix:/run/srsd"), SOCKADDR_UNIX, "/run/srsd", 0},
    {BYTES("local:/run/srsd"), SOCKADDR_UNIX, "/run/srsd", 0},
    {BYTES("/run/srsd"), SOCKADDR_UNIX, "/run/srsd", 0},
    {BYTES("unix:/a:b@c"), SOCKADDR_UNIX, "/a:b@c", 0},
    {BYTES("unix:/" P90 "1234567890123456"), SOCKADDR_UNIX,
	"/" P90 "1234567890123456", 0}, /* 107 octets */
    {BYTES("inet:10003@127.0.0.1"), SOCKADDR_INET, "127.0.0.1", 10003},
    {BYTES("inet:10003@localhost"), SOCKADDR_INET, "localhost", 10003},
    {BYTES("inet:127.0.0.1:10003"), SOCKADDR_INET, "127.0.0.1", 10003},
    {BYTES("inet:[127.0.0.1]:25"), SOCKADDR_INET, "127.0.0.1", 25},
    {BYTES("inet:1@h"), SOCKADDR_INET, "h", 1},
    {BYTES("inet:65535@h"), SOCKADDR_INET, "h", 65535},
    {BYTES("inet6:10003@::1"), SOCKADDR_INET6, "::1", 10003},
    {BYTES("inet6:10003@[::1]"), SOCKADDR_INET6, "::1", 10003},
    {BYTES("inet6:[::1]:10003"), SOCKADDR_INET6, "::1", 10003},
    {BYTES("inet6:::1:10003"), SOCKADDR_INET6, "::1", 10003},
    {BYTES("inet6:10003@fe80::1%eth0"), SOCKADDR_INET6, "fe80::1%eth0", 10003},
    {BYTES("inet:1@" H250 "abcde"), SOCKADDR_INET, H250 "abcde", 1},
};

#define NOT_ONE \
	"not a socket address: unix:/path, inet:PORT@HOST or inet6:PORT@HOST"
#define NO_SLASH "the path of a unix socket must begin with \"/\""
#define TOO_LONG "the path is too long for a unix socket (107 octets)"
#define NO_PORT  "the port is not a number from 1 to 65535"
#define NO_HOST  "the host is empty or too long"
#define NO_COLON \
	"no host: write inet:PORT@HOST, for instance inet:10003@127.0.0.1"

static const struct {
	struct mf_text input;
	const char *why;
} bad[] = {
    {BYTES(""), NOT_ONE},
    {BYTES("srsd"), NOT_ONE},
    {BYTES("127.0.0.1:10003"), NOT_ONE},
    {BYTES("tcp:10003@127.0.0.1"), NOT_ONE},
    {BYTES("INET:10003@127.0.0.1"), NOT_ONE},
    {BYTES("fd:3"), NOT_ONE},
    {BYTES(" inet:1@h"), NOT_ONE},
    {BYTES("unix:"), NO_SLASH},
    {BYTES("unix:srsd"), NO_SLASH},
    {BYTES("local:@abstract"), NO_SLASH},
    {BYTES("unix:/" P90 "12345678901234567"), TOO_LONG},
    {BYTES("/" P90 "12345678901234567"), TOO_LONG},
    {BYTES("unix:/a\0b"), TOO_LONG},
    {BYTES("inet:10003"), NO_COLON},
    {BYTES("inet:"), NO_COLON},
    {BYTES("inet:0@127.0.0.1"), NO_PORT},
    {BYTES("inet:65536@127.0.0.1"), NO_PORT},
    {BYTES("inet:-1@127.0.0.1"), NO_PORT},
    {BYTES("inet:smtp@127.0.0.1"), NO_PORT},
    {BYTES("inet:@127.0.0.1"), NO_PORT},
    {BYTES("inet:127.0.0.1:"), NO_PORT},
    {BYTES("inet:127.0.0.1@10003"), NO_PORT}, /* the wrong way round */
    {BYTES("inet:18446744073709561619@h"), NO_PORT},
    {BYTES("inet:10003@"), NO_HOST},
    {BYTES("inet::10003"), NO_HOST},
    {BYTES("inet6:10003@[]"), NO_HOST},
    {BYTES("inet:1@a\0b"), NO_HOST},
    {BYTES("inet:1@" H250 "abcdef"), NO_HOST},
};

static void
accepted(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		const char *name = good[i].input.p, *why = NULL;
		struct sockaddr_spec spec;

		if (!sockaddr_parse(good[i].input, &spec, &why))
			fail_msg("%s: %s", name, why);
		expect_int(name, "family", spec.family, good[i].family);
		expect_int(name, "port", spec.port, good[i].port);
		expect_str(name, "place",
		    spec.family == SOCKADDR_UNIX ? spec.path : spec.host,
		    good[i].host);
	}
}

static void
refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		struct sockaddr_spec spec;
		const char *why = NULL;

		if (sockaddr_parse(bad[i].input, &spec, &why))
			fail_msg("\"%s\" was accepted", bad[i].input.p);
		expect_str(bad[i].input.p, "why", why, bad[i].why);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(accepted),
	    cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests_name("sockaddr", tests, NULL, NULL);
}

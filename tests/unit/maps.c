/* SPDX-License-Identifier: ISC */
/*
 * srsd/maps.h: each map with each outcome, and that sendmail's maps answer OK
 * and an address whatever they are asked.
 */
#include "srsd/maps.h"
#include "tests/unit/rewriters.h"

#define LINES                                                           \
	"fwdomain=srs.example.com, c.example=srs.customer.example\n"    \
	"own_domains=own.example\nses=ses.example\nsign=sign.example\n" \
	"nosrs=n.example\nses_server=7\n"

#define SRS0_LOCAL "SRS0=msJqy3=G3=example.net=bob"
#define FORGED     "SRS0=XXXXXX=G3=example.net=bob@srs.example.com"
#define FORGED_KEY "SRS0=XXXXXX=G3=example.net=bob<@srs.example.com.>"
#define LONG_LOCAL "a-local-part-of-forty-nine-octets-is-one-too-many-x"
#define NO_SUCH_MAP                                                   \
	"no such map; there are make_srs, reverse_srs, srs_forward, " \
	"srs_reverse, forward, reverse and probe"

static struct made made;
static struct message_ids ids;
static struct map_lookup lookup;
static struct map_answer answer;

static int
setup(void **state)
{
	if (scratch_setup(state) != 0)
		return -1;
	make_well(&made, LINES);
	return 0;
}

static int
teardown(void **state)
{
	unmake(&made);
	return scratch_teardown(state);
}

#define MAKE   "make_srs h.example\x9b"
#define NO_MAP 99 /* nothing was decided */

static const struct {
	struct mf_text request;
	enum map_status status;
	const char *data;
	int reason; /* enum policy_reason or NO_MAP */
} rows[] = {
    /* make_srs */
    {BYTES(MAKE "bob<@example.net.>"), MAP_OK, SRS0_LOCAL "<@srs.example.com.>",
	POLICY_FORWARDED},
    {BYTES("make_srs@c.example h.example\x9b"
	   "bob<@example.net.>"),
	MAP_OK, SRS0_LOCAL "<@srs.customer.example.>", POLICY_FORWARDED},
    {BYTES(MAKE "<@>"), MAP_OK, "<@>", POLICY_NULL_SENDER},
    {BYTES(MAKE), MAP_OK, "<@>", POLICY_NULL_SENDER},
    {BYTES("make_srs "), MAP_OK, "<@>", POLICY_NULL_SENDER},
    {BYTES(MAKE "bob"), MAP_OK, "bob", POLICY_UNQUALIFIED},
    {BYTES(MAKE "bob<@own.example.>"), MAP_OK, "bob<@own.example.>",
	POLICY_OWN_DOMAIN},
    {BYTES("make_srs n.example.\x9b"
	   "bob<@example.net.>"),
	MAP_OK, "bob<@example.net.>", POLICY_RECIPIENT_EXCLUDED},
    {BYTES(MAKE SRS0_LOCAL "<@srs.example.com.>"), MAP_OK,
	SRS0_LOCAL "<@srs.example.com.>", POLICY_OWN_SRS},
    {BYTES(MAKE "carol<@ses.example.>"), MAP_OK,
	"SES=BZEUL0UYG_C4XQVF-P=carol<@ses.example.>", POLICY_SES_SIGNED},
    {BYTES(MAKE "dave<@sign.example.>"), MAP_OK,
	"SRS0=u_37K-=G3==dave<@sign.example.>", POLICY_SIGNED},
    {BYTES(MAKE LONG_LOCAL "<@example.net.>"), MAP_OK,
	LONG_LOCAL "<@example.net.>", POLICY_TOO_LONG},
    {BYTES(MAKE "bob<@example.net.>x"), MAP_OK, "bob<@example.net.>x",
	POLICY_BAD_ADDRESS},
    /* quotes that K lines without -q have taken off, or nobody has written */
    {BYTES(MAKE "a b<@example.net.>"), MAP_OK,
	"\"SRS0=cvjIMS=G3=example.net=a b\"<@srs.example.com.>",
	POLICY_FORWARDED},
    {BYTES(MAKE "a b<@own.example.>"), MAP_OK, "\"a b\"<@own.example.>",
	POLICY_OWN_DOMAIN},
    {BYTES(MAKE "a b@own.example"), MAP_OK, "\"a b\"@own.example",
	POLICY_OWN_DOMAIN},
    {BYTES(MAKE "a@b@own.example"), MAP_OK, "\"a@b\"@own.example",
	POLICY_OWN_DOMAIN},
    {BYTES("reverse_srs a b@example.net"), MAP_OK, "\"a b\"@example.net",
	POLICY_NOT_SRS},
    {BYTES("reverse_srs /var/spool/a b@c"), MAP_OK, "/var/spool/a b@c",
	POLICY_NOT_SRS},
    {BYTES("reverse_srs :include:/a b@c"), MAP_OK, ":include:/a b@c",
	POLICY_NOT_SRS},
    {BYTES("reverse_srs |/bin/cat a@b"), MAP_OK, "\"|/bin/cat a@b\"",
	POLICY_NOT_SRS},
    {BYTES("forward a b@example.net"), MAP_OK,
	"\"SRS0=cvjIMS=G3=example.net=a b\"@srs.example.com", POLICY_FORWARDED},
    {BYTES("forward \"a b\"@example.net"), MAP_OK,
	"\"SRS0=cvjIMS=G3=example.net=a b\"@srs.example.com", POLICY_FORWARDED},
    {BYTES("reverse \"SRS0=cvjIMS=G3=example.net=a b\"@srs.example.com"),
	MAP_OK, "\"a b\"@example.net", POLICY_RESTORED},
    {BYTES("reverse SRS0=cvjIMS=G3=example.net=a b@srs.example.com"), MAP_OK,
	"\"a b\"@example.net", POLICY_RESTORED},
    {BYTES("forward a\"b@example.net"), MAP_NOTFOUND, "", POLICY_BAD_ADDRESS},
    {BYTES("forward b\xfc@example.net"), MAP_NOTFOUND, "", POLICY_BAD_ADDRESS},
    {BYTES("forward bob@example.net "), MAP_NOTFOUND, "", POLICY_BAD_ADDRESS},
    {BYTES("forward bob@exa mple.net"), MAP_NOTFOUND, "", POLICY_BAD_ADDRESS},

    /* reverse_srs */
    {BYTES("reverse_srs " SRS0_LOCAL "<@srs.example.com.>"), MAP_OK,
	"bob<@example.net.>", POLICY_RESTORED},
    {BYTES("reverse_srs srs0=msjqy3=g3=example.net=bob<@srs.example.com.>"),
	MAP_OK, "bob<@example.net.>", POLICY_RESTORED},
    {BYTES("reverse_srs " SRS0_LOCAL "@srs.example.com"), MAP_OK,
	"bob<@example.net.>", POLICY_RESTORED},
    {BYTES("reverse_srs " SRS0_LOCAL "<@elsewhere.example.>"), MAP_OK,
	"bob<@example.net.>", POLICY_RESTORED}, /* pysrs: any domain */
    {BYTES("reverse_srs bob<@example.net.>"), MAP_OK, "bob<@example.net.>",
	POLICY_NOT_SRS},
    {BYTES("reverse_srs " FORGED_KEY), MAP_OK, FORGED_KEY,
	POLICY_BAD_SIGNATURE},
    {BYTES("reverse_srs "), MAP_OK, "<@>", POLICY_NOT_SRS},
    {BYTES("reverse_srs bob"), MAP_OK, "bob", POLICY_NOT_SRS},
    {BYTES("reverse_srs |/bin/cat -u"), MAP_OK, "\"|/bin/cat -u\"",
	POLICY_NOT_SRS},
    {BYTES("reverse_srs SES=BZEUL0UYG_C4XQVF-P=carol<@ses.example.>"), MAP_OK,
	"carol<@ses.example.>", POLICY_RESTORED},

    /* forward, srs_forward */
    {BYTES("forward bob@example.net"), MAP_OK, SRS0_LOCAL "@srs.example.com",
	POLICY_FORWARDED},
    {BYTES("srs_forward bob@example.net"), MAP_OK,
	SRS0_LOCAL "@srs.example.com", POLICY_FORWARDED},
    {BYTES("forward@C.Example bob@example.net"), MAP_OK,
	SRS0_LOCAL "@srs.customer.example", POLICY_FORWARDED},
    {BYTES("forward@d.example bob@example.net"), MAP_OK,
	SRS0_LOCAL "@srs.example.com", POLICY_FORWARDED},
    {BYTES("forward Bob.Smith@Example.NET"), MAP_OK,
	"SRS0=yPsXf6=G3=Example.NET=Bob.Smith@srs.example.com",
	POLICY_FORWARDED},
    {BYTES("forward carol@ses.example"), MAP_OK,
	"SES=BZEUL0UYG_C4XQVF-P=carol@ses.example", POLICY_SES_SIGNED},
    {BYTES("forward \"\""), MAP_NOTFOUND, "", POLICY_NULL_SENDER},
    {BYTES("forward <>"), MAP_NOTFOUND, "", POLICY_NULL_SENDER},
    {BYTES("forward "), MAP_NOTFOUND, "", POLICY_NULL_SENDER},
    {BYTES("forward bob"), MAP_NOTFOUND, "", POLICY_UNQUALIFIED},
    {BYTES("forward @example.net"), MAP_NOTFOUND, "", POLICY_UNQUALIFIED},
    {BYTES("forward bob@own.example"), MAP_NOTFOUND, "", POLICY_OWN_DOMAIN},
    {BYTES("forward " SRS0_LOCAL "@srs.example.com"), MAP_NOTFOUND, "",
	POLICY_OWN_SRS},
    {BYTES("forward " LONG_LOCAL "@example.net"), MAP_NOTFOUND, "",
	POLICY_TOO_LONG},
    {BYTES("forward bob@"), MAP_NOTFOUND, "", POLICY_BAD_ADDRESS},

    /* reverse, srs_reverse */
    {BYTES("reverse " SRS0_LOCAL "@srs.example.com"), MAP_OK, "bob@example.net",
	POLICY_RESTORED},
    {BYTES("srs_reverse " SRS0_LOCAL "@srs.customer.example"), MAP_OK,
	"bob@example.net", POLICY_RESTORED},
    {BYTES("reverse " SRS0_LOCAL "@elsewhere.example"), MAP_NOTFOUND, "",
	POLICY_FOREIGN_DOMAIN},
    {BYTES("reverse bob@example.net"), MAP_NOTFOUND, "", POLICY_NOT_SRS},
    {BYTES("reverse @srs.example.com"), MAP_NOTFOUND, "", POLICY_NOT_SRS},
    {BYTES("reverse "), MAP_NOTFOUND, "", POLICY_NOT_SRS},
    {BYTES("reverse " FORGED), MAP_NOTFOUND, "", POLICY_BAD_SIGNATURE},
    {BYTES("reverse SRS0=jgq36T=GF=example.net=bob@srs.example.com"),
	MAP_NOTFOUND, "", POLICY_EXPIRED},

    /* probe */
    {BYTES("probe "), MAP_OK, "srsd " MAILFROM_VERSION " is up", NO_MAP},
    {BYTES("probe x y"), MAP_OK, "srsd " MAILFROM_VERSION " is up", NO_MAP},

    /* no requests */
    {BYTES(" bob@example.net"), MAP_PERM, NO_SUCH_MAP, NO_MAP},
    {BYTES("nosuch bob@example.net"), MAP_PERM, NO_SUCH_MAP, NO_MAP},
    {BYTES("Forward bob@example.net"), MAP_PERM, NO_SUCH_MAP, NO_MAP},
    {BYTES("forwar bob@example.net"), MAP_PERM, NO_SUCH_MAP, NO_MAP},
    {BYTES("@c.example bob@example.net"), MAP_PERM, NO_SUCH_MAP, NO_MAP},
    {BYTES("forward\0 bob@example.net"), MAP_PERM, NO_SUCH_MAP, NO_MAP},
    {BYTES("forward bob\0@example.net"), MAP_PERM, "the key holds a NUL octet",
	NO_MAP},
    {BYTES("reverse \0"), MAP_PERM, "the key holds a NUL octet", NO_MAP},
};

/* "NAME KEY", as it is cut by protocol.c. */
static struct map_request
request_of(struct mf_text text)
{
	struct map_request request = {.key = text};

	assert_true(text_cut(&request.key, ' ', &request.map));
	return request;
}

/* False: there was nothing to decide. */
static bool
ask(struct mf_text text)
{
	struct map_request request = request_of(text);

	memset(&lookup, 'x', sizeof(lookup));
	memset(&answer, 'x', sizeof(answer));
	atomic_init(&ids.next, 0);
	map_read(&request, &lookup);
	map_decide(made.rewriter, &lookup, &ids, NOW);
	map_answer(&lookup, &answer);
	return map_decides(&lookup);
}

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *name = rows[i].request.p;
		bool decided = ask(rows[i].request);

		expect_int(name, "status", answer.status, rows[i].status);
		/* For tcp_table, which tells why. */
		expect_text(name, "data", answer.data,
		    mf_text_of(answer.status == MAP_NOTFOUND
			    ? policy_reason_text(lookup.result.reason)
			    : rows[i].data));
		expect_int(name, "decided", decided, rows[i].reason != NO_MAP);
		if (decided)
			expect_str(name, "reason",
			    policy_reason_text(lookup.result.reason),
			    policy_reason_text(
				(enum policy_reason)rows[i].reason));
		/* A message id is drawn for what SES signs, and nothing else. */
		expect_int(name, "ids", (long long)atomic_load(&ids.next),
		    rows[i].reason == POLICY_SES_SIGNED);
	}
}

/* What a probe says of the log; its status stays OK. */
static void
probe_tells_of_the_log(void **state)
{
	static const struct {
		struct log_health log;
		const char *data;
	} probes[] = {
	    {{.waiting = 1000}, "srsd " MAILFROM_VERSION " is up"},
	    {{.stalled = true},
		"srsd " MAILFROM_VERSION " is up, log reader stalled"},
	    {{.dropped = 7},
		"srsd " MAILFROM_VERSION " is up, 7 log lines dropped"},
	    {{.stalled = true, .dropped = UINT64_MAX},
		"srsd " MAILFROM_VERSION " is up, log reader stalled, "
		"18446744073709551615 log lines dropped"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(probes); i++) {
		ask(MF_TEXT("probe x"));
		map_add_log(&answer, &probes[i].log);
		assert_int_equal(answer.status, MAP_OK);
		expect_text(
		    "probe", "data", answer.data, mf_text_of(probes[i].data));
	}
}

/*
 * An empty host is a mailer without one, local delivery for instance: nothing
 * leaves, so nothing is rewritten.  pysrs: "not h".
 */
static void
no_host_no_forwarding(void **state)
{
	(void)state;
	ask(MF_TEXT("make_srs \x9b"
		    "bob<@example.net.>"));
	expect_text(
	    "no host", "data", answer.data, MF_TEXT("bob<@example.net.>"));
	ask(MF_TEXT("make_srs \x9b"
		    "carol<@ses.example.>"));
	expect_text("no host, ses", "data", answer.data,
	    MF_TEXT("carol<@ses.example.>"));
}

/*
 * A sender that the gate lets pass comes back as it was given, and that without
 * another decision.
 */
static void
gate(void **state)
{
	static const struct {
		struct mf_text request;
		bool asks;
		const char *data; /* if it passes */
	} gate_rows[] = {
	    {BYTES(MAKE "bob<@example.net.>"), true, "bob<@example.net.>"},
	    {BYTES("make_srs bob@example.net"), true, "bob@example.net"},
	    {BYTES("forward bob@example.net"), true, "spf_passes"},
	    {BYTES("srs_forward@c.example bob@example.net"), true,
		"spf_passes"},
	    {BYTES(MAKE "bob<@own.example.>"), false, "bob<@own.example.>"},
	    {BYTES("make_srs \x9b"
		   "bob<@example.net.>"),
		false, "bob<@example.net.>"},
	    {BYTES("forward dave@sign.example"), false,
		"SRS0=u_37K-=G3==dave@sign.example"},
	    {BYTES("forward " LONG_LOCAL "@example.net"), false, "too_long"},
	    {BYTES("reverse " SRS0_LOCAL "@srs.example.com"), false,
		"bob@example.net"},
	    {BYTES("probe bob@example.net"), false,
		"srsd " MAILFROM_VERSION " is up"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(gate_rows); i++) {
		const char *name = gate_rows[i].request.p;
		struct map_request request = request_of(gate_rows[i].request);
		struct policy_result kept;
		bool asks;

		ask(gate_rows[i].request);
		asks = map_asks_gate(&lookup);
		expect_int(name, "asks", asks, gate_rows[i].asks);
		kept = lookup.result;
		memset(&lookup, 'y', sizeof(lookup));
		map_read(&request, &lookup);
		lookup.result = kept;
		if (asks) {
			policy_spf_passes(&lookup.result);
			assert_false(map_asks_gate(&lookup));
		}
		map_answer(&lookup, &answer);
		expect_text(
		    name, "data", answer.data, mf_text_of(gate_rows[i].data));
	}
}

/* What the log is told about. */
static void
for_the_log(void **state)
{
	(void)state;
	ask(MF_TEXT(MAKE "bob<@example.net.>"));
	assert_int_equal(lookup.kind, MAP_FORWARD);
	expect_text("make_srs", "host", lookup.host, MF_TEXT("h.example"));
	expect_text("make_srs", "address", out_view(&lookup.address),
	    MF_TEXT("bob@example.net"));
	ask(MF_TEXT("reverse_srs " FORGED_KEY));
	assert_int_equal(lookup.kind, MAP_REVERSE);
	expect_text("reverse_srs", "host", lookup.host, MF_TEXT(""));
	expect_text("reverse_srs", "address", out_view(&lookup.address),
	    MF_TEXT(FORGED));
	ask(MF_TEXT("forward \"\""));
	assert_int_equal(lookup.kind, MAP_FORWARD);
	expect_text(
	    "forward", "address", out_view(&lookup.address), MF_TEXT(""));
	ask(MF_TEXT("reverse a b"));
	assert_int_equal(lookup.kind, MAP_REVERSE);
	expect_text(
	    "reverse", "address", out_view(&lookup.address), MF_TEXT("a b"));
}

/* A key of random octets of which many mean something. */
static struct mf_text
random_key(char *room, size_t max, uint64_t *seed)
{
	static const char *const parts[] = {"\x9b", "<@", ".>", "<@>", "@",
	    "SRS0=", "srs1+", "SES=", "msJqy3=G3=", "example.net", "=", "\"",
	    "\\", "|", " ", "bob", "srs.example.com", "\xc4\x9b", "\xff", "\n",
	    "ses.example", "h.example\x9b", "<", ">", ".", ":", "(", ";"};
	struct text_out out = text_out(room, max);
	uint64_t n = random_next(seed) % 12;

	if (random_next(seed) % 16 == 0)
		n = 4000; /* up to the limit */
	while (n-- > 0) {
		if (random_next(seed) % 4 == 0)
			out_char(&out, (char)(1 + random_next(seed) % 255));
		else
			out_str(&out, parts[random_next(seed) % COUNT(parts)]);
	}
	return out_view(&out);
}

/* Whatever sendmail asks, what it gets can stand for the address. */
static void
sendmail_gets_ok_and_an_address(void **state)
{
	static const char *const names[] = {
	    "make_srs ", "reverse_srs ", "make_srs@c.example "};
	static char request[MAP_REQUEST_MAX];
	uint64_t seed = 6;

	(void)state;
	for (int i = 0; i < 60000; i++) {
		const char *name = names[i % 3];
		size_t len = strlen(name);
		struct mf_text key =
		    random_key(request + len, sizeof(request) - len, &seed);

		memcpy(request, name, len);
		bool decided = ask(mf_text_at(request, len + key.len));
		if (answer.status != MAP_OK || answer.data.len == 0 || !decided)
			fail_msg("%s%.*s", name, (int)key.len, key.p);
		/* Unchanged is the address that was in the key. */
		if (!policy_changed(lookup.result.reason) &&
		    !mf_text_eq(answer.data, MF_TEXT("<@>")) &&
		    answer.data.p[0] != '"')
			assert_true(mf_text_eq(answer.data,
			    text_from(key, key.len - answer.data.len)));
	}
}

/* As RFC 5321 4.1.2 and 6531 have it: a dot-string or in quotes, and a domain. */
static bool
is_address(struct mf_text t)
{
	size_t at = text_rfind(t, '@');
	struct mf_text local = text_head(t, at), domain = text_from(t, at + 1);
	bool quoted =
	    local.len > 1 && local.p[0] == '"' && local.p[local.len - 1] == '"';

	for (size_t i = quoted; i < local.len - quoted; i++) {
		char c = local.p[i];

		if (quoted ? c == '"' || (c == '\\' && ++i == local.len - 1)
			   : strchr("()<>:;@\\,\" \t", c) != NULL ||
			    (c == '.' &&
				(i + 1 == local.len || i == 0 ||
				    local.p[i - 1] == '.')))
			return false;
	}
	for (size_t i = 0; i < domain.len; i++)
		if (strchr("()<>;@\\,\" \t=", domain.p[i]) != NULL)
			return false;
	return at != t.len && domain.len != 0;
}

/* The others: an address that isn't the key's, or NOTFOUND and nothing. */
static void
postfix_gets_an_address_or_nothing(void **state)
{
	static const char *const names[] = {
	    "forward ", "reverse ", "srs_forward@c.example ", "srs_reverse "};
	static char request[MAP_REQUEST_MAX];
	uint64_t seed = 7;

	(void)state;
	for (int i = 0; i < 60000; i++) {
		const char *name = names[i % 4];
		size_t len = strlen(name);
		struct mf_text key =
		    random_key(request + len, sizeof(request) - len, &seed);

		memcpy(request, name, len);
		assert_true(ask(mf_text_at(request, len + key.len)));
		if (policy_changed(lookup.result.reason)) {
			assert_int_equal(answer.status, MAP_OK);
			assert_true(answer.data.len > 2 &&
			    answer.data.len <= SRS_ADDR_MAX);
			assert_true(is_address(answer.data));
			assert_false(mf_text_eq(answer.data, key));
		} else {
			assert_int_equal(answer.status, MAP_NOTFOUND);
			expect_text(name, "data", answer.data,
			    mf_text_of(
				policy_reason_text(lookup.result.reason)));
		}
	}
}

/* The longest request of each kind fits into the answer's room. */
static void
longest_requests_fit(void **state)
{
	static const char *const names[] = {"make_srs ", "reverse_srs ",
	    "reverse_srs |", "forward ", "reverse ", "make_srs h\x9b"};
	static char request[MAP_REQUEST_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		size_t len = strlen(names[i]);

		memcpy(request, names[i], len);
		memset(request + len, 'x', sizeof(request) - len);
		ask(mf_text_at(request, sizeof(request)));
		/* All of the key comes back to sendmail. */
		if (lookup.for_sendmail)
			assert_true(answer.data.len >= sizeof(request) - len);
		assert_false(lookup.address.full);
		assert_int_equal(
		    answer.status, i == 3 || i == 4 ? MAP_NOTFOUND : MAP_OK);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	    cmocka_unit_test(probe_tells_of_the_log),
	    cmocka_unit_test(no_host_no_forwarding),
	    cmocka_unit_test(gate),
	    cmocka_unit_test(for_the_log),
	    cmocka_unit_test(sendmail_gets_ok_and_an_address),
	    cmocka_unit_test(postfix_gets_an_address_or_nothing),
	    cmocka_unit_test(longest_requests_fit),
	};

	return cmocka_run_group_tests_name("maps", tests, setup, teardown);
}

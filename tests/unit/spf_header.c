/* SPDX-License-Identifier: ISC */
/*
 * libspf/header.c: Received-SPF (RFC 7208 9.1) and Authentication-Results (RFC
 * 8601), with everything that a client may say of itself.  tests/headers has
 * them read by parsers that know nothing of this code.
 */
#include "tests/unit/support.h"
#include <mailfrom/spf_header.h>

#define L63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* RFC 5322 2.1.1: octets of a line, the name of the field included. */
#define LINE_MAX_5322 998
#define NAME_LEN      (sizeof("Received-SPF: ") - 1)

/* --- what they look like ------------------------------------------------ */

struct row {
	const char *name;
	enum spf_result result;
	enum spf_identity identity;
	const char *ip, *sender, *helo, *authority;
	const char *domain, *mechanism, *problem;
	bool guessed;
	const char *received, *authentication;
};

static struct spf_request
request_of(const struct row *row)
{
	struct spf_request q = {.identity = row->identity,
	    .sender = mf_text_of(row->sender),
	    .helo = mf_text_of(row->helo)};

	q.ip_unknown = row->ip == NULL;
	assert_true(q.ip_unknown || spf_ip_parse(mf_text_of(row->ip), &q.ip));
	return q;
}

static void
put(char *out, size_t size, const char *text)
{
	int len = snprintf(out, size, "%s", text != NULL ? text : "");

	assert_true(len >= 0 && (size_t)len < size);
}

static struct spf_verdict
verdict_of(const struct row *row)
{
	struct spf_verdict v = {.result = row->result, .guessed = row->guessed};

	put(v.domain, sizeof(v.domain), row->domain);
	put(v.mechanism, sizeof(v.mechanism), row->mechanism);
	put(v.problem, sizeof(v.problem), row->problem);
	return v;
}

static void
fields(void **state)
{
	static const struct row rows[] = {
	    {"pass", SPF_PASS, SPF_MAILFROM, "192.0.2.1", "me@e.example",
		"h.example", "mx.example", "e.example", "a:h.example", NULL,
		false,
		"pass (mx.example: e.example permits 192.0.2.1)\n"
		"\tclient-ip=192.0.2.1;\n"
		"\tenvelope-from=\"me@e.example\";\n"
		"\thelo=h.example;\n"
		"\treceiver=mx.example;\n"
		"\tidentity=mailfrom;\n"
		"\tmechanism=\"a:h.example\"",
		"spf=pass (e.example permits 192.0.2.1)\n"
		"\tsmtp.mailfrom=me@e.example"},
	    {"an address with \":\" is no dot-atom", SPF_FAIL, SPF_HELO,
		"2001:db8::1", "me@e.example", "h.example", "mx.example",
		"h.example", "-all", NULL, false,
		"fail (mx.example: h.example does not permit 2001:db8::1)\n"
		"\tclient-ip=\"2001:db8::1\";\n"
		"\tenvelope-from=\"me@e.example\";\n"
		"\thelo=h.example;\n"
		"\treceiver=mx.example;\n"
		"\tidentity=helo;\n"
		"\tmechanism=-all",
		"spf=fail (h.example does not permit 2001:db8::1)\n"
		"\tsmtp.helo=h.example"},
	    {"the null sender, no authority", SPF_SOFTFAIL, SPF_MAILFROM,
		"192.0.2.1", "", "h.example", "", "h.example", "~all", NULL,
		false,
		"softfail (h.example probably does not permit 192.0.2.1)\n"
		"\tclient-ip=192.0.2.1;\n"
		"\tenvelope-from=\"\";\n"
		"\thelo=h.example;\n"
		"\tidentity=mailfrom;\n"
		"\tmechanism=~all",
		"spf=softfail (h.example probably does not permit "
		"192.0.2.1)\n"
		"\tsmtp.helo=h.example"},
	    {"neutral, by best guess", SPF_NEUTRAL, SPF_MAILFROM, "192.0.2.1",
		"me@e.example", "h.example", "mx.example", "e.example", NULL,
		NULL, true,
		"neutral (mx.example: e.example neither permits nor denies "
		"192.0.2.1, by best guess)\n"
		"\tclient-ip=192.0.2.1;\n"
		"\tenvelope-from=\"me@e.example\";\n"
		"\thelo=h.example;\n"
		"\treceiver=mx.example;\n"
		"\tidentity=mailfrom",
		"spf=neutral (e.example neither permits nor denies "
		"192.0.2.1, by best guess)\n"
		"\tsmtp.mailfrom=me@e.example"},
	    {"none", SPF_NONE, SPF_MAILFROM, "192.0.2.1", "me@localhost",
		"localhost", "mx.example", "localhost", NULL, NULL, false,
		"none (mx.example: localhost has no SPF record)\n"
		"\tclient-ip=192.0.2.1;\n"
		"\tenvelope-from=\"me@localhost\";\n"
		"\thelo=localhost;\n"
		"\treceiver=mx.example;\n"
		"\tidentity=mailfrom",
		/* RFC 6376: a domain-name has two labels and more. */
		"spf=none (localhost has no SPF record)\n"
		"\tsmtp.mailfrom=\"me@localhost\""},
	    {"temperror", SPF_TEMPERROR, SPF_MAILFROM, "192.0.2.1",
		"me@e.example", "[192.0.2.1]", "mx.example", "e.example", NULL,
		"\"a\" in the record of e.example: DNS lookup of A e.example "
		"failed: timeout",
		false,
		"temperror (mx.example: e.example could not be checked)\n"
		"\tclient-ip=192.0.2.1;\n"
		"\tenvelope-from=\"me@e.example\";\n"
		"\thelo=\"[192.0.2.1]\";\n"
		"\treceiver=mx.example;\n"
		"\tidentity=mailfrom;\n"
		"\tproblem=\"\\\"a\\\" in the record of e.example: DNS lookup "
		"of A e.example failed: timeout\"",
		"spf=temperror (e.example could not be checked)\n"
		"\treason=\"\\\"a\\\" in the record of e.example: DNS lookup "
		"of A e.example failed: timeout\"\n"
		"\tsmtp.mailfrom=me@e.example"},
	    {"permerror", SPF_PERMERROR, SPF_HELO, "192.0.2.1", "", "h(\\)",
		"mx.example", "h(\\)", NULL, "wrong", false,
		"permerror (mx.example: h\\(\\\\\\) has an SPF record with an "
		"error)\n"
		"\tclient-ip=192.0.2.1;\n"
		"\tenvelope-from=\"\";\n"
		"\thelo=\"h(\\\\)\";\n"
		"\treceiver=mx.example;\n"
		"\tidentity=helo;\n"
		"\tproblem=\"wrong\"",
		"spf=permerror (h\\(\\\\\\) has an SPF record with an error)\n"
		"\treason=\"wrong\"\n"
		"\tsmtp.helo=\"h(\\\\)\""},
	    /* 8601 2.2: value is a token of RFC 2045, without "/", "?", "=". */
	    {"no tokens", SPF_PASS, SPF_HELO, "192.0.2.1", "", "a=b.example",
		"", "a=b.example", "all", NULL, false,
		"pass (a=b.example permits 192.0.2.1)\n"
		"\tclient-ip=192.0.2.1;\n"
		"\tenvelope-from=\"\";\n"
		"\thelo=a=b.example;\n"
		"\tidentity=helo;\n"
		"\tmechanism=all",
		"spf=pass (a=b.example permits 192.0.2.1)\n"
		"\tsmtp.helo=\"a=b.example\""},
	    /* The domain-name of RFC 6376: letters, digits, hyphens. */
	    {"no domain-name", SPF_PASS, SPF_MAILFROM, "192.0.2.1",
		"b=c@a_b.example", "h.example", "", "a_b.example", "all", NULL,
		false,
		"pass (a_b.example permits 192.0.2.1)\n"
		"\tclient-ip=192.0.2.1;\n"
		"\tenvelope-from=\"b=c@a_b.example\";\n"
		"\thelo=h.example;\n"
		"\tidentity=mailfrom;\n"
		"\tmechanism=all",
		"spf=pass (a_b.example permits 192.0.2.1)\n"
		"\tsmtp.mailfrom=\"b=c@a_b.example\""},
	    {"no dot-atom", SPF_PASS, SPF_HELO, "192.0.2.1", "", ".h..example",
		"", ".h..example", "all", NULL, false,
		"pass (.h..example permits 192.0.2.1)\n"
		"\tclient-ip=192.0.2.1;\n"
		"\tenvelope-from=\"\";\n"
		"\thelo=\".h..example\";\n"
		"\tidentity=helo;\n"
		"\tmechanism=all",
		"spf=pass (.h..example permits 192.0.2.1)\n"
		"\tsmtp.helo=\".h..example\""},
	    {"no sub-domain", SPF_PASS, SPF_MAILFROM, "192.0.2.1",
		"b@a-.example", "h.example", "", "a-.example", "all", NULL,
		false,
		"pass (a-.example permits 192.0.2.1)\n"
		"\tclient-ip=192.0.2.1;\n"
		"\tenvelope-from=\"b@a-.example\";\n"
		"\thelo=h.example;\n"
		"\tidentity=mailfrom;\n"
		"\tmechanism=all",
		"spf=pass (a-.example permits 192.0.2.1)\n"
		"\tsmtp.mailfrom=\"b@a-.example\""},
	    {"no Dot-string", SPF_PASS, SPF_MAILFROM, "192.0.2.1",
		"a b@e.example", "h.example", "", "e.example", "all", NULL,
		false,
		"pass (e.example permits 192.0.2.1)\n"
		"\tclient-ip=192.0.2.1;\n"
		"\tenvelope-from=\"a b@e.example\";\n"
		"\thelo=h.example;\n"
		"\tidentity=mailfrom;\n"
		"\tmechanism=all",
		"spf=pass (e.example permits 192.0.2.1)\n"
		"\tsmtp.mailfrom=\"a b@e.example\""},
	    {"an address that nobody knows", SPF_TEMPERROR, SPF_MAILFROM, NULL,
		"me@e.example", "h.example", "", "e.example", "", "why", false,
		"temperror (e.example could not be checked)\n"
		"\tenvelope-from=\"me@e.example\";\n"
		"\thelo=h.example;\n"
		"\tidentity=mailfrom;\n"
		"\tproblem=\"why\"",
		"spf=temperror (e.example could not be checked)\n"
		"\treason=\"why\"\n"
		"\tsmtp.mailfrom=me@e.example"},
	    {"but a local part", SPF_PASS, SPF_MAILFROM, "192.0.2.1",
		"b=c/d?e@a-b.example", "h.example", "", "a-b.example", "all",
		NULL, false,
		"pass (a-b.example permits 192.0.2.1)\n"
		"\tclient-ip=192.0.2.1;\n"
		"\tenvelope-from=\"b=c/d?e@a-b.example\";\n"
		"\thelo=h.example;\n"
		"\tidentity=mailfrom;\n"
		"\tmechanism=all",
		"spf=pass (a-b.example permits 192.0.2.1)\n"
		"\tsmtp.mailfrom=b=c/d?e@a-b.example"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct spf_request q = request_of(&rows[i]);
		struct spf_verdict v = verdict_of(&rows[i]);
		char out[SPF_HEADER_SIZE];
		size_t len = spf_header_received(
		    &q, &v, mf_text_of(rows[i].authority), out);

		expect_str(rows[i].name, "Received-SPF", out, rows[i].received);
		assert_int_equal(len, strlen(out));
		len = spf_header_authentication(&q, &v, out);
		expect_str(rows[i].name, "Authentication-Results", out,
		    rows[i].authentication);
		assert_int_equal(len, strlen(out));
	}
}

/* --- whatever a client says --------------------------------------------- */

static const struct mf_text hostile[] = {
    BYTES(""),
    BYTES("h.example"),
    BYTES("me@e.example"),
    BYTES("."),
    BYTES(".."),
    BYTES(".h.example"),
    BYTES("h.example."),
    BYTES("h..example"),
    BYTES("@"),
    BYTES("me@"),
    BYTES("@e.example"),
    BYTES("a@b@c.example"),
    BYTES("[192.0.2.1]"),
    BYTES("[IPv6:2001:db8::1]"),
    BYTES("\r\nX-Spam: no"),
    BYTES("h\r\nX-Spam: no"),
    BYTES("h\r\n\r\nbody"),
    BYTES("h\n\tmore"),
    BYTES("h\n more"),
    BYTES("h\rX: y"),
    BYTES("h\r"),
    BYTES("h\n"),
    BYTES("\0"),
    BYTES("h\0.example"),
    BYTES("h\0\r\n"),
    BYTES("\t"),
    BYTES("   "),
    BYTES(" h.example "),
    BYTES("\""),
    BYTES("\"\""),
    BYTES("\"h\""),
    BYTES("\"; receiver=evil"),
    BYTES("h; receiver=evil"),
    BYTES("h;\n\tidentity=evil"),
    BYTES("\\"),
    BYTES("\\\\"),
    BYTES("h\\"),
    BYTES("\\\""),
    BYTES("\"\\"),
    BYTES("\\\r\n"),
    BYTES("("),
    BYTES(")"),
    BYTES("(("),
    BYTES("))"),
    BYTES("(h)"),
    BYTES("h) pass ("),
    BYTES("\\("),
    BYTES("\\)"),
    BYTES("(\\"),
    BYTES("=?utf-8?q?h?="),
    BYTES("a=b"),
    BYTES("a/b?c=d"),
    BYTES("a@b=c.example"),
    BYTES("a@b_c.example"),
    BYTES("!#$%&'*+-/=?^_`{|}~.example"),
    BYTES("\"a b\"@e.example"),
    BYTES("\"a\\\"b\"@e.example"),
    BYTES("<me@e.example>"),
    BYTES("b\xc3\xbc"
	  "cher.example"),
    BYTES("\xc3\xa9@e.example"),
    BYTES("\xff\xfe"),
    BYTES("\xc3"),
    BYTES("h\xc3\"h"),
    BYTES("\xc3\x28"),
    BYTES("\xe2\x80\xa8"), /* U+2028 */
    BYTES("\xc0\x8a"),     /* LF, overlong */
    BYTES("\xed\xa0\x80"), /* a surrogate */
    BYTES("\xf4\x90\x80\x80"),
    BYTES("\x7f\x1b[31m"),
    BYTES("\x80\x8d\x9b"),
    BYTES("%s%n%d"),
    BYTES("&lt;script&gt;"),
    BYTES(L63 "." L63 "." L63 "." L63 "." L63 "." L63 "." L63),
};

/* A quoted string or a comment, from its beginning; the end of it. */
static size_t
skip_delimited(const char *row, const char *p, size_t at)
{
	char end = p[at] == '"' ? '"' : ')';

	for (at++; p[at] != end; at++) {
		if (p[at] == '\\')
			at++;
		else if (p[at] == '(' && end == ')')
			fail_msg("%s: \"(\" in a comment: %s", row, p);
		if (p[at] == '\0' || p[at] == '\n')
			fail_msg("%s: unbalanced: %s", row, p);
	}
	return at;
}

/*
 * One field: never empty, bounded, no line end but those that fold it, quotes
 * and parentheses balanced, UTF-8 or "?", lines of a length that passes.
 */
static void
expect_sane(const char *row, const char *field, size_t len)
{
	size_t line = 0;

	expect_int(row, "length", (long long)len, (long long)strlen(field));
	assert_in_range(len, 1, SPF_HEADER_SIZE - 1);
	for (size_t i = 0; i < len; i++) {
		size_t octets = text_utf8_len(mf_text_at(field + i, len - i));

		if (octets == 0) {
			expect_int(
			    row, "octet", (unsigned char)field[i] < 0x80, true);
			expect_int(row, "control",
			    ascii_is_control(field[i]) && field[i] != '\n' &&
				(field[i] != '\t' || field[i - 1] != '\n'),
			    false);
			octets = 1;
		}
		if (field[i] == '\n') {
			assert_in_range(i - line + NAME_LEN, 1, LINE_MAX_5322);
			line = i;
			expect_int(row, "folding", field[i + 1], '\t');
			expect_int(
			    row, "a blank line", field[i + 2] > ' ', true);
		}
		i += octets - 1;
	}
	assert_in_range(len - line, 1, LINE_MAX_5322);
	for (size_t i = 0; i < len; i++) {
		if (field[i] == '"' || field[i] == '(')
			i = skip_delimited(row, field, i);
		else if (field[i] == ')' || field[i] == '\\')
			fail_msg("%s: unbalanced: %s", row, field);
	}
}

static void
expect_both_sane(const char *row, const struct spf_request *q,
    const struct spf_verdict *v, struct mf_text authority)
{
	char out[SPF_HEADER_SIZE];

	memset(out, 'X', sizeof(out));
	expect_sane(row, out, spf_header_received(q, v, authority, out));
	memset(out, 'X', sizeof(out));
	expect_sane(row, out, spf_header_authentication(q, v, out));
}

static const struct spf_answer *
no_lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	(void)rr;
	(void)name;
	return arg;
}

/* Every pair of them, with the verdict that it gets from a broken record. */
static void
hostile_pairs(void **state)
{
	const struct mf_text record = MF_TEXT("v=spf1 \"(\\");
	struct spf_answer *answer = spf_answer_txt(&record, 1);
	const struct spf_source source = {.lookup = no_lookup, .arg = answer};

	(void)state;
	assert_non_null(answer);
	assert_true(COUNT(hostile) > 64);
	for (size_t i = 0; i < COUNT(hostile) * COUNT(hostile); i++) {
		struct mf_text sender = hostile[i / COUNT(hostile)];
		struct mf_text helo = hostile[i % COUNT(hostile)];
		struct spf_request q = {
		    .ip = {.v6 = i % 2 != 0, .octets = {192, 0, 2, 1}},
		    .identity = i % 3 == 0 ? SPF_HELO : SPF_MAILFROM,
		    .sender = sender,
		    .helo = helo};
		struct spf_verdict v;
		char row[64];

		snprintf(row, sizeof(row), "sender %zu, helo %zu",
		    i / COUNT(hostile), i % COUNT(hostile));
		assert_int_equal(spf_evaluate(&q, &source, &v), SPF_OK);
		assert_true(v.result == SPF_NONE || v.result == SPF_PERMERROR);
		expect_both_sane(row, &q, &v, MF_TEXT("mx.example"));
		expect_both_sane(row, &q, &v, helo);
		for (unsigned r = SPF_NONE; r <= SPF_PERMERROR; r++) {
			v.result = (enum spf_result)r;
			expect_both_sane(row, &q, &v, MF_TEXT(""));
		}
	}
	spf_answer_free(answer);
}

/*
 * As long as anything can be, of octets that take two each, with mechanism and
 * problem both.  Lines stay below 998 as long as the authority is a host name.
 */
static void
lengths(void **state)
{
	static const char octets[] = "\"\\(a\xc3";
	static char flood[5000];
	char out[SPF_HEADER_SIZE];

	(void)state;
	for (size_t c = 0; c < sizeof(octets) - 1; c++)
		for (unsigned r = SPF_NONE; r <= SPF_PERMERROR; r++) {
			struct spf_request q = {.ip = {.v6 = true}};
			struct spf_verdict v = {
			    .result = (enum spf_result)r, .guessed = true};

			memset(flood, octets[c], sizeof(flood));
			memset(q.ip.octets, 0xff, 16);
			memset(v.domain, octets[c], SPF_NAME_MAX);
			memset(v.mechanism, octets[c], SPF_TEXT_MAX);
			q.sender = q.helo = mf_text_at(flood, sizeof(flood));
			expect_both_sane(
			    "long", &q, &v, MF_TEXT(L63 "." L63 ".mx.example"));
			memset(v.problem, octets[c], SPF_TEXT_MAX);
			expect_both_sane("longer", &q, &v,
			    MF_TEXT(L63 "." L63 ".mx.example"));
			expect_int("longest", "fits",
			    spf_header_received(&q, &v,
				mf_text_at(flood, sizeof(flood)), out) != 0,
			    true);
		}
}

/* Values end at 320 octets, at the end of a character. */
static void
cut_values(void **state)
{
	static char sender[400];
	struct spf_request q = {.sender = mf_text_at(sender, sizeof(sender))};
	struct spf_verdict v = {.result = SPF_NONE};
	char out[SPF_HEADER_SIZE], want[400];

	(void)state;
	for (size_t i = 0; i < sizeof(sender); i += 2)
		memcpy(sender + i, "\xc3\xa9", 2);
	sender[0] = 'a';
	sender[1] = 'b';
	memmove(sender + 3, sender + 2, sizeof(sender) - 3);
	sender[2] = 'c';
	snprintf(want, sizeof(want), "\tenvelope-from=\"%.319s?\";\n", sender);
	spf_header_received(&q, &v, MF_TEXT(""), out);
	if (strstr(out, want) == NULL)
		fail_msg("want \"%s\" in \"%s\"", want, out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(fields),
	    cmocka_unit_test(hostile_pairs),
	    cmocka_unit_test(lengths),
	    cmocka_unit_test(cut_values),
	};

	return cmocka_run_group_tests_name("spf_header", tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/* DNS messages: the question that is written, the answers that are read. */
#include "tests/unit/support.h"

#include "libspf-dns/dnsmsg.h"

enum { A = 1, NS = 2, CNAME = 5, SOA = 6, PTR = 12, MX = 15, TXT = 16 };
enum { AAAA = 28, OPT = 41, RRSIG = 46 };

enum { OK = 0x8180, NXDOMAIN = 0x8183, SERVFAIL = 0x8182 };

/* Where the question's name is, for a compression pointer. */
#define QUESTION "\xc0\x0c"

/* A message that is being written. */
static struct {
	size_t len;
	uint8_t octets[65535 + 300];
} m;

static struct dnsmsg_result result;

/* --- writing messages --- */

static void
add_u16(unsigned n)
{
	m.octets[m.len++] = (uint8_t)(n >> 8);
	m.octets[m.len++] = (uint8_t)n;
}

static void
add_u32(uint32_t n)
{
	add_u16(n >> 16);
	add_u16(n & 0xffff);
}

static void
add(struct mf_text octets)
{
	assert_true(octets.len <= sizeof(m.octets) - m.len);
	memcpy(m.octets + m.len, octets.p, octets.len);
	m.len += octets.len;
}

/* A name as text, or whatever begins with an octet that no name has. */
static void
add_name(const char *name)
{
	struct dnsmsg_name wire;

	if ((unsigned char)name[0] >= 0xc0 || name[0] == '\0')
		add(mf_text_at(name, name[0] == '\0' ? 1 : 2));
	else {
		assert_true(dnsmsg_name_(mf_text_of(name), &wire));
		add(mf_text_at((const char *)wire.wire, wire.len));
	}
}

static void
begin(unsigned flags, const char *name, unsigned type)
{
	m.len = 0;
	add_u16(0x1234);
	add_u16(flags);
	add_u16(1);
	add_u32(0);
	add_u16(0);
	add_name(name);
	add_u16(type);
	add_u16(1);
}

static void
count_up(size_t at)
{
	if (++m.octets[at + 1] == 0)
		m.octets[at]++;
}

static void
record_of_class(size_t section, const char *owner, unsigned type,
    unsigned class, uint32_t ttl, struct mf_text data)
{
	count_up(section);
	add_name(owner);
	add_u16(type);
	add_u16(class);
	add_u32(ttl);
	add_u16((unsigned)data.len);
	add(data);
}

static void
answer(const char *owner, unsigned type, uint32_t ttl, struct mf_text data)
{
	record_of_class(6, owner, type, 1, ttl, data);
}

#define ANSWER(owner, type, ttl, data) \
	answer(owner, type, ttl, (struct mf_text)BYTES(data))

static void
alias(const char *owner, const char *target, uint32_t ttl)
{
	struct dnsmsg_name wire;

	assert_true(dnsmsg_name_(mf_text_of(target), &wire));
	answer(
	    owner, CNAME, ttl, mf_text_at((const char *)wire.wire, wire.len));
}

static void
authority(const char *owner, unsigned type, uint32_t ttl, struct mf_text data)
{
	record_of_class(8, owner, type, 1, ttl, data);
}

static void
soa(const char *zone, uint32_t ttl, uint32_t minimum)
{
	char data[] = "\2ns\0\1x\0serlrefrretrexpimini";
	struct text_out out =
	    text_out(data + sizeof(data) - 5, sizeof(uint32_t));

	for (int i = 24; i >= 0; i -= 8)
		out_char(&out, (char)(minimum >> i & 0xff));
	authority(zone, SOA, ttl, mf_text_at(data, sizeof(data) - 1));
}

/* --- reading them --- */

static enum dnsmsg_status
parse(enum spf_rr rr, const char *name)
{
	struct dnsmsg_name wire;
	uint8_t *exact = malloc(m.len + 1);
	enum dnsmsg_status status;

	assert_non_null(exact);
	memcpy(exact, m.octets, m.len);
	assert_true(dnsmsg_name_(mf_text_of(name), &wire));
	status = dnsmsg_parse_(exact, m.len, rr, &wire, &result);
	free(exact);
	assert_int_equal(result.answer != NULL, status == DNSMSG_ANSWER);
	return status;
}

static void
expect_void(enum spf_rr rr, const char *name, uint32_t ttl)
{
	assert_int_equal(parse(rr, name), DNSMSG_ANSWER);
	assert_int_equal(result.answer->status, SPF_DNS_VOID);
	assert_int_equal(result.answer->rr, rr);
	assert_int_equal(result.answer->count, 0);
	assert_int_equal(result.ttl_sec, ttl);
	spf_answer_free(result.answer);
}

static void
expect_failure(enum spf_rr rr, const char *name, enum spf_cause cause)
{
	assert_int_equal(parse(rr, name), DNSMSG_FAILURE);
	expect_str(
	    name, "cause", spf_cause_text(result.cause), spf_cause_text(cause));
}

static void
expect_txt(const char *name, unsigned spf_records, const char *only)
{
	assert_int_equal(parse(SPF_RR_TXT, name), DNSMSG_ANSWER);
	assert_int_equal(result.answer->status, SPF_DNS_FOUND);
	assert_int_equal(result.answer->spf_records, spf_records);
	expect_text(name, "text", result.answer->only_text, mf_text_of(only));
	spf_answer_free(result.answer);
}

static void
expect_names(
    enum spf_rr rr, const char *name, const char *const *names, size_t count)
{
	assert_int_equal(parse(rr, name), DNSMSG_ANSWER);
	assert_int_equal(result.answer->status, SPF_DNS_FOUND);
	assert_int_equal(result.answer->count, count);
	for (size_t i = 0; i < count; i++)
		expect_text(name, "name", result.answer->names[i],
		    mf_text_of(names[i]));
	spf_answer_free(result.answer);
}

/* --- the question --- */

static void
query_is_as_it_should_be(void **state)
{
	static const char want[] = "\xab\xcd\x01\x00\0\1\0\0\0\0\0\1"
				   "\1a\7example\0\0\x10\0\1"
				   "\0\0\x29\x04\xd0\0\0\0\0\0\0";
	struct dnsmsg_name name;
	uint8_t have[DNSMSG_QUERY_SIZE];
	size_t len = sizeof(want) - 1;

	(void)state;
	assert_true(dnsmsg_name_(MF_TEXT("a.EXAMPLE"), &name));
	assert_int_equal(
	    dnsmsg_query_(0xabcd, SPF_RR_TXT, &name, true, have), len);
	assert_memory_equal(have, want, len);
	assert_int_equal(
	    dnsmsg_query_(0xabcd, SPF_RR_TXT, &name, false, have), len - 11);
	assert_int_equal(have[11], 0);
	assert_memory_equal(have + 12, want + 12, len - 11 - 12);
}

static void
query_of_every_type(void **state)
{
	static const unsigned types[] = {
	    [SPF_RR_TXT] = TXT,
	    [SPF_RR_A] = A,
	    [SPF_RR_AAAA] = AAAA,
	    [SPF_RR_MX] = MX,
	    [SPF_RR_PTR] = PTR,
	};
	struct dnsmsg_name name;
	uint8_t have[DNSMSG_QUERY_SIZE];

	(void)state;
	assert_true(dnsmsg_name_(MF_TEXT("x"), &name));
	for (size_t i = 0; i < COUNT(types); i++) {
		dnsmsg_query_(1, (enum spf_rr)i, &name, true, have);
		assert_int_equal(have[12 + 3 + 1], types[i]);
	}
}

#define L63 "abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0"

static void
names_there_and_back(void **state)
{
	static const struct {
		struct mf_text text;
		bool ok;
		const char *back;
	} rows[] = {
	    {BYTES("a"), true, "a"},
	    {BYTES("Example.COM."), true, "example.com"},
	    {BYTES("_spf.a-b.c"), true, "_spf.a-b.c"},
	    {BYTES("a\\b.c"), true, "a\\b.c"},
	    {BYTES("a\\.c"), true, "a\\.c"},
	    {BYTES("\xc3\x84 @;\"\x01.c"), true, "\xc3\x84 @;\"\x01.c"},
	    {BYTES(L63 ".x"), true, L63 ".x"},
	    {BYTES(L63 "x.x"), false, ""},
	    {BYTES(L63 "." L63 "." L63 "."
		       "1234567890123456789012345678901"
		       "234567890123456789012345678901"),
		true,
		L63 "." L63 "." L63 "."
		    "1234567890123456789012345678901"
		    "234567890123456789012345678901"},
	    {BYTES(L63 "." L63 "." L63 "." L63), false, ""},
	    {BYTES(""), false, ""},
	    {BYTES("."), false, ""},
	    {BYTES(".."), false, ""},
	    {BYTES("a..b"), false, ""},
	    {BYTES("a.."), false, ""},
	    {BYTES(".a"), false, ""},
	};
	char text[SPF_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct dnsmsg_name name;

		assert_int_equal(dnsmsg_name_(rows[i].text, &name), rows[i].ok);
		if (!rows[i].ok)
			continue;
		assert_int_equal(
		    dnsmsg_name_text_(&name, text), strlen(rows[i].back));
		assert_string_equal(text, rows[i].back);
	}
	/* A NUL is an octet like others. */
	struct dnsmsg_name nul;
	assert_true(dnsmsg_name_((struct mf_text)BYTES("a\0b.c"), &nul));
	assert_int_equal(dnsmsg_name_text_(&nul, text), 5);
	assert_memory_equal(text, "a\0b.c", 6);
}

/* --- records --- */

static void
txt_strings_are_joined(void **state)
{
	(void)state;
	begin(OK, "x.test", TXT);
	ANSWER(QUESTION, TXT, 300, "\7v=spf1 \4-all\0");
	expect_txt("x.test", 1, "v=spf1 -all");
	assert_int_equal(result.ttl_sec, 300);

	begin(OK, "X.Test", TXT);
	ANSWER("x.tEST", TXT, 300, "\3abc");
	ANSWER(QUESTION, TXT, 200, "\0");
	ANSWER(QUESTION, TXT, 250, "\13v=spf1 -all");
	expect_txt("x.test", 1, "");
	assert_int_equal(result.ttl_sec, 200);

	begin(OK, "x.test", TXT);
	ANSWER(QUESTION, TXT, 1, "");
	expect_txt("x.test", 0, "");
}

static void
addresses(void **state)
{
	(void)state;
	begin(OK, "x.test", A);
	ANSWER(QUESTION, A, 300, "\xc0\0\2\1");
	ANSWER(QUESTION, AAAA, 1, "0123456789abcdef");
	ANSWER(QUESTION, A, 300, "\xc0\0\2\2");
	assert_int_equal(parse(SPF_RR_A, "x.test"), DNSMSG_ANSWER);
	assert_int_equal(result.answer->count, 2);
	assert_memory_equal(
	    result.answer->addresses, "\xc0\0\2\1\xc0\0\2\2", 8);
	assert_int_equal(result.ttl_sec, 300);
	spf_answer_free(result.answer);

	begin(OK, "x.test", AAAA);
	ANSWER(QUESTION, AAAA, 7, "0123456789abcdef");
	assert_int_equal(parse(SPF_RR_AAAA, "x.test"), DNSMSG_ANSWER);
	assert_memory_equal(result.answer->addresses, "0123456789abcdef", 16);
	spf_answer_free(result.answer);
}

static void
mx_by_preference(void **state)
{
	static const char *const names[] = {
	    "first.x.test", "second.test", "third.test", "", "", "last.test"};

	(void)state;
	begin(OK, "x.test", MX);
	ANSWER(QUESTION, MX, 9, "\xff\xff\4LAST\4test\0");
	ANSWER(QUESTION, MX, 9, "\0\2\6Second\4test\0");
	ANSWER(QUESTION, MX, 9, "\0\1\5first" QUESTION);
	ANSWER(QUESTION, MX, 9, "\0\2\5third\xc0\x0e");
	ANSWER(QUESTION, MX, 9, "\0\2\0");
	/* A dot in a label can't be told from one between labels. */
	ANSWER(QUESTION, MX, 9, "\0\2\3a.b\4test\0");
	expect_names(SPF_RR_MX, "x.test", names, COUNT(names));

	begin(OK, "x.test", MX);
	for (int i = 0; i < 200; i++)
		ANSWER(QUESTION, MX, 9, "\0\1\1a" QUESTION);
	assert_int_equal(parse(SPF_RR_MX, "x.test"), DNSMSG_ANSWER);
	assert_int_equal(result.answer->count, DNSMSG_NAMES_KEPT);
	spf_answer_free(result.answer);
}

static void
ptr_as_they_come(void **state)
{
	static const char *const names[] = {"b.test", "a.test"};

	(void)state;
	begin(OK, "1.0.0.127.in-addr.arpa", PTR);
	ANSWER(QUESTION, PTR, 9, "\1B\4TEST\0");
	ANSWER(QUESTION, PTR, 9, "\1a\4test\0");
	expect_names(SPF_RR_PTR, "1.0.0.127.in-addr.arpa", names, 2);
}

static void
other_records_are_skipped(void **state)
{
	(void)state;
	begin(OK, "x.test", TXT);
	ANSWER(QUESTION, RRSIG, 1, "signature");
	ANSWER("y.test", TXT, 1, "\13v=spf1 +all");
	record_of_class(6, QUESTION, TXT, 3 /* CHAOS */, 1, MF_TEXT("\1x"));
	ANSWER(QUESTION, TXT, 5, "\13v=spf1 -all");
	ANSWER("y.test", CNAME, 1, QUESTION);
	authority("test", NS, 1, MF_TEXT("\1x"));
	expect_txt("x.test", 1, "v=spf1 -all");
	assert_int_equal(result.ttl_sec, 5);
}

static void
ttl_with_its_highest_bit_is_zero(void **state)
{
	(void)state;
	begin(OK, "x.test", TXT);
	ANSWER(QUESTION, TXT, UINT32_C(0x80000000), "\1x");
	expect_txt("x.test", 0, "x");
	assert_int_equal(result.ttl_sec, 0);
	begin(OK, "x.test", TXT);
	ANSWER(QUESTION, TXT, 0x7fffffff, "\1x");
	expect_txt("x.test", 0, "x");
	assert_int_equal(result.ttl_sec, 0x7fffffff);
}

/* --- aliases --- */

static void
aliases_in_any_order(void **state)
{
	(void)state;
	begin(OK, "a.test", TXT);
	ANSWER("d.test", TXT, 300, "\13v=spf1 -all");
	alias("c.test", "D.test", 300);
	alias("A.TEST", "b.test", 300);
	alias("b.test", "c.test", 7);
	alias("unrelated.test", "c.test", 1);
	expect_txt("a.test", 1, "v=spf1 -all");
	assert_int_equal(result.ttl_sec, 7);
	assert_int_equal(result.aliases, 3);
}

static void
number_aliases(unsigned count)
{
	char from[24], to[24];

	begin(OK, "n0.test", TXT);
	for (unsigned i = 0; i < count; i++) {
		snprintf(from, sizeof(from), "n%u.test", i);
		snprintf(to, sizeof(to), "n%u.test", i + 1);
		alias(from, to, 300);
	}
	snprintf(to, sizeof(to), "n%u.test", count);
	ANSWER(to, TXT, 300, "\1x");
}

static void
aliases_have_a_limit(void **state)
{
	(void)state;
	number_aliases(DNSMSG_ALIASES_MAX);
	expect_txt("n0.test", 0, "x");
	number_aliases(DNSMSG_ALIASES_MAX + 1);
	expect_failure(SPF_RR_TXT, "n0.test", SPF_CAUSE_ALIASES);
}

static void
alias_loops(void **state)
{
	(void)state;
	begin(OK, "a.test", TXT);
	alias(QUESTION, "a.test", 300);
	expect_failure(SPF_RR_TXT, "a.test", SPF_CAUSE_ALIASES);
	begin(OK, "a.test", TXT);
	alias(QUESTION, "b.test", 300);
	alias("b.test", "c.test", 300);
	alias("c.test", "b.test", 300);
	expect_failure(SPF_RR_TXT, "a.test", SPF_CAUSE_ALIASES);
}

static void
alias_that_leads_elsewhere(void **state)
{
	char target[SPF_NAME_SIZE];

	(void)state;
	begin(OK, "a.test", TXT);
	alias(QUESTION, "b.test", 9);
	alias("b.test", "C.Other", 8);
	assert_int_equal(parse(SPF_RR_TXT, "a.test"), DNSMSG_ALIAS);
	dnsmsg_name_text_(&result.target, target);
	assert_string_equal(target, "c.other");
	assert_int_equal(result.ttl_sec, 8);
	assert_int_equal(result.aliases, 2);
	/* A SOA record of another zone than the target's says nothing. */
	soa("test", 5, 5);
	assert_int_equal(parse(SPF_RR_TXT, "a.test"), DNSMSG_ALIAS);
	/* One of its own says that there is nothing. */
	soa("other", 6, 7);
	expect_void(SPF_RR_TXT, "a.test", 6);
	/* And so does NXDOMAIN, which is about the last name. */
	begin(NXDOMAIN, "a.test", TXT);
	alias(QUESTION, "b.test", 9);
	expect_void(SPF_RR_TXT, "a.test", 0);
}

/* --- nothing --- */

static void
negative_ttl(void **state)
{
	static const struct {
		const char *zone;
		uint32_t ttl, minimum, expect;
	} rows[] = {
	    {"test", 300, 60, 60},
	    {"test", 60, 300, 60},
	    {"x.test", 9, 9, 9},
	    {"\0", 8, 9, 8}, /* the root */
	    {"y.x.test", 9, 9, 0},
	    {"est", 9, 9, 0},
	    {"other", 9, 9, 0},
	    {"test", 0, 9, 0},
	    {"test", 9, UINT32_C(0x80000000), 0},
	    {"test", UINT32_C(0xffffffff), 9, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (int nx = 0; nx < 2; nx++) {
			begin(nx ? NXDOMAIN : OK, "x.test", A);
			authority("test", RRSIG, 1, MF_TEXT("signature"));
			soa(rows[i].zone, rows[i].ttl, rows[i].minimum);
			expect_void(SPF_RR_A, "x.test", rows[i].expect);
		}
	}
	begin(OK, "x.test", A);
	expect_void(SPF_RR_A, "x.test", 0);
	begin(NXDOMAIN, "x.test", A);
	ANSWER(QUESTION, A, 5, "\1\2\3\4"); /* nonsense; the code decides */
	expect_void(SPF_RR_A, "x.test", 0);
}

static void
referral_is_no_answer(void **state)
{
	(void)state;
	begin(0x8100, "x.test", A); /* neither authoritative nor recursive */
	authority("test", NS, 300, MF_TEXT("\2ns\0"));
	expect_failure(SPF_RR_A, "x.test", SPF_CAUSE_REFERRAL);
	begin(0x8500, "x.test", A);
	authority("test", NS, 300, MF_TEXT("\2ns\0"));
	expect_void(SPF_RR_A, "x.test", 0);
	begin(OK, "x.test", A);
	authority("test", NS, 300, MF_TEXT("\2ns\0"));
	expect_void(SPF_RR_A, "x.test", 0);
}

/* --- what isn't an answer --- */

static void
failures(void **state)
{
	(void)state;
	for (unsigned rcode = 0; rcode < 16; rcode++) {
		begin(0x8180 | rcode, "x.test", A);
		ANSWER(QUESTION, A, 5, "\1\2\3\4");
		enum dnsmsg_status status = parse(SPF_RR_A, "x.test");
		if (rcode == 0 || rcode == 3) {
			assert_int_equal(status, DNSMSG_ANSWER);
			spf_answer_free(result.answer);
		} else {
			assert_int_equal(status, DNSMSG_FAILURE);
			assert_int_equal(result.cause, rcode);
		}
	}
	begin(OK | 0x200, "x.test", A); /* truncated */
	ANSWER(QUESTION, A, 5, "\1\2\3\4");
	expect_failure(SPF_RR_A, "x.test", SPF_CAUSE_TRUNCATED);
}

static void
answers_to_other_questions(void **state)
{
	static const struct {
		unsigned flags;
		const char *name;
		unsigned type;
	} rows[] = {
	    {0x0180, "x.test", A}, /* a question itself */
	    {0x8980, "x.test", A}, /* another opcode */
	    {OK, "y.test", A},
	    {OK, "x.test", AAAA},
	    {OK, "x.test.test", A},
	    {OK, "test", A},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		begin(rows[i].flags, rows[i].name, rows[i].type);
		ANSWER("x.test", A, 5, "\1\2\3\4");
		expect_failure(SPF_RR_A, "x.test", SPF_CAUSE_MALFORMED);
	}
	for (unsigned questions = 0; questions < 3; questions += 2) {
		begin(OK, "x.test", A);
		m.octets[5] = (uint8_t)questions;
		expect_failure(SPF_RR_A, "x.test", SPF_CAUSE_MALFORMED);
	}
	begin(OK, "x.test", A);
	m.octets[m.len - 1] = 3; /* class CHAOS */
	expect_failure(SPF_RR_A, "x.test", SPF_CAUSE_MALFORMED);
}

static void
malformed_records(void **state)
{
	static const struct {
		enum spf_rr rr;
		unsigned type;
		struct mf_text data;
	} rows[] = {
	    {SPF_RR_A, A, BYTES("\1\2\3")},
	    {SPF_RR_A, A, BYTES("\1\2\3\4\5")},
	    {SPF_RR_A, A, BYTES("")},
	    {SPF_RR_AAAA, AAAA, BYTES("\1\2\3\4")},
	    {SPF_RR_AAAA, AAAA, BYTES("0123456789abcdefg")},
	    {SPF_RR_TXT, TXT, BYTES("\4abc")},
	    {SPF_RR_TXT, TXT, BYTES("\3abc\1")},
	    {SPF_RR_TXT, TXT, BYTES("\xff")},
	    {SPF_RR_MX, MX, BYTES("")},
	    {SPF_RR_MX, MX, BYTES("\0")},
	    {SPF_RR_MX, MX, BYTES("\0\1")},
	    {SPF_RR_MX, MX, BYTES("\0\1\1a")},
	    {SPF_RR_MX, MX, BYTES("\0\1\1a\0x")},
	    {SPF_RR_MX, MX, BYTES("\0\1\xc0")},
	    {SPF_RR_MX, MX, BYTES("\0\1\xc0\xff")},    /* forwards */
	    {SPF_RR_MX, MX, BYTES("\0\1\xc0\x26")},    /* to itself */
	    {SPF_RR_MX, MX, BYTES("\0\1\1a\xc0\x26")}, /* to its beginning */
	    {SPF_RR_MX, MX, BYTES("\0\1\x40\1\2")},    /* extended label */
	    {SPF_RR_MX, MX, BYTES("\0\1\x80\1\2")},
	    {SPF_RR_PTR, PTR, BYTES("\xc0\x24")},
	    {SPF_RR_PTR, PTR, BYTES("\2a\0")},
	    {SPF_RR_A, CNAME, BYTES("")},
	    {SPF_RR_A, CNAME, BYTES("\1a")},
	    {SPF_RR_A, CNAME, BYTES("\1a\0\0")},
	    {SPF_RR_A, CNAME, BYTES("\xc0\x24")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		static const unsigned types[] = {TXT, A, AAAA, MX, PTR};

		begin(OK, "x.test", types[rows[i].rr]);
		/* The data begins at 36. */
		answer(QUESTION, rows[i].type, 5, rows[i].data);
		expect_failure(rows[i].rr, "x.test", SPF_CAUSE_MALFORMED);
	}
}

/* Labels that pointers chain together to more than a name can be. */
static void
names_that_are_too_long(void **state)
{
	(void)state;
	begin(OK, "x.test", PTR);
	size_t at = m.len + 12;
	ANSWER(QUESTION, PTR, 5, "\77" L63 "\77" L63 "\77" L63 "\0");
	char data[] = "\76" L63 "\xc0\x24"; /* 62 octets of it */
	memmove(data + 63, data + 64, 2);
	data[63] = (char)(0xc0 | at >> 8);
	data[64] = (char)at;
	answer(QUESTION, PTR, 5, mf_text_at(data, 65));
	expect_failure(SPF_RR_PTR, "x.test", SPF_CAUSE_MALFORMED);
	/* 61 octets make it 255 in all. */
	begin(OK, "x.test", PTR);
	ANSWER(QUESTION, PTR, 5, "\77" L63 "\77" L63 "\77" L63 "\0");
	data[0] = 61;
	memmove(data + 62, data + 63, 2);
	answer(QUESTION, PTR, 5, mf_text_at(data, 64));
	assert_int_equal(parse(SPF_RR_PTR, "x.test"), DNSMSG_ANSWER);
	assert_int_equal(result.answer->names[1].len, 253);
	spf_answer_free(result.answer);
}

/* Cut anywhere, none is an answer. */
static void
cut_short(void **state)
{
	size_t whole;

	(void)state;
	begin(OK, "x.test", MX);
	alias(QUESTION, "y.test", 5);
	ANSWER("y.test", MX, 5, "\0\1\1a\4test\0");
	ANSWER("y.test", MX, 5, "\0\1\1b" QUESTION);
	for (whole = m.len, m.len = 0; m.len < whole; m.len++)
		expect_failure(SPF_RR_MX, "x.test", SPF_CAUSE_MALFORMED);
	assert_int_equal(parse(SPF_RR_MX, "x.test"), DNSMSG_ANSWER);
	spf_answer_free(result.answer);

	begin(NXDOMAIN, "x.test", MX);
	soa("test", 5, 5);
	for (whole = m.len, m.len = 0; m.len < whole; m.len++)
		expect_failure(SPF_RR_MX, "x.test", SPF_CAUSE_MALFORMED);
	expect_void(SPF_RR_MX, "x.test", 5);
}

/* --- as large as can be --- */

static void
a_whole_message_of_records(void **state)
{
	size_t count = 0;

	(void)state;
	begin(OK, "x.test", TXT);
	for (; m.len < 65535 - 13; count++)
		ANSWER(QUESTION, TXT, 5, "\0");
	expect_txt("x.test", 0, "");
	assert_true(count > 5000);

	begin(OK, "x.test", A);
	for (count = 0; m.len < 65535 - 16; count++)
		ANSWER(QUESTION, A, 5, "\1\2\3\4");
	assert_int_equal(parse(SPF_RR_A, "x.test"), DNSMSG_ANSWER);
	assert_int_equal(result.answer->count, count);
	spf_answer_free(result.answer);
}

/*
 * Thousands of records, the name of each at the end of a chain of thousands of
 * pointers: what is followed is bounded for the message as a whole.
 */
static void
chains_of_pointers(void **state)
{
	char pointer[3] = {0};
	size_t begin_at, count = 0;

	(void)state;
	begin(OK, "x.test", A);
	begin_at = m.len;
	/* One record of another type, whose data is the chain. */
	count_up(6);
	add_name(QUESTION);
	add_u16(99);
	add_u16(1);
	add_u32(5);
	add_u16(2 * 8000);
	add_u16(0xc000 | 12);
	for (size_t i = 1; i < 8000; i++)
		add_u16(0xc000 | (unsigned)(m.len - 2));
	pointer[0] = (char)(0xc0 | (m.len - 2) >> 8);
	pointer[1] = (char)(m.len - 2);
	for (; m.len < 65535 - 16; count++)
		answer(pointer, A, 5, (struct mf_text)BYTES("\1\2\3\4"));
	assert_true(count > 2900 && begin_at < m.len);
	expect_failure(SPF_RR_A, "x.test", SPF_CAUSE_MALFORMED);
	assert_in_range(result.steps, 8000, DNSMSG_STEPS_MAX + 1);

	/* As many records as fit, of a name with many labels, are no attack. */
	begin(OK, "a.b.c.d.e.f.g.test", A);
	for (count = 0; m.len < 65535 - 40; count++)
		ANSWER("a.b.c.d.e.f.g.test", A, 5, "\1\2\3\4");
	assert_true(count > 1700);
	assert_int_equal(parse(SPF_RR_A, "a.b.c.d.e.f.g.test"), DNSMSG_ANSWER);
	assert_int_equal(result.answer->count, count);
	spf_answer_free(result.answer);
}

/* --- whether it is an answer --- */

static struct dnsmsg_head
head(const char *name, uint64_t bits)
{
	struct dnsmsg_name wire;

	assert_true(dnsmsg_name_(mf_text_of(name), &wire));
	return dnsmsg_head_(m.octets, m.len, SPF_RR_TXT, &wire, bits);
}

static void
heads(void **state)
{
	(void)state;
	begin(OK, "x.test", TXT);
	assert_int_equal(head("x.test", 0).match, DNSMSG_SAME);
	assert_int_equal(head("x.test", 1).match, DNSMSG_OTHER_CASE);
	assert_int_equal(head("y.test", 0).match, DNSMSG_FOREIGN);
	assert_int_equal(head("x.test.x", 0).match, DNSMSG_FOREIGN);
	for (size_t len = m.len; m.len-- > 0;)
		assert_true(
		    m.len < len && head("x.test", 0).match == DNSMSG_FOREIGN);

	begin(OK, "x.test", TXT);
	m.octets[13] = 'X';
	assert_int_equal(head("x.test", 1).match, DNSMSG_SAME);
	assert_int_equal(head("x.test", 2).match, DNSMSG_OTHER_CASE);

	begin(OK, "x.test", A);
	assert_int_equal(head("x.test", 0).match, DNSMSG_FOREIGN);
	begin(OK, "x.test", TXT);
	m.octets[m.len - 1] = 3; /* CHAOS */
	assert_int_equal(head("x.test", 0).match, DNSMSG_FOREIGN);
	begin(0x0100, "x.test", TXT); /* a question */
	assert_int_equal(head("x.test", 0).match, DNSMSG_FOREIGN);
	begin(OK | 0x0800, "x.test", TXT); /* another opcode */
	assert_int_equal(head("x.test", 0).match, DNSMSG_FOREIGN);
	begin(OK | 0x0200, "x.test", TXT);
	assert_true(head("x.test", 0).truncated);
}

static void
heads_of_errors(void **state)
{
	(void)state;
	begin(0x8181, "x.test", TXT);
	m.octets[5] = 0;
	m.len = 12;
	assert_int_equal(head("x.test", 1).match, DNSMSG_NO_QUESTION);
	assert_int_equal(head("x.test", 1).rcode, SPF_CAUSE_FORMERR);
	/* Without the question only an error can be an answer. */
	m.octets[3] = 0x80;
	assert_int_equal(head("x.test", 1).match, DNSMSG_FOREIGN);
	m.octets[3] = 0x83;
	assert_int_equal(head("x.test", 1).match, DNSMSG_FOREIGN);

	/* BADVERS (RFC 6891 6.1.3) */
	begin(OK, "x.test", TXT);
	m.octets[11] = 1;
	add((struct mf_text)BYTES("\0\0\x29\4\xd0\1\0\0\0\0\0"));
	assert_int_equal(head("x.test", 0).match, DNSMSG_SAME);
	assert_int_equal(head("x.test", 0).rcode, 16);
	m.len--;
	assert_int_equal(head("x.test", 0).rcode, 0);
}

static void
case_of_names(void **state)
{
	struct dnsmsg_name name;
	char text[SPF_NAME_SIZE];

	(void)state;
	assert_true(dnsmsg_name_(MF_TEXT("a1.[b]{c}@z"), &name));
	dnsmsg_mix_case_(name.wire, name.len, UINT64_MAX);
	dnsmsg_name_text_(&name, text);
	assert_string_equal(text, "A1.[B]{C}@Z");
	dnsmsg_mix_case_(name.wire, name.len, 2 | 8);
	dnsmsg_name_text_(&name, text);
	assert_string_equal(text, "A1.[b]{C}@z");
	/* The 65th letter has the first one's bit. */
	assert_true(dnsmsg_name_(MF_TEXT(L63 ".a." L63), &name));
	dnsmsg_mix_case_(name.wire, name.len, 1);
	dnsmsg_name_text_(&name, text);
	assert_memory_equal(text, "Abc", 3);
	assert_memory_not_equal(text + 64, "a." L63, 65);
}

static void
one_record_of_64_kilobytes(void **state)
{
	static char data[65000];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = i % 250 == 0 ? (char)249 : 'a';
	begin(OK, "x.test", TXT);
	answer(QUESTION, TXT, 5, mf_text_at(data, sizeof(data)));
	assert_int_equal(parse(SPF_RR_TXT, "x.test"), DNSMSG_ANSWER);
	assert_int_equal(
	    result.answer->only_text.len, sizeof(data) / 250 * 249);
	spf_answer_free(result.answer);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(query_is_as_it_should_be),
	    cmocka_unit_test(query_of_every_type),
	    cmocka_unit_test(names_there_and_back),
	    cmocka_unit_test(txt_strings_are_joined),
	    cmocka_unit_test(addresses),
	    cmocka_unit_test(mx_by_preference),
	    cmocka_unit_test(ptr_as_they_come),
	    cmocka_unit_test(other_records_are_skipped),
	    cmocka_unit_test(ttl_with_its_highest_bit_is_zero),
	    cmocka_unit_test(aliases_in_any_order),
	    cmocka_unit_test(aliases_have_a_limit),
	    cmocka_unit_test(alias_loops),
	    cmocka_unit_test(alias_that_leads_elsewhere),
	    cmocka_unit_test(negative_ttl),
	    cmocka_unit_test(referral_is_no_answer),
	    cmocka_unit_test(failures),
	    cmocka_unit_test(answers_to_other_questions),
	    cmocka_unit_test(malformed_records),
	    cmocka_unit_test(names_that_are_too_long),
	    cmocka_unit_test(cut_short),
	    cmocka_unit_test(a_whole_message_of_records),
	    cmocka_unit_test(one_record_of_64_kilobytes),
	    cmocka_unit_test(chains_of_pointers),
	    cmocka_unit_test(heads),
	    cmocka_unit_test(heads_of_errors),
	    cmocka_unit_test(case_of_names),
	};

	return cmocka_run_group_tests_name("dnsmsg", tests, NULL, NULL);
}

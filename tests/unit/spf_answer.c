/* SPDX-License-Identifier: ISC */
/*
 * libspf/answer.c and ip.c: answers, what is drawn from them, how large they
 * are, and that one answer serves several checks.
 */
#include <pthread.h>

#include "libspf/record_.h"
#include "tests/unit/support.h"

/* --- words -------------------------------------------------------------- */

static void
words(void **state)
{
	static const char *const results[] = {"none", "neutral", "pass", "fail",
	    "softfail", "temperror", "permerror"};
	static const char *const types[] = {"TXT", "A", "AAAA", "MX", "PTR"};

	(void)state;
	for (unsigned i = 0; i < COUNT(results); i++)
		expect_str("result", results[i],
		    spf_result_text((enum spf_result)i), results[i]);
	for (unsigned i = 0; i < COUNT(types); i++)
		expect_str(
		    "type", types[i], spf_rr_text((enum spf_rr)i), types[i]);
}

/* --- addresses ---------------------------------------------------------- */

static void
ips(void **state)
{
	static const struct {
		struct mf_text text;
		const char *want; /* NULL: no address */
	} rows[] = {
	    {MF_TEXT("192.0.2.1"), "192.0.2.1"},
	    {MF_TEXT("0.0.0.0"), "0.0.0.0"},
	    {MF_TEXT("255.255.255.255"), "255.255.255.255"},
	    {MF_TEXT("2001:DB8:0:0:0::1"), "2001:db8::1"},
	    {MF_TEXT("::"), "::"},
	    {MF_TEXT("::1"), "::1"},
	    {MF_TEXT("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"),
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	    /* 5: IPv4-mapped ones are IPv4; IPv4-compatible ones aren't. */
	    {MF_TEXT("::ffff:192.0.2.1"), "192.0.2.1"},
	    {MF_TEXT("::FFFF:c000:201"), "192.0.2.1"},
	    {MF_TEXT("0:0:0:0:0:ffff:0:0"), "0.0.0.0"},
	    {MF_TEXT("::192.0.2.1"), "::192.0.2.1"},
	    {MF_TEXT("::fffe:192.0.2.1"), "::fffe:c000:201"},
	    {MF_TEXT("1::ffff:192.0.2.1"), "1::ffff:c000:201"},
	    {MF_TEXT(""), NULL},
	    {MF_TEXT("192.0.2"), NULL},
	    {MF_TEXT("192.0.2.256"), NULL},
	    {MF_TEXT("192.0.2.1.1"), NULL},
	    {MF_TEXT("192.0.2.01"), NULL},
	    {MF_TEXT("192.0.2.1 "), NULL},
	    {MF_TEXT(" 192.0.2.1"), NULL},
	    {MF_TEXT("192.0.2.1\0"), NULL},
	    {MF_TEXT("192.0.2.1\0.9"), NULL},
	    {MF_TEXT("192.0.2.1/32"), NULL},
	    {MF_TEXT("[192.0.2.1]"), NULL},
	    {MF_TEXT("IPv6:::1"), NULL},
	    {MF_TEXT("fe80::1%eth0"), NULL},
	    {MF_TEXT("::1::"), NULL},
	    {MF_TEXT("example"), NULL},
	    {MF_TEXT("1111111111111111111111111111111111111111111111111111111"),
		NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct spf_ip ip, before;
		char room[SPF_IP_SIZE];

		memset(&ip, 0x5a, sizeof(ip));
		ip.v6 = true;
		before = ip;
		bool ok = spf_ip_parse(rows[i].text, &ip);
		expect_int(rows[i].text.p, "is one", ok, rows[i].want != NULL);
		if (!ok) {
			assert_int_equal(ip.v6, before.v6);
			assert_memory_equal(ip.octets, before.octets, 16);
			continue;
		}
		expect_int(rows[i].text.p, "length",
		    (long long)spf_ip_print(&ip, room),
		    (long long)strlen(rows[i].want));
		expect_str(rows[i].text.p, "printed", room, rows[i].want);
		expect_int(rows[i].text.p, "version", ip.v6,
		    strchr(rows[i].want, ':') != NULL);
	}
}

/* --- TXT ---------------------------------------------------------------- */

static void
txt(void **state)
{
	static const struct {
		const char *name;
		struct mf_text records[4];
		size_t count;
		enum spf_dns_status status;
		unsigned spf_records;
		const char *record; /* NULL: none that is compiled */
		struct mf_text only_text;
	} rows[] = {
	    {"none", {{NULL, 0}}, 0, SPF_DNS_VOID, 0, NULL, {NULL, 0}},
	    {"empty", {BYTES("")}, 1, SPF_DNS_FOUND, 0, NULL, {NULL, 0}},
	    {"one", {BYTES("v=spf1 -all")}, 1, SPF_DNS_FOUND, 1, "v=spf1 -all",
		BYTES("v=spf1 -all")},
	    {"one of some",
		{BYTES("hello"), BYTES("V=SPF1 a"), BYTES("v=spf10")}, 3,
		SPF_DNS_FOUND, 1, "V=SPF1 a", {NULL, 0}},
	    {"4.5: two", {BYTES("v=spf1 a"), BYTES("x"), BYTES("v=spf1 a")}, 3,
		SPF_DNS_FOUND, 2, NULL, {NULL, 0}},
	    {"4.5: the version ends at a blank or the end",
		{BYTES("v=spf1\ta"), BYTES("v=spf1."), BYTES("v=spf2 a"),
		    BYTES("v=spf1")},
		4, SPF_DNS_FOUND, 1, "v=spf1", {NULL, 0}},
	    {"6.2: an explanation", {BYTES("See %{d}")}, 1, SPF_DNS_FOUND, 0,
		NULL, BYTES("See %{d}")},
	    {"6.2: which of two?", {BYTES("See"), BYTES("this")}, 2,
		SPF_DNS_FOUND, 0, NULL, {NULL, 0}},
	    {"octets", {BYTES("a\0b\xff")}, 1, SPF_DNS_FOUND, 0, NULL,
		BYTES("a\0b\xff")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *name = rows[i].name;
		struct spf_answer *a =
		    spf_answer_txt(rows[i].records, rows[i].count);

		assert_non_null(a);
		expect_int(name, "type", a->rr, SPF_RR_TXT);
		expect_int(name, "status", a->status, rows[i].status);
		expect_int(
		    name, "records", a->spf_records, rows[i].spf_records);
		expect_int(name, "compiled", a->record != NULL,
		    rows[i].record != NULL);
		if (a->record != NULL)
			expect_text(name, "record", a->record->text,
			    mf_text_of(rows[i].record));
		expect_text(name, "text", a->only_text, rows[i].only_text);
		expect_int(name, "count", (long long)a->count,
		    (long long)rows[i].count);
		spf_answer_free(a);
	}
}

/* 59 records, of which one, two or none are SPF's. */
static void
many_txt(void **state)
{
	struct mf_text records[59];

	(void)state;
	for (unsigned spf = 0; spf <= 2; spf++) {
		for (size_t i = 0; i < COUNT(records); i++)
			records[i] = i >= 50 && i < 50 + spf
			    ? MF_TEXT("v=spf1 -all")
			    : MF_TEXT("some=verification");
		struct spf_answer *a = spf_answer_txt(records, COUNT(records));
		assert_non_null(a);
		assert_int_equal(a->spf_records, spf);
		assert_int_equal(a->record != NULL, spf == 1);
		spf_answer_free(a);
	}
}

/* What was meant to be a record and isn't by its version. */
static void
nearly_records(void **state)
{
	static const struct {
		const char *texts[3];
		const char *nearly;
		bool sender_id;
	} rows[] = {
	    {{"hello", " v=spf1 -all", "v=spf1; a"}, " v=spf1 -all", false},
	    {{"x", "\"v=spf1 -all\"", "y"}, "\"v=spf1 -all\"", false},
	    {{"x", "v=spf1;-all", "spf2.0/pra -all"}, "v=spf1;-all", true},
	    {{"x", "V = SPF1 -all", "y"}, "V = SPF1 -all", false},
	    {{"x", "v:spf1 a", "y"}, "v:spf1 a", false},
	    {{"x", "spf1 -all", "y"}, "spf1 -all", false},
	    {{"x", "=spf1 -all", "y"}, "=spf1 -all", false},
	    {{"x", "\xef\xbb\xbfv=spf1 -all", "y"}, "\xef\xbb\xbfv=spf1 -all",
		false},
	    {{"x", "v=spf10 a", "y"}, "v=spf10 a", false},
	    {{"spf", "v=DKIM1; p=", "spf notes"}, "", false},
	    {{"v", "", "vspf1 a"}, "", false},
	    {{"SPF2.0/mfrom a", "x", "y"}, "", true},
	    {{"v=spf1 a", "v=spf1;", "spf2.0/pra"}, "", true},
	    {{"v=spf1 a", "v=spf1 a", "v=spf1;"}, "", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mf_text texts[3];
		struct spf_answer *a;

		for (size_t k = 0; k < 3; k++)
			texts[k] = mf_text_of(rows[i].texts[k]);
		a = spf_answer_txt(texts, 3);
		assert_non_null(a);
		expect_text(rows[i].texts[1], "nearly", a->nearly,
		    mf_text_of(rows[i].nearly));
		assert_int_equal(a->sender_id, rows[i].sender_id);
		spf_answer_free(a);
	}
}

static void
sizes(void **state)
{
	static char big[65536];
	const struct mf_text hello = MF_TEXT("hello");
	struct mf_text one = mf_text_at(big, sizeof(big));
	struct spf_answer *a;

	(void)state;
	memset(big, 'x', sizeof(big));
	a = spf_answer_txt(&one, 1); /* 64 KB of text for exp= */
	assert_non_null(a);
	assert_int_equal(a->only_text.len, sizeof(big));
	assert_int_equal(a->size, sizeof(*a) + sizeof(big));
	spf_answer_free(a);

	a = spf_answer_txt(&hello, 1);
	assert_non_null(a);
	assert_int_equal(a->size, sizeof(*a) + hello.len);
	spf_answer_free(a);

	/* As a record it is an error, and only its beginning is kept. */
	memcpy(big, "v=spf1 ", 7);
	a = spf_answer_txt(&one, 1);
	assert_non_null(a);
	assert_non_null(spf_record_problem(a->record));
	assert_true(a->size < sizeof(*a) + 3 * SPF_RECORD_MAX);
	assert_int_equal(a->record->text.len, SPF_RECORD_MAX + 1);
	spf_answer_free(a);

	/* Terms count, and the text of a problem. */
	const struct mf_text terms = MF_TEXT("v=spf1 a mx -all");
	const struct mf_text broken = MF_TEXT("v=spf1 a mx foo!");
	a = spf_answer_txt(&terms, 1);
	struct spf_answer *b = spf_answer_txt(&broken, 1);
	assert_true(a != NULL && b != NULL);
	assert_true(a->size >= sizeof(*a) + sizeof(struct spf_record) +
		3 * sizeof(struct spf_term) + 2 * terms.len);
	assert_int_equal(
	    b->size, a->size + strlen(spf_record_problem(b->record)) + 1);
	spf_answer_free(a);
	spf_answer_free(b);
}

/* --- addresses and names ------------------------------------------------ */

static void
addresses(void **state)
{
	uint8_t octets[256 * 16];

	(void)state;
	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(i * 7);
	for (unsigned v6 = 0; v6 < 2; v6++)
		for (size_t count = 0; count <= 256; count++) {
			enum spf_rr rr = v6 ? SPF_RR_AAAA : SPF_RR_A;
			size_t size = count * (v6 ? 16 : 4);
			struct spf_answer *a = spf_answer_addresses(
			    rr, count != 0 ? octets : NULL, count);

			assert_non_null(a);
			assert_int_equal(a->rr, rr);
			assert_int_equal(a->status,
			    count != 0 ? SPF_DNS_FOUND : SPF_DNS_VOID);
			assert_int_equal(a->count, count);
			assert_int_equal(a->size, sizeof(*a) + size);
			if (count != 0) {
				/* A copy. */
				assert_ptr_not_equal(a->addresses, octets);
				assert_memory_equal(a->addresses, octets, size);
			}
			spf_answer_free(a);
		}
}

static void
names(void **state)
{
	char mail[] = "MAIL.Example.";
	const struct mf_text given[] = {mf_text_at(mail, sizeof(mail) - 1),
	    MF_TEXT("."), MF_TEXT(""), MF_TEXT("a..B."), MF_TEXT("B"),
	    MF_TEXT("x\0Y.example"), MF_TEXT("\xc3\x89.Example")};
	const struct mf_text want[] = {MF_TEXT("mail.example"), MF_TEXT(""),
	    MF_TEXT(""), MF_TEXT("a..b"), MF_TEXT("b"), MF_TEXT("x\0y.example"),
	    MF_TEXT("\xc3\x89.example")};
	struct spf_answer *a = spf_answer_names(SPF_RR_MX, given, COUNT(given));

	(void)state;
	assert_non_null(a);
	memset(mail, '!', sizeof(mail)); /* the answer has its own */
	assert_int_equal(a->rr, SPF_RR_MX);
	assert_int_equal(a->status, SPF_DNS_FOUND);
	assert_int_equal(a->count, COUNT(want));
	for (size_t i = 0; i < COUNT(want); i++)
		expect_text("name", want[i].p, a->names[i], want[i]);
	assert_true(a->size >= sizeof(*a) + sizeof(want));
	spf_answer_free(a);

	a = spf_answer_names(SPF_RR_PTR, NULL, 0);
	assert_non_null(a);
	assert_int_equal(a->rr, SPF_RR_PTR);
	assert_int_equal(a->status, SPF_DNS_VOID);
	assert_int_equal(a->count, 0);
	spf_answer_free(a);
}

static void
nothing(void **state)
{
	(void)state;
	for (unsigned rr = SPF_RR_TXT; rr <= SPF_RR_PTR; rr++) {
		struct spf_answer *a = spf_answer_void((enum spf_rr)rr);

		assert_non_null(a);
		assert_int_equal(a->rr, rr);
		assert_int_equal(a->status, SPF_DNS_VOID);
		assert_int_equal(a->cause, SPF_CAUSE_NONE);
		assert_int_equal(a->count, 0);
		assert_int_equal(a->spf_records, 0);
		assert_null(a->record);
		assert_int_equal(a->only_text.len, 0);
		assert_int_equal(a->size, sizeof(*a));
		spf_answer_free(a);
	}
	spf_answer_free(NULL);
}

/* --- failures ----------------------------------------------------------- */

/* Numbers that the RFCs give, and the others that people read. */
static void
causes(void **state)
{
	static const struct {
		unsigned cause;
		const char *text;
	} rows[] = {
	    {1, "FORMERR"},
	    {2, "SERVFAIL"},
	    {4, "NOTIMP"},
	    {5, "REFUSED"},
	    {9, "NOTAUTH"},
	    {12, "RCODE 12"},
	    {15, "RCODE 15"},
	    {SPF_CAUSE_TIMEOUT, "timeout"},
	    {SPF_CAUSE_UNREACHABLE, "network unreachable"},
	    {SPF_CAUSE_CONNREFUSED, "connection refused"},
	};
	enum spf_cause cause = SPF_CAUSE_NONE;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(
		    spf_cause_text((enum spf_cause)rows[i].cause),
		    rows[i].text);
	for (unsigned i = 1; i < SPF_CAUSE_COUNT; i++) {
		struct mf_text text =
		    mf_text_of(spf_cause_text((enum spf_cause)i));

		assert_true(text.len != 0);
		assert_true(spf_cause_parse(text, &cause));
		assert_int_equal(cause, i);
	}
	assert_string_equal(spf_cause_text(SPF_CAUSE_NONE), "");
	assert_true(spf_cause_parse(MF_TEXT("Timeout"), &cause));
	assert_int_equal(cause, SPF_CAUSE_TIMEOUT);
	assert_false(spf_cause_parse(MF_TEXT(""), &cause));
	assert_false(spf_cause_parse(MF_TEXT("SERVFAI"), &cause));
	assert_false(spf_cause_parse(MF_TEXT("RCODE 16"), &cause));
}

/* As many answers are kept, none grew for the sake of the failed ones. */
static void
failures(void **state)
{
	(void)state;
	for (unsigned rr = SPF_RR_TXT; rr <= SPF_RR_PTR; rr++)
		for (unsigned i = 1; i < SPF_CAUSE_COUNT; i++) {
			const struct spf_answer *a = spf_answer_failure(
			    (enum spf_rr)rr, (enum spf_cause)i);

			assert_int_equal(a->rr, rr);
			assert_int_equal(a->status, SPF_DNS_ERROR);
			assert_int_equal(a->cause, i);
			assert_int_equal(a->count, 0);
			assert_int_equal(a->spf_records, 0);
			assert_int_equal(a->size, 0);
			assert_null(a->record);
			spf_answer_free(a);
		}
	assert_true(sizeof(void *) != 8 || sizeof(struct spf_answer) == 96);
}

/* --- sharing ------------------------------------------------------------ */

#define THREADS 4
#define CHECKS  2000

static struct spf_answer *shared[2];

static const struct spf_answer *
shared_lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	(void)arg;
	(void)name;
	return shared[rr != SPF_RR_TXT];
}

/* How often the verdict is wrong. */
static void *
check_shared(void *arg)
{
	const struct spf_source source = {.lookup = shared_lookup, .arg = NULL};
	uintptr_t wrong = 0;

	for (unsigned i = 0; i < CHECKS; i++) {
		struct spf_request q = {.ip = {.octets = {192, 0, 2, 1}},
		    .sender = MF_TEXT("me@e.example"),
		    .helo = MF_TEXT("h.example")};
		struct spf_verdict v;

		/* Half of them pass. */
		q.ip.octets[3] = (uint8_t)(1 + i % 2);
		wrong += spf_evaluate(&q, &source, &v) != SPF_OK ||
		    v.result != (i % 2 == 0 ? SPF_PASS : SPF_FAIL) ||
		    strcmp(v.mechanism, i % 2 == 0 ? "a:%{l}.%{d}" : "-all") !=
			0;
	}
	*(uintptr_t *)arg = wrong;
	return NULL;
}

/* Answers and compiled records are read by checks of several threads. */
static void
sharing(void **state)
{
	const struct mf_text record =
	    MF_TEXT("v=spf1 mx:a..example a:%{l}.%{d} -all");
	const uint8_t address[] = {192, 0, 2, 1};
	pthread_t threads[THREADS];
	uintptr_t wrong[THREADS];

	(void)state;
	shared[0] = spf_answer_txt(&record, 1);
	shared[1] = spf_answer_addresses(SPF_RR_A, address, 1);
	assert_true(shared[0] != NULL && shared[1] != NULL);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, check_shared, &wrong[i]),
		    0);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(wrong[i], 0);
	}
	spf_answer_free(shared[0]);
	spf_answer_free(shared[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words),
	    cmocka_unit_test(ips),
	    cmocka_unit_test(txt),
	    cmocka_unit_test(many_txt),
	    cmocka_unit_test(nearly_records),
	    cmocka_unit_test(sizes),
	    cmocka_unit_test(addresses),
	    cmocka_unit_test(names),
	    cmocka_unit_test(nothing),
	    cmocka_unit_test(causes),
	    cmocka_unit_test(failures),
	    cmocka_unit_test(sharing),
	};

	return cmocka_run_group_tests_name("spf_answer", tests, NULL, NULL);
}

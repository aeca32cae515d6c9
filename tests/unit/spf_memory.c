/* SPDX-License-Identifier: ISC */
/*
 * Lack of memory in libspf: the n-th allocation fails, for every n.  Each time
 * nothing comes back and nothing leaks; evaluating asks for none at all.
 */
#include "tests/unit/shortage.h"
#include "tests/unit/support.h"
#include <mailfrom/spf_header.h>

/* --- what is tried ------------------------------------------------------ */

static bool
answered(struct spf_answer *answer)
{
	bool ok = answer != NULL;

	spf_answer_free(answer);
	return ok;
}

static bool
compiled(struct mf_text text)
{
	struct spf_record *record = spf_record_compile(text);
	bool ok = record != NULL;

	spf_record_free(record);
	return ok;
}

static bool
good_record(void)
{
	return compiled(MF_TEXT("v=spf1 a mx include:%{d}.example -all"));
}

static bool
broken_record(void)
{
	return compiled(MF_TEXT("v=spf1 a mx foo"));
}

static bool
one_txt(void)
{
	const struct mf_text t = MF_TEXT("v=spf1 a mx -all");

	return answered(spf_answer_txt(&t, 1));
}

static bool
one_broken_txt(void)
{
	const struct mf_text t = MF_TEXT("v=spf1 a mx foo");

	return answered(spf_answer_txt(&t, 1));
}

static bool
several_txt(void)
{
	const struct mf_text t[] = {
	    MF_TEXT("v=spf1 a"), MF_TEXT("hello"), MF_TEXT("v=spf1 mx")};

	return answered(spf_answer_txt(t, 3));
}

static bool
no_txt(void)
{
	return answered(spf_answer_txt(NULL, 0));
}

static bool
addresses(void)
{
	static const uint8_t octets[32] = {1};

	return answered(spf_answer_addresses(SPF_RR_AAAA, octets, 2));
}

static bool
names(void)
{
	const struct mf_text t[] = {MF_TEXT("a.example"), MF_TEXT(".")};

	return answered(spf_answer_names(SPF_RR_MX, t, 2));
}

static bool
nothing(void)
{
	return answered(spf_answer_void(SPF_RR_A));
}

/* --- and fails ---------------------------------------------------------- */

static bool
try_with_failure(bool (*attempt)(void), const char *name, long n)
{
	shortage_begin(n);
	bool ok = attempt();
	shortage_end();
	if (held != 0)
		fail_msg("%s: allocation %ld: %ld not freed", name, n, held);
	return ok;
}

static void
each_allocation(void **state)
{
	static const struct {
		const char *name;
		bool (*attempt)(void);
		long allocations;
	} rows[] = {
	    {"record", good_record, 1},
	    {"broken record", broken_record, 2},
	    {"TXT", one_txt, 1},
	    {"broken TXT", one_broken_txt, 2},
	    {"several TXT", several_txt, 1},
	    {"no TXT", no_txt, 1},
	    {"addresses", addresses, 1},
	    {"names", names, 1},
	    {"nothing", nothing, 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *name = rows[i].name;

		assert_true(try_with_failure(rows[i].attempt, name, 0));
		expect_int(
		    name, "allocations", allocations, rows[i].allocations);
		for (long n = 1; n <= rows[i].allocations; n++)
			expect_int(name, "worked without memory",
			    try_with_failure(rows[i].attempt, name, n), false);
		assert_true(try_with_failure(rows[i].attempt, name, 0));
	}
}

/* --- evaluating --------------------------------------------------------- */

static struct spf_answer *txt, *explanation, *hosts, *address;

static const struct spf_answer *
lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	(void)arg;
	if (rr == SPF_RR_TXT)
		return text_starts(name, MF_TEXT("x.")) ? explanation : txt;
	return rr == SPF_RR_MX || rr == SPF_RR_PTR ? hosts : address;
}

static void
evaluating_takes_none(void **state)
{
	const struct mf_text record =
	    MF_TEXT("v=spf1 mx ptr exists:%{p}.%{l2r-}.%{d} -all exp=x.%{d}");
	const struct mf_text text = MF_TEXT("%{s} %{C} %{p} %{t}");
	const struct mf_text name = MF_TEXT("a.example");
	const uint8_t octets[] = {192, 0, 2, 1};
	const struct spf_source source = {.lookup = lookup, .arg = NULL};
	struct spf_request q = {.ip = {.octets = {192, 0, 2, 9}},
	    .sender = MF_TEXT("me-too@e.example"),
	    .helo = MF_TEXT("h.example"),
	    .delegate = MF_TEXT("d.example")};
	struct spf_verdict v;
	char room[SPF_HEADER_SIZE];

	(void)state;
	txt = spf_answer_txt(&record, 1);
	explanation = spf_answer_txt(&text, 1);
	hosts = spf_answer_names(SPF_RR_MX, &name, 1);
	address = spf_answer_addresses(SPF_RR_A, octets, 1);
	assert_true(txt != NULL && explanation != NULL && hosts != NULL &&
	    address != NULL);

	shortage_begin(0);
	enum spf_status status = spf_evaluate(&q, &source, &v);
	spf_header_received(&q, &v, MF_TEXT("mx.example"), room);
	spf_header_authentication(&q, &v, room);
	shortage_end();
	assert_int_equal(status, SPF_OK);
	assert_int_equal(v.result, SPF_PASS);
	assert_int_equal(allocations, 0);
	q.ip.octets[0] = 198;
	shortage_begin(0);
	status = spf_evaluate(&q, &source, &v);
	shortage_end();
	assert_int_equal(status, SPF_OK);
	assert_int_equal(allocations, 0);
	spf_answer_free(txt);
	spf_answer_free(explanation);
	spf_answer_free(hosts);
	spf_answer_free(address);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_allocation),
	    cmocka_unit_test(evaluating_takes_none),
	};

	return cmocka_run_group_tests_name("spf_memory", tests, NULL, NULL);
}

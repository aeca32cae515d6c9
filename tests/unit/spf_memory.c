/* SPDX-License-Identifier: ISC */
/*
 * Lack of memory in libspf: the n-th allocation fails, for every n.  Each time
 * nothing comes back and nothing leaks; evaluating asks for none at all.
 *
 * Linked with -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free.
 */
#include "libspf/header.h"
#include "tests/unit/support.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void __wrap_free(void *p);

static bool counting;
static long fail_at; /* the n-th from now on, from 1; 0: none */
static long allocations, held;

static bool
refuse(void)
{
	return counting && ++allocations == fail_at;
}

static void *
count_held(void *p)
{
	if (counting && p != NULL)
		held++;
	return p;
}

void *
__wrap_malloc(size_t size)
{
	return refuse() ? NULL : count_held(__real_malloc(size));
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return refuse() ? NULL : count_held(__real_calloc(count, size));
}

void *
__wrap_realloc(void *old, size_t size)
{
	void *p;

	if (refuse())
		return NULL;
	p = __real_realloc(old, size);
	return old == NULL ? count_held(p) : p;
}

void
__wrap_free(void *p)
{
	if (counting && p != NULL)
		held--;
	__real_free(p);
}

/* --- what is tried ------------------------------------------------------ */

static bool
answered(struct spf_answer *answer)
{
	bool ok = answer != NULL;

	spf_answer_free(answer);
	return ok;
}

static bool
compiled(struct text text)
{
	struct spf_record *record = spf_record_compile(text);
	bool ok = record != NULL;

	spf_record_free(record);
	return ok;
}

static bool
good_record(void)
{
	return compiled(TEXT("v=spf1 a mx include:%{d}.example -all"));
}

static bool
broken_record(void)
{
	return compiled(TEXT("v=spf1 a mx foo"));
}

static bool
one_txt(void)
{
	const struct text t = TEXT("v=spf1 a mx -all");

	return answered(spf_answer_txt(&t, 1));
}

static bool
one_broken_txt(void)
{
	const struct text t = TEXT("v=spf1 a mx foo");

	return answered(spf_answer_txt(&t, 1));
}

static bool
several_txt(void)
{
	const struct text t[] = {
	    TEXT("v=spf1 a"), TEXT("hello"), TEXT("v=spf1 mx")};

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
	const struct text t[] = {TEXT("a.example"), TEXT(".")};

	return answered(spf_answer_names(SPF_RR_MX, t, 2));
}

static bool
nothing(void)
{
	return answered(spf_answer_empty(SPF_RR_A, SPF_DNS_VOID));
}

/* --- and fails ---------------------------------------------------------- */

static bool
try_with_failure(bool (*attempt)(void), const char *name, long n)
{
	allocations = held = 0;
	fail_at = n;
	counting = true;
	bool ok = attempt();
	counting = false;
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
lookup(void *arg, enum spf_rr rr, struct text name)
{
	(void)arg;
	if (rr == SPF_RR_TXT)
		return text_starts(name, TEXT("x.")) ? explanation : txt;
	return rr == SPF_RR_MX || rr == SPF_RR_PTR ? hosts : address;
}

static void
evaluating_takes_none(void **state)
{
	const struct text record =
	    TEXT("v=spf1 mx ptr exists:%{p}.%{l2r-}.%{d} -all exp=x.%{d}");
	const struct text text = TEXT("%{s} %{C} %{p} %{t}");
	const struct text name = TEXT("a.example");
	const uint8_t octets[] = {192, 0, 2, 1};
	const struct spf_source source = {lookup, NULL};
	struct spf_request q = {.ip = {.octets = {192, 0, 2, 9}},
	    .sender = TEXT("me-too@e.example"),
	    .helo = TEXT("h.example"),
	    .delegate = TEXT("d.example")};
	struct spf_verdict v;
	char room[SPF_HEADER_SIZE];

	(void)state;
	txt = spf_answer_txt(&record, 1);
	explanation = spf_answer_txt(&text, 1);
	hosts = spf_answer_names(SPF_RR_MX, &name, 1);
	address = spf_answer_addresses(SPF_RR_A, octets, 1);
	assert_true(txt != NULL && explanation != NULL && hosts != NULL &&
	    address != NULL);

	allocations = held = fail_at = 0;
	counting = true;
	enum spf_status status = spf_evaluate(&q, &source, &v);
	spf_header_received(&q, &v, TEXT("mx.example"), room);
	spf_header_authentication(&q, &v, room);
	counting = false;
	assert_int_equal(status, SPF_OK);
	assert_int_equal(v.result, SPF_PASS);
	q.ip.octets[0] = 198;
	counting = true;
	status = spf_evaluate(&q, &source, &v);
	counting = false;
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

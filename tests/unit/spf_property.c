/* SPDX-License-Identifier: ISC */
/*
 * libspf/eval.c: whatever is asked ahead, and in whatever order answers come,
 * verdict, texts and counters are those of asking one by one.
 *
 * SPF_PROPERTY_ZONES in the environment: how many (default 20,000);
 * SPF_PROPERTY_FIRST: the first seed.
 */
#include "tests/unit/random_zones.h"

#include <limits.h>

#define ZONES_DEFAULT 20000

/* --- checks ------------------------------------------------------------ */

struct trial {
	struct zone zone;
	struct spf_request request;
	struct spf_record *best_guess;
	struct spf_verdict want;
	/* What asking one by one asks, in order. */
	struct entry *order[QUESTIONS_MAX];
	size_t order_count;
	const char *driver;
};

static enum spf_status
evaluate(struct trial *t, struct spf_verdict *out)
{
	const struct spf_source source = {
	    .lookup = zone_lookup, .arg = &t->zone};
	enum spf_status status;

	t->zone.missing_count = 0;
	status = spf_evaluate(&t->request, &source, out);
	for (size_t i = 0; i < t->zone.missing_count; i++)
		t->zone.missing[i]->missed = false;
	return status;
}

/* Everything that is needed to see what went wrong. */
static void
bad(const struct trial *t, const char *what, const char *have, const char *want)
{
	char ip[SPF_IP_SIZE];

	spf_ip_print(&t->request.ip, ip);
	print_error("seed %llu, %s: ip %s, sender \"%.*s\", helo \"%.*s\", "
		    "identity %d, delegate \"%.*s\", asked one by one:\n",
	    (unsigned long long)t->zone.seed, t->driver, ip,
	    (int)t->request.sender.len, t->request.sender.p,
	    (int)t->request.helo.len, t->request.helo.p,
	    (int)t->request.identity, (int)t->request.delegate.len,
	    t->request.delegate.p);
	for (size_t i = 0; i < t->order_count; i++)
		print_entry(t->order[i]);
	fail_msg("seed %llu: %s: %s: have \"%s\", want \"%s\"",
	    (unsigned long long)t->zone.seed, t->driver, what, have, want);
}

static void
same_text(
    const struct trial *t, const char *what, const char *have, const char *want)
{
	if (strcmp(have, want) != 0)
		bad(t, what, have, want);
}

static void
same_number(
    const struct trial *t, const char *what, uint64_t have, uint64_t want)
{
	char texts[2][24];

	if (have == want)
		return;
	snprintf(texts[0], sizeof(texts[0]), "%llu", (unsigned long long)have);
	snprintf(texts[1], sizeof(texts[1]), "%llu", (unsigned long long)want);
	bad(t, what, texts[0], texts[1]);
}

static void
at_most(const struct trial *t, const char *what, uint64_t have, uint64_t max)
{
	if (have > max)
		same_number(t, what, have, max);
}

static void
same_verdict(const struct trial *t, const struct spf_verdict *v)
{
	const struct spf_verdict *want = &t->want;

	same_text(t, "result", spf_result_text(v->result),
	    spf_result_text(want->result));
	same_text(t, "domain", v->domain, want->domain);
	same_text(t, "mechanism", v->mechanism, want->mechanism);
	same_text(t, "at", v->at, want->at);
	same_text(t, "explanation", v->explanation, want->explanation);
	same_text(t, "problem", v->problem, want->problem);
	same_number(t, "terms", v->terms, want->terms);
	same_number(t, "voids", v->voids, want->voids);
	same_number(t, "lookups", v->lookups, want->lookups);
	same_number(t, "depth", v->depth, want->depth);
	same_number(t, "guessed", v->guessed, want->guessed);
	same_number(t, "delegated", v->delegated, want->delegated);
}

/* What every verdict must keep to (4.6.4 and the texts' contracts). */
static void
sane_verdict(const struct trial *t, const struct spf_verdict *v)
{
	bool error = v->result == SPF_TEMPERROR || v->result == SPF_PERMERROR;

	if (!error) {
		at_most(t, "terms", v->terms, SPF_TERMS_MAX);
		at_most(t, "voids", v->voids, SPF_VOIDS_MAX);
	}
	at_most(t, "terms", v->terms, SPF_TERMS_MAX + 1);
	at_most(t, "voids", v->voids, SPF_VOIDS_MAX + 1);
	at_most(t, "depth", v->depth, SPF_TERMS_MAX);
	same_number(t, "a problem, as the result is an error",
	    v->problem[0] != '\0', error);
	if (v->result != SPF_FAIL)
		same_text(t, "explanation", v->explanation, "");
	same_number(t, "printable explanation",
	    text_is_printable(mf_text_of(v->explanation)), true);
	for (const char *p = v->problem; *p != '\0'; p++)
		same_number(t, "controls in problem", ascii_is_control(*p), 0);
}

/* --- drivers ----------------------------------------------------------- */

/* Everything is known: this is the verdict. */
static void
run_all_known(struct trial *t)
{
	struct spf_verdict v;

	t->driver = "sequential, all known";
	t->zone.all_known = true;
	t->request.sequential = true;
	same_number(t, "status", evaluate(t, &t->want), SPF_OK);
	sane_verdict(t, &t->want);
	t->driver = "prefetch, all known";
	t->request.sequential = false;
	same_number(t, "status", evaluate(t, &v), SPF_OK);
	same_verdict(t, &v);
	zone_forget(&t->zone);
}

/* One by one: the order of questions that all others are measured by. */
static void
run_one_by_one(struct trial *t)
{
	struct spf_verdict v;

	t->driver = "one by one";
	t->order_count = 0;
	t->request.sequential = true;
	while (evaluate(t, &v) == SPF_PENDING) {
		same_number(t, "questions of a sequential evaluation",
		    t->zone.missing_count, 1);
		t->zone.missing[0]->known = true;
		t->order[t->order_count++] = t->zone.missing[0];
		assert_true(t->order_count < QUESTIONS_MAX);
	}
	same_verdict(t, &v);
	at_most(t, "questions of one check", t->order_count,
	    1 + 1 + SPF_TERMS_MAX * (1 + SPF_MX_MAX) + 1 + SPF_PTR_MAX + 1);
	t->request.sequential = false;
	zone_forget(&t->zone);
}

/* The first question must be the next one of asking one by one. */
static void
check_first(const struct trial *t)
{
	for (size_t i = 0; i < t->order_count; i++)
		if (!t->order[i]->known) {
			same_text(t, "name of the first question",
			    t->zone.missing[0]->name, t->order[i]->name);
			same_number(t, "type of the first question",
			    t->zone.missing[0]->rr, t->order[i]->rr);
			return;
		}
	bad(t, "pending", "with all answers of asking one by one", "");
}

/*
 * Evaluate whenever the first question is answered, with, in 256ths, that share
 * of the other answers there as well; budget: others that may be asked.
 */
static void
run_rounds(
    struct trial *t, const char *driver, unsigned others, unsigned budget)
{
	struct zone *z = &t->zone;
	size_t evaluations = 1, questions = 0;
	uint64_t most = (uint64_t)t->order_count + budget;
	uint64_t draw = hash(z->seed, SPF_RR_TXT, mf_text_of(driver));
	struct spf_verdict v;

	t->driver = driver;
	for (; evaluate(t, &v) == SPF_PENDING; evaluations++) {
		if (z->missing_count == 0)
			bad(t, "pending", "without a question", "");
		check_first(t);
		z->missing[0]->known = true;
		questions++;
		for (size_t i = 1; i < z->missing_count && budget > 0; i++) {
			if (random_next(&draw) >> 56 >= others)
				continue;
			z->missing[i]->known = true;
			questions++;
			budget--;
		}
	}
	same_verdict(t, &v);
	at_most(t, "evaluations", evaluations, t->order_count + 1);
	at_most(t, "questions", questions, most);
	zone_forget(z);
}

/* Answers that come in any order, however late, to questions of any round. */
static void
run_late(struct trial *t)
{
	struct zone *z = &t->zone;
	struct entry *waiting[QUESTIONS_MAX], *first;
	size_t count = 0, evaluations = 1, asked = 0;
	uint64_t draw = hash(z->seed, SPF_RR_A, MF_TEXT("late"));
	struct spf_verdict v;

	t->driver = "late answers";
	for (; evaluate(t, &v) == SPF_PENDING; evaluations++) {
		check_first(t);
		first = z->missing[0];
		for (size_t i = 0; i < z->missing_count; i++) {
			size_t at = 0;

			while (at < count && waiting[at] != z->missing[i])
				at++;
			if (at < count)
				continue;
			assert_true(count < QUESTIONS_MAX);
			waiting[count++] = z->missing[i];
			asked++;
		}
		while (!first->known) {
			size_t at = count > 1
			    ? (size_t)(random_next(&draw) >> 20) % count
			    : 0;

			assert_true(count > 0);

			waiting[at]->known = true;
			waiting[at] = waiting[--count];
		}
	}
	same_verdict(t, &v);
	at_most(t, "evaluations", evaluations, t->order_count + 1);
	at_most(t, "questions without a budget", asked, 1200);
	zone_forget(z);
}

/* What is answered has nothing to do with what was asked. */
static void
run_superset(struct trial *t)
{
	struct zone *z = &t->zone;
	uint64_t draw = hash(z->seed, SPF_RR_MX, MF_TEXT("superset"));
	struct spf_verdict v;
	size_t evaluations = 1;

	t->driver = "superset";
	for (size_t i = 0; i < COUNT(domains) + COUNT(hosts) - 1; i++)
		for (unsigned rr = SPF_RR_TXT; rr <= SPF_RR_PTR; rr++) {
			const char *name = i < COUNT(domains)
			    ? domains[i]
			    : hosts[i - COUNT(domains)];

			zone_get(z, (enum spf_rr)rr, mf_text_of(name))->known =
			    random_next(&draw) >> 62 != 0;
		}
	for (; evaluate(t, &v) == SPF_PENDING; evaluations++) {
		check_first(t);
		z->missing[0]->known = true;
	}
	same_verdict(t, &v);
	at_most(t, "evaluations", evaluations, t->order_count + 1);
	zone_forget(z);
}

/* --- tracing ----------------------------------------------------------- */

struct told {
	unsigned lookups, unknown, checks, results;
};

static void
hear_event(void *arg, const struct spf_event *event)
{
	struct told *told = arg;

	told->lookups += event->kind == SPF_EVENT_LOOKUP;
	told->unknown +=
	    event->kind == SPF_EVENT_LOOKUP && event->answer == NULL;
	told->checks += event->kind == SPF_EVENT_CHECK;
	told->results += event->kind == SPF_EVENT_RESULT;
}

static void
run_traced(struct trial *t)
{
	struct told told = {0};
	const struct spf_trace trace = {hear_event, &told};
	struct spf_verdict v;

	t->driver = "traced";
	t->request.trace = &trace;
	t->zone.all_known = true;
	same_number(t, "status", evaluate(t, &v), SPF_OK);
	same_verdict(t, &v);
	same_number(t, "lookups told", told.lookups, v.lookups);
	same_number(t, "unknown answers told", told.unknown, 0);
	at_most(t, "results told", told.results, told.checks);
	t->request.trace = NULL;
	zone_forget(&t->zone);
}

/* --- trials ------------------------------------------------------------ */

static void
trial_begin(struct trial *t, uint64_t seed)
{
	static const char guess[] = "v=spf1 a/24 mx ptr ~all";
	static const char *const explanations[] = {
	    "", "", "refused %{i}", "%{p} is not %{d}", "bad %{y}"};
	struct zone *z = &t->zone;

	z->seed = seed;
	z->room = hash(seed, SPF_RR_PTR, MF_TEXT("trial"));
	z->all_known = false;
	set_mood(z);
	spf_ip_parse(mf_text_of(PICK(z, clients)), &z->ip);
	t->request = (struct spf_request){.ip = z->ip,
	    .identity = chance(z, 40) ? SPF_HELO : SPF_MAILFROM,
	    .sender =
		mf_text_of(chance(z, 180) ? "me@d0.example" : PICK(z, senders)),
	    .helo =
		mf_text_of(chance(z, 128) ? PICK(z, domains) : PICK(z, hosts)),
	    .best_guess = chance(z, 60) ? t->best_guess : NULL,
	    .default_explanation = mf_text_of(PICK(z, explanations)),
	    .now_sec = NOW};
	if (chance(z, 30))
		t->request.delegate = MF_TEXT("delegate.example");
	if (chance(z, 10)) {
		spf_record_free(t->best_guess);
		t->best_guess = spf_record_compile(mf_text_of(guess));
		assert_non_null(t->best_guess);
		t->request.best_guess = t->best_guess;
	}
}

static void
random_zones(void **state)
{
	static struct trial t;
	uint64_t zones =
	    number_of_environment("SPF_PROPERTY_ZONES", ZONES_DEFAULT);
	uint64_t seed = number_of_environment("SPF_PROPERTY_FIRST", 0);
	unsigned results[SPF_PERMERROR + 1] = {0};
	size_t most = 0;

	(void)state;
	t.best_guess = spf_record_compile(MF_TEXT("v=spf1 a mx/24 ptr"));
	assert_non_null(t.best_guess);
	name_machines();
	for (uint64_t end = seed + zones; seed < end; seed++) {
		trial_begin(&t, seed);
		run_all_known(&t);
		run_one_by_one(&t);
		run_rounds(&t, "prefetch, all answered", 256, UINT_MAX);
		run_rounds(&t, "prefetch, half answered", 128, UINT_MAX);
		run_rounds(&t, "prefetch, few answered", 20, UINT_MAX);
		run_rounds(&t, "prefetch, none answered", 0, UINT_MAX);
		run_rounds(&t, "prefetch, budget of 32", 256, 32);
		run_rounds(
		    &t, "prefetch, small budget", 200, (unsigned)(seed % 7));
		run_late(&t);
		run_superset(&t);
		run_traced(&t);
		results[t.want.result]++;
		most = t.order_count > most ? t.order_count : most;
		zone_reset(&t.zone);
	}
	spf_record_free(t.best_guess);
	t.best_guess = NULL;
	/* A test that no longer reaches half of the evaluator shows here. */
	for (size_t i = 0; zones >= ZONES_DEFAULT && i < COUNT(results); i++)
		if (results[i] < zones / 200)
			fail_msg("only %u of %llu zones give %s", results[i],
			    (unsigned long long)zones,
			    spf_result_text((enum spf_result)i));
	print_message("# %llu zones: none %u, neutral %u, pass %u, fail %u, "
		      "softfail %u, temperror %u, permerror %u; at most %zu "
		      "questions\n",
	    (unsigned long long)zones, results[SPF_NONE], results[SPF_NEUTRAL],
	    results[SPF_PASS], results[SPF_FAIL], results[SPF_SOFTFAIL],
	    results[SPF_TEMPERROR], results[SPF_PERMERROR], most);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_zones),
	};

	return cmocka_run_group_tests_name("spf_property", tests, NULL, NULL);
}

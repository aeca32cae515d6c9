/* SPDX-License-Identifier: ISC */
/*
 * tools/spfquery/scope.h over tools/spfquery/survey.h: the set that a client is
 * in is the result that spf_evaluate() gives it.
 *
 * LITTLE_ZONES in the environment: how many random zones (default 20,000).
 */
#include "tests/unit/little_zones.h"

#include "tools/spfquery/scope.h"

#define ZONES_DEFAULT 20000

static struct little_zone zone;

struct tally {
	unsigned long checks, unsure;
	unsigned long results[SCOPE_RESULTS];
	unsigned long pieces, open;
};

static void
expect_partition(const struct scope *s)
{
	struct ipset all = ipset_empty(s->v6);

	for (size_t i = 0; i < SCOPE_RESULTS; i++) {
		struct ipset both = ipset_both(&all, &s->sets[i]);

		assert_true(ipset_is_empty(&both));
		ipset_clear(&both);
		ipset_add_set(&all, &s->sets[i]);
	}
	assert_true(ipset_is_all(&all));
	ipset_clear(&all);
}

static enum spf_result
result_in(const struct scope *s, struct spf_ip ip)
{
	for (size_t i = 0; i < SCOPE_RESULTS; i++)
		if (ipset_has(&s->sets[i], &ip))
			return (enum spf_result)i;
	fail_msg("in no set");
	return SPF_NONE;
}

/* That the term of its piece is the one that the evaluator says. */
static void
expect_term(
    const struct scope *s, const struct spf_verdict *v, struct spf_ip ip)
{
	const struct scope_piece *p = s->first;

	while (!ipset_has(&p->set, &ip))
		p = p->next;
	assert_int_equal(p->result, v->result);
	if (p->term == NULL || v->mechanism[0] == '\0' ||
	    v->result == SPF_PERMERROR || v->result == SPF_TEMPERROR)
		return;
	/* The evaluator names the include at the top. */
	if (mf_text_eq(
		mf_text_of(p->term->record->domain), mf_text_of(v->at)) &&
	    strncmp(v->mechanism, "include", 7) != 0 &&
	    strncmp(v->mechanism + 1, "include", 7) != 0)
		expect_text(
		    "term", v->at, p->term->written, mf_text_of(v->mechanism));
}

static void
check_client(const struct scope *scopes, const struct spf_source *source,
    unsigned i, struct tally *tally)
{
	struct spf_ip ip = little_client(i);
	const struct scope *s = &scopes[survey_family(ip.v6)];
	struct spf_verdict v;
	enum spf_result said = result_in(s, ip);

	if (s->open != NULL) {
		tally->unsure++;
		return;
	}
	v = little_check(source, ip);
	if (said != v.result)
		fail_msg("seed %llu, client %u: %s in the scope, %s by "
			 "evaluation (%s %s)",
		    (unsigned long long)zone.seed, i, spf_result_text(said),
		    spf_result_text(v.result), v.mechanism, v.problem);
	expect_term(s, &v, ip);
	tally->checks++;
	tally->results[said]++;
}

static void
check_zone(uint64_t seed, struct tally *tally)
{
	struct spf_source source = little_source(&zone);
	struct scope scopes[SURVEY_FAMILIES];
	struct survey survey;

	little_begin(&zone, seed);
	survey_run(&survey, &source, MF_TEXT(LITTLE_DOMAIN), MF_TEXT(""));
	assert_false(survey.pending);
	assert_false(survey.cut);
	for (size_t f = 0; f < SURVEY_FAMILIES; f++) {
		scope_find(&scopes[f], &survey, f == SURVEY_V6);
		expect_partition(&scopes[f]);
		tally->open += scopes[f].open != NULL;
	}
	for (unsigned i = 0; i < LITTLE_CLIENTS; i++)
		check_client(scopes, &source, i, tally);
	for (size_t f = 0; f < SURVEY_FAMILIES; f++)
		scope_clear(&scopes[f]);
	survey_clear(&survey);
	little_end(&zone);
}

static void
clients_get_what_is_said(void **state)
{
	static const struct little_mood moods[] = {
	    {.voids = true},
	    {.voids = true, .loops = true},
	    {.voids = true, .errors = true, .broken = true},
	    {.open = true},
	    {.errors = true, .broken = true, .loops = true},
	};
	struct tally tally = {0};
	unsigned long zones = little_zones(ZONES_DEFAULT);

	(void)state;
	for (unsigned long i = 0; i < zones; i++) {
		zone.mood = moods[i % COUNT(moods)];
		check_zone(i, &tally);
	}
	print_message("%lu zones, %lu checks", zones, tally.checks);
	for (size_t i = 0; i < SCOPE_RESULTS; i++)
		print_message(", %s %lu", spf_result_text((enum spf_result)i),
		    tally.results[i]);
	print_message("; %lu scopes open\n", tally.open);
	for (size_t i = SPF_NEUTRAL; i < SCOPE_RESULTS; i++)
		assert_true(tally.results[i] >= zones / 10);
}

/* --- a tree in full --- */

static const struct spf_answer *
nothing_yet(void *arg, enum spf_rr rr, struct mf_text name)
{
	(void)arg;
	(void)rr;
	(void)name;
	return NULL;
}

static void
is_pending_without_answers(void **state)
{
	struct spf_source source = {.lookup = nothing_yet};
	struct survey survey;

	(void)state;
	survey_run(&survey, &source, MF_TEXT("d0.example"), MF_TEXT(""));
	assert_true(survey.pending);
	assert_null(survey.root);
	survey_clear(&survey);
	survey_run(&survey, &source, MF_TEXT("d0.example"),
	    MF_TEXT("v=spf1 a mx include:d1.example redirect=d2.example"));
	assert_true(survey.pending);
	/* All that is known to be needed, at once. */
	assert_int_equal(survey.lookups, 6);
	assert_int_equal(survey.root->terms, 4);
	survey_clear(&survey);
}

/* Every record leads to two more: nobody asks for ever. */
static const struct spf_answer *
endless(void *arg, enum spf_rr rr, struct mf_text name)
{
	static struct spf_answer *answers[SURVEY_LOOKUPS_MAX];
	size_t *count = arg;
	struct mf_text text =
	    MF_TEXT("v=spf1 include:a.%{d} include:b.%{d} -all");

	(void)rr;
	(void)name;
	assert_true(*count < SURVEY_LOOKUPS_MAX);
	answers[*count] = spf_answer_txt(&text, 1);
	return answers[(*count)++];
}

static void
is_cut_in_the_end(void **state)
{
	size_t count = 0;
	struct spf_source source = {.lookup = endless, .arg = &count};
	struct survey survey;
	struct scope scope;

	(void)state;
	survey_run(&survey, &source, MF_TEXT("d0.example"), MF_TEXT(""));
	assert_true(survey.cut);
	assert_int_equal(count, SURVEY_LOOKUPS_MAX);
	scope_find(&scope, &survey, false);
	assert_true(ipset_is_all(&scope.sets[SPF_PERMERROR]));
	scope_clear(&scope);
	survey_clear(&survey);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(clients_get_what_is_said),
	    cmocka_unit_test(is_pending_without_answers),
	    cmocka_unit_test(is_cut_in_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

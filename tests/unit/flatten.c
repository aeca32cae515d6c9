/* SPDX-License-Identifier: ISC */
/*
 * tools/spfquery/flatten.h: flattened records give every client the verdict of
 * the original, within the limits.
 *
 * LITTLE_ZONES in the environment: how many random zones (default 20,000).
 */
#include "tests/unit/little_zones.h"

#include "tools/spfquery/flatten.h"

#define ZONES_DEFAULT 20000

static struct little_zone zone;

/* --- zones with flattened records over them --- */

#define OVER_MAX 16

struct over {
	struct spf_source below;
	const char *names[OVER_MAX];
	struct spf_answer *answers[OVER_MAX];
	size_t count;
};

static const struct spf_answer *
over_lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	const struct over *o = arg;

	for (size_t i = 0; rr == SPF_RR_TXT && i < o->count; i++)
		if (mf_text_eq(mf_text_of(o->names[i]), name))
			return o->answers[i];
	return o->below.lookup(o->below.arg, rr, name);
}

static void
over_begin(struct over *o, const struct flat_records *records)
{
	for (const struct flat_record *r = records->first; r != NULL;
	     r = r->next) {
		struct mf_text text = mf_text_of(r->text);

		assert_true(o->count < OVER_MAX);
		assert_true(text.len <= FLATTEN_RECORD_MAX);
		o->names[o->count] = r->name;
		o->answers[o->count] = spf_answer_txt(&text, 1);
		assert_int_equal(o->answers[o->count]->spf_records, 1);
		if (spf_record_problem(o->answers[o->count]->record) != NULL)
			fail_msg("%s: %s", r->text,
			    spf_record_problem(o->answers[o->count]->record));
		o->count++;
	}
}

static void
over_end(struct over *o)
{
	for (size_t i = 0; i < o->count; i++)
		spf_answer_free(o->answers[i]);
}

/* --- against the evaluator --- */

struct tally {
	unsigned long flattened, refused, records, kept, checks, limited;
	unsigned long fewer, more; /* lookups */
	unsigned long results[SPF_PERMERROR + 1];
};

static void
check_clients(const struct spf_source *before, const struct spf_source *after,
    const struct flat_records *records, struct tally *tally)
{
	for (unsigned i = 0; i < LITTLE_CLIENTS; i++) {
		struct spf_ip ip = little_client(i);
		struct spf_verdict a = little_check(before, ip);
		struct spf_verdict b = little_check(after, ip);

		/* Only limits can make it one: see flatten_find(). */
		if (a.result == SPF_PERMERROR) {
			tally->limited++;
			continue;
		}
		if (a.result != b.result)
			fail_msg("seed %llu, client %u: %s (%s) was %s (%s), "
				 "in \"%s\"",
			    (unsigned long long)zone.seed, i,
			    spf_result_text(b.result), b.mechanism,
			    spf_result_text(a.result), a.mechanism,
			    records->first->text);
		tally->checks++;
		tally->results[a.result]++;
		tally->fewer += b.terms < a.terms;
		tally->more += b.terms > a.terms;
	}
}

static bool
flatten(struct flat *flat, struct flat_records *records,
    const struct spf_source *source)
{
	struct survey survey;

	survey_run(&survey, source, MF_TEXT(LITTLE_DOMAIN), MF_TEXT(""));
	flatten_find(flat, &survey);
	flatten_pack(records, flat, MF_TEXT(LITTLE_DOMAIN));
	survey_clear(&survey);
	return records->problem[0] == '\0';
}

static void
check_zone(uint64_t seed, struct tally *tally)
{
	struct spf_source source = little_source(&zone);
	struct over over = {.below = source};
	struct spf_source after = {.lookup = over_lookup, .arg = &over};
	struct flat flat, again;
	struct flat_records records, same;

	little_begin(&zone, seed);
	if (flatten(&flat, &records, &source)) {
		tally->flattened++;
		over_begin(&over, &records);
		tally->records += over.count;
		for (struct flat_item *i = flat.first; i != NULL; i = i->next)
			tally->kept += i->kept != NULL;
		assert_true(records.terms <= SPF_TERMS_MAX);
		check_clients(&source, &after, &records, tally);
		/* What is flat stays as it is. */
		assert_true(flatten(&again, &same, &after));
		if (!flatten_records_equal(&records, &same))
			fail_msg("seed %llu: \"%s\" became \"%s\"",
			    (unsigned long long)seed, records.first->text,
			    same.first->text);
		flatten_records_clear(&same);
		flatten_clear(&again);
	} else
		tally->refused++;
	over_end(&over);
	flatten_records_clear(&records);
	flatten_clear(&flat);
	little_end(&zone);
}

static void
verdicts_stay(void **state)
{
	static const struct little_mood moods[] = {
	    {.voids = false},
	    {.voids = true},
	    {.open = true},
	    {.open = true, .voids = true},
	    {.voids = true, .loops = true, .broken = true, .errors = true},
	};
	struct tally tally = {0};
	unsigned long zones = little_zones(ZONES_DEFAULT);

	(void)state;
	for (unsigned long i = 0; i < zones; i++) {
		zone.mood = moods[i % COUNT(moods)];
		check_zone(i, &tally);
	}
	print_message("%lu zones flattened to %lu records with %lu kept terms, "
		      "%lu refused; %lu checks the same, %lu with fewer "
		      "lookups and %lu with more, %lu beyond a limit",
	    tally.flattened, tally.records, tally.kept, tally.refused,
	    tally.checks, tally.fewer, tally.more, tally.limited);
	for (size_t i = SPF_NEUTRAL; i <= SPF_SOFTFAIL; i++)
		print_message(", %s %lu", spf_result_text((enum spf_result)i),
		    tally.results[i]);
	print_message("\n");
	assert_true(tally.flattened > zones / 2);
	assert_true(tally.kept > zones / 10);
	for (size_t i = SPF_NEUTRAL; i <= SPF_SOFTFAIL; i++)
		assert_true(tally.results[i] > zones / 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(verdicts_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

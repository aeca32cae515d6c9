/* SPDX-License-Identifier: ISC */
/*
 * tools/spfquery/reach.h, judged by the evaluator: whatever a client with any
 * sender gets is among the outcomes, at the counts that they say; and a client
 * of whom nothing else is said gets just that.
 *
 * Of every eighth zone, tools/spfquery/lint.h too: there is an error if and only
 * if some client gets one or everybody passes; bounds are reached by who is said
 * to; what is suggested compiles.
 *
 * LINT_PROPERTY_ZONES in the environment: how many random zones (default
 * 100,000); LINT_PROPERTY_FIRST: the first seed.
 */
#include "tests/unit/random_zones.h"

#include "tools/spfquery/lint.h"

#define ZONES_DEFAULT 100000
#define CLIENTS       12 /* of each family, in each zone */
#define OUTCOMES      24 /* whose own clients are tried, at most */

struct judge {
	struct zone zone;
	struct reach reaches[2];
	struct mf_text domain;
	unsigned seen[SPF_PERMERROR + 1]; /* verdicts */
	unsigned why[REACH_UNKNOWN + 1];  /* zones with such an outcome */
	unsigned only[SPF_PERMERROR + 1]; /* zones where it is everybody's */
	unsigned all_pass, exact, checks;
	size_t most;
	/* Of those that were linted: */
	unsigned linted, errors, clean, reached, bounds, hints;
};

static struct spf_source
source_of(struct judge *j)
{
	j->zone.all_known = true;
	return (struct spf_source){.lookup = zone_lookup, .arg = &j->zone};
}

/* --- telling ----------------------------------------------------------- */

static const char *
shown(const struct ipset *set)
{
	static char text[400];
	struct text_out out = text_out(text, sizeof(text) - 1);
	struct ipset_walk walk = {0};
	struct ip_net net;

	for (int i = 0; i < 5 && ipset_next(set, &walk, &net); i++) {
		char room[IP_NET_SIZE];

		ip_net_print(&net, room);
		out_char(&out, ' ');
		out_str(&out, room);
	}
	out.p[out.len] = '\0';
	return text;
}

static void
show(const struct judge *j, const struct reach *r)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct entry *e = j->zone.buckets[i]; e != NULL;
		     e = e->next)
			print_entry(e);
	for (size_t i = 0; i < r->count; i++) {
		const struct reach_outcome *o = &r->outcomes[i];

		print_error("outcome %s why %d terms %u-%u voids %u-%u at "
			    "%.*s \"%.*s\":%s\n",
		    spf_result_text(o->result), (int)o->why, o->terms_min,
		    o->terms_max, o->voids_min, o->voids_max,
		    (int)o->domain.len, o->domain.p, (int)o->term.len,
		    o->term.p, shown(&o->clients));
	}
}

static void
complain(const struct judge *j, const struct reach *r,
    const struct spf_request *q, const struct spf_verdict *v, const char *what)
{
	char ip[SPF_IP_SIZE];

	show(j, r);
	spf_ip_print(&q->ip, ip);
	fail_msg("seed %llu: %s: client %s, sender \"%.*s\", HELO \"%.*s\": "
		 "%s, %u terms, %u voids, \"%s\" at %s, %s",
	    (unsigned long long)j->zone.seed, what, ip, (int)q->sender.len,
	    q->sender.p, (int)q->helo.len, q->helo.p,
	    spf_result_text(v->result), v->terms, v->voids, v->mechanism, v->at,
	    v->problem);
}

/* --- judging ----------------------------------------------------------- */

static bool
is_within_counts(const struct reach_outcome *o, const struct spf_verdict *v)
{
	return o->result == v->result && v->terms >= o->terms_min &&
	    v->terms <= o->terms_max && v->voids >= o->voids_min &&
	    v->voids <= o->voids_max;
}

static bool
is_at_the_place(const struct reach_outcome *o, const struct spf_verdict *v)
{
	return o->why != REACH_TERM ||
	    (mf_text_eq(o->domain, mf_text_of(v->at)) &&
		mf_text_eq(o->term, mf_text_of(v->mechanism)));
}

static const struct spf_request *
request_of(struct judge *j, const struct spf_ip *ip)
{
	static const char *const locals[] = {
	    "me", "postmaster", "a-b.c", "we!rd", "\xc3\xa9", "x.y.z"};
	static char sender[80];
	static struct spf_request q;

	snprintf(sender, sizeof(sender), "%s@%.*s", PICK(&j->zone, locals),
	    (int)j->domain.len, j->domain.p);
	q = (struct spf_request){.ip = *ip,
	    .identity = chance(&j->zone, 30) ? SPF_HELO : SPF_MAILFROM,
	    .sender = mf_text_of(chance(&j->zone, 20) ? "" : sender),
	    .helo = mf_text_of(PICK(&j->zone, hosts)),
	    .now_sec = NOW};
	if (q.identity == SPF_HELO || q.sender.len == 0)
		q.helo = j->domain;
	return &q;
}

static void
check(struct judge *j, const struct spf_ip *ip, struct spf_verdict *v,
    const struct spf_request **q)
{
	const struct spf_source source = source_of(j);
	uint64_t room;

	*q = request_of(j, ip);
	room = j->zone.room;
	assert_int_equal(spf_evaluate(*q, &source, v), SPF_OK);
	j->zone.room = room; /* answers have used it */
	j->seen[v->result]++;
	j->checks++;
}

/* The verdict is among the outcomes of its client. */
static void
judge_client(struct judge *j, const struct reach *r, const struct spf_ip *ip)
{
	struct spf_verdict v;
	const struct spf_request *q;

	check(j, ip, &v, &q);
	for (size_t i = 0; i < r->count; i++)
		if (is_within_counts(&r->outcomes[i], &v) &&
		    is_at_the_place(&r->outcomes[i], &v) &&
		    ipset_has(&r->outcomes[i].clients, ip))
			return;
	complain(j, r, q, &v, "not among the outcomes");
}

/* --- clients ----------------------------------------------------------- */

/* Somebody in set, at the edge of a network or amidst. */
static struct spf_ip
pick_in(struct judge *j, const struct ipset *set)
{
	struct ip_net net = {.ip = {.v6 = false}};
	struct ipset_walk walk = {.at = roll(&j->zone, set->count)};
	struct spf_ip ip;

	for (unsigned i = roll(&j->zone, 4) + 1; i > 0; i--)
		if (!ipset_next(set, &walk, &net))
			break;
	ip = net.ip;
	if (chance(&j->zone, 128))
		return ip;
	for (unsigned bit = net.bits; bit < (ip.v6 ? 128 : 32); bit++)
		if (chance(&j->zone, 128))
			ip.octets[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return ip;
}

static struct spf_ip
pick(struct judge *j, const struct reach *r)
{
	const struct reach_outcome *o = &r->outcomes[roll(&j->zone, r->count)];

	if (chance(&j->zone, 40))
		return pick_in(j, &r->everybody);
	if (chance(&j->zone, 40) && j->zone.ip.v6 == r->v6)
		return j->zone.ip;
	return pick_in(j, &o->clients);
}

/* Whoever can get one outcome only gets it. */
static void
judge_outcome(struct judge *j, const struct reach *r, size_t i)
{
	struct ipset only = reach_only(r, i);
	struct spf_verdict v;
	const struct spf_request *q;

	if (!ipset_is_empty(&only)) {
		struct spf_ip ip = pick_in(j, &only);

		check(j, &ip, &v, &q);
		if (!is_within_counts(&r->outcomes[i], &v) ||
		    !is_at_the_place(&r->outcomes[i], &v))
			complain(j, r, q, &v, "not the only outcome");
	}
	ipset_clear(&only);
}

/* Everybody has an outcome, and the classes are what the outcomes say. */
static void
judge_sets(struct judge *j, const struct reach *r)
{
	struct ipset all = ipset_empty(r->v6);
	unsigned bits = reach_results(r, &r->everybody);
	bool guess = false;
	bool whys[REACH_UNKNOWN + 1] = {false};

	for (size_t i = 0; i < r->count; i++) {
		ipset_add_set(&all, &r->outcomes[i].clients);
		whys[r->outcomes[i].why] = true;
		guess = guess || reach_is_guess(&r->outcomes[i]);
	}
	assert_true(ipset_equal(&all, &r->everybody));
	ipset_clear(&all);
	for (int result = SPF_NONE; result <= SPF_PERMERROR; result++) {
		struct ipset must = reach_must(r, (enum spf_result)result);

		if (ipset_equal(&must, &r->everybody)) {
			if (guess && result != SPF_TEMPERROR)
				bits &= ~REACH_BIT(SPF_TEMPERROR);
			assert_int_equal(bits, REACH_BIT((unsigned)result));
			j->only[result]++;
		}
		ipset_clear(&must);
	}
	for (size_t i = 0; i <= REACH_UNKNOWN; i++)
		j->why[i] += whys[i];
	j->exact += !whys[REACH_MAYBE] && !whys[REACH_UNKNOWN];
	j->all_pass += reach_all_pass(r);
	j->most = r->count > j->most ? r->count : j->most;
}

/* --- lint -------------------------------------------------------------- */

/* What is known for sure has its witness. */
static void
judge_bound(struct judge *j, const struct lint *l, const struct lint_bound *b,
    bool terms, bool doubt)
{
	struct spf_request q = {.ip = b->witness.ip,
	    .sender = mf_text_of(b->witness.sender),
	    .helo = l->domain};
	struct spf_verdict v;

	j->bounds++;
	assert_true(b->witness.found);
	lint_evaluate(l, &q, &v);
	assert_int_equal(terms ? v.terms : v.voids, b->reached);
	if (b->reached == b->count)
		j->reached++;
	else if (!doubt)
		complain(j, &l->reaches[b->witness.ip.v6], &q, &v,
		    "a bound that nobody has");
}

static void
judge_hint(struct judge *j, const struct lint_finding *f)
{
	static const char lead[] = "did you mean \"";
	const char *hint = strstr(f->says, lead);
	char text[1000] = "v=spf1 ";
	size_t len = strlen(text), n;
	struct spf_record *r;

	if (hint == NULL)
		return;
	hint += sizeof(lead) - 1;
	n = strcspn(hint, "\"");
	assert_true(n < sizeof(text) - len);
	memcpy(text + len, hint, n);
	text[len + n] = '\0';
	r = spf_record_compile(mf_text_of(text));
	assert_non_null(r);
	if (spf_record_problem(r) != NULL)
		fail_msg(
		    "seed %llu: %s", (unsigned long long)j->zone.seed, f->says);
	spf_record_free(r);
	j->hints++;
}

/* Some client gets an error for sure, or may get one. */
static void
expect_errors(const struct lint *l, bool *must, bool *may)
{
	*must = *may = false;
	for (int f = 0; f < SURVEY_FAMILIES; f++) {
		const struct reach *r = &l->reaches[f];

		*must = *must || reach_all_pass(r);
		for (size_t i = 0; i < r->count; i++) {
			struct ipset only;

			if ((r->outcomes[i].result != SPF_PERMERROR &&
				r->outcomes[i].result != SPF_TEMPERROR) ||
			    reach_is_guess(&r->outcomes[i]))
				continue;
			*may = true;
			only = reach_only(r, i);
			*must = *must || !ipset_is_empty(&only);
			ipset_clear(&only);
		}
	}
	*may = *may || *must;
}

static void
judge_lint(struct judge *j)
{
	struct spf_source source = source_of(j);
	struct lint l;
	bool must, may;

	lint_domain(&l, j->domain, (struct spf_limits){0}, &source);
	expect_errors(&l, &must, &may);
	if ((must && l.levels[LINT_ERROR] == 0) ||
	    (!may && l.levels[LINT_ERROR] != 0)) {
		show(j, &l.reaches[0]);
		show(j, &l.reaches[1]);
		for (const struct lint_finding *f = l.first; f != NULL;
		     f = f->next)
			print_error("%d %s %s %s: %s\n", f->level, f->code,
			    f->domain, f->term, f->says);
		fail_msg("seed %llu: errors: must %d, may %d, are %u",
		    (unsigned long long)j->zone.seed, must, may,
		    l.levels[LINT_ERROR]);
	}
	for (int f = 0; f < SURVEY_FAMILIES; f++) {
		const struct lint_bounds *b = &l.bounds[f];
		bool doubt = l.reaches[f].open;

		judge_bound(j, &l, &b->terms_least, true, doubt);
		judge_bound(j, &l, &b->terms_most, true, doubt);
		judge_bound(j, &l, &b->voids_least, false, doubt);
		judge_bound(j, &l, &b->voids_most, false, doubt);
	}
	for (const struct lint_finding *f = l.first; f != NULL; f = f->next)
		judge_hint(j, f);
	j->linted++;
	j->errors += l.levels[LINT_ERROR] != 0;
	j->clean += l.levels[LINT_ERROR] == 0 && l.levels[LINT_WARNING] == 0;
	lint_clear(&l);
}

static void
judge_zone(struct judge *j, uint64_t seed)
{
	struct spf_source source = source_of(j);

	j->zone.seed = seed;
	j->zone.room = hash(seed, SPF_RR_PTR, MF_TEXT("reach"));
	set_mood(&j->zone);
	if (chance(&j->zone, 80))
		j->zone.mood.macros = 160;
	if (chance(&j->zone, 60))
		j->zone.mood.broken = 40;
	spf_ip_parse(mf_text_of(PICK(&j->zone, clients)), &j->zone.ip);
	j->domain = mf_text_of(domains[roll(&j->zone, 2)]);
	for (int v6 = 0; v6 < 2; v6++) {
		struct reach *r = &j->reaches[v6];

		reach_find(
		    r, j->domain, v6 != 0, (struct spf_limits){0}, &source);
		j->zone.room = hash(seed, SPF_RR_MX, MF_TEXT("clients"));
		judge_sets(j, r);
		for (int i = 0; i < CLIENTS; i++) {
			struct spf_ip ip = pick(j, r);

			judge_client(j, r, &ip);
		}
		for (size_t i = 0; i < r->count && i < OUTCOMES; i++)
			judge_outcome(j, r, i);
		reach_clear(r);
	}
	if (seed % 8 == 0)
		judge_lint(j);
	zone_reset(&j->zone);
}

static void
random_zones(void **state)
{
	static struct judge j;
	uint64_t zones =
	    number_of_environment("LINT_PROPERTY_ZONES", ZONES_DEFAULT);
	uint64_t seed = number_of_environment("LINT_PROPERTY_FIRST", 0);

	(void)state;
	name_machines();
	for (uint64_t end = seed + zones; seed < end; seed++)
		judge_zone(&j, seed);
	print_message("# %llu zones, %u checks: none %u, neutral %u, pass %u, "
		      "fail %u, softfail %u, temperror %u, permerror %u; at "
		      "most %zu outcomes\n",
	    (unsigned long long)zones, j.checks, j.seen[SPF_NONE],
	    j.seen[SPF_NEUTRAL], j.seen[SPF_PASS], j.seen[SPF_FAIL],
	    j.seen[SPF_SOFTFAIL], j.seen[SPF_TEMPERROR], j.seen[SPF_PERMERROR],
	    j.most);
	print_message("# of %llu families: all known %u, everybody passes %u; "
		      "too many terms %u, voids %u, MX %u; syntax %u, no "
		      "record %u, several %u, no name %u; DNS %u; some name "
		      "%u, too large %u\n",
	    (unsigned long long)zones * 2, j.exact, j.all_pass,
	    j.why[REACH_TERMS], j.why[REACH_VOIDS], j.why[REACH_MX],
	    j.why[REACH_SYNTAX], j.why[REACH_NO_RECORD],
	    j.why[REACH_MANY_RECORDS], j.why[REACH_NO_NAME], j.why[REACH_DNS],
	    j.why[REACH_MAYBE], j.why[REACH_UNKNOWN]);
	print_message("# everybody the same: none %u, neutral %u, pass %u, "
		      "fail %u, softfail %u, temperror %u, permerror %u\n",
	    j.only[SPF_NONE], j.only[SPF_NEUTRAL], j.only[SPF_PASS],
	    j.only[SPF_FAIL], j.only[SPF_SOFTFAIL], j.only[SPF_TEMPERROR],
	    j.only[SPF_PERMERROR]);
	print_message("# %u linted: errors in %u, neither errors nor warnings "
		      "in %u; %u of %u bounds reached, %u suggestions\n",
	    j.linted, j.errors, j.clean, j.reached, j.bounds, j.hints);
	/* A test that no longer reaches half of it shows here. */
	for (size_t i = 0; zones >= ZONES_DEFAULT && i < REACH_UNKNOWN; i++)
		if (j.why[i] < zones / 1000)
			fail_msg("only %u outcomes of kind %zu", j.why[i], i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(random_zones),
	};

	return cmocka_run_group_tests_name("reach", tests, NULL, NULL);
}

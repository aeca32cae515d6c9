/* SPDX-License-Identifier: ISC */
/*
 * engine_lookups [ZONES [FIRST]]: no check, however hostile the zone, causes
 * more DNS questions than the limits of RFC 7208 imply.
 *
 * Zones that make work: every name has every record, nothing ever matches, and
 * each record is full of terms that need DNS.  A zone is a seed; an answer
 * depends on the seed and its question alone.  Native is driven one by one, and
 * as the resolver does with a budget of 32 questions ahead; libspf2 runs over
 * the same answers without our bound.  Prints TAP, and the most that was seen.
 */
#include <stdio.h>
#include <stdlib.h>

#include "libspf/record_.h"

#define SPF_LIBSPF2_LOOKUPS_MAX 1000000
#include "common/text.h"
#include <mailfrom/spf_engine.h>

#define ZONES_DEFAULT 20000
#define BUDGET        32

/* libspf2's lookups in a random zone; it would go on for years. */
#define ENOUGH 100000

/* One check: the record; terms with their hosts; %{p}; exp= and its text. */
#define QUESTIONS_MAX \
	(1 + SPF_TERMS_MAX * (1 + SPF_MX_MAX) + 1 + SPF_PTR_MAX + 1)

/* Of a level. */
#define NAMES 200

#define BUCKETS 512

struct entry {
	struct entry *next;
	enum spf_rr rr;
	struct spf_answer *answer;
	unsigned known; /* in which drive it was asked */
	unsigned missed;
	size_t len;
	char name[];
};

/* How a zone makes work. */
struct family {
	const char *name;
	unsigned levels;                     /* of includes */
	unsigned machines;                   /* of hosts */
	unsigned include, mx, ptr, a, macro; /* shares of terms */
	unsigned terms;                      /* of a record at most */
	unsigned redirect;                   /* in one of how many records */
};

static const struct family families[] = {
    {"trees of includes", 5, 1000, 20, 1, 0, 2, 0, 9, 1000000},
    {"lists of hosts", 3, 1000, 1, 30, 1, 1, 0, 10, 3},
    {"names of the client", 4, 30, 2, 2, 10, 1, 2, 10, 3},
    {"names made of macros", 4, 1000, 2, 3, 1, 2, 10, 10, 3},
    {"some of all", 4, 300, 3, 3, 1, 3, 2, 10, 3},
};

#define FAMILIES (sizeof(families) / sizeof(families[0]))

struct zone {
	const struct family *family;
	uint64_t seed, draw;
	unsigned level; /* of the name whose answer is being made */
	unsigned drive; /* 0: all is known */
	struct entry *missing[4096];
	size_t missing_count;
	uint64_t lookups;
	bool enough;
	struct entry *buckets[BUCKETS];
};

/* --- zones --- */

static uint64_t
mix(uint64_t n)
{
	n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
	return n ^ n >> 31;
}

static unsigned
roll(struct zone *z, unsigned n)
{
	z->draw += UINT64_C(0x9e3779b97f4a7c15);
	return (unsigned)(mix(z->draw) % n);
}

static uint64_t
hash(uint64_t seed, enum spf_rr rr, struct mf_text name)
{
	uint64_t h = seed * 8 + rr;

	for (size_t i = 0; i < name.len; i++)
		h = (h ^ (unsigned char)name.p[i]) * UINT64_C(0x100000001b3);
	return mix(h);
}

static void
put_host(struct zone *z, struct text_out *out)
{
	out_char(out, 'm');
	out_uint(out, roll(z, z->family->machines));
	out_str(out, ".example");
}

/* A name of the next level, so that trees end before libspf2's depth does. */
static void
put_domain(struct zone *z, struct text_out *out)
{
	out_char(out, 'd');
	out_uint(out, (z->level + 1) * NAMES + roll(z, NAMES));
	out_str(out, ".example");
}

static unsigned
level_of(struct mf_text name)
{
	uint64_t n = 0;

	if (name.len != 0 && name.p[0] == 'd')
		text_uint(
		    text_head(text_from(name, 1), text_find(name, '.') - 1),
		    1000000, &n);
	return (unsigned)(n / NAMES);
}

static void
put_term(struct zone *z, struct text_out *out)
{
	const struct family *f = z->family;
	unsigned kind = roll(z, f->include + f->mx + f->ptr + f->a + f->macro);

	if (z->level >= f->levels && kind < f->include)
		kind = f->include + f->mx + f->ptr; /* a leaf */

	if (kind < f->include) {
		out_str(out, "include:");
		put_domain(z, out);
	} else if ((kind -= f->include) < f->mx) {
		out_str(out, "mx:");
		put_domain(z, out);
	} else if ((kind -= f->mx) < f->ptr) {
		out_str(out, roll(z, 2) != 0 ? "ptr:example" : "ptr");
	} else if (kind - f->ptr < f->a) {
		out_str(out, "a:");
		put_host(z, out);
	} else {
		out_str(out, roll(z, 2) != 0 ? "-mx:%{p}." : "a:%{l1r}.");
		put_domain(z, out);
	}
}

static struct spf_answer *
make_record(struct zone *z)
{
	char room[2000];
	struct text_out out = text_out(room, sizeof(room));
	struct mf_text record;
	unsigned terms = 1 + roll(z, z->family->terms);

	out_str(&out, "v=spf1");
	if (roll(z, 4) != 0)
		terms = z->family->terms;
	for (; terms > 0; terms--) {
		out_char(&out, ' ');
		put_term(z, &out);
	}
	if (roll(z, z->family->redirect) == 0 && z->level < z->family->levels) {
		out_str(&out, " redirect=");
		put_domain(z, &out);
	} else
		out_str(&out, " -all");
	out_str(&out, " exp=%{p}.x.example");
	record = out_view(&out);
	return spf_answer_txt(&record, 1);
}

static struct spf_answer *
make_names(struct zone *z, enum spf_rr rr)
{
	char room[SPF_MX_MAX][24];
	struct mf_text names[SPF_MX_MAX];

	for (size_t i = 0; i < SPF_MX_MAX; i++) {
		struct text_out out = text_out(room[i], sizeof(room[i]));

		put_host(z, &out);
		names[i] = out_view(&out);
	}
	return spf_answer_names(rr, names, SPF_MX_MAX);
}

static struct spf_answer *
make_answer(struct zone *z, enum spf_rr rr, struct mf_text name)
{
	static const uint8_t elsewhere[16] = {203, 0, 113, 9};

	z->draw = hash(z->seed, rr, name);
	z->level = level_of(name);
	if (rr == SPF_RR_TXT)
		return make_record(z);
	if (rr == SPF_RR_MX || rr == SPF_RR_PTR)
		return make_names(z, rr);
	return spf_answer_addresses(rr, elsewhere, 1);
}

static struct entry *
get_entry(struct zone *z, enum spf_rr rr, struct mf_text name)
{
	struct entry **at = &z->buckets[hash(0, rr, name) % BUCKETS];
	struct entry *e = *at;

	while (e != NULL &&
	    (e->rr != rr || !mf_text_eq(mf_text_at(e->name, e->len), name)))
		e = e->next;
	if (e != NULL)
		return e;
	e = calloc(1, sizeof(*e) + name.len);
	if (e == NULL)
		abort();
	e->rr = rr;
	e->len = name.len;
	memcpy(e->name, name.p, name.len);
	e->answer = make_answer(z, rr, name);
	if (e->answer == NULL)
		abort();
	e->next = *at;
	*at = e;
	return e;
}

static void
zone_reset(struct zone *z)
{
	for (size_t i = 0; i < BUCKETS; i++)
		while (z->buckets[i] != NULL) {
			struct entry *e = z->buckets[i];

			z->buckets[i] = e->next;
			spf_answer_free(e->answer);
			free(e);
		}
}

static const struct spf_answer *
lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	struct zone *z = arg;
	struct entry *e = get_entry(z, rr, name);

	z->lookups++;
	if (z->drive == 0) {
		static const struct spf_answer error = {
		    .status = SPF_DNS_ERROR};

		z->enough = z->enough || z->lookups >= ENOUGH;
		return z->enough ? &error : e->answer;
	}
	if (e->known == z->drive)
		return e->answer;
	if (e->missed != z->drive && z->missing_count < 4096) {
		e->missed = z->drive;
		z->missing[z->missing_count++] = e;
	}
	return NULL;
}

/* --- checks --- */

/* Questions asked, by as many as `budget` ahead. */
static size_t
drive_native(struct zone *z, struct spf_request *q, unsigned budget)
{
	struct spf_verdict v;
	size_t asked = 0;

	z->drive++;
	for (;;) {
		z->missing_count = 0;
		q->sequential = budget == 0;
		if (spf_evaluate(q,
			&(struct spf_source){.lookup = lookup, .arg = z},
			&v) == SPF_OK)
			return asked;
		for (size_t i = 0; i < z->missing_count; i++) {
			struct entry *e = z->missing[i];

			e->missed = 0;
			if (i != 0 && budget == 0)
				continue;
			budget -= i != 0;
			e->known = z->drive;
			asked++;
		}
	}
}

static uint64_t
count_libspf2(struct zone *z, const struct spf_request *q)
{
	struct spf_verdict v;

	z->drive = 0;
	z->lookups = 0;
	z->enough = false;
	spf_libspf2_evaluate(
	    q, &(struct spf_source){.lookup = lookup, .arg = z}, &v, NULL);
	return z->lookups;
}

struct most {
	size_t one_by_one, ahead;
	uint64_t libspf2;
};

static void
run_zone(struct zone *z, struct most *most)
{
	struct spf_request q = {.identity = SPF_MAILFROM,
	    .sender = MF_TEXT("a.b.c@d0.example"),
	    .helo = MF_TEXT("h.example"),
	    .default_explanation = MF_TEXT("%{p}")};
	size_t one_by_one, ahead;
	uint64_t libspf2;

	spf_ip_parse(
	    z->seed % 4 != 0 ? MF_TEXT("192.0.2.1") : MF_TEXT("2001:db8::1"),
	    &q.ip);
	one_by_one = drive_native(z, &q, 0);
	ahead = drive_native(z, &q, BUDGET);
	libspf2 = most->libspf2 < ENOUGH ? count_libspf2(z, &q) : 0;
	if (one_by_one > most->one_by_one)
		most->one_by_one = one_by_one;
	if (ahead > most->ahead)
		most->ahead = ahead;
	if (libspf2 > most->libspf2)
		most->libspf2 = libspf2;
	z->drive = 2;
	zone_reset(z);
	z->drive = 0;
}

/* Nine includes in each record, five deep; then ten, six deep. */
static uint64_t
count_tree(unsigned width, unsigned depth)
{
	static struct zone z;
	struct spf_request q = {.sender = MF_TEXT("a@t.example"),
	    .helo = MF_TEXT("h.example"),
	    .ip.octets = {192, 0, 2, 1}};
	uint64_t lookups;
	char from[200], room[1000];

	z.seed = 1;
	z.family = families;
	for (unsigned level = 0; level <= depth; level++) {
		struct text_out out = text_out(room, sizeof(room));
		struct mf_text record;
		size_t len = 0;

		for (unsigned i = 0; i < level; i++)
			len += (size_t)snprintf(
			    from + len, sizeof(from) - len, "x.");
		snprintf(from + len, sizeof(from) - len, "t.example");
		out_str(&out, "v=spf1");
		for (unsigned i = 0; i < width && level < depth; i++) {
			out_str(&out, " include:x.");
			out_str(&out, from);
		}
		out_str(&out, " ?all");
		record = out_view(&out);
		struct entry *e = get_entry(&z, SPF_RR_TXT, mf_text_of(from));
		spf_answer_free(e->answer);
		e->answer = spf_answer_txt(&record, 1);
	}
	z.drive = 1;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct entry *e = z.buckets[i]; e != NULL; e = e->next)
			e->known = 1;
	z.lookups = 0;
	struct spf_verdict v;
	spf_libspf2_evaluate(
	    &q, &(struct spf_source){.lookup = lookup, .arg = &z}, &v, NULL);
	lookups = z.lookups;
	zone_reset(&z);
	z.drive = 0;
	return lookups;
}

static int
result(int number, bool ok, const char *what)
{
	printf("%sok %d - %s\n", ok ? "" : "not ", number, what);
	return !ok;
}

int
main(int argc, char **argv)
{
	static struct zone z;
	uint64_t zones = ZONES_DEFAULT, seed = 1;
	struct most all = {0};
	int failed = 0;

	if (argc > 1)
		text_uint(mf_text_of(argv[1]), UINT64_MAX, &zones);
	if (argc > 2)
		text_uint(mf_text_of(argv[2]), UINT64_MAX, &seed);
	for (size_t i = 0; i < FAMILIES; i++) {
		struct most most = {0};

		z.family = &families[i];
		for (uint64_t n = 0; n < zones / FAMILIES; n++) {
			z.seed = seed++;
			run_zone(&z, &most);
		}
		printf("# %s: native %zu one by one, %zu with prefetch; "
		       "libspf2 %llu%s\n",
		    families[i].name, most.one_by_one, most.ahead,
		    (unsigned long long)most.libspf2,
		    most.libspf2 >= ENOUGH ? " and more" : "");
		if (most.one_by_one > all.one_by_one)
			all.one_by_one = most.one_by_one;
		if (most.ahead > all.ahead)
			all.ahead = most.ahead;
	}
	printf("# nine includes, five deep: libspf2 %llu; ten, six deep: "
	       "%llu\n",
	    (unsigned long long)count_tree(9, 5),
	    (unsigned long long)count_tree(10, 6));
	printf("# %llu zones: native %zu one by one (of %d), %zu with "
	       "prefetch\n",
	    (unsigned long long)zones, all.one_by_one, QUESTIONS_MAX,
	    all.ahead);
	printf("1..2\n");
	failed += result(1, all.one_by_one <= QUESTIONS_MAX,
	    "one by one: no more questions than the limits imply");
	failed += result(2, all.ahead <= QUESTIONS_MAX + BUDGET,
	    "with prefetch: at most 32 more");
	return failed != 0;
}

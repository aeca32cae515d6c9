/* SPDX-License-Identifier: ISC */
/*
 * spf_evaluate() over any zone.
 *
 * Input: lines.  The first: an octet of choices, then HELO name, sender and
 * delegate, ";" between them.  Each other: an octet for one of sixteen names,
 * one for a type, then what is there: "!" for an error, a TXT record, the last
 * octets of addresses, or names with "," between them.  Lines of one name and
 * type join.  A name that none of them has gets the records of one that its
 * octets choose, so that trees have no end.
 *
 * It must end; keep to the limits; look up no more than they imply; and say the
 * same whether it asks one by one, guesses, or gets answers in any order.
 */
#include "libspf/record_.h"
#include "tests/fuzz/fuzz.h"

#define LINES_MAX     64
#define VALUES_MAX    64
#define QUESTIONS_MAX 2048
#define SLOTS         4096 /* a power of 2, more than QUESTIONS_MAX */

/*
 * The most lookups of one evaluation.  %{p} takes PTR and the addresses of ten
 * names; a term its own name and ten hosts or names, and perhaps %{p} before;
 * the domain and the delegate one each; exp one and %{p} for its name and for
 * its text.
 */
#define LOOKUPS_P (1 + SPF_PTR_MAX)
#define LOOKUPS_MAX \
	(2 + SPF_TERMS_MAX * (LOOKUPS_P + 1 + SPF_MX_MAX) + 2 * LOOKUPS_P + 1)
/* The most different questions: all %{p} and ptr ask the same. */
#define ASKED_MAX (2 + SPF_TERMS_MAX * (1 + SPF_MX_MAX) + LOOKUPS_P + 1)

struct question {
	enum spf_rr rr;
	size_t len;
	char name[SPF_NAME_SIZE];
	const struct spf_answer *answer;
	bool known;  /* answered already */
	bool missed; /* lookup of it has failed in this evaluation */
};

struct zone {
	struct mf_text lines[LINES_MAX];
	size_t line_count;
	struct question questions[QUESTIONS_MAX];
	size_t count;
	uint16_t slots[SLOTS]; /* by hash; which question, from 1 */
	struct question *missing[QUESTIONS_MAX];
	size_t missing_count;
	unsigned lookups; /* of this evaluation */
	bool all_known;
};

/* --- answers ------------------------------------------------------------ */

static uint32_t
hash(struct mf_text t)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < t.len; i++)
		h = (h ^ (uint8_t)t.p[i]) * 16777619u;
	return h ^ h >> 15;
}

/* Which of the sixteen names: "a.example" to "p.example", or by its octets. */
static unsigned
name_number(struct mf_text name)
{
	if (name.len == 9 && name.p[0] >= 'a' && name.p[0] <= 'p' &&
	    text_ends_fold(name, MF_TEXT(".example")))
		return (unsigned)(name.p[0] - 'a');
	return hash(name) % 16;
}

static struct spf_answer *
answer_addresses(enum spf_rr rr, struct mf_text last)
{
	uint8_t octets[VALUES_MAX * 16];
	size_t count = last.len < VALUES_MAX ? last.len : VALUES_MAX;

	for (size_t i = 0; i < count; i++) {
		uint8_t *p = octets + i * (rr == SPF_RR_A ? 4 : 16);

		memset(p, 0x20, rr == SPF_RR_A ? 4 : 16);
		p[rr == SPF_RR_A ? 3 : 15] = (uint8_t)last.p[i];
	}
	return spf_answer_addresses(rr, octets, count);
}

static size_t
split_names(struct mf_text value, struct mf_text *names, size_t count)
{
	struct mf_text name;

	while (count < VALUES_MAX && text_cut(&value, ',', &name))
		names[count++] = text_head(name, SPF_NAME_MAX);
	if (count < VALUES_MAX)
		names[count++] = text_head(value, SPF_NAME_MAX);
	return count;
}

static const struct spf_answer *
make_answer(const struct zone *z, enum spf_rr rr, struct mf_text name)
{
	struct mf_text values[VALUES_MAX];
	size_t count = 0;

	for (size_t i = 0; i < z->line_count; i++) {
		struct mf_text line = z->lines[i];
		struct mf_text value = text_from(line, 2);

		if (((uint8_t)line.p[0] & 15u) != name_number(name) ||
		    (uint8_t)line.p[1] % 5u != rr || count == VALUES_MAX)
			continue;
		if (mf_text_eq(value, MF_TEXT("!")))
			return spf_answer_failure(rr, SPF_CAUSE_SERVFAIL);
		if (rr == SPF_RR_A || rr == SPF_RR_AAAA)
			return answer_addresses(rr, value);
		if (rr == SPF_RR_TXT)
			values[count++] = value;
		else
			count = split_names(value, values, count);
	}
	return rr == SPF_RR_TXT ? spf_answer_txt(values, count)
	    : rr == SPF_RR_A || rr == SPF_RR_AAAA
	    ? spf_answer_void(rr)
	    : spf_answer_names(rr, values, count);
}

static struct question *
zone_get(struct zone *z, enum spf_rr rr, struct mf_text name)
{
	struct question *q;
	size_t slot = (hash(name) + (size_t)rr * 0x321) % SLOTS;

	for (; z->slots[slot] != 0; slot = (slot + 1) % SLOTS) {
		q = &z->questions[z->slots[slot] - 1];
		if (q->rr == rr &&
		    mf_text_eq(mf_text_at(q->name, q->len), name))
			return q;
	}
	FUZZ_CHECK(z->count < QUESTIONS_MAX);
	q = &z->questions[z->count++];
	z->slots[slot] = (uint16_t)z->count;
	*q = (struct question){.rr = rr, .len = name.len};
	memcpy(q->name, name.p, name.len);
	q->answer = make_answer(z, rr, name);
	FUZZ_CHECK(q->answer != NULL);
	return q;
}

static const struct spf_answer *
lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	struct zone *z = arg;
	struct question *q;

	FUZZ_CHECK(spf_name_ok(name));
	for (size_t i = 0; i < name.len; i++)
		FUZZ_CHECK(name.p[i] == ascii_lower(name.p[i]));
	FUZZ_CHECK(++z->lookups <= LOOKUPS_MAX);
	q = zone_get(z, rr, name);
	if (z->all_known || q->known)
		return q->answer;
	if (!q->missed) {
		q->missed = true;
		z->missing[z->missing_count++] = q;
	}
	return NULL;
}

/* --- checks ------------------------------------------------------------- */

static enum spf_status
evaluate(struct zone *z, const struct spf_request *q, struct spf_verdict *v)
{
	const struct spf_source source = {.lookup = lookup, .arg = z};
	enum spf_status status;

	z->lookups = 0;
	z->missing_count = 0;
	status = spf_evaluate(q, &source, v);
	for (size_t i = 0; i < z->missing_count; i++)
		z->missing[i]->missed = false;
	if (status == SPF_PENDING)
		FUZZ_CHECK(z->missing_count != 0);
	else
		FUZZ_CHECK(z->missing_count == 0 && v->lookups == z->lookups);
	return status;
}

static void
check_sane(const struct spf_verdict *v)
{
	bool error = v->result == SPF_TEMPERROR || v->result == SPF_PERMERROR;

	FUZZ_CHECK(v->terms <= SPF_TERMS_MAX ||
	    (v->terms == SPF_TERMS_MAX + 1 && v->result == SPF_PERMERROR));
	FUZZ_CHECK(v->voids <= SPF_VOIDS_MAX ||
	    (v->voids == SPF_VOIDS_MAX + 1 && v->result == SPF_PERMERROR));
	FUZZ_CHECK(v->depth <= SPF_TERMS_MAX);
	FUZZ_CHECK(error == (v->problem[0] != '\0'));
	FUZZ_CHECK(v->result == SPF_FAIL || v->explanation[0] == '\0');
	FUZZ_CHECK(text_is_printable(mf_text_of(v->explanation)));
	FUZZ_CHECK(text_is_printable(mf_text_of(v->mechanism)));
	FUZZ_CHECK(!text_has_control(mf_text_of(v->problem)));
	FUZZ_CHECK(!text_has_control(mf_text_of(v->domain)));
	FUZZ_CHECK(strlen(v->problem) <= SPF_TEXT_MAX);
	FUZZ_CHECK((v->at[0] == '\0') == (error || v->result == SPF_NONE));
}

static void
check_same(const struct spf_verdict *a, const struct spf_verdict *b)
{
	FUZZ_CHECK(a->result == b->result);
	FUZZ_CHECK(strcmp(a->domain, b->domain) == 0);
	FUZZ_CHECK(strcmp(a->mechanism, b->mechanism) == 0);
	FUZZ_CHECK(strcmp(a->at, b->at) == 0);
	FUZZ_CHECK(strcmp(a->explanation, b->explanation) == 0);
	FUZZ_CHECK(strcmp(a->problem, b->problem) == 0);
	FUZZ_CHECK(a->terms == b->terms && a->voids == b->voids);
	FUZZ_CHECK(a->lookups == b->lookups && a->depth == b->depth);
	FUZZ_CHECK(a->guessed == b->guessed && a->delegated == b->delegated);
}

/*
 * Evaluate until there is a verdict; of the questions of each round the first
 * is answered, and of the others those that `share` chooses.  How many were
 * asked.
 */
static size_t
run(struct zone *z, struct spf_request *q, bool sequential, uint32_t share,
    struct spf_verdict *v)
{
	size_t asked = 0;

	for (size_t i = 0; i < z->count; i++)
		z->questions[i].known = false;
	z->all_known = false;
	q->sequential = sequential;
	while (evaluate(z, q, v) == SPF_PENDING) {
		FUZZ_CHECK(!sequential || z->missing_count == 1);
		for (size_t i = 0; i < z->missing_count; i++) {
			struct question *m = z->missing[i];

			if (i != 0 &&
			    hash(mf_text_at(m->name, m->len)) % 8 >= share)
				continue;
			m->known = true;
			asked++;
		}
	}
	return asked;
}

static void
check(struct zone *z, struct spf_request *q)
{
	struct spf_verdict one_by_one, v;

	z->all_known = true;
	q->sequential = true;
	FUZZ_CHECK(evaluate(z, q, &one_by_one) == SPF_OK);
	check_sane(&one_by_one);
	q->sequential = false;
	FUZZ_CHECK(evaluate(z, q, &v) == SPF_OK);
	check_same(&v, &one_by_one);
	FUZZ_CHECK(run(z, q, true, 0, &v) <= ASKED_MAX);
	check_same(&v, &one_by_one);
	for (uint32_t share = 0; share <= 8; share += 4) {
		FUZZ_CHECK(run(z, q, false, share, &v) <=
		    (share == 0 ? ASKED_MAX : QUESTIONS_MAX));
		check_same(&v, &one_by_one);
	}
}

static void
zone_load(struct zone *z, struct mf_text input)
{
	struct mf_text line;

	z->count = z->line_count = 0;
	memset(z->slots, 0, sizeof(z->slots));
	while (z->line_count < LINES_MAX && input.len != 0) {
		if (!text_cut(&input, '\n', &line)) {
			line = input;
			input = MF_TEXT("");
		}
		if (line.len >= 2)
			z->lines[z->line_count++] = line;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct zone z;
	static struct spf_record *guess;
	struct mf_text input = mf_text_at((const char *)data, size);
	struct mf_text first = input, helo = MF_TEXT(""), sender = MF_TEXT("");
	struct spf_request q;

	if (guess == NULL)
		guess = spf_record_compile(
		    MF_TEXT("v=spf1 a/24 mx ptr exp=%{p}.b.example -all"));
	FUZZ_CHECK(guess != NULL);
	if (!text_cut(&input, '\n', &first))
		input = MF_TEXT("");
	uint8_t choice = fuzz_octet(&first);
	if (text_cut(&first, ';', &helo) && !text_cut(&first, ';', &sender)) {
		sender = first;
		first = MF_TEXT("");
	}
	q = (struct spf_request){.ip = {.v6 = choice & 1},
	    .identity = choice & 2 ? SPF_HELO : SPF_MAILFROM,
	    .sender = sender,
	    .helo = helo,
	    .best_guess = choice & 4 ? guess : NULL,
	    .delegate = first,
	    .default_explanation =
		choice & 8 ? MF_TEXT("%{s} %{p} %{h}") : MF_TEXT("")};
	memset(q.ip.octets, 0x20, q.ip.v6 ? 16 : 4);
	zone_load(&z, input);
	check(&z, &q);
	for (size_t i = 0; i < z.count; i++)
		spf_answer_free(z.questions[i].answer);
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * Random zones for tests of SPF, each from a seed; an answer depends on the seed
 * and its question alone, so that a name which only a macro can make has one
 * too.
 */
#ifndef MAILFROM_TESTS_UNIT_RANDOM_ZONES_H
#define MAILFROM_TESTS_UNIT_RANDOM_ZONES_H

#include "tests/unit/support.h"

#include "libspf/record_.h"

#define BUCKETS       256
#define QUESTIONS_MAX 4096 /* in one check; beyond all limits */
#define RECORDS_MAX   12
#define RECORD_SIZE   1200

/* --- zones ------------------------------------------------------------- */

/* A question of a zone, its answer, and whether the evaluator may see it. */
struct entry {
	struct entry *next;
	enum spf_rr rr;
	const struct spf_answer *answer;
	bool known, missed;
	size_t len;
	char name[];
};

/* How likely things are in a zone, in 256ths. */
struct mood {
	unsigned error, nothing, match, lookups, broken, many;
	unsigned macros; /* names that are made by them */
};

struct zone {
	uint64_t seed;
	uint64_t room; /* state of the generator at hand */
	struct mood mood;
	struct spf_ip ip;
	bool all_known;
	struct entry *buckets[BUCKETS];
	/* Of the evaluation at hand, in the order asked. */
	struct entry *missing[QUESTIONS_MAX];
	size_t missing_count;
};

static const char *const domains[] = {"d0.example", "d1.example", "d2.example",
    "d3.example", "d4.example", "d5.example", "d6.example", "sub.d0.example"};
static const char *const hosts[] = {"h0.example", "h1.example", "h2.example",
    "h3.example", "h4.example", "h5.d0.example", "h6.d1.example", "d0.example",
    "h7.sub.d0.example", "."};
static const char *const made[] = {"%{i}.m.example", "%{d2}", "%{l}.m.example",
    "%{h}", "%{p}.m.example", "%{p2}", "%{ir}.%{v}.m.example", "%{o}",
    "%{s}.m.example", "%{L}.m.example", "%{l1r-}.d1.example", "%{d3r}.example"};
static const char *const odd[] = {"a..example", ".example",
    "1234567890123456789012345678901234567890123456789012345678901234.example",
    "no\\thing.example", "UPPER.example", "x/8.example"};
static const char *const clients[] = {
    "192.0.2.1", "192.0.2.200", "10.0.0.1", "2001:db8::1", "2001:db8:ffff::2"};
static const char *const senders[] = {"me@d0.example", "@d1.example", "", "x",
    "d2.example", "a-b.c@sub.d0.example", "we!rd%@D3.EXAMPLE", "u@d4.example",
    "\xc3\xa9@d\xc3\xbc.example", "u@nowhere..example", "u@[192.0.2.1]"};

/* Many names, so that lists of them have little in common. */
static char machines[100][20];

#define PICK(z, list) ((list)[roll(z, COUNT(list))])

/* 0 to n - 1. */
static inline unsigned
roll(struct zone *z, size_t n)
{
	return (unsigned)((random_next(&z->room) >> 20) % n);
}

static inline bool
chance(struct zone *z, unsigned of_256)
{
	return roll(z, 256) < of_256;
}

static inline uint64_t
hash(uint64_t seed, enum spf_rr rr, struct mf_text name)
{
	uint64_t h = (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)rr;

	for (size_t i = 0; i < name.len; i++)
		h = (h ^ (unsigned char)name.p[i]) * UINT64_C(0x100000001b3);
	h ^= h >> 29;
	return h != 0 ? h : 1;
}

static inline void
put_domain(struct zone *z, struct text_out *out)
{
	if (chance(z, z->mood.macros))
		out_str(out, PICK(z, made));
	else if (chance(z, z->mood.broken))
		out_str(out, PICK(z, odd));
	else if (chance(z, 90))
		out_str(out, hosts[roll(z, COUNT(hosts) - 1)]);
	else
		out_str(out, PICK(z, domains));
}

static inline void
put_record_domain(struct zone *z, struct text_out *out)
{
	if (chance(z, 230))
		out_str(out, PICK(z, domains));
	else
		put_domain(z, out);
}

static inline void
put_prefix(struct zone *z, struct text_out *out)
{
	static const char *const prefixes[] = {
	    "/24", "/32", "/0", "//64", "/16//48", "//0", "/31"};

	if (chance(z, 40))
		out_str(out, PICK(z, prefixes));
}

static inline void
put_ip(struct zone *z, struct text_out *out)
{
	static const char *const networks[] = {"ip4:192.0.2.0/24",
	    "ip4:10.0.0.1", "ip4:198.51.100.0/25", "ip6:2001:db8::/32",
	    "ip6:2001:db8:ffff::2", "ip6:fe80::/10"};
	static const char *const others[] = {
	    "ip4:198.51.100.0/25", "ip6:fe80::/10"};

	out_str(out,
	    chance(z, z->mood.match) ? PICK(z, networks) : PICK(z, others));
}

/* A mechanism that needs DNS. */
static inline void
put_asking(struct zone *z, struct text_out *out)
{
	switch (roll(z, 9)) {
	case 0:
	case 1:
	case 2:
		out_str(out, "include:");
		put_record_domain(z, out);
		return;
	case 3:
	case 4:
		out_str(out, "a");
		break;
	case 5:
	case 6:
		out_str(out, "mx");
		break;
	case 7:
		out_str(out, "exists:");
		put_domain(z, out);
		return;
	default:
		out_str(out, "ptr");
		if (chance(z, 100)) {
			out_char(out, ':');
			put_domain(z, out);
		}
		return;
	}
	if (chance(z, 200)) {
		out_char(out, ':');
		put_domain(z, out);
	}
	put_prefix(z, out);
}

static inline void
put_record(struct zone *z, struct text_out *out)
{
	static const char *const qualifiers[] = {"", "", "", "", "-", "~", "?"};
	static const char *const wrong[] = {
	    "ipv4:192.0.2.1", "a:%{z}", "mx/33", "redirect=a.b", "exp=x"};

	out_str(out, "v=spf1");
	for (unsigned n = roll(z, chance(z, z->mood.many) ? 13 : 5); n > 0;
	     n--) {
		out_char(out, ' ');
		out_str(out, PICK(z, qualifiers));
		if (chance(z, z->mood.lookups))
			put_asking(z, out);
		else
			put_ip(z, out);
	}
	if (chance(z, z->mood.broken / 2)) {
		out_char(out, ' ');
		out_str(out, PICK(z, wrong));
	}
	if (chance(z, 60)) {
		out_str(out, " redirect=");
		put_record_domain(z, out);
	} else if (chance(z, 180)) {
		out_str(out, chance(z, 160) ? " -all" : " ~all");
	}
	if (chance(z, 70)) {
		out_str(out, " exp=");
		put_domain(z, out);
	}
}

static inline struct spf_answer *
make_txt(struct zone *z)
{
	static const char *const others[] = {"not an SPF record",
	    "%{p} is %{i} of %{d}", "%{c} %{r} %{t}", "bad %{x}", "v=spf10 a"};
	char rooms[3][RECORD_SIZE];
	struct mf_text texts[3];
	size_t count = 0, records = 1;

	if (chance(z, 10))
		records = 2;
	if (chance(z, 20))
		records = 0;
	for (; count < records; count++) {
		struct text_out out =
		    text_out(rooms[count], sizeof(rooms[count]));

		put_record(z, &out);
		assert_false(out.full);
		texts[count] = out_view(&out);
	}
	if (records == 0 || chance(z, 20))
		texts[count++] = mf_text_of(PICK(z, others));
	return spf_answer_txt(texts, count);
}

static inline struct spf_answer *
make_addresses(struct zone *z, enum spf_rr rr)
{
	uint8_t octets[3 * 16];
	size_t size = rr == SPF_RR_AAAA ? 16 : 4;
	size_t count = 1 + roll(z, 3);

	for (size_t i = 0; i < count * size; i++)
		octets[i] = (uint8_t)roll(z, 256);
	if (z->ip.v6 == (rr == SPF_RR_AAAA) && chance(z, z->mood.match))
		memcpy(octets + roll(z, count) * size, z->ip.octets, size);
	return spf_answer_addresses(rr, octets, count);
}

static inline struct spf_answer *
make_names(struct zone *z, enum spf_rr rr)
{
	struct mf_text names[RECORDS_MAX];
	size_t count = 1 + roll(z, chance(z, z->mood.many) ? RECORDS_MAX : 3);

	for (size_t i = 0; i < count; i++)
		names[i] =
		    mf_text_of(chance(z, z->mood.many) ? PICK(z, machines)
						       : PICK(z, hosts));
	return spf_answer_names(rr, names, count);
}

static const struct spf_answer *
make_answer(struct zone *z, enum spf_rr rr, struct mf_text name)
{
	z->room = hash(z->seed, rr, name);
	roll(z, 2);
	if (chance(z, z->mood.error))
		return spf_answer_failure(rr, SPF_CAUSE_SERVFAIL);
	if (chance(z, z->mood.nothing))
		return spf_answer_void(rr);
	switch (rr) {
	case SPF_RR_TXT:
		return make_txt(z);
	case SPF_RR_A:
	case SPF_RR_AAAA:
		return make_addresses(z, rr);
	case SPF_RR_MX:
	case SPF_RR_PTR:
		return make_names(z, rr);
	}
	return NULL;
}

static inline struct entry *
zone_get(struct zone *z, enum spf_rr rr, struct mf_text name)
{
	struct entry **bucket = &z->buckets[hash(0, rr, name) % BUCKETS];
	struct entry *e = *bucket;

	while (e != NULL &&
	    (e->rr != rr || !mf_text_eq(mf_text_at(e->name, e->len), name)))
		e = e->next;
	if (e != NULL)
		return e;
	e = calloc(1, sizeof(*e) + name.len + 1);
	assert_non_null(e);
	e->rr = rr;
	e->len = name.len;
	memcpy(e->name, name.p, name.len);
	e->answer = make_answer(z, rr, name);
	assert_non_null(e->answer);
	e->next = *bucket;
	*bucket = e;
	return e;
}

static inline void
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

static inline void
zone_forget(struct zone *z)
{
	z->all_known = false;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct entry *e = z->buckets[i]; e != NULL; e = e->next)
			e->known = false;
}

static const struct spf_answer *
zone_lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	struct zone *z = arg;

	assert_true(spf_name_ok(name)); /* what spf.h promises */
	for (size_t i = 0; i < name.len; i++)
		assert_int_equal(name.p[i], ascii_lower(name.p[i]));
	struct entry *e = zone_get(z, rr, name);
	if (e->known || z->all_known)
		return e->answer;
	if (!e->missed) {
		e->missed = true;
		assert_true(z->missing_count < QUESTIONS_MAX);
		z->missing[z->missing_count++] = e;
	}
	return NULL;
}

/* A question and its answer, for people. */
static inline void
print_entry(const struct entry *e)
{
	const struct spf_answer *a = e->answer;

	print_error("  %s %s:", e->name, spf_rr_text(e->rr));
	if (a->status != SPF_DNS_FOUND)
		print_error(a->status == SPF_DNS_ERROR ? " error" : " void");
	if (a->rr == SPF_RR_TXT && a->status == SPF_DNS_FOUND)
		print_error(" %u records %.*s", a->spf_records,
		    (int)(a->record != NULL ? a->record->text.len
					    : a->only_text.len),
		    a->record != NULL ? a->record->text.p : a->only_text.p);
	for (size_t i = 0; i < a->count && a->names != NULL; i++)
		print_error(" %.*s", (int)a->names[i].len, a->names[i].p);
	for (size_t i = 0; i < a->count && a->addresses != NULL; i++) {
		struct spf_ip ip = {.v6 = a->rr == SPF_RR_AAAA};
		char text[SPF_IP_SIZE];

		memcpy(ip.octets, a->addresses + i * (ip.v6 ? 16 : 4),
		    ip.v6 ? 16 : 4);
		spf_ip_print(&ip, text);
		print_error(" %s", text);
	}
	print_error("\n");
}

/* --- each zone its own --- */

static inline void
set_mood(struct zone *z)
{
	static const struct mood moods[] = {
	    /* error, nothing, match, lookups, broken, many, macros */
	    {0, 10, 40, 140, 0, 10, 40},   /* an orderly world */
	    {0, 0, 0, 255, 0, 128, 40},    /* trees that match nothing */
	    {0, 0, 0, 250, 0, 220, 40},    /* and long lists of hosts */
	    {10, 30, 60, 180, 10, 20, 40}, /* some of all */
	    {60, 60, 40, 180, 20, 20, 40}, /* a bad day */
	    {4, 8, 4, 230, 4, 60, 40},     /* near the limits */
	    {0, 100, 30, 200, 0, 10, 40},  /* half of it gone */
	};

	z->mood = PICK(z, moods);
}

static inline void
name_machines(void)
{
	for (size_t i = 0; i < COUNT(machines); i++)
		snprintf(machines[i], sizeof(machines[i]), "m%zu.d%zu.example",
		    i, i % 9);
}

static inline uint64_t
number_of_environment(const char *name, uint64_t otherwise)
{
	text_uint(mf_text_of(getenv(name)), UINT64_MAX, &otherwise);
	return otherwise;
}

#endif

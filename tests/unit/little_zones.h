/* SPDX-License-Identifier: ISC */
/*
 * Random zones in which much happens to few addresses, for tests that compare
 * what is said of all clients with what spf_evaluate() says of each.
 *
 * An answer depends on the seed and its question alone.
 */
#ifndef MAILFROM_TESTS_UNIT_LITTLE_ZONES_H
#define MAILFROM_TESTS_UNIT_LITTLE_ZONES_H

#include "tests/unit/support.h"

#include <mailfrom/spf.h>

#define LITTLE_ANSWERS 4096

/* What may be in a zone. */
struct little_mood {
	bool errors; /* of the DNS */
	bool broken; /* records with mistakes, none, or several */
	bool open;   /* what the client or the sender decides */
	bool loops;  /* else a record leads to later ones only */
	bool voids;  /* names without what is asked for */
};

struct little_answer {
	enum spf_rr rr;
	const struct spf_answer *answer;
	char name[SPF_NAME_SIZE];
};

struct little_zone {
	uint64_t seed, random;
	struct little_mood mood;
	struct little_answer answers[LITTLE_ANSWERS];
	size_t count;
};

#define LITTLE_DOMAINS 8
#define LITTLE_DOMAIN  "d0.example"

static inline unsigned
little_roll(struct little_zone *z, unsigned n)
{
	return (unsigned)((random_next(&z->random) >> 20) % n);
}

/* True in so many of 100 cases. */
static inline bool
little_chance(struct little_zone *z, unsigned percent)
{
	return little_roll(z, 100) < percent;
}

static inline void
little_host(struct little_zone *z, struct text_out *out)
{
	out_char(out, 'h');
	out_uint(out, little_roll(z, 12));
	out_str(out, ".example");
}

/* self: the number of the domain whose record it is. */
static inline void
little_domain(struct little_zone *z, unsigned self, struct text_out *out)
{
	unsigned from = z->mood.loops ? 0 : self + 1;

	if (little_chance(z, 6)) {
		out_str(out, "%{d1r}.%{v}.example");
		return;
	}
	out_char(out, 'd');
	out_uint(out,
	    from < LITTLE_DOMAINS ? from + little_roll(z, LITTLE_DOMAINS - from)
				  : 9);
	out_str(out, ".example");
}

static inline void
little_target(struct little_zone *z, struct text_out *out)
{
	static const char *const made[] = {
	    "%{d}", "%{v}.%{d}", "%{o}", "x.%{o1}.%{v}"};
	static const char *const open[] = {
	    "%{i}.h1.example", "%{l}.h2.example", "%{h}", "%{p}.h3.example"};

	if (z->mood.open && little_chance(z, 15))
		out_str(out, open[little_roll(z, COUNT(open))]);
	else if (little_chance(z, 12))
		out_str(out, made[little_roll(z, COUNT(made))]);
	else if (little_chance(z, 3))
		out_str(out, "no..name.example");
	else
		little_host(z, out);
}

static inline void
little_address(struct little_zone *z, bool v6, struct text_out *out)
{
	out_str(out, v6 ? "2001:db8::" : "192.0.2.");
	out_uint(out, little_roll(z, v6 ? 10 : 16));
}

static inline void
little_net(struct little_zone *z, struct text_out *out)
{
	bool v6 = little_chance(z, 40);

	if (v6 && little_chance(z, 5)) {
		out_str(out, "ip6:::ffff:192.0.2.0/124");
		return;
	}
	out_str(out, v6 ? "ip6:" : "ip4:");
	little_address(z, v6, out);
	if (little_chance(z, 70)) {
		out_char(out, '/');
		out_uint(out, (v6 ? 124u : 28u) + little_roll(z, 5));
	}
}

static inline void
little_term(struct little_zone *z, unsigned self, struct text_out *out)
{
	static const char *const names[] = {"a", "mx", "exists"};
	unsigned which = little_roll(z, 100);

	if (which < 40) {
		little_net(z, out);
		return;
	}
	if (which < 65) {
		out_str(out, "include:");
		little_domain(z, self, out);
		return;
	}
	if (z->mood.open && which > 96) {
		out_str(out, "ptr");
		return;
	}
	which = which < 78 ? 0 : which < 90 ? 1 : 2;
	out_str(out, names[which]);
	if (which == 2 || little_chance(z, 85)) {
		out_char(out, ':');
		little_target(z, out);
	}
	if (which != 2 && little_chance(z, 30))
		out_str(out, little_chance(z, 50) ? "/30" : "/29//126");
}

static inline void
little_record(struct little_zone *z, unsigned self, struct text_out *out)
{
	static const char *const qualifiers[] = {
	    "", "", "", "", "", "-", "~", "?"};

	out_str(out, "v=spf1");
	for (unsigned n = little_roll(z, 6); n > 0; n--) {
		out_char(out, ' ');
		out_str(out, qualifiers[little_roll(z, COUNT(qualifiers))]);
		little_term(z, self, out);
	}
	if (z->mood.broken && little_chance(z, 3))
		out_str(out, " ipv4:192.0.2.1");
	if (little_chance(z, 15)) {
		out_str(out, " redirect=");
		little_domain(z, self, out);
	} else if (little_chance(z, 75)) {
		out_char(out, ' ');
		out_str(out, qualifiers[3 + little_roll(z, 5)]);
		out_str(out, "all");
	}
}

static inline const struct spf_answer *
little_txt(struct little_zone *z, struct mf_text name)
{
	char rooms[2][1024];
	struct mf_text texts[2];
	size_t count = 1;
	unsigned self = 0;

	if (name.p[0] == 'd' && name.len == sizeof(LITTLE_DOMAIN) - 1)
		self = (unsigned)(name.p[1] - '0');
	if (z->mood.broken && little_chance(z, 2))
		count = 2;
	for (size_t i = 0; i < count; i++) {
		struct text_out out = text_out(rooms[i], sizeof(rooms[i]));

		little_record(z, self, &out);
		assert_false(out.full);
		texts[i] = out_view(&out);
	}
	if (z->mood.broken && self != 0 && little_chance(z, 2))
		texts[0] = MF_TEXT("no record");
	return spf_answer_txt(texts, count);
}

static inline const struct spf_answer *
little_addresses(struct little_zone *z, enum spf_rr rr)
{
	bool v6 = rr == SPF_RR_AAAA;
	uint8_t octets[3 * 16];
	size_t count = 1 + little_roll(z, 3), size = v6 ? 16 : 4;

	for (size_t i = 0; i < count; i++) {
		char text[32];
		struct text_out out = text_out(text, sizeof(text));
		struct spf_ip ip;

		little_address(z, v6, &out);
		assert_true(spf_ip_parse(out_view(&out), &ip));
		memcpy(octets + i * size, ip.octets, size);
	}
	return spf_answer_addresses(rr, octets, count);
}

static inline const struct spf_answer *
little_names(struct little_zone *z, enum spf_rr rr)
{
	char rooms[12][32];
	struct mf_text names[12];
	size_t count = 1 + little_roll(z, little_chance(z, 3) ? 12 : 3);

	for (size_t i = 0; i < count; i++) {
		struct text_out out = text_out(rooms[i], sizeof(rooms[i]));

		little_host(z, &out);
		names[i] = out_view(&out);
		if (rr == SPF_RR_MX && little_chance(z, 2))
			names[i] = MF_TEXT("");
	}
	return spf_answer_names(rr, names, count);
}

static inline const struct spf_answer *
little_answer(struct little_zone *z, enum spf_rr rr, struct mf_text name)
{
	uint64_t h =
	    (z->seed + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)rr;

	for (size_t i = 0; i < name.len; i++)
		h = (h ^ (unsigned char)name.p[i]) * UINT64_C(0x100000001b3);
	z->random = h ^ h >> 29;
	little_roll(z, 2);
	if (z->mood.errors && little_chance(z, 3))
		return spf_answer_failure(rr, SPF_CAUSE_SERVFAIL);
	if (z->mood.voids && rr != SPF_RR_TXT && little_chance(z, 12))
		return spf_answer_void(rr);
	if (z->mood.broken && rr == SPF_RR_TXT &&
	    !mf_text_eq(name, MF_TEXT(LITTLE_DOMAIN)) && little_chance(z, 2))
		return spf_answer_void(rr);
	if (rr == SPF_RR_TXT)
		return little_txt(z, name);
	return rr == SPF_RR_A || rr == SPF_RR_AAAA ? little_addresses(z, rr)
						   : little_names(z, rr);
}

static inline const struct spf_answer *
little_lookup(void *arg, enum spf_rr rr, struct mf_text name)
{
	struct little_zone *z = arg;
	struct little_answer *a = z->answers;

	for (; a != z->answers + z->count; a++)
		if (a->rr == rr && mf_text_eq(mf_text_of(a->name), name))
			return a->answer;
	assert_true(z->count < LITTLE_ANSWERS && name.len < sizeof(a->name));
	z->count++;
	a->rr = rr;
	memcpy(a->name, name.p, name.len);
	a->name[name.len] = '\0';
	a->answer = little_answer(z, rr, name);
	assert_non_null(a->answer);
	return a->answer;
}

static inline void
little_begin(struct little_zone *z, uint64_t seed)
{
	z->seed = seed;
	z->count = 0;
}

static inline void
little_end(struct little_zone *z)
{
	for (size_t i = 0; i < z->count; i++)
		if (z->answers[i].answer->status != SPF_DNS_ERROR)
			spf_answer_free(z->answers[i].answer);
	z->count = 0;
}

static inline struct spf_source
little_source(struct little_zone *z)
{
	return (struct spf_source){.lookup = little_lookup, .arg = z};
}

/* The i-th of the clients that a zone knows of, and some beside them. */
#define LITTLE_CLIENTS 32

static inline struct spf_ip
little_client(unsigned i)
{
	char text[32];
	struct spf_ip ip;

	if (i < 20)
		snprintf(text, sizeof(text), "192.0.2.%u", i);
	else
		snprintf(text, sizeof(text), "2001:db8::%u", i - 20);
	assert_true(spf_ip_parse(mf_text_of(text), &ip));
	return ip;
}

static inline struct spf_verdict
little_check(const struct spf_source *source, struct spf_ip ip)
{
	const struct spf_request request = {.ip = ip,
	    .identity = SPF_MAILFROM,
	    .sender = MF_TEXT("who@" LITTLE_DOMAIN),
	    .helo = MF_TEXT("h5.example")};
	struct spf_verdict verdict;

	assert_int_equal(spf_evaluate(&request, source, &verdict), SPF_OK);
	return verdict;
}

static inline unsigned long
little_zones(unsigned long otherwise)
{
	const char *text = getenv("LITTLE_ZONES");

	return text != NULL ? strtoul(text, NULL, 10) : otherwise;
}

#endif

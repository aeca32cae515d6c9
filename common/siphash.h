/* SPDX-License-Identifier: ISC */
/*
 * SipHash (Aumasson and Bernstein, 2012): a short keyed hash, for tables whose
 * keys an attacker may choose.  Without the key nobody can say which of them
 * will collide.
 */
#ifndef MAILFROM_COMMON_SIPHASH_H
#define MAILFROM_COMMON_SIPHASH_H

#include "common/text.h"

struct siphash_key {
	uint64_t k[2];
};

struct siphash_state {
	uint64_t a, b, c, d;
};

static inline uint64_t
siphash_rotate(uint64_t x, unsigned bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void
siphash_rounds(struct siphash_state *s, unsigned rounds)
{
	while (rounds-- > 0) {
		s->a += s->b;
		s->b = siphash_rotate(s->b, 13) ^ s->a;
		s->a = siphash_rotate(s->a, 32);
		s->c += s->d;
		s->d = siphash_rotate(s->d, 16) ^ s->c;
		s->a += s->d;
		s->d = siphash_rotate(s->d, 21) ^ s->a;
		s->c += s->b;
		s->b = siphash_rotate(s->b, 17) ^ s->c;
		s->c = siphash_rotate(s->c, 32);
	}
}

/* Eight octets, little-endian. */
static inline uint64_t
siphash_word(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

/*
 * The hash of t with c rounds for each word and d at the end: 2 and 4 are the
 * authors' choice, 1 and 3 what tables use.
 */
static inline uint64_t
siphash(unsigned c, unsigned d, const struct siphash_key *key, struct mf_text t)
{
	struct siphash_state s = {key->k[0] ^ UINT64_C(0x736f6d6570736575),
	    key->k[1] ^ UINT64_C(0x646f72616e646f6d),
	    key->k[0] ^ UINT64_C(0x6c7967656e657261),
	    key->k[1] ^ UINT64_C(0x7465646279746573)};
	uint64_t last = (uint64_t)t.len << 56;

	for (; t.len >= 8; t = text_from(t, 8)) {
		uint64_t word = siphash_word(t.p);

		s.d ^= word;
		siphash_rounds(&s, c);
		s.a ^= word;
	}
	for (size_t i = 0; i < t.len; i++)
		last |= (uint64_t)(unsigned char)t.p[i] << 8 * i;
	s.d ^= last;
	siphash_rounds(&s, c);
	s.a ^= last;
	s.c ^= 0xff;
	siphash_rounds(&s, d);
	return s.a ^ s.b ^ s.c ^ s.d;
}

#endif

/* SPDX-License-Identifier: ISC */
/*
 * SES signatures.
 *
 *	fraction  = 86400 >> fraction_bits seconds
 *	tc	  = now / fraction
 *	b	  = the least b >= 1 with (1 << b) - 1 > max_age_days
 *	T	  = b + fraction_bits;  M = (1 << T) - 1
 *	H	  = top hash_bits of HMAC(BE64(tc) BE64(id) local "@" lc(domain))
 *	N	  = ((id << T | tc mod M) << hash_bits) | H
 *	signature = N in base 38
 *
 * tc is taken modulo M, not M + 1: the value M marks a fixed signature, whose
 * hash is over tc = 0.  Its hash is checked like any other's.
 */
#include <mailfrom/ses.h>

#include "libsrs/key_.h"
#include "libsrs/mailbox_.h"

#include <stdlib.h>

#define SECONDS_PER_DAY 86400
#define TAG_LEN         4 /* "SES=" */

/* 64 bits of id, 9 + 8 of time code, 160 of hash: 241 bits, in 32-bit limbs. */
#define NUMBER_LIMBS  8
#define NUMBER_DIGITS SES_SIGNATURE_MAX

struct ses_ctx {
	struct ses_params params;
	struct keyring_ keys;
};

/* An unsigned number, least significant limb first. */
struct number {
	uint32_t limb[NUMBER_LIMBS];
};

static const char base38_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

enum srs_status
ses_ctx_new(const struct ses_params *params, struct ses_ctx **out)
{
	struct ses_ctx *ctx;

	*out = NULL;
	if (params->hash_bits < SES_HASH_BITS_MIN ||
	    params->hash_bits > SES_HASH_BITS_MAX ||
	    params->fraction_bits > SES_FRACTION_BITS_MAX ||
	    params->max_age_days > SRS_AGE_DAYS_MAX)
		return SRS_BAD_PARAM;
	ctx = calloc(1, sizeof(*ctx));
	if (ctx == NULL)
		return SRS_NO_MEMORY;
	ctx->params = *params;
	*out = ctx;
	return SRS_OK;
}

void
ses_ctx_free(struct ses_ctx *ctx)
{
	if (ctx == NULL)
		return;
	keyring_clear_(&ctx->keys);
	free(ctx);
}

enum srs_status
ses_ctx_add_key(struct ses_ctx *ctx, struct mf_text key)
{
	return keyring_add_(&ctx->keys, key);
}

/* --- numbers --- */

/* n = n * factor + add; false if it doesn't fit. */
static bool
number_muladd(struct number *n, uint32_t factor, uint32_t add)
{
	uint64_t carry = add;

	for (size_t i = 0; i < NUMBER_LIMBS; i++) {
		carry += (uint64_t)n->limb[i] * factor;
		n->limb[i] = (uint32_t)carry;
		carry >>= 32;
	}
	return carry == 0;
}

/* n = n / divisor; returns the remainder. */
static uint32_t
number_divide(struct number *n, uint32_t divisor)
{
	uint64_t rest = 0;

	for (size_t i = NUMBER_LIMBS; i-- > 0;) {
		rest = rest << 32 | n->limb[i];
		n->limb[i] = (uint32_t)(rest / divisor);
		rest %= divisor;
	}
	return (uint32_t)rest;
}

static bool
number_is_zero(const struct number *n)
{
	uint32_t any = 0;

	for (size_t i = 0; i < NUMBER_LIMBS; i++)
		any |= n->limb[i];
	return any == 0;
}

/* Append `bits` (up to 64) low bits of value at the low end of n. */
static void
number_push(struct number *n, uint64_t value, unsigned bits)
{
	while (bits > 0) {
		unsigned chunk = bits < 16 ? bits : 16;

		bits -= chunk;
		number_muladd(n, UINT32_C(1) << chunk,
		    (uint32_t)(value >> bits & ((UINT32_C(1) << chunk) - 1)));
	}
}

/* Bits [from, from + count) of n, count up to 64. */
static uint64_t
number_bits(const struct number *n, unsigned from, unsigned count)
{
	uint64_t value = 0;

	for (unsigned i = count; i-- > 0;) {
		unsigned bit = from + i;

		value <<= 1;
		if (bit < NUMBER_LIMBS * 32)
			value |= n->limb[bit / 32] >> bit % 32 & 1;
	}
	return value;
}

/* The lowest bits (fewer than there are) of n. */
static void
number_low_bits(const struct number *n, unsigned bits, struct number *out)
{
	*out = (struct number){{0}};
	for (unsigned i = 0; i < bits / 32; i++)
		out->limb[i] = n->limb[i];
	out->limb[bits / 32] =
	    n->limb[bits / 32] & ((UINT32_C(1) << bits % 32) - 1);
}

static void
out_base38(struct text_out *out, struct number n)
{
	char digits[NUMBER_DIGITS + 3]; /* 256 bits have 49 */
	size_t at = sizeof(digits);

	while (!number_is_zero(&n))
		digits[--at] = base38_digits[number_divide(&n, 38)];
	out_text(out, mf_text_at(digits + at, sizeof(digits) - at));
}

static bool
base38_parse(struct mf_text sig, struct number *n)
{
	*n = (struct number){{0}};
	/* One spelling for a number: no zeros in front. */
	if (sig.len == 0 || sig.len > NUMBER_DIGITS ||
	    ascii_upper(sig.p[0]) == base38_digits[0])
		return false;
	for (size_t i = 0; i < sig.len; i++) {
		const char *digit = memchr(base38_digits, ascii_upper(sig.p[i]),
		    sizeof(base38_digits) - 1);

		if (digit == NULL ||
		    !number_muladd(n, 38, (uint32_t)(digit - base38_digits)))
			return false;
	}
	return true;
}

/* --- time code and hash --- */

static unsigned
time_bits(const struct ses_params *p)
{
	unsigned bits = 1;

	while ((1u << bits) - 1 <= p->max_age_days)
		bits++;
	return bits + p->fraction_bits;
}

static uint64_t
fraction_sec(const struct ses_params *p)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
	return SECONDS_PER_DAY >> p->fraction_bits;
}

static uint64_t
valid_fractions(const struct ses_params *p)
{
	return (uint64_t)p->max_age_days << p->fraction_bits;
}

static char *
put_be64(char *to, uint64_t n)
{
	for (unsigned i = 8; i-- > 0; n >>= 8)
		to[i] = (char)(n & 0xff);
	return to + 8;
}

static void
ses_mac(const struct ses_ctx *ctx, unsigned key, const struct mailbox_ *box,
    uint64_t time_code, uint64_t id, uint8_t mac[static KEY_MAC_SIZE])
{
	char message[16 + SRS_INPUT_MAX];
	char *at = put_be64(put_be64(message, time_code), id);

	memcpy(at, box->local.p, box->local.len);
	at += box->local.len;
	*at++ = '@';
	for (size_t i = 0; i < box->domain.len; i++)
		*at++ = ascii_lower(box->domain.p[i]);
	keyring_mac_(&ctx->keys, key, message, (size_t)(at - message), mac);
}

/* Append the top hash_bits of mac to n. */
static void
number_push_mac(struct number *n, const uint8_t mac[static KEY_MAC_SIZE],
    unsigned hash_bits)
{
	unsigned whole = hash_bits / 8, rest = hash_bits % 8;

	for (unsigned i = 0; i < whole; i++)
		number_muladd(n, 256, mac[i]);
	if (rest != 0)
		number_push(n, (uint64_t)mac[whole] >> (8 - rest), rest);
}

/* --- sign --- */

static bool
is_ses(struct mf_text local)
{
	return local.len > TAG_LEN && text_starts_fold(local, MF_TEXT("SES="));
}

bool
ses_is_ses(struct mf_text address)
{
	struct mailbox_ box;

	return mailbox_parse_(address, &box) == SRS_OK && is_ses(box.local);
}

static enum srs_status
sign(const struct ses_ctx *ctx, struct mf_text sender, uint64_t id,
    uint64_t time_code, uint64_t time_field, struct srs_addr *out)
{
	struct mailbox_ box;
	struct number n = {{0}};
	uint8_t mac[KEY_MAC_SIZE];
	enum srs_status status;

	out->len = 0;
	out->text[0] = '\0';
	if (ctx->keys.count == 0)
		return SRS_NO_KEY;
	if (sender.len == 0 || mf_text_eq(sender, MF_TEXT("<>")))
		return SRS_NULL_SENDER;
	status = mailbox_parse_sender_(sender, &box);
	if (status != SRS_OK)
		return status;

	ses_mac(ctx, 0, &box, time_code, id, mac);
	number_push(&n, id, 64);
	number_push(&n, time_field, time_bits(&ctx->params));
	number_push_mac(&n, mac, ctx->params.hash_bits);

	struct text_out o = mailbox_begin_(out, box.quoted);
	out_text(&o, MF_TEXT("SES="));
	out_base38(&o, n);
	out_char(&o, '=');
	out_text(&o, box.local);
	return mailbox_end_(out, &o, box.quoted, box.domain);
}

enum srs_status
ses_sign(const struct ses_ctx *ctx, struct mf_text sender, uint64_t message_id,
    uint64_t now_sec, struct srs_addr *out)
{
	uint64_t code = now_sec / fraction_sec(&ctx->params);
	uint64_t mask = (UINT64_C(1) << time_bits(&ctx->params)) - 1;

	/* pysrs takes the first hours of 1970 for "no date"; so do we. */
	return sign(
	    ctx, sender, message_id, code, code == 0 ? mask : code % mask, out);
}

enum srs_status
ses_sign_fixed(const struct ses_ctx *ctx, struct mf_text sender,
    uint64_t message_id, struct srs_addr *out)
{
	uint64_t mask = (UINT64_C(1) << time_bits(&ctx->params)) - 1;

	return sign(ctx, sender, message_id, 0, mask, out);
}

/* --- verify --- */

/*
 * Id and time of a signature at now_sec.  The time code that isn't later than
 * now and has the field's remainder is the only candidate; false if there is
 * none.
 */
static bool
signature_read(const struct ses_params *p, const struct number *n,
    uint64_t now_sec, struct ses_info *info)
{
	unsigned bits = time_bits(p);
	uint64_t mask = (UINT64_C(1) << bits) - 1;
	uint64_t now_code = now_sec / fraction_sec(p);
	uint64_t field = number_bits(n, p->hash_bits, bits);
	uint64_t code;

	*info = (struct ses_info){
	    .message_id = number_bits(n, p->hash_bits + bits, 64)};
	if (number_bits(n, p->hash_bits + bits + 64, 64) != 0)
		return false;
	if (field == mask) {
		info->fixed = true;
		info->expires_sec = UINT64_MAX;
		return true;
	}
	code = now_code / mask * mask + field;
	if (code > now_code) {
		if (code < mask)
			return false;
		code -= mask;
	}
	info->time_code = code;
	info->signed_sec = code * fraction_sec(p);
	uint64_t end = code + valid_fractions(p);
	/* At the end of all time, never. */
	info->expires_sec = end <= UINT64_MAX / fraction_sec(p)
	    ? end * fraction_sec(p)
	    : UINT64_MAX;
	return true;
}

/* Every key, every bit, always: see hash_verify() in srs.c. */
static bool
signature_verify(const struct ses_ctx *ctx, const struct mailbox_ *box,
    const struct number *n, struct ses_info *info)
{
	uint8_t mac[KEY_MAC_SIZE];
	struct number have = {{0}};
	bool found = false;

	number_low_bits(n, ctx->params.hash_bits, &have);
	for (unsigned k = ctx->keys.count; k-- > 0;) {
		struct number want = {{0}};

		ses_mac(ctx, k, box, info->time_code, info->message_id, mac);
		number_push_mac(&want, mac, ctx->params.hash_bits);
		bool equal = key_equal_(&have, &want, sizeof(have));

		info->key = equal ? k : info->key;
		found |= equal;
	}
	return found;
}

enum srs_status
ses_verify(const struct ses_ctx *ctx, struct mf_text address, uint64_t now_sec,
    struct srs_addr *out, struct ses_info *info)
{
	struct mailbox_ box;
	struct mf_text sig;
	struct number n;
	struct ses_info read;

	out->len = 0;
	out->text[0] = '\0';
	if (mailbox_parse_(address, &box) != SRS_OK || !is_ses(box.local))
		return SRS_NOT_SRS;
	if (ctx->keys.count == 0)
		return SRS_NO_KEY;
	bool was_quoted = mailbox_was_quoted_(&box, address);
	box.local = text_from(box.local, TAG_LEN);
	if (!text_cut(&box.local, '=', &sig))
		return SRS_BAD_SYNTAX;
	if (!base38_parse(sig, &n) ||
	    !signature_read(&ctx->params, &n, now_sec, &read) ||
	    !signature_verify(ctx, &box, &n, &read))
		return SRS_BAD_HASH;
	if (info != NULL)
		*info = read;

	uint64_t age = now_sec / fraction_sec(&ctx->params) - read.time_code;
	if (!read.fixed && age >= valid_fractions(&ctx->params))
		return SRS_EXPIRED;
	box.quoted = was_quoted || mailbox_needs_quotes_(box.local);
	struct text_out o = mailbox_begin_(out, box.quoted);
	out_text(&o, box.local);
	return mailbox_end_(out, &o, box.quoted, box.domain);
}

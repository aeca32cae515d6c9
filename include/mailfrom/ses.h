/* SPDX-License-Identifier: ISC */
/*
 * Signed Envelope Sender, the form that pysrs writes: the address keeps its
 * domain and carries a signature over local part, domain, message id and time.
 *
 *	SES=SIGNATURE=user@host
 *
 * The signature is a number in base 38 (A-Z 0-9 _ -): message id, time code
 * modulo its field, and the top bits of an HMAC-SHA1.  A time code counts
 * fractions of a day.  Message ids let a caller count how often a signature
 * was used; counting isn't done here.
 */
#ifndef MAILFROM_SES_H
#define MAILFROM_SES_H

#include <mailfrom/srs.h>

/* Bits of hash: 80 is pysrs's default; HMAC-SHA1 has 160. */
#define SES_HASH_BITS_MIN 16
#define SES_HASH_BITS_MAX 160

/* 2^8 fractions make a day of 337 seconds; nobody needs finer ones. */
#define SES_FRACTION_BITS_MAX 8

/*
 * Characters of a signature: 64 bits of id, 17 of time code, 160 of hash are
 * 46 digits of base 38.
 */
#define SES_SIGNATURE_MAX 46

struct ses_params {
	unsigned hash_bits;     /* SES_HASH_BITS_MIN..SES_HASH_BITS_MAX */
	unsigned fraction_bits; /* 0..SES_FRACTION_BITS_MAX */
	/*
	 * Validity, 0..SRS_AGE_DAYS_MAX.  It also sets the width of the time
	 * code: a signature is only understood under a validity of the same
	 * width (1-2, 3-6, 7-14, 15-30, 31-62 ... days go together), so a
	 * change across such a border spoils what is outstanding.
	 */
	unsigned max_age_days;
};

#define SES_PARAMS_DEFAULT    \
	((struct ses_params){ \
	    .hash_bits = 80, .fraction_bits = 2, .max_age_days = 10})

struct ses_ctx;

/* As srs_ctx_new(), srs_ctx_free() and srs_ctx_add_key(). */
enum srs_status ses_ctx_new(
    const struct ses_params *params, struct ses_ctx **out);
void ses_ctx_free(struct ses_ctx *ctx);
enum srs_status ses_ctx_add_key(struct ses_ctx *ctx, struct mf_text key);

struct ses_info {
	uint64_t message_id;
	bool fixed;          /* never expires: signed with ses_sign_fixed() */
	uint64_t time_code;  /* fractions of a day since 1970; 0 if fixed */
	uint64_t signed_sec; /* when that fraction began, since 1970 UTC */
	/* From when on it isn't valid any more; UINT64_MAX if fixed. */
	uint64_t expires_sec;
	unsigned key; /* by which key, 0 being the signing one */
};

/*
 * Sign sender for max_age_days from now_sec (seconds since 1970 UTC).
 * message_id: any; the caller's counter, unique within a fraction of a day.
 * out: the caller's; "" unless SRS_OK.
 * SRS_OK; SRS_NULL_SENDER; SRS_BAD_SYNTAX; SRS_NO_SPACE; SRS_NO_KEY.
 */
enum srs_status ses_sign(const struct ses_ctx *ctx, struct mf_text sender,
    uint64_t message_id, uint64_t now_sec, struct srs_addr *out);

/* The same without a date: valid for as long as the key is. */
enum srs_status ses_sign_fixed(const struct ses_ctx *ctx, struct mf_text sender,
    uint64_t message_id, struct srs_addr *out);

/*
 * Verify a signed address and give the one that was signed.  The hash is
 * always checked, of dated and of fixed signatures.  The local part is signed
 * with its case, the domain without.
 * out: the caller's; "" unless SRS_OK.  info: the caller's or NULL; set
 * once the signature is verified: with SRS_OK, SRS_EXPIRED, SRS_NO_SPACE.
 * SRS_OK; SRS_NOT_SRS: no SES address; SRS_BAD_SYNTAX; SRS_BAD_HASH: not signed
 * by any key, or dated in the future; SRS_EXPIRED; SRS_NO_SPACE; SRS_NO_KEY.
 */
enum srs_status ses_verify(const struct ses_ctx *ctx, struct mf_text address,
    uint64_t now_sec, struct srs_addr *out, struct ses_info *info);

/* True if address has the shape of an SES address, whoever signed it. */
bool ses_is_ses(struct mf_text address);

#endif

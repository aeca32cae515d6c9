/* SPDX-License-Identifier: ISC */
/*
 * libsrs: the Sender Rewriting Scheme (SRS0 and SRS1, "guarded"), Signed
 * Envelope Sender (SES) and addresses for forwarders (RRS), text in, text out.
 *
 * No I/O, no clock, no environment, no globals: time is an argument, keys are
 * given by the caller, and a context, once its keys are in, is read only and
 * may be used by any number of threads at once.  Nothing but _new and _add_key
 * allocates.  What is written must not lie in what is read.
 *
 * Addresses are those of RFC 5321 without angle brackets: local-part "@"
 * domain, cut at the last "@".  Octets above 0x7f pass through (RFC 6531).  A
 * quoted local part keeps its quotes on the outside of the rewritten one and
 * is signed by its content, so that an MTA that drops needless quotes on the
 * way doesn't spoil the signature.
 *
 *	SRS0=HASH=TT=host=user@forwarder
 *	SRS1=HASH=host1==HASH0=TT=host=user@second-forwarder
 *	SES=SIGNATURE=user@host
 *
 * Sources: the SRS paper (Shevek) and the behaviour of Mail::SRS and pysrs,
 * with which addresses are exchanged in both directions; libsrs(3) lists where
 * this library is stricter, and why.
 */
#ifndef MAILFROM_SRS_H
#define MAILFROM_SRS_H

#include <mailfrom/text.h>

/*
 * Octets of local part (RFC 5321 4.5.3.1.1), and of the address within a path
 * of 256 (4.5.3.1.3), which counts the "<" and ">" that aren't here.
 */
#define SRS_LOCAL_MAX 64
#define SRS_ADDR_MAX  254
#define SRS_ADDR_SIZE (SRS_ADDR_MAX + 1)

/* Octets of an address that is looked at all: longer ones can't be valid. */
#define SRS_INPUT_MAX 1024

/* Base64 characters that 160 bits of HMAC-SHA1 fill. */
#define SRS_HASH_MAX 27

/* A day stamp repeats after 1024 days; half of that is the longest window. */
#define SRS_AGE_DAYS_MAX    500
#define SRS_FUTURE_DAYS_MAX 30

/* Octets of a key, and keys of a context. */
#define SRS_KEY_MAX  4096
#define SRS_KEYS_MAX 64

enum srs_status {
	SRS_OK = 0,
	SRS_NOT_SRS,       /* a plain address, nothing to reverse */
	SRS_NULL_SENDER,   /* <> is never rewritten */
	SRS_BAD_SYNTAX,    /* no "@", no domain, missing fields, controls */
	SRS_BAD_TIMESTAMP, /* not exactly two of A-Z 2-7 */
	SRS_BAD_HASH,      /* no key gives this hash */
	SRS_SHORT_HASH,    /* fewer characters than the minimum */
	SRS_EXPIRED,       /* older than the maximum age */
	SRS_FUTURE,        /* dated later than the allowance */
	SRS_NO_SPACE,      /* result over SRS_LOCAL_MAX or SRS_ADDR_MAX */
	SRS_NO_KEY,        /* the context holds no key */
	SRS_BAD_PARAM,     /* a parameter is out of its range */
	SRS_NO_MEMORY,
	SRS_BAD_FORWARDER /* of RRS: not a domain */
};

/* A sentence fragment for people: lower case, no full stop.  Never NULL. */
const char *srs_status_text(enum srs_status status);

/* An address that the library wrote: NUL-terminated, len without the NUL. */
struct srs_addr {
	size_t len;
	char text[SRS_ADDR_SIZE];
};

/* Which characters stand for 62 and 63 in a hash that is written. */
enum srs_alphabet {
	SRS_BASE64,   /* + /  as pysrs, Mail::SRS, libsrs2, postsrsd 1.x */
	SRS_BASE64URL /* - _  as postsrsd 2.x; some receivers refuse "/" */
};

struct srs_params {
	unsigned hash_length;       /* characters written, 1..SRS_HASH_MAX */
	unsigned hash_min;          /* characters demanded, 1..hash_length */
	unsigned max_age_days;      /* 0..SRS_AGE_DAYS_MAX */
	unsigned future_days;       /* 0..SRS_FUTURE_DAYS_MAX, for clock skew */
	char separator;             /* behind the tag: one of = + - */
	enum srs_alphabet alphabet; /* written; both are read */
	bool always_rewrite; /* also if the sender is in the SRS domain */
};

#define SRS_PARAMS_DEFAULT                     \
	((struct srs_params){.hash_length = 6, \
	    .hash_min = 6,                     \
	    .max_age_days = 21,                \
	    .future_days = 0,                  \
	    .separator = '=',                  \
	    .alphabet = SRS_BASE64URL,         \
	    .always_rewrite = false})

struct srs_ctx;

/*
 * Make a context without keys.  *out is the caller's, for srs_ctx_free().
 * SRS_OK; SRS_BAD_PARAM: a field of params is out of its range; SRS_NO_MEMORY.
 */
enum srs_status srs_ctx_new(
    const struct srs_params *params, struct srs_ctx **out);

/* Wipe the keys and free.  NULL is fine. */
void srs_ctx_free(struct srs_ctx *ctx);

/*
 * Add a key: any octets, 1..SRS_KEY_MAX of them.  The first that is added
 * signs; all verify.  Not to be called while another thread uses ctx.
 * SRS_OK; SRS_BAD_PARAM: empty or too long, or SRS_KEYS_MAX reached;
 * SRS_NO_MEMORY.  It is kept in OpenSSL's secure heap if the program has set
 * one up, with CRYPTO_secure_malloc_init(3); else in ordinary memory.
 */
enum srs_status srs_ctx_add_key(struct srs_ctx *ctx, struct mf_text key);

/*
 * Rewrite sender into domain: SRS0 for a plain address, SRS1 for somebody's
 * SRS0 or SRS1.  A sender that is in domain already comes back as it is unless
 * always_rewrite.
 * domain: a domain, or an address of which the domain is taken.
 * now_sec: seconds since 1970 UTC; only the day matters.
 * out: the caller's; "" unless SRS_OK.
 * SRS_OK; SRS_NULL_SENDER: sender is empty or "<>"; SRS_BAD_SYNTAX: sender or
 * domain is none; SRS_NO_SPACE: the result is over the limits of RFC 5321
 * 4.5.3.1; SRS_NO_KEY.
 */
enum srs_status srs_encode(const struct srs_ctx *ctx, struct mf_text sender,
    struct mf_text domain, uint64_t now_sec, struct srs_addr *out);

/*
 * Sign sender in its own domain: the host field stays empty, as pysrs's
 * sign().  For domains of one's own, so that bounces to unsigned addresses can
 * be told from genuine ones.  Arguments and statuses as srs_encode().
 */
enum srs_status srs_sign(const struct srs_ctx *ctx, struct mf_text sender,
    uint64_t now_sec, struct srs_addr *out);

/*
 * What an SRS address says.  The views point into the address that was given.
 */
struct srs_info {
	unsigned version;    /* 0 or 1; fields below are set as far as read */
	char separator;      /* the one behind the tag */
	bool quoted;         /* local part was in double quotes */
	bool sign_form;      /* SRS0 with an empty host field */
	struct mf_text hash; /* as given */
	struct mf_text timestamp; /* as given; empty in SRS1 */
	struct mf_text host;   /* SRS0: the original's; SRS1: first forwarder */
	struct mf_text user;   /* SRS0: the original's; SRS1: the rest */
	struct mf_text domain; /* the one that was rewritten into */
	bool verified;         /* the hash is right */
	unsigned key;          /* by which key, 0 being the signing one */
	bool dated;            /* timestamp well formed, age_days is set */
	int age_days;          /* negative: in the future */
};

/*
 * Undo one level of rewriting: SRS0 (or the form of srs_sign) gives the
 * original address, SRS1 the SRS0 address at the first forwarder.  The domain
 * of the address isn't signed and isn't looked at: whether it is one's own is
 * for the caller to ask.
 * The hash is compared in constant time with every key's, ASCII case folded
 * (MTAs lower-case local parts, so genuine bounces come back changed) and in
 * both alphabets; every character given must match.
 * now_sec: as above.  out: the caller's; "" unless SRS_OK.
 * info: the caller's or NULL; filled as far as the address could be read,
 * whatever the status.
 * SRS_OK; SRS_NOT_SRS; SRS_BAD_SYNTAX; SRS_SHORT_HASH; SRS_BAD_HASH;
 * SRS_BAD_TIMESTAMP; SRS_EXPIRED, SRS_FUTURE: the hash is right; SRS_NO_SPACE;
 * SRS_NO_KEY.
 */
enum srs_status srs_decode(const struct srs_ctx *ctx, struct mf_text address,
    uint64_t now_sec, struct srs_addr *out, struct srs_info *info);

/* Characters of an alias's digest: base32hex of 160 bits, in upper case. */
#define SRS_DIGEST_LEN  32
#define SRS_DIGEST_SIZE (SRS_DIGEST_LEN + 1)

/*
 * Make an alias of fixed length for a sender that fits into no other, and that
 * the caller keeps under digest:
 *
 *	SRS0=HASH=TT=1=DIGEST@domain
 *
 * The digest is keyed with the signing key, over sender as it is given: nobody
 * else can tell whose it is.  Arguments and statuses as srs_encode();
 * SRS_NO_SPACE: sender, or the alias in domain, is over the limits.
 * digest: the caller's; "" unless SRS_OK or SRS_NO_SPACE of the alias.
 */
enum srs_status srs_alias(const struct srs_ctx *ctx, struct mf_text sender,
    struct mf_text domain, uint64_t now_sec, struct srs_addr *out,
    char digest[static SRS_DIGEST_SIZE]);

/*
 * Whether original, an address that srs_decode() has restored, is that of an
 * alias, and under which digest the real one is kept; else digest is "".
 */
bool srs_alias_digest(
    struct mf_text original, char digest[static SRS_DIGEST_SIZE]);

/* True if address has the shape of SRS0 or SRS1, whoever signed it. */
bool srs_is_srs(struct mf_text address);

#endif

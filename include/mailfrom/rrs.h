/* SPDX-License-Identifier: ISC */
/*
 * RRS: a recipient's address that only mail from one forwarder reaches.
 *
 *	rrs=HASH=forwarder.example=user@our.example
 *
 * A user gives it to an old provider that forwards mail and doesn't rewrite its
 * sender.  Whoever receives for our.example verifies the hash and then checks
 * SPF for the forwarder instead of the sender; neither is done here.  There is
 * no date in it: such an address is meant to be valid for years, so its key is
 * another one than that of SRS.
 *
 * HASH is the first 60 bits, in base 32 (a-z 2-7), of an HMAC-SHA256 over
 *
 *	"rrs1", forwarder, user, our.example
 *
 * in lower case, each with its length in two octets, high one first, in front.
 */
#ifndef MAILFROM_RRS_H
#define MAILFROM_RRS_H

#include <mailfrom/srs.h>

/* Characters of a hash: 60 bits, 5 in each. */
#define RRS_HASH_LEN 12

struct rrs_ctx;

/* As srs_ctx_new(), srs_ctx_free() and srs_ctx_add_key(). */
enum srs_status rrs_ctx_new(struct rrs_ctx **out);
void rrs_ctx_free(struct rrs_ctx *ctx);
enum srs_status rrs_ctx_add_key(struct rrs_ctx *ctx, struct mf_text key);

/*
 * Write the address for recipient that works for mail from forwarder.
 * forwarder: a host's domain of two labels at least, in ASCII (A-labels).
 * recipient: an address; not one that is rewritten, signed or for a forwarder.
 * out: the caller's; "" unless SRS_OK.
 * SRS_OK; SRS_BAD_FORWARDER; SRS_BAD_SYNTAX: recipient is none; SRS_NO_SPACE:
 * the result is over the limits of RFC 5321 4.5.3.1; SRS_NO_KEY.
 */
enum srs_status rrs_encode(const struct rrs_ctx *ctx, struct mf_text forwarder,
    struct mf_text recipient, struct srs_addr *out);

/*
 * What an RRS address says.  The views point into the address that was given.
 */
struct rrs_info {
	bool quoted;              /* local part was in double quotes */
	struct mf_text hash;      /* as given */
	struct mf_text forwarder; /* as given */
	struct mf_text user;
	struct mf_text domain;
	bool verified; /* the hash is right */
	unsigned key;  /* by which key, 0 being the signing one */
};

/*
 * Verify an RRS address and give the recipient in it, in the case in which it
 * is written there.  ASCII case is of no account for the hash; it is compared
 * in constant time with every key's.
 * out: the caller's; "" unless SRS_OK.  info: the caller's or NULL; filled as
 * far as the address could be read, whatever the status.
 * SRS_OK; SRS_NOT_SRS: no RRS address; SRS_BAD_SYNTAX; SRS_BAD_FORWARDER;
 * SRS_SHORT_HASH: fewer than RRS_HASH_LEN characters; SRS_BAD_HASH; SRS_NO_KEY.
 */
enum srs_status rrs_decode(const struct rrs_ctx *ctx, struct mf_text address,
    struct srs_addr *out, struct rrs_info *info);

/* True if address has the shape of an RRS address, whoever signed it. */
bool rrs_is_rrs(struct mf_text address);

#endif

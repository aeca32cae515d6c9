/* SPDX-License-Identifier: ISC */
/*
 * HMAC keyrings of libsrs.  The key schedule is done once for each key; a MAC
 * then costs two finishes of the digest and allocates nothing.
 */
#ifndef MAILFROM_LIBSRS_KEY__H
#define MAILFROM_LIBSRS_KEY__H

#include <mailfrom/srs.h>

#define KEY_MAC_SIZE    20 /* octets of HMAC-SHA1 */
#define KEY_MAC256_SIZE 32 /* octets of HMAC-SHA256 */

struct key_;

/* Zero-initialised it is an empty ring for HMAC-SHA1. */
struct keyring_ {
	bool is_sha256;    /* set before the first key */
	struct key_ *keys; /* the first signs */
	unsigned count;
};

/* SRS_OK, SRS_BAD_PARAM (empty, too long, ring full), SRS_NO_MEMORY. */
enum srs_status keyring_add_(struct keyring_ *ring, struct mf_text secret);

/* Wipe and free all keys; the ring is empty then. */
void keyring_clear_(struct keyring_ *ring);

/*
 * MAC of message with key number `key`, which must be below ring->count; each
 * for its kind of ring.
 */
void keyring_mac_(const struct keyring_ *ring, unsigned key,
    const void *message, size_t len, uint8_t mac[static KEY_MAC_SIZE]);
void keyring_mac256_(const struct keyring_ *ring, unsigned key,
    const void *message, size_t len, uint8_t mac[static KEY_MAC256_SIZE]);

/* True if the len octets are equal; takes the same time either way. */
bool key_equal_(const void *a, const void *b, size_t len);

/* Clear memory that held a secret; not optimised away. */
void key_wipe_(void *p, size_t len);

#endif

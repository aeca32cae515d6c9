/* SPDX-License-Identifier: ISC */
/*
 * HMAC-SHA1 and HMAC-SHA256 (RFC 2104) with the key schedule kept.
 *
 * The low-level SHA1_*() and SHA256_*() of OpenSSL are used although OpenSSL 3
 * calls them deprecated: their state is a plain struct, so that the digest of the inner
 * and of the outer pad is computed once for a key and copied for each message.
 * EVP_MAC can't be shared between threads and costs three times as much, even
 * with its key kept.  SHA-1 is what SRS and SES prescribe; as an HMAC it is
 * unbroken.
 *
 * Keys are in OpenSSL's secure heap if the program has set one up; else that is
 * ordinary memory, and wiped likewise.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "libsrs/key_.h"

#include <endian.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

/* By the ring's is_sha256; one block of key is in each. */
struct key_ {
	union {
		SHA_CTX sha1;
		SHA256_CTX sha256;
	} inner, outer; /* after key XOR ipad, opad */
};

/* Both digests have it, so the pads are made in the same way. */
_Static_assert(SHA_CBLOCK == SHA256_CBLOCK, "one size of block");

#define LENGTH_SIZE 8 /* octets of bit count that end a SHA-1 message */

static void
put_be32(uint8_t *to, uint32_t n)
{
	n = htobe32(n);
	memcpy(to, &n, sizeof(n));
}

/*
 * Digest of the one block that `begun` has seen, and message.  SHA1_Update()
 * and SHA1_Final() would buffer, check and wipe for the general case, at half
 * the cost of hashing so short a text; here blocks go straight in.
 */
static void
sha1_finish(const SHA_CTX *begun, const uint8_t *message, size_t len,
    uint8_t mac[static KEY_MAC_SIZE])
{
	SHA_CTX state = *begun;
	uint8_t block[SHA_CBLOCK];
	uint64_t bits = (uint64_t)(SHA_CBLOCK + len) * 8;

	for (; len >= SHA_CBLOCK; message += SHA_CBLOCK, len -= SHA_CBLOCK)
		SHA1_Transform(&state, message);
	memset(block, 0, sizeof(block));
	if (len != 0)
		memcpy(block, message, len);
	block[len] = 0x80;
	if (len >= SHA_CBLOCK - LENGTH_SIZE) {
		SHA1_Transform(&state, block);
		memset(block, 0, sizeof(block));
	}
	put_be32(block + SHA_CBLOCK - 8, (uint32_t)(bits >> 32));
	put_be32(block + SHA_CBLOCK - 4, (uint32_t)bits);
	SHA1_Transform(&state, block);
	put_be32(mac, (uint32_t)state.h0);
	put_be32(mac + 4, (uint32_t)state.h1);
	put_be32(mac + 8, (uint32_t)state.h2);
	put_be32(mac + 12, (uint32_t)state.h3);
	put_be32(mac + 16, (uint32_t)state.h4);
}

static void
digest_pads(struct key_ *key, bool is_sha256,
    const unsigned char ipad[static SHA_CBLOCK],
    const unsigned char opad[static SHA_CBLOCK])
{
	if (is_sha256) {
		SHA256_Init(&key->inner.sha256);
		SHA256_Update(&key->inner.sha256, ipad, SHA_CBLOCK);
		SHA256_Init(&key->outer.sha256);
		SHA256_Update(&key->outer.sha256, opad, SHA_CBLOCK);
		return;
	}
	SHA1_Init(&key->inner.sha1);
	SHA1_Update(&key->inner.sha1, ipad, SHA_CBLOCK);
	SHA1_Init(&key->outer.sha1);
	SHA1_Update(&key->outer.sha1, opad, SHA_CBLOCK);
}

static void
key_prepare(struct key_ *key, bool is_sha256, struct mf_text secret)
{
	const unsigned char *octets = (const unsigned char *)secret.p;
	unsigned char ipad[SHA_CBLOCK] = {0}, opad[SHA_CBLOCK];

	if (secret.len <= sizeof(ipad))
		memcpy(ipad, octets, secret.len);
	else if (is_sha256)
		SHA256(octets, secret.len, ipad);
	else
		SHA1(octets, secret.len, ipad);
	for (size_t i = 0; i < sizeof(ipad); i++) {
		opad[i] = ipad[i] ^ 0x5c;
		ipad[i] ^= 0x36;
	}
	digest_pads(key, is_sha256, ipad, opad);
	OPENSSL_cleanse(ipad, sizeof(ipad));
	OPENSSL_cleanse(opad, sizeof(opad));
}

enum srs_status
keyring_add_(struct keyring_ *ring, struct mf_text secret)
{
	struct key_ *keys;

	if (secret.len == 0 || secret.len > SRS_KEY_MAX ||
	    ring->count == SRS_KEYS_MAX)
		return SRS_BAD_PARAM;

	/* Not a realloc: it could leave a copy of the old keys behind. */
	keys = OPENSSL_secure_zalloc((ring->count + 1) * sizeof(*keys));
	if (keys == NULL)
		return SRS_NO_MEMORY;
	if (ring->count != 0)
		memcpy(keys, ring->keys, ring->count * sizeof(*keys));
	key_prepare(&keys[ring->count], ring->is_sha256, secret);

	unsigned count = ring->count + 1;
	keyring_clear_(ring);
	ring->keys = keys;
	ring->count = count;
	return SRS_OK;
}

void
keyring_clear_(struct keyring_ *ring)
{
	OPENSSL_secure_clear_free(
	    ring->keys, ring->count * sizeof(*ring->keys));
	ring->keys = NULL;
	ring->count = 0;
}

void
keyring_mac_(const struct keyring_ *ring, unsigned key, const void *message,
    size_t len, uint8_t mac[static KEY_MAC_SIZE])
{
	uint8_t inner[KEY_MAC_SIZE];

	sha1_finish(&ring->keys[key].inner.sha1, message, len, inner);
	sha1_finish(&ring->keys[key].outer.sha1, inner, sizeof(inner), mac);
}

/* Once for a recipient, not for every sender: as OpenSSL has it. */
static void
sha256_finish(const SHA256_CTX *begun, const void *message, size_t len,
    uint8_t mac[static KEY_MAC256_SIZE])
{
	SHA256_CTX state = *begun;

	SHA256_Update(&state, message, len);
	SHA256_Final(mac, &state);
}

void
keyring_mac256_(const struct keyring_ *ring, unsigned key, const void *message,
    size_t len, uint8_t mac[static KEY_MAC256_SIZE])
{
	uint8_t inner[KEY_MAC256_SIZE];

	sha256_finish(&ring->keys[key].inner.sha256, message, len, inner);
	sha256_finish(&ring->keys[key].outer.sha256, inner, sizeof(inner), mac);
}

bool
key_equal_(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

void
key_wipe_(void *p, size_t len)
{
	OPENSSL_cleanse(p, len);
}

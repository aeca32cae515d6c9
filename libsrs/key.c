/* SPDX-License-Identifier: ISC */
/*
 * HMAC-SHA1 (RFC 2104) with the key schedule kept.
 *
 * The low-level SHA1_*() of OpenSSL are used although OpenSSL 3 calls them
 * deprecated: their state is a plain struct, so that the digest of the inner
 * and of the outer pad is computed once for a key and copied for each message.
 * EVP_MAC can't be shared between threads and costs three times as much, even
 * with its key kept.  SHA-1 is what the address formats prescribe; as an HMAC
 * it is unbroken.
 *
 * Keys are in OpenSSL's secure heap if the program has set one up; else that is
 * ordinary memory, and wiped likewise.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "libsrs/key_.h"

#include <endian.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

struct key_ {
	SHA_CTX inner; /* after key XOR ipad: one block in */
	SHA_CTX outer; /* after key XOR opad */
};

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
key_prepare(struct key_ *key, struct mf_text secret)
{
	unsigned char block[SHA_CBLOCK] = {0};
	unsigned char pad[SHA_CBLOCK];

	if (secret.len > sizeof(block))
		SHA1((const unsigned char *)secret.p, secret.len, block);
	else
		memcpy(block, secret.p, secret.len);

	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] = block[i] ^ 0x36;
	SHA1_Init(&key->inner);
	SHA1_Update(&key->inner, pad, sizeof(pad));

	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] = block[i] ^ 0x5c;
	SHA1_Init(&key->outer);
	SHA1_Update(&key->outer, pad, sizeof(pad));

	OPENSSL_cleanse(block, sizeof(block));
	OPENSSL_cleanse(pad, sizeof(pad));
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
	key_prepare(&keys[ring->count], secret);

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

	sha1_finish(&ring->keys[key].inner, message, len, inner);
	sha1_finish(&ring->keys[key].outer, inner, sizeof(inner), mac);
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

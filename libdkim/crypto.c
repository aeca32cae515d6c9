/* SPDX-License-Identifier: ISC */
/*
 * All that is asked of OpenSSL: SHA-256, and signatures by RSA (RFC 8017 8.2)
 * and Ed25519 (RFC 8463).  Its queue of errors is left as it was.
 */
#include "libdkim/dkim_.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/*
 * Larger exponents cost as much as signing, ten thousand times what everybody's
 * 65537 does.
 */
#define RSA_EXPONENT_BITS_MAX 64

#define ED25519_KEY_SIZE 32
#define ED25519_BITS     256

/* --- SHA-256 --- */

static EVP_MD_CTX *
context_of(struct digest_ *digest)
{
	return (EVP_MD_CTX *)digest;
}

struct digest_ *
digest_new_(void)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	if (context == NULL ||
	    EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1)
		return (struct digest_ *)context;
	EVP_MD_CTX_free(context);
	return NULL;
}

void
digest_free_(struct digest_ *digest)
{
	EVP_MD_CTX_free(context_of(digest));
}

bool
digest_add_(struct digest_ *digest, struct mf_text text)
{
	return EVP_DigestUpdate(context_of(digest), text.p, text.len) == 1;
}

bool
digest_end_(struct digest_ *digest, uint8_t out[static DKIM_HASH_SIZE])
{
	return EVP_DigestFinal_ex(context_of(digest), out, NULL) == 1;
}

/* --- keys --- */

/* RFC 6376's own example is PKCS#1, everybody else's an SPKI. */
static EVP_PKEY *
parse_rsa(struct mf_text octets)
{
	const unsigned char *p = (const unsigned char *)octets.p;
	const unsigned char *end = p + octets.len;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)octets.len);

	if (key == NULL) {
		p = (const unsigned char *)octets.p;
		key = d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)octets.len);
	}
	if (key != NULL &&
	    (p != end || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA)) {
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

static bool
has_small_exponent(const EVP_PKEY *key)
{
	BIGNUM *e = NULL;
	bool small =
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
	    BN_num_bits(e) <= RSA_EXPONENT_BITS_MAX;

	BN_free(e);
	return small;
}

/* Whether what failed did so for want of memory. */
static enum crypto_
failure(enum crypto_ otherwise)
{
	for (unsigned long e; (e = ERR_get_error()) != 0;)
		if (ERR_GET_REASON(e) == ERR_R_MALLOC_FAILURE)
			otherwise = CRYPTO_NO_MEMORY_;
	return otherwise;
}

/* --- signatures --- */

static enum crypto_
verify_rsa(EVP_PKEY *key, const uint8_t *hash, struct mf_text signature)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
	enum crypto_ result = CRYPTO_NO_MEMORY_;

	if (context != NULL && EVP_PKEY_verify_init(context) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1)
		result =
		    EVP_PKEY_verify(context, (const unsigned char *)signature.p,
			signature.len, hash, DKIM_HASH_SIZE) == 1
		    ? CRYPTO_VALID_
		    : failure(CRYPTO_INVALID_);
	EVP_PKEY_CTX_free(context);
	return result;
}

static enum crypto_
check_rsa(struct mf_text octets, const uint8_t *hash, struct mf_text signature,
    unsigned *bits)
{
	EVP_PKEY *key = parse_rsa(octets);
	enum crypto_ result;

	if (key == NULL)
		return failure(CRYPTO_BAD_KEY_);
	*bits = (unsigned)EVP_PKEY_get_bits(key);
	if (*bits < DKIM_RSA_BITS_MIN)
		result = CRYPTO_KEY_SHORT_;
	else if (*bits > DKIM_RSA_BITS_MAX)
		result = CRYPTO_KEY_LONG_;
	else if (!has_small_exponent(key))
		result = failure(CRYPTO_BAD_KEY_);
	else
		result = verify_rsa(key, hash, signature);
	EVP_PKEY_free(key);
	return result;
}

/* What is signed is the hash (RFC 8463 3). */
static enum crypto_
verify_ed25519(EVP_PKEY *key, const uint8_t *hash, struct mf_text signature)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	enum crypto_ result = CRYPTO_NO_MEMORY_;

	if (context != NULL &&
	    EVP_DigestVerifyInit(context, NULL, NULL, NULL, key) == 1)
		result = EVP_DigestVerify(context,
			     (const unsigned char *)signature.p, signature.len,
			     hash, DKIM_HASH_SIZE) == 1
		    ? CRYPTO_VALID_
		    : failure(CRYPTO_INVALID_);
	EVP_MD_CTX_free(context);
	return result;
}

static enum crypto_
check_ed25519(struct mf_text octets, const uint8_t *hash,
    struct mf_text signature, unsigned *bits)
{
	EVP_PKEY *key;
	enum crypto_ result;

	if (octets.len != ED25519_KEY_SIZE)
		return CRYPTO_BAD_KEY_;
	key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL,
	    (const unsigned char *)octets.p, octets.len);
	if (key == NULL)
		return failure(CRYPTO_BAD_KEY_);
	*bits = ED25519_BITS;
	result = verify_ed25519(key, hash, signature);
	EVP_PKEY_free(key);
	return result;
}

enum crypto_
crypto_verify_(enum dkim_algorithm algorithm, struct mf_text key,
    const uint8_t hash[static DKIM_HASH_SIZE], struct mf_text signature,
    unsigned *bits)
{
	enum crypto_ result = CRYPTO_BAD_KEY_;

	ERR_set_mark();
	switch (algorithm) {
	case DKIM_RSA_SHA256:
		result = check_rsa(key, hash, signature, bits);
		break;
	case DKIM_ED25519_SHA256:
		result = check_ed25519(key, hash, signature, bits);
		break;
	case DKIM_RSA_SHA1:
	case DKIM_UNKNOWN_ALGORITHM:
		break;
	}
	ERR_pop_to_mark();
	return result;
}

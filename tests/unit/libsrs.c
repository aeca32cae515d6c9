/* SPDX-License-Identifier: ISC */
/*
 * libsrs, beyond the vectors: keys, limits, every status, timestamps, hashes,
 * odd addresses, chains, SES windows, random round trips, lack of memory.
 *
 * Addresses that libsrs itself wouldn't write are forged here with OpenSSL's
 * one-shot HMAC and big numbers, so that what is tested isn't also the judge.
 *
 * Linked with -Wl,--wrap=malloc,--wrap=calloc,--wrap=free, for the memory
 * tests at the end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "common/text.h"
#include "libsrs/key_.h"
#include <mailfrom/rrs.h>
#include <mailfrom/ses.h>

#define DAY  86400
#define NOW  UINT64_C(1700000000) /* day 19675, stamp G3 */
#define ROOM 4096                 /* octets of a test's own addresses */

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
static const char base38[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

/* --- helpers --- */

/* A NUL-terminated text of the test's own. */
struct line {
	size_t len;
	char text[ROOM];
};

__attribute__((format(printf, 2, 3))) static struct mf_text
line_set(struct line *line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	line->len =
	    (size_t)vsnprintf(line->text, sizeof(line->text), format, args);
	va_end(args);
	assert_true(line->len < sizeof(line->text));
	return mf_text_at(line->text, line->len);
}

/* n times c. */
static const char *
fill(char *to, char c, size_t n)
{
	memset(to, c, n);
	to[n] = '\0';
	return to;
}

static struct mf_text
addr_text(const struct srs_addr *addr)
{
	return mf_text_at(addr->text, addr->len);
}

static struct srs_ctx *
srs_ctx_with(struct srs_params params, const char *const *keys, size_t count)
{
	struct srs_ctx *ctx = NULL;

	assert_int_equal(srs_ctx_new(&params, &ctx), SRS_OK);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(
		    srs_ctx_add_key(ctx, mf_text_of(keys[i])), SRS_OK);
	return ctx;
}

static struct srs_ctx *
srs_ctx_default(void)
{
	return srs_ctx_with(
	    SRS_PARAMS_DEFAULT, (const char *const[]){"secret"}, 1);
}

static struct ses_ctx *
ses_ctx_with(struct ses_params params, const char *const *keys, size_t count)
{
	struct ses_ctx *ctx = NULL;

	assert_int_equal(ses_ctx_new(&params, &ctx), SRS_OK);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(
		    ses_ctx_add_key(ctx, mf_text_of(keys[i])), SRS_OK);
	return ctx;
}

static struct ses_ctx *
ses_ctx_default(void)
{
	return ses_ctx_with(
	    SES_PARAMS_DEFAULT, (const char *const[]){"secret"}, 1);
}

/* Status and address, which is "" with any status but SRS_OK. */
static void
expect(const char *what, struct mf_text input, enum srs_status status,
    const struct srs_addr *out, enum srs_status want, struct mf_text want_addr)
{
	bool well = status == want && out->len <= SRS_ADDR_MAX &&
	    out->text[out->len] == '\0' &&
	    mf_text_eq(
		addr_text(out), want == SRS_OK ? want_addr : MF_TEXT(""));

	if (well)
		return;
	fail_msg("%s(%.*s): want %d %.*s (%s), have %d %s (%s)", what,
	    (int)input.len, input.p, (int)want, (int)want_addr.len, want_addr.p,
	    srs_status_text(want), (int)status, out->text,
	    srs_status_text(status));
}

static void
expect_encode(const struct srs_ctx *ctx, struct mf_text sender,
    struct mf_text domain, uint64_t now_sec, enum srs_status want,
    struct mf_text want_addr)
{
	struct srs_addr out;

	memset(&out, 'x', sizeof(out));
	expect("encode", sender, srs_encode(ctx, sender, domain, now_sec, &out),
	    &out, want, want_addr);
}

static void
expect_sign(const struct srs_ctx *ctx, struct mf_text sender, uint64_t now_sec,
    enum srs_status want, struct mf_text want_addr)
{
	struct srs_addr out;

	memset(&out, 'x', sizeof(out));
	expect("sign", sender, srs_sign(ctx, sender, now_sec, &out), &out, want,
	    want_addr);
}

static void
expect_decode(const struct srs_ctx *ctx, struct mf_text address,
    uint64_t now_sec, enum srs_status want, struct mf_text want_addr)
{
	struct srs_addr out;
	struct srs_info info;
	enum srs_status status;

	memset(&out, 'x', sizeof(out));
	status = srs_decode(ctx, address, now_sec, &out, NULL);
	expect("decode", address, status, &out, want, want_addr);
	memset(&out, 'y', sizeof(out));
	memset(&info, 0xff, sizeof(info));
	status = srs_decode(ctx, address, now_sec, &out, &info);
	expect("decode+info", address, status, &out, want, want_addr);
}

static void
expect_verify(const struct ses_ctx *ctx, struct mf_text address,
    uint64_t now_sec, enum srs_status want, struct mf_text want_addr)
{
	struct srs_addr out;
	struct ses_info info;
	enum srs_status status;

	memset(&out, 'x', sizeof(out));
	status = ses_verify(ctx, address, now_sec, &out, NULL);
	expect("verify", address, status, &out, want, want_addr);
	memset(&out, 'y', sizeof(out));
	status = ses_verify(ctx, address, now_sec, &out, &info);
	expect("verify+info", address, status, &out, want, want_addr);
}

/* --- forging, by OpenSSL --- */

/* The whole hash of a text that is folded here, as 27 characters of base64. */
static void
forge_hash(const char *key, const char *message, char hash[static 29])
{
	unsigned char mac[EVP_MAX_MD_SIZE], folded[ROOM];
	unsigned mac_len = 0;
	size_t len = 0;

	for (; message[len] != '\0'; len++) {
		char c = message[len];

		folded[len] =
		    (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	assert_non_null(HMAC(
	    EVP_sha1(), key, (int)strlen(key), folded, len, mac, &mac_len));
	assert_int_equal(mac_len, KEY_MAC_SIZE);
	EVP_EncodeBlock((unsigned char *)hash, mac, (int)mac_len);
}

/* An SRS0 address as any holder of the key could make it. */
static struct mf_text
forge_srs0(struct line *out, const char *key, int hash_length,
    const char *stamp, const char *host, const char *user)
{
	struct line message;
	char hash[29];

	line_set(&message, "%s%s%s", stamp, host, user);
	forge_hash(key, message.text, hash);
	return line_set(out, "SRS0=%.*s=%s=%s=%s@f.example", hash_length, hash,
	    stamp, host, user);
}

static struct mf_text
forge_srs1(
    struct line *out, const char *key, const char *host1, const char *rest)
{
	struct line message;
	char hash[29];

	line_set(&message, "%s%s", host1, rest);
	forge_hash(key, message.text, hash);
	return line_set(out, "SRS1=%.6s=%s=%s@f.example", hash, host1, rest);
}

/* What goes into an SES signature. */
struct ses_parts {
	const char *key, *local, *domain;
	uint64_t id, time_code, time_field;
	unsigned time_bits, hash_bits;
	int flip; /* this bit of the number, if not negative */
};

static void
bn_push(BIGNUM *n, uint64_t value, unsigned bits)
{
	for (unsigned i = bits; i-- > 0;) {
		assert_true(BN_lshift1(n, n));
		assert_true(BN_add_word(n, value >> i & 1));
	}
}

static struct mf_text
forge_ses(struct line *out, const struct ses_parts *p)
{
	unsigned char message[ROOM] = {0}, mac[EVP_MAX_MD_SIZE];
	char digits[80] = "", *at = digits + sizeof(digits) - 1;
	size_t len = 16;
	BIGNUM *n = BN_new();

	for (unsigned i = 0; i < 8; i++) {
		message[7 - i] = (unsigned char)(p->time_code >> 8 * i);
		message[15 - i] = (unsigned char)(p->id >> 8 * i);
	}
	for (const char *s = p->local; *s != '\0'; s++)
		message[len++] = (unsigned char)*s;
	message[len++] = '@';
	for (const char *s = p->domain; *s != '\0'; s++)
		message[len++] = (unsigned char)ascii_lower(*s);
	HMAC(EVP_sha1(), p->key, (int)strlen(p->key), message, len, mac, NULL);
	bn_push(n, p->id, 64);
	bn_push(n, p->time_field, p->time_bits);
	for (unsigned i = 0; i < p->hash_bits; i++)
		bn_push(n, (uint64_t)mac[i / 8] >> (7 - i % 8) & 1, 1);
	if (p->flip >= 0 && BN_is_bit_set(n, p->flip))
		BN_clear_bit(n, p->flip);
	else if (p->flip >= 0)
		BN_set_bit(n, p->flip);
	do
		*--at = base38[BN_div_word(n, 38)];
	while (!BN_is_zero(n));
	BN_free(n);
	return line_set(out, "SES=%s=%s@%s", at, p->local, p->domain);
}

/* --- keys --- */

static void
hmac_rfc2202(void **state)
{
	static const struct {
		char key_char;
		size_t key_len;
		const char *key, *data;
		char data_char;
		size_t data_len;
		const char *mac;
	} rows[] = {
	    {0x0b, 20, NULL, "Hi There", 0, 8,
		"b617318655057264e28bc0b6fb378c8ef146be00"},
	    {0, 4, "Jefe", "what do ya want for nothing?", 0, 28,
		"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
	    {(char)0xaa, 20, NULL, NULL, (char)0xdd, 50,
		"125d7342b9ac11cd91a39af48aa17b4f63f175d3"},
	    {0, 25,
		"\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\21\22\23\24\25"
		"\26\27\30\31",
		NULL, (char)0xcd, 50,
		"4c9007f4026250c6bc8414f9bf50c86c2d7235da"},
	    {0x0c, 20, NULL, "Test With Truncation", 0, 20,
		"4c1a03424b55e07fe7f27be1d58bb9324a9a5a04"},
	    {(char)0xaa, 80, NULL,
		"Test Using Larger Than Block-Size Key - Hash Key First", 0, 54,
		"aa4ae5e15272d00e95705637ce8a3b55ed402112"},
	    {(char)0xaa, 80, NULL,
		"Test Using Larger Than Block-Size Key and Larger Than One "
		"Block-Size Data",
		0, 73, "e8e99d0f45237d786d6bbaa7965c7808bbff1a91"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char key[100], data[100], hex[2 * KEY_MAC_SIZE + 1];
		uint8_t mac[KEY_MAC_SIZE];
		struct keyring_ ring = {0};

		memset(key, rows[i].key_char, sizeof(key));
		if (rows[i].key != NULL)
			memcpy(key, rows[i].key, rows[i].key_len);
		memset(data, rows[i].data_char, sizeof(data));
		if (rows[i].data != NULL)
			memcpy(data, rows[i].data, rows[i].data_len);
		assert_int_equal(
		    keyring_add_(&ring, mf_text_at(key, rows[i].key_len)),
		    SRS_OK);
		keyring_mac_(&ring, 0, data, rows[i].data_len, mac);
		for (size_t j = 0; j < KEY_MAC_SIZE; j++)
			snprintf(hex + 2 * j, 3, "%02x", mac[j]);
		assert_string_equal(hex, rows[i].mac);
		keyring_clear_(&ring);
	}
}

/* Every way to end in a block, by keys on both sides of a block's size. */
static void
hmac_all_lengths(void **state)
{
	static const size_t key_lens[] = {
	    1, 2, 20, 55, 56, 63, 64, 65, 66, 127, 128, 129, SRS_KEY_MAX};
	static char key[SRS_KEY_MAX], data[1200];

	(void)state;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (char)(i * 7 + 1);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 11 + 3);
	for (size_t k = 0; k < COUNT(key_lens); k++) {
		struct keyring_ ring = {0};

		assert_int_equal(
		    keyring_add_(&ring, mf_text_at(key, key_lens[k])), SRS_OK);
		for (size_t len = 0; len <= 1100; len += len < 300 ? 1 : 53) {
			uint8_t have[KEY_MAC_SIZE], want[KEY_MAC_SIZE];
			const char *from = data + len % 3;

			keyring_mac_(&ring, 0, from, len, have);
			HMAC(EVP_sha1(), key, (int)key_lens[k],
			    (const unsigned char *)from, len, want, NULL);
			assert_memory_equal(have, want, KEY_MAC_SIZE);
		}
		keyring_clear_(&ring);
		assert_int_equal(ring.count, 0);
	}
}

static void
key_comparison(void **state)
{
	char a[40], b[40];

	(void)state;
	memset(a, 'k', sizeof(a));
	for (size_t len = 1; len <= sizeof(a); len++)
		for (size_t at = 0; at < sizeof(a); at++)
			for (unsigned bit = 0; bit < 8; bit++) {
				memcpy(b, a, sizeof(b));
				b[at] ^= (char)(1 << bit);
				assert_int_equal(
				    key_equal_(a, b, len), at >= len);
			}
	key_wipe_(a, 39);
	for (size_t i = 0; i < 39; i++)
		assert_int_equal(a[i], 0);
	assert_int_equal(a[39], 'k');
}

static void
key_limits(void **state)
{
	static char big[SRS_KEY_MAX + 1];
	struct srs_ctx *srs = srs_ctx_with(SRS_PARAMS_DEFAULT, NULL, 0);
	struct ses_ctx *ses = ses_ctx_with(SES_PARAMS_DEFAULT, NULL, 0);

	(void)state;
	memset(big, 'k', sizeof(big));
	assert_int_equal(srs_ctx_add_key(srs, MF_TEXT("")), SRS_BAD_PARAM);
	assert_int_equal(ses_ctx_add_key(ses, MF_TEXT("")), SRS_BAD_PARAM);
	assert_int_equal(
	    srs_ctx_add_key(srs, mf_text_at(NULL, 0)), SRS_BAD_PARAM);
	assert_int_equal(
	    srs_ctx_add_key(srs, mf_text_at(big, sizeof(big))), SRS_BAD_PARAM);
	for (unsigned i = 0; i < SRS_KEYS_MAX; i++) {
		assert_int_equal(
		    srs_ctx_add_key(srs, mf_text_at(big, SRS_KEY_MAX - i)),
		    SRS_OK);
		assert_int_equal(ses_ctx_add_key(ses, MF_TEXT("k")), SRS_OK);
	}
	assert_int_equal(srs_ctx_add_key(srs, MF_TEXT("k")), SRS_BAD_PARAM);
	assert_int_equal(ses_ctx_add_key(ses, MF_TEXT("k")), SRS_BAD_PARAM);

	/* The 64th is found, and the first signs. */
	struct srs_ctx *one = srs_ctx_with(SRS_PARAMS_DEFAULT, NULL, 0);
	struct srs_addr out;
	struct srs_info info;

	assert_int_equal(
	    srs_ctx_add_key(one, mf_text_at(big, SRS_KEY_MAX - 63)), SRS_OK);
	assert_int_equal(
	    srs_encode(one, MF_TEXT("a@b.c"), MF_TEXT("f.example"), NOW, &out),
	    SRS_OK);
	struct srs_addr again;
	assert_int_equal(
	    srs_decode(srs, addr_text(&out), NOW, &again, &info), SRS_OK);
	assert_int_equal(info.key, 63);
	srs_ctx_free(one);
	srs_ctx_free(srs);
	ses_ctx_free(ses);
	srs_ctx_free(NULL);
	ses_ctx_free(NULL);
}

/* Keys are octets: NUL, line ends and letter case are part of them. */
static void
key_octets(void **state)
{
	static const struct mf_text keys[] = {MF_TEXT("k"), MF_TEXT("k\0"),
	    MF_TEXT("k\n"), MF_TEXT("K"), MF_TEXT(" k"), MF_TEXT("k\0x"),
	    MF_TEXT("\0"), MF_TEXT("\xff")};
	struct srs_addr out[COUNT(keys)], back;
	struct srs_ctx *ctx;

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++) {
		ctx = srs_ctx_with(SRS_PARAMS_DEFAULT, NULL, 0);
		assert_int_equal(srs_ctx_add_key(ctx, keys[i]), SRS_OK);
		assert_int_equal(srs_encode(ctx, MF_TEXT("a@b.c"),
				     MF_TEXT("f.e"), NOW, &out[i]),
		    SRS_OK);
		for (size_t j = 0; j <= i; j++)
			assert_int_equal(srs_decode(ctx, addr_text(&out[j]),
					     NOW, &back, NULL),
			    i == j || (i == 1 && j == 0) ? SRS_OK
							 : SRS_BAD_HASH);
		srs_ctx_free(ctx);
	}
}

static void
several_keys(void **state)
{
	static const char *const all[] = {"new", "older", "oldest", "older"};
	struct srs_ctx *ctx = srs_ctx_with(SRS_PARAMS_DEFAULT, all, 4);
	struct ses_ctx *ses = ses_ctx_with(SES_PARAMS_DEFAULT, all, 4);
	struct line line;
	struct srs_addr out;
	struct srs_info info;
	struct ses_info ses_info;

	(void)state;
	for (unsigned k = 0; k < 3; k++) {
		forge_srs0(&line, all[k], 6, "G3", "h.example", "u");
		assert_int_equal(
		    srs_decode(ctx, mf_text_of(line.text), NOW, &out, &info),
		    SRS_OK);
		assert_int_equal(info.key, k);
		struct ses_parts p = {.key = all[k],
		    .local = "u",
		    .domain = "h.example",
		    .id = 5,
		    .time_code = 78703,
		    .time_field = 78703 % 63,
		    .time_bits = 6,
		    .hash_bits = 80,
		    .flip = -1};
		forge_ses(&line, &p);
		assert_int_equal(ses_verify(ses, mf_text_of(line.text), NOW,
				     &out, &ses_info),
		    SRS_OK);
		assert_int_equal(ses_info.key, k);
		assert_int_equal(ses_info.message_id, 5);
	}
	/* The first one signs. */
	forge_srs0(&line, "new", 6, "G3", "h.example", "u");
	assert_int_equal(srs_encode(ctx, MF_TEXT("u@h.example"),
			     MF_TEXT("f.example"), NOW, &out),
	    SRS_OK);
	for (size_t i = 5; i < 11; i++) /* the alphabet may differ */
		assert_true(out.text[i] == line.text[i] ||
		    line.text[i] == '+' || line.text[i] == '/');
	srs_ctx_free(ctx);
	ses_ctx_free(ses);

	/* One that was taken away, or never was, verifies nothing. */
	ctx = srs_ctx_with(SRS_PARAMS_DEFAULT, all, 2);
	expect_decode(ctx, forge_srs0(&line, "oldest", 6, "G3", "h.e", "u"),
	    NOW, SRS_BAD_HASH, MF_TEXT(""));
	expect_decode(ctx, forge_srs0(&line, "older", 6, "G3", "h.e", "u"), NOW,
	    SRS_OK, MF_TEXT("u@h.e"));
	srs_ctx_free(ctx);
}

static void
params(void **state)
{
	static const struct {
		unsigned length, min, age, future;
		char separator;
		int alphabet;
		enum srs_status want;
	} srs[] = {
	    {6, 6, 21, 0, '=', 0, SRS_OK},
	    {1, 1, 0, 0, '+', 1, SRS_OK},
	    {27, 27, 500, 30, '-', 0, SRS_OK},
	    {27, 1, 21, 0, '=', 0, SRS_OK},
	    {28, 6, 21, 0, '=', 0, SRS_BAD_PARAM},
	    {0, 0, 21, 0, '=', 0, SRS_BAD_PARAM},
	    {6, 0, 21, 0, '=', 0, SRS_BAD_PARAM},
	    {6, 7, 21, 0, '=', 0, SRS_BAD_PARAM},
	    {6, 6, 501, 0, '=', 0, SRS_BAD_PARAM},
	    {6, 6, 21, 31, '=', 0, SRS_BAD_PARAM},
	    {6, 6, 21, 0, '_', 0, SRS_BAD_PARAM},
	    {6, 6, 21, 0, '\0', 0, SRS_BAD_PARAM},
	    {6, 6, 21, 0, '=', 2, SRS_BAD_PARAM},
	    {6, 6, UINT32_MAX, 0, '=', 0, SRS_BAD_PARAM},
	    {UINT32_MAX, 6, 21, 0, '=', 0, SRS_BAD_PARAM},
	};
	static const struct {
		unsigned hash, fraction, age;
		enum srs_status want;
	} ses[] = {
	    {80, 2, 10, SRS_OK},
	    {16, 0, 0, SRS_OK},
	    {160, 8, 500, SRS_OK},
	    {15, 2, 10, SRS_BAD_PARAM},
	    {161, 2, 10, SRS_BAD_PARAM},
	    {80, 9, 10, SRS_BAD_PARAM},
	    {80, 2, 501, SRS_BAD_PARAM},
	    {0, 2, 10, SRS_BAD_PARAM},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(srs); i++) {
		struct srs_params p = {srs[i].length, srs[i].min, srs[i].age,
		    srs[i].future, srs[i].separator,
		    (enum srs_alphabet)srs[i].alphabet, false};
		struct srs_ctx *ctx = (struct srs_ctx *)&p;

		assert_int_equal(srs_ctx_new(&p, &ctx), srs[i].want);
		assert_int_equal(ctx != NULL, srs[i].want == SRS_OK);
		srs_ctx_free(ctx);
	}
	for (size_t i = 0; i < COUNT(ses); i++) {
		struct ses_params p = {
		    ses[i].hash, ses[i].fraction, ses[i].age};
		struct ses_ctx *ctx = (struct ses_ctx *)&p;

		assert_int_equal(ses_ctx_new(&p, &ctx), ses[i].want);
		assert_int_equal(ctx != NULL, ses[i].want == SRS_OK);
		ses_ctx_free(ctx);
	}
}

static void
status_texts(void **state)
{
	(void)state;
	for (int i = SRS_OK; i <= SRS_BAD_FORWARDER; i++) {
		const char *text = srs_status_text((enum srs_status)i);

		assert_non_null(text);
		assert_true(text[0] >= 'a' && text[0] <= 'z');
		assert_true(text[strlen(text) - 1] != '.');
		for (int j = SRS_OK; j < i; j++)
			assert_string_not_equal(
			    text, srs_status_text((enum srs_status)j));
	}
	assert_string_equal(
	    srs_status_text((enum srs_status)999), "unknown status");
}

/* --- limits --- */

/* From 40 octets of user up, the local part grows by one each. */
static void
limits_of_encode(void **state)
{
	struct srs_ctx *ctx = srs_ctx_default();
	struct line sender, domain;
	char a[ROOM];
	struct srs_addr out;

	(void)state;
	/* SRS0=123456=TT=h.example=user: 25 octets and the user. */
	for (size_t user = 37; user <= 41; user++) {
		line_set(&sender, "%s@h.example", fill(a, 'u', user));
		enum srs_status status = srs_encode(ctx,
		    mf_text_of(sender.text), MF_TEXT("f.example"), NOW, &out);
		assert_int_equal(status, user <= 39 ? SRS_OK : SRS_NO_SPACE);
		assert_int_equal(text_find(addr_text(&out), '@'),
		    user <= 39 ? 25 + user : 0);
		assert_int_equal(out.len, user <= 39 ? 25 + user + 10 : 0);
		/* Two quotes more. */
		line_set(&sender, "\"%s\"@h.example", fill(a, 'u', user - 2));
		status = srs_encode(ctx, mf_text_of(sender.text),
		    MF_TEXT("f.example"), NOW, &out);
		assert_int_equal(status, user <= 39 ? SRS_OK : SRS_NO_SPACE);
		/* The form of sign() has no host. */
		line_set(&sender, "%s@h.example", fill(a, 'u', user + 9));
		status = srs_sign(ctx, mf_text_of(sender.text), NOW, &out);
		assert_int_equal(status, user <= 39 ? SRS_OK : SRS_NO_SPACE);
		/* SRS1=123456=f.example==... : 22 octets and the rest. */
		line_set(&sender, "SRS0=%s@f.example", fill(a, 'u', user + 2));
		status = srs_encode(ctx, mf_text_of(sender.text),
		    MF_TEXT("g.example"), NOW, &out);
		assert_int_equal(status, user <= 39 ? SRS_OK : SRS_NO_SPACE);
	}
	/* 25 + 9 octets of local part, "@", and the domain. */
	for (size_t total = SRS_ADDR_MAX - 2; total <= SRS_ADDR_MAX + 2;
	     total++) {
		line_set(&domain, "%s", fill(a, 'd', total - 35));
		enum srs_status status =
		    srs_encode(ctx, MF_TEXT("uuuuuuuuu@h.example"),
			mf_text_of(domain.text), NOW, &out);
		assert_int_equal(
		    status, total <= SRS_ADDR_MAX ? SRS_OK : SRS_NO_SPACE);
		assert_int_equal(out.len, total <= SRS_ADDR_MAX ? total : 0);
		/* An address that stays as it is has limits too. */
		line_set(&sender, "uu@%s", fill(a, 'd', total - 3));
		expect_encode(ctx, mf_text_of(sender.text),
		    mf_text_of(sender.text + 3), NOW,
		    total <= SRS_ADDR_MAX ? SRS_OK : SRS_NO_SPACE,
		    mf_text_of(sender.text));
	}
	for (size_t user = 63; user <= 65; user++) {
		line_set(&sender, "%s@f.example", fill(a, 'u', user));
		expect_encode(ctx, mf_text_of(sender.text),
		    MF_TEXT("f.example"), NOW,
		    user <= 64 ? SRS_OK : SRS_NO_SPACE,
		    mf_text_of(sender.text));
	}
	/* Far too long, in every place. */
	fill(a, 'x', 3000);
	expect_encode(ctx, MF_TEXT("u@h.example"), mf_text_of(a), NOW,
	    SRS_NO_SPACE, MF_TEXT(""));
	expect_encode(ctx, line_set(&sender, "u@%s", fill(a, 'x', 1022)),
	    MF_TEXT("f.example"), NOW, SRS_NO_SPACE, MF_TEXT(""));
	expect_encode(ctx, line_set(&sender, "u@%s", fill(a, 'x', 1023)),
	    MF_TEXT("f.example"), NOW, SRS_BAD_SYNTAX, MF_TEXT(""));
	srs_ctx_free(ctx);
}

static void
limits_of_decode(void **state)
{
	struct srs_ctx *ctx = srs_ctx_default();
	struct line given, want;
	char a[ROOM];

	(void)state;
	for (size_t n = 62; n <= 66; n++) {
		bool fits = n <= SRS_LOCAL_MAX;

		fill(a, 'u', n);
		forge_srs0(&given, "secret", 6, "G3", "h.example", a);
		line_set(&want, "%s@h.example", a);
		expect_decode(ctx, mf_text_of(given.text), NOW,
		    fits ? SRS_OK : SRS_NO_SPACE, mf_text_of(want.text));
		/* "SRS0" and the rest. */
		a[0] = '=';
		a[n - 4] = '\0';
		forge_srs1(&given, "secret", "h.example", a);
		line_set(&want, "SRS0%s@h.example", a);
		expect_decode(ctx, mf_text_of(given.text), NOW,
		    fits ? SRS_OK : SRS_NO_SPACE, mf_text_of(want.text));
	}
	for (size_t n = SRS_ADDR_MAX - 2; n <= SRS_ADDR_MAX + 2; n++) {
		bool fits = n <= SRS_ADDR_MAX;

		fill(a, 'd', n - 2);
		forge_srs0(&given, "secret", 6, "G3", a, "u");
		line_set(&want, "u@%s", a);
		expect_decode(ctx, mf_text_of(given.text), NOW,
		    fits ? SRS_OK : SRS_NO_SPACE, mf_text_of(want.text));
		fill(a, 'd', n - 10);
		forge_srs1(&given, "secret", a, "=rest");
		line_set(&want, "SRS0=rest@%s", a);
		expect_decode(ctx, mf_text_of(given.text), NOW,
		    fits ? SRS_OK : SRS_NO_SPACE, mf_text_of(want.text));
	}
	/*
	 * 32 octets around the user: the last that is looked at, and one more.
	 */
	fill(a, 'u', SRS_INPUT_MAX - 35);
	forge_srs0(&given, "secret", 6, "G3", "h.example", a);
	assert_int_equal(given.len, SRS_INPUT_MAX);
	expect_decode(
	    ctx, mf_text_of(given.text), NOW, SRS_NO_SPACE, MF_TEXT(""));
	fill(a, 'u', SRS_INPUT_MAX - 34);
	forge_srs0(&given, "secret", 6, "G3", "h.example", a);
	expect_decode(
	    ctx, mf_text_of(given.text), NOW, SRS_BAD_SYNTAX, MF_TEXT(""));
	srs_ctx_free(ctx);
}

static void
limits_of_ses(void **state)
{
	struct ses_ctx *ctx = ses_ctx_default();
	struct line given, want;
	char a[ROOM];
	struct srs_addr out;
	struct ses_parts p = {.key = "secret",
	    .domain = "h.example",
	    .id = 1,
	    .time_code = 78703,
	    .time_field = 78703 % 63,
	    .time_bits = 6,
	    .hash_bits = 80,
	    .flip = -1};

	(void)state;
	for (size_t n = 62; n <= 66; n++) {
		/* The signature's length isn't fixed. */
		fill(a, 'u', n - 22);
		line_set(&given, "%s@h.example", a);
		ses_sign(ctx, mf_text_of(given.text), 1, NOW, &out);
		p.local = a;
		forge_ses(&want, &p);
		size_t local = text_find(mf_text_of(want.text), '@');
		assert_in_range(local, n - 1, n);
		assert_int_equal(out.len, local <= 64 ? want.len : 0);
		/* Back. */
		fill(a, 'u', n);
		forge_ses(&given, &p);
		line_set(&want, "%s@h.example", a);
		expect_verify(ctx, mf_text_of(given.text), NOW,
		    n <= 64 ? SRS_OK : SRS_NO_SPACE, mf_text_of(want.text));
	}
	p.local = "u";
	p.domain = a;
	for (size_t n = SRS_ADDR_MAX - 2; n <= SRS_ADDR_MAX + 2; n++) {
		fill(a, 'd', n - 2);
		forge_ses(&given, &p);
		line_set(&want, "u@%s", a);
		expect_verify(ctx, mf_text_of(given.text), NOW,
		    n <= SRS_ADDR_MAX ? SRS_OK : SRS_NO_SPACE,
		    mf_text_of(want.text));
		fill(a, 'd', n - 24);
		forge_ses(&want, &p);
		line_set(&given, "u@%s", a);
		expect("ses_sign", mf_text_of(given.text),
		    ses_sign(ctx, mf_text_of(given.text), 1, NOW, &out), &out,
		    want.len <= SRS_ADDR_MAX ? SRS_OK : SRS_NO_SPACE,
		    mf_text_of(want.text));
	}
	fill(a, 'd', SRS_INPUT_MAX - 24);
	forge_ses(&given, &p);
	a[SRS_INPUT_MAX - 24 - (given.len - SRS_INPUT_MAX)] = '\0';
	forge_ses(&given, &p);
	assert_in_range(given.len, SRS_INPUT_MAX - 1, SRS_INPUT_MAX);
	expect_verify(
	    ctx, mf_text_of(given.text), NOW, SRS_NO_SPACE, MF_TEXT(""));
	fill(a, 'd', SRS_INPUT_MAX);
	expect_verify(
	    ctx, forge_ses(&given, &p), NOW, SRS_NOT_SRS, MF_TEXT(""));
	ses_ctx_free(ctx);
}

/* --- statuses --- */

enum op { ENCODE, SIGN, DECODE, SES_SIGN, SES_VERIFY };

/* What "secret" makes of u@h.example at NOW, six characters. */
#define GOOD_HASH "+FNGpZ"

static void
statuses(void **state)
{
	static const struct {
		enum op op;
		const char *input;
		enum srs_status want;
	} rows[] = {
	    {ENCODE, "", SRS_NULL_SENDER},
	    {ENCODE, "<>", SRS_NULL_SENDER},
	    {ENCODE, "<>@h.example", SRS_BAD_SYNTAX},
	    {ENCODE, "u", SRS_BAD_SYNTAX},
	    {ENCODE, "u@", SRS_BAD_SYNTAX},
	    {ENCODE, "@", SRS_BAD_SYNTAX},
	    {ENCODE, "u@h=x", SRS_BAD_SYNTAX},
	    {ENCODE, "u@\"h\"", SRS_BAD_SYNTAX},
	    {ENCODE, "u@h>", SRS_BAD_SYNTAX},
	    {ENCODE, "<u@h.example", SRS_BAD_SYNTAX},
	    {ENCODE, "u>@h.example", SRS_BAD_SYNTAX},
	    {ENCODE, "u\r\n@h.example", SRS_BAD_SYNTAX},
	    {ENCODE, "u\x7f@h.example", SRS_BAD_SYNTAX},
	    {ENCODE, "\"a\"b\"@h.example", SRS_BAD_SYNTAX},
	    {ENCODE, "\"a\\\"@h.example", SRS_BAD_SYNTAX},
	    {ENCODE, "\"a\\\\\\\"@h.example", SRS_BAD_SYNTAX},
	    {ENCODE, "SRS1=x@h.example", SRS_BAD_SYNTAX},
	    {ENCODE, "SRS1=x=h@h.example", SRS_BAD_SYNTAX},
	    {ENCODE, "SRS1=x==y@h.example", SRS_BAD_SYNTAX},
	    {ENCODE, "SRS1=x=a\"b=y@h.example", SRS_BAD_SYNTAX},
	    {ENCODE, "SRS1=x=a@b=y@h.example", SRS_BAD_SYNTAX},
	    {ENCODE, "SRS1=x=a@=y@h.example", SRS_BAD_SYNTAX},
	    {SIGN, "", SRS_NULL_SENDER},
	    {SIGN, "<>", SRS_NULL_SENDER},
	    {SIGN, "u", SRS_BAD_SYNTAX},
	    {SIGN, "u@", SRS_BAD_SYNTAX},
	    {SIGN, "u@<h", SRS_BAD_SYNTAX},
	    {SIGN, "SRS1=x@h.example", SRS_BAD_SYNTAX},
	    {DECODE, "", SRS_NOT_SRS},
	    {DECODE, "<>", SRS_NOT_SRS},
	    {DECODE, "u", SRS_NOT_SRS},
	    {DECODE, "SRS0=" GOOD_HASH "=G3=h.example=u", SRS_NOT_SRS},
	    {DECODE, "u@h.example", SRS_NOT_SRS},
	    {DECODE, "SRS0@h.example", SRS_NOT_SRS},
	    {DECODE, "SRS2=a=b=c=d@h.example", SRS_NOT_SRS},
	    {DECODE, "SRS0_a=b=c=d@h.example", SRS_NOT_SRS},
	    {DECODE, "XSRS0=a=b=c=d@h.example", SRS_NOT_SRS},
	    {DECODE, "SRS=a=b=c=d@h.example", SRS_NOT_SRS},
	    {DECODE, "\"SRS0\"=a=b=c=d@h.example", SRS_NOT_SRS},
	    {DECODE, "SRS0=@", SRS_BAD_SYNTAX},
	    {DECODE, "SRS0=@h.example", SRS_BAD_SYNTAX},
	    {DECODE, "SRS0=" GOOD_HASH "@h.example", SRS_BAD_SYNTAX},
	    {DECODE, "SRS0=" GOOD_HASH "=G3@h.example", SRS_BAD_SYNTAX},
	    {DECODE, "SRS0=" GOOD_HASH "=G3=h.example@x", SRS_BAD_SYNTAX},
	    {DECODE, "SRS0=" GOOD_HASH "=G3=h.example=u@", SRS_BAD_SYNTAX},
	    {DECODE, "<SRS0=" GOOD_HASH "=G3=h.example=u@x>", SRS_BAD_SYNTAX},
	    {DECODE, "SRS0=" GOOD_HASH "=G3=h.example=u@x>", SRS_BAD_SYNTAX},
	    {DECODE, "SRS0=" GOOD_HASH "=G3=h.example=u@x\n", SRS_BAD_SYNTAX},
	    {DECODE, "SRS1=@h.example", SRS_BAD_SYNTAX},
	    {DECODE, "SRS1=" GOOD_HASH "@h.example", SRS_BAD_SYNTAX},
	    {DECODE, "SRS1=" GOOD_HASH "=h.example@x", SRS_BAD_SYNTAX},
	    {DECODE, "SRS0=" GOOD_HASH "=G3=h.example=u@x", SRS_OK},
	    {DECODE, "SRS0+" GOOD_HASH "=G3=h.example=u@x", SRS_OK},
	    {DECODE, "sRs0-" GOOD_HASH "=g3=H.EXAMPLE=U@x", SRS_OK},
	    {DECODE, "\"SRS0=" GOOD_HASH "=G3=h.example=u\"@x", SRS_OK},
	    {DECODE, "SRS0=+FNGpY=G3=h.example=u@x", SRS_BAD_HASH},
	    /* The format signs no delimiters. */
	    {DECODE, "SRS0=" GOOD_HASH "=G3=h.exampl=eu@x", SRS_OK},
	    {DECODE, "SRS0=" GOOD_HASH "=G3=i.example=u@x", SRS_BAD_HASH},
	    {DECODE, "SRS0=" GOOD_HASH "=G3=h.example=v@x", SRS_BAD_HASH},
	    {DECODE, "SRS0=" GOOD_HASH "=G4=h.example=u@x", SRS_BAD_HASH},
	    {DECODE, "SRS0=" GOOD_HASH "=G2=h.example=u@x", SRS_BAD_HASH},
	    {DECODE, "SRS0==G3=h.example=u@x", SRS_SHORT_HASH},
	    {DECODE, "SRS0=+FNGp=G3=h.example=u@x", SRS_SHORT_HASH},
	    {DECODE, "SRS0=" GOOD_HASH "=G=3h.example=u@x", SRS_BAD_TIMESTAMP},
	    {DECODE, "SRS0=" GOOD_HASH "==G3h.example=u@x", SRS_BAD_TIMESTAMP},
	    {DECODE, "SRS0=" GOOD_HASH "=G3h=.example=u@x", SRS_BAD_TIMESTAMP},
	    {SES_SIGN, "", SRS_NULL_SENDER},
	    {SES_SIGN, "<>", SRS_NULL_SENDER},
	    {SES_SIGN, "u", SRS_BAD_SYNTAX},
	    {SES_SIGN, "u@", SRS_BAD_SYNTAX},
	    {SES_SIGN, "u<@h.example", SRS_BAD_SYNTAX},
	    {SES_VERIFY, "", SRS_NOT_SRS},
	    {SES_VERIFY, "u@h.example", SRS_NOT_SRS},
	    {SES_VERIFY, "SES=@h.example", SRS_NOT_SRS},
	    {SES_VERIFY, "SES+A=u@h.example", SRS_NOT_SRS},
	    {SES_VERIFY, "SES=A=u", SRS_NOT_SRS},
	    {SES_VERIFY, "SES=A@h.example", SRS_BAD_SYNTAX},
	    {SES_VERIFY, "SES==u@h.example", SRS_BAD_HASH},
	    {SES_VERIFY, "SES=A=u@h.example", SRS_BAD_HASH},
	    {SES_VERIFY, "SES=*=u@h.example", SRS_BAD_HASH},
	    {SES_VERIFY, "SES= =u@h.example", SRS_BAD_HASH},
	};
	struct srs_ctx *ctx = srs_ctx_default();
	struct ses_ctx *ses = ses_ctx_default();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mf_text in = mf_text_of(rows[i].input);
		enum srs_status status = SRS_NO_MEMORY;
		struct srs_addr out = {.len = 7, .text = "garbage"};

		switch (rows[i].op) {
		case ENCODE:
			status = srs_encode(
			    ctx, in, MF_TEXT("f.example"), NOW, &out);
			break;
		case SIGN:
			status = srs_sign(ctx, in, NOW, &out);
			break;
		case DECODE:
			status = srs_decode(ctx, in, NOW, &out, NULL);
			break;
		case SES_SIGN:
			status = ses_sign(ses, in, 1, NOW, &out);
			if (status != rows[i].want)
				break;
			status = ses_sign_fixed(ses, in, 1, &out);
			break;
		case SES_VERIFY:
			status = ses_verify(ses, in, NOW, &out, NULL);
			break;
		}
		expect("row", in, status, &out, rows[i].want,
		    rows[i].want == SRS_OK ? addr_text(&out) : MF_TEXT(""));
	}
	srs_ctx_free(ctx);
	ses_ctx_free(ses);
}

static void
statuses_of_the_context(void **state)
{
	struct srs_ctx *none = srs_ctx_with(SRS_PARAMS_DEFAULT, NULL, 0);
	struct ses_ctx *no_ses = ses_ctx_with(SES_PARAMS_DEFAULT, NULL, 0);
	struct srs_ctx *ctx = srs_ctx_default();
	struct srs_addr out;
	struct mf_text u = MF_TEXT("u@h.example");

	(void)state;
	expect_encode(none, u, MF_TEXT("f.e"), NOW, SRS_NO_KEY, MF_TEXT(""));
	expect_sign(none, u, NOW, SRS_NO_KEY, MF_TEXT(""));
	expect_decode(none, MF_TEXT("SRS0=" GOOD_HASH "=G3=h.example=u@x"), NOW,
	    SRS_NO_KEY, MF_TEXT(""));
	expect_decode(none, u, NOW, SRS_NOT_SRS, MF_TEXT(""));
	expect("ses_sign", u, ses_sign(no_ses, u, 1, NOW, &out), &out,
	    SRS_NO_KEY, MF_TEXT(""));
	expect_verify(
	    no_ses, MF_TEXT("SES=A=u@h.example"), NOW, SRS_NO_KEY, MF_TEXT(""));

	/* The domain rewritten into. */
	static const struct mf_text bad[] = {MF_TEXT(""), MF_TEXT("@"),
	    MF_TEXT("a@"), MF_TEXT("f.example>"), MF_TEXT("f=example"),
	    MF_TEXT("f.example\n"), MF_TEXT("f\0example"),
	    MF_TEXT("<f.example"), MF_TEXT("\"f\"")};
	for (size_t i = 0; i < COUNT(bad); i++)
		expect_encode(ctx, u, bad[i], NOW, SRS_BAD_SYNTAX, MF_TEXT(""));
	struct srs_addr plain;
	assert_int_equal(
	    srs_encode(ctx, u, MF_TEXT("f.example"), NOW, &plain), SRS_OK);
	expect_encode(
	    ctx, u, MF_TEXT("alias@f.example"), NOW, SRS_OK, addr_text(&plain));
	expect_encode(
	    ctx, u, MF_TEXT("a@b@f.example"), NOW, SRS_OK, addr_text(&plain));
	srs_ctx_free(none);
	srs_ctx_free(ctx);
	ses_ctx_free(no_ses);
}

static void
shapes(void **state)
{
	static const struct {
		const char *address;
		bool srs, ses;
	} rows[] = {
	    {"SRS0=a@x", true, false},
	    {"srs0+@x", true, false},
	    {"Srs1-a=b@x", true, false},
	    {"\"sRS1=\"@x", true, false},
	    {"SRS0@x", false, false},
	    {"SRS2=@x", false, false},
	    {"SRS0=a", false, false},
	    {"SRS0=a@", false, false},
	    {"SRS0=a@x>", false, false},
	    {"aSRS0=a@x", false, false},
	    {"SRS0 =a@x", false, false},
	    {"SES=a=b@x", false, true},
	    {"ses=@x", false, false},
	    {"ses=a@x", false, true},
	    {"\"SES=a=b\"@x", false, true},
	    {"SES+a=b@x", false, false},
	    {"SES-a=b@x", false, false},
	    {"SES@x", false, false},
	    {"SES=a=b", false, false},
	    {"", false, false},
	    {"<>", false, false},
	    {"u@x", false, false},
	    {"\"SRS0=a@x", false, false},
	    {"\"SES=a=b@x", false, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mf_text t = mf_text_of(rows[i].address);

		if (srs_is_srs(t) != rows[i].srs ||
		    ses_is_ses(t) != rows[i].ses)
			fail_msg("shape of %s", rows[i].address);
	}
}

/* --- timestamps --- */

static enum srs_status
age_status(int age, const struct srs_params *p)
{
	if (age > 1023 - 31 && 1024 - age <= (int)p->future_days)
		return SRS_OK;
	if (age > 1023 - 31)
		return SRS_FUTURE;
	return age <= (int)p->max_age_days ? SRS_OK : SRS_EXPIRED;
}

/* Every slot at every age; every window that has a border of its own. */
static void
timestamps_cyclic(void **state)
{
	static const unsigned windows[][2] = {
	    {21, 0}, {21, 1}, {0, 0}, {500, 30}};
	static const char *const keys[] = {"secret"};

	(void)state;
	for (size_t w = 0; w < COUNT(windows); w++) {
		struct srs_params p = SRS_PARAMS_DEFAULT;

		p.max_age_days = windows[w][0];
		p.future_days = windows[w][1];
		struct srs_ctx *ctx = srs_ctx_with(p, keys, 1);
		for (uint64_t slot = 0; slot < 1024; slot++) {
			uint64_t sec = (1024 * 19 + slot) * DAY;
			struct srs_addr srs, out;
			struct srs_info info;

			assert_int_equal(srs_encode(ctx, MF_TEXT("u@h"),
					     MF_TEXT("f"), sec + DAY - 1, &srs),
			    SRS_OK);
			assert_int_equal(srs.text[12], base32[slot / 32]);
			assert_int_equal(srs.text[13], base32[slot % 32]);
			/* All ages for a few slots, the borders for all. */
			int step = slot % 128 == 127 ? 1 : 0;
			for (int age = 0; age < 1024; age += step != 0 ||
				     age < 24 || age > 990 ||
				     (age > 498 && age < 503)
				 ? 1
				 : 24) {
				enum srs_status status =
				    srs_decode(ctx, addr_text(&srs),
					sec + (uint64_t)age * DAY, &out, &info);

				if (status != age_status(age, &p))
					fail_msg("slot %u age %d: %s",
					    (unsigned)slot, age,
					    srs_status_text(status));
				assert_true(info.dated && info.verified);
				assert_int_equal(info.age_days,
				    age > 1023 - 31 ? age - 1024 : age);
				assert_int_equal(
				    out.len, status == SRS_OK ? 3 : 0);
			}
		}
		srs_ctx_free(ctx);
	}
}

static void
timestamps_by_the_second(void **state)
{
	struct srs_ctx *ctx = srs_ctx_default();
	struct line line;
	struct mf_text t = forge_srs0(&line, "secret", 6, "G3", "h", "u");
	uint64_t day = NOW / DAY * DAY;

	(void)state;
	expect_decode(ctx, t, day - 1, SRS_FUTURE, MF_TEXT(""));
	expect_decode(ctx, t, day, SRS_OK, MF_TEXT("u@h"));
	expect_decode(ctx, t, day + 22 * DAY - 1, SRS_OK, MF_TEXT("u@h"));
	expect_decode(ctx, t, day + 22 * DAY, SRS_EXPIRED, MF_TEXT(""));
	expect_decode(ctx, t, day + 1024 * DAY, SRS_OK, MF_TEXT("u@h"));
	/* The first second and the last one that a clock can show. */
	t = forge_srs0(&line, "secret", 6, "AA", "h", "u");
	expect_decode(ctx, t, 0, SRS_OK, MF_TEXT("u@h"));
	struct srs_addr out;
	assert_int_equal(
	    srs_encode(ctx, MF_TEXT("u@h"), MF_TEXT("f"), UINT64_MAX, &out),
	    SRS_OK);
	expect_decode(ctx, addr_text(&out), UINT64_MAX, SRS_OK, MF_TEXT("u@h"));
	expect_decode(ctx, addr_text(&out), UINT64_MAX - 2 * DAY, SRS_FUTURE,
	    MF_TEXT(""));
	srs_ctx_free(ctx);
}

/* Signed by a holder of the key, yet not two characters of A-Z 2-7. */
static void
timestamps_malformed(void **state)
{
	static const char *const bad[] = {"", "G", "AG3", "AAG3", "G30", "03",
	    "G0", "G1", "G8", "G9", "8G", "G ", " G", "G/", "G@", "G[", "G`",
	    "G{", "??", "\xc3\xa9"};
	struct srs_params p = SRS_PARAMS_DEFAULT;
	struct srs_ctx *ctx = srs_ctx_default();
	struct line line;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		forge_srs0(&line, "secret", 6, bad[i], "h.example", "u");
		expect_decode(ctx, mf_text_of(line.text), NOW,
		    SRS_BAD_TIMESTAMP, MF_TEXT(""));
	}
	static const char *const good[] = {"G3", "g3"};
	for (size_t i = 0; i < COUNT(good); i++) {
		forge_srs0(&line, "secret", 6, good[i], "h.example", "u");
		expect_decode(ctx, mf_text_of(line.text), NOW, SRS_OK,
		    MF_TEXT("u@h.example"));
	}
	srs_ctx_free(ctx);
	/* However wide the window is. */
	p.max_age_days = SRS_AGE_DAYS_MAX;
	p.future_days = SRS_FUTURE_DAYS_MAX;
	ctx = srs_ctx_with(p, (const char *const[]){"secret"}, 1);
	for (size_t i = 0; i < COUNT(bad); i++) {
		forge_srs0(&line, "secret", 6, bad[i], "h.example", "u");
		expect_decode(ctx, mf_text_of(line.text), NOW,
		    SRS_BAD_TIMESTAMP, MF_TEXT(""));
	}
	srs_ctx_free(ctx);
}

/* --- hashes --- */

/* Equal in one spelling for both cases and both alphabets. */
static bool
same_digit(char a, char b)
{
	a = a == '-' ? '+' : a == '_' ? '/' : ascii_lower(a);
	b = b == '-' ? '+' : b == '_' ? '/' : ascii_lower(b);
	return a == b;
}

/* Any octet at any place of the hash is refused unless it is the same digit. */
static void
hash_every_change(void **state)
{
	struct srs_ctx *ctx = srs_ctx_default();
	struct srs_addr out;
	size_t refused = 0, accepted = 0;

	(void)state;
	for (unsigned user = 0; user < 40; user++) {
		struct line line;
		char name[8];

		snprintf(name, sizeof(name), "u%u", user);
		struct mf_text t =
		    forge_srs0(&line, "secret", 6, "G3", "h.example", name);
		for (size_t at = 5; at < 11; at++) {
			char was = line.text[at];

			for (int c = 0; c < 256; c++) {
				bool same = same_digit((char)c, was);

				if (c == '=' || c == '@')
					continue;
				line.text[at] = (char)c;
				enum srs_status status =
				    srs_decode(ctx, t, NOW, &out, NULL);
				bool control = (c < 0x20 && c != '\t') ||
				    c == '<' || c == '>' || c == 0x7f;
				assert_int_equal(status,
				    same          ? SRS_OK
					: control ? SRS_BAD_SYNTAX
						  : SRS_BAD_HASH);
				accepted += same;
				refused += !same;
			}
			line.text[at] = was;
		}
	}
	assert_true(accepted > 240 && refused > 50000);
	srs_ctx_free(ctx);
}

/* Given at each length from 0 to 30, against each minimum. */
static void
hash_lengths(void **state)
{
	static const char *const keys[] = {"secret"};
	char hash[29], longer[40];

	(void)state;
	forge_hash("secret", "G3h.exampleu", hash);
	snprintf(longer, sizeof(longer), "%.27sAAA", hash);
	for (unsigned min = 1; min <= SRS_HASH_MAX; min++) {
		struct srs_params p = SRS_PARAMS_DEFAULT;

		p.hash_length = SRS_HASH_MAX;
		p.hash_min = min;
		struct srs_ctx *ctx = srs_ctx_with(p, keys, 1);
		for (unsigned len = 0; len <= 30; len++) {
			struct line line;
			enum srs_status want = len < min ? SRS_SHORT_HASH
			    : len <= SRS_HASH_MAX        ? SRS_OK
							 : SRS_BAD_HASH;

			line_set(&line, "SRS0=%.*s=G3=h.example=u@x", (int)len,
			    longer);
			expect_decode(ctx, mf_text_of(line.text), NOW, want,
			    MF_TEXT("u@h.example"));
			/* The last one wrong: surplus counts too. */
			if (len < min || len == 0 || len > SRS_HASH_MAX)
				continue;
			line.text[4 + len] =
			    same_digit(hash[len - 1], 'Q') ? 'R' : 'Q';
			expect_decode(ctx, mf_text_of(line.text), NOW,
			    SRS_BAD_HASH, MF_TEXT(""));
		}
		srs_ctx_free(ctx);
	}
	/* Padding of the 28th character isn't a digit of the hash. */
	struct srs_ctx *ctx = srs_ctx_default();
	struct line line;
	line_set(&line, "SRS0=%.27s==G3=h.example=u@x", hash);
	expect_decode(
	    ctx, mf_text_of(line.text), NOW, SRS_BAD_TIMESTAMP, MF_TEXT(""));
	line_set(&line, "SRS0=%0*d=G3=h.example=u@x", 900, 0);
	expect_decode(
	    ctx, mf_text_of(line.text), NOW, SRS_BAD_HASH, MF_TEXT(""));
	srs_ctx_free(ctx);
}

/* Written at each length in each alphabet; read in both, in any case. */
static void
hash_alphabets(void **state)
{
	static const char *const keys[] = {"secret"};
	size_t special = 0;

	(void)state;
	for (unsigned n = 0; n < 27 * 8; n++) {
		struct srs_params p = SRS_PARAMS_DEFAULT;
		struct line sender, want;
		char hash[29], name[8];

		p.hash_length = p.hash_min = n % 27 + 1;
		p.alphabet = SRS_BASE64;
		snprintf(name, sizeof(name), "u%u", n);
		line_set(&sender, "%s@h", name);
		line_set(&want, "G3h%s", name);
		forge_hash("secret", want.text, hash);
		struct srs_ctx *plain = srs_ctx_with(p, keys, 1);
		p.alphabet = SRS_BASE64URL;
		struct srs_ctx *url = srs_ctx_with(p, keys, 1);

		line_set(&want, "SRS0=%.*s=G3=h=%s@x", (int)p.hash_length, hash,
		    name);
		expect_encode(plain, mf_text_of(sender.text), MF_TEXT("x"), NOW,
		    SRS_OK, mf_text_of(want.text));
		for (char *c = hash; *c != '\0'; c++) {
			special += *c == '+' || *c == '/';
			*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
		}
		line_set(&want, "SRS0=%.*s=G3=h=%s@x", (int)p.hash_length, hash,
		    name);
		expect_encode(url, mf_text_of(sender.text), MF_TEXT("x"), NOW,
		    SRS_OK, mf_text_of(want.text));

		struct srs_addr out;
		srs_encode(
		    plain, mf_text_of(sender.text), MF_TEXT("x"), NOW, &out);
		expect_decode(
		    url, addr_text(&out), NOW, SRS_OK, mf_text_of(sender.text));
		expect_decode(plain, mf_text_of(want.text), NOW, SRS_OK,
		    mf_text_of(sender.text));
		for (char *c = want.text; *c != '\0'; c++)
			*c = ascii_lower(*c);
		expect_decode(plain, mf_text_of(want.text), NOW, SRS_OK,
		    mf_text_of(sender.text));
		for (char *c = want.text; *c != '\0'; c++)
			*c = ascii_upper(*c);
		for (char *c = sender.text; *c != '\0'; c++)
			*c = ascii_upper(*c);
		expect_decode(url, mf_text_of(want.text), NOW, SRS_OK,
		    mf_text_of(sender.text));
		srs_ctx_free(plain);
		srs_ctx_free(url);
	}
	assert_true(special > 20);
}

/* --- addresses --- */

/*
 * The sender as an address: in quotes, if its local part needs them (RFC 5321
 * 4.1.2) and has none.  *line: the caller's room.
 */
static struct mf_text
as_address(struct mf_text sender, struct line *line)
{
	struct mf_text local = text_head(sender, text_rfind(sender, '@'));
	bool needs = local.len != 0 &&
	    (local.p[0] == '.' || local.p[local.len - 1] == '.');

	if (local.len > 1 && local.p[0] == '"' && local.p[local.len - 1] == '"')
		return sender;
	for (size_t i = 0; i < local.len; i++)
		needs = needs || strchr("()<>[]:;@, \t", local.p[i]) != NULL ||
		    text_starts(text_from(local, i), MF_TEXT(".."));
	if (needs)
		line_set(line, "\"%.*s\"%.*s", (int)local.len, local.p,
		    (int)(sender.len - local.len), sender.p + local.len);
	else
		line_set(line, "%.*s", (int)sender.len, sender.p);
	return mf_text_of(line->text);
}

/* Come back as they are or in quotes, by encode, sign and both forms of SES. */
static const struct mf_text odd_senders[] = {
    MF_TEXT("bob@h.example"),
    MF_TEXT("Bob.SMITH@H.Example"),
    MF_TEXT("@h.example"),
    MF_TEXT("=@h.example"),
    MF_TEXT("====@h.example"),
    MF_TEXT("a=b=c@h.example"),
    MF_TEXT("=a@h.example"),
    MF_TEXT("a@b@h.example"),
    MF_TEXT("a@b=c@h.example"),
    MF_TEXT("\"a@b\"@h.example"),
    MF_TEXT("\"@a@b\"@h.example"),
    MF_TEXT("\"\"@h.example"),
    MF_TEXT("\"blah blah\"@h.example"),
    MF_TEXT("\" \"@h.example"),
    MF_TEXT("\"a\\\"b\"@h.example"),
    MF_TEXT("\"a\\\\\"@h.example"),
    MF_TEXT("\"\\a\\b\"@h.example"),
    MF_TEXT("\"<>\"@h.example"),
    MF_TEXT("\"a=b\"@h.example"),
    MF_TEXT("a b@h.example"),
    MF_TEXT(" a@h.example"),
    MF_TEXT("a @h.example"),
    MF_TEXT("a\tb@h.example"),
    MF_TEXT("a,b@h.example"),
    MF_TEXT("a;b@h.example"),
    MF_TEXT("a:b@h.example"),
    MF_TEXT("a(b)@h.example"),
    MF_TEXT("a[b]@h.example"),
    MF_TEXT(".a@h.example"),
    MF_TEXT("a.@h.example"),
    MF_TEXT("a..b@h.example"),
    MF_TEXT("|/bin/sh@h.example"),
    MF_TEXT("$(id)`id`;%s%n@h.example"),
    MF_TEXT("b\xc3\xbc\x63her@m\xc3\xbcnchen.example"),
    MF_TEXT("SRS0@h.example"),
    MF_TEXT("SRS1@h.example"),
    MF_TEXT("SRS0_x@h.example"),
    MF_TEXT("SES=A=b@h.example"),
    MF_TEXT("user@[192.0.2.1]"),
    MF_TEXT("a b@[192.0.2.1]"),
    MF_TEXT("user@[IPv6:2001:db8::1]"),
    MF_TEXT("user@localhost"),
    MF_TEXT("user@h.example."),
    MF_TEXT("user+tag-x_y@h.example"),
};

/* Not even in quotes. */
static const struct mf_text no_senders[] = {
    MF_TEXT("@@h.example"),
    MF_TEXT("@a,@b:c@h.example"),
    MF_TEXT("\"@h.example"),
    MF_TEXT("a\"@h.example"),
    MF_TEXT("\"a@h.example"),
    MF_TEXT("a\"b\"c@h.example"),
    MF_TEXT("\"a b@h.example"),
    MF_TEXT("a\\b@h.example"),
    MF_TEXT("a\\@h.example"),
    MF_TEXT("\xff\xfe\x80@h.example"),
    MF_TEXT("\"\xff\"@h.example"),
    MF_TEXT("b\xfc@h.example"),
    MF_TEXT("a@h\xfc.example"),
    MF_TEXT("a@h example"),
    MF_TEXT("a@h.example "),
    MF_TEXT("a@h.example;"),
    MF_TEXT("a@h.example,b"),
    MF_TEXT("a@(h).example"),
    MF_TEXT("a@h.example:25"),
    MF_TEXT("a@[192.0.2.1"),
    MF_TEXT("a@h..example"),
    MF_TEXT("a@.h.example"),
    MF_TEXT("a@[a]b]"),
};

static void
odd_senders_come_back(void **state)
{
	struct srs_ctx *ctx = srs_ctx_default();
	struct ses_ctx *ses = ses_ctx_default();
	struct srs_addr out, back;
	struct ses_info info;

	(void)state;
	for (size_t i = 0; i < COUNT(odd_senders); i++) {
		struct mf_text sender = odd_senders[i];
		struct line line;

		assert_int_equal(
		    srs_encode(ctx, sender, MF_TEXT("f.example"), NOW, &out),
		    SRS_OK);
		sender = as_address(sender, &line);
		bool quoted = sender.p[0] == '"';
		assert_true(text_starts(addr_text(&out),
		    quoted ? MF_TEXT("\"SRS0=") : MF_TEXT("SRS0=")));
		assert_true(text_ends_fold(addr_text(&out),
		    quoted ? MF_TEXT("\"@f.example") : MF_TEXT("@f.example")));
		expect_decode(ctx, addr_text(&out), NOW, SRS_OK, sender);
		assert_int_equal(
		    srs_sign(ctx, odd_senders[i], NOW, &out), SRS_OK);
		expect_decode(ctx, addr_text(&out), NOW, SRS_OK, sender);
		assert_int_equal(
		    ses_sign(ses, odd_senders[i], 3, NOW, &out), SRS_OK);
		expect_verify(ses, addr_text(&out), NOW, SRS_OK, sender);
		assert_int_equal(
		    ses_sign_fixed(ses, odd_senders[i], 3, &out), SRS_OK);
		expect_verify(ses, addr_text(&out), NOW, SRS_OK, sender);
		assert_int_equal(
		    ses_verify(ses, addr_text(&out), NOW, &back, &info),
		    SRS_OK);
		assert_true(info.fixed && info.message_id == 3);
	}
	srs_ctx_free(ctx);
	ses_ctx_free(ses);
}

static void
what_is_no_address_is_refused(void **state)
{
	struct srs_ctx *ctx = srs_ctx_default();
	struct ses_ctx *ses = ses_ctx_default();
	struct srs_addr out;

	(void)state;
	for (size_t i = 0; i < COUNT(no_senders); i++) {
		struct mf_text sender = no_senders[i];

		expect_encode(ctx, sender, MF_TEXT("f.example"), NOW,
		    SRS_BAD_SYNTAX, MF_TEXT(""));
		assert_int_equal(
		    srs_sign(ctx, sender, NOW, &out), SRS_BAD_SYNTAX);
		assert_int_equal(
		    ses_sign(ses, sender, 3, NOW, &out), SRS_BAD_SYNTAX);
		assert_int_equal(out.len, 0);
	}
	srs_ctx_free(ctx);
	ses_ctx_free(ses);
}

/* What others have signed without quotes comes back in quotes. */
static void
quotes_are_added(void **state)
{
	static const struct {
		const char *user;
		const char *want; /* NULL: refused */
	} rows[] = {
	    {"bob", "bob@h"},
	    {"a b", "\"a b\"@h"},
	    {"a@b", "\"a@b\"@h"},
	    {".a", "\".a\"@h"},
	    {"\"a b\"", "\"a b\"@h"},
	    {"a\"b", NULL},
	    {"a\"b c", NULL},
	    {"a\\b", NULL},
	};
	struct srs_ctx *ctx = srs_ctx_default();
	struct line line;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		forge_srs0(&line, "secret", 6, "G3", "h", rows[i].user);
		expect_decode(ctx, mf_text_of(line.text), NOW,
		    rows[i].want != NULL ? SRS_OK : SRS_BAD_SYNTAX,
		    mf_text_of(rows[i].want != NULL ? rows[i].want : ""));
	}
	srs_ctx_free(ctx);
}

/* Quotes stand outside and aren't signed: an MTA may drop needless ones. */
static void
quotes_are_not_signed(void **state)
{
	struct srs_ctx *ctx = srs_ctx_default();
	struct srs_addr plain, quoted;
	struct line line;

	(void)state;
	srs_encode(ctx, MF_TEXT("bob@h"), MF_TEXT("f"), NOW, &plain);
	srs_encode(ctx, MF_TEXT("\"bob\"@h"), MF_TEXT("f"), NOW, &quoted);
	line_set(&line, "\"%.*s\"@f", (int)plain.len - 2, plain.text);
	assert_string_equal(quoted.text, line.text);
	expect_decode(
	    ctx, addr_text(&quoted), NOW, SRS_OK, MF_TEXT("\"bob\"@h"));
	line_set(&line, "%.*s@f", (int)quoted.len - 4, quoted.text + 1);
	expect_decode(
	    ctx, mf_text_of(line.text), NOW, SRS_OK, MF_TEXT("bob@h"));
	/* Peers leave them inside, signed; so they come back. */
	forge_srs0(&line, "secret", 6, "G3", "h", "\"a b\"");
	expect_decode(
	    ctx, mf_text_of(line.text), NOW, SRS_OK, MF_TEXT("\"a b\"@h"));
	srs_ctx_free(ctx);
}

/* Every octet, in the local part with and without quotes, and in the domain. */
static void
octets(void **state)
{
	struct srs_ctx *ctx = srs_ctx_default();
	struct ses_ctx *ses = ses_ctx_default();

	(void)state;
	for (int c = 0; c < 256; c++) {
		bool control = (c < 0x20 && c != '\t') || c == 0x7f;
		bool ok = !control && c < 0x80;
		bool bracket = c == '<' || c == '>';
		bool lost = c == '"' || c == '\\';
		char bare[] = "a?b@h.example", in_quotes[] = "\"a?b\"@h.e",
		     domain[] = "ab@h?.example", start[] = "?b@h.example";
		struct {
			char *text;
			size_t at, len;
			bool ok;
		} rows[] = {
		    {bare, 1, sizeof(bare) - 1, ok && !lost && !bracket},
		    {start, 0, sizeof(start) - 1,
			ok && !lost && !bracket && c != '@'},
		    {in_quotes, 2, sizeof(in_quotes) - 1, ok && c != '"'},
		    {domain, 4, sizeof(domain) - 1,
			ok && !lost && !bracket &&
			    strchr("=()[]:;, \t.@", c) == NULL},
		};

		for (size_t i = 0; i < COUNT(rows); i++) {
			struct mf_text t =
			    mf_text_at(rows[i].text, rows[i].len);
			enum srs_status want =
			    rows[i].ok ? SRS_OK : SRS_BAD_SYNTAX;
			struct srs_addr out;

			rows[i].text[rows[i].at] = (char)c;
			enum srs_status have =
			    srs_encode(ctx, t, MF_TEXT("f.example"), NOW, &out);
			if (have != want)
				fail_msg("octet %d, row %zu: %s", c, i,
				    srs_status_text(have));
			if (have == SRS_OK)
				expect_decode(ctx, addr_text(&out), NOW, SRS_OK,
				    as_address(t, &(struct line){.text = ""}));
			assert_int_equal(srs_sign(ctx, t, NOW, &out), want);
			assert_int_equal(ses_sign(ses, t, 1, NOW, &out), want);
		}
		/* And on the way back, where peers may have signed it. */
		struct line line;
		struct srs_addr out;
		char user[] = "a?b", host[] = "h?.e", stamp[] = "G3";
		if (c == '\0' || c == '=')
			continue;
		user[1] = host[1] = (char)c;
		forge_srs0(&line, "secret", 6, stamp, "h.e", user);
		assert_int_equal(
		    srs_decode(ctx, mf_text_of(line.text), NOW, &out, NULL),
		    control || bracket || lost ? SRS_BAD_SYNTAX : SRS_OK);
		forge_srs0(&line, "secret", 6, stamp, host, "u");
		assert_int_equal(
		    srs_decode(ctx, mf_text_of(line.text), NOW, &out, NULL),
		    control || bracket || lost ||
			    strchr("@()[]:;, \t.", c) != NULL
			? SRS_BAD_SYNTAX
			: SRS_OK);
	}
	srs_ctx_free(ctx);
	ses_ctx_free(ses);
}

static void
own_domain_stays(void **state)
{
	struct srs_params p = SRS_PARAMS_DEFAULT;
	static const char *const keys[] = {"secret"};
	static const struct {
		const char *sender, *domain;
		bool same;
	} rows[] = {
	    {"bob@f.example", "f.example", true},
	    {"Bob@F.Example", "f.example", true},
	    {"bob@f.example", "x@F.EXAMPLE", true},
	    {"\"b b\"@f.example", "f.example", true},
	    {"SRS0=x=y=z=u@f.example", "f.example", true},
	    {"SRS1=x=y==z=u@f.example", "f.example", true},
	    {"bob@sub.f.example", "f.example", false},
	    {"bob@f.exampl", "f.example", false},
	    {"bob@f.example.", "f.example", false},
	    {"bob@f\xc3\x89.e", "f\xc3\xa9.e", false},
	};

	(void)state;
	for (int always = 0; always < 2; always++) {
		p.always_rewrite = always;
		struct srs_ctx *ctx = srs_ctx_with(p, keys, 1);
		for (size_t i = 0; i < COUNT(rows); i++) {
			struct srs_addr out;

			assert_int_equal(
			    srs_encode(ctx, mf_text_of(rows[i].sender),
				mf_text_of(rows[i].domain), NOW, &out),
			    SRS_OK);
			assert_int_equal(mf_text_eq(addr_text(&out),
					     mf_text_of(rows[i].sender)),
			    !always && rows[i].same);
			assert_int_equal(srs_is_srs(addr_text(&out)),
			    !(!always && rows[i].same && i < 4));
		}
		srs_ctx_free(ctx);
	}
}

static void
sign_form(void **state)
{
	struct srs_ctx *ctx = srs_ctx_default();
	struct line line;
	struct srs_addr out;
	struct srs_info info;
	char hash[29];

	(void)state;
	forge_hash("secret", "G3h.exampleu=x", hash);
	line_set(&line, "SRS0=%.6s=G3==u=x@H.Example", hash);
	for (char *c = line.text + 5; c < line.text + 11; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	expect_sign(
	    ctx, MF_TEXT("u=x@H.Example"), NOW, SRS_OK, mf_text_of(line.text));
	expect_decode(
	    ctx, mf_text_of(line.text), NOW, SRS_OK, MF_TEXT("u=x@H.Example"));
	assert_int_equal(
	    srs_decode(ctx, mf_text_of(line.text), NOW, &out, &info), SRS_OK);
	assert_true(info.sign_form && info.host.len == 0);
	/* Here the domain is signed, and age counts as ever. */
	line.text[line.len - 1] = 'f';
	expect_decode(
	    ctx, mf_text_of(line.text), NOW, SRS_BAD_HASH, MF_TEXT(""));
	line.text[line.len - 1] = 'e';
	expect_decode(ctx, mf_text_of(line.text), NOW + 22 * DAY, SRS_EXPIRED,
	    MF_TEXT(""));
	/* A forwarder wraps it, and the origin gets its own form back. */
	struct srs_addr wrapped, back;
	assert_int_equal(srs_encode(ctx, mf_text_of(line.text),
			     MF_TEXT("f.example"), NOW, &wrapped),
	    SRS_OK);
	assert_true(text_starts(addr_text(&wrapped), MF_TEXT("SRS1=")));
	assert_int_equal(
	    srs_decode(ctx, addr_text(&wrapped), NOW, &back, &info), SRS_OK);
	assert_false(info.sign_form);
	assert_string_equal(back.text, line.text);
	srs_ctx_free(ctx);
}

/* What an SRS1 address without a usable first forwarder would mean. */
static void
srs1_strictness(void **state)
{
	static const struct {
		const char *host1, *rest;
		enum srs_status want;
		const char *back;
	} rows[] = {
	    {"h.example", "=a=b=c=d", SRS_OK, "SRS0=a=b=c=d@h.example"},
	    {"h.example", "+a=b=c=d", SRS_OK, "SRS0+a=b=c=d@h.example"},
	    {"h.example", "-a=b=c=d", SRS_OK, "SRS0-a=b=c=d@h.example"},
	    {"", "=a=b=c=d", SRS_BAD_SYNTAX, ""},
	    {"h\"e", "=a=b=c=d", SRS_BAD_SYNTAX, ""},
	    {"h@e", "=a=b=c=d", SRS_BAD_SYNTAX, ""},
	    {"h@", "=a=b=c=d", SRS_BAD_SYNTAX, ""},
	};
	struct srs_ctx *ctx = srs_ctx_default();
	struct line line;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		forge_srs1(&line, "secret", rows[i].host1, rows[i].rest);
		expect_decode(ctx, mf_text_of(line.text), NOW, rows[i].want,
		    mf_text_of(rows[i].back));
		/* SRS1 has no date. */
		expect_decode(ctx, mf_text_of(line.text), NOW + 400 * DAY,
		    rows[i].want, mf_text_of(rows[i].back));
		expect_decode(ctx, mf_text_of(line.text), 0, rows[i].want,
		    mf_text_of(rows[i].back));
	}
	/* Any change of what it says spoils the hash. */
	forge_srs1(&line, "secret", "h.example", "=a=b=c=d");
	size_t at = text_find(mf_text_of(line.text), '@');
	for (size_t i = 5; i < at; i++) {
		char was = line.text[i];
		struct srs_addr out;

		line.text[i] = was == 'q' ? 'r' : 'q';
		assert_int_not_equal(
		    srs_decode(ctx, mf_text_of(line.text), NOW, &out, NULL),
		    SRS_OK);
		line.text[i] = was;
	}
	srs_ctx_free(ctx);
}

static void
info_fields(void **state)
{
	struct srs_ctx *ctx = srs_ctx_default();
	struct srs_addr out;
	struct srs_info info;
	struct mf_text t =
	    MF_TEXT("\"sRS0+" GOOD_HASH "=g3=h.example=u\"@Fwd.E");

	(void)state;
	assert_int_equal(
	    srs_decode(ctx, t, NOW + 3 * DAY, &out, &info), SRS_OK);
	assert_true(info.version == 0 && info.separator == '+' && info.quoted &&
	    !info.sign_form && info.verified && info.dated);
	assert_true(mf_text_eq(info.hash, MF_TEXT(GOOD_HASH)));
	assert_true(mf_text_eq(info.timestamp, MF_TEXT("g3")));
	assert_true(mf_text_eq(info.host, MF_TEXT("h.example")));
	assert_true(mf_text_eq(info.user, MF_TEXT("u")));
	assert_true(mf_text_eq(info.domain, MF_TEXT("Fwd.E")));
	assert_int_equal(info.age_days, 3);
	assert_ptr_equal(info.hash.p, t.p + 6);

	t = MF_TEXT("SRS1-Wrong6=h.example=+x=y@f");
	assert_int_equal(srs_decode(ctx, t, NOW, &out, &info), SRS_BAD_HASH);
	assert_true(info.version == 1 && info.separator == '-' &&
	    !info.quoted && !info.verified && !info.dated);
	assert_true(mf_text_eq(info.hash, MF_TEXT("Wrong6")));
	assert_int_equal(info.timestamp.len, 0);
	assert_true(mf_text_eq(info.host, MF_TEXT("h.example")));
	assert_true(mf_text_eq(info.user, MF_TEXT("+x=y")));

	/* Filled as far as it could be read, and no further. */
	t = MF_TEXT("SRS0=Wrong6=Q3=only@f");
	assert_int_equal(srs_decode(ctx, t, NOW, &out, &info), SRS_BAD_SYNTAX);
	assert_true(mf_text_eq(info.hash, MF_TEXT("Wrong6")) && !info.verified);
	assert_true(mf_text_eq(info.timestamp, MF_TEXT("Q3")));
	assert_int_equal(info.host.len, 0);
	t = MF_TEXT("u@h.example");
	assert_int_equal(srs_decode(ctx, t, NOW, &out, &info), SRS_NOT_SRS);
	assert_true(info.hash.len == 0 && info.domain.len == 0);
	/* The age of a forged one is told, but it isn't verified. */
	t = MF_TEXT("SRS0=Wrong6=G2=h=u@f");
	assert_int_equal(srs_decode(ctx, t, NOW, &out, &info), SRS_BAD_HASH);
	assert_true(!info.verified && info.dated && info.age_days == 1);
	srs_ctx_free(ctx);
}

/* --- chains --- */

/* Origin, three forwarders of different habits, and the way back. */
static void
chain_of_three(void **state)
{
	static const char separators[] = "=+-";
	static const char *const users[] = {
	    "bob", "a=b", "\"a b\"", "\"x@y\"", "\xc3\xa9", "SRS0"};

	(void)state;
	for (unsigned n = 0; n < 27 * COUNT(users); n++) {
		struct srs_ctx *hop[3];
		struct srs_addr srs0, srs1, again, back;
		struct line origin, lowered;
		unsigned which = n / 27;

		for (unsigned i = 0, mix = n; i < 3; i++, mix /= 3) {
			struct srs_params p = SRS_PARAMS_DEFAULT;
			char key[] = "key ?";

			key[4] = (char)('0' + i);
			p.separator = separators[mix % 3];
			p.hash_length = p.hash_min = 4;
			hop[i] = srs_ctx_with(p, NULL, 0);
			srs_ctx_add_key(hop[i], mf_text_of(key));
		}
		line_set(&origin, "%s@O.example", users[which]);
		assert_int_equal(srs_encode(hop[0], mf_text_of(origin.text),
				     MF_TEXT("one.example"), NOW, &srs0),
		    SRS_OK);
		assert_int_equal(srs_encode(hop[1], addr_text(&srs0),
				     MF_TEXT("two.example"), NOW, &srs1),
		    SRS_OK);
		assert_int_equal(srs_encode(hop[2], addr_text(&srs1),
				     MF_TEXT("three.example"), NOW, &again),
		    SRS_OK);
		/* The third doesn't know the second any more. */
		assert_null(strstr(again.text, "two.example"));
		assert_non_null(strstr(again.text, "=one.example="));
		assert_non_null(strstr(again.text, "@three.example"));
		expect_decode(
		    hop[1], addr_text(&again), NOW, SRS_BAD_HASH, MF_TEXT(""));
		expect_decode(
		    hop[2], addr_text(&again), NOW, SRS_OK, addr_text(&srs0));
		expect_decode(
		    hop[1], addr_text(&srs1), NOW, SRS_OK, addr_text(&srs0));
		expect_decode(hop[0], addr_text(&srs0), NOW, SRS_OK,
		    mf_text_of(origin.text));
		/* Lower-cased on its way through any of them. */
		line_set(&lowered, "%s", again.text);
		ascii_lower_all(lowered.text, lowered.len);
		assert_int_equal(srs_decode(hop[2], mf_text_of(lowered.text),
				     NOW, &back, NULL),
		    SRS_OK);
		assert_int_equal(
		    srs_decode(hop[0], addr_text(&back), NOW, &again, NULL),
		    SRS_OK);
		assert_true(
		    text_eq_fold(addr_text(&again), mf_text_of(origin.text)));
		for (unsigned i = 0; i < 3; i++)
			srs_ctx_free(hop[i]);
	}
}

/* --- SES --- */

static unsigned
ses_time_bits(const struct ses_params *p)
{
	unsigned bits = 1;

	while ((1u << bits) - 1 <= p->max_age_days)
		bits++;
	return bits + p->fraction_bits;
}

/* The parts of a signature of u@h.example with id 1 at time code tc. */
static struct ses_parts
ses_parts_at(const struct ses_params *p, uint64_t tc)
{
	unsigned bits = ses_time_bits(p);

	return (struct ses_parts){.key = "secret",
	    .local = "u",
	    .domain = "h.example",
	    .id = 1,
	    .time_code = tc,
	    .time_field = tc % ((UINT64_C(1) << bits) - 1),
	    .time_bits = bits,
	    .hash_bits = p->hash_bits,
	    .flip = -1};
}

/* Written as big numbers say, for every width of hash, id and time. */
static void
ses_written(void **state)
{
	static const uint64_t ids[] = {0, 1, 37, 38, 255, 65536, UINT32_MAX,
	    UINT64_C(1) << 63, UINT64_MAX};
	struct ses_params p = SES_PARAMS_DEFAULT;

	(void)state;
	for (p.hash_bits = 16; p.hash_bits <= 160; p.hash_bits++) {
		p.fraction_bits = p.hash_bits % 9;
		p.max_age_days = p.hash_bits * 3;
		struct ses_ctx *ctx =
		    ses_ctx_with(p, (const char *const[]){"secret"}, 1);
		for (size_t i = 0; i < COUNT(ids); i++) {
			uint64_t frac = 86400u >> p.fraction_bits;
			struct ses_parts parts = ses_parts_at(&p, NOW / frac);
			struct line want;
			struct srs_addr out, back;
			struct ses_info info;
			struct mf_text u = MF_TEXT("u@h.example");

			parts.id = ids[i];
			forge_ses(&want, &parts);
			expect("ses_sign", u,
			    ses_sign(ctx, u, ids[i], NOW, &out), &out, SRS_OK,
			    mf_text_of(want.text));
			assert_int_equal(
			    ses_verify(ctx, addr_text(&out), NOW, &back, &info),
			    SRS_OK);
			assert_true(info.message_id == ids[i] &&
			    info.time_code == NOW / frac && !info.fixed &&
			    info.signed_sec == NOW / frac * frac &&
			    info.expires_sec ==
				(NOW / frac +
				    ((uint64_t)p.max_age_days
					<< p.fraction_bits)) *
				    frac);

			parts.time_code = 0;
			parts.time_field = (UINT64_C(1) << parts.time_bits) - 1;
			forge_ses(&want, &parts);
			expect("ses_sign_fixed", u,
			    ses_sign_fixed(ctx, u, ids[i], &out), &out, SRS_OK,
			    mf_text_of(want.text));
			assert_int_equal(
			    ses_verify(ctx, addr_text(&out), 0, &back, &info),
			    SRS_OK);
			assert_true(info.message_id == ids[i] && info.fixed &&
			    info.time_code == 0 && info.signed_sec == 0 &&
			    info.expires_sec == UINT64_MAX);
		}
		ses_ctx_free(ctx);
	}
}

/* Each bit of id, time and hash, of a dated and of a fixed signature. */
static void
ses_every_bit(void **state)
{
	static const unsigned widths[] = {16, 17, 23, 64, 80, 96, 159, 160};

	(void)state;
	for (size_t w = 0; w < COUNT(widths); w++) {
		struct ses_params p = SES_PARAMS_DEFAULT;

		p.hash_bits = widths[w];
		struct ses_ctx *ctx =
		    ses_ctx_with(p, (const char *const[]){"secret"}, 1);
		for (int fixed = 0; fixed < 2; fixed++) {
			struct ses_parts parts = ses_parts_at(&p, NOW / 21600);
			struct line line;

			if (fixed) {
				parts.time_code = 0;
				parts.time_field = 63;
			}
			expect_verify(ctx, forge_ses(&line, &parts), NOW,
			    SRS_OK, MF_TEXT("u@h.example"));
			int bits = (int)(p.hash_bits + parts.time_bits + 64);
			/* 2^-16 of chance, were the test not deterministic. */
			for (parts.flip = 0; parts.flip < bits; parts.flip++)
				expect_verify(ctx, forge_ses(&line, &parts),
				    NOW, SRS_BAD_HASH, MF_TEXT(""));
			/* Above 64 bits of id there is nothing to be read. */
			for (; parts.flip < bits + 8; parts.flip++)
				expect_verify(ctx, forge_ses(&line, &parts),
				    NOW, SRS_BAD_HASH, MF_TEXT(""));
		}
		ses_ctx_free(ctx);
	}
}

/* What is signed: the local part with its case, the domain without. */
static void
ses_what_is_signed(void **state)
{
	struct ses_ctx *ctx = ses_ctx_default();
	struct srs_addr sig, out;
	struct line line;
	static const struct {
		const char *address; /* behind the signature */
		enum srs_status want;
	} rows[] = {
	    {"=U=v@h.Example", SRS_OK},
	    {"=U=v@H.EXAMPLE", SRS_OK},
	    {"=u=v@h.example", SRS_BAD_HASH},
	    {"=U=V@h.example", SRS_BAD_HASH},
	    {"=U@h.example", SRS_BAD_HASH},
	    {"=v@h.example", SRS_BAD_HASH},
	    {"==U=v@h.example", SRS_BAD_HASH},
	    {"=U=v@h.example.", SRS_BAD_HASH},
	    {"=U=v@x.h.example", SRS_BAD_HASH},
	};

	(void)state;
	assert_int_equal(
	    ses_sign(ctx, MF_TEXT("U=v@h.Example"), 9, NOW, &sig), SRS_OK);
	size_t end = 4 + text_find(mf_text_of(sig.text + 4), '=');
	for (size_t i = 0; i < COUNT(rows); i++) {
		line_set(&line, "%.*s%s", (int)end, sig.text, rows[i].address);
		expect_verify(ctx, mf_text_of(line.text), NOW, rows[i].want,
		    mf_text_of(rows[i].address + 1));
		/* Tag and signature in any case. */
		ascii_lower_all(line.text, end);
		expect_verify(ctx, mf_text_of(line.text), NOW, rows[i].want,
		    mf_text_of(rows[i].address + 1));
	}
	/* One spelling for a number: no zeros in front. */
	char zeros[80];
	for (size_t n = 1; n < 60; n++) {
		line_set(&line, "SES=%s%.*s=U=v@h.Example", fill(zeros, 'A', n),
		    (int)(end - 4), sig.text + 4);
		expect_verify(
		    ctx, mf_text_of(line.text), NOW, SRS_BAD_HASH, MF_TEXT(""));
		line.text[4] = 'a';
		expect_verify(
		    ctx, mf_text_of(line.text), NOW, SRS_BAD_HASH, MF_TEXT(""));
	}
	/* A number too large for any signature. */
	line_set(&line, "SES=%s=u@h", fill(zeros, '-', 64));
	expect_verify(
	    ctx, mf_text_of(line.text), NOW, SRS_BAD_HASH, MF_TEXT(""));
	/* Quotes aren't signed. */
	line_set(&line, "\"%.*s=U=v\"@h.Example", (int)end, sig.text);
	expect_verify(ctx, mf_text_of(line.text), NOW, SRS_OK,
	    MF_TEXT("\"U=v\"@h.Example"));
	/* What failed leaves info alone; what is old fills it. */
	struct ses_info info;
	memset(&info, 0x55, sizeof(info));
	line_set(&line, "%.*s=u=v@h.Example", (int)end, sig.text);
	assert_int_equal(
	    ses_verify(ctx, mf_text_of(line.text), NOW, &out, &info),
	    SRS_BAD_HASH);
	assert_int_equal(info.key, 0x55555555);
	assert_int_equal(
	    ses_verify(ctx, addr_text(&sig), NOW + 10 * DAY, &out, &info),
	    SRS_EXPIRED);
	assert_true(info.message_id == 9 && info.time_code == NOW / 21600);
	ses_ctx_free(ctx);
}

/* pysrs lets these in without looking at the hash. */
static void
ses_forged_fixed(void **state)
{
	static const char *const keys[] = {"secret", "second", "third"};
	struct ses_params p = SES_PARAMS_DEFAULT;

	(void)state;
	for (size_t k = 1; k <= COUNT(keys); k++) {
		struct ses_ctx *ctx = ses_ctx_with(p, keys, k);

		expect_verify(ctx, MF_TEXT("SES=IEYJLRPY924__ML-W=victim@h.e"),
		    NOW, SRS_BAD_HASH, MF_TEXT(""));
		for (unsigned id = 0; id < 50; id++) {
			struct ses_parts parts = ses_parts_at(&p, 0);
			struct line line;

			parts.key = "guess";
			parts.id = id;
			parts.time_field = 63;
			expect_verify(ctx, forge_ses(&line, &parts), NOW,
			    SRS_BAD_HASH, MF_TEXT(""));
			/* Nor is a dated one worth anything as a fixed one. */
			parts.key = "secret";
			parts.time_code = NOW / 21600;
			expect_verify(ctx, forge_ses(&line, &parts), NOW,
			    SRS_BAD_HASH, MF_TEXT(""));
		}
		ses_ctx_free(ctx);
	}
}

/* Every age, from before the signature to after the cycle, to the second. */
static void
ses_windows(void **state)
{
	static const struct ses_params rows[] = {{80, 2, 10}, {80, 0, 1},
	    {80, 0, 0}, {80, 8, 3}, {80, 3, 7}, {80, 1, 62}, {80, 2, 14},
	    {80, 2, 15}};

	(void)state;
	for (size_t r = 0; r < COUNT(rows); r++) {
		const struct ses_params *p = &rows[r];
		uint64_t frac = 86400u >> p->fraction_bits;
		uint64_t modulus = (UINT64_C(1) << ses_time_bits(p)) - 1;
		uint64_t limit = (uint64_t)p->max_age_days << p->fraction_bits;
		struct ses_ctx *ctx =
		    ses_ctx_with(*p, (const char *const[]){"secret"}, 1);

		/* Start at every remainder, so that the field wraps within. */
		uint64_t step = modulus > 200 ? 17 : 1;
		for (uint64_t tc = 40000; tc < 40000 + modulus; tc += step) {
			struct srs_addr sig, out;
			struct mf_text t;

			assert_int_equal(ses_sign(ctx, MF_TEXT("u@h"), 1,
					     tc * frac + frac - 1, &sig),
			    SRS_OK);
			t = addr_text(&sig);
			assert_int_equal(
			    ses_verify(ctx, t, tc * frac - 1, &out, NULL),
			    SRS_BAD_HASH);
			for (uint64_t age = 0; age < modulus; age += step) {
				enum srs_status want =
				    age < limit ? SRS_OK : SRS_EXPIRED;

				assert_int_equal(
				    ses_verify(
					ctx, t, (tc + age) * frac, &out, NULL),
				    want);
				assert_int_equal(
				    ses_verify(ctx, t,
					(tc + age + 1) * frac - 1, &out, NULL),
				    want);
			}
			if (limit > 0)
				expect_verify(ctx, t, (tc + limit) * frac - 1,
				    SRS_OK, MF_TEXT("u@h"));
			expect_verify(ctx, t, (tc + limit) * frac, SRS_EXPIRED,
			    MF_TEXT(""));
			/* After a cycle it is taken for another time. */
			expect_verify(ctx, t, (tc + modulus) * frac,
			    SRS_BAD_HASH, MF_TEXT(""));
		}
		ses_ctx_free(ctx);
	}
}

static void
ses_fixed_never_expires(void **state)
{
	static const uint64_t times[] = {
	    0, 1, 21600, NOW, NOW + 4000 * DAY, UINT32_MAX, UINT64_MAX};
	struct ses_ctx *ctx = ses_ctx_default();
	struct srs_addr fixed, early, out;

	(void)state;
	assert_int_equal(
	    ses_sign_fixed(ctx, MF_TEXT("u@h"), 7, &fixed), SRS_OK);
	for (size_t i = 0; i < COUNT(times); i++)
		expect_verify(
		    ctx, addr_text(&fixed), times[i], SRS_OK, MF_TEXT("u@h"));
	/* The first fraction of 1970 has no time code of its own. */
	ses_sign(ctx, MF_TEXT("u@h"), 7, 21599, &early);
	assert_string_equal(early.text, fixed.text);
	ses_sign(ctx, MF_TEXT("u@h"), 7, 21600, &early);
	assert_string_not_equal(early.text, fixed.text);
	/* No time code before 1970. */
	struct ses_params p = SES_PARAMS_DEFAULT;
	struct ses_parts parts = ses_parts_at(&p, 5);
	struct line line;
	expect_verify(ctx, forge_ses(&line, &parts), 4 * 21600, SRS_BAD_HASH,
	    MF_TEXT(""));
	expect_verify(ctx, forge_ses(&line, &parts), 5 * 21600, SRS_OK,
	    MF_TEXT("u@h.example"));
	/* Times without end. */
	assert_int_equal(
	    ses_sign(ctx, MF_TEXT("u@h"), 7, UINT64_MAX, &early), SRS_OK);
	expect_verify(
	    ctx, addr_text(&early), UINT64_MAX, SRS_OK, MF_TEXT("u@h"));
	assert_int_equal(
	    ses_verify(ctx, addr_text(&early), UINT64_MAX - 21600, &out, NULL),
	    SRS_BAD_HASH);
	ses_ctx_free(ctx);
}

/* A signature is read under a validity of the same width, and no other. */
static void
ses_widths(void **state)
{
	static const unsigned ages[] = {
	    0, 1, 2, 3, 6, 7, 14, 15, 30, 31, 62, 63, 126, 127, 254, 255, 500};
	struct ses_params p = SES_PARAMS_DEFAULT;
	struct srs_addr sig, out;

	(void)state;
	for (size_t i = 0; i < COUNT(ages); i++) {
		p.max_age_days = ages[i];
		unsigned width = ses_time_bits(&p);
		struct ses_ctx *ctx =
		    ses_ctx_with(p, (const char *const[]){"secret"}, 1);
		ses_sign(ctx, MF_TEXT("u@h"), 1, NOW, &sig);
		ses_ctx_free(ctx);
		for (size_t j = 0; j < COUNT(ages); j++) {
			p.max_age_days = ages[j];
			ctx =
			    ses_ctx_with(p, (const char *const[]){"secret"}, 1);
			assert_int_equal(
			    ses_verify(ctx, addr_text(&sig), NOW, &out, NULL),
			    width != ses_time_bits(&p) ? SRS_BAD_HASH
				: ages[j] == 0         ? SRS_EXPIRED
						       : SRS_OK);
			ses_ctx_free(ctx);
		}
	}
}

/* --- random round trips --- */

struct dice {
	uint64_t state;
};

/* splitmix64 */
static unsigned
roll(struct dice *dice, unsigned sides)
{
	uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return (unsigned)((z ^ z >> 31) % sides);
}

static size_t
roll_text(struct dice *dice, const char *from, size_t max, char *to)
{
	size_t len = roll(dice, (unsigned)max + 1);

	for (size_t i = 0; i < len; i++)
		to[i] = from[roll(dice, (unsigned)strlen(from))];
	return len;
}

static struct mf_text
roll_sender(struct dice *dice, char *to)
{
	static const char plain[] = "abcXYZ019._=+-@!#/ ;:",
			  quoted[] = "aZ0 @=<>.,;:\t";
	static const char *const tags[] = {
	    "", "", "", "SRS0=", "srs0+x=", "SRS1=h=o.e=", "SES=A="};
	bool quotes = roll(dice, 3) == 0;
	size_t len = 0;

	if (quotes)
		to[len++] = '"';
	const char *tag = tags[roll(dice, COUNT(tags))];
	memcpy(to + len, tag, strlen(tag));
	len += strlen(tag);
	len += roll_text(dice, quotes ? quoted : plain, 20, to + len);
	if (quotes)
		to[len++] = '"';
	to[len++] = '@';
	len += roll_text(dice, "abcXYZ019-", 20, to + len);
	to[len++] = 'd';
	return mf_text_at(to, len);
}

static void
random_round_trips(void **state)
{
	static const char *const keys[] = {"secret", "old"};
	struct dice dice = {20240101};
	size_t rewritten = 0, too_long = 0;

	(void)state;
	for (unsigned n = 0; n < 100000; n++) {
		char from[ROOM];
		struct srs_params p = {.hash_length = 1 + roll(&dice, 27),
		    .hash_min = 1,
		    .max_age_days = 21,
		    .separator = "=+-"[roll(&dice, 3)],
		    .alphabet = roll(&dice, 2) ? SRS_BASE64 : SRS_BASE64URL,
		    .always_rewrite = roll(&dice, 2)};
		struct srs_ctx *ctx = srs_ctx_with(p, keys + roll(&dice, 2), 1);
		struct srs_ctx *both = srs_ctx_with(p, keys, 2);
		uint64_t now = NOW + roll(&dice, 2000) * (uint64_t)DAY;
		struct mf_text sender = roll_sender(&dice, from);
		struct srs_addr out;
		enum srs_status status = roll(&dice, 5) == 0
		    ? srs_sign(ctx, sender, now, &out)
		    : srs_encode(ctx, sender, MF_TEXT("f.example"), now, &out);

		too_long += status == SRS_NO_SPACE;
		if (status == SRS_OK && srs_is_srs(sender) &&
		    text_starts_fold(text_from(sender, sender.p[0] == '"'),
			MF_TEXT("SRS1"))) {
			/* Its hash is the last forwarder's: it goes. */
			struct srs_addr back;
			assert_int_equal(
			    srs_decode(both, addr_text(&out), now, &back, NULL),
			    SRS_OK);
			rewritten++;
		} else if (status == SRS_OK) {
			struct line want;
			size_t tag = sender.p[0] == '"' ? 1 : 0;
			/* A tag comes back in capitals. */
			line_set(&want, "%.*s", (int)sender.len, sender.p);
			if (srs_is_srs(sender))
				memcpy(want.text + tag, "SRS0", 4);
			expect_decode(both, addr_text(&out),
			    now + roll(&dice, 22) * (uint64_t)DAY - now % DAY,
			    SRS_OK,
			    as_address(mf_text_of(want.text),
				&(struct line){.text = ""}));
			rewritten++;
		} else if (status != SRS_NO_SPACE) {
			/* Two "=" short of being SRS1, or a route. */
			assert_int_equal(status, SRS_BAD_SYNTAX);
		}
		srs_ctx_free(ctx);
		srs_ctx_free(both);
	}
	assert_true(rewritten > 50000 && too_long > 1000);
}

static void
random_ses_round_trips(void **state)
{
	struct dice dice = {42};
	size_t signatures = 0;

	(void)state;
	for (unsigned n = 0; n < 30000; n++) {
		char from[ROOM];
		struct ses_params p = {.hash_bits = 16 + roll(&dice, 145),
		    .fraction_bits = roll(&dice, 9),
		    .max_age_days = 1 + roll(&dice, 500)};
		struct ses_ctx *ctx =
		    ses_ctx_with(p, (const char *const[]){"secret"}, 1);
		struct mf_text sender = roll_sender(&dice, from);
		uint64_t now = NOW + roll(&dice, 100000000);
		uint64_t frac = 86400u >> p.fraction_bits;
		unsigned id = roll(&dice, UINT32_MAX);
		bool fixed = roll(&dice, 2);
		struct srs_addr out;
		struct ses_info info;
		enum srs_status status = fixed
		    ? ses_sign_fixed(ctx, sender, id, &out)
		    : ses_sign(ctx, sender, id, now, &out);

		if (status == SRS_OK) {
			uint64_t later = now +
			    roll(&dice, (p.max_age_days << p.fraction_bits)) *
				frac;
			struct srs_addr back;

			expect_verify(ctx, addr_text(&out), later, SRS_OK,
			    as_address(sender, &(struct line){.text = ""}));
			ses_verify(ctx, addr_text(&out), later, &back, &info);
			assert_int_equal(info.message_id, id);
			assert_int_equal(
			    info.time_code, fixed ? 0 : now / frac);
			signatures++;
		} else {
			assert_true(status == SRS_NO_SPACE ||
			    (status == SRS_BAD_SYNTAX && sender.p[0] == '@'));
		}
		ses_ctx_free(ctx);
	}
	assert_true(signatures > 10000);
}

/* --- memory --- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void __wrap_free(void *p);
void *__wrap_CRYPTO_secure_zalloc(size_t size, const char *file, int line);
void __wrap_CRYPTO_secure_clear_free(
    void *p, size_t size, const char *file, int line);

/* Of the blocks taken while `watching`. */
static struct {
	bool watching;
	long until_failure; /* fails when this gets to 0; negative: never */
	size_t live;
	struct block {
		unsigned char *p;
		size_t size;
	} blocks[2 * SRS_KEYS_MAX];
	size_t dirty; /* freed ones that had something in them */
} memory;

static void *
memory_taken(unsigned char *p, size_t size)
{
	if (memory.watching && p != NULL) {
		assert_true(memory.live < COUNT(memory.blocks));
		memory.blocks[memory.live++] = (struct block){p, size};
	}
	return p;
}

static bool
memory_fails(void)
{
	return memory.watching && memory.until_failure >= 0 &&
	    memory.until_failure-- == 0;
}

void *
__wrap_malloc(size_t size)
{
	return memory_fails() ? NULL : memory_taken(__real_malloc(size), size);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return memory_fails() ? NULL
			      : memory_taken(__real_calloc(n, size), n * size);
}

void
__wrap_free(void *p)
{
	for (size_t i = 0; memory.watching && i < memory.live; i++) {
		struct block *block = &memory.blocks[i];
		size_t used = 0;

		if (block->p != p)
			continue;
		for (size_t at = 0; at < block->size; at++)
			used += block->p[at] != 0;
		memory.dirty += used != 0;
		*block = memory.blocks[--memory.live];
		break;
	}
	__real_free(p);
}

/* Keys are in OpenSSL's secure heap. */
void *
__wrap_CRYPTO_secure_zalloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return __wrap_calloc(1, size);
}

void
__wrap_CRYPTO_secure_clear_free(
    void *p, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	if (p != NULL)
		OPENSSL_cleanse(p, size);
	__wrap_free(p);
}

/* The n-th allocation fails, for every n: told, nothing lost, still usable. */
static void
memory_failures(void **state)
{
	enum { KEYS = 5 };
	bool finished = false;

	(void)state;
	for (long n = 0; !finished; n++) {
		struct srs_params p = SRS_PARAMS_DEFAULT;
		struct srs_ctx *ctx = NULL;
		struct srs_addr srs, out;
		unsigned keys = 0, failures = 0;

		memory.live = 0;
		memory.until_failure = n;
		memory.watching = true;
		enum srs_status status = srs_ctx_new(&p, &ctx);
		if (status != SRS_OK) {
			assert_int_equal(status, SRS_NO_MEMORY);
			assert_null(ctx);
			assert_int_equal(memory.live, 0);
			failures++;
			assert_int_equal(srs_ctx_new(&p, &ctx), SRS_OK);
		}
		for (unsigned k = 0; k < KEYS; k++) {
			char key[] = "key ?";

			key[4] = (char)('0' + k);
			status = srs_ctx_add_key(ctx, mf_text_of(key));
			if (status != SRS_OK) {
				assert_int_equal(status, SRS_NO_MEMORY);
				failures++;
				/* The keys from before still work. */
				assert_int_equal(srs_encode(ctx, MF_TEXT("u@h"),
						     MF_TEXT("f"), NOW, &srs),
				    k == 0 ? SRS_NO_KEY : SRS_OK);
				continue;
			}
			keys++;
		}
		assert_int_equal(keys + failures - (n == 0), KEYS);
		/* Nothing else allocates. */
		memory.until_failure = 0;
		assert_int_equal(
		    srs_encode(ctx, MF_TEXT("u@h"), MF_TEXT("f"), NOW, &srs),
		    SRS_OK);
		assert_int_equal(
		    srs_decode(ctx, addr_text(&srs), NOW, &out, NULL), SRS_OK);
		assert_int_equal(memory.until_failure, 0);
		srs_ctx_free(ctx);
		memory.watching = false;
		assert_int_equal(memory.live, 0);
		finished = failures == 0;
		assert_true(n < 50);
		assert_true(!finished || n == KEYS + 1);
	}
}

static void
memory_failures_of_ses(void **state)
{
	bool finished = false;

	(void)state;
	for (long n = 0; !finished; n++) {
		struct ses_params p = SES_PARAMS_DEFAULT;
		struct ses_ctx *ctx = NULL;
		struct srs_addr ses, out;

		memory.live = 0;
		memory.until_failure = n;
		memory.watching = true;
		enum srs_status made = ses_ctx_new(&p, &ctx);
		enum srs_status added = SRS_NO_MEMORY;
		if (made == SRS_OK)
			added = ses_ctx_add_key(ctx, MF_TEXT("secret"));
		finished = made == SRS_OK && added == SRS_OK;
		assert_int_equal(made, n == 0 ? SRS_NO_MEMORY : SRS_OK);
		assert_int_equal(added, finished ? SRS_OK : SRS_NO_MEMORY);
		assert_int_equal(ctx == NULL, made != SRS_OK);
		memory.until_failure = 0;
		if (finished) {
			assert_int_equal(
			    ses_sign(ctx, MF_TEXT("u@h"), 1, NOW, &ses),
			    SRS_OK);
			assert_int_equal(
			    ses_verify(ctx, addr_text(&ses), NOW, &out, NULL),
			    SRS_OK);
		}
		assert_int_equal(memory.until_failure, 0);
		ses_ctx_free(ctx);
		memory.watching = false;
		assert_int_equal(memory.live, 0);
		assert_int_equal(finished, n == 2);
	}
}

static void
memory_failures_of_rrs(void **state)
{
	bool finished = false;

	(void)state;
	for (long n = 0; !finished; n++) {
		struct rrs_ctx *ctx = NULL;
		struct srs_addr rrs, out;

		memory.live = 0;
		memory.until_failure = n;
		memory.watching = true;
		enum srs_status made = rrs_ctx_new(&ctx);
		enum srs_status added = SRS_NO_MEMORY;
		if (made == SRS_OK)
			added = rrs_ctx_add_key(ctx, MF_TEXT("secret"));
		finished = made == SRS_OK && added == SRS_OK;
		assert_int_equal(made, n == 0 ? SRS_NO_MEMORY : SRS_OK);
		assert_int_equal(added, finished ? SRS_OK : SRS_NO_MEMORY);
		assert_int_equal(ctx == NULL, made != SRS_OK);
		memory.until_failure = 0;
		if (finished) {
			assert_int_equal(rrs_encode(ctx, MF_TEXT("f.example"),
					     MF_TEXT("u@h"), &rrs),
			    SRS_OK);
			assert_int_equal(
			    rrs_decode(ctx, addr_text(&rrs), &out, NULL),
			    SRS_OK);
		}
		assert_int_equal(memory.until_failure, 0);
		rrs_ctx_free(ctx);
		memory.watching = false;
		assert_int_equal(memory.live, 0);
		assert_int_equal(finished, n == 2);
	}
}

/* No block that held a key goes back with anything in it. */
static void
memory_wiped(void **state)
{
	struct keyring_ ring = {0};

	(void)state;
	memory.live = memory.dirty = 0;
	memory.until_failure = -1;
	memory.watching = true;
	for (unsigned k = 0; k < 10; k++)
		assert_int_equal(
		    keyring_add_(&ring, MF_TEXT("secret")), SRS_OK);
	assert_int_equal(memory.live, 1);
	keyring_clear_(&ring);
	memory.watching = false;
	assert_int_equal(memory.live, 0);
	assert_int_equal(memory.dirty, 0);
	assert_null(ring.keys);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hmac_rfc2202),
	    cmocka_unit_test(hmac_all_lengths),
	    cmocka_unit_test(key_comparison),
	    cmocka_unit_test(key_limits),
	    cmocka_unit_test(key_octets),
	    cmocka_unit_test(several_keys),
	    cmocka_unit_test(params),
	    cmocka_unit_test(status_texts),
	    cmocka_unit_test(limits_of_encode),
	    cmocka_unit_test(limits_of_decode),
	    cmocka_unit_test(limits_of_ses),
	    cmocka_unit_test(statuses),
	    cmocka_unit_test(statuses_of_the_context),
	    cmocka_unit_test(shapes),
	    cmocka_unit_test(timestamps_cyclic),
	    cmocka_unit_test(timestamps_by_the_second),
	    cmocka_unit_test(timestamps_malformed),
	    cmocka_unit_test(hash_every_change),
	    cmocka_unit_test(hash_lengths),
	    cmocka_unit_test(hash_alphabets),
	    cmocka_unit_test(odd_senders_come_back),
	    cmocka_unit_test(what_is_no_address_is_refused),
	    cmocka_unit_test(quotes_are_added),
	    cmocka_unit_test(quotes_are_not_signed),
	    cmocka_unit_test(octets),
	    cmocka_unit_test(own_domain_stays),
	    cmocka_unit_test(sign_form),
	    cmocka_unit_test(srs1_strictness),
	    cmocka_unit_test(info_fields),
	    cmocka_unit_test(chain_of_three),
	    cmocka_unit_test(ses_written),
	    cmocka_unit_test(ses_every_bit),
	    cmocka_unit_test(ses_what_is_signed),
	    cmocka_unit_test(ses_forged_fixed),
	    cmocka_unit_test(ses_windows),
	    cmocka_unit_test(ses_fixed_never_expires),
	    cmocka_unit_test(ses_widths),
	    cmocka_unit_test(random_round_trips),
	    cmocka_unit_test(random_ses_round_trips),
	    cmocka_unit_test(memory_failures),
	    cmocka_unit_test(memory_failures_of_ses),
	    cmocka_unit_test(memory_failures_of_rrs),
	    cmocka_unit_test(memory_wiped),
	};

	return cmocka_run_group_tests_name("libsrs", tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * RRS addresses: what is signed, limits, every status, case, several keys, and
 * that no hash of another scheme passes for one of theirs, nor theirs for one.
 *
 * OpenSSL's one-shot HMAC is the judge of what libsrs signs.
 */
#include "tests/unit/support.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <mailfrom/rrs.h>
#include <mailfrom/ses.h>

#define SECRET "correct horse battery staple"

static const char base32[] = "abcdefghijklmnopqrstuvwxyz234567";

static struct rrs_ctx *
ctx_with(const char *const *keys, size_t count)
{
	struct rrs_ctx *ctx = NULL;

	assert_int_equal(rrs_ctx_new(&ctx), SRS_OK);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(
		    rrs_ctx_add_key(ctx, mf_text_of(keys[i])), SRS_OK);
	return ctx;
}

static struct rrs_ctx *
ctx_default(void)
{
	return ctx_with((const char *const[]){SECRET}, 1);
}

static struct mf_text
addr_text(const struct srs_addr *addr)
{
	return mf_text_at(addr->text, addr->len);
}

static void
expect_encode(const struct rrs_ctx *ctx, const char *forwarder,
    const char *recipient, enum srs_status want, const char *want_text)
{
	struct srs_addr out;

	memset(&out, 'x', sizeof(out));
	expect_int(recipient, forwarder,
	    rrs_encode(ctx, mf_text_of(forwarder), mf_text_of(recipient), &out),
	    want);
	expect_str(recipient, forwarder, out.text, want_text);
	expect_int(recipient, "length", (long long)out.len,
	    (long long)strlen(want_text));
}

static void
expect_decode(const struct rrs_ctx *ctx, const char *address,
    enum srs_status want, const char *want_text)
{
	struct srs_addr out;

	memset(&out, 'x', sizeof(out));
	expect_int(address, "status",
	    rrs_decode(ctx, mf_text_of(address), &out, NULL), want);
	expect_str(address, "recipient", out.text, want_text);
}

/* --- what is signed --- */

/* The first 12 characters of base 32 of what OpenSSL makes of the fields. */
static void
judge_hash(const char *const fields[4], char out[static RRS_HASH_LEN + 1])
{
	uint8_t message[512], mac[EVP_MAX_MD_SIZE];
	unsigned mac_len = 0;
	size_t len = 0;

	for (int i = 0; i < 4; i++) {
		size_t n = strlen(fields[i]);

		message[len++] = (uint8_t)(n >> 8);
		message[len++] = (uint8_t)n;
		memcpy(message + len, fields[i], n);
		len += n;
	}
	HMAC(EVP_sha256(), SECRET, strlen(SECRET), message, len, mac, &mac_len);
	assert_int_equal(mac_len, 32);
	for (unsigned i = 0; i < RRS_HASH_LEN; i++) {
		unsigned value = 0;

		for (unsigned bit = 5 * i; bit < 5 * i + 5; bit++)
			value =
			    value << 1 | (mac[bit / 8] >> (7 - bit % 8) & 1);
		out[i] = base32[value];
	}
	out[RRS_HASH_LEN] = '\0';
}

static void
hash_is_hmac_sha256(void **state)
{
	static const struct {
		const char *forwarder, *recipient, *fields[4];
		const char *quote;
	} rows[] = {
	    {"old.example", "bob@our.example",
		{"rrs1", "old.example", "bob", "our.example"}, ""},
	    {"Old.Example", "Bob+x@Our.Example",
		{"rrs1", "old.example", "bob+x", "our.example"}, ""},
	    {"old.example", "\"a b\"@our.example",
		{"rrs1", "old.example", "a b", "our.example"}, "\""},
	    {"a.b", "x@[192.0.2.1]", {"rrs1", "a.b", "x", "[192.0.2.1]"}, ""},
	    {"a_b.c-d.example", "b\xc3\xbc@o\xc3\xa9.example",
		{"rrs1", "a_b.c-d.example", "b\xc3\xbc", "o\xc3\xa9.example"},
		""},
	    {"old.example", "a=b=c@our.example",
		{"rrs1", "old.example", "a=b=c", "our.example"}, ""},
	};
	struct rrs_ctx *ctx = ctx_default();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char hash[RRS_HASH_LEN + 1], want[256], local[64];
		const char *at = strrchr(rows[i].recipient, '@');
		size_t quotes = strlen(rows[i].quote);

		judge_hash(rows[i].fields, hash);
		snprintf(local, sizeof(local), "%.*s",
		    (int)(at - rows[i].recipient) - 2 * (int)quotes,
		    rows[i].recipient + quotes);
		snprintf(want, sizeof(want), "%srrs=%s=%s=%s%s%s",
		    rows[i].quote, hash, rows[i].forwarder, local,
		    rows[i].quote, at);
		expect_encode(
		    ctx, rows[i].forwarder, rows[i].recipient, SRS_OK, want);
		expect_decode(ctx, want, SRS_OK, rows[i].recipient);
	}
	rrs_ctx_free(ctx);
}

/* A key longer than a block is hashed first (RFC 2104). */
static void
key_lengths(void **state)
{
	static char key[SRS_KEY_MAX + 1];

	(void)state;
	memset(key, 'k', sizeof(key));
	for (size_t len = 1; len <= SRS_KEY_MAX; len = len * 2 - len / 3) {
		struct rrs_ctx *ctx = ctx_with(NULL, 0);
		struct srs_addr out;
		uint8_t mac[32];

		assert_int_equal(
		    rrs_ctx_add_key(ctx, mf_text_at(key, len)), SRS_OK);
		assert_int_equal(
		    rrs_encode(ctx, MF_TEXT("a.b"), MF_TEXT("c@d"), &out),
		    SRS_OK);
		HMAC(EVP_sha256(), key, (int)len,
		    (const unsigned char *)"\0\4rrs1\0\3a.b\0\1c\0\1d", 17, mac,
		    NULL);
		for (unsigned i = 0; i < RRS_HASH_LEN; i++) {
			unsigned value = (unsigned)(mac[5 * i / 8] << 8 |
					     mac[5 * i / 8 + 1]) >>
				(11 - 5 * i % 8) &
			    31;

			assert_int_equal(out.text[4 + i], base32[value]);
		}
		rrs_ctx_free(ctx);
	}
}

static void
key_limits(void **state)
{
	static char key[SRS_KEY_MAX + 1];
	struct rrs_ctx *ctx = ctx_with(NULL, 0);

	(void)state;
	memset(key, 'k', sizeof(key));
	expect_encode(ctx, "a.b", "c@d", SRS_NO_KEY, "");
	expect_decode(ctx, "rrs=aaaaaaaaaaaa=a.b=c@d", SRS_NO_KEY, "");
	assert_int_equal(rrs_ctx_add_key(ctx, MF_TEXT("")), SRS_BAD_PARAM);
	assert_int_equal(
	    rrs_ctx_add_key(ctx, mf_text_at(key, sizeof(key))), SRS_BAD_PARAM);
	for (unsigned i = 0; i < SRS_KEYS_MAX; i++)
		assert_int_equal(rrs_ctx_add_key(ctx, MF_TEXT("k")), SRS_OK);
	assert_int_equal(rrs_ctx_add_key(ctx, MF_TEXT("k")), SRS_BAD_PARAM);
	rrs_ctx_free(ctx);
	rrs_ctx_free(NULL);
}

/* --- statuses --- */

#define N10 "abcdefghij"
#define N40 N10 N10 N10 N10

static void
encode_statuses(void **state)
{
	static const struct {
		const char *forwarder, *recipient;
		enum srs_status want;
	} rows[] = {
	    {"", "bob@our.example", SRS_BAD_FORWARDER},
	    {"example", "bob@our.example", SRS_BAD_FORWARDER},
	    {"example.", "bob@our.example", SRS_BAD_FORWARDER},
	    {"old.example.", "bob@our.example", SRS_BAD_FORWARDER},
	    {".old.example", "bob@our.example", SRS_BAD_FORWARDER},
	    {"old..example", "bob@our.example", SRS_BAD_FORWARDER},
	    {"ann@old.example", "bob@our.example", SRS_BAD_FORWARDER},
	    {"old=new.example", "bob@our.example", SRS_BAD_FORWARDER},
	    {"[192.0.2.1]", "bob@our.example", SRS_BAD_FORWARDER},
	    {"old.example x", "bob@our.example", SRS_BAD_FORWARDER},
	    {"o\xc3\xa9.example", "bob@our.example", SRS_BAD_FORWARDER},
	    {"old.example", "", SRS_BAD_SYNTAX},
	    {"old.example", "bob", SRS_BAD_SYNTAX},
	    {"old.example", "@our.example", SRS_BAD_SYNTAX},
	    {"old.example", "\"\"@our.example", SRS_BAD_SYNTAX},
	    {"old.example", "bob@", SRS_BAD_SYNTAX},
	    {"old.example", "b\"ob@our.example", SRS_BAD_SYNTAX},
	    {"old.example", "<bob@our.example>", SRS_BAD_SYNTAX},
	    {"old.example", "bob\r\n@our.example", SRS_BAD_SYNTAX},
	    {"old.example", "SRS0=a=b=c=d@our.example", SRS_BAD_SYNTAX},
	    {"old.example", "srs1+a=b==c@our.example", SRS_BAD_SYNTAX},
	    {"old.example", "SES=a=d@our.example", SRS_BAD_SYNTAX},
	    {"old.example", "rrs=a=b.c=d@our.example", SRS_BAD_SYNTAX},
	    {"old.example", "\"RRS=x\"@our.example", SRS_BAD_SYNTAX},
	    {"old.example", N40 "@our.example", SRS_NO_SPACE},
	    {N40 "." N40, "bob@our.example", SRS_NO_SPACE},
	};
	struct rrs_ctx *ctx = ctx_default();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		expect_encode(ctx, rows[i].forwarder, rows[i].recipient,
		    rows[i].want, "");
	rrs_ctx_free(ctx);
}

/* "rrs=", 12 and two "=" leave 46 for forwarder and user, quotes included. */
static void
limits(void **state)
{
	struct rrs_ctx *ctx = ctx_default();
	struct srs_addr out, back;
	char user[80];

	(void)state;
	for (size_t len = 1; len < 60; len++) {
		bool fits = 4 + RRS_HASH_LEN + 1 + 11 + 1 + len <= 64;

		memset(user, 'u', len);
		strcpy(user + len, "@our.example");
		assert_int_equal(rrs_encode(ctx, MF_TEXT("old.example"),
				     mf_text_of(user), &out),
		    fits ? SRS_OK : SRS_NO_SPACE);
		if (!fits)
			continue;
		assert_int_equal(
		    rrs_decode(ctx, addr_text(&out), &back, NULL), SRS_OK);
		assert_string_equal(back.text, user);
	}
	rrs_ctx_free(ctx);
}

static void
decode_statuses(void **state)
{
	static const struct {
		const char *address;
		enum srs_status want;
	} rows[] = {
	    {"", SRS_NOT_SRS},
	    {"bob", SRS_NOT_SRS},
	    {"bob@our.example", SRS_NOT_SRS},
	    {"rrs=@our.example", SRS_NOT_SRS},
	    {"rrs@our.example", SRS_NOT_SRS},
	    {"rrs+a=b.c=d@our.example", SRS_NOT_SRS},
	    {"SRS0=aaaaaa=aa=old.example=bob@our.example", SRS_NOT_SRS},
	    {"rrs=aaaaaaaaaaaa=old.example=bob", SRS_NOT_SRS},
	    {"rrs=x@our.example", SRS_BAD_SYNTAX},
	    {"rrs=aaaaaaaaaaaa@our.example", SRS_BAD_SYNTAX},
	    {"rrs=aaaaaaaaaaaa=old.example@our.example", SRS_BAD_SYNTAX},
	    {"rrs=aaaaaaaaaaaa=old.example=@our.example", SRS_BAD_SYNTAX},
	    {"rrs=aaaaaaaaaaaa=old.example=bob@", SRS_BAD_SYNTAX},
	    {"rrs=aaaaaaaaaaaa=old=bob@our.example", SRS_BAD_FORWARDER},
	    {"rrs=aaaaaaaaaaaa==bob@our.example", SRS_BAD_FORWARDER},
	    {"rrs=aaaaaaaaaaa=old.example=bob@our.example", SRS_SHORT_HASH},
	    {"rrs==old.example=bob@our.example", SRS_SHORT_HASH},
	    {"rrs=aaaaaaaaaaaa=old.example=bob@our.example", SRS_BAD_HASH},
	    {"rrs=aaaaaaaaaaaaa=old.example=bob@our.example", SRS_BAD_HASH},
	    {"rrs=0189+/-_.,!?=old.example=bob@our.example", SRS_BAD_HASH},
	};
	struct rrs_ctx *ctx = ctx_default();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mf_text t = mf_text_of(rows[i].address);

		expect_decode(ctx, rows[i].address, rows[i].want, "");
		expect_int(rows[i].address, "shape", rrs_is_rrs(t),
		    rows[i].want != SRS_NOT_SRS &&
			strcmp(rows[i].address,
			    "rrs=aaaaaaaaaaaa=old.example=bob@") != 0);
	}
	rrs_ctx_free(ctx);
}

/* Whoever holds the key may have signed what we don't: it isn't restored. */
static void
nested_ones_are_refused(void **state)
{
	static const char *const users[] = {
	    "srs0=aaaaaa=aa=x.example=y", "SES=x=y", "rrs=aaaaaaaaaaaa=a.b=c"};
	struct rrs_ctx *ctx = ctx_default();

	(void)state;
	for (size_t i = 0; i < COUNT(users); i++) {
		char hash[RRS_HASH_LEN + 1], address[128], folded[64];

		snprintf(folded, sizeof(folded), "%s", users[i]);
		ascii_lower_all(folded, strlen(folded));
		judge_hash(
		    (const char *const[]){"rrs1", "a.b", folded, "our.example"},
		    hash);
		snprintf(address, sizeof(address), "rrs=%s=a.b=%s@our.example",
		    hash, users[i]);
		expect_decode(ctx, address, SRS_BAD_SYNTAX, "");
	}
	rrs_ctx_free(ctx);
}

/* --- the hash --- */

static void
case_is_folded_and_kept(void **state)
{
	struct rrs_ctx *ctx = ctx_default();
	struct srs_addr out, back;
	struct rrs_info info;
	char upper[SRS_ADDR_SIZE];

	(void)state;
	assert_int_equal(rrs_encode(ctx, MF_TEXT("old.example"),
			     MF_TEXT("Bob.Smith@Our.example"), &out),
	    SRS_OK);
	for (size_t i = 0; i <= out.len; i++)
		upper[i] = ascii_upper(out.text[i]);
	assert_int_equal(
	    rrs_decode(ctx, addr_text(&out), &back, &info), SRS_OK);
	assert_string_equal(back.text, "Bob.Smith@Our.example");
	assert_true(info.verified && !info.quoted);
	expect_text(
	    "info", "forwarder", info.forwarder, MF_TEXT("old.example"));
	expect_text("info", "user", info.user, MF_TEXT("Bob.Smith"));
	expect_text("info", "domain", info.domain, MF_TEXT("Our.example"));
	assert_int_equal(info.hash.len, RRS_HASH_LEN);
	expect_decode(ctx, upper, SRS_OK, "BOB.SMITH@OUR.EXAMPLE");
	ascii_lower_all(out.text, out.len);
	expect_decode(ctx, out.text, SRS_OK, "bob.smith@our.example");
	rrs_ctx_free(ctx);
}

/* No octet can be another one, in any place. */
static void
every_change_is_noticed(void **state)
{
	struct rrs_ctx *ctx = ctx_default();
	struct srs_addr out, back;

	(void)state;
	assert_int_equal(rrs_encode(ctx, MF_TEXT("old.example"),
			     MF_TEXT("bob@our.example"), &out),
	    SRS_OK);
	for (size_t i = 0; i < out.len; i++)
		for (unsigned c = 1; c < 256; c++) {
			struct srs_addr other = out;

			other.text[i] = (char)c;
			if (ascii_lower((char)c) == ascii_lower(out.text[i]))
				continue;
			if (rrs_decode(ctx, addr_text(&other), &back, NULL) ==
			    SRS_OK)
				fail_msg("%s passes", other.text);
		}
	rrs_ctx_free(ctx);
}

/* What moves from one field to the next gives another hash. */
static void
fields_have_borders(void **state)
{
	struct rrs_ctx *ctx = ctx_default();
	struct srs_addr a, b;

	(void)state;
	assert_int_equal(
	    rrs_encode(ctx, MF_TEXT("a.bb"), MF_TEXT("c@d"), &a), SRS_OK);
	assert_int_equal(
	    rrs_encode(ctx, MF_TEXT("a.b"), MF_TEXT("bc@d"), &b), SRS_OK);
	assert_memory_not_equal(a.text, b.text, 4 + RRS_HASH_LEN);
	assert_int_equal(
	    rrs_encode(ctx, MF_TEXT("a.b"), MF_TEXT("b@cd"), &b), SRS_OK);
	assert_int_equal(
	    rrs_encode(ctx, MF_TEXT("a.b"), MF_TEXT("bc@d"), &a), SRS_OK);
	assert_memory_not_equal(a.text, b.text, 4 + RRS_HASH_LEN);
	rrs_ctx_free(ctx);
}

static void
several_keys_verify(void **state)
{
	static const char *const keys[] = {"new one", "old one", "oldest one"};
	struct rrs_ctx *all = ctx_with(keys, COUNT(keys));

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++) {
		struct rrs_ctx *one = ctx_with(&keys[i], 1);
		struct rrs_info info;
		struct srs_addr out, back;

		assert_int_equal(rrs_encode(one, MF_TEXT("old.example"),
				     MF_TEXT("bob@our.example"), &out),
		    SRS_OK);
		assert_int_equal(
		    rrs_decode(all, addr_text(&out), &back, &info), SRS_OK);
		assert_int_equal(info.key, i);
		assert_int_equal(rrs_encode(all, MF_TEXT("old.example"),
				     MF_TEXT("bob@our.example"), &back),
		    SRS_OK);
		assert_int_equal(
		    mf_text_eq(addr_text(&back), addr_text(&out)), i == 0);
		rrs_ctx_free(one);
	}
	rrs_ctx_free(all);
}

/* --- three schemes, one key --- */

struct schemes {
	struct srs_ctx *srs;
	struct ses_ctx *ses;
	struct rrs_ctx *rrs;
	uint64_t random;
	unsigned checked;
};

static const char *
random_word(struct schemes *s, char *out, size_t min, size_t max)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	size_t len = min + random_next(&s->random) % (max - min + 1);

	for (size_t i = 0; i < len; i++)
		out[i] = letters[random_next(&s->random) % 36];
	out[len] = '\0';
	return out;
}

static struct mf_text written(char *out, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static struct mf_text
written(char *out, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int len = vsnprintf(out, size, format, args);
	va_end(args);
	assert_true(len > 0 && (size_t)len < size);
	return mf_text_at(out, (size_t)len);
}

static void
expect_foreign_to_rrs(struct schemes *s, struct mf_text address)
{
	struct srs_addr out;
	enum srs_status status = rrs_decode(s->rrs, address, &out, NULL);

	s->checked++;
	if (status == SRS_OK)
		fail_msg("%.*s passes as RRS", (int)address.len, address.p);
}

static void
expect_foreign_to_others(struct schemes *s, struct mf_text address)
{
	struct srs_addr out;
	struct srs_info info;

	s->checked++;
	/* A wrong date would hide a hash that is right. */
	srs_decode(s->srs, address, NOW, &out, &info);
	if (info.verified)
		fail_msg("%.*s passes as SRS", (int)address.len, address.p);
	enum srs_status status = ses_verify(s->ses, address, NOW, &out, NULL);
	if (status == SRS_OK || status == SRS_EXPIRED)
		fail_msg("%.*s passes as SES", (int)address.len, address.p);
}

/* As many bits of a hash in the digits of the other scheme. */
static void
recode(const char *from, const char *digits, unsigned bits, char *to,
    const char *other, unsigned other_bits, unsigned count)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 60 / bits; i++) {
		const char *digit = strchr(digits, from[i]);

		assert_non_null(digit);
		value = value << bits | (uint64_t)(digit - digits);
	}
	for (unsigned i = 0; i < count; i++)
		to[i] = other[value >> (60 - other_bits * (i + 1)) &
		    ((1u << other_bits) - 1)];
	to[count] = '\0';
}

static const char base64url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void
rrs_as_others(struct schemes *s, const char *forwarder, const char *user,
    const char *domain)
{
	char recipient[128], hash[32], recoded[32], room[256];
	struct srs_addr rrs;

	assert_int_equal(
	    rrs_encode(s->rrs, mf_text_of(forwarder),
		written(recipient, sizeof(recipient), "%s@%s", user, domain),
		&rrs),
	    SRS_OK);
	snprintf(hash, sizeof(hash), "%.12s", rrs.text + 4);
	recode(hash, base32, 5, recoded, base64url, 6, 10);
	expect_foreign_to_others(s, addr_text(&rrs));
	const char *const hashes[] = {hash, recoded};
	for (size_t i = 0; i < COUNT(hashes); i++) {
		expect_foreign_to_others(s,
		    written(room, sizeof(room), "SRS0=%s=G3=%s=%s@%s",
			hashes[i], forwarder, user, domain));
		expect_foreign_to_others(s,
		    written(room, sizeof(room), "SRS0=%s=G3==%s@%s", hashes[i],
			user, domain));
		expect_foreign_to_others(s,
		    written(room, sizeof(room), "SRS1=%s=%s==%s@%s", hashes[i],
			forwarder, user, domain));
		expect_foreign_to_others(s,
		    written(room, sizeof(room), "SES=%s=%s@%s", hashes[i], user,
			domain));
	}
}

static void
others_as_rrs(struct schemes *s, const char *forwarder, const char *user,
    const char *domain)
{
	char sender[128], recoded[32], room[256];
	struct srs_addr srs, ses;

	assert_int_equal(
	    srs_encode(s->srs,
		written(sender, sizeof(sender), "%s@%s", user, forwarder),
		mf_text_of(domain), NOW, &srs),
	    SRS_OK);
	expect_foreign_to_rrs(s, addr_text(&srs));
	recode(srs.text + 5, base64url, 6, recoded, base32, 5, 12);
	expect_foreign_to_rrs(s,
	    written(room, sizeof(room), "rrs=%s=%s=%s@%s", recoded, forwarder,
		user, domain));
	expect_foreign_to_rrs(s,
	    written(room, sizeof(room), "rrs=%.12s=%s=%s@%s", srs.text + 5,
		forwarder, user, domain));
	assert_int_equal(
	    ses_sign(s->ses,
		written(sender, sizeof(sender), "%s@%s", user, domain),
		random_next(&s->random) >> 32, NOW, &ses),
	    SRS_OK);
	expect_foreign_to_rrs(s, addr_text(&ses));
	expect_foreign_to_rrs(s,
	    written(room, sizeof(room), "rrs=%.12s=%s=%s@%s", ses.text + 4,
		forwarder, user, domain));
}

#define FIELDS 100000

static void
no_hash_passes_in_another_scheme(void **state)
{
	struct srs_params srs = SRS_PARAMS_DEFAULT;
	struct ses_params ses = SES_PARAMS_DEFAULT;
	struct schemes s = {.random = 0x9e3779b97f4a7c15};

	(void)state;
	srs.hash_length = 10;
	assert_int_equal(srs_ctx_new(&srs, &s.srs), SRS_OK);
	assert_int_equal(ses_ctx_new(&ses, &s.ses), SRS_OK);
	s.rrs = ctx_default();
	assert_int_equal(srs_ctx_add_key(s.srs, MF_TEXT(SECRET)), SRS_OK);
	assert_int_equal(ses_ctx_add_key(s.ses, MF_TEXT(SECRET)), SRS_OK);
	for (unsigned i = 0; i < FIELDS; i++) {
		char forwarder[32], user[32], domain[32], tail[8];

		random_word(&s, forwarder, 1, 10);
		strcat(forwarder, ".");
		strcat(forwarder, random_word(&s, tail, 2, 5));
		random_word(&s, user, 1, 10);
		random_word(&s, domain, 2, 20);
		rrs_as_others(&s, forwarder, user, domain);
		others_as_rrs(&s, forwarder, user, domain);
	}
	assert_int_equal(s.checked, FIELDS * 14);
	srs_ctx_free(s.srs);
	ses_ctx_free(s.ses);
	rrs_ctx_free(s.rrs);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(hash_is_hmac_sha256),
	    cmocka_unit_test(key_lengths),
	    cmocka_unit_test(key_limits),
	    cmocka_unit_test(encode_statuses),
	    cmocka_unit_test(limits),
	    cmocka_unit_test(decode_statuses),
	    cmocka_unit_test(nested_ones_are_refused),
	    cmocka_unit_test(case_is_folded_and_kept),
	    cmocka_unit_test(every_change_is_noticed),
	    cmocka_unit_test(fields_have_borders),
	    cmocka_unit_test(several_keys_verify),
	    cmocka_unit_test(no_hash_passes_in_another_scheme),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

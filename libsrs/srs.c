/* SPDX-License-Identifier: ISC */
/*
 * SRS0 and SRS1, both directions.
 *
 *	SRS0 = tag sep hash "=" timestamp "=" host "=" user
 *	SRS1 = tag sep hash "=" host1 "=" rest		rest: sep0 and SRS0's
 *
 * The hash of SRS0 is over timestamp, host and user, that of SRS1 over host1
 * and rest, all in lower case and joined without delimiters.  The fields of
 * user and rest may contain "=" themselves, so they come last and are what is
 * left after the first three (two) cuts.
 */
#include <mailfrom/srs.h>

#include "libsrs/key_.h"
#include "libsrs/mailbox_.h"
#include "libsrs/srs_.h"
#include "libsrs/stamp_.h"

#include <stdlib.h>

#define TAG_LEN 4 /* "SRS0" */

struct srs_ctx {
	struct srs_params params;
	struct keyring_ keys;
};

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64url_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static bool
params_ok(const struct srs_params *p)
{
	return p->hash_length >= 1 && p->hash_length <= SRS_HASH_MAX &&
	    p->hash_min >= 1 && p->hash_min <= p->hash_length &&
	    p->max_age_days <= SRS_AGE_DAYS_MAX &&
	    p->future_days <= SRS_FUTURE_DAYS_MAX &&
	    (p->separator == '=' || p->separator == '+' ||
		p->separator == '-') &&
	    (p->alphabet == SRS_BASE64 || p->alphabet == SRS_BASE64URL);
}

enum srs_status
srs_ctx_new(const struct srs_params *params, struct srs_ctx **out)
{
	struct srs_ctx *ctx;

	*out = NULL;
	if (!params_ok(params))
		return SRS_BAD_PARAM;
	ctx = calloc(1, sizeof(*ctx));
	if (ctx == NULL)
		return SRS_NO_MEMORY;
	ctx->params = *params;
	*out = ctx;
	return SRS_OK;
}

void
srs_ctx_free(struct srs_ctx *ctx)
{
	if (ctx == NULL)
		return;
	keyring_clear_(&ctx->keys);
	free(ctx);
}

enum srs_status
srs_ctx_add_key(struct srs_ctx *ctx, struct mf_text key)
{
	return keyring_add_(&ctx->keys, key);
}

const struct keyring_ *
srs_keyring_(const struct srs_ctx *ctx)
{
	return &ctx->keys;
}

/* --- the tag --- */

/* 0 or 1 for a local part that begins like SRS0= or SRS1=, else -1. */
static int
srs_version(struct mf_text local)
{
	if (local.len <= TAG_LEN || !text_starts_fold(local, MF_TEXT("SRS")))
		return -1;
	if (local.p[3] != '0' && local.p[3] != '1')
		return -1;
	if (local.p[4] != '=' && local.p[4] != '+' && local.p[4] != '-')
		return -1;
	return local.p[3] - '0';
}

bool
srs_is_srs(struct mf_text address)
{
	struct mailbox_ box;

	return mailbox_parse_(address, &box) == SRS_OK &&
	    srs_version(box.local) >= 0;
}

/* --- the timestamp --- */

static enum srs_status
stamp_check(const struct srs_params *params, int age_days)
{
	if (age_days < 0)
		return -age_days <= (int)params->future_days ? SRS_OK
							     : SRS_FUTURE;
	return age_days <= (int)params->max_age_days ? SRS_OK : SRS_EXPIRED;
}

/* --- the hash --- */

/*
 * What is signed: up to three fields, joined, in lower case.  The fields are
 * parts of one address of at most SRS_INPUT_MAX octets, plus a stamp.
 */
struct hash_input {
	size_t len;
	char text[SRS_INPUT_MAX + STAMP_LEN];
};

static void
hash_input_build(
    struct hash_input *m, struct mf_text a, struct mf_text b, struct mf_text c)
{
	struct text_out o = text_out(m->text, sizeof(m->text));

	out_text(&o, a);
	out_text(&o, b);
	out_text(&o, c);
	ascii_lower_all(m->text, o.len);
	m->len = o.len;
}

/*
 * The first len characters of 20 octets in base64; whole groups of four are
 * written, hence the room.
 */
#define HASH_ROOM 28

static void
hash_text(const uint8_t mac[static KEY_MAC_SIZE], const char digits[static 64],
    size_t len, char out[static HASH_ROOM])
{
	uint8_t octets[KEY_MAC_SIZE + 1];

	memcpy(octets, mac, KEY_MAC_SIZE);
	octets[KEY_MAC_SIZE] = 0;
	for (size_t i = 0, at = 0; at < len; i += 3) {
		uint32_t bits = (uint32_t)octets[i] << 16 |
		    (uint32_t)octets[i + 1] << 8 | octets[i + 2];

		out[at++] = digits[bits >> 18];
		out[at++] = digits[bits >> 12 & 63];
		out[at++] = digits[bits >> 6 & 63];
		out[at++] = digits[bits & 63];
	}
}

/* Write the signing key's hash of m. */
static void
hash_create(const struct srs_ctx *ctx, const struct hash_input *m,
    char out[static HASH_ROOM])
{
	uint8_t mac[KEY_MAC_SIZE];

	keyring_mac_(&ctx->keys, 0, m->text, m->len, mac);
	hash_text(mac,
	    ctx->params.alphabet == SRS_BASE64 ? base64_digits
					       : base64url_digits,
	    ctx->params.hash_length, out);
}

/* One spelling for both alphabets and both cases. */
static void
hash_fold(char *hash, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = ascii_lower(hash[i]);

		hash[i] = c == '-' ? '+' : c == '_' ? '/' : c;
	}
}

/*
 * All of given must match the beginning of some key's hash.  Every key is
 * tried whatever the others gave, and each comparison takes the same time, so
 * that the answer tells nothing but itself.
 */
static bool
hash_verify(const struct srs_ctx *ctx, const struct hash_input *m,
    struct mf_text given, unsigned *key)
{
	char want[HASH_ROOM], have[HASH_ROOM];
	uint8_t mac[KEY_MAC_SIZE];
	bool found = false;

	if (given.len > SRS_HASH_MAX)
		return false;
	memcpy(have, given.p, given.len);
	hash_fold(have, given.len);
	for (unsigned k = ctx->keys.count; k-- > 0;) {
		keyring_mac_(&ctx->keys, k, m->text, m->len, mac);
		hash_text(mac, base64_digits, given.len, want);
		hash_fold(want, given.len);
		bool equal = key_equal_(have, want, given.len);

		*key = equal ? k : *key;
		found |= equal;
	}
	key_wipe_(mac, sizeof(mac));
	key_wipe_(want, sizeof(want));
	return found;
}

/* --- forward --- */

static void
addr_clear(struct srs_addr *out)
{
	out->len = 0;
	out->text[0] = '\0';
}

/* Tag, hash and timestamp: what stands before the first field of text. */
#define HEAD_ROOM (TAG_LEN + 1 + HASH_ROOM + 1 + STAMP_LEN + 1)

static struct mf_text
head_create(const struct srs_ctx *ctx, const struct hash_input *m,
    const char *tag, struct mf_text stamp, char out[static HEAD_ROOM])
{
	char *at = out + TAG_LEN + 1;

	memcpy(out, tag, TAG_LEN);
	out[TAG_LEN] = ctx->params.separator;
	hash_create(ctx, m, at);
	at += ctx->params.hash_length;
	*at++ = '=';
	if (stamp.len != 0) {
		memcpy(at, stamp.p, STAMP_LEN);
		at += STAMP_LEN;
		*at++ = '=';
	}
	return mf_text_at(out, (size_t)(at - out));
}

/* host is what is signed, shown_host what is written: empty in srs_sign(). */
static enum srs_status
encode_srs0(const struct srs_ctx *ctx, const struct mailbox_ *box,
    struct mf_text shown_host, struct mf_text domain, uint64_t now_sec,
    struct srs_addr *out)
{
	char stamp_text[STAMP_LEN], head[HEAD_ROOM];
	struct mf_text stamp = mf_text_at(stamp_text, STAMP_LEN);
	struct hash_input m;
	struct text_out o = mailbox_begin_(out, box->quoted);

	stamp_create_(now_sec, stamp_text);
	hash_input_build(&m, stamp, box->domain, box->local);
	out_text(&o, head_create(ctx, &m, "SRS0", stamp, head));
	out_text(&o, shown_host);
	out_char(&o, '=');
	out_text(&o, box->local);
	return mailbox_end_(out, &o, box->quoted, domain);
}

static enum srs_status
encode_srs1(const struct srs_ctx *ctx, struct mf_text host1,
    struct mf_text rest, bool quoted, struct mf_text domain,
    struct srs_addr *out)
{
	char head[HEAD_ROOM];
	struct hash_input m;
	struct text_out o = mailbox_begin_(out, quoted);

	hash_input_build(&m, host1, rest, MF_TEXT(""));
	out_text(&o, head_create(ctx, &m, "SRS1", MF_TEXT(""), head));
	out_text(&o, host1);
	out_char(&o, '=');
	out_text(&o, rest);
	return mailbox_end_(out, &o, quoted, domain);
}

/*
 * The rest of SRS1 begins with the separator of the SRS0 inside.  It must: the
 * signed fields are joined without delimiters, so that otherwise the fields of
 * a signed SRS0 could be cut in other places and pass for an SRS1.
 */
static bool
rest_ok(struct mf_text rest)
{
	return rest.len != 0 &&
	    (rest.p[0] == '=' || rest.p[0] == '+' || rest.p[0] == '-');
}

/*
 * An address that is somebody's SRS0 or SRS1.  The first forwarder, host1, is
 * kept, whoever sent it on: a bounce goes back in two steps however long the
 * chain was.
 */
static enum srs_status
encode_again(const struct srs_ctx *ctx, const struct mailbox_ *box, int version,
    struct mf_text domain, struct srs_addr *out)
{
	struct mf_text hash, host1, rest;

	if (version == 0)
		return encode_srs1(ctx, box->domain,
		    text_from(box->local, TAG_LEN), box->quoted, domain, out);
	rest = text_from(box->local, TAG_LEN + 1);
	if (!text_cut(&rest, '=', &hash) || !text_cut(&rest, '=', &host1) ||
	    !mailbox_domain_ok_(host1) || !rest_ok(rest))
		return SRS_BAD_SYNTAX;
	return encode_srs1(ctx, host1, rest, box->quoted, domain, out);
}

static enum srs_status
sender_parse(
    const struct srs_ctx *ctx, struct mf_text sender, struct mailbox_ *box)
{
	if (ctx->keys.count == 0)
		return SRS_NO_KEY;
	if (sender.len == 0 || mf_text_eq(sender, MF_TEXT("<>")))
		return SRS_NULL_SENDER;
	return mailbox_parse_sender_(sender, box);
}

enum srs_status
srs_encode(const struct srs_ctx *ctx, struct mf_text sender,
    struct mf_text domain, uint64_t now_sec, struct srs_addr *out)
{
	struct mailbox_ box;
	enum srs_status status = sender_parse(ctx, sender, &box);

	addr_clear(out);
	if (status != SRS_OK)
		return status;
	domain = mailbox_domain_of_(domain);
	if (!mailbox_domain_ok_(domain))
		return SRS_BAD_SYNTAX;
	if (!ctx->params.always_rewrite && text_eq_fold(box.domain, domain)) {
		struct text_out o = mailbox_begin_(out, box.quoted);

		out_text(&o, box.local);
		return mailbox_end_(out, &o, box.quoted, box.domain);
	}
	int version = srs_version(box.local);
	if (version >= 0)
		return encode_again(ctx, &box, version, domain, out);
	return encode_srs0(ctx, &box, box.domain, domain, now_sec, out);
}

enum srs_status
srs_sign(const struct srs_ctx *ctx, struct mf_text sender, uint64_t now_sec,
    struct srs_addr *out)
{
	struct mailbox_ box;
	enum srs_status status = sender_parse(ctx, sender, &box);

	addr_clear(out);
	if (status != SRS_OK)
		return status;
	int version = srs_version(box.local);
	if (version >= 0)
		return encode_again(ctx, &box, version, box.domain, out);
	return encode_srs0(ctx, &box, MF_TEXT(""), box.domain, now_sec, out);
}

/* --- reverse --- */

/* Fill info with the fields of the address; no check but that they exist. */
static enum srs_status
info_parse(struct mf_text address, struct srs_info *info)
{
	struct mailbox_ box;
	enum srs_status status = mailbox_parse_(address, &box);

	*info = (struct srs_info){0};
	if (status != SRS_OK)
		return text_find(address, '@') == address.len ? SRS_NOT_SRS
							      : status;
	int version = srs_version(box.local);
	if (version < 0)
		return SRS_NOT_SRS;
	info->version = (unsigned)version;
	info->separator = box.local.p[TAG_LEN];
	info->quoted = mailbox_was_quoted_(&box, address);
	info->domain = box.domain;
	info->user = text_from(box.local, TAG_LEN + 1);
	if (!text_cut(&info->user, '=', &info->hash))
		return SRS_BAD_SYNTAX;
	if (version == 0 && !text_cut(&info->user, '=', &info->timestamp))
		return SRS_BAD_SYNTAX;
	if (!text_cut(&info->user, '=', &info->host))
		return SRS_BAD_SYNTAX;
	if (version == 1 && !rest_ok(info->user))
		return SRS_BAD_SYNTAX;
	info->sign_form = version == 0 && info->host.len == 0;
	return SRS_OK;
}

static enum srs_status
info_verify(const struct srs_ctx *ctx, uint64_t now_sec, struct srs_info *info)
{
	struct hash_input m;

	if (info->version == 0)
		info->dated =
		    stamp_age_(info->timestamp, now_sec, &info->age_days);
	if (ctx->keys.count == 0)
		return SRS_NO_KEY;
	if (info->version == 0) {
		/* Needed before hashing: the message has room for two. */
		if (info->timestamp.len != STAMP_LEN)
			return SRS_BAD_TIMESTAMP;
	}
	if (info->hash.len < ctx->params.hash_min)
		return SRS_SHORT_HASH;
	hash_input_build(&m, info->timestamp,
	    info->sign_form ? info->domain : info->host, info->user);
	info->verified = hash_verify(ctx, &m, info->hash, &info->key);
	if (!info->verified)
		return SRS_BAD_HASH;
	if (info->version == 1)
		return SRS_OK;
	if (!info->dated)
		return SRS_BAD_TIMESTAMP;
	return stamp_check(&ctx->params, info->age_days);
}

static enum srs_status
info_original(const struct srs_info *info, struct srs_addr *out)
{
	bool quoted = info->quoted || mailbox_needs_quotes_(info->user);
	struct mf_text host = info->sign_form ? info->domain : info->host;
	struct text_out o;

	/* A lax holder of the same key may have signed anything. */
	if (!mailbox_domain_ok_(host))
		return SRS_BAD_SYNTAX;
	o = mailbox_begin_(out, quoted);
	if (info->version == 1)
		out_text(&o, MF_TEXT("SRS0"));
	out_text(&o, info->user);
	return mailbox_end_(out, &o, quoted, host);
}

enum srs_status
srs_decode(const struct srs_ctx *ctx, struct mf_text address, uint64_t now_sec,
    struct srs_addr *out, struct srs_info *info)
{
	struct srs_info local_info;
	enum srs_status status;

	if (info == NULL)
		info = &local_info;
	addr_clear(out);
	status = info_parse(address, info);
	if (status == SRS_OK)
		status = info_verify(ctx, now_sec, info);
	if (status == SRS_OK)
		status = info_original(info, out);
	return status;
}

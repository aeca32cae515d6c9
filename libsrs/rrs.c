/* SPDX-License-Identifier: ISC */
/*
 * RRS addresses, both directions.
 *
 * Fields are signed with their lengths: no part of one can pass for a part of
 * its neighbour.  The word in front, and another digest, keep hashes of SRS and
 * SES apart even where somebody uses one key for all.
 */
#include <mailfrom/rrs.h>

#include <stdlib.h>

#include "libsrs/key_.h"
#include "libsrs/mailbox_.h"
#include <mailfrom/ses.h>

#define RRS_TAG     "rrs="
#define RRS_TAG_LEN 4

struct rrs_ctx {
	struct keyring_ keys;
};

/* No 0, 1, 8 and 9, and one case: it can be dictated over the telephone. */
static const char rrs_digits[] = "abcdefghijklmnopqrstuvwxyz234567";

enum srs_status
rrs_ctx_new(struct rrs_ctx **out)
{
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return SRS_NO_MEMORY;
	(*out)->keys.is_sha256 = true;
	return SRS_OK;
}

void
rrs_ctx_free(struct rrs_ctx *ctx)
{
	if (ctx == NULL)
		return;
	keyring_clear_(&ctx->keys);
	free(ctx);
}

enum srs_status
rrs_ctx_add_key(struct rrs_ctx *ctx, struct mf_text key)
{
	return keyring_add_(&ctx->keys, key);
}

static void
rrs_addr_clear(struct srs_addr *out)
{
	out->len = 0;
	out->text[0] = '\0';
}

/* --- what can be in one --- */

static bool
rrs_is_tagged(struct mf_text local)
{
	return local.len > RRS_TAG_LEN &&
	    text_starts_fold(local, MF_TEXT(RRS_TAG));
}

bool
rrs_is_rrs(struct mf_text address)
{
	struct mailbox_ box;

	return mailbox_parse_(address, &box) == SRS_OK &&
	    rrs_is_tagged(box.local);
}

/*
 * Letters, digits, "-", "_" and single dots: what has an SPF record.  With one
 * label alone, every HELO name in a top-level domain would be below it.
 */
static bool
rrs_forwarder_ok(struct mf_text t)
{
	for (size_t i = 0; i < t.len; i++) {
		char c = ascii_lower(t.p[i]);

		if (!ascii_is_digit(c) && (c < 'a' || c > 'z') &&
		    memchr(".-_", c, 3) == NULL)
			return false;
	}
	return mailbox_domain_ok_(t) && text_find(t, '.') < t.len &&
	    t.p[t.len - 1] != '.';
}

/* What is in it goes to a user, not again to whoever restores addresses. */
static bool
rrs_recipient_ok(struct mf_text address)
{
	return !rrs_is_rrs(address) && !srs_is_srs(address) &&
	    !ses_is_ses(address);
}

/* --- the hash --- */

/* Four fields, of one address but for the first, with their lengths. */
struct rrs_message {
	size_t len;
	uint8_t text[sizeof("rrs1") + SRS_INPUT_MAX + 4 * 2];
};

static void
rrs_message_add(struct rrs_message *m, struct mf_text field)
{
	m->text[m->len++] = (uint8_t)(field.len >> 8);
	m->text[m->len++] = (uint8_t)field.len;
	for (size_t i = 0; i < field.len; i++)
		m->text[m->len++] = (uint8_t)ascii_lower(field.p[i]);
}

static void
rrs_message_build(struct rrs_message *m, const struct rrs_info *info)
{
	m->len = 0;
	rrs_message_add(m, MF_TEXT("rrs1"));
	rrs_message_add(m, info->forwarder);
	rrs_message_add(m, info->user);
	rrs_message_add(m, info->domain);
}

static void
rrs_hash(const struct rrs_ctx *ctx, unsigned key, const struct rrs_message *m,
    char out[static RRS_HASH_LEN])
{
	uint8_t mac[KEY_MAC256_SIZE];
	uint64_t bits = 0;

	keyring_mac256_(&ctx->keys, key, m->text, m->len, mac);
	for (size_t i = 0; i < sizeof(bits); i++)
		bits = bits << 8 | mac[i];
	for (size_t i = 0; i < RRS_HASH_LEN; i++, bits <<= 5)
		out[i] = rrs_digits[bits >> 59];
	key_wipe_(mac, sizeof(mac));
}

/* Every key, every character, always: see hash_verify() in srs.c. */
static bool
rrs_hash_verify(const struct rrs_ctx *ctx, struct rrs_info *info)
{
	char have[RRS_HASH_LEN], want[RRS_HASH_LEN];
	struct rrs_message m;
	bool found = false;

	memcpy(have, info->hash.p, sizeof(have));
	ascii_lower_all(have, sizeof(have));
	rrs_message_build(&m, info);
	for (unsigned k = ctx->keys.count; k-- > 0;) {
		rrs_hash(ctx, k, &m, want);
		bool equal = key_equal_(have, want, sizeof(want));

		info->key = equal ? k : info->key;
		found |= equal;
	}
	key_wipe_(want, sizeof(want));
	return found;
}

/* --- encode --- */

enum srs_status
rrs_encode(const struct rrs_ctx *ctx, struct mf_text forwarder,
    struct mf_text recipient, struct srs_addr *out)
{
	struct rrs_message m;
	char hash[RRS_HASH_LEN];
	struct mailbox_ box;

	rrs_addr_clear(out);
	if (ctx->keys.count == 0)
		return SRS_NO_KEY;
	if (!rrs_forwarder_ok(forwarder))
		return SRS_BAD_FORWARDER;
	if (mailbox_parse_sender_(recipient, &box) != SRS_OK ||
	    box.local.len == 0 || !rrs_recipient_ok(recipient))
		return SRS_BAD_SYNTAX;
	/* Also what there is no room for in the message. */
	if (forwarder.len > SRS_LOCAL_MAX || recipient.len > SRS_ADDR_MAX)
		return SRS_NO_SPACE;
	rrs_message_build(&m,
	    &(struct rrs_info){.forwarder = forwarder,
		.user = box.local,
		.domain = box.domain});
	rrs_hash(ctx, 0, &m, hash);
	struct text_out o = mailbox_begin_(out, box.quoted);
	out_text(&o, MF_TEXT(RRS_TAG));
	out_text(&o, mf_text_at(hash, sizeof(hash)));
	out_char(&o, '=');
	out_text(&o, forwarder);
	out_char(&o, '=');
	out_text(&o, box.local);
	return mailbox_end_(out, &o, box.quoted, box.domain);
}

/* --- decode --- */

/* Fill info with the fields of the address; no check but that they exist. */
static enum srs_status
rrs_info_parse(struct mf_text address, struct rrs_info *info)
{
	struct mailbox_ box;
	enum srs_status status = mailbox_parse_(address, &box);

	*info = (struct rrs_info){.quoted = false};
	if (status != SRS_OK)
		return text_find(address, '@') == address.len ? SRS_NOT_SRS
							      : status;
	if (!rrs_is_tagged(box.local))
		return SRS_NOT_SRS;
	info->quoted = mailbox_was_quoted_(&box, address);
	info->domain = box.domain;
	info->user = text_from(box.local, RRS_TAG_LEN);
	if (!text_cut(&info->user, '=', &info->hash) ||
	    !text_cut(&info->user, '=', &info->forwarder) ||
	    info->user.len == 0)
		return SRS_BAD_SYNTAX;
	return rrs_forwarder_ok(info->forwarder) ? SRS_OK : SRS_BAD_FORWARDER;
}

static enum srs_status
rrs_info_verify(const struct rrs_ctx *ctx, struct rrs_info *info)
{
	if (ctx->keys.count == 0)
		return SRS_NO_KEY;
	if (info->hash.len < RRS_HASH_LEN)
		return SRS_SHORT_HASH;
	info->verified =
	    info->hash.len == RRS_HASH_LEN && rrs_hash_verify(ctx, info);
	return info->verified ? SRS_OK : SRS_BAD_HASH;
}

static enum srs_status
rrs_info_recipient(const struct rrs_info *info, struct srs_addr *out)
{
	bool quoted = info->quoted || mailbox_needs_quotes_(info->user);
	struct text_out o = mailbox_begin_(out, quoted);
	enum srs_status status;

	out_text(&o, info->user);
	status = mailbox_end_(out, &o, quoted, info->domain);
	if (status == SRS_OK &&
	    !rrs_recipient_ok(mf_text_at(out->text, out->len))) {
		rrs_addr_clear(out);
		return SRS_BAD_SYNTAX;
	}
	return status;
}

enum srs_status
rrs_decode(const struct rrs_ctx *ctx, struct mf_text address,
    struct srs_addr *out, struct rrs_info *info)
{
	struct rrs_info local_info;
	enum srs_status status;

	if (info == NULL)
		info = &local_info;
	rrs_addr_clear(out);
	status = rrs_info_parse(address, info);
	if (status == SRS_OK)
		status = rrs_info_verify(ctx, info);
	if (status == SRS_OK)
		status = rrs_info_recipient(info, out);
	return status;
}

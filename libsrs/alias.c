/* SPDX-License-Identifier: ISC */
/*
 * Aliases: short addresses that stand for long ones, which are kept elsewhere.
 *
 * The shape is that of postsrsd 2.x, whose aliases are told by the host "1", in
 * which there is no mail.  Its digest is SHA-1 of the address, so that whoever
 * guesses the address can confirm it; ours is keyed.  It is signed once more as
 * every SRS0 is, and with the same key: what is digested here begins in upper
 * case, and what SRS signs is in lower case, what SES signs begins with a NUL.
 */
#include "libsrs/key_.h"
#include "libsrs/mailbox_.h"
#include "libsrs/srs_.h"

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";

_Static_assert(SRS_DIGEST_LEN * 5 == KEY_MAC_SIZE * 8, "no bit is left over");

static const struct mf_text label = MF_TEXT("ALIAS ");
static const struct mf_text host = MF_TEXT("@1");

/* Base32hex (RFC 4648, 7), in which five octets are eight characters. */
static void
digest_text(
    const uint8_t mac[static KEY_MAC_SIZE], char out[static SRS_DIGEST_SIZE])
{
	for (size_t i = 0; i < KEY_MAC_SIZE; i += 5) {
		uint64_t bits = 0;

		for (size_t j = 0; j < 5; j++)
			bits = bits << 8 | mac[i + j];
		for (size_t j = 0; j < 8; j++)
			*out++ = digits[bits >> (35 - 5 * j) & 31];
	}
	*out = '\0';
}

enum srs_status
srs_alias(const struct srs_ctx *ctx, struct mf_text sender,
    struct mf_text domain, uint64_t now_sec, struct srs_addr *out,
    char digest[static SRS_DIGEST_SIZE])
{
	const struct keyring_ *keys = srs_keyring_(ctx);
	char store[SRS_ADDR_MAX + 16];
	struct text_out text = text_out(store, sizeof(store));
	uint8_t mac[KEY_MAC_SIZE];
	struct mailbox_ box;
	enum srs_status status = mailbox_parse_sender_(sender, &box);

	out->len = 0;
	out->text[0] = digest[0] = '\0';
	if (keys->count == 0)
		return SRS_NO_KEY;
	if (sender.len == 0 || mf_text_eq(sender, MF_TEXT("<>")))
		return SRS_NULL_SENDER;
	if (status != SRS_OK)
		return status;
	if (sender.len > SRS_ADDR_MAX)
		return SRS_NO_SPACE;
	out_text(&text, label);
	out_text(&text, sender);
	keyring_mac_(keys, 0, store, text.len, mac);
	digest_text(mac, digest);
	text = text_out(store, sizeof(store));
	out_text(&text, mf_text_at(digest, SRS_DIGEST_LEN));
	out_text(&text, host);
	return srs_encode(ctx, out_view(&text), domain, now_sec, out);
}

bool
srs_alias_digest(struct mf_text original, char digest[static SRS_DIGEST_SIZE])
{
	digest[0] = '\0';
	if (original.len != SRS_DIGEST_LEN + host.len ||
	    !mf_text_eq(text_from(original, SRS_DIGEST_LEN), host))
		return false;
	for (size_t i = 0; i < SRS_DIGEST_LEN; i++) {
		char c = ascii_upper(original.p[i]);

		if (!ascii_is_digit(c) && (c < 'A' || c > 'V')) {
			digest[0] = '\0';
			return false;
		}
		digest[i] = c;
	}
	digest[SRS_DIGEST_LEN] = '\0';
	return true;
}

/* SPDX-License-Identifier: ISC */
#include "rewrite/policy.h"

/* Layers of one's own around an address: forwarded, signed, forwarded again. */
#define LAYERS_MAX 8

#define DAY_SEC 86400

static const char *const reason_texts[] = {
    [POLICY_FORWARDED] = "forwarded",
    [POLICY_SIGNED] = "signed",
    [POLICY_SES_SIGNED] = "ses_signed",
    [POLICY_ALIASED] = "aliased",
    [POLICY_RESTORED] = "restored",
    [POLICY_NULL_SENDER] = "null_sender",
    [POLICY_NO_NEXT_HOP] = "no_next_hop",
    [POLICY_UNQUALIFIED] = "unqualified",
    [POLICY_OWN_DOMAIN] = "own_domain",
    [POLICY_OWN_SRS] = "own_srs",
    [POLICY_RECIPIENT_EXCLUDED] = "recipient_excluded",
    [POLICY_SENDER_EXCLUDED] = "sender_excluded",
    [POLICY_SENDER_NOT_INCLUDED] = "sender_not_included",
    [POLICY_FORWARDER_NOT_INCLUDED] = "forwarder_not_included",
    [POLICY_NO_FWDOMAIN] = "no_fwdomain",
    [POLICY_SPF_PASSES] = "spf_passes",
    [POLICY_NOT_SRS] = "not_srs",
    [POLICY_FOREIGN_DOMAIN] = "foreign_domain",
    [POLICY_TOO_LONG] = "too_long",
    [POLICY_BAD_ADDRESS] = "bad_address",
    [POLICY_BAD_SIGNATURE] = "bad_signature",
    [POLICY_EXPIRED] = "expired",
    [POLICY_NOT_STORED] = "not_stored",
    [POLICY_ROW_MISSING] = "row_missing",
    [POLICY_STORE_DOWN] = "store_down",
    /* Whoever doesn't ask the store has none. */
    [POLICY_TO_STORE] = "store_down",
    [POLICY_TO_LOOK_UP] = "store_down",
};

const char *
policy_reason_text(enum policy_reason reason)
{
	return reason_texts[reason];
}

bool
policy_changed(enum policy_reason reason)
{
	return reason <= POLICY_RESTORED;
}

bool
policy_failed(enum policy_reason reason)
{
	return reason >= POLICY_TOO_LONG;
}

bool
policy_defers(enum policy_reason reason)
{
	return reason >= POLICY_ROW_MISSING;
}

/* What a codec's status means; `done` if it worked. */
static enum policy_reason
reason_of(enum srs_status status, enum policy_reason done)
{
	switch (status) {
	case SRS_OK:
		return done;
	case SRS_NOT_SRS:
		return POLICY_NOT_SRS;
	case SRS_NULL_SENDER:
		return POLICY_NULL_SENDER;
	case SRS_EXPIRED:
	case SRS_FUTURE:
		return POLICY_EXPIRED;
	case SRS_BAD_HASH:
	case SRS_SHORT_HASH:
	case SRS_BAD_TIMESTAMP:
		return POLICY_BAD_SIGNATURE;
	case SRS_NO_SPACE:
		return POLICY_TOO_LONG;
	case SRS_BAD_SYNTAX:
	case SRS_NO_KEY:
	case SRS_BAD_PARAM:
	case SRS_NO_MEMORY:
	case SRS_BAD_FORWARDER:
		return POLICY_BAD_ADDRESS;
	}
	return POLICY_BAD_ADDRESS;
}

static struct mf_text
domain_of(struct mf_text address)
{
	return text_from(address, text_rfind(address, '@') + 1);
}

/* --- reverse --- */

/* Of an address that was verified. */
static void
note_signature(struct mf_text address, const struct ses_info *info,
    struct policy_signature *out)
{
	struct mf_text rest = address, signature;

	if (info->fixed || !text_cut(&rest, '=', &signature) ||
	    !text_cut(&rest, '=', &signature))
		return;
	signature = text_head(signature, sizeof(out->text));
	for (size_t i = 0; i < signature.len; i++)
		out->text[i] = ascii_upper(signature.p[i]);
	out->len = signature.len;
	out->expires_sec = info->expires_sec;
}

static enum srs_status
open_layer(const struct rewriter *r, struct mf_text address, uint64_t now_sec,
    struct srs_addr *out, struct policy_signature *signature)
{
	struct ses_info info;
	enum srs_status status =
	    ses_verify(r->ses, address, now_sec, out, &info);

	if (status == SRS_NOT_SRS)
		return srs_decode(r->srs, address, now_sec, out, NULL);
	if (status != SRS_OK && r->ses_legacy != NULL)
		status =
		    ses_verify(r->ses_legacy, address, now_sec, out, &info);
	if (status == SRS_OK)
		note_signature(address, &info, signature);
	return status;
}

static void
clear(struct policy_result *out)
{
	out->address.len = 0;
	out->address.text[0] = '\0';
	out->signature.len = 0;
	out->row.key[0] = '\0';
}

static void
set_row(const char digest[static SRS_DIGEST_SIZE], struct policy_row *out)
{
	memcpy(out->key, POLICY_ROW_PREFIX, sizeof(POLICY_ROW_PREFIX) - 1);
	memcpy(
	    out->key + sizeof(POLICY_ROW_PREFIX) - 1, digest, SRS_DIGEST_SIZE);
}

/*
 * Whether what was found of the signature of an address in domain is ours to
 * judge.  In a domain that isn't named, others may sign.
 */
static bool
is_ours(const struct rewriter *r, enum policy_scope scope,
    struct mf_text domain, enum srs_status status)
{
	return scope == POLICY_ANY_DOMAIN ||
	    list_has_domain(&r->srs_domains, domain) ||
	    (r->any_srs_domain && status == SRS_OK);
}

void
policy_reverse(const struct rewriter *r, struct mf_text address,
    enum policy_scope scope, uint64_t now_sec, struct policy_result *out)
{
	struct policy_signature signature = {.len = 0};
	struct srs_addr layer;
	char digest[SRS_DIGEST_SIZE];

	out->reason = POLICY_NOT_SRS;
	clear(out);
	for (int i = 0; i < LAYERS_MAX; i++) {
		enum srs_status status =
		    open_layer(r, address, now_sec, &layer, &signature);

		if (status == SRS_NOT_SRS)
			break;
		if (!is_ours(r, scope, domain_of(address), status)) {
			if (i == 0)
				out->reason = POLICY_FOREIGN_DOMAIN;
			break;
		}
		/* Below the first layer it is the next host's to judge. */
		if (status != SRS_OK) {
			if (i == 0)
				out->reason =
				    reason_of(status, POLICY_RESTORED);
			break;
		}
		out->signature = signature;
		if (srs_alias_digest(
			mf_text_at(layer.text, layer.len), digest)) {
			out->reason = POLICY_TO_LOOK_UP;
			out->address.len = 0;
			set_row(digest, &out->row);
			return;
		}
		out->reason = POLICY_RESTORED;
		out->address = layer;
		address = mf_text_at(out->address.text, out->address.len);
	}
}

/*
 * Somebody else may have written the row: what it holds is an address, or it
 * isn't there.
 */
static bool
is_address(struct mf_text value)
{
	size_t at = text_rfind(value, '@');

	return at != 0 && at + 1 < value.len && value.len <= SRS_ADDR_MAX &&
	    !text_has_control(value) && text_find(value, '<') == value.len &&
	    text_find(value, '>') == value.len;
}

void
policy_looked_up(const struct rewriter *r, enum policy_row_state state,
    struct mf_text value, enum policy_scope scope, uint64_t now_sec,
    struct policy_result *result)
{
	struct policy_result inner;

	if (state == POLICY_ROW_UNKNOWN)
		result->reason = POLICY_STORE_DOWN;
	else if (state == POLICY_ROW_ABSENT || !is_address(value))
		result->reason = POLICY_ROW_MISSING;
	if (result->reason != POLICY_TO_LOOK_UP)
		return;
	result->reason = POLICY_RESTORED;
	policy_reverse(r, value, scope, now_sec, &inner);
	if (inner.reason == POLICY_RESTORED)
		result->address = inner.address;
	else {
		memcpy(result->address.text, value.p, value.len);
		result->address.len = value.len;
		result->address.text[value.len] = '\0';
	}
}

/* --- forward --- */

static bool
is_own_srs(const struct rewriter *r, const struct policy_sender *s)
{
	struct policy_signature signature;
	struct srs_addr original;

	return open_layer(r, s->address, s->now_sec, &original, &signature) ==
	    SRS_OK;
}

static bool
is_srs_domain(const struct rewriter *r, const struct policy_sender *s,
    struct mf_text domain)
{
	return list_has_domain(&r->srs_domains, domain) ||
	    text_eq_fold(domain, rewriter_domain(r, s->forwarding_domain));
}

enum policy_reason
policy_plan(const struct rewriter *r, const struct policy_sender *s)
{
	struct mf_text domain = domain_of(s->address);

	if (s->address.len == 0 || mf_text_eq(s->address, MF_TEXT("@")))
		return POLICY_NULL_SENDER;
	if (s->no_next_hop)
		return POLICY_NO_NEXT_HOP;
	if (s->address.p[0] == '@' ||
	    text_find(s->address, '@') == s->address.len)
		return POLICY_UNQUALIFIED;
	if (list_has_domain(&r->exclude_recipients, s->recipient_host))
		return POLICY_RECIPIENT_EXCLUDED;
	if (is_own_srs(r, s))
		return POLICY_OWN_SRS;
	if (list_has_domain(&r->ses_domains, domain))
		return POLICY_SES_SIGNED;
	if (list_has_domain(&r->sign_domains, domain))
		return POLICY_SIGNED;
	if (list_has_domain(&r->own_domains, domain) ||
	    (!r->always_rewrite && is_srs_domain(r, s, domain)))
		return POLICY_OWN_DOMAIN;
	if (list_has_address(&r->exclude_senders, s->address))
		return POLICY_SENDER_EXCLUDED;
	if (r->include_senders.count != 0 &&
	    !list_has_address(&r->include_senders, s->address))
		return POLICY_SENDER_NOT_INCLUDED;
	if (!rewriter_forwards(r, s->forwarding_domain))
		return POLICY_FORWARDER_NOT_INCLUDED;
	if (rewriter_domain(r, s->forwarding_domain).len == 0)
		return POLICY_NO_FWDOMAIN;
	return POLICY_FORWARDED;
}

/* The row is needed until the last host's clock has passed its last day. */
static uint64_t
row_expires(const struct rewriter *r, uint64_t now_sec)
{
	return (now_sec / DAY_SEC + r->row_days + 1) * DAY_SEC;
}

static void
make_alias(const struct rewriter *r, const struct policy_sender *s,
    struct policy_result *out)
{
	char digest[SRS_DIGEST_SIZE];
	enum srs_status status = srs_alias(r->srs, s->address,
	    rewriter_domain(r, s->forwarding_domain), s->now_sec, &out->address,
	    digest);

	out->reason = reason_of(status, POLICY_TO_STORE);
	set_row(digest, &out->row);
	out->row.expires_sec = row_expires(r, s->now_sec);
}

static enum srs_status
rewrite(const struct rewriter *r, const struct policy_sender *s,
    enum policy_reason plan, struct srs_addr *out)
{
	if (plan == POLICY_SES_SIGNED)
		return ses_sign(
		    r->ses, s->address, s->message_id, s->now_sec, out);
	if (plan == POLICY_SIGNED)
		return srs_sign(r->srs, s->address, s->now_sec, out);
	return srs_encode(r->srs, s->address,
	    rewriter_domain(r, s->forwarding_domain), s->now_sec, out);
}

void
policy_carry_out(const struct rewriter *r, const struct policy_sender *s,
    enum policy_reason plan, struct policy_result *out)
{
	clear(out);
	if (!policy_changed(plan)) {
		out->reason = plan;
		return;
	}
	if (plan == POLICY_FORWARDED && r->stores_all) {
		make_alias(r, s, out);
		return;
	}
	out->reason = reason_of(rewrite(r, s, plan, &out->address), plan);
	if (out->reason == POLICY_TOO_LONG && plan == POLICY_FORWARDED &&
	    r->stores_long)
		make_alias(r, s, out);
}

void
policy_stored(
    const struct rewriter *r, bool is_stored, struct policy_result *result)
{
	result->reason = is_stored ? POLICY_ALIASED
	    : r->defers_unstored   ? POLICY_STORE_DOWN
				   : POLICY_NOT_STORED;
	if (!is_stored)
		clear(result);
}

void
policy_forward(const struct rewriter *r, const struct policy_sender *s,
    struct policy_result *out)
{
	policy_carry_out(r, s, policy_plan(r, s), out);
}

void
policy_spf_passes(struct policy_result *result)
{
	clear(result);
	result->reason = POLICY_SPF_PASSES;
}

/* SPDX-License-Identifier: ISC */
/*
 * From fields, body and keys to verdicts.
 */
#include <stdlib.h>

#include "libdkim/dkim_.h"

struct dkim_check *
dkim_check_new(uint64_t now_sec, const struct dkim_trace *trace)
{
	struct dkim_check *check = calloc(1, sizeof(*check));

	if (check == NULL)
		return NULL;
	check->now_sec = now_sec;
	check->trace = trace;
	return check;
}

void
dkim_check_free(struct dkim_check *check)
{
	if (check == NULL)
		return;
	header_free_(&check->header);
	free(check->message.line);
	free(check->signatures);
	body_clear_(check->bodies[false]);
	body_clear_(check->bodies[true]);
	free(check);
}

static void
tell(const struct dkim_check *check, const struct dkim_event *event)
{
	if (check->trace != NULL)
		check->trace->event(check->trace->arg, event);
}

/* --- header --- */

enum dkim_status
dkim_check_field(
    struct dkim_check *check, struct mf_text name, struct mf_text value)
{
	return header_add_(&check->header, name, value) ? DKIM_OK
							: DKIM_NO_MEMORY;
}

/* Have the body hashed for s. */
static bool
want_body(struct dkim_check *check, struct signature_ *s)
{
	struct body_ **b = &check->bodies[s->public.relaxed_body];

	if (*b == NULL) {
		*b = calloc(1, sizeof(**b));
		if (*b == NULL)
			return false;
		(*b)->relaxed = s->public.relaxed_body;
	}
	s->body = body_want_(
	    *b, s->public.has_length ? s->public.length : UINT64_MAX);
	return s->body != NULL;
}

static bool
begin(struct dkim_check *check, struct signature_ *s, size_t field)
{
	s->field = field;
	signature_parse_(
	    s, header_value_(&check->header, field), check->now_sec);
	s->public.standing = DKIM_NOT_PASSED;
	/* A field that wasn't kept may be one that is signed. */
	if (check->header.too_large)
		signature_close_(s, DKIM_REASON_TOO_LARGE);
	return !s->open || want_body(check, s);
}

enum dkim_status
dkim_check_header_end(struct dkim_check *check)
{
	static const struct mf_text name = {"dkim-signature", 14};
	size_t total, field = 0;

	check->header_over = true;
	check->message.in_body = true;
	if (!header_end_(&check->header))
		return DKIM_NO_MEMORY;
	total = header_count_(&check->header, name);
	if (total == 0)
		return DKIM_OK;
	check->signatures =
	    calloc(total < DKIM_SIGNATURES_MAX ? total : DKIM_SIGNATURES_MAX,
		sizeof(*check->signatures));
	if (check->signatures == NULL)
		return DKIM_NO_MEMORY;
	for (; field < check->header.count; field++) {
		if (!header_is_(&check->header, field, name))
			continue;
		if (check->count == DKIM_SIGNATURES_MAX) {
			check->ignored = total - check->count;
			break;
		}
		if (!begin(check, &check->signatures[check->count++], field))
			return DKIM_NO_MEMORY;
	}
	return DKIM_OK;
}

/* --- body --- */

bool
dkim_check_needs_body(const struct dkim_check *check)
{
	for (size_t i = 0; i < check->count; i++)
		if (check->signatures[i].open)
			return true;
	return false;
}

enum dkim_status
dkim_check_body(struct dkim_check *check, struct mf_text piece)
{
	for (size_t i = 0; piece.len != 0 && i < 2; i++) {
		if (check->bodies[i] == NULL)
			continue;
		body_add_(check->bodies[i], piece);
		if (check->bodies[i]->failed)
			return DKIM_NO_MEMORY;
	}
	return DKIM_OK;
}

/* --- keys --- */

size_t
dkim_check_count(const struct dkim_check *check, size_t *ignored)
{
	if (ignored != NULL)
		*ignored = check->ignored;
	return check->count;
}

struct mf_text
dkim_check_question(const struct dkim_check *check, size_t i)
{
	const struct signature_ *s = &check->signatures[i];

	return s->open && !s->answered
	    ? mf_text_at(s->question, s->question_len)
	    : MF_TEXT("");
}

void
dkim_check_answer(struct dkim_check *check, size_t i,
    enum dkim_key_status status, struct mf_text record)
{
	struct signature_ *s = &check->signatures[i];

	if (!s->open || s->answered)
		return;
	switch (status) {
	case DKIM_KEY_FOUND:
		tell(check,
		    &(struct dkim_event){.kind = DKIM_EVENT_KEY,
			.signature = i,
			.text = record});
		key_parse_(s, record);
		break;
	case DKIM_KEY_NONE:
		signature_close_(s, DKIM_REASON_NO_KEY);
		break;
	case DKIM_KEY_FAILED:
		signature_close_(s, DKIM_REASON_KEY_UNKNOWN);
		break;
	case DKIM_KEY_MANY:
		signature_close_(s, DKIM_REASON_KEYS);
		break;
	}
}

/* --- verdicts --- */

struct hashing {
	struct dkim_check *check;
	size_t signature;
	struct digest_ *digest;
};

static bool
hash_field(void *arg, struct mf_text text)
{
	struct hashing *h = arg;

	tell(h->check,
	    &(struct dkim_event){.kind = DKIM_EVENT_FIELD,
		.signature = h->signature,
		.text = text});
	return digest_add_(h->digest, text);
}

static bool
hash_header(
    struct dkim_check *check, size_t i, uint8_t hash[static DKIM_HASH_SIZE])
{
	struct hashing h = {check, i, digest_new_()};
	bool ok = h.digest != NULL &&
	    header_hash_(
		&check->header, &check->signatures[i], hash_field, &h) &&
	    digest_end_(h.digest, hash);

	digest_free_(h.digest);
	if (ok)
		tell(check,
		    &(struct dkim_event){.kind = DKIM_EVENT_HEADER,
			.signature = i,
			.hash = hash});
	return ok;
}

static enum dkim_reason
reason_of(enum crypto_ result)
{
	switch (result) {
	case CRYPTO_VALID_:
		return DKIM_REASON_VERIFIED;
	case CRYPTO_INVALID_:
		return DKIM_REASON_SIGNATURE;
	case CRYPTO_BAD_KEY_:
		return DKIM_REASON_KEY_DATA;
	case CRYPTO_KEY_SHORT_:
		return DKIM_REASON_KEY_SHORT;
	case CRYPTO_KEY_LONG_:
		return DKIM_REASON_KEY_LONG;
	case CRYPTO_NO_MEMORY_:
		break;
	}
	return DKIM_REASON_KEY_UNKNOWN;
}

/* What the body says of s; DKIM_REASON_VERIFIED: nothing against it. */
static enum dkim_reason
compare_body(const struct dkim_check *check, size_t i)
{
	const struct signature_ *s = &check->signatures[i];

	tell(check,
	    &(struct dkim_event){.kind = DKIM_EVENT_BODY,
		.signature = i,
		.hash = s->body->hash,
		.expected = s->body_hash});
	if (s->public.has_length && s->public.length > s->public.body_length)
		return DKIM_REASON_BODY_SHORT;
	return memcmp(s->body->hash, s->body_hash, DKIM_HASH_SIZE) == 0
	    ? DKIM_REASON_VERIFIED
	    : DKIM_REASON_BODY_HASH;
}

static enum dkim_standing
standing_of(const struct dkim_check *check, const struct signature_ *s)
{
	const struct dkim_signature *p = &s->public;

	if (p->result != DKIM_PASS)
		return DKIM_NOT_PASSED;
	if (header_count_(&check->header, MF_TEXT("from")) != 1)
		return DKIM_NOT_ONE_FROM;
	if (p->has_length && p->length < p->body_length)
		return DKIM_PART_OF_BODY;
	if (s->testing)
		return DKIM_TESTING;
	return strchr(p->domain, '.') == NULL ? DKIM_ONE_LABEL : DKIM_COUNTS;
}

/* The key first: it is what a signature that fails is asked about. */
static enum dkim_status
verify(struct dkim_check *check, size_t i)
{
	struct signature_ *s = &check->signatures[i];
	uint8_t hash[DKIM_HASH_SIZE];
	enum crypto_ result;
	enum dkim_reason reason;

	if (!hash_header(check, i, hash))
		return DKIM_NO_MEMORY;
	result = crypto_verify_(s->public.algorithm,
	    mf_text_at((const char *)s->key, s->key_len), hash,
	    mf_text_at((const char *)s->octets, s->octets_len),
	    &s->public.key_bits);
	if (result == CRYPTO_NO_MEMORY_)
		return DKIM_NO_MEMORY;
	reason = compare_body(check, i);
	if (reason == DKIM_REASON_VERIFIED ||
	    (result != CRYPTO_VALID_ && result != CRYPTO_INVALID_))
		reason = reason_of(result);
	signature_close_(s, reason);
	s->public.standing = standing_of(check, s);
	return DKIM_OK;
}

static enum dkim_status
end_bodies(struct dkim_check *check)
{
	enum dkim_status status = DKIM_OK;

	for (size_t i = 0; i < 2; i++) {
		if (check->bodies[i] == NULL)
			continue;
		body_end_(check->bodies[i]);
		if (check->bodies[i]->failed)
			status = DKIM_NO_MEMORY;
	}
	return status;
}

enum dkim_status
dkim_check_end(struct dkim_check *check)
{
	enum dkim_status status = DKIM_OK;

	if (!check->header_over)
		status = dkim_check_header_end(check);
	if (status == DKIM_OK)
		status = end_bodies(check);
	check->over = true;
	for (size_t i = 0; status == DKIM_OK && i < check->count; i++) {
		struct signature_ *s = &check->signatures[i];

		if (s->body != NULL)
			s->public.body_length =
			    check->bodies[s->public.relaxed_body]->length;
		if (s->open && s->answered)
			status = verify(check, i);
	}
	return status;
}

const struct dkim_signature *
dkim_check_signature(const struct dkim_check *check, size_t i)
{
	return &check->signatures[i].public;
}

/* What a signature means for the message, the higher the more. */
static unsigned
weight(const struct dkim_signature *s)
{
	static const unsigned weights[] = {[DKIM_NONE] = 0,
	    [DKIM_PERMERROR] = 1,
	    [DKIM_NEUTRAL] = 2,
	    [DKIM_POLICY] = 3,
	    [DKIM_FAIL] = 4,
	    [DKIM_TEMPERROR] = 5,
	    [DKIM_PASS] = 6};

	return weights[s->result] + (s->standing == DKIM_COUNTS);
}

enum dkim_result
dkim_check_result(const struct dkim_check *check)
{
	const struct dkim_signature *best = NULL;

	for (size_t i = 0; i < check->count; i++) {
		const struct dkim_signature *s = &check->signatures[i].public;

		if (best == NULL || weight(s) > weight(best))
			best = s;
	}
	if (best == NULL)
		return DKIM_NONE;
	return best->result == DKIM_PASS && best->standing != DKIM_COUNTS
	    ? DKIM_POLICY
	    : best->result;
}

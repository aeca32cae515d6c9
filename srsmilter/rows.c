/* SPDX-License-Identifier: ISC */
#include "srsmilter/rows.h"

#define USES_PREFIX "u:"

void
rows_get(struct store *store, const struct policy_row *row, uint64_t now_sec,
    char value[static STORE_VALUE_MAX], struct recipient_row *out)
{
	const struct store_request request = {.kind = STORE_GET,
	    .key = mf_text_of(row->key),
	    .now_sec = now_sec,
	    .is_fixed = true};
	struct store_answer answer;

	out->state = POLICY_ROW_UNKNOWN;
	if (store == NULL)
		return;
	switch (store_call(store, &request, &answer)) {
	case STORE_OK:
		memcpy(value, answer.value, answer.value_len);
		out->value = mf_text_at(value, answer.value_len);
		out->state = POLICY_ROW_FOUND;
		break;
	case STORE_ABSENT:
		out->state = POLICY_ROW_ABSENT;
		break;
	case STORE_DOWN:
	case STORE_WAITS:
		break;
	}
}

bool
rows_put(struct store *store, const struct policy_row *row,
    struct mf_text sender, uint64_t now_sec)
{
	const struct store_request request = {.kind = STORE_PUT,
	    .key = mf_text_of(row->key),
	    .value = sender,
	    .expires_sec = row->expires_sec,
	    .now_sec = now_sec,
	    .is_fixed = true};
	struct store_answer answer;

	return store != NULL &&
	    store_call(store, &request, &answer) == STORE_OK;
}

/* The count of a signature's uses, one more with STORE_COUNT; 0: unknown. */
static uint64_t
count(struct store *store, enum store_kind kind,
    const struct policy_signature *signature, uint64_t now_sec)
{
	char key[sizeof(USES_PREFIX) + SES_SIGNATURE_MAX];
	struct text_out name = text_out(key, sizeof(key));
	struct store_answer answer;

	if (store == NULL)
		return 0;
	out_str(&name, USES_PREFIX);
	out_text(&name, mf_text_at(signature->text, signature->len));
	const struct store_request request = {.kind = kind,
	    .key = out_view(&name),
	    .expires_sec = signature->expires_sec,
	    .now_sec = now_sec};
	return store_call(store, &request, &answer) == STORE_OK ? answer.count
								: 0;
}

bool
rows_used_up(struct store *store, const struct policy_signature *signature,
    unsigned limit, uint64_t now_sec)
{
	return count(store, STORE_GET, signature, now_sec) >= limit;
}

bool
rows_use(struct store *store, const struct policy_signature *signature,
    unsigned limit, uint64_t now_sec)
{
	return count(store, STORE_COUNT, signature, now_sec) <= limit;
}

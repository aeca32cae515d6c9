/* SPDX-License-Identifier: ISC */
/*
 * SCAN, and for each key that it names GET and PTTL, all at once.  A key may be
 * named twice, which does no harm to those who count or copy.
 */
#include <stdio.h>
#include <stdlib.h>

#include "store/redis_dialog.h"
#include "store/rows.h"

/* Keys that are asked for at a time. */
#define BATCH_MAX 500

static const struct {
	struct mf_text prefix, pattern;
} formats[] = {[ROWS_OURS] = {MF_TEXT("mailfrom:"), MF_TEXT("mailfrom:*")},
    [ROWS_POSTSRSD] = {MF_TEXT("PostSRSd/"), MF_TEXT("PostSRSd/*")}};

struct redis_scan {
	const struct rows_request *request;
	struct redis_dialog *dialog;
	char cursor[24];
	size_t count; /* keys at hand */
	struct scanned_key {
		size_t len;
		char key[STORE_KEY_MAX + 32];
		size_t value_len;
		char copy[STORE_VALUE_MAX];
		bool is_there;
		uint64_t left_ms;
	} keys[BATCH_MAX];
};

static void
on_scan(void *arg, const struct redis_answer *answer)
{
	struct redis_scan *s = arg;
	const struct redis_part *keys = &answer->parts[1];
	struct text_out cursor = text_out(s->cursor, sizeof(s->cursor) - 1);

	s->count = 0;
	out_text(
	    &cursor, answer->count == 2 ? answer->parts[0].text : MF_TEXT("0"));
	s->cursor[cursor.len] = '\0';
	for (size_t i = 0; answer->count == 2 && i < keys->inner_count; i++) {
		struct redis_part part = redis_inner(keys, i);
		struct scanned_key *k = &s->keys[s->count];

		if (s->count == BATCH_MAX || part.text.len > sizeof(k->key))
			continue;
		k->len = part.text.len;
		memcpy(k->key, part.text.p, part.text.len);
		s->count++;
	}
}

static void
on_value(void *arg, const struct redis_answer *answer)
{
	struct scanned_key *k = arg;
	struct mf_text value = answer->parts[0].text;

	k->is_there = answer->kind == REDIS_VALUE && answer->count == 1 &&
	    value.len <= sizeof(k->copy);
	k->value_len = k->is_there ? value.len : 0;
	if (k->value_len != 0)
		memcpy(k->copy, value.p, value.len);
}

static void
on_ttl(void *arg, const struct redis_answer *answer)
{
	struct scanned_key *k = arg;

	k->left_ms = answer->kind == REDIS_VALUE && answer->parts[0].number > 0
	    ? (uint64_t)answer->parts[0].number
	    : 0;
}

static bool
fetch(struct redis_scan *s)
{
	const struct mf_text ping = MF_TEXT("PING");

	for (size_t i = 0; i < s->count; i++) {
		struct scanned_key *k = &s->keys[i];
		const struct mf_text get[] = {
		    MF_TEXT("GET"), mf_text_at(k->key, k->len)};
		const struct mf_text ttl[] = {MF_TEXT("PTTL"), get[1]};

		redis_dialog_send(s->dialog, get, 2, on_value, k);
		redis_dialog_send(s->dialog, ttl, 2, on_ttl, k);
	}
	return redis_dialog_ask(s->dialog, &ping, 1, NULL, NULL);
}

static bool
give(struct redis_scan *s)
{
	size_t prefix = formats[s->request->format].prefix.len;

	for (size_t i = 0; i < s->count; i++) {
		const struct scanned_key *k = &s->keys[i];
		const struct stored_row row = {
		    .key = text_from(mf_text_at(k->key, k->len), prefix),
		    .value = mf_text_at(k->copy, k->value_len),
		    .expires_sec =
			s->request->now_sec + (k->left_ms + 999) / 1000};

		if (k->is_there && k->left_ms != 0 &&
		    !s->request->row(s->request->arg, &row))
			return false;
	}
	return true;
}

static bool
scan_all(struct redis_scan *s)
{
	const struct mf_text pattern = formats[s->request->format].pattern;

	snprintf(s->cursor, sizeof(s->cursor), "0");
	do {
		const struct mf_text words[] = {MF_TEXT("SCAN"),
		    mf_text_of(s->cursor), MF_TEXT("MATCH"), pattern,
		    MF_TEXT("COUNT"), MF_TEXT("100")};

		if (!redis_dialog_ask(s->dialog, words, 6, on_scan, s) ||
		    !fetch(s))
			return false;
		if (!give(s)) {
			s->dialog->reason[0] = '\0';
			return false;
		}
	} while (s->cursor[0] != '\0' && strcmp(s->cursor, "0") != 0);
	return true;
}

/* --- how it is --- */

/* The value of "name:value", or "". */
static struct mf_text
info_of(struct mf_text info, const char *name)
{
	struct mf_text line, key;

	while (text_cut(&info, '\n', &line))
		if (text_cut(&line, ':', &key) &&
		    mf_text_eq(key, mf_text_of(name)))
			return text_trim(line);
	return MF_TEXT("");
}

static void
on_info(void *arg, const struct redis_answer *answer)
{
	struct mf_text info = answer->parts[0].text;
	struct store_probe *out = arg;
	uint64_t replicas = 0;

	snprintf(out->policy, sizeof(out->policy), "%.*s",
	    (int)info_of(info, "maxmemory_policy").len,
	    info_of(info, "maxmemory_policy").p);
	text_uint(info_of(info, "maxmemory"), UINT64_MAX, &out->max_memory);
	text_uint(info_of(info, "connected_slaves"), UINT32_MAX, &replicas);
	out->replicas = (unsigned)replicas;
}

bool
redis_probe(const struct store_params *params, struct store_probe *out,
    char reason[static ROWS_REASON_SIZE])
{
	const struct mf_text info = MF_TEXT("INFO");
	struct redis_dialog dialog;
	bool ok = redis_dialog_begin(&dialog, params) &&
	    redis_dialog_ask(&dialog, &info, 1, on_info, out);

	if (!ok)
		snprintf(reason, ROWS_REASON_SIZE, "%s", dialog.reason);
	redis_dialog_end(&dialog);
	return ok;
}

bool
redis_rows(const struct store_params *params,
    const struct rows_request *request, char reason[static ROWS_REASON_SIZE])
{
	/* Half a megabyte: not on the stack. */
	struct redis_scan *scan = calloc(1, sizeof(*scan));
	struct redis_dialog dialog;
	bool ok;

	if (scan == NULL) {
		snprintf(reason, ROWS_REASON_SIZE, "out of memory");
		return false;
	}
	scan->request = request;
	scan->dialog = &dialog;
	ok = redis_dialog_begin(&dialog, params) && scan_all(scan);
	if (!ok)
		snprintf(reason, ROWS_REASON_SIZE, "%s", dialog.reason);
	redis_dialog_end(&dialog);
	free(scan);
	return ok;
}

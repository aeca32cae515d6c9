/* SPDX-License-Identifier: ISC */
/*
 * libdkim on any message and any key: the record of each key, up to a NUL, then
 * the message.
 *
 * Results and reasons fit, texts end, and a message has the same verdict in one
 * piece and in many.
 */
#include "tests/fuzz/fuzz.h"
#include <mailfrom/dkim.h>

#define NOW 1528637910

static void
check_signature(const struct dkim_signature *s)
{
	FUZZ_CHECK(s->result == dkim_reason_result(s->reason));
	FUZZ_CHECK(s->standing == DKIM_NOT_PASSED || s->result == DKIM_PASS);
	FUZZ_CHECK(s->result != DKIM_PASS ||
	    (s->domain[0] != '\0' && s->selector[0] != '\0' &&
		s->key_bits != 0 && s->standing != DKIM_NOT_PASSED));
	FUZZ_CHECK(memchr(s->domain, '\0', sizeof(s->domain)) != NULL);
	FUZZ_CHECK(memchr(s->selector, '\0', sizeof(s->selector)) != NULL);
	FUZZ_CHECK(memchr(s->identity, '\0', sizeof(s->identity)) != NULL);
	FUZZ_CHECK(memchr(s->mark, '\0', sizeof(s->mark)) != NULL);
	FUZZ_CHECK(!s->has_length || s->result != DKIM_PASS ||
	    s->length <= s->body_length);
}

static void
on_event(void *arg, const struct dkim_event *e)
{
	size_t *octets = arg;

	FUZZ_CHECK(e->signature < DKIM_SIGNATURES_MAX);
	*octets += e->text.len;
}

static struct dkim_check *
verify(struct mf_text record, struct mf_text message, size_t size,
    const struct dkim_trace *trace)
{
	struct dkim_check *check = dkim_check_new(NOW, trace);
	size_t ignored;

	FUZZ_CHECK(check != NULL);
	for (; message.len != 0; message = text_from(message, size))
		FUZZ_CHECK(dkim_check_message(
			       check, text_head(message, size)) == DKIM_OK);
	FUZZ_CHECK(dkim_check_message_end(check) == DKIM_OK);
	for (size_t i = 0; i < dkim_check_count(check, &ignored); i++) {
		struct mf_text name = dkim_check_question(check, i);

		FUZZ_CHECK(name.len <= DKIM_NAME_MAX);
		FUZZ_CHECK(text_is_printable(name));
		dkim_check_answer(check, i, DKIM_KEY_FOUND, record);
	}
	FUZZ_CHECK(dkim_check_end(check) == DKIM_OK);
	return check;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text message = mf_text_at((const char *)data, size);
	struct mf_text record = MF_TEXT("");
	size_t octets = 0;
	const struct dkim_trace trace = {on_event, &octets};
	struct dkim_check *whole, *parts;

	text_cut(&message, '\0', &record);
	whole = verify(record, message, size + 1, &trace);
	parts = verify(record, message, size % 5 + 1, NULL);
	size_t count = dkim_check_count(whole, NULL);
	FUZZ_CHECK(count == dkim_check_count(parts, NULL));
	for (size_t i = 0; i < count; i++) {
		const struct dkim_signature *s = dkim_check_signature(whole, i);

		check_signature(s);
		FUZZ_CHECK(
		    memcmp(s, dkim_check_signature(parts, i), sizeof(*s)) == 0);
	}
	FUZZ_CHECK(dkim_check_result(whole) == dkim_check_result(parts));
	FUZZ_CHECK((dkim_check_result(whole) == DKIM_NONE) == (count == 0));
	dkim_check_free(whole);
	dkim_check_free(parts);
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * libspf-engine/wire.h: any message, read as each kind.  What can be read can
 * be written again, and reads the same.
 */
#include "libspf-engine/wire.h"
#include "tests/fuzz/fuzz.h"

static char room[WIRE_SIZE];

static void
request(struct mf_text message)
{
	struct text_out out = text_out(room, sizeof(room));
	struct spf_request q;
	struct mf_text guess;

	if (!wire_get_request_(message, &q, &guess))
		return;
	q.best_guess = guess.len != 0 ? spf_record_compile(guess) : NULL;
	FUZZ_CHECK(wire_put_request_(&out, &q));
	FUZZ_CHECK(mf_text_eq(out_view(&out), message));
	spf_record_free((struct spf_record *)(uintptr_t)q.best_guess);
}

static void
lookup(struct mf_text message)
{
	struct text_out out = text_out(room, sizeof(room));
	struct mf_text name;
	enum spf_rr rr;

	if (!wire_get_lookup_(message, &rr, &name))
		return;
	FUZZ_CHECK(spf_name_ok(name));
	FUZZ_CHECK(wire_put_lookup_(&out, rr, name));
	FUZZ_CHECK(mf_text_eq(out_view(&out), message));
}

static void
answer(struct mf_text message)
{
	for (unsigned rr = 0; rr <= SPF_RR_PTR; rr++) {
		struct text_out out = text_out(room, sizeof(room));
		const struct spf_answer *a, *again;

		if (!wire_get_answer_(message, (enum spf_rr)rr, &a))
			continue;
		FUZZ_CHECK(wire_put_answer_(&out, a));
		FUZZ_CHECK(
		    wire_get_answer_(out_view(&out), (enum spf_rr)rr, &again));
		FUZZ_CHECK((a == NULL) == (again == NULL));
		if (a != NULL) {
			FUZZ_CHECK(a->rr == (enum spf_rr)rr);
			FUZZ_CHECK(a->status == again->status);
			FUZZ_CHECK(a->count == again->count);
			FUZZ_CHECK(a->spf_records == again->spf_records);
			FUZZ_CHECK(mf_text_eq(a->only_text, again->only_text));
		}
		spf_answer_free(a);
		spf_answer_free(again);
	}
}

static void
verdict(struct mf_text message)
{
	struct text_out out = text_out(room, sizeof(room));
	struct spf_verdict v;
	enum spf_status status;
	enum spf_opinion opinion;

	if (!wire_get_verdict_(message, &status, &opinion, &v))
		return;
	if (status == SPF_OK && opinion == SPF_OPINION_GIVEN) {
		FUZZ_CHECK(text_is_printable(mf_text_of(v.domain)));
		FUZZ_CHECK(text_is_printable(mf_text_of(v.explanation)));
		FUZZ_CHECK(text_is_printable(mf_text_of(v.problem)));
	}
	FUZZ_CHECK(wire_put_verdict_(&out, status, opinion, &v));
	FUZZ_CHECK(mf_text_eq(out_view(&out), message));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text message = mf_text_at((const char *)data, size);

	wire_get_hello_(message);
	request(message);
	lookup(message);
	answer(message);
	verdict(message);
	return 0;
}

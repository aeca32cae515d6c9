/* SPDX-License-Identifier: ISC */
/*
 * tools/mailfrom/doctor_talk.h: what a mail server and a filter reply, whole and
 * in two pieces.  A reply is a part of the input, and no piece of it is one.
 */
#include "tests/fuzz/fuzz.h"
#include "tools/mailfrom/doctor_talk.h"

static bool
is_within(struct mf_text part, struct mf_text whole)
{
	return part.len == 0 ||
	    (part.p >= whole.p && part.p + part.len <= whole.p + whole.len);
}

static void
check_smtp(struct mf_text input, size_t cut)
{
	struct talk_smtp_reply reply, again;
	size_t used, used_again;

	if (talk_parse_smtp(input, &reply, &used) != TALK_DONE)
		return;
	FUZZ_CHECK(used != 0 && used <= input.len);
	FUZZ_CHECK(reply.code >= 200 && reply.code <= 999);
	FUZZ_CHECK(is_within(reply.text, input));
	FUZZ_CHECK(memchr(input.p, '\n', used) != NULL);
	if (cut < used)
		FUZZ_CHECK(talk_parse_smtp(text_head(input, cut), &again,
			       &used_again) != TALK_DONE);
}

static void
check_milter(struct mf_text input, size_t cut)
{
	struct mf_text data;
	size_t used;
	char command;

	if (talk_parse_milter(input, &command, &data, &used) != TALK_DONE)
		return;
	FUZZ_CHECK(used <= input.len && data.len + 5 == used);
	FUZZ_CHECK(is_within(data, input));
	if (cut < used)
		FUZZ_CHECK(talk_parse_milter(text_head(input, cut), &command,
			       &data, &used) == TALK_MORE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text input = mf_text_at((const char *)data, size);
	size_t cut = fuzz_octet(&input);

	check_smtp(input, cut);
	check_milter(input, cut);
	return 0;
}

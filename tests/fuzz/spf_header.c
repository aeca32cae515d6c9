/* SPDX-License-Identifier: ISC */
/*
 * libspf/header.c: any HELO name, sender and verdict.
 *
 * Input: two octets of choices, then sender, HELO name, authority, domain,
 * mechanism and problem, each with two octets of length before it.  What comes
 * out is one field: never empty, folded and nothing else, quotes and
 * parentheses balanced, no octet that isn't text.
 */
#include "tests/fuzz/fuzz.h"
#include <mailfrom/spf_header.h>

static struct mf_text
take(struct mf_text *input)
{
	size_t len = fuzz_octet(input);

	len = len << 3 | (fuzz_octet(input) & 7);
	struct mf_text t = text_head(*input, len);
	*input = text_from(*input, t.len);
	return t;
}

/* As the evaluator leaves it: no NUL in it. */
static void
take_text(struct mf_text *input, char *out, size_t size)
{
	struct mf_text t = text_head(take(input), size - 1);

	t.len = text_find(t, '\0');
	if (t.len != 0)
		memcpy(out, t.p, t.len);
	out[t.len] = '\0';
}

static size_t
skip_delimited(const char *p, size_t at)
{
	char end = p[at] == '"' ? '"' : ')';

	for (at++; p[at] != end; at++) {
		FUZZ_CHECK(p[at] != '\n' && p[at] != '\0');
		FUZZ_CHECK(p[at] != '(' || end == '"');
		at += p[at] == '\\';
		FUZZ_CHECK(p[at] != '\n' && p[at] != '\0');
	}
	return at;
}

static void
check(const char *field, size_t len)
{
	FUZZ_CHECK(len != 0 && len < SPF_HEADER_SIZE);
	FUZZ_CHECK(strlen(field) == len);
	for (size_t i = 0; i < len; i++) {
		size_t octets = text_utf8_len(mf_text_at(field + i, len - i));

		if (octets != 0)
			i += octets - 1;
		else if (field[i] == '\n')
			FUZZ_CHECK(field[++i] == '\t' && field[i + 1] > ' ');
		else
			FUZZ_CHECK(field[i] >= ' ' && field[i] <= '~');
	}
	for (size_t i = 0; i < len; i++) {
		if (field[i] == '"' || field[i] == '(')
			i = skip_delimited(field, i);
		FUZZ_CHECK(field[i] != '\\');
		FUZZ_CHECK((unsigned char)field[i] < 0x80);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text input = mf_text_at((const char *)data, size);
	uint8_t first = fuzz_octet(&input), second = fuzz_octet(&input);
	char out[SPF_HEADER_SIZE];
	struct spf_verdict v = {
	    .result = (enum spf_result)(first % (SPF_PERMERROR + 1)),
	    .guessed = first >> 7};
	struct spf_request q = {
	    .identity = second & 1 ? SPF_HELO : SPF_MAILFROM,
	    .ip = {.v6 = second & 2}};

	memset(q.ip.octets, second, q.ip.v6 ? 16 : 4);
	q.sender = take(&input);
	q.helo = take(&input);
	struct mf_text authority = take(&input);
	take_text(&input, v.domain, sizeof(v.domain));
	take_text(&input, v.mechanism, sizeof(v.mechanism));
	take_text(&input, v.problem, sizeof(v.problem));
	memset(out, 'X', sizeof(out));
	check(out, spf_header_received(&q, &v, authority, out));
	memset(out, 'X', sizeof(out));
	check(out, spf_header_authentication(&q, &v, out));
	return 0;
}

/* SPDX-License-Identifier: ISC */
/*
 * spfmilter/policyd_request.h and policyd_answer.h: any stream of octets, at
 * once and in pieces, is the same requests; addresses in them come back as they
 * were; and an answer is one line, whatever is in it.
 *
 * The first octet is the size of the pieces.
 */
#include "milter/path.h"
#include "spfmilter/policyd_answer.h"
#include "spfmilter/policyd_request.h"
#include "tests/fuzz/fuzz.h"

#define STREAM_MAX 20000

struct seen {
	size_t len;
	bool is_bad;
	char text[2 * STREAM_MAX + 1024];
};

static void
see(struct seen *s, struct mf_text text)
{
	FUZZ_CHECK(text.len < sizeof(s->text) - s->len);
	if (text.len != 0)
		memcpy(s->text + s->len, text.p, text.len);
	s->len += text.len;
	s->text[s->len++] = '|';
}

/* The domain that Postfix sees, behind the last "@", is that of the path. */
static void
check_path(struct mf_text address)
{
	static char store[POLICYD_PATH_SIZE];
	struct mf_text path = policyd_path(address, store);
	size_t at = text_rfind(address, '@');

	FUZZ_CHECK(path.len <= sizeof(store));
	if (path_is_plain(path) && at < address.len)
		FUZZ_CHECK(
		    mf_text_eq(path_domain(path), text_from(address, at + 1)));
}

static void
check_answer(struct mf_text text)
{
	static char value[STREAM_MAX + 1], room[POLICYD_ANSWER_MAX];
	struct text_out out = text_out(room, sizeof(room));
	struct mf_text line;

	memcpy(value, text.p != NULL ? text.p : "", text.len);
	value[text.len] = '\0';
	policyd_format(
	    &(struct policyd_answer){
		.verb = POLICYD_PREPEND, .name = "X", .value = value},
	    &out);
	FUZZ_CHECK(!out.full);
	line = out_view(&out);
	FUZZ_CHECK(text_find(line, '\n') == line.len - 2);
	FUZZ_CHECK(line.p[line.len - 1] == '\n');
}

static void
take(const struct policyd_request *r, struct seen *s)
{
	see(s, r->sender);
	see(s, r->recipient);
	see(s, r->instance);
	see(s, r->user);
	check_path(r->sender);
	check_path(r->recipient);
	check_answer(r->sender);
}

static void
run(struct mf_text stream, size_t piece, struct seen *s)
{
	size_t taken = 0, have = 0;

	s->len = 0;
	s->is_bad = false;
	while (!s->is_bad && have < stream.len) {
		enum policyd_parsed status;
		struct policyd_request r;
		const char *why;

		have = stream.len - have < piece ? stream.len : have + piece;
		do {
			struct mf_text input =
			    mf_text_at(stream.p + taken, have - taken);

			status = policyd_parse(&input, &r, &why);
			taken = have - input.len;
			if (status == POLICYD_TAKEN)
				take(&r, s);
		} while (status == POLICYD_TAKEN);
		s->is_bad = status == POLICYD_BAD;
		FUZZ_CHECK(s->is_bad == (why != NULL));
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct seen whole, pieces;
	struct mf_text stream;

	if (size < 2 || size > STREAM_MAX)
		return 0;
	stream = mf_text_at((const char *)data + 1, size - 1);
	run(stream, stream.len, &whole);
	run(stream, 1 + (size_t)data[0], &pieces);
	FUZZ_CHECK(whole.is_bad == pieces.is_bad);
	FUZZ_CHECK(whole.len == pieces.len);
	FUZZ_CHECK(memcmp(whole.text, pieces.text, whole.len) == 0);
	return 0;
}

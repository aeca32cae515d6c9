/* SPDX-License-Identifier: ISC */
/*
 * srsd/protocol.h: streams of requests, well and badly formed, in pieces of
 * any size.
 */
#include "srsd/protocol.h"
#include "tests/unit/rewriters.h"

#define SRS0       "SRS0=msJqy3=G3=example.net=bob@srs.example.com"
#define FWD        "23:forward bob@example.net,"
#define OK         "49:OK " SRS0 ","
#define UP         "19:OK srsd " MAILFROM_VERSION " is up,"
#define PERM_SPACE "43:PERM not a request: no space behind the map,"
#define TOO_LONG   "21:PERM request too long,"

static struct made made;
static struct message_ids ids;
static unsigned decisions;

static int
setup(void **state)
{
	if (scratch_setup(state) != 0)
		return -1;
	make_well(&made, "fwdomain=srs.example.com\nown_domains=own.example");
	return 0;
}

static int
teardown(void **state)
{
	unmake(&made);
	return scratch_teardown(state);
}

/* What a connection does with a request. */
static void
decide(enum protocol protocol, const struct map_request *request,
    struct text_out *out)
{
	static struct map_lookup lookup;
	static struct map_answer answer;

	map_read(request, &lookup);
	map_decide(made.rewriter, &lookup, &ids, NOW);
	decisions += map_decides(&lookup);
	map_answer(&lookup, &answer);
	protocol_format(protocol, answer.status, answer.data, out);
}

static enum protocol_status
next(enum protocol protocol, struct mf_text *input, struct text_out *out)
{
	static struct protocol_parsed parsed;
	struct mf_text before = *input;
	enum protocol_status status = protocol_parse(protocol, input, &parsed);

	if (parsed.error.len != 0)
		protocol_format(protocol, MAP_PERM, parsed.error, out);
	else if (status == PROTOCOL_TAKEN)
		decide(protocol, &parsed.request, out);
	if (status == PROTOCOL_MORE)
		assert_int_equal(parsed.error.len, 0);
	assert_int_equal(input->len < before.len, status == PROTOCOL_TAKEN);
	return status;
}

/* --- a stream in pieces --- */

#define STREAM_MAX 65536

struct stream {
	char sent[4 * STREAM_MAX];
	size_t sent_len;
	bool closed;
	size_t left; /* octets that wait for more */
};

/*
 * What a connection would answer if the stream came in pieces of these sizes,
 * 0: as large as can be.
 */
static void
run(enum protocol protocol, struct mf_text stream, size_t (*piece)(void *),
    void *arg, struct stream *s)
{
	static char kept[STREAM_MAX];
	struct text_out out = text_out(s->sent, sizeof(s->sent));
	size_t have = 0;

	s->closed = false;
	while (stream.len != 0 && !s->closed) {
		size_t size = piece(arg);
		struct mf_text part =
		    text_head(stream, size == 0 ? stream.len : size);
		struct mf_text input;
		enum protocol_status status;

		stream = text_from(stream, part.len);
		assert_true(have + part.len <= sizeof(kept));
		memcpy(kept + have, part.p, part.len);
		input = mf_text_at(kept, have + part.len);
		do
			status = next(protocol, &input, &out);
		while (status == PROTOCOL_TAKEN);
		s->closed = status == PROTOCOL_CLOSE;
		memmove(kept, input.p, input.len);
		have = input.len;
		/* What waits is half a request, not more. */
		assert_true(s->closed || have <= PROTOCOL_INPUT_MAX);
	}
	assert_false(out.full);
	s->sent_len = out.len;
	s->left = have;
}

static size_t
whole(void *arg)
{
	(void)arg;
	return 0;
}

static size_t
octets_of(void *arg)
{
	return *(size_t *)arg;
}

static size_t
random_piece(void *arg)
{
	return 1 + random_next(arg) % 40;
}

static struct stream first, again;

static void
expect_same(const char *name)
{
	if (first.sent_len != again.sent_len ||
	    memcmp(first.sent, again.sent, first.sent_len) != 0)
		fail_msg("%s: in pieces \"%.*s\"\nat once \"%.*s\"", name,
		    (int)again.sent_len, again.sent, (int)first.sent_len,
		    first.sent);
	expect_int(name, "closed", again.closed, first.closed);
	if (!first.closed)
		expect_int(
		    name, "left", (long long)again.left, (long long)first.left);
}

/* The same answers, however the stream is cut. */
static void
run_in_pieces(const char *name, enum protocol protocol, struct mf_text stream)
{
	uint64_t seed = 8;

	run(protocol, stream, whole, NULL, &first);
	for (size_t size = 1; size <= 17; size++) {
		run(protocol, stream, octets_of, &size, &again);
		expect_same(name);
	}
	for (int i = 0; i < 20; i++) {
		run(protocol, stream, random_piece, &seed, &again);
		expect_same(name);
	}
}

#define SOCKETMAP PROTOCOL_SOCKETMAP
#define FORWARD   PROTOCOL_TCP_FORWARD
#define REVERSE   PROTOCOL_TCP_REVERSE

static const struct {
	const char *name;
	enum protocol protocol;
	struct mf_text input;
	const char *answers;
	bool closed;
	size_t left;
	unsigned decisions;
} rows[] = {
    {"one", SOCKETMAP, BYTES(FWD), OK, false, 0, 1},
    {"null sender", SOCKETMAP, BYTES("10:forward \"\","), "9:NOTFOUND ,", false,
	0, 1},
    {"probe", SOCKETMAP, BYTES("6:probe ,"), UP, false, 0, 0},
    {"nothing", SOCKETMAP, BYTES(""), "", false, 0, 0},
    {"pipelined", SOCKETMAP, BYTES(FWD FWD "14:reverse a@b.cd," FWD),
	OK OK "9:NOTFOUND ," OK, false, 0, 4},
    {"half a request", SOCKETMAP, BYTES(FWD "23:forward b"), OK, false, 12, 1},
    {"no space", SOCKETMAP, BYTES("7:forward," FWD), PERM_SPACE OK, false, 0,
	1},
    {"empty", SOCKETMAP, BYTES("0:," FWD), PERM_SPACE OK, false, 0, 1},
    {"NUL in the key", SOCKETMAP, BYTES("11:forward a\0b," FWD),
	"30:PERM the key holds a NUL octet," OK, false, 0, 1},
    {"NUL for a length", SOCKETMAP, BYTES("\0" FWD), "", true, 0, 0},
    {"malformed at first", SOCKETMAP, BYTES("hello world\r\n" FWD), "", true, 0,
	0},
    {"malformed later", SOCKETMAP, BYTES(FWD "x" FWD), OK, true, 0, 1},
    {"no comma", SOCKETMAP, BYTES("23:forward bob@example.net;" FWD), "", true,
	0, 0},
    {"CR LF behind", SOCKETMAP, BYTES(FWD "\r\n" FWD), OK, true, 0, 1},
    {"leading zero", SOCKETMAP, BYTES("023:forward bob@example.net,"), "", true,
	0, 0},
    {"too long", SOCKETMAP, BYTES(FWD "8193:forward "), OK TOO_LONG, true, 0,
	1},
    {"far too long", SOCKETMAP,
	BYTES("99999999999999999999999999999999999999:x"), TOO_LONG, true, 0,
	0},
    {"a tcp_table client", SOCKETMAP, BYTES("get bob@example.net\n"), "", true,
	0, 0},

    {"get", FORWARD, BYTES("get bob@example.net\n"), "200 " SRS0 "\n", false, 0,
	1},
    {"get, CR LF", FORWARD, BYTES("get bob@example.net\r\n"), "200 " SRS0 "\n",
	false, 0, 1},
    {"get back", REVERSE, BYTES("get " SRS0 "\n"), "200 bob@example.net\n",
	false, 0, 1},
    {"not found", REVERSE, BYTES("get bob@example.net\n"), "500 not_srs\n",
	false, 0, 1},
    {"own domain", FORWARD, BYTES("get bob@own.example\n"), "500 own_domain\n",
	false, 0, 1},
    {"null sender", FORWARD, BYTES("get \nget <>\nget \"\"\n"),
	"500 null_sender\n500 null_sender\n500 null_sender\n", false, 0, 3},
    {"pipelined", FORWARD, BYTES("get a\nget b\r\nget bob@example.net\nget d"),
	"500 unqualified\n500 unqualified\n200 " SRS0 "\n", false, 5, 3},
    {"percent", FORWARD, BYTES("get bob%40example%2enet\n"), "200 " SRS0 "\n",
	false, 0, 1},
    {"percent in the answer", REVERSE,
	BYTES("get SRS0=W2rzHj=G3=example.net=%22a%20%25b%22@srs.example.com"
	      "\n"),
	"500 bad_signature\n", false, 0, 1},
    {"percent at the end", FORWARD, BYTES("get bob%\nget bob%4\n"),
	"400 %25%20without%20two%20hex%20digits\n"
	"400 %25%20without%20two%20hex%20digits\n",
	false, 0, 0},
    {"percent and no digits", FORWARD, BYTES("get bob%4g\nget %%\n"),
	"400 %25%20without%20two%20hex%20digits\n"
	"400 %25%20without%20two%20hex%20digits\n",
	false, 0, 0},
    {"percent NUL", FORWARD, BYTES("get bob%00@example.net\n"),
	"400 the%20key%20holds%20a%20NUL%20octet\n", false, 0, 0},
    {"NUL", FORWARD, BYTES("get bob\0@example.net\n"),
	"400 the%20key%20holds%20a%20NUL%20octet\n", false, 0, 0},
    {"percent line feed", FORWARD, BYTES("get bob%0a@example.net\n"),
	"500 bad_address\n", false, 0, 1},
    {"put", FORWARD, BYTES("put a b\nGET a\nget\n\n"),
	"400 only%20get%20is%20understood\n"
	"400 only%20get%20is%20understood\n"
	"400 only%20get%20is%20understood\n"
	"400 only%20get%20is%20understood\n",
	false, 0, 0},
    {"a socketmap client", FORWARD, BYTES(FWD), "", false, 27, 0},
};

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		decisions = 0;
		run(rows[i].protocol, rows[i].input, whole, NULL, &first);
		expect_text(rows[i].name, "answers",
		    mf_text_at(first.sent, first.sent_len),
		    mf_text_of(rows[i].answers));
		expect_int(
		    rows[i].name, "closed", first.closed, rows[i].closed);
		if (!first.closed)
			expect_int(rows[i].name, "left", (long long)first.left,
			    (long long)rows[i].left);
		expect_int(
		    rows[i].name, "decisions", decisions, rows[i].decisions);
		run_in_pieces(rows[i].name, rows[i].protocol, rows[i].input);
	}
}

/* --- limits --- */

static char stream[STREAM_MAX];

/* A request "forward xxxx" of len octets, as a netstring. */
static struct mf_text
long_request(size_t len)
{
	struct text_out out = text_out(stream, sizeof(stream));

	out_uint(&out, len);
	out_str(&out, ":forward ");
	for (size_t i = 8; i < len; i++)
		out_char(&out, 'x');
	out_str(&out, "," FWD);
	assert_false(out.full);
	return out_view(&out);
}

static void
longest_request(void **state)
{
	(void)state;
	run_in_pieces("longest", SOCKETMAP, long_request(MAP_REQUEST_MAX));
	assert_false(first.closed);
	expect_text("longest", "answers",
	    mf_text_at(first.sent, first.sent_len), MF_TEXT("9:NOTFOUND ," OK));
	run_in_pieces("longer", SOCKETMAP, long_request(MAP_REQUEST_MAX + 1));
	assert_true(first.closed);
	expect_text("longer", "answers", mf_text_at(first.sent, first.sent_len),
	    MF_TEXT(TOO_LONG));
}

/* "get xxxx" of len octets, its LF included. */
static struct mf_text
long_line(size_t len)
{
	struct text_out out = text_out(stream, sizeof(stream));

	out_str(&out, "get ");
	for (size_t i = 5; i < len; i++)
		out_char(&out, 'x');
	out_str(&out, "\nget bob@example.net\n");
	assert_false(out.full);
	return out_view(&out);
}

static void
longest_line(void **state)
{
	(void)state;
	run_in_pieces("longest", FORWARD, long_line(PROTOCOL_LINE_MAX));
	assert_false(first.closed);
	expect_text("longest", "answers",
	    mf_text_at(first.sent, first.sent_len),
	    MF_TEXT("500 unqualified\n200 " SRS0 "\n"));
	run_in_pieces("longer", FORWARD, long_line(PROTOCOL_LINE_MAX + 1));
	assert_true(first.closed);
	expect_text("longer", "answers", mf_text_at(first.sent, first.sent_len),
	    MF_TEXT("400 line%20too%20long\n"));
	/* One that never ends is closed before it fills the memory. */
	memset(stream, 'x', sizeof(stream));
	run_in_pieces("endless", FORWARD, mf_text_at(stream, 60000));
	assert_true(first.closed);
}

/* The answer to the worst request fits into PROTOCOL_ANSWER_MAX. */
static void
largest_answer_fits(void **state)
{
	static char room[PROTOCOL_ANSWER_MAX];
	static const char *const begins[] = {
	    "8192:reverse_srs |", "8192:make_srs h\x9b", "8192:make_srs \x9b"};

	(void)state;
	for (size_t i = 0; i < COUNT(begins); i++) {
		struct text_out in = text_out(stream, sizeof(stream));
		struct text_out out = text_out(room, sizeof(room));
		struct mf_text input;

		out_str(&in, begins[i]);
		while (in.len < 5 + 8192)
			out_char(&in, '\xff');
		out_char(&in, ',');
		input = out_view(&in);
		assert_int_equal(next(SOCKETMAP, &input, &out), PROTOCOL_TAKEN);
		assert_false(out.full);
		assert_int_equal(input.len, 0);
		assert_true(out.len > 8170);
	}
}

/* An answer of tcp_table holds nothing that would end it. */
static void
answers_are_encoded(void **state)
{
	struct srs_addr signed_addr;
	struct text_out line = text_out(stream, sizeof(stream));

	(void)state;
	assert_int_equal(srs_encode(made.rewriter->srs,
			     MF_TEXT("\"a %b\"@b\xc3\xbc.example"),
			     made.rewriter->fwdomain, NOW, &signed_addr),
	    SRS_OK);
	out_str(&line, "get ");
	for (size_t i = 0; i < signed_addr.len; i++) {
		char hex[4];

		snprintf(hex, sizeof(hex), "%%%02x",
		    (unsigned char)signed_addr.text[i]);
		out_str(&line, hex);
	}
	out_char(&line, '\n');
	run(REVERSE, out_view(&line), whole, NULL, &first);
	expect_text("encoded", "answer", mf_text_at(first.sent, first.sent_len),
	    MF_TEXT("200 \"a%20%25b\"@b%C3%BC.example\n"));
}

/* Random streams of good and bad parts: cut anyhow, answered alike. */
static void
random_streams(void **state)
{
	static const char *const parts[] = {FWD, FWD, FWD, "0:,", "6:probe ,",
	    "12:make_srs \x9b<@,", "4:a b,", "9", ":", "x", ",", "\n", "1",
	    "get bob@example.net\n", "get a%20b\r\n", "get %", "\r", "get "};
	uint64_t seed = 9;

	(void)state;
	for (int i = 0; i < 600; i++) {
		struct text_out out = text_out(stream, 2048);
		uint64_t n = 1 + random_next(&seed) % 12;

		while (n-- > 0)
			out_str(&out, parts[random_next(&seed) % COUNT(parts)]);
		run_in_pieces("random",
		    (enum protocol[]){SOCKETMAP, FORWARD, REVERSE}[i % 3],
		    out_view(&out));
	}
}

/* A request as it is handed on, and what is left behind it. */
static void
request_text(void **state)
{
	static const struct {
		enum protocol protocol;
		const char *input, *map, *key;
		size_t left;
	} request_rows[] = {
	    {SOCKETMAP, FWD "7:", "forward", "bob@example.net", 2},
	    {SOCKETMAP, "5:a b c,", "a", "b c", 0},
	    {SOCKETMAP, "2: b,", "", "b", 0},
	    {FORWARD, "get bob%40example.net\r\nget", "forward",
		"bob@example.net", 3},
	    {REVERSE, "get a b\n", "reverse", "a b", 0},
	};
	static struct protocol_parsed parsed;

	(void)state;
	for (size_t i = 0; i < COUNT(request_rows); i++) {
		const char *name = request_rows[i].input;
		struct mf_text input = mf_text_of(name);

		expect_int(name, "status",
		    protocol_parse(request_rows[i].protocol, &input, &parsed),
		    PROTOCOL_TAKEN);
		expect_text(name, "map", parsed.request.map,
		    mf_text_of(request_rows[i].map));
		expect_text(name, "key", parsed.request.key,
		    mf_text_of(request_rows[i].key));
		expect_int(name, "left", (long long)input.len,
		    (long long)request_rows[i].left);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(table),
	    cmocka_unit_test(longest_request),
	    cmocka_unit_test(longest_line),
	    cmocka_unit_test(largest_answer_fits),
	    cmocka_unit_test(answers_are_encoded),
	    cmocka_unit_test(random_streams),
	    cmocka_unit_test(request_text),
	};

	return cmocka_run_group_tests_name("protocol", tests, setup, teardown);
}

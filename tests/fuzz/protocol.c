/* SPDX-License-Identifier: ISC */
/*
 * srsd/protocol.h: any stream of octets, at once and in pieces, against a
 * rewriter in which every rule has something to do.  The first octet chooses
 * the protocol and, by its upper bits, the size of the pieces.
 */
#include "srsd/protocol.h"
#include "tests/fuzz/fuzz.h"

#define NOW UINT64_C(1700000000)

/* Longer streams only repeat what shorter ones have shown. */
#define STREAM_MAX 20000

static const char lines[] = "[srs]\n"
			    "fwdomain=srs.example.com, c.example=d.example\n"
			    "own_domains=own.example, .own.example\n"
			    "ses=ses.example\n"
			    "sign=sign.example\n"
			    "nosrs=n.example\n"
			    "exclude_senders=x@, e.example\n";

/* Made once, and never freed. */
static const struct rewriter *
rewriter(void)
{
	static struct rewrite_settings settings;
	static struct rewriter *made;
	static struct conf *conf;
	static const struct mf_text secrets[] = {
	    {"a secret of the fuzzers", 23}};
	static const struct rewriter_legacy legacy = {secrets, 1, 0, 0};
	struct report report = {.say = report_ignore};
	struct conf_section section = rewrite_section(&settings);
	struct ini ini;

	if (made != NULL)
		return made;
	FUZZ_CHECK(
	    ini_parse(&ini, "fuzz", mf_text_of(lines), INI_OURS, &report));
	FUZZ_CHECK(conf_load(&conf, &ini, &section, 1, &report));
	FUZZ_CHECK(
	    rewriter_new(&settings, conf, "fuzz", &legacy, &made, &report));
	ini_free(&ini);
	return made;
}

/* The gate lets a sender pass by the length of its address. */
static void
decide(enum protocol protocol, const struct map_request *request,
    struct text_out *out)
{
	static struct message_ids ids;
	static struct map_lookup lookup;
	static struct map_answer answer;

	atomic_init(&ids.next, 7);
	map_read(request, &lookup);
	FUZZ_CHECK(!lookup.address.full);
	map_decide(rewriter(), &lookup, &ids, NOW);
	if (map_asks_gate(&lookup) && lookup.address.len % 2 != 0)
		policy_spf_passes(&lookup.result);
	map_answer(&lookup, &answer);
	FUZZ_CHECK(answer.data.len <= sizeof(answer.data_room));
	protocol_format(protocol, answer.status, answer.data, out);
}

static enum protocol_status
next(enum protocol protocol, struct mf_text *input, struct text_out *out)
{
	static struct protocol_parsed parsed;
	enum protocol_status status = protocol_parse(protocol, input, &parsed);

	if (parsed.error.len != 0)
		protocol_format(protocol, MAP_PERM, parsed.error, out);
	else if (status == PROTOCOL_TAKEN)
		decide(protocol, &parsed.request, out);
	return status;
}

struct outcome {
	size_t len;
	bool closed;
	char sent[1024 * 1024];
};

/* The answers to a stream that comes in pieces of this size. */
static void
run(enum protocol protocol, struct mf_text stream, size_t piece,
    struct outcome *o)
{
	static char room[PROTOCOL_ANSWER_MAX], kept[2 * STREAM_MAX];
	size_t have = 0;

	o->len = 0;
	o->closed = false;
	while (stream.len != 0 && !o->closed) {
		struct mf_text part = text_head(stream, piece), input;
		enum protocol_status status;

		stream = text_from(stream, part.len);
		memcpy(kept + have, part.p, part.len);
		input = mf_text_at(kept, have + part.len);
		do {
			struct text_out out = text_out(room, sizeof(room));
			status = next(protocol, &input, &out);
			FUZZ_CHECK(!out.full);
			FUZZ_CHECK(status != PROTOCOL_MORE || out.len == 0);
			FUZZ_CHECK(out.len <= sizeof(o->sent) - o->len);
			memcpy(o->sent + o->len, room, out.len);
			o->len += out.len;
		} while (status == PROTOCOL_TAKEN);
		o->closed = status == PROTOCOL_CLOSE;
		FUZZ_CHECK(o->closed || input.len <= PROTOCOL_INPUT_MAX);
		memmove(kept, input.p, input.len);
		have = input.len;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum protocol protocols[] = {PROTOCOL_SOCKETMAP,
	    PROTOCOL_TCP_FORWARD, PROTOCOL_TCP_REVERSE, PROTOCOL_SOCKETMAP};
	static struct outcome whole, pieces;
	struct mf_text stream;

	if (size < 2 || size > STREAM_MAX)
		return 0;
	stream = mf_text_at((const char *)data + 1, size - 1);
	run(protocols[data[0] & 3], stream, stream.len, &whole);
	run(protocols[data[0] & 3], stream, 1 + (data[0] >> 2), &pieces);
	FUZZ_CHECK(whole.closed == pieces.closed);
	FUZZ_CHECK(whole.len == pieces.len);
	FUZZ_CHECK(memcmp(whole.sent, pieces.sent, whole.len) == 0);
	return 0;
}

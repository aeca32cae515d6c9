/* SPDX-License-Identifier: ISC */
/*
 * libdkim: the RFCs' own examples, canonical bodies, pieces of any size, bounds,
 * and the order of calls.  tests/dkimquery has all kinds of signatures, tests/oracle
 * other verifiers.
 */
#include "tests/unit/dkim_messages.h"
#include "tests/unit/support.h"

static struct dkim_check *
new_check(const struct dkim_trace *trace)
{
	struct dkim_check *check = dkim_check_new(NOW, trace);

	assert_non_null(check);
	return check;
}

/* Feed text in pieces of size octets; 0: of all sizes in turn. */
static void
feed(struct dkim_check *check, struct mf_text text, size_t size)
{
	size_t turn = 1;

	while (text.len != 0) {
		struct mf_text piece =
		    text_head(text, size != 0 ? size : turn++ % 7 + 1);

		assert_int_equal(dkim_check_message(check, piece), DKIM_OK);
		text = text_from(text, piece.len);
	}
}

static void
assert_verified(struct mf_text message, size_t signatures)
{
	for (size_t size = 0; size < 80; size++) {
		struct dkim_check *check = new_check(NULL);

		feed(check, message, size == 79 ? message.len : size);
		assert_int_equal(dkim_check_count(check, NULL), signatures);
		answer_dinner(check);
		assert_int_equal(dkim_check_end(check), DKIM_OK);
		for (size_t i = 0; i < signatures; i++) {
			const struct dkim_signature *s =
			    dkim_check_signature(check, i);

			assert_int_equal(s->reason, DKIM_REASON_VERIFIED);
			assert_int_equal(s->result, DKIM_PASS);
			assert_int_equal(s->standing, DKIM_COUNTS);
		}
		assert_int_equal(dkim_check_result(check), DKIM_PASS);
		dkim_check_free(check);
	}
}

static void
examples(void **state)
{
	(void)state;
	assert_verified(
	    MF_TEXT(RFC6376_SIGNED DINNER_HEADER "\r\n" DINNER_BODY), 1);
	assert_verified(
	    MF_TEXT(RFC8463_SIGNED DINNER_HEADER "\r\n" DINNER_BODY), 2);
	assert_verified(MF_TEXT(RFC8463_SIGNED RFC6376_SIGNED DINNER_HEADER
			    "\r\n" DINNER_BODY "\r\n\r\n"),
	    3);
}

/* What is told of a signature. */
static void
details(void **state)
{
	struct dkim_check *check = new_check(NULL);
	const struct dkim_signature *s;

	(void)state;
	feed(
	    check, MF_TEXT(RFC8463_SIGNED DINNER_HEADER "\r\n" DINNER_BODY), 9);
	s = dkim_check_signature(check, 1);
	assert_int_equal(s->result, DKIM_TEMPERROR);
	answer_dinner(check);
	assert_int_equal(dkim_check_question(check, 0).len, 0);
	assert_int_equal(dkim_check_end(check), DKIM_OK);
	assert_string_equal(s->domain, "football.example.com");
	assert_string_equal(s->selector, "test");
	assert_string_equal(s->identity, "@football.example.com");
	assert_string_equal(s->mark, "F45dVWDf");
	assert_int_equal(s->algorithm, DKIM_RSA_SHA256);
	assert_int_equal(s->key_bits, 1024);
	assert_int_equal(s->signed_sec, 1528637909);
	assert_int_equal(s->expires_sec, 0);
	assert_true(s->relaxed_header && s->relaxed_body && !s->has_length);
	assert_int_equal(s->body_length, sizeof(DINNER_BODY) - 1);
	dkim_check_free(check);
}

/* --- canonical bodies --- */

/* RFC 6376 3.4.3, 3.4.4; the hash of "" and so on by `openssl dgst -sha256`. */
static const struct {
	const char *name, *body, *simple, *relaxed;
} bodies[] = {
    {"empty", "", "\r\n", ""},
    {"an empty line", "\r\n", "\r\n", ""},
    {"empty lines", "\r\n\r\n\r\n", "\r\n", ""},
    {"RFC 6376 3.4.5", " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n",
	" C\r\nD E\r\n"},
    {"no end", "x", "x\r\n", "x\r\n"},
    {"blanks at the end", "x \t", "x \t\r\n", "x\r\n"},
    {"blanks alone", " \t", " \t\r\n", ""},
    {"blanks and a line", " \t\r\n", " \t\r\n", ""},
    {"blanks behind lines", "x\r\n\r\n \t", "x\r\n\r\n \t\r\n", "x\r\n"},
    {"lines behind blanks", "x\r\n \r\n\t\r\n", "x\r\n \r\n\t\r\n", "x\r\n"},
    {"blank lines between", "x\r\n \r\ny\r\n", "x\r\n \r\ny\r\n",
	"x\r\n\r\ny\r\n"},
    {"blanks in front", "  x\r\n", "  x\r\n", " x\r\n"},
    {"lone CR", "a\rb\r\n", "a\rb\r\n", "a\rb\r\n"},
    {"CR at the end", "a\r", "a\r\r\n", "a\r\r\n"},
    {"CR CR LF", "a\r\r\n", "a\r\r\n", "a\r\r\n"},
    {"CR behind a blank", "a \r", "a \r\r\n", "a \r\r\n"},
    {"lone LF", "a\nb \n\r\n", "a\nb \n\r\n", "a\nb \n\r\n"},
};

struct seen {
	uint8_t hash[2][DKIM_HASH_SIZE];
};

static void
on_event(void *arg, const struct dkim_event *e)
{
	struct seen *seen = arg;

	if (e->kind == DKIM_EVENT_BODY)
		memcpy(seen->hash[e->signature], e->hash, DKIM_HASH_SIZE);
}

#define ANY_SIGNATURE(c)                              \
	"DKIM-Signature: v=1; a=ed25519-sha256; c=" c \
	"; d=football.example.com;"                   \
	" s=brisbane; h=from; b=AAAA;\r\n"            \
	" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=\r\n"

/* The hash of the body, simple and relaxed, and its lengths. */
static void
hash_body(const char *body, size_t size, struct seen *seen, uint64_t length[2])
{
	const struct dkim_trace trace = {on_event, seen};
	struct dkim_check *check = new_check(&trace);

	feed(check,
	    MF_TEXT(ANY_SIGNATURE("simple/simple") ANY_SIGNATURE(
		"simple/relaxed") "From: a@example.com\r\n\r\n"),
	    1000);
	feed(check, mf_text_of(body), size);
	answer_dinner(check);
	assert_int_equal(dkim_check_end(check), DKIM_OK);
	for (size_t i = 0; i < 2; i++)
		length[i] = dkim_check_signature(check, i)->body_length;
	dkim_check_free(check);
}

/* A canonical form is its own, simple; so its hash is that of the body. */
static void
canonical_bodies(void **state)
{
	struct seen seen = {{{0}}}, wanted = seen, relaxed = seen;
	uint64_t length[2], other[2];

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		for (size_t size = 0; size < 6; size++) {
			hash_body(bodies[i].body, size, &seen, length);
			assert_int_equal(length[0], strlen(bodies[i].simple));
			assert_int_equal(length[1], strlen(bodies[i].relaxed));
			hash_body(bodies[i].simple, 1000, &wanted, other);
			assert_memory_equal(
			    seen.hash[0], wanted.hash[0], DKIM_HASH_SIZE);
			if (bodies[i].relaxed[0] == '\0')
				continue;
			hash_body(bodies[i].relaxed, 1000, &relaxed, other);
			assert_memory_equal(
			    seen.hash[1], relaxed.hash[0], DKIM_HASH_SIZE);
		}
}

/* That of nothing at all is known: SHA-256 of "" and of CRLF. */
static void
empty_bodies(void **state)
{
	static const uint8_t nothing[] = {0xe3, 0xb0, 0xc4, 0x42};
	static const uint8_t crlf[] = {0x7e, 0xb7, 0x02, 0x57};
	struct seen seen = {{{0}}};
	uint64_t length[2];

	(void)state;
	hash_body("", 1, &seen, length);
	assert_memory_equal(seen.hash[0], crlf, sizeof(crlf));
	assert_memory_equal(seen.hash[1], nothing, sizeof(nothing));
}

/* --- pieces --- */

static uint32_t
next(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 16;
}

/* Random bodies of what matters, in random pieces. */
static void
pieces(void **state)
{
	static const char *const words[] = {
	    "\r", "\n", "\r\n", " ", "\t", "x", "word", "\r\n\r\n", "  \r\n"};
	uint32_t dice = 1;

	(void)state;
	for (unsigned round = 0; round < 2000; round++) {
		char body[200];
		struct text_out out = text_out(body, sizeof(body) - 1);
		struct seen whole = {{{0}}}, parts = whole;
		uint64_t length[2], other[2];

		for (uint32_t n = next(&dice) % 30; n > 0; n--)
			out_str(&out, words[next(&dice) % 9]);
		body[out.len] = '\0';
		hash_body(body, sizeof(body), &whole, length);
		hash_body(body, next(&dice) % 9, &parts, other);
		assert_memory_equal(&whole, &parts, sizeof(whole));
		assert_memory_equal(length, other, sizeof(length));
	}
}

/* Fields are the same as octets of a message. */
static void
fields(void **state)
{
	struct dkim_check *check = new_check(NULL);

	(void)state;
	assert_int_equal(
	    dkim_check_field(check, MF_TEXT("DKIM-Signature"),
		MF_TEXT(
		    " v=1; a=rsa-sha256; c=relaxed/relaxed;\n"
		    " d=football.example.com; i=@football.example.com;\n"
		    " q=dns/txt; s=test; t=1528637909; h=from : to : subject :\n"
		    " date : message-id : from : subject : date;\n"
		    " bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\n"
		    " b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\n"
		    " DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\n"
		    " dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=")),
	    DKIM_OK);
	for (struct mf_text rest = MF_TEXT(DINNER_HEADER), line;
	     text_cut(&rest, '\r', &line); rest = text_from(rest, 1)) {
		struct mf_text name = MF_TEXT("");

		text_cut(&line, ':', &name);
		assert_int_equal(dkim_check_field(check, name, line), DKIM_OK);
	}
	assert_int_equal(dkim_check_header_end(check), DKIM_OK);
	assert_true(dkim_check_needs_body(check));
	assert_int_equal(dkim_check_body(check, MF_TEXT(DINNER_BODY)), DKIM_OK);
	answer_dinner(check);
	assert_int_equal(dkim_check_end(check), DKIM_OK);
	assert_int_equal(dkim_check_result(check), DKIM_PASS);
	dkim_check_free(check);
}

/* --- bounds --- */

/* A field that isn't looked at may be one that is signed. */
static void
large_headers(void **state)
{
	char *value = malloc(DKIM_HEADER_MAX);

	(void)state;
	assert_non_null(value);
	memset(value, 'x', DKIM_HEADER_MAX);
	for (unsigned many = 0; many < 2; many++) {
		struct dkim_check *check = new_check(NULL);

		feed(check, MF_TEXT(RFC8463_SIGNED), 1000);
		for (size_t i = 0; many && i <= DKIM_FIELDS_MAX; i++)
			feed(check, MF_TEXT("x:y\r\n"), 100);
		if (!many) {
			feed(check, MF_TEXT("x: "), 10);
			feed(check, mf_text_at(value, DKIM_HEADER_MAX), 100000);
			feed(check, mf_text_at(value, DKIM_HEADER_MAX), 100000);
			feed(check, MF_TEXT("\r\n"), 100);
		}
		feed(check, MF_TEXT(DINNER_HEADER "\r\n" DINNER_BODY), 1000);
		answer_dinner(check);
		assert_int_equal(dkim_check_end(check), DKIM_OK);
		assert_int_equal(dkim_check_count(check, NULL), 2);
		assert_int_equal(dkim_check_signature(check, 0)->reason,
		    DKIM_REASON_TOO_LARGE);
		dkim_check_free(check);
	}
	free(value);
}

static void
many_signatures(void **state)
{
	struct dkim_check *check = new_check(NULL);
	size_t ignored;

	(void)state;
	for (unsigned i = 0; i < 3 * DKIM_SIGNATURES_MAX; i++)
		feed(check, MF_TEXT(ANY_SIGNATURE("simple")), 1000);
	feed(check, MF_TEXT("\r\n"), 2);
	assert_int_equal(
	    dkim_check_count(check, &ignored), DKIM_SIGNATURES_MAX);
	assert_int_equal(ignored, 2 * DKIM_SIGNATURES_MAX);
	dkim_check_free(check);
}

/* A key that isn't answered is a temporary error, whatever else is wrong. */
static void
unanswered(void **state)
{
	struct dkim_check *check = new_check(NULL);

	(void)state;
	feed(check, MF_TEXT(RFC6376_SIGNED DINNER_HEADER "\r\nchanged"), 100);
	assert_int_equal(dkim_check_end(check), DKIM_OK);
	assert_int_equal(dkim_check_result(check), DKIM_TEMPERROR);
	dkim_check_free(check);
}

/* A body that nobody waits for isn't wanted. */
static void
unwanted_body(void **state)
{
	struct dkim_check *check = new_check(NULL);

	(void)state;
	feed(check, MF_TEXT(RFC6376_SIGNED DINNER_HEADER "\r\n"), 100);
	assert_true(dkim_check_needs_body(check));
	dkim_check_answer(check, 0, DKIM_KEY_NONE, MF_TEXT(""));
	assert_false(dkim_check_needs_body(check));
	dkim_check_free(check);
}

/* --- names --- */

static void
domains(void **state)
{
	static const struct {
		const char *d, *domain;
		bool covers;
	} rows[] = {
	    {"example.org", "example.org", true},
	    {"example.org", "EXAMPLE.org.", true},
	    {"example.org", "a.b.example.org", true},
	    {"example.org", "badexample.org", false},
	    {"a.example.org", "example.org", false},
	    {"example.org", "org", false},
	    {"example.org", "", false},
	    {"", "example.org", false},
	    {"example.org", ".example.org", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(dkim_domain_covers(mf_text_of(rows[i].d),
				     mf_text_of(rows[i].domain)),
		    rows[i].covers);
}

static void
texts(void **state)
{
	(void)state;
	for (int i = 0; i < DKIM_REASON_COUNT; i++) {
		enum dkim_reason reason = (enum dkim_reason)i;

		assert_true(strlen(dkim_reason_text(reason)) > 5);
		assert_int_not_equal(dkim_reason_result(reason), DKIM_NONE);
	}
	assert_string_equal(dkim_result_text(DKIM_NONE), "none");
	assert_string_equal(dkim_algorithm_text(DKIM_UNKNOWN_ALGORITHM), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(examples),
	    cmocka_unit_test(details),
	    cmocka_unit_test(canonical_bodies),
	    cmocka_unit_test(empty_bodies),
	    cmocka_unit_test(pieces),
	    cmocka_unit_test(fields),
	    cmocka_unit_test(large_headers),
	    cmocka_unit_test(many_signatures),
	    cmocka_unit_test(unanswered),
	    cmocka_unit_test(unwanted_body),
	    cmocka_unit_test(domains),
	    cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: ISC */
/*
 * common/log_line.h: any bytes, as the values of a line.  In both formats it
 * is one line of valid UTF-8 without a character that no terminal should get;
 * text splits into the pairs that were put in, and JSON is an object of strings
 * and numbers.
 */
#include "common/escape.h"
#include "common/log_line.h"
#include "tests/fuzz/fuzz.h"

/* Of valid UTF-8, each is fit to be shown. */
static void
check_characters(struct mf_text t)
{
	while (t.len != 0) {
		unsigned char first = (unsigned char)t.p[0];
		size_t len = first < 0x80 ? 1 : text_utf8_len(t);
		uint32_t code = len == 1 ? first : first & (0x7fu >> len);

		FUZZ_CHECK(len != 0);
		for (size_t i = 1; i < len; i++)
			code = code << 6 | ((unsigned char)t.p[i] & 0x3fu);
		FUZZ_CHECK(!escape_is_needed(code));
		t = text_from(t, len);
	}
}

static void
take(struct mf_text *t, const char *what)
{
	struct mf_text start = mf_text_of(what);

	FUZZ_CHECK(text_starts(*t, start));
	*t = text_from(*t, start.len);
}

/* Up to the quote at the end. */
static void
take_quoted(struct mf_text *t, const char *escapes)
{
	take(t, "\"");
	while (t->len != 0 && t->p[0] != '"') {
		if (t->p[0] == '\\') {
			*t = text_from(*t, 1);
			FUZZ_CHECK(
			    t->len != 0 && strchr(escapes, t->p[0]) != NULL);
		}
		*t = text_from(*t, 1);
	}
	take(t, "\"");
}

static void
take_value(struct mf_text *t)
{
	if (t->len != 0 && t->p[0] == '"') {
		take_quoted(t, "\"\\nrtx");
		return;
	}
	FUZZ_CHECK(t->len != 0 && t->p[0] != ' ');
	while (t->len != 0 && t->p[0] != ' ') {
		FUZZ_CHECK(strchr("\"\\=", t->p[0]) == NULL);
		*t = text_from(*t, 1);
	}
}

static struct mf_text
build(struct log_line *line, struct mf_text one, struct mf_text two)
{
	log_begin(line, LEVEL_INFO, "event");
	log_text(line, "one", one);
	log_uint(line, "number", one.len);
	log_text(line, "two", two);
	return log_line_finish(line);
}

static void
check_text(struct mf_text one, struct mf_text two)
{
	struct log_line line;
	struct mf_text t;

	log_line_style(&(struct log_options){
	    .program = "fuzz", .to = LOG_TO_SYSLOG, .format = LOG_AS_TEXT});
	t = build(&line, one, two);
	FUZZ_CHECK(t.len < LOG_LINE_SIZE);
	check_characters(t);
	take(&t, "event one=");
	take_value(&t);
	take(&t, " number=");
	take_value(&t);
	take(&t, " two=");
	take_value(&t);
	if (t.len != 0)
		take(&t, " cut=yes");
	FUZZ_CHECK(t.len == 0);
}

static void
check_json(struct mf_text one, struct mf_text two)
{
	struct log_line line;
	struct mf_text t;

	log_line_style(&(struct log_options){
	    .program = "fuzz", .to = LOG_TO_SYSLOG, .format = LOG_AS_JSON});
	t = build(&line, one, two);
	FUZZ_CHECK(t.len < LOG_LINE_SIZE);
	check_characters(t);
	take(&t, "{\"time\":");
	take_quoted(&t, "");
	take(&t,
	    ",\"level\":\"info\",\"program\":\"fuzz\",\"event\":\"event\","
	    "\"one\":");
	take_quoted(&t, "\"\\nrt");
	take(&t, ",\"number\":");
	while (t.len != 0 && ascii_is_digit(t.p[0]))
		t = text_from(t, 1);
	take(&t, ",\"two\":");
	take_quoted(&t, "\"\\nrt");
	if (t.len != 1)
		take(&t, ",\"cut\":true");
	take(&t, "}");
	FUZZ_CHECK(t.len == 0);
}

/* Two values, with a line feed in between; the second may have more of them. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text two = mf_text_at((const char *)data, size);
	struct mf_text one = two;

	(void)text_cut(&two, '\n', &one);
	check_text(one, two);
	check_json(one, two);
	return 0;
}

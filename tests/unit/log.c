/* SPDX-License-Identifier: ISC */
/*
 * common/log.h: whatever a value holds, a line is one line, its pairs can be
 * read back, and none can be forged.
 *
 * Lines are caught on standard error, which the tests turn to a file.
 */
#include "tests/unit/support.h"

#include "common/log.h"

static int caught_fd = -1, stderr_fd = -1;

static int
catch_stderr(void **state)
{
	char path[] = "/tmp/mailfrom-log.XXXXXX";

	(void)state;
	caught_fd = mkstemp(path);
	unlink(path);
	stderr_fd = dup(STDERR_FILENO);
	return caught_fd < 0 || stderr_fd < 0 ? -1 : 0;
}

/* Run what logs; its lines, valid until the next call. */
static struct mf_text
catch_lines(void (*logs)(void *), void *arg)
{
	static char room[65536];
	ssize_t len;

	assert_int_equal(ftruncate(caught_fd, 0), 0);
	assert_int_equal(lseek(caught_fd, 0, SEEK_SET), 0);
	dup2(caught_fd, STDERR_FILENO);
	logs(arg);
	dup2(stderr_fd, STDERR_FILENO);
	len = pread(caught_fd, room, sizeof(room), 0);
	assert_true(len >= 0 && (size_t)len < sizeof(room));
	return mf_text_at(room, (size_t)len);
}

static void
open_log(enum log_format format, enum log_level level)
{
	struct log_options options = {.program = "test",
	    .to = LOG_TO_STDERR,
	    .level = level,
	    .format = format};

	log_open(&options);
}

/* --- one value --- */

struct pair {
	struct mf_text value;
	const char *event;
};

static void
log_pair(void *arg)
{
	const struct pair *p = arg;
	struct log_line line;

	log_begin(&line, LEVEL_INFO, "forward");
	log_text(&line, "sender", p->value);
	log_uint(&line, "n", 7);
	log_end(&line);
}

/* A value between the fixed parts of the line that log_pair() gives. */
static struct mf_text
middle_of(struct mf_text line, enum log_format format)
{
	struct mf_text begin = MF_TEXT("test: info: forward sender=");
	struct mf_text end = MF_TEXT(" n=7\n");
	struct mf_text json_begin = MF_TEXT("\",\"level\":\"info\",\"program\":"
					    "\"test\",\"event\":\"forward\","
					    "\"sender\":");

	if (format == LOG_AS_JSON) {
		assert_true(text_starts(line, MF_TEXT("{\"time\":\"2")));
		line = text_from(line, 9 + 24);
		begin = json_begin;
		end = MF_TEXT(",\"n\":7}\n");
	}
	if (!text_starts(line, begin) || !text_ends_fold(line, end))
		fail_msg("not the line: %.*s", (int)line.len, line.p);
	line = text_from(line, begin.len);
	return text_head(line, line.len - end.len);
}

static const struct {
	const char *name;
	struct mf_text value;
	const char *text, *json;
} rows[] = {
    {"plain", BYTES("bob@example.com"), "bob@example.com",
	"\"bob@example.com\""},
    {"SRS", BYTES("SRS0=a/b+c=G3=h=u@d"), "\"SRS0=a/b+c=G3=h=u@d\"",
	"\"SRS0=a/b+c=G3=h=u@d\""},
    {"empty", BYTES(""), "\"\"", "\"\""},
    {"blank", BYTES("a b"), "\"a b\"", "\"a b\""},
    {"quote", BYTES("\"a\"@b"), "\"\\\"a\\\"@b\"", "\"\\\"a\\\"@b\""},
    {"backslash", BYTES("a\\nb"), "\"a\\\\nb\"", "\"a\\\\nb\""},
    {"backslash last", BYTES("a\\"), "\"a\\\\\"", "\"a\\\\\""},
    {"line feed", BYTES("a\nb"), "\"a\\nb\"", "\"a\\nb\""},
    {"CR and tab", BYTES("a\r\tb"), "\"a\\r\\tb\"", "\"a\\r\\tb\""},
    {"forged line", BYTES("x\ntest: info: forward sender=y"),
	"\"x\\ntest: info: forward sender=y\"",
	"\"x\\ntest: info: forward sender=y\""},
    {"forged pair", BYTES("x result=changed"), "\"x result=changed\"",
	"\"x result=changed\""},
    {"forged pair in quotes", BYTES("x\" result=\"changed"),
	"\"x\\\" result=\\\"changed\"", "\"x\\\" result=\\\"changed\""},
    {"forged object", BYTES("x\"}\n{\"a\":\"b"),
	"\"x\\\"}\\n{\\\"a\\\":\\\"b\"", "\"x\\\"}\\n{\\\"a\\\":\\\"b\""},
    {"NUL", BYTES("a\0b"), "\"a\\x00b\"", "\"a\\\\x00b\""},
    {"escape", BYTES("\x1b[2J\x7f"), "\"\\x1b[2J\\x7f\"",
	"\"\\\\x1b[2J\\\\x7f\""},
    {"UTF-8", BYTES("\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xa7"),
	"\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xa7\"",
	"\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x93\xa7\""},
    {"C1 as UTF-8", BYTES("\xc2\x9b[2J\xc2\x85"), "\"\\xc2\\x9b[2J\\xc2\\x85\"",
	"\"\\\\xc2\\\\x9b[2J\\\\xc2\\\\x85\""},
    {"directions turned", BYTES("\xe2\x80\xae\xe2\x81\xa6"),
	"\"\\xe2\\x80\\xae\\xe2\\x81\\xa6\"",
	"\"\\\\xe2\\\\x80\\\\xae\\\\xe2\\\\x81\\\\xa6\""},
    {"soft hyphen", BYTES("a\xc2\xad"), "\"a\\xc2\\xad\"",
	"\"a\\\\xc2\\\\xad\""},
    {"Arabic letter mark", BYTES("\xd8\x9c"), "\"\\xd8\\x9c\"",
	"\"\\\\xd8\\\\x9c\""},
    {"zero width", BYTES("\xe2\x80\x8b\xef\xbb\xbf"),
	"\"\\xe2\\x80\\x8b\\xef\\xbb\\xbf\"",
	"\"\\\\xe2\\\\x80\\\\x8b\\\\xef\\\\xbb\\\\xbf\""},
    {"tags, and the first behind them",
	BYTES("\xf3\xa0\x80\x81\xf3\xa0\x81\xbf\xf3\xa0\x82\x80"),
	"\"\\xf3\\xa0\\x80\\x81\\xf3\\xa0\\x81\\xbf\xf3\xa0\x82\x80\"",
	"\"\\\\xf3\\\\xa0\\\\x80\\\\x81\\\\xf3\\\\xa0\\\\x81\\\\xbf\xf3"
	"\xa0\x82\x80\""},
    {"line separator", BYTES("\xe2\x80\xa8"), "\"\\xe2\\x80\\xa8\"",
	"\"\\\\xe2\\\\x80\\\\xa8\""},
    {"first behind the directions", BYTES("\xe2\x80\xaf"), "\"\xe2\x80\xaf\"",
	"\"\xe2\x80\xaf\""},
    {"first behind C1", BYTES("\xc2\xa0"), "\"\xc2\xa0\"", "\"\xc2\xa0\""},
    {"C1 as octet", BYTES("\x9b[2J"), "\"\\x9b[2J\"", "\"\\\\x9b[2J\""},
    {"Latin-1", BYTES("J\xf6rg"), "\"J\\xf6rg\"", "\"J\\\\xf6rg\""},
    {"cut UTF-8", BYTES("\xe2\x82"), "\"\\xe2\\x82\"", "\"\\\\xe2\\\\x82\""},
    {"overlong slash", BYTES("\xc0\xaf\xe0\x80\xaf"),
	"\"\\xc0\\xaf\\xe0\\x80\\xaf\"",
	"\"\\\\xc0\\\\xaf\\\\xe0\\\\x80\\\\xaf\""},
    {"overlong of four", BYTES("\xf0\x8f\xbf\xbf"), "\"\\xf0\\x8f\\xbf\\xbf\"",
	"\"\\\\xf0\\\\x8f\\\\xbf\\\\xbf\""},
    {"surrogate", BYTES("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\"",
	"\"\\\\xed\\\\xa0\\\\x80\""},
    {"past U+10FFFF", BYTES("\xf4\x90\x80\x80\xf5"),
	"\"\\xf4\\x90\\x80\\x80\\xf5\"",
	"\"\\\\xf4\\\\x90\\\\x80\\\\x80\\\\xf5\""},
    {"edges of UTF-8",
	BYTES("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80"
	      "\xf4\x8f\xbf\xbf"),
	"\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80"
	"\xf4\x8f\xbf\xbf\"",
	"\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xf0\x90\x80\x80"
	"\xf4\x8f\xbf\xbf\""},
};

static void
quoting(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pair pair = {.value = rows[i].value};

		open_log(LOG_AS_TEXT, LEVEL_DEBUG);
		expect_text(rows[i].name, "text",
		    middle_of(catch_lines(log_pair, &pair), LOG_AS_TEXT),
		    mf_text_of(rows[i].text));
		open_log(LOG_AS_JSON, LEVEL_DEBUG);
		expect_text(rows[i].name, "json",
		    middle_of(catch_lines(log_pair, &pair), LOG_AS_JSON),
		    mf_text_of(rows[i].json));
	}
}

/* --- any value can be read back --- */

static int
hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	assert_non_null(at);
	return (int)(at - digits);
}

/* Undo the escapes of a quoted value, or fail. */
static struct mf_text
unquote(struct mf_text t, char *to, bool json)
{
	size_t len = 0;

	if (!json && t.len != 0 && t.p[0] != '"') {
		for (size_t i = 0; i < t.len; i++)
			assert_true(t.p[i] > ' ' && t.p[i] < 0x7f &&
			    strchr("\"\\=", t.p[i]) == NULL);
		return t;
	}
	assert_true(t.len >= 2 && t.p[0] == '"' && t.p[t.len - 1] == '"');
	for (size_t i = 1; i < t.len - 1; i++) {
		char c = t.p[i];

		assert_false(ascii_is_control(c));
		assert_true(c != '"');
		if (c != '\\') {
			to[len++] = c;
			continue;
		}
		c = t.p[++i];
		assert_true(i < t.len - 1);
		if (c == 'n' || c == 'r' || c == 't')
			to[len++] = c == 'n' ? '\n' : c == 'r' ? '\r' : '\t';
		else if (c == 'x' && !json) {
			to[len++] = (char)(hex_digit(t.p[i + 1]) << 4 |
			    hex_digit(t.p[i + 2]));
			i += 2;
		} else {
			assert_true(c == '"' || c == '\\');
			to[len++] = c;
		}
	}
	return mf_text_at(to, len);
}

static void
any_value_is_read_back(void **state)
{
	static const char octets[] = "a =\"\\\\n\nx\r\t\0\x1b\x7f\x9b\xc2\x80"
				     "\xe2\x82\xac\xf0\x9f\x93\xa7\xed,:{}";
	char value[64], back[256];
	uint64_t seed = 3;

	(void)state;
	for (int i = 0; i < 4000; i++) {
		struct pair pair = {
		    .value = {value, random_next(&seed) % sizeof(value)}};
		bool json = i % 2 == 0;

		for (size_t k = 0; k < pair.value.len; k++)
			value[k] =
			    octets[random_next(&seed) % (sizeof(octets) - 1)];
		open_log(json ? LOG_AS_JSON : LOG_AS_TEXT, LEVEL_DEBUG);
		struct mf_text middle = middle_of(catch_lines(log_pair, &pair),
		    json ? LOG_AS_JSON : LOG_AS_TEXT);
		struct mf_text have = unquote(middle, back, json);
		/* In JSON, \xNN of an octet is text like any other. */
		if (!json)
			expect_text("any", "value", have, pair.value);
	}
}

/* --- lines that are too long --- */

struct flood {
	size_t len;
	unsigned pairs;
};

static void
log_flood(void *arg)
{
	static char value[8192];
	const struct flood *f = arg;
	struct log_line line;

	memset(value, 'v', sizeof(value));
	value[0] = '\n';
	log_begin(&line, LEVEL_WARNING, "e");
	for (unsigned i = 0; i < f->pairs; i++) {
		log_text(&line, "k", mf_text_at(value, f->len));
		log_uint(&line, "u", 18446744073709551615U);
	}
	log_end(&line);
}

/* Take " k=VALUE u=N", or one of them, from *t.  False if there is none. */
static bool
take_pairs(struct mf_text *t, bool json)
{
	struct mf_text key =
	    json ? MF_TEXT(",\"k\":\"\\n") : MF_TEXT(" k=\"\\n");
	struct mf_text number = json ? MF_TEXT(",\"u\":18446744073709551615")
				     : MF_TEXT(" u=18446744073709551615");

	size_t len = t->len;

	if (text_starts(*t, key)) {
		*t = text_from(*t, key.len);
		*t = text_from(*t, text_find(*t, '"') + 1);
	}
	if (text_starts(*t, number))
		*t = text_from(*t, number.len);
	return t->len != len;
}

static void
check_flood(struct flood *f, bool json)
{
	struct mf_text cut =
	    json ? MF_TEXT(",\"cut\":true}\n") : MF_TEXT(" cut=yes\n");
	struct mf_text whole = json ? MF_TEXT("}\n") : MF_TEXT("\n");
	struct mf_text event =
	    json ? MF_TEXT("\"event\":\"e\"") : MF_TEXT(": e");
	struct mf_text line = catch_lines(log_flood, f);
	unsigned pairs = 0;

	assert_true(line.len != 0 && line.len <= LOG_LINE_SIZE);
	assert_int_equal(text_find(line, '\n'), line.len - 1);
	while (!text_starts(line, event)) {
		assert_true(line.len != 0);
		line = text_from(line, 1);
	}
	line = text_from(line, event.len);
	while (take_pairs(&line, json))
		pairs++;
	if (pairs == f->pairs && mf_text_eq(line, whole))
		return;
	expect_text("cut", "end", line, cut);
	/* What is a pair or two from the limit was not cut for nothing. */
	assert_true(f->pairs * (f->len + 40) > LOG_LINE_SIZE - 300);
}

/* Values are looked at many bytes at once: one of them is enough. */
static void
each_byte_is_seen(void **state)
{
	char value[40], undone[sizeof(value)];
	const char odd[] = " =\"\\\x1f\x7f\x80\xff\t";

	(void)state;
	open_log(LOG_AS_TEXT, LEVEL_DEBUG);
	for (size_t len = 1; len <= sizeof(value); len++)
		for (size_t at = 0; at < len; at++) {
			struct pair pair = {.value = mf_text_at(value, len)};

			memset(value, 'a', sizeof(value));
			value[at] = odd[(at + len) % (sizeof(odd) - 1)];

			struct mf_text middle = middle_of(
			    catch_lines(log_pair, &pair), LOG_AS_TEXT);

			assert_int_equal(middle.p[0], '"');
			expect_text("at", "value",
			    unquote(middle, undone, false), pair.value);
		}
}

static void
log_words(void *arg)
{
	struct log_line line;

	(void)arg;
	log_begin(&line, LEVEL_INFO, "forward");
	log_word(&line, "result", "changed");
	log_word(&line, "reason", "own_domain");
	log_end(&line);
}

static void
words(void **state)
{
	struct mf_text json;

	(void)state;
	open_log(LOG_AS_TEXT, LEVEL_DEBUG);
	expect_text("words", "text", catch_lines(log_words, NULL),
	    MF_TEXT("test: info: forward result=changed reason=own_domain\n"));
	open_log(LOG_AS_JSON, LEVEL_DEBUG);
	json = catch_lines(log_words, NULL);
	assert_true(text_ends_fold(json,
	    MF_TEXT("\"event\":\"forward\",\"result\":\"changed\","
		    "\"reason\":\"own_domain\"}\n")));
}

static void
long_lines_stay_whole(void **state)
{
	static const struct {
		unsigned pairs;
		size_t first, last;
	} floods[] = {
	    {1, 1800, 2100},
	    {2, 900, 1100},
	    {30, 1, 60},
	    {60, 1, 20},
	    {3, 8192, 8192},
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(floods); i++) {
		bool json = i >= COUNT(floods);
		size_t r = i % COUNT(floods);

		open_log(json ? LOG_AS_JSON : LOG_AS_TEXT, LEVEL_DEBUG);
		for (size_t len = floods[r].first; len <= floods[r].last;
		     len++) {
			struct flood f = {len, floods[r].pairs};

			check_flood(&f, json);
		}
	}
}

static void
log_hostile(void *arg)
{
	struct mf_text value = mf_text_of(arg);
	struct log_line line;

	log_begin(&line, LEVEL_INFO, "mail");
	log_text(&line, "helo", value);
	log_text(&line, "from", value);
	log_text(&line, "domain", value);
	log_text(&line, "problem", value);
	log_text(&line, "outcome", MF_TEXT("accepted"));
	log_end(&line);
}

/* Whoever writes long names could have kept the outcome out of the log. */
static void
long_values_hide_nothing(void **state)
{
	static char text[8192];
	static const char octets[] = {'x', '"', '\n', '\x80', ' '};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(octets); i++) {
		bool json = i >= COUNT(octets);
		struct mf_text end = json
		    ? MF_TEXT(",\"outcome\":\"accepted\",\"cut\":true}\n")
		    : MF_TEXT(" outcome=accepted cut=yes\n");
		struct mf_text line;

		open_log(json ? LOG_AS_JSON : LOG_AS_TEXT, LEVEL_INFO);
		memset(text, octets[i % COUNT(octets)], sizeof(text) - 1);
		line = catch_lines(log_hostile, text);
		assert_true(line.len <= LOG_LINE_SIZE);
		if (!text_ends_fold(line, end))
			fail_msg("no outcome: %.*s", (int)line.len, line.p);
	}
}

static void
value_lengths(void **state)
{
	static char text[LOG_VALUE_MAX + 2];

	(void)state;
	open_log(LOG_AS_TEXT, LEVEL_INFO);
	memset(text, 'x', LOG_VALUE_MAX);
	struct pair p = {mf_text_of(text), NULL};
	struct mf_text line = catch_lines(log_pair, &p);
	expect_text("as long as allowed", "value", middle_of(line, LOG_AS_TEXT),
	    p.value);
	text[LOG_VALUE_MAX] = 'x';
	p.value = mf_text_of(text);
	line = catch_lines(log_pair, &p);
	assert_true(text_ends_fold(line, MF_TEXT("x...\" n=7 cut=yes\n")));
}

/* --- sentences and levels --- */

static void
say_sentence(void *arg)
{
	log_say(LEVEL_ERROR, "%s and \"%d\"", (const char *)arg, 5);
}

static void
sentences(void **state)
{
	static char huge[4096];

	(void)state;
	open_log(LOG_AS_TEXT, LEVEL_INFO);
	expect_text("say", "line", catch_lines(say_sentence, "a\nb"),
	    MF_TEXT("test: error: message text=\"a\\nb and \\\"5\\\"\"\n"));
	memset(huge, '\n', sizeof(huge) - 1);
	struct mf_text line = catch_lines(say_sentence, huge);
	assert_true(line.len <= LOG_LINE_SIZE);
	assert_int_equal(text_find(line, '\n'), line.len - 1);
}

static void
say_every_level(void *arg)
{
	(void)arg;
	log_say(LEVEL_ERROR, "0");
	log_say(LEVEL_WARNING, "1");
	log_say(LEVEL_INFO, "2");
	log_say(LEVEL_DEBUG, "3");
}

static void
levels(void **state)
{
	static const char *const want[] = {
	    "test: error: message text=0\n",
	    "test: warning: message text=1\n",
	    "test: info: message text=2\n",
	    "test: debug: message text=3\n",
	};
	char all[256] = "";
	size_t len = 0;

	(void)state;
	open_log(LOG_AS_TEXT, LEVEL_ERROR);
	for (int level = LEVEL_ERROR; level <= LEVEL_DEBUG; level++) {
		len += (size_t)snprintf(
		    all + len, sizeof(all) - len, "%s", want[level]);
		log_set_level((enum log_level)level);
		expect_text(want[level], "lines",
		    catch_lines(say_every_level, NULL), mf_text_of(all));
		for (int l = LEVEL_ERROR; l <= LEVEL_DEBUG; l++)
			assert_int_equal(
			    log_enabled((enum log_level)l), l <= level);
	}
}

static void
names_match_the_enums(void **state)
{
	(void)state;
	assert_string_equal(log_level_names[LEVEL_ERROR], "error");
	assert_string_equal(log_level_names[LEVEL_WARNING], "warning");
	assert_string_equal(log_level_names[LEVEL_INFO], "info");
	assert_string_equal(log_level_names[LEVEL_DEBUG], "debug");
	assert_null(log_level_names[LEVEL_DEBUG + 1]);
	assert_string_equal(log_target_names[LOG_TO_SYSLOG], "syslog");
	assert_string_equal(log_target_names[LOG_TO_STDERR], "stderr");
	assert_string_equal(log_target_names[LOG_TO_JOURNAL], "journal");
	assert_null(log_target_names[LOG_TO_JOURNAL + 1]);
	assert_string_equal(log_format_names[LOG_AS_TEXT], "text");
	assert_string_equal(log_format_names[LOG_AS_JSON], "json");
	assert_null(log_format_names[LOG_AS_JSON + 1]);
}

/* Before log_open(): a program's name of its own, warnings and above. */
static void
unopened(void **state)
{
	(void)state;
	expect_text("unopened", "lines", catch_lines(say_every_level, NULL),
	    MF_TEXT("mailfrom: error: message text=0\n"
		    "mailfrom: warning: message text=1\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(unopened), /* so it must be the first */
	    cmocka_unit_test(quoting),
	    cmocka_unit_test(any_value_is_read_back),
	    cmocka_unit_test(each_byte_is_seen),
	    cmocka_unit_test(words),
	    cmocka_unit_test(long_lines_stay_whole),
	    cmocka_unit_test(long_values_hide_nothing),
	    cmocka_unit_test(value_lengths),
	    cmocka_unit_test(sentences),
	    cmocka_unit_test(levels),
	    cmocka_unit_test(names_match_the_enums),
	};

	return cmocka_run_group_tests_name("log", tests, catch_stderr, NULL);
}

/* SPDX-License-Identifier: ISC */
#include "common/log_line.h"

#include <stdio.h>
#include <time.h>

#include "common/escape.h"

/* Kept free after the cut, for the mark, the closing brace and the LF. */
#define TAIL_ROOM 32

const char *const log_level_names[] = {
    "error", "warning", "info", "debug", NULL};
const char *const log_target_names[] = {"syslog", "stderr", "journal", NULL};
const char *const log_format_names[] = {"text", "json", NULL};

static struct log_options style = {
    .program = "mailfrom", .to = LOG_TO_STDERR, .format = LOG_AS_TEXT};

/*
 * What each line of a level has in front of its event, but for the time; at
 * first as in the style above.
 */
#define UNOPENED(name)                                                     \
	{                                                                  \
		"mailfrom: " name ": ", sizeof("mailfrom: " name ": ") - 1 \
	}

static struct beginning {
	char text[80];
	size_t len;
} beginnings[] = {
    [LEVEL_ERROR] = UNOPENED("error"),
    [LEVEL_WARNING] = UNOPENED("warning"),
    [LEVEL_INFO] = UNOPENED("info"),
    [LEVEL_DEBUG] = UNOPENED("debug"),
};

static struct beginning
beginning_of(enum log_level level)
{
	struct beginning b;
	struct text_out out = text_out(b.text, sizeof(b.text));

	if (style.format == LOG_AS_JSON) {
		out_text(&out, MF_TEXT("\",\"level\":\""));
		out_str(&out, log_level_names[level]);
		out_text(&out, MF_TEXT("\",\"program\":\""));
		out_str(&out, style.program);
		out_text(&out, MF_TEXT("\",\"event\":\""));
	} else if (style.to == LOG_TO_STDERR) {
		out_str(&out, style.program);
		out_text(&out, MF_TEXT(": "));
		out_str(&out, log_level_names[level]);
		out_text(&out, MF_TEXT(": "));
	}
	b.len = out.len;
	return b;
}

void
log_line_style(const struct log_options *options)
{
	style = *options;
	for (int i = LEVEL_ERROR; i <= LEVEL_DEBUG; i++)
		beginnings[i] = beginning_of((enum log_level)i);
}

/* --- quoting --- */

/* Printable ASCII but the quote and the backslash. */
static inline bool
is_harmless(char c)
{
	return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

enum shape {
	SHAPE_BARE,     /* key=value needs no quotes: the usual addresses */
	SHAPE_HARMLESS, /* in quotes as it is */
	SHAPE_HARMFUL
};

/* Sixteen bytes, which the compiler compares at once where it can. */
typedef signed char bytes16 __attribute__((vector_size(16)));

static inline bool
has_any(bytes16 found)
{
	uint64_t halves[2];

	memcpy(halves, &found, sizeof(halves));
	return (halves[0] | halves[1]) != 0;
}

/* As most text of most lines is bare; the last sixteen bytes overlap. */
static enum shape
shape_of(struct mf_text t)
{
	bytes16 harmful = {0}, quoted = {0};
	char few[sizeof(bytes16)] = "xxxxxxxxxxxxxxxx";

	if (t.len < sizeof(few)) {
		if (t.len == 0)
			return SHAPE_HARMLESS;
		memcpy(few, t.p, t.len);
		t = mf_text_at(few, sizeof(few));
	}
	for (size_t i = 0;; i += sizeof(few)) {
		size_t last = t.len - sizeof(few), at = i < last ? i : last;
		bytes16 b;

		memcpy(&b, t.p + at, sizeof(b));
		/* What is beyond ASCII is below zero. */
		harmful |= (b < ' ') | (b == '\x7f') | (b == '"') | (b == '\\');
		quoted |= (b == ' ') | (b == '=');
		if (at == last)
			break;
	}
	if (has_any(harmful))
		return SHAPE_HARMFUL;
	return has_any(quoted) ? SHAPE_HARMLESS : SHAPE_BARE;
}

static size_t
harmless_len(struct mf_text value)
{
	size_t len = 0;

	while (len < value.len && is_harmless(value.p[len]))
		len++;
	return len;
}

/* Length of a character beyond ASCII that a terminal may see; 0: none. */
static size_t
shown_len(struct mf_text t)
{
	size_t len = text_utf8_len(t);
	uint32_t code = (unsigned char)t.p[0] & (0x7fu >> len);

	for (size_t i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)t.p[i] & 0x3fu);
	return escape_is_needed(code) ? 0 : len;
}

static void
out_hex(struct text_out *out, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";

	out_str(out, style.format == LOG_AS_JSON ? "\\\\x" : "\\x");
	out_char(out, digits[c >> 4]);
	out_char(out, digits[c & 15]);
}

/* Write the byte or character that value begins with; its length. */
static size_t
out_harmful(struct text_out *out, struct mf_text value)
{
	static const char escaped[] = "\"\"\\\\\nn\rr\tt";
	unsigned char c = (unsigned char)value.p[0];
	size_t len = c >= 0x80 ? shown_len(value) : 0;

	if (len != 0) {
		out_text(out, text_head(value, len));
		return len;
	}
	for (const char *e = escaped; *e != '\0'; e += 2)
		if (value.p[0] == e[0]) {
			out_char(out, '\\');
			out_char(out, e[1]);
			return 1;
		}
	out_hex(out, c);
	return 1;
}

/*
 * Both formats share the escapes that JSON has; any other byte that isn't a
 * character is \xNN, which within JSON is a backslash and text.  At most max
 * bytes and one more character are written; the rest is returned.
 */
static struct mf_text
out_escaped(struct text_out *out, struct mf_text value, size_t max)
{
	size_t end = out->len + max;

	while (value.len != 0 && out->len < end && !out->full) {
		size_t len = harmless_len(text_head(value, end - out->len));

		if (len != 0)
			out_text(out, text_head(value, len));
		else
			len = out_harmful(out, value);
		value = text_from(value, len);
	}
	return value;
}

static void
out_key(struct text_out *out, const char *key)
{
	if (style.format == LOG_AS_JSON) {
		out_text(out, MF_TEXT(",\""));
		out_str(out, key);
		out_text(out, MF_TEXT("\":"));
	} else {
		out_char(out, ' ');
		out_str(out, key);
		out_char(out, '=');
	}
}

/* --- lines --- */

/* The date is made once a second in each thread. */
static void
out_time(struct text_out *out)
{
	static _Thread_local time_t known = -1;
	static _Thread_local char stamp[sizeof("2000-01-01T00:00:00.")];
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec != known) {
		gmtime_r(&now.tv_sec, &tm);
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S.", &tm);
		known = now.tv_sec;
	}
	out_str(out, stamp);
	for (long ms = now.tv_nsec / 1000000, unit = 100; unit != 0; unit /= 10)
		out_char(out, (char)('0' + ms / unit % 10));
	out_char(out, 'Z');
}

void
log_begin(struct log_line *line, enum log_level level, const char *event)
{
	const struct beginning *begin = &beginnings[level];
	struct text_out *out = &line->out;

	line->level = level;
	line->cut = false;
	*out = text_out(line->buffer, sizeof(line->buffer) - TAIL_ROOM);
	if (style.format == LOG_AS_JSON) {
		out_text(out, MF_TEXT("{\"time\":\""));
		out_time(out);
	}
	out_text(out, mf_text_at(begin->text, begin->len));
	out_str(out, event);
	if (style.format == LOG_AS_JSON)
		out_char(out, '"');
}

/* Drop the pair that didn't fit: a torn value would break the format. */
static void
roll_back(struct log_line *line, size_t len)
{
	if (!line->out.full)
		return;
	line->out.len = len;
	line->out.full = false;
	line->cut = true;
}

/* A pair of a line of text, in one piece, as this is what lines consist of. */
static void
out_pair(
    struct text_out *out, const char *key, struct mf_text value, bool quotes)
{
	size_t key_len = strlen(key), len = key_len + value.len + 2;
	char *p = out->p + out->len;

	if (quotes)
		len += 2;
	if (len > out->size - out->len) {
		out->full = true;
		return;
	}
	out->len += len;
	*p++ = ' ';
	memcpy(p, key, key_len);
	p += key_len;
	*p++ = '=';
	if (quotes)
		*p++ = '"';
	if (value.len != 0)
		memcpy(p, value.p, value.len);
	if (quotes)
		p[value.len] = '"';
}

/* The same for each format and whatever the value holds; rare. */
static void __attribute__((noinline)) out_quoted_pair(
    struct log_line *line, const char *key, struct mf_text value, size_t max)
{
	struct text_out *out = &line->out;
	struct mf_text rest;

	out_key(out, key);
	out_char(out, '"');
	rest = out_escaped(out, value, max);
	if (rest.len != 0) {
		out_text(out, MF_TEXT("..."));
		line->cut = true;
	}
	out_char(out, '"');
}

static void
put_text(
    struct log_line *line, const char *key, struct mf_text value, size_t max)
{
	size_t len = line->out.len;
	enum shape shape = SHAPE_HARMFUL;

	if (style.format == LOG_AS_TEXT && value.len <= max)
		shape = shape_of(value);
	if (shape != SHAPE_HARMFUL)
		out_pair(&line->out, key, value, shape != SHAPE_BARE);
	else
		out_quoted_pair(line, key, value, max);
	roll_back(line, len);
}

void
log_text(struct log_line *line, const char *key, struct mf_text value)
{
	put_text(line, key, value, LOG_VALUE_MAX);
}

void
log_word(struct log_line *line, const char *key, const char *word)
{
	size_t len = line->out.len;

	if (style.format == LOG_AS_TEXT)
		out_pair(&line->out, key, mf_text_of(word), false);
	else {
		out_key(&line->out, key);
		out_char(&line->out, '"');
		out_str(&line->out, word);
		out_char(&line->out, '"');
	}
	roll_back(line, len);
}

void
log_uint(struct log_line *line, const char *key, uint64_t value)
{
	size_t len = line->out.len;

	out_key(&line->out, key);
	out_uint(&line->out, value);
	roll_back(line, len);
}

void
log_text_if(struct log_line *line, const char *key, struct mf_text value)
{
	if (value.len != 0)
		log_text(line, key, value);
}

void
log_uint_if(struct log_line *line, const char *key, uint64_t value)
{
	if (value != 0)
		log_uint(line, key, value);
}

struct mf_text
log_line_finish(struct log_line *line)
{
	struct text_out *out = &line->out;

	out->size = sizeof(line->buffer);
	if (line->cut)
		out_str(out,
		    style.format == LOG_AS_JSON ? ",\"cut\":true" : " cut=yes");
	if (style.format == LOG_AS_JSON)
		out_char(out, '}');
	return out_view(out);
}

struct mf_text
log_line_say(struct log_line *line, enum log_level level, const char *format,
    va_list args)
{
	char text[LOG_LINE_SIZE / 2];

	vsnprintf(text, sizeof(text), format, args);
	log_begin(line, level, "message");
	put_text(line, "text", mf_text_of(text), LOG_LINE_SIZE);
	return log_line_finish(line);
}

/* SPDX-License-Identifier: ISC */
#include "common/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* Kept free behind the cut, for the mark, the closing brace and the LF. */
#define TAIL_ROOM 32

const char *const log_level_names[] = {
    "error", "warning", "info", "debug", NULL};
const char *const log_target_names[] = {"syslog", "stderr", "journal", NULL};
const char *const log_format_names[] = {"text", "json", NULL};

static const int syslog_priorities[] = {
    LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

static struct log_options options = {
    .program = "mailfrom", .to = LOG_TO_STDERR, .format = LOG_AS_TEXT};
static atomic_int enabled_level = LEVEL_WARNING;
static int journal_fd = -1;

static void
open_journal(void)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};

	if (journal_fd >= 0)
		return;
	memcpy(to.sun_path, JOURNAL_SOCKET, sizeof(JOURNAL_SOCKET));
	journal_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (journal_fd >= 0 &&
	    connect(journal_fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		close(journal_fd);
		journal_fd = -1;
	}
}

void
log_open(const struct log_options *wanted)
{
	options = *wanted;
	log_set_level(wanted->level);
	if (options.to == LOG_TO_JOURNAL) {
		open_journal();
		if (journal_fd < 0) {
			options.to = LOG_TO_SYSLOG;
			openlog(options.program, LOG_PID, LOG_MAIL);
			log_say(LEVEL_WARNING,
			    "no journal at %s: logging to syslog",
			    JOURNAL_SOCKET);
		}
	} else if (options.to == LOG_TO_SYSLOG)
		openlog(options.program, LOG_PID, LOG_MAIL);
}

void
log_set_level(enum log_level level)
{
	atomic_store(&enabled_level, (int)level);
}

bool
log_enabled(enum log_level level)
{
	return (int)level <=
	    atomic_load_explicit(&enabled_level, memory_order_relaxed);
}

/* --- quoting --- */

static void
out_hex(struct text_out *out, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";

	out_char(out, digits[c >> 4]);
	out_char(out, digits[c & 15]);
}

/*
 * Characters that turn the direction of text, or end a line (U+200E, U+200F,
 * U+2028 to U+202E, U+2066 to U+2069): a line could be made to look like
 * another one.
 */
static bool
misleads(struct mf_text t)
{
	unsigned char last = t.len >= 3 ? (unsigned char)t.p[2] : 0;

	if (text_starts(t, MF_TEXT("\xe2\x80")))
		return last == 0x8e || last == 0x8f ||
		    (last >= 0xa8 && last <= 0xae);
	return text_starts(t, MF_TEXT("\xe2\x81")) && last >= 0xa6 &&
	    last <= 0xa9;
}

/* Length of a character that a terminal may see: no C1 controls either. */
static size_t
shown_len(struct mf_text t)
{
	size_t len = text_utf8_len(t);

	if (len == 2 && t.p[0] == '\xc2' && (unsigned char)t.p[1] < 0xa0)
		return 0;
	return len == 3 && misleads(t) ? 0 : len;
}

/*
 * Both formats share the escapes that JSON has; any other octet that isn't a
 * character is \xNN, which within JSON is a backslash and text.  At most max
 * octets and one more character are written; the rest is returned.
 */
static struct mf_text
out_escaped(struct text_out *out, struct mf_text value, size_t max)
{
	size_t end = out->len + max;

	while (value.len != 0 && out->len < end && !out->full) {
		char c = value.p[0];
		size_t len = 1;

		if (c == '"' || c == '\\') {
			out_char(out, '\\');
			out_char(out, c);
		} else if (c == '\n')
			out_text(out, MF_TEXT("\\n"));
		else if (c == '\r')
			out_text(out, MF_TEXT("\\r"));
		else if (c == '\t')
			out_text(out, MF_TEXT("\\t"));
		else if (!ascii_is_control(c) && (unsigned char)c < 0x80)
			out_char(out, c);
		else if ((len = shown_len(value)) != 0)
			out_text(out, text_head(value, len));
		else {
			len = 1;
			out_str(out,
			    options.format == LOG_AS_JSON ? "\\\\x" : "\\x");
			out_hex(out, (unsigned char)c);
		}
		value = text_from(value, len);
	}
	return value;
}

/* Octets that need no quotes in key=value: the usual ones of addresses. */
static bool
is_plain(struct mf_text value)
{
	for (size_t i = 0; i < value.len; i++) {
		char c = value.p[i];

		if (c <= ' ' || c > '~' || c == '"' || c == '\\' || c == '=')
			return false;
	}
	return value.len != 0;
}

static void
out_key(struct text_out *out, const char *key)
{
	if (options.format == LOG_AS_JSON) {
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

static void
out_time(struct text_out *out)
{
	char stamp[40];
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	size_t len = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(
	    stamp + len, sizeof(stamp) - len, ".%03ldZ", now.tv_nsec / 1000000);
	out_str(out, stamp);
}

void
log_begin(struct log_line *line, enum log_level level, const char *event)
{
	line->level = level;
	line->cut = false;
	line->out = text_out(line->buffer, sizeof(line->buffer) - TAIL_ROOM);
	if (options.format == LOG_AS_JSON) {
		out_text(&line->out, MF_TEXT("{\"time\":\""));
		out_time(&line->out);
		out_text(&line->out, MF_TEXT("\",\"level\":\""));
		out_str(&line->out, log_level_names[level]);
		out_text(&line->out, MF_TEXT("\",\"program\":\""));
		out_str(&line->out, options.program);
		out_text(&line->out, MF_TEXT("\",\"event\":\""));
		out_str(&line->out, event);
		out_char(&line->out, '"');
		return;
	}
	if (options.to == LOG_TO_STDERR) {
		out_str(&line->out, options.program);
		out_text(&line->out, MF_TEXT(": "));
		out_str(&line->out, log_level_names[level]);
		out_text(&line->out, MF_TEXT(": "));
	}
	out_str(&line->out, event);
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

static void
put_text(
    struct log_line *line, const char *key, struct mf_text value, size_t max)
{
	struct text_out *out = &line->out;
	size_t len = out->len;
	struct mf_text rest;

	out_key(out, key);
	if (options.format == LOG_AS_TEXT && value.len <= max &&
	    is_plain(value))
		out_text(out, value);
	else {
		out_char(out, '"');
		rest = out_escaped(out, value, max);
		if (rest.len != 0) {
			out_text(out, MF_TEXT("..."));
			line->cut = true;
		}
		out_char(out, '"');
	}
	roll_back(line, len);
}

void
log_text(struct log_line *line, const char *key, struct mf_text value)
{
	put_text(line, key, value, LOG_VALUE_MAX);
}

void
log_uint(struct log_line *line, const char *key, uint64_t value)
{
	size_t len = line->out.len;

	out_key(&line->out, key);
	out_uint(&line->out, value);
	roll_back(line, len);
}

static void
send_journal(const struct log_line *line, struct mf_text message)
{
	char buffer[LOG_LINE_SIZE + 128];
	struct text_out out = text_out(buffer, sizeof(buffer));

	out_text(&out, MF_TEXT("PRIORITY="));
	out_uint(&out, (uint64_t)syslog_priorities[line->level]);
	out_text(&out, MF_TEXT("\nSYSLOG_FACILITY=2\nSYSLOG_IDENTIFIER="));
	out_str(&out, options.program);
	out_text(&out, MF_TEXT("\nMESSAGE="));
	out_text(&out, message);
	out_char(&out, '\n');
	(void)send(journal_fd, out.p, out.len, MSG_NOSIGNAL);
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

void
log_end(struct log_line *line)
{
	struct text_out *out = &line->out;

	out->size = sizeof(line->buffer);
	if (line->cut)
		out_str(out,
		    options.format == LOG_AS_JSON ? ",\"cut\":true"
						  : " cut=yes");
	if (options.format == LOG_AS_JSON)
		out_char(out, '}');
	switch (options.to) {
	case LOG_TO_STDERR:
		out_char(out, '\n');
		/* One write a line, so that threads don't mix theirs. */
		(void)!write(STDERR_FILENO, out->p, out->len);
		break;
	case LOG_TO_SYSLOG:
		syslog(syslog_priorities[line->level], "%.*s", (int)out->len,
		    out->p);
		break;
	case LOG_TO_JOURNAL:
		send_journal(line, out_view(out));
		break;
	}
}

void
log_say(enum log_level level, const char *format, ...)
{
	struct log_line line;
	char text[LOG_LINE_SIZE / 2];
	va_list args;

	if (!log_enabled(level))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	log_begin(&line, level, "message");
	put_text(&line, "text", mf_text_of(text), LOG_LINE_SIZE);
	log_end(&line);
}

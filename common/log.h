/* SPDX-License-Identifier: ISC */
/*
 * Log lines as key=value (or JSON), one call a line, to syslog, stderr or the
 * journal.  Any thread may log.
 *
 * Values are untrusted: what could end a line, forge a key or confuse a
 * terminal is escaped, here and nowhere else.
 */
#ifndef MAILFROM_COMMON_LOG_H
#define MAILFROM_COMMON_LOG_H

#include "common/text.h"

enum log_level { LEVEL_ERROR, LEVEL_WARNING, LEVEL_INFO, LEVEL_DEBUG };
enum log_target { LOG_TO_SYSLOG, LOG_TO_STDERR, LOG_TO_JOURNAL };
enum log_format { LOG_AS_TEXT, LOG_AS_JSON };

/* Names of the above for configuration tables, NULL at the end. */
extern const char *const log_level_names[];
extern const char *const log_target_names[];
extern const char *const log_format_names[];

struct log_options {
	const char *program; /* must live as long as the log */
	enum log_target to;
	enum log_level level;
	enum log_format format;
};

/*
 * Set the log up; before that, lines of LEVEL_WARNING and above go to stderr.
 * Not while another thread logs.
 */
void log_open(const struct log_options *options);

/* Change the level, at any time. */
void log_set_level(enum log_level level);

bool log_enabled(enum log_level level);

/*
 * Pairs that don't fit are left out, and longer values end in "...", so that
 * strangers' text doesn't keep what comes behind it out of the log.  The line
 * says so: cut=yes.
 */
#define LOG_LINE_SIZE 2048
#define LOG_VALUE_MAX 400 /* octets, escaped */

struct log_line {
	enum log_level level;
	bool cut;
	struct text_out out;
	char buffer[LOG_LINE_SIZE];
};

/* Build a line and send it.  The event is a word of ours, as are the keys. */
void log_begin(struct log_line *line, enum log_level level, const char *event);
void log_text(struct log_line *line, const char *key, struct mf_text value);
void log_uint(struct log_line *line, const char *key, uint64_t value);

/* The same where there is something: text, or a number but 0. */
void log_text_if(struct log_line *line, const char *key, struct mf_text value);
void log_uint_if(struct log_line *line, const char *key, uint64_t value);
void log_end(struct log_line *line);

/* One free sentence: event=message text="..." */
void log_say(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif

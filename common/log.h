/* SPDX-License-Identifier: ISC */
/*
 * Log lines as key=value (or JSON), one call a line, to syslog, stderr or the
 * journal.  Any thread may log.
 *
 * Values are untrusted: what could end a line, forge a key or confuse a
 * terminal is escaped, here and nowhere else.
 *
 * A daemon's threads never wait for whoever reads the log: lines go into a
 * ring in memory (log_ring.h), and a thread of its own writes them, in order.
 * When the ring is full, lines are dropped and counted, and the log says how
 * many were, at their place, as soon as the reader is back.
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
 * Not while another thread logs.  Lines are written directly up to log_start().
 */
void log_open(const struct log_options *options);

/*
 * Start the thread that writes, after the last fork; all signals are blocked
 * in it.  exit() calls log_stop().  False, and errno is set: it could not be
 * started.
 */
bool log_start(void);

/*
 * Write what waits, for LOG_STOP_MS at most: a reader that stands still keeps
 * nobody from ending.  What is logged afterwards is lost.
 */
#define LOG_STOP_MS 1000
void log_stop(void);

/* How the reader of the log does. */
struct log_health {
	uint64_t dropped; /* lines, since the start */
	uint64_t waiting; /* bytes in memory */
	bool stalled;     /* has taken nothing for LOG_STALLED_MS */
};

#define LOG_STALLED_MS 1000
struct log_health log_health(void);

/* Change the level, at any time. */
void log_set_level(enum log_level level);

bool log_enabled(enum log_level level);

/*
 * Pairs that don't fit are left out, and longer values end in "...", so that
 * strangers' text doesn't keep what comes after it out of the log.  The line
 * says so: cut=yes.
 */
#define LOG_LINE_SIZE 2048
#define LOG_VALUE_MAX 400 /* bytes, escaped */

struct log_line {
	enum log_level level;
	bool cut;
	struct text_out out;
	char buffer[LOG_LINE_SIZE];
};

/*
 * Build a line and send it.  The event is a word of ours, as are the keys and
 * what log_word() gets: letters, digits, "_" and "-", so nothing to be quoted.
 * Nothing is allocated.
 */
void log_begin(struct log_line *line, enum log_level level, const char *event);
void log_text(struct log_line *line, const char *key, struct mf_text value);
void log_word(struct log_line *line, const char *key, const char *word);
void log_uint(struct log_line *line, const char *key, uint64_t value);

/* The same where there is something: text, or a number but 0. */
void log_text_if(struct log_line *line, const char *key, struct mf_text value);
void log_uint_if(struct log_line *line, const char *key, uint64_t value);
void log_end(struct log_line *line);

/* One free sentence: event=message text="..." */
void log_say(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif

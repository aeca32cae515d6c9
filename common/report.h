/* SPDX-License-Identifier: ISC */
/*
 * What is wrong with a configuration, said to people: file, line, key, reason.
 * Where it goes (a terminal at start, the log at reload) is the receiver's.
 */
#ifndef MAILFROM_COMMON_REPORT_H
#define MAILFROM_COMMON_REPORT_H

#include <stdbool.h>

struct report {
	/* line: NUL-terminated, without a line end, valid during the call. */
	void (*say)(void *arg, bool is_error, const char *line);
	void *arg;
	unsigned errors;
	unsigned warnings;
};

/* A report that prints "error: ..." and "warning: ..." to stderr. */
struct report report_to_stderr(void);

/* A receiver that drops what it is told. */
void report_ignore(void *arg, bool is_error, const char *line);

/*
 * Add an error or a warning.  file may be NULL, line 0, key NULL: such parts
 * are left out.  Controls in the text become "?", so one call is one line.
 */
void report_error(struct report *r, const char *file, unsigned line,
    const char *key, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void report_warning(struct report *r, const char *file, unsigned line,
    const char *key, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif

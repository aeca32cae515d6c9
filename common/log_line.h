/* SPDX-License-Identifier: ISC */
/*
 * The text of log lines; log_begin(), log_text() and the others of log.h, and
 * what only the log itself needs.
 */
#ifndef MAILFROM_COMMON_LOG_LINE_H
#define MAILFROM_COMMON_LOG_LINE_H

#include <stdarg.h>

#include "common/log.h"

/* How lines are written from now on. */
void log_line_style(const struct log_options *options);

/* End the line; its text, which lives in it, without a line end. */
struct mf_text log_line_finish(struct log_line *line);

/* A whole line of one sentence; what log_say() sends. */
struct mf_text log_line_say(struct log_line *line, enum log_level level,
    const char *format, va_list args) __attribute__((format(printf, 3, 0)));

#endif

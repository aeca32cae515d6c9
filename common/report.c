/* SPDX-License-Identifier: ISC */
/*
 * Diagnostics as "file:line: key: reason".
 */
#include "common/report.h"

#include <stdarg.h>
#include <stdio.h>

#include "common/text.h"

#define LINE_SIZE 1024 /* longer diagnostics are cut */

static void
say_stderr(void *arg, bool is_error, const char *line)
{
	(void)arg;
	fprintf(stderr, "%s: %s\n", is_error ? "error" : "warning", line);
}

void
report_ignore(void *arg, bool is_error, const char *line)
{
	(void)arg;
	(void)is_error;
	(void)line;
}

struct report
report_to_stderr(void)
{
	return (struct report){.say = say_stderr};
}

static void __attribute__((format(printf, 6, 0)))
add(struct report *r, bool is_error, const char *file, unsigned line,
    const char *key, const char *format, va_list args)
{
	char buffer[LINE_SIZE], reason[LINE_SIZE];
	struct text_out out = text_out(buffer, sizeof(buffer) - 1);

	vsnprintf(reason, sizeof(reason), format, args);
	if (file != NULL) {
		out_str(&out, file);
		out_char(&out, ':');
		if (line != 0) {
			out_uint(&out, line);
			out_char(&out, ':');
		}
		out_char(&out, ' ');
	}
	if (key != NULL) {
		out_str(&out, key);
		out_str(&out, ": ");
	}
	out_text(&out, text_head(mf_text_of(reason), out.size - out.len));
	buffer[out.len] = '\0';
	for (char *p = buffer; *p != '\0'; p++)
		if (ascii_is_control(*p))
			*p = '?';
	r->say(r->arg, is_error, buffer);
}

void
report_error(struct report *r, const char *file, unsigned line, const char *key,
    const char *format, ...)
{
	va_list args;

	r->errors++;
	va_start(args, format);
	add(r, true, file, line, key, format, args);
	va_end(args);
}

void
report_warning(struct report *r, const char *file, unsigned line,
    const char *key, const char *format, ...)
{
	va_list args;

	r->warnings++;
	va_start(args, format);
	add(r, false, file, line, key, format, args);
	va_end(args);
}

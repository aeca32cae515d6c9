/* SPDX-License-Identifier: ISC */
/* How a command of mailfrom ends: with a usage message, or with all written. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/mailfrom/mailfrom.h"

int
mailfrom_bad_usage(const char *command, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "mailfrom %s: ", command);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nmailfrom %s --help shows the options.\n", command);
	return MAILFROM_EXIT_USAGE;
}

int
mailfrom_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return MAILFROM_EXIT_OK;
	fprintf(stderr, "mailfrom: stdout: %s\n", strerror(errno));
	return MAILFROM_EXIT_FAILED;
}

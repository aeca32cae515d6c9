/* SPDX-License-Identifier: ISC */
#ifndef MAILFROM_TOOLS_SPFQUERY_SUITE_H
#define MAILFROM_TOOLS_SPFQUERY_SUITE_H

#include <stdbool.h>

/*
 * Run a test suite in the openspf format and print each failure.  Adds to
 * *passed and *failed.  False, and a message on stderr, if the file can't be
 * read.
 */
bool suite_run(const char *path, unsigned *passed, unsigned *failed);

#endif

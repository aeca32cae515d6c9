/* SPDX-License-Identifier: ISC */
#ifndef MAILFROM_TOOLS_SPFQUERY_SUITE_H
#define MAILFROM_TOOLS_SPFQUERY_SUITE_H

#include <stddef.h>

/*
 * Run test suites in the openspf format; print each failure, and how many tests
 * passed and failed.  SPFQUERY_OK, SPFQUERY_FAILED if a test did, or
 * SPFQUERY_USAGE after a message if a file is no suite.
 */
int suite_run(char *const *paths, size_t count);

#endif

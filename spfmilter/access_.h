/* SPDX-License-Identifier: ISC */
/*
 * The readers of access.c, a file format each.
 */
#ifndef MAILFROM_SPFMILTER_ACCESS__H
#define MAILFROM_SPFMILTER_ACCESS__H

#include "spfmilter/access.h"

/*
 * Add all that is in the file at path, which is locked and open as fd, to table.
 * NULL, or what is wrong (a constant, or strerror()'s).
 */
const char *access_read_berkeley_(
    const char *path, int fd, struct table *table);
const char *access_read_lmdb_(const char *path, int fd, struct table *table);
const char *access_read_cdb_(const char *path, int fd, struct table *table);

/*
 * The same for text.  Malformed lines are reported as errors with their number;
 * reading goes on behind them.
 */
bool access_read_text_(const char *path, struct text bytes,
    enum access_type type, struct table *table, struct report *report);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * What is wrong with an access file, entry by entry.
 */
#ifndef MAILFROM_ACCESS_LINT_H
#define MAILFROM_ACCESS_LINT_H

#include "access/table.h"
#include "common/report.h"

/*
 * Report what is found in a finished table, in the order of lines.  Errors are
 * entries that don't do what they say: their value means nothing, another entry
 * has their key, or nothing ever looks them up.  Warnings are those that do
 * nothing, or do it otherwise than it seems.  Tags Spam: are sendmail's too, so
 * what is wrong with them is a warning.  file: what stands before each finding.
 * False: out of memory; it is reported.
 */
bool access_lint(
    const struct access_table *table, const char *file, struct report *report);

#endif

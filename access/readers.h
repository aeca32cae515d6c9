/* SPDX-License-Identifier: ISC */
/*
 * A reader for each format.
 *
 * Readers get the whole file in memory, so nobody can change it under them, and
 * take nothing in it for granted: after a crash of its writer, or while
 * somebody copies a file over it, it may hold anything.
 *
 * What one costs is bounded by the size of the file, whatever is in it: no page
 * is read twice, and no octet is a part of two entries (access_take_()), so a
 * file of n octets makes a table of at most n octets and n / 8 entries.  Depth
 * is bounded besides.  tests/unit/bounds counts the steps.
 */
#ifndef MAILFROM_ACCESS_READERS_H
#define MAILFROM_ACCESS_READERS_H

#include "access/access.h"

/*
 * Add all that is in a file to table.  NULL, or what is wrong, a constant.
 * What was added before something wrong was found is not to be used.
 */
const char *access_read_berkeley_(
    struct mf_text bytes, struct access_table *table);
const char *access_read_lmdb_(struct mf_text bytes, struct access_table *table);
const char *access_read_cdb_(struct mf_text bytes, struct access_table *table);

/* What they say of a file that is damaged, and of a lack of memory. */
#define ACCESS_DAMAGED \
	"is damaged or not complete: write it anew, with makemap or postmap"
#define ACCESS_NO_MEMORY "out of memory"

/* Findings of a kind that are reported of a file: more fill the log. */
#define ACCESS_FINDINGS_MAX 100

/*
 * Take an entry's octets from those of the file that no entry has had.  False:
 * so many aren't left; entries overlap, and the file is damaged.
 */
static inline bool
access_take_(size_t *left, struct mf_text key, struct mf_text value)
{
	if (key.len > *left || value.len > *left - key.len)
		return false;
	*left -= key.len + value.len;
	return true;
}

/*
 * The same for text, ACCESS_TEXT or ACCESS_TEXTHASH, in which malformed lines
 * are reported as errors with their number; reading goes on behind them.
 * discard, if not NULL, is told which part of bytes is done with, so that a
 * large file isn't in memory twice.
 */
bool access_read_text_(const char *path, struct mf_text bytes,
    enum access_type type, struct access_table *table,
    void (*discard)(struct mf_text part), struct report *report);

/*
 * Report duplicates in a finished table of text: errors, or with TEXTHASH
 * warnings, as makemap and postmap do.  False: there are errors.
 */
bool access_check_text_(const char *path, enum access_type type,
    const struct access_table *table, struct report *report);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The parts of access.c: what a file is called, and a reader for each format.
 *
 * Readers get the whole file in memory, so nobody can change it under them, and
 * take nothing in it for granted: after a crash of its writer, or while
 * somebody copies a file over it, it may hold anything.
 */
#ifndef MAILFROM_ACCESS_ACCESS__H
#define MAILFROM_ACCESS_ACCESS__H

#include "access/access.h"

struct access_name {
	char *path;
	enum access_type type;
	bool is_bare; /* the type is to be found out */
};

/*
 * What text names, and where that is: /path.db for hash:/path, if it is there.
 * False: reported.  out->path is the caller's, for free(), if true.
 */
bool access_name_(
    struct mf_text text, struct access_name *out, struct report *report);

/* The type of a file by its contents, or its name where they don't tell. */
enum access_type access_sniff_(const char *path, struct mf_text bytes);
bool access_is_berkeley_(struct mf_text bytes);
bool access_is_lmdb_(struct mf_text bytes);

/*
 * Add all that is in a file to table.  NULL, or what is wrong, a constant.
 * What was added before something wrong was found is not to be used.
 */
const char *access_read_berkeley_(struct mf_text bytes, struct table *table);
const char *access_read_lmdb_(struct mf_text bytes, struct table *table);
const char *access_read_cdb_(struct mf_text bytes, struct table *table);

/* What they say of a file that is damaged, and of a lack of memory. */
extern const char access_damaged_[];
extern const char access_no_memory_[];

/*
 * The same for text, ACCESS_TEXT or ACCESS_TEXTHASH, in which malformed lines
 * are reported as errors with their number; reading goes on behind them.
 */
bool access_read_text_(const char *path, struct mf_text bytes,
    enum access_type type, struct table *table, struct report *report);

/*
 * Report duplicates in a finished table of text: errors, or with TEXTHASH
 * warnings, as makemap and postmap do.  False: there are errors.
 */
bool access_check_text_(const char *path, enum access_type type,
    const struct table *table, struct report *report);

#endif

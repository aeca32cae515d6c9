/* SPDX-License-Identifier: ISC */
/*
 * Where access files are: plain text, Berkeley DB, LMDB, CDB.
 *
 *	/path  text:/path	text as makemap reads it
 *	texthash:/path		text as postmap reads it
 *	hash:/path  btree:/path	Berkeley DB, either, /path.db or /path
 *	lmdb:/path		LMDB, /path.lmdb or /path
 *	cdb:/path		CDB, /path.cdb or /path
 *
 * "hash -o /path" is sendmail's way to write "hash:/path"; its flags mean
 * nothing here, so a file that is missing is an error.  A bare path that turns
 * out to be a database, or without a file but with a database beside it
 * (/path.db ...), is read as what it is.
 *
 * A file is read as a whole, under a shared lock that makemap and postmap
 * respect, and then never looked at again but to see whether it has changed.
 */
#ifndef MAILFROM_ACCESS_ACCESS_H
#define MAILFROM_ACCESS_ACCESS_H

#include "access/table.h"
#include "common/file.h"
#include "common/report.h"

enum access_type {
	ACCESS_TEXT,
	ACCESS_TEXTHASH,
	ACCESS_BERKELEY,
	ACCESS_LMDB,
	ACCESS_CDB
};

/* The largest file that is read, octets. */
#define ACCESS_SIZE_MAX (1024 * 1024 * 1024)

struct access {
	char *path; /* of the file that was read */
	enum access_type type;
	struct file_mark mark; /* of what was read */
	bool is_young;         /* so much so that a change may not show in it */
	bool is_cut;           /* a text that ends within a line */
	struct access_table *table;
};

enum access_status {
	ACCESS_OK = 0,
	ACCESS_BUSY,  /* being written: try again; nothing is reported */
	ACCESS_FAILED /* and reported */
};

/*
 * Read the map that text names.  wait: a writer is waited for, for at most five
 * seconds; else ACCESS_BUSY.  Entries that are malformed (not: values that are
 * unknown) are errors of a text file, reported with file and line.  *out is the
 * caller's, for access_free(), with ACCESS_OK only.
 */
enum access_status access_load(
    struct mf_text text, bool wait, struct access **out, struct report *report);

/*
 * The same for whoever wants to know all that is wrong with it, waiting for a
 * writer.  What would fail a text file is told to findings instead, and what is
 * malformed left out; of duplicates, which are all there, nothing is said.
 */
enum access_status access_examine(struct mf_text text, struct access **out,
    struct report *report, struct report *findings);
void access_free(struct access *access);

/*
 * Whether the file is another one than that which was read; true once more
 * behind a change so fresh that another might have left the same time stamp.
 */
bool access_is_stale(const struct access *access);

/*
 * Whether nobody has written to the file for a second; else somebody may be
 * about to go on.
 */
bool access_is_settled(const struct access *access);

/*
 * Warn, and say what to do, if this process can't read the file again.  strict:
 * it is an error.
 */
void access_check_readable(
    const struct access *access, bool strict, struct report *report);

/*
 * Report values that mean nothing, and keys that nothing looks up, as warnings
 * with their place.
 */
void access_warn(const struct access *access, struct report *report);

#endif

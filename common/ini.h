/* SPDX-License-Identifier: ISC */
/*
 * INI text as a list of entries that know their line.
 *
 *	[section]
 *	key = value		; and # begin a comment only where a line begins
 *	  continued		a line that begins with a blank
 *
 * Two dialects: ours, and that of Python's ConfigParser in which pysrs.cfg and
 * spfmilter.cfg are written ("key: value" too, "%%" for "%", entries of
 * [DEFAULT] stand for every section).  Keys and sections are folded to lower
 * case in both but for [DEFAULT].
 */
#ifndef MAILFROM_COMMON_INI_H
#define MAILFROM_COMMON_INI_H

#include "common/report.h"
#include "common/text.h"

enum ini_dialect { INI_OURS, INI_CONFIGPARSER };

struct ini_entry {
	struct mf_text section;
	struct mf_text key;
	/* Trimmed; continued lines joined by LF, in ours one for each line. */
	struct mf_text value;
	unsigned line;
	unsigned value_line; /* where value begins */
};

struct ini {
	const char *name; /* the file's, for messages; the caller's */
	struct ini_entry *entries;
	size_t count;
	char *store;
	size_t store_size;
	bool is_foreign; /* made of another program's file (translate.h) */
};

/*
 * Parse bytes.  Everything that is no section, entry, comment or blank line is
 * reported with its line, and so is a NUL.  True if nothing was; ini_free() is
 * due either way.  name must outlive *out, bytes need not.
 */
bool ini_parse(struct ini *out, const char *name, struct mf_text bytes,
    enum ini_dialect dialect, struct report *report);
void ini_free(struct ini *ini);

#endif

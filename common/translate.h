/* SPDX-License-Identifier: ISC */
/*
 * Configuration files of other programs, put into our words: a table of theirs
 * and ours, and entries that keep the lines they came from.
 */
#ifndef MAILFROM_TRANSLATE_H
#define MAILFROM_TRANSLATE_H

#include "common/ini.h"

struct translate_word {
	const char *section;
	const char *theirs;
	const char *ours; /* NULL: known, and no entry of ours by itself */
	const char *our_section;
};

/* Entries that no word of the table has made. */
#define TRANSLATE_ADDED 16

/* A translation under way: from source, which must outlive *out. */
struct translate {
	const struct ini *source;
	const struct translate_word *words;
	size_t count;
	struct ini *out; /* for ini_free() */
};

/*
 * Make room in t->out, warn of keys that aren't in the table (program: whose
 * they would be), and add an entry for each word of ours.  Where the file has
 * several words for one of ours, the first of the table counts, and the others
 * are warned of.  False: out of memory, which was reported.
 */
bool translate_words(
    struct translate *t, const char *program, struct report *report);

/* Add an entry; values are views.  At most TRANSLATE_ADDED of them. */
void translate_add(struct translate *t, const char *section, const char *key,
    struct text value, unsigned line);

/*
 * The last entry of a key, as ConfigParser has it; [DEFAULT] serves all
 * sections.  NULL: none.
 */
const struct ini_entry *translate_find(
    const struct ini *source, const char *section, const char *key);

/*
 * The path in value; if it is relative, below the datadir that the section
 * names, where those programs change to.  What has a ":" in it is a socket's
 * address and stays.  False: out is too small.  NUL-terminated either way.
 */
bool translate_path(const struct ini *source, const char *section,
    struct text value, char *out, size_t size);

/* Whether the last part of path is name. */
bool translate_name_is(const char *path, const char *name);

#endif

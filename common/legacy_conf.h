/* SPDX-License-Identifier: ISC */
/*
 * Configuration files of other programs, put into our words: a table of theirs
 * and ours, and entries that keep the lines they came from.
 */
#ifndef MAILFROM_COMMON_LEGACY_CONF_H
#define MAILFROM_COMMON_LEGACY_CONF_H

#include "common/ini.h"

struct legacy_conf_word {
	const char *section;
	const char *theirs;
	const char *ours; /* NULL: known, and no entry of ours by itself */
	const char *our_section;
};

/* Entries that no word of the table has made. */
#define LEGACY_CONF_ADDED 16

/* A translation under way: from source, which must outlive *out. */
struct legacy_conf {
	const struct ini *source;
	const struct legacy_conf_word *words;
	size_t count;
	struct ini *out; /* for ini_free() */
};

/*
 * Make room in t->out, warn of keys that aren't in the table (program: whose
 * they would be), and add an entry for each word of ours.  Where the file has
 * several words for one of ours, the first of the table counts, and the others
 * are warned of.  False: out of memory, which was reported.
 */
bool legacy_conf_words(
    struct legacy_conf *t, const char *program, struct report *report);

/* Add an entry; values are views.  At most LEGACY_CONF_ADDED of them. */
void legacy_conf_add(struct legacy_conf *t, const char *section,
    const char *key, struct mf_text value, unsigned line);

/*
 * The last entry of a key, as ConfigParser has it; [DEFAULT] serves all
 * sections.  NULL: none.
 */
const struct ini_entry *legacy_conf_find(
    const struct ini *source, const char *section, const char *key);

/*
 * The path in value; if it is relative, below the datadir that the section
 * names, where those programs change to.  What has a ":" in it is a socket's
 * address and stays.  False: out is too small.  NUL-terminated either way.
 */
bool legacy_conf_path(const struct ini *source, const char *section,
    struct mf_text value, char *out, size_t size);

/* Whether the last part of path is name. */
bool legacy_conf_name_is(const char *path, const char *name);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Configuration by table: one table of keys drives the parser, the defaults,
 * the file that is printed as a sample, and the check of the manual.
 *
 * A section's values are a struct of the program's; each key names the member
 * it fills and the member's type follows from the key's:
 *
 *	CONF_BOOL	bool			yes no true false on off 1 0
 *	CONF_UINT	uint64_t		digits, min..max
 *	CONF_OCTAL	uint64_t		octal digits, 0..max
 *	CONF_CHOICE	unsigned		index into choices
 *	CONF_TEXT	struct mf_text		anything, or one item of a type;
 *						.p NULL if unset
 *	CONF_LIST	struct conf_list	items of a type, see split.h
 */
#ifndef MAILFROM_COMMON_CONF_H
#define MAILFROM_COMMON_CONF_H

#include <stdio.h>

#include "common/file.h"
#include "common/ini.h"
#include "common/items.h"

enum conf_type {
	CONF_BOOL,
	CONF_UINT,
	CONF_OCTAL,
	CONF_CHOICE,
	CONF_TEXT,
	CONF_LIST
};

struct conf_list {
	struct mf_text *items; /* as their type keeps them, none empty */
	size_t count;
};

/* Whether two lists have the same items in the same order. */
bool conf_list_eq(const struct conf_list *a, const struct conf_list *b);

struct conf_key {
	const char *name;
	enum conf_type type;
	size_t offset;              /* of the member that is filled */
	uint64_t min, max;          /* CONF_UINT, CONF_OCTAL */
	const char *const *choices; /* CONF_CHOICE, NULL at the end */
	const char *initial;        /* as written in a file; NULL: unset */
	const char *unit;           /* for people; NULL: none */
	const char *sample;         /* shown if there is no initial; or NULL */
	const char *help;           /* one line */
	const struct item_type *items; /* CONF_TEXT, CONF_LIST; NULL: any */
	bool no_files; /* CONF_LIST: "/path" is an item like any other */
	/* CONF_LIST: items are added to those of another key, with no initial */
	bool joins;
};

struct conf_section {
	const char *name;
	const char *help;
	const struct conf_key *keys;
	size_t count;
	/*
	 * The struct that is filled.  NULL: the section is another program's,
	 * and only looked at for mistakes; no list file is read for it.
	 */
	void *values;
	/*
	 * Whether this program uses the section: mistakes in it are errors
	 * then, else warnings.
	 */
	bool used;
};

/* The section of a table; it is used if there is a place for its values. */
#define CONF_SECTION(section_name, says, table, where)   \
	((struct conf_section){.name = (section_name),   \
	    .help = (says),                              \
	    .keys = (table),                             \
	    .count = sizeof(table) / sizeof((table)[0]), \
	    .values = (where),                           \
	    .used = (where) != NULL})

/* Read a CONF_BOOL's word.  False, and *out untouched, if it is none. */
bool conf_bool(struct mf_text word, bool *out);

/* What conf_load() allocated, and where each key was set. */
struct conf;

/*
 * Fill every section's values from its table's defaults, then from ini.
 * Unknown sections, unknown and duplicate keys, values of the wrong kind or out
 * of range, and items that are none of their type are reported: as errors in
 * the sections that are used, and in one whose name is a misspelling of these,
 * else as warnings.  A list item
 * "/path" stands for the items in that file, where "#" before an item begins a
 * comment; conf_file() names these files.
 * If ini is of another program, an item that only matches nothing is ignored
 * with a warning.
 * *out is the caller's, for conf_free(); the values point into it.  NULL: out
 * of memory; else all values can be used, so that what is wrong with them
 * together can be reported too.
 * True if nothing was reported as an error.  ini may be freed afterwards.
 */
bool conf_load(struct conf **out, const struct ini *ini,
    const struct conf_section *sections, size_t count, struct report *report);
void conf_free(struct conf *conf);

/* Line of the file that set the key, 0 if it has its default. */
unsigned conf_line(
    const struct conf *conf, const char *section, const char *key);

/*
 * Whether something was wrong with what the file has for the key, so that it
 * isn't what is meant, and nothing is to be said of it in view of other keys.
 */
bool conf_is_wrong(
    const struct conf *conf, const char *section, const char *key);

/* Whether the file set any key of the section. */
bool conf_has_section(const struct conf *conf, const char *section);

/* A list file that was read, and its state before that. */
struct conf_file {
	const char *path;
	struct file_mark mark;
};

/* The n-th list file; NULL behind the last. */
const struct conf_file *conf_file(const struct conf *conf, size_t n);

/* Print a sample file: every key, its help, unit, range and default. */
void conf_print(FILE *to, const struct conf_section *sections, size_t count);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Configurations of other software as a mailfrom.conf: bytes -> entries (a
 * parser for each dialect) -> conversion (a table for each software) -> bytes.
 * Nothing here reads a file; what is wrong is reported with the old file's line.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_CONVERT_H
#define MAILFROM_TOOLS_MAILFROM_CONVERT_H

#include <stdio.h>

#include "common/foreign_conf.h"
#include "common/report.h"
#include "tools/mailfrom/arena.h"

/* --- the old file --- */

struct convert_file {
	const char *name; /* for messages */
	struct mf_text bytes;
	struct arena *arena; /* all that is made of it */
	struct report *report;
};

/* "key = value", with the line that it begins in. */
struct convert_entry {
	struct mf_text key;
	struct mf_text value; /* items of a list: separated by LF */
	unsigned line;
	bool adds; /* to the earlier ones of its key, as "+=" does */
};

struct convert_entries {
	struct convert_entry *items;
	size_t count;
};

/* A value longer than this is an error, and left out. */
#define CONVERT_VALUE_MAX 65536

/*
 * Entries in the order of the file.  What is none is reported with its line,
 * and left out.
 */
typedef void convert_parser(
    const struct convert_file *file, struct convert_entries *out);

convert_parser convert_parse_shell;       /* NAME=value, as sh reads it */
convert_parser convert_parse_confuse;     /* libconfuse */
convert_parser convert_parse_assignments; /* "Key = value # comment" */
convert_parser convert_parse_words;       /* "Key value # comment" */

/* Append one; value is copied. */
void convert_add_entry(const struct convert_file *file,
    struct convert_entries *entries, struct convert_entry entry);

/* --- what becomes of it --- */

enum convert_outcome {
	CONVERT_SAME,
	CONVERT_OTHER,      /* in another way, which is explained */
	CONVERT_NOT_NEEDED, /* nothing here has to correspond to it */
	CONVERT_CANNOT      /* lost, for the reason that is given */
};

/* A comment, or a setting; or an entry of the access file. */
struct convert_line {
	const char *section; /* NULL: comments about no section */
	const char *key;     /* NULL: a comment */
	struct mf_text text; /* value, or comment */
	unsigned line;       /* of the old file; 0: none */
};

struct convert_lines {
	struct convert_line *items;
	size_t count;
};

struct convert_software;

struct conversion {
	const struct convert_file *file;
	const struct convert_software *software;
	struct convert_entries entries; /* those that count */
	/* Bytes of the file that domains-file names; p NULL: not read. */
	struct mf_text domains_file;
	const char *access_path;     /* where the access file will be */
	struct convert_lines lines;  /* of mailfrom.conf */
	struct convert_lines access; /* of the access file: section NULL */
};

/* What becomes of a key. */
struct convert_rule {
	const char *theirs;
	/* NULL: what outcome, section, ours and why say. */
	void (*apply)(struct conversion *c, const struct convert_rule *rule,
	    const struct convert_entry *entry);
	enum convert_outcome outcome;
	const char *section, *ours; /* of CONVERT_SAME and CONVERT_OTHER */
	const char *why;            /* or NULL */
	bool repeats; /* each entry of the key counts, not only the last */
};

/* How one software's file is read and what becomes of its keys. */
struct convert_software {
	enum foreign_conf kind;
	convert_parser *parse;
	bool folds_case; /* of keys */
	const struct convert_rule *rules;
	size_t rule_count;
	/* What isn't said by one key: defaults, keys that act together. */
	void (*finish)(struct conversion *c);
	/* What to do next, "@" for the secret's file; NULL at the end. */
	const char *const *steps;
};

extern const struct convert_software convert_postsrsd1, convert_postsrsd2,
    convert_policyd_spf, convert_pyspf_milter, convert_smf_spf;

/* Of kind, which is not FOREIGN_CONF_NONE. */
const struct convert_software *convert_software_of(enum foreign_conf kind);

/*
 * Convert the file.  c->domains_file and c->access_path are the caller's, the
 * rest is set.  What is wrong with the result, as a daemon would see it, is
 * reported with the line of the old file.
 */
void convert_run(struct conversion *c, const struct convert_file *file,
    const struct convert_software *software);

/* The path that a postsrsd.conf has its first domain in, or empty. */
struct mf_text convert_domains_file(const struct conversion *c);

/* mailfrom.conf; with_access: the access file too, as a comment at the end. */
void convert_print(FILE *to, const struct conversion *c, bool with_access);
void convert_print_access(FILE *to, const struct conversion *c);

/* --- for rules --- */

/* The entry of a key that counts, or NULL. */
const struct convert_entry *convert_find(
    const struct conversion *c, const char *key);

/* Its value, or fallback. */
struct mf_text convert_value(
    const struct conversion *c, const char *key, struct mf_text fallback);

/* What a key was set to, or empty. */
struct mf_text convert_setting(
    const struct conversion *c, const char *section, const char *key);

/* A setting; a second one of the same key is added to the first's list. */
void convert_set(struct conversion *c, const char *section, const char *key,
    struct mf_text value, unsigned line);

/* An entry of the access file. */
void convert_allow(struct conversion *c, const char *key, const char *value);

/* A comment in a section, or in none (NULL). */
void convert_note(struct conversion *c, const char *section, const char *format,
    ...) __attribute__((format(printf, 3, 4)));

/* A comment on what became of an entry. */
void convert_tell(struct conversion *c, const struct convert_entry *entry,
    enum convert_outcome outcome, const char *section, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The same as CONVERT_SAME, with nothing to explain. */
void convert_same(struct conversion *c, const struct convert_entry *entry,
    const char *section);

/* A value that is none: reported, and told as CONVERT_CANNOT. */
void convert_fail(struct conversion *c, const struct convert_entry *entry,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Items separated by any of the characters, none empty, joined by ", ". */
struct mf_text convert_items(
    const struct conversion *c, struct mf_text value, const char *separators);

/* The next of those items; false: no more. */
bool convert_next_item(
    struct mf_text *rest, const char *separators, struct mf_text *item);

/* A rule's apply: a list. */
void convert_rule_list(struct conversion *c, const struct convert_rule *rule,
    const struct convert_entry *entry);

/* Of postsrsd: a hash_min above hash_length is reported. */
void convert_check_hash(const struct conversion *c);

#endif

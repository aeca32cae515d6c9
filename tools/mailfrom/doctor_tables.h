/* SPDX-License-Identifier: ISC */
/*
 * Postfix's lookup tables, as far as a check needs them: a key in a list of
 * tables, the entries of one, whether a domain is in a list.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_DOCTOR_TABLES_H
#define MAILFROM_TOOLS_MAILFROM_DOCTOR_TABLES_H

#include "tools/mailfrom/site.h"

enum table_answer { TABLE_HAS, TABLE_HAS_NOT, TABLE_UNKNOWN };

struct table_entry {
	struct mf_text key, value;
};

/* How tables are read: all else is text. */
struct tables {
	struct arena *arena;
	/* One key of one table, "type:name"; *value is the arena's. */
	enum table_answer (*look_up)(const struct tables *tables,
	    struct mf_text table, const char *key, struct mf_text *value);
	/* The contents of a file; false: it can't be read. */
	bool (*contents)(
	    const struct tables *tables, const char *path, struct mf_text *out);
	const char *config_dir; /* of postmap; NULL: its own */
	bool is_elsewhere;      /* the site is another host's */
};

/* Those of this host, through postmap(1). */
struct tables tables_of_host(
    struct arena *arena, const char *config_dir, bool is_elsewhere);

/*
 * Look key up in each table of maps in turn, as maps_find() does.  What can't
 * be looked up counts only if no other table has the key.
 */
enum table_answer tables_find(const struct tables *tables, struct mf_text maps,
    const char *key, struct mf_text *value);

/*
 * The entries of all tables of maps whose text is there: inline tables, and
 * those that are made of a file.  *all: there are no other tables.
 */
struct table_entry *tables_entries(
    const struct tables *tables, struct mf_text maps, size_t *count, bool *all);

/*
 * Whether a list (mydestination and the like) has domain: names, files, tables,
 * and ".parent" and "!name" as match_list(3) has them.
 */
enum table_answer tables_have_domain(
    const struct tables *tables, struct mf_text list, const char *domain);

/* The names of a list that are there as text, files included. */
struct mf_text *tables_names(
    const struct tables *tables, struct mf_text list, size_t *count, bool *all);

/*
 * The text of the tables in value, and value itself: where an action such as
 * FILTER may be.  Tables that aren't text are left out.
 */
bool tables_mention(
    const struct tables *tables, struct mf_text value, const char *word);

#endif

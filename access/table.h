/* SPDX-License-Identifier: ISC */
/*
 * An access file in memory: those of its entries that are ours, sorted.
 *
 * Built once, then only read, by any number of threads.  Keys are folded to
 * lower case.  Entries of other tags (Connect:, To:...) and untagged ones
 * belong to sendmail, and are dropped as they come.
 */
#ifndef MAILFROM_ACCESS_TABLE_H
#define MAILFROM_ACCESS_TABLE_H

#include "access/action.h"

struct entry {
	struct mf_text key;   /* folded, with ":" behind the tag */
	struct mf_text value; /* as written */
	unsigned line;        /* of a text file; 0: it came from a database */
	struct action action;
	enum action_status status; /* of action */
};

struct table;

/* NULL: out of memory.  The caller's, for table_free(). */
struct table *table_new(void);
void table_free(struct table *table);

/*
 * Whether a key is one of ours: spf-, helo-, srs- or null- and a result, or
 * smtp-auth, spf-to or spam, then the end or ":" (or "!", which pymilter wrote
 * where colons were in the way).
 */
bool table_is_ours(struct mf_text key);

/*
 * Whether a key is meant for us but isn't ours: the prefix and no result, or a
 * result and no prefix of ours, or nearly smtp-auth or spf-to, then ":" or "!".
 * Such as "spf-fial:example.com", "hello-fail:example.com".  Nothing finds it.
 */
bool table_is_mistyped(struct mf_text key);

/*
 * Add an entry, if it is ours, or mistyped, so that somebody can say so; both
 * texts are copied.  One NUL at the end of either is left out: makemap -N and
 * postmap count it in.  False: out of memory.
 */
bool table_add(struct table *table, struct mf_text key, struct mf_text value,
    unsigned line);

/*
 * No more entries come: get ready for finding.  Of entries with the same key
 * the first added counts, as with makemap.
 */
void table_finish(struct table *table);

/* The entry of key, which is in lower case; NULL: none. */
const struct entry *table_find(const struct table *table, struct mf_text key);

/*
 * Entries in the order of their keys, duplicates among them, those of one key
 * in the order of adding.
 */
size_t table_count(const struct table *table);
const struct entry *table_at(const struct table *table, size_t n);

#endif

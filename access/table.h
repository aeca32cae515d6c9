/* SPDX-License-Identifier: ISC */
/*
 * An access file in memory: those of its entries that are ours, sorted.
 *
 * Built once, then only read, by any number of threads.  Keys are folded to
 * lower case, with ":" after the tag.  An entry costs its
 * text and a dozen octets.  Entries of other tags (Connect:, To:...) and untagged ones
 * belong to sendmail, and are dropped as they come.
 */
#ifndef MAILFROM_ACCESS_TABLE_H
#define MAILFROM_ACCESS_TABLE_H

#include "access/action.h"

/*
 * An entry stays where it is for as long as its table lives, and so do the
 * texts and the action that it is asked for, which are views of it.
 */
struct access_entry;

struct mf_text access_entry_key(const struct access_entry *entry);
struct mf_text access_entry_value(const struct access_entry *entry);

/* Line of a text file; 0: it came from a database. */
unsigned access_entry_line(const struct access_entry *entry);

/* What action_parse() says of the value. */
enum action_status access_entry_action(
    const struct access_entry *entry, struct action *out);

struct access_table;

/* NULL: out of memory.  The caller's, for access_table_free(). */
struct access_table *access_table_new(void);
void access_table_free(struct access_table *table);

/*
 * Whether a key is one of ours: spf-, helo-, srs- or null- and a result, or
 * smtp-auth, spf-to, dkim-pass or spam, then the end or ":" (or "!", which pymilter wrote
 * where colons were in the way).
 */
bool access_key_is_ours(struct mf_text key);

/*
 * Whether a key is meant for us but isn't ours: the prefix and no result, or a
 * result and no prefix of ours, or nearly one of the others, then ":" or "!".
 * Such as "spf-fial:example.com", "hello-fail:example.com".  Nothing finds it.
 */
bool access_key_is_mistyped(struct mf_text key);

/*
 * Add an entry, if it is ours, or mistyped, so that somebody can say so; both
 * texts are copied.  One NUL at the end of either is left out: makemap -N and
 * postmap count it in.  False: out of memory, or over 4 GiB in all.
 */
bool access_table_add(struct access_table *table, struct mf_text key,
    struct mf_text value, unsigned line);

/*
 * No more entries come: get ready for finding.  Of entries with the same key
 * the first added counts, as with makemap.  False: out of memory.
 */
bool access_table_finish(struct access_table *table);

/* The entry of key, which is in lower case; NULL: none. */
const struct access_entry *access_table_find(
    const struct access_table *table, struct mf_text key);

/* How many entries are ours, without those that are mistyped. */
size_t access_table_count_ours(const struct access_table *table);

/*
 * Entries in the order of their keys, duplicates among them, those of one key
 * in the order of adding.
 */
size_t access_table_count(const struct access_table *table);
const struct access_entry *access_table_at(
    const struct access_table *table, size_t n);

#endif

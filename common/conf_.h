/* SPDX-License-Identifier: ISC */
/*
 * What conf.c and conf_list.c share.
 */
#ifndef MAILFROM_COMMON_CONF__H
#define MAILFROM_COMMON_CONF__H

#include "common/conf.h"

/* Everything a conf owns hangs on one list, freed and wiped together. */
struct block {
	struct block *next;
	size_t size;
	char data[];
};

/* Names are the tables', which outlive everything. */
struct conf_place {
	const char *section;
	const struct conf_key *key;
	unsigned line;
	bool is_wrong;
};

/* A value of any type, of a section that nobody here wants. */
union conf_value {
	bool flag;
	uint64_t number;
	unsigned choice;
	struct mf_text text;
	struct conf_list list;
};

struct conf {
	struct block *blocks;
	struct conf_place *origins;
	size_t origin_count, origin_room;
	struct conf_file *files;
	size_t file_count, file_room;
	union conf_value unwanted;
};

/* The key at hand, for messages and the place it fills. */
struct setting {
	struct conf *conf;
	const struct ini *ini;
	const struct conf_section *section;
	const struct conf_key *key;
	unsigned line, value_line;
	struct report *report;
};

/* Memory, zeroed, that lives as long as the conf; NULL: there is none. */
void *conf_alloc_(struct conf *conf, size_t size);
const char *conf_copy_(struct conf *conf, struct mf_text t);

/* Where the value of the key goes. */
void *conf_member_(const struct setting *s);

/* Remember that what the file has for the key is wrong. */
void conf_mark_wrong_(const struct setting *s);

/* Say that the value is wrong: an error where the section is in use. */
void conf_complain_(
    const struct setting *s, const char *reason, struct mf_text what);
void conf_complain_memory_(const struct setting *s);

/* Set a CONF_LIST; and keep a text or an item in the form of its type. */
void conf_set_list_(const struct setting *s, struct mf_text value);

/*
 * An item of the key's type as it is kept, in the conf's memory.  False, which
 * was complained of: it is none, or out of memory.  file, line: where it is.
 */
bool conf_keep_item_(const struct setting *s, const char *file, unsigned line,
    struct mf_text item, struct mf_text *kept);

#endif

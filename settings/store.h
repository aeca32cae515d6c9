/* SPDX-License-Identifier: ISC */
/*
 * What the section [store] of mailfrom.conf sets.
 */
#ifndef MAILFROM_SETTINGS_STORE_H
#define MAILFROM_SETTINGS_STORE_H

#include "common/conf.h"

/* In the order of their words in the table of keys. */
enum store_on_down { STORE_KEEPS_SENDER, STORE_TEMPFAILS };

/* Values as they stand in the file; names are those of mailfrom.conf(5). */
struct store_settings {
	struct mf_text url;
	struct mf_text user;
	struct mf_text password_file;
	struct mf_text ca_file;
	uint64_t timeout;    /* seconds */
	unsigned on_down;    /* enum store_on_down */
	uint64_t replicas;   /* that have an alias before it is used */
	uint64_t max_size;   /* megabytes, of SQLite's file */
	uint64_t cache_size; /* rows */
};

/* The url that stands for no store. */
#define STORE_URL_NONE "none"

/* The table of [store]; values: where they go, or NULL. */
struct conf_section store_section(struct store_settings *values);

#endif

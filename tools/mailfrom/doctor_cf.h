/* SPDX-License-Identifier: ISC */
/*
 * sendmail.cf, as far as srsd and the filters are in it.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_DOCTOR_CF_H
#define MAILFROM_TOOLS_MAILFROM_DOCTOR_CF_H

#include "tools/mailfrom/doctor_tables.h"

/* A line K: Kname class arguments. */
struct cf_map {
	struct mf_text name, type, arguments;
};

/* A line X: Xname, S=socket, F=flag, T=timeouts. */
struct cf_filter {
	struct mf_text name, socket, flags, timeouts;
};

/* The names of a class, those of its files too. */
struct cf_class {
	struct mf_text *names;
	size_t count;
};

struct sendmail_cf {
	const char *path;
	struct cf_map *maps;
	size_t map_count;
	struct cf_filter *filters;
	size_t filter_count;
	struct mf_text input_filters; /* O InputMailFilters */
	struct cf_class w, virthost;
	bool classes_are_whole; /* all of their files were read */
	bool asks_probe;        /* a rule of Local_check_rcpt does */
	/* The rulesets that our m4 has. */
	bool has_mailfrom_envelope, has_mailfrom_hold, has_make_srs_rule;
	struct mf_text
	    virtusertable; /* file of that map; "" if there is none */
};

/* Parse text; files of classes are read through tables.  All is the arena's. */
void cf_parse(
    struct mf_text text, const struct tables *tables, struct sendmail_cf *out);

bool cf_class_has(const struct cf_class *class, const char *name);

const struct cf_map *cf_map(const struct sendmail_cf *cf, const char *name);

/* The words of -a, -f and so on of a map; false: it hasn't that option. */
bool cf_map_option(
    const struct cf_map *map, char option, struct mf_text *value);

/* The last word of a map's arguments: its socket. */
struct mf_text cf_map_socket(const struct cf_map *map);

/* Seconds of a timeout, such as S in C:5s;S:30s;R:30s;E:5m; or otherwise. */
uint64_t cf_timeout(struct mf_text timeouts, char which, uint64_t otherwise);

#endif

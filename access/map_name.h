/* SPDX-License-Identifier: ISC */
/*
 * What access maps are called, which file is meant, and what a file is.
 */
#ifndef MAILFROM_ACCESS_MAP_NAME_H
#define MAILFROM_ACCESS_MAP_NAME_H

#include "access/access.h"

struct access_name {
	char *path;
	enum access_type type;
	bool is_bare; /* the type is to be found out */
};

/*
 * What text names, and where that is: /path.db for hash:/path, if it is there.
 * False: reported.  out->path is the caller's, for free(), if true.
 */
bool access_name_(
    struct mf_text text, struct access_name *out, struct report *report);

/* The type of a file by its contents, or its name where they don't tell. */
enum access_type access_sniff_(const char *path, struct mf_text bytes);
bool access_is_berkeley_(struct mf_text bytes);
bool access_is_lmdb_(struct mf_text bytes);

#endif

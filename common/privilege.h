/* SPDX-License-Identifier: ISC */
/*
 * Giving up root.
 */
#ifndef MAILFROM_COMMON_PRIVILEGE_H
#define MAILFROM_COMMON_PRIVILEGE_H

#include <sys/types.h>

#include "common/report.h"

#define PRIVILEGE_USER_DEFAULT "mailfrom"

struct privilege {
	bool change; /* false: we are not root, and stay who we are */
	uid_t uid;
	gid_t gid;
	char name[64];
	/* Where that was said, for messages; 0: nowhere. */
	const char *file;
	unsigned line;
};

/*
 * Decide who to become: user, or PRIVILEGE_USER_DEFAULT if it is NULL.  Not
 * being root, nobody but oneself.  file, line: where the user stands; file must
 * outlive *out.  False, and an error that says how to make the user, if it
 * can't be done.
 */
bool privilege_find(const char *user, const char *file, unsigned line,
    struct privilege *out, struct report *report);

/*
 * Become that user, with its supplementary groups, for good.  False, and an
 * error reported, if it failed; the process must not go on then.
 */
bool privilege_drop(const struct privilege *to, struct report *report);

#endif

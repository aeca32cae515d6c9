/* SPDX-License-Identifier: ISC */
/*
 * Giving up root, and what else a daemon has no use for.
 */
#ifndef MAILFROM_COMMON_PRIVILEGE_H
#define MAILFROM_COMMON_PRIVILEGE_H

#include <sys/types.h>

#include "common/report.h"
#include "common/text.h"

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
 * Decide who to become: user, or initial if user is empty.  Not being root,
 * nobody but oneself.  file, line: where the user stands; file must outlive
 * *out.  False, and an error that says how to make the user, if it can't be
 * done.
 */
bool privilege_find(struct mf_text user, const char *initial, const char *file,
    unsigned line, struct privilege *out, struct report *report);

/*
 * What no daemon needs, whoever starts it, is given up before anything is
 * opened: descriptors but the first three, which are opened if they aren't, and
 * systemd's sockets, which follow them; what set-user-id programs would give;
 * core files; debuggers of the same user.
 */
void privilege_begin(unsigned sockets);

/*
 * Become that user, with its supplementary groups, for good; and, whoever that
 * is, give up all capabilities, and be closed to debuggers and /proc/PID/mem of
 * processes of the same user.  To be called before there are threads.  False,
 * and an error reported, if it failed; the process must not go on then.
 */
bool privilege_drop(const struct privilege *to, struct report *report);

#endif

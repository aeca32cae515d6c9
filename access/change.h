/* SPDX-License-Identifier: ISC */
/*
 * What to do about an access file that has changed while a policy is in force:
 * an accident must not take it away.
 */
#ifndef MAILFROM_ACCESS_CHANGE_H
#define MAILFROM_ACCESS_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

/* A map of so many entries may lose any part of them but all. */
#define ACCESS_SMALL 100

enum access_notice {
	ACCESS_SEEN, /* the file is another one; nobody said why */
	ACCESS_ASKED /* start, or SIGHUP: the administrator means it */
};

struct access_change {
	enum access_notice how;
	bool is_readable; /* else new_count means nothing */
	bool is_cut;      /* a text that ends within a line */
	size_t old_count; /* entries in force that are ours */
	size_t new_count; /* and those of the file */
};

enum access_verdict {
	ACCESS_TAKE,
	ACCESS_HOLD, /* back, until SIGHUP or until the file is another one */
	ACCESS_REFUSE
};

/*
 * A file that can't be read is refused.  One that was asked for is taken.  One
 * that was only seen is held back if it takes all entries away, or more than
 * half of more than ACCESS_SMALL, or any while it ends within a line, as texts
 * do that are being written.
 */
enum access_verdict access_decide_change(const struct access_change *change);

#endif

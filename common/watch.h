/* SPDX-License-Identifier: ISC */
/*
 * Files that a configuration was made from, and whether they have changed.
 */
#ifndef MAILFROM_COMMON_WATCH_H
#define MAILFROM_COMMON_WATCH_H

#include "common/conf.h"
#include "common/report.h"

/* How often daemons look at their files, seconds. */
#define WATCH_SEC 2

struct watch_file {
	const char *path; /* the caller's, for as long as the watch lives */
	struct file_mark mark;
};

struct watch {
	struct watch_file *files;
	size_t count, room;
};

/*
 * Add a file in the state it has now; before it is read, so that no change is
 * missed.  An empty path is passed over.  False: out of memory.
 */
bool watch_add(struct watch *watch, struct mf_text path);

/* Add a file in the state in which it was read. */
bool watch_add_read(
    struct watch *watch, const char *path, const struct file *file);

/* Add the list files of a configuration, as they were when it was read. */
bool watch_add_lists(struct watch *watch, const struct conf *conf);

void watch_free(struct watch *watch);

/* Whether a file has changed since. */
bool watch_is_stale(const struct watch *watch);

/* Take the files as they are now for seen: only another change is stale. */
void watch_mark_seen(struct watch *watch);

/*
 * Warn once of each file that this process can't read (any more), so that a
 * reload would fail; to be asked after privileges were dropped.  path: the
 * configuration, which may be among the files too.  check_only: it is an error,
 * because systemd starts daemons without the privileges that were dropped.
 */
void watch_check_readable(const struct watch *watch, const char *path,
    bool check_only, struct report *report);

#endif

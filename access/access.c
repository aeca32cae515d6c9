/* SPDX-License-Identifier: ISC */
/*
 * Access files under writers that don't wait for us.
 *
 * What writers do, by strace on Debian 12 (sendmail 8.17, Postfix 3.7):
 *
 *	makemap hash, btree	flock(LOCK_EX) on the file, then truncate and
 *	postmap hash, btree	write it in place; the inode stays
 *	postmap lmdb		fcntl(F_WRLCK) on the file, F_RDLCK while it
 *				reads its input, then a commit in place, which
 *				readers of the commit before don't notice
 *	postmap cdb		another file (.tmp), then rename()
 *	editors, mv, cp		rename(), or truncate and write without a lock
 *
 * So we hold a shared flock() and a shared fcntl() lock, never waiting for
 * either, while the file is copied into memory, which takes milliseconds:
 * writers wait that long.  Nothing was changed meanwhile if the path's mark is
 * that of the file at the beginning; else it is read again.  Who doesn't lock
 * may still be caught halfway, so a damaged file that was written to a moment
 * ago counts as being written.
 */
#define _GNU_SOURCE /* F_OFD_SETLK */
#include "access/map_name.h"
#include "access/readers.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifndef F_OFD_SETLK
#define F_OFD_SETLK F_SETLK
#endif

#define WAIT_MS  5000 /* for a writer, in all */
#define PAUSE_MS 20
#define TRIES    3 /* at a file that changes while it is read */

static const char is_locked[] =
    "is locked by a writer, makemap or postmap, that doesn't end";
static const char is_changing[] = "is changed all the time";

/* --- time --- */

/* Milliseconds since then; negative: it is to come. */
static int64_t
age_ms(struct timespec then)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return ((int64_t)now.tv_sec - then.tv_sec) * 1000 +
	    (now.tv_nsec - then.tv_nsec) / 1000000;
}

/*
 * Whether another change now could leave the same mark.  Kernels stamp files
 * with the time of their last tick, at most 10 ms ago; some file systems know
 * seconds only.
 */
static bool
is_young(const struct file_mark *mark)
{
	return age_ms(mark->changed) < (mark->changed.tv_nsec != 0 ? 20 : 2000);
}

/* Whether somebody may be about to write more. */
static bool
is_being_written(const struct file_mark *mark)
{
	int64_t age = age_ms(mark->modified);

	return age >= 0 && age < 1000;
}

/* --- opening --- */

/* What to do about a file that this user may not read. */
static void
advise(const char *path, char *out, size_t size)
{
	char user_room[1024], group_room[1024];
	struct passwd pw, *user = NULL;
	struct group gr, *group = NULL;
	struct stat st;

	getpwuid_r(geteuid(), &pw, user_room, sizeof(user_room), &user);
	const char *who = user != NULL ? user->pw_name : "this user";
	if (stat(path, &st) < 0) {
		snprintf(out, size, "a directory above is closed to %s", who);
		return;
	}
	getgrgid_r(st.st_gid, &gr, group_room, sizeof(group_room), &group);
	/* Nobody should become a member of root. */
	if (group != NULL && st.st_gid != 0 && (st.st_mode & S_IRGRP) != 0)
		snprintf(out, size,
		    "only its owner and the group %s may read it: add the user "
		    "%s to that group (usermod -aG %s %s) and start again",
		    gr.gr_name, who, gr.gr_name, who);
	else
		snprintf(out, size,
		    "mode %04o: give it to a group of %s, and mode 0640",
		    (unsigned)st.st_mode & 07777, who);
}

static void
report_forbidden(const char *path, struct report *report)
{
	char advice[512];

	advise(path, advice, sizeof(advice));
	report_error(report, path, 0, NULL, "cannot open: %s", advice);
}

bool
access_is_settled(const struct access *access)
{
	struct file_mark now = file_mark(access->path);

	return !now.exists || !is_being_written(&now);
}

void
access_check_readable(const struct access *a, bool strict, struct report *r)
{
	char advice[512];

	if (access(a->path, R_OK) == 0)
		return;
	advise(a->path, advice, sizeof(advice));
	(strict ? report_error : report_warning)(r, a->path, 0, NULL,
	    strict ? "cannot open: %s" : "its changes will not be seen: %s",
	    advice);
}

static int
open_file(const struct access_name *name, struct report *report)
{
	/* O_NONBLOCK: a FIFO in the file's place must not hang us. */
	int fd = open(name->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0)
		return fd;
	if (errno == EACCES)
		report_forbidden(name->path, report);
	else
		report_error(report, name->path, 0, NULL, "cannot open: %s",
		    strerror(errno));
	return -1;
}

/*
 * Take shared locks against all writers.  False: one of them is at work.  Where
 * locks don't work at all, the marks have to do.
 */
static bool
lock(int fd)
{
	struct flock all = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

	if (flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return false;
	/* It is the descriptor's: another thread's close() can't drop it. */
	return fcntl(fd, F_OFD_SETLK, &all) == 0 ||
	    (errno != EAGAIN && errno != EACCES);
}

/* --- reading --- */

struct contents {
	char *data;
	size_t len;
	struct file_mark mark;
	bool is_young;
};

static bool
is_readable(const char *path, const struct stat *st, struct report *report)
{
	if (!S_ISREG(st->st_mode)) {
		report_error(report, path, 0, NULL, "is no regular file");
		return false;
	}
	if (st->st_size > ACCESS_SIZE_MAX) {
		report_error(report, path, 0, NULL, "is larger than 1 GiB");
		return false;
	}
	return true;
}

/* Read size octets, or up to the end of the file. */
static bool
read_octets(int fd, size_t size, struct contents *out)
{
	while (out->len < size) {
		ssize_t n = read(fd, out->data + out->len, size - out->len);

		if (n == 0)
			break;
		if (n > 0)
			out->len += (size_t)n;
		else if (errno != EINTR)
			return false;
	}
	return true;
}

static enum access_status
read_locked(int fd, const char *path, struct contents *out, const char **why,
    struct report *report)
{
	struct file_mark after;
	struct stat st;

	if (!lock(fd)) {
		*why = is_locked;
		return ACCESS_BUSY;
	}
	if (fstat(fd, &st) < 0) {
		report_error(report, path, 0, NULL, "%s", strerror(errno));
		return ACCESS_FAILED;
	}
	if (!is_readable(path, &st, report))
		return ACCESS_FAILED;
	out->mark = file_mark_of(&st);
	out->is_young = is_young(&out->mark);
	out->data = malloc((size_t)st.st_size + 1);
	if (out->data == NULL || !read_octets(fd, (size_t)st.st_size, out)) {
		report_error(
		    report, path, 0, NULL, "cannot read: %s", strerror(errno));
		return ACCESS_FAILED;
	}
	after = file_mark(path);
	if (file_mark_eq(&out->mark, &after))
		return ACCESS_OK;
	*why = is_changing;
	return ACCESS_BUSY;
}

/* Read the file as a whole; with ACCESS_OK only, out->data is the caller's. */
static enum access_status
read_file(const struct access_name *name, struct contents *out,
    const char **why, struct report *report)
{
	enum access_status status = ACCESS_BUSY;

	for (int i = 0; i < TRIES; i++) {
		int fd = open_file(name, report);

		if (fd < 0)
			return ACCESS_FAILED;
		*out = (struct contents){.data = NULL};
		*why = NULL;
		status = read_locked(fd, name->path, out, why, report);
		close(fd);
		if (status == ACCESS_OK)
			return ACCESS_OK;
		free(out->data);
		if (*why != is_changing)
			break;
	}
	return status;
}

/* --- loading --- */

/* Who is told of what, and why it doesn't work. */
struct loading {
	struct report *report;
	struct report *findings; /* NULL: an error in text fails the file */
	const char *why;         /* it is busy, or no good */
};

/*
 * Give whole pages of what was read, which is memory of our own, back to the
 * system; the rest is freed at the end.
 */
static void
discard(struct mf_text part)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	uintptr_t from = ((uintptr_t)part.p + page - 1) / page * page;
	uintptr_t to = ((uintptr_t)part.p + part.len) / page * page;

	if (from < to)
		madvise((void *)from, to - from, MADV_DONTNEED);
}

static bool
finish(struct access_table *table, struct loading *l)
{
	if (access_table_finish(table))
		return true;
	l->why = ACCESS_NO_MEMORY;
	return false;
}

static bool
parse_text(const char *path, enum access_type type, struct mf_text bytes,
    struct access_table *table, struct loading *l)
{
	bool ok;

	if (access_is_berkeley_(bytes) || access_is_lmdb_(bytes)) {
		l->why = "is a database, no text";
		return false;
	}
	ok = access_read_text_(path, bytes, type, table, discard,
	    l->findings != NULL ? l->findings : l->report);
	if (!finish(table, l))
		return false;
	if (l->findings != NULL)
		return true;
	return ok && access_check_text_(path, type, table, l->report);
}

/* Fill table; false: reported, or l->why is wrong with the file. */
static bool
parse(const char *path, enum access_type type, struct mf_text bytes,
    struct access_table *table, struct loading *l)
{
	switch (type) {
	case ACCESS_TEXT:
	case ACCESS_TEXTHASH:
		return parse_text(path, type, bytes, table, l);
	case ACCESS_BERKELEY:
		l->why = access_read_berkeley_(bytes, table);
		break;
	case ACCESS_LMDB:
		l->why = access_read_lmdb_(bytes, table);
		break;
	case ACCESS_CDB:
		l->why = access_read_cdb_(bytes, table);
		break;
	}
	return l->why == NULL && finish(table, l);
}

/* The same into *out, the caller's with ACCESS_OK only. */
static enum access_status
load(struct access_name *name, struct access *out, struct loading *l)
{
	struct contents contents;
	enum access_status status =
	    read_file(name, &contents, &l->why, l->report);
	struct mf_text bytes;
	bool ok;

	if (status != ACCESS_OK)
		return status;
	bytes = mf_text_at(contents.data, contents.len);
	out->type =
	    name->is_bare ? access_sniff_(name->path, bytes) : name->type;
	out->mark = contents.mark;
	out->is_young = contents.is_young;
	out->is_cut = bytes.len != 0 && bytes.p[bytes.len - 1] != '\n' &&
	    (out->type == ACCESS_TEXT || out->type == ACCESS_TEXTHASH);
	ok = parse(name->path, out->type, bytes, out->table, l);
	free(contents.data);
	if (ok)
		return ACCESS_OK;
	if (l->why != NULL && is_being_written(&out->mark))
		return ACCESS_BUSY;
	if (l->why != NULL)
		report_error(l->report, name->path, 0, NULL, "%s", l->why);
	return ACCESS_FAILED;
}

static enum access_status
attempt(struct access_name *name, struct access **out, struct loading *l)
{
	struct access *map = calloc(1, sizeof(*map));
	enum access_status status = ACCESS_FAILED;

	if (map != NULL)
		map->table = access_table_new();
	if (map == NULL || map->table == NULL)
		report_error(
		    l->report, name->path, 0, NULL, "%s", ACCESS_NO_MEMORY);
	else
		status = load(name, map, l);
	if (status != ACCESS_OK) {
		access_free(map);
		return status;
	}
	map->path = name->path;
	name->path = NULL;
	*out = map;
	return ACCESS_OK;
}

static enum access_status
load_named(
    struct mf_text text, bool wait, struct access **out, struct loading *l)
{
	static const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};
	struct access_name name;
	enum access_status status;

	*out = NULL;
	if (!access_name_(text, &name, l->report))
		return ACCESS_FAILED;
	for (unsigned waited_ms = 0;; waited_ms += PAUSE_MS) {
		status = attempt(&name, out, l);
		if (status != ACCESS_BUSY || !wait)
			break;
		if (waited_ms >= WAIT_MS) {
			report_error(l->report, name.path, 0, NULL,
			    "%s; \"fuser -v %s\" tells who has it open", l->why,
			    name.path);
			status = ACCESS_FAILED;
			break;
		}
		nanosleep(&pause, NULL);
	}
	free(name.path);
	return status;
}

enum access_status
access_load(
    struct mf_text text, bool wait, struct access **out, struct report *report)
{
	struct loading loading = {.report = report};

	return load_named(text, wait, out, &loading);
}

enum access_status
access_examine(struct mf_text text, struct access **out, struct report *report,
    struct report *findings)
{
	struct loading loading = {.report = report, .findings = findings};

	return load_named(text, true, out, &loading);
}

void
access_free(struct access *access)
{
	if (access == NULL)
		return;
	access_table_free(access->table);
	free(access->path);
	free(access);
}

bool
access_is_stale(const struct access *access)
{
	struct file_mark now = file_mark(access->path);

	if (!file_mark_eq(&access->mark, &now))
		return true;
	/* What came right behind the change that was read looks like it. */
	return access->is_young && !is_young(&now);
}

/* False: nothing is wrong with it. */
static bool
warn_of(const struct access *access, const struct access_entry *e,
    struct report *report)
{
	struct mf_text key = access_entry_key(e);
	const char *problem;
	struct action action;

	/* FRIEND and HATER, and whatever else sendmail makes of it. */
	if (text_starts(key, MF_TEXT("spam")))
		return false;
	problem = access_key_is_mistyped(key)
	    ? "is never looked up: there is no such tag"
	    : action_problem(
		  access_entry_action(e, &action), access_entry_value(e));
	if (problem == NULL)
		return false;
	report_warning(report, access->path, access_entry_line(e), NULL,
	    "%.*s: %s", (int)text_head(key, 256).len, key.p, problem);
	return true;
}

void
access_warn(const struct access *access, struct report *report)
{
	size_t count = access_table_count(access->table);
	unsigned found = 0;

	for (size_t n = 0; n < count && found < ACCESS_FINDINGS_MAX; n++)
		found +=
		    warn_of(access, access_table_at(access->table, n), report);
	if (found == ACCESS_FINDINGS_MAX)
		report_warning(report, access->path, 0, NULL,
		    "may have more such entries: spfpolicy --lint finds them");
}

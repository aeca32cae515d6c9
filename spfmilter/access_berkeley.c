/* SPDX-License-Identifier: ISC */
/*
 * Berkeley DB, hash or btree, through libdb.
 *
 * libdb trusts what it reads: it took 247 of 500 truncated hash files for whole
 * ones that end early, and crashed on 2 of 500 altered ones.  Its verifier found
 * these, and survived 12,000 more, so every file passes it first; but without the
 * check of the keys' order, in which it prints keys as if a NUL ended them.
 *
 * libdb reads files only, by name, and could meet another file there or one that
 * changes.  So it gets a copy in memory.
 */
#define _GNU_SOURCE /* memfd_create, mkostemp */
#include <db.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "spfmilter/access_.h"

struct copy {
	int fd;
	bool is_named; /* to be removed */
	char path[64];
};

/* An empty file without a name, or failing that, one with a name. */
static bool
copy_open(struct copy *copy)
{
	copy->is_named = false;
#ifdef MFD_CLOEXEC
	copy->fd = memfd_create("access", MFD_CLOEXEC);
	snprintf(copy->path, sizeof(copy->path), "/proc/self/fd/%d", copy->fd);
	if (copy->fd >= 0 && access(copy->path, R_OK) == 0)
		return true;
	if (copy->fd >= 0)
		close(copy->fd); /* no /proc here */
#endif
	snprintf(
	    copy->path, sizeof(copy->path), "%s", P_tmpdir "/mailfrom.XXXXXX");
	copy->fd = mkostemp(copy->path, O_CLOEXEC);
	copy->is_named = copy->fd >= 0;
	return copy->fd >= 0;
}

static void
copy_close(struct copy *copy)
{
	close(copy->fd);
	if (copy->is_named)
		unlink(copy->path);
}

static bool
copy_fill(struct copy *copy, struct text bytes)
{
	while (bytes.len != 0) {
		ssize_t n = write(copy->fd, bytes.p, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		bytes = text_from(bytes, (size_t)n);
	}
	return true;
}

/* --- libdb --- */

static void
ignore_error(const DB_ENV *env, const char *prefix, const char *text)
{
	(void)env;
	(void)prefix;
	(void)text;
}

/* The verifier shows pages that it finds wrong, on stdout if not here. */
static void
ignore_message(const DB_ENV *env, const char *text)
{
	(void)env;
	(void)text;
}

/* A handle that says nothing; NULL: out of memory. */
static DB *
new_handle(size_t file_size)
{
	/* All of it and the verifier's notes: or they go to files in /var/tmp,
	 * where a daemon may not write. */
	size_t cache = file_size * 2 + (size_t)4 * 1024 * 1024;
	DB *db;

	if (db_create(&db, NULL, 0) != 0)
		return NULL;
	db->set_errcall(db, ignore_error);
	db->set_msgcall(db, ignore_message);
	if (db->set_cachesize(db, (u_int32_t)(cache >> 30),
		(u_int32_t)(cache & ((1U << 30) - 1)), 1) != 0) {
		db->close(db, 0);
		return NULL;
	}
	return db;
}

static const char *
problem_of(int error)
{
	switch (error) {
	case 0:
		return NULL;
	case ENOMEM:
		return access_no_memory_;
	case DB_OLD_VERSION:
		return "is of another version of Berkeley DB: write it anew, "
		       "with makemap or postmap";
	default:
		return access_damaged_;
	}
}

static const char *
verify(const char *path, size_t size)
{
	DB *db = new_handle(size);

	if (db == NULL)
		return access_no_memory_;
	/* The handle is gone then, whatever comes out. */
	return problem_of(db->verify(db, path, NULL, NULL, DB_NOORDERCHK));
}

static const char *
add_all(DB *db, struct table *table)
{
	const char *problem = NULL;
	DBC *cursor;
	DBT key = {.data = NULL}, value = {.data = NULL};
	int error = db->cursor(db, NULL, &cursor, 0);

	if (error != 0)
		return problem_of(error);
	while (problem == NULL &&
	    (error = cursor->get(cursor, &key, &value, DB_NEXT)) == 0)
		if (!table_add(table, text_at(key.data, key.size),
			text_at(value.data, value.size), 0))
			problem = access_no_memory_;
	cursor->close(cursor);
	return problem != NULL     ? problem
	    : error == DB_NOTFOUND ? NULL
				   : problem_of(error);
}

static const char *
read_file(const char *path, size_t size, struct table *table)
{
	DB *db = new_handle(size);
	const char *problem;
	int error;

	if (db == NULL)
		return access_no_memory_;
	error = db->open(
	    db, NULL, path, NULL, DB_UNKNOWN, DB_RDONLY | DB_NOMMAP, 0);
	problem = error != 0 ? problem_of(error) : add_all(db, table);
	db->close(db, 0);
	return problem;
}

const char *
access_read_berkeley_(struct text bytes, struct table *table)
{
	const char *problem =
	    "cannot be copied: no room in memory or " P_tmpdir;
	struct copy copy;

	if (!access_is_berkeley_(bytes))
		return "is no Berkeley DB hash or btree: \"makemap hash FILE.db "
		       "<FILE\" makes one of a text";
	if (!copy_open(&copy))
		return problem;
	if (copy_fill(&copy, bytes)) {
		problem = verify(copy.path, bytes.len);
		if (problem == NULL)
			problem = read_file(copy.path, bytes.len, table);
	}
	copy_close(&copy);
	return problem;
}

/* SPDX-License-Identifier: ISC */
/*
 * A small file as a whole, and whether it has changed since.
 */
#ifndef MAILFROM_COMMON_FILE_H
#define MAILFROM_COMMON_FILE_H

#include <sys/stat.h>

#include "common/text.h"

/* Configuration, secrets, lists: nobody's is larger, octets. */
#define FILE_MAX (16 * 1024 * 1024)

/* Where contents go that not every memory is fit for. */
struct file_memory {
	size_t max; /* octets that a file may have */
	void *(*alloc)(size_t size);
	void (*wipe_and_free)(void *p, size_t size); /* p may be NULL */
};

struct file {
	char *data; /* NUL-terminated besides */
	size_t len;
	size_t size; /* of the memory at data */
	const struct file_memory *memory;
	struct stat stat; /* of what was read */
};

/*
 * Read a regular file of at most FILE_MAX octets.  0, or an errno (EFBIG: too
 * large, EISDIR, EINVAL: not a regular file).  The contents are the caller's,
 * for file_free().
 */
int file_read(const char *path, struct file *out);

/* The same, into that memory, which must outlive *out. */
int file_read_into(
    const struct file_memory *memory, const char *path, struct file *out);

/* Wipe (a secret may have been in it) and free; may be called twice. */
void file_free(struct file *file);

/* The state of a file, to be compared later. */
struct file_mark {
	bool exists;
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified, changed;
};

struct file_mark file_mark(const char *path);
struct file_mark file_mark_of(const struct stat *st);
bool file_mark_eq(const struct file_mark *a, const struct file_mark *b);

#endif

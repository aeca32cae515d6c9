/* SPDX-License-Identifier: ISC */
#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void
wipe_and_free(void *p, size_t size)
{
	if (p != NULL)
		explicit_bzero(p, size);
	free(p);
}

static const struct file_memory heap = {
    .max = FILE_MAX, .alloc = malloc, .wipe_and_free = wipe_and_free};

static int
read_all(int fd, struct file *out)
{
	size_t size;

	if (fstat(fd, &out->stat) < 0)
		return errno;
	if (!S_ISREG(out->stat.st_mode))
		return S_ISDIR(out->stat.st_mode) ? EISDIR : EINVAL;
	if (out->stat.st_size > (off_t)out->memory->max)
		return EFBIG;
	size = (size_t)out->stat.st_size;
	out->data = out->memory->alloc(size + 1);
	if (out->data == NULL)
		return ENOMEM;
	out->size = size + 1;
	while (out->len < size) {
		ssize_t n = read(fd, out->data + out->len, size - out->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (n == 0)
			break;
		out->len += (size_t)n;
	}
	out->data[out->len] = '\0';
	return 0;
}

int
file_read_into(
    const struct file_memory *memory, const char *path, struct file *out)
{
	/* O_NONBLOCK: a FIFO in the file's place must not hang us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int error;

	*out = (struct file){.memory = memory};
	if (fd < 0)
		return errno;
	error = read_all(fd, out);
	close(fd);
	if (error != 0)
		file_free(out);
	return error;
}

int
file_read(const char *path, struct file *out)
{
	return file_read_into(&heap, path, out);
}

void
file_free(struct file *file)
{
	if (file->memory != NULL)
		file->memory->wipe_and_free(file->data, file->size);
	file->data = NULL;
	file->len = file->size = 0;
}

struct file_mark
file_mark_of(const struct stat *st)
{
	return (struct file_mark){.exists = true,
	    .device = st->st_dev,
	    .inode = st->st_ino,
	    .size = st->st_size,
	    .modified = st->st_mtim,
	    .changed = st->st_ctim};
}

struct file_mark
file_mark(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return (struct file_mark){.exists = false};
	return file_mark_of(&st);
}

static bool
time_eq(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool
file_mark_eq(const struct file_mark *a, const struct file_mark *b)
{
	return a->exists == b->exists && a->device == b->device &&
	    a->inode == b->inode && a->size == b->size &&
	    time_eq(a->modified, b->modified) &&
	    time_eq(a->changed, b->changed);
}

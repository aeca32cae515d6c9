/* SPDX-License-Identifier: ISC */
#include "common/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/array.h"

static bool
add(struct watch *w, const char *path, struct file_mark mark)
{
	struct watch_file *more =
	    array_grow(w->files, w->count, &w->room, sizeof(*more));

	if (more == NULL)
		return false;
	w->files = more;
	w->files[w->count++] = (struct watch_file){path, mark};
	return true;
}

bool
watch_add(struct watch *w, struct mf_text path)
{
	return path.len == 0 || add(w, path.p, file_mark(path.p));
}

bool
watch_add_read(struct watch *w, const char *path, const struct file *file)
{
	return add(w, path, file_mark_of(&file->stat));
}

bool
watch_add_lists(struct watch *w, const struct conf *conf)
{
	const struct conf_file *file;

	for (size_t i = 0; (file = conf_file(conf, i)) != NULL; i++)
		if (!add(w, file->path, file->mark))
			return false;
	return true;
}

void
watch_free(struct watch *w)
{
	free(w->files);
	*w = (struct watch){.files = NULL};
}

bool
watch_is_stale(const struct watch *w)
{
	for (size_t i = 0; i < w->count; i++) {
		struct file_mark now = file_mark(w->files[i].path);

		if (!file_mark_eq(&now, &w->files[i].mark))
			return true;
	}
	return false;
}

void
watch_mark_seen(struct watch *w)
{
	for (size_t i = 0; i < w->count; i++)
		w->files[i].mark = file_mark(w->files[i].path);
}

static void
check(const char *path, bool check_only, struct report *report)
{
	if (access(path, R_OK) == 0)
		return;
	if (check_only)
		report_error(report, path, 0, NULL,
		    "not readable by the user that the daemon runs as: %s",
		    strerror(errno));
	else
		report_warning(report, path, 0, NULL,
		    "not readable by this user; a reload will fail: %s",
		    strerror(errno));
}

/* Whether it is path, or one of the first count files. */
static bool
is_among(
    const char *file, const struct watch *w, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(w->files[i].path, file) == 0)
			return true;
	return strcmp(path, file) == 0;
}

void
watch_check_readable(const struct watch *w, const char *path, bool check_only,
    struct report *report)
{
	check(path, check_only, report);
	for (size_t i = 0; i < w->count; i++)
		if (!is_among(w->files[i].path, w, i, path))
			check(w->files[i].path, check_only, report);
}

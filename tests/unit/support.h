/* SPDX-License-Identifier: ISC */
/*
 * What the unit tests share: a report that remembers what it was told, and
 * files in a directory that goes away with the test.
 *
 * In texts of the tests "DIR" stands for that directory, both ways.
 */
#ifndef MAILFROM_TESTS_UNIT_SUPPORT_H
#define MAILFROM_TESTS_UNIT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/report.h"
#include "common/text.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BYTES(string)                      \
	{                                  \
		string, sizeof(string) - 1 \
	}

#define NOW UINT64_C(1700000000) /* day 19675, stamp G3 */
#define DAY UINT64_C(86400)

static char scratch_dir[64];

/* --- scratch files --- */

static inline int
scratch_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(scratch_dir, sizeof(scratch_dir), "%.40s/mailfrom.XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	return mkdtemp(scratch_dir) != NULL ? 0 : -1;
}

static inline int
scratch_teardown(void **state)
{
	DIR *dir = opendir(scratch_dir);
	struct dirent *entry;

	(void)state;
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	return rmdir(scratch_dir);
}

/* Copy text to out with every `from` replaced by `to`. */
static inline void
replace(
    const char *text, const char *from, const char *to, char *out, size_t size)
{
	struct text_out o = text_out(out, size - 1);
	size_t len = strlen(from);

	while (*text != '\0') {
		if (len != 0 && strncmp(text, from, len) == 0) {
			out_str(&o, to);
			text += len;
		} else
			out_char(&o, *text++);
	}
	assert_false(o.full);
	out[o.len] = '\0';
}

/* The path of a scratch file, valid until the next call. */
static inline const char *
scratch(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", scratch_dir, name);
	return path;
}

static inline const char *
scratch_write(const char *name, struct mf_text bytes, mode_t mode)
{
	const char *path = scratch(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.p, bytes.len), bytes.len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

/* --- a report that remembers --- */

struct heard {
	size_t len;
	char text[16384];
};

static inline void
hear(void *arg, bool is_error, const char *line)
{
	struct heard *h = arg;
	char mended[4096];

	replace(line, scratch_dir, "DIR", mended, sizeof(mended));
	int len = snprintf(h->text + h->len, sizeof(h->text) - h->len,
	    "%s: %s\n", is_error ? "error" : "warning", mended);
	assert_true(len > 0 && (size_t)len < sizeof(h->text) - h->len);
	h->len += (size_t)len;
}

static inline struct report
report_to(struct heard *h)
{
	h->len = 0;
	h->text[0] = '\0';
	return (struct report){.say = hear, .arg = h};
}

/* --- saying which row failed --- */

static inline void
expect_str(
    const char *row, const char *what, const char *have, const char *want)
{
	if (strcmp(have, want) != 0)
		fail_msg(
		    "%s: %s\nhave \"%s\"\nwant \"%s\"", row, what, have, want);
}

static inline void
expect_text(
    const char *row, const char *what, struct mf_text have, struct mf_text want)
{
	if (!mf_text_eq(have, want))
		fail_msg("%s: %s\nhave \"%.*s\"\nwant \"%.*s\"", row, what,
		    (int)have.len, have.p, (int)want.len, want.p);
}

static inline void
expect_int(const char *row, const char *what, long long have, long long want)
{
	if (have != want)
		fail_msg("%s: %s: have %lld, want %lld", row, what, have, want);
}

/* xorshift64*: the same numbers in every run. */
static inline uint64_t
random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * UINT64_C(0x2545f4914f6cdd1d);
}

#endif

/* SPDX-License-Identifier: ISC */
/*
 * common/file.h: what is read, what is refused, and that changes are seen; and
 * common/watch.h: which files a reload would miss.
 */
#include "tests/unit/support.h"

#include <errno.h>

#include "common/file.h"
#include "common/watch.h"

static void
reads_all_of_it(void **state)
{
	static const struct mf_text contents[] = {
	    BYTES(""), BYTES("x"), BYTES("a\0b\n"), BYTES("one\ntwo\n")};
	struct file file;

	(void)state;
	for (size_t i = 0; i < COUNT(contents); i++) {
		const char *path = scratch_write("f", contents[i], 0640);

		assert_int_equal(file_read(path, &file), 0);
		expect_text("file", "contents", mf_text_at(file.data, file.len),
		    contents[i]);
		assert_int_equal(file.data[file.len], '\0');
		assert_int_equal(file.stat.st_mode & 0777, 0640);
		file_free(&file);
		assert_null(file.data);
		assert_int_equal(file.len, 0);
		file_free(&file);
	}
}

static void
refuses_what_is_no_file(void **state)
{
	struct file file;
	const char *path;

	(void)state;
	assert_int_equal(file_read(scratch("none"), &file), ENOENT);
	assert_null(file.data);
	assert_int_equal(file_read(scratch_dir, &file), EISDIR);
	assert_int_equal(file_read("/dev/null", &file), EINVAL);
	/* Nobody writes to it: a read would wait for ever. */
	assert_int_equal(mkfifo(scratch("fifo"), 0600), 0);
	assert_int_equal(file_read(scratch("fifo"), &file), EINVAL);
	path = scratch_write("large", MF_TEXT(""), 0600);
	assert_int_equal(truncate(path, FILE_MAX + 1), 0);
	assert_int_equal(file_read(path, &file), EFBIG);
	assert_null(file.data);
	assert_int_equal(truncate(path, FILE_MAX), 0);
	assert_int_equal(file_read(path, &file), 0);
	assert_int_equal(file.len, FILE_MAX);
	file_free(&file);
	assert_int_equal(truncate(path, 0), 0);
}

/* --- marks --- */

static void
set_modified(const char *path, time_t when)
{
	struct timespec times[2] = {{.tv_sec = when}, {.tv_sec = when}};

	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void
expect_changed(const char *what, const struct file_mark *before, bool changed)
{
	struct file_mark after = file_mark(scratch("m"));

	expect_int(what, "changed", !file_mark_eq(before, &after), changed);
	expect_int(what, "changed, the other way",
	    !file_mark_eq(&after, before), changed);
}

static void
marks_see_changes(void **state)
{
	struct file_mark mark;
	char other[128];

	(void)state;
	scratch_write("m", MF_TEXT("12345"), 0600);
	mark = file_mark(scratch("m"));
	assert_true(mark.exists);
	expect_changed("nothing", &mark, false);

	scratch_write("m", MF_TEXT("123456"), 0600);
	expect_changed("another size", &mark, true);

	set_modified(scratch("m"), 1000);
	mark = file_mark(scratch("m"));
	scratch_write("m", MF_TEXT("abcdef"), 0600);
	expect_changed("same size, other contents", &mark, true);

	set_modified(scratch("m"), 1000);
	mark = file_mark(scratch("m"));
	set_modified(scratch("m"), 1001);
	expect_changed("touched", &mark, true);

	/* As editors and configuration tools replace a file. */
	mark = file_mark(scratch("m"));
	snprintf(other, sizeof(other), "%s",
	    scratch_write("m.new", MF_TEXT("abcdef"), 0600));
	set_modified(other, 1001);
	assert_int_equal(rename(other, scratch("m")), 0);
	expect_changed("replaced", &mark, true);
}

static void
marks_of_no_file(void **state)
{
	struct file_mark none, again, mark;

	(void)state;
	scratch_write("m", MF_TEXT("1"), 0600);
	mark = file_mark(scratch("m"));
	unlink(scratch("m"));
	expect_changed("removed", &mark, true);
	none = file_mark(scratch("m"));
	again = file_mark(scratch("m"));
	assert_false(none.exists);
	assert_true(file_mark_eq(&none, &again));
	scratch_write("m", MF_TEXT(""), 0600);
	expect_changed("made", &none, true);
}

/* A legacy configuration is watched, and several keys can name one list. */
static void
warns_once_of_each(void **state)
{
	struct watch watch = {.files = NULL};
	struct heard heard;
	struct report report = report_to(&heard);

	(void)state;
	assert_true(watch_add(&watch, MF_TEXT("/nonexistent/c")));
	assert_true(watch_add(&watch, MF_TEXT("/nonexistent/list")));
	assert_true(watch_add(&watch, MF_TEXT("/nonexistent/list")));
	watch_check_readable(&watch, "/nonexistent/c", false, &report);
	assert_string_equal(heard.text,
	    "warning: /nonexistent/c: not readable by this user; a reload will fail: No such file or directory\n"
	    "warning: /nonexistent/list: not readable by this user; a reload will fail: No such file or directory\n");
	report = report_to(&heard);
	watch_check_readable(&watch, "/nonexistent/c", true, &report);
	assert_int_equal(report.errors, 2);
	watch_free(&watch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads_all_of_it),
	    cmocka_unit_test(refuses_what_is_no_file),
	    cmocka_unit_test(marks_see_changes),
	    cmocka_unit_test(marks_of_no_file),
	    cmocka_unit_test(warns_once_of_each),
	};

	return cmocka_run_group_tests_name(
	    "file", tests, scratch_setup, scratch_teardown);
}

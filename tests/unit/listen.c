/* SPDX-License-Identifier: ISC */
/*
 * common/listen.h and background.h: what root opens in a directory that
 * somebody else may write to, such as /run/mailfrom, which is the user's that
 * the daemon becomes.
 */
#include "tests/unit/support.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "common/background.h"
#include "common/listen.h"

/* --- sockets --- */

static struct listen_options
options(mode_t mode)
{
	/* Root gives files to others. */
	uid_t other = geteuid() == 0 ? 65534 : geteuid();

	return (struct listen_options){
	    .mode = mode, .uid = other, .gid = (gid_t)-1};
}

static int
open_socket(const char *path, mode_t mode, struct heard *heard)
{
	struct sockaddr_spec spec = {.family = SOCKADDR_UNIX};
	struct report report = report_to(heard);
	struct listen_options how = options(mode);

	snprintf(spec.path, sizeof(spec.path), "%s", path);
	return listen_open(&spec, &how, "socket", &report);
}

/* Set: whoever may write to the directory is quick. */
static const char *victim;

int __real_bind(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len);

int
__wrap_bind(int fd, const struct sockaddr *address, socklen_t len)
{
	const struct sockaddr_un *to = (const struct sockaddr_un *)address;
	int rc = __real_bind(fd, address, len);

	if (rc == 0 && victim != NULL) {
		assert_int_equal(unlink(to->sun_path), 0);
		assert_int_equal(symlink(victim, to->sun_path), 0);
	}
	return rc;
}

static void
modes_and_owners(void **state)
{
	static const mode_t modes[] = {0600, 0620, 0660, 0666, 0};
	struct listen_options expect = options(0);
	struct heard heard;
	struct stat st;

	(void)state;
	for (size_t i = 0; i < COUNT(modes); i++) {
		mode_t mask = umask(0027);
		int fd = open_socket(scratch("sock"), modes[i], &heard);

		assert_int_equal(umask(mask), 0027);
		assert_true(fd >= 0);
		assert_int_equal(lstat(scratch("sock"), &st), 0);
		assert_true(S_ISSOCK(st.st_mode));
		assert_int_equal(st.st_mode & 07777, modes[i]);
		assert_int_equal(st.st_uid, expect.uid);
		close(fd);
	}
}

static void
a_link_in_the_place_of_the_socket(void **state)
{
	struct stat before, after;
	struct heard heard;
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s",
	    scratch_write("victim", MF_TEXT("root's"), 0600));
	assert_int_equal(stat(path, &before), 0);
	victim = path;
	close(open_socket(scratch("taken"), 0666, &heard));
	victim = NULL;
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_uid, before.st_uid);
	assert_int_equal(after.st_mode, before.st_mode);
}

static void
what_is_no_socket_stays(void **state)
{
	struct heard heard;

	(void)state;
	scratch_write("file", MF_TEXT("x"), 0600);
	assert_int_equal(open_socket(scratch("file"), 0600, &heard), -1);
	assert_int_equal(access(scratch("file"), F_OK), 0);
	assert_int_equal(symlink("/nowhere", scratch("link")), 0);
	assert_int_equal(open_socket(scratch("link"), 0600, &heard), -1);
}

/* --- pid files --- */

static void
pid_files(void **state)
{
	char line[32] = "", pid[32], path[128];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s",
	    scratch_write("pid", MF_TEXT("123456789\nand more\n"), 0644));
	assert_true(pid_file_write(pid_file_open(path)));
	fd = open(path, O_RDONLY);
	assert_true(read(fd, line, sizeof(line) - 1) > 0);
	close(fd);
	snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	assert_string_equal(line, pid);
	assert_true(pid_file_write(pid_file_open(scratch("new"))));
	assert_true(pid_file_write(-1));
}

/* Root would write to another's file, or wait for ever. */
static void
what_is_no_pid_file(void **state)
{
	char victim_path[128];
	struct stat st;

	(void)state;
	snprintf(victim_path, sizeof(victim_path), "%s",
	    scratch_write("precious", MF_TEXT("precious"), 0600));
	assert_int_equal(symlink(victim_path, scratch("symlink")), 0);
	assert_int_equal(pid_file_open(scratch("symlink")), -1);
	assert_int_equal(link(victim_path, scratch("hardlink")), 0);
	assert_int_equal(pid_file_open(scratch("hardlink")), -1);
	assert_int_equal(mkfifo(scratch("pipe"), 0600), 0);
	assert_int_equal(pid_file_open(scratch("pipe")), -1);
	assert_int_equal(stat(victim_path, &st), 0);
	assert_int_equal(st.st_size, 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(modes_and_owners),
	    cmocka_unit_test(a_link_in_the_place_of_the_socket),
	    cmocka_unit_test(what_is_no_socket_stays),
	    cmocka_unit_test(pid_files),
	    cmocka_unit_test(what_is_no_pid_file),
	};

	/* A pipe that is waited for ends the test. */
	alarm(60);
	return cmocka_run_group_tests_name(
	    "listen", tests, scratch_setup, scratch_teardown);
}

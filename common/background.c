/* SPDX-License-Identifier: ISC */
#define _GNU_SOURCE /* pipe2(), which POSIX has since 2024 */
#include "common/background.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/listen.h"

int
background_start(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		perror("cannot go into the background");
		exit(EXIT_FAILURE);
	}
	if (pid != 0) {
		close(ready[1]);
		if (read(ready[0], &byte, 1) == 1)
			_exit(EXIT_SUCCESS);
		/* Who is told of the failure may rely on its sockets' end. */
		waitpid(pid, NULL, 0);
		_exit(EXIT_FAILURE);
	}
	close(ready[0]);
	setsid();
	listen_inherited_by_child();
	return ready[1];
}

void
background_ready(int ready_fd, bool keeps_stderr)
{
	int null;

	if (ready_fd < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		if (!keeps_stderr)
			dup2(null, STDERR_FILENO);
	}
	(void)!write(ready_fd, "", 1);
	close(ready_fd);
}

/*
 * The directory may be another's.  What he has put there is not written to if
 * it is a link, and not waited for.
 */
static int
open_regular(const char *path, int flags)
{
	int fd = open(
	    path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0644);
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1)
		return fd;
	close(fd);
	errno = EEXIST;
	return -1;
}

int
pid_file_open(const char *path)
{
	int fd = open_regular(path, O_CREAT);

	if (fd < 0 || ftruncate(fd, 0) == 0)
		return fd;
	close(fd);
	errno = EEXIST;
	return -1;
}

bool
pid_file_check(const char *path)
{
	int fd = open_regular(path, 0);
	char *copy;
	bool ok;

	if (fd >= 0) {
		close(fd);
		return true;
	}
	if (errno != ENOENT || (copy = strdup(path)) == NULL)
		return false;
	ok = access(dirname(copy), W_OK | X_OK) == 0;
	int error = errno;
	free(copy);
	errno = error;
	return ok;
}

bool
pid_file_write(int fd)
{
	char line[32];
	int len = snprintf(line, sizeof(line), "%ld\n", (long)getpid());
	bool ok;

	if (fd < 0)
		return true;
	ok = write(fd, line, (size_t)len) == len;
	close(fd);
	return ok;
}

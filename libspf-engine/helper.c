/* SPDX-License-Identifier: ISC */
#include "libspf-engine/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

uint64_t
helper_now_ms_(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* --- messages --- */

enum spf_opinion
helper_send_(struct helper *h, const struct text_out *message)
{
	ssize_t sent;

	do
		sent = send(h->fd, message->p, message->len,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (sent == (ssize_t)message->len)
		return SPF_OPINION_GIVEN;
	/* It reads a message before it gets another. */
	return sent < 0 && (errno == EPIPE || errno == ECONNRESET)
	    ? SPF_OPINION_DIED
	    : SPF_OPINION_GARBLED;
}

static enum spf_opinion
wait_readable(const struct helper *h, uint64_t until_ms)
{
	struct pollfd ready = {.fd = h->fd, .events = POLLIN};

	for (;;) {
		uint64_t now = helper_now_ms_();
		int n =
		    poll(&ready, 1, until_ms > now ? (int)(until_ms - now) : 0);

		if (n > 0)
			return SPF_OPINION_GIVEN;
		if (n == 0)
			return SPF_OPINION_LATE;
		if (errno != EINTR)
			return SPF_OPINION_GARBLED;
	}
}

enum spf_opinion
helper_receive_(struct helper *h, uint64_t until_ms, struct mf_text *message)
{
	enum spf_opinion outcome = wait_readable(h, until_ms);
	ssize_t len;

	if (outcome != SPF_OPINION_GIVEN)
		return outcome;
	do
		len = recv(h->fd, h->message, sizeof(h->message), MSG_DONTWAIT);
	while (len < 0 && errno == EINTR);
	if (len <= 0)
		return len == 0 || errno == ECONNRESET ? SPF_OPINION_DIED
						       : SPF_OPINION_GARBLED;
	*message = mf_text_at(h->message, (size_t)len);
	return SPF_OPINION_GIVEN;
}

/* --- processes --- */

/* All signals as they were before anybody changed them, and none blocked. */
static bool
set_signals(posix_spawnattr_t *attr)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	sigdelset(&all, SIGKILL);
	sigdelset(&all, SIGSTOP);
	return posix_spawnattr_setsigmask(attr, &none) == 0 &&
	    posix_spawnattr_setsigdefault(attr, &all) == 0 &&
	    posix_spawnattr_setflags(
		attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) == 0;
}

/* The socket is its standard input; it has no other file but /dev/null. */
static bool
set_files(posix_spawn_file_actions_t *files, int fd)
{
	return posix_spawn_file_actions_adddup2(files, fd, STDIN_FILENO) == 0 &&
	    posix_spawn_file_actions_addopen(
		files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) == 0 &&
	    posix_spawn_file_actions_adddup2(
		files, STDOUT_FILENO, STDERR_FILENO) == 0;
}

/* Its environment could only hold secrets. */
static int
spawn(const char *path, int fd, pid_t *pid)
{
	char name[] = "spf-libspf2";
	char *argv[] = {name, NULL}, *env[] = {NULL};
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int error = ENOMEM;

	if (posix_spawn_file_actions_init(&files) != 0)
		return error;
	if (posix_spawnattr_init(&attr) == 0) {
		if (set_signals(&attr) && set_files(&files, fd))
			error =
			    posix_spawn(pid, path, &files, &attr, argv, env);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&files);
	return error;
}

int
helper_end_(struct helper *h)
{
	int status = 0;

	close(h->fd);
	kill(h->pid, SIGKILL);
	while (waitpid(h->pid, &status, 0) < 0 && errno == EINTR)
		;
	h->pid = 0;
	return status;
}

bool
helper_start_(struct helper *h, const char *path, unsigned timeout_ms)
{
	struct mf_text hello;
	int fds[2], error;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return false;
	error = spawn(path, fds[1], &h->pid);
	close(fds[1]);
	h->fd = fds[0];
	if (error != 0) {
		h->pid = 0;
		close(h->fd);
		errno = error;
		return false;
	}
	if (helper_receive_(h, helper_now_ms_() + timeout_ms, &hello) ==
		SPF_OPINION_GIVEN &&
	    wire_get_hello_(hello))
		return true;
	helper_end_(h);
	errno = 0;
	return false;
}

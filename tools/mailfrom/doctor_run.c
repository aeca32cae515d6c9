/* SPDX-License-Identifier: ISC */
#include "tools/mailfrom/doctor_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"

extern char **environ;

/* A pipe of which this process reads. */
struct stream {
	int fd; /* -1: at its end */
	char *p;
	size_t len, size;
};

/* Longer output than the buffer is read, so that the program can end. */
static void
take(struct arena *arena, struct stream *s)
{
	char room[4096];
	ssize_t n = read(s->fd, room, sizeof(room));

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		close(s->fd);
		s->fd = -1;
		return;
	}
	if (s->size - s->len < (size_t)n && s->size < DOCTOR_RUN_MAX) {
		char *more = arena_new(arena, s->size * 2 + sizeof(room));

		if (s->len != 0)
			memcpy(more, s->p, s->len);
		s->p = more;
		s->size = s->size * 2 + sizeof(room);
	}
	if (s->size - s->len < (size_t)n)
		n = (ssize_t)(s->size - s->len);
	memcpy(s->p + s->len, room, (size_t)n);
	s->len += (size_t)n;
}

static void
read_both(struct arena *arena, struct stream *s, pid_t pid, unsigned limit_sec)
{
	uint64_t end_ms = clock_ms() + limit_sec * UINT64_C(1000);

	while (s[0].fd >= 0 || s[1].fd >= 0) {
		struct pollfd fds[2] = {{.fd = s[0].fd, .events = POLLIN},
		    {.fd = s[1].fd, .events = POLLIN}};
		uint64_t now_ms = clock_ms();

		if (now_ms >= end_ms ||
		    (poll(fds, 2, (int)(end_ms - now_ms)) < 0 &&
			errno != EINTR)) {
			kill(pid, SIGKILL);
			break;
		}
		for (size_t i = 0; i < 2; i++)
			if (s[i].fd >= 0 && fds[i].revents != 0)
				take(arena, &s[i]);
	}
	for (size_t i = 0; i < 2; i++)
		if (s[i].fd >= 0)
			close(s[i].fd);
}

static int
start(char *const argv[], int out, int err, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	int error = posix_spawn_file_actions_init(&actions);

	if (error != 0)
		return error;
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, err, 2);
	error = posix_spawnp(pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return error;
}

static int
exit_status(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A pipe that programs don't inherit but as their output. */
static bool
open_pipe(int fds[static 2])
{
	if (pipe(fds) < 0)
		return false;
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	fcntl(fds[1], F_SETFD, FD_CLOEXEC);
	return true;
}

struct doctor_run
doctor_run(struct arena *arena, char *const argv[], unsigned limit_sec)
{
	struct doctor_run done = {.status = -1};
	struct stream s[2] = {{.fd = -1}, {.fd = -1}};
	int out[2], err[2];
	pid_t pid;

	if (!open_pipe(out))
		return done;
	if (!open_pipe(err)) {
		close(out[0]);
		close(out[1]);
		return done;
	}
	bool is_started = start(argv, out[1], err[1], &pid) == 0;
	close(out[1]);
	close(err[1]);
	s[0].fd = out[0];
	s[1].fd = err[0];
	if (is_started) {
		read_both(arena, s, pid, limit_sec);
		done.status = exit_status(pid);
	} else {
		close(out[0]);
		close(err[0]);
	}
	done.out = mf_text_at(s[0].p, s[0].len);
	done.err = mf_text_at(s[1].p, s[1].len);
	return done;
}

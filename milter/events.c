/* SPDX-License-Identifier: ISC */
/*
 * Signals reach the main thread through a pipe.  libmilter has a thread of its
 * own for them, which is kept from taking any: see sigwait() below.
 */
/* pipe2() is outside of POSIX, but everywhere. */
#define _GNU_SOURCE
#include "milter/events.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/daemon.h"

static int pipe_fds[2] = {-1, -1};

bool
events_open(void)
{
	return pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) == 0;
}

void
events_post(enum event event)
{
	char byte = (char)event;
	int saved = errno;

	(void)!write(pipe_fds[1], &byte, 1);
	errno = saved;
}

static void
on_signal(int number)
{
	events_post(number == SIGHUP ? EVENT_RELOAD : EVENT_END);
}

void
events_take_signals(void)
{
	static const int numbers[] = {SIGHUP, SIGTERM, SIGINT};
	struct sigaction action = {
	    .sa_handler = on_signal, .sa_flags = SA_RESTART};

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaction(numbers[i], &action, NULL);
	daemon_signals(SIG_UNBLOCK);
}

/*
 * libmilter has a thread that takes these signals by sigwait(), and stops the
 * filter at each of them, SIGHUP too; it can't be told not to.  The one
 * function of the C library that it needs for that is this one in a milter: it
 * waits, and never takes a signal from the main thread.  Nobody else here calls
 * sigwait().
 */
int
sigwait(const sigset_t *set, int *number)
{
	(void)set;
	(void)number;
	for (;;)
		pause();
}

enum event
events_wait(uint64_t until_ms)
{
	struct pollfd poll_fd = {.fd = pipe_fds[0], .events = POLLIN};
	uint64_t now = clock_ms();
	enum event event = EVENT_NONE;
	char bytes[256];
	ssize_t count;

	if (poll(&poll_fd, 1, now < until_ms ? (int)(until_ms - now) : 0) <= 0)
		return EVENT_NONE;
	count = read(pipe_fds[0], bytes, sizeof(bytes));
	for (ssize_t i = 0; i < count; i++)
		if (event == EVENT_NONE || bytes[i] != EVENT_RELOAD)
			event = (enum event)bytes[i];
	return event;
}

/* SPDX-License-Identifier: ISC */
#include "milter/run.h"

#include <errno.h>
#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/watch.h"
#include "milter/answer.h"
#include "milter/events.h"

/* Clients that may wait to be accepted; the system has a limit of its own. */
#define BACKLOG 4096

/* Callbacks in progress, and then libmilter, get so long to end. */
#define GRACE_MS 500
#define END_MS   1000

/* How often libmilter is woken to end. */
#define WAKE_MS 20

/* The socket that libmilter listens on; -1: none yet. */
static int listener = -1;

/* Its address, and the length of that. */
static struct sockaddr_storage address;
static socklen_t address_len;

/* --- libmilter's log --- */

/*
 * libmilter logs with syslog(3), from the threads of its sessions, and that
 * waits for a reader who stands still.  So a program here has a syslog() of its
 * own, which shared libraries find before libc's, under its name and under that
 * of _FORTIFY_SOURCE.
 */
void syslog(int priority, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void __syslog_chk(int priority, int flag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void __attribute__((format(printf, 2, 0)))
log_for_libmilter(int priority, const char *format, va_list args)
{
	/* Of syslog.h, which isn't included: it may define syslog() too. */
	enum { PRIORITY = 7, ERR = 3, WARNING = 4 };
	enum log_level level = (priority & PRIORITY) <= ERR ? LEVEL_ERROR
	    : (priority & PRIORITY) == WARNING              ? LEVEL_WARNING
							    : LEVEL_INFO;
	char text[LOG_LINE_SIZE / 2];

	vsnprintf(text, sizeof(text), format, args);
	log_say(level, "libmilter: %s", text);
}

void
syslog(int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_for_libmilter(priority, format, args);
	va_end(args);
}

void
__syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list args;

	(void)flag;
	va_start(args, format);
	log_for_libmilter(priority, format, args);
	va_end(args);
}

/* --- the socket --- */

/* A socket of our own, because libmilter sets neither mode nor owner. */
static bool
hand_over(int fd, const struct listen_options *options, struct report *report)
{
	char name[32];
	int on = 1;

	/* Accepted sockets inherit it; fails for unix sockets, as it should. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	snprintf(name, sizeof(name), "fd:%d", fd);
	if (smfi_setconn(name) == MI_SUCCESS &&
	    smfi_opensocket(false) == MI_SUCCESS) {
		listener = fd;
		address_len = sizeof(address);
		return getsockname(
			   fd, (struct sockaddr *)&address, &address_len) == 0;
	}
	report_error(report, options->file, options->line, "listen",
	    "this libmilter doesn't support open sockets (\"fd:\")");
	close(fd);
	return false;
}

struct milter_inherited
milter_inherited(unsigned count, const char *others)
{
	struct milter_inherited found = {.count = 0};

	for (unsigned i = 0; i < count; i++)
		if (others == NULL ||
		    strcmp(listen_inherited_name(i), others) != 0) {
			found.fd = LISTEN_FIRST_FD + (int)i;
			found.count++;
		}
	return found;
}

bool
milter_open(const struct smfiDesc *filter, struct mf_text where,
    struct milter_inherited inherited, const struct listen_options *options,
    struct report *report)
{
	int fd;

	if (options->check != NULL)
		return listen_open_text(where, options, report) != -1;
	/* Also if systemd passes the socket. */
	if (!listen_check_text(where, options, report))
		return false;
	if (smfi_register(*filter) != MI_SUCCESS) {
		report_error(report, NULL, 0, NULL,
		    "libmilter rejected the filter: is the installed version "
		    "too old?");
		return false;
	}
	smfi_setbacklog(BACKLOG);
	if (inherited.count > 1) {
		report_error(report, NULL, 0, "listen",
		    "systemd passes %u sockets, but libmilter supports only one",
		    inherited.count);
		return false;
	}
	if (inherited.count == 1)
		return hand_over(inherited.fd, options, report);
	fd = listen_open_text(where, options, report);
	return fd >= 0 && hand_over(fd, options, report);
}

/* --- the thread --- */

static void *
run(void *arg)
{
	(void)arg;
	smfi_main();
	events_post(EVENT_GONE);
	return NULL;
}

/*
 * smfi_stop() waits for the listener, and that wakes up every few seconds, or
 * when somebody connects.
 */
static void *
stop(void *arg)
{
	(void)arg;
	smfi_stop();
	return NULL;
}

/* Connect to ourselves; whoever waits at the listener wakes up. */
static void
wake_listener(void)
{
	int fd = socket(
	    address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return;
	(void)connect(fd, (struct sockaddr *)&address, address_len);
	close(fd);
}

void
milter_will_wait(void)
{
	if (listener >= 0)
		wake_listener();
}

static bool
work(const struct milter_duties *duties)
{
	uint64_t next = clock_ms() + WATCH_SEC * 1000;

	for (;;) {
		enum event what = events_wait(next);

		if (what == EVENT_END)
			return true;
		if (what == EVENT_GONE) {
			log_say(LEVEL_ERROR, "libmilter stopped unexpectedly");
			return false;
		}
		if (what == EVENT_RELOAD)
			duties->reload(duties->arg);
		else if (clock_ms() >= next) {
			duties->tick(duties->arg);
			next = clock_ms() + WATCH_SEC * 1000;
		}
	}
}

/* Until nobody is busy, or the time is over. */
static void
wait_for_callbacks(void)
{
	uint64_t until = clock_ms() + GRACE_MS;
	struct timespec pause = {.tv_nsec = 5 * 1000000};

	while (milter_busy() != 0 && clock_ms() < until)
		nanosleep(&pause, NULL);
}

static void
end(void)
{
	uint64_t until;
	pthread_t thread;

	wait_for_callbacks();
	if (pthread_create(&thread, NULL, stop, NULL) != 0)
		return;
	pthread_detach(thread);
	for (until = clock_ms() + END_MS; clock_ms() < until;) {
		wake_listener();
		if (events_wait(clock_ms() + WAKE_MS) == EVENT_GONE)
			return;
	}
	log_say(
	    LEVEL_WARNING, "libmilter did not stop in time; exiting anyway");
}

bool
milter_serve(const struct milter_duties *duties, void (*ready)(void *arg))
{
	pthread_t thread;
	bool ok;

	if (!events_open() ||
	    (listener >= 0 && pthread_create(&thread, NULL, run, NULL) != 0)) {
		log_say(LEVEL_ERROR, "cannot start: %s", strerror(errno));
		return false;
	}
	if (listener >= 0)
		pthread_detach(thread);
	events_take_signals();
	ready(duties->arg);
	ok = work(duties);
	if (ok && listener >= 0)
		end();
	return ok;
}

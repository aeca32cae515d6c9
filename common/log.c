/* SPDX-License-Identifier: ISC */
#include "common/log.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/log_line.h"
#include "common/log_sink.h"

/* The time of a line, to the second: the cheaper clock will do. */
#ifdef CLOCK_REALTIME_COARSE
#define LINE_CLOCK CLOCK_REALTIME_COARSE
#else
#define LINE_CLOCK CLOCK_REALTIME
#endif

/*
 * A line is written at once, unless the writer was woken QUICK_MAX times in a
 * row within QUICK_MS after it fell asleep.  Under such load it rests after
 * writing, so that lines gather and whoever logs needn't wake it each time.
 */
#define QUICK_MAX 32
#define QUICK_MS  10
#define REST_NS   4000000L

/* How long it waits for a record that is being written. */
#define RECORD_NS 100000L

/* How long it waits for a reader that isn't there. */
#define RETRY_NS 50000000L

static atomic_int enabled_level = LEVEL_WARNING;
static struct log_sink sink = {.to = LOG_TO_STDERR,
    .via = LOG_TO_STDERR,
    .program = "mailfrom",
    .size = LOG_SINK_SIZE};

/* Said once no reader can keep the program from starting. */
static bool no_journal, no_syslog;

/* Lines that are written directly don't mix. */
static pthread_mutex_t direct = PTHREAD_MUTEX_INITIALIZER;

/* All that the writer and those who log share. */
static struct {
	struct log_ring ring;
	atomic_bool started;
	atomic_bool asleep; /* and whoever puts a line in wakes it */
	atomic_bool stopping;
	atomic_bool finished;
	atomic_ullong sending_since; /* ms; 0: not sending */
	atomic_ullong lost;          /* by the sink */
	sem_t wake;
} writer;

void
log_set_level(enum log_level level)
{
	atomic_store(&enabled_level, (int)level);
}

bool
log_enabled(enum log_level level)
{
	return (int)level <=
	    atomic_load_explicit(&enabled_level, memory_order_relaxed);
}

void
log_open(const struct log_options *options)
{
	log_line_style(options);
	log_set_level(options->level);
	log_sink_init(&sink, options->to, options->program);
	if (options->to == LOG_TO_JOURNAL && !log_sink_open(&sink)) {
		log_sink_init(&sink, LOG_TO_SYSLOG, options->program);
		no_journal = true;
	}
	no_syslog = log_sink_lacks_syslog(&sink);
}

bool
log_lacks_reader(void)
{
	return no_syslog;
}

/* --- the writer --- */

static void
pause_ns(long ns)
{
	nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
}

static void
flush(void)
{
	atomic_store(&writer.sending_since, clock_ms());
	while (!log_sink_flush(&sink))
		pause_ns(RETRY_NS);
	atomic_store(&writer.sending_since, 0);
	atomic_store(&writer.lost, sink.lost);
}

static void
add(const struct log_entry *entry)
{
	if (log_sink_add(&sink, entry))
		return;
	flush();
	log_sink_add(&sink, entry);
}

static struct mf_text __attribute__((format(printf, 3, 4)))
say(struct log_line *line, enum log_level level, const char *format, ...)
{
	struct mf_text text;
	va_list args;

	va_start(args, format);
	text = log_line_say(line, level, format, args);
	va_end(args);
	return text;
}

static int64_t
now_sec(void)
{
	struct timespec now;

	clock_gettime(LINE_CLOCK, &now);
	return now.tv_sec;
}

static void
report_missing(uint64_t count)
{
	struct log_line line;

	if (count == 0)
		return;
	add(&(struct log_entry){.level = LEVEL_WARNING,
	    .time_sec = now_sec(),
	    .text = say(&line, LEVEL_WARNING,
		"%llu log lines dropped: their reader did not keep up",
		(unsigned long long)count)});
}

/* False: there was nothing. */
static bool
write_all(void)
{
	struct log_entry entry;
	bool any = false;

	for (; log_ring_take(&writer.ring, &entry); any = true) {
		report_missing(entry.missing);
		add(&entry);
	}
	report_missing(log_ring_take_missing(&writer.ring));
	flush();
	return any;
}

/*
 * Whoever puts a line in does so first and then looks whether the writer is
 * asleep; the writer says that it is, and then looks for lines.  All four are
 * in one order, so one of them sees the other.
 */
static void
sleep_until_woken(unsigned *quick)
{
	uint64_t start = clock_ms();

	atomic_store(&writer.asleep, true);
	if (log_ring_has_work(&writer.ring) || atomic_load(&writer.stopping)) {
		atomic_store(&writer.asleep, false);
		return;
	}
	while (sem_wait(&writer.wake) < 0 && errno == EINTR)
		;
	*quick = clock_ms() - start < QUICK_MS ? *quick + 1 : 0;
}

static void
wake(void)
{
	if (atomic_load(&writer.asleep) &&
	    atomic_exchange(&writer.asleep, false))
		sem_post(&writer.wake);
}

static void *
writer_main(void *arg)
{
	unsigned quick = 0;

	(void)arg;
	for (;;) {
		bool stopping = atomic_load(&writer.stopping);
		bool any = write_all();

		if (stopping && !log_ring_has_work(&writer.ring))
			break;
		if (any && quick >= QUICK_MAX)
			pause_ns(REST_NS);
		else if (!any && log_ring_has_work(&writer.ring))
			pause_ns(RECORD_NS);
		else if (!any)
			sleep_until_woken(&quick);
	}
	atomic_store(&writer.finished, true);
	return NULL;
}

/* --- its life --- */

static bool
start_thread(void)
{
	sigset_t all, before;
	pthread_t thread;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&thread, NULL, writer_main, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error == 0)
		pthread_detach(thread);
	errno = error;
	return error == 0;
}

bool
log_start(void)
{
	if (!log_ring_init(&writer.ring, LOG_RING_SIZE) ||
	    sem_init(&writer.wake, 0, 0) < 0)
		return false;
	if (!start_thread()) {
		log_ring_free(&writer.ring);
		return false;
	}
	atomic_store(&writer.started, true);
	atexit(log_stop);
	if (no_journal && !no_syslog)
		log_say(LEVEL_WARNING, "no journal: logging to syslog");
	if (no_syslog)
		log_say(LEVEL_WARNING,
		    "no %ssyslog (/dev/log): logging to stderr",
		    no_journal ? "journal and no " : "");
	return true;
}

void
log_stop(void)
{
	uint64_t until = clock_ms() + LOG_STOP_MS;

	if (!atomic_load(&writer.started) ||
	    atomic_exchange(&writer.stopping, true))
		return;
	wake();
	while (!atomic_load(&writer.finished) && clock_ms() < until)
		pause_ns(RETRY_NS / 50);
}

struct log_health
log_health(void)
{
	unsigned long long since = atomic_load(&writer.sending_since);

	return (struct log_health){
	    .dropped =
		atomic_load(&writer.ring.dropped) + atomic_load(&writer.lost),
	    .waiting = log_ring_used(&writer.ring),
	    .stalled = since != 0 && clock_ms() - since >= LOG_STALLED_MS};
}

/* --- lines --- */

static void
write_directly(const struct log_entry *entry)
{
	pthread_mutex_lock(&direct);
	log_sink_add(&sink, entry);
	log_sink_flush(&sink);
	log_sink_discard(&sink);
	pthread_mutex_unlock(&direct);
}

static void
send_line(enum log_level level, struct mf_text text)
{
	const struct log_entry entry = {
	    .level = level, .time_sec = now_sec(), .text = text};

	if (!atomic_load_explicit(&writer.started, memory_order_acquire)) {
		write_directly(&entry);
		return;
	}
	(void)log_ring_put(&writer.ring, &entry);
	wake();
}

void
log_end(struct log_line *line)
{
	send_line(line->level, log_line_finish(line));
}

void
log_say(enum log_level level, const char *format, ...)
{
	struct log_line line;
	struct mf_text text;
	va_list args;

	if (!log_enabled(level))
		return;
	va_start(args, format);
	text = log_line_say(&line, level, format, args);
	va_end(args);
	send_line(level, text);
}

/* SPDX-License-Identifier: ISC */
#include "common/resources.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/health.h"
#include "common/log.h"
#include "common/rarely.h"

/*
 * Descriptors for all but clients: the listeners, files of a reload, the DNS
 * and helper processes; but a quarter of a small number.
 */
#define SPARE_DESCRIPTORS 128

static struct rarely no_threads, no_descriptors;

/* Entries of a directory of /proc but "." and ".."; 0: it can't be read. */
static uint64_t
count_entries(const char *path)
{
	DIR *dir = opendir(path);
	uint64_t count = 0;

	if (dir == NULL)
		return 0;
	while (readdir(dir) != NULL)
		count++;
	closedir(dir);
	return count > 2 ? count - 2 : 0;
}

uint64_t
resources_descriptors_max(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return UINT64_MAX;
	return (uint64_t)limit.rlim_cur;
}

static void *
do_nothing(void *arg)
{
	return arg;
}

/* 0, or an errno. */
static int
try_thread(void)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, do_nothing, NULL);

	if (error == 0)
		pthread_join(thread, NULL);
	return error;
}

static int
try_descriptor(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static void
note(struct rarely *shortage, enum health_trouble trouble, int error,
    const char *advice)
{
	health_set(trouble, error != 0);
	if (error == 0)
		return;
	rarely_count(shortage);
	if (rarely_due(shortage, clock_ms()) != 0)
		log_say(LEVEL_ERROR, "%s: %s; clients wait meanwhile.  %s",
		    health_text(trouble), strerror(error), advice);
}

void
resources_probe(void)
{
	note(&no_threads, HEALTH_THREADS, try_thread(),
	    "Raise TasksMax=, LimitNPROC= or LimitAS= of the unit, or let the "
	    "MTA open fewer sessions");
	note(&no_descriptors, HEALTH_DESCRIPTORS, try_descriptor(),
	    "Raise LimitNOFILE= of the unit, or let the MTA open fewer "
	    "sessions");
}

static void
write_shortages(struct metrics_writer *w)
{
	static const struct {
		struct mf_text of;
		struct rarely *shortage;
	} all[] = {
	    {MF_TEXT("threads"), &no_threads},
	    {MF_TEXT("descriptors"), &no_descriptors},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct metrics_label label = {"of", all[i].of};

		metrics_counter(w, "mailfrom_shortages_total",
		    "Probes, every few seconds, that could not get one.",
		    &label, rarely_total(all[i].shortage));
	}
}

uint64_t
resources_descriptors_for_clients(void)
{
	uint64_t max = resources_descriptors_max();

	return max < 4 * SPARE_DESCRIPTORS ? max - max / 4
					   : max - SPARE_DESCRIPTORS;
}

void
resources_write_metrics(struct metrics_writer *w)
{
	uint64_t max = resources_descriptors_max();

	metrics_gauge(w, "process_threads", "Threads.", NULL,
	    count_entries("/proc/self/task"));
	metrics_gauge(w, "process_open_fds", "Open file descriptors.", NULL,
	    count_entries("/proc/self/fd"));
	if (max != UINT64_MAX)
		metrics_gauge(w, "process_max_fds",
		    "Limit of file descriptors.", NULL, max);
	write_shortages(w);
	for (unsigned i = 0; i < HEALTH_TROUBLES; i++) {
		enum health_trouble trouble = (enum health_trouble)i;
		struct metrics_label label = {
		    "trouble", mf_text_of(health_word(trouble))};

		metrics_gauge(w, "mailfrom_trouble",
		    "1: what /healthz reports is wrong at present.", &label,
		    health_is_wrong(trouble));
	}
}

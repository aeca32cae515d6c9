/* SPDX-License-Identifier: ISC */
/*
 * What the daemon around a filter does, whichever filter it is: sockets, the
 * user that it becomes, the background, the log of its beginning and end.
 */
#ifndef MAILFROM_MILTER_DAEMON_H
#define MAILFROM_MILTER_DAEMON_H

#include "common/conf.h"
#include "common/log_conf.h"
#include "common/metrics.h"
#include "milter/run.h"

/* Keys that every filter's section has; names are those of mailfrom.conf(5). */
struct milter_settings {
	struct text listen;
	struct text metrics;
	struct text user;
	uint64_t socket_mode;
	struct text socket_owner;
	struct text pid_file;
};

/* The settings, and where they stand. */
struct milter_place {
	const struct milter_settings *settings;
	const char *section;
	const struct conf *conf;
	const char *file;
};

/* Whether metrics is an address.  False, and an error was reported. */
bool milter_check_metrics(
    const struct milter_place *place, struct report *report);

/* Descriptors that may need root to open; -1: none. */
struct milter_files {
	int pid_fd, metrics_fd;
};

/*
 * Do all that needs root, in the order in which it is given up: open sockets
 * and the pid file, and become the user.  check_only: look at the settings
 * alone, and open nothing.  False, and an error was reported.
 */
bool milter_prepare(const struct milter_place *place,
    const struct smfiDesc *filter, bool check_only, struct milter_files *out,
    struct report *report);

struct milter_work {
	bool foreground;
	struct milter_files files;
	const char *listen; /* for the log */
	/* Start what needs threads; false, and errors were reported. */
	bool (*start)(void *service, struct report *report);
	void (*write_figures)(void *service, struct metrics_writer *writer);
	void *service;
	struct milter_duties duties;
};

/*
 * Go into the background, start all that there is, and serve until the end.  The
 * exit status if it doesn't begin; else the process exits here, for libmilter's
 * threads may be at work still.
 */
int milter_work(const struct milter_work *work, struct report *report);

/* After a reload: say which settings need a restart. */
void milter_warn_fixed(const struct milter_settings *old,
    const struct milter_settings *new, const struct log_settings *old_log,
    const struct log_settings *new_log);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * The daemon around a filter, whichever filter it is: its command line,
 * sockets, the user that it becomes, the background, reloads, the end.
 */
#ifndef MAILFROM_MILTER_DAEMON_H
#define MAILFROM_MILTER_DAEMON_H

#include "common/daemon.h"
#include "common/metrics.h"
#include "common/watch.h"

/* Keys that every filter's section has; names are those of mailfrom.conf(5). */
struct milter_settings {
	struct mf_text listen;
	struct mf_text metrics;
	struct mf_text user;
	uint64_t socket_mode;
	struct mf_text socket_owner;
	struct mf_text pid_file;
};

/* What the daemon goes by of a filter's configuration; a view of that. */
struct milter_config {
	const struct milter_settings *settings;
	const char *section; /* where they stand */
	const struct conf *conf;
	const char *file;
	const struct log_settings *log;
	struct watch *watch;
};

/* Whether metrics is an address.  False, and an error was reported. */
bool milter_check_metrics(struct milter_config config, struct report *report);

/* Every filter has its own. */
struct config;
struct service;
struct smfiDesc;

/*
 * What a filter brings along.  The main thread calls all of it but
 * write_figures.
 */
struct milter_program {
	struct daemon_program command;
	bool has_secrets; /* among what it reads; for the log */

	struct config *(*config_load)(
	    const char *path, enum source_format format, struct report *report);
	struct milter_config (*config_view)(struct config *config);
	const struct smfiDesc *(*filter)(struct service *service);
	/*
	 * new and reload take the configuration over, and release it if they
	 * fail; start is called after the last fork.  False or NULL, and errors
	 * were reported.
	 */
	struct service *(*service_new)(
	    struct config *config, struct report *report);
	bool (*service_start)(struct service *service, struct report *report);
	bool (*service_reload)(struct service *service, struct config *config,
	    struct report *report);
	void (*service_free)(struct service *service);
	/* For Prometheus; arg is the service. */
	void (*write_figures)(void *arg, struct metrics_writer *writer);

	/* NULL where there is nothing to do: */
	/* What -n says behind "ok", its reasons reported. */
	const char *(*findings)(
	    const struct service *service, struct report *report);
	/* Warnings before it serves, with privileges dropped. */
	void (*service_warn)(
	    const struct service *service, struct report *report);
	/* Look after files besides the configuration's, every WATCH_SEC. */
	void (*service_refresh)(struct service *service);
};

/* A filter's main(). */
int milter_main(const struct milter_program *program, int argc, char **argv);

#endif

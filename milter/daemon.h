/* SPDX-License-Identifier: ISC */
/*
 * The daemon around a filter, whichever filter it is: its command line,
 * sockets, the user that it becomes, the background, reloads, the end.
 */
#ifndef MAILFROM_MILTER_DAEMON_H
#define MAILFROM_MILTER_DAEMON_H

#include "common/listen.h"
#include "common/metrics.h"
#include "milter/filter.h"
#include "milter/service.h"

/*
 * What a filter brings along.  The main thread calls all of it but
 * write_figures.
 */
struct milter_program {
	struct daemon_program command;
	const struct filter *filter;
	const char *user; /* it becomes, of root, unless told otherwise */
	/* Before it reads secrets; NULL: it reads none. */
	void (*secret_memory_start)(struct report *report);

	struct milter_config *(*config_load)(
	    const char *path, enum source_format format, struct report *report);
	/*
	 * new and reload take the configuration over, and release it if they
	 * fail; start is called after the last fork.  False or NULL, and errors
	 * were reported.
	 */
	struct milter_service *(*service_new)(
	    struct milter_config *config, struct report *report);
	bool (*service_start)(
	    struct milter_service *service, struct report *report);
	/* is_asked: SIGHUP; else a list or secret file has changed. */
	bool (*service_reload)(struct milter_service *service,
	    struct milter_config *config, bool is_asked, struct report *report);
	void (*service_free)(struct milter_service *service);
	/* For Prometheus; arg is the service. */
	void (*write_metrics)(void *arg, struct metrics_writer *writer);

	/* NULL where there is nothing to do: */
	/*
	 * Sockets besides the MTA's.  open may need root; inherited: those that
	 * systemd has passed, of which those called other_fds are meant.  start
	 * is called after the last fork, stop once libmilter has stopped.
	 */
	const char *other_fds;
	bool (*others_open)(const struct milter_config *config,
	    unsigned inherited, const struct listen_options *options,
	    struct report *report);
	bool (*others_start)(
	    struct milter_service *service, struct report *report);
	void (*others_stop)(void);
	/* Which secrets are in force, as text of at most size with the NUL. */
	void (*list_secrets)(
	    const struct milter_service *service, char *out, size_t size);
	/* What else -n looks at; false: something is wrong, as reported. */
	bool (*findings)(
	    const struct milter_service *service, struct report *report);
	/* Warnings before it serves, with privileges dropped. */
	void (*service_warn)(
	    const struct milter_service *service, struct report *report);
	/* Look after files besides the configuration's, every WATCH_SEC. */
	void (*service_refresh)(struct milter_service *service);
};

/* A filter's main(). */
int milter_main(const struct milter_program *program, int argc, char **argv);

#endif

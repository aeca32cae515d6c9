/* SPDX-License-Identifier: ISC */
/*
 * srsd: options, privileges and signals; the rest is elsewhere.
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/background.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/privilege.h"
#include "srsd/server.h"
#include "srsd/sockets.h"

#define WORKERS_DEFAULT 4
struct daemon {
	struct daemon_options options;
	struct sockets sockets;
	int pid_fd;
	struct server *server;
	struct event_base *base;
};

static const struct daemon_program program = {
    .name = "srsd", .legacy = "pysrs", .print_config = config_print};

static unsigned
worker_count(const struct srsd_settings *s)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (s->workers != 0)
		return (unsigned)s->workers;
	if (cores < 1)
		return 1;
	return cores < WORKERS_DEFAULT ? (unsigned)cores : WORKERS_DEFAULT;
}

/* --- running --- */

/* What a reload can't change is said, not passed over. */
static void
warn_of_restart(const struct config *old, const struct config *new)
{
	const struct srsd_settings *a = &old->srsd, *b = &new->srsd;
	const struct daemon_fixed fixed[] = {
	    {"listen", conf_list_eq(&a->listen, &b->listen)},
	    {"tcp_table_forward",
		conf_list_eq(&a->tcp_table_forward, &b->tcp_table_forward)},
	    {"tcp_table_reverse",
		conf_list_eq(&a->tcp_table_reverse, &b->tcp_table_reverse)},
	    {"workers", a->workers == b->workers},
	    {"user", mf_text_eq(a->user, b->user)},
	    {"socket_mode", a->socket_mode == b->socket_mode},
	    {"socket_owner", mf_text_eq(a->socket_owner, b->socket_owner)},
	    {"pid_file", mf_text_eq(a->pid_file, b->pid_file)},
	    {"[log] to", old->log.to == new->log.to},
	    {"[log] format", old->log.format == new->log.format},
	};

	daemon_warn_fixed(fixed, sizeof(fixed) / sizeof(fixed[0]));
}

/* NULL: something is wrong with the new one, as the log says. */
static struct config *
load_anew(struct daemon *d)
{
	struct report report = daemon_report_to_log();
	struct config *config =
	    config_load(d->options.path, d->options.format, &report);

	if (config == NULL ||
	    config_start(config, server_config(d->server), &report))
		return config;
	config_free(config);
	return NULL;
}

static void
reload(struct daemon *d, const char *why)
{
	struct config *config;

	notify_reloading();
	config = load_anew(d);
	if (config == NULL) {
		watch_mark_seen(&server_config(d->server)->watch);
		log_say(LEVEL_ERROR,
		    "%s: the new configuration is wrong; the "
		    "old one stays in force",
		    why);
	} else {
		warn_of_restart(server_config(d->server), config);
		log_set_level(
		    daemon_log(&program, &d->options, &config->log).level);
		server_reload(d->server, config);
		log_say(
		    LEVEL_INFO, "%s: configuration and secrets reloaded", why);
	}
	notify_ready();
}

static void
on_hup(evutil_socket_t signal, short what, void *arg)
{
	(void)signal;
	(void)what;
	reload(arg, "SIGHUP");
}

static void
on_end(evutil_socket_t signal, short what, void *arg)
{
	struct daemon *d = arg;

	(void)signal;
	(void)what;
	event_base_loopbreak(d->base);
}

static void
on_watch(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	if (watch_is_stale(&server_config(d->server)->watch))
		reload(d, "a secret or list file has changed");
}

static bool
wait_for_end(struct daemon *d)
{
	struct timeval interval = {.tv_sec = WATCH_SEC};
	struct event *events[] = {
	    evsignal_new(d->base, SIGHUP, on_hup, d),
	    evsignal_new(d->base, SIGTERM, on_end, d),
	    evsignal_new(d->base, SIGINT, on_end, d),
	    event_new(d->base, -1, EV_PERSIST, on_watch, d),
	};
	bool ok = true;

	for (size_t i = 0; i < 4; i++)
		if (events[i] == NULL ||
		    event_add(events[i], i == 3 ? &interval : NULL) < 0)
			ok = false;
	if (ok) {
		daemon_signals(SIG_UNBLOCK);
		event_base_dispatch(d->base);
	}
	for (size_t i = 0; i < 4; i++)
		if (events[i] != NULL)
			event_free(events[i]);
	return ok;
}

static int
serve(struct daemon *d, struct config *config, struct report *report)
{
	unsigned workers = worker_count(&config->srsd);
	int ready_fd = d->options.foreground ? -1 : background_start();
	bool ok;

	if (!config_start(config, NULL, report)) {
		config_free(config);
		return EXIT_FAILURE;
	}
	if (!pid_file_write(d->pid_fd))
		log_say(LEVEL_WARNING, "pid_file: %s", strerror(errno));
	d->base = event_base_new();
	d->server = d->base == NULL
	    ? NULL
	    : server_start(
		  d->sockets.list, d->sockets.count, workers, config, report);
	if (d->server == NULL)
		return EXIT_FAILURE;
	background_ready(ready_fd);
	notify_ready();
	log_say(LEVEL_INFO, "version %s serves %zu sockets with %u workers",
	    MAILFROM_VERSION, d->sockets.count, workers);
	ok = wait_for_end(d);
	notify_stopping();
	server_stop(d->server);
	event_base_free(d->base);
	log_say(LEVEL_INFO, "stopped");
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* All that needs root, in the order in which it is given up. */
static bool
prepare(struct daemon *d, const struct config *config, struct report *report)
{
	struct privilege who = {.change = false};
	const char *user =
	    config->srsd.user.len != 0 ? config->srsd.user.p : NULL;
	bool check_only = d->options.check_only;

	if (!check_only &&
	    !privilege_find(user, config->path,
		conf_line(config->conf, "srsd", "user"), &who, report))
		return false;
	if (!sockets_open(&d->sockets, config, &who, check_only, report))
		return false;
	if (check_only)
		return true;
	if (!daemon_pid_file(config->srsd.pid_file, config->path,
		conf_line(config->conf, "srsd", "pid_file"), &d->pid_fd,
		report) ||
	    !privilege_drop(&who, report))
		return false;
	watch_check_readable(&config->watch, config->path, report);
	return true;
}

int
main(int argc, char **argv)
{
	static struct daemon d;
	struct report report = report_to_stderr();
	struct config *config;
	int rc = daemon_options(&program, argc, argv, &d.options);

	if (rc >= 0)
		return rc;
	config = config_load(d.options.path, d.options.format, &report);
	if (config == NULL)
		return EXIT_FAILURE;
	daemon_raise_limits();
	daemon_signals(SIG_BLOCK);
	if (!prepare(&d, config, &report)) {
		config_free(config);
		return EXIT_FAILURE;
	}
	if (d.options.check_only) {
		printf("%s: ok\n", d.options.path);
		config_free(config);
		return EXIT_SUCCESS;
	}
	struct log_options log = daemon_log(&program, &d.options, &config->log);
	log_open(&log);
	return serve(&d, config, &report);
}

/* SPDX-License-Identifier: ISC */
/*
 * spfmilter: options, privileges and signals; the rest is elsewhere.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/background.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/privilege.h"
#include "milter/run.h"
#include "spfmilter/milter.h"
#include "spfmilter/service.h"

struct daemon {
	struct daemon_options options;
	struct service *service;
	int pid_fd, ready_fd, metrics_fd;
};

static const struct daemon_program program = {.name = "spfmilter",
    .formats = spfmilter_formats,
    .print_config = config_print};

/* --- running --- */

/* What a reload can't change is said, not passed over. */
static void
warn_of_restart(const struct config *old, const struct config *new)
{
	const struct spfmilter_settings *a = &old->spfmilter,
					*b = &new->spfmilter;
	const struct daemon_fixed fixed[] = {
	    {"listen", text_eq(a->listen, b->listen)},
	    {"metrics", text_eq(a->metrics, b->metrics)},
	    {"user", text_eq(a->user, b->user)},
	    {"socket_mode", a->socket_mode == b->socket_mode},
	    {"socket_owner", text_eq(a->socket_owner, b->socket_owner)},
	    {"pid_file", text_eq(a->pid_file, b->pid_file)},
	    {"[log] to", old->log.to == new->log.to},
	    {"[log] format", old->log.format == new->log.format},
	};

	daemon_warn_fixed(fixed, sizeof(fixed) / sizeof(fixed[0]));
}

static void
reload(struct daemon *d, const char *why)
{
	struct report report = daemon_report_to_log();
	struct config *old = service_config(d->service), *new;
	enum log_level level;

	notify_reloading();
	new = config_load(d->options.path, d->options.format, &report);
	if (new != NULL) {
		warn_of_restart(old, new);
		level = daemon_log(&program, &d->options, &new->log).level;
	}
	if (new != NULL && service_reload(d->service, new, &report)) {
		log_set_level(level);
		log_say(LEVEL_INFO, "%s: configuration reloaded", why);
	} else {
		service_mark_seen(d->service);
		log_say(LEVEL_ERROR,
		    "%s: the new configuration is wrong; the old one stays in "
		    "force",
		    why);
	}
	config_release(old);
	notify_ready();
}

static void
on_hup(void *arg)
{
	reload(arg, "SIGHUP");
}

static void
on_tick(void *arg)
{
	struct daemon *d = arg;

	if (service_is_stale(d->service))
		reload(d, "a list file has changed");
	else
		service_refresh(d->service);
}

static unsigned
busy(void *arg)
{
	struct daemon *d = arg;

	return atomic_load(&service_figures(d->service)->busy);
}

static void
on_ready(void *arg)
{
	struct daemon *d = arg;
	struct config *config = service_config(d->service);

	background_ready(d->ready_fd);
	notify_ready();
	log_say(LEVEL_INFO, "version %s serves %s", MAILFROM_VERSION,
	    config->spfmilter.listen.p);
	config_release(config);
}

static bool
start_metrics(struct daemon *d, struct report *report)
{
	const struct metrics_params params = {.fd = d->metrics_fd,
	    .write = service_write_figures,
	    .arg = d->service};

	return d->metrics_fd < 0 || metrics_start(&params, report) != NULL;
}

static int
serve(struct daemon *d, struct report *report)
{
	const struct milter_duties duties = {
	    .reload = on_hup, .tick = on_tick, .busy = busy, .arg = d};
	bool ok;

	d->ready_fd = d->options.foreground ? -1 : background_start();
	if (!pid_file_write(d->pid_fd))
		log_say(LEVEL_WARNING, "pid_file: %s", strerror(errno));
	checker_before_wait(milter_will_wait);
	if (!service_start(d->service, report) || !start_metrics(d, report))
		return EXIT_FAILURE;
	ok = milter_serve(&duties, on_ready);
	notify_stopping();
	log_say(LEVEL_INFO, "stopped");
	/* libmilter's threads may be at work still: nothing is torn down. */
	_exit(ok ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* --- starting --- */

static bool
open_metrics(struct daemon *d, const struct config *c,
    const struct listen_options *options, struct report *report)
{
	struct text address = c->spfmilter.metrics;
	struct sockaddr_spec spec;
	const char *why;

	d->metrics_fd = -1;
	if (address.len == 0)
		return true;
	/* config_load() has seen to it that this can't fail. */
	if (!sockaddr_parse(address, &spec, &why))
		return false;
	d->metrics_fd = listen_open(&spec, options, address.p, report);
	return d->metrics_fd >= 0;
}

static bool
open_sockets(struct daemon *d, const struct config *c,
    const struct privilege *who, struct report *report)
{
	const struct spfmilter_settings *s = &c->spfmilter;
	struct listen_options options = {.mode = (mode_t)s->socket_mode,
	    .uid = who->change ? who->uid : (uid_t)-1,
	    .gid = who->change ? who->gid : (gid_t)-1};

	if (s->socket_owner.len != 0 &&
	    !listen_owner(s->socket_owner, &options, c->path,
		conf_line(c->conf, "spfmilter", "socket_owner"), report))
		return false;
	return milter_open(milter_filter(d->service), s->listen, &options,
		   d->options.check_only, c->path,
		   conf_line(c->conf, "spfmilter", "listen"), report) &&
	    (d->options.check_only || open_metrics(d, c, &options, report));
}

/* All that needs root, in the order in which it is given up. */
static bool
prepare(struct daemon *d, struct config *c, struct report *report)
{
	struct privilege who = {.change = false};
	const char *user =
	    c->spfmilter.user.len != 0 ? c->spfmilter.user.p : NULL;
	bool check_only = d->options.check_only;

	if (!check_only && !privilege_find(user, &who, report))
		return false;
	if (!open_sockets(d, c, &who, report))
		return false;
	if (check_only)
		return true;
	if (!daemon_pid_file(c->spfmilter.pid_file, c->path,
		conf_line(c->conf, "spfmilter", "pid_file"), &d->pid_fd,
		report) ||
	    !privilege_drop(&who, report))
		return false;
	watch_check_readable(&c->watch, c->path, report);
	service_check_readable(d->service, report);
	return true;
}

/* What -n says in the end.  Entries that do nothing stop no daemon. */
static int
say_findings(struct daemon *d)
{
	struct report findings = report_to_stderr();
	bool clean = service_lint(d->service, &findings);

	printf("%s: ok%s\n", d->options.path,
	    clean ? "" : ", but see above what the access file says");
	service_free(d->service);
	return EXIT_SUCCESS;
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
	d.service = service_new(config, &report);
	if (d.service == NULL)
		return EXIT_FAILURE;
	if (!d.options.check_only)
		service_warn(d.service, &report);
	if (!prepare(&d, config, &report)) {
		service_free(d.service);
		return EXIT_FAILURE;
	}
	if (d.options.check_only)
		return say_findings(&d);
	struct log_options log = daemon_log(&program, &d.options, &config->log);
	log_open(&log);
	return serve(&d, &report);
}

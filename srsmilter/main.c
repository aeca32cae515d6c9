/* SPDX-License-Identifier: ISC */
/*
 * srsmilter: options, privileges and signals; the rest is elsewhere.
 */
#include <signal.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/notify.h"
#include "srsmilter/milter.h"
#include "srsmilter/service.h"

struct daemon {
	struct daemon_options options;
	struct service *service;
};

static const struct daemon_program program = {
    .name = "srsmilter", .legacy = "pysrs", .print_config = config_print};

/* What a reload can't change is said, not passed over. */
static void
warn_of_restart(const struct config *old, const struct config *new)
{
	const struct srsmilter_settings *a = &old->srsmilter,
					*b = &new->srsmilter;
	const struct daemon_fixed size = {
	    "replay_size", a->replay_size == b->replay_size};

	milter_warn_fixed(&a->daemon, &b->daemon, &old->log, &new->log);
	daemon_warn_fixed(&size, 1);
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
		log_say(
		    LEVEL_INFO, "%s: configuration and secrets reloaded", why);
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
		reload(d, "a secret or list file has changed");
}

static bool
start(void *service, struct report *report)
{
	checker_before_wait(milter_will_wait);
	return service_start(service, report);
}

static int
serve(struct daemon *d, const struct config *c, struct milter_files files,
    struct report *report)
{
	const struct milter_work work = {.foreground = d->options.foreground,
	    .files = files,
	    .listen = c->srsmilter.daemon.listen.p,
	    .start = start,
	    .write_figures = service_write_figures,
	    .service = d->service,
	    .duties = {.reload = on_hup, .tick = on_tick, .arg = d}};
	struct log_options log = daemon_log(&program, &d->options, &c->log);

	watch_check_readable(&c->watch, c->path, report);
	log_open(&log);
	return milter_work(&work, report);
}

int
main(int argc, char **argv)
{
	static struct daemon d;
	struct report report = report_to_stderr();
	struct milter_files files;
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
	const struct milter_place place = config_place(config);
	if (!milter_prepare(&place, milter_filter(d.service),
		d.options.check_only, &files, &report)) {
		service_free(d.service);
		return EXIT_FAILURE;
	}
	if (d.options.check_only) {
		printf("%s: ok\n", d.options.path);
		service_free(d.service);
		return EXIT_SUCCESS;
	}
	return serve(&d, config, files, &report);
}

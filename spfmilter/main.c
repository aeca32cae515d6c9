/* SPDX-License-Identifier: ISC */
/*
 * spfmilter: options, privileges and signals; the rest is elsewhere.
 */
#include <signal.h>
#include <stdlib.h>

#include "common/log.h"
#include "common/notify.h"
#include "spfmilter/milter.h"
#include "spfmilter/service.h"

struct daemon {
	struct daemon_options options;
	struct service *service;
};

static const struct daemon_program program = {
    .name = "spfmilter", .legacy = "pymilter", .print_config = config_print};

static void
reload(struct daemon *d, const char *why)
{
	struct report report = daemon_report_to_log();
	struct config *old = service_config(d->service), *new;
	enum log_level level;

	notify_reloading();
	new = config_load(d->options.path, d->options.format, &report);
	if (new != NULL) {
		milter_warn_fixed(&old->spfmilter.daemon,
		    &new->spfmilter.daemon, &old->log, &new->log);
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
	    .listen = c->spfmilter.daemon.listen.p,
	    .start = start,
	    .write_figures = service_write_figures,
	    .service = d->service,
	    .duties = {.reload = on_hup, .tick = on_tick, .arg = d}};
	struct log_options log = daemon_log(&program, &d->options, &c->log);

	watch_check_readable(&c->watch, c->path, report);
	service_check_readable(d->service, report);
	log_open(&log);
	return milter_work(&work, report);
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
	if (!d.options.check_only)
		service_warn(d.service, &report);
	const struct milter_place place = config_place(config);
	if (!milter_prepare(&place, milter_filter(d.service),
		d.options.check_only, &files, &report)) {
		service_free(d.service);
		return EXIT_FAILURE;
	}
	if (d.options.check_only)
		return say_findings(&d);
	return serve(&d, config, files, &report);
}

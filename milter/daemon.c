/* SPDX-License-Identifier: ISC */
#include "milter/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/background.h"
#include "common/conf.h"
#include "common/health.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/privilege.h"
#include "common/resources.h"
#include "milter/callbacks.h"
#include "milter/run.h"
#include "milter/threads.h"

#define SECRETS_TEXT_SIZE 160

struct milter_daemon {
	const struct milter_program *program;
	struct daemon_options options;
	struct milter_service *service;
	struct milter_config *config; /* the service's */
	int pid_fd, metrics_fd;       /* they may need root; -1: none */
	int ready_fd;                 /* for background_ready() */
};

static bool
has_secrets(const struct milter_program *program)
{
	return program->secret_memory_start != NULL;
}

/* --- metrics --- */

static bool
open_metrics(struct milter_daemon *d, struct listen_options options,
    struct report *report)
{
	struct mf_text metrics = d->config->settings->metrics;

	if (metrics.len == 0)
		return true;
	options.key = "metrics";
	options.line = milter_config_line(d->config, "metrics");
	d->metrics_fd = listen_open_text(metrics, &options, report);
	return d->metrics_fd >= 0 || d->metrics_fd == LISTEN_NOT_NOW;
}

static void
write_metrics(void *arg, struct metrics_writer *writer)
{
	const struct milter_daemon *d = arg;

	d->program->write_metrics(d->service, writer);
	resources_write_metrics(writer);
}

static bool
start_metrics(struct milter_daemon *d, struct report *report)
{
	const struct metrics_params params = {
	    .fd = d->metrics_fd, .write = write_metrics, .arg = d};

	return params.fd < 0 || metrics_start(&params, report) != NULL;
}

/* --- starting --- */

/* False, and an error reported: it can't be opened, or may not be. */
static bool
open_filter(const struct milter_daemon *d, struct milter_inherited inherited,
    const struct listen_options *options, struct report *report)
{
	const struct milter_program *p = d->program;

	if (p->others_open == NULL || milter_config_listens(d->config))
		return milter_open(milter_describe(p->filter, d->service),
		    d->config->settings->listen, inherited, options, report);
	if (inherited.count != 0)
		report_error(report, options->file, options->line, "listen",
		    "none, but systemd passes a socket: disable %s.socket",
		    p->command.name);
	return inherited.count == 0;
}

/* check: as struct listen_options has it. */
static bool
open_sockets(struct milter_daemon *d, const struct privilege *who,
    const struct listen_check *check, struct report *report)
{
	const struct milter_config *c = d->config;
	const struct milter_settings *s = c->settings;
	struct listen_options options = {.mode = (mode_t)s->socket_mode,
	    .uid = who->change ? who->uid : (uid_t)-1,
	    .gid = who->change ? who->gid : (gid_t)-1,
	    .file = c->path,
	    .key = "listen",
	    .line = milter_config_line(c, "listen"),
	    .owner_line = milter_config_line(c, "socket_owner"),
	    .check = check};
	unsigned inherited = check == NULL ? listen_inherited() : 0;

	if (s->socket_owner.len != 0 &&
	    !listen_owner(
		s->socket_owner, &options, c->path, options.owner_line, report))
		return false;
	return open_filter(d,
		   milter_inherited(inherited, d->program->other_fds), &options,
		   report) &&
	    (d->program->others_open == NULL ||
		d->program->others_open(c, inherited, &options, report)) &&
	    open_metrics(d, options, report);
}

/*
 * All that needs root, in the order in which it is given up.  With -n it is
 * tried, and nothing is left of it but the user.
 */
static bool
prepare(struct milter_daemon *d, struct report *report)
{
	const struct milter_config *c = d->config;
	const struct milter_settings *s = c->settings;
	struct privilege who = {.change = false};
	const struct listen_check check = {
	    d->program->command.name, d->program->user};
	bool check_only = d->options.check_only, found, ok;

	d->pid_fd = d->metrics_fd = -1;
	found = privilege_find(s->user, d->program->user, c->path,
	    milter_config_line(c, "user"), &who, report);
	if (!found && !check_only)
		return false;
	ok = open_sockets(d, &who, check_only ? &check : NULL, report) &&
	    daemon_pid_file(s->pid_file, c->path,
		milter_config_line(c, "pid_file"), check_only, &d->pid_fd,
		report);
	listen_check_end();
	/* -n shows all that is wrong. */
	if (!found || (!ok && !check_only) || !privilege_drop(&who, report))
		return false;
	watch_check_readable(&c->watch, c->path, check_only, report);
	if (check_only)
		listen_warn_user(s->listen,
		    &(struct listen_options){.file = c->path,
			.key = "listen",
			.line = milter_config_line(c, "listen"),
			.check = &check},
		    report);
	return ok;
}

/* --- running --- */

/* What a reload can't change is said, not passed over. */
static void
warn_fixed(const struct milter_config *old, const struct milter_config *new)
{
	const struct milter_settings *a = old->settings, *b = new->settings;
	const struct daemon_fixed fixed[] = {
	    {"listen", mf_text_eq(a->listen, b->listen)},
	    {"metrics", mf_text_eq(a->metrics, b->metrics)},
	    {"user", mf_text_eq(a->user, b->user)},
	    {"socket_mode", a->socket_mode == b->socket_mode},
	    {"socket_owner", mf_text_eq(a->socket_owner, b->socket_owner)},
	    {"pid_file", mf_text_eq(a->pid_file, b->pid_file)},
	    {"[log] to", old->log.to == new->log.to},
	    {"[log] format", old->log.format == new->log.format},
	};

	daemon_warn_fixed(fixed, sizeof(fixed) / sizeof(fixed[0]));
}

/*
 * A file that somebody is still writing may be empty, which would be valid, and
 * no policy at all.
 */
static bool
lost_section(const struct milter_config *old, const struct milter_config *new,
    struct report *report)
{
	if (conf_has_section(new->conf, new->section) ||
	    !conf_has_section(old->conf, old->section))
		return false;
	report_error(report, new->path, 0, NULL,
	    "no key in [%s]; is the file complete?", new->section);
	return true;
}

/* ", secrets " and which; "" without any. */
static const char *
secrets_text(const struct milter_daemon *d, char *out, size_t size)
{
	struct text_out text = text_out(out, size - 1);

	out[0] = '\0';
	if (d->program->list_secrets == NULL)
		return out;
	out_str(&text, ", secrets ");
	d->program->list_secrets(d->service, out + text.len, size - text.len);
	return out;
}

/* False: something is wrong with the new one, as the log says. */
static bool
load_anew(struct milter_daemon *d, bool is_asked)
{
	const struct milter_program *p = d->program;
	struct report report = daemon_report_to_log();
	struct milter_config *new =
	    p->config_load(d->options.path, d->options.format, &report);

	if (new == NULL)
		return false;
	if (lost_section(d->config, new, &report)) {
		milter_config_release(new);
		return false;
	}
	warn_fixed(d->config, new);
	if (!p->service_reload(d->service, new, is_asked, &report))
		return false;
	d->config = new;
	return true;
}

static void
reload(struct milter_daemon *d, bool is_asked, const char *why)
{
	const struct milter_program *p = d->program;
	char secrets[SECRETS_TEXT_SIZE];
	bool ok;

	notify_reloading();
	ok = load_anew(d, is_asked);
	health_set(HEALTH_CONFIGURATION, !ok);
	if (ok) {
		log_set_level(
		    daemon_log(&p->command, &d->options, &d->config->log)
			.level);
		log_say(LEVEL_INFO, "%s: configuration%s reloaded%s", why,
		    has_secrets(p) ? " and secrets" : "",
		    secrets_text(d, secrets, sizeof(secrets)));
	} else {
		watch_mark_seen(&d->config->watch);
		log_say(LEVEL_ERROR,
		    "%s: invalid configuration; keeping the old one", why);
	}
	notify_ready();
}

static void
on_hup(void *arg)
{
	reload(arg, true, "SIGHUP");
}

static void
on_tick(void *arg)
{
	struct milter_daemon *d = arg;
	const struct milter_program *p = d->program;

	resources_probe();
	if (watch_is_stale(&d->config->watch))
		reload(d, false,
		    has_secrets(p) ? "a secret or list file has changed"
				   : "a list file has changed");
	else if (p->service_refresh != NULL)
		p->service_refresh(d->service);
}

static void
on_ready(void *arg)
{
	struct milter_daemon *d = arg;
	struct report report = report_to_stderr();
	char secrets[SECRETS_TEXT_SIZE];

	daemon_ready(d->ready_fd, &d->config->log, &report);
	log_say(LEVEL_INFO, "version %s started, %s%s%s", MAILFROM_VERSION,
	    milter_config_listens(d->config) ? "listening on "
					     : "as no filter: listen = ",
	    d->config->settings->listen.p,
	    secrets_text(d, secrets, sizeof(secrets)));
}

/* Returns if it doesn't come to that. */
static int
serve(struct milter_daemon *d, struct report *report)
{
	const struct milter_program *p = d->program;
	const struct milter_duties duties = {
	    .reload = on_hup, .tick = on_tick, .arg = d};
	struct log_options log =
	    daemon_log(&p->command, &d->options, &d->config->log);
	bool ok;

	if (p->service_warn != NULL)
		p->service_warn(d->service, report);
	log_open(&log);
	if (!daemon_start_log(report))
		return EXIT_FAILURE;
	if (!pid_file_write(d->pid_fd))
		log_say(LEVEL_WARNING, "pid_file: %s", strerror(errno));
	threads_make_small();
	if (!p->service_start(d->service, report) || !start_metrics(d, report))
		return EXIT_FAILURE;
	if (p->others_start != NULL && !p->others_start(d->service, report))
		return EXIT_FAILURE;
	ok = milter_serve(&duties, on_ready);
	notify_stopping();
	if (p->others_stop != NULL)
		p->others_stop();
	log_say(LEVEL_INFO, "stopped");
	log_stop();
	/* libmilter's threads may be at work still. */
	_exit(ok ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* The end of -n; ok: root was given up, and it could start. */
static int
say_findings(const struct milter_daemon *d, bool ok, struct report *report)
{
	const struct milter_program *p = d->program;

	ok = ok && p->service_start(d->service, report);

	if (p->findings != NULL)
		ok = p->findings(d->service, report) && ok;
	ok = ok && report->errors == 0;
	if (ok)
		printf("%s: ok\n", d->options.path);
	p->service_free(d->service);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
milter_main(const struct milter_program *p, int argc, char **argv)
{
	static struct milter_daemon d;
	struct report report = report_to_stderr();
	struct milter_config *config;
	bool ok;
	int rc = daemon_options(&p->command, argc, argv, &d.options);

	if (rc >= 0)
		return rc;
	d.program = p;
	d.ready_fd = daemon_begin(&d.options);
	if (has_secrets(p) && !d.options.check_only)
		p->secret_memory_start(&report);
	config = p->config_load(d.options.path, d.options.format, &report);
	if (config == NULL)
		return EXIT_FAILURE;
	daemon_raise_limits();
	daemon_signals(SIG_BLOCK);
	d.config = config;
	d.service = p->service_new(config, &report);
	if (d.service == NULL)
		return EXIT_FAILURE;
	ok = prepare(&d, &report);
	if (d.options.check_only)
		return say_findings(&d, ok, &report);
	if (!ok) {
		p->service_free(d.service);
		return EXIT_FAILURE;
	}
	return serve(&d, &report);
}

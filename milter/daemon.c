/* SPDX-License-Identifier: ISC */
#include "milter/daemon.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/background.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/privilege.h"

static unsigned
line_of(const struct milter_place *place, const char *key)
{
	return conf_line(place->conf, place->section, key);
}

/* --- metrics --- */

bool
milter_check_metrics(const struct milter_place *place, struct report *report)
{
	struct text metrics = place->settings->metrics;
	struct sockaddr_spec spec;
	const char *why = NULL;

	if (metrics.len == 0 || sockaddr_parse(metrics, &spec, &why))
		return true;
	report_error(report, place->file, line_of(place, "metrics"), "metrics",
	    "\"%.*s\": %s", (int)metrics.len, metrics.p, why);
	return false;
}

static bool
open_metrics(const struct milter_place *place, struct listen_options options,
    int *fd, struct report *report)
{
	struct text metrics = place->settings->metrics;
	struct sockaddr_spec spec;
	const char *why;

	*fd = -1;
	if (metrics.len == 0)
		return true;
	/* milter_check_metrics() has seen to it that this can't fail. */
	if (!sockaddr_parse(metrics, &spec, &why))
		return false;
	options.key = "metrics";
	options.line = line_of(place, "metrics");
	*fd = listen_open(&spec, &options, metrics.p, report);
	return *fd >= 0;
}

static bool
start_metrics(const struct milter_work *work, struct report *report)
{
	const struct metrics_params params = {.fd = work->files.metrics_fd,
	    .write = work->write_figures,
	    .arg = work->service};

	return params.fd < 0 || metrics_start(&params, report) != NULL;
}

/* --- starting --- */

static bool
open_sockets(const struct milter_place *place, const struct smfiDesc *filter,
    const struct privilege *who, bool check_only, int *metrics_fd,
    struct report *report)
{
	const struct milter_settings *s = place->settings;
	struct listen_options options = {.mode = (mode_t)s->socket_mode,
	    .uid = who->change ? who->uid : (uid_t)-1,
	    .gid = who->change ? who->gid : (gid_t)-1,
	    .file = place->file,
	    .key = "listen",
	    .line = line_of(place, "listen"),
	    .mode_line = line_of(place, "socket_mode"),
	    .owner_line = line_of(place, "socket_owner")};

	if (s->socket_owner.len != 0 &&
	    !listen_owner(s->socket_owner, &options, place->file,
		options.owner_line, report))
		return false;
	return milter_open(filter, s->listen, &options, check_only, report) &&
	    (check_only || open_metrics(place, options, metrics_fd, report));
}

bool
milter_prepare(const struct milter_place *place, const struct smfiDesc *filter,
    bool check_only, struct milter_files *out, struct report *report)
{
	const struct milter_settings *s = place->settings;
	struct privilege who = {.change = false};
	const char *user = s->user.len != 0 ? s->user.p : NULL;

	*out = (struct milter_files){-1, -1};
	if (!check_only &&
	    !privilege_find(
		user, place->file, line_of(place, "user"), &who, report))
		return false;
	if (!open_sockets(
		place, filter, &who, check_only, &out->metrics_fd, report))
		return false;
	return check_only ||
	    (daemon_pid_file(s->pid_file, place->file,
		 line_of(place, "pid_file"), &out->pid_fd, report) &&
		privilege_drop(&who, report));
}

/* --- running --- */

/* The descriptor that background_ready() takes. */
static int ready_fd = -1;
static const char *serves;

static void
on_ready(void *arg)
{
	(void)arg;
	background_ready(ready_fd);
	notify_ready();
	log_say(LEVEL_INFO, "version %s serves %s", MAILFROM_VERSION, serves);
}

int
milter_work(const struct milter_work *work, struct report *report)
{
	bool ok;

	ready_fd = work->foreground ? -1 : background_start();
	serves = work->listen;
	if (!pid_file_write(work->files.pid_fd))
		log_say(LEVEL_WARNING, "pid_file: %s", strerror(errno));
	if (!work->start(work->service, report) || !start_metrics(work, report))
		return EXIT_FAILURE;
	ok = milter_serve(&work->duties, on_ready);
	notify_stopping();
	log_say(LEVEL_INFO, "stopped");
	_exit(ok ? EXIT_SUCCESS : EXIT_FAILURE);
}

void
milter_warn_fixed(const struct milter_settings *a,
    const struct milter_settings *b, const struct log_settings *old_log,
    const struct log_settings *new_log)
{
	const struct daemon_fixed fixed[] = {
	    {"listen", text_eq(a->listen, b->listen)},
	    {"metrics", text_eq(a->metrics, b->metrics)},
	    {"user", text_eq(a->user, b->user)},
	    {"socket_mode", a->socket_mode == b->socket_mode},
	    {"socket_owner", text_eq(a->socket_owner, b->socket_owner)},
	    {"pid_file", text_eq(a->pid_file, b->pid_file)},
	    {"[log] to", old_log->to == new_log->to},
	    {"[log] format", old_log->format == new_log->format},
	};

	daemon_warn_fixed(fixed, sizeof(fixed) / sizeof(fixed[0]));
}

/* SPDX-License-Identifier: ISC */
/*
 * srsd: what it consists of is made in the order that privileges and threads
 * want, and ended.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "common/background.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/privilege.h"
#include "rewrite/legacy.h"
#include "rewrite/secret_memory.h"
#include "settings/sections.h"
#include "srsd/control.h"

static const struct daemon_program program = {.name = "srsd",
    .legacy = "pysrs",
    .print_config = settings_print,
    .section = "srs",
    .example = "fwdomain",
    .is_legacy = legacy_detect};

static const struct listen_check check = {
    .program = "srsd", .user = "mailfrom"};

static struct daemon_options options;
static struct sockets sockets;
static int ready_fd, pid_fd;

static int
serve(struct srsd_config *config, struct report *report)
{
	unsigned workers = srsd_config_workers(config);
	char secrets[REWRITER_SECRETS_SIZE];
	struct server *server;
	bool ok;

	if (!daemon_start_log(report) ||
	    !srsd_config_start(config, NULL, report)) {
		srsd_config_release(config);
		return EXIT_FAILURE;
	}
	if (!pid_file_write(pid_fd))
		log_say(LEVEL_WARNING, "pid_file: %s", strerror(errno));
	server = server_start(&sockets, workers, config, report);
	if (server == NULL)
		return EXIT_FAILURE;
	daemon_ready(ready_fd, &config->log, report);
	rewriter_list_secrets(config->rewriter, secrets);
	log_say(LEVEL_INFO,
	    "version %s serves %zu sockets with %u workers, secrets %s",
	    MAILFROM_VERSION, sockets.count, workers, secrets);
	ok = control_server(server, &program, &options);
	notify_stopping();
	server_stop(server);
	log_say(LEVEL_INFO, "stopped");
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* All that needs root, in the order in which it is given up. */
static bool
prepare(const struct srsd_config *config, struct report *report)
{
	const struct srsd_settings *s = &config->srsd;
	struct privilege who = {.change = false};
	bool check_only = options.check_only, found, ok;

	found = privilege_find(s->user, "mailfrom", config->path,
	    conf_line(config->conf, "srsd", "user"), &who, report);
	if (!found && !check_only)
		return false;
	ok = sockets_open(
		 &sockets, config, &who, check_only ? &check : NULL, report) &&
	    daemon_pid_file(s->pid_file, config->path,
		conf_line(config->conf, "srsd", "pid_file"), check_only,
		&pid_fd, report);
	listen_check_end();
	/* -n shows all that is wrong. */
	if (!found || (!ok && !check_only) || !privilege_drop(&who, report))
		return false;
	watch_check_readable(&config->watch, config->path, check_only, report);
	return ok;
}

/* The end of -n; ok: root was given up, and it could start. */
static int
say_findings(struct srsd_config *config, bool ok, struct report *report)
{
	const struct rewriter *r = config->rewriter;

	if (ok)
		sockets_warn_user(config, &check, report);
	if (r->domain_count != 0 || r->forward_domains.count != 0)
		puts("note: fwdomain, forward_domains: srsd knows which domain "
		     "forwards only for maps named after it "
		     "(srs_forward@a.example); mail through other maps gets "
		     "the default domain of fwdomain");
	ok = ok && srsd_config_start(config, NULL, report) &&
	    report->errors == 0;
	if (ok)
		printf("%s: ok\n", options.path);
	srsd_config_release(config);
	return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}

int
main(int argc, char **argv)
{
	struct report report = report_to_stderr();
	struct srsd_config *config;
	struct log_options log;
	bool ok;
	int rc = daemon_options(&program, argc, argv, &options);

	if (rc >= 0)
		return rc;
	ready_fd = daemon_begin(&options);
	if (!options.check_only)
		secret_memory_start(&report);
	config = srsd_config_load(options.path, options.format, &report);
	if (config == NULL)
		return EXIT_FAILURE;
	daemon_raise_limits();
	daemon_signals(SIG_BLOCK);
	ok = prepare(config, &report);
	if (options.check_only)
		return say_findings(config, ok, &report);
	if (!ok) {
		srsd_config_release(config);
		return EXIT_FAILURE;
	}
	log = daemon_log(&program, &options, &config->log);
	log_open(&log);
	return serve(config, &report);
}

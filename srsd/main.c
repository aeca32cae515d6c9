/* SPDX-License-Identifier: ISC */
/*
 * srsd: options, privileges and signals; the rest is elsewhere.
 */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/background.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/privilege.h"
#include "srsd/server.h"
#include "srsd/sockets.h"

#define WORKERS_DEFAULT 4
#define WATCH_SEC       2 /* how often secret and list files are looked at */

struct options {
	const char *path;
	enum srsd_format format;
	bool check_only;
	bool foreground;
	bool verbose;
};

struct daemon {
	struct options options;
	struct sockets sockets;
	int pid_fd;
	struct server *server;
	struct event_base *base;
};

static void
usage(FILE *to)
{
	fputs("usage: srsd [-c FILE] [-n] [-f] [-v] [-V] "
	      "[--format mailfrom|pysrs] [--print-config]\n"
	      "  -c FILE  configuration (default " MAILFROM_SYSCONFDIR
	      "/mailfrom/mailfrom.conf)\n"
	      "  -n       check the configuration and exit\n"
	      "  -f       stay in the foreground\n"
	      "  -v       log more\n"
	      "  -V       print the version\n"
	      "  --print-config  print a sample configuration with all "
	      "defaults\n",
	    to);
}

/* --- options --- */

enum { OPT_FORMAT = 256, OPT_PRINT_CONFIG, OPT_HELP };

static const struct option long_options[] = {
    {"format", required_argument, NULL, OPT_FORMAT},
    {"print-config", no_argument, NULL, OPT_PRINT_CONFIG},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static bool
parse_format(const char *word, enum srsd_format *out)
{
	if (strcmp(word, "mailfrom") == 0)
		*out = SRSD_FORMAT_MAILFROM;
	else if (strcmp(word, "pysrs") == 0 || strcmp(word, "legacy") == 0)
		*out = SRSD_FORMAT_PYSRS;
	else {
		fprintf(stderr,
		    "srsd: --format: \"%s\" is neither mailfrom nor pysrs\n",
		    word);
		return false;
	}
	return true;
}

/* -1: go on; else the exit status. */
static int
parse_options(int argc, char **argv, struct options *o)
{
	int option;

	while ((option = getopt_long(
		    argc, argv, "c:nfvV", long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			o->path = optarg;
			break;
		case 'n':
			o->check_only = true;
			break;
		case 'f':
			o->foreground = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'V':
			puts("srsd (mailfrom) " MAILFROM_VERSION);
			return EXIT_SUCCESS;
		case OPT_FORMAT:
			if (!parse_format(optarg, &o->format))
				return EXIT_FAILURE;
			break;
		case OPT_PRINT_CONFIG:
			config_print(stdout);
			return EXIT_SUCCESS;
		case OPT_HELP:
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_FAILURE;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "srsd: what is \"%s\"?\n", argv[optind]);
	usage(stderr);
	return EXIT_FAILURE;
}

/* --- the process --- */

/*
 * Signals are for the main thread.  Blocked from the start, they wait until it
 * listens, and the threads that are made meanwhile never see them.
 */
static void
signals_block(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(how, &set, NULL);
}

static void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

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

static void
say_to_log(void *arg, bool is_error, const char *line)
{
	(void)arg;
	log_say(is_error ? LEVEL_ERROR : LEVEL_WARNING, "%s", line);
}

static struct log_options
log_wanted(const struct daemon *d, const struct config *c)
{
	struct log_options log = log_options(&c->log, "srsd");

	if (d->options.verbose)
		log.level = LEVEL_DEBUG;
	return log;
}

static bool
same_list(const struct conf_list *a, const struct conf_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!text_eq(a->items[i], b->items[i]))
			return false;
	return true;
}

/* What a reload can't change is said, not passed over. */
static void
warn_of_restart(const struct config *old, const struct config *new)
{
	const struct srsd_settings *a = &old->srsd, *b = &new->srsd;
	const struct {
		const char *key;
		bool same;
	} fixed[] = {
	    {"listen", same_list(&a->listen, &b->listen)},
	    {"tcp_table_forward",
		same_list(&a->tcp_table_forward, &b->tcp_table_forward)},
	    {"tcp_table_reverse",
		same_list(&a->tcp_table_reverse, &b->tcp_table_reverse)},
	    {"workers", a->workers == b->workers},
	    {"user", text_eq(a->user, b->user)},
	    {"socket_mode", a->socket_mode == b->socket_mode},
	    {"socket_owner", text_eq(a->socket_owner, b->socket_owner)},
	    {"pid_file", text_eq(a->pid_file, b->pid_file)},
	    {"[log] to", old->log.to == new->log.to},
	    {"[log] format", old->log.format == new->log.format},
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (!fixed[i].same)
			log_say(LEVEL_WARNING,
			    "%s needs a restart to change; the old setting "
			    "stays in force",
			    fixed[i].key);
}

/* NULL: something is wrong with the new one, as the log says. */
static struct config *
load_anew(struct daemon *d)
{
	struct report report = {.say = say_to_log};
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
		config_mark_seen(server_config(d->server));
		log_say(LEVEL_ERROR,
		    "%s: the new configuration is wrong; the "
		    "old one stays in force",
		    why);
	} else {
		warn_of_restart(server_config(d->server), config);
		log_set_level(log_wanted(d, config).level);
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
	if (config_is_stale(server_config(d->server)))
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
		signals_block(SIG_UNBLOCK);
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

static bool
open_pid_file(struct daemon *d, const struct config *c, struct report *report)
{
	const char *path = c->srsd.pid_file.p;

	d->pid_fd = -1;
	if (c->srsd.pid_file.len == 0)
		return true;
	d->pid_fd = pid_file_open(path);
	if (d->pid_fd >= 0)
		return true;
	report_error(report, c->path, conf_line(c->conf, "srsd", "pid_file"),
	    "pid_file", "%s: %s", path, strerror(errno));
	return false;
}

/* All that needs root, in the order in which it is given up. */
static bool
prepare(struct daemon *d, const struct config *config, struct report *report)
{
	struct privilege who = {.change = false};
	const char *user =
	    config->srsd.user.len != 0 ? config->srsd.user.p : NULL;
	bool check_only = d->options.check_only;

	if (!check_only && !privilege_find(user, &who, report))
		return false;
	if (!sockets_open(&d->sockets, config, &who, check_only, report))
		return false;
	if (check_only)
		return true;
	if (!open_pid_file(d, config, report) || !privilege_drop(&who, report))
		return false;
	config_check_readable(config, report);
	return true;
}

int
main(int argc, char **argv)
{
	static struct daemon d = {
	    .options.path = MAILFROM_SYSCONFDIR "/mailfrom/mailfrom.conf"};
	struct report report = report_to_stderr();
	struct config *config;
	int rc = parse_options(argc, argv, &d.options);

	if (rc >= 0)
		return rc;
	config = config_load(d.options.path, d.options.format, &report);
	if (config == NULL)
		return EXIT_FAILURE;
	raise_descriptor_limit();
	signals_block(SIG_BLOCK);
	signal(SIGPIPE, SIG_IGN); /* a log to a pipe may lose its reader */
	if (!prepare(&d, config, &report)) {
		config_free(config);
		return EXIT_FAILURE;
	}
	if (d.options.check_only) {
		printf("%s: ok\n", d.options.path);
		config_free(config);
		return EXIT_SUCCESS;
	}
	struct log_options log = log_wanted(&d, config);
	log_open(&log);
	return serve(&d, config, &report);
}

/* SPDX-License-Identifier: ISC */
/*
 * srsd: options, sockets, privileges and signals; the rest is elsewhere.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/listen.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/privilege.h"
#include "srsd/server.h"

#define LISTENERS_MAX   64
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
	struct listener listeners[LISTENERS_MAX];
	size_t listener_count;
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

/* --- sockets --- */

static bool
add_listener(
    struct daemon *d, int fd, enum protocol protocol, struct report *report)
{
	if (d->listener_count == LISTENERS_MAX) {
		report_error(report, NULL, 0, "listen", "more than %d sockets",
		    LISTENERS_MAX);
		return false;
	}
	d->listeners[d->listener_count++] = (struct listener){fd, protocol};
	return true;
}

static bool
open_list(struct daemon *d, const struct conf_list *list,
    enum protocol protocol, const struct listen_options *options,
    struct report *report)
{
	struct sockaddr_spec spec;
	const char *why = NULL;
	char name[512];

	for (size_t i = 0; i < list->count; i++) {
		struct text item = list->items[i];

		snprintf(name, sizeof(name), "%.*s", (int)item.len, item.p);
		/* config_load() has seen to it that this can't fail. */
		if (!sockaddr_parse(item, &spec, &why))
			return false;
		if (d->options.check_only)
			continue;
		int fd = listen_open(&spec, options, name, report);
		if (fd < 0 || !add_listener(d, fd, protocol, report))
			return false;
	}
	return true;
}

/* Sockets from systemd stand in for all that the file names. */
static bool
take_inherited(struct daemon *d, unsigned count, struct report *report)
{
	for (unsigned i = 0; i < count; i++) {
		const char *name = listen_inherited_name(i);
		enum protocol protocol = PROTOCOL_SOCKETMAP;

		if (strcmp(name, "tcp_table_forward") == 0)
			protocol = PROTOCOL_TCP_FORWARD;
		else if (strcmp(name, "tcp_table_reverse") == 0)
			protocol = PROTOCOL_TCP_REVERSE;
		if (!add_listener(
			d, LISTEN_FIRST_FD + (int)i, protocol, report))
			return false;
	}
	return true;
}

static bool
open_listeners(struct daemon *d, const struct config *c,
    const struct privilege *who, struct report *report)
{
	const struct srsd_settings *s = &c->srsd;
	struct listen_options options = {
	    .mode = (mode_t)s->socket_mode, .uid = (uid_t)-1, .gid = (gid_t)-1};
	unsigned inherited = listen_inherited();

	if (inherited != 0 && !d->options.check_only)
		return take_inherited(d, inherited, report);
	if (who->change) {
		options.uid = who->uid;
		options.gid = who->gid;
	}
	if (s->socket_owner.len != 0 &&
	    !listen_owner(s->socket_owner, &options, c->path,
		conf_line(c->conf, "srsd", "socket_owner"), report))
		return false;
	return open_list(d, &s->listen, PROTOCOL_SOCKETMAP, &options, report) &&
	    open_list(d, &s->tcp_table_forward, PROTOCOL_TCP_FORWARD, &options,
		report) &&
	    open_list(d, &s->tcp_table_reverse, PROTOCOL_TCP_REVERSE, &options,
		report);
}

/* --- becoming a daemon --- */

/* Opened as root, written once the process has its number. */
static bool
open_pid_file(struct daemon *d, const struct config *c, struct report *report)
{
	const char *path = c->srsd.pid_file.p;

	d->pid_fd = -1;
	if (c->srsd.pid_file.len == 0)
		return true;
	d->pid_fd = open(
	    path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (d->pid_fd >= 0)
		return true;
	report_error(report, c->path, conf_line(c->conf, "srsd", "pid_file"),
	    "pid_file", "%s: %s", path, strerror(errno));
	return false;
}

static void
write_pid_file(struct daemon *d)
{
	char line[32];
	int len = snprintf(line, sizeof(line), "%ld\n", (long)getpid());

	if (d->pid_fd < 0)
		return;
	if (write(d->pid_fd, line, (size_t)len) != len)
		log_say(LEVEL_WARNING, "pid_file: %s", strerror(errno));
	close(d->pid_fd);
}

/*
 * Go into the background.  The parent stays until the child serves, or has
 * failed and said why, and exits with what became of it.  The descriptor that
 * daemon_ready() takes.
 */
static int
daemonize(void)
{
	int ready[2];
	char byte;
	pid_t pid;

	if (pipe(ready) < 0 || (pid = fork()) < 0) {
		perror("srsd: cannot go into the background");
		exit(EXIT_FAILURE);
	}
	if (pid != 0) {
		close(ready[1]);
		_exit(read(ready[0], &byte, 1) == 1 ? EXIT_SUCCESS
						    : EXIT_FAILURE);
	}
	close(ready[0]);
	setsid();
	return ready[1];
}

static void
daemon_ready(int ready_fd)
{
	int null;

	if (ready_fd < 0)
		return;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
	}
	(void)!write(ready_fd, "", 1);
	close(ready_fd);
}

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

static void
reload(struct daemon *d, const char *why)
{
	struct report report = {.say = say_to_log};
	struct config *config;

	notify_reloading();
	config = config_load(d->options.path, d->options.format, &report);
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
	int ready_fd = d->options.foreground ? -1 : daemonize();
	bool ok;

	write_pid_file(d);
	d->base = event_base_new();
	d->server = d->base == NULL
	    ? NULL
	    : server_start(
		  d->listeners, d->listener_count, workers, config, report);
	if (d->server == NULL)
		return EXIT_FAILURE;
	daemon_ready(ready_fd);
	notify_ready();
	log_say(LEVEL_INFO, "version %s serves %zu sockets with %u workers",
	    MAILFROM_VERSION, d->listener_count, workers);
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

	if (!d->options.check_only && !privilege_find(user, &who, report))
		return false;
	if (!open_listeners(d, config, &who, report))
		return false;
	if (!d->options.check_only && d->listener_count == 0) {
		report_error(report, config->path, 0, "listen",
		    "no socket to listen on");
		return false;
	}
	if (d->options.check_only)
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

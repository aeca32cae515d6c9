/* SPDX-License-Identifier: ISC */
#include "common/daemon.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "common/background.h"
#include "common/configured.h"
#include "common/listen.h"
#include "common/log.h"
#include "common/notify.h"
#include "common/privilege.h"

/* --- options --- */

enum { OPT_FORMAT = 256, OPT_PRINT_CONFIG, OPT_CONFIGURED };

static const struct option long_options[] = {
    {"format", required_argument, NULL, OPT_FORMAT},
    {"print-config", no_argument, NULL, OPT_PRINT_CONFIG},
    {"configured", no_argument, NULL, OPT_CONFIGURED},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static void
usage(const struct daemon_program *program, FILE *to)
{
	fprintf(to,
	    "usage: %s [-c FILE] [-n] [-f] [-v] [-V] [-h] "
	    "[--format mailfrom|%s] [--configured] [--print-config]\n",
	    program->name, program->legacy);
	fputs("  -c FILE  configuration file (default " MAILFROM_SYSCONFDIR
	      "/mailfrom/mailfrom.conf)\n"
	      "  -n       check the configuration and exit\n"
	      "  -f       stay in the foreground\n"
	      "  -v       log more\n"
	      "  -V, --version   print the version\n"
	      "  -h, --help      print this\n"
	      "  --configured    exit with 1, and report it, if no key is set "
	      "for it yet\n"
	      "  --print-config  print a sample configuration with all "
	      "defaults\n",
	    to);
}

static bool
parse_format(const struct daemon_program *program, const char *word,
    enum source_format *out)
{
	if (strcmp(word, "mailfrom") == 0) {
		*out = SOURCE_OURS;
		return true;
	}
	if (strcmp(word, program->legacy) == 0 || strcmp(word, "legacy") == 0) {
		*out = SOURCE_LEGACY;
		return true;
	}
	fprintf(stderr,
	    "%s: --format: unknown format \"%s\"; expected mailfrom or %s\n",
	    program->name, word, program->legacy);
	return false;
}

static void
print_config(const struct daemon_program *program)
{
	fputs("# mailfrom.conf: see mailfrom.conf(5).  A key that is commented "
	      "out shows its\n# default, or an example if it has none.\n\n",
	    stdout);
	program->print_config(stdout);
}

int
daemon_options(const struct daemon_program *program, int argc, char **argv,
    struct daemon_options *o)
{
	bool ask_configured = false;
	int option;

	*o = (struct daemon_options){
	    .path = MAILFROM_SYSCONFDIR "/mailfrom/mailfrom.conf",
	    .format = SOURCE_DETECT};
	while ((option = getopt_long(
		    argc, argv, "c:nfvVh", long_options, NULL)) != -1) {
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
			printf("%s (mailfrom) " MAILFROM_VERSION "\n",
			    program->name);
			return EXIT_SUCCESS;
		case OPT_FORMAT:
			if (!parse_format(program, optarg, &o->format))
				return EXIT_FAILURE;
			break;
		case OPT_PRINT_CONFIG:
			print_config(program);
			return EXIT_SUCCESS;
		case OPT_CONFIGURED:
			ask_configured = true;
			break;
		case 'h':
			usage(program, stdout);
			return EXIT_SUCCESS;
		default:
			usage(program, stderr);
			return EXIT_FAILURE;
		}
	}
	if (optind == argc)
		return ask_configured ? configured_report(program, o) : -1;
	fprintf(stderr, "%s: unexpected argument \"%s\"\n", program->name,
	    argv[optind]);
	usage(program, stderr);
	return EXIT_FAILURE;
}

/* --- the process --- */

int
daemon_begin(const struct daemon_options *options)
{
	privilege_begin(listen_inherited_count());
	if (options->foreground || options->check_only)
		return -1;
	return background_start();
}

void
daemon_signals(int how)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(how, &set, NULL);
}

void
daemon_raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

bool
daemon_pid_file(struct mf_text path, const char *file, unsigned line,
    bool check_only, int *fd, struct report *report)
{
	*fd = -1;
	if (path.len == 0 || (check_only && pid_file_check(path.p)))
		return true;
	if (!check_only && (*fd = pid_file_open(path.p)) >= 0)
		return true;
	report_error(
	    report, file, line, "pid_file", "%s: %s", path.p, strerror(errno));
	return false;
}

/* --- the log --- */

struct log_options
daemon_log(const struct daemon_program *program,
    const struct daemon_options *options, const struct log_settings *settings)
{
	struct log_options log = log_options(settings, program->name);

	if (options->verbose)
		log.level = LEVEL_DEBUG;
	return log;
}

bool
daemon_start_log(struct report *report)
{
	if (log_start())
		return true;
	report_error(
	    report, NULL, 0, NULL, "cannot start the log: %s", strerror(errno));
	return false;
}

void
daemon_ready(
    int ready_fd, const struct log_settings *log, struct report *report)
{
	if (ready_fd >= 0 && log->to == LOG_TO_STDERR)
		report_warning(report, NULL, 0, "to",
		    "stderr ([log]), but a daemon in the background has none: "
		    "nothing more is logged; start it with -f, or set to = "
		    "syslog");
	background_ready(ready_fd, log_lacks_reader());
	notify_ready();
}

static void
say_to_log(void *arg, bool is_error, const char *line)
{
	(void)arg;
	log_say(is_error ? LEVEL_ERROR : LEVEL_WARNING, "%s", line);
}

struct report
daemon_report_to_log(void)
{
	return (struct report){.say = say_to_log};
}

void
daemon_warn_fixed(const struct daemon_fixed *fixed, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!fixed[i].same)
			log_say(LEVEL_WARNING,
			    "%s: change takes effect after a restart; keeping "
			    "the old setting",
			    fixed[i].key);
}

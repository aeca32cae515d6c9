/* SPDX-License-Identifier: ISC */
/*
 * The command line of dkimquery.
 */
#include <getopt.h>
#include <stdarg.h>
#include <time.h>

#include "common/text.h"
#include "tools/dkimquery/dkimquery.h"

#define TIMEOUT_DEFAULT_SEC 20
#define TIMEOUT_MAX_SEC     25

static void
usage(FILE *to)
{
	fputs("usage: dkimquery [options] [FILE]\n"
	      "options:  --trace  --json  --zone FILE  --nameserver IP[:PORT]  "
	      "--timeout SECONDS\n"
	      "          --now UNIXSECONDS  -V, --version  -h, --help\n"
	      "FILE is a message; without one, or with \"-\", it is the "
	      "standard input.\n"
	      "First line: the result.  Exit status: pass 0, fail 1, policy "
	      "2, neutral 3,\npermerror 4, temperror 5, none 6, errors 255.  "
	      "dkimquery(1) has the details.\n",
	    to);
}

static int bad_usage(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static int
bad_usage(const char *format, ...)
{
	va_list args;

	fputs("dkimquery: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("; dkimquery --help shows the usage\n", stderr);
	return DKIMQUERY_ERROR;
}

enum {
	OPT_TRACE = 256,
	OPT_JSON,
	OPT_ZONE,
	OPT_NAMESERVER,
	OPT_TIMEOUT,
	OPT_NOW
};

static const struct option long_options[] = {
    {"trace", no_argument, NULL, OPT_TRACE},
    {"json", no_argument, NULL, OPT_JSON},
    {"zone", required_argument, NULL, OPT_ZONE},
    {"nameserver", required_argument, NULL, OPT_NAMESERVER},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"now", required_argument, NULL, OPT_NOW},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static int
take_number(const char *name, uint64_t min, uint64_t max, uint64_t *out)
{
	if (text_uint(mf_text_of(optarg), max, out) && *out >= min)
		return DKIMQUERY_OK;
	return bad_usage("--%s: \"%s\" is not a number from %llu to %llu", name,
	    optarg, (unsigned long long)min, (unsigned long long)max);
}

static int
take_timeout(struct dkimquery_options *o)
{
	uint64_t n = TIMEOUT_DEFAULT_SEC;
	int rc = take_number("timeout", 1, TIMEOUT_MAX_SEC, &n);

	o->timeout_sec = (unsigned)n;
	return rc;
}

static int
take_option(struct dkimquery_options *o, int option)
{
	switch (option) {
	case OPT_TRACE:
		o->trace = true;
		return DKIMQUERY_OK;
	case OPT_JSON:
		o->json = true;
		return DKIMQUERY_OK;
	case OPT_ZONE:
		o->zone = optarg;
		return DKIMQUERY_OK;
	case OPT_NAMESERVER:
		o->nameservers = optarg;
		return DKIMQUERY_OK;
	case OPT_TIMEOUT:
		return take_timeout(o);
	case OPT_NOW:
		return take_number("now", 0, UINT64_C(1) << 40, &o->now_sec);
	default:
		/* getopt has said what is wrong. */
		fputs("dkimquery: dkimquery --help shows the usage\n", stderr);
		return DKIMQUERY_ERROR;
	}
}

static int
check(struct dkimquery_options *o, char **arguments, int count)
{
	if (count > 1)
		return bad_usage("\"%s\": one message at a time", arguments[1]);
	o->file = count == 1 ? arguments[0] : "-";
	if (o->zone != NULL && o->nameservers != NULL)
		return bad_usage("--zone and --nameserver exclude each other");
	return DKIMQUERY_OK;
}

int
dkimquery_options(
    int argc, char **argv, struct dkimquery_options *out, bool *done)
{
	int option, rc = DKIMQUERY_OK;

	*out = (struct dkimquery_options){.timeout_sec = TIMEOUT_DEFAULT_SEC,
	    .now_sec = (uint64_t)time(NULL)};
	*done = false;
	while (rc == DKIMQUERY_OK &&
	    (option = getopt_long(argc, argv, "hV", long_options, NULL)) !=
		-1) {
		*done = option == 'h' || option == 'V';
		if (option == 'h')
			usage(stdout);
		if (option == 'V')
			puts("dkimquery (mailfrom) " MAILFROM_VERSION);
		if (*done)
			return DKIMQUERY_OK;
		rc = take_option(out, option);
	}
	return rc == DKIMQUERY_OK ? check(out, argv + optind, argc - optind)
				  : rc;
}

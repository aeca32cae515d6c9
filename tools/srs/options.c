/* SPDX-License-Identifier: ISC */
/*
 * The command line of srs.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>

#include "tools/srs/srs.h"

static void
usage(FILE *to)
{
	fputs(
	    "usage: srs explain [SECRETS] [options] ADDRESS...\n"
	    "       srs keygen\n"
	    "       srs ask [--wait SECONDS] SOCKET MAP KEY\n"
	    "       srs encode --domain DOMAIN SECRETS [options] [ADDRESS...]\n"
	    "       srs decode|sign|ses-sign|ses-verify SECRETS [options] "
	    "[ADDRESS...]\n"
	    "       srs rrs SECRETS [FORWARDER [USER@DOMAIN...]]\n"
	    "SECRETS:  --secret-file FILE | --secret TEXT...\n"
	    "options:  --hash-length N  --hash-min N  --separator C  "
	    "--max-age DAYS\n"
	    "          --future-days DAYS  --always-rewrite  "
	    "--hash-alphabet base64|base64url\n"
	    "          --message-id N  --sequence N  --now UNIXSECONDS  "
	    "--secret-line-end\n"
	    "          -V, --version  -h, --help\n"
	    "Without ADDRESS, a line each is read from stdin.  srs(1) has "
	    "the details.\n",
	    to);
}

int
srs_bad_usage(const char *format, ...)
{
	va_list args;

	fputs("srs: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	usage(stderr);
	return SRS_EXIT_USAGE;
}

enum {
	OPT_SECRET_FILE = 256,
	OPT_SECRET,
	OPT_SECRET_LINE_END,
	OPT_DOMAIN,
	OPT_HASH_LENGTH,
	OPT_HASH_MIN,
	OPT_HASH_ALPHABET,
	OPT_SEPARATOR,
	OPT_MAX_AGE,
	OPT_FUTURE_DAYS,
	OPT_ALWAYS_REWRITE,
	OPT_MESSAGE_ID,
	OPT_SEQUENCE,
	OPT_NOW,
	OPT_WAIT,
	OPT_MAIL_SRS /* and on */
};

static const struct option long_options[] = {
    {"secret-file", required_argument, NULL, OPT_SECRET_FILE},
    {"secret", required_argument, NULL, OPT_SECRET},
    {"secret-line-end", no_argument, NULL, OPT_SECRET_LINE_END},
    {"domain", required_argument, NULL, OPT_DOMAIN},
    {"hash-length", required_argument, NULL, OPT_HASH_LENGTH},
    {"hash-min", required_argument, NULL, OPT_HASH_MIN},
    {"hash-alphabet", required_argument, NULL, OPT_HASH_ALPHABET},
    {"separator", required_argument, NULL, OPT_SEPARATOR},
    {"max-age", required_argument, NULL, OPT_MAX_AGE},
    {"future-days", required_argument, NULL, OPT_FUTURE_DAYS},
    {"always-rewrite", no_argument, NULL, OPT_ALWAYS_REWRITE},
    {"message-id", required_argument, NULL, OPT_MESSAGE_ID},
    {"sequence", required_argument, NULL, OPT_SEQUENCE},
    {"now", required_argument, NULL, OPT_NOW},
    {"wait", required_argument, NULL, OPT_WAIT},
    /* Of Mail::SRS's program, in the order of its hints. */
    {"alias", optional_argument, NULL, OPT_MAIL_SRS},
    {"forward", optional_argument, NULL, OPT_MAIL_SRS + 1},
    {"reverse", optional_argument, NULL, OPT_MAIL_SRS + 2},
    {"address", optional_argument, NULL, OPT_MAIL_SRS + 3},
    {"secretfile", optional_argument, NULL, OPT_MAIL_SRS + 4},
    {"hashlength", optional_argument, NULL, OPT_MAIL_SRS + 5},
    {"hashmin", optional_argument, NULL, OPT_MAIL_SRS + 6},
    {"maxage", optional_argument, NULL, OPT_MAIL_SRS + 7},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static int
take_number(const char *name, uint64_t min, uint64_t max, uint64_t *out)
{
	if (text_uint(mf_text_of(optarg), max, out) && *out >= min)
		return SRS_EXIT_OK;
	fprintf(stderr, "srs: --%s: \"%s\" is not a number from %llu to %llu\n",
	    name, optarg, (unsigned long long)min, (unsigned long long)max);
	return SRS_EXIT_USAGE;
}

static int
take_unsigned(const char *name, uint64_t min, uint64_t max, unsigned *out)
{
	uint64_t n = 0;
	int rc = take_number(name, min, max, &n);

	*out = (unsigned)n;
	return rc;
}

/* "@fwd.example", "fwd.example, x" and the like would be in every sender. */
static int
take_domain(struct srs_options *o)
{
	struct text_out out = text_out(o->domain, sizeof(o->domain));
	const char *why;

	if (!domain_read(mf_text_of(optarg), &out, &why))
		return srs_bad_usage(
		    "--domain: \"%s\" is not a domain: %s", optarg, why);
	o->domain[out.len] = '\0';
	return SRS_EXIT_OK;
}

static int
take_alphabet(struct srs_options *o)
{
	if (strcmp(optarg, "base64") == 0)
		o->srs.alphabet = SRS_BASE64;
	else if (strcmp(optarg, "base64url") == 0)
		o->srs.alphabet = SRS_BASE64URL;
	else
		return srs_bad_usage(
		    "--hash-alphabet: \"%s\" is neither base64 "
		    "nor base64url",
		    optarg);
	return SRS_EXIT_OK;
}

static int
take_separator(struct srs_options *o)
{
	if (strlen(optarg) != 1 || strchr("=+-", *optarg) == NULL)
		return srs_bad_usage(
		    "--separator: \"%s\" is not one of = + -", optarg);
	o->srs.separator = *optarg;
	return SRS_EXIT_OK;
}

static int
take_secret(struct srs_options *o)
{
	if (o->secret_count == SRS_SECRETS_MAX)
		return srs_bad_usage("--secret: too many");
	o->secrets[o->secret_count++] = optarg;
	return SRS_EXIT_OK;
}

/* Whoever comes from Mail::SRS is told how it is said here. */
static int
hint(int which)
{
	static const struct {
		const char *option, *here;
	} hints[] = {
	    {"alias", "srs encode --domain DOMAIN --secret-file FILE ADDRESS"},
	    {"forward",
		"srs encode --domain DOMAIN --secret-file FILE ADDRESS"},
	    {"reverse", "srs decode --secret-file FILE ADDRESS"},
	    {"address", "the address as the last argument"},
	    {"secretfile",
		"--secret-file FILE, with --secret-line-end for secrets that "
		"Mail::SRS has read from a file"},
	    {"hashlength", "--hash-length N"},
	    {"hashmin", "--hash-min N"},
	    {"maxage", "--max-age DAYS"},
	};

	return srs_bad_usage("--%s is an option of Mail::SRS's srs; here it "
			     "is: %s",
	    hints[which].option, hints[which].here);
}

static int
take_option(struct srs_options *o, int option)
{
	switch (option) {
	case OPT_SECRET_FILE:
		o->secret_file = optarg;
		return SRS_EXIT_OK;
	case OPT_SECRET:
		return take_secret(o);
	case OPT_SECRET_LINE_END:
		o->secrets_mode = SECRETS_WITH_LINE_END;
		return SRS_EXIT_OK;
	case OPT_DOMAIN:
		return take_domain(o);
	case OPT_HASH_LENGTH:
		return take_unsigned(
		    "hash-length", 1, SRS_HASH_MAX, &o->srs.hash_length);
	case OPT_HASH_MIN:
		return take_unsigned(
		    "hash-min", 1, SRS_HASH_MAX, &o->srs.hash_min);
	case OPT_HASH_ALPHABET:
		return take_alphabet(o);
	case OPT_SEPARATOR:
		return take_separator(o);
	case OPT_MAX_AGE:
		return take_unsigned(
		    "max-age", 0, SRS_AGE_DAYS_MAX, &o->srs.max_age_days);
	case OPT_FUTURE_DAYS:
		return take_unsigned(
		    "future-days", 0, SRS_FUTURE_DAYS_MAX, &o->srs.future_days);
	case OPT_ALWAYS_REWRITE:
		o->srs.always_rewrite = true;
		return SRS_EXIT_OK;
	case OPT_MESSAGE_ID:
		o->fixed = true;
		return take_number("message-id", 0, UINT64_MAX, &o->message_id);
	case OPT_SEQUENCE:
		o->sequence_given = true;
		return take_number("sequence", 0, UINT64_MAX, &o->message_id);
	case OPT_NOW:
		o->clock_given = true;
		return take_number("now", 0, UINT64_C(1) << 40, &o->now_sec);
	case OPT_WAIT:
		return take_number("wait", 0, 3600, &o->wait_sec);
	default:
		if (option >= OPT_MAIL_SRS)
			return hint(option - OPT_MAIL_SRS);
		usage(stderr);
		return SRS_EXIT_USAGE;
	}
}

/* --- the whole line --- */

/* How short a hash may be: as long as those that are written, if not said. */
static int
check_hash(struct srs_options *o)
{
	if (o->srs.hash_min == 0)
		o->srs.hash_min = o->srs.hash_length;
	if (o->srs.hash_min > o->srs.hash_length)
		return srs_bad_usage("--hash-min %u is above --hash-length %u",
		    o->srs.hash_min, o->srs.hash_length);
	return SRS_EXIT_OK;
}

int
srs_options(int argc, char **argv, struct srs_options *o, bool *done)
{
	int option, rc = SRS_EXIT_OK;

	*o = (struct srs_options){.srs = SRS_PARAMS_DEFAULT};
	o->srs.hash_min = 0;
	*done = false;
	while (rc == SRS_EXIT_OK &&
	    (option = getopt_long(argc, argv, "hV", long_options, NULL)) !=
		-1) {
		*done = option == 'h' || option == 'V';
		if (option == 'h')
			usage(stdout);
		if (option == 'V')
			puts("srs (mailfrom) " MAILFROM_VERSION);
		if (*done)
			return SRS_EXIT_OK;
		rc = take_option(o, option);
	}
	if (rc != SRS_EXIT_OK)
		return rc;
	o->words = argv + optind;
	o->word_count = argc - optind;
	if (o->word_count == 0)
		return srs_bad_usage("which command?");
	if (o->fixed && o->sequence_given)
		return srs_bad_usage(
		    "--message-id and --sequence exclude each other");
	return check_hash(o);
}

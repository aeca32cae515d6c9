/* SPDX-License-Identifier: ISC */
/*
 * srs: rewrite, restore, sign and explain addresses on the command line.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "rewrite/secrets.h"
#include "tools/srs/srs.h"

#define SECRET_OPTIONS_MAX SRS_KEYS_MAX
#define KEYGEN_OCTETS      32

struct options {
	struct srs_params srs;
	const char *secret_file;
	const char *secrets[SECRET_OPTIONS_MAX];
	size_t secret_count;
	enum secrets_mode secrets_mode;
	const char *domain;
	const char *config;
	bool hash_min_given;
	bool fixed, sequence_given, clock_given;
	uint64_t message_id, now_sec, wait_sec;
};

struct verb {
	const char *name;
	srs_command *command; /* NULL: explain */
	bool needs_domain;
};

static void
usage(FILE *to)
{
	fputs("usage: srs encode --domain DOMAIN SECRETS [options] "
	      "[ADDRESS...]\n"
	      "       srs decode|sign|ses-sign|ses-verify SECRETS [options] "
	      "[ADDRESS...]\n"
	      "       srs explain [SECRETS] [options] ADDRESS...\n"
	      "       srs keygen\n"
	      "       srs ask [--wait SECONDS] SOCKET MAP KEY\n"
	      "       srs setup [-c FILE] FORM\n"
	      "SECRETS:  --secret-file FILE | --secret TEXT...\n"
	      "options:  --hash-length N  --hash-min N  --separator C  "
	      "--max-age DAYS\n"
	      "          --future-days DAYS  --always-rewrite  "
	      "--hash-alphabet base64|base64url\n"
	      "          --message-id N  --sequence N  --now UNIXSECONDS  "
	      "--secret-line-end\n"
	      "FORM:     postfix-milter | postfix-cleanup | postfix-simple | "
	      "sendmail |\n"
	      "          sendmail-milter\n"
	      "Without ADDRESS, a line each is read from stdin.  srs(1) has "
	      "the details.\n",
	    to);
}

static int bad_usage(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static int
bad_usage(const char *format, ...)
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

/* --- commands --- */

static enum srs_status
run_encode(struct srs_job *job, struct mf_text address, struct srs_addr *out)
{
	return srs_encode(job->srs, address, job->domain, job->now_sec, out);
}

static enum srs_status
run_decode(struct srs_job *job, struct mf_text address, struct srs_addr *out)
{
	return srs_decode(job->srs, address, job->now_sec, out, NULL);
}

static enum srs_status
run_sign(struct srs_job *job, struct mf_text address, struct srs_addr *out)
{
	return srs_sign(job->srs, address, job->now_sec, out);
}

static enum srs_status
run_ses_sign(struct srs_job *job, struct mf_text address, struct srs_addr *out)
{
	if (job->fixed)
		return ses_sign_fixed(job->ses, address, job->message_id, out);
	return ses_sign(job->ses, address,
	    job->sequence_given ? job->message_id : job->message_id++,
	    job->now_sec, out);
}

static enum srs_status
run_ses_verify(
    struct srs_job *job, struct mf_text address, struct srs_addr *out)
{
	return ses_verify(job->ses, address, job->now_sec, out, NULL);
}

static const struct verb verbs[] = {
    {"encode", run_encode, true},
    {"decode", run_decode, false},
    {"sign", run_sign, false},
    {"ses-sign", run_ses_sign, false},
    {"ses-verify", run_ses_verify, false},
    {"explain", NULL, false},
};

static int
keygen(void)
{
	unsigned char octets[KEYGEN_OCTETS];

	if (getentropy(octets, sizeof(octets)) < 0) {
		fprintf(stderr, "srs: no randomness: %s\n", strerror(errno));
		return SRS_EXIT_FAILED;
	}
	for (size_t i = 0; i < sizeof(octets); i++)
		printf("%02x", octets[i]);
	putchar('\n');
	explicit_bzero(octets, sizeof(octets));
	return SRS_EXIT_OK;
}

/* --- options --- */

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
	OPT_ALIAS,
	OPT_HELP,
	OPT_VERSION
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
    {"alias", optional_argument, NULL, OPT_ALIAS},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static int
take_number(const char *name, uint64_t max, uint64_t *out)
{
	if (text_uint(mf_text_of(optarg), max, out))
		return SRS_EXIT_OK;
	fprintf(stderr, "srs: --%s: \"%s\" is not a number from 0 to %llu\n",
	    name, optarg, (unsigned long long)max);
	return SRS_EXIT_USAGE;
}

static int
take_unsigned(const char *name, uint64_t max, unsigned *out)
{
	uint64_t n = 0;
	int rc = take_number(name, max, &n);

	*out = (unsigned)n;
	return rc;
}

static int
take_alphabet(struct options *o)
{
	if (strcmp(optarg, "base64") == 0)
		o->srs.alphabet = SRS_BASE64;
	else if (strcmp(optarg, "base64url") == 0)
		o->srs.alphabet = SRS_BASE64URL;
	else
		return bad_usage("--hash-alphabet: \"%s\" is neither base64 "
				 "nor base64url",
		    optarg);
	return SRS_EXIT_OK;
}

static int
take_separator(struct options *o)
{
	if (strlen(optarg) != 1 || strchr("=+-", *optarg) == NULL)
		return bad_usage(
		    "--separator: \"%s\" is not one of = + -", optarg);
	o->srs.separator = *optarg;
	return SRS_EXIT_OK;
}

static int
take_secret(struct options *o)
{
	if (o->secret_count == SECRET_OPTIONS_MAX)
		return bad_usage("--secret: too many");
	o->secrets[o->secret_count++] = optarg;
	return SRS_EXIT_OK;
}

static int
take_option(struct options *o, int option)
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
		o->domain = optarg;
		return SRS_EXIT_OK;
	case OPT_HASH_LENGTH:
		return take_unsigned(
		    "hash-length", SRS_HASH_MAX, &o->srs.hash_length);
	case OPT_HASH_MIN:
		o->hash_min_given = true;
		return take_unsigned(
		    "hash-min", SRS_HASH_MAX, &o->srs.hash_min);
	case OPT_HASH_ALPHABET:
		return take_alphabet(o);
	case OPT_SEPARATOR:
		return take_separator(o);
	case OPT_MAX_AGE:
		return take_unsigned(
		    "max-age", SRS_AGE_DAYS_MAX, &o->srs.max_age_days);
	case OPT_FUTURE_DAYS:
		return take_unsigned(
		    "future-days", SRS_FUTURE_DAYS_MAX, &o->srs.future_days);
	case OPT_ALWAYS_REWRITE:
		o->srs.always_rewrite = true;
		return SRS_EXIT_OK;
	case OPT_MESSAGE_ID:
		o->fixed = true;
		return take_number("message-id", UINT64_MAX, &o->message_id);
	case OPT_SEQUENCE:
		o->sequence_given = true;
		return take_number("sequence", UINT64_MAX, &o->message_id);
	case OPT_NOW:
		o->clock_given = true;
		return take_number("now", UINT64_C(1) << 40, &o->now_sec);
	case 'c':
		o->config = optarg;
		return SRS_EXIT_OK;
	case OPT_WAIT:
		return take_number("wait", 3600, &o->wait_sec);
	case OPT_ALIAS:
		return bad_usage("--alias is Mail::SRS's word; here it is: "
				 "srs encode --domain DOMAIN ADDRESS");
	default:
		usage(stderr);
		return SRS_EXIT_USAGE;
	}
}

/* --- keys --- */

static enum srs_status
add_key(struct srs_job *job, struct mf_text key)
{
	enum srs_status status = srs_ctx_add_key(job->srs, key);

	if (status == SRS_OK)
		status = ses_ctx_add_key(job->ses, key);
	if (status == SRS_OK)
		job->keys++;
	return status;
}

static bool
add_secret_file(const struct options *o, struct srs_job *job)
{
	struct report report = report_to_stderr();
	struct secrets secrets;
	enum srs_status status = SRS_OK;
	bool ok =
	    secrets_load(o->secret_file, o->secrets_mode, &secrets, &report);

	for (size_t i = 0; ok && i < secrets.count && status == SRS_OK; i++)
		status = add_key(job, secrets.items[i]);
	secrets_free(&secrets);
	if (ok && status != SRS_OK)
		report_error(&report, o->secret_file, 0, NULL,
		    "a secret is too long or there are too many");
	return ok && status == SRS_OK;
}

static int
job_open(const struct options *o, struct srs_job *job)
{
	struct ses_params ses = SES_PARAMS_DEFAULT;

	ses.max_age_days = o->srs.max_age_days;
	if (srs_ctx_new(&o->srs, &job->srs) != SRS_OK ||
	    ses_ctx_new(&ses, &job->ses) != SRS_OK)
		return bad_usage("hash length and minimum are 1 to 27, the "
				 "minimum not above the length");
	job->max_age_days = o->srs.max_age_days;
	job->future_days = o->srs.future_days;
	job->domain = mf_text_of(o->domain);
	job->fixed = o->fixed;
	job->sequence_given = o->sequence_given;
	job->message_id = o->message_id;
	job->clock_given = o->clock_given;
	job->now_sec = o->now_sec;
	if (!o->fixed && !o->sequence_given &&
	    getentropy(&job->message_id, sizeof(uint32_t)) < 0)
		return bad_usage("no randomness: %s", strerror(errno));
	if (o->secret_file != NULL && !add_secret_file(o, job))
		return SRS_EXIT_USAGE;
	for (size_t i = 0; i < o->secret_count; i++)
		if (add_key(job, mf_text_of(o->secrets[i])) != SRS_OK)
			return bad_usage("--secret: empty or too long");
	return SRS_EXIT_OK;
}

static int
run(const struct verb *verb, struct srs_job *job, char **addresses)
{
	int rc = SRS_EXIT_OK;

	if (verb->command != NULL && *addresses == NULL)
		return srs_batch(verb->command, job);
	if (!job->clock_given)
		job->now_sec = (uint64_t)time(NULL);
	for (; *addresses != NULL; addresses++) {
		int one = verb->command != NULL
		    ? srs_single(verb->command, job, *addresses)
		    : srs_explain(job, mf_text_of(*addresses));

		rc = one != SRS_EXIT_OK ? one : rc;
	}
	if (fflush(stdout) != 0) {
		perror("srs: stdout");
		return SRS_EXIT_FAILED;
	}
	return rc;
}

static const struct verb *
find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

static int
check(const struct verb *verb, const struct options *o, int addresses)
{
	if (verb->needs_domain && o->domain == NULL)
		return bad_usage("%s needs --domain, the domain to rewrite "
				 "into",
		    verb->name);
	if (verb->command != NULL && o->secret_file == NULL &&
	    o->secret_count == 0)
		return bad_usage(
		    "%s needs --secret-file or --secret", verb->name);
	if (verb->command == NULL && addresses == 0)
		return bad_usage("%s needs an address", verb->name);
	if (o->fixed && o->sequence_given)
		return bad_usage("--message-id and --sequence exclude each "
				 "other");
	return SRS_EXIT_OK;
}

int
main(int argc, char **argv)
{
	struct options o = {.srs = SRS_PARAMS_DEFAULT,
	    .config = MAILFROM_SYSCONFDIR "/mailfrom/mailfrom.conf"};
	struct srs_job job = {.srs = NULL};
	const struct verb *verb;
	int option, rc = SRS_EXIT_OK;

	while (rc == SRS_EXIT_OK &&
	    (option = getopt_long(argc, argv, "c:", long_options, NULL)) !=
		-1) {
		if (option == OPT_HELP) {
			usage(stdout);
			return SRS_EXIT_OK;
		}
		if (option == OPT_VERSION) {
			puts("srs (mailfrom) " MAILFROM_VERSION);
			return SRS_EXIT_OK;
		}
		rc = take_option(&o, option);
	}
	if (rc != SRS_EXIT_OK)
		return rc;
	if (optind == argc)
		return bad_usage("which command?");
	if (strcmp(argv[optind], "keygen") == 0)
		return keygen();
	if (strcmp(argv[optind], "ask") == 0) {
		if (argc - optind != 4)
			return bad_usage("ask needs SOCKET, MAP and KEY");
		return srs_ask(argv[optind + 1], argv[optind + 2],
		    argv[optind + 3], o.wait_sec);
	}
	if (strcmp(argv[optind], "setup") == 0) {
		if (argc - optind != 2)
			return bad_usage("setup needs FORM");
		return srs_setup(argv[optind + 1], o.config);
	}
	verb = find_verb(argv[optind++]);
	if (verb == NULL)
		return bad_usage("\"%s\" is not a command", argv[optind - 1]);
	if (!o.hash_min_given)
		o.srs.hash_min = o.srs.hash_length;
	rc = check(verb, &o, argc - optind);
	if (rc == SRS_EXIT_OK)
		rc = job_open(&o, &job);
	if (rc == SRS_EXIT_OK)
		rc = run(verb, &job, argv + optind);
	srs_ctx_free(job.srs);
	ses_ctx_free(job.ses);
	return rc;
}

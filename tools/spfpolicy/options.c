/* SPDX-License-Identifier: ISC */
/*
 * The command line of spfpolicy.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>

#include "common/similar.h"
#include "settings/spfmilter.h"
#include "tools/spfpolicy/spfpolicy.h"

/* What is given before it is put together. */
struct given {
	struct spfpolicy_options *out;
	const char *identity;
	bool has_result;
};

static void
usage(FILE *to)
{
	fputs("usage: spfpolicy --access MAP --result RESULT --sender ADDRESS "
	      "[--helo NAME] [options]\n"
	      "       spfpolicy --access MAP --result RESULT --helo NAME "
	      "[options]\n"
	      "       spfpolicy --access MAP --auth USER --sender ADDRESS "
	      "[options]\n"
	      "       spfpolicy --access MAP --recipient ADDRESS [options]\n"
	      "       spfpolicy --access MAP --lint\n"
	      "RESULT:   none, neutral, pass, fail, softfail, temperror, "
	      "permerror\n"
	      "options:  --trace  --identity mailfrom|helo|srs  "
	      "--defaults rfc|pymilter\n"
	      "          --recipient ADDRESS  --delay-checks no|friend|hater\n"
	      "          --dkim DOMAIN\n"
	      "          -V, --version  -h, --help\n"
	      "First line: the action.  spfpolicy(1) has the details.\n",
	    to);
}

static int bad_usage(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static int
bad_usage(const char *format, ...)
{
	va_list args;

	fputs("spfpolicy: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs("\nspfpolicy --help shows the usage\n", stderr);
	return SPFPOLICY_USAGE;
}

/* --- words --- */

/* The place of word among words, up to a NULL; or usage. */
static int
take_word(const char *option, const char *word, const char *const *words,
    unsigned *out)
{
	const char *meant = similar_word(mf_text_of(word), words);

	for (unsigned i = 0; words[i] != NULL; i++)
		if (text_eq_fold(mf_text_of(word), mf_text_of(words[i]))) {
			*out = i;
			return SPFPOLICY_OK;
		}
	if (meant != NULL)
		return bad_usage("%s: \"%s\" is none of its words; is \"%s\" "
				 "meant?",
		    option, word, meant);
	return bad_usage("%s: \"%s\" is none of its words", option, word);
}

static int
take_result(struct given *g)
{
	const char *words[SPF_PERMERROR + 2];
	unsigned n = 0;

	for (int r = SPF_NONE; r <= SPF_PERMERROR; r++)
		words[r] = spf_result_text((enum spf_result)r);
	words[SPF_PERMERROR + 1] = NULL;
	int rc = take_word("--result", optarg, words, &n);
	g->out->result = (enum spf_result)n;
	g->has_result = true;
	return rc;
}

static int
take_defaults(struct given *g)
{
	unsigned n = 0;
	int rc = take_word("--defaults", optarg, lookup_defaults_names, &n);

	g->out->defaults = (enum lookup_defaults)n;
	return rc;
}

static int
take_delay_checks(struct given *g)
{
	unsigned n = 0;
	int rc =
	    take_word("--delay-checks", optarg, lookup_recipients_names, &n);

	g->out->delay_checks = (enum lookup_recipients)n;
	return rc;
}

/* --- options --- */

enum {
	OPT_ACCESS = 256,
	OPT_RESULT,
	OPT_SENDER,
	OPT_HELO,
	OPT_AUTH,
	OPT_RECIPIENT,
	OPT_DKIM,
	OPT_IDENTITY,
	OPT_DEFAULTS,
	OPT_DELAY_CHECKS,
	OPT_TRACE,
	OPT_LINT
};

static const struct option long_options[] = {
    {"access", required_argument, NULL, OPT_ACCESS},
    {"result", required_argument, NULL, OPT_RESULT},
    {"sender", required_argument, NULL, OPT_SENDER},
    {"helo", required_argument, NULL, OPT_HELO},
    {"auth", required_argument, NULL, OPT_AUTH},
    {"recipient", required_argument, NULL, OPT_RECIPIENT},
    {"dkim", required_argument, NULL, OPT_DKIM},
    {"identity", required_argument, NULL, OPT_IDENTITY},
    {"defaults", required_argument, NULL, OPT_DEFAULTS},
    {"delay-checks", required_argument, NULL, OPT_DELAY_CHECKS},
    {"trace", no_argument, NULL, OPT_TRACE},
    {"lint", no_argument, NULL, OPT_LINT},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static int
take_option(struct given *g, int option)
{
	switch (option) {
	case OPT_ACCESS:
		g->out->access = optarg;
		return SPFPOLICY_OK;
	case OPT_RESULT:
		return take_result(g);
	case OPT_SENDER:
		g->out->sender = optarg;
		return SPFPOLICY_OK;
	case OPT_HELO:
		g->out->helo = optarg;
		return SPFPOLICY_OK;
	case OPT_AUTH:
		g->out->auth = optarg;
		return SPFPOLICY_OK;
	case OPT_RECIPIENT:
		g->out->recipient = optarg;
		return SPFPOLICY_OK;
	case OPT_DKIM:
		g->out->dkim = optarg;
		return SPFPOLICY_OK;
	case OPT_IDENTITY:
		g->identity = optarg;
		return SPFPOLICY_OK;
	case OPT_DEFAULTS:
		return take_defaults(g);
	case OPT_DELAY_CHECKS:
		return take_delay_checks(g);
	case OPT_TRACE:
		g->out->trace = true;
		return SPFPOLICY_OK;
	case OPT_LINT:
		g->out->lint = true;
		return SPFPOLICY_OK;
	default:
		/* getopt has said what is wrong. */
		fputs("spfpolicy --help shows the usage\n", stderr);
		return SPFPOLICY_USAGE;
	}
}

/* --- the whole line --- */

/* Which identity is looked up, if none is named. */
static enum lookup_identity
find_identity(const struct spfpolicy_options *o)
{
	if (o->auth != NULL)
		return LOOKUP_AUTH;
	if (o->sender == NULL)
		return LOOKUP_HELO;
	return *o->sender == '\0' || strcmp(o->sender, "<>") == 0
	    ? LOOKUP_NULL
	    : LOOKUP_MAILFROM;
}

static int
take_identity(const struct given *g)
{
	static const char *const words[] = {"mailfrom", "helo", "srs", NULL};
	struct spfpolicy_options *o = g->out;
	unsigned n;
	int rc;

	o->identity = find_identity(o);
	if (g->identity == NULL)
		return SPFPOLICY_OK;
	rc = take_word("--identity", g->identity, words, &n);
	if (rc != SPFPOLICY_OK)
		return rc;
	if (o->auth != NULL)
		return bad_usage("--auth is an identity of its own; leave out "
				 "--identity");
	if (n == 1)
		o->identity = LOOKUP_HELO;
	else if (n == 2 && o->identity == LOOKUP_MAILFROM)
		o->identity = LOOKUP_SRS;
	else if (n == 2 || o->sender == NULL)
		return bad_usage(
		    "--identity %s needs --sender ADDRESS", g->identity);
	return SPFPOLICY_OK;
}

/* Everything that is needed is there, and nothing else. */
static int
check_sender(const struct given *g)
{
	const struct spfpolicy_options *o = g->out;

	if (o->auth != NULL && o->sender == NULL)
		return bad_usage("--auth needs --sender ADDRESS, whose domain "
				 "is looked up");
	if (o->auth != NULL && g->has_result)
		return bad_usage("who has authenticated has no SPF result: "
				 "leave out --result or --auth");
	if (o->auth != NULL)
		return SPFPOLICY_OK;
	if (!g->has_result)
		return bad_usage("which result? Add --result fail, or another "
				 "one");
	if (o->identity == LOOKUP_HELO && o->helo == NULL)
		return bad_usage("whose result? Add --sender ADDRESS, or "
				 "--helo NAME");
	return SPFPOLICY_OK;
}

static int
check(const struct given *g)
{
	struct spfpolicy_options *o = g->out;
	bool has_identity =
	    o->sender != NULL || o->helo != NULL || o->auth != NULL;

	if (o->access == NULL)
		return bad_usage("which access file? Add --access MAP, such "
				 "as --access /etc/mail/access");
	o->asks_sender = has_identity || g->has_result || g->identity != NULL;
	if (o->dkim != NULL && (o->asks_sender || o->recipient != NULL))
		return bad_usage("--dkim looks up the domain of a signature, "
				 "and nothing else");
	if (o->lint)
		return o->asks_sender || o->recipient != NULL ||
			o->dkim != NULL || o->trace
		    ? bad_usage("--lint looks at the whole file, and at "
				"nobody's address")
		    : SPFPOLICY_OK;
	if (o->dkim != NULL)
		return SPFPOLICY_OK;
	if (!o->asks_sender && o->recipient == NULL)
		return bad_usage("what is to be looked up? Add --result and "
				 "--sender, or --recipient; or --lint");
	return o->asks_sender ? check_sender(g) : SPFPOLICY_OK;
}

int
spfpolicy_options(
    int argc, char **argv, struct spfpolicy_options *out, bool *done)
{
	struct given given = {.out = out};
	int option, rc = SPFPOLICY_OK;

	*out = (struct spfpolicy_options){.access = NULL};
	*done = false;
	while (rc == SPFPOLICY_OK &&
	    (option = getopt_long(argc, argv, "hV", long_options, NULL)) !=
		-1) {
		*done = option == 'h' || option == 'V';
		if (option == 'h')
			usage(stdout);
		if (option == 'V')
			puts("spfpolicy (mailfrom) " MAILFROM_VERSION);
		if (*done)
			return SPFPOLICY_OK;
		rc = take_option(&given, option);
	}
	if (rc != SPFPOLICY_OK)
		return rc;
	if (optind != argc)
		return bad_usage("\"%s\": all is said by options, such as "
				 "--sender",
		    argv[optind]);
	rc = take_identity(&given);
	return rc == SPFPOLICY_OK ? check(&given) : rc;
}

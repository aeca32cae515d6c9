/* SPDX-License-Identifier: ISC */
/*
 * The command line of spfquery, and what people know from other programs of
 * that name: Mail::SPF's, libspf2's (one dash will do for long options) and
 * pyspf's (IP, sender and HELO name without options).
 */
#include <getopt.h>

#include "tools/spfquery/spfquery.h"

#include "common/text.h"

#define TIMEOUT_DEFAULT_SEC 20
#define TIMEOUT_MAX_SEC     25

/* pyspf's guess. */
#define GUESS_DEFAULT "a/24 mx/24 ptr"

static void
usage(FILE *to)
{
	fputs("usage: spfquery --ip IP --sender ADDRESS --helo NAME [options]\n"
	      "       spfquery --ip IP --helo NAME [options]\n"
	      "       spfquery [options] IP ADDRESS NAME\n"
	      "       spfquery --file FILE [options]\n"
	      "       spfquery --lint|--tree|--networks|--flatten DOMAIN...|- "
	      "[--json|--csv]\n"
	      "       spfquery --lint|--tree|--networks --html DOMAIN\n"
	      "       spfquery --suite FILE...\n"
	      "options:  --trace  --json  --zone FILE  --nameserver IP[:PORT]  "
	      "--timeout SECONDS\n"
	      "          --record RECORD  --override DOMAIN=RECORD  "
	      "--guess TERMS  --best-guess\n"
	      "          --delegate DOMAIN  --default-explanation TEXT  "
	      "--receiver NAME\n"
	      "          --identity NAME  --scope mfrom|helo  "
	      "--engine native|libspf2|audit\n"
	      "          --contains NETWORK  --from NAME  --check\n"
	      "          --max-terms N  --max-voids N  --max-mx N\n"
	      "          --now UNIXSECONDS  -V, --version  -h, --help\n"
	      "First line: the result.  Exit status: pass 0, fail 1, softfail "
	      "2, neutral 3,\npermerror 4, temperror 5, none 6, errors 255.  "
	      "spfquery(1) has the details.\n",
	    to);
}

/* --- the options --- */

enum {
	OPT_IP = 256,
	OPT_SENDER,
	OPT_HELO,
	OPT_IDENTITY,
	OPT_SCOPE,
	OPT_RECEIVER,
	OPT_TRACE,
	OPT_JSON,
	OPT_ENGINE,
	OPT_NAMESERVER,
	OPT_TIMEOUT,
	OPT_RECORD,
	OPT_ZONE,
	OPT_GUESS,
	OPT_BEST_GUESS,
	OPT_DELEGATE,
	OPT_EXPLANATION,
	OPT_OVERRIDE,
	OPT_FILE,
	OPT_LINT,
	OPT_TREE,
	OPT_NETWORKS,
	OPT_CONTAINS,
	OPT_FLATTEN,
	OPT_FROM,
	OPT_CHECK,
	OPT_CSV,
	OPT_HTML,
	OPT_SUITE,
	OPT_NOW,
	OPT_MAX_TERMS,
	OPT_MAX_VOIDS,
	OPT_MAX_MX,
	OPT_VERSIONS,
	OPT_PRA,
	OPT_UNSUPPORTED,
	OPT_IGNORED,
	OPT_HELP,
	OPT_VERSION
};

static const struct option long_options[] = {
    {"ip", required_argument, NULL, OPT_IP},
    {"sender", required_argument, NULL, OPT_SENDER},
    {"helo", required_argument, NULL, OPT_HELO},
    {"identity", required_argument, NULL, OPT_IDENTITY},
    {"scope", required_argument, NULL, OPT_SCOPE},
    {"receiver", required_argument, NULL, OPT_RECEIVER},
    {"trace", no_argument, NULL, OPT_TRACE},
    {"json", no_argument, NULL, OPT_JSON},
    {"engine", required_argument, NULL, OPT_ENGINE},
    {"nameserver", required_argument, NULL, OPT_NAMESERVER},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"record", required_argument, NULL, OPT_RECORD},
    {"zone", required_argument, NULL, OPT_ZONE},
    {"guess", required_argument, NULL, OPT_GUESS},
    {"best-guess", no_argument, NULL, OPT_BEST_GUESS},
    {"delegate", required_argument, NULL, OPT_DELEGATE},
    {"default-explanation", required_argument, NULL, OPT_EXPLANATION},
    {"override", required_argument, NULL, OPT_OVERRIDE},
    {"file", required_argument, NULL, OPT_FILE},
    {"lint", no_argument, NULL, OPT_LINT},
    {"tree", no_argument, NULL, OPT_TREE},
    {"networks", no_argument, NULL, OPT_NETWORKS},
    {"contains", required_argument, NULL, OPT_CONTAINS},
    {"flatten", no_argument, NULL, OPT_FLATTEN},
    {"from", required_argument, NULL, OPT_FROM},
    {"check", no_argument, NULL, OPT_CHECK},
    {"csv", no_argument, NULL, OPT_CSV},
    {"html", no_argument, NULL, OPT_HTML},
    {"suite", no_argument, NULL, OPT_SUITE},
    {"now", required_argument, NULL, OPT_NOW},
    {"max-terms", required_argument, NULL, OPT_MAX_TERMS},
    {"max-voids", required_argument, NULL, OPT_MAX_VOIDS},
    {"max-mx", required_argument, NULL, OPT_MAX_MX},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    /* Other programs' words. */
    {"ip-address", required_argument, NULL, OPT_IP},
    {"mail-from", required_argument, NULL, OPT_SENDER},
    {"mailfrom", required_argument, NULL, OPT_SENDER},
    {"mfrom", required_argument, NULL, OPT_SENDER},
    {"id", required_argument, NULL, OPT_IDENTITY},
    {"helo-identity", required_argument, NULL, OPT_HELO},
    {"helo-id", required_argument, NULL, OPT_HELO},
    {"def-exp", required_argument, NULL, OPT_EXPLANATION},
    {"hostname", required_argument, NULL, OPT_RECEIVER},
    {"name", required_argument, NULL, OPT_RECEIVER},
    {"debug", optional_argument, NULL, OPT_TRACE},
    {"verbose", no_argument, NULL, OPT_TRACE},
    {"versions", required_argument, NULL, OPT_VERSIONS},
    {"pra", required_argument, NULL, OPT_PRA},
    {"local", required_argument, NULL, OPT_UNSUPPORTED},
    {"fallback", required_argument, NULL, OPT_UNSUPPORTED},
    {"max-lookup", required_argument, NULL, OPT_UNSUPPORTED},
    {"max-dns-interactive-terms", required_argument, NULL, OPT_UNSUPPORTED},
    {"max-name-lookups-per-term", required_argument, NULL, OPT_UNSUPPORTED},
    {"authorize-mxes-for", required_argument, NULL, OPT_UNSUPPORTED},
    {"tfwl", no_argument, NULL, OPT_UNSUPPORTED},
    {"trusted", required_argument, NULL, OPT_IGNORED},
    {"rcpt-to", required_argument, NULL, OPT_IGNORED},
    {"sanitize", optional_argument, NULL, OPT_IGNORED},
    {"no-sanitize", no_argument, NULL, OPT_IGNORED},
    {"keep-comments", no_argument, NULL, OPT_IGNORED},
    {"no-keep-comments", no_argument, NULL, OPT_IGNORED},
    {"strict", required_argument, NULL, OPT_IGNORED},
    {"enable-black-magic", no_argument, NULL, OPT_IGNORED},
    {NULL, 0, NULL, 0},
};

static const struct {
	char letter;
	int option;
} letters[] = {{'i', OPT_IP}, {'h', OPT_HELO}, {'m', OPT_SENDER},
    {'f', OPT_FILE}, {'r', OPT_IGNORED}, {'n', OPT_RECEIVER},
    {'e', OPT_EXPLANATION}, {'g', OPT_GUESS}, {'d', OPT_TRACE},
    {'v', OPT_TRACE}, {'V', OPT_VERSION}};

#define LETTERS "i:h:m:s:f:r:n:e:g:dvV"

/* --- values --- */

static int
take_engine(struct spfquery_options *o)
{
	if (spf_engine_parse(mf_text_of(optarg), &o->engine))
		return SPFQUERY_OK;
	return spfquery_bad_usage(
	    "--engine: \"%s\" is none of native, libspf2, audit", optarg);
}

static int
take_scope(struct spfquery_options *o)
{
	bool helo = strcmp(optarg, "helo") == 0;

	if (!helo && strcmp(optarg, "mfrom") != 0 &&
	    strcmp(optarg, "mailfrom") != 0)
		return spfquery_bad_usage("--scope: \"%s\" is neither mfrom "
					  "nor helo (Sender ID's pra isn't "
					  "SPF)",
		    optarg);
	o->helo_scope = helo;
	return SPFQUERY_OK;
}

/* -s is libspf2's --sender, and Mail::SPF's --scope. */
static int
take_s(struct spfquery_options *o)
{
	if (strcmp(optarg, "helo") == 0 || strcmp(optarg, "mfrom") == 0 ||
	    strcmp(optarg, "pra") == 0)
		return take_scope(o);
	o->sender = optarg;
	return SPFQUERY_OK;
}

static int
take_number(const char *name, uint64_t min, uint64_t max, uint64_t *out)
{
	if (text_uint(mf_text_of(optarg), max, out) && *out >= min)
		return SPFQUERY_OK;
	return spfquery_bad_usage(
	    "--%s: \"%s\" is not a number from %llu to %llu", name, optarg,
	    (unsigned long long)min, (unsigned long long)max);
}

static int
take_timeout(struct spfquery_options *o)
{
	uint64_t n = TIMEOUT_DEFAULT_SEC;
	int rc = take_number("timeout", 1, TIMEOUT_MAX_SEC, &n);

	o->timeout_sec = (unsigned)n;
	return rc;
}

/* A limit for a what-if; lower ones would be no receiver's. */
static int
take_limit(const char *name, unsigned least, unsigned *out)
{
	uint64_t n = least;
	int rc = take_number(name, least, SPF_LIMIT_MAX, &n);

	*out = (unsigned)n;
	return rc;
}

static int
take_override(struct spfquery_options *o)
{
	if (strchr(optarg, '=') == NULL || *optarg == '=' ||
	    strchr(optarg, '*') != NULL)
		return spfquery_bad_usage(
		    "--override: \"%s\" is not DOMAIN=RECORD", optarg);
	if (o->override_count == SPFQUERY_OVERRIDES_MAX)
		return spfquery_bad_usage("--override: too many");
	o->overrides[o->override_count++] = optarg;
	return SPFQUERY_OK;
}

static int
take_view(struct spfquery_options *o, enum spfquery_view view)
{
	if (o->view != VIEW_NONE && o->view != view)
		return spfquery_bad_usage(
		    "--lint, --tree, --networks and --flatten exclude each "
		    "other");
	o->view = view;
	return SPFQUERY_OK;
}

/* What has no effect here, or would change a result. */
static int
take_foreign(int option, const char *name)
{
	switch (option) {
	case OPT_VERSIONS:
		if (strchr(optarg, '1') != NULL)
			return SPFQUERY_OK;
		return spfquery_bad_usage(
		    "--versions: only records of version 1 are SPF");
	case OPT_PRA:
		return spfquery_bad_usage("--pra: Sender ID isn't supported");
	case OPT_UNSUPPORTED:
		return spfquery_bad_usage("--%s isn't supported: it would give "
					  "results that no receiver gives",
		    name);
	default:
		fprintf(stderr, "spfquery: %s has no effect here\n", name);
		return SPFQUERY_OK;
	}
}

static int
take_option(struct spfquery_options *o, int option, const char *name)
{
	switch (option) {
	case OPT_IP:
		o->ip = optarg;
		return SPFQUERY_OK;
	case OPT_SENDER:
		o->sender = optarg;
		return SPFQUERY_OK;
	case OPT_HELO:
		o->helo = optarg;
		return SPFQUERY_OK;
	case OPT_IDENTITY:
		o->identity = optarg;
		return SPFQUERY_OK;
	case OPT_SCOPE:
		return take_scope(o);
	case 's':
		return take_s(o);
	case OPT_RECEIVER:
		o->receiver = optarg;
		return SPFQUERY_OK;
	case OPT_TRACE:
		o->trace = true;
		return SPFQUERY_OK;
	case OPT_JSON:
		o->json = true;
		return SPFQUERY_OK;
	case OPT_ENGINE:
		return take_engine(o);
	case OPT_NAMESERVER:
		o->nameservers = optarg;
		return SPFQUERY_OK;
	case OPT_TIMEOUT:
		return take_timeout(o);
	case OPT_RECORD:
		o->record = optarg;
		return SPFQUERY_OK;
	case OPT_ZONE:
		o->zone = optarg;
		return SPFQUERY_OK;
	case OPT_GUESS:
		o->guess = optarg;
		return SPFQUERY_OK;
	case OPT_BEST_GUESS:
		o->guess = GUESS_DEFAULT;
		return SPFQUERY_OK;
	case OPT_DELEGATE:
		o->delegate = optarg;
		return SPFQUERY_OK;
	case OPT_EXPLANATION:
		o->explanation = optarg;
		return SPFQUERY_OK;
	case OPT_OVERRIDE:
		return take_override(o);
	case OPT_FILE:
		o->file = optarg;
		return SPFQUERY_OK;
	case OPT_LINT:
		return take_view(o, VIEW_LINT);
	case OPT_TREE:
		return take_view(o, VIEW_TREE);
	case OPT_NETWORKS:
		return take_view(o, VIEW_NETWORKS);
	case OPT_FLATTEN:
		return take_view(o, VIEW_FLATTEN);
	case OPT_CONTAINS:
		o->contains = optarg;
		return SPFQUERY_OK;
	case OPT_FROM:
		o->from = optarg;
		return SPFQUERY_OK;
	case OPT_CHECK:
		o->check = true;
		return SPFQUERY_OK;
	case OPT_HTML:
		o->html = true;
		return SPFQUERY_OK;
	case OPT_CSV:
		o->csv = true;
		return SPFQUERY_OK;
	case OPT_SUITE:
		o->suite = true;
		return SPFQUERY_OK;
	case OPT_NOW:
		return take_number("now", 0, UINT64_C(1) << 40, &o->now_sec);
	case OPT_MAX_TERMS:
		return take_limit(name, SPF_TERMS_MAX, &o->limits.terms);
	case OPT_MAX_VOIDS:
		return take_limit(name, SPF_VOIDS_MAX, &o->limits.voids);
	case OPT_MAX_MX:
		return take_limit(name, SPF_MX_MAX, &o->limits.mx);
	case OPT_VERSIONS:
	case OPT_PRA:
	case OPT_UNSUPPORTED:
	case OPT_IGNORED:
		return take_foreign(option, name);
	default:
		/* getopt has said what is wrong. */
		fputs("spfquery: spfquery --help shows the usage\n", stderr);
		return SPFQUERY_USAGE;
	}
}

/* --- the whole line --- */

static int
of_letter(int letter)
{
	for (size_t i = 0; i < sizeof(letters) / sizeof(letters[0]); i++)
		if (letters[i].letter == letter)
			return letters[i].option;
	return letter;
}

int
spfquery_options(
    int argc, char **argv, struct spfquery_options *out, bool *done)
{
	int letter, index = -1, rc = SPFQUERY_OK;

	*out = (struct spfquery_options){.timeout_sec = TIMEOUT_DEFAULT_SEC};
	/* Alone it can't be HELO, which needs a name. */
	*done = argc == 2 && strcmp(argv[1], "-h") == 0;
	if (*done) {
		usage(stdout);
		return SPFQUERY_OK;
	}
	while (rc == SPFQUERY_OK &&
	    (letter = getopt_long_only(
		 argc, argv, LETTERS, long_options, &index)) != -1) {
		int option = of_letter(letter);

		*done = option == OPT_HELP || option == OPT_VERSION;
		if (option == OPT_HELP)
			usage(stdout);
		if (option == OPT_VERSION)
			puts("spfquery (mailfrom) " MAILFROM_VERSION);
		if (*done)
			return SPFQUERY_OK;
		rc = take_option(
		    out, option, index >= 0 ? long_options[index].name : "-r");
		index = -1;
	}
	if (rc != SPFQUERY_OK)
		return rc;
	out->arguments = argv + optind;
	out->argument_count = (size_t)(argc - optind);
	return spfquery_options_check(out);
}

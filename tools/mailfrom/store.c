/* SPDX-License-Identifier: ISC */
/*
 * mailfrom store: what the store holds, a look-up, purge and import.
 */
#include "tools/mailfrom/store.h"

#include <getopt.h>
#include <stdio.h>
#include <time.h>

#include "common/log.h"
#include "common/source.h"
#include "rewrite/legacy.h"
#include "rewrite/policy.h"
#include "settings/sections.h"
#include "store/rows.h"
#include "tools/mailfrom/mailfrom.h"

#define DAY_SEC 86400

struct store_options {
	const char *config;
	bool is_help, is_version;
};

/* What the configuration says. */
struct store_configured {
	struct store_params params;
	uint64_t row_days; /* that a row lives, at least */
	char url[STORE_PATH_SIZE];
};

static const struct option long_options[] = {
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static void
usage(void)
{
	puts(
	    "usage: mailfrom store [-c FILE]                     what it holds\n"
	    "       mailfrom store [-c FILE] lookup ADDRESS...   senders of "
	    "aliases\n"
	    "       mailfrom store [-c FILE] purge               delete what "
	    "has expired\n"
	    "       mailfrom store [-c FILE] import FILE|URL     aliases of "
	    "postsrsd 2.x\n"
	    "  -c FILE    the configuration (default\n"
	    "             " MAILFROM_CONFIG ")\n"
	    "  -h, --help | -V, --version");
}

static int
read_options(int argc, char **argv, struct store_options *o)
{
	int option;

	*o = (struct store_options){.config = MAILFROM_CONFIG};
	optind = 1;
	while ((option = getopt_long(
		    argc, argv, "+c:hV", long_options, NULL)) != -1) {
		if (option == '?')
			return mailfrom_bad_usage("store", "wrong option");
		if (option == 'c')
			o->config = optarg;
		o->is_help = o->is_help || option == 'h';
		o->is_version = o->is_version || option == 'V';
	}
	return MAILFROM_EXIT_OK;
}

/* --- the configuration --- */

struct store_load {
	const char *path;
	struct store_configured *out;
};

static bool
load(void *arg, const struct source *source, struct report *report)
{
	const struct store_load *l = arg;
	struct store_configured *out = l->out;
	struct rewrite_settings srs = {.max_age = 0};
	struct store_settings store = {.timeout = 0};
	struct conf_section sections[SECTION_COUNT];
	struct conf *conf;
	bool ok;

	settings_sections(
	    &(struct settings_wanted){.srs = &srs, .store = &store}, sections);
	ok = conf_load(&conf, &source->ini, sections, SECTION_COUNT, report);
	if (conf == NULL)
		return false;
	ok = store_params_read(&store, conf, l->path, &out->params, report) &&
	    ok;
	out->row_days = srs.max_age + srs.future_days + 1;
	snprintf(out->url, sizeof(out->url), "%.*s", (int)store.url.len,
	    store.url.p);
	if (ok && out->params.url.scheme == STORE_NONE) {
		report_error(report, l->path, 0, "url",
		    "there is no store: [store] has none");
		ok = false;
	}
	conf_free(conf);
	return ok;
}

/* --- what it holds --- */

struct store_census {
	uint64_t aliases, counts, others;
	uint64_t first_sec, last_sec; /* expiry of aliases */
};

static bool
count_row(void *arg, const struct stored_row *row)
{
	struct store_census *c = arg;

	if (text_starts(row->key, MF_TEXT("u:")))
		c->counts++;
	else if (!text_starts(row->key, MF_TEXT(POLICY_ROW_PREFIX)))
		c->others++;
	else {
		c->aliases++;
		if (c->first_sec == 0 || row->expires_sec < c->first_sec)
			c->first_sec = row->expires_sec;
		if (row->expires_sec > c->last_sec)
			c->last_sec = row->expires_sec;
	}
	return true;
}

static void
print_date(const char *what, uint64_t sec)
{
	time_t when = (time_t)sec;
	struct tm utc;
	char text[32];

	if (gmtime_r(&when, &utc) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%d", &utc) != 0)
		printf(", %s %s", what, text);
}

static int
fail(const char *reason)
{
	fprintf(stderr, "mailfrom store: %s\n", reason);
	return MAILFROM_EXIT_FAILED;
}

static int
show(const struct store_configured *c, uint64_t now)
{
	struct store_census census = {.aliases = 0};
	const struct rows_request request = {
	    .row = count_row, .arg = &census, .now_sec = now};
	char reason[ROWS_REASON_SIZE];

	if (!store_rows(&c->params, &request, reason))
		return fail(reason);
	printf("%s\naliases: %llu", c->url, (unsigned long long)census.aliases);
	if (census.aliases != 0) {
		print_date("the oldest made about",
		    census.first_sec - (c->row_days + 1) * DAY_SEC);
		print_date("the last expires", census.last_sec);
	}
	printf(
	    "\nused SES signatures: %llu\n", (unsigned long long)census.counts);
	if (census.others != 0)
		printf("others: %llu\n", (unsigned long long)census.others);
	return MAILFROM_EXIT_OK;
}

/* --- a look-up --- */

/* DIGEST, DIGEST@1, or the whole alias: what follows its last "=". */
static bool
read_digest(struct mf_text text, char digest[static SRS_DIGEST_SIZE])
{
	char original[SRS_DIGEST_LEN + 2];
	struct text_out out = text_out(original, sizeof(original));

	text = text_head(text, text_find(text, '@'));
	if (text_rfind(text, '=') != text.len)
		text = text_from(text, text_rfind(text, '=') + 1);
	out_text(&out, text);
	out_str(&out, "@1");
	return !out.full && srs_alias_digest(out_view(&out), digest);
}

static bool
look_up_one(struct store *store, const char *address, uint64_t now)
{
	char digest[SRS_DIGEST_SIZE], key[POLICY_ROW_KEY_SIZE];
	struct store_answer answer;

	if (!read_digest(mf_text_of(address), digest)) {
		printf("! not an alias\n");
		return false;
	}
	snprintf(key, sizeof(key), POLICY_ROW_PREFIX "%s", digest);
	switch (store_call(store,
	    &(struct store_request){
		.kind = STORE_GET, .key = mf_text_of(key), .now_sec = now},
	    &answer)) {
	case STORE_OK:
		printf("%.*s\n", (int)answer.value_len, answer.value);
		return true;
	case STORE_ABSENT:
		printf("! no such row\n");
		return false;
	case STORE_DOWN:
	case STORE_WAITS:
		break;
	}
	printf("! the store doesn't answer\n");
	return false;
}

static int
look_up(const struct store_params *params, char **addresses, uint64_t now)
{
	struct report report = report_to_stderr();
	struct store *store = store_new(params, NULL, &report);
	bool ok = true;

	if (store == NULL)
		return MAILFROM_EXIT_FAILED;
	for (; *addresses != NULL; addresses++)
		ok = look_up_one(store, *addresses, now) && ok;
	store_release(store);
	return ok ? MAILFROM_EXIT_OK : MAILFROM_EXIT_FAILED;
}

/* --- the rest --- */

static int
purge(const struct store_params *params, uint64_t now)
{
	char reason[ROWS_REASON_SIZE];
	uint64_t deleted;

	if (!store_purge(params, now, &deleted, reason))
		return fail(reason);
	if (params->url.scheme == STORE_SQLITE)
		printf("%llu rows deleted\n", (unsigned long long)deleted);
	else
		puts("Redis deletes what has expired by itself");
	return MAILFROM_EXIT_OK;
}

static int
run(const struct store_configured *c, int argc, char **argv)
{
	const char *what = argc != 0 ? argv[0] : NULL;
	uint64_t now = (uint64_t)time(NULL);

	if (what == NULL)
		return show(c, now);
	if (strcmp(what, "lookup") == 0 && argc > 1)
		return look_up(&c->params, argv + 1, now);
	if (strcmp(what, "purge") == 0 && argc == 1)
		return purge(&c->params, now);
	if (strcmp(what, "import") == 0 && argc == 2)
		return store_import(argv[1], &c->params);
	return mailfrom_bad_usage("store",
	    "expected nothing, lookup ADDRESS, purge, or import FILE|URL");
}

int
mailfrom_store(int argc, char **argv)
{
	static struct store_configured configured;
	struct report report = report_to_stderr();
	struct store_load l = {.out = &configured};
	struct store_options o;
	int rc = read_options(argc, argv, &o), flushed;

	if (rc != MAILFROM_EXIT_OK)
		return rc;
	if (o.is_help)
		usage();
	else if (o.is_version)
		puts("mailfrom (mailfrom) " MAILFROM_VERSION);
	else {
		l.path = o.config;
		log_open(&(struct log_options){.program = "mailfrom store",
		    .to = LOG_TO_STDERR,
		    .level = LEVEL_WARNING});
		rc = source_load(o.config, SOURCE_DETECT, legacy_detect, load,
			 &l, &report)
		    ? run(&configured, argc - optind, argv + optind)
		    : MAILFROM_EXIT_FAILED;
		store_params_wipe(&configured.params);
	}
	flushed = mailfrom_flush();
	return rc != MAILFROM_EXIT_OK ? rc : flushed;
}

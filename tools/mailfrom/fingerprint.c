/* SPDX-License-Identifier: ISC */
/*
 * mailfrom fingerprint: a few characters for each secret, by which to see
 * whether two hosts have the same ones.
 */
#include "tools/mailfrom/mailfrom.h"

#include <getopt.h>
#include <stdio.h>

#include "rewrite/legacy.h"
#include "rewrite/secrets.h"
#include "settings/sections.h"

struct fingerprint_options {
	const char *config;
	bool is_help, is_version;
};

static const struct option long_options[] = {
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
    {NULL, 0, NULL, 0},
};

static void
usage(void)
{
	puts("usage: mailfrom fingerprint [-c FILE | SECRETS...]\n"
	     "  -c FILE    the configuration that names the secrets (default\n"
	     "             " MAILFROM_CONFIG ")\n"
	     "  SECRETS    files of secrets, instead\n"
	     "  -h, --help | -V, --version");
}

static int
read_options(int argc, char **argv, struct fingerprint_options *o)
{
	int option;

	*o = (struct fingerprint_options){.config = NULL};
	optind = 1;
	while ((option = getopt_long(argc, argv, "c:hV", long_options, NULL)) !=
	    -1) {
		if (option == '?')
			return mailfrom_bad_usage(
			    "fingerprint", "wrong option");
		if (option == 'c')
			o->config = optarg;
		o->is_help = o->is_help || option == 'h';
		o->is_version = o->is_version || option == 'V';
	}
	if (o->config != NULL && optind != argc)
		return mailfrom_bad_usage("fingerprint",
		    "-c and files of secrets exclude each other");
	return MAILFROM_EXIT_OK;
}

/* is_first: it signs. */
static void
print(struct mf_text secret, bool is_first, const char *place)
{
	char fingerprint[SECRET_FINGERPRINT_SIZE];
	const char *weakness = secret_weakness(secret);

	secret_fingerprint(secret, fingerprint);
	printf("%-8s  %s  %s%s%s\n", fingerprint[0] != '\0' ? fingerprint : "-",
	    is_first ? "signs   " : "verifies", place,
	    weakness != NULL ? "  " : "", weakness != NULL ? weakness : "");
}

static bool
print_file(const char *path, enum secrets_mode mode, struct report *report)
{
	struct secrets secrets;
	bool ok = secrets_load(path, mode, &secrets, report);

	for (size_t i = 0; ok && i < secrets.count; i++)
		print(secrets.items[i], i == 0, path);
	secrets_free(&secrets);
	return ok;
}

/* --- the files that a configuration names --- */

static bool
print_named(const struct ini *ini, const char *path, struct report *report)
{
	struct rewrite_settings srs = {.secret_file = MF_TEXT("")};
	struct conf_section sections[SECTION_COUNT];
	struct conf *conf;
	bool ok;

	settings_sections(&(struct settings_wanted){.srs = &srs}, sections);
	ok = conf_load(&conf, ini, sections, SECTION_COUNT, report);
	if (conf == NULL)
		return false;
	if (srs.secret_file.len == 0) {
		report_error(report, path, 0, "secret_file", "not set");
		ok = false;
	} else
		ok = print_file(srs.secret_file.p,
			 srs.secret_line_end ? SECRETS_WITH_LINE_END
					     : SECRETS_PLAIN,
			 report) &&
		    ok;
	if (srs.rrs_secret_file.len != 0)
		ok = print_file(srs.rrs_secret_file.p, SECRETS_PLAIN, report) &&
		    ok;
	conf_free(conf);
	return ok;
}

static bool
print_source(void *arg, const struct source *source, struct report *report)
{
	const char *path = arg;
	struct legacy legacy;
	bool ok;

	if (!source->is_legacy)
		return print_named(&source->ini, path, report);
	ok = legacy_translate(&source->ini, &legacy, report);
	for (size_t i = 0; ok && i < legacy.rewriter.secret_count; i++)
		print(legacy.rewriter.secrets[i], i == 0, path);
	legacy_free(&legacy);
	return ok;
}

static bool
print_configured(const char *path, struct report *report)
{
	return source_load(path, SOURCE_DETECT, legacy_detect, print_source,
	    (void *)path, report);
}

int
mailfrom_fingerprint(int argc, char **argv)
{
	struct report report = report_to_stderr();
	struct fingerprint_options o;
	int rc = read_options(argc, argv, &o);
	bool ok = true;

	if (rc != MAILFROM_EXIT_OK)
		return rc;
	if (o.is_help)
		usage();
	else if (o.is_version)
		puts("mailfrom (mailfrom) " MAILFROM_VERSION);
	else if (optind == argc)
		ok = print_configured(
		    o.config != NULL ? o.config : MAILFROM_CONFIG, &report);
	else
		for (int i = optind; i < argc; i++)
			ok = print_file(argv[i], SECRETS_PLAIN, &report) && ok;
	rc = mailfrom_flush();
	return ok ? rc : MAILFROM_EXIT_FAILED;
}

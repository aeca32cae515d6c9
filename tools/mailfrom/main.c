/* SPDX-License-Identifier: ISC */
/*
 * mailfrom: the commands of an administrator.
 */
#include "tools/mailfrom/mailfrom.h"

#include <stdio.h>
#include <string.h>

#include "common/similar.h"

static const struct {
	const char *name;
	mailfrom_command *run;
	const char *usage;
} commands[] = {
    {"setup", mailfrom_setup,
	"FORM [options]    print the lines for this mail server"},
    {"doctor", mailfrom_doctor,
	"[options]         check that mail server and daemons agree"},
    {"fingerprint", mailfrom_fingerprint,
	"[-c FILE | SECRETS...]    a few characters for each secret"},
    {"store", mailfrom_store,
	"[-c FILE] [lookup ADDRESS... | purge | import FILE|URL]    the store"},
    {"convert", mailfrom_convert,
	"FILE [options]    print a mailfrom.conf for other software's FILE"},
};

#define COMMAND_COUNT (sizeof(commands) / sizeof(commands[0]))

static void
usage(FILE *to)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		fprintf(to, "%s mailfrom %s %s\n", i == 0 ? "usage:" : "      ",
		    commands[i].name, commands[i].usage);
	fputs("       mailfrom COMMAND --help    the options of a command\n"
	      "       mailfrom -h, --help | -V, --version\n"
	      "mailfrom(1) has the details.\n",
	    to);
}

static int
unknown(const char *name)
{
	struct similar search = similar_start(mf_text_of(name));

	for (size_t i = 0; i < COMMAND_COUNT; i++)
		similar_look(&search, commands[i].name);
	fprintf(stderr, "mailfrom: \"%s\" is not a command", name);
	if (search.found != NULL)
		fprintf(stderr, "; did you mean \"%s\"?", search.found);
	fputc('\n', stderr);
	usage(stderr);
	return MAILFROM_EXIT_USAGE;
}

int
main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : NULL;

	if (name == NULL) {
		fputs("mailfrom: which command?\n", stderr);
		usage(stderr);
		return MAILFROM_EXIT_USAGE;
	}
	if (strcmp(name, "-h") == 0 || strcmp(name, "--help") == 0) {
		usage(stdout);
		return mailfrom_flush();
	}
	if (strcmp(name, "-V") == 0 || strcmp(name, "--version") == 0) {
		puts("mailfrom (mailfrom) " MAILFROM_VERSION);
		return mailfrom_flush();
	}
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	return unknown(name);
}

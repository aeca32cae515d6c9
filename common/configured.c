/* SPDX-License-Identifier: ISC */
#include "common/configured.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

struct look {
	const struct daemon_program *program;
	bool found;
};

static bool
look_at(void *arg, const struct source *source, struct report *report)
{
	struct look *look = arg;

	(void)report;
	look->found = source->is_legacy;
	for (size_t i = 0; i < source->ini.count; i++) {
		const struct ini_entry *entry = &source->ini.entries[i];

		if (mf_text_eq(
			entry->section, mf_text_of(look->program->section)) &&
		    !mf_text_eq(entry->key, MF_TEXT("secret_file")))
			look->found = true;
	}
	return true;
}

bool
configured_look(
    const struct daemon_program *program, const struct daemon_options *options)
{
	struct report silent = {.say = report_ignore};
	struct look look = {.program = program};
	struct stat st;

	if (stat(options->path, &st) < 0 && errno == ENOENT)
		return false;
	return !source_load(options->path, options->format, program->is_legacy,
		   look_at, &look, &silent) ||
	    look.found;
}

int
configured_report(
    const struct daemon_program *program, const struct daemon_options *options)
{
	if (configured_look(program, options))
		return EXIT_SUCCESS;
	printf("%s is not configured yet: %s sets no key of [%s], such as %s\n",
	    program->name, options->path, program->section, program->example);
	return EXIT_FAILURE;
}

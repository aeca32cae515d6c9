/* SPDX-License-Identifier: ISC */
/*
 * What the targets of tools/mailfrom's parsers have in common: any bytes become
 * entries, and a mailfrom.conf that its own parser reads.
 */
#ifndef MAILFROM_TESTS_FUZZ_CONVERT_H
#define MAILFROM_TESTS_FUZZ_CONVERT_H

#include <stdio.h>

#include "common/ini.h"
#include "settings/sections.h"
#include "tests/fuzz/fuzz.h"
#include "tools/mailfrom/convert.h"

/* Nothing of the old file may get out of a comment or a value. */
static inline void
fuzz_check_printed(struct mf_text printed, bool was_well)
{
	static const struct settings_wanted nothing = {.srs = NULL};
	struct report report = {.say = report_ignore};
	struct conf_section sections[SECTION_COUNT];
	struct conf *conf;
	struct ini ini;

	FUZZ_CHECK(ini_parse(&ini, "printed", printed, INI_OURS, &report));
	settings_sections(&nothing, sections);
	for (int i = 0; i < SECTION_COUNT; i++)
		sections[i].used = true;
	conf_load(&conf, &ini, sections, SECTION_COUNT, &report);
	FUZZ_CHECK(!was_well || report.errors == 0);
	conf_free(conf);
	ini_free(&ini);
}

static inline void
fuzz_check_access(struct mf_text printed)
{
	struct mf_text line, key;

	while (text_cut(&printed, '\n', &line))
		if (!text_starts(line, MF_TEXT("#")))
			FUZZ_CHECK(text_cut(&line, '\t', &key) &&
			    key.len != 0 && line.len != 0);
	FUZZ_CHECK(printed.len == 0);
}

static inline void
fuzz_convert(enum foreign_conf kind, const uint8_t *data, size_t size)
{
	struct report report = {.say = report_ignore};
	struct arena arena = {.newest = NULL};
	struct convert_file file = {.name = "fuzz",
	    .bytes = mf_text_at((const char *)data, size),
	    .arena = &arena,
	    .report = &report};
	struct conversion c = {.access_path = "/etc/mailfrom/access"};
	char *text = NULL;
	size_t len = 0;
	FILE *to;

	convert_run(&c, &file, convert_software_of(kind));
	for (size_t i = 0; i < c.entries.count; i++) {
		const struct convert_entry *e = &c.entries.items[i];

		FUZZ_CHECK(e->key.len != 0 && e->line != 0 && e->line <= size);
		FUZZ_CHECK(e->value.len <= CONVERT_VALUE_MAX);
	}
	to = open_memstream(&text, &len);
	FUZZ_CHECK(to != NULL);
	convert_print(to, &c, true);
	fclose(to);
	fuzz_check_printed(mf_text_at(text, len), report.errors == 0);
	free(text);
	to = open_memstream(&text, &len);
	FUZZ_CHECK(to != NULL);
	convert_print_access(to, &c);
	fclose(to);
	fuzz_check_access(mf_text_at(text, len));
	free(text);
	arena_free(&arena);
}

#endif

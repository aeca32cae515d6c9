/* SPDX-License-Identifier: ISC */
#include "settings/sections.h"

void
settings_sections(const struct settings_wanted *wanted,
    struct conf_section out[static SECTION_COUNT])
{
	out[SECTION_SRS] = rewrite_section(wanted->srs);
	out[SECTION_SRSD] = srsd_section(wanted->srsd);
	out[SECTION_SRSMILTER] = srsmilter_section(wanted->srsmilter);
	out[SECTION_SPF] = check_section(wanted->spf);
	out[SECTION_SPFMILTER] = spfmilter_section(wanted->spfmilter);
	out[SECTION_STORE] = store_section(wanted->store);
	out[SECTION_LOG] = log_section(wanted->log);
}

void
settings_print(FILE *to)
{
	const struct settings_wanted nothing = {.srs = NULL};
	struct conf_section sections[SECTION_COUNT];

	settings_sections(&nothing, sections);
	conf_print(to, sections, SECTION_COUNT);
}

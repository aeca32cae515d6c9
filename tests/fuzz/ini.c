/* SPDX-License-Identifier: ISC */
/* common/ini.h: any octets, in both dialects. */
#include <stdlib.h>

#include "common/ini.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_view(const struct ini *ini, struct text t)
{
	size_t at = (size_t)(t.p - ini->store);

	if (t.p < ini->store || at > ini->store_size ||
	    t.len > ini->store_size - at)
		abort();
}

static void
parse(struct text bytes, enum ini_dialect dialect)
{
	struct report report = {.say = report_ignore};
	struct ini ini;
	bool ok = ini_parse(&ini, "fuzz", bytes, dialect, &report);

	if (ok != (report.errors == 0))
		abort();
	for (size_t i = 0; i < ini.count; i++) {
		const struct ini_entry *e = &ini.entries[i];

		check_view(&ini, e->section);
		check_view(&ini, e->key);
		check_view(&ini, e->value);
		if (e->key.len == 0 || e->section.len == 0 || e->line == 0 ||
		    !text_eq(e->value, text_trim(e->value)))
			abort();
	}
	ini_free(&ini);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text bytes = text_at((const char *)data, size);

	parse(bytes, INI_OURS);
	parse(bytes, INI_CONFIGPARSER);
	return 0;
}

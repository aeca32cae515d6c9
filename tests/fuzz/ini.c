/* SPDX-License-Identifier: ISC */
/* common/ini.h: any octets, in both dialects. */
#include "common/ini.h"
#include "tests/fuzz/fuzz.h"

static void
check_view(const struct ini *ini, struct mf_text t)
{
	size_t at = (size_t)(t.p - ini->store);

	FUZZ_CHECK(t.p >= ini->store && at <= ini->store_size);
	FUZZ_CHECK(t.len <= ini->store_size - at);
}

static void
parse(struct mf_text bytes, enum ini_dialect dialect)
{
	struct report report = {.say = report_ignore};
	struct ini ini;
	bool ok = ini_parse(&ini, "fuzz", bytes, dialect, &report);

	FUZZ_CHECK(ok == (report.errors == 0));
	for (size_t i = 0; i < ini.count; i++) {
		const struct ini_entry *e = &ini.entries[i];

		check_view(&ini, e->section);
		check_view(&ini, e->key);
		check_view(&ini, e->value);
		FUZZ_CHECK(e->section.len != 0 && e->key.len != 0);
		FUZZ_CHECK(e->line != 0);
		FUZZ_CHECK(mf_text_eq(e->value, text_trim(e->value)));
	}
	ini_free(&ini);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text bytes = mf_text_at((const char *)data, size);

	parse(bytes, INI_OURS);
	parse(bytes, INI_CONFIGPARSER);
	return 0;
}

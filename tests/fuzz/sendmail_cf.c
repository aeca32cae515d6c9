/* SPDX-License-Identifier: ISC */
/*
 * tools/mailfrom/doctor_cf.h: any text for a sendmail.cf.  The files of its
 * classes are the same text.
 */
#include "tests/fuzz/fuzz.h"
#include "tools/mailfrom/doctor_cf.h"

static struct mf_text file;

static bool
contents(const struct tables *tables, const char *path, struct mf_text *out)
{
	(void)tables;
	*out = file;
	return path[1] != 'x';
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = {NULL};
	struct tables tables = {.arena = &arena, .contents = contents};
	struct sendmail_cf cf = {.map_count = 0};
	struct mf_text value;

	/* Each line may name the file, and so repeat it. */
	file = mf_text_at((const char *)data, size < 4096 ? size : 4096);
	cf_parse(file, &tables, &cf);
	for (size_t i = 0; i < cf.map_count; i++) {
		const struct cf_map *map = &cf.maps[i];
		struct mf_text socket = cf_map_socket(map);

		FUZZ_CHECK(socket.len <= map->arguments.len);
		if (cf_map_option(map, 'a', &value))
			FUZZ_CHECK(value.len + 2 <= map->arguments.len);
	}
	for (size_t i = 0; i < cf.filter_count; i++)
		FUZZ_CHECK(cf_timeout(cf.filters[i].timeouts, 'S', 7) <=
		    UINT64_C(3600) * UINT32_MAX);
	FUZZ_CHECK(cf_map(&cf, "make_srs") == NULL || cf.map_count != 0);
	arena_free(&arena);
	return 0;
}

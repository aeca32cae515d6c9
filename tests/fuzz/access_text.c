/* SPDX-License-Identifier: ISC */
/* access/text.c: any octets, as makemap and postmap read them. */
#include "tests/fuzz/access.h"

static void
read_as(struct mf_text bytes, enum access_type type)
{
	struct report report = {.say = report_ignore};
	struct access_table *table = access_table_new();

	FUZZ_CHECK(table != NULL);
	bool ok = access_read_text_("fuzz", bytes, type, table, NULL, &report);
	FUZZ_CHECK(ok == (report.errors == 0));
	check_table(table, bytes.len);
	for (size_t n = 0; n < access_table_count(table); n++) {
		const struct access_entry *e = access_table_at(table, n);
		struct mf_text value = access_entry_value(e);

		FUZZ_CHECK(access_entry_line(e) != 0);
		FUZZ_CHECK(value.len != 0 && value.len <= 65536);
		FUZZ_CHECK(mf_text_eq(value, text_trim(value)));
		FUZZ_CHECK(memchr(value.p, '\0', value.len) == NULL);
	}
	access_check_text_("fuzz", type, table, &report);
	access_table_free(table);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text bytes = mf_text_at((const char *)data, size);

	read_as(bytes, ACCESS_TEXT);
	read_as(bytes, ACCESS_TEXTHASH);
	return 0;
}

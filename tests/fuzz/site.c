/* SPDX-License-Identifier: ISC */
/*
 * main.cf, master.cf and saved output of postconf, as whoever wrote them wrote
 * them: parsed, expanded, and cleared of our own lines.
 */
#include "tools/mailfrom/unmerge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mf_text text = mf_text_at((const char *)data, size), item;
	struct unmerged unmerged;
	struct site site;

	site_init(&site);
	site_add_saved(&site, text);
	site_add_main(&site, text);
	site_add_master(&site, text);
	site_set_host(&site, MF_TEXT("mx.fwd.example"));
	site.main_text = text;
	for (size_t i = 0; i < site.settings.count; i++) {
		struct mf_text value =
		    site_expand(&site, NULL, site.settings.items[i].value);

		while (site_next_item(&value, &item))
			site_list_has(&site, item, MF_TEXT("fwd.example"));
	}
	unmerge(&site, MF_TEXT("inet:127.0.0.1:10007"), &unmerged);
	site_free(&site);
	return 0;
}

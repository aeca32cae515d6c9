/* SPDX-License-Identifier: ISC */
#include "rewrite/rrs_domains.h"

#include <stdlib.h>

bool
rewrite_rrs_domains(const struct rewrite_settings *s,
    const struct conf_list *local_domains, struct list *out)
{
	struct conf_list all = {.count = 0};
	bool ok;

	if (s->rrs_domains.count != 0)
		return list_build(out, &s->rrs_domains);
	all.items = calloc(1 + s->own_domains.count + local_domains->count,
	    sizeof(*all.items));
	if (all.items == NULL)
		return false;
	for (size_t i = 0; i < s->own_domains.count; i++)
		all.items[all.count++] = s->own_domains.items[i];
	for (size_t i = 0; i < local_domains->count; i++)
		all.items[all.count++] = local_domains->items[i];
	ok = list_build(out, &all);
	free(all.items);
	return ok;
}

bool
rrs_domains_concern(const struct list *domains, struct mf_text recipient)
{
	size_t quote = recipient.len != 0 && recipient.p[0] == '"';
	struct mf_text domain =
	    text_from(recipient, text_rfind(recipient, '@') + 1);

	if (!text_starts_fold(text_from(recipient, quote), MF_TEXT("rrs=")))
		return false;
	return domain.len == 0 || domains->count == 0 ||
	    list_has_domain(domains, domain);
}

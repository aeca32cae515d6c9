/* SPDX-License-Identifier: ISC */
#include "rewrite/srs_domains.h"

#include <stdlib.h>

/* DOMAIN, or FORWARDING=DOMAIN. */
static struct mf_text
srs_domain(struct mf_text item)
{
	struct mf_text forwarding;

	text_cut(&item, '=', &forwarding);
	return item;
}

bool
rewrite_srs_domains(const struct rewrite_settings *s, struct list *out)
{
	struct conf_list all = {.count = 0};
	bool ok;

	if (s->srs_domains.count != 0)
		return list_build(out, &s->srs_domains);
	all.items = calloc(1 + s->fwdomain.count + s->ses.count + s->sign.count,
	    sizeof(*all.items));
	if (all.items == NULL)
		return false;
	for (size_t i = 0; i < s->fwdomain.count; i++)
		all.items[all.count++] = srs_domain(s->fwdomain.items[i]);
	for (size_t i = 0; i < s->ses.count; i++)
		all.items[all.count++] = s->ses.items[i];
	for (size_t i = 0; i < s->sign.count; i++)
		all.items[all.count++] = s->sign.items[i];
	ok = list_build(out, &all);
	free(all.items);
	return ok;
}

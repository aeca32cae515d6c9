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

static bool
is_any_domain(struct mf_text item)
{
	return mf_text_eq(item, MF_TEXT(REWRITE_ANY_DOMAIN));
}

/* Add the domains of a list to those that are there. */
static void
add(struct conf_list *all, const struct conf_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		if (!is_any_domain(list->items[i]))
			all->items[all->count++] = srs_domain(list->items[i]);
}

bool
rewrite_reverses_any_domain(const struct rewrite_settings *s)
{
	for (size_t i = 0; i < s->srs_domains.count; i++)
		if (is_any_domain(s->srs_domains.items[i]))
			return true;
	return false;
}

bool
rewrite_srs_domains(
    const struct rewrite_settings *s, bool is_legacy, struct list *out)
{
	struct conf_list all = {.count = 0};
	bool ok;

	if (s->srs_domains.count != 0 && !is_legacy &&
	    !rewrite_reverses_any_domain(s))
		return list_build(out, &s->srs_domains);
	all.items = calloc(1 + s->srs_domains.count + s->fwdomain.count +
		s->ses.count + s->sign.count,
	    sizeof(*all.items));
	if (all.items == NULL)
		return false;
	add(&all, &s->srs_domains);
	add(&all, &s->fwdomain);
	add(&all, &s->ses);
	add(&all, &s->sign);
	ok = list_build(out, &all);
	free(all.items);
	return ok;
}

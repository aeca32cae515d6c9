/* SPDX-License-Identifier: ISC */
/*
 * That RRS addresses are accepted at RCPT, so that srsmilter can verify them:
 * in front of a catch-all of the site, which would take any.
 */
#include "tools/mailfrom/merge.h"

/* The settings of the sample, with the socket of srsmilter. */
static void
rrs_sample(struct merge *m, struct plan *out)
{
	struct setup with_filter = *m->setup;
	struct fill fill = m->fill;

	*out = (struct plan){.arena = m->plan->arena};
	with_filter.listen = m->setup->filter_listen;
	fill.setup = &with_filter;
	plan_add_main(
	    out, fill_sample(m->plan->arena, &fill, "etc/postfix/rrs.main.cf"));
}

void
merge_rrs(struct merge *m)
{
	const char *maps = "virtual_alias_maps", *filters = "smtpd_milters";
	struct plan_setting *ours = plan_find(&m->plan->main, maps);
	struct plan sample;

	if (m->setup->rrs_domain_count == 0)
		return;
	rrs_sample(m, &sample);
	ours->value =
	    merge_list(m, plan_find(&sample.main, maps)->value, ours->value);
	if (plan_find(&m->plan->main, filters) == NULL)
		plan_set(m->plan, &m->plan->main, filters,
		    plan_find(&sample.main, filters)->value,
		    "srsmilter verifies RRS addresses; it comes after "
		    "spfmilter.");
}

struct mf_text
merge_rrs_access(struct merge *m)
{
	struct arena *arena = m->plan->arena;
	struct mf_text all = MF_TEXT("");

	for (size_t i = 0; i < m->setup->rrs_domain_count; i++)
		all = arena_printf(arena, "%.*s{ /^\"?rrs=.*@%.*s$$/ OK } ",
		    PLAN_TEXT(all),
		    PLAN_TEXT(fill_pattern(arena, m->setup->rrs_domains[i])));
	if (all.len == 0)
		return all;
	return arena_printf(
	    arena, "check_recipient_access regexp:{ %.*s}", PLAN_TEXT(all));
}

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

/* SPF is about the client, and there all have the proxy's address. */
static void
warn_of_proxy(struct merge *m)
{
	for (size_t i = 0; i < m->site->service_count; i++) {
		const struct site_service *s = &m->site->services[i];

		if (!merge_is_public(m, s) ||
		    site_value_for(m->site, s, "smtpd_proxy_filter").len == 0)
			continue;
		plan_warn(m->plan,
		    "smtpd_proxy_filter: srsmilter sees the proxy filter as "
		    "the client of all mail, so no forwarder passes SPF and "
		    "RRS addresses are rejected: use a content_filter or a "
		    "milter instead");
		return;
	}
}

void
merge_rrs(struct merge *m)
{
	const char *maps = "virtual_alias_maps", *filters = "smtpd_milters";
	struct plan_setting *ours = plan_find(&m->plan->main, maps);
	struct plan sample;

	if (m->setup->rrs_domain_count == 0)
		return;
	warn_of_proxy(m);
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

/* SPDX-License-Identifier: ISC */
/*
 * Our filters beside the site's, which keep their place and settings: ours has
 * its own in braces.
 */
#include "tools/mailfrom/merge.h"

/* In a list that main.cf and some services of master.cf have. */
struct milter_list {
	const char *name;
	bool is_first; /* ours comes before the site's */
	const char *reason;
};

static struct mf_text
joined(struct merge *m, const struct milter_list *list, struct mf_text ours,
    struct mf_text site)
{
	return list->is_first ? merge_list(m, ours, site)
			      : merge_list(m, site, ours);
}

/* A service that calls filters of its own, and has to call ours. */
static bool
calls_ours(struct merge *m, const struct milter_list *list,
    const struct site_service *s)
{
	if (strcmp(list->name, "non_smtpd_milters") == 0)
		return mf_text_eq(s->command, MF_TEXT("cleanup"));
	return merge_is_public(m, s);
}

static void
merge_list_of_milters(struct merge *m, const struct milter_list *list)
{
	struct plan_setting *s = plan_find(&m->plan->main, list->name);
	struct mf_text ours = s->value;

	if (site_value(m->site, list->name).len != 0)
		s->value = joined(m, list, ours, site_raw(m->site, list->name));
	for (size_t i = 0; i < m->site->service_count; i++) {
		const struct site_service *service = &m->site->services[i];
		const struct mf_text *own = site_override(service, list->name);

		if (own != NULL && calls_ours(m, list, service))
			plan_change(m->plan, service, list->name,
			    joined(m, list, ours, *own), list->reason);
	}
}

/* --- what switches filters off --- */

static bool
has_word(struct mf_text list, const char *word)
{
	struct mf_text item;

	while (site_next_item(&list, &item))
		if (mf_text_eq(item, mf_text_of(word)))
			return true;
	return false;
}

static void
check_no_milters(struct merge *m)
{
	const char *name = "receive_override_options";

	if (has_word(site_value(m->site, name), "no_milters"))
		plan_refuse(m->plan,
		    "receive_override_options = no_milters in main.cf keeps "
		    "srsmilter from seeing bounces: set it in master.cf, for "
		    "the services that need it, or use the form "
		    "postfix-cleanup");
	for (size_t i = 0; i < m->site->service_count; i++) {
		const struct site_service *s = &m->site->services[i];
		const struct mf_text *own = site_override(s, name);

		if (own != NULL && merge_is_public(m, s) &&
		    has_word(site_expand(m->site, s, *own), "no_milters"))
			plan_refuse(m->plan,
			    "%.*s/%.*s has receive_override_options with "
			    "no_milters, so srsmilter doesn't see bounces: "
			    "take that out, or use the form postfix-cleanup",
			    PLAN_TEXT(s->name), PLAN_TEXT(s->type));
	}
}

static void
check_macro_defaults(struct merge *m)
{
	struct mf_text defaults = site_value(m->site, "milter_macro_defaults");
	struct mf_text item;

	while (site_next_item(&defaults, &item)) {
		if (!text_starts(item, MF_TEXT("auth_authen")) &&
		    !text_starts(item, MF_TEXT("{auth_authen}")))
			continue;
		plan_refuse(m->plan,
		    "milter_macro_defaults tells all filters that every client "
		    "has authenticated (auth_authen): take that out, or use "
		    "the form postfix-cleanup");
		return;
	}
}

/* With a proxy filter, the smtpd behind it calls the filters. */
static void
check_proxy_filter(struct merge *m)
{
	bool is_used = false;

	for (size_t i = 0; i < m->site->service_count; i++)
		is_used = is_used ||
		    (merge_is_public(m, &m->site->services[i]) &&
			site_value_for(m->site, &m->site->services[i],
			    "smtpd_proxy_filter")
				.len != 0);
	if (!is_used &&
	    (m->site->service_count != 0 ||
		site_value(m->site, "smtpd_proxy_filter").len == 0))
		return;
	for (size_t i = 0; i < m->site->service_count; i++) {
		const struct site_service *s = &m->site->services[i];
		const struct mf_text *proxy =
		    site_override(s, "smtpd_proxy_filter");
		const struct mf_text *milters =
		    site_override(s, "smtpd_milters");

		if (proxy == NULL || proxy->len != 0 || merge_is_public(m, s))
			continue;
		if (milters == NULL &&
		    !has_word(
			site_value_for(m->site, s, "receive_override_options"),
			"no_milters"))
			return;
	}
	plan_refuse(m->plan,
	    "smtpd_proxy_filter: the smtpd that takes mail back from the proxy "
	    "filter has to call srsmilter.  Give it `-o smtpd_proxy_filter=', "
	    "no smtpd_milters of its own, and receive_override_options without "
	    "no_milters; or use the form postfix-cleanup");
}

/* --- local_domains --- */

static bool
is_delivered_here(const struct setup *setup, struct mf_text domain)
{
	const struct conf_list *list = &setup->local_domains;

	for (size_t i = 0; i < list->count; i++)
		if (text_eq_fold(list->items[i], domain) ||
		    (list->items[i].p[0] == '.' &&
			text_ends_fold(domain, list->items[i])))
			return true;
	/* As srsmilter has it: bounces to SRS addresses stay here. */
	return list_has_domain(&setup->signed_domains, domain);
}

/*
 * Mail for the host itself is rare, and alias domains have no mailboxes: all of
 * it that goes on leaves with an SRS address anyway.
 */
static void
report_domain(struct merge *m, struct mf_text domain, const char *list)
{
	struct mf_text text = arena_printf(m->plan->arena,
	    "%.*s is in %s, but not in local_domains in %s: its mail would be "
	    "rewritten as it comes in.  Add it there",
	    PLAN_TEXT(domain), list, m->setup->path);

	if (text_eq_fold(domain, site_value(m->site, "myhostname")) ||
	    strcmp(list, "virtual_alias_domains") == 0)
		plan_warn(m->plan, "%s", text.p);
	else
		plan_refuse(m->plan, "%s", text.p);
}

/* srsmilter would rewrite their mail as it comes in. */
static void
check_local_domains(struct merge *m)
{
	static const char *const lists[] = {"mydestination",
	    "virtual_alias_domains", "virtual_mailbox_domains"};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct mf_text list = site_value(m->site, lists[i]), item;

		while (site_next_item(&list, &item)) {
			/* Without a dot: localhost. */
			if (site_is_table(item) ||
			    memchr("/!{[", item.p[0], 4) != NULL ||
			    text_find(item, '.') == item.len ||
			    text_starts(item, MF_TEXT("localhost.")) ||
			    is_delivered_here(m->setup, item))
				continue;
			report_domain(m, item, lists[i]);
		}
	}
}

/* --- the forms --- */

static void
merge_classes(struct merge *m)
{
	const char *name = "internal_mail_filter_classes";
	struct mf_text raw = site_raw(m->site, name);
	struct plan_setting *s = plan_find(&m->plan->main, name);

	if (has_word(site_value(m->site, name), "bounce"))
		plan_drop(&m->plan->main, name);
	else if (raw.len != 0)
		s->value = arena_printf(
		    m->plan->arena, "%.*s, bounce", PLAN_TEXT(raw));
}

void
merge_milters(struct merge *m)
{
	const struct milter_list lists[] = {
	    {"smtpd_milters", false, "Bounces come in here."},
	    {"non_smtpd_milters", false, "Postfix's own bounces pass here."}};

	if (!m->setup->form->has_second_pass)
		return;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (plan_find(&m->plan->main, lists[i].name) != NULL)
			merge_list_of_milters(m, &lists[i]);
	if (plan_find(&m->plan->main, lists[0].name) == NULL)
		return;
	check_no_milters(m);
	check_macro_defaults(m);
	check_proxy_filter(m);
	if (m->setup->form->daemon != SETUP_SRSMILTER)
		return;
	merge_classes(m);
	check_local_domains(m);
}

void
merge_spfmilter(struct merge *m)
{
	const struct milter_list list = {
	    "smtpd_milters", true, "Outside mail comes in here."};
	struct mf_text raw = site_raw(m->site, "smtpd_milters");

	merge_list_of_milters(m, &list);
	for (size_t i = 0; i < m->site->service_count; i++) {
		const struct site_service *s = &m->site->services[i];

		if (!mf_text_eq(s->command, MF_TEXT("smtpd")) ||
		    merge_is_public(m, s) ||
		    site_override(s, "smtpd_milters") != NULL)
			continue;
		plan_change(m->plan, s, "smtpd_milters", raw,
		    "Mail of own users and filters needs no SPF check.");
		m->plan->edits[m->plan->edit_count - 1].is_needed = false;
	}
}

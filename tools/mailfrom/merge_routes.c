/* SPDX-License-Identifier: ISC */
/*
 * Where mail goes after the second pass: where the site would have sent it
 * without one.  A relayhost goes into content_filter; tables of the site are
 * asked again by the second smtpd, which turns what they say into FILTER.
 */
#include "tools/mailfrom/merge.h"

/* Text of a value for a table in main.cf, where $ begins a name. */
static struct mf_text
escaped(struct merge *m, struct mf_text t)
{
	struct text_out out =
	    text_out(arena_new(m->plan->arena, 2 * t.len + 1), 2 * t.len);

	for (size_t i = 0; i < t.len; i++) {
		if (t.p[i] == '$')
			out_char(&out, '$');
		out_char(&out, t.p[i]);
	}
	return out_view(&out);
}

static bool
contains(struct mf_text t, struct mf_text part)
{
	for (; t.len >= part.len; t = text_from(t, 1))
		if (text_starts(t, part))
			return true;
	return false;
}

/* --- transport and next hop --- */

static struct mf_text
transport_of(struct mf_text route)
{
	return text_head(route, text_find(route, ':'));
}

static struct mf_text
next_hop_of(struct mf_text route)
{
	return text_from(route, text_find(route, ':') + 1);
}

static struct mf_text
route(struct merge *m, struct mf_text transport, struct mf_text next_hop)
{
	return arena_printf(m->plan->arena, "%.*s:%.*s", PLAN_TEXT(transport),
	    PLAN_TEXT(next_hop));
}

/* A name in a regular expression. */
static struct mf_text
literal(struct merge *m, struct mf_text name)
{
	struct text_out out =
	    text_out(arena_new(m->plan->arena, 2 * name.len + 1), 2 * name.len);

	for (size_t i = 0; i < name.len; i++) {
		char c = ascii_lower(name.p[i]);

		if (!ascii_is_digit(c) && (c < 'a' || c > 'z') && c != '-' &&
		    c != '_')
			out_char(&out, '\\');
		out_char(&out, name.p[i]);
	}
	return out_view(&out);
}

/* The transports by which mail leaves: smtp|relay */
static struct mf_text
smtp_transports(struct merge *m)
{
	struct mf_text all = MF_TEXT("");

	for (size_t i = 0; i < m->site->service_count; i++) {
		const struct site_service *s = &m->site->services[i];

		if (!mf_text_eq(s->command, MF_TEXT("smtp")) ||
		    !mf_text_eq(s->type, MF_TEXT("unix")))
			continue;
		struct mf_text name = literal(m, s->name);
		all = all.len == 0 ? name
				   : arena_printf(m->plan->arena, "%.*s|%.*s",
					 PLAN_TEXT(all), PLAN_TEXT(name));
	}
	return all.len != 0 ? all : MF_TEXT("smtp|relay");
}

static bool
is_smtp(struct merge *m, struct mf_text transport)
{
	struct mf_text name = arena_copy(m->plan->arena, transport);
	const struct site_service *s = site_service(m->site, name.p, "unix");

	if (m->site->service_count == 0)
		return mf_text_eq(transport, MF_TEXT("smtp")) ||
		    mf_text_eq(transport, MF_TEXT("relay"));
	return s != NULL && mf_text_eq(s->command, MF_TEXT("smtp"));
}

/* --- transport_maps --- */

/* Where a "*" leads; "" if there is none, or it doesn't leave by SMTP. */
static struct mf_text
wildcard(struct merge *m, struct mf_text tables)
{
	struct mf_text found;
	enum site_found status =
	    site_look_up(m->site, tables, MF_TEXT("*"), &found);

	if (status == SITE_UNKNOWN)
		plan_warn(m->plan,
		    "transport_maps couldn't be looked up here%s%.*s: if it "
		    "has an entry for *, set content_filter of the second "
		    "smtpd to its value",
		    m->site->trouble.len != 0 ? ", " : "",
		    PLAN_TEXT(m->site->trouble));
	if (status != SITE_FOUND || mf_text_eq(found, MF_TEXT(":")))
		return MF_TEXT("");
	if (transport_of(found).len == 0)
		return route(
		    m, transport_of(m->plan->direct), next_hop_of(found));
	if (!is_smtp(m, transport_of(found)))
		return MF_TEXT("");
	return route(m, transport_of(found), next_hop_of(found));
}

/*
 * Domains of a list in a table of main.cf, each to itself; or to key, if that
 * isn't empty.
 */
static void
add_kept(struct merge *m, struct mf_text *entries, struct mf_text list,
    struct mf_text key)
{
	struct mf_text item;

	while (site_next_item(&list, &item)) {
		size_t at = text_find(item, '@');
		struct mf_text domain =
		    text_from(item, at == item.len ? 0 : at + 1);
		struct mf_text entry = arena_printf(m->plan->arena,
		    "{ %.*s = %.*s } ", PLAN_TEXT(domain),
		    PLAN_TEXT(key.len != 0 ? key : domain));

		if (site_is_table(item) || domain.len == 0 ||
		    memchr("/!{[", item.p[0], 4) != NULL ||
		    contains(*entries, entry))
			continue;
		*entries = arena_printf(m->plan->arena, "%.*s%.*s",
		    PLAN_TEXT(*entries), PLAN_TEXT(entry));
	}
}

/* Those whose mail stays with us, or isn't rewritten by configuration. */
static struct mf_text
kept_entries(struct merge *m, struct mf_text key)
{
	static const char *const lists[] = {"mydestination",
	    "virtual_alias_domains", "virtual_mailbox_domains",
	    "relay_domains"};
	const struct conf_list *ours[] = {
	    &m->setup->srs.own_domains, &m->setup->srs.exclude_recipients};
	struct mf_text entries = MF_TEXT("");

	for (size_t i = 0; i < m->setup->domain_count; i++)
		add_kept(m, &entries, m->setup->domains[i], key);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		add_kept(m, &entries, site_value(m->site, lists[i]), key);
	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		for (size_t j = 0; j < ours[i]->count; j++)
			add_kept(m, &entries, ours[i]->items[j], key);
	return entries;
}

/*
 * What main.cf's transport_maps make of a table of the site.  The site's own
 * stays behind ours, for all that doesn't leave by SMTP; trivial-rewrite(8)
 * allows no $1 in ours, and proxymap(8) sees only tables outside of braces.
 */
static struct mf_text
first_pass(struct merge *m, struct mf_text list, struct mf_text table)
{
	struct arena *arena = m->plan->arena;
	struct mf_text second =
	    plan_find(&m->plan->main, "default_transport")->value;

	list = merge_list(m, list,
	    arena_printf(arena, "pipemap:{ inline:{ %.*s}, %.*s }",
		PLAN_TEXT(kept_entries(m, MF_TEXT(""))), PLAN_TEXT(table)));
	/* Domains of ours that the table doesn't have go where "*" does. */
	if (m->has_wildcard)
		list = merge_list(m, list,
		    arena_printf(arena, "pipemap:{ inline:{ %.*s}, %.*s }",
			PLAN_TEXT(kept_entries(m, MF_TEXT("*"))),
			PLAN_TEXT(table)));
	list = merge_list(m, list,
	    arena_printf(arena,
		"pipemap:{ %.*s, regexp:{ { /^((%.*s)(:.*)?|:.+)$$/ %.*s } } }",
		PLAN_TEXT(table), PLAN_TEXT(smtp_transports(m)),
		PLAN_TEXT(second)));
	return merge_list(m, list, table);
}

/* The same table in the second smtpd's restrictions. */
static struct mf_text
second_pass(struct merge *m, struct mf_text table)
{
	struct mf_text names = smtp_transports(m);

	return arena_printf(m->plan->arena,
	    "check_recipient_access pipemap:{ %.*s, regexp:{ "
	    "{ /^((%.*s):.*)$$/ FILTER $$1 } { /^(%.*s)$$/ FILTER $$1: } "
	    "{ /^(:.+)$$/ FILTER %.*s$$1 } } }",
	    PLAN_TEXT(table), PLAN_TEXT(names), PLAN_TEXT(names),
	    PLAN_TEXT(transport_of(m->plan->direct)));
}

/* In transport_maps, sub-domains have a dot in front; in access(5) not. */
static void
match_subdomains(struct merge *m)
{
	struct mf_text list =
	    site_value(m->site, "parent_domain_matches_subdomains");
	struct mf_text item, value = MF_TEXT("");

	while (site_next_item(&list, &item))
		if (mf_text_eq(item, MF_TEXT("transport_maps")))
			value = MF_TEXT("smtpd_access_maps");
	plan_set(m->plan, plan_second(m->plan),
	    "parent_domain_matches_subdomains", value, "");
}

static void
restrict_second(struct merge *m, const char *name, struct mf_text check)
{
	struct plan_setting *s = plan_find(plan_second(m->plan), name);

	s->value = s->value.len == 0
	    ? check
	    : arena_printf(m->plan->arena, "%.*s, %.*s", PLAN_TEXT(check),
		  PLAN_TEXT(s->value));
	match_subdomains(m);
}

static void
merge_transport_maps(struct merge *m)
{
	struct mf_text raw = site_raw(m->site, "transport_maps");
	struct mf_text tables = site_value(m->site, "transport_maps");
	struct mf_text list = MF_TEXT(""), item;

	if (tables.len == 0)
		return;
	struct mf_text all = wildcard(m, tables);
	if (all.len != 0) {
		m->plan->out_filter = all;
		m->has_wildcard = true;
	}
	while (site_next_item(&tables, &item)) {
		item = escaped(m, item);
		list = first_pass(m, list, item);
		/* The last FILTER counts, so that of the first table. */
		restrict_second(
		    m, "smtpd_recipient_restrictions", second_pass(m, item));
	}
	plan_set(m->plan, &m->plan->main, "transport_maps", list,
	    "What transport_maps sends to other hosts takes the second pass "
	    "too, which then sends it there.");
	if (mf_text_eq(site_raw(m->site, "address_verify_transport_maps"),
		MF_TEXT("$transport_maps")) ||
	    !site_is_set(m->site, "address_verify_transport_maps"))
		plan_set(m->plan, &m->plan->main,
		    "address_verify_transport_maps", raw,
		    "Address probes go straight out.");
}

/* --- default_transport, relayhost --- */

static void
merge_probes(struct merge *m)
{
	const char *name = "address_verify_default_transport";
	struct mf_text raw = site_raw(m->site, name);

	if (site_is_set(m->site, name) &&
	    !mf_text_eq(raw, MF_TEXT("$default_transport")))
		plan_drop(&m->plan->main, name);
	else
		plan_set(m->plan, &m->plan->main, name,
		    site_raw(m->site, "default_transport"), "");
}

/* content_filter without a next hop would go there. */
static void
merge_filter_nexthop(struct merge *m)
{
	struct mf_text filter = site_value(m->site, "content_filter");

	if (site_value(m->site, "default_filter_nexthop").len == 0 ||
	    next_hop_of(m->plan->out_filter).len != 0)
		return;
	plan_set(m->plan, &m->plan->main, "default_filter_nexthop", MF_TEXT(""),
	    "It would send all that leaves the second pass to this host.");
	if (filter.len != 0 && next_hop_of(filter).len == 0)
		plan_refuse(m->plan,
		    "content_filter = %.*s needs default_filter_nexthop, which "
		    "has to be empty: add the next hop to content_filter",
		    PLAN_TEXT(filter));
}

void
merge_routes(struct merge *m)
{
	struct mf_text direct = m->plan->direct;
	struct mf_text next_hop = next_hop_of(direct);

	if (next_hop.len == 0)
		next_hop = site_value(m->site, "relayhost");
	m->plan->out_filter = route(m, transport_of(direct), next_hop);
	merge_transport_maps(m);
	plan_set(m->plan, plan_second(m->plan), "content_filter",
	    m->plan->out_filter, "");
	merge_filter_nexthop(m);
	merge_probes(m);
}

/* --- tables by sender --- */

/*
 * Ask a table by sender again, as action says what comes of its results: first
 * by @domain, then by the whole address, because the last FILTER counts.  A
 * pattern in front of it keeps access(5) from asking for parts of the address.
 */
static void
filter_by_sender(struct merge *m, struct mf_text table, struct mf_text action)
{
	restrict_second(m, "smtpd_sender_restrictions",
	    arena_printf(m->plan->arena,
		"check_sender_access pipemap:{ regexp:{ { /^.*(@[^@]+)$$/ $$1 "
		"} }, %.*s, %.*s }, check_sender_access pipemap:{ %.*s, %.*s }",
		PLAN_TEXT(table), PLAN_TEXT(action), PLAN_TEXT(table),
		PLAN_TEXT(action)));
}

static void
merge_relayhost_maps(struct merge *m)
{
	struct mf_text tables =
	    site_value(m->site, "sender_dependent_relayhost_maps");
	struct mf_text item;

	/* They don't count where the transport has a next hop of its own. */
	if (next_hop_of(m->plan->direct).len != 0 || m->has_wildcard)
		return;
	while (site_next_item(&tables, &item))
		filter_by_sender(m, escaped(m, item),
		    arena_printf(m->plan->arena,
			"regexp:{ { /^DUNNO$$/ DUNNO } { /^(.+)$$/ FILTER "
			"%.*s:$$1 } }",
			PLAN_TEXT(transport_of(m->plan->direct))));
}

/* Foreign senders take the second pass before the site's tables are asked. */
static struct mf_text
foreign_first(struct merge *m)
{
	return arena_printf(m->plan->arena,
	    "regexp:{ { !/^<>$$|@(%.*s)$$/ %.*s } }",
	    PLAN_TEXT(merge_own_pattern(m)),
	    PLAN_TEXT(plan_find(&m->plan->main, "default_transport")->value));
}

void
merge_senders(struct merge *m)
{
	const char *name = "sender_dependent_default_transport_maps";
	struct plan_setting *ours = plan_find(&m->plan->main, name);
	struct mf_text tables = site_value(m->site, name);
	struct mf_text next_hop = next_hop_of(m->plan->out_filter), item;

	merge_relayhost_maps(m);
	if (tables.len != 0)
		ours->value = merge_list(m, foreign_first(m),
		    merge_list(m, site_raw(m->site, name), ours->value));
	while (site_next_item(&tables, &item))
		filter_by_sender(m, escaped(m, item),
		    arena_printf(m->plan->arena,
			"regexp:{ { /^DUNNO$$/ DUNNO } { /^([^:]+):?$$/ FILTER "
			"$$1:%.*s } { /^([^:]+:.+)$$/ FILTER $$1 } }",
			PLAN_TEXT(next_hop)));
	if (plan_find(&m->plan->main, "transport_maps") != NULL)
		plan_set(m->plan, &m->plan->main,
		    "srsout_destination_recipient_limit", MF_TEXT("1"),
		    "FILTER is for a whole message: each recipient takes the "
		    "second pass alone.");
}

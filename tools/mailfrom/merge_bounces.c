/* SPDX-License-Identifier: ISC */
/*
 * That bounces to SRS addresses are accepted, and forged ones aren't: the class
 * of the SRS domain, the table of SRS addresses, and what the site's
 * restrictions and tables would do to them.
 */
#include "tools/mailfrom/merge.h"

/* A recipient that nobody has: what answers to it answers to all. */
#define FORGED "srs0=aaaaaa=aa=nobody.invalid=nobody"

/* --- the class of an SRS domain --- */

/*
 * As ADDRESS_CLASS_README has them: the parameter with a class's domains, and that
 * with its users, of which an empty one says that there are all.
 */
struct address_class {
	const char *domains;
	const char *users; /* NULL: virtual_alias_maps alone */
};

static const struct address_class classes[] = {
    {"mydestination", "local_recipient_maps"},
    {"virtual_alias_domains", NULL},
    {"virtual_mailbox_domains", "virtual_mailbox_maps"},
    {"relay_domains", "relay_recipient_maps"},
};

#define CLASS_COUNT (sizeof(classes) / sizeof(classes[0]))
#define LOCAL       (&classes[0])
#define RELAY       (&classes[CLASS_COUNT - 1])

struct domain_class {
	const struct address_class *first, *second; /* that have it; or NULL */
	const struct address_class *unsure; /* couldn't be looked up; or NULL */
};

static struct domain_class
find_class(struct merge *m, struct mf_text domain)
{
	struct domain_class found = {NULL, NULL, NULL};

	for (size_t i = 0; i < CLASS_COUNT; i++) {
		const struct address_class *class = &classes[i];

		/* What is local isn't relayed, and by default both are one. */
		if (class == RELAY && found.first == LOCAL)
			break;
		switch (site_list_has(
		    m->site, site_value(m->site, class->domains), domain)) {
		case SITE_ABSENT:
			break;
		case SITE_UNKNOWN:
			found.unsure = class;
			break;
		case SITE_FOUND:
			if (found.first != NULL)
				found.second = class;
			else
				found.first = class;
			break;
		}
	}
	return found;
}

static void
add_to_destination(struct merge *m, struct mf_text domain)
{
	struct plan_setting *s = plan_find(&m->plan->main, "mydestination");
	struct mf_text before =
	    s != NULL ? s->value : site_raw(m->site, "mydestination");

	plan_set(m->plan, &m->plan->main, "mydestination",
	    before.len == 0 ? domain
			    : arena_printf(m->plan->arena, "%.*s, %.*s",
				  PLAN_TEXT(before), PLAN_TEXT(domain)),
	    "Mail to the SRS domain is for this host: without this, bounces "
	    "get 454 Relay access denied.");
}

static const struct address_class *
place_domain(struct merge *m, struct mf_text domain)
{
	struct domain_class class = find_class(m, domain);

	if (m->site->source == SITE_NONE) {
		plan_warn(m->plan,
		    "%.*s must be in mydestination: otherwise Postfix rejects "
		    "bounces with 454 Relay access denied",
		    PLAN_TEXT(domain));
		return LOCAL;
	}
	if (class.second != NULL)
		plan_refuse(m->plan,
		    "%.*s is in %s and in %s: take it out of one of them",
		    PLAN_TEXT(domain), class.first->domains,
		    class.second->domains);
	if (class.first != NULL)
		return class.first;
	if (class.unsure != NULL)
		plan_refuse(m->plan,
		    "%s couldn't be looked up here%s%.*s: if it has %.*s, "
		    "leave mydestination as it is",
		    class.unsure->domains,
		    m->site->trouble.len != 0 ? ", " : "",
		    PLAN_TEXT(m->site->trouble), PLAN_TEXT(domain));
	add_to_destination(m, domain);
	return LOCAL;
}

/* --- whom Postfix takes for a user --- */

/* Whether tables answer to any address in domain. */
static bool
takes_all(struct merge *m, const char *name, struct mf_text domain)
{
	struct arena *arena = m->plan->arena;
	struct mf_text tables = site_value(m->site, name), ignored;
	const struct mf_text keys[] = {
	    arena_printf(arena, FORGED "@%.*s", PLAN_TEXT(domain)),
	    arena_printf(arena, "@%.*s", PLAN_TEXT(domain)),
	    MF_TEXT(FORGED),
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (site_look_up(m->site, tables, keys[i], &ignored) ==
		    SITE_FOUND)
			return true;
	return false;
}

/*
 * Whether a public smtpd takes mail for users that don't exist.  Only those
 * that rewrite tell by the class of the domain.
 */
static bool
takes_unknown_users(
    struct merge *m, struct mf_text domain, const struct address_class *class)
{
	for (size_t i = 0; i < m->site->service_count; i++)
		if (merge_is_public(m, &m->site->services[i]) &&
		    !site_is_yes(site_value_for(m->site, &m->site->services[i],
			"smtpd_reject_unlisted_recipient")))
			return true;
	return !site_is_yes(
		   site_value(m->site, "smtpd_reject_unlisted_recipient")) ||
	    takes_all(m, "virtual_alias_maps", domain) ||
	    (class->users != NULL &&
		(site_value(m->site, class->users).len == 0 ||
		    takes_all(m, class->users, domain)));
}

/* --- restrictions --- */

/* What our table of SRS addresses has: a pattern for each of their domains. */
static struct mf_text
patterns(struct merge *m, const char *action)
{
	struct arena *arena = m->plan->arena;
	struct mf_text all = MF_TEXT("");

	for (size_t i = 0; i < m->setup->signed_domains.count; i++)
		all = arena_printf(arena,
		    "%.*s{ /^\"?(SRS[01][-+=]|SES=).*@%.*s$$/ %s } ",
		    PLAN_TEXT(all),
		    PLAN_TEXT(fill_pattern(
			arena, m->setup->signed_domains.patterns[i])),
		    action);
	return all;
}

/* Bounces that srsmilter will verify skip the site's other checks of them. */
static struct mf_text
accept_srs(struct merge *m)
{
	return arena_printf(m->plan->arena,
	    "check_recipient_access regexp:{ %.*s}",
	    PLAN_TEXT(patterns(m, "OK")));
}

/* Valid ones are accepted, all others rejected. */
static struct mf_text
verify_srs(struct merge *m)
{
	struct arena *arena = m->plan->arena;
	struct mf_text any = MF_TEXT("");

	for (size_t i = 0; i < m->setup->signed_domains.count; i++)
		any = arena_printf(arena,
		    "%.*s{ /^(\"?(SRS[01][-+=]|SES=).*@%.*s)$$/ $$1 } ",
		    PLAN_TEXT(any),
		    PLAN_TEXT(fill_pattern(
			arena, m->setup->signed_domains.patterns[i])));
	return arena_printf(arena,
	    "check_recipient_access pipemap:{ regexp:{ %.*s}, "
	    "socketmap:%.*s:srs_reverse, static:OK },\n\t"
	    "check_recipient_access regexp:{ %.*s}",
	    PLAN_TEXT(any), PLAN_TEXT(fill_socket(arena, &m->fill)),
	    PLAN_TEXT(patterns(m, "550 5.1.1 Invalid SRS address")));
}

/* Put check in front of a list of restrictions, wherever it is set. */
static void
put_in_front(struct merge *m, const char *name, struct mf_text check,
    const char *reason, const char *only_with)
{
	struct mf_text raw = site_raw(m->site, name);

	if (only_with == NULL ||
	    site_list_has(m->site, site_value(m->site, name),
		mf_text_of(only_with)) == SITE_FOUND)
		plan_set(m->plan, &m->plan->main, name,
		    merge_list(m, check, raw), reason);
	for (size_t i = 0; i < m->site->service_count; i++) {
		const struct site_service *s = &m->site->services[i];
		const struct mf_text *own = site_override(s, name);

		if (own == NULL || !merge_is_public(m, s) ||
		    (only_with != NULL &&
			site_list_has(m->site, site_expand(m->site, s, *own),
			    mf_text_of(only_with)) != SITE_FOUND))
			continue;
		plan_change(
		    m->plan, s, name, merge_list(m, check, *own), reason);
	}
}

/*
 * An address probe for an SRS address would fail, because nobody has it, and a
 * forged one be rejected for now.  takes_unknown: this
 * Postfix accepts mail for users that don't exist.
 */
static void
guard(struct merge *m, bool has_filter, bool takes_unknown)
{
	static const char *const lists[] = {"smtpd_client_restrictions",
	    "smtpd_helo_restrictions", "smtpd_sender_restrictions",
	    "smtpd_relay_restrictions", "smtpd_recipient_restrictions"};
	const char *reason = has_filter
	    ? "SRS addresses can't be probed; srsmilter rejects forged ones."
	    : "SRS addresses can't be probed, and forged ones are rejected.";
	struct mf_text check = has_filter ? accept_srs(m) : verify_srs(m);
	/* For unknown users alone, RRS addresses needn't skip other checks. */
	struct mf_text probed = merge_list(m, merge_rrs_access(m), check);
	struct mf_text more = site_value(m->site, "smtpd_restriction_classes");
	struct mf_text item;

	for (size_t i = 0; i + 1 < sizeof(lists) / sizeof(lists[0]); i++)
		put_in_front(
		    m, lists[i], probed, reason, "reject_unverified_recipient");
	while (site_next_item(&more, &item))
		put_in_front(m, arena_copy(m->plan->arena, item).p, probed,
		    reason, "reject_unverified_recipient");
	if (takes_unknown)
		reason = "This Postfix accepts mail for unknown users, but "
			 "not for forged SRS addresses.";
	put_in_front(m, "smtpd_recipient_restrictions",
	    takes_unknown ? check : probed, reason,
	    takes_unknown ? NULL : "reject_unverified_recipient");
}

/* --- the table of SRS addresses --- */

static void
merge_virtual(struct merge *m)
{
	const char *name = "virtual_alias_maps";
	struct plan_setting *ours = plan_find(&m->plan->main, name);
	struct mf_text table = ours->value;

	/* First, because a catch-all of the site would come before. */
	if (site_value(m->site, name).len != 0)
		ours->value = merge_list(m, table, site_raw(m->site, name));
	for (size_t i = 0; i < m->site->service_count; i++) {
		const struct site_service *s = &m->site->services[i];
		const struct mf_text *own = site_override(s, name);

		if (own != NULL &&
		    (merge_is_public(m, s) ||
			mf_text_eq(s->name, MF_TEXT("cleanup"))))
			plan_change(m->plan, s, name,
			    merge_list(m, table, *own), "SRS addresses exist.");
	}
}

/*
 * By default all keys of virtual_alias_maps are domains, too.  proxy_read_maps
 * refers to that, and expands the $ of our table a second time: proxymap dies,
 * and smtpd waits for it without a greeting.
 */
static void
merge_alias_domains(struct merge *m)
{
	const char *name = "virtual_alias_domains",
		   *maps = "virtual_alias_maps";
	struct plan_setting *ours = plan_find(&m->plan->main, name);

	if (!mf_text_eq(
		site_raw(m->site, name), MF_TEXT("$virtual_alias_maps")))
		plan_drop(&m->plan->main, name);
	else if (site_is_set(m->site, maps) ||
	    site_is_set(m->site, "virtual_maps"))
		ours->value = site_raw(m->site, maps);
}

static void
check_canonical(struct merge *m, const char *name, struct mf_text domain)
{
	if (takes_all(m, name, domain))
		plan_refuse(m->plan,
		    "%s has an entry for @%.*s, so SRS addresses are replaced "
		    "before they can be reversed: take that entry out, or use "
		    "another SRS domain (fwdomain)",
		    name, PLAN_TEXT(domain));
}

void
merge_bounces(struct merge *m)
{
	bool needs_guard = false;
	bool has_filter = m->setup->form->daemon == SETUP_SRSMILTER;

	merge_alias_domains(m);
	merge_virtual(m);
	for (size_t i = 0; i < m->setup->domain_count; i++) {
		struct mf_text domain = m->setup->domains[i];
		const struct address_class *class = place_domain(m, domain);

		check_canonical(m, "canonical_maps", domain);
		check_canonical(m, "recipient_canonical_maps", domain);
		needs_guard = needs_guard ||
		    (!has_filter && takes_unknown_users(m, domain, class));
	}
	for (size_t i = 0; i < m->setup->rrs_domain_count; i++) {
		check_canonical(m, "canonical_maps", m->setup->rrs_domains[i]);
		check_canonical(
		    m, "recipient_canonical_maps", m->setup->rrs_domains[i]);
	}
	guard(m, has_filter, needs_guard);
}

/* --- the simple form --- */

static bool
has_word(struct merge *m, const char *name, const char *word)
{
	return site_list_has(m->site, site_value(m->site, name),
		   mf_text_of(word)) == SITE_FOUND;
}

void
merge_canonical(struct merge *m)
{
	struct plan_settings *main_cf = &m->plan->main;
	static const char *const maps[] = {
	    "sender_canonical_maps", "recipient_canonical_maps"};

	for (size_t i = 0; i < 2; i++) {
		struct plan_setting *s = plan_find(main_cf, maps[i]);

		if (s != NULL && site_value(m->site, maps[i]).len != 0)
			s->value =
			    merge_list(m, site_raw(m->site, maps[i]), s->value);
	}
	if (site_value(m->site, maps[0]).len != 0 &&
	    has_word(m, "sender_canonical_classes", "header_sender"))
		plan_refuse(m->plan,
		    "sender_canonical_maps of this site rewrite headers, which "
		    "sender_canonical_classes = envelope_sender would end: use "
		    "the form postfix-cleanup");
	if (site_value(m->site, maps[1]).len != 0)
		plan_drop(main_cf, "recipient_canonical_classes");
	if (!has_word(m, "recipient_canonical_classes", "envelope_recipient"))
		plan_refuse(m->plan,
		    "recipient_canonical_classes doesn't have "
		    "envelope_recipient: use the form postfix-cleanup");
	for (size_t i = 0; i < m->setup->domain_count; i++)
		place_domain(m, m->setup->domains[i]);
}

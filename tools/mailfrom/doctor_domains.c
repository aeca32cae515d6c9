/* SPDX-License-Identifier: ISC */
/*
 * Domains: in which list the SRS domain is, what happens to forged addresses
 * there, and whether mailfrom.conf knows the domains of this Postfix.
 */
#include "tools/mailfrom/doctor.h"

static const char *const class_lists[] = {"mydestination",
    "virtual_mailbox_domains", "virtual_alias_domains", "relay_domains"};
#define CLASSES (sizeof(class_lists) / sizeof(class_lists[0]))
enum { LOCAL, MAILBOX, ALIAS, RELAY };

/* --- the list that has the SRS domain --- */

struct domain_lists {
	bool has[CLASSES];
	bool is_unknown; /* a list can't be looked up */
	size_t count;    /* relay_domains aside if another has it */
};

static struct domain_lists
class_of(struct doctor_facts *f, const char *domain)
{
	struct domain_lists c = {.count = 0};

	for (size_t i = 0; i < CLASSES; i++) {
		enum table_answer answer = tables_have_domain(
		    &f->tables, site_value(&f->site, class_lists[i]), domain);

		c.is_unknown |= answer == TABLE_UNKNOWN;
		c.has[i] = answer == TABLE_HAS && (i != RELAY || c.count == 0);
		c.count += c.has[i];
	}
	return c;
}

static size_t
first_of(const struct domain_lists *c)
{
	size_t i = 0;

	while (i < CLASSES && !c->has[i])
		i++;
	return i;
}

static size_t
second_of(const struct domain_lists *c)
{
	size_t i = first_of(c) + 1;

	while (i < CLASSES && !c->has[i])
		i++;
	return i;
}

static bool
joined(const struct doctor_facts *f)
{
	return pass_is_there(&f->pass) || f->pass.is_simple;
}

static bool
check_class(
    struct doctor_facts *f, const char *domain, struct finding_list *out)
{
	struct domain_lists c = class_of(f, domain);

	if (c.count == 1) {
		findings_ok(
		    out, "%s is in %s", domain, class_lists[first_of(&c)]);
		return true;
	}
	if (c.count > 1) {
		findings_add(out, FINDING_FAIL,
		    "Postfix looks for its users in the wrong place: 550 for "
		    "mailboxes there",
		    findings_text(
			out, "take %s out of one of these lists", domain),
		    "%s is in %s and in %s", domain, class_lists[first_of(&c)],
		    class_lists[second_of(&c)]);
		return false;
	}
	if (c.is_unknown) {
		findings_add(out, FINDING_WARN,
		    "if it is in none, Postfix rejects bounces to SRS "
		    "addresses",
		    findings_text(out,
			"make sure that %s is in exactly one of "
			"mydestination, virtual_mailbox_domains and "
			"virtual_alias_domains",
			domain),
		    "%s: the lists of domains can't be looked up here", domain);
		return false;
	}
	findings_add(out, FINDING_FAIL,
	    "Postfix rejects bounces to SRS addresses, with \"Relay access "
	    "denied\"",
	    findings_text(out,
		"add %s to mydestination, or to virtual_mailbox_domains",
		domain),
	    "%s is in none of mydestination, virtual_mailbox_domains, "
	    "virtual_alias_domains and relay_domains",
	    domain);
	return false;
}

void
check_srs_domain_class(struct doctor_facts *f, struct finding_list *out)
{
	if (!joined(f))
		return;
	for (size_t i = 0; i < f->own.srs_domains.count; i++) {
		struct mf_text domain = f->own.srs_domains.patterns[i];

		if (domain.p[0] != '.')
			check_class(f, arena_copy(f->arena, domain).p, out);
	}
}

/* --- forged addresses --- */

/* Users of a domain are looked up in these maps. */
static const char *const user_maps[CLASSES] = {"local_recipient_maps",
    "virtual_mailbox_maps", "virtual_alias_maps", "relay_recipient_maps"};

static bool
rejects_unlisted(struct doctor_facts *f)
{
	bool found = false;

	for (size_t i = 0; i < f->site.service_count; i++) {
		const struct site_service *s = &f->site.services[i];
		struct mf_text item, rest;
		bool here;

		if (!pass_is_front(&f->site, s))
			continue;
		here = site_is_yes(site_value_for(
		    &f->site, s, "smtpd_reject_unlisted_recipient"));
		rest =
		    site_value_for(&f->site, s, "smtpd_recipient_restrictions");
		while (site_next_item(&rest, &item))
			here |= mf_text_eq(
			    item, MF_TEXT("reject_unlisted_recipient"));
		if (!here)
			return false;
		found = true;
	}
	return found ||
	    site_is_yes(
		site_value(&f->site, "smtpd_reject_unlisted_recipient"));
}

static bool
taken(struct doctor_facts *f, const char *domain, const char *read,
    struct mf_text v, struct finding_list *out)
{
	findings_add(out, FINDING_FAIL,
	    "forged SRS addresses are taken: what isn't restored has to be "
	    "rejected as an unknown user",
	    findings_text(out,
		"list %s in virtual_mailbox_domains, not in mydestination, "
		"and let virtual_mailbox_maps have no entry for all of it; or "
		"give SRS addresses a domain of their own (fwdomain) there",
		domain),
	    "%s: %s%.*s", domain, read, TEXT_ARGS(v));
	(void)f;
	return false;
}

static bool
check_users(
    struct doctor_facts *f, const char *domain, struct finding_list *out)
{
	struct domain_lists c = class_of(f, domain);
	const char *all = arena_printf(f->arena, "@%s", domain).p;
	size_t class = first_of(&c);
	struct mf_text maps, value;

	if (class == CLASSES)
		return true;
	if (tables_find(&f->tables, site_value(&f->site, "virtual_alias_maps"),
		all, &value) == TABLE_HAS)
		return taken(f, domain,
		    "a catch-all in virtual_alias_maps: ", value, out);
	maps = site_value(&f->site, user_maps[class]);
	if (maps.len == 0 && class != ALIAS)
		return taken(f, domain,
		    arena_printf(f->arena, "in %s, and %s is empty",
			class_lists[class], user_maps[class])
			.p,
		    maps, out);
	if (class != LOCAL &&
	    tables_find(&f->tables, maps, all, &value) == TABLE_HAS)
		return taken(f, domain,
		    arena_printf(
			f->arena, "a catch-all in %s: ", user_maps[class])
			.p,
		    value, out);
	if (class == LOCAL &&
	    tables_find(&f->tables, maps, all, &value) == TABLE_HAS)
		return taken(f, domain,
		    "local_recipient_maps has all of it: ", value, out);
	return true;
}

/* srsmilter rejects forged addresses itself; srsd can't. */
void
check_unlisted(struct doctor_facts *f, struct finding_list *out)
{
	bool ok = true;

	if (!joined(f) || f->pass.uses_srsmilter)
		return;
	if (stranger_is_refused(f,
		arena_printf(f->arena, "SRS0=AAAAAA=AA=sender.example=bob@%s",
		    f->own.srs_domain)
		    .p)) {
		findings_ok(out,
		    "smtpd's restrictions reject forged SRS "
		    "addresses");
		return;
	}
	if (!rejects_unlisted(f)) {
		taken(f, f->own.srs_domain,
		    "smtpd_reject_unlisted_recipient = no", MF_TEXT(""), out);
		return;
	}
	for (size_t i = 0; i < f->own.srs_domains.count; i++) {
		struct mf_text domain = f->own.srs_domains.patterns[i];

		if (domain.p[0] != '.')
			ok = check_users(
				 f, arena_copy(f->arena, domain).p, out) &&
			    ok;
	}
	if (ok)
		findings_ok(out,
		    "unknown users of %s, and so forged SRS addresses, are "
		    "rejected",
		    f->own.srs_domain);
}

/* --- domains that mailfrom.conf has to know --- */

/* Names that nobody outside of this host can use. */
static bool
is_for_this_host(struct mf_text name)
{
	return text_find(name, '.') == name.len ||
	    text_find(name, '@') != name.len ||
	    text_starts_fold(name, MF_TEXT("localhost")) ||
	    text_ends_fold(name, MF_TEXT(".localdomain")) ||
	    text_ends_fold(name, MF_TEXT(".local"));
}

/* Names in a message; there may be thousands. */
#define NAMES_SHOWN 20

struct missing {
	struct doctor_facts *f;
	bool (*knows)(const struct doctor_facts *f, struct mf_text domain);
	struct mf_text names;
	size_t count, seen;
	bool all; /* no list is closed to us */
};

static void
note(struct missing *m, struct mf_text name)
{
	if (is_for_this_host(name))
		return;
	if (name.p[0] == '.')
		name = text_from(name, 1);
	m->seen++;
	if (m->knows(m->f, name))
		return;
	if (m->count < NAMES_SHOWN &&
	    pass_has_map(m->names, arena_copy(m->f->arena, name).p))
		return;
	if (m->count++ >= NAMES_SHOWN)
		return;
	m->names = arena_printf(m->f->arena, "%.*s%s%.*s", TEXT_ARGS(m->names),
	    m->names.len != 0 ? " " : "", TEXT_ARGS(name));
}

static void
note_lists(struct missing *m)
{
	for (size_t i = 0; i < RELAY; i++) {
		size_t count;
		bool all;
		struct mf_text *names = tables_names(&m->f->tables,
		    site_value(&m->f->site, class_lists[i]), &count, &all);

		m->all &= all;
		for (size_t n = 0; n < count; n++)
			note(m, names[n]);
	}
}

static bool
is_local_domain(const struct doctor_facts *f, struct mf_text domain)
{
	return list_has_domain(&f->own.local_domains, domain);
}

void
check_local_domains(struct doctor_facts *f, struct finding_list *out)
{
	struct missing m = {.f = f, .knows = is_local_domain, .all = true};

	if (!f->pass.uses_srsmilter ||
	    f->own.srsmilter.rewrite != REWRITE_REMOTE_DOMAIN)
		return;
	note_lists(&m);
	if (m.count != 0)
		findings_add(out, FINDING_FAIL,
		    "srsmilter takes mail for these domains for forwarded "
		    "mail: it is rewritten as it comes in, mailboxes included",
		    findings_text(out,
			"in [srsmilter] of %s, add to local_domains: %.*s",
			f->own.path, TEXT_ARGS(m.names)),
		    "local_domains lacks %zu domains of this Postfix: %.*s%s",
		    m.count, TEXT_ARGS(m.names),
		    m.count > NAMES_SHOWN ? " ..." : "");
	else
		findings_ok(out,
		    "local_domains has the %zu domains of "
		    "Postfix's lists%s",
		    m.seen, m.all ? "" : " that can be listed here");
}

static bool
is_own_domain(const struct doctor_facts *f, struct mf_text domain)
{
	return list_has_domain(&f->own.own_domains, domain) ||
	    list_has_domain(&f->own.srs_domains, domain) ||
	    text_eq_fold(domain, mf_text_of(f->own.srs_domain));
}

/* myorigin may be a file, as Debian's /etc/mailname. */
static struct mf_text
origin(struct doctor_facts *f)
{
	struct mf_text value = site_value(&f->site, "myorigin"), text;

	if (value.len == 0 || value.p[0] != '/')
		return value;
	if (!f->tables.contents(
		&f->tables, arena_copy(f->arena, value).p, &text))
		return MF_TEXT("");
	return text_trim(text_head(text, text_find(text, '\n')));
}

void
check_own_domains(struct doctor_facts *f, struct finding_list *out)
{
	struct missing m = {.f = f, .knows = is_own_domain, .all = true};

	if (!joined(f))
		return;
	note(&m, origin(f));
	note_lists(&m);
	if (m.count != 0)
		findings_add(out, FINDING_WARN,
		    "mail of users here gets SRS senders if it leaves; cron "
		    "and sendmail(1) send as user@myorigin",
		    findings_text(out,
			"in [srs] of %s, add to own_domains: %.*s\nthen print "
			"the lines again with mailfrom setup",
			f->own.path, TEXT_ARGS(m.names)),
		    "own_domains lacks %zu domains of this Postfix: %.*s%s",
		    m.count, TEXT_ARGS(m.names),
		    m.count > NAMES_SHOWN ? " ..." : "");
	else
		findings_ok(out,
		    "own_domains has the %zu domains of "
		    "Postfix's lists%s",
		    m.seen, m.all ? "" : " that can be listed here");
}

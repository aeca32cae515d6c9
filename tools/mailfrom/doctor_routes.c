/* SPDX-License-Identifier: ISC */
/*
 * What leads mail past the second pass, or past the site's relay: relayhost,
 * transport(5), maps by sender, FILTER in checks, generic(5).
 */
#include "tools/mailfrom/doctor.h"

/* --- relayhost --- */

/* [HOST]:PORT as Postfix compares it: port 25 and "smtp" needn't be written. */
static struct mf_text
bare_relay(struct mf_text t)
{
	static const char *const ports[] = {":25", ":smtp"};

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (text_ends_fold(t, mf_text_of(ports[i])))
			return text_head(t, t.len - strlen(ports[i]));
	return t;
}

void
check_relay(struct doctor_facts *f, struct finding_list *out)
{
	const struct second_pass *p = &f->pass;
	struct mf_text relay = site_value(&f->site, "relayhost"),
		       transport = MF_TEXT("smtp"), filter, hop;

	if (!pass_is_there(p))
		return;
	filter = site_value_for(&f->site, p->server, "content_filter");
	hop = filter;
	text_cut(&hop, ':', &transport);
	if (text_eq_fold(bare_relay(relay), bare_relay(hop))) {
		findings_ok(out,
		    relay.len != 0 ? "relayhost and content_filter of the "
				     "second pass are both %.*s"
				   : "no relayhost%.*s, nor one in "
				     "content_filter of the second pass",
		    TEXT_ARGS(relay));
	} else if (hop.len == 0) {
		findings_add(out, FINDING_FAIL,
		    "content_filter doesn't know relayhost: forwards go "
		    "straight to the recipient's MX",
		    findings_text(out,
			"in master.cf, service %.*s:  -o "
			"content_filter=%.*s:%.*s",
			TEXT_ARGS(p->server->name), TEXT_ARGS(transport),
			TEXT_ARGS(relay)),
		    "relayhost = %.*s, and %.*s: content_filter = %.*s",
		    TEXT_ARGS(relay), TEXT_ARGS(p->server->name),
		    TEXT_ARGS(filter));
	} else if (relay.len == 0) {
		findings_add(out, FINDING_FAIL,
		    "forwards take the relay, but own mail and bounces go "
		    "straight to the recipient's MX",
		    findings_text(
			out, "postconf -e 'relayhost = %.*s'", TEXT_ARGS(hop)),
		    "relayhost is empty, and %.*s: content_filter = %.*s",
		    TEXT_ARGS(p->server->name), TEXT_ARGS(filter));
	} else {
		findings_add(out, FINDING_WARN,
		    "forwards take another relay than own mail and bounces",
		    findings_text(out,
			"unless that is meant, in master.cf, service %.*s:  "
			"-o content_filter=%.*s:%.*s",
			TEXT_ARGS(p->server->name), TEXT_ARGS(transport),
			TEXT_ARGS(relay)),
		    "relayhost = %.*s, and %.*s: content_filter = %.*s",
		    TEXT_ARGS(relay), TEXT_ARGS(p->server->name),
		    TEXT_ARGS(filter));
	}
}

/* --- domains --- */

/* The domain that an entry of transport(5) or a map by sender is for. */
static struct mf_text
domain_of(struct mf_text key)
{
	size_t at = text_rfind(key, '@');

	return at < key.len ? text_from(key, at + 1) : key;
}

/* Whether mail for it is delivered here, or it is one of ours otherwise. */
static bool
is_here(struct doctor_facts *f, struct mf_text domain)
{
	static const char *const lists[] = {"mydestination",
	    "virtual_alias_domains", "virtual_mailbox_domains",
	    "relay_domains"};
	const char *name;

	if (domain.len != 0 && domain.p[0] == '.')
		domain = text_from(domain, 1);
	name = arena_copy(f->arena, domain).p;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (tables_have_domain(&f->tables,
			site_value(&f->site, lists[i]), name) == TABLE_HAS)
			return true;
	return list_has_domain(&f->own.own_domains, domain) ||
	    list_has_domain(&f->own.local_domains, domain) ||
	    text_eq_fold(domain, mf_text_of(f->own.srs_domain));
}

/* A transport that sends mail to other hosts: a client of SMTP. */
static bool
leaves(struct doctor_facts *f, struct mf_text transport)
{
	const struct site_service *s =
	    site_service(&f->site, arena_copy(f->arena, transport).p, "unix");

	return s != NULL && mf_text_eq(s->command, MF_TEXT("smtp"));
}

/* transport:nexthop leads out of here without the second pass. */
static bool
goes_past(struct doctor_facts *f, struct mf_text value)
{
	struct mf_text transport, hop = value;

	if (!text_cut(&hop, ':', &transport))
		return false;
	if (transport.len == 0)
		return hop.len != 0;
	return leaves(f, transport) && !pass_is_local(hop) &&
	    !mf_text_eq(transport, f->pass.transport);
}

/* An entry counts unless a table in front of its own has the key, too. */
static bool
is_first(
    struct doctor_facts *f, struct mf_text maps, const struct table_entry *e)
{
	struct mf_text value;

	return tables_find(&f->tables, maps, arena_copy(f->arena, e->key).p,
		   &value) != TABLE_HAS ||
	    mf_text_eq(value, e->value);
}

/* --- transport(5) --- */

static bool
check_route(struct doctor_facts *f, const struct table_entry *e,
    struct finding_list *out)
{
	struct mf_text domain = domain_of(e->key), hop = e->value, transport;

	text_cut(&hop, ':', &transport);
	if (!goes_past(f, e->value) || is_here(f, domain) ||
	    list_has_domain(&f->exclude_recipients, domain))
		return true;
	if (mf_text_eq(e->key, MF_TEXT("*"))) {
		findings_add(out, FINDING_FAIL,
		    "it counts before default_transport: mail for other hosts "
		    "leaves with its original sender",
		    findings_text(out,
			"take the entry out; set relayhost = %.*s, and "
			"content_filter of %.*s to %.*s",
			TEXT_ARGS(hop), TEXT_ARGS(f->pass.server->name),
			TEXT_ARGS(e->value)),
		    "transport_maps: * %.*s", TEXT_ARGS(e->value));
		return false;
	}
	findings_add(out, FINDING_FAIL,
	    "it counts before default_transport: mail forwarded there leaves "
	    "with its original sender",
	    findings_text(out,
		"in transport_maps: %.*s %.*s:%.*s\n"
		"in master.cf, service %.*s:  -o { "
		"smtpd_recipient_restrictions = check_recipient_access "
		"inline:{ { %.*s = FILTER %.*s } }, permit_mynetworks, reject "
		"}\n"
		"in main.cf: %.*s_destination_recipient_limit = 1\n"
		"if it is meant, list the domain in exclude_recipients of "
		"mailfrom.conf",
		TEXT_ARGS(e->key), TEXT_ARGS(f->pass.transport),
		TEXT_ARGS(f->pass.nexthop), TEXT_ARGS(f->pass.server->name),
		TEXT_ARGS(e->key), TEXT_ARGS(e->value),
		TEXT_ARGS(f->pass.transport)),
	    "transport_maps: %.*s %.*s", TEXT_ARGS(e->key),
	    TEXT_ARGS(e->value));
	return false;
}

/* Tables that are no text are asked for what stands for all domains. */
static bool
check_star(
    struct doctor_facts *f, struct mf_text maps, struct finding_list *out)
{
	struct table_entry star = {MF_TEXT("*"), MF_TEXT("")};

	return tables_find(&f->tables, maps, "*", &star.value) != TABLE_HAS ||
	    check_route(f, &star, out);
}

void
check_transport_maps(struct doctor_facts *f, struct finding_list *out)
{
	struct mf_text maps = site_value(&f->site, "transport_maps");
	struct table_entry *entries;
	size_t count, wrong = 0;
	bool all;

	if (!pass_is_there(&f->pass))
		return;
	entries = tables_entries(&f->tables, maps, &count, &all);
	for (size_t i = 0; i < count; i++)
		wrong += is_first(f, maps, &entries[i]) &&
		    !check_route(f, &entries[i], out);
	if (!all && wrong == 0)
		wrong += !check_star(f, maps, out);
	if (wrong == 0)
		findings_ok(out,
		    "transport_maps: %zu entries, none of which leads past "
		    "the second pass%s",
		    count,
		    all ? "" : " (and tables that can't be listed here)");
}

/* --- maps by sender --- */

/* FILTER at the second pass, for a sender. */
static bool
is_filtered(struct doctor_facts *f, struct mf_text key)
{
	static const char *const lists[] = {"smtpd_sender_restrictions",
	    "smtpd_recipient_restrictions", "smtpd_client_restrictions"};
	struct mf_text domain = domain_of(key), item, rest, value;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		bool is_access = false;

		rest = site_value_for(&f->site, f->pass.server, lists[i]);
		while (site_next_item(&rest, &item)) {
			if (is_access &&
			    tables_find(&f->tables, item,
				arena_copy(f->arena, domain).p,
				&value) == TABLE_HAS &&
			    text_starts_fold(value, MF_TEXT("FILTER")))
				return true;
			is_access =
			    mf_text_eq(item, MF_TEXT("check_sender_access"));
		}
	}
	return false;
}

static bool
is_foreign(struct doctor_facts *f, struct mf_text key)
{
	struct mf_text domain = domain_of(key);

	return domain.len != 0 && !mf_text_eq(key, MF_TEXT("<>")) &&
	    text_find(domain, '.') < domain.len && !is_here(f, domain);
}

static size_t
check_relays(struct doctor_facts *f, struct finding_list *out)
{
	struct mf_text maps =
	    site_value(&f->site, "sender_dependent_relayhost_maps");
	size_t count, wrong = 0;
	bool all;
	struct table_entry *e = tables_entries(&f->tables, maps, &count, &all);

	for (size_t i = 0; i < count; i++) {
		if (!is_foreign(f, e[i].key) || is_filtered(f, e[i].key) ||
		    !is_first(f, maps, &e[i]))
			continue;
		wrong++;
		findings_add(out, FINDING_FAIL,
		    "the second pass doesn't know it: forwards of that sender "
		    "go straight to the recipient's MX",
		    findings_text(out,
			"in master.cf, service %.*s:  -o { "
			"smtpd_sender_restrictions = check_sender_access "
			"inline:{ { %.*s = FILTER smtp:%.*s } } }\n"
			"if the domain is yours, list it in own_domains of "
			"mailfrom.conf",
			TEXT_ARGS(f->pass.server->name),
			TEXT_ARGS(domain_of(e[i].key)), TEXT_ARGS(e[i].value)),
		    "sender_dependent_relayhost_maps: %.*s %.*s",
		    TEXT_ARGS(e[i].key), TEXT_ARGS(e[i].value));
	}
	return wrong;
}

static size_t
check_transports(struct doctor_facts *f, struct finding_list *out)
{
	struct mf_text maps =
	    site_value(&f->site, "sender_dependent_default_transport_maps");
	size_t count, wrong = 0;
	bool all;
	struct table_entry *e = tables_entries(&f->tables, maps, &count, &all);

	for (size_t i = 0; i < count; i++) {
		if (!is_foreign(f, e[i].key) || !goes_past(f, e[i].value) ||
		    !is_first(f, maps, &e[i]))
			continue;
		wrong++;
		findings_add(out, FINDING_FAIL,
		    "it counts before default_transport: forwards of that "
		    "sender leave with it",
		    findings_text(out,
			"take the entry out; in master.cf, service %.*s:  -o "
			"{ smtpd_sender_restrictions = check_sender_access "
			"inline:{ { %.*s = FILTER %.*s } } }\n"
			"if the domain is yours, list it in own_domains of "
			"mailfrom.conf",
			TEXT_ARGS(f->pass.server->name),
			TEXT_ARGS(domain_of(e[i].key)), TEXT_ARGS(e[i].value)),
		    "sender_dependent_default_transport_maps: %.*s %.*s",
		    TEXT_ARGS(e[i].key), TEXT_ARGS(e[i].value));
	}
	return wrong;
}

void
check_sender_maps(struct doctor_facts *f, struct finding_list *out)
{
	if (pass_is_there(&f->pass) &&
	    check_relays(f, out) + check_transports(f, out) == 0)
		findings_ok(out,
		    "sender_dependent_relayhost_maps and "
		    "sender_dependent_default_transport_maps: no foreign "
		    "sender");
}

/* --- FILTER --- */

/* FILTER transport:host of another host; to a filter here, mail comes back. */
static bool
filters_elsewhere(struct doctor_facts *f, struct mf_text maps)
{
	static const char *const here[] = {"127.", "localhost", "[::1]"};
	struct mf_text word = MF_TEXT("FILTER");

	if (!tables_mention(&f->tables, maps, word.p))
		return false;
	for (size_t i = 0; i < sizeof(here) / sizeof(here[0]); i++)
		if (tables_mention(&f->tables, maps, here[i]))
			return false;
	return true;
}

void
check_filters(struct doctor_facts *f, struct finding_list *out)
{
	static const char *const lists[] = {"header_checks",
	    "mime_header_checks", "nested_header_checks", "body_checks",
	    "smtpd_client_restrictions", "smtpd_helo_restrictions",
	    "smtpd_sender_restrictions", "smtpd_relay_restrictions",
	    "smtpd_recipient_restrictions", "smtpd_data_restrictions",
	    "smtpd_end_of_data_restrictions"};
	size_t wrong = 0;

	if (!pass_is_there(&f->pass))
		return;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct mf_text value = site_value(&f->site, lists[i]);

		if (!site_is_set(&f->site, lists[i]) ||
		    !filters_elsewhere(f, value))
			continue;
		wrong++;
		findings_add(out, FINDING_FAIL,
		    "what FILTER sends elsewhere doesn't take the second "
		    "pass, and leaves with its original sender; no option of "
		    "master.cf changes that",
		    MF_TEXT("choose the route by recipient instead, in "
			    "transport_maps, which mailfrom setup merges"),
		    "%s = %.*s has the action FILTER", lists[i],
		    TEXT_ARGS(value));
	}
	if (wrong == 0)
		findings_ok(out,
		    "no FILTER in checks that leads past the "
		    "second pass");
}

/* --- generic(5) --- */

static bool
check_generic_of_ours(
    struct doctor_facts *f, struct mf_text maps, struct finding_list *out)
{
	struct mf_text value;
	const char *domain = arena_printf(f->arena, "@%s", f->own.srs_domain).p;

	if (f->own.srs_domain[0] == '\0' ||
	    (tables_find(&f->tables, maps, domain, &value) != TABLE_HAS &&
		(f->srs_address[0] == '\0' ||
		    tables_find(&f->tables, maps, f->srs_address, &value) !=
			TABLE_HAS)))
		return true;
	findings_add(out, FINDING_FAIL,
	    "SRS addresses are replaced as mail leaves: bounces don't find "
	    "back",
	    MF_TEXT("take the entry out, or give SRS addresses a domain of "
		    "their own (fwdomain)"),
	    "smtp_generic_maps: %s %.*s", domain, TEXT_ARGS(value));
	return false;
}

void
check_generic(struct doctor_facts *f, struct finding_list *out)
{
	struct mf_text maps = site_value(&f->site, "smtp_generic_maps");
	size_t count, wrong = 0;
	bool all;

	if (!pass_is_there(&f->pass))
		return;
	struct table_entry *e = tables_entries(&f->tables, maps, &count, &all);
	wrong += !check_generic_of_ours(f, maps, out);
	for (size_t i = 0; i < count; i++) {
		if (!is_foreign(f, e[i].key))
			continue;
		wrong++;
		findings_add(out, FINDING_FAIL,
		    "the sender is rewritten before this map is looked up, "
		    "which then doesn't find it",
		    MF_TEXT("no option of master.cf changes that: use "
			    "sender_canonical_maps for senders that aren't "
			    "yours; if the domain is yours, list it in "
			    "own_domains of mailfrom.conf"),
		    "smtp_generic_maps: %.*s %.*s", TEXT_ARGS(e[i].key),
		    TEXT_ARGS(e[i].value));
	}
	if (wrong == 0)
		findings_ok(out,
		    "smtp_generic_maps replaces no SRS address and no "
		    "foreign sender");
}

/* SPDX-License-Identifier: ISC */
#include "tools/mailfrom/merge.h"

#include <stdio.h>

/* A form of Postfix, and the samples that have its lines. */
static const struct {
	const char *form, *main_cf, *master_cf;
} samples_of[] = {
    {"postfix-milter", "etc/postfix/milter.main.cf",
	"etc/postfix/milter.master.cf"},
    {"postfix-cleanup", "etc/postfix/cleanup.main.cf",
	"etc/postfix/cleanup.master.cf"},
    {"postfix-simple", "etc/postfix/simple.main.cf", NULL},
    {"postfix-spfmilter", "etc/postfix/spfmilter.main.cf", NULL},
    {"spf-policy", "etc/postfix/spf-policy.main.cf", NULL},
};

/* --- the socket --- */

/* Whether every service that calls us finds a path of the whole system. */
static bool
sees_all_paths(const struct site *site)
{
	if (site->service_count == 0)
		return false; /* as Debian installs it */
	for (size_t i = 0; i < site->service_count; i++) {
		const struct site_service *s = &site->services[i];

		if ((mf_text_eq(s->command, MF_TEXT("smtpd")) ||
			mf_text_eq(s->command, MF_TEXT("cleanup"))) &&
		    site_is_chrooted(site, s))
			return false;
	}
	return true;
}

static bool
is_reachable(const struct merge *m, const struct sockaddr_spec *s)
{
	struct mf_text path = mf_text_of(s->path);
	struct mf_text spool = m->fill.spool;

	return s->family != SOCKADDR_UNIX || sees_all_paths(m->site) ||
	    (text_starts(path, spool) && path.len > spool.len &&
		path.p[spool.len] == '/');
}

/* Whether Postfix's user can open our unix sockets; its groups don't count. */
static bool
is_open(const struct merge *m)
{
	struct mf_text group = m->setup->socket_owner, user = group;
	struct mf_text postfix = site_value(m->site, "mail_owner");

	if (!text_cut(&group, ':', &user))
		group = MF_TEXT("");
	return (m->setup->socket_mode & 0002) != 0 ||
	    ((m->setup->socket_mode & 0020) != 0 &&
		mf_text_eq(group, postfix)) ||
	    mf_text_eq(user, postfix);
}

/* A unix socket is best: it has an owner.  Else the first that is reachable. */
static void
choose_listen(struct merge *m)
{
	struct setup *setup = m->setup;
	const struct sockaddr_spec *best = NULL;

	for (size_t i = 0; i < setup->listen_count; i++) {
		const struct sockaddr_spec *s = &setup->listens[i];

		if (is_reachable(m, s) &&
		    (best == NULL ||
			(best->family != SOCKADDR_UNIX) ==
			    (s->family == SOCKADDR_UNIX && is_open(m))))
			best = s;
	}
	if (best != NULL)
		setup->listen = *best;
	if (best != NULL && best->family == SOCKADDR_UNIX && !is_open(m))
		plan_warn(m->plan,
		    "Postfix's user can't open %s: set socket_owner to "
		    "mailfrom:%.*s and socket_mode to 0660 in %s",
		    best->path, PLAN_TEXT(site_value(m->site, "mail_owner")),
		    setup->path);
	if (best == NULL && setup->listen.family == SOCKADDR_UNIX)
		plan_refuse(m->plan,
		    "%s isn't below %.*s, where Postfix's smtpd and cleanup "
		    "are chrooted: they can't reach it.  Set listen to a path "
		    "below it, or to an inet socket on 127.0.0.1",
		    setup->listen.path, PLAN_TEXT(m->fill.spool));
}

/* --- the second smtpd's port --- */

static bool
is_in_master(const struct site *site, unsigned port)
{
	char text[8];

	snprintf(text, sizeof(text), "%u", port);
	for (size_t i = 0; i < site->service_count; i++) {
		struct mf_text name = site->services[i].name;
		size_t colon = text_rfind(name, ':');

		if (mf_text_eq(site->services[i].type, MF_TEXT("inet")) &&
		    mf_text_eq(
			colon < name.len ? text_from(name, colon + 1) : name,
			mf_text_of(text)))
			return true;
	}
	return false;
}

static void
choose_port(struct merge *m)
{
	unsigned port = MERGE_PORT;

	if (m->installed_port != 0) {
		m->plan->port = m->installed_port;
		return;
	}
	while (port < MERGE_PORT_MAX &&
	    (is_in_master(m->site, port) ||
		(m->port_is_free != NULL && !m->port_is_free(port))))
		port++;
	m->plan->port = port;
}

/* Postfix without IPv4 can't use 127.0.0.1. */
static void
choose_loopback(struct merge *m)
{
	struct mf_text protocols = site_value(m->site, "inet_protocols");

	m->plan->loopback = mf_text_eq(protocols, MF_TEXT("ipv6"))
	    ? MF_TEXT("::1")
	    : MF_TEXT("127.0.0.1");
}

static struct mf_text
replaced(struct arena *arena, struct mf_text text, struct mf_text old,
    struct mf_text new)
{
	for (size_t i = 0; i + old.len <= text.len; i++) {
		struct mf_text rest = text_from(text, i);

		if (text_starts(rest, old))
			return arena_printf(arena, "%.*s%.*s%.*s", (int)i,
			    text.p, PLAN_TEXT(new), (int)(rest.len - old.len),
			    rest.p + old.len);
	}
	return text;
}

/* The pass between the two, where it isn't 127.0.0.1:10027. */
static void
move_second(struct merge *m)
{
	struct arena *arena = m->plan->arena;
	bool is_ipv6 = m->plan->loopback.p[0] == ':';
	struct mf_text at = arena_printf(
	    arena, is_ipv6 ? "[%.*s]" : "%.*s", PLAN_TEXT(m->plan->loopback));
	struct plan_setting *s = plan_find(&m->plan->main, "default_transport");

	s->value = arena_printf(arena, "srsout:[%.*s]:%u",
	    PLAN_TEXT(m->plan->loopback), m->plan->port);
	for (size_t i = 0; i < m->plan->service_count; i++)
		m->plan->services[i].head = replaced(arena,
		    m->plan->services[i].head, MF_TEXT("127.0.0.1:10027"),
		    arena_printf(
			arena, "%.*s:%u", PLAN_TEXT(at), m->plan->port));
	if (!is_ipv6)
		return;
	struct plan_settings *out = plan_options(m->plan, "srsout");
	plan_drop(out, "smtp_bind_address");
	plan_set(m->plan, out, "smtp_bind_address6", MF_TEXT("::1"), "");
	struct plan_settings *second = plan_second(m->plan);
	static const char *const networks[] = {"mynetworks",
	    "smtpd_authorized_xforward_hosts",
	    "smtpd_client_event_limit_exceptions"};
	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++)
		plan_set(
		    m->plan, second, networks[i], MF_TEXT("[::1]/128"), "");
}

/* --- what only mailfrom.conf can change --- */

static bool
is_own(const struct setup *setup, struct mf_text domain)
{
	const struct conf_list *own = &setup->srs.own_domains;

	for (size_t i = 0; i < own->count; i++)
		if (text_eq_fold(own->items[i], domain) ||
		    (own->items[i].p[0] == '.' &&
			text_ends_fold(domain, own->items[i])))
			return true;
	for (size_t i = 0; i < setup->domain_count; i++)
		if (text_eq_fold(setup->domains[i], domain))
			return true;
	return false;
}

static void
check_origin(struct merge *m)
{
	struct mf_text origin = site_value(m->site, "myorigin");

	if (m->site->source == SITE_NONE || origin.len == 0 ||
	    origin.p[0] == '/' || is_own(m->setup, origin))
		return;
	plan_warn(m->plan,
	    "mail of this host itself (cron, sendmail by its users) comes "
	    "from user@%.*s, which would be rewritten: add %.*s to "
	    "own_domains in %s",
	    PLAN_TEXT(origin), PLAN_TEXT(origin), m->setup->path);
}

static void
check_left_out(struct merge *m)
{
	if (m->setup->left_out != 0)
		plan_warn(m->plan,
		    "%zu of own_domains can't be in a table of Postfix: mail "
		    "from them takes the second pass with its sender "
		    "unchanged",
		    m->setup->left_out);
}

static void
check_version(struct merge *m)
{
	if (!site_has_version(m->site, 3, 7))
		plan_refuse(m->plan,
		    "Postfix %.*s has no tables like regexp:{ ... } in main.cf; "
		    "3.7 or later has them.  Put the lines between such braces "
		    "into files, with $ for $$",
		    PLAN_TEXT(m->site->version));
}

/* --- what no line can change --- */

/* A table whose FILTER sends mail elsewhere, past the second pass. */
static void
check_table(struct merge *m, const char *name, struct mf_text table)
{
	struct mf_text text = site_table_text(m->site, table);
	const struct mf_text word = MF_TEXT("FILTER ");

	for (; text.len != 0; text = text_from(text, 1)) {
		struct mf_text target;

		if (!text_starts_fold(text, word))
			continue;
		target = text_head(text, text_find(text, '\n'));
		target = text_head(target, text_find(target, '}'));
		target = text_trim(text_from(target, word.len));
		/* A filter on this host gives mail back. */
		size_t colon = text_find(target, ':');
		struct mf_text host = text_from(target, colon + 1);
		if (text_starts(host, MF_TEXT("[127.")) ||
		    text_starts(host, MF_TEXT("127.")) ||
		    text_starts(host, MF_TEXT("[::1]")) ||
		    text_starts(host, MF_TEXT("localhost")) ||
		    text_starts(host, MF_TEXT("[localhost]")))
			continue;
		plan_refuse(m->plan,
		    "%s: %.*s has FILTER %.*s, which sends forwarded mail "
		    "there with its sender unchanged: use transport_maps or "
		    "sender_dependent_relayhost_maps for it",
		    name, PLAN_TEXT(text_head(table, 200)),
		    PLAN_TEXT(text_head(target, 200)));
		return;
	}
}

static void
check_filters(struct merge *m)
{
	static const char *const names[] = {"header_checks",
	    "mime_header_checks", "nested_header_checks", "body_checks",
	    "smtpd_client_restrictions", "smtpd_helo_restrictions",
	    "smtpd_sender_restrictions", "smtpd_relay_restrictions",
	    "smtpd_recipient_restrictions", "smtpd_data_restrictions",
	    "smtpd_end_of_data_restrictions"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct mf_text list = site_value(m->site, names[i]), item;

		while (site_next_item(&list, &item))
			if (site_is_table(item))
				check_table(m, names[i], item);
	}
}

/* --- all of it --- */

static void
add_samples(struct merge *m)
{
	for (size_t i = 0; i < sizeof(samples_of) / sizeof(samples_of[0]);
	     i++) {
		if (strcmp(samples_of[i].form, m->setup->form->name) != 0)
			continue;
		plan_add_main(m->plan,
		    fill_sample(
			m->plan->arena, &m->fill, samples_of[i].main_cf));
		if (samples_of[i].master_cf != NULL)
			plan_add_master(m->plan,
			    fill_sample(m->plan->arena, &m->fill,
				samples_of[i].master_cf));
	}
}

/* default_transport as a transport with a colon: smtp: */
static struct mf_text
direct_transport(struct merge *m)
{
	struct mf_text direct = site_value(m->site, "default_transport");

	if (text_find(direct, ':') != direct.len)
		return direct;
	return arena_printf(m->plan->arena, "%.*s:", PLAN_TEXT(direct));
}

void
merge(struct merge *m)
{
	const struct setup_form *form = m->setup->form;

	m->plan->direct = direct_transport(m);
	m->fill = (struct fill){
	    m->setup, site_value(m->site, "queue_directory"), m->plan->direct};
	choose_listen(m);
	choose_loopback(m);
	if (form->has_second_pass)
		choose_port(m);
	add_samples(m);
	if (form->has_second_pass) {
		check_version(m);
		move_second(m);
		merge_routes(m);
		merge_senders(m);
		merge_generic(m);
		check_filters(m);
	}
	if (form->daemon == SETUP_SPFMILTER) {
		merge_spfmilter(m);
		return;
	}
	if (form->daemon == SETUP_SPF_POLICY) {
		merge_policy(m);
		return;
	}
	merge_customers(m);
	if (form->has_second_pass) {
		merge_rrs(m);
		merge_bounces(m);
	} else {
		merge_canonical(m);
	}
	merge_milters(m);
	check_origin(m);
	if (form->has_second_pass)
		check_left_out(m);
}

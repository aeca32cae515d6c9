/* SPDX-License-Identifier: ISC */
/*
 * The settings that the services of a second pass must not take from the rest
 * of a site's main.cf: for each, which value does harm, what harm, and the -o
 * that is right.
 */
#include "tools/mailfrom/doctor.h"

enum role { CLIENT, SERVER, CLEANUP };
enum form { MILTER = 1, MAPS = 2, ANY = MILTER | MAPS };

/* Whether a value does harm there. */
enum harm { HARMLESS, HARMFUL, UNKNOWN };

struct setting {
	enum role role;
	enum form form;
	const char *name;
	enum harm (*judge)(struct facts *f, const struct site_service *service,
	    struct mf_text value);
	const char *right; /* value of the -o */
	const char *why;
};

/* Hops that a message may have behind it: more are rare. */
#define HOPS_USUAL 20

/* What a client asks for in a session by default, default_process_limit aside.
 */
#define CONCURRENCY_DEFAULT 20
#define RECIPIENTS_DEFAULT  50

/* --- how values are judged --- */

static enum harm
harm(bool is_harmful)
{
	return is_harmful ? HARMFUL : HARMLESS;
}

static enum harm
if_yes(struct facts *f, const struct site_service *service, struct mf_text v)
{
	(void)f;
	(void)service;
	return harm(site_is_yes(v));
}

static enum harm
if_set(struct facts *f, const struct site_service *service, struct mf_text v)
{
	(void)f;
	(void)service;
	return harm(v.len != 0);
}

static bool
is_loopback_address(struct mf_text t)
{
	return text_starts(t, MF_TEXT("127.")) || pass_is_local(t);
}

/*
 * smtp(8) binds to inet_interfaces if that is a single address, unless it is a
 * loopback one.
 */
static enum harm
if_not_loopback(
    struct facts *f, const struct site_service *service, struct mf_text v)
{
	struct mf_text item,
	    only = MF_TEXT(""),
	    rest = site_value_for(&f->site, service, "inet_interfaces");
	size_t count = 0;

	if (v.len != 0)
		return harm(!is_loopback_address(v));
	while (site_next_item(&rest, &item)) {
		bool is_ipv6 = text_count(item, ':') > 1;

		count += !is_ipv6;
		only = is_ipv6 ? only : item;
	}
	return harm(count == 1 && !text_eq_fold(only, MF_TEXT("all")) &&
	    !text_eq_fold(only, MF_TEXT("loopback-only")) &&
	    !is_loopback_address(only) && !f->interface_is_loopback);
}

/* A table that has one of the keys does harm; NULL ends them. */
static enum harm
if_found(struct facts *f, struct mf_text maps, const char *const *keys,
    bool (*matters)(const char *key, struct mf_text value))
{
	enum harm found = HARMLESS;
	struct mf_text value;

	if (maps.len == 0)
		return HARMLESS;
	for (; *keys != NULL; keys++) {
		enum table_answer answer =
		    tables_find(&f->tables, maps, *keys, &value);

		if (answer == TABLE_HAS &&
		    (matters == NULL || matters(*keys, value)))
			return HARMFUL;
		if (answer == TABLE_UNKNOWN && !f->tables.is_elsewhere)
			found = UNKNOWN;
	}
	return found;
}

static const char *
nexthop(struct facts *f)
{
	return arena_copy(f->arena, f->pass.nexthop).p;
}

static const char *
nexthop_host(struct facts *f)
{
	struct mf_text t = f->pass.nexthop;

	t = text_head(t, text_rfind(t, ':'));
	if (t.len > 2 && t.p[0] == '[' && t.p[t.len - 1] == ']')
		t = mf_text_at(t.p + 1, t.len - 2);
	return arena_copy(f->arena, t).p;
}

static enum harm
if_policy(struct facts *f, const struct site_service *service, struct mf_text v)
{
	const char *const keys[] = {nexthop(f), NULL};

	(void)service;
	return if_found(f, v, keys, NULL);
}

static enum harm
if_per_site(
    struct facts *f, const struct site_service *service, struct mf_text v)
{
	const char *const keys[] = {nexthop(f), nexthop_host(f), NULL};

	(void)service;
	return if_found(f, v, keys, NULL);
}

static enum harm
if_client_address(
    struct facts *f, const struct site_service *service, struct mf_text v)
{
	const char *const keys[] = {nexthop_host(f), "localhost", NULL};

	(void)service;
	return if_found(f, v, keys, NULL);
}

/* "may" and "none" need nothing; what else there is needs TLS. */
static enum harm
if_tls_needed(
    struct facts *f, const struct site_service *service, struct mf_text v)
{
	static const char *const easy[] = {"", "none", "may", "dane"};

	for (size_t i = 0; i < sizeof(easy) / sizeof(easy[0]); i++)
		if (text_eq_fold(v, mf_text_of(easy[i])))
			return harm(i == 0 &&
			    site_is_yes(site_value_for(
				&f->site, service, "smtp_enforce_tls")));
	return HARMFUL;
}

static enum harm
if_tls_demanded(
    struct facts *f, const struct site_service *service, struct mf_text v)
{
	if (v.len == 0)
		v = site_is_yes(
			site_value_for(&f->site, service, "smtpd_enforce_tls"))
		    ? MF_TEXT("encrypt")
		    : v;
	return harm(text_eq_fold(v, MF_TEXT("encrypt")));
}

/* A client that has a password for the second pass tries to log in there. */
static enum harm
if_it_logs_in(
    struct facts *f, const struct site_service *service, struct mf_text v)
{
	const char *const keys[] = {nexthop(f), nexthop_host(f), NULL};

	if (!site_is_yes(v) || f->pass.server == NULL ||
	    !site_is_yes(site_value_for(
		&f->site, f->pass.server, "smtpd_sasl_auth_enable")))
		return HARMLESS;
	return if_found(f,
	    site_value_for(&f->site, service, "smtp_sasl_password_maps"), keys,
	    NULL);
}

/* smtpd doesn't start without a mechanism; a chroot hides Dovecot's socket. */
static enum harm
if_sasl_is_out_of_reach(
    struct facts *f, const struct site_service *service, struct mf_text v)
{
	struct mf_text type =
	    site_value_for(&f->site, service, "smtpd_sasl_type");
	struct mf_text path =
	    site_value_for(&f->site, service, "smtpd_sasl_path");

	return harm(site_is_yes(v) && text_eq_fold(type, MF_TEXT("dovecot")) &&
	    path.len != 0 && path.p[0] == '/' &&
	    site_is_chrooted(&f->site, service));
}

static bool
becomes_permanent(const char *key, struct mf_text value)
{
	(void)key;
	return value.len != 0 && value.p[0] == '5';
}

/* What the second pass says while the daemon is away. */
static enum harm
if_it_turns_permanent(
    struct facts *f, const struct site_service *service, struct mf_text v)
{
	const char *const replies[] = {
	    "451 4.7.1 Service unavailable - try again later",
	    "451 4.3.0 <bob@sender.example>: Temporary lookup failure",
	    "451 4.3.0 Error: queue file write error", "421 4.3.0 try later",
	    NULL};

	(void)service;
	return if_found(f, v, replies, becomes_permanent);
}

static bool
has_keyword(struct mf_text list, struct mf_text word)
{
	struct mf_text item;

	while (site_next_item(&list, &item))
		if (text_eq_fold(item, word))
			return true;
	return false;
}

static enum harm
if_without_dsn(
    struct facts *f, const struct site_service *service, struct mf_text v)
{
	(void)f;
	(void)service;
	return harm(has_keyword(v, MF_TEXT("dsn")));
}

static bool
takes_dsn(const char *key, struct mf_text value)
{
	(void)key;
	return has_keyword(value, MF_TEXT("dsn"));
}

static enum harm
if_without_dsn_here(
    struct facts *f, const struct site_service *service, struct mf_text v)
{
	const char *const keys[] = {nexthop_host(f), NULL};

	(void)service;
	return if_found(f, v, keys, takes_dsn);
}

static bool
differs(const char *key, struct mf_text value)
{
	return !mf_text_eq(value, mf_text_of(key));
}

/* Commands as srsout sends them. */
static enum harm
if_commands_change(
    struct facts *f, const struct site_service *service, struct mf_text v)
{
	const char *const commands[] = {
	    "MAIL FROM:<bob@sender.example> SIZE=1000 RET=HDRS ENVID=x",
	    "RCPT TO:<vera@dest.example> NOTIFY=FAILURE "
	    "ORCPT=rfc822;alias@fwd.example",
	    "RCPT TO:<vera@dest.example> ORCPT=rfc822;alias@fwd.example",
	    "XFORWARD NAME=mx.sender.example ADDR=192.0.2.1", "DATA", NULL};

	(void)service;
	return if_found(f, v, commands, differs);
}

/* --- numbers --- */

static uint64_t
number(struct facts *f, const struct site_service *service, const char *name,
    uint64_t otherwise)
{
	uint64_t n = otherwise;

	text_uint(site_value_for(&f->site, service, name), UINT64_MAX, &n);
	return n;
}

/* TRANSPORT_name of main.cf, else default_name. */
static uint64_t
transport_number(struct facts *f, const char *name, uint64_t otherwise)
{
	const char *own = arena_printf(
	    f->arena, "%.*s_%s", TEXT_ARGS(f->pass.transport), name)
			      .p;
	const char *general = arena_printf(f->arena, "default_%s", name).p;

	return number(f, NULL, own, number(f, NULL, general, otherwise));
}

static enum harm
if_few_hops(
    struct facts *f, const struct site_service *service, struct mf_text v)
{
	uint64_t hops = HOPS_USUAL;

	(void)f;
	(void)service;
	text_uint(v, UINT64_MAX, &hops);
	return harm(hops < HOPS_USUAL);
}

static enum harm
if_few_recipients(
    struct facts *f, const struct site_service *service, struct mf_text v)
{
	uint64_t limit = UINT64_MAX;

	(void)service;
	text_uint(v, UINT64_MAX, &limit);
	return harm(limit < transport_number(f, "destination_recipient_limit",
				RECIPIENTS_DEFAULT));
}

static bool
exempts_loopback(struct mf_text list)
{
	struct mf_text item;

	while (site_next_item(&list, &item))
		if (text_starts(item, MF_TEXT("127.")) ||
		    text_starts(item, MF_TEXT("0.0.0.0/0")))
			return true;
	return false;
}

static enum harm
if_clients_are_limited(
    struct facts *f, const struct site_service *service, struct mf_text v)
{
	static const char *const rates[] = {
	    "smtpd_client_connection_rate_limit",
	    "smtpd_client_message_rate_limit",
	    "smtpd_client_recipient_rate_limit"};
	uint64_t connections =
	    number(f, service, "smtpd_client_connection_count_limit", 50);

	if (exempts_loopback(v))
		return HARMLESS;
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		if (number(f, service, rates[i], 0) != 0)
			return HARMFUL;
	return harm(connections != 0 &&
	    connections < transport_number(f, "destination_concurrency_limit",
			      CONCURRENCY_DEFAULT));
}

static enum harm
if_old_protocol(
    struct facts *f, const struct site_service *service, struct mf_text v)
{
	struct mf_text item, own = MF_TEXT("");
	uint64_t version = 6;

	if (pass_milter_in(&f->site, &f->own, service,
		site_value_for(&f->site, service, "smtpd_milters"),
		OWN_SRSMILTER, &item) &&
	    pass_milter_setting(item, "protocol", &own))
		v = own;
	text_uint(v, UINT64_MAX, &version);
	return harm(version < 6);
}

static enum harm
if_authenticated(
    struct facts *f, const struct site_service *service, struct mf_text v)
{
	struct mf_text item;

	(void)f;
	(void)service;
	while (site_next_item(&v, &item))
		if (text_starts_fold(item, MF_TEXT("{auth_")) ||
		    text_starts_fold(item, MF_TEXT("auth_")) ||
		    text_starts_fold(item, MF_TEXT("{ auth_")) ||
		    text_starts_fold(item, MF_TEXT("{ {auth_")))
			return HARMFUL;
	return HARMLESS;
}

/* --- the settings --- */

static const struct setting settings[] = {
    {CLIENT, ANY, "smtp_bind_address", if_not_loopback, "127.0.0.1",
	"the second pass accepts loopback clients alone: from another "
	"address all forwards bounce with 554 Client host rejected"},
    {CLIENT, ANY, "smtp_tls_security_level", if_tls_needed, "none",
	"TLS is required, and the second pass offers none: all forwards wait "
	"in the queue, then bounce"},
    {CLIENT, ANY, "smtp_tls_wrappermode", if_yes, "no",
	"the second pass speaks plain SMTP: all forwards wait in the queue, "
	"then bounce"},
    {CLIENT, ANY, "smtp_tls_policy_maps", if_policy, "",
	"the policy for this host requires TLS, and the second pass offers "
	"none: all forwards wait in the queue, then bounce"},
    {CLIENT, ANY, "smtp_tls_per_site", if_per_site, "",
	"the policy for this host requires TLS, and the second pass offers "
	"none: all forwards wait in the queue, then bounce"},
    {CLIENT, ANY, "smtp_sasl_auth_enable", if_it_logs_in, "no",
	"Postfix logs in to its own second pass, which fails: all forwards "
	"wait in the queue, then bounce"},
    {CLIENT, ANY, "smtp_fallback_relay", if_set, "",
	"while the daemon is down, forwards leave by the fallback relay with "
	"their original sender"},
    {CLIENT, ANY, "smtp_reply_filter", if_it_turns_permanent, "",
	"while the daemon is down, forwards bounce instead of waiting, "
	"because the filter makes its temporary replies permanent"},
    {CLIENT, ANY, "smtp_header_checks", if_set, "",
	"the checks are applied twice to all forwards"},
    {CLIENT, ANY, "smtp_mime_header_checks", if_set, "",
	"the checks are applied twice to all forwards"},
    {CLIENT, ANY, "smtp_nested_header_checks", if_set, "",
	"the checks are applied twice to all forwards"},
    {CLIENT, ANY, "smtp_body_checks", if_set, "",
	"the checks are applied twice to all forwards"},
    {CLIENT, ANY, "smtp_generic_maps", if_set, "",
	"addresses are replaced before the second pass, which then doesn't "
	"see the sender"},
    {CLIENT, ANY, "smtp_discard_ehlo_keywords", if_without_dsn, "",
	"ORCPT and the other DSN parameters are lost between the passes"},
    {CLIENT, ANY, "smtp_discard_ehlo_keyword_address_maps", if_without_dsn_here,
	"", "ORCPT and the other DSN parameters are lost between the passes"},
    {SERVER, ANY, "smtpd_client_event_limit_exceptions", if_clients_are_limited,
	"127.0.0.0/8",
	"all forwards come from one client, 127.0.0.1: the limits of "
	"smtpd_client_*_limit delay them with 421 and 450"},
    {SERVER, ANY, "smtpd_recipient_limit", if_few_recipients, "1000",
	"messages with more recipients are delayed with 452 in the second "
	"pass"},
    {SERVER, ANY, "smtpd_upstream_proxy_protocol", if_set, "",
	"the second pass waits for a proxy's header that Postfix doesn't "
	"send: all forwards are stuck"},
    {SERVER, ANY, "smtpd_tls_security_level", if_tls_demanded, "none",
	"the second pass demands TLS from this Postfix: all forwards bounce "
	"with 530"},
    {SERVER, ANY, "smtpd_tls_wrappermode", if_yes, "no",
	"the second pass expects TLS from the first byte: all forwards wait "
	"in the queue, then bounce"},
    {SERVER, ANY, "smtpd_sasl_auth_enable", if_sasl_is_out_of_reach, "no",
	"in its chroot, smtpd doesn't find Dovecot's socket, and doesn't "
	"start: all forwards wait in the queue, then bounce"},
    {SERVER, ANY, "smtpd_proxy_filter", if_set, "",
	"the second pass hands mail to the proxy filter, which returns it to "
	"the first: it loops, and all forwards bounce"},
    {SERVER, ANY, "smtpd_command_filter", if_commands_change, "",
	"it changes the commands between the passes: ORCPT and the other DSN "
	"parameters are lost"},
    {SERVER, ANY, "smtpd_discard_ehlo_keywords", if_without_dsn, "",
	"ORCPT and the other DSN parameters are lost between the passes"},
    {SERVER, ANY, "smtpd_discard_ehlo_keyword_address_maps",
	if_without_dsn_here, "",
	"ORCPT and the other DSN parameters are lost between the passes"},
    {SERVER, MILTER, "smtpd_milter_maps", if_client_address, "",
	"the map replaces srsmilter for clients on loopback: forwards leave "
	"with their original sender"},
    {SERVER, MILTER, "milter_protocol", if_old_protocol, "6",
	"srsmilter needs version 6 of the protocol: with less, Postfix "
	"replies 451 to all mail"},
    {SERVER, MILTER, "milter_macro_defaults", if_authenticated, "",
	"srsmilter takes all mail for that of authenticated users, and "
	"rewrites none"},
    {CLEANUP, ANY, "hopcount_limit", if_few_hops, "100",
	"the second pass adds hops: forwards bounce with \"too many hops\""},
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

/* --- the check --- */

static const struct site_service *
service_of(const struct facts *f, enum role role)
{
	switch (role) {
	case CLIENT:
		return f->pass.client;
	case SERVER:
		return f->pass.server;
	case CLEANUP:
		return f->pass.cleanup;
	}
	return NULL;
}

static struct mf_text
cure(struct findings *out, const struct setting *s,
    const struct site_service *service)
{
	return findings_text(out,
	    "in master.cf, add to the service %.*s:  -o %s=%s\n"
	    "postconf -P '%.*s/%.*s/%s=%s'; postfix reload",
	    TEXT_ARGS(service->name), s->name, s->right,
	    TEXT_ARGS(service->name), TEXT_ARGS(service->type), s->name,
	    s->right);
}

static void
report(struct facts *f, const struct setting *s,
    const struct site_service *service, enum harm is, struct mf_text value,
    struct findings *out)
{
	const char *from =
	    site_override(service, s->name) != NULL ? "master.cf" : "main.cf";

	(void)f;
	if (is == UNKNOWN)
		findings_add(out, FINDING_WARN,
		    "if a table there has an entry for the second pass, it "
		    "does harm",
		    cure(out, s, service),
		    "%.*s: %s = %.*s, which can't be looked up",
		    TEXT_ARGS(service->name), s->name, TEXT_ARGS(value));
	else if (is == HARMFUL)
		findings_add(out, FINDING_FAIL, s->why, cure(out, s, service),
		    "%.*s: %s = %.*s (%s)", TEXT_ARGS(service->name), s->name,
		    TEXT_ARGS(value), from);
}

void
check_pass_settings(struct facts *f, struct findings *out)
{
	enum form form = f->pass.uses_srsmilter ? MILTER : MAPS;
	size_t wrong = 0, seen = 0;

	if (!pass_is_there(&f->pass))
		return;
	for (size_t i = 0; i < SETTINGS; i++) {
		const struct setting *s = &settings[i];
		const struct site_service *service = service_of(f, s->role);

		if (service == NULL || (s->form & form) == 0)
			continue;
		struct mf_text value =
		    site_value_for(&f->site, service, s->name);
		enum harm is = s->judge(f, service, value);
		seen++;
		wrong += is != HARMLESS;
		report(f, s, service, is, value, out);
	}
	if (wrong == 0)
		findings_ok(out,
		    "%zu settings of the second pass, none of which the rest "
		    "of main.cf disturbs",
		    seen);
}

/* --- main.cf alone --- */

static bool
is_zero(struct mf_text time)
{
	for (size_t i = 0; i < time.len; i++)
		if (time.p[i] >= '1' && time.p[i] <= '9')
			return false;
	return true;
}

static bool
check_delay(struct facts *f, const char *kind, struct findings *out)
{
	const char *own = arena_printf(
	    f->arena, "%.*s_%s_rate_delay", TEXT_ARGS(f->pass.transport), kind)
			      .p;
	const char *general =
	    arena_printf(f->arena, "default_%s_rate_delay", kind).p;
	const char *name = site_is_set(&f->site, own) ? own : general;
	struct mf_text value = site_value(&f->site, name);

	if (is_zero(value))
		return true;
	findings_add(out, FINDING_FAIL,
	    "all forwards go through one slow queue, because they have one "
	    "destination: the second pass",
	    findings_text(out, "postconf -e '%s = 0s'; postfix reload", own),
	    "%s = %.*s", name, TEXT_ARGS(value));
	return false;
}

/* content_filter without a next hop: Postfix fills in default_filter_nexthop.
 */
static bool
check_filter_nexthop(struct facts *f, struct findings *out)
{
	struct mf_text value = site_value(&f->site, "default_filter_nexthop");
	struct mf_text transport,
	    hop = site_value_for(&f->site, f->pass.server, "content_filter");

	if (value.len == 0 || !text_cut(&hop, ':', &transport) || hop.len != 0)
		return true;
	findings_add(out, FINDING_FAIL,
	    "content_filter of the second pass means the recipient's MX; this "
	    "sends all forwards there instead, where they loop or bounce",
	    findings_text(
		out, "postconf -e 'default_filter_nexthop ='; postfix reload"),
	    "default_filter_nexthop = %.*s", TEXT_ARGS(value));
	return false;
}

void
check_pass_main(struct facts *f, struct findings *out)
{
	bool ok = true;

	if (!pass_is_there(&f->pass))
		return;
	ok = check_delay(f, "destination", out) && ok;
	ok = check_delay(f, "transport", out) && ok;
	ok = check_filter_nexthop(f, out) && ok;
	if (ok)
		findings_ok(out,
		    "no rate delay of %.*s, no default_filter_nexthop",
		    TEXT_ARGS(f->pass.transport));
}

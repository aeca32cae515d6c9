/* SPDX-License-Identifier: ISC */
#include "tools/mailfrom/doctor_judge.h"

#include "tools/mailfrom/doctor.h"

/* Hops that a message may have behind it: more are rare. */
#define HOPS_USUAL 20

/* What a client asks for in a session by default, default_process_limit aside.
 */
#define CONCURRENCY_DEFAULT 20
#define RECIPIENTS_DEFAULT  50

static enum harm
harm(bool is_harmful)
{
	return is_harmful ? HARMFUL : HARMLESS;
}

enum harm
judge_if_yes(struct doctor_facts *f, const struct site_service *service,
    struct mf_text v)
{
	(void)f;
	(void)service;
	return harm(site_is_yes(v));
}

enum harm
judge_if_set(struct doctor_facts *f, const struct site_service *service,
    struct mf_text v)
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
enum harm
judge_if_not_loopback(struct doctor_facts *f,
    const struct site_service *service, struct mf_text v)
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
if_found(struct doctor_facts *f, struct mf_text maps, const char *const *keys,
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
nexthop(struct doctor_facts *f)
{
	return arena_copy(f->arena, f->pass.nexthop).p;
}

static const char *
nexthop_host(struct doctor_facts *f)
{
	struct mf_text t = f->pass.nexthop;

	t = text_head(t, text_rfind(t, ':'));
	if (t.len > 2 && t.p[0] == '[' && t.p[t.len - 1] == ']')
		t = mf_text_at(t.p + 1, t.len - 2);
	return arena_copy(f->arena, t).p;
}

enum harm
judge_if_policy(struct doctor_facts *f, const struct site_service *service,
    struct mf_text v)
{
	const char *const keys[] = {nexthop(f), NULL};

	(void)service;
	return if_found(f, v, keys, NULL);
}

enum harm
judge_if_per_site(struct doctor_facts *f, const struct site_service *service,
    struct mf_text v)
{
	const char *const keys[] = {nexthop(f), nexthop_host(f), NULL};

	(void)service;
	return if_found(f, v, keys, NULL);
}

enum harm
judge_if_client_address(struct doctor_facts *f,
    const struct site_service *service, struct mf_text v)
{
	const char *const keys[] = {nexthop_host(f), "localhost", NULL};

	(void)service;
	return if_found(f, v, keys, NULL);
}

/* "may" and "none" need nothing; what else there is needs TLS. */
enum harm
judge_if_tls_needed(struct doctor_facts *f, const struct site_service *service,
    struct mf_text v)
{
	static const char *const easy[] = {"", "none", "may", "dane"};

	for (size_t i = 0; i < sizeof(easy) / sizeof(easy[0]); i++)
		if (text_eq_fold(v, mf_text_of(easy[i])))
			return harm(i == 0 &&
			    site_is_yes(site_value_for(
				&f->site, service, "smtp_enforce_tls")));
	return HARMFUL;
}

enum harm
judge_if_tls_demanded(struct doctor_facts *f,
    const struct site_service *service, struct mf_text v)
{
	if (v.len == 0)
		v = site_is_yes(
			site_value_for(&f->site, service, "smtpd_enforce_tls"))
		    ? MF_TEXT("encrypt")
		    : v;
	return harm(text_eq_fold(v, MF_TEXT("encrypt")));
}

/* A client that has a password for the second pass tries to log in there. */
enum harm
judge_if_it_logs_in(struct doctor_facts *f, const struct site_service *service,
    struct mf_text v)
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
enum harm
judge_if_sasl_is_out_of_reach(struct doctor_facts *f,
    const struct site_service *service, struct mf_text v)
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
enum harm
judge_if_it_turns_permanent(struct doctor_facts *f,
    const struct site_service *service, struct mf_text v)
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

enum harm
judge_if_without_dsn(struct doctor_facts *f, const struct site_service *service,
    struct mf_text v)
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

enum harm
judge_if_without_dsn_here(struct doctor_facts *f,
    const struct site_service *service, struct mf_text v)
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
enum harm
judge_if_commands_change(struct doctor_facts *f,
    const struct site_service *service, struct mf_text v)
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
number(struct doctor_facts *f, const struct site_service *service,
    const char *name, uint64_t otherwise)
{
	uint64_t n = otherwise;

	text_uint(site_value_for(&f->site, service, name), UINT64_MAX, &n);
	return n;
}

/* TRANSPORT_name of main.cf, else default_name. */
static uint64_t
transport_number(struct doctor_facts *f, const char *name, uint64_t otherwise)
{
	const char *own = arena_printf(
	    f->arena, "%.*s_%s", TEXT_ARGS(f->pass.transport), name)
			      .p;
	const char *general = arena_printf(f->arena, "default_%s", name).p;

	return number(f, NULL, own, number(f, NULL, general, otherwise));
}

enum harm
judge_if_few_hops(struct doctor_facts *f, const struct site_service *service,
    struct mf_text v)
{
	uint64_t hops = HOPS_USUAL;

	(void)f;
	(void)service;
	text_uint(v, UINT64_MAX, &hops);
	return harm(hops < HOPS_USUAL);
}

enum harm
judge_if_few_recipients(struct doctor_facts *f,
    const struct site_service *service, struct mf_text v)
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

enum harm
judge_if_clients_are_limited(struct doctor_facts *f,
    const struct site_service *service, struct mf_text v)
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

enum harm
judge_if_old_protocol(struct doctor_facts *f,
    const struct site_service *service, struct mf_text v)
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

enum harm
judge_if_authenticated(struct doctor_facts *f,
    const struct site_service *service, struct mf_text v)
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

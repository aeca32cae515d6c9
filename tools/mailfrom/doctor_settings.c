/* SPDX-License-Identifier: ISC */
/*
 * The settings that the services of a second pass must not take from the rest
 * of a site's main.cf: for each, which value does harm, what harm, and the -o
 * that is right.
 */
#include "tools/mailfrom/doctor.h"
#include "tools/mailfrom/doctor_judge.h"

enum role { CLIENT, SERVER, CLEANUP };
enum pass_kind { MILTER = 1, MAPS = 2, ANY = MILTER | MAPS };

struct pass_setting {
	enum role role;
	enum pass_kind form;
	const char *name;
	judge_value *judge;
	const char *right; /* value of the -o */
	const char *why;
};

/* --- the settings --- */

static const struct pass_setting settings[] = {
    {CLIENT, ANY, "smtp_bind_address", judge_if_not_loopback, "127.0.0.1",
	"the second pass accepts loopback clients alone: from another "
	"address all forwards bounce with 554 Client host rejected"},
    {CLIENT, ANY, "smtp_tls_security_level", judge_if_tls_needed, "none",
	"TLS is required, and the second pass offers none: all forwards wait "
	"in the queue, then bounce"},
    {CLIENT, ANY, "smtp_tls_wrappermode", judge_if_yes, "no",
	"the second pass speaks plain SMTP: all forwards wait in the queue, "
	"then bounce"},
    {CLIENT, ANY, "smtp_tls_policy_maps", judge_if_policy, "",
	"the policy for this host requires TLS, and the second pass offers "
	"none: all forwards wait in the queue, then bounce"},
    {CLIENT, ANY, "smtp_tls_per_site", judge_if_per_site, "",
	"the policy for this host requires TLS, and the second pass offers "
	"none: all forwards wait in the queue, then bounce"},
    {CLIENT, ANY, "smtp_sasl_auth_enable", judge_if_it_logs_in, "no",
	"Postfix logs in to its own second pass, which fails: all forwards "
	"wait in the queue, then bounce"},
    {CLIENT, ANY, "smtp_fallback_relay", judge_if_set, "",
	"while the daemon is down, forwards leave by the fallback relay with "
	"their original sender"},
    {CLIENT, ANY, "smtp_reply_filter", judge_if_it_turns_permanent, "",
	"while the daemon is down, forwards bounce instead of waiting, "
	"because the filter makes its temporary replies permanent"},
    {CLIENT, ANY, "smtp_header_checks", judge_if_set, "",
	"the checks are applied twice to all forwards"},
    {CLIENT, ANY, "smtp_mime_header_checks", judge_if_set, "",
	"the checks are applied twice to all forwards"},
    {CLIENT, ANY, "smtp_nested_header_checks", judge_if_set, "",
	"the checks are applied twice to all forwards"},
    {CLIENT, ANY, "smtp_body_checks", judge_if_set, "",
	"the checks are applied twice to all forwards"},
    {CLIENT, ANY, "smtp_generic_maps", judge_if_set, "",
	"addresses are replaced before the second pass, which then doesn't "
	"see the sender"},
    {CLIENT, ANY, "smtp_discard_ehlo_keywords", judge_if_without_dsn, "",
	"ORCPT and the other DSN parameters are lost between the passes"},
    {CLIENT, ANY, "smtp_discard_ehlo_keyword_address_maps",
	judge_if_without_dsn_here, "",
	"ORCPT and the other DSN parameters are lost between the passes"},
    {SERVER, ANY, "smtpd_client_event_limit_exceptions",
	judge_if_clients_are_limited, "127.0.0.0/8",
	"all forwards come from one client, 127.0.0.1: the limits of "
	"smtpd_client_*_limit delay them with 421 and 450"},
    {SERVER, ANY, "smtpd_recipient_limit", judge_if_few_recipients, "1000",
	"messages with more recipients are delayed with 452 in the second "
	"pass"},
    {SERVER, ANY, "smtpd_upstream_proxy_protocol", judge_if_set, "",
	"the second pass waits for a proxy's header that Postfix doesn't "
	"send: all forwards are stuck"},
    {SERVER, ANY, "smtpd_tls_security_level", judge_if_tls_demanded, "none",
	"the second pass demands TLS from this Postfix: all forwards bounce "
	"with 530"},
    {SERVER, ANY, "smtpd_tls_wrappermode", judge_if_yes, "no",
	"the second pass expects TLS from the first byte: all forwards wait "
	"in the queue, then bounce"},
    {SERVER, ANY, "smtpd_sasl_auth_enable", judge_if_sasl_is_out_of_reach, "no",
	"in its chroot, smtpd doesn't find Dovecot's socket, and doesn't "
	"start: all forwards wait in the queue, then bounce"},
    {SERVER, ANY, "smtpd_proxy_filter", judge_if_set, "",
	"the second pass hands mail to the proxy filter, which returns it to "
	"the first: it loops, and all forwards bounce"},
    {SERVER, ANY, "smtpd_command_filter", judge_if_commands_change, "",
	"it changes the commands between the passes: ORCPT and the other DSN "
	"parameters are lost"},
    {SERVER, ANY, "smtpd_discard_ehlo_keywords", judge_if_without_dsn, "",
	"ORCPT and the other DSN parameters are lost between the passes"},
    {SERVER, ANY, "smtpd_discard_ehlo_keyword_address_maps",
	judge_if_without_dsn_here, "",
	"ORCPT and the other DSN parameters are lost between the passes"},
    {SERVER, MILTER, "smtpd_milter_maps", judge_if_client_address, "",
	"the map replaces srsmilter for clients on loopback: forwards leave "
	"with their original sender"},
    {SERVER, MILTER, "milter_protocol", judge_if_old_protocol, "6",
	"srsmilter needs version 6 of the protocol: with less, Postfix "
	"replies 451 to all mail"},
    {SERVER, MILTER, "milter_macro_defaults", judge_if_authenticated, "",
	"srsmilter takes all mail for that of authenticated users, and "
	"rewrites none"},
    {CLEANUP, ANY, "hopcount_limit", judge_if_few_hops, "100",
	"the second pass adds hops: forwards bounce with \"too many hops\""},
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

/* --- the check --- */

static const struct site_service *
service_of(const struct doctor_facts *f, enum role role)
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
cure(struct finding_list *out, const struct pass_setting *s,
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
report(struct doctor_facts *f, const struct pass_setting *s,
    const struct site_service *service, enum harm is, struct mf_text value,
    struct finding_list *out)
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
check_pass_settings(struct doctor_facts *f, struct finding_list *out)
{
	enum pass_kind form = f->pass.uses_srsmilter ? MILTER : MAPS;
	size_t wrong = 0, seen = 0;

	if (!pass_is_there(&f->pass))
		return;
	for (size_t i = 0; i < SETTINGS; i++) {
		const struct pass_setting *s = &settings[i];
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
check_delay(struct doctor_facts *f, const char *kind, struct finding_list *out)
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
check_filter_nexthop(struct doctor_facts *f, struct finding_list *out)
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
check_pass_main(struct doctor_facts *f, struct finding_list *out)
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

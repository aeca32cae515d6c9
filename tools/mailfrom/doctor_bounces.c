/* SPDX-License-Identifier: ISC */
/*
 * Whether bounces get to srsmilter or srsd: the lists of filters, the maps of
 * recipients, and what switches them off.
 */
#include "tools/mailfrom/doctor.h"

#define COMMAND_SEC_MIN 25 /* [spf] timeout is 20 s by default */

/* --- filters --- */

static bool
has_word(struct mf_text list, const char *word)
{
	struct mf_text item;

	while (site_next_item(&list, &item))
		if (text_eq_fold(item, mf_text_of(word)))
			return true;
	return false;
}

/* A time of main.cf in seconds. */
static uint64_t
seconds(struct mf_text t)
{
	uint64_t n = 0, unit = 1;
	char last = t.len != 0 ? ascii_lower(t.p[t.len - 1]) : '0';

	if (!ascii_is_digit(last))
		t.len--;
	text_uint(t, UINT32_MAX, &n);
	if (last == 'm')
		unit = 60;
	if (last == 'h')
		unit = 3600;
	if (last == 'd')
		unit = 86400;
	if (last == 'w')
		unit = 604800;
	return n * unit;
}

static struct mf_text
braces(struct doctor_facts *f, struct mf_text item)
{
	struct mf_text address = pass_milter_address(item);

	return arena_printf(f->arena,
	    "{ %.*s, protocol=6, default_action=tempfail, "
	    "command_timeout=30s }",
	    TEXT_ARGS(address));
}

/* A setting of an item, or the general one of the service. */
static struct mf_text
setting_of(struct doctor_facts *f, const struct site_service *service,
    struct mf_text item, const char *name, const char *general)
{
	struct mf_text value;

	if (pass_milter_setting(item, name, &value))
		return value;
	return site_value_for(&f->site, service, general);
}

/* How Postfix treats the filter that item calls in list. */
static bool
check_item(struct doctor_facts *f, const struct site_service *service,
    const char *list, struct mf_text item, enum own_daemon daemon,
    struct finding_list *out)
{
	struct mf_text action = setting_of(
	    f, service, item, "default_action", "milter_default_action");
	struct mf_text protocol =
	    setting_of(f, service, item, "protocol", "milter_protocol");
	struct mf_text timeout = setting_of(
	    f, service, item, "command_timeout", "milter_command_timeout");
	struct mf_text where =
	    service != NULL ? service->name : MF_TEXT("main.cf");
	struct mf_text cure = findings_text(out, "in %s of %.*s:  %.*s", list,
	    TEXT_ARGS(where), TEXT_ARGS(braces(f, item)));
	const char *name = own_daemon_names[daemon];
	uint64_t version = 6;
	bool ok = true;

	text_uint(protocol, UINT32_MAX, &version);
	if (version < 6) {
		ok = false;
		findings_add(out, FINDING_FAIL,
		    "the filter needs version 6 of the protocol: with less, "
		    "Postfix replies 451 to all mail",
		    cure, "%.*s: %s calls %s with milter_protocol = %.*s",
		    TEXT_ARGS(where), list, name, TEXT_ARGS(protocol));
	}
	if (!text_eq_fold(action, MF_TEXT("tempfail"))) {
		ok = false;
		findings_add(out, FINDING_FAIL,
		    "while the filter is down, mail passes without it, or is "
		    "rejected for good",
		    cure, "%.*s: %s calls %s with milter_default_action = %.*s",
		    TEXT_ARGS(where), list, name, TEXT_ARGS(action));
	}
	if (seconds(timeout) < COMMAND_SEC_MIN &&
	    (daemon == OWN_SPFMILTER || f->own.srs.skip_if_spf_passes)) {
		ok = false;
		findings_add(out, FINDING_WARN,
		    "an SPF check may take 20 seconds; Postfix gives up "
		    "earlier",
		    cure,
		    "%.*s: %s calls %s with milter_command_timeout = %.*s",
		    TEXT_ARGS(where), list, name, TEXT_ARGS(timeout));
	}
	return ok;
}

/* --- srsmilter --- */

/* An smtpd on loopback that a proxy filter returns mail to. */
static bool
comes_back(struct doctor_facts *f)
{
	struct mf_text item;

	for (size_t i = 0; i < f->site.service_count; i++) {
		const struct site_service *s = &f->site.services[i];

		if (s != f->pass.server &&
		    mf_text_eq(s->command, MF_TEXT("smtpd")) &&
		    mf_text_eq(s->type, MF_TEXT("inet")) &&
		    pass_is_local(s->name) && !pass_is_front(&f->site, s) &&
		    site_value_for(&f->site, s, "smtpd_proxy_filter").len ==
			0 &&
		    !has_word(
			site_value_for(&f->site, s, "receive_override_options"),
			"no_milters") &&
		    pass_milter_in(&f->site, &f->own, s,
			site_value_for(&f->site, s, "smtpd_milters"),
			OWN_SRSMILTER, &item))
			return true;
	}
	return false;
}

static bool
check_proxy(struct doctor_facts *f, const struct site_service *s,
    struct finding_list *out)
{
	struct mf_text proxy =
	    site_value_for(&f->site, s, "smtpd_proxy_filter");

	if (proxy.len == 0 || comes_back(f))
		return true;
	findings_add(out, FINDING_FAIL,
	    "with a proxy filter, cleanup doesn't get recipients from "
	    "srsmilter: bounces aren't restored",
	    MF_TEXT("call srsmilter from the smtpd that the proxy filter "
		    "returns mail to: add it to smtpd_milters there, and take "
		    "no_milters out of its receive_override_options"),
	    "%.*s: smtpd_proxy_filter = %.*s", TEXT_ARGS(s->name),
	    TEXT_ARGS(proxy));
	return false;
}

static bool
check_front(struct doctor_facts *f, const struct site_service *s,
    struct finding_list *out)
{
	struct mf_text item,
	    list = site_value_for(&f->site, s, "smtpd_milters");

	if (has_word(site_value_for(&f->site, s, "receive_override_options"),
		"no_milters")) {
		findings_add(out, FINDING_FAIL,
		    "Postfix calls no filter: bounces aren't restored, and "
		    "forged ones are taken",
		    MF_TEXT("take no_milters out of receive_override_options "
			    "of main.cf; no option of the second pass changes "
			    "that"),
		    "%.*s: receive_override_options has no_milters",
		    TEXT_ARGS(s->name));
		return false;
	}
	if (!pass_milter_in(&f->site, &f->own, s, list, OWN_SRSMILTER, &item)) {
		findings_add(out, FINDING_FAIL,
		    "bounces don't get to srsmilter: they aren't restored, "
		    "and forged ones are taken",
		    findings_text(out,
			"add to smtpd_milters, after the site's own:  { "
			"%.*s, protocol=6, default_action=tempfail, "
			"command_timeout=30s }",
			TEXT_ARGS(pass_milter_address(site_value_for(
			    &f->site, f->pass.server, "smtpd_milters")))),
		    "%.*s: smtpd_milters = %.*s", TEXT_ARGS(s->name),
		    TEXT_ARGS(list));
		return false;
	}
	return check_item(f, s, "smtpd_milters", item, OWN_SRSMILTER, out) &&
	    check_proxy(f, s, out);
}

/* Postfix's own bounces. */
static bool
check_internal(struct doctor_facts *f, struct finding_list *out)
{
	struct mf_text item,
	    list = site_value(&f->site, "non_smtpd_milters"),
	    classes = site_value(&f->site, "internal_mail_filter_classes");

	if (!pass_milter_in(
		&f->site, &f->own, NULL, list, OWN_SRSMILTER, &item)) {
		findings_add(out, FINDING_FAIL,
		    "bounces of this Postfix don't get to srsmilter: they "
		    "aren't restored, and are lost",
		    MF_TEXT("add srsmilter to non_smtpd_milters, as in "
			    "smtpd_milters"),
		    "non_smtpd_milters = %.*s", TEXT_ARGS(list));
		return false;
	}
	if (!has_word(classes, "bounce")) {
		findings_add(out, FINDING_FAIL,
		    "bounces of this Postfix don't get to srsmilter: they "
		    "aren't restored, and are lost",
		    findings_text(out,
			"postconf -e 'internal_mail_filter_classes = "
			"%.*s%sbounce'",
			TEXT_ARGS(classes), classes.len != 0 ? ", " : ""),
		    "internal_mail_filter_classes = %.*s", TEXT_ARGS(classes));
		return false;
	}
	return check_item(
	    f, NULL, "non_smtpd_milters", item, OWN_SRSMILTER, out);
}

static bool
check_server_item(struct doctor_facts *f, struct finding_list *out)
{
	struct mf_text item;

	return !pass_milter_in(&f->site, &f->own, f->pass.server,
		   site_value_for(&f->site, f->pass.server, "smtpd_milters"),
		   OWN_SRSMILTER, &item) ||
	    check_item(
		f, f->pass.server, "smtpd_milters", item, OWN_SRSMILTER, out);
}

void
check_milter_lists(struct doctor_facts *f, struct finding_list *out)
{
	size_t fronts = 0;
	bool ok = true;

	if (!f->pass.uses_srsmilter)
		return;
	for (size_t i = 0; i < f->site.service_count; i++)
		if (pass_is_front(&f->site, &f->site.services[i])) {
			fronts++;
			ok = check_front(f, &f->site.services[i], out) && ok;
		}
	ok = check_internal(f, out) && ok;
	ok = check_server_item(f, out) && ok;
	if (ok)
		findings_ok(out,
		    "srsmilter is called for mail from outside (%zu "
		    "services), for Postfix's own bounces, and in the second "
		    "pass",
		    fronts);
}

/* --- recipients --- */

/* The map of SRS recipients: for srsmilter one that says that they exist. */
static const char *
map_of_bounces(struct doctor_facts *f)
{
	static const char *const names[] = {"recipient_canonical_maps",
	    "virtual_alias_maps", "canonical_maps", "local_recipient_maps"};
	size_t count = f->pass.uses_srsmilter ? 4 : 3;
	struct mf_text value;

	for (size_t i = 0; i < count; i++) {
		struct mf_text maps = site_value(&f->site, names[i]);

		if (pass_has_map(maps, "srs_reverse") ||
		    pass_has_map(maps, "reverse"))
			return names[i];
		if (f->pass.uses_srsmilter &&
		    (tables_mention(&f->tables, maps, "SRS[01]") ||
			(f->srs_address[0] != '\0' &&
			    tables_find(&f->tables, maps, f->srs_address,
				&value) == TABLE_HAS)))
			return names[i];
	}
	return NULL;
}

/* Mail from outside whose addresses nobody maps. */
static const struct site_service *
unmapped(struct doctor_facts *f)
{
	for (size_t i = 0; i < f->site.service_count; i++) {
		const struct site_service *s = &f->site.services[i];

		if (pass_is_front(&f->site, s) &&
		    has_word(
			site_value_for(&f->site, s, "receive_override_options"),
			"no_address_mappings") &&
		    site_value_for(&f->site, s, "content_filter").len == 0 &&
		    site_value_for(&f->site, s, "smtpd_proxy_filter").len == 0)
			return s;
	}
	return NULL;
}

/* The number of tables beside the one of ours. */
static size_t
count_tables(struct mf_text maps)
{
	struct mf_text item;
	size_t count = 0;

	while (site_next_item(&maps, &item))
		count++;
	return count;
}

static bool
check_classes(struct doctor_facts *f, struct finding_list *out)
{
	struct mf_text classes =
	    site_value(&f->site, "recipient_canonical_classes");
	struct mf_text maps = site_value(&f->site, "recipient_canonical_maps");

	if (!has_word(classes, "envelope_recipient")) {
		findings_add(out, FINDING_FAIL,
		    "recipient_canonical_maps isn't applied to recipients: "
		    "bounces aren't restored",
		    MF_TEXT("add envelope_recipient to "
			    "recipient_canonical_classes"),
		    "recipient_canonical_classes = %.*s", TEXT_ARGS(classes));
		return false;
	}
	if (count_tables(maps) > 1 && !has_word(classes, "header_recipient")) {
		findings_add(out, FINDING_WARN,
		    "the site's own maps there no longer change headers",
		    MF_TEXT("take recipient_canonical_classes out of main.cf; "
			    "or move the map of SRS addresses to "
			    "virtual_alias_maps, where it does the same"),
		    "recipient_canonical_classes = %.*s, beside other tables "
		    "in recipient_canonical_maps",
		    TEXT_ARGS(classes));
		return false;
	}
	return true;
}

static struct mf_text
map_to_add(struct doctor_facts *f)
{
	if (f->pass.uses_srsmilter)
		return arena_printf(f->arena,
		    "regexp:{ { /^(\"?(SRS[01][-+=]|SES=).*@%s)$$/ $$1 } }",
		    f->own.srs_domain);
	for (size_t i = 0; i < f->own.socket_count; i++) {
		const struct own_socket *s = &f->own.sockets[i];

		if (s->daemon == OWN_SRSD && !s->is_tcp_table)
			return arena_printf(f->arena,
			    "socketmap:%s:%u:srs_reverse",
			    s->spec.family == SOCKADDR_UNIX ? s->spec.path
							    : s->spec.host,
			    s->spec.port);
	}
	return MF_TEXT("socketmap:inet:127.0.0.1:10003:srs_reverse");
}

void
check_bounces(struct doctor_facts *f, struct finding_list *out)
{
	const struct site_service *s;
	const char *name;

	if (!pass_is_there(&f->pass) && !f->pass.is_simple)
		return;
	name = map_of_bounces(f);
	if (name == NULL) {
		findings_add(out, FINDING_FAIL,
		    f->pass.uses_srsmilter
			? "Postfix rejects bounces as unknown users, before "
			  "srsmilter sees them"
			: "bounces aren't restored: Postfix rejects them as "
			  "unknown users",
		    findings_text(out,
			"add to recipient_canonical_maps, or to "
			"virtual_alias_maps:\n%.*s",
			TEXT_ARGS(map_to_add(f))),
		    "neither recipient_canonical_maps nor "
		    "virtual_alias_maps have the SRS addresses of %s",
		    f->own.srs_domain);
		return;
	}
	s = unmapped(f);
	if (s != NULL && !f->pass.uses_srsmilter) {
		findings_add(out, FINDING_FAIL,
		    "no map is applied to mail from outside: bounces aren't "
		    "restored",
		    MF_TEXT("take no_address_mappings out of "
			    "receive_override_options"),
		    "%.*s: receive_override_options has no_address_mappings",
		    TEXT_ARGS(s->name));
		return;
	}
	if (strcmp(name, "recipient_canonical_maps") == 0 &&
	    !check_classes(f, out))
		return;
	findings_ok(
	    out, "%s has the SRS addresses of %s", name, f->own.srs_domain);
}

/* --- canonical maps --- */

void
check_canonical(struct doctor_facts *f, struct finding_list *out)
{
	struct mf_text value, maps = site_value(&f->site, "canonical_maps");
	const char *domain = arena_printf(f->arena, "@%s", f->own.srs_domain).p;

	if ((!pass_is_there(&f->pass) && !f->pass.is_simple) ||
	    f->own.srs_domain[0] == '\0')
		return;
	if (!pass_has_map(maps, "srs_reverse") &&
	    (tables_find(&f->tables, maps, domain, &value) == TABLE_HAS ||
		(f->srs_address[0] != '\0' &&
		    tables_find(&f->tables, maps, f->srs_address, &value) ==
			TABLE_HAS))) {
		findings_add(out, FINDING_FAIL,
		    "it changes SRS addresses: bounces go astray; no option "
		    "of master.cf changes that",
		    MF_TEXT("take the domain out of canonical_maps, or give "
			    "SRS addresses a domain of their own (fwdomain)"),
		    "canonical_maps: %s %.*s", domain, TEXT_ARGS(value));
		return;
	}
	findings_ok(out, "canonical_maps leaves SRS addresses alone");
}

/* --- spfmilter --- */

void
check_spfmilter_first(struct doctor_facts *f, struct finding_list *out)
{
	size_t fronts = 0, called = 0, wrong = 0;

	for (size_t i = 0; i < f->site.service_count; i++) {
		const struct site_service *s = &f->site.services[i];
		struct mf_text item, first,
		    list = site_value_for(&f->site, s, "smtpd_milters"),
		    rest = list;

		if (!pass_is_front(&f->site, s))
			continue;
		fronts++;
		if (!pass_milter_in(
			&f->site, &f->own, s, list, OWN_SPFMILTER, &item))
			continue;
		called++;
		site_next_item(&rest, &first);
		if (!mf_text_eq(first, item)) {
			wrong++;
			findings_add(out, FINDING_FAIL,
			    "spfmilter must run before other filters: it "
			    "takes their Authentication-Results for forged "
			    "ones, and removes them",
			    MF_TEXT("put spfmilter first in smtpd_milters"),
			    "%.*s: smtpd_milters = %.*s", TEXT_ARGS(s->name),
			    TEXT_ARGS(list));
		}
		wrong += !check_item(
		    f, s, "smtpd_milters", item, OWN_SPFMILTER, out);
	}
	if (called == 0 && own_has_section(&f->own, OWN_SPFMILTER) &&
	    f->own.spfmilter.policy_listen.count == 0 && f->cf == NULL)
		findings_add(out, FINDING_WARN,
		    "mailfrom.conf has a section [spfmilter]: nobody calls it",
		    MF_TEXT("mailfrom setup postfix-spfmilter prints the "
			    "lines"),
		    "spfmilter isn't in smtpd_milters");
	else if (called != 0 && wrong == 0)
		findings_ok(out,
		    "spfmilter is the first filter of %zu of %zu services",
		    called, fronts);
}

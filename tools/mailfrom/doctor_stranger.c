/* SPDX-License-Identifier: ISC */
/*
 * What a bounce from outside meets: smtpd's restrictions, evaluated as for a
 * client that is in no list, with the null sender and an SRS recipient.
 */
#include "tools/mailfrom/doctor.h"

#define DEPTH_MAX 4 /* of restriction classes */

enum fate_of_bounce { GOES_ON, PERMITTED, REFUSED };

struct bounce_walk {
	struct doctor_facts *f;
	const struct site_service *service;
	const char *list;       /* that is walked */
	const char *recipient;  /* an SRS address */
	bool is_destination;    /* its domain is one of ours */
	struct mf_text culprit; /* the restriction that refuses */
	struct mf_text because; /* and why */
	struct mf_text skipped; /* what can't be evaluated */
	bool probes;            /* reject_unverified_recipient is met */
	bool is_uncertain;      /* a table in front can't be looked up */
};

/* --- access(5) --- */

static void
skip(struct bounce_walk *w, struct mf_text item)
{
	w->skipped =
	    arena_printf(w->f->arena, "%.*s%s%.*s", TEXT_ARGS(w->skipped),
		w->skipped.len != 0 ? ", " : "", TEXT_ARGS(item));
}

static enum fate_of_bounce
judge(struct bounce_walk *w, struct mf_text item, struct mf_text value)
{
	struct mf_text action = value;

	for (size_t i = 0; i < value.len; i++)
		if (ascii_is_blank(value.p[i])) {
			action = text_head(value, i);
			break;
		}
	if (text_eq_fold(action, MF_TEXT("OK")) ||
	    text_eq_fold(action, MF_TEXT("permit")) ||
	    (action.len != 0 && ascii_is_digit(action.p[0]) &&
		action.p[0] != '4' && action.p[0] != '5'))
		return PERMITTED;
	if (text_eq_fold(action, MF_TEXT("permit_auth_destination")))
		return w->is_destination ? PERMITTED : GOES_ON;
	if (text_starts_fold(action, MF_TEXT("reject")) ||
	    text_starts_fold(action, MF_TEXT("defer")) ||
	    text_eq_fold(action, MF_TEXT("discard")) ||
	    (action.len == 3 && (action.p[0] == '4' || action.p[0] == '5'))) {
		w->culprit = item;
		w->because = value;
		return REFUSED;
	}
	return GOES_ON;
}

/* The keys of access(5) for an address: itself, its domain, parents, user@. */
static enum fate_of_bounce
check_access(struct bounce_walk *w, struct mf_text map, const char *address)
{
	struct mf_text value, at = mf_text_of(address);
	size_t pos = text_rfind(at, '@');
	const char *user =
	    arena_printf(w->f->arena, "%.*s@", (int)pos, address).p;

	enum table_answer answer =
	    tables_find(&w->f->tables, map, address, &value);
	if (answer == TABLE_HAS)
		return judge(w, map, value);
	if (answer == TABLE_UNKNOWN) {
		w->is_uncertain = true;
		skip(w, map);
	}
	at = text_from(at, pos + 1);
	while (at.len != 0) {
		if (tables_find(&w->f->tables, map,
			arena_copy(w->f->arena, at).p, &value) == TABLE_HAS)
			return judge(w, map, value);
		at = text_from(at, text_find(at, '.') + 1);
	}
	if (pos < strlen(address) &&
	    tables_find(&w->f->tables, map, user, &value) == TABLE_HAS)
		return judge(w, map, value);
	return GOES_ON;
}

/* --- restrictions --- */

static enum fate_of_bounce
refuse(struct bounce_walk *w, struct mf_text item, const char *because)
{
	w->culprit = item;
	w->because = mf_text_of(because);
	return REFUSED;
}

/* Restrictions that have no bearing on such a bounce, with their arguments. */
static const struct {
	const char *name;
	bool has_argument;
	bool is_open; /* what it does depends on the client */
} others[] = {
    {"permit_mynetworks", false, false},
    {"permit_sasl_authenticated", false, false},
    {"permit_tls_clientcerts", false, false},
    {"permit_tls_all_clientcerts", false, false},
    {"permit_inet_interfaces", false, false},
    {"reject_sender_login_mismatch", false, false},
    {"reject_unlisted_recipient", false, false},
    {"reject_unlisted_sender", false, false},
    {"reject_non_fqdn_recipient", false, false},
    {"reject_non_fqdn_sender", false, false},
    {"reject_unknown_sender_domain", false, false},
    {"reject_unknown_recipient_domain", false, false},
    {"reject_unverified_sender", false, false},
    {"reject_unauth_pipelining", false, false},
    {"reject_multi_recipient_bounce", false, false},
    {"reject_rbl_client", true, true},
    {"reject_rhsbl_client", true, true},
    {"reject_rhsbl_helo", true, true},
    {"reject_rhsbl_sender", true, false},
    {"reject_rhsbl_recipient", true, false},
    {"reject_rhsbl_reverse_client", true, true},
    {"permit_dnswl_client", true, false},
    {"permit_rhswl_client", true, false},
    {"check_policy_service", true, true},
    {"check_client_access", true, true},
    {"check_client_a_access", true, true},
    {"check_client_mx_access", true, true},
    {"check_client_ns_access", true, true},
    {"check_reverse_client_hostname_access", true, true},
    {"check_reverse_client_hostname_a_access", true, true},
    {"check_reverse_client_hostname_mx_access", true, true},
    {"check_reverse_client_hostname_ns_access", true, true},
    {"check_helo_access", true, true},
    {"check_helo_a_access", true, true},
    {"check_helo_mx_access", true, true},
    {"check_helo_ns_access", true, true},
    {"check_ccert_access", true, false},
    {"check_sasl_access", true, false},
    {"check_etrn_access", true, false},
    {"check_sender_mx_access", true, false},
    {"check_sender_ns_access", true, false},
    {"check_sender_a_access", true, false},
    {"check_recipient_mx_access", true, true},
    {"check_recipient_ns_access", true, true},
    {"check_recipient_a_access", true, true},
    {"sleep", true, false},
};

static enum fate_of_bounce walk_list(
    struct bounce_walk *w, struct mf_text rest, unsigned depth);

static enum fate_of_bounce
walk_other(struct bounce_walk *w, struct mf_text item, struct mf_text *rest,
    unsigned depth)
{
	struct mf_text argument;
	const char *name = arena_copy(w->f->arena, item).p;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (!text_eq_fold(item, mf_text_of(others[i].name)))
			continue;
		if (others[i].has_argument && site_next_item(rest, &argument) &&
		    others[i].is_open)
			skip(w, item);
		return GOES_ON;
	}
	if (site_is_set(&w->f->site, name) && depth < DEPTH_MAX)
		return walk_list(w,
		    site_value_for(&w->f->site, w->service, name), depth + 1);
	if (!text_starts_fold(item, MF_TEXT("reject_")))
		skip(w, item);
	return GOES_ON;
}

static enum fate_of_bounce
walk_item(struct bounce_walk *w, struct mf_text item, struct mf_text *rest,
    unsigned depth)
{
	struct mf_text map;

	if (text_eq_fold(item, MF_TEXT("permit")))
		return PERMITTED;
	if (text_eq_fold(item, MF_TEXT("permit_auth_destination")))
		return w->is_destination ? PERMITTED : GOES_ON;
	if (text_eq_fold(item, MF_TEXT("reject")) ||
	    text_eq_fold(item, MF_TEXT("defer")))
		return refuse(w, item, "whatever is left");
	if (text_eq_fold(item, MF_TEXT("reject_unauth_destination")) ||
	    text_eq_fold(item, MF_TEXT("defer_unauth_destination")))
		return w->is_destination
		    ? GOES_ON
		    : refuse(w, item, "the SRS domain is in no list");
	if (text_eq_fold(item, MF_TEXT("reject_unverified_recipient"))) {
		w->probes = true;
		return GOES_ON;
	}
	if (text_eq_fold(item, MF_TEXT("check_recipient_access")) &&
	    site_next_item(rest, &map))
		return check_access(w, map, w->recipient);
	if (text_eq_fold(item, MF_TEXT("check_sender_access")) &&
	    site_next_item(rest, &map))
		return check_access(w, map, "<>");
	return walk_other(w, item, rest, depth);
}

static enum fate_of_bounce
walk_list(struct bounce_walk *w, struct mf_text rest, unsigned depth)
{
	struct mf_text item;

	while (site_next_item(&rest, &item)) {
		enum fate_of_bounce fate;

		if (text_eq_fold(item, MF_TEXT("warn_if_reject"))) {
			site_next_item(&rest, &item);
			continue;
		}
		fate = walk_item(w, item, &rest, depth);
		if (fate != GOES_ON)
			return fate;
	}
	return GOES_ON;
}

/* --- the check --- */

static bool
is_destination(struct doctor_facts *f)
{
	static const char *const lists[] = {"mydestination",
	    "virtual_mailbox_domains", "virtual_alias_domains",
	    "relay_domains"};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (tables_have_domain(&f->tables,
			site_value(&f->site, lists[i]),
			f->own.srs_domain) != TABLE_HAS_NOT)
			return true;
	return false;
}

static bool
walk_all(struct bounce_walk *w)
{
	static const char *const lists[] = {"smtpd_client_restrictions",
	    "smtpd_helo_restrictions", "smtpd_sender_restrictions",
	    "smtpd_relay_restrictions", "smtpd_recipient_restrictions"};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		w->list = lists[i];
		if (walk_list(w,
			site_value_for(&w->f->site, w->service, lists[i]),
			0) == REFUSED)
			return false;
	}
	return true;
}

static bool
ends_unauthorized(struct mf_text restriction)
{
	return text_ends_fold(restriction, MF_TEXT("_unauth_destination"));
}

static void
report(struct bounce_walk *w, bool passes, struct finding_list *out)
{
	struct doctor_facts *f = w->f;
	struct mf_text name = w->service->name;

	if (!passes && !w->is_destination && ends_unauthorized(w->culprit))
		findings_add(out, FINDING_FAIL,
		    "bounces from outside to SRS addresses are rejected",
		    findings_text(out,
			"add %s to mydestination, or to "
			"virtual_mailbox_domains",
			f->own.srs_domain),
		    "%.*s: %s: %.*s (%.*s) for a bounce to <%s>",
		    TEXT_ARGS(name), w->list, TEXT_ARGS(w->culprit),
		    TEXT_ARGS(w->because), w->recipient);
	else if (!passes)
		findings_add(out, FINDING_FAIL,
		    "bounces from outside to SRS addresses are rejected",
		    findings_text(out,
			"in %s, before it:  check_recipient_access regexp:{ { "
			"/^\"?(SRS[01][-+=]|SES=).*@%s$$/ OK } }",
			w->list, f->own.srs_domain),
		    "%.*s: %s: %.*s (%.*s) for a bounce to <%s>",
		    TEXT_ARGS(name), w->list, TEXT_ARGS(w->culprit),
		    TEXT_ARGS(w->because), w->recipient);
	else if (w->probes && f->pass.uses_srsmilter)
		findings_add(out, FINDING_FAIL,
		    "bounces from outside get 450: the address probe doesn't "
		    "find SRS addresses, which srsmilter alone knows; forged "
		    "ones get 550 without it",
		    findings_text(out,
			"before reject_unverified_recipient:  "
			"check_recipient_access regexp:{ { "
			"/^\"?(SRS[01][-+=]|SES=).*@%s$$/ OK } }",
			f->own.srs_domain),
		    "%.*s: reject_unverified_recipient", TEXT_ARGS(name));
	else
		findings_ok(out,
		    "%.*s takes a bounce from outside to <%s>%s%.*s",
		    TEXT_ARGS(name), w->recipient,
		    w->skipped.len != 0
			? "; not evaluated, because that depends on the "
			  "client: "
			: "",
		    TEXT_ARGS(w->skipped));
}

bool
stranger_is_refused(struct doctor_facts *f, const char *recipient)
{
	size_t fronts = 0;

	for (size_t i = 0; i < f->site.service_count; i++) {
		struct bounce_walk w = {.f = f,
		    .service = &f->site.services[i],
		    .recipient = recipient,
		    .is_destination = true};

		if (!pass_is_front(&f->site, w.service))
			continue;
		fronts++;
		if (walk_all(&w))
			return false;
	}
	return fronts != 0;
}

void
check_stranger(struct doctor_facts *f, struct finding_list *out)
{
	const char *address = f->srs_address;

	if ((!pass_is_there(&f->pass) && !f->pass.is_simple) ||
	    f->own.srs_domain[0] == '\0')
		return;
	if (address[0] == '\0')
		address = arena_printf(f->arena,
		    "SRS0=AAAAAA=AA=sender.example=bob@%s", f->own.srs_domain)
			      .p;
	for (size_t i = 0; i < f->site.service_count; i++) {
		struct bounce_walk w = {.f = f,
		    .service = &f->site.services[i],
		    .recipient = address,
		    .is_destination = is_destination(f)};

		if (pass_is_front(&f->site, w.service)) {
			bool passes = walk_all(&w);

			report(&w, passes || w.is_uncertain, out);
		}
	}
}

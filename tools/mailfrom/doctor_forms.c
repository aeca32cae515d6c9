/* SPDX-License-Identifier: ISC */
/*
 * Whether Postfix leads to srsd or srsmilter at all, by one form, and whether
 * the services of a second pass are what they have to be.
 */
#include "tools/mailfrom/doctor.h"

/* --- one form --- */

static bool
is_front_milter(struct doctor_facts *f)
{
	struct mf_text item;

	return pass_milter_in(&f->site, &f->own, NULL,
	    site_value(&f->site, "smtpd_milters"), OWN_SRSMILTER, &item);
}

static bool
none_is_there(struct doctor_facts *f, struct finding_list *out)
{
	const struct second_pass *p = &f->pass;

	if (p->stray != NULL) {
		findings_add(out, FINDING_FAIL,
		    "mail for other hosts doesn't take the second pass: it "
		    "leaves with its original sender",
		    findings_text(out,
			"postconf -e 'default_transport = srsout:[%.*s'\n"
			"mailfrom setup prints all lines",
			TEXT_ARGS(p->stray->name)),
		    "default_transport = %.*s, but master.cf has the second "
		    "pass %.*s",
		    TEXT_ARGS(site_value(&f->site, "default_transport")),
		    TEXT_ARGS(p->stray->name));
		return true;
	}
	if (p->is_entered) {
		findings_add(out, FINDING_FAIL,
		    "mail for other hosts goes there, but nothing rewrites "
		    "its sender",
		    MF_TEXT("compare master.cf with the output of mailfrom "
			    "setup, and listen in mailfrom.conf with the "
			    "addresses there"),
		    "default_transport = %.*s%s",
		    TEXT_ARGS(site_value(&f->site, "default_transport")),
		    p->server == NULL
			? ", where master.cf has no smtpd"
			: ", which uses neither srsmilter nor srsd");
		return true;
	}
	findings_add(out, FINDING_FAIL,
	    "mail for other hosts leaves with its original sender",
	    MF_TEXT("mailfrom setup prints the lines for main.cf and "
		    "master.cf"),
	    "default_transport = %.*s, and sender_canonical_maps = %.*s: "
	    "neither leads to srsd or srsmilter",
	    TEXT_ARGS(site_value(&f->site, "default_transport")),
	    TEXT_ARGS(site_value(&f->site, "sender_canonical_maps")));
	return true;
}

static bool
several_are_there(struct doctor_facts *f, struct finding_list *out)
{
	const struct second_pass *p = &f->pass;

	if (p->uses_srsmilter && p->uses_srsd) {
		findings_add(out, FINDING_FAIL,
		    "two forms at once: each rewrites the other's senders",
		    findings_text(out,
			"keep one: empty smtpd_milters of %.*s, or "
			"sender_canonical_maps of %.*s",
			TEXT_ARGS(p->server->name),
			TEXT_ARGS(p->cleanup->name)),
		    "%.*s uses srsmilter, and its cleanup srsd",
		    TEXT_ARGS(p->server->name));
		return true;
	}
	if (p->is_simple && pass_is_there(p)) {
		findings_add(out, FINDING_FAIL,
		    "two forms at once: senders are rewritten as mail comes "
		    "in, mailboxes included, and again as it leaves",
		    MF_TEXT("take sender_canonical_maps out of main.cf"),
		    "sender_canonical_maps = %.*s, beside the second pass",
		    TEXT_ARGS(site_value(&f->site, "sender_canonical_maps")));
		return true;
	}
	if (p->is_simple && is_front_milter(f)) {
		findings_add(out, FINDING_FAIL,
		    "two forms at once: each rewrites the other's senders",
		    MF_TEXT("take srsmilter out of smtpd_milters, or "
			    "sender_canonical_maps out of main.cf"),
		    "sender_canonical_maps leads to srsd, smtpd_milters to "
		    "srsmilter");
		return true;
	}
	if (p->uses_srsd && is_front_milter(f)) {
		findings_add(out, FINDING_FAIL,
		    "two forms at once: senders are rewritten as mail comes "
		    "in, and again as it leaves",
		    MF_TEXT("take srsmilter out of smtpd_milters"),
		    "smtpd_milters leads to srsmilter, beside the second pass "
		    "with srsd");
		return true;
	}
	return false;
}

void
check_forms(struct doctor_facts *f, struct finding_list *out)
{
	const struct second_pass *p = &f->pass;

	if (!p->is_simple && !pass_is_there(p)) {
		if (f->own.srs_domain[0] != '\0')
			none_is_there(f, out);
		return;
	}
	if (several_are_there(f, out))
		return;
	if (p->is_simple)
		findings_ok(out,
		    "sender_canonical_maps of main.cf: senders are rewritten "
		    "as mail comes in, mailboxes included");
	else
		findings_ok(out,
		    "mail for other hosts takes the second pass, %.*s -> "
		    "%.*s, with %s",
		    TEXT_ARGS(p->transport), TEXT_ARGS(p->server->name),
		    p->uses_srsmilter ? "srsmilter" : "srsd");
}

/* --- services --- */

static bool
has_override(struct doctor_facts *f, const struct site_service *service,
    const char *name, const char *right, const char *why,
    struct finding_list *out)
{
	struct mf_text value = site_value_for(&f->site, service, name);

	if (mf_text_eq(value, mf_text_of(right)))
		return true;
	findings_add(out, FINDING_FAIL, why,
	    findings_text(out,
		"in master.cf, add to the service %.*s:  -o %s=%s",
		TEXT_ARGS(service->name), name, right),
	    "%.*s: %s = %.*s", TEXT_ARGS(service->name), name,
	    TEXT_ARGS(value));
	return false;
}

static bool
lets_us_in(struct doctor_facts *f, const char *name)
{
	struct mf_text item,
	    rest = site_value_for(&f->site, f->pass.server, name);

	if (rest.len == 0)
		return strstr(name, "client") != NULL;
	while (site_next_item(&rest, &item)) {
		if (text_eq_fold(item, MF_TEXT("permit_mynetworks")) ||
		    text_eq_fold(item, MF_TEXT("permit")))
			return true;
		if (text_starts_fold(item, MF_TEXT("reject")) ||
		    text_starts_fold(item, MF_TEXT("defer")))
			return false;
	}
	return false;
}

static bool
check_access(struct doctor_facts *f, struct finding_list *out)
{
	static const char *const lists[] = {
	    "smtpd_client_restrictions", "smtpd_relay_restrictions"};
	struct mf_text name = f->pass.server->name;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (lets_us_in(f, lists[i]))
			continue;
		findings_add(out, FINDING_FAIL,
		    "the second pass refuses this Postfix: all forwards "
		    "bounce",
		    findings_text(out,
			"in master.cf, add to the service %.*s:  -o "
			"%s=permit_mynetworks,reject",
			TEXT_ARGS(name), lists[i]),
		    "%.*s: %s = %.*s", TEXT_ARGS(name), lists[i],
		    TEXT_ARGS(
			site_value_for(&f->site, f->pass.server, lists[i])));
		return false;
	}
	return true;
}

/* Without a filter, mail takes default_transport again. */
static bool
check_exit(struct doctor_facts *f, struct finding_list *out)
{
	const struct second_pass *p = &f->pass;
	struct mf_text value =
	    site_value_for(&f->site, p->server, "content_filter");
	struct mf_text hop = value, transport = value;

	text_cut(&hop, ':', &transport);
	if (value.len != 0 && !mf_text_eq(transport, p->transport) &&
	    !(pass_is_local(hop) && mf_text_eq(hop, p->nexthop)))
		return true;
	findings_add(out, FINDING_FAIL,
	    "mail that leaves the second pass takes it again: it loops, and "
	    "bounces",
	    findings_text(out,
		"in master.cf, add to the service %.*s:  -o "
		"content_filter=smtp:",
		TEXT_ARGS(p->server->name)),
	    "%.*s: content_filter = %.*s", TEXT_ARGS(p->server->name),
	    TEXT_ARGS(value));
	return false;
}

/* Aliases were expanded in the first pass; what the second one maps is wrong. */
static bool
check_mapping(struct doctor_facts *f, struct finding_list *out)
{
	static const char *const maps[] = {"virtual_alias_maps",
	    "canonical_maps", "recipient_canonical_maps", "always_bcc",
	    "sender_bcc_maps", "recipient_bcc_maps"};
	const struct second_pass *p = &f->pass;
	struct mf_text options =
	    site_value_for(&f->site, p->server, "receive_override_options");
	struct mf_text item;

	if (p->cleanup == NULL)
		return true;
	while (site_next_item(&options, &item))
		if (mf_text_eq(item, MF_TEXT("no_address_mappings")))
			return !p->uses_srsd ||
			    has_override(f, p->server,
				"receive_override_options",
				"no_header_body_checks,"
				"no_unknown_recipient_checks",
				"with no_address_mappings, srsd isn't asked: "
				"forwards leave with their original sender",
				out);
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
		if (!has_override(f, p->cleanup, maps[i], "",
			"addresses are mapped, or copied, twice", out))
			return false;
	return true;
}

void
check_pass_services(struct doctor_facts *f, struct finding_list *out)
{
	const struct second_pass *p = &f->pass;
	bool ok;

	if (!pass_is_there(p))
		return;
	if (p->client == NULL) {
		findings_add(out, FINDING_FAIL,
		    "the transport doesn't exist: all forwards wait in the "
		    "queue",
		    MF_TEXT("mailfrom setup --master prints the service"),
		    "master.cf has no service %.*s", TEXT_ARGS(p->transport));
		return;
	}
	if (p->cleanup == NULL) {
		findings_add(out, FINDING_FAIL,
		    "the cleanup service doesn't exist: all forwards wait in "
		    "the queue",
		    MF_TEXT("mailfrom setup --master prints the service"),
		    "master.cf has no service %.*s",
		    TEXT_ARGS(site_value_for(
			&f->site, p->server, "cleanup_service_name")));
		return;
	}
	ok = check_access(f, out);
	ok = check_exit(f, out) && ok;
	ok = check_mapping(f, out) && ok;
	if (ok)
		findings_ok(out, "%.*s, %.*s and %.*s of master.cf",
		    TEXT_ARGS(p->client->name), TEXT_ARGS(p->server->name),
		    TEXT_ARGS(p->cleanup->name));
}

/* --- what postconf says --- */

/* What stands behind words in a line; false: they aren't in it. */
static bool
follows(struct mf_text line, const char *words, struct mf_text *out)
{
	struct mf_text w = mf_text_of(words);

	for (; line.len >= w.len; line = text_from(line, 1))
		if (text_starts(line, w)) {
			*out = text_trim(text_from(line, w.len));
			return true;
		}
	return false;
}

static bool
has_item(struct mf_text list, struct mf_text wanted)
{
	struct mf_text item;

	while (site_next_item(&list, &item))
		if (mf_text_eq(item, wanted))
			return true;
	return false;
}

/* Whether what main.cf had first is a part of what it has last. */
static bool
is_merged(struct doctor_facts *f, const char *name, struct mf_text earlier)
{
	struct mf_text item, now = site_raw(&f->site, name);

	/* A form empties it, and has to. */
	if (now.len == 0 && strcmp(name, "default_filter_nexthop") == 0)
		return true;
	while (site_next_item(&earlier, &item))
		if (!has_item(now, item))
			return false;
	return true;
}

/* Settings that a form adds to main.cf: a second entry is often ours. */
static bool
is_of_ours(struct mf_text name)
{
	static const char *const names[] = {"default_transport",
	    "sender_dependent_default_transport_maps", "smtpd_milters",
	    "non_smtpd_milters", "internal_mail_filter_classes",
	    "milter_default_action", "milter_command_timeout",
	    "milter_protocol", "recipient_canonical_maps",
	    "recipient_canonical_classes", "sender_canonical_maps",
	    "sender_canonical_classes", "virtual_alias_maps", "transport_maps",
	    "address_verify_default_transport", "relay_transport"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (mf_text_eq(name, mf_text_of(names[i])))
			return true;
	return false;
}

/* "overriding earlier entry: NAME=VALUE" */
static bool
check_override(struct doctor_facts *f, struct mf_text line,
    struct mf_text entry, struct finding_list *out)
{
	struct mf_text name = entry;

	if (text_cut(&entry, '=', &name) &&
	    is_merged(f, arena_copy(f->arena, name).p, text_trim(entry)))
		return true;
	findings_add(out, is_of_ours(name) ? FINDING_FAIL : FINDING_WARN,
	    "the last of several entries counts: what the site had there "
	    "before is off",
	    MF_TEXT("merge the two entries into one; mailfrom setup prints it "
		    "for this site"),
	    "postconf: %.*s", TEXT_ARGS(line));
	return false;
}

static bool
check_line(
    struct doctor_facts *f, struct mf_text line, struct finding_list *out)
{
	struct mf_text rest;

	if (follows(line, "overriding earlier entry:", &rest))
		return check_override(f, line, rest, out);
	if (!follows(line, "duplicate master.cf entry", &rest))
		return true;
	findings_add(out, FINDING_FAIL,
	    "the last of several services counts: the other one on that port, "
	    "or of that name, is off",
	    MF_TEXT("give the second pass another port, in master.cf and in "
		    "default_transport"),
	    "postconf: %.*s", TEXT_ARGS(line));
	return false;
}

void
check_postfix_said(struct doctor_facts *f, struct finding_list *out)
{
	bool ok = true;

	for (size_t i = 0; i < f->site.warning_count; i++)
		ok = check_line(f, f->site.warnings[i], out) && ok;
	if (ok)
		findings_ok(out,
		    "no entry of main.cf or master.cf switches "
		    "another off");
}

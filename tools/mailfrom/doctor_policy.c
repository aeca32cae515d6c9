/* SPDX-License-Identifier: ISC */
/*
 * spfmilter as a policy service of Postfix: where smtpd asks it, for how long it
 * waits, and what it does if nobody answers.
 */
#include "tools/mailfrom/doctor.h"

/* --- lists of restrictions --- */

static bool
is_guard(struct mf_text item)
{
	return mf_text_eq(item, MF_TEXT("reject_unauth_destination")) ||
	    mf_text_eq(item, MF_TEXT("defer_unauth_destination"));
}

static bool
contains(struct mf_text t, const char *part)
{
	struct mf_text p = mf_text_of(part);

	for (; t.len >= p.len; t = text_from(t, 1))
		if (text_starts(t, p))
			return true;
	return false;
}

bool
policy_find(struct doctor_facts *f, const struct site_service *service,
    const char *name, struct policy_use *out)
{
	struct mf_text list = site_value_for(&f->site, service, name), item;
	struct policy_use use = {.has_policyd = contains(list, "policyd-spf")};
	bool is_found = false;

	while (!is_found && site_next_item(&list, &item)) {
		const struct own_socket *socket = NULL;

		use.is_guarded = use.is_guarded || is_guard(item);
		use.is_dead =
		    use.is_dead || mf_text_eq(item, MF_TEXT("permit"));
		if (mf_text_eq(item, MF_TEXT("check_policy_service")) &&
		    site_next_item(&list, &use.item))
			socket =
			    pass_socket(&f->site, &f->own, service, use.item);
		is_found = socket != NULL && socket->is_policy;
	}
	*out = use;
	return is_found;
}

static bool
is_guarded_before(struct doctor_facts *f, const struct site_service *s)
{
	struct mf_text list =
	    site_value_for(&f->site, s, "smtpd_relay_restrictions");
	struct mf_text before = site_value_for(
	    &f->site, s, "smtpd_relay_before_recipient_restrictions");
	struct mf_text item;

	/* Before 3.6 there was no choice; since then compatibility decides. */
	if (before.len != 0 && !site_is_yes(before) &&
	    text_find(before, '$') == before.len)
		return false;
	while (site_next_item(&list, &item))
		if (is_guard(item))
			return true;
	return false;
}

/* --- settings --- */

/* Of the item, else of main.cf, else Postfix's. */
static struct mf_text
setting(struct doctor_facts *f, const struct site_service *s,
    struct mf_text item, const char *name, const char *parameter,
    struct mf_text initial)
{
	struct mf_text value;

	if (item.len != 0 && item.p[0] == '{' &&
	    pass_milter_setting(item, name, &value))
		return value;
	value = site_value_for(&f->site, s, parameter);
	return value.len != 0 ? value : initial;
}

/* A time of Postfix's in seconds; 0: it can't be told. */
static uint64_t
seconds_of(struct mf_text t)
{
	static const struct {
		char unit;
		unsigned seconds;
	} units[] = {
	    {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	uint64_t n;

	if (text_uint(t, UINT32_MAX, &n))
		return n;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (t.len > 1 && t.p[t.len - 1] == units[i].unit &&
		    text_uint(text_head(t, t.len - 1), UINT32_MAX, &n))
			return n * units[i].seconds;
	return 0;
}

static bool
is_deferring(struct mf_text action)
{
	return (action.len != 0 && action.p[0] == '4') ||
	    text_starts_fold(action, MF_TEXT("defer"));
}

static void
check_action(struct doctor_facts *f, const struct site_service *s,
    struct mf_text item, struct finding_list *out)
{
	struct mf_text action = setting(f, s, item, "default_action",
	    "smtpd_policy_service_default_action",
	    MF_TEXT("451 4.3.5 Server configuration problem"));
	bool is_rejecting = (action.len != 0 && action.p[0] == '5') ||
	    text_starts_fold(action, MF_TEXT("reject"));

	if (!is_deferring(action))
		findings_add(out, FINDING_FAIL,
		    is_rejecting
			? "while spfmilter is down, mail is rejected for good"
			: "while spfmilter is down, mail is accepted unchecked",
		    MF_TEXT("mailfrom setup spf-policy prints a check with a "
			    "default_action of its own, which defers mail"),
		    "%.*s: default action \"%.*s\"", TEXT_ARGS(s->name),
		    TEXT_ARGS(action));
}

static void
check_timeout(struct doctor_facts *f, const struct site_service *s,
    struct mf_text item, struct finding_list *out)
{
	struct mf_text text = setting(f, s, item, "timeout",
	    "smtpd_policy_service_timeout", MF_TEXT("100s"));
	uint64_t seconds = seconds_of(text);

	if (seconds != 0 && seconds <= f->own.spf.timeout)
		findings_add(out, FINDING_FAIL,
		    "Postfix gives up before a check of slow DNS is over, and "
		    "does so again for the same mail",
		    findings_text(out,
			"timeout=%llus in check_policy_service, or less for "
			"timeout in [spf] of %s",
			(unsigned long long)f->own.spf.timeout + 10,
			f->own.path),
		    "%.*s: timeout %.*s, that of [spf] is %llu s",
		    TEXT_ARGS(s->name), TEXT_ARGS(text),
		    (unsigned long long)f->own.spf.timeout);
}

/* --- the check --- */

/* smtpd asks at the right place if it asks there. */
static bool
check_place(struct doctor_facts *f, const struct site_service *s,
    struct finding_list *out)
{
	static const char *const lists[] = {
	    "smtpd_recipient_restrictions", "smtpd_relay_restrictions"};
	struct policy_use use;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		if (!policy_find(f, s, lists[i], &use))
			continue;
		if (use.is_dead)
			findings_add(out, FINDING_FAIL,
			    "it is never asked: permit in front of it ends the "
			    "list",
			    MF_TEXT(
				"mailfrom setup spf-policy prints the list"),
			    "%.*s: %s", TEXT_ARGS(s->name), lists[i]);
		else if (!use.is_guarded &&
		    (i == 1 || !is_guarded_before(f, s)))
			findings_add(out, FINDING_FAIL,
			    "others can have this host look up domains for "
			    "mail that it doesn't accept",
			    MF_TEXT("put check_policy_service after "
				    "reject_unauth_destination"),
			    "%.*s: %s", TEXT_ARGS(s->name), lists[i]);
		if (use.has_policyd)
			findings_add(out, FINDING_WARN,
			    "policyd-spf checks the same mail once more",
			    MF_TEXT("mailfrom setup spf-policy takes it out"),
			    "%.*s: %s", TEXT_ARGS(s->name), lists[i]);
		check_action(f, s, use.item, out);
		check_timeout(f, s, use.item, out);
		return true;
	}
	return false;
}

/* Where it can't do its work. */
static void
check_elsewhere(struct doctor_facts *f, const struct site_service *s,
    bool is_placed, struct finding_list *out)
{
	enum { CLIENT, HELO, SENDER, DATA };
	static const char *const lists[] = {
	    [CLIENT] = "smtpd_client_restrictions",
	    [HELO] = "smtpd_helo_restrictions",
	    [SENDER] = "smtpd_sender_restrictions",
	    [DATA] = "smtpd_data_restrictions"};
	struct policy_use use;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (policy_find(f, s, lists[i], &use) &&
		    /* There it knows what was asked before. */
		    (!is_placed || i != DATA))
			findings_add(out,
			    is_placed ? FINDING_WARN : FINDING_FAIL,
			    "there it is asked for mail to other hosts too, or "
			    "doesn't know which recipients are exempt",
			    MF_TEXT("list it in smtpd_recipient_restrictions: "
				    "mailfrom setup spf-policy"),
			    "%.*s: %s", TEXT_ARGS(s->name), lists[i]);
}

static void
check_name(struct doctor_facts *f, struct finding_list *out)
{
	struct mf_text ours = f->own.spfmilter.authserv_id;
	struct mf_text host = site_value(&f->site, "myhostname");

	if (ours.len == 0 && !f->tables.is_elsewhere && host.len != 0)
		ours = mf_text_of(f->host_name);
	if (ours.len != 0 && !text_eq_fold(ours, host))
		findings_add(out, FINDING_WARN,
		    "its header field has another name than the mail server's",
		    findings_text(out,
			"authserv_id = %.*s in [spfmilter] of %s",
			TEXT_ARGS(host), f->own.path),
		    "%.*s, and myhostname = %.*s", TEXT_ARGS(ours),
		    TEXT_ARGS(host));
}

void
check_spf_policy(struct doctor_facts *f, struct finding_list *out)
{
	size_t fronts = 0, asked = 0, before = out->count;

	if (f->own.spfmilter.policy_listen.count == 0)
		return;
	for (size_t i = 0; i < f->site.service_count; i++) {
		const struct site_service *s = &f->site.services[i];
		bool is_placed;

		if (!pass_is_front(&f->site, s))
			continue;
		fronts++;
		is_placed = check_place(f, s, out);
		asked += is_placed;
		check_elsewhere(f, s, is_placed, out);
	}
	if (asked == 0)
		findings_add(out, FINDING_WARN,
		    "mailfrom.conf has policy_listen: no smtpd asks there",
		    MF_TEXT("mailfrom setup spf-policy prints the lines"),
		    "no check_policy_service leads to spfmilter");
	else
		check_name(f, out);
	if (out->count == before)
		findings_ok(out,
		    "%zu of %zu services ask spfmilter, after what keeps "
		    "others from relaying, and defer mail while it is down",
		    asked, fronts);
}

/* SPDX-License-Identifier: ISC */
/*
 * From a session's message to what is decided about it, and what is answered.
 */
#include "milter/path.h"
#include "spfmilter/session.h"

/* --- answers --- */

bool
spfmilter_enforces_(const struct spfmilter_session *s)
{
	return spfmilter_settings_(s)->mode == MODE_ENFORCE;
}

/* The refusal that was decided on; going on if it was none, or not now. */
struct reply
spfmilter_refusal_(const struct spfmilter_session *s)
{
	const struct decision *d = &s->message->decision;
	struct reply reply = {.code = d->code, .dsn = d->dsn, .text = d->text};

	if (!spfmilter_enforces_(s) || d->code == 0 || d->unless_dkim)
		return reply_go_on();
	reply.step = d->code >= 500 ? STEP_REJECT : STEP_TEMPFAIL;
	return reply;
}

/* --- checking and deciding --- */

static bool
is_bare_address(struct mf_text helo)
{
	for (size_t i = 0; i < helo.len; i++)
		if (!ascii_is_digit(helo.p[i]) && helo.p[i] != '.')
			return false;
	return true;
}

/* SRS0 and SRS1 of srs_domains, by their looks: the secret is others'. */
static bool
looks_like_own_srs(const struct spfmilter_session *s, struct mf_text sender)
{
	static const char *const tags[] = {"SRS0", "SRS1", "SES"};
	struct mf_text local = path_local(sender);

	if (!list_has_domain(
		&spfmilter_config_(s)->srs_domains, path_domain(sender)))
		return false;
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		struct mf_text tag = mf_text_of(tags[i]);

		if (text_starts_fold(local, tag) && local.len > tag.len &&
		    strchr("=+-", local.p[tag.len]) != NULL)
			return true;
	}
	return false;
}

static enum exemption
exemption_of(const struct spfmilter_session *s, const struct examined *who)
{
	const struct spfmilter_config *c = spfmilter_config_(s);
	const struct spfmilter_message *m = s->message;
	/* A name was verified for the host that is connected, no other. */
	struct mf_text name = m->relayed[0] == '\0'
	    ? mf_text_of(s->base.client_name)
	    : MF_TEXT("");

	if (hosts_has(
		&c->exempt_clients, who->ip_unknown ? NULL : &who->ip, name))
		return EXEMPT_CLIENT;
	/* Of one that is read in two ways neither is exempt. */
	if (!m->bad_sender && who->sender.len != 0 &&
	    list_has_address(&c->exempt_senders, who->sender))
		return EXEMPT_SENDER;
	if (m->checked &&
	    findings_verdict(&m->findings, EXAMINED_HELO)->result == SPF_PASS &&
	    list_has_domain(&c->exempt_helo, who->helo))
		return EXEMPT_HELO;
	return EXEMPT_NOT;
}

void
spfmilter_decide_checked_(
    struct spfmilter_session *s, const struct examined *who)
{
	struct spfmilter_message *m = s->message;
	char ip[SPF_IP_SIZE] = "an unknown address";

	m->checked = !m->bad_sender;
	if (!who->ip_unknown)
		spf_ip_print(&who->ip, ip);
	decide(
	    &(struct facts){.origin = ORIGIN_OUTSIDE,
		.exemption = exemption_of(s, who),
		.ip = mf_text_of(ip),
		.sender = who->sender,
		.helo = who->helo,
		.bad_helo =
		    spfmilter_settings_(s)->bad_helo == BAD_HELO_REJECT &&
		    is_bare_address(who->helo),
		.bad_sender = m->bad_sender,
		.own_srs = looks_like_own_srs(s, who->sender),
		.mailfrom = findings_verdict(&m->findings, EXAMINED_MAILFROM),
		.helo_verdict = findings_verdict(&m->findings, EXAMINED_HELO),
		.forwarder = m->findings.forwarder,
		.table = m->access != NULL ? m->access->access->table : NULL,
		.defaults =
		    (enum lookup_defaults)spfmilter_settings_(s)->defaults,
		.dkim = spfmilter_needs_dkim_(s)},
	    &m->decision);
	m->decided = true;
}

bool
spfmilter_check_and_decide_(
    struct spfmilter_session *s, const struct examined *who)
{
	struct spfmilter_message *m = s->message;

	if (!m->bad_sender &&
	    !examine(spfmilter_config_(s)->checker, who, &m->findings))
		return false;
	spfmilter_decide_checked_(s, who);
	return true;
}

void
spfmilter_decide_unchecked_(struct spfmilter_session *s)
{
	struct spfmilter_message *m = s->message;

	decide(&(struct facts){.origin = m->origin,
		   .sender = mf_text_of(m->sender),
		   .user = mf_text_of(m->user),
		   .bad_sender = m->bad_sender,
		   .table = m->access != NULL ? m->access->access->table : NULL,
		   .defaults =
		       (enum lookup_defaults)spfmilter_settings_(s)->defaults},
	    &m->decision);
	m->decided = true;
}

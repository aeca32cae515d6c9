/* SPDX-License-Identifier: ISC */
/*
 * From a session's message to what is decided about it, and what is answered.
 */
#include "common/log.h"
#include "milter/path.h"
#include "spfmilter/session_.h"

/* --- answers --- */

/* What becomes of a message that something of ours has failed at. */
struct reply
error_reply_(const struct session *s)
{
	if (session_settings(s)->on_error == ON_ERROR_ACCEPT)
		return reply_go_on();
	return (struct reply){.step = STEP_TEMPFAIL,
	    .code = 451,
	    .dsn = "4.3.0",
	    .text = "The sender cannot be checked just now, try again later"};
}

struct reply
fail_(struct session *s)
{
	s->failed = true;
	atomic_fetch_add(&service_figures(s->service)->errors, 1);
	log_say(LEVEL_ERROR, "out of memory: a message is %s",
	    session_settings(s)->on_error == ON_ERROR_ACCEPT
		? "not checked"
		: "refused for now");
	return error_reply_(s);
}

bool
enforces_(const struct session *s)
{
	return session_settings(s)->mode == MODE_ENFORCE;
}

/* The refusal that was decided on; going on if it was none, or not now. */
struct reply
refusal_(const struct session *s)
{
	const struct decision *d = &s->message->decision;
	struct reply reply = {.code = d->code, .dsn = d->dsn, .text = d->text};

	if (!enforces_(s) || d->code == 0)
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
is_own_srs(const struct session *s, struct mf_text sender)
{
	static const char *const tags[] = {"SRS0", "SRS1", "SES"};
	struct mf_text local = path_local(sender);

	if (!list_has_domain(&s->config->srs_domains, path_domain(sender)))
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
exemption_of(const struct session *s, const struct examined *who)
{
	const struct config *c = s->config;
	const struct message *m = s->message;
	/* A name was verified for the host that is connected, no other. */
	struct mf_text name =
	    m->relayed[0] == '\0' ? mf_text_of(s->client.name) : MF_TEXT("");

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

bool
check_and_decide_(struct session *s, const struct examined *who)
{
	struct message *m = s->message;
	char ip[SPF_IP_SIZE] = "an unknown address";

	m->checked = !m->bad_sender;
	if (m->checked && !examine(s->config->checker, who, &m->findings))
		return false;
	if (!who->ip_unknown)
		spf_ip_print(&who->ip, ip);
	decide(
	    &(struct facts){.origin = ORIGIN_OUTSIDE,
		.exemption = exemption_of(s, who),
		.ip = mf_text_of(ip),
		.sender = who->sender,
		.helo = who->helo,
		.bad_helo = session_settings(s)->bad_helo == BAD_HELO_REJECT &&
		    is_bare_address(who->helo),
		.bad_sender = m->bad_sender,
		.own_srs = is_own_srs(s, who->sender),
		.mailfrom = findings_verdict(&m->findings, EXAMINED_MAILFROM),
		.helo_verdict = findings_verdict(&m->findings, EXAMINED_HELO),
		.forwarder = m->findings.forwarder,
		.table = m->access != NULL ? m->access->access->table : NULL,
		.defaults =
		    (enum lookup_defaults)session_settings(s)->defaults},
	    &m->decision);
	m->decided = true;
	return true;
}

void
decide_unchecked_(struct session *s)
{
	struct message *m = s->message;

	decide(&(struct facts){.origin = m->origin,
		   .sender = mf_text_of(m->sender),
		   .user = mf_text_of(m->user),
		   .bad_sender = m->bad_sender,
		   .table = m->access != NULL ? m->access->access->table : NULL,
		   .defaults =
		       (enum lookup_defaults)session_settings(s)->defaults},
	    &m->decision);
	m->decided = true;
}

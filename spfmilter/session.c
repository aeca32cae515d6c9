/* SPDX-License-Identifier: ISC */
#include "spfmilter/session.h"

#include <stddef.h>
#include <stdlib.h>

#include "common/text_dup.h"
#include "milter/path.h"

bool
spfmilter_needs_eoh(const struct spfmilter_session *s)
{
	return s->base.config->trusted_relay.count != 0 &&
	    spfmilter_settings_(s)->trusted_relay_check != RELAY_CHECK_NONE;
}

bool
spfmilter_needs_headers(const struct spfmilter_session *s)
{
	return spfmilter_settings_(s)->remove_ar != REMOVE_AR_NONE ||
	    spfmilter_needs_eoh(s);
}

/* --- MAIL --- */

void
spfmilter_message_free_(struct spfmilter_message *m)
{
	if (m == NULL)
		return;
	spfmilter_access_release(m->access);
	free(m->sender);
	free(m->user);
	free(m->host);
	free(m->relayed_helo);
	free(m->ar_remove);
	free(m);
}

static struct spfmilter_message *
message_new(void)
{
	struct spfmilter_message *m = malloc(sizeof(*m));

	if (m != NULL)
		memset(m, 0, offsetof(struct spfmilter_message, findings));
	return m;
}

static bool
begin_message(struct spfmilter_session *s, const struct mail_args *args)
{
	struct spfmilter_message *m = message_new();
	struct mf_text sender;

	if (m == NULL)
		return false;
	m->bad_sender = !path_sender(args->path, args->mail_addr, &sender);
	m->sender = text_dup(m->bad_sender ? path_mailbox(args->path) : sender);
	m->user = text_dup(args->user);
	m->host = text_dup(args->host);
	if (m->sender == NULL || m->user == NULL || m->host == NULL) {
		spfmilter_message_free_(m);
		return false;
	}
	m->access = spfmilter_access((struct spfmilter *)s->base.service);
	m->origin = session_origin(&s->base, args->user);
	s->message = m;
	return true;
}

struct reply
spfmilter_mail(struct session *session, const struct mail_args *args)
{
	struct spfmilter_session *s = spfmilter_session_(session);

	if (!begin_message(s, args))
		return session_fail(session);
	if (s->message->origin != ORIGIN_OUTSIDE)
		spfmilter_decide_unchecked_(s);
	else if (!spfmilter_check_and_decide_(s,
		     &(struct examined){.ip = session->client.ip,
			 .ip_unknown = !session->client.has_ip,
			 .sender = mf_text_of(s->message->sender),
			 .helo = mf_text_of(session->helo),
			 .receiver = mf_text_of(s->message->host)}))
		return session_fail(session);
	if (spfmilter_settings_(s)->reject_at != REJECT_AT_MAIL)
		return reply_go_on();
	struct reply reply = spfmilter_refusal_(s);
	if (reply.step != STEP_CONTINUE)
		s->message->outcome = "refused";
	return reply;
}

/* --- RCPT --- */

/* RFC 5321 4.5.1: "postmaster" is a recipient without a domain. */
static bool
is_listed(const struct list *list, struct mf_text recipient)
{
	static const struct mf_text postmaster = {"postmaster@", 11};

	if (text_eq_fold(recipient, text_head(postmaster, 10)))
		recipient = postmaster;
	return list_has_address(list, recipient);
}

static bool
is_exempt(const struct spfmilter_session *s, struct mf_text recipient)
{
	const struct spfmilter_message *m = s->message;
	const struct access_entry *entry;

	/* What the MTA reads another mailbox in is nobody's exemption. */
	if (!path_is_plain(recipient) || path_has_route(recipient))
		return false;
	return is_listed(&spfmilter_config_(s)->exempt_recipients, recipient) ||
	    lookup_is_exempt(
		m->access != NULL ? m->access->access->table : NULL,
		(enum lookup_recipients)spfmilter_settings_(s)->delay_checks,
		recipient, NULL, &entry);
}

struct reply
spfmilter_rcpt(struct session *session, const struct rcpt_args *args)
{
	struct spfmilter_session *s = spfmilter_session_(session);
	struct spfmilter_message *m = s->message;
	struct reply reply;
	bool exempt;

	if (session->failed || m == NULL)
		return session_error_reply(session);
	/* Before the header it isn't known what a relay's mail has earned. */
	exempt = (!decision_accepts(&m->decision) ||
		     m->origin == ORIGIN_TRUSTED_RELAY) &&
	    is_exempt(s, path_mailbox(args->path));
	reply = exempt ? reply_go_on() : spfmilter_refusal_(s);
	m->exempt += exempt;
	if (reply.step == STEP_CONTINUE)
		m->recipients++;
	else
		m->refused++;
	return reply;
}

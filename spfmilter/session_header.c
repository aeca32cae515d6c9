/* SPDX-License-Identifier: ISC */
/*
 * The header of a message, and its end.
 */
#include <stdlib.h>

#include "common/array.h"
#include "common/text_dup.h"
#include "milter/received.h"
#include "spfmilter/authres.h"
#include "spfmilter/session.h"

/* --- the header --- */

static bool
remember_ar(struct spfmilter_message *m)
{
	unsigned *more;

	m->ar_flood = m->ar_count == AR_MAX;
	if (m->ar_flood)
		return true;
	more =
	    array_grow(m->ar_remove, m->ar_count, &m->ar_room, sizeof(*more));
	if (more == NULL)
		return false;
	m->ar_remove = more;
	m->ar_remove[m->ar_count++] = m->ar_seen;
	return true;
}

struct mf_text
spfmilter_authserv_id_(const struct spfmilter_session *s)
{
	struct mf_text id = spfmilter_settings_(s)->authserv_id;

	return id.len != 0 ? id : mf_text_of(s->message->host);
}

/* Who sends more of those that are hard to read has them removed unread. */
static bool
is_own_ar(struct spfmilter_session *s, struct mf_text value)
{
	struct spfmilter_message *m = s->message;

	if (authres_is_disguised(value) && ++m->ar_disguised > AR_DISGUISED_MAX)
		return true;
	return authres_is_of(value, spfmilter_authserv_id_(s));
}

/*
 * RFC 8601 5: what claims to be ours and didn't come from a trusted host isn't.
 * Who has authenticated is no host; but what others said of what he passes on
 * is left to him.
 */
static bool
see_ar(struct spfmilter_session *s, struct mf_text value)
{
	struct spfmilter_message *m = s->message;

	m->ar_seen++;
	if (s->base.internal || s->base.trusted_relay)
		return true;
	switch ((enum remove_ar)spfmilter_settings_(s)->remove_ar) {
	case REMOVE_AR_NONE:
		return true;
	case REMOVE_AR_OWN:
		return !is_own_ar(s, value) || remember_ar(m);
	case REMOVE_AR_ALL:
		return (m->origin == ORIGIN_AUTHENTICATED &&
			   !is_own_ar(s, value)) ||
		    remember_ar(m);
	}
	return true;
}

/*
 * Received fields stand in reverse order: the first is the relay's.  Is its
 * client a trusted relay as well, then the next is that one's.
 */
static bool
see_received(struct spfmilter_session *s, struct mf_text value)
{
	struct spfmilter_message *m = s->message;
	struct received received;

	if (m->origin != ORIGIN_TRUSTED_RELAY || m->relayed[0] != '\0' ||
	    m->relay_lost)
		return true;
	m->relays++;
	if (m->relays > spfmilter_settings_(s)->trusted_relay_hops ||
	    !received_parse(value, &received)) {
		m->relay_lost = true;
		return true;
	}
	if (hosts_has(
		&s->base.config->trusted_relay, &received.ip, MF_TEXT("")))
		return true;
	m->relayed_ip = received.ip;
	spf_ip_print(&received.ip, m->relayed);
	m->relayed_helo = text_dup(received.helo);
	return m->relayed_helo != NULL;
}

struct reply
spfmilter_header(
    struct session *session, struct mf_text name, struct mf_text value)
{
	struct spfmilter_session *s = spfmilter_session_(session);
	bool ok = true;

	if (s->message == NULL)
		return reply_go_on();
	if (spfmilter_needs_dkim_(s) && !spfmilter_dkim_field_(s, name, value))
		return session_fail(&s->base);
	/* What it is read by has no use for the blank behind the colon. */
	if (s->base.leading_space && text_starts(value, MF_TEXT(" ")))
		value = text_from(value, 1);
	if (text_eq_fold(name, MF_TEXT("Authentication-Results")))
		ok = see_ar(s, value);
	else if (text_eq_fold(name, MF_TEXT("Received")))
		ok = see_received(s, value);
	return ok ? reply_go_on() : session_fail(&s->base);
}

/*
 * A trusted relay doesn't say from whom it has the message.  Received fields
 * that name trusted relays alone do: it began there.
 */
static bool
is_of_unknown_client(const struct spfmilter_message *m)
{
	return m->origin == ORIGIN_TRUSTED_RELAY && m->relayed[0] == '\0' &&
	    (m->relay_lost || m->relays == 0);
}

static struct reply
answer_unknown_client(struct spfmilter_session *s)
{
	const struct spfmilter_settings *settings = spfmilter_settings_(s);

	if (settings->trusted_relay_unreadable != RELAY_UNREADABLE_TEMPFAIL ||
	    !spfmilter_needs_eoh(s) || !spfmilter_enforces_(s) ||
	    s->message->exempt != 0)
		return reply_go_on();
	s->message->outcome = "tempfailed";
	return (struct reply){.step = STEP_TEMPFAIL,
	    .code = 451,
	    .dsn = "4.7.24",
	    .text = "SPF cannot be checked: no client in the Received field of "
		    "a trusted relay"};
}

struct reply
spfmilter_eoh(struct session *session)
{
	struct spfmilter_session *s = spfmilter_session_(session);
	struct spfmilter_message *m = s->message;
	struct reply reply;

	if (s->base.failed || m == NULL)
		return session_error_reply(&s->base);
	if (!spfmilter_dkim_header_end_(s))
		return session_fail(&s->base);
	if (is_of_unknown_client(m))
		return answer_unknown_client(s);
	if (m->relayed[0] == '\0' || !spfmilter_needs_eoh(s) ||
	    hosts_has(
		&s->base.config->internal_connect, &m->relayed_ip, MF_TEXT("")))
		return reply_go_on();
	if (!spfmilter_check_and_decide_(s,
		&(struct examined){.ip = m->relayed_ip,
		    .sender = mf_text_of(m->sender),
		    .helo = mf_text_of(m->relayed_helo),
		    .receiver = mf_text_of(m->host)}))
		return session_fail(&s->base);
	/* One reply for all recipients: the exempt one saves the message. */
	if (spfmilter_settings_(s)->trusted_relay_check != RELAY_CHECK_REJECT ||
	    m->exempt != 0)
		return reply_go_on();
	reply = spfmilter_refusal_(s);
	if (reply.step != STEP_CONTINUE)
		m->outcome = "refused";
	return reply;
}

/* --- the end --- */

/* Discarding and quarantine take the whole message: not if one is exempt. */
static struct reply
whole_message(struct spfmilter_session *s, struct edits *edits)
{
	struct spfmilter_message *m = s->message;
	const struct decision *d = &m->decision;

	if (m->origin == ORIGIN_TRUSTED_RELAY &&
	    spfmilter_settings_(s)->trusted_relay_check != RELAY_CHECK_REJECT)
		return reply_go_on();
	if (!spfmilter_enforces_(s) || m->exempt != 0 || m->left != 0)
		return reply_go_on();
	if (d->verb == ACTION_DISCARD) {
		m->outcome = "discarded";
		return (struct reply){.step = STEP_DISCARD};
	}
	if (d->verb == ACTION_QUARANTINE) {
		m->outcome = "quarantined";
		edits->quarantine = d->text;
	}
	return reply_go_on();
}

struct reply
spfmilter_eom(struct spfmilter_session *s, struct edits *edits)
{
	struct spfmilter_message *m = s->message;
	struct reply reply;

	*edits = (struct edits){.remove_ar = NULL};
	if (m != NULL) {
		/* These are forged, whatever becomes of the message. */
		edits->remove_ar = m->ar_remove;
		edits->remove_count = m->ar_count;
	}
	if (s->base.failed || m == NULL)
		return session_error_reply(&s->base);
	if (m->ar_flood) {
		m->outcome = "refused";
		return (struct reply){.step = STEP_REJECT,
		    .code = 550,
		    .dsn = "5.7.1",
		    .text = "Too many Authentication-Results fields claiming "
			    "this host's name"};
	}
	m->outcome = "accepted";
	reply = spfmilter_dkim_end_(s);
	if (reply.step == STEP_CONTINUE && !s->base.failed)
		reply = whole_message(s, edits);
	if (s->base.failed || reply.step != STEP_CONTINUE)
		return reply;
	if (fields_write(spfmilter_settings_(s),
		m->checked ? &m->findings : NULL,
		m->decided ? &m->decision : NULL, m->dkim,
		spfmilter_authserv_id_(s), &edits->fields))
		return reply;
	edits_free(edits);
	return session_fail(&s->base);
}

void
edits_free(struct edits *edits)
{
	fields_free(&edits->fields);
}

void
spfmilter_report_(const struct spfmilter_session *s, bool is_more)
{
	const struct spfmilter_message *m = s->message;
	struct spfmilter *service = (struct spfmilter *)s->base.service;
	const struct spfmilter_mail mail = {
	    .queue_id = mf_text_of(s->base.queue_id),
	    .ip = mf_text_of(s->base.client.text),
	    .client = mf_text_of(s->base.client_name),
	    .helo = mf_text_of(s->base.helo),
	    .sender = mf_text_of(m->sender),
	    .user = mf_text_of(m->user),
	    .relayed = mf_text_of(m->relayed),
	    .findings = m->checked ? &m->findings : NULL,
	    .decision = m->decided ? &m->decision : NULL,
	    .dkim = m->dkim,
	    .dkim_domain = m->dkim_domain,
	    .lifted = m->lifted,
	    .mode = (enum spfmilter_mode)spfmilter_settings_(s)->mode,
	    .recipients = m->recipients,
	    .refused = m->refused,
	    .exempt = m->exempt,
	    .left = m->left,
	    .removed = (unsigned)m->ar_count,
	    .is_more = is_more,
	    .outcome = m->outcome};

	spfmilter_metrics_count(&service->metrics, &mail);
	spfmilter_mail_log(&mail);
}

void
spfmilter_end_message(struct session *session)
{
	struct spfmilter_session *s = spfmilter_session_(session);
	struct spfmilter_message *m = s->message;

	if (m == NULL)
		return;
	if (m->outcome == NULL)
		m->outcome = m->refused != 0 ? "refused" : "aborted";
	spfmilter_report_(s, false);
	spfmilter_message_free_(m);
	s->message = NULL;
}

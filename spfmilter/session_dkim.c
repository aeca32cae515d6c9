/* SPDX-License-Identifier: ISC */
/*
 * A session's messages and DKIM: which are verified, and what becomes of a
 * refusal that waited for it.
 */
#include <stdlib.h>

#include "milter/path.h"
#include "spfmilter/dkim_decide.h"
#include "spfmilter/session.h"

/* Mail that comes from outside, of senders that can be told. */
static bool
is_verified(const struct spfmilter_session *s)
{
	const struct spfmilter_message *m = s->message;

	return spfmilter_needs_dkim_(s) && !m->bad_sender &&
	    (m->origin == ORIGIN_OUTSIDE || m->origin == ORIGIN_TRUSTED_RELAY);
}

/* --- the steps --- */

static bool
begin(struct spfmilter_message *m)
{
	if (m->dkim == NULL)
		m->dkim = dkim_mail_new();
	return m->dkim != NULL;
}

/* A signature sees the blank behind the colon, whoever has taken it off. */
bool
spfmilter_dkim_field_(
    struct spfmilter_session *s, struct mf_text name, struct mf_text value)
{
	struct text_out out = text_out(NULL, value.len + 1);
	bool ok;

	if (!is_verified(s))
		return true;
	if (!begin(s->message))
		return false;
	if (s->base.leading_space)
		return dkim_mail_field(s->message->dkim, name, value);
	out.p = malloc(out.size);
	if (out.p == NULL)
		return false;
	out_char(&out, ' ');
	out_text(&out, value);
	ok = dkim_mail_field(s->message->dkim, name, out_view(&out));
	free(out.p);
	return ok;
}

bool
spfmilter_dkim_header_end_(struct spfmilter_session *s)
{
	if (!is_verified(s))
		return true;
	return begin(s->message) &&
	    dkim_mail_header_end(
		s->message->dkim, spfmilter_config_(s)->checker);
}

struct reply
spfmilter_body(struct session *session, struct mf_text piece)
{
	struct spfmilter_session *s = spfmilter_session_(session);
	struct spfmilter_message *m = s->message;

	if (session->failed || m == NULL || m->dkim == NULL ||
	    !dkim_check_needs_body(m->dkim->check))
		return (struct reply){
		    .step = session->can_skip ? STEP_SKIP : STEP_CONTINUE};
	return dkim_mail_body(m->dkim, piece) ? reply_go_on()
					      : session_fail(session);
}

/* --- the end --- */

static enum dkim_effect
decide_dkim(const struct spfmilter_session *s, struct lookup_answer *answer)
{
	struct spfmilter_message *m = s->message;
	const struct dkim_signature *signatures[DKIM_SIGNATURES_MAX];
	size_t count = dkim_check_count(m->dkim->check, NULL), which = 0;
	struct mf_text sender = mf_text_of(m->sender);
	enum dkim_effect effect;

	for (size_t i = 0; i < count; i++)
		signatures[i] = dkim_check_signature(m->dkim->check, i);
	effect = dkim_decide(
	    &(struct dkim_facts){.signatures = signatures,
		.count = count,
		.sender_domain = m->checked && !text_is_ascii(sender)
		    ? mf_text_of(
			  findings_verdict(&m->findings, EXAMINED_MAILFROM)
			      ->domain)
		    : path_domain(sender),
		.from_domain = mf_text_of(m->dkim->from_domain),
		.aligned =
		    (enum dkim_aligned)spfmilter_settings_(s)->dkim_aligned,
		.table = m->access != NULL ? m->access->access->table : NULL},
	    &which, answer);
	m->dkim_domain = effect != DKIM_LIFTS_NOT
	    ? mf_text_of(signatures[which]->domain)
	    : MF_TEXT("");
	return effect;
}

/* Nobody may be refused who is exempt, or isn't checked. */
static bool
may_refuse(const struct decision *d)
{
	return d->reason == DECIDED_KEY || d->reason == DECIDED_DEFAULT;
}

/* The decision, now that DKIM is known.  True: it is of this moment. */
static bool
settle(struct spfmilter_session *s)
{
	struct spfmilter_message *m = s->message;
	struct decision *d = &m->decision;
	struct lookup_answer answer;
	enum dkim_effect effect = decide_dkim(s, &answer);
	bool waited = m->decided && d->unless_dkim;

	d->unless_dkim = false;
	switch (effect) {
	case DKIM_REFUSES:
		if (!m->decided || !may_refuse(d))
			return false;
		decide_dkim_refused(d, &answer, m->dkim_domain);
		return true;
	case DKIM_LIFTS:
		if (waited)
			decide_dkim_lifted(d, m->dkim_domain);
		m->lifted = waited;
		return waited;
	case DKIM_LIFTS_LATER:
		if (waited)
			decide_dkim_later(
			    d, mf_text_of(m->dkim->failed_key), m->dkim->cause);
		return waited;
	case DKIM_LIFTS_NOT:
		return waited;
	}
	return waited;
}

/* One reply for all recipients: of the same class, but for dkim-pass. */
struct reply
spfmilter_dkim_end_(struct spfmilter_session *s)
{
	struct spfmilter_message *m = s->message;
	struct reply reply;

	if (!is_verified(s))
		return reply_go_on();
	if (!begin(m) || !dkim_mail_end(m->dkim, spfmilter_config_(s)->checker))
		return session_fail(&s->base);
	if (!settle(s) || m->exempt != 0 || m->left != 0 ||
	    (m->origin == ORIGIN_TRUSTED_RELAY &&
		spfmilter_settings_(s)->trusted_relay_check !=
		    RELAY_CHECK_REJECT))
		return reply_go_on();
	reply = spfmilter_refusal_(s);
	if (reply.step != STEP_CONTINUE)
		m->outcome =
		    reply.step == STEP_REJECT ? "refused" : "tempfailed";
	return reply;
}

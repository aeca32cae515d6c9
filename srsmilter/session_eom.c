/* SPDX-License-Identifier: ISC */
/*
 * The end of a message: what is changed, counted and told.
 */
#include <stdlib.h>
#include <time.h>

#include "milter/path.h"
#include "srsmilter/rows.h"
#include "srsmilter/session.h"

/* --- the sender --- */

static void
decide(struct srsmilter_session *s, uint64_t now)
{
	const struct srsmilter_config *c = srsmilter_config_(s);
	struct srsmilter_message *m = s->message;
	struct outgoing_facts facts = {.sender = mf_text_of(m->sender),
	    .bad_sender = m->bad_sender,
	    .sender_mailer = mf_text_of(m->sender_mailer),
	    .origin = m->origin,
	    .forwarding_domain = forwarders_domain(&m->forwarders, c->rewriter),
	    .has_excluded = m->forwarders.has_excluded,
	    .message_id = message_id_next(
		&srsmilter_service_(s)->ids, c->rewriter->ses_server),
	    .now_sec = now};

	memcpy(facts.recipients, m->destinations, sizeof(m->destinations));
	outgoing_decide(c, &facts, &m->outgoing);
	m->decided = true;
	if (m->outgoing.verdict != OUTGOING_BY_POLICY)
		return;
	if (c->gate != NULL &&
	    (m->outgoing.result.reason == POLICY_FORWARDED ||
		m->outgoing.result.reason == POLICY_TO_STORE) &&
	    gate_passes(c->gate, c->checker, facts.sender, now,
		checker_deadline(c->checker), &m->gate_cause))
		policy_spf_passes(&m->outgoing.result);
	if (m->outgoing.result.reason == POLICY_TO_STORE)
		policy_stored(c->rewriter,
		    rows_put(
			c->store, &m->outgoing.result.row, facts.sender, now),
		    &m->outgoing.result);
}

static const char *
new_sender(struct srsmilter_message *m)
{
	const struct srs_addr *address = &m->outgoing.result.address;
	struct text_out out =
	    text_out(m->new_sender, sizeof(m->new_sender) - 1);

	if (!outgoing_changes(&m->outgoing))
		return NULL;
	out_char(&out, '<');
	out_text(&out, mf_text_at(address->text, address->len));
	out_char(&out, '>');
	m->new_sender[out.len] = '\0';
	return m->new_sender;
}

/* --- counting --- */

static struct mf_text
signature_of(const struct restoration *r)
{
	return mf_text_at(r->signature.text, r->signature.len);
}

static bool
is_counted_already(const struct srsmilter_message *m, size_t i)
{
	for (size_t before = 0; before < i; before++)
		if (mf_text_eq(signature_of(&m->restored[before]),
			signature_of(&m->restored[i])))
			return true;
	return false;
}

/*
 * Each signature once a message, however many recipients have it.  False: one
 * was used up since RCPT, by messages that came at the same time.
 */
static bool
count_uses(struct srsmilter_session *s, uint64_t now)
{
	struct srsmilter_message *m = s->message;
	unsigned limit = (unsigned)srsmilter_settings_(s)->ses_replays;
	bool ok = true;

	if (limit == 0)
		return true;
	for (size_t i = 0; i < m->restored_count; i++) {
		const struct restoration *r = &m->restored[i];

		if (r->signature.len != 0 && !is_counted_already(m, i))
			ok = replay_use(srsmilter_service_(s)->replay,
				 signature_of(r), r->signature.expires_sec,
				 limit, now) &&
			    rows_use(srsmilter_config_(s)->store, &r->signature,
				limit, now) &&
			    ok;
	}
	return ok || m->origin != ORIGIN_OUTSIDE;
}

/* --- the end --- */

static struct reply
later_reply(void)
{
	return (struct reply){.step = STEP_TEMPFAIL,
	    .code = 451,
	    .dsn = "4.3.0",
	    .text = "Sender cannot be rewritten, try again later"};
}

struct reply
srsmilter_eom(struct srsmilter_session *s, struct changes *changes)
{
	struct srsmilter_message *m = s->message;
	uint64_t now = (uint64_t)time(NULL);
	struct reply reply =
	    s->base.failed ? session_error_reply(&s->base) : reply_go_on();

	*changes = (struct changes){.sender = NULL};
	if (m == NULL)
		return reply;
	m->outcome = reply.step == STEP_CONTINUE ? "accepted" : "tempfailed";
	/*
	 * Part of what was to be changed is lost: then nothing is.  An RRS
	 * address that stays is nobody's.
	 */
	if (s->base.failed && m->rrs != 0)
		return srsmilter_unchanged(s);
	if (s->base.failed)
		return reply;
	decide(s, now);
	/* It comes again, and is counted then. */
	if (outgoing_deferred(&m->outgoing)) {
		m->outcome = "tempfailed";
		return later_reply();
	}
	if (!count_uses(s, now)) {
		m->decided = false;
		m->outcome = "refused";
		return recipient_reply(RECIPIENT_REPLAYED);
	}
	*changes = (struct changes){.sender = new_sender(m),
	    .recipients = m->restored,
	    .count = m->restored_count};
	return reply;
}

struct reply
srsmilter_unchanged(struct srsmilter_session *s)
{
	struct reply reply = {.step = STEP_TEMPFAIL,
	    .code = 451,
	    .dsn = "4.3.0",
	    .text = "Envelope cannot be rewritten, try again later"};

	atomic_fetch_add(&s->base.service->errors, 1);
	if (s->message != NULL)
		s->message->outcome = "tempfailed";
	return reply;
}

static unsigned
refused_count(const struct srsmilter_message *m)
{
	unsigned count = 0;

	for (unsigned i = RECIPIENT_FORGED; i < RECIPIENT_FATES; i++)
		count += m->fates[i];
	return count;
}

/* All recipients, as far as we were asked about them. */
static bool
is_refused(const struct srsmilter_message *m)
{
	return refused_count(m) != 0 && m->fates[RECIPIENT_PASSES] == 0 &&
	    m->fates[RECIPIENT_RESTORED] == 0;
}

void
srsmilter_end_message(struct session *session)
{
	struct srsmilter_session *s = srsmilter_session_(session);
	struct srsmilter_message *m = s->message;
	const struct restoration *first;

	if (m == NULL)
		return;
	if (m->outcome == NULL)
		m->outcome = is_refused(m) ? "refused" : "aborted";
	first = m->restored_count != 0 ? &m->restored[0] : NULL;
	const struct srsmilter_mail mail = {
	    .queue_id = mf_text_of(session->queue_id),
	    .ip = mf_text_of(session->client.text),
	    .client = mf_text_of(session->client_name),
	    .sender = mf_text_of(m->sender),
	    .user = mf_text_of(m->user),
	    .origin = m->origin,
	    .outgoing = m->decided ? &m->outgoing : NULL,
	    .gate_cause = m->gate_cause,
	    .destinations = m->destinations,
	    .fates = m->fates,
	    .refused = refused_count(m),
	    .forged = m->forged,
	    .restored_rcpt =
		path_unbracketed(mf_text_of(first ? first->given : NULL)),
	    .restored_to =
		path_unbracketed(mf_text_of(first ? first->address : NULL)),
	    .refused_rcpt = mf_text_of(m->refused),
	    .refused_as = m->refused_as,
	    .rrs = m->rrs,
	    .rrs_findings = &m->rrs_findings,
	    .outcome = m->outcome};
	srsmilter_metrics_count(&srsmilter_service_(s)->metrics, &mail);
	srsmilter_mail_log(&mail);
	srsmilter_message_free_(m);
	s->message = NULL;
}

/* SPDX-License-Identifier: ISC */
#include "spfmilter/session.h"

#include <stddef.h>
#include <stdlib.h>

#include "common/text_dup.h"

bool
spfmilter_needs_eoh(const struct spfmilter_session *s)
{
	return !s->headerless && s->base.config->trusted_relay.count != 0 &&
	    spfmilter_settings_(s)->trusted_relay_check != RELAY_CHECK_NONE;
}

bool
spfmilter_needs_headers(const struct spfmilter_session *s)
{
	return spfmilter_settings_(s)->remove_ar != REMOVE_AR_NONE ||
	    spfmilter_needs_eoh(s) || spfmilter_needs_dkim_(s);
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
	dkim_mail_free(m->dkim);
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

bool
spfmilter_begin_message_(
    struct spfmilter_session *s, const struct mail_args *args)
{
	struct spfmilter_message *m = message_new();
	struct path sender = path_sender(args->path, &args->macros);

	if (m == NULL)
		return false;
	m->bad_sender = sender.kind == PATH_AMBIGUOUS;
	m->sender = text_dup(sender.mailbox);
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

struct examined
spfmilter_client_(const struct spfmilter_session *s)
{
	const struct spfmilter_message *m = s->message;

	return (struct examined){.ip = s->base.client.ip,
	    .ip_unknown = !s->base.client.has_ip,
	    .sender = mf_text_of(m->sender),
	    .helo = mf_text_of(s->base.helo),
	    .receiver = mf_text_of(m->host)};
}

struct reply
spfmilter_mail(struct session *session, const struct mail_args *args)
{
	struct spfmilter_session *s = spfmilter_session_(session);
	struct examined who;

	if (!spfmilter_begin_message_(s, args))
		return session_fail(session);
	who = spfmilter_client_(s);
	if (s->message->origin != ORIGIN_OUTSIDE)
		spfmilter_decide_unchecked_(s);
	else if (!spfmilter_check_and_decide_(s, &who))
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

	return is_listed(&spfmilter_config_(s)->exempt_recipients, recipient) ||
	    lookup_is_exempt(
		m->access != NULL ? m->access->access->table : NULL,
		(enum lookup_recipients)spfmilter_settings_(s)->delay_checks,
		recipient, NULL, &entry);
}

/* What the MTA may deliver to, beside the recipient as it is written. */
static bool
is_reading_exempt(
    const struct spfmilter_session *s, const struct path_reading *r)
{
	char store[2 * PATH_READING_MAX + 1];
	struct text_out out = text_out(store, sizeof(store));

	out_text(&out, r->local);
	if (r->domain.len != 0) {
		out_char(&out, '@');
		out_text(&out, r->domain);
	}
	return is_exempt(s, out_view(&out));
}

/* Readings of a recipient that are looked at. */
#define READINGS_MAX 8

enum standing { STANDING_USUAL, STANDING_EXEMPT, STANDING_AMBIGUOUS };

/* Exempt is who is so in each reading; in some of them is as good as none. */
static enum standing
standing_of(const struct spfmilter_session *s, struct mf_text arg)
{
	struct path path = path_recipient(arg);
	struct path_reading reading;
	bool exempt = is_exempt(s, path.mailbox);

	if (path.kind != PATH_MAILBOX || !path_reading(path.mailbox, &reading))
		return STANDING_AMBIGUOUS;
	for (unsigned i = 0; i < READINGS_MAX; i++) {
		if (is_reading_exempt(s, &reading) != exempt)
			return STANDING_AMBIGUOUS;
		if (!path_reading_next(&reading))
			return exempt ? STANDING_EXEMPT : STANDING_USUAL;
	}
	return STANDING_AMBIGUOUS;
}

/* Whether it makes a difference who the recipient is. */
static bool
is_exemption_asked_for(const struct spfmilter_session *s)
{
	const struct spfmilter_message *m = s->message;
	const struct spfmilter_settings *settings = spfmilter_settings_(s);

	if (!decision_accepts(&m->decision))
		return true;
	/* Before the header it isn't known what a relay's mail has earned. */
	return m->origin == ORIGIN_TRUSTED_RELAY && spfmilter_needs_eoh(s) &&
	    (settings->trusted_relay_check == RELAY_CHECK_REJECT ||
		settings->trusted_relay_unreadable ==
		    RELAY_UNREADABLE_TEMPFAIL);
}

/*
 * While a refusal waits for the end of the message, where there is one reply for
 * all: exempt recipients and others can't be in one transaction.
 */
static bool
is_of_other_class(const struct spfmilter_session *s, enum standing standing)
{
	const struct spfmilter_message *m = s->message;

	return m->decision.unless_dkim && spfmilter_enforces_(s) &&
	    m->recipients != 0 &&
	    (standing == STANDING_EXEMPT) != (m->exempt != 0);
}

struct reply
spfmilter_rcpt(struct session *session, const struct rcpt_args *args)
{
	struct spfmilter_session *s = spfmilter_session_(session);
	struct spfmilter_message *m = s->message;
	enum standing standing = STANDING_USUAL;
	struct reply reply;
	bool is_left;

	if (session->failed || m == NULL)
		return session_error_reply(session);
	if (is_exemption_asked_for(s))
		standing = standing_of(s, args->path);
	/* What dkim-pass refuses isn't known yet; so nobody is refused here. */
	else if (spfmilter_needs_dkim_(s) &&
	    standing_of(s, args->path) == STANDING_EXEMPT)
		standing = STANDING_EXEMPT;
	is_left = standing == STANDING_USUAL &&
	    spfmilter_leaves_to_srsmilter_(s, args->path);
	reply = standing == STANDING_EXEMPT
	    ? reply_go_on()
	    : spfmilter_unless_left_(s, is_left, spfmilter_refusal_(s));
	/* RFC 3463 3.2: bad destination mailbox address syntax. */
	if (standing == STANDING_AMBIGUOUS && spfmilter_enforces_(s))
		reply = (struct reply){.step = STEP_REJECT,
		    .code = 553,
		    .dsn = "5.1.3",
		    .text = "Recipient address rejected: ambiguous"};
	if (reply.step == STEP_CONTINUE && is_of_other_class(s, standing))
		reply = (struct reply){.step = STEP_TEMPFAIL,
		    .code = 452,
		    .dsn = "4.5.3",
		    .text = "Recipient needs a transaction of its own: its "
			    "policy is not that of the others"};
	if (reply.step != STEP_CONTINUE) {
		m->refused++;
		return reply;
	}
	m->recipients++;
	m->exempt += standing == STANDING_EXEMPT;
	m->left += is_left;
	m->has_left = m->has_left || is_left;
	m->has_usual = m->has_usual || (!is_left && standing == STANDING_USUAL);
	return reply;
}

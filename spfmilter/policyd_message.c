/* SPDX-License-Identifier: ISC */
#include "spfmilter/policyd_message.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/text_dup.h"
#include "spfmilter/milter.h"

/* --- the client --- */

/* Any but 0, which means a process of this host to sessions. */
#define SOME_PORT 1

/* False: Postfix doesn't know the address. */
static bool
read_address(struct mf_text text, struct sockaddr_storage *out)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
	char copy[INET6_ADDRSTRLEN];

	memset(out, 0, sizeof(*out));
	if (text.len == 0 || text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.p, text.len);
	copy[text.len] = '\0';
	if (inet_pton(AF_INET, copy, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = SOME_PORT;
		return true;
	}
	if (inet_pton(AF_INET6, copy, &in6->sin6_addr) == 1) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = SOME_PORT;
		return true;
	}
	return false;
}

/* A name is worth something only for the address it was verified for. */
static void
connect_client(struct spfmilter_session *s, const struct policyd_request *r)
{
	struct sockaddr_storage address;
	struct mf_text name = r->client_name;

	if (text_eq_fold(name, MF_TEXT("unknown")))
		name = MF_TEXT("");
	if (read_address(r->client_address, &address))
		session_connect(
		    &s->base, name, (const struct sockaddr *)&address);
	else
		session_connect(&s->base, MF_TEXT(""), NULL);
	session_helo(&s->base, r->helo);
}

/* --- beginning --- */

bool
policyd_message_is(
    const struct policyd_message *m, const struct policyd_request *r)
{
	const struct spfmilter_session *s = m->session;
	char store[POLICYD_PATH_SIZE];

	return s != NULL && s->message != NULL && r->instance.len != 0 &&
	    mf_text_eq(r->instance, mf_text_of(m->instance)) &&
	    mf_text_eq(policyd_path(r->sender, store),
		mf_text_of(s->message->sender)) &&
	    mf_text_eq(r->user, mf_text_of(s->message->user)) &&
	    mf_text_eq(r->helo, mf_text_of(s->base.helo));
}

static bool
open_session(struct policyd_message *m, const struct policyd_context *context,
    const struct policyd_request *r)
{
	struct session *base =
	    session_new(&spfmilter_filter, &context->service->base);

	*m = (struct policyd_message){.session = spfmilter_session_(base),
	    .instance = text_dup(r->instance)};
	if (base == NULL || m->instance == NULL)
		return false;
	m->session->headerless = true;
	connect_client(m->session, r);
	return true;
}

static bool
decide_findings(struct policyd_message *m, enum examination_state state)
{
	m->waits = state == EXAMINATION_WAITS;
	if (!m->waits)
		spfmilter_decide_checked_(m->session, &m->examination.who);
	return !m->waits;
}

static bool
examine_client(
    struct policyd_message *m, const struct policyd_context *context, void *arg)
{
	struct spfmilter_session *s = m->session;
	struct examination *x = &m->examination;

	x->checker = spfmilter_config_(s)->checker;
	x->who = spfmilter_client_(s);
	x->findings = &s->message->findings;
	x->woken = context->woken;
	x->arg = arg;
	m->waits = true;
	return decide_findings(m, examination_begin(x));
}

static bool
begin(struct policyd_message *m, const struct policyd_context *context,
    const struct policyd_request *r, void *arg)
{
	struct spfmilter_session *s = m->session;
	char store[POLICYD_PATH_SIZE];
	const struct mail_args args = {.path = policyd_path(r->sender, store),
	    .user = r->user,
	    .host = context->host};

	if (s->base.name_lost || s->base.helo_lost ||
	    !spfmilter_begin_message_(s, &args)) {
		session_fail(&s->base);
		return true;
	}
	if (s->message->origin != ORIGIN_OUTSIDE) {
		spfmilter_decide_unchecked_(s);
		return true;
	}
	if (!s->message->bad_sender)
		return examine_client(m, context, arg);
	m->examination.who = spfmilter_client_(s);
	return decide_findings(m, EXAMINATION_OVER);
}

bool
policyd_message_take(struct policyd_message *m,
    const struct policyd_context *context,
    const struct policyd_request *request, void *arg)
{
	bool ready = true;

	if (request->stage <= POLICYD_BEFORE_MAIL)
		return true;
	if (!policyd_message_is(m, request)) {
		policyd_message_end(m);
		if (open_session(m, context, request))
			ready = begin(m, context, request, arg);
		else
			policyd_message_end(m);
	}
	if (m->session != NULL && request->queue_id.len != 0)
		session_queue_id(&m->session->base, request->queue_id);
	m->used_ms = clock_ms();
	return ready;
}

bool
policyd_message_resume(struct policyd_message *m)
{
	return decide_findings(m, examination_go_on(&m->examination));
}

/* --- answering --- */

/* What becomes of the message as a whole: Postfix asks no more about that. */
static bool
takes_whole(struct policyd_message *m, struct policyd_answer *answer)
{
	struct spfmilter_message *message = m->session->message;
	const struct decision *d = &message->decision;

	if (m->took_whole || m->has_exempt || message->exempt != 0 ||
	    message->has_left || !spfmilter_enforces_(m->session) ||
	    (d->verb != ACTION_DISCARD && d->verb != ACTION_QUARANTINE))
		return false;
	m->took_whole = true;
	answer->verb =
	    d->verb == ACTION_DISCARD ? POLICYD_DISCARD : POLICYD_HOLD;
	answer->text = d->text;
	message->outcome =
	    d->verb == ACTION_DISCARD ? "discarded" : "quarantined";
	return true;
}

/* False: there is none, now or any more. */
static bool
brings_field(struct policyd_message *m, struct fields *fields,
    struct policyd_answer *answer)
{
	const struct spfmilter_message *message = m->session->message;

	if (m->has_field || !message->checked)
		return false;
	m->has_field = true;
	if (!fields_write_policy(spfmilter_settings_(m->session),
		&message->findings, spfmilter_authserv_id_(m->session),
		fields) ||
	    fields->count == 0)
		return false;
	answer->verb = POLICYD_PREPEND;
	answer->name = fields->list[0].name;
	answer->value = fields->list[0].value;
	return true;
}

static bool
rejects_unasked(const struct policyd_message *m)
{
	return spfmilter_settings_(m->session)->reject_at == REJECT_AT_MAIL;
}

/* The reply for all recipients alike: nobody is exempt. */
static struct reply
refuse_any(struct policyd_message *m, enum policyd_stage stage)
{
	struct spfmilter_message *message = m->session->message;
	struct reply reply = spfmilter_refusal_(m->session);

	if (reply.step != STEP_CONTINUE)
		message->refused++;
	else if (stage != POLICYD_MAIL)
		message->recipients++;
	return reply;
}

static struct reply
reply_for(struct policyd_message *m, const struct policyd_request *r)
{
	struct session *base = &m->session->base;
	char store[POLICYD_PATH_SIZE];
	bool had_seen = m->has_seen;

	if (base->failed || m->session->message == NULL)
		return session_error_reply(base);
	m->has_seen = true;
	/* All of them were answered for. */
	if (r->stage >= POLICYD_DATA && had_seen)
		return reply_go_on();
	if (rejects_unasked(m) || r->recipient.len == 0)
		return refuse_any(m, r->stage);
	return spfmilter_rcpt(base,
	    &(struct rcpt_args){.path = policyd_path(r->recipient, store)});
}

static void
answer_message(struct policyd_message *m, const struct policyd_request *r,
    struct text_out *out)
{
	struct policyd_answer answer = {.verb = POLICYD_DUNNO};
	struct fields fields = {.count = 0};
	struct reply reply = reply_for(m, r);

	if (reply.step != STEP_CONTINUE) {
		answer.verb = POLICYD_REFUSE;
		answer.code = reply.code;
		answer.dsn = reply.dsn;
		answer.text = reply.text;
	} else if (m->session->message != NULL && !takes_whole(m, &answer) &&
	    /* access(5): too late for that. */
	    r->stage != POLICYD_END_OF_MESSAGE)
		brings_field(m, &fields, &answer);
	policyd_format(&answer, out);
	fields_free(&fields);
}

void
policyd_message_answer(struct policyd_message *m,
    const struct policyd_request *request, struct text_out *out)
{
	static const struct policyd_answer nothing = {.verb = POLICYD_DUNNO},
					   no_memory = {.verb = POLICYD_REFUSE,
					       .code = 451,
					       .dsn = "4.3.0",
					       .text = SPFMILTER_UNAVAILABLE};

	if (request->stage <= POLICYD_BEFORE_MAIL)
		policyd_format(&nothing, out);
	else if (m->session == NULL)
		policyd_format(&no_memory, out);
	else
		answer_message(m, request, out);
	/* Nothing more of it is to come. */
	if (request->stage >= POLICYD_DATA)
		policyd_message_log(m);
}

/* --- the end --- */

void
policyd_message_log(struct policyd_message *m)
{
	struct spfmilter_message *message =
	    m->session != NULL ? m->session->message : NULL;

	if (message == NULL || m->waits ||
	    (message->recipients == 0 && message->refused == 0))
		return;
	if (message->outcome == NULL)
		message->outcome =
		    message->recipients != 0 ? "accepted" : "refused";
	spfmilter_report_(m->session, m->is_logged);
	m->is_logged = true;
	m->has_exempt = m->has_exempt || message->exempt != 0;
	message->recipients = message->refused = message->exempt = 0;
	message->left = 0;
	if (!m->took_whole)
		message->outcome = NULL;
}

/* smtpd has given up. */
static void
abort_check(struct policyd_message *m)
{
	examination_cancel(&m->examination);
	m->session->message->outcome = "aborted";
	spfmilter_report_(m->session, false);
}

void
policyd_message_end(struct policyd_message *m)
{
	if (m->waits)
		abort_check(m);
	else
		policyd_message_log(m);
	if (m->session != NULL) {
		spfmilter_message_free_(m->session->message);
		m->session->message = NULL;
		session_free(&m->session->base);
	}
	free(m->instance);
	*m = (struct policyd_message){.session = NULL};
}

/* SPDX-License-Identifier: ISC */
#include "spfmilter/session.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/text_dup.h"
#include "spfmilter/session_.h"

/* --- life --- */

struct session *
session_new(struct service *service)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->service = service;
	s->config = service_config(service);
	atomic_fetch_add(&service_figures(service)->connections, 1);
	return s;
}

void
message_free_(struct message *m)
{
	if (m == NULL)
		return;
	service_access_release(m->access);
	free(m->sender);
	free(m->user);
	free(m->host);
	free(m->relayed_helo);
	free(m->ar_remove);
	free(m);
}

void
session_free(struct session *s)
{
	if (s == NULL)
		return;
	session_end_message(s);
	config_release(s->config);
	free(s->client.name);
	free(s->client.helo);
	free(s);
}

const struct spfmilter_settings *
session_settings(const struct session *s)
{
	return &s->config->spfmilter;
}

bool
session_needs_eoh(const struct session *s)
{
	return s->config->trusted_relay.count != 0 &&
	    session_settings(s)->trusted_relay_check != RELAY_CHECK_NONE;
}

bool
session_needs_headers(const struct session *s)
{
	return session_settings(s)->remove_ar != REMOVE_AR_NONE ||
	    session_needs_eoh(s);
}

/* --- the client --- */

void
session_connect(
    struct session *s, struct mf_text name, const struct sockaddr *address)
{
	struct client *c = &s->client;
	const struct spf_ip *ip;

	/* What was said over this connection before is another session's. */
	session_helo(s, MF_TEXT(""));
	client_read(address, &name, &c->at);
	free(c->name);
	c->name = NULL;
	c->name_lost = name.len != 0 && (c->name = text_dup(name)) == NULL;
	ip = c->at.has_ip ? &c->at.ip : NULL;
	c->internal = c->at.is_process ||
	    hosts_has(&s->config->internal_connect, ip, name);
	c->trusted_relay = hosts_has(&s->config->trusted_relay, ip, name);
}

void
session_helo(struct session *s, struct mf_text name)
{
	struct client *c = &s->client;

	session_end_message(s);
	free(c->helo);
	c->helo = text_dup(name);
	c->helo_lost = c->helo == NULL;
}

/* --- the envelope --- */

static enum origin
origin_of(const struct client *c, struct mf_text user)
{
	if (user.len != 0)
		return ORIGIN_AUTHENTICATED;
	if (c->internal)
		return ORIGIN_INTERNAL;
	return c->trusted_relay ? ORIGIN_TRUSTED_RELAY : ORIGIN_OUTSIDE;
}

static struct message *
message_new(void)
{
	struct message *m = malloc(sizeof(*m));

	if (m != NULL)
		memset(m, 0, offsetof(struct message, findings));
	return m;
}

static bool
begin_message(struct session *s, struct mf_text arg,
    const struct path_macros *macros, struct mf_text user, struct mf_text host)
{
	struct message *m = message_new();
	struct path sender = path_sender(arg, macros);

	if (m == NULL)
		return false;
	m->bad_sender = sender.kind == PATH_AMBIGUOUS;
	m->sender = text_dup(sender.mailbox);
	m->user = text_dup(user);
	m->host = text_dup(host);
	if (m->sender == NULL || m->user == NULL || m->host == NULL) {
		message_free_(m);
		return false;
	}
	m->access = service_access(s->service);
	m->origin = origin_of(&s->client, user);
	s->message = m;
	return true;
}

struct reply
session_mail(struct session *s, struct mf_text arg,
    const struct path_macros *macros, struct mf_text user, struct mf_text host)
{
	session_end_message(s);
	s->failed = false;
	/* A name that isn't known could be refused, or exempt. */
	if (s->client.name_lost || s->client.helo_lost ||
	    !begin_message(s, arg, macros, user, host))
		return fail_(s);
	if (s->message->origin != ORIGIN_OUTSIDE)
		decide_unchecked_(s);
	else if (!check_and_decide_(s,
		     &(struct examined){.ip = s->client.at.ip,
			 .ip_unknown = !s->client.at.has_ip,
			 .sender = mf_text_of(s->message->sender),
			 .helo = mf_text_of(s->client.helo),
			 .receiver = mf_text_of(s->message->host)}))
		return fail_(s);
	if (session_settings(s)->reject_at != REJECT_AT_MAIL)
		return reply_go_on();
	struct reply reply = refusal_(s);
	if (reply.step != STEP_CONTINUE)
		s->message->outcome = "refused";
	return reply;
}

void
session_queue_id(struct session *s, struct mf_text id)
{
	struct message *m = s->message;
	struct text_out out;

	if (m == NULL)
		return;
	out = text_out(m->queue_id, QUEUE_ID_MAX);
	out_text(&out, text_head(id, QUEUE_ID_MAX));
	m->queue_id[out.len] = '\0';
}

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
is_exempt(const struct session *s, struct mf_text recipient)
{
	const struct message *m = s->message;
	const struct entry *entry;

	return is_listed(&s->config->exempt_recipients, recipient) ||
	    lookup_is_exempt(
		m->access != NULL ? m->access->access->table : NULL,
		(enum lookup_recipients)session_settings(s)->delay_checks,
		recipient, NULL, &entry);
}

/* What the MTA may deliver to, beside the recipient as it is written. */
static bool
is_reading_exempt(const struct session *s, const struct path_reading *r)
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
standing_of(const struct session *s, struct mf_text arg)
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
is_exemption_asked_for(const struct session *s)
{
	const struct message *m = s->message;

	/* Before the header it isn't known what a relay's mail has earned. */
	return !decision_accepts(&m->decision) ||
	    (m->origin == ORIGIN_TRUSTED_RELAY &&
		session_settings(s)->trusted_relay_check == RELAY_CHECK_REJECT);
}

struct reply
session_rcpt(struct session *s, struct mf_text arg)
{
	struct message *m = s->message;
	enum standing standing = STANDING_USUAL;
	struct reply reply;

	if (s->failed || m == NULL)
		return error_reply_(s);
	if (is_exemption_asked_for(s))
		standing = standing_of(s, arg);
	reply = standing == STANDING_EXEMPT ? reply_go_on() : refusal_(s);
	/* RFC 3463 3.2: bad destination mailbox address syntax. */
	if (standing == STANDING_AMBIGUOUS && enforces_(s))
		reply = (struct reply){.step = STEP_REJECT,
		    .code = 553,
		    .dsn = "5.1.3",
		    .text = "Recipient address rejected: ambiguous"};
	m->exempt += standing == STANDING_EXEMPT;
	if (reply.step == STEP_CONTINUE)
		m->recipients++;
	else
		m->refused++;
	return reply;
}

/* SPDX-License-Identifier: ISC */
#include "spfmilter/session.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/text_dup.h"
#include "milter/path.h"
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
begin_message(struct session *s, struct mf_text arg, struct mf_text macro,
    struct mf_text user, struct mf_text host)
{
	struct message *m = message_new();
	struct mf_text sender;

	if (m == NULL)
		return false;
	m->bad_sender = !path_sender(arg, macro, &sender);
	m->sender = text_dup(m->bad_sender ? path_mailbox(arg) : sender);
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
session_mail(struct session *s, struct mf_text arg, struct mf_text macro,
    struct mf_text user, struct mf_text host)
{
	session_end_message(s);
	s->failed = false;
	/* A name that isn't known could be refused, or exempt. */
	if (s->client.name_lost || s->client.helo_lost ||
	    !begin_message(s, arg, macro, user, host))
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
	const struct access_entry *entry;

	/* What the MTA reads another mailbox in is nobody's exemption. */
	if (!path_is_plain(recipient) || path_has_route(recipient))
		return false;
	return is_listed(&s->config->exempt_recipients, recipient) ||
	    lookup_is_exempt(
		m->access != NULL ? m->access->access->table : NULL,
		(enum lookup_recipients)session_settings(s)->delay_checks,
		recipient, NULL, &entry);
}

struct reply
session_rcpt(struct session *s, struct mf_text arg)
{
	struct message *m = s->message;
	struct reply reply;
	bool exempt;

	if (s->failed || m == NULL)
		return error_reply_(s);
	/* Before the header it isn't known what a relay's mail has earned. */
	exempt = (!decision_accepts(&m->decision) ||
		     m->origin == ORIGIN_TRUSTED_RELAY) &&
	    is_exempt(s, path_mailbox(arg));
	reply = exempt ? reply_go_on() : refusal_(s);
	m->exempt += exempt;
	if (reply.step == STEP_CONTINUE)
		m->recipients++;
	else
		m->refused++;
	return reply;
}

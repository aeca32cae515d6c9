/* SPDX-License-Identifier: ISC */
#include "milter/session.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/text_dup.h"

/* --- life --- */

struct session *
session_new(const struct filter *filter, struct milter_service *service)
{
	struct session *s = calloc(1, filter->session_size);

	if (s == NULL)
		return NULL;
	s->filter = filter;
	s->service = service;
	s->config = milter_service_config(service);
	return s;
}

void
session_free(struct session *s)
{
	if (s == NULL)
		return;
	session_end_message(s);
	milter_config_release(s->config);
	free(s->client_name);
	free(s->helo);
	free(s);
}

/* --- the client --- */

void
session_connect(
    struct session *s, struct mf_text name, const struct sockaddr *address)
{
	const struct milter_config *c = s->config;
	const struct spf_ip *ip;

	session_end_message(s);
	client_read(address, &name, &s->client);
	free(s->client_name);
	free(s->helo);
	s->client_name = name.len != 0 ? text_dup(name) : NULL;
	s->name_lost = name.len != 0 && s->client_name == NULL;
	s->helo = NULL;
	s->helo_lost = false;
	s->offences = 0;
	ip = s->client.has_ip ? &s->client.ip : NULL;
	s->internal =
	    s->client.is_process || hosts_has(&c->internal_connect, ip, name);
	s->trusted_relay = hosts_has(&c->trusted_relay, ip, name);
}

void
session_helo(struct session *s, struct mf_text name)
{
	session_end_message(s);
	free(s->helo);
	s->helo = text_dup(name);
	s->helo_lost = s->helo == NULL;
}

/* --- a message --- */

enum origin
session_origin(const struct session *s, struct mf_text user)
{
	if (user.len != 0)
		return ORIGIN_AUTHENTICATED;
	if (s->internal)
		return ORIGIN_INTERNAL;
	return s->trusted_relay ? ORIGIN_TRUSTED_RELAY : ORIGIN_OUTSIDE;
}

struct reply
session_mail(struct session *s, const struct mail_args *args)
{
	session_end_message(s);
	s->failed = false;
	/* A name that isn't known could be refused, or exempt. */
	if (s->name_lost || s->helo_lost)
		return session_fail(s);
	return s->filter->mail(s, args);
}

void
session_queue_id(struct session *s, struct mf_text id)
{
	struct text_out out = text_out(s->queue_id, QUEUE_ID_MAX);

	out_text(&out, text_head(id, QUEUE_ID_MAX));
	s->queue_id[out.len] = '\0';
}

void
session_end_message(struct session *s)
{
	s->filter->end_message(s);
	s->queue_id[0] = '\0';
}

/* --- failing --- */

static bool
accepts_errors(const struct session *s)
{
	return s->config->settings->on_error == ON_ERROR_ACCEPT;
}

struct reply
session_error_reply(const struct session *s)
{
	if (accepts_errors(s))
		return reply_go_on();
	return (struct reply){.step = STEP_TEMPFAIL,
	    .code = 451,
	    .dsn = "4.3.0",
	    .text = s->filter->error_reply};
}

struct reply
session_fail(struct session *s)
{
	s->failed = true;
	atomic_fetch_add(&s->service->errors, 1);
	log_say(LEVEL_ERROR, "out of memory: message %s",
	    accepts_errors(s) ? s->filter->error_accepted
			      : "temporarily rejected");
	return session_error_reply(s);
}

/* SPDX-License-Identifier: ISC */
/*
 * hiredis 0.14 (Debian 12) and 1.x (Debian 13) alike: what differs between them
 * isn't used, but for TLS, which only the second has.
 *
 * hiredis frees its context by itself when the connection is lost.  Before that
 * each command that is under way gets a reply that is NULL.
 */
#include "store/redis_link.h"

#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/queue.h>
#ifdef MAILFROM_REDIS_TLS
#include <hiredis/hiredis_ssl.h>
#include <openssl/ssl.h>
#endif

#define REASON_SIZE 200

struct redis_command {
	struct redis_link *link;
	redis_callback *done;
	void *arg;
};

struct redis_link {
	struct redis_link_params params;
	redisAsyncContext *context; /* NULL: it was lost */
	struct event *silence;      /* no reply for too long */
	struct event *closing;
	size_t under_way; /* commands */
	bool is_up, is_closing;
	char reason[REASON_SIZE];
#ifdef MAILFROM_REDIS_TLS
	SSL_CTX *tls;
#endif
};

static void
note_reason(struct redis_link *l, const char *reason)
{
	/* So hiredis calls the end of a TLS connection. */
	if (strcmp(reason, strerror(0)) == 0)
		reason = "connection closed";
	if (l->reason[0] == '\0')
		snprintf(l->reason, sizeof(l->reason), "%s", reason);
}

/* --- replies --- */

static struct redis_part
part_of(const redisReply *r)
{
	struct redis_part part = {.kind = REDIS_VALUE};

	if (r->type == REDIS_REPLY_NIL)
		part.kind = REDIS_NOTHING;
	else if (r->type == REDIS_REPLY_ERROR)
		part.kind = REDIS_REFUSED;
	else if (r->type == REDIS_REPLY_INTEGER)
		part.number = r->integer;
	if (r->str != NULL)
		part.text = mf_text_at(r->str, (size_t)r->len);
	if (r->type == REDIS_REPLY_ARRAY) {
		part.inner = r->element;
		part.inner_count = r->elements;
	}
	return part;
}

struct redis_part
redis_inner(const struct redis_part *part, size_t i)
{
	redisReply *const *elements = part->inner;

	return part_of(elements[i]);
}

static void
read_reply(const redisReply *r, struct redis_answer *out)
{
	*out = (struct redis_answer){.kind = REDIS_LOST};
	if (r == NULL)
		return;
	out->parts[0] = part_of(r);
	out->kind = out->parts[0].kind;
	out->count = 1;
	if (r->type != REDIS_REPLY_ARRAY)
		return;
	for (out->count = 0;
	     out->count < r->elements && out->count < REDIS_PARTS_MAX;
	     out->count++)
		out->parts[out->count] = part_of(r->element[out->count]);
}

static void
watch_silence(struct redis_link *l)
{
	struct timeval limit = {.tv_sec = l->params.timeout_ms / 1000,
	    .tv_usec = (l->params.timeout_ms % 1000) * 1000};

	if (l->under_way == 0 && l->is_up)
		event_del(l->silence);
	else
		event_add(l->silence, &limit);
}

static void
on_reply(redisAsyncContext *context, void *reply, void *arg)
{
	struct redis_command *command = arg;
	struct redis_link *l = command->link;
	struct redis_answer answer;

	(void)context;
	read_reply(reply, &answer);
	l->under_way--;
	if (reply != NULL)
		watch_silence(l);
	command->done(command->arg, &answer);
	free(command);
}

void
redis_link_send(struct redis_link *l, const struct mf_text *words, size_t count,
    redis_callback *done, void *arg)
{
	static const struct redis_answer lost = {.kind = REDIS_LOST};
	struct redis_command *command = malloc(sizeof(*command));
	const char *texts[REDIS_WORDS_MAX];
	size_t lens[REDIS_WORDS_MAX];

	for (size_t i = 0; i < count; i++) {
		texts[i] = words[i].p;
		lens[i] = words[i].len;
	}
	if (command != NULL)
		*command = (struct redis_command){l, done, arg};
	if (command == NULL || l->context == NULL || l->is_closing ||
	    redisAsyncCommandArgv(l->context, on_reply, command, (int)count,
		texts, lens) != REDIS_OK) {
		free(command);
		done(arg, &lost);
		return;
	}
	if (l->under_way++ == 0)
		watch_silence(l);
}

/* --- the connection --- */

static void
free_link(struct redis_link *l)
{
	if (l->silence != NULL)
		event_free(l->silence);
	if (l->closing != NULL)
		event_free(l->closing);
#ifdef MAILFROM_REDIS_TLS
	SSL_CTX_free(l->tls);
#endif
	free(l);
}

/* hiredis has let go of the context, or is about to. */
static void
lose(struct redis_link *l)
{
	struct redis_link_params params = l->params;
	bool is_closing = l->is_closing;
	char reason[REASON_SIZE];

	note_reason(l, "connection lost");
	memcpy(reason, l->reason, sizeof(reason));
	free_link(l);
	if (!is_closing)
		params.down(params.arg, reason);
}

/* Close the context: what is under way is answered within. */
static void
drop(struct redis_link *l, const char *reason)
{
	redisAsyncContext *context = l->context;

	note_reason(l, reason);
	l->context = NULL;
	context->data = NULL; /* no other callback is to know the link */
	redisAsyncFree(context);
	lose(l);
}

static void
on_silence(evutil_socket_t fd, short what, void *arg)
{
	struct redis_link *l = arg;

	(void)fd;
	(void)what;
	drop(l, l->is_up ? "no reply in time" : "cannot connect in time");
}

static void
on_closing(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	drop(arg, "closed");
}

void
redis_link_close(struct redis_link *l)
{
	if (l == NULL)
		return;
	l->is_closing = true;
	event_active(l->closing, EV_TIMEOUT, 0);
}

/* The data of a context that hiredis shows, but doesn't let change. */
static void
forget_link(const redisAsyncContext *context)
{
	((redisAsyncContext *)(uintptr_t)context)->data = NULL;
}

static void
on_connect(const redisAsyncContext *context, int status)
{
	struct redis_link *l = context->data;

	if (l == NULL)
		return;
	if (status != REDIS_OK) {
		/* hiredis frees it, and doesn't call on_disconnect(). */
		note_reason(l, context->c.errstr);
		l->context = NULL;
		forget_link(context);
		lose(l);
		return;
	}
	/* Whoever has closed it knows nothing of it any more. */
	if (l->is_closing)
		return;
	l->is_up = true;
	watch_silence(l);
	l->params.up(l->params.arg);
}

/* After the callbacks of all commands. */
static void
on_disconnect(const redisAsyncContext *context, int status)
{
	struct redis_link *l = context->data;

	if (l == NULL)
		return;
	if (status != REDIS_OK)
		note_reason(l, context->c.errstr);
	l->context = NULL;
	forget_link(context);
	lose(l);
}

/* --- TLS --- */

#ifdef MAILFROM_REDIS_TLS
/* hiredis by itself wouldn't see whose certificate it is. */
static SSL *
tls_session(struct redis_link *l)
{
	const char *name = l->params.host->name;
	SSL *ssl;

	l->tls = SSL_CTX_new(TLS_client_method());
	if (l->tls == NULL)
		return NULL;
	SSL_CTX_set_verify(l->tls, SSL_VERIFY_PEER, NULL);
	if (l->params.ca_file[0] == '\0'
		? SSL_CTX_set_default_verify_paths(l->tls) != 1
		: SSL_CTX_load_verify_locations(
		      l->tls, l->params.ca_file, NULL) != 1)
		return NULL;
	ssl = SSL_new(l->tls);
	if (ssl == NULL)
		return NULL;
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1 ||
	    (SSL_set1_host(ssl, name) == 1 &&
		SSL_set_tlsext_host_name(ssl, name) == 1))
		return ssl;
	SSL_free(ssl);
	return NULL;
}

static bool
begin_tls(struct redis_link *l)
{
	SSL *ssl = tls_session(l);

	if (ssl == NULL) {
		note_reason(l, "TLS cannot be set up: is ca_file right?");
		return false;
	}
	if (redisInitiateSSL(&l->context->c, ssl) == REDIS_OK)
		return true;
	note_reason(l, l->context->c.errstr);
	return false;
}
#else
/* params.c has refused it. */
static bool
begin_tls(struct redis_link *l)
{
	note_reason(l, "built without TLS");
	return false;
}
#endif

/* --- making --- */

static bool
connect_link(struct redis_link *l)
{
	const struct redis_link_params *p = &l->params;
	redisAsyncContext *c = p->path != NULL
	    ? redisAsyncConnectUnix(p->path)
	    : redisAsyncConnect(p->host->name, p->host->port);

	l->context = c;
	if (c == NULL)
		return false;
	if (c->err != 0) {
		note_reason(l, c->errstr);
		return false;
	}
	c->data = l;
	return (!p->tls || begin_tls(l)) &&
	    redisLibeventAttach(c, p->base) == REDIS_OK &&
	    redisAsyncSetConnectCallback(c, on_connect) == REDIS_OK &&
	    redisAsyncSetDisconnectCallback(c, on_disconnect) == REDIS_OK;
}

struct redis_link *
redis_link_new(
    const struct redis_link_params *params, char *reason, size_t reason_size)
{
	struct redis_link *l = calloc(1, sizeof(*l));

	snprintf(reason, reason_size, "out of memory");
	if (l == NULL)
		return NULL;
	l->params = *params;
	l->silence = event_new(params->base, -1, 0, on_silence, l);
	l->closing = event_new(params->base, -1, 0, on_closing, l);
	if (l->silence != NULL && l->closing != NULL && connect_link(l)) {
		watch_silence(l);
		return l;
	}
	if (l->reason[0] != '\0')
		snprintf(reason, reason_size, "%s", l->reason);
	if (l->context != NULL) {
		l->context->data = NULL;
		redisAsyncFree(l->context);
	}
	free_link(l);
	return NULL;
}

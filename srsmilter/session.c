/* SPDX-License-Identifier: ISC */
/*
 * The session up to its recipients.
 */
#include "srsmilter/session.h"

#include <stdlib.h>
#include <time.h>

#include "common/log.h"
#include "common/text_dup.h"
#include "srsmilter/session_.h"

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
	for (size_t i = 0; i < m->restored_count; i++) {
		free(m->restored[i].given);
		free(m->restored[i].address);
		free(m->restored[i].parameters);
	}
	free(m->restored);
	free(m->sender);
	free(m->user);
	free(m->sender_mailer);
	free(m->forwarding_domain);
	free(m->refused);
	free(m);
}

void
session_free(struct session *s)
{
	if (s == NULL)
		return;
	session_end_message(s);
	config_release(s->config);
	free(s->client_name);
	free(s);
}

const struct srsmilter_settings *
session_settings(const struct session *s)
{
	return &s->config->srsmilter;
}

/* --- failing --- */

struct reply
error_reply_(const struct session *s)
{
	if (session_settings(s)->on_error == ON_ERROR_ACCEPT)
		return reply_go_on();
	return (struct reply){.step = STEP_TEMPFAIL,
	    .code = 451,
	    .dsn = "4.3.0",
	    .text = "The envelope cannot be rewritten just now, try again "
		    "later"};
}

struct reply
fail_(struct session *s)
{
	s->failed = true;
	atomic_fetch_add(&service_figures(s->service)->errors, 1);
	log_say(LEVEL_ERROR, "out of memory: a message is %s",
	    session_settings(s)->on_error == ON_ERROR_ACCEPT
		? "left as it is"
		: "refused for now");
	return error_reply_(s);
}

/* --- the client --- */

void
session_connect(
    struct session *s, struct mf_text name, const struct sockaddr *address)
{
	const struct config *c = s->config;
	const struct spf_ip *ip;

	client_read(address, &name, &s->client);
	free(s->client_name);
	s->client_name = name.len != 0 ? text_dup(name) : NULL;
	ip = s->client.has_ip ? &s->client.ip : NULL;
	s->internal =
	    s->client.is_process || hosts_has(&c->internal_connect, ip, name);
	s->trusted_relay = hosts_has(&c->trusted_relay, ip, name);
}

/* --- the sender --- */

static enum origin
origin_of(const struct session *s, struct mf_text user)
{
	if (user.len != 0)
		return ORIGIN_AUTHENTICATED;
	if (s->internal)
		return ORIGIN_INTERNAL;
	return s->trusted_relay ? ORIGIN_TRUSTED_RELAY : ORIGIN_OUTSIDE;
}

struct reply
session_mail(struct session *s, struct mf_text arg,
    const struct path_macros *macros, struct mf_text user,
    struct mf_text mailer)
{
	struct message *m = calloc(1, sizeof(*m));
	struct path sender = path_sender(arg, macros);

	session_end_message(s);
	s->failed = false;
	if (m == NULL)
		return fail_(s);
	m->sender = text_dup(sender.mailbox);
	m->user = text_dup(user);
	m->sender_mailer = text_dup(mailer);
	if (m->sender == NULL || m->user == NULL || m->sender_mailer == NULL) {
		message_free_(m);
		return fail_(s);
	}
	m->origin = origin_of(s, user);
	m->bad_sender = sender.kind == PATH_AMBIGUOUS;
	m->is_bounce = sender.kind == PATH_NULL ||
	    (sender.kind == PATH_MAILBOX &&
		recipient_is_banned_sender(s->config, sender.mailbox));
	s->message = m;
	return reply_go_on();
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

/* --- recipients --- */

/* Whoever had somebody's return path used it up: another use is refused. */
static bool
is_replayed(const struct session *s, const struct recipient *r, uint64_t now)
{
	const struct policy_signature *signature = &r->reversed.signature;
	unsigned limit = (unsigned)session_settings(s)->ses_replays;

	return r->fate == RECIPIENT_RESTORED && signature->len != 0 &&
	    limit != 0 && s->message->origin == ORIGIN_OUTSIDE &&
	    replay_used_up(service_replay(s->service),
		mf_text_at(signature->text, signature->len), limit, now);
}

static bool
is_restored_already(const struct message *m, struct mf_text given)
{
	for (size_t i = 0; i < m->restored_count; i++)
		if (mf_text_eq(mf_text_of(m->restored[i].given), given))
			return true;
	return false;
}

/* The case of a signed address is its sender's to choose: he gets one copy. */
static bool
gets_a_copy(const struct message *m, const struct srs_addr *address)
{
	for (size_t i = 0; i < m->restored_count; i++) {
		struct mf_text to = mf_text_of(m->restored[i].address);

		/* In angle brackets. */
		if (to.len == address->len + 2 &&
		    text_eq_fold(mf_text_at(to.p + 1, address->len),
			mf_text_at(address->text, address->len)))
			return true;
	}
	return false;
}

static bool
reserve(struct message *m)
{
	size_t room = m->restored_room == 0 ? 4 : m->restored_room * 2;
	struct restoration *more;

	if (m->restored_count < m->restored_room)
		return true;
	more = realloc(m->restored, room * sizeof(*more));
	if (more == NULL)
		return false;
	m->restored = more;
	m->restored_room = room;
	return true;
}

static char *
in_brackets(const struct srs_addr *address)
{
	char *text = malloc(address->len + 3);

	if (text == NULL)
		return NULL;
	struct text_out out = text_out(text, address->len + 2);
	out_char(&out, '<');
	out_text(&out, mf_text_at(address->text, address->len));
	out_char(&out, '>');
	text[out.len] = '\0';
	return text;
}

/* One text of them; false: out of memory.  *out is NULL if there are none. */
static bool
join(char *const *words, char **out)
{
	size_t size = 0;

	*out = NULL;
	for (size_t i = 0; words[i] != NULL; i++)
		size += strlen(words[i]) + 1;
	if (size == 0)
		return true;
	*out = malloc(size);
	if (*out == NULL)
		return false;
	struct text_out to = text_out(*out, size - 1);
	for (size_t i = 0; words[i] != NULL; i++) {
		if (i != 0)
			out_char(&to, ' ');
		out_str(&to, words[i]);
	}
	(*out)[to.len] = '\0';
	return true;
}

static bool
remember(struct message *m, struct mf_text given, char *const *parameters,
    const struct recipient *r)
{
	struct restoration *new;
	bool is_double;

	/* Once deleted it is gone, however often it was named. */
	if (is_restored_already(m, given))
		return true;
	if (!reserve(m))
		return false;
	is_double = gets_a_copy(m, &r->reversed.address);
	new = &m->restored[m->restored_count++];
	*new = (struct restoration){
	    .given = text_dup(given), .signature = r->reversed.signature};
	if (new->given == NULL || is_double)
		return new->given != NULL;
	new->address = in_brackets(&r->reversed.address);
	return new->address != NULL &&join(parameters, &new->parameters);
}

static struct mf_text
address_of(const struct recipient *r, struct mf_text given)
{
	if (r->fate != RECIPIENT_RESTORED)
		return given;
	return mf_text_at(r->reversed.address.text, r->reversed.address.len);
}

static bool
let_through(struct message *m, struct mf_text arg, char *const *parameters,
    const struct recipient *r)
{
	struct mf_text address = address_of(r, path_unbracketed(arg));

	if (r->fate == RECIPIENT_RESTORED && !remember(m, arg, parameters, r))
		return false;
	m->destinations[r->destination]++;
	if (r->destination == DESTINATION_FORWARDED &&
	    m->forwarding_domain == NULL) {
		m->forwarding_domain = text_dup(path_domain(address));
		return m->forwarding_domain != NULL;
	}
	return true;
}

/* What is sent from here isn't refused: it only isn't changed. */
static bool
is_sender_refused(const struct message *m)
{
	return m->bad_sender &&
	    (m->origin == ORIGIN_OUTSIDE || m->origin == ORIGIN_AUTHENTICATED);
}

static void
judge(const struct session *s, struct mf_text arg, struct mf_text mailer,
    struct recipient *out)
{
	const struct message *m = s->message;
	struct path path = path_recipient(arg);
	uint64_t now = (uint64_t)time(NULL);

	recipient_judge(s->config,
	    &(struct recipient_facts){.address = path.mailbox,
		.is_ambiguous = path.kind == PATH_AMBIGUOUS,
		.mailer = mailer,
		.is_bounce = m->is_bounce,
		.from_exempt_host = m->origin != ORIGIN_OUTSIDE,
		.now_sec = now},
	    out);
	if (is_replayed(s, out, now))
		out->fate = RECIPIENT_REPLAYED;
	if (is_sender_refused(m))
		out->fate = RECIPIENT_BAD_SENDER;
}

struct reply
session_rcpt(struct session *s, struct mf_text arg, char *const *parameters,
    struct mf_text mailer)
{
	struct message *m = s->message;
	struct recipient recipient;
	struct reply reply;

	if (s->failed)
		return error_reply_(s);
	if (m == NULL)
		return reply_go_on();
	if (session_settings(s)->rewrite == REWRITE_REMOTE_MAILER &&
	    mailer.len == 0)
		service_miss_mailer(s->service);
	judge(s, arg, mailer, &recipient);
	m->fates[recipient.fate]++;
	reply = recipient_reply(recipient.fate);
	if (reply.step == STEP_CONTINUE)
		return let_through(m, arg, parameters, &recipient) ? reply
								   : fail_(s);
	if (m->refused == NULL) {
		/* For the log alone. */
		m->refused = text_dup(path_unbracketed(arg));
		m->refused_as = recipient.fate;
	}
	return reply;
}

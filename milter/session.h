/* SPDX-License-Identifier: ISC */
/*
 * The life of an SMTP session as a filter sees it, without libmilter.
 *
 * A session belongs to one thread at a time, and keeps the configuration that
 * it began with.
 */
#ifndef MAILFROM_MILTER_SESSION_H
#define MAILFROM_MILTER_SESSION_H

#include "milter/client.h"
#include "milter/filter.h"
#include "milter/origin.h"
#include "milter/service.h"

struct sockaddr;

/* Queue ids are short; one that isn't is cut. */
#define QUEUE_ID_MAX 64

/* What every filter's session begins with. */
struct session {
	const struct filter *filter;
	struct milter_service *service;
	struct milter_config *config;
	struct client_address client;
	char *client_name;         /* verified, or NULL */
	char *helo;                /* or NULL */
	bool name_lost, helo_lost; /* there was no memory for it */
	bool internal, trusted_relay;
	uint64_t offences;               /* of the client, as a filter counts */
	char queue_id[QUEUE_ID_MAX + 1]; /* of the message under way */
	bool failed;                     /* we did, at this message */
	unsigned long actions, steps;    /* what the MTA has agreed to */
	bool leading_space; /* values of fields have it, and are to have it */
	bool can_skip;      /* the rest of a body that nobody wants */
};

/* NULL: out of memory. */
struct session *session_new(
    const struct filter *filter, struct milter_service *service);
void session_free(struct session *session); /* NULL is fine */

/*
 * A client has connected.  address NULL: it has none (client_read()).  name:
 * its host name if the MTA has verified it, else empty.  Another session may
 * have been over the same connection: nothing is left of it.
 */
void session_connect(
    struct session *s, struct mf_text name, const struct sockaddr *address);

/* HELO or EHLO; name is untrusted.  It ends a message that is under way. */
void session_helo(struct session *s, struct mf_text name);

/*
 * MAIL; it ends a message that is under way.  A step that the MTA doesn't wait
 * for may be refused all the same: the steps after it repeat that.
 */
struct reply session_mail(struct session *s, const struct mail_args *args);

/* The MTA's name of the message, whenever it has one; for the log. */
void session_queue_id(struct session *s, struct mf_text id);

/* The message is over.  Without a message nothing happens. */
void session_end_message(struct session *s);

/* Whose mail a message is; user: who has authenticated, or empty. */
enum origin session_origin(const struct session *s, struct mf_text user);

/*
 * Answers when something of ours fails, and after it has, as on_error wants.
 * The first counts and logs it, the second only answers.
 */
struct reply session_fail(struct session *s);
struct reply session_error_reply(const struct session *s);

#endif

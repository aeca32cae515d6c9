/* SPDX-License-Identifier: ISC */
/*
 * An SMTP session as the filter sees it, without libmilter: what each step of
 * SMTP means, and what is to be answered.
 *
 * A session belongs to one thread at a time, and keeps the configuration that
 * it began with.
 */
#ifndef MAILFROM_SRSMILTER_SESSION_H
#define MAILFROM_SRSMILTER_SESSION_H

#include <sys/socket.h>

#include "milter/answer.h"
#include "milter/path.h"
#include "srsmilter/service.h"

/* A recipient that gets another address. */
struct restoration {
	char *given;      /* as the MTA gave it: DELRCPT compares octets */
	char *address;    /* in angle brackets; NULL: it gets one already */
	char *parameters; /* of RCPT, blanks between them; NULL: none */
	struct policy_signature signature; /* whose use is counted */
};

/* What is to be done to the envelope of a message: all of it, or nothing. */
struct changes {
	const char *sender; /* in angle brackets; NULL: stays */
	const struct restoration *recipients;
	size_t count;
};

struct session;

/* NULL: out of memory. */
struct session *session_new(struct service *service);
void session_free(struct session *session);

const struct srsmilter_settings *session_settings(const struct session *s);

/*
 * A client has connected.  address NULL: it has none (client_read()).  name:
 * its host name if the MTA has verified it, else empty.
 */
void session_connect(
    struct session *s, struct mf_text name, const struct sockaddr *address);

/*
 * MAIL: arg and macros as the MTA gives them (path_sender()).  user: who has
 * authenticated, or empty.  mailer: {mail_mailer}, or empty.  The MTA
 * may not wait for the answer: the steps behind it repeat it.
 */
struct reply session_mail(struct session *s, struct mf_text arg,
    const struct path_macros *macros, struct mf_text user,
    struct mf_text mailer);

/*
 * RCPT: arg as the MTA gives it.  parameters: behind it, NULL at the end.
 * mailer: {rcpt_mailer}, or empty.
 */
struct reply session_rcpt(struct session *s, struct mf_text arg,
    char *const *parameters, struct mf_text mailer);

/* The MTA's name of the message, whenever it has one; for the log. */
void session_queue_id(struct session *s, struct mf_text id);

/*
 * End of the message; may wait for the DNS.  *changes: to be made if the answer
 * is STEP_CONTINUE; valid until session_end_message().
 */
struct reply session_eom(struct session *s, struct changes *changes);

/* The changes couldn't be made: the message must come again, whatever was. */
struct reply session_unchanged(struct session *s);

/* The message is over: tell of it.  Without a message nothing happens. */
void session_end_message(struct session *s);

#endif

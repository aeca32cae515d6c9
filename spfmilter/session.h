/* SPDX-License-Identifier: ISC */
/*
 * An SMTP session as the filter sees it, without libmilter: what each step of
 * SMTP means, and what is to be answered.
 *
 * A session belongs to one thread at a time.  It keeps the configuration that
 * it began with; each message takes the access file of its time.
 */
#ifndef MAILFROM_SPFMILTER_SESSION_H
#define MAILFROM_SPFMILTER_SESSION_H

#include <sys/socket.h>

#include "milter/answer.h"
#include "milter/path.h"
#include "spfmilter/header_fields.h"
#include "spfmilter/service.h"

/* What is to be done to a message at its end. */
struct edits {
	const unsigned *remove_ar; /* indexes, ascending, from 1 */
	size_t remove_count;
	struct fields fields;   /* to insert, the first on top */
	const char *quarantine; /* reason; NULL: don't */
};

struct session;

/* NULL: out of memory. */
struct session *session_new(struct service *service);
void session_free(struct session *session);

const struct spfmilter_settings *session_settings(const struct session *s);

/* Whether steps have to come that other configurations can do without. */
bool session_needs_headers(const struct session *s);
bool session_needs_eoh(const struct session *s);

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
 * A step that the MTA doesn't wait for may be refused all the same: the steps
 * behind it repeat that.
 *
 * MAIL: arg and macros as the MTA gives them (path_sender()).  user: who has
 * authenticated, or empty.  host: the MTA's own name.  Does the checks, and so
 * waits for the DNS.
 */
struct reply session_mail(struct session *s, struct mf_text arg,
    const struct path_macros *macros, struct mf_text user, struct mf_text host);

/* Without a message under way on_error decides, here and at its end. */
struct reply session_rcpt(struct session *s, struct mf_text arg);

/* The MTA's name of the message, whenever it has one; for the log. */
void session_queue_id(struct session *s, struct mf_text id);

/* A header field as it came.  STEP_CONTINUE; without memory STEP_TEMPFAIL. */
struct reply session_header(
    struct session *s, struct mf_text name, struct mf_text value);

/* End of the header; may wait for the DNS. */
struct reply session_eoh(struct session *s);

/*
 * End of the message.  *edits: to be done if the answer is STEP_CONTINUE, then
 * edits_free().  The message stays until session_end_message().
 */
struct reply session_eom(struct session *s, struct edits *edits);
void edits_free(struct edits *edits);

/* The message is over: tell of it.  Without a message nothing happens. */
void session_end_message(struct session *s);

#endif

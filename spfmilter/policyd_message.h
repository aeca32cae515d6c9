/* SPDX-License-Identifier: ISC */
/*
 * One message as Postfix's policy requests show it: a session of spfmilter
 * (session.h) without header, body or end.
 *
 * smtpd asks for each recipient and gives all requests of a message the same
 * instance: its first request has the message checked, every one is answered
 * for its recipient, and the first that isn't refused brings the header field.
 */
#ifndef MAILFROM_SPFMILTER_POLICYD_MESSAGE_H
#define MAILFROM_SPFMILTER_POLICYD_MESSAGE_H

#include "spfmilter/examination.h"
#include "spfmilter/policyd_answer.h"
#include "spfmilter/policyd_request.h"
#include "spfmilter/session.h"

/* Zeroed: none is under way.  It must not move while it waits. */
struct policyd_message {
	struct spfmilter_session *session; /* NULL: none */
	char *instance;
	struct examination examination;
	bool waits;    /* for its findings */
	bool has_seen; /* recipients, and it was answered for these */
	bool has_exempt;
	bool has_field;  /* sent */
	bool took_whole; /* held or discarded */
	bool is_logged;  /* up to the counts that are 0 now */
	uint64_t used_ms;
};

/* Where messages get what they need. */
struct policyd_context {
	struct spfmilter *service;
	struct mf_text host;      /* our name, where authserv_id isn't set */
	void (*woken)(void *arg); /* on another thread, when one has waited */
};

/*
 * Whether a request belongs to this message: an instance with another sender is
 * another message, whatever it is called.
 */
bool policyd_message_is(const struct policyd_message *message,
    const struct policyd_request *request);

/*
 * Take the message that a request belongs to, or begin it.  False: it waits;
 * once woken, policyd_message_resume() is due with arg.
 */
bool policyd_message_take(struct policyd_message *m,
    const struct policyd_context *context,
    const struct policyd_request *request, void *arg);

/* Go on.  False: it waits again. */
bool policyd_message_resume(struct policyd_message *m);

/* Answer a request of the message that was taken; policyd_answer.h has the size. */
void policyd_message_answer(struct policyd_message *m,
    const struct policyd_request *request, struct text_out *out);

/*
 * Log what has become of it up to now, and count it; nothing, if that was done.
 * Postfix doesn't say when a message is over.
 */
void policyd_message_log(struct policyd_message *m);

/* It is over: log it and free what it holds.  woken isn't called any more. */
void policyd_message_end(struct policyd_message *m);

#endif

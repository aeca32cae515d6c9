/* SPDX-License-Identifier: ISC */
/*
 * An SMTP session as srsmilter sees it, without libmilter: what each step of
 * SMTP means (milter/filter.h), and what is to be answered.
 */
#ifndef MAILFROM_SRSMILTER_SESSION_H
#define MAILFROM_SRSMILTER_SESSION_H

#include "milter/session.h"
#include "srsmilter/forwarders.h"
#include "srsmilter/rrs_findings.h"
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

/* Between MAIL and the end of the message. */
struct srsmilter_message {
	char *sender, *user, *sender_mailer; /* copies; may be "" */
	enum origin origin;
	bool is_bounce, bad_sender;
	unsigned destinations[DESTINATIONS]; /* of those let through */
	unsigned fates[RECIPIENT_FATES];
	unsigned forged; /* recipients, whatever their fate */
	struct forwarders forwarders;
	struct restoration *restored;
	size_t restored_count, restored_room;
	/* The first that was refused; NULL: none. */
	char *refused;
	enum recipient_fate refused_as;
	unsigned rrs; /* recipients with RRS addresses, whatever their fate */
	struct rrs_findings rrs_findings; /* of the first that was checked */
	char rrs_reply[REPLY_SIZE];       /* of the last */
	bool decided;
	enum spf_cause gate_cause; /* why the gate couldn't say */
	struct outgoing outgoing;
	char new_sender[SRS_ADDR_SIZE + 2]; /* in angle brackets */
	const char *outcome;
};

struct srsmilter_session {
	struct session base;
	struct srsmilter_message *message; /* NULL: none under way */
};

/* The steps but the last, as struct filter has them. */
struct reply srsmilter_mail(
    struct session *session, const struct mail_args *args);
struct reply srsmilter_rcpt(
    struct session *session, const struct rcpt_args *args);
void srsmilter_end_message(struct session *session);

/*
 * End of the message; may wait for the DNS.  *changes: to be made if the answer
 * is STEP_CONTINUE; valid until the message ends.
 */
struct reply srsmilter_eom(
    struct srsmilter_session *s, struct changes *changes);

/* The changes couldn't be made: the message must come again, whatever was. */
struct reply srsmilter_unchanged(struct srsmilter_session *s);

/* --- what the files of the session share --- */

static inline struct srsmilter_session *
srsmilter_session_(struct session *session)
{
	return (struct srsmilter_session *)session;
}

static inline const struct srsmilter_config *
srsmilter_config_(const struct srsmilter_session *s)
{
	return (const struct srsmilter_config *)s->base.config;
}

static inline const struct srsmilter_settings *
srsmilter_settings_(const struct srsmilter_session *s)
{
	return &srsmilter_config_(s)->srsmilter;
}

static inline struct srsmilter *
srsmilter_service_(const struct srsmilter_session *s)
{
	return (struct srsmilter *)s->base.service;
}

void srsmilter_message_free_(struct srsmilter_message *m);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * An SMTP session as spfmilter sees it, without libmilter: what each step of
 * SMTP means (milter/filter.h), and what is to be answered.
 *
 * Each message takes the access file of its time.
 */
#ifndef MAILFROM_SPFMILTER_SESSION_H
#define MAILFROM_SPFMILTER_SESSION_H

#include "milter/session.h"
#include "spfmilter/dkim_mail.h"
#include "spfmilter/header_fields.h"
#include "spfmilter/service.h"

/*
 * So many fields are removed from a message.  Postfix goes through the header
 * again for each: 5000 take it a second, 20000 in a message of 900 KB half a
 * minute.  Who writes so many in our name has no other purpose.
 */
#define AR_MAX 500

/* Those of them with a disguised authserv-id that are read (authres.h). */
#define AR_DISGUISED_MAX 50

/* Between MAIL and the end of the message. */
struct spfmilter_message {
	char *sender, *user, *host; /* copies; user may be "" */
	struct shared_access *access;
	enum origin origin;
	bool bad_sender; /* its domain can't be told */
	bool checked, decided;
	struct spf_ip relayed_ip; /* the client behind trusted relays */
	char relayed[SPF_IP_SIZE];
	char *relayed_helo;
	bool relay_lost; /* a Received field that says nothing useful */
	unsigned relays; /* that were passed on the way there */
	unsigned recipients, refused, exempt;
	unsigned left; /* of the recipients: to srsmilter (rrs = yes) */
	bool has_left, has_usual; /* kinds that were accepted; for good */
	unsigned ar_seen;         /* Authentication-Results so far */
	unsigned ar_disguised;    /* of these */
	unsigned *ar_remove;
	size_t ar_count, ar_room;
	bool ar_flood;          /* there are more than AR_MAX */
	struct dkim_mail *dkim; /* NULL: not verified, or not yet */
	struct mf_text
	    dkim_domain; /* of the signature that made a difference */
	bool lifted;     /* a refusal, by it */
	const char *outcome;
	/* What follows is written when it's known, and not cleared before. */
	struct findings findings; /* if checked */
	struct decision decision; /* if decided */
};

struct spfmilter_session {
	struct session base;
	struct spfmilter_message *message; /* NULL: none under way */
	bool headerless; /* the MTA shows no header (policy_message.h) */
};

/* What is to be done to a message at its end. */
struct edits {
	const unsigned *remove_ar; /* indexes, ascending, from 1 */
	size_t remove_count;
	struct fields fields;   /* to insert, the first on top */
	const char *quarantine; /* reason; NULL: don't */
};

/* The steps but the last, as struct filter has them. */
struct reply spfmilter_mail(
    struct session *session, const struct mail_args *args);
struct reply spfmilter_rcpt(
    struct session *session, const struct rcpt_args *args);
struct reply spfmilter_header(
    struct session *session, struct mf_text name, struct mf_text value);
struct reply spfmilter_eoh(struct session *session);
struct reply spfmilter_body(struct session *session, struct mf_text piece);
void spfmilter_end_message(struct session *session);

/*
 * The end of the message.  *edits: to be done if the answer is STEP_CONTINUE,
 * then edits_free().  Without a message under way on_error decides.
 */
struct reply spfmilter_eom(struct spfmilter_session *s, struct edits *edits);
void edits_free(struct edits *edits);

/* Whether steps have to come that other configurations can do without. */
bool spfmilter_needs_headers(const struct spfmilter_session *s);
bool spfmilter_needs_eoh(const struct spfmilter_session *s);

/* --- what the files of the session share --- */

static inline struct spfmilter_session *
spfmilter_session_(struct session *session)
{
	return (struct spfmilter_session *)session;
}

static inline const struct spfmilter_config *
spfmilter_config_(const struct spfmilter_session *s)
{
	return (const struct spfmilter_config *)s->base.config;
}

static inline const struct spfmilter_settings *
spfmilter_settings_(const struct spfmilter_session *s)
{
	return &spfmilter_config_(s)->spfmilter;
}

/* Whether signatures are verified: the body has to come, too. */
static inline bool
spfmilter_needs_dkim_(const struct spfmilter_session *s)
{
	return spfmilter_settings_(s)->dkim == DKIM_VERIFY && !s->headerless;
}

void spfmilter_message_free_(struct spfmilter_message *m);

/* Begin a message; nothing is decided.  False: out of memory. */
bool spfmilter_begin_message_(
    struct spfmilter_session *s, const struct mail_args *args);

/* Whom to check for the message: the client that is connected. */
struct examined spfmilter_client_(const struct spfmilter_session *s);

/*
 * Log the message, as far as it has come, and count it.  is_more: of one that
 * was logged before.
 */
void spfmilter_report_(const struct spfmilter_session *s, bool is_more);

/* The name of this host in Authentication-Results. */
struct mf_text spfmilter_authserv_id_(const struct spfmilter_session *s);
/*
 * A field, and the end of the header, where signatures are verified; false: out
 * of memory.  The end of the message: what a decision that waited for it has
 * become.
 */
bool spfmilter_dkim_field_(
    struct spfmilter_session *s, struct mf_text name, struct mf_text value);
bool spfmilter_dkim_header_end_(struct spfmilter_session *s);
struct reply spfmilter_dkim_end_(struct spfmilter_session *s);

/* The refusal that was decided on; going on if it was none, or not now. */
struct reply spfmilter_refusal_(const struct spfmilter_session *s);

/*
 * Whether a recipient, as RCPT has it, is left to srsmilter (rrs = yes); and
 * what it is answered, refusal being what others would be.
 */
bool spfmilter_leaves_to_srsmilter_(
    const struct spfmilter_session *s, struct mf_text path);
struct reply spfmilter_unless_left_(
    const struct spfmilter_session *s, bool is_left, struct reply refusal);

/* Whether what was decided is done, and not only told. */
bool spfmilter_enforces_(const struct spfmilter_session *s);

/*
 * Check whoever is the client, and decide; decide by the findings of a check
 * that was made; decide without one.  False: out of memory.
 */
bool spfmilter_check_and_decide_(
    struct spfmilter_session *s, const struct examined *who);
void spfmilter_decide_checked_(
    struct spfmilter_session *s, const struct examined *who);
void spfmilter_decide_unchecked_(struct spfmilter_session *s);

#endif

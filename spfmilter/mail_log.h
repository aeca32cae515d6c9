/* SPDX-License-Identifier: ISC */
/*
 * The log line of a message.
 */
#ifndef MAILFROM_SPFMILTER_MAIL_LOG_H
#define MAILFROM_SPFMILTER_MAIL_LOG_H

#include "spfmilter/config.h"
#include "spfmilter/decide.h"
#include "spfmilter/dkim_mail.h"
#include "spfmilter/identities.h"

/* A message that is over, one way or another. */
struct spfmilter_mail {
	struct mf_text queue_id; /* empty: it never had one */
	struct mf_text ip, client, helo, sender;
	struct mf_text user;    /* who has authenticated; or empty */
	struct mf_text relayed; /* client behind a trusted relay; or empty */
	const struct findings *findings; /* NULL: not checked */
	const struct decision *decision;
	const struct dkim_mail *dkim; /* NULL: not verified */
	struct mf_text dkim_domain;   /* that made a difference; or empty */
	bool lifted;
	enum spfmilter_mode mode;
	unsigned recipients; /* that were let through */
	unsigned refused;
	unsigned exempt;
	unsigned left; /* to srsmilter */
	unsigned removed;
	bool is_more; /* it was counted before, but for these recipients */
	const char *outcome; /* a word: "accepted", "rejected"... */
};

/* Log it, queue id first. */
void spfmilter_mail_log(const struct spfmilter_mail *message);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * What a step of SMTP is answered, and how that is said to libmilter.
 */
#ifndef MAILFROM_MILTER_ANSWER_H
#define MAILFROM_MILTER_ANSWER_H

#include "common/text.h"

enum step {
	STEP_CONTINUE,
	STEP_REJECT,
	STEP_TEMPFAIL,
	STEP_DISCARD,
	STEP_SKIP /* no more of the body is wanted */
};

/* The texts must stay valid until the step is answered. */
struct reply {
	enum step step;
	unsigned code; /* of STEP_REJECT, STEP_TEMPFAIL; 0: the MTA's words */
	const char *dsn;
	const char *text; /* made by reply_quote(), or our own words */
};

/* "Go on." */
static inline struct reply
reply_go_on(void)
{
	return (struct reply){.step = STEP_CONTINUE};
}

struct smfi_str;

/*
 * Every callback begins with milter_enter(), which gives what smfi_setpriv()
 * has kept, and ends with milter_leave(), which gives status back.  ctx:
 * libmilter's.
 */
void *milter_enter(struct smfi_str *ctx);
int milter_leave(int status);

/*
 * The end of a callback that has nothing kept: there was no memory for a second
 * session over a connection, and with SMFIP_NR_CONN nobody heard that.
 */
int milter_leave_lost(void);

/* How many callbacks are running. */
unsigned milter_busy(void);

/* What a callback returns for reply, with the SMTP reply set. */
int milter_answer(struct smfi_str *ctx, const struct reply *reply);

/* The same where the MTA may not wait: steps are what was agreed on. */
int milter_answer_unless(struct smfi_str *ctx, unsigned long steps,
    unsigned long no_reply, const struct reply *reply);

/* Value of a macro; empty if the MTA hasn't sent it. */
struct mf_text milter_macro(struct smfi_str *ctx, const char *name);

/*
 * The client's host name as connect has it, if the MTA has verified it; else
 * empty.  Postfix says "unknown", sendmail gives the address in brackets, or
 * its doubts in {client_resolve}, which has to be among the macros of connect;
 * old ones, which choose these by themselves, in "_".
 */
struct mf_text milter_verified_name(struct smfi_str *ctx, const char *name);

/*
 * Ask for these macros alone at connect, MAIL, RCPT and the end of the message
 * (space between them, "" for none), at other steps for none.
 */
void milter_set_macros(struct smfi_str *ctx, const char *connect,
    const char *mail, const char *rcpt, const char *end);

#endif

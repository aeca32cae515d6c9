/* SPDX-License-Identifier: ISC */
/*
 * A filter in the words of SMTP: what each step means to it.  session.h calls
 * this in the right order, callbacks.h puts libmilter's calls into these words.
 */
#ifndef MAILFROM_MILTER_FILTER_H
#define MAILFROM_MILTER_FILTER_H

#include "common/text.h"
#include "milter/answer.h"
#include "milter/path.h"

struct session;
struct smfi_str;

/* What a session wants of the MTA: SMFIF_ and SMFIP_ of libmilter. */
struct filter_wants {
	unsigned long actions, steps;
	/* Macros with blanks between them, as milter_set_macros() takes. */
	const char *connect_macros, *mail_macros, *rcpt_macros;
	/* Logged where the MTA doesn't grant all of actions; NULL: nothing. */
	const char *lacking;
};

/* MAIL as the MTA tells of it; macros are empty where it doesn't. */
struct mail_args {
	struct mf_text path; /* as the client wrote it */
	struct path_macros macros;
	struct mf_text mail_mailer;
	struct mf_text user; /* {auth_authen} */
	struct mf_text host; /* j: the MTA's own name */
};

/* RCPT likewise; parameters end with NULL. */
struct rcpt_args {
	struct mf_text path;
	char *const *parameters;
	struct mf_text rcpt_mailer;
};

struct filter {
	const char *name;
	unsigned long actions; /* all that its sessions may want */
	size_t session_size;   /* of its own struct, struct session first */
	/* What can't be done when something of ours fails, for the reply. */
	const char *error_reply;
	/* What becomes of a message then if on_error = accept, for the log. */
	const char *error_accepted;

	void (*wants)(const struct session *session, struct filter_wants *out);
	/* Begin a message.  May wait for the DNS. */
	struct reply (*mail)(
	    struct session *session, const struct mail_args *args);
	struct reply (*rcpt)(
	    struct session *session, const struct rcpt_args *args);
	/* NULL where sessions never want these steps. */
	struct reply (*header)(
	    struct session *session, struct mf_text name, struct mf_text value);
	struct reply (*eoh)(struct session *session);
	struct reply (*body)(struct session *session, struct mf_text piece);
	/*
	 * The end of the message: decide, make the changes through ctx, and
	 * say what is answered.  The message stays until end_message.
	 */
	struct reply (*eom)(struct session *session, struct smfi_str *ctx);
	/* The message is over, or never began: report it, and free it. */
	void (*end_message)(struct session *session);
};

#endif

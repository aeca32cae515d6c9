/* SPDX-License-Identifier: ISC */
#include "srsmilter/milter.h"

#include <libmilter/mfapi.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "srsmilter/session.h"

/* What the MTA has agreed to is the connection's, the rest the session's. */
struct connection {
	struct session *session;
	unsigned long actions, steps;
};

static struct service *shared;

/* --- life --- */

static struct connection *
connection_new(SMFICTX *ctx)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (c != NULL)
		c->session = session_new(shared);
	if (c == NULL || c->session == NULL) {
		free(c);
		return NULL;
	}
	smfi_setpriv(ctx, c);
	return c;
}

/* --- steps --- */

static bool
needs_mailers(const struct session *s)
{
	return session_settings(s)->rewrite == REWRITE_REMOTE_MAILER;
}

static unsigned long
wanted_actions(const struct session *s)
{
	unsigned long actions =
	    SMFIF_ADDRCPT | SMFIF_ADDRCPT_PAR | SMFIF_DELRCPT;

	if (session_settings(s)->rewrite != REWRITE_NONE)
		actions |= SMFIF_CHGFROM;
	return actions;
}

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
    unsigned long reserved2, unsigned long reserved3,
    unsigned long *want_actions, unsigned long *want_steps,
    unsigned long *want2, unsigned long *want3)
{
	struct connection *c;

	(void)reserved2;
	(void)reserved3;
	milter_enter(ctx);
	c = connection_new(ctx);
	/* The MTA then does what it does without us: F=T, tempfail. */
	if (c == NULL)
		return milter_leave(SMFIS_REJECT);
	c->actions = wanted_actions(c->session) & actions;
	c->steps = (SMFIP_NOHELO | SMFIP_NODATA | SMFIP_NOHDRS | SMFIP_NOEOH |
		       SMFIP_NOBODY | SMFIP_NOUNKNOWN | SMFIP_NR_CONN |
		       SMFIP_NR_MAIL) &
	    steps;
	if ((actions & SMFIF_SETSYMLIST) != 0)
		milter_set_macros(ctx, "{client_resolve}",
		    needs_mailers(c->session)
			? "i {auth_authen} {mail_addr} f {mail_mailer}"
			: "i {auth_authen} {mail_addr} f",
		    needs_mailers(c->session) ? "{rcpt_mailer}" : "", "i");
	*want_actions = c->actions;
	*want_steps = c->steps;
	*want2 = 0;
	*want3 = 0;
	return milter_leave(SMFIS_CONTINUE);
}

static sfsistat
on_connect(SMFICTX *ctx, char *name, struct sockaddr *address)
{
	struct connection *c = milter_enter(ctx);
	struct reply reply = reply_go_on();

	/*
	 * The second session on a connection, which isn't negotiated again.
	 * libmilter drops a reply that the MTA doesn't wait for, and refuses
	 * actions that weren't agreed on.
	 */
	if (c == NULL) {
		c = connection_new(ctx);
		if (c == NULL)
			return milter_leave_lost();
		c->actions = wanted_actions(c->session);
	}
	session_connect(c->session, milter_verified_name(ctx, name), address);
	return milter_leave(
	    milter_answer_unless(ctx, c->steps, SMFIP_NR_CONN, &reply));
}

static sfsistat
on_mail(SMFICTX *ctx, char **args)
{
	struct connection *c = milter_enter(ctx);
	struct reply reply;

	if (c == NULL)
		return milter_leave_lost();
	reply = session_mail(c->session, mf_text_of(args[0]),
	    &(struct path_macros){.f = milter_macro(ctx, "f"),
		.mail_addr = milter_macro(ctx, "{mail_addr}")},
	    milter_macro(ctx, "{auth_authen}"),
	    milter_macro(ctx, "{mail_mailer}"));
	session_queue_id(c->session, milter_macro(ctx, "i"));
	return milter_leave(
	    milter_answer_unless(ctx, c->steps, SMFIP_NR_MAIL, &reply));
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **args)
{
	struct connection *c = milter_enter(ctx);
	struct reply reply;

	if (c == NULL)
		return milter_leave_lost();
	reply = session_rcpt(c->session, mf_text_of(args[0]), args + 1,
	    milter_macro(ctx, "{rcpt_mailer}"));
	return milter_leave(milter_answer(ctx, &reply));
}

/* --- the end of a message --- */

/* libmilter's interface is without const; it sends what it gets at once. */
static bool
restore(SMFICTX *ctx, const struct connection *c, const struct restoration *r)
{
	bool with_parameters =
	    r->parameters != NULL && (c->actions & SMFIF_ADDRCPT_PAR) != 0;

	if (r->parameters != NULL && !with_parameters)
		log_say(LEVEL_WARNING,
		    "this MTA takes no parameters of recipients from filters: "
		    "a bounce loses \"%s\"",
		    r->parameters);
	if (smfi_delrcpt(ctx, r->given) != MI_SUCCESS)
		return false;
	if (r->address == NULL)
		return true;
	if (with_parameters)
		return smfi_addrcpt_par(ctx, r->address, r->parameters) ==
		    MI_SUCCESS;
	return smfi_addrcpt(ctx, r->address) == MI_SUCCESS;
}

/* With parameters, even none, sendmail forgets those of MAIL. */
static bool
change_sender(SMFICTX *ctx, const char *sender)
{
	char copy[SRS_ADDR_SIZE + 2];

	snprintf(copy, sizeof(copy), "%s", sender);
	return smfi_chgfrom(ctx, copy, NULL) == MI_SUCCESS;
}

static bool
apply(SMFICTX *ctx, const struct connection *c, const struct changes *changes)
{
	unsigned long needed = (changes->sender != NULL ? SMFIF_CHGFROM : 0) |
	    (changes->count != 0 ? SMFIF_ADDRCPT | SMFIF_DELRCPT : 0);

	if ((needed & ~c->actions) != 0)
		return false;
	for (size_t i = 0; i < changes->count; i++)
		if (!restore(ctx, c, &changes->recipients[i]))
			return false;
	return changes->sender == NULL || change_sender(ctx, changes->sender);
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	struct connection *c = milter_enter(ctx);
	struct changes changes;
	struct reply reply;

	if (c == NULL)
		return milter_leave_lost();
	session_queue_id(c->session, milter_macro(ctx, "i"));
	reply = session_eom(c->session, &changes);
	if (reply.step == STEP_CONTINUE && !apply(ctx, c, &changes)) {
		log_say(LEVEL_ERROR,
		    "the MTA doesn't let us change the envelope of a message: "
		    "it is refused for now");
		reply = session_unchanged(c->session);
	}
	sfsistat status = milter_answer(ctx, &reply);
	session_end_message(c->session);
	return milter_leave(status);
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	struct connection *c = milter_enter(ctx);

	if (c != NULL)
		session_end_message(c->session);
	return milter_leave(SMFIS_CONTINUE);
}

static sfsistat
on_close(SMFICTX *ctx)
{
	struct connection *c = milter_enter(ctx);

	if (c != NULL) {
		session_free(c->session);
		free(c);
		smfi_setpriv(ctx, NULL);
	}
	return milter_leave(SMFIS_CONTINUE);
}

const struct smfiDesc *
milter_filter(struct service *service)
{
	static char name[] = "srsmilter";
	static const struct smfiDesc filter = {
	    .xxfi_name = name,
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_flags = SMFIF_ADDRCPT | SMFIF_ADDRCPT_PAR | SMFIF_DELRCPT |
		SMFIF_CHGFROM | SMFIF_SETSYMLIST,
	    .xxfi_connect = on_connect,
	    .xxfi_envfrom = on_mail,
	    .xxfi_envrcpt = on_rcpt,
	    .xxfi_eom = on_eom,
	    .xxfi_abort = on_abort,
	    .xxfi_close = on_close,
	    .xxfi_negotiate = on_negotiate,
	};

	shared = service;
	return &filter;
}

/* SPDX-License-Identifier: ISC */
#include "spfmilter/milter.h"

#include <libmilter/mfapi.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "spfmilter/session.h"

/* What the MTA has agreed to is the connection's, the rest the session's. */
struct connection {
	struct session *session;
	unsigned long steps;
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

static unsigned long
wanted_steps(const struct session *s)
{
	unsigned long steps = SMFIP_NOBODY | SMFIP_NOUNKNOWN | SMFIP_NODATA |
	    SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_HDR;

	if (session_settings(s)->reject_at != REJECT_AT_MAIL)
		steps |= SMFIP_NR_MAIL;
	if (!session_needs_headers(s))
		steps |= SMFIP_NOHDRS;
	if (!session_needs_eoh(s))
		steps |= SMFIP_NOEOH;
	return steps;
}

static unsigned long
wanted_actions(const struct session *s)
{
	unsigned long actions = SMFIF_ADDHDRS | SMFIF_QUARANTINE;

	if (session_settings(s)->remove_ar != REMOVE_AR_NONE)
		actions |= SMFIF_CHGHDRS;
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
	*want_actions = wanted_actions(c->session) & actions;
	c->steps = wanted_steps(c->session) & steps;
	if (*want_actions != wanted_actions(c->session))
		log_say(LEVEL_WARNING,
		    "this MTA doesn't let filters change header fields or "
		    "quarantine messages: such actions fail");
	if ((actions & SMFIF_SETSYMLIST) != 0)
		milter_set_macros(ctx, "j {client_resolve}",
		    "i {auth_authen} {mail_addr} f", "", "i");
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
	 * Another session over a connection that was closed (QUIT_NC): nothing
	 * is negotiated again.  Replies that nobody waits for libmilter drops.
	 */
	if (c == NULL)
		c = connection_new(ctx);
	if (c == NULL)
		return milter_leave_lost();
	session_connect(c->session, milter_verified_name(ctx, name), address);
	return milter_leave(
	    milter_answer_unless(ctx, c->steps, SMFIP_NR_CONN, &reply));
}

static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	struct connection *c = milter_enter(ctx);
	struct reply reply = reply_go_on();

	if (c == NULL)
		return milter_leave_lost();
	session_helo(c->session, mf_text_of(name));
	return milter_leave(
	    milter_answer_unless(ctx, c->steps, SMFIP_NR_HELO, &reply));
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
	    milter_macro(ctx, "{auth_authen}"), milter_macro(ctx, "j"));
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
	reply = session_rcpt(c->session, mf_text_of(args[0]));
	return milter_leave(milter_answer(ctx, &reply));
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	struct connection *c = milter_enter(ctx);
	struct reply reply;

	if (c == NULL)
		return milter_leave_lost();
	reply = session_header(c->session, mf_text_of(name), mf_text_of(value));
	return milter_leave(
	    milter_answer_unless(ctx, c->steps, SMFIP_NR_HDR, &reply));
}

static sfsistat
on_eoh(SMFICTX *ctx)
{
	struct connection *c = milter_enter(ctx);
	struct reply reply;

	if (c == NULL)
		return milter_leave_lost();
	reply = session_eoh(c->session);
	return milter_leave(milter_answer(ctx, &reply));
}

/* --- the end of a message --- */

/*
 * Deletions first, the last field first, so that indexes stay right; then
 * insertions at the top, the topmost last: Postfix hides the first field of a
 * message from filters behind us as long as it is its own.
 */
static bool
apply(SMFICTX *ctx, const struct edits *edits)
{
	static char results[] = "Authentication-Results";
	char name[64];
	bool ok = true;

	for (size_t i = edits->remove_count; i-- > 0 && ok;)
		ok = smfi_chgheader(ctx, results, (int)edits->remove_ar[i],
			 NULL) == MI_SUCCESS;
	for (size_t i = edits->fields.count; i-- > 0 && ok;) {
		const struct field *field = &edits->fields.list[i];

		snprintf(name, sizeof(name), "%s", field->name);
		ok = smfi_insheader(ctx, 0, name, field->value) == MI_SUCCESS;
	}
	if (ok && edits->quarantine != NULL) {
		char reason[REPLY_SIZE];

		snprintf(reason, sizeof(reason), "%s", edits->quarantine);
		ok = smfi_quarantine(ctx, reason) == MI_SUCCESS;
	}
	return ok;
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	struct connection *c = milter_enter(ctx);
	struct reply reply;
	struct edits edits;

	if (c == NULL)
		return milter_leave_lost();
	session_queue_id(c->session, milter_macro(ctx, "i"));
	reply = session_eom(c->session, &edits);
	if (reply.step == STEP_CONTINUE && !apply(ctx, &edits)) {
		log_say(LEVEL_ERROR,
		    "the MTA doesn't take changes of a message: it is refused "
		    "for now");
		reply.step = STEP_TEMPFAIL;
	}
	edits_free(&edits);
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
	static char name[] = "spfmilter";
	static const struct smfiDesc filter = {
	    .xxfi_name = name,
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE |
		SMFIF_SETSYMLIST,
	    .xxfi_connect = on_connect,
	    .xxfi_helo = on_helo,
	    .xxfi_envfrom = on_mail,
	    .xxfi_envrcpt = on_rcpt,
	    .xxfi_header = on_header,
	    .xxfi_eoh = on_eoh,
	    .xxfi_eom = on_eom,
	    .xxfi_abort = on_abort,
	    .xxfi_close = on_close,
	    .xxfi_negotiate = on_negotiate,
	};

	shared = service;
	return &filter;
}

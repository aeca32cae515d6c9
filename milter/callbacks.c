/* SPDX-License-Identifier: ISC */
#include "milter/callbacks.h"

#include <libmilter/mfapi.h>

#include "common/log.h"
#include "milter/session.h"

static const struct filter *filter;
static struct milter_service *shared;

static struct session *
session_open(SMFICTX *ctx)
{
	struct session *s = session_new(filter, shared);

	if (s == NULL)
		return NULL;
	atomic_fetch_add(&shared->connections, 1);
	smfi_setpriv(ctx, s);
	return s;
}

/* What of the steps makes a difference to the filter. */
static void
note_steps(struct session *s, unsigned long steps)
{
	s->leading_space = (steps & SMFIP_HDR_LEADSPC) != 0;
	s->can_skip = (steps & SMFIP_SKIP) != 0;
}

/* --- the client --- */

static sfsistat
on_negotiate(SMFICTX *ctx, unsigned long actions, unsigned long steps,
    unsigned long reserved2, unsigned long reserved3,
    unsigned long *want_actions, unsigned long *want_steps,
    unsigned long *want2, unsigned long *want3)
{
	struct filter_wants wants;
	struct session *s;

	(void)reserved2;
	(void)reserved3;
	milter_enter(ctx);
	s = session_open(ctx);
	/* The MTA then does what it does without us: F=T, tempfail. */
	if (s == NULL)
		return milter_leave(SMFIS_REJECT);
	filter->wants(s, &wants);
	s->actions = *want_actions = wants.actions & actions;
	s->steps = *want_steps = wants.steps & steps;
	note_steps(s, s->steps);
	*want2 = *want3 = 0;
	if (s->actions != wants.actions && wants.lacking != NULL)
		log_say(LEVEL_WARNING, "%s", wants.lacking);
	if ((actions & SMFIF_SETSYMLIST) != 0)
		milter_set_macros(ctx, wants.connect_macros, wants.mail_macros,
		    wants.rcpt_macros, "i");
	return milter_leave(SMFIS_CONTINUE);
}

/*
 * Another session over a connection that was closed (QUIT_NC): nothing is
 * negotiated again.  libmilter drops a reply that the MTA doesn't wait for, and
 * refuses actions that weren't agreed on.
 */
static struct session *
session_open_again(SMFICTX *ctx)
{
	struct session *s = session_open(ctx);
	struct filter_wants wants;

	if (s == NULL)
		return NULL;
	filter->wants(s, &wants);
	s->actions = wants.actions;
	note_steps(s, wants.steps);
	return s;
}

static sfsistat
on_connect(SMFICTX *ctx, char *name, struct sockaddr *address)
{
	struct session *s = milter_enter(ctx);
	struct reply reply = reply_go_on();

	if (s == NULL)
		s = session_open_again(ctx);
	if (s == NULL)
		return milter_leave_lost();
	session_connect(s, milter_verified_name(ctx, name), address);
	return milter_leave(
	    milter_answer_unless(ctx, s->steps, SMFIP_NR_CONN, &reply));
}

static sfsistat
on_helo(SMFICTX *ctx, char *name)
{
	struct session *s = milter_enter(ctx);
	struct reply reply = reply_go_on();

	if (s == NULL)
		return milter_leave_lost();
	session_helo(s, mf_text_of(name));
	return milter_leave(
	    milter_answer_unless(ctx, s->steps, SMFIP_NR_HELO, &reply));
}

/* --- the message --- */

static sfsistat
on_mail(SMFICTX *ctx, char **args)
{
	struct session *s = milter_enter(ctx);
	struct reply reply;

	if (s == NULL)
		return milter_leave_lost();
	reply = session_mail(s,
	    &(struct mail_args){.path = mf_text_of(args[0]),
		.macros = {.f = milter_macro(ctx, "f"),
		    .mail_addr = milter_macro(ctx, "{mail_addr}")},
		.mail_mailer = milter_macro(ctx, "{mail_mailer}"),
		.user = milter_macro(ctx, "{auth_authen}"),
		.host = milter_macro(ctx, "j")});
	session_queue_id(s, milter_macro(ctx, "i"));
	return milter_leave(
	    milter_answer_unless(ctx, s->steps, SMFIP_NR_MAIL, &reply));
}

static sfsistat
on_rcpt(SMFICTX *ctx, char **args)
{
	struct session *s = milter_enter(ctx);
	struct reply reply;

	if (s == NULL)
		return milter_leave_lost();
	reply = filter->rcpt(s,
	    &(struct rcpt_args){.path = mf_text_of(args[0]),
		.parameters = args + 1,
		.rcpt_mailer = milter_macro(ctx, "{rcpt_mailer}")});
	return milter_leave(milter_answer(ctx, &reply));
}

static sfsistat
on_header(SMFICTX *ctx, char *name, char *value)
{
	struct session *s = milter_enter(ctx);
	struct reply reply = reply_go_on();

	if (s == NULL)
		return milter_leave_lost();
	if (filter->header != NULL)
		reply = filter->header(s, mf_text_of(name), mf_text_of(value));
	return milter_leave(
	    milter_answer_unless(ctx, s->steps, SMFIP_NR_HDR, &reply));
}

static sfsistat
on_eoh(SMFICTX *ctx)
{
	struct session *s = milter_enter(ctx);
	struct reply reply = reply_go_on();

	if (s == NULL)
		return milter_leave_lost();
	if (filter->eoh != NULL)
		reply = filter->eoh(s);
	return milter_leave(milter_answer(ctx, &reply));
}

static sfsistat
on_body(SMFICTX *ctx, unsigned char *piece, size_t len)
{
	struct session *s = milter_enter(ctx);
	struct reply reply = reply_go_on();

	if (s == NULL)
		return milter_leave_lost();
	if (filter->body != NULL)
		reply = filter->body(s, mf_text_at((const char *)piece, len));
	return milter_leave(milter_answer(ctx, &reply));
}

static sfsistat
on_eom(SMFICTX *ctx)
{
	struct session *s = milter_enter(ctx);
	struct reply reply;
	sfsistat status;

	if (s == NULL)
		return milter_leave_lost();
	session_queue_id(s, milter_macro(ctx, "i"));
	reply = filter->eom(s, ctx);
	status = milter_answer(ctx, &reply);
	session_end_message(s);
	return milter_leave(status);
}

static sfsistat
on_abort(SMFICTX *ctx)
{
	struct session *s = milter_enter(ctx);

	if (s != NULL)
		session_end_message(s);
	return milter_leave(SMFIS_CONTINUE);
}

static sfsistat
on_close(SMFICTX *ctx)
{
	struct session *s = milter_enter(ctx);

	session_free(s);
	smfi_setpriv(ctx, NULL);
	return milter_leave(SMFIS_CONTINUE);
}

const struct smfiDesc *
milter_describe(const struct filter *of, struct milter_service *service)
{
	static struct smfiDesc description = {
	    .xxfi_version = SMFI_VERSION,
	    .xxfi_connect = on_connect,
	    .xxfi_helo = on_helo,
	    .xxfi_envfrom = on_mail,
	    .xxfi_envrcpt = on_rcpt,
	    .xxfi_header = on_header,
	    .xxfi_eoh = on_eoh,
	    .xxfi_body = on_body,
	    .xxfi_eom = on_eom,
	    .xxfi_abort = on_abort,
	    .xxfi_close = on_close,
	    .xxfi_negotiate = on_negotiate,
	};
	static char name[32];
	struct text_out out = text_out(name, sizeof(name) - 1);

	out_str(&out, of->name);
	description.xxfi_name = name;
	description.xxfi_flags = of->actions | SMFIF_SETSYMLIST;
	filter = of;
	shared = service;
	return &description;
}

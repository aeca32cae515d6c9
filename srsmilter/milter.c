/* SPDX-License-Identifier: ISC */
#include "srsmilter/milter.h"

#include <libmilter/mfapi.h>
#include <stdio.h>

#include "common/log.h"
#include "srsmilter/session.h"

static bool
needs_mailers(const struct srsmilter_session *s)
{
	return srsmilter_settings_(s)->rewrite == REWRITE_REMOTE_MAILER;
}

static unsigned long
wanted_actions(const struct srsmilter_session *s)
{
	unsigned long actions =
	    SMFIF_ADDRCPT | SMFIF_ADDRCPT_PAR | SMFIF_DELRCPT;

	if (srsmilter_settings_(s)->rewrite != REWRITE_NONE)
		actions |= SMFIF_CHGFROM;
	return actions;
}

/* SPF of a forwarder's host may be that of its HELO name. */
static unsigned long
heard_steps(const struct srsmilter_session *s)
{
	return srsmilter_config_(s)->rrs != NULL ? SMFIP_NR_HELO : SMFIP_NOHELO;
}

static void
wants(const struct session *session, struct filter_wants *out)
{
	const struct srsmilter_session *s =
	    (const struct srsmilter_session *)session;
	bool mailers = needs_mailers(s);

	*out = (struct filter_wants){.actions = wanted_actions(s),
	    .steps = heard_steps(s) | SMFIP_NODATA | SMFIP_NOHDRS |
		SMFIP_NOEOH | SMFIP_NOBODY | SMFIP_NOUNKNOWN | SMFIP_NR_CONN |
		SMFIP_NR_MAIL,
	    .connect_macros = "{client_resolve}",
	    .mail_macros = mailers
		? "i {auth_authen} {mail_addr} f {mail_mailer}"
		: "i {auth_authen} {mail_addr} f",
	    .rcpt_macros = mailers ? "{rcpt_mailer}" : ""};
}

/* --- the end of a message --- */

/* libmilter's interface is without const; it sends what it gets at once. */
static bool
restore(SMFICTX *ctx, const struct session *s, const struct restoration *r)
{
	bool with_parameters =
	    r->parameters != NULL && (s->actions & SMFIF_ADDRCPT_PAR) != 0;

	if (r->parameters != NULL && !with_parameters)
		log_say(LEVEL_WARNING,
		    "the MTA doesn't accept recipient parameters from filters: "
		    "\"%s\" is lost",
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
apply(SMFICTX *ctx, const struct session *s, const struct changes *changes)
{
	unsigned long needed = (changes->sender != NULL ? SMFIF_CHGFROM : 0) |
	    (changes->count != 0 ? SMFIF_ADDRCPT | SMFIF_DELRCPT : 0);

	if ((needed & ~s->actions) != 0)
		return false;
	for (size_t i = 0; i < changes->count; i++)
		if (!restore(ctx, s, &changes->recipients[i]))
			return false;
	return changes->sender == NULL || change_sender(ctx, changes->sender);
}

static struct reply
eom(struct session *session, SMFICTX *ctx)
{
	struct srsmilter_session *s = srsmilter_session_(session);
	struct changes changes;
	struct reply reply = srsmilter_eom(s, &changes);

	if (reply.step != STEP_CONTINUE || apply(ctx, session, &changes))
		return reply;
	log_say(LEVEL_ERROR,
	    "the MTA doesn't allow envelope changes: message temporarily "
	    "rejected");
	return srsmilter_unchanged(s);
}

const struct filter srsmilter_filter = {
    .name = "srsmilter",
    .actions =
	SMFIF_ADDRCPT | SMFIF_ADDRCPT_PAR | SMFIF_DELRCPT | SMFIF_CHGFROM,
    .session_size = sizeof(struct srsmilter_session),
    .error_reply = "Address rewriting temporarily unavailable, try again later",
    .error_accepted = "not changed",
    .wants = wants,
    .mail = srsmilter_mail,
    .rcpt = srsmilter_rcpt,
    .eom = eom,
    .end_message = srsmilter_end_message,
};

/* SPDX-License-Identifier: ISC */
#include "spfmilter/milter.h"

#include <libmilter/mfapi.h>
#include <stdio.h>

#include "common/log.h"
#include "spfmilter/session.h"

static unsigned long
wanted_steps(const struct spfmilter_session *s)
{
	unsigned long steps = SMFIP_NOUNKNOWN | SMFIP_NODATA | SMFIP_NR_CONN |
	    SMFIP_NR_HELO | SMFIP_NR_HDR;

	if (spfmilter_settings_(s)->reject_at != REJECT_AT_MAIL)
		steps |= SMFIP_NR_MAIL;
	if (!spfmilter_needs_headers(s))
		steps |= SMFIP_NOHDRS;
	/* Signatures are of fields with the blank behind the colon. */
	if (spfmilter_needs_dkim_(s))
		return steps | SMFIP_HDR_LEADSPC | SMFIP_SKIP;
	steps |= SMFIP_NOBODY;
	if (!spfmilter_needs_eoh(s))
		steps |= SMFIP_NOEOH;
	return steps;
}

static unsigned long
wanted_actions(const struct spfmilter_session *s)
{
	unsigned long actions = SMFIF_ADDHDRS | SMFIF_QUARANTINE;

	if (spfmilter_settings_(s)->remove_ar != REMOVE_AR_NONE)
		actions |= SMFIF_CHGHDRS;
	return actions;
}

static void
wants(const struct session *session, struct filter_wants *out)
{
	const struct spfmilter_session *s =
	    (const struct spfmilter_session *)session;

	*out = (struct filter_wants){.actions = wanted_actions(s),
	    .steps = wanted_steps(s),
	    .connect_macros = "j {client_resolve}",
	    .mail_macros = "i {auth_authen} {mail_addr} f",
	    .rcpt_macros = "",
	    .lacking = "the MTA doesn't allow filters to change headers or "
		       "quarantine messages; these actions will fail"};
}

/* --- the end of a message --- */

/*
 * Deletions first, the last field first, so that indexes stay right; then
 * insertions at the top, the topmost last: Postfix hides the first field of a
 * message from filters behind us as long as it is its own.
 */
static bool
apply(SMFICTX *ctx, const struct session *s, const struct edits *edits)
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
		ok = smfi_insheader(ctx, 0, name,
			 s->leading_space ? field->spaced : field->value) ==
		    MI_SUCCESS;
	}
	if (ok && edits->quarantine != NULL) {
		char reason[REPLY_SIZE];

		snprintf(reason, sizeof(reason), "%s", edits->quarantine);
		ok = smfi_quarantine(ctx, reason) == MI_SUCCESS;
	}
	return ok;
}

static struct reply
eom(struct session *session, SMFICTX *ctx)
{
	struct edits edits;
	struct reply reply = spfmilter_eom(spfmilter_session_(session), &edits);

	if (reply.step == STEP_CONTINUE && !apply(ctx, session, &edits)) {
		log_say(LEVEL_ERROR,
		    "the MTA doesn't allow changes to the message: temporarily "
		    "rejected");
		reply.step = STEP_TEMPFAIL;
	}
	edits_free(&edits);
	return reply;
}

const struct filter spfmilter_filter = {
    .name = "spfmilter",
    .actions = SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_QUARANTINE,
    .session_size = sizeof(struct spfmilter_session),
    .error_reply = SPFMILTER_UNAVAILABLE,
    .error_accepted = "not checked",
    .wants = wants,
    .mail = spfmilter_mail,
    .rcpt = spfmilter_rcpt,
    .header = spfmilter_header,
    .eoh = spfmilter_eoh,
    .body = spfmilter_body,
    .eom = eom,
    .end_message = spfmilter_end_message,
};

/* SPDX-License-Identifier: ISC */
#include "milter/answer.h"

#include <libmilter/mfapi.h>
#include <stdatomic.h>
#include <stdio.h>

#include "common/log.h"
#include "common/reply.h"

/* libmilter's interface is without const; what it gets is a copy. */
#define COPY_SIZE 128

/*
 * libmilter calls back on one thread or another.  The counter is also what
 * orders the uses of a connection, as far as the language knows.
 */
static atomic_uint busy;

void *
milter_enter(SMFICTX *ctx)
{
	atomic_fetch_add(&busy, 1);
	return smfi_getpriv(ctx);
}

sfsistat
milter_leave(sfsistat status)
{
	atomic_fetch_sub(&busy, 1);
	return status;
}

sfsistat
milter_leave_lost(void)
{
	return milter_leave(SMFIS_TEMPFAIL);
}

unsigned
milter_busy(void)
{
	return atomic_load(&busy);
}

/* Several times a message, so without printf. */
static char *
copy_of(const char *s, char out[static COPY_SIZE])
{
	struct text_out o = text_out(out, COPY_SIZE - 1);

	out_str(&o, s);
	out[o.len] = '\0';
	return out;
}

static sfsistat
refuse(SMFICTX *ctx, const struct reply *reply, sfsistat status)
{
	char code[16], dsn[16], text[REPLY_SIZE];

	if (reply->code == 0)
		return status;
	snprintf(code, sizeof(code), "%u", reply->code);
	snprintf(dsn, sizeof(dsn), "%s", reply->dsn);
	snprintf(text, sizeof(text), "%s", reply->text);
	/* It is rejected all the same then, with the MTA's own text. */
	if (smfi_setreply(ctx, code, dsn, text) != MI_SUCCESS)
		log_say(LEVEL_ERROR, "libmilter rejected the reply %s %s %s",
		    code, dsn, text);
	return status;
}

int
milter_answer(SMFICTX *ctx, const struct reply *reply)
{
	switch (reply->step) {
	case STEP_CONTINUE:
		return SMFIS_CONTINUE;
	case STEP_REJECT:
		return refuse(ctx, reply, SMFIS_REJECT);
	case STEP_TEMPFAIL:
		return refuse(ctx, reply, SMFIS_TEMPFAIL);
	case STEP_DISCARD:
		return SMFIS_DISCARD;
	case STEP_SKIP:
		return SMFIS_SKIP;
	}
	return SMFIS_TEMPFAIL;
}

int
milter_answer_unless(SMFICTX *ctx, unsigned long steps, unsigned long no_reply,
    const struct reply *reply)
{
	return (steps & no_reply) != 0 ? SMFIS_NOREPLY
				       : milter_answer(ctx, reply);
}

struct mf_text
milter_macro(SMFICTX *ctx, const char *name)
{
	char copy[COPY_SIZE];

	return mf_text_of(smfi_getsymval(ctx, copy_of(name, copy)));
}

struct mf_text
milter_verified_name(SMFICTX *ctx, const char *name)
{
	struct mf_text t = mf_text_of(name);
	struct mf_text resolve = milter_macro(ctx, "{client_resolve}");

	if (t.len == 0 || t.p[0] == '[' || text_eq_fold(t, MF_TEXT("unknown")))
		return MF_TEXT("");
	if (resolve.len != 0)
		return mf_text_eq(resolve, MF_TEXT("OK")) ? t : MF_TEXT("");
	/* So says sendmail that can't be asked for {client_resolve}. */
	if (text_ends_fold(milter_macro(ctx, "_"), MF_TEXT("(may be forged)")))
		return MF_TEXT("");
	return t;
}

void
milter_set_macros(SMFICTX *ctx, const char *connect, const char *mail,
    const char *rcpt, const char *end)
{
	const struct {
		int where;
		const char *names;
	} lists[] = {
	    {SMFIM_CONNECT, connect},
	    {SMFIM_HELO, ""},
	    {SMFIM_ENVFROM, mail},
	    {SMFIM_ENVRCPT, rcpt},
	    {SMFIM_DATA, ""},
	    {SMFIM_EOH, ""},
	    {SMFIM_EOM, end},
	};
	char copy[COPY_SIZE];

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		smfi_setsymlist(
		    ctx, lists[i].where, copy_of(lists[i].names, copy));
}

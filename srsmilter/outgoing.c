/* SPDX-License-Identifier: ISC */
#include "srsmilter/outgoing.h"

#include "milter/path.h"

static const char *const verdict_texts[] = {
    [OUTGOING_OFF] = "rewrite_none",
    [OUTGOING_NOT_FORWARDED] = "not_forwarded",
    [OUTGOING_BAD_SENDER] = "bad_sender",
    [OUTGOING_AUTHENTICATED] = "authenticated",
    [OUTGOING_INTERNAL] = "internal",
    [OUTGOING_LOCAL_SENDER] = "local_sender",
    [OUTGOING_MIXED] = "mixed_recipients",
};

const char *
outgoing_reason_text(const struct outgoing *out)
{
	return out->verdict == OUTGOING_BY_POLICY
	    ? policy_reason_text(out->result.reason)
	    : verdict_texts[out->verdict];
}

bool
outgoing_changes(const struct outgoing *out)
{
	return out->verdict == OUTGOING_BY_POLICY &&
	    policy_changed(out->result.reason);
}

bool
outgoing_failed(const struct outgoing *out)
{
	return out->verdict == OUTGOING_BY_POLICY &&
	    policy_failed(out->result.reason);
}

bool
outgoing_deferred(const struct outgoing *out)
{
	return out->verdict == OUTGOING_BY_POLICY &&
	    policy_defers(out->result.reason);
}

/* Our own mail isn't forwarded, whatever sender it has. */
static enum outgoing_verdict
verdict_on_others(const struct srsmilter_config *c,
    const struct outgoing_facts *f, const struct outgoing *out)
{
	if (f->origin == ORIGIN_AUTHENTICATED)
		return OUTGOING_AUTHENTICATED;
	if (f->origin == ORIGIN_INTERNAL)
		return OUTGOING_INTERNAL;
	if (c->srsmilter.rewrite == REWRITE_REMOTE_MAILER &&
	    recipient_is_local_mailer(c, f->sender_mailer))
		return OUTGOING_LOCAL_SENDER;
	if (out->mixed && c->srsmilter.mixed_recipients == MIXED_KEEP)
		return OUTGOING_MIXED;
	return OUTGOING_BY_POLICY;
}

static void
settle(struct outgoing *out, enum policy_reason reason)
{
	out->verdict = OUTGOING_BY_POLICY;
	out->result.reason = reason;
}

void
outgoing_decide(const struct srsmilter_config *c,
    const struct outgoing_facts *f, struct outgoing *out)
{
	const unsigned *rcpts = f->recipients;
	struct policy_sender sender = {.address = f->sender,
	    .forwarding_domain = f->forwarding_domain,
	    .message_id = f->message_id,
	    .now_sec = f->now_sec};

	*out = (struct outgoing){.verdict = OUTGOING_NOT_FORWARDED};
	if (c->srsmilter.rewrite == REWRITE_NONE)
		out->verdict = OUTGOING_OFF;
	else if (f->bad_sender)
		out->verdict = OUTGOING_BAD_SENDER;
	else if (f->sender.len == 0)
		settle(out, POLICY_NULL_SENDER);
	else if (rcpts[DESTINATION_FORWARDED] == 0 &&
	    rcpts[DESTINATION_EXCLUDED] != 0)
		settle(out, POLICY_RECIPIENT_EXCLUDED);
	else if (rcpts[DESTINATION_FORWARDED] != 0) {
		out->mixed = rcpts[DESTINATION_LOCAL] != 0 ||
		    rcpts[DESTINATION_EXCLUDED] != 0 ||
		    (f->has_excluded &&
			rewriter_forwards(c->rewriter, f->forwarding_domain));
		/* Senders of ours are signed wherever their mail goes out. */
		out->verdict =
		    rewriter_signs(c->rewriter, path_domain(f->sender))
		    ? OUTGOING_BY_POLICY
		    : verdict_on_others(c, f, out);
		if (out->verdict == OUTGOING_BY_POLICY)
			policy_forward(c->rewriter, &sender, &out->result);
	}
}

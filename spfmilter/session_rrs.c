/* SPDX-License-Identifier: ISC */
/*
 * Recipients with RRS addresses, which are left to srsmilter: it checks the
 * forwarder that they name, whatever SPF says of the sender.
 */
#include "rewrite/rrs_domains.h"
#include "spfmilter/session.h"

/* Not what has been decided of senders that pass, or are unclear. */
static bool
is_of_failure(const struct spfmilter_message *m)
{
	const struct decision *d = &m->decision;
	enum examined_identity who =
	    d->identity == LOOKUP_HELO ? EXAMINED_HELO : EXAMINED_MAILFROM;

	return m->checked && !decision_accepts(d) &&
	    (d->reason == DECIDED_KEY || d->reason == DECIDED_DEFAULT) &&
	    m->findings.forwarder.len == 0 &&
	    findings_verdict(&m->findings, who)->result != SPF_PASS;
}

/* srsmilter doesn't see the client behind a relay, so that stays with us. */
bool
spfmilter_leaves_to_srsmilter_(
    const struct spfmilter_session *s, struct mf_text path)
{
	return spfmilter_settings_(s)->rrs &&
	    s->message->origin == ORIGIN_OUTSIDE && is_of_failure(s->message) &&
	    rrs_domains_concern(&spfmilter_config_(s)->rrs_domains,
		path_recipient(path).mailbox);
}

static bool
takes_whole_message(const struct spfmilter_session *s)
{
	const struct decision *d = &s->message->decision;

	return spfmilter_enforces_(s) &&
	    (d->unless_dkim || d->verb == ACTION_DISCARD ||
		d->verb == ACTION_QUARANTINE);
}

/*
 * What takes the whole message can't spare some recipients: with a forged RRS
 * address anybody would get by.  The first says of which kind all have to be.
 */
static bool
is_of_other_kind(const struct spfmilter_message *m, bool is_left)
{
	return is_left ? m->has_usual : m->has_left;
}

struct reply
spfmilter_unless_left_(
    const struct spfmilter_session *s, bool is_left, struct reply refusal)
{
	/* RFC 5321 4.5.3.1.10: the client sends the message again to these. */
	if (takes_whole_message(s) && is_of_other_kind(s->message, is_left))
		return (struct reply){.step = STEP_TEMPFAIL,
		    .code = 452,
		    .dsn = "4.5.3",
		    .text = "Try this recipient again in a message of its own"};
	return is_left ? reply_go_on() : refusal;
}

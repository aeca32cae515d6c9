/* SPDX-License-Identifier: ISC */
/*
 * The session up to its recipients.
 */
#include "srsmilter/session.h"

#include <stdlib.h>
#include <time.h>

#include "common/array.h"
#include "common/text_dup.h"
#include "milter/orcpt.h"
#include "srsmilter/rows.h"
#include "srsmilter/rrs_check.h"

/* --- the sender --- */

void
srsmilter_message_free_(struct srsmilter_message *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->restored_count; i++) {
		free(m->restored[i].given);
		free(m->restored[i].address);
		free(m->restored[i].parameters);
	}
	free(m->restored);
	free(m->sender);
	free(m->user);
	free(m->sender_mailer);
	free(m->refused);
	free(m);
}

struct reply
srsmilter_mail(struct session *session, const struct mail_args *args)
{
	struct srsmilter_session *s = srsmilter_session_(session);
	struct srsmilter_message *m = calloc(1, sizeof(*m));
	struct path sender = path_sender(args->path, &args->macros);

	if (m == NULL)
		return session_fail(session);
	m->sender = text_dup(sender.mailbox);
	m->user = text_dup(args->user);
	m->sender_mailer = text_dup(args->mail_mailer);
	if (m->sender == NULL || m->user == NULL || m->sender_mailer == NULL) {
		srsmilter_message_free_(m);
		return session_fail(session);
	}
	m->origin = session_origin(session, args->user);
	m->bad_sender = sender.kind == PATH_AMBIGUOUS;
	m->is_bounce = sender.kind == PATH_NULL ||
	    (sender.kind == PATH_MAILBOX &&
		recipient_is_banned_sender(
		    srsmilter_config_(s), sender.mailbox));
	s->message = m;
	return reply_go_on();
}

/* --- recipients --- */

/* Whoever had somebody's return path used it up: another use is refused. */
static bool
is_replayed(
    const struct srsmilter_session *s, const struct recipient *r, uint64_t now)
{
	const struct policy_signature *signature = &r->reversed.signature;
	unsigned limit = (unsigned)srsmilter_settings_(s)->ses_replays;

	return r->fate == RECIPIENT_RESTORED && signature->len != 0 &&
	    limit != 0 && s->message->origin == ORIGIN_OUTSIDE &&
	    (replay_used_up(srsmilter_service_(s)->replay,
		 mf_text_at(signature->text, signature->len), limit, now) ||
		rows_used_up(
		    srsmilter_config_(s)->store, signature, limit, now));
}

static bool
is_restored_already(const struct srsmilter_message *m, struct mf_text given)
{
	for (size_t i = 0; i < m->restored_count; i++)
		if (mf_text_eq(mf_text_of(m->restored[i].given), given))
			return true;
	return false;
}

/* The case of a signed address is its sender's to choose: he gets one copy. */
static bool
gets_a_copy(const struct srsmilter_message *m, const struct srs_addr *address)
{
	for (size_t i = 0; i < m->restored_count; i++) {
		struct mf_text to = mf_text_of(m->restored[i].address);

		/* In angle brackets. */
		if (to.len == address->len + 2 &&
		    text_eq_fold(mf_text_at(to.p + 1, address->len),
			mf_text_at(address->text, address->len)))
			return true;
	}
	return false;
}

static bool
reserve(struct srsmilter_message *m)
{
	struct restoration *more = array_grow(
	    m->restored, m->restored_count, &m->restored_room, sizeof(*more));

	if (more != NULL)
		m->restored = more;
	return more != NULL;
}

static char *
in_brackets(const struct srs_addr *address)
{
	char *text = malloc(address->len + 3);

	if (text == NULL)
		return NULL;
	struct text_out out = text_out(text, address->len + 2);
	out_char(&out, '<');
	out_text(&out, mf_text_at(address->text, address->len));
	out_char(&out, '>');
	text[out.len] = '\0';
	return text;
}

/* One text of them; false: out of memory.  *out is NULL if there are none. */
static bool
join(char *const *words, char **out)
{
	size_t size = 0;

	*out = NULL;
	for (size_t i = 0; words[i] != NULL; i++)
		size += strlen(words[i]) + 1;
	if (size == 0)
		return true;
	*out = malloc(size);
	if (*out == NULL)
		return false;
	struct text_out to = text_out(*out, size - 1);
	for (size_t i = 0; words[i] != NULL; i++) {
		if (i != 0)
			out_char(&to, ' ');
		out_str(&to, words[i]);
	}
	(*out)[to.len] = '\0';
	return true;
}

static bool
remember(struct srsmilter_message *m, struct mf_text given,
    char *const *parameters, const struct recipient *r)
{
	struct restoration *new;
	bool is_double;

	/* Once deleted it is gone, however often it was named. */
	if (is_restored_already(m, given))
		return true;
	if (!reserve(m))
		return false;
	is_double = gets_a_copy(m, &r->reversed.address);
	new = &m->restored[m->restored_count++];
	*new = (struct restoration){
	    .given = text_dup(given), .signature = r->reversed.signature};
	if (new->given == NULL || is_double)
		return new->given != NULL;
	new->address = in_brackets(&r->reversed.address);
	return new->address != NULL &&join(parameters, &new->parameters);
}

static struct mf_text
address_of(const struct recipient *r, struct mf_text given)
{
	if (r->fate != RECIPIENT_RESTORED)
		return given;
	return mf_text_at(r->reversed.address.text, r->reversed.address.len);
}

static void
note_forwarder(const struct srsmilter_session *s, struct mf_text address,
    char *const *parameters)
{
	const struct srsmilter_config *c = srsmilter_config_(s);
	char room[DOMAIN_MAX];

	forwarders_add(&s->message->forwarders, c->rewriter,
	    forwarders_domain_of(
		c, path_domain(address), orcpt_domain(parameters, room)));
}

static bool
let_through(const struct srsmilter_session *s, struct mf_text arg,
    char *const *parameters, const struct recipient *r)
{
	struct srsmilter_message *m = s->message;

	if (r->fate == RECIPIENT_RESTORED && !remember(m, arg, parameters, r))
		return false;
	m->destinations[r->destination]++;
	if (r->destination == DESTINATION_FORWARDED)
		note_forwarder(
		    s, address_of(r, path_unbracketed(arg)), parameters);
	return true;
}

/* What is sent from here isn't refused: it only isn't changed. */
static bool
is_sender_refused(const struct srsmilter_message *m)
{
	return m->bad_sender &&
	    (m->origin == ORIGIN_OUTSIDE || m->origin == ORIGIN_AUTHENTICATED);
}

/* Whose mail it accepts, if that is still open. */
static enum recipient_fate
fate_of_rrs(struct srsmilter_session *s, const struct recipient *r)
{
	struct srsmilter_message *m = s->message;
	struct srsmilter_metrics *metrics = &srsmilter_service_(s)->metrics;
	struct rrs_findings found;

	m->rrs++;
	if (r->fate != RECIPIENT_RESTORED || r->forwarder.len == 0)
		return r->fate;
	rrs_check(
	    srsmilter_config_(s)->checker, &s->base, r->forwarder, &found);
	rrs_findings_text(
	    &found, mf_text_of(s->base.client.text), m->rrs_reply);
	atomic_fetch_add(
	    &metrics->forwarders[found.helo == SPF_PASS ? found.helo
							: found.result],
	    1);
	if (m->rrs_findings.forwarder[0] == '\0')
		m->rrs_findings = found;
	return rrs_findings_fate(&found);
}

static void
judge(struct srsmilter_session *s, const struct rcpt_args *args,
    struct recipient *out)
{
	const struct srsmilter_message *m = s->message;
	struct path path = path_recipient(args->path);
	uint64_t now = (uint64_t)time(NULL);

	struct recipient_facts facts = {.address = path.mailbox,
	    .is_ambiguous = path.kind == PATH_AMBIGUOUS,
	    .mailer = args->rcpt_mailer,
	    .is_bounce = m->is_bounce,
	    .from_exempt_host = m->origin != ORIGIN_OUTSIDE,
	    .now_sec = now};

	recipient_judge(srsmilter_config_(s), &facts, out);
	if (out->fate == RECIPIENT_TO_LOOK_UP) {
		struct recipient_row row;
		char value[STORE_VALUE_MAX];

		rows_get(srsmilter_config_(s)->store, &out->reversed.row, now,
		    value, &row);
		facts.row = &row;
		recipient_judge(srsmilter_config_(s), &facts, out);
	}
	if (is_replayed(s, out, now))
		out->fate = RECIPIENT_REPLAYED;
	if (is_sender_refused(m))
		out->fate = RECIPIENT_BAD_SENDER;
	else if (out->is_rrs)
		out->fate = fate_of_rrs(s, out);
}

/*
 * Of hosts of ours no recipient is refused as forged; but origins don't know
 * the MTA that hands mail to itself.
 */
static bool
may_be_ended(const struct session *s)
{
	return s->client.has_ip && !client_is_loopback(&s->client.ip);
}

/* The signature was looked at first: no limit concerns one that is right. */
static struct reply
answer_forged(struct srsmilter_session *s)
{
	struct session *base = &s->base;
	uint64_t limit =
	    may_be_ended(base) ? srsmilter_settings_(s)->max_forged : 0;
	struct reply reply = recipient_forged_reply(++base->offences, limit);

	if (reply.step == STEP_TEMPFAIL) {
		atomic_fetch_add(
		    &srsmilter_service_(s)->metrics.sessions_ended, 1);
		s->message->outcome = "disconnected";
	}
	return reply;
}

/*
 * With on_error = accept a message that can't be dealt with passes as it is;
 * but nobody else verifies an RRS address.
 */
static struct reply
answer_unjudged(const struct srsmilter_session *s, const struct rcpt_args *args)
{
	const struct rrs_rules *rrs = srsmilter_config_(s)->rrs;
	struct reply reply =
	    s->base.failed ? session_error_reply(&s->base) : reply_go_on();

	if (reply.step == STEP_CONTINUE && rrs != NULL &&
	    rrs_domains_concern(
		&rrs->domains, path_recipient(args->path).mailbox))
		return (struct reply){.step = STEP_TEMPFAIL,
		    .code = 451,
		    .dsn = "4.3.0",
		    .text = "RRS address cannot be verified, try again later"};
	return reply;
}

struct reply
srsmilter_rcpt(struct session *session, const struct rcpt_args *args)
{
	struct srsmilter_session *s = srsmilter_session_(session);
	struct srsmilter_message *m = s->message;
	struct recipient recipient;
	struct reply reply;

	if (s->base.failed || m == NULL)
		return answer_unjudged(s, args);
	if (srsmilter_settings_(s)->rewrite == REWRITE_REMOTE_MAILER &&
	    args->rcpt_mailer.len == 0)
		srsmilter_miss_mailer(srsmilter_service_(s));
	judge(s, args, &recipient);
	m->fates[recipient.fate]++;
	m->forged += recipient.is_forged;
	reply = recipient.fate == RECIPIENT_FORGED && recipient.is_forged
	    ? answer_forged(s)
	    : recipient_reply(recipient.fate);
	if (recipient.fate == RECIPIENT_NOT_FORWARDER ||
	    recipient.fate == RECIPIENT_FORWARDER_UNKNOWN)
		reply.text = m->rrs_reply;
	if (reply.step == STEP_CONTINUE)
		return let_through(s, args->path, args->parameters, &recipient)
		    ? reply
		    : session_fail(&s->base);
	if (m->refused == NULL) {
		/* For the log alone. */
		m->refused = text_dup(path_unbracketed(args->path));
		m->refused_as = recipient.fate;
	}
	return reply;
}

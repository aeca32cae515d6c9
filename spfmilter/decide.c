/* SPDX-License-Identifier: ISC */
#include "spfmilter/decide.h"

#include "milter/path.h"

static const char *const reason_texts[] = {
    [DECIDED_INTERNAL] = "internal",
    [DECIDED_TRUSTED_RELAY] = "trusted_relay",
    [DECIDED_BAD_HELO] = "bad_helo",
    [DECIDED_BAD_SENDER] = "bad_sender",
    [DECIDED_KEY] = "key",
    [DECIDED_DEFAULT] = "default",
    [DECIDED_EXEMPT_CLIENT] = "exempt_client",
    [DECIDED_EXEMPT_SENDER] = "exempt_sender",
    [DECIDED_EXEMPT_HELO] = "exempt_helo",
    [DECIDED_DKIM_PASS] = "dkim_pass",
    [DECIDED_DKIM_ERROR] = "dkim_error",
    [DECIDED_DKIM_REFUSED] = "dkim_refused",
};

const char *
decision_reason_text(enum decision_reason reason)
{
	return reason_texts[reason];
}

bool
decision_accepts(const struct decision *d)
{
	return d->verb == ACTION_OK || d->verb == ACTION_WHITELIST;
}

/* --- words --- */

/*
 * The explanation is the domain owner's text (RFC 7208 6.2: it has to be told
 * apart from ours).
 */
static void
say_fail(const struct facts *f, const struct spf_verdict *v, const char *what,
    struct text_out *out)
{
	out_str(out, "SPF fail: ");
	out_text(out, f->ip);
	out_str(out, what);
	out_str(out, v->domain);
	if (v->explanation[0] == '\0')
		return;
	out_str(out, "; ");
	out_str(out, v->at[0] != '\0' ? v->at : v->domain);
	out_str(out, " explains: ");
	out_str(out, v->explanation);
}

static void
say_result(const struct facts *f, const struct spf_verdict *v,
    const char *identity, struct text_out *out)
{
	out_str(out, "SPF ");
	out_str(out, spf_result_text(v->result));
	out_str(out, " for ");
	out_str(out, identity);
	out_str(out, " domain ");
	out_str(out, v->domain);
	out_str(out, " from ");
	out_text(out, f->ip);
	if (v->result == SPF_PERMERROR || v->result == SPF_TEMPERROR) {
		if (v->problem[0] != '\0') {
			out_str(out, ": ");
			out_str(out, v->problem);
		}
		return;
	}
	out_str(out, ": rejected by local policy");
}

static void
say(const struct facts *f, const struct decision *d, struct text_out *out)
{
	bool helo = d->identity == LOOKUP_HELO;
	const struct spf_verdict *v = helo ? f->helo_verdict : f->mailfrom;

	if (d->reason == DECIDED_BAD_HELO) {
		out_str(out, "HELO rejected: host name required");
		return;
	}
	if (d->reason == DECIDED_BAD_SENDER) {
		out_str(out, "Sender address rejected: ambiguous domain");
		return;
	}
	if (d->identity == LOOKUP_AUTH) {
		out_text(out, f->user);
		out_str(out, " is not authorised to send mail for ");
		out_text(out, path_domain(f->sender));
		return;
	}
	if (v->result == SPF_FAIL)
		say_fail(f, v,
		    helo ? " is not allowed to use the HELO name "
			 : " is not allowed to send mail for ",
		    out);
	else
		say_result(f, v, helo ? "HELO" : "sender", out);
}

static void
set_text(const struct facts *f, struct mf_text written, struct decision *d)
{
	char words[2 * REPLY_SIZE];
	struct text_out out = text_out(words, sizeof(words));

	d->text[0] = '\0';
	if (decision_accepts(d))
		return;
	if (written.len == 0) {
		say(f, d, &out);
		written = out_view(&out);
	}
	reply_quote(written, d->text);
}

/* --- decisions --- */

static void
take(const struct lookup_answer *answer, enum lookup_identity identity,
    struct decision *d)
{
	d->reason = answer->entry != NULL ? DECIDED_KEY : DECIDED_DEFAULT;
	d->verb = answer->verb;
	d->identity = identity;
	d->entry = answer->entry;
	d->unless_dkim = answer->unless_dkim;
	d->code = answer->code;
	memcpy(d->dsn, answer->dsn, sizeof(d->dsn));
}

/* "a@b" into a buffer; empty if too long, so that only short keys match. */
static struct mf_text
join(char *store, size_t size, struct mf_text local, struct mf_text domain)
{
	struct text_out out = text_out(store, size);

	out_text(&out, local);
	out_char(&out, '@');
	out_text(&out, domain);
	return out.full ? MF_TEXT("") : out_view(&out);
}

/* Behind an "@" in it nobody's domain stands: the check had none either. */
static struct mf_text
helo_subject(const struct facts *f)
{
	return text_find(f->helo, '@') == f->helo.len ? f->helo : MF_TEXT("");
}

/* The address whose keys are looked up for MAIL FROM. */
static struct mf_text
mailfrom_subject(const struct facts *f, char *store, size_t size)
{
	if (f->forwarder.len != 0)
		return join(store, size, MF_TEXT("postmaster"), f->forwarder);
	/* RFC 7208 2.4 */
	if (f->sender.len == 0)
		return join(
		    store, size, MF_TEXT("postmaster"), helo_subject(f));
	/* Keys have domains as A-labels, as the DNS has. */
	if (!text_is_ascii(f->sender) && f->mailfrom->domain[0] != '\0')
		return join(store, size, path_local(f->sender),
		    mf_text_of(f->mailfrom->domain));
	return f->sender;
}

static struct mf_text
ask_mailfrom(const struct facts *f, struct decision *d)
{
	char store[LOOKUP_KEY_SIZE];
	struct lookup_query query = {.identity = LOOKUP_MAILFROM,
	    .result = f->mailfrom->result,
	    .defaults = f->defaults};
	struct lookup_answer answer;

	if (f->forwarder.len != 0)
		query.result = SPF_PASS;
	else if (f->sender.len == 0)
		query.identity = LOOKUP_NULL;
	else if (f->own_srs)
		query.identity = LOOKUP_SRS;
	query.subject = mailfrom_subject(f, store, sizeof(store));
	lookup_ask(f->table, &query, &answer);
	take(&answer, query.identity, d);
	d->unless_dkim = d->unless_dkim && f->dkim;
	return answer.text;
}

/*
 * The HELO name's policy comes before that of MAIL FROM, but has no say where
 * MAIL FROM passes, isn't known for now, or is the HELO name itself.
 */
static bool
helo_has_a_say(const struct facts *f, const struct decision *d)
{
	return f->forwarder.len == 0 && f->sender.len != 0 &&
	    f->mailfrom->result != SPF_PASS &&
	    f->mailfrom->result != SPF_TEMPERROR && d->verb != ACTION_WHITELIST;
}

static int
severity(enum action_verb verb)
{
	switch (verb) {
	case ACTION_OK:
	case ACTION_WHITELIST:
	case ACTION_SKIP:
		return 0;
	case ACTION_QUARANTINE:
		return 1;
	case ACTION_DISCARD:
		return 2;
	case ACTION_TEMPFAIL:
		return 3;
	case ACTION_REJECT:
	case ACTION_ERROR:
		return 4;
	}
	return 0;
}

static void
ask_helo(const struct facts *f, struct decision *d, struct mf_text *text)
{
	struct lookup_query query = {.identity = LOOKUP_HELO,
	    .result = f->helo_verdict->result,
	    .subject = helo_subject(f),
	    .defaults = f->defaults};
	struct lookup_answer answer;

	bool is_milder;

	lookup_ask(f->table, &query, &answer);
	is_milder = severity(answer.verb) < severity(d->verb);
	/* A refusal of MAIL FROM that DKIM may lift hides none, and no other. */
	if (d->unless_dkim && answer.code == 0 && is_milder &&
	    answer.verb != ACTION_OK && answer.verb != ACTION_WHITELIST) {
		d->behind = answer.entry;
		return;
	}
	if (answer.verb != ACTION_WHITELIST &&
	    (answer.verb == ACTION_OK || (is_milder && !d->unless_dkim)))
		return;
	*text = answer.text;
	take(&answer, LOOKUP_HELO, d);
}

static void
exempt(const struct facts *f, struct decision *d)
{
	if (decision_accepts(d))
		return;
	switch (f->exemption) {
	case EXEMPT_NOT:
		return;
	case EXEMPT_CLIENT:
		d->reason = DECIDED_EXEMPT_CLIENT;
		break;
	case EXEMPT_SENDER:
		d->reason = DECIDED_EXEMPT_SENDER;
		break;
	case EXEMPT_HELO:
		d->reason = DECIDED_EXEMPT_HELO;
		break;
	}
	d->verb = ACTION_OK;
	d->unless_dkim = false;
	d->behind = NULL;
	d->code = 0;
	d->dsn[0] = '\0';
}

/* RFC 3463 3.2: bad sender's mailbox address syntax. */
static void
refuse_sender(struct decision *d)
{
	*d = (struct decision){.reason = DECIDED_BAD_SENDER,
	    .verb = ACTION_REJECT,
	    .identity = LOOKUP_MAILFROM,
	    .code = 553,
	    .dsn = "5.1.7"};
}

static void
decide_outside(const struct facts *f, struct decision *d)
{
	struct mf_text text = MF_TEXT("");

	if (f->bad_sender) {
		refuse_sender(d);
	} else if (f->bad_helo) {
		*d = (struct decision){.reason = DECIDED_BAD_HELO,
		    .verb = ACTION_REJECT,
		    .identity = LOOKUP_HELO,
		    .code = 550,
		    .dsn = "5.7.1"};
	} else {
		text = ask_mailfrom(f, d);
		if (helo_has_a_say(f, d))
			ask_helo(f, d, &text);
	}
	exempt(f, d);
	set_text(f, text, d);
}

static void
decide_authenticated(const struct facts *f, struct decision *d)
{
	char store[LOOKUP_KEY_SIZE];
	struct lookup_query query = {.identity = LOOKUP_AUTH,
	    .subject =
		join(store, sizeof(store), f->user, path_domain(f->sender)),
	    .defaults = f->defaults};
	struct lookup_answer answer = {.text = MF_TEXT("")};

	if (f->bad_sender) {
		refuse_sender(d);
	} else {
		lookup_ask(f->table, &query, &answer);
		take(&answer, LOOKUP_AUTH, d);
	}
	set_text(f, answer.text, d);
}

void
decide(const struct facts *f, struct decision *out)
{
	*out = (struct decision){.verb = ACTION_OK};
	switch (f->origin) {
	case ORIGIN_OUTSIDE:
		decide_outside(f, out);
		break;
	case ORIGIN_INTERNAL:
		out->reason = DECIDED_INTERNAL;
		break;
	case ORIGIN_AUTHENTICATED:
		decide_authenticated(f, out);
		break;
	case ORIGIN_TRUSTED_RELAY:
		out->reason = DECIDED_TRUSTED_RELAY;
		break;
	}
}

/* --- DKIM --- */

/* What the HELO name would have had without the refusal that was lifted. */
static void
fall_back(struct decision *d)
{
	struct action action = {.verb = ACTION_OK};

	access_entry_action(d->behind, &action);
	d->reason = DECIDED_KEY;
	d->verb = action.verb;
	d->identity = LOOKUP_HELO;
	d->entry = d->behind;
	reply_quote(action.text.len != 0
		? action.text
		: MF_TEXT("SPF policy for the HELO name"),
	    d->text);
}

void
decide_dkim_lifted(struct decision *d, struct mf_text domain)
{
	struct text_out out = text_out(d->text, sizeof(d->text) - 1);

	d->code = 0;
	d->dsn[0] = '\0';
	if (d->behind != NULL) {
		fall_back(d);
		return;
	}
	d->reason = DECIDED_DKIM_PASS;
	d->verb = ACTION_OK;
	out_str(&out, "DKIM signature of ");
	out_text(&out, domain);
	out_str(&out, " lifts the rejection");
	d->text[out.len] = '\0';
}

/* RFC 3463 3.5: directory server failure. */
void
decide_dkim_later(struct decision *d, struct mf_text key, enum spf_cause cause)
{
	char words[REPLY_SIZE];
	size_t len =
	    spf_failure_print(SPF_RR_TXT, key, cause, words, sizeof(words));

	d->reason = DECIDED_DKIM_ERROR;
	d->verb = ACTION_TEMPFAIL;
	d->code = 451;
	memcpy(d->dsn, "4.4.3", sizeof("4.4.3"));
	reply_quote(mf_text_at(words, len), d->text);
}

void
decide_dkim_refused(struct decision *d, const struct lookup_answer *answer,
    struct mf_text domain)
{
	char words[REPLY_SIZE];
	struct text_out out = text_out(words, sizeof(words));

	d->reason = DECIDED_DKIM_REFUSED;
	d->verb = answer->verb;
	d->entry = answer->entry;
	d->code = answer->code;
	memcpy(d->dsn, answer->dsn, sizeof(d->dsn));
	out_str(&out, "Mail with a DKIM signature of ");
	out_text(&out, domain);
	out_str(&out, ": rejected by local policy");
	reply_quote(
	    answer->text.len != 0 ? answer->text : out_view(&out), d->text);
}

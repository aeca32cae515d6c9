/* SPDX-License-Identifier: ISC */
#include "srsmilter/recipient.h"

#include "milter/path.h"

static const struct {
	const char *word;
	unsigned code;
	const char *dsn, *reply;
} fates[RECIPIENT_FATES] = {
    [RECIPIENT_PASSES] = {"passes", 0, NULL, NULL},
    [RECIPIENT_RESTORED] = {"restored", 0, NULL, NULL},
    [RECIPIENT_FORGED] = {"forged", 550, "5.7.1",
	"Invalid SRS address: signature does not match"},
    [RECIPIENT_EXPIRED] = {"expired", 550, "5.7.1", "SRS address has expired"},
    [RECIPIENT_REPLAYED] = {"replayed", 550, "5.7.1",
	"Return path has been used too many times"},
    [RECIPIENT_SPOOFED] = {"spoofed", 550, "5.7.1",
	"Bounce rejected: message was not sent from this domain"},
    [RECIPIENT_NOT_A_BOUNCE] = {"not_a_bounce", 550, "5.7.1",
	"Address accepts bounces only; write to the original sender"},
    [RECIPIENT_RRS_FORGED] = {"rrs_forged", 550, "5.7.1",
	"Invalid RRS address: signature does not match"},
    [RECIPIENT_RRS_REVOKED] = {"rrs_revoked", 550, "5.7.1",
	"RRS address has been revoked"},
    /* RFC 7372 3.2; rrs_findings_text() has the words. */
    [RECIPIENT_NOT_FORWARDER] = {"not_forwarder", 550, "5.7.23",
	"SPF validation failed for the forwarder"},
    [RECIPIENT_FORWARDER_UNKNOWN] = {"forwarder_unknown", 451, "4.7.24",
	"SPF validation error for the forwarder"},
    /* RFC 3463 3.2: bad destination mailbox address syntax. */
    [RECIPIENT_UNCLEAR] = {"unclear", 553, "5.1.3",
	"Recipient address rejected: ambiguous"},
    [RECIPIENT_BAD_SENDER] = {"bad_sender", 553, "5.1.7",
	"Sender address rejected: ambiguous domain"},
    /* RFC 3463 3.5: other or undefined mail system status. */
    [RECIPIENT_ROW_MISSING] = {"row_missing", 451, "4.3.0",
	"Return path not found in the store, try again later"},
    [RECIPIENT_STORE_DOWN] = {"store_down", 451, "4.3.0",
	"Return path cannot be looked up, try again later"},
};

const char *
recipient_fate_text(enum recipient_fate fate)
{
	return fates[fate].word;
}

struct reply
recipient_reply(enum recipient_fate fate)
{
	if (fates[fate].code == 0)
		return reply_go_on();
	return (struct reply){
	    .step = fates[fate].code < 500 ? STEP_TEMPFAIL : STEP_REJECT,
	    .code = fates[fate].code,
	    .dsn = fates[fate].dsn,
	    .text = fates[fate].reply};
}

struct reply
recipient_forged_reply(uint64_t count, uint64_t limit)
{
	if (limit == 0 || count <= limit)
		return recipient_reply(RECIPIENT_FORGED);
	return (struct reply){.step = STEP_TEMPFAIL,
	    .code = 421,
	    .dsn = "4.7.0",
	    .text = "Too many invalid SRS addresses, closing connection"};
}

static bool
has_word(const struct conf_list *list, struct mf_text word)
{
	for (size_t i = 0; i < list->count; i++)
		if (text_eq_fold(list->items[i], word))
			return true;
	return false;
}

bool
recipient_is_banned_sender(
    const struct srsmilter_config *c, struct mf_text sender)
{
	return has_word(&c->srsmilter.banned_users, path_local(sender));
}

bool
recipient_is_local_mailer(
    const struct srsmilter_config *c, struct mf_text mailer)
{
	return has_word(&c->srsmilter.local_mailers, mailer);
}

static struct mf_text
restored_address(const struct recipient *r)
{
	return mf_text_at(r->reversed.address.text, r->reversed.address.len);
}

/* --- fate --- */

/*
 * RFC 5321 4.5.1: postmaster is reached, by those too who only have the return
 * path that postmaster's mail had.
 */
static bool
is_exempt(const struct srsmilter_config *c, struct mf_text address)
{
	return rewriter_signs(c->rewriter, path_domain(address)) &&
	    list_has_address(&c->exempt_recipients, address);
}

/* An alias whose row isn't there, or has to be asked for. */
static enum recipient_fate
fate_of_alias(enum policy_reason reason)
{
	if (reason == POLICY_TO_LOOK_UP)
		return RECIPIENT_TO_LOOK_UP;
	return reason == POLICY_ROW_MISSING ? RECIPIENT_ROW_MISSING
					    : RECIPIENT_STORE_DOWN;
}

/* A signed address: somebody's behind it, or nobody's. */
static enum recipient_fate
fate_of_signed(const struct srsmilter_config *c,
    const struct recipient_facts *f, const struct recipient *r,
    enum policy_reason reason)
{
	bool is_restored = reason == POLICY_RESTORED;

	if (f->from_exempt_host && policy_defers(reason))
		return fate_of_alias(reason);
	if (f->from_exempt_host)
		return is_restored ? RECIPIENT_RESTORED : RECIPIENT_PASSES;
	if (!f->is_bounce && c->srsmilter.reverse == REVERSE_BOUNCES &&
	    !(is_restored && is_exempt(c, restored_address(r))))
		return RECIPIENT_NOT_A_BOUNCE;
	if (is_restored)
		return RECIPIENT_RESTORED;
	if (policy_defers(reason))
		return fate_of_alias(reason);
	return reason == POLICY_EXPIRED ? RECIPIENT_EXPIRED : RECIPIENT_FORGED;
}

static bool
concerns_forwarder(const struct srsmilter_config *c, struct mf_text address)
{
	return c->rrs != NULL && rrs_domains_concern(&c->rrs->domains, address);
}

/* Readings of a recipient that are looked at. */
#define READINGS_MAX 8

/* Whether it would be an address of ours; without a domain, in the first. */
static bool
reads_as_ours(const struct srsmilter_config *c, struct mf_text local,
    struct mf_text domain, uint64_t now)
{
	char store[2 * SRS_INPUT_MAX];
	struct text_out out = text_out(store, sizeof(store));
	struct policy_result result;

	out_text(&out, local);
	out_char(&out, '@');
	out_text(&out, domain);
	if (concerns_forwarder(c, out_view(&out)))
		return true;
	out = text_out(store, sizeof(store));
	if (domain.len == 0)
		domain = rewriter_domain(c->rewriter, domain);
	out_char(&out, '"');
	out_text(&out, local);
	out_str(&out, "\"@");
	out_text(&out, domain);
	policy_reverse(
	    c->rewriter, out_view(&out), POLICY_SRS_DOMAINS, now, &result);
	return out.full ||
	    (result.reason != POLICY_NOT_SRS &&
		result.reason != POLICY_FOREIGN_DOMAIN);
}

/*
 * Whether the MTA reads an address of ours in what we don't: it leaves out
 * backslashes that nothing needs, folds characters, puts a domain behind a
 * local part alone, and reads addresses in local parts.  Nobody writes a return
 * path so, but to get by with a forged one.
 */
static bool
hides_signature(
    const struct srsmilter_config *c, const struct recipient_facts *f)
{
	struct path_reading r;
	bool is_readable = path_reading(f->address, &r);
	bool differs = r.domain.len == 0 ||
	    !mf_text_eq(r.local, path_local(f->address)) ||
	    !mf_text_eq(r.domain, path_domain(f->address));

	for (int i = 0; i < READINGS_MAX && is_readable; i++) {
		if (differs && reads_as_ours(c, r.local, r.domain, f->now_sec))
			return true;
		if (!path_reading_next(&r))
			return false;
		differs = true;
	}
	return true;
}

/* Whether the address, or one in its local part, is in a domain that signs. */
static bool
is_of_signing_domain(const struct srsmilter_config *c, struct mf_text address)
{
	struct path_reading r;

	/* hides_signature() has refused what has more readings, or is longer. */
	path_reading(address, &r);
	do {
		if (rewriter_signs(c->rewriter, r.domain))
			return true;
	} while (path_reading_next(&r));
	return false;
}

/* A bounce to a domain that signs all that it sends. */
static enum recipient_fate
fate_of_spoofed(
    const struct srsmilter_config *c, const struct recipient_facts *f)
{
	if (rewriter_signs(c->rewriter, path_domain(f->address)) &&
	    list_has_address(&c->exempt_recipients, f->address))
		return RECIPIENT_PASSES;
	if (is_of_signing_domain(c, f->address))
		return RECIPIENT_SPOOFED;
	/* What the MTA makes of it may be in such a domain. */
	if (path_is_qualified(f->address) ||
	    text_eq_fold(f->address, MF_TEXT("postmaster")))
		return RECIPIENT_PASSES;
	return RECIPIENT_UNCLEAR;
}

static enum recipient_fate
fate_of_plain(const struct srsmilter_config *c, const struct recipient_facts *f)
{
	if (f->from_exempt_host)
		return RECIPIENT_PASSES;
	/* Whose it is must be clear where it decides; see milter/path.h. */
	if (f->is_ambiguous || hides_signature(c, f))
		return RECIPIENT_UNCLEAR;
	if (f->is_bounce && c->srsmilter.reject_spoofed)
		return fate_of_spoofed(c, f);
	return RECIPIENT_PASSES;
}

/*
 * What the signatures say.  What is behind those that are ours may be an
 * address of ours again, with a signature that isn't any more: it would come
 * back to us.
 */
static enum policy_reason
reverse(const struct srsmilter_config *c, const struct recipient_facts *f,
    struct policy_result *out)
{
	struct policy_result inner;

	policy_reverse(
	    c->rewriter, f->address, POLICY_SRS_DOMAINS, f->now_sec, out);
	if (out->reason == POLICY_TO_LOOK_UP && f->row != NULL)
		policy_looked_up(c->rewriter, f->row->state, f->row->value,
		    POLICY_SRS_DOMAINS, f->now_sec, out);
	if (out->reason != POLICY_RESTORED)
		return out->reason;
	policy_reverse(c->rewriter,
	    mf_text_at(out->address.text, out->address.len), POLICY_SRS_DOMAINS,
	    f->now_sec, &inner);
	/* An alias of an alias: we make none. */
	if (inner.reason == POLICY_TO_LOOK_UP)
		return POLICY_ROW_MISSING;
	return policy_failed(inner.reason) ? inner.reason : POLICY_RESTORED;
}

/* --- destination --- */

static bool
is_local_domain(const struct srsmilter_config *c, struct mf_text domain)
{
	return domain.len == 0 || list_has_domain(&c->local_domains, domain) ||
	    list_has_domain(&c->rewriter->srs_domains, domain);
}

static bool
leaves(const struct srsmilter_config *c, const struct recipient_facts *f,
    const struct recipient *r, struct mf_text domain)
{
	switch ((enum rewrite_mode)c->srsmilter.rewrite) {
	case REWRITE_ALL:
		return true;
	case REWRITE_NONE:
		return false;
	case REWRITE_REMOTE_MAILER:
		/* Its user is here; the mailer was that of the address. */
		if (r->is_rrs)
			return false;
		if (r->fate != RECIPIENT_RESTORED)
			return f->mailer.len != 0 &&
			    !recipient_is_local_mailer(c, f->mailer);
		break;
	case REWRITE_REMOTE_DOMAIN:
		break;
	}
	return !is_local_domain(c, domain);
}

static enum destination
destination_of(const struct srsmilter_config *c,
    const struct recipient_facts *f, const struct recipient *r)
{
	struct mf_text domain = path_domain(
	    r->fate == RECIPIENT_RESTORED ? restored_address(r) : f->address);

	if (!leaves(c, f, r, domain))
		return DESTINATION_LOCAL;
	if (list_has_domain(&c->rewriter->exclude_recipients, domain))
		return DESTINATION_EXCLUDED;
	return DESTINATION_FORWARDED;
}

/*
 * A wrong one is refused whoever sends it, as users are that don't exist: with
 * a catch-all the MTA would take any.  The hosts that are ours, and those that
 * receive for us, are not asked for their SPF.
 */
static void
judge_rrs(const struct srsmilter_config *c, const struct recipient_facts *f,
    struct recipient *out)
{
	static const enum recipient_fate outcomes[] = {
	    [RRS_VALID] = RECIPIENT_RESTORED,
	    [RRS_FORGED] = RECIPIENT_RRS_FORGED,
	    [RRS_REVOKED] = RECIPIENT_RRS_REVOKED};
	enum rrs_verdict verdict = rrs_rules_judge(
	    c->rrs, f->address, &out->reversed.address, &out->forwarder);

	if (f->from_exempt_host)
		out->forwarder = MF_TEXT("");
	out->is_rrs = true;
	out->fate = outcomes[verdict];
	out->is_forged = verdict == RRS_FORGED;
	out->reversed.reason =
	    verdict == RRS_VALID ? POLICY_RESTORED : POLICY_BAD_SIGNATURE;
	out->reversed.signature.len = 0;
	out->destination = destination_of(c, f, out);
}

void
recipient_judge(const struct srsmilter_config *c,
    const struct recipient_facts *f, struct recipient *out)
{
	enum policy_reason reason;

	out->is_rrs = false;
	out->forwarder = MF_TEXT("");
	if (!f->is_ambiguous && concerns_forwarder(c, f->address)) {
		judge_rrs(c, f, out);
		return;
	}
	reason =
	    f->is_ambiguous ? POLICY_NOT_SRS : reverse(c, f, &out->reversed);
	if (reason == POLICY_NOT_SRS || reason == POLICY_FOREIGN_DOMAIN)
		out->fate = fate_of_plain(c, f);
	else
		out->fate = fate_of_signed(c, f, out, reason);
	/* Not for what is behind a signature that is right. */
	out->is_forged =
	    !f->is_ambiguous && out->reversed.reason == POLICY_BAD_SIGNATURE;
	out->destination = destination_of(c, f, out);
}

/* SPDX-License-Identifier: ISC */
/*
 * check_host(): RFC 7208 4 to 6, over answers that may be missing.
 *
 * This is the evaluator that asks one by one, with one thing added: `blocked`.
 * Where an answer is missing the term counts as "no match" and blocked is set;
 * what is looked up from then on is a guess at what may be needed.  Nothing
 * that is found while blocked is ever a verdict, so that guesses can only save
 * time.  An exploration ends where evaluating one by one could not get past:
 * at a match, an error, or a limit.
 *
 * Decided here where RFC 7208 leaves room:
 *  - 4.6.4 limits the number of terms whose lookups are void: the lookup of a
 *    term's own name counts, the addresses of MX and PTR names don't.  A mail
 *    host without IPv6 is no reason for a permerror.
 *  - A name that can't exist (4.8, labels over 63 octets, none at all) is
 *    neither asked for nor counted as void: the term doesn't match; include and
 *    redirect find no record there.
 *  - RFC 8616 4: with a local part that isn't ASCII, a term whose name is made
 *    from it (%{s}, %{l}) matches nothing; a redirect is as if it weren't there.
 *  - 5.4: MX hosts are asked by preference; an error at one is a temperror
 *    unless an earlier one has matched.
 */
#include "libspf/eval_.h"

#include "common/text.h"

#define LOCAL_DEFAULT MF_TEXT("postmaster")

/* --- records --- */

static enum match_
match_term(struct check_ *c, const struct level_ *l)
{
	const struct spf_term *t = l->term;
	const struct spf_ip *ip = &c->values.ip;

	switch (t->kind) {
	case SPF_TERM_ALL:
		return MATCH_YES;
	case SPF_TERM_IP4:
		return !ip->v6 && prefix_eq_(t->network, ip->octets, t->cidr4)
		    ? MATCH_YES
		    : MATCH_NO;
	case SPF_TERM_IP6:
		return ip->v6 && prefix_eq_(t->network, ip->octets, t->cidr6)
		    ? MATCH_YES
		    : MATCH_NO;
	case SPF_TERM_A:
	case SPF_TERM_MX:
	case SPF_TERM_PTR:
	case SPF_TERM_EXISTS:
	case SPF_TERM_INCLUDE:
		break;
	}
	return count_term_(c, l) ? match_by_dns_(c, l) : MATCH_PERMERROR;
}

/* The term in l has decided.  Within an include it only decides for that. */
static enum outcome_
decided(struct check_ *c, const struct level_ *l, enum spf_result result)
{
	if (c->blocked)
		return OUT_UNKNOWN;
	if (!l->included) {
		struct spf_verdict *v = c->verdict;

		/* Records and names are free of controls by now. */
		put_text_(v->mechanism, sizeof(v->mechanism), l->written);
		put_text_(v->at, sizeof(v->at), l->domain);
		if (result != SPF_FAIL)
			return (enum outcome_)result;
		c->failed = l->record;
		memcpy(c->failed_domain, l->domain.p, l->domain.len);
		c->values.domain = mf_text_at(c->failed_domain, l->domain.len);
	}
	return (enum outcome_)result;
}

static enum outcome_
check_redirect(struct check_ *c, struct level_ *l)
{
	char room[SPF_NAME_SIZE];
	const struct spf_answer *a;
	struct mf_text name;
	enum match_ m;
	enum outcome_ outcome;

	l->term = NULL;
	l->written = l->record->redirect_written;
	TELL(c, l, .kind = SPF_EVENT_TERM, .text = l->written);
	if (!count_term_(c, l))
		return c->blocked ? OUT_STOP : OUT_PERMERROR;
	m = target_name_(c, l, &l->record->redirect, room, &name);
	if (m == MATCH_NO) {
		problem_(
		    c, l, "invalid domain name:", l->record->redirect.text);
		return OUT_PERMERROR;
	}
	if (m == MATCH_YES)
		m = term_lookup_(c, l, SPF_RR_TXT, name, &a);
	switch (m) {
	case MATCH_YES:
	case MATCH_NO:
		break;
	case MATCH_TEMPERROR:
		return c->blocked ? OUT_STOP : OUT_TEMPERROR;
	case MATCH_PERMERROR:
		return c->blocked ? OUT_STOP : OUT_PERMERROR;
	case MATCH_UNKNOWN:
		return OUT_UNKNOWN;
	case MATCH_STOP:
		return OUT_STOP;
	}
	outcome = check_record_(c, l, name, a, l->included);
	if (outcome != OUT_NONE)
		return outcome;
	problem_(c, l, "no SPF record found for", name); /* 6.1 */
	return OUT_PERMERROR;
}

static enum outcome_
check_terms(struct check_ *c, struct level_ *l)
{
	for (size_t i = 0; i < l->record->count; i++) {
		enum match_ m;

		l->term = &l->record->terms[i];
		l->written = l->term->written;
		TELL(c, l, .kind = SPF_EVENT_TERM, .text = l->written);
		m = match_term(c, l);
		if (m == MATCH_YES || m == MATCH_NO)
			TELL(c, l, .kind = SPF_EVENT_MATCH, .text = l->written,
			    .matched = m == MATCH_YES);
		switch (m) {
		case MATCH_YES:
			return decided(c, l, l->term->result);
		case MATCH_TEMPERROR:
			return c->blocked ? OUT_STOP : OUT_TEMPERROR;
		case MATCH_PERMERROR:
			return c->blocked ? OUT_STOP : OUT_PERMERROR;
		case MATCH_STOP:
			return OUT_STOP;
		case MATCH_NO:
		case MATCH_UNKNOWN:
			break;
		}
	}
	if (l->record->has_redirect &&
	    (!l->record->redirect.from_local || text_is_ascii(c->values.local)))
		return check_redirect(c, l);
	l->written = MF_TEXT("");
	return decided(c, l, SPF_NEUTRAL); /* 4.7 */
}

/* check_host() once the TXT answer of domain is there. */
enum outcome_
check_record_(struct check_ *c, const struct level_ *parent,
    struct mf_text domain, const struct spf_answer *a, bool included)
{
	struct level_ l = {
	    .domain = domain, .depth = parent->depth + 1, .included = included};
	enum outcome_ outcome;

	TELL(c, &l, .kind = SPF_EVENT_CHECK, .name = domain);
	if (a->spf_records == 0)
		return OUT_NONE;
	if (!c->blocked && l.depth > c->verdict->depth)
		c->verdict->depth = l.depth;
	if (a->spf_records > 1) {
		problem_(c, &l, "more than one SPF record", MF_TEXT(""));
		return OUT_PERMERROR;
	}
	l.record = a->record;
	TELL(c, &l, .kind = SPF_EVENT_RECORD, .name = domain,
	    .text = l.record->text);
	if (l.record->problem != NULL) {
		problem_(c, &l, l.record->problem, MF_TEXT(""));
		return OUT_PERMERROR;
	}
	outcome = check_terms(c, &l);
	if (c->blocked && outcome != OUT_STOP)
		return OUT_UNKNOWN;
	if (!c->blocked)
		TELL(c, &l, .kind = SPF_EVENT_RESULT, .name = domain,
		    .result = (enum spf_result)outcome);
	return outcome;
}

/* --- the domain that is checked --- */

static enum outcome_
check_compiled(struct check_ *c, const struct level_ *top,
    struct mf_text domain, const struct spf_record *record)
{
	struct spf_answer answer = {.rr = SPF_RR_TXT,
	    .status = SPF_DNS_FOUND,
	    .spf_records = 1,
	    .record = record};

	return check_record_(c, top, domain, &answer, false);
}

static void
no_memory(struct spf_verdict *v)
{
	v->cause = SPF_CAUSE_NO_MEMORY;
	put_text_(v->problem, sizeof(v->problem), MF_TEXT("out of memory"));
}

/* <domain>._spf.<delegate>.  OUT_NONE if there is none either. */
static enum outcome_
check_delegate(
    struct check_ *c, const struct level_ *top, struct mf_text domain)
{
	char room[SPF_SENDER_MAX], name_room[SPF_NAME_SIZE];
	struct text_out out = text_out(room, sizeof(room));
	const struct spf_answer *a;
	size_t len;

	out_text(&out, domain);
	out_str(&out, "._spf.");
	out_text(&out, c->request->delegate);
	if (out.full)
		return OUT_NONE;
	unsigned labels = name_to_ascii_(out_view(&out), name_room, &len);
	if (labels == NAME_NO_MEMORY_) {
		no_memory(c->verdict);
		return OUT_TEMPERROR;
	}
	if (labels == 0)
		return OUT_NONE;
	struct mf_text name = mf_text_at(name_room, len);
	a = lookup_(c, top, SPF_RR_TXT, name);
	if (a == NULL) {
		blocked_(c);
		return OUT_UNKNOWN;
	}
	if (a->status == SPF_DNS_ERROR) {
		failed_lookup_(c, top, name, a);
		return OUT_TEMPERROR;
	}
	if (a->spf_records == 0)
		return OUT_NONE;
	c->verdict->delegated = true;
	return check_record_(c, top, domain, a, false);
}

/*
 * A guess that ends in an error is none: the domain has published nothing that
 * could be wrong.  One without addresses and mail servers is enough for that,
 * as "a mx ptr" then has one void lookup too many (4.6.4).
 */
static enum outcome_
check_guess(struct check_ *c, const struct level_ *top, struct mf_text domain)
{
	struct spf_verdict *v = c->verdict;
	enum outcome_ outcome;

	v->guessed = true;
	outcome = check_compiled(c, top, domain, c->request->best_guess);
	if (outcome != OUT_PERMERROR)
		return outcome;
	v->guessed = false;
	v->terms = v->voids = v->depth = 0;
	v->problem[0] = '\0';
	return OUT_NONE;
}

static enum outcome_
check_domain(struct check_ *c, struct mf_text domain)
{
	const struct level_ top = {.domain = domain, .depth = UINT_MAX};
	const struct spf_answer *a = lookup_(c, &top, SPF_RR_TXT, domain);
	enum outcome_ outcome = OUT_NONE;

	if (a == NULL) {
		blocked_(c);
		return OUT_UNKNOWN;
	}
	if (a->status == SPF_DNS_ERROR) {
		failed_lookup_(c, &top, domain, a);
		return OUT_TEMPERROR;
	}
	if (a->spf_records != 0)
		return check_record_(c, &top, domain, a, false);
	if (c->request->delegate.len != 0)
		outcome = check_delegate(c, &top, domain);
	if (outcome != OUT_NONE || c->request->best_guess == NULL)
		return outcome;
	return check_guess(c, &top, domain);
}

/* --- explanations (6.2) --- */

/* exp= is asked for once it is certain; whatever is wrong with it: no text. */
static enum spf_status
explain(struct check_ *c)
{
	const struct level_ l = {.domain = c->values.domain};
	char room[SPF_NAME_SIZE];
	struct mf_text spec = c->request->default_explanation;
	struct mf_text name = MF_TEXT("");
	enum match_ m = MATCH_NO;

	if (c->failed->has_explanation &&
	    (!c->failed->explanation.from_local ||
		text_is_ascii(c->values.local)))
		m = target_name_(c, &l, &c->failed->explanation, room, &name);
	if (m == MATCH_YES) {
		const struct spf_answer *a = lookup_(c, &l, SPF_RR_TXT, name);

		if (a == NULL)
			m = blocked_(c);
		else if (a->only_text.len != 0 && macro_text_ok_(a->only_text))
			spec = a->only_text;
	}
	if (m != MATCH_UNKNOWN && m != MATCH_STOP &&
	    macro_needs_validated_(spec))
		(void)find_validated_(c, &l);
	if (c->blocked)
		return SPF_PENDING;
	if (macro_text_ok_(spec))
		macro_expand_text_(spec, &c->values, c->verdict->explanation);
	return SPF_OK;
}

/* --- the request --- */

/*
 * Identity, sender and values of macros.  False: there is no domain that could
 * have a record (4.3), the result is none.
 */
static bool
prepare(struct check_ *c)
{
	/* cppcheck-suppress ctuuninitvar ; only its rooms aren't set */
	const struct spf_request *q = c->request;
	struct spf_verdict *v = c->verdict;
	struct mf_text local = LOCAL_DEFAULT, domain = q->helo;
	size_t len = 0;

	if (q->identity == SPF_MAILFROM && q->sender.len != 0) {
		size_t at = text_rfind(q->sender, '@');

		domain = at == q->sender.len ? q->sender
					     : text_from(q->sender, at + 1);
		if (at != 0 && at != q->sender.len)
			local = text_head(q->sender, at);
	}
	c->values.local = text_head(local, SPF_SENDER_MAX);
	c->values.helo = text_head(q->helo, SPF_SENDER_MAX);
	c->values.receiver = q->receiver.len != 0
	    ? text_head(q->receiver, SPF_NAME_MAX)
	    : MF_TEXT("unknown");
	c->values.ip = q->ip;
	c->values.now_sec = q->now_sec;
	unsigned labels = name_to_ascii_(domain, v->domain, &len);
	if (labels == NAME_NO_MEMORY_) {
		v->result = SPF_TEMPERROR;
		no_memory(v);
	}
	if (labels < 2 || labels == NAME_NO_MEMORY_ || v->domain[0] == '[') {
		hide_controls_(
		    v->domain, put_text_(v->domain, sizeof(v->domain), domain));
		return false;
	}
	c->domain = mf_text_at(v->domain, len);
	c->values.sender_domain = c->domain;
	return true;
}

enum spf_status
spf_evaluate(const struct spf_request *request, const struct spf_source *source,
    struct spf_verdict *out)
{
	struct check_ c;
	enum outcome_ outcome;

	/* Not all of it: clearing the rooms would cost more than a check. */
	c.request = request;
	c.source = source;
	c.verdict = out;
	c.limits = spf_limits_set(request->limits);
	c.blocked = false;
	c.failed = NULL;
	c.values.validated = MF_TEXT("");
	c.values.domain = MF_TEXT("");
	out->domain[0] = out->mechanism[0] = out->at[0] = '\0';
	out->explanation[0] = out->problem[0] = '\0';
	out->terms = out->voids = out->lookups = out->depth = 0;
	out->guessed = out->delegated = false;
	out->result = SPF_NONE;
	out->cause = SPF_CAUSE_NONE;
	if (!prepare(&c))
		return SPF_OK;
	if (request->ip_unknown) {
		out->result = SPF_TEMPERROR;
		put_text_(out->problem, sizeof(out->problem),
		    MF_TEXT("client address unknown"));
		return SPF_OK;
	}
	outcome = check_domain(&c, c.domain);
	if (c.blocked)
		return SPF_PENDING;
	out->result = (enum spf_result)outcome;
	if (outcome == OUT_FAIL && c.failed != NULL)
		return explain(&c);
	return SPF_OK;
}

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
#include <limits.h>

#include "libspf/record_.h"

#define LOCAL_DEFAULT TEXT("postmaster")

/* A result, or that it isn't known yet. */
enum outcome {
	OUT_NONE = SPF_NONE,
	OUT_NEUTRAL = SPF_NEUTRAL,
	OUT_PASS = SPF_PASS,
	OUT_FAIL = SPF_FAIL,
	OUT_SOFTFAIL = SPF_SOFTFAIL,
	OUT_TEMPERROR = SPF_TEMPERROR,
	OUT_PERMERROR = SPF_PERMERROR,
	OUT_UNKNOWN,
	OUT_STOP /* unknown, and exploring further can't help */
};

/* What a term comes to. */
enum match {
	MATCH_NO,
	MATCH_YES,
	MATCH_TEMPERROR,
	MATCH_PERMERROR,
	MATCH_UNKNOWN, /* an answer is missing; go on, blocked */
	MATCH_STOP
};

struct check {
	const struct spf_request *request;
	const struct spf_source *source;
	struct spf_verdict *verdict;
	struct macro_values_ values;
	bool blocked;
	/* The record whose term has failed the client, for its exp=. */
	const struct spf_record *failed;
	struct text domain;
	char failed_domain[SPF_NAME_SIZE];
	char validated[SPF_NAME_SIZE]; /* %{p}, of the term at hand */
};

/* One level of check_host(). */
struct level {
	struct text domain;
	const struct spf_record *record;
	const struct term_ *term;
	struct text written; /* of the term, or of redirect */
	unsigned depth;
	bool included;
};

/* --- events and problems --- */

static void
tell(const struct check *c, const struct level *l, struct spf_event event)
{
	const struct spf_trace *trace = c->request->trace;

	event.depth = l->depth;
	event.terms = c->verdict->terms;
	event.voids = c->verdict->voids;
	trace->event(trace->arg, &event);
}

#define TELL(check, level, ...)                                              \
	do {                                                                 \
		if ((check)->request->trace != NULL)                         \
			tell(check, level, (struct spf_event){__VA_ARGS__}); \
	} while (0)

static size_t
put_text(char *out, size_t size, struct text t)
{
	size_t len = t.len < size ? t.len : size - 1;

	if (len != 0)
		memcpy(out, t.p, len);
	out[len] = '\0';
	return len;
}

/* What comes from the wire must not carry controls further. */
static void
hide_controls(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (ascii_is_control(text[i]))
			text[i] = '?';
}

/* Note the first problem: "TERM" in the record of DOMAIN: WHY (WHAT). */
static void
problem(const struct check *c, const struct level *l, const char *why,
    struct text what)
{
	char *text = c->verdict->problem;
	struct text_out out = text_out(text, SPF_TEXT_MAX);

	if (c->blocked || text[0] != '\0')
		return;
	if (l->written.len != 0) {
		out_char(&out, '"');
		out_text(&out, text_head(l->written, 120));
		out_str(&out, "\" ");
	}
	out_str(&out, "in the record of ");
	out_text(&out, l->domain);
	out_str(&out, ": ");
	out_str(&out, why);
	if (what.len != 0) {
		out_char(&out, ' ');
		out_text(&out, text_head(what, out.size - out.len));
	}
	text[out.len] = '\0';
	hide_controls(text, out.len);
	TELL(c, l, .kind = SPF_EVENT_PROBLEM, .text = out_view(&out));
}

/* --- limits --- */

static enum match
blocked(struct check *c)
{
	c->blocked = true;
	return c->request->sequential ? MATCH_STOP : MATCH_UNKNOWN;
}

/* A term that causes lookups (4.6.4).  False: one too many. */
static bool
count_term(struct check *c, const struct level *l)
{
	if (++c->verdict->terms <= SPF_TERMS_MAX)
		return true;
	problem(c, l, "more than 10 terms that need DNS lookups", TEXT(""));
	return false;
}

static bool
count_void(struct check *c, const struct level *l, struct text name)
{
	if (++c->verdict->voids <= SPF_VOIDS_MAX)
		return true;
	problem(c, l, "more than 2 lookups found nothing, the last for", name);
	return false;
}

static const struct spf_answer *
lookup(struct check *c, const struct level *l, enum spf_rr rr, struct text name)
{
	const struct spf_answer *a =
	    c->source->lookup(c->source->arg, rr, name);

	c->verdict->lookups++;
	TELL(c, l, .kind = SPF_EVENT_LOOKUP, .rr = rr, .name = name,
	    .answer = a);
	return a;
}

/* --- addresses --- */

static uint32_t
get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	    (uint32_t)p[2] << 8 | p[3];
}

/* Whether the first bits (up to 128, of whole words) of a and b are equal. */
static bool
prefix_eq(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	for (; bits >= 32; bits -= 32, a += 4, b += 4)
		if (get_be32(a) != get_be32(b))
			return false;
	return bits == 0 || (get_be32(a) ^ get_be32(b)) >> (32 - bits) == 0;
}

static bool
has_address(const struct spf_answer *a, const struct spf_ip *ip, unsigned bits)
{
	size_t size = a->rr == SPF_RR_AAAA ? 16 : 4;

	for (size_t i = 0; i < a->count; i++)
		if (prefix_eq(a->addresses + i * size, ip->octets, bits))
			return true;
	return false;
}

static enum spf_rr
address_rr(const struct check *c)
{
	return c->values.ip.v6 ? SPF_RR_AAAA : SPF_RR_A;
}

static unsigned
address_bits(const struct check *c, const struct term_ *term)
{
	return c->values.ip.v6 ? term->cidr6 : term->cidr4;
}

/* --- validated names (5.5, %{p}) --- */

static struct text
reverse_name(const struct spf_ip *ip, char room[static SPF_NAME_SIZE])
{
	const struct macro_values_ values = {.ip = *ip};
	size_t len = 0;

	macro_expand_domain_(
	    ip->v6 ? TEXT("%{ir}.ip6.arpa") : TEXT("%{ir}.in-addr.arpa"),
	    &values, room, &len);
	return text_at(room, len);
}

/* The client's names.  MATCH_NO: none; MATCH_YES: *out; or unknown. */
static enum match
client_names(
    struct check *c, const struct level *l, const struct spf_answer **out)
{
	char room[SPF_NAME_SIZE];
	const struct spf_answer *a =
	    lookup(c, l, SPF_RR_PTR, reverse_name(&c->values.ip, room));

	*out = a;
	if (a == NULL)
		return blocked(c);
	return a->status == SPF_DNS_FOUND ? MATCH_YES : MATCH_NO;
}

/* Whether name has the client's address: an error skips the name. */
static enum match
is_validated(struct check *c, const struct level *l, struct text name)
{
	const struct spf_answer *a;

	if (!name_ok_(name))
		return MATCH_NO;
	a = lookup(c, l, address_rr(c), name);
	if (a == NULL)
		return blocked(c);
	return a->status == SPF_DNS_FOUND &&
		has_address(a, &c->values.ip, c->values.ip.v6 ? 128 : 32)
	    ? MATCH_YES
	    : MATCH_NO;
}

static size_t
names_used(const struct spf_answer *a)
{
	return a->count < SPF_PTR_MAX ? a->count : SPF_PTR_MAX;
}

/* name is domain, or below it. */
static bool
is_within(struct text name, struct text domain)
{
	return text_eq_fold(name, domain) ||
	    (name.len > domain.len && text_ends_fold(name, domain) &&
		name.p[name.len - domain.len - 1] == '.');
}

/*
 * %{p} (7.3): the domain itself if it is validated, else a name below it, else
 * any, else "unknown".  MATCH_YES once it is there.
 */
static enum match
find_validated(struct check *c, const struct level *l)
{
	const struct spf_answer *names;
	struct text best = TEXT("unknown");
	int best_rank = 0;
	bool unknown = false;
	enum match found = client_names(c, l, &names);

	if (found == MATCH_UNKNOWN || found == MATCH_STOP)
		return found;
	for (size_t i = 0; found == MATCH_YES && i < names_used(names); i++) {
		struct text name = names->names[i];
		int rank = text_eq_fold(name, l->domain) ? 3
		    : is_within(name, l->domain)         ? 2
							 : 1;

		switch (is_validated(c, l, name)) {
		case MATCH_YES:
			if (rank > best_rank) {
				best_rank = rank;
				best = name;
			}
			break;
		case MATCH_UNKNOWN:
			unknown = true;
			break;
		case MATCH_STOP:
			return MATCH_STOP;
		case MATCH_NO:
		case MATCH_TEMPERROR:
		case MATCH_PERMERROR:
			break;
		}
	}
	if (unknown)
		return MATCH_UNKNOWN;
	c->values.validated = text_at(
	    c->validated, put_text(c->validated, sizeof(c->validated), best));
	return MATCH_YES;
}

/* --- targets --- */

/*
 * The name that a domain-spec stands for.  MATCH_YES: in *name; MATCH_NO: it
 * can't exist; or unknown.  Names made from macros aren't guessed at: they are
 * rarely cached, and would tell the sender's name to the world for nothing.
 */
static enum match
target_name(struct check *c, const struct level *l,
    const struct domain_spec_ *spec, char room[static SPF_NAME_SIZE],
    struct text *name)
{
	size_t len;

	*name = spec->text.len != 0 ? spec->text : l->domain;
	if (!spec->macros)
		return spec->text.len == 0 || spec->usable ? MATCH_YES
							   : MATCH_NO;
	if (c->blocked)
		return MATCH_UNKNOWN;
	if (macro_needs_validated_(spec->text)) {
		enum match found = find_validated(c, l);

		if (found != MATCH_YES)
			return found;
	}
	c->values.domain = l->domain;
	bool ok = macro_expand_domain_(spec->text, &c->values, room, &len);
	*name = text_at(room, ok ? len : 0);
	TELL(c, l, .kind = SPF_EVENT_MACRO, .text = spec->text, .name = *name);
	return ok ? MATCH_YES : MATCH_NO;
}

/* --- mechanisms --- */

static enum match
failed_lookup(struct check *c, const struct level *l, struct text name)
{
	problem(c, l, "DNS gave no answer for", name);
	return MATCH_TEMPERROR;
}

/* The answer for a term's own name, with what counts against its limits. */
static enum match
term_lookup(struct check *c, const struct level *l, enum spf_rr rr,
    struct text name, const struct spf_answer **out)
{
	const struct spf_answer *a = lookup(c, l, rr, name);

	*out = a;
	if (a == NULL)
		return blocked(c);
	switch (a->status) {
	case SPF_DNS_FOUND:
		return MATCH_YES;
	case SPF_DNS_VOID:
		return count_void(c, l, name) ? MATCH_NO : MATCH_PERMERROR;
	case SPF_DNS_ERROR:
		return failed_lookup(c, l, name);
	}
	return MATCH_NO;
}

static enum match
match_a(struct check *c, const struct level *l)
{
	char room[SPF_NAME_SIZE];
	const struct spf_answer *a;
	struct text name;
	enum match m = target_name(c, l, &l->term->target, room, &name);

	if (m == MATCH_YES)
		m = term_lookup(c, l, address_rr(c), name, &a);
	if (m != MATCH_YES)
		return m;
	return has_address(a, &c->values.ip, address_bits(c, l->term))
	    ? MATCH_YES
	    : MATCH_NO;
}

static enum match
match_exists(struct check *c, const struct level *l)
{
	char room[SPF_NAME_SIZE];
	const struct spf_answer *a;
	struct text name;
	enum match m = target_name(c, l, &l->term->target, room, &name);

	return m == MATCH_YES ? term_lookup(c, l, SPF_RR_A, name, &a) : m;
}

static enum match
match_mx_host(struct check *c, const struct level *l, struct text host)
{
	const struct spf_answer *a;

	if (!name_ok_(host)) /* "." of RFC 7505, or worse */
		return MATCH_NO;
	a = lookup(c, l, address_rr(c), host);
	if (a == NULL)
		return blocked(c);
	if (a->status == SPF_DNS_ERROR)
		return failed_lookup(c, l, host);
	return has_address(a, &c->values.ip, address_bits(c, l->term))
	    ? MATCH_YES
	    : MATCH_NO;
}

static enum match
match_mx(struct check *c, const struct level *l)
{
	char room[SPF_NAME_SIZE];
	const struct spf_answer *a;
	struct text name;
	enum match m = target_name(c, l, &l->term->target, room, &name);
	bool unknown = false;

	if (m == MATCH_YES)
		m = term_lookup(c, l, SPF_RR_MX, name, &a);
	if (m != MATCH_YES)
		return m;
	if (a->count > SPF_MX_MAX) {
		problem(c, l, "more than 10 MX records at", name);
		return MATCH_PERMERROR;
	}
	for (size_t i = 0; i < a->count; i++) {
		m = match_mx_host(c, l, a->names[i]);
		if (m == MATCH_UNKNOWN)
			unknown = true;
		else if (m != MATCH_NO)
			return unknown ? MATCH_UNKNOWN : m;
	}
	return unknown ? MATCH_UNKNOWN : MATCH_NO;
}

/*
 * 5.5: an error of the PTR lookup is no match, one of a name's addresses skips
 * that name.
 */
static enum match
match_ptr(struct check *c, const struct level *l)
{
	char room[SPF_NAME_SIZE];
	const struct spf_answer *a;
	struct text target;
	enum match m = target_name(c, l, &l->term->target, room, &target);
	bool unknown = false;

	if (m != MATCH_YES)
		return m;
	if (c->blocked) /* not guessed at: slow, and seldom of use */
		return MATCH_UNKNOWN;
	m = client_names(c, l, &a);
	if (m == MATCH_NO && a->status == SPF_DNS_VOID &&
	    !count_void(c, l, reverse_name(&c->values.ip, room)))
		return MATCH_PERMERROR;
	if (m != MATCH_YES)
		return m;
	for (size_t i = 0; i < names_used(a); i++) {
		if (!is_within(a->names[i], target))
			continue;
		m = is_validated(c, l, a->names[i]);
		if (m == MATCH_UNKNOWN)
			unknown = true;
		else if (m != MATCH_NO)
			return unknown ? MATCH_UNKNOWN : m;
	}
	return unknown ? MATCH_UNKNOWN : MATCH_NO;
}

static enum outcome check_record(struct check *c, const struct level *parent,
    struct text domain, const struct spf_answer *a, bool included);

/* 5.2: what the included domain's result means here. */
static enum match
match_included(struct check *c, const struct level *l, struct text name,
    enum outcome outcome)
{
	switch (outcome) {
	case OUT_PASS:
		return MATCH_YES;
	case OUT_FAIL:
	case OUT_SOFTFAIL:
	case OUT_NEUTRAL:
		return MATCH_NO;
	case OUT_TEMPERROR:
		return MATCH_TEMPERROR;
	case OUT_PERMERROR:
		return MATCH_PERMERROR;
	case OUT_NONE:
		problem(c, l, "there is no SPF record at", name);
		return MATCH_PERMERROR;
	case OUT_UNKNOWN:
		return MATCH_UNKNOWN;
	case OUT_STOP:
		return MATCH_STOP;
	}
	return MATCH_PERMERROR;
}

static enum match
match_include(struct check *c, const struct level *l)
{
	char room[SPF_NAME_SIZE];
	const struct spf_answer *a;
	struct text name;
	enum match m = target_name(c, l, &l->term->target, room, &name);

	if (m == MATCH_NO) {
		problem(
		    c, l, "this can't be a domain name:", l->term->target.text);
		return MATCH_PERMERROR;
	}
	if (m == MATCH_YES)
		m = term_lookup(c, l, SPF_RR_TXT, name, &a);
	if (m != MATCH_YES && m != MATCH_NO)
		return m;
	return match_included(c, l, name, check_record(c, l, name, a, true));
}

static enum match
match_term(struct check *c, const struct level *l)
{
	const struct term_ *t = l->term;
	const struct spf_ip *ip = &c->values.ip;

	switch (t->kind) {
	case TERM_ALL_:
		return MATCH_YES;
	case TERM_IP4_:
		return !ip->v6 && prefix_eq(t->network, ip->octets, t->cidr4)
		    ? MATCH_YES
		    : MATCH_NO;
	case TERM_IP6_:
		return ip->v6 && prefix_eq(t->network, ip->octets, t->cidr6)
		    ? MATCH_YES
		    : MATCH_NO;
	case TERM_A_:
	case TERM_MX_:
	case TERM_PTR_:
	case TERM_EXISTS_:
	case TERM_INCLUDE_:
		break;
	}
	if (!count_term(c, l))
		return MATCH_PERMERROR;
	if (t->target.from_local && !text_is_ascii(c->values.local))
		return MATCH_NO;
	switch (t->kind) {
	case TERM_A_:
		return match_a(c, l);
	case TERM_MX_:
		return match_mx(c, l);
	case TERM_PTR_:
		return match_ptr(c, l);
	case TERM_EXISTS_:
		return match_exists(c, l);
	case TERM_INCLUDE_:
		return match_include(c, l);
	case TERM_ALL_:
	case TERM_IP4_:
	case TERM_IP6_:
		break;
	}
	return MATCH_NO;
}

/* --- records --- */

/* The term in l has decided.  Within an include it only decides for that. */
static enum outcome
decided(struct check *c, const struct level *l, enum spf_result result)
{
	if (c->blocked)
		return OUT_UNKNOWN;
	if (!l->included) {
		struct spf_verdict *v = c->verdict;

		/* Records and names are free of controls by now. */
		put_text(v->mechanism, sizeof(v->mechanism), l->written);
		put_text(v->at, sizeof(v->at), l->domain);
		if (result != SPF_FAIL)
			return (enum outcome)result;
		c->failed = l->record;
		memcpy(c->failed_domain, l->domain.p, l->domain.len);
		c->values.domain = text_at(c->failed_domain, l->domain.len);
	}
	return (enum outcome)result;
}

static enum outcome
check_redirect(struct check *c, struct level *l)
{
	char room[SPF_NAME_SIZE];
	const struct spf_answer *a;
	struct text name;
	enum match m;
	enum outcome outcome;

	l->term = NULL;
	l->written = l->record->redirect_written;
	TELL(c, l, .kind = SPF_EVENT_TERM, .text = l->written);
	if (!count_term(c, l))
		return c->blocked ? OUT_STOP : OUT_PERMERROR;
	m = target_name(c, l, &l->record->redirect, room, &name);
	if (m == MATCH_NO) {
		problem(c, l,
		    "this can't be a domain name:", l->record->redirect.text);
		return OUT_PERMERROR;
	}
	if (m == MATCH_YES)
		m = term_lookup(c, l, SPF_RR_TXT, name, &a);
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
	outcome = check_record(c, l, name, a, l->included);
	if (outcome != OUT_NONE)
		return outcome;
	problem(c, l, "there is no SPF record at", name); /* 6.1 */
	return OUT_PERMERROR;
}

static enum outcome
check_terms(struct check *c, struct level *l)
{
	for (size_t i = 0; i < l->record->count; i++) {
		enum match m;

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
	l->written = TEXT("");
	return decided(c, l, SPF_NEUTRAL); /* 4.7 */
}

/* check_host() once the TXT answer of domain is there. */
static enum outcome
check_record(struct check *c, const struct level *parent, struct text domain,
    const struct spf_answer *a, bool included)
{
	struct level l = {
	    .domain = domain, .depth = parent->depth + 1, .included = included};
	enum outcome outcome;

	TELL(c, &l, .kind = SPF_EVENT_CHECK, .name = domain);
	if (a->spf_records == 0)
		return OUT_NONE;
	if (!c->blocked && l.depth > c->verdict->depth)
		c->verdict->depth = l.depth;
	if (a->spf_records > 1) {
		problem(c, &l, "there is more than one SPF record", TEXT(""));
		return OUT_PERMERROR;
	}
	l.record = a->record;
	TELL(c, &l, .kind = SPF_EVENT_RECORD, .name = domain,
	    .text = l.record->text);
	if (l.record->problem != NULL) {
		problem(c, &l, l.record->problem, TEXT(""));
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

static enum outcome
check_compiled(struct check *c, const struct level *top, struct text domain,
    const struct spf_record *record)
{
	struct spf_answer answer = {.rr = SPF_RR_TXT,
	    .status = SPF_DNS_FOUND,
	    .spf_records = 1,
	    .record = record};

	return check_record(c, top, domain, &answer, false);
}

/* <domain>._spf.<delegate>.  OUT_NONE if there is none either. */
static enum outcome
check_delegate(struct check *c, const struct level *top, struct text domain)
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
	if (labels == NAME_NO_MEMORY_)
		return OUT_TEMPERROR;
	if (labels == 0)
		return OUT_NONE;
	struct text name = text_at(name_room, len);
	a = lookup(c, top, SPF_RR_TXT, name);
	if (a == NULL) {
		blocked(c);
		return OUT_UNKNOWN;
	}
	if (a->status == SPF_DNS_ERROR) {
		failed_lookup(c, top, name);
		return OUT_TEMPERROR;
	}
	if (a->spf_records == 0)
		return OUT_NONE;
	c->verdict->delegated = true;
	return check_record(c, top, domain, a, false);
}

static enum outcome
check_domain(struct check *c, struct text domain)
{
	const struct level top = {.domain = domain, .depth = UINT_MAX};
	const struct spf_answer *a = lookup(c, &top, SPF_RR_TXT, domain);
	enum outcome outcome = OUT_NONE;

	if (a == NULL) {
		blocked(c);
		return OUT_UNKNOWN;
	}
	if (a->status == SPF_DNS_ERROR) {
		failed_lookup(c, &top, domain);
		return OUT_TEMPERROR;
	}
	if (a->spf_records != 0)
		return check_record(c, &top, domain, a, false);
	if (c->request->delegate.len != 0)
		outcome = check_delegate(c, &top, domain);
	if (outcome != OUT_NONE || c->request->best_guess == NULL)
		return outcome;
	c->verdict->guessed = true;
	return check_compiled(c, &top, domain, c->request->best_guess);
}

/* --- explanations (6.2) --- */

/* exp= is asked for once it is certain; whatever is wrong with it: no text. */
static enum spf_status
explain(struct check *c)
{
	const struct level l = {.domain = c->values.domain};
	char room[SPF_NAME_SIZE];
	struct text spec = c->request->default_explanation, name;
	enum match m = MATCH_NO;

	if (c->failed->has_explanation &&
	    (!c->failed->explanation.from_local ||
		text_is_ascii(c->values.local)))
		m = target_name(c, &l, &c->failed->explanation, room, &name);
	if (m == MATCH_YES) {
		const struct spf_answer *a = lookup(c, &l, SPF_RR_TXT, name);

		if (a == NULL)
			m = blocked(c);
		else if (a->only_text.len != 0 && macro_text_ok_(a->only_text))
			spec = a->only_text;
	}
	if (m != MATCH_UNKNOWN && m != MATCH_STOP &&
	    macro_needs_validated_(spec))
		m = find_validated(c, &l);
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
prepare(struct check *c)
{
	const struct spf_request *q = c->request;
	struct spf_verdict *v = c->verdict;
	struct text local = LOCAL_DEFAULT, domain = q->helo;
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
	    : TEXT("unknown");
	c->values.ip = q->ip;
	c->values.now_sec = q->now_sec;
	unsigned labels = name_to_ascii_(domain, v->domain, &len);
	if (labels == NAME_NO_MEMORY_) {
		v->result = SPF_TEMPERROR;
		put_text(v->problem, sizeof(v->problem),
		    TEXT("out of memory for the domain's A-labels"));
	}
	if (labels < 2 || labels == NAME_NO_MEMORY_ || v->domain[0] == '[') {
		hide_controls(
		    v->domain, put_text(v->domain, sizeof(v->domain), domain));
		return false;
	}
	c->domain = text_at(v->domain, len);
	c->values.sender_domain = c->domain;
	return true;
}

enum spf_status
spf_evaluate(const struct spf_request *request, const struct spf_source *source,
    struct spf_verdict *out)
{
	struct check c;
	enum outcome outcome;

	/* Not all of it: clearing the rooms would cost more than a check. */
	c.request = request;
	c.source = source;
	c.verdict = out;
	c.blocked = false;
	c.failed = NULL;
	c.values.validated = TEXT("");
	c.values.domain = TEXT("");
	out->domain[0] = out->mechanism[0] = out->at[0] = '\0';
	out->explanation[0] = out->problem[0] = '\0';
	out->terms = out->voids = out->lookups = out->depth = 0;
	out->guessed = out->delegated = false;
	out->result = SPF_NONE;
	if (!prepare(&c))
		return SPF_OK;
	outcome = check_domain(&c, c.domain);
	if (c.blocked)
		return SPF_PENDING;
	out->result = (enum spf_result)outcome;
	if (outcome == OUT_FAIL && c.failed != NULL)
		return explain(&c);
	return SPF_OK;
}

/* SPDX-License-Identifier: ISC */
/*
 * The mechanisms that need DNS: RFC 7208 5.2 and 5.3 to 5.7.
 */
#include "libspf/eval_.h"

#include "common/text.h"

/* --- addresses --- */

static bool
has_address(const struct spf_answer *a, const struct spf_ip *ip, unsigned bits)
{
	size_t size = a->rr == SPF_RR_AAAA ? 16 : 4;

	for (size_t i = 0; i < a->count; i++)
		if (prefix_eq_(a->addresses + i * size, ip->octets, bits))
			return true;
	return false;
}

static enum spf_rr
address_rr(const struct check_ *c)
{
	return c->values.ip.v6 ? SPF_RR_AAAA : SPF_RR_A;
}

static unsigned
address_bits(const struct check_ *c, const struct spf_term *term)
{
	return c->values.ip.v6 ? term->cidr6 : term->cidr4;
}

/* --- validated names (5.5, %{p}) --- */

static struct mf_text
reverse_name(const struct spf_ip *ip, char room[static SPF_NAME_SIZE])
{
	const struct macro_values_ values = {.ip = *ip};
	size_t len = 0;

	macro_expand_domain_(
	    ip->v6 ? MF_TEXT("%{ir}.ip6.arpa") : MF_TEXT("%{ir}.in-addr.arpa"),
	    &values, room, &len);
	return mf_text_at(room, len);
}

/* The client's names.  MATCH_NO: none; MATCH_YES: *out; or unknown. */
static enum match_
client_names(
    struct check_ *c, const struct level_ *l, const struct spf_answer **out)
{
	char room[SPF_NAME_SIZE];
	const struct spf_answer *a =
	    lookup_(c, l, SPF_RR_PTR, reverse_name(&c->values.ip, room));

	*out = a;
	if (a == NULL)
		return blocked_(c);
	return a->status == SPF_DNS_FOUND ? MATCH_YES : MATCH_NO;
}

/* Whether name has the client's address: an error skips the name. */
static enum match_
is_validated(struct check_ *c, const struct level_ *l, struct mf_text name)
{
	const struct spf_answer *a;

	if (!spf_name_ok(name))
		return MATCH_NO;
	a = lookup_(c, l, address_rr(c), name);
	if (a == NULL)
		return blocked_(c);
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
is_within(struct mf_text name, struct mf_text domain)
{
	return text_eq_fold(name, domain) ||
	    (name.len > domain.len && text_ends_fold(name, domain) &&
		name.p[name.len - domain.len - 1] == '.');
}

/*
 * %{p} (7.3): the domain itself if it is validated, else a name below it, else
 * any, else "unknown".  MATCH_YES once it is there.
 */
enum match_
find_validated_(struct check_ *c, const struct level_ *l)
{
	const struct spf_answer *names;
	struct mf_text best = MF_TEXT("unknown");
	int best_rank = 0;
	bool unknown = false;
	enum match_ found = client_names(c, l, &names);

	if (found == MATCH_UNKNOWN || found == MATCH_STOP)
		return found;
	for (size_t i = 0; found == MATCH_YES && i < names_used(names); i++) {
		struct mf_text name = names->names[i];
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
	c->values.validated = mf_text_at(
	    c->validated, put_text_(c->validated, sizeof(c->validated), best));
	return MATCH_YES;
}

/* --- targets --- */

/*
 * The name that a domain-spec stands for.  MATCH_YES: in *name; MATCH_NO: it
 * can't exist; or unknown.  Names made from macros aren't guessed at: they are
 * rarely cached, and would tell the sender's name to the world for nothing.
 */
enum match_
target_name_(struct check_ *c, const struct level_ *l,
    const struct spf_domain_spec *spec, char room[static SPF_NAME_SIZE],
    struct mf_text *name)
{
	size_t len;

	*name = spec->text.len != 0 ? spec->text : l->domain;
	if (!spec->macros)
		return spec->text.len == 0 || spec->usable ? MATCH_YES
							   : MATCH_NO;
	if (c->blocked)
		return MATCH_UNKNOWN;
	if (macro_needs_validated_(spec->text)) {
		enum match_ found = find_validated_(c, l);

		if (found != MATCH_YES)
			return found;
	}
	c->values.domain = l->domain;
	bool ok = macro_expand_domain_(spec->text, &c->values, room, &len);
	*name = mf_text_at(room, ok ? len : 0);
	TELL(c, l, .kind = SPF_EVENT_MACRO, .text = spec->text, .name = *name);
	return ok ? MATCH_YES : MATCH_NO;
}

/* --- mechanisms --- */

/* The answer for a term's own name, with what counts against its limits. */
enum match_
term_lookup_(struct check_ *c, const struct level_ *l, enum spf_rr rr,
    struct mf_text name, const struct spf_answer **out)
{
	const struct spf_answer *a = lookup_(c, l, rr, name);

	*out = a;
	if (a == NULL)
		return blocked_(c);
	switch (a->status) {
	case SPF_DNS_FOUND:
		return MATCH_YES;
	case SPF_DNS_VOID:
		return count_void_(c, l, name) ? MATCH_NO : MATCH_PERMERROR;
	case SPF_DNS_ERROR:
		return failed_lookup_(c, l, name, a);
	}
	return MATCH_NO;
}

static enum match_
match_a(struct check_ *c, const struct level_ *l)
{
	char room[SPF_NAME_SIZE];
	const struct spf_answer *a;
	struct mf_text name;
	enum match_ m = target_name_(c, l, &l->term->target, room, &name);

	if (m == MATCH_YES)
		m = term_lookup_(c, l, address_rr(c), name, &a);
	if (m != MATCH_YES)
		return m;
	return has_address(a, &c->values.ip, address_bits(c, l->term))
	    ? MATCH_YES
	    : MATCH_NO;
}

static enum match_
match_exists(struct check_ *c, const struct level_ *l)
{
	char room[SPF_NAME_SIZE];
	const struct spf_answer *a;
	struct mf_text name;
	enum match_ m = target_name_(c, l, &l->term->target, room, &name);

	return m == MATCH_YES ? term_lookup_(c, l, SPF_RR_A, name, &a) : m;
}

static enum match_
match_mx_host(struct check_ *c, const struct level_ *l, struct mf_text host)
{
	const struct spf_answer *a;

	if (!spf_name_ok(host)) /* "." of RFC 7505, or worse */
		return MATCH_NO;
	a = lookup_(c, l, address_rr(c), host);
	if (a == NULL)
		return blocked_(c);
	if (a->status == SPF_DNS_ERROR)
		return failed_lookup_(c, l, host, a);
	return has_address(a, &c->values.ip, address_bits(c, l->term))
	    ? MATCH_YES
	    : MATCH_NO;
}

static enum match_
match_mx(struct check_ *c, const struct level_ *l)
{
	char room[SPF_NAME_SIZE];
	const struct spf_answer *a;
	struct mf_text name;
	enum match_ m = target_name_(c, l, &l->term->target, room, &name);
	bool unknown = false;

	if (m == MATCH_YES)
		m = term_lookup_(c, l, SPF_RR_MX, name, &a);
	if (m != MATCH_YES)
		return m;
	if (a->count > c->limits.mx) {
		over_limit_(c, l, c->limits.mx, " MX records for", name);
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
static enum match_
match_ptr(struct check_ *c, const struct level_ *l)
{
	char room[SPF_NAME_SIZE], reverse[SPF_NAME_SIZE];
	const struct spf_answer *a;
	struct mf_text target;
	enum match_ m = target_name_(c, l, &l->term->target, room, &target);
	bool unknown = false;

	if (m != MATCH_YES)
		return m;
	if (c->blocked) /* not guessed at: slow, and seldom of use */
		return MATCH_UNKNOWN;
	m = client_names(c, l, &a);
	if (m == MATCH_NO && a->status == SPF_DNS_VOID &&
	    !count_void_(c, l, reverse_name(&c->values.ip, reverse)))
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

/* 5.2: what the included domain's result means here. */
static enum match_
match_included(struct check_ *c, const struct level_ *l, struct mf_text name,
    enum outcome_ outcome)
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
		problem_(c, l, "no SPF record found for", name);
		return MATCH_PERMERROR;
	case OUT_UNKNOWN:
		return MATCH_UNKNOWN;
	case OUT_STOP:
		return MATCH_STOP;
	}
	return MATCH_PERMERROR;
}

static enum match_
match_include(struct check_ *c, const struct level_ *l)
{
	char room[SPF_NAME_SIZE];
	const struct spf_answer *a;
	struct mf_text name;
	enum match_ m = target_name_(c, l, &l->term->target, room, &name);

	if (m == MATCH_NO) {
		problem_(c, l, "invalid domain name:", l->term->target.text);
		return MATCH_PERMERROR;
	}
	if (m == MATCH_YES)
		m = term_lookup_(c, l, SPF_RR_TXT, name, &a);
	if (m != MATCH_YES && m != MATCH_NO)
		return m;
	return match_included(c, l, name, check_record_(c, l, name, a, true));
}

enum match_
match_by_dns_(struct check_ *c, const struct level_ *l)
{
	const struct spf_term *t = l->term;

	if (t->target.from_local && !text_is_ascii(c->values.local))
		return MATCH_NO;
	switch (t->kind) {
	case SPF_TERM_A:
		return match_a(c, l);
	case SPF_TERM_MX:
		return match_mx(c, l);
	case SPF_TERM_PTR:
		return match_ptr(c, l);
	case SPF_TERM_EXISTS:
		return match_exists(c, l);
	case SPF_TERM_INCLUDE:
		return match_include(c, l);
	case SPF_TERM_ALL:
	case SPF_TERM_IP4:
	case SPF_TERM_IP6:
		break;
	}
	return MATCH_NO;
}

/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: what the names in records lead to.  Errors among it are those
 * of clients: lint_classes.c.
 */
#include <stdlib.h>

#include "common/text.h"
#include "tools/spfquery/lint.h"
#include "tools/spfquery/spfquery.h"

#define MX_NEAR (l->limits.mx - 2)

#define FIND(lint, level, code, t, ...)                               \
	lint_find(lint, level, code, mf_text_of((t)->record->domain), \
	    (t)->written, __VA_ARGS__)

static bool
is(const struct survey_lookup *lookup, enum spf_dns_status status)
{
	return lookup != NULL && lookup->answer.status == status;
}

/* The value of a term, without its prefix lengths. */
static struct mf_text
value_of(const struct survey_term *t)
{
	struct lint_term term;

	lint_parse(t->written, &term);
	return term.separator != '\0' ? term.value : MF_TEXT("");
}

static void
find_nothing(struct lint *l, const struct survey_term *t, const char *name,
    const char *what)
{
	char hint[SPF_TEXT_SIZE];
	bool tried =
	    lint_suggest(l, mf_text_of(t->record->domain), t->written, hint);

	FIND(l, LINT_WARNING, "nowhere", t,
	    "%s has no %s: never matches, and counts as a void lookup%s%s",
	    name, what, tried ? "; " : "", hint);
}

/* --- a, exists, mx --- */

static const struct survey_lookup *
lookup_of(const struct survey_term *t, enum spf_rr rr, const char *name)
{
	for (const struct survey_lookup *k = t->lookups; k != NULL; k = k->next)
		if (k->answer.rr == rr && strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

/* No family that asks for it has it; %{v} makes a name for each. */
static bool
has_no_address(const struct survey_term *t, const char *name)
{
	const struct survey_lookup *v4 = lookup_of(t, SPF_RR_A, name);
	const struct survey_lookup *v6 = lookup_of(t, SPF_RR_AAAA, name);

	return (v4 != NULL || v6 != NULL) &&
	    (v4 == NULL || is(v4, SPF_DNS_VOID)) &&
	    (v6 == NULL || is(v6, SPF_DNS_VOID));
}

static bool
is_address(struct mf_text name)
{
	struct spf_ip ip;

	return spf_ip_parse(name, &ip);
}

static void
check_host(struct lint *l, const struct survey_term *t, struct mf_text host)
{
	char name[SPF_NAME_SIZE];

	if (host.len == 0) {
		FIND(l, LINT_WARNING, "nowhere", t,
		    "the domain accepts no mail (RFC 7505): never matches");
		return;
	}
	if (is_address(host)) {
		FIND(l, LINT_WARNING, "mx-address", t,
		    "the mail host %.*s is an address, not a name: never "
		    "matches (RFC 1035 3.3.9)",
		    (int)host.len, host.p);
		return;
	}
	if (host.len > SPF_NAME_MAX)
		return;
	memcpy(name, host.p, host.len);
	name[host.len] = '\0';
	if (has_no_address(t, name))
		FIND(l, LINT_WARNING, "nowhere", t,
		    "the mail host %s has no address", name);
}

static void
check_mx(struct lint *l, const struct survey_term *t)
{
	const struct survey_lookup *mx = t->lookups;

	while (mx != NULL && mx->answer.rr != SPF_RR_MX)
		mx = mx->next;
	if (is(mx, SPF_DNS_VOID))
		find_nothing(l, t, mx->name, "mail host (MX)");
	if (!is(mx, SPF_DNS_FOUND))
		return;
	if (mx->answer.count <= l->limits.mx && mx->answer.count >= MX_NEAR)
		FIND(l, LINT_WARNING, "near-mx", t,
		    "%s has %zu mail hosts (MX), of at most %u", mx->name,
		    mx->answer.count, l->limits.mx);
	for (size_t i = 0; i < mx->answer.count && i < l->limits.mx; i++)
		check_host(l, t, mx->answer.names[i]);
}

static void
check_addresses(struct lint *l, const struct survey_term *t)
{
	bool exists = t->mechanism == SPF_TERM_EXISTS;

	for (const struct survey_lookup *k = t->lookups; k != NULL;
	     k = k->next) {
		/* Once for a name. */
		if (k->answer.rr == SPF_RR_AAAA &&
		    lookup_of(t, SPF_RR_A, k->name) != NULL)
			continue;
		if (has_no_address(t, k->name))
			find_nothing(
			    l, t, k->name, exists ? "IPv4 address" : "address");
	}
}

/* --- include, redirect, exp --- */

/* Where a term with a name that is known leads to; or NULL. */
static const struct survey_record *
lead_of(const struct survey_term *t)
{
	return t->match[SURVEY_V4].leads != NULL ? t->match[SURVEY_V4].leads
						 : t->match[SURVEY_V6].leads;
}

static bool
is_include(const struct survey_term *t)
{
	return t->kind == SURVEY_MECHANISM &&
	    t->mechanism == SPF_TERM_INCLUDE && !t->after_all;
}

/* Only what loops leads there again, else a second time is one too many. */
static void
check_repeat(struct lint *l, const struct survey_term *t)
{
	const struct survey_record *lead = lead_of(t);

	if (lead == NULL || !t->repeat || t->loop)
		return;
	FIND(l, LINT_WARNING, "repeat", t,
	    "%s is reached a second time, and its %u terms count again",
	    lead->domain, lead->terms + 1);
}

static void
check_exp(struct lint *l, const struct survey_term *t)
{
	const struct survey_lookup *k = t->lookups;

	if (k == NULL)
		return;
	if (is(k, SPF_DNS_ERROR))
		FIND(l, LINT_WARNING, "exp", t,
		    "%s: there is no explanation (DNS lookup failed: %s)",
		    k->name, spf_cause_text(k->answer.cause));
	else if (is(k, SPF_DNS_VOID))
		FIND(l, LINT_WARNING, "exp", t,
		    "%s has no TXT record: there is no explanation", k->name);
	else if (k->answer.only_text.len == 0)
		FIND(l, LINT_WARNING, "exp", t,
		    "%s has several TXT records: there is no explanation",
		    k->name);
	else if (!spf_explanation_ok(k->answer.only_text))
		FIND(l, LINT_WARNING, "exp", t,
		    "the text at %s has a bad macro or isn't ASCII: there is "
		    "no explanation",
		    k->name);
}

/* --- networks over all records --- */

struct seen_net {
	struct ip_net net;
	const struct survey_term *term;
};

static int
compare_nets(const void *a, const void *b)
{
	const struct seen_net *x = a, *y = b;
	int order = memcmp(
	    x->net.ip.octets, y->net.ip.octets, sizeof(x->net.ip.octets));

	if (x->net.ip.v6 != y->net.ip.v6)
		return x->net.ip.v6 ? 1 : -1;
	if (order != 0)
		return order;
	if (x->net.bits != y->net.bits)
		return x->net.bits < y->net.bits ? -1 : 1;
	return 0;
}

/* An ip4 or ip6 term that passes, as its network. */
static bool
is_net_term(const struct survey_term *t, struct ip_net *out)
{
	return t->kind == SURVEY_MECHANISM && !t->after_all &&
	    t->result == SPF_PASS &&
	    (t->mechanism == SPF_TERM_IP4 || t->mechanism == SPF_TERM_IP6) &&
	    ip_net_parse(value_of(t), out) &&
	    out->ip.v6 == (t->mechanism == SPF_TERM_IP6);
}

/* All of the survey; nets: room for them, or NULL to count. */
static size_t
gather_nets(const struct lint *l, struct seen_net *nets)
{
	size_t count = 0;
	struct ip_net net;

	for (const struct survey_record *r = l->survey.root; r != NULL;
	     r = r->next)
		for (const struct survey_term *t = r->first; t != NULL;
		     t = t->next) {
			if (!is_net_term(t, &net))
				continue;
			if (nets != NULL)
				nets[count] = (struct seen_net){net, t};
			count++;
		}
	return count;
}

/* The same network in two records. */
static void
check_networks(struct lint *l)
{
	size_t count = gather_nets(l, NULL);
	struct seen_net *nets = spfquery_must(calloc(count + 1, sizeof(*nets)));

	gather_nets(l, nets);
	qsort(nets, count, sizeof(*nets), compare_nets);
	for (size_t i = 1; i < count; i++) {
		const struct survey_term *a = nets[i - 1].term;
		const struct survey_term *b = nets[i].term;

		if (compare_nets(&nets[i - 1], &nets[i]) == 0 &&
		    a->record != b->record)
			FIND(l, LINT_NOTE, "twice", b,
			    "this network is in the record of %s as well",
			    a->record->domain);
	}
	free(nets);
}

/* --- records --- */

static bool
is_open(const struct survey_term *t)
{
	return (t->match[SURVEY_V4].open || t->match[SURVEY_V6].open) &&
	    !(t->kind == SURVEY_MECHANISM && t->mechanism == SPF_TERM_PTR);
}

static void
check_names(struct lint *l, const struct survey_term *t, bool own)
{
	if (t->after_all)
		return;
	if (is_open(t) && own)
		FIND(l, LINT_NOTE, "macro", t,
		    "a macro makes the name from what the client or sender is: "
		    "some name, maybe none");
	if (t->match[SURVEY_V4].never && t->kind == SURVEY_MECHANISM &&
	    t->mechanism != SPF_TERM_INCLUDE)
		FIND(l, LINT_WARNING, "no-name", t,
		    "no such name can exist in the DNS (RFC 7208 4.8)");
	if (t->kind == SURVEY_EXP && own)
		check_exp(l, t);
	if (is_include(t) || t->kind == SURVEY_REDIRECT)
		check_repeat(l, t);
	if (t->kind != SURVEY_MECHANISM)
		return;
	if (t->mechanism == SPF_TERM_MX)
		check_mx(l, t);
	if (t->mechanism == SPF_TERM_A || t->mechanism == SPF_TERM_EXISTS)
		check_addresses(l, t);
}

const struct survey_record *
lint_next_own(const struct survey_record *r)
{
	for (const struct survey_term *t = r->first; t != NULL; t = t->next)
		if (t->kind == SURVEY_REDIRECT && !t->after_all && !t->loop)
			return lead_of(t);
	return NULL;
}

static bool
is_own(const struct lint *l, const struct survey_record *record)
{
	const struct survey_record *r = l->survey.root;

	for (size_t i = 0; r != NULL && r != record && i < l->survey.records;
	     i++)
		r = lint_next_own(r);
	return r == record;
}

void
lint_names(struct lint *l)
{
	for (const struct survey_record *r = l->survey.root; r != NULL;
	     r = r->next) {
		bool own = is_own(l, r);

		for (const struct survey_term *t = r->first; t != NULL;
		     t = t->next)
			check_names(l, t, own);
	}
	check_networks(l);
	if (l->survey.cut)
		lint_find(l, LINT_WARNING, "endless", l->domain, MF_TEXT(""),
		    "stopped after %d lookups", SURVEY_LOOKUPS_MAX);
}

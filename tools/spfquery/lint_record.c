/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: what a record's text alone shows.
 */
#include <stdlib.h>

#include "common/text.h"
#include "tools/spfquery/lint.h"
#include "tools/spfquery/spfquery.h"

/* RFC 7208 3.4: with names around it, more doesn't fit into 512 octets. */
#define RECORD_LONG 450
#define STRING_LONG 255
#define EARLIER_MAX 512 /* terms that one is compared with */

struct record_pass {
	struct lint *lint;
	struct mf_text domain;
	enum lint_level error; /* what a syntax error is here */
	bool valid;
	/* Of the words: */
	struct mf_text early; /* the first modifier before a mechanism */
	struct mf_text modifier;
	bool redirect, exp;
	/* Of the mechanisms: */
	const struct spf_term *terms;
	size_t count;
	const struct spf_term *all; /* the first one; NULL: none */
	bool documentation;         /* there is a network of that */
};

#define FIND(pass, level, code, term, ...) \
	lint_find((pass)->lint, level, code, (pass)->domain, term, __VA_ARGS__)

/* --- words --- */

/* RFC 6652 has given these a meaning. */
static bool
is_known_modifier(struct mf_text name)
{
	return text_eq_fold(name, MF_TEXT("ra")) ||
	    text_eq_fold(name, MF_TEXT("rp")) ||
	    text_eq_fold(name, MF_TEXT("rr"));
}

static void
check_modifier(struct record_pass *p, const struct lint_term *t)
{
	char hint[SPF_TEXT_SIZE];
	bool both;

	if (text_eq_fold(t->written, MF_TEXT("v=spf1"))) {
		FIND(p, LINT_WARNING, "typo", t->written,
		    "a second version, which is ignored: two records in one?");
		return;
	}
	if (is_known_modifier(t->name))
		return;
	lint_hint(t, MF_TEXT(""), hint, &both);
	if (hint[0] != '\0')
		FIND(p, LINT_WARNING, "typo", t->written,
		    "an unknown modifier, which is ignored; %s", hint);
	else
		FIND(p, LINT_WARNING, "modifier", t->written,
		    "an unknown modifier, which is ignored");
}

static void
check_order(struct record_pass *p, const struct lint_term *t)
{
	if (text_eq_fold(t->written, MF_TEXT("v=spf1")))
		return;
	if (lint_is_modifier(t->kind))
		p->modifier = p->modifier.len == 0 ? t->written : p->modifier;
	else if (p->modifier.len != 0 && p->early.len == 0)
		p->early = p->modifier;
}

static void
check_word(struct record_pass *p, const struct lint_term *t,
    const char *problem, struct mf_text next, bool *skip)
{
	char hint[SPF_TEXT_SIZE];

	check_order(p, t);
	if (!t->valid) {
		p->valid = false;
		if (*skip) {
			*skip = false;
			hint[0] = '\0';
		} else
			lint_hint(t, next, hint, skip);
		FIND(p, p->error, "syntax", t->written, "%s%s%s", problem,
		    hint[0] != '\0' ? "; " : "", hint);
		return;
	}
	*skip = false;
	p->redirect = p->redirect || t->kind == LINT_REDIRECT;
	p->exp = p->exp || t->kind == LINT_EXP;
	if (t->kind == LINT_MODIFIER)
		check_modifier(p, t);
}

static void
check_words(struct record_pass *p, struct mf_text record)
{
	struct mf_text rest = text_from(record, sizeof("v=spf1") - 1);
	struct lint_term term, next;
	char problem[SPF_TEXT_SIZE], next_problem[SPF_TEXT_SIZE];
	bool skip = false;
	bool more = lint_next(&rest, &term, problem);

	while (more) {
		more = lint_next(&rest, &next, next_problem);
		check_word(p, &term, problem, more ? next.written : MF_TEXT(""),
		    &skip);
		if (!more)
			break;
		term = next;
		memcpy(problem, next_problem, sizeof(problem));
	}
	if (p->early.len != 0)
		FIND(p, LINT_NOTE, "order", p->early,
		    "modifiers should be at the end of a record (RFC 7208 6)");
}

/* --- networks --- */

static bool
is_network(const struct spf_term *t)
{
	return t->kind == SPF_TERM_IP4 || t->kind == SPF_TERM_IP6;
}

static struct ip_net
net_of(const struct spf_term *t)
{
	struct spf_ip ip = {.v6 = t->kind == SPF_TERM_IP6};

	memcpy(ip.octets, t->network, ip.v6 ? 16 : 4);
	return ip_net(&ip, ip.v6 ? t->cidr6 : t->cidr4);
}

static bool
is_in(const struct ip_net *net, const struct ip_net *outer)
{
	struct ip_net wider;

	if (outer->ip.v6 != net->ip.v6 || outer->bits > net->bits)
		return false;
	wider = ip_net(&net->ip, outer->bits);
	return memcmp(wider.ip.octets, outer->ip.octets,
		   sizeof(wider.ip.octets)) == 0;
}

/* What no host on the internet has: RFC 6890 and its registries. */
static const struct special_net {
	const char *network, *use;
	bool documentation; /* what examples are written with */
} special_nets[] = {
    {"10.0.0.0/8", "private (RFC 1918)", false},
    {"172.16.0.0/12", "private (RFC 1918)", false},
    {"192.168.0.0/16", "private (RFC 1918)", false},
    {"100.64.0.0/10", "shared within a provider (RFC 6598)", false},
    {"127.0.0.0/8", "loopback", false},
    {"169.254.0.0/16", "link-local", false},
    {"0.0.0.0/8", "this network", false},
    {"192.0.2.0/24", "for documentation (RFC 5737)", true},
    {"198.51.100.0/24", "for documentation (RFC 5737)", true},
    {"203.0.113.0/24", "for documentation (RFC 5737)", true},
    {"198.18.0.0/15", "for benchmarks (RFC 2544)", false},
    {"224.0.0.0/4", "multicast", false},
    {"240.0.0.0/4", "reserved (RFC 1112)", false},
    {"fc00::/7", "unique local (RFC 4193)", false},
    {"fe80::/10", "link-local", false},
    {"::1/128", "loopback", false},
    {"::/128", "unspecified", false},
    {"2001:db8::/32", "for documentation (RFC 3849)", true},
    {"3fff::/20", "for documentation (RFC 9637)", true},
    {"ff00::/8", "multicast", false},
};

static const struct special_net *
special_net(const struct ip_net *net)
{
	for (size_t i = 0; i < sizeof(special_nets) / sizeof(special_nets[0]);
	     i++) {
		struct ip_net outer;

		if (ip_net_parse(mf_text_of(special_nets[i].network), &outer) &&
		    is_in(net, &outer))
			return &special_nets[i];
	}
	return NULL;
}

static bool
is_mapped(const struct ip_net *net)
{
	static const uint8_t mapped[12] = {
	    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

	return net->ip.v6 && net->bits >= 96 &&
	    memcmp(net->ip.octets, mapped, sizeof(mapped)) == 0;
}

static void
check_network(struct record_pass *p, const struct spf_term *t)
{
	struct ip_net net = net_of(t);
	const struct special_net *special = special_net(&net);
	char room[IP_NET_SIZE];

	if (is_mapped(&net)) {
		FIND(p, LINT_WARNING, "mapped", t->written,
		    "an IPv4-mapped address: no client has it (RFC 7208 5)");
		return;
	}
	/* Examples are full of these: once is enough. */
	if (special != NULL && !(special->documentation && p->documentation))
		FIND(p, special->documentation ? LINT_NOTE : LINT_WARNING,
		    "special-use", t->written,
		    "no host on the internet has such an address: %s",
		    special->use);
	p->documentation =
	    p->documentation || (special != NULL && special->documentation);
	if (memcmp(net.ip.octets, t->network, net.ip.v6 ? 16 : 4) != 0) {
		ip_net_print(&net, room);
		FIND(p, LINT_NOTE, "host-bits", t->written,
		    "bits after the prefix length are set, and ignored: "
		    "the network is %s",
		    room);
	}
}

/* Another network of the run has all of the one at i. */
static bool
is_covered(const struct record_pass *p, size_t from, size_t end, size_t i)
{
	struct ip_net net = net_of(&p->terms[i]);

	for (size_t k = from; k < end; k++) {
		struct ip_net other = net_of(&p->terms[k]);

		if (k != i && is_in(&net, &other) &&
		    (other.bits < net.bits || k < i))
			return true;
	}
	return false;
}

static void
put_nets(struct text_out *out, const struct ipset *set)
{
	struct ipset_walk walk = {0};
	struct ip_net net;

	while (ipset_next(set, &walk, &net)) {
		char text[IP_NET_SIZE];

		ip_net_print(&net, text);
		out_str(out, out->len != 0 ? " " : "");
		out_str(out, net.ip.v6 ? "ip6:" : "ip4:");
		out_str(out, text);
	}
	out->p[out->len] = '\0';
}

/* A run of networks of one result; fewer may do for it. */
static void
check_run(struct record_pass *p, size_t from, size_t end)
{
	struct ipset set = ipset_empty(p->terms[from].kind == SPF_TERM_IP6);
	char room[400];
	struct text_out out = text_out(room, sizeof(room) - 1);
	size_t count = 0, fewer;

	for (size_t i = from; i < end; i++) {
		struct ip_net net = net_of(&p->terms[i]);

		ipset_add(&set, &net);
		count += !is_covered(p, from, end, i);
	}
	fewer = ipset_nets(&set);
	put_nets(&out, &set);
	if (fewer < count && out.full)
		FIND(p, LINT_NOTE, "merge", p->terms[from].written,
		    "%zu adjacent networks from here on can be %zu", count,
		    fewer);
	else if (fewer < count)
		FIND(p, LINT_NOTE, "merge", p->terms[from].written,
		    "%zu adjacent networks from here on can be \"%s\"", count,
		    room);
	ipset_clear(&set);
}

static void
check_runs(struct record_pass *p)
{
	for (size_t i = 0, end; i < p->count; i = end) {
		end = i + 1;
		if (!is_network(&p->terms[i]))
			continue;
		while (end < p->count && end - i < EARLIER_MAX &&
		    p->terms[end].kind == p->terms[i].kind &&
		    p->terms[end].result == p->terms[i].result)
			end++;
		check_run(p, i, end);
	}
}

/* --- terms that say the same --- */

/* The names are the same, be it as "a" and "a:own.name". */
static bool
is_same_name(const struct record_pass *p, const struct spf_term *a,
    const struct spf_term *b)
{
	struct mf_text x = a->target.text, y = b->target.text;

	return text_eq_fold(
		   x.len != 0 ? x : p->domain, y.len != 0 ? y : p->domain) ||
	    (x.len != 0 && y.len != 0 && text_eq_fold(x, y));
}

static bool
is_same_term(const struct record_pass *p, const struct spf_term *a,
    const struct spf_term *b)
{
	struct ip_net x, y;

	if (a->kind != b->kind)
		return false;
	if (is_network(a)) {
		x = net_of(a);
		y = net_of(b);
		return x.bits == y.bits &&
		    memcmp(&x.ip.octets, &y.ip.octets, sizeof(x.ip.octets)) ==
		    0;
	}
	return a->cidr4 == b->cidr4 && a->cidr6 == b->cidr6 &&
	    is_same_name(p, a, b);
}

/* An earlier term that says the same, or has all of this one's network. */
static void
check_earlier(struct record_pass *p, size_t at)
{
	const struct spf_term *t = &p->terms[at];

	for (size_t i = at > EARLIER_MAX ? at - EARLIER_MAX : 0; i < at; i++) {
		const struct spf_term *e = &p->terms[i];
		struct ip_net outer, inner;

		if (is_same_term(p, e, t)) {
			FIND(p, LINT_WARNING, "duplicate", t->written,
			    "the same as \"%.*s\" before it%s",
			    (int)e->written.len, e->written.p,
			    e->result != t->result
				? ", with another qualifier: never matches"
				: "");
			return;
		}
		if (e->kind != t->kind || !is_network(t))
			continue;
		outer = net_of(e);
		inner = net_of(t);
		if (is_in(&inner, &outer)) {
			FIND(p, LINT_WARNING, "covered", t->written,
			    "part of \"%.*s\" before it%s", (int)e->written.len,
			    e->written.p,
			    e->result != t->result ? ": never matches" : "");
			return;
		}
	}
}

/* --- mechanisms --- */

static bool
has_macro(struct mf_text value, char letter)
{
	for (size_t i = 0; i + 2 < value.len; i++)
		if (value.p[i] == '%' && value.p[i + 1] == '{' &&
		    ascii_lower(value.p[i + 2]) == letter)
			return true;
	return false;
}

static void
check_mechanism(struct record_pass *p, size_t at)
{
	const struct spf_term *t = &p->terms[at];

	if (p->all != NULL) {
		FIND(p, LINT_WARNING, "after-all", t->written,
		    "after \"%.*s\": never evaluated", (int)p->all->written.len,
		    p->all->written.p);
		return;
	}
	if (t->kind == SPF_TERM_ALL)
		p->all = t;
	if (is_network(t))
		check_network(p, t);
	if (t->kind == SPF_TERM_PTR)
		FIND(p, LINT_WARNING, "ptr", t->written,
		    "ptr is slow and unreliable, and should not be used "
		    "(RFC 7208 5.5)");
	if (has_macro(t->target.text, 'p'))
		FIND(p, LINT_WARNING, "macro-p", t->written,
		    "the macro p is slow and unreliable, and should not be "
		    "used (RFC 7208 7.3)");
	if (t->kind == SPF_TERM_EXISTS && !t->target.macros)
		FIND(p, LINT_WARNING, "exists", t->written,
		    "without a macro this is the same for every client");
	check_earlier(p, at);
}

static bool
is_any_fail(const struct record_pass *p)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->terms[i].result == SPF_FAIL)
			return true;
	return false;
}

/* --- the whole --- */

static void
check_end(struct record_pass *p)
{
	if (p->all != NULL && p->redirect)
		FIND(p, LINT_WARNING, "redirect", MF_TEXT(""),
		    "redirect is ignored, because there is \"%.*s\"",
		    (int)p->all->written.len, p->all->written.p);
	if (p->all == NULL && !p->redirect)
		FIND(p, LINT_WARNING, "no-all", MF_TEXT(""),
		    "neither all nor redirect: hosts that nothing matches are "
		    "neutral, as if there were no record");
	if (p->all != NULL && p->all->result == SPF_NEUTRAL)
		FIND(p, LINT_WARNING, "neutral-all", p->all->written, "%s",
		    p->count == 1 ? "the record says nothing about anybody"
				  : "this says nothing about forged senders");
	if (p->exp && !is_any_fail(p) && (p->all != NULL || !p->redirect))
		FIND(p, LINT_WARNING, "exp-unused", MF_TEXT(""),
		    "exp explains a fail, and nothing here fails");
}

static void
check_length(struct record_pass *p, struct mf_text record)
{
	if (record.len > RECORD_LONG)
		FIND(p, LINT_WARNING, "long", MF_TEXT(""),
		    "the record has %zu octets; with more than %d the answer "
		    "may not fit into a UDP packet (RFC 7208 3.4)",
		    record.len, RECORD_LONG);
	if (record.len > STRING_LONG)
		FIND(p, LINT_NOTE, "strings", MF_TEXT(""),
		    "the record has %zu octets; in a zone file it needs "
		    "several strings of at most %d, which are joined without "
		    "a blank (RFC 7208 3.3)",
		    record.len, STRING_LONG);
}

static void
check_compiled(struct record_pass *p, struct mf_text record)
{
	struct spf_record *compiled = spfquery_must(spf_record_compile(record));
	const char *problem = spf_record_problem(compiled);

	/* What the terms one by one don't show. */
	if (problem != NULL && p->valid)
		FIND(p, p->error, "syntax", MF_TEXT(""), "%s", problem);
	p->terms = spf_record_terms(compiled, &p->count);
	for (size_t i = 0; i < p->count; i++)
		check_mechanism(p, i);
	check_runs(p);
	if (p->valid && problem == NULL)
		check_end(p);
	spf_record_free(compiled);
}

char *
lint_valid_part(struct mf_text record)
{
	struct mf_text rest = text_from(record, sizeof("v=spf1") - 1);
	struct text_out out = {NULL, record.len + 8, 0, false};
	char problem[SPF_TEXT_SIZE];
	struct lint_term t;

	out.p = spfquery_must(malloc(out.size));
	out_str(&out, "v=spf1");
	while (record.len <= SPF_RECORD_MAX && lint_next(&rest, &t, problem)) {
		if (!t.valid)
			continue;
		out_char(&out, ' ');
		out_text(&out, t.written);
	}
	out.p[out.len] = '\0';
	return out.p;
}

void
lint_record(struct lint *lint, struct mf_text domain, struct mf_text record,
    bool is_met)
{
	struct record_pass p = {.lint = lint,
	    .domain = domain,
	    .error = is_met ? LINT_ERROR : LINT_WARNING,
	    .valid = true};

	char *valid;

	/* A longer one is nothing but an error. */
	if (record.len <= SPF_RECORD_MAX)
		check_words(&p, record);
	valid = p.valid ? NULL : lint_valid_part(record);
	check_compiled(&p, valid != NULL ? mf_text_of(valid) : record);
	free(valid);
	check_length(&p, record);
}

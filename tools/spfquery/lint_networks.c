/* SPDX-License-Identifier: ISC */
/*
 * spfquery --lint: the networks of a record.
 */
#include "tools/spfquery/lint.h"

struct net_pass {
	struct lint *lint;
	struct mf_text domain;
	const struct spf_term *terms;
	size_t count;
	bool documentation; /* there is a network of that */
};

#define FIND(pass, level, code, term, ...) \
	lint_find((pass)->lint, level, code, (pass)->domain, term, __VA_ARGS__)

static bool
is_network(const struct spf_term *t)
{
	return t->kind == SPF_TERM_IP4 || t->kind == SPF_TERM_IP6;
}

struct ip_net
lint_net(const struct spf_term *t)
{
	struct spf_ip ip = {.v6 = t->kind == SPF_TERM_IP6};

	memcpy(ip.octets, t->network, ip.v6 ? 16 : 4);
	return ip_net(&ip, ip.v6 ? t->cidr6 : t->cidr4);
}

bool
lint_net_in(const struct ip_net *net, const struct ip_net *outer)
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
		    lint_net_in(net, &outer))
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
check_network(struct net_pass *p, const struct spf_term *t)
{
	struct ip_net net = lint_net(t);
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
is_covered(const struct net_pass *p, size_t from, size_t end, size_t i)
{
	struct ip_net net = lint_net(&p->terms[i]);

	for (size_t k = from; k < end; k++) {
		struct ip_net other = lint_net(&p->terms[k]);

		if (k != i && lint_net_in(&net, &other) &&
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
check_run(struct net_pass *p, size_t from, size_t end)
{
	struct ipset set = ipset_empty(p->terms[from].kind == SPF_TERM_IP6);
	char room[400];
	struct text_out out = text_out(room, sizeof(room) - 1);
	size_t count = 0, fewer;

	for (size_t i = from; i < end; i++) {
		struct ip_net net = lint_net(&p->terms[i]);

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
check_runs(struct net_pass *p)
{
	for (size_t i = 0, end; i < p->count; i = end) {
		end = i + 1;
		if (!is_network(&p->terms[i]))
			continue;
		while (end < p->count && end - i < LINT_EARLIER_MAX &&
		    p->terms[end].kind == p->terms[i].kind &&
		    p->terms[end].result == p->terms[i].result)
			end++;
		check_run(p, i, end);
	}
}

void
lint_networks(struct lint *lint, struct mf_text domain,
    const struct spf_term *terms, size_t count)
{
	struct net_pass p = {
	    .lint = lint, .domain = domain, .terms = terms, .count = count};

	for (size_t i = 0; i < count && terms[i].kind != SPF_TERM_ALL; i++)
		if (is_network(&terms[i]))
			check_network(&p, &terms[i]);
	check_runs(&p);
}

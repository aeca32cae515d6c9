/* SPDX-License-Identifier: ISC */
/*
 * Reading: DNS for the SRS domain and the addresses that mail leaves from.
 */
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "tools/mailfrom/doctor.h"
#include <mailfrom/spf_resolver.h>

#define LOCAL_MAX 64

struct local_addresses {
	struct spf_ip ips[LOCAL_MAX];
	size_t count;
};

/* --- this host's addresses --- */

static bool
ip_eq(const struct spf_ip *a, const struct spf_ip *b)
{
	return a->v6 == b->v6 &&
	    memcmp(a->octets, b->octets, a->v6 ? 16 : 4) == 0;
}

static bool
has_ip(const struct local_addresses *l, const struct spf_ip *ip)
{
	for (size_t i = 0; i < l->count; i++)
		if (ip_eq(&l->ips[i], ip))
			return true;
	return false;
}

static void
add_ip(struct local_addresses *l, const struct spf_ip *ip)
{
	if (l->count < LOCAL_MAX && !has_ip(l, ip))
		l->ips[l->count++] = *ip;
}

static void
add_interfaces(struct local_addresses *l)
{
	struct ifaddrs *all = NULL;

	if (getifaddrs(&all) < 0)
		return;
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next) {
		struct spf_ip ip = {.v6 = false};

		if (i->ifa_addr == NULL)
			continue;
		if (i->ifa_addr->sa_family == AF_INET) {
			struct sockaddr_in in;

			memcpy(&in, i->ifa_addr, sizeof(in));
			memcpy(ip.octets, &in.sin_addr, 4);
		} else if (i->ifa_addr->sa_family == AF_INET6) {
			struct sockaddr_in6 in6;

			memcpy(&in6, i->ifa_addr, sizeof(in6));
			memcpy(ip.octets, &in6.sin6_addr, 16);
			ip.v6 = true;
		} else {
			continue;
		}
		add_ip(l, &ip);
	}
	freeifaddrs(all);
}

/* Addresses of this host behind a translator: Postfix and the gate know them. */
static void
add_configured(struct doctor_facts *f, struct local_addresses *l)
{
	const struct conf_list *list = &f->own.srs.outbound_addresses;
	struct mf_text item, rest = MF_TEXT("");
	struct spf_ip ip;

	for (size_t i = 0; i < list->count; i++)
		if (spf_ip_parse(list->items[i], &ip))
			add_ip(l, &ip);
	if (f->has_postfix)
		rest = site_value(&f->site, "proxy_interfaces");
	while (site_next_item(&rest, &item))
		if (spf_ip_parse(item, &ip))
			add_ip(l, &ip);
}

/* Addresses that other hosts see: no private ones (RFC 1918, 4193, 6598). */
static bool
is_public(const struct spf_ip *ip)
{
	const uint8_t *o = ip->octets;

	if (ip->v6)
		return (o[0] & 0xe0) == 0x20;
	return o[0] != 0 && o[0] != 10 && o[0] != 127 && o[0] < 224 &&
	    !(o[0] == 172 && (o[1] & 0xf0) == 16) &&
	    !(o[0] == 192 && o[1] == 168) && !(o[0] == 169 && o[1] == 254) &&
	    !(o[0] == 100 && (o[1] & 0xc0) == 64);
}

/* --- MX --- */

static void
note_addresses(struct doctor_facts *f, struct spf_resolver *resolver,
    enum spf_rr rr, struct mf_text name, const struct local_addresses *l)
{
	const struct spf_reply *reply = spf_resolver_ask(resolver, rr, name);
	const struct spf_answer *a;
	size_t size = rr == SPF_RR_A ? 4 : 16;

	if (reply == NULL)
		return;
	a = spf_reply_answer(reply);
	for (size_t i = 0; a->status == SPF_DNS_FOUND && i < a->count; i++) {
		struct spf_ip ip = {.v6 = rr == SPF_RR_AAAA};

		memcpy(ip.octets, a->addresses + i * size, size);
		f->dns.leads_here |= has_ip(l, &ip);
	}
	spf_reply_release(reply);
}

static void
read_mx(struct doctor_facts *f, struct spf_resolver *resolver,
    const struct local_addresses *l)
{
	struct dns_facts *d = &f->dns;
	struct mf_text domain = mf_text_of(f->own.srs_domain);
	const struct spf_reply *reply =
	    spf_resolver_ask(resolver, SPF_RR_MX, domain);
	const struct spf_answer *a;

	d->mx_status = SPF_DNS_ERROR;
	if (reply == NULL)
		return;
	a = spf_reply_answer(reply);
	d->mx_status = a->status;
	d->mx_cause = a->cause;
	for (size_t i = 0; a->status == SPF_DNS_FOUND && i < a->count; i++) {
		d->mx_names =
		    arena_printf(f->arena, "%.*s%s%.*s", TEXT_ARGS(d->mx_names),
			i == 0 ? "" : " ", TEXT_ARGS(a->names[i]));
		note_addresses(f, resolver, SPF_RR_A, a->names[i], l);
		note_addresses(f, resolver, SPF_RR_AAAA, a->names[i], l);
	}
	if (a->status == SPF_DNS_VOID) {
		note_addresses(f, resolver, SPF_RR_A, domain, l);
		note_addresses(f, resolver, SPF_RR_AAAA, domain, l);
	}
	spf_reply_release(reply);
}

/* --- SPF and PTR of an address --- */

static const char *
reverse_name(struct doctor_facts *f, const struct spf_ip *ip)
{
	char room[80];
	struct text_out out = text_out(room, sizeof(room));
	static const char digits[] = "0123456789abcdef";

	for (size_t i = ip->v6 ? 16 : 4; i > 0; i--) {
		uint8_t octet = ip->octets[i - 1];

		if (!ip->v6) {
			out_uint(&out, octet);
		} else {
			out_char(&out, digits[octet & 15]);
			out_char(&out, '.');
			out_char(&out, digits[octet >> 4]);
		}
		out_char(&out, '.');
	}
	out_str(&out, ip->v6 ? "ip6.arpa" : "in-addr.arpa");
	return arena_copy(f->arena, out_view(&out)).p;
}

static void
read_ptr(struct doctor_facts *f, struct spf_resolver *resolver,
    struct dns_outbound *o)
{
	struct mf_text name = mf_text_of(reverse_name(f, &o->ip));
	const struct spf_reply *reply =
	    spf_resolver_ask(resolver, SPF_RR_PTR, name);
	const struct local_addresses only = {.ips = {o->ip}, .count = 1};
	const struct spf_answer *a;
	bool leads_here = f->dns.leads_here;

	o->ptr_status = SPF_DNS_ERROR;
	if (reply == NULL)
		return;
	a = spf_reply_answer(reply);
	o->ptr_status = a->status;
	f->dns.leads_here = false;
	for (size_t i = 0; a->status == SPF_DNS_FOUND && i < a->count; i++) {
		if (i == 0)
			o->ptr = arena_copy(f->arena, a->names[i]);
		note_addresses(f, resolver, o->ip.v6 ? SPF_RR_AAAA : SPF_RR_A,
		    a->names[i], &only);
	}
	o->ptr_confirmed = f->dns.leads_here;
	f->dns.leads_here = leads_here;
	spf_reply_release(reply);
}

static void
read_outbound(struct doctor_facts *f, struct spf_resolver *resolver,
    const struct spf_ip *ip)
{
	struct dns_facts *d = &f->dns;
	struct mf_text helo = site_value(&f->site, "myhostname");
	struct dns_outbound *o;

	if (d->outbound_count == DNS_OUTBOUND_MAX)
		return;
	o = &d->outbound[d->outbound_count++];
	o->ip = *ip;
	struct spf_request request = {.ip = *ip,
	    .identity = SPF_MAILFROM,
	    .sender =
		arena_printf(f->arena, "postmaster@%s", f->own.srs_domain),
	    .helo = f->own.srs.helo_name.len != 0 ? f->own.srs.helo_name : helo,
	    .now_sec = f->now_sec};
	spf_resolver_check(
	    resolver, &request, SPF_TIMEOUT_MS_MAX, &o->verdict, NULL);
	read_ptr(f, resolver, o);
}

/* --- all of it --- */

static struct mf_text
name_servers(struct doctor_facts *f)
{
	const struct conf_list *list = &f->own.spf.nameservers;
	struct mf_text joined = MF_TEXT("");

	for (size_t i = 0; i < list->count; i++)
		joined = arena_printf(f->arena, "%.*s%s%.*s", TEXT_ARGS(joined),
		    i == 0 ? "" : ",", TEXT_ARGS(list->items[i]));
	return joined;
}

void
dns_read(struct doctor_facts *f)
{
	struct spf_resolver_params params = SPF_RESOLVER_PARAMS_DEFAULT;
	struct local_addresses here = {.count = 0}, configured = {.count = 0};
	struct mf_text servers = name_servers(f);
	struct spf_resolver *resolver;

	if (f->own.srs_domain[0] == '\0')
		return;
	params.nameservers = servers.len != 0 ? servers.p : NULL;
	if (spf_resolver_new(&params, &resolver) != SPF_RESOLVER_OK)
		return;
	f->dns.was_asked = true;
	add_interfaces(&here);
	add_configured(f, &configured);
	f->dns.is_configured = f->own.srs.outbound_addresses.count != 0;
	for (size_t i = 0; i < configured.count; i++)
		add_ip(&here, &configured.ips[i]);
	read_mx(f, resolver, &here);
	if (!f->dns.is_configured)
		configured = here;
	for (size_t i = 0; i < configured.count; i++)
		if (f->dns.is_configured || is_public(&configured.ips[i]))
			read_outbound(f, resolver, &configured.ips[i]);
	spf_resolver_free(resolver);
}

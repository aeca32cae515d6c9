/* SPDX-License-Identifier: ISC */
#include "libspf-dns/nameservers.h"

#include "common/text.h"

#include <net/if.h>
#include <netinet/in.h>

#define DOMAIN_PORT 53

_Static_assert(NAMESERVER_SCOPE_SIZE == IF_NAMESIZE, "an interface's name");

/* Copy the text after the "%" of *t, if there is one, to scope. */
static bool
cut_scope(struct mf_text *t, char scope[static NAMESERVER_SCOPE_SIZE])
{
	size_t at = text_find(*t, '%');
	struct mf_text name;

	if (at == t->len)
		return true;
	name = text_from(*t, at + 1);
	if (name.len == 0 || name.len >= NAMESERVER_SCOPE_SIZE ||
	    scope[0] != '\0' || !text_is_printable(name) ||
	    text_find(name, '%') != name.len)
		return false;
	memcpy(scope, name.p, name.len);
	scope[name.len] = '\0';
	*t = text_head(*t, at);
	return true;
}

/*
 * The IP of "IP", "IP:PORT" or "[IP6]:PORT" goes to *ip, PORT stays in *rest.
 */
static bool
cut_port(struct mf_text *rest, struct mf_text *ip)
{
	if (rest->len != 0 && rest->p[0] == '[') {
		*rest = text_from(*rest, 1);
		if (!text_cut(rest, ']', ip))
			return false;
		if (rest->len == 0)
			return true;
		*rest = text_from(*rest, 1);
		return rest->p[-1] == ':' && rest->len != 0;
	}
	struct mf_text whole = *rest;
	if (text_cut(rest, ':', ip) && text_find(*rest, ':') == rest->len)
		return rest->len != 0;
	*ip = whole;
	*rest = MF_TEXT("");
	return true;
}

static bool
server_read(struct mf_text text, struct nameserver *out)
{
	struct mf_text ip;
	uint64_t port = DOMAIN_PORT;

	*out = (struct nameserver){.port = 0};
	text = text_trim(text);
	/* The scope may come last; within brackets it is behind the address. */
	if (text.len != 0 && text.p[0] == '[') {
		size_t inner = text_find(text, ']');
		struct mf_text behind = text_from(text, inner);

		if (!cut_scope(&behind, out->scope))
			return false;
		text.len = inner + behind.len;
	}
	if (!cut_port(&text, &ip) || !cut_scope(&ip, out->scope) ||
	    !spf_ip_parse(ip, &out->ip) ||
	    (out->scope[0] != '\0' && !out->ip.v6) ||
	    (text.len != 0 && (!text_uint(text, 65535, &port) || port == 0)))
		return false;
	out->port = (unsigned)port;
	return true;
}

size_t
nameservers_read_(
    struct mf_text list, struct nameserver out[static SPF_NAMESERVERS_MAX])
{
	size_t count = 0;
	struct mf_text one;
	bool more;

	do {
		more = text_cut(&list, ',', &one);
		if (count == SPF_NAMESERVERS_MAX ||
		    !server_read(more ? one : list, &out[count]))
			return 0;
		count++;
	} while (more);
	return count;
}

size_t
nameservers_read_some_(
    struct mf_text list, struct nameserver out[static SPF_NAMESERVERS_MAX])
{
	size_t count = 0;
	struct mf_text one;
	bool more;

	do {
		more = text_cut(&list, ',', &one);
		if (server_read(more ? one : list, &out[count]))
			count++;
	} while (more && count < SPF_NAMESERVERS_MAX);
	return count;
}

bool
spf_nameservers_ok(struct mf_text list)
{
	struct nameserver servers[SPF_NAMESERVERS_MAX];

	return nameservers_read_(list, servers) != 0;
}

bool
nameserver_eq_(const struct nameserver *a, const struct nameserver *b)
{
	return a->ip.v6 == b->ip.v6 && a->port == b->port &&
	    memcmp(a->ip.octets, b->ip.octets, a->ip.v6 ? 16 : 4) == 0 &&
	    strcmp(a->scope, b->scope) == 0;
}

static uint32_t
scope_id(const char *scope)
{
	uint64_t number;

	if (text_uint(mf_text_of(scope), UINT32_MAX, &number))
		return (uint32_t)number;
	return scope[0] != '\0' ? if_nametoindex(scope) : 0;
}

size_t
nameserver_print_(
    const struct nameserver *server, char out[static SPF_SERVER_SIZE])
{
	struct text_out o = text_out(out, SPF_SERVER_SIZE - 1);
	char ip[SPF_IP_SIZE];
	struct mf_text address = mf_text_at(ip, spf_ip_print(&server->ip, ip));

	out_str(&o, server->ip.v6 ? "[" : "");
	out_text(&o, address);
	out_str(&o, server->scope[0] != '\0' ? "%" : "");
	out_str(&o, server->scope);
	out_str(&o, server->ip.v6 ? "]:" : ":");
	out_uint(&o, server->port);
	out[o.len] = '\0';
	return o.len;
}

socklen_t
nameserver_address_(const struct nameserver *s, struct sockaddr_storage *out)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (s->ip.v6) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons((uint16_t)s->port);
		in6->sin6_scope_id = scope_id(s->scope);
		memcpy(&in6->sin6_addr, s->ip.octets, 16);
		return sizeof(*in6);
	}
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)s->port);
	memcpy(&in->sin_addr, s->ip.octets, 4);
	return sizeof(*in);
}

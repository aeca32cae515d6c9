/* SPDX-License-Identifier: ISC */
#include "libspf-dns/nameservers.h"

#include "common/text.h"

#define DOMAIN_PORT 53

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

	text = text_trim(text);
	if (!cut_port(&text, &ip) || !spf_ip_parse(ip, &out->ip) ||
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

bool
spf_nameservers_ok(struct mf_text list)
{
	struct nameserver servers[SPF_NAMESERVERS_MAX];

	return nameservers_read_(list, servers) != 0;
}

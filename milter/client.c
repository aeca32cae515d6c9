/* SPDX-License-Identifier: ISC */
#include "milter/client.h"

#include "common/text.h"

#include <arpa/inet.h>
#include <netinet/in.h>

bool
client_is_loopback(const struct spf_ip *ip)
{
	static const uint8_t loopback6[16] = {[15] = 1};

	return ip->v6 ? memcmp(ip->octets, loopback6, 16) == 0
		      : ip->octets[0] == 127;
}

static bool
read_ip(const struct sockaddr *address, struct spf_ip *out)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	char text[INET6_ADDRSTRLEN];

	if (address->sa_family == AF_INET) {
		*out = (struct spf_ip){.v6 = false};
		memcpy(out->octets, &in->sin_addr, sizeof(in->sin_addr));
		return true;
	}
	/* By way of text, which turns mapped IPv4 into IPv4 in one place. */
	return address->sa_family == AF_INET6 &&
	    inet_ntop(AF_INET6, &in6->sin6_addr, text, sizeof(text)) != NULL &&
	    spf_ip_parse(mf_text_of(text), out);
}

static in_port_t
port_of(const struct sockaddr *address)
{
	return address->sa_family == AF_INET
	    ? ((const struct sockaddr_in *)address)->sin_port
	    : ((const struct sockaddr_in6 *)address)->sin6_port;
}

void
client_read(const struct sockaddr *address, struct mf_text *name,
    struct client_address *out)
{
	*out = (struct client_address){.has_ip = false};
	if (address != NULL && read_ip(address, &out->ip)) {
		out->has_ip = true;
		spf_ip_print(&out->ip, out->text);
		out->is_process =
		    port_of(address) == 0 && client_is_loopback(&out->ip);
		return;
	}
	out->is_process = (address != NULL && address->sa_family == AF_UNIX) ||
	    text_eq_fold(*name, MF_TEXT("localhost"));
	if (!out->is_process)
		*name = MF_TEXT("");
}

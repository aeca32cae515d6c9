/* SPDX-License-Identifier: ISC */
#include "milter/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static bool
is_loopback(const struct spf_ip *ip)
{
	static const uint8_t loopback6[16] = {[15] = 1};

	return ip->v6 ? memcmp(ip->octets, loopback6, 16) == 0
		      : ip->octets[0] == 127;
}

void
client_read_address(const struct sockaddr *address, struct client_address *out)
{
	char text[INET6_ADDRSTRLEN];
	const void *octets = NULL;
	in_port_t port = 0;
	int family = address != NULL ? address->sa_family : AF_UNSPEC;

	*out = (struct client_address){.is_process = true};
	if (family == AF_INET) {
		octets = &((const struct sockaddr_in *)address)->sin_addr;
		port = ((const struct sockaddr_in *)address)->sin_port;
	} else if (family == AF_INET6) {
		octets = &((const struct sockaddr_in6 *)address)->sin6_addr;
		port = ((const struct sockaddr_in6 *)address)->sin6_port;
	}
	/* By way of text, which turns mapped IPv4 into IPv4 in one place. */
	if (octets == NULL ||
	    inet_ntop(family, octets, text, sizeof(text)) == NULL ||
	    !spf_ip_parse(text_of(text), &out->ip))
		return;
	out->has_ip = true;
	spf_ip_print(&out->ip, out->text);
	out->is_process = port == 0 && is_loopback(&out->ip);
}

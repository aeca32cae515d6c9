/* SPDX-License-Identifier: ISC */
/*
 * Lists of hosts, asked about an SMTP client.
 *
 *	192.0.2.1  2001:db8::1		that address
 *	192.0.2.0/24  2001:db8::/32	that network
 *	192.168.0.*  2001:db8:*		a pattern over the address as text
 *	mail.example.com		that host name
 *	.example.com  *.example.com	every host name below it
 *	mx?.*.example.com		a pattern over the host name
 *
 * "*" stands for any octets, none among them, "?" for one.  "*" alone is every
 * client that has an address.  An address may also stand in brackets, and have
 * "IPv6:" before it, as in a domain literal.
 */
#ifndef MAILFROM_MILTER_HOSTS_H
#define MAILFROM_MILTER_HOSTS_H

#include "common/conf.h"
#include <mailfrom/spf.h>

enum hosts_kind {
	HOSTS_NETWORK,   /* ip and prefix_len; an address is a network of one */
	HOSTS_IP_GLOB,   /* pattern over the address */
	HOSTS_NAME_GLOB, /* pattern over the name */
	HOSTS_NAME       /* the name, or with a dot before it those below it */
};

struct hosts_item {
	enum hosts_kind kind;
	struct spf_ip ip; /* no bit beyond prefix_len is set */
	unsigned prefix_len;
	struct mf_text pattern; /* views the conf; no dot at the end */
};

struct hosts {
	struct hosts_item *items; /* networks first, sorted, none in another */
	size_t count;
	size_t networks; /* of count */
};

/*
 * Make ready what a list in the configuration says; the conf must outlive it.
 * False, and errors with file, line and key reported, if items are none of the
 * above, or out of memory.  hosts_free() is due either way.  Bits set beyond a
 * prefix are a warning.  IPv4-mapped IPv6 addresses are IPv4, and so are
 * networks of them, ::ffff:0:0/96 and longer.
 */
bool hosts_build(struct hosts *out, const struct conf_list *items,
    const char *file, unsigned line, const char *key, struct report *report);
void hosts_free(struct hosts *hosts);

/*
 * Whether the client is in the list.  ip NULL: it has none, or none that is
 * known.  name: its host name if that is verified, else empty; a client from a
 * loopback address is "localhost" then.  ASCII case and a dot at the end don't
 * matter.
 */
bool hosts_has(
    const struct hosts *hosts, const struct spf_ip *ip, struct mf_text name);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * Lists of hosts, asked about an SMTP client.
 *
 *	192.0.2.1  2001:db8::1		that address
 *	192.0.2.0/24  2001:db8::/32	that network
 *	192.168.0.*			a pattern over the address as text
 *	mail.example.com		that host name
 *	.example.com  *.example.com	every host name below it
 */
#ifndef MAILFROM_MILTER_HOSTS_H
#define MAILFROM_MILTER_HOSTS_H

#include "common/conf.h"
#include "libspf/spf.h"

struct hosts_item {
	enum { HOSTS_NETWORK, HOSTS_GLOB, HOSTS_NAME } kind;
	struct spf_ip ip; /* HOSTS_NETWORK */
	unsigned prefix_len;
	struct text pattern; /* HOSTS_GLOB, HOSTS_NAME: views the conf */
};

struct hosts {
	struct hosts_item *items;
	size_t count;
};

/*
 * Make ready what a list in the configuration says; the conf must outlive it.
 * False, and an error with file, line and key reported, if an item is none of
 * the above, or out of memory.  hosts_free() is due either way.
 */
bool hosts_build(struct hosts *out, const struct conf_list *items,
    const char *file, unsigned line, const char *key, struct report *report);
void hosts_free(struct hosts *hosts);

/*
 * Whether the client is in the list.  ip NULL: it has none (a local process).
 * name: its host name if that is verified, else empty.  ASCII case and a dot at
 * the end don't matter.
 */
bool hosts_has(
    const struct hosts *hosts, const struct spf_ip *ip, struct text name);

#endif

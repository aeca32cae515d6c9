/* SPDX-License-Identifier: ISC */
/*
 * Lists of hosts, asked about an SMTP client; common/network.h has what an item
 * can be.
 */
#ifndef MAILFROM_MILTER_HOSTS_H
#define MAILFROM_MILTER_HOSTS_H

#include "common/conf.h"
#include "common/network.h"
#include <mailfrom/spf.h>

struct hosts {
	/* Those of IPs first, sorted, none in another; patterns view the conf. */
	struct network *items;
	size_t count;
	size_t networks; /* of count */
};

/*
 * Make ready what a list in the configuration says; the conf must outlive it.
 * False, and errors with file, line and key reported, if items are none, or out
 * of memory.  hosts_free() is due either way.  Bits set beyond a
 * prefix are a warning.
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

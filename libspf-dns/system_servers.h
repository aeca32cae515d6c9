/* SPDX-License-Identifier: ISC */
/*
 * The name servers that this system asks, as c-ares reads them: its .c is the
 * only file that includes <ares.h>.
 */
#ifndef MAILFROM_LIBSPF_DNS_SYSTEM_SERVERS_H
#define MAILFROM_LIBSPF_DNS_SYSTEM_SERVERS_H

#include "libspf-dns/nameservers.h"

/* What "options timeout:N" and "attempts:N" may be, as for libc. */
#define SYSTEM_TIMEOUT_SEC_MAX 30
#define SYSTEM_ATTEMPTS_MAX    5

struct system_servers {
	struct nameserver all[SPF_NAMESERVERS_MAX];
	size_t count;
	/* Of "options"; 0: nothing is said. */
	bool rotate; /* each question begins with another one */
	unsigned timeout_sec, attempts;
};

/*
 * Read them; it takes some 20 microseconds.  Entries that can't be understood,
 * or are too many, are left out.  False: c-ares can't be used, or it is short
 * of memory.
 */
bool system_servers_read_(struct system_servers *out);

#endif

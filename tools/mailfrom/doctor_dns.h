/* SPDX-License-Identifier: ISC */
/*
 * What DNS says of the SRS domain and of the addresses that mail leaves from.
 */
#ifndef MAILFROM_TOOLS_MAILFROM_DOCTOR_DNS_H
#define MAILFROM_TOOLS_MAILFROM_DOCTOR_DNS_H

#include <mailfrom/spf.h>

#define DNS_OUTBOUND_MAX 16

/* An address that mail leaves from. */
struct dns_outbound {
	struct spf_ip ip;
	struct spf_verdict verdict; /* of a sender in the SRS domain */
	enum spf_dns_status ptr_status;
	struct mf_text ptr; /* its first name */
	bool ptr_confirmed; /* one of its names has that address */
};

struct dns_facts {
	bool was_asked;
	/* Of the SRS domain: its MX, or the addresses of the domain itself. */
	enum spf_dns_status mx_status;
	enum spf_cause mx_cause;
	struct mf_text mx_names;
	bool leads_here; /* one of their addresses is this host's */
	struct dns_outbound outbound[DNS_OUTBOUND_MAX];
	size_t outbound_count;
	bool is_configured; /* by outbound_addresses; else the interfaces' */
};

struct doctor_facts;

void dns_read(struct doctor_facts *facts);

#endif

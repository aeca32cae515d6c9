/* SPDX-License-Identifier: ISC */
/*
 * An address taken apart and put together, for SRS and SES alike.
 */
#ifndef MAILFROM_LIBSRS_MAILBOX__H
#define MAILFROM_LIBSRS_MAILBOX__H

#include "common/text.h"
#include <mailfrom/srs.h>

struct mailbox_ {
	struct mf_text local; /* without the quotes, if quoted */
	struct mf_text domain;
	bool quoted;
};

/*
 * Cut address at its last "@".  SRS_OK; SRS_BAD_SYNTAX: too long, no "@", no
 * usable domain, or octets that would break out of an SMTP path.  The views
 * point into address.
 */
enum srs_status mailbox_parse_(struct mf_text address, struct mailbox_ *out);

/* True if t can stand as a domain, and between "=" in a local part. */
bool mailbox_domain_ok_(struct mf_text t);

/* The same for a domain that is written, not found: without blanks. */
bool mailbox_own_domain_ok_(struct mf_text t);

/* What follows the last "@" of t, or all of t. */
struct mf_text mailbox_domain_of_(struct mf_text t);

/*
 * Writing: begin, the parts of the local part by out_*(), then end, which adds
 * the domain and checks the limits.  SRS_OK, or SRS_NO_SPACE with *addr "".
 */
struct text_out mailbox_begin_(struct srs_addr *addr, bool quoted);
enum srs_status mailbox_end_(struct srs_addr *addr, struct text_out *out,
    bool quoted, struct mf_text domain);

#endif
